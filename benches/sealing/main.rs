//! Sealing and opening beside `openssl cms`: both from file to file, each in processes of its own, taking turns.
//!
//! ```text
//! cargo bench --bench sealing                    the table
//! cargo bench --bench sealing -- --runs 9        medians of so many runs (default 5)
//! cargo bench --bench sealing -- --memory 2048   memory of mss alone, on a file of so many MB
//! ```
//!
//! Needs openssl 3. Files stand in the folder for temporary files (`TMPDIR`): about 600 MB, and twice the size with
//! `--memory`. What one side wrote the other opens, once, before anything is timed.
//!
//! - A time is the whole process, from its start to its end, files read and written; nobody waits for the disk.
//! - `mss` stands for this program started again with a hidden word: the library as the command line uses it, in a process
//!   that does nothing else. It writes BER of indefinite length, as `mss send` does; openssl writes DER, or with `-stream`
//!   the same BER. Both decrypt the same DER, written by openssl; mss into a spool that gets its name after the tag.
//! - The many small files are worked through in one process with a thread a core; openssl's processes come one by one, as a
//!   shell runs them. With RSA-3072 the signature itself is most of the time.
//! - `ratio` is openssl's median time through ours, `cpu` the same for processor time, which other programs disturb less.
//! - Peak memory is the resident set as the system counts it (`wait4`). `started` is a process that only reads its keys:
//!   whatever the size of the file, `mss` must stay within 16 MB of it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod deeds;
mod measure;

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use mss::mail::Base64Writer;

use measure::{Contender, Race, Table, measure, median};

type Anyhow = Box<dyn Error>;

const MB: u64 = 1_000_000;
/// Resident octets that mss may add to those of a process that only read its keys.
const ROOM: u64 = 16 * MB;
const SMALL_FILES: usize = 1000;
/// Octets of one; base64 makes 50 KB of them.
const SMALL_FILE: u64 = 36_500;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let text: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let option = |name: &str| {
        let place = text.iter().position(|word| *word == name)?;
        text.get(place + 1)?.parse::<u64>().ok()
    };
    let done = match text.as_slice() {
        [deeds::WORD, deed, paths @ ..] => deeds::run(deed, paths),
        _ => match option("--memory") {
            Some(megabytes) => memory(megabytes),
            None => table(option("--runs").unwrap_or(5).max(1) as usize),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A folder with keys and files; commands start in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Result<Desk, Anyhow> {
        let desk = Desk(tempfile::Builder::new().prefix("mss-sealing-").tempdir()?);
        let kinds = [("rsa", "rsa:3072 -sha256"), ("ec", "ec -pkeyopt ec_paramgen_curve:P-256 -sha256")];
        for (name, kind) in kinds {
            let words = format!(
                "req -x509 -newkey {kind} -nodes -days 30 -subj /CN=bench -keyout {name}.key -out {name}.pem \
                 -addext subjectAltName=email:bench@example.org"
            );
            run(&mut desk.openssl(&words))?;
        }
        Ok(desk)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn openssl(&self, words: &str) -> Command {
        let mut command = self.command("openssl");
        command.args(words.split(' '));
        command
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-c", line]);
        command
    }

    fn mss(&self, words: &str) -> Command {
        let mut command = self.command(std::env::current_exe().expect("this program knows where it stands"));
        command.arg(deeds::WORD).args(words.split(' '));
        command
    }

    /// Octets that do not repeat within a block of any cipher or buffer here.
    fn fill(&self, name: &str, octets: u64) -> Result<(), Anyhow> {
        let mut file = File::create(self.path().join(name))?;
        let (mut state, mut left) = (octets | 1, octets);
        let mut block = vec![0u8; 1 << 16];
        while left > 0 {
            for eight in block.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                eight.copy_from_slice(&state.to_le_bytes());
            }
            let piece = block.len().min(usize::try_from(left)?);
            file.write_all(&block[..piece])?;
            left -= piece as u64;
        }
        Ok(())
    }

    /// A MIME entity of some octets: base64 in lines, as attachments travel.
    fn fill_entity(&self, name: &str, octets: u64) -> Result<(), Anyhow> {
        self.fill("octets", octets)?;
        let mut out = File::create(self.path().join(name))?;
        out.write_all(b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")?;
        let mut encoder = Base64Writer::new(out);
        encoder.write_all(&fs::read(self.path().join("octets"))?)?;
        encoder.finish()?;
        Ok(())
    }

    fn same(&self, one: &str, other: &str) -> Result<(), Anyhow> {
        let same = fs::read(self.path().join(one))? == fs::read(self.path().join(other))?;
        if same { Ok(()) } else { Err(format!("{one} and {other} differ").into()) }
    }
}

fn run(command: &mut Command) -> Result<(), Anyhow> {
    if command.status()?.success() { Ok(()) } else { Err(format!("failed: {command:?}").into()) }
}

const OAEP: &str = "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256";

/// Each side opens what the other wrote; leaves `content.p7m` and `content.p7s`, both by openssl.
fn exchange(desk: &Desk) -> Result<(), Anyhow> {
    for (name, how) in [("rsa", OAEP), ("ec", "")] {
        let recipient = format!("-recip {name}.pem {how}");
        let recipient = recipient.trim_end();
        run(&mut desk.mss(&format!("encrypt small ours.p7m {name}")))?;
        run(&mut desk.openssl(&format!(
            "cms -decrypt -binary -inform DER -in ours.p7m -out back -recip {name}.pem -inkey {name}.key"
        )))?;
        desk.same("small", "back")?;
        run(&mut desk.openssl(&format!(
            "cms -encrypt -binary -aes-256-gcm -outform DER -in small -out theirs.p7m {recipient}"
        )))?;
        run(&mut desk.mss(&format!("decrypt theirs.p7m back {name}")))?;
        desk.same("small", "back")?;
        run(&mut desk.mss(&format!("sign small ours.p7s {name}")))?;
        run(&mut desk.openssl(&verify(name, "small", "ours.p7s")))?;
        run(&mut desk.openssl(&sign(name, "small", "theirs.p7s")))?;
        run(&mut desk.mss("verify small theirs.p7s"))?;
        run(&mut desk.mss(&format!("seal one.in one.out {name}")))?;
        run(&mut desk.shell(&format!(
            "set -e; openssl cms -decrypt -binary -inform DER -in one.out/0000 -out signed -recip {name}.pem -inkey {name}.key
             openssl cms -verify -in signed -CAfile {name}.pem -purpose any -out back"
        )))?;
        desk.same("one.in/0000", "back")?;
        fs::remove_dir_all(desk.path().join("one.out"))?;
    }
    Ok(())
}

fn sign(name: &str, content: &str, out: &str) -> String {
    format!("cms -sign -binary -outform DER -md sha256 -signer {name}.pem -inkey {name}.key -in {content} -out {out}")
}

fn verify(name: &str, content: &str, signature: &str) -> String {
    format!(
        "cms -verify -binary -inform DER -in {signature} -content {content} -CAfile {name}.pem -purpose any -out /dev/null"
    )
}

/// One file, as large as it says.
fn large(desk: &Desk, megabytes: u64, runs: usize, table: &mut Table) -> Result<(), Anyhow> {
    desk.fill("content", megabytes * MB)?;
    let encrypt = format!("cms -encrypt -binary -aes-256-gcm -outform DER -in content -out out -recip rsa.pem {OAEP}");
    run(&mut desk.openssl(&encrypt))?;
    fs::rename(desk.path().join("out"), desk.path().join("content.p7m"))?;
    run(&mut desk.openssl(&sign("rsa", "content", "content.p7s")))?;
    let bound = |ratio: f64| (megabytes == 100).then_some(ratio);
    let races = [
        Race {
            title: format!("encrypt {megabytes} MB, AES-256-GCM, RSA-3072"),
            ours: desk.mss("encrypt content out rsa"),
            others: vec![
                Contender::new("openssl", desk.openssl(&encrypt), bound(4.0)),
                Contender::new("openssl -stream", desk.openssl(&format!("{encrypt} -stream")), bound(2.3)),
            ],
        },
        Race {
            title: format!("decrypt {megabytes} MB"),
            ours: desk.mss("decrypt content.p7m out rsa"),
            others: vec![Contender::new(
                "openssl",
                desk.openssl("cms -decrypt -binary -inform DER -in content.p7m -out out -recip rsa.pem -inkey rsa.key"),
                bound(3.5),
            )],
        },
        Race {
            title: format!("sign {megabytes} MB, detached"),
            ours: desk.mss("sign content out rsa"),
            others: vec![Contender::new("openssl", desk.openssl(&sign("rsa", "content", "out")), bound(1.2))],
        },
        Race {
            title: format!("verify {megabytes} MB, detached"),
            ours: desk.mss("verify content content.p7s"),
            others: vec![Contender::new("openssl", desk.openssl(&verify("rsa", "content", "content.p7s")), bound(1.3))],
        },
    ];
    for race in races {
        table.add(race.run(runs, || drop(fs::remove_file(desk.path().join("out"))))?);
    }
    Ok(())
}

/// Many small files: mss takes them all in one process, openssl needs two processes for each.
fn small(desk: &Desk, runs: usize, table: &mut Table) -> Result<(), Anyhow> {
    fs::create_dir(desk.path().join("in"))?;
    for number in 0..SMALL_FILES {
        desk.fill_entity(&format!("in/{number:04}"), SMALL_FILE + number as u64)?;
    }
    for (name, title, how, bound) in [("ec", "P-256", "", 40.0), ("rsa", "RSA-3072", OAEP, 10.0)] {
        let seal = format!(
            "mkdir -p out; for file in in/*; do
               openssl cms -sign -binary -crlfeol -md sha256 -signer {name}.pem -inkey {name}.key -in $file -out signed &&
               openssl cms -encrypt -binary -aes-256-gcm -outform DER -in signed -out out/${{file#in/}} -recip {name}.pem {how} ||
               exit 1
             done"
        );
        let open = format!(
            "mkdir -p out; for file in sealed/*; do
               openssl cms -decrypt -binary -inform DER -in $file -out signed -recip {name}.pem -inkey {name}.key &&
               openssl cms -verify -in signed -CAfile {name}.pem -purpose any -out out/${{file#sealed/}} ||
               exit 1
             done"
        );
        let tidy = || drop(fs::remove_dir_all(desk.path().join("out")));
        let race = Race {
            title: format!("sign + encrypt {SMALL_FILES} x 50 KB, {title}"),
            ours: desk.mss(&format!("seal in out {name}")),
            others: vec![Contender::new("openssl x 2,000", desk.shell(&seal), Some(bound))],
        };
        table.add(race.run(runs, tidy)?);
        run(&mut desk.mss(&format!("seal in sealed {name}")))?;
        let race = Race {
            title: format!("decrypt + verify {SMALL_FILES} x 50 KB, {title}"),
            ours: desk.mss(&format!("open sealed out {name}")),
            others: vec![Contender::new("openssl x 2,000", desk.shell(&open), None)],
        };
        table.add(race.run(runs, tidy)?);
        fs::remove_dir_all(desk.path().join("sealed"))?;
    }
    Ok(())
}

fn table(runs: usize) -> Result<(), Anyhow> {
    let desk = Desk::new()?;
    desk.fill("small", 300_000)?;
    fs::create_dir(desk.path().join("one.in"))?;
    desk.fill_entity("one.in/0000", SMALL_FILE)?;
    exchange(&desk)?;
    let started = median((0..runs).map(|_| measure(&mut desk.mss("started rsa"))).collect::<Result<_, _>>()?);
    println!("{} cores, openssl {}, medians of {runs} runs", cores(), openssl_version()?);
    let mut table = Table::new(started.memory, ROOM);
    for megabytes in [25, 100] {
        large(&desk, megabytes, runs, &mut table)?;
    }
    // Two thousand processes a run: their number makes the median, not the runs.
    small(&desk, runs.min(3), &mut table)?;
    if table.holds() { Ok(()) } else { Err("a bound was missed".into()) }
}

/// Memory alone: encryption, decryption, signature and verification of one file of any size.
fn memory(megabytes: u64) -> Result<(), Anyhow> {
    let desk = Desk::new()?;
    desk.fill("content", megabytes * MB)?;
    let started = measure(&mut desk.mss("started rsa"))?;
    println!("{:<32} {:>8.1} MB", "started", started.memory as f64 / MB as f64);
    let mut holds = true;
    for words in [
        "encrypt content sealed rsa",
        "decrypt sealed back rsa",
        "sign content signature rsa",
        "verify content signature",
    ] {
        let used = measure(&mut desk.mss(words))?;
        let over = used.memory.saturating_sub(started.memory);
        holds &= over <= ROOM;
        let deed = words.split(' ').next().unwrap_or_default();
        let title = format!("{deed} {megabytes} MB");
        println!("{title:<32} {:>8.1} MB {:>8.2} s", used.memory as f64 / MB as f64, used.wall.as_secs_f64());
        if deed == "decrypt" {
            run(&mut desk.shell("cmp content back && rm back sealed"))?;
        }
    }
    if holds { Ok(()) } else { Err(format!("more than {} MB over a process that does nothing", ROOM / MB).into()) }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn openssl_version() -> Result<String, Anyhow> {
    let output = Command::new("openssl").arg("version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).split(' ').nth(1).unwrap_or("?").to_owned())
}
