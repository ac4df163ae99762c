//! `mss purge-check`: the words, and how the dates are told.

use super::diagnosis::Diagnosis;
use super::session::Session;
use super::status::Status;
use crate::commands::purge_check::{self, Line};

/// Show what is past its keep-by date, and when the mailbox itself will be erased
///
/// Reads the local trace and contacts nobody: looking must not count as a sign-in. A mailbox that nobody signs in to is
/// erased by its operator, after a year at most. The states are ok, warn, urgent, overdue and unknown (no sign-in is on
/// record here); the status is 1 from urgent on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Judge every profile, not only the chosen one
    #[arg(long)]
    pub all_profiles: bool,
}

/// Judges, and tells each mailbox and what is kept of it.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    let accounts = if args.all_profiles { session.accounts()? } else { vec![session.account()?] };
    let mut lines = Vec::new();
    for account in &accounts {
        lines.extend(purge_check::check(account)?);
    }
    lines.push(purge_check::check_cache(&session.world())?);
    let output = session.output;
    if output.json {
        for line in &lines {
            output.json(line)?;
        }
    } else {
        let header = ["mailbox", "what", "state", "last sign-in", "days", "erased from"];
        let telling = lines.iter().filter(|line| line.kind == "mailbox" || line.overdue != Some(0));
        output.table(&header, telling.map(row).collect())?;
    }
    let pressing = lines.iter().any(Line::is_pressing);
    if lines.iter().any(|line| line.kind == "mailbox" && line.is_pressing()) {
        output.note("sign in to keep a mailbox: mss fetch does");
    }
    Ok(if pressing { Status::Finding } else { Status::Done })
}

fn row(line: &Line) -> Vec<String> {
    let days = |days: Option<i64>| days.map_or_else(|| "-".to_owned(), |days| days.to_string());
    let what = match (line.overdue, line.keep_days) {
        (Some(overdue), Some(keep)) => format!("{}: {overdue} older than {keep} days", line.kind),
        _ => line.kind.to_owned(),
    };
    vec![
        line.mailbox.clone().unwrap_or_else(|| "-".to_owned()),
        what,
        line.state.to_owned(),
        line.last_sign_in.map_or_else(|| "-".to_owned(), |at| at.strftime("%Y-%m-%d").to_string()),
        days(line.days_since),
        line.erase_on.map_or_else(|| "-".to_owned(), |on| on.to_string()),
    ]
}
