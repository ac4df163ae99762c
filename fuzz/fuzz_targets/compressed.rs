//! Compressed content: what is unpacked stays within its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::cms::decompress;

/// Octets of content; an input of the fuzzer unpacks to no more than a hundred times its size and a megabyte.
const LIMIT: u64 = 1 << 22;

fuzz_target!(|octets: &[u8]| {
    let mut content = Vec::new();
    let unpacked = decompress(&mut &*octets, &mut content, LIMIT);
    assert!(content.len() as u64 <= LIMIT, "more than was asked for");
    assert!(content.len() <= 100 * octets.len() + (1 << 20), "a bomb went off");
    if let Ok(length) = unpacked {
        assert_eq!(length, content.len() as u64);
    }
});
