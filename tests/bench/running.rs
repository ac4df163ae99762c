//! A program at work beside the test: both its streams are read from the start, and it never outlives the test.

use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Outcome;

/// How long a program may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program that was started and not yet waited for.
pub struct Running {
    shown: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    pub(super) fn new(shown: String, mut child: Child, stdin: Option<Vec<u8>>) -> Running {
        if let (Some(mut pipe), Some(content)) = (child.stdin.take(), stdin) {
            // A program that ends without reading its stdin is judged by its status, not by the broken pipe.
            thread::spawn(move || drop(pipe.write_all(&content)));
        }
        let (stdout, stderr) = (Stream::read(child.stdout.take()), Stream::read(child.stderr.take()));
        Running { shown, child, stdout, stderr }
    }

    /// Waits until stdout holds this.
    #[track_caller]
    pub fn wait_for_stdout(&mut self, part: &str) -> String {
        let stream = self.stdout.so_far.clone();
        self.wait_for(&stream, part)
    }

    /// Waits until stderr holds this.
    #[track_caller]
    pub fn wait_for_stderr(&mut self, part: &str) -> String {
        let stream = self.stderr.so_far.clone();
        self.wait_for(&stream, part)
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        self.watch(|_| {})
    }

    /// Waits for its end, and tells how many octets of memory it had resident at the worst moment.
    #[track_caller]
    pub fn finish_measured(self) -> (Outcome, u64) {
        let mut peak = 0;
        // The system keeps the highest value itself, so only what came in the last two milliseconds can be missed.
        let outcome = self.watch(|child| peak = peak_memory(child).unwrap_or(0).max(peak));
        (outcome, peak)
    }

    #[track_caller]
    fn watch(mut self, mut look: impl FnMut(&Child)) -> Outcome {
        let until = Instant::now() + PATIENCE;
        loop {
            look(&self.child);
            if let Some(status) = self.child.try_wait().expect("the program is ours to wait for") {
                let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
                return Outcome::new(self.shown.clone(), status, stdout, &stderr);
            }
            if Instant::now() > until {
                panic!("{} did not end within {PATIENCE:?}; it said:\n{}", self.shown, self.stderr.now());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it at once when it has run for so long, and waits for its end; it may have come by itself before.
    #[track_caller]
    pub fn kill_after(mut self, moment: Duration) -> Outcome {
        let started = Instant::now();
        while started.elapsed() < moment.min(PATIENCE)
            && self.child.try_wait().expect("the program is ours to wait for").is_none()
        {
            thread::sleep(Duration::from_millis(1));
        }
        self.kill()
    }

    /// Ends it at once, with no chance to tidy up (SIGKILL).
    #[track_caller]
    pub fn kill(mut self) -> Outcome {
        self.child.kill().expect("the program is ours to end");
        self.finish()
    }

    /// Asks it to stop, as Ctrl-C does (SIGINT).
    #[track_caller]
    pub fn interrupt(self) -> Outcome {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("the program is ours to stop");
        self.finish()
    }

    /// Asks it to stop, as a service manager does (SIGTERM).
    #[track_caller]
    pub fn terminate(self) -> Outcome {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the program is ours to stop");
        self.finish()
    }

    #[track_caller]
    fn wait_for(&mut self, stream: &Mutex<Vec<u8>>, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            // Asked before the stream is looked at: what a program said before its end is in the stream by then or soon.
            let ended = self.child.try_wait().expect("the program is ours to wait for").is_some();
            let text = String::from_utf8_lossy(&stream.lock().expect("no reader panics")).into_owned();
            if text.contains(part) {
                return text;
            }
            if ended && self.stdout.is_over() && self.stderr.is_over() || Instant::now() > until {
                panic!("{} did not say {part:?}; it said:\n{text}\n--- stderr\n{}", self.shown, self.stderr.now());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or nobody waits for it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The high-water mark of a running program (proc_pid_status(5)).
fn peak_memory(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// One stream of a program, read as it comes.
struct Stream {
    so_far: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(pipe: Option<impl Read + Send + 'static>) -> Stream {
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&so_far);
        let reader = pipe.map(|mut pipe| {
            thread::spawn(move || {
                let mut piece = [0; 8192];
                while let Ok(length @ 1..) = pipe.read(&mut piece) {
                    kept.lock().expect("no reader panics").extend_from_slice(&piece[..length]);
                }
            })
        });
        Stream { so_far, reader }
    }

    fn now(&self) -> String {
        String::from_utf8_lossy(&self.so_far.lock().expect("no reader panics")).into_owned()
    }

    fn is_over(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn all(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        self.so_far.lock().expect("no reader panics").clone()
    }
}
