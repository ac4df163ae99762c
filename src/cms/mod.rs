//! The Cryptographic Message Syntax (RFC 5652, 5083), written and read as a stream.

mod agreement;
mod ber;
mod digest;
mod envelope_reader;
#[cfg(test)]
mod envelope_tests;
mod envelope_writer;
mod error;
mod evp;
#[cfg(test)]
mod hostile_tests;
mod oid;
mod recipient;
#[cfg(test)]
mod signature_tests;
mod signer;
mod tlv;
mod unwrap;
mod verifier;

pub use envelope_reader::{Envelope, open_envelope, recipients_of};
pub use envelope_writer::{EnvelopeWriter, reseal, write_definite};
pub use error::CmsError;
pub use recipient::Recipient;
pub use signer::DetachedSigner;
pub use unwrap::{DecryptionKey, RecipientId};
pub use verifier::{Signer, verify_detached, verify_opaque};
