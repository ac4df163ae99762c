//! Private keys (PKCS#8, RFC 5958): signing, unwrapping and agreeing, through AWS-LC.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{agreement, rsa};
use der::asn1::{Any, AnyRef, BitString, Null, ObjectIdentifier};
use der::{Decode, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::rsa_key::RsaKey;
use super::{Certificate, KeyKind, pem};
use crate::secret::Secret;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// RSASSA-PSS-params: SHA-256, MGF1 with SHA-256, a salt of 32 octets (RFC 4055, section 3.1).
const PSS_SHA256: &[u8] = &[
    0x30, 0x34, 0xA0, 0x0F, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08, 0x30, 0x0D, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xA2, 0x03, 0x02, 0x01, 0x20,
];

/// Why a key cannot be read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither PKCS#8 nor one of the older forms.
    #[error("it is not a private key")]
    Malformed,
    /// PEM without a private key in it.
    #[error("the PEM text holds no private key")]
    NoKey,
    /// A key under a password.
    #[error("the private key is encrypted")]
    Encrypted,
    /// A kind or size that is not used here.
    #[error("keys of this kind or size are not supported")]
    Unsupported,
    /// The key is of another kind than the operation asks for.
    #[error("the key is of another kind")]
    WrongKind,
    /// What was to be unwrapped or agreed with does not fit this key.
    #[error("the key does not open this")]
    Refused,
}

/// How a signature was made, to be written beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 (RFC 5758) on P-256.
    EcdsaSha256,
    /// ecdsa-with-SHA384 on P-384.
    EcdsaSha384,
    /// ecdsa-with-SHA512 on P-521.
    EcdsaSha512,
    /// sha256WithRSAEncryption (RFC 4055).
    RsaPkcs1Sha256,
    /// id-RSASSA-PSS with SHA-256 and a salt of 32 octets (RFC 4055).
    RsaPssSha256,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl SignatureAlgorithm {
    /// The AlgorithmIdentifier of certificates and CMS.
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            SignatureAlgorithm::EcdsaSha256 => ("1.2.840.10045.4.3.2", None),
            SignatureAlgorithm::EcdsaSha384 => ("1.2.840.10045.4.3.3", None),
            SignatureAlgorithm::EcdsaSha512 => ("1.2.840.10045.4.3.4", None),
            SignatureAlgorithm::RsaPkcs1Sha256 => ("1.2.840.113549.1.1.11", Some(Any::from(AnyRef::from(Null)))),
            SignatureAlgorithm::RsaPssSha256 => {
                ("1.2.840.113549.1.1.10", Some(Any::from_der(PSS_SHA256).expect("the constant is DER")))
            }
            SignatureAlgorithm::Ed25519 => ("1.3.101.112", None),
        };
        AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters }
    }
}

/// A signature and how it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureValue {
    /// How it was made.
    pub algorithm: SignatureAlgorithm,
    /// The signature: for ECDSA the SEQUENCE of r and s.
    pub bytes: Vec<u8>,
}

/// How a content key was encrypted to an RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaUnwrap {
    /// RSAES-OAEP with SHA-1 (RFC 8017), the default of its parameters.
    OaepSha1,
    /// RSAES-OAEP with SHA-256.
    OaepSha256,
    /// RSAES-OAEP with SHA-384.
    OaepSha384,
    /// RSAES-OAEP with SHA-512.
    OaepSha512,
    /// RSAES-PKCS1-v1_5. Whether it failed must not be told to who sent the ciphertext.
    Pkcs1,
}

/// A curve of ECDH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The curve of a key, if it is on one of these.
    pub fn of(kind: KeyKind) -> Option<Curve> {
        match kind {
            KeyKind::P256 => Some(Curve::P256),
            KeyKind::P384 => Some(Curve::P384),
            KeyKind::P521 => Some(Curve::P521),
            _ => None,
        }
    }

    /// ECDH on this curve.
    pub fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Curve::P256 => &agreement::ECDH_P256,
            Curve::P384 => &agreement::ECDH_P384,
            Curve::P521 => &agreement::ECDH_P521,
        }
    }

    fn signing(self) -> (&'static EcdsaSigningAlgorithm, SignatureAlgorithm) {
        match self {
            Curve::P256 => (&ECDSA_P256_SHA256_ASN1_SIGNING, SignatureAlgorithm::EcdsaSha256),
            Curve::P384 => (&ECDSA_P384_SHA384_ASN1_SIGNING, SignatureAlgorithm::EcdsaSha384),
            Curve::P521 => (&ECDSA_P521_SHA512_ASN1_SIGNING, SignatureAlgorithm::EcdsaSha512),
        }
    }

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Curve::P256 => "1.2.840.10045.3.1.7",
            Curve::P384 => "1.3.132.0.34",
            Curve::P521 => "1.3.132.0.35",
        })
    }
}

/// A private key in memory, wiped with its last clone.
#[derive(Clone)]
pub struct PrivateKey {
    pkcs8: Arc<Secret<Vec<u8>>>,
    kind: KeyKind,
    public: Arc<Vec<u8>>,
    rsa: Arc<RsaKey>,
}

impl PrivateKey {
    /// Reads PKCS#8, DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            if let Ok(pair) = EcdsaKeyPair::from_pkcs8(curve.signing().0, der) {
                return Ok(PrivateKey::hold(der, kind_of(curve), pair.public_key().as_ref()));
            }
        }
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            return Ok(PrivateKey::hold(der, rsa_kind(&pair), pair.public_key().as_ref()));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(PrivateKey::hold(der, KeyKind::Ed25519, pair.public_key().as_ref()));
        }
        if is_pkcs8(der).is_ok() { Err(KeyError::Unsupported) } else { Err(KeyError::Malformed) }
    }

    /// Reads the first private key of a PEM text: PKCS#8, or the older `EC PRIVATE KEY` and `RSA PRIVATE KEY`.
    pub fn from_pem(text: &[u8]) -> Result<PrivateKey, KeyError> {
        let blocks = pem::blocks(text).map_err(|fault| match fault {
            pem::PemFault::Headers => KeyError::Encrypted,
            _ => KeyError::Malformed,
        })?;
        for block in &blocks {
            match block.label.as_str() {
                "PRIVATE KEY" => return PrivateKey::from_pkcs8(&block.der),
                "EC PRIVATE KEY" => return PrivateKey::from_sec1(&block.der),
                "RSA PRIVATE KEY" => return PrivateKey::from_pkcs1(&block.der),
                "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
                _ => {}
            }
        }
        Err(KeyError::NoKey)
    }

    /// Makes a key: P-256, P-384, P-521, RSA of 2048, 3072 or 4096 bits, Ed25519.
    pub fn generate(kind: KeyKind) -> Result<PrivateKey, KeyError> {
        let random = SystemRandom::new();
        if let Some(curve) = Curve::of(kind) {
            let document = EcdsaKeyPair::generate_pkcs8(curve.signing().0, &random);
            return PrivateKey::from_pkcs8(document.map_err(|_| KeyError::Refused)?.as_ref());
        }
        match kind {
            KeyKind::Rsa { bits } => {
                let size = match bits {
                    2048 => rsa::KeySize::Rsa2048,
                    3072 => rsa::KeySize::Rsa3072,
                    4096 => rsa::KeySize::Rsa4096,
                    _ => return Err(KeyError::Unsupported),
                };
                let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::Refused)?;
                let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Refused)?;
                PrivateKey::from_pkcs8(document.as_ref())
            }
            KeyKind::Ed25519 => {
                let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| KeyError::Refused)?;
                PrivateKey::from_pkcs8(document.as_ref())
            }
            _ => Err(KeyError::Unsupported),
        }
    }

    /// The key as PKCS#8, DER.
    pub fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The key as PKCS#8 in one PEM block.
    pub fn to_pkcs8_pem(&self) -> Secret<String> {
        Secret::new(std::mem::take(&mut *pem::encode("PRIVATE KEY", self.pkcs8.expose())))
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public half: an uncompressed point, an RSAPublicKey, or 32 octets.
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }

    /// The public half as SubjectPublicKeyInfo.
    pub fn spki(&self) -> SubjectPublicKeyInfoOwned {
        let (oid, parameters) = match Curve::of(self.kind) {
            Some(curve) => (EC, Some(Any::from(curve.oid()))),
            None if self.kind == KeyKind::Ed25519 => (ED25519, None),
            None => (RSA, Some(Any::from(AnyRef::from(Null)))),
        };
        SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(&self.public).expect("a public key has whole octets"),
        }
    }

    /// Whether a certificate carries the public half of this key.
    pub fn public_key_matches(&self, certificate: &Certificate) -> bool {
        self.kind == certificate.key_kind() && self.public_key() == certificate.public_key()
    }

    /// Signs with SHA-256 (P-384: SHA-384, P-521: SHA-512, Ed25519: as it is); RSA in the PKCS#1 v1.5 form.
    pub fn sign(&self, message: &[u8]) -> Result<SignatureValue, KeyError> {
        if let Some(curve) = Curve::of(self.kind) {
            let (scheme, algorithm) = curve.signing();
            let pair = EcdsaKeyPair::from_pkcs8(scheme, self.pkcs8.expose()).map_err(|_| KeyError::Malformed)?;
            let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Refused)?;
            return Ok(SignatureValue { algorithm, bytes: signature.as_ref().to_vec() });
        }
        if self.kind == KeyKind::Ed25519 {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(self.pkcs8.expose());
            let signature = pair.map_err(|_| KeyError::Malformed)?.sign(message);
            return Ok(SignatureValue { algorithm: SignatureAlgorithm::Ed25519, bytes: signature.as_ref().to_vec() });
        }
        self.sign_rsa(message, &RSA_PKCS1_SHA256, SignatureAlgorithm::RsaPkcs1Sha256)
    }

    /// Signs with RSASSA-PSS and SHA-256.
    pub fn sign_pss(&self, message: &[u8]) -> Result<SignatureValue, KeyError> {
        self.sign_rsa(message, &RSA_PSS_SHA256, SignatureAlgorithm::RsaPssSha256)
    }

    fn sign_rsa(
        &self,
        message: &[u8],
        encoding: &'static dyn RsaEncoding,
        algorithm: SignatureAlgorithm,
    ) -> Result<SignatureValue, KeyError> {
        if !matches!(self.kind, KeyKind::Rsa { .. }) {
            return Err(KeyError::WrongKind);
        }
        let pair = self.rsa.signing(self.pkcs8.expose())?;
        let mut bytes = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut bytes).map_err(|_| KeyError::Refused)?;
        Ok(SignatureValue { algorithm, bytes })
    }

    /// Decrypts a wrapped key with RSA.
    pub fn unwrap_rsa(&self, ciphertext: &[u8], how: RsaUnwrap) -> Result<Secret<Vec<u8>>, KeyError> {
        if !matches!(self.kind, KeyKind::Rsa { .. }) {
            return Err(KeyError::WrongKind);
        }
        let key = self.rsa.decrypting(self.pkcs8.expose())?.clone();
        let mut room = Zeroizing::new(vec![0; key.key_size_bytes()]);
        let scheme = match how {
            RsaUnwrap::Pkcs1 => {
                let key = rsa::Pkcs1PrivateDecryptingKey::new(key).map_err(|_| KeyError::Refused)?;
                let plain = key.decrypt(ciphertext, &mut room).map_err(|_| KeyError::Refused)?;
                return Ok(Secret::new(plain.to_vec()));
            }
            RsaUnwrap::OaepSha1 => &rsa::OAEP_SHA1_MGF1SHA1,
            RsaUnwrap::OaepSha256 => &rsa::OAEP_SHA256_MGF1SHA256,
            RsaUnwrap::OaepSha384 => &rsa::OAEP_SHA384_MGF1SHA384,
            RsaUnwrap::OaepSha512 => &rsa::OAEP_SHA512_MGF1SHA512,
        };
        let key = rsa::OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Refused)?;
        let plain = key.decrypt(scheme, ciphertext, &mut room, None).map_err(|_| KeyError::Refused)?;
        Ok(Secret::new(plain.to_vec()))
    }

    /// The shared secret of ECDH with another's public point on the same curve (SEC 1, section 3.3.1).
    pub fn agree(&self, peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        let algorithm = Curve::of(self.kind).ok_or(KeyError::WrongKind)?.agreement();
        let mine = agreement::PrivateKey::from_private_key_der(algorithm, self.pkcs8.expose());
        let mine = mine.map_err(|_| KeyError::Malformed)?;
        let peer = agreement::UnparsedPublicKey::new(algorithm, peer);
        agreement::agree(&mine, peer, KeyError::Refused, |secret| Ok(Secret::new(secret.to_vec())))
    }

    fn from_sec1(der: &[u8]) -> Result<PrivateKey, KeyError> {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve.signing().0, der) {
                let document = pair.to_pkcs8v1().map_err(|_| KeyError::Malformed)?;
                return PrivateKey::from_pkcs8(document.as_ref());
            }
        }
        Err(KeyError::Unsupported)
    }

    fn from_pkcs1(der: &[u8]) -> Result<PrivateKey, KeyError> {
        let pair = RsaKeyPair::from_der(der).map_err(|_| KeyError::Malformed)?;
        let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Malformed)?;
        PrivateKey::from_pkcs8(document.as_ref())
    }

    fn hold(der: &[u8], kind: KeyKind, public: &[u8]) -> PrivateKey {
        PrivateKey {
            pkcs8: Arc::new(Secret::new(der.to_vec())),
            kind,
            public: Arc::new(public.to_vec()),
            rsa: Arc::default(),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, [secret])", self.kind)
    }
}

fn kind_of(curve: Curve) -> KeyKind {
    match curve {
        Curve::P256 => KeyKind::P256,
        Curve::P384 => KeyKind::P384,
        Curve::P521 => KeyKind::P521,
    }
}

fn rsa_kind(pair: &RsaKeyPair) -> KeyKind {
    let modulus = pair.public_key().modulus();
    let bytes = modulus.big_endian_without_leading_zero();
    let bits = bytes.first().map_or(0, |first| bytes.len() as u32 * 8 - first.leading_zeros());
    KeyKind::Rsa { bits }
}

/// Whether it begins as PKCS#8 of any kind does: a version, then an algorithm (RFC 5958, section 2).
fn is_pkcs8(der: &[u8]) -> der::Result<()> {
    let mut inside = SliceReader::new(AnyRef::from_der(der)?.value())?;
    u8::decode(&mut inside)?;
    AlgorithmIdentifierOwned::decode(&mut inside).map(|_| ())
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    #[test]
    fn a_key_outlives_a_trip_through_pem_and_shows_nothing() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
            let key = PrivateKey::generate(kind).unwrap();
            let again = PrivateKey::from_pem(key.to_pkcs8_pem().expose().as_bytes()).unwrap();
            assert_eq!((again.kind(), again.public_key()), (kind, key.public_key()));
            assert_eq!(format!("{key:?}"), format!("PrivateKey({kind}, [secret])"));
        }
    }

    #[test]
    fn what_is_no_key_is_told_apart_from_an_encrypted_one() {
        let error = |text: &str| PrivateKey::from_pem(text.as_bytes()).err();
        assert_eq!(error("nothing"), Some(KeyError::NoKey));
        assert_eq!(error(&pem::encode("PRIVATE KEY", b"xyz")), Some(KeyError::Malformed));
        assert_eq!(error(&pem::encode("ENCRYPTED PRIVATE KEY", b"xyz")), Some(KeyError::Encrypted));
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(error(old), Some(KeyError::Encrypted));
    }

    #[test]
    fn both_sides_agree_on_one_secret() {
        let one = PrivateKey::generate(KeyKind::P256).unwrap();
        let two = PrivateKey::generate(KeyKind::P256).unwrap();
        let secret = one.agree(two.public_key()).unwrap();
        assert_eq!(secret.expose(), two.agree(one.public_key()).unwrap().expose());
        assert_eq!(one.agree(&[4; 65]).err(), Some(KeyError::Refused), "a point off the curve");
    }

    #[test]
    fn a_wrapped_key_opens_only_as_it_was_wrapped() {
        let key = super::super::specimen::rsa_key();
        let spki = key.spki().to_der().unwrap();
        let wrapping = rsa::PublicEncryptingKey::from_der(&spki).unwrap();
        let oaep = rsa::OaepPublicEncryptingKey::new(wrapping).unwrap();
        let mut room = vec![0; oaep.ciphertext_size()];
        let wrapped = oaep.encrypt(&rsa::OAEP_SHA256_MGF1SHA256, b"key", &mut room, None).unwrap();
        assert_eq!(key.unwrap_rsa(wrapped, RsaUnwrap::OaepSha256).unwrap().expose(), b"key");
        assert_eq!(key.unwrap_rsa(wrapped, RsaUnwrap::OaepSha1).err(), Some(KeyError::Refused));
        assert_eq!(key.unwrap_rsa(&[0; 7], RsaUnwrap::Pkcs1).err(), Some(KeyError::Refused));
    }
}
