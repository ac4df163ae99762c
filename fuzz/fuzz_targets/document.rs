//! Autoconfiguration documents: few servers, and little of each.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::discovery::read_document;

fuzz_target!(|octets: &[u8]| {
    let Ok(servers) = read_document(octets) else { return };
    assert!(servers.len() <= 16, "more servers than are taken");
    for it in servers {
        for text in [it.protocol, it.hostname, it.port, it.socket_type, it.username] {
            assert!(text.len() <= 512, "longer than is taken");
        }
    }
});
