//! A message before it is sealed: what the sender meant, checked so that nothing in it can become another header field.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::SystemTime;

use aws_lc_rs::digest;
use jiff::Zoned;

use super::{Field, MAGIC_OCTETS, Mailbox, MessageId, media_type};

/// Why a message cannot be composed as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Nobody to send it to.
    #[error("the message has no recipient")]
    NoRecipient,
    /// A line break or another control character where a header field would be written from it.
    #[error("the {part} holds a line break or another control character")]
    HeaderInjection { part: &'static str },
    /// NUL has no place in a text (RFC 5322, section 4).
    #[error("the text holds a NUL character")]
    Nul,
    /// A field that is written from other parts of the draft.
    #[error("the field {name} cannot be set")]
    ReservedField { name: &'static str },
}

/// Why a file cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// The name has no character, a path separator or a control character.
    #[error("the name of the attachment cannot be sent")]
    Name,
    /// It is not of the form type/subtype, or it is one that holds parts.
    #[error("the media type of the attachment cannot be sent")]
    MediaType,
    /// A folder, a pipe, a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
}

/// Why an attachment could not be written into the message.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Its file cannot be read any more.
    #[error("attachment {number} cannot be read")]
    Source { number: usize, source: io::Error },
    /// It is not what it was when the message was composed: shorter, longer or written to.
    #[error("attachment {number} changed while it was read")]
    Changed { number: usize },
    /// The message cannot be written.
    #[error("the message cannot be written")]
    Output(#[source] io::Error),
}

/// Files up to this size are read when they are attached, in octets: most documents of a few pages.
const IN_MEMORY: u64 = 256 * 1024;

/// A file that travels with the message; opened and sized when it was attached.
pub struct Attachment {
    name: String,
    media_type: String,
    size: u64,
    source: Source,
}

enum Source {
    File { file: File, modified: Option<SystemTime> },
    Octets(Vec<u8>),
}

impl Attachment {
    /// Attaches an open file under a base name; the media type is found from both. A small one is read here and now, a large one
    /// whenever its octets are asked for.
    pub fn from_file(name: &str, file: File) -> Result<Attachment, AttachmentError> {
        let metadata = file.metadata().map_err(AttachmentError::Read)?;
        if !metadata.is_file() {
            return Err(AttachmentError::NotAFile);
        }
        let (size, modified) = (metadata.len(), metadata.modified().ok());
        let most = if size <= IN_MEMORY { size + 1 } else { MAGIC_OCTETS as u64 };
        let mut first = Vec::with_capacity(usize::try_from(most).unwrap_or(MAGIC_OCTETS));
        (&file).take(most).read_to_end(&mut first).map_err(AttachmentError::Read)?;
        if first.len() as u64 == size && file.metadata().and_then(|now| now.modified()).ok() == modified {
            return Attachment::from_octets(name, first);
        }
        first.truncate(MAGIC_OCTETS);
        Attachment::new(name, &first, size, Source::File { file, modified })
    }

    /// Attaches octets under a base name.
    pub fn from_octets(name: &str, octets: Vec<u8>) -> Result<Attachment, AttachmentError> {
        let first = octets[..octets.len().min(MAGIC_OCTETS)].to_vec();
        Attachment::new(name, &first, octets.len() as u64, Source::Octets(octets))
    }

    fn new(name: &str, first: &[u8], size: u64, source: Source) -> Result<Attachment, AttachmentError> {
        if name.is_empty() || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
            return Err(AttachmentError::Name);
        }
        Ok(Attachment { name: name.to_owned(), media_type: media_type(name, first).to_owned(), size, source })
    }

    /// Says another media type than the one that was found.
    pub fn with_media_type(mut self, media_type: &str) -> Result<Attachment, AttachmentError> {
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c))
        };
        let good = media_type.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
        let holds_parts = |kind: &str| media_type.get(..kind.len()).is_some_and(|it| it.eq_ignore_ascii_case(kind));
        if !good || holds_parts("multipart/") || holds_parts("message/") {
            return Err(AttachmentError::MediaType);
        }
        self.media_type = media_type.to_ascii_lowercase();
        Ok(self)
    }

    /// The base name, as the recipient will see it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `type/subtype`.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Octets when it was attached.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the octets; `number` is its place in the message, for the error.
    pub fn sha256(&self, number: usize) -> Result<[u8; 32], ComposeError> {
        let mut digest = Sha256(digest::Context::new(&digest::SHA256));
        self.copy_to(number, &mut digest)?;
        Ok(digest.0.finish().as_ref().try_into().expect("SHA-256 gives 32 octets"))
    }

    /// Writes the octets; `number` is its place in the message, for the error. What changed since is refused.
    pub fn copy_to(&self, number: usize, out: &mut dyn Write) -> Result<(), ComposeError> {
        match &self.source {
            Source::Octets(octets) => out.write_all(octets).map_err(ComposeError::Output),
            Source::File { file, modified } => {
                let broken = |source| ComposeError::Source { number, source };
                let mut reader = file;
                reader.seek(SeekFrom::Start(0)).map_err(broken)?;
                let mut left = self.size;
                let mut block = vec![0; 64 * 1024];
                loop {
                    let read = match reader.read(&mut block) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        read => read.map_err(broken)?,
                    };
                    if read as u64 > left || read == 0 && left > 0 {
                        return Err(ComposeError::Changed { number });
                    }
                    if read == 0 {
                        break;
                    }
                    left -= read as u64;
                    out.write_all(&block[..read]).map_err(ComposeError::Output)?;
                }
                let now = file.metadata().map_err(broken)?;
                if now.modified().ok() != *modified { Err(ComposeError::Changed { number }) } else { Ok(()) }
            }
        }
    }
}

/// A digest that is written to.
struct Sha256(digest::Context);

impl Write for Sha256 {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.update(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a draft is made of.
pub struct Composition {
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    /// Never written into any header.
    pub bcc: Vec<Mailbox>,
    pub subject: String,
    pub date: Zoned,
    pub message_id: MessageId,
    /// The message that is answered, and those before it, oldest first.
    pub references: Vec<MessageId>,
    /// Further fields, such as `Disposition-Notification-To`.
    pub fields: Vec<Field>,
    pub text: String,
    pub attachments: Vec<Attachment>,
}

/// A message that can be written: every part was checked.
pub struct Draft {
    parts: Composition,
}

/// Fields that are written from the parts of a draft, or by the layers around it.
const RESERVED: [&str; 15] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "hp-outer",
    "received",
    "return-path",
];

impl Draft {
    /// Checks the parts; line ends of the text become CRLF.
    pub fn new(mut parts: Composition) -> Result<Draft, DraftError> {
        if parts.to.is_empty() && parts.cc.is_empty() && parts.bcc.is_empty() {
            return Err(DraftError::NoRecipient);
        }
        if parts.subject.chars().any(char::is_control) {
            return Err(DraftError::HeaderInjection { part: "subject" });
        }
        let people = [&parts.to, &parts.cc, &parts.bcc].into_iter().flatten();
        let labels = people.chain([&parts.from]).chain(&parts.reply_to).filter_map(|mailbox| mailbox.label.as_deref());
        if labels.flat_map(str::chars).any(char::is_control) {
            return Err(DraftError::HeaderInjection { part: "label of an address" });
        }
        if parts.text.contains('\0') {
            return Err(DraftError::Nul);
        }
        for field in &parts.fields {
            let name = field.name().to_ascii_lowercase();
            if RESERVED.contains(&name.as_str()) || name.starts_with("content-") {
                return Err(DraftError::ReservedField { name: field.static_name() });
            }
        }
        parts.text = with_crlf(&parts.text);
        Ok(Draft { parts })
    }

    /// The same draft under another Message-ID.
    pub fn with_message_id(mut self, message_id: MessageId) -> Draft {
        self.parts.message_id = message_id;
        self
    }

    /// Everything it is made of; the text with CRLF line ends.
    pub fn parts(&self) -> &Composition {
        &self.parts
    }

    /// The header fields a recipient is meant to see, Bcc not among them.
    pub fn header(&self) -> Vec<Field> {
        let parts = &self.parts;
        let mut fields = vec![Field::mailboxes("From", std::slice::from_ref(&parts.from))];
        fields.extend(parts.reply_to.iter().map(|to| Field::mailboxes("Reply-To", std::slice::from_ref(to))));
        if !parts.to.is_empty() {
            fields.push(Field::mailboxes("To", &parts.to));
        }
        if !parts.cc.is_empty() {
            fields.push(Field::mailboxes("Cc", &parts.cc));
        }
        fields.push(Field::text("Subject", &parts.subject));
        fields.push(Field::date("Date", &parts.date));
        fields.push(Field::message_ids("Message-ID", std::slice::from_ref(&parts.message_id)));
        if let Some(answered) = parts.references.last() {
            fields.push(Field::message_ids("In-Reply-To", std::slice::from_ref(answered)));
            fields.push(Field::message_ids("References", &parts.references));
        }
        fields.extend(parts.fields.iter().cloned());
        fields
    }
}

/// CRLF for every kind of line end: LF, CR, CRLF.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn composition() -> Composition {
        let mailbox = |text: &str| Mailbox::from(text.parse::<crate::mail::Address>().unwrap());
        let from = Mailbox { label: Some("Laboratoire des Tilleuls".into()), ..mailbox("labo@biologie.sandbox") };
        Composition {
            message_id: MessageId::new([7; 16], &from.address),
            from,
            reply_to: None,
            to: vec![mailbox("dr.durand@medecin.sandbox")],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: "Résultat".into(),
            date: "2026-01-05T09:00:00+01:00[+01:00]".parse().unwrap(),
            references: Vec::new(),
            fields: Vec::new(),
            text: "Bonjour,\nvoir le résultat.\n".into(),
            attachments: Vec::new(),
        }
    }

    #[test]
    fn what_could_become_a_header_field_is_refused() {
        let refused = |change: &dyn Fn(&mut Composition)| {
            let mut parts = composition();
            change(&mut parts);
            Draft::new(parts).err()
        };
        assert_eq!(refused(&|_| {}), None);
        let injection = |part| Some(DraftError::HeaderInjection { part });
        assert_eq!(refused(&|it| it.subject = "a\r\nBcc: b@x.fr".into()), injection("subject"));
        assert_eq!(refused(&|it| it.subject = "a\u{85}b".into()), injection("subject"));
        assert_eq!(refused(&|it| it.from.label = Some("a\nb".into())), injection("label of an address"));
        assert_eq!(refused(&|it| it.to.clear()), Some(DraftError::NoRecipient));
        assert_eq!(refused(&|it| it.text.push('\0')), Some(DraftError::Nul));
        let bcc = |it: &mut Composition| it.fields.push(Field::text("Bcc", "b@x.fr"));
        assert_eq!(refused(&bcc), Some(DraftError::ReservedField { name: "Bcc" }));
    }

    #[test]
    fn names_and_media_types_are_checked() {
        for bad in ["", "a/b", "a\\b", "a\nb", "a\0"] {
            assert!(matches!(Attachment::from_octets(bad, Vec::new()), Err(AttachmentError::Name)), "{bad:?}");
        }
        let attach = || Attachment::from_octets("a.pdf", b"%PDF-1.7".to_vec()).unwrap();
        assert_eq!(attach().media_type(), "application/pdf");
        for bad in ["pdf", "a/b; name=c", "a/b\r\nX: y", "multipart/mixed", "Message/rfc822", "/"] {
            assert!(attach().with_media_type(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_changed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        let then = "four".repeat(IN_MEMORY as usize);
        for now in [format!("{then}!"), "abc".to_owned(), String::new()] {
            File::create(&path).unwrap().write_all(then.as_bytes()).unwrap();
            let attachment = Attachment::from_file("a.txt", File::open(&path).unwrap()).unwrap();
            let mut out = Vec::new();
            attachment.copy_to(1, &mut out).unwrap();
            assert_eq!(out, then.as_bytes());
            let mut same_file = File::create(&path).unwrap();
            same_file.write_all(now.as_bytes()).unwrap();
            assert!(matches!(attachment.copy_to(3, &mut Vec::new()), Err(ComposeError::Changed { number: 3 })));
        }
        File::create(&path).unwrap().write_all(b"four").unwrap();
        let small = Attachment::from_file("a.txt", File::open(&path).unwrap()).unwrap();
        File::create(&path).unwrap().write_all(b"five!").unwrap();
        let mut out = Vec::new();
        small.copy_to(1, &mut out).unwrap();
        assert_eq!(out, b"four", "as it was when it was attached");
        let folder = File::open(dir.path()).unwrap();
        assert!(matches!(Attachment::from_file("a", folder), Err(AttachmentError::NotAFile)));
    }

    #[test]
    fn blind_copies_are_in_no_header() {
        let mut parts = composition();
        parts.bcc.push(Mailbox::from("spy@x.fr".parse::<crate::mail::Address>().unwrap()));
        let header: String = Draft::new(parts).unwrap().header().iter().map(Field::to_string).collect();
        assert!(!header.contains("spy") && !header.to_lowercase().contains("bcc"));
    }
}
