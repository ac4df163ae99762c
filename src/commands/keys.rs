//! The keys of a profile, made ready: read from PEM, or found on a token that was shown its PIN.

use super::error::Error;
use super::world::World;
use crate::pki::Identity;
use crate::secret::Secret;
use crate::token::{Asks, Token, TokenError, TokenUri, Tries};
use crate::vault::{Keys, SignIn};

/// Where one certificate and its key are.
#[derive(Clone, Copy)]
struct Place<'a> {
    certificate: Option<&'a str>,
    key: Option<&'a Secret<String>>,
    token: Option<&'a str>,
    pin: Option<&'a Secret<String>>,
    pin_command: Option<&'a str>,
    /// The settings that answer instead of somebody who types.
    otherwise: &'static str,
}

/// The identity that signs and opens messages.
pub fn identity_of(profile: &str, keys: &Keys, world: &World<'_>) -> Result<Identity, Error> {
    let place = Place {
        certificate: keys.certificate.as_deref(),
        key: keys.key.as_ref(),
        token: keys.token.as_deref(),
        pin: keys.pin.as_ref(),
        pin_command: keys.pin_command.as_deref(),
        otherwise: "keys.pin or keys.pin-command",
    };
    identity_at(profile, place, world)
}

/// The identity for TLS, where it is not that of the messages.
pub(super) fn signin_identity_of(profile: &str, signin: &SignIn, world: &World<'_>) -> Result<Option<Identity>, Error> {
    let place = Place {
        certificate: signin.certificate.as_deref(),
        key: signin.key.as_ref(),
        token: signin.token.as_deref(),
        pin: signin.pin.as_ref(),
        pin_command: signin.pin_command.as_deref(),
        otherwise: "signin.pin or signin.pin-command",
    };
    if place.token.is_none() && (place.certificate.is_none() || place.key.is_none()) {
        return Ok(None);
    }
    identity_at(profile, place, world).map(Some)
}

fn identity_at(profile: &str, place: Place<'_>, world: &World<'_>) -> Result<Identity, Error> {
    if let Some(uri) = place.token {
        return on_token(uri, place, world)
            .map_err(|error| error.unwrap_or_else(|source| Error::Token { profile: profile.to_owned(), source }));
    }
    // The vault refuses keys that lack one of them.
    let pair = place.certificate.zip(place.key);
    let (certificate, key) = pair.ok_or_else(|| Error::NoKeys { profile: profile.to_owned() })?;
    Identity::from_pem(certificate.as_bytes(), key.expose().as_bytes())
        .map_err(|source| Error::Keys { profile: profile.to_owned(), source })
}

/// A failure of who was asked for the PIN, or of the token.
type Failure = Result<Error, TokenError>;

fn on_token(uri: &str, place: Place<'_>, world: &World<'_>) -> Result<Identity, Failure> {
    let uri: TokenUri = uri.parse().map_err(|error| Err(TokenError::Uri(error)))?;
    let token = Token::find(&uri).map_err(Err)?;
    let pin = match token.asks() {
        Asks::Nothing => None,
        Asks::Pad => {
            world.warn(format!("type the PIN of {} on its reader", token.label()));
            None
        }
        Asks::Pin => Some(pin(&token, place, world)?),
    };
    token.identity(place.certificate, pin.as_ref()).map_err(Err)
}

fn pin(token: &Token, place: Place<'_>, world: &World<'_>) -> Result<Secret<String>, Failure> {
    let kept = place.pin.is_some() || place.pin_command.is_some();
    if kept && token.last_try() {
        // A PIN that is kept may be the very one that was wrong before. Who types it sees that it is the last try.
        return Err(Err(TokenError::LastTry));
    }
    match (place.pin, place.pin_command) {
        (Some(pin), _) => Ok(pin.clone()),
        (None, Some(command)) => (world.output_of)(command).map_err(|why| Ok(Error::PinCommand { why })),
        (None, None) => {
            let left = match token.tries() {
                Tries::One => " (last try before it locks)",
                Tries::Few => " (a wrong one was shown before: few tries are left)",
                Tries::Untold => "",
            };
            let question = format!("PIN of the token {}{left}", token.label());
            world.prompt.secret(&question, place.otherwise).map_err(|error| Ok(Error::Prompt(error)))
        }
    }
}
