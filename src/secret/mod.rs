//! Secrets: values that do not show themselves and are wiped, one-time codes, sealing keys, and the way to ask for one.

mod prompt;
mod sealing;
mod totp;

pub use prompt::{NoPrompt, Prompt, PromptError};
pub use sealing::{SEAL_OVERHEAD, SealingKey, Unsealable};
pub use totp::{Totp, TotpError};

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A value that is never printed and is overwritten when dropped.
///
/// `Debug` shows `[secret]` in every build. Only the files listed in `tests/house.rs` may call [`Secret::expose`].
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into custody.
    pub fn new(value: T) -> Self {
        Secret(Zeroizing::new(value))
    }

    /// The value itself, for the one function that must use it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Secret::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_value() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[secret] Some([secret])");
    }
}
