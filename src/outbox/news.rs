//! What notices say of a message that was sent: delivered, read, bounced (RFC 3464, RFC 8098).

use crate::mail::{Address, MessageId};

use super::OutboxError;
use super::entry::{Id, State, summary};
use super::keys::Lookup;
use super::rows::{self, Words};
use super::store::Outbox;

/// No words of a notice are kept longer, in characters.
const WORDS: usize = 512;

/// What a notice says of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It is in the mailbox.
    Delivered,
    /// It went on to a server that tells nothing of deliveries, or to a list.
    Relayed,
    /// It waits at some server on the way.
    Delayed,
    /// It was displayed.
    Read,
    /// It did not arrive, or was refused by a rule of the recipient.
    Failed,
    /// The recipient's program could not do what it should have done with it.
    Trouble,
}

/// A recipient that a notice was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The message.
    pub id: Id,
    /// The recipient, as the message was sent to them.
    pub recipient: Address,
    /// How it stood.
    pub before: State,
    /// How it stands now.
    pub state: State,
}

impl State {
    /// The state after some news. A failure is kept over a delivery, which a forwarded message may have both of; that it was
    /// read is kept over everything.
    fn after(self, news: News) -> State {
        match (self, news) {
            (State::Read, _) | (_, News::Read) => State::Read,
            (_, News::Failed) => State::Bounced,
            (State::Bounced, _) => State::Bounced,
            (_, News::Delivered) => State::Delivered,
            (State::Delivered, News::Relayed | News::Delayed | News::Trouble) => State::Delivered,
            // Whoever says this has the message: it is not handed over once more.
            (_, News::Relayed | News::Delayed | News::Trouble) => State::Accepted,
        }
    }
}

impl Outbox {
    /// Writes down what a notice says; nothing where it is about no message of this outbox. `recipient` is whoever the notice
    /// names, by every name it gives; one that names nobody, or nobody known, is about the only recipient, if there is one.
    pub fn note(
        &self,
        message_id: &MessageId,
        recipient: &[Address],
        news: News,
        words: &str,
    ) -> Result<Vec<Noted>, OutboxError> {
        self.change(|transaction| {
            let now = self.clock.now();
            let digest = self.keys().digest(Lookup::MessageId, message_id.as_str().as_bytes());
            let mut all = Vec::new();
            for id in rows::by_message_id(transaction, &digest)? {
                for row in rows::copies(transaction, id)? {
                    let entry = rows::entry(transaction, self.keys(), &row)?;
                    all.extend(entry.recipients.into_iter().enumerate().map(|(place, one)| (id, row.id, place, one)));
                }
            }
            let named = |address: &Address| recipient.iter().any(|named| named.key() == address.key());
            let mut about: Vec<_> = all.iter().filter(|(.., one)| named(&one.address)).collect();
            if about.is_empty() && all.len() == 1 {
                about = all.iter().collect();
            }
            let words = Words { answer: Some(words.chars().take(WORDS).collect()), queue_id: None };
            let mut noted = Vec::new();
            for (id, copy, place, one) in about {
                let state = one.state.after(news);
                if state != one.state {
                    rows::set_recipient(transaction, *copy, *place, state, now)?;
                }
                if state != one.state || one.answer != words.answer {
                    rows::event(transaction, self.keys(), *copy, Some(*place), state, now, Some(&words))?;
                }
                if news == News::Relayed {
                    // Nothing more will be told.
                    transaction.prepare_cached("UPDATE copy SET notified = 0 WHERE id = ?1")?.execute([copy.0])?;
                }
                let row = self.row(transaction, *copy)?;
                if state != one.state && !matches!(row.state, State::Submitting | State::Committing) {
                    let summary = summary(&rows::recipient_states(transaction, *copy)?);
                    let until = row.until.filter(|_| summary == State::Deferred);
                    rows::set_state(transaction, *copy, summary, until, now)?;
                }
                noted.push(Noted { id: *id, recipient: one.address.clone(), before: one.state, state });
            }
            Ok(noted)
        })
    }
}
