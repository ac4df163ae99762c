//! The local index: an extraction of the directory in a database of its own, searched without a network.
//!
//! The extraction holds public data, so the index is not sealed; it is private like every file of ours. It stands in a folder of
//! the cache and may be removed at any time. A new one is built beside the old one and takes its name in one step: whoever
//! has the old one open goes on reading it.

mod archive;
mod build;
mod error;
mod extraction;
mod find;

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::{Answer, Directory, DirectoryError, Listed, Query};
use crate::fs;
use crate::mail::Address;

pub use build::{Update, Updated};
pub use error::IndexError;

/// SQLite's `application_id`: `mssd`.
const MARK: i32 = 0x6d73_7364;
/// Version of the tables.
const VERSION: u32 = 1;
/// The name of the database in its folder.
const NAME: &str = "directory.db";

/// Where the index stands below the cache folder.
pub fn folder(cache: &Path) -> PathBuf {
    cache.join("index")
}

/// The index that is there, open for reading.
pub struct Index {
    connection: Connection,
    source: String,
    dated: Timestamp,
    rows: u64,
    /// Mailboxes that are told for one question.
    limit: usize,
}

impl Index {
    /// Opens it.
    pub fn open(cache: &Path, limit: usize) -> Result<Index, IndexError> {
        let path = folder(cache).join(NAME);
        if !fs::exists(&path) {
            return Err(IndexError::Missing);
        }
        fs::check_private(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(IndexError::Damaged)?;
        let found = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let mark = found("application_id").map_err(IndexError::Damaged)?;
        let version = found("user_version").map_err(IndexError::Damaged)?;
        if (mark, version) != (i64::from(MARK), i64::from(VERSION)) {
            return Err(IndexError::Format);
        }
        connection.pragma_update(None, "trusted_schema", false).map_err(IndexError::Damaged)?;
        let (source, seconds, rows) = connection
            .query_row("SELECT source, dated, rows FROM extraction", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
            })
            .map_err(IndexError::Damaged)?;
        // A date that is none is as old as can be.
        let dated = Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
        Ok(Index { connection, source, dated, rows: u64::try_from(rows).unwrap_or(0), limit })
    }

    /// What the extraction was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The date of the extraction.
    pub fn dated(&self) -> Timestamp {
        self.dated
    }

    /// The mailboxes in it.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many days old the extraction is.
    pub fn days(&self, now: Timestamp) -> i64 {
        now.duration_since(self.dated).as_hours() / 24
    }

    /// The same index, if it is not older than is allowed. One from the future has a date that means nothing.
    pub fn not_older_than(self, most: SignedDuration, now: Timestamp) -> Result<Index, IndexError> {
        let age = now.duration_since(self.dated);
        if age > most || age < SignedDuration::from_hours(-24) {
            return Err(IndexError::Old { days: self.days(now), most: most.as_hours() / 24 });
        }
        Ok(self)
    }
}

impl Directory for Index {
    fn search(&self, query: &Query) -> Result<Answer, DirectoryError> {
        find::answer(self, query)
    }

    fn find_address(&self, address: &Address) -> Result<Option<Listed>, DirectoryError> {
        let query = Query { address: Some(address.clone()), ..Query::default() };
        Ok(find::answer(self, &query)?.listed(address))
    }
}

#[cfg(test)]
mod tests;
