//! Verification: order, links, tree and signature without any key but the public one; contents with the sealing key.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::secret::SealingKey;

use super::TraceError;
use super::append::{Trace, read_checkpoint, storage_key};
use super::checkpoint::Checkpoint;
use super::findings::{Fault, Finding, Notice, Verdict};
use super::frame::{Body, Frames, Kind, Read1};
use super::record::Record;
use super::segment::{self, Name, Start};
use super::tree::{Edge, Hash, NOTHING};

/// What a verification goes by.
#[derive(Clone, Copy, Default)]
pub struct Verification<'a> {
    /// Ed25519 public key of the trace; without it no signature is checked.
    pub public_key: Option<&'a [u8; 32]>,
    /// Storage key of the profile: with it, contents are checked too and every change is named to the record.
    pub key: Option<&'a SealingKey>,
    /// An older checkpoint, kept elsewhere, that the records must still agree with.
    pub since: Option<&'a Checkpoint>,
}

/// Verifies the trace in a folder.
pub fn verify(dir: &Path, by: &Verification<'_>) -> Result<Verdict, TraceError> {
    run(dir, by.public_key, by.key.map(storage_key), by.since)
}

impl Trace {
    /// Verifies this trace with its own keys, and against an older checkpoint that was kept elsewhere.
    pub fn verify(&self, since: Option<&Checkpoint>) -> Result<Verdict, TraceError> {
        run(self.dir(), Some(self.public_key()), Some(self.key().clone()), since)
    }
}

fn run(
    dir: &Path,
    public_key: Option<&[u8; 32]>,
    key: Option<SealingKey>,
    since: Option<&Checkpoint>,
) -> Result<Verdict, TraceError> {
    let mut pass = Pass::new(key);
    // The checkpoint is read first: records that are added meanwhile are beyond it.
    let checkpoint = pass.checkpoint(read_checkpoint(dir)?, public_key);
    pass.marks = checkpoint.iter().chain(since).map(|mark| (mark.size, None)).collect();
    let segments = if dir.is_dir() { segment::list(dir)? } else { Vec::new() };
    for (place, (name, length)) in segments.iter().enumerate() {
        let last = place + 1 == segments.len();
        pass.segment(dir, *name, *length, last)?;
    }
    pass.close_link(None);
    pass.verdict.segments = segments.len();
    Ok(pass.finish(checkpoint.as_ref(), since))
}

/// One reading of all segments.
struct Pass {
    key: Option<SealingKey>,
    verdict: Verdict,
    edge: Edge,
    /// Sizes at which the root is wanted, and the roots found.
    marks: BTreeMap<u64, Option<Hash>>,
    /// The number that should come next: one more than the highest so far.
    next: u64,
    /// The leaf of the record before, unless what came before was not readable.
    previous: Option<Hash>,
    /// A record whose link back does not hold, until the next link tells which of the two was changed.
    open_link: Option<(String, u64)>,
    /// Numbers that were passed over, as first and last.
    gaps: Vec<(u64, u64)>,
    unreadable: bool,
    latest: Option<Timestamp>,
    unfinished: Option<(String, u64, u64)>,
}

impl Pass {
    fn new(key: Option<SealingKey>) -> Pass {
        Pass {
            verdict: Verdict { with_key: key.is_some(), ..Verdict::default() },
            key,
            edge: Edge::default(),
            marks: BTreeMap::new(),
            next: 0,
            previous: Some(NOTHING),
            open_link: None,
            gaps: Vec::new(),
            unreadable: false,
            latest: None,
            unfinished: None,
        }
    }

    fn checkpoint(&mut self, text: Option<String>, public_key: Option<&[u8; 32]>) -> Option<Checkpoint> {
        let text = text?;
        let read = Checkpoint::parse(&text).ok();
        let good = read.filter(|read| public_key.is_none_or(|key| read.verify(key).is_ok()));
        if good.is_none() {
            self.verdict.add(None, None, Fault::Checkpoint);
        }
        good
    }

    fn segment(&mut self, dir: &Path, name: Name, length: u64, last: bool) -> Result<(), TraceError> {
        let path = name.path(dir);
        let mut frames = Frames::open(&path, length)?;
        let mut records_key = None;
        let mut at_start = true;
        loop {
            let position = frames.position();
            let body = match frames.next(&path)? {
                Read1::End => return Ok(()),
                Read1::Broken => {
                    self.broken(name, length - position, last);
                    return Ok(());
                }
                Read1::Body(body) => body,
            };
            self.resume(&body);
            let opened = match at_start {
                true => self.opening(name, &body, &mut records_key),
                false => self.content(&body, records_key.as_ref()),
            };
            at_start = false;
            let linked = self.previous.map(|previous| previous == body.previous());
            let number = self.place(name, &body, linked, opened);
            self.add(&body, number);
        }
    }

    /// Octets that are no frame: the trace of a crash where they end the newest segment or are declared by the next
    /// opening, damage otherwise.
    fn broken(&mut self, name: Name, octets: u64, last: bool) {
        let counted = self.marks.keys().next_back().is_some_and(|size| *size > self.next);
        if last && counted {
            self.unreadable = true;
            self.verdict.add(Some(name.to_string()), Some(self.next), Fault::Unreadable);
            return;
        }
        self.unfinished = Some((name.to_string(), self.next, octets));
    }

    /// Settles the unfinished octets before a record: declared by an opening, or damage that hides how many were there.
    fn resume(&mut self, body: &Body) {
        let Some((segment, sequence, octets)) = self.unfinished.take() else { return };
        let number = body.sequence();
        // Only the number and the length count here; whether the opening is genuine is judged with the record itself.
        // Fewer octets than declared are what a power cut leaves.
        let declared = Start::unfinished_in(body).is_some_and(|declared| octets <= declared);
        if body.kind() == Kind::Start && number == self.next && declared {
            self.verdict.notices.push(Notice::Interrupted { sequence: number, octets });
            return;
        }
        self.unreadable = true;
        self.verdict.add(Some(segment), Some(sequence), Fault::Unreadable);
        self.next = number.max(self.next);
        self.previous = None;
    }

    /// Judges a record by its number, its link back and its own seal; says which number it really has.
    fn place(&mut self, name: Name, body: &Body, linked: Option<bool>, opened: Option<bool>) -> u64 {
        let (found, expected) = (body.sequence(), self.next);
        if found == expected {
            self.judge(name, found, linked, opened);
            return found;
        }
        if linked == Some(true) || opened == Some(false) {
            // It stands in its place, or is no record of ours: its number is what was changed.
            self.close_link(linked);
            self.changed(name.to_string(), expected);
            return expected;
        }
        self.close_link(None);
        if found > expected {
            self.gaps.push((expected, found - 1));
        } else {
            let fault = if self.fill(found) { Fault::OutOfOrder } else { Fault::Doubled };
            self.verdict.add(Some(name.to_string()), Some(found), fault);
        }
        found
    }

    /// Takes a number out of the gaps, if it is in one.
    fn fill(&mut self, number: u64) -> bool {
        let Some(place) = self.gaps.iter().position(|(first, last)| (*first..=*last).contains(&number)) else {
            return false;
        };
        let (first, last) = self.gaps.remove(place);
        if number > first {
            self.gaps.push((first, number - 1));
        }
        if number < last {
            self.gaps.push((number + 1, last));
        }
        true
    }

    /// Checks the opening of a segment; nothing is known without the key, or where a record stands in its place.
    fn opening(&mut self, name: Name, body: &Body, records_key: &mut Option<SealingKey>) -> Option<bool> {
        if body.kind() != Kind::Start {
            return None;
        }
        let read = Start::read(body, name, self.key.as_ref());
        if let (Ok(start), Some(key)) = (&read, &self.key) {
            *records_key = Some(start.records_key(key));
        }
        match read {
            Ok(_) if self.key.is_none() => None,
            Ok(_) => Some(true),
            Err(_) => Some(false),
        }
    }

    /// Opens a record; nothing is known without the key, or where the opening of its segment was changed.
    fn content(&mut self, body: &Body, key: Option<&SealingKey>) -> Option<bool> {
        if body.kind() != Kind::Record {
            return Some(false);
        }
        let plain = key?.open(body.sequence(), body.head_bytes(), body.payload());
        let Ok(plain) = plain else { return Some(false) };
        let moment = Record::from_bytes(&plain).and_then(|record| record.moment());
        match (moment, self.latest) {
            (None, _) => self.verdict.add(None, Some(body.sequence()), Fault::Foreign),
            (Some(moment), Some(latest)) if moment < latest => {
                self.verdict.notices.push(Notice::ClockSetBack { sequence: body.sequence() });
            }
            _ => {}
        }
        self.latest = moment.or(self.latest);
        Some(true)
    }

    /// Says which record was changed, from its own seal and from the links on both sides.
    fn judge(&mut self, name: Name, number: u64, linked: Option<bool>, opened: Option<bool>) {
        match (opened, linked) {
            (Some(false), _) => {
                // Its own link back is part of what does not open.
                self.close_link(Some(true));
                self.changed(name.to_string(), number);
            }
            (Some(true), Some(false)) => {
                self.close_link(Some(true));
                self.changed(name.to_string(), number.saturating_sub(1));
            }
            // Two links in a row do not hold: the record between them was changed, and this one is sound so far.
            (None, Some(false)) if self.open_link.is_some() => self.close_link(Some(false)),
            (None, Some(false)) => self.open_link = Some((name.to_string(), number)),
            (_, linked) => self.close_link(linked),
        }
    }

    /// Settles a link that did not hold: with a good next link, it was the record before it that was changed.
    fn close_link(&mut self, next_link: Option<bool>) {
        let Some((segment, number)) = self.open_link.take() else { return };
        match next_link {
            Some(true) => self.changed(segment, number.saturating_sub(1)),
            Some(false) => self.changed(segment, number),
            None => self.verdict.add(Some(segment), Some(number.saturating_sub(1)), Fault::ChangedOrNext),
        }
    }

    /// Names a changed record, once.
    fn changed(&mut self, segment: String, number: u64) {
        let known = |finding: &Finding| finding.sequence == Some(number) && finding.fault == Fault::Changed;
        if !self.verdict.findings.iter().rev().take(4).any(known) {
            self.verdict.add(Some(segment), Some(number), Fault::Changed);
        }
    }

    fn add(&mut self, body: &Body, number: u64) {
        let leaf = body.leaf();
        self.edge.push(leaf);
        self.verdict.records += 1;
        // Behind a record that stands too late comes what follows the one it was put behind: no link is known there.
        self.previous = (number >= self.next).then_some(leaf);
        self.next = self.next.max(number.saturating_add(1));
        if let Some(root) = self.marks.get_mut(&self.edge.size()) {
            *root = Some(self.edge.root());
        }
    }

    fn finish(mut self, checkpoint: Option<&Checkpoint>, since: Option<&Checkpoint>) -> Verdict {
        for (first, last) in std::mem::take(&mut self.gaps) {
            self.verdict.add(None, Some(first), Fault::Missing { last });
        }
        if let Some((segment, sequence, octets)) = self.unfinished.take() {
            self.verdict.add(Some(segment), Some(sequence), Fault::Unfinished { octets });
        }
        let found = self.next;
        for mark in since.into_iter().chain(checkpoint) {
            let root = self.marks.get(&mark.size).copied().flatten();
            if found < mark.size {
                if !self.unreadable {
                    self.verdict.add(None, None, Fault::Cut { counted: mark.size, found });
                }
            } else if root.is_some_and(|root| root != mark.root) && self.verdict.is_sound() {
                self.verdict.add(None, None, Fault::NotAsSigned { counted: mark.size });
            }
        }
        match checkpoint {
            Some(signed) => {
                self.verdict.signed = Some(signed.size);
                if found > signed.size {
                    self.verdict.notices.push(Notice::NotYetSigned { records: found - signed.size });
                }
            }
            None if found > 0 && self.verdict.is_sound() => self.verdict.add(None, None, Fault::NoCheckpoint),
            None => {}
        }
        self.verdict
    }
}
