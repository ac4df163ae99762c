//! Certificates and keys (RFC 5280): reading them, judging their path, signing and agreeing with them.

mod algorithm;
mod anchors;
mod brainpool;
mod capabilities;
mod certificate;
mod curve;
#[cfg(test)]
mod curve_tests;
#[cfg(test)]
mod discovery_tests;
mod finding;
#[cfg(test)]
mod holder_tests;
mod identity;
mod igc_sante;
mod key;
mod name;
mod ocsp;
#[cfg(test)]
pub(crate) mod ocsp_tests;
#[cfg(test)]
pub(crate) mod openssl_specimen;
mod pem;
mod pointers;
mod published;
mod request;
mod revocation;
mod rsa_key;
mod signature;
#[cfg(test)]
pub(crate) mod specimen;
mod validate;
#[cfg(test)]
mod validate_tests;

pub use algorithm::{SignatureAlgorithm, SignatureValue};
pub use anchors::TrustAnchors;
pub use capabilities::{Capabilities, Reader};
pub use certificate::{Certificate, CertificateError, KeyKind};
pub use curve::{Curve, agree_ephemeral};
pub use finding::Finding;
pub use identity::{Identity, IdentityError};
pub use igc_sante::Standing;
pub use key::{KeyError, KeyHolder, PrivateKey, RsaUnwrap, TokenFailure};
pub use ocsp::{LARGEST_OCSP_RESPONSE, OCSP_NONCE, OcspError, OcspStatus, ocsp_request, ocsp_status};
pub use request::{RequestError, certificate_request};
pub use revocation::{RevocationError, RevocationList};
pub use signature::{SignatureError, verify_signature};
pub use validate::{
    ListsFor, Purpose, Trusted, choose, choose_by, find_path, named_paths, serves, status_by_lists, validate,
};
