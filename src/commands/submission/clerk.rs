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
    /// To have these copies, before anything of them is sent.
    Claim(Vec<CopyId>, SyncSender<Claimed<'a>>),
    /// To go past the point of no return with these.
    Commit(Vec<CopyId>, SyncSender<io::Result<()>>),
    /// To write down what became of one.
    Settle(Ticket<'a>, Vec<Settled>, trace::Outcome, String),
    /// To put one back that nobody can have taken.
    Release(Ticket<'a>, String, SyncSender<()>),
}

/// Each copy that was asked for, in order, or why it is not to be had. None: nothing can be written any more.
pub(super) type Claimed<'a> = Option<Vec<Result<Ticket<'a>, OutboxError>>>;

/// The clerk's desk.
pub(super) struct Clerk<'a, 'e, X> {
    pub(super) outbox: &'a Outbox,
    pub(super) scribe: Scribe<'a>,
    pub(super) feed: &'e Feed,
    pub(super) events: SyncSender<Event<X>>,
    pub(super) limits: Limits,
}

/// The requests of one turn, sorted.
#[derive(Default)]
struct Pile<'a> {
    claims: Vec<(Vec<CopyId>, SyncSender<Claimed<'a>>)>,
    commits: Vec<(Vec<CopyId>, SyncSender<io::Result<()>>)>,
    settled: Vec<(Ticket<'a>, Vec<Settled>, trace::Outcome, String)>,
    released: Vec<(Ticket<'a>, String, SyncSender<()>)>,
}

impl<'a, X> Clerk<'a, '_, X> {
    /// Works until no connection is left to ask.
    pub(super) fn work(&self, asked: &Receiver<Ask<'a>>) {
        while let Ok(first) = asked.recv() {
            let mut pile = Pile::default();
            pile.add(first);
            asked.try_iter().take(TURN).for_each(|ask| pile.add(ask));
            if let Err(error) = self.write(pile) {
                // What was asked of this turn is refused; what was in hand is given back, or is unknown.
                self.feed.stop();
                let _ = self.events.send(Event::Trouble(error));
            }
        }
    }

    /// The outbox first: what it does not say, nobody may rely on. Entries of the trace are opened before a connection hears
    /// that it may go on.
    fn write(&self, pile: Pile<'a>) -> Result<(), Error> {
        let Pile { claims, commits, settled, released } = pile;
        let mut ends: Vec<(trace::Entry, trace::Outcome, String)> = Vec::new();
        let mut settle = Vec::new();
        for (ticket, said, outcome, text) in settled {
            ends.push((ticket.traced, outcome, text));
            settle.push((ticket.lease, said));
        }
        let turn = Turn {
            settle,
            commit: commits.iter().flat_map(|(copies, _)| copies.iter().copied()).collect(),
            claim: claims.iter().flat_map(|(copies, _)| copies.iter().copied()).collect(),
        };
        let turned = self.outbox.turn(turn);
        let Turned { settled, committed, claimed } = match turned {
            Ok(turned) => turned,
            Err(error) => {
                commits.into_iter().for_each(|(_, reply)| drop(reply.send(Err(io::Error::other("the outbox failed")))));
                return Err(error.into());
            }
        };
        let mut committed = committed.into_iter();
        for (copies, reply) in commits {
            let all: Result<Vec<()>, OutboxError> = committed.by_ref().take(copies.len()).collect();
            let _ = reply.send(all.map(|_| ()).map_err(io::Error::other));
        }
        for (ticket, text, done) in released {
            ends.push((ticket.traced, trace::Outcome::Failed, text));
            ticket.lease.release()?;
            let _ = done.send(());
        }
        self.trace(ends, claims, claimed)?;
        for entry in settled {
            match entry {
                Ok(entry) => drop(self.events.send(Event::Settled(Box::new(entry)))),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn trace(
        &self,
        ends: Vec<(trace::Entry, trace::Outcome, String)>,
        claims: Vec<(Vec<CopyId>, SyncSender<Claimed<'a>>)>,
        claimed: Vec<Result<Lease<'a>, OutboxError>>,
    ) -> Result<(), Error> {
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
        let mut tickets = claimed.into_iter().map(|lease| {
            let lease = lease?;
            Ok(Ticket { lease, traced: opened.next().expect("an entry was opened for each lease") })
        });
        for (copies, reply) in claims {
            let _ = reply.send(Some(tickets.by_ref().take(copies.len()).collect()));
        }
        Ok(())
    }
}

impl<'a> Pile<'a> {
    fn add(&mut self, ask: Ask<'a>) {
        match ask {
            Ask::Claim(copies, reply) => self.claims.push((copies, reply)),
            Ask::Commit(copies, reply) => self.commits.push((copies, reply)),
            Ask::Settle(ticket, said, outcome, text) => self.settled.push((ticket, said, outcome, text)),
            Ask::Release(ticket, text, done) => self.released.push((ticket, text, done)),
        }
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
    pub(super) fn claim(&self, copies: Vec<CopyId>) -> Claimed<'a> {
        let (reply, answer) = sync_channel(1);
        self.0.send(Ask::Claim(copies, reply)).ok()?;
        answer.recv().ok()?
    }

    pub(super) fn commit(&self, copies: Vec<CopyId>) -> io::Result<()> {
        let (reply, answer) = sync_channel(1);
        let gone = || io::Error::other("nothing can be written down any more");
        self.0.send(Ask::Commit(copies, reply)).map_err(|_| gone())?;
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Returns when the copy waits again, or nothing can be written any more.
    pub(super) fn release(&self, ticket: Ticket<'a>, text: String) {
        let (done, heard) = sync_channel(1);
        if self.0.send(Ask::Release(ticket, text, done)).is_ok() {
            let _ = heard.recv();
        }
    }

    /// Does not wait for the disk. Where nobody listens any more, the copy is unknown by its lease.
    pub(super) fn settle(&self, ticket: Ticket<'a>, said: Vec<Settled>, outcome: trace::Outcome, text: String) {
        let _ = self.0.send(Ask::Settle(ticket, said, outcome, text));
    }
}
