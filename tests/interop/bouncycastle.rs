//! Bouncy Castle opens and verifies what is written here, and the reverse: Ed25519 too, which OpenSSL has not in CMS.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::io::Write;

use mss::clock::Clock;
use mss::cms::{
    Accept, ContentEncryption, DecryptionKey, DetachedSigner, EnvelopeWriter, OpaqueSigner, Recipient, decompress,
    open_envelope, verify_opaque,
};
use mss::pki::Identity;

use crate::bench::{Bench, skip};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/BouncyCastle.java");
const CLASSES: &str = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar:.";

/// A bench with the compiled program, an authority, and a pair of each kind of key that it certified.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.shell(&format!("javac -cp {CLASSES} -d . {SOURCE}")).status(0);
    bench.shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=AC").status(0);
    for (name, algorithm) in [
        ("rsa", "RSA -pkeyopt rsa_keygen_bits:3072"),
        ("p256", "EC -pkeyopt ec_paramgen_curve:P-256"),
        ("bp384", "EC -pkeyopt ec_paramgen_curve:brainpoolP384r1"),
        ("ed25519", "ED25519"),
    ] {
        bench.shell(&format!("openssl genpkey -algorithm {algorithm} -out {name}.key")).status(0);
        bench.shell(&format!("openssl pkey -in {name}.key -pubout -out {name}.pub")).status(0);
        let certify = "openssl x509 -new -CA ca.pem -CAkey ca.key -days 30";
        bench.shell(&format!("{certify} -subj /CN={name} -force_pubkey {name}.pub -out {name}.pem")).status(0);
    }
    bench
}

fn java(bench: &Bench, words: &str) {
    bench.shell(&format!("java -cp {CLASSES} BouncyCastle {words}")).status(0);
}

fn identity(bench: &Bench, name: &str) -> Identity {
    Identity::from_pem(&bench.read(&format!("{name}.pem")), &bench.read(&format!("{name}.key"))).unwrap()
}

#[test]
fn envelopes_open_on_the_other_side() {
    let test = "envelopes_open_on_the_other_side";
    if !skip::has("javac", test) || !skip::has("openssl", test) {
        return;
    }
    let bench = bench();
    let content: Vec<u8> = (0..100_001u32).map(|n| n as u8).collect();
    bench.file("content", &content);
    for name in ["rsa", "p256", "bp384"] {
        let identity = identity(&bench, name);
        for (encryption, cipher) in [(ContentEncryption::Aes256Gcm, "GCM"), (ContentEncryption::Aes256Cbc, "CBC")] {
            // Bouncy Castle takes OAEP with SHA-256 for one with SHA-1 here: it is left to OpenSSL.
            let entry = Recipient::CertificatePkcs1(identity.certificate());
            let mut writer = EnvelopeWriter::with(Vec::new(), encryption, &[entry]).unwrap();
            writer.write_all(&content).unwrap();
            bench.file("sealed", &writer.finish().unwrap());
            java(&bench, &format!("decrypt {name}.pem {name}.key sealed opened"));
            assert!(bench.read("opened") == content, "{name} {cipher}");

            java(&bench, &format!("encrypt {name}.pem {cipher} content theirs"));
            let mut opened = Vec::new();
            let key = DecryptionKey::Identity(&identity);
            let sealed = bench.read("theirs");
            let envelope = open_envelope(&mut sealed.as_slice(), &[key], Accept::default(), &mut opened).unwrap();
            assert!(opened == content, "{name} {cipher}");
            assert_eq!(envelope.authenticated, cipher == "GCM");
        }
    }
}

#[test]
fn signatures_verify_on_the_other_side() {
    let test = "signatures_verify_on_the_other_side";
    if !skip::has("javac", test) || !skip::has("openssl", test) {
        return;
    }
    let bench = bench();
    bench.file("content", b"Content-Type: text/plain\r\n\r\nresult\r\n");
    for (name, algorithm) in [
        ("rsa", "SHA256withRSAandMGF1"),
        ("p256", "SHA256withECDSA"),
        ("bp384", "SHA384withECDSA"),
        ("ed25519", "Ed25519"),
    ] {
        let identity = identity(&bench, name);
        let signer = DetachedSigner::new(&identity, Clock::System.now());
        let mut opaque = OpaqueSigner::new(Vec::new(), signer).unwrap();
        opaque.write_all(&bench.read("content")).unwrap();
        bench.file("signed", &opaque.finish().unwrap());
        java(&bench, &format!("verify {name}.pem signed verified"));
        assert!(bench.read("verified") == bench.read("content"), "{name}");

        java(&bench, &format!("sign {name}.pem {name}.key {algorithm} content theirs"));
        let mut verified = Vec::new();
        let signers = verify_opaque(&mut bench.read("theirs").as_slice(), &mut verified).unwrap();
        assert!(verified == bench.read("content"), "{name}");
        assert_eq!(&signers[0].certificate, identity.certificate());
    }
}

#[test]
fn what_the_other_side_compressed_is_unpacked() {
    let test = "what_the_other_side_compressed_is_unpacked";
    if !skip::has("javac", test) || !skip::has("openssl", test) {
        return;
    }
    let bench = bench();
    let content: Vec<u8> = (0..100_001u32).map(|n| (n / 9) as u8).collect();
    bench.file("content", &content);
    java(&bench, "compress content packed");
    let packed = bench.read("packed");
    assert!(packed.len() < content.len() / 2);
    let mut unpacked = Vec::new();
    decompress(&mut packed.as_slice(), &mut unpacked, content.len() as u64).unwrap();
    assert!(unpacked == content);
}
