//! What SEARCH asks for (RFC 9051, section 6.4.4).

use jiff::civil::Date;

use crate::sandbox::mailbox::command::date;
use crate::sandbox::mailbox::reader::{Read, ReadError, Reader};
use crate::sandbox::mailbox::sequence::{Numbers, SequenceSet};
use crate::sandbox::store::Flags;

/// How deep NOT, OR and parentheses may go, and how many keys there may be.
const MAX_DEPTH: usize = 20;
const MAX_KEYS: usize = 1000;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    All,
    And(Vec<Key>),
    Or(Box<Key>, Box<Key>),
    Not(Box<Key>),
    Flag(u8),
    Keyword(String),
    Recent,
    Numbers(SequenceSet),
    Uids(SequenceSet),
    /// The same, once it is known what `*` and `$` stand for.
    NumberIn(Numbers),
    UidIn(Numbers),
    /// A header field (in lower case) and what it contains (in lower case).
    Header(String, String),
    Body(String),
    Text(String),
    Arrived(When, Date),
    Sent(When, Date),
    Larger(u64),
    Smaller(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    On,
    Since,
}

fn syntax<T>(what: &'static str) -> Read<T> {
    Err(ReadError::Syntax(what))
}

/// Reads RETURN, CHARSET and the keys, all of which must hold.
pub(super) fn keys(reader: &mut Reader<'_>) -> Read<(Option<Vec<String>>, Key)> {
    let mut results = None;
    let mut keys = Vec::new();
    let mut count = 0;
    let mut first = true;
    loop {
        let opening = std::mem::take(&mut first);
        let word = start(reader)?;
        match word.as_deref() {
            Some("RETURN") if opening => {
                reader.space()?;
                results = Some(returns(reader)?);
                reader.space()?;
                first = true;
                continue;
            }
            Some("CHARSET") if opening => {
                reader.space()?;
                let charset = reader.astring()?;
                if !["us-ascii", "utf-8"].contains(&charset.to_ascii_lowercase().as_str()) {
                    return syntax("[BADCHARSET (US-ASCII UTF-8)] the charset is unknown");
                }
                reader.space()?;
                continue;
            }
            _ => keys.push(key(reader, word, 0, &mut count)?),
        }
        if reader.at_end()? {
            return Ok((results, Key::And(keys)));
        }
        reader.space()?;
    }
}

/// The word a key begins with; none for a list or a set.
fn start(reader: &mut Reader<'_>) -> Read<Option<String>> {
    let octet = reader.peek()?;
    if octet == b'(' || octet.is_ascii_digit() || octet == b'*' || octet == b'$' {
        return Ok(None);
    }
    reader.word().map(Some)
}

fn returns(reader: &mut Reader<'_>) -> Read<Vec<String>> {
    let mut words = Vec::new();
    reader.expect(b'(')?;
    while !reader.has(b')')? {
        if !words.is_empty() {
            reader.space()?;
        }
        let word = reader.word()?;
        if !["MIN", "MAX", "ALL", "COUNT", "SAVE"].contains(&word.as_str()) {
            return syntax("a result option is unknown");
        }
        words.push(word);
    }
    if words.is_empty() {
        words.push("ALL".to_owned());
    }
    Ok(words)
}

fn key(reader: &mut Reader<'_>, word: Option<String>, depth: usize, count: &mut usize) -> Read<Key> {
    *count += 1;
    if depth > MAX_DEPTH || *count > MAX_KEYS {
        return syntax("the search is too complicated");
    }
    let Some(word) = word else {
        if reader.has(b'(')? {
            let mut keys = Vec::new();
            loop {
                let word = start(reader)?;
                keys.push(key(reader, word, depth + 1, count)?);
                if reader.has(b')')? {
                    return Ok(Key::And(keys));
                }
                reader.space()?;
            }
        }
        return set(reader).map(Key::Numbers);
    };
    if let Some(key) = bare(&word) {
        return Ok(key);
    }
    reader.space()?;
    let mut inner = |reader: &mut Reader<'_>| {
        let word = start(reader)?;
        key(reader, word, depth + 1, count).map(Box::new)
    };
    Ok(match word.as_str() {
        "NOT" => Key::Not(inner(reader)?),
        "OR" => {
            let one = inner(reader)?;
            reader.space()?;
            Key::Or(one, inner(reader)?)
        }
        _ => with_argument(reader, &word)?,
    })
}

fn bare(word: &str) -> Option<Key> {
    let not = |flag| Key::Not(Box::new(Key::Flag(flag)));
    Some(match word {
        "ALL" => Key::All,
        "ANSWERED" => Key::Flag(Flags::ANSWERED),
        "DELETED" => Key::Flag(Flags::DELETED),
        "DRAFT" => Key::Flag(Flags::DRAFT),
        "FLAGGED" => Key::Flag(Flags::FLAGGED),
        "SEEN" => Key::Flag(Flags::SEEN),
        "UNANSWERED" => not(Flags::ANSWERED),
        "UNDELETED" => not(Flags::DELETED),
        "UNDRAFT" => not(Flags::DRAFT),
        "UNFLAGGED" => not(Flags::FLAGGED),
        "UNSEEN" => not(Flags::SEEN),
        "NEW" => Key::And(vec![Key::Recent, not(Flags::SEEN)]),
        "OLD" => Key::Not(Box::new(Key::Recent)),
        "RECENT" => Key::Recent,
        _ => return None,
    })
}

fn with_argument(reader: &mut Reader<'_>, word: &str) -> Read<Key> {
    let mut text = || reader.astring().map(|text| text.to_lowercase());
    Ok(match word {
        "BCC" | "CC" | "FROM" | "TO" | "SUBJECT" => Key::Header(word.to_ascii_lowercase(), text()?),
        "HEADER" => {
            let name = text()?;
            reader.space()?;
            Key::Header(name, reader.astring()?.to_lowercase())
        }
        "BODY" => Key::Body(text()?),
        "TEXT" => Key::Text(text()?),
        "KEYWORD" => Key::Keyword(reader.atom()?),
        "UNKEYWORD" => Key::Not(Box::new(Key::Keyword(reader.atom()?))),
        "LARGER" => Key::Larger(reader.number()?),
        "SMALLER" => Key::Smaller(reader.number()?),
        "UID" => Key::Uids(set(reader)?),
        "BEFORE" => Key::Arrived(When::Before, day(reader)?),
        "ON" => Key::Arrived(When::On, day(reader)?),
        "SINCE" => Key::Arrived(When::Since, day(reader)?),
        "SENTBEFORE" => Key::Sent(When::Before, day(reader)?),
        "SENTON" => Key::Sent(When::On, day(reader)?),
        "SENTSINCE" => Key::Sent(When::Since, day(reader)?),
        _ => return syntax("a search key is unknown"),
    })
}

fn set(reader: &mut Reader<'_>) -> Read<SequenceSet> {
    SequenceSet::parse(&reader.set()?).ok_or(ReadError::Syntax("not a set"))
}

fn day(reader: &mut Reader<'_>) -> Read<Date> {
    date(&reader.astring()?).ok_or(ReadError::Syntax("not a date"))
}
