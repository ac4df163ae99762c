//! OpenSSL opens what `mss` sealed, and `mss` opens what OpenSSL made.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;

use crate::bench::{Bench, Outcome, skip};
use crate::flows::post::{self, DURAND, LABORATORY, LEFEVRE, PNG, bench, codes};

/// The moment of the tests for OpenSSL.
const MOMENT: &str = "1767600000";

/// The laboratory: its profile and its address.
const OURS: (&str, &str) = ("laboratoire", LABORATORY);

/// Calls `openssl cms` with these words.
fn cms(bench: &Bench, words: &str) -> Outcome {
    let words = ["cms"].into_iter().chain(words.split_whitespace()).map(str::to_owned);
    bench.program("openssl", words).run()
}

/// The certificate and key of a profile and the trust file, as links with short names where calls start.
fn keys(bench: &Bench, profile: &str) {
    let (certificate, key) = post::identity(bench, profile);
    for (path, name) in [(certificate, "certificate.pem"), (key, "key.pem")] {
        let link = bench.path(&format!("{profile}.{name}"));
        std::os::unix::fs::symlink(path, link).unwrap();
    }
    let trust = bench.path("trust.pem");
    if !trust.exists() {
        std::os::unix::fs::symlink(post::operator(bench).join("trust.pem"), trust).unwrap();
    }
}

#[test]
fn a_stored_message_is_decrypted_and_verified() {
    if !skip::has("openssl", "a_stored_message_is_decrypted_and_verified") {
        return;
    }
    let bench = bench();
    let words = ["send", "--to", DURAND, "--to", LEFEVRE, "--subject", "Bilan de Nadia", "--body-file", "-"];
    let call = bench.call(words.iter().chain(&["--attach", "result.pdf", "--attach", "curve.png"]));
    call.stdin("Bonjour Zoé").run().status(0);
    for (profile, address) in [("dr.durand", DURAND), ("dr.lefevre", LEFEVRE)] {
        keys(&bench, profile);
        bench.file("stored.eml", &post::newest(&bench, address));
        let opened =
            format!("-decrypt -in stored.eml -recip {profile}.certificate.pem -inkey {profile}.key.pem -out inner");
        cms(&bench, &opened).status(0);
        let verified = "-verify -in inner -CAfile trust.pem -purpose smimesign -signer signer.pem -out entity -attime";
        cms(&bench, &format!("{verified} {MOMENT}")).status(0).stderr_has("successful");
        let entity = String::from_utf8(bench.read("entity")).unwrap();
        for part in ["Subject: Bilan de Nadia", "result.pdf", "curve.png"] {
            assert!(entity.contains(part), "{part}:\n{entity}");
        }
        let signer = bench.shell("openssl x509 -in signer.pem -noout -email").text();
        assert!(signer.contains(LABORATORY), "{signer}");
        let changed = String::from_utf8(bench.read("inner")).unwrap().replacen("Subject: Bilan", "Subject: Bilat", 1);
        bench.file("inner", changed.as_bytes());
        cms(&bench, &format!("{verified} {MOMENT}")).status_among(&[1, 2, 3, 4]);
    }
    // Nobody else opens it.
    keys(&bench, "cardiologie");
    let other = "-decrypt -in stored.eml -recip cardiologie.certificate.pem -inkey cardiologie.key.pem -out nothing";
    cms(&bench, other).status_among(&[1, 2, 3, 4]);
}

/// A message from an address that OpenSSL signs with the key of a profile and encrypts to others with a cipher.
fn made_by_openssl(
    bench: &Bench,
    (signer, from): (&str, &str),
    readers: &[&str],
    options: &str,
    cipher: &str,
) -> Vec<u8> {
    // The first certificate of the file is the signer's; the rest is its chain, which OpenSSL wants in a file of its own.
    let certificates = fs::read_to_string(bench.path(&format!("{signer}.certificate.pem"))).unwrap();
    let (leaf, chain) = certificates.split_once("-----END CERTIFICATE-----\n").unwrap();
    assert!(leaf.starts_with("-----BEGIN"));
    bench.file("chain.pem", chain.as_bytes());
    let entity = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nBonjour Zoé\r\n--b\r\nContent-Type: image/png\r\n\
         Content-Disposition: attachment; filename=curve.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        wrapped(PNG)
    );
    bench.file("entity", entity.as_bytes());
    let sign = format!("-sign -in entity -binary -crlfeol -signer {signer}.certificate.pem -inkey {signer}.key.pem");
    cms(bench, &format!("{sign} -certfile chain.pem -md sha256 {options} -out signed")).status(0);
    let encrypt = format!("-encrypt -in signed -binary -{cipher} -out sealed -from {from} -to {DURAND} -subject Bilan");
    let readers: Vec<String> = readers.iter().map(|profile| format!("{profile}.certificate.pem")).collect();
    cms(bench, &format!("{encrypt} {}", readers.join(" "))).status(0);
    // Written with the line ends of the machine; on the wire a line ends in CR LF.
    let sealed = String::from_utf8(bench.read("sealed")).unwrap();
    sealed.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// The findings, but for the one of this bench: OpenSSL signs by the clock of the machine, which is ahead of ours.
fn said(line: &serde_json::Value) -> Vec<&str> {
    codes(line).into_iter().filter(|code| *code != "signed-in-future").collect()
}

fn wrapped(octets: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(octets);
    text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\r\n")
}

#[test]
fn a_message_made_by_openssl_is_fetched_and_verified() {
    if !skip::has("openssl", "a_message_made_by_openssl_is_fetched_and_verified") {
        return;
    }
    let bench = bench();
    for profile in ["laboratoire", "dr.durand", "dr.lefevre"] {
        keys(&bench, profile);
    }
    for (number, (options, cipher, shown, findings)) in [
        ("", "aes-256-gcm", "AES-256-GCM", &[][..]),
        ("", "aes-128-gcm", "AES-128-GCM", &[]),
        ("-nodetach", "aes-256-gcm", "AES-256-GCM", &[]),
        ("", "aes-256-cbc", "AES-256-CBC", &["cbc-unauthenticated"]),
    ]
    .into_iter()
    .enumerate()
    {
        let raw = made_by_openssl(&bench, OURS, &["dr.durand", "dr.lefevre"], options, cipher);
        for (profile, address) in [("dr.durand", DURAND), ("dr.lefevre", LEFEVRE)] {
            post::put(&bench, address, &raw);
            let folder = format!("{profile}-{number}");
            let line = bench.run(["--json", "-p", profile, "fetch", "--to", &folder]).status(0).json();
            assert_eq!((&line["state"], &line["encryption"]), (&"stored".into(), &shown.into()), "{line}");
            assert_eq!((&line["from"], &line["subject"]), (&LABORATORY.into(), &"Bilan".into()), "{line}");
            assert_eq!((&line["signer"]["is_from"], said(&line)), (&true.into(), findings.to_vec()), "{line}");
            let place = line["place"].as_str().unwrap();
            assert_eq!(bench.read(&format!("{place}/curve.png")), PNG);
            assert!(String::from_utf8(bench.read(&format!("{place}/message.txt"))).unwrap().contains("Bonjour Zoé"));
        }
    }
}

#[test]
fn a_message_that_openssl_signed_as_somebody_else_goes_to_quarantine() {
    if !skip::has("openssl", "a_message_that_openssl_signed_as_somebody_else_goes_to_quarantine") {
        return;
    }
    let bench = bench();
    for profile in ["dr.lefevre", "dr.durand"] {
        keys(&bench, profile);
    }
    post::put(&bench, DURAND, &made_by_openssl(&bench, ("dr.lefevre", LABORATORY), &["dr.durand"], "", "aes-256-gcm"));
    let line = bench.run(["--json", "-p", "dr.durand", "fetch", "--to", "in"]).status(1).json();
    assert_eq!((&line["state"], said(&line)), (&"quarantined".into(), vec!["signer-not-from"]));
}

#[test]
fn who_writes_with_openssl_gets_what_openssl_says_it_opens() {
    if !skip::has("openssl", "who_writes_with_openssl_gets_what_openssl_says_it_opens") {
        return;
    }
    let bench = bench();
    for profile in ["laboratoire", "dr.durand", "dr.lefevre"] {
        keys(&bench, profile);
    }
    // Nothing is known of Dr Lefèvre: one message for both.
    let send = |subject: &str| {
        let words = ["--json", "send", "--to", DURAND, "--to", LEFEVRE, "--attach", "result.pdf", "--subject", subject];
        bench.run(words).status(0).json_lines()
    };
    let ciphers = |lines: &[serde_json::Value]| {
        lines.iter().map(|line| line["cipher"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = send("one");
    assert_eq!((ciphers(&before), &before[0]["copy"]), (vec!["AES-256-GCM".to_owned(); 2], &before[1]["copy"]));
    // OpenSSL lists no authenticated encryption among its capabilities.
    post::put(
        &bench,
        LABORATORY,
        &made_by_openssl(&bench, ("dr.lefevre", LEFEVRE), &["laboratoire"], "", "aes-256-cbc"),
    );
    let line = bench.run(["--json", "fetch", "--to", "in"]).status(0).json();
    assert_eq!((&line["state"], &line["from"]), (&"stored".into(), &LEFEVRE.into()), "{line}");
    let after = send("two");
    assert_eq!(ciphers(&after), ["AES-256-GCM", "AES-256-CBC"]);
    assert_eq!(after[0]["id"], after[1]["id"]);
    assert_ne!(after[0]["copy"], after[1]["copy"]);
    assert_eq!(after[0]["message_id"], after[1]["message_id"]);
    bench.run(["audit", "log", "--action", "send"]).status(0).stdout_has("smime AES-256-CBC");
    bench.file("stored.eml", &post::newest(&bench, LEFEVRE));
    let opened = "-decrypt -in stored.eml -recip dr.lefevre.certificate.pem -inkey dr.lefevre.key.pem -out inner";
    cms(&bench, opened).status(0);
    let verified = "-verify -in inner -CAfile trust.pem -purpose smimesign -out entity -attime";
    cms(&bench, &format!("{verified} {MOMENT}")).status(0);
    // The same command again sends nothing again, though another message was learned from meanwhile.
    assert!(send("one").iter().all(|line| line["known"] == true));
    let fetched = bench.run(["--json", "-p", "dr.lefevre", "fetch", "--to", "lefevre"]).status(0).json_lines();
    let codes: Vec<_> = fetched.iter().map(codes).collect();
    assert_eq!(codes, [vec![], vec!["cbc-unauthenticated"]], "a signature inside makes up for CBC");
}

#[test]
fn mail_in_3des_is_opened_only_where_that_is_asked_for() {
    if !skip::has("openssl", "mail_in_3des_is_opened_only_where_that_is_asked_for") {
        return;
    }
    let bench = bench();
    for profile in ["laboratoire", "dr.lefevre"] {
        keys(&bench, profile);
    }
    let raw = made_by_openssl(&bench, OURS, &["dr.lefevre"], "", "des-ede3-cbc");
    post::put(&bench, LEFEVRE, &raw);
    let refused = bench.run(["--json", "-p", "dr.lefevre", "fetch", "--to", "in"]).status(1).json();
    assert_eq!(refused["state"], "quarantined");
    assert!(refused["error"].as_str().unwrap().contains("3DES-CBC"), "{refused}");
    let raw = made_by_openssl(&bench, OURS, &["dr.lefevre"], "", "des-ede3-cbc");
    post::put(&bench, LEFEVRE, &raw);
    let opened = bench.run(["--json", "-p", "dr.lefevre", "fetch", "--to", "in", "--accept-3des"]).status(0).json();
    assert_eq!((&opened["state"], &opened["encryption"]), (&"stored".into(), &"3DES-CBC".into()));
    assert_eq!(said(&opened), ["cbc-unauthenticated"]);
}
