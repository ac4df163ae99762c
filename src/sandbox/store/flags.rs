//! The flags of a message (RFC 9051, section 2.3.2): five of the system's, and keywords.

use std::fmt;

/// How many keywords a message may have, and how long one may be.
const MAX_KEYWORDS: usize = 32;
const MAX_KEYWORD: usize = 64;

/// The system flags that last; `\Recent` belongs to a session, not to a message.
const SYSTEM: [(u8, &str); 5] = [
    (Flags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, "\\Deleted"),
    (Flags::SEEN, "\\Seen"),
    (Flags::DRAFT, "\\Draft"),
];

/// A set of flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Flags {
    system: u8,
    keywords: Vec<String>,
}

/// What STORE does with the flags it names (RFC 9051, section 6.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Change {
    Replace,
    Add,
    Remove,
}

impl Flags {
    pub(in crate::sandbox) const SEEN: u8 = 1;
    pub(in crate::sandbox) const DELETED: u8 = 2;
    pub(in crate::sandbox) const ANSWERED: u8 = 4;
    pub(in crate::sandbox) const FLAGGED: u8 = 8;
    pub(in crate::sandbox) const DRAFT: u8 = 16;

    /// The set with this one system flag.
    pub(in crate::sandbox) fn of(system: u8) -> Flags {
        Flags { system, keywords: Vec::new() }
    }

    /// Whether the system flag is set.
    pub(in crate::sandbox) fn has(&self, system: u8) -> bool {
        self.system & system != 0
    }

    /// Whether the keyword is set, letter case apart.
    pub(in crate::sandbox) fn has_keyword(&self, keyword: &str) -> bool {
        self.keywords.iter().any(|known| known.eq_ignore_ascii_case(keyword))
    }

    /// Adds a flag by its name; false for one that is unknown, malformed, or one too many. `\Recent` cannot be set.
    pub(in crate::sandbox) fn insert(&mut self, name: &str) -> bool {
        if let Some((bit, _)) = SYSTEM.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
            self.system |= bit;
            return true;
        }
        let atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
        if name.is_empty() || name.len() > MAX_KEYWORD || !name.bytes().all(atom) {
            return false;
        }
        if self.has_keyword(name) {
            return true;
        }
        if self.keywords.len() >= MAX_KEYWORDS {
            return false;
        }
        self.keywords.push(name.to_owned());
        self.keywords.sort_unstable();
        true
    }

    /// The set after a change; keywords beyond the limit are left out.
    pub(in crate::sandbox) fn changed(&self, change: Change, by: &Flags) -> Flags {
        let mut changed = match change {
            Change::Replace => return by.clone(),
            Change::Add | Change::Remove => self.clone(),
        };
        if change == Change::Add {
            changed.system |= by.system;
            for keyword in &by.keywords {
                changed.insert(keyword);
            }
        } else {
            changed.system &= !by.system;
            changed.keywords.retain(|keyword| !by.has_keyword(keyword));
        }
        changed
    }

    /// Reads what `Display` wrote; what is not a flag is left out.
    pub(in crate::sandbox) fn parse(text: &str) -> Flags {
        let mut flags = Flags::default();
        for name in text.split_ascii_whitespace() {
            flags.insert(name);
        }
        flags
    }
}

/// The names, a space between two.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = SYSTEM.iter().filter(|(bit, _)| self.has(*bit)).map(|(_, name)| *name);
        for (index, name) in system.chain(self.keywords.iter().map(String::as_str)).enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::store::flags::{Change, Flags};

    #[test]
    fn flags_are_read_as_they_are_written() {
        let flags = Flags::parse("\\seen $Forwarded \\Deleted");
        assert_eq!(flags.to_string(), "\\Deleted \\Seen $Forwarded");
        assert_eq!(Flags::parse(&flags.to_string()), flags);
    }

    #[test]
    fn what_is_no_flag_is_not_kept() {
        let mut flags = Flags::default();
        for bad in ["\\Recent", "\\Unknown", "", "a b", "(", &"x".repeat(65)] {
            assert!(!flags.insert(bad), "{bad:?}");
        }
        assert_eq!(flags, Flags::default());
    }

    #[test]
    fn a_change_adds_removes_or_replaces() {
        let flags = Flags::parse("\\Seen work");
        let by = Flags::parse("\\Seen \\Flagged WORK");
        assert_eq!(flags.changed(Change::Add, &by), Flags::parse("\\Flagged \\Seen work"));
        assert_eq!(flags.changed(Change::Remove, &by), Flags::default());
        assert_eq!(flags.changed(Change::Replace, &by), by);
    }
}
