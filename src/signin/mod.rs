//! How a session proves who it is: password and one-time code, client certificate, access token.

mod answer;
mod kept;
mod provider;
mod token;
mod waiting;

use std::fmt;
use std::time::Duration;

pub use kept::{Kept, KeptError};
pub use provider::{Client, Flow, Provider, ProviderError};
pub use token::{Held, Source, Tokens};

use crate::clock::Clock;
use crate::net::{Authzid, Credential, CredentialError, HttpClient, PasswordBy};
use crate::secret::{Prompt, PromptError, Secret, Totp, TotpError};

/// How one mailbox signs in, at its submission server and at its mailbox server alike.
pub enum Method {
    /// Password, by SCRAM-SHA-256 (RFC 7677) or PLAIN (RFC 4616).
    Password {
        /// The name to sign in with, mostly the address.
        user: String,
        /// Asked for where it is absent.
        password: Option<Secret<String>>,
        /// The mechanisms it may be shown by.
        by: PasswordBy,
    },
    /// Password and one-time code (RFC 6238). SCRAM proves a password that both sides know beforehand, which none with a code
    /// in it is: it is shown by PLAIN.
    PasswordTotp {
        /// The name to sign in with, mostly the address.
        user: String,
        /// Asked for where it is absent.
        password: Option<Secret<String>>,
        /// The seed of the codes, in base32; a code is asked for where it is absent.
        seed: Option<Secret<String>>,
        /// Where the code stands.
        placement: Placement,
        /// Which codes were shown in this run.
        shown: ShownCodes,
    },
    /// The certificate of the TLS handshake, by SASL EXTERNAL (RFC 4422, appendix A).
    Certificate {
        /// Whom to act as.
        authzid: Authzid,
        /// Whether the certificate alone will do where the server does not offer EXTERNAL.
        optional: bool,
    },
    /// The certificate of the TLS handshake, and nothing is said.
    CertificateAlone,
    /// An access token (RFC 6750), by XOAUTH2 or OAUTHBEARER (RFC 7628).
    Token(Tokens),
}

/// Which codes were shown in this run: a server may take each of them once (RFC 6238, section 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShownCodes {
    /// The step of the last one, where it was made here.
    step: Option<u64>,
    repeated: bool,
}

impl ShownCodes {
    fn show(&mut self, step: u64) {
        self.repeated = self.step == Some(step);
        self.step = Some(step);
    }

    /// How long it takes until there is another code, where the last one was shown twice: a server that had taken it before
    /// refuses it for that alone. Never where the clock stands still.
    pub fn until_next(&self, clock: Clock) -> Option<Duration> {
        let step = self.step.filter(|_| self.repeated && clock == Clock::System)?;
        let next = (step + 1) * STEP;
        Some(Duration::from_secs(next.saturating_sub(clock.unix_seconds()).min(STEP)))
    }
}

/// Seconds that a code lives.
const STEP: u64 = 30;

/// Where the one-time code stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// After the password.
    #[default]
    Appended,
    /// Before the password.
    Prefixed,
    /// In an answer of its own, to a second challenge of the server.
    SecondPrompt,
}

/// Why there is nothing to sign in with.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Nobody answered.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The seed of the one-time codes gives none.
    #[error("no one-time code can be made")]
    Totp(#[from] TotpError),
    /// A user name, password, identity or token that SASL cannot carry.
    #[error("this cannot be signed in with")]
    Credential(#[from] CredentialError),
    /// The command of the profile gave no access token.
    #[error("the token command gave no access token: {why}")]
    TokenCommand { why: String },
    /// The server refused an access token that cannot be had anew from here.
    #[error("the access token has expired or was refused, and no other can be had from where it came")]
    TokenSpent,
    /// The provider of tokens.
    #[error("no access token was given")]
    Provider(#[from] ProviderError),
    /// What is kept of an earlier sign-in.
    #[error("what is kept of the last sign-in cannot be used")]
    Kept(#[from] KeptError),
}

/// What signing in needs from outside.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The time.
    pub clock: Clock,
    /// Somebody to ask.
    pub prompt: &'a dyn Prompt,
    /// The first line that a command prints; or why there is none.
    pub output_of: fn(&str) -> Result<Secret<String>, String>,
    /// The way to the provider of tokens; without, only what is at hand is used.
    pub http: Option<&'a HttpClient>,
    /// Tells what is to be done somewhere else, on a telephone or in a browser, to let this go on.
    pub announce: &'a dyn Fn(&str) -> Result<(), PromptError>,
    /// Waits; false where the user asked to stop.
    pub wait: &'a dyn Fn(Duration) -> bool,
}

/// What to show for one session, with the one-time code of this moment, or an access token that has not expired.
///
/// Make it right before the session is opened: a code is good for half a minute. A password that was asked for stays in
/// `method`, so that it is asked for once in a run; a code does not.
///
/// # Errors
/// Nobody to ask, a seed that is none, a text that SASL cannot carry, or no token to be had.
pub fn credential(method: &mut Method, means: Means<'_>) -> Result<Credential, SignInError> {
    match method {
        Method::Password { user, password, by } => {
            let password = password_of(user, password, means.prompt)?;
            Ok(Credential::password(user, password.clone(), *by)?)
        }
        Method::PasswordTotp { user, password, seed, placement, shown } => {
            let password = password_of(user, password, means.prompt)?;
            let code = match seed {
                Some(seed) => {
                    let now = means.clock.unix_seconds();
                    shown.show(now / STEP);
                    Totp::from_base32(seed)?.code(now)
                }
                None => means.prompt.secret(&format!("one-time code for {user}"), "signin.totp-seed")?,
            };
            let (text, code) = (password.expose().as_str(), code.expose().trim());
            match placement {
                Placement::Appended => Ok(Credential::plain(user, Secret::new([text, code].concat()))?),
                Placement::Prefixed => Ok(Credential::plain(user, Secret::new([code, text].concat()))?),
                Placement::SecondPrompt => {
                    let code = Secret::new(code.to_owned());
                    Ok(Credential::password_then_code(user, password.clone(), code)?)
                }
            }
        }
        Method::Certificate { authzid, optional: true } => Ok(Credential::external_where_offered(authzid.clone())?),
        Method::Certificate { authzid, optional: false } => Ok(Credential::external(authzid.clone())?),
        Method::CertificateAlone => Ok(Credential::nothing()),
        Method::Token(tokens) => tokens.credential(means),
    }
}

/// The password, asked for once.
fn password_of<'a>(
    user: &str,
    known: &'a mut Option<Secret<String>>,
    prompt: &dyn Prompt,
) -> Result<&'a Secret<String>, PromptError> {
    if known.is_none() {
        *known = Some(prompt.secret(&format!("password for {user}"), "signin.password")?);
    }
    Ok(known.get_or_insert_default())
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Password { .. } => "Method::Password",
            Method::PasswordTotp { .. } => "Method::PasswordTotp",
            Method::Certificate { .. } => "Method::Certificate",
            Method::CertificateAlone => "Method::CertificateAlone",
            Method::Token(_) => "Method::Token",
        })
    }
}

#[cfg(test)]
mod provider_tests;
#[cfg(test)]
mod tests;
