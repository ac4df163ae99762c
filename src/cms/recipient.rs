//! The content key, wrapped for each recipient: the RecipientInfo structures of RFC 5652, section 6.2, as they are written.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use aws_lc_rs::rsa;
use der::Encode;
use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::agreement::{Derivation, key_encryption_key};
use super::{CmsError, oid, tlv};
use crate::pki::{Certificate, Curve, KeyKind, agree_ephemeral};
use crate::secret::Secret;

/// Who can open an envelope.
#[derive(Clone, Copy)]
pub enum Recipient<'a> {
    /// The holder of the key in a certificate: RSAES-OAEP with SHA-256, or ECDH and AES-256 key wrap.
    Certificate(&'a Certificate),
    /// The same, but RSAES-PKCS1-v1_5 for an RSA key: for readers that know nothing newer.
    CertificatePkcs1(&'a Certificate),
    /// Who has this 256-bit key (AES-256 key wrap, RFC 3394); the identifier stands in the envelope in clear.
    Kek {
        /// Names the key.
        id: &'a [u8],
        /// The key.
        key: &'a Secret<[u8; 32]>,
    },
}

impl Recipient<'_> {
    /// Whether the content key is wrapped with RSA (KeyTransRecipientInfo).
    pub(super) fn is_key_transport(&self) -> bool {
        match self {
            Recipient::Certificate(certificate) | Recipient::CertificatePkcs1(certificate) => {
                matches!(certificate.key_kind(), KeyKind::Rsa { .. })
            }
            Recipient::Kek { .. } => false,
        }
    }
}

/// The RecipientInfos, DER.
pub(super) fn recipient_infos(recipients: &[Recipient<'_>], cek: &[u8; 32]) -> Result<Vec<u8>, CmsError> {
    if recipients.is_empty() {
        return Err(CmsError::NoRecipient);
    }
    let infos = recipients.iter().map(|recipient| match recipient {
        Recipient::Kek { id, key } => key_encryption(id, key, cek),
        Recipient::Certificate(certificate) if recipient.is_key_transport() => {
            let scheme =
                rsa::OaepPublicEncryptingKey::new(rsa_key(certificate)?).map_err(|_| CmsError::UnsuitableKey)?;
            let mut room = vec![0; scheme.ciphertext_size()];
            let wrapped = scheme.encrypt(&rsa::OAEP_SHA256_MGF1SHA256, cek, &mut room, None);
            key_transport(certificate, &oaep_sha256(), wrapped.map_err(|_| CmsError::Crypto)?)
        }
        Recipient::CertificatePkcs1(certificate) if recipient.is_key_transport() => {
            let scheme =
                rsa::Pkcs1PublicEncryptingKey::new(rsa_key(certificate)?).map_err(|_| CmsError::UnsuitableKey)?;
            let mut room = vec![0; scheme.ciphertext_size()];
            let wrapped = scheme.encrypt(cek, &mut room).map_err(|_| CmsError::Crypto)?;
            key_transport(certificate, &rsa_encryption(), wrapped)
        }
        Recipient::Certificate(certificate) | Recipient::CertificatePkcs1(certificate) => {
            let curve = Curve::of(certificate.key_kind()).ok_or(CmsError::UnsuitableKey)?;
            key_agreement(certificate, curve, cek)
        }
    });
    Ok(tlv::set_of(tlv::SET, infos.collect::<Result<_, _>>()?))
}

/// RSAES-OAEP-params with SHA-256 for both uses (RFC 4055, section 4.1).
pub(super) fn oaep_sha256() -> Vec<u8> {
    let hash = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::SHA256), &[5, 0]]);
    let mask = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::MGF1), &hash]);
    let parameters = tlv::constructed(tlv::SEQUENCE, &[&tlv::element(0xA0, &hash), &tlv::element(0xA1, &mask)]);
    tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::RSA_OAEP), &parameters])
}

/// The algorithm identifier of a plain RSA key and of RSAES-PKCS1-v1_5, which are the same (RFC 3370, section 4.2.1).
fn rsa_encryption() -> Vec<u8> {
    tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::RSA), &[5, 0]])
}

/// KeyTransRecipientInfo.
fn key_transport(certificate: &Certificate, algorithm: &[u8], wrapped: &[u8]) -> Result<Vec<u8>, CmsError> {
    let wrapped = tlv::element(tlv::OCTET_STRING, wrapped);
    let parts: [&[u8]; 4] = [&[tlv::INTEGER, 1, 0], &issuer_and_serial(certificate)?, algorithm, &wrapped];
    Ok(tlv::constructed(tlv::SEQUENCE, &parts))
}

/// The key as a plain RSA key: a certificate may limit it to OAEP or PSS in its algorithm identifier.
fn rsa_key(certificate: &Certificate) -> Result<rsa::PublicEncryptingKey, CmsError> {
    let key = tlv::element(0x03, &[&[0], certificate.public_key()].concat());
    let spki = tlv::constructed(tlv::SEQUENCE, &[&rsa_encryption(), &key]);
    rsa::PublicEncryptingKey::from_der(&spki).map_err(|_| CmsError::UnsuitableKey)
}

/// KeyAgreeRecipientInfo: an ephemeral key for each recipient (RFC 5753, section 3.1; RFC 8418, section 3.1).
fn key_agreement(certificate: &Certificate, curve: Curve, cek: &[u8; 32]) -> Result<Vec<u8>, CmsError> {
    let scheme: ObjectIdentifier = match curve {
        Curve::P256 | Curve::BrainpoolP256r1 => oid::DH_SHA256[0],
        Curve::P384 | Curve::BrainpoolP384r1 => oid::DH_SHA384[0],
        Curve::P521 => oid::DH_SHA512[0],
        Curve::X25519 => oid::DH_HKDF_SHA256,
    };
    let derivation = Derivation::of(scheme).ok_or(CmsError::Crypto)?;
    let (public, secret) = agree_ephemeral(curve, certificate.public_key()).map_err(|_| CmsError::UnsuitableKey)?;
    let wrap = tlv::algorithm(oid::AES256_WRAP);
    let kek = key_encryption_key(derivation, &secret, &wrap, None, 32)?;
    let algorithm = if curve == Curve::X25519 { curve.oid() } else { oid::EC };
    let originator_key =
        tlv::constructed(0xA1, &[&tlv::algorithm(algorithm), &tlv::element(0x03, &[&[0], public.as_slice()].concat())]);
    let encrypted_key = tlv::constructed(
        tlv::SEQUENCE,
        &[&issuer_and_serial(certificate)?, &tlv::element(tlv::OCTET_STRING, &wrap_key(kek.expose(), cek)?)],
    );
    Ok(tlv::constructed(
        0xA1,
        &[
            &[tlv::INTEGER, 1, 3],
            &tlv::element(0xA0, &originator_key),
            &tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(scheme), &wrap]),
            &tlv::element(tlv::SEQUENCE, &encrypted_key),
        ],
    ))
}

/// KEKRecipientInfo.
fn key_encryption(id: &[u8], key: &Secret<[u8; 32]>, cek: &[u8; 32]) -> Result<Vec<u8>, CmsError> {
    let identifier = tlv::element(tlv::SEQUENCE, &tlv::element(tlv::OCTET_STRING, id));
    let wrapped = tlv::element(tlv::OCTET_STRING, &wrap_key(key.expose(), cek)?);
    let parts: [&[u8]; 4] = [&[tlv::INTEGER, 1, 4], &identifier, &tlv::algorithm(oid::AES256_WRAP), &wrapped];
    Ok(tlv::constructed(0xA2, &parts))
}

fn wrap_key(kek: &[u8], cek: &[u8; 32]) -> Result<Vec<u8>, CmsError> {
    let mut room = Zeroizing::new([0u8; 40]);
    let kek = AesKek::new(&AES_256, kek).map_err(|_| CmsError::Crypto)?;
    Ok(kek.wrap(cek, room.as_mut_slice()).map_err(|_| CmsError::Crypto)?.to_vec())
}

/// IssuerAndSerialNumber of a certificate.
pub(super) fn issuer_and_serial(certificate: &Certificate) -> Result<Vec<u8>, CmsError> {
    let tbs = certificate.parsed().tbs_certificate();
    let unreadable = |_| CmsError::Malformed("a certificate");
    let issuer = tbs.issuer().to_der().map_err(unreadable)?;
    let serial = tbs.serial_number().to_der().map_err(unreadable)?;
    Ok(tlv::constructed(tlv::SEQUENCE, &[&issuer, &serial]))
}
