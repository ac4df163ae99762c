//! `mss outbox`: the words, and how the journal is told.

use std::io;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueEnum};

use super::diagnosis::Diagnosis;
use super::output::{BAD, GOOD};
use super::safe::{Safe, line as safe};
use super::session::Session;
use super::status::Status;
use crate::commands::Account;
use crate::commands::outbox::{self, EventLine, Heard, Line, Request, Selection};
use crate::commands::resolve;
use crate::commands::wait::{self, Goal, Waiting};
use crate::outbox::{Resolution, State};
use crate::pace::{Rate, Span};

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
    List(Which),
    /// Show one message: its recipients, and everything that happened to it
    Show {
        /// The number of the message, as mss outbox list shows it
        id: String,
    },
    /// Submit what is queued, and what was deferred and is due
    Run(How),
    /// Take back a message that is queued or deferred, or close one that came to nothing
    Cancel {
        /// The number of the message, as mss outbox list shows it
        id: String,
    },
    /// Queue a message again for those whom it did not reach; what is deferred is due at once
    Requeue {
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
        #[arg(long, value_name = "TIME", default_value = "1h")]
        timeout: Span,
        /// How far it is to get; without it until it is delivered if the server promised to tell of that, else accepted
        #[arg(long = "for", value_name = "STATE")]
        goal: Option<Reach>,
    },
    /// Erase settled messages that are past their term; what is not settled stays
    Purge {
        /// Settled before so long; without it retention.keep-days, as mss purge-check counts
        #[arg(long, value_name = "TIME")]
        older_than: Option<Span>,
        /// Only count them
        #[arg(long)]
        dry_run: bool,
    },
}

/// What is shown of the outbox.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only what is not settled
    #[arg(long, conflicts_with_all = ["state", "undelivered"])]
    pub open: bool,
    /// Only recipients in this state
    #[arg(long, value_name = "STATE", value_parser = states(), conflicts_with = "undelivered")]
    pub state: Option<State>,
    /// Only what somebody should look at; the status is 1 if there is anything
    ///
    /// Refused, bounced, expired and unknown; and what waits for a server, or for the notice that a server promised, since a
    /// while.
    #[arg(long)]
    pub undelivered: bool,
    /// With --undelivered: how long something may wait, 24h without it
    #[arg(long, value_name = "TIME", requires = "undelivered")]
    pub older_than: Option<Span>,
}

fn states() -> impl TypedValueParser<Value = State> {
    let words = PossibleValuesParser::new(State::ALL.map(State::word));
    words.map(|word| State::from_word(&word).expect("each of these words is one of a state"))
}

/// How the outbox is emptied.
#[derive(Debug, clap::Args)]
pub struct How {
    /// Connections side by side, else outbox.jobs; with one-time codes there is one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: Option<u8>,
    /// Messages in flight on each connection, else outbox.window: each is unknown if the line breaks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub window: Option<u8>,
    /// At most so many messages in a second, minute or hour, such as 600/m; else outbox.rate
    #[arg(long, value_name = "N/s|m|h")]
    pub rate: Option<Rate>,
    /// Go on until stopped: submit what comes, and what is deferred when it is due
    ///
    /// A server that is away is waited for. SIGTERM or SIGINT ends it: with status 0 where nothing was in hand.
    #[arg(long)]
    pub watch: bool,
    /// With --watch: how often to look for new messages, from 1s to 1h; 5s without it
    #[arg(long, value_name = "TIME", requires = "watch", value_parser = every)]
    pub every: Option<Span>,
}

impl How {
    fn request(&self) -> Request {
        Request {
            jobs: self.jobs.map(usize::from),
            window: self.window.map(usize::from),
            pace: self.rate.map(Rate::pause),
        }
    }
}

fn every(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: crate::pace::SpanError| error.to_string())?;
    if (1..=3600).contains(&span.seconds()) { Ok(span) } else { Err("it is from 1s to 1h".to_owned()) }
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
        Deed::List(which) => list(which, session, account),
        Deed::Show { id } => show(session, &outbox::show(account, id)?),
        Deed::Run(how) if how.watch => watch(how, session, account),
        Deed::Run(how) => {
            let mut answer = Answer::new(session);
            let run = outbox::run(account, how.request(), &mut |line| answer.line(line))?;
            let mut status = answer.end()?;
            if let Some(trouble) = run.trouble {
                let diagnosis = Diagnosis::queued(&trouble);
                diagnosis.tell(session.output);
                status = status.and(diagnosis.status);
            }
            Ok(if run.interrupted { status.and(Status::Interrupted) } else { status })
        }
        Deed::Cancel { id } => Answer::whole(session, &outbox::cancel(account, id)?),
        Deed::Requeue { id } => Answer::whole(session, &outbox::requeue(account, id)?),
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
            let (lines, waited) = wait::wait(account, id, &Waiting { timeout: Duration::from(*timeout), goal })?;
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
        Deed::Purge { older_than, dry_run } => {
            let purged = outbox::purge(account, older_than.map(Span::signed), *dry_run)?;
            let output = session.output;
            if output.json {
                output.json(&purged)?;
            } else {
                let deed = if purged.dry_run { "would be erased" } else { "erased" };
                let noun = if purged.messages == 1 { "message" } else { "messages" };
                let before = purged.before.strftime("%Y-%m-%d %H:%M:%SZ");
                output.line(format_args!("{deed}: {} {noun} settled before {before}", purged.messages))?;
            }
            Ok(Status::Done)
        }
    })
}

fn list(which: &Which, session: &Session<'_>, account: &Account<'_>) -> Result<Status, Diagnosis> {
    let after = which.older_than.unwrap_or(Span::of_days(1)).signed();
    let selection = match which.state {
        Some(state) => Selection::State(state),
        None if which.undelivered => Selection::Undelivered(after),
        None if which.open => Selection::Open,
        None => Selection::All,
    };
    let mut answer = Answer::new(session);
    let count = outbox::list(account, selection, &mut |line| answer.line(line))?;
    answer.end()?;
    Ok(if which.undelivered && count > 0 { Status::Finding } else { Status::Done })
}

fn show(session: &Session<'_>, shown: &outbox::Shown) -> Result<Status, Diagnosis> {
    let output = session.output;
    if output.json {
        shown.lines.iter().try_for_each(|line| output.json(line))?;
        shown.events.iter().try_for_each(|event| output.json(event))?;
        return Ok(Status::Done);
    }
    if let Some(line) = shown.lines.first() {
        let cipher = line.cipher.as_deref().map(|cipher| format!(", {cipher}")).unwrap_or_default();
        output.line(format_args!("message {}, {}: {}{cipher}", line.id, Safe(&line.message_id), line.protection))?;
    }
    Answer::whole(session, &shown.lines)?;
    let row = |event: &EventLine| {
        vec![
            event.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            event.copy.clone(),
            safe(event.recipient.as_deref().unwrap_or("(copy)"), 60),
            event.state.to_owned(),
            safe(event.answer.as_deref().unwrap_or("-"), 60),
        ]
    };
    output.table(&["at", "copy", "recipient", "state", "answer"], shown.events.iter().map(row).collect())?;
    Ok(Status::Done)
}

/// Each line as it comes: nobody waits for the end of a service.
fn watch(how: &How, session: &Session<'_>, account: &Account<'_>) -> Result<Status, Diagnosis> {
    let output = session.output;
    let every = how.every.unwrap_or(Span::of_seconds(5));
    let interrupted = outbox::watch(account, how.request(), Duration::from(every), &mut |heard| {
        match heard {
            Heard::Begun => output.note("submits what comes, until it is stopped"),
            Heard::Line(line) if output.json => return output.json(line),
            Heard::Line(line) => return output.line(sentence(line)),
            Heard::Trouble(error, pause) => {
                Diagnosis::queued(error).tell(output);
                output.note(format_args!("tries again in {} s, then less often", pause.as_secs()));
            }
            Heard::Recovered => output.note("the server can be used again"),
        }
        Ok(())
    })?;
    Ok(if interrupted { Status::Interrupted } else { Status::Done })
}

fn sentence(line: &Line) -> String {
    let style = if Status::of_states(std::iter::once(line.state)) == Status::Done { GOOD } else { BAD };
    let answer = safe(line.answer.as_deref().unwrap_or("-"), 60);
    format!("{style}{}{style:#} {} (message {}): {answer}", line.state, Safe(&line.recipient), line.id)
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
