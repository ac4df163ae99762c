//! RSA padding in software (RFC 8017), around the bare RSA operation of tokens that lack the one that is needed.

use std::hint::black_box;

use aws_lc_rs::digest::{self, Algorithm, SHA256};
use zeroize::Zeroizing;

use crate::pki::{KeyError, RsaUnwrap};
use crate::secret::Secret;

/// DigestInfo of SHA-256 up to the digest (section 9.2, note 1).
const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// Octets of the salt of RSASSA-PSS, those of the hash.
const SALT: usize = 32;

/// DigestInfo of a message.
pub(super) fn digest_info(message: &[u8]) -> Vec<u8> {
    [&SHA256_INFO[..], digest::digest(&SHA256, message).as_ref()].concat()
}

/// EMSA-PKCS1-v1_5 with SHA-256 (section 9.2), `length` octets.
pub(super) fn pkcs1(message: &[u8], length: usize) -> Result<Vec<u8>, KeyError> {
    let info = digest_info(message);
    let filler = length.checked_sub(info.len() + 3).filter(|filler| *filler >= 8).ok_or(KeyError::Unsupported)?;
    Ok([&[0, 1][..], &vec![0xFF; filler], &[0], &info].concat())
}

/// EMSA-PSS with SHA-256 (section 9.1.1) for a modulus of `bits`, as long as the modulus.
pub(super) fn pss(message: &[u8], bits: u32) -> Result<Vec<u8>, KeyError> {
    let (bits, hash) = (bits as usize, SHA256.output_len());
    let length = (bits - 1).div_ceil(8);
    let filler = length.checked_sub(hash + SALT + 2).ok_or(KeyError::Unsupported)?;
    let mut salt = [0; SALT];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| KeyError::Refused)?;
    let mut context = digest::Context::new(&SHA256);
    context.update(&[0; 8]);
    context.update(digest::digest(&SHA256, message).as_ref());
    context.update(&salt);
    let fingerprint = context.finish();
    let mut block = [&vec![0; filler][..], &[1], &salt].concat();
    mask(&mut block, &SHA256, fingerprint.as_ref());
    block[0] &= 0xFF >> (8 * length - (bits - 1));
    // One octet more where the modulus begins a new one.
    let before = vec![0; bits.div_ceil(8) - length];
    Ok([&before[..], &block, fingerprint.as_ref(), &[0xBC]].concat())
}

/// Takes the padding off what the bare operation gave.
///
/// How long it takes does not tell where the padding is wrong: who can send ciphertexts and watch would otherwise read
/// other messages with it (Bleichenbacher, Manger; RFC 8017, section 7.1.2, step 3g).
pub(super) fn unpad(block: &[u8], how: RsaUnwrap) -> Result<Secret<Vec<u8>>, KeyError> {
    let plain = match how {
        RsaUnwrap::Pkcs1 => unpad_pkcs1(block),
        RsaUnwrap::OaepSha1 => unpad_oaep(block, &digest::SHA1_FOR_LEGACY_USE_ONLY),
        RsaUnwrap::OaepSha256 => unpad_oaep(block, &SHA256),
        RsaUnwrap::OaepSha384 => unpad_oaep(block, &digest::SHA384),
        RsaUnwrap::OaepSha512 => unpad_oaep(block, &digest::SHA512),
    };
    plain.map(Secret::new).ok_or(KeyError::Refused)
}

/// EME-PKCS1-v1_5 (section 7.2.2): 00 02, eight or more octets other than zero, 00, the message.
fn unpad_pkcs1(block: &[u8]) -> Option<Vec<u8>> {
    let random = block.get(2..).filter(|rest| rest.len() > 8)?;
    let mut good = equal(block[0], 0) & equal(block[1], 2);
    let (mut looking, mut found) = (0xFF, 0);
    for (at, octet) in random.iter().enumerate() {
        let ends = looking & equal(*octet, 0);
        found = choose(ends, at, found);
        // The first eight may not be zero.
        good &= !ends | if at < 8 { 0 } else { 0xFF };
        looking &= !ends;
    }
    good &= !looking;
    (black_box(good) == 0xFF).then(|| random[found + 1..].to_vec())
}

/// EME-OAEP (section 7.1.2) with one hash for both uses and no label.
fn unpad_oaep(block: &[u8], hash: &'static Algorithm) -> Option<Vec<u8>> {
    let length = hash.output_len();
    if block.len() < 2 * length + 2 {
        return None;
    }
    let (first, rest) = block.split_first()?;
    let (seed, data) = rest.split_at(length);
    let (mut seed, mut data) = (Zeroizing::new(seed.to_vec()), Zeroizing::new(data.to_vec()));
    mask(&mut seed, hash, &data);
    mask(&mut data, hash, &seed);
    let label = digest::digest(hash, b"");
    let mut good = equal(*first, 0);
    for (one, other) in data.iter().zip(label.as_ref()) {
        good &= equal(*one, *other);
    }
    let (mut looking, mut found) = (0xFF, 0);
    for (at, octet) in data.iter().enumerate().skip(length) {
        let ends = looking & equal(*octet, 1);
        found = choose(ends, at, found);
        looking &= !ends;
        good &= !looking | equal(*octet, 0);
    }
    good &= !looking;
    (black_box(good) == 0xFF).then(|| data[found + 1..].to_vec())
}

/// XORs with MGF1 of a seed (appendix B.2.1).
fn mask(octets: &mut [u8], hash: &'static Algorithm, seed: &[u8]) {
    for (counter, part) in (0u32..).zip(octets.chunks_mut(hash.output_len())) {
        let mut context = digest::Context::new(hash);
        context.update(seed);
        context.update(&counter.to_be_bytes());
        part.iter_mut().zip(context.finish().as_ref()).for_each(|(octet, mask)| *octet ^= mask);
    }
}

/// FF if they are equal, else 00, without a branch.
fn equal(one: u8, other: u8) -> u8 {
    let difference = black_box(one ^ other);
    ((difference | difference.wrapping_neg()) >> 7).wrapping_sub(1)
}

/// `one` where the mask is FF, `other` where it is 00, without a branch.
fn choose(mask: u8, one: usize, other: usize) -> usize {
    let mask = usize::from(black_box(mask) & 1).wrapping_neg();
    (one & mask) | (other & !mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EME-OAEP and EME-PKCS1-v1_5 as section 7 writes them, for blocks that are then changed.
    fn oaep(message: &[u8], length: usize, hash: &'static Algorithm) -> Vec<u8> {
        let filler = length - message.len() - 2 * hash.output_len() - 2;
        let mut data = [digest::digest(hash, b"").as_ref(), &vec![0; filler], &[1], message].concat();
        let mut seed = vec![7; hash.output_len()];
        mask(&mut data, hash, &seed);
        mask(&mut seed, hash, &data);
        [&[0], &seed[..], &data].concat()
    }

    #[test]
    fn a_padded_message_comes_back_and_no_changed_one_does() {
        for (how, hash) in [(RsaUnwrap::OaepSha1, &digest::SHA1_FOR_LEGACY_USE_ONLY), (RsaUnwrap::OaepSha256, &SHA256)]
        {
            for message in [&b""[..], b"key", &[0; 32], &[1; 32]] {
                let block = oaep(message, 256, hash);
                assert_eq!(unpad(&block, how).unwrap().expose(), message);
                for at in 0..block.len() {
                    let mut changed = block.clone();
                    changed[at] ^= 0x10;
                    assert_eq!(unpad(&changed, how).err(), Some(KeyError::Refused), "{at}");
                }
                assert!(unpad(&block[..60], RsaUnwrap::OaepSha256).is_err());
            }
        }
        assert!(unpad(&[], RsaUnwrap::OaepSha256).is_err() && unpad(&[0; 256], RsaUnwrap::OaepSha512).is_err());
    }

    #[test]
    fn a_padded_digest_is_smaller_than_any_modulus_of_its_size_and_never_twice_the_same() {
        for bits in [2047, 2048, 2049, 3072] {
            let block = pss(b"content", bits).unwrap();
            let zeros = block.len() as u32 * 8 - (bits - 1);
            let leading = block.iter().take_while(|octet| **octet == 0).count() as u32 * 8;
            let leading = leading + block[leading as usize / 8].leading_zeros();
            assert!(leading >= zeros && block.ends_with(&[0xBC]), "{bits}");
            assert_eq!(block.len() as u32, bits.div_ceil(8));
            assert_ne!(block, pss(b"content", bits).unwrap());
        }
        assert_eq!(pkcs1(b"content", 256).unwrap().len(), 256);
        assert!(pss(b"content", 512).is_err() && pkcs1(b"content", 61).is_err());
    }

    #[test]
    fn the_older_padding_needs_its_head_eight_octets_and_an_end() {
        let block = |filler: usize, message: &[u8]| [&[0, 2][..], &vec![9; filler], &[0], message].concat();
        assert_eq!(unpad(&block(8, b"key"), RsaUnwrap::Pkcs1).unwrap().expose(), b"key");
        assert_eq!(unpad(&block(90, b"\0\0"), RsaUnwrap::Pkcs1).unwrap().expose(), b"\0\0");
        assert_eq!(unpad(&block(90, b""), RsaUnwrap::Pkcs1).unwrap().expose(), b"");
        let mut wrong = vec![block(7, b"0123456789"), [&[0, 2][..], &[9; 90]].concat(), vec![0, 2], Vec::new()];
        for (at, octet) in [(0, 1), (1, 1), (5, 0)] {
            wrong.push(block(90, b"key"));
            wrong.last_mut().unwrap()[at] = octet;
        }
        for block in wrong {
            assert_eq!(unpad(&block, RsaUnwrap::Pkcs1).err(), Some(KeyError::Refused), "{block:?}");
        }
    }
}
