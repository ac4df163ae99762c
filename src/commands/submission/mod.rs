//! From the outbox to the server: several connections side by side, each with a window of messages in flight, and one clerk who
//! writes everything down.
//!
//! ```text
//! Feed --copies--> Courier (one a connection) --asks--> Clerk --one turn--> outbox, trace
//!                     |                                    |
//!                     +------------- events ---------------+--> the story
//! ```

mod clerk;
mod courier;
mod fate;
mod feed;

use std::sync::mpsc::{RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread::{Scope, sleep};
use std::time::Duration;

use jiff::SignedDuration;

use self::clerk::{Clerk, Desk};
use self::courier::Courier;
pub(super) use self::feed::Feed;
use super::Told;
use super::account::Account;
use super::error::Error;
use crate::net::Credential;
use crate::outbox::{CopyId, Entry, Outbox, State};
use crate::smtp::{Extensions, Notify, Session};
use crate::trace::Action;

/// Most events and requests that wait to be heard.
const WAITING: usize = 1024;

/// How often it is looked whether another process is done with what it has in hand.
const GLANCE: Duration = Duration::from_millis(200);

/// How a submission is run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections side by side; without any, nothing is submitted.
    pub jobs: usize,
    /// The same for a batch.
    pub batch_jobs: usize,
    /// Messages in flight on each.
    pub window: usize,
    /// The time from one message to the next.
    pub pace: Duration,
    /// How long after it was queued a message is given up.
    pub expire_after: SignedDuration,
    /// What the servers on the way are asked to report.
    pub notify: Notify,
    /// Whether each message is also handed over for the mailbox it is from.
    pub copy_to_self: bool,
    /// Whether each step is told.
    pub tells: bool,
    /// Whether to wait for what other processes have in hand.
    pub waits: bool,
}

/// What the connections and the clerk have to say to the story; `X` is what its own threads say.
pub(super) enum Event<X> {
    /// A connection needs something to sign in with.
    Credential(Sender<Result<Credential, Error>>),
    /// A server has refused this to a connection, which asks whether there is something else.
    Refused(Credential, Sender<Result<Option<Credential>, Error>>),
    /// A step, to be told.
    Told(Told),
    /// What became of some copies is on disk.
    Settled(Vec<Entry>),
    /// Something keeps messages in the queue.
    Trouble(Error),
    /// Something of the story's own.
    Own(X),
}

/// What became of messages that were to be submitted.
pub(super) struct Submitted {
    /// What kept some of them in the queue.
    pub trouble: Option<Error>,
    /// Whether the user stopped it before everything was begun.
    pub stopped: bool,
    /// Whether the server took something.
    pub accepted: bool,
}

/// Opens a session and signs in.
pub(super) fn open(account: &Account<'_>) -> Result<Session, Error> {
    let (dialer, endpoint, name) = (account.dialer()?, account.submission(), account.address().domain());
    account.signed_in(|credential| Ok(Session::open(dialer, &endpoint, credential, name)?))
}

/// Asks the submission server what it can do, without signing in: under an entry of the trace.
pub(super) fn greet(account: &Account<'_>) -> Result<Extensions, Error> {
    let endpoint = account.submission();
    account.traced(
        Action::Probe,
        &format!("submission {endpoint}: EHLO"),
        || Session::greet(account.dialer()?, &endpoint, account.address().domain()).map_err(Error::from),
        |_| ("answered".to_owned(), None),
    )
}

/// Submits copies. One that is settled, or not ours, stays as it is.
pub(super) fn submit(
    account: &Account<'_>,
    outbox: &Outbox,
    copies: Vec<CopyId>,
    limits: Limits,
    settled: &mut dyn FnMut(&Entry) -> Result<(), Error>,
) -> Result<Submitted, Error> {
    // What an ended process had in hand is ours to submit.
    outbox.recover()?;
    // One message by itself goes step by step: what is refused on the way is then never unknown.
    let window = if copies.len() == 1 { 1 } else { limits.window };
    let limits = Limits { window, jobs: limits.jobs.min(copies.len()), ..limits };
    let feed = Feed::new(limits.pace);
    feed.push(copies);
    feed.close();
    let submitted = submit_with(account, outbox, &feed, limits, |_, _, _| (), &mut |_: (), _| Ok(()), settled)?;
    take_over(account, outbox, &feed, limits, submitted, settled)
}

/// Waits for what other processes had in hand when its turn came, and submits what they give back or leave behind.
pub(super) fn take_over(
    account: &Account<'_>,
    outbox: &Outbox,
    feed: &Feed,
    limits: Limits,
    mut submitted: Submitted,
    settled: &mut dyn FnMut(&Entry) -> Result<(), Error>,
) -> Result<Submitted, Error> {
    while limits.waits && submitted.trouble.is_none() && !submitted.stopped {
        let back = wait_for_others(account, outbox, feed)?;
        if back.is_empty() && !feed.is_stopped() {
            break;
        }
        let limits = Limits { jobs: limits.jobs.min(back.len()), ..limits };
        feed.push(back);
        let before = submitted.accepted;
        submitted = submit_with(account, outbox, feed, limits, |_, _, _| (), &mut |_: (), _| Ok(()), settled)?;
        submitted.accepted |= before;
    }
    Ok(submitted)
}

/// Waits until another process gave some of its copies back, or ended; those are returned. None: all were settled by others.
fn wait_for_others(account: &Account<'_>, outbox: &Outbox, feed: &Feed) -> Result<Vec<CopyId>, Error> {
    let mut held = feed.take_held();
    let mut back = Vec::new();
    while !held.is_empty() {
        outbox.recover()?;
        let mut still = Vec::new();
        for copy in held {
            let entry = outbox.entry(copy)?;
            match entry.state {
                State::Submitting | State::Committing => still.push(copy),
                _ if outbox.may_go(&entry) => back.push(copy),
                // Whoever had it settled it, or put it off.
                _ => {}
            }
        }
        if account.is_interrupted() {
            feed.stop();
        }
        if !back.is_empty() || feed.is_stopped() {
            still.into_iter().for_each(|copy| feed.hold(copy));
            break;
        }
        held = still;
        if !held.is_empty() {
            sleep(GLANCE);
        }
    }
    Ok(back)
}

/// The same while threads of the story fill the feed: `start` starts them, `hear` hears what they say.
pub(super) fn submit_with<'env, X: Send + 'env>(
    account: &'env Account<'_>,
    outbox: &'env Outbox,
    feed: &'env Feed,
    limits: Limits,
    start: impl for<'s> FnOnce(&'s Scope<'s, 'env>, &SyncSender<Event<X>>, &'env Feed),
    hear: &mut dyn FnMut(X, &Feed) -> Result<(), Error>,
    settled: &mut dyn FnMut(&Entry) -> Result<(), Error>,
) -> Result<Submitted, Error> {
    let (scribe, dialer) = (account.scribe()?, account.dialer()?);
    // A one-time code signs in once: several connections would need several codes, half a minute apart.
    let jobs = if account.signs_in_by_code() { limits.jobs.min(1) } else { limits.jobs };
    let mut trouble: Option<Error> = None;
    let mut failed: Option<Error> = None;
    let mut accepted = false;
    std::thread::scope(|scope| {
        let _watch = feed.watch();
        let (events, heard) = sync_channel::<Event<X>>(WAITING);
        let (asks, asked) = sync_channel(WAITING);
        let clerk = Clerk { outbox, scribe, feed, events: events.clone(), limits };
        scope.spawn(move || clerk.work(&asked));
        for _ in 0..jobs {
            let courier = Courier {
                dialer: dialer.clone(),
                endpoint: account.submission(),
                mailbox: account.address(),
                method: account.profile.signin.method.word(),
                scribe,
                clock: account.world.clock,
                feed,
                desk: Desk(asks.clone()),
                events: events.clone(),
                limits,
            };
            scope.spawn(move || courier.work());
        }
        drop(asks);
        start(scope, &events, feed);
        drop(events);
        loop {
            if account.is_interrupted() {
                feed.stop();
            }
            let event = match heard.recv_timeout(GLANCE) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let done = match event {
                Event::Credential(reply) => {
                    let _ = reply.send(account.credential());
                    Ok(())
                }
                Event::Refused(refused, reply) => {
                    let _ = reply.send(account.credential_after(&refused));
                    Ok(())
                }
                Event::Told(told) => {
                    (account.world.tell)(told);
                    Ok(())
                }
                Event::Settled(entries) => entries.iter().try_for_each(|entry| {
                    accepted |= entry.recipients.iter().any(|one| one.state == State::Accepted);
                    settled(entry)
                }),
                Event::Trouble(error) => {
                    if trouble.is_none() {
                        trouble = Some(account.explained(error));
                    }
                    Ok(())
                }
                Event::Own(own) => hear(own, feed),
            };
            if let Err(error) = done {
                feed.stop();
                failed.get_or_insert(error);
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        // A connection that did not come about is no trouble where the others did all the work.
        None => Ok(Submitted {
            trouble: trouble.filter(|_| !feed.is_done()),
            stopped: feed.is_stopped() && account.is_interrupted(),
            accepted,
        }),
    }
}
