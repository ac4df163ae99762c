//! A message that was opened: its layers, its headers as protected, its text and files.

use std::path::Path;

use jiff::Timestamp;

use super::content::{Content, ReceivedFile};
use super::protection::HeaderProtection;
use crate::cms::{Envelope, Signer};
use crate::fs::{FsError, StagedDir};
use crate::mail::{Header, Mailbox, MessageId, Notice};

/// The header fields that mean something to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Only if the message names exactly one sender, by an address that can be written to.
    pub from: Option<Mailbox>,
    /// Who sent it for From, where another did (RFC 5322, section 3.6.2).
    pub sender: Option<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub subject: String,
    pub date: Option<Timestamp>,
    pub message_id: Option<MessageId>,
    pub in_reply_to: Option<MessageId>,
}

impl Headers {
    pub(super) fn read(header: &Header) -> Headers {
        Headers {
            from: header.sole_mailbox("From"),
            sender: header.sole_mailbox("Sender"),
            reply_to: header.mailboxes("Reply-To"),
            to: header.mailboxes("To"),
            cc: header.mailboxes("Cc"),
            subject: header.text("Subject").unwrap_or_default(),
            date: header.date(),
            message_id: header.message_id("Message-ID"),
            in_reply_to: header.message_id("In-Reply-To"),
        }
    }
}

/// One cryptographic layer, verified.
pub enum Layer {
    /// Decrypted; what was encrypted, and how.
    Encrypted(Envelope),
    /// Every signature in it verified over the content inside. Who the signers are is not judged here.
    Signed(Vec<Signer>),
    /// Unpacked.
    Compressed,
}

/// A message whose every layer was checked to its end. Its files stand in a private folder that goes away with this
/// value, unless it is kept.
pub struct Opened {
    pub(super) outer: Headers,
    pub(super) headers: Headers,
    pub(super) protection: HeaderProtection,
    pub(super) differences: Vec<&'static str>,
    pub(super) layers: Vec<Layer>,
    pub(super) content: Content,
    pub(super) notice: Option<Notice>,
    pub(super) folder: StagedDir,
}

impl Opened {
    /// What the message says of itself, from the protected header if there is one.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// What stands outside, for everyone on the way to read and change.
    pub fn outer_headers(&self) -> &Headers {
        &self.outer
    }

    /// How [`Opened::headers`] are protected.
    pub fn header_protection(&self) -> HeaderProtection {
        self.protection
    }

    /// Names of the outer fields that are not as the sender made them.
    pub fn differences(&self) -> &[&'static str] {
        &self.differences
    }

    /// The layers, outermost first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The innermost encryption, if there was one.
    pub fn encryption(&self) -> Option<&Envelope> {
        self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Encrypted(envelope) => Some(envelope),
            Layer::Signed(_) | Layer::Compressed => None,
        })
    }

    /// Who signed the content itself: a signature around the ciphertext says nothing of who wrote it.
    pub fn signers(&self) -> &[Signer] {
        // What was packed after it was signed is signed all the same.
        match self.layers.iter().rfind(|layer| !matches!(layer, Layer::Compressed)) {
            Some(Layer::Signed(signers)) => signers,
            _ => &[],
        }
    }

    /// The text, LF line ends, empty if the message has none.
    pub fn text(&self) -> &str {
        &self.content.text
    }

    /// The same, which is not kept here any longer.
    pub fn take_text(&mut self) -> String {
        std::mem::take(&mut self.content.text)
    }

    /// The files, in the order of the message.
    pub fn files(&self) -> &[ReceivedFile] {
        &self.content.files
    }

    /// What a server or a reader's program tells of a message that was sent, if a layer held such a notice.
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// Whether no part was cut off.
    pub fn is_complete(&self) -> bool {
        self.content.complete
    }

    /// The folder with the files; more may be written into it before it is kept, under [`super::RESERVED_NAMES`].
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its final name, in one step; what stands there is not replaced.
    pub fn keep(self, path: &Path) -> Result<(), FsError> {
        self.folder.publish_whole(path)
    }

    /// The folder itself, to be kept together with others ([`crate::fs::Together`]).
    pub fn into_folder(self) -> StagedDir {
        self.folder
    }
}
