//! Dialogues with the mailbox server, over real sockets.

use std::io::Write;

use crate::sandbox::scripted::{CARDIO, Client, DURAND, Trial, password, plain};
use crate::sandbox::server::Door;

const TLS: Door = Door::Mailbox { implicit: true };
const STARTTLS: Door = Door::Mailbox { implicit: false };

const MIXED: &str = "From: Labo <labo@biologie.sandbox>\r\nTo: dr.durand@medecin.sandbox\r\nSubject: =?utf-8?Q?R=C3=A9sultats?=\r\n\
    Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\n\r\nhello\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n";

fn deliver(trial: &Trial, text: &str) {
    let mut staged = trial.service.store.incoming().unwrap();
    staged.write_all(text.as_bytes()).unwrap();
    trial.service.store.deliver(&mut staged, text.len() as u64, &[DURAND.parse().unwrap()]).unwrap();
}

fn signed_in(trial: &Trial) -> Client {
    let mut client = trial.client(TLS);
    client.line().unwrap();
    client.imap(&format!("AUTHENTICATE PLAIN {}", plain(DURAND)), "OK [CAPABILITY ");
    client
}

fn selected(trial: &Trial) -> Client {
    let mut client = signed_in(trial);
    client.imap("SELECT inbox", "OK [READ-WRITE]");
    client
}

/// The untagged lines of an answer that open with a word.
fn told(lines: &[String], word: &str) -> Vec<String> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix("* "))
        .filter(|line| line.contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn sign_in_needs_tls_and_every_way_works() {
    let trial = Trial::new(&[]);
    let mut client = trial.client(STARTTLS);
    let greeting = client.line().unwrap();
    assert!(greeting.contains("STARTTLS LOGINDISABLED") && !greeting.contains("AUTH="), "{greeting}");
    client.imap(&format!("LOGIN {DURAND} {}", password()), "NO [PRIVACYREQUIRED]");
    client.imap(&format!("AUTHENTICATE PLAIN {}", plain(DURAND)), "NO [PRIVACYREQUIRED]");
    client.imap("SELECT INBOX", "BAD");
    // What is injected in clear behind STARTTLS is not obeyed under TLS.
    client.send(b"t STARTTLS\r\nx NOOP\r\n");
    client.until("OK ");
    client.start_tls();
    client.imap("NOOP", "OK ");
    client.imap("STARTTLS", "BAD");
    client.imap(&format!("LOGIN {DURAND} tilleul"), "NO [AUTHENTICATIONFAILED]");
    client.imap(&format!("LOGIN {DURAND} \"{}\"", password()), "OK [CAPABILITY ");
    client.imap("LOGOUT", "OK LOGOUT");
    assert_eq!(client.line(), None);

    let mut client = trial.client(TLS);
    client.line().unwrap();
    client.send(b"t AUTHENTICATE PLAIN\r\n");
    assert_eq!(client.line().as_deref(), Some("+ "));
    client.send(format!("{}\r\n", plain(DURAND)).as_bytes());
    client.until("OK ");

    for command in [
        "AUTHENTICATE EXTERNAL =".to_owned(),
        format!("AUTHENTICATE EXTERNAL {}", base64_simd::STANDARD.encode_to_string(CARDIO)),
    ] {
        let mut client = trial.client_with_certificate(TLS);
        assert!(client.line().unwrap().contains("AUTH=EXTERNAL"));
        client.imap(&command, "OK ");
    }
    let mut client = trial.client_with_certificate(TLS);
    client.line().unwrap();
    client.send(b"t AUTHENTICATE EXTERNAL\r\n");
    assert_eq!(client.line().as_deref(), Some("+ "));
    client.send(b"\r\n");
    client.until("OK ");
}

#[test]
fn select_tells_all_there_is_to_know() {
    let trial = Trial::new(&[]);
    deliver(&trial, MIXED);
    let mut client = signed_in(&trial);
    let lines = client.imap("SELECT INBOX", "OK [READ-WRITE]");
    for expected in ["1 EXISTS", "1 RECENT", "OK [UNSEEN 1]", "OK [UIDVALIDITY ", "OK [UIDNEXT 2]", "FLAGS ("] {
        assert!(!told(&lines, expected).is_empty(), "{expected}: {lines:?}");
    }
    let lines = client.imap("EXAMINE INBOX", "OK [READ-ONLY]");
    assert_eq!(told(&lines, "RECENT"), ["0 RECENT"], "another session was told already");
    client.imap("STORE 1 +FLAGS (\\Seen)", "NO [CANNOT]");
    client.imap("SELECT Nowhere", "NO [NONEXISTENT]");
    client.imap("SEARCH ALL", "BAD");
    client.imap("ENABLE IMAP4rev2", "OK ");
    let lines = client.imap("SELECT INBOX", "OK ");
    assert!(told(&lines, "RECENT").is_empty() && told(&lines, "LIST ()") == ["LIST () \"/\" \"INBOX\""], "{lines:?}");
    client.imap("UNSELECT", "OK ");
    client.imap("CLOSE", "BAD");
}

#[test]
fn the_pieces_of_a_message_come_back_as_they_are() {
    let trial = Trial::new(&[]);
    deliver(&trial, MIXED);
    let mut client = selected(&trial);
    let text = |lines: &[String]| lines[..lines.len() - 1].join("\r\n");
    let header = &MIXED[..MIXED.find("\r\n\r\n").unwrap() + 4];
    let body = &MIXED[header.len()..];
    for (item, label, octets) in [
        ("BODY.PEEK[]", "BODY[]", MIXED),
        ("BODY.PEEK[HEADER]", "BODY[HEADER]", header),
        ("RFC822.HEADER", "RFC822.HEADER", header),
        ("BODY.PEEK[TEXT]", "BODY[TEXT]", body),
        ("BODY.PEEK[1]", "BODY[1]", "hello"),
        ("BODY.PEEK[2]", "BODY[2]", "JVBERg=="),
        (
            "BODY.PEEK[2.MIME]",
            "BODY[2.MIME]",
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        ),
        ("BODY.PEEK[]<5.4>", "BODY[]<5>", "Labo"[..].trim()),
        ("BODY.PEEK[1]<3.99>", "BODY[1]<3>", "lo"),
        ("BODY.PEEK[1]<99.9>", "BODY[1]<99>", ""),
        (
            "BODY.PEEK[HEADER.FIELDS (to DATE)]",
            "BODY[HEADER.FIELDS (TO DATE)]",
            "To: dr.durand@medecin.sandbox\r\nDate: Mon, 5 Jan 2026 08:00:00 +0000\r\n\r\n",
        ),
        ("BINARY.PEEK[2]", "BINARY[2]", "%PDF"),
        ("BINARY.PEEK[2]<1.2>", "BINARY[2]<1>", "PD"),
    ] {
        let lines = client.imap(&format!("UID FETCH 1 {item}"), "OK ");
        let tilde = if item.starts_with("BINARY") { "~" } else { "" };
        let octets = if item.ends_with("<5.4>") { &MIXED[5..9] } else { octets };
        let expected = format!("* 1 FETCH (UID 1 {label} {tilde}{{{}}}\r\n{octets})", octets.len());
        assert_eq!(text(&lines), expected, "{item}");
    }
    for (item, value) in [
        ("BODY.PEEK[3]", "BODY[3] NIL"),
        ("BINARY.SIZE[2]", "BINARY.SIZE[2] 4"),
        ("RFC822.SIZE", &format!("RFC822.SIZE {}", MIXED.len())),
        ("INTERNALDATE", "INTERNALDATE \"05-Jan-2026 08:00:00 +0000\""),
        ("FLAGS", "FLAGS (\\Recent)"),
        (
            "BODYSTRUCTURE",
            "BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 5 0 NIL NIL NIL NIL)\
          (\"APPLICATION\" \"PDF\" NIL NIL NIL \"BASE64\" 8 NIL NIL NIL NIL) \"MIXED\" (\"boundary\" \"b\") NIL NIL NIL)",
        ),
    ] {
        let lines = client.imap(&format!("FETCH 1 {item}"), "OK ");
        assert_eq!(text(&lines), format!("* 1 FETCH ({value})"), "{item}");
    }
    client.imap("FETCH 2 FLAGS", "BAD");
    client.imap("UID FETCH 7:9 FLAGS", "OK ");
}

#[test]
fn only_reading_without_peek_marks_a_message_seen() {
    let trial = Trial::new(&[]);
    deliver(&trial, MIXED);
    let mut client = selected(&trial);
    client.imap("FETCH 1 (ENVELOPE BODY.PEEK[] FLAGS)", "OK ");
    let lines = client.imap("UID SEARCH UNSEEN", "OK ");
    assert_eq!(told(&lines, "SEARCH"), ["SEARCH 1"]);
    let lines = client.imap("FETCH 1 BODY[1]", "OK ");
    assert!(lines[lines.len() - 2].ends_with("FLAGS (\\Recent \\Seen))"), "{lines:?}");
    let lines = client.imap("UID SEARCH UNSEEN", "OK ");
    assert_eq!(told(&lines, "SEARCH"), ["SEARCH"]);
}

#[test]
fn searches_find_what_they_say() {
    let trial = Trial::new(&[]);
    deliver(&trial, MIXED);
    deliver(&trial, "From: a@x.fr\r\nSubject: second\r\nX-Kind: Report\r\n\r\nneedle in hay\r\n");
    deliver(&trial, "Subject: third\r\n\r\n\r\n");
    let mut client = selected(&trial);
    client.imap("STORE 2 +FLAGS.SILENT (\\Flagged work)", "OK ");
    for (keys, found) in [
        ("ALL", "1 2 3"),
        ("FLAGGED", "2"),
        ("KEYWORD Work NOT SEEN", "2"),
        ("UNFLAGGED", "1 3"),
        ("OR SUBJECT third FROM x.fr", "2 3"),
        ("SUBJECT {10+}\r\nr\u{e9}sultats", "1"),
        ("HEADER X-Kind report", "2"),
        ("HEADER X-Kind \"\"", "2"),
        ("BODY NEEDLE", "2"),
        ("TEXT second", "2"),
        ("NOT (1:2)", "3"),
        ("UID 2:*", "2 3"),
        ("3,1", "1 3"),
        ("SINCE 5-Jan-2026 BEFORE 6-Jan-2026", "1 2 3"),
        ("ON 4-Jan-2026", ""),
        ("SENTSINCE 1-Jan-2026", "1"),
        ("LARGER 100", "1"),
        ("CHARSET UTF-8 NEW", "1 2 3"),
        ("OLD", ""),
    ] {
        let lines = client.imap(&format!("SEARCH {keys}"), "OK ");
        assert_eq!(told(&lines, "SEARCH"), [format!("SEARCH {found}").trim_end()], "{keys}");
    }
    let lines = client.imap("UID SEARCH RETURN (MIN MAX COUNT ALL SAVE) 2:3", "OK ");
    assert_eq!(told(&lines, "ESEARCH"), ["ESEARCH (TAG \"t\") UID MIN 2 MAX 3 COUNT 2 ALL 2:3"]);
    let lines = client.imap("UID FETCH $ UID", "OK ");
    assert_eq!(told(&lines, "FETCH"), ["2 FETCH (UID 2)", "3 FETCH (UID 3)"]);
    client.imap("SEARCH CHARSET KOI8-R ALL", "BAD [BADCHARSET");
    client.imap("SEARCH NONSENSE", "BAD");
    client.imap(&format!("SEARCH {}ALL", "NOT ".repeat(50)), "BAD");
    client.imap("NOOP", "OK ");
}

#[test]
fn moved_copied_and_removed_messages_are_told_to_every_session() {
    let trial = Trial::new(&[]);
    for text in ["a", "b", "c", "d"] {
        deliver(&trial, &format!("Subject: {text}\r\n\r\n"));
    }
    let (mut one, mut other) = (selected(&trial), selected(&trial));
    let lines = one.imap("UID MOVE 2 Archive", "OK MOVE");
    assert!(lines[0].starts_with("* OK [COPYUID ") && lines[0].contains(" 2 1]"), "{lines:?}");
    assert_eq!(lines[1], "* 2 EXPUNGE");
    assert!(one.imap("COPY 1:2 Archive", "OK [COPYUID ").last().unwrap().contains(" 1,3 2:3]"));
    one.imap("COPY 1 Nowhere", "NO [TRYCREATE]");
    one.imap("UID STORE 1,4 +FLAGS (\\Deleted)", "OK ");
    let lines = one.imap("UID EXPUNGE 4", "OK ");
    assert_eq!(told(&lines, "EXPUNGE"), ["3 EXPUNGE"]);
    assert!(told(&other.imap("SEARCH ALL", "OK "), "EXPUNGE").is_empty(), "numbers stay while they are used");
    let lines = other.imap("NOOP", "OK ");
    assert_eq!(told(&lines, "EXPUNGE"), ["2 EXPUNGE", "3 EXPUNGE"]);
    assert_eq!(told(&lines, "FETCH"), ["1 FETCH (UID 1 FLAGS (\\Deleted))"]);
    other.imap("CLOSE", "OK ");
    let lines = one.imap("CHECK", "OK ");
    assert_eq!(told(&lines, "EXPUNGE"), ["1 EXPUNGE"]);
    let lines = one.imap("STATUS Archive (MESSAGES UIDNEXT UNSEEN SIZE)", "OK ");
    assert_eq!(lines[0], "* STATUS \"Archive\" (MESSAGES 3 UIDNEXT 4 UNSEEN 3 SIZE 42)");
}

#[test]
fn a_message_expunged_elsewhere_is_named_as_gone() {
    let trial = Trial::new(&[]);
    deliver(&trial, MIXED);
    let (mut one, mut other) = (selected(&trial), selected(&trial));
    one.imap("STORE 1 FLAGS (\\Deleted)", "OK ");
    one.imap("EXPUNGE", "OK ");
    other.imap("FETCH 1 BODY.PEEK[]", "NO [EXPUNGEISSUED]");
    other.imap("UID FETCH 1 BODY.PEEK[]", "NO [EXPUNGEISSUED]");
}

#[test]
fn append_stores_what_it_is_given() {
    let trial = Trial::new(&[]);
    let mut client = selected(&trial);
    client.send(b"t APPEND inbox (\\Seen $Label) \" 5-Jan-2026 09:00:00 +0100\" {20}\r\n");
    assert!(client.line().unwrap().starts_with("+ "));
    client.send(b"Subject: x\r\n\r\nbody\r\n\r\n");
    let lines = client.until("OK [APPENDUID ");
    assert_eq!(told(&lines, "EXISTS"), ["1 EXISTS"]);
    client.send(b"t APPEND {5+}\r\ninbox {3+}\r\nabc\r\n");
    client.until("OK [APPENDUID ");
    let lines = client.imap("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])", "OK ");
    assert_eq!(lines[0], "* 1 FETCH (FLAGS (\\Seen $Label) INTERNALDATE \"05-Jan-2026 08:00:00 +0000\" BODY[] {20}");
    client.send(b"t APPEND Nowhere {3}\r\n");
    client.until("NO [TRYCREATE]");
    client.send(b"t APPEND Nowhere {3+}\r\nabc\r\n");
    client.until("NO [TRYCREATE]");
    client.send(b"t APPEND inbox {999999999999}\r\n");
    client.until("NO [TOOBIG]");
    client.imap("NOOP", "OK ");
}

#[test]
fn idle_tells_of_a_message_at_once() {
    let trial = Trial::new(&[]);
    let mut client = selected(&trial);
    client.send(b"t IDLE\r\n");
    assert_eq!(client.line().as_deref(), Some("+ idling"));
    deliver(&trial, MIXED);
    assert_eq!(client.line().as_deref(), Some("* 1 EXISTS"));
    assert_eq!(client.line().as_deref(), Some("* 0 RECENT"));
    client.send(b"DONE\r\n");
    client.until("OK IDLE");
}

#[test]
fn folders_are_listed_made_and_removed() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    client.imap("CREATE Labo/2026", "OK ");
    client.imap("CREATE labo/", "OK ");
    client.imap("CREATE Labo", "NO [ALREADYEXISTS]");
    client.imap("CREATE \"a*b\"", "NO [CANNOT]");
    let lines = client.imap("LIST \"\" *", "OK ");
    assert_eq!(
        told(&lines, "LIST"),
        [
            "LIST (\\HasNoChildren) \"/\" \"INBOX\"",
            "LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"",
            "LIST (\\HasChildren) \"/\" \"Labo\"",
            "LIST (\\HasNoChildren) \"/\" \"Labo/2026\"",
            "LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
            "LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"",
            "LIST (\\HasNoChildren) \"/\" \"labo\"",
        ]
    );
    assert_eq!(told(&client.imap("LIST \"\" \"\"", "OK "), "LIST"), ["LIST (\\Noselect) \"/\" \"\""]);
    assert_eq!(told(&client.imap("LIST Labo/ %", "OK "), "LIST").len(), 1);
    client.imap("UNSUBSCRIBE Sent", "OK ");
    assert_eq!(told(&client.imap("LSUB \"\" S*", "OK "), "LSUB").len(), 0);
    let lines = client.imap("LIST (SUBSCRIBED) \"\" (INBOX T%) RETURN (SPECIAL-USE STATUS (MESSAGES))", "OK ");
    assert_eq!(told(&lines, "STATUS"), ["STATUS \"INBOX\" (MESSAGES 0)", "STATUS \"Trash\" (MESSAGES 0)"]);
    client.imap("RENAME Labo Biologie", "OK ");
    client.imap("SELECT Biologie/2026", "OK ");
    client.imap("DELETE Biologie", "NO [HASCHILDREN]");
    client.imap("DELETE Sent", "NO [CANNOT]");
    let mut other = signed_in(&trial);
    other.imap("DELETE Biologie/2026", "OK ");
    client.send(b"t NOOP\r\n");
    assert!(client.line().unwrap().starts_with("* BYE "));
}

#[test]
fn what_is_not_imap_is_refused_and_the_session_goes_on() {
    let trial = Trial::new(&[]);
    let mut client = signed_in(&trial);
    for bad in [
        "",
        "FOO",
        "SELECT",
        "SELECT \"a",
        "LIST a",
        "STATUS INBOX ()",
        "APPEND INBOX x",
        "ID (",
        "UID FOO 1",
        "SELECT INBOX x",
    ] {
        client.imap(bad, "BAD");
    }
    client.send(b"t SELECT {999999}\r\n");
    client.until("BAD");
    client.send(b"t SELECT {5+}\r\nINBOX junk {3+}\r\nabc\r\n");
    client.until("BAD");
    client.send(b"t LOGIN {70000+}\r\n");
    client.send(&[b'x'; 70_000]);
    client.send(b" y\r\n");
    client.until("BAD");
    client.send(b"\xff\xfe\r\n");
    assert!(client.line().unwrap().starts_with("* BAD"));
    client.imap("NOOP", "OK ");
    for _ in 0..60 {
        client.send(b"t FOO\r\n");
    }
    assert!(String::from_utf8(client.rest()).unwrap().contains("* BYE too many errors"));
}

#[test]
fn faults_strike_at_their_stage() {
    let trial = Trial::new(&[
        "mailbox-connect=refuse:not today@1",
        "mailbox-auth=defer:later@1",
        "select=refuse@1",
        "fetch=cut:40@1",
        "store=close421@1",
    ]);
    deliver(&trial, MIXED);
    assert_eq!(trial.client(TLS).line().as_deref(), Some("* BYE not today"));
    let mut client = trial.client(TLS);
    client.line().unwrap();
    client.imap(&format!("AUTHENTICATE PLAIN {}", plain(DURAND)), "NO [UNAVAILABLE] later");
    client.imap(&format!("AUTHENTICATE PLAIN {}", plain(DURAND)), "OK ");
    client.imap("SELECT INBOX", "NO refused");
    client.imap("SELECT INBOX", "OK ");
    client.send(b"t FETCH 1 BODY.PEEK[]\r\n");
    assert_eq!(client.octets(40).len(), 40);
    assert!(client.rest().is_empty());
    let mut client = selected(&trial);
    client.send(b"t STORE 1 FLAGS (\\Seen)\r\n");
    assert!(client.line().unwrap().starts_with("* BYE"));
    assert_eq!(client.line(), None);
    assert_eq!(told(&selected(&trial).imap("SEARCH UNSEEN", "OK "), "SEARCH"), ["SEARCH 1"]);
}

#[test]
fn a_changed_uidvalidity_renumbers_and_ends_other_sessions() {
    let trial = Trial::new(&["select=uidvalidity:change@1"]);
    deliver(&trial, MIXED);
    let mut first = signed_in(&trial);
    let status = |client: &mut Client| client.imap("STATUS INBOX (UIDVALIDITY UIDNEXT)", "OK ")[0].clone();
    let before = status(&mut first);
    first.imap("EXAMINE INBOX", "OK ");
    let after = status(&mut first);
    assert_ne!(before, after);
    let mut second = selected(&trial);
    second.imap("FETCH 1 BODY.PEEK[]", "OK ");
    assert_eq!(status(&mut second), after, "only once");
}

#[test]
fn the_mail_on_disk_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let trial = Trial::new(&[]);
    deliver(&trial, MIXED);
    let mut folders = vec![trial.mail()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{path:?}");
            seen += 1;
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    assert!(seen > 5);
}
