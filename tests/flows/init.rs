//! `mss init`: tried on the servers first, written whole or not at all.

use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory, with, without};

/// Files of the user below the home, without those of the sandbox and of the test.
fn written(bench: &Bench) -> String {
    let outcome = bench.shell("cd .. && find .config .cache .state work/*.service work/*.csr work/*.new -type f 2>/dev/null | grep -v sandbox/");
    outcome.text()
}

#[test]
fn a_profile_is_written_only_after_the_servers_agreed() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = operator.init_words(&bench, "laboratoire");

    let wrong = bench.file("wrong", b"not the password\n");
    let outcome = bench.run(with(&words, "--password-file", &wrong));
    outcome.status(77).stdout_is("").stderr_has("535").stderr_has("because: nothing was written").stderr_has("hint: ");
    outcome.stderr_lacks("not the password");
    let seed = bench.file("seed", b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n");
    bench.run(with(&words, "--totp-seed-file", &seed)).status(77).stderr_has("totp-seed");
    let short = bench.file("short", b"GEZDGNBV\n");
    bench
        .run(with(&words, "--totp-seed-file", &short))
        .status(78)
        .stderr_has("shorter than 128 bits")
        .stderr_has("hint: ");
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/white-list/anchors.pem");
    bench
        .run(with(&words, "--anchors", foreign))
        .status(76)
        .stderr_has("does not trust")
        .stderr_has("nothing was sent");
    bench.run(with(&words, "--submission", "127.0.0.1:1")).status(69).stderr_has("127.0.0.1:1 cannot be reached");
    bench.run(with(&words, "--list-signer", "somebody.else")).status(76);
    bench.run(with(&words, "--api-key-file", &wrong)).status(77).stderr_has("hint: ");
    bench.run(with(&words, "--anchors", "nowhere.pem")).status(66).stderr_has("cannot read nowhere.pem");
    bench.run(with(&words, "--certificate", &operator.person("dr.durand", "certificate_file"))).status(65);
    bench.run(with(&words, "--submission", "nowhere")).status(64).stderr_has("HOST:PORT");
    assert_eq!(written(&bench), "", "nothing was written");

    let outcome = bench.run(&words);
    outcome.status(0).stderr_is("").stdout_has("profile laboratoire for laboratoire@biologie.sandbox in ");
    outcome.stdout_has("service key in laboratoire.service");
    bench
        .shell("stat -c '%a %n' ../.config/mss ../.config/mss/* laboratoire.service")
        .stdout_is("700 ../.config/mss\n600 ../.config/mss/config.p7m\n600 laboratoire.service\n");
    // The sign-in of the probe counts: the mailbox is known to be alive from the first day.
    as_laboratory(&bench, ["purge-check"]).run().status(0).stdout_has("ok");
}

#[test]
fn without_a_terminal_each_question_is_an_error_that_names_its_option() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = operator.init_words(&bench, "laboratoire");
    for option in ["--address", "--author", "--submission", "--mailbox", "--directory", "--list", "--list-signer"] {
        bench.run(without(&words, option)).status(64).stdout_is("").stderr_has(&format!("give {option} "));
    }
    for option in ["--anchors", "--password-file"] {
        bench.run(without(&words, option)).status(64).stderr_has(&format!("give {option} FILE"));
    }
    bench.run(without(&words, "--service-key-out")).status(64).stderr_has("give --new-passphrase-file FILE");
    let outcome = bench.run(without(&words, "--author").iter().map(String::as_str).chain(["--json"]));
    let error = outcome.status(64).json_error();
    assert_eq!((error["schema"].as_str(), error["code"].as_str()), (Some("mss.error/1"), Some("no-input")));
    assert_eq!(written(&bench), "");
}

#[test]
fn a_second_profile_joins_the_vault_and_an_existing_one_is_left_alone() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    let opening = ["--service-key".to_owned(), "laboratoire.service".to_owned()];
    let again: Vec<String> = without(&operator.init_words(&bench, "laboratoire"), "--service-key-out");
    let before = bench.shell("sha256sum ../.config/mss/config.p7m").text();
    let outcome = bench.run(again.iter().chain(&opening));
    outcome.status(73).stderr_has("there is a profile laboratoire already").stderr_has("--profile");
    assert_eq!(bench.shell("sha256sum ../.config/mss/config.p7m").text(), before);

    let second = without(&operator.init_words(&bench, "dr.durand"), "--service-key-out");
    bench.run(second.iter().chain(&opening)).status(0).stdout_has("profile dr.durand");
    let bench_call = |words: &[&str]| as_laboratory(&bench, words).run();
    bench_call(&["config", "get", "address"]).stdout_is("laboratoire@biologie.sandbox\n");
    bench_call(&["config", "get", "address", "--profile", "dr.durand"]).stdout_is("dr.durand@medecin.sandbox\n");
    bench_call(&["purge-check", "--all-profiles"]).status(0).stdout_has("dr.durand@").stdout_has("laboratoire@");
    bench_call(&["fetch", "--profile", "nobody"]).status(78).stderr_has("dr.durand, laboratoire");
}

#[test]
fn records_of_a_lost_vault_are_not_built_upon() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    bench.shell("rm ../.config/mss/config.p7m laboratoire.service").status(0);
    let outcome = bench.run(operator.init_words(&bench, "laboratoire"));
    outcome.status(73).stderr_has("left its records in ").stderr_has("hint: ");
    assert!(!bench.home().join(".config/mss/config.p7m").exists());
    bench.shell("mv ../.state/mss/laboratoire ../.state/mss/laboratoire.old").status(0);
    operator.init(&bench, "laboratoire");
}

#[test]
fn a_key_and_its_certificate_request_are_made_before_there_is_a_certificate() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = without(&without(&operator.init_words(&bench, "laboratoire"), "--certificate"), "--key");
    let more = ["--request-out", "labo.csr", "--key-out", "labo.new", "--json"].map(str::to_owned);
    bench.file("labo.new", b"precious");
    bench.run(words.iter().chain(&more)).status(73).stderr_has("labo.new is there already");
    assert_eq!(bench.read("labo.new"), b"precious");
    bench.shell("rm labo.new").status(0);
    let made = bench.run(words.iter().chain(&more)).status(0).json();
    assert_eq!((made["request"].as_str(), made["probed"].as_bool()), (Some("labo.csr"), Some(true)));
    assert!(bench.read("labo.csr").starts_with(b"-----BEGIN CERTIFICATE REQUEST-----"));
    bench.shell("stat -c %a labo.new").stdout_is("600\n");
    // Nothing can be signed before the certificate is there.
    let send = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--attach", "labo.csr"];
    as_laboratory(&bench, send).run().status(78).stderr_has("has no certificate and key");
    let certificate = [operator.person("laboratoire", "certificate_file"), operator.person("laboratoire", "key_file")];
    as_laboratory(&bench, ["config", "certificate", "--certificate", &certificate[0], "--key", &certificate[1]])
        .run()
        .status(0);
    as_laboratory(&bench, send).run().status(0).stdout_has("accepted");
}

#[test]
fn a_profile_for_later_is_written_without_reaching_anybody() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = with(&operator.init_words(&bench, "laboratoire"), "--submission", "127.0.0.1:1");
    let outcome = bench.run(words.iter().map(String::as_str).chain(["--no-probe"]));
    outcome.status(0).stderr_has("warning: the servers were not reached");
    as_laboratory(&bench, ["purge-check"]).run().status(0).stdout_has("unknown");
    bench.run(["--sandbox", "init"]).status(64).stderr_has("the sandbox makes its own profiles");
}
