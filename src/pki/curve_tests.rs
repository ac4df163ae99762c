//! Keys on every curve, and what OpenSSL made with the same keys.

use jiff::Timestamp;

use super::openssl_specimen::{
    BRAINPOOL, BRAINPOOL_KEY, BRAINPOOL_SEC1, LATER, X25519_KEY, anchors, brainpool, x25519,
};
use super::{Curve, Finding, KeyError, KeyKind, PrivateKey, Purpose, agree_ephemeral, pem, validate, verify_signature};
use crate::hex::Hex;

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn later() -> Timestamp {
    LATER.parse().unwrap()
}

#[test]
fn both_ends_agree_on_every_curve_and_a_public_key_that_is_none_is_refused() {
    for curve in Curve::ALL {
        let key = PrivateKey::generate(curve.kind()).unwrap();
        let (public, secret) = agree_ephemeral(curve, key.public_key()).unwrap();
        assert_eq!(key.agree(&public).unwrap().expose(), secret.expose());
        assert_eq!(secret.expose().len(), curve.field_octets());
        for peer in [&public[1..], &vec![4; public.len() + 1], &[]] {
            assert_eq!(key.agree(peer).err(), Some(KeyError::Refused));
            assert_eq!(agree_ephemeral(curve, peer).err(), Some(KeyError::Refused));
        }
    }
}

#[test]
fn a_shared_secret_that_everybody_knows_is_refused() {
    // Points of small order (RFC 7748, section 6.1): 0, 1, and p - 1.
    let mut minus_one = [0xFF; 32];
    (minus_one[0], minus_one[31]) = (0xEC, 0x7F);
    let mut one = [0; 32];
    one[0] = 1;
    for point in [[0; 32], one, minus_one] {
        assert_eq!(x25519().key().agree(&point).err(), Some(KeyError::Refused));
        assert_eq!(agree_ephemeral(Curve::X25519, &point).err(), Some(KeyError::Refused));
    }
}

#[test]
fn a_key_outlives_a_trip_through_pem_on_every_curve() {
    for curve in Curve::ALL {
        let key = PrivateKey::generate(curve.kind()).unwrap();
        let again = PrivateKey::from_pem(key.to_pkcs8_pem().expose().as_bytes()).unwrap();
        assert_eq!((again.kind(), again.public_key()), (curve.kind(), key.public_key()));
    }
}

#[test]
fn keys_of_openssl_are_read_in_both_forms_and_agree_as_openssl_does() {
    let key = brainpool().key().clone();
    let older = PrivateKey::from_pem(BRAINPOOL_SEC1.as_bytes()).unwrap();
    assert_eq!((older.kind(), older.public_key()), (KeyKind::BrainpoolP256r1, key.public_key()));
    let peer = octets(
        "040af9c878b27cab9dd198d1505290feb257c6904975edbb72c8b2fbb9bcfb960079b8450a51d35773ebc97f6a0108916b788a1c0f7dd5144c2bb1d0d132846d46",
    );
    assert_eq!(
        Hex(key.agree(&peer).unwrap().expose()).to_string(),
        "2ac69f1fc2d670d4c212a99ec67f9979e026107538e1c32a9e1fcfcc77e25836"
    );
    let peer = octets("51e6c984fe303cc83cecb49d1abad5fd92794956d75700f4308f694034797800");
    let secret = x25519().key().agree(&peer).unwrap();
    assert_eq!(Hex(secret.expose()).to_string(), "e0e79a21438cfdc9b4a529f9cb6b30e00be80baf843a3a134e973a8cf603ec1b");
}

#[test]
fn signatures_of_openssl_verify_with_every_hash_and_nothing_else_does() {
    let key = brainpool().key().clone();
    let signatures = [
        (
            256,
            "3045022100a7943c0c6aa4e658c503467380fbff5eac99de753807407eea6333d75562dc5c02207be88b58e63267f0aafcc7cb8b23880293b963bc75fea362a923dea18c8b3e43",
        ),
        (
            512,
            "30450221008e718d4d6d9700f978242794c7a5be41615d331789a9184dca4781c80f12f8b10220743d75f6b037bba3b628a134f65a72f746d6db0f4f34a242859fc1facc1069ca",
        ),
    ];
    for (bits, signature) in signatures {
        let oid = if bits == 256 { "1.2.840.10045.4.3.2" } else { "1.2.840.10045.4.3.4" };
        let mut algorithm = key.sign(b"content").unwrap().algorithm.identifier();
        algorithm.oid = oid.parse().unwrap();
        let verify = |message: &[u8], bytes: &[u8]| verify_signature(&key.spki(), &algorithm, message, bytes);
        let bytes = octets(signature);
        verify(b"content", &bytes).unwrap();
        verify(b"Content", &bytes).unwrap_err();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            verify(b"content", &flipped).unwrap_err();
        }
    }
}

#[test]
fn a_path_on_brainpool_curves_is_believed_and_a_flipped_bit_in_it_is_not() {
    let address = "zoe@medecin.sandbox".parse().unwrap();
    let judge = |identity: &super::Identity, purpose| {
        validate(identity.certificate(), &[], &anchors(), &[], purpose, Some(&address), later()).map(|_| ())
    };
    assert_eq!(judge(&brainpool(), Purpose::EmailSigning), Ok(()));
    assert_eq!(judge(&brainpool(), Purpose::EmailEncryption), Ok(()));
    assert_eq!(judge(&x25519(), Purpose::EmailEncryption), Ok(()));
    assert_eq!(judge(&x25519(), Purpose::EmailSigning), Err(Finding::UnsupportedKey), "it cannot sign");
    let mut der = pem::blocks(BRAINPOOL.as_bytes()).unwrap().remove(0).der;
    *der.last_mut().unwrap() ^= 1;
    let forged = super::Certificate::from_der(&der).unwrap();
    let refused = validate(&forged, &[], &anchors(), &[], Purpose::EmailSigning, Some(&address), later());
    assert_eq!(refused.err(), Some(Finding::BadSignature));
}

#[test]
fn a_key_that_only_agrees_does_not_sign() {
    assert_eq!(x25519().key().sign(b"content").err(), Some(KeyError::WrongKind));
    assert_eq!(x25519().key().sign_pss(b"content").err(), Some(KeyError::WrongKind));
}

#[test]
fn a_key_cut_short_is_refused() {
    for text in [BRAINPOOL_KEY, X25519_KEY] {
        let der = pem::blocks(text.as_bytes()).unwrap().remove(0).der;
        for length in 0..der.len() {
            assert!(PrivateKey::from_pkcs8(&der[..length]).is_err());
        }
    }
}
