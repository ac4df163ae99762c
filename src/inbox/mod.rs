//! The durable journal of what was fetched, so that nothing is fetched twice.
//!
//! One SQLite database for each profile, open in several processes at once. It says in clear how many messages were taken,
//! when, under which UIDs, and what became of them on the server; folders, messages and places are unreadable without the
//! storage key.

mod sealing;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, Params, Row, Transaction, TransactionBehavior};

use crate::fs::{self, FsError};
use crate::journal::{self, Format, JournalError};
use crate::secret::SealingKey;
use sealing::{Keys, Taken};

/// What may be done with a message on the server once it is kept here.
const DEEDS: [&str; 4] = ["seen", "move", "delete", "keep"];

const COLUMNS: &str = "folder, uid_validity, uid, message, at, quarantined, salt, place, acknowledged";

/// What tells this journal from other databases (`mssi`), and its tables.
const FORMAT: Format = Format {
    mark: 0x6d73_7369,
    version: 2,
    schema: "
    CREATE TABLE folder (name BLOB PRIMARY KEY, uid_validity INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE progress (
        folder BLOB NOT NULL,
        aim BLOB NOT NULL,             -- keyed digest of what was looked for and done
        uid_validity INTEGER NOT NULL,
        changes INTEGER NOT NULL,      -- HIGHESTMODSEQ up to which nothing of it is left
        PRIMARY KEY (folder, aim)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE taken (
        number INTEGER PRIMARY KEY,
        folder BLOB NOT NULL,
        uid_validity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        message BLOB NOT NULL,
        at INTEGER NOT NULL,
        quarantined INTEGER NOT NULL,
        salt BLOB NOT NULL,
        place BLOB NOT NULL,
        acknowledged TEXT,
        superseded INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX taken_uid ON taken (folder, uid_validity, uid) WHERE superseded = 0;
    CREATE INDEX taken_message ON taken (message);
    CREATE INDEX taken_at ON taken (at);",
};

/// Why the journal was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The folder of the profile cannot be made, or others may read it.
    #[error("the journal of fetched messages has no private folder")]
    Folder(#[from] FsError),
    /// The journal refused.
    #[error("the journal of fetched messages (inbox.db) cannot be used")]
    Journal(#[from] JournalError),
    /// A row does not open in its place: something in it was changed.
    #[error("the journal of fetched messages (inbox.db) was changed")]
    Changed,
    /// The server gave another message under a UID that was taken before, against RFC 9051, section 2.3.1.1.
    #[error("another message was taken before under UID {uid}")]
    OtherMessage { uid: u32 },
    /// Nothing was recorded under this UID.
    #[error("no message was taken under UID {uid}")]
    NotTaken { uid: u32 },
    /// Not one of the words `seen`, `move`, `delete`, `keep`.
    #[error("what was done with the message on the server has no name in the journal")]
    UnknownDeed,
}

impl From<rusqlite::Error> for InboxError {
    fn from(error: rusqlite::Error) -> Self {
        InboxError::Journal(error.into())
    }
}

/// How a folder on the server stands to what the journal knows of it (UIDVALIDITY, RFC 9051, section 2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not entered before; from now on it is known under this UIDVALIDITY.
    First,
    /// The UIDVALIDITY of last time: UIDs mean what they meant.
    Same,
    /// The UIDVALIDITY was `before`: UIDs mean nothing until [`Inbox::accept_renewal`].
    Renewed { before: u32 },
}

/// A message that was taken and is kept on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is kept.
    pub place: PathBuf,
    /// Whether it is kept apart from what may be passed on.
    pub quarantined: bool,
    /// When it was taken, to the microsecond.
    pub at: Timestamp,
    /// What was done with it on the server: `seen`, `move`, `delete` or `keep`; nothing yet if absent.
    pub acknowledged: Option<String>,
}

/// A message that is kept, to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub uid: u32,
    /// Of the message as it came.
    pub raw_sha256: [u8; 32],
    pub kept: Kept,
}

/// What [`Inbox::record`] found of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The message is recorded now.
    New,
    /// Another process recorded it under the same UID first: what it kept stands, the copy just made is one too many.
    Before(Kept),
}

/// The journal of one profile.
pub struct Inbox {
    database: Connection,
    keys: Keys,
}

impl Inbox {
    /// Opens the journal in the private state folder of a profile, and makes it there the first time.
    ///
    /// The folder belongs to one mailbox account: UIDs of another account would be taken for this one's.
    pub fn open(dir: &Path, key: &SealingKey) -> Result<Inbox, InboxError> {
        let keys = Keys::new(key);
        fs::private_dir(dir)?;
        let database = journal::open(&dir.join("inbox.db"), &FORMAT, &keys.check())?;
        Ok(Inbox { database, keys })
    }

    /// The digest under which a message is known here: of its SHA-256, and useless without the storage key.
    pub fn digest(&self, raw_sha256: &[u8; 32]) -> [u8; 32] {
        self.keys.message(raw_sha256)
    }

    /// Compares the UIDVALIDITY of a folder that was just selected with that of last time.
    pub fn enter(&self, folder: &str, uid_validity: u32) -> Result<Standing, InboxError> {
        let folder = self.keys.folder(folder);
        let change = self.begin()?;
        let standing = match current(&change, &folder)? {
            Some(before) if before == uid_validity => Standing::Same,
            Some(before) => Standing::Renewed { before },
            None => {
                make_current(&change, &folder, uid_validity)?;
                Standing::First
            }
        };
        change.commit()?;
        Ok(standing)
    }

    /// Makes a new UIDVALIDITY the current one of a folder. Messages taken before are still known by their octets.
    pub fn accept_renewal(&self, folder: &str, uid_validity: u32) -> Result<(), InboxError> {
        let folder = self.keys.folder(folder);
        let change = self.begin()?;
        if current(&change, &folder)? != Some(uid_validity) {
            // A server that was set back may come to an old number again.
            supersede(&change, &folder, uid_validity)?;
            make_current(&change, &folder, uid_validity)?;
        }
        change.commit()?;
        Ok(())
    }

    /// The highest UID that was taken in a folder, with its UIDVALIDITY. A server that gives it again to another message was set
    /// back to a copy of some days ago, without a word (RFC 9051, section 2.3.1.1).
    pub fn last_uid(&self, folder: &str) -> Result<Option<(u32, u32)>, InboxError> {
        let folder = self.keys.folder(folder);
        let Some(uid_validity) = current(&self.database, &folder)? else { return Ok(None) };
        let mut query = self
            .database
            .prepare_cached("SELECT max(uid) FROM taken WHERE folder = ? AND uid_validity = ? AND superseded = 0")?;
        let last: Option<u32> = query.query_row((folder, uid_validity), |row| row.get(0))?;
        Ok(last.map(|uid| (uid_validity, uid)))
    }

    /// Messages that were taken in a folder that was set back are known by their octets alone from now on.
    pub fn accept_set_back(&self, folder: &str, uid_validity: u32) -> Result<(), InboxError> {
        let folder = self.keys.folder(folder);
        let change = self.begin()?;
        supersede(&change, &folder, uid_validity)?;
        Ok(change.commit()?)
    }

    /// What was taken before under this UID.
    pub fn known_uid(&self, folder: &str, uid_validity: u32, uid: u32) -> Result<Option<Kept>, InboxError> {
        let taken = self.under(&self.keys.folder(folder), uid_validity, uid)?;
        Ok(taken.map(|(_, kept)| kept))
    }

    /// What was taken before with the same octets, in any folder and under any UID; the last one if there are several.
    pub fn known_message(&self, raw_sha256: &[u8; 32]) -> Result<Option<Kept>, InboxError> {
        let last = "WHERE message = ? ORDER BY number DESC LIMIT 1";
        Ok(self.rows(last, (self.digest(raw_sha256),))?.pop().map(|(_, kept)| kept))
    }

    /// The same for several messages, by their digests; those that were not taken are left out.
    pub fn known_messages(&self, raw_sha256: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Kept>, InboxError> {
        // One look at the journal for all of them.
        let look = self.database.unchecked_transaction()?;
        let mut known = HashMap::new();
        for digest in raw_sha256 {
            if let Some(kept) = self.known_message(digest)? {
                known.insert(*digest, kept);
            }
        }
        look.commit()?;
        Ok(known)
    }

    /// What was taken before under UIDs from the first to the last, and what was done with each on the server.
    pub fn known_between(
        &self,
        folder: &str,
        uid_validity: u32,
        (first, last): (u32, u32),
    ) -> Result<HashMap<u32, Option<String>>, InboxError> {
        let mut query = self.database.prepare_cached(
            "SELECT uid, acknowledged FROM taken
             WHERE folder = ? AND uid_validity = ? AND uid BETWEEN ? AND ? AND superseded = 0",
        )?;
        let found = query.query_map((self.keys.folder(folder), uid_validity, first, last), |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, Option<String>>(1)?))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Records messages that are kept on disk already, all in one step; when this returns, the records are on disk too.
    /// What was found of each, in their order. One that cannot be recorded undoes them all.
    ///
    /// Their places are never changed afterwards. They begin unacknowledged, whatever `kept` says: what was done with a copy
    /// under another UID was not done with this one.
    pub fn record(&self, folder: &str, uid_validity: u32, messages: &[Message]) -> Result<Vec<Recorded>, InboxError> {
        let folder = self.keys.folder(folder);
        let change = self.begin()?;
        let recorded = messages.iter().map(|message| self.record_one(&change, folder, uid_validity, message));
        let recorded = recorded.collect::<Result<Vec<_>, _>>()?;
        change.commit()?;
        Ok(recorded)
    }

    fn record_one(
        &self,
        change: &Transaction<'_>,
        folder: [u8; 32],
        uid_validity: u32,
        Message { uid, raw_sha256, kept }: &Message,
    ) -> Result<Recorded, InboxError> {
        let taken = Taken {
            folder,
            uid_validity,
            uid: *uid,
            message: self.digest(raw_sha256),
            at: kept.at.as_microsecond(),
            quarantined: kept.quarantined,
        };
        if let Some((message, before)) = self.under(&folder, uid_validity, *uid)? {
            let same = message == taken.message;
            return if same { Ok(Recorded::Before(before)) } else { Err(InboxError::OtherMessage { uid: *uid }) };
        }
        let (salt, place) = self.keys.seal(&taken, &kept.place);
        change
            .prepare_cached(
                "INSERT INTO taken (folder, uid_validity, uid, message, at, quarantined, salt, place)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                &taken.folder,
                uid_validity,
                uid,
                &taken.message,
                taken.at,
                taken.quarantined,
                salt.as_slice(),
                place,
            ))?;
        Ok(Recorded::New)
    }

    /// Notes what was done on the server with messages that were taken: `seen`, `move`, `delete` or `keep`.
    pub fn acknowledged(
        &self,
        folder: &str,
        uid_validity: u32,
        uids: impl IntoIterator<Item = u32>,
        deed: &str,
    ) -> Result<(), InboxError> {
        if !DEEDS.contains(&deed) {
            return Err(InboxError::UnknownDeed);
        }
        let folder = self.keys.folder(folder);
        let change = self.begin()?;
        for uid in uids {
            let changed = change
                .prepare_cached(
                    "UPDATE taken SET acknowledged = ?
                     WHERE folder = ? AND uid_validity = ? AND uid = ? AND superseded = 0",
                )?
                .execute((deed, folder, uid_validity, uid))?;
            if changed != 1 {
                return Err(InboxError::NotTaken { uid });
            }
        }
        Ok(change.commit()?)
    }

    /// The HIGHESTMODSEQ (RFC 7162) up to which nothing is left of what is looked for and done.
    pub fn progress(&self, folder: &str, uid_validity: u32, aim: &str) -> Result<Option<u64>, InboxError> {
        let mut query = self
            .database
            .prepare_cached("SELECT changes FROM progress WHERE folder = ? AND aim = ? AND uid_validity = ?")?;
        let found = query.query_and_then((self.keys.folder(folder), self.keys.folder(aim), uid_validity), |row| {
            row.get::<_, i64>(0)
        });
        Ok(found?.next().transpose()?.and_then(|changes| u64::try_from(changes).ok()))
    }

    /// Notes that nothing is left up to there.
    pub fn set_progress(&self, folder: &str, uid_validity: u32, aim: &str, changes: u64) -> Result<(), InboxError> {
        let Ok(changes) = i64::try_from(changes) else { return Ok(()) };
        self.database.execute(
            "INSERT OR REPLACE INTO progress (folder, aim, uid_validity, changes) VALUES (?, ?, ?, ?)",
            (self.keys.folder(folder), self.keys.folder(aim), uid_validity, changes),
        )?;
        Ok(())
    }

    /// What was taken before a moment, oldest first, each place once: acknowledged only if every copy of it was.
    pub fn older_than(&self, moment: Timestamp) -> Result<Vec<Kept>, InboxError> {
        let mut found: Vec<Kept> = Vec::new();
        let mut places: HashMap<PathBuf, usize> = HashMap::new();
        for (_, kept) in self.rows("WHERE at < ? ORDER BY at, number", (moment.as_microsecond(),))? {
            match places.entry(kept.place.clone()) {
                Entry::Vacant(first) => {
                    first.insert(found.len());
                    found.push(kept);
                }
                Entry::Occupied(first) if kept.acknowledged.is_none() => found[*first.get()].acknowledged = None,
                Entry::Occupied(_) => {}
            }
        }
        Ok(found)
    }

    /// A change that no other process comes between; undone unless it is committed.
    fn begin(&self) -> Result<Transaction<'_>, InboxError> {
        Ok(Transaction::new_unchecked(&self.database, TransactionBehavior::Immediate)?)
    }

    fn under(&self, folder: &[u8; 32], uid_validity: u32, uid: u32) -> Result<Option<([u8; 32], Kept)>, InboxError> {
        let one = "WHERE folder = ? AND uid_validity = ? AND uid = ? AND superseded = 0";
        Ok(self.rows(one, (folder, uid_validity, uid))?.pop())
    }

    /// The rows that are asked for, each with the digest of its message.
    fn rows(&self, which: &str, values: impl Params) -> Result<Vec<([u8; 32], Kept)>, InboxError> {
        let mut query = self.database.prepare_cached(&format!("SELECT {COLUMNS} FROM taken {which}"))?;
        query.query_and_then(values, |row| self.row(row))?.collect()
    }

    fn row(&self, row: &Row<'_>) -> Result<([u8; 32], Kept), InboxError> {
        let taken = Taken {
            folder: row.get("folder")?,
            uid_validity: row.get("uid_validity")?,
            uid: row.get("uid")?,
            message: row.get("message")?,
            at: row.get("at")?,
            quarantined: row.get("quarantined")?,
        };
        let (salt, sealed): ([u8; sealing::SALT], Vec<u8>) = (row.get("salt")?, row.get("place")?);
        let place = self.keys.open(&taken, &salt, &sealed).map_err(|_| InboxError::Changed)?;
        let at = Timestamp::from_microsecond(taken.at).map_err(|_| InboxError::Changed)?;
        let kept = Kept { place, quarantined: taken.quarantined, at, acknowledged: row.get("acknowledged")? };
        Ok((taken.message, kept))
    }
}

fn current(database: &Connection, folder: &[u8; 32]) -> Result<Option<u32>, InboxError> {
    let mut query = database.prepare_cached("SELECT uid_validity FROM folder WHERE name = ?")?;
    Ok(query.query_and_then([folder], |row| row.get(0))?.next().transpose()?)
}

/// UIDs and mod-sequences of a folder stand for other messages than before: what is known by them says nothing of these.
fn supersede(database: &Connection, folder: &[u8; 32], uid_validity: u32) -> Result<(), InboxError> {
    database.execute(
        "UPDATE taken SET superseded = 1 WHERE folder = ? AND uid_validity = ? AND superseded = 0",
        (folder, uid_validity),
    )?;
    database.execute("DELETE FROM progress WHERE folder = ?", (folder,))?;
    Ok(())
}

fn make_current(database: &Connection, folder: &[u8; 32], uid_validity: u32) -> Result<(), InboxError> {
    database.execute("INSERT OR REPLACE INTO folder (name, uid_validity) VALUES (?, ?)", (folder, uid_validity))?;
    Ok(())
}
