//! The rules of the house, read from the floor plan in `src/lib.rs` and checked against every file.

mod broken;
mod floors;
mod habits;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use floors::FloorPlan;
pub use source::Source;

/// The files that may open a secret, and what for.
const OPEN_SECRETS: &[(&str, &str)] = &[
    ("src/cli/config.rs", "compares two typings of a passphrase, hands the settings to the editor"),
    ("src/cli/init.rs", "writes a new key to the file that was asked for"),
    ("src/cli/sandbox.rs", "prints the throw-away secrets of the sandbox, which is what it is for"),
    ("src/cli/terminal.rs", "shows the password of a package, which is what was asked for"),
    ("src/cms/agreement.rs", "derives the key-encryption key from the shared secret"),
    ("src/cms/envelope_reader.rs", "gives the content key to the cipher"),
    ("src/cms/envelope_writer.rs", "encrypts another content under the content key"),
    ("src/cms/password.rs", "derives a key from the password of an envelope"),
    ("src/cms/pkcs12.rs", "hands the password of a file to the library, and reads the key that was in it"),
    ("src/cms/recipient.rs", "wraps the content key under a key-encryption key"),
    ("src/cms/unwrap.rs", "unwraps the content key"),
    ("src/commands/packaged.rs", "hands the password of a package to the command that was named"),
    ("src/commands/account.rs", "reads the keys of a profile"),
    ("src/directory/client.rs", "sends the key of the directory with each request"),
    ("src/package/archive.rs", "gives the password to the cipher of the archive"),
    ("src/package/page.rs", "derives the key of a page from its password"),
    ("src/commands/keys.rs", "reads the key of a profile"),
    ("src/token/key.rs", "shows the PIN for a key that asks for it at each use"),
    ("src/token/open.rs", "shows the PIN to the token"),
    ("src/pki/key.rs", "reads private keys and writes them out as PKCS#8"),
    ("src/sandbox/authority.rs", "signs with the keys of the throw-away authority"),
    ("src/sandbox/credentials.rs", "draws the passwords and seeds of the sandbox"),
    ("src/sandbox/directory/mod.rs", "compares the key of a request with the sandbox's own"),
    ("src/sandbox/list.rs", "signs the white list of the sandbox"),
    ("src/sandbox/mailbox/sasl.rs", "takes apart what a client of the sandbox signs in with"),
    ("src/sandbox/mod.rs", "decodes a seed of the sandbox's own state"),
    ("src/sandbox/signin.rs", "compares what a client of the sandbox signs in with"),
    ("src/sandbox/state.rs", "keeps the throw-away keys and passwords of the sandbox in its file"),
    ("src/net/credential.rs", "checks what is to be shown, and writes the header of a request"),
    ("src/net/proxy.rs", "signs in to a proxy"),
    ("src/net/wire.rs", "sends the line that holds the SASL response"),
    ("src/net/sasl.rs", "writes the responses of a sign-in"),
    ("src/net/scram.rs", "stretches the password that it proves"),
    ("src/sandbox/scram.rs", "stretches the password that a client of the sandbox proves"),
    ("src/sandbox/tokens.rs", "gives the throw-away access tokens of the sandbox"),
    ("src/signin/answer.rs", "reads the tokens out of an answer"),
    ("src/signin/kept.rs", "seals the refresh token"),
    ("src/signin/mod.rs", "puts password and one-time code together"),
    ("src/signin/provider.rs", "sends the refresh token and the secret of the client to the provider"),
    ("src/signin/waiting.rs", "sends the handle of a consent to the provider"),
    ("src/sandbox/submission/sasl.rs", "takes apart what a client of the sandbox signs in with"),
    ("src/secret/sealing.rs", "derives and uses the keys that seal data at rest"),
    ("src/secret/totp.rs", "computes one-time codes from their seed"),
    ("src/trace/checkpoint.rs", "signs checkpoints with the seed of the trace"),
    ("src/vault/file.rs", "seals the text of the configuration, writes a service key to its file"),
    ("src/vault/passphrase.rs", "derives a key from the passphrase"),
    ("src/vault/edit.rs", "reads and changes the text of the configuration"),
    ("src/vault/render.rs", "writes settings as the text that is then sealed"),
    ("src/vault/written.rs", "writes secret settings into that text"),
];

/// The files that make a message ready for the outbox: each sealed it, or was told in so many words not to.
const MAKE_SEALED: &[(&str, &str)] = &[
    ("src/package/seal.rs", "inside a password package"),
    ("src/outbox/tests.rs", "whatever its own tests queue"),
    ("src/smime/seal.rs", "signed and encrypted"),
    ("src/smime/transport.rs", "as composed, to admitted recipients"),
];

/// The files outside `src/fs.rs` that open something for writing, and why that is no file of ours.
const OPEN_FOR_WRITING: &[(&str, &str)] = &[("src/cli/terminal.rs", "the terminal itself, to ask on it")];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the package, with the ending, by path from the top.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut folders: Vec<PathBuf> = vec![top().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let below = path.strip_prefix(top()).expect("it was found below the top");
                found.push(below.to_str().expect("the names in the package are text").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Reads a text of the package.
pub fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Rust files below a folder of the package.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = files(folder, ".rs").iter().map(|path| Source::new(path, &read(path))).collect();
    source::mark_files_for_tests(&mut sources);
    sources
}

fn everywhere() -> Vec<Source> {
    ["src", "tests", "examples", "benches", "fuzz"].into_iter().flat_map(sources).collect()
}

fn plan() -> FloorPlan {
    FloorPlan::read(&read("src/lib.rs")).unwrap_or_else(|error| panic!("{error}"))
}

/// Fails with what was found broken, one finding a line.
#[track_caller]
pub fn none(broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "\n\n  {}\n", broken.join("\n  "));
}

#[test]
fn every_use_goes_down() {
    let plan = plan();
    none(sources("src").iter().flat_map(|source| plan.wrong_ways(source)));
}

#[test]
fn every_room_is_on_the_plan() {
    none(plan().unmatched(&files("src", "")));
}

#[test]
fn every_file_says_what_it_is_for() {
    none(everywhere().iter().filter_map(habits::head));
}

#[test]
fn no_file_is_too_long() {
    none(everywhere().iter().filter_map(habits::length));
}

#[test]
fn secrets_are_opened_in_the_listed_files_only() {
    none(habits::opened_secrets(&sources("src"), OPEN_SECRETS));
}

#[test]
fn a_message_is_made_ready_in_the_listed_files_only() {
    none(habits::made_sealed(&sources("src"), MAKE_SEALED));
}

#[test]
fn the_clock_is_read_in_its_room_only() {
    none(sources("src").iter().flat_map(habits::system_clock));
}

#[test]
fn only_cli_prints() {
    none(sources("src").iter().flat_map(habits::printing));
}

#[test]
fn only_main_ends_the_process() {
    none(everywhere().iter().flat_map(habits::exits));
}

#[test]
fn unsafe_stands_in_one_file() {
    none(everywhere().iter().flat_map(habits::unsafe_code));
}

#[test]
fn files_are_written_through_fs_only() {
    none(sources("src").iter().flat_map(|source| habits::writes(source, OPEN_FOR_WRITING)));
}

#[test]
fn no_drawer_is_without_a_label() {
    none(everywhere().iter().flat_map(habits::drawers));
}

#[test]
fn every_import_names_what_it_brings() {
    none(everywhere().iter().flat_map(habits::globs));
}

#[test]
fn every_exception_has_its_reason() {
    none(everywhere().iter().flat_map(habits::attributes));
}

#[test]
fn no_forbidden_word_is_written() {
    let kept = ["src", "tests", "examples", "benches", "fuzz", "man", "completions", ".ci", ".cargo"];
    let single = ["README.md", "CHANGELOG.md", "Cargo.toml", "clippy.toml", "rustfmt.toml", "deny.toml"];
    let paths = kept.into_iter().flat_map(|folder| files(folder, "")).chain(single.map(str::to_owned));
    // What is not text (a vector, a picture) has no words.
    none(
        paths
            .filter_map(|path| Some((fs::read_to_string(top().join(&path)).ok()?, path)))
            .flat_map(|(text, path)| habits::words(&path, &text)),
    );
}

#[test]
fn every_file_is_built_and_every_test_run() {
    none(habits::unreached(&sources("src"), &["src/lib.rs", "src/main.rs"]));
    none(habits::unreached(&sources("tests"), &["tests/main.rs"]));
}

#[test]
fn the_top_of_the_package_is_tidy() {
    let names = fs::read_dir(top()).expect("the package is there").flatten();
    none(habits::top_level(&names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()));
}
