//! `outbox.alert-command`: somebody hears of each misfortune once, and of its end once.

use serde_json::Value;

use crate::bench::{Bench, Call, Outcome};

/// Keeps what each alert said, and says by which event it came.
const COMMAND: &str = "{ echo \"$MSS_EVENT $MSS_PROFILE $MSS_COUNT $MSS_IDS\"; cat; } >> alerts; echo not shown";

fn sandbox() -> Bench {
    Bench::new().sandbox().clock("2026-01-05T08:00:00Z").variable("MSS_OUTBOX_ALERT_COMMAND", COMMAND)
}

fn sending(bench: &Bench, faults: &[&str]) -> Call {
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    let words = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "Mme Durand", "--attach", &pdf];
    bench.call(words.iter().copied().chain(faults.iter().flat_map(|fault| ["--fault", fault])))
}

fn send(bench: &Bench, faults: &[&str]) -> Outcome {
    sending(bench, faults).run()
}

/// The first lines of the alerts so far, which the variables said, and what stood on stdin.
fn alerts(bench: &Bench) -> Vec<(String, Value)> {
    let text = if bench.path("alerts").exists() { bench.read("alerts") } else { Vec::new() };
    let text = String::from_utf8(text).expect("an alert is text");
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(2).map(|two| (two[0].to_owned(), serde_json::from_str(two[1]).expect("it is JSON"))).collect()
}

fn said(bench: &Bench) -> Vec<String> {
    alerts(bench).into_iter().map(|(variables, _)| variables).collect()
}

#[test]
fn a_server_that_is_away_is_told_once_and_its_return_once() {
    let bench = sandbox();
    send(&bench, &["auth=refuse:535 5.7.8 no"]).status(77).stdout_lacks("not shown").stderr_lacks("not shown");
    bench.run(["outbox", "run", "--fault", "auth=refuse:535 5.7.8 no"]).status(77);
    assert_eq!(said(&bench), ["trouble laboratoire 1 1"]);
    bench.run(["outbox", "run"]).status(0).stdout_has("accepted");
    send(&bench, &[]).status(0);
    assert_eq!(said(&bench), ["trouble laboratoire 1 1", "recovered laboratoire 0 "]);
    let (_, alert) = alerts(&bench).remove(0);
    assert_eq!(
        (&alert["schema"], &alert["event"], &alert["ids"][0]),
        (&"mss.alert/1".into(), &"trouble".into(), &"1".into())
    );
    let all = String::from_utf8(bench.read("alerts")).expect("an alert is text");
    assert!(!all.contains('@') && !all.contains("Mme Durand"), "{all}");
}

#[test]
fn a_message_that_is_refused_is_told_once_and_so_is_its_end() {
    let bench = sandbox();
    send(&bench, &["rcpt=refuse:550 5.1.1 no"]).status(76);
    bench.run(["outbox", "run"]).status(0);
    assert_eq!(said(&bench), ["undelivered laboratoire 1 1"]);
    bench.run(["outbox", "requeue", "1"]).status(0);
    bench.run(["outbox", "run"]).status(0).stdout_has("accepted");
    bench.run(["outbox", "run"]).status(0);
    assert_eq!(said(&bench), ["undelivered laboratoire 1 1", "recovered laboratoire 1 1"]);
}

#[test]
fn the_third_deferral_is_told() {
    let bench = sandbox();
    send(&bench, &["rcpt=defer:451 4.3.0 later"]).status(75);
    for (at, alerts) in [("08:30", 0), ("09:30", 1), ("11:30", 1)] {
        let call = bench.call(["outbox", "run", "--fault", "rcpt=defer:451 4.3.0 later"]);
        call.variable("MSS_CLOCK", &format!("2026-01-05T{at}:00Z")).run().status(75);
        assert_eq!(said(&bench).len(), alerts, "{at}");
    }
    assert_eq!(said(&bench), ["undelivered laboratoire 1 1"]);
}

#[test]
fn a_command_that_fails_is_a_warning_and_is_run_again_with_the_next_occasion() {
    let bench = sandbox();
    let failing = sending(&bench, &["rcpt=refuse:550 5.1.1 no"]).variable("MSS_OUTBOX_ALERT_COMMAND", "exit 3").run();
    failing.status(76).stderr_has("nobody was alerted").stderr_has("exit status: 3");
    bench.run(["outbox", "run"]).status(0);
    assert_eq!(said(&bench), ["undelivered laboratoire 1 1"]);
}
