//! Looking people up in an index of 540,000 rows, beside `mss --version` and the sqlite3 program, in the same run.
//!
//! ```text
//! cargo bench --bench lookup                   the table, and whether each bound is kept; status 1 where one is missed
//! cargo bench --bench lookup -- --rows 50000   fewer rows
//! cargo bench --bench lookup -- --runs 51      medians of so many runs (default 31)
//! ```
//!
//! The rows are fictive and made here, as many and as long as those of the national extraction. Needs bash, and sqlite3 with
//! FTS5 for the comparison of `--update`: without it that row is left out, and said to be.
//!
//! - `by number`, `by address`: a cold process each time, the vault opened by a service key.
//! - `by name and town`: the beginning of a name and of a town, first 20 answers.
//! - `update`: text to index, and the most memory that was resident. sqlite3 imports the same columns of the same text, then
//!   makes the same indexes and the same full text over them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod desk;
mod rows;

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use desk::Desk;
use wait4::Wait4;

type Anyhow = Box<dyn Error>;

/// Octets that an update may have resident.
const MEMORY: u64 = 64 << 20;
/// How much longer than `mss --version` an answer may take.
const EXACT: Duration = Duration::from_millis(5);
const WORDS: Duration = Duration::from_millis(15);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: usize| {
        let place = words.iter().position(|word| word == name);
        place.and_then(|place| words.get(place + 1)?.parse().ok()).unwrap_or(default).max(1)
    };
    match table(option("--rows", 540_000), option("--runs", 31)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything and prints it; tells whether every bound was kept.
fn table(rows: usize, runs: usize) -> Result<bool, Anyhow> {
    let desk = Desk::new(rows)?;
    let mut kept = updates(&desk, rows)?;
    let number = rows::number(rows / 2);
    let address = rows::address(rows / 2);
    let questions: [(&str, Vec<&str>, Option<Duration>); 4] = [
        ("mss --version", vec!["--version"], None),
        ("by number", vec!["lookup", "--offline", "--rpps", &number], Some(EXACT)),
        ("by address", vec!["lookup", "--offline", "--address", &address], Some(EXACT)),
        (
            "by name and town",
            vec!["lookup", "--offline", "--limit", "20", "--name", "mar", "--place", "ren"],
            Some(WORDS),
        ),
    ];
    let mut times = vec![Vec::new(); questions.len()];
    // Taking turns: a machine whose speed drifts is unfair to none.
    for _ in 0..runs {
        for ((_, words, _), times) in questions.iter().zip(&mut times) {
            times.push(timed(desk.mss().args(words))?.0);
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    for ((title, _, bound), median) in questions.iter().zip(&medians) {
        let over = median.saturating_sub(medians[0]);
        let told = bound.map_or_else(String::new, |bound| {
            kept &= over <= bound;
            format!("{:>8.2} ms over --version, at most {} {}", millis(over), bound.as_millis(), verdict(over <= bound))
        });
        println!("{title:<18}{:>9.2} ms {told}", millis(*median));
    }
    Ok(kept)
}

/// The update, beside what sqlite3 does with the same text.
fn updates(desk: &Desk, rows: usize) -> Result<bool, Anyhow> {
    let (took, memory) = timed(desk.mss().args(["lookup", "--update", "extraction.txt"]))?;
    let small = memory <= MEMORY;
    println!(
        "{:<18}{:>9.0} ms for {rows} rows, {} MiB resident, at most {} {}",
        "update",
        millis(took),
        memory >> 20,
        MEMORY >> 20,
        verdict(small)
    );
    let Some(mut sqlite) = desk.sqlite() else {
        println!("{:<18}sqlite3 with FTS5 is not here: not compared", "");
        return Ok(small);
    };
    let (other, _) = timed(&mut sqlite)?;
    let faster = took <= other;
    println!("{:<18}{:>9.0} ms for the same by sqlite3 .import {}", "", millis(other), verdict(faster));
    Ok(small && faster)
}

/// Runs a command to its end; tells how long it took and how much memory it had.
fn timed(command: &mut Command) -> Result<(Duration, u64), Anyhow> {
    let begun = Instant::now();
    let child = command.spawn()?;
    let used = child.wait4()?;
    let took = begun.elapsed();
    if !used.status.success() {
        return Err(format!("{command:?} ended with {}", used.status).into());
    }
    Ok((took, used.rusage.maxrss))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn verdict(good: bool) -> &'static str {
    if good { "(kept)" } else { "(MISSED)" }
}
