//! The words: what is refused, what each failure says, and that every help and every hint can be followed.

mod failures;
mod hints;
mod usage;

/// Every command by its words after `mss`, the empty one for `mss` itself.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, words: &[String], found: &mut Vec<Vec<String>>) {
        found.push(words.to_vec());
        for next in command.get_subcommands() {
            below(next, &[words, &[next.get_name().to_owned()]].concat(), found);
        }
    }
    let mut found = Vec::new();
    below(&mss::cli::command(), &[], &mut found);
    found
}

#[test]
fn every_command_has_its_help_and_completes() {
    for mut words in commands() {
        for help in ["-h", "--help"] {
            words.push(help.to_owned());
            let said = mss::cli::command().try_get_matches_from(["mss".to_owned()].iter().chain(&words));
            let said = said.expect_err("help is not a match");
            assert_eq!(said.kind(), clap::error::ErrorKind::DisplayHelp, "mss {}", words.join(" "));
            let text = said.to_string();
            assert!(text.contains("Usage: mss") && text.contains("Options of every command:"), "{text}");
            assert!(
                text.lines().all(|line| line.chars().count() <= 100),
                "mss {}: wider than 100 columns",
                words.join(" ")
            );
            words.pop();
        }
    }
    mss::cli::command().debug_assert();
}
