//! Windows of messages to servers that take them, refuse some, and break off at each point.

use std::io::{self, Read};

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::robot::{Delivered, GOOD, Ledger, Manners, robot, subjects, text};
use super::session_tests::plain;
use super::submission_tests::{server, session};
use super::{Failure, Notices, Notify, RecipientOutcome, Return, Session, SmtpError, Stage, Transfer, Window};
use crate::net::scripted::{dialer, serve};
use crate::net::{Heard, LinkError, Wire};

const ALL: &str = "PIPELINING,CHUNKING,DSN,SIZE 5000000";

/// All of it through one session that stands to its end.
fn submit_all(extensions: &'static str, manners: Manners, window: usize, ledger: &mut Ledger) -> Delivered {
    let (server, told) = robot(extensions, manners);
    let mut session = session(&server);
    session.submit_all(Window::new(window), ledger).unwrap();
    session.quit().unwrap();
    server.join();
    told.recv().unwrap()
}

#[test]
fn many_messages_keep_their_order_whatever_the_server_can_do() {
    for extensions in [ALL, "PIPELINING", "CHUNKING", ""] {
        for window in [1, 2, 8] {
            let mut ledger = Ledger::many(20);
            let delivered = submit_all(extensions, GOOD, window, &mut ledger);
            assert_eq!(subjects(&delivered), (0..20).collect::<Vec<_>>(), "{extensions} {window}");
            assert!(delivered.iter().enumerate().all(|(number, (_, content))| *content == text(number)));
            for (number, outcome) in &ledger.outcomes {
                assert_eq!(outcome.as_ref().unwrap().queue_id, Some(format!("Q{}", number + 1)));
            }
            let cleared: Vec<usize> = ledger.cleared.concat();
            assert_eq!(cleared, (0..20).collect::<Vec<_>>());
        }
    }
}

#[test]
fn one_point_of_no_return_serves_half_a_window_and_the_window_is_kept() {
    let mut ledger = Ledger::many(40);
    submit_all(ALL, GOOD, 8, &mut ledger);
    assert_eq!(ledger.cleared[0].len(), 8);
    assert!(ledger.cleared.len() <= 9, "{:?}", ledger.cleared);
    assert!(ledger.asked.iter().all(|most| (4..=8).contains(most)), "{:?}", ledger.asked);
}

#[test]
fn a_whole_window_leaves_before_the_first_answer() {
    let server = server(ALL, |peer| {
        for number in 0..3 {
            if number > 0 {
                peer.expect("RSET");
            }
            peer.expect("MAIL");
            peer.expect("RCPT");
            peer.expect("BDAT");
            peer.octets(text(number).len());
        }
        peer.send("250 ok\r\n250 ok\r\n250 A\r\n");
        peer.send(&"250 ok\r\n".repeat(8));
        peer.expect("QUIT");
    });
    let mut ledger = Ledger::many(3);
    let mut session = session(&server);
    session.submit_all(Window::new(3), &mut ledger).unwrap();
    let _ = session.quit();
    server.join();
    assert_eq!(ledger.accepted(), [0, 1, 2]);
}

#[test]
fn a_message_that_is_alone_waits_for_the_answers_about_its_recipients() {
    let server = server(ALL, |peer| {
        peer.expect_all(&["MAIL", "RCPT"]);
        peer.send("250 ok\r\n");
        peer.cut();
    });
    let mut ledger = Ledger::many(1);
    session(&server).submit_all(Window::default(), &mut ledger).unwrap_err();
    server.join();
    assert!(matches!(ledger.failure(0), Failure::Link(_)) && ledger.cleared.is_empty());
}

#[test]
fn without_chunks_the_next_message_is_opened_in_one_write_with_the_end_of_this_one() {
    let server = server("PIPELINING", |peer| {
        for number in 0..3 {
            if number == 0 {
                peer.expect_all(&["MAIL", "RCPT", "DATA"]);
            }
            peer.send("250 ok\r\n250 ok\r\n354 go\r\n");
            peer.until_dot();
            if number < 2 {
                peer.expect_all(&["MAIL", "RCPT", "DATA"]);
            }
            peer.send("250 taken\r\n");
        }
    });
    let mut ledger = Ledger::many(3);
    session(&server).submit_all(Window::new(2), &mut ledger).unwrap();
    server.join();
    assert_eq!(ledger.accepted(), [0, 1, 2]);
}

#[test]
fn an_answer_that_cannot_stand_there_ends_the_session_at_its_stage() {
    for (said, stage) in [
        ("354 what\r\n", Stage::Mail),
        ("250 ok\r\n354 what\r\n", Stage::Rcpt),
        ("250 ok\r\n250 ok\r\n250 what\r\n", Stage::Data),
        ("250 ok\r\nwhat\r\n", Stage::Rcpt),
    ] {
        let server = server("PIPELINING", move |peer| {
            peer.expect_all(&["MAIL", "RCPT", "DATA"]);
            peer.send(said);
            assert_eq!(peer.line(), "");
        });
        let mut ledger = Ledger::many(2);
        let ended = session(&server).submit_all(Window::new(2), &mut ledger).unwrap_err();
        server.join();
        let error = ledger.outcomes[&0].as_ref().unwrap_err();
        assert!(error.stage == stage && matches!(error.failure, Failure::Protocol(_)), "{error:?}");
        assert!(matches!(ledger.failure(1), Failure::Link(_)) && matches!(ended.failure, Failure::Protocol(_)));
    }
}

fn refusing(line: &str) -> Option<&'static str> {
    match line {
        _ if line.starts_with("RCPT TO:<no") => Some("550 5.1.1 no such mailbox"),
        _ if line.starts_with("RCPT TO:<later") => Some("450 4.7.1 greylisted"),
        _ => None,
    }
}

#[test]
fn one_that_is_refused_does_not_sink_those_around_it() {
    let recipients: [&[&str]; 6] = [
        &["a@x.fr"],
        &["no@x.fr"],
        &["a@x.fr", "no@x.fr", "later@x.fr"],
        &["no@x.fr", "later@x.fr"],
        &["no@x.fr"],
        &["b@x.fr"],
    ];
    for extensions in [ALL, "PIPELINING", "CHUNKING", ""] {
        for window in [1, 3, 8] {
            let mut ledger = Ledger::of(&recipients);
            let delivered = submit_all(extensions, Manners { answer: refusing, ..GOOD }, window, &mut ledger);
            assert_eq!(subjects(&delivered), [0, 2, 5], "{extensions} {window}");
            assert_eq!(delivered[2].0, ["RCPT TO:<b@x.fr>"]);
            let partly = &ledger.outcomes[&2].as_ref().unwrap().recipients;
            assert!(matches!(partly[0].1, RecipientOutcome::Accepted));
            assert!(matches!(partly[1].1, RecipientOutcome::Refused(_)));
            assert!(matches!(partly[2].1, RecipientOutcome::Deferred(_)));
            for number in [1, 3, 4] {
                assert!(matches!(ledger.failure(number), Failure::NoRecipient(_)), "{:?}", ledger.failure(number));
            }
        }
    }
}

#[test]
fn data_that_is_granted_for_nobody_is_ended_and_data_that_is_refused_keeps_nobody_back() {
    let server = server("PIPELINING", |peer| {
        peer.expect_all(&["MAIL", "RCPT TO:<no", "DATA"]);
        peer.send("250 ok\r\n550 no\r\n354 go\r\n");
        assert!(peer.until_dot().is_empty(), "nothing of the message");
        peer.expect_all(&["RSET", "MAIL", "RCPT", "DATA"]);
        peer.send("554 nobody to write to\r\n250 ok\r\n250 ok\r\n250 ok\r\n451 4.3.0 later\r\n");
        peer.expect_all(&["RSET", "MAIL", "RCPT", "DATA"]);
        peer.send("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
        assert_eq!(peer.until_dot().len(), 3);
        peer.send("250 taken\r\n");
    });
    let mut ledger = Ledger::of(&[&["no@x.fr"], &["a@x.fr"], &["a@x.fr"]]);
    session(&server).submit_all(Window::new(4), &mut ledger).unwrap();
    server.join();
    assert!(matches!(ledger.failure(0), Failure::NoRecipient(_)));
    assert!(matches!(ledger.failure(1), Failure::Deferred(reply) if reply.code() == 451));
    assert!(ledger.outcomes[&2].is_ok());
}

#[test]
fn wherever_the_line_breaks_nothing_that_arrived_is_said_not_to_have() {
    // Four messages: 3 answers for the first and 4 for each other, RSET among them.
    let total = 3 + 3 * 4;
    for answers in 0..total {
        let (server, told) = robot(ALL, Manners { falls_silent: Some((answers, total)), ..GOOD });
        let mut ledger = Ledger::many(4);
        let ended = session(&server).submit_all(Window::new(4), &mut ledger);
        server.join();
        assert!(ended.is_err());
        assert_eq!(subjects(&told.recv().unwrap()), [0, 1, 2, 3], "the server took all of them");
        let answered = (answers + 1) / 4;
        for number in 0..4 {
            match &ledger.outcomes[&number] {
                Ok(_) => assert!(number < answered, "{number} after {answers} answers"),
                Err(SmtpError { stage: Stage::Final, failure: Failure::Unknown { recipients, .. } }) => {
                    assert!(number >= answered && recipients.len() == 1, "{number} after {answers} answers");
                }
                Err(error) => panic!("{number}: {error:?}"),
            }
        }
    }
}

#[test]
fn what_had_not_begun_to_leave_may_be_sent_again() {
    let large = || format!("{}\r\n", "x".repeat(900)).repeat(5000);
    let mut ledger = Ledger::many(1);
    ledger.add(&["a@x.fr"], io::Cursor::new(large()), large().len());
    ledger.add(&["a@x.fr"], io::Cursor::new(large()), large().len());
    let server = server("PIPELINING,CHUNKING", |peer| {
        peer.expect_all(&["MAIL", "RCPT", "BDAT"]);
        peer.octets(text(0).len());
        peer.send("250 ok\r\n250 ok\r\n");
        peer.expect_all(&["RSET", "MAIL", "RCPT", "BDAT 1048576"]);
        peer.octets(1000);
        peer.cut();
    });
    session(&server).submit_all(Window::new(8), &mut ledger).unwrap_err();
    server.join();
    assert!(matches!(ledger.failure(0), Failure::Unknown { .. }));
    for number in [1, 2] {
        assert!(matches!(ledger.failure(number), Failure::Link(_)), "{:?}", ledger.failure(number));
        assert!(ledger.outcomes[&number].as_ref().unwrap_err().is_temporary());
    }
    assert_eq!(ledger.cleared.concat(), [0]);
}

#[test]
fn what_follows_a_421_is_unknown_only_if_it_had_left() {
    let answer = |line: &str| line.starts_with("RCPT TO:<off").then_some("421 4.3.2 shutting down");
    let mut ledger = Ledger::of(&[&["a@x.fr"], &["off@x.fr"], &["a@x.fr"]]);
    let (server, told) = robot(ALL, Manners { answer, ..GOOD });
    let mut session = session(&server);
    let ended = session.submit_all(Window::new(3), &mut ledger).unwrap_err();
    server.join();
    assert_eq!(subjects(&told.recv().unwrap()), [0]);
    assert!(ledger.outcomes[&0].is_ok());
    assert!(matches!(ledger.failure(1), Failure::Deferred(reply) if reply.code() == 421));
    assert!(matches!(ledger.failure(2), Failure::Unknown { .. }));
    assert!(matches!(ended.failure, Failure::Deferred(_)) && !session.is_open());
    // Without chunks nothing of the next one had left.
    let mut ledger = Ledger::of(&[&["off@x.fr"], &["a@x.fr"]]);
    let (server, _told) = robot("PIPELINING", Manners { answer, ..GOOD });
    self::session(&server).submit_all(Window::new(3), &mut ledger).unwrap_err();
    server.join();
    assert!(matches!(ledger.failure(0), Failure::Deferred(_)) && matches!(ledger.failure(1), Failure::Link(_)));
}

#[test]
fn a_server_that_answers_on_after_421_is_heard() {
    let server = server(ALL, |peer| {
        peer.expect_all(&["MAIL", "RCPT", "BDAT"]);
        peer.octets(text(0).len());
        peer.expect_all(&["RSET", "MAIL", "RCPT", "BDAT"]);
        peer.octets(text(1).len());
        peer.send("250 ok\r\n250 ok\r\n421 4.3.2 off\r\n");
        peer.send("421 off\r\n421 off\r\n421 off\r\n421 off\r\n");
    });
    let mut ledger = Ledger::many(2);
    session(&server).submit_all(Window::new(2), &mut ledger).unwrap_err();
    server.join();
    for number in [0, 1] {
        assert!(matches!(ledger.failure(number), Failure::Deferred(_)), "{:?}", ledger.failure(number));
    }
}

/// Gives so many octets of short lines, then fails.
struct FailsAfter(usize);

impl Read for FailsAfter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        let count = buffer.len().min(self.0);
        let line = b"0123456789abcdef0123456789abcd\r\n";
        buffer[..count].iter_mut().zip(line.iter().cycle()).for_each(|(octet, from)| *octet = *from);
        self.0 -= count;
        Ok(count)
    }
}

#[test]
fn a_source_that_fails_at_its_second_chunk_is_taken_back() {
    for extensions in [ALL, "CHUNKING"] {
        let mut ledger = Ledger::many(1);
        ledger.add(&["a@x.fr"], FailsAfter(1024 * 1024), 1_500_000);
        ledger.add(&["a@x.fr"], io::Cursor::new(text(2)), text(2).len());
        let delivered = submit_all(extensions, GOOD, 8, &mut ledger);
        assert_eq!(subjects(&delivered), [0, 2]);
        assert!(matches!(ledger.failure(1), Failure::Source(_)), "{:?}", ledger.failure(1));
        assert!(!ledger.cleared.concat().contains(&1));
    }
    // Behind DATA it can be taken back only with the connection.
    let mut ledger = Ledger::default();
    ledger.add(&["a@x.fr"], FailsAfter(1024 * 1024), 1_500_000);
    ledger.add(&["a@x.fr"], io::Cursor::new(text(1)), text(1).len());
    let (server, told) = robot("PIPELINING", GOOD);
    session(&server).submit_all(Window::new(8), &mut ledger).unwrap_err();
    server.leave();
    assert!(told.try_recv().is_err() || ledger.accepted().is_empty());
    assert!(matches!(ledger.failure(0), Failure::Source(_)) && matches!(ledger.failure(1), Failure::Link(_)));
}

#[test]
fn what_cannot_be_sent_is_told_before_anything_is_written() {
    let mut ledger = Ledger::many(1);
    ledger.add(&["a@x.fr"], io::empty(), 6_000_000);
    ledger.add(&["a@x.fr"], io::Cursor::new("bare\n\r\n"), 7);
    ledger.add(&["a@x.fr"], FailsAfter(0), 10);
    ledger.add(&[], io::Cursor::new("x\r\n"), 3);
    ledger.add(&["a@x.fr"], io::Cursor::new(text(5)), text(5).len());
    let delivered = submit_all(ALL, GOOD, 8, &mut ledger);
    assert_eq!(subjects(&delivered), [0, 5]);
    assert!(matches!(ledger.failure(1), Failure::TooLarge { size: 6_000_000, limit: 5_000_000 }));
    assert!(matches!(ledger.failure(2), Failure::Message(_)));
    assert!(matches!(ledger.failure(3), Failure::Source(_)));
    assert!(matches!(ledger.failure(4), Failure::NoRecipient(_)));
    assert_eq!(ledger.cleared, [[0, 5]]);
}

#[test]
fn a_large_message_goes_in_chunks_between_small_ones() {
    let large = format!("Subject: 1\r\n\r\n{}", ".23456789\r\n".repeat(400_000));
    for extensions in ["PIPELINING,CHUNKING", "CHUNKING", "PIPELINING", ""] {
        let mut ledger = Ledger::many(1);
        ledger.add(&["a@x.fr"], io::Cursor::new(large.clone()), large.len());
        ledger.add(&["a@x.fr"], io::Cursor::new(text(2)), text(2).len());
        let delivered = submit_all(extensions, GOOD, 8, &mut ledger);
        assert_eq!(subjects(&delivered), [0, 1, 2]);
        assert!(delivered[1].1 == large, "{extensions}");
    }
}

#[test]
fn a_chunk_that_is_refused_ends_its_message_only() {
    let answer = |line: &str| (line == "BDAT 1048576").then_some("452 4.3.1 no room");
    let large = "23456789\r\n".repeat(400_000);
    let mut ledger = Ledger::many(1);
    ledger.add(&["a@x.fr"], io::Cursor::new(large.clone()), large.len());
    ledger.add(&["a@x.fr"], io::Cursor::new(text(2)), text(2).len());
    let delivered = submit_all(ALL, Manners { answer, ..GOOD }, 8, &mut ledger);
    assert_eq!(subjects(&delivered), [0, 2]);
    let error = ledger.outcomes[&1].as_ref().unwrap_err();
    assert!(matches!(error.failure, Failure::Deferred(_)), "{error:?}");
}

#[test]
fn a_connection_that_was_closed_while_idle_is_noticed_before_the_point_of_no_return() {
    for farewell in ["", "421 4.4.2 idle for too long\r\n"] {
        let server = server(ALL, move |peer| {
            peer.expect_all(&["MAIL", "RCPT"]);
            peer.send("250 ok\r\n250 ok\r\n");
            peer.expect("BDAT");
            peer.octets(text(0).len());
            peer.send("250 taken\r\n");
            peer.send(farewell);
        });
        let mut session = session(&server);
        session.submit_all(Window::default(), &mut Ledger::many(1)).unwrap();
        server.join();
        while session.wire.heard() == Heard::Nothing {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let mut ledger = Ledger::many(2);
        session.submit_all(Window::default(), &mut ledger).unwrap_err();
        assert!(ledger.cleared.is_empty(), "nothing was to leave");
        assert!((0..2).all(|number| matches!(ledger.failure(number), Failure::Link(LinkError::Broken { .. }))));
    }
}

#[test]
fn answers_that_come_octet_by_octet_are_answers() {
    for extensions in [ALL, "PIPELINING"] {
        let mut ledger = Ledger::many(6);
        let delivered = submit_all(extensions, Manners { drips: true, ..GOOD }, 3, &mut ledger);
        assert_eq!((delivered.len(), ledger.accepted().len()), (6, 6));
    }
}

#[test]
fn after_a_point_of_no_return_that_failed_none_of_its_messages_is_sent() {
    let mut ledger = Ledger { stops_at: Some(1), ..Ledger::many(6) };
    let delivered = submit_all(ALL, GOOD, 4, &mut ledger);
    assert_eq!(subjects(&delivered), [4, 5], "the first four were stopped together");
    assert!((0..4).all(|number| matches!(ledger.failure(number), Failure::Aborted(_))));
    let mut ledger = Ledger { stops_at: Some(1), ..Ledger::many(6) };
    let (server, told) = robot("PIPELINING", GOOD);
    session(&server).submit_all(Window::new(4), &mut ledger).unwrap_err();
    server.leave();
    assert!(told.try_recv().is_err() || ledger.accepted().is_empty());
    assert!(matches!(ledger.failure(3), Failure::Aborted(_)) && ledger.outcomes.len() == 4);
}

#[test]
fn many_recipients_do_not_fill_the_line_with_commands_that_were_not_answered() {
    let recipients: Vec<String> = (0..700).map(|number| format!("a{number}@x.fr")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    for extensions in [ALL, "PIPELINING"] {
        let mut ledger = Ledger::of(&[&recipients, &["a@x.fr"]]);
        let delivered = submit_all(extensions, GOOD, 8, &mut ledger);
        assert_eq!((delivered[0].0.len(), delivered[1].0.len()), (700, 1));
    }
}

#[test]
fn notices_are_asked_for_where_the_server_has_them() {
    for (extensions, asked) in [(ALL, true), ("PIPELINING,CHUNKING", false)] {
        let server = server(extensions, move |peer| {
            let mail = peer.expect("MAIL FROM:<labo@x.sandbox>");
            assert_eq!(mail.ends_with(" RET=HDRS ENVID=id+2B1"), asked, "{mail}");
            let rcpt = peer.expect("RCPT TO:<a@x.fr>");
            assert_eq!(rcpt.ends_with(" NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@x.fr"), asked, "{rcpt}");
            peer.send("250 ok\r\n250 ok\r\n");
            peer.expect("BDAT 3 LAST");
            peer.octets(3);
            peer.send("250 ok\r\n");
        });
        let notify = Notify { success: false, failure: true, delay: true };
        let notices = Notices { envelope_id: Some("id+1".to_owned()), notify, ret: Return::Headers, silent: None };
        let mut ledger = Ledger::default();
        ledger.add(&["a@x.fr"], io::Cursor::new("x\r\n"), 3);
        ledger.orders[0].1.parameters.notices = Some(notices);
        session(&server).submit_all(Window::default(), &mut ledger).unwrap();
        assert_eq!(ledger.outcomes[&0].as_ref().unwrap().notices, asked);
        server.join();
    }
}

#[test]
fn chunks_are_not_used_where_they_are_not_wanted() {
    let (server, told) = robot(ALL, GOOD);
    let mut session = Session::open(&dialer(), &server.endpoint, &plain(), "client.sandbox").unwrap();
    session.set_transfer(Transfer::Data);
    let mut ledger = Ledger::many(3);
    session.submit_all(Window::default(), &mut ledger).unwrap();
    session.quit().unwrap();
    server.join();
    assert_eq!(subjects(&told.recv().unwrap()), [0, 1, 2]);
}

/// Lines that a server may send, whatever it was asked.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![Just(250u16), Just(354), Just(421), Just(450), Just(550), Just(503), 0..1000u16];
    let reply = (code, prop_oneof![Just(' '), Just('-')], "[ -~]{0,9}")
        .prop_map(|(code, mark, text)| format!("{code:03}{mark}{text}\r\n").into_bytes());
    let noise = prop::collection::vec(any::<u8>(), 0..12);
    let positive = Just(b"250 ok\r\n".to_vec());
    prop::collection::vec(prop_oneof![6 => positive, 3 => reply, 1 => noise], 0..24).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_server_says_each_message_ends_once_and_is_accepted_only_by_a_250(
        said in hostile(), way in 0..4usize, window in 1..6usize
    ) {
        let extensions = ["PIPELINING,CHUNKING", "PIPELINING", "CHUNKING", ""][way];
        let positive = said.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b"2")).count();
        let server = serve(move |peer| {
            peer.send_octets(&said);
            peer.finish_and_wait();
        });
        let wire = Wire::new(dialer().connect(&server.endpoint).unwrap());
        let mut session = Session::signed_in(wire, extensions);
        let mut ledger = Ledger::many(5);
        let ended = session.submit_all(Window::new(window), &mut ledger);
        drop(session);
        server.leave();
        let unasked = ledger.orders.len();
        assert_eq!(ledger.outcomes.len() + unasked, 5);
        assert!(ended.is_err() || unasked == 0);
        // Each took a reply to MAIL, to RCPT and to its last octets.
        assert!(ledger.accepted().len() * 3 <= positive, "{:?}", ledger.outcomes);
        let cleared = ledger.cleared.concat();
        let unknown = |outcome: &Result<_, SmtpError>| matches!(outcome, Err(SmtpError { failure: Failure::Unknown { .. }, .. }));
        for (number, outcome) in &ledger.outcomes {
            assert!(cleared.contains(number) || outcome.is_err() && !unknown(outcome));
        }
    }
}
