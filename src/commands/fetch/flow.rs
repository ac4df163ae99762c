//! The flow of one folder: what is asked for, what came, what is on disk, what is acknowledged; told in the order of the UIDs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::courier::{Arrived, Courier, Order, Room};
use super::desk::{Desk, Tools};
use super::group::{Chore, End, Group};
use super::hired::{Hired, alive, give, gone_astray, is_away, may_pass};
use super::opener::Opener;
use super::telling::Telling;
use super::wanted::Wanted;
use super::{Line, Summary, Tell, sign_in};
use crate::commands::error::Error;
use crate::commands::received::Unfolded;
use crate::commands::traced::{Scribe, told};
use crate::imap::{self, Done, Failure, ImapError, Session, Stage};
use crate::inbox::Kept;
use crate::process::{Moment, here};
use crate::trace::{self, Action, Answer, Deed, Outcome};

/// Messages of a group: what is put on disk, into the journal and into the trace at once, and asked for in one command.
const GROUP: usize = 64;

/// Messages that are asked for and not stored, on each connection.
const WINDOW: usize = 3 * GROUP;

/// The same on all of them together: each may be an open file, and a process has 1024 of them where nobody gave it more.
const ALL_WINDOWS: usize = 8 * GROUP;

/// Deeds on the server that are under way before more is begun without waiting.
const CHORES: usize = 16;

/// Messages that came and wait for a free thread.
const WAITING: usize = 16;

/// How long a group waits for more, and how often it is looked whether somebody wants it to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// How often a connection is made again without anything having come in between.
const TRIES: u32 = 3;

/// The pause before that, times the number of the try.
const PAUSE: Duration = Duration::from_secs(1);

/// What the other threads have to say.
pub(super) enum Event {
    /// A message is here.
    Came(u32),
    /// It was taken apart.
    Opened(u32, Box<(Unfolded, Room)>),
    /// These are no longer on the server.
    Gone(Vec<u32>),
    /// What this chore is to move was copied, and is still where it was.
    Copied(usize),
    /// A chore was done, or refused.
    Acknowledged(usize, Result<Done, ImapError>),
    /// A connection of this number is gone.
    Broken(usize, ImapError),
    /// Something on this machine failed.
    Failed(Error),
    /// A thread ended by a fault of ours.
    Died,
}

/// A message that was asked for, or is about to be told.
struct Slot {
    uid: u32,
    state: State,
    entry: Option<trace::Entry>,
    courier: usize,
}

enum State {
    /// Asked for.
    Asked,
    /// Here, and being taken apart.
    Here,
    Opened(Box<(Unfolded, Room)>),
    /// Kept by an earlier run.
    Known,
    Gone,
}

/// A chore that is under way.
struct Underway {
    chore: Chore,
    /// Where the server cannot move: the copy is made, and must not be made again.
    copied: bool,
    entry: Option<trace::Entry>,
    courier: usize,
}

/// What is written down and asked for in one turn.
#[derive(Default)]
struct Turn {
    chores: Vec<Chore>,
    chunks: Vec<Vec<Wanted>>,
}

/// One folder on its way.
pub(super) struct Flow<'f, 'a> {
    desk: &'f Desk<'a>,
    tools: &'f Tools<'a>,
    folder: &'f str,
    uid_validity: u32,
    wanted: VecDeque<Wanted>,
    slots: VecDeque<Slot>,
    group: Group,
    ends: Vec<End>,
    chores: BTreeMap<usize, Underway>,
    telling: Telling,
    /// Orders so far.
    orders: usize,
    /// Breaks since something came.
    breaks: u32,
    /// Nothing came for a while.
    quiet: bool,
    marked: bool,
    /// A message that was found was not handed over.
    missed: bool,
}

/// What came of a folder.
pub(super) struct Flowed {
    pub session: Session,
    /// Whether every message that was found was handed over.
    pub whole: bool,
}

impl<'f, 'a> Flow<'f, 'a> {
    pub(super) fn new(
        desk: &'f Desk<'a>,
        folder: &'f str,
        uid_validity: u32,
        wanted: Vec<Wanted>,
    ) -> Result<Flow<'f, 'a>, Error> {
        Ok(Flow {
            desk,
            tools: desk.tools()?,
            folder,
            uid_validity,
            wanted: wanted.into(),
            slots: VecDeque::new(),
            group: Group::new(desk)?,
            ends: Vec::new(),
            chores: BTreeMap::new(),
            telling: Telling::default(),
            orders: 0,
            breaks: 0,
            quiet: false,
            marked: false,
            missed: false,
        })
    }

    /// Fetches all that is wanted, and gives a session back.
    pub(super) fn run(mut self, session: Session, summary: &mut Summary, tell: &mut Tell<'_>) -> Result<Flowed, Error> {
        let (events, heard) = channel();
        let (arrived, taken) = sync_channel::<Arrived>(WAITING);
        let (taken, stop, memory) = (Mutex::new(taken), AtomicBool::new(false), Arc::new(AtomicUsize::new(0)));
        let tools = self.tools;
        let cores = thread::available_parallelism().map_or(2, NonZeroUsize::get);
        let sessions = self.sessions(session)?;
        thread::scope(|scope| {
            // It goes with this scope: without a sender nothing more is taken apart.
            let arrived = arrived;
            for _ in 0..cores.min(self.wanted.len()) {
                let opener = Opener {
                    arrived: &taken,
                    events: events.clone(),
                    keys: &tools.keys,
                    policy: &self.desk.request.policy,
                    looks_for_notices: tools.outbox.is_some(),
                    stop: &stop,
                };
                scope.spawn(move || opener.work());
            }
            let hire = |number, session| {
                let (orders, ordered) = channel();
                let courier = Courier {
                    number,
                    orders: ordered,
                    arrived: arrived.clone(),
                    events: events.clone(),
                    spool: &tools.spool,
                    stop: &stop,
                    memory: memory.clone(),
                };
                Hired { orders: Some(orders), handle: Some(scope.spawn(move || courier.work(session))) }
            };
            let mut couriers: Vec<Hired<'_>> =
                sessions.into_iter().enumerate().map(|(number, session)| hire(number, session)).collect();
            let worked = self.work(&mut couriers, &hire, &heard, summary, tell);
            if let Err(error) = worked {
                stop.store(true, Ordering::Relaxed);
                self.give_up(&error, summary, tell);
                return Err(error);
            }
            let mut left = couriers.into_iter().filter_map(Hired::dismiss);
            let session = left.next();
            left.for_each(|session| drop(session.logout()));
            session.map(|session| Flowed { session, whole: !self.missed }).ok_or_else(|| gone_astray().into())
        })
    }

    /// One session for each connection; no more than there are messages for, and no more than the server gives.
    fn sessions(&self, first: Session) -> Result<Vec<Session>, Error> {
        let unknown = self.wanted.iter().filter(|wanted| !wanted.known).count();
        let jobs = self.desk.request.jobs.min(unknown.div_ceil(GROUP)).max(1);
        // A one-time code signs in once: several connections would need several codes, half a minute apart.
        let jobs = if self.desk.account.signs_in_by_code() { 1 } else { jobs };
        let mut sessions = vec![first];
        while sessions.len() < jobs {
            match self.connect() {
                Err(error) if is_away(&error) => {
                    self.desk.account.world.step(format!("{error}; goes on with {} connections", sessions.len()));
                    break;
                }
                connected => sessions.push(connected?),
            }
        }
        Ok(sessions)
    }

    fn connect(&self) -> Result<Session, Error> {
        let mut session = sign_in(self.desk.account)?;
        let selected = self.desk.select(&mut session, self.folder)?;
        if selected.uid_validity != self.uid_validity {
            return Err(Error::FolderRenewed { folder: self.folder.to_owned() });
        }
        Ok(session)
    }

    fn work<'s>(
        &mut self,
        couriers: &mut [Hired<'s>],
        hire: &dyn Fn(usize, Session) -> Hired<'s>,
        heard: &Receiver<Event>,
        summary: &mut Summary,
        tell: &mut Tell<'_>,
    ) -> Result<(), Error> {
        loop {
            self.take_turn(couriers)?;
            self.telling.tell(summary, tell)?;
            if self.is_done() {
                return Ok(());
            }
            (self.desk.beat)();
            if self.desk.account.is_interrupted() && !summary.interrupted {
                // What was asked for comes to its end.
                summary.interrupted = true;
                self.wanted.clear();
            }
            if self.is_ready() {
                continue;
            }
            let first = match heard.recv_timeout(GLANCE) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    self.quiet = true;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return Err(gone_astray().into()),
            };
            self.quiet = false;
            // What has come together meanwhile is dealt with in one turn.
            for event in std::iter::once(first).chain(heard.try_iter().take(GROUP)) {
                match event {
                    Event::Broken(number, error) => self.mend(number, error, couriers, hire)?,
                    other => self.hear(other)?,
                }
            }
        }
    }

    fn hear(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Came(uid) => {
                self.breaks = 0;
                self.set(uid, State::Here);
            }
            Event::Opened(uid, unfolded) => self.set(uid, State::Opened(unfolded)),
            Event::Gone(uids) => {
                for uid in uids {
                    if self.slots.iter().any(|slot| slot.uid == uid && matches!(slot.state, State::Asked)) {
                        self.set(uid, State::Gone);
                    }
                }
            }
            Event::Copied(number) => {
                if let Some(underway) = self.chores.get_mut(&number) {
                    underway.copied = true;
                }
            }
            Event::Acknowledged(number, result) => self.acknowledged(number, result)?,
            Event::Failed(error) => return Err(error),
            // Once all is given up, the fault itself comes through the end of the thread.
            Event::Died => return Err(Error::Spool { source: io::Error::other("a message brought a fault to light") }),
            Event::Broken(_, error) => return Err(error.into()),
        }
        Ok(())
    }

    fn set(&mut self, uid: u32, state: State) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.uid == uid) {
            slot.state = state;
        }
    }

    /// Whether there is something to do that waits for nobody: messages that were stored before are not asked for.
    fn is_ready(&self) -> bool {
        let waits = self.slots.front().is_some_and(|slot| matches!(slot.state, State::Asked | State::Here));
        let nothing = self.group.is_empty() && self.slots.is_empty() && self.wanted.is_empty();
        !waits && !nothing && self.chores.len() < CHORES
    }

    /// Everything was stored, acknowledged, traced and told.
    fn is_done(&self) -> bool {
        self.wanted.is_empty()
            && self.slots.is_empty()
            && self.group.is_empty()
            && self.chores.is_empty()
            && self.ends.is_empty()
            && self.telling.is_over()
    }

    /// Judges what can be, puts a group on disk where one is due, and orders what comes next: one sync of the trace for all.
    fn take_turn(&mut self, couriers: &mut [Hired<'_>]) -> Result<(), Error> {
        self.judge()?;
        let mut turn = Turn::default();
        let nothing_more = self.slots.is_empty() && self.wanted.is_empty();
        if self.group.len() >= GROUP || (!self.group.is_empty() && (nothing_more || self.quiet)) {
            let settled = self.group.settle(self.desk, self.tools, self.folder, self.uid_validity)?;
            self.telling.add(settled.lines, settled.chores.is_empty());
            self.ends.extend(settled.ends);
            turn.chores = settled.chores;
        }
        while let Some(chunk) = self.next_chunk(couriers.len()) {
            self.slots.extend(chunk.iter().map(|wanted| Slot {
                uid: wanted.uid,
                state: if wanted.known { State::Known } else { State::Asked },
                entry: None,
                courier: 0,
            }));
            turn.chunks.push(chunk);
        }
        // What ended is written with what begins; by itself only at the end.
        let last = nothing_more && self.group.is_empty() && self.chores.is_empty();
        if turn.chores.is_empty() && turn.chunks.is_empty() && (!last || self.ends.is_empty()) {
            return Ok(());
        }
        self.order(turn, couriers)?;
        self.judge()
    }

    fn next_chunk(&mut self, couriers: usize) -> Option<Vec<Wanted>> {
        let count = self.wanted.len().min(GROUP);
        let room = self.slots.len() + count <= ALL_WINDOWS.min(WINDOW * couriers);
        (count > 0 && room).then(|| self.wanted.drain(..count).collect())
    }

    /// Writes into the trace what ended and what begins, then gives the orders.
    fn order(&mut self, turn: Turn, couriers: &mut [Hired<'_>]) -> Result<(), Error> {
        let (scribe, tell) = (self.desk.account.scribe()?, self.desk.account.world.tell);
        let asked = |chunk: &Vec<Wanted>| -> Vec<u32> {
            chunk.iter().filter(|wanted| !wanted.known).map(|wanted| wanted.uid).collect()
        };
        let chunks: Vec<Vec<u32>> = turn.chunks.iter().map(asked).filter(|uids| !uids.is_empty()).collect();
        let fetches = chunks.iter().flatten().map(|uid| (Action::Fetch, format!("UID FETCH {uid} BODY.PEEK[]")));
        let chores = turn.chores.iter().map(|chore| (chore.action, chore.request.clone()));
        let requests: Vec<(Action, String)> = chores.chain(fetches).collect();
        let deeds: Vec<Deed<'_>> = requests.iter().map(|(action, request)| scribe.deed(*action, request)).collect();
        let mut entries = self.record(&deeds)?.into_iter();
        requests.iter().for_each(|(action, request)| tell(Scribe::told_begin(*action, request)));
        for chore in turn.chores {
            self.orders += 1;
            let courier = alive(couriers, self.orders);
            let order = Order::Acknowledge(self.orders, chore.deed.clone(), chore.uids.clone());
            self.chores.insert(self.orders, Underway { chore, copied: false, entry: entries.next(), courier });
            give(couriers, courier, order);
        }
        for uids in chunks {
            self.orders += 1;
            let courier = alive(couriers, self.orders);
            for uid in &uids {
                if let Some(slot) = self.slots.iter_mut().rev().find(|slot| slot.uid == *uid) {
                    (slot.entry, slot.courier) = (entries.next(), courier);
                }
            }
            give(couriers, courier, Order::Fetch(uids.into_iter().collect()));
        }
        Ok(())
    }

    /// Closes the entries that wait for it and opens others, all synced together.
    fn record(&mut self, deeds: &[Deed<'_>]) -> Result<Vec<trace::Entry>, Error> {
        let tell = self.desk.account.world.tell;
        let ends = std::mem::take(&mut self.ends);
        ends.iter().for_each(|end| tell(Scribe::told_end(end.outcome, &end.text)));
        let (entries, answers): (Vec<_>, Vec<_>) =
            ends.into_iter().map(|end| (end.entry, (end.outcome, end.text, end.message_id, end.count))).unzip();
        let answers = answers.iter().map(|(outcome, text, message_id, count)| Answer {
            message_id: message_id.as_ref(),
            count: *count,
            ..Answer::new(*outcome, text)
        });
        let ends: Vec<_> = entries.into_iter().zip(answers).collect();
        Ok(self.desk.account.trace()?.record(&ends, deeds)?)
    }

    /// Judges what is at the front, in the order of the folder.
    fn judge(&mut self) -> Result<(), Error> {
        let opened = self.slots.iter().map_while(|slot| match &slot.state {
            State::Asked | State::Here => None,
            State::Opened(unfolded) => Some(Some(unfolded.0.sha256)),
            State::Known | State::Gone => Some(None),
        });
        let digests: Vec<[u8; 32]> = opened.flatten().take(GROUP).collect();
        let mut known = if digests.is_empty() { HashMap::new() } else { self.desk.inbox.known_messages(&digests)? };
        while let Some(slot) = self.slots.front() {
            if self.group.len() >= GROUP || matches!(slot.state, State::Asked | State::Here) {
                return Ok(());
            }
            let Some(Slot { uid, state, entry, .. }) = self.slots.pop_front() else { return Ok(()) };
            match state {
                State::Opened(unfolded) => {
                    let (unfolded, room) = *unfolded;
                    let folder = self.folder;
                    let line = |state, kept: &Kept| line(folder, uid, state, kept);
                    let before = known.remove(&unfolded.sha256);
                    self.group.add(self.desk, self.tools, line, (uid, unfolded, before), entry)?;
                    drop(room);
                    (self.desk.beat)();
                }
                State::Known => {
                    // What went from the journal since it was looked at is fetched by the next run.
                    if let Some(kept) = self.desk.inbox.known_uid(self.folder, self.uid_validity, uid)? {
                        self.group.add_known(line(self.folder, uid, "known", &kept));
                    }
                }
                // Somebody else took it away since the search: there is nothing to fetch, and others wait.
                State::Gone => {
                    self.missed = true;
                    let text = ImapError { stage: Stage::Fetch, failure: Failure::Gone }.to_string();
                    self.ends.extend(entry.map(|entry| failed(entry, text)));
                }
                State::Asked | State::Here => {}
            }
        }
        Ok(())
    }

    fn acknowledged(&mut self, number: usize, result: Result<Done, ImapError>) -> Result<(), Error> {
        let Some(Underway { chore, entry, .. }) = self.chores.remove(&number) else { return Ok(()) };
        let done = match result {
            Ok(done) => done,
            Err(error) => {
                let error = Error::from(error);
                self.ends.extend(entry.map(|entry| failed(entry, told(&error))));
                return Err(error);
            }
        };
        let (word, deed) = chore.words;
        let word = match done {
            Done::Whole => word,
            Done::Marked => {
                self.warn_of_marks();
                "marked"
            }
        };
        here(Moment::Acknowledged);
        self.desk.inbox.acknowledged(self.folder, self.uid_validity, chore.uids.iter(), deed)?;
        let count = Some(chore.uids.len());
        let end = |entry| End { entry, outcome: Outcome::Done, text: word.to_owned(), message_id: None, count };
        self.ends.extend(entry.map(end));
        self.telling.done(&chore.uids, word);
        Ok(())
    }

    fn warn_of_marks(&mut self) {
        if !std::mem::replace(&mut self.marked, true) {
            self.desk.account.world.warn(
                "the server lacks UIDPLUS: messages are marked as deleted and stay until somebody expunges the folder",
            );
        }
    }

    /// Connects once more after a break, or several times while the server is not there.
    fn connect_again(&mut self, error: ImapError) -> Result<Session, Error> {
        let account = self.desk.account;
        loop {
            self.breaks += 1;
            // A one-time code signs in once, and the next one comes in half a minute.
            let waits = may_pass(&error) && self.breaks <= TRIES && !account.signs_in_by_code();
            if !waits || account.is_interrupted() {
                return Err(error.into());
            }
            let pause = PAUSE * self.breaks;
            account.world.step(format!("{error}; connects again in {} s", pause.as_secs()));
            let until = Instant::now() + pause;
            while Instant::now() < until && !account.is_interrupted() {
                (self.desk.beat)();
                thread::sleep(GLANCE);
            }
            match self.connect() {
                // It is told as it was when the line broke.
                Err(again) if is_away(&again) => {}
                connected => return connected,
            }
        }
    }

    /// A connection broke: it is made again, and asked for what had not come. What was done on the server without our hearing of
    /// it is done once more, which changes nothing; but for a copy of which the answer was lost, for want of MOVE, which may be
    /// there twice then: rather that than not at all.
    fn mend<'s>(
        &mut self,
        number: usize,
        error: ImapError,
        couriers: &mut [Hired<'s>],
        hire: &dyn Fn(usize, Session) -> Hired<'s>,
    ) -> Result<(), Error> {
        couriers[number].orders = None;
        let mut session = self.connect_again(error)?;
        // What came since the search was told to nobody: the folder was selected with it.
        session.expect_news();
        couriers[number] = hire(number, session);
        let lost = self.slots.iter().filter(|slot| slot.courier == number && matches!(slot.state, State::Asked));
        let lost: Vec<u32> = lost.map(|slot| slot.uid).collect();
        for uids in lost.chunks(GROUP) {
            give(couriers, number, Order::Fetch(uids.iter().copied().collect()));
        }
        for (order, underway) in self.chores.iter().filter(|(_, underway)| underway.courier == number) {
            let chore = &underway.chore;
            let left = if underway.copied { imap::Deed::Delete } else { chore.deed.clone() };
            give(couriers, number, Order::Acknowledge(*order, left, chore.uids.clone()));
        }
        Ok(())
    }

    /// Nothing more can be fetched: what is whole is stored all the same, and acknowledged by the next run.
    fn give_up(&mut self, error: &Error, summary: &mut Summary, tell: &mut Tell<'_>) {
        if !matches!(error, Error::Answer { .. }) {
            if let Ok(settled) = self.group.settle(self.desk, self.tools, self.folder, self.uid_validity) {
                self.ends.extend(settled.ends);
                self.telling.add(settled.lines, true);
            }
            self.telling.stop_waiting();
            // What it is given up for is told, not that nobody listens.
            let _ = self.telling.tell(summary, tell);
        }
        let text = told(error);
        let chores = std::mem::take(&mut self.chores).into_values().filter_map(|underway| underway.entry);
        let slots = self.slots.drain(..).filter_map(|slot| slot.entry);
        let entries: Vec<trace::Entry> = slots.chain(chores).chain(self.group.give_up()).collect();
        self.ends.extend(entries.into_iter().map(|entry| failed(entry, text.clone())));
        // Entries that cannot be closed read as interrupted, which is so.
        let _ = self.record(&[]);
    }
}

fn line(folder: &str, uid: u32, state: &'static str, kept: &Kept) -> Line {
    Line {
        schema: "mss.fetch/1",
        folder: folder.to_owned(),
        uid,
        state,
        place: Some(kept.place.display().to_string()),
        acknowledged: "kept",
        quarantined: kept.quarantined,
        received: None,
        notice: Vec::new(),
        error: None,
    }
}

fn failed(entry: trace::Entry, text: String) -> End {
    End { entry, outcome: Outcome::Failed, text, message_id: None, count: None }
}
