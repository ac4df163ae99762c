//! `outbox run`: submits what is due, once or for as long as it is wanted.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Line, lines};
use crate::commands::account::Account;
use crate::commands::alert;
use crate::commands::error::Error;
use crate::commands::submission::{self, Limits};
use crate::outbox::{CopyId, Outbox};
use crate::smtp::{Failure, SmtpError};

/// How often it is looked whether somebody wants it to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// The first pause after the server could not be used, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// The same where the sign-in was refused: a server may lock out who tries again and again.
const SIGN_IN_PAUSES: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3600));

/// Copies of one connection, before a second one is worth its sign-in.
const WORTH_A_CONNECTION: usize = 16;

/// How the outbox is emptied; where nothing is said, as the profile says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// Connections side by side.
    pub jobs: Option<usize>,
    /// Messages in flight on each.
    pub window: Option<usize>,
    /// The time from one message to the next.
    pub pace: Option<Duration>,
}

impl Request {
    fn limits(self, account: &Account<'_>, copies: usize) -> Limits {
        let usual = account.limits();
        let jobs = self.jobs.unwrap_or_else(|| usual.batch_jobs.min(copies.div_ceil(WORTH_A_CONNECTION)));
        let (window, pace) = (self.window.unwrap_or(usual.window), self.pace.unwrap_or(usual.pace));
        Limits { jobs, window, pace, ..usual }
    }
}

/// What came of a run.
#[derive(Default)]
pub struct Run {
    /// What kept messages in the queue.
    pub trouble: Option<Error>,
    /// Whether it was stopped before everything was handed over.
    pub interrupted: bool,
    accepted: bool,
}

/// Submits what is queued, and what was deferred and is due.
pub fn run(
    account: &Account<'_>,
    request: Request,
    tell: &mut dyn FnMut(&Line) -> io::Result<()>,
) -> Result<Run, Error> {
    let outbox = account.outbox()?;
    let copies = outbox.due()?;
    let limits = Limits { waits: true, ..request.limits(account, copies.len()) };
    submit(account, &outbox, copies, limits, &mut |line| tell(line))
}

fn submit(
    account: &Account<'_>,
    outbox: &Outbox,
    copies: Vec<CopyId>,
    limits: Limits,
    tell: &mut dyn FnMut(&Line) -> io::Result<()>,
) -> Result<Run, Error> {
    let submitted = submission::submit(account, outbox, copies, limits, &mut |entry| {
        lines(entry).try_for_each(|line| tell(&line)).map_err(|source| Error::Answer { source })
    })?;
    alert::after_submission(account, outbox, &submitted);
    Ok(Run { trouble: submitted.trouble, interrupted: submitted.stopped, accepted: submitted.accepted })
}

/// What is heard of a service.
pub enum Heard<'h> {
    /// It is at work, and hears when it is to stop.
    Begun,
    /// What became of a recipient.
    Line(&'h Line),
    /// The server cannot be used, as long as this is not taken back; when it is tried again.
    Trouble(&'h Error, Duration),
    /// The server can be used again.
    Recovered,
}

/// Submits what is due, again and again, until somebody wants it to stop: whether something was in hand then. `every` is how
/// often the outbox is looked at.
///
/// # Errors
/// Only what a person has to mend: a server that is away is waited for.
pub fn watch(
    account: &Account<'_>,
    request: Request,
    every: Duration,
    hear: &mut dyn FnMut(Heard<'_>) -> io::Result<()>,
) -> Result<bool, Error> {
    let outbox = account.outbox()?;
    let mut away: Option<Away> = None;
    if !account.is_interrupted() {
        hear(Heard::Begun).map_err(|source| Error::Answer { source })?;
    }
    while !account.is_interrupted() {
        if away.as_ref().is_none_or(Away::is_over) {
            // What a process left behind that has ended since is ours to submit.
            outbox.recover()?;
            let copies = outbox.due()?;
            if !copies.is_empty() {
                let limits = request.limits(account, copies.len());
                let run = submit(account, &outbox, copies, limits, &mut |line| hear(Heard::Line(line)))?;
                account.sign_off()?;
                if run.interrupted {
                    return Ok(true);
                }
                away = after(run, away, hear)?;
            }
        }
        rest(account, &outbox, every, away.as_ref())?;
    }
    Ok(false)
}

/// What a run means for the next one.
fn after(
    run: Run,
    away: Option<Away>,
    hear: &mut dyn FnMut(Heard<'_>) -> io::Result<()>,
) -> Result<Option<Away>, Error> {
    let answer = |source| Error::Answer { source };
    match (run.trouble, away) {
        (None, None) => Ok(None),
        (None, Some(_)) => hear(Heard::Recovered).map_err(answer).map(|()| None),
        (Some(Error::Smtp(error)), before) => {
            let next = Away::after(&error, before.as_ref().filter(|_| !run.accepted));
            // Told when it begins; that it goes on is no news.
            if before.is_none() {
                hear(Heard::Trouble(&Error::Smtp(error), next.pause)).map_err(answer)?;
            }
            Ok(Some(next))
        }
        (Some(error), _) => Err(error),
    }
}

/// Sleeps until the outbox is to be looked at again.
fn rest(account: &Account<'_>, outbox: &Outbox, every: Duration, away: Option<&Away>) -> Result<(), Error> {
    let now = account.world.clock.now();
    let due = outbox.next_due()?.and_then(|due| Duration::try_from(due.duration_since(now)).ok());
    // A clock that stands still, or a deferral that is over, is no reason to look without a pause.
    let due = due.filter(|due| *due > GLANCE);
    let end = match away {
        Some(away) => away.until,
        None => Instant::now() + every.min(due.unwrap_or(every)),
    };
    while Instant::now() < end && !account.is_interrupted() {
        sleep(GLANCE.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

/// A server that cannot be used, and when it is tried again.
struct Away {
    pause: Duration,
    until: Instant,
}

impl Away {
    fn after(error: &SmtpError, before: Option<&Away>) -> Away {
        let (first, longest) = match error.failure {
            Failure::SignInRefused(_) => SIGN_IN_PAUSES,
            _ => PAUSES,
        };
        let pause = before.map_or(first, |before| (before.pause * 2).clamp(first, longest));
        Away { pause, until: Instant::now() + pause }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Stage;

    #[test]
    fn a_server_that_is_away_is_tried_less_and_less_often_and_never_given_up() {
        let gone = || SmtpError { stage: Stage::Connect, failure: Failure::Aborted(io::ErrorKind::Other.into()) };
        let mut away: Option<Away> = None;
        let pauses: Vec<u64> = (0..8)
            .map(|_| {
                let next = Away::after(&gone(), away.as_ref());
                let pause = next.pause.as_secs();
                away = Some(next);
                pause
            })
            .collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    }
}
