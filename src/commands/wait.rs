//! Waits until messages have got as far as they can be seen to: submits what is due, collects the notices of what arrived.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::account::Account;
use super::alert;
use super::error::Error;
use super::notices::Collector;
use super::outbox::{self, Line};
use super::submission::{self, Limits};
use crate::imap;
use crate::outbox::{CopyId, Entry, Id, Outbox, RecipientEntry, State};
use crate::signin::SignInError;
use crate::smtp;

/// The first pause between two looks, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// How often it is looked whether the user asked to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// How far a message is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The server took it.
    Accepted,
    /// A notice said that it is in the mailbox.
    Delivered,
    /// A notice said that it was displayed.
    Read,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub timeout: Duration,
    /// Without one, a delivery where the server promised to tell of it, and else that the server takes the message.
    pub goal: Option<Goal>,
}

/// How the wait ended.
#[derive(Default)]
pub struct Waited {
    /// The time was over before everything had got so far.
    pub over: bool,
    /// What stood in the way to the end.
    pub trouble: Option<Error>,
    pub interrupted: bool,
}

/// How one recipient stands to what is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ended,
    /// Nobody knows what became of it; a notice may still tell.
    Unknown,
    /// It is not at the server yet.
    Submission,
    /// It is there, and a notice is waited for.
    Notice,
}

/// Waits for one message by its number; what became of each recipient.
pub fn wait(account: &Account<'_>, id: &str, waiting: &Waiting) -> Result<(Vec<Line>, Waited), Error> {
    let outbox = account.outbox()?;
    let id = outbox::number(id)?;
    outbox.entries(id)?;
    let waited = wait_for(account, &outbox, &[id], waiting, account.limits())?;
    alert::after_news(account);
    let entries = outbox.entries(id)?;
    let lines = newest(&entries).into_iter().map(|(entry, one)| outbox::line(entry, one));
    Ok((lines.collect(), waited))
}

/// Waits for several messages; what is due of them is submitted as `limits` says.
pub(super) fn wait_for(
    account: &Account<'_>,
    outbox: &Outbox,
    ids: &[Id],
    waiting: &Waiting,
    limits: Limits,
) -> Result<Waited, Error> {
    // What another process has in hand is looked at again, not waited for: the time may be over meanwhile.
    let limits = Limits { waits: false, ..limits };
    let started = Instant::now();
    let mut collector = Collector::new(account);
    let (mut open, mut pause) = (ids.to_vec(), PAUSES.0);
    loop {
        let mut waited = Waited::default();
        let due = due(outbox, &open)?;
        if !due.is_empty() {
            let submitted = submission::submit(account, outbox, due, limits, &mut |_| Ok(()))?;
            (waited.trouble, waited.interrupted) = (submitted.trouble, submitted.stopped);
        }
        let mut standings = look(outbox, &mut open, waiting.goal)?;
        if standings.iter().any(|it| matches!(it, Standing::Notice | Standing::Unknown)) {
            match collector.collect(outbox) {
                Ok(_) => standings = look(outbox, &mut open, waiting.goal)?,
                Err(error) => waited.trouble = Some(error),
            }
        }
        let hopeless = waited.trouble.as_ref().is_some_and(|error| !may_pass(error));
        let moves = standings.iter().any(|it| matches!(it, Standing::Submission | Standing::Notice));
        waited.interrupted |= account.is_interrupted();
        waited.over = moves && started.elapsed() >= waiting.timeout;
        if !moves || waited.over || waited.interrupted || hopeless {
            collector.leave();
            waited.trouble = waited.trouble.filter(|_| moves);
            return Ok(waited);
        }
        account.world.step(format!("waiting for {} recipients", standings.len()));
        rest(account, pause.min(waiting.timeout.saturating_sub(started.elapsed())));
        pause = (pause * 3 / 2).min(PAUSES.1);
    }
}

/// What is due of these messages.
fn due(outbox: &Outbox, ids: &[Id]) -> Result<Vec<CopyId>, Error> {
    let mut due = Vec::new();
    for id in ids {
        let entries = outbox.entries(*id)?.into_iter();
        due.extend(entries.filter(|entry| entry.state.is_pending() && outbox.may_go(entry)).map(|entry| entry.copy));
    }
    Ok(due)
}

/// How those stand that something is still waited for; messages without any are struck off.
fn look(outbox: &Outbox, open: &mut Vec<Id>, goal: Option<Goal>) -> Result<Vec<Standing>, Error> {
    let mut all = Vec::new();
    let mut left = Vec::new();
    for id in open.drain(..) {
        let entries = outbox.entries(id)?;
        let before = all.len();
        let standings = newest(&entries).into_iter().map(|(entry, one)| standing(entry, one.state, goal));
        all.extend(standings.filter(|standing| *standing != Standing::Ended));
        if all.len() > before {
            left.push(id);
        }
    }
    *open = left;
    Ok(all)
}

/// Each recipient once, in the newest copy: who was refused and then got another counts by that one.
fn newest(entries: &[Entry]) -> Vec<(&Entry, &RecipientEntry)> {
    let mut found: Vec<(&Entry, &RecipientEntry)> = Vec::new();
    for entry in entries.iter().rev() {
        for one in &entry.recipients {
            if found.iter().all(|(_, other)| other.address != one.address) {
                found.push((entry, one));
            }
        }
    }
    found
}

fn standing(entry: &Entry, state: State, goal: Option<Goal>) -> Standing {
    let goal = goal.unwrap_or(if entry.notified { Goal::Delivered } else { Goal::Accepted });
    match (state, goal) {
        (State::Unknown, _) => Standing::Unknown,
        (State::Accepted, Goal::Delivered | Goal::Read) | (State::Delivered, Goal::Read) => Standing::Notice,
        (state, _) if state.is_final() => Standing::Ended,
        _ => Standing::Submission,
    }
}

/// Whether it may be better at the next look: a server that is away, and not one that says no.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Smtp(error) | Error::Submission(error) => {
            error.is_temporary() || matches!(error.failure, smtp::Failure::Unknown { .. })
        }
        Error::Imap(error) => match &error.failure {
            imap::Failure::Link(link) => link.may_pass(),
            imap::Failure::Unavailable { .. } | imap::Failure::Bye { .. } => true,
            _ => false,
        },
        Error::SignIn(SignInError::Provider(error)) => error.may_pass(),
        _ => false,
    }
}

/// Sleeps, and hears an interruption.
fn rest(account: &Account<'_>, time: Duration) {
    let started = Instant::now();
    while !account.is_interrupted() && started.elapsed() < time {
        sleep(GLANCE.min(time.saturating_sub(started.elapsed())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{HttpError, LinkError};
    use crate::signin::ProviderError;

    #[test]
    fn a_server_that_is_away_is_waited_for_and_one_that_is_not_believed_is_not() {
        let endpoint = || "x:1".to_owned();
        let smtp = |link: LinkError| Error::Smtp(smtp::SmtpError { stage: smtp::Stage::Tls, failure: link.into() });
        let imap = |link: LinkError| Error::Imap(imap::ImapError { stage: imap::Stage::Tls, failure: link.into() });
        let away = || LinkError::Timeout { endpoint: endpoint() };
        let stripped = || LinkError::StartTlsMissing { endpoint: endpoint() };
        assert!(may_pass(&smtp(away())) && may_pass(&imap(away())));
        assert!(!may_pass(&smtp(stripped())) && !may_pass(&imap(stripped())));
        assert!(may_pass(&Error::SignIn(ProviderError::Http(HttpError::Link(away())).into())));
        assert!(!may_pass(&Error::SignIn(ProviderError::SignedOut.into())));
    }
}
