//! What leaves the outbox: settled messages past their term, and files that belong to none.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::fs;

use super::OutboxError;
use super::entry::Id;
use super::store::Outbox;

/// Messages of which nothing more can come and that have not changed since a moment.
const PAST_TERM: &str = "
SELECT message FROM copy GROUP BY message
HAVING max(changed_at) < ?1
   AND min(state NOT IN ('queued', 'submitting', 'committing', 'deferred', 'unknown'))";

impl Outbox {
    /// How many settled messages are older than a moment: what `purge` would remove.
    pub fn expired(&self, before: Timestamp) -> Result<u64, OutboxError> {
        Ok(past_term(&self.reader(), before)?.len() as u64)
    }

    /// Removes settled messages that are older than a moment, never one that may still go out or is unknown. Files that
    /// belong to no message are swept.
    pub fn purge(&self, before: Timestamp) -> Result<u64, OutboxError> {
        let files = |connection: &Connection| -> rusqlite::Result<HashSet<String>> {
            connection.prepare_cached("SELECT DISTINCT file FROM copy")?.query_map([], |row| row.get(0))?.collect()
        };
        let (gone, unused) = self.change(|transaction| {
            let before_that = files(transaction)?;
            let gone = past_term(transaction, before)?;
            for id in &gone {
                transaction.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute([id.0])?;
            }
            let left = files(transaction)?;
            Ok((gone, before_that.difference(&left).cloned().collect::<Vec<_>>()))
        })?;
        for file in unused {
            fs::remove(&self.files().join(file))?;
        }
        self.sweep(&files(&self.reader())?)?;
        Ok(gone.len() as u64)
    }

    /// Removes files without a row that are an hour old: what a process left that was killed between the two.
    fn sweep(&self, known: &HashSet<String>) -> Result<(), OutboxError> {
        fs::sweep_staged(self.files(), self.clock.now())?;
        let files = self.files().read_dir().map_err(OutboxError::io("looked for in the outbox"))?;
        for entry in files.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let touched =
                entry.metadata().ok().and_then(|metadata| Timestamp::try_from(metadata.modified().ok()?).ok());
            let old = touched.is_some_and(|at| self.clock.now().as_second() - at.as_second() > 3600);
            if old && !known.contains(&name) {
                fs::remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn past_term(connection: &Connection, before: Timestamp) -> rusqlite::Result<Vec<Id>> {
    let mut statement = connection.prepare_cached(PAST_TERM)?;
    let found = statement.query_map([before.as_microsecond()], |row| row.get(0).map(Id))?;
    found.collect()
}
