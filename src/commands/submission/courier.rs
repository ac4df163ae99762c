//! One connection to the submission server, for as long as there is something to hand over.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Sender, SyncSender, channel};

use super::clerk::{Asked, Desk, Settlement, Ticket};
use super::fate::{Fate, fate, settled};
use super::feed::Feed;
use super::{Event, Limits};
use crate::clock::Clock;
use crate::commands::credentials::{is_about_rights, is_refused, is_signed_out};
use crate::commands::error::Error;
use crate::commands::traced::{Scribe, causes};
use crate::mail::Address;
use crate::net::{Credential, Dialer, Endpoint};
use crate::outbox::{CopyId, OutboxError, State};
use crate::process::{Moment, here};
use crate::smtp::{Notices, Order, Outcome, Parameters, Return, Session, SmtpError, Supply, Window};

/// How many connections in a row may break before anything came of them.
const FRUITLESS: u32 = 3;

/// What one connection works with.
pub(super) struct Courier<'a, 'e, X> {
    pub(super) dialer: Dialer,
    pub(super) endpoint: Endpoint,
    pub(super) mailbox: &'a Address,
    pub(super) method: &'static str,
    pub(super) scribe: Scribe<'a>,
    pub(super) clock: Clock,
    pub(super) feed: &'e Feed,
    pub(super) desk: Desk<'a>,
    pub(super) events: SyncSender<Event<X>>,
    pub(super) limits: Limits,
}

impl<'a, X> Courier<'a, '_, X> {
    /// Works until nothing is left, or nothing can be done any more.
    pub(super) fn work(self) {
        let mut round = Round {
            courier: &self,
            ready: VecDeque::new(),
            said: Vec::new(),
            settled: 0,
            certificate_alone: false,
            signed_out: None,
        };
        let session = self.sessions(&mut round);
        for ticket in round.ready {
            self.desk.release(ticket, "it was not begun".to_owned());
        }
        if let Some(session) = session {
            // What was accepted stays accepted, whatever comes of the farewell.
            let _ = session.quit();
        }
    }

    /// One session after the other, as long as each comes to something.
    fn sessions(&self, round: &mut Round<'_, 'a, '_, X>) -> Option<Session> {
        let mut session: Option<Session> = None;
        let window = Window::new(self.limits.window);
        let mut fruitless = 0;
        while !self.feed.is_stopped() && (!round.ready.is_empty() || self.feed.wait()) {
            let mut live = match session.take().filter(Session::is_open) {
                Some(live) => live,
                None => match self.sign_in() {
                    Ok(live) => live,
                    Err(error) => {
                        self.trouble(error);
                        return None;
                    }
                },
            };
            round.certificate_alone = !live.is_authenticated();
            let before = round.settled;
            let ended = live.submit_all(window, round);
            self.desk.tell(std::mem::take(&mut round.said));
            let signed_out = round.signed_out.take();
            let goes_on = signed_out.is_none();
            if let Err(error) = signed_out.map_or(ended, Err) {
                fruitless = if round.settled > before { 0 } else { fruitless + 1 };
                // Who was signed out is signed in once more, and then told.
                let enough = if goes_on { round.settled == 0 || fruitless == FRUITLESS } else { fruitless > 1 };
                if enough {
                    self.trouble(error.into());
                    return None;
                }
            }
            if goes_on {
                session = Some(live);
            } else {
                // It has said that it knows us no more; the next one is signed in to anew.
                let _ = live.quit();
            }
        }
        session
    }

    fn trouble(&self, error: Error) {
        let _ = self.events.send(Event::Trouble(error));
    }

    /// Opens a session and signs in, under an entry of the trace.
    fn sign_in(&self) -> Result<Session, Error> {
        let request = format!("submission {}, {}", self.endpoint, self.method);
        let tell = |told| drop(self.events.send(Event::Told(told)));
        self.scribe.sign_in(&request, &tell, || {
            let open = |credential: &Credential| -> Result<Session, Error> {
                Ok(Session::open(&self.dialer, &self.endpoint, credential, self.mailbox.domain())?)
            };
            // The story ends only after its connections.
            let credential = self.asks(Event::Credential)?;
            match open(&credential) {
                Err(error) if is_refused(&error) => match self.asks(|reply| Event::Refused(credential, reply))? {
                    Some(other) => open(&other),
                    None => Err(error),
                },
                opened => opened,
            }
        })
    }

    /// Asks the story something, and waits for its answer.
    fn asks<T>(&self, question: impl FnOnce(Sender<Result<T, Error>>) -> Event<X>) -> Result<T, Error> {
        let (reply, answer) = channel();
        let _ = self.events.send(question(reply));
        answer.recv().map_err(|_| Error::Interrupted)?
    }
}

/// What a session asks of the outbox while it submits.
struct Round<'r, 'a, 'e, X> {
    courier: &'r Courier<'a, 'e, X>,
    /// Taken ahead, in the turn that those before them needed anyway.
    ready: VecDeque<Ticket<'a>>,
    /// What became of some, to be written down with the next turn.
    said: Vec<Settlement<'a>>,
    settled: usize,
    /// The server takes messages for the sake of the certificate alone: it is what a refusal may be about.
    certificate_alone: bool,
    /// The server has forgotten who we are in the middle of a session: a token has expired there, or the session was too long.
    signed_out: Option<SmtpError>,
}

impl<'a, X> Supply<'a> for Round<'_, 'a, '_, X> {
    type Ticket = Ticket<'a>;

    fn next(&mut self, most: usize) -> Vec<(Ticket<'a>, Order<'a>)> {
        let mut orders = Vec::new();
        while orders.is_empty() && !self.courier.feed.is_stopped() && self.signed_out.is_none() {
            if self.ready.is_empty() {
                let claim = self.courier.feed.take(most);
                if claim.is_empty() {
                    break;
                }
                let settle = std::mem::take(&mut self.said);
                let asked = Asked { settle, claim: claim.clone(), ..Asked::default() };
                match self.courier.desk.ask(asked) {
                    Some(answered) => self.take(claim, answered.claimed),
                    None => self.courier.feed.stop(),
                }
            }
            let count = most.min(self.ready.len());
            let tickets: Vec<_> = self.ready.drain(..count).collect();
            orders.extend(tickets.into_iter().filter_map(|ticket| self.order(ticket)));
        }
        orders
    }

    fn point_of_no_return(&mut self, tickets: &[&Ticket<'a>]) -> io::Result<()> {
        let feed = self.courier.feed;
        let ahead = if feed.is_paced() || !self.ready.is_empty() { 0 } else { tickets.len() };
        let claim = feed.take(ahead);
        let asked = Asked {
            settle: std::mem::take(&mut self.said),
            commit: tickets.iter().map(|ticket| ticket.lease.entry().copy).collect(),
            claim: claim.clone(),
        };
        match self.courier.desk.ask(asked) {
            Some(answered) => {
                self.take(claim, answered.claimed);
                answered.committed
            }
            None => {
                feed.stop();
                Err(io::Error::other("nothing can be written down any more"))
            }
        }
    }

    fn done(&mut self, ticket: Ticket<'a>, outcome: Result<Outcome, SmtpError>) {
        let (courier, now) = (self.courier, self.courier.clock.now());
        let entry = ticket.lease.entry();
        let (said, traced, text) = match outcome {
            Ok(outcome) => {
                here(Moment::AnswerHeard);
                let text = format!("{} {}", outcome.reply.code(), outcome.reply.text());
                let (said, traced) = settled(&outcome, entry, &courier.limits, now);
                (said, traced, text)
            }
            // It is not about this message: none is taken, and each of them waits.
            Err(error) if self.certificate_alone && is_about_rights(&error) => {
                courier.desk.release(ticket, causes(&error));
                courier.feed.leave();
                courier.feed.stop();
                return courier.trouble(Error::OwnCertificateRefused { source: Box::new(error.into()) });
            }
            Err(error) if is_signed_out(&error) => {
                let copy = entry.copy;
                courier.desk.release(ticket, causes(&error));
                courier.feed.back(copy);
                self.signed_out = Some(error);
                return;
            }
            Err(error) => match fate(&error, entry, &courier.limits, now) {
                Fate::Settled(said, traced) => (said, traced, causes(&error)),
                Fate::Waits => {
                    let copy = entry.copy;
                    courier.desk.release(ticket, causes(&error));
                    return courier.feed.back(copy);
                }
            },
        };
        self.settled += 1;
        self.said.push(Settlement { ticket, said, outcome: traced, text });
    }
}

impl<'a, X> Round<'_, 'a, '_, X> {
    /// Keeps what was taken, and sees to what was not to be had.
    fn take(&mut self, copies: Vec<CopyId>, claimed: Vec<Result<Ticket<'a>, OutboxError>>) {
        for (copy, claimed) in copies.into_iter().zip(claimed) {
            match claimed {
                Ok(ticket) => self.ready.push_back(ticket),
                Err(OutboxError::State { state: State::Submitting | State::Committing, .. }) => {
                    self.courier.feed.hold(copy);
                }
                // It is settled already.
                Err(OutboxError::State { .. }) => {}
                Err(error) => self.courier.trouble(error.into()),
            }
        }
    }

    /// What is sent for a ticket. A copy whose octets are not as they were queued is put back, and does not keep the others.
    fn order(&self, ticket: Ticket<'a>) -> Option<(Ticket<'a>, Order<'a>)> {
        let entry = ticket.lease.entry();
        let content = match ticket.lease.content() {
            Ok(content) => content,
            Err(error) => {
                self.courier.desk.release(ticket, "a fault on this machine".to_owned());
                self.courier.feed.leave();
                self.courier.trouble(error.into());
                return None;
            }
        };
        let mut envelope = entry.pending();
        // The outbox knows nothing of this recipient: what the server says about them changes no state.
        let mailbox = self.courier.mailbox;
        let own = self.courier.limits.copy_to_self && !entry.envelope.recipients.contains(mailbox);
        let silent = own.then(|| mailbox.clone());
        envelope.recipients.extend(silent.clone());
        let envelope_id = Some(entry.message_id.as_str().to_owned());
        let notices = Notices { envelope_id, notify: self.courier.limits.notify, ret: Return::Headers, silent };
        let parameters = Parameters { size: entry.size, notices: Some(notices), ..Parameters::default() };
        Some((ticket, Order { envelope, parameters, content: Box::new(content) }))
    }
}
