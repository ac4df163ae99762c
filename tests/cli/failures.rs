//! What goes wrong before anything leaves the machine: each with its status, its code, its cause, its hint.

use serde_json::Value;

use crate::bench::Bench;

/// The moment these are shown at.
const MOMENT: &str = "2026-01-05T08:00:00Z";

/// Words after `mss --sandbox`, the status, the code, and what the hint has.
const FAILURES: [(&str, i32, &str, &str); 16] = [
    ("send --to nobody@medecin.sandbox --attach result.pdf", 76, "recipient-unknown", "mss --sandbox lookup"),
    ("send --to 12 --attach result.pdf", 64, "recipient-syntax", ""),
    (
        "send --to dr.martin@medecin.sandbox --attach result.pdf",
        76,
        "recipient-no-certificate",
        "mss --sandbox send --package --to dr.martin@",
    ),
    (
        "send --to dr.petit@medecin.sandbox --attach result.pdf",
        76,
        "certificate-expired",
        "ask dr.petit@medecin.sandbox",
    ),
    ("send --to dr.moreau@medecin.sandbox --attach result.pdf", 76, "recipient-inactive", "mss --sandbox lookup"),
    ("send --to dr.garnier@hors-liste.sandbox --attach result.pdf", 76, "recipient-not-listed", "send --package"),
    ("send --to dr.durand@medecin.sandbox --attach absent.pdf", 66, "attachment-unreadable", ""),
    ("send --to dr.durand@medecin.sandbox --attach empty.pdf", 65, "attachment-empty", "empty file"),
    ("send --to dr.durand@medecin.sandbox", 64, "nothing-to-send", "--attach FILE"),
    ("send --to dr.durand@medecin.sandbox --body-file latin1.txt", 65, "text-encoding", "iconv"),
    ("outbox show 7", 1, "no-such-message", "outbox list"),
    ("outbox requeue 7", 1, "no-such-message", "outbox list"),
    ("outbox show seven", 64, "malformed", ""),
    ("--profile nobody fetch", 78, "no-profile", "laboratoire"),
    ("--fault rcpt=burn lookup durand", 64, "fault", "mss sandbox --list-faults"),
    ("config set submission.host x", 64, "sandbox", ""),
];

fn desk() -> Bench {
    let bench = Bench::new().sandbox().clock(MOMENT);
    bench.file("result.pdf", b"%PDF-1.7\n");
    bench.file("empty.pdf", b"");
    bench.file("latin1.txt", b"r\xe9sultat");
    bench
}

#[test]
fn each_failure_has_its_status_code_and_hint_in_words_and_in_json() {
    let bench = desk();
    for (words, status, code, hint) in FAILURES {
        let plain = bench.run(words.split(' '));
        plain.status(status).stdout_is("").stderr_has("error: ");
        let outcome = bench.run(["--json"].into_iter().chain(words.split(' ')));
        let error = outcome.status(status).stdout_is("").json_error();
        let told = (&error["schema"], &error["status"], &error["code"]);
        assert_eq!(told, (&Value::from("mss.error/1"), &Value::from(status), &Value::from(code)), "{words}");
        let advice = error["hint"].as_str().unwrap_or_default();
        assert!(advice.replace(" --sandbox sandbox", " sandbox").contains(hint), "{words}: {advice}");
        plain.stderr_has(&format!("error: {}", error["message"].as_str().unwrap()));
        for cause in error["because"].as_array().unwrap() {
            plain.stderr_has(&format!("  because: {}", cause.as_str().unwrap()));
        }
    }
    bench.run(["--json", "outbox", "list"]).status(0).stdout_is("");
}

#[test]
fn line_ends_in_a_subject_are_refused_and_not_shown_raw() {
    let bench = desk();
    let words = ["send", "--to", "dr.durand@medecin.sandbox", "--attach", "result.pdf", "--subject"];
    let outcome = bench.run(words.into_iter().chain(["Hello\r\nBcc: everybody@medecin.sandbox"]));
    outcome.status(65).stdout_is("").stderr_has("hint: ").stderr_lacks("\r");
}

#[test]
fn a_hint_speaks_of_the_profile_and_vault_that_were_meant() {
    let bench = Bench::new();
    bench.run(["--profile", "cabinet", "--config", "other.p7m", "fetch"]).status(78).stderr_has(
        "hint: make a profile; mss demo and --sandbox need none\n        mss --profile cabinet --config other.p7m init\n",
    );
    bench.run(["fetch"]).status(78).stderr_has("\n        mss init\n");
}
