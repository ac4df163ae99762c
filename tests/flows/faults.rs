//! Servers that misbehave, at every stage: the status says what to do, and whatever is done, one copy arrives.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use mss::mail::Notice;
use mss::mail::notice::Action;

use super::moments::{assert_each_once, settle};
use super::post::{self, DURAND, LABORATORY, LEFEVRE, assert_error, bench, delivered, flagged, newest, stored};
use crate::bench::Bench;

/// Sends a message of its own to Dr Durand while this goes wrong.
fn words<'a>(fault: &'a str, subject: &'a str) -> [&'a str; 11] {
    ["--json", "--fault", fault, "send", "--to", DURAND, "--subject", subject, "--again", "--attach", "result.pdf"]
}

/// Every fault before the point of no return: its status, the state of the message, the name of the failure.
const BEFORE_THE_END: [(&str, i32, &str, &str); 38] = [
    ("connect=refuse", 75, "queued", "no-service"),
    ("connect=defer", 75, "queued", "deferred"),
    ("connect=cut", 75, "queued", "broken"),
    ("connect=close421", 75, "queued", "deferred"),
    ("ehlo=refuse", 75, "queued", "no-service"),
    ("ehlo=defer", 75, "queued", "deferred"),
    ("ehlo=cut", 75, "queued", "broken"),
    ("ehlo=close421", 75, "queued", "deferred"),
    ("starttls=strip", 76, "queued", "no-starttls"),
    ("starttls=refuse", 76, "queued", "no-starttls"),
    ("starttls=defer", 76, "queued", "no-starttls"),
    ("starttls=cut", 75, "queued", "broken"),
    ("starttls=close421", 75, "queued", "deferred"),
    ("starttls=certificate:expired", 76, "queued", "server-certificate-expired"),
    ("starttls=certificate:wrong-name", 76, "queued", "server-certificate-name"),
    ("starttls=certificate:revoked", 76, "queued", "server-certificate-revoked"),
    ("starttls=certificate:foreign", 76, "queued", "server-certificate-issuer"),
    ("auth=refuse:535 5.7.8 wrong code", 77, "queued", "sign-in-refused"),
    ("auth=defer", 75, "queued", "deferred"),
    ("auth=cut", 75, "queued", "broken"),
    ("auth=close421", 75, "queued", "deferred"),
    ("mail=refuse", 76, "refused", "refused"),
    ("mail=defer", 75, "deferred", "deferred"),
    ("mail=cut", 75, "queued", "broken"),
    ("mail=close421", 75, "deferred", "deferred"),
    ("rcpt=refuse:550 5.1.1 no such user", 76, "refused", "refused"),
    ("rcpt=defer", 75, "deferred", "deferred"),
    ("rcpt=cut", 75, "queued", "broken"),
    ("rcpt=close421", 75, "deferred", "deferred"),
    ("data=refuse", 76, "refused", "refused"),
    ("data=defer", 75, "deferred", "deferred"),
    ("data=cut", 75, "queued", "broken"),
    ("data=close421", 75, "deferred", "deferred"),
    ("body=refuse", 76, "refused", "refused"),
    ("body=defer", 75, "deferred", "deferred"),
    ("data-end=refuse", 76, "refused", "refused"),
    ("data-end=defer", 75, "deferred", "deferred"),
    ("data-end=close421", 75, "deferred", "deferred"),
];

#[test]
fn a_submission_that_fails_says_how_and_the_next_run_delivers_one_copy() {
    let bench = bench();
    let mut sent = 0;
    for (number, (fault, status, state, code)) in BEFORE_THE_END.iter().enumerate() {
        let subject = number.to_string();
        let send = |fault: &[&str]| {
            let words = ["send", "--to", DURAND, "--subject", &subject, "--attach", "result.pdf"];
            bench.run(["--json"].iter().chain(fault).chain(&words))
        };
        let outcome = send(&["--fault", fault]);
        let error = assert_error(&outcome, *status, code);
        let line = outcome.json();
        assert_eq!((&line["state"], line["id"].is_string()), (&(*state).into(), true), "{outcome}");
        if fault.contains("refuse") || fault.contains("defer") {
            let words = fault.split_once(':').map_or("by a fault of the sandbox", |(_, words)| words);
            assert!(error["because"].to_string().contains(words), "the words of the server are told\n{outcome}");
        }
        assert_eq!(delivered(&bench, DURAND), sent, "{fault}: not delivered");
        // At once, and without a fault: queued, put off or refused, the same command sends it.
        let again = send(&[]);
        assert_eq!(again.status(0).json()["state"], "accepted", "{again}");
        sent += 1;
        assert_eq!(delivered(&bench, DURAND), sent, "{fault}: one copy");
    }
    bench.run(["--json", "outbox", "run"]).status(0).stdout_is("");
    assert_eq!(delivered(&bench, DURAND), sent);
    let fetched = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]);
    assert_eq!(fetched.status(0).json_lines().len(), sent);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_line_that_breaks_inside_the_message_loses_nothing_and_doubles_nothing() {
    let bench = bench();
    for (number, fault) in ["body=cut", "body=cut:100", "body=cut:3000", "body=cut:7000"].iter().enumerate() {
        // Short messages leave in one piece: whether the whole was gone when the line broke, we may not know.
        let outcome = bench.run(words(fault, &number.to_string()));
        let line = outcome.status_among(&[75, 80]).json();
        assert_eq!(delivered(&bench, DURAND), number, "{outcome}");
        if line["state"] == "unknown" {
            bench.run(["outbox", "resolve", line["id"].as_str().unwrap(), "--assume", "lost"]).status(0);
        }
        bench.run(["outbox", "run"]).status(0);
        assert_eq!(delivered(&bench, DURAND), number + 1, "{outcome}");
    }
}

#[test]
fn messages_behind_one_that_broke_the_line_are_sent_by_the_same_run() {
    let bench = bench();
    // Nothing that compresses.
    let text = |number: u64| -> String {
        (0..40_000).map(|at| format!("{:x}", (number * 40_000 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
    };
    let rows: String = (0..24).map(|number| format!("{number},{DURAND},Bilan,{}\n", text(number))).collect();
    bench.file("manifest.csv", format!("key,to,subject,body\n{rows}").as_bytes());
    bench.run(["send", "--batch", "manifest.csv", "--queue-only"]).status(0);
    // All of them may be cleared by then in one step; what does not fit between the two has not begun to leave.
    bench.run(["--json", "--fault", "mail=cut@1", "outbox", "run"]).status_among(&[0, 80]);
    let lines = bench.run(["--json", "outbox", "list"]).status(0).json_lines();
    let unknown = lines.iter().filter(|line| line["state"] == "unknown").count();
    let accepted = lines.iter().filter(|line| line["state"] == "accepted").count();
    assert_eq!((unknown + accepted, unknown < 6), (24, true), "{unknown} are unknown");
    assert_eq!(settle(&bench), unknown);
    assert_each_once(&bench, 24, "in the end");
}

#[test]
fn what_was_accepted_and_not_delivered_comes_back_as_a_notice() {
    let bench = bench();
    for (number, fault) in ["deliver=bounce:550 5.1.1 no such user", "deliver=rejected"].iter().enumerate() {
        let line = bench.run(words(fault, fault)).status(0).json();
        assert_eq!((&line["state"], delivered(&bench, DURAND)), (&"accepted".into(), 0), "{fault}");
        assert_eq!(delivered(&bench, LABORATORY), number + 1);
        let notice = Notice::read(&newest(&bench, LABORATORY)).unwrap();
        assert_eq!(notice.message_ids()[0].to_string(), line["message_id"].as_str().unwrap());
        match notice {
            Notice::Delivery(notice) => assert_eq!(notice.recipients[0].action, Action::Failed),
            Notice::Disposition(notice) => assert!(notice.is_refused_by_rule()),
        }
    }
    for fault in ["deliver=delay", "deliver=displayed"] {
        bench.run(words(fault, fault)).status(0);
    }
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LABORATORY)), (2, 4));
}

#[test]
fn nothing_goes_wrong_at_the_farewell() {
    let bench = bench();
    for (number, fault) in ["quit=refuse", "quit=defer", "quit=cut", "quit=close421"].iter().enumerate() {
        let outcome = bench.run(words(fault, &number.to_string()));
        assert_eq!(outcome.status(0).stderr_is("").json()["state"], "accepted", "{outcome}");
    }
    assert_eq!(delivered(&bench, DURAND), 4);
}

#[test]
fn a_server_that_is_slow_is_waited_for() {
    let bench = bench();
    for fault in ["connect=stall:0.3", "auth=stall:0.3", "data-end=stall:0.3"] {
        bench.run(words(fault, fault)).status(0);
    }
    assert_eq!(delivered(&bench, DURAND), 3);
}

#[test]
fn what_is_put_off_once_is_accepted_the_next_time_and_never_twice() {
    let bench = bench();
    let send = ["send", "--to", DURAND, "--to", LEFEVRE, "--attach", "result.pdf"];
    let outcome = bench.run(["--fault", "rcpt=defer:451 4.3.0 come back later@1", "--json"].iter().chain(&send));
    let lines = outcome.status(75).json_lines();
    assert_eq!((&lines[0]["state"], &lines[1]["state"]), (&"deferred".into(), &"accepted".into()));
    assert!(outcome.json_error()["because"][0].as_str().unwrap().contains("come back later"), "{outcome}");
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (0, 1));
    let waiting = bench.run(["--json", "outbox", "list", "--open"]).status(0).json_lines();
    assert_eq!((&waiting[0]["recipient"], &waiting[0]["state"]), (&DURAND.into(), &"deferred".into()));
    assert!(waiting[0]["until"].as_str().unwrap() > post::NOW);
    // Not before it is due by itself, at once when the command is given again.
    bench.run(["--json", "outbox", "run"]).status(0).stdout_is("");
    assert_eq!(delivered(&bench, DURAND), 0);
    bench.run(send).status(0);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (1, 1));
}

#[test]
fn what_was_put_off_is_sent_by_the_outbox_when_it_is_due() {
    let bench = bench();
    bench.run(words("mail=defer@1", "later")).status(75);
    let run = bench.call(["--json", "outbox", "run"]).variable("MSS_CLOCK", "2026-01-05T08:30:00Z").run();
    assert_eq!(run.status(0).json()["state"], "accepted");
    assert_eq!(delivered(&bench, DURAND), 1);
}

#[test]
fn one_recipient_refused_for_good_is_told_and_the_others_are_served_once() {
    let bench = bench();
    let send = ["send", "--to", DURAND, "--to", LEFEVRE, "--attach", "result.pdf"];
    let outcome = bench.run(["--fault", "rcpt=refuse:550 5.1.1 moved away@1", "--json"].iter().chain(&send));
    let lines = outcome.status(79).json_lines();
    assert_eq!((&lines[0]["state"], &lines[1]["state"]), (&"refused".into(), &"accepted".into()));
    let error = assert_error(&outcome, 79, "refused");
    assert!(error["because"][0].as_str().unwrap().contains("moved away"), "{outcome}");
    bench.run(send).status(0);
    bench.run(send).status(0);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (1, 1), "asked again, whom it did not reach");
}

/// Sends while the line breaks after the final dot: the operator has it, and we do not know.
fn send_into_the_unknown(bench: &Bench) -> String {
    let send = ["send", "--to", DURAND, "--subject", "Bilan", "--attach", "result.pdf"];
    let outcome = bench.run(["--json", "--fault", "data-end=cut"].iter().chain(&send));
    let line = outcome.status(80).json();
    assert_eq!(line["state"], "unknown", "{outcome}");
    let id = line["id"].as_str().unwrap().to_owned();
    let error = assert_error(&outcome, 80, "unknown");
    assert!(error["hint"].as_str().unwrap().contains(&format!("outbox resolve {id}")), "{outcome}");
    assert_eq!(delivered(bench, DURAND), 1, "this operator took it");
    assert_eq!(bench.run(["--json", "outbox", "list", "--open"]).status(0).json()["state"], "unknown");
    // Neither the same command nor the outbox sends it by itself.
    bench.run(["--json"].iter().chain(&send)).status(80);
    bench.run(["outbox", "run"]).status_among(&[0, 80]);
    assert_eq!(delivered(bench, DURAND), 1);
    id
}

#[test]
fn an_unknown_message_that_arrived_is_settled_as_delivered() {
    let bench = bench();
    let id = send_into_the_unknown(&bench);
    let line = bench.run(["--json", "outbox", "resolve", &id, "--assume", "delivered"]).status(0).json();
    assert_eq!(line["state"], "accepted");
    bench.run(["--json", "outbox", "list", "--open"]).status(0).stdout_is("");
    bench.run(["send", "--to", DURAND, "--subject", "Bilan", "--attach", "result.pdf"]).status(0);
    assert_eq!(delivered(&bench, DURAND), 1);
    assert_error(&bench.run(["--json", "outbox", "resolve", &id, "--assume", "lost"]), 64, "message-state");
    bench.run(["--json", "outbox", "resolve", "77", "--assume", "lost"]).status(1);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn an_unknown_message_that_was_lost_is_sent_again_as_the_same_message() {
    let bench = bench();
    let id = send_into_the_unknown(&bench);
    let lost = post::messages(&bench, DURAND, "INBOX").remove(0);
    let first = std::fs::read_to_string(&lost).unwrap();
    // The operator lost it.
    let fetched =
        bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "lost", "--after", "delete"]).status(0).json();
    let line = bench.run(["--json", "outbox", "resolve", &id, "--assume", "lost"]).status(0).json();
    assert_eq!(line["state"], "queued");
    bench.run(["--json", "outbox", "run"]).status(0);
    let second = String::from_utf8(newest(&bench, DURAND)).unwrap();
    assert_eq!(delivered(&bench, DURAND), 1);
    let body = |raw: &str| raw.split_once("\r\nFrom: ").unwrap().1.to_owned();
    assert_eq!(body(&first), body(&second), "the same octets, so that a reader who has both sees one message");
    let again = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(0).json();
    assert_eq!(again["message_id"], fetched["message_id"]);
}

/// Every fault of the mailbox: its status and the name of the failure.
const MAILBOX: [(&str, i32, &str); 26] = [
    ("mailbox-connect=refuse", 69, "mailbox-unavailable"),
    ("mailbox-connect=cut", 69, "broken"),
    ("mailbox-connect=close421", 69, "mailbox-unavailable"),
    ("mailbox-starttls=strip", 76, "no-starttls"),
    ("mailbox-starttls=refuse", 76, "no-starttls"),
    ("mailbox-starttls=cut", 69, "broken"),
    ("mailbox-starttls=certificate:expired", 76, "server-certificate-expired"),
    ("mailbox-starttls=certificate:wrong-name", 76, "server-certificate-name"),
    ("mailbox-starttls=certificate:revoked", 76, "server-certificate-revoked"),
    ("mailbox-starttls=certificate:foreign", 76, "server-certificate-issuer"),
    ("mailbox-auth=refuse:wrong code", 77, "sign-in-refused"),
    ("mailbox-auth=defer", 75, "mailbox-busy"),
    ("mailbox-auth=cut", 69, "broken"),
    ("mailbox-auth=close421", 69, "mailbox-unavailable"),
    ("select=refuse", 77, "mailbox-refused"),
    ("select=defer", 75, "mailbox-busy"),
    ("select=cut", 69, "broken"),
    ("select=close421", 69, "mailbox-unavailable"),
    ("fetch=refuse", 77, "mailbox-refused"),
    ("fetch=defer", 75, "mailbox-busy"),
    ("fetch=cut", 69, "broken"),
    ("fetch=cut:2000", 69, "broken"),
    ("fetch=close421", 69, "mailbox-unavailable"),
    ("directory=cut", 69, "broken"),
    ("directory=refuse", 77, "directory-key"),
    ("crl=cut", 76, "server-revocation-unknown"),
];

#[test]
fn a_fetch_that_fails_says_how_and_leaves_the_message_where_it_was() {
    let bench = bench();
    bench.run(words("quit=cut", "Bilan")).status(0);
    // Lists that are kept would not be asked for.
    let cache = bench.home().join(".cache");
    for (fault, status, code) in MAILBOX {
        let _ = std::fs::remove_dir_all(&cache);
        let outcome = bench.run(["--json", "--fault", fault, "-p", "dr.durand", "fetch", "--to", "in"]);
        assert_error(&outcome, status, code);
        outcome.stdout_is("");
        assert!(stored(&bench, "in").is_empty(), "{fault}: half done");
        assert_eq!(flagged(&bench, DURAND, "INBOX", "\\Seen"), 0, "{fault}");
        let spool = post::home_of(&bench, "dr.durand").join("spool");
        assert!(!spool.exists() || post::below(&spool).is_empty(), "{fault}: left in the spool");
    }
    bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(0).stdout_has("\"stored\"");
    bench.run(["-p", "dr.durand", "audit", "verify"]).status(0);
}

#[test]
fn a_message_that_could_not_be_acknowledged_is_not_stored_again() {
    for (fault, status) in [("store=refuse", 77), ("store=defer", 75), ("store=cut", 69), ("store=close421", 69)] {
        for after in ["seen", "move:Archive", "delete"] {
            let bench = bench();
            bench.run(words("quit=cut", "Bilan")).status(0);
            let fetch = ["--json", "-p", "dr.durand", "fetch", "--to", "in", "--after", after];
            let outcome = bench.run(["--fault", fault].iter().chain(&fetch));
            outcome.status(status).json_error();
            assert_eq!((stored(&bench, "in").len(), delivered(&bench, DURAND)), (1, 1), "{fault} {after}");
            let next = bench.run(fetch);
            assert_eq!(next.status(0).json()["state"], "known", "{next}");
            assert_eq!(stored(&bench, "in").len(), 1, "{fault} {after}");
            assert_eq!(delivered(&bench, DURAND), usize::from(after == "seen"), "{fault} {after}");
        }
    }
}

#[test]
fn a_white_list_that_cannot_be_had_or_believed_stops_the_message_before_anything_leaves() {
    for (fault, status) in [("list=cut", 69), ("list=refuse", 69), ("list=certificate:foreign", 76)] {
        let bench = bench();
        let outcome = bench.run(words(fault, "Bilan"));
        assert_eq!(outcome.status(status).json_error()["code"], "white-list-unreachable", "{outcome}");
        assert_eq!(delivered(&bench, DURAND), 0);
        bench.run(["--json", "outbox", "list"]).status(0).stdout_is("");
    }
}

#[test]
fn a_fault_that_does_not_exist_is_a_usage_error() {
    let bench = bench();
    let outcome = bench.run(["--json", "--fault", "rcpt=explode", "send", "--to", DURAND, "--attach", "result.pdf"]);
    assert_error(&outcome, 64, "fault");
}
