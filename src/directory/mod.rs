//! Who is who: the directory of the space, asked over FHIR R4 (Annuaire Santé, version 2) or in an extraction kept here.
//!
//! Two questions are kept apart: whose an address is, which is answered here, and whether its domain belongs to the
//! space, which only the signed white list answers (`space`).

mod client;
mod entry;
mod folding;
pub mod index;
mod merge;
mod professions;
mod question;
#[cfg(test)]
mod question_tests;
mod request;
mod resources;
mod walk;

pub use client::Fhir;
pub use entry::{Answer, Entry, Identity, Listed, MailboxEntry, Profession, Query, Register, Workplace};

use crate::mail::Address;
use crate::net::HttpError;
use index::IndexError;

/// Somebody who knows whose an address is.
pub trait Directory {
    /// Finds people and structures. Nobody is chosen among several: that is for who asked.
    fn search(&self, query: &Query) -> Result<Answer, DirectoryError>;

    /// Finds whose an address is. `None` says that this directory does not tell, not that the address does not exist.
    fn find_address(&self, address: &Address) -> Result<Option<Listed>, DirectoryError>;
}

/// Why the directory gave no answer. An empty answer is none of these.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The configured address of the directory is not one this client speaks to.
    #[error("the address of the directory is not an https:// address")]
    Base,
    /// Nothing to look for was given.
    #[error("the question names nothing to look for")]
    Nothing,
    /// No connection, or no answer over it.
    #[error("the directory cannot be asked")]
    Unreachable(#[source] HttpError),
    /// 401 or 403: the API key is missing, unknown or not subscribed.
    #[error("the directory refuses the API key (status {status})")]
    Key { status: u16 },
    /// 429 or 503, still so after waiting. `after` is what the server asked to wait, in seconds.
    #[error("the directory is busy (status {status})")]
    Busy { status: u16, after: Option<u64> },
    /// The question is refused, in the server's words.
    #[error("the directory refuses the question (status {status})")]
    Refused { status: u16, words: String },
    /// A fault on the other side.
    #[error("the directory fails (status {status})")]
    Failing { status: u16 },
    /// An answer that is no FHIR search result.
    #[error("the directory's answer is not understood: {0}")]
    Malformed(&'static str),
    /// The next page stands on another host or is not encrypted: the API key does not go there.
    #[error("the directory points to a page on another host")]
    ForeignPage,
    /// The index on this machine gives no answer.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Text from a server, cut to a length that can be shown.
fn bounded(text: &str) -> String {
    text.trim().chars().take(512).collect()
}
