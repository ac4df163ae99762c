//! Octets changed and messages cut, through the real program: the whole one is stored, and every other kept closed.

use std::collections::BTreeSet;
use std::fs;

use super::post::{self, DURAND, LEFEVRE, bench, newest, put, stored};

#[test]
fn of_a_message_and_its_changed_copies_only_the_message_is_believed() {
    // An agreed key and a transported one.
    for (address, profile) in [(DURAND, "dr.durand"), (LEFEVRE, "dr.lefevre")] {
        let bench = bench();
        bench.run(["send", "--to", address, "--subject", "Bilan", "--attach", "result.pdf"]).status(0);
        let whole = newest(&bench, address);
        let body = memchr::memmem::find(&whole, b"\r\n\r\n").unwrap() + 4;
        // Behind the entries for the recipients: nothing vouches for the sender's own, and nobody here needs it.
        let begin = body + (whole.len() - body) / 3;
        let letters: Vec<usize> = (begin..whole.len()).filter(|at| whole[*at].is_ascii_alphabetic()).collect();
        let mut copies = BTreeSet::new();
        for part in 0..12 {
            let at = letters[letters.len() * part / 12];
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            copies.insert(changed);
            if part % 3 == 0 {
                copies.insert(whole[..at].to_vec());
            }
        }
        for copy in &copies {
            put(&bench, address, copy);
        }
        let words = ["--json", "-p", profile, "fetch", "--to", "in"];
        let outcome = bench.run(words);
        let lines = outcome.status(1).json_lines();
        assert_eq!(lines.len(), copies.len() + 1, "{outcome}");
        assert_eq!(stored(&bench, "in").len(), 1, "{outcome}");
        let quarantined: Vec<_> = lines.iter().filter(|line| line["state"] == "quarantined").collect();
        let kept = quarantined.iter().map(|line| bench.path(line["place"].as_str().unwrap()));
        let kept: BTreeSet<Vec<u8>> = kept.map(|place| fs::read(place.join("message.eml")).unwrap()).collect();
        assert_eq!(kept, copies, "each is kept as it came");
        let quarantine = post::below(&bench.path("in/quarantine"));
        let names: BTreeSet<&str> = quarantine.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, BTreeSet::from(["message.eml", "message.json"]), "nothing of what they hold was written");
        post::assert_private(&bench.path("in"));
        bench.run(["-p", profile, "audit", "verify"]).status(0);
    }
}
