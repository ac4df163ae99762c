//! The throw-away authority of the sandbox: names shaped like IGC-Santé's test branch, P-256 keys, leafs, revocation lists.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::SandboxError;
use super::state::Pair;
use crate::clock::Clock;

/// The name in the operator's certificate and in the white list.
pub(super) const OPERATOR_NAME: &str = "mss.operateur.sandbox";
/// The operator's structure: a SIRET number behind a 3 (TRE_G07).
pub(super) const OPERATOR_IDNST: &str = "399999999900017";
/// The organisation of the operator.
pub(super) const OPERATOR_ORGANISATION: &str = "OPERATEUR DU BAC A SABLE";
/// The department of the operator, as the certificates write it.
pub(super) const OPERATOR_DEPARTMENT: &str = "Ille-et-Vilaine (35)";

/// One day, in hours of 3600 seconds.
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The three authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// The trust anchor.
    Root,
    /// Issues servers', units' and machines' certificates.
    Organisations,
    /// Issues professionals' certificates.
    Persons,
}

impl Branch {
    /// The common name.
    fn name(self) -> &'static str {
        match self {
            Branch::Root => "TEST AC RACINE IGC-SANTE ELEMENTAIRE",
            Branch::Organisations => "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
            Branch::Persons => "TEST AC IGC-SANTE ELEMENTAIRE PERSONNES",
        }
    }

    /// What the authority's own certificate says: valid as long as IGC-Santé's kind of root, so for any likely clock.
    pub fn params(self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "FR");
        name.push(DnType::OrganizationName, "ASIP-SANTE");
        name.push(DnType::OrganizationalUnitName, "0002 187512751");
        name.push(second_unit(), "IGC-SANTE TEST");
        name.push(DnType::CommonName, self.name());
        params.distinguished_name = name;
        let (first, last) = AUTHORITY_YEARS;
        params.not_before = date_time_ymd(i32::from(first), 1, 1);
        params.not_after = date_time_ymd(i32::from(last) + 1, 1, 1);
        params.is_ca = IsCa::Ca(match self {
            Branch::Root => BasicConstraints::Unconstrained,
            Branch::Organisations | Branch::Persons => BasicConstraints::Constrained(0),
        });
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = self != Branch::Root;
        params.serial_number = Some(serial());
        params
    }
}

/// The years in which the authorities are valid.
pub(super) const AUTHORITY_YEARS: (i16, i16) = (2013, 2048);

/// From when until when a leaf is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Validity {
    /// What a leaf of three years gets at a moment; it also covers the year before, for clocks that are set back.
    pub fn lasting(now: Timestamp) -> Validity {
        Validity { from: now - 365 * DAY, until: now + 3 * 365 * DAY }
    }

    /// What a leaf gets that has expired, also for clocks that are set back by a year.
    pub fn expired(now: Timestamp) -> Validity {
        Validity { from: now - 4 * 365 * DAY, until: now - 400 * DAY }
    }
}

/// What a leaf certificate says.
pub(super) struct Leaf {
    pub subject: Vec<(DnType, String)>,
    pub names: Vec<SanType>,
    pub key_usages: Vec<KeyUsagePurpose>,
    pub extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
    pub validity: Validity,
}

/// The authorities, with their keys.
pub(super) struct Authority {
    clock: Clock,
    root: Pair,
    organisations: Pair,
    persons: Pair,
    /// Who was revoked in this run, and by which authority.
    revoked: Mutex<Vec<(Branch, SerialNumber)>>,
}

impl Authority {
    /// Takes over authorities made earlier.
    pub fn new(clock: Clock, root: Pair, organisations: Pair, persons: Pair) -> Authority {
        Authority { clock, root, organisations, persons, revoked: Mutex::default() }
    }

    /// Makes the three keys and certificates.
    pub fn create() -> Result<[Pair; 3], SandboxError> {
        let root_key = KeyPair::generate()?;
        let root_params = Branch::Root.params();
        let root =
            Pair { certificate: root_params.self_signed(&root_key)?.pem(), key: root_key.serialize_pem().into() };
        let root_issuer = Issuer::new(root_params, root_key);
        let below = |branch: Branch| -> Result<Pair, SandboxError> {
            let key = KeyPair::generate()?;
            let certificate = branch.params().signed_by(&key, &root_issuer)?.pem();
            Ok(Pair { key: key.serialize_pem().into(), certificate })
        };
        Ok([root, below(Branch::Organisations)?, below(Branch::Persons)?])
    }

    /// The certificates a client is to trust: the root first, then the two that issue, since the directory shows leafs only.
    pub fn trust_pem(&self) -> String {
        [&self.root, &self.organisations, &self.persons].map(|pair| pair.certificate.as_str()).concat()
    }

    /// Its clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The certificate of one authority, PEM.
    pub fn certificate(&self, branch: Branch) -> &str {
        &self.pair(branch).certificate
    }

    fn pair(&self, branch: Branch) -> &Pair {
        match branch {
            Branch::Root => &self.root,
            Branch::Organisations => &self.organisations,
            Branch::Persons => &self.persons,
        }
    }

    fn issuer(&self, branch: Branch) -> Result<Issuer<'static, KeyPair>, SandboxError> {
        let pem = &self.pair(branch).key;
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(pem.expose(), &PKCS_ECDSA_P256_SHA256)?;
        Ok(Issuer::new(branch.params(), key))
    }

    /// Issues a leaf, PEM.
    pub fn issue(&self, branch: Branch, leaf: Leaf, key: &impl PublicKeyData) -> Result<String, SandboxError> {
        Ok(leaf.params().signed_by(key, &self.issuer(branch)?)?.pem())
    }

    /// Issues the leaf of a server, which says where the list of its authority is, and revokes it at once if told to; PEM.
    pub fn issue_server(
        &self,
        leaf: Leaf,
        key: &impl PublicKeyData,
        list: &str,
        revoke: bool,
    ) -> Result<String, SandboxError> {
        let mut params = leaf.params();
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![list.to_owned()] }];
        if let Some(serial) = params.serial_number.clone().filter(|_| revoke) {
            let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
            revoked.push((Branch::Organisations, serial));
        }
        Ok(params.signed_by(key, &self.issuer(Branch::Organisations)?)?.pem())
    }

    /// The revocation list of one authority, as of now and for a week (RFC 5280, section 5), DER.
    pub fn revocation_list(&self, branch: Branch) -> Result<Vec<u8>, SandboxError> {
        let now = self.clock.now();
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + since_1970(now - SignedDuration::from_hours(1)),
            next_update: date_time_ymd(1970, 1, 1) + since_1970(now + 7 * DAY),
            crl_number: SerialNumber::from(since_1970(now).as_secs()),
            issuing_distribution_point: None,
            revoked_certs: self.revoked_by(branch, now),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer(branch)?)?.der().to_vec())
    }
}

impl Authority {
    fn revoked_by(&self, branch: Branch, now: Timestamp) -> Vec<RevokedCertParams> {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        let own = revoked.iter().filter(|(by, _)| *by == branch);
        let entry = |serial: &SerialNumber| RevokedCertParams {
            serial_number: serial.clone(),
            revocation_time: date_time_ymd(1970, 1, 1) + since_1970(now - SignedDuration::from_hours(1)),
            reason_code: None,
            invalidity_date: None,
        };
        own.map(|(_, serial)| entry(serial)).collect()
    }
}

impl Leaf {
    /// The same, as rcgen wants it.
    pub fn params(self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        for (kind, value) in self.subject {
            name.push(kind, value);
        }
        params.distinguished_name = name;
        params.subject_alt_names = self.names;
        params.key_usages = self.key_usages;
        params.extended_key_usages = self.extended_key_usages;
        params.not_before = date_time_ymd(1970, 1, 1) + since_1970(self.validity.from);
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970(self.validity.until);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial());
        params
    }
}

/// The subject of an organisation's certificate, in the order IGC-Santé encodes it.
pub(super) fn organisation(department: &str, name: &str, idnst: &str, common_name: &str) -> Vec<(DnType, String)> {
    vec![
        (DnType::CountryName, "FR".to_owned()),
        (DnType::StateOrProvinceName, department.to_owned()),
        (DnType::OrganizationName, name.to_owned()),
        (DnType::OrganizationalUnitName, idnst.to_owned()),
        (DnType::CommonName, common_name.to_owned()),
    ]
}

/// The subject of a professional's certificate: the national identifier is the common name.
pub(super) fn person(title: &str, idnps: &str, family: &str, given: &str) -> Vec<(DnType, String)> {
    vec![
        (DnType::CountryName, "FR".to_owned()),
        (DnType::CustomDnType(vec![2, 5, 4, 12]), title.to_owned()),
        (DnType::CommonName, idnps.to_owned()),
        (DnType::CustomDnType(vec![2, 5, 4, 4]), family.to_owned()),
        (DnType::CustomDnType(vec![2, 5, 4, 42]), given.to_owned()),
    ]
}

/// The second OU of a name: rcgen keeps one value for each type, and takes this for another type.
fn second_unit() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 11])
}

/// Text of the tables as the ASCII string that a name in a certificate is.
pub(super) fn ia5(text: &str) -> rcgen::string::Ia5String {
    text.try_into().expect("the names of the sandbox are ASCII")
}

/// A certificate out of its PEM form.
pub(super) fn certificate_der(pem: &str) -> Result<CertificateDer<'static>, SandboxError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(SandboxError::authority)
}

fn serial() -> SerialNumber {
    let mut octets = [0u8; 16];
    rand::fill(&mut octets).expect("the system gives randomness");
    octets[0] = octets[0] & 0x3f | 0x40; // positive and of full length (RFC 5280, section 4.1.2.2)
    SerialNumber::from_slice(&octets)
}

/// The time of rcgen's dates is of a crate we do not name: it is reached from a date of rcgen's own.
fn since_1970(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}
