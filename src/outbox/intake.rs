//! The way in: sealed messages, many at once, on disk with all their copies before anybody is told so.

use std::io::Write;

use rusqlite::{Connection, Transaction, params};

use crate::fs::Staged;
use crate::mail::Address;
use crate::process::{Moment, here};
use crate::sealed::{Sealed, Suite};

use super::OutboxError;
use super::content;
use super::entry::{CopyId, Id, State};
use super::keys::Lookup;
use super::rows::{self, Details, Place};
use super::store::Outbox;

/// A message on its way into the outbox.
pub struct NewMessage<'a> {
    /// What makes it this message and no other: the same key enters once.
    pub key: [u8; 32],
    /// A digest of what it says and to whom: under a known key, something else is another message.
    pub content: [u8; 32],
    /// What the caller calls it.
    pub label: Option<&'a str>,
    /// Its copies, all under one Message-ID.
    pub copies: &'a mut [Sealed],
    /// What is known under the key and says something else makes room: what of it still waits is taken back.
    pub replace: bool,
}

/// What became of an attempt to queue a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the outbox, on disk: these copies of it are new.
    New(Id, Vec<CopyId>),
    /// A message with this key was there before, and nothing was missing from it.
    Known(Id),
    /// A message with this key was there before, and it says something else.
    Differs(Id),
}

/// A copy whose octets are written, before it has a row.
struct Written {
    details: Details,
    recipients: Vec<Address>,
    place: Place,
}

impl Outbox {
    /// Takes messages in. When this returns, octets and rows are on disk, all synced together: for each message what became
    /// of it, or why it alone could not be read.
    ///
    /// A copy is added to a message that is known where nobody it is for has another one that may still arrive.
    pub fn enqueue(&self, messages: &mut [NewMessage<'_>]) -> Result<Vec<Result<Enqueued, OutboxError>>, OutboxError> {
        let file = content::random_name();
        // The file comes first: a row without its message could not be sent, a file without its row is swept.
        let mut staged = Staged::new(self.files())?;
        let mut written = Vec::new();
        let mut end = 0;
        for message in messages.iter_mut() {
            let copies = self.write(message, &file, &mut staged, &mut end);
            match copies {
                Err(error @ OutboxError::Io { deed: WRITE, .. }) => return Err(error),
                copies => written.push(copies),
            }
        }
        let path = self.files().join(&file);
        here(Moment::OctetsWritten);
        if end > 0 {
            staged.publish_new(&path)?;
        }
        here(Moment::FileNamed);
        let inserted = self.insert(messages, written);
        here(Moment::RowsWritten);
        let added = |one: &Result<Enqueued, OutboxError>| matches!(one, Ok(Enqueued::New(..)));
        if end > 0 && !inserted.as_ref().is_ok_and(|all| all.iter().any(added)) {
            let _ = std::fs::remove_file(path);
        }
        inserted
    }

    /// Writes the copies of one message behind those before it.
    fn write(
        &self,
        message: &mut NewMessage<'_>,
        file: &str,
        staged: &mut Staged,
        end: &mut u64,
    ) -> Result<Vec<Written>, OutboxError> {
        let mut written = Vec::new();
        for sealed in message.copies.iter_mut() {
            let recipients = sealed.envelope().recipients.clone();
            let details = Details {
                sender: sealed.envelope().sender.as_str().to_owned(),
                recipients: recipients.iter().map(|address| address.as_str().to_owned()).collect(),
                message_id: sealed.message_id().as_str().to_owned(),
                protection: sealed.protection().as_str().to_owned(),
                cipher: sealed.suite().map(Suite::cipher).map(str::to_owned),
                key: message.label.map(str::to_owned),
            };
            let place = Place { file: file.to_owned(), start: *end, size: sealed.size() };
            let key = self.keys().octets(&place);
            let mut octets = sealed.reader().map_err(OutboxError::io("read"))?;
            let mut counted = Counted { out: staged, count: end };
            let found = content::seal(&key, &mut octets, &mut counted)?;
            if found != place.size {
                return Err(OutboxError::Size { announced: place.size, found });
            }
            written.push(Written { details, recipients, place });
        }
        Ok(written)
    }

    fn insert(
        &self,
        messages: &[NewMessage<'_>],
        written: Vec<Result<Vec<Written>, OutboxError>>,
    ) -> Result<Vec<Result<Enqueued, OutboxError>>, OutboxError> {
        self.change(|transaction| {
            let mut enqueued = Vec::new();
            for (message, copies) in messages.iter().zip(written) {
                enqueued.push(match copies {
                    Ok(copies) => match self.insert_one(transaction, message, copies) {
                        Err(OutboxError::Empty) => Err(OutboxError::Empty),
                        inserted => Ok(inserted?),
                    },
                    Err(error) => Err(error),
                });
            }
            Ok(enqueued)
        })
    }

    fn insert_one(
        &self,
        transaction: &Transaction<'_>,
        message: &NewMessage<'_>,
        copies: Vec<Written>,
    ) -> Result<Enqueued, OutboxError> {
        let (key, content) =
            (self.keys().digest(Lookup::Key, &message.key), self.keys().digest(Lookup::Content, &message.content));
        // Asked again inside the transaction: another process may have queued the same meanwhile.
        let (id, served) = match rows::by_key(transaction, &key)? {
            Some((id, known)) if known != content && message.replace => {
                self.retire(transaction, id)?;
                (None, Vec::new())
            }
            Some((id, known)) if known != content => return Ok(Enqueued::Differs(id)),
            Some((id, _)) => (Some(id), self.served(transaction, id)?),
            None => (None, Vec::new()),
        };
        let known_as = match id {
            Some(id) => rows::copies(transaction, id)?.first().map(|row| rows::entry(transaction, self.keys(), row)),
            None => None,
        };
        let known_as = known_as.transpose()?.map(|entry| entry.message_id.as_str().to_owned());
        let fits = |copy: &Written| {
            known_as.as_ref().is_none_or(|known| *known == copy.details.message_id)
                && !copy.recipients.iter().any(|address| served.contains(address))
        };
        let copies: Vec<Written> = copies.into_iter().filter(fits).collect();
        let (id, now) = match (id, copies.first()) {
            (Some(id), None) => return Ok(Enqueued::Known(id)),
            (Some(id), Some(_)) => (id, self.clock.now()),
            (None, None) => return Err(OutboxError::Empty),
            (None, Some(first)) => {
                let now = self.clock.now();
                let message_id = self.keys().digest(Lookup::MessageId, first.details.message_id.as_bytes());
                (rows::insert_message(transaction, &key, &content, &message_id, now)?, now)
            }
        };
        let mut added = Vec::new();
        for copy in copies {
            added.push(rows::insert_copy(transaction, self.keys(), id, &copy.details, &copy.place, now)?);
        }
        Ok(Enqueued::New(id, added))
    }

    /// Gives the key of a message free; what of it waits is never sent.
    fn retire(&self, transaction: &Transaction<'_>, id: Id) -> Result<(), OutboxError> {
        match self.turn_all(transaction, id, State::is_pending, State::Cancelled, "replaced by another message") {
            Ok(()) | Err(OutboxError::State { .. }) => {}
            Err(error) => return Err(error),
        }
        let key = self.keys().digest(Lookup::Replaced, &id.0.to_be_bytes());
        transaction.prepare_cached("UPDATE message SET key = ?2 WHERE id = ?1")?.execute(params![id.0, key])?;
        Ok(())
    }

    /// Who has a copy that arrived or may still arrive.
    fn served(&self, connection: &Connection, id: Id) -> Result<Vec<Address>, OutboxError> {
        let mut served = Vec::new();
        for row in rows::copies(connection, id)? {
            let entry = rows::entry(connection, self.keys(), &row)?;
            served.extend(entry.recipients.into_iter().filter(|one| one.state.is_served()).map(|one| one.address));
        }
        Ok(served)
    }
}

const WRITE: &str = "written to the outbox";

/// Counts what goes into a file, also of a message that then fails: the next one begins behind it.
struct Counted<'a> {
    out: &'a mut Staged,
    count: &'a mut u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(octets)?;
        *self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
