//! A sandbox that serves beside the test, and profiles made against it with `mss init`, as a user makes them.

use serde_json::Value;

use super::{Bench, Call, Running};

/// The author of the profiles that are made here: the laboratory's own identifier.
pub const AUTHOR: &str = "1990000010";

/// A running `mss sandbox` and what it said about itself.
pub struct Operator {
    /// Ends it when the test ends.
    _running: Running,
    said: Value,
}

impl Operator {
    /// Starts one with more words, such as a fault, and waits until it has told how to reach it.
    #[track_caller]
    pub fn start(bench: &Bench, words: &[&str]) -> Operator {
        let mut running = bench.call(["sandbox", "--json"].iter().chain(words)).start();
        let said = running.wait_for_stdout("\n");
        let said = serde_json::from_str(&said).unwrap_or_else(|error| panic!("not JSON: {error}\n{said}"));
        Operator { _running: running, said }
    }

    /// What it said under a name, as text.
    #[track_caller]
    pub fn said(&self, name: &str) -> String {
        text(&self.said[name])
    }

    /// The whole of what it said.
    pub fn description(&self) -> &Value {
        &self.said
    }

    /// What it said about one of its people.
    #[track_caller]
    pub fn person(&self, profile: &str, name: &str) -> String {
        let people = self.said["identities"].as_array().expect("the sandbox tells of its people");
        let person = people.iter().find(|person| person["profile"] == profile);
        text(&person.unwrap_or_else(|| panic!("nobody is called {profile}"))[name])
    }

    /// The words of `mss init` for one of its people. Secrets are put in files; the vault opens with `NAME.service`.
    #[track_caller]
    pub fn init_words(&self, bench: &Bench, profile: &str) -> Vec<String> {
        let secret =
            |name: &str, value: String| bench.file(&format!("{profile}.{name}"), format!("{value}\n").as_bytes());
        let server = |name: &str| format!("{}:{}", self.said("host"), self.said(name));
        let pairs = [
            ("--address", self.person(profile, "address")),
            ("--author", AUTHOR.to_owned()),
            ("--submission", server("submission_starttls")),
            ("--mailbox", server("mailbox_starttls")),
            ("--directory", self.said("directory")),
            ("--api-key-file", secret("api-key", self.said("api_key"))),
            ("--certificate-extension", self.said("certificate_extension")),
            ("--list", self.said("white_list")),
            ("--list-signer", self.said("white_list_signer")),
            ("--anchors", self.said("trust_file")),
            ("--password-file", secret("password", self.person(profile, "password"))),
            ("--totp-seed-file", secret("seed", self.person(profile, "totp_seed"))),
            ("--certificate", self.person(profile, "certificate_file")),
            ("--key", self.person(profile, "key_file")),
            ("--service-key-out", format!("{profile}.service")),
        ];
        let words = pairs.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
        ["init", "--no-input"].into_iter().map(str::to_owned).chain(words).collect()
    }

    /// Makes the profile of one of its people.
    #[track_caller]
    pub fn init(&self, bench: &Bench, profile: &str) {
        bench.run(self.init_words(bench, profile)).status(0);
    }
}

/// The words with another value for one option.
#[track_caller]
pub fn with(words: &[String], option: &str, value: &str) -> Vec<String> {
    let mut words = words.to_vec();
    let place = words.iter().position(|word| word == option).unwrap_or_else(|| panic!("there is no {option}"));
    words[place + 1] = value.to_owned();
    words
}

/// The words without one option and its value.
#[track_caller]
pub fn without(words: &[String], option: &str) -> Vec<String> {
    let mut words = words.to_vec();
    let place = words.iter().position(|word| word == option).unwrap_or_else(|| panic!("there is no {option}"));
    words.drain(place..place + 2);
    words
}

/// A call of the laboratory that opens its vault with the service key that `init` wrote.
pub fn as_laboratory<W: AsRef<str>>(bench: &Bench, words: impl IntoIterator<Item = W>) -> Call {
    bench.call(words).variable("MSS_SERVICE_KEY_FILE", "laboratoire.service")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
