//! SignedData (RFC 5652, section 5), detached or around its content, with the attributes of S/MIME (RFC 8551, section 2.5; RFC 5035).

use std::io::{self, Write};

use aws_lc_rs::digest;
use der::asn1::{GeneralizedTime, UtcTime};
use der::{DateTime, Encode};
use jiff::Timestamp;

use super::digest::DigestAlgorithm;
use super::recipient::{issuer_and_serial, oaep_sha256};
use super::{CmsError, oid, tlv};
use crate::pki::{Certificate, Identity, KeyKind};

/// Content octets in one piece of the streamed form.
const CHUNK: usize = 64 * 1024;

/// The form of a signature made with an RSA key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RsaSignature {
    /// RSASSA-PKCS1-v1_5: verified by every reader.
    #[default]
    Pkcs1,
    /// RSASSA-PSS (RFC 4056).
    Pss,
}

/// Signs a content that passes by, under its own SHA-2 digest: SHA-256 for P-256 and RSA keys.
pub struct DetachedSigner<'a> {
    identity: &'a Identity,
    signing_time: Timestamp,
    rsa: RsaSignature,
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
        let context = digest::Context::new(algorithm.hash());
        DetachedSigner { identity, signing_time, rsa: RsaSignature::default(), algorithm, context }
    }

    /// With an RSA key, signs in this form.
    pub fn with_rsa(self, rsa: RsaSignature) -> DetachedSigner<'a> {
        DetachedSigner { rsa, ..self }
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
        let digest_algorithms = self.digest_algorithms();
        let content_info = tlv::element(tlv::SEQUENCE, &tlv::oid(oid::DATA));
        let rest = self.after_content()?;
        let parts: [&[u8]; 4] = [&[tlv::INTEGER, 1, 1], &digest_algorithms, &content_info, &rest];
        let content = tlv::element(0xA0, &tlv::constructed(tlv::SEQUENCE, &parts));
        Ok(tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::SIGNED_DATA), &content]))
    }

    fn digest_algorithms(&self) -> Vec<u8> {
        tlv::element(tlv::SET, &tlv::algorithm(self.algorithm.oid()))
    }

    /// What stands behind the content: the certificates, and who signed it.
    fn after_content(self) -> Result<Vec<u8>, CmsError> {
        let mut certificates: Vec<&Certificate> = vec![self.identity.certificate()];
        for above in self.identity.chain() {
            if !certificates.contains(&above) {
                certificates.push(above);
            }
        }
        let certificates = certificates.iter().map(|certificate| certificate.der().to_vec()).collect();
        let signer_infos = tlv::element(tlv::SET, &self.signer_info()?);
        Ok([tlv::set_of(0xA0, certificates), signer_infos].concat())
    }

    fn signer_info(self) -> Result<Vec<u8>, CmsError> {
        let certificate = self.identity.certificate();
        let attributes = vec![
            attribute(oid::CONTENT_TYPE, &tlv::oid(oid::DATA)),
            attribute(oid::MESSAGE_DIGEST, &tlv::element(tlv::OCTET_STRING, self.context.finish().as_ref())),
            attribute(oid::SIGNING_TIME, &time(self.signing_time)?),
            attribute(oid::SIGNING_CERTIFICATE_V2, &signing_certificate(certificate)?),
            attribute(oid::SMIME_CAPABILITIES, &capabilities()),
        ];
        // Signed as a SET OF, sent under an implicit tag (RFC 5652, section 5.4).
        let signed = tlv::set_of(tlv::SET, attributes.clone());
        let key = self.identity.key();
        let signature = match (key.kind(), self.rsa) {
            (KeyKind::Rsa { .. }, RsaSignature::Pss) => key.sign_pss(&signed),
            _ => key.sign(&signed),
        };
        let signature = signature.map_err(CmsError::Key)?;
        let signature_algorithm =
            signature.algorithm.identifier().to_der().map_err(|_| CmsError::Malformed("an algorithm"))?;
        Ok(tlv::constructed(
            tlv::SEQUENCE,
            &[
                &[tlv::INTEGER, 1, 1],
                &issuer_and_serial(certificate)?,
                &tlv::algorithm(self.algorithm.oid()),
                &tlv::set_of(0xA0, attributes),
                &signature_algorithm,
                &tlv::element(tlv::OCTET_STRING, &signature.bytes),
            ],
        ))
    }
}

/// Signs what is written to it and keeps it inside, in BER of indefinite length: memory does not grow with the content.
///
/// The structure is complete only after [`OpaqueSigner::finish`].
pub struct OpaqueSigner<'a, W: Write> {
    out: W,
    signer: DetachedSigner<'a>,
}

impl<'a, W: Write> OpaqueSigner<'a, W> {
    /// Writes what stands before the content.
    pub fn new(mut out: W, signer: DetachedSigner<'a>) -> Result<OpaqueSigner<'a, W>, CmsError> {
        // ContentInfo, [0], SignedData, each open-ended; EncapsulatedContentInfo with its [0] and its OCTET STRING likewise.
        out.write_all(&[tlv::SEQUENCE, 0x80])?;
        out.write_all(&tlv::oid(oid::SIGNED_DATA))?;
        out.write_all(&[0xA0, 0x80, tlv::SEQUENCE, 0x80, tlv::INTEGER, 1, 1])?;
        out.write_all(&signer.digest_algorithms())?;
        out.write_all(&[tlv::SEQUENCE, 0x80])?;
        out.write_all(&tlv::oid(oid::DATA))?;
        out.write_all(&[0xA0, 0x80, tlv::OCTET_STRING | 0x20, 0x80])?;
        Ok(OpaqueSigner { out, signer })
    }

    /// Writes the rest, and gives the output back.
    pub fn finish(mut self) -> Result<W, CmsError> {
        self.out.write_all(&[0; 6])?;
        self.out.write_all(&self.signer.after_content()?)?;
        self.out.write_all(&[0; 6])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for OpaqueSigner<'_, W> {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let piece = &content[..content.len().min(CHUNK)];
        if !piece.is_empty() {
            self.out.write_all(&tlv::header(tlv::OCTET_STRING, piece.len()))?;
            self.out.write_all(piece)?;
            self.signer.update(piece);
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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
    let ciphers = [oid::AES256_GCM, oid::AES128_GCM, oid::AES256_CBC, oid::AES128_CBC].map(tlv::algorithm);
    tlv::element(tlv::SEQUENCE, &[ciphers.concat(), oaep_sha256()].concat())
}
