//! AES-256-GCM over one piece of data at a time, for what is kept on this machine (NIST SP 800-38D).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;

use super::Secret;

/// How much longer sealed data is than the plain: the 16-octet tag.
pub const SEAL_OVERHEAD: usize = 16;

/// Sealed data that this key, place or counter does not open: changed, moved, or of another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed data was changed, or belongs to another key or place")]
pub struct Unsealable;

/// A 256-bit key that seals numbered pieces of data of one context.
///
/// A context (a segment, a file, a row) has a key of its own, derived by HKDF-SHA-256 (RFC 5869), and the number of the
/// piece is the nonce: the caller never seals two different pieces under the same context and number.
#[derive(Clone, Debug)]
pub struct SealingKey(Secret<[u8; 32]>);

impl SealingKey {
    /// Takes the key into custody.
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        SealingKey(key)
    }

    /// The key of one context below this key.
    pub fn derive(&self, context: &[u8]) -> SealingKey {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"mss sealing key");
        let prk = salt.extract(self.0.expose());
        let mut derived = [0u8; 32];
        prk.expand(&[context], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut derived))
            .expect("HKDF-SHA-256 gives 32 octets");
        SealingKey(Secret::new(derived))
    }

    /// Seals piece `number`; `place` is authenticated with it and not stored.
    pub fn seal(&self, number: u64, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(plain.len() + SEAL_OVERHEAD);
        data.extend_from_slice(plain);
        self.seal_in_place(number, place, &mut data);
        data
    }

    /// Seals piece `number` where it is.
    pub fn seal_in_place(&self, number: u64, place: &[u8], data: &mut Vec<u8>) {
        self.cipher()
            .seal_in_place_append_tag(nonce(number), Aad::from(place), data)
            .expect("a piece is far below the limit of GCM");
    }

    /// Opens piece `number` of `place`.
    pub fn open(&self, number: u64, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let mut data = sealed.to_vec();
        self.open_in_place(number, place, &mut data)?;
        Ok(data)
    }

    /// Opens piece `number` of `place` where it is. What is left of one that does not open says nothing.
    pub fn open_in_place(&self, number: u64, place: &[u8], data: &mut Vec<u8>) -> Result<(), Unsealable> {
        let plain = self.cipher().open_in_place(nonce(number), Aad::from(place), data).map_err(|_| Unsealable)?;
        let length = plain.len();
        data.truncate(length);
        Ok(())
    }

    /// HMAC-SHA-256 (RFC 2104) under this key: a digest that says nothing to who does not hold the key.
    pub fn keyed_digest(&self, data: &[u8]) -> [u8; 32] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.0.expose());
        let tag = aws_lc_rs::hmac::sign(&key, data);
        tag.as_ref().try_into().expect("HMAC-SHA-256 gives 32 octets")
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.0.expose()).expect("AES-256 takes 32 octets"))
    }
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0u8; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealingKey {
        SealingKey::new(Secret::new([7; 32]))
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let sealed = key().derive(b"segment 1").seal(4, b"record", b"five elements");
        assert_eq!(sealed.len(), 13 + SEAL_OVERHEAD);
        assert_eq!(key().derive(b"segment 1").open(4, b"record", &sealed).unwrap(), b"five elements");
        assert!(key().derive(b"segment 1").open(5, b"record", &sealed).is_err(), "another number");
        assert!(key().derive(b"segment 1").open(4, b"other", &sealed).is_err(), "another place");
        assert!(key().derive(b"segment 2").open(4, b"record", &sealed).is_err(), "another context");
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let sealed = key().seal(1, b"", b"x");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(1, b"", &changed), Err(Unsealable));
        }
    }
}
