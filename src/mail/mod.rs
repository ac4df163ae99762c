//! Mail as values: addresses, envelopes, drafts, MIME entities (RFC 5321, 5322, 2045). No I/O but the reader and writer given.

mod address;
mod base64;
mod compose;
mod draft;
mod entity;
mod envelope;
mod field;
mod file_name;
mod header;
mod media_type;
mod message_id;
pub mod notice;
mod quoted;
mod retention;
mod text;
mod transfer;

pub use address::{Address, AddressError, Mailbox};
pub use base64::{Base64Reader, Base64Writer};
pub use compose::write_entity;
pub use draft::{Attachment, AttachmentError, ComposeError, Composition, Draft, DraftError};
pub use entity::{Entity, EntityError, section};
pub use envelope::Envelope;
pub use field::Field;
pub use file_name::{safe_name, unique_name};
pub use header::{Header, MAX_HEADER, MediaType};
pub use media_type::{MAGIC_OCTETS, UNKNOWN, media_type};
pub use message_id::MessageId;
pub use notice::Notice;
pub use retention::{MailboxState, MailboxTerm, RetentionPolicy, is_past_term, keep_until, mailbox_term};
pub use text::{CanonicalReader, decode_text};
pub use transfer::{Strictness, TransferEncoding};
