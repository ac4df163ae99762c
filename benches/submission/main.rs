//! Submission beside curl, a bare client and a shell loop: the same Postfix, the same messages, taking turns.
//!
//! ```text
//! cargo bench --bench submission                    the table
//! cargo bench --bench submission -- --runs 5        medians of so many runs (default 3)
//! cargo bench --bench submission -- --messages 200  fewer messages of 50 KB (default 1,000)
//! ```
//!
//! Needs root, Postfix, Dovecot (Postfix asks it for passwords), curl, msmtp and openssl 3; what is missing is installed
//! where there is apt-get. Postfix takes everything and discards it.
//!
//! - `curl x 1`: one process, one connection, all the messages (a configuration file with `next`).
//! - `bare x 4`: four connections and nothing else to do: messages in memory, commands pipelined (RFC 2920).
//! - `shell loop`: openssl cms -sign, openssl cms -encrypt, msmtp; on 40 messages.
//! - `20 ms`: the same through a relay that lets each octet wait 10 ms in each direction.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod desk;
mod peers;
mod relay;

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use desk::Desk;

type Anyhow = Box<dyn Error>;

/// Each way; twice that is a round trip.
const DELAY: Duration = Duration::from_millis(10);
/// How many of the messages the slow ones get: the shell loop, and curl through the relay.
const FEW: usize = 40;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: usize| {
        let place = words.iter().position(|word| word == name);
        place.and_then(|place| words.get(place + 1)?.parse().ok()).unwrap_or(default).max(1)
    };
    match table(option("--runs", 3), option("--messages", 1000)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One way to submit some messages.
struct Row<'a> {
    title: &'static str,
    messages: usize,
    run: Box<dyn FnMut() -> Result<(), Anyhow> + 'a>,
    times: Vec<Duration>,
}

impl<'a> Row<'a> {
    fn new(title: &'static str, messages: usize, run: impl FnMut() -> Result<(), Anyhow> + 'a) -> Row<'a> {
        Row { title, messages, run: Box::new(run), times: Vec::new() }
    }

    /// Messages a second, by the median.
    fn rate(&mut self) -> f64 {
        self.times.sort();
        self.messages as f64 / self.times[self.times.len() / 2].as_secs_f64()
    }
}

fn table(runs: usize, messages: usize) -> Result<(), Anyhow> {
    install()?;
    let desk = Desk::new(messages)?;
    let files: Vec<String> = (0..messages).map(|number| format!("messages/{number:06}.eml")).collect();
    let few = &files[..FEW.min(messages)];
    for file in few {
        fs::copy(desk.path().join(file), desk.path().join(file.replace("messages", "few")))?;
    }
    let far = relay::start(desk.port, DELAY)?;
    let write = |name: &str, port, files: &[String]| -> Result<(), Anyhow> {
        Ok(File::create(desk.path().join(name))?.write_all(peers::curl_config(port, files).as_bytes())?)
    };
    write("curl.near", desk.port, &files)?;
    write("curl.far", far, few)?;
    let shell = peers::shell_loop(desk.port);
    let mut rows = vec![
        Row::new("curl x 1", messages, || desk.shell("curl --config curl.near")),
        Row::new("bare x 1", messages, || peers::bare(desk.port, desk.path(), 1)),
        Row::new("bare x 4", messages, || peers::bare(desk.port, desk.path(), 4)),
        Row::new("shell loop", few.len(), || desk.shell(&shell)),
        Row::new("20 ms: curl x 1", few.len(), || desk.shell("curl --config curl.far")),
        Row::new("20 ms: bare x 4", messages, || peers::bare(far, desk.path(), 4)),
    ];
    for _ in 0..runs {
        for row in &mut rows {
            let begun = Instant::now();
            (row.run)()?;
            row.times.push(begun.elapsed());
        }
    }
    let curl = rows[0].rate();
    println!("{messages} messages of 50 KB, STARTTLS on loopback, Postfix discards; medians of {runs} runs");
    println!("{:<24} {:>8} {:>8}", "", "msg/s", "of curl");
    for row in &mut rows {
        let rate = row.rate();
        println!("{:<24} {rate:>8.1} {:>8.2}", row.title, rate / curl);
    }
    Ok(())
}

/// Installs what is missing, where that can be done.
fn install() -> Result<(), Anyhow> {
    let line = r#"export DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin
        for program in postfix dovecot /usr/lib/dovecot/imap /usr/lib/dovecot/lmtp sievec curl msmtp openssl; do
            command -v $program >/dev/null || missing=1
        done
        [ -n "$missing" ] || exit 0
        apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends \
            postfix dovecot-core dovecot-imapd dovecot-lmtpd dovecot-sieve curl msmtp openssl"#;
    if Command::new("bash").args(["-c", line]).status()?.success() {
        Ok(())
    } else {
        Err("not all is installed".into())
    }
}
