//! The authorities of IGC-Santé: those of production by their fingerprints, those for tests by their names.

use super::{Certificate, TrustAnchors, name};
use crate::hex::Hex;

/// What the national authorities call themselves, with the SHA-256 of their certificates.
const PRODUCTION: [(&str, &str); 2] = [
    ("AC RACINE IGC-SANTE ELEMENTAIRE", "2d9e22ca19f777c6b745257c723ecb8df3c35fa6f1f6ec36b83600c97346967f"),
    ("AC IGC-SANTE ELEMENTAIRE ORGANISATIONS", "d834ee5b40686b73573f60547bf6052c6d404d942a5665cdb2c0b9137b5d27b2"),
];

/// What an authority is to the trusted space of MSSanté.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One of IGC-Santé's, under this name: its certificate is known octet by octet.
    Production(&'static str),
    /// One for tests, as its name says.
    Test,
    /// Anybody else's.
    Other,
}

/// organizationalUnitName.
const UNIT: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("2.5.4.11");

impl Certificate {
    /// What this authority is to the space. A name proves nothing, so it only ever takes trust away.
    pub fn standing(&self) -> Standing {
        let fingerprint = Hex(&self.sha256()).to_string();
        if let Some((name, _)) = PRODUCTION.iter().find(|(_, known)| *known == fingerprint) {
            return Standing::Production(name);
        }
        let subject = self.parsed().tbs_certificate().subject();
        let unit = name::attribute_text(subject, UNIT).any(|unit| unit.eq_ignore_ascii_case("IGC-SANTE TEST"));
        let named = self.common_name().is_some_and(|name| name.starts_with("TEST "));
        if unit || named { Standing::Test } else { Standing::Other }
    }
}

impl TrustAnchors {
    /// The authorities of IGC-Santé among them.
    pub fn igc_sante(&self) -> Vec<&'static str> {
        let names = self.certificates().iter().filter_map(|anchor| match anchor.standing() {
            Standing::Production(name) => Some(name),
            _ => None,
        });
        names.collect()
    }

    /// The first authority for tests among them, by its name.
    pub fn for_tests(&self) -> Option<String> {
        let anchor = self.certificates().iter().find(|anchor| anchor.standing() == Standing::Test)?;
        Some(anchor.common_name().unwrap_or_else(|| anchor.subject()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::specimen::Authority;
    use super::*;

    #[test]
    fn a_name_makes_nobody_an_authority_of_production() {
        let copied = Authority::root("AC RACINE IGC-SANTE ELEMENTAIRE").anchors();
        assert_eq!(copied.certificates()[0].standing(), Standing::Other);
        assert!(copied.igc_sante().is_empty() && copied.for_tests().is_none());
    }

    #[test]
    fn an_authority_for_tests_is_known_by_its_name() {
        let anchors = Authority::root("TEST AC RACINE IGC-SANTE ELEMENTAIRE").anchors();
        assert_eq!(anchors.for_tests().as_deref(), Some("TEST AC RACINE IGC-SANTE ELEMENTAIRE"));
        assert_eq!(Authority::root("TESTAMENT AC").anchors().for_tests(), None);
    }

    #[test]
    fn the_authorities_of_production_are_known_octet_by_octet() {
        let anchors = TrustAnchors::from_pem(include_bytes!("../../tests/vectors/igc-sante/anchors.pem")).unwrap();
        assert_eq!(anchors.igc_sante(), PRODUCTION.map(|(name, _)| name));
    }
}
