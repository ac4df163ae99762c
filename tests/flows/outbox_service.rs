//! `mss outbox run --watch`: a service that submits what comes, waits for a server that is away, and ends when it is told to.

use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory};

/// Words that send a message from the vault of the laboratory, over the service or past it.
const SEND: [&str; 7] = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--attach", "result.pdf"];

fn sandbox() -> Bench {
    let bench = Bench::new().sandbox().clock("2026-01-05T08:00:00Z");
    bench.file("result.pdf", b"%PDF-1.7");
    bench
}

#[test]
fn a_service_submits_what_waits_and_ends_when_it_is_told_to() {
    let bench = sandbox();
    bench.run(SEND.iter().chain(&["--fault", "auth=refuse:535 5.7.8 no"])).status(77);
    let mut service = bench.call(["--json", "outbox", "run", "--watch", "--every", "1s"]).start();
    let said = service.wait_for_stdout("\n");
    let line: serde_json::Value = serde_json::from_str(&said).expect("it is a line of JSON");
    assert_eq!((&line["schema"], &line["state"]), (&"mss.outbox/1".into(), &"accepted".into()));
    service.terminate().status(0);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_service_with_nothing_to_do_ends_well() {
    let bench = sandbox();
    let mut service = bench.call(["outbox", "run", "--watch"]).start();
    service.wait_for_stderr("submits what comes");
    service.interrupt().status(0).stdout_is("");
}

#[test]
fn a_service_waits_for_a_server_that_is_away() {
    let bench = sandbox();
    bench.run(SEND.iter().chain(&["--fault", "auth=refuse:535 5.7.8 no"])).status(77);
    let call = bench.call(["outbox", "run", "--watch", "--every", "1s", "--fault", "connect=close421@1"]);
    let mut service = call.start();
    service.wait_for_stderr("tries again in 5 s");
    service.wait_for_stdout("accepted");
    let told = service.terminate();
    told.status(0).stderr_has("the message stays queued").stderr_has("the server can be used again");
}

#[test]
fn a_service_submits_what_another_process_queues() {
    let bench = Bench::new();
    bench.file("result.pdf", b"%PDF-1.7");
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    bench.file("rows.csv", b"to,subject,body,attach\ndr.durand@medecin.sandbox,x,y,result.pdf\n");
    let mut service = as_laboratory(&bench, ["outbox", "run", "--watch", "--every", "1s"]).start();
    service.wait_for_stderr("submits what comes");
    as_laboratory(&bench, ["send", "--batch", "rows.csv", "--queue-only"]).run().status(0);
    service.wait_for_stdout("accepted");
    service.terminate().status(0);
    as_laboratory(&bench, ["outbox", "list"]).run().status(0).stdout_has("accepted");
    as_laboratory(&bench, ["outbox", "run", "--rate", "5/x"]).run().status(64).stderr_has("600/m");
}
