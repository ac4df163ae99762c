//! `mss send --package`: what somebody outside the space gets, who learns the password, and what nobody else learns.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::io::{Cursor, Read};
use std::num::NonZeroU32;
use std::os::unix::fs::symlink;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mss::mail::{Entity, Header};
use serde_json::Value;
use zip::ZipArchive;

use super::post::{self, DURAND, LABORATORY, LEFEVRE, MARTIN, PDF, PNG, assert_error, bench, delivered, newest};
use crate::bench::Bench;

const SOMEONE: &str = "someone@example.org";
const OTHER: &str = "autre.personne@exemple.fr";

/// Words that make a package and write its password to the file `password`, one line for each that was handed over.
const PACKAGE: [&str; 4] = ["send", "--package", "--password-command", "cat >> password"];

/// The passwords that were handed over, oldest first.
fn passwords(bench: &Bench) -> Vec<String> {
    if !bench.path("password").exists() {
        return Vec::new();
    }
    String::from_utf8(bench.read("password")).unwrap().lines().map(str::to_owned).collect()
}

/// The package of a mail, and its name.
pub fn package(mail: &[u8]) -> (String, Vec<u8>) {
    let entity = Entity::scan_all(&mut Cursor::new(mail)).unwrap();
    let part = entity.parts().last().unwrap();
    let mut octets = Vec::new();
    part.decode_to(&mut Cursor::new(mail), &mut octets).unwrap();
    (part.suggested_name().unwrap(), octets)
}

/// What a page says and carries, if the password is the one.
fn open_page(page: &[u8], password: &str) -> Option<(Value, Vec<u8>)> {
    let page = std::str::from_utf8(page).unwrap();
    let element = |id: &str| page.split_once(&format!("id=\"{id}\">")).unwrap().1.split_once('<').unwrap().0;
    let parameters: Value = serde_json::from_str(element("parameters")).unwrap();
    let octets = |name: &str| STANDARD.decode(parameters[name].as_str().unwrap()).unwrap();
    let rounds = NonZeroU32::new(parameters["rounds"].as_u64().unwrap().try_into().unwrap()).unwrap();
    let mut key = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &octets("salt"), password.as_bytes(), &mut key);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&octets("nonce")).unwrap();
    let mut data = STANDARD.decode(element("content")).unwrap();
    let plain = key.open_in_place(nonce, Aad::from(element("parameters")), &mut data).ok()?;
    let (length, rest) = plain.split_at(4);
    let (said, files) = rest.split_at(u32::from_be_bytes(length.try_into().unwrap()) as usize);
    Some((serde_json::from_slice(said).unwrap(), files.to_vec()))
}

#[test]
fn somebody_outside_gets_a_page_that_opens_with_the_password_and_nobody_else_can_read_it() {
    let bench = bench();
    let words = ["--json"].iter().chain(&PACKAGE).chain(&["--to", SOMEONE, "--subject", "Bilan de Nadia"]);
    let words = words.chain(&["--body-file", "-", "--attach", "result.pdf", "--attach", "curve.png"]);
    let sent = bench.call(words).stdin("Leucocytes 6,2 G/L\n</script>\n").run();
    let line = sent.status(0).stderr_is("").json();
    assert_eq!((&line["state"], &line["protection"]), (&"accepted".into(), &"package".into()));
    assert_eq!((&line["recipient"], &line["holder"]), (&SOMEONE.into(), &"".into()));
    assert_eq!((&line["certificate_sha256"], &line["known"]), (&Value::Null, &false.into()));

    let [password] = &passwords(&bench)[..] else { panic!("one password is handed over") };
    let mail = newest(&bench, SOMEONE);
    let (name, page) = package(&mail);
    assert_eq!(name, "message.html");
    let (said, files) = open_page(&page, password).unwrap();
    assert_eq!(
        (&said["subject"], &said["text"]),
        (&"Bilan de Nadia".into(), &"Leucocytes 6,2 G/L\n</script>\n".into())
    );
    assert_eq!((&said["files"][0]["name"], &said["files"][1]["name"]), (&"result.pdf".into(), &"curve.png".into()));
    assert_eq!(files, [PDF, PNG].concat());
    for wrong in ["", "00000-00000-00000-00000-00000", &password[1..], &password.replace('-', " ")] {
        assert!(open_page(&page, wrong).is_none(), "{wrong}");
    }

    let header = Header::parse(&mail);
    assert_eq!(header.sole_mailbox("From").unwrap().address.to_string(), LABORATORY);
    assert_eq!(header.text("Subject").unwrap(), "Message sécurisé / Secure message");
    let page = String::from_utf8(page).unwrap();
    let home = post::octets_below(&post::home_of(&bench, "laboratoire"));
    let relayed = post::octets_below(&post::operator(&bench).join("mail").join(SOMEONE));
    for secret in ["Bilan de Nadia", "Leucocytes", "result.pdf", "application/pdf", password] {
        for (place, octets) in [("mail", &mail), ("relay", &relayed), ("home", &home), ("stdout", &sent.stdout)] {
            assert!(memchr::memmem::find(octets, secret.as_bytes()).is_none(), "{secret:?} shows in the {place}");
        }
        assert!(!page.contains(secret), "{secret:?} shows in the page");
    }
    bench.run(["outbox", "list"]).status(0).stdout_has("someone@example.org");
    let listed = bench.run(["--json", "outbox", "list"]).status(0).json();
    assert_eq!(listed["protection"], "package");
    bench.run(["audit", "log", "--action", "send"]).status(0).stdout_has("package").stdout_lacks("Bilan");
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn an_archive_holds_text_and_files_under_one_neutral_name() {
    let bench = bench();
    let words = ["send", "--protection", "package", "--package-format", "zip", "--password-command", "cat >> password"];
    let rest = ["--to", SOMEONE, "--subject", "Bilan de Nadia", "--body-file", "-", "--attach", "result.pdf"];
    bench.call(words.iter().chain(&rest)).stdin("Bonjour\n").run().status(0).stdout_has("accepted someone@example.org");
    let (name, outer) = package(&newest(&bench, SOMEONE));
    assert_eq!(name, "message.zip");
    let mut outer = ZipArchive::new(Cursor::new(outer)).unwrap();
    assert_eq!((outer.len(), outer.by_index_raw(0).unwrap().name().unwrap().as_ref()), (1, "content.zip"));
    assert!(outer.by_index(0).is_err() && outer.by_index_decrypt(0, b"00000-00000-00000-00000-00000").is_err());
    let mut inner = Vec::new();
    outer.by_index_decrypt(0, passwords(&bench)[0].as_bytes()).unwrap().read_to_end(&mut inner).unwrap();
    let mut inner = ZipArchive::new(Cursor::new(inner)).unwrap();
    let mut read = |name: &str| {
        let mut octets = Vec::new();
        inner.by_name(name).unwrap().read_to_end(&mut octets).unwrap();
        octets
    };
    assert_eq!(read("result.pdf"), PDF);
    let text = String::from_utf8(read("message.txt")).unwrap();
    assert!(text.contains("Objet / Subject: Bilan de Nadia\r\n") && text.ends_with("\r\nBonjour\r\n"), "{text}");
}

#[test]
fn without_anybody_to_tell_the_password_nothing_is_sent() {
    let bench = bench();
    let words = ["send", "--package", "--to", SOMEONE, "--attach", "result.pdf"];
    let error = assert_error(&bench.run(["--json", "--no-input"].iter().chain(&words)), 64, "no-input");
    assert!(error["hint"].as_str().unwrap().contains("--password-command"), "{error}");
    for (command, cause) in [("cat > taken; cat taken; exit 3", "exit status: 3"), ("no-such-program-here", "127")] {
        let outcome = bench.run(["--json", "-vv"].iter().chain(&words).chain(&["--password-command", command]));
        let error = assert_error(&outcome, 73, "password-command");
        assert!(error["because"].to_string().contains(cause), "{error}");
        let taken = String::from_utf8(bench.read("taken")).unwrap();
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains(taken.trim()), "{outcome}");
    }
    assert_eq!(delivered(&bench, SOMEONE), 0);
    assert!(bench.run(["--json", "outbox", "list"]).stdout.is_empty(), "nothing was queued");
    assert!(post::below(&post::home_of(&bench, "laboratoire").join("spool")).is_empty(), "nothing is left");
}

#[test]
fn the_same_command_makes_no_second_password() {
    let bench = bench();
    let words: Vec<&str> = PACKAGE.into_iter().chain(["--to", SOMEONE, "--attach", "result.pdf"]).collect();
    bench.run(&words).status(0);
    let again = bench.run(["--json"].iter().chain(&words)).status(0).json();
    assert_eq!((&again["known"], &again["state"]), (&true.into(), &"accepted".into()));
    bench.run(&words).status(0).stdout_has("nothing was sent twice, the password was handed over then");
    assert_eq!((passwords(&bench).len(), delivered(&bench, SOMEONE)), (1, 1));

    bench.run(words.iter().chain(&["--again"])).status(0);
    let [first, second] = &passwords(&bench)[..] else { panic!("a new message has a new password") };
    assert_ne!(first, second);
    let (_, page) = package(&newest(&bench, SOMEONE));
    assert!(open_page(&page, first).is_none() && open_page(&page, second).is_some());

    bench.run(words.iter().chain(&["--package-format", "zip"])).status(0);
    assert_eq!((passwords(&bench).len(), delivered(&bench, SOMEONE)), (3, 3), "another format is another message");
}

#[test]
fn a_deferred_package_goes_out_later_under_the_password_that_was_handed_over() {
    let bench = bench();
    let words: Vec<&str> = PACKAGE.into_iter().chain(["--to", SOMEONE, "--attach", "result.pdf"]).collect();
    bench.run(["--fault", "mail=defer:451 4.3.0 later"].iter().chain(&words)).status(75);
    bench.run(&words).status(0).stdout_has("accepted").stdout_has("queued by an earlier run");
    let [password] = &passwords(&bench)[..] else { panic!("one password for one message") };
    assert!(open_page(&package(&newest(&bench, SOMEONE)).1, password).is_some());
    bench.run(["--fault", "rcpt=refuse:550 5.1.1 no"].iter().chain(&words).chain(&["--again"])).status(76);
    assert_eq!((passwords(&bench).len(), delivered(&bench, SOMEONE)), (2, 1));
}

#[test]
fn a_copy_that_is_made_anew_has_a_password_of_its_own_and_the_command_learns_for_whom() {
    let bench = bench();
    let command = "read p; echo \"$p $MSS_RECIPIENTS\" >> password";
    let words = ["--json", "send", "--package", "--password-command", command, "--attach", "result.pdf"];
    let words: Vec<&str> = words.into_iter().chain(["--to", SOMEONE, "--bcc", OTHER]).collect();
    let refused = bench.run(["--fault", "rcpt=refuse:550 5.1.1 no@1"].iter().chain(&words)).status(79).json_lines();
    assert_eq!((&refused[0]["state"], &refused[1]["state"]), (&"refused".into(), &"accepted".into()));
    let lines = bench.run(&words).status(0).json_lines();
    assert!(lines.iter().all(|line| line["message_id"] == refused[0]["message_id"]), "{lines:?}");
    let [both, anew] = &passwords(&bench)[..] else { panic!("one for each run that queued something") };
    assert!(both.ends_with(&format!(" {SOMEONE} {OTHER}")) && anew.ends_with(&format!(" {SOMEONE}")), "{both} {anew}");
    let opens = |address: &str, line: &str| {
        open_page(&package(&newest(&bench, address)).1, line.split(' ').next().unwrap()).is_some()
    };
    assert!(opens(SOMEONE, anew) && opens(OTHER, both) && !opens(SOMEONE, both));
}

#[test]
fn who_is_in_blind_copy_gets_a_mail_of_their_own() {
    let bench = bench();
    let people = ["--to", SOMEONE, "--cc", DURAND, "--bcc", OTHER, "--attach", "result.pdf"];
    let lines = bench.run(["--json"].iter().chain(&PACKAGE).chain(&people)).status(0).json_lines();
    assert_eq!(lines.iter().map(|line| line["role"].as_str().unwrap()).collect::<Vec<_>>(), ["to", "cc", "bcc"]);
    for address in [SOMEONE, DURAND, OTHER] {
        let mail = newest(&bench, address);
        let header = Header::parse(&mail);
        let named = |name| header.mailboxes(name).iter().map(|it| it.address.to_string()).collect::<Vec<_>>();
        assert_eq!((named("To"), named("Cc")), (vec![SOMEONE.to_owned()], vec![DURAND.to_owned()]));
        assert!(memchr::memmem::find(&mail, OTHER.as_bytes()).is_none(), "{address} learns of the blind copy");
        assert!(open_page(&package(&mail).1, &passwords(&bench)[0]).is_some());
    }
}

#[test]
fn addresses_are_taken_as_they_are_and_numbers_by_the_directory() {
    let bench = bench();
    bench.run(PACKAGE.iter().chain(&["--to", MARTIN, "--attach", "result.pdf"])).status(0);
    assert_eq!(delivered(&bench, MARTIN), 1, "an address of the space needs no certificate");
    bench.run(["audit", "log", "--action", "lookup"]).status(0).stdout_is("").stderr_has("no entry");
    let line = bench.run(["--json"].iter().chain(&PACKAGE).chain(&["--to", "99700000021", "--attach", "result.pdf"]));
    let line = line.status(0).json();
    assert_eq!(line["recipient"], LEFEVRE);
    assert!(!line["holder"].as_str().unwrap().is_empty(), "{line}");
    for (unknown, status, code) in [
        ("99700000062", 76, "recipient-unknown"),
        ("99700075122", 76, "recipient-inactive"),
        ("x y", 64, "recipient-syntax"),
    ] {
        let people = ["--attach", "result.pdf", "--to", SOMEONE, "--to", unknown];
        assert_error(&bench.run(["--json"].iter().chain(&PACKAGE).chain(&people)), status, code);
    }
    assert_eq!((passwords(&bench).len(), delivered(&bench, SOMEONE)), (2, 0));
}

#[test]
fn processes_that_send_the_same_message_at_once_hand_over_one_password() {
    let bench = bench();
    let words: Vec<&str> = PACKAGE.into_iter().chain(["--to", SOMEONE, "--attach", "result.pdf"]).collect();
    let running = [(); 3].map(|()| bench.call(&words).start());
    for outcome in running.map(|running| running.finish()) {
        // Who comes second finds the message in the hands of the first.
        outcome.status_among(&[0, 75]);
    }
    let [password] = &passwords(&bench)[..] else { panic!("one message, one password") };
    assert_eq!(delivered(&bench, SOMEONE), 1);
    assert!(open_page(&package(&newest(&bench, SOMEONE)).1, password).is_some());
}

#[test]
fn a_dry_run_tells_what_would_be_done_and_makes_no_password() {
    let bench = bench();
    let words = ["--json", "--no-input", "send", "--dry-run", "--package", "--to", SOMEONE, "--attach", "result.pdf"];
    let line = bench.run(words).status(0).json();
    assert_eq!((&line["state"], &line["protection"]), (&"checked".into(), &"package".into()));
    assert_eq!(delivered(&bench, SOMEONE), 0);
}

#[test]
fn what_is_too_large_for_a_page_is_named_with_the_way_that_takes_it() {
    let bench = bench();
    bench.file("images.bin", b"");
    std::fs::OpenOptions::new().write(true).open(bench.path("images.bin")).unwrap().set_len(50_000_001).unwrap();
    let words: Vec<&str> = PACKAGE.into_iter().chain(["--to", SOMEONE, "--attach", "images.bin"]).collect();
    let error = assert_error(&bench.run(["--json"].iter().chain(&words)), 65, "package-too-large");
    assert!(error["hint"].as_str().unwrap().contains("--package-format zip"), "{error}");
    assert!(passwords(&bench).is_empty());
    bench.run(words.iter().chain(&["--package-format", "zip"])).status(0);
    assert_eq!(delivered(&bench, SOMEONE), 1);
}

#[test]
fn a_disk_without_room_hands_no_password_over_and_leaves_nothing() {
    let bench = bench();
    let test = "a_disk_without_room_hands_no_password_over_and_leaves_nothing";
    let Some(small) = post::small_disk(&bench, test) else { return };
    let mut noise = vec![0; 4 << 20];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    bench.file("noise.bin", &noise);
    symlink(small.path(), post::home_of(&bench, "laboratoire")).unwrap();
    for format in ["html", "zip"] {
        let words = ["--to", SOMEONE, "--attach", "noise.bin", "--package-format", format];
        let outcome = bench.run(["--json"].iter().chain(&PACKAGE).chain(&words));
        let error = assert_error(&outcome, 74, "spool");
        assert!(error.to_string().contains("No space left"), "{outcome}");
        assert_eq!(outcome.stderr.lines().count(), 1, "nothing but the error: {outcome}");
    }
    assert!(passwords(&bench).is_empty());
    assert!(post::below(&small.path().join("spool")).is_empty(), "nothing is left");
    bench.run(PACKAGE.iter().chain(&["--to", SOMEONE, "--attach", "result.pdf"])).status(0);
    assert_eq!((passwords(&bench).len(), delivered(&bench, SOMEONE)), (1, 1));
}

#[test]
fn words_about_packages_are_for_packages() {
    let bench = bench();
    let words = ["--json", "send", "--to", DURAND, "--attach", "result.pdf"];
    for more in [["--package-format", "zip"], ["--password-command", "cat"]] {
        assert_error(&bench.run(words.iter().chain(&more)), 64, "no-package");
    }
    bench.run(words.iter().chain(&["--package", "--protection", "transport"])).status(64);
    assert_eq!(delivered(&bench, DURAND), 0);
}
