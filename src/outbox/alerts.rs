//! Who was told of what: messages that did not arrive, a server that is away. Each is told once, and so is its end.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use crate::mail::Address;

use super::OutboxError;
use super::entry::{CopyId, Entry, Id, State};
use super::rows;
use super::store::Outbox;

/// What stands in the journal for the server.
const SERVER: &str = "server";

/// Copies with somebody whom they did not reach, or that were put off for the third time, of which nobody was told.
const NEW: &str = "
SELECT DISTINCT copy.id, copy.message FROM copy JOIN recipient ON recipient.copy = copy.id
WHERE (recipient.state IN ('refused', 'bounced', 'expired', 'unknown')
       OR (recipient.state = 'deferred' AND copy.state = 'deferred' AND copy.attempts >= 3))
  AND NOT EXISTS (SELECT 1 FROM alert WHERE subject = 'copy ' || copy.id)
ORDER BY copy.id";

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing can be submitted.
    Trouble,
    /// Messages did not arrive, or are put off again and again.
    Undelivered,
    /// That is over.
    Recovered,
}

/// How the server was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It took a message.
    Serves,
    /// Nothing could be submitted.
    Away,
}

/// Something to tell somebody, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What.
    pub cause: Cause,
    /// The messages it is about; in trouble, those that wait.
    pub messages: Vec<Id>,
    subjects: Vec<String>,
}

impl Outbox {
    /// What is to be told now, at most one alert of each cause. It counts as told from now on: of several processes one gets
    /// it. `service` is how the server was found, if it was asked.
    pub fn alerts(&self, service: Option<Service>) -> Result<Vec<Alert>, OutboxError> {
        self.change(|transaction| {
            let now = self.clock.now();
            let mut alerts = Vec::new();
            let was_away = raised(transaction)?.iter().any(|subject| subject == SERVER);
            if service == Some(Service::Away) && !was_away {
                let subjects = vec![SERVER.to_owned()];
                alerts.push(Alert { cause: Cause::Trouble, messages: waiting(transaction, now)?, subjects });
            }
            alerts.push(self.undelivered(transaction)?);
            let mut recovered = self.recovered(transaction)?;
            if service == Some(Service::Serves) && was_away {
                recovered.subjects.push(SERVER.to_owned());
            }
            alerts.push(recovered);
            alerts.retain(|alert| !alert.subjects.is_empty());
            for alert in &alerts {
                note(transaction, alert, alert.cause != Cause::Recovered, now)?;
            }
            Ok(alerts)
        })
    }

    /// Takes back that an alert was told: it is told at the next opportunity.
    pub fn not_told(&self, alert: &Alert) -> Result<(), OutboxError> {
        let now = self.clock.now();
        self.change(|transaction| note(transaction, alert, alert.cause == Cause::Recovered, now))
    }

    fn undelivered(&self, transaction: &Transaction<'_>) -> Result<Alert, OutboxError> {
        let found: Vec<(CopyId, Id)> = transaction
            .prepare_cached(NEW)?
            .query_map([], |row| Ok((CopyId(row.get(0)?), Id(row.get(1)?))))?
            .collect::<rusqlite::Result<_>>()?;
        let mut alert = Alert { cause: Cause::Undelivered, messages: Vec::new(), subjects: Vec::new() };
        for (copy, id) in found {
            if self.wants(transaction, copy, id)? {
                alert.subjects.push(subject(copy));
                add(&mut alert.messages, id);
            }
        }
        Ok(alert)
    }

    /// What somebody was told of and is settled; what is no longer here is forgotten.
    fn recovered(&self, transaction: &Transaction<'_>) -> Result<Alert, OutboxError> {
        let mut alert = Alert { cause: Cause::Recovered, messages: Vec::new(), subjects: Vec::new() };
        for told in raised(transaction)?.into_iter().filter(|told| told != SERVER) {
            let copy = told.rsplit_once(' ').and_then(|(_, number)| number.parse().ok()).map(CopyId);
            let row = copy.map(|copy| rows::copy(transaction, copy)).transpose()?.flatten();
            let Some(row) = row else {
                transaction.prepare_cached("DELETE FROM alert WHERE subject = ?1")?.execute([told])?;
                continue;
            };
            if row.state.is_final() && !self.wants(transaction, row.id, row.message)? {
                alert.subjects.push(told);
                add(&mut alert.messages, row.message);
            }
        }
        Ok(alert)
    }

    /// Whether a copy still lacks somebody who has no later copy of the same message.
    fn wants(&self, transaction: &Transaction<'_>, copy: CopyId, id: Id) -> Result<bool, OutboxError> {
        let lacks = |state: &State| state.is_failed() || matches!(state, State::Unknown | State::Deferred);
        if !rows::recipient_states(transaction, copy)?.iter().any(lacks) {
            return Ok(false);
        }
        let copies = rows::copies(transaction, id)?;
        if copies.last().is_some_and(|last| last.id == copy) {
            return Ok(true);
        }
        let entries: Vec<Entry> =
            copies.iter().map(|row| rows::entry(transaction, self.keys(), row)).collect::<Result<_, OutboxError>>()?;
        let own = entries.iter().filter(|entry| entry.copy == copy).flat_map(|entry| &entry.recipients);
        let mut lacking = own.filter(|one| lacks(&one.state));
        Ok(lacking.any(|one| !is_superseded(&entries, copy, &one.address)))
    }
}

/// Whether a later copy of the same message went to somebody: then that one counts.
pub fn is_superseded(entries: &[Entry], copy: CopyId, address: &Address) -> bool {
    entries.iter().any(|entry| entry.copy > copy && entry.envelope.recipients.contains(address))
}

/// A person queues a copy again: its failure, should there be one, is a new one; its end is still told.
pub(super) fn begin_again(transaction: &Transaction<'_>, copy: CopyId) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE OR REPLACE alert SET subject = 'again ' || ?2 WHERE subject = ?1")?
        .execute(params![subject(copy), copy.0])?;
    Ok(())
}

fn subject(copy: CopyId) -> String {
    format!("copy {}", copy.0)
}

fn add(messages: &mut Vec<Id>, id: Id) {
    if messages.last() != Some(&id) {
        messages.push(id);
    }
}

fn raised(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached("SELECT subject FROM alert ORDER BY subject")?.query_map([], |row| row.get(0))?.collect()
}

fn waiting(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Id>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT message FROM copy
             WHERE state = 'queued' OR (state = 'deferred' AND until <= ?1) ORDER BY message",
        )?
        .query_map([now.as_microsecond()], |row| row.get(0).map(Id))?
        .collect()
}

fn note(transaction: &Transaction<'_>, alert: &Alert, stands: bool, now: Timestamp) -> Result<(), OutboxError> {
    for subject in &alert.subjects {
        if stands {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO alert (subject, raised_at) VALUES (?1, ?2)")?
                .execute(params![subject, now.as_microsecond()])?;
            let again = subject.replace("copy ", "again ");
            transaction
                .prepare_cached("DELETE FROM alert WHERE subject = ?1 AND subject <> ?2")?
                .execute([&again, subject])?;
        } else {
            transaction.prepare_cached("DELETE FROM alert WHERE subject = ?1")?.execute([subject])?;
        }
    }
    Ok(())
}
