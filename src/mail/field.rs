//! Header fields as they are written: ASCII, folded, with encoded words (RFC 2047) and parameters (RFC 2231) where needed.

use std::fmt::Write as _;

use email_encoding::headers::rfc2047;
use email_encoding::headers::writer::EmailWriter;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::{Mailbox, MessageId};

/// One field, encoded: `name: value` without the final CRLF; folds inside are CRLF and a space.
///
/// The constructors cannot write a control character: what would end the field is encoded or dropped, so no value can
/// begin another field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    value: String,
}

impl Field {
    /// Unstructured text (RFC 5322, section 3.2.5).
    pub fn text(name: &'static str, text: &str) -> Field {
        let mut value = String::new();
        if is_plain_text(text) {
            let mut writer = EmailWriter::new(&mut value, name.len() + 2, 0, false);
            writer.folding().write_str(text).expect("a string takes every text");
        } else {
            encode_words(name.len() + 2, text, &mut value);
        }
        Field { name, value }
    }

    /// A list of mailboxes, one a line (RFC 5322, section 3.4).
    pub fn mailboxes(name: &'static str, mailboxes: &[Mailbox]) -> Field {
        let written: Vec<String> = mailboxes.iter().map(mailbox_text).collect();
        Field { name, value: written.join(",\r\n ") }
    }

    /// A moment with its offset (RFC 5322, section 3.3); the day of the week is written, the name of the zone is not.
    pub fn date(name: &'static str, date: &Zoned) -> Field {
        // A year beyond four digits cannot be said in this format.
        let value = jiff::fmt::rfc2822::to_string(date).unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned());
        Field { name, value }
    }

    /// The same moment without the place it was seen from.
    pub fn date_in_utc(name: &'static str, date: &Zoned) -> Field {
        Field::date(name, &date.with_time_zone(TimeZone::UTC))
    }

    /// Message identifiers (RFC 5322, section 3.6.4), one a line.
    pub fn message_ids(name: &'static str, ids: &[MessageId]) -> Field {
        let written: Vec<String> = ids.iter().map(MessageId::to_string).collect();
        Field { name, value: written.join("\r\n ") }
    }

    /// A media type or disposition with parameters (RFC 2045, section 5.1; RFC 2231). Parameter names are ASCII letters.
    pub fn parameters(name: &'static str, head: &str, parameters: &[(&str, &str)]) -> Field {
        let mut value: String = head.chars().filter(char::is_ascii_graphic).collect();
        let mut line = name.len() + 2 + value.len();
        for (key, text) in parameters {
            value.push(';');
            if is_token(text) && line + key.len() + text.len() + 3 <= 76 {
                write!(value, " {key}={text}").expect("a string takes every text");
                line += key.len() + text.len() + 3;
                continue;
            }
            // Longer ones and extended ones stand on lines of their own.
            let parameter = match is_plain_text(text) && text.len() <= 60 && !text.contains(['"', '\\']) {
                true => format!("{key}=\"{text}\""),
                false => extended_parameter(key, text),
            };
            value.push_str("\r\n ");
            value.push_str(&parameter);
            line = 1 + parameter.rsplit("\r\n").next().map_or(0, str::len);
        }
        Field { name, value }
    }

    /// The field as the outside sees it, said again inside (RFC 9788, section 2.2).
    pub fn hp_outer(outer: &Field) -> Field {
        Field { name: "HP-Outer", value: format!("{}: {}", outer.name, outer.value) }
    }

    /// The name of the field.
    pub fn name(&self) -> &str {
        self.name
    }

    pub(super) fn static_name(&self) -> &'static str {
        self.name
    }

    /// The encoded value, folds included.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// With its final CRLF.
impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}\r\n", self.name, self.value)
    }
}

fn mailbox_text(mailbox: &Mailbox) -> String {
    let Some(label) = mailbox.label.as_deref().filter(|label| !label.is_empty()) else {
        return mailbox.address.to_string();
    };
    let mut text = String::new();
    if is_plain_text(label) && label.len() <= 60 && !label.contains(['"', '\\']) {
        write!(text, "\"{label}\"").expect("a string takes every text");
    } else {
        // Room for the longest field name in use.
        encode_words(10, label, &mut text);
    }
    // On a line of its own where the line would become long.
    let last_line = text.rsplit("\r\n").next().map_or(0, str::len);
    let gap = if last_line + mailbox.address.as_str().len() > 60 { "\r\n " } else { " " };
    write!(text, "{gap}<{}>", mailbox.address).expect("a string takes every text");
    text
}

/// A parameter as percent-encoded UTF-8, in numbered pieces if it is long (RFC 2231, sections 3 and 4).
fn extended_parameter(key: &str, text: &str) -> String {
    let mut pieces = vec![String::new()];
    for character in text.chars() {
        let encoded = match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => character.to_string(),
            _ => character.to_string().bytes().map(|octet| format!("%{octet:02X}")).collect(),
        };
        match pieces.last_mut() {
            Some(piece) if piece.len() + encoded.len() <= 50 => piece.push_str(&encoded),
            _ => pieces.push(encoded),
        }
    }
    if let [whole] = &pieces[..] {
        return format!("{key}*=utf-8''{whole}");
    }
    let numbered = pieces.iter().enumerate();
    let numbered = numbered.map(|(n, piece)| format!("{key}*{n}*={}{piece}", if n == 0 { "utf-8''" } else { "" }));
    numbered.collect::<Vec<String>>().join(";\r\n ")
}

/// Writes the whole text as encoded words; control characters become spaces.
fn encode_words(line: usize, text: &str, out: &mut String) {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut writer = EmailWriter::new(out, line, 0, false);
    rfc2047::encode(&clean, &mut writer).expect("a string takes every text");
}

/// Whether a reader will see exactly these characters if they are written as they are: folding and unfolding change
/// nothing, and nothing looks like an encoded word.
fn is_plain_text(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
        && !text.contains("=?")
        && text.split(' ').all(|word| word.len() <= 60)
}

fn is_token(text: &str) -> bool {
    let token = |octet: u8| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=*'%".contains(&octet);
    !text.is_empty() && text.bytes().all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_subject_is_readable_and_folded() {
        assert_eq!(Field::text("Subject", "Result 1234").to_string(), "Subject: Result 1234\r\n");
        let long = Field::text("Subject", "twelve chars ".repeat(20).trim_end()).to_string();
        assert!(long.lines().count() > 1 && long.lines().all(|line| line.len() <= 78));
    }

    #[test]
    fn accents_become_encoded_words() {
        let field = Field::text("Subject", "Résultat");
        assert_eq!(field.to_string(), "Subject: =?utf-8?b?UsOpc3VsdGF0?=\r\n");
    }

    #[test]
    fn no_value_can_begin_another_field() {
        let mailbox = Mailbox { label: Some("x\r\nBcc: spy@x.fr".into()), address: "a@x.fr".parse().unwrap() };
        let date = "2026-01-05T08:00:00+01:00[+01:00]".parse().unwrap();
        for field in [
            Field::text("Subject", "x\r\nBcc: spy@x.fr\n\n<script>"),
            Field::mailboxes("From", &[mailbox]),
            Field::parameters("Content-Type", "text/plain\r\nX: y", &[("name", "a\r\nX: y\0\".pdf")]),
            Field::date("Date", &date),
        ] {
            let text = field.to_string();
            let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            assert!(lines[1..].iter().all(|line| line.starts_with(' ')), "{text:?}");
            assert!(lines.iter().all(|line| line.bytes().all(|octet| matches!(octet, b' '..=b'~'))), "{text:?}");
        }
    }

    #[test]
    fn a_date_keeps_its_offset_or_gives_it_up() {
        let date: Zoned = "2026-01-05T09:00:00+01:00[+01:00]".parse().unwrap();
        assert_eq!(Field::date("Date", &date).value(), "Mon, 5 Jan 2026 09:00:00 +0100");
        assert_eq!(Field::date_in_utc("Date", &date).value(), "Mon, 5 Jan 2026 08:00:00 +0000");
    }

    #[test]
    fn parameters_are_tokens_strings_or_extended() {
        let field = Field::parameters("Content-Type", "application/zip", &[("name", "IHE_XDM.zip")]);
        assert_eq!(field.value(), "application/zip; name=IHE_XDM.zip");
        let field = Field::parameters("Content-Disposition", "attachment", &[("filename", "compte rendu.pdf")]);
        assert_eq!(field.value(), "attachment;\r\n filename=\"compte rendu.pdf\"");
        let field = Field::parameters("Content-Disposition", "attachment", &[("filename", "é.pdf")]);
        assert_eq!(field.value(), "attachment;\r\n filename*=utf-8''%C3%A9.pdf");
    }
}
