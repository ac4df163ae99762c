//! Certificates as they are published at an address: one alone, or several in a certs-only message (RFC 5280, section 4.2.2.1).

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};

use super::pem;
use super::{Certificate, CertificateError};

/// id-signedData (RFC 5652, section 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// Certificates taken from one message.
const MOST_CERTIFICATES: usize = 16;
/// Elements of one structure looked at.
const MOST_ELEMENTS: usize = 64;

impl Certificate {
    /// Reads what stands at the address of an issuer: a certificate in DER, a certs-only message in DER, or either of them
    /// in PEM, which is not allowed there and found all the same. At least one certificate.
    pub fn from_published(octets: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
        if !pem::is_pem(octets) {
            return from_der(octets);
        }
        let blocks = pem::blocks(octets).map_err(|_| CertificateError::Pem)?;
        let read = blocks.iter().take(MOST_CERTIFICATES).map(|block| from_der(&block.der));
        let certificates: Vec<Certificate> = read.collect::<Result<Vec<_>, _>>()?.concat();
        if certificates.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(certificates) }
    }
}

fn from_der(octets: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    match Certificate::from_der(octets) {
        Ok(certificate) => Ok(vec![certificate]),
        Err(CertificateError::Malformed) => certs_only(octets).ok_or(CertificateError::Malformed),
        Err(error) => Err(error),
    }
}

/// The certificates of a SignedData (RFC 8551, section 3.8); the rest of it says nothing here. None that cannot be read.
fn certs_only(octets: &[u8]) -> Option<Vec<Certificate>> {
    let info = AnyRef::from_der(octets).ok().filter(|info| info.tag() == Tag::Sequence)?;
    let [kind, content] = elements(info.value())?.try_into().ok()?;
    if kind.decode_as::<ObjectIdentifier>().ok()? != SIGNED_DATA || content.tag() != context(0) {
        return None;
    }
    let signed_data = AnyRef::from_der(content.value()).ok().filter(|data| data.tag() == Tag::Sequence)?;
    let set = elements(signed_data.value())?.into_iter().find(|element| element.tag() == context(0))?;
    let certificates = elements(set.value())?.into_iter().filter(|element| element.tag() == Tag::Sequence);
    let read = certificates.take(MOST_CERTIFICATES).map(|it| Certificate::from_der(&it.to_der().ok()?).ok());
    read.collect::<Option<Vec<_>>>().filter(|certificates| !certificates.is_empty())
}

/// A constructed element with a tag of its context.
pub(super) fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The elements one behind the other.
pub(super) fn elements(octets: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(octets).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        if found.len() == MOST_ELEMENTS {
            return None;
        }
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::specimen::Authority;
    use super::*;

    /// A TLV with a length of up to three octets.
    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let head = if content.len() < 128 { vec![tag, length[1]] } else { vec![tag, 0x82, length[0], length[1]] };
        [head, content.to_vec()].concat()
    }

    fn message(certificates: &[u8]) -> Vec<u8> {
        let oid = |octets: &[u8]| tlv(6, octets);
        let data = tlv(0x30, &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]));
        let signed_data = [tlv(2, &[1]), tlv(0x31, &[]), data, tlv(0xa0, certificates), tlv(0x31, &[])].concat();
        let kind = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
        tlv(0x30, &[kind, tlv(0xa0, &tlv(0x30, &signed_data))].concat())
    }

    #[test]
    fn one_certificate_or_several_in_a_message_are_read() {
        let (one, two) = (Authority::root("ONE").certificate, Authority::root("TWO").certificate);
        let both = [one.der(), two.der()].concat();
        for alone in [one.der(), one.to_pem().as_bytes()] {
            assert_eq!(Certificate::from_published(alone).unwrap(), std::slice::from_ref(&one));
        }
        assert_eq!(Certificate::from_published(&message(&both)).unwrap(), [one.clone(), two.clone()]);
        let pem = pem::encode("PKCS7", &message(&both)).to_string();
        assert_eq!(Certificate::from_published(pem.as_bytes()).unwrap(), [one, two]);
    }

    #[test]
    fn anything_else_is_refused() {
        let one = Authority::root("ONE").certificate;
        let good = message(one.der());
        for cut in [0, 1, 5, 20, 40, good.len() / 2, good.len() - 1] {
            assert!(Certificate::from_published(&good[..cut]).is_err(), "{cut}");
        }
        let trailing = [good.as_slice(), &[0]].concat();
        for bad in [trailing, message(&[]), message(&one.der()[..100]), message(&tlv(0x30, &[])), vec![0x30; 70_000]] {
            assert!(Certificate::from_published(&bad).is_err());
        }
        assert!(Certificate::from_published(b"-----BEGIN X-----\nAA==\n-----END X-----\n").is_err());
    }
}
