//! Private keys and bundles: a key that is read is written and read again as the same key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::pki::{Certificate, Identity, PrivateKey, TrustAnchors};
use mss_fuzz::WORLD;

fuzz_target!(|octets: &[u8]| {
    if let Ok(key) = PrivateKey::from_pem(octets) {
        let again = PrivateKey::from_pem(key.to_pkcs8_pem().expose().as_bytes()).expect("what was written is read");
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.kind(), key.kind());
    }
    let _ = PrivateKey::from_pkcs8(octets);
    if let Ok(identity) = Identity::from_pem(octets, octets) {
        assert!(identity.key().public_key_matches(identity.certificate()));
    }
    let _ = Identity::from_pem(octets, WORLD.durand.key().to_pkcs8_pem().expose().as_bytes());
    if let Ok(certificates) = Certificate::from_pem(octets) {
        assert!(!certificates.is_empty());
    }
    let _ = TrustAnchors::from_pem(octets);
});
