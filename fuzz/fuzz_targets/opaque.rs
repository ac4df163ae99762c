//! Signatures around their content: what verifies is what was signed, by somebody of the seeds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::cms::verify_opaque;
use mss_fuzz::{CONTENT, WORLD};

fuzz_target!(|octets: &[u8]| {
    let mut content = Vec::new();
    if let Ok(signers) = verify_opaque(&mut &*octets, &mut content) {
        assert!(!signers.is_empty(), "nobody signed");
        assert!(signers.iter().all(|signer| WORLD.knows_key(&signer.certificate)), "a signature was forged");
        assert_eq!(content, CONTENT);
    }
});
