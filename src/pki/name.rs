//! Distinguished names as a reader may see them: RFC 4514, without characters that steer a terminal, bounded.

use der::Tagged;
use x509_cert::name::Name;

/// The longest name shown, in characters.
const LONGEST: usize = 512;

/// The whole name, most particular part first.
pub(super) fn printable(name: &Name) -> String {
    safe(&name.to_string())
}

/// The first commonName (2.5.4.3).
pub(super) fn common_name(name: &Name) -> Option<String> {
    let oid = der::asn1::ObjectIdentifier::new_unwrap("2.5.4.3");
    attribute_text(name, oid).next().map(|text| safe(&text))
}

/// The texts of one attribute, as they stand.
pub(super) fn attribute_text(name: &Name, oid: der::asn1::ObjectIdentifier) -> impl Iterator<Item = String> + '_ {
    name.iter().filter(move |part| part.oid == oid).filter_map(|part| match part.value.tag() {
        der::Tag::BmpString => {
            let units: Vec<u16> = part.value.value().chunks(2).map(|c| c.iter().fold(0, be)).collect();
            String::from_utf16(&units).ok()
        }
        _ => std::str::from_utf8(part.value.value()).ok().map(str::to_owned),
    })
}

fn be(high: u16, low: &u8) -> u16 {
    high << 8 | u16::from(*low)
}

/// Text from outside with control and direction-changing characters replaced.
pub(super) fn safe(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().take(LONGEST).map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_replaced_and_length_is_bounded() {
        assert_eq!(safe("a\u{1b}[31m\u{202e}b"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(safe(&"x".repeat(5000)).len(), LONGEST);
    }
}
