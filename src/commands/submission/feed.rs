//! Which copies are to be submitted: filled while messages are sealed, emptied by several connections, no faster than is allowed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::outbox::CopyId;

/// How often one copy is tried in one run where the line broke before anybody could have taken it.
const TRIES: u8 = 2;

/// The copies that wait for a connection.
pub(in crate::commands) struct Feed {
    state: Mutex<State>,
    changed: Condvar,
    /// The time from one message to the next.
    pace: Duration,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<CopyId>,
    /// What another process had in hand when its turn came.
    held: Vec<CopyId>,
    tries: HashMap<CopyId, u8>,
    /// How many were tried as often as it makes sense.
    broken: usize,
    /// No more will come.
    closed: bool,
    /// Nothing more is to be begun.
    stopped: bool,
    not_before: Option<Instant>,
}

impl Feed {
    /// An empty one, to be filled.
    pub(in crate::commands) fn new(pace: Duration) -> Feed {
        Feed { state: Mutex::default(), changed: Condvar::new(), pace }
    }

    pub(in crate::commands) fn push(&self, copies: impl IntoIterator<Item = CopyId>) {
        self.state().waiting.extend(copies);
        self.changed.notify_all();
    }

    /// Says that no more will come.
    pub(in crate::commands) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Says that nothing more is to be begun; what waits stays in the outbox.
    pub(in crate::commands) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    pub(in crate::commands) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Whether everything was handed over, or is in the hands of others.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.broken == 0 && !state.stopped
    }

    /// What others had in hand; they are forgotten here.
    pub(super) fn take_held(&self) -> Vec<CopyId> {
        std::mem::take(&mut self.state().held)
    }

    /// Whether there is to be some time between two messages: then nothing is taken ahead.
    pub(super) fn is_paced(&self) -> bool {
        !self.pace.is_zero()
    }

    /// Up to `most` copies that may go now, without waiting.
    pub(super) fn take(&self, most: usize) -> Vec<CopyId> {
        let mut state = self.state();
        let most = if self.pace.is_zero() { most } else { most.min(1) };
        let now = Instant::now();
        if state.stopped || state.not_before.is_some_and(|then| then > now) {
            return Vec::new();
        }
        let count = most.min(state.waiting.len());
        if count > 0 && !self.pace.is_zero() {
            state.not_before = Some(now + self.pace);
        }
        state.waiting.drain(..count).collect()
    }

    /// Waits until something may go; not, if nothing will come any more.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.stopped || (state.closed && state.waiting.is_empty()) {
                return false;
            }
            let delay = state.not_before.map(|then| then.saturating_duration_since(Instant::now()));
            state = match delay.filter(|delay| !delay.is_zero() && !state.waiting.is_empty()) {
                None if !state.waiting.is_empty() => return true,
                None => self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
                Some(delay) => {
                    self.changed.wait_timeout(state, delay).unwrap_or_else(|poisoned| poisoned.into_inner()).0
                }
            };
        }
    }

    /// Takes a copy back that nobody can have taken; behind all others, and once.
    pub(super) fn back(&self, copy: CopyId) {
        let mut state = self.state();
        let tries = state.tries.entry(copy).or_default();
        *tries += 1;
        if *tries < TRIES {
            state.waiting.push_back(copy);
            self.changed.notify_all();
        } else {
            state.broken += 1;
        }
    }

    /// Leaves a copy where it is: something is wrong with it that another try would not mend.
    pub(super) fn leave(&self) {
        self.state().broken += 1;
    }

    /// Remembers a copy that another process has in hand.
    pub(super) fn hold(&self, copy: CopyId) {
        self.state().held.push(copy);
    }

    /// Stops it when the thread that holds this dies of a fault: the others would wait for it for ever.
    pub(in crate::commands) fn watch(&self) -> Watch<'_> {
        Watch(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the lock is given back.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A thread that others wait for.
pub(in crate::commands) struct Watch<'f>(&'f Feed);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_dies_does_not_keep_the_others_waiting() {
        let feed = Feed::new(Duration::ZERO);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| feed.wait());
            let dying = scope.spawn(|| {
                let _watch = feed.watch();
                std::panic::resume_unwind(Box::new("a fault"));
            });
            assert!(dying.join().is_err());
            assert!(!waiting.join().unwrap());
        });
        assert!(feed.is_stopped());
    }
}
