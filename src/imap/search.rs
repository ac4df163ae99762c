//! What is looked for in a folder (SEARCH, RFC 9051, section 6.4.4), and the two forms in which a server answers.

use std::fmt::Write;

use jiff::civil::Date;

use super::UidSet;

/// Which messages by the flag `\Seen`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    #[default]
    All,
    /// Those without it.
    Unseen,
    /// Those that have it.
    Seen,
}

/// Which messages to look for: those that fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub which: Which,
    /// That came on this day or later, by the server's calendar.
    pub since: Option<Date>,
    /// That came on an earlier day.
    pub before: Option<Date>,
    /// Whose From contains this text.
    pub from: Option<String>,
    /// Of more octets than this.
    pub larger: Option<u32>,
    /// Of fewer octets than this.
    pub smaller: Option<u32>,
    /// That are new or changed since the folder had this HIGHESTMODSEQ (RFC 7162); only where the server has CONDSTORE.
    pub changed_since: Option<u64>,
    /// From the first of these UIDs to the last.
    pub between: Option<(u32, u32)>,
}

impl Filter {
    /// The criteria as a command has them. Nothing where a text cannot stand in a command as it is.
    pub(super) fn criteria(&self) -> Option<String> {
        let mut keys = String::new();
        if let Some((first, last)) = self.between {
            let _ = write!(keys, "UID {first}:{last} ");
        }
        keys.push_str(match self.which {
            Which::All => "ALL",
            Which::Unseen => "UNSEEN",
            Which::Seen => "SEEN",
        });
        if let Some(date) = self.since {
            let _ = write!(keys, " SINCE {}", day(date));
        }
        if let Some(date) = self.before {
            let _ = write!(keys, " BEFORE {}", day(date));
        }
        if let Some(text) = &self.from {
            let _ = write!(keys, " FROM {}", quoted(text)?);
        }
        if let Some(size) = self.larger {
            let _ = write!(keys, " LARGER {size}");
        }
        if let Some(size) = self.smaller {
            let _ = write!(keys, " SMALLER {size}");
        }
        if let Some(value) = self.changed_since {
            // The server compares with "or later", and what had this value is known.
            let _ = write!(keys, " MODSEQ {}", value.saturating_add(1));
        }
        Some(keys)
    }
}

/// The header field of this name, with this text in it, as a criterion. Nothing where a name or text is not one that stands
/// in a header as it is (RFC 5322, section 2.2).
pub(super) fn header_key(name: &str, value: &str) -> Option<String> {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if !is_name {
        return None;
    }
    Some(format!("HEADER {} {}", quoted(name)?, quoted(value)?))
}

/// A quoted string (RFC 9051, section 4.3): printable ASCII alone, so that no literal is needed and none can be smuggled in.
pub(super) fn quoted(text: &str) -> Option<String> {
    const LONGEST: usize = 1000;
    let is_text = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
    is_text.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `date-text`: day, English month, year.
fn day(date: Date) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
    format!("{}-{month}-{:04}", date.day(), date.year())
}

/// What one line of an answer to SEARCH says: of UIDs, or nothing where it is no such answer.
///
/// # Errors
/// An answer to SEARCH that cannot be read: rather no list than a short one.
pub(super) fn found(line: &[u8], tag: &str) -> Result<Option<UidSet>, &'static str> {
    let unreadable = "an answer to SEARCH cannot be read";
    let begins = |word: &[u8]| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let (old, new) = (b"* SEARCH", b"* ESEARCH");
    if !begins(old) && !begins(new) {
        return Ok(None);
    }
    let text = std::str::from_utf8(line).map_err(|_| unreadable)?.trim_end();
    if begins(old) {
        let numbers = text[old.len()..].split(" (").next().unwrap_or_default();
        let numbers = numbers.split_ascii_whitespace().map(|word| word.parse::<u32>().ok().filter(|uid| *uid > 0));
        return Ok(Some(numbers.collect::<Option<UidSet>>().ok_or(unreadable)?));
    }
    of_esearch(&text[new.len()..], tag).ok_or(unreadable).map(Some)
}

/// `(TAG "a") UID ALL 1:3,5`, or without ALL where nothing was found (RFC 4731, section 3.1).
fn of_esearch(text: &str, tag: &str) -> Option<UidSet> {
    let mut rest = text.trim_start();
    if let Some(correlator) = rest.strip_prefix('(') {
        let (inside, behind) = correlator.split_once(')')?;
        let named = inside.trim().split_once(' ')?;
        if !named.0.eq_ignore_ascii_case("TAG") || named.1.trim().trim_matches('"') != tag {
            return None;
        }
        rest = behind.trim_start();
    }
    let mut words = rest.split_ascii_whitespace();
    let mut is_uid = false;
    let mut found = UidSet::default();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("UID") {
            is_uid = true;
        } else {
            let value = words.next()?;
            if word.eq_ignore_ascii_case("ALL") {
                found = UidSet::parse(value)?;
            }
        }
    }
    // Without the word these are sequence numbers, which nobody asked for.
    (is_uid || found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_becomes_criteria_and_cannot_become_a_command() {
        let date = |text: &str| Some(text.parse().unwrap());
        let filter = Filter {
            which: Which::Unseen,
            since: date("2026-02-01"),
            before: date("2026-11-30"),
            from: Some("dr \"x\"@y".to_owned()),
            larger: Some(10),
            smaller: Some(20),
            changed_since: Some(917),
            between: Some((3, 900)),
        };
        assert_eq!(
            filter.criteria().as_deref(),
            Some(
                "UID 3:900 UNSEEN SINCE 1-Feb-2026 BEFORE 30-Nov-2026 FROM \"dr \\\"x\\\"@y\" LARGER 10 SMALLER 20 MODSEQ 918"
            )
        );
        assert_eq!(Filter::default().criteria().as_deref(), Some("ALL"));
        for bad in ["", "a\r\nx LOGOUT", "é"] {
            assert_eq!(Filter { from: Some(bad.to_owned()), ..Filter::default() }.criteria(), None, "{bad:?}");
        }
    }

    #[test]
    fn both_forms_of_an_answer_are_read() {
        let read = |line: &str| found(line.as_bytes(), "a1").map(|set| set.map(|set| set.to_string()));
        assert_eq!(read("* SEARCH 4 2 3\r\n"), Ok(Some("2:4".to_owned())));
        assert_eq!(read("* search 4 (MODSEQ 917)\r\n"), Ok(Some("4".to_owned())));
        assert_eq!(read("* SEARCH\r\n"), Ok(Some(String::new())));
        assert_eq!(read("* ESEARCH (TAG \"a1\") UID ALL 1:3,7\r\n"), Ok(Some("1:3,7".to_owned())));
        assert_eq!(read("* ESEARCH (TAG \"a1\") UID MODSEQ 917 ALL 7\r\n"), Ok(Some("7".to_owned())));
        assert_eq!(read("* ESEARCH (TAG \"a1\") UID\r\n"), Ok(Some(String::new())));
        assert_eq!(read("* 4 EXISTS\r\n"), Ok(None));
        let unreadable = [
            "* SEARCH 1 2 x\r\n",
            "* SEARCH 0\r\n",
            "* ESEARCH (TAG \"a2\") UID ALL 1\r\n",
            "* ESEARCH (TAG \"a1\") ALL 1\r\n",
            "* ESEARCH (TAG \"a1\") UID ALL\r\n",
            "* ESEARCH (TAG \"a1\" UID ALL 1\r\n",
        ];
        for bad in unreadable {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_server_finds_is_read_or_refused(words in "[ ()\"A-Z0-9:,*]{0,60}") {
            let _ = found(format!("* SEARCH {words}").as_bytes(), "a1");
            let _ = found(format!("* ESEARCH {words}").as_bytes(), "a1");
            let _ = found(format!("* ESEARCH (TAG \"a1\") UID {words}").as_bytes(), "a1");
        }
    }
}
