//! What FETCH asks for (RFC 9051, section 6.4.5).

use crate::sandbox::mailbox::reader::{Read, ReadError, Reader};

/// How deep a part number may go, and how many header fields may be named.
const MAX_DEPTH: usize = 20;
const MAX_FIELDS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Flags,
    Uid,
    InternalDate,
    Size,
    Envelope,
    /// BODY, or BODYSTRUCTURE with its extension data.
    Structure {
        extended: bool,
    },
    Section(Section),
    /// BINARY\[...\]: the part with its encoding taken off.
    Binary {
        part: Vec<usize>,
        peek: bool,
        partial: Option<(u64, u64)>,
        size_only: bool,
    },
}

/// A piece of the message, streamed as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Without the partial, as the answer repeats it.
    pub(super) label: String,
    pub(super) part: Vec<usize>,
    pub(super) what: What,
    pub(super) peek: bool,
    /// First octet and how many.
    pub(super) partial: Option<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Everything,
    Header,
    Fields { names: Vec<String>, not: bool },
    Text,
    Mime,
}

impl Item {
    /// Whether the message counts as seen afterwards.
    pub(super) fn marks_seen(&self) -> bool {
        match self {
            Item::Section(section) => !section.peek,
            Item::Binary { peek, size_only, .. } => !peek && !size_only,
            _ => false,
        }
    }
}

fn syntax<T>(what: &'static str) -> Read<T> {
    Err(ReadError::Syntax(what))
}

/// Reads ALL, FAST, FULL, one item, or a list of items.
pub(super) fn items(reader: &mut Reader<'_>) -> Read<Vec<Item>> {
    let mut items = Vec::new();
    if reader.has(b'(')? {
        loop {
            item(reader, &mut items)?;
            if reader.has(b')')? {
                break;
            }
            reader.space()?;
        }
    } else {
        item(reader, &mut items)?;
    }
    Ok(items)
}

fn item(reader: &mut Reader<'_>, items: &mut Vec<Item>) -> Read<()> {
    if items.len() >= MAX_FIELDS {
        return syntax("too many items");
    }
    let mut name = String::new();
    while !matches!(reader.peek()?, b' ' | b')' | b'[' | b'\r' | b'\n') {
        let letter = reader.peek()?;
        reader.expect(letter)?;
        name.push(char::from(letter.to_ascii_uppercase()));
    }
    let whole = |label: &str, what, peek| {
        Item::Section(Section { label: label.to_owned(), part: Vec::new(), what, peek, partial: None })
    };
    let bracket = reader.peek()? == b'[';
    match (name.as_str(), bracket) {
        ("ALL", false) => items.extend([Item::Flags, Item::InternalDate, Item::Size, Item::Envelope]),
        ("FAST", false) => items.extend([Item::Flags, Item::InternalDate, Item::Size]),
        ("FULL", false) => items.extend([
            Item::Flags,
            Item::InternalDate,
            Item::Size,
            Item::Envelope,
            Item::Structure { extended: false },
        ]),
        ("FLAGS", false) => items.push(Item::Flags),
        ("UID", false) => items.push(Item::Uid),
        ("INTERNALDATE", false) => items.push(Item::InternalDate),
        ("RFC822.SIZE", false) => items.push(Item::Size),
        ("ENVELOPE", false) => items.push(Item::Envelope),
        ("BODY", false) => items.push(Item::Structure { extended: false }),
        ("BODYSTRUCTURE", false) => items.push(Item::Structure { extended: true }),
        ("RFC822", false) => items.push(whole("RFC822", What::Everything, false)),
        ("RFC822.HEADER", false) => items.push(whole("RFC822.HEADER", What::Header, true)),
        ("RFC822.TEXT", false) => items.push(whole("RFC822.TEXT", What::Text, false)),
        ("BODY", true) => items.push(section(reader, false)?),
        ("BODY.PEEK", true) => items.push(section(reader, true)?),
        ("BINARY" | "BINARY.PEEK" | "BINARY.SIZE", true) => items.push(binary(reader, &name)?),
        _ => return syntax("an item is unknown"),
    }
    Ok(())
}

fn section(reader: &mut Reader<'_>, peek: bool) -> Read<Item> {
    reader.expect(b'[')?;
    let (part, more) = part_number(reader)?;
    let mut label: String = part.iter().map(|number| format!("{number}.")).collect();
    let mut what = What::Everything;
    if more {
        let mut word = String::new();
        while !matches!(reader.peek()?, b' ' | b']' | b'\r' | b'\n') {
            let letter = reader.peek()?;
            reader.expect(letter)?;
            word.push(char::from(letter.to_ascii_uppercase()));
        }
        label.push_str(&word);
        what = match word.as_str() {
            "HEADER" => What::Header,
            "TEXT" => What::Text,
            "MIME" if !part.is_empty() => What::Mime,
            "HEADER.FIELDS" => What::Fields { names: fields(reader)?, not: false },
            "HEADER.FIELDS.NOT" => What::Fields { names: fields(reader)?, not: true },
            _ => return syntax("a section is unknown"),
        };
        if let What::Fields { names, .. } = &what {
            label.push_str(&format!(" ({})", names.join(" ")));
        }
    } else {
        label.truncate(label.trim_end_matches('.').len());
    }
    reader.expect(b']')?;
    Ok(Item::Section(Section { label: format!("BODY[{label}]"), part, what, peek, partial: partial(reader)? }))
}

fn binary(reader: &mut Reader<'_>, name: &str) -> Read<Item> {
    reader.expect(b'[')?;
    let (part, more) = part_number(reader)?;
    if more {
        return syntax("a part number alone");
    }
    reader.expect(b']')?;
    let size_only = name == "BINARY.SIZE";
    let partial = if size_only { None } else { partial(reader)? };
    Ok(Item::Binary { part, peek: name == "BINARY.PEEK", partial, size_only })
}

/// `1.2.` and whether something follows it within the brackets.
fn part_number(reader: &mut Reader<'_>) -> Read<(Vec<usize>, bool)> {
    let mut part = Vec::new();
    while reader.peek()?.is_ascii_digit() {
        let number = reader.number()?;
        let number = usize::try_from(number).ok().filter(|number| *number > 0 && part.len() < MAX_DEPTH);
        part.push(number.ok_or(ReadError::Syntax("not a part number"))?);
        if !reader.has(b'.')? {
            return Ok((part, false));
        }
    }
    Ok((part, reader.peek()? != b']'))
}

fn fields(reader: &mut Reader<'_>) -> Read<Vec<String>> {
    reader.space()?;
    reader.expect(b'(')?;
    let mut names = Vec::new();
    loop {
        let name = reader.astring()?;
        if names.len() >= MAX_FIELDS || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return syntax("not names of header fields");
        }
        names.push(name.to_ascii_uppercase());
        if reader.has(b')')? {
            return Ok(names);
        }
        reader.space()?;
    }
}

/// `<0.2048>`.
fn partial(reader: &mut Reader<'_>) -> Read<Option<(u64, u64)>> {
    if !reader.has(b'<')? {
        return Ok(None);
    }
    let first = reader.number()?;
    reader.expect(b'.')?;
    let count = reader.number()?;
    reader.expect(b'>')?;
    if count == 0 { syntax("a piece of nothing") } else { Ok(Some((first, count))) }
}
