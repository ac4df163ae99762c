//! `signin`: what is kept of the consent to sign in, giving it beforehand, and taking it back.

use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use crate::signin::{Method, SignInError};
use crate::trace::{Action, Answer, Outcome};

/// How a profile signs in, and what is kept of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    schema: &'static str,
    pub profile: String,
    pub address: String,
    /// `password`, `password-totp`, `certificate` or `token`.
    pub method: String,
    /// Whether a refresh token is kept on this machine.
    pub kept: bool,
    /// Until when the provider takes it (RFC 3339), where it says so.
    pub kept_until: Option<String>,
    /// The last sign-in to one of the mail servers (RFC 3339), as the trace has it.
    pub last_sign_in: Option<String>,
    /// After `logout`: whether the provider was told, and took it back.
    pub revoked: Option<bool>,
}

/// What is kept. Nobody is asked.
pub fn status(account: &Account<'_>) -> Result<Line, Error> {
    line(account, None)
}

/// Asks for the consent of a person, if there is none yet, whether or not there is a terminal.
pub fn start(account: &Account<'_>) -> Result<Line, Error> {
    account.starts.set(true);
    let request = format!("consent to sign in, {}", account.profile.signin.method.word());
    account.traced(Action::Probe, &request, || account.credential(), |_| ("given".to_owned(), None))?;
    line(account, None)
}

/// Erases what is kept, and has the provider forget it.
pub fn logout(account: &Account<'_>) -> Result<Line, Error> {
    account.method()?;
    let entry = account.begin(Action::Erase, "refresh token", None, &[])?;
    let http = account.provider_http();
    let erased = match &mut *account.method()? {
        Method::Token(tokens) => tokens.sign_out(http.as_ref().ok()).map_err(Error::from),
        _ => Ok(false),
    };
    let revoked = http.and(erased);
    let (outcome, text) = match &revoked {
        Ok(true) => (Outcome::Done, "erased, and given back"),
        Ok(false) => (Outcome::Done, "erased"),
        Err(error) if is_kept_still(error) => (Outcome::Failed, "not erased"),
        Err(_) => (Outcome::Done, "erased; the provider was not told"),
    };
    account.end(entry, &Answer::new(outcome, text))?;
    line(account, Some(revoked?))
}

/// Whether it is what is kept that could not be erased.
fn is_kept_still(error: &Error) -> bool {
    matches!(error, Error::SignIn(SignInError::Kept(_)))
}

fn line(account: &Account<'_>, revoked: Option<bool>) -> Result<Line, Error> {
    let held = match &*account.method()? {
        Method::Token(tokens) => tokens.held()?,
        _ => None,
    };
    Ok(Line {
        schema: "mss.signin/1",
        profile: account.name.to_owned(),
        address: account.address().to_string(),
        method: account.profile.signin.method.word().to_owned(),
        kept: held.is_some(),
        kept_until: held.and_then(|held| held.until).map(|until| until.to_string()),
        last_sign_in: account.last_sign_in()?.map(|at| at.to_string()),
        revoked,
    })
}
