//! The index as a whole: what an extraction says is found, and no update that fails harms it.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Index, IndexError, NAME, Update, Updated, archive, folder};
use crate::directory::{Directory, DirectoryError, Entry, Query};
use crate::fs;

const SAMPLE: &str = include_str!("../../../tests/vectors/extraction.txt");
const NOW: &str = "2026-01-05T08:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn given(text: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file
}

fn private() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
    dir
}

fn updated(cache: &Path, text: &str) -> Result<Updated, IndexError> {
    Update::begin(cache, now())?.replace(given(text.as_bytes()), "the sample", now())
}

/// An index of the sample.
fn sample() -> (tempfile::TempDir, Index) {
    let dir = private();
    updated(dir.path(), SAMPLE).unwrap();
    let index = Index::open(dir.path(), 50).unwrap();
    (dir, index)
}

fn free(words: &str) -> Query {
    Query { words: vec![words.to_owned()], ..Query::default() }
}

fn found(index: &Index, query: &Query) -> Vec<String> {
    let entries = index.search(query).unwrap().entries;
    let mut found: Vec<String> = entries
        .iter()
        .flat_map(|entry| entry.mailboxes.iter().map(|mailbox| format!("{} {}", entry.name, mailbox.address.key())))
        .collect();
    found.sort();
    found
}

const CABINET: &str = "Zoé Anne ESSAI-LEGRAND zoe.essai-legrand@medecin.exemple-mss.test";
const HOSPITAL: &str = "Zoé Anne ESSAI-LEGRAND z.essai-legrand@hopital-essai.exemple-mss.test";
const NURSE: &str = "Noël ESSAI noel.essai@infirmier.exemple-mss.test";

#[test]
fn people_are_found_by_name_number_address_profession_and_place() {
    let (_dir, index) = sample();
    for words in
        ["zoe essai", "ESSAI-LEGRAND", "legrand z", "za legrand", "99700000013", "899700000013", "legrand médecin"]
    {
        assert_eq!(found(&index, &free(words)), [HOSPITAL, CABINET], "{words}");
    }
    assert_eq!(found(&index, &free("zoe.essai-legrand@MEDECIN.exemple-mss.test")), [CABINET]);
    assert_eq!(
        found(&index, &free("infirmière essai")),
        [NURSE],
        "people are called otherwise than what they practise"
    );
    assert_eq!(found(&index, &free("essai rennes")), [HOSPITAL]);
    let narrowed = Query { name: Some("essai".to_owned()), place: Some("Renn".to_owned()), ..Query::default() };
    assert_eq!(found(&index, &narrowed), [HOSPITAL]);
    let practised = Query { profession: Some("Infirmier".to_owned()), ..Query::default() };
    assert_eq!(found(&index, &practised), [NURSE]);
    let both = Query { rpps: "99700000013".parse().ok(), place: Some("rennes".to_owned()), ..Query::default() };
    assert_eq!(found(&index, &both), [HOSPITAL, CABINET], "the place is one of the person's");
}

#[test]
fn structures_are_found_by_number_and_name() {
    let (_dir, index) = sample();
    let service = "HOPITAL D ESSAI DE L OUEST secretariat.cardio@hopital-essai.exemple-mss.test";
    for words in ["990000010", "1990000010", "secretariat cardio", "secrétariat"] {
        assert!(found(&index, &free(words)).contains(&service.to_owned()), "{words}");
    }
    let organisation = Query { organisation: Some("hôpital d'essai".to_owned()), ..Query::default() };
    assert_eq!(found(&index, &organisation), [service, HOSPITAL]);
    let finess = Query { finess: "990000010".parse().ok(), ..Query::default() };
    assert_eq!(found(&index, &finess), [service, HOSPITAL]);
    // Nine digits of another register are no FINESS.
    let dir = private();
    updated(dir.path(), &SAMPLE.replace("|1|990000010|", "|2|990000010|")).unwrap();
    assert!(found(&Index::open(dir.path(), 50).unwrap(), &finess).is_empty());
}

#[test]
fn whatever_is_typed_is_searched_for_and_not_obeyed() {
    let (_dir, index) = sample();
    for words in [
        "essai\" OR name : \"a",
        "essai*",
        "(essai",
        "NEAR(essai)",
        "essai AND NOT",
        "\"",
        "essai^",
        "-essai +a",
        "'; DROP",
    ] {
        match index.search(&free(words)) {
            Ok(answer) => assert!(answer.entries.len() <= 5, "{words}"),
            Err(error) => assert!(matches!(error, DirectoryError::Nothing), "{words}: {error}"),
        }
    }
    assert!(matches!(index.search(&Query::default()), Err(DirectoryError::Nothing)));
    assert!(index.search(&free(&"médecin ".repeat(32))).is_ok());
    let error = index.search(&free(&"essai ".repeat(33))).unwrap_err();
    assert!(matches!(error, DirectoryError::Index(IndexError::TooManyWords { limit: 32 })));
    assert!(index.search(&free(&"e".repeat(100_000))).unwrap().entries.is_empty());
}

#[test]
fn one_address_of_two_is_told_of_both_and_several_mailboxes_are_all_told() {
    let dir = private();
    let row = |person: &str, name: &str, address: &str| {
        format!("PER|{address}|8|{person}|8{person}||||DR|{name}|A|C|Civil|10|Médecin|||N|||||||||||||\n")
    };
    let mut text = SAMPLE.to_owned();
    text.push_str(&row("99700000047", "AUTRE", "zoe.essai-legrand@medecin.exemple-mss.test"));
    for number in 1..=5 {
        text.push_str(&row("99700000039", "MULTIPLE", &format!("m{number}@medecin.exemple-mss.test")));
        text.push_str(&row("99700000039", "MULTIPLE", &format!("m{number}@medecin.exemple-mss.test")));
    }
    updated(dir.path(), &text).unwrap();
    let index = Index::open(dir.path(), 50).unwrap();
    let shared = found(&index, &free("zoe.essai-legrand@medecin.exemple-mss.test"));
    assert_eq!(shared, ["A AUTRE zoe.essai-legrand@medecin.exemple-mss.test", CABINET]);
    let several = index.search(&free("multiple")).unwrap();
    let [entry]: [Entry; 1] = several.entries.try_into().expect("one person");
    assert_eq!(entry.mailboxes.len(), 5, "doubled rows are one mailbox");
    assert!(entry.preferred().is_none(), "nobody is chosen silently");
}

#[test]
fn an_answer_that_is_cut_says_so() {
    let (dir, _) = sample();
    let index = Index::open(dir.path(), 2).unwrap();
    let answer = index.search(&free("essai")).unwrap();
    assert!(!answer.complete);
    assert_eq!(answer.entries.iter().map(|entry| entry.mailboxes.len()).sum::<usize>(), 2);
    assert!(index.search(&free("infirmier")).unwrap().complete);
}

#[test]
fn an_address_says_whose_it_is_and_publishes_no_certificate() {
    let (_dir, index) = sample();
    let listed =
        index.find_address(&"Secretariat.Cardio@hopital-essai.exemple-mss.test".parse().unwrap()).unwrap().unwrap();
    assert_eq!(listed.registered.source, "the sample");
    assert_eq!(listed.registered.seen_at, now());
    assert!(listed.certificates.is_empty() && listed.registered.active);
    assert!(index.find_address(&"nobody@hopital-essai.exemple-mss.test".parse().unwrap()).unwrap().is_none());
}

#[test]
fn a_closed_mailbox_is_gone_with_the_extraction_that_had_it() {
    let (dir, old) = sample();
    let without: String =
        SAMPLE.lines().filter(|line| !line.contains("noel")).map(|line| format!("{line}\n")).collect();
    updated(dir.path(), &without).unwrap();
    let new = Index::open(dir.path(), 50).unwrap();
    assert!(found(&new, &free("noel")).is_empty());
    assert_eq!(found(&old, &free("noel")), [NURSE], "who has the old one open goes on reading it");
}

#[test]
fn a_failed_update_leaves_the_index_and_no_other_file() {
    let (dir, _) = sample();
    for bad in ["", "no header\n", &SAMPLE[..SAMPLE.len() - 40], &format!("{SAMPLE}{}", "x\n".repeat(9))] {
        updated(dir.path(), bad).unwrap_err();
    }
    let zip_begun = [archive::MARK.as_slice(), b"nothing else"].concat();
    Update::begin(dir.path(), now()).unwrap().replace(given(&zip_begun), "a", now()).unwrap_err();
    let mut files = fs::entries(&folder(dir.path())).unwrap();
    files.sort();
    assert_eq!(files, [NAME, "lock"]);
    assert_eq!(found(&Index::open(dir.path(), 50).unwrap(), &free("noel")), [NURSE]);
    assert_eq!(folder(dir.path()).join(NAME).metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_a_killed_update_left_goes_with_the_next() {
    let (dir, _) = sample();
    let left = folder(dir.path()).join(".staged-0123456789abcdef");
    fs::write_private(&left, b"half of it").unwrap();
    updated(dir.path(), SAMPLE).unwrap();
    assert!(!fs::exists(&left));
}

#[test]
fn part_of_an_extraction_does_not_replace_a_whole_one() {
    let dir = private();
    let header = SAMPLE.lines().next().unwrap();
    let rows = |count: u32| -> String {
        let row =
            |n| format!("PER|p{n}@x.test|8|{n:011}|8{n:011}||||DR|NOM{n}|A|C|Civil|10|Médecin|||N|||||||||||||\n");
        std::iter::once(format!("{header}\n")).chain((0..count).map(row)).collect()
    };
    updated(dir.path(), &rows(2000)).unwrap();
    assert!(matches!(updated(dir.path(), &rows(900)), Err(IndexError::Shrunk { rows: 900, was: 2000, .. })));
    assert_eq!(updated(dir.path(), &rows(1100)).unwrap().rows, 1100);
}

#[test]
fn an_old_index_is_refused_and_one_from_the_future_too() {
    let open = |dated: &str| {
        let dir = private();
        let dated: Timestamp = dated.parse().unwrap();
        let update = Update::begin(dir.path(), dated.max(now())).unwrap();
        update.replace(given(SAMPLE.as_bytes()), "a", dated).unwrap();
        Index::open(dir.path(), 50).unwrap().not_older_than(SignedDuration::from_hours(30 * 24), now())
    };
    assert_eq!(open("2025-12-07T08:00:00Z").unwrap().days(now()), 29);
    assert!(matches!(open("2025-12-05T07:00:00Z"), Err(IndexError::Old { days: 31, most: 30 })));
    assert!(matches!(open("2026-02-05T08:00:00Z"), Err(IndexError::Old { .. })));
}

#[test]
fn what_is_no_index_is_not_read() {
    let dir = private();
    assert!(matches!(Index::open(dir.path(), 50), Err(IndexError::Missing)));
    fs::private_dir(&folder(dir.path())).unwrap();
    let path = folder(dir.path()).join(NAME);
    fs::write_private(&path, b"").unwrap();
    assert!(matches!(Index::open(dir.path(), 50), Err(IndexError::Format)));
    fs::write_private(&path, &b"no database ".repeat(100)).unwrap();
    assert!(matches!(Index::open(dir.path(), 50), Err(IndexError::Damaged(_))));
    updated(dir.path(), SAMPLE).unwrap();
    assert_eq!(Index::open(dir.path(), 50).unwrap().rows(), 5, "an update mends it");
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(509) {
        let mut changed = whole.clone();
        changed[at] ^= 0xff;
        fs::write_private(&path, &changed).unwrap();
        // Whatever is told, nothing panics.
        let _ =
            Index::open(dir.path(), 50).map(|index| index.search(&free("essai")).map(|answer| answer.entries.len()));
    }
}
