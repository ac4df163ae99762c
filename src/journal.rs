//! SQLite files: private, synced at every commit, open to several processes at once.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::fs::{self, FsError};

/// Why a journal could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be reached, or is open to others.
    #[error("the journal cannot be reached")]
    Fs(#[from] FsError),
    /// The database refused: full disk, damaged file, another process that keeps it for too long.
    #[error("the journal cannot be used")]
    Sql(#[from] rusqlite::Error),
    /// It was written by a later version of this program.
    #[error("the journal has format {found}, this program knows {known}")]
    Newer { found: u32, known: u32 },
    /// It is a database of something else.
    #[error("the file is no journal of this kind")]
    Foreign,
}

/// One kind of journal: its mark in the file, its version, and how it is made.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// SQLite's `application_id`.
    pub mark: i32,
    /// Version of the tables.
    pub version: u32,
    /// Makes the tables of that version.
    pub schema: &'static str,
}

/// How long a commit waits for those of other processes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a journal, and makes it where it is not there.
///
/// Write-ahead log with `synchronous=FULL`: what was committed outlives a power cut. SQLite gives its side files the mode
/// of the journal, which is 0600.
pub fn open(path: &Path, format: &Format) -> Result<Connection, JournalError> {
    // The change to the write-ahead log is not covered by SQLite's own waiting: two at once would refuse one.
    let _lock = fs::Lock::acquire(&path.with_extension("lock"))?;
    fs::open_append(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mark: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    match (found, mark) {
        (0, 0) => {
            transaction.execute_batch(format.schema)?;
            transaction.pragma_update(None, "user_version", format.version)?;
            transaction.pragma_update(None, "application_id", format.mark)?;
        }
        (_, mark) if mark != format.mark => return Err(JournalError::Foreign),
        (found, _) if found != format.version => return Err(JournalError::Newer { found, known: format.version }),
        _ => {}
    }
    transaction.commit()?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const FORMAT: Format = Format { mark: 7, version: 1, schema: "CREATE TABLE a(b INTEGER)" };

    #[test]
    fn a_journal_is_private_with_its_side_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let connection = open(&path, &FORMAT).unwrap();
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        for entry in dir.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        }
        assert!(dir.path().join("a.db-wal").exists());
    }

    #[test]
    fn a_later_or_foreign_journal_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        drop(open(&path, &Format { version: 2, ..FORMAT }).unwrap());
        assert!(matches!(open(&path, &FORMAT), Err(JournalError::Newer { found: 2, known: 1 })));
        assert!(matches!(open(&path, &Format { mark: 8, ..FORMAT }), Err(JournalError::Foreign)));
        let text = dir.path().join("text.db");
        fs::write_private(&text, &b"not a database ".repeat(100)).unwrap();
        assert!(matches!(open(&text, &FORMAT), Err(JournalError::Sql(_))));
    }
}
