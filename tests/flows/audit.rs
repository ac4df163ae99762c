//! `mss audit`: every exchange leaves its entry, no content does, and whoever changes one is found.

use crate::bench::{Bench, Outcome};

const SUBJECT: &str = "Xylophone subject";
const FILE: &str = "marguerite-duval.pdf";

/// A message went from the laboratory to a doctor, who fetched it.
fn sent_and_fetched() -> Bench {
    let bench = Bench::new().sandbox().clock("2026-01-05T08:00:00Z");
    let pdf = bench.file(FILE, b"%PDF-1.7 haemoglobin");
    let send =
        ["send", "--to", "dr.durand@medecin.sandbox", "--cc", "dr.lefevre@medecin.sandbox", "--subject", SUBJECT];
    bench.run(send.iter().copied().chain(["--attach", &pdf])).status(0);
    bench.run(["--profile", "dr.durand", "fetch", "--to", "received", "--after", "move:Archive"]).status(0);
    bench
}

#[test]
fn every_exchange_has_an_entry_with_its_five_elements() {
    let bench = sent_and_fetched();
    for (profile, expected) in [
        ("laboratoire", &["list", "revocation", "lookup", "sign-in", "send"][..]),
        ("dr.durand", &["sign-in", "fetch", "move", "lookup"][..]),
    ] {
        let lines = bench.run(["--json", "--profile", profile, "audit", "log"]).status(0).json_lines();
        for action in expected {
            assert!(lines.iter().any(|line| line["action"] == *action), "{profile} has no {action}: {lines:?}");
        }
        for line in &lines {
            let said = |name: &str| line[name].as_str().is_some_and(|text| !text.is_empty());
            assert!(["author", "time", "action", "request", "answer"].into_iter().all(said), "{line}");
            assert!(line["time"].as_str().is_some_and(|time| time.ends_with("+00:00")), "{line}");
            assert_eq!(line["outcome"], "done", "{line}");
        }
    }
    let sends = bench.run(["--json", "audit", "log", "--action", "send"]).json_lines();
    assert_eq!((sends.len(), sends[0]["recipients"].as_u64()), (1, Some(2)));
    assert_eq!(sends[0]["domains"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_a_message_says_and_who_it_is_for_stay_out_of_the_trace() {
    let bench = sent_and_fetched();
    let words = ["Xylophone", "marguerite", "duval", "haemoglobin", "dr.lefevre", "DURAND", "Zoé"];
    for profile in ["laboratoire", "dr.durand"] {
        for format in ["--json", "--no-input"] {
            let log = bench.run([format, "--profile", profile, "audit", "log"]);
            // The mailbox of the profile itself is one of the elements.
            for word in words {
                log.status(0).stdout_lacks(word);
            }
        }
        let files = bench.home().join(".state/mss/sandbox").join(profile).join("trace");
        for file in std::fs::read_dir(files).expect("there is a trace") {
            let octets = std::fs::read(file.expect("it can be listed").path()).expect("it can be read");
            let text = String::from_utf8_lossy(&octets).into_owned();
            words.iter().for_each(|word| assert!(!text.contains(word), "{profile}: {word}"));
        }
    }
}

/// Where each record of a segment begins, and the end of the last: a length, the record, the length again.
fn records(segment: &[u8]) -> Vec<usize> {
    let mut places = vec![0];
    while let Some(last) = places.last().copied().filter(|last| *last < segment.len()) {
        let length: [u8; 4] = segment[last..last + 4].try_into().expect("four octets");
        places.push(last + u32::from_be_bytes(length) as usize + 8);
    }
    places
}

#[test]
fn every_change_to_the_trace_is_found_and_named() {
    let bench = sent_and_fetched();
    let segment = "../.state/mss/sandbox/laboratoire/trace/2026-01.trace";
    let whole = bench.read(segment);
    let places = records(&whole);
    let record = |number: usize| whole[places[number]..places[number + 1]].to_vec();
    let count = places.len() - 1;
    assert!(count >= 11, "{count} records");
    let order = |numbers: Vec<usize>| numbers.into_iter().flat_map(record).collect::<Vec<u8>>();
    let verify = |octets: &[u8]| -> Outcome {
        bench.file(segment, octets);
        bench.run(["audit", "verify"])
    };
    verify(&whole).status(0).stdout_has(&format!("sound: {count} records, {count} signed"));

    let mut flipped = whole.clone();
    flipped[places[4] + 60] ^= 1;
    verify(&flipped).status(1).stdout_has("changed: segment 2026-01, record 4 was changed").stdout_has("not sound");
    verify(&order((0..count).filter(|number| *number != 3).collect())).status(1).stdout_has("record 3 is missing");
    let swapped: Vec<usize> = (0..count)
        .map(|number| {
            if number == 5 {
                6
            } else if number == 6 {
                5
            } else {
                number
            }
        })
        .collect();
    verify(&order(swapped)).status(1).stdout_has("out-of-order: ").stdout_has("another place than it was written in");
    let cut = verify(&order((0..count - 1).collect()));
    cut.status(1).stdout_has(&format!("counts {count} records, {} are there: the last were cut off", count - 1));
    let json = bench.run(["--json", "audit", "verify"]).status(1).json();
    assert_eq!((json["sound"].as_bool(), json["findings"][0]["code"].as_str()), (Some(false), Some("cut")));
    // Nothing is written over what was cut.
    bench
        .run(["lookup", "durand"])
        .status(1)
        .stderr_has("the trace was changed")
        .stderr_has("mss --sandbox audit verify");
    assert_eq!(bench.read(segment).len(), places[count - 1]);

    verify(&whole).status(0);
    bench.shell("rm ../.state/mss/sandbox/laboratoire/trace/checkpoint").status(0);
    bench.run(["audit", "verify"]).status(1).stdout_has("no checkpoint");
}

#[test]
fn the_log_is_filtered_by_time_action_and_message() {
    let bench = sent_and_fetched();
    let at = |moment: &str, words: &[&str]| bench.call(words).variable("MSS_CLOCK", moment).run();
    at("2026-01-06T09:00:00Z", &["lookup", "durand"]).status(0);
    let log = |words: &[&str]| bench.run(["--json", "audit", "log"].iter().chain(words)).status(0).json_lines();
    let all = log(&[]);
    let later = log(&["--since", "2026-01-06"]);
    assert!(!later.is_empty() && later.len() < all.len());
    assert!(later.iter().all(|line| line["time"].as_str().is_some_and(|time| time.starts_with("2026-01-06"))));
    assert_eq!(log(&["--until", "2026-01-06"]).len() + later.len(), all.len());
    assert!(log(&["--since", "2026-01-06T10:00:00Z"]).is_empty());
    let sent = log(&["--action", "send"]);
    let id = sent[0]["message_id"].as_str().expect("a message has its Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@biologie.sandbox>"), "as send shows it and the header has it: {id}");
    assert_eq!(log(&["--message-id", id.trim_matches(['<', '>'])]), log(&["--message-id", id]));
    assert!(log(&["--message-id", id]).iter().all(|line| line["message_id"] == id));
    bench.run(["audit", "log", "--action", "dance"]).status(64).stderr_has("send, sign-in, fetch");
    bench.run(["audit", "log", "--since", "yesterday"]).status(64).stderr_has("2026-01-31");
    bench.run(["--profile", "dr.martin", "audit", "log"]).status(0).stdout_lacks("@").stderr_has("no entry");
}

#[test]
fn a_trace_that_was_taken_away_does_not_verify() {
    let bench = Bench::new().sandbox().clock("2026-01-05T08:00:00Z");
    bench.run(["lookup", "durand"]).status(0);
    bench.run(["audit", "verify"]).status(0).stdout_has("sound");
    std::fs::remove_dir_all(bench.home().join(".state/mss/sandbox/laboratoire/trace")).expect("there is a trace");
    bench.run(["audit", "verify"]).status(1).stdout_has("there is no trace");
}
