//! Manifests as people and programs write them, good and bad, read as a whole.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::{Strategy, any, proptest};
use proptest::{collection, option, prop_assert_eq};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CELL_LIMIT, Fault, Finding, Format, Manifest, ManifestError, NoRow, ROW_LIMIT, Row, Text};
use crate::fs;
use crate::sealed::Protection;

/// A manifest in a folder of its own.
fn written(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write_private(&path, content).unwrap();
    (dir, path)
}

/// Changes a file where it stands, as an editor may.
fn overwrite(path: &Path, content: &[u8]) {
    File::create(path).and_then(|mut file| file.write_all(content)).unwrap();
}

/// Every row and every finding, and what ended the reading if it was not the end.
fn read(path: &Path) -> Result<(Vec<Row>, Vec<Finding>), ManifestError> {
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for row in Manifest::open(path)?.rows()? {
        match row {
            Ok(row) => rows.push(row),
            Err(NoRow::Wrong(wrong)) => found.extend(wrong),
            Err(NoRow::Ended(error)) => return Err(error),
        }
    }
    Ok((rows, found))
}

fn refused(name: &str, content: &[u8]) -> ManifestError {
    let (_dir, path) = written(name, content);
    read(&path).map(|(rows, found)| (rows.len(), found)).unwrap_err()
}

/// What is wrong, as row, column and word.
fn wrong(name: &str, content: &[u8]) -> Vec<(u64, Option<&'static str>, &'static str)> {
    let (_dir, path) = written(name, content);
    let (_, found) = read(&path).unwrap();
    found.iter().map(|it| (it.row, it.column, it.fault.word())).collect()
}

#[track_caller]
fn csv(content: &[u8], expected: &[(u64, Option<&'static str>, &'static str)]) {
    assert_eq!(wrong("m.csv", content), expected);
}

#[track_caller]
fn jsonl(content: &[u8], expected: &[(u64, Option<&'static str>, &'static str)]) {
    assert_eq!(wrong("m.jsonl", content), expected);
}

fn all_good(name: &str, content: &[u8]) -> Vec<Row> {
    let (_dir, path) = written(name, content);
    let (rows, found) = read(&path).unwrap();
    assert_eq!(found, []);
    rows
}

#[test]
fn a_row_says_what_it_means_in_csv_and_in_json() {
    let csv = b"key,to,CC , bcc,subject,body-file,attach,attach,protection\r\n\
        7,\"a@x.fr; 10000000017,b@x.fr\",c@x.fr,d@x.fr,Bilan,text.txt,a.pdf; b.pdf,/c d.pdf,Transport\r\n";
    let jsonl = br#"{"key": "7", "to": ["a@x.fr", "10000000017", "b@x.fr"], "cc": "c@x.fr", "bcc": ["d@x.fr"],
        "subject": "Bilan", "body-file": "text.txt", "attach": ["a.pdf", "b.pdf", "/c d.pdf"], "protection": "transport"}"#;
    let jsonl: Vec<u8> = jsonl.iter().copied().filter(|octet| *octet != b'\n').collect();
    for (name, content) in [("m.csv", &csv[..]), ("m.jsonl", &jsonl)] {
        let (dir, path) = written(name, content);
        let (rows, found) = read(&path).unwrap();
        assert_eq!(found, []);
        let [row] = &rows[..] else { panic!("one row") };
        assert_eq!((row.number, row.key.as_deref(), row.subject.as_str()), (1, Some("7"), "Bilan"));
        assert_eq!(row.to, ["a@x.fr", "10000000017", "b@x.fr"]);
        assert_eq!((&row.cc[..], &row.bcc[..]), (&["c@x.fr".to_owned()][..], &["d@x.fr".to_owned()][..]));
        assert_eq!(row.text, Text::File(dir.path().join("text.txt")));
        assert_eq!(row.attach, [dir.path().join("a.pdf"), dir.path().join("b.pdf"), "/c d.pdf".into()]);
        assert_eq!(row.protection, Some(Protection::Transport));
    }
}

#[test]
fn the_first_line_tells_the_separator() {
    for (separator, name) in [(',', "m.csv"), (';', "m"), ('\t', "m.tsv"), ('|', "m.txt")] {
        let content =
            format!("to{separator}\"body\"{separator}subject\na@x.fr{separator}\"b{separator}\"{separator}\n");
        let (_dir, path) = written(name, content.as_bytes());
        assert_eq!(Manifest::open(&path).unwrap().format(), Format::Csv { separator });
        assert_eq!(read(&path).unwrap().0[0].text, Text::Inline(format!("b{separator}")));
    }
    assert_eq!(all_good("m.csv", b"\xef\xbb\xbfto,body\na@x.fr,b")[0].to, ["a@x.fr"]);
}

#[test]
fn rows_know_their_line_whatever_ends_it() {
    for end in ["\n", "\r", "\r\n"] {
        let csv = ["", "to,body,key", "", "a@x.fr,\"one", "two\",1", ",,", "", "b@x.fr,b,2", ""].join(end);
        let rows = all_good("m.csv", csv.as_bytes());
        assert_eq!(rows.iter().map(|row| (row.number, row.line)).collect::<Vec<_>>(), [(1, 4), (2, 8)], "{end:?}");
        assert_eq!(rows[0].text, Text::Inline(format!("one{end}two")));
        let object = r#"{"to":"a@x.fr","body":"b"}"#;
        let jsonl = ["", object, "  ", object].join(end);
        let rows = all_good("m.jsonl", jsonl.as_bytes());
        assert_eq!(rows.iter().map(|row| (row.number, row.line)).collect::<Vec<_>>(), [(1, 2), (2, 4)], "{end:?}");
    }
}

#[test]
fn what_is_no_manifest_is_told_by_name() {
    let utf16: Vec<u8> = "\u{feff}to,body\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for content in [&utf16[..], &utf16[2..], b"\xfe\xff\0t\0o", b"\0t\0o"] {
        assert!(matches!(refused("m.csv", content), ManifestError::Utf16));
    }
    for (name, content) in
        [("m.csv", &b""[..]), ("m.csv", b"\xef\xbb\xbf\n"), ("m.csv", b"to,body\n,\n"), ("m.jsonl", b" \n")]
    {
        assert!(matches!(refused(name, content), ManifestError::NoRows), "{content:?}");
    }
    assert!(matches!(refused("m.csv", b"a@x.fr,bonjour\n"), ManifestError::NoHeader));
    assert!(matches!(refused("m.csv", &vec![b'a'; 3 * ROW_LIMIT]), ManifestError::NoHeader));
    assert!(matches!(refused("m.json", b"\n [{}]"), ManifestError::JsonArray));
    assert!(matches!(read(Path::new("/dev")), Err(ManifestError::NotAFile { .. })));
    assert!(matches!(read(Path::new("/dev/nothing")), Err(ManifestError::Unreadable { .. })));
}

#[test]
fn names_of_columns_are_judged_once_and_before_the_rows() {
    csv(
        b"to,atach,body,to,attach,attach,\na@x.fr,x,b,b@x.fr,,,\n",
        &[(0, None, "unknown-column"), (0, Some("to"), "doubled-column")],
    );
    csv(b"subject\na\nb\n", &[(0, None, "no-recipient"), (0, None, "nothing-to-send")]);
    csv(b"to,body,r\xe9f\na@x.fr,b,\n", &[(0, None, "not-utf-8")]);
    csv(b"to,body,\na@x.fr,b,c\n", &[(1, None, "unnamed-column")]);
    let (_dir, path) = written("m.csv", b"to,body,atach\na@x.fr,b,\n");
    let (_, found) = read(&path).unwrap();
    assert_eq!(
        found[0].to_string(),
        "names of the columns (line 1): there is no column \"atach\"; perhaps attach was meant"
    );
}

#[test]
fn no_row_comes_without_somebody_to_send_to() {
    let (_dir, path) = written("m.csv", b"subject,body\na,b\n");
    let (rows, found) = read(&path).unwrap();
    assert_eq!((rows, found.len()), (vec![], 1));
}

#[test]
fn a_row_needs_somebody_and_something() {
    csv(
        b"to,cc,body,body-file,attach\n,,,,a\na@x.fr,,,,\n,a@x.fr,b,c,\n,,,,,\n",
        &[(1, None, "no-recipient"), (2, None, "nothing-to-send"), (3, Some("body-file"), "two-bodies")],
    );
    jsonl(b"{}\n", &[(1, None, "no-recipient"), (1, None, "nothing-to-send")]);
}

#[test]
fn people_keys_and_protections_are_read() {
    csv(
        b"to,body,protection\na@x.fr;b@,b,\n1000000001,b,\na@x.fr,b,none\n",
        &[
            (1, Some("to"), "not-an-address"),
            (2, Some("to"), "not-an-rpps-number"),
            (3, Some("protection"), "unknown-protection"),
        ],
    );
    let key = |length: usize| format!("to,body,key\na@x.fr,b,{}\n", "é".repeat(length));
    csv(key(200).as_bytes(), &[]);
    csv(key(201).as_bytes(), &[(1, Some("key"), "key-too-long")]);
    let many = format!("to,body\n{},b\n", "a@x.fr;".repeat(501));
    csv(many.as_bytes(), &[(1, Some("to"), "too-many")]);
}

#[test]
fn octets_that_are_not_utf_8_are_named_with_their_place() {
    let (_dir, path) = written("m.csv", b"to,subject,body\na@x.fr,r\xe9sultat,\"\xff\"\n");
    let (_, found) = read(&path).unwrap();
    let places: Vec<_> = found.iter().map(|it| (it.column, it.fault.clone())).collect();
    assert_eq!(
        places,
        [
            (Some("subject"), Fault::NotUtf8 { octet: 0xe9, at: 2 }),
            (Some("body"), Fault::NotUtf8 { octet: 0xff, at: 1 }),
        ]
    );
    jsonl(b"{\"to\":\"a@x.fr\",\"subject\":\"r\xe9sultat\"}\n", &[(1, Some("subject"), "not-utf-8")]);
}

#[test]
fn control_characters_stand_in_texts_only() {
    csv(
        b"to,subject,body\na@x.fr,\"a\nb\",\"a\n\tb\"\na@x.fr,a\0,b\n",
        &[(1, Some("subject"), "control-character"), (2, Some("subject"), "nul")],
    );
    jsonl(
        br#"{"to":"a@x.fr","attach":"a\u0000b","subject":"\u001b[1m"}"#,
        &[(1, Some("attach"), "nul"), (1, Some("subject"), "control-character")],
    );
}

#[test]
fn broken_quotes_do_not_swallow_the_rows_below() {
    csv(
        b"to,subject,body\na@x.fr,5\" disc,b\na@x.fr,\"a\"b,c\na@x.fr,\"a\n\nb@x.fr,a,b\na@x.fr,b,\"c\nd@x.fr,a,c\n",
        &[
            (1, Some("subject"), "stray-quote"),
            (2, Some("subject"), "text-after-quote"),
            (3, Some("subject"), "open-quote"),
            (5, Some("body"), "open-quote"),
        ],
    );
    let rows = b"to,body,subject\na@x.fr,\"a \"\"b\"\" c\",\"\"\n";
    assert_eq!(all_good("m.csv", rows)[0].text, Text::Inline("a \"b\" c".to_owned()));
}

#[test]
fn rows_have_as_many_cells_as_there_are_columns() {
    csv(
        b"to,body\na@x.fr\na@x.fr,b,c\na@x.fr,b,\na@x.fr,b\na@x.fr",
        &[(1, None, "too-few-cells"), (2, None, "too-many-cells"), (5, None, "cut-short")],
    );
    csv(&[b"to,body\n", &vec![b','; ROW_LIMIT - 10][..]].concat(), &[(1, None, "too-many-cells")]);
    jsonl(b"{\"to\":\"a@x.fr\",\"body\":\"b\"}\n{\"to\":\"a@x", &[(2, None, "cut-short")]);
}

#[test]
fn rows_and_cells_have_a_size() {
    let row = |subject: usize, body: usize| format!("a@x.fr,{},\"{}\"\n", "s".repeat(subject), "b\n".repeat(body / 2));
    let content = format!(
        "to,subject,body\n{}{}{}{}",
        row(CELL_LIMIT + 1, 10),
        row(1, ROW_LIMIT),
        row(10, ROW_LIMIT - 100),
        row(1, 3 * ROW_LIMIT),
    );
    csv(
        content.as_bytes(),
        &[(1, Some("subject"), "cell-too-large"), (2, None, "row-too-large"), (4, None, "row-too-large")],
    );
    let object = |body: usize| format!("{{\"to\":\"a@x.fr\",\"body\":\"{}\"}}\n", "b".repeat(body));
    let content = [object(3 * ROW_LIMIT), object(ROW_LIMIT - 100), object(ROW_LIMIT)].concat();
    jsonl(content.as_bytes(), &[(1, None, "row-too-large"), (3, None, "row-too-large")]);
}

#[test]
fn json_is_read_to_the_letter() {
    let object = |member: &str| format!("{{\"to\":\"a@x.fr\",\"body\":\"b\",{member}}}\n");
    let vectors = [
        (r#""subject":"a","subject":"b""#, Some("subject"), "doubled-column"),
        (r#""subjekt":"a""#, None, "unknown-column"),
        (r#""key":17"#, Some("key"), "wrong-type"),
        (r#""key":true"#, Some("key"), "wrong-type"),
        (r#""key":["a"]"#, Some("key"), "not-a-list"),
        (r#""cc":["a@x.fr",[["b@x.fr"]]]"#, Some("cc"), "nested"),
        (r#""cc":{"a":{"b":1}}"#, Some("cc"), "nested"),
        (r#""cc":[null]"#, Some("cc"), "wrong-type"),
        (r#""subject":"\ud800""#, Some("subject"), "not-json"),
        (r#""subject":1e999"#, Some("subject"), "not-json"),
        (r#""subject""#, Some("subject"), "not-json"),
        (r#""subject":null"#, None, ""),
        (r#""attach":"a;b""#, None, ""),
    ];
    for (member, column, word) in vectors {
        let expected = if word.is_empty() { vec![] } else { vec![(1, column, word)] };
        assert_eq!(wrong("m.jsonl", object(member).as_bytes()), expected, "{member}");
    }
    for line in ["17", "[]", "\"a\"", "null"] {
        let content = format!("{}{line}", object(r#""subject":"a""#));
        assert_eq!(wrong("m.jsonl", content.as_bytes()), [(2, None, "not-an-object")], "{line}");
    }
    assert_eq!(wrong("m.jsonl", b"{\"to\":\"a@x.fr\",\"body\":\"b\"} {}\n"), [(1, None, "not-json")]);
    let deep = object(&format!("\"x\":{}", "[".repeat(100_000)));
    assert!(!wrong("m.jsonl", deep.as_bytes()).is_empty());
}

#[test]
fn a_finding_shows_nothing_of_a_cell() {
    let secrets = b"to,subject,body,protection\nDUPONT@,\"DUPONT\"DUPONT,DUPONT\xff,DUPONT\nDUPONT,DU\"PONT,\n";
    let (_dir, path) = written("m.csv", secrets);
    let (_, found) = read(&path).unwrap();
    assert!(found.len() > 4);
    assert!(found.iter().all(|finding| !finding.to_string().to_uppercase().contains("DUPONT")), "{found:?}");
}

#[test]
fn a_second_reading_is_the_first_again_and_notices_a_change() {
    let (dir, path) = written("m.csv", b"to,body,attach\na@x.fr,a,f\nb@x.fr,b,");
    fs::write_private(&dir.path().join("f"), b"one").unwrap();
    let mut manifest = Manifest::open(&path).unwrap();
    let mut digests = || -> Vec<[u8; 16]> {
        manifest.rows().unwrap().map(|row| row.unwrap().look_at_files().unwrap().digest).collect()
    };
    let first = digests();
    assert_eq!(digests(), first);
    fs::write_private(&dir.path().join("f"), b"another").unwrap();
    let second = digests();
    assert!(second[0] != first[0] && second[1] == first[1]);
    overwrite(&path, b"to,body,attach\na@x.fr,a,f\nb@x.fr,c,\n");
    assert!(digests()[1] != second[1]);
    overwrite(&path, b"to,attach,body\na@x.fr,a,f\nb@x.fr,c,\n");
    assert!(matches!(manifest.rows().map(|_| ()), Err(ManifestError::HeaderChanged)));
}

#[test]
fn files_that_cannot_be_sent_are_found_one_by_one() {
    let (dir, path) = written("m.csv", b"to,body-file,attach\na@x.fr,none,e;ok;.\n");
    fs::write_private(&dir.path().join("e"), b"").unwrap();
    fs::write_private(&dir.path().join("ok"), b"ok").unwrap();
    let (rows, _) = read(&path).unwrap();
    let found: Vec<String> = rows[0].look_at_files().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "row 1 (line 2), body-file: file 1: it is not there",
            "row 1 (line 2), attach: file 1: it is empty",
            "row 1 (line 2), attach: file 3: it is a folder, not a file",
        ]
    );
}

#[derive(Clone, Debug)]
struct Given {
    key: Option<String>,
    to: Vec<String>,
    subject: String,
    body: String,
    attach: Vec<String>,
}

fn given() -> impl Strategy<Value = Given> {
    let body = "[ -~é€\n\r\t\"]{0,40}[a-z\n]";
    (
        option::of("[ -~é\"]{1,20}"),
        collection::vec("[a-z]{1,8}@[a-z]{1,8}\\.fr", 1..4),
        "[ -~é\"]{0,20}",
        body,
        collection::vec("[a-z\"é,|][a-z \"é,|]{0,9}[a-z]", 0..4),
    )
        .prop_map(|(key, to, subject, body, attach)| Given { key, to, subject, body, attach })
}

fn meant(row: &Row, folder: &Path) -> (Option<String>, Vec<String>, String, Text, Vec<String>) {
    let names = row.attach.iter().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
    (row.key.clone(), row.to.clone(), row.subject.clone(), row.text.clone(), names.collect())
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(all in collection::vec(given(), 1..20), separator in 0..4usize, end in 0..3usize) {
        let ends = [::csv::Terminator::CRLF, ::csv::Terminator::Any(b'\n'), ::csv::Terminator::Any(b'\r')];
        let mut writer = ::csv::WriterBuilder::new().delimiter(b",;\t|"[separator]).terminator(ends[end]).from_writer(Vec::new());
        writer.write_record(["key", "to", "subject", "body", "attach"]).unwrap();
        let mut lines = String::new();
        for it in &all {
            let key = it.key.as_deref().unwrap_or_default();
            writer.write_record([key, &it.to.join(";"), &it.subject, &it.body, &it.attach.join(";")]).unwrap();
            let object: Value =
                json!({"key": it.key, "to": it.to, "subject": it.subject, "body": it.body, "attach": it.attach});
            lines += &format!("{object}\n");
        }
        let expected: Vec<_> = all
            .iter()
            .map(|it| (it.key.clone(), it.to.clone(), it.subject.clone(), Text::Inline(it.body.clone()), it.attach.clone()))
            .collect();
        for (name, content) in [("m.csv", writer.into_inner().unwrap()), ("m.jsonl", lines.into_bytes())] {
            let (dir, path) = written(name, &content);
            let (rows, found) = read(&path).unwrap();
            prop_assert_eq!(found, []);
            prop_assert_eq!(rows.iter().map(|row| meant(row, dir.path())).collect::<Vec<_>>(), &expected[..]);
        }
    }

    #[test]
    fn any_octets_come_to_an_end(octets in collection::vec(any::<u8>(), 0..400), picked in "[\"\\\\,;\r\na@.{}:\\[\\]\0é]{0,200}") {
        let dir = tempfile::tempdir().unwrap();
        for octets in [&octets[..], picked.as_bytes()] {
            for (name, head) in [("m.csv", &b"to,body,attach\n"[..]), ("m.jsonl", b"{\"to\":"), ("m", b"")] {
                overwrite(&dir.path().join(name), &[head, octets].concat());
                let _ = read(&dir.path().join(name));
            }
        }
    }
}
