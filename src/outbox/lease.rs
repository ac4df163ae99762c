//! A copy in hand: one process has it, until it says what became of it. What many leases have to say is written in one turn.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use crate::process::{Moment, here};

use super::OutboxError;
use super::content::Content;
use super::entry::{CopyId, Entry, Outcome, RecipientEntry, Settled, State, summary};
use super::rows::{self, CopyRow, Place, Words};
use super::store::Outbox;

/// How long the lease of a process lasts that cannot be seen from here. RFC 5321, section 4.5.3.2, gives a submission
/// ten minutes for the last answer alone.
const LEASE: SignedDuration = SignedDuration::from_hours(2);
/// No answer is kept longer, in characters.
const ANSWER: usize = 512;

/// A copy that this process, and no other, may hand to a server. Dropped before the point of no return, it is queued again;
/// dropped behind it, it is unknown.
#[must_use = "a lease that is dropped puts the message back"]
pub struct Lease<'a> {
    outbox: &'a Outbox,
    entry: Entry,
    /// Where its octets are.
    place: Place,
    settled: bool,
}

/// What is to be written in one step, synced once: what became of some copies, which ones are about to pass the point of no
/// return, which ones to take.
#[derive(Default)]
pub struct Turn<'a> {
    /// What the server said; a recipient that is not named stays as it was.
    pub settle: Vec<(Lease<'a>, Vec<Settled>)>,
    /// From now on the server may have taken these. Written before their last octets leave.
    pub commit: Vec<CopyId>,
    /// Taken if they wait, also where they were deferred until later. What an ended process had waits once it was recovered.
    pub claim: Vec<CopyId>,
}

/// What came of a turn, in its order.
pub struct Turned<'a> {
    /// Each copy as it stands now, or why the lease on it was no longer ours.
    pub settled: Vec<Result<Entry, OutboxError>>,
    /// Whether each may go past the point of no return.
    pub committed: Vec<Result<(), OutboxError>>,
    /// The copies that were taken, and those that somebody else has or that wait no more.
    pub claimed: Vec<Result<Lease<'a>, OutboxError>>,
}

impl Outbox {
    /// Writes a turn: whole or not at all, on disk when this returns.
    pub fn turn<'a>(&'a self, turn: Turn<'a>) -> Result<Turned<'a>, OutboxError> {
        let (mut settled, mut committed, mut claimed) = (Vec::new(), Vec::new(), Vec::new());
        let Turn { settle, commit, claim } = turn;
        let deeds = [
            (!settle.is_empty(), Moment::BeforeSettlement, Moment::AfterSettlement),
            (!commit.is_empty(), Moment::BeforeCommit, Moment::AfterCommit),
            (!claim.is_empty(), Moment::BeforeClaim, Moment::AfterClaim),
        ];
        deeds.iter().filter(|deed| deed.0).for_each(|deed| here(deed.1));
        self.change(|transaction| {
            let now = self.clock.now();
            for (lease, said) in &settle {
                settled.push(apart(self.settle(transaction, &lease.entry, said, now))?);
            }
            for id in &commit {
                committed.push(apart(self.commit(transaction, *id, now))?);
            }
            for id in &claim {
                claimed.push(apart(self.take(transaction, *id, now))?);
            }
            Ok(())
        })?;
        deeds.iter().filter(|deed| deed.0).for_each(|deed| here(deed.2));
        for (mut lease, _) in settle {
            lease.settled = true;
            drop(lease);
        }
        let lease = |taken: Result<(Entry, Place), OutboxError>| {
            taken.map(|(entry, place)| Lease { outbox: self, entry, place, settled: false })
        };
        Ok(Turned { settled, committed, claimed: claimed.into_iter().map(lease).collect() })
    }

    /// Takes one copy.
    pub fn claim(&self, id: CopyId) -> Result<Lease<'_>, OutboxError> {
        self.recover()?;
        let turned = self.turn(Turn { claim: vec![id], ..Turn::default() })?;
        turned.claimed.into_iter().next().expect("each claim is answered")
    }

    /// The copies that wait and are due, oldest first.
    pub fn due(&self) -> Result<Vec<CopyId>, OutboxError> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached(
            "SELECT id FROM copy WHERE state = 'queued' OR (state = 'deferred' AND until <= ?1) ORDER BY id",
        )?;
        let found = statement.query_map([self.clock.now().as_microsecond()], |row| row.get(0).map(CopyId))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether a copy is due, or in the hands of a process that may give it back.
    pub fn may_go(&self, entry: &Entry) -> bool {
        match entry.state {
            State::Queued | State::Submitting | State::Committing => true,
            State::Deferred => entry.until.is_none_or(|until| until <= self.clock.now()),
            _ => false,
        }
    }

    /// When the next deferred copy is due.
    pub fn next_due(&self) -> Result<Option<Timestamp>, OutboxError> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached("SELECT min(until) FROM copy WHERE state = 'deferred'")?;
        let next: Option<i64> = statement.query_row([], |row| row.get(0))?;
        Ok(next.and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok()))
    }

    fn take(&self, transaction: &Transaction<'_>, id: CopyId, now: Timestamp) -> Result<(Entry, Place), OutboxError> {
        let mut row = self.row(transaction, id)?;
        if !row.state.is_pending() {
            return Err(OutboxError::State { id: row.message, state: row.state });
        }
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        transaction
            .prepare_cached(
                "UPDATE copy SET state = ?2, owner = ?3, lease = ?4, changed_at = ?5, attempts = attempts + 1
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                State::Submitting.word(),
                self.owner.to_string(),
                until.as_microsecond(),
                now.as_microsecond()
            ])?;
        rows::event(transaction, self.keys(), id, None, State::Submitting, now, None)?;
        row.taken(now);
        Ok((rows::entry(transaction, self.keys(), &row)?, row.place))
    }

    fn commit(&self, transaction: &Transaction<'_>, id: CopyId, now: Timestamp) -> Result<(), OutboxError> {
        self.still_ours(transaction, id, &[State::Submitting])?;
        transaction.prepare_cached("UPDATE copy SET state = ?2, changed_at = ?3 WHERE id = ?1")?.execute(params![
            id.0,
            State::Committing.word(),
            now.as_microsecond()
        ])?;
        Ok(rows::event(transaction, self.keys(), id, None, State::Committing, now, None)?)
    }

    fn settle(
        &self,
        transaction: &Transaction<'_>,
        entry: &Entry,
        said: &[Settled],
        now: Timestamp,
    ) -> Result<Entry, OutboxError> {
        let id = entry.copy;
        self.still_ours(transaction, id, &[State::Submitting, State::Committing])?;
        let mut until: Option<Timestamp> = None;
        let mut notified = false;
        // Read again: a notice may have come before the answer was written down.
        let mut settled = Entry { changed_at: now, ..entry.clone() };
        for (recipient, state) in settled.recipients.iter_mut().zip(rows::recipient_states(transaction, id)?) {
            recipient.state = state;
        }
        for one in said {
            let (state, words) = (one.outcome.state(), words(one));
            let places = settled.recipients.iter_mut().enumerate();
            for (place, recipient) in places.filter(|(_, it)| it.address == one.address && it.state.is_pending()) {
                rows::set_recipient(transaction, id, place, state, now)?;
                rows::event(transaction, self.keys(), id, Some(place), state, now, Some(&words))?;
                let (answer, queue_id) = (words.answer.clone(), words.queue_id.clone());
                *recipient = RecipientEntry { address: one.address.clone(), state, changed_at: now, answer, queue_id };
            }
            match one.outcome {
                Outcome::Deferred { until: then } => until = Some(until.map_or(then, |until| until.min(then))),
                Outcome::Accepted { notified: true, .. } => notified = true,
                _ => {}
            }
        }
        if notified {
            transaction.prepare_cached("UPDATE copy SET notified = 1 WHERE id = ?1")?.execute([id.0])?;
        }
        let states: Vec<State> = settled.recipients.iter().map(|recipient| recipient.state).collect();
        let state = summary(&states);
        rows::set_state(transaction, id, state, until, now)?;
        rows::event(transaction, self.keys(), id, None, state, now, None)?;
        Ok(Entry { state, until, notified: entry.notified || notified, ..settled })
    }

    /// The row of a copy, if its lease was not taken back meanwhile.
    fn still_ours(&self, transaction: &Transaction<'_>, id: CopyId, states: &[State]) -> Result<CopyRow, OutboxError> {
        let row = self.row(transaction, id)?;
        let ours = row.owner.as_deref() == Some(self.owner.to_string().as_str());
        if ours && states.contains(&row.state) {
            Ok(row)
        } else {
            Err(OutboxError::State { id: row.message, state: row.state })
        }
    }

    fn give_back(&self, entry: &Entry, left: bool) -> Result<(), OutboxError> {
        let now = self.clock.now();
        self.change(|transaction| {
            let row = self.still_ours(transaction, entry.copy, &[State::Submitting, State::Committing])?;
            let held = if left { row.state } else { State::Submitting };
            self.end_lease(transaction, &row, held, now)
        })
    }

    /// Ends a lease that says nothing more: before the point of no return the copy waits as before, behind it it is unknown.
    pub(super) fn end_lease(
        &self,
        transaction: &Transaction<'_>,
        row: &CopyRow,
        held: State,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        if held == State::Committing {
            for place in rows::turn_recipients(transaction, row.id, State::is_pending, State::Unknown, now)? {
                rows::event(transaction, self.keys(), row.id, Some(place), State::Unknown, now, None)?;
            }
        }
        let state = summary(&rows::recipient_states(transaction, row.id)?);
        rows::set_state(transaction, row.id, state, row.until, now)?;
        Ok(rows::event(transaction, self.keys(), row.id, None, state, now, None)?)
    }
}

/// Sets what concerns one copy only apart from what ends the whole turn.
fn apart<T>(done: Result<T, OutboxError>) -> Result<Result<T, OutboxError>, OutboxError> {
    match done {
        Err(error @ (OutboxError::Journal(_) | OutboxError::Fs(_) | OutboxError::Io { .. })) => Err(error),
        done => Ok(done),
    }
}

impl<'a> Lease<'a> {
    /// The copy and whom it still has to reach.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its octets.
    pub fn content(&self) -> Result<Content, OutboxError> {
        self.outbox.content_at(&self.place)
    }

    /// Notes, on disk, that from now on the server may have taken the message. Called before its last octets leave.
    pub fn point_of_no_return(&self) -> Result<(), OutboxError> {
        let turned = self.outbox.turn(Turn { commit: vec![self.entry.copy], ..Turn::default() })?;
        turned.committed.into_iter().next().expect("each commit is answered")
    }

    /// Writes down what the server said for each recipient, and gives the copy back.
    pub fn close(self, said: Vec<Settled>) -> Result<Entry, OutboxError> {
        let outbox = self.outbox;
        let turned = outbox.turn(Turn { settle: vec![(self, said)], ..Turn::default() })?;
        turned.settled.into_iter().next().expect("each settlement is answered")
    }

    /// The same outcome for every recipient that waited.
    pub fn close_all(self, outcome: &Outcome, answer: &str) -> Result<Entry, OutboxError> {
        let each = |address| Settled { address, outcome: outcome.clone(), answer: answer.to_owned() };
        let said = self.entry.pending().recipients.into_iter().map(each).collect();
        self.close(said)
    }

    /// Gives the copy back as if it had not been taken: for whoever knows that its last octets never left. Many copies pass the
    /// point of no return in one step, and the line may break before the turn of some of them comes.
    pub fn release(mut self) -> Result<(), OutboxError> {
        self.settled = true;
        self.outbox.give_back(&self.entry, false)
    }
}

fn words(one: &Settled) -> Words {
    let queue_id = match &one.outcome {
        Outcome::Accepted { queue_id, .. } => queue_id.clone(),
        _ => None,
    };
    Words { answer: Some(one.answer.chars().take(ANSWER).collect()), queue_id }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.settled {
            // Nothing can be told here; what is not given back now is taken back once the process has ended.
            let _ = self.outbox.give_back(&self.entry, true);
        }
    }
}
