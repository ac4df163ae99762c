//! The outbox of a profile: what goes in, what is in it, what is settled and what is removed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::clock::Clock;
use crate::fs;
use crate::journal;
use crate::mail::MessageId;
use crate::process::{Life, Process};
use crate::sealed::{Sealed, Suite};
use crate::secret::SealingKey;

use super::OutboxError;
use super::content::{self, Content};
use super::entry::{Enqueued, Entry, Id, NewMessage, Resolution, State};
use super::rows::{self, FORMAT};

/// The outbox of one profile. Several processes, and several threads of one, may use it at once.
pub struct Outbox {
    connection: Mutex<Connection>,
    files: PathBuf,
    key: SealingKey,
    pub(super) clock: Clock,
    pub(super) owner: Process,
}

impl Outbox {
    /// Opens the outbox in the folder of a profile, and makes it where it is not there. `key` is the storage key of the
    /// profile. What ended processes left behind is taken back first.
    pub fn open(dir: &Path, key: &SealingKey, clock: Clock) -> Result<Outbox, OutboxError> {
        fs::private_dir(dir)?;
        let files = dir.join("outbox");
        fs::private_dir(&files)?;
        let key = key.derive(b"outbox");
        let check = rows::digest(&key, b"storage key", b"");
        let connection = journal::open(&dir.join("outbox.db"), &FORMAT, &check)?;
        let outbox = Outbox { connection: Mutex::new(connection), files, key, clock, owner: Process::current() };
        outbox.recover()?;
        Ok(outbox)
    }

    /// Takes a sealed message in under the caller's key. When this returns, message and row are on disk.
    pub fn enqueue_sealed(&self, key: &[u8; 32], sealed: &mut Sealed) -> Result<Enqueued, OutboxError> {
        let (envelope, message_id) = (sealed.envelope().clone(), sealed.message_id().clone());
        let message = NewMessage {
            key,
            envelope: &envelope,
            message_id: &message_id,
            protection: sealed.protection().as_str(),
            cipher: sealed.suite().map(Suite::cipher),
            size: sealed.size(),
        };
        let mut octets = sealed.reader().map_err(OutboxError::io("read"))?;
        self.enqueue(&message, &mut octets)
    }

    /// Takes a message in. When this returns, message and row are on disk. A message whose key is known stays as it is.
    pub(super) fn enqueue(&self, message: &NewMessage<'_>, octets: &mut dyn Read) -> Result<Enqueued, OutboxError> {
        let digest = rows::digest(&self.key, b"key", message.key);
        if let Some((id, state)) = rows::by_key(&self.connection(), &digest)? {
            return Ok(Enqueued::Known(id, state));
        }
        // The file comes first: a row without its message could not be sent, a file without its row is swept.
        let file = content::random_name();
        let found = content::write(&self.files, &file, &content::file_key(&self.key, &file), octets)?;
        let inserted = self.insert(message, &file, &digest, found);
        if !matches!(inserted, Ok(Enqueued::New(_))) {
            let _ = std::fs::remove_file(self.files.join(&file));
        }
        inserted
    }

    fn insert(
        &self,
        message: &NewMessage<'_>,
        file: &str,
        digest: &[u8; 32],
        found: u64,
    ) -> Result<Enqueued, OutboxError> {
        if found != message.size {
            return Err(OutboxError::Size { announced: message.size, found });
        }
        self.change(|transaction| {
            if let Some((id, state)) = rows::by_key(transaction, digest)? {
                return Ok(Enqueued::Known(id, state));
            }
            Ok(Enqueued::New(rows::insert(transaction, &self.key, message, file, self.clock.now())?))
        })
    }

    /// The message that entered under the caller's key, if there is one.
    pub fn known(&self, key: &[u8; 32]) -> Result<Option<(Id, State)>, OutboxError> {
        let digest = rows::digest(&self.key, b"key", key);
        Ok(rows::by_key(&self.connection(), &digest)?)
    }

    /// One message.
    pub fn entry(&self, id: Id) -> Result<Entry, OutboxError> {
        let connection = self.connection();
        rows::entry(&connection, &self.key, &rows::by_id(&connection, id)?)
    }

    /// Every message, oldest first.
    pub fn list(&self) -> Result<Vec<Entry>, OutboxError> {
        let connection = self.connection();
        rows::all(&connection)?.iter().map(|row| rows::entry(&connection, &self.key, row)).collect()
    }

    /// The messages with a Message-ID: one for each envelope it was queued with.
    pub fn find(&self, message_id: &MessageId) -> Result<Vec<Entry>, OutboxError> {
        let connection = self.connection();
        let digest = rows::digest(&self.key, b"Message-ID", message_id.as_str().as_bytes());
        let found = rows::by_message_id(&connection, &digest)?;
        found.iter().map(|row| rows::entry(&connection, &self.key, row)).collect()
    }

    /// The octets of a message, verified piece by piece as they are read.
    pub fn content(&self, id: Id) -> Result<Content, OutboxError> {
        let connection = self.connection();
        let row = rows::by_id(&connection, id)?;
        let size = rows::entry(&connection, &self.key, &row)?.size;
        Content::open(&self.files, &row.file, content::file_key(&self.key, &row.file), size)
    }

    /// Settles a message that is unknown.
    pub fn resolve(&self, id: Id, resolution: Resolution) -> Result<State, OutboxError> {
        let now = self.clock.now();
        self.change(|transaction| {
            let row = rows::by_id(transaction, id)?;
            if row.state != State::Unknown {
                return Err(OutboxError::State { id, state: row.state });
            }
            let to = match resolution {
                Resolution::Delivered => State::Accepted,
                Resolution::Lost => State::Queued,
            };
            rows::turn_recipients(transaction, id, &[State::Unknown], to)?;
            let state = summary(&rows::recipient_states(transaction, id)?);
            rows::set_state(transaction, id, state, row.until, now)?;
            rows::event(transaction, &self.key, id, None, state, now, None)?;
            Ok(state)
        })
    }

    /// Takes back a message that waits.
    pub fn cancel(&self, id: Id) -> Result<(), OutboxError> {
        let now = self.clock.now();
        self.change(|transaction| {
            let row = rows::by_id(transaction, id)?;
            if !row.state.is_pending() {
                return Err(OutboxError::State { id, state: row.state });
            }
            rows::turn_recipients(transaction, id, &[State::Queued, State::Deferred], State::Cancelled)?;
            rows::set_state(transaction, id, State::Cancelled, None, now)?;
            Ok(rows::event(transaction, &self.key, id, None, State::Cancelled, now, None)?)
        })
    }

    /// How many settled messages are older than a moment: what `purge` would remove.
    pub fn expired(&self, before: Timestamp) -> Result<u64, OutboxError> {
        Ok(self.past_term(&self.connection(), before)?.len() as u64)
    }

    /// Removes settled messages that are older than a moment, never one that may still go out or is unknown. Files that
    /// belong to no message are swept.
    pub fn purge(&self, before: Timestamp) -> Result<u64, OutboxError> {
        let gone = self.change(|transaction| {
            let gone = self.past_term(transaction, before)?;
            for (id, _) in &gone {
                transaction.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute([id.0])?;
            }
            Ok(gone)
        })?;
        for (_, file) in &gone {
            let path = self.files.join(file);
            std::fs::remove_file(&path).map_err(OutboxError::io("removed from the outbox"))?;
        }
        self.sweep()?;
        Ok(gone.len() as u64)
    }

    fn past_term(&self, connection: &Connection, before: Timestamp) -> Result<Vec<(Id, String)>, OutboxError> {
        let rows = rows::all(connection)?;
        let past = rows.into_iter().filter(|row| row.state.is_final() && row.changed_at < before);
        Ok(past.map(|row| (row.id, row.file)).collect())
    }

    /// Removes files without a row that are an hour old: what a process left that was killed between the two.
    fn sweep(&self) -> Result<(), OutboxError> {
        fs::sweep_staged(&self.files, self.clock.now())?;
        let known: Vec<String> = rows::all(&self.connection())?.into_iter().map(|row| row.file).collect();
        let files = self.files.read_dir().map_err(OutboxError::io("looked for in the outbox"))?;
        for entry in files.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let touched =
                entry.metadata().ok().and_then(|metadata| Timestamp::try_from(metadata.modified().ok()?).ok());
            let old = touched.is_some_and(|at| self.clock.now().as_second() - at.as_second() > 3600);
            if old && !known.contains(&name) {
                std::fs::remove_file(entry.path()).map_err(OutboxError::io("removed from the outbox"))?;
            }
        }
        Ok(())
    }

    /// Takes back the leases of processes that ended; returns how many messages became unknown by it.
    pub fn recover(&self) -> Result<u64, OutboxError> {
        let now = self.clock.now();
        self.change(|transaction| {
            let mut unknown = 0;
            for lease in leases(transaction)? {
                if !lease.is_over(now) {
                    continue;
                }
                let to = match lease.state {
                    State::Committing => State::Unknown,
                    _ => summary(&rows::recipient_states(transaction, lease.id)?),
                };
                if to == State::Unknown {
                    let pending = [State::Queued, State::Deferred];
                    rows::turn_recipients(transaction, lease.id, &pending, State::Unknown)?;
                    unknown += 1;
                }
                let until = rows::by_id(transaction, lease.id)?.until;
                rows::set_state(transaction, lease.id, to, until, now)?;
                rows::event(transaction, &self.key, lease.id, None, to, now, None)?;
            }
            Ok(unknown)
        })
    }

    pub(super) fn key(&self) -> &SealingKey {
        &self.key
    }

    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A thread that died in the middle left no open transaction: it is rolled back when it is dropped.
        self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// One change, whole or not at all, on disk when this returns.
    pub(super) fn change<T>(
        &self,
        deed: impl FnOnce(&Transaction<'_>) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = deed(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// The state of a message, from those of its recipients: what needs attention first.
pub(super) fn summary(recipients: &[State]) -> State {
    let order = [State::Unknown, State::Queued, State::Deferred, State::Accepted, State::Refused];
    order.into_iter().find(|state| recipients.contains(state)).unwrap_or(State::Cancelled)
}

struct Held {
    id: Id,
    state: State,
    owner: Option<Process>,
    until: i64,
}

impl Held {
    fn is_over(&self, now: Timestamp) -> bool {
        match self.owner.as_ref().map(Process::life) {
            Some(Life::Running) => false,
            Some(Life::OutOfSight) => self.until < now.as_microsecond(),
            Some(Life::Ended) | None => true,
        }
    }
}

fn leases(connection: &Connection) -> rusqlite::Result<Vec<Held>> {
    connection
        .prepare_cached("SELECT id, state, owner, lease FROM message WHERE state IN ('submitting', 'committing')")?
        .query_map([], |row| {
            let owner: Option<String> = row.get(2)?;
            Ok(Held {
                id: Id(row.get(0)?),
                state: rows::state(row, 1)?,
                owner: owner.and_then(|text| Process::parse(&text)),
                until: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
            })
        })?
        .collect()
}
