//! Dialogues with the submission server, over real sockets.

use crate::sandbox::scripted::{CARDIO, Client, DURAND, LABO, Trial, plain};
use crate::sandbox::server::Door;
use crate::sandbox::store::INBOX;

const TLS: Door = Door::Submission { implicit: true };
const STARTTLS: Door = Door::Submission { implicit: false };

/// A client of the laboratory that has signed in.
pub(super) fn signed_in(trial: &Trial) -> Client {
    let mut client = trial.client(TLS);
    client.reply("220 ");
    client.smtp("EHLO labo", "250 ");
    client.smtp(&format!("AUTH PLAIN {}", plain(LABO)), "235 2.7.0");
    client
}

pub(super) fn stored(trial: &Trial, who: &str) -> Vec<String> {
    let mailbox = trial.service.store.mailbox(&who.parse().unwrap()).unwrap();
    let folder = mailbox.folder(INBOX).unwrap();
    let snapshot = folder.snapshot(None).unwrap().unwrap();
    let text = |uid| std::io::read_to_string(folder.message(snapshot.uid_validity, uid).unwrap()).unwrap();
    snapshot.messages.iter().map(|message| text(message.uid)).collect()
}

pub(super) fn envelope(client: &mut Client, to: &[&str]) {
    client.smtp(&format!("MAIL FROM:<{LABO}> SIZE=20 BODY=8BITMIME"), "250 2.1.0");
    for to in to {
        client.smtp(&format!("RCPT TO:<{to}>"), "250 2.1.5");
    }
}

#[test]
fn a_message_is_in_every_inbox_when_the_queue_id_is_told() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    envelope(&mut client, &[DURAND, CARDIO, "DR.DURAND@medecin.sandbox"]);
    client.smtp("DATA", "354 ");
    client.send(b"Subject: x\r\n\r\n..dot\r\n.\r\n");
    let reply = client.reply("250 2.0.0 ok: queued as ");
    let id = reply.rsplit(' ').next().unwrap();
    let copies = stored(&trial, DURAND);
    assert_eq!(copies.len(), 1, "one copy, however often a recipient is named");
    assert!(copies[0].ends_with("Subject: x\r\n\r\n.dot\r\n"));
    assert!(copies[0].starts_with("Return-Path: <labo@biologie.sandbox>\r\nReceived: from labo"));
    assert!(copies[0].contains(id));
    assert_eq!(stored(&trial, CARDIO), copies);
    client.smtp("QUIT", "221 2.0.0");
    assert_eq!(client.line(), None);
}

#[test]
fn nothing_is_done_in_clear_but_starttls() {
    let trial = Trial::new(&[]);
    let mut client = trial.client(STARTTLS);
    client.reply("220 ");
    client.send(b"EHLO labo\r\n");
    let offered: Vec<_> = std::iter::from_fn(|| client.line().filter(|line| line.starts_with("250-"))).collect();
    assert!(!offered.iter().any(|line| line.contains("AUTH")), "{offered:?}");
    for line in ["AUTH PLAIN x", "MAIL FROM:<a@b.c>", "DATA", "RSET", "VRFY a", "HELO x"] {
        client.smtp(line, "530 5.7.0");
    }
    client.smtp("NOOP", "250 ");
    client.send(b"BDAT 3 LAST\r\nabc");
    client.reply("530 5.7.0");
    client.send(b"STARTTLS\r\nMAIL FROM:<a@b.c>\r\n");
    client.reply("220 2.0.0");
    client.start_tls();
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "503 5.5.1");
    client.smtp("EHLO labo", "250 ");
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "530 5.7.0 authentication");
    client.smtp("STARTTLS", "502 ");
}

#[test]
fn each_way_to_sign_in_works_and_wrong_ones_do_not() {
    let trial = Trial::new(&[]);
    let greet = |client: &mut Client| {
        client.reply("220 ");
        client.smtp("EHLO x", "250 ");
    };
    let mut client = trial.client(TLS);
    greet(&mut client);
    client.smtp("AUTH CRAM-MD5", "504 ");
    client.smtp("AUTH PLAIN AGEAYg==", "535 5.7.8");
    client.smtp("AUTH EXTERNAL =", "535 5.7.8");
    client.smtp("AUTH PLAIN", "334 ");
    client.smtp("*", "501 ");
    client.smtp("AUTH PLAIN ?", "501 5.5.2");
    client.smtp("AUTH PLAIN", "334 ");
    client.smtp(&plain(DURAND), "235 ");
    client.smtp(&format!("AUTH PLAIN {}", plain(DURAND)), "503 ");
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "553 5.7.1");
    client.smtp("MAIL FROM:<>", "553 5.7.1");
    client.smtp("MAIL FROM:<DR.DURAND@medecin.sandbox>", "250 ");

    for response in ["", CARDIO] {
        let mut client = trial.client_with_certificate(TLS);
        greet(&mut client);
        client.smtp("AUTH EXTERNAL", "334 ");
        client.smtp(&base64_simd::STANDARD.encode_to_string(response), "235 ");
        client.smtp(&format!("MAIL FROM:<{CARDIO}>"), "250 ");
    }
    let mut client = trial.client_with_certificate(TLS);
    greet(&mut client);
    client.smtp("AUTH EXTERNAL ZHIuZHVyYW5kQG1lZGVjaW4uc2FuZGJveA==", "535 ");
    client.smtp("AUTH EXTERNAL =", "235 ");
}

#[test]
fn what_cannot_be_delivered_is_refused_at_once() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    client.smtp(&format!("MAIL FROM:<{LABO}> SIZE=999999999999"), "552 5.3.4");
    envelope(&mut client, &[]);
    client.smtp("RCPT TO:<nobody@medecin.sandbox>", "550 5.1.1");
    client.smtp("RCPT TO:<a@nowhere.sandbox>", "550 5.1.2");
    client.smtp("RCPT TO:<a b>", "501 5.1.3");
    client.smtp("DATA", "554 5.5.1");
    client.smtp("FOO", "500 5.5.2");
    client.smtp(&"x".repeat(5000), "500 5.5.6");
    client.smtp(&format!("RCPT TO:<{DURAND}> NOTIFY=NEVER"), "250 ");
    client.smtp("RSET", "250 ");
    client.smtp("DATA", "503 ");
    assert!(stored(&trial, DURAND).is_empty());
}

#[test]
fn mail_for_the_rest_of_the_world_is_relayed_and_said_to_be() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "250 ");
    client.smtp("RCPT TO:<someone@example.org> NOTIFY=SUCCESS", "250 2.1.5");
    client.smtp(&format!("RCPT TO:<{DURAND}> NOTIFY=SUCCESS"), "250 2.1.5");
    client.smtp("DATA", "354 ");
    client.smtp("Subject: x\r\n\r\nbody\r\n.", "250 ");
    assert_eq!(stored(&trial, "someone@example.org"), stored(&trial, DURAND));
    let report = stored(&trial, LABO).remove(0);
    assert!(report.contains("someone@example.org\r\nAction: relayed\r\n"), "{report}");
    assert!(report.contains("dr.durand@medecin.sandbox\r\nAction: delivered\r\n"), "{report}");
}

#[test]
fn pipelined_commands_and_chunks_are_answered_in_order() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    let piped = format!(
        "MAIL FROM:<{LABO}>\r\nRCPT TO:<{DURAND}>\r\nRCPT TO:<x@x.sandbox>\r\nBDAT 5\r\nA: b\rBDAT 7 LAST\r\n\n\r\n.\r\nMAIL FROM:<{LABO}>\r\n"
    );
    client.send(piped.as_bytes());
    for expected in ["250 2.1.0", "250 2.1.5", "550 5.1.2", "250 2.0.0 5 octets", "250 2.0.0 ok: queued", "500 "] {
        client.reply(expected);
    }
    assert!(stored(&trial, DURAND)[0].ends_with("A: b\r\n\r\n.\r\nM"), "a chunk is counted, not read");
    let mut client = signed_in(&trial);
    client.send(b"BDAT 6\r\nRSET\r\nDATA\r\n");
    client.reply("503 ");
    client.reply("503 ");
    envelope(&mut client, &[DURAND]);
    client.send(b"BDAT 3\r\nabcDATA\r\n");
    client.reply("250 ");
    client.reply("503 ");
}

#[test]
fn success_is_reported_to_who_asked_for_it() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    client.smtp(&format!("MAIL FROM:<{LABO}> RET=HDRS ENVID=e+3D1"), "250 ");
    client.smtp(&format!("RCPT TO:<{DURAND}> NOTIFY=SUCCESS ORCPT=rfc822;dr.durand@medecin.sandbox"), "250 ");
    client.smtp(&format!("RCPT TO:<{CARDIO}> NOTIFY=FAILURE"), "250 ");
    client.smtp("DATA", "354 ");
    client.smtp("Subject: x\r\n\r\nbody\r\n.", "250 ");
    let reports = stored(&trial, LABO);
    assert_eq!(reports.len(), 1);
    for line in ["Original-Envelope-Id: e=1", "Final-Recipient: rfc822; dr.durand@", "Action: delivered", "Subject: x"]
    {
        assert!(reports[0].contains(line), "{line}: {}", reports[0]);
    }
    assert!(!reports[0].contains("cardiologie") && !reports[0].contains("body"));
}

#[test]
fn a_message_that_breaks_off_is_not_stored() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    envelope(&mut client, &[DURAND]);
    client.smtp("DATA", "354 ");
    client.send(b"half a mess");
    drop(client);
    let mut client = signed_in(&trial);
    client.smtp("NOOP", "250 ");
    assert!(stored(&trial, DURAND).is_empty());
}

#[test]
fn refusals_strike_at_their_stage_and_then_no_more() {
    let trial = Trial::new(&[
        "mail=defer:451 4.3.0 later@1",
        "rcpt=refuse:550 5.7.1 not you@1",
        "data=defer@1",
        "data-end=refuse@1",
        "body=defer@1",
        "quit=close421",
    ]);
    let mut client = signed_in(&trial);
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "451 4.3.0 later");
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "250 ");
    client.smtp(&format!("RCPT TO:<{DURAND}>"), "550 5.7.1 not you");
    client.smtp(&format!("RCPT TO:<{DURAND}>"), "250 ");
    client.smtp("DATA", "451 4.3.0 deferred");
    client.smtp("DATA", "354 ");
    client.smtp("a\r\n.", "451 ");
    for expected in ["550 ", "250 "] {
        envelope(&mut client, &[DURAND]);
        client.smtp("DATA", "354 ");
        client.smtp("a\r\n.", expected);
    }
    client.smtp("QUIT", "421 4.3.2");
    assert_eq!(stored(&trial, DURAND).len(), 1);
}

#[test]
fn lines_break_where_they_are_told_to() {
    let trial = Trial::new(&["connect=cut@1", "ehlo=cut:20@1", "body=cut:4@1", "data-end=cut@1"]);
    assert_eq!(trial.client(STARTTLS).line(), None);
    let mut client = trial.client(TLS);
    client.reply("220 ");
    client.send(b"EHLO x\r\n");
    assert_eq!(client.rest().len(), 20);
    let mut client = signed_in(&trial);
    envelope(&mut client, &[DURAND]);
    client.smtp("DATA", "354 ");
    client.send(b"12345\r\n.\r\n");
    assert_eq!(client.line(), None);
    assert!(stored(&trial, DURAND).is_empty());
    let mut client = signed_in(&trial);
    envelope(&mut client, &[DURAND]);
    client.smtp("DATA", "354 ");
    client.send(b"12345\r\n.\r\n");
    assert_eq!(client.line(), None);
    assert_eq!(stored(&trial, DURAND).len(), 1, "after the dot it is delivered, although nobody is told");
}

#[test]
fn stripped_starttls_is_not_there() {
    let trial = Trial::new(&["starttls=strip", "connect=refuse:554 5.3.2 closed@1"]);
    let mut client = trial.client(STARTTLS);
    client.reply("554 5.3.2 closed");
    assert_eq!(client.line(), None);
    let mut client = trial.client(STARTTLS);
    client.reply("220 ");
    client.send(b"EHLO labo\r\n");
    let offered: Vec<_> = std::iter::from_fn(|| client.line().filter(|line| line.starts_with("250-"))).collect();
    assert!(!offered.iter().any(|line| line.contains("STARTTLS")), "{offered:?}");
    client.smtp("STARTTLS", "502 ");
}

#[test]
fn a_code_is_good_once_where_that_is_asked() {
    let trial = Trial::new(&["auth=otp-replay:strict"]);
    signed_in(&trial);
    let mut client = trial.client(TLS);
    client.reply("220 ");
    client.smtp("EHLO labo", "250 ");
    client.smtp(&format!("AUTH PLAIN {}", plain(LABO)), "535 ");
}
