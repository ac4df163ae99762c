//! Names of folders, and the file names they are kept under.

/// What stands between the levels of a name.
pub(in crate::sandbox) const DELIMITER: char = '/';

/// The one name that is the same in any letter case (RFC 9051, section 5.1).
pub(in crate::sandbox) const INBOX: &str = "INBOX";

/// The longest file name that is made, below the 255 octets of common file systems.
const MAX_ENCODED: usize = 240;

/// The name with INBOX in the one spelling that is used here.
pub(in crate::sandbox) fn fold_inbox(name: &str) -> &str {
    if name.eq_ignore_ascii_case(INBOX) { INBOX } else { name }
}

/// The file name of a folder: letters and digits as they are, everything else as %XX; `None` for what is no name.
pub(super) fn encode(name: &str) -> Option<String> {
    let name = fold_inbox(name);
    let unfit = |c: char| c.is_control() || c == '*' || c == '%';
    if name.split(DELIMITER).any(str::is_empty) || name.chars().any(unfit) {
        return None;
    }
    let mut encoded = String::new();
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_' {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    (encoded.len() <= MAX_ENCODED).then_some(encoded)
}

/// The folder that a file name stands for, if `encode` made it.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let digit = |octet: u8| char::from(octet).to_digit(16);
            let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
            octets.push(u8::try_from(value).ok()?);
        } else {
            octets.push(octet);
        }
    }
    let name = String::from_utf8(octets).ok()?;
    (encode(&name).as_deref() == Some(encoded)).then_some(name)
}

#[cfg(test)]
mod tests {
    use crate::sandbox::store::names::{decode, encode};

    #[test]
    fn a_name_comes_back_from_its_file_name() {
        for name in ["INBOX", "Archive/2026", "Re&AOk-sultats", "été", ".hidden", "a b"] {
            let encoded = encode(name).unwrap();
            assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_%".contains(&b)), "{encoded}");
            assert_eq!(decode(&encoded).as_deref(), Some(name));
        }
        assert_eq!(encode("inbox").as_deref(), Some("INBOX"));
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        for bad in ["", "/", "/a", "a/", "a//b", "a*", "50%", "a\nb", &"é".repeat(41)] {
            assert_eq!(encode(bad), None, "{bad:?}");
        }
        for bad in [".staged-00", "..", "a.b", "%2", "%2f", "inbox"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
