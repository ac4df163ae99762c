//! What is written for whom: the address book, and what the profile does about those of whom nothing is known.

use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory};

use super::post::{DURAND, LEFEVRE, assert_error};

/// Sends to Dr Durand, whose key is on P-256, and to Dr Lefèvre, whose key is an RSA key.
fn send(bench: &Bench, subject: &str, unknown_reader: Option<&str>) -> crate::bench::Outcome {
    let words = ["--json", "send", "--to", DURAND, "--to", LEFEVRE, "--attach", "result.pdf", "--subject", subject];
    let call = as_laboratory(bench, words);
    match unknown_reader {
        Some(word) => call.variable("MSS_UNKNOWN_READER", word).run(),
        None => call.run(),
    }
}

/// The cipher for each recipient, and how many messages they are.
fn ciphers(outcome: &crate::bench::Outcome) -> (Vec<String>, usize) {
    let lines = outcome.status(0).json_lines();
    let mut ids: Vec<String> = lines.iter().map(|line| line["copy"].to_string()).collect();
    ids.dedup();
    let cipher = |line: &serde_json::Value| format!("{} {}", line["recipient"], line["cipher"]).replace('"', "");
    (lines.iter().map(cipher).collect(), ids.len())
}

#[test]
fn the_address_book_comes_first_then_the_profile() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    bench.file("result.pdf", b"%PDF-1.7 result");
    let (gcm, cbc) = ("AES-256-GCM", "AES-256-CBC");
    let both = |durand: &str, lefevre: &str| vec![format!("{DURAND} {durand}"), format!("{LEFEVRE} {lefevre}")];

    assert_eq!(ciphers(&send(&bench, "one", None)), (both(gcm, gcm), 1));
    // Keys of two kinds are never in one CBC message.
    let older = send(&bench, "two", Some("cbc"));
    let (mut found, messages) = ciphers(&older);
    found.sort();
    assert_eq!((found, messages), (both(cbc, cbc), 2));
    assert_error(&send(&bench, "three", Some("refuse")), 76, "recipient-reader-unknown");

    let line = |address: &str, opens: &str| {
        format!("[[profile.laboratoire.reader]]\\naddress = \"{address}\"\\nopens = \"{opens}\"\\n")
    };
    let book = format!("\\n{}{}", line("@medecin.sandbox", "cbc"), line(DURAND, "gcm"));
    bench.file("editor", format!("#!/bin/sh\nprintf '{book}' >> \"$1\"\n").as_bytes());
    bench.shell("chmod 700 editor").status(0);
    as_laboratory(&bench, ["config", "edit"]).variable("EDITOR", "./editor").run().status(0);
    // Whoever stands in the book is known, whatever the profile does about the others.
    assert_eq!(ciphers(&send(&bench, "four", Some("refuse"))), (both(gcm, cbc), 2));
    let again = send(&bench, "four", Some("refuse"));
    assert!(again.status(0).json_lines().iter().all(|line| line["known"] == true), "{again}");
    let words = ["send", "--to", LEFEVRE, "--attach", "result.pdf"];
    as_laboratory(&bench, words)
        .run()
        .status(0)
        .stdout_has("; in AES-256-CBC, the best that is known to be opened there");
    let log = as_laboratory(&bench, ["audit", "log", "--action", "send"]).run();
    log.status(0).stdout_has("smime AES-256-GCM").stdout_has("smime AES-256-CBC");
}
