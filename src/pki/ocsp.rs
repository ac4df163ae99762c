//! What a responder is asked about a certificate, and whether its answer counts (RFC 6960).

use aws_lc_rs::digest;
use der::asn1::{AnyRef, BitString, GeneralizedTime, ObjectIdentifier, OctetString, OctetStringRef, UintRef};
use der::{Decode, Encode, Tag, TagNumber, Tagged};
use jiff::{SignedDuration, Timestamp};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::published::{context, elements};
use super::signature::verify_signature;
use super::validate::{issued, status_by_lists};
use super::{Certificate, Finding, RevocationList};

/// id-pkix-ocsp-basic.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-nonce.
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// id-kp-OCSPSigning.
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// The longest answer read, in octets: a few certificates may be in it.
pub const LARGEST_OCSP_RESPONSE: usize = 64 * 1024;
/// How many octets of a nonce are sent (RFC 9654, section 2.1).
pub const OCSP_NONCE: usize = 32;
/// Certificates of an answer looked at.
const MOST_CERTIFICATES: usize = 8;
/// How far the clock of a responder may be ahead of ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How long an answer counts that does not say when the next one is due: it calls itself the newest there is.
const UNDATED: SignedDuration = SignedDuration::from_hours(24);

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// It was not revoked when this was made; it counts until then.
    Good { made: Timestamp, until: Timestamp },
    /// It was revoked, or is on hold, when this was made.
    Revoked { made: Timestamp },
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// Not an answer of a responder.
    #[error("it is not an OCSP response")]
    Malformed,
    /// The responder does not answer (RFC 6960, section 4.2.1).
    #[error("the responder answered with status {0}")]
    Refused(u8),
    /// It is about other certificates.
    #[error("the response is about another certificate")]
    OtherCertificate,
    /// The responder does not know the certificate.
    #[error("the responder does not know the certificate")]
    Unknown,
    /// Neither the issuer nor somebody it named for this signed the answer.
    #[error("the response is signed by somebody who may not")]
    NotAuthorised,
    /// The signature does not verify.
    #[error("the signature of the response does not verify")]
    BadSignature,
    /// A newer one was due.
    #[error("the response is out of date")]
    Stale,
    /// It was made in what is the future here.
    #[error("the response is dated in the future")]
    Future,
    /// It repeats another nonce than the one that was sent.
    #[error("the response answers another question")]
    Nonce,
}

/// The question about one certificate, DER. SHA-1 only names the issuer here; every responder knows it (RFC 5019, section 2.1.1).
pub fn ocsp_request(subject: &Certificate, issuer: &Certificate, nonce: &[u8; OCSP_NONCE]) -> Option<Vec<u8>> {
    let algorithm = sequence(&[&SHA1.to_der().ok()?, &[5, 0]])?;
    let (name, key) = names_of(issuer, SHA1)?;
    let octets = |octets: &[u8]| OctetStringRef::new(octets).and_then(|it| it.to_der()).ok();
    let serial = UintRef::new(subject.parsed().tbs_certificate().serial_number().as_bytes()).ok()?.to_der().ok()?;
    let certificate = sequence(&[&algorithm, &octets(&name)?, &octets(&key)?, &serial])?;
    let list = sequence(&[&sequence(&[&certificate])?])?;
    let extension = sequence(&[&NONCE.to_der().ok()?, &octets(&octets(nonce)?)?])?;
    let extensions = AnyRef::new(context(2), &sequence(&[&extension])?).ok()?.to_der().ok()?;
    sequence(&[&sequence(&[&list, &extensions])?])
}

fn sequence(parts: &[&[u8]]) -> Option<Vec<u8>> {
    AnyRef::new(Tag::Sequence, &parts.concat()).ok()?.to_der().ok()
}

/// What an answer says of a certificate whose issuer is believed. `nonce` is what was sent, where somebody was asked: an answer
/// need not repeat it, but no other. The lists tell whether somebody who signed for the issuer was revoked.
pub fn ocsp_status(
    response: &[u8],
    subject: &Certificate,
    issuer: &Certificate,
    nonce: Option<&[u8; OCSP_NONCE]>,
    lists: &[RevocationList],
    at: Timestamp,
) -> Result<OcspStatus, OcspError> {
    if response.len() > LARGEST_OCSP_RESPONSE {
        return Err(OcspError::Malformed);
    }
    let answer = Answer::read(response)?;
    answer.check_signature(issuer, lists, at)?;
    let echoed = answer.nonce.as_deref().zip(nonce);
    if echoed.is_some_and(|(got, sent)| got != sent) {
        return Err(OcspError::Nonce);
    }
    let about: Vec<&Single> = answer.singles.iter().filter(|single| single.is_about(subject, issuer)).collect();
    let mut result = Err(OcspError::OtherCertificate);
    for single in about {
        match single.status_at(at) {
            revoked @ Ok(OcspStatus::Revoked { .. }) => return revoked,
            good @ Ok(_) => result = good,
            error if result.is_err() => result = error,
            _ => {}
        }
    }
    result
}

/// The digests that stand for an issuer: of its name and of its key.
fn names_of(issuer: &Certificate, algorithm: ObjectIdentifier) -> Option<(Vec<u8>, Vec<u8>)> {
    let algorithm = match algorithm {
        SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        SHA256 => &digest::SHA256,
        _ => return None,
    };
    let name = issuer.parsed().tbs_certificate().subject().to_der().ok()?;
    let of = |octets: &[u8]| digest::digest(algorithm, octets).as_ref().to_vec();
    Some((of(&name), of(issuer.public_key())))
}

/// What stands under a signature, the algorithm, the signature, and what else is there.
pub(super) struct Signed<'a> {
    content: Vec<u8>,
    algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
    rest: Vec<AnyRef<'a>>,
}

impl<'a> Signed<'a> {
    /// The common shape of certificates, lists and answers. DER has one encoding: what is encoded again is what was signed.
    pub(super) fn read(der: &'a [u8]) -> Option<Signed<'a>> {
        let mut parts = inside(AnyRef::from_der(der).ok()?)?.into_iter();
        let (content, algorithm, signature) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Signed {
            content: content.to_der().ok()?,
            algorithm: AlgorithmIdentifierOwned::from_der(&algorithm.to_der().ok()?).ok()?,
            signature: BitString::from_der(&signature.to_der().ok()?).ok()?.as_bytes()?.to_vec(),
            rest: parts.collect(),
        })
    }

    pub(super) fn is_signed_by(&self, signer: &Certificate) -> bool {
        let key: &SubjectPublicKeyInfoOwned = signer.parsed().tbs_certificate().subject_public_key_info();
        verify_signature(key, &self.algorithm, &self.content, &self.signature).is_ok()
    }
}

fn inside(element: AnyRef<'_>) -> Option<Vec<AnyRef<'_>>> {
    if element.tag() == Tag::Sequence { elements(element.value()) } else { None }
}

/// Who signed, as an answer says it.
enum Responder {
    Name(Vec<u8>),
    Key(Vec<u8>),
}

impl Responder {
    fn read(element: AnyRef<'_>) -> Option<Responder> {
        if element.tag() == context(1) {
            return Some(Responder::Name(element.value().to_vec()));
        }
        let key = AnyRef::from_der(element.value()).ok().filter(|it| it.tag() == Tag::OctetString)?;
        (element.tag() == context(2)).then(|| Responder::Key(key.value().to_vec()))
    }

    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Responder::Name(name) => {
                certificate.parsed().tbs_certificate().subject().to_der().is_ok_and(|own| own == *name)
            }
            Responder::Key(key) => names_of(certificate, SHA1).is_some_and(|(_, own)| own == *key),
        }
    }
}

/// A BasicOCSPResponse (RFC 6960, section 4.2.1).
struct Answer {
    signed: SignedAnswer,
    responder: Responder,
    singles: Vec<Single>,
    nonce: Option<Vec<u8>>,
}

struct SignedAnswer {
    basic: Vec<u8>,
    certificates: Vec<Certificate>,
}

impl Answer {
    fn read(response: &[u8]) -> Result<Answer, OcspError> {
        let malformed = || OcspError::Malformed;
        let outer = AnyRef::from_der(response).map_err(|_| malformed())?;
        let parts = inside(outer).ok_or_else(malformed)?;
        match parts.first().map(|status| (status.tag(), status.value())) {
            Some((Tag::Enumerated, [0])) => {}
            Some((Tag::Enumerated, [status])) => return Err(OcspError::Refused(*status)),
            _ => return Err(malformed()),
        }
        let octets = basic_octets(&parts).ok_or_else(malformed)?;
        Answer::read_basic(octets).ok_or_else(malformed)
    }

    fn read_basic(octets: &[u8]) -> Option<Answer> {
        let signed = Signed::read(octets)?;
        let certificates = match signed.rest.first() {
            Some(element) if element.tag() == context(0) => inside(AnyRef::from_der(element.value()).ok()?)?,
            _ => Vec::new(),
        };
        let certificates = certificates.into_iter().take(MOST_CERTIFICATES);
        let certificates = certificates.filter_map(|it| Certificate::from_der(&it.to_der().ok()?).ok()).collect();
        let mut parts = inside(AnyRef::from_der(&signed.content).ok()?)?.into_iter().peekable();
        parts.next_if(|version| version.tag() == context(0));
        let responder = Responder::read(parts.next()?)?;
        time(parts.next()?)?;
        let singles = inside(parts.next()?)?.into_iter().map(Single::read).collect::<Option<Vec<_>>>()?;
        let nonce = match parts.next() {
            Some(extensions) if extensions.tag() == context(1) => nonce_in(extensions.value())?,
            Some(_) => return None,
            None => None,
        };
        Some(Answer { signed: SignedAnswer { basic: octets.to_vec(), certificates }, responder, singles, nonce })
    }

    /// The issuer itself, or somebody whom the issuer certified for this and nobody else (RFC 6960, section 4.2.2.2).
    fn check_signature(&self, issuer: &Certificate, lists: &[RevocationList], at: Timestamp) -> Result<(), OcspError> {
        let signed = Signed::read(&self.signed.basic).ok_or(OcspError::Malformed)?;
        let verify = |signer| if signed.is_signed_by(signer) { Ok(()) } else { Err(OcspError::BadSignature) };
        if self.responder.is(issuer) {
            return verify(issuer);
        }
        let delegate =
            self.signed.certificates.iter().find(|it| self.responder.is(it)).ok_or(OcspError::NotAuthorised)?;
        if !may_answer_for(delegate, issuer, at)
            || status_by_lists(delegate, issuer, lists, at) == Err(Finding::Revoked)
        {
            return Err(OcspError::NotAuthorised);
        }
        verify(delegate)
    }
}

/// The octets of the one kind of answer that is known.
fn basic_octets<'a>(parts: &[AnyRef<'a>]) -> Option<&'a [u8]> {
    let bytes = parts.get(1).filter(|element| element.tag() == context(0))?;
    let [kind, octets] = inside(AnyRef::from_der(bytes.value()).ok()?)?.try_into().ok()?;
    let known = kind.decode_as::<ObjectIdentifier>().ok()? == BASIC && octets.tag() == Tag::OctetString;
    known.then(|| octets.value())
}

/// The nonce among extensions. One that is critical and unknown changes what is said in a way nobody here understands.
fn nonce_in(extensions: &[u8]) -> Option<Option<Vec<u8>>> {
    let extensions = Extensions::from_der(extensions).ok()?;
    if extensions.iter().any(|extension| extension.critical && extension.extn_id != NONCE) {
        return None;
    }
    let nonce = extensions.iter().find(|extension| extension.extn_id == NONCE);
    // Some responders leave out the inner OCTET STRING that RFC 9654 asks for.
    Some(nonce.map(|nonce| {
        let octets = nonce.extn_value.as_bytes();
        OctetString::from_der(octets).map_or_else(|_| octets.to_vec(), |inner| inner.as_bytes().to_vec())
    }))
}

fn may_answer_for(delegate: &Certificate, issuer: &Certificate, at: Timestamp) -> bool {
    let certified = issued(issuer, delegate) && Signed::read(delegate.der()).is_some_and(|it| it.is_signed_by(issuer));
    let named = delegate.extended_key_usage().is_ok_and(|usage| usage.is_some_and(|it| it.0.contains(&OCSP_SIGNING)));
    let signs = delegate
        .key_usage()
        .is_ok_and(|usage| usage.is_none_or(|usage| !usage.0.is_disjoint(KeyUsages::DigitalSignature)));
    certified && named && signs && delegate.is_valid_at(at)
}

/// A SingleResponse.
struct Single {
    algorithm: ObjectIdentifier,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    serial: Vec<u8>,
    status: TagNumber,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
}

impl Single {
    fn read(element: AnyRef<'_>) -> Option<Single> {
        let mut parts = inside(element)?.into_iter();
        let [algorithm, name, key, serial] = inside(parts.next()?)?.try_into().ok()?;
        let Tag::ContextSpecific { number: status, .. } = parts.next()?.tag() else { return None };
        let this_update = time(parts.next()?)?;
        let mut next_update = None;
        for part in parts {
            if part.tag() == context(0) {
                next_update = Some(time(AnyRef::from_der(part.value()).ok()?)?);
            } else if part.tag() == context(1) {
                let extensions = Extensions::from_der(part.value()).ok()?;
                if extensions.iter().any(|extension| extension.critical) {
                    return None;
                }
            } else {
                return None;
            }
        }
        Some(Single {
            algorithm: inside(algorithm)?.first()?.decode_as().ok()?,
            issuer_name: name.value().to_vec(),
            issuer_key: key.value().to_vec(),
            serial: serial.value().to_vec(),
            status,
            this_update,
            next_update,
        })
    }

    fn is_about(&self, subject: &Certificate, issuer: &Certificate) -> bool {
        let plain = |serial: &[u8]| serial.iter().copied().skip_while(|octet| *octet == 0).collect::<Vec<u8>>();
        names_of(issuer, self.algorithm).is_some_and(|(name, key)| name == self.issuer_name && key == self.issuer_key)
            && plain(subject.parsed().tbs_certificate().serial_number().as_bytes()) == plain(&self.serial)
    }

    /// A revocation counts however old it is told: nobody is taken back from a list but by a newer answer.
    fn status_at(&self, at: Timestamp) -> Result<OcspStatus, OcspError> {
        match self.status {
            TagNumber(1) => return Ok(OcspStatus::Revoked { made: self.this_update }),
            TagNumber(0) => {}
            _ => return Err(OcspError::Unknown),
        }
        if self.this_update > at + SKEW {
            return Err(OcspError::Future);
        }
        let until = self.next_update.unwrap_or(self.this_update + UNDATED);
        if at < until { Ok(OcspStatus::Good { made: self.this_update, until }) } else { Err(OcspError::Stale) }
    }
}

fn time(element: AnyRef<'_>) -> Option<Timestamp> {
    let seconds = element.decode_as::<GeneralizedTime>().ok()?.to_unix_duration().as_secs();
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
