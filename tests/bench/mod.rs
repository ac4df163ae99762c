//! The bench: the real binary in a home of its own, with no variable of this machine and the time that the test says.

pub mod authority;
pub mod name_server;
pub mod operator;
mod outcome;
mod running;
pub mod servers;
pub mod shape;
pub mod skip;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use outcome::Outcome;
pub use running::Running;

/// The program under test.
const MSS: &str = env!("CARGO_BIN_EXE_mss");

/// A home, the words every call begins with, and what is kept there from call to call.
///
/// ```ignore
/// let bench = Bench::new().sandbox().clock("2026-01-05T08:00:00Z");
/// let result = bench.file("result.pdf", b"%PDF-1.7");
/// bench.run(["send", "--to", "dr.durand@medecin.sandbox", "--attach", &result]).status(0).stdout_has("accepted");
/// ```
pub struct Bench {
    home: tempfile::TempDir,
    words: Vec<String>,
    variables: BTreeMap<String, OsString>,
}

impl Bench {
    /// An empty home; calls start in its folder `work`.
    pub fn new() -> Bench {
        let home = tempfile::Builder::new().prefix("mss-bench-").tempdir().expect("a temporary folder can be made");
        let below = |name: &str| home.path().join(name).into_os_string();
        let folders = [("XDG_CONFIG_HOME", ".config"), ("XDG_STATE_HOME", ".state"), ("XDG_CACHE_HOME", ".cache")];
        let mut variables: BTreeMap<String, OsString> =
            folders.map(|(variable, name)| (variable.to_owned(), below(name))).into();
        variables.insert("HOME".to_owned(), home.path().as_os_str().to_owned());
        variables.insert("TZ".to_owned(), "UTC".into());
        variables.insert("LC_ALL".to_owned(), "C.UTF-8".into());
        // No name of a test is looked up outside of it.
        variables.insert("MSS_DNS_SERVERS".to_owned(), "none".into());
        variables.insert("PATH".to_owned(), path_with_mss());
        let bench = Bench { home, words: Vec::new(), variables };
        private_folder(&bench.path(""));
        bench
    }

    /// Every call is made against the sandbox.
    pub fn sandbox(self) -> Bench {
        self.word("--sandbox")
    }

    /// Every call begins with this word.
    pub fn word(mut self, word: &str) -> Bench {
        self.words.push(word.to_owned());
        self
    }

    /// The moment the sandbox and its clients live in (RFC 3339); it stands still.
    pub fn clock(self, moment: &str) -> Bench {
        self.variable("MSS_CLOCK", moment)
    }

    /// A variable for every call.
    pub fn variable(mut self, name: &str, value: &str) -> Bench {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// The home: `.config`, `.state` and `.cache` are below it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A place in the folder where calls start.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    /// Writes a private file where calls start, and gives its path as a word for a call.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.path(name);
        private_folder(path.parent().expect("a name below a folder"));
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        opened
            .and_then(|mut file| file.write_all(content))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.to_str().expect("names on the bench are text").to_owned()
    }

    /// What a file where calls start holds.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs `mss` with these words, nothing on stdin.
    #[track_caller]
    pub fn run<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> Outcome {
        self.call(words).run()
    }

    /// Prepares a call of `mss`: more variables, something on stdin, another stdout.
    pub fn call<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> Call {
        let given = words.into_iter().map(|word| word.as_ref().to_owned());
        self.program(MSS, self.words.iter().cloned().chain(given))
    }

    /// Prepares a call of another program in the same home; it finds `mss` on its path.
    pub fn program(&self, program: &str, words: impl IntoIterator<Item = String>) -> Call {
        let words: Vec<String> = words.into_iter().collect();
        let mut command = Command::new(program);
        command.args(&words).env_clear().envs(&self.variables).current_dir(self.path(""));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = Path::new(program).file_name().map_or(program.into(), |name| name.to_string_lossy());
        Call { shown: format!("{name} {}", words.join(" ")), command, stdin: None }
    }

    /// Runs a line of shell in the same home.
    #[track_caller]
    pub fn shell(&self, line: &str) -> Outcome {
        self.program("sh", ["-c".to_owned(), line.to_owned()]).run()
    }
}

/// One call, not yet made.
#[must_use = "a call does nothing until it is run or started"]
pub struct Call {
    command: Command,
    stdin: Option<Vec<u8>>,
    shown: String,
}

impl Call {
    /// Feeds this to stdin, then closes it.
    pub fn stdin(mut self, content: impl Into<Vec<u8>>) -> Call {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(content.into());
        self
    }

    /// A variable for this call.
    pub fn variable(mut self, name: &str, value: &str) -> Call {
        self.command.env(name, value);
        self
    }

    /// stdout is a pipe that nobody reads any more.
    pub fn closed_stdout(mut self) -> Call {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        drop(reader);
        self.command.stdout(writer);
        self
    }

    /// stdout is a device without space.
    pub fn full_stdout(mut self) -> Call {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("the system has /dev/full");
        self.command.stdout(full);
        self
    }

    /// Makes the call and waits for its end.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.start().finish()
    }

    /// Makes the call and goes on beside it.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let child = self.command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", self.shown));
        Running::new(self.shown, child, self.stdin)
    }
}

/// The path of this machine, with the folder of the program under test before it.
fn path_with_mss() -> OsString {
    let own = Path::new(MSS).parent().expect("the program stands in a folder").to_owned();
    let machine = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&machine))).expect("no folder has a colon")
}

fn private_folder(path: &Path) {
    DirBuilder::new().recursive(true).mode(0o700).create(path).expect("a folder can be made on the bench");
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Bench;

    #[test]
    fn nothing_of_this_machine_is_seen() {
        let bench = Bench::new().clock("2026-01-05T08:00:00Z").variable("COLOUR", "blue");
        let outcome = bench.shell("env | cut -d= -f1 | sort; pwd");
        outcome.status(0).stdout_lacks("CARGO").stdout_lacks("USER").stdout_has("MSS_CLOCK\n").stdout_has("COLOUR\n");
        bench.shell("case $(command -v mss) in /*/mss) pwd;; esac").status(0).stdout_has("/work\n").stderr_is("");
    }

    #[test]
    fn the_program_under_test_is_called() {
        let bench = Bench::new().sandbox();
        bench.run(["--version"]).status(0).stderr_is("");
        bench.call(["--version"]).variable("NO_COLOR", "1").run().status_among(&[0, 1]).stderr_lacks("panicked");
    }

    #[test]
    fn stdin_is_fed_and_both_streams_are_heard() {
        let bench = Bench::new();
        let many = "x".repeat(300_000);
        let call = bench.program("sh", ["-c".to_owned(), "echo '{\"a\": 1}' >&2; cat; exit 3".to_owned()]);
        call.stdin(many.clone()).run().status(3).stdout_is(&many).stderr_has("\"a\"");
        assert_eq!(bench.shell("echo '{\"a\": 1}'").json()["a"], 1);
        assert_eq!(bench.shell("echo '{\"a\": 1}'; echo '{\"a\": 2}'").json_lines()[1]["a"], 2);
        assert_eq!(bench.shell("echo '{\"a\": 4}' >&2; exit 2").status(2).json_error()["a"], 4);
    }

    #[test]
    fn a_program_in_the_background_is_waited_for_killed_and_seen_dead() {
        let bench = Bench::new();
        let call = bench.program("sh", ["-c".to_owned(), "echo ready; exec sleep 600".to_owned()]);
        let started = Instant::now();
        let mut running = call.start();
        running.wait_for_stdout("ready");
        running.kill().signal(9).stdout_is("ready\n");
        let mut other = bench.program("sh", ["-c".to_owned(), "echo on >&2; exec sleep 600".to_owned()]).start();
        other.wait_for_stderr("on");
        other.interrupt().signal(2);
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_reader_may_be_gone_and_a_disk_full() {
        let bench = Bench::new();
        let echo = || bench.program("cat", ["/proc/self/maps".to_owned()]);
        echo().closed_stdout().run().signal(13);
        echo().full_stdout().run().status(1).stderr_has("No space");
    }

    #[test]
    fn files_are_private_and_shared_between_calls() {
        let bench = Bench::new();
        let path = bench.file("in/result.pdf", b"%PDF");
        bench.shell("stat -c %a in in/result.pdf; cp in/result.pdf copy").status(0).stdout_is("700\n600\n");
        assert_eq!(bench.read("copy"), b"%PDF");
        assert!(path.starts_with(bench.home().to_str().unwrap()));
    }

    #[test]
    #[should_panic(expected = "status 7, not 0")]
    fn another_status_is_a_failure_that_shows_everything() {
        Bench::new().shell("exit 7").status(0);
    }
}
