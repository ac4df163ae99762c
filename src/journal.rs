//! SQLite files: private, synced at every commit, open to several processes at once.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::fs::{self, FsError};

/// Why a journal could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be reached, or is open to others.
    #[error("the journal cannot be reached")]
    Fs(#[from] FsError),
    /// The file is no database, a page of it is broken, or it lacks what was written when it was made.
    #[error("the journal is damaged")]
    Damaged(#[source] rusqlite::Error),
    /// It is a database of something else.
    #[error("the file is no journal of this kind")]
    Foreign,
    /// It was written by a later version of this program.
    #[error("the journal has format {found}, this program reads up to {known}")]
    Newer { found: u32, known: u32 },
    /// It was written by a version before the first release, whose tables nobody reads any more.
    #[error("the journal has format {found}, which is older than what this program reads")]
    Older { found: u32 },
    /// A row does not open in its place: something in it was changed.
    #[error("the journal was changed")]
    Changed,
    /// The storage key is not the one it was begun with: what it knows would not be found.
    #[error("the journal belongs to another storage key")]
    OtherKey,
    /// The file system has no shared memory for it, as some network file systems have not.
    #[error("the journal cannot be shared between processes on this file system")]
    NotShared,
    /// There is no room for what was to be written; what was written before stands.
    #[error("there is no room left for the journal")]
    Full(#[source] rusqlite::Error),
    /// The database refused: another process keeps it for too long, or the disk fails.
    #[error("the journal cannot be used")]
    Sql(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> JournalError {
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            return JournalError::Full(error);
        }
        let broken = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(
                error,
                rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::IntegralValueOutOfRange(..)
                    | rusqlite::Error::QueryReturnedNoRows
            );
        if broken { JournalError::Damaged(error) } else { JournalError::Sql(error) }
    }
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

/// How many statements are kept ready: more than any journal has.
const STATEMENTS: usize = 64;

/// Opens a journal in a private folder, and makes it where it is not there. `check` stands for the storage key: a digest
/// under it.
///
/// Write-ahead log with `synchronous=FULL`: what was committed outlives a power cut.
pub fn open(path: &Path, format: &Format, check: &[u8; 32]) -> Result<Connection, JournalError> {
    // The change to the write-ahead log is not covered by SQLite's own waiting: two at once would refuse one.
    let _lock = fs::Lock::acquire(&path.with_added_extension("lock"))?;
    private_files(path)?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    refuse_foreign(&connection, format)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(JournalError::NotShared);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&transaction)? == 0 {
        transaction.execute_batch(format.schema)?;
        transaction.execute_batch("CREATE TABLE storage_key (digest BLOB NOT NULL)")?;
        transaction.execute("INSERT INTO storage_key VALUES (?1)", [check.as_slice()])?;
        transaction.pragma_update(None, "user_version", format.version)?;
        transaction.pragma_update(None, "application_id", format.mark)?;
    }
    let begun_with: Vec<u8> = transaction.query_row("SELECT digest FROM storage_key", [], |row| row.get(0))?;
    transaction.commit()?;
    if begun_with != check { Err(JournalError::OtherKey) } else { Ok(connection) }
}

/// A second way into a journal that is open: to look at what was committed while the first waits for the disk.
pub fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    Ok(connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite compiles a statement anew each time a value is bound, in case another plan suits that value better.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Makes the file before SQLite does: SQLite gives the files beside it the mode that it has.
///
/// A file that is there is looked at by name only. POSIX locks belong to the process: to open and close the file here
/// would end those that another connection of this process has on it.
fn private_files(path: &Path) -> Result<(), FsError> {
    if !fs::exists(path) {
        fs::write_private_new(path, b"")?;
    }
    fs::check_private(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for beside in ["-wal", "-shm"] {
        let checked = fs::check_private(&path.with_file_name(format!("{name}{beside}")));
        checked.or_else(|error| if error.io_kind() == Some(ErrorKind::NotFound) { Ok(()) } else { Err(error) })?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Leaves alone what another program or a later version wrote, before anything in it is changed.
fn refuse_foreign(connection: &Connection, format: &Format) -> Result<(), JournalError> {
    let found = version(connection)?;
    let mark: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (found, mark, objects) {
        (0, 0, 0) => Ok(()),
        (0, ..) => Err(JournalError::Foreign),
        (_, mark, _) if mark != format.mark => Err(JournalError::Foreign),
        (found, ..) if found > format.version => Err(JournalError::Newer { found, known: format.version }),
        (found, ..) if found < format.version => Err(JournalError::Older { found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const KEY: [u8; 32] = [1; 32];
    const FORMAT: Format = Format { mark: 7, version: 1, schema: "CREATE TABLE a(b INTEGER)" };

    #[test]
    fn a_journal_is_private_with_its_side_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let connection = open(&path, &FORMAT, &KEY).unwrap();
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        for entry in dir.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        }
        assert!(dir.path().join("a.db-wal").exists());
    }

    #[test]
    fn a_journal_belongs_to_the_key_it_was_begun_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        drop(open(&path, &FORMAT, &KEY).unwrap());
        drop(open(&path, &FORMAT, &KEY).unwrap());
        assert!(matches!(open(&path, &FORMAT, &[2; 32]), Err(JournalError::OtherKey)));
    }

    #[test]
    fn a_later_or_foreign_journal_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        drop(open(&path, &Format { version: 2, ..FORMAT }, &KEY).unwrap());
        assert!(matches!(open(&path, &FORMAT, &KEY), Err(JournalError::Newer { found: 2, known: 1 })));
        assert!(matches!(open(&path, &Format { version: 3, ..FORMAT }, &KEY), Err(JournalError::Older { found: 2 })));
        assert!(matches!(open(&path, &Format { mark: 8, ..FORMAT }, &KEY), Err(JournalError::Foreign)));
        let text = dir.path().join("text.db");
        fs::write_private(&text, &b"not a database ".repeat(100)).unwrap();
        assert!(matches!(open(&text, &FORMAT, &KEY), Err(JournalError::Damaged(_))));
        assert!(!dir.path().join("text.db-wal").exists());
    }

    #[test]
    fn a_second_connection_leaves_the_locks_of_the_first_in_place() {
        use std::os::unix::fs::MetadataExt;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let _first = open(&path, &FORMAT, &KEY).unwrap();
        let _second = open(&path, &FORMAT, &KEY).unwrap();
        let file = format!(":{} ", path.metadata().unwrap().ino());
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        assert!(locks.lines().any(|lock| lock.contains(&file)), "nobody else may take the log away");
    }
}
