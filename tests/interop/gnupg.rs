//! GnuPG opens what is written for readers that know no authenticated encryption.

use std::io::Write;

use mss::cms::{ContentEncryption, EnvelopeWriter, Recipient};
use mss::pki::Identity;

use crate::bench::{Bench, skip};

#[test]
fn gpgsm_opens_a_copy_for_old_readers() {
    let test = "gpgsm_opens_a_copy_for_old_readers";
    if !["gpgsm", "gpg-agent", "openssl"].iter().all(|program| skip::has(program, test)) {
        return;
    }
    let bench = Bench::new();
    let subject = "-subj /CN=leo -addext subjectAltName=email:leo@medecin.sandbox -addext keyUsage=digitalSignature,keyEncipherment";
    bench
        .shell(&format!("openssl req -x509 -newkey rsa:3072 -nodes -keyout leo.key -out leo.pem -days 30 {subject}"))
        .status(0);
    bench.shell("mkdir -m 700 gnupg && echo disable-crl-checks > gnupg/gpgsm.conf").status(0);
    let gpgsm = "GNUPGHOME=$PWD/gnupg gpgsm --batch --pinentry-mode loopback --passphrase-fd 0";
    // GnuPG 2.2 reads no PKCS#12 of today's make, and one of the old make under most salts only: now and then it takes what a
    // wrong guess decrypted for the key. Status 2: nobody vouches for the certificate.
    let imported = (0..4).any(|_| {
        bench.shell("openssl pkcs12 -export -legacy -passout pass: -in leo.pem -inkey leo.key -out leo.p12").status(0);
        let imported = bench.shell(&format!("{gpgsm} --import leo.p12 </dev/null"));
        imported.status_among(&[0, 2]);
        imported.stderr.contains("secret keys imported: 1")
    });
    assert!(imported, "gpgsm imports the key");
    let identity = Identity::from_pem(&bench.read("leo.pem"), &bench.read("leo.key")).unwrap();
    let plain: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let entries = [Recipient::CertificatePkcs1(identity.certificate())];
    let mut writer = EnvelopeWriter::with(Vec::new(), ContentEncryption::Aes256Cbc, &entries).unwrap();
    writer.write_all(&plain).unwrap();
    bench.file("sealed", &writer.finish().unwrap());
    bench.shell(&format!("{gpgsm} --output opened --decrypt sealed </dev/null")).status(0);
    assert!(bench.read("opened") == plain);
    bench.shell("GNUPGHOME=$PWD/gnupg gpgconf --kill all");
}
