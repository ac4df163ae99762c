//! `mss send`: what arrives, what the operator gets to see, and what is not sent twice.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::post::{
    self, CARDIOLOGY, DURAND, LABORATORY, LEFEVRE, MARTIN, PDF, PNG, assert_private, bench, delivered, newest, stored,
};

#[test]
fn two_doctors_get_the_files_as_they_were() {
    let bench = bench();
    let large: Vec<u8> = (0..75_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    bench.file("Échographie du cœur.bin", &large);
    let words =
        ["--json", "send", "--to", DURAND, "--to", LEFEVRE, "--subject", "Bilan de Mme Ünal", "--body-file", "-"];
    let files = ["--attach", "result.pdf", "--attach", "curve.png", "--attach", "Échographie du cœur.bin"];
    let sent = bench.call(words.iter().chain(&files)).stdin("Bonjour,\n\n.\nvoilà : 5 µg\n").run();
    let lines = sent.status(0).stderr_is("").json_lines();
    assert_eq!(lines.len(), 2);
    for (line, recipient) in lines.iter().zip([DURAND, LEFEVRE]) {
        assert_eq!((&line["schema"], &line["recipient"]), (&"mss.send/1".into(), &recipient.into()));
        assert_eq!((&line["state"], &line["role"]), (&"accepted".into(), &"to".into()));
        assert_eq!((&line["protection"], &line["known"]), (&"smime".into(), &false.into()));
        assert_eq!(line["certificate_sha256"].as_str().unwrap().len(), 64);
        assert!(
            line["queue_id"].is_string() && line["holder"].is_string() && line["changed_at"] == post::NOW,
            "{line}"
        );
    }
    assert_eq!(lines[0]["message_id"], lines[1]["message_id"], "one message for all who see each other");
    for profile in ["dr.durand", "dr.lefevre"] {
        let line = bench.run(["--json", "-p", profile, "fetch", "--to", profile]).status(0).json();
        assert_eq!((&line["state"], &line["quarantined"]), (&"stored".into(), &false.into()));
        assert_eq!((&line["from"], &line["subject"]), (&LABORATORY.into(), &"Bilan de Mme Ünal".into()));
        assert_eq!(line["sender"], "LABORATOIRE DES TILLEULS");
        assert_eq!((&line["encryption"], &line["signer"]["is_from"]), (&"AES-256-GCM".into(), &true.into()));
        assert_eq!((&line["findings"], &line["header_protection"]), (&serde_json::json!([]), &"cipher".into()));
        assert_eq!(line["message_id"], lines[0]["message_id"]);
        let place = line["place"].as_str().unwrap();
        assert_eq!(bench.read(&format!("{place}/result.pdf")), PDF);
        assert_eq!(bench.read(&format!("{place}/curve.png")), PNG);
        assert_eq!(bench.read(&format!("{place}/Échographie du cœur.bin")), large);
        let text = String::from_utf8(bench.read(&format!("{place}/message.txt"))).unwrap();
        assert_eq!(text.replace("\r\n", "\n").trim_end(), "Bonjour,\n\n.\nvoilà : 5 µg");
        assert_private(&bench.path(profile));
        assert_eq!(post::message_json(&bench.path(place))["subject"], "Bilan de Mme Ünal");
    }
    assert_private(&bench.home().join(".state"));
    assert_private(&bench.home().join(".cache"));
}

#[test]
fn neither_the_operator_nor_our_own_disk_holds_anything_in_clear() {
    let bench = bench();
    bench.file("hemogramme-Unal.txt", b"Leucocytes 6,2 G/L - patiente Unal Nadia");
    let words = ["send", "--to", DURAND, "--to", LEFEVRE, "--bcc", CARDIOLOGY, "--subject", "Bilan de Nadia"];
    let files = ["--body-file", "-", "--attach", "hemogramme-Unal.txt", "--attach", "result.pdf"];
    bench.call(words.iter().chain(&files)).stdin("Numéro de sécurité 279035121518989").run().status(0);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE), delivered(&bench, CARDIOLOGY)), (1, 1, 1));
    let mail = post::octets_below(&post::operator(&bench).join("mail"));
    let home = post::octets_below(&post::home_of(&bench, "laboratoire"));
    for secret in [
        "Bilan de Nadia",
        "hemogramme",
        "Unal Nadia",
        "result.pdf",
        "Leucocytes",
        "279035121518989",
        "Zoé DURAND",
        "Laboratoire des Tilleuls",
        "TILLEULS",
        "LEFÈVRE",
        "application/pdf",
    ] {
        assert!(!shows(&mail, secret.as_bytes()), "the operator can read {secret:?}");
        assert!(!shows(&home, secret.as_bytes()), "whoever reads our disk can read {secret:?}");
    }
    assert!(!shows(&mail, &PDF[..60]) && !shows(&home, &PDF[..60]));
    let message = String::from_utf8(newest(&bench, DURAND)).unwrap();
    assert!(message.contains("\r\nSubject: [...]\r\n"), "{message}");
    assert!(shows(message.as_bytes(), LABORATORY.as_bytes()), "this test finds what is there");
}

#[test]
fn who_is_in_blind_copy_gets_a_message_of_their_own_and_nobody_learns_of_it() {
    let bench = bench();
    let words =
        ["send", "--to", DURAND, "--cc", LEFEVRE, "--bcc", CARDIOLOGY, "--subject", "Avis", "--attach", "result.pdf"];
    bench.run(words).status(0).stdout_has(&format!("accepted {CARDIOLOGY}"));
    let open = newest(&bench, DURAND);
    assert!(
        newest(&bench, LEFEVRE).ends_with(&open[open.len() - 1000..]),
        "the same message for all who see each other"
    );
    assert_ne!(newest(&bench, CARDIOLOGY)[400..], open[400..]);
    for (profile, address) in [("dr.durand", DURAND), ("dr.lefevre", LEFEVRE)] {
        let line = bench.run(["--json", "-p", profile, "fetch", "--to", profile]).status(0).json();
        assert_eq!((&line["to"], &line["cc"]), (&serde_json::json!([DURAND]), &serde_json::json!([LEFEVRE])));
        assert!(!shows(&newest(&bench, address), b"cardiologie"), "outside");
        assert!(!shows(&post::octets_below(&bench.path(profile)), b"cardiologie"), "inside");
    }
    let line = bench.run(["--json", "-p", "cardiologie", "fetch", "--to", "unit"]).status(0).json();
    assert_eq!((&line["state"], &line["to"]), (&"stored".into(), &serde_json::json!([DURAND])));
    assert_eq!(bench.read(&format!("{}/result.pdf", line["place"].as_str().unwrap())), PDF);
}

#[test]
fn a_professional_can_be_named_by_number_and_nobody_gets_two_copies() {
    let bench = bench();
    let words = ["--json", "send", "--to", "99700000021", "--to", LEFEVRE, "--bcc", "DR.Lefevre@Medecin.Sandbox"];
    let line = bench.run(words.iter().chain(&["--attach", "result.pdf"])).status(0).json();
    assert_eq!((&line["recipient"], &line["role"]), (&LEFEVRE.into(), &"to".into()));
    assert_eq!(delivered(&bench, LEFEVRE), 1);
}

#[test]
fn a_dry_run_checks_everything_and_leaves_nothing() {
    let bench = bench();
    let words = ["--json", "send", "--dry-run", "--to", DURAND, "--subject", "Essai", "--attach", "result.pdf"];
    let line = bench.run(words).status(0).json();
    assert_eq!((&line["state"], &line["id"]), (&"checked".into(), &serde_json::Value::Null));
    assert_eq!(line["certificate_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(delivered(&bench, DURAND), 0);
    assert!(!post::home_of(&bench, "laboratoire").join("outbox.db").exists());
    bench.run(["outbox", "list"]).status(0).stdout_is("").stderr_has("nothing");
    bench.run(["--json", "send", "--dry-run", "--to", MARTIN, "--attach", "result.pdf"]).status(76);
}

#[test]
fn the_same_command_sends_nothing_twice_unless_it_says_again() {
    let bench = bench();
    let words = ["--json", "send", "--to", DURAND, "--subject", "Bilan", "--attach", "result.pdf"];
    let first = bench.run(words).status(0).json();
    let second = bench.run(words).status(0).json();
    assert_eq!((&second["known"], &second["state"]), (&true.into(), &"accepted".into()));
    assert_eq!((&second["id"], &second["message_id"]), (&first["id"], &first["message_id"]));
    assert_eq!(delivered(&bench, DURAND), 1);
    bench.run(&words[1..]).status(0).stdout_has("nothing was sent twice").stderr_has("--again");
    let again = bench.run(words.iter().chain(&["--again"])).status(0).json();
    assert_eq!((&again["known"], delivered(&bench, DURAND)), (&false.into(), 2));
    assert_ne!(again["message_id"], first["message_id"]);
    bench.file("result.pdf", b"%PDF-1.7 another result");
    assert_eq!(bench.run(words).status(0).json()["known"], false, "another content is another message");
    assert_eq!(delivered(&bench, DURAND), 3);
}

#[test]
fn partial_serves_those_who_can_be_served_and_says_who_was_not() {
    let bench = bench();
    let words = ["--json", "send", "--to", MARTIN, "--to", DURAND, "--attach", "result.pdf"];
    post::assert_error(&bench.run(words), 76, "recipient-no-certificate");
    assert_eq!(delivered(&bench, DURAND), 0, "one who cannot be served stops the message");
    let partial = bench.run(words.iter().chain(&["--partial"]));
    let error = partial.status(79).json_error();
    assert_eq!(error["code"], "recipient-no-certificate");
    assert!(error["message"].as_str().unwrap().contains(MARTIN));
    assert_eq!(partial.json()["recipient"], DURAND);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, MARTIN)), (1, 0));
    bench.run(["send", "--partial", "--to", MARTIN, "--attach", "result.pdf"]).status(76);
}

#[test]
fn a_copy_that_is_queued_later_has_the_message_id_of_the_others() {
    let bench = bench();
    let words = ["--json", "send", "--to", DURAND, "--bcc", LEFEVRE, "--attach", "result.pdf"];
    let deferred = bench.run(["--fault", "mail=defer:451 4.3.0 later"].iter().chain(&words));
    let copies = deferred.status(75).json_lines();
    assert_eq!(copies[0]["message_id"], copies[1]["message_id"]);
    let blind = copies.iter().find(|line| line["role"] == "bcc").unwrap();
    bench.run(["outbox", "cancel", blind["id"].as_str().unwrap()]).status(0);
    let again = bench.run(words).status(0).json_lines();
    assert!(again.iter().all(|line| line["message_id"] == copies[0]["message_id"]), "{again:?}");
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (1, 1));
}

#[test]
fn who_was_left_out_can_be_served_later_without_a_second_copy_to_the_others() {
    let bench = bench();
    let words = ["--json", "send", "--partial", "--to", DURAND, "--to", LEFEVRE, "--attach", "result.pdf"];
    let people = post::operator(&bench).join("operator.json");
    let whole = std::fs::read(&people).unwrap();
    let mut without: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    without["people"]["dr.lefevre"]["leaf"] = serde_json::Value::Null;
    post::write(&people, without.to_string().as_bytes());
    assert_eq!(bench.run(words).status(79).json_error()["code"], "recipient-no-certificate");
    post::write(&people, &whole);
    let again = bench.run(words).status(0).json_lines();
    let known: Vec<_> = again.iter().map(|line| (line["recipient"].as_str().unwrap(), &line["known"])).collect();
    assert_eq!(known, [(DURAND, &true.into()), (LEFEVRE, &false.into())]);
    assert_eq!(again[0]["message_id"], again[1]["message_id"]);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (1, 1));
    bench.run(words).status(0);
    assert_eq!((delivered(&bench, DURAND), delivered(&bench, LEFEVRE)), (1, 1));
}

#[test]
fn transport_must_be_asked_for_and_stays_inside_the_space() {
    let bench = bench();
    let words = ["--json", "send", "--protection", "transport", "--subject", "Bilan", "--attach", "result.pdf", "--to"];
    let line = bench.run(words.iter().chain(&[MARTIN])).status(0).json();
    assert_eq!((&line["protection"], &line["state"]), (&"transport".into(), &"accepted".into()));
    assert_eq!(line["certificate_sha256"], serde_json::Value::Null);
    assert!(shows(&newest(&bench, MARTIN), b"Subject: Bilan"), "as composed");
    bench.run(["audit", "log"]).status(0).stdout_has("transport");
    for outside in ["dr.garnier@hors-liste.sandbox", "someone@example.org"] {
        post::assert_error(&bench.run(words.iter().chain(&[outside])), 76, "recipient-not-listed");
    }
    let unsigned = bench.run(["--json", "-p", "dr.martin", "fetch", "--to", "in"]);
    assert_eq!(post::codes(&unsigned.status(1).json()), ["unsigned"]);
    assert!(stored(&bench, "in").is_empty());
}

#[test]
fn two_processes_at_once_send_both_messages_and_the_same_one_once() {
    let bench = bench();
    let words = |subject| ["--json", "send", "--to", DURAND, "--subject", subject, "--attach", "result.pdf"];
    let running = ["one", "two", "same", "same", "same"].map(|subject| bench.call(words(subject)).start());
    for outcome in running.map(|running| running.finish()) {
        // Who comes second finds the message in the hands of the first.
        outcome.status_among(&[0, 75]);
    }
    assert_eq!(delivered(&bench, DURAND), 3);
    for subject in ["one", "two", "same"] {
        assert_eq!(bench.run(words(subject)).status(0).json()["state"], "accepted");
    }
    assert_eq!(delivered(&bench, DURAND), 3);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn the_work_is_done_whoever_reads_the_answer() {
    let bench = bench();
    let words = |subject| ["send", "--to", DURAND, "--subject", subject, "--attach", "result.pdf"];
    bench.call(words("closed")).closed_stdout().run().status(0).stderr_lacks("panicked");
    bench.call(words("full")).full_stdout().run().status(74).stderr_has("cannot be written").stderr_has("No space");
    assert_eq!(delivered(&bench, DURAND), 2);
    bench.run(words("full")).status(0).stdout_has("nothing was sent twice");
    assert_eq!(delivered(&bench, DURAND), 2);
}

/// Whether octets show a text: as it is, or in base64 wherever its first octet falls.
fn shows(octets: &[u8], text: &[u8]) -> bool {
    let dense: Vec<u8> = octets.iter().copied().filter(|octet| !b"\r\n".contains(octet)).collect();
    let coded = (0..3).map(|shift| {
        let coded = STANDARD.encode([&vec![0; shift][..], text].concat());
        // The first and the last group also hold bits of what stands before and behind.
        coded.as_bytes()[4 * usize::from(shift > 0)..coded.len() - 4].to_vec()
    });
    let needles = coded.filter(|needle| needle.len() >= 9).chain([text.to_vec()]);
    needles.into_iter().any(|needle| memchr::memmem::find(&dense, &needle).is_some())
}
