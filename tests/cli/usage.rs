//! Words that are wrong: status 64, on stderr, and nothing was done.

use crate::bench::Bench;

/// Words and what is said of them.
const WRONG: [(&str, &str); 21] = [
    ("", "Usage: mss"),
    ("sned", "similar subcommand"),
    ("send", "--to <ADDRESS|RPPS>"),
    ("send --to", "a value is required"),
    ("send --to a@b --password hunter2", "unexpected argument '--password'"),
    ("send --to a@b --protection none", "[possible values: smime, package, transport]"),
    ("--quiet --verbose lookup durand", "cannot be used with"),
    ("lookup", "required arguments"),
    ("lookup --limit many durand", "invalid value 'many'"),
    ("audit", "Usage: mss audit"),
    ("audit log --action frobnicate", "possible values: send"),
    ("outbox resolve --assume lost", "<ID>"),
    ("outbox list --state lost", "possible values: committing"),
    ("outbox list --older-than 24h", "--undelivered"),
    ("outbox purge --older-than soon", "90s, 30m, 24h or 5d"),
    ("outbox run --rate 600", "10/s, 600/m or 5000/h"),
    ("outbox run --watch --every 2h", "from 1s to 1h"),
    ("config rekey", "--passphrase"),
    ("config set submission.host x --from-file y", "cannot be used with"),
    ("init --certificate c.pem", "--key"),
    ("--color sometimes demo", "[possible values: auto, always, never]"),
];

#[test]
fn wrong_words_are_refused_and_nothing_is_done() {
    let bench = Bench::new();
    for (words, said) in WRONG {
        bench.run(words.split_whitespace()).status(64).stdout_is("").stderr_has(said);
    }
    assert!(!bench.home().join(".state").exists() && !bench.home().join(".config").exists());
}

#[test]
fn wrong_words_are_told_in_json_where_it_was_asked_for() {
    let bench = Bench::new();
    for (words, _) in WRONG.iter().filter(|(words, _)| !words.is_empty()) {
        let outcome = bench.run(["--json"].into_iter().chain(words.split_whitespace()));
        let error = outcome.status(64).stdout_is("").json_error();
        assert_eq!((error["schema"].as_str(), error["status"].as_u64()), (Some("mss.error/1"), Some(64)), "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty() && outcome.stderr.lines().count() == 1, "{error}");
    }
    bench.run(["--json", "--version"]).status(0).stdout_has(env!("CARGO_PKG_VERSION"));
}

#[test]
fn what_can_be_asked_is_an_error_that_names_the_option() {
    let bench = Bench::new().word("--no-input");
    bench.run(["init"]).status(64).stderr_has("--address ADDRESS");
    bench.run(["init", "--address", "a@b.sandbox"]).status(64).stderr_has("--author ID");
}
