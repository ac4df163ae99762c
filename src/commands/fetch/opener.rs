//! Takes messages apart on a thread of its own: digests, decryption, signatures, files.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use super::courier::Arrived;
use super::flow::Event;
use crate::commands::error::Error;
use crate::commands::received::{self, Policy, Unfolded};
use crate::fs::Spool;
use crate::pki::Identity;

/// One of several that share the work.
pub(super) struct Opener<'o> {
    pub arrived: &'o Mutex<Receiver<Arrived>>,
    pub events: Sender<Event>,
    pub keys: &'o [Identity],
    pub policy: &'o Policy,
    /// Whether something was sent that notices can be about.
    pub looks_for_notices: bool,
    /// Nothing is wanted any more.
    pub stop: &'o AtomicBool,
}

impl Opener<'_> {
    /// Works until no more messages come.
    pub(super) fn work(self) {
        let (keys, policy, looks_for_notices) = (self.keys, self.policy, self.looks_for_notices);
        self.work_by(|octets| received::unfold(octets, keys, policy, looks_for_notices));
    }

    /// A fault of ours that a message brings to light ends the flow, and not this thread before all others have heard of it: they
    /// would wait for ever, for what becomes of the message or for room behind it.
    fn work_by(self, unfold: impl Fn(Spool) -> Result<Unfolded, Error>) {
        let mut fault: Option<Box<dyn Any + Send>> = None;
        loop {
            let next = self.arrived.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Arrived { uid, octets, room }) = next else { break };
            if fault.is_some() || self.stop.load(Ordering::Relaxed) {
                continue;
            }
            let event = match catch_unwind(AssertUnwindSafe(|| unfold(octets))) {
                Ok(Ok(unfolded)) => Event::Opened(uid, Box::new((unfolded, room))),
                Ok(Err(error)) => Event::Failed(error),
                Err(panic) => {
                    fault = Some(panic);
                    Event::Died
                }
            };
            if self.events.send(event).is_err() {
                break;
            }
        }
        if let Some(panic) = fault {
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::{channel, sync_channel};

    use super::*;
    use crate::cms::Accept;
    use crate::commands::fetch::courier::Room;

    #[test]
    fn a_fault_that_a_message_brings_to_light_leaves_nobody_waiting() {
        let policy =
            Policy { to: "in".into(), accept_unsigned: false, accept: Accept::default(), accept_unknown_sender: false };
        let (arrived, taken) = sync_channel(1);
        let (taken, stop, (events, heard)) = (Mutex::new(taken), AtomicBool::new(false), channel());
        let opener =
            Opener { arrived: &taken, events, keys: &[], policy: &policy, looks_for_notices: false, stop: &stop };
        std::thread::scope(|scope| {
            let dying = scope.spawn(|| opener.work_by(|_| resume_unwind(Box::new("a fault"))));
            let memory = Arc::new(AtomicUsize::new(0));
            for uid in 1..=5 {
                let (octets, room) = (Spool::new(Path::new("nowhere")), Room::take(&memory, 0));
                arrived.send(Arrived { uid, octets, room }).unwrap();
            }
            drop(arrived);
            assert!(dying.join().is_err(), "it is no secret either");
        });
        assert!(matches!(heard.iter().collect::<Vec<_>>()[..], [Event::Died]));
    }
}
