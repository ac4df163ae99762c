//! Every way to sign in, against Postfix and Dovecot: what they take, and what they refuse, each with its own error.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::bench::operator::{Operator, with, without};
use crate::bench::servers::Servers;
use crate::bench::{Bench, skip};
use crate::flows::post::assert_error;

const LABORATORY: &str = "laboratoire@biologie.sandbox";
const DURAND: &str = "dr.durand@medecin.sandbox";
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const PIN: &str = "123456";

/// Says what access tokens are good for (RFC 7662): those in the list are, for the laboratory.
fn introspection() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface has free ports");
    let port = listener.local_addr().expect("it listens").port();
    let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
    let good = Arc::clone(&tokens);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let good = Arc::clone(&good);
            // One that keeps its connection does not keep the others waiting.
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut asked = String::new();
                while matches!(reader.read_line(&mut asked), Ok(1..)) {
                    let mut header = String::new();
                    while matches!(reader.read_line(&mut header), Ok(1..)) && header.trim_end() != "" {
                        header.clear();
                    }
                    let token = asked.split([' ', '=', '&']).nth(2).unwrap_or_default().to_owned();
                    let active = good.lock().is_ok_and(|good| good.contains(&token));
                    let body = format!("{{\"active\":{active},\"username\":\"{LABORATORY}\",\"scope\":\"mail\"}}");
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
                    let answer = format!("{head} {}\r\n\r\n{body}", body.len());
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                    asked.clear();
                }
            });
        }
    });
    (port, tokens)
}

/// Servers, and what is needed to make profiles for them.
struct Place {
    operator: Operator,
    servers: Servers,
    tokens: Arc<Mutex<Vec<String>>>,
    /// Ends after the sandbox that it holds.
    _shop: Bench,
}

impl Place {
    fn open() -> Place {
        let shop = Bench::new();
        let (port, tokens) = introspection();
        let (operator, servers) = (Operator::start(&shop, &[]), Servers::start_for_sign_in(SEED, port));
        Place { operator, servers, tokens, _shop: shop }
    }

    /// The words of init for the laboratory, without a password.
    fn words(&self, bench: &Bench, more: &[&str]) -> Vec<String> {
        let words = without(&self.servers.init_words(bench, &self.operator, "laboratoire"), "--password-file");
        words.into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The same over TLS from the first octet.
    fn implicit(&self, words: &[String]) -> Vec<String> {
        let words = with(words, "--submission", &self.servers.submission_tls());
        let words = with(&words, "--mailbox", &self.servers.mailbox_tls());
        words.into_iter().chain(["--security".to_owned(), "implicit".to_owned()]).collect()
    }
}

fn home() -> Bench {
    Bench::new().variable("MSS_SERVICE_KEY_FILE", "laboratoire.service")
}

fn there(test: &str) -> bool {
    skip::has("submission", test) && skip::has("python3", test) && Servers::can_start(test)
}

#[test]
fn passwords_codes_and_tokens_open_postfix_and_dovecot() {
    if !there("passwords_codes_and_tokens_open_postfix_and_dovecot") {
        return;
    }
    let place = Place::open();
    let long = "g00d".repeat(1200);
    if let Ok(mut tokens) = place.tokens.lock() {
        tokens.extend(["g00d".to_owned(), long.clone()]);
    }
    let file = |bench: &Bench, name: &str, text: &str| bench.file(name, format!("{text}\n").as_bytes());
    // What is shown, and whether it is taken.
    let rows: [(&str, &[&str], i32, &str); 12] = [
        ("scram", &["--password-file", "good"], 0, ""),
        ("only scram", &["--password-file", "good", "--sasl", "scram"], 0, ""),
        ("plain", &["--password-file", "good", "--sasl", "plain"], 0, ""),
        ("a wrong password by scram", &["--password-file", "bad"], 77, "sign-in-refused"),
        ("a wrong password by plain", &["--password-file", "bad", "--sasl", "plain"], 77, "sign-in-refused"),
        ("password and code", &["--password-file", "good", "--totp-seed-file", "seed"], 0, ""),
        ("a wrong code", &["--password-file", "good", "--totp-seed-file", "other-seed"], 77, "sign-in-refused"),
        ("token", &["--sign-in", "token", "--token-command", "cat token"], 0, ""),
        ("a token as long as signed ones are", &["--sign-in", "token", "--token-command", "cat long"], 0, ""),
        ("an expired token", &["--sign-in", "token", "--token-command", "echo 0ld"], 77, "token-refused"),
        ("a mechanism that is not offered", &["--sign-in", "certificate", "--sasl", "external"], 77, "mechanism"),
        (
            "a token that is none",
            &["--sign-in", "token", "--token-command", "echo not a token"],
            78,
            "sign-in-settings",
        ),
    ];
    for (what, words, status, code) in rows {
        let bench = home();
        file(&bench, "good", crate::bench::servers::PASSWORD);
        file(&bench, "bad", "sesame");
        file(&bench, "seed", SEED);
        file(&bench, "other-seed", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U");
        file(&bench, "token", "g00d");
        file(&bench, "long", &long);
        let words = place.words(&bench, words);
        let words = if matches!(what, "plain" | "token") { place.implicit(&words) } else { words };
        let outcome = bench.run(words.iter().chain(["--json".to_owned()].iter()));
        outcome.status(status).stderr_lacks("sesame").stderr_lacks("g00d");
        if status != 0 {
            let error = assert_error(&outcome, status, code);
            assert!(code != "mechanism" || error["because"].to_string().contains("PLAIN"), "{what}: {error}");
        }
    }
    let log = place.servers.postfix_log();
    assert!(!log.contains("sesame") && !log.contains("g00d"));

    // A token that expires between two connections: the next one asks for another.
    let bench = home();
    file(&bench, "token", "g00d");
    bench.run(place.words(&bench, &["--sign-in", "token", "--token-command", "cat token"])).status(0);
    if let Ok(mut tokens) = place.tokens.lock() {
        *tokens = vec!["n3w".to_owned()];
    }
    let send = |subject: &str| {
        let words = ["--json", "send", "--to", DURAND, "--subject", subject, "--body-file", "-"];
        bench.call(words).stdin("Bonjour\n").run()
    };
    let refused = assert_error(&send("old"), 77, "token-refused");
    assert!(refused["hint"].as_str().unwrap_or_default().contains("signin.token-command"), "{refused}");
    file(&bench, "token", "n3w");
    send("old").status(0);
    bench.run(["fetch", "--to", "in"]).status(0);
    assert_eq!(place.servers.wait_for(DURAND, 1).len(), 1, "what waited was sent once");
}

/// A key of the laboratory, and its certificate: in files, or on a token.
struct Card {
    bench: Bench,
    /// The words of init that name it.
    words: Vec<String>,
    chain: String,
}

impl Card {
    fn in_files(place: &Place) -> Card {
        let bench = home();
        bench.shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem").status(0);
        bench.shell("chmod 600 key.pem; openssl pkey -in key.pem -pubout -out public.pem").status(0);
        let chain = place.servers.certify(&bench, "public.pem", LABORATORY);
        let words = vec!["--key".to_owned(), "key.pem".to_owned()];
        Card { bench, words, chain }
    }

    fn on_a_token(place: &Place, kind: &str) -> Card {
        let bench = home();
        let tokens = bench.path("tokens");
        std::fs::create_dir(&tokens).expect("the home takes a folder");
        let settings = format!("directories.tokendir = {}\n", tokens.display());
        let settings = bench.file("softhsm2.conf", settings.as_bytes());
        let bench = bench.variable("SOFTHSM2_CONF", &settings);
        let make = format!("softhsm2-util --init-token --free --label carte --so-pin 12345678 --pin {PIN}");
        bench.shell(&make).status(0);
        let tool = format!("pkcs11-tool --module {} --token-label carte --login --pin {PIN}", module());
        bench.shell(&format!("{tool} --keypairgen --key-type {kind} --id 01 --label mss --usage-sign")).status(0);
        bench.shell(&format!("{tool} --read-object --type pubkey --id 01 --output-file public.der")).status(0);
        bench.shell("openssl pkey -pubin -inform DER -in public.der -out public.pem").status(0);
        let chain = place.servers.certify(&bench, "public.pem", LABORATORY);
        let pin = bench.file("pin", format!("{PIN}\n").as_bytes());
        let uri = format!("pkcs11:token=carte;id=%01?module-path={}", module());
        let words = ["--token", &uri, "--pin-file", &pin].map(str::to_owned).to_vec();
        Card { bench, words, chain }
    }

    /// The words of init for these servers.
    fn init_words(&self, place: &Place, submission: &str) -> Vec<String> {
        let words = place.words(&self.bench, &["--sign-in", "certificate"]);
        let words = without(&with(&words, "--certificate", &self.chain), "--key");
        with(&words, "--submission", submission).into_iter().chain(self.words.iter().cloned()).collect()
    }
}

/// The module of SoftHSM, wherever the system keeps it.
fn module() -> &'static str {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/libsofthsm2.so",
    ];
    places.into_iter().find(|path| Path::new(path).exists()).expect("softhsm2-util has its module beside it")
}

/// To somebody without a certificate, as the key signs nothing that people verify.
fn send(bench: &Bench, subject: &str) -> crate::bench::Outcome {
    let words =
        ["--json", "send", "--protection", "transport", "--to", DURAND, "--subject", subject, "--body-file", "-"];
    bench.call(words).stdin("Bonjour\n").run()
}

#[test]
fn certificates_open_postfix_and_dovecot_and_are_named_where_they_do_not() {
    let test = "certificates_open_postfix_and_dovecot_and_are_named_where_they_do_not";
    if !there(test) || !["softhsm2-util", "pkcs11-tool"].iter().all(|program| skip::has(program, test)) {
        return;
    }
    let place = Place::open();
    let card = Card::in_files(&place);
    let dovecot = card.init_words(&place, &place.servers.submission_of_dovecot());
    card.bench.run(&dovecot).status(0);
    send(&card.bench, "through Dovecot").status(0);
    assert_eq!(place.servers.wait_for(DURAND, 1).len(), 1);

    // Some want a password behind the certificate.
    let password = card.bench.file("good", format!("{}\n", crate::bench::servers::PASSWORD).as_bytes());
    card.bench.run(["config", "set", "signin.password", "--from-file", &password]).status(0);
    card.bench.run(["config", "set", "signin.sasl", "plain"]).status(0);
    card.bench.run(["fetch", "--to", "in"]).status(0);
    card.bench.run(["config", "set", "signin.sasl", "auto"]).status(0);

    // Postfix does not know the certificate yet: it says so at RCPT, and the message waits.
    let port = |address: String| address.rsplit(':').next().expect("it has a port").to_owned();
    let by_certificate = port(place.servers.submission_by_certificate(false));
    card.bench.run(["config", "set", "signin.authzid", "empty"]).status(0);
    card.bench.run(["config", "set", "submission.port", &by_certificate]).status(0);
    assert_error(&send(&card.bench, "to Postfix"), 77, "own-certificate-refused");
    place.servers.admit(&card.bench, &card.chain);
    send(&card.bench, "to Postfix").status(0);
    assert_eq!(place.servers.wait_for(DURAND, 2).len(), 2, "once");
    // Dovecot takes another identity for a sign-in on behalf of somebody, and refuses.
    card.bench.run(["config", "set", "signin.authzid", DURAND]).status(0);
    let refused = card.bench.run(["--json", "fetch", "--to", "in"]);
    let error: Value = assert_error(&refused, 77, "own-certificate-refused");
    assert!(error["hint"].as_str().unwrap_or_default().contains("signin.authzid"), "{error}");

    for kind in ["EC:prime256v1", "rsa:2048"] {
        let card = Card::on_a_token(&place, kind);
        place.servers.admit(&card.bench, &card.chain);
        card.bench.run(card.init_words(&place, &place.servers.submission_by_certificate(false))).status(0);
        for version_1_2 in [false, true] {
            let port = port(place.servers.submission_by_certificate(version_1_2));
            card.bench.run(["config", "set", "submission.port", &port]).status(0);
            send(&card.bench, &format!("{kind} {version_1_2}")).status(0);
        }
        card.bench.run(["fetch", "--to", "in"]).status(0);
    }
    let log = place.servers.postfix_log();
    assert!(log.contains("TLSv1.2 with") && log.contains("TLSv1.3 with"), "{log}");
    assert_eq!(place.servers.wait_for(DURAND, 6).len(), 6);
}
