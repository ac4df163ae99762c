//! Submission beside curl, a bare client and a shell loop: the same Postfix, the same messages, taking turns.
//! What came of it stands in README.md.
//!
//! ```text
//! cargo bench --bench submission                    the table, and whether each bound is kept; status 1 where one is missed
//! cargo bench --bench submission -- --runs 5        medians of so many runs (default 3)
//! cargo bench --bench submission -- --messages 200  fewer messages of 50 KB (default 1,000)
//! cargo bench --bench submission -- --long          also a batch of 100,000 rows
//! ```
//!
//! Needs root, Postfix, Dovecot (Postfix asks it for passwords), curl, msmtp and openssl 3; what is missing is installed
//! where there is apt-get. Postfix takes everything and discards it.
//!
//! - `curl x 1`: one process, one connection, all the messages (a configuration file with `next`).
//! - `bare x 4`: four connections and nothing else to do: messages in memory, commands pipelined (RFC 2920).
//! - `shell loop`: openssl cms -sign, openssl cms -encrypt, msmtp; on 40 messages.
//! - `20 ms`: the same through a relay that lets each octet wait 10 ms in each direction.
//! - `mss`: `mss send --batch` of messages that were never sent before: directory, white list, outbox, trace and all, from the
//!   start of the process to its end. `clear` is `--protection transport`; `sealed` is signed and encrypted with P-256.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod desk;
mod own;
mod peers;
mod relay;

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use desk::Desk;
use own::Own;

type Anyhow = Box<dyn Error>;

/// Each way; twice that is a round trip.
const DELAY: Duration = Duration::from_millis(10);
/// How many of the messages the slow ones get: the shell loop, and curl through the relay.
const FEW: usize = 40;
/// Kilobytes that a batch may take, however long it is.
const MEMORY: u64 = 96 * 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: usize| {
        let place = words.iter().position(|word| word == name);
        place.and_then(|place| words.get(place + 1)?.parse().ok()).unwrap_or(default).max(1)
    };
    let long = words.iter().any(|word| word == "--long");
    match table(option("--runs", 3), option("--messages", 1000), long) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
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
    /// Makes ready, without being timed.
    ready: Box<dyn FnMut() -> Result<PathBuf, Anyhow> + 'a>,
    run: Box<dyn FnMut(PathBuf) -> Result<(), Anyhow> + 'a>,
    times: Vec<Duration>,
}

impl<'a> Row<'a> {
    fn new(title: &'static str, messages: usize, mut run: impl FnMut() -> Result<(), Anyhow> + 'a) -> Row<'a> {
        let ready = Box::new(|| Ok(PathBuf::new()));
        Row { title, messages, ready, run: Box::new(move |_| run()), times: Vec::new() }
    }

    fn own(title: &'static str, messages: usize, own: &'a Own<'a>, port: u16, words: &'a [&'a str]) -> Row<'a> {
        let run = move |manifest: PathBuf| own.send(&manifest, port, words).map(|_| ());
        Row { title, messages, ready: Box::new(move || own.manifest(messages)), run: Box::new(run), times: Vec::new() }
    }

    fn once(&mut self) -> Result<(), Anyhow> {
        let ready = (self.ready)()?;
        let begun = Instant::now();
        (self.run)(ready)?;
        self.times.push(begun.elapsed());
        Ok(())
    }

    /// Messages a second, by the median.
    fn rate(&mut self) -> f64 {
        self.times.sort();
        self.messages as f64 / self.times[self.times.len() / 2].as_secs_f64()
    }
}

/// What has to be kept: the rate of one row, over that of another, at least this.
const BOUNDS: [(&str, &str, f64); 6] = [
    ("mss clear x 1", "curl x 1", 1.2),
    ("mss clear x 4", "bare x 4", 0.9),
    ("mss sealed x 4", "curl x 1", 1.0),
    ("mss sealed x 4", "shell loop", 60.0),
    ("20 ms: mss sealed x 1", "20 ms: curl x 1", 10.0),
    ("20 ms: mss sealed x 4", "20 ms: curl x 1", 20.0),
];

fn table(runs: usize, messages: usize, long: bool) -> Result<bool, Anyhow> {
    install()?;
    let desk = Desk::new(messages)?;
    let own = Own::new(&desk)?;
    let files: Vec<String> = (0..messages).map(|number| format!("messages/{number:06}.eml")).collect();
    let few = &files[..FEW.min(messages)];
    for file in few {
        fs::hard_link(desk.path().join(file), desk.path().join(file.replace("messages", "few")))?;
    }
    let far = relay::start(desk.port, DELAY)?;
    let write = |name: &str, port, files: &[String]| -> Result<(), Anyhow> {
        Ok(File::create(desk.path().join(name))?.write_all(peers::curl_config(port, files).as_bytes())?)
    };
    write("curl.near", desk.port, &files)?;
    write("curl.far", far, few)?;
    let shell = peers::shell_loop(desk.port);
    let clear = ["--protection", "transport", "--jobs"];
    let (clear1, clear4) = ([&clear[..], &["1"]].concat(), [&clear[..], &["4"]].concat());
    let mut rows = vec![
        Row::new("curl x 1", messages, || desk.shell("curl --config curl.near")),
        Row::new("bare x 1", messages, || peers::bare(desk.port, desk.path(), 1)),
        Row::new("bare x 4", messages, || peers::bare(desk.port, desk.path(), 4)),
        Row::own("mss clear x 1", messages, &own, desk.port, &clear1),
        Row::own("mss clear x 4", messages, &own, desk.port, &clear4),
        Row::own("mss sealed x 4", messages, &own, desk.port, &["--jobs", "4"]),
        Row::new("shell loop", few.len(), || desk.shell(&shell)),
        Row::new("20 ms: curl x 1", few.len(), || desk.shell("curl --config curl.far")),
        Row::new("20 ms: bare x 4", messages, || peers::bare(far, desk.path(), 4)),
        Row::own("20 ms: mss sealed x 1", messages, &own, far, &["--jobs", "1"]),
        Row::own("20 ms: mss sealed x 4", messages, &own, far, &["--jobs", "4"]),
        Row::own("queue only", 10 * messages, &own, desk.port, &["--queue-only"]),
        Row::own("seal only", 10 * messages, &own, desk.port, &["--dry-run"]),
    ];
    for _ in 0..runs {
        rows.iter_mut().try_for_each(Row::once)?;
    }
    println!("{messages} messages of 50 KB, STARTTLS on loopback, Postfix discards; medians of {runs} runs");
    let mut rate = |title: &str| rows.iter_mut().find(|row| row.title == title).map_or(0.0, Row::rate);
    let curl = rate("curl x 1");
    println!("{:<24} {:>8} {:>8}", "", "msg/s", "of curl");
    for title in rows.iter().map(|row| row.title).collect::<Vec<_>>() {
        let rate = rows.iter_mut().find(|row| row.title == title).map_or(0.0, Row::rate);
        println!("{title:<24} {rate:>8.1} {:>8.2}", rate / curl);
    }
    let mut rate = |title: &str| rows.iter_mut().find(|row| row.title == title).map_or(0.0, Row::rate);
    let mut kept = true;
    for (title, over, bound) in BOUNDS {
        let found = rate(title) / rate(over);
        kept &= told(&format!("{title} / {over}"), found, bound, found >= bound);
    }
    let journal = 1.0 - rate("queue only") / rate("seal only");
    kept &= told("journal's share of queueing", journal, 0.15, journal <= 0.15);
    let (fast, slow) = (greeting(&desk, desk.port_tls12)?, greeting(&desk, desk.port)?);
    let later = (slow.as_secs_f64() - fast.as_secs_f64()) * 1000.0;
    kept &= told("TLS 1.3 behind TLS 1.2, ms", later, 6.0, later <= 6.0);
    if long {
        kept &= long_batch(&own, &desk)?;
    }
    Ok(kept)
}

fn told(what: &str, found: f64, bound: f64, kept: bool) -> bool {
    println!("{what:<44} {found:>8.2} {bound:>8.2} {}", if kept { "kept" } else { "MISSED" });
    kept
}

/// From nothing to the answer to EHLO under TLS, the median of 21.
fn greeting(desk: &Desk, port: u16) -> Result<Duration, Anyhow> {
    use mss::clock::Clock;
    use mss::net::{Dialer, Endpoint, Security, Timeouts};
    use mss::pki::TrustAnchors;

    let anchors = TrustAnchors::from_pem(&fs::read(desk.path().join("anchor.pem"))?)?;
    let dialer = Dialer::new(&anchors, None, Clock::System, Timeouts::default())?;
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::StartTls };
    let mut times = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        mss::smtp::Session::greet(&dialer, &endpoint, "bench.example")?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// A hundred times as many rows take no more memory and, each, no more time.
fn long_batch(own: &Own<'_>, desk: &Desk) -> Result<bool, Anyhow> {
    let timed = |rows: usize| -> Result<(f64, u64), Anyhow> {
        let manifest = own.manifest(rows)?;
        let begun = Instant::now();
        let memory = own.send(&manifest, desk.port, &["--jobs", "4"])?;
        Ok((begun.elapsed().as_secs_f64() / rows as f64, memory))
    };
    let (short, _) = timed(1000)?;
    let (each, memory) = timed(100_000)?;
    let time = told("time a message, 100,000 rows / 1,000 rows", each / short, 1.2, each / short <= 1.2);
    Ok(told("memory of 100,000 rows, MB", memory as f64 / 1024.0, MEMORY as f64 / 1024.0, memory <= MEMORY) && time)
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
