//! What a server tells of a delivery (RFC 3464, section 2): fields of the message, then a group of fields a recipient.

use jiff::Timestamp;

use super::status::StatusCode;
use super::{groups, written};
use crate::mail::{Address, Header, MessageId};

/// Recipients of one notice that are kept.
pub const MAX_RECIPIENTS: usize = 1000;

/// A delivery status notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryNotice {
    /// The ENVID that the message was submitted with (RFC 3461, section 4.4), decoded.
    pub envelope_id: Option<String>,
    /// The Message-ID of the message that is returned; without one, of what the notice answers. May be empty.
    pub message_ids: Vec<MessageId>,
    /// The server that tells it (Reporting-MTA).
    pub reporting: Option<String>,
    /// What became of each recipient; never empty, and no two alike.
    pub recipients: Vec<RecipientStatus>,
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientStatus {
    /// Whom the sender wrote to (ORCPT), where the server knows.
    pub original_recipient: Option<Address>,
    /// Whom the server tried to reach.
    pub final_recipient: Option<Address>,
    pub action: Action,
    pub status: Option<StatusCode>,
    /// What a server said: one line, bounded, and otherwise as it came.
    pub diagnostic: Option<String>,
    /// Until when a delayed message is tried.
    pub will_retry_until: Option<Timestamp>,
}

/// What a server did with a message (RFC 3464, section 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Given up.
    Failed,
    /// Not yet delivered; the server goes on trying.
    Delayed,
    /// In the mailbox.
    Delivered,
    /// Handed to a server that reports nothing: it may still fail.
    Relayed,
    /// Handed to the members of a list, of whom nothing will be told.
    Expanded,
}

/// Reads the body of a `message/delivery-status`; nothing if it tells of no recipient.
pub(super) fn read(octets: &[u8]) -> Option<DeliveryNotice> {
    let mut notice = DeliveryNotice::default();
    for group in groups(octets) {
        let fields = Header::parse(&group);
        // Some writers forget the empty line between the fields of the message and those of the first recipient.
        notice.envelope_id = notice.envelope_id.or_else(|| written::envelope_id(&fields));
        notice.reporting = notice.reporting.or_else(|| written::typed_name(&fields, "Reporting-MTA"));
        if let Some(recipient) = recipient(&fields)
            && notice.recipients.len() < MAX_RECIPIENTS
            && !notice.recipients.contains(&recipient)
        {
            notice.recipients.push(recipient);
        }
    }
    (!notice.recipients.is_empty()).then_some(notice)
}

fn recipient(fields: &Header) -> Option<RecipientStatus> {
    let status: Option<StatusCode> = fields.raw("Status").and_then(|text| text.parse().ok());
    let action = match fields.raw("Action") {
        Some(word) => action(&word)?,
        // Without the word only a code that will not pass says what was done.
        None if status.is_some_and(|code| code.class() == 5) && fields.count("Final-Recipient") > 0 => Action::Failed,
        None => return None,
    };
    Some(RecipientStatus {
        original_recipient: written::address(fields, "Original-Recipient"),
        final_recipient: written::address(fields, "Final-Recipient"),
        action,
        status,
        diagnostic: written::diagnostic(fields, "Diagnostic-Code"),
        will_retry_until: fields.moment("Will-Retry-Until"),
    })
}

/// The first word; some writers put a comment behind it.
fn action(text: &str) -> Option<Action> {
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    match word.to_ascii_lowercase().as_str() {
        "failed" => Some(Action::Failed),
        "delayed" => Some(Action::Delayed),
        "delivered" => Some(Action::Delivered),
        "relayed" => Some(Action::Relayed),
        "expanded" => Some(Action::Expanded),
        _ => None,
    }
}
