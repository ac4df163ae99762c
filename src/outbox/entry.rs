//! What the outbox knows of a message, as values.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::mail::{Address, Envelope, MessageId};

/// The number of a message in its outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(super) i64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Id {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Id, Self::Err> {
        text.parse().map(Id)
    }
}

/// How a message stands, or one of its recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits.
    Queued,
    /// A process is handing it over, and can still stop.
    Submitting,
    /// A process is past the point of no return.
    Committing,
    /// The server took it.
    Accepted,
    /// The server said: later.
    Deferred,
    /// The server said no.
    Refused,
    /// The line broke behind the point of no return: never sent again by itself.
    Unknown,
    /// The user took it back.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [State; 8] = [
        State::Queued,
        State::Submitting,
        State::Committing,
        State::Accepted,
        State::Deferred,
        State::Refused,
        State::Unknown,
        State::Cancelled,
    ];

    /// The word for it, also the one in the journal.
    pub fn word(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Submitting => "submitting",
            State::Committing => "committing",
            State::Accepted => "accepted",
            State::Deferred => "deferred",
            State::Refused => "refused",
            State::Unknown => "unknown",
            State::Cancelled => "cancelled",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more will happen to it.
    pub fn is_final(self) -> bool {
        matches!(self, State::Accepted | State::Refused | State::Cancelled)
    }

    /// Whether a later try may still reach this recipient.
    pub(super) fn is_pending(self) -> bool {
        matches!(self, State::Queued | State::Deferred)
    }
}

/// A message on its way into the outbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewMessage<'a> {
    /// What makes it this message and no other: the same key enters once.
    pub key: &'a [u8; 32],
    /// Sender and recipients.
    pub envelope: &'a Envelope,
    /// Its Message-ID, the same on every try.
    pub message_id: &'a MessageId,
    /// How it is protected: `smime`, `package` or `transport`.
    pub protection: &'a str,
    /// The content encryption, where it is encrypted to certificates.
    pub cipher: Option<&'a str>,
    /// Its size in octets.
    pub size: u64,
}

/// What became of an attempt to queue a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the outbox, on disk.
    New(Id),
    /// A message with this key was there before.
    Known(Id, State),
}

/// One recipient of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientEntry {
    /// Who.
    pub address: Address,
    /// How it stands for this recipient.
    pub state: State,
    /// The last answer of the server for this recipient.
    pub answer: Option<String>,
    /// The server's name for the message it took.
    pub queue_id: Option<String>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: Id,
    /// How it stands.
    pub state: State,
    /// Sender and all recipients.
    pub envelope: Envelope,
    /// Its Message-ID.
    pub message_id: MessageId,
    /// How it is protected.
    pub protection: String,
    /// The content encryption, where it is encrypted to certificates.
    pub cipher: Option<String>,
    /// Its size in octets.
    pub size: u64,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// Not before this moment, where it is deferred.
    pub until: Option<Timestamp>,
    /// How many times it was handed to a server.
    pub attempts: u32,
    /// How it stands for each recipient, in the order of the envelope.
    pub recipients: Vec<RecipientEntry>,
}

impl Entry {
    /// The envelope of the next try: those recipients that may still be reached.
    pub fn pending(&self) -> Envelope {
        let waiting = self.recipients.iter().filter(|recipient| recipient.state.is_pending());
        Envelope {
            sender: self.envelope.sender.clone(),
            recipients: waiting.map(|recipient| recipient.address.clone()).collect(),
        }
    }
}

/// What the server said for a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the message.
    Accepted { queue_id: Option<String> },
    /// Later; not before this moment.
    Deferred { until: Timestamp },
    /// No.
    Refused,
    /// Nothing was heard behind the point of no return.
    Unknown,
}

impl Outcome {
    pub(super) fn state(&self) -> State {
        match self {
            Outcome::Accepted { .. } => State::Accepted,
            Outcome::Deferred { .. } => State::Deferred,
            Outcome::Refused => State::Refused,
            Outcome::Unknown => State::Unknown,
        }
    }
}

/// The outcome for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Who.
    pub address: Address,
    /// What the server said.
    pub outcome: Outcome,
    /// Its words.
    pub answer: String,
}

/// How an unknown message is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The server took it.
    Delivered,
    /// The server did not: it is queued again, the same octets under the same Message-ID.
    Lost,
}
