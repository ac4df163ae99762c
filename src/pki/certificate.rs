//! One certificate (RFC 5280, section 4): what it says, before anyone has judged whether it is to be believed.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader};
use jiff::Timestamp;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::curve::X25519;
use super::{Capabilities, Curve, name, pem};
use crate::hex::Hex;
use crate::mail::Address;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
const SMIME_CAPABILITIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.15");
/// SmtpUTF8Mailbox (RFC 9598), for local parts that are not ASCII.
pub(super) const SMTP_UTF8_MAILBOX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.9");

/// No certificate of a person or organisation comes near it.
const LARGEST: usize = 64 * 1024;
/// Names read from one certificate.
const MOST_NAMES: usize = 100;

/// Why bytes are not a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not DER, not a certificate, or something after it.
    #[error("it is not an X.509 certificate")]
    Malformed,
    /// Larger than 64 KiB.
    #[error("the certificate is larger than 64 KiB")]
    TooLarge,
    /// A PEM block that does not end or does not decode.
    #[error("the PEM text is damaged")]
    Pem,
    /// PEM without a certificate in it.
    #[error("the PEM text holds no certificate")]
    NoCertificate,
}

/// What kind of key a certificate carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits.
    Rsa { bits: u32 },
    /// NIST P-256 (secp256r1).
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// brainpoolP256r1 (RFC 5639).
    BrainpoolP256r1,
    /// brainpoolP384r1 (RFC 5639).
    BrainpoolP384r1,
    /// Ed25519 (RFC 8410): signatures only.
    Ed25519,
    /// X25519 (RFC 8410): agreement only.
    X25519,
    /// A key nothing here can use.
    Other,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyKind::Rsa { bits } => write!(f, "RSA {bits}"),
            KeyKind::P256 => f.write_str("P-256"),
            KeyKind::P384 => f.write_str("P-384"),
            KeyKind::P521 => f.write_str("P-521"),
            KeyKind::BrainpoolP256r1 => f.write_str("brainpoolP256r1"),
            KeyKind::BrainpoolP384r1 => f.write_str("brainpoolP384r1"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::X25519 => f.write_str("X25519"),
            KeyKind::Other => f.write_str("unknown"),
        }
    }
}

struct Held {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

/// A certificate that was read. A clone shares it.
#[derive(Clone)]
pub struct Certificate(Arc<Held>);

impl Certificate {
    /// Reads DER; anything after the certificate is an error.
    pub fn from_der(der: &[u8]) -> Result<Certificate, CertificateError> {
        if der.len() > LARGEST {
            return Err(CertificateError::TooLarge);
        }
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        Ok(Certificate(Arc::new(Held { der: der.to_vec(), parsed })))
    }

    /// Reads every certificate of a PEM text, in order; other blocks are passed over. At least one.
    pub fn from_pem(text: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
        let certificates: Vec<Certificate> = pem::blocks(text)
            .map_err(|_| CertificateError::Pem)?
            .iter()
            .filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"))
            .map(|block| Certificate::from_der(&block.der))
            .collect::<Result<_, _>>()?;
        if certificates.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(certificates) }
    }

    /// The encoded certificate.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate as one PEM block.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.der()).to_string()
    }

    /// The subject's name (RFC 4514), safe to show.
    pub fn subject(&self) -> String {
        name::printable(self.parsed().tbs_certificate().subject())
    }

    /// The issuer's name (RFC 4514), safe to show.
    pub fn issuer(&self) -> String {
        name::printable(self.parsed().tbs_certificate().issuer())
    }

    /// The subject's first commonName, safe to show.
    pub fn common_name(&self) -> Option<String> {
        name::common_name(self.parsed().tbs_certificate().subject())
    }

    /// The serial number in lower-case hexadecimal.
    pub fn serial_hex(&self) -> String {
        Hex(self.parsed().tbs_certificate().serial_number().as_bytes()).to_string()
    }

    /// The first moment of its validity.
    pub fn not_before(&self) -> Timestamp {
        timestamp(self.parsed().tbs_certificate().validity().not_before)
    }

    /// The last moment of its validity.
    pub fn not_after(&self) -> Timestamp {
        timestamp(self.parsed().tbs_certificate().validity().not_after)
    }

    /// Whether a moment lies in its validity, both ends included.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before() <= at && at <= self.not_after()
    }

    /// Whole days until it expires; negative once it has.
    pub fn days_left(&self, at: Timestamp) -> i64 {
        (self.not_after().as_second() - at.as_second()).div_euclid(86_400)
    }

    /// SHA-256 of the encoded certificate.
    pub fn sha256(&self) -> [u8; 32] {
        digest::digest(&digest::SHA256, self.der()).as_ref().try_into().expect("SHA-256 gives 32 octets")
    }

    /// The addresses it names: rfc822Name and SmtpUTF8Mailbox, or, in a certificate without alternative names, the old
    /// emailAddress attribute (RFC 8550, section 3). Name constraints bind the attribute in that case only.
    pub fn emails(&self) -> Vec<Address> {
        let tbs = self.parsed().tbs_certificate();
        let texts: Vec<String> = match tbs.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(mailbox).take(MOST_NAMES).collect(),
            Ok(None) => name::attribute_text(tbs.subject(), EMAIL_ADDRESS).take(MOST_NAMES).collect(),
            Err(_) => Vec::new(),
        };
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Whether it names this address; letter case and the form of the domain make no difference.
    pub fn names_address(&self, address: &Address) -> bool {
        self.emails().contains(address)
    }

    /// The kind of its key.
    pub fn key_kind(&self) -> KeyKind {
        kind_of_key(self.parsed().tbs_certificate().subject_public_key_info())
    }

    /// The SubjectPublicKeyInfo, DER.
    pub fn spki_der(&self) -> Vec<u8> {
        self.parsed().tbs_certificate().subject_public_key_info().to_der().expect("what was decoded encodes again")
    }

    /// The key itself: a point, or the RSAPublicKey of RFC 8017.
    pub fn public_key(&self) -> &[u8] {
        self.parsed().tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes()
    }

    /// The subjectKeyIdentifier extension.
    pub fn key_identifier(&self) -> Option<Vec<u8>> {
        let extension = self.parsed().tbs_certificate().get_extension::<SubjectKeyIdentifier>();
        extension.ok().flatten().map(|(_, identifier)| identifier.0.as_bytes().to_vec())
    }

    /// The keyIdentifier of the authorityKeyIdentifier extension.
    pub(super) fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let extension = self.parsed().tbs_certificate().get_extension::<AuthorityKeyIdentifier>();
        let (_, identifier) = extension.ok().flatten()?;
        identifier.key_identifier.map(|octets| octets.as_bytes().to_vec())
    }

    /// What its holder's program opens, if the certificate says so (RFC 4262).
    pub fn capabilities(&self) -> Option<Capabilities> {
        let extensions = self.parsed().tbs_certificate().extensions()?;
        let extension = extensions.iter().find(|extension| extension.extn_id == SMIME_CAPABILITIES)?;
        Capabilities::from_der(extension.extn_value.as_bytes())
    }

    /// The keyUsage extension; an error when there is one that cannot be read.
    pub(super) fn key_usage(&self) -> Result<Option<KeyUsage>, CertificateError> {
        let extension = self.parsed().tbs_certificate().get_extension::<KeyUsage>();
        extension.map(|found| found.map(|(_, usage)| usage)).map_err(|_| CertificateError::Malformed)
    }

    /// The extendedKeyUsage extension; an error when there is one that cannot be read.
    pub(super) fn extended_key_usage(&self) -> Result<Option<ExtendedKeyUsage>, CertificateError> {
        let extension = self.parsed().tbs_certificate().get_extension::<ExtendedKeyUsage>();
        extension.map(|found| found.map(|(_, usage)| usage)).map_err(|_| CertificateError::Malformed)
    }

    /// The structure, for the rooms that build others from it.
    pub(crate) fn parsed(&self) -> &x509_cert::Certificate {
        &self.0.parsed
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject(), self.serial_hex())
    }
}

/// A time of RFC 5280, which lies between 1950 and 9999 and has whole seconds.
pub(super) fn timestamp(time: x509_cert::time::Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn mailbox(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Rfc822Name(text) => Some(text.as_str().to_owned()),
        // RFC 9598, section 3: only for what rfc822Name cannot say, or it would get around name constraints.
        GeneralName::OtherName(other) if other.type_id == SMTP_UTF8_MAILBOX => {
            other.value.decode_as::<String>().ok().filter(|text| !text.is_ascii())
        }
        _ => None,
    }
}

/// The kind of a public key.
pub(super) fn kind_of_key(spki: &SubjectPublicKeyInfoOwned) -> KeyKind {
    match spki.algorithm.oid {
        RSA | RSA_PSS => {
            rsa_bits(spki.subject_public_key.raw_bytes()).map_or(KeyKind::Other, |bits| KeyKind::Rsa { bits })
        }
        EC => {
            let named = spki.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
            let curve = Curve::ALL.into_iter().find(|curve| *curve != Curve::X25519 && Some(curve.oid()) == named);
            curve.map_or(KeyKind::Other, Curve::kind)
        }
        ED25519 => KeyKind::Ed25519,
        X25519 => KeyKind::X25519,
        _ => KeyKind::Other,
    }
}

fn rsa_bits(key: &[u8]) -> Option<u32> {
    let mut reader = der::SliceReader::new(key).ok()?;
    let modulus: Vec<u8> = reader
        .sequence(|inner: &mut der::SliceReader<'_>| {
            let modulus = UintRef::decode(inner)?.as_bytes().to_vec();
            UintRef::decode(inner)?;
            Ok::<_, der::Error>(modulus)
        })
        .ok()?;
    let leading = modulus.first()?.leading_zeros();
    u32::try_from(modulus.len()).ok()?.checked_mul(8)?.checked_sub(leading)
}

#[cfg(test)]
mod tests {
    use super::super::specimen::{Authority, Leaf, NOON, rsa_key};
    use super::*;

    #[test]
    fn a_certificate_says_what_was_put_into_it() {
        let authority = Authority::root("TEST AC");
        let certificate = authority.certify(&Leaf::new("Zoe.Durand@medecin.sandbox"));
        assert_eq!(certificate.subject(), "CN=Zoe.Durand@medecin.sandbox");
        assert_eq!(certificate.issuer(), "CN=TEST AC,C=FR");
        assert_eq!((certificate.serial_hex().as_str(), certificate.key_kind()), ("4d", KeyKind::P256));
        assert!(certificate.names_address(&"zoe.durand@MEDECIN.sandbox".parse().unwrap()));
        assert!(!certificate.names_address(&"zoe@medecin.sandbox".parse().unwrap()));
        let noon: Timestamp = NOON.parse().unwrap();
        assert!(certificate.is_valid_at(noon));
        assert_eq!(certificate.days_left(noon), 364);
        assert_eq!(certificate.days_left("2027-06-01T00:00:01Z".parse().unwrap()), -1);
        assert_eq!(authority.certify(&Leaf::with_key("a@b.fr", rsa_key())).key_kind(), KeyKind::Rsa { bits: 3072 });
    }

    #[test]
    fn what_is_not_one_certificate_is_refused() {
        let authority = Authority::root("TEST AC");
        let mut der = authority.certificate.der().to_vec();
        der.push(0);
        assert_eq!(Certificate::from_der(&der).err(), Some(CertificateError::Malformed));
        assert_eq!(Certificate::from_der(&der[..100]).err(), Some(CertificateError::Malformed));
        assert_eq!(Certificate::from_der(&vec![0; LARGEST + 1]).err(), Some(CertificateError::TooLarge));
        assert_eq!(Certificate::from_pem(b"").err(), Some(CertificateError::NoCertificate));
    }

    #[test]
    fn a_bundle_gives_all_its_certificates() {
        let (one, two) = (Authority::root("ONE"), Authority::root("TWO"));
        let bundle = format!("# first\n{}\n{}", one.certificate.to_pem(), two.certificate.to_pem());
        assert_eq!(Certificate::from_pem(bundle.as_bytes()).unwrap(), [one.certificate, two.certificate]);
    }
}
