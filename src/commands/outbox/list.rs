//! `outbox list` and `outbox show`: what is in the outbox, and what happened to it.

use std::io;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Line, lines, number, shown};
use crate::commands::account::Account;
use crate::commands::error::Error;
use crate::outbox::{CopyId, Entry, Event, Outbox, RecipientEntry, State, is_superseded};

/// Which recipients of which messages are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// Those of messages that are not settled.
    Open,
    /// Those in one state.
    State(State),
    /// Those whom a message did not reach, may not have reached, or has not reached after so long.
    Undelivered(SignedDuration),
}

impl Selection {
    /// The states of recipients that have to be looked at.
    fn states(self) -> Vec<State> {
        let all = State::ALL.into_iter();
        match self {
            Selection::All | Selection::State(State::Submitting | State::Committing) => all.collect(),
            Selection::Open => all.filter(|state| !state.is_final()).collect(),
            Selection::State(state) => vec![state],
            Selection::Undelivered(_) => {
                all.filter(|state| !matches!(state, State::Delivered | State::Read | State::Cancelled)).collect()
            }
        }
    }
}

/// The messages, oldest first; how many recipients were told of.
pub fn list(
    account: &Account<'_>,
    selection: Selection,
    tell: &mut dyn FnMut(&Line) -> io::Result<()>,
) -> Result<u64, Error> {
    let (outbox, now) = (account.outbox()?, account.world.clock.now());
    let mut count = 0;
    for entry in outbox.list_of(&selection.states()) {
        let entry = entry?;
        for (recipient, line) in entry.recipients.iter().zip(lines(&entry)) {
            let chosen = match selection {
                Selection::All => true,
                Selection::Open => !entry.state.is_final(),
                Selection::State(state) => shown(entry.state, recipient.state) == state,
                Selection::Undelivered(after) => is_undelivered(&outbox, &entry, recipient, now, after)?,
            };
            if chosen {
                count += 1;
                tell(&line).map_err(|source| Error::Answer { source })?;
            }
        }
    }
    Ok(count)
}

/// Whether somebody should look at what became of a message for one recipient: it failed, nobody knows, or it took too long.
fn is_undelivered(
    outbox: &Outbox,
    entry: &Entry,
    recipient: &RecipientEntry,
    now: Timestamp,
    after: SignedDuration,
) -> Result<bool, Error> {
    let late = |since: Timestamp| now.duration_since(since) >= after;
    Ok(match recipient.state {
        State::Unknown => true,
        State::Refused | State::Bounced | State::Expired => {
            !is_superseded(&outbox.entries(entry.id)?, entry.copy, &recipient.address)
        }
        State::Queued | State::Submitting | State::Committing | State::Deferred => late(entry.queued_at),
        State::Accepted => entry.notified && late(recipient.changed_at),
        State::Delivered | State::Read | State::Cancelled => false,
    })
}

/// One change of state of a message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventLine {
    pub schema: &'static str,
    /// The number of the message in the outbox.
    pub id: String,
    /// The number of the copy: recipients who see each other share one.
    pub copy: String,
    pub at: Timestamp,
    /// Absent where it is about the copy as a whole.
    pub recipient: Option<String>,
    /// The state that was reached.
    pub state: &'static str,
    /// What was said, by a server, a notice or a person.
    pub answer: Option<String>,
    /// The server's name for the message.
    pub queue_id: Option<String>,
}

/// A message: how it stands for each recipient, and everything that happened to it.
pub struct Shown {
    /// One for each recipient of each copy.
    pub lines: Vec<Line>,
    /// Oldest first.
    pub events: Vec<EventLine>,
}

/// All that is known of one message.
pub fn show(account: &Account<'_>, id: &str) -> Result<Shown, Error> {
    let (outbox, id) = (account.outbox()?, number(id)?);
    let lines = outbox.entries(id)?.iter().flat_map(lines).collect();
    let event = |copy: CopyId, event: Event| EventLine {
        schema: "mss.outbox-event/1",
        id: id.to_string(),
        copy: copy.to_string(),
        at: event.at,
        recipient: event.recipient.map(|address| address.to_string()),
        state: event.state.word(),
        answer: event.answer,
        queue_id: event.queue_id,
    };
    let copies = outbox.history(id)?.into_iter();
    let mut events: Vec<EventLine> =
        copies.flat_map(|(copy, events)| events.into_iter().map(move |it| event(copy, it))).collect();
    events.sort_by_key(|event| event.at);
    Ok(Shown { lines, events })
}
