//! Verifying SignedData (RFC 5652, section 5): digests, signed attributes, signatures. Who the signer is judged elsewhere.

use std::io::{ErrorKind, Read, Write};

use aws_lc_rs::digest;
use der::Decode;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use jiff::Timestamp;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::ber::{Frame, Source};
use super::digest::{DigestAlgorithm, Digests};
use super::recipient::issuer_and_serial;
use super::tlv::{Cursor, OCTET_STRING, OID, SEQUENCE, SET, Tlv};
use super::{CmsError, oid, tlv};
use crate::pki::{Capabilities, Certificate, SignatureError, verify_signature};

const MOST_SIGNERS: usize = 16;
const MOST_CERTIFICATES: usize = 64;

/// Who signed, as far as the signature itself tells: whether the certificate is to be believed is another question.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The certificate whose key made the signature.
    pub certificate: Certificate,
    /// When the signer says it was made.
    pub signing_time: Option<Timestamp>,
    /// The digest of the content, as micalg spells it.
    pub digest: &'static str,
    /// The signature algorithm.
    pub algorithm: &'static str,
    /// What the signer's program opens, if the signature says so.
    pub capabilities: Option<Capabilities>,
    /// Every certificate in the structure, for building the path.
    pub certificates: Vec<Certificate>,
}

/// Verifies a signature that stands apart from its content. Every signer must verify, and there must be one.
pub fn verify_detached(signature: &[u8], content: &mut dyn Read) -> Result<Vec<Signer>, CmsError> {
    let mut input = signature;
    let mut source = Source::new(&mut input);
    let (frames, _) = open_signed_data(&mut source)?;
    let info = source.enter(frames[2], SEQUENCE)?;
    let content_type = source.oid(info)?;
    if source.peek(info)?.is_some() {
        return Err(CmsError::Malformed("a detached signature with content in it"));
    }
    source.leave(info)?;
    let rest = Rest::read(&mut source, &frames)?;
    let signer_infos = rest.signer_infos()?;
    let mut digests = Digests::new(signer_infos.iter().map(|info| info.digest));
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => digests.update(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(CmsError::Io(error)),
        }
    }
    judge(&signer_infos, &rest.certificates, content_type, &digests.finish())
}

/// Verifies SignedData that carries its content, and writes the content out. It may be believed only on `Ok`.
pub fn verify_opaque(input: &mut dyn Read, content_out: &mut dyn Write) -> Result<Vec<Signer>, CmsError> {
    let mut source = Source::new(input);
    let (frames, algorithms) = open_signed_data(&mut source)?;
    let info = source.enter(frames[2], SEQUENCE)?;
    let content_type = source.oid(info)?;
    if source.peek(info)?.is_none() {
        return Err(CmsError::Malformed("the content is missing"));
    }
    let explicit = source.enter(info, 0xA0)?;
    let mut digests = Digests::new(algorithms);
    source.octets(explicit, OCTET_STRING, &mut |piece| {
        digests.update(piece);
        content_out.write_all(piece).map_err(CmsError::Io)
    })?;
    source.leave(explicit)?;
    source.leave(info)?;
    let rest = Rest::read(&mut source, &frames)?;
    let signers = judge(&rest.signer_infos()?, &rest.certificates, content_type, &digests.finish())?;
    content_out.flush()?;
    Ok(signers)
}

/// Opens SignedData up to its content; gives the digests it announces, those not read left out.
fn open_signed_data(source: &mut Source<'_>) -> Result<([Frame; 3], Vec<DigestAlgorithm>), CmsError> {
    let content_info = source.enter(Frame::INPUT, SEQUENCE)?;
    let kind = source.oid(content_info)?;
    if kind != oid::SIGNED_DATA {
        return Err(CmsError::Unsupported(kind.to_string()));
    }
    let content = source.enter(content_info, 0xA0)?;
    let data = source.enter(content, SEQUENCE)?;
    let version = source.small(data)?;
    Cursor(&version).version(&[1, 3, 4, 5])?;
    let announced = source.small(data)?;
    let mut announced = Cursor(&announced).expect(SET)?.inside();
    let mut algorithms = Vec::new();
    while let Some(algorithm) = announced.next_tagged(SEQUENCE)? {
        algorithms.extend(DigestAlgorithm::from_oid(algorithm.inside().expect(OID)?.as_oid()?));
    }
    Ok(([content_info, content, data], algorithms))
}

/// What stands after the content.
struct Rest {
    certificates: Vec<Certificate>,
    signer_infos: Vec<u8>,
}

impl Rest {
    fn read(source: &mut Source<'_>, frames: &[Frame; 3]) -> Result<Rest, CmsError> {
        let data = frames[2];
        let mut certificates = Vec::new();
        if source.peek(data)? == Some(0xA0) {
            let set = source.small(data)?;
            let mut set = Cursor(&set).expect(0xA0)?.inside();
            while let Some(choice) = set.next()? {
                // Attribute certificates and what cannot be read are passed over: they sign nothing.
                if choice.tag == SEQUENCE && certificates.len() < MOST_CERTIFICATES {
                    certificates.extend(Certificate::from_der(choice.whole).ok());
                }
            }
        }
        if source.peek(data)? == Some(0xA1) {
            source.small(data)?;
        }
        let signer_infos = source.small(data)?;
        for frame in frames.iter().rev() {
            source.leave(*frame)?;
        }
        source.finish()?;
        Ok(Rest { certificates, signer_infos })
    }

    fn signer_infos(&self) -> Result<Vec<SignerInfo<'_>>, CmsError> {
        let mut set = Cursor(&self.signer_infos).expect(SET)?.inside();
        let mut infos = Vec::new();
        while let Some(info) = set.next_tagged(SEQUENCE)? {
            if infos.len() == MOST_SIGNERS {
                return Err(CmsError::TooLarge);
            }
            infos.push(SignerInfo::read(info)?);
        }
        if infos.is_empty() { Err(CmsError::NoSigner) } else { Ok(infos) }
    }
}

/// SignerInfo, read and not yet believed.
struct SignerInfo<'a> {
    identifier: Tlv<'a>,
    digest: DigestAlgorithm,
    attributes: Tlv<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn read(info: Tlv<'a>) -> Result<SignerInfo<'a>, CmsError> {
        let mut parts = info.inside();
        parts.version(&[1, 3])?;
        let identifier = parts.next()?.ok_or(CmsError::Malformed("a signer identifier"))?;
        let digest = parts.expect(SEQUENCE)?.inside().expect(OID)?.as_oid()?;
        let digest =
            DigestAlgorithm::from_oid(digest).ok_or_else(|| CmsError::Unsupported(format!("the digest {digest}")))?;
        // Without them a signature over attributes could be passed off as one over content.
        let attributes = parts.optional(0xA0)?.ok_or(CmsError::Malformed("the signed attributes are missing"))?;
        let algorithm = AlgorithmIdentifierOwned::from_der(parts.expect(SEQUENCE)?.whole)
            .map_err(|_| CmsError::Malformed("an algorithm"))?;
        let signature = parts.expect(OCTET_STRING)?.body;
        parts.optional(0xA1)?;
        parts.end()?;
        Ok(SignerInfo { identifier, digest, attributes, algorithm, signature })
    }

    fn is_by(&self, certificate: &Certificate) -> bool {
        match self.identifier.tag {
            SEQUENCE => issuer_and_serial(certificate).is_ok_and(|own| own == self.identifier.whole),
            0x80 => certificate.key_identifier().as_deref() == Some(self.identifier.body),
            _ => false,
        }
    }

    /// The value of an attribute that may stand once and has one value (RFC 5652, section 11).
    fn attribute(&self, oid: ObjectIdentifier) -> Result<Option<Tlv<'a>>, CmsError> {
        let mut found = None;
        let mut attributes = self.attributes.inside();
        while let Some(attribute) = attributes.next_tagged(SEQUENCE)? {
            let mut parts = attribute.inside();
            if parts.expect(OID)?.as_oid()? != oid {
                continue;
            }
            let mut values = parts.expect(SET)?.inside();
            let value = values.next()?.ok_or(CmsError::Malformed("an attribute without a value"))?;
            values.end()?;
            if found.replace(value).is_some() {
                return Err(CmsError::Malformed("an attribute stands twice"));
            }
        }
        Ok(found)
    }

    /// The signature algorithm; `rsaEncryption` means PKCS#1 v1.5 with the digest named beside it (RFC 5754, section 3.2).
    fn signature_algorithm(&self) -> AlgorithmIdentifierOwned {
        if self.algorithm.oid != oid::RSA {
            return self.algorithm.clone();
        }
        let oid = match self.digest {
            DigestAlgorithm::Sha256 => oid::SHA256_WITH_RSA,
            DigestAlgorithm::Sha384 => oid::SHA384_WITH_RSA,
            DigestAlgorithm::Sha512 => oid::SHA512_WITH_RSA,
        };
        AlgorithmIdentifierOwned { oid, parameters: self.algorithm.parameters.clone() }
    }
}

fn judge(
    infos: &[SignerInfo<'_>],
    certificates: &[Certificate],
    content_type: ObjectIdentifier,
    digests: &[(DigestAlgorithm, digest::Digest)],
) -> Result<Vec<Signer>, CmsError> {
    infos.iter().map(|info| judge_one(info, certificates, content_type, digests)).collect()
}

fn judge_one(
    info: &SignerInfo<'_>,
    certificates: &[Certificate],
    content_type: ObjectIdentifier,
    digests: &[(DigestAlgorithm, digest::Digest)],
) -> Result<Signer, CmsError> {
    let stated = info.attribute(oid::CONTENT_TYPE)?.ok_or(CmsError::Malformed("the content type is missing"))?;
    if stated.as_oid()? != content_type {
        return Err(CmsError::BadSignature);
    }
    let stated = info.attribute(oid::MESSAGE_DIGEST)?.ok_or(CmsError::Malformed("the message digest is missing"))?;
    let (_, digest) = digests
        .iter()
        .find(|(algorithm, _)| *algorithm == info.digest)
        .ok_or(CmsError::Malformed("a digest that was not announced"))?;
    if stated.tag != OCTET_STRING || stated.body != digest.as_ref() {
        return Err(CmsError::BadSignature);
    }
    let certificate = certificates.iter().find(|certificate| info.is_by(certificate)).ok_or(CmsError::NoCertificate)?;
    check_signing_certificate(info, certificate)?;
    let algorithm = info.signature_algorithm();
    let key = certificate.parsed().tbs_certificate().subject_public_key_info();
    // Signed as a SET OF, in the order in which it was sent (RFC 5652, section 5.4).
    let signed = tlv::element(SET, info.attributes.body);
    verify_signature(key, &algorithm, &signed, info.signature).map_err(|error| match error {
        SignatureError::Invalid => CmsError::BadSignature,
        SignatureError::Unsupported(oid) => CmsError::Unsupported(format!("the signature algorithm {oid}")),
    })?;
    Ok(Signer {
        certificate: certificate.clone(),
        signing_time: info.attribute(oid::SIGNING_TIME)?.map(signing_time).transpose()?,
        digest: info.digest.micalg(),
        algorithm: algorithm_name(algorithm.oid),
        capabilities: info.attribute(oid::SMIME_CAPABILITIES)?.and_then(|list| Capabilities::from_der(list.whole)),
        certificates: certificates.to_vec(),
    })
}

/// Where the signed attributes name the certificate by its hash (RFC 5035), it is the one the key was taken from.
fn check_signing_certificate(info: &SignerInfo<'_>, certificate: &Certificate) -> Result<(), CmsError> {
    let first = |value: Tlv<'_>| -> Result<Vec<u8>, CmsError> {
        Ok(value.inside().expect(SEQUENCE)?.inside().expect(SEQUENCE)?.body.to_vec())
    };
    if let Some(value) = info.attribute(oid::SIGNING_CERTIFICATE_V2)? {
        let identifier = first(value)?;
        let mut parts = Cursor(&identifier);
        let hash = match parts.optional(SEQUENCE)? {
            None => &digest::SHA256,
            Some(algorithm) => {
                let algorithm = algorithm.inside().expect(OID)?.as_oid()?;
                let known = DigestAlgorithm::from_oid(algorithm);
                known.ok_or_else(|| CmsError::Unsupported(format!("the digest {algorithm}")))?.hash()
            }
        };
        same_hash(parts, hash, certificate)?;
    }
    if let Some(value) = info.attribute(oid::SIGNING_CERTIFICATE)? {
        same_hash(Cursor(&first(value)?), &digest::SHA1_FOR_LEGACY_USE_ONLY, certificate)?;
    }
    Ok(())
}

fn same_hash(
    mut identifier: Cursor<'_>,
    hash: &'static digest::Algorithm,
    certificate: &Certificate,
) -> Result<(), CmsError> {
    let stated = identifier.expect(OCTET_STRING)?.body;
    if digest::digest(hash, certificate.der()).as_ref() == stated { Ok(()) } else { Err(CmsError::BadSignature) }
}

fn signing_time(value: Tlv<'_>) -> Result<Timestamp, CmsError> {
    const MALFORMED: CmsError = CmsError::Malformed("the signing time");
    let since_1970 = match value.tag {
        0x17 => UtcTime::from_der(value.whole).map(|time| time.to_unix_duration()),
        _ => GeneralizedTime::from_der(value.whole).map(|time| time.to_unix_duration()),
    };
    let seconds = since_1970.map_err(|_| MALFORMED)?.as_secs();
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(MALFORMED)
}

fn algorithm_name(oid: ObjectIdentifier) -> &'static str {
    match oid {
        oid::SHA256_WITH_RSA | oid::SHA384_WITH_RSA | oid::SHA512_WITH_RSA => "RSA",
        oid::RSA_PSS => "RSA-PSS",
        oid::ECDSA_SHA256 | oid::ECDSA_SHA384 | oid::ECDSA_SHA512 => "ECDSA",
        oid::ED25519 => "Ed25519",
        _ => "other",
    }
}
