//! The vault is a CMS file like any other: OpenSSL opens it for whoever holds a key, and for nobody else.

use crate::bench::operator::{Operator, as_laboratory};
use crate::bench::{Bench, skip};

#[test]
fn openssl_opens_the_vault_with_the_service_key_or_the_recovery_certificate() {
    if !skip::has("openssl", "openssl_opens_the_vault_with_the_service_key_or_the_recovery_certificate") {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    let decrypt = "openssl cms -decrypt -inform DER -in ../.config/mss/config.p7m";
    let with_key = format!("{decrypt} -secretkey $(cat laboratoire.service)");
    let opened = bench.shell(&with_key);
    opened.status(0).stdout_has("version = 1").stdout_has("[profile.laboratoire.submission]");
    opened.stdout_has(&operator.person("laboratoire", "password"));
    let other = "00".repeat(32);
    bench.shell(&format!("{decrypt} -secretkey {other}")).status_among(&[2, 4]).stdout_is("");

    let (certificate, key) =
        (operator.person("dr.lefevre", "certificate_file"), operator.person("dr.lefevre", "key_file"));
    let rekey = ["config", "rekey", "--recovery-certificate", &certificate, "--service-key-out", "new.service"];
    as_laboratory(&bench, rekey).run().status(0);
    bench.shell(&with_key).status_among(&[2, 4]).stdout_is("");
    let recovered = bench.shell(&format!("{decrypt} -recip {certificate} -inkey {key}"));
    recovered.status(0).stdout_has("[profile.laboratoire.submission]");
}
