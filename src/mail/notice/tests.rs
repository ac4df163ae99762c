//! Notices in the shapes of the servers and programs that write them.

use proptest::prelude::{any, proptest};

use super::{Action, By, DeliveryNotice, Disposition, DispositionNotice, Notice};
use crate::mail::{Entity, Header};

/// The message of ours that every vector is about.
const ORIGINAL: &str = "5f0c1b7a9d3e4f62a1b0c9d8e7f60514@biologie.sandbox";

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/notices/", $name, ".eml"))
    };
}

#[track_caller]
fn delivery(message: &[u8]) -> DeliveryNotice {
    match Notice::read(message) {
        Some(Notice::Delivery(notice)) => notice,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn disposition(message: &[u8]) -> DispositionNotice {
    match Notice::read(message) {
        Some(Notice::Disposition(notice)) => notice,
        other => panic!("{other:?}"),
    }
}

/// Each recipient on a line: whom we wrote to, who was tried, what was done, and the code.
fn told(notice: &DeliveryNotice) -> Vec<String> {
    let shown = |address: &Option<_>| address.as_ref().map_or("-".to_owned(), ToString::to_string);
    let line = |it: &super::RecipientStatus| {
        let (original, last) = (shown(&it.original_recipient), shown(&it.final_recipient));
        format!("{original} {last} {:?} {}", it.action, it.status.map_or("-".to_owned(), |code| code.to_string()))
    };
    notice.recipients.iter().map(line).collect()
}

#[track_caller]
fn about_ours(notice: &DeliveryNotice) {
    assert_eq!(notice.message_ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), [ORIGINAL]);
}

#[test]
fn postfix_tells_of_failure_delay_and_success_with_the_envelope() {
    let failed = delivery(vector!("postfix-failed"));
    about_ours(&failed);
    assert_eq!(told(&failed), ["dr+x@medecin.example dr+x@medecin.example Failed 5.1.1"]);
    assert_eq!(failed.reporting.as_deref(), Some("mx.operator.example"));
    assert_eq!(
        failed.recipients[0].diagnostic.as_deref(),
        Some("550 5.1.1 <dr+x@medecin.example>: Recipient address rejected: User unknown in virtual mailbox table")
    );
    let delayed = delivery(vector!("postfix-delayed"));
    assert_eq!(told(&delayed), ["dr.durand@medecin.example dr.durand@medecin.example Delayed 4.4.1"]);
    assert_eq!(delayed.recipients[0].will_retry_until, "2026-01-10T08:00:01Z".parse().ok());
    let delivered = delivery(vector!("postfix-delivered"));
    assert_eq!(
        told(&delivered),
        [
            "dr.durand@medecin.example dr.durand@medecin.example Delivered 2.0.0",
            "secretariat@clinique.example secretariat@clinique.example Relayed 2.0.0",
        ],
        "a recipient who is told of twice is one"
    );
    for notice in [failed, delayed, delivered] {
        about_ours(&notice);
        assert_eq!(notice.envelope_id.as_deref(), Some("a+b=c"), "encoded or not");
    }
}

#[test]
fn addresses_outside_ascii_are_read() {
    let notice = delivery(vector!("postfix-global"));
    about_ours(&notice);
    assert_eq!(told(&notice), ["zoé@xn--mdecin-bva.example zoé@xn--mdecin-bva.example Failed 5.1.1"]);
}

#[test]
fn exim_sendmail_and_exchange_tell_the_same_in_their_ways() {
    let exim = delivery(vector!("exim-failed"));
    about_ours(&exim);
    assert_eq!(
        told(&exim),
        ["- dr.durand@medecin.example Failed 5.0.0", "- secretariat@clinique.example Failed 5.0.0"]
    );
    let sendmail = delivery(vector!("sendmail-failed"));
    about_ours(&sendmail);
    assert_eq!(sendmail.envelope_id.as_deref(), Some("a+b=c"));
    assert_eq!(told(&sendmail), ["dr.durand@medecin.example durand@interne.medecin.example Failed 5.1.1"]);
    let german = delivery(vector!("exchange-german"));
    about_ours(&german);
    assert_eq!(told(&german), ["- dr.durand@medecin.example Failed 5.1.10"]);
    assert!(german.recipients[0].diagnostic.as_ref().unwrap().starts_with("550 5.1.10 RESOLVER"));
}

#[test]
fn a_notice_without_the_original_is_about_what_it_answers() {
    let french = delivery(vector!("exchange-french-delayed"));
    about_ours(&french);
    assert_eq!(told(&french), ["- dr.durand@medecin.example Delayed 4.4.7"]);
    assert_eq!(french.reporting.as_deref(), Some("MSX01.clinique.example"));
    let text = String::from_utf8_lossy(vector!("exchange-french-delayed")).replace("In-Reply-To", "X");
    about_ours(&delivery(text.as_bytes()));
    let text = text.replace("References", "X");
    let unnamed = delivery(text.as_bytes());
    assert!(unnamed.message_ids.is_empty() && unnamed.recipients.len() == 1);
}

#[test]
fn letters_of_old_servers_say_who_did_not_get_it() {
    let exim = delivery(vector!("exim-letter"));
    about_ours(&exim);
    assert_eq!(told(&exim), ["- dr.durand@medecin.example Failed -"]);
    let qmail = delivery(vector!("qmail-letter"));
    about_ours(&qmail);
    assert_eq!(
        told(&qmail),
        ["- dr.durand@medecin.example Failed 5.1.1", "- secretariat@clinique.example Failed 5.1.1"]
    );
    assert!(qmail.recipients[0].diagnostic.as_ref().unwrap().ends_with("(#5.1.1) Giving up on 192.0.2.9."));
    // The same from somebody who can be answered, or about no message, is a letter.
    for (letter, cut, other) in [
        (&vector!("qmail-letter")[..], "Return-Path: <>", "Return-Path: <a@x.example>"),
        (&vector!("qmail-letter")[..], "Message-ID:", "X:"),
        (&vector!("exim-letter")[..], "Message-ID:", "X:"),
        (&vector!("exim-letter")[..], "X-Failed-Recipients:", "X:"),
    ] {
        let text = String::from_utf8_lossy(letter).replace(cut, other);
        assert_eq!(Notice::read(text.as_bytes()), None, "{cut}");
    }
}

#[test]
fn a_reader_tells_that_it_was_displayed_under_a_signature_too() {
    for message in [&vector!("thunderbird-displayed")[..], &vector!("signed-displayed")[..]] {
        let notice = disposition(message);
        assert_eq!(notice.original_message_id.as_ref().unwrap().as_str(), ORIGINAL);
        assert_eq!(notice.final_recipient.as_ref().unwrap().as_str(), "dr.durand@medecin.example");
        assert_eq!((notice.disposition, notice.by), (Disposition::Displayed, By::Manual));
        assert!(!notice.is_refused_by_rule() && !notice.has_failed());
    }
}

#[test]
fn a_script_that_rejects_is_told_from_a_reader() {
    let notice = disposition(vector!("dovecot-reject"));
    assert!(notice.is_refused_by_rule() && !notice.has_failed());
    assert_eq!(notice.original_message_id.unwrap().as_str(), ORIGINAL);
    let by_hand = String::from_utf8_lossy(vector!("dovecot-reject")).replace("automatic-action", "manual-action");
    assert!(!disposition(by_hand.as_bytes()).is_refused_by_rule());
}

#[test]
fn a_program_that_could_not_process_says_why() {
    let notice = disposition(vector!("processed-error"));
    assert_eq!((notice.disposition, notice.by), (Disposition::Processed, By::Automatic));
    assert_eq!(notice.modifiers, ["error", "x-doublon"]);
    assert_eq!(notice.trouble.as_deref(), Some("identité du patient inconnue"));
    assert!(notice.has_failed());
    assert_eq!(notice.original_message_id.unwrap().as_str(), ORIGINAL, "by In-Reply-To");
    assert_eq!(notice.original_recipient, notice.final_recipient);
    assert_eq!(notice.final_recipient.unwrap().as_str(), "zoé@clinique.example");
}

#[test]
fn an_opened_notice_is_read_with_the_header_around_it() {
    let text = String::from_utf8_lossy(vector!("processed-error")).into_owned();
    let (outer, entity) = text.split_once("MIME-Version: 1.0\n").unwrap();
    let Some(Notice::Disposition(notice)) = Notice::read_inside(&Header::parse(outer.as_bytes()), entity.as_bytes())
    else {
        panic!("it is one")
    };
    assert_eq!(notice.original_message_id.unwrap().as_str(), ORIGINAL);
}

#[test]
fn other_mail_is_no_notice() {
    for message in [&vector!("not-a-vacation-notice")[..], &vector!("not-a-forwarded-notice")[..], b"", b"\n\n"] {
        assert_eq!(Notice::read(message), None);
    }
    let failed = String::from_utf8_lossy(vector!("postfix-failed")).into_owned();
    for (part, other) in [
        ("Action: failed", "Action: pondered"),
        ("report-type=delivery-status", "report-type=feedback-report"),
        ("multipart/report", "multipart/mixed"),
        ("Content-Type: message/delivery-status", "Content-Type: text/plain"),
    ] {
        assert_eq!(Notice::read(failed.replace(part, other).as_bytes()), None, "{other}");
    }
    let displayed = String::from_utf8_lossy(vector!("thunderbird-displayed")).into_owned();
    for (part, other) in [("manual-action", "moon-action"), ("; displayed", "; denied"), ("; displayed", "")] {
        assert_eq!(Notice::read(displayed.replace(part, other).as_bytes()), None, "{other}");
    }
}

#[test]
fn what_is_missing_or_broken_is_read_around() {
    let failed = String::from_utf8_lossy(vector!("postfix-failed")).into_owned();
    for (part, other) in [
        ("\n", "\r\n"),
        ("Action: failed\n", ""),
        ("Action: failed", "ACTION: FAILED (no such user)"),
        ("; report-type=delivery-status", ""),
        ("\n\nFinal-Recipient", "\nFinal-Recipient"),
        ("Arrival-Date: Mon,  5 Jan 2026 09:00:01 +0100 (CET)\n\n", "\n \t\n\n"),
        ("--C921D98E1A7.1767600600/mx.operator.example--", ""),
    ] {
        let notice = delivery(failed.replace(part, other).as_bytes());
        about_ours(&notice);
        assert_eq!(told(&notice), ["dr+x@medecin.example dr+x@medecin.example Failed 5.1.1"], "{other}");
    }
    let unnamed = failed.replace("rfc822;", "x-account;");
    assert_eq!(told(&delivery(unnamed.as_bytes())), ["- - Failed 5.1.1"]);
}

#[test]
fn what_has_no_end_is_read_in_part() {
    let failed = String::from_utf8_lossy(vector!("postfix-failed")).into_owned();
    let group = |n: usize| format!("\nFinal-Recipient: rfc822; a{n}@x.example\nAction: failed\n");
    let many: String = (0..20_000).map(group).collect();
    let endless = failed.replace("\nFinal-Recipient: rfc822; dr+x@medecin.example\n", &format!("{many}\n"));
    assert_eq!(delivery(endless.as_bytes()).recipients.len(), super::MAX_RECIPIENTS);
    let long = format!("{failed}{}", "x".repeat(3 << 20));
    about_ours(&delivery(long.as_bytes()));
    let dashes = String::from_utf8_lossy(vector!("exim-letter")).replace("Message-ID", &"---\nX: y\n".repeat(99_999));
    assert_eq!(Notice::read(dashes.as_bytes()), None);
    let nested = "Content-Type: multipart/report; boundary=b\n\n--b\n".repeat(500);
    assert_eq!(Notice::read(nested.as_bytes()), None);
}

proptest! {
    #[test]
    fn arbitrary_octets_are_read_without_panic(octets in any::<Vec<u8>>(), at in 0usize..1400, change in any::<u8>()) {
        let mut report = vector!("postfix-delayed").to_vec();
        report[at] = change;
        if let Some(Notice::Delivery(notice)) = Notice::read(&report) {
            assert!(notice.recipients.iter().all(|it| it.action != Action::Delivered));
        }
        let _ = Notice::read(&octets);
        let mut body = b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n".to_vec();
        body.extend_from_slice(&octets);
        let _ = Notice::read(&body);
        assert!(Entity::scan_all(&mut std::io::Cursor::new(&body)).is_ok());
    }
}
