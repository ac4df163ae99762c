//! The operator's mail on disk: a mailbox an address, kept between runs, safe with several processes at once.
//!
//! ```text
//! mail/spool/                          messages that are coming in
//! mail/<address>/lock                  held while anything of the mailbox is changed
//! mail/<address>/validity              the last UIDVALIDITY that was given out
//! mail/<address>/folders/<name>/index  the numbers and flags, as a log
//! mail/<address>/folders/<name>/*.eml  the messages as they came
//! ```
//!
//! What was relayed to addresses elsewhere stands beside them, as if each had a mailbox here.

mod flags;
mod folder;
mod index;
mod names;

pub(in crate::sandbox) use flags::{Change, Flags};
pub(in crate::sandbox) use folder::{Copied, Folder, Snapshot};
pub(in crate::sandbox) use index::Message;
pub(in crate::sandbox) use names::{DELIMITER, INBOX, fold_inbox};

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::fs::{self, FsError};
use crate::mail::Address;
use names::{decode, encode};

/// How many folders a mailbox may have.
const MAX_FOLDERS: usize = 500;

/// The folders every mailbox has without asking, and what each is for (RFC 6154).
pub(in crate::sandbox) const STANDING: [(&str, &str); 4] =
    [(INBOX, ""), ("Archive", "\\Archive"), ("Sent", "\\Sent"), ("Trash", "\\Trash")];

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::sandbox) enum StoreError {
    #[error("no such folder")]
    NoFolder,
    #[error("the folder is there already")]
    Exists,
    #[error("a folder cannot have this name")]
    Name,
    #[error("the folder has folders below it")]
    HasChildren,
    #[error("this folder stays")]
    Standing,
    #[error("the folder was removed or renamed meanwhile")]
    Gone,
    #[error("there is no room for more")]
    Full,
    #[error("the index of the folder is damaged")]
    Damaged,
    #[error("the store failed")]
    Files(#[from] FsError),
    #[error("the store failed")]
    Io(#[from] io::Error),
}

/// All mailboxes of one operator.
pub(in crate::sandbox) struct Store {
    dir: PathBuf,
    clock: Clock,
    open: Mutex<HashMap<PathBuf, Arc<Folder>>>,
}

impl Store {
    /// Opens the store in a folder, and sweeps what killed processes left in its spool.
    pub(in crate::sandbox) fn open(dir: PathBuf, clock: Clock) -> Result<Store, FsError> {
        let spool = dir.join("spool");
        fs::private_dir(&dir)?;
        fs::private_dir(&spool)?;
        fs::sweep_staged(&spool, clock.now())?;
        Ok(Store { dir, clock, open: Mutex::default() })
    }

    /// A file for a message that is coming in.
    pub(in crate::sandbox) fn incoming(&self) -> Result<fs::Staged, StoreError> {
        Ok(fs::Staged::new(&self.dir.join("spool"))?)
    }

    /// Puts one copy in the INBOX of each recipient; every copy is on disk when it returns.
    pub(in crate::sandbox) fn deliver(
        &self,
        message: &mut fs::Staged,
        size: u64,
        recipients: &[Address],
    ) -> Result<(), StoreError> {
        message.file().sync_all()?;
        for recipient in recipients {
            let inbox = self.mailbox(recipient)?.folder(INBOX)?;
            inbox.add(message.path(), size, &Flags::default(), self.clock.now().as_second())?;
        }
        Ok(())
    }

    /// Puts a copy in the folder for sent mail of its sender, as seen.
    pub(in crate::sandbox) fn file_sent(
        &self,
        message: &fs::Staged,
        size: u64,
        sender: &Address,
    ) -> Result<(), StoreError> {
        let sent = self.mailbox(sender)?.folder("Sent")?;
        sent.add(message.path(), size, &Flags::of(Flags::SEEN), self.clock.now().as_second())?;
        Ok(())
    }

    /// The mailbox of an address, made if it is new.
    pub(in crate::sandbox) fn mailbox(&self, address: &Address) -> Result<Mailbox<'_>, StoreError> {
        let dir = self.dir.join(address.key().replace('/', "%2F"));
        let folders = dir.join("folders");
        if !fs::exists(&folders) {
            fs::private_dir(&folders)?;
            fs::sync_dir(&dir)?;
            fs::sync_dir(&self.dir)?;
        }
        Ok(Mailbox { store: self, dir })
    }
}

/// One mailbox and its folders.
pub(in crate::sandbox) struct Mailbox<'a> {
    store: &'a Store,
    dir: PathBuf,
}

/// What LIST tells of a folder.
pub(in crate::sandbox) struct Listed {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) subscribed: bool,
}

impl Mailbox<'_> {
    fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    fn place(&self, name: &str) -> Result<PathBuf, StoreError> {
        encode(name).map(|name| self.dir.join("folders").join(name)).ok_or(StoreError::Name)
    }

    /// Opens a folder.
    pub(in crate::sandbox) fn folder(&self, name: &str) -> Result<Arc<Folder>, StoreError> {
        let name = fold_inbox(name);
        let place = self.place(name)?;
        let mut open = self.store.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = open.get(&place) {
            if !folder.is_gone() {
                return Ok(Arc::clone(folder));
            }
            open.remove(&place);
        }
        if !fs::exists(&place) {
            if !is_standing(name) {
                return Err(StoreError::NoFolder);
            }
            let _held = fs::Lock::acquire(&self.lock())?;
            if !fs::exists(&place) {
                self.lay_out(&place)?;
            }
        }
        let folder = Arc::new(Folder::open(place.clone(), self.lock())?);
        open.insert(place, Arc::clone(&folder));
        Ok(folder)
    }

    /// Makes a folder, and those above it.
    pub(in crate::sandbox) fn create(&self, name: &str) -> Result<u32, StoreError> {
        let name = name.strip_suffix(DELIMITER).unwrap_or(name);
        let place = self.place(name)?;
        let known = self.list()?;
        if known.iter().any(|listed| listed.name == fold_inbox(name)) {
            return Err(StoreError::Exists);
        }
        if known.len() + name.matches(DELIMITER).count() >= MAX_FOLDERS {
            return Err(StoreError::Full);
        }
        let _held = fs::Lock::acquire(&self.lock())?;
        for (end, _) in name.match_indices(DELIMITER) {
            let above = self.place(&name[..end])?;
            if !fs::exists(&above) {
                self.lay_out(&above)?;
            }
        }
        if fs::exists(&place) { Err(StoreError::Exists) } else { self.lay_out(&place) }
    }

    /// Removes a folder and the messages in it.
    pub(in crate::sandbox) fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = fold_inbox(name);
        if is_standing(name) {
            return Err(StoreError::Standing);
        }
        let place = self.existing(name)?;
        if self.list()?.iter().any(|listed| is_below(&listed.name, name)) {
            return Err(StoreError::HasChildren);
        }
        self.forget(&place);
        let _held = fs::Lock::acquire(&self.lock())?;
        Ok(fs::remove_dir(&place)?)
    }

    /// Gives a folder, and those below it, another name.
    pub(in crate::sandbox) fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let (from, to) = (fold_inbox(from), fold_inbox(to));
        if is_standing(from) {
            return Err(StoreError::Standing);
        }
        self.existing(from)?;
        let known = self.list()?;
        if known.iter().any(|listed| listed.name == to) || is_below(to, from) {
            return Err(StoreError::Exists);
        }
        let moved: Vec<_> = known.iter().filter(|known| known.name == from || is_below(&known.name, from)).collect();
        for listed in &moved {
            self.forget(&self.place(&listed.name)?);
        }
        let _held = fs::Lock::acquire(&self.lock())?;
        for listed in moved {
            let place = self.place(&listed.name)?;
            fs::rename(&place, &self.place(&format!("{to}{}", &listed.name[from.len()..]))?)?;
        }
        Ok(fs::sync_dir(&self.dir.join("folders"))?)
    }

    /// Every folder, INBOX first.
    pub(in crate::sandbox) fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let mut names: Vec<String> =
            fs::entries(&self.dir.join("folders"))?.iter().filter_map(|name| decode(name)).collect();
        names.extend(STANDING.iter().map(|(name, _)| (*name).to_owned()));
        names.sort_by_key(|name| (name != INBOX, name.clone()));
        names.dedup();
        names.into_iter().map(|name| Ok(Listed { subscribed: self.is_subscribed(&name)?, name })).collect()
    }

    /// Marks a folder as one to show, or not; every folder is shown until somebody says otherwise.
    pub(in crate::sandbox) fn subscribe(&self, name: &str, subscribed: bool) -> Result<(), StoreError> {
        let place = self.existing(fold_inbox(name))?;
        let mark = place.join("unsubscribed");
        Ok(if subscribed { fs::remove(&mark) } else { fs::write_private(&mark, b"") }?)
    }

    fn is_subscribed(&self, name: &str) -> Result<bool, StoreError> {
        Ok(!fs::exists(&self.place(name)?.join("unsubscribed")))
    }

    /// A number greater than any UIDVALIDITY of this mailbox (RFC 9051, section 2.3.1.1); the lock is held.
    pub(in crate::sandbox) fn next_uid_validity(&self) -> Result<u32, StoreError> {
        let path = self.dir.join("validity");
        let last: u32 = if fs::exists(&path) {
            let text = fs::read_private(&path, 16)?;
            std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).ok_or(StoreError::Damaged)?
        } else {
            0
        };
        let now = u32::try_from(self.store.clock.unix_seconds()).unwrap_or(u32::MAX - 1);
        let next = now.max(last.checked_add(1).ok_or(StoreError::Full)?);
        fs::write_private(&path, next.to_string().as_bytes())?;
        Ok(next)
    }

    /// The place of a folder that is there; a standing one is laid out now.
    fn existing(&self, name: &str) -> Result<PathBuf, StoreError> {
        self.folder(name)?;
        self.place(name)
    }

    fn lay_out(&self, place: &Path) -> Result<u32, StoreError> {
        let staged = fs::StagedDir::new(&self.dir.join("folders"))?;
        let uid_validity = self.next_uid_validity()?;
        Folder::lay_out(staged.path(), uid_validity)?;
        staged.publish_new(place)?;
        Ok(uid_validity)
    }

    /// Closes a folder that changes its place. Never called with the lock held: who opens a folder waits for the lock.
    fn forget(&self, place: &Path) {
        self.store.open.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
    }
}

fn is_standing(name: &str) -> bool {
    STANDING.iter().any(|(standing, _)| *standing == name)
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.starts_with(DELIMITER))
}

#[cfg(test)]
mod tests;
