//! One folder of a mailbox: a file a message, and an index that is a log, read to its end before each use.
//!
//! Lines are only ever added to the index, by who holds the lock of the mailbox, so that any number of sessions and
//! processes follow a folder by reading the new lines. A rewritten index is a new file, which readers notice.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fs;
use crate::sandbox::store::StoreError;
use crate::sandbox::store::flags::{Change, Flags};
use crate::sandbox::store::index::{Index, Message};

/// How many messages a folder may hold.
const MAX_MESSAGES: usize = 200_000;
/// An index with more lines than this beyond its messages is rewritten when the folder is opened.
const SPARE_LINES: usize = 1000;
/// The largest piece of an index that is read at once.
const MAX_INDEX: u64 = 256 << 20;

/// A folder that is open, shared by the sessions of one process.
pub(in crate::sandbox) struct Folder {
    dir: PathBuf,
    lock: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    identity: (u64, u64),
    read: u64,
    index: Index,
    /// Grows with every change, so that a session sees whether it missed one.
    generation: u64,
}

/// What a session knows of a folder.
pub(in crate::sandbox) struct Snapshot {
    pub(in crate::sandbox) generation: u64,
    pub(in crate::sandbox) uid_validity: u32,
    pub(in crate::sandbox) uid_next: u32,
    pub(in crate::sandbox) recent_from: u32,
    pub(in crate::sandbox) messages: Vec<Message>,
}

/// Where copies went: the UIDVALIDITY there, and each old UID with its new one.
pub(in crate::sandbox) struct Copied {
    pub(in crate::sandbox) uid_validity: u32,
    pub(in crate::sandbox) pairs: Vec<(u32, u32)>,
}

impl Folder {
    /// Writes the index of an empty folder into a folder of files that is there.
    pub(super) fn lay_out(dir: &Path, uid_validity: u32) -> Result<(), StoreError> {
        Ok(fs::write_private(&dir.join("index"), Index::new(uid_validity).to_text().as_bytes())?)
    }

    /// Opens a folder; `lock` is the lock of its mailbox.
    pub(super) fn open(dir: PathBuf, lock: PathBuf) -> Result<Folder, StoreError> {
        let held = fs::Lock::acquire(&lock)?;
        let mut state = State::load(&dir)?;
        state.adopt(&dir)?;
        if state.index.lines > 2 * state.index.messages.len() + SPARE_LINES {
            fs::write_private(&dir.join("index"), state.index.to_text().as_bytes())?;
            state = State::load(&dir)?;
        }
        drop(held);
        Ok(Folder { dir, lock, state: Mutex::new(state) })
    }

    /// Whether it was removed or renamed.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state().refresh(&self.dir), Err(StoreError::Gone))
    }

    /// The folder as it is now, or nothing if it is as in `known`, the generation of an earlier snapshot.
    pub(in crate::sandbox) fn snapshot(&self, known: Option<u64>) -> Result<Option<Snapshot>, StoreError> {
        let mut state = self.state();
        state.refresh(&self.dir)?;
        if known == Some(state.generation) {
            return Ok(None);
        }
        Ok(Some(Snapshot {
            generation: state.generation,
            uid_validity: state.index.uid_validity,
            uid_next: state.index.uid_next,
            recent_from: state.index.recent_from,
            messages: state.index.messages.clone(),
        }))
    }

    /// The first UID that no session was told of as recent; from now on all are told (RFC 3501, section 2.3.2).
    pub(in crate::sandbox) fn claim_recent(&self) -> Result<u32, StoreError> {
        self.exclusive(|state, dir| {
            let from = state.index.recent_from;
            if from != state.index.uid_next {
                let line = format!("r{}\n", state.index.uid_next);
                state.append(dir, &line, false)?;
            }
            Ok(from)
        })
    }

    /// The octets of a message. They stay readable if it is expunged meanwhile.
    pub(in crate::sandbox) fn message(&self, uid_validity: u32, uid: u32) -> Result<File, StoreError> {
        Ok(fs::open(&file_of(&self.dir, uid_validity, uid))?)
    }

    /// Adds a message that is on disk already, by a second name; gives UIDVALIDITY and UID. Durable when it returns.
    pub(in crate::sandbox) fn add(
        &self,
        source: &Path,
        size: u64,
        flags: &Flags,
        date: i64,
    ) -> Result<(u32, u32), StoreError> {
        self.exclusive(|state, dir| {
            let uid = state.link(dir, source)?;
            fs::sync_dir(dir)?;
            // The file bears its UID: after a power cut that took this line, the folder adopts it when it is opened.
            state.append(dir, &format!("+{uid} {date} {size} {flags}\n"), false)?;
            Ok((state.index.uid_validity, uid))
        })
    }

    /// Changes the flags of the messages that are still there.
    pub(in crate::sandbox) fn change_flags(&self, uids: &[u32], change: Change, by: &Flags) -> Result<(), StoreError> {
        self.exclusive(|state, dir| {
            let mut lines = String::new();
            for message in uids.iter().filter_map(|uid| state.index.message(*uid)) {
                let flags = message.flags.changed(change, by);
                if flags != message.flags {
                    lines.push_str(&format!("={} {flags}\n", message.uid));
                }
            }
            state.append(dir, &lines, true)
        })
    }

    /// Removes the messages marked `\Deleted`, of those that `among` admits.
    pub(in crate::sandbox) fn expunge(&self, among: impl Fn(u32) -> bool) -> Result<(), StoreError> {
        self.exclusive(|state, dir| {
            let marked = |message: &&Message| message.flags.has(Flags::DELETED) && among(message.uid);
            let uids: Vec<u32> = state.index.messages.iter().filter(marked).map(|message| message.uid).collect();
            state.remove(dir, &uids)
        })
    }

    /// Copies messages to a folder of the same mailbox, or moves them there; those no longer there are left out.
    pub(in crate::sandbox) fn copy_to(&self, uids: &[u32], to: &Folder, leave: bool) -> Result<Copied, StoreError> {
        let _held = fs::Lock::acquire(&self.lock)?;
        let messages: Vec<Message> = {
            let mut state = self.state();
            state.refresh(&self.dir)?;
            uids.iter().filter_map(|uid| state.index.message(*uid)).cloned().collect()
        };
        let from_validity = self.state().index.uid_validity;
        let copied = to.receive(&self.dir, from_validity, &messages)?;
        if leave {
            let gone: Vec<u32> = messages.iter().map(|message| message.uid).collect();
            self.state().remove(&self.dir, &gone)?;
        }
        Ok(copied)
    }

    /// The second half of a copy; the lock of the mailbox is held.
    fn receive(&self, from: &Path, from_validity: u32, messages: &[Message]) -> Result<Copied, StoreError> {
        let mut state = self.state();
        state.refresh(&self.dir)?;
        let mut pairs = Vec::with_capacity(messages.len());
        let mut lines = String::new();
        for message in messages {
            let mut uid = state.index.uid_next.max(pairs.last().map_or(0, |(_, last)| last + 1));
            let source = file_of(from, from_validity, message.uid);
            uid = state.link_from(&self.dir, &source, uid, pairs.len())?;
            pairs.push((message.uid, uid));
            lines.push_str(&format!("+{uid} {} {} {}\n", message.date, message.size, message.flags));
        }
        fs::sync_dir(&self.dir)?;
        state.append(&self.dir, &lines, true)?;
        Ok(Copied { uid_validity: state.index.uid_validity, pairs })
    }

    /// Gives the folder a new UIDVALIDITY and numbers its messages from 1, as a server does that lost its index.
    pub(in crate::sandbox) fn renumber(
        &self,
        uid_validity: impl FnOnce() -> Result<u32, StoreError>,
    ) -> Result<(), StoreError> {
        self.exclusive(|state, dir| {
            let mut renumbered = Index::new(uid_validity()?);
            for (uid, message) in (1..).zip(&state.index.messages) {
                let old = file_of(dir, state.index.uid_validity, message.uid);
                fs::link(&old, &file_of(dir, renumbered.uid_validity, uid))?;
                renumbered.push(Message { uid, ..message.clone() });
            }
            let old: Vec<PathBuf> =
                state.index.messages.iter().map(|m| file_of(dir, state.index.uid_validity, m.uid)).collect();
            fs::write_private(&dir.join("index"), renumbered.to_text().as_bytes())?;
            for path in old {
                fs::remove(&path)?;
            }
            state.refresh(dir)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each deed on the state is complete on disk or not begun, and the next refresh reads what is there.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive<T>(&self, deed: impl FnOnce(&mut State, &Path) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _held = fs::Lock::acquire(&self.lock)?;
        let mut state = self.state();
        state.refresh(&self.dir)?;
        deed(&mut state, &self.dir)
    }
}

/// The name bears both numbers, so that the two sets of a renumbered folder can stand beside each other.
fn file_of(dir: &Path, uid_validity: u32, uid: u32) -> PathBuf {
    dir.join(format!("{uid_validity}-{uid}.eml"))
}

impl State {
    fn load(dir: &Path) -> Result<State, StoreError> {
        let path = dir.join("index");
        if !fs::exists(&path) {
            return Err(StoreError::Gone);
        }
        let file = fs::open_append(&path)?;
        let metadata = file.metadata()?;
        let mut state =
            State { identity: (metadata.dev(), metadata.ino()), file, read: 0, index: Index::default(), generation: 0 };
        state.read_tail()?;
        if state.index.uid_validity == 0 { Err(StoreError::Damaged) } else { Ok(state) }
    }

    /// Reads what others wrote since the last time.
    fn refresh(&mut self, dir: &Path) -> Result<(), StoreError> {
        // The file that is held open keeps its inode from being given to another.
        let metadata = match dir.join("index").metadata() {
            Ok(metadata) => metadata,
            Err(_) => return Err(StoreError::Gone),
        };
        if (metadata.dev(), metadata.ino()) != self.identity {
            let generation = self.generation + 1;
            *self = State { generation, ..State::load(dir)? };
        } else if metadata.len() > self.read {
            self.read_tail()?;
        }
        Ok(())
    }

    fn read_tail(&mut self) -> Result<(), StoreError> {
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut tail = String::new();
        // A line that is being written ends outside what is read here, and comes with the next reading.
        (&self.file).take(MAX_INDEX).read_to_string(&mut tail).map_err(|_| StoreError::Damaged)?;
        let whole = tail.rfind('\n').map_or(0, |end| end + 1);
        self.index.apply(&tail[..whole]).ok_or(StoreError::Damaged)?;
        self.read += whole as u64;
        if whole > 0 {
            self.generation += 1;
        }
        Ok(())
    }

    /// Adds lines; the lock is held and the state is fresh.
    fn append(&mut self, dir: &Path, lines: &str, durable: bool) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.file.metadata()?.len() > self.read {
            // A writer was killed in the middle of a line.
            self.file.set_len(self.read)?;
        }
        self.file.write_all(lines.as_bytes())?;
        if durable {
            self.file.sync_data()?;
        }
        self.refresh(dir)
    }

    /// Gives a file the name of the next message, and the UID of that name.
    fn link(&mut self, dir: &Path, source: &Path) -> Result<u32, StoreError> {
        self.link_from(dir, source, self.index.uid_next, 0)
    }

    fn link_from(&self, dir: &Path, source: &Path, first: u32, pending: usize) -> Result<u32, StoreError> {
        if self.index.messages.len() + pending >= MAX_MESSAGES {
            return Err(StoreError::Full);
        }
        let mut uid = first;
        loop {
            match fs::link(source, &file_of(dir, self.index.uid_validity, uid)) {
                Ok(()) => return Ok(uid),
                // Left by a process that was killed before it wrote the line; nobody was told of it.
                Err(fs::FsError::Exists { .. }) => uid = uid.checked_add(1).ok_or(StoreError::Full)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes in the messages whose line in the index was lost.
    fn adopt(&mut self, dir: &Path) -> Result<(), StoreError> {
        loop {
            let uid = self.index.uid_next;
            let Ok(metadata) = file_of(dir, self.index.uid_validity, uid).metadata() else { return Ok(()) };
            self.append(dir, &format!("+{uid} {} {} \n", metadata.mtime(), metadata.len()), true)?;
        }
    }

    fn remove(&mut self, dir: &Path, uids: &[u32]) -> Result<(), StoreError> {
        let uid_validity = self.index.uid_validity;
        let lines: String = uids.iter().map(|uid| format!("-{uid}\n")).collect();
        self.append(dir, &lines, true)?;
        for uid in uids {
            fs::remove(&file_of(dir, uid_validity, *uid))?;
        }
        Ok(())
    }
}
