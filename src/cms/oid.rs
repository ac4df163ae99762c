//! The object identifiers that are written or read here: RFC 5652 with 3211, 3274, 3565, 5035, 5083, 5084, 5753, 8018, 8418, 8551.

use der::asn1::ObjectIdentifier;

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

pub(super) const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
pub(super) const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
pub(super) const ENVELOPED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.3");
pub(super) const AUTH_ENVELOPED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.23");
pub(super) const COMPRESSED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.9");
pub(super) const ZLIB: ObjectIdentifier = oid("1.2.840.113549.1.9.16.3.8");

pub(super) const AES128_CBC: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.2");
pub(super) const AES192_CBC: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.22");
pub(super) const AES256_CBC: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.42");
pub(super) const AES128_GCM: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.6");
pub(super) const AES192_GCM: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.26");
pub(super) const AES256_GCM: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.46");
pub(super) const TRIPLE_DES_CBC: ObjectIdentifier = oid("1.2.840.113549.3.7");
pub(super) const AES128_WRAP: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.5");
pub(super) const AES192_WRAP: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.25");
pub(super) const AES256_WRAP: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.45");

pub(super) const PWRI_KEK: ObjectIdentifier = oid("1.2.840.113549.1.9.16.3.9");
pub(super) const PBKDF2: ObjectIdentifier = oid("1.2.840.113549.1.5.12");
pub(super) const HMAC_SHA1: ObjectIdentifier = oid("1.2.840.113549.2.7");
pub(super) const HMAC_SHA256: ObjectIdentifier = oid("1.2.840.113549.2.9");
pub(super) const HMAC_SHA384: ObjectIdentifier = oid("1.2.840.113549.2.10");
pub(super) const HMAC_SHA512: ObjectIdentifier = oid("1.2.840.113549.2.11");

pub(super) const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
pub(super) const RSA_OAEP: ObjectIdentifier = oid("1.2.840.113549.1.1.7");
pub(super) const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");
pub(super) const SHA256_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
pub(super) const SHA384_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
pub(super) const SHA512_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
pub(super) const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
pub(super) const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
pub(super) const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
pub(super) const ECDSA_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
pub(super) const ED25519: ObjectIdentifier = oid("1.3.101.112");

pub(super) const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");

/// dhSinglePass-stdDH-sha1kdf-scheme and, on curves of cofactor 1 the same, cofactorDH.
pub(super) const DH_SHA1: [ObjectIdentifier; 2] = [oid("1.3.133.16.840.63.0.2"), oid("1.3.133.16.840.63.0.3")];
pub(super) const DH_SHA256: [ObjectIdentifier; 2] = [oid("1.3.132.1.11.1"), oid("1.3.132.1.14.1")];
pub(super) const DH_SHA384: [ObjectIdentifier; 2] = [oid("1.3.132.1.11.2"), oid("1.3.132.1.14.2")];
pub(super) const DH_SHA512: [ObjectIdentifier; 2] = [oid("1.3.132.1.11.3"), oid("1.3.132.1.14.3")];

/// RFC 8418: the same with HKDF.
pub(super) const DH_HKDF_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.9.16.3.19");
pub(super) const DH_HKDF_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.9.16.3.20");
pub(super) const DH_HKDF_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.9.16.3.21");

pub(super) const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
pub(super) const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
pub(super) const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
pub(super) const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");

pub(super) const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
pub(super) const SIGNING_TIME: ObjectIdentifier = oid("1.2.840.113549.1.9.5");
pub(super) const SMIME_CAPABILITIES: ObjectIdentifier = oid("1.2.840.113549.1.9.15");
pub(super) const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
