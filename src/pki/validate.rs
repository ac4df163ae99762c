//! Judging a certificate: its path to an anchor (RFC 5280, section 6) and the rules for mail (RFC 8550, section 4.4).

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, Error, PDVCertificate,
    PDVTrustAnchorChoice, PathValidationStatus, PkiEnvironment, TimeOfInterest, compare_names,
};
use der::asn1::BitString;
use jiff::Timestamp;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages, NameConstraints};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::signature::{SignatureError, verify_signature};
use super::{Certificate, Finding, KeyKind, RevocationList, TrustAnchors};
use crate::mail::Address;

/// id-kp-emailProtection (RFC 5280, section 4.2.1.12).
const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";

/// Authorities between a leaf and its anchor; real paths have one or two.
const DEEPEST: usize = 8;
/// Paths tried for one leaf, so that many look-alike authorities cost no more than this.
const MOST_PATHS: usize = 32;
/// Comparisons of names made for one leaf.
const MOST_STEPS: usize = 4096;
/// Intermediate certificates looked at.
const MOST_INTERMEDIATES: usize = 64;

/// What a certificate is to be believed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// It signed mail.
    EmailSigning,
    /// Mail is encrypted to it.
    EmailEncryption,
}

/// A certificate that was judged and believed; only [`validate`] makes one.
#[derive(Clone, Debug)]
pub struct Trusted {
    certificate: Certificate,
    path: Vec<Certificate>,
    purpose: Purpose,
    address: Option<Address>,
    at: Timestamp,
}

impl Trusted {
    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Who stands above it, its issuer first, the anchor last.
    pub fn path(&self) -> &[Certificate] {
        &self.path
    }

    /// What it is believed for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The address it was checked against, if it was.
    pub fn address(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// The moment it was judged for.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

/// Finds the lists that tell about a certificate and those above it: the leaf first, the anchor last.
pub type ListsFor<'a> = dyn Fn(&[Certificate]) -> Vec<RevocationList> + 'a;

/// Judges one certificate at a moment.
///
/// Revocation: with lists, one of them must tell about the leaf, and those that are there for the authorities above it
/// count too. About a certificate that itself says where its list is, one must tell in any case. A list made after `at`
/// counts: who was revoked later could have dated a signature back.
pub fn validate(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &TrustAnchors,
    crls: &[RevocationList],
    purpose: Purpose,
    address: Option<&Address>,
    at: Timestamp,
) -> Result<Trusted, Finding> {
    let (path, address) =
        (first_path(leaf, intermediates, anchors, Some(crls), purpose, address, at)?, address.cloned());
    Ok(Trusted { certificate: leaf.clone(), path, purpose, address, at })
}

/// The path of a certificate that would be believed if it is not revoked: the certificate first, the anchor last. It
/// tells which lists are needed to judge; only an authority that is believed may send us anywhere to fetch them.
pub fn find_path(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &TrustAnchors,
    purpose: Purpose,
    address: Option<&Address>,
    at: Timestamp,
) -> Result<Vec<Certificate>, Finding> {
    let above = first_path(leaf, intermediates, anchors, None, purpose, address, at)?;
    Ok(std::iter::once(leaf.clone()).chain(above).collect())
}

/// The first path that holds; without lists revocation is not looked at.
fn first_path(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &TrustAnchors,
    crls: Option<&[RevocationList]>,
    purpose: Purpose,
    address: Option<&Address>,
    at: Timestamp,
) -> Result<Vec<Certificate>, Finding> {
    check_leaf(leaf, purpose, address, at)?;
    let environment = environment();
    let mut finding = Finding::Untrusted;
    for path in Search::paths(leaf, intermediates, anchors) {
        if address.is_some_and(Address::is_internationalized) && path.iter().any(constrains_names) {
            // Nothing here compares SmtpUTF8Mailbox with name constraints (RFC 9598, section 6).
            finding = Finding::Constraint;
            continue;
        }
        let checked = check_path(&environment, leaf, &path, at)
            .and_then(|()| crls.map_or(Ok(()), |crls| check_revocation(&environment, leaf, &path, crls, at)));
        match checked {
            Ok(()) => return Ok(path),
            Err(found) => finding = found,
        }
    }
    Err(finding)
}

/// Takes the best of several certificates: those in their validity first, the newest of them; every other is told with
/// what stands against it.
pub fn choose(
    candidates: &[Certificate],
    intermediates: &[Certificate],
    anchors: &TrustAnchors,
    crls: &[RevocationList],
    purpose: Purpose,
    address: Option<&Address>,
    at: Timestamp,
) -> Result<Trusted, Vec<(Certificate, Finding)>> {
    choose_by(candidates, at, |candidate| validate(candidate, intermediates, anchors, crls, purpose, address, at))
}

/// The same for who judges each candidate with evidence of its own.
pub fn choose_by(
    candidates: &[Certificate],
    at: Timestamp,
    mut judge: impl FnMut(&Certificate) -> Result<Trusted, Finding>,
) -> Result<Trusted, Vec<(Certificate, Finding)>> {
    let mut order: Vec<&Certificate> = candidates.iter().collect();
    order.sort_by_key(|candidate| (!candidate.is_valid_at(at), std::cmp::Reverse(candidate.not_before())));
    let mut refused = Vec::new();
    for candidate in order {
        match judge(candidate) {
            Ok(trusted) => return Ok(trusted),
            Err(finding) => refused.push((candidate.clone(), finding)),
        }
    }
    Err(refused)
}

/// The paths from a certificate to an anchor by their names, the certificate first: which of them holds, others judge.
pub fn named_paths(leaf: &Certificate, intermediates: &[Certificate], anchors: &TrustAnchors) -> Vec<Vec<Certificate>> {
    let above = Search::paths(leaf, intermediates, anchors).into_iter();
    above.map(|above| std::iter::once(leaf.clone()).chain(above).collect()).collect()
}

/// What lists tell about one certificate whose issuer is believed; those of other authorities are passed over. Only a list
/// that says when the next one is due, and for which that time has not come, tells anything.
pub fn status_by_lists(
    subject: &Certificate,
    issuer: &Certificate,
    lists: &[RevocationList],
    at: Timestamp,
) -> Result<(), Finding> {
    let current = |list: &&RevocationList| list.covers(subject) && list.next_update().is_some_and(|next| at < next);
    let mut covering: Vec<&RevocationList> = lists.iter().filter(current).collect();
    covering.sort_by_key(|list| std::cmp::Reverse(list.this_update()));
    check_status(&environment(), subject, issuer, &covering, at)
}

/// Whether a certificate says itself that it is for a purpose at a moment; who vouches for it is not asked.
pub fn serves(certificate: &Certificate, purpose: Purpose, at: Timestamp) -> bool {
    check_leaf(certificate, purpose, None, at).is_ok()
}

/// What the leaf itself says; certval leaves "no extended key usage" and "no address" open.
fn check_leaf(leaf: &Certificate, purpose: Purpose, address: Option<&Address>, at: Timestamp) -> Result<(), Finding> {
    if at < leaf.not_before() {
        return Err(Finding::NotYetValid { from: leaf.not_before() });
    }
    if at > leaf.not_after() {
        return Err(Finding::Expired { on: leaf.not_after() });
    }
    if address.is_some_and(|address| !leaf.names_address(address)) {
        return Err(Finding::WrongAddress);
    }
    let kind = leaf.key_kind();
    let wanted = match (purpose, kind) {
        (_, KeyKind::Rsa { bits }) if bits < 2048 => return Err(Finding::UnsupportedKey),
        (_, KeyKind::Other) | (Purpose::EmailSigning, KeyKind::X25519) => return Err(Finding::UnsupportedKey),
        (Purpose::EmailEncryption, KeyKind::Ed25519) => return Err(Finding::UnsupportedKey),
        (Purpose::EmailSigning, _) => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
        (Purpose::EmailEncryption, KeyKind::Rsa { .. }) => KeyUsages::KeyEncipherment.into(),
        (Purpose::EmailEncryption, _) => KeyUsages::KeyAgreement.into(),
    };
    let usage = leaf.key_usage().map_err(|_| Finding::Malformed)?;
    if usage.is_some_and(|usage| usage.0.is_disjoint(wanted)) {
        return Err(Finding::WrongUsage);
    }
    let purposes = leaf.extended_key_usage().map_err(|_| Finding::Malformed)?;
    if purposes.is_some_and(|purposes| !purposes.0.iter().any(|oid| oid.to_string() == EMAIL_PROTECTION)) {
        return Err(Finding::WrongUsage);
    }
    Ok(())
}

/// The search for paths by names; bounded, because names cost an attacker nothing.
struct Search<'a> {
    intermediates: &'a [Certificate],
    anchors: &'a TrustAnchors,
    above: Vec<Certificate>,
    steps: usize,
    paths: Vec<Vec<Certificate>>,
}

impl Search<'_> {
    /// Every path from a leaf: issuer first, anchor last.
    fn paths(leaf: &Certificate, intermediates: &[Certificate], anchors: &TrustAnchors) -> Vec<Vec<Certificate>> {
        let intermediates = &intermediates[..intermediates.len().min(MOST_INTERMEDIATES)];
        let mut search = Search { intermediates, anchors, above: Vec::new(), steps: 0, paths: Vec::new() };
        search.climb(leaf);
        search.paths
    }

    fn climb(&mut self, subject: &Certificate) {
        for anchor in self.anchors.certificates() {
            if self.paths.len() < MOST_PATHS && issued(anchor, subject) && (anchor == subject || may_issue(anchor)) {
                let mut path = self.above.clone();
                path.push(anchor.clone());
                self.paths.push(path);
            }
        }
        if self.above.len() >= DEEPEST {
            return;
        }
        for candidate in self.intermediates {
            self.steps += 1;
            if self.paths.len() >= MOST_PATHS || self.steps > MOST_STEPS {
                return;
            }
            let known = candidate == subject || self.above.contains(candidate) || self.anchors.contains(candidate);
            if !known && issued(candidate, subject) {
                self.above.push(candidate.clone());
                self.climb(candidate);
                self.above.pop();
            }
        }
    }
}

/// By name, and by key identifier where both certificates give one.
pub(super) fn issued(issuer: &Certificate, subject: &Certificate) -> bool {
    let (issuer_tbs, subject_tbs) = (issuer.parsed().tbs_certificate(), subject.parsed().tbs_certificate());
    let identifiers_agree = match (issuer.key_identifier(), subject.authority_key_identifier()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    identifiers_agree && compare_names(issuer_tbs.subject(), subject_tbs.issuer())
}

/// An anchor needs no extensions, but one that says it is no authority is taken at its word.
fn may_issue(anchor: &Certificate) -> bool {
    match anchor.parsed().tbs_certificate().get_extension::<BasicConstraints>() {
        Ok(Some((_, constraints))) => constraints.ca,
        Ok(None) => true,
        Err(_) => false,
    }
}

fn constrains_names(authority: &Certificate) -> bool {
    !matches!(authority.parsed().tbs_certificate().get_extension::<NameConstraints>(), Ok(None))
}

fn environment() -> PkiEnvironment {
    let mut environment = PkiEnvironment::new();
    environment.clear_all_callbacks();
    environment.populate_5280_pki_environment();
    environment.clear_verify_signature_message_callbacks();
    environment.add_verify_signature_message_callback(verify_for_certval);
    environment
}

fn verify_for_certval(
    _environment: &PkiEnvironment,
    message: &[u8],
    signature: &BitString,
    algorithm: &AlgorithmIdentifierOwned,
    key: &SubjectPublicKeyInfoOwned,
) -> Result<(), Error> {
    let octets = signature.as_bytes().ok_or(Error::ParseError)?;
    verify_signature(key, algorithm, message, octets).map_err(|error| match error {
        SignatureError::Invalid => Error::PathValidation(PathValidationStatus::SignatureVerificationFailure),
        SignatureError::Unsupported(_) => Error::Unrecognized,
    })
}

fn settings(at: Timestamp) -> Result<CertificationPathSettings, Finding> {
    // Second 0 would switch the checks of time off.
    let seconds = u64::try_from(at.as_second()).ok().filter(|seconds| *seconds > 0).ok_or(Finding::Malformed)?;
    let mut settings = CertificationPathSettings::default();
    settings.set_time_of_interest(TimeOfInterest::from_unix_secs(seconds).map_err(|_| Finding::Malformed)?);
    settings.set_extended_key_usage(vec![EMAIL_PROTECTION.to_owned()]);
    settings.set_extended_key_usage_path(true);
    settings.set_enforce_trust_anchor_constraints(true);
    // The anchors are ours by construction: `Search` ends in nothing else.
    settings.set_require_ta_store(false);
    settings.set_check_revocation_status(true);
    settings.set_check_crls(true);
    Ok(settings)
}

fn check_path(
    environment: &PkiEnvironment,
    leaf: &Certificate,
    path: &[Certificate],
    at: Timestamp,
) -> Result<(), Finding> {
    let (anchor, between) = path.split_last().ok_or(Finding::Untrusted)?;
    let anchor = certval_anchor(anchor)?;
    let settings =
        certval::enforce_trust_anchor_constraints(&settings(at)?, &anchor).map_err(|_| Finding::Constraint)?;
    // certval wants the anchor's side first.
    let between: Vec<PDVCertificate> = between.iter().rev().map(certval_certificate).collect::<Result<_, _>>()?;
    let path = CertificationPath::new(anchor, between, certval_certificate(leaf)?);
    let mut results = CertificationPathResults::new();
    environment.validate_path(environment, &settings, &path, &mut results).map_err(|error| finding(&error))
}

/// Asks the lists about each certificate of the path.
fn check_revocation(
    environment: &PkiEnvironment,
    leaf: &Certificate,
    path: &[Certificate],
    crls: &[RevocationList],
    at: Timestamp,
) -> Result<(), Finding> {
    let mut subject = leaf;
    for issuer in path {
        let mut covering: Vec<&RevocationList> = crls.iter().filter(|crl| crl.covers(subject)).collect();
        covering.sort_by_key(|crl| std::cmp::Reverse(crl.this_update()));
        let wanted = !covering.is_empty() || subject.names_revocation_list() || (subject == leaf && !crls.is_empty());
        if issuer != subject && wanted {
            check_status(environment, subject, issuer, &covering, at)?;
        }
        subject = issuer;
    }
    Ok(())
}

fn check_status(
    environment: &PkiEnvironment,
    subject: &Certificate,
    issuer: &Certificate,
    covering: &[&RevocationList],
    at: Timestamp,
) -> Result<(), Finding> {
    let ask = |crl: &RevocationList, at| {
        let mut step = CertificationPath::new(certval_anchor(issuer)?, Vec::new(), certval_certificate(subject)?);
        step.crls = vec![Some(crl.der().to_vec())];
        let mut results = CertificationPathResults::new();
        let told = certval::check_revocation_local(environment, &settings(at)?, &step, &mut results);
        told.map_err(|error| finding(&error))
    };
    let mut cleared = None;
    for crl in covering {
        // The newest list decides; of two that were made at one moment, the one that revokes.
        if cleared.is_some_and(|moment| crl.this_update() < moment) {
            break;
        }
        let moment = at.max(crl.this_update());
        match crl.answer(subject, issuer, moment, || ask(crl, moment)) {
            Ok(()) => cleared = Some(crl.this_update()),
            Err(Finding::Revoked) => return Err(Finding::Revoked),
            Err(_) => {}
        }
    }
    cleared.map(drop).ok_or(Finding::RevocationUnknown)
}

fn certval_anchor(certificate: &Certificate) -> Result<PDVTrustAnchorChoice, Finding> {
    PDVTrustAnchorChoice::try_from(certificate.der()).map_err(|_| Finding::Malformed)
}

fn certval_certificate(certificate: &Certificate) -> Result<PDVCertificate, Finding> {
    PDVCertificate::try_from(certificate.der()).map_err(|_| Finding::Malformed)
}

fn finding(error: &Error) -> Finding {
    let Error::PathValidation(status) = error else { return Finding::Malformed };
    match status {
        PathValidationStatus::InvalidNotBeforeDate | PathValidationStatus::InvalidNotAfterDate => {
            Finding::IssuerExpired
        }
        PathValidationStatus::SignatureVerificationFailure => Finding::BadSignature,
        PathValidationStatus::InvalidKeyUsage => Finding::WrongUsage,
        PathValidationStatus::InsufficientKeySize => Finding::UnsupportedKey,
        PathValidationStatus::CertificateRevoked
        | PathValidationStatus::CertificateRevokedEndEntity
        | PathValidationStatus::CertificateRevokedIntermediateCa
        | PathValidationStatus::CertificateOnHold => Finding::Revoked,
        PathValidationStatus::RevocationStatusNotDetermined => Finding::RevocationUnknown,
        PathValidationStatus::EncodingError => Finding::Malformed,
        PathValidationStatus::NameChainingFailure | PathValidationStatus::MissingTrustAnchor => Finding::Untrusted,
        _ => Finding::Constraint,
    }
}
