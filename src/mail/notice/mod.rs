//! Notices of what became of a message: of its delivery (RFC 3464, 6522, 6533) and of its disposition (RFC 8098).

mod delivery;
mod disposition;
mod plain;
mod status;
#[cfg(test)]
mod tests;
mod written;

pub use delivery::{Action, DeliveryNotice, MAX_RECIPIENTS, RecipientStatus};
pub use disposition::{By, Disposition, DispositionNotice};
pub use status::StatusCode;

use std::io::{Cursor, Read};

use super::{Entity, Header, MAX_HEADER, MessageId, Strictness};

/// As much of a message as is looked at; what a notice tells stands before the message that it returns.
const MAX_READ: usize = 1024 * 1024;
/// As much of one part as is looked at.
const MAX_PART: u64 = MAX_HEADER as u64;
/// Signatures around signatures.
const MAX_LAYERS: usize = 4;

/// What a server or a reader's program tells of a message that was sent.
///
/// Anybody can write one: it says what became of a message only if an envelope or a Message-ID of ours is in it, and even
/// then it is a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A delivery status notification (RFC 3464).
    Delivery(DeliveryNotice),
    /// A message disposition notification (RFC 8098).
    Disposition(DispositionNotice),
}

impl Notice {
    /// Reads a message (RFC 5322); nothing if it is no notice, or is one that cannot be read. Of a long one the first MiB
    /// is looked at.
    pub fn read(message: &[u8]) -> Option<Notice> {
        let octets = start(message);
        let entity = Entity::scan_all(&mut Cursor::new(octets)).ok()?;
        of(entity.header(), &entity, octets)
    }

    /// Reads an entity that a message held under a signature or in an envelope (RFC 8551): its header and body, and the
    /// header of the message around it.
    pub fn read_inside(message: &Header, entity: &[u8]) -> Option<Notice> {
        let octets = start(entity);
        of(message, &Entity::scan_all(&mut Cursor::new(octets)).ok()?, octets)
    }

    /// The messages that it may be about, by their Message-ID; more than one only where the notice answers several.
    pub fn message_ids(&self) -> &[MessageId] {
        match self {
            Notice::Delivery(notice) => &notice.message_ids,
            Notice::Disposition(notice) => notice.original_message_id.as_slice(),
        }
    }
}

fn start(octets: &[u8]) -> &[u8] {
    &octets[..octets.len().min(MAX_READ)]
}

fn of(header: &Header, entity: &Entity, octets: &[u8]) -> Option<Notice> {
    let mut signed = entity;
    for _ in 0..MAX_LAYERS {
        match signed.parts().first() {
            Some(content) if signed.media_type().essence() == "multipart/signed" => signed = content,
            _ => break,
        }
    }
    report(header, signed, octets).or_else(|| plain::read(header, signed, octets).map(Notice::Delivery))
}

/// A `multipart/report` (RFC 6522) of one of the two kinds.
fn report(header: &Header, entity: &Entity, octets: &[u8]) -> Option<Notice> {
    if entity.media_type().essence() != "multipart/report" {
        return None;
    }
    let kind_of = |part: &Entity| kind(part.media_type().essence().strip_prefix("message/")?);
    let (at, found) = entity.parts().iter().enumerate().find_map(|(at, part)| Some((at, kind_of(part)?)))?;
    let named = entity.media_type().parameter("report-type").map(str::to_ascii_lowercase);
    if named.is_some_and(|named| kind(&named) != Some(found)) {
        return None;
    }
    let told = decoded(&entity.parts()[at], octets);
    let returned = returned_header(&entity.parts()[at + 1..], octets);
    let answered = || answered(entity.header()).or_else(|| answered(header));
    match found {
        Kind::Delivery => {
            let mut notice = delivery::read(&told)?;
            let original = returned.message_id("Message-ID").map(|id| vec![id]);
            notice.message_ids = original.or_else(answered).unwrap_or_default();
            Some(Notice::Delivery(notice))
        }
        Kind::Disposition => {
            let mut notice = disposition::read(&told)?;
            let told = notice.original_message_id.take().or_else(|| returned.message_id("Message-ID"));
            notice.original_message_id = told.or_else(|| answered()?.into_iter().next());
            Some(Notice::Disposition(notice))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delivery,
    Disposition,
}

/// The kind that a media subtype or a report-type names. With `global-` it may hold UTF-8 (RFC 6533, section 4).
fn kind(name: &str) -> Option<Kind> {
    match name.strip_prefix("global-").unwrap_or(name) {
        "delivery-status" => Some(Kind::Delivery),
        "disposition-notification" => Some(Kind::Disposition),
        _ => None,
    }
}

/// The body of a part, its transfer encoding undone as far as that can be done.
fn decoded(part: &Entity, octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(body) = part.decoded(&mut Cursor::new(octets), Strictness::Lenient) {
        // What came before a slip of the encoder counts.
        let _ = body.take(MAX_PART).read_to_end(&mut out);
    }
    out
}

/// The header of the message that a notice returns, whole or not; empty where it returns none.
fn returned_header(parts: &[Entity], octets: &[u8]) -> Header {
    const RETURNED: [&str; 4] = ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"];
    let returned = parts.iter().find(|part| RETURNED.contains(&part.media_type().essence()));
    returned.map(|part| first_header(&decoded(part, octets))).unwrap_or_default()
}

/// The header at the start of a text; empty lines before it are passed over.
fn first_header(octets: &[u8]) -> Header {
    groups(octets).next().map(|lines| Header::parse(&lines)).unwrap_or_default()
}

/// Runs of lines between lines that are empty, or that blanks alone were left on.
fn groups(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut lines = octets.split_inclusive(|octet| *octet == b'\n').peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|line| line.trim_ascii().is_empty()).is_some() {}
        let mut group = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.trim_ascii().is_empty()) {
            group.extend_from_slice(line);
        }
        (!group.is_empty()).then_some(group)
    })
}

/// What the notice itself is an answer to. Of References only the last one is: those before it are the messages that ours
/// answered (RFC 5322, section 3.6.4).
fn answered(header: &Header) -> Option<Vec<MessageId>> {
    const MAX_ANSWERED: usize = 20;
    let mut ids = header.message_ids("In-Reply-To");
    if ids.is_empty() {
        ids.extend(header.message_ids("References").pop());
    }
    ids.truncate(MAX_ANSWERED);
    (!ids.is_empty()).then_some(ids)
}
