//! Certificates for unit tests, made on the spot by throw-away authorities.

use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber,
};

use super::{Certificate, Identity, KeyKind, PrivateKey, RevocationList, TrustAnchors};

/// The moment the specimens are made for; they are valid from a year before to a year after it.
pub(crate) const NOON: &str = "2026-06-01T12:00:00Z";

/// The one RSA-3072 key of a test run: making one takes long.
pub(crate) fn rsa_key() -> PrivateKey {
    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyKind::Rsa { bits: 3072 }).unwrap());
    KEY.clone()
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

    /// A list of revoked serial numbers, good from a month before [`NOON`] to a month after.
    pub(crate) fn revoke(&self, serials: &[u64]) -> RevocationList {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: rcgen::date_time_ymd(2026, 5, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 5, 1),
            next_update: rcgen::date_time_ymd(2026, 7, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
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
