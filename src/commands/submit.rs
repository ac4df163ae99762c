//! From the outbox to the server: one session for many messages, each under a lease, up to the point of no return and past it.

use std::io;

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use super::error::Error;
use super::traced::causes;
use crate::mail::Address;
use crate::outbox::{self, Entry, Id, Lease, Outbox, OutboxError, Settled, State};
use crate::smtp::{Failure, Outcome, RecipientOutcome, Reply, Session, SmtpError, Stage};
use crate::trace::{self, Action, Answer};

/// What became of messages that were to be submitted.
pub(super) struct Submitted {
    /// Each message as the outbox holds it now.
    pub entries: Vec<Entry>,
    /// What kept some of them in the queue.
    pub trouble: Option<Error>,
}

/// Submits messages one after the other over one session. A message that is settled, or not ours, stays as it is.
pub(super) fn submit(account: &Account<'_>, outbox: &Outbox, ids: &[Id]) -> Result<Submitted, Error> {
    let mut session: Option<Session> = None;
    let mut trouble: Option<Error> = None;
    for id in ids {
        let lease = match outbox.claim(*id) {
            Ok(lease) => lease,
            Err(OutboxError::State { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut live = match session.take().filter(Session::is_open) {
            Some(live) => live,
            None => match sign_in(account) {
                Ok(live) => live,
                Err(error) => {
                    lease.release()?;
                    trouble.get_or_insert(error);
                    break;
                }
            },
        };
        // One message that cannot be handed over does not keep those behind it.
        trouble = trouble.or(hand_over(account, lease, &mut live)?);
        session = Some(live);
    }
    if let Some(session) = session {
        // What was accepted stays accepted, whatever comes of the farewell.
        let _ = session.quit();
    }
    let entries = ids.iter().map(|id| outbox.entry(*id)).collect::<Result<_, _>>()?;
    Ok(Submitted { entries, trouble })
}

/// Opens a session and signs in, under an entry of the trace.
fn sign_in(account: &Account<'_>) -> Result<Session, Error> {
    account.traced_sign_in("submission", &account.submission(), || open(account))
}

/// Opens a session and signs in.
pub(super) fn open(account: &Account<'_>) -> Result<Session, Error> {
    let credential = account.credential()?;
    Ok(Session::open(account.dialer()?, &account.submission(), &credential, account.address().domain())?)
}

/// Hands one message over and writes down what was answered. What keeps the message in the queue is given back.
fn hand_over(account: &Account<'_>, mut lease: Lease<'_>, session: &mut Session) -> Result<Option<Error>, Error> {
    let entry = lease.entry().clone();
    let pending = entry.pending();
    let mut content = match lease.content() {
        Ok(content) => content,
        Err(error) => {
            lease.release()?;
            return Ok(Some(error.into()));
        }
    };
    let protection = match &entry.cipher {
        Some(cipher) => format!("{} {cipher}", entry.protection),
        None => entry.protection.clone(),
    };
    let request = format!("MAIL, RCPT and message of {} octets, {protection}", entry.size);
    let traced = account.begin(Action::Send, &request, Some(&entry.message_id), &pending.recipients)?;
    let mut point_of_no_return = || lease.point_of_no_return().map_err(io::Error::other);
    let outcome = session.submit(&pending, entry.size, &mut content, &mut point_of_no_return);
    let now = account.world.clock.now();
    match outcome {
        Ok(outcome) => {
            lease.close(&settled(&outcome, later(&entry, now)))?;
            let text = format!("{} {}", outcome.reply.code(), outcome.reply.text());
            account.end(traced, &Answer::new(worst(&outcome.recipients), &text))?;
            Ok(None)
        }
        Err(error) => {
            let text = causes(&error);
            let fate = fate(&error, &entry, now);
            match &fate {
                Fate::Settled(settled, outcome) => {
                    lease.close(settled)?;
                    account.end(traced, &Answer::new(*outcome, &text))?;
                    Ok(None)
                }
                Fate::Waits => {
                    lease.release()?;
                    account.end(traced, &Answer::new(trace::Outcome::Failed, &text))?;
                    Ok(Some(error.into()))
                }
            }
        }
    }
}

/// What an unsuccessful attempt means for the message.
enum Fate {
    /// It is settled, or deferred, for every recipient that waited.
    Settled(Vec<Settled>, trace::Outcome),
    /// It was not about the message: it waits as before.
    Waits,
}

fn fate(error: &SmtpError, entry: &Entry, now: Timestamp) -> Fate {
    let all = |outcome: outbox::Outcome, traced: trace::Outcome| {
        let each = |address: Address| Settled { address, outcome: outcome.clone(), answer: answer(error) };
        Fate::Settled(entry.pending().recipients.into_iter().map(each).collect(), traced)
    };
    let deferred = || outbox::Outcome::Deferred { until: later(entry, now) };
    match &error.failure {
        Failure::Unknown { recipients, .. } => {
            let each = |(address, outcome): &(Address, RecipientOutcome)| match outcome {
                RecipientOutcome::Accepted => {
                    Settled { address: address.clone(), outcome: outbox::Outcome::Unknown, answer: answer(error) }
                }
                said => recipient(address, said, None, later(entry, now)),
            };
            Fate::Settled(recipients.iter().map(each).collect(), trace::Outcome::Unknown)
        }
        Failure::NoRecipient(recipients) => {
            let each =
                |(address, outcome): &(Address, RecipientOutcome)| recipient(address, outcome, None, later(entry, now));
            Fate::Settled(recipients.iter().map(each).collect(), worst(recipients))
        }
        Failure::Deferred(_) if error.stage >= Stage::Mail => all(deferred(), trace::Outcome::Deferred),
        Failure::Refused(_) if error.stage >= Stage::Mail => all(outbox::Outcome::Refused, trace::Outcome::Refused),
        Failure::TooLarge { .. } | Failure::Missing(_) | Failure::Argument(_) | Failure::Message(_) => {
            all(outbox::Outcome::Refused, trace::Outcome::Refused)
        }
        _ => Fate::Waits,
    }
}

fn settled(outcome: &Outcome, later: Timestamp) -> Vec<Settled> {
    let final_reply = (outcome.queue_id.clone(), format!("{} {}", outcome.reply.code(), outcome.reply.text()));
    outcome.recipients.iter().map(|(address, one)| recipient(address, one, Some(&final_reply), later)).collect()
}

fn recipient(
    address: &Address,
    outcome: &RecipientOutcome,
    accepted: Option<&(Option<String>, String)>,
    later: Timestamp,
) -> Settled {
    let said = |reply: &Reply| format!("{} {}", reply.code(), reply.text());
    let (outcome, answer) = match outcome {
        RecipientOutcome::Accepted => match accepted {
            Some((queue_id, text)) => (outbox::Outcome::Accepted { queue_id: queue_id.clone() }, text.clone()),
            // The server took this recipient and then nothing was sent: it waits.
            None => (outbox::Outcome::Deferred { until: later }, String::new()),
        },
        RecipientOutcome::Refused(reply) => (outbox::Outcome::Refused, said(reply)),
        RecipientOutcome::Deferred(reply) => (outbox::Outcome::Deferred { until: later }, said(reply)),
    };
    Settled { address: address.clone(), outcome, answer }
}

/// The server's words for a failure, or ours where it said nothing.
fn answer(error: &SmtpError) -> String {
    match &error.failure {
        Failure::Refused(reply) | Failure::Deferred(reply) => format!("{} {}", reply.code(), reply.text()),
        _ => causes(error),
    }
}

/// When a deferred message is tried again: 5 minutes, doubled with each attempt, four hours at most.
fn later(entry: &Entry, now: Timestamp) -> Timestamp {
    let minutes = (5i64 << entry.attempts.saturating_sub(1).min(6)).min(240);
    now.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(now)
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

/// Whether a state asks for a later run.
pub(super) fn is_waiting(state: State) -> bool {
    matches!(state, State::Queued | State::Deferred)
}
