//! Certificate paths that OpenSSL makes and judges: `mss` agrees with `openssl verify`, or the table says why it does not.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;

use mss::clock::Clock;
use mss::mail::Address;
use mss::pki::{Certificate, Purpose, RevocationList, TrustAnchors, validate};

use crate::bench::{Bench, skip};

const ALICE: &str = "alice@kim.example";

/// The authorities: a name, who issued it, and its extensions beside the identifiers.
const AUTHORITIES: [(&str, &str, &str); 12] = [
    ("root", "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign"),
    ("sub", "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign"),
    ("subtls", "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nextendedKeyUsage=serverAuth"),
    (
        "subin",
        "root",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;email:kim.example",
    ),
    (
        "subone",
        "root",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;email:alice@kim.example",
    ),
    (
        "subout",
        "root",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,excluded;email:kim.example",
    ),
    ("subzero", "root", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign"),
    ("subbelow", "subzero", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign"),
    ("subnone", "root", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyCertSign"),
    ("subsilent", "root", "basicConstraints=critical,CA:TRUE"),
    ("subsigns", "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature"),
    (
        "subpolicy",
        "root",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\ncertificatePolicies=1.2.276.0.76.4.203\n\
         policyConstraints=critical,requireExplicitPolicy:0",
    ),
];

const USAGE: &str = "keyUsage=critical,digitalSignature,keyEncipherment";
const EMAIL: &str = "extendedKeyUsage=emailProtection";
const NAMED: &str = "subjectAltName=email:alice@kim.example";

/// What a case says, and who is right where the two do not agree.
struct Case {
    name: &'static str,
    issuer: &'static str,
    extensions: &'static [&'static str],
    /// Whether OpenSSL believes it.
    openssl: bool,
    /// What `mss` finds, and, where that is another answer, why.
    finding: Option<&'static str>,
    why: &'static str,
}

const fn case(name: &'static str, issuer: &'static str, extensions: &'static [&'static str]) -> Case {
    Case { name, issuer, extensions, openssl: true, finding: None, why: "" }
}

const fn refused(
    name: &'static str,
    issuer: &'static str,
    extensions: &'static [&'static str],
    finding: &'static str,
) -> Case {
    Case { name, issuer, extensions, openssl: false, finding: Some(finding), why: "" }
}

/// As signing certificates, with `openssl verify -purpose smimesign -verify_email`.
const CASES: [Case; 30] = [
    case("good", "sub", &[USAGE, EMAIL, NAMED]),
    case("no extended key usage", "sub", &[USAGE, NAMED]),
    case("no key usage", "sub", &[EMAIL, NAMED]),
    case("non-repudiation only", "sub", &["keyUsage=critical,nonRepudiation", EMAIL, NAMED]),
    case("critical policies", "sub", &[USAGE, EMAIL, NAMED, "certificatePolicies=critical,1.2.276.0.76.4.203"]),
    case("two addresses", "sub", &[USAGE, EMAIL, "subjectAltName=email:bob@kim.example,email:alice@kim.example"]),
    case("upper-case domain", "sub", &[USAGE, EMAIL, "subjectAltName=email:alice@KIM.Example"]),
    case("address in the subject", "sub", &[USAGE, EMAIL, "subject=alice@kim.example"]),
    case("inside a name constraint", "subin", &[USAGE, EMAIL, NAMED]),
    case("inside one of a mailbox", "subone", &[USAGE, EMAIL, NAMED]),
    case(
        "a policy where one is required",
        "subpolicy",
        &[USAGE, EMAIL, NAMED, "certificatePolicies=1.2.276.0.76.4.203"],
    ),
    refused("for web servers", "sub", &[USAGE, "extendedKeyUsage=serverAuth", NAMED], "wrong-usage"),
    // RFC 8550, section 4.4.4, would let anyExtendedKeyUsage pass; neither program does.
    refused("for anything", "sub", &[USAGE, "extendedKeyUsage=anyExtendedKeyUsage", NAMED], "wrong-usage"),
    refused("agrees only", "sub", &["keyUsage=critical,keyAgreement", EMAIL, NAMED], "wrong-usage"),
    refused("without an address", "sub", &[USAGE, EMAIL], "wrong-address"),
    refused("of another address", "sub", &[USAGE, EMAIL, "subjectAltName=email:bob@kim.example"], "wrong-address"),
    refused("of a domain", "sub", &[USAGE, EMAIL, "subjectAltName=DNS:kim.example"], "wrong-address"),
    refused("below an authority for web servers", "subtls", &[USAGE, EMAIL, NAMED], "wrong-usage"),
    refused("in an excluded name", "subout", &[USAGE, EMAIL, NAMED], "constraint"),
    refused(
        "with one name outside a constraint",
        "subin",
        &[USAGE, EMAIL, "subjectAltName=email:alice@kim.example,email:alice@evil.example"],
        "constraint",
    ),
    refused("in an excluded name by its subject", "subout", &[USAGE, EMAIL, "subject=alice@kim.example"], "constraint"),
    refused("too deep", "subbelow", &[USAGE, EMAIL, NAMED], "constraint"),
    refused("issued by no authority", "subnone", &[USAGE, EMAIL, NAMED], "constraint"),
    refused("issued with a key that may not", "subsigns", &[USAGE, EMAIL, NAMED], "wrong-usage"),
    refused(
        "unknown critical extension",
        "sub",
        &[USAGE, EMAIL, NAMED, "1.2.3.4=critical,ASN1:UTF8String:x"],
        "constraint",
    ),
    refused("no policy where one is required", "subpolicy", &[USAGE, EMAIL, NAMED], "constraint"),
    Case {
        name: "upper-case local part",
        issuer: "sub",
        extensions: &[USAGE, EMAIL, "subjectAltName=email:Alice@kim.example"],
        openssl: false,
        finding: None,
        why: "no server of the space tells two mailboxes apart by letter case",
    },
    Case {
        name: "address in the subject beside other names",
        issuer: "sub",
        extensions: &[USAGE, EMAIL, "subjectAltName=DNS:kim.example", "subject=alice@kim.example"],
        openssl: true,
        finding: Some("wrong-address"),
        why: "name constraints bind the attribute of a certificate without alternative names only (RFC 5280, 4.2.1.10)",
    },
    Case {
        name: "below an authority without key usage",
        issuer: "subsilent",
        extensions: &[USAGE, EMAIL, NAMED],
        openssl: true,
        finding: Some("wrong-usage"),
        why: "RFC 5280, 4.2.1.3, wants it in every authority; 6.1.4(n) does not ask, here it is asked",
    },
    Case {
        name: "signed with SHA-1",
        issuer: "sub",
        extensions: &[USAGE, EMAIL, NAMED, "digest=sha1"],
        openssl: true,
        finding: Some("bad-signature"),
        why: "SHA-1 is not accepted in any signature here",
    },
];

/// A folder with the authorities and what judges in it.
struct Office {
    bench: Bench,
    anchors: TrustAnchors,
    above: Vec<Certificate>,
}

impl Office {
    fn new() -> Office {
        let bench = Bench::new();
        bench.file("empty", b"");
        bench.shell("openssl ecparam -name prime256v1 -genkey -noout -out leaf.key").status(0);
        for (name, issuer, extensions) in AUTHORITIES {
            bench.shell(&format!("openssl ecparam -name prime256v1 -genkey -noout -out {name}.key")).status(0);
            make(&bench, name, issuer, &format!("{name}.key"), extensions, "sha256", "");
        }
        let certificate = |name: &str| Certificate::from_pem(&bench.read(&format!("{name}.pem"))).unwrap().remove(0);
        let anchors = TrustAnchors::new([certificate("root")]);
        let above: Vec<Certificate> = AUTHORITIES[1..].iter().map(|(name, ..)| certificate(name)).collect();
        let untrusted: String = above.iter().map(Certificate::to_pem).collect();
        bench.file("above.pem", untrusted.as_bytes());
        Office { bench, anchors, above }
    }

    fn leaf(&self, issuer: &str, extensions: &[&str]) {
        let option = |name: &str| extensions.iter().find_map(|line| line.strip_prefix(name));
        let lines: Vec<&str> = extensions
            .iter()
            .copied()
            .filter(|line| !line.starts_with("subject=") && !line.starts_with("digest="))
            .collect();
        let subject = option("subject=").map(|address| format!("/emailAddress={address}")).unwrap_or_default();
        let digest = option("digest=").unwrap_or("sha256");
        make(&self.bench, "case", issuer, "leaf.key", &lines.join("\n"), digest, &subject);
    }

    /// What `openssl verify` says with more words.
    fn openssl(&self, words: &str) -> bool {
        let words =
            format!("verify -CAfile root.pem -untrusted above.pem -policy_check -policy 2.5.29.32.0 {words} case.pem");
        let outcome = self.bench.program("openssl", words.split_whitespace().map(str::to_owned)).run();
        outcome.stdout.ends_with(b"case.pem: OK\n")
    }

    fn finding(&self, purpose: Purpose, crls: &[RevocationList]) -> Option<&'static str> {
        let case = Certificate::from_pem(&self.bench.read("case.pem")).unwrap().remove(0);
        let address: Address = ALICE.parse().unwrap();
        let now = Clock::System.now();
        let judged = validate(&case, &self.above, &self.anchors, crls, purpose, Some(&address), now);
        judged.err().map(|finding| finding.code())
    }
}

/// Makes a certificate with OpenSSL.
fn make(bench: &Bench, name: &str, issuer: &str, key: &str, extensions: &str, digest: &str, subject: &str) {
    let identifiers = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    bench.file("extensions", format!("[e]\n{identifiers}\n{extensions}\n").as_bytes());
    let request = format!("openssl req -new -config empty -key {key} -subj '/CN={name}{subject}' -out request");
    let signer = if issuer == name {
        format!("-signkey {key}")
    } else {
        format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial")
    };
    let signed = format!("openssl x509 -req -in request {signer} -days 90 -{digest} -extfile extensions -extensions e");
    bench.shell(&format!("{request} && {signed} -out {name}.pem")).status(0);
}

#[test]
fn openssl_and_mss_judge_the_same_paths_alike() {
    if !skip::has("openssl", "openssl_and_mss_judge_the_same_paths_alike") {
        return;
    }
    let office = Office::new();
    for case in &CASES {
        office.leaf(case.issuer, case.extensions);
        let words = format!("-purpose smimesign -verify_email {ALICE}");
        assert_eq!(office.openssl(&words), case.openssl, "OpenSSL on: {}", case.name);
        assert_eq!(office.finding(Purpose::EmailSigning, &[]), case.finding, "mss on: {}", case.name);
        assert_eq!(case.openssl == case.finding.is_none(), case.why.is_empty(), "{} needs no reason", case.name);
    }
}

#[test]
fn openssl_and_mss_agree_on_what_may_be_encrypted_to() {
    if !skip::has("openssl", "openssl_and_mss_agree_on_what_may_be_encrypted_to") {
        return;
    }
    let office = Office::new();
    office.bench.shell("mv leaf.key ec.key && openssl genrsa -out leaf.key 2048").status(0);
    let words = format!("-purpose smimeencrypt -verify_email {ALICE}");
    for (usage, believed) in [("keyEncipherment", true), ("digitalSignature", false), ("dataEncipherment", false)] {
        office.leaf("sub", &[&format!("keyUsage=critical,{usage}"), EMAIL, NAMED]);
        assert_eq!(office.openssl(&words), believed, "{usage}");
        assert_eq!(office.finding(Purpose::EmailEncryption, &[]).is_none(), believed, "{usage}");
    }
    // Nobody is written to under a key that can be factored; OpenSSL leaves that to a security level.
    office.bench.shell("openssl genrsa -out leaf.key 1024").status(0);
    office.leaf("sub", &["keyUsage=critical,keyEncipherment", EMAIL, NAMED]);
    assert!(office.openssl(&words));
    assert_eq!(office.finding(Purpose::EmailEncryption, &[]), Some("unsupported-key"));
    // RFC 5753, section 7, wants keyAgreement of an ECDH key; OpenSSL asks every key for keyEncipherment.
    office.bench.shell("mv ec.key leaf.key").status(0);
    for (usage, openssl, ours) in [("keyAgreement", false, true), ("keyEncipherment", true, false)] {
        office.leaf("sub", &[&format!("keyUsage=critical,{usage}"), EMAIL, NAMED]);
        assert_eq!(office.openssl(&words), openssl, "{usage}");
        assert_eq!(office.finding(Purpose::EmailEncryption, &[]).is_none(), ours, "{usage}");
    }
}

#[test]
fn openssl_and_mss_read_the_same_revocation_list_alike() {
    if !skip::has("openssl", "openssl_and_mss_read_the_same_revocation_list_alike") {
        return;
    }
    let office = Office::new();
    office.leaf("sub", &[USAGE, EMAIL, NAMED]);
    let settings =
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n";
    office.bench.file("ca.cnf", settings.as_bytes());
    office.bench.file("index", b"");
    office.bench.file("number", b"01\n");
    let ca = "openssl ca -config ca.cnf -keyfile sub.key -cert sub.pem";
    let words = "-purpose smimesign -crl_check -CRLfile list.pem";
    let judge = || {
        let list = RevocationList::from_bytes(&office.bench.read("list.pem")).unwrap();
        (office.openssl(words), office.finding(Purpose::EmailSigning, &[list]))
    };
    office.bench.shell(&format!("{ca} -gencrl -out list.pem")).status(0);
    assert_eq!(judge(), (true, None));
    office
        .bench
        .shell(&format!("{ca} -revoke case.pem -crl_reason certificateHold && {ca} -gencrl -out list.pem"))
        .status(0);
    assert_eq!(judge(), (false, Some("revoked")), "on hold is revoked for now");
    office.bench.shell("openssl ca -config ca.cnf -keyfile root.key -cert root.pem -gencrl -out list.pem").status(0);
    assert_eq!(judge(), (false, Some("revocation-unknown")), "a list of another authority");
}

#[test]
fn a_chain_signed_with_rsa_pss_is_believed_by_both() {
    if !skip::has("openssl", "a_chain_signed_with_rsa_pss_is_believed_by_both") {
        return;
    }
    let office = Office::new();
    let bench = &office.bench;
    let pss = "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32";
    bench.file("ca", b"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n");
    bench.file("leaf", format!("{USAGE}\n{EMAIL}\n{NAMED}\n").as_bytes());
    bench
        .shell(&format!(
            "openssl genrsa -out pss.key 2048 && \
             openssl req -new -config empty -key pss.key -subj /CN=pss -out request && \
             openssl x509 -req -in request -CA root.pem -CAkey root.key -CAcreateserial -days 90 -extfile ca -out pss.pem && \
             openssl req -new -config empty -key leaf.key -subj /CN=leaf -out request && \
             openssl x509 -req -in request -CA pss.pem -CAkey pss.key -CAcreateserial -days 90 -extfile leaf {pss} \
             -out case.pem && cat pss.pem >> above.pem"
        ))
        .status(0);
    assert!(office.openssl(&format!("-purpose smimesign -verify_email {ALICE}")));
    let above = Certificate::from_pem(&fs::read(bench.path("above.pem")).unwrap()).unwrap();
    let office = Office { above, ..office };
    assert_eq!(office.finding(Purpose::EmailSigning, &[]), None);
}
