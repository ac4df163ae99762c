//! Queues what the presses make: whatever has come together is synced to the disk in one step.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use super::Say;
use super::check::Why;
use super::press::{Made, What};
use crate::commands::error::Error;
use crate::commands::submission::{Event, Feed};
use crate::outbox::{Enqueued, Id, NewMessage, Outbox, OutboxError};

/// Most messages that are queued in one step, and most octets.
const GROUP: usize = 64;
const OCTETS: u64 = 16 * 1024 * 1024;

/// What became of a row.
pub(super) enum Queued {
    /// It is in the outbox; whether it was before.
    In { id: Id, known: bool },
    /// It could not be queued.
    Wrong(Why),
}

/// Where the presses put what they make, and how many threads take it from there.
pub(super) struct Table {
    made: Mutex<Receiver<Vec<Made>>>,
    working: AtomicUsize,
}

impl Table {
    pub(super) fn new(made: Receiver<Vec<Made>>, threads: usize) -> Table {
        Table { made: Mutex::new(made), working: AtomicUsize::new(threads) }
    }
}

/// Works until no press is left; then nothing more comes to be submitted.
pub(super) fn work(
    outbox: &Outbox,
    replace: bool,
    dry: bool,
    made: &Table,
    feed: &Feed,
    events: &SyncSender<Event<Say>>,
) {
    let _watch = feed.watch();
    while let Some(mut group) = next(made) {
        let queued =
            if dry { Ok(group.iter().map(checked).collect()) } else { queue(outbox, replace, &mut group, feed) };
        let said = match queued {
            Ok(queued) => Event::Own(Say::Queued(queued)),
            Err(error) => {
                feed.stop();
                Event::Own(Say::Failed(error))
            }
        };
        if events.send(said).is_err() {
            break;
        }
    }
    if made.working.fetch_sub(1, Ordering::AcqRel) == 1 {
        feed.close();
    }
}

/// What has come together; none where no press is left.
fn next(made: &Table) -> Option<Vec<Made>> {
    let made = made.made.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut group = made.recv().ok()?;
    while group.len() < GROUP && group.iter().map(size).sum::<u64>() < OCTETS {
        let Ok(next) = made.try_recv() else { break };
        group.extend(next);
    }
    Some(group)
}

fn size(made: &Made) -> u64 {
    match &made.what {
        What::New { copies, .. } => copies.iter().map(|copy| copy.size()).sum(),
        What::Known(_) | What::Wrong(_) => 0,
    }
}

/// A row of a dry run: nothing of it is kept.
fn checked(made: &Made) -> (u64, Option<Queued>) {
    match &made.what {
        What::New { .. } => (made.row, None),
        What::Known(id) => (made.row, Some(Queued::In { id: *id, known: true })),
        What::Wrong(why) => (made.row, Some(Queued::Wrong(why.clone()))),
    }
}

fn queue(outbox: &Outbox, replace: bool, group: &mut [Made], feed: &Feed) -> Result<Vec<(u64, Option<Queued>)>, Error> {
    let mut all: Vec<(u64, Option<Queued>)> = Vec::new();
    let (mut rows, mut messages) = (Vec::new(), Vec::new());
    for made in group {
        let (row, label) = (made.row, made.label.as_deref());
        match &mut made.what {
            What::New { key, content, copies } => {
                rows.push(row);
                messages.push(NewMessage { key: *key, content: *content, label, copies, replace });
            }
            What::Known(id) => {
                feed.push(waiting(outbox, *id)?);
                all.push((row, Some(Queued::In { id: *id, known: true })));
            }
            What::Wrong(why) => all.push((row, Some(Queued::Wrong(why.clone())))),
        }
    }
    let enqueued = if messages.is_empty() { Vec::new() } else { outbox.enqueue(&mut messages)? };
    for (row, enqueued) in rows.into_iter().zip(enqueued) {
        let queued = match enqueued {
            Ok(Enqueued::New(id, copies)) => {
                feed.push(copies);
                Queued::In { id, known: false }
            }
            Ok(Enqueued::Known(id)) => {
                feed.push(waiting(outbox, id)?);
                Queued::In { id, known: true }
            }
            Ok(Enqueued::Differs(_)) => Queued::Wrong(Why::KeyTaken),
            Err(error) => Queued::Wrong(Why::Message(Arc::new(error.into()))),
        };
        all.push((row, Some(queued)));
    }
    Ok(all)
}

/// The copies of a known message that are due, or in the hands of somebody who may drop them.
fn waiting(outbox: &Outbox, id: Id) -> Result<Vec<crate::outbox::CopyId>, OutboxError> {
    let entries = outbox.entries(id)?;
    Ok(entries.into_iter().filter(|entry| outbox.may_go(entry)).map(|entry| entry.copy).collect())
}
