//! The password of a package: twenty-five digits in five groups, made to be read out over a telephone.

use crate::secret::Secret;

/// Groups, and digits in each: 25 digits are 83 bits.
const GROUPS: usize = 5;
const DIGITS: usize = 5;
/// Octets from here on are thrown away, so that every digit is equally likely.
const UNEVEN: u8 = 250;

/// A password that was drawn for one message, and is kept nowhere.
///
/// Digits alone: they are dictated and typed without mistake in any language, on any keyboard and on a telephone, where
/// letters have to be spelt, have cases and look like one another. What that costs in length, groups of five make up for. The
/// hyphens are part of it, so that it can also be copied as it is.
pub struct Password(Secret<String>);

impl Password {
    /// Draws one; nothing if the system gives no randomness.
    pub fn generate() -> Option<Password> {
        let mut text = String::with_capacity(GROUPS * (DIGITS + 1));
        let mut drawn = [0u8; 32];
        while text.len() < GROUPS * (DIGITS + 1) - 1 {
            aws_lc_rs::rand::fill(&mut drawn).ok()?;
            for octet in drawn.into_iter().filter(|octet| *octet < UNEVEN) {
                if text.len() % (DIGITS + 1) == DIGITS {
                    text.push('-');
                }
                text.push(char::from(b'0' + octet % 10));
                if text.len() == GROUPS * (DIGITS + 1) - 1 {
                    break;
                }
            }
        }
        zeroize::Zeroize::zeroize(&mut drawn);
        Some(Password(Secret::new(text)))
    }

    /// The text of it, still in custody.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_five_groups_of_five_digits() {
        let mut counts = [0u32; 10];
        for _ in 0..400 {
            let password = Password::generate().unwrap();
            let text = password.secret().expose();
            let groups: Vec<&str> = text.split('-').collect();
            assert_eq!(groups.len(), 5, "{text}");
            for digit in groups.iter().flat_map(|group| {
                assert_eq!(group.len(), 5, "{text}");
                group.bytes()
            }) {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        // 1,000 of each are expected; one in a billion runs is farther off than this.
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }

    #[test]
    fn no_two_are_the_same_and_none_shows_itself() {
        let (one, other) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert_ne!(one.secret().expose(), other.secret().expose());
        assert_eq!(format!("{:?}", one.secret()), "[secret]");
    }
}
