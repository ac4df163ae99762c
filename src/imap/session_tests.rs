//! Mailbox sessions with servers that do as they should, and with others.

use std::io;

use super::{Failure, ImapError, Session, SpecialUse, Stage, Which};
use crate::net::scripted::{Peer, Scripted, dialer, dialer_with, serve, serve_tls, timeouts};
use crate::net::{Authzid, Credential, LinkError, Timeouts};
use crate::secret::Secret;

/// `\0labo@x.sandbox\0pw`.
const RESPONSE: &str = "AGxhYm9AeC5zYW5kYm94AHB3";

fn plain() -> Credential {
    Credential::plain("labo@x.sandbox", Secret::new("pw".to_owned())).unwrap()
}

fn open_with(server: &Scripted, credential: &Credential) -> Result<Session, ImapError> {
    Session::open(&dialer(), &server.endpoint, credential)
}

fn failed(server: Scripted, credential: &Credential) -> ImapError {
    let error = open_with(&server, credential).map(|_| ()).unwrap_err();
    server.leave();
    error
}

/// Reads a command and answers it: each `$` becomes its tag.
fn answer(peer: &mut Peer, command: &str, answer: &str) {
    let tag = peer.command(command);
    peer.send(&answer.replace('$', &tag));
}

/// A signed-in server with these capabilities.
fn server(capabilities: &'static str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls(move |peer| {
        peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
        let signed_in = format!("$ OK [CAPABILITY IMAP4rev1 {capabilities}] welcome\r\n");
        answer(peer, &format!("AUTHENTICATE PLAIN {RESPONSE}"), &signed_in);
        script(peer);
    })
}

fn session(server: &Scripted) -> Session {
    open_with(server, &plain()).unwrap()
}

#[test]
fn starttls_comes_before_everything_and_what_was_said_before_is_forgotten() {
    let server = serve(|peer| {
        peer.send("* OK ready\r\n");
        answer(peer, "CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN XCLEAR\r\n$ OK done\r\n");
        answer(peer, "STARTTLS", "$ OK go\r\n");
        peer.start_tls();
        answer(peer, "CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n$ OK done\r\n");
        let tag = peer.command("AUTHENTICATE PLAIN");
        peer.send("+ \r\n");
        assert_eq!(peer.line(), RESPONSE);
        peer.send(&format!("{tag} OK welcome\r\n"));
        answer(peer, "CAPABILITY", "* CAPABILITY IMAP4rev1 MOVE\r\n$ OK done\r\n");
        answer(peer, "LOGOUT", "* BYE see you\r\n$ OK done\r\n");
    });
    let session = session(&server);
    assert!(session.stream().is_tls() && session.capabilities().has("MOVE"));
    assert!(!session.capabilities().has("XCLEAR"));
    session.logout().unwrap();
    server.join();
}

#[test]
fn without_starttls_nothing_secret_leaves() {
    for greeting in ["* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n", "* PREAUTH welcome\r\n"] {
        let server = serve(move |peer| {
            peer.send(greeting);
            assert_eq!(peer.line(), "", "nothing more may come");
        });
        let error = open_with(&server, &plain()).map(|_| ()).unwrap_err();
        match error.failure {
            Failure::Link(LinkError::StartTlsMissing { .. }) => assert_eq!(error.stage, Stage::StartTls),
            Failure::Protocol(_) => assert!(greeting.contains("PREAUTH")),
            other => panic!("{other:?}"),
        }
        server.join();
    }
}

#[test]
fn a_refused_starttls_and_text_behind_it_end_the_session() {
    let start = |answered: &'static str| {
        serve(move |peer| {
            peer.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
            answer(peer, "STARTTLS", answered);
            if answered.contains("OK") {
                peer.start_tls();
            }
        })
    };
    let refused = failed(start("$ BAD not now\r\n"), &plain());
    assert!(matches!(refused.failure, Failure::Link(LinkError::StartTlsRefused { .. })), "{refused:?}");
    let injected = failed(start("$ OK go\r\n* OK [CAPABILITY AUTH=PLAIN] trust me\r\n"), &plain());
    assert!(matches!(injected.failure, Failure::Link(LinkError::InjectedPlaintext { .. })), "{injected:?}");
}

#[test]
fn a_refused_sign_in_is_told_from_one_to_try_later() {
    let answered = |reply: &'static str| {
        let server = serve_tls(move |peer| {
            peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
            answer(peer, "AUTHENTICATE PLAIN", reply);
            // Where a challenge came, the exchange is left.
            if reply.starts_with('+') {
                peer.expect("*");
                peer.send("o1 BAD cancelled\r\n");
            }
        });
        failed(server, &plain()).failure
    };
    let refused = answered("$ NO [AUTHENTICATIONFAILED] wrong\r\n");
    assert_eq!(refused.text(), Some("[AUTHENTICATIONFAILED] wrong"));
    assert!(matches!(refused, Failure::SignInRefused { .. }));
    assert!(matches!(answered("$ NO [UNAVAILABLE] later\r\n"), Failure::Unavailable { .. }));
    assert!(matches!(answered("* BYE shutting down\r\n"), Failure::Bye { .. }));
    assert!(matches!(answered("+ bW9yZQ==\r\n"), Failure::SignInRefused { .. }));
    assert!(matches!(answered("x99 OK welcome\r\n"), Failure::Protocol(_)));
    let other = serve_tls(|peer| peer.send("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n"));
    let missing = failed(other, &plain()).failure;
    assert!(matches!(&missing, Failure::MechanismMissing { offered, .. } if offered == "XOAUTH2"), "{missing:?}");
}

#[test]
fn external_waits_to_be_asked_with_an_empty_identity() {
    let server = serve_tls(|peer| {
        peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=EXTERNAL] ready\r\n");
        let tag = peer.command("AUTHENTICATE EXTERNAL");
        peer.send("+\r\n");
        assert_eq!(peer.line(), "");
        peer.send(&format!("{tag} OK [CAPABILITY IMAP4rev1] welcome\r\n"));
    });
    open_with(&server, &Credential::external(Authzid::Empty).unwrap()).unwrap();
    server.join();
}

#[test]
fn a_message_is_found_fetched_and_acknowledged() {
    let message = format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(20_000));
    let sent = message.clone();
    let server = server("MOVE UIDPLUS", move |peer| {
        answer(
            peer,
            "SELECT INBOX",
            "* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n* OK [UIDNEXT 10] x\r\n$ OK [READ-WRITE] x\r\n",
        );
        answer(peer, "UID SEARCH UNSEEN", "* SEARCH 9 4\r\n* 4 EXISTS\r\n$ OK x\r\n");
        let fetched = format!("* 1 FETCH (UID 4 BODY[] {{{}}}\r\n{sent} FLAGS ())\r\n$ OK x\r\n* 5 EX", sent.len());
        answer(peer, "UID FETCH 4 (UID BODY.PEEK[])", &fetched);
        let rest = format!("ISTS\r\n* 1 FETCH (UID 9 BODY[] {{{}}}\r\n{sent})\r\n$ OK x\r\n", sent.len());
        answer(peer, "UID FETCH 9", &rest);
        answer(peer, "UID STORE 4 +FLAGS.SILENT (\\Seen)", "$ OK x\r\n");
        answer(peer, "UID MOVE 4 Trait&AOk-s", "$ NO [TRYCREATE] Mailbox doesn't exist: Traités\r\n");
        answer(peer, "CREATE Trait&AOk-s", "$ OK x\r\n");
        answer(peer, "UID MOVE 4 Trait&AOk-s", "* OK [COPYUID 7 4 1:4294967295] x\r\n* 1 EXPUNGE\r\n$ OK x\r\n");
        answer(peer, "UID STORE 9 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
        answer(peer, "UID EXPUNGE 9", "* 1 EXPUNGE\r\n$ OK x\r\n");
        answer(peer, "LOGOUT", "* BYE x\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    let folder = session.select("INBOX", false).unwrap();
    assert_eq!((folder.uid_validity, folder.exists, folder.uid_next), (42, 3, Some(10)));
    assert!(!folder.read_only);
    assert_eq!(session.search(Which::Unseen).unwrap(), [4, 9]);
    for uid in [4, 9] {
        let mut fetched = Vec::new();
        assert_eq!(session.fetch_raw(uid, &mut fetched, 1 << 20).unwrap(), message.len() as u64);
        assert!(fetched == message.as_bytes());
    }
    session.mark_seen(4).unwrap();
    session.move_to(4, "Traités").unwrap();
    session.delete(9).unwrap();
    session.logout().unwrap();
    server.join();
}

#[test]
fn without_move_a_message_is_copied_and_then_it_alone_removed() {
    let server = server("UIDPLUS", |peer| {
        answer(peer, "UID COPY 4 Archive", "$ OK [COPYUID 7 4 1] déplacé\r\n");
        answer(peer, "UID STORE 4 +FLAGS.SILENT (\\Deleted)", "$ OK x\r\n");
        answer(peer, "UID EXPUNGE 4", "$ OK x\r\n");
    });
    session(&server).move_to(4, "Archive").unwrap();
    server.join();
    let without = self::server("IDLE", |_| ());
    let mut session = session(&without);
    for error in [session.move_to(4, "Archive").unwrap_err(), session.delete(4).unwrap_err()] {
        assert!(matches!(error.failure, Failure::Missing("UIDPLUS")), "{error:?}");
    }
    without.leave();
}

#[test]
fn a_refused_command_leaves_the_session_standing() {
    let server = server("", |peer| {
        answer(peer, "EXAMINE Other", "$ NO [X-OWN {3] no such folder: Été\r\n");
        answer(peer, "EXAMINE INBOX", "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n$ OK [READ-ONLY] x\r\n");
        answer(peer, "UID SEARCH ALL", "* SEARCH\r\n$ OK x\r\n");
        answer(peer, "UID FETCH 4", "$ OK nothing\r\n");
        answer(peer, "UID STORE", "$ NO read-only\r\n");
    });
    let mut session = session(&server);
    let error = session.select("Other", true).unwrap_err();
    assert!(
        matches!(&error.failure, Failure::Refused { text } if text == "[X-OWN {3] no such folder: Été"),
        "{error:?}"
    );
    assert!(session.select("INBOX", true).unwrap().read_only);
    assert!(session.search(Which::All).unwrap().is_empty());
    assert!(matches!(session.fetch_raw(4, &mut Vec::new(), 9).unwrap_err().failure, Failure::Gone));
    assert!(matches!(session.fetch_raw(0, &mut Vec::new(), 9).unwrap_err().failure, Failure::Gone));
    assert!(matches!(session.mark_seen(4).unwrap_err().failure, Failure::Refused { .. }));
    assert!(matches!(session.select("a\r\nb", true).unwrap_err().failure, Failure::Folder));
    assert!(session.is_open());
    server.join();
}

#[test]
fn a_header_is_searched_for_and_its_text_cannot_become_a_command() {
    let server = server("", |peer| {
        answer(peer, "UID SEARCH HEADER Message-ID <a.b@x.sandbox>", "* SEARCH 7 3\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH HEADER Subject \"a \\\"b\\\\ (c) {3}\"", "* SEARCH\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH UNSEEN HEADER Content-Type report", "* SEARCH 4\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    assert_eq!(session.search_header("Message-ID", "<a.b@x.sandbox>").unwrap(), [3, 7]);
    assert!(session.search_header("Subject", "a \"b\\ (c) {3}").unwrap().is_empty());
    for (name, value) in [("Subject", "a\r\nx LOGOUT"), ("Subject", "é"), ("Subject", ""), ("a b", "c"), ("", "c")] {
        assert!(session.search_header(name, value).unwrap().is_empty(), "{name} {value}: nothing is sent");
    }
    assert_eq!(session.search_reports().unwrap(), [4]);
    server.join();
}

#[test]
fn the_start_of_a_message_is_looked_at_and_nothing_in_it_is_an_answer() {
    let server = server("", |peer| {
        let tag = peer.command("UID FETCH 4 (UID BODY.PEEK[]<0.30>)");
        let message = format!("A: \u{e9}\r\n{tag} NO gone\r\n\0{{9}}\r\n");
        let length = message.len();
        peer.send(&format!("* 1 FETCH (UID 4 BODY[]<0> {{{length}}}\r\n{message})\r\n{tag} OK x\r\n"));
        answer(peer, "UID FETCH 5 (UID BODY.PEEK[]<0.30>)", "* 2 FETCH (UID 6 BODY[]<0> \"x\")\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    let most = std::num::NonZeroU32::new(30).unwrap();
    let octets = session.peek(4, most).unwrap();
    assert!(octets.starts_with("A: \u{e9}\r\n".as_bytes()) && octets.ends_with(b" NO gone\r\n?{9}\r\n"), "{octets:?}");
    assert!(matches!(session.peek(5, most).unwrap_err().failure, Failure::Gone));
    server.join();
}

#[test]
fn the_folder_for_sent_mail_is_known_by_its_use() {
    let listed = "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\Noselect \\Sent) \"/\" Old\r\n\
        * LIST (\\HasNoChildren \\sent) \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\"\r\n* LIST (\\Sent) NIL Other\r\n\
        * LIST (\\Archive) \"/\" \"Drafts\"\r\n$ OK x\r\n";
    let server = server("SPECIAL-USE", move |peer| {
        for _ in 0..3 {
            answer(peer, "LIST \"\" *", listed);
        }
        answer(peer, "LIST \"\" *", "$ NO not now\r\n");
    });
    let mut session = session(&server);
    assert_eq!(session.special_folder(SpecialUse::Sent).unwrap().as_deref(), Some("Éléments envoyés"));
    assert_eq!(session.special_folder(SpecialUse::Archive).unwrap().as_deref(), Some("Drafts"), "in quotes");
    assert_eq!(session.special_folder(SpecialUse::Trash).unwrap(), None);
    assert_eq!(session.special_folder(SpecialUse::Trash).unwrap_err().stage, Stage::List);
    server.join();
}

/// What becomes of a fetch that is answered so.
fn fetched(reply: &'static str, then_cut: bool) -> (Result<u64, ImapError>, Vec<u8>) {
    let server = server("", move |peer| {
        answer(peer, "UID FETCH 4", reply);
        if then_cut {
            peer.cut();
        } else {
            peer.line();
        }
    });
    let mut session = session(&server);
    let mut out = Vec::new();
    let result = session.fetch_raw(4, &mut out, 20);
    drop(session);
    server.leave();
    (result, out)
}

#[test]
fn a_message_too_large_another_or_cut_short_is_not_taken_for_the_right_one() {
    let (large, out) = fetched("* 1 FETCH (UID 4 BODY[] {4294967295}\r\n", false);
    assert!(matches!(large.unwrap_err().failure, Failure::TooLarge { limit: 20, .. }) && out.is_empty());
    let (other, out) = fetched("* 1 FETCH (UID 5 BODY[] {5}\r\nhello)\r\n$ OK x\r\n", false);
    assert!(matches!(other.unwrap_err().failure, Failure::Protocol(_)) && out.is_empty());
    let (unnamed, _) = fetched("* 1 FETCH (BODY[] {5}\r\nhello)\r\n$ OK x\r\n", false);
    assert!(matches!(unnamed.unwrap_err().failure, Failure::Protocol(_)));
    let twice = "* 1 FETCH (UID 4 BODY[] {2}\r\nhe)\r\n* 1 FETCH (UID 4 BODY[] {2}\r\nhi)\r\n$ OK x\r\n";
    assert!(matches!(fetched(twice, false).0.unwrap_err().failure, Failure::Protocol(_)));
    let (short, _) = fetched("* 1 FETCH (UID 4 BODY[] {15}\r\nhello", true);
    assert!(matches!(short.unwrap_err().failure, Failure::Link(LinkError::Broken { .. })));
    let (unended, _) = fetched("* 1 FETCH (UID 4 BODY[] {5}\r\nhello)\r\n", true);
    assert!(matches!(unended.unwrap_err().failure, Failure::Link(LinkError::Broken { .. })));
    let (bye, _) = fetched("* BYE maintenance\r\n", false);
    assert!(matches!(bye.unwrap_err().failure, Failure::Bye { text } if text == "maintenance"));
    let (refused, _) = fetched("$ NO [SERVERBUG] disk\r\n", false);
    assert!(matches!(refused.unwrap_err().failure, Failure::Refused { .. }));
    let (busy, _) = fetched("$ NO [unavailable] later\r\n", false);
    assert!(matches!(busy.unwrap_err().failure, Failure::Unavailable { text } if text == "[unavailable] later"));
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
    let mut session = session(&server);
    assert!(matches!(session.fetch_raw(4, &mut Full, 20).unwrap_err().failure, Failure::Output(_)));
    assert!(!session.is_open());
    assert!(session.search(Which::All).is_err());
    server.leave();
}

/// What becomes of a search that is answered by this script.
fn searched(script: impl FnOnce(&mut Peer) + Send + 'static) -> Failure {
    let server = server("", move |peer| {
        let tag = peer.command("UID SEARCH");
        script(peer);
        peer.send(&format!("{tag} OK x\r\n"));
    });
    let short = Timeouts { reply: std::time::Duration::from_secs(10), ..timeouts() };
    let mut session = Session::open(&dialer_with(None, short), &server.endpoint, &plain()).unwrap();
    let failure = session.search(Which::All).unwrap_err().failure;
    drop(session);
    server.leave();
    failure
}

#[test]
fn what_has_no_end_or_no_sense_is_refused_and_not_kept() {
    let endless = searched(|peer| (0..100).for_each(|_| peer.send(&"1 ".repeat(32 * 1024))));
    assert!(matches!(endless, Failure::Link(LinkError::EndlessLine { .. })), "{endless:?}");
    let many = searched(|peer| (0..150).for_each(|_| peer.send(&"* 1 EXISTS\r\n".repeat(6000))));
    assert!(matches!(many, Failure::Protocol("an answer does not end")), "{many:?}");
    let literal = searched(|peer| peer.send("* SEARCH {4294967295}\r\n1\r\nx\r\n"));
    assert!(matches!(literal, Failure::Link(_) | Failure::Protocol(_)), "{literal:?}");
    let unreadable = searched(|peer| peer.send("* SEARCH 1 2 x\r\n"));
    assert!(matches!(unreadable, Failure::Protocol("an answer to SEARCH cannot be read")), "{unreadable:?}");
    let bye = searched(|peer| peer.send("* BYE idle too long\r\n"));
    assert!(matches!(bye, Failure::Bye { .. }), "{bye:?}");
}

#[test]
fn a_server_that_cannot_be_read_safely_is_named() {
    let server = serve_tls(|peer| {
        peer.send("* OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] ready\r\n");
        answer(peer, "AUTHENTICATE PLAIN", "$ OK [CAPABILITY IMAP4rev2] welcome\r\n");
    });
    assert!(matches!(failed(server, &plain()).failure, Failure::Missing("IMAP4rev1")));
    let server = serve_tls(|peer| peer.send("220 smtp.x.sandbox\r\n"));
    assert!(matches!(failed(server, &plain()).failure, Failure::Protocol(_)));
}
