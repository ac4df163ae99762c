//! A message in hand: one process has it, until it says what became of it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::OutboxError;
use super::content::Content;
use super::entry::{Entry, Id, Outcome, Settled, State};
use super::rows::{self, Words};
use super::store::{Outbox, summary};

/// How long the lease of a process lasts that cannot be seen from here. RFC 5321, section 4.5.3.2, gives a submission
/// ten minutes for the last answer alone.
const LEASE: SignedDuration = SignedDuration::from_hours(2);
/// No answer is kept longer, in characters.
const ANSWER: usize = 512;

/// A message that this process, and no other, may hand to a server. Dropped before the point of no return, the message
/// is queued again; dropped behind it, the message is unknown.
#[must_use = "a lease that is dropped puts the message back"]
pub struct Lease<'a> {
    outbox: &'a Outbox,
    entry: Entry,
    settled: bool,
}

impl Outbox {
    /// Takes a message that waits, also one that was deferred until later.
    pub fn claim(&self, id: Id) -> Result<Lease<'_>, OutboxError> {
        self.recover()?;
        let entry = self.change(|transaction| self.take(transaction, id))?;
        Ok(Lease { outbox: self, entry, settled: false })
    }

    /// Takes the message that has waited longest and is due, if there is one.
    pub fn claim_next(&self) -> Result<Option<Lease<'_>>, OutboxError> {
        self.recover()?;
        let entry = self.change(|transaction| {
            let next = due(transaction, self.clock.now())?;
            next.map(|id| self.take(transaction, id)).transpose()
        })?;
        Ok(entry.map(|entry| Lease { outbox: self, entry, settled: false }))
    }

    fn take(&self, transaction: &Transaction<'_>, id: Id) -> Result<Entry, OutboxError> {
        let row = rows::by_id(transaction, id)?;
        if !row.state.is_pending() {
            return Err(OutboxError::State { id, state: row.state });
        }
        let now = self.clock.now();
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        transaction
            .prepare_cached(
                "UPDATE message SET state = ?2, owner = ?3, lease = ?4, changed_at = ?5, attempts = attempts + 1
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                State::Submitting.word(),
                self.owner.to_string(),
                until.as_microsecond(),
                now.as_microsecond()
            ])?;
        rows::event(transaction, self.key(), id, None, State::Submitting, now, None)?;
        rows::entry(transaction, self.key(), &rows::by_id(transaction, id)?)
    }
}

fn due(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Option<Id>> {
    use rusqlite::OptionalExtension;
    transaction
        .prepare_cached(
            "SELECT id FROM message
             WHERE state = 'queued' OR (state = 'deferred' AND until <= ?1) ORDER BY id LIMIT 1",
        )?
        .query_row([now.as_microsecond()], |row| row.get(0).map(Id))
        .optional()
}

impl Lease<'_> {
    /// The message and whom it still has to reach.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its octets.
    pub fn content(&self) -> Result<Content, OutboxError> {
        self.outbox.content(self.entry.id)
    }

    /// Notes, on disk, that from now on the server may have taken the message. Called before its last octets leave.
    pub fn point_of_no_return(&mut self) -> Result<(), OutboxError> {
        let now = self.outbox.clock.now();
        let id = self.entry.id;
        self.outbox.change(|transaction| {
            self.still_ours(transaction, &[State::Submitting])?;
            transaction
                .prepare_cached("UPDATE message SET state = ?2, changed_at = ?3 WHERE id = ?1")?
                .execute(params![id.0, State::Committing.word(), now.as_microsecond()])?;
            Ok(rows::event(transaction, self.outbox.key(), id, None, State::Committing, now, None)?)
        })?;
        self.entry.state = State::Committing;
        Ok(())
    }

    /// Writes down what the server said for each recipient, and gives the message back. A recipient that is not named
    /// stays as it was.
    pub fn close(mut self, settled: &[Settled]) -> Result<Entry, OutboxError> {
        let (id, now) = (self.entry.id, self.outbox.clock.now());
        let closed = self.outbox.change(|transaction| {
            self.still_ours(transaction, &[State::Submitting, State::Committing])?;
            let mut until: Option<Timestamp> = None;
            for one in settled {
                let places = self.entry.recipients.iter().enumerate();
                let place =
                    places.filter(|(_, recipient)| recipient.address == one.address && recipient.state.is_pending());
                for (place, _) in place {
                    rows::set_recipient(transaction, id, place, one.outcome.state())?;
                    let words = words(one);
                    let state = one.outcome.state();
                    rows::event(transaction, self.outbox.key(), id, Some(place), state, now, Some(&words))?;
                }
                if let Outcome::Deferred { until: then } = one.outcome {
                    until = Some(until.map_or(then, |until| until.min(then)));
                }
            }
            let state = summary(&rows::recipient_states(transaction, id)?);
            rows::set_state(transaction, id, state, until, now)?;
            rows::event(transaction, self.outbox.key(), id, None, state, now, None)?;
            rows::entry(transaction, self.outbox.key(), &rows::by_id(transaction, id)?)
        })?;
        self.settled = true;
        Ok(closed)
    }

    /// The same outcome for every recipient that waited.
    pub fn close_all(self, outcome: &Outcome, answer: &str) -> Result<Entry, OutboxError> {
        let settled: Vec<Settled> = self
            .entry
            .pending()
            .recipients
            .into_iter()
            .map(|address| Settled { address, outcome: outcome.clone(), answer: answer.to_owned() })
            .collect();
        self.close(&settled)
    }

    /// Gives the message back as if it had not been taken; behind the point of no return, as unknown.
    pub fn release(mut self) -> Result<(), OutboxError> {
        self.settled = true;
        self.give_back()
    }

    fn give_back(&self) -> Result<(), OutboxError> {
        let (id, now) = (self.entry.id, self.outbox.clock.now());
        self.outbox.change(|transaction| {
            let held = self.still_ours(transaction, &[State::Submitting, State::Committing])?;
            if held == State::Committing {
                rows::turn_recipients(transaction, id, &[State::Queued, State::Deferred], State::Unknown)?;
            }
            let state = summary(&rows::recipient_states(transaction, id)?);
            rows::set_state(transaction, id, state, self.entry.until, now)?;
            Ok(rows::event(transaction, self.outbox.key(), id, None, state, now, None)?)
        })
    }

    /// Refuses where the lease was taken back meanwhile.
    fn still_ours(&self, transaction: &Transaction<'_>, states: &[State]) -> Result<State, OutboxError> {
        let id = self.entry.id;
        let (state, owner): (State, Option<String>) = transaction
            .prepare_cached("SELECT state, owner FROM message WHERE id = ?1")?
            .query_row([id.0], |row| Ok((rows::state(row, 0)?, row.get(1)?)))?;
        let ours = owner.as_deref() == Some(self.outbox.owner.to_string().as_str());
        if ours && states.contains(&state) { Ok(state) } else { Err(OutboxError::State { id, state }) }
    }
}

fn words(one: &Settled) -> Words {
    let queue_id = match &one.outcome {
        Outcome::Accepted { queue_id } => queue_id.clone(),
        _ => None,
    };
    Words { answer: Some(one.answer.chars().take(ANSWER).collect()), queue_id }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.settled {
            // Nothing can be told here; what is not given back now is taken back once the process has ended.
            let _ = self.give_back();
        }
    }
}
