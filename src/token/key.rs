//! One private key on a token: each operation with the mechanism the token has, or bare with the padding done here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use der::asn1::UintRef;
use der::{Encode, Sequence};
use zeroize::Zeroizing;

use super::padding;
use crate::pki::{Curve, KeyError, KeyHolder, KeyKind, RsaUnwrap, TokenFailure};
use crate::secret::Secret;

/// A session that is logged in, one caller at a time: PKCS#11 leaves open what two at once would do.
pub(super) type Shared = Arc<Mutex<Session>>;

/// A key that never leaves its token.
pub(super) struct TokenKey {
    pub(super) session: Shared,
    pub(super) handle: ObjectHandle,
    pub(super) kind: KeyKind,
    /// What the token can do.
    pub(super) mechanisms: Vec<MechanismType>,
    /// Whether it asks for the PIN at each use (CKA_ALWAYS_AUTHENTICATE).
    pub(super) each_use: bool,
    /// The PIN, for such a key.
    pub(super) pin: Option<Secret<String>>,
}

impl TokenKey {
    fn session(&self) -> MutexGuard<'_, Session> {
        // Whoever panicked left no half-done state here: it is in the token, which begins each operation anew.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, mechanism: MechanismType) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    fn modulus_bits(&self) -> Result<u32, KeyError> {
        match self.kind {
            KeyKind::Rsa { bits } => Ok(bits),
            _ => Err(KeyError::WrongKind),
        }
    }

    fn sign_with(&self, mechanism: &Mechanism<'_>, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        let session = self.session();
        if !self.each_use {
            return session.sign(mechanism, self.handle, data).map_err(failure);
        }
        // Between the beginning of an operation and its end, only what takes its data in parts lets the PIN be shown.
        let in_parts = matches!(mechanism, Mechanism::Sha256RsaPkcs | Mechanism::Sha256RsaPkcsPss(_));
        let Some(pin) = self.pin.as_ref().filter(|_| in_parts) else {
            return Err(KeyError::Token(TokenFailure::PinEachUse));
        };
        session.sign_init(mechanism, self.handle).map_err(failure)?;
        session.login(UserType::ContextSpecific, Some(&AuthPin::from(pin.expose().as_str()))).map_err(failure)?;
        session.sign_update(data).map_err(failure)?;
        session.sign_final().map_err(failure)
    }

    fn sign_ecdsa(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let hash = match self.kind {
            KeyKind::P256 | KeyKind::BrainpoolP256r1 => &digest::SHA256,
            KeyKind::P384 | KeyKind::BrainpoolP384r1 => &digest::SHA384,
            KeyKind::P521 => &digest::SHA512,
            _ => return Err(KeyError::WrongKind),
        };
        let both = self.sign_with(&Mechanism::Ecdsa, digest::digest(hash, message).as_ref())?;
        ecdsa_value(&both).ok_or(KeyError::Token(TokenFailure::Device))
    }

    /// The bare operation: what it gives is as long as the modulus, zeros at the front included.
    fn bare(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let length = self.modulus_bits()?.div_ceil(8) as usize;
        let plain = Zeroizing::new(self.decrypt_with(&Mechanism::RsaX509, ciphertext)?);
        let missing = length.checked_sub(plain.len()).ok_or(KeyError::Token(TokenFailure::Device))?;
        let mut block = Zeroizing::new(vec![0; length]);
        block[missing..].copy_from_slice(&plain);
        Ok(block)
    }

    /// With the padding taken off by the token. Some answer a wrong one as they answer a defect: it counts as a wrong one.
    fn unpadded_there(&self, mechanism: &Mechanism<'_>, ciphertext: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        match self.decrypt_with(mechanism, ciphertext) {
            Ok(plain) => Ok(Secret::new(plain)),
            Err(KeyError::Token(TokenFailure::Device)) => Err(KeyError::Refused),
            Err(error) => Err(error),
        }
    }

    fn decrypt_with(&self, mechanism: &Mechanism<'_>, ciphertext: &[u8]) -> Result<Vec<u8>, KeyError> {
        if self.each_use {
            return Err(KeyError::Token(TokenFailure::PinEachUse));
        }
        self.session().decrypt(mechanism, self.handle, ciphertext).map_err(failure)
    }
}

impl KeyHolder for TokenKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let KeyKind::Rsa { bits } = self.kind else { return self.sign_ecdsa(message) };
        if self.has(MechanismType::SHA256_RSA_PKCS) {
            return self.sign_with(&Mechanism::Sha256RsaPkcs, message);
        }
        if self.has(MechanismType::RSA_PKCS) {
            return self.sign_with(&Mechanism::RsaPkcs, &padding::digest_info(message));
        }
        self.sign_with(&Mechanism::RsaX509, &padding::pkcs1(message, bits.div_ceil(8) as usize)?)
    }

    fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let bits = self.modulus_bits()?;
        let parameters =
            PkcsPssParams { hash_alg: MechanismType::SHA256, mgf: PkcsMgfType::MGF1_SHA256, s_len: 32.into() };
        if self.has(MechanismType::SHA256_RSA_PKCS_PSS) {
            return self.sign_with(&Mechanism::Sha256RsaPkcsPss(parameters), message);
        }
        if self.has(MechanismType::RSA_PKCS_PSS) {
            let digest = digest::digest(&digest::SHA256, message);
            return self.sign_with(&Mechanism::RsaPkcsPss(parameters), digest.as_ref());
        }
        self.sign_with(&Mechanism::RsaX509, &padding::pss(message, bits)?)
    }

    fn unwrap_rsa(&self, ciphertext: &[u8], how: RsaUnwrap) -> Result<Secret<Vec<u8>>, KeyError> {
        if ciphertext.len() != self.modulus_bits()?.div_ceil(8) as usize {
            return Err(KeyError::Refused);
        }
        // Some tokens have OAEP with SHA-1 alone: bare first.
        if self.has(MechanismType::RSA_X_509) {
            return padding::unpad(&self.bare(ciphertext)?, how);
        }
        let (hash, mgf) = match how {
            RsaUnwrap::Pkcs1 => return self.unpadded_there(&Mechanism::RsaPkcs, ciphertext),
            RsaUnwrap::OaepSha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
            RsaUnwrap::OaepSha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
            RsaUnwrap::OaepSha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
            RsaUnwrap::OaepSha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        };
        let parameters = PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty());
        self.unpadded_there(&Mechanism::RsaPkcsOaep(parameters), ciphertext)
    }

    fn agree(&self, peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        let curve = Curve::of(self.kind).ok_or(KeyError::WrongKind)?;
        if self.each_use {
            return Err(KeyError::Token(TokenFailure::PinEachUse));
        }
        let length = curve.field_octets();
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen((length as u64).into()),
        ];
        let session = self.session();
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), peer));
        let derived = session.derive_key(&mechanism, self.handle, &template).map_err(failure)?;
        let value = session.get_attributes(derived, &[AttributeType::Value]).map_err(failure);
        // It would end with the session; it does not wait for that.
        session.destroy_object(derived).map_err(failure)?;
        let secret = value?.into_iter().find_map(|attribute| match attribute {
            Attribute::Value(octets) => Some(Secret::new(octets)),
            _ => None,
        });
        secret.ok_or(KeyError::Token(TokenFailure::Device))
    }
}

/// Ecdsa-Sig-Value (RFC 3279, section 2.2.3).
#[derive(Sequence)]
struct EcdsaValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// The signature of certificates and CMS from r and s as tokens give them, one behind the other.
fn ecdsa_value(both: &[u8]) -> Option<Vec<u8>> {
    if both.is_empty() || !both.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = both.split_at(both.len() / 2);
    EcdsaValue { r: UintRef::new(r).ok()?, s: UintRef::new(s).ok()? }.to_der().ok()
}

/// What an answer of the module means for who wanted the key used.
fn failure(error: Error) -> KeyError {
    let Error::Pkcs11(answer, _) = error else { return KeyError::Token(TokenFailure::Device) };
    KeyError::Token(match answer {
        RvError::DeviceRemoved
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::SlotIdInvalid
        | RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::UserNotLoggedIn
        | RvError::KeyHandleInvalid
        | RvError::ObjectHandleInvalid => TokenFailure::Removed,
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinLocked => TokenFailure::Pin,
        RvError::KeyFunctionNotPermitted | RvError::ActionProhibited => TokenFailure::NotPermitted,
        RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::ArgumentsBad
        | RvError::FunctionNotSupported => TokenFailure::Mechanism,
        RvError::EncryptedDataInvalid
        | RvError::EncryptedDataLenRange
        | RvError::DataInvalid
        | RvError::DataLenRange
        | RvError::PublicKeyInvalid
        | RvError::DomainParamsInvalid => return KeyError::Refused,
        _ => TokenFailure::Device,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_become_two_integers() {
        let value = ecdsa_value(&[0, 0x7F, 0x80, 0]).unwrap();
        assert_eq!(value, [0x30, 0x08, 2, 1, 0x7F, 2, 3, 0, 0x80, 0]);
        assert_eq!(ecdsa_value(&[1, 2, 3]), None);
        assert_eq!(ecdsa_value(&[]), None);
    }
}
