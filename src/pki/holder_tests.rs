//! A key that something else holds is held to its certificate, and shielded from what no key of its kind can be given.

use std::sync::{Arc, Mutex};

use super::specimen::{Authority, Leaf, rsa_key};
use super::{Certificate, KeyError, KeyHolder, KeyKind, PrivateKey, RsaUnwrap, SignatureAlgorithm};
use crate::secret::Secret;

/// Holds a key in memory as a token would, and counts what it was asked for.
struct Holder {
    key: PrivateKey,
    asked: Mutex<usize>,
}

impl Holder {
    fn key(&self) -> &PrivateKey {
        *self.asked.lock().unwrap() += 1;
        &self.key
    }
}

impl KeyHolder for Holder {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key().sign(message).map(|signature| signature.bytes)
    }

    fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key().sign_pss(message).map(|signature| signature.bytes)
    }

    fn unwrap_rsa(&self, ciphertext: &[u8], how: RsaUnwrap) -> Result<Secret<Vec<u8>>, KeyError> {
        self.key().unwrap_rsa(ciphertext, how)
    }

    fn agree(&self, peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        self.key().agree(peer)
    }
}

fn certificate(key: &PrivateKey) -> Certificate {
    Authority::root("TEST AC").certify(&Leaf::with_key("a@b.fr", key.clone()))
}

fn held(certificate: &Certificate, key: PrivateKey) -> (PrivateKey, Arc<Holder>) {
    let holder = Arc::new(Holder { key, asked: Mutex::new(0) });
    (PrivateKey::held(certificate, holder.clone()), holder)
}

#[test]
fn a_held_key_does_what_the_key_does_and_shows_nothing() {
    let own = PrivateKey::generate(KeyKind::P256).unwrap();
    let (key, _) = held(&certificate(&own), own.clone());
    assert_eq!(key.sign(b"content").unwrap().algorithm, SignatureAlgorithm::EcdsaSha256);
    let other = PrivateKey::generate(KeyKind::P256).unwrap();
    assert_eq!(key.agree(other.public_key()).unwrap().expose(), own.agree(other.public_key()).unwrap().expose());
    assert_eq!((key.is_held(), format!("{key:?}")), (true, "PrivateKey(P-256, on a token)".to_owned()));
    assert!(key.pkcs8().expose().is_empty());
    let (key, _) = held(&certificate(&rsa_key()), rsa_key());
    assert_eq!(key.sign(b"content").unwrap().algorithm, SignatureAlgorithm::RsaPkcs1Sha256);
    assert_eq!(key.sign_pss(b"content").unwrap().algorithm, SignatureAlgorithm::RsaPssSha256);
}

#[test]
fn a_signature_of_another_key_is_found_out_before_it_is_used() {
    let certificate = certificate(&PrivateKey::generate(KeyKind::P256).unwrap());
    let (key, _) = held(&certificate, PrivateKey::generate(KeyKind::P256).unwrap());
    assert_eq!(key.sign(b"content").err(), Some(KeyError::Token(super::TokenFailure::OtherKey)));
}

#[test]
fn what_can_be_no_ciphertext_and_no_point_never_reaches_the_token() {
    let (key, holder) = held(&certificate(&rsa_key()), rsa_key());
    for ciphertext in [vec![0xFF; 384], vec![1; 383], vec![1; 385], Vec::new()] {
        assert_eq!(key.unwrap_rsa(&ciphertext, RsaUnwrap::OaepSha256).err(), Some(KeyError::Refused));
    }
    assert_eq!(*holder.asked.lock().unwrap(), 0);
    let own = PrivateKey::generate(KeyKind::P256).unwrap();
    let (key, holder) = held(&certificate(&own), own);
    for point in [vec![4; 65], vec![0], Vec::new()] {
        assert_eq!(key.agree(&point).err(), Some(KeyError::Refused));
    }
    assert_eq!(*holder.asked.lock().unwrap(), 0);
    assert_eq!(key.sign_pss(b"content").err(), Some(KeyError::WrongKind));
}
