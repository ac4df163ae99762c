//! Identifiers of people, structures and patients: parsed into types, so that nobody validates twice.

mod checksum;
mod patient;
mod person;
mod structure;

pub use patient::{Ins, InsAuthority};
pub use person::{Adeli, Idnps, Rpps};
pub use structure::{Finess, Idnst, Siren, Siret};

/// Why a text is not the identifier it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Another number of characters than the identifier has.
    #[error("it has {found} characters, not {expected}")]
    Length { expected: usize, found: usize },
    /// A character that cannot stand there.
    #[error("character {0} cannot stand in it")]
    Character(usize),
    /// The check digit does not fit the rest: most often a typing error.
    #[error("its check digit does not fit")]
    Key,
    /// The first character announces no kind of identifier we know.
    #[error("its first character announces no known kind")]
    Kind,
}

fn digits(text: &str, expected: usize) -> Result<(), IdError> {
    let found = text.chars().count();
    if found != expected {
        return Err(IdError::Length { expected, found });
    }
    match text.chars().position(|c| !c.is_ascii_digit()) {
        Some(at) => Err(IdError::Character(at + 1)),
        None => Ok(()),
    }
}
