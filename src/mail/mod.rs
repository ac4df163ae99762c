//! Mail as values: addresses, envelopes, drafts, MIME entities (RFC 5321, 5322, 2045). No I/O but the reader and writer given.

mod address;
mod envelope;
mod message_id;

pub use address::{Address, AddressError, Mailbox};
pub use envelope::Envelope;
pub use message_id::MessageId;
