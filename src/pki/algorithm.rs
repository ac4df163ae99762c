//! How a signature was made, in the words of certificates and CMS (RFC 4055, RFC 5758, RFC 8410).

use der::Decode;
use der::asn1::{Any, AnyRef, Null, ObjectIdentifier};
use x509_cert::spki::AlgorithmIdentifierOwned;

/// RSASSA-PSS-params: SHA-256, MGF1 with SHA-256, a salt of 32 octets (RFC 4055, section 3.1).
const PSS_SHA256: &[u8] = &[
    0x30, 0x34, 0xA0, 0x0F, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08, 0x30, 0x0D, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xA2, 0x03, 0x02, 0x01, 0x20,
];

/// How a signature was made, to be written beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 (RFC 5758) on P-256 or brainpoolP256r1.
    EcdsaSha256,
    /// ecdsa-with-SHA384 on P-384 or brainpoolP384r1.
    EcdsaSha384,
    /// ecdsa-with-SHA512 on P-521.
    EcdsaSha512,
    /// sha256WithRSAEncryption (RFC 4055).
    RsaPkcs1Sha256,
    /// id-RSASSA-PSS with SHA-256 and a salt of 32 octets (RFC 4055).
    RsaPssSha256,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl SignatureAlgorithm {
    /// The AlgorithmIdentifier of certificates and CMS.
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            SignatureAlgorithm::EcdsaSha256 => ("1.2.840.10045.4.3.2", None),
            SignatureAlgorithm::EcdsaSha384 => ("1.2.840.10045.4.3.3", None),
            SignatureAlgorithm::EcdsaSha512 => ("1.2.840.10045.4.3.4", None),
            SignatureAlgorithm::RsaPkcs1Sha256 => ("1.2.840.113549.1.1.11", Some(Any::from(AnyRef::from(Null)))),
            SignatureAlgorithm::RsaPssSha256 => {
                ("1.2.840.113549.1.1.10", Some(Any::from_der(PSS_SHA256).expect("the constant is DER")))
            }
            SignatureAlgorithm::Ed25519 => ("1.3.101.112", None),
        };
        AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters }
    }
}

/// A signature and how it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureValue {
    /// How it was made.
    pub algorithm: SignatureAlgorithm,
    /// The signature: for ECDSA the SEQUENCE of r and s.
    pub bytes: Vec<u8>,
}
