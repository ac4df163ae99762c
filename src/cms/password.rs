//! A content key under a password: PasswordRecipientInfo (RFC 5652, section 6.2.4) with PBKDF2 and PWRI-KEK (RFC 3211).

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use super::tlv::{Cursor, INTEGER, OCTET_STRING, OID, SEQUENCE, Tlv};
use super::{CmsError, oid};
use crate::secret::Secret;

const BLOCK: usize = 16;
/// Rounds of PBKDF2 that a sender may ask for: some seconds, not hours.
const MOST_ROUNDS: u32 = 5_000_000;
/// A content key with its check octets and padding needs no more.
const LONGEST_WRAPPED: usize = 128;

/// How a content key is wrapped under a password, as the entry says it.
pub(super) struct PasswordWrap<'a> {
    /// The AlgorithmIdentifier of the derivation; RFC 5652 lets it be absent, and then nothing can be derived.
    pub(super) derivation: Option<Tlv<'a>>,
    pub(super) algorithm: Tlv<'a>,
    pub(super) key: &'a [u8],
}

impl PasswordWrap<'_> {
    /// The content key. A wrong password is told by the check octets, but for one in 16 million.
    pub(super) fn unwrap(&self, password: &Secret<String>) -> Result<Secret<Vec<u8>>, CmsError> {
        let mut parts = self.algorithm.inside();
        let wrapping = parts.expect(OID)?.as_oid()?;
        if wrapping != oid::PWRI_KEK {
            return Err(CmsError::Unsupported(wrapping.to_string()));
        }
        let mut cipher = parts.expect(SEQUENCE)?.inside();
        parts.end()?;
        let algorithm = cipher.expect(OID)?.as_oid()?;
        let iv: [u8; BLOCK] = cipher.expect(OCTET_STRING)?.body.try_into().map_err(|_| CmsError::Malformed("an IV"))?;
        let (aes, length) = match algorithm {
            oid::AES128_CBC => (&AES_128, 16),
            oid::AES192_CBC => (&AES_192, 24),
            oid::AES256_CBC => (&AES_256, 32),
            other => return Err(CmsError::Unsupported(other.to_string())),
        };
        let kek = derive(self.derivation, password, length)?;
        let decrypt = |iv: [u8; BLOCK], blocks: &mut [u8]| {
            let key = UnboundCipherKey::new(aes, &kek).and_then(DecryptingKey::cbc).map_err(|_| CmsError::Crypto)?;
            let context = DecryptionContext::Iv128(FixedLength::from(iv));
            key.decrypt(blocks, context).map(|_| ()).map_err(|_| CmsError::Crypto)
        };
        unwrap_twice(self.key, iv, decrypt)
    }
}

/// RFC 3211, section 2.3.2: the outer encryption began with the last block of the inner one.
fn unwrap_twice(
    wrapped: &[u8],
    iv: [u8; BLOCK],
    decrypt: impl Fn([u8; BLOCK], &mut [u8]) -> Result<(), CmsError>,
) -> Result<Secret<Vec<u8>>, CmsError> {
    if wrapped.len() < 2 * BLOCK || wrapped.len() > LONGEST_WRAPPED || !wrapped.len().is_multiple_of(BLOCK) {
        return Err(CmsError::Malformed("a wrapped key"));
    }
    let mut blocks = Zeroizing::new(wrapped.to_vec());
    let (before, last) = blocks.split_at_mut(wrapped.len() - BLOCK);
    let block = |octets: &[u8]| <[u8; BLOCK]>::try_from(octets).map_err(|_| CmsError::Crypto);
    decrypt(block(&before[before.len() - BLOCK..])?, last)?;
    decrypt(block(last)?, before)?;
    decrypt(iv, &mut blocks)?;
    let length = usize::from(blocks[0]);
    let key = blocks.get(4..4 + length).filter(|key| key.len() >= 3).ok_or(CmsError::WrongKey)?;
    // The first three octets of the key stand before it, inverted: all are compared, whichever is wrong.
    let difference = blocks[1..4].iter().zip(key).fold(0, |sum, (check, octet)| sum | (check ^ octet ^ 0xff));
    if difference == 0 { Ok(Secret::new(key.to_vec())) } else { Err(CmsError::WrongKey) }
}

/// PBKDF2 (RFC 8018, section 5.2), its rounds bounded.
fn derive(
    derivation: Option<Tlv<'_>>,
    password: &Secret<String>,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, CmsError> {
    let Some(derivation) = derivation else {
        return Err(CmsError::Unsupported("a password entry without key derivation".to_owned()));
    };
    let mut parts = derivation.inside();
    let function = parts.expect(OID)?.as_oid()?;
    if function != oid::PBKDF2 {
        return Err(CmsError::Unsupported(function.to_string()));
    }
    let mut parameters = parts.expect(SEQUENCE)?.inside();
    let salt = parameters.expect(OCTET_STRING)?.body;
    let rounds = whole(parameters.expect(INTEGER)?)?;
    if parameters.optional(INTEGER)?.map(whole).transpose()?.is_some_and(|stated| stated as usize != length) {
        return Err(CmsError::Malformed("the length of a derived key"));
    }
    let hmac = match parameters.optional(SEQUENCE)? {
        Some(algorithm) => algorithm.as_plain_algorithm()?,
        None => oid::HMAC_SHA1,
    };
    parameters.end()?;
    let hmac = match hmac {
        oid::HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
        oid::HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        oid::HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
        oid::HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        other => return Err(CmsError::Unsupported(other.to_string())),
    };
    let rounds = NonZeroU32::new(rounds).ok_or(CmsError::Malformed("the rounds of a key derivation"))?;
    if rounds.get() > MOST_ROUNDS {
        return Err(CmsError::TooLarge);
    }
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(hmac, rounds, salt, password.expose().as_bytes(), &mut key);
    Ok(key)
}

/// A small positive INTEGER.
fn whole(integer: Tlv<'_>) -> Result<u32, CmsError> {
    let octets = integer.body.strip_prefix(&[0]).unwrap_or(integer.body);
    if octets.is_empty() || octets.len() > 4 || integer.body[0] >= 0x80 {
        return Err(CmsError::Malformed("a number"));
    }
    Ok(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

/// Reads PasswordRecipientInfo behind its tag.
pub(super) fn read(info: Tlv<'_>) -> Result<PasswordWrap<'_>, CmsError> {
    let mut parts: Cursor<'_> = info.inside();
    parts.version(&[0])?;
    let derivation = parts.optional(0xA0)?;
    let algorithm = parts.expect(SEQUENCE)?;
    let key = parts.expect(OCTET_STRING)?.body;
    parts.end()?;
    Ok(PasswordWrap { derivation, algorithm, key })
}
