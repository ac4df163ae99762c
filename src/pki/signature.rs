//! Verifying one signature with one public key; SHA-1 and anything older is refused.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPssSaltLength, VerificationAlgorithm,
};
use der::Sequence;
use der::asn1::ObjectIdentifier;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::KeyKind;
use super::brainpool::{p256r1, p384r1};
use super::certificate::kind_of_key;

const PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It was not made with this key over these bytes.
    #[error("the signature does not verify")]
    Invalid,
    /// Made in a way that is not accepted, or with a key of another kind.
    #[error("signatures of the kind {0} are not accepted")]
    Unsupported(String),
}

/// RSASSA-PSS-params (RFC 4055, section 3.1); what is absent means SHA-1 and is refused.
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

/// Checks one signature.
pub fn verify_signature(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let unsupported = || SignatureError::Unsupported(algorithm.oid.to_string());
    let kind = kind_of_key(key);
    let public = key.subject_public_key.raw_bytes();
    if let KeyKind::BrainpoolP256r1 | KeyKind::BrainpoolP384r1 = kind {
        let digest = digest::digest(ecdsa_hash(algorithm).ok_or_else(unsupported)?, message);
        let verifies = if kind == KeyKind::BrainpoolP256r1 { p256r1::verifies } else { p384r1::verifies };
        return if verifies(public, digest.as_ref(), signature) { Ok(()) } else { Err(SignatureError::Invalid) };
    }
    let verified = if algorithm.oid == PSS && matches!(kind, KeyKind::Rsa { .. }) {
        pss(algorithm).ok_or_else(unsupported)?.verify_sig(public, message, signature)
    } else {
        scheme(kind, algorithm).ok_or_else(unsupported)?.verify_sig(public, message, signature)
    };
    verified.map_err(|_| SignatureError::Invalid)
}

fn scheme(key: KeyKind, algorithm: &AlgorithmIdentifierOwned) -> Option<&'static dyn VerificationAlgorithm> {
    let scheme: &'static dyn VerificationAlgorithm = match (algorithm.oid.to_string().as_str(), key) {
        ("1.2.840.113549.1.1.11", KeyKind::Rsa { .. }) => &RSA_PKCS1_2048_8192_SHA256,
        ("1.2.840.113549.1.1.12", KeyKind::Rsa { .. }) => &RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.13", KeyKind::Rsa { .. }) => &RSA_PKCS1_2048_8192_SHA512,
        ("1.2.840.10045.4.3.2", KeyKind::P256) => &ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", KeyKind::P256) => &ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", KeyKind::P256) => &ECDSA_P256_SHA512_ASN1,
        ("1.2.840.10045.4.3.2", KeyKind::P384) => &ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", KeyKind::P384) => &ECDSA_P384_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", KeyKind::P384) => &ECDSA_P384_SHA512_ASN1,
        ("1.2.840.10045.4.3.2", KeyKind::P521) => &ECDSA_P521_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", KeyKind::P521) => &ECDSA_P521_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", KeyKind::P521) => &ECDSA_P521_SHA512_ASN1,
        ("1.3.101.112", KeyKind::Ed25519) => &ED25519,
        _ => return None,
    };
    Some(scheme)
}

/// The hash of an ECDSA signature (RFC 5758, section 3.2).
fn ecdsa_hash(algorithm: &AlgorithmIdentifierOwned) -> Option<&'static digest::Algorithm> {
    match algorithm.oid.to_string().as_str() {
        "1.2.840.10045.4.3.2" => Some(&digest::SHA256),
        "1.2.840.10045.4.3.3" => Some(&digest::SHA384),
        "1.2.840.10045.4.3.4" => Some(&digest::SHA512),
        _ => None,
    }
}

/// PSS with one hash for both uses and a salt of any length: OpenSSL fills the room there is unless told otherwise.
fn pss(algorithm: &AlgorithmIdentifierOwned) -> Option<RsaParameters> {
    let parameters: PssParameters = algorithm.parameters.as_ref()?.decode_as().ok()?;
    let hash = parameters.hash?.oid;
    let mask = parameters.mask?;
    let mask_hash = mask.parameters?.decode_as::<AlgorithmIdentifierOwned>().ok()?.oid;
    if mask.oid != MGF1 || mask_hash != hash || parameters.trailer.unwrap_or(1) != 1 {
        return None;
    }
    let salt = RsaPssSaltLength::Custom(parameters.salt.unwrap_or(20));
    let known = match hash {
        SHA256 => RSA_PSS_2048_8192_SHA256,
        SHA384 => RSA_PSS_2048_8192_SHA384,
        SHA512 => RSA_PSS_2048_8192_SHA512,
        _ => return None,
    };
    Some(known.with_pss_salt_length(salt))
}

#[cfg(test)]
mod tests {
    use super::super::specimen::rsa_key;
    use super::super::{PrivateKey, SignatureValue};
    use super::*;

    fn check(key: &PrivateKey, signature: SignatureValue) {
        let algorithm = signature.algorithm.identifier();
        let verify = |message: &[u8], bytes: &[u8]| verify_signature(&key.spki(), &algorithm, message, bytes);
        verify(b"content", &signature.bytes).unwrap();
        assert_eq!(verify(b"Content", &signature.bytes), Err(SignatureError::Invalid));
        let mut flipped = signature.bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(verify(b"content", &flipped), Err(SignatureError::Invalid));
    }

    #[test]
    fn what_a_key_signs_verifies_and_nothing_else() {
        let brainpool = [KeyKind::BrainpoolP256r1, KeyKind::BrainpoolP384r1];
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519].into_iter().chain(brainpool) {
            let key = PrivateKey::generate(kind).unwrap();
            check(&key, key.sign(b"content").unwrap());
        }
        check(&rsa_key(), rsa_key().sign(b"content").unwrap());
        check(&rsa_key(), rsa_key().sign_pss(b"content").unwrap());
    }

    #[test]
    fn a_pss_salt_of_another_length_verifies_only_where_it_is_told() {
        let key = rsa_key();
        let signature = key.sign_pss(b"content").unwrap();
        let mut algorithm = signature.algorithm.identifier();
        let told = |length: u8| {
            let mut der = der::Encode::to_der(algorithm.parameters.as_ref().unwrap()).unwrap();
            *der.last_mut().unwrap() = length;
            der::Decode::from_der(&der).unwrap()
        };
        algorithm.parameters = Some(told(20));
        let verified = verify_signature(&key.spki(), &algorithm, b"content", &signature.bytes);
        assert_eq!(verified, Err(SignatureError::Invalid));
    }

    #[test]
    fn an_algorithm_of_another_kind_of_key_is_refused() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let signature = key.sign(b"content").unwrap();
        let sha1 =
            AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), parameters: None };
        let ecdsa = signature.algorithm.identifier();
        for (key, algorithm) in [(&key, &sha1), (&rsa_key(), &ecdsa)] {
            let refused = verify_signature(&key.spki(), algorithm, b"content", &signature.bytes);
            assert!(matches!(refused, Err(SignatureError::Unsupported(_))));
        }
    }
}
