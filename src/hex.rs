//! Octets as hexadecimal digits, two each, in lower case (RFC 4648, section 8).

use std::fmt;

/// Shows octets.
#[derive(Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Fills `octets` from exactly twice as many digits of either case; tells whether they were that. No copy is left behind.
pub fn read(text: &str, octets: &mut [u8]) -> bool {
    let digits = text.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.len() == 2 * octets.len()
        && octets.iter_mut().zip(digits.chunks_exact(2)).all(|(octet, pair)| {
            let both = value(pair[0]).zip(value(pair[1]));
            *octet = both.map_or(0, |(high, low)| high << 4 | low);
            both.is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_read_back() {
        let octets = [0x00, 0x7f, 0xa5, 0xff];
        assert_eq!(Hex(&octets).to_string(), "007fa5ff");
        let mut back = [0; 4];
        assert!(read("007FA5ff", &mut back));
        assert_eq!(back, octets);
    }

    #[test]
    fn other_digits_and_other_lengths_are_refused() {
        for text in ["", "0", "00", "000", "00000", "0g00", "+100", "é00"] {
            assert!(!read(text, &mut [0; 2]), "{text}");
        }
    }
}
