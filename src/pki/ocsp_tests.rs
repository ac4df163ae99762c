//! Answers of responders, good and bad: who may sign them, for how long they count, and what they may not repeat.

use aws_lc_rs::digest;
use der::Encode;
use jiff::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use super::specimen::{Authority, Leaf, NOON};
use super::{Certificate, OCSP_NONCE, OcspError, OcspStatus, PrivateKey, ocsp_request, ocsp_status};

const SENT: [u8; OCSP_NONCE] = [7; OCSP_NONCE];
const GOOD: &[u8] = &[0x80, 0];
/// Revoked on the first of May.
const REVOKED: &[u8] = b"\xa1\x11\x18\x0f20260501000000Z";
const UNKNOWN: &[u8] = &[0x82, 0];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content.to_vec()].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// What an answer says, with the usual values.
struct Says<'a> {
    about: &'a Certificate,
    status: &'a [u8],
    this_update: &'a str,
    next_update: Option<&'a str>,
    nonce: Option<[u8; OCSP_NONCE]>,
}

struct Space {
    issuing: Authority,
    leaf: Certificate,
}

impl Space {
    fn new() -> Space {
        let issuing = Authority::root("TEST AC RACINE").below("TEST AC SERVEURS");
        let leaf = issuing.certify(&Leaf::new("a@b.fr"));
        Space { issuing, leaf }
    }

    fn says(&self) -> Says<'_> {
        let (this_update, next_update) = ("20260601110000Z", Some("20260602110000Z"));
        Says { about: &self.leaf, status: GOOD, this_update, next_update, nonce: Some(SENT) }
    }

    fn signed_by_issuer(&self, says: &Says<'_>) -> Vec<u8> {
        let content = content(&self.issuing.certificate, &self.issuing.certificate, says);
        answer(&content, &self.issuing.sign(&content), None)
    }

    fn signed_by(&self, delegate: &Certificate, key: &PrivateKey, says: &Says<'_>) -> Vec<u8> {
        let content = content(&self.issuing.certificate, delegate, says);
        answer(&content, &key.sign(&content).unwrap().bytes, Some(delegate))
    }

    fn judge(&self, response: &[u8]) -> Result<OcspStatus, OcspError> {
        ocsp_status(response, &self.leaf, &self.issuing.certificate, Some(&SENT), &[], noon())
    }
}

/// The part that is signed.
fn content(issuer: &Certificate, responder: &Certificate, says: &Says<'_>) -> Vec<u8> {
    let name = issuer.parsed().tbs_certificate().subject().to_der().unwrap();
    let sha256 = |octets: &[u8]| tlv(4, digest::digest(&digest::SHA256, octets).as_ref());
    let algorithm = sequence(&[&[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]);
    let serial = tlv(2, says.about.parsed().tbs_certificate().serial_number().as_bytes());
    let certificate = sequence(&[&algorithm, &sha256(&name), &sha256(issuer.public_key()), &serial]);
    let next = says.next_update.map(|time| tlv(0xa0, &tlv(0x18, time.as_bytes()))).unwrap_or_default();
    let single = sequence(&[&certificate, says.status, &tlv(0x18, says.this_update.as_bytes()), &next]);
    let key = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, responder.public_key());
    let nonce = says.nonce.map(|nonce| {
        let oid = [6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
        tlv(0xa1, &sequence(&[&sequence(&[&oid, &tlv(4, &tlv(4, &nonce))])]))
    });
    let made = tlv(0x18, b"20260601110000Z");
    sequence(&[&tlv(0xa2, &tlv(4, key.as_ref())), &made, &sequence(&[&single]), &nonce.unwrap_or_default()])
}

/// What a responder of an authority below another says about a certificate, repeating no nonce: good for a month.
pub(crate) fn answer_about(issuing: &Authority, about: &Certificate, revoked: bool, this_update: &str) -> Vec<u8> {
    let status = if revoked { REVOKED } else { GOOD };
    let says = Says { about, status, this_update, next_update: Some("20260701110000Z"), nonce: None };
    let content = content(&issuing.certificate, &issuing.certificate, &says);
    answer(&content, &issuing.sign(&content), None)
}

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn answer(content: &[u8], signature: &[u8], certificate: Option<&Certificate>) -> Vec<u8> {
    let ecdsa = sequence(&[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let certificates = certificate.map(|it| tlv(0xa0, &sequence(&[it.der()]))).unwrap_or_default();
    let bits = tlv(3, &[&[0], signature].concat());
    let basic = sequence(&[content, &ecdsa, &bits, &certificates]);
    let kind = [6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
    let bytes = sequence(&[&kind, &tlv(4, &basic)]);
    sequence(&[&[10, 1, 0], &tlv(0xa0, &bytes)])
}

/// A certificate for somebody who answers, and the key.
fn delegate(of: &Authority, purpose: ExtendedKeyUsagePurpose, years: (i32, i32)) -> (Certificate, PrivateKey) {
    let mut leaf = Leaf::new("responder@b.fr");
    (leaf.purposes, leaf.years, leaf.serial) = (vec![purpose], years, 5);
    leaf.usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = of.certify(&leaf);
    (certificate, leaf.key)
}

#[test]
fn the_issuer_clears_and_revokes() {
    let space = Space::new();
    let (made, until) = ("2026-06-01T11:00:00Z".parse().unwrap(), "2026-06-02T11:00:00Z".parse().unwrap());
    assert_eq!(space.judge(&space.signed_by_issuer(&space.says())), Ok(OcspStatus::Good { made, until }));
    let revoked = space.signed_by_issuer(&Says { status: REVOKED, ..space.says() });
    assert_eq!(space.judge(&revoked), Ok(OcspStatus::Revoked { made }));
    let unknown = space.signed_by_issuer(&Says { status: UNKNOWN, ..space.says() });
    assert_eq!(space.judge(&unknown), Err(OcspError::Unknown));
}

#[test]
fn an_answer_counts_in_its_time_only() {
    let space = Space::new();
    let judge = |this_update, next_update| {
        space.judge(&space.signed_by_issuer(&Says { this_update, next_update, ..space.says() })).map(|_| ())
    };
    assert_eq!(judge("20260530110000Z", Some("20260601115959Z")), Err(OcspError::Stale));
    assert_eq!(judge("20260601120600Z", Some("20260602110000Z")), Err(OcspError::Future));
    assert_eq!(judge("20260601120400Z", None), Ok(()), "a clock may be ahead a little");
    assert_eq!(judge("20260531120001Z", None), Ok(()));
    assert_eq!(judge("20260531120000Z", None), Err(OcspError::Stale));
}

#[test]
fn a_nonce_is_not_needed_and_must_not_be_another() {
    let space = Space::new();
    assert!(space.judge(&space.signed_by_issuer(&Says { nonce: None, ..space.says() })).is_ok());
    let other = space.signed_by_issuer(&Says { nonce: Some([8; OCSP_NONCE]), ..space.says() });
    assert_eq!(space.judge(&other), Err(OcspError::Nonce));
    let stapled = ocsp_status(&other, &space.leaf, &space.issuing.certificate, None, &[], noon());
    assert!(stapled.is_ok(), "who did not ask compares nothing");
}

#[test]
fn only_whom_the_issuer_named_for_it_may_answer() {
    let space = Space::new();
    let judge = |(certificate, key): (Certificate, PrivateKey)| {
        space.judge(&space.signed_by(&certificate, &key, &space.says())).map(|_| ())
    };
    let named = || ExtendedKeyUsagePurpose::OcspSigning;
    assert_eq!(judge(delegate(&space.issuing, named(), (2025, 2027))), Ok(()));
    assert_eq!(
        judge(delegate(&space.issuing, ExtendedKeyUsagePurpose::ServerAuth, (2025, 2027))),
        Err(OcspError::NotAuthorised)
    );
    assert_eq!(judge(delegate(&space.issuing, named(), (2023, 2025))), Err(OcspError::NotAuthorised));
    let foreign = Authority::root("TEST AC RACINE").below("TEST AC SERVEURS");
    assert_eq!(judge(delegate(&foreign, named(), (2025, 2027))), Err(OcspError::NotAuthorised));
    let (certificate, key) = delegate(&space.issuing, named(), (2025, 2027));
    let response = space.signed_by(&certificate, &key, &space.says());
    let lists = [space.issuing.revoke(&[5])];
    let judged = ocsp_status(&response, &space.leaf, &space.issuing.certificate, Some(&SENT), &lists, noon());
    assert_eq!(judged, Err(OcspError::NotAuthorised), "it was revoked itself");
    let (_, other) = delegate(&space.issuing, named(), (2025, 2027));
    let forged = space.signed_by(&certificate, &other, &space.says());
    assert_eq!(space.judge(&forged), Err(OcspError::BadSignature));
}

#[test]
fn another_certificate_is_not_cleared_by_it() {
    let space = Space::new();
    let mut leaf = Leaf::new("c@d.fr");
    leaf.serial = 78;
    let other = space.issuing.certify(&leaf);
    let response = space.signed_by_issuer(&Says { about: &other, ..space.says() });
    assert_eq!(space.judge(&response), Err(OcspError::OtherCertificate));
}

#[test]
fn what_is_no_answer_is_refused() {
    let space = Space::new();
    let good = space.signed_by_issuer(&space.says());
    for cut in 0..good.len() {
        assert!(space.judge(&good[..cut]).is_err(), "{cut}");
    }
    for place in 0..good.len() {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        assert!(!matches!(space.judge(&flipped), Ok(OcspStatus::Revoked { .. })), "{place}");
    }
    assert_eq!(space.judge(&sequence(&[&[10, 1, 6]])), Err(OcspError::Refused(6)));
    assert_eq!(space.judge(&vec![0x30; 70_000]), Err(OcspError::Malformed));
    assert_eq!(space.judge(&[good.as_slice(), &[0]].concat()), Err(OcspError::Malformed));
}

#[test]
fn a_question_names_the_certificate_and_holds_the_nonce() {
    let space = Space::new();
    let request = ocsp_request(&space.leaf, &space.issuing.certificate, &SENT).unwrap();
    let holds = |part: &[u8]| request.windows(part.len()).any(|window| window == part);
    let key = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, space.issuing.certificate.public_key());
    assert!(holds(&SENT) && holds(key.as_ref()) && holds(&[2, 1, 77]));
}
