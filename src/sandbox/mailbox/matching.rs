//! SEARCH (RFC 9051, section 6.4.4): which messages a key holds for, and how the answer is written.

use std::cell::OnceCell;
use std::io::{BufRead, BufReader, Read};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use memchr::memmem::Finder;

use crate::sandbox::mailbox::header::{Header, decoded_words};
use crate::sandbox::mailbox::search::{Key, When};
use crate::sandbox::mailbox::selected::Selected;
use crate::sandbox::mailbox::sequence::write_set;
use crate::sandbox::mailbox::{Done, Outcome, Session};
use crate::sandbox::store::Message;

const MAX_HEADER: u64 = 1 << 20;

/// One message that is looked at.
struct Candidate<'a> {
    selected: &'a Selected,
    number: u32,
    message: &'a Message,
    header: OnceCell<Header>,
}

impl Session<'_> {
    pub(super) fn search(&mut self, tag: &str, uid: bool, results: Option<Vec<String>>, key: Key) -> Outcome {
        let rev2 = self.rev2;
        let Some(selected) = &mut self.selected else { return Ok(Done::Bad("no folder is selected")) };
        let key = key.settled(selected);
        let mut found: Vec<(u32, u32)> = Vec::new();
        for (number, message) in (1u32..).zip(&selected.messages) {
            let candidate = Candidate { selected, number, message, header: OnceCell::new() };
            if candidate.holds(&key) {
                found.push((number, message.uid));
            }
        }
        let saves = results.as_ref().is_some_and(|results| results.iter().any(|result| result == "SAVE"));
        if saves {
            selected.saved = found.iter().map(|(_, uid)| *uid).collect();
        }
        let numbers: Vec<u32> = found.iter().map(|(number, own)| if uid { *own } else { *number }).collect();
        let results = results.or_else(|| rev2.then(|| vec!["ALL".to_owned()]));
        match results {
            Some(results) if results.iter().all(|result| result == "SAVE") => {}
            Some(results) => self.untagged(&extended(tag, uid, &results, &numbers))?,
            None => {
                let listed: String = numbers.iter().map(|number| format!(" {number}")).collect();
                self.untagged(&format!("SEARCH{listed}"))?;
            }
        }
        let what = "SEARCH completed".to_owned();
        if uid { self.done_with_news(what) } else { Ok(Done::Ok(what)) }
    }
}

/// The answer of RFC 4731: nothing is said of what was not found.
fn extended(tag: &str, uid: bool, results: &[String], numbers: &[u32]) -> String {
    let mut line = format!("ESEARCH (TAG \"{}\")", tag.replace(['"', '\\'], ""));
    if uid {
        line.push_str(" UID");
    }
    for result in results {
        match (result.as_str(), numbers.first(), numbers.last()) {
            ("COUNT", ..) => line.push_str(&format!(" COUNT {}", numbers.len())),
            ("MIN", Some(first), _) => line.push_str(&format!(" MIN {first}")),
            ("MAX", _, Some(last)) => line.push_str(&format!(" MAX {last}")),
            ("ALL", Some(_), _) => line.push_str(&format!(" ALL {}", write_set(numbers.iter().copied()))),
            _ => {}
        }
    }
    line
}

impl Key {
    /// The key with its sets resolved for a folder.
    fn settled(self, selected: &Selected) -> Key {
        let boxed = |key: Box<Key>| Box::new(key.settled(selected));
        match self {
            Key::And(keys) => Key::And(keys.into_iter().map(|key| key.settled(selected)).collect()),
            Key::Or(one, other) => Key::Or(boxed(one), boxed(other)),
            Key::Not(key) => Key::Not(boxed(key)),
            Key::Numbers(set) => Key::NumberIn(selected.resolve(&set, false)),
            Key::Uids(set) => Key::UidIn(selected.resolve(&set, true)),
            other => other,
        }
    }
}

impl Candidate<'_> {
    fn holds(&self, key: &Key) -> bool {
        match key {
            Key::All => true,
            Key::And(keys) => keys.iter().all(|key| self.holds(key)),
            Key::Or(one, other) => self.holds(one) || self.holds(other),
            Key::Not(key) => !self.holds(key),
            Key::Flag(flag) => self.message.flags.has(*flag),
            Key::Keyword(keyword) => self.message.flags.has_keyword(keyword),
            Key::Recent => self.selected.is_recent(self.message.uid),
            Key::NumberIn(numbers) => numbers.contains(self.number),
            Key::UidIn(numbers) => numbers.contains(self.message.uid),
            // Sets are resolved before the first message is looked at.
            Key::Numbers(_) | Key::Uids(_) => false,
            Key::Header(name, text) => self.header().all(name).any(|value| contains(value, text)),
            Key::Body(text) => self.text_contains(text, false),
            Key::Text(text) => self.text_contains(text, true),
            Key::Arrived(when, date) => {
                let day = Timestamp::from_second(self.message.date).map(|at| at.to_zoned(TimeZone::UTC).date());
                day.is_ok_and(|day| is(day, *when, *date))
            }
            Key::Sent(when, date) => {
                let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
                let day = self.header().get("date").and_then(|text| parser.parse_zoned(text).ok());
                day.is_some_and(|day| is(day.date(), *when, *date))
            }
            Key::Larger(size) => self.message.size > *size,
            Key::Smaller(size) => self.message.size < *size,
        }
    }

    fn file(&self) -> Option<std::fs::File> {
        self.selected.folder.message(self.selected.uid_validity, self.message.uid).ok()
    }

    /// The header; of a message that is gone, an empty one.
    fn header(&self) -> &Header {
        self.header.get_or_init(|| {
            let mut raw = Vec::new();
            if let Some(file) = self.file() {
                let mut lines = BufReader::new(file.take(MAX_HEADER));
                while let Ok(1..) = lines.read_until(b'\n', &mut raw) {
                    if raw.ends_with(b"\n\r\n") || raw.ends_with(b"\n\n") {
                        break;
                    }
                }
            }
            Header::parse(&raw)
        })
    }

    /// Whether the octets of the message, or of its body, hold a text; encodings stay as they are.
    fn text_contains(&self, text: &str, header_too: bool) -> bool {
        if text.is_empty() {
            return true;
        }
        let Some(file) = self.file() else { return false };
        let mut input = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        let mut in_header = !header_too;
        while in_header {
            line.clear();
            match input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line) {
                Ok(1..) => in_header = line != b"\r\n" && line != b"\n",
                _ => return false,
            }
        }
        let finder = Finder::new(text.as_bytes());
        let mut window: Vec<u8> = Vec::new();
        loop {
            let Ok(piece) = input.fill_buf() else { return false };
            if piece.is_empty() {
                return false;
            }
            let used = piece.len();
            window.extend(piece.iter().map(u8::to_ascii_lowercase));
            input.consume(used);
            if finder.find(&window).is_some() {
                return true;
            }
            // A match may begin in the last octets of this piece.
            let keep = window.len().min(text.len() - 1);
            window.drain(..window.len() - keep);
        }
    }
}

fn contains(value: &str, text: &str) -> bool {
    value.to_lowercase().contains(text) || decoded_words(value).to_lowercase().contains(text)
}

fn is(day: Date, when: When, date: Date) -> bool {
    match when {
        When::Before => day < date,
        When::On => day == date,
        When::Since => day >= date,
    }
}
