//! Certificates: one that is read is the same octets, and none is trusted that the authority did not issue.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::pki::{Certificate, Purpose, TrustAnchors, validate};
use mss_fuzz::WORLD;

fuzz_target!(|octets: &[u8]| {
    let Ok(certificate) = Certificate::from_der(octets) else { return };
    assert_eq!(certificate.der(), octets);
    let again = Certificate::from_pem(certificate.to_pem().as_bytes()).expect("what was written is read");
    assert_eq!(again, [certificate.clone()]);
    let shown = [Some(certificate.subject()), Some(certificate.issuer()), certificate.common_name()];
    assert!(shown.iter().flatten().all(|text| !text.contains(char::is_control)), "a name that moves the cursor");
    let _ = (certificate.key_identifier(), certificate.key_kind(), certificate.spki_der(), certificate.emails());
    for purpose in [Purpose::EmailSigning, Purpose::EmailEncryption] {
        let between = [certificate.clone()];
        if validate(&certificate, &[], &WORLD.anchors, &WORLD.lists, purpose, None, WORLD.now).is_ok() {
            assert!(WORLD.knows(&certificate), "a certificate was forged");
        }
        let stranger = TrustAnchors::new(between.clone());
        let _ = validate(WORLD.durand.certificate(), &between, &stranger, &WORLD.lists, purpose, None, WORLD.now);
        let genuine =
            validate(WORLD.durand.certificate(), &between, &WORLD.anchors, &WORLD.lists, purpose, None, WORLD.now);
        assert!(genuine.is_ok(), "a foreign certificate broke a genuine path");
    }
});
