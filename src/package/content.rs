//! What goes into a package: the fields a recipient is meant to see, the text, and the files under names that no two share.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::mail::{Attachment, Draft, safe_name, unique_name};

/// A message as a package holds it.
pub(super) struct Content<'a> {
    pub(super) description: Description,
    /// In the order of the description.
    pub(super) files: Vec<&'a Attachment>,
}

/// Everything but the octets of the files.
#[derive(Serialize)]
pub(super) struct Description {
    pub(super) from: String,
    /// RFC 3339 with offset.
    pub(super) date: String,
    pub(super) subject: String,
    /// With LF line ends.
    pub(super) text: String,
    pub(super) files: Vec<Described>,
}

/// One file.
#[derive(Serialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) size: u64,
}

/// The name of the text inside an archive; no file may take it.
pub(super) const TEXT_NAME: &str = "message.txt";

impl<'a> Content<'a> {
    /// Takes it out of a draft.
    pub(super) fn of(draft: &'a Draft) -> Content<'a> {
        let parts = draft.parts();
        let mut taken = BTreeSet::new();
        unique_name(TEXT_NAME, &mut taken);
        // Whatever the system of the reader forbids in a name is not in it.
        let mut describe =
            |file: &Attachment| Described { name: unique_name(&safe_name(file.name()), &mut taken), size: file.size() };
        let from = match &parts.from.label {
            Some(label) => format!("{label} <{}>", parts.from.address),
            None => parts.from.address.to_string(),
        };
        let description = Description {
            from,
            date: parts.date.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            subject: parts.subject.clone(),
            text: parts.text.replace("\r\n", "\n"),
            files: parts.attachments.iter().map(&mut describe).collect(),
        };
        Content { description, files: parts.attachments.iter().collect() }
    }

    /// Octets of text and files together.
    pub(super) fn size(&self) -> u64 {
        let text = self.description.text.len() + self.description.subject.len();
        self.description.files.iter().fold(text as u64, |sum, file| sum.saturating_add(file.size))
    }
}
