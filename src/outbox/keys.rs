//! The keys of an outbox, below the storage key of its profile: one for each kind of thing, derived once.

use crate::secret::SealingKey;

use super::rows::Place;

/// What is looked up by a digest that says nothing to who does not hold the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Whose outbox it is.
    StorageKey,
    /// What the caller knows a message by.
    Key,
    /// What a message says, and to whom.
    Content,
    /// The Message-ID.
    MessageId,
    /// A message whose key was given to another one.
    Replaced,
}

impl Lookup {
    const ALL: [Lookup; 5] = [Lookup::StorageKey, Lookup::Key, Lookup::Content, Lookup::MessageId, Lookup::Replaced];

    fn context(self) -> &'static [u8] {
        match self {
            Lookup::StorageKey => b"storage key",
            Lookup::Key => b"key",
            Lookup::Content => b"content",
            Lookup::MessageId => b"Message-ID",
            Lookup::Replaced => b"replaced",
        }
    }
}

/// The keys of one outbox.
pub(super) struct Keys {
    files: SealingKey,
    rows: SealingKey,
    events: SealingKey,
    digests: [SealingKey; Lookup::ALL.len()],
}

impl Keys {
    /// Derives them from the storage key of a profile.
    pub(super) fn new(storage: &SealingKey) -> Keys {
        let key = storage.derive(b"outbox");
        let digests = key.derive(b"outbox digest");
        Keys {
            files: key.derive(b"outbox file"),
            rows: key.derive(b"outbox message"),
            events: key.derive(b"outbox event"),
            digests: Lookup::ALL.map(|what| digests.derive(what.context())),
        }
    }

    /// The digest that something is found by.
    pub(super) fn digest(&self, what: Lookup, value: &[u8]) -> [u8; 32] {
        self.digests[what as usize].keyed_digest(value)
    }

    /// The key of the octets at a place.
    pub(super) fn octets(&self, place: &Place) -> SealingKey {
        self.files.derive(&place.context())
    }

    /// The key of what is sealed of the copy whose octets are at a place.
    pub(super) fn row(&self, place: &Place) -> SealingKey {
        self.rows.derive(&place.context())
    }

    /// The key of what was said in one change of state.
    pub(super) fn event(&self, salt: &[u8]) -> SealingKey {
        self.events.derive(salt)
    }
}
