//! What can stand between a CMS structure and its content.

use std::io;

/// Why a structure was not written, opened or verified.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// None of the keys at hand is among the recipients.
    #[error("it is not encrypted to any key at hand")]
    NotForUs,
    /// A recipient entry has the identifier of this key, and the key does not open it.
    #[error("the key does not open it")]
    WrongKey,
    /// The content, its key or its tag was changed.
    #[error("it was changed on the way, or damaged")]
    Tampered,
    /// A signature or a digest does not fit.
    #[error("a signature does not verify")]
    BadSignature,
    /// SignedData that nobody signed.
    #[error("nobody signed it")]
    NoSigner,
    /// The certificate of a signer is not in the structure.
    #[error("the certificate of a signer is not in it")]
    NoCertificate,
    /// Nobody to encrypt to.
    #[error("there is no recipient")]
    NoRecipient,
    /// A certificate whose key cannot be encrypted to.
    #[error("the key of a recipient's certificate cannot be encrypted to")]
    UnsuitableKey,
    /// Not the encoding or the structure of RFC 5652.
    #[error("the CMS structure is malformed: {0}")]
    Malformed(&'static str),
    /// An algorithm or a content type, by its name or object identifier, that is not read here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// An algorithm that is broken, read only where that is asked for.
    #[error("{0} is read only where it is asked for")]
    Weak(&'static str),
    /// More recipients, certificates or signers than are read.
    #[error("the CMS structure is larger than is read")]
    TooLarge,
    /// The cryptographic library refused.
    #[error("the cryptographic operation failed")]
    Crypto,
    /// The private key was not used.
    #[error("the private key was not used")]
    Key(#[source] crate::pki::KeyError),
    /// Reading or writing failed.
    #[error("reading or writing failed")]
    Io(#[source] io::Error),
}

impl From<io::Error> for CmsError {
    fn from(error: io::Error) -> CmsError {
        CmsError::Io(error)
    }
}
