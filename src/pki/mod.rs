//! Certificates and keys (RFC 5280): reading them, judging their path, signing and agreeing with them.

mod anchors;
mod certificate;
mod finding;
mod identity;
mod key;
mod name;
mod pem;
mod request;
mod revocation;
mod rsa_key;
mod signature;
#[cfg(test)]
pub(crate) mod specimen;
mod validate;
#[cfg(test)]
mod validate_tests;

pub use anchors::TrustAnchors;
pub use certificate::{Certificate, CertificateError, KeyKind};
pub use finding::Finding;
pub use identity::{Identity, IdentityError};
pub use key::{Curve, KeyError, PrivateKey, RsaUnwrap, SignatureAlgorithm, SignatureValue};
pub use request::{RequestError, certificate_request};
pub use revocation::{RevocationError, RevocationList};
pub use signature::{SignatureError, verify_signature};
pub use validate::{Purpose, Trusted, choose, validate};
