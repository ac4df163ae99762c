//! Signatures: what was signed verifies over the same content, and nothing else does.

use std::io::Write;

use super::tlv::{self, Cursor};
use super::{CmsError, DetachedSigner, OpaqueSigner, RsaSignature, Signer, oid, verify_detached, verify_opaque};
use crate::pki::specimen::{Authority, Leaf, NOON, rsa_key};
use crate::pki::{Capabilities, Identity, KeyKind, PrivateKey, Reader};

pub(super) const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nresult\r\n";

pub(super) fn identity(key: PrivateKey) -> Identity {
    Authority::root("TEST AC").identity(Leaf::with_key("zoe@medecin.sandbox", key))
}

pub(super) fn p256() -> Identity {
    identity(PrivateKey::generate(KeyKind::P256).unwrap())
}

pub(super) fn sign(identity: &Identity, content: &[u8]) -> Vec<u8> {
    let mut signer = DetachedSigner::new(identity, NOON.parse().unwrap());
    for piece in content.chunks(7) {
        signer.update(piece);
    }
    signer.finish().unwrap()
}

pub(super) fn verify(signature: &[u8], mut content: &[u8]) -> Result<Vec<Signer>, CmsError> {
    verify_detached(signature, &mut content)
}

/// SignedData rebuilt from its parts: [version, digests, content info, certificates, signer infos].
pub(super) fn rebuilt(signature: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut outer = Cursor(signature).expect(tlv::SEQUENCE).unwrap().inside();
    outer.expect(tlv::OID).unwrap();
    let mut inside = outer.expect(0xA0).unwrap().inside().expect(tlv::SEQUENCE).unwrap().inside();
    let mut parts = Vec::new();
    while let Some(part) = inside.next().unwrap() {
        parts.push(part.whole.to_vec());
    }
    change(&mut parts);
    let data = tlv::element(0xA0, &tlv::element(tlv::SEQUENCE, &parts.concat()));
    tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::SIGNED_DATA), &data])
}

/// Rebuilds the only SignerInfo: [version, identifier, digest, attributes, algorithm, signature].
pub(super) fn with_signer(signature: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    rebuilt(signature, |parts| {
        let mut inside = Cursor(&parts[4]).expect(tlv::SET).unwrap().inside().expect(tlv::SEQUENCE).unwrap().inside();
        let mut signer = Vec::new();
        while let Some(part) = inside.next().unwrap() {
            signer.push(part.whole.to_vec());
        }
        change(&mut signer);
        parts[4] = tlv::element(tlv::SET, &tlv::element(tlv::SEQUENCE, &signer.concat()));
    })
}

#[test]
fn a_signature_verifies_and_tells_who_and_when() {
    for (key, algorithm, digest) in [
        (PrivateKey::generate(KeyKind::P256).unwrap(), "ECDSA", "sha-256"),
        (PrivateKey::generate(KeyKind::P384).unwrap(), "ECDSA", "sha-384"),
        (PrivateKey::generate(KeyKind::Ed25519).unwrap(), "Ed25519", "sha-512"),
        (rsa_key(), "RSA", "sha-256"),
    ] {
        let zoe = identity(key);
        let signers = verify(&sign(&zoe, CONTENT), CONTENT).unwrap();
        assert_eq!(signers.len(), 1);
        assert_eq!(&signers[0].certificate, zoe.certificate());
        assert_eq!((signers[0].algorithm, signers[0].digest), (algorithm, digest));
        assert_eq!(signers[0].signing_time, Some(NOON.parse().unwrap()));
        assert_eq!(signers[0].certificates.len(), 2, "the chain comes with it");
    }
}

#[test]
fn other_content_is_not_signed() {
    let signature = sign(&p256(), CONTENT);
    for other in [&CONTENT[1..], &[CONTENT, b"\r\n"].concat(), b""] {
        assert!(matches!(verify(&signature, other), Err(CmsError::BadSignature)));
    }
}

#[test]
fn a_change_never_makes_another_signer() {
    let zoe = p256();
    let signature = sign(&zoe, CONTENT);
    for place in 0..signature.len() {
        let mut changed = signature.clone();
        changed[place] ^= 1;
        // Versions, the chain and the announced digests are not signed; who signed, and what, is.
        if let Ok(signers) = verify(&changed, CONTENT) {
            assert_eq!(&signers[0].certificate, zoe.certificate(), "octet {place}");
            assert_eq!(signers[0].signing_time, Some(NOON.parse().unwrap()));
        }
        assert!(verify(&signature[..place], CONTENT).is_err(), "cut at {place}");
    }
    assert!(verify(&[&signature[..], &[0]].concat(), CONTENT).is_err(), "something after the end");
}

#[test]
fn signed_attributes_must_be_there() {
    let signature = sign(&p256(), CONTENT);
    let without = with_signer(&signature, |signer| {
        signer.remove(3);
    });
    assert!(matches!(verify(&without, CONTENT), Err(CmsError::Malformed(_))));
}

#[test]
fn attributes_say_what_was_signed_once_each() {
    let zoe = p256();
    let signature = sign(&zoe, CONTENT);
    let resigned = |change: fn(&mut Vec<Vec<u8>>)| {
        with_signer(&signature, |signer| {
            let mut inside = Cursor(&signer[3]).expect(0xA0).unwrap().inside();
            let mut attributes = Vec::new();
            while let Some(attribute) = inside.next().unwrap() {
                attributes.push(attribute.whole.to_vec());
            }
            change(&mut attributes);
            signer[5] = tlv::element(
                tlv::OCTET_STRING,
                &zoe.key().sign(&tlv::set_of(tlv::SET, attributes.clone())).unwrap().bytes,
            );
            signer[3] = tlv::set_of(0xA0, attributes);
        })
    };
    verify(&resigned(|_| {}), CONTENT).unwrap();
    let no_digest = resigned(|attributes| retain_without(attributes, oid::MESSAGE_DIGEST));
    assert!(matches!(verify(&no_digest, CONTENT), Err(CmsError::Malformed(_))));
    let no_type = resigned(|attributes| retain_without(attributes, oid::CONTENT_TYPE));
    assert!(matches!(verify(&no_type, CONTENT), Err(CmsError::Malformed(_))));
    let twice = resigned(|attributes| {
        let other = tlv::element(tlv::SET, &tlv::element(tlv::OCTET_STRING, &[0; 32]));
        attributes.push(tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::MESSAGE_DIGEST), &other]));
    });
    assert!(matches!(verify(&twice, CONTENT), Err(CmsError::Malformed(_))));
    let other_type = resigned(|attributes| {
        retain_without(attributes, oid::CONTENT_TYPE);
        let other = tlv::element(tlv::SET, &tlv::oid(oid::SIGNED_DATA));
        attributes.push(tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::CONTENT_TYPE), &other]));
    });
    assert!(matches!(verify(&other_type, CONTENT), Err(CmsError::BadSignature)));
}

fn retain_without(attributes: &mut Vec<Vec<u8>>, oid: der::asn1::ObjectIdentifier) {
    let unwanted = tlv::oid(oid);
    attributes.retain(|attribute| !attribute.windows(unwanted.len()).any(|part| part == unwanted));
}

#[test]
fn a_twin_certificate_cannot_take_the_place_of_the_signer() {
    let authority = Authority::root("TEST AC");
    let zoe = authority.identity(Leaf::new("zoe@medecin.sandbox"));
    // Same issuer, serial number and key, another name: the hash in the signed attributes tells them apart.
    let twin = authority.certify(&Leaf::with_key("leo@medecin.sandbox", zoe.key().clone()));
    let swapped = rebuilt(&sign(&zoe, CONTENT), |parts| parts[3] = tlv::element(0xA0, twin.der()));
    assert!(matches!(verify(&swapped, CONTENT), Err(CmsError::BadSignature)));
}

#[test]
fn no_signer_and_no_certificate_are_errors_of_their_own() {
    let signature = sign(&p256(), CONTENT);
    let nobody = rebuilt(&signature, |parts| parts[4] = tlv::element(tlv::SET, &[]));
    assert!(matches!(verify(&nobody, CONTENT), Err(CmsError::NoSigner)));
    let bare = rebuilt(&signature, |parts| {
        parts.remove(3);
    });
    assert!(matches!(verify(&bare, CONTENT), Err(CmsError::NoCertificate)));
}

#[test]
fn every_signer_must_verify() {
    let (zoe, leo) = (p256(), p256());
    let (one, two) = (sign(&zoe, CONTENT), sign(&leo, b"other"));
    let mut parts_of_two = Vec::new();
    rebuilt(&two, |parts| parts_of_two = parts.clone());
    let both = rebuilt(&one, |parts| {
        for place in [3, 4] {
            let tag = parts[place][0];
            let first = Cursor(&parts[place]).expect(tag).unwrap().body.to_vec();
            let second = Cursor(&parts_of_two[place]).expect(tag).unwrap().body.to_vec();
            parts[place] = tlv::element(tag, &[first, second].concat());
        }
    });
    assert!(matches!(verify(&both, CONTENT), Err(CmsError::BadSignature)));
}

#[test]
fn content_inside_is_given_out_and_never_mixed_with_detached_content() {
    let zoe = p256();
    let opaque = rebuilt(&sign(&zoe, CONTENT), |parts| {
        let content = tlv::element(0xA0, &tlv::element(tlv::OCTET_STRING, CONTENT));
        parts[2] = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::DATA), &content]);
    });
    let mut out = Vec::new();
    let signers = verify_opaque(&mut opaque.as_slice(), &mut out).unwrap();
    assert_eq!((out.as_slice(), &signers[0].certificate), (CONTENT, zoe.certificate()));
    assert!(matches!(verify(&opaque, CONTENT), Err(CmsError::Malformed(_))));
    let detached = sign(&zoe, CONTENT);
    assert!(matches!(verify_opaque(&mut detached.as_slice(), &mut Vec::new()), Err(CmsError::Malformed(_))));
}

#[test]
fn an_rsa_key_signs_in_either_form_and_says_what_its_reader_opens() {
    let leo = identity(rsa_key());
    for (form, name) in [(RsaSignature::Pkcs1, "RSA"), (RsaSignature::Pss, "RSA-PSS")] {
        let mut signer = DetachedSigner::new(&leo, NOON.parse().unwrap()).with_rsa(form);
        signer.update(CONTENT);
        let signers = verify(&signer.finish().unwrap(), CONTENT).unwrap();
        assert_eq!(signers[0].algorithm, name);
        assert_eq!(signers[0].capabilities.and_then(Capabilities::reader), Some(Reader::Gcm));
    }
}

#[test]
fn a_content_that_is_signed_as_it_passes_stays_inside() {
    let zoe = p256();
    for length in [0, 1, 65_536, 200_000] {
        let content: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let signer = DetachedSigner::new(&zoe, NOON.parse().unwrap());
        let mut opaque = OpaqueSigner::new(Vec::new(), signer).unwrap();
        opaque.write_all(&content).unwrap();
        let signed = opaque.finish().unwrap();
        let mut out = Vec::new();
        let signers = verify_opaque(&mut signed.as_slice(), &mut out).unwrap();
        assert!(out == content);
        assert_eq!((&signers[0].certificate, signers[0].certificates.len()), (zoe.certificate(), 2));
        assert!(verify_opaque(&mut &signed[..signed.len() - 1], &mut Vec::new()).is_err());
        assert!(verify_opaque(&mut [&signed[..], &[0]].concat().as_slice(), &mut Vec::new()).is_err());
    }
}
