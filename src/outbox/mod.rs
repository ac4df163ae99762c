//! The durable journal of what is to be sent and what became of it.
//!
//! A message enters sealed, with all its copies, and is on disk before `enqueue` returns. One process at a time has a copy by
//! a lease; the lease of a process that ended is taken back: before the point of no return the copy is queued again, behind
//! it nobody knows whether the server took it, and it is never sent again by itself.

mod alerts;
#[cfg(test)]
mod alerts_tests;
mod content;
mod entry;
mod intake;
mod keys;
mod lease;
mod news;
mod removal;
mod rows;
mod schema;
mod settling;
mod store;
#[cfg(test)]
mod tests;

pub use alerts::{Alert, Cause, Service, is_superseded};
pub use content::Content;
pub use entry::{CopyId, Entry, Event, Id, Outcome, RecipientEntry, Settled, State};
pub use intake::{Enqueued, NewMessage};
pub use lease::{Lease, Turn, Turned};
pub use news::{News, Noted};
pub use settling::Resolution;
pub use store::{Known, Outbox};

use std::io;

use crate::fs::FsError;
use crate::journal::JournalError;

/// Why the outbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The journal refused.
    #[error("the outbox cannot be used")]
    Journal(#[from] JournalError),
    /// A file of the outbox could not be reached.
    #[error("the outbox cannot be reached")]
    Fs(#[from] FsError),
    /// Reading the message, or writing it to the outbox, stopped.
    #[error("the message cannot be {deed}")]
    Io { deed: &'static str, source: io::Error },
    /// What is kept was changed, or belongs to another key.
    #[error("message {id} of the outbox was changed, or belongs to another key")]
    Changed { id: Id },
    /// The message did not have the announced size: its source changed while it was read.
    #[error("the message has {found} octets instead of {announced}")]
    Size { announced: u64, found: u64 },
    /// There is no such message.
    #[error("the outbox has no message {id}")]
    NoSuchMessage { id: Id },
    /// A message without a single copy.
    #[error("the message has no copy")]
    Empty,
    /// In this state, that cannot be done.
    #[error("message {id} is {}", state.word())]
    State { id: Id, state: State },
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> OutboxError {
        OutboxError::Journal(error.into())
    }
}

impl OutboxError {
    fn io(deed: &'static str) -> impl FnOnce(io::Error) -> OutboxError {
        move |source| OutboxError::Io { deed, source }
    }
}
