//! `mss fetch`: what is stored, what is done on the server, and that nothing is fetched twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::post::{self, DURAND, LEFEVRE, PDF, assert_error, bench, delivered, flagged, messages, stored};
use crate::bench::Bench;

/// One message from the laboratory for each subject.
fn send_each(bench: &Bench, subjects: &[&str]) {
    for subject in subjects {
        bench.run(["send", "--to", DURAND, "--subject", subject, "--attach", "result.pdf"]).status(0);
    }
}

#[test]
fn a_second_fetch_fetches_nothing() {
    let bench = bench();
    send_each(&bench, &["one", "two"]);
    let lines = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(0).json_lines();
    assert_eq!(lines.iter().map(|line| line["subject"].as_str().unwrap()).collect::<Vec<_>>(), ["one", "two"]);
    for words in [&["--to", "in"][..], &["--to", "in", "--all"], &["--to", "elsewhere", "--all"]] {
        let second = bench.run(["-p", "dr.durand", "fetch"].iter().chain(words));
        second.status(0).stdout_is("").stderr_is("no new message\n");
    }
    assert_eq!(stored(&bench, "in").len(), 2);
    assert!(stored(&bench, "elsewhere").is_empty());
}

#[test]
fn on_the_server_is_done_what_was_asked_and_no_more() {
    for (after, acknowledged, left, seen, archived) in [
        ("keep", "kept", 1, 0, 0),
        ("seen", "seen", 1, 1, 0),
        ("move:Archive", "moved", 0, 0, 1),
        ("move:Résultats & plus", "moved", 0, 0, 0),
        ("delete", "deleted", 0, 0, 0),
    ] {
        let bench = bench();
        send_each(&bench, &[after]);
        let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", after];
        let line = bench.run(words).status(0).json();
        assert_eq!((&line["state"], &line["acknowledged"]), (&"stored".into(), &acknowledged.into()), "{after}");
        assert_eq!(delivered(&bench, DURAND), left, "{after}");
        assert_eq!(flagged(&bench, DURAND, "INBOX", "\\Seen"), seen, "{after}");
        assert_eq!(messages(&bench, DURAND, "Archive").len(), archived, "{after}");
        bench.run(words).status(0).stdout_is("");
        bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
    }
    let bench = bench();
    assert_error(&bench.run(["--json", "fetch", "--after", "burn"]), 64, "malformed");
    assert_error(&bench.run(["--json", "fetch", "--folder", "Nowhere"]), 64, "folder-unknown");
}

#[test]
fn what_was_kept_on_the_server_can_be_acknowledged_later_without_being_fetched_again() {
    let bench = bench();
    send_each(&bench, &["one"]);
    let fetch = |after: &str| bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", after]);
    fetch("keep").status(0);
    let line = fetch("delete").status(0).json();
    assert_eq!((&line["state"], &line["acknowledged"]), (&"known".into(), &"deleted".into()));
    assert_eq!((delivered(&bench, DURAND), stored(&bench, "in").len()), (0, 1));
    let log = bench.run(["--json", "-p", "dr.durand", "audit", "log", "--action", "fetch"]).json_lines();
    assert_eq!(log.len(), 1, "it was read once");
}

#[test]
fn a_limit_takes_the_oldest_and_the_next_run_the_rest() {
    let bench = bench();
    send_each(&bench, &["one", "two", "three"]);
    let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--limit"];
    let lines = bench.run(words.iter().chain(&["2"])).status(0).json_lines();
    assert_eq!((lines.len(), &lines[1]["subject"]), (2, &"two".into()));
    assert_eq!(bench.run(words.iter().chain(&["9"])).status(0).json()["subject"], "three");
}

#[test]
fn a_folder_that_was_made_anew_is_not_taken_for_the_old_one() {
    let bench = bench();
    send_each(&bench, &["one", "two"]);
    let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--all"];
    bench.run(words.iter().chain(&["--limit", "1"])).status(0);
    let anew = bench.run(["--fault", "select=uidvalidity:change@1"].iter().chain(&words));
    let error = assert_error(&anew, 65, "folder-renewed");
    assert!(
        error["hint"].as_str().unwrap().contains("mss --sandbox --profile dr.durand fetch --accept-renewed-folder"),
        "{anew}"
    );
    assert_error(&bench.run(words), 65, "folder-renewed");
    assert_eq!(stored(&bench, "in").len(), 1, "it stopped before anything was taken");
    let lines = bench.run(words.iter().chain(&["--accept-renewed-folder"])).status(0).json_lines();
    let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["known", "stored"], "messages are told apart by their content");
    assert_eq!(stored(&bench, "in").len(), 2);
    bench.run(words).status(0).stdout_is("");
}

#[test]
fn two_fetches_at_once_store_each_message_once() {
    let bench = bench();
    send_each(&bench, &["one", "two", "three"]);
    let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in"];
    let running = [(); 3].map(|()| bench.call(words).start());
    for outcome in running.map(|running| running.finish()) {
        outcome.status(0);
    }
    bench.run(words).status(0).stdout_is("");
    assert_eq!(stored(&bench, "in").len(), 3);
    for place in stored(&bench, "in") {
        assert_eq!(fs::read(place.join("result.pdf")).unwrap(), PDF);
    }
    bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
}

#[test]
fn what_was_told_to_nobody_is_stored_all_the_same() {
    let bench = bench();
    send_each(&bench, &["one", "two"]);
    let words = ["-p", "dr.durand", "fetch", "--to", "in"];
    bench.call(words).full_stdout().run().status(74).stderr_has("cannot be written").stderr_has("hint: ");
    bench.call(words).closed_stdout().run().status(0).stderr_lacks("panicked");
    assert_eq!(stored(&bench, "in").len(), 2);
    bench.run(words).status(0).stdout_is("");
}

#[test]
fn a_full_disk_keeps_the_message_on_the_server() {
    let bench = bench();
    let Some(small) = post::small_disk(&bench, "a_full_disk_keeps_the_message_on_the_server") else { return };
    bench.file("large.bin", &vec![7; 3 << 20]);
    bench.run(["send", "--to", DURAND, "--attach", "large.bin"]).status(0);
    let full = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "small-disk/in", "--after", "delete"]);
    let error = full.status_among(&[73, 74]).json_error();
    assert!(error.to_string().contains("No space left"), "{full}");
    assert!(error["hint"].is_string(), "{full}");
    assert_eq!((delivered(&bench, DURAND), flagged(&bench, DURAND, "INBOX", "\\Seen")), (1, 0));
    let left = post::below(small.path());
    assert!(left.is_empty(), "half done: {left:?}");
    let line = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", "delete"]).status(0).json();
    assert_eq!(line["attachments"][0]["size"], 3 << 20);
    assert_eq!(delivered(&bench, DURAND), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_anything_is_read() {
    let bench = bench();
    send_each(&bench, &["one"]);
    bench.file("a-file", b"");
    for place in ["a-file", "a-file/in", "/proc/in"] {
        let outcome = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", place]);
        assert_error(&outcome, 73, "output-folder");
    }
    assert_eq!(flagged(&bench, DURAND, "INBOX", "\\Seen"), 0);
    // A folder that others may read stays as its owner made it; what is stored in it is private.
    fs::create_dir(bench.path("shared")).unwrap();
    fs::set_permissions(bench.path("shared"), fs::Permissions::from_mode(0o755)).unwrap();
    bench.run(["-p", "dr.durand", "fetch", "--to", "shared"]).status(0);
    assert_eq!(fs::metadata(bench.path("shared")).unwrap().permissions().mode() & 0o777, 0o755);
    post::assert_private(&stored(&bench, "shared")[0]);
}

#[test]
fn a_message_for_two_mailboxes_fetched_into_one_folder_stands_there_once() {
    let bench = bench();
    bench.run(["send", "--to", DURAND, "--to", LEFEVRE, "--attach", "result.pdf"]).status(0);
    for profile in ["dr.durand", "dr.lefevre"] {
        bench.run(["-p", profile, "fetch", "--to", "in"]).status(0);
    }
    for place in stored(&bench, "in") {
        assert_eq!(fs::read(place.join("result.pdf")).unwrap(), PDF);
    }
}
