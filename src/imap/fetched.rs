//! One line of an answer to FETCH (RFC 9051, section 7.5.2): whose message it is, and where its octets are.

/// What a line says that was looked for. The octets of a message may stand before its UID or behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) uid: Option<u32>,
    pub(super) body: Body,
}

/// The octets of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing of them in this line.
    #[default]
    Absent,
    /// The server has the message no more, or cannot read it.
    Nil,
    /// In the line itself.
    Inline(Vec<u8>),
    /// So many octets follow the line.
    Literal(u64),
}

/// Reads a line from its beginning. Nothing where it is no answer to FETCH.
///
/// # Errors
/// A line that cannot be read, or that announces octets of something else.
pub(super) fn first_line(line: &[u8]) -> Result<Option<Fetched>, &'static str> {
    let Some(rest) = line.strip_prefix(b"* ") else { return Ok(None) };
    let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let Some((word, items)) = rest[digits..].split_at_checked(7) else { return Ok(None) };
    if digits == 0 || !word.eq_ignore_ascii_case(b" FETCH ") {
        return Ok(None);
    }
    items_of(items.strip_prefix(b"(").ok_or(UNREADABLE)?).map(Some)
}

/// Reads what stands behind the octets of a message.
pub(super) fn last_line(line: &[u8]) -> Result<Fetched, &'static str> {
    items_of(line)
}

const UNREADABLE: &str = "an answer to FETCH cannot be read";

/// Looks for `UID` and `BODY[]` among the items, outside of lists and texts. Every item is a name and a value, up to the bracket
/// that closes the answer: what is left of a message whose length was a lie is not taken for that.
fn items_of(line: &[u8]) -> Result<Fetched, &'static str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut rest = line.strip_suffix(b"\r").unwrap_or(line);
    let (mut found, mut depth, mut name) = (Fetched::default(), 0u32, &b""[..]);
    while let Some(octet) = rest.first() {
        match octet {
            b' ' => rest = &rest[1..],
            b'(' => {
                (depth, rest) = (depth + 1, &rest[1..]);
                name = b"";
            }
            b')' if depth > 0 => {
                (depth, rest) = (depth - 1, &rest[1..]);
                name = b"";
            }
            // It closes the answer.
            b')' if name.is_empty() && rest.len() == 1 => return Ok(found),
            b')' => return Err(UNREADABLE),
            b'"' => {
                let (text, behind) = quoted(rest).ok_or(UNREADABLE)?;
                if depth == 0 && name.eq_ignore_ascii_case(b"BODY[]") {
                    found.body = Body::Inline(text);
                }
                (name, rest) = (b"", behind);
            }
            _ => {
                let (word, behind) = rest.split_at(word_length(rest, depth == 0));
                let is_body = depth == 0 && name.eq_ignore_ascii_case(b"BODY[]");
                if word.starts_with(b"{") {
                    if !is_body || !behind.is_empty() {
                        return Err("octets came that were not asked for");
                    }
                    found.body = Body::Literal(literal(word).ok_or(UNREADABLE)?);
                    return Ok(found);
                } else if is_body && word.eq_ignore_ascii_case(b"NIL") {
                    found.body = Body::Nil;
                } else if depth == 0 && name.eq_ignore_ascii_case(b"UID") {
                    found.uid = Some(number(word).ok_or(UNREADABLE)?);
                } else if depth == 0 && name.is_empty() {
                    (name, rest) = (word, behind);
                    continue;
                }
                (name, rest) = (b"", behind);
            }
        }
    }
    Err(UNREADABLE)
}

/// Up to a space or bracket; with `sections`, one that does not stand inside square brackets: in a list of flags such a bracket
/// is an octet like others. There is one octet at least.
fn word_length(text: &[u8], sections: bool) -> usize {
    let mut inside = false;
    let end = text.iter().position(|octet| {
        match octet {
            b'[' => inside = sections,
            b']' => inside = false,
            b' ' | b'(' | b')' | b'"' => return !inside,
            _ => {}
        }
        false
    });
    end.unwrap_or(text.len()).max(1)
}

/// A quoted string, and what is behind it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut octets = Vec::new();
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'"' => return Some((octets, &text[at + 1..])),
            b'\\' => {
                octets.push(*text.get(at + 1)?);
                at += 2;
            }
            octet => {
                octets.push(octet);
                at += 1;
            }
        }
    }
}

fn literal(word: &[u8]) -> Option<u64> {
    let digits = word.strip_prefix(b"{")?.strip_suffix(b"}")?;
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

fn number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok().filter(|uid| *uid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<(Option<u32>, Body)>, &'static str> {
        first_line(line.as_bytes()).map(|found| found.map(|it| (it.uid, it.body)))
    }

    #[test]
    fn uid_and_octets_are_found_in_either_order_and_in_every_form() {
        assert_eq!(read("* 1 FETCH (UID 4 BODY[] {12}\r\n"), Ok(Some((Some(4), Body::Literal(12)))));
        assert_eq!(
            read("* 12 fetch (FLAGS (\\Seen UID) BODY[] {4294967296}\r\n"),
            Ok(Some((None, Body::Literal(1 << 32))))
        );
        assert_eq!(
            read("* 1 FETCH (BODY[] \"a\\\"b\" UID 7)\r\n"),
            Ok(Some((Some(7), Body::Inline(b"a\"b".to_vec()))))
        );
        assert_eq!(read("* 1 FETCH (FLAGS (x[y \\Seen) UID 7)\r\n"), Ok(Some((Some(7), Body::Absent))));
        assert_eq!(read("* 1 FETCH (UID 7 BODY[] NIL)\r\n"), Ok(Some((Some(7), Body::Nil))));
        assert_eq!(read("* 1 FETCH (FLAGS (\\Seen) UID 7)\r\n"), Ok(Some((Some(7), Body::Absent))));
        assert_eq!(
            read("* 1 FETCH (BODY[HEADER.FIELDS (UID 9)] \"UID 8\" UID 7)\r\n"),
            Ok(Some((Some(7), Body::Absent)))
        );
        assert_eq!(last_line(b" UID 9 FLAGS ())\r\n"), Ok(Fetched { uid: Some(9), body: Body::Absent }));
        for other in ["* 1 EXISTS\r\n", "* FETCH (UID 1)\r\n", "* OK x\r\n", "a1 OK x\r\n", "* 1 FETCHED (\r\n"] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for bad in [
            "* 1 FETCH UID 4\r\n",
            "* 1 FETCH (UID 4\r\n",
            "* 1 FETCH (UID 4) x\r\n",
            "* 1 FETCH (UID 4 FLAGS)\r\n",
            "* 1 FETCH (UID x)\r\n",
            "* 1 FETCH (UID 0 BODY[] {1}\r\n",
            "* 1 FETCH (BODY[] {-1}\r\n",
            "* 1 FETCH (BODY[] {99999999999999999999}\r\n",
            "* 1 FETCH (BODY[] \"x\r\n",
            "* 1 FETCH (ENVELOPE {12}\r\n",
            "* 1 FETCH (FLAGS (BODY[] {12}\r\n",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for rest in ["", "\r\n", " world)\r\n", "lo)\r\n", "))\r\n", " UID\r\n"] {
            assert!(last_line(rest.as_bytes()).is_err(), "{rest:?}");
        }
        assert!(last_line(b")\r\n").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_server_says_is_read_or_refused(octets in "[ ()\\[\\]{}\"\\\\A-Za-z0-9*\\x00\\xff]{0,80}") {
            let _ = first_line(octets.as_bytes());
            let _ = first_line(format!("* 1 FETCH ({octets}\r\n").as_bytes());
            let _ = first_line(format!("* 1 FETCH (UID 7 BODY[] {octets}\r\n").as_bytes());
            let _ = last_line(octets.as_bytes());
        }
    }
}
