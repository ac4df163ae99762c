//! The connections at work: what they are given, and what their end means.

use std::sync::mpsc::Sender;
use std::thread::ScopedJoinHandle;

use super::courier::Order;
use crate::commands::error::Error;
use crate::imap::{Failure, ImapError, Session, Stage};
use crate::net::LinkError;

/// A connection at work.
pub(super) struct Hired<'s> {
    pub(super) orders: Option<Sender<Order>>,
    pub(super) handle: Option<ScopedJoinHandle<'s, Option<Session>>>,
}

impl Hired<'_> {
    /// No more orders come: the session, once all that was ordered is done.
    pub(super) fn dismiss(mut self) -> Option<Session> {
        self.orders = None;
        self.handle.take()?.join().ok().flatten()
    }
}

/// The connection whose turn it is; one that is gone is mended or ends the flow before it is asked for anything.
pub(super) fn alive(couriers: &[Hired<'_>], order: usize) -> usize {
    order % couriers.len()
}

pub(super) fn give(couriers: &[Hired<'_>], number: usize, order: Order) {
    if let Some(orders) = &couriers[number].orders {
        // Where nobody takes it, that the connection broke is among the events.
        let _ = orders.send(order);
    }
}

/// A connection that ended without saying why.
pub(super) fn gone_astray() -> ImapError {
    let source = std::io::ErrorKind::NotConnected.into();
    let failure = LinkError::Broken { endpoint: "the mailbox".to_owned(), source }.into();
    ImapError { stage: Stage::Fetch, failure }
}

/// Whether it may be better on another connection: a server that went away, and not one that says no.
pub(super) fn may_pass(error: &ImapError) -> bool {
    match &error.failure {
        Failure::Link(link) => link.may_pass(),
        Failure::Bye { .. } | Failure::Unavailable { .. } => true,
        _ => false,
    }
}

pub(super) fn is_away(error: &Error) -> bool {
    matches!(error, Error::Imap(error) if may_pass(error))
}
