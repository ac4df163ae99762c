//! Passwords, seeds and keys of the sandbox, drawn at its first start.

use aws_lc_rs::rand;

use crate::secret::Secret;

/// Octets of the system's randomness.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0u8; N];
    rand::fill(&mut octets).expect("the system gives randomness");
    octets
}

/// Four groups of four letters and digits without look-alikes: 80 bits, easy to type.
pub(super) fn password() -> Secret<String> {
    let letters: String = base32(&random::<10>()).expose().to_lowercase();
    let groups: Vec<&str> = [0, 4, 8, 12].iter().filter_map(|&at| letters.get(at..at + 4)).collect();
    Secret::new(groups.join("-"))
}

/// Base32 without padding (RFC 4648, section 6) of a whole number of groups of five octets.
pub(super) fn base32(octets: &[u8]) -> Secret<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(octets.len() * 8 / 5);
    for group in octets.chunks_exact(5) {
        let number = group.iter().fold(0u64, |number, octet| number << 8 | u64::from(*octet));
        for at in (0..8).rev() {
            let index = (number >> (5 * at)) & 31;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    Secret::new(text)
}

/// Two lower-case digits for each octet.
pub(super) fn hex(octets: &[u8]) -> Secret<String> {
    Secret::new(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"fooba").expose(), "MZXW6YTB");
        assert_eq!(base32(b"12345678901234567890").expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_password_is_four_groups_of_four() {
        let password = password();
        assert_eq!(password.expose().len(), 19);
        assert!(password.expose().split('-').all(|group| group.len() == 4));
    }
}
