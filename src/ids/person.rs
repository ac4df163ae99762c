//! Professionals: RPPS, ADELI (being retired) and the national person identifier that wraps them (TRE_G08).

use std::fmt;
use std::str::FromStr;

use super::checksum::luhn;
use super::{IdError, digits};

/// The number of a professional in the shared register (répertoire partagé des professionnels): 11 digits.
///
/// Published examples exist whose check digit does not fit, so a number is parsed without it; ask
/// [`Rpps::key_fits`] where a typing error should be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rpps(String);

impl Rpps {
    /// Whether the last digit is the Luhn check digit of the others.
    pub fn key_fits(&self) -> bool {
        luhn(self.0.bytes().map(|b| b - b'0'))
    }

    /// The eleven digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Rpps {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Rpps, IdError> {
        digits(text, 11)?;
        Ok(Rpps(text.to_owned()))
    }
}

impl fmt::Display for Rpps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number of the older departmental register: 9 characters, a letter A-F standing for 1-6 in the check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Adeli(String);

impl Adeli {
    /// The nine characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Adeli {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Adeli, IdError> {
        let text = text.to_ascii_uppercase();
        let found = text.chars().count();
        if found != 9 {
            return Err(IdError::Length { expected: 9, found });
        }
        let mut values = Vec::with_capacity(9);
        for (at, c) in text.chars().enumerate() {
            values.push(match c {
                '0'..='9' => c as u8 - b'0',
                'A'..='F' => c as u8 - b'A' + 1,
                _ => return Err(IdError::Character(at + 1)),
            });
        }
        if luhn(values.into_iter()) { Ok(Adeli(text)) } else { Err(IdError::Key) }
    }
}

/// The national identifier of a person: a digit for the register, then the number in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Idnps {
    /// `8` and an RPPS number.
    Rpps(Rpps),
    /// `0` and an ADELI number.
    Adeli(Adeli),
    /// `1`, `3`, `4`, `5` or `6` and a number given by a structure.
    Other(String),
}

impl FromStr for Idnps {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Idnps, IdError> {
        match text.split_at_checked(1) {
            Some(("8", rest)) => rest.parse().map(Idnps::Rpps),
            Some(("0", rest)) => rest.parse().map(Idnps::Adeli),
            Some(("1" | "3" | "4" | "5" | "6", rest)) if !rest.is_empty() => Ok(Idnps::Other(text.to_owned())),
            _ => Err(IdError::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rpps_has_eleven_digits() {
        assert!("99700000013".parse::<Rpps>().unwrap().key_fits());
        assert!(!"99700000014".parse::<Rpps>().unwrap().key_fits());
        assert_eq!("9970000001".parse::<Rpps>(), Err(IdError::Length { expected: 11, found: 10 }));
        assert_eq!("9970000001A".parse::<Rpps>(), Err(IdError::Character(11)));
    }

    #[test]
    fn a_person_identifier_tells_its_register() {
        assert_eq!("899700000013".parse::<Idnps>(), Ok(Idnps::Rpps("99700000013".parse().unwrap())));
        assert_eq!("999700000013".parse::<Idnps>(), Err(IdError::Kind));
        assert_eq!("".parse::<Idnps>(), Err(IdError::Kind));
    }
}
