//! Adds records: under a lock, behind the last whole one, on disk before the caller goes on.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::fs;
use crate::process::{Moment, Process, here};
use crate::secret::{SealingKey, Secret};

use super::TraceError;
use super::checkpoint::{self, Checkpoint, Signer};
use super::frame::{Backwards, Body, Frames, Kind, Read1};
use super::record::{Answer, Deed, Record};
use super::segment::{self, Name, Start};
use super::tree::{Edge, Hash, NOTHING};

/// The trace of one profile. Several processes may hold one at once.
pub struct Trace {
    dir: PathBuf,
    key: SealingKey,
    signer: Signer,
    clock: Clock,
    pub(super) process: String,
    known: Mutex<Option<Tail>>,
    /// The text of the last checkpoint that was found to be signed by us.
    verified: Mutex<String>,
}

/// An action that was begun. Dropped without `end`, it stays in the trace as interrupted.
#[derive(Debug)]
#[must_use = "an entry that is not ended reads as interrupted"]
pub struct Entry {
    id: u64,
    begun: Timestamp,
}

impl Entry {
    /// The number of the entry in the trace.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// The end of the trace, as it was found or left.
#[derive(Clone)]
struct Tail {
    /// The newest segment, how many octets of it are whole, and how many are not.
    segment: Option<Segment>,
    next: u64,
    previous: Hash,
}

#[derive(Clone)]
struct Segment {
    name: Name,
    whole: u64,
    unfinished: u64,
    start: Option<Start>,
}

impl Trace {
    /// Opens the trace of a folder, which is made where it is not there. `key` is the storage key of the profile, `seed`
    /// its Ed25519 seed.
    pub fn open(dir: &Path, key: &SealingKey, seed: &Secret<[u8; 32]>, clock: Clock) -> Result<Trace, TraceError> {
        fs::private_dir(dir)?;
        Ok(Trace {
            dir: dir.to_owned(),
            key: storage_key(key),
            signer: Signer::new(seed)?,
            clock,
            process: Process::current().to_string(),
            known: Mutex::new(None),
            verified: Mutex::default(),
        })
    }

    /// Opens an entry: on disk before the first octet leaves.
    pub fn begin(&self, deed: &Deed<'_>) -> Result<Entry, TraceError> {
        let entries = self.record(&[], std::slice::from_ref(deed))?;
        Ok(entries.into_iter().next().expect("each deed is opened"))
    }

    /// Closes an entry with what came of it.
    pub fn end(&self, entry: Entry, answer: &Answer<'_>) -> Result<(), TraceError> {
        self.record(&[(entry, *answer)], &[]).map(|_| ())
    }

    /// Closes entries and opens others, all synced together; those that were opened are returned in their order.
    pub fn record(&self, ends: &[(Entry, Answer<'_>)], deeds: &[Deed<'_>]) -> Result<Vec<Entry>, TraceError> {
        let (now, local) = (self.clock.now(), self.local_time());
        let ended = ends.iter().map(|(entry, answer)| {
            let took = now.duration_since(entry.begun).as_millis();
            Record::end(entry.id, answer, local.clone(), u64::try_from(took).unwrap_or(0))
        });
        let begun = deeds.iter().map(|deed| Record::begin(deed, local.clone(), self.process.clone()));
        let records: Vec<Record> = ended.chain(begun).collect();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.append(&records)? + ends.len() as u64;
        Ok((first..).take(deeds.len()).map(|id| Entry { id, begun: now }).collect())
    }

    /// Signs how many records there are and their root. Called at the end of every run; nothing is signed that does not
    /// continue what was signed before.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, TraceError> {
        let _lock = self.lock()?;
        let segments = segment::list(&self.dir)?;
        let tail = self.tail(&segments)?;
        if tail.next == 0 {
            return Ok(None);
        }
        let signed = self.signed()?;
        if let Some(signed) = signed.as_ref().filter(|signed| signed.size == tail.next) {
            return Ok(Some(signed.clone()));
        }
        let mut edge = self.kept_edge(signed.as_ref()).unwrap_or_default();
        for leaf in self.leaves_since(edge.size(), &segments, &tail)? {
            edge.push(leaf);
            if let Some(signed) = signed.as_ref().filter(|signed| signed.size == edge.size())
                && signed.root != edge.root()
            {
                return Err(TraceError::Damaged { what: "it is not what the last checkpoint signed" });
            }
        }
        let text = self.signer.sign(edge.size(), &edge.root());
        // The edge is computed again from the records where it is not the one that the checkpoint signs.
        fs::write_cached(&self.dir.join(EDGE), edge.to_text().as_bytes())?;
        here(Moment::BeforeCheckpoint);
        fs::write_private(&self.dir.join(CHECKPOINT), text.as_bytes())?;
        here(Moment::AfterCheckpoint);
        Ok(Some(Checkpoint::parse(&text).expect("it was just written")))
    }

    /// The public key of the checkpoints, as programs that read signed notes take it.
    pub fn verifier_key(&self) -> String {
        checkpoint::verifier_key(self.signer.public())
    }

    pub(super) fn public_key(&self) -> &[u8; 32] {
        self.signer.public()
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn key(&self) -> &SealingKey {
        &self.key
    }

    fn local_time(&self) -> String {
        let local = self.clock.local();
        local.timestamp().display_with_offset(local.offset()).to_string()
    }

    fn lock(&self) -> Result<fs::Lock, TraceError> {
        Ok(fs::Lock::acquire(&self.dir.join("lock"))?)
    }

    /// Adds records and syncs them once; the number of the first is returned. A failure leaves none of them counted.
    fn append(&self, records: &[Record]) -> Result<u64, TraceError> {
        let _lock = self.lock()?;
        let segments = segment::list(&self.dir)?;
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = match known.take().filter(|tail| tail.still_stands(&segments)) {
            Some(tail) => tail,
            None => self.tail(&segments)?,
        };
        let (mut tail, mut frames) = self.opened(before)?;
        let first = tail.next;
        let Some(Segment { name, start: Some(start), .. }) = tail.segment.clone() else {
            return Err(TraceError::Damaged { what: "the newest segment has no opening" });
        };
        let key = start.records_key(&self.key);
        for record in records {
            let head = Body::head(Kind::Record, tail.next, &tail.previous);
            let body = Body::new(head, &key.seal(tail.next, &head, &record.to_bytes()))?;
            tail.push(&body);
            frames.extend_from_slice(&body.frame());
        }
        here(Moment::BeforeTrace);
        let path = name.path(&self.dir);
        let mut file = fs::open_append(&path)?;
        // A failure leaves unfinished octets behind: the next append counts them and begins a new part, under a new
        // key, so that no number is sealed twice under one.
        file.write_all(&frames).map_err(TraceError::io("append to", &path))?;
        file.sync_data().map_err(TraceError::io("sync", &path))?;
        here(Moment::AfterTrace);
        if let Some(segment) = tail.segment.as_mut() {
            segment.whole += frames.len() as u64;
        }
        *known = Some(tail);
        Ok(first)
    }

    /// A tail whose segment can be added to, and the opening frame where a new segment is needed.
    fn opened(&self, mut tail: Tail) -> Result<(Tail, Vec<u8>), TraceError> {
        let now = Name::of(self.clock.now());
        let (name, unfinished) = match &tail.segment {
            None => (now, None),
            Some(last) if last.unfinished > 0 => {
                let name = if now > last.name && !now.same_month(last.name) { now } else { last.name.next_part() };
                (name, Some(last.unfinished))
            }
            // A clock that was set back does not open an older month again.
            Some(last) if now > last.name && !now.same_month(last.name) => (now, None),
            Some(last) if last.start.is_none() => (last.name, None),
            Some(_) => return Ok((tail, Vec::new())),
        };
        let (start, body) = Start::write(&self.key, name, unfinished, tail.next, &tail.previous)?;
        tail.push(&body);
        tail.segment = Some(Segment { name, whole: 0, unfinished: 0, start: Some(start) });
        Ok((tail, body.frame()))
    }

    /// Finds the end of the trace, and compares it with the last checkpoint.
    fn tail(&self, segments: &[(Name, u64)]) -> Result<Tail, TraceError> {
        let mut tail = Tail { segment: None, next: 0, previous: NOTHING };
        for (name, length) in segments.iter().rev() {
            let path = name.path(&self.dir);
            let (last, whole) = last_whole(&path, *length)?;
            let start = first(&path, *length)?;
            let start = start.and_then(|body| Start::read(&body, *name, Some(&self.key)).ok());
            if tail.segment.is_none() {
                tail.segment = Some(Segment { name: *name, whole, unfinished: length - whole, start });
            }
            if let Some(last) = last {
                tail.next = last.sequence().saturating_add(1);
                tail.previous = last.leaf();
                break;
            }
        }
        let opening_lost = tail.segment.as_ref().is_some_and(|last| last.whole > 0 && last.start.is_none());
        match self.signed()? {
            Some(signed) if signed.size > tail.next => {
                Err(TraceError::Damaged { what: "records that the last checkpoint counted are not there" })
            }
            _ if opening_lost => Err(TraceError::Damaged { what: "the opening of the newest segment was changed" }),
            _ => Ok(tail),
        }
    }

    fn signed(&self) -> Result<Option<Checkpoint>, TraceError> {
        let Some(text) = read_checkpoint(&self.dir)? else { return Ok(None) };
        let damaged = |_| TraceError::Damaged { what: "the last checkpoint is not one of this trace" };
        let read = Checkpoint::parse(&text).map_err(damaged)?;
        let mut verified = self.verified.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if *verified != text {
            read.verify(self.signer.public()).map_err(damaged)?;
            *verified = text;
        }
        Ok(Some(read))
    }

    /// The kept edge of the tree, if it is that of the last checkpoint.
    fn kept_edge(&self, signed: Option<&Checkpoint>) -> Option<Edge> {
        let bytes = fs::read_private(&self.dir.join(EDGE), 16 * 1024).ok()?;
        let edge = Edge::from_text(&String::from_utf8(bytes).ok()?)?;
        signed.filter(|signed| signed.size == edge.size() && signed.root == edge.root()).map(|_| edge)
    }

    /// The leaves from number `since` on, read from the end backwards.
    fn leaves_since(&self, since: u64, segments: &[(Name, u64)], tail: &Tail) -> Result<Vec<Hash>, TraceError> {
        let mut leaves = Vec::new();
        let mut expected = tail.next;
        for (name, length) in segments.iter().rev() {
            let path = name.path(&self.dir);
            let end = match &tail.segment {
                Some(last) if last.name == *name => last.whole,
                _ => last_whole(&path, *length)?.1,
            };
            let file = File::open(&path).map_err(TraceError::io("open", &path))?;
            let mut frames = Backwards::new(&file, end);
            while expected > since {
                let Some(body) = frames.next().map_err(TraceError::io("read", &path))? else { break };
                if body.sequence() + 1 != expected {
                    return Err(TraceError::Damaged { what: "records are missing or out of order" });
                }
                leaves.push(body.leaf());
                expected -= 1;
            }
        }
        if expected != since {
            return Err(TraceError::Damaged { what: "records are missing" });
        }
        leaves.reverse();
        Ok(leaves)
    }
}

impl Tail {
    fn push(&mut self, body: &Body) {
        self.next += 1;
        self.previous = body.leaf();
    }

    /// Whether nobody else added anything since.
    fn still_stands(&self, segments: &[(Name, u64)]) -> bool {
        match (&self.segment, segments.last()) {
            (Some(segment), Some((name, length))) => segment.name == *name && segment.whole == *length,
            _ => false,
        }
    }
}

/// The key of the trace below the storage key of a profile.
pub(super) fn storage_key(key: &SealingKey) -> SealingKey {
    key.derive(b"trace")
}

const EDGE: &str = "edge";
const CHECKPOINT: &str = "checkpoint";

/// The text of the last checkpoint, if there is one.
pub(super) fn read_checkpoint(dir: &Path) -> Result<Option<String>, TraceError> {
    let path = dir.join(CHECKPOINT);
    if !fs::exists(&path) {
        return Ok(None);
    }
    let bytes = fs::read_private(&path, checkpoint::LIMIT)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn first(path: &Path, length: u64) -> Result<Option<Body>, TraceError> {
    match Frames::open(path, length)?.next(path)? {
        Read1::Body(body) => Ok(Some(body)),
        _ => Ok(None),
    }
}

/// The last whole frame of a segment, and how many octets are whole.
fn last_whole(path: &Path, length: u64) -> Result<(Option<Body>, u64), TraceError> {
    let file = File::open(path).map_err(TraceError::io("open", path))?;
    if let Some(body) = Backwards::new(&file, length).next().map_err(TraceError::io("read", path))? {
        return Ok((Some(body), length));
    }
    let mut frames = Frames::open(path, length)?;
    let (mut last, mut whole) = (None, 0);
    while let Read1::Body(body) = frames.next(path)? {
        last = Some(body);
        whole = frames.position();
    }
    Ok((last, whole))
}
