//! `mss outbox`: what waits is seen, submitted when it is due, and settled by a person where the answer never came.

use crate::bench::{Bench, Outcome};

fn sandbox() -> Bench {
    Bench::new().sandbox().clock("2026-01-05T08:00:00Z")
}

fn send(bench: &Bench, fault: &str) -> Outcome {
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    bench.run(["send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--attach", &pdf, "--fault", fault])
}

fn arrived(bench: &Bench) -> usize {
    bench.run(["--json", "--profile", "dr.durand", "fetch", "--to", "received"]).status(0).json_lines().len()
}

#[test]
fn a_deferred_message_waits_its_time_and_then_goes() {
    let bench = sandbox();
    bench.run(["outbox", "list"]).status(0).stdout_is("").stderr_has("nothing there");
    send(&bench, "rcpt=defer:451 4.3.0 later").status(75);
    bench.run(["outbox", "list", "--open"]).status(0).stdout_has("deferred").stdout_has("451 4.3.0 later");
    bench.run(["outbox", "run"]).status(0).stdout_lacks("accepted");
    let later = bench.call(["outbox", "run"]).variable("MSS_CLOCK", "2026-01-05T08:10:00Z").run();
    later.status(0).stdout_has("accepted");
    bench.run(["outbox", "list", "--open"]).status(0).stdout_is("");
    bench.run(["outbox", "list"]).status(0).stdout_has("accepted");
    assert_eq!(arrived(&bench), 1);
}

#[test]
fn a_message_without_an_answer_is_settled_by_a_person_and_sent_again_only_then() {
    let bench = sandbox();
    let unknown = send(&bench, "data-end=cut");
    unknown.status(80).stderr_has("mss --sandbox outbox resolve").stderr_has("never sent again by itself");
    let id = bench.run(["--json", "outbox", "list"]).json()["id"].as_str().expect("it has a number").to_owned();
    bench.run(["outbox", "list", "--open"]).status(0).stdout_has("unknown");
    bench.run(["outbox", "run"]).status(0);
    assert_eq!(arrived(&bench), 1, "the fault delivers before it cuts, and nothing is sent twice");
    bench.run(["outbox", "resolve", &id, "--assume", "delivered"]).status(0).stdout_has("accepted");
    bench.run(["outbox", "resolve", &id, "--assume", "lost"]).status(64);
    bench.run(["outbox", "list", "--open"]).status(0).stdout_is("");
    assert_eq!(bench.run(["--json", "audit", "log", "--action", "resolve"]).json_lines()[0]["outcome"], "done");
}

#[test]
fn who_was_refused_before_the_line_broke_is_not_taken_for_served() {
    let bench = sandbox();
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    let words = ["--json", "send", "--to", "dr.lefevre@medecin.sandbox", "--to", "dr.durand@medecin.sandbox"];
    let faults = ["--attach", &pdf, "--fault", "rcpt=refuse:550 5.1.1 no@1", "--fault", "data-end=cut"];
    let lines = bench.run(words.iter().chain(&faults)).status(80).json_lines();
    let states = |lines: &[serde_json::Value]| lines.iter().map(|it| it["state"].to_string()).collect::<Vec<_>>();
    assert_eq!(states(&lines), [r#""refused""#, r#""unknown""#]);
    let id = lines[0]["id"].as_str().expect("it has a number");
    let settled = bench.run(["--json", "outbox", "resolve", id, "--assume", "delivered"]).status(0).json_lines();
    assert_eq!(states(&settled), [r#""refused""#, r#""accepted""#]);
    assert_eq!(arrived(&bench), 1);
}

#[test]
fn a_message_that_is_said_to_be_lost_is_the_same_message_when_it_goes_again() {
    let bench = sandbox();
    send(&bench, "data-end=cut").status(80);
    let before = bench.run(["--json", "outbox", "list"]).json();
    let id = before["id"].as_str().expect("it has a number");
    bench.run(["outbox", "resolve", id, "--assume", "lost"]).status(0).stdout_has("queued");
    let after = bench.run(["--json", "outbox", "run"]).status(0).json();
    assert_eq!((after["state"].as_str(), &after["message_id"]), (Some("accepted"), &before["message_id"]));
}

#[test]
fn a_message_that_waits_can_be_taken_back() {
    let bench = sandbox();
    send(&bench, "rcpt=defer:451 4.3.0 later").status(75);
    let id = bench.run(["--json", "outbox", "list"]).json()["id"].as_str().expect("it has a number").to_owned();
    bench.run(["outbox", "cancel", &id]).status(0).stdout_has("cancelled");
    bench.call(["outbox", "run"]).variable("MSS_CLOCK", "2026-01-06T08:00:00Z").run().status(0);
    assert_eq!(arrived(&bench), 0, "what was taken back is never sent");
    bench.run(["outbox", "cancel", &id]).status(64);
}

#[test]
fn a_number_that_is_none_is_refused() {
    let bench = sandbox();
    bench.run(["outbox", "resolve", "7", "--assume", "lost"]).status(1);
    bench.run(["outbox", "resolve", "seven", "--assume", "lost"]).status(64).stderr_has("the number of a message");
    bench.run(["outbox", "resolve", "7"]).status(1);
    bench.run(["outbox", "resolve", "--assume", "lost"]).status(64).stderr_has("<ID>");
}
