//! The Cryptographic Message Syntax (RFC 5652, 5083), written and read as a stream.

mod agreement;
mod ber;
mod compressed;
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
mod password;
mod pkcs12;
#[cfg(test)]
mod pkcs12_tests;
mod recipient;
#[cfg(test)]
mod signature_tests;
mod signer;
mod tlv;
mod unwrap;
mod verifier;

pub use compressed::decompress;
pub use envelope_reader::{Accept, Envelope, open_envelope, recipients_of};
pub use envelope_writer::{ContentEncryption, EnvelopeWriter, reseal, write_definite};
pub use error::CmsError;
pub use pkcs12::{Pkcs12Error, read_pkcs12};
pub use recipient::Recipient;
pub use signer::{DetachedSigner, OpaqueSigner, RsaSignature};
pub use unwrap::{DecryptionKey, RecipientId};
pub use verifier::{Signer, verify_detached, verify_opaque};
