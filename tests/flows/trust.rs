//! Which authorities a profile works under, and what is told of servers before anything goes wrong.

use std::path::Path;

use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory, with};

use super::post::assert_error;

/// The two authorities of IGC-Santé, as they are published.
const IGC_SANTE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/igc-sante/anchors.pem");

#[test]
fn anchors_of_igc_sante_make_a_profile_of_the_trusted_space() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = [operator.init_words(&bench, "laboratoire"), vec!["--no-probe".to_owned()]].concat();
    let words = with(&words, "--anchors", IGC_SANTE);
    let outcome = bench.run(&words);
    outcome.status(0).stdout_has("trusted space, under AC RACINE IGC-SANTE ELEMENTAIRE and AC IGC-SANTE");
    let get = |key: &str| as_laboratory(&bench, ["config", "get", key]).run().text();
    assert_eq!((get("trust.space").trim(), get("trust.revocation").trim()), ("production", "require"));
    let shown = as_laboratory(&bench, ["config", "show"]).run();
    shown
        .status(0)
        .stdout_has("trust.anchors = AC RACINE IGC-SANTE ELEMENTAIRE of IGC-Santé until 2033-06-25, AC IGC-SANTE");
    // The sandbox is not of that space, whatever it calls itself.
    let outcome = as_laboratory(&bench, ["--json", "lookup", "durand"]).run();
    let error = assert_error(&outcome, 76, "white-list-unreachable");
    assert!(error.to_string().contains("an authority that the profile does not trust"), "{error}");
}

#[test]
fn an_authority_for_tests_is_refused_in_the_trusted_space() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = [operator.init_words(&bench, "laboratoire"), vec!["--json".to_owned()]].concat();
    let read = |path: &str| std::fs::read(path).expect("it is there");
    let mixed = bench.file("mixed.pem", &[read(IGC_SANTE), read(&operator.said("trust_file"))].concat());
    let error = assert_error(&bench.run(with(&words, "--anchors", &mixed)), 78, "test-authority");
    assert!(
        error["message"].as_str().is_some_and(|it| it.starts_with("TEST AC RACINE IGC-SANTE ELEMENTAIRE")),
        "{error}"
    );
    assert!(!bench.home().join(".config/mss").exists(), "nothing was written");

    bench.run(&words).status(0);
    as_laboratory(&bench, ["lookup", "durand"]).run().status(0);
    as_laboratory(&bench, ["config", "set", "trust.space", "production"]).run().status(0);
    for verb in [&["--json", "lookup", "durand"][..], &["--json", "fetch", "--to", "in"]] {
        assert_error(&as_laboratory(&bench, verb).run(), 78, "test-authority");
    }
}

#[test]
fn a_certificate_that_soon_expires_is_told_once_in_a_run() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    let send = || {
        let words = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--body-file", "-"];
        as_laboratory(&bench, words)
    };
    send().stdin("one\n").run().status(0).stderr_lacks("expires");
    as_laboratory(&bench, ["config", "set", "trust.warn-days", "400"]).run().status(0);
    let outcome = send().stdin("two\n").run();
    outcome.status(0).stderr_has("its operator has to renew it");
    assert_eq!(outcome.stderr.matches("expires in 36").count(), 1, "{outcome}");
    let told = as_laboratory(&bench, ["-v", "lookup", "durand"]).run();
    told.status(0).stderr_has("TLSv1_3").stderr_has(" days left; not revoked, says a revocation list");
}

#[test]
fn the_list_of_the_system_is_named_where_it_is_missing() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    as_laboratory(&bench, ["config", "set", "trust.system-roots", "true"]).run().status(0);
    let call = as_laboratory(&bench, ["--json", "lookup", "durand"]).variable("SSL_CERT_FILE", "/nowhere/ca.pem");
    let error = assert_error(&call.run(), 78, "system-roots");
    assert!(error.to_string().contains("looked for in /nowhere/ca.pem"), "{error}");
    let named = operator.said("trust_file");
    as_laboratory(&bench, ["lookup", "durand"]).variable("SSL_CERT_FILE", &named).run().status(0);
    // Where Debian keeps it, all that is in it can be taken.
    if Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        as_laboratory(&bench, ["lookup", "durand"]).run().status(0);
    }
}

#[test]
fn the_last_list_that_is_good_tells_while_its_server_is_away() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &["--fault", "crl=refuse"]);
    let words = operator.init_words(&bench, "laboratoire");
    let requiring = [words.clone(), ["--json", "--revocation", "require"].map(str::to_owned).to_vec()].concat();
    let error = assert_error(&bench.run(&requiring), 76, "server-revocation-unknown");
    assert!(error.to_string().contains("/organisations.crl answered with status 403"), "{error}");
    // The sandbox is for tests, and its profiles may do without; but they say so.
    bench.run(&words).status(0);
    let lookup = |operator: &Operator, rule: &str| {
        let call = as_laboratory(&bench, ["--json", "lookup", "durand"]).variable("MSS_TRUST_REVOCATION", rule);
        let call = call.variable("MSS_DIRECTORY_URL", &operator.said("directory"));
        call.variable("MSS_LIST_URL", &operator.said("white_list")).run()
    };
    lookup(&operator, "if-reachable").status(0).stderr_has("mss.warning/1").stderr_has("it is used all the same");
    assert_error(&lookup(&operator, "require"), 76, "server-revocation-unknown");
    drop(operator);
    let operator = Operator::start(&bench, &[]);
    lookup(&operator, "require").status(0).stderr_is("");
    drop(operator);
    let operator = Operator::start(&bench, &["--fault", "crl=refuse"]);
    lookup(&operator, "require").status(0).stderr_is("");
    bench.shell("rm -r ../.cache/mss/revocation-*").status(0);
    assert_error(&lookup(&operator, "require"), 76, "server-revocation-unknown");
}
