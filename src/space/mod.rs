//! The trusted space: its signed list of admitted domains, and the recipients it admits.

mod cache;
mod list;
#[cfg(test)]
mod list_tests;
mod recipients;
mod signature;
#[cfg(test)]
pub(crate) mod specimen;

pub use cache::{CacheError, Freshness, Held, ListCache};
pub use list::{LIST_LIMIT, ListError, WhiteList};
pub use recipients::{Admitted, MailboxKind, Recipient, RecipientError, Recipients, Refusal, Registered, Role};
