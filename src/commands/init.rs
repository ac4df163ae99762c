//! `init`: a profile is tried on the servers it names before it is written.

use super::account::Account;
use super::error::Error;
use super::{fetch, submission};
use crate::directory::Directory;
use crate::trace::{Action, Answer, Outcome};

/// What the servers answered.
#[derive(Debug)]
pub struct Probe {
    /// Whether the signed list names the domain of the mailbox.
    pub admitted: bool,
    /// Whether the directory knows the mailbox.
    pub listed: bool,
}

/// Reaches every server of a profile and signs in to both mail servers. Nothing is kept of it.
pub fn probe(account: &Account<'_>) -> Result<Probe, Error> {
    let list = account.fetch_white_list()?;
    let listed = account.directory()?.find_address(account.address())?;
    submission::open(account).and_then(|session| Ok(session.quit()?)).map_err(of_the_server)?;
    fetch::open(account)?.logout()?;
    Ok(Probe { admitted: list.admits(account.address().domain()), listed: listed.is_some() })
}

/// There is no message yet that could not be submitted.
fn of_the_server(error: Error) -> Error {
    match error {
        Error::Smtp(source) => Error::Submission(source),
        other => other,
    }
}

/// Begins the trace of a new profile with what was done before there was one.
pub fn record(account: &Account<'_>) -> Result<(), Error> {
    for (action, request) in [(Action::Probe, "directory and white list"), (Action::SignIn, "submission and mailbox")] {
        let entry = account.begin(action, request, None, &[])?;
        account.end(entry, &Answer::new(Outcome::Done, "answered before the profile was written"))?;
    }
    account.sign_off()
}
