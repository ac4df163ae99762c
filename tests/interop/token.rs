//! Keys that never leave a token (SoftHSM): they seal, open and sign in, and what the token refuses is said.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::path::Path;

use serde_json::Value;

use crate::bench::operator::{Operator, as_laboratory, with, without};
use crate::bench::{Bench, Call, Outcome, skip};
use crate::flows::post::{self, CARDIOLOGY, DURAND, LABORATORY, LEFEVRE};

const PIN: &str = "123456";

fn there(test: &str) -> bool {
    ["openssl", "softhsm2-util", "pkcs11-tool"].iter().all(|program| skip::has(program, test))
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

/// A home with a token called `Carte labo`; `mechanisms` as softhsm2.conf(5) names them.
fn bench_with_token(mechanisms: &str) -> Bench {
    let bench = Bench::new();
    let tokens = bench.path("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\nslots.mechanisms = {mechanisms}\n", tokens.display());
    let file = bench.file("softhsm2.conf", text.as_bytes());
    let bench = bench.variable("SOFTHSM2_CONF", &file);
    let words = format!("--init-token --free --label 'Carte labo' --so-pin 12345678 --pin {PIN}");
    bench.shell(&format!("softhsm2-util {words}")).status(0);
    bench
}

#[track_caller]
fn tool(bench: &Bench, words: &str) -> Outcome {
    let module = module();
    let outcome =
        bench.shell(&format!("pkcs11-tool --module {module} --token-label 'Carte labo' --login --pin {PIN} {words}"));
    outcome.status(0);
    outcome
}

fn uri(more: &str) -> String {
    format!("pkcs11:token=Carte%20labo;{more}?module-path={}", module())
}

/// Makes a key on the token and has the sandbox's own authority certify it for somebody, as that person's certificate.
///
/// The operator is stopped for it: it then lists the certificate of the token in its directory.
fn certified_key(bench: &Bench, profile: &str, address: &str, kind: &str, usages: &str) {
    drop(Operator::start(bench, &[]));
    if let Some(curve) = kind.strip_prefix("import:") {
        // As authorities do that put keys on cards: made elsewhere, written once, then gone.
        let make = format!("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out key.pem");
        let convert = "openssl pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der";
        bench.shell(&format!("{make} && openssl pkey -in key.pem -pubout -out public.pem && {convert}")).status(0);
        tool(bench, &format!("--write-object key.der --type privkey --id 01 --label mss {usages}"));
        bench.shell("rm key.pem key.der").status(0);
    } else {
        tool(bench, &format!("--keypairgen --key-type {kind} --id 01 --label mss {usages}"));
        tool(bench, "--read-object --type pubkey --id 01 --output-file public.der");
        bench.shell("openssl pkey -pubin -inform DER -in public.der -out public.pem").status(0);
    }
    let state = bench.home().join(".state/mss/sandbox/operator/operator.json");
    let mut records: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    let branch = if profile.starts_with("dr.") { "persons" } else { "organisations" };
    for (name, key) in [("ca.key", "key"), ("ca.pem", "certificate")] {
        bench.file(name, records[branch][key].as_str().unwrap().as_bytes());
    }
    let secrecy = if kind.starts_with("rsa") { "keyEncipherment" } else { "keyAgreement" };
    let extensions = format!(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,{secrecy}\n\
         extendedKeyUsage=emailProtection,clientAuth\nsubjectAltName=email:{address}\nauthorityKeyIdentifier=keyid\n"
    );
    bench.file("extensions", extensions.as_bytes());
    let request = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout scratch -subj '/CN=Carte' -out csr";
    let sign = "openssl x509 -req -in csr -force_pubkey public.pem -CA ca.pem -CAkey ca.key -set_serial 4711 -days 300";
    bench.shell(&format!("{request} && {sign} -extfile extensions -out card.pem")).status(0);
    bench.shell("cat card.pem ca.pem > chain.pem; openssl x509 -in card.pem -outform DER -out card.der").status(0);
    records["people"][profile]["leaf"]["pair"]["certificate"] =
        Value::String(String::from_utf8(bench.read("card.pem")).unwrap());
    bench.file("../.state/mss/sandbox/operator/operator.json", &serde_json::to_vec(&records).unwrap());
}

/// The words of init with the token in the place of the key.
fn words(bench: &Bench, operator: &Operator, profile: &str) -> Vec<String> {
    let words = without(&operator.init_words(bench, profile), "--key");
    let pin = bench.file("pin", format!("{PIN}\n").as_bytes());
    let more = ["--token", &uri("id=%01"), "--pin-file", &pin].map(str::to_owned);
    with(&words, "--certificate", "chain.pem").into_iter().chain(more).collect()
}

fn as_owner<W: AsRef<str>>(bench: &Bench, profile: &str, words: impl IntoIterator<Item = W>) -> Call {
    bench.call(words).variable("MSS_SERVICE_KEY_FILE", &format!("{profile}.service"))
}

/// Sends to itself, and reads it: signed, sealed and opened by the one key.
#[track_caller]
fn seals_and_opens(bench: &Bench, profile: &str, address: &str) {
    let send = ["send", "--to", address, "--subject", "x", "--body-file", "-"];
    as_owner(bench, profile, send).stdin("to myself").run().status(0).stdout_has("accepted");
    as_owner(bench, profile, ["fetch", "--to", "in"]).run().status(0).stdout_has("signed by");
    bench.shell("grep -rl 'to myself' in").status(0).stdout_has("message.txt");
}

#[test]
fn a_key_made_on_the_token_seals_and_opens_on_both_kinds_of_curve_and_rsa() {
    if !there("a_key_made_on_the_token_seals_and_opens_on_both_kinds_of_curve_and_rsa") {
        return;
    }
    for (profile, address, kind, usages) in [
        ("laboratoire", LABORATORY, "EC:prime256v1", "--usage-sign --usage-derive"),
        ("dr.durand", DURAND, "import:P-384", "--usage-sign --usage-derive"),
        ("dr.lefevre", LEFEVRE, "rsa:3072", "--usage-sign --usage-decrypt"),
    ] {
        let bench = bench_with_token("ALL");
        certified_key(&bench, profile, address, kind, usages);
        let operator = Operator::start(&bench, &[]);
        bench.run(words(&bench, &operator, profile)).status(0).stdout_has("profile ");
        seals_and_opens(&bench, profile, address);
    }
}

#[test]
fn a_card_without_pss_and_oaep_works_by_the_bare_operation() {
    if !there("a_card_without_pss_and_oaep_works_by_the_bare_operation") {
        return;
    }
    let bench = bench_with_token("CKM_RSA_PKCS_KEY_PAIR_GEN,CKM_RSA_X_509");
    certified_key(&bench, "cardiologie", CARDIOLOGY, "rsa:3072", "--usage-sign --usage-decrypt");
    letters(&bench);
    let operator = Operator::start(&bench, &[]);
    // TLS 1.3 asks RSA for PSS.
    let words = without(&without(&words(&bench, &operator, "cardiologie"), "--password-file"), "--totp-seed-file");
    bench.run(words.iter().map(String::as_str).chain(["--sign-in", "certificate"])).status(0);
    opens_every_letter(&bench);
    seals_and_opens(&bench, "cardiologie", CARDIOLOGY);
}

/// What OpenSSL encrypts to the RSA key in each way that RFC 8017 has; waits in the INBOX when the operator starts.
fn letters(bench: &Bench) {
    let oaep = |hash: &str| format!("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:{hash}");
    let ways = ["sha1", "sha256", "sha384", "sha512"].map(oaep).into_iter().chain(["".to_owned()]);
    for (number, way) in ways.enumerate() {
        bench.file("inner", format!("Content-Type: text/plain\r\n\r\nletter number {number}\r\n").as_bytes());
        let words = format!("-encrypt -aes256 -in inner -from {LABORATORY} -to {CARDIOLOGY} -subject x");
        bench.shell(&format!("openssl cms {words} -out letter.eml -recip card.pem {way}")).status(0);
        post::put(bench, CARDIOLOGY, &bench.read("letter.eml"));
    }
}

/// Nobody signed them: they are opened, and not believed.
#[track_caller]
fn opens_every_letter(bench: &Bench) {
    as_owner(bench, "cardiologie", ["fetch", "--to", "in"]).run().status(1);
    for number in 0..5 {
        bench.shell(&format!("grep -rl 'letter number {number}' in")).status(0).stdout_has("message.txt");
    }
}

#[test]
fn every_padding_of_rsa_opens_where_the_token_has_all_mechanisms_and_where_it_has_the_usual_ones() {
    if !there("every_padding_of_rsa_opens_where_the_token_has_all_mechanisms_and_where_it_has_the_usual_ones") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "cardiologie", CARDIOLOGY, "rsa:2048", "--usage-sign --usage-decrypt");
    letters(&bench);
    let operator = Operator::start(&bench, &[]);
    let words = without(&without(&words(&bench, &operator, "cardiologie"), "--password-file"), "--totp-seed-file");
    bench.run(words.iter().map(String::as_str).chain(["--sign-in", "certificate"])).status(0);
    opens_every_letter(&bench);
    // The digest is made here, the padding on the token.
    let usual = "slots.mechanisms = CKM_RSA_PKCS,CKM_RSA_PKCS_PSS,CKM_RSA_X_509,CKM_SHA256";
    bench.shell(&format!("sed -i 's/^slots.mechanisms.*/{usual}/' softhsm2.conf")).status(0);
    seals_and_opens(&bench, "cardiologie", CARDIOLOGY);
}

#[test]
fn a_padding_that_the_token_lacks_speaks_against_that_message_and_not_against_the_others() {
    if !there("a_padding_that_the_token_lacks_speaks_against_that_message_and_not_against_the_others") {
        return;
    }
    // SoftHSM has OAEP with SHA-1 alone.
    let bench = bench_with_token(
        "CKM_RSA_PKCS_KEY_PAIR_GEN,CKM_RSA_PKCS,CKM_RSA_PKCS_OAEP,CKM_RSA_PKCS_PSS,CKM_SHA_1,CKM_SHA256",
    );
    certified_key(&bench, "cardiologie", CARDIOLOGY, "rsa:2048", "--usage-sign --usage-decrypt");
    letters(&bench);
    let operator = Operator::start(&bench, &[]);
    let words = without(&without(&words(&bench, &operator, "cardiologie"), "--password-file"), "--totp-seed-file");
    bench.run(words.iter().map(String::as_str).chain(["--sign-in", "certificate"])).status(0);
    as_owner(&bench, "cardiologie", ["fetch", "--to", "in"]).run().status(1);
    for (number, opened) in [(0, "1\n"), (1, "0\n"), (2, "0\n"), (3, "0\n"), (4, "1\n")] {
        bench.shell(&format!("grep -rl 'letter number {number}' in | grep -c message.txt")).stdout_is(opened);
    }
    bench.shell("grep -rl 'a padding that the token lacks' in | wc -l").stdout_is("3\n");
}

#[test]
fn one_pin_is_asked_for_once_in_a_run_though_two_keys_of_the_token_are_used() {
    if !there("one_pin_is_asked_for_once_in_a_run_though_two_keys_of_the_token_are_used") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "cardiologie", CARDIOLOGY, "EC:prime256v1", "--usage-sign --usage-derive");
    let operator = Operator::start(&bench, &[]);
    let words = without(&without(&words(&bench, &operator, "cardiologie"), "--password-file"), "--totp-seed-file");
    let more = ["--sign-in", "certificate", "--pin-command", "echo x >> asked; cat pin"];
    bench.run(without(&words, "--pin-file").iter().map(String::as_str).chain(more)).status(0);
    bench.shell("cat asked").stdout_is("x\n");
    let set = |key: &str, value: &[&str]| {
        let words = ["config", "set", key].into_iter().chain(value.iter().copied());
        as_owner(&bench, "cardiologie", words).run().status(0);
    };
    set("signin.token", &[&uri("object=mss")]);
    set("signin.certificate", &["--from-file", "chain.pem"]);
    set("signin.pin-command", &["echo y >> asked; cat pin"]);
    seals_and_opens(&bench, "cardiologie", CARDIOLOGY);
    // Once for send, once for fetch.
    bench.shell("sed 1d asked | wc -l").stdout_is("2\n");
}

#[test]
fn a_token_that_is_pulled_out_in_the_middle_leaves_the_message_where_it_was() {
    if !there("a_token_that_is_pulled_out_in_the_middle_leaves_the_message_where_it_was") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "laboratoire", LABORATORY, "EC:prime256v1", "--usage-sign --usage-derive");
    let operator = Operator::start(&bench, &["--fault", "fetch=stall:2"]);
    // Whoever gives the PIN pulls the token while the server is still thinking.
    bench.file("give", b"cat pin; test -e pull && { (sleep 1; mv tokens pulled) >/dev/null 2>&1 & }; true");
    let words = words(&bench, &operator, "laboratoire");
    let more = ["--pin-command", "sh ./give"];
    bench.run(without(&words, "--pin-file").iter().map(String::as_str).chain(more)).status(0);
    let send = ["send", "--to", LABORATORY, "--subject", "x", "--body-file", "-"];
    as_laboratory(&bench, send).stdin("to myself").run().status(0);
    bench.file("pull", b"");
    let fetch = ["--json", "fetch", "--to", "in"];
    let outcome = as_laboratory(&bench, fetch).run();
    post::assert_error(&outcome, 69, "token-removed");
    bench.shell("find in -type f").stdout_is("");
    bench.shell("mv pulled tokens; rm pull").status(0);
    as_laboratory(&bench, fetch).run().status(0).stdout_has("\"stored\"");
}

#[test]
fn a_key_that_asks_for_the_pin_at_each_use_signs_and_says_what_it_cannot_do() {
    if !there("a_key_that_asks_for_the_pin_at_each_use_signs_and_says_what_it_cannot_do") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "dr.lefevre", LEFEVRE, "rsa:2048", "--usage-sign --usage-decrypt --always-auth");
    let operator = Operator::start(&bench, &[]);
    bench.run(words(&bench, &operator, "dr.lefevre")).status(0);
    let send = ["send", "--to", LEFEVRE, "--subject", "x", "--body-file", "-"];
    as_owner(&bench, "dr.lefevre", send).stdin("to myself").run().status(0).stdout_has("accepted");
    let fetch = as_owner(&bench, "dr.lefevre", ["fetch", "--to", "in"]).run();
    fetch.status(78).stderr_has("it asks for the PIN at each use of the key").stderr_has("hint: ");
    bench.shell("find in -type f").stdout_is("");
}

#[test]
fn a_token_signs_in_as_tls_client_with_the_certificate_it_holds() {
    if !there("a_token_signs_in_as_tls_client_with_the_certificate_it_holds") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "cardiologie", CARDIOLOGY, "EC:prime256v1", "--usage-sign --usage-derive");
    tool(&bench, "--write-object card.der --type cert --id 01 --label mss");
    bench.shell("openssl x509 -in ca.pem -outform DER -out ca.der").status(0);
    tool(&bench, "--write-object ca.der --type cert --id 99 --label authority");
    let operator = Operator::start(&bench, &[]);
    let words = words(&bench, &operator, "cardiologie");
    let words = without(&without(&without(&words, "--password-file"), "--totp-seed-file"), "--certificate");
    bench.run(words.iter().map(String::as_str).chain(["--sign-in", "certificate"])).status(0);
    as_owner(&bench, "cardiologie", ["config", "get", "keys.certificate"]).run().status(1);
    seals_and_opens(&bench, "cardiologie", CARDIOLOGY);
    // A PIN is no setting that is shown.
    as_owner(&bench, "cardiologie", ["config", "show"])
        .run()
        .status(0)
        .stdout_has("keys.pin = [secret]")
        .stdout_lacks(PIN);
}

#[test]
fn what_the_token_refuses_is_said_with_its_status_and_nothing_is_tried_twice() {
    if !there("what_the_token_refuses_is_said_with_its_status_and_nothing_is_tried_twice") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "laboratoire", LABORATORY, "EC:prime256v1", "--usage-sign --usage-derive");
    let operator = Operator::start(&bench, &[]);
    let words = words(&bench, &operator, "laboratoire");
    let wrong = bench.file("wrong", b"654321\n");
    let refused = bench.run(with(&words, "--pin-file", &wrong));
    refused.status(77).stderr_has("refused the PIN").stderr_has("few are left before it locks").stderr_lacks("654321");
    bench.run(without(&words, "--pin-file")).status(64).stderr_has("give keys.pin or keys.pin-command");
    let token = |uri: &str| bench.run(with(&words, "--token", uri));
    token(&format!("pkcs11:token=Other?module-path={}", module())).status(69).stderr_has("these are there: Carte labo");
    token(&uri("id=%02")).status(78).stderr_has("no private key that fits").stderr_has("hint: ");
    token("pkcs11:token=x?module-path=/nowhere.so").status(78).stderr_has("/nowhere.so cannot be used");
    token("pkcs11:token=x").status(78).stderr_has("hint: add ?module-path=");
    let pin = token(&format!("{}&pin-value=4711", uri("id=%01")));
    pin.status(78).stderr_has("it holds a PIN").stderr_lacks("4711");
    bench
        .run(with(&words, "--certificate", &operator.person("dr.durand", "certificate_file")))
        .status(78)
        .stderr_has("its key is not the key of the certificate");
    tool(&bench, "--keypairgen --key-type EC:prime256v1 --id 03 --label other --usage-sign");
    bench.run(with(&without(&words, "--certificate"), "--token", &uri(""))).status(78).stderr_has("no certificate");
    assert!(!bench.home().join(".config/mss/config.p7m").exists(), "nothing was written");

    let command = ["--pin-command", "cat pin"];
    bench.run(without(&words, "--pin-file").iter().map(String::as_str).chain(command)).status(0);
    seals_and_opens(&bench, "laboratoire", LABORATORY);
    bench.file("pin", b"");
    let send = ["send", "--to", LABORATORY, "--subject", "x", "--body-file", "pin2"];
    bench.file("pin2", b"body");
    as_laboratory(&bench, send).run().status(66).stderr_has("the PIN command gave no PIN");
    bench.shell("rm -r tokens/*").status(0);
    as_laboratory(&bench, send).run().status(69).stderr_has("the token is not there").stderr_has("hint: ");
}

#[test]
fn a_key_without_the_right_to_derive_signs_and_leaves_the_message_on_the_server() {
    if !there("a_key_without_the_right_to_derive_signs_and_leaves_the_message_on_the_server") {
        return;
    }
    let bench = bench_with_token("ALL");
    certified_key(&bench, "laboratoire", LABORATORY, "EC:prime256v1", "--usage-sign");
    let operator = Operator::start(&bench, &[]);
    bench.run(words(&bench, &operator, "laboratoire")).status(0);
    let send = ["send", "--to", LABORATORY, "--subject", "x", "--body-file", "-"];
    as_laboratory(&bench, send).stdin("to myself").run().status(0).stdout_has("accepted");
    let fetch = ["fetch", "--to", "in"];
    let outcome = as_laboratory(&bench, fetch).run();
    outcome.status(78).stderr_has("does not permit the key to be used for this").stderr_has("derive");
    bench.shell("find in -name message.eml").stdout_is("");
    // It was the token's fault and not that of the message: with the right it opens.
    let state = bench.home().join(".state/mss/sandbox/operator/mail");
    bench
        .shell(&format!("find {} -path '*laboratoire*' -type f | wc -l", state.display()))
        .status(0)
        .stdout_lacks("0\n");
}
