//! Answers of responders: none is believed that the authority did not sign.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::pki::ocsp_status;
use mss_fuzz::WORLD;

fuzz_target!(|octets: &[u8]| {
    for subject in [WORLD.durand.certificate(), WORLD.lefevre.certificate()] {
        for nonce in [None, Some(&[7; 32])] {
            let status = ocsp_status(octets, subject, &WORLD.root, nonce, &WORLD.lists, WORLD.now);
            assert!(status.is_err(), "an answer was forged");
        }
    }
});
