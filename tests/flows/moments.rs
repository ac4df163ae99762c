//! The program is killed at every moment that something is written down: the same command again, and each message is there once.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;

use mss::process::Moment;

use super::post::{DURAND, bench, delivered, flagged, messages, stored};
use crate::bench::{Bench, Outcome};

/// How often a moment of a batch is tried: when it comes for the first time, the second, the third.
const TIMES: u32 = 3;

/// Runs until this moment has come so many times.
pub fn killed_at(bench: &Bench, words: &[&str], moment: &str, time: u32) -> Outcome {
    bench.call(words).variable("MSS_KILL_AT", &format!("{moment}:{time}")).run()
}

/// Behind the point of no return, and before what the server said is written down, nobody knows.
fn is_unknown_after(moment: Moment) -> bool {
    let between = [Moment::AfterCommit, Moment::LastOctetsSent, Moment::AnswerHeard, Moment::BeforeSettlement];
    between.contains(&moment)
}

/// Until then, the first time, the server cannot have taken anything.
fn is_before_commit(moment: Moment) -> bool {
    Moment::ALL.iter().take_while(|(one, _)| *one != Moment::AfterCommit).any(|(one, _)| *one == moment)
}

/// How often the message with this Message-ID is in the mailbox.
fn copies(bench: &Bench, message_id: &str) -> usize {
    let read = messages(bench, DURAND, "INBOX").into_iter().map(|path| fs::read_to_string(path).unwrap());
    read.filter(|message| message.split("\r\n\r\n").next().unwrap().contains(message_id)).count()
}

/// Settles what is unknown by what is in the mailbox, sends what was lost; tells how many were unknown.
pub fn settle(bench: &Bench) -> usize {
    let open = bench.run(["--json", "outbox", "list", "--open"]).status(0).json_lines();
    let mut unknown = 0;
    for line in open.iter().filter(|line| line["state"] == "unknown") {
        let fate = match copies(bench, line["message_id"].as_str().unwrap()) {
            0 => "lost",
            _ => "delivered",
        };
        bench.run(["outbox", "resolve", line["id"].as_str().unwrap(), "--assume", fate]).status(0);
        unknown += 1;
    }
    bench.run(["outbox", "run"]).status(0);
    bench.run(["--json", "outbox", "list", "--open"]).status(0).stdout_is("");
    unknown
}

/// Every message of the outbox is in the mailbox once, and nothing else is.
#[track_caller]
pub fn assert_each_once(bench: &Bench, count: usize, when: &str) {
    let lines = bench.run(["--json", "outbox", "list"]).status(0).json_lines();
    assert_eq!((lines.len(), delivered(bench, DURAND)), (count, count), "{when}");
    for line in lines {
        assert_eq!(copies(bench, line["message_id"].as_str().unwrap()), 1, "{when}: {line}");
    }
}

#[test]
fn a_message_whose_sender_dies_at_any_moment_arrives_once_or_is_known_to_be_unknown() {
    let bench = bench();
    let mut sent = 0;
    for (moment, word) in Moment::ALL {
        for time in 1.. {
            let (subject, when) = (format!("{word} {time}"), format!("killed at {word}, time {time}"));
            let send = ["--json", "send", "--to", DURAND, "--subject", &subject, "--attach", "result.pdf"];
            let first = killed_at(&bench, &send, word, time);
            sent += 1;
            if first.ended_by_itself() {
                assert!(time > 1, "{word} is never reached\n{first}");
                first.status(0);
                break;
            }
            first.signal(9);
            let arrived = delivered(&bench, DURAND) == sent;
            let again = bench.run(send);
            let state = again.status_among(&[0, 80]).json()["state"].clone();
            if !matches!(moment, Moment::BeforeTrace | Moment::AfterTrace) {
                let expected = if is_unknown_after(moment) { "unknown" } else { "accepted" };
                assert_eq!(state, expected, "{when}\n{again}");
            }
            match moment {
                Moment::AfterCommit => assert!(!arrived, "{when}: nothing of the end had left"),
                Moment::AnswerHeard | Moment::BeforeSettlement => assert!(arrived, "{when}: the server had said so"),
                _ => {}
            }
            assert_eq!(settle(&bench) == 1, state == "unknown", "{when}");
            assert_eq!(delivered(&bench, DURAND), sent, "{when}\n{again}");
        }
        bench.run(["audit", "verify"]).status(0);
    }
    assert_each_once(&bench, sent, "in the end");
}

#[test]
fn a_batch_that_dies_at_any_moment_is_finished_by_the_same_command() {
    let bench = bench();
    let mut sent = 0;
    for (moment, word) in Moment::ALL {
        for time in 1..=TIMES {
            let when = format!("killed at {word}, time {time}");
            let row = |number: usize| format!("{word} {time} {number},{DURAND},Bilan,Texte {number}\n");
            let rows: String = (0..6).map(row).collect();
            bench.file("manifest.csv", format!("key,to,subject,body\n{rows}").as_bytes());
            let send = ["--json", "send", "--batch", "manifest.csv"];
            let first = killed_at(&bench, &send, word, time);
            sent += 6;
            if first.ended_by_itself() {
                assert!(time > 1, "{word} is never reached\n{first}");
                first.status(0);
                break;
            }
            let again = bench.run(send);
            let lines = again.status_among(&[0, 80]).json_lines();
            assert_eq!(lines.len(), 6, "{when}\n{again}");
            let unknown = lines.iter().filter(|line| line["state"] == "unknown").count();
            let accepted = lines.iter().filter(|line| line["state"] == "accepted").count();
            assert_eq!(unknown + accepted, 6, "{when}\n{again}");
            assert!(unknown > 0 || !is_unknown_after(moment), "{when}\n{again}");
            assert!(unknown == 0 || time > 1 || !is_before_commit(moment), "{when}\n{again}");
            assert_eq!(settle(&bench), unknown, "{when}");
            assert_eq!(delivered(&bench, DURAND), sent, "{when}\n{again}");
        }
        bench.run(["audit", "verify"]).status(0);
    }
    assert_each_once(&bench, sent, "in the end");
}

#[test]
fn a_message_whose_reader_dies_at_any_moment_is_stored_once() {
    // Of each run: sign-in, the message, what is done on the server; each begun and ended.
    let trace = ["before-trace", "after-trace"].iter().flat_map(|word| (1..=5).map(move |time| (*word, time)));
    let fetching = || Moment::OF_FETCHING.iter().map(|(_, word)| (*word, 1));
    let stories = [("delete", fetching().collect::<Vec<_>>()), ("seen", fetching().chain(trace).collect())];
    for (after, moments) in stories {
        let bench = bench();
        let mut fetched = 0;
        for (word, time) in moments {
            let when = format!("killed at {word}, time {time}, after {after}");
            bench.run(["send", "--to", DURAND, "--subject", &when, "--attach", "result.pdf"]).status(0);
            fetched += 1;
            let fetch = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", after];
            let first = killed_at(&bench, &fetch, word, time);
            if first.ended_by_itself() {
                assert!(time > 1, "{word} is never reached\n{first}");
            } else {
                first.signal(9);
                bench.run(fetch).status(0);
            }
            bench.run(fetch).status(0).stdout_is("");
            let places: Vec<_> = stored(&bench, "in").into_iter().filter(|place| !is_staged(place)).collect();
            assert_eq!(places.len(), fetched, "{when}");
            let (left, seen) = (delivered(&bench, DURAND), flagged(&bench, DURAND, "INBOX", "\\Seen"));
            assert_eq!((left, seen), if after == "seen" { (fetched, fetched) } else { (0, 0) }, "{when}");
        }
        bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
    }
}

/// What a killed run left unfinished has a name that begins with a dot; it is swept when it is old.
fn is_staged(place: &std::path::Path) -> bool {
    place.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
