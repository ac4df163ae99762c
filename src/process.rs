//! Which process this is, and whether another one still runs: who holds a lease, and who left it behind.

mod moment;

use std::fmt;

#[cfg(debug_assertions)]
pub use moment::choose;
pub use moment::{Moment, here};
use rustix::process::{Pid, getpid, test_kill_process};

/// One process for as long as it runs: its number, when it started, on which boot, and in which numbering of processes.
///
/// A number alone would be given again to another process; with the rest it is not mistaken for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pid: i32,
    started: String,
    boot: String,
    namespace: String,
}

/// What can be said of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It has ended.
    Ended,
    /// It counts processes apart from us (a container of its own): it cannot be seen from here.
    OutOfSight,
}

const UNKNOWN: &str = "-";

impl Process {
    /// This process.
    pub fn current() -> Process {
        let pid = getpid().as_raw_nonzero().get();
        Process { pid, started: started(pid), boot: boot(), namespace: namespace() }
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Process> {
        let mut parts = text.splitn(4, ' ').map(str::to_owned);
        let pid = parts.next()?.parse().ok()?;
        Some(Process { pid, started: parts.next()?, boot: parts.next()?, namespace: parts.next()? })
    }

    /// Whether it still runs.
    pub fn life(&self) -> Life {
        if self.boot != boot() {
            return Life::Ended;
        }
        if self.namespace != namespace() {
            return Life::OutOfSight;
        }
        let Some(pid) = Pid::from_raw(self.pid) else { return Life::Ended };
        match test_kill_process(pid) {
            Err(rustix::io::Errno::SRCH) => Life::Ended,
            _ => self.judged(&started(self.pid)),
        }
    }
}

impl Process {
    /// What it means when the process of that number started then. There may be one that shows itself to nobody: /proc can be
    /// mounted so that others are hidden (proc(5), hidepid), and a program that leaves no dumps is hidden from its own user.
    fn judged(&self, started: &str) -> Life {
        match started {
            UNKNOWN if self.started != UNKNOWN => Life::OutOfSight,
            _ if started != self.started => Life::Ended,
            _ => Life::Running,
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.pid, self.started, self.boot, self.namespace)
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The clock tick it started at (proc(5), field 22 of `stat`). A process that ended and is not yet waited for has ended.
fn started(pid: i32) -> String {
    let Some(stat) = read(&format!("/proc/{pid}/stat")) else { return UNKNOWN.to_owned() };
    // The second field, the name, may hold spaces and brackets: what follows its last bracket is counted.
    let after_name: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    match (after_name.first(), after_name.get(19)) {
        (Some(&"Z" | &"X"), _) | (_, None) => "ended".to_owned(),
        (_, Some(tick)) => (*tick).to_owned(),
    }
}

fn boot() -> String {
    read("/proc/sys/kernel/random/boot_id").map_or(UNKNOWN.to_owned(), |id| id.trim().to_owned())
}

fn namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid").ok();
    link.and_then(|link| link.to_str().map(|name| name.replace(' ', ""))).unwrap_or(UNKNOWN.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_is_read_back() {
        let me = Process::current();
        assert_eq!(me.life(), Life::Running);
        assert_eq!(Process::parse(&me.to_string()), Some(me));
        assert_eq!(Process::parse("x y z"), None);
    }

    #[test]
    fn a_process_that_is_there_and_hidden_has_not_ended() {
        let me = Process::current();
        assert_eq!(me.judged(UNKNOWN), Life::OutOfSight);
        assert_eq!(me.judged("ended"), Life::Ended);
        assert_eq!(me.judged(&me.started), Life::Running);
    }

    #[test]
    fn a_child_that_ended_has_ended_waited_for_or_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let process = Process { pid, started: started(pid), ..Process::current() };
        assert_eq!(process.life(), Life::Running);
        child.kill().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while process.life() != Life::Ended && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(process.life(), Life::Ended, "ended, not waited for");
        child.wait().unwrap();
        assert_eq!(process.life(), Life::Ended);
    }

    #[test]
    fn a_number_given_again_or_another_boot_is_another_process() {
        let me = Process::current();
        assert_eq!(Process { started: "1".to_owned(), ..me.clone() }.life(), Life::Ended);
        assert_eq!(Process { boot: "other".to_owned(), ..me.clone() }.life(), Life::Ended);
        assert_eq!(Process { namespace: "pid:[1]".to_owned(), ..me }.life(), Life::OutOfSight);
    }
}
