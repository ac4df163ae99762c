//! Finding the recipient entry that is ours, and the content key in it (RFC 5652, section 6.2).

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};
use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::agreement::{Derivation, key_encryption_key};
use super::evp::unwrap_aes192;
use super::password::{self, PasswordWrap};
use super::recipient::issuer_and_serial;
use super::tlv::{Cursor, OCTET_STRING, OID, SEQUENCE, SET, Tlv};
use super::{CmsError, oid};
use crate::pki::{Certificate, Curve, Identity, KeyError, KeyKind, RsaUnwrap, TokenFailure};
use crate::secret::Secret;

/// Entries tried with a private key, so that one envelope cannot ask for thousands of operations.
const MOST_TRIES: usize = 16;

/// A key that may open an envelope.
#[derive(Clone, Copy)]
pub enum DecryptionKey<'a> {
    /// The private key of a certificate.
    Identity(&'a Identity),
    /// A 256-bit key-encryption key; without an identifier every entry of its kind is tried.
    Kek {
        /// The identifier of the entry to open.
        id: Option<&'a [u8]>,
        /// The key.
        key: &'a Secret<[u8; 32]>,
    },
    /// A password; every entry of its kind is tried.
    Password(&'a Secret<String>),
}

/// Whom an entry is for, as the envelope says it in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientId {
    /// A certificate, by its issuer and serial number.
    IssuerAndSerial {
        /// The encoded IssuerAndSerialNumber.
        der: Vec<u8>,
    },
    /// A certificate, by its subjectKeyIdentifier.
    KeyIdentifier(Vec<u8>),
    /// A key-encryption key, by its identifier.
    Kek(Vec<u8>),
    /// Whoever knows a password.
    Password,
    /// A kind of entry that is not read here.
    Other,
}

impl RecipientId {
    /// Whether a certificate is meant.
    pub fn is(&self, certificate: &Certificate) -> bool {
        match self {
            RecipientId::IssuerAndSerial { der } => issuer_and_serial(certificate).is_ok_and(|own| own == *der),
            RecipientId::KeyIdentifier(identifier) => certificate.key_identifier().as_ref() == Some(identifier),
            RecipientId::Kek(_) | RecipientId::Password | RecipientId::Other => false,
        }
    }
}

/// How the content key of an entry is wrapped.
enum Wrapped<'a> {
    Transport { algorithm: Tlv<'a>, key: &'a [u8] },
    Agreement { originator: Tlv<'a>, material: Option<&'a [u8]>, algorithm: Tlv<'a>, key: &'a [u8] },
    Kek { algorithm: Tlv<'a>, key: &'a [u8] },
    Password(PasswordWrap<'a>),
    Other,
}

impl Wrapped<'_> {
    /// What it is called in reports.
    fn name(&self) -> &'static str {
        match self {
            Wrapped::Transport { algorithm, .. } => {
                let scheme = algorithm.inside().expect(OID).and_then(|oid| oid.as_oid());
                if scheme.is_ok_and(|scheme| scheme == oid::RSA) { "RSAES-PKCS1-v1_5" } else { "RSAES-OAEP" }
            }
            Wrapped::Agreement { .. } => "ECDH",
            Wrapped::Kek { .. } => "AES key wrap",
            Wrapped::Password(_) => "password",
            Wrapped::Other => "other",
        }
    }
}

/// One way into the envelope.
pub(super) struct Entry<'a> {
    pub(super) id: RecipientId,
    wrapped: Wrapped<'a>,
}

/// Reads RecipientInfos; an entry for several holders (RFC 5753) counts once for each.
pub(super) fn entries(recipient_infos: &[u8]) -> Result<Vec<Entry<'_>>, CmsError> {
    let mut infos = Cursor(recipient_infos).expect(SET)?.inside();
    let mut entries = Vec::new();
    while let Some(info) = infos.next()? {
        match info.tag {
            SEQUENCE => entries.push(transport(info)?),
            0xA1 => agreement(info, &mut entries)?,
            0xA2 => entries.push(kek(info)?),
            0xA3 => {
                let wrapped = Wrapped::Password(password::read(info)?);
                entries.push(Entry { id: RecipientId::Password, wrapped });
            }
            0xA4 => entries.push(Entry { id: RecipientId::Other, wrapped: Wrapped::Other }),
            _ => return Err(CmsError::Malformed("a recipient")),
        }
    }
    Ok(entries)
}

fn transport(info: Tlv<'_>) -> Result<Entry<'_>, CmsError> {
    let mut parts = info.inside();
    parts.version(&[0, 2])?;
    let id = match parts.next()? {
        Some(id) if id.tag == SEQUENCE => RecipientId::IssuerAndSerial { der: id.whole.to_vec() },
        Some(id) if id.tag == 0x80 => RecipientId::KeyIdentifier(id.body.to_vec()),
        _ => return Err(CmsError::Malformed("a recipient identifier")),
    };
    let algorithm = parts.expect(SEQUENCE)?;
    let key = parts.expect(OCTET_STRING)?.body;
    parts.end()?;
    Ok(Entry { id, wrapped: Wrapped::Transport { algorithm, key } })
}

fn agreement<'a>(info: Tlv<'a>, entries: &mut Vec<Entry<'a>>) -> Result<(), CmsError> {
    let mut parts = info.inside();
    parts.version(&[3])?;
    let originator = parts.expect(0xA0)?;
    let material = match parts.optional(0xA1)? {
        Some(material) => Some(material.inside().expect(OCTET_STRING)?.body),
        None => None,
    };
    let algorithm = parts.expect(SEQUENCE)?;
    let mut keys = parts.expect(SEQUENCE)?.inside();
    parts.end()?;
    while let Some(encrypted) = keys.next_tagged(SEQUENCE)? {
        let mut parts = encrypted.inside();
        let id = match parts.next()? {
            Some(id) if id.tag == SEQUENCE => RecipientId::IssuerAndSerial { der: id.whole.to_vec() },
            Some(id) if id.tag == 0xA0 => RecipientId::KeyIdentifier(id.inside().expect(OCTET_STRING)?.body.to_vec()),
            _ => return Err(CmsError::Malformed("a recipient identifier")),
        };
        let key = parts.expect(OCTET_STRING)?.body;
        parts.end()?;
        entries.push(Entry { id, wrapped: Wrapped::Agreement { originator, material, algorithm, key } });
    }
    Ok(())
}

fn kek(info: Tlv<'_>) -> Result<Entry<'_>, CmsError> {
    let mut parts = info.inside();
    parts.version(&[4])?;
    let id = parts.expect(SEQUENCE)?.inside().expect(OCTET_STRING)?.body.to_vec();
    let algorithm = parts.expect(SEQUENCE)?;
    let key = parts.expect(OCTET_STRING)?.body;
    parts.end()?;
    Ok(Entry { id: RecipientId::Kek(id), wrapped: Wrapped::Kek { algorithm, key } })
}

/// A content key that was unwrapped.
pub(super) struct Unwrapped {
    pub(super) cek: Secret<Vec<u8>>,
    /// The place of the key that gave it.
    pub(super) place: usize,
    /// How it was wrapped.
    pub(super) wrap: &'static str,
}

/// The content key, of the length its cipher takes.
///
/// Identifiers are compared first: only an entry that names a key at hand is tried with it.
pub(super) fn content_key(
    entries: &[Entry<'_>],
    keys: &[DecryptionKey<'_>],
    length: usize,
) -> Result<Unwrapped, CmsError> {
    let mut failure = CmsError::NotForUs;
    let mut tries = 0;
    for (place, key) in keys.iter().enumerate() {
        for entry in entries.iter().filter(|entry| is_for(entry, key)) {
            tries += 1;
            if tries > MOST_TRIES {
                return Err(CmsError::TooLarge);
            }
            match unwrap(entry, key, length) {
                Ok(cek) => return Ok(Unwrapped { cek, place, wrap: entry.wrapped.name() }),
                Err(error) => failure = error,
            }
        }
    }
    Err(failure)
}

fn is_for(entry: &Entry<'_>, key: &DecryptionKey<'_>) -> bool {
    match (key, &entry.id) {
        (DecryptionKey::Identity(identity), id) => id.is(identity.certificate()),
        (DecryptionKey::Kek { id: wanted, .. }, RecipientId::Kek(id)) => wanted.is_none_or(|wanted| wanted == id),
        (DecryptionKey::Password(_), RecipientId::Password) => true,
        _ => false,
    }
}

fn unwrap(entry: &Entry<'_>, key: &DecryptionKey<'_>, length: usize) -> Result<Secret<Vec<u8>>, CmsError> {
    let cek = match (&entry.wrapped, key) {
        (Wrapped::Transport { algorithm, key }, DecryptionKey::Identity(identity)) => {
            unwrap_transport(*algorithm, key, identity, length)?
        }
        (Wrapped::Agreement { originator, material, algorithm, key }, DecryptionKey::Identity(identity)) => {
            let (kek, wrap) = agree(*originator, *material, *algorithm, identity)?;
            unwrap_key(kek.expose(), wrap, key).ok_or(CmsError::Tampered)?
        }
        (Wrapped::Kek { algorithm, key: wrapped }, DecryptionKey::Kek { key, .. }) => {
            let algorithm = algorithm.as_plain_algorithm()?;
            if algorithm != oid::AES256_WRAP {
                return Err(CmsError::Unsupported(algorithm.to_string()));
            }
            unwrap_key(key.expose(), algorithm, wrapped).ok_or(CmsError::WrongKey)?
        }
        (Wrapped::Password(wrapped), DecryptionKey::Password(password)) => wrapped.unwrap(password)?,
        _ => return Err(CmsError::NotForUs),
    };
    if cek.expose().len() == length { Ok(cek) } else { Err(CmsError::Tampered) }
}

fn unwrap_transport(
    algorithm: Tlv<'_>,
    wrapped: &[u8],
    identity: &Identity,
    length: usize,
) -> Result<Secret<Vec<u8>>, CmsError> {
    if !matches!(identity.key().kind(), KeyKind::Rsa { .. }) {
        return Err(CmsError::Tampered);
    }
    let mut parts = algorithm.inside();
    let scheme = parts.expect(OID)?.as_oid()?;
    if scheme != oid::RSA_OAEP {
        algorithm.as_plain_algorithm()?;
    }
    match scheme {
        oid::RSA_OAEP => {
            let how = oaep(parts)?;
            identity.key().unwrap_rsa(wrapped, how).map_err(not_transported)
        }
        oid::RSA => {
            // RFC 3218, section 2.3.2: whoever sent this must not learn whether the padding was right. A wrong one gives
            // a random key, and the failure shows where every other does: at the end of the content.
            let mut random = Zeroizing::new(vec![0; length]);
            aws_lc_rs::rand::fill(&mut random).map_err(|_| CmsError::Crypto)?;
            match identity.key().unwrap_rsa(wrapped, RsaUnwrap::Pkcs1) {
                Ok(cek) if cek.expose().len() == length => Ok(cek),
                // A token that is gone says nothing of the padding.
                Err(error @ KeyError::Token(_)) => Err(not_transported(error)),
                _ => Ok(Secret::new(std::mem::take(&mut *random))),
            }
        }
        other => Err(CmsError::Unsupported(other.to_string())),
    }
}

/// RSAES-OAEP-params (RFC 4055, section 4.1): one hash for both uses, no label.
fn oaep(mut algorithm: Cursor<'_>) -> Result<RsaUnwrap, CmsError> {
    let Some(parameters) = algorithm.next()? else { return Ok(RsaUnwrap::OaepSha1) };
    algorithm.end()?;
    if parameters.tag != SEQUENCE {
        return Err(CmsError::Malformed("the parameters of an algorithm"));
    }
    let mut parts = parameters.inside();
    let hash = match parts.optional(0xA0)? {
        Some(hash) => hash.inside().expect(SEQUENCE)?.as_plain_algorithm()?,
        None => oid::SHA1,
    };
    let mask = match parts.optional(0xA1)? {
        Some(mask) => {
            let mut mask = mask.inside().expect(SEQUENCE)?.inside();
            let function = mask.expect(OID)?.as_oid()?;
            let hash = mask.expect(SEQUENCE)?.as_plain_algorithm()?;
            if function == oid::MGF1 { hash } else { function }
        }
        None => oid::SHA1,
    };
    if mask != hash || !parts.0.is_empty() {
        return Err(CmsError::Unsupported("RSA-OAEP with these parameters".to_owned()));
    }
    match hash {
        oid::SHA1 => Ok(RsaUnwrap::OaepSha1),
        oid::SHA256 => Ok(RsaUnwrap::OaepSha256),
        oid::SHA384 => Ok(RsaUnwrap::OaepSha384),
        oid::SHA512 => Ok(RsaUnwrap::OaepSha512),
        other => Err(CmsError::Unsupported(other.to_string())),
    }
}

/// The key-encryption key that the originator's ephemeral key and ours give, and the wrapping it is for.
fn agree(
    originator: Tlv<'_>,
    material: Option<&[u8]>,
    algorithm: Tlv<'_>,
    identity: &Identity,
) -> Result<(Secret<Vec<u8>>, ObjectIdentifier), CmsError> {
    let curve = Curve::of(identity.key().kind()).ok_or(CmsError::Tampered)?;
    let mut parts = algorithm.inside();
    let scheme = parts.expect(OID)?.as_oid()?;
    let derivation = Derivation::of(scheme).ok_or_else(|| CmsError::Unsupported(scheme.to_string()))?;
    let wrap = parts.expect(SEQUENCE)?;
    parts.end()?;
    let wrap_oid = wrap.as_plain_algorithm()?;
    let length = match wrap_oid {
        oid::AES128_WRAP => 16,
        oid::AES192_WRAP => 24,
        oid::AES256_WRAP => 32,
        other => return Err(CmsError::Unsupported(other.to_string())),
    };
    // OriginatorPublicKey; static keys of a certificate are not looked for.
    let Some(key) = originator.inside().next()?.filter(|key| key.tag == 0xA1) else {
        return Err(CmsError::Unsupported("an originator without a key of its own".to_owned()));
    };
    let mut key = key.inside();
    let mut key_algorithm = key.expect(SEQUENCE)?.inside();
    let named = key_algorithm.expect(OID)?.as_oid()?;
    let fits = match key_algorithm.optional(OID)? {
        _ if curve == Curve::X25519 => named == curve.oid(),
        // RFC 5753, section 3.1.1: the curve may be left out; where it stands, it is ours.
        Some(stated) => named == oid::EC && stated.as_oid()? == curve.oid(),
        None => named == oid::EC,
    };
    if !fits {
        return Err(CmsError::Tampered);
    }
    let point = key.expect(0x03)?.body.strip_prefix(&[0]).ok_or(CmsError::Malformed("a public key"))?;
    let secret = identity.key().agree(point).map_err(not_opened)?;
    Ok((key_encryption_key(derivation, &secret, wrap.whole, material, length)?, wrap_oid))
}

/// Why a private key gave nothing: the message does not fit it, or the token that holds it did not use it.
fn not_opened(error: KeyError) -> CmsError {
    match error {
        KeyError::Token(_) => CmsError::Key(error),
        _ => CmsError::Tampered,
    }
}

/// The same of RSA, where the sender chose the padding: one that a token does not have speaks against this message alone.
fn not_transported(error: KeyError) -> CmsError {
    match error {
        KeyError::Token(TokenFailure::Mechanism) => CmsError::Unsupported("a padding that the token lacks".to_owned()),
        _ => not_opened(error),
    }
}

/// AES key unwrap (RFC 3394), which tells a wrong key by its integrity check.
fn unwrap_key(kek: &[u8], wrap: ObjectIdentifier, wrapped: &[u8]) -> Option<Secret<Vec<u8>>> {
    if !(24..=40).contains(&wrapped.len()) || !wrapped.len().is_multiple_of(8) {
        return None;
    }
    let mut room = Zeroizing::new([0u8; 40]);
    if wrap == oid::AES192_WRAP {
        let room = &mut room[..wrapped.len() - 8];
        return unwrap_aes192(kek.try_into().ok()?, wrapped, room).then(|| Secret::new(room.to_vec()));
    }
    let cipher = if wrap == oid::AES128_WRAP { &AES_128 } else { &AES_256 };
    let cek = AesKek::new(cipher, kek).ok()?.unwrap(wrapped, room.as_mut_slice()).ok()?;
    Some(Secret::new(cek.to_vec()))
}
