//! Takes messages apart on a thread of its own: digests, decryption, signatures, files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use super::courier::Arrived;
use super::flow::Event;
use crate::commands::received::{self, Policy};
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
        loop {
            let next = self.arrived.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Arrived { uid, octets, room }) = next else { return };
            if self.stop.load(Ordering::Relaxed) {
                continue;
            }
            let event = match received::unfold(octets, self.keys, self.policy, self.looks_for_notices) {
                Ok(unfolded) => Event::Opened(uid, Box::new((unfolded, room))),
                Err(error) => Event::Failed(error),
            };
            if self.events.send(event).is_err() {
                return;
            }
        }
    }
}
