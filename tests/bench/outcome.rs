//! What a call came to, and what a test expects of it; every failure shows the whole outcome.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::Value;

/// How a call ended, and both streams.
pub struct Outcome {
    shown: String,
    status: ExitStatus,
    /// What went to stdout, as octets.
    pub stdout: Vec<u8>,
    /// What went to stderr, as text.
    pub stderr: String,
}

impl Outcome {
    pub(super) fn new(shown: String, status: ExitStatus, stdout: Vec<u8>, stderr: &[u8]) -> Outcome {
        Outcome { shown, status, stdout, stderr: String::from_utf8_lossy(stderr).into_owned() }
    }

    /// stdout as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// It ended by itself, with this status.
    #[track_caller]
    pub fn status(&self, expected: i32) -> &Outcome {
        let code = self.status.code();
        assert!(code == Some(expected), "{}, not {expected}\n{self}", how(self.status));
        self
    }

    /// It ended by itself, with one of these statuses.
    #[track_caller]
    pub fn status_among(&self, expected: &[i32]) -> &Outcome {
        let code = self.status.code();
        assert!(
            code.is_some_and(|code| expected.contains(&code)),
            "{}, none of {expected:?}\n{self}",
            how(self.status)
        );
        self
    }

    /// Whether it ended by itself, not by a signal.
    pub fn ended_by_itself(&self) -> bool {
        self.status.code().is_some()
    }

    /// It was ended by this signal.
    #[track_caller]
    pub fn signal(&self, expected: i32) -> &Outcome {
        assert!(self.status.signal() == Some(expected), "{}, not signal {expected}\n{self}", how(self.status));
        self
    }

    #[track_caller]
    pub fn stdout_is(&self, expected: &str) -> &Outcome {
        assert!(self.text() == expected, "stdout is not {expected:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stdout_has(&self, part: &str) -> &Outcome {
        assert!(self.text().contains(part), "stdout does not have {part:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stdout_lacks(&self, part: &str) -> &Outcome {
        assert!(!self.text().contains(part), "stdout has {part:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stderr_is(&self, expected: &str) -> &Outcome {
        assert!(self.stderr == expected, "stderr is not {expected:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stderr_has(&self, part: &str) -> &Outcome {
        assert!(self.stderr.contains(part), "stderr does not have {part:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stderr_lacks(&self, part: &str) -> &Outcome {
        assert!(!self.stderr.contains(part), "stderr has {part:?}\n{self}");
        self
    }

    /// stdout, which is one JSON value and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("stdout is not JSON: {error}\n{self}"))
    }

    /// stdout, which is JSON Lines and nothing else.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let read =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("not a line of JSON: {error}\n{self}"));
        self.text().lines().map(read).collect()
    }

    /// The last line of stderr, which is the error of a call with `--json`.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        let last = self.stderr.lines().next_back().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("stderr does not end in JSON: {error}\n{self}"))
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { shown, status, stderr, .. } = self;
        write!(f, "$ {shown}\n--- {}\n--- stdout\n{}\n--- stderr\n{stderr}\n---", how(*status), self.text())
    }
}
