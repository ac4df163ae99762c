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
fn a_server_that_says_nothing_is_not_waited_for_longer_than_the_profile_says() {
    let bench = sandbox();
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    let words = ["send", "--to", "dr.durand@medecin.sandbox", "--attach", &pdf, "--fault", "mail=stall:4"];
    bench.call(words).variable("MSS_TIMEOUTS_MAIL", "1").run().status(75).stderr_has("the message stays queued");
}

/// The number of the only message.
fn number(bench: &Bench) -> String {
    bench.run(["--json", "outbox", "list"]).json()["id"].as_str().expect("it has a number").to_owned()
}

#[test]
fn everything_that_happened_to_a_message_is_shown() {
    let bench = sandbox();
    send(&bench, "rcpt=defer:451 4.3.0 later").status(75);
    let id = number(&bench);
    bench.call(["outbox", "run"]).variable("MSS_CLOCK", "2026-01-05T08:10:00Z").run().status(0);
    let shown = bench.run(["--json", "outbox", "show", &id]).status(0).json_lines();
    assert_eq!((&shown[0]["schema"], &shown[0]["state"]), (&"mss.outbox/1".into(), &"accepted".into()));
    let of_recipient =
        shown.iter().filter(|line| line["schema"] == "mss.outbox-event/1" && !line["recipient"].is_null());
    let states: Vec<&str> = of_recipient.clone().filter_map(|line| line["state"].as_str()).collect();
    assert_eq!(states, ["deferred", "accepted"]);
    let answers: Vec<&str> = of_recipient.filter_map(|line| line["answer"].as_str()).collect();
    assert!(answers[0].starts_with("451 4.3.0 later") && answers[1].starts_with("250"), "{answers:?}");
    let text = bench.run(["outbox", "show", &id]);
    text.status(0).stdout_has("smime, AES-256-GCM").stdout_has("submitting").stdout_has("451 4.3.0 later");
    bench.run(["outbox", "show", "7"]).status(1).stderr_has("has no message 7").stderr_has("outbox list");
}

#[test]
fn what_nobody_got_is_listed_in_the_morning_until_somebody_settles_it() {
    let bench = sandbox();
    let undelivered = || bench.run(["--json", "outbox", "list", "--undelivered"]);
    undelivered().status(0).stdout_is("");
    send(&bench, "rcpt=refuse:550 5.1.1 no such user").status(76);
    let id = number(&bench);
    assert_eq!(undelivered().status(1).json()["state"], "refused");
    bench.run(["outbox", "list", "--state", "refused"]).status(0).stdout_has("550 5.1.1");
    bench.run(["outbox", "list", "--state", "accepted"]).status(0).stdout_is("");
    // The mailbox is there now.
    bench.run(["outbox", "requeue", &id]).status(0).stdout_has("queued");
    bench.run(["outbox", "requeue", &id]).status(64);
    undelivered().status(0).stdout_is("");
    bench.run(["outbox", "run"]).status(0).stdout_has("accepted");
    undelivered().status(0);
    assert_eq!(arrived(&bench), 1);
    assert_eq!(
        bench.run(["--json", "audit", "log", "--action", "resolve"]).json_lines()[0]["request"],
        "outbox requeue"
    );
}

#[test]
fn what_waits_too_long_is_listed_and_so_is_a_notice_that_does_not_come() {
    let bench = sandbox();
    send(&bench, "mail=defer:451 4.3.0 later").status(75);
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    let followed = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "y", "--attach", &pdf];
    bench.call(followed).variable("MSS_OUTBOX_NOTIFY", "success,failure").run().status(0);
    let listed = |at: &str, words: &[&str]| {
        let call = ["--json", "outbox", "list", "--undelivered"];
        bench.call(call.iter().chain(words)).variable("MSS_CLOCK", at).run().json_lines()
    };
    assert!(listed("2026-01-05T20:00:00Z", &[]).is_empty(), "not yet a day");
    let states = |lines: &[serde_json::Value]| lines.iter().map(|it| it["state"].clone()).collect::<Vec<_>>();
    assert_eq!(states(&listed("2026-01-06T08:00:00Z", &[])), ["deferred", "accepted"]);
    assert_eq!(states(&listed("2026-01-05T09:00:00Z", &["--older-than", "1h"])), ["deferred", "accepted"]);
    assert!(listed("2026-01-06T08:00:00Z", &["--older-than", "2d"]).is_empty());
}

#[test]
fn a_message_that_is_put_off_for_too_long_expires() {
    let bench = sandbox();
    send(&bench, "rcpt=defer:451 4.3.0 later").status(75);
    let run = |at: &str| {
        let call = bench.call(["--json", "outbox", "run", "--fault", "rcpt=defer:451 4.3.0 later"]);
        call.variable("MSS_OUTBOX_EXPIRE_AFTER", "1h").variable("MSS_CLOCK", at).run()
    };
    assert_eq!(run("2026-01-05T08:10:00Z").status(75).json()["state"], "deferred");
    assert_eq!(run("2026-01-05T09:30:00Z").status(76).json()["state"], "expired");
    let later = "2026-01-20T08:00:00Z";
    bench.call(["outbox", "run"]).variable("MSS_CLOCK", later).run().status(0).stdout_is("");
    let id = number(&bench);
    bench.call(["outbox", "requeue", &id]).variable("MSS_CLOCK", later).run().status(0);
    // It has the whole time once more.
    assert_eq!(run("2026-01-20T08:10:00Z").status(75).json()["state"], "deferred");
    bench.run(["outbox", "cancel", &id]).status(0).stdout_has("cancelled");
    assert_eq!(arrived(&bench), 0);
}

#[test]
fn a_failure_that_somebody_has_dealt_with_is_closed() {
    let bench = sandbox();
    send(&bench, "rcpt=refuse:550 5.1.1 no such user").status(76);
    bench.run(["outbox", "list", "--undelivered"]).status(1).stdout_has("refused");
    bench.run(["outbox", "cancel", &number(&bench)]).status(0).stdout_has("cancelled");
    bench.run(["outbox", "list", "--undelivered"]).status(0).stdout_is("");
}

#[test]
fn settled_messages_are_erased_past_their_term_and_that_is_traced() {
    let bench = sandbox();
    send(&bench, "rcpt=defer:451 4.3.0 later@0").status(0);
    let purge = |at: &str, words: &[&str]| {
        let call = ["--json", "outbox", "purge"];
        let outcome = bench.call(call.iter().chain(words)).variable("MSS_CLOCK", at).run();
        outcome.status(0).json()["messages"].as_u64()
    };
    assert_eq!(purge("2026-04-04T08:00:00Z", &[]), Some(0), "retention.keep-days is 90");
    let later = "2026-04-10T08:00:00Z";
    assert_eq!(purge(later, &["--dry-run"]), Some(1));
    bench.call(["purge-check"]).variable("MSS_CLOCK", later).run().stdout_has("outbox: 1 older");
    assert_eq!(purge(later, &["--older-than", "365d"]), Some(0));
    let erased = bench.call(["outbox", "purge"]).variable("MSS_CLOCK", later).run();
    erased.status(0).stdout_has("erased: 1 message settled before 2026-01-10");
    bench.run(["outbox", "list"]).status(0).stdout_is("");
    let traced = bench.run(["--json", "audit", "log", "--action", "erase"]).json_lines();
    assert_eq!(traced.last().map(|line| line["count"].as_u64()), Some(Some(1)));
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_number_that_is_none_is_refused() {
    let bench = sandbox();
    bench.run(["outbox", "resolve", "7", "--assume", "lost"]).status(1);
    bench.run(["outbox", "resolve", "seven", "--assume", "lost"]).status(64).stderr_has("the number of a message");
    bench.run(["outbox", "resolve", "7"]).status(1);
    bench.run(["outbox", "resolve", "--assume", "lost"]).status(64).stderr_has("<ID>");
}
