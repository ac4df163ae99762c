//! `mss outbox`: the words, and how the journal is told.

use std::io;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::diagnosis::Diagnosis;
use super::safe::line as safe;
use super::session::Session;
use super::status::Status;
use crate::commands::Account;
use crate::commands::outbox::{self, Line};
use crate::commands::resolve;
use crate::commands::wait::{self, Goal, Waiting};
use crate::outbox::Resolution;
use jiff::SignedDuration;

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
    /// Settle what is unknown: the line broke between the last octet of the message and the answer
    ///
    /// The mailbox is looked through: a notice of the message, or as many copies of it as were sent, in the folder for sent mail
    /// or in the inbox, shows that the server took it. If nothing is found, the person at the terminal is asked.
    Resolve {
        /// The number of the message, as mss outbox list shows it; without it all that are unknown
        id: Option<String>,
        /// What became of it, by what you know: the mailbox is not looked through
        #[arg(long, value_name = "FATE", requires = "id")]
        assume: Option<Fate>,
    },
    /// Wait until a message has arrived, as far as that can be seen
    ///
    /// What is due is submitted, and notices are collected from the mailbox: those that are about messages of this outbox turn
    /// their states and are marked as seen, all other mail is left as it is.
    Wait {
        /// The number of the message, as mss outbox list shows it
        id: String,
        /// How long to wait at most, such as 90s, 10m or 2h
        #[arg(long, value_name = "TIME", value_parser = time, default_value = "1h")]
        timeout: Duration,
        /// How far it is to get; without it until it is delivered if the server promised to tell of that, else accepted
        #[arg(long = "for", value_name = "STATE")]
        goal: Option<Reach>,
    },
}

/// How far a message is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reach {
    /// The server took it
    Accepted,
    /// A notice says that it is in the mailbox
    Delivered,
    /// A notice says that it was displayed
    Read,
}

/// A time to wait, up to 30 days.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let most = Duration::from_secs(30 * 24 * 3600);
    let time = text.trim().parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| *time <= most).ok_or_else(|| "a time is written like 90s, 10m or 2h, up to 720h".to_owned())
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
                None => return resolve(account, id.as_deref(), session),
                Some(Fate::Delivered) => Resolution::Delivered,
                Some(Fate::Lost) => Resolution::Lost,
            };
            Answer::whole(session, &outbox::assume(account, id.as_deref().unwrap_or_default(), resolution)?)
        }
        Deed::Wait { id, timeout, goal } => {
            let goal = goal.map(|goal| match goal {
                Reach::Accepted => Goal::Accepted,
                Reach::Delivered => Goal::Delivered,
                Reach::Read => Goal::Read,
            });
            let (lines, waited) = wait::wait(account, id, &Waiting { timeout: *timeout, goal })?;
            let mut answer = Answer::new(session);
            lines.iter().try_for_each(|line| answer.line(line))?;
            let mut status = answer.end()?;
            if lines.iter().any(|line| line.state == "cancelled") {
                status = status.and(Status::Finding);
            }
            if let Some(trouble) = waited.trouble {
                let diagnosis = Diagnosis::from_ref(&trouble);
                diagnosis.tell(session.output);
                status = status.and(diagnosis.status);
            }
            if waited.over {
                let diagnosis = Diagnosis::time_over(id);
                diagnosis.tell(session.output);
                status = status.and(diagnosis.status);
            }
            Ok(if waited.interrupted { status.and(Status::Interrupted) } else { status })
        }
    })
}

/// Looks for what became of what is unknown.
fn resolve(account: &Account<'_>, id: Option<&str>, session: &Session<'_>) -> Result<Status, Diagnosis> {
    let resolved = resolve::resolve(account, id)?;
    if resolved.lines.is_empty() {
        session.output.note("nothing is unknown");
        return Ok(Status::Done);
    }
    let status = Answer::whole(session, &resolved.lines)?;
    match resolved.left.first() {
        None => Ok(status),
        Some(id) => {
            let diagnosis = Diagnosis::no_evidence(id);
            diagnosis.tell(session.output);
            Ok(diagnosis.status)
        }
    }
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
