//! The two check-digit rules of the registers: Luhn (ISO/IEC 7812-1, annex B) and the NIR key (97 - n mod 97).

/// Whether a string of digits passes Luhn.
pub(super) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let doubled = u32::from(digit) << (at % 2);
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The two-digit key of a 13-digit NIR.
pub(super) fn nir_key(thirteen: u64) -> u64 {
    97 - thirteen % 97
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_finds_a_changed_digit() {
        let passes = |text: &str| luhn(text.bytes().map(|b| b - b'0'));
        assert!(passes("99700000013"));
        assert!(!passes("99700000014"));
    }

    #[test]
    fn the_nir_key_is_that_of_the_official_sample() {
        assert_eq!(nir_key(2_790_351_215_189), 89);
    }
}
