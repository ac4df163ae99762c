//! The key between the shared secret of ECDH and the wrapped content key: the X9.63 KDF (RFC 5753, section 7; SEC 1, 3.6.1), or
//! HKDF (RFC 8418, section 2.2).

use aws_lc_rs::{digest, hkdf};
use der::asn1::ObjectIdentifier;

use super::{CmsError, oid, tlv};
use crate::secret::Secret;

/// How a key-agreement scheme derives.
#[derive(Clone, Copy)]
pub(super) enum Derivation {
    X963(&'static digest::Algorithm),
    Hkdf(hkdf::Algorithm),
}

impl Derivation {
    /// The derivation of a scheme, if it is one of RFC 5753 or RFC 8418.
    pub(super) fn of(scheme: ObjectIdentifier) -> Option<Derivation> {
        let x963 = [
            (&oid::DH_SHA256, &digest::SHA256),
            (&oid::DH_SHA384, &digest::SHA384),
            (&oid::DH_SHA512, &digest::SHA512),
            (&oid::DH_SHA1, &digest::SHA1_FOR_LEGACY_USE_ONLY),
        ];
        match scheme {
            oid::DH_HKDF_SHA256 => Some(Derivation::Hkdf(hkdf::HKDF_SHA256)),
            oid::DH_HKDF_SHA384 => Some(Derivation::Hkdf(hkdf::HKDF_SHA384)),
            oid::DH_HKDF_SHA512 => Some(Derivation::Hkdf(hkdf::HKDF_SHA512)),
            _ => x963.into_iter().find(|(schemes, _)| schemes.contains(&scheme)).map(|it| Derivation::X963(it.1)),
        }
    }
}

/// HKDF gives as many octets as it is told to.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The key-encryption key of `length` octets. `wrap` is the AlgorithmIdentifier of the wrapping as it stands in the
/// message, because its parameters may be NULL or absent and the other side hashed them as they are.
pub(super) fn key_encryption_key(
    derivation: Derivation,
    secret: &Secret<Vec<u8>>,
    wrap: &[u8],
    material: Option<&[u8]>,
    length: usize,
) -> Result<Secret<Vec<u8>>, CmsError> {
    let bits = (length as u32 * 8).to_be_bytes();
    let entity = material.map(|material| tlv::element(0xA0, &tlv::element(tlv::OCTET_STRING, material)));
    let supplement = tlv::element(0xA2, &tlv::element(tlv::OCTET_STRING, &bits));
    let info = tlv::constructed(tlv::SEQUENCE, &[wrap, entity.as_deref().unwrap_or_default(), &supplement]);
    match derivation {
        Derivation::X963(hash) => Ok(x963(hash, secret, &info, length)),
        Derivation::Hkdf(algorithm) => {
            // RFC 8418, section 2.2: keying material of the sender is the salt too, besides its place in the info.
            let key = hkdf::Salt::new(algorithm, material.unwrap_or_default()).extract(secret.expose());
            let mut derived = vec![0; length];
            let filled = key.expand(&[&info], Length(length)).and_then(|okm| okm.fill(&mut derived));
            filled.map(|()| Secret::new(derived)).map_err(|_| CmsError::Crypto)
        }
    }
}

fn x963(hash: &'static digest::Algorithm, secret: &Secret<Vec<u8>>, info: &[u8], length: usize) -> Secret<Vec<u8>> {
    let mut key = zeroize::Zeroizing::new(Vec::with_capacity(length + hash.output_len()));
    let mut counter = 1u32;
    while key.len() < length {
        let mut context = digest::Context::new(hash);
        context.update(secret.expose());
        context.update(&counter.to_be_bytes());
        context.update(info);
        key.extend_from_slice(context.finish().as_ref());
        counter += 1;
    }
    Secret::new(key[..length].to_vec())
}
