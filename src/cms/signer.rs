//! Detached SignedData (RFC 5652, section 5) with the signed attributes of S/MIME (RFC 8551, section 2.5; RFC 5035).

use aws_lc_rs::digest;
use der::asn1::{GeneralizedTime, UtcTime};
use der::{DateTime, Encode};
use jiff::Timestamp;

use super::digest::DigestAlgorithm;
use super::recipient::issuer_and_serial;
use super::{CmsError, oid, tlv};
use crate::pki::{Certificate, Identity, KeyKind};

/// Signs a content that passes by, under its own SHA-2 digest: SHA-256 for P-256 and RSA keys.
pub struct DetachedSigner<'a> {
    identity: &'a Identity,
    signing_time: Timestamp,
    algorithm: DigestAlgorithm,
    context: digest::Context,
}

impl<'a> DetachedSigner<'a> {
    /// Starts a signature that says it was made at `signing_time`, to the second.
    pub fn new(identity: &'a Identity, signing_time: Timestamp) -> DetachedSigner<'a> {
        // RFC 5753 and RFC 8419: the digest that the signature itself is made with.
        let algorithm = match identity.key().kind() {
            KeyKind::P384 | KeyKind::BrainpoolP384r1 => DigestAlgorithm::Sha384,
            KeyKind::P521 | KeyKind::Ed25519 => DigestAlgorithm::Sha512,
            _ => DigestAlgorithm::Sha256,
        };
        DetachedSigner { identity, signing_time, algorithm, context: digest::Context::new(algorithm.hash()) }
    }

    /// The micalg parameter of multipart/signed, such as `sha-256`.
    pub fn micalg(&self) -> &'static str {
        self.algorithm.micalg()
    }

    /// Takes the next piece of the content, exactly as it will be sent.
    pub fn update(&mut self, content: &[u8]) {
        self.context.update(content);
    }

    /// The SignedData, DER, with the certificate of the key and its chain.
    pub fn finish(self) -> Result<Vec<u8>, CmsError> {
        let certificate = self.identity.certificate();
        let digest_algorithm = tlv::algorithm(self.algorithm.oid());
        let attributes = vec![
            attribute(oid::CONTENT_TYPE, &tlv::oid(oid::DATA)),
            attribute(oid::MESSAGE_DIGEST, &tlv::element(tlv::OCTET_STRING, self.context.finish().as_ref())),
            attribute(oid::SIGNING_TIME, &time(self.signing_time)?),
            attribute(oid::SIGNING_CERTIFICATE_V2, &signing_certificate(certificate)?),
            attribute(oid::SMIME_CAPABILITIES, &capabilities()),
        ];
        // Signed as a SET OF, sent under an implicit tag (RFC 5652, section 5.4).
        let signature = self.identity.key().sign(&tlv::set_of(tlv::SET, attributes.clone())).map_err(CmsError::Key)?;
        let signature_algorithm =
            signature.algorithm.identifier().to_der().map_err(|_| CmsError::Malformed("an algorithm"))?;
        let signer_info = tlv::constructed(
            tlv::SEQUENCE,
            &[
                &[tlv::INTEGER, 1, 1],
                &issuer_and_serial(certificate)?,
                &digest_algorithm,
                &tlv::set_of(0xA0, attributes),
                &signature_algorithm,
                &tlv::element(tlv::OCTET_STRING, &signature.bytes),
            ],
        );
        let mut certificates: Vec<&Certificate> = vec![certificate];
        for above in self.identity.chain() {
            if !certificates.contains(&above) {
                certificates.push(above);
            }
        }
        let certificates = certificates.iter().map(|certificate| certificate.der().to_vec()).collect();
        let signed_data = tlv::constructed(
            tlv::SEQUENCE,
            &[
                &[tlv::INTEGER, 1, 1],
                &tlv::set_of(tlv::SET, vec![digest_algorithm]),
                &tlv::element(tlv::SEQUENCE, &tlv::oid(oid::DATA)),
                &tlv::set_of(0xA0, certificates),
                &tlv::set_of(tlv::SET, vec![signer_info]),
            ],
        );
        let content = tlv::element(0xA0, &signed_data);
        Ok(tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::SIGNED_DATA), &content]))
    }
}

fn attribute(oid: der::asn1::ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid), &tlv::element(tlv::SET, value)])
}

/// UTCTime through 2049, GeneralizedTime after (RFC 5652, section 11.3).
fn time(at: Timestamp) -> Result<Vec<u8>, CmsError> {
    let unwritable = |_| CmsError::Malformed("the signing time");
    let seconds = u64::try_from(at.as_second()).map_err(|_| CmsError::Malformed("the signing time"))?;
    let moment = DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).map_err(unwritable)?;
    match UtcTime::from_date_time(moment) {
        Ok(short) => short.to_der().map_err(unwritable),
        Err(_) => GeneralizedTime::from_date_time(moment).to_der().map_err(unwritable),
    }
}

/// SigningCertificateV2 (RFC 5035, section 3): the SHA-256 of the certificate, which is the default, and whose it is.
fn signing_certificate(certificate: &Certificate) -> Result<Vec<u8>, CmsError> {
    let tbs = certificate.parsed().tbs_certificate();
    let unreadable = |_| CmsError::Malformed("a certificate");
    let issuer = tlv::element(0xA4, &tbs.issuer().to_der().map_err(unreadable)?);
    let serial = tbs.serial_number().to_der().map_err(unreadable)?;
    let issuer_serial = tlv::constructed(tlv::SEQUENCE, &[&tlv::element(tlv::SEQUENCE, &issuer), &serial]);
    let identifier =
        tlv::constructed(tlv::SEQUENCE, &[&tlv::element(tlv::OCTET_STRING, &certificate.sha256()), &issuer_serial]);
    Ok(tlv::element(tlv::SEQUENCE, &tlv::element(tlv::SEQUENCE, &identifier)))
}

/// SMIMECapabilities (RFC 8551, section 2.5.2): what can be read here, best first.
fn capabilities() -> Vec<u8> {
    let ciphers = [oid::AES256_GCM, oid::AES128_GCM, oid::AES256_CBC, oid::AES128_CBC];
    tlv::element(tlv::SEQUENCE, &ciphers.map(tlv::algorithm).concat())
}
