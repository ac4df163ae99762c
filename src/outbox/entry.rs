//! What the outbox knows of a message, as values.

use std::fmt;
use std::num::ParseIntError;
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
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Id, Self::Err> {
        text.parse().map(Id)
    }
}

/// The number of one copy of a message: what is submitted in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyId(pub(super) i64);

impl fmt::Display for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How a copy stands, or one of its recipients.
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
    /// A delivery notice says that it is in the mailbox.
    Delivered,
    /// A disposition notice says that it was displayed.
    Read,
    /// A notice says that it did not arrive, or was refused by a rule of its recipient.
    Bounced,
    /// The server said later until it was too late.
    Expired,
    /// The user took it back.
    Cancelled,
}

impl State {
    /// Every state; of the recipients of a copy, the first one here is that of the copy: what needs attention first.
    pub const ALL: [State; 12] = [
        State::Committing,
        State::Submitting,
        State::Unknown,
        State::Queued,
        State::Deferred,
        State::Accepted,
        State::Delivered,
        State::Read,
        State::Bounced,
        State::Expired,
        State::Refused,
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
            State::Delivered => "delivered",
            State::Read => "read",
            State::Bounced => "bounced",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more will be done for it here.
    pub fn is_final(self) -> bool {
        !matches!(self, State::Queued | State::Submitting | State::Committing | State::Deferred | State::Unknown)
    }

    /// Whether a later try may still reach this recipient.
    pub fn is_pending(self) -> bool {
        matches!(self, State::Queued | State::Deferred)
    }

    /// Whether the recipient got it, will get it or may have got it: the same message is not sent to them once more unasked.
    pub fn is_served(self) -> bool {
        !matches!(self, State::Refused | State::Cancelled | State::Expired | State::Bounced)
    }

    /// Whether it came to nothing.
    pub fn is_failed(self) -> bool {
        matches!(self, State::Refused | State::Bounced | State::Expired)
    }
}

/// The state of a copy, from those of its recipients.
pub(super) fn summary(recipients: &[State]) -> State {
    State::ALL.into_iter().find(|state| recipients.contains(state)).unwrap_or(State::Cancelled)
}

/// One recipient of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientEntry {
    /// Who.
    pub address: Address,
    /// How it stands for this recipient.
    pub state: State,
    /// When that state was reached.
    pub changed_at: Timestamp,
    /// The last answer of a server for this recipient.
    pub answer: Option<String>,
    /// The server's name for the message it took.
    pub queue_id: Option<String>,
}

/// One copy of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its message.
    pub id: Id,
    /// Its own number.
    pub copy: CopyId,
    /// What the caller calls the message, where a name was given.
    pub key: Option<String>,
    /// How it stands.
    pub state: State,
    /// Sender and all recipients.
    pub envelope: Envelope,
    /// The Message-ID, the same for all copies and on every try.
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
    /// Whether the server was asked, and promised, to tell of the delivery (RFC 3461).
    pub notified: bool,
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

/// One change of state, as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The recipient it is about; none where it is about the copy.
    pub recipient: Option<Address>,
    /// What state was reached.
    pub state: State,
    /// What was said, by a server, a notice or a person.
    pub answer: Option<String>,
    /// The server's name for the message it took.
    pub queue_id: Option<String>,
}

/// What the server said for a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the message.
    Accepted {
        queue_id: Option<String>,
        /// It promised to tell of the delivery (RFC 3461).
        notified: bool,
    },
    /// Later; not before this moment.
    Deferred { until: Timestamp },
    /// No.
    Refused,
    /// Later, until it was too late: it is not tried again.
    Expired,
    /// Nothing was heard behind the point of no return.
    Unknown,
}

impl Outcome {
    pub(super) fn state(&self) -> State {
        match self {
            Outcome::Accepted { .. } => State::Accepted,
            Outcome::Deferred { .. } => State::Deferred,
            Outcome::Refused => State::Refused,
            Outcome::Expired => State::Expired,
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
