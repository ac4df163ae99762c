//! Files that are rendered from the program: on disk they are as rendered, no more and no fewer; `UPDATE=1` rewrites them.

#![expect(clippy::disallowed_methods, reason = "what is rendered is public, and git keeps the copy before")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::house::none;

/// A name and what the file of that name holds.
pub type Files = BTreeMap<String, String>;

/// Whether the files are to be rewritten instead of compared.
pub fn update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// A place in the package.
pub fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a whole folder with what is rendered for it.
#[track_caller]
pub fn folder(name: &str, rendered: &Files) {
    let listed = fs::read_dir(place(name)).into_iter().flatten().flatten();
    let found: Files = listed
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .map(|(file, path)| (file, fs::read_to_string(path).unwrap_or_default()))
        .collect();
    if update() {
        fs::create_dir_all(place(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        for stranger in found.keys().filter(|file| !rendered.contains_key(*file)) {
            fs::remove_file(place(name).join(stranger)).unwrap_or_else(|error| panic!("{name}/{stranger}: {error}"));
        }
        for (file, text) in rendered {
            fs::write(place(name).join(file), text).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
        }
        return;
    }
    none(differences(name, rendered, &found));
}

/// Compares one file with what is rendered for it.
#[track_caller]
pub fn file(path: &str, rendered: &str) {
    let found = fs::read_to_string(place(path)).ok();
    if update() {
        fs::write(place(path), rendered).unwrap_or_else(|error| panic!("{path}: {error}"));
    } else {
        none(difference(path, rendered, found.as_deref()));
    }
}

fn differences(folder: &str, rendered: &Files, found: &Files) -> Vec<String> {
    let strangers = found.keys().filter(|file| !rendered.contains_key(*file));
    let strangers = strangers.map(|file| format!("{folder}/{file}:1: the program renders no such file; {REMEDY}"));
    let changed = rendered
        .iter()
        .filter_map(|(file, text)| difference(&format!("{folder}/{file}"), text, found.get(file).map(String::as_str)));
    strangers.chain(changed).collect()
}

fn difference(path: &str, rendered: &str, found: Option<&str>) -> Option<String> {
    let Some(found) = found else { return Some(format!("{path}:1: is not there; {REMEDY}")) };
    if found == rendered {
        return None;
    }
    let (mut ours, mut theirs) = (rendered.lines(), found.lines());
    let (mut number, mut pair) = (0, (None, None));
    while pair.0 == pair.1 && number <= rendered.lines().count() {
        (number, pair) = (number + 1, (ours.next(), theirs.next()));
    }
    let (ours, theirs) = (pair.0.unwrap_or("(the end)"), pair.1.unwrap_or("(the end)"));
    Some(format!("{path}:{number}: differs: the program renders {ours:?}, the file has {theirs:?}; {REMEDY}"))
}

const REMEDY: &str = "UPDATE=1 cargo test docs:: writes what is rendered";

#[cfg(test)]
mod tests {
    use super::{Files, differences};

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_difference_names_the_file_the_line_and_the_remedy() {
        let rendered = files(&[("mss.1", "a\nb\nc\n"), ("mss-send.1", "x\n"), ("mss-fetch.1", "y\n")]);
        let found = files(&[("mss.1", "a\nB\nc\n"), ("mss-fetch.1", "y\n"), ("mss-old.1", "z\n")]);
        let said = differences("man", &rendered, &found);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("man/mss-old.1:1: the program renders no such file; UPDATE=1"));
        assert!(said[1].starts_with("man/mss-send.1:1: is not there; UPDATE=1"));
        assert!(said[2].starts_with("man/mss.1:2: differs: the program renders \"b\", the file has \"B\"; UPDATE=1"));
        assert_eq!(differences("man", &rendered, &rendered), [""; 0]);
    }

    #[test]
    fn a_missing_end_is_a_difference() {
        let (long, short) = (files(&[("a", "1\n2\n")]), files(&[("a", "1\n")]));
        assert!(
            differences("d", &long, &short)[0]
                .contains("d/a:2: differs: the program renders \"2\", the file has \"(the end)\"")
        );
        assert!(differences("d", &short, &long)[0].contains("d/a:2: differs: the program renders \"(the end)\""));
        assert_eq!(differences("d", &short, &files(&[("a", "1")])).len(), 1, "the last line end counts");
    }
}
