//! Certificates from the directory's answer to the exit status: the discovery cases of Direct that a directory decides.
//!
//! An authority of the test stands beside that of the sandbox. What needs no server is in `src/pki/discovery_tests.rs`,
//! which also says which cases are about the DNS.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, CustomExtension,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use super::foreign::signed_by;
use super::post::{self, CARDIOLOGY, DURAND, LABORATORY, LEFEVRE, MARTIN, PDF};
use crate::bench::Bench;
use crate::bench::operator::{AUTHOR, Operator, as_laboratory, with};
use mss::clock::Clock;
use mss::hex::Hex;
use mss::pki::Identity;

const MOREAU: &str = "dr.moreau@medecin.sandbox";
const PETIT: &str = "dr.petit@medecin.sandbox";
/// The folders that the sandbox shows and serves files from.
const SHOWN: &str = "shown";
const SERVED: &str = "served";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

/// What a certificate says beside the address.
#[derive(Default)]
struct Says {
    expired: bool,
    serial: u64,
    list: Option<String>,
    issuer: Option<String>,
    purpose: Option<ExtendedKeyUsagePurpose>,
}

/// A certificate and its key, PEM.
struct Certified {
    pem: String,
    key: String,
    sha256: String,
}

impl Authority {
    fn root() -> Authority {
        let key = KeyPair::generate().unwrap();
        let params = Authority::params("ESSAI AC RACINE");
        let certificate = params.self_signed(&key).unwrap();
        Authority { der: certificate.der().to_vec(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    fn below(&self, name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let params = Authority::params(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Authority { der: certificate.der().to_vec(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params
    }

    fn certify(&self, address: &str, says: &Says) -> Certified {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, address);
        params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
        let purpose = says.purpose.clone().unwrap_or(ExtendedKeyUsagePurpose::EmailProtection);
        params.extended_key_usages = vec![purpose];
        (params.not_before, params.not_after) = match says.expired {
            true => (date_time_ymd(1970, 1, 1) + since_1970(-400), date_time_ymd(1970, 1, 1) + since_1970(-40)),
            false => (date_time_ymd(1970, 1, 1) + since_1970(-30), date_time_ymd(1970, 1, 1) + since_1970(300)),
        };
        params.serial_number = Some(SerialNumber::from(says.serial));
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points =
            says.list.iter().map(|url| CrlDistributionPoint { uris: vec![url.clone()] }).collect();
        params.custom_extensions = says.issuer.iter().map(|url| ca_issuers(url)).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified { pem: certificate.pem(), key: key.serialize_pem(), sha256: fingerprint(certificate.der()) }
    }

    /// The list of who was revoked, good for ten days.
    fn revoke(&self, serials: &[u64]) -> Vec<u8> {
        self.list(serials, 10)
    }

    /// A list that is good until so many days from now.
    fn list(&self, serials: &[u64], until: i64) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(1970, 1, 1) + since_1970(-5),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + since_1970(-9),
            next_update: date_time_ymd(1970, 1, 1) + since_1970(until),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

/// SHA-256 of an encoded certificate, as `lookup` writes it.
fn fingerprint(der: &[u8]) -> String {
    Hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref()).to_string()
}

/// From 1970 to a day before or after this one. The clock of these tests is the real one: whoever keeps a sandbox running
/// signs in with codes that change.
fn since_1970(days_from_now: i64) -> Duration {
    let seconds = Clock::System.now().as_second() + days_from_now * 86_400;
    Duration::from_secs(u64::try_from(seconds).unwrap())
}

/// The extension authorityInfoAccess with one caIssuers (RFC 5280, section 4.2.2.1), written octet by octet: rcgen has none.
fn ca_issuers(url: &str) -> CustomExtension {
    let nested =
        |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).expect("a short address")], content].concat();
    let method = nested(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 2]);
    let description = nested(0x30, &[method, nested(0x86, url.as_bytes())].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], nested(0x30, &description))
}

/// A certs-only message (RFC 8551, section 3.8) of these certificates.
fn certs_only(certificates: &[&[u8]]) -> Vec<u8> {
    let nested = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content].concat()
    };
    let signed = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    let data = [0x30, 11, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    let set = nested(0xa0, &certificates.concat());
    let content = nested(0x30, &[&[2, 1, 1, 0x31, 0], &data[..], &set, &[0x31, 0]].concat());
    nested(0x30, &[&signed[..], &nested(0xa0, &content)].concat())
}

/// An operator, the laboratory's profile that trusts the authorities of the test too, and where files are served from.
struct Stage {
    bench: Bench,
    operator: Operator,
    base: String,
}

impl Stage {
    fn new() -> Stage {
        let bench = Bench::new();
        let operator = Operator::start(&bench, &[]);
        let lists = &operator.description()["revocation_lists"];
        let base = lists[0].as_str().unwrap().strip_suffix("/racine.crl").unwrap().to_owned();
        bench.file("result.pdf", PDF);
        Stage { bench, operator, base }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// Lays a file beside the state of the sandbox, before its directory is asked for the first time.
    fn lay_out(&self, folder: &str, name: &str, content: &[u8]) {
        post::write(&self.place(folder, name), content);
    }

    fn place(&self, folder: &str, name: &str) -> PathBuf {
        post::operator(&self.bench).join(folder).join(name)
    }

    fn init(&self, anchors: &[&Authority]) {
        self.init_with(anchors, &[]);
    }

    fn init_with(&self, anchors: &[&Authority], more: &[&str]) {
        let own: String = anchors.iter().map(|authority| authority.pem.as_str()).collect();
        let trust = fs::read_to_string(self.operator.said("trust_file")).unwrap();
        let anchors = self.bench.file("anchors.pem", format!("{trust}{own}").as_bytes());
        let words = with(&self.operator.init_words(&self.bench, "laboratoire"), "--anchors", &anchors);
        self.bench.run(words.iter().map(String::as_str).chain(more.iter().copied())).status(0);
    }

    /// What `lookup` says of the certificate of a mailbox, and which one it means.
    fn looked_up(&self, address: &str) -> (String, String) {
        let outcome = as_laboratory(&self.bench, ["--json", "lookup", "--address", address]).run();
        let line = outcome.json_lines().remove(0);
        let said = |name: &str| line["certificate"][name].as_str().unwrap_or_default().to_owned();
        (said("state"), said("sha256"))
    }
}

#[test]
fn what_the_directory_lists_is_judged_with_what_the_certificates_name() {
    let stage = Stage::new();
    let root = Authority::root();
    let (issuing, hidden) = (root.below("ESSAI AC PERSONNES"), root.below("ESSAI AC CACHEE"));
    let list = || Some(stage.url("personnes-essai.crl"));
    let good = |serial| Says { serial, list: list(), ..Says::default() };
    let show = |address: &str, certificates: &[Certified]| {
        let pem: String = certificates.iter().map(|it| it.pem.as_str()).collect();
        stage.lay_out(SHOWN, &format!("{}.pem", address.split('@').next().unwrap()), pem.as_bytes());
        certificates.last().unwrap().sha256.clone()
    };
    stage.lay_out(SERVED, "personnes-essai.crl", &issuing.revoke(&[7]));
    stage.lay_out(SERVED, "cachee.cer", &certs_only(&[&issuing.der, &hidden.der]));
    let d9 = [Says { expired: true, ..good(6) }, good(7), good(8)].map(|says| issuing.certify(DURAND, &says));
    let pointing = Says { issuer: Some(stage.url("cachee.cer")), serial: 9, ..Says::default() };
    let lost = Says { list: Some(stage.url("lost.crl")), serial: 10, ..Says::default() };
    let for_tls = Says { purpose: Some(ExtendedKeyUsagePurpose::ServerAuth), ..good(11) };
    let d7 = [issuing.certify(DURAND, &good(12)), issuing.certify(CARDIOLOGY, &for_tls)];
    let (valid, by_pointer) = (show(DURAND, &d9), show(PETIT, &[hidden.certify(PETIT, &pointing)]));
    show(LEFEVRE, &[issuing.certify(LEFEVRE, &good(7))]);
    show(MARTIN, &[issuing.certify(MARTIN, &lost)]);
    show(CARDIOLOGY, &d7);
    let overdue = Says { list: Some(stage.url("overdue.crl")), serial: 13, ..Says::default() };
    show(MOREAU, &[issuing.certify(MOREAU, &overdue)]);
    stage.lay_out(SERVED, "overdue.crl", &issuing.list(&[], -1));
    stage.init(&[&root, &issuing]);

    for (case, address, state, chosen) in [
        ("D9: the valid one, not the expired or the revoked one", DURAND, "valid", Some(&valid)),
        ("D18: the issuer that the certificate points to", PETIT, "valid", Some(&by_pointer)),
        ("D17: revoked", LEFEVRE, "revoked", None),
        ("the list that it names cannot be had", MARTIN, "revocation-unknown", None),
        ("the list that it names is overdue", MOREAU, "revocation-unknown", None),
    ] {
        let (said, sha256) = stage.looked_up(address);
        assert_eq!(said, state, "{case}");
        assert!(chosen.is_none_or(|chosen| *chosen == sha256), "{case}");
    }
    for (case, to, code, because) in [
        ("D17", LEFEVRE, "certificate-revoked", "was revoked"),
        ("no list", MARTIN, "certificate-refused", "no current revocation list"),
        ("D7", CARDIOLOGY, "certificate-refused", "may not be used for this"),
    ] {
        let outcome =
            as_laboratory(&stage.bench, ["--json", "send", "--to", to, "--to", DURAND, "--attach", "result.pdf"]).run();
        let error = post::assert_error(&outcome, 76, code);
        assert!(error.to_string().contains(because), "{case}\n{outcome}");
    }

    let log = as_laboratory(&stage.bench, ["--json", "audit", "log"]).run().status(0).json_lines();
    let fetched = |action: &str, name: &str| {
        let request = format!("GET {}", stage.url(name));
        log.iter().filter(|line| line["action"] == action && line["request"] == *request).count()
    };
    assert_eq!((fetched("revocation", "personnes-essai.crl"), fetched("issuer", "cachee.cer")), (1, 1), "{log:?}");
    assert!(fetched("revocation", "lost.crl") > 1, "what could not be had is asked for again");
    assert!(log.iter().all(|line| line["author"] == AUTHOR));

    // With the server of the lists down, what is kept serves until it is due again (ECO.1.1.7).
    for name in ["personnes-essai.crl", "cachee.cer"] {
        fs::remove_file(stage.place(SERVED, name)).unwrap();
    }
    assert_eq!(stage.looked_up(DURAND), ("valid".to_owned(), valid));
    assert_eq!(stage.looked_up(PETIT), ("valid".to_owned(), by_pointer));
    fs::remove_dir_all(stage.bench.home().join(".cache/mss")).unwrap();
    assert_eq!(stage.looked_up(DURAND).0, "revocation-unknown");
    assert_eq!(stage.looked_up(PETIT).0, "untrusted");
}

#[test]
fn what_stands_at_the_address_of_an_issuer_is_not_believed_for_standing_there() {
    let stage = Stage::new();
    let (root, stranger) = (Authority::root(), Authority::root());
    let (hidden, forged) = (root.below("ESSAI AC CACHEE"), stranger.below("ESSAI AC CACHEE"));
    let cases = [
        (DURAND, "forged.cer", forged.der),
        (LEFEVRE, "junk.cer", b"<html>not a certificate</html>".to_vec()),
        (PETIT, "large.cer", vec![0x30; 400_000]),
    ];
    for (to, name, content) in &cases {
        stage.lay_out(SERVED, name, content);
        let pointing = Says { issuer: Some(stage.url(name)), serial: 1, ..Says::default() };
        let profile = format!("{}.pem", to.split('@').next().unwrap());
        stage.lay_out(SHOWN, &profile, hidden.certify(to, &pointing).pem.as_bytes());
    }
    stage.init(&[&root]);
    for (to, name, _) in &cases {
        assert_eq!(stage.looked_up(to).0, "untrusted", "{name}");
    }
    let cache = post::below(&stage.bench.home().join(".cache/mss"));
    assert!(!cache.iter().any(|path| path.extension().is_some_and(|it| it == "cer")), "{cache:?}");
}

#[test]
fn a_list_of_persons_alone_judges_persons_and_leaves_the_signer_of_the_white_list_alone() {
    let stage = Stage::new();
    stage.init_with(&[], &["--revocation-list", &stage.url("personnes.crl")]);
    assert_eq!(stage.looked_up(DURAND).0, "valid");
    assert_eq!(stage.looked_up(CARDIOLOGY).0, "revocation-unknown", "of an organisation this list tells nothing");
}

#[test]
fn who_sends_is_told_which_list_could_not_be_had() {
    let stage = Stage::new();
    let root = Authority::root();
    let url = stage.url("lost.crl");
    let lost = Says { list: Some(url.clone()), serial: 10, ..Says::default() };
    stage.lay_out(SHOWN, "dr.durand.pem", root.certify(DURAND, &lost).pem.as_bytes());
    stage.init(&[&root]);
    let outcome = as_laboratory(&stage.bench, ["send", "--to", DURAND, "--attach", "result.pdf"]).run();
    outcome.status(76).stdout_is("").stderr_has(&url).stderr_has("404").stderr_has("no current revocation list");
    outcome.stderr_has("hint: try again when the revocation list");
}

#[test]
fn who_signed_a_message_is_judged_with_the_list_that_is_named_and_sends_us_nowhere_else() {
    let stage = Stage::new();
    let root = Authority::root();
    let (issuing, hidden) = (root.below("ESSAI AC PERSONNES"), root.below("ESSAI AC CACHEE"));
    let named = |serial, name: &str| Says { serial, list: Some(stage.url(name)), ..Says::default() };
    let pointing = Says { issuer: Some(stage.url("cachee.cer")), ..named(3, "cachee.crl") };
    stage.lay_out(SERVED, "personnes-essai.crl", &issuing.revoke(&[7]));
    stage.lay_out(SERVED, "cachee.cer", &hidden.der);
    stage.lay_out(SERVED, "cachee.crl", &hidden.revoke(&[]));
    stage.init(&[&root, &issuing]);
    let signers = [
        (issuing.certify(DURAND, &named(8, "personnes-essai.crl")), ""),
        (issuing.certify(DURAND, &named(7, "personnes-essai.crl")), "revoked"),
        (issuing.certify(DURAND, &named(9, "lost.crl")), "revocation-unknown"),
        (hidden.certify(DURAND, &pointing), "untrusted"),
        (issuing.certify(LEFEVRE, &named(10, "personnes-essai.crl")), "signer-not-from"),
        (issuing.certify(DURAND, &Says { expired: true, ..named(11, "personnes-essai.crl") }), "expired"),
    ];
    // All before the first session: what is put past a running server is not seen by it.
    for (signer, _) in &signers {
        let identity = Identity::from_pem(signer.pem.as_bytes(), signer.key.as_bytes()).unwrap();
        let now = Clock::System.now();
        let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let entity = signed_by(&identity, "Content-Type: text/plain\r\n\r\nBonjour\r\n", now);
        let head = format!("From: {DURAND}\r\nTo: {LABORATORY}\r\nSubject: Bilan\r\nDate: {date}\r\nMIME-Version: 1.0");
        post::put(&stage.bench, LABORATORY, format!("{head}\r\n{entity}").as_bytes());
    }
    let lines = as_laboratory(&stage.bench, ["--json", "fetch", "--to", "in"]).run().status(1).json_lines();
    assert_eq!(lines.len(), signers.len());
    for (line, (_, expected)) in lines.iter().zip(&signers) {
        let found = post::message_json(&stage.bench.path(line["place"].as_str().unwrap()));
        assert_eq!(post::codes(&found).join(" "), *expected, "{line}");
        assert_eq!(line["state"], if expected.is_empty() { "stored" } else { "quarantined" }, "{line}");
    }
    // Whoever writes to us does not learn from a request when the message is read: no issuer is fetched, and no list before
    // an authority that is believed names it.
    let log = as_laboratory(&stage.bench, ["--json", "audit", "log"]).run().status(0).json_lines();
    let requests: Vec<&str> = log.iter().filter_map(|line| line["request"].as_str()).collect();
    let asked_for = |name: &str| requests.iter().filter(|request| request.ends_with(name)).count();
    assert_eq!((asked_for("cachee.cer"), asked_for("cachee.crl")), (0, 0), "{requests:?}");
    assert_eq!(asked_for("personnes-essai.crl"), 1, "kept after the first message that was believed by it");
}

#[test]
fn d10_to_d13_without_a_directory_or_without_a_certificate_in_it_nothing_is_sent() {
    for (fault, status) in [("directory=cut", 69), ("directory=refuse", 77)] {
        let bench = post::bench();
        let outcome = bench.run(["--json", "--fault", fault, "send", "--to", DURAND, "--attach", "result.pdf"]);
        outcome.status(status).stdout_is("").json_error();
        assert_eq!(post::delivered(&bench, DURAND), 0, "{fault}");
        bench.run(["--json", "outbox", "list"]).status(0).stdout_is("");
    }
    let bench = post::bench();
    let outcome = bench.run(["--json", "send", "--to", MARTIN, "--attach", "result.pdf"]);
    post::assert_error(&outcome, 76, "recipient-no-certificate");
}
