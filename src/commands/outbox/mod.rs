//! `outbox`: what is queued, deferred, refused or unknown; submitting it, settling it, erasing it.

mod list;
mod run;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::list::{EventLine, Selection, Shown, list, show};
pub use self::run::{Heard, Request, Run, run, watch};
use super::account::Account;
use super::error::Error;
use crate::mail::Address;
use crate::outbox::{Entry, Id, Outbox, OutboxError, RecipientEntry, Resolution, State};
use crate::trace::{Action, Answer, Outcome};

/// One recipient of one message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// The number of the message in the outbox.
    pub id: String,
    /// The number of the copy: those with the same one are handed over together.
    pub copy: String,
    pub message_id: String,
    pub recipient: String,
    /// `queued`, `submitting`, `committing`, `accepted`, `deferred`, `refused`, `unknown`, `delivered`, `read`, `bounced`,
    /// `expired` or `cancelled`.
    pub state: &'static str,
    pub protection: String,
    /// The content encryption; absent without S/MIME.
    pub cipher: Option<String>,
    /// Octets.
    pub size: u64,
    /// How many times it was handed to a server.
    pub attempts: u32,
    pub queued_at: Timestamp,
    pub changed_at: Timestamp,
    /// Not before this moment, where it is deferred.
    pub until: Option<Timestamp>,
    pub answer: Option<String>,
    pub queue_id: Option<String>,
}

/// What was erased.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Purged {
    pub schema: &'static str,
    /// How many messages.
    pub messages: u64,
    /// Settled before this moment.
    pub before: Timestamp,
    /// Whether they are still there, since they were only counted.
    pub dry_run: bool,
}

/// Erases settled messages past a term, without one that of the profile.
pub fn purge(account: &Account<'_>, older_than: Option<SignedDuration>, dry_run: bool) -> Result<Purged, Error> {
    let keep = SignedDuration::from_hours(24 * i64::from(account.profile.retention.keep_days));
    let now = account.world.clock.now();
    let before = now.saturating_sub(older_than.unwrap_or(keep)).unwrap_or(Timestamp::MIN);
    let outbox = account.outbox()?;
    let messages = if dry_run {
        outbox.expired(before)?
    } else {
        let request = format!("outbox purge: settled before {before}");
        account.traced(Action::Erase, &request, || outbox.purge(before), |count| ("erased".to_owned(), Some(*count)))?
    };
    Ok(Purged { schema: "mss.outbox-purge/1", messages, before, dry_run })
}

/// Takes back a message that waits, or closes one that came to nothing: it is never sent, and the same command sends it anew.
pub fn cancel(account: &Account<'_>, id: &str) -> Result<Vec<Line>, Error> {
    settle(account, id, "outbox cancel", |outbox, id| outbox.cancel(id, "taken back by hand"))
}

/// Queues a message again for those whom it did not reach; what is deferred is due at once.
pub fn requeue(account: &Account<'_>, id: &str) -> Result<Vec<Line>, Error> {
    settle(account, id, "outbox requeue", |outbox, id| outbox.requeue(id, "queued again by hand"))
}

/// Settles a message whose answer never came, by what somebody knows of it.
pub fn assume(account: &Account<'_>, id: &str, resolution: Resolution) -> Result<Vec<Line>, Error> {
    let because = match resolution {
        Resolution::Delivered => "taken as delivered by hand",
        Resolution::Lost => "taken as lost by hand",
    };
    settle(account, id, "outbox resolve", |outbox, id| outbox.resolve(id, resolution, because))
}

/// A person decides on a message, under an entry of the trace.
fn settle(
    account: &Account<'_>,
    id: &str,
    request: &str,
    deed: impl FnOnce(&Outbox, Id) -> Result<(), OutboxError>,
) -> Result<Vec<Line>, Error> {
    let outbox = account.outbox()?;
    let number = number(id)?;
    let entries = outbox.entries(number)?;
    let recipients: Vec<Address> =
        entries.iter().flat_map(|entry| &entry.recipients).map(|one| one.address.clone()).collect();
    let traced = account.begin(Action::Resolve, request, Some(&entries[0].message_id), &recipients)?;
    if let Err(error) = deed(&outbox, number) {
        account.end(traced, &Answer::new(Outcome::Failed, &error.to_string()))?;
        return Err(error.into());
    }
    let entries = outbox.entries(number)?;
    account.end(traced, &Answer::new(Outcome::Done, entries[0].state.word()))?;
    Ok(entries.iter().flat_map(lines).collect())
}

pub(super) fn number(id: &str) -> Result<Id, Error> {
    id.parse().map_err(|_| Error::Malformed { given: id.to_owned(), what: "the number of a message" })
}

pub(super) fn lines(entry: &Entry) -> impl Iterator<Item = Line> {
    entry.recipients.iter().map(|recipient| line(entry, recipient))
}

/// One recipient of a copy.
pub(super) fn line(entry: &Entry, recipient: &RecipientEntry) -> Line {
    Line {
        schema: "mss.outbox/1",
        id: entry.id.to_string(),
        copy: entry.copy.to_string(),
        message_id: entry.message_id.to_string(),
        recipient: recipient.address.to_string(),
        state: shown(entry.state, recipient.state).word(),
        protection: entry.protection.clone(),
        cipher: entry.cipher.clone(),
        size: entry.size,
        attempts: entry.attempts,
        queued_at: entry.queued_at,
        changed_at: entry.changed_at,
        until: entry.until,
        answer: recipient.answer.clone(),
        queue_id: recipient.queue_id.clone(),
    }
}

/// While a process hands a message over, its state says more than that of a recipient who waits.
fn shown(message: State, recipient: State) -> State {
    match message {
        State::Submitting | State::Committing if recipient.is_pending() => message,
        _ => recipient,
    }
}
