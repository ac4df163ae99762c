//! Detached signatures: one that verifies was made by somebody of the seeds, over their content and no other.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::cms::verify_detached;
use mss_fuzz::{CONTENT, WORLD};

fuzz_target!(|octets: &[u8]| {
    if let Ok(signers) = verify_detached(octets, &mut &*CONTENT) {
        assert!(!signers.is_empty(), "nobody signed");
        assert!(signers.iter().all(|signer| WORLD.knows_key(&signer.certificate)), "a signature was forged");
        let other = [CONTENT, b"\n"].concat();
        assert!(verify_detached(octets, &mut other.as_slice()).is_err(), "a signature fits two contents");
    }
});
