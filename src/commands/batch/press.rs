//! Makes messages out of rows, on as many threads as there are cores: reads, seals, and hands over to the intake.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, channel};

use super::Request;
use super::check::{Why, text};
use super::{Say, words_of};
use crate::commands::addressee::Addressee;
use crate::commands::error::Error;
use crate::commands::message::{Bench, attach};
use crate::commands::packaged;
use crate::commands::submission::Event;
use crate::fs::Lock;
use crate::mail::Address;
use crate::manifest::Row;
use crate::outbox::{Id, Outbox};
use crate::sealed::{Protection, Sealed};

/// A row whose recipients are admitted.
pub(super) struct Job {
    pub(super) row: Row,
    pub(super) protection: Protection,
    pub(super) addressees: Vec<Addressee>,
    /// Of its files.
    pub(super) octets: u64,
}

/// A row made into a message.
pub(super) struct Made {
    pub(super) row: u64,
    pub(super) label: Option<String>,
    pub(super) what: What,
    /// Held until it is queued: of two who make the same package, one hands out a password.
    _turn: Option<Lock>,
}

/// What became of the row.
pub(super) enum What {
    /// It is to be queued under this key; a digest of what it says.
    New { key: [u8; 32], content: [u8; 32], copies: Vec<Sealed> },
    /// The outbox has it, and nobody is without a copy.
    Known(Id),
    /// It could not be made.
    Wrong(Why),
}

/// What the threads work with.
#[derive(Clone, Copy)]
pub(super) struct Press<'p, 'a> {
    pub(super) bench: &'p Bench<'a>,
    pub(super) outbox: &'p Outbox,
    pub(super) request: &'p Request,
    /// Where whoever makes a package waits for others who do.
    pub(super) state: &'p Path,
}

impl Press<'_, '_> {
    /// Asks for rows and makes them, until there are none or nobody takes them.
    pub(super) fn work(&self, events: &SyncSender<Event<Say>>, intake: &SyncSender<Vec<Made>>) {
        loop {
            let (reply, answer) = channel();
            if events.send(Event::Own(Say::Rows(reply))).is_err() {
                return;
            }
            let jobs = answer.recv().unwrap_or_default();
            if jobs.is_empty() {
                return;
            }
            let made: Result<Vec<Made>, Error> = jobs.into_iter().map(|job| self.make(job)).collect();
            let taken = match made {
                Ok(made) => intake.send(made).is_ok(),
                Err(error) => {
                    // A story that is over hears of nothing.
                    let _ = events.send(Event::Own(Say::Failed(error)));
                    false
                }
            };
            if !taken {
                return;
            }
        }
    }

    /// An error is not about the row.
    fn make(&self, job: Job) -> Result<Made, Error> {
        let (row, label) = (job.row.number, job.row.key.clone());
        let mut turn = None;
        let what = match self.message(job, &mut turn) {
            Ok(what) => what,
            Err(error) if is_out_of_room(&error) => return Err(error),
            Err(error) => What::Wrong(Why::Message(Arc::new(error))),
        };
        Ok(Made { row, label, what, _turn: turn })
    }

    fn message(&self, job: Job, turn: &mut Option<Lock>) -> Result<What, Error> {
        let Job { row, protection, addressees, .. } = job;
        let text = match text(&row.text) {
            Ok(text) => text,
            Err(why) => return Ok(What::Wrong(why)),
        };
        let attachments = row.attach.iter().map(|path| attach(path)).collect::<Result<Vec<_>, _>>()?;
        let words = words_of(&row, &text, protection, self.request);
        let asked = addressees.iter().map(|one| (one.role(), one.address().key())).collect();
        let content = self.bench.fingerprint(&words, &attachments, asked)?;
        let key = match &row.key {
            Some(key) => self.bench.key_of(b"manifest key", key.as_bytes()),
            None => content,
        };
        let mut draft = self.bench.compose(&words, attachments, &addressees)?;
        if protection == Protection::Package && !self.request.dry_run {
            *turn = Some(Lock::acquire(&self.state.join(packaged::LOCK))?);
        }
        let known = self.outbox.known(&key, &content)?.filter(|known| known.same || !self.request.replace);
        let mut before: Vec<Address> = Vec::new();
        if let Some(known) = &known {
            if !known.same {
                return Ok(What::Wrong(Why::KeyTaken));
            }
            draft = draft.with_message_id(known.entries[0].message_id.clone());
            before = known.entries.iter().flat_map(|entry| entry.envelope.recipients.clone()).collect();
        }
        // What was refused stays refused until somebody says otherwise: a batch that runs every hour would ask every hour.
        let is_served = |address: &Address| before.contains(address);
        if let Some(known) = known.as_ref().filter(|_| addressees.iter().all(|one| is_served(one.address()))) {
            return Ok(What::Known(known.id));
        }
        let copies = match (protection, &self.request.packaging.password_command) {
            (Protection::Package, _) if self.request.dry_run => Vec::new(),
            (Protection::Package, Some(command)) => {
                packaged::seal_by_command(self.bench, command, self.request.packaging.format, &draft, &is_served)?
            }
            (Protection::Package, None) => return Ok(What::Wrong(Why::NoPasswordCommand)),
            _ => self.bench.seal(&draft, &addressees, &is_served)?,
        };
        Ok(match known {
            Some(known) if copies.is_empty() => What::Known(known.id),
            _ => What::New { key, content, copies },
        })
    }
}

/// Whether this machine has no room to write, which no row can help.
fn is_out_of_room(error: &Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let causes = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
    let mut kinds = causes.filter_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    kinds.any(|kind| matches!(kind, FileTooLarge | QuotaExceeded | ReadOnlyFilesystem | StorageFull))
}
