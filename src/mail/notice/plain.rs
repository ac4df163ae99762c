//! Notices without structure, from servers older than RFC 3464 or that never followed it: only what they say for certain.

use super::delivery::{Action, DeliveryNotice, MAX_RECIPIENTS, RecipientStatus};
use super::{decoded, first_header, returned_header, written};
use crate::mail::{Address, Entity, Header, MessageId, decode_text};

/// Reads a notice that a server wrote as a letter: nobody may be answered, somebody is named for whom it failed, and the
/// returned message says which one it was.
pub(super) fn read(header: &Header, entity: &Entity, octets: &[u8]) -> Option<DeliveryNotice> {
    if !nobody_is_answered(header) {
        return None;
    }
    let is_text = entity.media_type().essence() == "text/plain";
    let charset = entity.media_type().parameter("charset");
    let text = if is_text { decode_text(charset, &decoded(entity, octets)) } else { String::new() };
    let mut recipients: Vec<RecipientStatus> =
        header.mailboxes("X-Failed-Recipients").into_iter().map(|it| failed(it.address, None)).collect();
    if recipients.is_empty() {
        recipients = failed_by_qmail(&text)?;
    }
    let mut seen: Vec<RecipientStatus> = Vec::new();
    for recipient in recipients.into_iter().take(MAX_RECIPIENTS) {
        if !seen.contains(&recipient) {
            seen.push(recipient);
        }
    }
    let returned = returned_header(entity.parts(), octets).message_id("Message-ID");
    let id = returned.or_else(|| copied_message_id(&text))?;
    (!seen.is_empty()).then(|| DeliveryNotice { message_ids: vec![id], recipients: seen, ..DeliveryNotice::default() })
}

/// A null return path (RFC 5321, section 4.5.5), or the word of RFC 3834 that a program wrote it.
fn nobody_is_answered(header: &Header) -> bool {
    let null_path = header.raw("Return-Path").is_some_and(|path| path == "<>");
    let word = header.raw("Auto-Submitted").unwrap_or_default().to_ascii_lowercase();
    null_path || word.starts_with("auto-")
}

fn failed(address: Address, reason: Option<String>) -> RecipientStatus {
    // qmail ends a reason with its code, as in `no mailbox here by that name. (#5.1.1)`.
    let code = reason.as_ref().and_then(|reason| reason.rsplit_once("(#")?.1.parse().ok());
    RecipientStatus {
        original_recipient: None,
        final_recipient: Some(address),
        action: Action::Failed,
        status: code,
        diagnostic: reason,
        will_retry_until: None,
    }
}

/// The bounce format of qmail: paragraphs that open with a recipient in angle brackets, up to one that opens with a dash.
fn failed_by_qmail(text: &str) -> Option<Vec<RecipientStatus>> {
    if !text.trim_start().starts_with("Hi. This is the ") {
        return None;
    }
    let mut found = Vec::new();
    for paragraph in text.split("\n\n").map(|it| it.trim_start_matches('\n')).take_while(|it| !it.starts_with('-')) {
        let opened = paragraph.strip_prefix('<').and_then(|it| it.split_once(">:"));
        let recipient = opened.and_then(|(address, reason)| Some((address.parse().ok()?, written::line(reason))));
        found.extend(recipient.map(|(address, reason)| failed(address, reason)));
        if found.len() >= MAX_RECIPIENTS {
            break;
        }
    }
    Some(found)
}

/// The Message-ID in the copy that follows a line of dashes.
fn copied_message_id(text: &str) -> Option<MessageId> {
    // More lines of dashes than any server writes.
    const MAX_DIVIDERS: usize = 20;
    let mut rest = text;
    for _ in 0..MAX_DIVIDERS {
        let divider = if rest.starts_with("---") { 0 } else { rest.find("\n---")? + 1 };
        let line = &rest[divider..];
        rest = line.split_once('\n')?.1;
        // A second line of dashes may go on with what the first one says.
        if rest.starts_with("---") {
            continue;
        }
        if let Some(id) = first_header(rest.as_bytes()).message_id("Message-ID") {
            return Some(id);
        }
    }
    None
}
