//! A group of messages that are put on disk, into the journal and into the trace together.

use std::collections::HashMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::Line;
use super::desk::{Desk, Tools};
use crate::commands::error::Error;
use crate::commands::notices;
use crate::commands::received::{self, Unfolded};
use crate::fs::{StagedDir, Together};
use crate::imap::{Deed, UidSet};
use crate::inbox::{Kept, Message};
use crate::mail::{Address, MessageId, Notice};
use crate::outbox::Noted;
use crate::pki::Capabilities;
use crate::process::{Moment, here};
use crate::trace::{self, Action, Outcome};
use crate::vault::After;

/// Longest text of UIDs in one command that does something with messages: the trace has it in one line.
const SET_TEXT: usize = 150;

/// Who said when what their program opens.
type Said = (Address, Capabilities, Timestamp);

/// A message that was judged, and what is told of it.
pub(super) struct Item {
    pub line: Line,
    /// What is to be recorded of it; nothing where it was before.
    message: Option<Message>,
    /// What is to get its name.
    folder: Option<(StagedDir, PathBuf)>,
    says: Option<Said>,
    /// The entry of the trace that was opened for it.
    entry: Option<trace::Entry>,
    message_id: Option<MessageId>,
}

/// An entry of the trace that is to be closed.
pub(super) struct End {
    pub entry: trace::Entry,
    pub outcome: Outcome,
    pub text: String,
    pub message_id: Option<MessageId>,
    pub count: Option<u64>,
}

/// What is to be done on the server with some messages of a group.
pub(super) struct Chore {
    pub deed: Deed,
    pub uids: UidSet,
    pub action: Action,
    /// The request, as the trace has it.
    pub request: String,
    /// What is told of it, and how the journal calls it.
    pub words: (&'static str, &'static str),
}

/// Messages that were judged and are not on disk yet.
pub(super) struct Group {
    items: Vec<Item>,
    /// Places of messages in `items`, by their digest.
    digests: HashMap<[u8; 32], usize>,
    together: Together,
}

/// What came of a group.
#[derive(Default)]
pub(super) struct Settled {
    pub lines: Vec<Line>,
    pub ends: Vec<End>,
    pub chores: Vec<Chore>,
}

impl Group {
    pub(super) fn new(desk: &Desk<'_>) -> Result<Group, Error> {
        let to = &desk.request.policy.to;
        let together = Together::new(to).map_err(|source| Error::OutputFolder { path: to.clone(), source })?;
        Ok(Group { items: Vec::new(), digests: HashMap::new(), together })
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A message that was stored by an earlier run, under the same UID.
    pub(super) fn add_known(&mut self, line: Line) {
        let nothing = Item { line, message: None, folder: None, says: None, entry: None, message_id: None };
        self.items.push(nothing);
    }

    /// Judges a message and writes it down; `before` is where the same octets are kept already.
    pub(super) fn add(
        &mut self,
        desk: &Desk<'_>,
        tools: &Tools<'_>,
        line: impl Fn(&'static str, &Kept) -> Line,
        (uid, unfolded, before): (u32, Unfolded, Option<Kept>),
        entry: Option<trace::Entry>,
    ) -> Result<(), Error> {
        let sha256 = unfolded.sha256;
        let mut item = self.item(desk, tools, line, (uid, unfolded, before))?;
        item.entry = entry;
        self.digests.entry(sha256).or_insert(self.items.len());
        self.items.push(item);
        Ok(())
    }

    fn item(
        &self,
        desk: &Desk<'_>,
        tools: &Tools<'_>,
        line: impl Fn(&'static str, &Kept) -> Line,
        (uid, unfolded, before): (u32, Unfolded, Option<Kept>),
    ) -> Result<Item, Error> {
        let (account, policy) = (desk.account, &desk.request.policy);
        let raw_sha256 = unfolded.sha256;
        let message = |kept: &Kept| Some(Message { uid, raw_sha256, kept: kept.clone() });
        let nothing = |line, message| Item { line, message, folder: None, says: None, entry: None, message_id: None };
        let same = self.digests.get(&raw_sha256).and_then(|place| self.items[*place].message.as_ref());
        if let Some(kept) = same.map(|same| same.kept.clone()).or(before) {
            return Ok(nothing(line("known", &kept), message(&kept)));
        }
        let kept = |place: &PathBuf, quarantined| Kept {
            place: place.clone(),
            quarantined,
            at: account.world.clock.now(),
            acknowledged: None,
        };
        let noted = noted(desk, tools, unfolded.notice.as_ref())?;
        if !noted.is_empty() {
            let (folder, place) = received::keep_notice(policy, unfolded, &noted)?;
            let kept = kept(&place, false);
            let told = Line { notice: noted, ..line("status", &kept) };
            return Ok(Item { folder: Some((folder, place)), ..nothing(told, message(&kept)) });
        }
        let outer_id = unfolded.outer_id.clone();
        let stored = received::judge(account, policy, &tools.gate, unfolded)?;
        let noted = self::noted(desk, tools, stored.notice.as_ref())?;
        if let (Some(outbox), Some(message_id)) = (&tools.outbox, &outer_id) {
            notices::recognize(account, outbox, message_id)?;
        }
        let kept = kept(&stored.place, stored.quarantined);
        let state = if stored.quarantined { "quarantined" } else { "stored" };
        let told = Line { received: stored.received, notice: noted, error: stored.error, ..line(state, &kept) };
        Ok(Item {
            line: told,
            message: message(&kept),
            folder: Some((stored.folder, stored.place)),
            says: stored.says,
            entry: None,
            message_id: stored.message_id,
        })
    }

    /// Puts all of them on disk under their names, then into the journal. What is left to do comes back: lines to be told, once
    /// the deeds in it are done; entries of the trace to be closed.
    pub(super) fn settle(
        &mut self,
        desk: &Desk<'_>,
        tools: &Tools<'_>,
        folder: &str,
        uid_validity: u32,
    ) -> Result<Settled, Error> {
        self.digests.clear();
        let mut items = std::mem::take(&mut self.items);
        let folders = items.iter_mut().filter_map(|item| item.folder.take()).collect();
        let to = &desk.request.policy.to;
        self.together.publish(folders).map_err(|source| Error::OutputFolder { path: to.clone(), source })?;
        here(Moment::FetchedNamed);
        let messages: Vec<Message> = items.iter_mut().filter_map(|item| item.message.take()).collect();
        if !messages.is_empty() {
            desk.inbox.record(folder, uid_validity, &messages)?;
        }
        here(Moment::FetchedRecorded);
        learn(desk, tools, items.iter().filter_map(|item| item.says.as_ref()))?;
        if desk.request.after == After::Keep {
            let uids = items.iter().map(|item| item.line.uid);
            desk.inbox.acknowledged(folder, uid_validity, uids, "keep")?;
        }
        let mut settled = Settled { chores: chores(&desk.request.after, &items), ..Settled::default() };
        for item in items {
            settled.ends.extend(item.entry.map(|entry| {
                let outcome = if item.line.quarantined { Outcome::Refused } else { Outcome::Done };
                let text = item.line.error.clone().unwrap_or_else(|| item.line.state.to_owned());
                End { entry, outcome, text, message_id: item.message_id, count: None }
            }));
            settled.lines.push(item.line);
        }
        Ok(settled)
    }

    /// The entries of what is not on disk and will not be.
    pub(super) fn give_up(&mut self) -> Vec<trace::Entry> {
        std::mem::take(&mut self.items).into_iter().filter_map(|item| item.entry).collect()
    }
}

/// Takes down what senders said of their programs; what the same sender said before, once in a run.
fn learn<'s>(desk: &Desk<'_>, tools: &Tools<'_>, said: impl Iterator<Item = &'s Said>) -> Result<(), Error> {
    let now = desk.account.world.clock.now();
    let mut learned = tools.learned.borrow_mut();
    let mut readers = None;
    for (address, capabilities, at) in said {
        let word = capabilities.reader();
        if learned.get(address) == Some(&word) {
            continue;
        }
        let readers = match &mut readers {
            Some(readers) => readers,
            none => none.insert(desk.account.readers()?),
        };
        readers.learn(address, *capabilities, (*at).min(now))?;
        learned.insert(address.clone(), word);
    }
    Ok(())
}

/// What is to be done on the server. What is in quarantine is never deleted there.
fn chores(after: &After, items: &[Item]) -> Vec<Chore> {
    let uids = |quarantined: bool| -> UidSet {
        items.iter().filter(|item| item.line.quarantined == quarantined).map(|item| item.line.uid).collect()
    };
    let all = || items.iter().map(|item| item.line.uid).collect::<UidSet>();
    let deeds = match after {
        After::Keep => vec![],
        After::Seen => vec![(Deed::Seen, all())],
        After::Move(folder) => vec![(Deed::Move(folder.clone()), all())],
        After::Delete => vec![(Deed::Delete, uids(false)), (Deed::Seen, uids(true))],
    };
    let mut chores = Vec::new();
    for (deed, mut left) in deeds {
        while !left.is_empty() {
            let (uids, rest) = left.split(SET_TEXT);
            let (action, request, words) = match &deed {
                Deed::Seen => (Action::Seen, format!("UID STORE {uids} +FLAGS (\\Seen)"), ("seen", "seen")),
                Deed::Move(folder) => (Action::Move, format!("UID MOVE {uids} {folder}"), ("moved", "move")),
                Deed::Delete => (Action::Delete, format!("UID EXPUNGE {uids}"), ("deleted", "delete")),
            };
            chores.push(Chore { deed: deed.clone(), uids, action, request, words });
            left = rest;
        }
    }
    chores
}

/// What a notice says of what was sent from here; nothing where it is about something else.
fn noted(desk: &Desk<'_>, tools: &Tools<'_>, notice: Option<&Notice>) -> Result<Vec<notices::Line>, Error> {
    let (Some(outbox), Some(notice)) = (&tools.outbox, notice) else { return Ok(Vec::new()) };
    let noted: Vec<Noted> = notices::file(desk.account, outbox, notice)?;
    Ok(noted.iter().map(notices::Line::from).collect())
}
