//! Envelopes: what was written opens again, and whatever was changed, cut, added or meant for others does not.

use std::io::Write;

use super::tlv;
use super::{
    Accept, CmsError, DecryptionKey, Envelope, EnvelopeWriter, Recipient, RecipientId, open_envelope, recipients_of,
};
use super::{ContentEncryption, decompress, oid, reseal, write_definite};
use crate::pki::openssl_specimen;
use crate::pki::specimen::{Authority, Leaf, rsa_key};
use crate::pki::{Identity, KeyKind, PrivateKey};
use crate::secret::Secret;

fn kek(octet: u8) -> Secret<[u8; 32]> {
    Secret::new([octet; 32])
}

fn identity(key: PrivateKey) -> Identity {
    Authority::root(&format!("AC {}", key.kind())).identity(Leaf::with_key("zoe@medecin.sandbox", key))
}

fn p256() -> Identity {
    identity(PrivateKey::generate(KeyKind::P256).unwrap())
}

fn streamed(content: &[u8], recipients: &[Recipient<'_>]) -> Vec<u8> {
    let mut writer = EnvelopeWriter::new(Vec::new(), recipients).unwrap();
    for piece in content.chunks(10_007) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

fn definite(content: &[u8], recipients: &[Recipient<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    write_definite(&mut out, content, recipients).unwrap();
    out
}

fn open(mut envelope: &[u8], keys: &[DecryptionKey<'_>]) -> Result<(Envelope, Vec<u8>), CmsError> {
    let mut content = Vec::new();
    let opened = open_envelope(&mut envelope, keys, Accept::default(), &mut content)?;
    Ok((opened, content))
}

#[test]
fn pieces_of_any_size_make_one_content() {
    let key = kek(3);
    let content: Vec<u8> = (0..400_000u32).map(|n| (n % 251) as u8).collect();
    for sizes in [[1, 65_536, 7], [65_536, 65_536, 65_536], [65_535, 200_000, 65_537]] {
        let mut writer = EnvelopeWriter::new(Vec::new(), &[Recipient::Kek { id: b"k", key: &key }]).unwrap();
        let mut rest = content.as_slice();
        for size in sizes.into_iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(size));
            writer.write_all(piece).unwrap();
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let envelope = writer.finish().unwrap();
        assert!(open(&envelope, &[DecryptionKey::Kek { id: None, key: &key }]).unwrap().1 == content, "{sizes:?}");
    }
}

#[test]
fn every_recipient_opens_what_was_written() {
    let ids = [
        identity(rsa_key()),
        p256(),
        identity(PrivateKey::generate(KeyKind::P384).unwrap()),
        identity(PrivateKey::generate(KeyKind::P521).unwrap()),
        openssl_specimen::brainpool(),
        openssl_specimen::x25519(),
    ];
    let key = kek(3);
    let mut recipients: Vec<Recipient<'_>> = ids.iter().map(|id| Recipient::Certificate(id.certificate())).collect();
    recipients.push(Recipient::Kek { id: b"service-1", key: &key });
    for length in [0, 1, 65_535, 65_536, 65_537, 300_000] {
        let content: Vec<u8> = (0..length).map(|n| n as u8).collect();
        for envelope in [streamed(&content, &recipients), definite(&content, &recipients)] {
            let keys = ids.iter().map(DecryptionKey::Identity);
            for key in keys.chain([DecryptionKey::Kek { id: Some(b"service-1"), key: &key }]) {
                let (opened, plain) = open(&envelope, &[key]).unwrap();
                assert!(plain == content);
                assert_eq!((opened.cipher, opened.authenticated, opened.recipients), ("AES-256-GCM", true, 7));
                assert_eq!((opened.length, opened.key), (length as u64, 0));
            }
        }
    }
}

#[test]
fn every_changed_octet_is_refused() {
    let (zoe, leo, key) = (p256(), identity(rsa_key()), kek(1));
    let cases = [
        (Recipient::Certificate(zoe.certificate()), DecryptionKey::Identity(&zoe)),
        (Recipient::Certificate(leo.certificate()), DecryptionKey::Identity(&leo)),
        (Recipient::Kek { id: b"k", key: &key }, DecryptionKey::Kek { id: Some(b"k"), key: &key }),
    ];
    for (recipient, key) in cases {
        for envelope in [definite(b"small", &[recipient]), streamed(b"small", &[recipient])] {
            open(&envelope, &[key]).unwrap();
            for place in 0..envelope.len() {
                // Private operations of RSA are slow: one kind of change is enough there.
                let flips = if recipient_is_rsa(&recipient) { &[1][..] } else { &[1, 0x80, 0xff] };
                for flip in flips {
                    let mut changed = envelope.clone();
                    changed[place] ^= flip;
                    assert!(open(&changed, &[key]).is_err(), "octet {place} ^ {flip:#x}");
                }
            }
        }
    }
}

fn recipient_is_rsa(recipient: &Recipient<'_>) -> bool {
    matches!(recipient, Recipient::Certificate(certificate) if matches!(certificate.key_kind(), KeyKind::Rsa { .. }))
}

#[test]
fn what_is_cut_or_has_something_after_it_is_refused() {
    let zoe = p256();
    let recipients = [Recipient::Certificate(zoe.certificate())];
    for envelope in [definite(b"small", &recipients), streamed(b"small", &recipients)] {
        for length in 0..envelope.len() {
            assert!(open(&envelope[..length], &[DecryptionKey::Identity(&zoe)]).is_err(), "cut at {length}");
        }
        for garbage in [&[0][..], &[0, 0], b"\n", &[0x30, 0]] {
            let longer = [&envelope, garbage].concat();
            assert!(matches!(open(&longer, &[DecryptionKey::Identity(&zoe)]), Err(CmsError::Malformed(_))));
        }
    }
}

#[test]
fn an_envelope_for_others_is_told_apart_from_a_damaged_one() {
    let (zoe, leo, key) = (p256(), identity(rsa_key()), kek(1));
    let for_zoe = definite(b"x", &[Recipient::Certificate(zoe.certificate())]);
    let for_key = definite(b"x", &[Recipient::Kek { id: b"passphrase", key: &key }]);
    let as_leo = [DecryptionKey::Identity(&leo)];
    assert!(matches!(open(&for_zoe, &as_leo), Err(CmsError::NotForUs)));
    assert!(matches!(open(&for_zoe, &[]), Err(CmsError::NotForUs)));
    assert!(matches!(open(&for_key, &as_leo), Err(CmsError::NotForUs)));
    let with = |id: Option<&'static [u8]>, octet: u8| {
        let key = kek(octet);
        open(&for_key, &[DecryptionKey::Kek { id, key: &key }]).map(|(_, content)| content)
    };
    assert_eq!(with(Some(b"passphrase"), 1).unwrap(), b"x");
    assert_eq!(with(None, 1).unwrap(), b"x");
    assert!(matches!(with(Some(b"passphrase"), 2), Err(CmsError::WrongKey)));
    assert!(matches!(with(Some(b"service"), 1), Err(CmsError::NotForUs)));
    let both = [DecryptionKey::Identity(&leo), DecryptionKey::Identity(&zoe)];
    assert_eq!(open(&for_zoe, &both).unwrap().0.key, 1);
}

#[test]
fn a_certificate_is_found_by_its_key_identifier_too() {
    let zoe = p256();
    let envelope = definite(b"x", &[Recipient::Certificate(zoe.certificate())]);
    let mut own = envelope.as_slice();
    let ids = recipients_of(&mut own).unwrap();
    assert!(ids[0].is(zoe.certificate()));
    assert!(RecipientId::KeyIdentifier(zoe.certificate().key_identifier().unwrap()).is(zoe.certificate()));
    assert!(!RecipientId::KeyIdentifier(vec![1]).is(zoe.certificate()));
    let mut leaf = Leaf::new("a@b.fr");
    leaf.identifier = false;
    let plain = Authority::root("TEST AC").certify(&leaf);
    assert!(!RecipientId::KeyIdentifier(Vec::new()).is(&plain), "no identifier is not an empty one");
    assert!(!ids[0].is(&plain));
}

#[test]
fn whom_an_envelope_is_for_is_told_without_a_key() {
    let (zoe, key) = (p256(), kek(1));
    let recipients = [Recipient::Kek { id: b"argon2id$x", key: &key }, Recipient::Certificate(zoe.certificate())];
    for envelope in [definite(b"x", &recipients), streamed(b"x", &recipients)] {
        let ids = recipients_of(&mut envelope.as_slice()).unwrap();
        assert_eq!(ids.len(), 2);
        assert!(ids.contains(&RecipientId::Kek(b"argon2id$x".to_vec())));
        assert!(ids.iter().any(|id| id.is(zoe.certificate())));
    }
}

#[test]
fn another_content_type_is_not_opened() {
    let data = tlv::constructed(
        tlv::SEQUENCE,
        &[&tlv::oid(oid::DATA), &tlv::element(0xA0, &tlv::element(tlv::OCTET_STRING, b"x"))],
    );
    assert!(matches!(open(&data, &[]), Err(CmsError::Unsupported(kind)) if kind == oid::DATA.to_string()));
    assert!(matches!(open(b"", &[]), Err(CmsError::Malformed(_))));
    assert!(matches!(open(b"-----BEGIN CMS-----", &[]), Err(CmsError::Malformed(_))));
}

#[test]
fn a_wrong_padding_of_pkcs1_looks_like_any_other_change() {
    let leo = identity(rsa_key());
    let spki = leo.certificate().spki_der();
    let key = aws_lc_rs::rsa::PublicEncryptingKey::from_der(&spki).unwrap();
    let key = aws_lc_rs::rsa::Pkcs1PublicEncryptingKey::new(key).unwrap();
    let enveloped = |wrapped: &[u8]| {
        let template = definite(b"content", &[Recipient::Certificate(leo.certificate())]);
        let mut outer = tlv::Cursor(&template).expect(tlv::SEQUENCE).unwrap().inside();
        outer.expect(tlv::OID).unwrap();
        let mut parts = outer.expect(0xA0).unwrap().inside().expect(tlv::SEQUENCE).unwrap().inside();
        parts.expect(tlv::INTEGER).unwrap();
        parts.expect(tlv::SET).unwrap();
        let id = super::recipient::issuer_and_serial(leo.certificate()).unwrap();
        let algorithm = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::RSA), &[5, 0]]);
        let wrapped = tlv::element(tlv::OCTET_STRING, wrapped);
        let info = tlv::constructed(tlv::SEQUENCE, &[&[tlv::INTEGER, 1, 0], &id, &algorithm, &wrapped]);
        let envelope =
            tlv::constructed(tlv::SEQUENCE, &[&[tlv::INTEGER, 1, 0], &tlv::element(tlv::SET, &info), parts.0]);
        let oid = tlv::oid(oid::AUTH_ENVELOPED_DATA);
        tlv::constructed(tlv::SEQUENCE, &[&oid, &tlv::element(0xA0, &envelope)])
    };
    let mut room = vec![0; key.ciphertext_size()];
    let wrong_key = key.encrypt(&[1; 32], &mut room).unwrap().to_vec();
    let wrong_length = key.encrypt(&[1; 16], &mut room).unwrap().to_vec();
    for wrapped in [wrong_key, wrong_length, vec![1; 384], vec![1; 10]] {
        let opened = open(&enveloped(&wrapped), &[DecryptionKey::Identity(&leo)]);
        assert!(matches!(opened, Err(CmsError::Tampered)));
    }
}

#[test]
fn nobody_to_encrypt_to_is_an_error() {
    assert!(matches!(EnvelopeWriter::new(Vec::new(), &[]), Err(CmsError::NoRecipient)));
    let signs_only = identity(PrivateKey::generate(KeyKind::Ed25519).unwrap());
    let recipients = [Recipient::Certificate(signs_only.certificate())];
    assert!(matches!(EnvelopeWriter::new(Vec::new(), &recipients), Err(CmsError::UnsuitableKey)));
}

#[test]
fn an_unfinished_envelope_does_not_open() {
    let zoe = p256();
    let mut out = Vec::new();
    let mut writer = EnvelopeWriter::new(&mut out, &[Recipient::Certificate(zoe.certificate())]).unwrap();
    writer.write_all(&[7; 200_000]).unwrap();
    drop(writer);
    assert!(open(&out, &[DecryptionKey::Identity(&zoe)]).is_err());
}

#[test]
fn everybody_opens_the_content_that_replaced_another() {
    let (one, other) = (kek(1), kek(2));
    let id = p256();
    let recipients = [
        Recipient::Kek { id: b"one", key: &one },
        Recipient::Kek { id: b"other", key: &other },
        Recipient::Certificate(id.certificate()),
    ];
    let first = definite(b"first", &recipients);
    let by_one = DecryptionKey::Kek { id: Some(b"one"), key: &one };
    let second = reseal(&first, by_one, b"the second content").unwrap();
    for key in [by_one, DecryptionKey::Kek { id: Some(b"other"), key: &other }, DecryptionKey::Identity(&id)] {
        assert_eq!(open(&second, &[key]).unwrap().1, b"the second content");
    }
    let stranger = kek(9);
    assert!(reseal(&first, DecryptionKey::Kek { id: None, key: &stranger }, b"x").is_err());
    let third = reseal(&first, by_one, b"the second content").unwrap();
    assert_ne!(second, third, "each writing has a nonce of its own");
}

fn cbc(content: &[u8], recipients: &[Recipient<'_>]) -> Vec<u8> {
    let mut writer = EnvelopeWriter::with(Vec::new(), ContentEncryption::Aes256Cbc, recipients).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

/// The version of EnvelopedData that was written with indefinite lengths.
fn version(envelope: &[u8]) -> u8 {
    let oid = tlv::oid(oid::ENVELOPED_DATA);
    let place = 2 + oid.len() + 4;
    assert_eq!((&envelope[2..2 + oid.len()], &envelope[place..place + 2]), (oid.as_slice(), &[tlv::INTEGER, 1][..]));
    envelope[place + 2]
}

#[test]
fn an_envelope_of_cbc_opens_and_is_told_as_one_that_proves_nothing() {
    let (leo, zoe) = (identity(rsa_key()), p256());
    for (recipient, key, wrap, number) in [
        (Recipient::CertificatePkcs1(leo.certificate()), &leo, "RSAES-PKCS1-v1_5", 0),
        (Recipient::Certificate(leo.certificate()), &leo, "RSAES-OAEP", 0),
        (Recipient::CertificatePkcs1(zoe.certificate()), &zoe, "ECDH", 2),
    ] {
        for length in [0, 1, 15, 16, 17, 65_536, 200_000] {
            let content: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let envelope = cbc(&content, &[recipient]);
            assert_eq!(version(&envelope), number, "RFC 5652, section 6.1");
            let (opened, plain) = open(&envelope, &[DecryptionKey::Identity(key)]).unwrap();
            assert!(plain == content);
            assert_eq!((opened.cipher, opened.authenticated, opened.key_wrap), ("AES-256-CBC", false, wrap));
        }
    }
}

#[test]
fn a_content_key_of_gcm_may_be_wrapped_the_old_way_too() {
    let leo = identity(rsa_key());
    let envelope = streamed(b"x", &[Recipient::CertificatePkcs1(leo.certificate())]);
    let (opened, plain) = open(&envelope, &[DecryptionKey::Identity(&leo)]).unwrap();
    assert_eq!((opened.key_wrap, opened.authenticated, plain.as_slice()), ("RSAES-PKCS1-v1_5", true, &b"x"[..]));
}

/// CompressedData around what zlib made of a content.
fn compressed(zlib: &[u8]) -> Vec<u8> {
    let content = tlv::element(0xA0, &tlv::element(tlv::OCTET_STRING, zlib));
    let info = tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::DATA), &content]);
    let parts: [&[u8]; 3] = [&[tlv::INTEGER, 1, 0], &tlv::algorithm(oid::ZLIB), &info];
    let data = tlv::element(0xA0, &tlv::constructed(tlv::SEQUENCE, &parts));
    tlv::constructed(tlv::SEQUENCE, &[&tlv::oid(oid::COMPRESSED_DATA), &data])
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

#[test]
fn compressed_content_comes_out_whole_or_not_at_all() {
    let content: Vec<u8> = (0..300_000u32).map(|n| (n / 7) as u8).collect();
    let unpacked = |message: &[u8], limit: u64| {
        let mut out = Vec::new();
        decompress(&mut &*message, &mut out, limit).map(|_| out)
    };
    let packed = zlib(&content);
    assert_eq!(unpacked(&compressed(&packed), 300_000).unwrap(), content);
    assert!(matches!(unpacked(&compressed(&packed), 299_999), Err(CmsError::TooLarge)));
    assert!(matches!(unpacked(&compressed(&packed[..packed.len() - 1]), 300_000), Err(CmsError::Malformed(_))));
    assert!(matches!(unpacked(&compressed(&[&packed[..], b"x"].concat()), 300_000), Err(CmsError::Malformed(_))));
    let mut changed = packed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(matches!(unpacked(&compressed(&changed), 300_000), Err(CmsError::Malformed(_))), "its checksum is wrong");
    assert!(unpacked(&compressed(&[]), 300_000).is_err());
    let bomb = zlib(&vec![0; 200 << 20]);
    assert!(matches!(unpacked(&compressed(&bomb), u64::MAX), Err(CmsError::TooLarge)), "{} octets", bomb.len());
}
