//! Every command that a hint shows is one that can be typed.

use std::path::Path;

use crate::docs::refused;
use crate::house::none;

/// The text literals of a file that open with `mss `, and their lines; `{id}` and the like stand for a word.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("\"mss ") {
            let literal = line[at + 1..].split('"').next().unwrap_or_default();
            // Neither a usage line nor what is put together from other literals can be typed.
            let command = literal["mss ".len()..].starts_with(|c: char| c.is_ascii_lowercase() || c == '-');
            if !command || literal.contains("[OPTIONS]") {
                continue;
            }
            let words: Vec<&str> =
                literal.split(' ').map(|word| if word.starts_with('{') { "WORD" } else { word }).collect();
            found.push((number + 1, words.join(" ")));
        }
    }
    found
}

#[test]
fn every_command_of_a_hint_is_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let (mut seen, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("src/cli is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "manual.rs" {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a source is text");
        let hints = text.matches("hint_command(").count() - text.matches("fn hint_command(").count();
        let found = commands(&text);
        if hints > found.len() {
            wrong.push(format!("src/cli/{name}: {hints} hints show a command, but {} are literals", found.len()));
        }
        seen += hints;
        wrong.extend(found.iter().flat_map(|(line, text)| refused(&format!("src/cli/{name}:{line}"), text)));
    }
    assert!(seen > 5, "the hints are found");
    none(wrong);
}

#[test]
fn a_hint_that_cannot_be_typed_is_refused() {
    let text = "x.hint_command(\"try\", \"mss frobnicate\")\n.hint(format!(\"mss outbox resolve {id} --assume lost\"))";
    let found = commands(text);
    assert_eq!(found, [(1, "mss frobnicate".to_owned()), (2, "mss outbox resolve WORD --assume lost".to_owned())]);
    assert_eq!(refused("here", &found[0].1).len(), 1);
    assert_eq!(refused("here", &found[1].1), [""; 0]);
}
