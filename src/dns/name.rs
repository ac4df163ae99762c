//! Names as they may be asked for, and as answers are shown: letters, digits, hyphens and underscores.

use simple_dns::Name;

/// Longest name in text, without the final dot (RFC 1035, section 2.3.4).
const LONGEST: usize = 253;

/// Whether this can be looked up: labels of 1 to 63 letters, digits, hyphens or underscores.
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_plain);
    text.len() <= LONGEST && text.split('.').all(label)
}

/// A name of an answer in lower case, without the final dot; the root is empty. An octet that no name of ours has becomes `?`,
/// which [`is_name`] refuses.
pub(super) fn shown(name: &Name<'_>) -> String {
    let label = |label: &[u8]| -> String {
        label.iter().map(|octet| if is_plain(*octet) { char::from(octet.to_ascii_lowercase()) } else { '?' }).collect()
    };
    name.as_bytes().map(label).collect::<Vec<_>>().join(".")
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_short_labels_of_plain_characters() {
        for good in ["a", "_imaps._tcp.biologie.sandbox", "xn--caf-dma.fr", "10.0.0.1"] {
            assert!(is_name(good), "{good}");
        }
        let (long_label, long_name) = ("a".repeat(64), ["a".repeat(60).as_str(); 5].join("."));
        for bad in ["", ".", "a..b", "a.", "é.fr", "a b", "a\0", &long_label, &long_name] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn what_steers_a_terminal_is_not_shown() {
        let labels = [&b"\x1b[2J"[..], b"A.b", b"Fr"].map(simple_dns::Label::new_unchecked);
        assert_eq!(shown(&Name::new_with_labels(&labels)), "??2j.a?b.fr");
    }
}
