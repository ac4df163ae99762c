//! The header of a message or part (RFC 5322, section 2.2): fields, addresses and the content type.

use crate::sandbox::mailbox::decode::Encoding;

/// How many fields are looked at, how many parameters and how many addresses of a field.
const MAX_FIELDS: usize = 2000;
const MAX_PARAMETERS: usize = 100;
const MAX_ADDRESSES: usize = 10_000;

/// The fields in their order: names in lower case, values unfolded.
#[derive(Debug, Default)]
pub(super) struct Header(Vec<(String, String)>);

impl Header {
    /// Reads the octets of a header; lines that are no fields are left out.
    pub(super) fn parse(raw: &[u8]) -> Header {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in String::from_utf8_lossy(raw).split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push_str(line);
                }
            } else if let Some((name, value)) = line.split_once(':')
                && fields.len() < MAX_FIELDS
            {
                fields.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
            }
        }
        for (_, value) in &mut fields {
            *value = value.trim().to_owned();
        }
        Header(fields)
    }

    /// The first field of this name, in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Every field of this name, in lower case.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn content_type(&self) -> Option<ContentType> {
        let (value, parameters) = parameterized(self.get("content-type")?);
        let (kind, subtype) = value.split_once('/')?;
        let (kind, subtype) = (kind.trim(), subtype.trim());
        let token = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
        };
        (token(kind) && token(subtype)).then(|| ContentType {
            kind: kind.to_owned(),
            subtype: subtype.to_owned(),
            parameters,
        })
    }

    /// Disposition and its parameters (RFC 2183).
    pub(super) fn disposition(&self) -> Option<(String, Vec<(String, String)>)> {
        let (value, parameters) = parameterized(self.get("content-disposition")?);
        if value.is_empty() { None } else { Some((value, parameters)) }
    }
}

/// A Content-Type (RFC 2045, section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentType {
    pub(super) kind: String,
    pub(super) subtype: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl ContentType {
    /// What a part is that does not say; in a digest, a message (RFC 2046, section 5.1.5).
    pub(super) fn default_in(digest: bool) -> ContentType {
        let (kind, subtype) = if digest { ("message", "rfc822") } else { ("text", "plain") };
        let parameters = if digest { Vec::new() } else { vec![("charset".to_owned(), "us-ascii".to_owned())] };
        ContentType { kind: kind.to_owned(), subtype: subtype.to_owned(), parameters }
    }

    pub(super) fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// The boundary of a multipart.
    pub(super) fn boundary(&self) -> Option<Vec<u8>> {
        let boundary = self.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary"));
        let boundary = boundary.map(|(_, value)| value.trim_end().as_bytes().to_vec());
        boundary.filter(|boundary| {
            self.kind.eq_ignore_ascii_case("multipart") && !boundary.is_empty() && boundary.len() <= 200
        })
    }
}

/// `value; name=value; name="value"`, comments left out.
fn parameterized(text: &str) -> (String, Vec<(String, String)>) {
    let mut pieces: Vec<String> = vec![String::new()];
    let mut letters = text.chars();
    let mut comments = 0usize;
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        let full = pieces.len() > MAX_PARAMETERS;
        let piece = pieces.last_mut().expect("there is always a last piece");
        match letter {
            '\\' if quoted || comments > 0 => {
                let escaped = letters.next();
                if comments == 0 {
                    piece.extend(escaped);
                }
            }
            '"' if comments == 0 => quoted = !quoted,
            '(' if !quoted => comments += 1,
            ')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            ';' if !quoted && !full => pieces.push(String::new()),
            _ => piece.push(letter),
        }
    }
    let mut pieces = pieces.into_iter();
    let value = pieces.next().unwrap_or_default().trim().to_owned();
    let parameter = |piece: String| {
        let (name, value) = piece.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    (value, pieces.filter_map(parameter).collect())
}

/// A text with its encoded words decoded (RFC 2047), of those charsets that are understood here.
pub(super) fn decoded_words(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        let mut parts = rest[start + 2..].splitn(4, '?');
        let word = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(charset), Some(encoding), Some(text), Some(rest)) => {
                rest.strip_prefix('=').and_then(|rest| Some((decoded_word(charset, encoding, text)?, rest)))
            }
            _ => None,
        };
        match word {
            Some((word, behind)) => {
                let before = &rest[..start];
                // White space between two words is not part of the text.
                if !before.trim().is_empty() || decoded.is_empty() {
                    decoded.push_str(before);
                }
                decoded.push_str(&word);
                rest = behind;
            }
            None => {
                decoded.push_str(&rest[..start + 2]);
                rest = &rest[start + 2..];
            }
        }
    }
    decoded + rest
}

fn decoded_word(charset: &str, encoding: &str, text: &str) -> Option<String> {
    let (encoding, text) = match encoding {
        "B" | "b" => (Encoding::Base64, text.to_owned()),
        "Q" | "q" => (Encoding::QuotedPrintable, text.replace('_', " ")),
        _ => return None,
    };
    let mut octets = Vec::new();
    let take = |piece: &[u8]| {
        octets.extend_from_slice(piece);
        Ok(())
    };
    encoding.decode(text.as_bytes(), take).ok()?;
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(octets).ok(),
        "iso-8859-1" => Some(octets.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// One entry of an address list (RFC 5322, section 3.4), as ENVELOPE shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Mailbox { label: Option<String>, local: String, domain: Option<String> },
    GroupStart(String),
    GroupEnd,
}

/// Reads an address list; what cannot be read is shown as far as it goes.
pub(super) fn addresses(text: &str) -> Vec<Listed> {
    let mut found = Vec::new();
    let mut phrase = String::new();
    let mut angle: Option<String> = None;
    let mut in_group = false;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => phrase.push_str(&quoted(&mut letters)),
            '(' => comment(&mut letters),
            '<' => angle = Some(letters.by_ref().take_while(|letter| *letter != '>').collect()),
            ':' if !in_group => {
                found.push(Listed::GroupStart(std::mem::take(&mut phrase).trim().to_owned()));
                in_group = true;
            }
            ',' | ';' => {
                found.extend(mailbox(std::mem::take(&mut phrase), angle.take()));
                if letter == ';' && std::mem::take(&mut in_group) {
                    found.push(Listed::GroupEnd);
                }
            }
            _ => phrase.push(letter),
        }
        if found.len() >= MAX_ADDRESSES {
            break;
        }
    }
    found.extend(mailbox(phrase, angle));
    if in_group {
        found.push(Listed::GroupEnd);
    }
    found
}

fn mailbox(phrase: String, angle: Option<String>) -> Option<Listed> {
    let phrase = phrase.trim().to_owned();
    let (label, address) = match angle {
        Some(address) => ((!phrase.is_empty()).then_some(phrase), address.trim().to_owned()),
        None if phrase.is_empty() => return None,
        None => (None, phrase),
    };
    // A source route (RFC 5321, appendix C) says nothing any more.
    let address = address.rsplit_once(':').map_or(address.as_str(), |(_, address)| address);
    Some(match address.rsplit_once('@') {
        Some((local, domain)) => Listed::Mailbox { label, local: local.to_owned(), domain: Some(domain.to_owned()) },
        None => Listed::Mailbox { label, local: address.to_owned(), domain: None },
    })
}

fn quoted(letters: &mut impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}

fn comment(letters: &mut impl Iterator<Item = char>) {
    let mut depth = 1usize;
    while depth > 0
        && let Some(letter) = letters.next()
    {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(letters.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::header::{Header, Listed, addresses, decoded_words};

    fn mailbox(label: Option<&str>, local: &str, domain: Option<&str>) -> Listed {
        Listed::Mailbox { label: label.map(str::to_owned), local: local.to_owned(), domain: domain.map(str::to_owned) }
    }

    #[test]
    fn fields_are_unfolded_and_content_types_taken_apart() {
        let raw = b"Subject: one\r\n two\r\nbroken line\r\nContent-Type: Text/Plain (c); charset=\"utf-8\";\r\n\tname=\"a;\\\"b\"\r\n";
        let header = Header::parse(raw);
        assert_eq!(header.get("subject"), Some("one two"));
        let kind = header.content_type().unwrap();
        assert!(kind.is("text", "plain"));
        assert_eq!(kind.parameters, [("charset".into(), "utf-8".into()), ("name".into(), "a;\"b".into())]);
        assert!(Header::parse(b"Content-Type: nonsense\r\n").content_type().is_none());
    }

    #[test]
    fn encoded_words_are_decoded_where_they_can_be() {
        assert_eq!(decoded_words("R=?x =?utf-8?Q?R=C3=A9su?= =?UTF-8?B?bHRhdHM=?= ici"), "R=?x Résultats ici");
        assert_eq!(decoded_words("=?utf-7?Q?a?= =?utf-8?X?a?= =?"), "=?utf-7?Q?a?= =?utf-8?X?a?= =?");
    }

    #[test]
    fn address_lists_are_read_with_labels_groups_and_comments() {
        assert_eq!(
            addresses("\"Durand, Zoé\" <z@x.fr>, b@y.fr (a (nested) comment), Team: c@z.fr, <@r.fr:d@z.fr>;, alone"),
            [
                mailbox(Some("Durand, Zoé"), "z", Some("x.fr")),
                mailbox(None, "b", Some("y.fr")),
                Listed::GroupStart("Team".into()),
                mailbox(None, "c", Some("z.fr")),
                mailbox(None, "d", Some("z.fr")),
                Listed::GroupEnd,
                mailbox(None, "alone", None),
            ]
        );
        assert_eq!(addresses(""), []);
        assert_eq!(addresses("a: ;"), [Listed::GroupStart("a".into()), Listed::GroupEnd]);
        let _ = addresses(&"(".repeat(100_000));
    }
}
