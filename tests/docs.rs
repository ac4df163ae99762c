//! What is written about the program is what the program says: manual, completions, examples, README, changelog.

mod console;
mod kept;
mod manual;

use std::os::unix::fs::PermissionsExt;

use clap_complete::aot::{Generator, Shell, generate};
use kept::Files;
use mss::cli::manual::PAGES;
use mss::cli::status::STATUSES;

use crate::bench::{Bench, skip};
use crate::house::{none, read};

/// The moment every example is shown at.
const MOMENT: &str = "2026-01-05T08:00:00Z";

/// A bench with the files that examples speak of.
fn desk() -> Bench {
    let bench = Bench::new().clock(MOMENT);
    bench.file("result.pdf", b"%PDF-1.7\n% a result for an example\n%%EOF\n");
    let row = |number: u8| format!("analysis-{number},dr.durand@medecin.sandbox,Bilan {number},result.pdf\n");
    let rows = [row(1), row(2), row(3)].concat();
    bench.file("results.csv", format!("key,to,subject,attach\n{rows}").as_bytes());
    bench.file("scan.png", b"\x89PNG\r\n\x1a\n");
    bench.file("letter.txt", "Cher confrère,\nvoici le résultat.\n".as_bytes());
    bench
}

#[test]
fn the_manual_is_what_the_words_say() {
    kept::folder("man", &manual::pages(mss::cli::command()));
}

#[test]
fn the_completions_are_what_the_words_say() {
    let mut files = Files::new();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
        let mut text = Vec::new();
        generate(shell, &mut mss::cli::command(), "mss", &mut text);
        files.insert(shell.file_name("mss"), String::from_utf8(text).expect("a script is text"));
    }
    kept::folder("completions", &files);
}

#[test]
fn the_sample_configuration_is_what_the_vault_reads() {
    kept::file("examples/config.toml", &mss::vault::sample());
}

#[test]
fn every_word_has_its_help() {
    fn look(command: &clap::Command, name: &str, found: &mut Vec<String>) {
        let mut refuse = |what: &str, why: &str| found.push(format!("src/cli: help of `{name}`{what}: {why}"));
        match command.get_about().map(ToString::to_string) {
            None => refuse("", "is missing"),
            Some(about) if about.ends_with('.') => refuse("", "the first line has no full stop"),
            Some(_) => {}
        }
        for argument in command.get_opts().filter(|argument| !argument.is_hide_set()) {
            match argument.get_help().map(ToString::to_string) {
                None => refuse(&format!(" --{}", argument.get_id()), "is missing"),
                Some(help) if help.ends_with('.') => {
                    refuse(&format!(" --{}", argument.get_id()), "the first line has no full stop");
                }
                Some(_) => {}
            }
        }
        for below in command.get_subcommands() {
            look(below, &format!("{name} {}", below.get_name()), found);
        }
    }
    let mut found = Vec::new();
    look(&mss::cli::command(), "mss", &mut found);
    none(found);
}

/// What clap says against a line of shell, one sentence for each call that it refuses.
pub fn refused(place: &str, line: &str) -> Vec<String> {
    let parse =
        |call: &Vec<String>| mss::cli::command().try_get_matches_from(call).err().filter(clap::Error::use_stderr);
    let calls = console::calls(line);
    let said = |error: clap::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    calls.iter().filter_map(parse).map(|error| format!("{place}: `{line}`: {}", said(error))).collect()
}

#[test]
fn every_example_of_the_manual_is_a_command() {
    let examples = PAGES.iter().flat_map(|page| page.examples);
    none(examples.flat_map(|(_, line)| refused("src/cli/manual.rs", line)));
}

#[test]
fn every_example_of_the_manual_runs() {
    let bench = desk();
    // The others speak of a vault, or go on until they are stopped: they can only be read.
    let runs = |line: &&str| {
        line.starts_with("mss --sandbox")
            || ["mss demo", "mss config schema", "mss sandbox --list"].iter().any(|it| line.starts_with(it))
    };
    let lines = PAGES.iter().flat_map(|page| page.examples).map(|(_, line)| *line).filter(runs);
    for line in lines {
        bench.program("sh", ["-c".to_owned(), line.to_owned()]).stdin("A word in advance.\n").run().status(0);
    }
}

#[test]
fn every_page_tells_its_statuses_and_examples() {
    let mut found = Vec::new();
    for page in &PAGES {
        let name = page.command.join(" ");
        let mut refuse = |why: &str| found.push(format!("src/cli/manual.rs: page of `mss {name}`: {why}"));
        if page.examples.is_empty() {
            refuse("has no example");
        }
        if page.statuses.is_empty() || !page.statuses.is_sorted_by_key(|status| status.code()) {
            refuse("its statuses are missing or not in order");
        }
        if page.security.is_empty() || page.standards.is_empty() {
            refuse("says nothing of security or standards");
        }
        let command =
            page.command.iter().try_fold(mss::cli::command(), |command, word| command.find_subcommand(word).cloned());
        if command.is_none() {
            refuse("there is no such command");
        }
    }
    let commands = mss::cli::command();
    for command in commands.get_subcommands() {
        if !PAGES.iter().any(|page| page.command == [command.get_name()]) {
            found.push(format!("src/cli/manual.rs: `mss {}` has no page", command.get_name()));
        }
    }
    none(found);
}

#[test]
fn the_readme_shows_what_happens() {
    let text = read("README.md");
    let (bench, steps) = (desk(), console::steps(&text));
    assert!(!steps.is_empty(), "README.md:1: there is no ```console block to run");
    let mut wrong = Vec::new();
    let mut answers = Vec::new();
    for step in &steps {
        let outcome = bench.shell(&format!("exec 2>&1\n{}", step.command));
        let answer = outcome.text();
        if !console::matches(&step.answer, &answer.lines().collect::<Vec<_>>()) {
            wrong.push(format!("README.md:{}: `{}` answers:\n{answer}", step.line, step.command));
            answers.push((step, answer));
        }
        outcome.status(step.status);
    }
    if kept::update() {
        kept::file("README.md", &console::with_answers(&text, &answers));
    } else {
        none(wrong);
    }
}

#[test]
fn the_readme_speaks_in_words_that_exist() {
    let text = read("README.md");
    let mut shell = false;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(language) => shell = !shell && ["sh", "bash", "shell"].contains(&language.trim()),
            None if shell => found.extend(refused(&format!("README.md:{}", number + 1), line.trim_start_matches("$ "))),
            None => {}
        }
    }
    none(found);
}

#[test]
fn the_readme_has_the_tables_of_the_code() {
    let text = read("README.md");
    let statuses = STATUSES.iter().map(|(status, name, meaning)| format!("| {} | {name} | {meaning} |", status.code()));
    let plan = read("src/lib.rs");
    let rooms = plan.lines().filter_map(|line| line.strip_prefix("//! |")).map(|row| format!("|{row}"));
    let missing = statuses.chain(rooms).filter(|row| !text.lines().any(|line| line == row));
    none(missing.map(|row| format!("README.md:1: this row of the code is not in the README: {row}")));
}

/// Every script of `examples/`, in an order in which each finds what it needs: as whom it runs, and what it says then.
const SCRIPTS: [(&str, &str, &str); 6] = [
    ("send-results.sh", "laboratoire", "accepted dr.durand@medecin.sandbox"),
    ("hand_over.py", "dr.durand", "-result.pdf from laboratoire@biologie.sandbox"),
    ("cardiologists.sh", "laboratoire", "dr.lefevre@medecin.sandbox"),
    ("letter.sh", "laboratoire", "accepted someone@example.org"),
    ("nightly.sh", "laboratoire", "ok"),
    ("sandbox_test.py", "laboratoire", "submitted and fetched"),
];

#[test]
fn the_example_scripts_run() {
    let bench = Bench::new();
    bench.file("outgoing/dr.durand@medecin.sandbox/result.pdf", b"%PDF-1.7\n");
    for (script, profile, says) in SCRIPTS {
        let name = format!("examples/{script}");
        let text = read(&name);
        let needs_python = text.contains("python3");
        if needs_python && !skip::has("python3", &name) {
            continue;
        }
        let call = bench.program(kept::place(&name).to_str().expect("names here are text"), []);
        let outcome = call.variable("MSS", "mss --sandbox").variable("MSS_PROFILE", profile).run();
        outcome.status(0).stdout_has(says);
    }
    assert!(bench.path("sent/dr.durand@medecin.sandbox/result.pdf").is_file(), "what was sent is put away");
}

#[test]
fn every_example_script_is_run_and_says_what_it_shows() {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(kept::place("examples")).expect("examples/ is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let opening = match name.rsplit_once('.') {
            Some((_, "sh")) => "#!/bin/sh\n# ",
            Some((_, "py")) => "#!/usr/bin/env python3\n\"\"\"",
            _ => continue,
        };
        let mut refuse = |why: &str| found.push(format!("examples/{name}:1: {why}"));
        if !read(&format!("examples/{name}")).starts_with(opening) {
            refuse(&format!("does not open with {opening:?} and what it shows"));
        }
        if entry.metadata().expect("the script is there").permissions().mode() & 0o111 == 0 {
            refuse("cannot be run: chmod +x");
        }
        if !SCRIPTS.iter().any(|(script, ..)| *script == name) {
            refuse("is not run: name it in tests/docs.rs");
        }
    }
    none(found);
}

/// What each unit and each line of cron runs, and where that stands.
fn scheduled() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(kept::place("examples")).expect("examples/ is there").flatten() {
        let name = format!("examples/{}", entry.file_name().to_string_lossy());
        let text = if name.ends_with(".service") || name.ends_with(".cron") { read(&name) } else { continue };
        for (number, line) in text.lines().enumerate() {
            let command = match line.strip_prefix("ExecStart=/usr/bin/") {
                Some(command) => Some(command.to_owned()),
                // Five fields of time and the user stand before the command.
                None if name.ends_with(".cron") && line.starts_with(|c: char| c.is_ascii_digit() || c == '*') => {
                    Some(line.split(' ').skip(6).collect::<Vec<_>>().join(" "))
                }
                None => None,
            };
            found.extend(command.map(|command| (format!("{name}:{}", number + 1), command)));
        }
    }
    found
}

#[test]
fn what_services_and_cron_run_is_understood() {
    let found = scheduled();
    assert_eq!(found.len(), 8, "every line is found");
    let silent = |(place, line): &&(String, String)| !line.contains("--no-input") || place.is_empty();
    assert_eq!(found.iter().find(silent), None, "nobody is there to be asked");
    none(found.iter().flat_map(|(place, line)| {
        assert!(!console::calls(line).is_empty(), "{place}: `{line}` does not call mss");
        refused(place, line)
    }));
}

#[test]
fn the_units_are_understood_by_the_service_manager() {
    if !skip::has("systemd-analyze", "examples/mss-outbox.service") {
        return;
    }
    let bench = Bench::new();
    for name in ["mss-fetch.service", "mss-outbox.service", "mss-send.service", "mss-send.timer"] {
        // It looks whether the program is there; any program will do.
        let unit = read(&format!("examples/{name}")).replace("/usr/bin/mss", "/bin/true");
        bench.file(name, unit.as_bytes());
    }
    let said = bench.shell(
        "systemd-analyze verify --man=no ./mss-fetch.service ./mss-outbox.service ./mss-send.service ./mss-send.timer 2>&1",
    );
    let ours: Vec<String> = said.text().lines().filter(|line| line.contains("mss-")).map(str::to_owned).collect();
    none(ours);
}

#[test]
fn the_changelog_knows_this_version() {
    let (text, version) = (read("CHANGELOG.md"), env!("CARGO_PKG_VERSION"));
    let heading = text.lines().find(|line| line.starts_with("## "));
    let named = heading.is_some_and(|heading| heading.split([' ', '[', ']']).any(|word| word == version));
    assert!(named, "CHANGELOG.md: the first `## ` heading is {heading:?}, not the one of version {version}");
}
