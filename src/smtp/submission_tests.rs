//! Messages to servers that take them, refuse them, and break off at each stage.

use std::io;

use super::session_tests::{PLAIN_LINE, plain};
use super::{Failure, MessageFault, Outcome, Parameters, RecipientOutcome, Session, SmtpError, Stage};
use crate::mail::Envelope;
use crate::net::LinkError;
use crate::net::scripted::{Peer, Scripted, dialer, serve_tls};

const MESSAGE: &str = "Subject: x\r\n\r\n.dot\r\nend\r\n";

pub(super) fn envelope(recipients: &[&str]) -> Envelope {
    let address = |text: &&str| text.parse().unwrap();
    Envelope { sender: address(&"labo@x.sandbox"), recipients: recipients.iter().map(address).collect() }
}

/// A signed-in server with these extensions.
pub(super) fn server(extensions: &'static str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls(move |peer| {
        peer.send("220 x\r\n");
        peer.expect("EHLO");
        peer.send("250-x.sandbox\r\n250-AUTH PLAIN\r\n");
        for line in extensions.split_terminator(',') {
            peer.send(&format!("250-{line}\r\n"));
        }
        peer.send("250 HELP\r\n");
        peer.expect(PLAIN_LINE);
        peer.send("235 welcome\r\n");
        script(peer);
    })
}

pub(super) fn session(server: &Scripted) -> Session {
    Session::open(&dialer(), &server.endpoint, &plain(), "client.sandbox").unwrap()
}

/// Submits the message; also tells how often the point of no return was reached.
fn submit(session: &mut Session, recipients: &[&str], message: &str) -> (Result<Outcome, SmtpError>, u32) {
    let mut reached = 0;
    let mut source = message.as_bytes();
    let size = u64::try_from(message.len()).unwrap();
    let mut point = || {
        reached += 1;
        Ok(())
    };
    (session.submit(&envelope(recipients), size, &mut source, &mut point), reached)
}

/// Submits to one recipient in a session of its own.
fn submit_alone(server: Scripted, message: &str) -> (Result<Outcome, SmtpError>, u32) {
    let outcome = submit(&mut session(&server), &["a@x.sandbox"], message);
    server.leave();
    outcome
}

fn take_message(peer: &mut Peer, recipients: usize) -> Vec<String> {
    peer.expect("MAIL FROM:<labo@x.sandbox>");
    for _ in 0..recipients {
        peer.expect("RCPT TO:<");
    }
    peer.expect("DATA");
    peer.send("250 ok\r\n");
    for _ in 0..recipients {
        peer.send("250 ok\r\n");
    }
    peer.send("354 go\r\n");
    peer.until_dot()
}

#[test]
fn several_messages_pass_through_one_session() {
    let server = server("PIPELINING,SIZE 1000", |peer| {
        for id in ["AAA1", "AAA2"] {
            assert_eq!(take_message(peer, 2), ["Subject: x", "", "..dot", "end"]);
            peer.send(&format!("250 2.0.0 Ok: queued as {id}\r\n"));
        }
        peer.expect("QUIT");
        peer.send("221 bye\r\n");
    });
    let mut session = session(&server);
    for id in ["AAA1", "AAA2"] {
        let (outcome, reached) = submit(&mut session, &["a@x.sandbox", "b@x.sandbox"], MESSAGE);
        let outcome = outcome.unwrap();
        assert_eq!((outcome.queue_id.as_deref(), reached), (Some(id), 1));
        assert!(outcome.recipients.iter().all(|(_, outcome)| *outcome == RecipientOutcome::Accepted));
    }
    session.quit().unwrap();
    server.join();
}

#[test]
fn without_pipelining_each_command_waits_for_its_answer() {
    let server = server("", |peer| {
        assert_eq!(peer.line(), "MAIL FROM:<labo@x.sandbox>");
        for answer in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n"] {
            peer.send(answer);
            peer.line();
        }
        peer.until_dot();
        peer.send("250 OK id=1tABcd-000000001-AbC\r\n");
    });
    let (outcome, _) = submit_alone(server, MESSAGE);
    assert_eq!(outcome.unwrap().queue_id.as_deref(), Some("1tABcd-000000001-AbC"));
}

#[test]
fn one_refused_recipient_does_not_keep_the_message_from_the_others() {
    let server = server("PIPELINING", |peer| {
        for start in ["MAIL", "RCPT TO:<a@", "RCPT TO:<b@", "RCPT TO:<c@", "DATA"] {
            peer.expect(start);
        }
        peer.send("250 ok\r\n550 5.1.1 no such\r\n250 ok\r\n452 4.2.2 full\r\n354 go\r\n");
        peer.until_dot();
        peer.send("250 ok\r\n");
    });
    let mut session = session(&server);
    let (outcome, _) = submit(&mut session, &["a@x.fr", "b@x.fr", "c@x.fr"], MESSAGE);
    let recipients = outcome.unwrap().recipients;
    assert!(matches!(&recipients[0], (a, RecipientOutcome::Refused(r)) if a.local_part() == "a" && r.code() == 550));
    assert!(matches!(&recipients[1], (b, RecipientOutcome::Accepted) if b.local_part() == "b"));
    assert!(matches!(&recipients[2], (c, RecipientOutcome::Deferred(r)) if c.local_part() == "c" && r.code() == 452));
    server.join();
}

#[test]
fn where_nobody_is_left_nothing_is_sent_and_the_session_stands() {
    // Some servers refuse DATA then, some grant it.
    for grants in [true, false] {
        let server = server("PIPELINING", move |peer| {
            for start in ["MAIL", "RCPT", "DATA"] {
                peer.expect(start);
            }
            peer.send("250 ok\r\n550 5.1.1 no such\r\n");
            if grants {
                peer.send("354 go\r\n");
                assert!(peer.until_dot().is_empty());
            }
            peer.send("554 5.5.1 no valid recipients\r\n");
            peer.expect("RSET");
            peer.send("250 ok\r\n");
            take_message(peer, 1);
            peer.send("250 ok\r\n");
        });
        let mut session = session(&server);
        let (refused, reached) = submit(&mut session, &["a@x.fr"], MESSAGE);
        let error = refused.unwrap_err();
        assert!(matches!(&error.failure, Failure::NoRecipient(all) if all.len() == 1), "{error:?}");
        assert_eq!((error.stage, reached, error.is_temporary()), (Stage::Rcpt, 0, false));
        submit(&mut session, &["a@x.fr"], MESSAGE).0.unwrap();
        server.join();
    }
}

#[test]
fn a_refused_sender_and_a_refused_data_name_their_stage() {
    let sender = server("", |peer| {
        peer.expect("MAIL");
        peer.send("553 5.7.1 not yours\r\n");
    });
    let error = submit_alone(sender, MESSAGE).0.unwrap_err();
    assert!(error.stage == Stage::Mail && matches!(error.failure, Failure::Refused(_)), "{error:?}");
    let data = server("PIPELINING", |peer| {
        for start in ["MAIL", "RCPT", "DATA"] {
            peer.expect(start);
        }
        peer.send("250 ok\r\n250 ok\r\n451 4.3.0 later\r\n");
    });
    let error = submit_alone(data, MESSAGE).0.unwrap_err();
    assert!(error.stage == Stage::Data && error.is_temporary(), "{error:?}");
}

#[test]
fn many_recipients_are_asked_for_in_groups() {
    let server = server("PIPELINING", |peer| {
        peer.expect("MAIL");
        peer.send("250 ok\r\n");
        for _ in 0..120 {
            peer.expect("RCPT");
            peer.send("250 ok\r\n");
        }
        peer.expect("DATA");
        peer.send("354 go\r\n");
        peer.until_dot();
        peer.send("250 ok\r\n");
    });
    let recipients: Vec<String> = (0..120).map(|number| format!("a{number}@x.fr")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    assert_eq!(submit(&mut session(&server), &recipients, MESSAGE).0.unwrap().recipients.len(), 120);
    server.join();
}

#[test]
fn the_server_is_asked_for_what_the_message_needs() {
    let idle = || server("SIZE 20", |_| ());
    let error = submit_alone(idle(), MESSAGE).0.unwrap_err();
    assert!(matches!(error.failure, Failure::TooLarge { limit: 20, .. }), "{error:?}");
    let server_without = idle();
    let mut session_without = session(&server_without);
    let error = submit(&mut session_without, &["zoé@x.fr"], "a\r\n").0.unwrap_err();
    assert!(matches!(error.failure, Failure::Missing("SMTPUTF8")), "{error:?}");
    let eight_bit = Parameters { size: 4, eight_bit: true, notices: None };
    let error =
        session_without.submit_with(&envelope(&["a@x.fr"]), eight_bit.clone(), &mut "é\r\n".as_bytes(), &mut || Ok(()));
    assert!(matches!(error.unwrap_err().failure, Failure::Missing("8BITMIME")));
    assert!(session_without.is_open());
    server_without.leave();

    let server = server("SIZE,SMTPUTF8,8BITMIME", |peer| {
        assert_eq!(peer.line(), "MAIL FROM:<labo@x.sandbox> SIZE=4 BODY=8BITMIME SMTPUTF8");
        peer.send("250 ok\r\n");
        assert_eq!(peer.line(), "RCPT TO:<zoé@x.fr>");
        peer.send("250 ok\r\n");
        peer.expect("DATA");
        peer.send("354 go\r\n");
        assert_eq!(peer.until_dot(), ["é"]);
        peer.send("250 ok\r\n");
    });
    let outcome =
        session(&server).submit_with(&envelope(&["zoé@x.fr"]), eight_bit, &mut "é\r\n".as_bytes(), &mut || Ok(()));
    outcome.unwrap();
    server.join();
}

#[test]
fn a_connection_cut_before_the_last_octets_may_be_tried_again() {
    let long = "0123456789\r\n".repeat(400_000);
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Body] {
        let server = server("", move |peer| {
            peer.expect("MAIL");
            for (until, start) in [(Stage::Mail, "RCPT"), (Stage::Rcpt, "DATA"), (Stage::Data, "")] {
                if stage == until {
                    return peer.cut();
                }
                peer.send(if start.is_empty() { "354 go\r\n" } else { "250 ok\r\n" });
                peer.expect(start);
            }
            peer.octets(100_000);
            peer.cut();
        });
        let (outcome, reached) = submit_alone(server, &long);
        let error = outcome.unwrap_err();
        assert_eq!((error.stage, reached, error.is_temporary()), (stage, 0, true), "{error:?}");
    }
}

#[test]
fn a_connection_cut_after_the_last_octets_leaves_the_outcome_unknown() {
    for cut in ["", "25", "250-half\r\n", "hello\r\n", "354 what?\r\n"] {
        let server = server("PIPELINING", move |peer| {
            take_message(peer, 1);
            peer.send(cut);
            peer.cut();
        });
        let (outcome, reached) = submit_alone(server, MESSAGE);
        let error = outcome.unwrap_err();
        assert!(matches!(error.failure, Failure::Unknown { .. }), "{cut:?} {error:?}");
        assert_eq!((error.stage, reached, error.is_temporary()), (Stage::Final, 1, false));
    }
}

#[test]
fn an_answer_to_the_last_octets_is_never_unknown() {
    for (answer, temporary) in [("552 5.2.3 no\r\n", false), ("451 4.3.0 later\r\n", true), ("421 4.3.2 off\r\n", true)]
    {
        let server = server("PIPELINING", move |peer| {
            take_message(peer, 1);
            peer.send(answer);
        });
        let mut session = session(&server);
        let error = submit(&mut session, &["a@x.fr"], MESSAGE).0.unwrap_err();
        assert_eq!((error.stage, error.is_temporary()), (Stage::Final, temporary), "{error:?}");
        assert_eq!(session.is_open(), !answer.starts_with("421"));
        server.join();
    }
}

#[test]
fn a_server_that_says_no_in_the_middle_is_heard_before_the_point_of_no_return() {
    let long = "0123456789\r\n".repeat(100_000);
    let server = server("PIPELINING", |peer| {
        for start in ["MAIL", "RCPT", "DATA"] {
            peer.expect(start);
        }
        peer.send("250 ok\r\n250 ok\r\n354 go\r\n552 5.3.4 too much\r\n");
        while !peer.line().is_empty() {}
    });
    let mut session = session(&server);
    // Gives the early answer the time to arrive: the source is slow.
    let mut source = Slow(long.as_bytes());
    let mut point = || panic!("too late");
    let size = u64::try_from(long.len()).unwrap();
    let error = session.submit(&envelope(&["a@x.fr"]), size, &mut source, &mut point).unwrap_err();
    assert!(error.stage == Stage::Body && matches!(error.failure, Failure::Refused(_)), "{error:?}");
    server.join();
}

struct Slow<'a>(&'a [u8]);

impl io::Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(std::time::Duration::from_millis(20));
        self.0.read(buffer)
    }
}

#[test]
fn going_back_at_the_point_of_no_return_leaves_nothing() {
    let server = server("PIPELINING", |peer| {
        assert_eq!(take_message(peer, 1).len(), 0, "no octet and no dot");
    });
    let mut session = session(&server);
    let mut source = MESSAGE.as_bytes();
    let size = u64::try_from(MESSAGE.len()).unwrap();
    let mut stop = || Err(io::Error::other("disk full"));
    let error = session.submit(&envelope(&["a@x.fr"]), size, &mut source, &mut stop).unwrap_err();
    assert!(matches!(error.failure, Failure::Aborted(_)), "{error:?}");
    assert!(!session.is_open());
    let again = submit(&mut session, &["a@x.fr"], MESSAGE).0.unwrap_err();
    assert!(matches!(again.failure, Failure::Link(LinkError::Broken { .. })));
    server.leave();
}

#[test]
fn a_message_that_is_not_what_was_announced_is_not_begun() {
    let broken: Box<dyn io::Read> = Box::new(io::Read::chain("a\r\n".as_bytes(), Broken));
    let sources: [(Box<dyn io::Read>, Option<MessageFault>); 4] = [
        (Box::new("a\r\n".as_bytes()), Some(MessageFault::Length)),
        (Box::new("ab\ncd\r\nxyz".as_bytes()), Some(MessageFault::BareLineBreak)),
        (Box::new("é6789\r\nxx".as_bytes()), Some(MessageFault::EightBit)),
        (broken, None),
    ];
    for (mut source, fault) in sources {
        let server = server("PIPELINING", |peer| assert_eq!(peer.line(), "", "nothing of it leaves"));
        let mut session = session(&server);
        let mut point = || panic!("never");
        let outcome = session.submit(&envelope(&["a@x.fr"]), 10, &mut source, &mut point);
        match (outcome.unwrap_err().failure, fault) {
            (Failure::Message(found), Some(fault)) => assert_eq!(found, fault),
            (Failure::Source(_), None) => {}
            (other, _) => panic!("{other:?}"),
        }
        assert!(session.is_open());
        drop(session);
        server.join();
    }
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}
