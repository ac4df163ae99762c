//! The outbox of a profile: how it is opened, what is in it, and what ended processes left behind.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::clock::Clock;
use crate::fs;
use crate::journal;
use crate::mail::MessageId;
use crate::process::{Life, Process};
use crate::secret::SealingKey;

use super::OutboxError;
use super::content::Content;
use super::entry::{CopyId, Entry, Event, Id, State};
use super::keys::{Keys, Lookup};
use super::rows::{self, CopyRow, Place};
use super::schema::FORMAT;

/// Rows that are read at once.
const PAGE: u32 = 256;

/// The outbox of one profile. Several processes, and several threads of one, may use it at once.
pub struct Outbox {
    /// For looks, which need not wait while a change is synced: what belongs together is read in one transaction. Closed before the other: whoever closes last empties the log.
    reader: Mutex<Connection>,
    /// For changes, one at a time.
    writer: Mutex<Connection>,
    files: PathBuf,
    keys: Keys,
    pub(super) clock: Clock,
    pub(super) owner: Process,
}

/// A message that is in the outbox already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub id: Id,
    /// Whether it says what was asked for now.
    pub same: bool,
    /// Its copies.
    pub entries: Vec<Entry>,
}

impl Outbox {
    /// Opens the outbox in the folder of a profile, and makes it where it is not there. `key` is the storage key of the
    /// profile. What ended processes left behind is taken back first.
    pub fn open(dir: &Path, key: &SealingKey, clock: Clock) -> Result<Outbox, OutboxError> {
        fs::private_dir(dir)?;
        let files = dir.join("outbox");
        fs::private_dir(&files)?;
        let (path, keys) = (dir.join("outbox.db"), Keys::new(key));
        let writer = Mutex::new(journal::open(&path, &FORMAT, &keys.digest(Lookup::StorageKey, b""))?);
        let reader = Mutex::new(journal::open_reader(&path)?);
        let outbox = Outbox { reader, writer, files, keys, clock, owner: Process::current() };
        outbox.recover()?;
        Ok(outbox)
    }

    /// The message that entered under the caller's key, if there is one, and whether it says the same.
    pub fn known(&self, key: &[u8; 32], content: &[u8; 32]) -> Result<Option<Known>, OutboxError> {
        let connection = self.reader();
        let moment = connection.unchecked_transaction()?;
        let Some((id, digest)) = rows::by_key(&moment, &self.keys.digest(Lookup::Key, key))? else {
            return Ok(None);
        };
        let same = digest == self.keys.digest(Lookup::Content, content);
        Ok(Some(Known { id, same, entries: self.entries_of(&moment, id)? }))
    }

    /// Whether a message entered under the caller's key.
    pub fn knows(&self, key: &[u8; 32]) -> Result<bool, OutboxError> {
        Ok(rows::by_key(&self.reader(), &self.keys.digest(Lookup::Key, key))?.is_some())
    }

    /// The copies of a message.
    pub fn entries(&self, id: Id) -> Result<Vec<Entry>, OutboxError> {
        let connection = self.reader();
        let moment = connection.unchecked_transaction()?;
        self.entries_of(&moment, id)
    }

    /// The copies of several messages, as they stand at one moment.
    pub fn entries_of_all(&self, ids: &[Id]) -> Result<Vec<Vec<Entry>>, OutboxError> {
        let connection = self.reader();
        let moment = connection.unchecked_transaction()?;
        ids.iter().map(|id| self.entries_of(&moment, *id)).collect()
    }

    /// One copy.
    pub fn entry(&self, copy: CopyId) -> Result<Entry, OutboxError> {
        let connection = self.reader();
        let moment = connection.unchecked_transaction()?;
        rows::entry(&moment, &self.keys, &self.row(&moment, copy)?)
    }

    /// Every copy, oldest first, read page by page.
    pub fn list(&self) -> impl Iterator<Item = Result<Entry, OutboxError>> + '_ {
        self.list_of(&State::ALL)
    }

    /// The copies with a recipient in one of these states, oldest first, read page by page.
    pub fn list_of(&self, states: &[State]) -> impl Iterator<Item = Result<Entry, OutboxError>> + use<'_> {
        let states = states.to_vec();
        let mut after = CopyId(0);
        let mut page: Vec<Result<Entry, OutboxError>> = Vec::new();
        std::iter::from_fn(move || {
            if page.is_empty() {
                let connection = self.reader();
                // What belongs together is read as it stands at one moment.
                let _moment = connection.unchecked_transaction();
                let rows = match rows::page(&connection, &states, after, PAGE) {
                    Ok(rows) => rows,
                    Err(error) => return Some(Err(error.into())),
                };
                after = rows.last().map_or(after, |row| row.id);
                page = rows.iter().rev().map(|row| rows::entry(&connection, &self.keys, row)).collect();
            }
            page.pop()
        })
    }

    /// The messages with a Message-ID.
    pub fn find(&self, message_id: &MessageId) -> Result<Vec<Id>, OutboxError> {
        let digest = self.keys.digest(Lookup::MessageId, message_id.as_str().as_bytes());
        Ok(rows::by_message_id(&self.reader(), &digest)?)
    }

    /// What happened to a message, oldest first, copy by copy.
    pub fn history(&self, id: Id) -> Result<Vec<(CopyId, Vec<Event>)>, OutboxError> {
        let connection = self.reader();
        let moment = connection.unchecked_transaction()?;
        let rows = rows::copies(&moment, id)?;
        rows.iter().map(|row| Ok((row.id, rows::events(&moment, &self.keys, row)?))).collect()
    }

    /// The octets of a copy, verified piece by piece as they are read.
    pub fn content(&self, copy: CopyId) -> Result<Content, OutboxError> {
        self.content_at(&self.row(&self.reader(), copy)?.place)
    }

    pub(super) fn content_at(&self, place: &Place) -> Result<Content, OutboxError> {
        Content::open(&self.files.join(&place.file), place.start, self.keys.octets(place), place.size)
    }

    /// Takes back the leases of processes that ended; returns how many copies became unknown by it.
    pub fn recover(&self) -> Result<u64, OutboxError> {
        let own = self.owner.to_string();
        let others = |connection: &Connection| -> rusqlite::Result<Vec<Held>> {
            Ok(leases(connection)?.into_iter().filter(|held| held.owner != own).collect())
        };
        if others(&self.reader())?.is_empty() {
            return Ok(0);
        }
        self.change(|transaction| {
            let (now, mut unknown) = (self.clock.now(), 0);
            let mut lives: HashMap<String, Option<Life>> = HashMap::new();
            for held in others(transaction)? {
                let read = || Process::parse(&held.owner).map(|process| process.life());
                let over = match lives.entry(held.owner.clone()).or_insert_with(read) {
                    Some(Life::Running) => false,
                    Some(Life::OutOfSight) => held.until < now.as_microsecond(),
                    Some(Life::Ended) | None => true,
                };
                if over {
                    self.end_lease(transaction, &self.row(transaction, held.id)?, held.state, now)?;
                    unknown += u64::from(held.state == State::Committing);
                }
            }
            Ok(unknown)
        })
    }

    pub(super) fn row(&self, connection: &Connection, copy: CopyId) -> Result<CopyRow, OutboxError> {
        rows::copy(connection, copy)?.ok_or(OutboxError::NoSuchMessage { id: Id(copy.0) })
    }

    fn entries_of(&self, connection: &Connection, id: Id) -> Result<Vec<Entry>, OutboxError> {
        rows::copies(connection, id)?.iter().map(|row| rows::entry(connection, &self.keys, row)).collect()
    }

    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What was committed.
    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Connection> {
        // A thread that died in the middle left no open transaction: it is rolled back when it is dropped.
        self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// One change, whole or not at all, on disk when this returns.
    pub(super) fn change<T>(
        &self,
        deed: impl FnOnce(&Transaction<'_>) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        let mut connection = self.writer();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = deed(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// A lease, and whose it is.
struct Held {
    id: CopyId,
    state: State,
    owner: String,
    until: i64,
}

fn leases(connection: &Connection) -> rusqlite::Result<Vec<Held>> {
    connection
        .prepare_cached("SELECT id, state, owner, lease FROM copy WHERE state IN ('submitting', 'committing')")?
        .query_map([], |row| {
            Ok(Held {
                id: CopyId(row.get(0)?),
                state: rows::state(row, 1)?,
                owner: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                until: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
            })
        })?
        .collect()
}
