//! How notices write what they tell: typed names, addresses in two encodings, texts of servers.

use crate::mail::{Address, Header};

/// Longest text of a server that is kept, in characters.
const MAX_TEXT: usize = 500;
/// RFC 3461, section 4.4, allows an envelope identifier 100 characters; some writers take more.
const MAX_NAME: usize = 255;

/// An address with its type (RFC 3464, section 2.3.1): `rfc822` or `utf-8`. Nothing for others, and for what cannot be
/// written to.
pub(super) fn address(header: &Header, name: &str) -> Option<Address> {
    let raw = header.raw(name)?;
    let (kind, text) = raw.split_once(';').unwrap_or(("rfc822", raw.as_str()));
    let text = text.split_whitespace().next()?;
    let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
    match kind.trim().to_ascii_lowercase().as_str() {
        "rfc822" => without_xtext(text).parse().ok(),
        "utf-8" => without_utf8_escapes(text).parse().ok(),
        _ => None,
    }
}

/// A name behind a type, such as the host in `dns; mx.operator.example` (RFC 3464, section 2.2.2).
pub(super) fn typed_name(header: &Header, name: &str) -> Option<String> {
    let value = header.text(name)?;
    let (_, text) = value.split_once(';').unwrap_or(("", &value));
    bounded(text, MAX_NAME)
}

/// The name of an envelope as its sender wrote it.
pub(super) fn envelope_id(header: &Header) -> Option<String> {
    bounded(&without_xtext(&header.raw("Original-Envelope-Id")?), MAX_NAME)
}

/// What a server said, with the type in front taken off: one line, bounded, without control characters.
pub(super) fn diagnostic(header: &Header, name: &str) -> Option<String> {
    let value = header.text(name)?;
    let is_type = |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let text = match value.split_once(';') {
        Some((kind, text)) if is_type(kind.trim()) => text,
        _ => &value,
    };
    bounded(text, MAX_TEXT)
}

/// One line of at most so many characters; what folding left is one space.
pub(super) fn bounded(text: &str, limit: usize) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<&str>>().join(" ");
    let line: String = line.chars().take(limit).collect();
    (!line.is_empty()).then_some(line)
}

/// One line of at most the length of a diagnostic.
pub(super) fn line(text: &str) -> Option<String> {
    bounded(text, MAX_TEXT)
}

/// Undoes xtext (RFC 3461, section 4), which some servers pass on and others undo. Only the signs that have to be encoded
/// are believed to be: `jean+AB@x` may be a mailbox.
fn without_xtext(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        match (octet, after.get(..2).and_then(encoded_octet)) {
            (b'+', Some(encoded)) => {
                out.push(encoded);
                rest = &after[2..];
            }
            _ => {
                out.push(octet);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encoded_octet(digits: &[u8]) -> Option<u8> {
    let capital = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    let octet = u8::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| capital)?, 16).ok()?;
    matches!(octet, b'+' | b'=' | b' ').then_some(octet)
}

/// Undoes `\x{E9}` (RFC 6533, section 3).
fn without_utf8_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x{") {
        let behind = &rest[at + 3..];
        let escaped = behind.find('}').filter(|end| (1..=6).contains(end));
        let character = escaped.and_then(|end| char::from_u32(u32::from_str_radix(&behind[..end], 16).ok()?));
        out.push_str(&rest[..at]);
        match (escaped, character) {
            (Some(end), Some(character)) => {
                out.push(character);
                rest = &behind[end + 1..];
            }
            _ => {
                out.push_str("\\x{");
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{any, proptest};

    fn read(value: &str) -> Option<String> {
        let header = Header::parse(format!("Final-Recipient: {value}\n").as_bytes());
        address(&header, "final-recipient").map(|address| address.as_str().to_owned())
    }

    #[test]
    fn addresses_are_read_in_each_way_they_are_written() {
        for (value, expected) in [
            ("rfc822; a@x.example", "a@x.example"),
            ("RFC822;<a@X.example>", "a@x.example"),
            ("rfc822;a+2Bb@x.example", "a+b@x.example"),
            ("rfc822; a+AB@x.example (as it was)", "a+AB@x.example"),
            ("rfc822; a+0D+0A@x.example", "a+0D+0A@x.example"),
            ("a@x.example", "a@x.example"),
            ("utf-8; zoé@x.example", "zoé@x.example"),
            ("UTF-8;zo\\x{E9}@x.example", "zoé@x.example"),
        ] {
            assert_eq!(read(value).as_deref(), Some(expected), "{value}");
        }
        for value in ["", "x400; /C=FR/", "rfc822;", "rfc822; nobody", "utf-8;zo\\x{110000}@x.example"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn the_words_of_a_server_are_one_line() {
        let header = Header::parse(b"Diagnostic-Code: smtp; 550 5.1.1\n <a@x>:\tno; such\x1b[31m user\n");
        assert_eq!(diagnostic(&header, "Diagnostic-Code").as_deref(), Some("550 5.1.1 <a@x>: no; such [31m user"));
        let header = Header::parse(b"Diagnostic-Code: no such user; sorry\n");
        assert_eq!(diagnostic(&header, "Diagnostic-Code").as_deref(), Some("no such user; sorry"));
        assert_eq!(bounded(&"é ".repeat(999), 10).unwrap().chars().count(), 10);
        assert_eq!(bounded(" \r\n", 10), None);
    }

    proptest! {
        #[test]
        fn what_cannot_be_undone_stays(text in any::<String>()) {
            let plain = text.replace(['+', '\\'], "");
            assert_eq!(without_xtext(&plain), plain);
            assert_eq!(without_utf8_escapes(&plain), plain);
            let _ = (without_xtext(&text), without_utf8_escapes(&text));
        }
    }
}
