//! Takes out of a text what would turn the trace into a second patient file.

use crate::ids::Ins;

/// No text in a record is longer, in characters.
const LONGEST: usize = 200;

/// One line without the local parts of addresses, without matricules, without control characters, and of bounded length.
pub(super) fn masked(text: &str) -> String {
    let flat = flat(text);
    let mut line = String::new();
    for word in flat.split_inclusive(|c: char| c.is_whitespace() || "<>()[]\"',;=".contains(c)) {
        match word.rfind('@') {
            Some(at) => {
                line.push('*');
                line.push_str(&word[at..]);
            }
            None => line.push_str(&without_matricule(word)),
        }
    }
    bounded(&line)
}

/// One line without control characters, and of bounded length.
pub(super) fn one_line(text: &str) -> String {
    bounded(&flat(text))
}

fn flat(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST * 4).collect()
}

fn bounded(line: &str) -> String {
    let line = line.trim();
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn without_matricule(word: &str) -> String {
    let runs = word.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    runs.map(|run| {
        let number = run.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_matricule(number) { format!("*{}", &run[number.len()..]) } else { run.to_owned() }
    })
    .collect()
}

/// Whether it is a matricule, or has the length and the beginning of one, with or without its key.
fn is_matricule(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let shape = matches!(text.len(), 13 | 15) && digits + 1 >= text.len();
    text.parse::<Ins>().is_ok() || (shape && text.starts_with(['1', '2', '3', '4', '7', '8']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_their_domain_only() {
        assert_eq!(
            masked("550 5.1.1 <279035121518989@patient.mssante.fr>: User unknown"),
            "550 5.1.1 <*@patient.mssante.fr>: User unknown"
        );
        assert_eq!(masked("to=jean.dupont@x.fr, orig_to=a"), "to=*@x.fr, orig_to=a");
    }

    #[test]
    fn matricules_are_taken_out_and_other_numbers_stay() {
        assert_eq!(masked("no mailbox 279035121518989."), "no mailbox *.");
        assert_eq!(masked("no mailbox 2790351215189 here"), "no mailbox * here");
        assert_eq!(masked("250 2.0.0 Ok: queued as 4bQx2k5Z1zz9"), "250 2.0.0 Ok: queued as 4bQx2k5Z1zz9");
        assert_eq!(masked("RPPS 99700000013"), "RPPS 99700000013");
    }

    #[test]
    fn lines_are_one_and_short() {
        assert_eq!(masked("one\r\ntwo\u{1b}[31m"), "one  two [31m");
        assert_eq!(masked(&"é ".repeat(5000)).chars().count(), LONGEST);
    }
}
