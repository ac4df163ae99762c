//! Header protection (RFC 9788): which fields the outside sees, and how the inside says so.

use crate::mail::{Draft, Field, Header, Mailbox};

/// What stands outside in the place of the subject (RFC 9788, section 3.2.1).
const HIDDEN_SUBJECT: &str = "[...]";

/// The fields in the clear: what transport needs, without labels, subject, local time and thread
/// (a confidentiality policy like `hcp_shy`, RFC 9788, section 3.2.2).
pub(super) fn outer_fields(draft: &Draft) -> Vec<Field> {
    let parts = draft.parts();
    let mut fields = vec![Field::mailboxes("From", &[unlabelled(&parts.from)])];
    for (name, mailboxes) in [("To", &parts.to), ("Cc", &parts.cc)] {
        if !mailboxes.is_empty() {
            fields.push(Field::mailboxes(name, &mailboxes.iter().map(unlabelled).collect::<Vec<_>>()));
        }
    }
    fields.push(Field::text("Subject", HIDDEN_SUBJECT));
    fields.push(Field::date_in_utc("Date", &parts.date));
    fields.push(Field::message_ids("Message-ID", std::slice::from_ref(&parts.message_id)));
    fields
}

/// The fields inside: those meant for the recipient, then a record of the outer ones, so that changes on the way show.
pub(super) fn protected_fields(draft: &Draft) -> Vec<Field> {
    let mut fields = draft.header();
    fields.extend(outer_fields(draft).iter().map(Field::hp_outer));
    fields
}

fn unlabelled(mailbox: &Mailbox) -> Mailbox {
    Mailbox::from(mailbox.address.clone())
}

/// How the header fields of a received message are protected by its signature or encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderProtection {
    /// Not at all: anyone on the way could have written them.
    None,
    /// RFC 9788 with `hp="clear"`: signed, also readable outside.
    Clear,
    /// RFC 9788 with `hp="cipher"`: some are readable inside only.
    Cipher,
    /// The draft before it: `protected-headers="v1"`.
    Older,
    /// RFC 8551, section 3.1: the whole message is wrapped as `message/rfc822`.
    Wrapped,
}

impl HeaderProtection {
    /// The word for it in output.
    pub fn as_str(self) -> &'static str {
        match self {
            HeaderProtection::None => "none",
            HeaderProtection::Clear => "clear",
            HeaderProtection::Cipher => "cipher",
            HeaderProtection::Older => "older",
            HeaderProtection::Wrapped => "wrapped",
        }
    }
}

/// The fields that are compared.
const COMPARED: [&str; 8] = ["From", "Sender", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID"];

/// Names the fields whose outer value is not the one the sender put there.
///
/// With `Cipher` the sender said what stands outside; with `Clear` it is what stands inside. Before RFC 9788 nobody
/// knows how the subject was meant to look, and the rest is expected to be the same.
pub(super) fn differences(outer: &Header, inner: &Header, protection: HeaderProtection) -> Vec<&'static str> {
    let recorded = recorded_outer(inner);
    let (meant, names) = match protection {
        HeaderProtection::None => return Vec::new(),
        HeaderProtection::Cipher => (&recorded, COMPARED.to_vec()),
        HeaderProtection::Clear => (inner, COMPARED.to_vec()),
        HeaderProtection::Older | HeaderProtection::Wrapped => {
            (inner, COMPARED.into_iter().filter(|name| *name != "Subject").collect())
        }
    };
    names.into_iter().filter(|name| !same(name, outer, meant)).collect()
}

/// The fields recorded in HP-Outer (RFC 9788, section 2.2).
fn recorded_outer(inner: &Header) -> Header {
    let mut lines = Vec::new();
    for (name, value) in inner.fields() {
        if name.eq_ignore_ascii_case("HP-Outer") {
            lines.extend_from_slice(value.trim_ascii());
            lines.push(b'\n');
        }
    }
    Header::parse(&lines)
}

/// Whether two headers mean the same by a field: labels and folding do not count, a second field does.
fn same(name: &str, one: &Header, other: &Header) -> bool {
    if one.count(name) != other.count(name) {
        return false;
    }
    let addresses = |header: &Header| header.mailboxes(name).into_iter().map(|it| it.address).collect::<Vec<_>>();
    match name {
        "Subject" => one.text(name) == other.text(name),
        "Date" => one.date() == other.date(),
        "Message-ID" => one.message_id(name) == other.message_id(name),
        _ => addresses(one) == addresses(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(outer: &str, inner: &str, protection: HeaderProtection) -> Vec<&'static str> {
        differences(&Header::parse(outer.as_bytes()), &Header::parse(inner.as_bytes()), protection)
    }

    const OUTER: &str = "From: a@x.fr\nTo: b@x.fr\nSubject: [...]\nDate: Mon, 5 Jan 2026 08:00:00 +0000\n";
    const INNER: &str = "From: \"A\" <a@x.fr>\nTo: \"B\" <b@x.fr>\nSubject: secret\nDate: Mon, 5 Jan 2026 09:00:00 +0100\n\
        HP-Outer: From: a@x.fr\nHP-Outer: To: b@x.fr\nHP-Outer: Subject: [...]\n\
        HP-Outer: Date: Mon, 5 Jan 2026 08:00:00 +0000\n";

    #[test]
    fn an_untouched_message_shows_no_difference() {
        assert!(changed(OUTER, INNER, HeaderProtection::Cipher).is_empty());
        assert!(changed(&OUTER.replace("[...]", "..."), INNER, HeaderProtection::Older).is_empty());
        let clear = INNER.replace("secret", "[...]");
        assert!(changed(OUTER, &clear, HeaderProtection::Clear).is_empty());
    }

    #[test]
    fn what_was_changed_on_the_way_is_named() {
        let other = OUTER.replace("[...]", "urgent").replace("a@x.fr", "c@x.fr");
        assert_eq!(changed(&other, INNER, HeaderProtection::Cipher), ["From", "Subject"]);
        let added = format!("{OUTER}Reply-To: spy@x.fr\nTo: spy@x.fr\n");
        assert_eq!(changed(&added, INNER, HeaderProtection::Cipher), ["To", "Reply-To"]);
        assert_eq!(changed(OUTER, INNER, HeaderProtection::Clear), ["Subject"]);
    }
}
