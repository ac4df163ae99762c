//! What the answers of a server mean for a message: settled, to be tried later and when, or waiting as before.

use jiff::{SignedDuration, Timestamp};

use super::Limits;
use crate::commands::traced::causes;
use crate::mail::Address;
use crate::outbox::{self, Entry, Settled};
use crate::smtp::{Delay, Failure, Outcome, RecipientOutcome, Reply, SmtpError, Stage};
use crate::trace;

/// What an unsuccessful attempt means for the message.
pub(super) enum Fate {
    /// It is settled, or deferred, for every recipient that waited.
    Settled(Vec<Settled>, trace::Outcome),
    /// It was not about the message: it waits as before.
    Waits,
}

/// What to write down after an attempt that failed.
pub(super) fn fate(error: &SmtpError, entry: &Entry, limits: &Limits, now: Timestamp) -> Fate {
    let later = |reply: Option<&Reply>| deferred(entry, reply, limits, now);
    let all = |outcome: outbox::Outcome, traced: trace::Outcome| {
        let each = |address: Address| Settled { address, outcome: outcome.clone(), answer: answer(error) };
        Fate::Settled(entry.pending().recipients.into_iter().map(each).collect(), traced)
    };
    let one = |(address, outcome): &(Address, RecipientOutcome), accepted: &outbox::Outcome| match outcome {
        RecipientOutcome::Accepted => {
            Settled { address: address.clone(), outcome: accepted.clone(), answer: answer(error) }
        }
        RecipientOutcome::Refused(reply) => {
            Settled { address: address.clone(), outcome: outbox::Outcome::Refused, answer: said(reply) }
        }
        RecipientOutcome::Deferred(reply) => {
            Settled { address: address.clone(), outcome: later(Some(reply)), answer: said(reply) }
        }
    };
    match &error.failure {
        Failure::Unknown { recipients, .. } if recipients.is_empty() => {
            all(outbox::Outcome::Unknown, trace::Outcome::Unknown)
        }
        Failure::Unknown { recipients, .. } => {
            let said: Vec<Settled> = recipients.iter().map(|it| one(it, &outbox::Outcome::Unknown)).collect();
            Fate::Settled(said, trace::Outcome::Unknown)
        }
        Failure::NoRecipient(recipients) => {
            // The server took some of them and then nothing was sent: those wait.
            let said = recipients.iter().map(|it| one(it, &later(None))).collect();
            Fate::Settled(said, worst(recipients))
        }
        Failure::Deferred(reply) if error.stage >= Stage::Mail => all(later(Some(reply)), trace::Outcome::Deferred),
        Failure::Refused(_) if error.stage >= Stage::Mail => all(outbox::Outcome::Refused, trace::Outcome::Refused),
        Failure::TooLarge { .. } | Failure::Missing(_) | Failure::Argument(_) | Failure::Message(_) => {
            all(outbox::Outcome::Refused, trace::Outcome::Refused)
        }
        _ => Fate::Waits,
    }
}

/// What to write down where the server took the message, and how that counts in the trace.
pub(super) fn settled(
    outcome: &Outcome,
    entry: &Entry,
    limits: &Limits,
    now: Timestamp,
) -> (Vec<Settled>, trace::Outcome) {
    let notified = outcome.notices && limits.notify.success;
    let each = |(address, one): &(Address, RecipientOutcome)| {
        let (outcome, answer) = match one {
            RecipientOutcome::Accepted => {
                (outbox::Outcome::Accepted { queue_id: outcome.queue_id.clone(), notified }, said(&outcome.reply))
            }
            RecipientOutcome::Refused(reply) => (outbox::Outcome::Refused, said(reply)),
            RecipientOutcome::Deferred(reply) => (deferred(entry, Some(reply), limits, now), said(reply)),
        };
        Settled { address: address.clone(), outcome, answer }
    };
    (outcome.recipients.iter().map(each).collect(), worst(&outcome.recipients))
}

fn said(reply: &Reply) -> String {
    format!("{} {}", reply.code(), reply.text())
}

/// The server's words for a failure, or ours where it said nothing.
fn answer(error: &SmtpError) -> String {
    match &error.failure {
        Failure::Refused(reply) | Failure::Deferred(reply) => said(reply),
        _ => causes(error),
    }
}

/// When a deferred message is tried again, or that it was too long.
fn deferred(entry: &Entry, reply: Option<&Reply>, limits: &Limits, now: Timestamp) -> outbox::Outcome {
    let wait = pause(entry.attempts, reply.and_then(Reply::delay), fraction());
    let until = now.saturating_add(wait).unwrap_or(now);
    match entry.queued_at.checked_add(limits.expire_after) {
        Ok(end) if until > end => outbox::Outcome::Expired,
        _ => outbox::Outcome::Deferred { until },
    }
}

/// Five minutes, doubled with each attempt, four hours at most; an hour where the mailbox is full, which five minutes do not
/// change; a minute where the server took as many recipients as it does at once. A quarter more or less, so that what was
/// deferred together does not come back together.
fn pause(attempts: u32, why: Option<Delay>, fraction: f64) -> SignedDuration {
    let doubled = |minutes: i64| (minutes << attempts.saturating_sub(1).min(10)).min(240);
    let minutes = match why {
        Some(Delay::MailboxFull) => doubled(60),
        Some(Delay::TooManyRecipients) => doubled(1),
        Some(Delay::Greylisted | Delay::Congested | Delay::Other) | None => doubled(5),
    };
    SignedDuration::from_secs_f64(minutes as f64 * 60.0 * (0.75 + fraction / 2.0))
}

/// Anything from 0 to 1.
fn fraction() -> f64 {
    let mut random = [0u8; 4];
    // Without randomness all come back together, and nothing is worse.
    let _ = aws_lc_rs::rand::fill(&mut random);
    f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX)
}

/// How the whole counts in the trace.
fn worst(recipients: &[(Address, RecipientOutcome)]) -> trace::Outcome {
    let accepted = recipients.iter().filter(|(_, one)| matches!(one, RecipientOutcome::Accepted)).count();
    let deferred = recipients.iter().any(|(_, one)| matches!(one, RecipientOutcome::Deferred(_)));
    match (accepted, deferred) {
        (all, _) if all == recipients.len() => trace::Outcome::Done,
        (0, true) => trace::Outcome::Deferred,
        (0, false) => trace::Outcome::Refused,
        _ => trace::Outcome::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deferral_lasts_longer_each_time_and_not_for_ever() {
        let minutes = |attempts, why| pause(attempts, why, 0.5).as_mins();
        assert_eq!([1, 2, 3, 4, 100].map(|attempts| minutes(attempts, None)), [5, 10, 20, 40, 240]);
        assert_eq!([1, 2, 3, 4].map(|attempts| minutes(attempts, Some(Delay::MailboxFull))), [60, 120, 240, 240]);
        assert_eq!(minutes(1, Some(Delay::TooManyRecipients)), 1);
        let spread = [0.0, 1.0].map(|fraction| pause(1, Some(Delay::Greylisted), fraction).as_secs());
        assert_eq!(spread, [225, 375]);
        assert!((0.0..=1.0).contains(&fraction()));
    }
}
