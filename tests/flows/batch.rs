//! `send --batch`: checked whole, sent once, whatever is run again.

use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::post::{DURAND, LEFEVRE, MARTIN, bench, delivered, home_of};
use crate::bench::Bench;

/// Writes a manifest of these rows over files that are all there.
fn manifest(bench: &Bench, name: &str, rows: impl IntoIterator<Item = String>) -> String {
    let rows: Vec<String> = rows.into_iter().collect();
    bench.file(name, format!("key,to,subject,attach\n{}\n", rows.join("\n")).as_bytes())
}

fn row(number: usize) -> String {
    format!("analysis-{number},{DURAND},Bilan {number},result.pdf")
}

fn send(bench: &Bench, words: &[&str]) -> crate::bench::Outcome {
    bench.run([&["--json", "send", "--batch", "m.csv"], words].concat())
}

#[test]
fn seven_bad_rows_of_a_thousand_stop_all_or_are_left_out_and_nothing_is_sent_twice() {
    let bench = bench();
    bench.file("empty.pdf", b"");
    let mut rows: Vec<String> = (1..=1000).map(row).collect();
    let bad = [
        (17, "to", "a,dr.nobody@medecin.sandbox,x,result.pdf".to_owned(), "recipient-unknown"),
        (100, "to", format!("b,{MARTIN},x,result.pdf"), "recipient-no-certificate"),
        (101, "to", "c,dr.durand,x,result.pdf".to_owned(), "recipient-syntax"),
        (500, "attach", format!("d,{DURAND},x,missing.pdf"), "file-unreadable"),
        (501, "attach", format!("e,{DURAND},x,empty.pdf"), "file-empty"),
        (999, "key", format!("analysis-5,{DURAND},x,result.pdf"), "doubled-key"),
        (1000, "to", "f,dr.durand@example.com,x,result.pdf".to_owned(), "recipient-not-listed"),
    ];
    for (number, _, text, _) in &bad {
        rows[number - 1] = text.clone();
    }
    manifest(&bench, "m.csv", rows);

    let refused = send(&bench, &[]);
    let found = refused.status(65).json_lines();
    let told: Vec<(usize, &str)> =
        found.iter().map(|it| (it["row"].as_u64().unwrap() as usize, it["column"].as_str().unwrap())).collect();
    assert_eq!(told, bad.iter().map(|(row, column, ..)| (*row, *column)).collect::<Vec<_>>(), "{refused}");
    let codes: Vec<&str> = found.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes[0], bad[0].3);
    assert_eq!((codes[3], codes[4], codes[5]), (bad[3].3, bad[4].3, bad[5].3));
    assert_eq!(found[3]["line"], 501);
    assert_eq!(delivered(&bench, DURAND), 0);
    bench.run(["--json", "outbox", "list"]).status(0).stdout_is("");

    let sent = send(&bench, &["--partial", "--results", "results.jsonl"]);
    assert_eq!(sent.status(79).json_lines().len(), 7);
    assert_eq!(delivered(&bench, DURAND), 993);
    let results = String::from_utf8(bench.read("results.jsonl")).unwrap();
    assert_eq!(results.lines().count(), 993);
    let first: serde_json::Value = serde_json::from_str(results.lines().next().unwrap()).unwrap();
    assert_eq!((&first["row"], &first["key"], &first["state"]), (&1.into(), &"analysis-1".into(), &"accepted".into()));

    send(&bench, &["--partial"]).status(79);
    assert_eq!(delivered(&bench, DURAND), 993, "the second run sends none");
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_row_that_changed_under_its_key_is_refused_and_replaced_when_told_so() {
    let bench = bench();
    manifest(&bench, "m.csv", (1..=3).map(row));
    send(&bench, &[]).status(0);
    let changed = |number: usize| if number == 2 { row(2).replace("Bilan", "Bilan corrected") } else { row(number) };
    manifest(&bench, "m.csv", (1..=4).map(changed));
    let refused = send(&bench, &[]);
    let found = refused.status(65).json();
    assert_eq!((&found["row"], &found["column"], &found["code"]), (&2.into(), &"key".into(), &"key-taken".into()));
    assert_eq!(delivered(&bench, DURAND), 3);
    let lines = send(&bench, &["--replace"]).status(0).json_lines();
    let known: Vec<bool> = lines.iter().map(|line| line["known"].as_bool().unwrap()).collect();
    assert_eq!((known, delivered(&bench, DURAND)), (vec![true, false, true, false], 5));
    send(&bench, &["--replace"]).status(0);
    assert_eq!(delivered(&bench, DURAND), 5);
}

#[test]
fn rows_without_keys_are_known_by_what_they_say() {
    let bench = bench();
    let line =
        |subject: &str, to: &str| format!("{{\"to\": {to}, \"subject\": \"{subject}\", \"attach\": \"result.pdf\"}}");
    let both = format!("[\"{DURAND}\", \"{LEFEVRE}\"]");
    let one = format!("\"{DURAND}\"");
    let write = |lines: &[String]| bench.file("m.jsonl", lines.join("\n").as_bytes());
    write(&[line("one", &both), line("two", &one)]);
    let words = ["--json", "send", "--batch", "m.jsonl"];
    let lines = bench.run(words).status(0).json_lines();
    assert_eq!(lines.iter().map(|line| line["row"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 2]);
    write(&[line("two", &one), line("one", &both), line("three", &one)]);
    bench.run(words).status(0);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (3, 1));
    write(&[line("two", &one), line("two", &one)]);
    let found = bench.run(words).status(65).json();
    assert_eq!((&found["row"], &found["code"]), (&2.into(), &"doubled-key".into()));
}

#[test]
fn a_dry_run_keeps_nothing_and_what_is_only_queued_goes_with_the_next_outbox_run() {
    let bench = bench();
    manifest(&bench, "m.csv", (1..=5).map(row));
    send(&bench, &["--dry-run"]).status(0).stdout_is("");
    bench.run(["send", "--batch", "m.csv", "--dry-run"]).status(0).stdout_has("checked 5 of 5 messages");
    bench.run(["--json", "outbox", "list"]).status(0).stdout_is("");
    let queued = send(&bench, &["--queue-only"]).status(0).json_lines();
    assert!(queued.iter().all(|line| line["state"] == "queued"));
    assert_eq!((queued.len(), delivered(&bench, DURAND)), (5, 0));
    bench.run(["outbox", "run"]).status(0);
    assert_eq!(delivered(&bench, DURAND), 5);
    send(&bench, &[]).status(0);
    assert_eq!(delivered(&bench, DURAND), 5);
}

#[test]
fn a_file_that_changes_between_check_and_sealing_is_not_sent() {
    let bench = bench();
    // Packages wait for their turn; while the test has it, each press stands still, and the last row is not yet read.
    let presses = thread::available_parallelism().map_or(1, usize::from);
    let mut rows: Vec<String> =
        (0..presses).map(|number| format!("p-{number},somebody@example.com,x,result.pdf,package")).collect();
    rows.push(format!("late,{DURAND},x,late.pdf,"));
    rows.push(format!("good,{DURAND},x,result.pdf,"));
    bench.file("late.pdf", b"as it was checked");
    bench.file("m.csv", format!("key,to,subject,attach,protection\n{}\n", rows.join("\n")).as_bytes());
    // The profile's folder has to be there.
    bench.run(["outbox", "list"]).status(0);
    let turn = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(home_of(&bench, "laboratoire").join("package.lock"));
    let turn = turn.unwrap();
    turn.lock().unwrap();
    let running = bench.call(["--json", "send", "--batch", "m.csv", "--password-command", "cat >>passwords"]).start();
    let spool = home_of(&bench, "laboratoire").join("spool");
    let until = Instant::now() + Duration::from_secs(60);
    while !spool.exists() {
        assert!(Instant::now() < until, "it never came to sealing");
        thread::sleep(Duration::from_millis(5));
    }
    // The spool is made before the check; the check of four rows is over in a moment.
    thread::sleep(Duration::from_secs(2));
    let late = bench.path("late.pdf");
    let mut file = File::options().write(true).truncate(true).open(late).unwrap();
    file.write_all(b"something else altogether").unwrap();
    drop(file);
    turn.unlock().unwrap();
    let outcome = running.finish();
    let lines = outcome.status(79).json_lines();
    let found = lines.iter().find(|line| line["schema"] == "mss.finding/1").unwrap();
    assert_eq!((&found["row"], &found["code"]), (&(presses + 1).into(), &"changed".into()), "{outcome}");
    assert_eq!(delivered(&bench, DURAND), 1);
    assert_eq!(fs::read_to_string(bench.path("passwords")).unwrap().lines().count(), presses);
}

#[test]
fn an_interrupted_batch_ends_with_130_and_the_same_command_finishes_it() {
    let bench = bench();
    manifest(&bench, "m.csv", (1..=60).map(row));
    let running = bench.call(["--json", "send", "--batch", "m.csv", "--rate", "20/s"]).start();
    let until = Instant::now() + Duration::from_secs(60);
    while delivered(&bench, DURAND) < 3 {
        assert!(Instant::now() < until, "nothing was ever delivered");
        thread::sleep(Duration::from_millis(5));
    }
    running.interrupt().status(130);
    let sent = delivered(&bench, DURAND);
    assert!(sent < 60, "it was too late to interrupt anything");
    let states = bench.run(["--json", "outbox", "list"]).status(0).json_lines();
    assert_eq!(states.iter().filter(|line| line["state"] == "accepted").count(), sent);
    assert!(states.iter().all(|line| line["state"] == "accepted" || line["state"] == "queued"));
    send(&bench, &[]).status(0);
    assert_eq!(delivered(&bench, DURAND), 60);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn what_the_server_refuses_or_defers_is_told_row_by_row() {
    let bench = bench();
    manifest(&bench, "m.csv", (1..=4).map(row));
    let words = ["--fault", "data-end=refuse:550 5.7.1 no@1", "--fault", "data-end=defer:450 4.2.1 later@1"];
    let words = [&words[..], &["--json", "send", "--batch", "m.csv"]].concat();
    let lines = bench.run(words).status(79).json_lines();
    let of = |state: &str| lines.iter().filter(|line| line["state"] == state).count();
    assert_eq!((of("refused"), of("deferred"), of("accepted")), (1, 1, 2));
    // What was refused is not asked again by itself; what was deferred is not yet due.
    send(&bench, &[]).status(79);
    assert_eq!(delivered(&bench, DURAND), 2);
}
