//! Reading the trace: one line for each entry, what was begun beside what came of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::mail::{Address, MessageId};
use crate::process::{Life, Process};
use crate::secret::SealingKey;

use super::TraceError;
use super::append::Trace;
use super::frame::{Frames, Kind, Read1};
use super::record::{Action, Begin, End, Outcome, Record};
use super::segment::{self, Name, Start};

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It was closed.
    Ended(Outcome),
    /// It was begun, and the process that did so still runs.
    Open,
    /// It was begun and never closed: the process was stopped between the two.
    Interrupted,
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ended(outcome) => outcome.word(),
            Status::Open => "open",
            Status::Interrupted => "interrupted",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub id: u64,
    /// When it was begun, in the local time of the workstation with its offset (RFC 3339).
    pub local_time: String,
    /// The same moment.
    pub at: Timestamp,
    /// Who acted.
    pub author: String,
    /// The mailbox it was done for.
    pub mailbox: String,
    /// What kind of action.
    pub action: Action,
    /// The request, in short.
    pub request: String,
    /// The message it was about.
    pub message_id: Option<String>,
    /// How many recipients.
    pub recipients: Option<u64>,
    /// Their domains.
    pub domains: Vec<String>,
    /// How it stands.
    pub status: Status,
    /// The answer, in short.
    pub answer: Option<String>,
    /// How long it took.
    pub milliseconds: Option<u64>,
    /// How many things it was about.
    pub count: Option<u64>,
    /// The version of the program that wrote it.
    pub version: String,
}

/// Which entries to read; an empty filter takes all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Begun at this moment or later.
    pub since: Option<Timestamp>,
    /// Begun before this moment.
    pub until: Option<Timestamp>,
    /// Of this mailbox.
    pub mailbox: Option<Address>,
    /// Of these kinds; none means all.
    pub actions: Vec<Action>,
    /// With this status, by its word.
    pub status: Option<String>,
    /// About this message.
    pub message_id: Option<MessageId>,
    /// With a recipient in this domain.
    pub domain: Option<String>,
}

impl Filter {
    fn takes(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at < until)
            && self.mailbox.as_ref().is_none_or(|mailbox| mailbox.key() == line.mailbox.to_lowercase())
            && (self.actions.is_empty() || self.actions.contains(&line.action))
            && self.status.as_ref().is_none_or(|status| line.status.word() == status)
            && self.message_id.as_ref().is_none_or(|id| line.message_id.as_deref() == Some(id.as_str()))
            && self.domain.as_ref().is_none_or(|domain| line.domains.iter().any(|one| one.eq_ignore_ascii_case(domain)))
    }
}

impl Trace {
    /// The entries that a filter takes, oldest first. Records that do not open are passed over: `verify` names them.
    pub fn log(&self, filter: &Filter) -> Result<Vec<Line>, TraceError> {
        let mut open: BTreeMap<u64, Line> = BTreeMap::new();
        let mut taken = Vec::new();
        let mut owners: BTreeMap<u64, String> = BTreeMap::new();
        for (name, length) in segment::list(self.dir())? {
            self.records(name, length, &mut |sequence, record| match record {
                Record::Begin(begin) => {
                    owners.insert(sequence, begin.process.clone());
                    open.extend(line(sequence, begin).map(|line| (sequence, line)));
                }
                Record::End(end) => {
                    owners.remove(&end.entry);
                    if let Some(line) = open.remove(&end.entry).map(|line| closed(line, end)) {
                        taken.extend(filter.takes(&line).then_some(line));
                    }
                }
            })?;
        }
        for (id, mut line) in open {
            let owner = owners.get(&id).and_then(|text| Process::parse(text));
            let runs = owner.is_some_and(|process| process.life() == Life::Running);
            line.status = if runs { Status::Open } else { Status::Interrupted };
            taken.extend(filter.takes(&line).then_some(line));
        }
        taken.sort_by_key(|line| line.id);
        Ok(taken)
    }

    /// When a mailbox was last signed in to with success, as far as this trace knows.
    pub fn last_sign_in(&self, mailbox: &Address) -> Result<Option<Timestamp>, TraceError> {
        let mut segments = segment::list(self.dir())?;
        segments.reverse();
        // An entry may be begun in one month and closed in the next: what closed it is known before it is read.
        let mut closed: BTreeMap<u64, Outcome> = BTreeMap::new();
        for (name, length) in segments {
            let mut begun = Vec::new();
            self.records(name, length, &mut |sequence, record| match record {
                Record::Begin(begin) if begin.action == Action::SignIn => {
                    let ours = begin.mailbox.to_lowercase() == mailbox.key();
                    begun.extend(begin.time.parse::<Timestamp>().ok().filter(|_| ours).map(|at| (sequence, at)));
                }
                Record::Begin(_) => {}
                Record::End(end) => {
                    closed.insert(end.entry, end.outcome);
                }
            })?;
            let good = begun.into_iter().filter(|(id, _)| closed.get(id) == Some(&Outcome::Done));
            if let Some(last) = good.map(|(_, at)| at).max() {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Hands over every record of a segment that opens.
    fn records(&self, name: Name, length: u64, take: &mut dyn FnMut(u64, Record)) -> Result<(), TraceError> {
        let path = name.path(self.dir());
        let mut frames = Frames::open(&path, length)?;
        let mut key: Option<SealingKey> = None;
        while let Read1::Body(body) = frames.next(&path)? {
            if body.kind() == Kind::Start {
                key = Start::read(&body, name, Some(self.key())).ok().map(|start| start.records_key(self.key()));
                continue;
            }
            let plain = key.as_ref().and_then(|key| key.open(body.sequence(), body.head_bytes(), body.payload()).ok());
            if let Some(record) = plain.and_then(|plain| Record::from_bytes(&plain)) {
                take(body.sequence(), record);
            }
        }
        Ok(())
    }
}

fn line(id: u64, begin: Begin) -> Option<Line> {
    Some(Line {
        id,
        at: begin.time.parse().ok()?,
        local_time: begin.time,
        author: begin.author,
        mailbox: begin.mailbox,
        action: begin.action,
        request: begin.request,
        message_id: begin.message_id,
        recipients: begin.recipients,
        domains: begin.domains,
        status: Status::Interrupted,
        answer: None,
        milliseconds: None,
        count: None,
        version: begin.version,
    })
}

fn closed(line: Line, end: End) -> Line {
    Line {
        status: Status::Ended(end.outcome),
        answer: Some(end.answer),
        milliseconds: Some(end.milliseconds),
        count: end.count,
        message_id: end.message_id.or(line.message_id),
        ..line
    }
}
