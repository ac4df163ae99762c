//! Each habit broken on purpose once, and seen to be refused with the file, the line and the rule.

use super::habits;
use super::source::Source;

fn source(path: &str, text: &str) -> Source {
    Source::new(path, text)
}

#[track_caller]
fn refused(found: impl IntoIterator<Item = String>, said: &[&str]) {
    let found: Vec<String> = found.into_iter().collect();
    assert_eq!(found.len(), said.len(), "{found:#?}");
    for (found, said) in found.iter().zip(said) {
        assert!(found.starts_with(said), "{found} does not begin with {said}");
    }
}

#[test]
fn a_file_without_its_sentence_is_refused() {
    refused(habits::head(&source("src/a.rs", "use std::io;\n")), &["src/a.rs:1: head:"]);
    refused(habits::head(&source("src/a.rs", "//! Files.\n")), &["src/a.rs:1: head:"]);
    refused(habits::head(&source("src/a.rs", "//! Private files, whole or absent\n\nuse x;")), &["src/a.rs:1: head:"]);
    refused(habits::head(&source("src/a.rs", "/// Private files, whole or absent.\n")), &["src/a.rs:1: head:"]);
    refused(habits::head(&source("src/a.rs", "//! Private files,\n//! whole or absent.\n//!\n//! More\n")), &[]);
}

#[test]
fn a_file_that_grew_too_long_is_refused() {
    refused(habits::length(&source("src/a.rs", &"f();\n".repeat(501))), &["src/a.rs:500: length: 501 lines"]);
    refused(habits::length(&source("src/a.rs", &"f();\n// why\n\n".repeat(500))), &[]);
}

#[test]
fn a_message_made_ready_elsewhere_is_refused() {
    let files = [source("src/smtp/session.rs", "use crate::sealed::Sealed;\nfn f() { Sealed::new(a, b, c, d) }")];
    refused(habits::made_sealed(&files, &[]), &["src/smtp/session.rs:2: sealed:"]);
    refused(habits::made_sealed(&files, &[("src/smtp/session.rs", "seals")]), &[]);
    refused(
        habits::made_sealed(&[], &[("src/smtp/session.rs", "seals")]),
        &["src/smtp/session.rs:1: sealed: on the list"],
    );
}

#[test]
fn a_secret_opened_elsewhere_is_refused() {
    let files = [
        source("src/smtp/auth.rs", "fn f() {\n  password.expose();\n}"),
        source(
            "src/secret/mod.rs",
            "impl X { fn expose(&self) {} }\n#[cfg(test)]\nmod tests { fn f() { x.expose() } }",
        ),
        source("src/trace/mod.rs", "fn f() { keys.iter().map(Secret::expose) }"),
    ];
    refused(habits::opened_secrets(&files, &[("src/trace/mod.rs", "seals")]), &["src/smtp/auth.rs:2: secrets:"]);
    let listed = [("src/smtp/auth.rs", "a"), ("src/trace/mod.rs", "b"), ("src/secret/mod.rs", "c")];
    refused(habits::opened_secrets(&files, &listed), &["src/secret/mod.rs:1: secrets: on the list"]);
}

#[test]
fn the_system_clock_is_refused_outside_its_room() {
    let text = "fn f() {\n std::time::SystemTime::now();\n jiff::Zoned::now();\n totp.generate_current();\n Instant::now();\n clock.now();\n}";
    let said = ["src/trace/mod.rs:2: clock:", "src/trace/mod.rs:3: clock:", "src/trace/mod.rs:4: clock:"];
    refused(habits::system_clock(&source("src/trace/mod.rs", text)), &said);
    refused(habits::system_clock(&source("src/clock.rs", text)), &[]);
}

#[test]
fn printing_outside_cli_is_refused() {
    let text = "fn f() {\n println!(\"x\");\n std::io::stderr().write(b\"x\");\n writeln!(stdout(), \"\");\n\
        command.stdout(Stdio::null());\n child.stdout();\n let println = 1;\n}\n#[cfg(test)]\nmod tests { fn f() { print!(\"\") } }";
    let said = ["src/smtp/mod.rs:2: printing:", "src/smtp/mod.rs:3: printing:", "src/smtp/mod.rs:4: printing:"];
    refused(habits::printing(&source("src/smtp/mod.rs", text)), &said);
    refused(habits::printing(&source("src/cli/output.rs", text)), &[]);
    refused(habits::printing(&source("src/main.rs", text)), &[]);
}

#[test]
fn an_exit_outside_main_is_refused() {
    let text = "use std::process::{self, exit};\nfn f() { process::abort() }";
    refused(habits::exits(&source("src/cli/mod.rs", text)), &["src/cli/mod.rs:1: exit:", "src/cli/mod.rs:2: exit:"]);
    refused(habits::exits(&source("src/main.rs", text)), &[]);
}

#[test]
fn unsafe_outside_its_file_is_refused() {
    let text = "#![expect(unsafe_code, reason = \"no safe way\")]\nfn f() {\n // unsafe\n unsafe { g() }\n}";
    refused(habits::unsafe_code(&source("src/cms/reader.rs", text)), &["src/cms/reader.rs:4: unsafe:"]);
    refused(habits::unsafe_code(&source("src/cms/evp.rs", text)), &[]);
}

#[test]
fn a_file_written_past_fs_is_refused() {
    let text = "use std::fs::{self, File};\nfn f() {\n File::create(p);\n fs::write(p, b);\n OpenOptions::new().write(true);\n\
        std::fs::create_dir_all(p);\n File::open(p);\n fs::read(p);\n}\n#[cfg(test)]\nmod tests { fn f() { std::fs::write(p) } }";
    let said = [3, 4, 5, 6].map(|line| format!("src/vault/mod.rs:{line}: files:"));
    refused(habits::writes(&source("src/vault/mod.rs", text), &[]), &said.each_ref().map(String::as_str));
    refused(habits::writes(&source("src/fs.rs", text), &[]), &[]);
    refused(habits::writes(&source("src/vault/mod.rs", text), &[("src/vault/mod.rs", "why")]), &[]);
    let ours = "use crate::fs;\nfn f() {\n fs::rename(a, b);\n crate::fs::write(a);\n std::fs::rename(a, b);\n}";
    refused(habits::writes(&source("src/vault/mod.rs", ours), &[]), &["src/vault/mod.rs:5: files:"]);
}

#[test]
fn a_drawer_without_a_label_is_refused() {
    refused(habits::drawers(&source("src/smtp/utils.rs", "")), &["src/smtp/utils.rs:1: names: `utils`"]);
    refused(habits::drawers(&source("tests/common/mod.rs", "")), &["tests/common/mod.rs:1: names: `common`"]);
    refused(habits::drawers(&source("src/smtp/mod.rs", "\nmod helpers;")), &["src/smtp/mod.rs:2: names: `helpers`"]);
}

#[test]
fn a_star_import_is_refused() {
    refused(
        habits::globs(&source("src/smtp/mod.rs", "\nuse crate::mail::{Address, *};")),
        &["src/smtp/mod.rs:2: imports:"],
    );
    refused(habits::globs(&source("src/smtp/mod.rs", "use super::*;")), &["src/smtp/mod.rs:1: imports:"]);
    refused(habits::globs(&source("src/smtp/mod.rs", "#[cfg(test)]\nmod tests { use super::*; }")), &[]);
}

#[test]
fn an_exception_without_a_reason_is_refused() {
    let text = "#![allow(dead_code)]\n#[expect(unused, reason = \"later\")]\n#[path = \"b.rs\"]\nmod c;\ninclude!(\"d.rs\");\ninclude_str!(\"e\");\n# [ignore]";
    let said = ["src/a.rs:1: lints:", "src/a.rs:3: modules:", "src/a.rs:7: modules:", "src/a.rs:5: modules:"];
    refused(habits::attributes(&source("src/a.rs", text)), &said);
}

#[test]
fn a_forbidden_word_is_refused() {
    let note = ["TO", "DO"].concat();
    let place = ["/ro", "ot/target"].concat();
    let host = ["crates", ".io"].concat();
    let text = format!(
        "fine\n// {note}: later\nlet p = \"{place}\";\nsee https://{host}/x\n{note}S mas{note} net/{}",
        &place[1..]
    );
    refused(habits::words("README.md", &text), &["README.md:2: words:", "README.md:3: words:", "README.md:4: words:"]);
}

#[test]
fn a_test_that_is_not_run_is_refused() {
    let files = [
        source("tests/main.rs", "mod flows;\nmod house;"),
        source("tests/flows/mod.rs", "mod send;"),
        source("tests/flows/send.rs", ""),
        source("tests/flows/fetch.rs", ""),
        source("tests/house.rs", "mod floors;"),
        source("tests/house/floors.rs", ""),
        source("tests/lonely.rs", ""),
    ];
    refused(
        habits::unreached(&files, &["tests/main.rs"]),
        &["tests/flows/fetch.rs:1: modules:", "tests/lonely.rs:1: modules:"],
    );
}

#[test]
fn a_stranger_at_the_top_is_refused() {
    let names = ["src", "tests", ".ci", "target", "Cargo.toml", "notes.txt", "docs"].map(str::to_owned);
    refused(habits::top_level(&names), &["notes.txt:1: top level:", "docs:1: top level:"]);
}
