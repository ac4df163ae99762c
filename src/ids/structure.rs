//! Structures: FINESS, SIREN, SIRET and the national structure identifier that wraps them (TRE_G07).

use std::fmt;
use std::str::FromStr;

use super::checksum::luhn;
use super::{IdError, digits};

macro_rules! luhn_digits {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The characters of the identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                digits(text, $length)?;
                if luhn(text.bytes().map(|b| b - b'0')) { Ok($name(text.to_owned())) } else { Err(IdError::Key) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

luhn_digits!(
    /// A company: 9 digits.
    Siren,
    9
);
luhn_digits!(
    /// One establishment of a company: 14 digits.
    Siret,
    14
);

/// A health establishment in the national file: 9 characters; Corsican numbers carry a letter A or B, read as 1 or 2.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finess(String);

impl Finess {
    /// The nine characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Finess {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Finess, IdError> {
        let text = text.to_ascii_uppercase();
        digits(&text.replacen('A', "1", 1).replacen('B', "2", 1), 9)?;
        let values = text.bytes().map(|b| match b {
            b'A' => 1,
            b'B' => 2,
            _ => b - b'0',
        });
        if luhn(values) { Ok(Finess(text)) } else { Err(IdError::Key) }
    }
}

impl fmt::Display for Finess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The national identifier of a structure: a digit for the register, then the number in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Idnst {
    /// `1` and a FINESS number.
    Finess(Finess),
    /// `2` and a SIREN.
    Siren(Siren),
    /// `3` and a SIRET.
    Siret(Siret),
    /// `0` (practice, by ADELI) or `4` (practice, by RPPS; also ROR), and a number.
    Other(String),
}

impl FromStr for Idnst {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Idnst, IdError> {
        match text.split_at_checked(1) {
            Some(("1", rest)) => rest.parse().map(Idnst::Finess),
            Some(("2", rest)) => rest.parse().map(Idnst::Siren),
            Some(("3", rest)) => rest.parse().map(Idnst::Siret),
            Some(("0" | "4", rest)) if !rest.is_empty() => Ok(Idnst::Other(text.to_owned())),
            _ => Err(IdError::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finess_number_passes_luhn_with_its_letter_read_as_a_digit() {
        for good in ["990000010", "990000028", "990000036", "0B0078671"] {
            assert!(good.parse::<Finess>().is_ok(), "{good}");
        }
        for bad in ["990000011", "510032549"] {
            assert_eq!(bad.parse::<Finess>(), Err(IdError::Key), "{bad}");
        }
    }

    #[test]
    fn a_structure_identifier_tells_its_register() {
        assert_eq!("1990000010".parse::<Idnst>(), Ok(Idnst::Finess("990000010".parse().unwrap())));
        assert_eq!("399999999900017".parse::<Idnst>(), Ok(Idnst::Siret("99999999900017".parse().unwrap())));
        assert_eq!("é".parse::<Idnst>(), Err(IdError::Kind));
    }
}
