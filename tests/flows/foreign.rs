//! Messages that `mss` did not make, or that changed on the way: what does not verify is kept, labelled and not believed.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mss::cms::DetachedSigner;
use mss::pki::Identity;

use super::post::{self, CARDIOLOGY, DURAND, LABORATORY, LEFEVRE, bench, codes, newest, put, stored};
use crate::bench::Bench;

/// Fetches as Dr Durand, deletes what verifies, and expects one message in quarantine with this finding.
#[track_caller]
fn assert_quarantined(bench: &Bench, raw: &[u8], code: &str) {
    let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", "delete"];
    let outcome = bench.run(words);
    let line = outcome.status(1).json();
    assert_eq!((&line["state"], &line["quarantined"]), (&"quarantined".into(), &true.into()), "{outcome}");
    let place = bench.path(line["place"].as_str().unwrap());
    assert!(place.starts_with(bench.path("in/quarantine")), "{outcome}");
    assert_eq!(fs::read(place.join("message.eml")).unwrap(), raw, "kept as it came");
    let found = post::message_json(&place);
    assert!(codes(&found).contains(&code), "{code}: {found}");
    assert!(found["findings"].as_array().unwrap().iter().any(|finding| finding["severity"] == "refuse"), "{found}");
    post::assert_private(&bench.path("in"));
    assert!(stored(bench, "in").is_empty(), "nothing of it stands beside the verified ones");
    assert_eq!(post::messages(bench, DURAND, "INBOX").len(), 1, "what is in quarantine is not deleted on the server");
    bench.run(words).status(0).stdout_is("");
    bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
}

/// A sealed message that waits for Dr Durand and is not yet on its way.
fn sealed(bench: &Bench) -> Vec<u8> {
    bench.run(["send", "--to", CARDIOLOGY, "--to", LEFEVRE, "--attach", "result.pdf"]).status(0);
    newest(bench, LEFEVRE)
}

#[test]
fn a_message_that_changed_on_the_way_does_not_open() {
    let bench = bench();
    bench.run(["send", "--to", DURAND, "--subject", "Bilan", "--attach", "result.pdf"]).status(0);
    let path = post::messages(&bench, DURAND, "INBOX").remove(0);
    let mut raw = fs::read(&path).unwrap();
    let body = memchr::memmem::find(&raw, b"\r\n\r\n").unwrap() + 4;
    let at = body + (raw.len() - body) * 2 / 3;
    let at = at + raw[at..].iter().position(u8::is_ascii_alphabetic).unwrap();
    raw[at] ^= 0x20;
    post::write(&path, &raw);
    assert_quarantined(&bench, &raw, "tampered");
}

#[test]
fn a_message_that_was_cut_does_not_open() {
    let bench = bench();
    bench.run(["send", "--to", DURAND, "--attach", "result.pdf"]).status(0);
    let path = post::messages(&bench, DURAND, "INBOX").remove(0);
    let mut raw = fs::read(&path).unwrap();
    raw.truncate(raw.len() - raw.len() / 3);
    post::write(&path, &raw);
    assert_quarantined(&bench, &raw, "malformed");
}

#[test]
fn a_message_for_somebody_else_is_kept_closed() {
    let bench = bench();
    let raw = sealed(&bench);
    put(&bench, DURAND, &raw);
    assert_quarantined(&bench, &raw, "not-for-us");
}

#[test]
fn a_message_that_nobody_signed_is_not_believed_unless_that_is_asked_for() {
    let bench = bench();
    let raw = letter(LABORATORY, "Content-Type: text/plain\r\n\r\nBonjour\r\n");
    put(&bench, DURAND, &raw);
    assert_quarantined(&bench, &raw, "unsigned");
    put(&bench, DURAND, &letter(LABORATORY, "Content-Type: text/plain\r\n\r\nBonsoir\r\n"));
    let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--accept-unsigned"];
    let line = bench.run(words).status(0).json();
    assert_eq!((&line["state"], codes(&line)), (&"stored".into(), vec!["unsigned"]));
    assert_eq!((&line["signer"], &line["encryption"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}

#[test]
fn a_message_signed_by_another_than_its_sender_is_not_believed() {
    let bench = bench();
    let entity = "Content-Type: text/plain\r\n\r\nBonjour\r\n";
    let raw = letter(LABORATORY, &signed(&bench, "dr.lefevre", entity));
    put(&bench, DURAND, &raw);
    assert_quarantined(&bench, &raw, "signer-not-from");
    // The same letter, signed by who it is from.
    put(&bench, DURAND, &letter(LABORATORY, &signed(&bench, "laboratoire", entity)));
    let line = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(0).json();
    assert_eq!((&line["state"], &line["signer"]["is_from"]), (&"stored".into(), &true.into()), "{line}");
}

#[test]
fn a_text_that_is_not_the_signed_one_is_not_believed() {
    let bench = bench();
    let entity = signed(&bench, "laboratoire", "Content-Type: text/plain\r\n\r\nNormal\r\n");
    let raw = letter(LABORATORY, &entity.replace("Normal", "Urgent"));
    put(&bench, DURAND, &raw);
    assert_quarantined(&bench, &raw, "bad-signature");
}

#[test]
fn a_signature_that_has_no_valid_certificate_or_no_place_in_the_space_is_not_believed() {
    for (profile, from, code) in [
        ("dr.petit", "dr.petit@medecin.sandbox", "expired"),
        ("dr.garnier", "dr.garnier@hors-liste.sandbox", "sender-not-listed"),
        ("dr.moreau", "dr.moreau@medecin.sandbox", "sender-inactive"),
    ] {
        let bench = bench();
        let raw = letter(from, &signed(&bench, profile, "Content-Type: text/plain\r\n\r\nBonjour\r\n"));
        put(&bench, DURAND, &raw);
        assert_quarantined(&bench, &raw, code);
    }
}

#[test]
fn a_sender_that_is_another_outside_than_inside_is_not_believed() {
    let bench = bench();
    bench.run(["send", "--to", DURAND, "--attach", "result.pdf"]).status(0);
    let path = post::messages(&bench, DURAND, "INBOX").remove(0);
    let raw =
        fs::read_to_string(&path).unwrap().replace(&format!("\r\nFrom: {LABORATORY}"), &format!("\r\nFrom: {LEFEVRE}"));
    post::write(&path, raw.as_bytes());
    assert_quarantined(&bench, raw.as_bytes(), "from-differs");
}

#[test]
fn what_is_no_message_at_all_is_kept_and_stops_nobody() {
    let bench = bench();
    let deep: String =
        (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary={n}\r\n\r\n--{n}\r\n")).collect();
    let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n\r\n".repeat(5000));
    let odd = [
        b"\0\xff\xfe".to_vec(),
        b"\r\n\r\n".to_vec(),
        b"From: a\r\nFrom: b\r\n\r\n".to_vec(),
        letter(LABORATORY, &deep),
        letter(LABORATORY, &many),
        letter(LABORATORY, &format!("X: {}\r\n\r\n", "y".repeat(400_000))),
        letter(LABORATORY, "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"),
        letter(LABORATORY, "Content-Type: application/pkcs7-mime\r\n\r\n"),
    ];
    for message in &odd {
        put(&bench, DURAND, message);
    }
    bench.run(["send", "--to", DURAND, "--subject", "after them", "--attach", "result.pdf"]).status(0);
    let outcome = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]);
    let lines = outcome.status(1).stderr_is("").json_lines();
    assert_eq!(lines.len(), odd.len() + 1);
    assert_eq!((&lines[odd.len()]["state"], &lines[odd.len()]["subject"]), (&"stored".into(), &"after them".into()));
    for line in &lines[..odd.len()] {
        assert_eq!(line["state"], "quarantined", "{line}");
    }
    bench.run(["-p", "dr.durand", "fetch", "--to", "in"]).status(0).stdout_is("");
}

#[test]
fn names_of_files_are_made_safe() {
    let bench = bench();
    let names = [
        "../../../etc/passwd",
        "/absolute.pdf",
        "..",
        ".bashrc",
        "message.json",
        "message.txt",
        "message.eml",
        "a/b\\c.txt",
        "C:\\x.exe",
        "same.pdf",
        "same.pdf",
        "SAME.pdf",
        "fdp.\u{202e}exe",
        "tab\there\x1b[2J.pdf",
        "-rf",
        "con.txt",
        "",
    ];
    let mut body = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    for (number, name) in names.iter().enumerate() {
        let name = STANDARD.encode(name);
        body.push_str(&format!(
            "--b\r\nContent-Disposition: attachment; filename=\"=?UTF-8?B?{name}?=\"\r\n\r\nfile {number}\r\n"
        ));
    }
    let long = format!(
        "--b\r\nContent-Disposition: attachment; filename=\"{}.pdf\"\r\n\r\nlong\r\n--b--\r\n",
        "n".repeat(600)
    );
    put(&bench, DURAND, &letter(LABORATORY, &(body + &long)));
    let outcome = bench.run(["-p", "dr.durand", "fetch", "--to", "in", "--accept-unsigned"]);
    outcome.status(0).stdout_lacks("\u{202e}").stdout_lacks("\x1b[2J");
    let place = stored(&bench, "in").remove(0);
    let files = post::below(&place);
    assert_eq!(files.len(), names.len() + 1 + 1, "each of its own, beside message.json: {files:#?}");
    let mut contents = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(path.parent(), Some(place.as_path()), "no folders");
        assert!(name.len() <= 200 && !name.starts_with(['.', '-']), "{name:?}");
        assert!(!name.chars().any(|c| c.is_control() || c == '\u{202e}' || "/\\:".contains(c)), "{name:?}");
        contents.push(fs::read(path).unwrap());
    }
    for number in 0..names.len() {
        assert!(
            contents.iter().any(|content| content.starts_with(format!("file {number}").as_bytes())),
            "file {number}"
        );
    }
    let found = post::message_json(&place);
    assert_eq!(found["attachments"].as_array().unwrap().len(), names.len() + 1);
    post::assert_private(&bench.path("in"));
}

#[test]
fn what_a_message_says_is_shown_and_not_obeyed() {
    let bench = bench();
    let subject = STANDARD.encode("title\x1b]0;owned\x07\r\n\u{202e}txet");
    let raw = format!("From: {LABORATORY}\r\nTo: {DURAND}\r\nSubject: =?UTF-8?B?{subject}?=\r\n\r\nBonjour\r\n");
    put(&bench, DURAND, raw.as_bytes());
    let outcome = bench.run(["-p", "dr.durand", "fetch", "--to", "in", "--accept-unsigned"]);
    outcome.stdout_lacks("\x1b]").stdout_lacks("\x07").stdout_lacks("\u{202e}");
}

/// A letter from somebody to Dr Durand, around an entity.
fn letter(from: &str, entity: &str) -> Vec<u8> {
    let date = "Mon, 5 Jan 2026 07:30:00 +0000";
    let head = format!("From: {from}\r\nTo: {DURAND}\r\nSubject: Bilan\r\nDate: {date}\r\nMIME-Version: 1.0\r\n");
    format!("{head}{entity}").into_bytes()
}

/// The entity in multipart/signed, signed with the keys of a profile.
fn signed(bench: &Bench, profile: &str, entity: &str) -> String {
    let (certificate, key) = post::identity(bench, profile);
    let identity = Identity::from_pem(&fs::read(certificate).unwrap(), &fs::read(key).unwrap()).unwrap();
    signed_by(&identity, entity, post::NOW.parse().unwrap())
}

/// The entity in multipart/signed.
pub fn signed_by(identity: &Identity, entity: &str, at: Timestamp) -> String {
    let mut signer = DetachedSigner::new(identity, at);
    let kind = format!("multipart/signed; protocol=\"application/pkcs7-signature\"; micalg={}", signer.micalg());
    signer.update(entity.as_bytes());
    let signature = STANDARD.encode(signer.finish().unwrap());
    let lines: Vec<&str> = signature.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "Content-Type: {kind}; boundary=s\r\n\r\n--s\r\n{entity}\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--s--\r\n",
        lines.join("\r\n")
    )
}
