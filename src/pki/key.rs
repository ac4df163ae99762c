//! Private keys: signing, unwrapping and agreeing, through AWS-LC (PKCS#8, RFC 5958) or by the token that holds them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, rsa};
use der::asn1::{Any, AnyRef, BitString, Null, ObjectIdentifier, UintRef};
use der::{Decode, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::brainpool::{p256r1, p384r1};
use super::curve::{agree_ephemeral, generate_x25519, x25519_public_key};
use super::rsa_key::RsaKey;
use super::{Certificate, Curve, KeyKind, SignatureAlgorithm, SignatureValue, pem, verify_signature};
use crate::secret::Secret;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

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
    /// The key is on a token, and the token did not use it. Nothing is said of what it was to be used on.
    #[error("the token did not use the key")]
    Token(#[source] TokenFailure),
}

/// Why a token did not use one of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// It is no longer there.
    #[error("it was removed, or its session ended")]
    Removed,
    /// The key may not be used for this.
    #[error("it does not permit the key to be used for this")]
    NotPermitted,
    /// It does not have the operation.
    #[error("it has no mechanism for this")]
    Mechanism,
    /// The key asks for the PIN each time, in a way that is not done here.
    #[error("it asks for the PIN at each use of the key, which works here for RSA signatures only")]
    PinEachUse,
    /// It refused the PIN that it asks for at each use.
    #[error("it refused the PIN")]
    Pin,
    /// What it signed does not verify with the certificate.
    #[error("its key is not the key of the certificate")]
    OtherKey,
    /// Anything else: the reader, the driver, the card.
    #[error("the token or its reader failed")]
    Device,
}

/// Something that uses a private key where it lives: a token. What the key is said to be, its holder is held to.
pub trait KeyHolder: Send + Sync {
    /// Signs as [`PrivateKey::sign`]; ECDSA gives the SEQUENCE of r and s.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Signs as [`PrivateKey::sign_pss`].
    fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Decrypts a wrapped key with RSA.
    fn unwrap_rsa(&self, ciphertext: &[u8], how: RsaUnwrap) -> Result<Secret<Vec<u8>>, KeyError>;

    /// The shared secret of ECDH, as long as a coordinate.
    fn agree(&self, peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError>;
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

/// A private key: in memory, wiped with its last clone, or on a token that it never leaves.
#[derive(Clone)]
pub struct PrivateKey {
    /// Empty for a key on a token.
    pkcs8: Arc<Secret<Vec<u8>>>,
    kind: KeyKind,
    public: Arc<Vec<u8>>,
    holder: Option<Arc<dyn KeyHolder>>,
    rsa: Arc<RsaKey>,
}

impl PrivateKey {
    /// Reads PKCS#8, DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
        for curve in Curve::ALL {
            let pair = curve.signing().and_then(|scheme| EcdsaKeyPair::from_pkcs8(scheme, der).ok());
            if let Some(pair) = pair {
                return Ok(PrivateKey::hold(der, curve.kind(), pair.public_key().as_ref()));
            }
        }
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            return Ok(PrivateKey::hold(der, rsa_kind(&pair), pair.public_key().as_ref()));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(PrivateKey::hold(der, KeyKind::Ed25519, pair.public_key().as_ref()));
        }
        if let Some(public) = p256r1::public_key(der) {
            return Ok(PrivateKey::hold(der, KeyKind::BrainpoolP256r1, &public));
        }
        if let Some(public) = p384r1::public_key(der) {
            return Ok(PrivateKey::hold(der, KeyKind::BrainpoolP384r1, &public));
        }
        if let Ok(public) = x25519_public_key(der) {
            return Ok(PrivateKey::hold(der, KeyKind::X25519, &public));
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

    /// Makes a key of any kind that is read here; RSA of 2048, 3072 or 4096 bits.
    pub fn generate(kind: KeyKind) -> Result<PrivateKey, KeyError> {
        let random = SystemRandom::new();
        if let Some(scheme) = Curve::of(kind).and_then(Curve::signing) {
            let document = EcdsaKeyPair::generate_pkcs8(scheme, &random);
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
            KeyKind::BrainpoolP256r1 => PrivateKey::from_pkcs8(p256r1::generate()?.as_bytes()),
            KeyKind::BrainpoolP384r1 => PrivateKey::from_pkcs8(p384r1::generate()?.as_bytes()),
            KeyKind::X25519 => PrivateKey::from_pkcs8(&generate_x25519()?),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// The key of a certificate, which a token holds.
    pub fn held(certificate: &Certificate, holder: Arc<dyn KeyHolder>) -> PrivateKey {
        PrivateKey {
            pkcs8: Arc::new(Secret::default()),
            kind: certificate.key_kind(),
            public: Arc::new(certificate.public_key().to_vec()),
            holder: Some(holder),
            rsa: Arc::default(),
        }
    }

    /// Whether a token holds it.
    pub fn is_held(&self) -> bool {
        self.holder.is_some()
    }

    /// The key as PKCS#8, DER; empty for a key on a token, which does not give it away.
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
            Some(Curve::X25519) => (Curve::X25519.oid(), None),
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

    /// Signs with SHA-256 (384 bits: SHA-384, P-521: SHA-512, Ed25519: as it is); RSA in the PKCS#1 v1.5 form.
    pub fn sign(&self, message: &[u8]) -> Result<SignatureValue, KeyError> {
        if let Some(holder) = &self.holder {
            let algorithm = match self.kind {
                KeyKind::P256 | KeyKind::BrainpoolP256r1 => SignatureAlgorithm::EcdsaSha256,
                KeyKind::P384 | KeyKind::BrainpoolP384r1 => SignatureAlgorithm::EcdsaSha384,
                KeyKind::P521 => SignatureAlgorithm::EcdsaSha512,
                KeyKind::Rsa { .. } => SignatureAlgorithm::RsaPkcs1Sha256,
                KeyKind::Ed25519 | KeyKind::X25519 | KeyKind::Other => return Err(KeyError::WrongKind),
            };
            return self.checked(message, SignatureValue { algorithm, bytes: holder.sign(message)? });
        }
        let pkcs8 = self.pkcs8.expose();
        let (algorithm, bytes) = match self.kind {
            KeyKind::P256 => (SignatureAlgorithm::EcdsaSha256, self.sign_ecdsa(Curve::P256, message)?),
            KeyKind::P384 => (SignatureAlgorithm::EcdsaSha384, self.sign_ecdsa(Curve::P384, message)?),
            KeyKind::P521 => (SignatureAlgorithm::EcdsaSha512, self.sign_ecdsa(Curve::P521, message)?),
            KeyKind::BrainpoolP256r1 => {
                let digest = digest::digest(&digest::SHA256, message);
                (SignatureAlgorithm::EcdsaSha256, p256r1::sign(pkcs8, digest.as_ref())?)
            }
            KeyKind::BrainpoolP384r1 => {
                let digest = digest::digest(&digest::SHA384, message);
                (SignatureAlgorithm::EcdsaSha384, p384r1::sign(pkcs8, digest.as_ref())?)
            }
            KeyKind::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::Malformed)?;
                (SignatureAlgorithm::Ed25519, pair.sign(message).as_ref().to_vec())
            }
            KeyKind::Rsa { .. } => {
                return self.sign_rsa(message, &RSA_PKCS1_SHA256, SignatureAlgorithm::RsaPkcs1Sha256);
            }
            KeyKind::X25519 | KeyKind::Other => return Err(KeyError::WrongKind),
        };
        Ok(SignatureValue { algorithm, bytes })
    }

    fn sign_ecdsa(&self, curve: Curve, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let scheme = curve.signing().ok_or(KeyError::WrongKind)?;
        let pair = EcdsaKeyPair::from_pkcs8(scheme, self.pkcs8.expose()).map_err(|_| KeyError::Malformed)?;
        let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Refused)?;
        Ok(signature.as_ref().to_vec())
    }

    /// Signs with RSASSA-PSS and SHA-256.
    pub fn sign_pss(&self, message: &[u8]) -> Result<SignatureValue, KeyError> {
        if let (Some(holder), KeyKind::Rsa { .. }) = (&self.holder, self.kind) {
            let algorithm = SignatureAlgorithm::RsaPssSha256;
            return self.checked(message, SignatureValue { algorithm, bytes: holder.sign_pss(message)? });
        }
        self.sign_rsa(message, &RSA_PSS_SHA256, SignatureAlgorithm::RsaPssSha256)
    }

    /// A signature that was made elsewhere, if it is one: a card in bad order, or the key of another certificate, is
    /// found out here and not by who reads the message.
    fn checked(&self, message: &[u8], signature: SignatureValue) -> Result<SignatureValue, KeyError> {
        match verify_signature(&self.spki(), &signature.algorithm.identifier(), message, &signature.bytes) {
            Ok(()) => Ok(signature),
            Err(_) => Err(KeyError::Token(TokenFailure::OtherKey)),
        }
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
        if let Some(holder) = &self.holder {
            // RFC 8017, section 5.1.2: a number as large as the modulus is no ciphertext. Tokens answer it with whatever
            // they answer a defect with, and a hostile message is not to look like a card in bad order.
            let fits =
                modulus(&self.public).is_some_and(|modulus| ciphertext.len() == modulus.len() && ciphertext < modulus);
            return if fits { holder.unwrap_rsa(ciphertext, how) } else { Err(KeyError::Refused) };
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

    /// The shared secret of ECDH with another's public key on the same curve (SEC 1, section 3.3.1; RFC 7748).
    pub fn agree(&self, peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        let curve = Curve::of(self.kind).ok_or(KeyError::WrongKind)?;
        let Some(holder) = &self.holder else { return curve.agree(self.pkcs8.expose(), peer) };
        // A token may trust that a point is on the curve: it is tried with a key that does not matter first.
        agree_ephemeral(curve, peer)?;
        let secret = holder.agree(peer)?;
        if secret.expose().len() == curve.field_octets() {
            Ok(secret)
        } else {
            Err(KeyError::Token(TokenFailure::Device))
        }
    }

    fn from_sec1(der: &[u8]) -> Result<PrivateKey, KeyError> {
        for scheme in Curve::ALL.into_iter().filter_map(Curve::signing) {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(scheme, der) {
                let document = pair.to_pkcs8v1().map_err(|_| KeyError::Malformed)?;
                return PrivateKey::from_pkcs8(document.as_ref());
            }
        }
        let brainpool = p256r1::from_sec1(der).or_else(|| p384r1::from_sec1(der));
        PrivateKey::from_pkcs8(brainpool.ok_or(KeyError::Unsupported)?.as_bytes())
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
            holder: None,
            rsa: Arc::default(),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.is_held() { "on a token" } else { "[secret]" };
        write!(f, "PrivateKey({}, {place})", self.kind)
    }
}

fn rsa_kind(pair: &RsaKeyPair) -> KeyKind {
    let modulus = pair.public_key().modulus();
    let bytes = modulus.big_endian_without_leading_zero();
    let bits = bytes.first().map_or(0, |first| bytes.len() as u32 * 8 - first.leading_zeros());
    KeyKind::Rsa { bits }
}

/// The modulus of an RSAPublicKey, without zeros at the front.
fn modulus(public: &[u8]) -> Option<&[u8]> {
    let mut inside = SliceReader::new(AnyRef::from_der(public).ok()?.value()).ok()?;
    UintRef::decode(&mut inside).ok().map(|modulus| modulus.as_bytes())
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
