//! AES and 3DES in streams, and what else the safe wrapper of AWS-LC lacks: every call into the library itself is here.

#![expect(unsafe_code, reason = "aws-lc-rs has no incremental AES-GCM, no 3DES and no AES-192 key wrap")]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use aws_lc_sys::{
    AES_KEY, AES_set_decrypt_key, AES_unwrap_key, EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_ctrl, EVP_CIPHER_CTX_free,
    EVP_CIPHER_CTX_new, EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG, EVP_CipherFinal_ex, EVP_CipherInit_ex,
    EVP_CipherUpdate, EVP_aes_128_cbc, EVP_aes_128_gcm, EVP_aes_192_cbc, EVP_aes_192_gcm, EVP_aes_256_cbc,
    EVP_aes_256_gcm, EVP_des_ede3_cbc, OPENSSL_cleanse,
};

use super::CmsError;

/// Octets given to AWS-LC at a time: it counts in `int`.
const LONGEST: usize = 1 << 20;
/// The block of AES, the longest that an update adds to its input.
const BLOCK: usize = 16;
/// Octets of the tag that GCM is written with.
const TAG: usize = 16;

/// Content encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128Gcm,
    Aes192Gcm,
    Aes256Gcm,
    Aes128Cbc,
    Aes192Cbc,
    Aes256Cbc,
    TripleDesCbc,
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
            Cipher::TripleDesCbc => "3DES-CBC",
        }
    }

    pub(super) fn key_length(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes128Cbc => 16,
            Cipher::Aes192Gcm | Cipher::Aes192Cbc | Cipher::TripleDesCbc => 24,
            Cipher::Aes256Gcm | Cipher::Aes256Cbc => 32,
        }
    }

    /// The nonce of GCM (RFC 5084 recommends 12 octets), the initialisation vector of CBC.
    pub(super) fn iv_length(self) -> usize {
        match self {
            Cipher::TripleDesCbc => 8,
            _ if self.is_authenticated() => 12,
            _ => BLOCK,
        }
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
                Cipher::TripleDesCbc => EVP_des_ede3_cbc(),
            }
        }
    }
}

/// What a context does with what passes through it.
#[derive(Clone, Copy)]
enum Direction {
    Decrypt = 0,
    Encrypt = 1,
}

/// A cipher at work, wiped and freed on drop.
struct Context {
    evp: NonNull<EVP_CIPHER_CTX>,
    cipher: Cipher,
}

// SAFETY: the context is owned, not shared, and AWS-LC keeps nothing of it per thread.
unsafe impl Send for Context {}

impl Context {
    fn new(cipher: Cipher, direction: Direction, key: &[u8], iv: &[u8]) -> Result<Context, CmsError> {
        if key.len() != cipher.key_length() || iv.len() != cipher.iv_length() {
            return Err(CmsError::Crypto);
        }
        aws_lc_rs::init();
        // SAFETY: takes nothing; null when there is no memory.
        let evp = NonNull::new(unsafe { EVP_CIPHER_CTX_new() }).ok_or(CmsError::Crypto)?;
        let context = Context { evp, cipher };
        let (key, iv, direction) = (key.as_ptr(), iv.as_ptr(), direction as c_int);
        // SAFETY: key and iv have the lengths that the cipher reads, checked above; no engine.
        let done = unsafe { EVP_CipherInit_ex(evp.as_ptr(), cipher.evp(), ptr::null_mut(), key, iv, direction) };
        if done == 1 { Ok(context) } else { Err(CmsError::Crypto) }
    }

    /// Passes the next piece through; `out` holds what came of it.
    fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        out.clear();
        for from in content.chunks(LONGEST) {
            let start = out.len();
            out.resize(start + from.len() + BLOCK, 0);
            let (to, mut written) = (out[start..].as_mut_ptr(), 0);
            // SAFETY: the room behind `start` is a block longer than `from`, the most that CBC gives with what it held.
            let done =
                unsafe { EVP_CipherUpdate(self.evp.as_ptr(), to, &mut written, from.as_ptr(), from.len() as c_int) };
            match usize::try_from(written) {
                Ok(written) if done == 1 && written <= from.len() + BLOCK => out.truncate(start + written),
                _ => return Err(CmsError::Crypto),
            }
        }
        Ok(())
    }

    /// Ends the stream; `out` holds the rest. False where a tag or a padding is wrong.
    fn end(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.resize(BLOCK, 0);
        let mut written = 0;
        // SAFETY: at most one block is written.
        let done = unsafe { EVP_CipherFinal_ex(self.evp.as_ptr(), out.as_mut_ptr(), &mut written) };
        match usize::try_from(written) {
            Ok(written) if done == 1 && written <= BLOCK => {
                out.truncate(written);
                true
            }
            _ => {
                out.clear();
                false
            }
        }
    }

    /// Reads or sets the tag of GCM.
    fn tag(&mut self, command: c_int, tag: &mut [u8]) -> Result<(), CmsError> {
        let length = tag.len() as c_int;
        // SAFETY: GET_TAG writes and SET_TAG reads as many octets as they are told to, which is how long the tag is.
        let done = unsafe { EVP_CIPHER_CTX_ctrl(self.evp.as_ptr(), command, length, tag.as_mut_ptr().cast()) };
        if done == 1 { Ok(()) } else { Err(CmsError::Crypto) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer came from EVP_CIPHER_CTX_new and is freed once; freeing also wipes the key schedule.
        unsafe { EVP_CIPHER_CTX_free(self.evp.as_ptr()) }
    }
}

/// Encryption of content that is not all there yet.
pub(super) struct Encryptor(Context);

impl Encryptor {
    pub(super) fn new(cipher: Cipher, key: &[u8], iv: &[u8]) -> Result<Encryptor, CmsError> {
        Context::new(cipher, Direction::Encrypt, key, iv).map(Encryptor)
    }

    /// Encrypts the next piece of content; `out` holds what came of it.
    pub(super) fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        self.0.update(content, out)
    }

    /// Encrypts what is left into `out`, and gives the tag over everything, if the cipher makes one.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<Option<[u8; TAG]>, CmsError> {
        if !self.0.end(out) {
            return Err(CmsError::Crypto);
        }
        if !self.0.cipher.is_authenticated() {
            return Ok(None);
        }
        let mut tag = [0; TAG];
        self.0.tag(EVP_CTRL_AEAD_GET_TAG, &mut tag)?;
        Ok(Some(tag))
    }
}

/// Decryption of content that is not all there yet. What it gives may be believed only after [`Decryptor::finish`],
/// and for CBC not even then.
pub(super) struct Decryptor(Context);

impl Decryptor {
    pub(super) fn new(cipher: Cipher, key: &[u8], iv: &[u8]) -> Result<Decryptor, CmsError> {
        Context::new(cipher, Direction::Decrypt, key, iv).map(Decryptor)
    }

    /// Decrypts the next piece into `out`, which holds what came of it.
    pub(super) fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        self.0.update(content, out)
    }

    /// Checks the tag of GCM, or takes the padding off CBC; `out` holds the rest of the content.
    pub(super) fn finish(mut self, tag: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        if self.0.cipher.is_authenticated() {
            // RFC 5084, section 3.2: a tag has 12 to 16 octets.
            if !(12..=TAG).contains(&tag.len()) {
                return Err(CmsError::Malformed("the tag"));
            }
            self.0.tag(EVP_CTRL_AEAD_SET_TAG, &mut tag.to_vec())?;
        }
        if self.0.end(out) { Ok(()) } else { Err(CmsError::Tampered) }
    }
}

/// AES-192 key unwrap (RFC 3394) into `room`, which must be 8 octets shorter than what is wrapped; false where its
/// integrity check fails.
pub(super) fn unwrap_aes192(kek: &[u8; 24], wrapped: &[u8], room: &mut [u8]) -> bool {
    if wrapped.len() < 24 || !wrapped.len().is_multiple_of(8) || room.len() + 8 != wrapped.len() {
        return false;
    }
    aws_lc_rs::init();
    let mut schedule = MaybeUninit::<AES_KEY>::zeroed();
    // SAFETY: 192 bits are read, as many as the key has; the schedule is written whole.
    let set = unsafe { AES_set_decrypt_key(kek.as_ptr(), 192, schedule.as_mut_ptr()) };
    // SAFETY: the schedule was zeroed and then set up; the default initial value is asked for; `room` has the octets that
    // are written, checked above.
    let written =
        unsafe { AES_unwrap_key(schedule.as_ptr(), ptr::null(), room.as_mut_ptr(), wrapped.as_ptr(), wrapped.len()) };
    // SAFETY: the schedule is ours and this long; it holds the key.
    unsafe { OPENSSL_cleanse(schedule.as_mut_ptr().cast(), size_of::<AES_KEY>()) };
    set == 0 && usize::try_from(written) == Ok(room.len())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    use super::*;

    #[test]
    fn pieces_make_what_the_one_shot_interface_makes() {
        let content: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let mut encryptor = Encryptor::new(Cipher::Aes256Gcm, &[7; 32], &[9; 12]).unwrap();
        let (mut cipher, mut piece) = (Vec::new(), Vec::new());
        for part in content.chunks(777) {
            encryptor.update(part, &mut piece).unwrap();
            cipher.extend_from_slice(&piece);
        }
        cipher.extend_from_slice(&encryptor.finish(&mut piece).unwrap().unwrap());
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let mut whole = content.clone();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([9; 12]), Aad::empty(), &mut whole).unwrap();
        assert_eq!(cipher, whole);
    }

    #[test]
    fn a_changed_tag_is_refused() {
        let mut encryptor = Encryptor::new(Cipher::Aes256Gcm, &[7; 32], &[9; 12]).unwrap();
        let (mut cipher, mut plain) = (Vec::new(), Vec::new());
        encryptor.update(b"content", &mut cipher).unwrap();
        let mut tag = encryptor.finish(&mut plain).unwrap().unwrap();
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
        assert!(Encryptor::new(Cipher::Aes256Cbc, &[0; 16], &[0; 16]).is_err());
    }

    #[test]
    fn aes_192_unwraps_the_sample_of_the_standard_and_no_other() {
        // RFC 3394, section 4.2.
        let kek: [u8; 24] = std::array::from_fn(|n| n as u8);
        let wrapped = [
            0x96, 0x77, 0x8B, 0x25, 0xAE, 0x6C, 0xA4, 0x35, 0xF9, 0x2B, 0x5B, 0x97, 0xC0, 0x50, 0xAE, 0xD2, 0x46, 0x8A,
            0xB8, 0xA1, 0x7A, 0xD8, 0x4E, 0x5D,
        ];
        let mut key = [0; 16];
        assert!(unwrap_aes192(&kek, &wrapped, &mut key));
        assert_eq!(key, [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF]);
        let mut changed = wrapped;
        changed[23] ^= 1;
        assert!(!unwrap_aes192(&kek, &changed, &mut key));
        assert!(!unwrap_aes192(&kek, &wrapped[..16], &mut key[..8]));
    }
}
