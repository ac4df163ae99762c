//! Every algorithm of CMS that is written or read here, against OpenSSL, in both directions and all encodings.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs::File;
use std::io::{BufWriter, Write};

use mss::clock::Clock;
use mss::cms::{
    Accept, ContentEncryption, DecryptionKey, DetachedSigner, Envelope, EnvelopeWriter, OpaqueSigner, Recipient,
    RsaSignature, open_envelope, verify_detached, verify_opaque, write_definite,
};
use mss::pki::Identity;
use mss::secret::Secret;

use crate::bench::{Bench, Outcome, skip};

/// The lengths that matter: nothing, less than a block, whole blocks, more than one piece of a stream.
const LENGTHS: [usize; 4] = [0, 15, 4096, 150_001];

/// A bench with a self-signed identity of each kind of key.
struct Keys {
    bench: Bench,
}

const RSA: &str = "rsa";
const CURVES: [(&str, &str); 5] = [
    ("p256", "P-256"),
    ("p384", "P-384"),
    ("p521", "P-521"),
    ("bp256", "brainpoolP256r1"),
    ("bp384", "brainpoolP384r1"),
];

impl Keys {
    fn new() -> Keys {
        let keys = Keys { bench: Bench::new() };
        keys.make(RSA, "-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "keyEncipherment");
        for (name, curve) in CURVES {
            keys.make(name, &format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"), "keyAgreement");
        }
        keys
    }

    fn make(&self, name: &str, algorithm: &str, usage: &str) {
        let subject = format!("-subj /CN={name} -addext keyUsage=critical,digitalSignature,{usage}");
        let sans =
            format!("-addext subjectAltName=email:{name}@medecin.sandbox -addext extendedKeyUsage=emailProtection");
        self.openssl(&format!("genpkey {algorithm} -out {name}.key"));
        self.openssl(&format!("req -x509 -new -key {name}.key -days 30 {subject} {sans} -out {name}.pem"));
    }

    #[track_caller]
    fn openssl(&self, words: &str) -> Outcome {
        let outcome = self.try_openssl(words);
        outcome.status(0);
        outcome
    }

    fn try_openssl(&self, words: &str) -> Outcome {
        self.bench.program("openssl", words.split_whitespace().map(str::to_owned)).run()
    }

    fn identity(&self, name: &str) -> Identity {
        Identity::from_pem(&self.bench.read(&format!("{name}.pem")), &self.bench.read(&format!("{name}.key"))).unwrap()
    }

    fn file(&self, name: &str) -> BufWriter<File> {
        BufWriter::new(File::create(self.bench.path(name)).unwrap())
    }

    /// Opens what OpenSSL wrote to `sealed`.
    fn open(&self, key: DecryptionKey<'_>, accept: Accept) -> (Envelope, Vec<u8>) {
        let mut plain = Vec::new();
        let mut sealed = File::open(self.bench.path("sealed")).unwrap();
        let envelope = open_envelope(&mut sealed, &[key], accept, &mut plain).unwrap();
        (envelope, plain)
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[test]
fn openssl_opens_every_envelope_that_is_written() {
    if !skip::has("openssl", "openssl_opens_every_envelope_that_is_written") {
        return;
    }
    let keys = Keys::new();
    let names = [RSA].into_iter().chain(CURVES.iter().map(|(name, _)| *name));
    for name in names {
        let identity = keys.identity(name);
        let certificate = identity.certificate();
        for length in LENGTHS {
            let plain = content(length);
            for recipient in [Recipient::Certificate(certificate), Recipient::CertificatePkcs1(certificate)] {
                for encryption in [ContentEncryption::Aes256Gcm, ContentEncryption::Aes256Cbc] {
                    let mut writer = EnvelopeWriter::with(keys.file("sealed"), encryption, &[recipient]).unwrap();
                    writer.write_all(&plain).unwrap();
                    drop(writer.finish().unwrap());
                    opened_by_openssl(&keys, name, &plain);
                }
            }
            write_definite(keys.file("sealed"), &plain, &[Recipient::Certificate(certificate)]).unwrap();
            opened_by_openssl(&keys, name, &plain);
        }
    }
    let all = [RSA, "p256", "p384"].map(|name| keys.identity(name));
    let everybody: Vec<_> = all.iter().map(|identity| Recipient::Certificate(identity.certificate())).collect();
    let mut writer = EnvelopeWriter::new(keys.file("sealed"), &everybody).unwrap();
    writer.write_all(b"for all").unwrap();
    drop(writer.finish().unwrap());
    for name in [RSA, "p256", "p384"] {
        opened_by_openssl(&keys, name, b"for all");
    }
    let key = Secret::new([0xA5; 32]);
    write_definite(keys.file("sealed"), b"by key", &[Recipient::Kek { id: b"service", key: &key }]).unwrap();
    let secret = format!("-secretkey {} -secretkeyid {}", "a5".repeat(32), "73657276696365");
    keys.openssl(&format!("cms -decrypt -binary -inform DER -in sealed {secret} -out plain"));
    assert_eq!(keys.bench.read("plain"), b"by key");
}

#[track_caller]
fn opened_by_openssl(keys: &Keys, name: &str, plain: &[u8]) {
    keys.openssl(&format!(
        "cms -decrypt -binary -inform DER -in sealed -recip {name}.pem -inkey {name}.key -out plain"
    ));
    assert!(keys.bench.read("plain") == plain, "{name}, {} octets", plain.len());
}

#[test]
fn every_envelope_that_openssl_writes_is_opened() {
    if !skip::has("openssl", "every_envelope_that_openssl_writes_is_opened") {
        return;
    }
    let keys = Keys::new();
    let ciphers =
        ["aes-128-gcm", "aes-192-gcm", "aes-256-gcm", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"];
    let rsa = [
        ("", "RSAES-PKCS1-v1_5"),
        ("-keyopt rsa_padding_mode:oaep", "RSAES-OAEP"),
        ("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256", "RSAES-OAEP"),
        ("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha384", "RSAES-OAEP"),
        ("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha512", "RSAES-OAEP"),
    ];
    let curve = [
        ("", "ECDH"),
        ("-keyopt ecdh_kdf_md:sha256", "ECDH"),
        ("-keyopt ecdh_kdf_md:sha384", "ECDH"),
        ("-keyopt ecdh_cofactor_mode:1", "ECDH"),
    ];
    let names = [(RSA, &rsa[..])].into_iter().chain(CURVES.iter().map(|(name, _)| (*name, &curve[..])));
    for (name, wraps) in names {
        let identity = keys.identity(name);
        for (place, cipher) in ciphers.into_iter().enumerate() {
            for (options, wrap) in wraps {
                if cipher.starts_with("des") && *wrap == "ECDH" {
                    // Wrapped with 3DES (RFC 3217), which is not read.
                    continue;
                }
                for form in ["", "-stream", "-keyid"] {
                    // OpenSSL streams no empty content.
                    let lengths = if form == "-stream" { &LENGTHS[1..] } else { &LENGTHS };
                    let plain = content(lengths[place % lengths.len()]);
                    keys.bench.file("plain", &plain);
                    let call = format!("cms -encrypt -binary -in plain -outform DER -out sealed -{cipher} {form}");
                    keys.openssl(&format!("{call} -recip {name}.pem {options}"));
                    let accept = Accept { triple_des: cipher.starts_with("des") };
                    let (envelope, opened) = keys.open(DecryptionKey::Identity(&identity), accept);
                    assert!(opened == plain, "{name} {cipher} {options} {form}");
                    assert_eq!((envelope.key_wrap, envelope.authenticated), (*wrap, cipher.ends_with("gcm")));
                }
            }
        }
    }
}

#[test]
fn envelopes_of_openssl_under_keys_and_passwords_are_opened_and_old_ciphers_only_where_asked() {
    if !skip::has(
        "openssl",
        "envelopes_of_openssl_under_keys_and_passwords_are_opened_and_old_ciphers_only_where_asked",
    ) {
        return;
    }
    let keys = Keys::new();
    keys.bench.file("plain", b"content");
    let secret = format!("-secretkey {} -secretkeyid 6b", "a5".repeat(32));
    keys.openssl(&format!("cms -encrypt -binary -in plain -outform DER -out sealed -aes-256-gcm {secret}"));
    let key = Secret::new([0xA5; 32]);
    let (envelope, plain) = keys.open(DecryptionKey::Kek { id: Some(b"k"), key: &key }, Accept::default());
    assert_eq!((plain.as_slice(), envelope.key_wrap), (&b"content"[..], "AES key wrap"));

    for cipher in ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes-256-gcm"] {
        let call =
            format!("cms -encrypt -binary -in plain -outform DER -out sealed -{cipher} -pwri_password correct-horse");
        let outcome = keys.try_openssl(&call);
        if cipher == "aes-256-gcm" {
            // OpenSSL wraps under a password with the cipher of the content, and cannot with GCM.
            outcome.status_among(&[1, 2, 3]);
            continue;
        }
        outcome.status(0);
        let (right, wrong) = (Secret::new("correct-horse".to_owned()), Secret::new("wrong-horse".to_owned()));
        let (envelope, plain) = keys.open(DecryptionKey::Password(&right), Accept::default());
        assert_eq!((plain.as_slice(), envelope.key_wrap), (&b"content"[..], "password"));
        let mut sealed = File::open(keys.bench.path("sealed")).unwrap();
        let refused =
            open_envelope(&mut sealed, &[DecryptionKey::Password(&wrong)], Accept::default(), &mut Vec::new());
        assert_eq!(refused.unwrap_err().to_string(), "the key does not open it");
    }

    keys.openssl("cms -encrypt -binary -in plain -outform DER -out sealed -des-ede3-cbc -recip rsa.pem");
    let identity = keys.identity(RSA);
    let mut sealed = File::open(keys.bench.path("sealed")).unwrap();
    let mut out = Vec::new();
    let refused = open_envelope(&mut sealed, &[DecryptionKey::Identity(&identity)], Accept::default(), &mut out);
    assert_eq!(refused.unwrap_err().to_string(), "3DES-CBC is read only where it is asked for");
    assert!(out.is_empty());
}

#[test]
fn openssl_verifies_every_signature_that_is_made() {
    if !skip::has("openssl", "openssl_verifies_every_signature_that_is_made") {
        return;
    }
    let keys = Keys::new();
    let now = Clock::System.now();
    let kinds = [(RSA, RsaSignature::Pkcs1), (RSA, RsaSignature::Pss)].into_iter();
    let kinds = kinds.chain(CURVES.iter().map(|(name, _)| (*name, RsaSignature::Pkcs1)));
    // Ed25519 is not among them: OpenSSL 3.0 makes and verifies no such signature in CMS ("invalid digest").
    for (name, form) in kinds {
        let identity = keys.identity(name);
        let trust = format!("-CAfile {name}.pem -purpose any");
        for length in LENGTHS {
            let plain = content(length);
            keys.bench.file("content", &plain);
            let mut signer = DetachedSigner::new(&identity, now).with_rsa(form);
            signer.update(&plain);
            keys.bench.file("signature", &signer.finish().unwrap());
            let call = "cms -verify -binary -inform DER -in signature -content content -out verified";
            keys.openssl(&format!("{call} {trust}"));
            assert!(keys.bench.read("verified") == plain, "{name}");

            let signer = DetachedSigner::new(&identity, now).with_rsa(form);
            let mut opaque = OpaqueSigner::new(keys.file("signed"), signer).unwrap();
            opaque.write_all(&plain).unwrap();
            drop(opaque.finish().unwrap());
            keys.openssl(&format!("cms -verify -binary -inform DER -in signed -out verified {trust}"));
            assert!(keys.bench.read("verified") == plain, "{name}, opaque");
        }
    }
}

#[test]
fn every_signature_that_openssl_makes_is_verified() {
    if !skip::has("openssl", "every_signature_that_openssl_makes_is_verified") {
        return;
    }
    let keys = Keys::new();
    let rsa = ["-md sha256", "-md sha384", "-md sha512", "-keyopt rsa_padding_mode:pss", "-keyid"];
    let names = [(RSA, &rsa[..])].into_iter();
    let names = names.chain(CURVES.iter().map(|(name, _)| (*name, &["-md sha256", "-md sha384", "-md sha512"][..])));
    for (name, options) in names {
        let identity = keys.identity(name);
        for (place, option) in options.iter().enumerate() {
            let plain = content(LENGTHS[place % LENGTHS.len()]);
            keys.bench.file("content", &plain);
            let sign =
                format!("cms -sign -binary -in content -outform DER -signer {name}.pem -inkey {name}.key {option}");
            keys.openssl(&format!("{sign} -out signature"));
            let signers = verify_detached(&keys.bench.read("signature"), &mut plain.as_slice()).unwrap();
            assert_eq!(&signers[0].certificate, identity.certificate(), "{name} {option}");
            // OpenSSL 3.0 streams neither an empty content nor one that it signs with PSS.
            let streams = !plain.is_empty() && !option.contains("pss");
            for form in if streams { &["", "-stream"][..] } else { &[""] } {
                keys.openssl(&format!("{sign} -nodetach {form} -out signed"));
                let mut out = Vec::new();
                let signers = verify_opaque(&mut keys.bench.read("signed").as_slice(), &mut out).unwrap();
                assert!(out == plain, "{name} {option} {form}");
                assert_eq!(&signers[0].certificate, identity.certificate());
            }
        }
    }
    let both = "-signer rsa.pem -inkey rsa.key -signer p256.pem -inkey p256.key";
    keys.openssl(&format!("cms -sign -binary -in content -outform DER {both} -out signature"));
    let content = keys.bench.read("content");
    let signers = verify_detached(&keys.bench.read("signature"), &mut content.as_slice()).unwrap();
    assert_eq!(signers.len(), 2);
    // Without signed attributes a signature over attributes could be passed off as one over content.
    keys.openssl("cms -sign -binary -noattr -in content -outform DER -signer rsa.pem -inkey rsa.key -out signature");
    let refused = verify_detached(&keys.bench.read("signature"), &mut content.as_slice());
    assert!(refused.unwrap_err().to_string().contains("signed attributes"));
}
