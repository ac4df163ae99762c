//! Patients: the matricule of the national health identity (INS), which is a NIR or NIA with its key.

use std::fmt;
use std::str::FromStr;

use super::IdError;
use super::checksum::nir_key;

/// Who assigned a matricule: the OID that must accompany it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InsAuthority {
    /// NIR, 1.2.250.1.213.1.4.8.
    Nir,
    /// NIA (provisional), 1.2.250.1.213.1.4.9.
    Nia,
    /// Test identities, 1.2.250.1.213.1.4.10: never in production.
    Test,
    /// Demonstration identities, 1.2.250.1.213.1.4.11: never in production.
    Demonstration,
}

impl InsAuthority {
    /// The authority an OID names.
    pub fn from_oid(oid: &str) -> Option<InsAuthority> {
        match oid {
            "1.2.250.1.213.1.4.8" => Some(InsAuthority::Nir),
            "1.2.250.1.213.1.4.9" => Some(InsAuthority::Nia),
            "1.2.250.1.213.1.4.10" => Some(InsAuthority::Test),
            "1.2.250.1.213.1.4.11" => Some(InsAuthority::Demonstration),
            _ => None,
        }
    }
}

/// The 15 characters of a matricule. It identifies a patient: its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ins(String);

impl Ins {
    /// The fifteen characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ins([patient])")
    }
}

impl FromStr for Ins {
    type Err = IdError;

    /// Reads 13 characters (2A and 2B for Corsica) and the two digits of the key.
    fn from_str(text: &str) -> Result<Ins, IdError> {
        let text = text.to_ascii_uppercase();
        let found = text.chars().count();
        if found != 15 {
            return Err(IdError::Length { expected: 15, found });
        }
        let corsica = match text.get(5..7) {
            Some("2A") => text.replacen("2A", "19", 1),
            Some("2B") => text.replacen("2B", "18", 1),
            _ => text.clone(),
        };
        if let Some(at) = corsica.chars().position(|c| !c.is_ascii_digit()) {
            return Err(IdError::Character(at + 1));
        }
        if !matches!(corsica.as_bytes()[0], b'1' | b'2' | b'3' | b'4' | b'7' | b'8') {
            return Err(IdError::Kind);
        }
        let number: u64 = corsica[..13].parse().map_err(|_| IdError::Character(1))?;
        let key: u64 = corsica[13..].parse().map_err(|_| IdError::Character(14))?;
        if nir_key(number) == key { Ok(Ins(text)) } else { Err(IdError::Key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matricule_carries_a_key_that_fits() {
        for good in ["279035121518989", "269052A58815717", "269052B58815744"] {
            assert!(good.parse::<Ins>().is_ok(), "{good}");
        }
        assert_eq!("279035121518988".parse::<Ins>(), Err(IdError::Key));
        assert_eq!("979035121518989".parse::<Ins>(), Err(IdError::Kind));
        assert_eq!("27903512151898".parse::<Ins>(), Err(IdError::Length { expected: 15, found: 14 }));
    }

    #[test]
    fn a_matricule_does_not_show_in_debug() {
        let ins: Ins = "279035121518989".parse().unwrap();
        assert_eq!(format!("{ins:?}"), "Ins([patient])");
    }

    #[test]
    fn test_and_demonstration_identities_are_told_by_their_oid() {
        assert_eq!(InsAuthority::from_oid("1.2.250.1.213.1.4.10"), Some(InsAuthority::Test));
        assert_eq!(InsAuthority::from_oid("1.2.3"), None);
    }
}
