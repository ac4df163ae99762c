//! `mss signin` and every way to sign in, against both servers of the sandbox.

use serde_json::Value;

use super::post::assert_error;
use crate::bench::Bench;
use crate::bench::operator::{Operator, with, without};

const LABORATORY: &str = "laboratoire@biologie.sandbox";
const DURAND: &str = "dr.durand@medecin.sandbox";

/// A home whose vault opens with no further word.
fn home(profile: &str) -> Bench {
    Bench::new().variable("MSS_SERVICE_KEY_FILE", &format!("{profile}.service"))
}

/// The words of init for a profile that signs in by none of the usual means.
fn bare_words(operator: &Operator, bench: &Bench, profile: &str) -> Vec<String> {
    let words = without(&operator.init_words(bench, profile), "--password-file");
    without(&words, "--totp-seed-file")
}

fn and(words: Vec<String>, more: &[&str]) -> Vec<String> {
    words.into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect()
}

/// The words for a profile whose tokens come from the provider of the sandbox.
fn with_provider(operator: &Operator, bench: &Bench, more: &[&str]) -> Vec<String> {
    let issuer = operator.said("issuer");
    let words = ["--sign-in", "token", "--issuer", &issuer, "--no-probe"];
    and(and(bare_words(operator, bench, "laboratoire"), &words), more)
}

/// Sends a message to the doctor.
fn send(bench: &Bench, subject: &str) -> crate::bench::Outcome {
    let words = ["--json", "send", "--to", DURAND, "--subject", subject, "--body-file", "-"];
    bench.call(words).stdin("Bonjour\n").run()
}

#[test]
fn a_password_is_proved_without_being_shown_and_a_code_goes_where_the_profile_says() {
    let shop = Bench::new();
    let operator = Operator::start(&shop, &[]);
    let bench = home("laboratoire");
    let words = without(&operator.init_words(&bench, "laboratoire"), "--totp-seed-file");
    bench.run(and(words, &["--sasl", "scram"])).status(0);
    bench.run(["config", "set", "signin.sasl", "auto"]).status(0);
    bench.run(["fetch", "--to", "in"]).status(0);
    // By PLAIN, the sandbox wants a code behind the password, or in an answer of its own.
    bench.run(["config", "set", "signin.sasl", "plain"]).status(0);
    let refused = bench.run(["--json", "fetch", "--to", "in"]);
    assert_error(&refused, 77, "sign-in-refused");
    bench.run(["config", "set", "signin.method", "password-totp"]).status(0);
    let seed = bench.file("seed", format!("{}\n", operator.person("laboratoire", "totp_seed")).as_bytes());
    bench.run(["config", "set", "signin.totp-seed", "--from-file", &seed]).status(0);
    for (placement, status) in [("appended", 0), ("prefixed", 77), ("second-prompt", 0)] {
        bench.run(["config", "set", "signin.placement", placement]).status(0);
        bench.run(["fetch", "--to", "in"]).status(status);
    }
    send(&bench, "after a second challenge").status(0);
    bench.run(["config", "set", "signin.sasl", "scram"]).status(0);
    assert_error(&bench.run(["--json", "fetch", "--to", "in"]), 78, "sign-in-settings");
    bench.run(["lookup", "durand"]).status(0);
    bench.run(["config", "set", "signin.sasl", "auto"]).status(0);
    let handed = bench.call(["--json", "fetch", "--to", "in", "--token-fd", "0"]).stdin("t0ken\n").run();
    assert_error(&handed, 64, "token-not-wanted");
}

#[test]
fn a_certificate_signs_in_and_one_that_is_not_known_is_named_wherever_it_is_refused() {
    let shop = Bench::new();
    let faults = ["--fault", "connect=close421@1", "--fault", "mailbox-connect=close421@2"];
    let operator = Operator::start(&shop, &faults);
    let bench = home("cardiologie");
    let words = and(bare_words(&operator, &bench, "cardiologie"), &["--sign-in", "certificate"]);
    // A server that has just seen a certificate and says farewell has said it of the certificate.
    let at = |name: &str| format!("127.0.0.1:{}", operator.said(name));
    let implicit = with(&with(&words, "--submission", &at("submission_tls")), "--mailbox", &at("mailbox_tls"));
    let implicit = and(implicit, &["--security", "implicit", "--json"]);
    for _ in ["submission", "mailbox"] {
        let error = assert_error(&bench.run(&implicit), 77, "own-certificate-refused");
        assert_eq!(error["message"], "the server did not accept our certificate");
    }
    bench.run(words).status(0);
    for (authzid, status) in [("address", 0), ("dr.durand@medecin.sandbox", 77), ("empty", 0)] {
        bench.run(["config", "set", "signin.authzid", authzid]).status(0);
        bench.run(["fetch", "--to", "in"]).status(status);
    }
    send(&bench, "by certificate").status(0);
    // Nothing but the certificate is shown, and this server wants more: it says so at MAIL or RCPT.
    bench.run(["config", "set", "signin.sasl", "none"]).status(0);
    let outcome = send(&bench, "by certificate alone");
    assert_error(&outcome, 77, "own-certificate-refused");
    bench.run(["outbox", "list"]).status(0).stdout_has("queued");

    let unknown = home("laboratoire");
    let words = and(bare_words(&operator, &unknown, "laboratoire"), &["--sign-in", "certificate", "--json"]);
    assert_error(&unknown.run(&words), 77, "own-certificate-refused");
}

#[test]
fn a_person_consents_once_and_the_refresh_token_serves_until_one_signs_out() {
    let shop = Bench::new();
    let operator = Operator::start(&shop, &[]);
    let bench = home("laboratoire");
    let more = ["--client-id", "laboratoire", "--keep-refresh-token", "--scope", "openid"];
    bench.run(with_provider(&operator, &bench, &more)).status(0);
    bench.run(["signin", "status"]).status(0).stdout_has("signs in by token").stdout_has("nothing is kept");
    let error = assert_error(&bench.run(["--json", "--no-input", "fetch", "--to", "in"]), 64, "no-input");
    assert!(error["hint"].as_str().unwrap_or_default().contains("mss signin start"), "{error}");

    let started = bench.run(["signin", "start"]);
    started.status(0).stderr_has("open https://127.0.0.1:").stderr_has("give the code").stdout_has("good until");
    send(&bench, "by token").status(0);
    bench.run(["fetch", "--to", "in"]).status(0);
    let line = bench.run(["--json", "signin", "status"]).status(0).json();
    assert_eq!((&line["kept"], &line["method"]), (&Value::Bool(true), &Value::from("token")));
    assert!(line["last_sign_in"].is_string(), "{line}");
    bench.shell("find ../.state -name refresh-token ! -perm 600").status(0).stdout_is("");

    // What cannot be erased was not, and the trace does not say otherwise.
    bench.shell("f=$(find ../.state -name refresh-token); mv $f $f.aside; mkdir $f").status(0);
    assert_error(&bench.run(["--json", "signin", "logout"]), 74, "refresh-token");
    let told = bench.run(["--json", "audit", "log", "--action", "erase"]).status(0).json_lines();
    assert_eq!((&told[0]["outcome"], &told[0]["answer"]), (&Value::from("failed"), &Value::from("not erased")));
    bench.shell("f=$(find ../.state -name refresh-token); rmdir $f; mv $f.aside $f").status(0);

    bench.run(["signin", "logout"]).status(0).stdout_has("nothing is kept").stdout_has("took it back");
    bench.shell("find ../.state -name refresh-token").status(0).stdout_is("");
    bench.run(["signin", "logout"]).status(0);
    bench.run(["--no-input", "fetch", "--to", "in"]).status(64);
    bench.run(["audit", "verify"]).status(0);
}

#[test]
fn a_telephone_is_asked_by_its_number_and_the_client_proves_itself_by_its_secret() {
    let shop = Bench::new();
    let operator = Operator::start(&shop, &[]);
    let bench = home("laboratoire");
    let secret = bench.file("client", format!("{}\n", operator.said("api_key")).as_bytes());
    let more = ["--client-id", "cabinet:1", "--client-secret-file", &secret, "--login-hint", LABORATORY];
    bench.run(with_provider(&operator, &bench, &more)).status(0);
    bench.run(["signin", "start"]).status(0).stderr_has("if it shows the number ").stdout_has("nothing is kept");
    bench.run(["config", "set", "signin.keep-refresh-token", "true"]).status(0);
    bench.run(["signin", "start"]).status(0).stdout_has("a refresh token is kept");
    bench.run(["--no-input", "fetch", "--to", "in"]).status(0);
    let wrong = bench.file("wrong", b"sesame\n");
    bench.run(["config", "set", "signin.client-secret", "--from-file", &wrong]).status(0);
    assert_error(&bench.run(["--json", "fetch", "--to", "in"]), 77, "token-provider-refused");
}

#[test]
fn what_a_provider_says_no_with_has_its_own_error() {
    let shop = Bench::new();
    let faults = ["--fault", "token=decline@1", "--fault", "token=forget@1"];
    let operator = Operator::start(&shop, &faults);
    let bench = home("laboratoire");
    let more = ["--client-id", "laboratoire", "--keep-refresh-token"];
    bench.run(with_provider(&operator, &bench, &more)).status(0);
    assert_error(&bench.run(["--json", "signin", "start"]), 77, "sign-in-declined");
    bench.run(["signin", "start"]).status(0);
    let out = bench.run(["--json", "fetch", "--to", "in"]);
    assert_error(&out, 77, "signed-out");
    bench.run(["signin", "status"]).status(0).stdout_has("nothing is kept");

    bench.run(["config", "set", "signin.client-id", "nobody"]).status(0);
    assert_error(&bench.run(["--json", "signin", "start"]), 77, "token-provider-refused");
    let other = operator.said("issuer").replace("127.0.0.1", "localhost");
    bench.run(["config", "set", "signin.issuer", &other]).status(0);
    assert_error(&bench.run(["--json", "signin", "start"]), 76, "token-provider-untrusted");
    // Another function needs no sign-in, and goes on (ECO.1.2.3).
    bench.run(["lookup", "durand"]).status(0).stdout_has(DURAND);
}

#[test]
fn a_token_that_has_expired_is_renewed_once() {
    let shop = Bench::new();
    let faults = ["--fault", "auth=expire-tokens@1", "--fault", "mailbox-auth=expire-tokens@1"];
    let operator = Operator::start(&shop, &faults);
    let bench = home("laboratoire");
    let more = ["--client-id", "laboratoire", "--keep-refresh-token"];
    bench.run(with_provider(&operator, &bench, &more)).status(0);
    bench.run(["signin", "start"]).status(0);
    send(&bench, "with a token that expired on its way").status(0);
    bench.run(["fetch", "--to", "in"]).status(0);
}

#[test]
fn a_server_that_forgets_who_one_is_is_signed_in_to_anew_and_not_for_ever() {
    for (fault, status, sessions) in
        [("mail=refuse:530 5.7.0 sign in@1", 0, 2), ("mail=refuse:530 5.7.0 sign in", 77, 2)]
    {
        let shop = Bench::new();
        let operator = Operator::start(&shop, &["--fault", fault]);
        let bench = home("laboratoire");
        operator.init(&bench, "laboratoire");
        send(&bench, "x").status(status);
        let log = bench.run(["--json", "audit", "log", "--action", "sign-in"]).status(0).json_lines();
        let opened = log.iter().filter(|line| line["request"].to_string().contains("submission 127.0.0.1")).count();
        assert_eq!(opened, sessions, "{fault}");
    }
}

#[test]
fn a_token_that_is_refused_again_is_told_with_the_words_of_the_server() {
    let shop = Bench::new();
    let operator = Operator::start(&shop, &["--fault", "auth=expire-tokens"]);
    let bench = home("laboratoire");
    let more = ["--client-id", "laboratoire", "--keep-refresh-token"];
    bench.run(with_provider(&operator, &bench, &more)).status(0);
    bench.run(["signin", "start"]).status(0);
    let error = assert_error(&send(&bench, "x"), 77, "token-refused");
    assert!(error["because"].to_string().contains("invalid_token"), "{error}");
    bench.run(["outbox", "list"]).status(0).stdout_has("queued");
}

#[test]
fn a_token_may_be_handed_over_or_printed_and_each_connection_asks_for_one() {
    let shop = Bench::new();
    let operator = Operator::start(&shop, &["--fault", "mail=close421@1"]);
    let bench = home("laboratoire");
    let token = super::provider::access_token(&operator, "laboratoire");
    let file = bench.file("token", format!("{token}\n").as_bytes());
    let command = format!("echo run >> runs; cat {file}");
    let words = and(bare_words(&operator, &bench, "laboratoire"), &["--sign-in", "token", "--no-probe"]);
    bench.run(words).status(0);
    assert_error(&bench.run(["--json", "fetch", "--to", "in"]), 78, "no-token-source");
    bench.shell("mss fetch --to in --token-fd 3 3< token").status(0);
    bench.shell("echo nonsense | mss --json fetch --to in --token-fd 0").status(77).stderr_has("invalid_token");
    bench.shell("mss --json fetch --to in --token-fd 3 3< /dev/null").status(66).stderr_has("no access token");

    bench.run(["config", "set", "signin.token-command", &command]).status(0);
    let rows: String = (0..3).map(|row| format!("{row},{DURAND},x,result.pdf\n")).collect();
    bench.file("m.csv", format!("key,to,subject,attach\n{rows}").as_bytes());
    bench.file("result.pdf", super::post::PDF);
    // The first message is put off by a server that closes; the others go over a connection of their own.
    let batch = ["send", "--batch", "m.csv", "--jobs", "1"];
    bench.call(batch).variable("MSS_OUTBOX_WINDOW", "1").run().status(75).stdout_has("2 accepted");
    assert_eq!(String::from_utf8_lossy(&bench.read("runs")), "run\nrun\n", "the first connection was closed");
    bench.run(["config", "set", "signin.token-command", "exit 3"]).status(0);
    assert_error(&bench.run(["--json", "fetch", "--to", "in"]), 66, "token-command");
}

#[test]
fn a_code_of_a_wrong_clock_is_refused_with_the_difference() {
    let ahead = mss::clock::Clock::System.now() + jiff::SignedDuration::from_mins(10);
    let shop = Bench::new().clock(&ahead.to_string());
    let operator = Operator::start(&shop, &[]);
    let bench = home("laboratoire");
    let words = and(operator.init_words(&bench, "laboratoire"), &["--json"]);
    let error = assert_error(&bench.run(&words), 77, "code-refused");
    assert!(error["hint"].as_str().unwrap_or_default().contains("is slow"), "{error}");
    let wrong = bench.file("wrong", b"sesame\n");
    let shop = Bench::new();
    let operator = Operator::start(&shop, &[]);
    let words = and(with(&operator.init_words(&bench, "laboratoire"), "--password-file", &wrong), &["--json"]);
    assert_error(&bench.run(&words), 77, "sign-in-refused");
}
