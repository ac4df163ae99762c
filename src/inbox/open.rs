//! Opening the database: private files, a format this version knows, the right key, commits that reach the disk.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::InboxError;
use crate::fs::{self, FsError, Lock};

const FILE: &str = "inbox.db";
/// `mssi`: tells this journal from other databases.
const APPLICATION: u32 = 0x6d73_7369;
const FORMAT: u32 = 1;
/// How long a change waits for those of other processes, which take milliseconds each.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
    CREATE TABLE storage_key (digest BLOB NOT NULL) STRICT;
    CREATE TABLE folder (name BLOB PRIMARY KEY, uid_validity INTEGER NOT NULL) STRICT, WITHOUT ROWID;
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
    CREATE INDEX taken_at ON taken (at);";

/// Opens the journal in a private folder, made there the first time under the key that `check` stands for.
pub(super) fn database(dir: &Path, check: &[u8; 32]) -> Result<Connection, InboxError> {
    fs::private_dir(dir)?;
    // One process at a time: two that turn the same new file to WAL would find it locked without waiting.
    let _one_at_a_time = Lock::acquire(&dir.join("inbox.db.lock"))?;
    private_files(dir)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(dir.join(FILE), flags)?;
    database.busy_timeout(PATIENCE)?;
    refuse_foreign(&database)?;
    let mode: String = database.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Err(InboxError::NotShared);
    }
    // A commit returns when it is on disk, not when the system has taken note of it.
    database.pragma_update(None, "synchronous", "FULL")?;
    if format(&database)? == 0 {
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change.execute_batch(TABLES)?;
        change.execute("INSERT INTO storage_key (digest) VALUES (?)", [check])?;
        change.pragma_update(None, "application_id", APPLICATION)?;
        change.pragma_update(None, "user_version", FORMAT)?;
        change.commit()?;
    }
    let written: [u8; 32] = database.query_row("SELECT digest FROM storage_key", (), |row| row.get(0))?;
    if written == *check { Ok(database) } else { Err(InboxError::OtherKey) }
}

/// Makes the file before SQLite does: SQLite gives the files beside it the mode that it has.
fn private_files(dir: &Path) -> Result<(), InboxError> {
    let path = dir.join(FILE);
    if !fs::exists(&path) {
        fs::write_private_new(&path, b"")?;
    }
    // By name only: to open and close the file here would end the locks that another handle of this process has on it.
    fs::check_private(&path)?;
    for beside in ["inbox.db-wal", "inbox.db-shm"] {
        match fs::check_private(&dir.join(beside)) {
            Err(FsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            checked => checked?,
        }
    }
    Ok(())
}

/// Refuses, before anything is changed, a later format and a database that is not this journal.
fn refuse_foreign(database: &Connection) -> Result<(), InboxError> {
    let found = format(database)?;
    let application: u32 = database.query_row("PRAGMA application_id", (), |row| row.get(0))?;
    let objects: u32 = database.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    let empty = (found, application, objects) == (0, 0, 0);
    if !empty && (application != APPLICATION || found == 0) {
        return Err(InboxError::Damaged("it is not a journal of fetched messages".into()));
    }
    if found > FORMAT {
        return Err(InboxError::Newer { found, known: FORMAT });
    }
    Ok(())
}

fn format(database: &Connection) -> Result<u32, InboxError> {
    Ok(database.query_row("PRAGMA user_version", (), |row| row.get(0))?)
}
