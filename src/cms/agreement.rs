//! The key between the shared secret of ECDH and the wrapped content key: ANSI X9.63 KDF (RFC 5753, section 7; SEC 1, 3.6.1).

use aws_lc_rs::digest;
use der::asn1::ObjectIdentifier;

use super::{oid, tlv};
use crate::secret::Secret;

/// The hash that a key-agreement scheme derives with, if it is one of RFC 5753.
pub(super) fn hash_of(scheme: ObjectIdentifier) -> Option<&'static digest::Algorithm> {
    let tables = [
        (&oid::DH_SHA256, &digest::SHA256),
        (&oid::DH_SHA384, &digest::SHA384),
        (&oid::DH_SHA512, &digest::SHA512),
        (&oid::DH_SHA1, &digest::SHA1_FOR_LEGACY_USE_ONLY),
    ];
    tables.into_iter().find(|(schemes, _)| schemes.contains(&scheme)).map(|(_, hash)| hash)
}

/// The key-encryption key of `length` octets. `wrap` is the AlgorithmIdentifier of the wrapping as it stands in the
/// message, because its parameters may be NULL or absent and the other side hashed them as they are.
pub(super) fn key_encryption_key(
    hash: &'static digest::Algorithm,
    secret: &Secret<Vec<u8>>,
    wrap: &[u8],
    material: Option<&[u8]>,
    length: usize,
) -> Secret<Vec<u8>> {
    let bits = (length as u32 * 8).to_be_bytes();
    let entity = material.map(|material| tlv::element(0xA0, &tlv::element(tlv::OCTET_STRING, material)));
    let supplement = tlv::element(0xA2, &tlv::element(tlv::OCTET_STRING, &bits));
    let info = tlv::constructed(tlv::SEQUENCE, &[wrap, entity.as_deref().unwrap_or_default(), &supplement]);
    let mut key = zeroize::Zeroizing::new(Vec::with_capacity(length + hash.output_len()));
    let mut counter = 1u32;
    while key.len() < length {
        let mut context = digest::Context::new(hash);
        context.update(secret.expose());
        context.update(&counter.to_be_bytes());
        context.update(&info);
        key.extend_from_slice(context.finish().as_ref());
        counter += 1;
    }
    Secret::new(key[..length].to_vec())
}
