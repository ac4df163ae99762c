//! Opening AuthEnvelopedData (RFC 5083) and EnvelopedData (RFC 5652, section 6) from a stream.

use std::io::{Read, Write};

use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::ber::{Frame, Source};
use super::evp::{Cipher, Decryptor};
use super::tlv::{Cursor, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use super::unwrap::{DecryptionKey, RecipientId, Unwrapped, content_key, entries};
use super::{CmsError, oid};
use crate::secret::Secret;

/// What an envelope was that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The content encryption, such as `AES-256-GCM`.
    pub cipher: &'static str,
    /// Whether the encryption itself protects the content against change; CBC does not.
    pub authenticated: bool,
    /// How its key was wrapped for us: `RSAES-OAEP`, `RSAES-PKCS1-v1_5`, `ECDH`, `AES key wrap` or `password`.
    pub key_wrap: &'static str,
    /// How many recipient entries it has.
    pub recipients: usize,
    /// Which of the keys given opened it.
    pub key: usize,
    /// Octets of content.
    pub length: u64,
}

/// What is opened beyond what is sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// 3DES-CBC, for mail of old: its blocks are too short for today's amounts, and a change need not show.
    pub triple_des: bool,
}

/// What stands before the encrypted content.
struct Head {
    authenticated: bool,
    outer: [Frame; 3],
    recipient_infos: Vec<u8>,
}

impl Head {
    fn read(source: &mut Source<'_>) -> Result<Head, CmsError> {
        let content_info = source.enter(Frame::INPUT, SEQUENCE)?;
        let authenticated = match source.oid(content_info)? {
            oid::AUTH_ENVELOPED_DATA => true,
            oid::ENVELOPED_DATA => false,
            other => return Err(CmsError::Unsupported(other.to_string())),
        };
        let content = source.enter(content_info, 0xA0)?;
        let data = source.enter(content, SEQUENCE)?;
        let version = source.small(data)?;
        Cursor(&version).version(if authenticated { &[0] } else { &[0, 2, 3, 4] })?;
        if source.peek(data)? == Some(0xA0) {
            // OriginatorInfo: certificates for key agreement with static keys, which is not read.
            source.small(data)?;
        }
        let recipient_infos = source.small(data)?;
        Cursor(&recipient_infos).expect(SET)?;
        Ok(Head { authenticated, outer: [content_info, content, data], recipient_infos })
    }

    /// Nothing may stand after the last element of any level.
    fn end(&self, source: &mut Source<'_>) -> Result<(), CmsError> {
        for frame in self.outer.iter().rev() {
            source.leave(*frame)?;
        }
        source.finish()
    }
}

/// Tells whom an envelope is for, without any key; reads no further than it must.
pub fn recipients_of(input: &mut dyn Read) -> Result<Vec<RecipientId>, CmsError> {
    let head = Head::read(&mut Source::new(input))?;
    Ok(entries(&head.recipient_infos)?.into_iter().map(|entry| entry.id).collect())
}

/// Opens an envelope with the first key that fits and writes its content to `spool`.
///
/// What is in `spool` may be believed only when this returns `Ok`: then the tag was right (GCM) and the input ended where
/// it should. Content that was encrypted with CBC may have been changed all the same; the caller is told.
pub fn open_envelope(
    input: &mut dyn Read,
    keys: &[DecryptionKey<'_>],
    accept: Accept,
    spool: &mut dyn Write,
) -> Result<Envelope, CmsError> {
    let mut source = Source::new(input);
    let head = Head::read(&mut source)?;
    let data = head.outer[2];
    let info = source.enter(data, SEQUENCE)?;
    let content_type = source.oid(info)?;
    if content_type != oid::DATA {
        // RFC 5083, section 2.1: another type needs authenticated attributes.
        return Err(CmsError::Unsupported(content_type.to_string()));
    }
    let (cipher, iv, tag_length) = algorithm(&source.small(info)?)?;
    if cipher.is_authenticated() != head.authenticated {
        return Err(CmsError::Unsupported(format!("{} in this kind of envelope", cipher.name())));
    }
    if cipher == Cipher::TripleDesCbc && !accept.triple_des {
        return Err(CmsError::Weak(cipher.name()));
    }
    let entries = entries(&head.recipient_infos)?;
    let Unwrapped { cek, place, wrap } = content_key(&entries, keys, cipher.key_length())?;
    let mut decryptor = Decryptor::new(cipher, cek.expose(), &iv)?;
    drop(cek);

    let mut plain = Zeroizing::new(Vec::new());
    let mut length = 0u64;
    if source.peek(info)? != Some(0x80) && source.peek(info)? != Some(0xA0) {
        return Err(CmsError::Malformed("the content is missing"));
    }
    source.octets(info, 0x80, &mut |piece| {
        plain.clear();
        decryptor.update(piece, &mut plain)?;
        length += plain.len() as u64;
        spool.write_all(&plain).map_err(CmsError::Io)
    })?;
    source.leave(info)?;
    let tag = if head.authenticated { tag(&mut source, data, tag_length)? } else { Vec::new() };
    plain.clear();
    decryptor.finish(&tag, &mut plain)?;
    length += plain.len() as u64;
    spool.write_all(&plain)?;
    if source.peek(data)?.is_some() {
        // Attributes that nothing protects: read past, bounded, and not believed.
        let unprotected = if head.authenticated { 0xA2 } else { 0xA1 };
        if source.small(data)?.first() != Some(&unprotected) {
            return Err(CmsError::Malformed("an element is out of place"));
        }
    }
    head.end(&mut source)?;
    spool.flush()?;
    Ok(Envelope {
        cipher: cipher.name(),
        authenticated: head.authenticated,
        key_wrap: wrap,
        recipients: entries.len(),
        key: place,
        length,
    })
}

/// The recipient entries of an envelope, as they are encoded, and its AES-256-GCM content key.
pub(super) fn content_key_of(sealed: &[u8], key: DecryptionKey<'_>) -> Result<(Vec<u8>, Secret<[u8; 32]>), CmsError> {
    let mut input = sealed;
    let mut source = Source::new(&mut input);
    let head = Head::read(&mut source)?;
    let info = source.enter(head.outer[2], SEQUENCE)?;
    source.oid(info)?;
    let (cipher, ..) = algorithm(&source.small(info)?)?;
    if !matches!(cipher, Cipher::Aes256Gcm) {
        return Err(CmsError::Unsupported(cipher.name().to_owned()));
    }
    let entries = entries(&head.recipient_infos)?;
    let unwrapped = content_key(&entries, &[key], cipher.key_length())?;
    let cek: [u8; 32] = unwrapped.cek.expose().as_slice().try_into().map_err(|_| CmsError::Crypto)?;
    drop(entries);
    Ok((head.recipient_infos, Secret::new(cek)))
}

fn tag(source: &mut Source<'_>, data: Frame, length: usize) -> Result<Vec<u8>, CmsError> {
    if source.peek(data)? == Some(0xA1) {
        // They come after the content and are hashed before it: a stream cannot check them, and S/MIME has none.
        return Err(CmsError::Unsupported("an envelope with authenticated attributes".to_owned()));
    }
    let element = source.small(data)?;
    let tag = Cursor(&element).expect(OCTET_STRING)?.body;
    if tag.len() == length { Ok(tag.to_vec()) } else { Err(CmsError::Malformed("the tag")) }
}

/// The content encryption, its nonce or initialisation vector, and for GCM the length of the tag.
fn algorithm(identifier: &[u8]) -> Result<(Cipher, Vec<u8>, usize), CmsError> {
    let mut parts = Cursor(identifier).expect(SEQUENCE)?.inside();
    let oid: ObjectIdentifier = parts.expect(OID)?.as_oid()?;
    let cipher = match oid {
        oid::AES128_GCM => Cipher::Aes128Gcm,
        oid::AES192_GCM => Cipher::Aes192Gcm,
        oid::AES256_GCM => Cipher::Aes256Gcm,
        oid::AES128_CBC => Cipher::Aes128Cbc,
        oid::AES192_CBC => Cipher::Aes192Cbc,
        oid::AES256_CBC => Cipher::Aes256Cbc,
        oid::TRIPLE_DES_CBC => Cipher::TripleDesCbc,
        other => return Err(CmsError::Unsupported(other.to_string())),
    };
    let (iv, tag_length) = if cipher.is_authenticated() {
        // GCMParameters (RFC 5084, section 3.2): the tag has 12 octets unless it says otherwise.
        let mut parameters = parts.expect(SEQUENCE)?.inside();
        let nonce = parameters.expect(OCTET_STRING)?.body;
        let length = match parameters.optional(INTEGER)?.map(|length| length.body) {
            None => 12,
            Some([length @ 12..=16]) => usize::from(*length),
            Some(_) => return Err(CmsError::Malformed("the length of the tag")),
        };
        parameters.end()?;
        (nonce, length)
    } else {
        (parts.expect(OCTET_STRING)?.body, 0)
    };
    parts.end()?;
    if iv.len() != cipher.iv_length() {
        return Err(CmsError::Unsupported(format!("{} with a nonce of {} octets", cipher.name(), iv.len())));
    }
    Ok((cipher, iv.to_vec(), tag_length))
}
