//! The commands of a mailbox client (RFC 9051, section 6; RFC 3501 where it has more), as values.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use crate::sandbox::mailbox::items::{Item, items};
use crate::sandbox::mailbox::reader::{Read, ReadError, Reader};
use crate::sandbox::mailbox::search::{Key, keys};
use crate::sandbox::mailbox::sequence::SequenceSet;
use crate::sandbox::store::{Change, Flags};
use crate::secret::Secret;

pub(super) enum Command {
    Capability,
    Noop,
    Logout,
    StartTls,
    Login { user: String, password: Secret<String> },
    Authenticate { mechanism: String, initial: Option<String> },
    Id,
    Enable(Vec<String>),
    Namespace,
    Select { name: String, read_only: bool },
    Create(String),
    Delete(String),
    Rename { from: String, to: String },
    Subscribe { name: String, subscribed: bool },
    List(List),
    Status { name: String, items: Vec<String> },
    Append(Append),
    Idle,
    Check,
    Close { expunge: bool },
    Expunge(Option<SequenceSet>),
    Search { uid: bool, results: Option<Vec<String>>, key: Key },
    Fetch { uid: bool, set: SequenceSet, items: Vec<Item> },
    Store { uid: bool, set: SequenceSet, change: Change, silent: bool, flags: Flags },
    Copy { uid: bool, set: SequenceSet, to: String, leave: bool },
}

/// LIST with the extensions of RFC 9051, section 6.3.9, or LSUB.
#[derive(Default)]
pub(super) struct List {
    pub(super) lsub: bool,
    pub(super) selection: Vec<String>,
    pub(super) reference: String,
    pub(super) patterns: Vec<String>,
    pub(super) returns: Vec<String>,
    /// What RETURN (STATUS ...) asks for each folder.
    pub(super) status: Vec<String>,
}

/// APPEND up to the head of its literal; the message itself is still on its way.
pub(super) struct Append {
    pub(super) name: String,
    pub(super) flags: Flags,
    /// In seconds since 1970-01-01T00:00:00Z.
    pub(super) date: Option<i64>,
    pub(super) size: u64,
    pub(super) waits: bool,
}

fn syntax<T>(what: &'static str) -> Read<T> {
    Err(ReadError::Syntax(what))
}

impl Command {
    /// Reads a command behind its tag, and all of its line but for APPEND.
    pub(super) fn read(reader: &mut Reader<'_>) -> Read<Command> {
        let name = reader.word()?;
        let command = match name.as_str() {
            "CAPABILITY" => Command::Capability,
            "NOOP" => Command::Noop,
            "LOGOUT" => Command::Logout,
            "STARTTLS" => Command::StartTls,
            "NAMESPACE" => Command::Namespace,
            "IDLE" => Command::Idle,
            "CHECK" => Command::Check,
            "CLOSE" => Command::Close { expunge: true },
            "UNSELECT" => Command::Close { expunge: false },
            "EXPUNGE" => Command::Expunge(None),
            _ => {
                reader.space()?;
                Command::with_arguments(&name, reader)?
            }
        };
        if !matches!(command, Command::Append(_)) {
            reader.end()?;
        }
        Ok(command)
    }

    fn with_arguments(name: &str, reader: &mut Reader<'_>) -> Read<Command> {
        Ok(match name {
            "LOGIN" => {
                let user = reader.astring()?;
                reader.space()?;
                Command::Login { user, password: Secret::new(reader.astring()?) }
            }
            "AUTHENTICATE" => {
                let mechanism = reader.word()?;
                let initial = if reader.has(b' ')? { Some(base64(reader)?) } else { None };
                Command::Authenticate { mechanism, initial }
            }
            "ID" => {
                id(reader)?;
                Command::Id
            }
            "ENABLE" => {
                let mut names = vec![reader.word()?];
                while reader.has(b' ')? {
                    names.push(reader.word()?);
                }
                Command::Enable(names)
            }
            "SELECT" => Command::Select { name: reader.astring()?, read_only: false },
            "EXAMINE" => Command::Select { name: reader.astring()?, read_only: true },
            "CREATE" => Command::Create(reader.astring()?),
            "DELETE" => Command::Delete(reader.astring()?),
            "SUBSCRIBE" => Command::Subscribe { name: reader.astring()?, subscribed: true },
            "UNSUBSCRIBE" => Command::Subscribe { name: reader.astring()?, subscribed: false },
            "RENAME" => {
                let from = reader.astring()?;
                reader.space()?;
                Command::Rename { from, to: reader.astring()? }
            }
            "LIST" => Command::List(list(reader)?),
            "LSUB" => {
                let reference = reader.astring()?;
                reader.space()?;
                Command::List(List { lsub: true, reference, patterns: vec![reader.pattern()?], ..List::default() })
            }
            "STATUS" => {
                let name = reader.astring()?;
                reader.space()?;
                Command::Status { name, items: words(reader)? }
            }
            "APPEND" => Command::Append(append(reader)?),
            "UID" => {
                let name = reader.word()?;
                reader.space()?;
                Command::on_messages(&name, true, reader)?
            }
            _ => Command::on_messages(name, false, reader)?,
        })
    }

    fn on_messages(name: &str, uid: bool, reader: &mut Reader<'_>) -> Read<Command> {
        Ok(match (name, uid) {
            ("SEARCH", _) => {
                let (results, key) = keys(reader)?;
                Command::Search { uid, results, key }
            }
            ("FETCH", _) => {
                let set = set(reader)?;
                Command::Fetch { uid, set, items: items(reader)? }
            }
            ("STORE", _) => {
                let set = set(reader)?;
                let (change, silent, flags) = store(reader)?;
                Command::Store { uid, set, change, silent, flags }
            }
            ("COPY", _) => Command::Copy { uid, set: set(reader)?, to: reader.astring()?, leave: false },
            ("MOVE", _) => Command::Copy { uid, set: set(reader)?, to: reader.astring()?, leave: true },
            ("EXPUNGE", true) => {
                let text = reader.set()?;
                Command::Expunge(Some(SequenceSet::parse(&text).ok_or(ReadError::Syntax("not a set"))?))
            }
            _ => return syntax("the command is unknown"),
        })
    }
}

/// A set and the space behind it.
fn set(reader: &mut Reader<'_>) -> Read<SequenceSet> {
    let text = reader.set()?;
    reader.space()?;
    SequenceSet::parse(&text).ok_or(ReadError::Syntax("not a set"))
}

/// An initial response: base64, or `=` for an empty one (RFC 4959).
fn base64(reader: &mut Reader<'_>) -> Read<String> {
    let mut text = String::new();
    while !reader.at_end()? {
        text.push_str(&reader.atom()?);
    }
    Ok(text)
}

/// NIL, or a list of strings that nobody here wants to know (RFC 2971).
fn id(reader: &mut Reader<'_>) -> Read<()> {
    if !reader.has(b'(')? {
        return if reader.word()? == "NIL" { Ok(()) } else { syntax("NIL or a list") };
    }
    while !reader.has(b')')? {
        let _ = reader.astring()?;
        let _ = reader.has(b' ')?;
    }
    Ok(())
}

/// `(ONE TWO)`; may be empty.
fn words(reader: &mut Reader<'_>) -> Read<Vec<String>> {
    let mut words = Vec::new();
    reader.expect(b'(')?;
    while !reader.has(b')')? {
        if !words.is_empty() {
            reader.space()?;
        }
        words.push(reader.word()?);
    }
    Ok(words)
}

fn list(reader: &mut Reader<'_>) -> Read<List> {
    let mut list = List::default();
    if reader.peek()? == b'(' {
        list.selection = words(reader)?;
        reader.space()?;
    }
    list.reference = reader.astring()?;
    reader.space()?;
    if reader.has(b'(')? {
        while !reader.has(b')')? {
            if !list.patterns.is_empty() {
                reader.space()?;
            }
            list.patterns.push(reader.pattern()?);
        }
    } else {
        list.patterns.push(reader.pattern()?);
    }
    if reader.has(b' ')? {
        if reader.word()? != "RETURN" {
            return syntax("only RETURN may stand here");
        }
        reader.space()?;
        reader.expect(b'(')?;
        while !reader.has(b')')? {
            if !list.returns.is_empty() {
                reader.space()?;
            }
            let option = reader.word()?;
            if option == "STATUS" {
                reader.space()?;
                list.status = words(reader)?;
            }
            list.returns.push(option);
        }
    }
    Ok(list)
}

/// A list of flags; `\Recent` and what is no flag are refused.
fn flags(reader: &mut Reader<'_>) -> Read<Flags> {
    let mut flags = Flags::default();
    let listed = reader.has(b'(')?;
    let mut first = true;
    loop {
        if listed && reader.has(b')')? {
            return Ok(flags);
        }
        if !first {
            reader.space()?;
        }
        first = false;
        if !flags.insert(&reader.flag()?) {
            return syntax("a flag is unknown, or there are too many");
        }
        if !listed && reader.at_end()? {
            return Ok(flags);
        }
    }
}

fn store(reader: &mut Reader<'_>) -> Read<(Change, bool, Flags)> {
    let change = match reader.peek()? {
        b'+' => Change::Add,
        b'-' => Change::Remove,
        _ => Change::Replace,
    };
    if change != Change::Replace {
        let _ = reader.has(b'+')? || reader.has(b'-')?;
    }
    let silent = match reader.word()?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return syntax("FLAGS or FLAGS.SILENT"),
    };
    reader.space()?;
    Ok((change, silent, flags(reader)?))
}

fn append(reader: &mut Reader<'_>) -> Read<Append> {
    let name = reader.astring()?;
    reader.space()?;
    let mut found = Flags::default();
    if reader.peek()? == b'(' {
        found = flags(reader)?;
        reader.space()?;
    }
    let mut date = None;
    if reader.peek()? == b'"' {
        date = Some(date_time(&reader.string()?).ok_or(ReadError::Syntax("not a date and time"))?);
        reader.space()?;
    }
    let (size, waits) = reader.literal_head()?;
    Ok(Append { name, flags: found, date, size, waits })
}

/// `17-Jul-1996 02:44:25 -0700`, the day perhaps with a space before it, in seconds since 1970-01-01T00:00:00Z.
fn date_time(text: &str) -> Option<i64> {
    let mut parts = text.trim_start().split(' ');
    let (date, time, zone) = (date(parts.next()?)?, parts.next()?, parts.next()?);
    let mut clock = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let at = DateTime::new(date.year(), date.month(), date.day(), hour, minute, second, 0).ok()?;
    let (sign, digits) = zone.split_at_checked(1)?;
    let digits = if digits.len() == 4 { digits.parse::<i32>().ok()? } else { return None };
    let seconds = (digits / 100 * 60 + digits % 100) * 60;
    let offset = Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()?;
    Some(TimeZone::fixed(offset).to_timestamp(at).ok()?.as_second())
}

/// `17-Jul-1996`.
pub(super) fn date(text: &str) -> Option<Date> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut parts = text.split('-');
    let day = parts.next()?.parse().ok()?;
    let month = parts.next()?.to_ascii_lowercase();
    let month = (1i8..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let year = parts.next()?.parse().ok()?;
    Date::new(year, month, day).ok().filter(|_| parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::command::{date, date_time};

    #[test]
    fn dates_are_read_as_imap_writes_them() {
        assert_eq!(date_time("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(date_time(" 5-Jan-2026 08:00:00 +0000"), Some(1_767_600_000));
        assert_eq!(date("1-Feb-1994").unwrap().to_string(), "1994-02-01");
        for bad in ["", "31-Feb-1994", "1-Fev-1994", "1-Feb", "1-Feb-1994-2"] {
            assert_eq!(date(bad), None, "{bad}");
        }
        for bad in ["5-Jan-2026", "5-Jan-2026 25:00:00 +0000", "5-Jan-2026 08:00:00 Z", "5-Jan-2026 08:00:00 +99999"] {
            assert_eq!(date_time(bad), None, "{bad}");
        }
    }
}
