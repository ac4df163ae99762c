//! What a person, or evidence, decides on a message.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::OutboxError;
use super::alerts;
use super::entry::{Id, State, summary};
use super::rows::{self, CopyRow, Words};
use super::store::Outbox;

/// How an unknown message is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The server took it.
    Delivered,
    /// The server did not: it is queued again, the same octets under the same Message-ID.
    Lost,
}

impl Outbox {
    /// Settles every copy of a message that is unknown. `because` is kept as what was said.
    pub fn resolve(&self, id: Id, resolution: Resolution, because: &str) -> Result<(), OutboxError> {
        let to = match resolution {
            Resolution::Delivered => State::Accepted,
            Resolution::Lost => State::Queued,
        };
        self.settle_all(id, |state| state == State::Unknown, to, because)
    }

    /// Takes back what waits of a message, and closes what came to nothing.
    pub fn cancel(&self, id: Id, because: &str) -> Result<(), OutboxError> {
        let open = |state: State| state.is_pending() || state.is_failed();
        self.settle_all(id, open, State::Cancelled, because)
    }

    /// Queues again, the same octets under the same Message-ID, for those whom the message did not reach; what is deferred
    /// is due at once.
    pub fn requeue(&self, id: Id, because: &str) -> Result<(), OutboxError> {
        let again = |state: State| state.is_failed() || matches!(state, State::Cancelled | State::Deferred);
        self.settle_all(id, again, State::Queued, because)
    }

    /// Turns every recipient that stands in one state to another, in every copy that nobody has in hand.
    fn settle_all(&self, id: Id, from: impl Fn(State) -> bool, to: State, because: &str) -> Result<(), OutboxError> {
        self.change(|transaction| self.turn_all(transaction, id, from, to, because))
    }

    pub(super) fn turn_all(
        &self,
        transaction: &Transaction<'_>,
        id: Id,
        from: impl Fn(State) -> bool,
        to: State,
        because: &str,
    ) -> Result<(), OutboxError> {
        let now = self.clock.now();
        let copies = rows::copies(transaction, id)?;
        let mut turned = false;
        for row in copies.iter().filter(|row| !matches!(row.state, State::Submitting | State::Committing)) {
            turned |= self.turn_copy(transaction, row, &from, to, because, now)?;
        }
        let states: Vec<State> = copies.iter().map(|row| row.state).collect();
        if turned { Ok(()) } else { Err(OutboxError::State { id, state: summary(&states) }) }
    }

    fn turn_copy(
        &self,
        transaction: &Transaction<'_>,
        row: &CopyRow,
        from: &impl Fn(State) -> bool,
        to: State,
        because: &str,
        now: Timestamp,
    ) -> Result<bool, OutboxError> {
        let places = rows::turn_recipients(transaction, row.id, from, to, now)?;
        let words = Words { answer: Some(because.to_owned()), queue_id: None };
        for place in &places {
            rows::event(transaction, self.keys(), row.id, Some(*place), to, now, Some(&words))?;
        }
        if !places.is_empty() && to == State::Queued {
            // It has the whole time once more before it expires.
            transaction
                .prepare_cached("UPDATE copy SET queued_at = ?2 WHERE id = ?1")?
                .execute(params![row.id.0, now.as_microsecond()])?;
            alerts::begin_again(transaction, row.id)?;
        }
        if !places.is_empty() {
            let state = summary(&rows::recipient_states(transaction, row.id)?);
            let until = row.until.filter(|_| state == State::Deferred);
            rows::set_state(transaction, row.id, state, until, now)?;
            rows::event(transaction, self.keys(), row.id, None, state, now, None)?;
        }
        Ok(!places.is_empty())
    }
}
