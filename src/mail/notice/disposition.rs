//! What a reader's program tells of a message (RFC 8098, section 3): displayed, deleted, refused by a rule.

use super::{first_header, written};
use crate::mail::{Address, MessageId};

/// Modifiers that are kept.
const MAX_MODIFIERS: usize = 10;

/// A message disposition notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispositionNotice {
    /// The Message-ID of the message it is about; without one in its place, of the message that is returned or answered.
    pub original_message_id: Option<MessageId>,
    /// Whose program tells it.
    pub final_recipient: Option<Address>,
    /// Whom the sender wrote to, where the program knows.
    pub original_recipient: Option<Address>,
    pub disposition: Disposition,
    /// Who caused it.
    pub by: By,
    /// What qualifies the disposition, in lower case; `error` is the one that is registered (section 3.2.6.3).
    pub modifiers: Vec<String>,
    /// Why it was not done as it should have been (the fields Failure and Error): one line, bounded.
    pub trouble: Option<String>,
}

/// What was done with the message (RFC 8098, section 3.2.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Shown to somebody, who may have read it.
    Displayed,
    /// Deleted; nobody need have seen it.
    Deleted,
    /// Sent on: printed, forwarded, faxed.
    Dispatched,
    /// Dealt with by a rule or a program, without being shown.
    Processed,
}

/// Who did it (RFC 8098, section 3.2.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person.
    Manual,
    /// A program or a rule.
    Automatic,
}

impl DispositionNotice {
    /// Whether a rule of the recipient refused the message: a script that rejects after the server accepted says so by an
    /// automatic deletion (RFC 5429, section 2.1.1). Nobody will read it.
    pub fn is_refused_by_rule(&self) -> bool {
        self.disposition == Disposition::Deleted && self.by == By::Automatic
    }

    /// Whether the program says that it could not do what it tells.
    pub fn has_failed(&self) -> bool {
        self.trouble.is_some() || self.modifiers.iter().any(|it| matches!(it.as_str(), "error" | "failed" | "failure"))
    }
}

/// Reads the body of a `message/disposition-notification`; nothing if its disposition is not one.
pub(super) fn read(octets: &[u8]) -> Option<DispositionNotice> {
    let fields = first_header(octets);
    let value = fields.raw("Disposition")?.to_ascii_lowercase();
    let (mode, kind) = value.split_once(';')?;
    let by = match mode.split('/').next()?.trim() {
        "manual-action" => By::Manual,
        "automatic-action" => By::Automatic,
        _ => return None,
    };
    let (kind, modifiers) = kind.split_once('/').unwrap_or((kind, ""));
    let disposition = match kind.trim() {
        "displayed" => Disposition::Displayed,
        "deleted" => Disposition::Deleted,
        "dispatched" => Disposition::Dispatched,
        "processed" => Disposition::Processed,
        _ => return None,
    };
    let is_token = |word: &&str| (1..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic());
    let modifiers = modifiers.split(',').map(str::trim).filter(is_token).take(MAX_MODIFIERS);
    Some(DispositionNotice {
        original_message_id: fields.message_id("Original-Message-ID"),
        final_recipient: written::address(&fields, "Final-Recipient"),
        original_recipient: written::address(&fields, "Original-Recipient"),
        disposition,
        by,
        modifiers: modifiers.map(str::to_owned).collect(),
        trouble: ["Failure", "Error"].iter().find_map(|name| written::line(&fields.text(name)?)),
    })
}
