//! Revocation lists: only one that the authority signed clears a certificate, and the revoked one stays revoked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::pki::{Finding, Purpose, RevocationList, validate};
use mss_fuzz::WORLD;

const REVOKED: &[u8] = include_bytes!("../seeds/revocation/revoked.der");

fuzz_target!(|octets: &[u8]| {
    let Ok(list) = RevocationList::from_bytes(octets) else { return };
    assert!(!list.issuer().contains(char::is_control), "a name that moves the cursor");
    let _ = (list.this_update(), list.next_update(), list.covers(WORLD.durand.certificate()));
    let genuine = RevocationList::from_bytes(REVOKED).expect("the list of the seeds");
    let lefevre = WORLD.lefevre.certificate();
    for lists in [[list.clone(), genuine.clone()], [genuine, list]] {
        let judged = validate(lefevre, &[], &WORLD.anchors, &lists, Purpose::EmailSigning, None, WORLD.now);
        assert!(
            matches!(judged, Err(Finding::Revoked | Finding::RevocationUnknown)),
            "another list gave a revoked certificate back"
        );
    }
});
