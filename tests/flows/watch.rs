//! `mss fetch --watch` and what else a long run is asked: it takes what comes, mends a broken line, and ends when it is told to.

use std::thread;
use std::time::Duration;

use super::post::{DURAND, bench, flagged, stored};
use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory};

fn send(bench: &Bench, to: &str, subject: &str) {
    bench.run(["send", "--to", to, "--subject", subject, "--attach", "result.pdf"]).status(0);
}

#[test]
fn a_watch_takes_what_comes_and_ends_when_it_is_told_to() {
    let bench = Bench::new();
    bench.file("result.pdf", b"%PDF-1.7");
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    let own = operator.person("laboratoire", "address");
    let send = |subject: &str| {
        as_laboratory(&bench, ["send", "--to", &own, "--subject", subject, "--attach", "result.pdf"]).run().status(0);
    };
    send("before");
    let mut watch = as_laboratory(&bench, ["fetch", "--watch", "--to", "in"]).start();
    watch.wait_for_stderr("takes what comes");
    watch.wait_for_stdout("before");
    send("meanwhile");
    watch.wait_for_stdout("meanwhile");
    watch.terminate().status(0).stderr_lacks("error");
    assert_eq!(stored(&bench, "in").len(), 2);
    as_laboratory(&bench, ["fetch", "--to", "in"]).run().status(0).stdout_is("");
    as_laboratory(&bench, ["audit", "verify"]).run().status(0);
    as_laboratory(&bench, ["fetch", "--watch", "--limit", "3"]).run().status(64);
}

#[test]
fn a_watch_ends_where_a_person_has_to_look() {
    let bench = bench();
    send(&bench, DURAND, "x");
    let words = ["-p", "dr.durand", "fetch", "--watch", "--to", "in"];
    bench.run(["--fault", "mailbox-starttls=certificate:foreign"].iter().chain(&words)).status(76);
    bench.run(words[..3].iter().chain(&["--to", "in"])).status(0);
    bench.run(["--fault", "select=uidvalidity:change@1"].iter().chain(&words)).status(65).stderr_has("made anew");
}

#[test]
fn a_line_that_breaks_once_is_mended_and_nothing_comes_twice() {
    let cardiology = "cardiologie@hopital.sandbox";
    for (fault, subject) in
        [("fetch=cut:2000@1", "cut in a body"), ("fetch=close421@1", "bye"), ("store=cut@1", "unheard")]
    {
        let bench = bench();
        (0..3).for_each(|number| send(&bench, cardiology, &format!("{subject} {number}")));
        let words = ["--json", "--fault", fault, "-p", "cardiologie", "fetch", "--to", "in"];
        let lines = bench.run(words).status(0).json_lines();
        let states: Vec<_> = lines.iter().map(|line| (&line["state"], &line["acknowledged"])).collect();
        assert_eq!(states, [(&"stored".into(), &"seen".into()); 3], "{fault}");
        assert_eq!((stored(&bench, "in").len(), flagged(&bench, cardiology, "INBOX", "\\Seen")), (3, 3), "{fault}");
        bench.run(["-p", "cardiologie", "audit", "verify"]).status(0);
    }
}

#[test]
fn an_interrupted_fetch_ends_what_is_under_way() {
    let bench = bench();
    send(&bench, DURAND, "x");
    let call = bench.call(["-v", "--fault", "store=stall:2@1", "-p", "dr.durand", "fetch", "--to", "in"]);
    let mut running = call.start();
    running.wait_for_stderr("UID STORE");
    thread::sleep(Duration::from_millis(100));
    running.interrupt().status(130).stdout_has("stored");
    assert_eq!((stored(&bench, "in").len(), flagged(&bench, DURAND, "INBOX", "\\Seen")), (1, 1));
    bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
}

#[test]
fn only_what_is_asked_for_is_fetched() {
    let bench = bench();
    ["one", "two"].iter().for_each(|subject| send(&bench, DURAND, subject));
    let fetch = |words: &[&str]| {
        let words = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", "keep"].iter().chain(words);
        bench.run(words).status(0).json_lines().len()
    };
    for none in [
        &["--from", "nobody@medecin.sandbox"][..],
        &["--since", "2026-01-06"],
        &["--before", "2026-01-05"],
        &["--larger", "1M"],
        &["--smaller", "1k"],
        &["--state", "seen"],
        &["--folder", "Archive"],
    ] {
        assert_eq!(fetch(none), 0, "{none:?}");
    }
    assert_eq!(
        fetch(&["--from", "laboratoire@biologie", "--since", "2026-01-05", "--larger", "1k", "--limit", "1"]),
        1
    );
    assert_eq!(fetch(&["--folder", "*"]), 1, "the other one, wherever it is");
    assert_eq!(fetch(&["--all", "--jobs", "4"]), 0);
    for bad in [&["--from", "a b"][..], &["--since", "yesterday"], &["--larger", "10G"], &["--all", "--state", "seen"]]
    {
        bench.run(["-p", "dr.durand", "fetch"].iter().chain(bad)).status(64);
    }
}
