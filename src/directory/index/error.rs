//! Why there is no answer from the local index, or no new index.

use std::io;
use std::path::PathBuf;

use crate::fs::FsError;

/// Why there is no answer from the local index, or no new index. A failed update leaves the index that was there.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// No extraction was read yet, or the cache folder was emptied.
    #[error("there is no index of the directory on this machine")]
    Missing,
    /// Its extraction is older than is allowed.
    #[error("the index of the directory is {days} days old, at most {most} are allowed")]
    Old { days: i64, most: i64 },
    /// More words than are searched for; to leave some out would widen the question.
    #[error("the question has more than {limit} words")]
    TooManyWords { limit: usize },
    /// It was written by another version of this program.
    #[error("the index of the directory has another format")]
    Format,
    /// The database of the index cannot be read.
    #[error("the index of the directory cannot be read")]
    Damaged(#[source] rusqlite::Error),
    /// The database of a new index cannot be written.
    #[error("the index of the directory cannot be written")]
    Write(#[source] rusqlite::Error),
    /// The extraction is not there, or may not be read.
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: io::Error },
    /// Reading the extraction failed half way.
    #[error("the extraction cannot be read to its end")]
    Read(#[source] io::Error),
    /// A ZIP that is damaged, cut short, encrypted, or built to do harm.
    #[error("the ZIP of the extraction is not accepted: {0}")]
    Archive(&'static str),
    /// More than any extraction is expected to hold.
    #[error("the extraction has more than {limit} {what}")]
    TooLarge { limit: u64, what: &'static str },
    /// The first line is no header, or lacks columns.
    #[error("the extraction lacks the columns {}", .missing.join(", "))]
    Header { missing: Vec<&'static str> },
    /// A column is named twice: which one counts is not guessed.
    #[error("the extraction has the column {0} twice")]
    Twice(&'static str),
    /// The last row ends in the middle.
    #[error("the extraction is cut short: its last row ends in the middle")]
    Truncated,
    /// Hardly any row is what the header promises.
    #[error("{bad} of {rows} rows of the extraction cannot be read")]
    Unlike { bad: u64, rows: u64 },
    /// Far fewer mailboxes than the index that is there: part of an extraction, most likely.
    #[error("the extraction has {rows} mailboxes, the index that is there has {was}")]
    Shrunk { rows: u64, was: u64, place: PathBuf },
    /// A file of the index cannot be reached, or is open to others.
    #[error("a file of the index cannot be read or written")]
    Fs(#[from] FsError),
}
