//! The mailbox (RFC 9051): peek, acknowledge, move, expunge.

mod error;
mod exchange;
mod folder;
mod opening;
mod session;
#[cfg(test)]
mod session_tests;

pub use error::{Failure, ImapError, Stage};
pub use folder::SpecialUse;
pub use opening::{Capabilities, Meeting};
pub use session::{Selected, Session, Which};
