//! Many commands at once with servers that do as they should, and with others.

use std::io;

use super::session_tests::{answer, server, session};
use super::{Deed, Done, Failure, Heard, ImapError, Pipeline, Stage, UidSet};
use crate::net::LinkError;
use crate::net::scripted::{Peer, Scripted};

fn uids(uids: &[u32]) -> UidSet {
    uids.iter().copied().collect()
}

fn hear(pipeline: &mut Pipeline) -> Result<Heard<Vec<u8>>, ImapError> {
    pipeline.hear(1 << 20, &mut |_| Ok(Vec::new()))
}

fn message(heard: Heard<Vec<u8>>) -> (u32, Vec<u8>) {
    match heard {
        Heard::Message { uid, octets } => (uid, octets),
        other => panic!("no message: {other:?}"),
    }
}

fn pipeline(server: &Scripted) -> Pipeline {
    Pipeline::new(session(server))
}

/// What becomes of something done with messages.
fn done(pipeline: &mut Pipeline, deed: Deed) -> Result<Done, ImapError> {
    pipeline.acknowledge(7, deed.clone(), uids(&[4, 5])).unwrap();
    loop {
        match hear(pipeline)? {
            Heard::Acknowledged { number: 7, result } => return result,
            Heard::Copied { number: 7 } if matches!(deed, Deed::Move(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn messages_stream_in_while_those_before_are_acknowledged() {
    let large = format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(20_000));
    let sent = large.clone();
    let server = server("MOVE UIDPLUS", move |peer| {
        let first = peer.command("UID FETCH 4,9 (UID BODY.PEEK[])");
        let second = peer.command("UID FETCH 11:13 (UID BODY.PEEK[])");
        let third = peer.command("UID STORE 1:2 +FLAGS.SILENT (\\Seen)");
        let length = sent.len();
        peer.send(&format!("* 1 FETCH (UID 4 BODY[] {{{length}}}\r\n{sent} FLAGS ())\r\n* 5 EX"));
        peer.send(&format!(
            "ISTS\r\n* 2 FETCH (BODY[] {{2}}\r\nhi UID 9)\r\n{first} OK x\r\n* 3 FETCH (UID 11 BODY[] NIL)\r\n"
        ));
        // What is done later may be answered first.
        peer.send(&format!("{third} OK x\r\n* 4 FETCH (UID 12 BODY[] \"a b\")\r\n{second} OK x\r\n"));
    });
    let mut pipeline = pipeline(&server);
    pipeline.fetch(1, &uids(&[4, 9])).unwrap();
    pipeline.fetch(2, &uids(&[11, 12, 13])).unwrap();
    pipeline.acknowledge(3, Deed::Seen, uids(&[1, 2])).unwrap();
    let (uid, octets) = message(hear(&mut pipeline).unwrap());
    assert!(uid == 4 && octets == large.as_bytes());
    assert_eq!(message(hear(&mut pipeline).unwrap()), (9, b"hi".to_vec()), "its UID behind it");
    assert!(matches!(hear(&mut pipeline).unwrap(), Heard::Fetched { number: 1, gone } if gone.is_empty()));
    assert!(matches!(hear(&mut pipeline).unwrap(), Heard::Acknowledged { number: 3, result: Ok(Done::Whole) }));
    assert_eq!(message(hear(&mut pipeline).unwrap()), (12, b"a b".to_vec()));
    assert!(matches!(hear(&mut pipeline).unwrap(), Heard::Fetched { number: 2, gone } if gone == [11, 13]));
    assert!(pipeline.is_idle());
    server.join();
}

#[test]
fn messages_go_to_a_folder_that_is_made_where_it_is_missing() {
    let server = server("MOVE UIDPLUS", |peer| {
        answer(peer, "UID MOVE 4:5 Trait&AOk-s", "$ NO [TRYCREATE] Mailbox doesn't exist: Traités\r\n");
        answer(peer, "CREATE Trait&AOk-s", "$ OK x\r\n");
        answer(peer, "UID MOVE 4:5 Trait&AOk-s", "* OK [COPYUID 7 4:5 1:2] x\r\n* 1 EXPUNGE\r\n$ OK x\r\n");
        answer(peer, "UID MOVE 4:5 \"a b\"", "$ NO [TRYCREATE] x\r\n");
        answer(peer, "CREATE \"a b\"", "$ OK x\r\n");
        answer(peer, "UID MOVE 4:5 \"a b\"", "$ NO [TRYCREATE] still not\r\n");
        answer(peer, "UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
        answer(peer, "UID EXPUNGE 4:5", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n$ OK x\r\n");
    });
    let mut pipeline = pipeline(&server);
    assert_eq!(done(&mut pipeline, Deed::Move("Traités".to_owned())).unwrap(), Done::Whole);
    let refused = done(&mut pipeline, Deed::Move("a b".to_owned())).unwrap_err();
    assert!(matches!(refused.failure, Failure::Refused { .. }) && refused.stage == Stage::Move, "{refused:?}");
    assert_eq!(done(&mut pipeline, Deed::Delete).unwrap(), Done::Whole);
    let folder = pipeline.acknowledge(9, Deed::Move("a\r\nx LOGOUT".to_owned()), uids(&[4])).unwrap_err();
    assert!(matches!(folder.failure, Failure::Folder));
    server.join();
}

#[test]
fn without_move_messages_are_copied_and_then_they_alone_removed() {
    let server = server("UIDPLUS", |peer| {
        answer(peer, "UID COPY 4:5 Archive", "$ OK [COPYUID 7 4:5 1:2] déplacé\r\n");
        answer(peer, "UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
        answer(peer, "UID EXPUNGE 4:5", "$ OK x\r\n");
        answer(peer, "UID COPY 4:5 Archive", "$ NO [OVERQUOTA] full\r\n");
    });
    let lying = self::server("MOVE UIDPLUS", |peer| {
        answer(peer, "UID MOVE 4:5 Archive", "$ BAD what\r\n");
        answer(peer, "UID COPY 4:5 Archive", "$ OK x\r\n");
        answer(peer, "UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
        answer(peer, "UID EXPUNGE 4:5", "$ OK x\r\n");
    });
    assert_eq!(done(&mut pipeline(&lying), Deed::Move("Archive".to_owned())).unwrap(), Done::Whole);
    lying.join();
    let mut pipeline = pipeline(&server);
    assert_eq!(done(&mut pipeline, Deed::Move("Archive".to_owned())).unwrap(), Done::Whole);
    let refused = done(&mut pipeline, Deed::Move("Archive".to_owned())).unwrap_err();
    assert!(matches!(refused.failure, Failure::Refused { .. }), "nothing is removed that was not copied");
    server.join();
}

#[test]
fn a_copy_is_told_of_as_soon_as_it_is_made() {
    let server = server("UIDPLUS", |peer| {
        answer(peer, "UID COPY 4:5 Archive", "$ OK x\r\n");
        peer.command("UID STORE 4:5 +FLAGS.SILENT (\\Deleted)");
        peer.cut();
    });
    let mut pipeline = pipeline(&server);
    pipeline.acknowledge(3, Deed::Move("Archive".to_owned()), uids(&[4, 5])).unwrap();
    assert!(matches!(hear(&mut pipeline).unwrap(), Heard::Copied { number: 3 }));
    assert!(hear(&mut pipeline).is_err());
    server.leave();
}

#[test]
fn what_somebody_does_meanwhile_to_a_large_folder_is_no_end_of_it() {
    let server = server("", |peer| {
        let tag = peer.command("UID FETCH 4");
        let marks: String = (1..20_000).map(|number| format!("* {number} FETCH (FLAGS (\\Seen x[y))\r\n")).collect();
        peer.send(&format!("{marks}* 1 FETCH (UID 4 BODY[] {{2}}\r\nhi)\r\n{tag} OK x\r\n"));
    });
    let mut pipeline = pipeline(&server);
    pipeline.fetch(1, &uids(&[4])).unwrap();
    assert_eq!(message(hear(&mut pipeline).unwrap()), (4, b"hi".to_vec()));
    assert!(matches!(hear(&mut pipeline).unwrap(), Heard::Fetched { number: 1, gone } if gone.is_empty()));
    server.join();
}

#[test]
fn without_uidplus_messages_are_marked_and_left() {
    let server = server("IDLE", |peer| {
        answer(peer, "UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
        answer(peer, "UID COPY 4:5 Archive", "$ OK x\r\n");
        answer(peer, "UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
    });
    let mut pipeline = pipeline(&server);
    assert_eq!(done(&mut pipeline, Deed::Delete).unwrap(), Done::Marked);
    assert_eq!(done(&mut pipeline, Deed::Move("Archive".to_owned())).unwrap(), Done::Marked);
    server.join();
}

#[test]
fn what_was_taken_away_meanwhile_is_gone_and_nothing_else_fails() {
    let server = server("", |peer| {
        answer(peer, "UID FETCH 4:6", "* 1 FETCH (UID 5 BODY[] {1}\r\nx)\r\n* 2 EXPUNGE\r\n$ OK x\r\n");
        answer(peer, "UID FETCH 4:6", "* 1 FETCH (UID 5 BODY[] {1}\r\nx)\r\n$ NO [EXPUNGEISSUED] some are gone\r\n");
        answer(peer, "UID FETCH 4:6", "* 1 FETCH (FLAGS (\\Seen) UID 4)\r\n* VANISHED 6\r\n$ OK x\r\n");
        answer(peer, "UID FETCH 4:6", "$ NO [SERVERBUG] disk\r\n");
    });
    let mut pipeline = pipeline(&server);
    for expected in [&[4, 6][..], &[4, 6], &[4, 5, 6]] {
        pipeline.fetch(1, &uids(&[4, 5, 6])).unwrap();
        if expected.len() == 2 {
            assert_eq!(message(hear(&mut pipeline).unwrap()).0, 5);
        }
        assert!(matches!(hear(&mut pipeline).unwrap(), Heard::Fetched { gone, .. } if gone == expected));
    }
    pipeline.fetch(1, &uids(&[4, 5, 6])).unwrap();
    assert!(matches!(hear(&mut pipeline).unwrap_err().failure, Failure::Refused { .. }));
    server.join();
}

/// What becomes of a message that is answered so; and whether a place was made for one.
fn fetched(script: impl FnOnce(&mut Peer, &str) + Send + 'static) -> (Failure, bool) {
    let server = server("", move |peer| {
        let tag = peer.command("UID FETCH 4");
        script(peer, &tag);
    });
    let mut pipeline = pipeline(&server);
    pipeline.fetch(1, &uids(&[4])).unwrap();
    let mut opened = false;
    let failure = loop {
        let heard = pipeline.hear(20, &mut |_| {
            opened = true;
            Ok(Vec::new())
        });
        match heard {
            Ok(Heard::Message { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error.failure,
        }
    };
    assert!(pipeline.fetch(2, &uids(&[5])).is_err(), "the session is over");
    drop(pipeline);
    server.leave();
    (failure, opened)
}

/// The same for an answer that is all there is.
fn refused(reply: &'static str) -> Failure {
    fetched(move |peer, tag| {
        peer.send(&reply.replace('$', tag));
        peer.line();
    })
    .0
}

#[test]
fn a_message_too_large_or_another_is_not_taken_for_the_right_one() {
    let (large, opened) = fetched(|peer, _| {
        peer.send("* 1 FETCH (UID 4 BODY[] {4294967295}\r\n");
        peer.line();
    });
    assert!(matches!(large, Failure::TooLarge { limit: 20, size: 4_294_967_295 }) && !opened);
    let protocol = [
        "* 1 FETCH (UID 5 BODY[] {5}\r\nhello)\r\n$ OK x\r\n",
        "* 1 FETCH (BODY[] {5}\r\nhello UID 5)\r\n$ OK x\r\n",
        "* 1 FETCH (BODY[] {5}\r\nhello)\r\n$ OK x\r\n",
        "* 1 FETCH (UID 4 BODY[] {2}\r\nhe)\r\n* 1 FETCH (UID 4 BODY[] {2}\r\nhi)\r\n$ OK x\r\n",
        "* 1 FETCH (UID 4 BODY[] {2}\r\nhe BODY[] {2}\r\nhi)\r\n$ OK x\r\n",
        "* 1 FETCH (UID 4 BODY[] {2}\r\nhello)\r\n$ OK x\r\n",
        "* 1 FETCH (UID 4 BODY[] {9}\r\nhello)\r\n$ OK x\r\n",
        "* 1 FETCH (UID 4 ENVELOPE {2}\r\nhe)\r\n$ OK x\r\n",
        "* 1 FETCH (UID 4 BODY[] {-1}\r\n",
        "* LIST () \"/\" {5}\r\nhello\r\n$ OK x\r\n",
        "+ go ahead\r\n",
        "x99 OK x\r\n",
        "$ MAYBE x\r\n",
    ];
    for reply in protocol {
        let failure = refused(reply);
        assert!(matches!(failure, Failure::Protocol(_)), "{reply}: {failure:?}");
    }
}

#[test]
fn a_line_that_breaks_or_ends_anywhere_is_told_as_that() {
    for start in ["* 1 FETCH (UID 4 BODY[] {15}\r\nhello", "* 1 FETCH (UID 4 BODY[] {5}\r\nhello)\r\n", "* 1 FE", ""] {
        let (failure, _) = fetched(move |peer, _| {
            peer.send(start);
            peer.cut();
        });
        assert!(matches!(failure, Failure::Link(LinkError::Broken { .. })), "{start}: {failure:?}");
    }
    let bye = refused("* 1 FETCH (UID 4 BODY[] {2}\r\nhi)\r\n* BYE maintenance\r\n");
    assert!(matches!(&bye, Failure::Bye { text } if text == "maintenance"), "{bye:?}");
}

#[test]
fn what_has_no_end_is_not_kept() {
    let (endless, _) = fetched(|peer, _| (0..10).for_each(|_| peer.send(&"x ".repeat(32 * 1024))));
    assert!(matches!(endless, Failure::Link(LinkError::EndlessLine { .. })), "{endless:?}");
    let (many, _) = fetched(|peer, _| (0..90).for_each(|_| peer.send(&format!("* OK {}\r\n", "x".repeat(200_000)))));
    assert!(matches!(many, Failure::Protocol("an answer does not end")), "{many:?}");
}

#[test]
fn a_server_that_is_still_there_and_does_nothing_is_given_up_after_a_while() {
    let server = server("", |peer| {
        peer.command("UID FETCH 4");
        for _ in 0..1_000 {
            peer.send("* OK still here\r\n");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    let mut pipeline = pipeline(&server);
    pipeline.patience = std::time::Duration::from_millis(50);
    pipeline.fetch(1, &uids(&[4])).unwrap();
    let failure = hear(&mut pipeline).unwrap_err().failure;
    assert!(matches!(failure, Failure::Link(LinkError::Timeout { .. })), "{failure:?}");
    drop(pipeline);
    server.leave();
}

#[test]
fn a_literal_that_never_ends_is_given_up_after_a_while() {
    use crate::net::Timeouts;
    use crate::net::scripted::{dialer_with, timeouts};

    let server = server("", |peer| {
        peer.command("UID FETCH 4");
        peer.send("* 1 FETCH (UID 4 BODY[] {15}\r\nhello");
        peer.line();
    });
    let short = Timeouts { block: std::time::Duration::from_millis(50), ..timeouts() };
    let credential = super::session_tests::plain();
    let session = super::Session::open(&dialer_with(None, short), &server.endpoint, &credential).unwrap();
    let mut pipeline = Pipeline::new(session);
    pipeline.fetch(1, &uids(&[4])).unwrap();
    let failure = hear(&mut pipeline).unwrap_err().failure;
    assert!(matches!(failure, Failure::Link(LinkError::Timeout { .. })), "{failure:?}");
    drop(pipeline);
    server.leave();
}

#[test]
fn an_output_that_fails_ends_the_session() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _octets: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let server = server("", |peer| answer(peer, "UID FETCH 4", "* 1 FETCH (UID 4 BODY[] {5}\r\nhello)\r\n$ OK x\r\n"));
    let mut pipeline = pipeline(&server);
    pipeline.fetch(1, &uids(&[4])).unwrap();
    let error = pipeline.hear(20, &mut |_| Ok(Full)).map(|_: Heard<Full>| ()).unwrap_err();
    assert!(matches!(error.failure, Failure::Output(_)));
    assert!(!pipeline.into_session().is_open());
    server.leave();
}
