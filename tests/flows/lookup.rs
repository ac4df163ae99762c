//! `mss lookup`: who is found, by what, and what is told of them.

use serde_json::Value;

use super::post::{self, DURAND, assert_error, bench};
use crate::bench::Bench;

fn addresses(bench: &Bench, words: &[&str]) -> Vec<String> {
    let lines = bench.run(["--json", "lookup"].iter().chain(words)).status(0).json_lines();
    let mut found: Vec<String> = lines.iter().filter_map(|line| line["address"].as_str()).map(str::to_owned).collect();
    found.sort();
    found
}

#[test]
fn a_professional_is_found_by_name_number_address_place_and_profession() {
    let bench = bench();
    for words in [
        &["durand"][..],
        &["DURAND"],
        &["zoe", "durand"],
        &["--name", "Durand"],
        &["99700000013"],
        &["--rpps", "99700000013"],
        &[DURAND],
        &["--address", "DR.DURAND@medecin.sandbox"],
        &["durand", "--place", "Rennes"],
    ] {
        assert_eq!(addresses(&bench, words), [DURAND], "{words:?}");
    }
    assert_eq!(addresses(&bench, &["lefevre"]), ["dr.lefevre@medecin.sandbox"], "accents do not matter");
    assert!(addresses(&bench, &["--place", "Rennes"]).contains(&DURAND.to_owned()));
    assert!(addresses(&bench, &["--profession", "cardiologie"]).contains(&"dr.lefevre@medecin.sandbox".to_owned()));
    assert!(addresses(&bench, &["--organisation", "Laboratoire"]).contains(&"laboratoire@biologie.sandbox".to_owned()));
}

#[test]
fn the_state_of_each_certificate_is_told() {
    let bench = bench();
    for (name, state) in [("durand", "valid"), ("martin", "none"), ("petit", "expired")] {
        let line = bench.run(["--json", "lookup", name]).status(0).json();
        assert_eq!(line["schema"], "mss.lookup/1");
        let text = line.to_string();
        assert!(text.contains(state) || state == "none", "{name}: {text}");
    }
    let table = bench.run(["lookup", "petit"]);
    table.status(0).stdout_has("dr.petit@medecin.sandbox").stdout_has("expired").stderr_is("");
}

#[test]
fn nobody_found_is_an_answer_and_says_what_it_does_not_mean() {
    let bench = bench();
    let nobody = bench.run(["lookup", "xylophone"]);
    nobody.status(1).stdout_is("").stderr_has("unlisted");
    bench.run(["--json", "lookup", "xylophone"]).status(1).stdout_is("");
    bench.run(["lookup"]).status(64);
    bench.run(["--json", "lookup", "--rpps", "0123"]).status(64);
}

#[test]
fn a_directory_in_trouble_is_told_from_one_that_knows_nobody() {
    let bench = bench();
    for (fault, status, code) in [
        ("directory=cut", 69, "broken"),
        ("directory=refuse", 77, "directory-key"),
        ("directory=certificate:foreign", 76, "server-certificate-issuer"),
        ("directory=certificate:wrong-name", 76, "server-certificate-name"),
        ("directory=certificate:expired", 76, "server-certificate-expired"),
        ("directory=certificate:revoked", 76, "server-certificate-revoked"),
    ] {
        let outcome = bench.run(["--json", "--fault", fault, "lookup", "durand"]);
        assert_error(&outcome, status, code);
        outcome.stdout_is("");
    }
    let line: Value = bench.run(["--json", "--fault", "directory=defer@1", "lookup", "durand"]).status(0).json();
    assert_eq!(line["address"], DURAND, "one answer of 503 is tried again");
    bench.run(["audit", "log"]).status(0).stdout_has("lookup").stdout_lacks("durand");
    assert!(!post::home_of(&bench, "laboratoire").join("outbox.db").exists());
}
