//! PKCS#12 files (RFC 7292): the key, its certificate and the certificates above it, under one password.

use std::borrow::Cow;
use std::ffi::CString;

use zeroize::Zeroizing;

use super::evp::{self, Pkcs12Failure};
use super::tlv::{INTEGER, OCTET_STRING, SEQUENCE};
use crate::pki::{Certificate, CertificateError, Identity, IdentityError, KeyError, PrivateKey};
use crate::secret::Secret;

/// Octets of the largest file that is read: a key and some certificates.
const LARGEST: usize = 1 << 20;
/// Certificates that are read from one file.
const MOST_CERTIFICATES: usize = 64;
/// How often a file may have its password stretched, all its parts together: about five seconds.
const MOST_ITERATIONS: u64 = 10_000_000;
/// How deep structures nest in a file.
const DEEPEST: usize = 32;

/// Why a PKCS#12 file gives no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Error {
    /// Not PKCS#12, or cut short.
    #[error("it is not a PKCS#12 file, or it is damaged")]
    Malformed,
    /// The MAC does not fit.
    #[error("the password is wrong, or the file was changed after it was made")]
    Password,
    /// More octets or certificates than are read.
    #[error("the file is larger than is read")]
    TooLarge,
    /// A file made to keep its reader busy.
    #[error("the file asks for more stretching of its password than is done")]
    Iterations,
    /// A cipher, a digest or a key of another kind, or no MAC under a password.
    #[error("the file is protected in a way, or has a key of a kind, that is not supported")]
    Unsupported,
    /// Certificates only.
    #[error("there is no private key in it")]
    NoKey,
    /// More than one key.
    #[error("there are several private keys in it")]
    SeveralKeys,
    /// The key cannot be read.
    #[error("the private key in it cannot be used")]
    Key(#[source] KeyError),
    /// A certificate cannot be read.
    #[error("a certificate in it cannot be read")]
    Certificate(#[source] CertificateError),
    /// No certificate of the key.
    #[error("the certificate of the key is not in it")]
    Identity(#[source] IdentityError),
    /// The system gave no memory.
    #[error("there is not enough memory")]
    Memory,
}

/// Opens a file with its password; an empty one stands for none.
pub fn read_pkcs12(file: &[u8], password: &Secret<String>) -> Result<Identity, Pkcs12Error> {
    if file.len() > LARGEST {
        return Err(Pkcs12Error::TooLarge);
    }
    let mut iterations = 0;
    scan(file, 0, &mut iterations).ok_or(Pkcs12Error::Malformed)?;
    if iterations > MOST_ITERATIONS {
        return Err(Pkcs12Error::Iterations);
    }
    // No password holds NUL: the one that does is not this file's.
    let mut ended = Zeroizing::new(password.expose().as_bytes().to_vec());
    ended.push(0);
    let password = CString::from_vec_with_nul(std::mem::take(&mut *ended)).map_err(|_| Pkcs12Error::Password)?;
    let opened = evp::pkcs12(file, &password);
    drop(Zeroizing::new(password.into_bytes_with_nul()));
    let (key, certificates) = opened.map_err(|failure| match failure {
        Pkcs12Failure::Malformed => Pkcs12Error::Malformed,
        Pkcs12Failure::Mac => Pkcs12Error::Password,
        Pkcs12Failure::SeveralKeys => Pkcs12Error::SeveralKeys,
        Pkcs12Failure::Unsupported => Pkcs12Error::Unsupported,
        Pkcs12Failure::Memory => Pkcs12Error::Memory,
    })?;
    let key = PrivateKey::from_pkcs8(key.ok_or(Pkcs12Error::NoKey)?.expose()).map_err(Pkcs12Error::Key)?;
    if certificates.len() > MOST_CERTIFICATES {
        return Err(Pkcs12Error::TooLarge);
    }
    let read: Result<Vec<Certificate>, _> = certificates.iter().map(|der| Certificate::from_der(der)).collect();
    let mut chain = read.map_err(Pkcs12Error::Certificate)?;
    let own = chain.iter().position(|candidate| key.public_key_matches(candidate));
    let certificate = chain.remove(own.ok_or(Pkcs12Error::Identity(IdentityError::Mismatch))?);
    Identity::new(certificate, chain, key).map_err(Pkcs12Error::Identity)
}

/// One element of BER (X.690, section 8): its tag and its content.
struct Element<'a> {
    tag: u8,
    content: Cow<'a, [u8]>,
}

/// Adds up how often the password is to be stretched. Wherever it is said, in MacData, in PBKDF2-params (RFC 8018) and
/// in pkcs-12PbeParams, it is an INTEGER right behind the salt, an OCTET STRING.
fn scan(mut octets: &[u8], depth: usize, iterations: &mut u64) -> Option<()> {
    let mut behind_salt = false;
    while !octets.is_empty() {
        let element = next(&mut octets, depth)?;
        if element.tag == INTEGER && behind_salt {
            *iterations = iterations.saturating_add(number(&element.content));
        }
        behind_salt = element.tag == OCTET_STRING;
        if element.tag & 0x20 != 0 {
            scan(&element.content, depth + 1, iterations)?;
        } else if behind_salt && element.content.first() == Some(&SEQUENCE) && depth < DEEPEST {
            // The safe contents; what only begins like a structure is none, and counts as far as it is one.
            scan(&element.content, depth + 1, iterations);
        }
    }
    Some(())
}

/// Takes the next element off. One of indefinite length ends with the end-of-contents octets; a string in pieces is put
/// together.
fn next<'a>(octets: &mut &'a [u8], depth: usize) -> Option<Element<'a>> {
    if depth > DEEPEST {
        return None;
    }
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if tag & 0x1F == 0x1F {
        return None;
    }
    let content = if first == 0x80 && tag & 0x20 != 0 {
        let mut inside = rest;
        while !inside.starts_with(&[0, 0]) {
            next(&mut inside, depth + 1)?;
        }
        *octets = &inside[2..];
        &rest[..rest.len() - inside.len()]
    } else {
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (length, rest) =
                rest.split_at_checked(usize::from(first & 0x7F)).filter(|(length, _)| length.len() <= 4)?;
            (length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        *octets = rest;
        content
    };
    if tag != OCTET_STRING | 0x20 {
        return Some(Element { tag, content: Cow::Borrowed(content) });
    }
    let (mut pieces, mut joined) = (content, Vec::with_capacity(content.len()));
    while !pieces.is_empty() {
        // Pieces in pieces are allowed by BER and made by nobody; each depth of them would double the work.
        if pieces.first() != Some(&OCTET_STRING) {
            return None;
        }
        joined.extend_from_slice(&next(&mut pieces, depth + 1)?.content);
    }
    Some(Element { tag: OCTET_STRING, content: Cow::Owned(joined) })
}

/// An INTEGER that counts; more than any count where it is too long for one.
fn number(content: &[u8]) -> u64 {
    let significant = &content[content.iter().position(|octet| *octet != 0).unwrap_or(content.len())..];
    if significant.len() > 8 {
        return u64::MAX;
    }
    significant.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}
