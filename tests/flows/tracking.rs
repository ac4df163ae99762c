//! What becomes of a message behind the server: notices turn its states, and what the mailbox holds settles what is unknown.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::post::{self, DURAND, LABORATORY, LEFEVRE, bench, delivered, flagged, newest, put, stored};
use crate::bench::{Bench, Outcome};

/// Sends a short message to these people.
fn send(bench: &Bench, subject: &str, to: &[&str], more: &[&str]) -> Outcome {
    let words = ["--json", "send", "--subject", subject, "--attach", "result.pdf"].into_iter();
    bench.run(words.chain(to.iter().flat_map(|one| ["--to", one])).chain(more.iter().copied()))
}

/// What the laboratory finds in its mailbox.
fn fetch(bench: &Bench, more: &[&str]) -> Vec<Value> {
    let words = ["--json", "fetch", "--to", "in"].iter().chain(more);
    bench.run(words).status_among(&[0, 1]).json_lines()
}

/// Who is in which state, as the outbox tells it.
fn states(bench: &Bench) -> Value {
    let lines = bench.run(["--json", "outbox", "list"]).status(0).json_lines().into_iter();
    lines.map(|line| json!([line["recipient"], line["state"]])).collect()
}

/// What the notices on these lines turned.
fn turned(lines: &[Value]) -> Value {
    let notices = lines.iter().flat_map(|line| line["notice"].as_array().unwrap());
    notices.map(|it| json!([it["recipient"], it["before"], it["state"]])).collect()
}

/// A notice of the collection of vectors, about one of our messages.
fn vector(name: &str, message_id: &str, recipient: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/notices").join(name);
    let text = fs::read_to_string(path).unwrap();
    let id = message_id.trim_matches(['<', '>']);
    let text = text.replace("5f0c1b7a9d3e4f62a1b0c9d8e7f60514@biologie.sandbox", id).replace("a+b=c", id);
    let text = ["dr.durand@medecin.example", "dr+x@medecin.example", "dr@medecin.example"]
        .iter()
        .fold(text, |text, known| text.replace(known, recipient));
    text.replace('\n', "\r\n").into_bytes()
}

#[test]
fn a_delivery_that_is_told_of_turns_the_state_and_is_no_mail() {
    let bench = bench();
    send(&bench, "x", &[DURAND, LEFEVRE], &["--notify", "success,failure"]).status(0);
    let lines = fetch(&bench, &[]);
    assert_eq!(turned(&lines), json!([[DURAND, "accepted", "delivered"], [LEFEVRE, "accepted", "delivered"]]));
    assert!(lines.iter().all(|line| line["state"] == "status" && line["acknowledged"] == "seen"), "{lines:?}");
    assert_eq!(states(&bench), json!([[DURAND, "delivered"], [LEFEVRE, "delivered"]]));
    bench.run(["outbox", "list"]).status(0).stdout_has("delivered");
    assert!(fetch(&bench, &[]).is_empty() && flagged(&bench, LABORATORY, "INBOX", "\\Seen") == lines.len());
    let traced = bench.run(["--json", "audit", "log", "--action", "notice"]).status(0).json_lines();
    assert_eq!((traced.len(), traced[0]["outcome"].as_str()), (1, Some("done")));
    assert!(!traced[0].to_string().contains("durand"), "{traced:?}");
}

#[test]
fn a_message_is_read_or_comes_back_or_waits() {
    for (fault, state, words) in [
        ("deliver=displayed", "read", "displayed"),
        ("deliver=bounce:550 5.1.1 gone to sea", "bounced", "gone to sea"),
        ("deliver=rejected", "bounced", "refused by a rule"),
        ("deliver=delay:451 4.4.1 no answer", "accepted", "no answer"),
    ] {
        let bench = bench();
        send(&bench, "x", &[DURAND], &["--fault", fault]).status(0);
        let lines = fetch(&bench, &[]);
        assert_eq!(turned(&lines), json!([[DURAND, "accepted", state]]), "{fault}: {lines:?}");
        assert_eq!(states(&bench), json!([[DURAND, state]]), "{fault}");
        bench.run(["outbox", "list"]).status(0).stdout_has(words);
    }
}

#[test]
fn a_notice_that_comes_twice_or_late_changes_nothing_back() {
    let bench = bench();
    let sent = send(&bench, "x", &[DURAND], &["--fault", "deliver=displayed", "--fault", "deliver=displayed"]);
    let message_id = sent.status(0).json()["message_id"].as_str().unwrap().to_owned();
    let lines = fetch(&bench, &[]);
    assert_eq!(turned(&lines), json!([[DURAND, "accepted", "read"], [DURAND, "read", "read"]]));
    for late in ["exchange-french-delayed.eml", "postfix-delivered.eml", "exim-failed.eml"] {
        put(&bench, LABORATORY, &vector(late, &message_id, DURAND));
        assert_eq!(turned(&fetch(&bench, &[])), json!([[DURAND, "read", "read"]]), "{late}");
    }
    assert_eq!(states(&bench), json!([[DURAND, "read"]]));
}

#[test]
fn notices_of_many_programs_and_in_other_languages_are_understood() {
    for (name, state) in [
        ("dovecot-reject.eml", "bounced"),
        ("exchange-german.eml", "bounced"),
        ("exim-letter.eml", "bounced"),
        ("postfix-delayed.eml", "accepted"),
        ("postfix-failed.eml", "bounced"),
        ("processed-error.eml", "accepted"),
        ("qmail-letter.eml", "bounced"),
        ("sendmail-failed.eml", "bounced"),
        ("signed-displayed.eml", "read"),
        ("thunderbird-displayed.eml", "read"),
    ] {
        let bench = bench();
        let line = send(&bench, "x", &[DURAND], &[]).status(0).json();
        put(&bench, LABORATORY, &vector(name, line["message_id"].as_str().unwrap(), DURAND));
        let lines = fetch(&bench, &[]);
        assert_eq!(
            (lines[0]["state"].as_str(), turned(&lines)),
            (Some("status"), json!([[DURAND, "accepted", state]])),
            "{name}"
        );
    }
}

#[test]
fn a_notice_about_the_message_of_somebody_else_stays_mail() {
    let bench = bench();
    let line = send(&bench, "x", &[DURAND, LEFEVRE], &[]).status(0).json_lines().remove(0);
    let ours = line["message_id"].as_str().unwrap();
    put(&bench, LABORATORY, &vector("postfix-failed.eml", "<0123456789abcdef@biologie.sandbox>", DURAND));
    put(&bench, LABORATORY, &vector("exchange-german.eml", ours, "somebody@medecin.sandbox"));
    put(&bench, LABORATORY, &vector("not-a-vacation-notice.eml", ours, DURAND));
    let lines = fetch(&bench, &[]);
    assert!(lines.iter().all(|line| line["state"] == "quarantined" && line["notice"] == json!([])), "{lines:?}");
    assert_eq!((lines.len(), states(&bench)), (3, json!([[DURAND, "accepted"], [LEFEVRE, "accepted"]])));
}

#[test]
fn a_notice_is_kept_as_it_came_before_it_is_deleted_on_the_server() {
    let bench = bench();
    send(&bench, "x", &[DURAND], &["--fault", "deliver=bounce:550 5.1.1 gone"]).status(0);
    let raw = newest(&bench, LABORATORY);
    let line = fetch(&bench, &["--after", "delete"]).remove(0);
    assert_eq!((line["acknowledged"].as_str(), delivered(&bench, LABORATORY)), (Some("deleted"), 0));
    let place = Path::new(line["place"].as_str().unwrap());
    assert!(place.parent().unwrap().ends_with("in/status"), "{line}");
    assert_eq!(fs::read(place.join("message.eml")).unwrap(), raw);
    assert_eq!(post::message_json(place)["notice"][0]["state"], "bounced");
    post::assert_private(&bench.path("in/status"));
    assert!(stored(&bench, "in").iter().all(|path| path.ends_with("status")));
}

#[test]
fn a_copy_that_comes_back_shows_that_the_server_took_the_message() {
    let bench = bench();
    send(&bench, "x", &[DURAND], &["--fault", "data-end=cut"]).status(80);
    assert_eq!(states(&bench), json!([[DURAND, "unknown"]]));
    put(&bench, LABORATORY, &newest(&bench, DURAND));
    fetch(&bench, &[]);
    assert_eq!(states(&bench), json!([[DURAND, "accepted"]]));
    bench.run(["outbox", "list"]).status(0).stdout_has("a copy of it came back");
}

#[test]
fn a_notice_settles_what_is_unknown() {
    let bench = bench();
    send(&bench, "x", &[DURAND], &["--notify", "success", "--fault", "data-end=cut"]).status(80);
    assert_eq!(turned(&fetch(&bench, &[])), json!([[DURAND, "unknown", "delivered"]]));
    assert_eq!(states(&bench), json!([[DURAND, "delivered"]]));
}

#[test]
fn what_is_unknown_is_found_in_the_folder_for_sent_mail() {
    let bench = bench();
    let faults = ["--fault", "data-end=file-sent", "--fault", "data-end=cut"];
    send(&bench, "x", &[DURAND, LEFEVRE], &faults).status(80);
    let line = send(&bench, "other", &[DURAND], &["--fault", "data-end=file-sent"]).status(0).json();
    let found = bench.run(["--json", "outbox", "resolve"]).status(0).json_lines();
    assert_eq!(found.iter().map(|it| it["state"].as_str().unwrap()).collect::<Vec<_>>(), ["accepted", "accepted"]);
    bench.run(["outbox", "list"]).status(0).stdout_has("found in the folder for sent mail");
    bench.run(["outbox", "resolve"]).status(0).stderr_has("nothing is unknown");
    post::assert_error(&bench.run(["--json", "outbox", "resolve", line["id"].as_str().unwrap()]), 64, "message-state");
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (2, 1));
}

#[test]
fn one_copy_of_two_that_were_sent_proves_nothing_of_the_other() {
    let bench = bench();
    let words = ["--bcc", LEFEVRE, "--fault", "data-end=file-sent@1", "--fault", "rcpt=refuse@0"];
    send(&bench, "x", &[DURAND], &words).status(0);
    let cut = ["--bcc", LEFEVRE, "--fault", "data-end=file-sent@1", "--fault", "data-end=cut"];
    let line = send(&bench, "y", &[DURAND], &cut).status(80).json_lines().remove(0);
    let left = bench.run(["--json", "--no-input", "outbox", "resolve", line["id"].as_str().unwrap()]);
    post::assert_error(&left, 80, "no-evidence");
    left.stderr_has("--assume lost");
}

#[test]
fn what_is_unknown_is_settled_by_a_copy_or_a_notice_in_the_inbox() {
    let bench = bench();
    send(&bench, "x", &[DURAND], &["--fault", "data-end=cut"]).status(80);
    bench.run(["--no-input", "outbox", "resolve"]).status(80).stderr_has("nothing was found of message 1");
    put(&bench, LABORATORY, &newest(&bench, DURAND));
    bench.run(["outbox", "resolve", "1"]).status(0).stdout_has("a copy of it was found in the mailbox");
    send(&bench, "y", &[DURAND], &["--fault", "data-end=cut", "--fault", "deliver=displayed"]).status(80);
    bench.run(["outbox", "resolve"]).status(0).stdout_has("read");
    assert_eq!((states(&bench), delivered(&bench, DURAND)), (json!([[DURAND, "accepted"], [DURAND, "read"]]), 2));
}

#[test]
fn a_copy_to_oneself_settles_what_is_unknown_and_is_nobody_in_the_answer() {
    let bench = bench().variable("MSS_OUTBOX_COPY_TO_SELF", "true");
    let lines = send(&bench, "x", &[DURAND], &[]).status(0).json_lines();
    assert_eq!((lines.len(), delivered(&bench, DURAND), delivered(&bench, LABORATORY)), (1, 1, 1));
    bench.run(["--fault", "data-end=cut", "send", "--to", DURAND, "--attach", "result.pdf"]).status(80);
    bench.run(["outbox", "resolve"]).status(0).stdout_lacks(LABORATORY);
    assert_eq!(states(&bench), json!([[DURAND, "accepted"], [DURAND, "accepted"]]));
    assert_eq!(delivered(&bench, DURAND), 2);
    // Nothing is asked about the copy; if a server tells of it all the same, it says nothing of the doctor.
    let message_id = lines[0]["message_id"].as_str().unwrap();
    assert_eq!(delivered(&bench, LABORATORY), 2);
    put(&bench, LABORATORY, &vector("postfix-delivered.eml", message_id, LABORATORY));
    fetch(&bench, &[]);
    assert_eq!(states(&bench), json!([[DURAND, "accepted"], [DURAND, "accepted"]]));
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_wait_ends_when_the_message_is_where_it_was_to_be() {
    let bench = bench();
    let line = send(&bench, "x", &[DURAND], &["--notify", "success", "--wait"]).status(0).json();
    assert_eq!(line["state"], "delivered");
    let over = bench.run(["--json", "outbox", "wait", "1", "--for", "read", "--timeout", "0s"]);
    post::assert_error(&over, 75, "time-over");
    assert_eq!(over.json()["state"], "delivered");
    let message_id = line["message_id"].as_str().unwrap();
    put(&bench, LABORATORY, &vector("not-a-vacation-notice.eml", message_id, DURAND));
    put(&bench, LABORATORY, &vector("thunderbird-displayed.eml", message_id, DURAND));
    assert_eq!(bench.run(["--json", "outbox", "wait", "1", "--for", "read"]).status(0).json()["state"], "read");
    assert_eq!(flagged(&bench, LABORATORY, "INBOX", "\\Seen"), 2, "both notices, and no other mail");
}

#[test]
fn a_wait_submits_what_is_due_and_tells_what_came_to_nothing() {
    let bench = bench();
    send(&bench, "x", &[DURAND], &["--fault", "rcpt=defer:451 4.3.0 later"]).status(75);
    bench.run(["outbox", "wait", "1", "--timeout", "0s"]).status(75).stderr_has("mss --sandbox outbox wait 1");
    let mut waiting = bench.call(["outbox", "wait", "1", "--verbose"]).start();
    waiting.wait_for_stderr("waiting for 1 recipients");
    waiting.interrupt().status(130).stdout_has("deferred");
    let later = bench.call(["outbox", "wait", "1"]).variable("MSS_CLOCK", "2026-01-05T08:10:00Z").run();
    later.status(0).stdout_has("accepted");
    let bounced = ["--notify", "success,failure", "--wait", "1m", "--fault", "deliver=bounce:550 5.1.1 gone@1"];
    let states = |outcome: &Outcome| outcome.json_lines().iter().map(|it| it["state"].clone()).collect::<Value>();
    let outcome = send(&bench, "y", &[DURAND, LEFEVRE], &bounced);
    assert_eq!(states(outcome.status(79)), json!(["bounced", "delivered"]));
    let outcome = send(&bench, "z", &[DURAND], &["--wait", "--fault", "data-end=cut"]);
    assert_eq!(states(outcome.status(80)), json!(["unknown"]));
    send(&bench, "a", &[DURAND], &["--fault", "rcpt=defer:451 4.3.0 later"]).status(75);
    bench.run(["outbox", "cancel", "4"]).status(0);
    bench.run(["outbox", "wait", "4"]).status(1).stdout_has("cancelled");
    bench.run(["outbox", "wait", "9"]).status(1);
    bench.run(["outbox", "wait", "1", "--timeout", "1y"]).status(64);
}

#[test]
fn a_batch_waits_for_all_its_rows() {
    let bench = bench();
    bench.file(
        "list.csv",
        format!("key,to,subject,attach\na,{DURAND},x,result.pdf\nb,{LEFEVRE},y,result.pdf\n").as_bytes(),
    );
    let words = ["--json", "send", "--batch", "list.csv", "--notify", "success", "--wait", "1m"];
    let lines = bench.run(words).status(0).json_lines();
    assert!(lines.len() == 2 && lines.iter().all(|line| line["state"] == "delivered"), "{lines:?}");
}
