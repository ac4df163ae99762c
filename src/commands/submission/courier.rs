//! One connection to the submission server, for as long as there is something to hand over.

use std::io;
use std::sync::mpsc::{SyncSender, channel};

use super::clerk::{Desk, Ticket};
use super::fate::{Fate, fate, settled};
use super::feed::Feed;
use super::{Event, Limits};
use crate::clock::Clock;
use crate::commands::error::Error;
use crate::commands::traced::{Scribe, causes};
use crate::net::{Dialer, Endpoint};
use crate::outbox::{OutboxError, State};
use crate::process::{Moment, here};
use crate::smtp::{Notices, Order, Outcome, Parameters, Return, Session, SmtpError, Supply, Window};

/// How many connections in a row may break before anything came of them.
const FRUITLESS: u32 = 3;

/// What one connection works with.
pub(super) struct Courier<'a, 'e, X> {
    pub(super) dialer: Dialer,
    pub(super) endpoint: Endpoint,
    pub(super) ehlo_name: String,
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
        let mut session: Option<Session> = None;
        let (mut any, mut fruitless) = (false, 0);
        while self.feed.wait() {
            let mut live = match session.take().filter(Session::is_open) {
                Some(live) => live,
                None => match self.sign_in() {
                    Ok(live) => live,
                    Err(error) => return self.trouble(error),
                },
            };
            let mut round = Round { courier: &self, settled: 0 };
            let window = if self.limits.window == 0 { Window::default() } else { Window::new(self.limits.window) };
            let ended = live.submit_all(window, &mut round);
            any |= round.settled > 0;
            if let Err(error) = ended {
                fruitless = if round.settled > 0 { 0 } else { fruitless + 1 };
                if !any || fruitless == FRUITLESS {
                    return self.trouble(error.into());
                }
            }
            session = Some(live);
        }
        if let Some(session) = session {
            // What was accepted stays accepted, whatever comes of the farewell.
            let _ = session.quit();
        }
    }

    fn trouble(&self, error: Error) {
        let _ = self.events.send(Event::Trouble(error));
    }

    /// Opens a session and signs in, under an entry of the trace.
    fn sign_in(&self) -> Result<Session, Error> {
        let request = format!("submission {}, {}", self.endpoint, self.method);
        let tell = |told| drop(self.events.send(Event::Told(told)));
        self.scribe.sign_in(&request, &tell, || {
            let (reply, answer) = channel();
            let _ = self.events.send(Event::Credential(reply));
            // The story ends only after its connections.
            let credential = answer.recv().map_err(|_| Error::Interrupted)??;
            Ok(Session::open(&self.dialer, &self.endpoint, &credential, &self.ehlo_name)?)
        })
    }
}

/// What a session asks of the outbox while it submits.
struct Round<'r, 'a, 'e, X> {
    courier: &'r Courier<'a, 'e, X>,
    settled: usize,
}

impl<'a, X> Supply<'a> for Round<'_, 'a, '_, X> {
    type Ticket = Ticket<'a>;

    fn next(&mut self, most: usize) -> Vec<(Ticket<'a>, Order<'a>)> {
        let courier = self.courier;
        loop {
            let copies = courier.feed.take(most);
            if copies.is_empty() {
                return Vec::new();
            }
            let Some(claimed) = courier.desk.claim(copies.clone()) else {
                courier.feed.stop();
                return Vec::new();
            };
            let mut orders = Vec::new();
            for (copy, claimed) in copies.into_iter().zip(claimed) {
                match claimed {
                    Ok(ticket) => orders.extend(self.order(ticket)),
                    Err(OutboxError::State { state: State::Submitting | State::Committing, .. }) => {
                        courier.feed.hold(copy);
                    }
                    // It is settled already.
                    Err(OutboxError::State { .. }) => {}
                    Err(error) => courier.trouble(error.into()),
                }
            }
            if !orders.is_empty() {
                return orders;
            }
        }
    }

    fn point_of_no_return(&mut self, tickets: &[&Ticket<'a>]) -> io::Result<()> {
        self.courier.desk.commit(tickets.iter().map(|ticket| ticket.lease.entry().copy).collect())
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
        courier.desk.settle(ticket, said, traced, text);
    }
}

impl<'a, X> Round<'_, 'a, '_, X> {
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
        let envelope_id = entry.message_id.as_str().to_owned();
        let notify = self.courier.limits.notify;
        let notices = Notices { envelope_id: Some(envelope_id), notify, ret: Return::Headers };
        let parameters = Parameters { size: entry.size, notices: Some(notices), ..Parameters::default() };
        let envelope = entry.pending();
        Some((ticket, Order { envelope, parameters, content: Box::new(content) }))
    }
}
