//! Whole messages: what is believed says what was signed; what does not open leaves nothing behind.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use mss::cms::Accept;
use mss::smime::{Severity, judge, open};
use mss_fuzz::{TEXT, WORLD, folder, leftovers};

fuzz_target!(|octets: &[u8]| {
    let folder = folder();
    let keys = [WORLD.durand.clone(), WORLD.lefevre.clone()];
    if let Ok(opened) = open(&mut Cursor::new(octets), &keys, Accept::default(), folder.path()) {
        let inside = opened.folder().to_owned();
        assert_eq!(leftovers(folder.path()), 1, "a spool outlived the opening");
        assert_eq!(leftovers(&inside), opened.files().len(), "a file that nobody names");
        for file in opened.files() {
            assert_eq!(file.path.parent(), Some(inside.as_path()), "a name led out of its folder");
            assert_eq!(file.path.metadata().expect("the file is there").len(), file.size);
        }
        let verdict = judge(&opened, &WORLD.anchors, &WORLD.lists, WORLD.now);
        if verdict.severity() < Some(Severity::Refuse) {
            assert!(verdict.is_from() && verdict.signer().is_some());
            assert_eq!(opened.text().trim_end(), TEXT, "other words were believed");
            for file in opened.files() {
                let octets = std::fs::read(&file.path).expect("the file is there");
                assert!(octets == b"%PDF" || file.name == "smime.p7s", "another file was believed");
            }
        }
    }
    assert_eq!(leftovers(folder.path()), 0, "something was left behind");
});
