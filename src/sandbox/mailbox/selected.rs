//! The folder a session has selected, as its client knows it, and what the client is told when that changes.

use std::io;
use std::sync::Arc;

use crate::sandbox::mailbox::sequence::{Numbers, SequenceSet};
use crate::sandbox::mailbox::{Done, Outcome, Session, Trouble, done};
use crate::sandbox::store::{Folder, Message, Snapshot, StoreError};

pub(super) struct Selected {
    pub(super) folder: Arc<Folder>,
    pub(super) read_only: bool,
    pub(super) uid_validity: u32,
    generation: u64,
    /// Messages from here to the second number are recent for this session (RFC 3501, section 2.3.2).
    pub(super) recent: (u32, u32),
    /// What the client was told of: message number n is at n - 1.
    pub(super) messages: Vec<Message>,
    /// The UIDs that SEARCH saved for `$`.
    pub(super) saved: Vec<u32>,
}

impl Selected {
    pub(super) fn new(folder: Arc<Folder>, read_only: bool, snapshot: Snapshot) -> Selected {
        Selected {
            folder,
            read_only,
            uid_validity: snapshot.uid_validity,
            generation: snapshot.generation,
            recent: (snapshot.recent_from, snapshot.uid_next),
            messages: snapshot.messages,
            saved: Vec::new(),
        }
    }

    pub(super) fn is_recent(&self, uid: u32) -> bool {
        (self.recent.0..self.recent.1).contains(&uid)
    }

    pub(super) fn count_recent(&self) -> usize {
        self.messages.iter().filter(|message| self.is_recent(message.uid)).count()
    }

    /// The flags as FETCH shows them.
    pub(super) fn flags(&self, message: &Message, rev2: bool) -> String {
        let recent = if !rev2 && self.is_recent(message.uid) { "\\Recent" } else { "" };
        let space = if recent.is_empty() || message.flags == Default::default() { "" } else { " " };
        format!("({recent}{space}{})", message.flags)
    }

    /// Which numbers, or which UIDs, a set names here.
    pub(super) fn resolve(&self, set: &SequenceSet, uid: bool) -> Numbers {
        if uid {
            let last = self.messages.last().map_or(1, |message| message.uid);
            return set.resolve(last, self.saved.iter().copied());
        }
        let number = |uid: &u32| {
            let at = self.messages.binary_search_by_key(uid, |message| message.uid).ok()?;
            u32::try_from(at + 1).ok()
        };
        set.resolve(self.count(), self.saved.iter().filter_map(number))
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    /// The messages of a set with their numbers; `None` if it names a number that no message has.
    pub(super) fn chosen(&self, set: &SequenceSet, uid: bool) -> Option<Vec<(u32, u32)>> {
        let numbers = self.resolve(set, uid);
        // A UID that is not there is no mistake (RFC 9051, section 6.4.9).
        if !uid && numbers.greatest().is_some_and(|greatest| greatest > self.count()) {
            return None;
        }
        let named = |(number, message): &(u32, &Message)| numbers.contains(if uid { message.uid } else { *number });
        Some((1..).zip(&self.messages).filter(named).map(|(number, message)| (number, message.uid)).collect())
    }

    pub(super) fn message(&self, number: u32) -> Option<&Message> {
        self.messages.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Takes over what a command of this session has just done to one message.
    pub(super) fn message_mut(&mut self, number: u32) -> Option<&mut Message> {
        self.messages.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

impl Session<'_> {
    /// A command that only asks for news.
    pub(super) fn refreshed(&mut self, what: &str) -> Outcome {
        match self.refresh()? {
            None => done(what),
            Some(gone) => Ok(gone),
        }
    }

    /// Tells the client what changed in the folder; `Some` if there is no such folder any more.
    pub(super) fn refresh(&mut self) -> Result<Option<Done>, Trouble> {
        let Some(selected) = &mut self.selected else { return Ok(None) };
        let snapshot = match selected.folder.snapshot(Some(selected.generation)) {
            Ok(None) => return Ok(None),
            Ok(Some(snapshot)) if snapshot.uid_validity == selected.uid_validity => snapshot,
            // Nothing the client knows holds any more: it has to begin again.
            Ok(Some(_)) | Err(StoreError::Gone) => {
                self.untagged("BYE the folder was replaced or removed")?;
                return Ok(Some(Done::Gone));
            }
            Err(error) => return Err(error.into()),
        };
        let rev2 = self.rev2;
        let lines = selected.compare(snapshot, rev2);
        for line in lines {
            self.untagged(&line)?;
        }
        Ok(None)
    }

    /// The folder that is selected.
    pub(super) fn selected(&self) -> Option<&Selected> {
        self.selected.as_ref()
    }

    /// Ends a command with the news of the folder; before it nothing may change the numbers.
    pub(super) fn done_with_news(&mut self, what: String) -> Outcome {
        match self.refresh()? {
            None => Ok(Done::Ok(what)),
            Some(gone) => Ok(gone),
        }
    }
}

impl Selected {
    /// Takes over a snapshot; gives the untagged lines that say what is different.
    fn compare(&mut self, snapshot: Snapshot, rev2: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let there = |uid: u32| snapshot.messages.binary_search_by_key(&uid, |message| message.uid);
        let mut removed = 0u32;
        for (number, message) in (1u32..).zip(&self.messages) {
            if there(message.uid).is_err() {
                // Each EXPUNGE moves the numbers behind it down.
                lines.push(format!("{} EXPUNGE", number - removed));
                removed += 1;
            }
        }
        self.messages.retain(|message| there(message.uid).is_ok());
        let known = self.messages.len();
        for (number, old) in (1u32..).zip(&self.messages) {
            let Ok(at) = there(old.uid) else { continue };
            let new = &snapshot.messages[at];
            if new.flags != old.flags {
                lines.push(format!("{number} FETCH (UID {} FLAGS {})", new.uid, self.flags(new, rev2)));
            }
        }
        self.generation = snapshot.generation;
        self.messages = snapshot.messages;
        if self.messages.len() > known {
            lines.push(format!("{} EXISTS", self.messages.len()));
            if !rev2 {
                lines.push(format!("{} RECENT", self.count_recent()));
            }
        }
        lines
    }
}

/// A failure of the store while a message is read is no failure of the line.
pub(super) fn of_file(error: io::Error) -> Trouble {
    Trouble::Store(StoreError::Io(error))
}
