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
            let mut answer = Answer::new(session);
            outbox::list(account, *open, &mut |line| answer.line(line))?;
            answer.end()?;
            Ok(Status::Done)
        }
        Deed::Run => {
            let mut answer = Answer::new(session);
            let run = outbox::run(account, &mut |line| answer.line(line))?;
            let mut status = answer.end()?;
            if let Some(trouble) = run.trouble {
                let diagnosis = Diagnosis::queued(&trouble);
                diagnosis.tell(session.output);
                status = status.and(diagnosis.status);
            }
            Ok(if run.interrupted { status.and(Status::Interrupted) } else { status })
        }
        Deed::Cancel { id } => Answer::whole(session, &outbox::cancel(account, id)?),
        Deed::Resolve { id, assume } => {
            let resolution = match assume {
                Fate::Delivered => Resolution::Delivered,
                Fate::Lost => Resolution::Lost,
            };
            Answer::whole(session, &outbox::resolve(account, id, resolution)?)
        }
    })
}

/// Lines as they come: JSON at once, a table when all are there.
struct Answer<'s> {
    session: &'s Session<'s>,
    rows: Vec<Vec<String>>,
    states: Vec<&'static str>,
}

impl<'s> Answer<'s> {
    fn new(session: &'s Session<'_>) -> Answer<'s> {
        Answer { session, rows: Vec::new(), states: Vec::new() }
    }

    /// All of them at once.
    fn whole(session: &Session<'_>, lines: &[Line]) -> Result<Status, Diagnosis> {
        let mut answer = Answer::new(session);
        lines.iter().try_for_each(|line| answer.line(line))?;
        answer.end()?;
        Ok(Status::Done)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        if !self.states.contains(&line.state) {
            self.states.push(line.state);
        }
        if self.session.output.json {
            return self.session.output.json(line);
        }
        self.rows.push(vec![
            line.id.clone(),
            safe(&line.recipient, 60),
            line.state.to_owned(),
            line.changed_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            line.attempts.to_string(),
            safe(line.answer.as_deref().unwrap_or("-"), 60),
        ]);
        Ok(())
    }

    /// What the states come to.
    fn end(self) -> io::Result<Status> {
        let output = self.session.output;
        if !output.json {
            if self.rows.is_empty() {
                output.note("nothing there");
            } else {
                output.table(&["id", "recipient", "state", "changed", "tries", "answer"], self.rows)?;
            }
        }
        Ok(Status::of_states(self.states.into_iter()))
    }
}
