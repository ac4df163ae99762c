//! One connection on a thread of its own: asks for messages ahead of time, spools them as they come, and has the server do what is
//! to be done with those that are stored.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError};

use super::flow::Event;
use crate::fs::Spool;
use crate::imap::{Deed, Heard, ImapError, Pipeline, Session, UidSet};

/// Octets a message may have.
const MESSAGE_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// Octets of messages that wait in memory; what comes beyond that waits on disk.
const IN_MEMORY: usize = 24 * 1024 * 1024;

/// What a connection is asked for.
pub(super) enum Order {
    Fetch(UidSet),
    Acknowledge(usize, Deed, UidSet),
}

/// A message as it came.
pub(super) struct Arrived {
    pub uid: u32,
    pub octets: Spool,
    pub room: Room,
}

/// The memory that a message takes, as long as this is kept.
pub(super) struct Room {
    taken: Arc<AtomicUsize>,
    octets: usize,
}

impl Room {
    pub(super) fn take(taken: &Arc<AtomicUsize>, octets: usize) -> Room {
        taken.fetch_add(octets, Ordering::Relaxed);
        Room { taken: taken.clone(), octets }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

/// Tells of a fault of ours by which a thread ends: nobody would hear of its connection again.
struct Watch<'w>(&'w Sender<Event>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.send(Event::Died);
        }
    }
}

/// One connection.
pub(super) struct Courier<'c> {
    /// Which of them.
    pub number: usize,
    pub orders: Receiver<Order>,
    pub arrived: SyncSender<Arrived>,
    pub events: Sender<Event>,
    pub spool: &'c Path,
    /// Nothing is wanted any more.
    pub stop: &'c AtomicBool,
    /// Octets that wait in memory, of all connections.
    pub memory: Arc<AtomicUsize>,
}

impl Courier<'_> {
    /// Works until no more orders come, and gives the session back; nothing where it broke or was stopped.
    pub(super) fn work(self, session: Session) -> Option<Session> {
        let _watch = Watch(&self.events);
        let mut pipeline = Pipeline::new(session);
        loop {
            match self.carry(&mut pipeline) {
                Ok(true) => {}
                Ok(false) if pipeline.is_idle() => return Some(pipeline.into_session()),
                Ok(false) => return None,
                Err(error) => {
                    let _ = self.events.send(Event::Broken(self.number, error));
                    return None;
                }
            }
        }
    }

    /// Gives the orders that came to the server, and hears one thing from it; false where nothing more is to be done.
    fn carry(&self, pipeline: &mut Pipeline) -> Result<bool, ImapError> {
        loop {
            let order = match self.orders.try_recv() {
                Ok(order) => order,
                // Nothing is under way: there is nothing to hear before something is asked for.
                Err(TryRecvError::Empty) if pipeline.is_idle() => match self.orders.recv() {
                    Ok(order) => order,
                    Err(_) => return Ok(false),
                },
                Err(TryRecvError::Disconnected) if pipeline.is_idle() => return Ok(false),
                Err(_) => break,
            };
            match order {
                Order::Fetch(uids) => pipeline.fetch(0, &uids)?,
                Order::Acknowledge(number, deed, uids) => pipeline.acknowledge(number, deed, uids)?,
            }
        }
        if self.stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let heard = pipeline.hear(MESSAGE_LIMIT, &mut |size| {
            let roomy = self.memory.load(Ordering::Relaxed) < IN_MEMORY;
            Ok(Spool::sized(self.spool, size, roomy))
        })?;
        let event = match heard {
            Heard::Message { uid, octets } => {
                let room = Room::take(&self.memory, octets.in_memory());
                // Told first: what came need not be asked for again where the line breaks now.
                let told = self.events.send(Event::Came(uid)).is_ok();
                return Ok(told && self.arrived.send(Arrived { uid, octets, room }).is_ok());
            }
            Heard::Fetched { gone, .. } => Event::Gone(gone),
            Heard::Copied { number } => Event::Copied(number),
            Heard::Acknowledged { number, result } => Event::Acknowledged(number, result),
        };
        Ok(self.events.send(event).is_ok())
    }
}
