//! What was sealed opens for its recipients, whole, and for nobody else.

use std::io::Cursor;

use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use rcgen::KeyUsagePurpose;

use super::specimen::{DURAND, LABORATORY, LEFEVRE, World, composition, mailbox, noon, octets};
use super::{
    Concern, HeaderProtection, OpenError, SealError, Severity, TransportError, judge, open, seal, transport_only,
};
use crate::cms::Accept;
use crate::mail::{Attachment, Composition, Draft};
use crate::pki::Reader;
use crate::pki::specimen::Leaf;
use crate::sealed::{Protection, Suite};
use crate::space::specimen::admitted;
use crate::space::{Recipient, Recipients};

fn attached(name: &str, octets: &[u8]) -> Attachment {
    Attachment::from_octets(name, octets.to_vec()).unwrap()
}

#[test]
fn a_sealed_message_opens_for_each_recipient_and_is_believed() {
    let world = World::new();
    let mut parts = composition();
    parts.cc.push(mailbox("", LEFEVRE));
    parts.attachments = vec![attached("résultat.pdf", b"%PDF-1.7 secret"), attached("empty.txt", b"")];
    let mut sealed = world.seal(parts);
    assert_eq!(sealed.len(), 1);
    assert_eq!(sealed[0].envelope().recipients.len(), 2);
    assert_eq!(sealed[0].protection(), Protection::Smime);
    let message = octets(&mut sealed[0]);
    for key in [&world.durand, &world.lefevre, &world.laboratory] {
        let opened = world.open(&message, key).unwrap();
        let headers = opened.headers();
        assert_eq!(headers.subject, "Glycémie de Mme FIGATELLIX");
        assert_eq!(headers.from, Some(mailbox("Laboratoire des Tilleuls", LABORATORY)));
        assert_eq!(headers.to, [mailbox("Zoé Durand", DURAND)]);
        assert_eq!(headers.date.unwrap(), noon());
        assert_eq!(opened.text(), "Bonjour,\nvoir le résultat.\n");
        let names: Vec<&str> = opened.files().iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["résultat.pdf", "empty.txt"]);
        assert_eq!(std::fs::read(&opened.files()[0].path).unwrap(), b"%PDF-1.7 secret");
        assert_eq!(opened.header_protection(), HeaderProtection::Cipher);
        assert_eq!(opened.outer_headers().subject, "[...]");
        let verdict = judge(&opened, &world.anchors(), &[], noon());
        assert_eq!(verdict.concerns(), []);
        assert!(verdict.is_from() && verdict.signer().is_some());
        let envelope = opened.encryption().unwrap();
        assert!(envelope.authenticated && envelope.recipients == 3, "{}", envelope.cipher);
    }
    drop(sealed);
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn the_outside_tells_nothing_but_the_way() {
    let world = World::new();
    let mut parts = composition();
    parts.attachments.push(attached("figatellix.pdf", b"%PDF-1.7"));
    let mut sealed = world.seal(parts);
    let message = String::from_utf8(octets(&mut sealed[0])).unwrap();
    let (header, body) = message.split_once("\r\n\r\n").unwrap();
    for secret in ["FIGATELLIX", "figatellix", "Tilleuls", "Durand", "Zo=", "multipart", "+0200", "utf-8"] {
        assert!(!header.contains(secret), "{secret} in {header}");
    }
    assert!(header.contains("Subject: [...]\r\n") && header.contains("Date: Mon, 1 Jun 2026 12:00:00 +0000\r\n"));
    assert!(body.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"+/=\r\n".contains(&octet)));
    assert!(message.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n'])));
}

#[test]
fn a_blind_copy_is_alone_and_nobody_learns_of_it() {
    let world = World::new();
    let mut parts = composition();
    parts.bcc.push(mailbox("", LEFEVRE));
    let mut sealed = world.seal(parts);
    assert_eq!(sealed.len(), 2);
    assert_eq!(sealed[1].envelope().recipients, [LEFEVRE.parse().unwrap()]);
    assert_eq!(sealed[0].message_id(), sealed[1].message_id());
    let (open_copy, blind_copy) = (octets(&mut sealed[0]), octets(&mut sealed[1]));
    assert!(matches!(world.open(&open_copy, &world.lefevre), Err(OpenError::NotForUs)));
    assert!(matches!(world.open(&blind_copy, &world.durand), Err(OpenError::NotForUs)));
    let opened = world.open(&blind_copy, &world.lefevre).unwrap();
    assert_eq!(opened.headers().to, [mailbox("Zoé Durand", DURAND)]);
    assert_eq!(opened.encryption().unwrap().recipients, 1);
    for copy in [&open_copy, &blind_copy] {
        let lower = String::from_utf8_lossy(copy).to_lowercase();
        let (header, _) = lower.split_once("\r\n\r\n").unwrap();
        assert!(!header.contains("lefevre") && !header.contains("bcc"), "{header}");
    }
}

#[test]
fn nothing_is_sealed_for_others_than_the_draft_names_nor_in_another_name() {
    let world = World::new();
    let draft = Draft::new(composition()).unwrap();
    let mut other = composition();
    other.cc.push(mailbox("", LEFEVRE));
    let recipients = world.recipients(&Draft::new(other).unwrap());
    let sealed = seal(&draft, &recipients, &world.laboratory, None, noon(), world.dir.path());
    assert!(matches!(sealed, Err(SealError::OtherRecipients(address)) if address.as_str() == LEFEVRE));
    let recipients = world.recipients(&draft);
    let sealed = seal(&draft, &recipients, &world.durand, None, noon(), world.dir.path());
    assert!(matches!(sealed, Err(SealError::SignerNotFrom(_))));
    let late = "2029-01-01T00:00:00Z".parse().unwrap();
    let sealed = seal(&draft, &recipients, &world.laboratory, None, late, world.dir.path());
    assert!(matches!(sealed, Err(SealError::SignerNotValid)));
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn a_large_file_that_changes_meanwhile_stops_the_sealing_without_a_trace() {
    let world = World::new();
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("a.txt");
    let write = |text: &str| std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes());
    write(&"as it was".repeat(40_000)).unwrap();
    let mut parts = composition();
    parts.attachments.push(Attachment::from_file("a.txt", std::fs::File::open(&path).unwrap()).unwrap());
    write("shorter").unwrap();
    let draft = Draft::new(parts).unwrap();
    let recipients = world.recipients(&draft);
    let sealed = seal(&draft, &recipients, &world.laboratory, None, noon(), world.dir.path());
    assert!(matches!(sealed, Err(SealError::Compose(_))));
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn no_changed_and_no_cut_message_opens() {
    let world = World::new();
    // To one alone: nothing vouches for the entries of other recipients.
    let draft = Draft::new(composition()).unwrap();
    let recipients = world.recipients(&draft);
    let mut sealed = seal(&draft, &recipients, &world.laboratory, None, noon(), world.dir.path()).unwrap();
    let message = octets(&mut sealed[0]);
    drop(sealed);
    let body = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    for at in (body..message.len()).step_by(29) {
        let mut changed = message.clone();
        if changed[at].is_ascii_whitespace() {
            continue;
        }
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(world.open(&changed, &world.durand).is_err(), "octet {at} changed");
        assert!(world.open(&message[..at - 4], &world.durand).is_err(), "cut at {at}");
    }
    let mut longer = message.clone();
    longer.extend_from_slice(b"QUJD\r\n");
    assert!(world.open(&longer, &world.durand).is_err(), "more after the end");
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn without_encryption_only_admitted_people_are_written_to() {
    let world = World::new();
    let mut parts = composition();
    parts.bcc.push(mailbox("", LEFEVRE));
    let draft = Draft::new(parts).unwrap();
    let admitted: Vec<_> = [DURAND, LEFEVRE].iter().map(|address| admitted(&address.parse().unwrap())).collect();
    let refused = transport_only(&draft, &admitted[..1], world.dir.path());
    assert!(matches!(refused, Err(TransportError::NotAdmitted(address)) if address.as_str() == LEFEVRE));
    let mut sealed = transport_only(&draft, &admitted, world.dir.path()).unwrap();
    assert_eq!((sealed.protection().as_str(), sealed.envelope().recipients.len()), ("transport", 2));
    let message = octets(&mut sealed);
    assert!(message.is_ascii() && message.ends_with(b"\r\n"));
    assert!(!String::from_utf8_lossy(&message).contains("lefevre"));
    let opened = world.open(&message, &world.durand).unwrap();
    assert_eq!(opened.headers().subject, "Glycémie de Mme FIGATELLIX");
    assert_eq!((opened.layers().len(), opened.header_protection()), (0, HeaderProtection::None));
    assert_eq!(opened.text().trim_end(), "Bonjour,\nvoir le résultat.");
}

fn words() -> impl Strategy<Value = String> {
    let text = prop_oneof![any::<String>(), "([-\"\\\\()<>@,;:/=?*'%_. a-cé影😀]|=\\?utf-8\\?q\\?a\\?=){0,60}"];
    text.prop_map(|text| text.chars().filter(|c| !c.is_control()).collect())
}

fn opens_as_it_was(subject: &str, label: &str, name: &str, text: &str, content: &[u8]) {
    let world = World::new();
    let parts = Composition {
        subject: subject.to_owned(),
        from: mailbox(label, LABORATORY),
        text: text.to_owned(),
        attachments: Attachment::from_octets(name, content.to_vec()).into_iter().collect(),
        ..composition()
    };
    let named = !parts.attachments.is_empty();
    let message = octets(&mut world.seal(parts)[0]);
    let opened = open(&mut Cursor::new(message), &[world.durand], Accept::default(), world.dir.path()).unwrap();
    assert_eq!(opened.headers().subject, subject);
    assert_eq!(opened.headers().from, Some(mailbox(label, LABORATORY)));
    assert_eq!(opened.text(), text.replace("\r\n", "\n").replace('\r', "\n"));
    assert_eq!((opened.files().len(), opened.differences()), (usize::from(named), [].as_slice()));
    if named {
        assert_eq!(std::fs::read(&opened.files()[0].path).unwrap(), content);
    }
}

#[test]
fn a_certificate_that_may_not_sign_signs_nothing() {
    let world = World::new();
    let draft = Draft::new(composition()).unwrap();
    let leaf = Leaf { usages: vec![KeyUsagePurpose::KeyAgreement], ..Leaf::new(LABORATORY) };
    let reads_only = world.authority.identity(leaf);
    let sealed = seal(&draft, &world.recipients(&draft), &reads_only, None, noon(), world.dir.path());
    assert!(matches!(sealed, Err(SealError::SignerNotValid)));
    assert_eq!(world.leftovers(), 0);
}

/// The recipients of a draft, some of whose programs open nothing better than CBC.
fn readers(world: &World, draft: &Draft, reader: impl Fn(&str) -> Reader) -> Recipients {
    let recipients = world.recipients(draft);
    let read = |it: &Recipient| it.clone().with_reader(reader(it.address().as_str()));
    Recipients::new(recipients.iter().map(read).collect()).unwrap()
}

#[test]
fn readers_of_different_kinds_get_copies_of_the_same_message() {
    let world = World::new();
    let mut parts = composition();
    parts.cc.push(mailbox("", LEFEVRE));
    let draft = Draft::new(parts).unwrap();
    let old = |address: &str| if address == LEFEVRE { Reader::Cbc { oaep: false } } else { Reader::Gcm };
    let own = Some(world.laboratory.certificate());
    let mut copies =
        seal(&draft, &readers(&world, &draft, old), &world.laboratory, own, noon(), world.dir.path()).unwrap();
    let suites: Vec<_> = copies.iter().map(|copy| copy.suite().unwrap()).collect();
    assert_eq!(suites, [Suite::Gcm, Suite::CbcRsaPkcs1]);
    assert_eq!(copies[0].envelope().recipients, [DURAND.parse().unwrap()]);
    assert_eq!(copies[1].envelope().recipients, [LEFEVRE.parse().unwrap()]);
    assert_eq!(copies[0].message_id(), copies[1].message_id());
    let (new, old) = (octets(&mut copies[0]), octets(&mut copies[1]));
    let for_durand = world.open(&new, &world.durand).unwrap();
    let for_lefevre = world.open(&old, &world.lefevre).unwrap();
    assert_eq!(for_durand.headers(), for_lefevre.headers());
    assert_eq!(for_durand.encryption().unwrap().cipher, "AES-256-GCM");
    let envelope = for_lefevre.encryption().unwrap();
    assert_eq!((envelope.cipher, envelope.key_wrap, envelope.recipients), ("AES-256-CBC", "RSAES-PKCS1-v1_5", 1));
    assert!(matches!(world.open(&old, &world.laboratory), Err(OpenError::NotForUs)), "no key of another kind is in it");
    let verdict = judge(&for_lefevre, &world.anchors(), &[], noon());
    assert_eq!(verdict.concerns(), [Concern::Unauthenticated { signed: true }]);
    assert_eq!(verdict.severity(), Some(Severity::Warn), "the signature inside makes up for it");
}

#[test]
fn keys_of_curves_and_of_rsa_are_never_mixed_for_old_readers() {
    let world = World::new();
    let mut parts = composition();
    parts.cc.push(mailbox("", LEFEVRE));
    let draft = Draft::new(parts).unwrap();
    let recipients = readers(&world, &draft, |_| Reader::Cbc { oaep: true });
    let own = Some(world.laboratory.certificate());
    let mut copies = seal(&draft, &recipients, &world.laboratory, own, noon(), world.dir.path()).unwrap();
    let suites: Vec<_> = copies.iter().map(|copy| copy.suite().unwrap()).collect();
    assert_eq!(suites, [Suite::CbcRsaOaep, Suite::CbcAgreement]);
    let opened = world.open(&octets(&mut copies[1]), &world.laboratory).unwrap();
    assert_eq!(opened.encryption().unwrap().recipients, 2, "the sender has a key of a curve too");
}

#[test]
fn who_was_served_stands_in_the_header_and_gets_no_copy() {
    let world = World::new();
    let mut parts = composition();
    parts.cc.push(mailbox("", LEFEVRE));
    let draft = Draft::new(parts).unwrap();
    let served = |it: &Recipient| if it.address().as_str() == DURAND { it.clone().served() } else { it.clone() };
    let recipients = Recipients::new(world.recipients(&draft).iter().map(served).collect()).unwrap();
    let mut copies = seal(&draft, &recipients, &world.laboratory, None, noon(), world.dir.path()).unwrap();
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].envelope().recipients, [LEFEVRE.parse().unwrap()]);
    let opened = world.open(&octets(&mut copies[0]), &world.lefevre).unwrap();
    assert_eq!(opened.headers().to[0].address.as_str(), DURAND);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_message_opens_as_it_was(
        subject in words(),
        label in words(),
        name in words(),
        text in any::<String>(),
        content in any::<Vec<u8>>(),
    ) {
        opens_as_it_was(&subject, &label, &name, &text.replace('\0', ""), &content);
    }

    #[test]
    fn arbitrary_octets_are_opened_without_panic(octets in any::<Vec<u8>>(), head in 0usize..5) {
        let heads = [
            "", "\n", "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=a\n\n--a\n\n--a\n",
            "Content-Type: application/pkcs7-mime\n\n", "Content-Type: application/pkcs7-mime\n\n0\u{80}\u{6}\u{9}",
        ];
        let mut message = heads[head].as_bytes().to_vec();
        message.extend_from_slice(&octets);
        let dir = tempfile::tempdir().unwrap();
        let _ = open(&mut Cursor::new(message), &[], Accept::default(), dir.path());
    }
}
