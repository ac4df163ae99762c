//! The mailbox (RFC 9051): search, stream, acknowledge, move, expunge, wait.

mod conduit;
mod error;
mod exchange;
mod fetched;
mod folder;
mod opening;
mod pipeline;
#[cfg(test)]
mod pipeline_tests;
mod search;
mod session;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod signin_tests;
mod uids;
mod waiting;

pub use error::{Failure, ImapError, Stage};
pub use folder::SpecialUse;
pub use opening::{Capabilities, Meeting};
pub use pipeline::{Deed, Done, Heard, Pipeline};
pub use search::{Filter, Which};
pub use session::{Listed, Selected, Session};
pub use uids::UidSet;
pub use waiting::{News, Waiting};
