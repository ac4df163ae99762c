//! Mailbox sessions with servers that do as they should, and with others.

use super::{Failure, Filter, ImapError, News, Session, SpecialUse, Stage, Which};
use crate::net::scripted::{Peer, Scripted, dialer, dialer_with, serve, serve_tls, timeouts};
use crate::net::{Authzid, Credential, LinkError, Timeouts};
use crate::secret::Secret;

/// `\0labo@x.sandbox\0pw`.
const RESPONSE: &str = "AGxhYm9AeC5zYW5kYm94AHB3";

pub(super) fn plain() -> Credential {
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
pub(super) fn answer(peer: &mut Peer, command: &str, answer: &str) {
    let tag = peer.command(command);
    peer.send(&answer.replace('$', &tag));
}

/// A signed-in server with these capabilities.
pub(super) fn server(capabilities: &'static str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls(move |peer| {
        peer.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n");
        let signed_in = format!("$ OK [CAPABILITY IMAP4rev1 {capabilities}] welcome\r\n");
        answer(peer, &format!("AUTHENTICATE PLAIN {RESPONSE}"), &signed_in);
        script(peer);
    })
}

pub(super) fn session(server: &Scripted) -> Session {
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
fn a_folder_is_selected_and_searched() {
    let server = server("ID ESEARCH CONDSTORE", |peer| {
        peer.command("ID (\"name\" \"mss\")");
        let tag = peer.command("SELECT INBOX (CONDSTORE)");
        // What is answered to the name comes whenever it comes.
        let id = (tag.as_str(), "* ID NIL\r\n");
        peer.send(&format!(
            "{}* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n* OK [UIDNEXT 10] x\r\n\
             * OK [HIGHESTMODSEQ 917] x\r\n{} OK [READ-WRITE] x\r\n",
            id.1, id.0
        ));
        let tag = peer.command("UID SEARCH RETURN (ALL) UNSEEN MODSEQ 901");
        peer.send(&format!("* ESEARCH (TAG \"{tag}\") UID ALL 4,8:9 MODSEQ 917\r\n* 4 EXISTS\r\n{tag} OK x\r\n"));
    });
    let mut session = session(&server);
    let folder = session.select("INBOX", false).unwrap();
    assert_eq!((folder.uid_validity, folder.exists, folder.uid_next), (42, 3, Some(10)));
    assert_eq!((folder.read_only, folder.changes), (false, Some(917)));
    let filter = Filter { which: Which::Unseen, changed_since: Some(900), ..Filter::default() };
    assert_eq!(session.search(&filter).unwrap().to_string(), "4,8:9");
    server.join();
}

#[test]
fn a_server_that_finds_more_than_there_is_does_not_fill_the_memory() {
    let server = server("ESEARCH", |peer| {
        answer(peer, "SELECT INBOX", "* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH", "* ESEARCH (TAG \"$\") UID ALL 1:4294967295\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    session.select("INBOX", false).unwrap();
    let failure = session.search(&Filter::default()).unwrap_err().failure;
    assert!(matches!(failure, Failure::Protocol("more messages were found than there are")), "{failure:?}");
    server.join();
}

#[test]
fn folders_are_listed_with_how_many_messages_they_have() {
    let server = server("LIST-STATUS", |peer| {
        answer(
            peer,
            "LIST \"\" \"R&AOk-*\" RETURN (STATUS (MESSAGES UNSEEN))",
            "* LIST (\\HasNoChildren) \"/\" R&AOk-a\r\n* STATUS R&AOk-a (MESSAGES 17 UNSEEN 3)\r\n\
             * LIST (\\Noselect) \"/\" R&AOk-b\r\n* LIST (\\Junk) \"/\" R&AOk-c\r\n$ OK x\r\n",
        );
        answer(peer, "LIST \"\" \"%\" RETURN", "$ BAD what\r\n");
        answer(peer, "LIST \"\" %", "* LIST () \"/\" INBOX\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    let listed = session.list("Ré*").unwrap();
    let told: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.usage, it.messages, it.unseen)).collect();
    assert_eq!(told, [("Réa", None, Some(17), Some(3)), ("Réc", Some(SpecialUse::Junk), None, None)]);
    assert_eq!(session.list("%").unwrap()[0].name, "INBOX");
    server.join();
}

#[test]
fn what_a_server_says_it_can_and_cannot_is_done_without() {
    let server = server("ESEARCH CONDSTORE MOVE COMPRESS=DEFLATE", |peer| {
        answer(peer, "COMPRESS DEFLATE", "$ BAD what\r\n");
        answer(peer, "SELECT INBOX (CONDSTORE)", "$ BAD what\r\n");
        answer(peer, "SELECT INBOX", "* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH RETURN (ALL) ALL", "$ BAD what\r\n");
        answer(peer, "UID SEARCH ALL", "* SEARCH 7\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH ALL", "* SEARCH 7\r\n$ OK x\r\n");
        answer(peer, "SELECT INBOX", "$ NO [NONEXISTENT] x\r\n");
    });
    let mut session = session(&server);
    assert!(!session.compress().unwrap());
    assert_eq!(session.select("INBOX", false).unwrap().changes, None);
    for _ in 0..2 {
        assert_eq!(session.search(&Filter::default()).unwrap().to_string(), "7");
    }
    assert!(matches!(session.select("INBOX", false).unwrap_err().failure, Failure::Refused { .. }));
    server.join();
}

#[test]
fn news_come_by_themselves_and_none_is_lost() {
    let server = server("IDLE", |peer| {
        answer(peer, "SELECT INBOX", "* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH ALL", "* SEARCH\r\n* 4 EXISTS\r\n$ OK x\r\n");
        let tag = peer.command("IDLE");
        peer.send("+ idling\r\n");
        peer.expect("DONE");
        peer.send(&format!("{tag} OK x\r\n"));
        let tag = peer.command("IDLE");
        peer.send("* OK still here\r\n+ idling\r\n* OK still here\r\n* 5 EXISTS\r\n");
        peer.expect("DONE");
        peer.send(&format!("* 1 EXPUNGE\r\n{tag} OK x\r\n"));
        let tag = peer.command("IDLE");
        peer.send("+ idling\r\n* BYE shutting down\r\n");
        let _ = tag;
    });
    let mut session = session(&server);
    session.select("INBOX", false).unwrap();
    session.search(&Filter::default()).unwrap();
    let mut waiting = session.wait().unwrap().ok().unwrap();
    assert_eq!(waiting.look().unwrap(), News::Change, "what was told beside the search is not told again");
    let (session, news) = waiting.end().unwrap();
    assert_eq!(news, News::Nothing);
    let mut waiting = session.wait().unwrap().ok().unwrap();
    while waiting.look().unwrap() == News::Nothing {
        std::thread::yield_now();
    }
    let (session, news) = waiting.end().unwrap();
    assert_eq!(news, News::Change);
    let mut waiting = session.wait().unwrap().ok().unwrap();
    let error = loop {
        match waiting.look() {
            Ok(_) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.failure, Failure::Bye { .. }) && error.stage == Stage::Idle, "{error:?}");
    drop(waiting);
    server.leave();
}

#[test]
fn a_wait_outlives_that_somebody_marks_every_message_and_news_that_nobody_told_are_looked_for() {
    let server = server("IDLE", |peer| {
        let tag = peer.command("IDLE");
        let marks: String = (1..20_000).map(|number| format!("* {number} FETCH (FLAGS (\\Seen))\r\n")).collect();
        peer.send(&format!("+ idling\r\n{marks}"));
        peer.expect("DONE");
        peer.send(&format!("{marks}{tag} OK x\r\n"));
        let tag = peer.command("IDLE");
        peer.send("+ idling\r\n");
        peer.expect("DONE");
        peer.send(&format!("{tag} OK x\r\n"));
    });
    let mut waiting = session(&server).wait().unwrap().ok().unwrap();
    while waiting.look().unwrap() == News::Nothing {
        std::thread::yield_now();
    }
    let (mut session, _) = waiting.end().unwrap();
    session.expect_news();
    let mut waiting = session.wait().unwrap().ok().unwrap();
    assert_eq!(waiting.look().unwrap(), News::Change);
    waiting.end().unwrap();
    server.join();
}

#[test]
fn a_range_brings_nothing_from_outside_it_and_no_more_than_a_folder_can_have() {
    let server = server("ESEARCH", |peer| {
        answer(peer, "SELECT INBOX", "* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH RETURN (ALL) UID 5:9 ALL", "* ESEARCH (TAG \"$\") UID ALL 1:6,9,12\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH RETURN (ALL) ALL", "* ESEARCH (TAG \"$\") UID ALL 1:4294967295\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    session.select("INBOX", false).unwrap();
    let found = session.search(&Filter { between: Some((5, 9)), ..Filter::default() }).unwrap();
    assert_eq!(found.to_string(), "5:6,9");
    let failure = session.search(&Filter::default()).unwrap_err().failure;
    assert!(matches!(failure, Failure::Protocol("more messages were found than there are")), "{failure:?}");
    server.join();
}

#[test]
fn a_server_that_cannot_look_for_changes_is_asked_for_all() {
    let server = server("CONDSTORE", |peer| {
        answer(peer, "SELECT INBOX (CONDSTORE)", "* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH ALL MODSEQ 918", "$ BAD what\r\n");
        answer(peer, "UID SEARCH ALL", "* SEARCH 4 5\r\n$ OK x\r\n");
    });
    let mut session = session(&server);
    session.select("INBOX", false).unwrap();
    let found = session.search(&Filter { changed_since: Some(917), ..Filter::default() }).unwrap();
    assert_eq!(found.to_string(), "4:5");
    server.join();
}

#[test]
fn a_server_without_idle_or_that_refuses_it_is_asked() {
    let server = server("IDLE", |peer| {
        answer(peer, "IDLE", "$ NO not now\r\n");
        answer(peer, "NOOP", "$ OK x\r\n");
        answer(peer, "NOOP", "* 3 FETCH (FLAGS (\\Seen))\r\n$ OK x\r\n");
    });
    let mut session = session(&server).wait().unwrap().err().unwrap();
    assert_eq!(session.ask_for_news().unwrap(), News::Nothing);
    assert_eq!(session.ask_for_news().unwrap(), News::Change);
    server.join();
    let without = self::server("UIDPLUS", |_| ());
    assert!(self::session(&without).wait().unwrap().is_err());
    without.leave();
}

#[test]
fn a_refused_command_leaves_the_session_standing() {
    let server = server("", |peer| {
        answer(peer, "EXAMINE Other", "$ NO [X-OWN {3] no such folder: Été\r\n");
        answer(peer, "EXAMINE INBOX", "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n$ OK [READ-ONLY] x\r\n");
        answer(peer, "UID SEARCH ALL", "* SEARCH\r\n$ OK x\r\n");
        answer(peer, "UID STORE", "$ NO read-only\r\n");
    });
    let mut session = session(&server);
    let error = session.select("Other", true).unwrap_err();
    assert!(
        matches!(&error.failure, Failure::Refused { text } if text == "[X-OWN {3] no such folder: Été"),
        "{error:?}"
    );
    assert!(session.select("INBOX", true).unwrap().read_only);
    assert!(session.search(&Filter::default()).unwrap().is_empty());
    assert!(matches!(session.mark_seen(0).unwrap_err().failure, Failure::Gone));
    assert!(matches!(session.mark_seen(4).unwrap_err().failure, Failure::Refused { .. }));
    assert!(matches!(session.select("a\r\nb", true).unwrap_err().failure, Failure::Folder));
    assert!(session.is_open());
    server.join();
}

#[test]
fn a_header_is_searched_for_and_its_text_cannot_become_a_command() {
    let server = server("", |peer| {
        answer(peer, "UID SEARCH HEADER \"Message-ID\" \"<a.b@x.sandbox>\"", "* SEARCH 7 3\r\n$ OK x\r\n");
        answer(peer, "UID SEARCH HEADER \"Subject\" \"a \\\"b\\\\ (c) {3}\"", "* SEARCH\r\n$ OK x\r\n");
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

/// What becomes of a search that is answered by this script.
fn searched(script: impl FnOnce(&mut Peer) + Send + 'static) -> Failure {
    let server = server("", move |peer| {
        let tag = peer.command("UID SEARCH");
        script(peer);
        peer.send(&format!("{tag} OK x\r\n"));
    });
    let short = Timeouts { reply: std::time::Duration::from_secs(10), ..timeouts() };
    let mut session = Session::open(&dialer_with(None, short), &server.endpoint, &plain()).unwrap();
    let failure = session.search(&Filter::default()).unwrap_err().failure;
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
