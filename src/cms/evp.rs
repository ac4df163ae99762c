//! Calls into AWS-LC where its safe wrapper has no way: AES and 3DES in streams (EVP), AES-192 key wrap, and PKCS#12.

#![expect(
    unsafe_code,
    reason = "aws-lc-rs has neither incremental AES-GCM nor PKCS#12; every call into AWS-LC is in this file"
)]

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use aws_lc_sys::{
    AES_KEY, AES_set_decrypt_key, AES_unwrap_key, CBB, CBB_cleanup, CBB_finish, CBB_init, CBS, ERR_LIB_PKCS8,
    ERR_LIB_PKCS12, ERR_clear_error, ERR_peek_last_error, EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_ctrl,
    EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new, EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG, EVP_CipherFinal_ex,
    EVP_CipherInit_ex, EVP_CipherUpdate, EVP_PKEY, EVP_PKEY_free, EVP_aes_128_cbc, EVP_aes_128_gcm, EVP_aes_192_cbc,
    EVP_aes_192_gcm, EVP_aes_256_cbc, EVP_aes_256_gcm, EVP_des_ede3_cbc, EVP_marshal_private_key, OPENSSL_STACK,
    OPENSSL_cleanse, OPENSSL_free, OPENSSL_sk_free, OPENSSL_sk_new_null, OPENSSL_sk_num, OPENSSL_sk_pop,
    OPENSSL_sk_value, PKCS8_R_BAD_PKCS12_DATA, PKCS8_R_INCORRECT_PASSWORD, PKCS8_R_MULTIPLE_PRIVATE_KEYS_IN_PKCS12,
    PKCS12_get_key_and_certs, X509, X509_free, i2d_X509,
};

use zeroize::Zeroizing;

use super::CmsError;
use crate::secret::Secret;

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

    /// Passes the next piece through; what comes of it is put behind what `out` holds.
    fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        for from in content.chunks(LONGEST) {
            out.reserve(from.len() + BLOCK);
            let (to, mut written) = (out.spare_capacity_mut().as_mut_ptr().cast(), 0);
            // SAFETY: the spare room is a block longer than `from`, the most that CBC gives with what it held, and is
            // written, not read.
            let done =
                unsafe { EVP_CipherUpdate(self.evp.as_ptr(), to, &mut written, from.as_ptr(), from.len() as c_int) };
            match usize::try_from(written) {
                // SAFETY: so many octets were just written behind the end, into room that was reserved.
                Ok(written) if done == 1 && written <= from.len() + BLOCK => unsafe {
                    out.set_len(out.len() + written)
                },
                _ => return Err(CmsError::Crypto),
            }
        }
        Ok(())
    }

    /// Ends the stream; the rest is put behind what `out` holds. False where a tag or a padding is wrong.
    fn end(&mut self, out: &mut Vec<u8>) -> bool {
        let mut rest = Zeroizing::new([0; BLOCK]);
        let mut written = 0;
        // SAFETY: at most one block is written.
        let done = unsafe { EVP_CipherFinal_ex(self.evp.as_ptr(), rest.as_mut_ptr(), &mut written) };
        match usize::try_from(written).ok().and_then(|written| rest.get(..written)) {
            Some(rest) if done == 1 => {
                out.extend_from_slice(rest);
                true
            }
            _ => false,
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

    /// Encrypts the next piece of content, behind what `out` holds.
    pub(super) fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        self.0.update(content, out)
    }

    /// Encrypts what is left, behind what `out` holds, and gives the tag over everything, if the cipher makes one.
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

    /// Decrypts the next piece, behind what `out` holds.
    pub(super) fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        self.0.update(content, out)
    }

    /// Checks the tag of GCM, or takes the padding off CBC; the rest of the content is put behind what `out` holds.
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
        let mut encryptor = Encryptor::new(Cipher::Aes256Gcm, &[7; 32], &[9; 12]).unwrap();
        let mut cipher = Vec::new();
        for part in content.chunks(777) {
            encryptor.update(part, &mut cipher).unwrap();
        }
        let tag = encryptor.finish(&mut cipher).unwrap().unwrap();
        cipher.extend_from_slice(&tag);
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
            plain.clear();
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
