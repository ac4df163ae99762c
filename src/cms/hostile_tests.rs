//! Structures that no honest writer makes: too many, too deep, too long, empty, or at odds with themselves.

use super::signature_tests::{CONTENT, identity, p256, rebuilt, sign, verify, with_signer};
use super::tlv::{self, Cursor};
use super::{
    Accept, CmsError, DecryptionKey, EnvelopeWriter, Recipient, RecipientId, oid, open_envelope, recipients_of,
    verify_opaque, write_definite,
};
use crate::pki::Identity;
use crate::pki::specimen::{Authority, Leaf, rsa_key};
use crate::secret::Secret;

/// Somebody of another authority.
fn stranger() -> Identity {
    Authority::root("AUTRE AC").identity(Leaf::new("leo@medecin.sandbox"))
}

fn sealed(recipients: &[Recipient<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    write_definite(&mut out, b"content", recipients).unwrap();
    out
}

fn open(mut envelope: &[u8], key: DecryptionKey<'_>) -> Result<Vec<u8>, CmsError> {
    let mut content = Vec::new();
    open_envelope(&mut envelope, &[key], Accept::default(), &mut content)?;
    Ok(content)
}

/// An envelope with other recipient entries.
fn with_recipients(envelope: &[u8], infos: &[u8]) -> Vec<u8> {
    let mut outer = Cursor(envelope).expect(tlv::SEQUENCE).unwrap().inside();
    let kind = outer.expect(tlv::OID).unwrap();
    let mut parts = outer.expect(0xA0).unwrap().inside().expect(tlv::SEQUENCE).unwrap().inside();
    let version = parts.expect(tlv::INTEGER).unwrap();
    parts.expect(tlv::SET).unwrap();
    let data = tlv::constructed(tlv::SEQUENCE, &[version.whole, infos, parts.0]);
    tlv::constructed(tlv::SEQUENCE, &[kind.whole, &tlv::element(0xA0, &data)])
}

/// The recipient entries of an envelope.
fn recipients(envelope: &[u8]) -> &[u8] {
    let mut outer = Cursor(envelope).expect(tlv::SEQUENCE).unwrap().inside();
    outer.expect(tlv::OID).unwrap();
    let mut parts = outer.expect(0xA0).unwrap().inside().expect(tlv::SEQUENCE).unwrap().inside();
    parts.expect(tlv::INTEGER).unwrap();
    parts.expect(tlv::SET).unwrap().body
}

/// A SignedData with its content inside.
fn opaque(signature: &[u8], content: &[u8]) -> Vec<u8> {
    rebuilt(signature, |parts| {
        let content = tlv::element(0xA0, &tlv::element(tlv::OCTET_STRING, content));
        parts[2] = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::DATA), &content]);
    })
}

#[test]
fn thousands_of_other_recipients_are_in_nobodys_way() {
    let (zoe, key) = (p256(), Secret::new([1; 32]));
    let mut everybody = vec![Recipient::Kek { id: b"other", key: &key }; 3000];
    everybody.push(Recipient::Certificate(zoe.certificate()));
    let envelope = sealed(&everybody);
    assert_eq!(recipients_of(&mut envelope.as_slice()).unwrap().len(), 3001);
    assert_eq!(open(&envelope, DecryptionKey::Identity(&zoe)).unwrap(), b"content");
    assert!(matches!(open(&envelope, DecryptionKey::Identity(&stranger())), Err(CmsError::NotForUs)));
    everybody = vec![Recipient::Kek { id: b"other", key: &key }; 20_000];
    assert!(matches!(open(&sealed(&everybody), DecryptionKey::Identity(&zoe)), Err(CmsError::TooLarge)));
}

#[test]
fn one_envelope_asks_for_a_few_private_operations_at_most() {
    // Each entry names the key of Leo, and none of them opens.
    let leo = identity(rsa_key());
    let envelope = sealed(&[Recipient::Certificate(leo.certificate())]);
    let mut entry = recipients(&envelope).to_vec();
    let last = entry.len() - 1;
    entry[last] ^= 1;
    let few = with_recipients(&envelope, &tlv::element(tlv::SET, &entry.repeat(16)));
    assert!(matches!(open(&few, DecryptionKey::Identity(&leo)), Err(CmsError::Tampered)));
    let many = with_recipients(&envelope, &tlv::element(tlv::SET, &entry.repeat(2000)));
    assert!(matches!(open(&many, DecryptionKey::Identity(&leo)), Err(CmsError::TooLarge)));
    let nobody = with_recipients(&envelope, &[tlv::SET, 0]);
    assert!(matches!(open(&nobody, DecryptionKey::Identity(&leo)), Err(CmsError::NotForUs)));
}

#[test]
fn recipient_entries_of_unknown_kinds_are_passed_over() {
    let zoe = p256();
    let envelope = sealed(&[Recipient::Certificate(zoe.certificate())]);
    let other = tlv::element(0xA4, &tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::DATA)]));
    let both = with_recipients(&envelope, &tlv::element(tlv::SET, &[other.as_slice(), recipients(&envelope)].concat()));
    assert_eq!(recipients_of(&mut both.as_slice()).unwrap()[0], RecipientId::Other);
    assert_eq!(open(&both, DecryptionKey::Identity(&zoe)).unwrap(), b"content");
    let nonsense = with_recipients(&envelope, &tlv::element(tlv::SET, &[tlv::OCTET_STRING, 0]));
    assert!(matches!(open(&nonsense, DecryptionKey::Identity(&zoe)), Err(CmsError::Malformed(_))));
}

#[test]
fn depth_is_refused_before_it_costs_anything() {
    let zoe = p256();
    let envelope = sealed(&[Recipient::Certificate(zoe.certificate())]);
    let mut deep = vec![tlv::INTEGER, 0];
    for _ in 0..2000 {
        deep = tlv::element(tlv::SET, &deep);
    }
    let deep_recipients = with_recipients(&envelope, &deep);
    assert!(matches!(open(&deep_recipients, DecryptionKey::Identity(&zoe)), Err(CmsError::Malformed(_))));
    let signature = sign(&zoe, CONTENT);
    for place in [1, 3, 4] {
        let changed = rebuilt(&signature, |parts| {
            let tag = parts[place][0];
            parts[place] = tlv::element(tag, &deep);
        });
        assert!(verify(&changed, CONTENT).is_err(), "part {place}");
    }
    let mut string = tlv::element(tlv::OCTET_STRING, CONTENT);
    for _ in 0..2000 {
        string = tlv::element(tlv::OCTET_STRING | 0x20, &string);
    }
    let nested = rebuilt(&signature, |parts| {
        parts[2] = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::DATA), &tlv::element(0xA0, &string)]);
    });
    assert!(verify_opaque(&mut nested.as_slice(), &mut Vec::new()).is_err());
}

#[test]
fn lengths_that_promise_more_than_there_is_are_refused_wherever_they_stand() {
    let zoe = p256();
    let (envelope, signature) = (sealed(&[Recipient::Certificate(zoe.certificate())]), sign(&zoe, CONTENT));
    for huge in [&[0x84, 0x7f, 0xff, 0xff, 0xff][..], &[0x88, 0x7f, 255, 255, 255, 255, 255, 255, 255], &[0x88; 9]] {
        // Whatever octet is put aside for it: a length that was short is not any more.
        for place in 1..envelope.len() {
            let changed = [&envelope[..place], huge, &envelope[place + 1..]].concat();
            assert!(open(&changed, DecryptionKey::Identity(&zoe)).is_err(), "octet {place}");
        }
        for place in 1..signature.len() {
            let changed = [&signature[..place], huge, &signature[place + 1..]].concat();
            assert!(verify(&changed, CONTENT).is_err(), "octet {place}");
        }
    }
}

#[test]
fn certificates_and_signers_are_bounded() {
    let zoe = p256();
    let signature = sign(&zoe, CONTENT);
    let stranger = stranger().certificate().der().to_vec();
    let certificates = |before: usize, after: usize| {
        let all = [stranger.repeat(before), zoe.certificate().der().to_vec(), stranger.repeat(after)].concat();
        rebuilt(&signature, |parts| parts[3] = tlv::element(0xA0, &all))
    };
    verify(&certificates(60, 1000), CONTENT).unwrap();
    assert!(matches!(verify(&certificates(1000, 0), CONTENT), Err(CmsError::NoCertificate)));
    assert!(matches!(verify(&certificates(5000, 0), CONTENT), Err(CmsError::TooLarge)));
    let signers = |count: usize| {
        rebuilt(&signature, |parts| {
            let one = Cursor(&parts[4]).expect(tlv::SET).unwrap().body.repeat(count);
            parts[4] = tlv::element(tlv::SET, &one);
        })
    };
    assert_eq!(verify(&signers(16), CONTENT).unwrap().len(), 16);
    assert!(matches!(verify(&signers(17), CONTENT), Err(CmsError::TooLarge)));
}

#[test]
fn digests_that_disagree_verify_nothing() {
    let zoe = p256();
    let signature = sign(&zoe, CONTENT);
    for other in [oid::SHA384, oid::SHA512, oid::SHA1, oid::DATA] {
        let signer_says = with_signer(&signature, |signer| signer[2] = tlv::algorithm(other));
        assert!(verify(&signer_says, CONTENT).is_err(), "{other} in SignerInfo");
        let both = opaque(&signer_says, CONTENT);
        assert!(verify_opaque(&mut both.as_slice(), &mut Vec::new()).is_err(), "{other} in SignerInfo");
        // A reader in one pass can only take the digests that were announced before the content.
        let announced = opaque(
            &rebuilt(&signature, |parts| parts[1] = tlv::set_of(tlv::SET, vec![tlv::algorithm(other)])),
            CONTENT,
        );
        assert!(verify_opaque(&mut announced.as_slice(), &mut Vec::new()).is_err(), "{other} announced");
    }
    let none = opaque(&rebuilt(&signature, |parts| parts[1] = vec![tlv::SET, 0]), CONTENT);
    assert!(verify_opaque(&mut none.as_slice(), &mut Vec::new()).is_err(), "no digest announced");
}

#[test]
fn nothing_is_a_content_too() {
    let zoe = p256();
    let signature = sign(&zoe, b"");
    verify(&signature, b"").unwrap();
    let mut out = Vec::new();
    verify_opaque(&mut opaque(&signature, b"").as_slice(), &mut out).unwrap();
    assert!(out.is_empty());
    let writer = EnvelopeWriter::new(Vec::new(), &[Recipient::Certificate(zoe.certificate())]).unwrap();
    assert_eq!(open(&writer.finish().unwrap(), DecryptionKey::Identity(&zoe)).unwrap(), b"");
    assert!(matches!(verify(&signature, b"\r\n"), Err(CmsError::BadSignature)), "no content is not an empty line");
}
