//! `mss signin`: the words, and how it is told what is kept.

use clap::Subcommand;

use super::diagnosis::Diagnosis;
use super::session::Session;
use super::status::Status;
use crate::commands::signin::{self, Line};

/// Show how the profile signs in, consent to it beforehand, or sign out
///
/// Access tokens are kept nowhere. Where signin.keep-refresh-token is set, the refresh token of a provider is kept, sealed,
/// and new access tokens are had by it until it expires or is taken back.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub deed: Deed,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Deed {
    /// Show how the profile signs in, what is kept of it, and the last sign-in; nobody is asked
    Status,
    /// Have the person consent now: what to do on a page or a telephone is told on stderr
    ///
    /// No terminal is needed for it. Other commands ask for consent only where there is one.
    Start,
    /// Erase what is kept, and have the provider take it back
    Logout,
}

/// Does it, and tells what is kept afterwards.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    session.with_account(|account| {
        let line = match args.deed {
            Deed::Status => signin::status(account)?,
            Deed::Start => signin::start(account)?,
            Deed::Logout => signin::logout(account)?,
        };
        tell(&line, session)?;
        Ok(Status::Done)
    })
}

fn tell(line: &Line, session: &Session<'_>) -> std::io::Result<()> {
    let output = session.output;
    if output.json {
        return output.json(line);
    }
    output.line(format_args!("{} ({}) signs in by {}", line.profile, line.address, line.method))?;
    let kept = match (line.kept, &line.kept_until) {
        (false, _) => "nothing is kept between runs".to_owned(),
        (true, None) => "a refresh token is kept".to_owned(),
        (true, Some(until)) => format!("a refresh token is kept, good until {until}"),
    };
    output.line(kept)?;
    output.line(match &line.last_sign_in {
        Some(at) => format!("last sign-in {at}"),
        None => "no sign-in is on record here".to_owned(),
    })?;
    match line.revoked {
        Some(true) => output.line("the provider took it back"),
        Some(false) | None => Ok(()),
    }
}
