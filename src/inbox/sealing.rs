//! What makes the rows of the journal unreadable, and keeps each in its place.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::secret::{SealingKey, Unsealable};

pub(super) const SALT: usize = 16;

/// What a row says beside the place: it is stored in clear or as a digest, and authenticated with the place.
pub(super) struct Taken {
    pub(super) folder: [u8; 32],
    pub(super) uid_validity: u32,
    pub(super) uid: u32,
    pub(super) message: [u8; 32],
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(super) at: i64,
    pub(super) quarantined: bool,
}

impl Taken {
    /// All fields in a fixed width, so that no two rows give the same octets.
    fn octets(&self) -> Vec<u8> {
        let (validity, uid, at) = (self.uid_validity.to_be_bytes(), self.uid.to_be_bytes(), self.at.to_be_bytes());
        [&self.folder[..], &validity, &uid, &self.message, &at, &[u8::from(self.quarantined)]].concat()
    }
}

/// The keys of the journal below the storage key, one for each purpose.
pub(super) struct Keys {
    folders: SealingKey,
    messages: SealingKey,
    places: SealingKey,
    check: SealingKey,
}

impl Keys {
    pub(super) fn new(storage: &SealingKey) -> Keys {
        let journal = storage.derive(b"inbox");
        Keys {
            folders: journal.derive(b"folders"),
            messages: journal.derive(b"messages"),
            places: journal.derive(b"places"),
            check: journal.derive(b"check"),
        }
    }

    /// A folder by its name; INBOX is the same in any case (RFC 9051, section 5.1).
    pub(super) fn folder(&self, name: &str) -> [u8; 32] {
        let name = if name.eq_ignore_ascii_case("INBOX") { "INBOX" } else { name };
        self.folders.keyed_digest(name.as_bytes())
    }

    pub(super) fn message(&self, raw_sha256: &[u8; 32]) -> [u8; 32] {
        self.messages.keyed_digest(raw_sha256)
    }

    /// By this the storage key is known again.
    pub(super) fn check(&self) -> [u8; 32] {
        self.check.keyed_digest(b"")
    }

    /// Seals the place of a new row under a key of its own. A row number would not do for a nonce: it comes again after
    /// an undone change, or when the file is put back from a copy.
    pub(super) fn seal(&self, taken: &Taken, place: &Path) -> ([u8; SALT], Vec<u8>) {
        let mut salt = [0; SALT];
        aws_lc_rs::rand::fill(&mut salt).expect("the system gives randomness");
        let sealed = self.places.derive(&salt).seal(0, &taken.octets(), place.as_os_str().as_bytes());
        (salt, sealed)
    }

    pub(super) fn open(&self, taken: &Taken, salt: &[u8; SALT], sealed: &[u8]) -> Result<PathBuf, Unsealable> {
        let place = self.places.derive(salt).open(0, &taken.octets(), sealed)?;
        Ok(PathBuf::from(OsString::from_vec(place)))
    }
}
