//! One message in flight: which answers are still to come, and what those that came mean for it.

use std::time::Duration;

use super::submission::{Outcome, RecipientOutcome};
use super::{Failure, Reply, SmtpError, Stage};
use crate::mail::Address;
use crate::net::Timeouts;

/// A reply that is still to come, by what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// RSET ahead of a message.
    Reset,
    Mail,
    Rcpt,
    Data,
    /// A chunk of so many octets that is not the last.
    Chunk(usize),
    /// The last octets, and how many they were.
    Last(usize),
    /// The lone dot of a message that is none.
    EmptyEnd,
}

impl Awaited {
    pub(super) fn stage(self) -> Stage {
        match self {
            Awaited::Reset | Awaited::Mail => Stage::Mail,
            Awaited::Rcpt => Stage::Rcpt,
            Awaited::Data | Awaited::EmptyEnd => Stage::Data,
            Awaited::Chunk(_) => Stage::Body,
            Awaited::Last(_) => Stage::Final,
        }
    }

    /// How long it is waited for, from the reply before it (RFC 5321, section 4.5.3.2).
    pub(super) fn limit(self, timeouts: &Timeouts) -> Duration {
        match self {
            Awaited::Mail => timeouts.mail,
            Awaited::Rcpt => timeouts.rcpt,
            Awaited::Data => timeouts.data,
            Awaited::Last(_) => timeouts.last_reply,
            Awaited::Reset | Awaited::Chunk(_) | Awaited::EmptyEnd => timeouts.reply,
        }
    }

    /// The octets of the message that it answers.
    pub(super) fn octets(self) -> usize {
        match self {
            Awaited::Chunk(octets) | Awaited::Last(octets) => octets,
            _ => 0,
        }
    }
}

/// How far the last octets of a message have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// They are still here, or in a buffer of ours.
    Here,
    /// Written into the buffer that leaves next.
    Next,
    /// Some of them may have left.
    Begun,
    /// All of them were handed over.
    Sent,
}

/// A message of which something was written.
pub(super) struct Flight<T> {
    pub(super) ticket: T,
    recipients: Vec<Address>,
    /// As many as were answered.
    answers: Vec<RecipientOutcome>,
    notices: bool,
    /// The first thing that went wrong with it.
    failed: Option<SmtpError>,
    /// The answer to DATA was 354.
    pub(super) granted: bool,
    /// The positive answer to the last octets.
    taken: Option<Reply>,
    pub(super) end: End,
    /// Replies that are still to come.
    pub(super) awaited: usize,
    /// Nothing more of it will be written.
    pub(super) written: bool,
}

impl<T> Flight<T> {
    pub(super) fn new(ticket: T, recipients: Vec<Address>, notices: bool) -> Flight<T> {
        Flight {
            ticket,
            answers: Vec::with_capacity(recipients.len()),
            recipients,
            notices,
            failed: None,
            granted: false,
            taken: None,
            end: End::Here,
            awaited: 0,
            written: false,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether everything about it is known.
    pub(super) fn is_over(&self) -> bool {
        self.written && self.awaited == 0
    }

    /// Whether the server has somebody to deliver to.
    pub(super) fn has_recipient(&self) -> bool {
        self.answers.contains(&RecipientOutcome::Accepted)
    }

    /// The first failure stays: what follows comes of it.
    pub(super) fn fail(&mut self, stage: Stage, failure: Failure) {
        self.failed.get_or_insert(SmtpError { stage, failure });
    }

    /// Takes the reply that was due next. An error: it is none that can stand here, and the two sides no longer talk of the
    /// same thing.
    pub(super) fn hear(&mut self, awaited: Awaited, reply: Reply) -> Result<(), Failure> {
        self.awaited -= 1;
        let refused = reply.is_permanent() || reply.is_temporary();
        let fits = match awaited {
            Awaited::Data => reply.code() == 354,
            _ => reply.is_positive(),
        };
        if !refused && !fits && awaited != Awaited::EmptyEnd {
            return Err(Failure::of(reply));
        }
        match awaited {
            // What an open transaction would do to the message behind it shows in the answer to MAIL.
            Awaited::Reset | Awaited::EmptyEnd => {}
            Awaited::Rcpt => self.answer(reply),
            Awaited::Data if fits => self.granted = true,
            Awaited::Last(_) => self.finish(reply),
            Awaited::Mail | Awaited::Chunk(_) if fits => {}
            Awaited::Mail | Awaited::Data | Awaited::Chunk(_) => self.fail(awaited.stage(), Failure::of(reply)),
        }
        Ok(())
    }

    fn answer(&mut self, reply: Reply) {
        self.answers.push(match reply.code() / 100 {
            2 => RecipientOutcome::Accepted,
            4 => RecipientOutcome::Deferred(reply),
            _ => RecipientOutcome::Refused(reply),
        });
        if self.answers.len() == self.recipients.len() && !self.has_recipient() {
            let recipients = self.recipients.iter().cloned().zip(self.answers.iter().cloned()).collect();
            self.fail(Stage::Rcpt, Failure::NoRecipient(recipients));
        }
    }

    /// The answer to the last octets.
    fn finish(&mut self, reply: Reply) {
        if !reply.is_positive() {
            return self.fail(Stage::Final, Failure::of(reply));
        }
        let contradiction = match &self.failed {
            // Nobody was accepted, so that there is nobody to whom it may have been delivered.
            Some(SmtpError { failure: Failure::NoRecipient(_), .. }) => return,
            Some(_) => "a message was taken after it was refused",
            None if self.end != End::Sent => "a message was taken before its end was sent",
            None => {
                self.taken = Some(reply);
                return;
            }
        };
        self.failed = Some(self.unknown(Failure::Protocol(contradiction)));
    }

    fn unknown(&self, cause: Failure) -> SmtpError {
        // A recipient without an answer may have been accepted.
        let answers = self.answers.iter().cloned().chain(std::iter::repeat(RecipientOutcome::Accepted));
        let recipients = self.recipients.iter().cloned().zip(answers).collect();
        SmtpError { stage: Stage::Final, failure: Failure::Unknown { cause: Box::new(cause), recipients } }
    }

    /// What became of it, after its last reply.
    pub(super) fn settle(self) -> (T, Result<Outcome, SmtpError>) {
        let outcome = match (self.failed, self.taken) {
            (Some(error), _) => Err(error),
            (None, Some(reply)) => Ok(Outcome {
                queue_id: reply.queue_id(),
                reply,
                recipients: self.recipients.into_iter().zip(self.answers).collect(),
                notices: self.notices,
            }),
            (None, None) => {
                Err(SmtpError { stage: Stage::Final, failure: Failure::Protocol("no answer to a message") })
            }
        };
        (self.ticket, outcome)
    }

    /// What became of it, where the connection ended when it was at this stage. `otherwise` is for a message that was not
    /// accepted for certain, `unknown` for one whose end may have arrived.
    pub(super) fn cut(self, stage: Stage, unknown: Failure, otherwise: Failure) -> (T, SmtpError) {
        let error = match self.failed {
            Some(error) => error,
            None if self.end >= End::Begun => self.unknown(unknown),
            None => SmtpError { stage, failure: otherwise },
        };
        (self.ticket, error)
    }
}
