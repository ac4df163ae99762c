//! Folder names on the wire, in modified UTF-7 (RFC 3501, section 5.1.3), and what folders are for (RFC 6154).

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use io_imap::types::mailbox::Mailbox;

/// Base64 with `,` in the place of `/` and without padding.
const MODIFIED_BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Longest name that is sent, in octets.
const NAME_LIMIT: usize = 1000;

/// The name as the server knows it. Nothing for a name that is empty, too long, or has control characters.
pub(super) fn on_the_wire(name: &str) -> Option<Mailbox<'static>> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return None;
    }
    let mut encoded = String::with_capacity(name.len());
    let mut shifted = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut shifted, &mut encoded);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut shifted, &mut encoded);
    if encoded.len() > NAME_LIMIT { None } else { Mailbox::try_from(encoded).ok() }
}

/// A pattern of names as the server knows it; its wildcards are as they were.
pub(super) fn pattern_on_the_wire(pattern: &str) -> Option<String> {
    match on_the_wire(pattern)? {
        Mailbox::Inbox => Some("INBOX".to_owned()),
        Mailbox::Other(other) => String::from_utf8(other.as_ref().to_vec()).ok(),
    }
}

/// The same as text of a command: an atom where it can be, else in quotes.
pub(super) fn as_argument(name: &str) -> Option<String> {
    let encoded = pattern_on_the_wire(name)?;
    let is_atom = encoded.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\".contains(&b));
    Some(if is_atom { encoded } else { format!("\"{}\"", encoded.replace('\\', "\\\\").replace('"', "\\\"")) })
}

/// The name that a server gave. Nothing for one that is not encoded as it should be, and could not be asked for again.
pub(super) fn from_the_wire(mailbox: &Mailbox<'_>) -> Option<String> {
    let encoded = match mailbox {
        Mailbox::Inbox => return Some("INBOX".to_owned()),
        Mailbox::Other(other) => std::str::from_utf8(other.as_ref()).ok()?,
    };
    let mut name = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (shifted, after) = shifted.split_once('-')?;
        if shifted.is_empty() {
            name.push('&');
        } else {
            let octets = MODIFIED_BASE64.decode(shifted).ok()?;
            let units = octets.chunks(2).map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
            name.push_str(&String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()?);
        }
        rest = after;
    }
    name.push_str(rest);
    // Octet by octet: a server may put quotes around what we would not.
    let again = match on_the_wire(&name)? {
        Mailbox::Inbox => return None,
        Mailbox::Other(again) => again.as_ref() == encoded.as_bytes(),
    };
    again.then_some(name)
}

/// What a folder is for (RFC 6154, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialUse {
    Archive,
    Drafts,
    Junk,
    Sent,
    Trash,
}

impl SpecialUse {
    /// Every one.
    pub const ALL: [SpecialUse; 5] =
        [SpecialUse::Archive, SpecialUse::Drafts, SpecialUse::Junk, SpecialUse::Sent, SpecialUse::Trash];

    /// The attribute that LIST shows.
    pub fn attribute(self) -> &'static str {
        match self {
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }
}

/// Ends a run of characters outside ASCII.
fn unshift(shifted: &mut Vec<u8>, encoded: &mut String) {
    if !shifted.is_empty() {
        encoded.push('&');
        MODIFIED_BASE64.encode_string(&shifted, encoded);
        encoded.push('-');
        shifted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &str) -> String {
        match on_the_wire(name).unwrap() {
            Mailbox::Inbox => "INBOX".to_owned(),
            Mailbox::Other(other) => String::from_utf8(other.as_ref().to_vec()).unwrap(),
        }
    }

    #[test]
    fn names_are_written_as_in_rfc_3501() {
        assert_eq!(encoded("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(encoded("Traités & classés"), "Trait&AOk-s &- class&AOk-s");
        assert_eq!(encoded("😀"), "&2D3eAA-");
        assert_eq!(encoded("inbox"), "INBOX");
    }

    #[test]
    fn a_name_stands_in_a_command_as_an_atom_or_in_quotes() {
        let pairs = [("inbox", "INBOX"), ("Traités", "Trait&AOk-s"), ("a b", "\"a b\""), ("a\"\\", "\"a\\\"\\\\\"")];
        for (name, text) in pairs {
            assert_eq!(as_argument(name).as_deref(), Some(text));
        }
        assert_eq!(as_argument("a\r\nx LOGOUT"), None);
    }

    #[test]
    fn a_name_comes_back_from_the_wire() {
        for name in ["~peter/mail/台北/日本語", "Traités & classés", "😀", "INBOX", "&é&", "a-b"] {
            assert_eq!(from_the_wire(&on_the_wire(name).unwrap()).as_deref(), Some(name));
        }
        for bad in ["&", "a&b", "&AOk", "&A-", "&2D0-", "&AGE-", "&!!-"] {
            assert_eq!(from_the_wire(&Mailbox::try_from(bad.to_owned()).unwrap()), None, "{bad}");
        }
    }

    #[test]
    fn a_name_cannot_carry_a_command() {
        let long = "é".repeat(500);
        for bad in ["", "a\r\nx LOGOUT", "a\0", "\u{85}", &long] {
            assert!(on_the_wire(bad).is_none(), "{bad:?}");
        }
    }
}
