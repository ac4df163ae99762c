//! What tests need beside cargo: where it is missing they say so loudly, or fail when `MSS_TEST_REAL=1` asks for everything.

use std::io::Write;
use std::path::Path;

/// A program of the machine that some tests talk to.
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// What is not shown without it.
    pub shows: &'static str,
}

/// All of them. `.ci/run` installs the packages; a test below compares the two.
pub const PROGRAMS: [Program; 21] = [
    Program {
        name: "openssl",
        package: "openssl",
        shows: "messages and the vault open with openssl cms, and the reverse",
    },
    Program { name: "python3", package: "python3", shows: "smtplib and imaplib talk to the sandbox" },
    Program { name: "7z", package: "p7zip-full", shows: "7-Zip opens an archive with its password" },
    Program { name: "chromium", package: "chromium", shows: "a browser opens a page with its password" },
    Program { name: "chromedriver", package: "chromium-driver", shows: "the same: it drives the browser" },
    Program { name: "gpgsm", package: "gpgsm", shows: "GnuPG opens what is written for older readers" },
    Program { name: "gpg-agent", package: "gpg-agent", shows: "the same: it holds the key" },
    Program { name: "pkcs11-tool", package: "opensc", shows: "keys are made on a token, and certified there" },
    Program {
        name: "softhsm2-util",
        package: "softhsm2",
        shows: "a token signs, opens and signs in, and what it refuses is said",
    },
    Program {
        name: "javac",
        package: "default-jdk-headless",
        shows: "Bouncy Castle opens and verifies, and the reverse",
    },
    Program { name: "curl", package: "curl", shows: "curl submits to the sandbox and lists its mailboxes" },
    Program {
        name: "postfix",
        package: "postfix",
        shows: "a message goes through Postfix, and what Postfix refuses or puts off is told",
    },
    Program { name: "dovecot", package: "dovecot-core", shows: "the same: people sign in through it" },
    Program { name: "imap", package: "dovecot-imapd", shows: "the same: the message is fetched there" },
    Program { name: "lmtp", package: "dovecot-lmtpd", shows: "the same: the message is delivered there" },
    Program {
        name: "submission",
        package: "dovecot-submissiond",
        shows: "people sign in to it by password, code, token and certificate",
    },
    Program { name: "sievec", package: "dovecot-sieve", shows: "a script of the recipient sends a message back" },
    Program { name: "squid", package: "squid", shows: "every connection of a profile goes through a proxy" },
    Program { name: "systemd-analyze", package: "systemd", shows: "the units of examples/ are understood" },
    Program { name: "mbsync", package: "isync", shows: "benches/fetching: what others fetch with" },
    Program { name: "msmtp", package: "msmtp", shows: "benches/submission: what a shell script does" },
];

/// The variable that turns a missing program into a failure.
const REAL: &str = "MSS_TEST_REAL";

/// Whether a program is there. Missing: the test that asks says which it is and returns, or fails under `MSS_TEST_REAL=1`.
#[track_caller]
pub fn has(name: &str, test: &str) -> bool {
    let program = PROGRAMS.iter().find(|program| program.name == name);
    let program = program.unwrap_or_else(|| panic!("{name} is not in the table of tests/bench/skip.rs"));
    let there = is_on_path(name);
    if !there {
        let missing = format!("{test} needs {name} (package {})", program.package);
        assert!(!real(), "{missing}, and {REAL}=1 asks for every test");
        say(&format!("SKIPPED: {missing}"));
    }
    there
}

/// Whether this is root, whom servers need that give their files to users of their own. If not, the test that asks says so
/// and returns, or fails under `MSS_TEST_REAL=1`.
#[track_caller]
pub fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        let missing = format!("{test} needs to be run as root");
        assert!(!real(), "{missing}, and {REAL}=1 asks for every test");
        say(&format!("SKIPPED: {missing}"));
    }
    root
}

/// What is missing on this machine, one line each; nothing if all is there.
pub fn summary() -> String {
    let missing: Vec<&Program> = PROGRAMS.iter().filter(|program| !is_on_path(program.name)).collect();
    if missing.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = missing.iter().map(|p| format!("  {:<10} {}", p.name, p.shows)).collect();
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    let (lines, packages) = (lines.join("\n"), packages.join(" "));
    format!("\nSKIPPED, because these programs are missing here:\n{lines}\nTo run all: apt-get install {packages}\n")
}

/// Says it past the harness, which keeps what a passing test prints to itself.
pub fn say(text: &str) {
    // Written to the stream itself: only the print macros are captured.
    writeln!(std::io::stderr(), "{text}").expect("stderr takes a line");
}

/// Whether every test must run.
pub fn real() -> bool {
    std::env::var_os(REAL).is_some_and(|value| value == "1")
}

fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where services live is not on everyone's path.
    let services = ["/usr/sbin", "/sbin", "/usr/lib/dovecot"].map(Path::new).map(Path::to_owned);
    let folders = std::env::split_paths(&path).chain(services);
    folders.into_iter().any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::{PROGRAMS, has, is_on_path};

    #[test]
    fn a_program_is_found_where_it_is() {
        assert!(is_on_path("sh"));
        assert!(!is_on_path("mss-has-no-such-program"));
    }

    #[test]
    #[should_panic(expected = "is not in the table")]
    fn a_program_that_is_not_in_the_table_is_refused() {
        has("mss-has-no-such-program", "this test");
    }

    #[test]
    fn what_is_needed_is_what_ci_installs() {
        let run = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run")).expect(".ci/run is there");
        let line = run.lines().find(|line| line.starts_with("packages=")).expect(".ci/run lists its packages");
        let installed: Vec<&str> =
            line.trim_start_matches("packages=").trim_matches(['(', ')', '"']).split(' ').collect();
        for program in &PROGRAMS {
            assert!(installed.contains(&program.package), ".ci/run: packages: {} is missing", program.package);
        }
    }
}
