//! Calls into AWS-LC where its safe wrapper has no way: AES in streams (EVP), and PKCS#12.

#![expect(
    unsafe_code,
    reason = "aws-lc-rs has neither incremental AES-GCM nor PKCS#12; every call into AWS-LC is in this file"
)]

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use aws_lc_sys::{
    CBB, CBB_cleanup, CBB_finish, CBB_init, CBS, ERR_LIB_PKCS8, ERR_LIB_PKCS12, ERR_clear_error, ERR_peek_last_error,
    EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_ctrl, EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new, EVP_CTRL_AEAD_GET_TAG,
    EVP_CTRL_AEAD_SET_TAG, EVP_DecryptFinal_ex, EVP_DecryptInit_ex, EVP_DecryptUpdate, EVP_EncryptFinal_ex,
    EVP_EncryptInit_ex, EVP_EncryptUpdate, EVP_PKEY, EVP_PKEY_free, EVP_aes_128_cbc, EVP_aes_128_gcm, EVP_aes_192_cbc,
    EVP_aes_192_gcm, EVP_aes_256_cbc, EVP_aes_256_gcm, EVP_marshal_private_key, OPENSSL_STACK, OPENSSL_free,
    OPENSSL_sk_free, OPENSSL_sk_new_null, OPENSSL_sk_num, OPENSSL_sk_pop, OPENSSL_sk_value, PKCS8_R_BAD_PKCS12_DATA,
    PKCS8_R_INCORRECT_PASSWORD, PKCS8_R_MULTIPLE_PRIVATE_KEYS_IN_PKCS12, PKCS12_get_key_and_certs, X509, X509_free,
    i2d_X509,
};

use super::CmsError;
use crate::secret::Secret;

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

/// Why AWS-LC did not give what a PKCS#12 file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pkcs12Failure {
    Malformed,
    /// The MAC over all of it does not fit.
    Mac,
    SeveralKeys,
    Unsupported,
    Memory,
}

/// The private key (PKCS#8) and the certificates (DER) in a PKCS#12 file.
type KeyAndCertificates = (Option<Secret<Vec<u8>>>, Vec<Vec<u8>>);

/// Certificates of the library, freed on drop.
struct Certificates(NonNull<OPENSSL_STACK>);

impl Drop for Certificates {
    fn drop(&mut self) {
        // SAFETY: the stack came from OPENSSL_sk_new_null, each element in it is an X509 that the stack owns, popped
        // and freed once; a popped-empty stack gives null, which X509_free takes.
        unsafe {
            while OPENSSL_sk_num(self.0.as_ptr()) > 0 {
                X509_free(OPENSSL_sk_pop(self.0.as_ptr()).cast());
            }
            OPENSSL_sk_free(self.0.as_ptr());
        }
    }
}

/// A key of the library, wiped and freed on drop.
struct Key(NonNull<EVP_PKEY>);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer was handed over by PKCS12_get_key_and_certs and is freed once.
        unsafe { EVP_PKEY_free(self.0.as_ptr()) }
    }
}

/// Opens a PKCS#12 file (RFC 7292), DER or BER, after its MAC was verified with the password.
pub(super) fn pkcs12(file: &[u8], password: &CStr) -> Result<KeyAndCertificates, Pkcs12Failure> {
    aws_lc_rs::init();
    // SAFETY: takes nothing; null when there is no memory.
    let stack = NonNull::new(unsafe { OPENSSL_sk_new_null() }).map(Certificates).ok_or(Pkcs12Failure::Memory)?;
    let mut input = CBS { data: file.as_ptr(), len: file.len() };
    let mut key: *mut EVP_PKEY = ptr::null_mut();
    // SAFETY: `input` covers `file`, which outlives the call and is only read; the password ends with NUL; the stack is
    // empty and takes ownership of the certificates; a key that is given is ours. The queue of errors is per thread.
    let done = unsafe {
        ERR_clear_error();
        PKCS12_get_key_and_certs(&mut key, stack.0.as_ptr().cast(), &mut input, password.as_ptr())
    };
    let key = NonNull::new(key).map(Key);
    if done != 1 {
        return Err(pkcs12_failure());
    }
    let key = key.map(|key| pkcs8(&key)).transpose()?;
    // SAFETY: the stack is valid while it is borrowed.
    let count = unsafe { OPENSSL_sk_num(stack.0.as_ptr()) };
    let certificates = (0..count).map(|at| {
        // SAFETY: `at` is below the number of elements, and each is an X509 that stays in the stack.
        certificate(unsafe { OPENSSL_sk_value(stack.0.as_ptr(), at).cast() })
    });
    let certificates = certificates.collect::<Result<_, _>>()?;
    Ok((key, certificates))
}

/// What the queue of errors of this thread says last; it is emptied.
fn pkcs12_failure() -> Pkcs12Failure {
    // SAFETY: these read and empty the queue of the calling thread.
    let last = unsafe {
        let last = ERR_peek_last_error();
        ERR_clear_error();
        last
    };
    // As ERR_GET_LIB and ERR_GET_REASON take it apart, which are macros.
    let (library, reason) = ((last >> 24 & 0xFF) as c_int, (last & 0xFFF) as c_int);
    match reason {
        _ if library != ERR_LIB_PKCS8 && library != ERR_LIB_PKCS12 => Pkcs12Failure::Unsupported,
        PKCS8_R_BAD_PKCS12_DATA => Pkcs12Failure::Malformed,
        PKCS8_R_INCORRECT_PASSWORD => Pkcs12Failure::Mac,
        PKCS8_R_MULTIPLE_PRIVATE_KEYS_IN_PKCS12 => Pkcs12Failure::SeveralKeys,
        _ => Pkcs12Failure::Unsupported,
    }
}

fn pkcs8(key: &Key) -> Result<Secret<Vec<u8>>, Pkcs12Failure> {
    // SAFETY: a CBB of zeros is the state that CBB_init, CBB_finish and CBB_cleanup start from.
    let mut builder: CBB = unsafe { std::mem::zeroed() };
    let (mut data, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the builder is initialised before it is written to, and given up or cleaned up once. `data` is ours when
    // CBB_finish succeeds. Memory of the library is wiped as it is freed, the room that was outgrown too.
    let done = unsafe {
        let done = CBB_init(&mut builder, 4096) == 1
            && EVP_marshal_private_key(&mut builder, key.0.as_ptr()) == 1
            && CBB_finish(&mut builder, &mut data, &mut length) == 1;
        if !done {
            CBB_cleanup(&mut builder);
        }
        done
    };
    if done { Ok(Secret::new(taken(data, length))) } else { Err(Pkcs12Failure::Unsupported) }
}

fn certificate(x509: *mut X509) -> Result<Vec<u8>, Pkcs12Failure> {
    let mut data = ptr::null_mut();
    // SAFETY: `x509` is a certificate of the stack; with a null pointer i2d allocates what it writes.
    let length = unsafe { i2d_X509(x509, &mut data) };
    match usize::try_from(length) {
        Ok(length) if length > 0 && !data.is_null() => Ok(taken(data, length)),
        _ => Err(Pkcs12Failure::Malformed),
    }
}

/// A copy of octets that the library allocated, which are wiped and freed.
fn taken(data: *mut u8, length: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the library allocated `length` octets at `data` and gave them to us; they are freed once, here.
    unsafe {
        let copy = std::slice::from_raw_parts(data, length).to_vec();
        OPENSSL_free(data.cast());
        copy
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
