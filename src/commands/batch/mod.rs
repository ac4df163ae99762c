//! `send --batch`: a manifest is checked whole, then sealed, queued and submitted side by side, in bounded memory.
//!
//! ```text
//! Manifest --rows--> the story --Job--> Press (one a core) --Made--> intake --copies--> Feed --> couriers
//!                       ^                   |                           |
//!                       +----- asks for rows, tells what is queued -----+
//! ```

mod check;
mod intake;
mod people;
mod press;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, sync_channel};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use self::check::{Check, Checked};
pub use self::check::{Why, Wrong};
use self::intake::Queued;
use self::people::People;
use self::press::{Job, Press};
use super::account::Account;
use super::alert;
use super::error::Error;
use super::message::{Bench, Words};
use super::outbox::{self, Line};
use super::packaged::Packaging;
use super::submission::{self, Feed, Limits};
use super::wait::{self, Waiting};
use crate::manifest::{Manifest, NoRow, Row, Rows};
use crate::outbox::{Entry, Id, Outbox, State};
use crate::sealed::Protection;
use crate::smtp::Notify;

/// Threads that queue: while one waits for the disk, the other seals the next file for it.
const INTAKES: usize = 2;

/// Most rows that a press gets at once, and most octets of their files.
const JOBS: usize = 16;
const OCTETS: u64 = 4 * 1024 * 1024;

/// Rows that are looked up in the outbox at once, when all is done.
const PAGE: usize = 256;

/// What was asked, every default resolved.
pub struct Request {
    pub manifest: PathBuf,
    /// Where a row names none.
    pub protection: Protection,
    /// How packages are made; their passwords go to a command.
    pub packaging: Packaging,
    /// The rows that can be sent are sent even if others cannot.
    pub partial: bool,
    /// A row that says something else under a known key is a new message.
    pub replace: bool,
    /// Everything but queueing and submitting.
    pub dry_run: bool,
    /// Everything but submitting.
    pub queue_only: bool,
    pub jobs: Option<usize>,
    pub window: Option<usize>,
    pub pace: Option<Duration>,
    pub notify: Option<Notify>,
    /// Whether to wait until every row has got as far as it can be seen to.
    pub wait: Option<Waiting>,
}

/// How far a batch has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Rows that are to be sent.
    pub rows: u64,
    /// Rows that are queued, or were before.
    pub queued: u64,
    /// Rows that the outbox knew before.
    pub known: u64,
    pub accepted: u64,
    pub deferred: u64,
    pub refused: u64,
    pub unknown: u64,
}

/// What came of a batch.
#[derive(Default)]
pub struct Sent {
    /// The rows that are in the outbox, in order, and whether they were before.
    rows: Vec<(u64, Option<(Id, bool)>)>,
    /// What is wrong with the rows that are not.
    pub wrong: Vec<Wrong>,
    /// How many faults there are, also those that were not kept.
    pub faults: u64,
    pub progress: Progress,
    pub trouble: Option<Error>,
    pub interrupted: bool,
    /// Whether the time to wait was over before every row had got so far.
    pub over: bool,
    /// Where the rows are.
    outbox: Option<Outbox>,
}

/// One recipient of one row.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RowLine {
    /// The row of the manifest, counted from 1.
    pub row: u64,
    /// What the manifest calls it.
    pub key: Option<String>,
    /// Whether the outbox knew it before this run; then nothing was sent twice.
    pub known: bool,
    #[serde(flatten)]
    pub line: Line,
}

/// What the threads of a batch say.
enum Say {
    /// A press has nothing to do; it is over where it gets nothing.
    Rows(Sender<Vec<Job>>),
    /// What became of some rows; nothing where the run is dry.
    Queued(Vec<(u64, Option<Queued>)>),
    /// The outbox failed.
    Failed(Error),
}

/// The whole story of a batch; `tell` hears how far it has come.
pub fn send(account: &Account<'_>, request: &Request, tell: &mut dyn FnMut(&Progress)) -> Result<Sent, Error> {
    let bench = Bench::new(account, request.protection == Protection::Smime || account.has_keys())?;
    let outbox = account.outbox()?;
    let mut manifest = Manifest::open(&request.manifest)?;
    let mut people = People::new(account);
    let size_limit = if request.queue_only { None } else { size_limit(account) };
    let check = Check { account, request, bench: &bench, outbox: &outbox, size_limit };
    let mut checked = check.read(&mut manifest, &mut people)?;
    let wrong = std::mem::take(&mut checked.wrong);
    let mut sent = Sent { faults: checked.faults, wrong, ..Sent::default() };
    if checked.faults > 0 && (!request.partial || checked.is_bad(0)) {
        return Ok(sent);
    }
    let run = Run { account, request, bench: &bench, outbox: &outbox };
    run.send(manifest.rows()?, checked, people, &mut sent, tell)?;
    if let Some(waiting) = request.wait.filter(|_| !sent.interrupted) {
        let ids: Vec<Id> = sent.rows.iter().filter_map(|(_, queued)| queued.map(|(id, _)| id)).collect();
        let waited = wait::wait_for(account, &outbox, &ids, &waiting, run.limits())?;
        alert::after_news(account);
        (sent.trouble, sent.interrupted, sent.over) = (waited.trouble, waited.interrupted, waited.over);
    }
    sent.outbox = Some(outbox);
    Ok(sent)
}

/// The largest message the server says it takes. One that cannot be asked is no hindrance: the size is looked at again when the
/// message is submitted.
fn size_limit(account: &Account<'_>) -> Option<u64> {
    match submission::greet(account) {
        Ok(extensions) => extensions.size_limit(),
        Err(error) => {
            account.world.step(format!("the sizes are not checked: {error}"));
            None
        }
    }
}

struct Run<'r, 'a> {
    account: &'a Account<'a>,
    request: &'r Request,
    bench: &'r Bench<'a>,
    outbox: &'r Outbox,
}

impl<'a> Run<'_, 'a> {
    fn limits(&self) -> Limits {
        let usual = self.account.limits();
        let jobs = self.request.jobs.unwrap_or(usual.batch_jobs);
        Limits {
            jobs: if self.request.dry_run || self.request.queue_only { 0 } else { jobs },
            window: self.request.window.unwrap_or(usual.window),
            pace: self.request.pace.unwrap_or(usual.pace),
            notify: self.request.notify.unwrap_or(usual.notify),
            tells: false,
            waits: true,
            ..usual
        }
    }

    fn send(
        &self,
        rows: Rows<'_>,
        checked: Checked,
        people: People<'a>,
        sent: &mut Sent,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<(), Error> {
        let limits = self.limits();
        let (feed, state) = (Feed::new(limits.pace), self.account.state()?);
        let total = checked.first.rows() - checked.bad.len() as u64;
        let mut progress = Progress { rows: total, ..Progress::default() };
        let mut second = SecondReading { rows, checked, people, request: self.request, read: 0 };
        let press = Press { bench: self.bench, outbox: self.outbox, request: self.request, state: &state };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = std::cell::RefCell::new((&mut progress, tell));
        let mut settled = |entry: &Entry| {
            let (progress, tell) = &mut *shared.borrow_mut();
            progress.add(entry);
            tell(progress);
            Ok(())
        };
        let submitted = submission::submit_with(
            self.account,
            self.outbox,
            &feed,
            limits,
            |scope, events, feed| {
                let (hand_over, made) = sync_channel(cores);
                for _ in 0..cores {
                    let (events, hand_over) = (events.clone(), hand_over.clone());
                    scope.spawn(move || press.work(&events, &hand_over));
                }
                let made = Arc::new(intake::Table::new(made, INTAKES));
                for _ in 0..INTAKES {
                    let (outbox, request, events, made) = (self.outbox, self.request, events.clone(), made.clone());
                    scope.spawn(move || intake::work(outbox, request.replace, request.dry_run, &made, feed, &events));
                }
            },
            &mut |say, feed| {
                let (progress, tell) = &mut *shared.borrow_mut();
                match say {
                    Say::Rows(reply) => {
                        let jobs = if feed.is_stopped() { Ok(Vec::new()) } else { second.some(sent) };
                        let (jobs, failed) = match jobs {
                            Ok(jobs) => (jobs, Ok(())),
                            Err(error) => (Vec::new(), Err(error)),
                        };
                        // A press that is gone needs none.
                        let _ = reply.send(jobs);
                        return failed;
                    }
                    Say::Failed(error) => return Err(error),
                    Say::Queued(rows) => {
                        for (row, queued) in rows {
                            progress.queued += 1;
                            match queued {
                                None => sent.rows.push((row, None)),
                                Some(Queued::In { id, known }) => {
                                    progress.known += u64::from(known);
                                    sent.rows.push((row, Some((id, known))));
                                }
                                Some(Queued::Wrong(why)) => sent.add(Wrong { row, line: 0, column: None, why }),
                            }
                        }
                        tell(progress);
                    }
                }
                Ok(())
            },
            &mut settled,
        )?;
        let submitted = submission::take_over(self.account, self.outbox, &feed, limits, submitted, &mut settled)?;
        if !self.request.dry_run {
            alert::after_submission(self.account, self.outbox, &submitted);
        }
        sent.rows.sort_unstable_by_key(|(row, _)| *row);
        sent.progress = progress;
        sent.trouble = submitted.trouble;
        sent.interrupted = submitted.stopped;
        Ok(())
    }
}

/// The second reading: what was checked, and nothing else, is made into messages.
struct SecondReading<'r, 'a> {
    rows: Rows<'r>,
    checked: Checked,
    people: People<'a>,
    request: &'r Request,
    read: u64,
}

impl SecondReading<'_, '_> {
    /// Work for one press: as much as is worth the way to it. A package is the last, since its press waits for a turn.
    fn some(&mut self, sent: &mut Sent) -> Result<Vec<Job>, Error> {
        let (mut jobs, mut octets) = (Vec::new(), 0);
        while jobs.len() < JOBS && octets < OCTETS {
            let Some(job) = self.next(sent)? else { break };
            octets += job.octets;
            let waits = job.protection == Protection::Package;
            jobs.push(job);
            if waits {
                break;
            }
        }
        Ok(jobs)
    }

    fn next(&mut self, sent: &mut Sent) -> Result<Option<Job>, Error> {
        loop {
            let row = match self.rows.next() {
                Some(Ok(row)) => row,
                Some(Err(NoRow::Wrong(_))) => {
                    self.read += 1;
                    continue;
                }
                Some(Err(NoRow::Ended(error))) => return Err(error.into()),
                None => {
                    self.checked.first.compare_end(self.read)?;
                    return Ok(None);
                }
            };
            self.read = row.number;
            if self.checked.is_bad(row.number) {
                continue;
            }
            let (octets, digest) = row.look_at_files().map_or((0, [0; 16]), |files| (files.size, files.digest));
            match self.checked.first.compare(row.number, digest) {
                Ok(()) => {}
                Err(crate::manifest::ManifestError::RowChanged { .. }) => {
                    sent.add(Wrong { row: row.number, line: row.line, column: None, why: Why::Changed });
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let protection = row.protection.unwrap_or(self.request.protection);
            match self.people.of(&row, protection)? {
                Ok(addressees) => return Ok(Some(Job { row, protection, addressees, octets })),
                Err(refused) => {
                    for (column, error) in refused {
                        let why = Why::Message(error);
                        sent.add(Wrong { row: row.number, line: row.line, column: Some(column), why });
                    }
                }
            }
        }
    }
}

/// What a row is to say.
fn words_of<'w>(row: &'w Row, text: &'w str, protection: Protection, request: &Request) -> Words<'w> {
    Words { subject: &row.subject, text, protection, format: request.packaging.format }
}

impl Progress {
    fn add(&mut self, entry: &Entry) {
        let counter = match entry.state {
            State::Deferred => &mut self.deferred,
            State::Unknown => &mut self.unknown,
            state if state.is_failed() => &mut self.refused,
            _ => &mut self.accepted,
        };
        *counter += 1;
    }
}

impl Sent {
    fn add(&mut self, wrong: Wrong) {
        self.faults += 1;
        if self.wrong.len() < check::KEPT {
            self.wrong.push(wrong);
        }
    }

    /// The rows in their order, as the outbox holds them now.
    pub fn lines(&self, tell: &mut dyn FnMut(&RowLine) -> std::io::Result<()>) -> Result<(), Error> {
        let Some(outbox) = &self.outbox else { return Ok(()) };
        for rows in self.rows.chunks(PAGE) {
            let queued: Vec<(u64, Id, bool)> =
                rows.iter().filter_map(|(row, queued)| queued.map(|(id, known)| (*row, id, known))).collect();
            let ids: Vec<Id> = queued.iter().map(|(_, id, _)| *id).collect();
            for ((row, _, known), entries) in queued.into_iter().zip(outbox.entries_of_all(&ids)?) {
                for entry in &entries {
                    for line in outbox::lines(entry) {
                        let line = Line { schema: "mss.batch/1", ..line };
                        let line = RowLine { row, key: entry.key.clone(), known, line };
                        tell(&line).map_err(|source| Error::Answer { source })?;
                    }
                }
            }
        }
        Ok(())
    }
}
