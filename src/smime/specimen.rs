//! People, drafts and sealed messages for the unit tests of this room.

use std::io::{Cursor, Read, Write};

use jiff::Timestamp;
use tempfile::TempDir;

use super::{OpenError, Opened, open, seal};
use crate::cms::{Accept, DetachedSigner, EnvelopeWriter, Recipient};
use crate::mail::{Base64Writer, Composition, Draft, Mailbox, MessageId};
use crate::pki::specimen::{Authority, Leaf, NOON, rsa_key};
use crate::pki::{Certificate, Identity, Purpose, TrustAnchors, validate};
use crate::sealed::Sealed;
use crate::space::specimen::admitted;
use crate::space::{self, Recipients, Role};

pub(super) const LABORATORY: &str = "laboratoire@biologie.sandbox";
pub(super) const DURAND: &str = "dr.durand@medecin.sandbox";
pub(super) const LEFEVRE: &str = "dr.lefevre@medecin.sandbox";

/// An authority and three people: the laboratory and Dr Durand with P-256 keys, Dr Lefèvre with an RSA key.
pub(super) struct World {
    pub(super) authority: Authority,
    pub(super) laboratory: Identity,
    pub(super) durand: Identity,
    pub(super) lefevre: Identity,
    pub(super) dir: TempDir,
}

pub(super) fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

impl World {
    pub(super) fn new() -> World {
        let authority = Authority::root("TEST AC RACINE");
        World {
            laboratory: authority.identity(Leaf { serial: 1, ..Leaf::new(LABORATORY) }),
            durand: authority.identity(Leaf { serial: 2, ..Leaf::new(DURAND) }),
            lefevre: authority.identity(Leaf { serial: 3, ..Leaf::with_key(LEFEVRE, rsa_key()) }),
            authority,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn anchors(&self) -> TrustAnchors {
        self.authority.anchors()
    }

    fn certificate(&self, address: &str) -> &Certificate {
        match address {
            DURAND => self.durand.certificate(),
            LEFEVRE => self.lefevre.certificate(),
            _ => self.laboratory.certificate(),
        }
    }

    /// The recipients that a draft names.
    pub(super) fn recipients(&self, draft: &Draft) -> Recipients {
        let parts = draft.parts();
        let lines = [(Role::To, &parts.to), (Role::Cc, &parts.cc), (Role::Bcc, &parts.bcc)];
        let people = lines.into_iter().flat_map(|(role, list)| list.iter().map(move |it| (role, &it.address)));
        let recipient = |(role, address): (Role, &crate::mail::Address)| {
            let certificate = self.certificate(address.as_str());
            let purpose = Purpose::EmailEncryption;
            let trusted = validate(certificate, &[], &self.anchors(), &[], purpose, Some(address), noon()).unwrap();
            space::Recipient::new(admitted(address), trusted, role).unwrap()
        };
        Recipients::new(people.map(recipient).collect()).unwrap()
    }

    /// Seals as the laboratory.
    pub(super) fn seal(&self, parts: Composition) -> Vec<Sealed> {
        let draft = Draft::new(parts).unwrap();
        let recipients = self.recipients(&draft);
        let own = Some(self.laboratory.certificate());
        seal(&draft, &recipients, &self.laboratory, own, noon(), self.dir.path()).unwrap()
    }

    /// Opens with the key of one.
    pub(super) fn open(&self, message: &[u8], key: &Identity) -> Result<Opened, OpenError> {
        open(&mut Cursor::new(message), std::slice::from_ref(key), Accept::default(), self.dir.path())
    }

    /// How many files and folders stand in the working folder.
    pub(super) fn leftovers(&self) -> usize {
        self.dir.path().read_dir().unwrap().count()
    }
}

pub(super) fn mailbox(label: &str, address: &str) -> Mailbox {
    Mailbox { label: Some(label.to_owned()).filter(|it| !it.is_empty()), address: address.parse().unwrap() }
}

/// A result from the laboratory to Dr Durand.
pub(super) fn composition() -> Composition {
    let from = mailbox("Laboratoire des Tilleuls", LABORATORY);
    Composition {
        message_id: MessageId::new([7; 16], &from.address),
        from,
        reply_to: None,
        to: vec![mailbox("Zoé Durand", DURAND)],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "Glycémie de Mme FIGATELLIX".to_owned(),
        date: "2026-06-01T14:00:00+02:00[+02:00]".parse().unwrap(),
        references: Vec::new(),
        fields: Vec::new(),
        text: "Bonjour,\nvoir le résultat.\n".to_owned(),
        attachments: Vec::new(),
    }
}

pub(super) fn octets(sealed: &mut Sealed) -> Vec<u8> {
    let mut octets = Vec::new();
    sealed.reader().unwrap().read_to_end(&mut octets).unwrap();
    assert_eq!(octets.len() as u64, sealed.size());
    octets
}

/// A `multipart/signed` entity over some content with CRLF line ends.
pub(super) fn signed(content: &str, signer: &Identity, at: Timestamp) -> String {
    let mut signature = DetachedSigner::new(signer, at);
    signature.update(content.as_bytes());
    let signature = base64(&signature.finish().unwrap());
    let kind = "multipart/signed; protocol=\"application/x-pkcs7-signature\"; micalg=sha-256";
    format!(
        "Content-Type: {kind}; boundary=s\r\n\r\n--s\r\n{content}\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{signature}--s--\r\n"
    )
}

/// An `application/pkcs7-mime` entity around another.
pub(super) fn encrypted(entity: &str, to: &Identity) -> String {
    let mut envelope = EnvelopeWriter::new(Vec::new(), &[Recipient::Certificate(to.certificate())]).unwrap();
    envelope.write_all(entity.as_bytes()).unwrap();
    format!(
        "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        base64(&envelope.finish().unwrap())
    )
}

/// An `application/pkcs7-mime` entity that is another, compressed (RFC 3274).
pub(super) fn compressed(entity: &str) -> String {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(entity.as_bytes()).unwrap();
    let element = |tag: u8, parts: &[&[u8]]| {
        let body = parts.concat();
        [&[tag, 0x82, (body.len() >> 8) as u8, body.len() as u8], body.as_slice()].concat()
    };
    let (compressed_data, zlib_compress, data): ([u8; 13], [u8; 13], [u8; 11]) = (
        [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 9],
        [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 3, 8],
        [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1],
    );
    let content = element(0xA0, &[&element(4, &[&zlib.finish().unwrap()])]);
    let info = element(0x30, &[&data, &content]);
    let body = element(0x30, &[&[2, 1, 0], &element(0x30, &[&zlib_compress]), &info]);
    let whole = element(0x30, &[&compressed_data, &element(0xA0, &[&body])]);
    format!("Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", base64(&whole))
}

fn base64(octets: &[u8]) -> String {
    let mut encoder = Base64Writer::new(Vec::new());
    encoder.write_all(octets).unwrap();
    String::from_utf8(encoder.finish().unwrap()).unwrap()
}
