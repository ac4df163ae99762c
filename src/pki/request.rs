//! Certification requests (PKCS#10, RFC 2986), for who asks an authority for a mail certificate.

use der::asn1::{Any, BitString, Ia5String, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef};
use der::{Decode, Encode};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};

use super::certificate::SMTP_UTF8_MAILBOX;
use super::{KeyError, KeyKind, PrivateKey, pem};
use crate::mail::Address;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const EMAIL_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");

/// Why no request was made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// RFC 5280, appendix A: 1 to 64 characters, none of them a control character.
    #[error("the common name must have 1 to 64 characters and no control character")]
    CommonName,
    /// The key did not sign.
    #[error("the key did not sign the request")]
    Key(#[source] KeyError),
    /// The structure did not encode.
    #[error("the request cannot be encoded")]
    Encoding(#[source] der::Error),
}

impl From<der::Error> for RequestError {
    fn from(error: der::Error) -> RequestError {
        RequestError::Encoding(error)
    }
}

/// A request, in PEM, for a certificate that signs and receives encrypted mail for one address.
pub fn certificate_request(key: &PrivateKey, address: &Address, common_name: &str) -> Result<String, RequestError> {
    let characters = common_name.chars().count();
    if !(1..=64).contains(&characters) || common_name.chars().any(char::is_control) {
        return Err(RequestError::CommonName);
    }
    let encipher =
        if matches!(key.kind(), KeyKind::Rsa { .. }) { KeyUsages::KeyEncipherment } else { KeyUsages::KeyAgreement };
    let extensions = vec![
        extension(SUBJECT_ALT_NAME, false, SubjectAltName(vec![mailbox(address)?]).to_der()?)?,
        extension(KEY_USAGE, true, KeyUsage(KeyUsages::DigitalSignature | encipher).to_der()?)?,
        extension(EXTENDED_KEY_USAGE, false, ExtendedKeyUsage(vec![EMAIL_PROTECTION]).to_der()?)?,
    ];
    let mut attributes = SetOfVec::new();
    attributes.insert(ExtensionReq(extensions).try_into()?)?;
    let value = Any::from(Utf8StringRef::new(common_name)?);
    let part = AttributeTypeAndValue { oid: COMMON_NAME, value };
    let relative = RelativeDistinguishedName::try_from(vec![part])?;
    let subject = Name::from_der(&RdnSequence::from(vec![relative]).to_der()?)?;
    let info = CertReqInfo { version: Version::V1, subject, public_key: key.spki(), attributes };
    let signature = key.sign(&info.to_der()?).map_err(RequestError::Key)?;
    let request = CertReq {
        info,
        algorithm: signature.algorithm.identifier(),
        signature: BitString::from_bytes(&signature.bytes)?,
    };
    Ok(pem::encode("CERTIFICATE REQUEST", &request.to_der()?).to_string())
}

fn mailbox(address: &Address) -> der::Result<GeneralName> {
    if address.is_internationalized() {
        let value = Any::from(Utf8StringRef::new(address.as_str())?);
        return Ok(GeneralName::OtherName(OtherName { type_id: SMTP_UTF8_MAILBOX, value }));
    }
    Ok(GeneralName::Rfc822Name(Ia5String::new(address.as_str())?))
}

fn extension(extn_id: ObjectIdentifier, critical: bool, der: Vec<u8>) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(der)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_address_and_is_signed() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let text = certificate_request(&key, &"zoe@medecin.sandbox".parse().unwrap(), "Zoé Durand").unwrap();
        let der = &pem::blocks(text.as_bytes()).unwrap()[0].der;
        let request = CertReq::from_der(der).unwrap();
        assert!(der.windows(19).any(|part| part == b"zoe@medecin.sandbox"));
        let verify = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1,
            key.public_key(),
        );
        verify.verify(&request.info.to_der().unwrap(), request.signature.raw_bytes()).unwrap();
    }

    #[test]
    fn a_name_that_no_certificate_can_carry_is_refused() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        for name in ["", "a\nb", &"x".repeat(65)] {
            let refused = certificate_request(&key, &"a@b.fr".parse().unwrap(), name);
            assert!(matches!(refused, Err(RequestError::CommonName)));
        }
    }
}
