//! Bad input of `mss send`: each has its own error with cause and hint, the status of the contract, and leaves nothing.

use std::os::unix::fs::symlink;

use super::post::{self, DURAND, assert_error, bench, delivered};
use crate::bench::{Bench, Outcome};

/// Nothing was queued, and nothing was delivered to anybody.
#[track_caller]
fn assert_nothing_is_left(bench: &Bench, outcome: &Outcome) {
    assert!(outcome.stdout.is_empty(), "an answer beside the error\n{outcome}");
    let left = bench.run(["--json", "outbox", "list"]);
    assert!(left.stdout.is_empty(), "left in the outbox after\n{outcome}\n{left}");
    assert_eq!(delivered(bench, DURAND), 0, "delivered after\n{outcome}");
    let spool = post::home_of(bench, "laboratoire").join("spool");
    assert!(!spool.exists() || post::below(&spool).is_empty(), "left in the spool after\n{outcome}");
}

#[test]
fn a_recipient_who_cannot_be_served_is_told_with_the_reason() {
    let bench = bench();
    for (recipient, code, cause) in [
        ("nobody@medecin.sandbox", "recipient-unknown", "knows no mailbox"),
        ("99700000062", "recipient-unknown", "knows no mailbox"),
        ("dr.garnier@hors-liste.sandbox", "recipient-not-listed", "not in the white list"),
        ("someone@example.org", "recipient-not-listed", "not in the white list"),
        ("dr.moreau@medecin.sandbox", "recipient-inactive", "no longer active"),
        ("99700075122", "recipient-inactive", "no longer active"),
        ("dr.martin@medecin.sandbox", "recipient-no-certificate", "without a certificate"),
        ("99700000039", "recipient-no-certificate", "without a certificate"),
        ("dr.petit@medecin.sandbox", "certificate-expired", "expired on 2024-12-01"),
    ] {
        for role in ["--to", "--bcc"] {
            let outcome = bench.run(["--json", "send", "--to", DURAND, role, recipient, "--attach", "result.pdf"]);
            let error = assert_error(&outcome, 76, code);
            assert!(error.to_string().contains(cause), "{outcome}");
            assert!(
                error["message"].as_str().unwrap().contains(recipient.split('@').next().unwrap())
                    || code.starts_with("recipient-no"),
                "{outcome}"
            );
            assert_nothing_is_left(&bench, &outcome);
        }
    }
    for recipient in ["not an address", "", "a@b@c", "doctor@", "dr.durand@medecin.sandbox\r\nRCPT TO:<x@y>", "<>"] {
        let outcome = bench.run(["--json", "send", "--to", recipient, "--attach", "result.pdf"]);
        assert_error(&outcome, 64, "recipient-syntax");
        assert_nothing_is_left(&bench, &outcome);
    }
    let words = ["send", "--to", "dr.petit@medecin.sandbox", "--to", "someone@example.org", "--attach", "result.pdf"];
    bench.run(words).status(76).stderr_has("example.org").stderr_has("dr.petit");
}

#[test]
fn a_file_that_cannot_be_sent_is_named_before_anybody_is_asked() {
    let bench = bench();
    std::fs::create_dir(bench.path("folder")).unwrap();
    symlink("nowhere", bench.path("dangling")).unwrap();
    bench.file("empty.pdf", b"");
    bench.file("bell\x07.pdf", b"%PDF");
    bench.file("line\nbreak.pdf", b"%PDF");
    bench.file("fdp.\u{202e}tluser.exe", b"MZ");
    bench.file("hidden\u{200b}.pdf", b"%PDF");
    bench.shell("mkfifo pipe").status(0);
    for (file, status, code) in [
        ("missing.pdf", 66, "attachment-unreadable"),
        ("result.pdf/..", 66, "attachment-unreadable"),
        ("dangling", 66, "attachment-unreadable"),
        ("folder", 66, "attachment"),
        ("/dev/zero", 66, "attachment"),
        ("empty.pdf", 65, "attachment-empty"),
        ("bell\x07.pdf", 65, "attachment-name"),
        ("line\nbreak.pdf", 65, "attachment-name"),
        ("fdp.\u{202e}tluser.exe", 65, "attachment-name"),
        ("hidden\u{200b}.pdf", 65, "attachment-name"),
        ("pipe", 66, "attachment"),
    ] {
        let outcome = bench.run(["--json", "send", "--to", DURAND, "--attach", "result.pdf", "--attach", file]);
        assert_error(&outcome, status, code);
        assert_nothing_is_left(&bench, &outcome);
        let outcome = bench.run(["send", "--to", DURAND, "--attach", file]);
        outcome.status(status).stderr_lacks("\u{202e}").stderr_lacks("\x07").stderr_has("hint: ");
        assert_eq!(outcome.stderr.lines().next().unwrap().matches("error: ").count(), 1, "{outcome}");
    }
}

#[test]
fn a_file_in_another_folder_travels_by_its_own_name_alone() {
    let bench = bench();
    let path = bench.file("patients/Nadia/bilan.pdf", b"%PDF-1.7");
    bench.run(["send", "--to", DURAND, "--attach", &path]).status(0);
    bench
        .run(["send", "--to", DURAND, "--subject", "2", "--attach", "./patients/../patients/Nadia/bilan.pdf"])
        .status(0);
    for line in bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(0).json_lines() {
        assert_eq!(line["attachments"][0]["name"], "bilan.pdf");
    }
    assert!(!post::below(&bench.path("in")).iter().any(|path| path.to_str().unwrap().contains("Nadia")));
}

#[test]
fn a_file_that_changes_while_it_is_sent_stops_the_message() {
    let bench = bench();
    // A small one is read when it is opened, and goes as it was then.
    bench.file("scan.pdf", &[b"%PDF-1.7 ".as_slice(), &[b' '; 1 << 20]].concat());
    let words = ["--fault", "directory=stall:1", "-v", "send", "--to", DURAND, "--attach", "scan.pdf"];
    let mut running = bench.call(words).start();
    // The file is open before anybody is asked, and the directory has not answered yet.
    running.wait_for_stderr("lookup: directory");
    bench.file("scan.pdf", b"%PDF-1.7 shorter");
    let outcome = running.finish();
    outcome.status(66).stderr_has("changed");
    assert_nothing_is_left(&bench, &outcome);
}

#[test]
fn a_subject_cannot_become_another_field() {
    let bench = bench();
    for subject in ["x\r\nBcc: evil@example.org", "x\nX: y", "x\ry", "nul\u{1}", "\u{85}next line"] {
        let outcome = bench.run(["--json", "send", "--to", DURAND, "--subject", subject, "--attach", "result.pdf"]);
        let error = assert_error(&outcome, 65, "draft");
        assert!(error["because"][0].as_str().unwrap().contains("subject"), "{outcome}");
        assert_nothing_is_left(&bench, &outcome);
    }
}

#[test]
fn a_text_is_utf_8_and_not_empty() {
    let bench = bench();
    bench.file("latin-1.txt", b"r\xe9sultat");
    bench.file("nul.txt", b"a\0b");
    bench.file("empty.txt", b"");
    for (file, status, code) in [
        ("latin-1.txt", 65, "text-encoding"),
        ("nul.txt", 65, "draft"),
        ("empty.txt", 65, "text-empty"),
        ("missing.txt", 66, "text-unreadable"),
        (".", 66, "text-unreadable"),
        ("-", 65, "text-empty"),
    ] {
        let outcome = bench.run(["--json", "send", "--to", DURAND, "--body-file", file]);
        assert_error(&outcome, status, code);
        assert_nothing_is_left(&bench, &outcome);
    }
    let outcome = bench.call(["--json", "send", "--to", DURAND, "--body-file", "-"]).stdin(b"\xff\xfe".to_vec()).run();
    assert_error(&outcome, 65, "text-encoding");
    assert_error(&bench.run(["--json", "send", "--to", DURAND]), 64, "nothing-to-send");
    bench.run(["send", "--attach", "result.pdf"]).status(64);
}

#[test]
fn a_sender_without_a_certificate_that_is_valid_is_told_so() {
    let bench = bench();
    let words = ["send", "--to", DURAND, "--attach", "result.pdf"];
    let send = |profile| bench.run(["--json", "-p", profile].iter().chain(&words));
    for (profile, code) in [("dr.martin", "no-keys"), ("dr.petit", "own-certificate"), ("nobody", "no-profile")] {
        assert_error(&send(profile), 78, code);
        assert_eq!(delivered(&bench, DURAND), 0);
    }
}

#[test]
fn a_disk_without_room_leaves_nothing_half_done() {
    let bench = bench();
    let Some(small) = post::small_disk(&bench, "a_disk_without_room_leaves_nothing_half_done") else { return };
    bench.file("large.bin", &vec![7; 4 << 20]);
    // The state of the laboratory alone stands on the small disk.
    let home = post::home_of(&bench, "laboratoire");
    symlink(small.path(), &home).unwrap();
    let outcome = bench.run(["--json", "send", "--to", DURAND, "--attach", "large.bin"]);
    let error = outcome.status(74).json_error();
    assert!(error.to_string().contains("No space left"), "{outcome}");
    assert_eq!(delivered(&bench, DURAND), 0);
    bench.run(["--json", "outbox", "list"]).status(0).stdout_is("");
    bench.run(["send", "--to", DURAND, "--attach", "result.pdf"]).status(0);
    assert_eq!(delivered(&bench, DURAND), 1);
    bench.run(["audit", "verify"]).status(0);
}
