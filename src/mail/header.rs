//! Header fields as they are read (RFC 5322, section 2.2; RFC 2047; RFC 2231): bounded, decoded, without control characters.

use std::panic::catch_unwind;

use jiff::Timestamp;
use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, HeaderValue};

use super::{Address, Mailbox, MessageId, TransferEncoding};

/// A header holds at most this many octets.
pub const MAX_HEADER: usize = 256 * 1024;
/// One value is read up to this many octets; what is longer counts as unreadable.
const MAX_VALUE: usize = 64 * 1024;

/// The fields in front of a body, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    fields: Vec<(String, Vec<u8>)>,
}

impl Header {
    /// Reads the lines of a header, with CRLF or LF line ends. What is no field is passed over.
    pub fn parse(octets: &[u8]) -> Header {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        for line in octets.split(|octet| *octet == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match (line.first(), fields.last_mut()) {
                (Some(b' ' | b'\t'), Some((_, value))) => value.extend_from_slice(line),
                (Some(_), _) => fields.extend(split_field(line)),
                (None, _) => {}
            }
        }
        Header { fields }
    }

    /// Names and unfolded raw values.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How often a field stands there.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// The first field of a name, as text with encoded words decoded; control characters become spaces.
    pub fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().map(decode_text)
    }

    /// The first field of a name as it stands there, blanks around it taken away.
    pub fn raw(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|value| String::from_utf8_lossy(value).trim().to_owned())
    }

    /// The mailboxes of every field of a name; those whose address cannot be written to are left out.
    pub fn mailboxes(&self, name: &str) -> Vec<Mailbox> {
        self.all(name).flat_map(decode_addresses).flatten().collect()
    }

    /// The mailbox of a field that must name exactly one: one field, one address, readable.
    pub fn sole_mailbox(&self, name: &str) -> Option<Mailbox> {
        let mut found: Vec<Option<Mailbox>> = self.all(name).flat_map(decode_addresses).collect();
        if self.count(name) == 1 && found.len() == 1 { found.pop().flatten() } else { None }
    }

    /// The moment in Date.
    pub fn date(&self) -> Option<Timestamp> {
        self.moment("Date")
    }

    /// The moment in the first field of a name.
    pub fn moment(&self, name: &str) -> Option<Timestamp> {
        self.all(name).next().and_then(decode_date)
    }

    /// The first identifier of a field such as Message-ID or In-Reply-To.
    pub fn message_id(&self, name: &str) -> Option<MessageId> {
        self.raw(name)?.split_whitespace().find_map(|word| word.parse().ok())
    }

    /// Every identifier of a field such as References, in order.
    pub fn message_ids(&self, name: &str) -> Vec<MessageId> {
        let value = self.raw(name).unwrap_or_default();
        value.split_whitespace().flat_map(|word| word.split_inclusive('>')).filter_map(|id| id.parse().ok()).collect()
    }

    /// Content-Type; what is absent or cannot be read is `text/plain` (RFC 2045, section 5.2).
    pub fn content_type(&self) -> MediaType {
        self.all("Content-Type").next().and_then(decode_media_type).unwrap_or_default()
    }

    /// Content-Disposition, if it can be read.
    pub fn disposition(&self) -> Option<MediaType> {
        self.all("Content-Disposition").next().and_then(decode_media_type)
    }

    /// Content-Transfer-Encoding.
    pub fn transfer_encoding(&self) -> TransferEncoding {
        let value = self.raw("Content-Transfer-Encoding");
        TransferEncoding::from_value(value.as_deref())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.fields().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A media type or a disposition with its parameters; the type and the parameter names in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl Default for MediaType {
    fn default() -> MediaType {
        MediaType { essence: "text/plain".to_owned(), parameters: Vec::new() }
    }
}

impl MediaType {
    /// `type/subtype`, or the one word of a disposition.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it holds parts.
    pub fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }
}

/// Splits a field at its colon, if the name is one that RFC 5322 allows.
fn split_field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    let good = !name.is_empty() && name.len() <= 128 && name.iter().all(u8::is_ascii_graphic);
    good.then(|| (String::from_utf8_lossy(name).into_owned(), line[colon + 1..].to_vec()))
}

/// Runs a reader of mail-parser over one value. It is meant not to panic; that it once did must not end the process.
fn parsed<T>(
    value: &[u8],
    read: impl Fn(&mut MessageStream<'_>) -> Option<T> + std::panic::RefUnwindSafe,
) -> Option<T> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let mut line = value.to_vec();
    line.push(b'\n');
    catch_unwind(|| read(&mut MessageStream::new(&line))).ok().flatten()
}

fn decode_text(value: &[u8]) -> String {
    let decoded = parsed(value, |stream| match stream.parse_unstructured() {
        HeaderValue::Text(text) => Some(text.into_owned()),
        _ => None,
    });
    without_controls(&decoded.unwrap_or_default())
}

fn decode_addresses(value: &[u8]) -> Vec<Option<Mailbox>> {
    let read = |stream: &mut MessageStream<'_>| match stream.parse_address() {
        HeaderValue::Address(mail_parser::Address::List(list)) => Some(list.iter().map(mailbox).collect()),
        HeaderValue::Address(mail_parser::Address::Group(groups)) => {
            Some(groups.iter().flat_map(|group| group.addresses.iter().map(mailbox)).collect())
        }
        _ => None,
    };
    parsed(value, read).unwrap_or_default()
}

fn mailbox(found: &Addr<'_>) -> Option<Mailbox> {
    let address: Address = found.address.as_deref()?.parse().ok()?;
    let label = found.name.as_deref().map(without_controls).filter(|label| !label.is_empty());
    Some(Mailbox { label, address })
}

fn decode_date(value: &[u8]) -> Option<Timestamp> {
    parsed(value, |stream| match stream.parse_date() {
        HeaderValue::DateTime(date) if date.is_valid() => Timestamp::from_second(date.to_timestamp()).ok(),
        _ => None,
    })
}

fn decode_media_type(value: &[u8]) -> Option<MediaType> {
    parsed(value, |stream| match stream.parse_content_type() {
        HeaderValue::ContentType(found) => {
            let mut essence = found.c_type.to_ascii_lowercase();
            if let Some(subtype) = &found.c_subtype {
                essence = format!("{essence}/{}", subtype.to_ascii_lowercase());
            }
            let parameters = found.attributes.unwrap_or_default();
            let lower = |name: &str| name.to_ascii_lowercase();
            let parameters = parameters.iter().map(|it| (lower(&it.name), it.value.clone().into_owned())).collect();
            Some(MediaType { essence, parameters })
        }
        _ => None,
    })
}

fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    use crate::mail::Field;

    #[test]
    fn fields_are_found_whatever_their_case_and_folding() {
        let header =
            Header::parse(b"SUBJECT: one\r\n two\nFrom : =?utf-8?q?Zo=C3=A9?= <z@x.fr>\nno field\n: nameless\n");
        assert_eq!(header.text("Subject").unwrap(), "one two");
        let from = header.sole_mailbox("from").unwrap();
        assert_eq!((from.label.as_deref(), from.address.as_str()), (Some("Zoé"), "z@x.fr"));
        assert_eq!(header.fields().count(), 2);
    }

    #[test]
    fn two_senders_are_no_sender() {
        assert_eq!(Header::parse(b"From: a@x.fr\nFrom: b@x.fr\n").sole_mailbox("From"), None);
        assert_eq!(Header::parse(b"From: a@x.fr, b@x.fr\n").sole_mailbox("From"), None);
        assert_eq!(Header::parse(b"From: \"a@x.fr\" <not an address>\n").sole_mailbox("From"), None);
    }

    #[test]
    fn media_types_give_their_parameters() {
        let header = Header::parse(
            b"Content-Type: Multipart/Signed; Boundary=\"A b\"; micalg=sha-256\n\
              Content-Disposition: attachment; filename*0*=utf-8''r%C3%A9s; filename*1=ultat.pdf\n",
        );
        let kind = header.content_type();
        assert_eq!((kind.essence(), kind.parameter("boundary")), ("multipart/signed", Some("A b")));
        assert_eq!(header.disposition().unwrap().parameter("filename"), Some("résultat.pdf"));
        assert_eq!(Header::default().content_type().essence(), "text/plain");
    }

    #[test]
    fn dates_and_identifiers_are_values() {
        let header = Header::parse(b"Date: Mon, 5 Jan 2026 09:00:00 +0100 (CET)\nMessage-ID: <a@b>\n");
        assert_eq!(header.date().unwrap().to_string(), "2026-01-05T08:00:00Z");
        assert_eq!(header.message_id("message-id").unwrap().as_str(), "a@b");
        assert_eq!(Header::parse(b"Date: soon\n").date(), None);
    }

    #[test]
    fn decoded_text_cannot_carry_a_line_break() {
        let header = Header::parse(b"Subject: =?utf-8?q?a=0D=0ABcc:_b?=\n");
        assert_eq!(header.text("Subject").unwrap(), "a  Bcc: b");
    }

    fn read_back(field: &Field) -> Header {
        Header::parse(field.to_string().as_bytes())
    }

    fn without_control_characters(text: &str) -> String {
        text.chars().filter(|c| !c.is_control()).collect()
    }

    /// Every kind of character, and those that mean something in a header.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "([-\"\\\\()<>@,;:/\\[\\]?=*'%_. a-cé影😀\u{feff}]|=\\?utf-8\\?q\\?a\\?=|\\?=){0,60}"
        ]
    }

    proptest! {
        #[test]
        fn every_subject_reads_back(text in texts()) {
            let text = without_control_characters(&text);
            assert_eq!(read_back(&Field::text("Subject", &text)).text("Subject").unwrap(), text);
        }

        #[test]
        fn every_label_reads_back(text in texts()) {
            let label = Some(without_control_characters(&text)).filter(|label| !label.is_empty());
            let mailbox = Mailbox { label, address: "dr.durand@medecin.sandbox".parse().unwrap() };
            let header = read_back(&Field::mailboxes("From", std::slice::from_ref(&mailbox)));
            assert_eq!(header.sole_mailbox("From").unwrap(), mailbox);
            let twice = [mailbox.clone(), mailbox];
            assert_eq!(read_back(&Field::mailboxes("To", &twice)).mailboxes("To"), twice);
        }

        #[test]
        fn every_file_name_reads_back(text in texts()) {
            let name = without_control_characters(&text);
            let header = read_back(&Field::parameters("Content-Disposition", "attachment", &[("filename", &name)]));
            assert_eq!(header.disposition().unwrap().parameter("filename").unwrap_or_default(), name);
        }

        #[test]
        fn arbitrary_octets_are_read_without_panic(octets in any::<Vec<u8>>()) {
            for name in ["Subject", "From", "Date", "Content-Type", "Message-ID"] {
                let mut line = format!("{name}: ").into_bytes();
                line.extend_from_slice(&octets);
                let header = Header::parse(&line);
                let _ = (header.text(name), header.mailboxes(name), header.date(), header.content_type());
                let _ = (header.message_id(name), header.disposition());
            }
        }
    }
}
