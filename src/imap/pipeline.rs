//! Commands one behind the other, without waiting for the answers in between: messages stream in, and what is done with those
//! that came earlier goes out (RFC 9051, section 5.5).

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::exchange::{NEITHER, Refusal, announced, refusal, tagged};
use super::fetched::{Body, first_line, last_line};
use super::{Failure, ImapError, Session, Stage, UidSet, folder};
use crate::net::LinkError;

/// Most octets of lines from one message or answer to the next. Nothing of them is kept, and they may be many: where somebody
/// marks all messages of a large folder meanwhile, the server has a line for each.
const FRAME_LIMIT: usize = 16 * 1024 * 1024;

/// How long a server may say that it is still there, and nothing else.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is done with messages on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// They are marked with `\Seen`.
    Seen,
    /// They go to another folder, which is made if it is not there.
    Move(String),
    /// They are removed for good, and no others.
    Delete,
}

/// How far a deed came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// To its end.
    Whole,
    /// The messages are marked with `\Deleted` (and copied, where they were to go elsewhere), and still there: the server
    /// lacks UIDPLUS (RFC 4315), and a plain EXPUNGE would remove what others have marked.
    Marked,
}

/// What came of the commands that are under way.
#[derive(Debug)]
pub enum Heard<S> {
    /// A message, whole.
    Message { uid: u32, octets: S },
    /// All that was asked for under this number has come; these messages are no longer there.
    Fetched { number: usize, gone: Vec<u32> },
    /// What the deed of this number is to move was copied, and is now removed from where it was: the server lacks MOVE.
    Copied { number: usize },
    /// The deed of this number was done, or refused.
    Acknowledged { number: usize, result: Result<Done, ImapError> },
}

/// A session that is asked for many things at once.
pub struct Pipeline {
    session: Session,
    errands: Vec<Errand>,
    /// Octets of lines since something came of them.
    heard: usize,
    pub(super) patience: Duration,
}

/// A command that is under way.
struct Errand {
    number: usize,
    tag: String,
    work: Work,
}

enum Work {
    /// UIDs whose messages have not come.
    Fetch(BTreeSet<u32>),
    Deed {
        deed: Deed,
        uids: UidSet,
        step: Step,
        made: bool,
    },
}

/// The command of a deed that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Seen,
    Move,
    Copy,
    Create,
    Deleted,
    Expunge,
}

impl Step {
    fn stage(self) -> Stage {
        match self {
            Step::Seen | Step::Deleted => Stage::Store,
            Step::Move | Step::Copy | Step::Create => Stage::Move,
            Step::Expunge => Stage::Expunge,
        }
    }
}

impl Pipeline {
    /// Takes over a session in which a folder is selected.
    pub fn new(session: Session) -> Pipeline {
        Pipeline { session, errands: Vec::new(), heard: 0, patience: PATIENCE }
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.errands.is_empty()
    }

    /// Gives the session back; nothing may be under way.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// Asks for messages, whole and without marking them.
    pub fn fetch(&mut self, number: usize, uids: &UidSet) -> Result<(), ImapError> {
        let tag = self.session.exchange.begin(Stage::Fetch, &format!("UID FETCH {uids} (UID BODY.PEEK[])"))?;
        self.errands.push(Errand { number, tag, work: Work::Fetch(uids.iter().collect()) });
        Ok(())
    }

    /// Has something done with messages.
    ///
    /// Where the server has no MOVE (RFC 6851) they are copied, then marked with `\Deleted`, then removed by UID. Where it has
    /// no UIDPLUS either, they stay marked.
    pub fn acknowledge(&mut self, number: usize, deed: Deed, uids: UidSet) -> Result<(), ImapError> {
        let step = match &deed {
            Deed::Seen => Step::Seen,
            Deed::Move(_) if self.session.can("MOVE") => Step::Move,
            Deed::Move(_) => Step::Copy,
            Deed::Delete => Step::Deleted,
        };
        self.take_step(number, deed, uids, step, false)
    }

    fn take_step(&mut self, number: usize, deed: Deed, uids: UidSet, step: Step, made: bool) -> Result<(), ImapError> {
        let stage = step.stage();
        let target = match &deed {
            Deed::Move(name) => folder::as_argument(name).ok_or(ImapError { stage, failure: Failure::Folder })?,
            Deed::Seen | Deed::Delete => String::new(),
        };
        let command = match step {
            Step::Seen => format!("UID STORE {uids} +FLAGS.SILENT (\\Seen)"),
            Step::Move => format!("UID MOVE {uids} {target}"),
            Step::Copy => format!("UID COPY {uids} {target}"),
            Step::Create => format!("CREATE {target}"),
            Step::Deleted => format!("UID STORE {uids} +FLAGS.SILENT (\\Deleted)"),
            Step::Expunge => format!("UID EXPUNGE {uids}"),
        };
        let tag = self.session.exchange.begin(stage, &command)?;
        self.errands.push(Errand { number, tag, work: Work::Deed { deed, uids, step, made } });
        Ok(())
    }

    /// Waits for what comes next; something must be under way. `open` makes the place for a message of so many octets.
    ///
    /// # Errors
    /// Whatever ends the session. A message of more than `limit` octets ends it before any of it is written.
    pub fn hear<S: Write>(
        &mut self,
        limit: u64,
        open: &mut dyn FnMut(u64) -> io::Result<S>,
    ) -> Result<Heard<S>, ImapError> {
        let begun = Instant::now();
        loop {
            let stage = self.stage();
            let line = self.session.exchange.next_line(stage, &mut self.heard, FRAME_LIMIT)?;
            if let Some(at) = self.errands.iter().position(|errand| tagged(&line, &errand.tag).is_some()) {
                self.heard = 0;
                if let Some(heard) = self.answered(at, &line)? {
                    return Ok(heard);
                }
                continue;
            }
            if !line.starts_with(b"* ") {
                return Err(self.broken(Failure::Protocol("the answer is to something else")));
            }
            self.session.exchange.refuse_farewell(stage, &line)?;
            if begun.elapsed() > self.patience {
                let endpoint = self.session.exchange.endpoint();
                return Err(self.broken(LinkError::Timeout { endpoint }.into()));
            }
            let first = first_line(&line).map_err(|what| self.broken(Failure::Protocol(what)))?;
            match first {
                Some(found) if found.body != Body::Absent => {
                    if let Some(heard) = self.message(found.uid, found.body, limit, open)? {
                        return Ok(heard);
                    }
                }
                // What happens to other messages meanwhile is no affair of this one.
                Some(_) => {}
                None if announced(&line) > 0 => {
                    return Err(self.broken(Failure::Protocol("octets came that were not asked for")));
                }
                None => {}
            }
        }
    }

    /// Takes a message whose first line was read.
    fn message<S: Write>(
        &mut self,
        uid: Option<u32>,
        body: Body,
        limit: u64,
        open: &mut dyn FnMut(u64) -> io::Result<S>,
    ) -> Result<Option<Heard<S>>, ImapError> {
        if let Some(uid) = uid {
            self.require_asked_for(uid)?;
        }
        let output = |error| Failure::Output(error);
        let (octets, uid) = match body {
            // Told as gone when the command is answered.
            Body::Nil | Body::Absent => return Ok(None),
            Body::Inline(text) => {
                let mut octets = open(text.len() as u64).map_err(|error| self.broken(output(error)))?;
                octets.write_all(&text).map_err(|error| self.broken(output(error)))?;
                (octets, uid)
            }
            Body::Literal(size) if size > limit => return Err(self.broken(Failure::TooLarge { size, limit })),
            Body::Literal(size) => {
                let mut octets = open(size).map_err(|error| self.broken(output(error)))?;
                self.session.exchange.hand_on(size, &mut octets, limit)?;
                self.heard = 0;
                let line = self.session.exchange.next_line(Stage::Fetch, &mut self.heard, FRAME_LIMIT)?;
                let last = last_line(&line).map_err(|what| self.broken(Failure::Protocol(what)))?;
                if last.body != Body::Absent {
                    return Err(self.broken(Failure::Protocol("a message came twice in one answer")));
                }
                (octets, uid.or(last.uid))
            }
        };
        self.heard = 0;
        let uid = uid.ok_or_else(|| self.broken(Failure::Protocol("a message came without its UID")))?;
        self.require_asked_for(uid)?;
        for errand in &mut self.errands {
            if let Work::Fetch(left) = &mut errand.work {
                left.remove(&uid);
            }
        }
        Ok(Some(Heard::Message { uid, octets }))
    }

    fn require_asked_for(&mut self, uid: u32) -> Result<(), ImapError> {
        let asked = self.errands.iter().any(|errand| matches!(&errand.work, Work::Fetch(left) if left.contains(&uid)));
        if asked { Ok(()) } else { Err(self.broken(Failure::Protocol("a message came that was not asked for"))) }
    }

    /// A tagged answer: what it ends, or nothing where another step follows.
    fn answered<S>(&mut self, at: usize, line: &[u8]) -> Result<Option<Heard<S>>, ImapError> {
        let stage = self.stage_of(at);
        let errand = self.errands.remove(at);
        let refused = refusal(stage, errand.tag.as_bytes(), line);
        if refused.is_none() && tagged(line, &errand.tag) != Some(b"OK") {
            return Err(self.broken(Failure::Protocol(NEITHER)));
        }
        match errand.work {
            Work::Fetch(left) => {
                let gone: Vec<u32> = left.into_iter().collect();
                match refused.map(ImapError::from) {
                    Some(error) if !gone.is_empty() && !is_about_gone(&error) => Err(error),
                    _ => Ok(Some(Heard::Fetched { number: errand.number, gone })),
                }
            }
            Work::Deed { deed, uids, step, made } => self.stepped(errand.number, deed, uids, step, made, refused),
        }
    }

    fn stepped<S>(
        &mut self,
        number: usize,
        deed: Deed,
        uids: UidSet,
        step: Step,
        made: bool,
        refused: Option<Refusal>,
    ) -> Result<Option<Heard<S>>, ImapError> {
        let has_uidplus = self.session.can("UIDPLUS");
        let next = match (step, refused) {
            (Step::Move | Step::Copy, Some(Refusal::NoSuchFolder(_))) if !made => Step::Create,
            // It said that it can, and cannot: then the older way.
            (Step::Move, Some(Refusal::NotUnderstood(_))) => {
                self.session.lies.push("MOVE");
                Step::Copy
            }
            (_, Some(refused)) => {
                let result = Err(refused.into());
                return Ok(Some(Heard::Acknowledged { number, result }));
            }
            (Step::Create, None) if self.session.can("MOVE") => Step::Move,
            (Step::Create, None) => Step::Copy,
            (Step::Copy, None) => Step::Deleted,
            (Step::Deleted, None) if has_uidplus => Step::Expunge,
            (step, None) => {
                let done = if step == Step::Deleted { Done::Marked } else { Done::Whole };
                return Ok(Some(Heard::Acknowledged { number, result: Ok(done) }));
            }
        };
        self.take_step(number, deed, uids, next, made || next == Step::Create)?;
        Ok((step == Step::Copy && next == Step::Deleted).then_some(Heard::Copied { number }))
    }

    /// What is waited for first.
    fn stage(&self) -> Stage {
        self.stage_of(0)
    }

    fn stage_of(&self, at: usize) -> Stage {
        match self.errands.get(at).map(|errand| &errand.work) {
            Some(Work::Deed { step, .. }) => step.stage(),
            _ => Stage::Fetch,
        }
    }

    fn broken(&mut self, failure: Failure) -> ImapError {
        let stage = self.stage();
        self.session.exchange.broken(stage, failure)
    }
}

/// A server may say NO to a FETCH of which some messages are no longer there (RFC 2180, section 4.1.2; RFC 5530).
fn is_about_gone(error: &ImapError) -> bool {
    let begins = |text: &str, code: &str| text.get(..code.len()).is_some_and(|start| start.eq_ignore_ascii_case(code));
    match &error.failure {
        Failure::Refused { text } => begins(text, "[EXPUNGEISSUED]") || begins(text, "[NONEXISTENT]"),
        _ => false,
    }
}
