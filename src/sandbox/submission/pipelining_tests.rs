//! Commands, chunks and messages of several transactions in one write (RFC 2920, RFC 3030): every answer in its order.

use super::tests::{envelope, signed_in, stored};
use crate::sandbox::scripted::{CARDIO, Client, DURAND, LABO, Trial};

const NOBODY: &str = "nobody@medecin.sandbox";

/// The commands of one message, down to its last octet.
fn chunked(to: &[&str], message: &str) -> String {
    let rcpt: String = to.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
    format!("MAIL FROM:<{LABO}>\r\n{rcpt}BDAT {} LAST\r\n{message}", message.len())
}

fn answers(client: &mut Client, sent: &str, expected: &[&str]) {
    client.send(sent.as_bytes());
    for expected in expected {
        client.reply(expected);
    }
}

#[test]
fn the_next_message_follows_the_last_chunk_in_the_same_write() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    let sent: String =
        (0..30).map(|n| chunked(&[DURAND, NOBODY, CARDIO], &format!("Subject: {n}\r\n\r\nRSET\r\n"))).collect();
    let one = ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.0.0 ok: queued"];
    answers(&mut client, &sent, &[&one[..]; 30].concat());
    for who in [DURAND, CARDIO] {
        let copies = stored(&trial, who);
        assert_eq!(copies.len(), 30);
        let told = |(n, copy): (usize, &String)| copy.ends_with(&format!("Subject: {n}\r\n\r\nRSET\r\n"));
        assert!(copies.iter().enumerate().all(told), "each in its place");
    }
}

#[test]
fn the_next_message_follows_the_final_dot_in_the_same_write() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    envelope(&mut client, &[DURAND]);
    for n in 0..5 {
        client.smtp("DATA", "354 ");
        let next = format!("MAIL FROM:<{LABO}>\r\nRCPT TO:<{NOBODY}>\r\nRCPT TO:<{DURAND}>\r\n");
        let sent = format!("Subject: {n}\r\n\r\n..\r\n.\r\n{next}");
        answers(&mut client, &sent, &["250 2.0.0 ok", "250 2.1.0", "550 5.1.1", "250 2.1.5"]);
    }
    assert_eq!(stored(&trial, DURAND).len(), 5);
}

#[test]
fn a_message_for_nobody_is_read_refused_and_ended_with_its_last_chunk() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    // More often than a client may be wrong: it is not.
    for _ in 0..25 {
        let sent = format!("{}{}", chunked(&[NOBODY], "QUIT\r\n"), chunked(&[DURAND], "Subject: x\r\n\r\n"));
        let refused = ["250 2.1.0", "550 5.1.1", "554 5.5.1"];
        answers(&mut client, &sent, &[&refused[..], &["250 2.1.0", "250 2.1.5", "250 2.0.0"]].concat());
    }
    let pieces = format!(
        "MAIL FROM:<{LABO}>\r\nRCPT TO:<{NOBODY}>\r\nBDAT 6\r\nRSET\r\nMAIL FROM:<{LABO}>\r\nRCPT TO:<{DURAND}>\r\nDATA\r\n\
         BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\nMAIL FROM:<{LABO}>\r\nRSET\r\n"
    );
    let expected =
        ["250 2.1.0", "550 5.1.1", "554 5.5.1", "503 ", "503 ", "503 ", "551 ", "551 ", "250 2.1.0", "250 2.0.0"];
    answers(&mut client, &pieces, &expected);
    // DATA has no last octet: here the transaction stays.
    let letter = format!("MAIL FROM:<{LABO}>\r\nRCPT TO:<{NOBODY}>\r\nDATA\r\nMAIL FROM:<{LABO}>\r\nRSET\r\n");
    answers(&mut client, &letter, &["250 2.1.0", "550 5.1.1", "554 5.5.1", "503 ", "250 2.0.0"]);
    assert_eq!(stored(&trial, DURAND).len(), 25);
}

#[test]
fn chunks_behind_one_that_a_fault_refused_are_thrown_away() {
    let trial = Trial::new(&["data=defer:451 4.3.0 later@1", "body=refuse:554 5.6.0 not this@1"]);
    let mut client = signed_in(&trial);
    let sent = format!("MAIL FROM:<{LABO}>\r\nRCPT TO:<{DURAND}>\r\nBDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nRSET\r\n");
    for refusal in ["451 4.3.0", "554 5.6.0"] {
        answers(&mut client, &sent, &["250 2.1.0", "250 2.1.5", refusal, "551 "]);
    }
    answers(&mut client, &sent, &["250 2.1.0", "250 2.1.5", "250 2.0.0 6 octets", "250 2.0.0 ok: queued"]);
    assert_eq!(stored(&trial, DURAND).len(), 1);
}
