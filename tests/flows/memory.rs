//! Memory: a file larger than all that a client may hold is sent, fetched and verified by one that stays small.

use std::fs::OpenOptions;
use std::io::Write;

use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory};

/// Octets a client may have resident.
const MOST: u64 = 64 << 20;
/// The file: alone larger than that, and half as large again in base64.
const LENGTH: usize = 66 << 20;

#[test]
fn memory_does_not_grow_with_the_file() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    let path = bench.file("scan.bin", b"");
    let mut file = OpenOptions::new().append(true).open(path).expect("the file is there");
    let piece: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for _ in 0..LENGTH >> 20 {
        file.write_all(&piece).expect("the disk has room");
    }
    let measured = |words: &[&str]| {
        let (outcome, peak) = as_laboratory(&bench, words).start().finish_measured();
        outcome.status(0);
        assert!(peak > 0, "no memory was measured");
        assert!(peak <= MOST, "{} held {} MiB\n{outcome}", words[0], peak >> 20);
        outcome
    };
    // To herself: one profile sends and fetches.
    let own = operator.person("laboratoire", "address");
    measured(&["send", "--to", &own, "--attach", "scan.bin"]);
    let line = measured(&["--json", "fetch", "--to", "in"]).json();
    assert_eq!((&line["state"], &line["attachments"][0]["size"]), (&"stored".into(), &LENGTH.into()), "{line}");
}
