//! Fetching beside mbsync and curl: the same Dovecot, the same messages, taking turns.
//!
//! ```text
//! cargo bench --bench fetching                    the table, and whether each bound is kept; status 1 where one is missed
//! cargo bench --bench fetching -- --runs 5        medians of so many runs (default 3)
//! cargo bench --bench fetching -- --messages 200  fewer messages of 50 KB (default 1,000)
//! ```
//!
//! Needs root, Postfix, Dovecot, isync, curl and openssl 3; what is missing is installed where there is apt-get. Before each run
//! the mailbox is as it was when it was full and unread, and Dovecot knows its messages.
//!
//! - `mbsync`: one Channel, Sync Pull, FSync yes: every message synced, nothing marked.
//! - `mss clear`, `mss sealed`: from the start of the process to its end, with lists, directory, journal and trace; every message
//!   synced and then marked as seen. `sealed` is decrypted and verified, P-256.
//! - `20 ms`: the same through a relay that lets each octet wait 10 ms in each direction.
//! - `nothing new`: a whole `mss fetch` of a read mailbox, beside one STATUS by curl.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod desk;
mod relay;

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use desk::{CLEAR, Desk, PASSWORD, SEALED};
use wait4::Wait4;

type Anyhow = Box<dyn Error>;

/// Each way; twice that is a round trip.
const DELAY: Duration = Duration::from_millis(10);
/// How often what takes no time is run.
const SHORT: usize = 21;
/// Kilobytes that a fetch may take, however much there is.
const MEMORY: i64 = 96 * 1024;

/// What has to be kept: the rate of one row, over that of another, at least this.
const BOUNDS: [(&str, &str, f64); 5] = [
    ("mss clear", "mbsync", 1.7),
    ("mss sealed", "mbsync", 1.0),
    ("20 ms: mss clear", "20 ms: mbsync", 1.5),
    ("20 ms: mss sealed", "20 ms: mbsync", 1.0),
    ("nothing new: mss", "nothing new: curl", 1.2),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: usize| {
        let place = words.iter().position(|word| word == name);
        place.and_then(|place| words.get(place + 1)?.parse().ok()).unwrap_or(default).max(1)
    };
    match table(option("--runs", 3), option("--messages", 1000)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One way to take messages.
struct Row<'a> {
    title: &'static str,
    /// Messages, or runs, of one go.
    count: usize,
    /// Makes ready, without being timed.
    ready: Box<dyn FnMut() -> Result<(), Anyhow> + 'a>,
    run: Box<dyn FnMut() -> Result<(), Anyhow> + 'a>,
    times: Vec<Duration>,
}

impl Row<'_> {
    fn once(&mut self) -> Result<(), Anyhow> {
        (self.ready)()?;
        let begun = Instant::now();
        (self.run)()?;
        self.times.push(begun.elapsed());
        Ok(())
    }

    /// Messages a second, by the median.
    fn rate(&mut self) -> f64 {
        self.times.sort();
        self.count as f64 / self.times[self.times.len() / 2].as_secs_f64()
    }
}

fn table(runs: usize, messages: usize) -> Result<bool, Anyhow> {
    install()?;
    let desk = Desk::new(messages)?;
    let far = relay::start(desk.mailbox, DELAY)?;
    let memory = std::cell::Cell::new(0);
    for (name, port) in [("near", desk.mailbox), ("far", far)] {
        File::create(desk.path().join(format!("mbsync.{name}")))?.write_all(mbsync_config(port).as_bytes())?;
    }
    let curl = format!(
        "for run in $(seq {SHORT}); do curl -s --ssl-reqd --cacert anchor.pem -u {CLEAR}:{PASSWORD} \
         imap://127.0.0.1:{} -X 'STATUS INBOX (MESSAGES UNSEEN UIDNEXT)'; done",
        desk.mailbox
    );
    let fetch = |address, port: u16| {
        let words = ["fetch", "--accept-unsigned", "--to", "in"];
        let child = desk.mss(address).args(words).env("MSS_MAILBOX_PORT", port.to_string()).spawn()?;
        let used = child.wait4()?;
        memory.set(memory.get().max(i64::try_from(used.rusage.maxrss / 1024).unwrap_or(i64::MAX)));
        if used.status.success() { Ok(()) } else { Err(Anyhow::from(format!("mss fetch ended with {}", used.status))) }
    };
    let row = |title, address, run: Box<dyn FnMut() -> Result<(), Anyhow>>| {
        let desk = &desk;
        Row { title, count: messages, ready: Box::new(move || desk.renew(address)), run, times: Vec::new() }
    };
    let mbsync = |name: &'static str| -> Box<dyn FnMut() -> Result<(), Anyhow> + '_> {
        let desk = &desk;
        Box::new(move || desk.shell(&format!("mbsync -q -c mbsync.{name} all")))
    };
    let short = |title, run: Box<dyn FnMut() -> Result<(), Anyhow>>| Row {
        title,
        count: SHORT,
        ready: Box::new(|| Ok(())),
        run,
        times: Vec::new(),
    };
    let near = desk.mailbox;
    let mut rows = [
        row("mbsync", CLEAR, mbsync("near")),
        row("mss clear", CLEAR, Box::new(|| fetch(CLEAR, near))),
        row("mss sealed", SEALED, Box::new(|| fetch(SEALED, near))),
        row("20 ms: mbsync", CLEAR, mbsync("far")),
        row("20 ms: mss clear", CLEAR, Box::new(|| fetch(CLEAR, far))),
        row("20 ms: mss sealed", SEALED, Box::new(|| fetch(SEALED, far))),
        // The mailbox of the sealed messages was read by the run before.
        short("nothing new: curl", Box::new(|| desk.shell(&curl))),
        short("nothing new: mss", Box::new(|| (0..SHORT).try_for_each(|_| fetch(SEALED, near)))),
    ];
    for _ in 0..runs {
        rows.iter_mut().try_for_each(Row::once)?;
    }
    println!("{messages} messages of 50 KB, Dovecot, STARTTLS on loopback; medians of {runs} runs");
    let mut rate = |title: &str| rows.iter_mut().find(|row| row.title == title).map_or(0.0, Row::rate);
    let titles = ["mbsync", "mss clear", "mss sealed", "20 ms: mbsync", "20 ms: mss clear", "20 ms: mss sealed"];
    println!("{:<24} {:>10}", "", "messages/s");
    titles.iter().for_each(|title| println!("{title:<24} {:>10.1}", rate(title)));
    println!("{:<24} {:>10}", "", "ms a run");
    for title in ["nothing new: curl", "nothing new: mss"] {
        println!("{title:<24} {:>10.1}", 1000.0 / rate(title));
    }
    let mut kept = true;
    for (title, over, bound) in BOUNDS {
        let found = rate(title) / rate(over);
        kept &= told(&format!("{title} / {over}"), found, bound, found >= bound);
    }
    let most = memory.get();
    kept &= told("memory, MB", most as f64 / 1024.0, MEMORY as f64 / 1024.0, most <= MEMORY);
    Ok(kept)
}

fn told(what: &str, found: f64, bound: f64, kept: bool) -> bool {
    println!("{what:<44} {found:>8.2} {bound:>8.2} {}", if kept { "kept" } else { "MISSED" });
    kept
}

fn mbsync_config(port: u16) -> String {
    format!(
        "FSync yes\n\nIMAPAccount d\nHost 127.0.0.1\nPort {port}\nUser {CLEAR}\nPass {PASSWORD}\nSSLType STARTTLS\n\
         CertificateFile anchor.pem\n\nIMAPStore far\nAccount d\n\nMaildirStore near\nPath near/\nInbox near/INBOX\n\
         SubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns INBOX\nSync Pull\nCreate Near\nSyncState *\n"
    )
}

/// Installs what is missing, where that can be done.
fn install() -> Result<(), Anyhow> {
    let line = r#"export DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin
        for program in postfix dovecot /usr/lib/dovecot/imap /usr/lib/dovecot/lmtp sievec curl mbsync openssl; do
            command -v $program >/dev/null || missing=1
        done
        [ -n "$missing" ] || exit 0
        apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends \
            postfix dovecot-core dovecot-imapd dovecot-lmtpd dovecot-sieve curl isync openssl"#;
    if Command::new("bash").args(["-c", line]).status()?.success() {
        Ok(())
    } else {
        Err("not all is installed".into())
    }
}
