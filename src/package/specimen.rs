//! Messages to put into packages in tests: a subject that would be script, two files of one name.

use std::fs::File;
use std::path::Path;

use super::content::Content;
use crate::mail::{Address, Attachment, Composition, Draft, Field, Mailbox, MessageId};

/// What would run, or end the element it stands in, if it were ever taken for HTML.
pub(super) const HOSTILE: &str = "</script><script>alert(\"279\")</script>{content}{script}<!--";

fn composition(text: String, attachments: Vec<Attachment>) -> Composition {
    let mailbox = |text: &str| Mailbox::from(text.parse::<Address>().unwrap());
    let from = Mailbox { label: Some("Laboratoire des Tilleuls".into()), ..mailbox("labo@biologie.sandbox") };
    let message_id = MessageId::new([7; 16], &from.address);
    Composition {
        references: vec![message_id.clone()],
        message_id,
        from,
        reply_to: None,
        to: vec![mailbox("a@example.org")],
        cc: vec![mailbox("b@example.org")],
        bcc: vec![mailbox("blind@example.org")],
        subject: HOSTILE.into(),
        date: "2026-01-05T09:00:00+01:00[+01:00]".parse().unwrap(),
        fields: vec![Field::text("X-Patient", "279035121518989")],
        text,
        attachments,
    }
}

/// Hostile text and two small files of one name.
pub(super) fn draft() -> Draft {
    let file = |octets: &[u8]| Attachment::from_octets("résultat.pdf", octets.to_vec()).unwrap();
    Draft::new(composition(format!("{HOSTILE}\nÀ demain.\n"), vec![file(b"%PDF-1.7 one\0"), file(b"two")])).unwrap()
}

/// One file and a text, as they are given.
pub(super) fn draft_of(subject: &str, text: &str, name: &str, octets: &[u8]) -> Draft {
    let file = Attachment::from_octets(name, octets.to_vec()).unwrap();
    Draft::new(Composition { subject: subject.to_owned(), ..composition(text.to_owned(), vec![file]) }).unwrap()
}

/// A file of this many octets, and a text.
pub(super) fn large(size: u64) -> Draft {
    let file = tempfile::tempfile().unwrap();
    file.set_len(size).unwrap();
    Draft::new(composition("x".into(), vec![Attachment::from_file("a.bin", file).unwrap()])).unwrap()
}

/// One file that stands on disk.
pub(super) fn with_file(path: &Path) -> Draft {
    let file = Attachment::from_file("a.txt", File::open(path).unwrap()).unwrap();
    Draft::new(composition(String::new(), vec![file])).unwrap()
}

/// What of a draft goes into a package.
pub(super) fn content_of(draft: &Draft) -> Content<'_> {
    Content::of(draft)
}
