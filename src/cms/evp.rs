//! AES in streams through the EVP interface of AWS-LC; its safe wrapper has AES-GCM for whole messages only.

#![expect(unsafe_code, reason = "aws-lc-rs has no incremental AES-GCM; every call into AWS-LC is in this file")]

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use aws_lc_sys::{
    EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_ctrl, EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new, EVP_CTRL_AEAD_GET_TAG,
    EVP_CTRL_AEAD_SET_TAG, EVP_DecryptFinal_ex, EVP_DecryptInit_ex, EVP_DecryptUpdate, EVP_EncryptFinal_ex,
    EVP_EncryptInit_ex, EVP_EncryptUpdate, EVP_aes_128_cbc, EVP_aes_128_gcm, EVP_aes_192_cbc, EVP_aes_192_gcm,
    EVP_aes_256_cbc, EVP_aes_256_gcm,
};

use super::CmsError;

/// Octets given to AWS-LC at a time: it counts in `int`.
const LONGEST: usize = 1 << 20;
/// The block of AES, the longest that a decryption adds to its input.
const BLOCK: usize = 16;

/// Content encryption with AES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128Gcm,
    Aes192Gcm,
    Aes256Gcm,
    Aes128Cbc,
    Aes192Cbc,
    Aes256Cbc,
}

impl Cipher {
    pub(super) fn name(self) -> &'static str {
        match self {
            Cipher::Aes128Gcm => "AES-128-GCM",
            Cipher::Aes192Gcm => "AES-192-GCM",
            Cipher::Aes256Gcm => "AES-256-GCM",
            Cipher::Aes128Cbc => "AES-128-CBC",
            Cipher::Aes192Cbc => "AES-192-CBC",
            Cipher::Aes256Cbc => "AES-256-CBC",
        }
    }

    pub(super) fn key_length(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes128Cbc => 16,
            Cipher::Aes192Gcm | Cipher::Aes192Cbc => 24,
            Cipher::Aes256Gcm | Cipher::Aes256Cbc => 32,
        }
    }

    /// The nonce of GCM (RFC 5084 recommends 12 octets), the initialisation vector of CBC.
    pub(super) fn iv_length(self) -> usize {
        if self.is_authenticated() { 12 } else { BLOCK }
    }

    pub(super) fn is_authenticated(self) -> bool {
        matches!(self, Cipher::Aes128Gcm | Cipher::Aes192Gcm | Cipher::Aes256Gcm)
    }

    fn evp(self) -> *const EVP_CIPHER {
        // SAFETY: these take nothing and give a pointer to a constant of the library.
        unsafe {
            match self {
                Cipher::Aes128Gcm => EVP_aes_128_gcm(),
                Cipher::Aes192Gcm => EVP_aes_192_gcm(),
                Cipher::Aes256Gcm => EVP_aes_256_gcm(),
                Cipher::Aes128Cbc => EVP_aes_128_cbc(),
                Cipher::Aes192Cbc => EVP_aes_192_cbc(),
                Cipher::Aes256Cbc => EVP_aes_256_cbc(),
            }
        }
    }
}

/// A cipher context, wiped and freed on drop.
struct Context(NonNull<EVP_CIPHER_CTX>);

// SAFETY: the context is owned, not shared, and AWS-LC keeps nothing of it per thread.
unsafe impl Send for Context {}

impl Context {
    fn new() -> Result<Context, CmsError> {
        aws_lc_rs::init();
        // SAFETY: takes nothing; null when there is no memory.
        NonNull::new(unsafe { EVP_CIPHER_CTX_new() }).map(Context).ok_or(CmsError::Crypto)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer came from EVP_CIPHER_CTX_new and is freed once; freeing also wipes the key schedule.
        unsafe { EVP_CIPHER_CTX_free(self.0.as_ptr()) }
    }
}

/// AES-256-GCM over content that is not all there yet.
pub(super) struct Encryptor(Context);

impl Encryptor {
    pub(super) fn new(key: &[u8; 32], nonce: &[u8; 12]) -> Result<Encryptor, CmsError> {
        let context = Context::new()?;
        // SAFETY: AES-256-GCM reads 32 octets of key and, unless told otherwise, 12 of nonce; no engine.
        let done = unsafe {
            EVP_EncryptInit_ex(
                context.0.as_ptr(),
                Cipher::Aes256Gcm.evp(),
                ptr::null_mut(),
                key.as_ptr(),
                nonce.as_ptr(),
            )
        };
        if done == 1 { Ok(Encryptor(context)) } else { Err(CmsError::Crypto) }
    }

    /// Encrypts the next piece of content into `out`, which becomes as long as the piece.
    pub(super) fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        out.clear();
        out.resize(content.len(), 0);
        for (from, to) in content.chunks(LONGEST).zip(out.chunks_mut(LONGEST)) {
            let mut written: c_int = 0;
            // SAFETY: `to` is as long as `from`, at most 2^20 octets, and GCM writes as many octets as it reads.
            let done = unsafe {
                EVP_EncryptUpdate(self.0.0.as_ptr(), to.as_mut_ptr(), &mut written, from.as_ptr(), from.len() as c_int)
            };
            if done != 1 || usize::try_from(written) != Ok(to.len()) {
                return Err(CmsError::Crypto);
            }
        }
        Ok(())
    }

    /// The tag over everything.
    pub(super) fn finish(self) -> Result<[u8; 16], CmsError> {
        let (mut nothing, mut written) = ([0u8; BLOCK], 0);
        let mut tag = [0u8; 16];
        // SAFETY: GCM writes nothing here; a block is room for any cipher of this file.
        let ended = unsafe { EVP_EncryptFinal_ex(self.0.0.as_ptr(), nothing.as_mut_ptr(), &mut written) };
        // SAFETY: GET_TAG writes the 16 octets it is told to.
        let got = unsafe { EVP_CIPHER_CTX_ctrl(self.0.0.as_ptr(), EVP_CTRL_AEAD_GET_TAG, 16, tag.as_mut_ptr().cast()) };
        if ended == 1 && got == 1 { Ok(tag) } else { Err(CmsError::Crypto) }
    }
}

/// AES decryption of content that is not all there yet. What it gives may be believed only after [`Decryptor::finish`],
/// and for CBC not even then.
pub(super) struct Decryptor {
    context: Context,
    cipher: Cipher,
}

impl Decryptor {
    pub(super) fn new(cipher: Cipher, key: &[u8], iv: &[u8]) -> Result<Decryptor, CmsError> {
        if key.len() != cipher.key_length() || iv.len() != cipher.iv_length() {
            return Err(CmsError::Crypto);
        }
        let context = Context::new()?;
        // SAFETY: key and iv have the lengths that the cipher reads, checked above; no engine.
        let done =
            unsafe { EVP_DecryptInit_ex(context.0.as_ptr(), cipher.evp(), ptr::null_mut(), key.as_ptr(), iv.as_ptr()) };
        if done == 1 { Ok(Decryptor { context, cipher }) } else { Err(CmsError::Crypto) }
    }

    /// Decrypts the next piece into `out`, which holds what came of it.
    pub(super) fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        out.clear();
        for from in content.chunks(LONGEST) {
            let start = out.len();
            out.resize(start + from.len() + BLOCK, 0);
            let mut written: c_int = 0;
            // SAFETY: the room behind `start` is a block longer than `from`, the most that CBC gives with what it held.
            let done = unsafe {
                EVP_DecryptUpdate(
                    self.context.0.as_ptr(),
                    out[start..].as_mut_ptr(),
                    &mut written,
                    from.as_ptr(),
                    from.len() as c_int,
                )
            };
            match usize::try_from(written) {
                Ok(written) if done == 1 && written <= from.len() + BLOCK => out.truncate(start + written),
                _ => return Err(CmsError::Crypto),
            }
        }
        Ok(())
    }

    /// Checks the tag of GCM, or takes the padding off CBC; `out` holds the rest of the content.
    pub(super) fn finish(self, tag: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        if self.cipher.is_authenticated() {
            // RFC 5084, section 3.2: a tag has 12 to 16 octets.
            if !(12..=16).contains(&tag.len()) {
                return Err(CmsError::Malformed("the tag"));
            }
            let mut tag = tag.to_vec();
            let length = tag.len() as c_int;
            // SAFETY: SET_TAG reads as many octets as it is told to, and the copy has them.
            let set = unsafe {
                EVP_CIPHER_CTX_ctrl(self.context.0.as_ptr(), EVP_CTRL_AEAD_SET_TAG, length, tag.as_mut_ptr().cast())
            };
            if set != 1 {
                return Err(CmsError::Crypto);
            }
        }
        out.clear();
        out.resize(BLOCK, 0);
        let mut written: c_int = 0;
        // SAFETY: at most one block is written.
        let done = unsafe { EVP_DecryptFinal_ex(self.context.0.as_ptr(), out.as_mut_ptr(), &mut written) };
        match usize::try_from(written) {
            Ok(written) if done == 1 && written <= BLOCK => {
                out.truncate(written);
                Ok(())
            }
            _ => Err(CmsError::Tampered),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    use super::*;

    #[test]
    fn pieces_make_what_the_one_shot_interface_makes() {
        let content: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let mut encryptor = Encryptor::new(&[7; 32], &[9; 12]).unwrap();
        let (mut cipher, mut piece) = (Vec::new(), Vec::new());
        for part in content.chunks(777) {
            encryptor.update(part, &mut piece).unwrap();
            cipher.extend_from_slice(&piece);
        }
        cipher.extend_from_slice(&encryptor.finish().unwrap());
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let mut whole = content.clone();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([9; 12]), Aad::empty(), &mut whole).unwrap();
        assert_eq!(cipher, whole);
    }

    #[test]
    fn a_changed_tag_is_refused() {
        let mut encryptor = Encryptor::new(&[7; 32], &[9; 12]).unwrap();
        let (mut cipher, mut plain) = (Vec::new(), Vec::new());
        encryptor.update(b"content", &mut cipher).unwrap();
        let mut tag = encryptor.finish().unwrap();
        for flip in [0, 1] {
            let mut decryptor = Decryptor::new(Cipher::Aes256Gcm, &[7; 32], &[9; 12]).unwrap();
            decryptor.update(&cipher, &mut plain).unwrap();
            assert_eq!(plain, b"content");
            tag[3] ^= flip;
            let done = decryptor.finish(&tag, &mut plain);
            assert_eq!(done.is_ok(), flip == 0);
        }
    }

    #[test]
    fn a_key_of_the_wrong_length_never_reaches_the_library() {
        assert!(Decryptor::new(Cipher::Aes256Gcm, &[0; 16], &[0; 12]).is_err());
        assert!(Decryptor::new(Cipher::Aes256Cbc, &[0; 32], &[0; 12]).is_err());
    }
}
