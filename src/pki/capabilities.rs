//! What a reader says it opens: SMIMECapabilities (RFC 8551, section 2.5.2), in certificates (RFC 4262) and in signed mail.

use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

/// No list of capabilities is longer.
const LARGEST: usize = 8 * 1024;

const GCM: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.26"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46"),
];
const CBC: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"),
];
/// des-ede3-cbc and rc2-cbc: what readers have that know no AES.
const OLDER: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.2.840.113549.3.7"), ObjectIdentifier::new_unwrap("1.2.840.113549.3.2")];
const RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");

/// The part of a list of capabilities that decides how mail is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    gcm: bool,
    cbc: bool,
    older: bool,
    oaep: bool,
}

impl Capabilities {
    /// Reads SMIMECapabilities, DER; nothing where it cannot be read or names no content encryption.
    pub fn from_der(der: &[u8]) -> Option<Capabilities> {
        if der.len() > LARGEST {
            return None;
        }
        // SMIMECapability has the shape of an AlgorithmIdentifier.
        let named = Vec::<AlgorithmIdentifierOwned>::from_der(der).ok()?;
        let names = |oids: &[ObjectIdentifier]| named.iter().any(|capability| oids.contains(&capability.oid));
        let found =
            Capabilities { gcm: names(&GCM), cbc: names(&CBC), older: names(&OLDER), oaep: names(&[RSAES_OAEP]) };
        (found.gcm || found.cbc || found.older).then_some(found)
    }

    /// The best that is written here and can be opened there; nothing where that reader knows no AES.
    pub fn reader(self) -> Option<Reader> {
        match self {
            Capabilities { gcm: true, .. } => Some(Reader::Gcm),
            Capabilities { cbc: true, oaep, .. } => Some(Reader::Cbc { oaep }),
            _ => None,
        }
    }
}

/// The best that the program of a recipient opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reader {
    /// AuthEnvelopedData with AES-256-GCM.
    #[default]
    Gcm,
    /// EnvelopedData with AES-256-CBC; an RSA key unwraps RSAES-OAEP, or RSAES-PKCS1-v1_5 alone.
    Cbc { oaep: bool },
}

impl Reader {
    /// The word for it in journals.
    pub fn word(self) -> &'static str {
        match self {
            Reader::Gcm => "gcm",
            Reader::Cbc { oaep: true } => "cbc-oaep",
            Reader::Cbc { oaep: false } => "cbc",
        }
    }

    /// The reader of that word.
    pub fn from_word(word: &str) -> Option<Reader> {
        [Reader::Gcm, Reader::Cbc { oaep: true }, Reader::Cbc { oaep: false }].into_iter().find(|it| it.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    fn list(oids: &[&str]) -> Vec<u8> {
        let named = oids
            .iter()
            .map(|oid| AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters: None });
        named.collect::<Vec<_>>().to_der().unwrap()
    }

    fn reader(oids: &[&str]) -> Option<Option<Reader>> {
        Capabilities::from_der(&list(oids)).map(Capabilities::reader)
    }

    #[test]
    fn the_best_of_a_list_counts() {
        let (gcm, cbc, des) = ("2.16.840.1.101.3.4.1.46", "2.16.840.1.101.3.4.1.42", "1.2.840.113549.3.7");
        assert_eq!(reader(&[des, cbc, gcm]), Some(Some(Reader::Gcm)));
        assert_eq!(reader(&[cbc, des]), Some(Some(Reader::Cbc { oaep: false })));
        assert_eq!(reader(&[cbc, "1.2.840.113549.1.1.7"]), Some(Some(Reader::Cbc { oaep: true })));
        assert_eq!(reader(&[des]), Some(None), "what only 3DES opens is not written");
    }

    #[test]
    fn a_list_without_encryption_or_that_cannot_be_read_says_nothing() {
        assert_eq!(reader(&["1.2.840.113549.1.1.11"]), None);
        assert_eq!(reader(&[]), None);
        assert_eq!(Capabilities::from_der(b"\x30\x02\x30"), None);
        assert_eq!(Capabilities::from_der(&list(&vec!["2.16.840.1.101.3.4.1.46"; 1000])), None, "too long");
    }

    #[test]
    fn a_reader_is_found_by_its_word() {
        for reader in [Reader::Gcm, Reader::Cbc { oaep: true }, Reader::Cbc { oaep: false }] {
            assert_eq!(Reader::from_word(reader.word()), Some(reader));
        }
        assert_eq!(Reader::from_word("3des"), None);
    }
}
