//! The keys of a profile, made ready: read from PEM, or found on a token that was shown its PIN.

use super::account::World;
use super::error::Error;
use crate::pki::Identity;
use crate::secret::Secret;
use crate::token::{Asks, Token, TokenError, TokenUri};
use crate::vault::Keys;

/// The identity that the keys of a profile make.
pub fn identity_of(profile: &str, keys: &Keys, world: &World<'_>) -> Result<Identity, Error> {
    if let Some(uri) = &keys.token {
        return on_token(uri, keys, world)
            .map_err(|error| error.unwrap_or_else(|source| Error::Token { profile: profile.to_owned(), source }));
    }
    // The vault refuses keys that lack one of them.
    let pair = keys.certificate.as_deref().zip(keys.key.as_ref());
    let (certificate, key) = pair.ok_or_else(|| Error::NoKeys { profile: profile.to_owned() })?;
    Identity::from_pem(certificate.as_bytes(), key.expose().as_bytes())
        .map_err(|source| Error::Keys { profile: profile.to_owned(), source })
}

/// A failure of the token, or of who was asked for its PIN.
type Failure = Result<Error, TokenError>;

fn on_token(uri: &str, keys: &Keys, world: &World<'_>) -> Result<Identity, Failure> {
    let uri: TokenUri = uri.parse().map_err(|error| Err(TokenError::Uri(error)))?;
    let token = Token::find(&uri).map_err(Err)?;
    let pin = match token.asks() {
        Asks::Nothing => None,
        Asks::Pad => {
            world.warn(format!("type the PIN of {} on its reader", token.label()));
            None
        }
        Asks::Pin => Some(pin(&token, keys, world)?),
    };
    token.identity(keys.certificate.as_deref(), pin.as_ref()).map_err(Err)
}

fn pin(token: &Token, keys: &Keys, world: &World<'_>) -> Result<Secret<String>, Failure> {
    let kept = keys.pin.is_some() || keys.pin_command.is_some();
    if kept && token.last_try() {
        // A PIN that is kept may be the very one that was wrong before. Who types it sees that it is the last try.
        return Err(Err(TokenError::LastTry));
    }
    match (&keys.pin, &keys.pin_command) {
        (Some(pin), _) => Ok(pin.clone()),
        (None, Some(command)) => (world.output_of)(command).map_err(|why| Ok(Error::PinCommand { why })),
        (None, None) => {
            let last = if token.last_try() { " (last try before it locks)" } else { "" };
            let question = format!("PIN of the token {}{last}", token.label());
            world.prompt.secret(&question, "keys.pin or keys.pin-command").map_err(|error| Ok(Error::Prompt(error)))
        }
    }
}
