//! Postfix takes what is sent, Dovecot keeps it: what they refuse, put off or send back is told, and one copy arrives.

use serde_json::{Value, json};

use crate::bench::operator::{Operator, with};
use crate::bench::servers::Servers;
use crate::bench::{Bench, Outcome};

const LABORATORY: &str = "laboratoire@biologie.sandbox";
const DURAND: &str = "dr.durand@medecin.sandbox";
const LEFEVRE: &str = "dr.lefevre@medecin.sandbox";
const CARDIOLOGY: &str = "cardiologie@hopital.sandbox";

/// Sends a short message to these people, with `--json`.
fn send(laboratory: &Bench, subject: &str, to: &[&str]) -> Outcome {
    let recipients = to.iter().flat_map(|address| ["--to", address]);
    let words = ["--json", "send", "--subject", subject, "--body-file", "-"].into_iter().chain(recipients);
    laboratory.call(words).stdin(format!("Résultats de {subject}\n.\n")).run()
}

/// Who is in which state.
fn states(outcome: &Outcome) -> Value {
    let lines = outcome.json_lines().into_iter();
    lines.map(|line| json!([line["recipient"], line["state"]])).collect()
}

#[test]
fn postfix_carries_a_message_to_dovecot_and_the_doctor_opens_it() {
    if !Servers::can_start("postfix_carries_a_message_to_dovecot_and_the_doctor_opens_it") {
        return;
    }
    let bench = Bench::new();
    let (operator, servers) = (Operator::start(&bench, &[]), Servers::start(&[]));
    let laboratory = servers.home_of(&operator, "laboratoire");
    let outcome = send(&laboratory, "Mme Ünal", &[DURAND]);
    let line = outcome.status(0).stderr_is("").json();
    let queue_id = line["queue_id"].as_str().expect("Postfix names what it queues").to_owned();
    assert!(servers.postfix_log().contains(&format!("{queue_id}: client=")), "{queue_id} is Postfix's own name");
    let message = servers.wait_for(DURAND, 1).remove(0);
    assert!(!String::from_utf8_lossy(&message).contains("nal"), "neither server can read it");

    let durand = servers.home_of(&operator, "dr.durand");
    let line = durand.run(["--json", "fetch", "--to", "in"]).status(0).json();
    assert_eq!(
        (&line["state"], &line["from"], &line["subject"]),
        (&json!("stored"), &json!(LABORATORY), &json!("Mme Ünal"))
    );
    let text = durand.read(&format!("{}/message.txt", line["place"].as_str().expect("it has a place")));
    assert_eq!(String::from_utf8_lossy(&text).replace("\r\n", "\n").trim_end(), "Résultats de Mme Ünal\n.");
    durand.run(["--json", "fetch", "--to", "in"]).status(0).stdout_is("");

    let port = servers.submission_tls().rsplit(':').next().expect("it has a port").to_owned();
    laboratory.run(["config", "set", "submission.port", &port]).status(0);
    laboratory.run(["config", "set", "submission.security", "implicit"]).status(0);
    send(&laboratory, "TLS from the first octet", &[DURAND]).status(0);
    servers.wait_for(DURAND, 2);
}

#[test]
fn what_postfix_refuses_or_puts_off_is_told_for_each_recipient() {
    if !Servers::can_start("what_postfix_refuses_or_puts_off_is_told_for_each_recipient") {
        return;
    }
    let bench = Bench::new();
    let (operator, servers) = (Operator::start(&bench, &[]), Servers::start(&[]));
    let laboratory = servers.home_of(&operator, "laboratoire");
    servers.answer(&[(LEFEVRE, "550 5.1.1 gone to sea")]);
    let outcome = send(&laboratory, "x", &[DURAND, LEFEVRE]);
    assert_eq!(states(outcome.status(79)), json!([[DURAND, "accepted"], [LEFEVRE, "refused"]]));
    outcome.stderr_has("gone to sea");
    servers.wait_for(DURAND, 1);

    servers.answer(&[(LEFEVRE, "450 4.2.0 come back later")]);
    let outcome = send(&laboratory, "y", &[LEFEVRE]);
    assert_eq!(states(outcome.status(75)), json!([[LEFEVRE, "deferred"]]));
    outcome.stderr_has("come back later");
    servers.answer(&[]);
    assert_eq!(states(send(&laboratory, "y", &[LEFEVRE]).status(0)), json!([[LEFEVRE, "accepted"]]));
    servers.wait_for(LEFEVRE, 1);
    send(&laboratory, "y", &[LEFEVRE]).status(0);
    assert_eq!((servers.messages(DURAND).len(), servers.messages(LEFEVRE).len()), (1, 1));
}

#[test]
fn a_postfix_that_was_away_gets_the_message_once() {
    if !Servers::can_start("a_postfix_that_was_away_gets_the_message_once") {
        return;
    }
    let bench = Bench::new();
    let (operator, mut servers) = (Operator::start(&bench, &[]), Servers::start(&[]));
    let laboratory = servers.home_of(&operator, "laboratoire");
    servers.stop_postfix();
    assert_eq!(states(send(&laboratory, "x", &[DURAND]).status(75)), json!([[DURAND, "queued"]]));
    servers.start_postfix();
    laboratory.run(["outbox", "run"]).status(0).stdout_has("accepted");
    send(&laboratory, "x", &[DURAND]).status(0);
    servers.wait_for(DURAND, 1);
    assert_eq!(servers.postfix_log().matches("client=").count(), 1, "Postfix took one message, once");
}

#[test]
fn nobody_signs_in_with_a_wrong_password_or_without_tls() {
    if !Servers::can_start("nobody_signs_in_with_a_wrong_password_or_without_tls") {
        return;
    }
    let bench = Bench::new();
    let (operator, servers) = (Operator::start(&bench, &[]), Servers::start(&[]));
    let home = Bench::new();
    let words = servers.init_words(&home, &operator, "laboratoire");
    let wrong = home.file("wrong", b"sesame\n");
    home.run(with(&words, "--password-file", &wrong)).status(77).stderr_has("535").stderr_lacks("sesame");
    home.run(with(&words, "--submission", &servers.submission_without_tls())).status(76).stderr_has("STARTTLS");
    home.run(with(&words, "--anchors", &operator.said("trust_file"))).status(76).stderr_has("does not trust");
    assert!(!servers.postfix_log().contains("sesame"));
}

#[test]
fn what_is_sent_back_after_it_was_accepted_comes_to_the_mailbox() {
    if !Servers::can_start("what_is_sent_back_after_it_was_accepted_comes_to_the_mailbox") {
        return;
    }
    let bench = Bench::new();
    let (operator, servers) = (Operator::start(&bench, &[]), Servers::start(&[LEFEVRE]));
    let laboratory = servers.home_of(&operator, "laboratoire");
    servers.reject(CARDIOLOGY, "closed on Sundays");
    send(&laboratory, "x", &[LEFEVRE]).status(0);
    send(&laboratory, "y", &[CARDIOLOGY]).status(0);
    let words = ["--json", "send", "--to", DURAND, "--subject", "z", "--body-file", "-", "--notify", "success,failure"];
    laboratory.call(words).stdin("Bonjour\n").run().status(0);
    let reports = servers.wait_for(LABORATORY, 3);
    let reports: Vec<String> = reports.iter().map(|report| String::from_utf8_lossy(report).into_owned()).collect();
    let has = |parts: [&str; 2]| reports.iter().any(|report| parts.iter().all(|part| report.contains(part)));
    assert!(has(["report-type=delivery-status", "Status: 5.2.2"]), "the mailbox is full: {reports:?}");
    assert!(has(["report-type=disposition-notification", "closed on Sundays"]), "the script: {reports:?}");
    assert!(servers.messages(LEFEVRE).is_empty() && servers.messages(CARDIOLOGY).is_empty());

    // Postfix hands over to a server without notices: it says so, and nothing more is waited for.
    laboratory.run(["outbox", "wait", "3", "--timeout", "1m"]).status(0).stdout_has("relayed 2.0.0");
    let filed = laboratory.run(["--json", "fetch", "--to", "in", "--all"]);
    assert!(filed.status(0).json_lines().iter().all(|line| line["state"] == "status"), "{filed}");
    let listed = laboratory.run(["--json", "outbox", "list"]);
    let expected = json!([[LEFEVRE, "bounced"], [CARDIOLOGY, "bounced"], [DURAND, "accepted"]]);
    assert_eq!(states(listed.status(0)), expected, "{listed}");
    listed.stdout_has("5.2.2").stdout_has("refused by a rule");
}
