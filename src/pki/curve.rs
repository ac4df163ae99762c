//! The curves of elliptic-curve keys, and Diffie-Hellman on them (SEC 1, RFC 7748).

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, UnparsedPublicKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaSigningAlgorithm,
};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::brainpool::{p256r1, p384r1};
use super::{KeyError, KeyKind};
use crate::secret::Secret;

/// id-X25519 (RFC 8410, section 3).
pub(super) const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");

/// OneAsymmetricKey around the 32 octets of an X25519 key, up to them (RFC 8410, section 7).
const X25519_PKCS8: &[u8] = &[0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x6E, 4, 0x22, 4, 0x20];

/// A curve of elliptic-curve keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    P256,
    P384,
    P521,
    BrainpoolP256r1,
    BrainpoolP384r1,
    /// Agreement only.
    X25519,
}

impl Curve {
    pub(super) const ALL: [Curve; 6] =
        [Curve::P256, Curve::P384, Curve::P521, Curve::BrainpoolP256r1, Curve::BrainpoolP384r1, Curve::X25519];

    /// The curve of a key, if it is on one of these.
    pub fn of(kind: KeyKind) -> Option<Curve> {
        Curve::ALL.into_iter().find(|curve| curve.kind() == kind)
    }

    /// The kind of the keys on it.
    pub fn kind(self) -> KeyKind {
        match self {
            Curve::P256 => KeyKind::P256,
            Curve::P384 => KeyKind::P384,
            Curve::P521 => KeyKind::P521,
            Curve::BrainpoolP256r1 => KeyKind::BrainpoolP256r1,
            Curve::BrainpoolP384r1 => KeyKind::BrainpoolP384r1,
            Curve::X25519 => KeyKind::X25519,
        }
    }

    /// The name of the curve beside id-ecPublicKey; for X25519 the name of the algorithm itself.
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Curve::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
            Curve::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
            Curve::P521 => ObjectIdentifier::new_unwrap("1.3.132.0.35"),
            Curve::BrainpoolP256r1 => ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.7"),
            Curve::BrainpoolP384r1 => ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.11"),
            Curve::X25519 => X25519,
        }
    }

    /// Octets of a coordinate, and of the secret that ECDH gives.
    pub fn field_octets(self) -> usize {
        match self {
            Curve::P256 | Curve::BrainpoolP256r1 | Curve::X25519 => 32,
            Curve::P384 | Curve::BrainpoolP384r1 => 48,
            Curve::P521 => 66,
        }
    }

    /// ECDSA on it, where AWS-LC has it.
    pub(super) fn signing(self) -> Option<&'static EcdsaSigningAlgorithm> {
        match self {
            Curve::P256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
            Curve::P384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
            Curve::P521 => Some(&ECDSA_P521_SHA512_ASN1_SIGNING),
            Curve::BrainpoolP256r1 | Curve::BrainpoolP384r1 | Curve::X25519 => None,
        }
    }

    /// The shared secret of a key in PKCS#8 and another's public key.
    pub(super) fn agree(self, pkcs8: &[u8], peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        let malformed = |_| KeyError::Malformed;
        let (algorithm, mine) = match self {
            Curve::BrainpoolP256r1 => return p256r1::agree(pkcs8, peer),
            Curve::BrainpoolP384r1 => return p384r1::agree(pkcs8, peer),
            Curve::X25519 => (&agreement::X25519, x25519(pkcs8)?),
            Curve::P256 => {
                (&ECDH_P256, agreement::PrivateKey::from_private_key_der(&ECDH_P256, pkcs8).map_err(malformed)?)
            }
            Curve::P384 => {
                (&ECDH_P384, agreement::PrivateKey::from_private_key_der(&ECDH_P384, pkcs8).map_err(malformed)?)
            }
            Curve::P521 => {
                (&ECDH_P521, agreement::PrivateKey::from_private_key_der(&ECDH_P521, pkcs8).map_err(malformed)?)
            }
        };
        shared(algorithm, &mine, peer)
    }
}

/// The sending side of ECDH: a key that is made for this and forgotten. Gives its public half, as it stands in a
/// message, and the shared secret.
pub fn agree_ephemeral(curve: Curve, peer: &[u8]) -> Result<(Vec<u8>, Secret<Vec<u8>>), KeyError> {
    let algorithm = match curve {
        Curve::BrainpoolP256r1 => return p256r1::agree_ephemeral(peer),
        Curve::BrainpoolP384r1 => return p384r1::agree_ephemeral(peer),
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
        Curve::P521 => &ECDH_P521,
        Curve::X25519 => &agreement::X25519,
    };
    let mine = agreement::PrivateKey::generate(algorithm).map_err(|_| KeyError::Refused)?;
    let public = mine.compute_public_key().map_err(|_| KeyError::Refused)?;
    Ok((public.as_ref().to_vec(), shared(algorithm, &mine, peer)?))
}

fn shared(
    algorithm: &'static agreement::Algorithm,
    mine: &agreement::PrivateKey,
    peer: &[u8],
) -> Result<Secret<Vec<u8>>, KeyError> {
    let peer = UnparsedPublicKey::new(algorithm, peer);
    agreement::agree(mine, peer, KeyError::Refused, |secret| {
        // RFC 7748, section 6.1: a public key of small order gives zero, a secret that everybody knows.
        let known = secret.iter().fold(0, |sum, octet| sum | octet) == 0;
        if known { Err(KeyError::Refused) } else { Ok(Secret::new(secret.to_vec())) }
    })
}

/// An X25519 key in PKCS#8; attributes and a public key behind it (RFC 5958) are left alone.
fn x25519(pkcs8: &[u8]) -> Result<agreement::PrivateKey, KeyError> {
    let key = curve_private_key(pkcs8).map_err(|_| KeyError::Malformed)?;
    agreement::PrivateKey::from_private_key(&agreement::X25519, key).map_err(|_| KeyError::Malformed)
}

/// CurvePrivateKey (RFC 8410, section 7).
fn curve_private_key(pkcs8: &[u8]) -> der::Result<&[u8]> {
    let mut parts = SliceReader::new(AnyRef::from_der(pkcs8)?.value())?;
    u8::decode(&mut parts)?;
    if AlgorithmIdentifierRef::decode(&mut parts)? != (AlgorithmIdentifierRef { oid: X25519, parameters: None }) {
        return Err(der::ErrorKind::OidUnknown { oid: X25519 }.into());
    }
    let key = <&OctetStringRef>::decode(&mut parts)?;
    Ok(<&OctetStringRef>::from_der(key.as_bytes())?.as_bytes())
}

/// The public half of an X25519 key in PKCS#8.
pub(super) fn x25519_public_key(pkcs8: &[u8]) -> Result<Vec<u8>, KeyError> {
    let public = x25519(pkcs8)?.compute_public_key().map_err(|_| KeyError::Malformed)?;
    Ok(public.as_ref().to_vec())
}

/// A new X25519 key, as PKCS#8.
pub(super) fn generate_x25519() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut pkcs8 = Zeroizing::new(vec![0; X25519_PKCS8.len() + 32]);
    let (head, key) = pkcs8.split_at_mut(X25519_PKCS8.len());
    head.copy_from_slice(X25519_PKCS8);
    aws_lc_rs::rand::fill(key).map_err(|_| KeyError::Refused)?;
    Ok(pkcs8)
}
