//! Power cuts: the program is killed at some moment, the same command runs again, nothing is lost and nothing happens twice.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::post::{self, DURAND, PDF, bench, delivered, stored};
use crate::bench::Bench;

/// How many times the program is killed in each story.
const KILLS: u32 = 25;

/// Runs it once to the end, to know how long it takes; then gives the moment of each kill, spread over that time.
fn moments(mut run: impl FnMut()) -> impl Iterator<Item = Duration> {
    let started = Instant::now();
    run();
    let whole = started.elapsed();
    // Odd steps, so that neighbours do not meet the same place when the machine is busy.
    (0..KILLS).map(move |number| whole * (number * 7 % KILLS + 1) / (KILLS + 1))
}

fn words(subject: &str) -> [&str; 8] {
    ["--json", "send", "--to", DURAND, "--subject", subject, "--attach", "result.pdf"]
}

/// Starts a call and kills it after a while; whether it was still running then does not matter.
fn kill_after(bench: &Bench, words: &[&str], moment: Duration) {
    let running = bench.call(words).start();
    thread::sleep(moment);
    running.kill();
}

#[test]
fn a_message_whose_sender_was_killed_arrives_once() {
    let bench = bench();
    let moments = moments(|| {
        bench.run(words("first")).status(0);
    });
    let (mut sent, mut unknown) = (1, 0);
    for (number, moment) in moments.enumerate() {
        let subject = format!("message {number}");
        kill_after(&bench, &words(&subject), moment);
        let arrived = delivered(&bench, DURAND) - sent;
        let next = bench.run(words(&subject));
        let line = next.status_among(&[0, 80]).json();
        if line["state"] == "unknown" {
            unknown += 1;
            // A person looks whether it arrived, and says so.
            let fate = if arrived == 1 { "delivered" } else { "lost" };
            bench.run(["outbox", "resolve", line["id"].as_str().unwrap(), "--assume", fate]).status(0);
            bench.run(["outbox", "run"]).status(0);
        }
        sent += 1;
        assert_eq!(delivered(&bench, DURAND), sent, "killed after {moment:?}: {line}");
    }
    println!("{unknown} of {KILLS} were cut between the last octet and the answer");
    assert_eq!(bench.run(["--json", "outbox", "list"]).status(0).json_lines().len(), sent);
    bench.run(["--json", "outbox", "list", "--open"]).status(0).stdout_is("");
    let fetched = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(0).json_lines();
    assert_eq!(fetched.len(), sent);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_sender_killed_while_it_waits_for_the_answer_does_not_know_and_does_not_guess() {
    let bench = bench();
    let slow = ["--fault", "data-end=stall:60"];
    let running = bench.call(slow.iter().chain(&words("Bilan"))).start();
    let until = Instant::now() + Duration::from_secs(60);
    while delivered(&bench, DURAND) == 0 {
        assert!(Instant::now() < until, "the operator never got the message");
        thread::sleep(Duration::from_millis(5));
    }
    running.kill().signal(9);
    let next = bench.run(words("Bilan"));
    let line = next.status(80).json();
    assert_eq!((&line["state"], delivered(&bench, DURAND)), (&"unknown".into(), 1), "{next}");
    bench.run(["outbox", "resolve", line["id"].as_str().unwrap(), "--assume", "delivered"]).status(0);
    bench.run(words("Bilan")).status(0);
    assert_eq!(delivered(&bench, DURAND), 1);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_message_whose_reader_was_killed_is_stored_once_and_whole() {
    let bench = bench();
    let send = |subject: &str| {
        bench.run(["send", "--to", DURAND, "--subject", subject, "--attach", "result.pdf"]).status(0);
    };
    let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in"];
    send("first");
    let moments = moments(|| {
        bench.run(words).status(0);
    });
    let mut fetched = 1;
    for (number, moment) in moments.enumerate() {
        send(&format!("message {number}"));
        kill_after(&bench, &words, moment);
        for place in stored(&bench, "in") {
            assert!(is_staged(&place) || is_whole(&place), "half a message under its name: {}", place.display());
        }
        bench.run(words).status(0);
        bench.run(words).status(0).stdout_is("");
        fetched += 1;
        let places: Vec<_> = stored(&bench, "in").into_iter().filter(|place| !is_staged(place)).collect();
        assert_eq!(places.len(), fetched, "killed after {moment:?}: {places:#?}");
        assert!(places.iter().all(|place| is_whole(place)));
        assert_eq!(post::flagged(&bench, DURAND, "INBOX", "\\Seen"), fetched);
    }
    let mut subjects: Vec<String> = stored(&bench, "in")
        .iter()
        .filter(|place| !is_staged(place))
        .map(|place| post::message_json(place)["subject"].to_string())
        .collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), fetched, "each message is there");
    bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
    assert!(!bench.path("in/quarantine").exists());
}

/// What a killed run left unfinished has a name that begins with a dot; it is swept when it is old.
fn is_staged(place: &std::path::Path) -> bool {
    place.file_name().unwrap().to_str().unwrap().starts_with('.')
}

fn is_whole(place: &std::path::Path) -> bool {
    place.join("message.json").exists() && fs::read(place.join("result.pdf")).is_ok_and(|octets| octets == PDF)
}
