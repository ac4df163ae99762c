//! One address (RFC 5321, section 4.1.2) and an address with a label (RFC 5322, section 3.4).

use std::fmt;
use std::str::FromStr;

/// Why a text is not an address that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`, or nothing before or after it.
    #[error("an address is written local-part@domain")]
    Shape,
    /// RFC 5321, section 4.5.3.1: 64 octets before the `@`, 255 after it.
    #[error("it is longer than RFC 5321 allows")]
    TooLong,
    /// A character that would need quoting, or a control character.
    #[error("the part before the @ has a character that cannot stand there")]
    LocalPart,
    /// The domain is not a name that IDNA (RFC 5891) accepts; literals such as `[192.0.2.1]` are refused too.
    #[error("the part after the @ is not a domain name")]
    Domain,
}

/// A mail address. The domain is kept in its ASCII, lower-case form; the local part as it was written.
///
/// Two addresses are equal when they differ in letter case only: no server of the space tells them apart.
#[derive(Clone)]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`: A-labels, lower case.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the local part needs SMTPUTF8 (RFC 6531).
    pub fn is_internationalized(&self) -> bool {
        !self.text.is_ascii()
    }

    /// The form to compare and to look up by: all lower case.
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Shape);
        }
        if local.len() > 64 || domain.len() > 255 {
            return Err(AddressError::TooLong);
        }
        let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        if !local.chars().all(atom) || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(AddressError::LocalPart);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain)?;
        if domain.is_empty() || domain.parse::<std::net::Ipv4Addr>().is_ok() || domain.ends_with('.') {
            return Err(AddressError::Domain);
        }
        Ok(Address { at: local.len(), text: format!("{local}@{domain}") })
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Address {}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Address) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Address) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.text)
    }
}

/// An address and the label shown beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// What a reader sees; may hold any text without control characters.
    pub label: Option<String>,
    /// Where it goes.
    pub address: Address,
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Mailbox {
        Mailbox { label: None, address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_local_part_and_folds_its_domain() {
        let address: Address = " Jean.Dupont@Médecin.Exemple ".parse().unwrap();
        assert_eq!(address.local_part(), "Jean.Dupont");
        assert_eq!(address.domain(), "xn--mdecin-bva.exemple");
    }

    #[test]
    fn letter_case_does_not_make_two_addresses() {
        let one: Address = "A@x.fr".parse().unwrap();
        assert_eq!(one, "a@X.FR".parse().unwrap());
        assert_ne!(one, "a@x.fr.evil".parse().unwrap());
    }

    #[test]
    fn what_could_change_a_command_or_a_header_is_refused() {
        for bad in [
            "a",
            "@x.fr",
            "a@",
            "a b@x.fr",
            "a\r\nRCPT TO:<b@x.fr>@x.fr",
            "\"a\"@x.fr",
            "a@[192.0.2.1]",
            "a>@x.fr",
            "a..b@x.fr",
            "a@x\r\n.fr",
            "a@192.0.2.1",
            "a,b@x.fr",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }
}
