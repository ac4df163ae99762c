//! Messages as other programs build them, and as those on the way change them.

use super::specimen::{DURAND, LABORATORY, World, composition, compressed, encrypted, noon, octets, signed};
use super::{HeaderProtection, Layer, OpenError, Opened, Severity, judge};
use crate::pki::TrustAnchors;

const HEAD: &str = "From: laboratoire@biologie.sandbox\r\nTo: dr.durand@medecin.sandbox\r\nSubject: Result\r\n\
    Date: Mon, 1 Jun 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n";
const TEXT: &str = "Content-Type: text/plain\r\n\r\nHello\r\n";

fn opened(world: &World, message: &str) -> Opened {
    world.open(message.as_bytes(), &world.durand).unwrap()
}

/// The codes of what speaks against a message, and the weight of the worst.
fn concerns(world: &World, message: &str) -> (Vec<&'static str>, Option<Severity>) {
    let verdict = judge(&opened(world, message), &world.anchors(), &[], noon());
    (verdict.concerns().iter().map(|concern| concern.code()).collect(), verdict.severity())
}

fn refused(world: &World, message: &str) -> Vec<&'static str> {
    let (codes, severity) = concerns(world, message);
    assert_eq!(severity, Some(Severity::Refuse), "{codes:?}");
    codes
}

#[test]
fn signed_then_encrypted_and_signed_alone_are_believed() {
    let world = World::new();
    let signed = signed(TEXT, &world.laboratory, noon());
    for message in [format!("{HEAD}{}", encrypted(&signed, &world.durand)), format!("{HEAD}{signed}")] {
        assert_eq!(concerns(&world, &message), (vec![], None));
        assert_eq!(opened(&world, &message).text(), "Hello\n");
    }
}

#[test]
fn a_signature_over_crlf_verifies_when_the_message_was_stored_with_lf() {
    let world = World::new();
    let signed = signed(TEXT, &world.laboratory, noon());
    let stored = format!("{HEAD}{signed}").replace("\r\n", "\n");
    assert_eq!(concerns(&world, &stored), (vec![], None));
    let inside = format!("{HEAD}{}", encrypted(&signed.replace("\r\n", "\n"), &world.durand));
    assert_eq!(concerns(&world, &inside), (vec![], None));
    let changed = stored.replace("Hello", "Hallo");
    assert!(matches!(world.open(changed.as_bytes(), &world.durand), Err(OpenError::BadSignature)));
    let reflowed = stored.replace("Hello\n", "Hello \n");
    assert!(matches!(world.open(reflowed.as_bytes(), &world.durand), Err(OpenError::BadSignature)));
}

#[test]
fn without_a_signature_of_its_own_the_content_is_nobodys() {
    let world = World::new();
    let sealed = encrypted(TEXT, &world.durand);
    assert_eq!(refused(&world, &format!("{HEAD}{sealed}")), ["unsigned"]);
    assert_eq!(refused(&world, &format!("{HEAD}{TEXT}")), ["unsigned"]);
    let outside = signed(&sealed, &world.laboratory, noon());
    assert_eq!(refused(&world, &format!("{HEAD}{outside}")), ["signed-outside"]);
    let tripled = signed(&encrypted(&signed(TEXT, &world.laboratory, noon()), &world.durand), &world.durand, noon());
    let message = format!("{HEAD}{tripled}");
    assert_eq!(opened(&world, &message).layers().len(), 3);
    assert_eq!(concerns(&world, &message), (vec![], None));
}

#[test]
fn a_layer_that_is_only_a_part_is_a_file_and_not_a_layer() {
    let world = World::new();
    let part = encrypted(TEXT, &world.durand);
    let message =
        format!("{HEAD}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nsee\r\n--m\r\n{part}\r\n--m--\r\n");
    let found = opened(&world, &message);
    assert_eq!((found.layers().len(), found.text(), found.files()[0].name.as_str()), (0, "see", "smime.p7m"));
    assert_eq!(refused(&world, &message), ["unsigned"]);
}

#[test]
fn a_notice_is_found_under_every_layer() {
    const REPORT: &str = "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n\
        Final-Recipient: rfc822;dr.durand@medecin.sandbox\r\nOriginal-Message-ID: <1@biologie.sandbox>\r\n\
        Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n";
    let world = World::new();
    let layers = encrypted(&signed(REPORT, &world.laboratory, noon()), &world.durand);
    let message = opened(&world, &format!("{HEAD}{layers}"));
    let ids: Vec<&str> = message.notice().unwrap().message_ids().iter().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["1@biologie.sandbox"]);
    let letter = encrypted(&signed(TEXT, &world.laboratory, noon()), &world.durand);
    assert!(opened(&world, &format!("{HEAD}{letter}")).notice().is_none());
}

#[test]
fn the_signer_must_be_the_sender() {
    let world = World::new();
    let message = format!("{HEAD}{}", signed(TEXT, &world.durand, noon()));
    assert_eq!(refused(&world, &message), ["signer-not-from"]);
    let nameless = message.replace("From:", "X-From:");
    assert_eq!(refused(&world, &nameless), ["no-from"]);
    let doubled = format!("From: {DURAND}\r\n{message}");
    assert_eq!(refused(&world, &doubled), ["no-from"]);
}

#[test]
fn who_signs_for_another_is_told_from_a_stranger() {
    let world = World::new();
    let sent_by_durand = |signed: String| format!("Sender: {DURAND}\r\n{HEAD}{signed}");
    let by_durand = sent_by_durand(signed(TEXT, &world.durand, noon()));
    assert_eq!(refused(&world, &by_durand), ["signer-is-sender"]);
    let by_lefevre = sent_by_durand(signed(TEXT, &world.lefevre, noon()));
    assert_eq!(refused(&world, &by_lefevre), ["signer-not-from"]);
    let by_laboratory = sent_by_durand(signed(TEXT, &world.laboratory, noon()));
    assert_eq!(concerns(&world, &by_laboratory), (vec!["other-sender"], Some(Severity::Warn)));
    let verdict = judge(&opened(&world, &by_laboratory), &world.anchors(), &[], noon());
    assert_eq!((verdict.is_from(), verdict.is_sender()), (true, Some(false)));
}

#[test]
fn a_message_may_be_compressed_before_or_after_it_is_signed() {
    let world = World::new();
    for entity in [
        signed(&compressed(TEXT), &world.laboratory, noon()),
        compressed(&signed(TEXT, &world.laboratory, noon())),
        encrypted(&compressed(&signed(TEXT, &world.laboratory, noon())), &world.durand),
    ] {
        let message = format!("{HEAD}{entity}");
        assert_eq!(concerns(&world, &message), (vec![], None));
        assert!(opened(&world, &message).layers().iter().any(|layer| matches!(layer, Layer::Compressed)));
    }
    let hidden = compressed(&encrypted(TEXT, &world.durand));
    assert_eq!(refused(&world, &format!("{HEAD}{hidden}")), ["unsigned"]);
    let mut bomb = TEXT.to_owned();
    bomb.push_str(&" ".repeat(40 << 20));
    let message = format!("{HEAD}{}", compressed(&bomb));
    assert!(matches!(world.open(message.as_bytes(), &world.durand), Err(OpenError::TooMuch(_))));
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn the_certificate_of_the_signer_is_judged_for_its_time() {
    let world = World::new();
    let message = format!("{HEAD}{}", signed(TEXT, &world.laboratory, noon()));
    let codes = |anchors: &TrustAnchors, at: &str| {
        let verdict = judge(&opened(&world, &message), anchors, &[], at.parse().unwrap());
        let codes: Vec<&str> = verdict.concerns().iter().map(|concern| concern.code()).collect();
        (codes, verdict.severity())
    };
    assert_eq!(codes(&world.anchors(), "2027-09-01T00:00:00Z"), (vec!["expired-since"], Some(Severity::Warn)));
    assert_eq!(codes(&world.anchors(), "2026-05-01T00:00:00Z"), (vec!["signed-in-future"], Some(Severity::Warn)));
    assert_eq!(codes(&World::new().anchors(), "2026-06-01T12:00:00Z").1, Some(Severity::Refuse));
    let revoked = [world.authority.revoke(&[1])];
    let verdict = judge(&opened(&world, &message), &world.anchors(), &revoked, noon());
    assert_eq!(verdict.concerns()[0].code(), "revoked");
    assert!(verdict.signer().is_none() && !verdict.is_from());
}

#[test]
fn changes_of_the_outer_header_are_named() {
    let world = World::new();
    let message = String::from_utf8(octets(&mut world.seal(composition())[0])).unwrap();
    assert_eq!(concerns(&world, &message), (vec![], None));
    let subject = message.replacen("Subject: [...]", "Subject: [SPAM]", 1);
    assert_eq!(concerns(&world, &subject), (vec!["headers-differ"], Some(Severity::Warn)));
    assert_eq!(opened(&world, &subject).differences(), ["Subject"]);
    assert_eq!(opened(&world, &subject).headers().subject, "Glycémie de Mme FIGATELLIX");
    let from = message.replacen(&format!("From: {LABORATORY}"), &format!("From: {DURAND}"), 1);
    assert_eq!(refused(&world, &from), ["from-differs", "headers-differ"]);
    let added = format!("Reply-To: spy@medecin.sandbox\r\n{message}");
    assert_eq!(opened(&world, &added).differences(), ["Reply-To"]);
    assert!(opened(&world, &added).headers().reply_to.is_empty(), "what is not protected is not used");
}

#[test]
fn older_forms_of_protected_headers_are_read() {
    let world = World::new();
    let inner = HEAD.replace("Subject: Result", "Subject: secret").replace("MIME-Version: 1.0\r\n", "");
    let outside = HEAD.replace("Subject: Result", "Subject: ...");
    let message =
        |payload: &str| format!("{outside}{}", encrypted(&signed(payload, &world.laboratory, noon()), &world.durand));
    for (payload, protection, subject) in [
        (format!("Content-Type: message/rfc822\r\n\r\n{inner}{TEXT}"), HeaderProtection::Wrapped, "secret"),
        (
            format!("Content-Type: message/rfc822; forwarded=no\r\n\r\n{inner}{TEXT}"),
            HeaderProtection::Wrapped,
            "secret",
        ),
        (
            format!("{inner}Content-Type: text/plain; protected-headers=\"v1\"\r\n\r\nHello\r\n"),
            HeaderProtection::Older,
            "secret",
        ),
        (format!("Content-Type: message/rfc822; forwarded=yes\r\n\r\n{inner}{TEXT}"), HeaderProtection::None, "..."),
        (TEXT.to_owned(), HeaderProtection::None, "..."),
    ] {
        let message = message(&payload);
        let found = opened(&world, &message);
        assert_eq!((found.header_protection(), found.headers().subject.as_str()), (protection, subject), "{payload}");
        assert_eq!(concerns(&world, &message), (vec![], None), "{payload}");
        assert_eq!(found.files().len(), usize::from(payload.contains("forwarded=yes")));
    }
}

#[test]
fn protection_that_nobody_vouches_for_is_none() {
    let world = World::new();
    let message = format!("{HEAD}Content-Type: text/plain; hp=\"clear\"\r\n\r\nHello\r\n");
    assert_eq!(opened(&world, &message).header_protection(), HeaderProtection::None);
}

#[test]
fn layers_are_bounded() {
    let world = World::new();
    let mut entity = TEXT.to_owned();
    for _ in 0..12 {
        entity = encrypted(&entity, &world.durand);
    }
    let message = format!("{HEAD}{entity}");
    assert!(matches!(world.open(message.as_bytes(), &world.durand), Err(OpenError::TooMuch(_))));
    assert_eq!(world.leftovers(), 0);
}
