//! AuthEnvelopedData with AES-256-GCM (RFC 5083, RFC 5084), written while the content comes.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::envelope_reader::content_key_of;
use super::evp::Encryptor;
use super::recipient::{Recipient, recipient_infos};
use super::unwrap::DecryptionKey;
use super::{CmsError, oid, tlv};

/// Content octets in one piece of the streamed form.
const CHUNK: usize = 64 * 1024;

/// What stands before the content, without the headers that carry its length.
struct Head {
    recipient_infos: Vec<u8>,
    content_info: Vec<u8>,
    encryptor: Encryptor,
}

impl Head {
    /// A fresh content key and nonce, the key wrapped for everyone. The key lives no longer than this function.
    fn new(recipients: &[Recipient<'_>]) -> Result<Head, CmsError> {
        let mut cek = Zeroizing::new([0u8; 32]);
        aws_lc_rs::rand::fill(cek.as_mut_slice()).map_err(|_| CmsError::Crypto)?;
        Head::around(recipient_infos(recipients, &cek)?, &cek)
    }

    /// A fresh nonce for a content key that is wrapped already.
    fn around(recipient_infos: Vec<u8>, cek: &[u8; 32]) -> Result<Head, CmsError> {
        let mut nonce = [0u8; 12];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| CmsError::Crypto)?;
        // GCMParameters: the nonce, and a tag of 16 octets where the default would be 12.
        let parameters =
            tlv::constructed(tlv::SEQUENCE, &[&tlv::element(tlv::OCTET_STRING, &nonce), &[tlv::INTEGER, 1, 16]]);
        let algorithm = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::AES256_GCM), &parameters]);
        Ok(Head {
            recipient_infos,
            content_info: [tlv::oid(oid::DATA), algorithm].concat(),
            encryptor: Encryptor::new(cek, &nonce)?,
        })
    }
}

impl Head {
    fn write_definite(mut self, mut out: impl Write, content: &[u8]) -> Result<(), CmsError> {
        let mut encrypted = Vec::new();
        self.encryptor.update(content, &mut encrypted)?;
        let tag = self.encryptor.finish()?;
        let info = tlv::constructed(tlv::SEQUENCE, &[&self.content_info, &tlv::element(0x80, &encrypted)]);
        let tag = tlv::element(tlv::OCTET_STRING, &tag);
        let envelope = tlv::constructed(tlv::SEQUENCE, &[&[tlv::INTEGER, 1, 0], &self.recipient_infos, &info, &tag]);
        let envelope = tlv::element(0xA0, &envelope);
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
    encrypted: Vec<u8>,
    broken: bool,
}

impl<W: Write> EnvelopeWriter<W> {
    /// Writes what stands before the content.
    pub fn new(mut out: W, recipients: &[Recipient<'_>]) -> Result<EnvelopeWriter<W>, CmsError> {
        let head = Head::new(recipients)?;
        // ContentInfo, [0], AuthEnvelopedData, each open-ended; then version 0 and the recipients.
        out.write_all(&[tlv::SEQUENCE, 0x80])?;
        out.write_all(&tlv::oid(oid::AUTH_ENVELOPED_DATA))?;
        out.write_all(&[0xA0, 0x80, tlv::SEQUENCE, 0x80, tlv::INTEGER, 1, 0])?;
        out.write_all(&head.recipient_infos)?;
        out.write_all(&[tlv::SEQUENCE, 0x80])?;
        out.write_all(&head.content_info)?;
        out.write_all(&[0xA0, 0x80])?;
        Ok(EnvelopeWriter {
            out,
            encryptor: head.encryptor,
            content: Zeroizing::new(Vec::with_capacity(CHUNK)),
            encrypted: Vec::with_capacity(CHUNK),
            broken: false,
        })
    }

    /// Writes the rest and the tag, and gives the output back.
    pub fn finish(mut self) -> Result<W, CmsError> {
        self.piece()?;
        let tag = self.encryptor.finish()?;
        // The ends of the content and of its info, the tag, the ends of the three outer elements.
        self.out.write_all(&[0, 0, 0, 0])?;
        self.out.write_all(&tlv::element(tlv::OCTET_STRING, &tag))?;
        self.out.write_all(&[0; 6])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn piece(&mut self) -> Result<(), CmsError> {
        if self.broken {
            return Err(CmsError::Crypto);
        }
        if self.content.is_empty() {
            return Ok(());
        }
        // A piece that was encrypted and not written cannot be made up for.
        self.broken = true;
        self.encryptor.update(&self.content, &mut self.encrypted)?;
        self.content.clear();
        self.out.write_all(&tlv::header(tlv::OCTET_STRING, self.encrypted.len()))?;
        self.out.write_all(&self.encrypted)?;
        self.broken = false;
        Ok(())
    }
}

impl<W: Write> Write for EnvelopeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() >= CHUNK {
            return self.whole_piece(bytes);
        }
        let taken = bytes.len().min(CHUNK - self.content.len());
        self.content.extend_from_slice(&bytes[..taken]);
        if self.content.len() == CHUNK {
            self.piece().map_err(|error| match error {
                CmsError::Io(error) => error,
                other => io::Error::other(other),
            })?;
        }
        Ok(taken)
    }

    /// Content waits until a piece is full; only what is encrypted can be flushed.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> EnvelopeWriter<W> {
    /// Encrypts a piece from where it stands, behind what was collected: gathering it first would only copy it.
    fn whole_piece(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = |this: &mut Self| -> Result<(), CmsError> {
            if !this.content.is_empty() {
                this.piece()?;
            }
            if this.broken {
                return Err(CmsError::Crypto);
            }
            this.broken = true;
            this.encryptor.update(&bytes[..CHUNK], &mut this.encrypted)?;
            this.out.write_all(&tlv::header(tlv::OCTET_STRING, this.encrypted.len()))?;
            this.out.write_all(&this.encrypted)?;
            this.broken = false;
            Ok(())
        };
        write(self).map(|()| CHUNK).map_err(|error| match error {
            CmsError::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

/// Encrypts a content that is all there, in DER.
pub fn write_definite(out: impl Write, content: &[u8], recipients: &[Recipient<'_>]) -> Result<(), CmsError> {
    Head::new(recipients)?.write_definite(out, content)
}

/// Encrypts another content under the content key of an envelope, in DER: everyone who could open that one can open this one,
/// also those whose keys are not at hand. Only AES-256-GCM is taken over; the nonce is a new random one, so this is for
/// contents that are replaced thousands of times, not billions (NIST SP 800-38D, section 8.3).
pub fn reseal(sealed: &[u8], key: DecryptionKey<'_>, content: &[u8]) -> Result<Vec<u8>, CmsError> {
    let (recipient_infos, cek) = content_key_of(sealed, key)?;
    let mut out = Vec::with_capacity(sealed.len());
    Head::around(recipient_infos, cek.expose())?.write_definite(&mut out, content)?;
    Ok(out)
}
