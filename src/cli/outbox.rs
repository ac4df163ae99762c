//! `mss outbox`: the words, and how the journal is told.

use std::io;

use clap::{Subcommand, ValueEnum};

use super::diagnosis::Diagnosis;
use super::safe::line as safe;
use super::session::Session;
use super::status::Status;
use crate::commands::outbox::{self, Line};
use crate::outbox::Resolution;

/// Show what is queued, deferred, refused or unknown; submit it, settle it
///
/// The outbox holds each sealed message from the moment it is queued until it is settled.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub deed: Deed,
}

/// What to do with the outbox.
#[derive(Debug, Subcommand)]
pub enum Deed {
    /// Show each message and what became of each recipient
    List {
        /// Only what is not settled
        #[arg(long)]
        open: bool,
    },
    /// Submit what is queued, and what was deferred and is due
    Run,
    /// Take back a message that is queued or deferred
    Cancel {
        /// The number of the message, as mss outbox list shows it
        id: String,
    },
    /// Settle a message whose line broke between its last octet and the answer
    Resolve {
        /// The number of the message, as mss outbox list shows it
        id: String,
        /// What became of it
        #[arg(long, value_name = "FATE")]
        assume: Fate,
    },
}

/// What became of a message whose answer never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fate {
    /// It arrived; it is not sent again
    Delivered,
    /// It did not arrive; the same message is queued again
    Lost,
}

/// Does what was asked of the outbox.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    session.with_account(|account| match &args.deed {
        Deed::List { open } => {
            let lines = outbox::list(account, *open)?;
            tell(session, &lines)?;
            Ok(Status::Done)
        }
        Deed::Run => {
            let (lines, trouble) = outbox::run(account)?;
            tell(session, &lines)?;
            let status = Status::of_states(lines.iter().map(|line| line.state));
            Ok(match trouble {
                Some(trouble) => {
                    let diagnosis = Diagnosis::queued(&trouble);
                    diagnosis.tell(session.output);
                    status.and(diagnosis.status)
                }
                None => status,
            })
        }
        Deed::Cancel { id } => {
            tell(session, &outbox::cancel(account, id)?)?;
            Ok(Status::Done)
        }
        Deed::Resolve { id, assume } => {
            let resolution = match assume {
                Fate::Delivered => Resolution::Delivered,
                Fate::Lost => Resolution::Lost,
            };
            tell(session, &outbox::resolve(account, id, resolution)?)?;
            Ok(Status::Done)
        }
    })
}

fn tell(session: &Session<'_>, lines: &[Line]) -> io::Result<()> {
    let output = session.output;
    if output.json {
        return lines.iter().try_for_each(|line| output.json(line));
    }
    if lines.is_empty() {
        output.note("nothing there");
        return Ok(());
    }
    let header = ["id", "recipient", "state", "changed", "tries", "answer"];
    let row = |line: &Line| {
        vec![
            line.id.clone(),
            safe(&line.recipient, 60),
            line.state.to_owned(),
            line.changed_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            line.attempts.to_string(),
            safe(line.answer.as_deref().unwrap_or("-"), 60),
        ]
    };
    output.table(&header, lines.iter().map(row).collect())
}
