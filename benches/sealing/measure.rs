//! What a process took, the median of several, and the table of who was how much faster.

use std::process::Command;
use std::time::{Duration, Instant};

use wait4::Wait4;

use super::Anyhow;

/// What one process took, with everything it started.
#[derive(Clone, Copy)]
pub struct Used {
    pub wall: Duration,
    pub cpu: Duration,
    /// Octets resident at the worst moment.
    pub memory: u64,
}

/// Runs a command to its end; it must succeed.
pub fn measure(command: &mut Command) -> Result<Used, Anyhow> {
    let begun = Instant::now();
    let ended = command.spawn().map_err(|error| format!("{command:?}: {error}"))?.wait4()?;
    let wall = begun.elapsed();
    if !ended.status.success() {
        return Err(format!("failed: {command:?}").into());
    }
    Ok(Used { wall, cpu: ended.rusage.utime + ended.rusage.stime, memory: ended.rusage.maxrss })
}

/// The middle of the times, each for itself; the highest of the memory.
pub fn median(runs: Vec<Used>) -> Used {
    let middle = |time: fn(&Used) -> Duration| {
        let mut times: Vec<Duration> = runs.iter().map(time).collect();
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Used {
        wall: middle(|used| used.wall),
        cpu: middle(|used| used.cpu),
        memory: runs.iter().map(|used| used.memory).max().unwrap_or_default(),
    }
}

/// Another way to do the same work, and how many times faster ours has to be.
pub struct Contender {
    name: &'static str,
    command: Command,
    at_least: Option<f64>,
}

impl Contender {
    pub fn new(name: &'static str, command: Command, at_least: Option<f64>) -> Contender {
        Contender { name, command, at_least }
    }
}

/// The same work done by several.
pub struct Race {
    pub title: String,
    pub ours: Command,
    pub others: Vec<Contender>,
}

impl Race {
    /// Lets them take turns, so that a machine whose speed drifts is unfair to nobody; `tidy` comes before each.
    pub fn run(mut self, runs: usize, tidy: impl Fn()) -> Result<Outcome, Anyhow> {
        let mut ours = Vec::new();
        let mut others: Vec<Vec<Used>> = self.others.iter().map(|_| Vec::new()).collect();
        for _ in 0..runs {
            tidy();
            ours.push(measure(&mut self.ours)?);
            for (contender, used) in self.others.iter_mut().zip(&mut others) {
                tidy();
                used.push(measure(&mut contender.command)?);
            }
        }
        tidy();
        let others = self.others.into_iter().zip(others).map(|(it, used)| (it.name, median(used), it.at_least));
        Ok(Outcome { title: self.title, ours: median(ours), others: others.collect() })
    }
}

/// How a race ended.
pub struct Outcome {
    title: String,
    ours: Used,
    others: Vec<(&'static str, Used, Option<f64>)>,
}

/// All of them, each printed when it is over.
pub struct Table {
    started: u64,
    room: u64,
    holds: bool,
}

impl Table {
    /// Memory is judged beside that of a process that has only started, with some room.
    pub fn new(started: u64, room: u64) -> Table {
        println!("{:<42} {:>9} {:>7} {:>9} {:>6} {:>9}", "", "ms", "ratio", "at least", "cpu", "peak MB");
        let (least, most) = (megabytes(started), megabytes(started + room));
        println!("{:<42} {:>45.1}   mss: at most {most:.1} below", "started", least);
        Table { started, room, holds: true }
    }

    /// Prints how a race ended, ours first.
    pub fn add(&mut self, Outcome { title, ours, others }: Outcome) {
        let small = ours.memory <= self.started + self.room;
        self.holds &= small;
        let mark = if small { "" } else { "   TOO LARGE" };
        println!("{title}");
        println!("{:<42} {:>9.1} {:>35.1}{mark}", "  mss", milliseconds(&ours), megabytes(ours.memory));
        for (name, used, bound) in others {
            let ratio = used.wall.as_secs_f64() / ours.wall.as_secs_f64();
            let cpu = used.cpu.as_secs_f64() / ours.cpu.as_secs_f64();
            let kept = bound.is_none_or(|bound| ratio >= bound);
            self.holds &= kept;
            let mark = if kept { "" } else { "   MISSED" };
            let (name, at_least) = (format!("  {name}"), bound.map(|bound| format!("{bound:.1}")).unwrap_or_default());
            let (time, memory) = (milliseconds(&used), megabytes(used.memory));
            println!("{name:<42} {time:>9.1} {ratio:>7.2} {at_least:>9} {cpu:>6.2} {memory:>9.1}{mark}");
        }
    }

    /// Whether every bound was kept.
    pub fn holds(&self) -> bool {
        self.holds
    }
}

fn milliseconds(used: &Used) -> f64 {
    used.wall.as_secs_f64() * 1e3
}

fn megabytes(octets: u64) -> f64 {
    octets as f64 / 1e6
}
