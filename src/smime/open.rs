//! Opening: layer by layer through private spools; nothing is given before every layer was checked to its end.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::content::collect;
use super::layer::{Wrapping, wrapping};
use super::opened::{Headers, Layer, Opened};
use super::protection::{HeaderProtection, differences};
use crate::cms::{Accept, CmsError, DecryptionKey, Signer, decompress, open_envelope, verify_detached, verify_opaque};
use crate::fs::{FsError, Spool, StagedDir};
use crate::mail::{CanonicalReader, Entity, EntityError, Header, Notice, Strictness, section};
use crate::pki::Identity;

/// Layers inside layers: a triple wrapping (RFC 2634) and some air.
const MAX_LAYERS: usize = 8;
/// What compressed content may unpack to: as much as a message may have.
const MAX_UNPACKED: u64 = 2 * 1024 * 1024 * 1024;
/// As much of a notice as is looked at.
const MAX_NOTICE: u64 = 1024 * 1024;
/// A detached signature with its certificates.
const MAX_SIGNATURE: u64 = 1024 * 1024;

/// Why a message was not opened. Nothing of its content is left on disk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// None of our keys is among those it is encrypted to.
    #[error("the message is not encrypted to any key at hand")]
    NotForUs,
    /// It was changed on the way, or damaged.
    #[error("the encrypted message was changed or damaged")]
    Tampered,
    /// A signature in it does not fit its content.
    #[error("the signature does not fit the message")]
    BadSignature,
    /// It is not built as the standards say.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
    /// More layers, parts or octets than any message needs.
    #[error("the message has {0}")]
    TooMuch(&'static str),
    /// An algorithm or a structure that is not read here.
    #[error("the message needs {0}, which is not supported")]
    Unsupported(String),
    /// An encryption that is broken, opened only where that is asked for.
    #[error("the message is encrypted with {0}, which is opened only where it is asked for")]
    Weak(&'static str),
    /// Its layers cannot be read for another reason.
    #[error("the message could not be opened")]
    Cms(#[source] CmsError),
    /// A private file could not be made.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The message could not be read, or a spool file not written.
    #[error("the message could not be read or spooled")]
    Io(#[from] io::Error),
}

impl OpenError {
    /// A stable word for reports.
    pub fn code(&self) -> &'static str {
        match self {
            OpenError::NotForUs => "not-for-us",
            OpenError::Tampered => "tampered",
            OpenError::BadSignature => "bad-signature",
            OpenError::Malformed(_) => "malformed",
            OpenError::TooMuch(_) => "too-much",
            OpenError::Unsupported(_) => "unsupported",
            OpenError::Weak(_) => "weak-encryption",
            OpenError::Cms(_) => "cms",
            OpenError::Fs(_) | OpenError::Io(_) => "local-io",
        }
    }

    /// Whether the message is at fault, and not this machine: it will not open at the next try either.
    pub fn is_final(&self) -> bool {
        !matches!(self, OpenError::Fs(_) | OpenError::Io(_) | OpenError::Cms(CmsError::Key(_)))
    }
}

impl From<CmsError> for OpenError {
    fn from(error: CmsError) -> OpenError {
        match error {
            CmsError::NotForUs => OpenError::NotForUs,
            CmsError::Tampered | CmsError::WrongKey => OpenError::Tampered,
            CmsError::BadSignature | CmsError::NoSigner => OpenError::BadSignature,
            CmsError::Malformed(what) => OpenError::Malformed(what),
            CmsError::Unsupported(what) => OpenError::Unsupported(what),
            CmsError::Weak(what) => OpenError::Weak(what),
            CmsError::TooLarge => OpenError::TooMuch("too large a CMS structure"),
            CmsError::Io(error) if error.kind() == io::ErrorKind::InvalidData => OpenError::Malformed("base64"),
            CmsError::Io(error) => OpenError::Io(error),
            other => OpenError::Cms(other),
        }
    }
}

impl From<EntityError> for OpenError {
    fn from(error: EntityError) -> OpenError {
        match error {
            EntityError::TooMuch(what) => OpenError::TooMuch(what),
            EntityError::Encoding => OpenError::Malformed("a part is not encoded as it says"),
            EntityError::Io(error) => OpenError::Io(error),
        }
    }
}

/// Something to read from and to move about in: the message as received, or a spool file.
trait Stream: Read + Seek {}

impl<T: Read + Seek> Stream for T {}

/// Opens a message as it was received: decrypts and verifies its layers, takes its content apart under `dir`.
///
/// A message without any layer is opened too; [`Opened::layers`] is empty then, and the caller decides. An encryption or
/// signature that is only a part of the message is not opened: it comes out as a file (RFC 9788, section 4.2.1).
pub fn open<R: Read + Seek>(raw: &mut R, keys: &[Identity], accept: Accept, dir: &Path) -> Result<Opened, OpenError> {
    let folder = StagedDir::new(dir)?;
    let entity = Entity::scan_all(raw)?;
    let outer = entity.header().clone();
    let mut opening = Opening { raw, spool: None, entity, layers: Vec::new(), keys, accept, dir };
    while opening.unwrap_layer()? {
        if opening.layers.len() > MAX_LAYERS {
            return Err(OpenError::TooMuch("too many layers of encryption and signatures"));
        }
    }
    let (payload, header, protection) = protected_payload(&opening.entity, &outer, !opening.layers.is_empty());
    let differences = differences(&outer, header, protection);
    let headers = Headers::read(header);
    let payload = payload.clone();
    let notice = if opening.layers.is_empty() { None } else { notice(&outer, &payload, opening.stream())? };
    let encrypted = opening.layers.iter().any(|layer| matches!(layer, Layer::Encrypted(_)));
    let content = collect(&payload, opening.stream(), folder.path(), encrypted)?;
    let layers = opening.layers;
    Ok(Opened { outer: Headers::read(&outer), headers, protection, differences, layers, content, notice, folder })
}

/// The notice that a payload is, if it is one.
fn notice(outer: &Header, payload: &Entity, stream: &mut dyn Stream) -> Result<Option<Notice>, OpenError> {
    if payload.media_type().essence() != "multipart/report" {
        return Ok(None);
    }
    let mut octets = Vec::new();
    section(stream, payload.range())?.take(MAX_NOTICE).read_to_end(&mut octets)?;
    Ok(Notice::read_inside(outer, &octets))
}

struct Opening<'a> {
    raw: &'a mut dyn Stream,
    /// What the last layer held, if it is not a part of `raw`.
    spool: Option<Spool>,
    entity: Entity,
    layers: Vec<Layer>,
    keys: &'a [Identity],
    accept: Accept,
    /// Where a layer goes that is too large for memory.
    dir: &'a Path,
}

impl Opening<'_> {
    /// Where the entity stands.
    fn stream(&mut self) -> &mut dyn Stream {
        match &mut self.spool {
            Some(spool) => spool,
            None => &mut *self.raw,
        }
    }

    /// Opens the outermost layer that is left; false if there is none.
    fn unwrap_layer(&mut self) -> Result<bool, OpenError> {
        let entity = self.entity.clone();
        match wrapping(&entity, self.stream())? {
            Wrapping::None => return Ok(false),
            Wrapping::Unknown => return Err(OpenError::Malformed("no CMS structure that is read here")),
            Wrapping::Detached => {
                let signers = self.verify_parts(&entity)?;
                self.layers.push(Layer::Signed(signers));
                self.entity = entity.parts()[0].clone();
            }
            Wrapping::Opaque => {
                let mut spool = Spool::new(self.dir);
                let mut input = entity.decoded(self.stream(), Strictness::Strict)?;
                let signers = verify_opaque(&mut *input, &mut spool)?;
                drop(input);
                self.enter(spool, Layer::Signed(signers))?;
            }
            Wrapping::Enveloped => {
                let mut spool = Spool::new(self.dir);
                let keys: Vec<DecryptionKey<'_>> = self.keys.iter().map(DecryptionKey::Identity).collect();
                let accept = self.accept;
                let mut input = entity.decoded(self.stream(), Strictness::Strict)?;
                let envelope = open_envelope(&mut *input, &keys, accept, &mut spool)?;
                drop(input);
                self.enter(spool, Layer::Encrypted(envelope))?;
            }
            Wrapping::Compressed => {
                let mut spool = Spool::new(self.dir);
                let mut input = entity.decoded(self.stream(), Strictness::Strict)?;
                decompress(&mut *input, &mut spool, MAX_UNPACKED)?;
                drop(input);
                self.enter(spool, Layer::Compressed)?;
            }
        }
        Ok(true)
    }

    /// Goes on with what a layer held.
    fn enter(&mut self, mut spool: Spool, layer: Layer) -> Result<(), OpenError> {
        spool.flush()?;
        self.entity = Entity::scan_all(&mut spool)?;
        self.spool = Some(spool);
        self.layers.push(layer);
        Ok(())
    }

    /// Verifies `multipart/signed` (RFC 8551, section 3.5.3.3).
    fn verify_parts(&mut self, entity: &Entity) -> Result<Vec<Signer>, OpenError> {
        let ([content, signature], true) = (entity.parts(), entity.is_closed()) else {
            return Err(OpenError::Malformed("multipart/signed without its two parts"));
        };
        let mut der = Vec::new();
        let decoded = signature.decoded(self.stream(), Strictness::Strict)?;
        decoded.take(MAX_SIGNATURE + 1).read_to_end(&mut der).map_err(CmsError::Io)?;
        if der.len() as u64 > MAX_SIGNATURE {
            return Err(OpenError::TooMuch("too large a signature"));
        }
        let mut as_it_is = section(self.stream(), content.range())?;
        match verify_detached(&der, &mut as_it_is) {
            // Stored or sent with LF, while the signature is over CRLF: the same text, the same meaning.
            Err(CmsError::BadSignature) => {
                let mut canonical = CanonicalReader::new(section(self.stream(), content.range())?);
                Ok(verify_detached(&der, &mut canonical)?)
            }
            verified => Ok(verified?),
        }
    }
}

/// Finds the payload and the header that speaks for it (RFC 9788, section 4.1): its own, if a layer protects it and it
/// says so; that of a wrapped message; else the outer one.
fn protected_payload<'a>(
    root: &'a Entity,
    outer: &'a Header,
    layered: bool,
) -> (&'a Entity, &'a Header, HeaderProtection) {
    let kind = root.media_type();
    let protection = match kind.parameter("hp") {
        _ if !layered => HeaderProtection::None,
        Some(hp) if hp.eq_ignore_ascii_case("cipher") => HeaderProtection::Cipher,
        Some(hp) if hp.eq_ignore_ascii_case("clear") => HeaderProtection::Clear,
        _ if kind.parameter("protected-headers").is_some() && root.header().count("From") > 0 => {
            HeaderProtection::Older
        }
        _ => HeaderProtection::None,
    };
    if protection != HeaderProtection::None {
        return (root, root.header(), protection);
    }
    match root.parts().first() {
        Some(message) if layered && kind.essence() == "message/rfc822" && is_wrapped(root, message, outer) => {
            (message, message.header(), HeaderProtection::Wrapped)
        }
        _ => (root, outer, HeaderProtection::None),
    }
}

/// Whether `message/rfc822` is the message itself, and not one that is forwarded: it says so, or has the same sender.
fn is_wrapped(root: &Entity, message: &Entity, outer: &Header) -> bool {
    let address = |header: &Header| header.sole_mailbox("From").map(|it| it.address);
    match root.media_type().parameter("forwarded") {
        Some(forwarded) => forwarded.eq_ignore_ascii_case("no"),
        None => address(message.header()).is_some() && address(message.header()) == address(outer),
    }
}
