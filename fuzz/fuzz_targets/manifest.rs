//! Manifests: rows come in order and to an end, no row keeps more than it may, and a second reading is the first again.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use mss::manifest::{Fault, FirstReading, Keys, LIST_LIMIT, Manifest, NoRow, Text};

fuzz_target!(|octets: &[u8]| {
    let folder = mss_fuzz::folder();
    // The first octet picks the name, and with it the format.
    let Some((first, octets)) = octets.split_first() else { return };
    let path = folder.path().join(["m.csv", "m.jsonl", "m"][usize::from(*first) % 3]);
    fs::write(&path, octets).expect("the folder is private to this run");
    let Ok(mut manifest) = Manifest::open(&path) else { return };
    let (mut seen, mut keys) = (FirstReading::default(), Keys::default());
    let (mut number, mut line, mut ended) = (0, 0, false);
    for row in manifest.rows().expect("the first line is still the same") {
        assert!(!ended, "a row after the end");
        match row {
            Ok(row) => {
                assert!(row.number > number && row.line > line, "rows come in order");
                assert!(!(row.to.is_empty() && row.cc.is_empty() && row.bcc.is_empty()), "nobody to send to");
                assert!(row.text != Text::None || !row.attach.is_empty(), "nothing to send");
                assert!(row.to.len() <= LIST_LIMIT && row.attach.len() <= LIST_LIMIT);
                assert!(!row.subject.contains(char::is_control));
                (number, line) = (row.number, row.line);
                if let Some(Err(fault)) = row.key.as_deref().map(|key| keys.add(key, row.number)) {
                    assert!(matches!(fault, Fault::DoubledKey { row } if row < number));
                }
                seen.note(row.digest);
            }
            Err(NoRow::Wrong(findings)) => {
                assert!(!findings.is_empty());
                for finding in findings {
                    assert!(finding.row == 0 || finding.row > number, "rows come in order");
                    let _ = (finding.to_string(), finding.fault.word());
                }
            }
            Err(NoRow::Ended(_)) => ended = true,
        }
    }
    let again = manifest.rows().expect("the first line is still the same").filter_map(Result::ok);
    let same = again.enumerate().all(|(at, row)| seen.compare(at as u64 + 1, row.digest).is_ok());
    assert!(same, "nobody changed it");
});
