//! AuthEnvelopedData with AES-256-GCM (RFC 5083, RFC 5084), or EnvelopedData with AES-256-CBC, written while the content comes.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::envelope_reader::content_key_of;
use super::evp::{Cipher, Encryptor};
use super::recipient::{Recipient, recipient_infos};
use super::unwrap::DecryptionKey;
use super::{CmsError, oid, tlv};

/// Content octets in one piece of the streamed form.
const CHUNK: usize = 64 * 1024;

/// How content is encrypted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContentEncryption {
    /// AuthEnvelopedData: whatever is changed shows.
    #[default]
    Aes256Gcm,
    /// EnvelopedData: a change need not show. Only around signed content, for readers that open nothing better.
    Aes256Cbc,
}

impl ContentEncryption {
    fn cipher(self) -> Cipher {
        match self {
            ContentEncryption::Aes256Gcm => Cipher::Aes256Gcm,
            ContentEncryption::Aes256Cbc => Cipher::Aes256Cbc,
        }
    }
}

/// What stands before the content, without the headers that carry its length.
struct Head {
    /// The version, then the recipients.
    recipients: Vec<u8>,
    content_info: Vec<u8>,
    encryptor: Encryptor,
}

impl Head {
    /// A fresh content key and nonce, the key wrapped for everyone. The key lives no longer than this function.
    fn new(encryption: ContentEncryption, recipients: &[Recipient<'_>]) -> Result<Head, CmsError> {
        let mut cek = Zeroizing::new([0u8; 32]);
        aws_lc_rs::rand::fill(cek.as_mut_slice()).map_err(|_| CmsError::Crypto)?;
        let infos = recipient_infos(recipients, &cek)?;
        // RFC 5652, section 6.1: 0 for key transport alone, else 2. RFC 5083, section 2.1: always 0.
        let version = match encryption {
            ContentEncryption::Aes256Cbc if !recipients.iter().all(Recipient::is_key_transport) => 2,
            _ => 0,
        };
        Head::around(encryption, version, infos, &cek)
    }

    /// A fresh nonce for a content key that is wrapped already.
    fn around(
        encryption: ContentEncryption,
        version: u8,
        recipient_infos: Vec<u8>,
        cek: &[u8; 32],
    ) -> Result<Head, CmsError> {
        let cipher = encryption.cipher();
        let mut iv = vec![0; cipher.iv_length()];
        aws_lc_rs::rand::fill(&mut iv).map_err(|_| CmsError::Crypto)?;
        let iv_octets = tlv::element(tlv::OCTET_STRING, &iv);
        let (algorithm, parameters) = match encryption {
            // GCMParameters: the nonce, and a tag of 16 octets where the default would be 12.
            ContentEncryption::Aes256Gcm => {
                (oid::AES256_GCM, tlv::constructed(tlv::SEQUENCE, &[&iv_octets, &[tlv::INTEGER, 1, 16]]))
            }
            ContentEncryption::Aes256Cbc => (oid::AES256_CBC, iv_octets),
        };
        let algorithm = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(algorithm), &parameters]);
        Ok(Head {
            recipients: [&[tlv::INTEGER, 1, version], recipient_infos.as_slice()].concat(),
            content_info: [tlv::oid(oid::DATA), algorithm].concat(),
            encryptor: Encryptor::new(cipher, cek, &iv)?,
        })
    }

    fn write_definite(mut self, mut out: impl Write, content: &[u8]) -> Result<(), CmsError> {
        let mut encrypted = Vec::new();
        self.encryptor.update(content, &mut encrypted)?;
        let tag = self.encryptor.finish(&mut encrypted)?.ok_or(CmsError::Crypto)?;
        let info = tlv::constructed(tlv::SEQUENCE, &[&self.content_info, &tlv::element(0x80, &encrypted)]);
        let tag = tlv::element(tlv::OCTET_STRING, &tag);
        let envelope = tlv::element(0xA0, &tlv::constructed(tlv::SEQUENCE, &[&self.recipients, &info, &tag]));
        out.write_all(&tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::AUTH_ENVELOPED_DATA), &envelope]))?;
        out.flush()?;
        Ok(())
    }
}

/// Encrypts what is written to it, in BER of indefinite length: memory does not grow with the content.
///
/// The envelope is complete only after [`EnvelopeWriter::finish`].
pub struct EnvelopeWriter<W: Write> {
    out: W,
    encryptor: Encryptor,
    content: Zeroizing<Vec<u8>>,
    piece: Piece,
    broken: bool,
}

impl<W: Write> EnvelopeWriter<W> {
    /// Writes what stands before the content of AuthEnvelopedData, AES-256-GCM.
    pub fn new(out: W, recipients: &[Recipient<'_>]) -> Result<EnvelopeWriter<W>, CmsError> {
        EnvelopeWriter::with(out, ContentEncryption::Aes256Gcm, recipients)
    }

    /// Writes what stands before the content.
    pub fn with(
        mut out: W,
        encryption: ContentEncryption,
        recipients: &[Recipient<'_>],
    ) -> Result<EnvelopeWriter<W>, CmsError> {
        let head = Head::new(encryption, recipients)?;
        let kind = match encryption {
            ContentEncryption::Aes256Gcm => oid::AUTH_ENVELOPED_DATA,
            ContentEncryption::Aes256Cbc => oid::ENVELOPED_DATA,
        };
        // ContentInfo, [0], the envelope, each open-ended.
        out.write_all(&[tlv::SEQUENCE, 0x80])?;
        out.write_all(&tlv::oid(kind))?;
        out.write_all(&[0xA0, 0x80, tlv::SEQUENCE, 0x80])?;
        out.write_all(&head.recipients)?;
        out.write_all(&[tlv::SEQUENCE, 0x80])?;
        out.write_all(&head.content_info)?;
        out.write_all(&[0xA0, 0x80])?;
        Ok(EnvelopeWriter {
            out,
            encryptor: head.encryptor,
            content: Zeroizing::new(Vec::with_capacity(CHUNK)),
            piece: Piece::new(),
            broken: false,
        })
    }

    /// Writes the rest and the tag, and gives the output back.
    pub fn finish(mut self) -> Result<W, CmsError> {
        self.waiting_piece()?;
        let tag = self.encryptor.finish(self.piece.begin())?;
        self.piece.write(&mut self.out)?;
        // The ends of the content and of its info, the tag, the ends of the three outer elements.
        self.out.write_all(&[0, 0, 0, 0])?;
        if let Some(tag) = tag {
            self.out.write_all(&tlv::element(tlv::OCTET_STRING, &tag))?;
        }
        self.out.write_all(&[0; 6])?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Encrypts and writes the content that waits.
    fn waiting_piece(&mut self) -> Result<(), CmsError> {
        let content = std::mem::take(&mut self.content);
        let done = self.write_piece(&content);
        self.content = content;
        self.content.clear();
        done
    }

    fn write_piece(&mut self, content: &[u8]) -> Result<(), CmsError> {
        if self.broken {
            return Err(CmsError::Crypto);
        }
        // A piece that was encrypted and not written cannot be made up for.
        self.broken = true;
        self.encryptor.update(content, self.piece.begin())?;
        self.piece.write(&mut self.out)?;
        self.broken = false;
        Ok(())
    }
}

/// One piece of a constructed OCTET STRING: room for its header, then what is in it, so that one call writes both.
struct Piece(Vec<u8>);

impl Piece {
    /// An identifier, and a length of up to four octets.
    const ROOM: usize = 6;

    fn new() -> Piece {
        Piece(Vec::with_capacity(Piece::ROOM + CHUNK + 16))
    }

    /// Takes what the piece is to hold.
    fn begin(&mut self) -> &mut Vec<u8> {
        self.0.clear();
        self.0.resize(Piece::ROOM, 0);
        &mut self.0
    }

    fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        let length = self.0.len() - Piece::ROOM;
        if length == 0 {
            return Ok(());
        }
        let header = tlv::header(tlv::OCTET_STRING, length);
        let start = Piece::ROOM - header.len();
        self.0[start..Piece::ROOM].copy_from_slice(&header);
        out.write_all(&self.0[start..])
    }
}

impl<W: Write> Write for EnvelopeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.content.len());
        let done = if bytes.len() >= CHUNK {
            // A whole piece is encrypted from where it stands: gathering it first would only copy it.
            self.waiting_piece().and_then(|()| self.write_piece(&bytes[..CHUNK])).map(|()| CHUNK)
        } else {
            self.content.extend_from_slice(&bytes[..taken]);
            if self.content.len() == CHUNK { self.waiting_piece().map(|()| taken) } else { Ok(taken) }
        };
        done.map_err(|error| match error {
            CmsError::Io(error) => error,
            other => io::Error::other(other),
        })
    }

    /// Content waits until a piece is full; only what is encrypted can be flushed.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Encrypts a content that is all there, in DER.
pub fn write_definite(out: impl Write, content: &[u8], recipients: &[Recipient<'_>]) -> Result<(), CmsError> {
    Head::new(ContentEncryption::Aes256Gcm, recipients)?.write_definite(out, content)
}

/// Encrypts another content under the content key of an envelope, in DER: everyone who could open that one can open this one,
/// also those whose keys are not at hand. Only AES-256-GCM is taken over; the nonce is a new random one, so this is for
/// contents that are replaced thousands of times, not billions (NIST SP 800-38D, section 8.3).
pub fn reseal(sealed: &[u8], key: DecryptionKey<'_>, content: &[u8]) -> Result<Vec<u8>, CmsError> {
    let (recipient_infos, cek) = content_key_of(sealed, key)?;
    let mut out = Vec::with_capacity(sealed.len());
    Head::around(ContentEncryption::Aes256Gcm, 0, recipient_infos, cek.expose())?.write_definite(&mut out, content)?;
    Ok(out)
}
