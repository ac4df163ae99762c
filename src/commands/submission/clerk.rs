//! Writes down what the connections do: whatever has come together by the time the disk is ready, in one turn of the outbox and
//! one of the trace.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::feed::Feed;
use super::{Event, Limits};
use crate::commands::error::Error;
use crate::commands::traced::Scribe;
use crate::outbox::{CopyId, Entry, Lease, Outbox, OutboxError, Settled, Turn, Turned};
use crate::trace::{self, Action, Answer, Deed};

/// Most requests that are written in one turn.
const TURN: usize = 256;

/// A copy in hand, and the entry of the trace that was opened for it.
pub(super) struct Ticket<'a> {
    pub(super) lease: Lease<'a>,
    traced: trace::Entry,
}

/// What a connection asks for.
pub(super) enum Ask<'a> {
    /// To write something down in one turn.
    Turn(Asked<'a>, Option<SyncSender<Answered<'a>>>),
    /// To put one back that nobody can have taken.
    Release(Box<Ticket<'a>>, String, SyncSender<()>),
}

/// What a connection has to write down, and what it waits for.
#[derive(Default)]
pub(super) struct Asked<'a> {
    /// What became of some copies.
    pub(super) settle: Vec<Settlement<'a>>,
    /// To go past the point of no return with these.
    pub(super) commit: Vec<CopyId>,
    /// To have these, before anything of them is sent.
    pub(super) claim: Vec<CopyId>,
}

/// What became of one copy: what to keep, and what the trace is told.
pub(super) struct Settlement<'a> {
    pub(super) ticket: Ticket<'a>,
    pub(super) said: Vec<Settled>,
    pub(super) outcome: trace::Outcome,
    pub(super) text: String,
}

/// What a connection hears once its turn is on disk.
pub(super) struct Answered<'a> {
    /// Whether it may go past the point of no return.
    pub(super) committed: io::Result<()>,
    /// Each copy that was asked for, in order, or why it is not to be had.
    pub(super) claimed: Vec<Result<Ticket<'a>, OutboxError>>,
}

/// The clerk's desk.
pub(super) struct Clerk<'a, 'e, X> {
    pub(super) outbox: &'a Outbox,
    pub(super) scribe: Scribe<'a>,
    pub(super) feed: &'e Feed,
    pub(super) events: SyncSender<Event<X>>,
    pub(super) limits: Limits,
}

impl<'a, X> Clerk<'a, '_, X> {
    /// Works until no connection is left to ask.
    pub(super) fn work(&self, asked: &Receiver<Ask<'a>>) {
        while let Ok(first) = asked.recv() {
            let mut pile = vec![first];
            pile.extend(asked.try_iter().take(TURN));
            if let Err(error) = self.write(pile) {
                // What was asked of this turn is refused; what was in hand is given back, or is unknown.
                self.feed.stop();
                let _ = self.events.send(Event::Trouble(error));
            }
        }
    }

    /// The outbox first: what it does not say, nobody may rely on. Entries of the trace are opened before a connection hears
    /// that it may go on.
    fn write(&self, pile: Vec<Ask<'a>>) -> Result<(), Error> {
        let mut turn = Turn::default();
        let mut ends: Vec<(trace::Entry, trace::Outcome, String)> = Vec::new();
        let (mut waiting, mut released) = (Vec::new(), Vec::new());
        for ask in pile {
            match ask {
                Ask::Turn(asked, reply) => {
                    for Settlement { ticket, said, outcome, text } in asked.settle {
                        ends.push((ticket.traced, outcome, text));
                        turn.settle.push((ticket.lease, said));
                    }
                    waiting.push((asked.commit.len(), asked.claim.len(), reply));
                    turn.commit.extend(asked.commit);
                    turn.claim.extend(asked.claim);
                }
                Ask::Release(ticket, text, done) => released.push((ticket, text, done)),
            }
        }
        let Turned { settled, committed, claimed } = self.outbox.turn(turn)?;
        for (ticket, text, done) in released {
            ends.push((ticket.traced, trace::Outcome::Failed, text));
            ticket.lease.release()?;
            let _ = done.send(());
        }
        let mut tickets = self.trace(ends, claimed)?.into_iter();
        let mut committed = committed.into_iter();
        for (commits, claims, reply) in waiting {
            let all: Result<Vec<()>, OutboxError> = committed.by_ref().take(commits).collect();
            let claimed = tickets.by_ref().take(claims).collect();
            if let Some(reply) = reply {
                let _ = reply.send(Answered { committed: all.map(|_| ()).map_err(io::Error::other), claimed });
            }
        }
        let settled = settled.into_iter().collect::<Result<Vec<_>, _>>()?;
        if !settled.is_empty() {
            let _ = self.events.send(Event::Settled(settled));
        }
        Ok(())
    }

    /// Closes and opens entries; a ticket for each copy that was taken.
    fn trace(
        &self,
        ends: Vec<(trace::Entry, trace::Outcome, String)>,
        claimed: Vec<Result<Lease<'a>, OutboxError>>,
    ) -> Result<Vec<Result<Ticket<'a>, OutboxError>>, Error> {
        let taken: Vec<&Entry> = claimed.iter().filter_map(|lease| lease.as_ref().ok().map(Lease::entry)).collect();
        let requests: Vec<String> = taken.iter().map(|entry| request(entry)).collect();
        let recipients: Vec<_> = taken.iter().map(|entry| entry.pending().recipients).collect();
        let deeds: Vec<Deed<'_>> = (taken.iter().zip(&requests).zip(&recipients))
            .map(|((entry, request), recipients)| Deed {
                message_id: Some(&entry.message_id),
                recipients,
                ..self.scribe.deed(Action::Send, request)
            })
            .collect();
        if self.limits.tells {
            for (_, outcome, text) in &ends {
                let _ = self.events.send(Event::Told(Scribe::told_end(*outcome, text)));
            }
            requests.iter().for_each(|it| drop(self.events.send(Event::Told(Scribe::told_begin(Action::Send, it)))));
        }
        let (entries, said): (Vec<_>, Vec<_>) =
            ends.into_iter().map(|(entry, outcome, text)| (entry, (outcome, text))).unzip();
        let ends: Vec<_> = entries
            .into_iter()
            .zip(&said)
            .map(|(entry, (outcome, text))| (entry, Answer::new(*outcome, text)))
            .collect();
        let mut opened = self.scribe.trace.record(&ends, &deeds)?.into_iter();
        let ticket = |lease: Result<Lease<'a>, OutboxError>| {
            let lease = lease?;
            Ok(Ticket { lease, traced: opened.next().expect("an entry was opened for each lease") })
        };
        Ok(claimed.into_iter().map(ticket).collect())
    }
}

/// What the trace is told before the first octet leaves.
fn request(entry: &Entry) -> String {
    let protection = match &entry.cipher {
        Some(cipher) => format!("{} {cipher}", entry.protection),
        None => entry.protection.clone(),
    };
    format!("MAIL, RCPT and message of {} octets, {protection}", entry.size)
}

/// A connection's side of the desk.
pub(super) struct Desk<'a>(pub(super) SyncSender<Ask<'a>>);

impl<'a> Desk<'a> {
    /// Waits until it is on disk. None: nothing can be written any more.
    pub(super) fn ask(&self, asked: Asked<'a>) -> Option<Answered<'a>> {
        let (reply, answer) = sync_channel(1);
        self.0.send(Ask::Turn(asked, Some(reply))).ok()?;
        answer.recv().ok()
    }

    /// Does not wait for the disk. Where nobody listens any more, the copies are unknown by their leases.
    pub(super) fn tell(&self, settle: Vec<Settlement<'a>>) {
        if !settle.is_empty() {
            let _ = self.0.send(Ask::Turn(Asked { settle, ..Asked::default() }, None));
        }
    }

    /// Returns when the copy waits again, or nothing can be written any more.
    pub(super) fn release(&self, ticket: Ticket<'a>, text: String) {
        let (done, heard) = sync_channel(1);
        if self.0.send(Ask::Release(Box::new(ticket), text, done)).is_ok() {
            let _ = heard.recv();
        }
    }
}
