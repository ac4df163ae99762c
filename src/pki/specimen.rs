//! Certificates for unit tests, made on the spot by throw-away authorities.

use std::sync::LazyLock;

use der::Encode;
use der::asn1::{Ia5String, ObjectIdentifier};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, SigningKey,
};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax};

use super::{Certificate, Identity, KeyKind, PrivateKey, RevocationList, TrustAnchors};

/// The moment the specimens are made for; they are valid from a year before to a year after it.
pub(crate) const NOON: &str = "2026-06-01T12:00:00Z";

/// The one RSA-3072 key of a test run: making one takes long.
pub(crate) fn rsa_key() -> PrivateKey {
    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyKind::Rsa { bits: 3072 }).unwrap());
    KEY.clone()
}

/// For who has no revocation lists.
pub(crate) fn no_lists(_path: &[Certificate]) -> Vec<RevocationList> {
    Vec::new()
}

/// An authority: a root, or one below another.
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What a leaf is to be, with the usual values.
pub(crate) struct Leaf<'a> {
    pub(crate) address: Option<&'a str>,
    pub(crate) key: PrivateKey,
    pub(crate) usages: Vec<KeyUsagePurpose>,
    pub(crate) purposes: Vec<ExtendedKeyUsagePurpose>,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
    pub(crate) identifier: bool,
    /// Where it says that its revocation list is.
    pub(crate) lists: Vec<String>,
    /// Where it says that the certificate of its issuer is.
    pub(crate) issuers: Vec<String>,
    /// Where it says that a responder is.
    pub(crate) responders: Vec<String>,
    /// More alternative names, beside the address.
    pub(crate) names: Vec<SanType>,
}

impl<'a> Leaf<'a> {
    pub(crate) fn new(address: &'a str) -> Leaf<'a> {
        Leaf::with_key(address, PrivateKey::generate(KeyKind::P256).unwrap())
    }

    pub(crate) fn with_key(address: &'a str, key: PrivateKey) -> Leaf<'a> {
        let encrypt = match key.kind() {
            KeyKind::Rsa { .. } => KeyUsagePurpose::KeyEncipherment,
            _ => KeyUsagePurpose::KeyAgreement,
        };
        Leaf {
            address: Some(address),
            key,
            usages: vec![KeyUsagePurpose::DigitalSignature, encrypt],
            purposes: vec![ExtendedKeyUsagePurpose::EmailProtection],
            years: (2025, 2027),
            serial: 77,
            identifier: true,
            lists: Vec::new(),
            issuers: Vec::new(),
            responders: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl Authority {
    pub(crate) fn root(name: &str) -> Authority {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let params = Authority::params(name);
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate: Certificate::from_der(certificate.der()).unwrap(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn below(&self, name: &str) -> Authority {
        self.below_with(name, |_| {})
    }

    pub(crate) fn below_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = Authority::params(name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Authority { certificate: Certificate::from_der(certificate.der()).unwrap(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn anchors(&self) -> TrustAnchors {
        TrustAnchors::new([self.certificate.clone()])
    }

    /// An identity with the usual values, this authority as its chain.
    pub(crate) fn identity(&self, leaf: Leaf<'_>) -> Identity {
        let certificate = self.certify(&leaf);
        Identity::new(certificate, vec![self.certificate.clone()], leaf.key).unwrap()
    }

    pub(crate) fn certify(&self, leaf: &Leaf<'_>) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, leaf.address.unwrap_or("nobody"));
        if let Some(address) = leaf.address {
            params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().unwrap())];
        }
        params.subject_alt_names.extend(leaf.names.iter().cloned());
        params.crl_distribution_points =
            leaf.lists.iter().map(|url| CrlDistributionPoint { uris: vec![url.clone()] }).collect();
        if !leaf.issuers.is_empty() || !leaf.responders.is_empty() {
            params.custom_extensions.push(authority_information(&leaf.issuers, &leaf.responders));
        }
        params.key_usages = leaf.usages.clone();
        params.extended_key_usages = leaf.purposes.clone();
        params.not_before = rcgen::date_time_ymd(leaf.years.0, 6, 1);
        params.not_after = rcgen::date_time_ymd(leaf.years.1, 6, 1);
        params.serial_number = Some(SerialNumber::from(leaf.serial));
        params.use_authority_key_identifier_extension = leaf.identifier;
        if leaf.identifier {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_identifier_method = KeyIdMethod::Sha256;
        }
        let key = KeyPair::try_from(leaf.key.pkcs8().expose().as_slice()).unwrap();
        Certificate::from_der(params.signed_by(&key, &self.issuer).unwrap().der()).unwrap()
    }

    /// Signs with its key, by ECDSA with SHA-256: only for an authority below another.
    pub(crate) fn sign(&self, content: &[u8]) -> Vec<u8> {
        self.issuer.key().sign(content).unwrap()
    }

    /// A list of revoked serial numbers, good from a month before [`NOON`] to a month after.
    pub(crate) fn revoke(&self, serials: &[u64]) -> RevocationList {
        self.list(None, (2026, 5, 1), serials)
    }

    /// The same, made on another day.
    pub(crate) fn revoke_on(&self, day: (i32, u8, u8), serials: &[u64]) -> RevocationList {
        self.list(None, day, serials)
    }

    /// The part of such a list that is published here and tells only about certificates that point here.
    pub(crate) fn revoke_part(&self, url: &str, serials: &[u64]) -> RevocationList {
        let distribution_point = CrlDistributionPoint { uris: vec![url.to_owned()] };
        self.list(Some(CrlIssuingDistributionPoint { distribution_point, scope: None }), (2026, 5, 1), serials)
    }

    fn list(&self, part: Option<CrlIssuingDistributionPoint>, day: (i32, u8, u8), serials: &[u64]) -> RevocationList {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: rcgen::date_time_ymd(2026, 5, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(day.0, day.1, day.2),
            next_update: rcgen::date_time_ymd(2026, 7, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: part,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        RevocationList::from_bytes(params.signed_by(&self.issuer).unwrap().der()).unwrap()
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "FR");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2040, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params
    }
}

/// The extension authorityInfoAccess with these issuers and responders, which rcgen does not write.
fn authority_information(issuers: &[String], responders: &[String]) -> CustomExtension {
    let issuers = issuers.iter().map(|url| ("1.3.6.1.5.5.7.48.2", url));
    let responders = responders.iter().map(|url| ("1.3.6.1.5.5.7.48.1", url));
    let descriptions = issuers.chain(responders).map(|(method, url)| AccessDescription {
        access_method: ObjectIdentifier::new_unwrap(method),
        access_location: GeneralName::UniformResourceIdentifier(Ia5String::new(url).unwrap()),
    });
    let content = AuthorityInfoAccessSyntax(descriptions.collect()).to_der().unwrap();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}
