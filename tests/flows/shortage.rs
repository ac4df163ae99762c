//! A disk that fills, a file that may not grow, a clock that is set back: the batch stops, and the same command finishes it.

use std::fs;
use std::os::unix::fs::symlink;

use mss::process::Moment;

use super::moments::{assert_each_once, killed_at, settle};
use super::post::{self, DURAND, bench};
use crate::bench::Bench;

const SEND: [&str; 4] = ["--json", "send", "--batch", "manifest.csv"];

/// Writes a manifest; the text of each row has so many octets.
fn manifest(bench: &Bench, name: &str, rows: usize, octets: usize) {
    let text = "x".repeat(octets);
    let rows: String = (0..rows).map(|number| format!("{name} {number},{DURAND},Bilan,{text}\n")).collect();
    bench.file("manifest.csv", format!("key,to,subject,body\n{rows}").as_bytes());
}

#[test]
fn a_disk_that_fills_in_the_middle_of_a_batch_keeps_what_was_queued_whole() {
    let bench = bench();
    let test = "a_disk_that_fills_in_the_middle_of_a_batch_keeps_what_was_queued_whole";
    let Some(small) = post::small_disk(&bench, test) else { return };
    // The state of the laboratory alone stands on the small disk.
    symlink(small.path(), post::home_of(&bench, "laboratoire")).unwrap();
    manifest(&bench, "large", 60, 40_000);
    bench.run(SEND).status_among(&[74, 80]).stderr_has("\"status\":74").stderr_lacks("mend the rows");
    small.grow();
    let lines = bench.run(SEND).status_among(&[0, 80]).json_lines();
    assert_eq!(lines.len(), 60);
    settle(&bench);
    assert_each_once(&bench, 60, "with room again");
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_disk_without_room_for_a_journal_stops_at_any_step_and_nothing_is_doubled() {
    let bench = bench();
    let test = "a_disk_without_room_for_a_journal_stops_at_any_step_and_nothing_is_doubled";
    let Some(small) = post::small_disk(&bench, test) else { return };
    symlink(small.path(), post::home_of(&bench, "laboratoire")).unwrap();
    small.grow();
    manifest(&bench, "first", 1, 10);
    bench.run(SEND).status(0);
    let (mut sent, mut stopped) = (1, 0);
    for kilobytes in [4, 48, 160, 320, 480, 640, 960] {
        let left = kilobytes << 10;
        manifest(&bench, &format!("with {left} octets"), 12, 10);
        // All but so many octets are taken by something else.
        let ballast = small.path().join("ballast");
        post::write(&ballast, &vec![0; usize::try_from(small.room()).unwrap().saturating_sub(left)]);
        let outcome = bench.run(SEND);
        stopped += usize::from(outcome.status_among(&[0, 74, 80]).stderr.contains("\"status\":74"));
        fs::remove_file(ballast).unwrap();
        let outcome = bench.run(SEND);
        assert_eq!(outcome.status_among(&[0, 80]).json_lines().len(), 12, "{outcome}");
        settle(&bench);
        sent += 12;
        assert_each_once(&bench, sent, &format!("{left} octets were left"));
    }
    assert!(stopped > 2, "the disk was never full");
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_limit_on_the_size_of_files_ends_the_batch_and_nothing_is_lost() {
    let bench = bench();
    let mut sent = 0;
    for (number, blocks) in [40, 80, 160, 320].iter().enumerate() {
        manifest(&bench, &number.to_string(), 12, 4000);
        let words = SEND.join(" ");
        bench.shell(&format!("ulimit -f {blocks}; mss --sandbox {words}"));
        // Who ignores the signal is told, and is not told that the rows are wrong.
        let told = bench.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; mss --sandbox {words}"));
        told.status_among(&[0, 74, 80]).stderr_lacks("mend the rows");
        let outcome = bench.run(SEND);
        assert_eq!(outcome.status_among(&[0, 80]).json_lines().len(), 12, "{outcome}");
        settle(&bench);
        sent += 12;
        assert_each_once(&bench, sent, &format!("no file of more than {blocks} blocks"));
    }
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_clock_that_was_set_back_between_two_runs_changes_nothing() {
    let bench = bench();
    let mut sent = 0;
    for (_, word) in Moment::ALL {
        manifest(&bench, word, 4, 10);
        killed_at(&bench, &SEND, word, 1).signal(9);
        for (number, moment) in ["2026-01-05T07:00:00Z", "2025-12-31T23:00:00Z", post::NOW].iter().enumerate() {
            let outcome = bench.call(SEND).variable("MSS_CLOCK", moment).run();
            let lines = outcome.status_among(&[0, 80]).json_lines();
            assert_eq!(lines.len(), 4, "{outcome}");
            assert!(number == 0 || lines.iter().all(|line| line["known"] == true), "{outcome}");
        }
        settle(&bench);
        sent += 4;
        assert_each_once(&bench, sent, word);
    }
    bench.run(["audit", "verify"]).status(0);
}
