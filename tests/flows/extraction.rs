//! `mss lookup --update` and the index it makes: read from text and ZIP, searched without a network, never believed too long.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::post::{self, DURAND, assert_error, bench};
use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory, without};

const SAMPLE: &str = include_str!("../vectors/extraction.txt");
const ZOE: &str = "zoe.essai-legrand@medecin.exemple-mss.test";
/// Nobody listens there.
const NOWHERE: &str = "https://127.0.0.1:9/fhir/v2";

/// A bench with an index of the sample.
fn indexed() -> Bench {
    let bench = bench();
    bench.file("extraction.txt", SAMPLE.as_bytes());
    bench.run(["lookup", "--update", "extraction.txt"]).status(0).stdout_has("5 mailboxes of 2026-01-05");
    bench
}

fn folder(bench: &Bench) -> PathBuf {
    bench.home().join(".cache/mss/sandbox/index")
}

fn names(bench: &Bench) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder(bench)).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The extraction was written so many days before the moment of these stories.
fn aged(bench: &Bench, days: u64) {
    let now: jiff::Timestamp = post::NOW.parse().unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_second().unsigned_abs() - days * 86_400);
    File::options().write(true).open(bench.path("extraction.txt")).unwrap().set_modified(then).unwrap();
    bench.run(["lookup", "--update", "extraction.txt"]).status(0);
}

/// The sample's header and so many rows.
fn generated(rows: u32) -> String {
    let row = |n: u32| {
        format!(
            "PER|p{n}@medecin.exemple-mss.test|8|{n:011}|8{n:011}|1|{:09}|CARDIOLOGIE|DR|NOM{}|Jean-Luc {n}|C|Civil|10|Médecin|\
             SM04|Cardiologie et maladies vasculaires|N|HOPITAL {}||||1||R|DE L ESSAI||35000 RENNES|35000|Ille-et-Vilaine|\
             France\n",
            n % 3000,
            n % 9000,
            n % 3000
        )
    };
    let header = SAMPLE.lines().next().unwrap();
    std::iter::once(format!("{header}\n")).chain((0..rows).map(row)).collect()
}

#[test]
fn an_extraction_is_searched_offline_and_says_how_old_it_is() {
    let bench = indexed();
    for words in [&[ZOE][..], &["99700000013", "--limit", "9"], &["legrand"], &["z", "legrand", "médecin"]] {
        let lines = bench.run(["--json", "lookup", "--source", "index"].iter().chain(words)).status(0).json_lines();
        let line = lines.iter().find(|line| line["address"] == ZOE).unwrap();
        assert_eq!(line["schema"], "mss.lookup/1");
        assert_eq!((&line["asked"], &line["source"]), (&"index".into(), &"extraction.txt".into()));
        assert_eq!((&line["age_days"], &line["seen_at"]), (&0.into(), &"2026-01-05T08:00:00Z".into()));
        assert_eq!((&line["admitted"], &line["certificate"]), (&().into(), &().into()), "the index does not tell");
    }
    let told = bench.run(["lookup", "--offline", "legrand"]);
    told.status(0).stdout_has(ZOE).stderr_has("from the extraction of 2026-01-05, 0 days old (extraction.txt)");
    bench
        .run(["lookup", "--offline", "xylophone"])
        .status(1)
        .stdout_is("")
        .stderr_has("unlisted")
        .stderr_has("0 days old");
    assert_eq!(fs::metadata(folder(&bench).join("directory.db")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        !post::home_of(&bench, "laboratoire").join("trace").exists(),
        "nothing left this machine, nothing is traced"
    );
}

#[test]
fn the_zip_of_an_extraction_is_read_and_a_broken_one_is_not() {
    let bench = bench();
    let zipped = |content: &[u8]| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("Extraction_Correspondance_MSSante.txt", SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let zip = zipped(SAMPLE.as_bytes());
    bench.file("whole.zip", &zip);
    let line = bench.run(["--json", "lookup", "--update", "whole.zip"]).status(0).json();
    assert_eq!((&line["schema"], &line["mailboxes"]), (&"mss.lookup-update/1".into(), &5.into()));
    bench.file("cut.zip", &zip[..zip.len() - 9]);
    bench.file("bomb.zip", &zipped(&vec![b'0'; 3 << 20]));
    for name in ["cut.zip", "bomb.zip"] {
        assert_error(&bench.run(["--json", "lookup", "--update", name]), 65, "extraction-archive");
    }
    bench.run(["lookup", "--offline", "legrand"]).status(0).stderr_has("whole.zip");
    assert_eq!(names(&bench), ["directory.db", "lock"]);
}

#[test]
fn an_extraction_is_fetched_and_the_trace_tells_from_where() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    post::write(&post::operator(&bench).join("served/extraction.txt"), SAMPLE.as_bytes());
    let list = operator.said("white_list");
    let url = |name: &str| format!("{}/{name}", list.rsplit_once('/').unwrap().0);
    let update = |url: &str| as_laboratory(&bench, ["--json", "lookup", "--update", url]).run();
    let fetched = url("extraction.txt");
    let line = update(&format!("{fetched}?key=0123")).status(0).json();
    assert_eq!(
        (&line["source"], &line["mailboxes"]),
        (&fetched.as_str().into(), &5.into()),
        "what may be a key is not kept"
    );
    assert_error(&update(&url("nowhere.txt")), 69, "http-status");
    assert_error(&update(&list), 65, "extraction-header");
    let log = as_laboratory(&bench, ["--json", "audit", "log", "--action", "lookup"]).run();
    log.status(0).stdout_has(&format!("GET {fetched}")).stdout_lacks("0123");
    as_laboratory(&bench, ["lookup", "--offline", "legrand"]).run().status(0).stderr_has(&fetched);
    let folder = bench.home().join(".cache/mss/index");
    let left = fs::read_dir(folder).unwrap().count();
    assert_eq!(left, 2, "the index and the lock: what was fetched is gone");
}

#[test]
fn what_is_no_extraction_is_refused_and_the_index_stays() {
    let bench = indexed();
    bench.file("header.txt", SAMPLE.replacen("Adresse BAL", "Adresse", 1).as_bytes());
    bench.file("cut.txt", &SAMPLE.as_bytes()[..SAMPLE.len() - 40]);
    bench.file("rows.txt", format!("{SAMPLE}{}", "x\n".repeat(9)).as_bytes());
    // Two gigabytes of nothing take no room, and no time.
    File::create(bench.path("huge.txt")).unwrap().set_len(2 << 30).unwrap();
    for (given, status, code) in [
        ("header.txt", 65, "extraction-header"),
        ("cut.txt", 65, "extraction-cut-short"),
        ("rows.txt", 65, "extraction-rows"),
        ("huge.txt", 65, "extraction-too-large"),
        ("nowhere.txt", 66, "extraction-unreadable"),
        (".", 66, "extraction-unreadable"),
        ("http://127.0.0.1/x", 64, "malformed"),
        ("https://127.0.0.1:9/x", 69, "unreachable"),
    ] {
        assert_error(&bench.run(["--json", "lookup", "--update", given]), status, code);
    }
    let long = "x".repeat(10 << 20);
    bench.file("some.txt", format!("{SAMPLE}PER|{long}\nPER|a\0@x.test|\n").as_bytes());
    let told = bench.run(["--json", "lookup", "--update", "some.txt"]);
    assert_eq!(told.status(0).json()["bad_rows"], 2);
    told.stderr_has("2 rows cannot be read");
    bench.run(["lookup", "--offline", "legrand"]).status(0);
    bench.run(["lookup", "--update", "some.txt", "legrand"]).status(64);
}

#[test]
fn an_extraction_that_is_too_old_is_believed_only_where_that_is_said() {
    let bench = indexed();
    aged(&bench, 29);
    bench.run(["lookup", "--offline", "legrand"]).status(0).stderr_has("29 days old");
    aged(&bench, 40);
    let refused = bench.run(["--json", "lookup", "--offline", "legrand"]);
    assert_error(&refused, 69, "index-old");
    refused.stdout_is("");
    bench.run(["lookup", "--offline", "--allow-old", "legrand"]).status(0).stderr_has("40 days old");
    bench.call(["lookup", "--offline", "legrand"]).variable("MSS_DIRECTORY_INDEX_MAX_AGE", "60d").run().status(0);
    fs::remove_dir_all(folder(&bench)).unwrap();
    assert_error(&bench.run(["--json", "lookup", "--offline", "legrand"]), 69, "index-missing");
}

#[test]
fn sources_are_asked_in_the_order_of_the_profile() {
    let bench = indexed();
    let asked = |words: &[&str], variables: &[(&str, &str)]| {
        let call = bench.call(["--json", "lookup"].iter().chain(words));
        variables.iter().fold(call, |call, (name, value)| call.variable(name, value)).run()
    };
    let line = asked(&["durand"], &[]).status(0).json();
    assert_eq!((&line["asked"], &line["age_days"]), (&"fhir".into(), &().into()));
    assert_eq!(asked(&[ZOE], &[]).status(0).json()["asked"], "index", "the service does not know her");
    let away = bench.run(["--json", "--fault", "directory=cut", "lookup", "legrand"]);
    assert_eq!(away.status(0).json_lines().len(), 2);
    away.stderr_has("the next source answers");
    // Nobody in the index while the service is away is no answer.
    let nobody = bench.run(["--json", "--fault", "directory=cut", "lookup", "durand"]);
    nobody.status(69).stdout_is("").stderr_has("knows nobody either");
    bench.run(["--fault", "directory=cut", "lookup", "--source", "fhir", "legrand"]).status(69);
    asked(&["legrand", "--source", "fhir"], &[]).status(1);
    asked(&["legrand"], &[("MSS_DIRECTORY_SOURCES", "fhir")]).status(1);
    assert_eq!(asked(&["durand"], &[("MSS_DIRECTORY_SOURCES", "index,fhir")]).status(0).json()["address"], DURAND);
    // A service that refuses us is no service that is away.
    let refused = bench.run(["--json", "--fault", "directory=refuse", "lookup", "legrand"]);
    assert_error(&refused, 77, "directory-key");
    aged(&bench, 40);
    asked(&["legrand"], &[]).status(1).stderr_has("40 days old");
}

#[test]
fn a_killed_update_leaves_the_old_index_and_the_next_one_tidies_up() {
    let bench = indexed();
    bench.file("large.txt", generated(30_000).as_bytes());
    let running = bench.call(["lookup", "--update", "large.txt"]).start();
    let staged = || names(&bench).iter().any(|name| name.starts_with(".staged-"));
    while !staged() {
        thread::sleep(Duration::from_millis(2));
    }
    running.kill();
    assert!(staged(), "it was killed in the middle");
    bench.run(["lookup", "--offline", "legrand"]).status(0).stderr_has("extraction.txt");
    bench.run(["lookup", "--update", "extraction.txt"]).status(0);
    assert_eq!(names(&bench), ["directory.db", "lock"]);
}

#[test]
fn two_updates_at_once_both_end_and_readers_go_on() {
    let bench = indexed();
    bench.file("large.txt", generated(4000).as_bytes());
    let running: Vec<_> = (0..2).map(|_| bench.call(["lookup", "--update", "large.txt"]).start()).collect();
    bench.run(["lookup", "--offline", "--limit", "3", "j", "jl", "nom7"]).status_among(&[0, 1]);
    for it in running {
        it.finish().status(0);
    }
    bench.run(["lookup", "--offline", "jl", "nom7"]).status(0).stderr_has("large.txt");
    assert_eq!(names(&bench), ["directory.db", "lock"]);
    // A part of it takes its place for nothing.
    let part = bench.run(["--json", "lookup", "--update", "extraction.txt"]);
    assert_error(&part, 65, "extraction-shrunk");
}

#[test]
fn a_full_disk_leaves_the_old_index() {
    let bench = bench();
    let Some(small) = post::small_disk(&bench, "a_full_disk_leaves_the_old_index") else { return };
    fs::create_dir_all(folder(&bench).parent().unwrap()).unwrap();
    for path in [".cache", ".cache/mss", ".cache/mss/sandbox"] {
        fs::set_permissions(bench.home().join(path), PermissionsExt::from_mode(0o700)).unwrap();
    }
    std::os::unix::fs::symlink(small.path(), folder(&bench)).unwrap();
    bench.file("extraction.txt", SAMPLE.as_bytes());
    bench.run(["lookup", "--update", "extraction.txt"]).status(0);
    bench.file("large.txt", generated(20_000).as_bytes());
    assert_error(&bench.run(["--json", "lookup", "--update", "large.txt"]), 74, "index-not-written");
    bench.run(["lookup", "--offline", "legrand"]).status(0).stderr_has("extraction.txt");
    assert_eq!(names(&bench), ["directory.db", "lock"]);
}

#[test]
fn memory_does_not_grow_with_the_extraction() {
    let bench = bench();
    bench.file("large.txt", generated(30_000).as_bytes());
    let (outcome, peak) = bench.call(["lookup", "--update", "large.txt"]).start().finish_measured();
    outcome.status(0).stdout_has("30000 mailboxes");
    assert!(peak > 0 && peak <= 64 << 20, "{} MiB were held", peak >> 20);
    let first = bench.run(["--json", "lookup", "--offline", "--limit", "20", "--name", "nom", "--place", "renn"]);
    assert_eq!(first.status(0).json_lines().len(), 20);
}

#[test]
fn senders_and_recipients_are_looked_up_in_the_index_where_it_comes_first() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    // A directory without certificates, as the national one is.
    bench.run(without(&operator.init_words(&bench, "laboratoire"), "--certificate-extension")).status(0);
    let header = SAMPLE.lines().next().unwrap();
    let row = format!("PER|{DURAND}|8|99700000013|899700000013||||DR|DURAND|Zoé|C|Civil|10|Médecin|||N|||||||||||||");
    bench.file("durand.txt", format!("{header}\n{row}\n").as_bytes());
    bench.file("result.pdf", post::PDF);
    as_laboratory(&bench, ["lookup", "--update", "durand.txt"]).run().status(0);
    let send = |to: &str, sources: &str| {
        let words = ["--json", "send", "--protection", "transport", "--again", "--to", to, "--attach", "result.pdf"];
        as_laboratory(&bench, words)
            .variable("MSS_DIRECTORY_SOURCES", sources)
            .variable("MSS_DIRECTORY_URL", NOWHERE)
            .run()
    };
    assert_error(&send(DURAND, "fhir,index"), 69, "unreachable");
    assert_error(&send("dr.lefevre@medecin.sandbox", "index"), 76, "recipient-unknown");
    assert_error(&send("dr.lefevre@medecin.sandbox", "index,fhir"), 69, "unreachable");
    for to in [DURAND, "99700000013"] {
        send(to, "index,fhir").status(0);
    }
    // What has no certificate is not sealed, wherever it was found.
    let sealed = as_laboratory(&bench, ["--json", "send", "--to", DURAND, "--attach", "result.pdf"]);
    assert_error(&sealed.variable("MSS_DIRECTORY_SOURCES", "index").run(), 76, "recipient-no-certificate");
}
