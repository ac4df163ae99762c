//! PKCS#12 files that `openssl pkcs12` makes from a certificate and key go into the profile, and then sign and open.

use crate::bench::operator::{Operator, as_laboratory, with, without};
use crate::bench::{Bench, skip};

/// The certificate, key and authority of the laboratory in one file; the password is `geheim`.
fn export(bench: &Bench, operator: &Operator, more: &str) -> String {
    let (certificate, key) =
        (operator.person("laboratoire", "certificate_file"), operator.person("laboratoire", "key_file"));
    let trust = operator.said("trust_file");
    let words = format!("-export -in {certificate} -inkey {key} -certfile {trust} -passout pass:geheim {more}");
    bench.shell(&format!("openssl pkcs12 {words} -out labo.p12")).status(0);
    "labo.p12".to_owned()
}

/// The words of init with the file in the place of certificate and key.
fn words(bench: &Bench, operator: &Operator) -> Vec<String> {
    let words = without(&without(&operator.init_words(bench, "laboratoire"), "--certificate"), "--key");
    let password = bench.file("p12-password", b"geheim\n");
    let more = ["--p12", "labo.p12", "--p12-password-file", &password].map(str::to_owned);
    words.into_iter().chain(more).collect()
}

#[test]
fn a_file_of_openssl_makes_a_profile_that_seals_and_opens() {
    if !skip::has("openssl", "a_file_of_openssl_makes_a_profile_that_seals_and_opens") {
        return;
    }
    for more in ["", "-legacy", "-macalg sha512 -keypbe AES-128-CBC -certpbe AES-128-CBC"] {
        let bench = Bench::new();
        let operator = Operator::start(&bench, &[]);
        export(&bench, &operator, more);
        let words = words(&bench, &operator);
        bench.run(&words).status(0).stdout_has("profile laboratoire");
        let send = ["send", "--to", "laboratoire@biologie.sandbox", "--subject", "x", "--body-file", "-"];
        as_laboratory(&bench, send).stdin("to myself").run().status(0).stdout_has("accepted");
        as_laboratory(&bench, ["fetch", "--to", "in"]).run().status(0).stdout_has("signed by");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_nothing_is_written() {
    if !skip::has("openssl", "what_is_wrong_with_a_file_is_said_and_nothing_is_written") {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    export(&bench, &operator, "");
    let words = words(&bench, &operator);
    let wrong = bench.file("wrong", b"falsch\n");
    let outcome = bench.run(with(&words, "--p12-password-file", &wrong));
    outcome.status(77).stderr_has("the password is wrong").stderr_has("hint: ").stderr_lacks("falsch").stdout_is("");
    bench.run(without(&words, "--p12-password-file")).status(64).stderr_has("give --p12-password-file FILE");
    bench.run(with(&words, "--p12", "nowhere.p12")).status(66);
    let whole = bench.read("labo.p12");
    bench.file("short.p12", &whole[..whole.len() - 10]);
    bench.run(with(&words, "--p12", "short.p12")).status(65).stderr_has("it is damaged").stderr_has("hint: ");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    bench.file("flipped.p12", &flipped);
    bench.run(with(&words, "--p12", "flipped.p12")).status(77).stderr_has("or the file was changed");
    bench.shell("openssl genrsa -out other.key 2048 2>/dev/null; openssl req -x509 -key other.key -subj /CN=x -out other.pem && openssl pkcs12 -export -nokeys -in other.pem -passout pass:geheim -out keyless.p12").status(0);
    bench.run(with(&words, "--p12", "keyless.p12")).status(65).stderr_has("no private key").stderr_has("hint: ");
    assert!(!bench.home().join(".config/mss/config.p7m").exists());
}

#[test]
fn a_renewed_certificate_comes_as_a_file_too_and_its_password_through_a_descriptor() {
    if !skip::has("openssl", "a_renewed_certificate_comes_as_a_file_too_and_its_password_through_a_descriptor") {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    export(&bench, &operator, "-legacy");
    let call = "mss config certificate --service-key laboratoire.service --p12 labo.p12";
    bench.shell(&format!("{call} --p12-password-fd 7 7<<E\ngeheim\nE\n")).status(0).stderr_is("");
    let edit = as_laboratory(&bench, ["config", "edit"]).variable("EDITOR", "cat");
    edit.run().status(0).stdout_has("[[profile.laboratoire.keys.previous]]");
    bench.shell(&format!("{call} --key other")).status(64);
    bench.shell("mss config certificate --service-key laboratoire.service").status(64).stderr_has("--p12");
}
