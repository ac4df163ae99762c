//! What is submitted: a message with its envelope, where messages come from, and what became of each.

use std::io::{self, Read};

use super::notices::Notices;
use super::pipeline::Pipeline;
use super::session::Session;
use super::{Failure, Reply, SmtpError, Stage};
use crate::mail::{Address, Envelope};
use crate::net::LinkError;

/// What a message needs of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Its length in octets, before dots are doubled.
    pub size: u64,
    /// Whether it has octets above 127 (RFC 6152). Such a message is refused where this was not said.
    pub eight_bit: bool,
    /// What is to be reported about it. Not asked for where the server lacks DSN; [`Outcome::notices`] tells.
    pub notices: Option<Notices>,
}

/// One message on its way: who it is from and for, what it needs of the server, its octets.
pub struct Order<'a> {
    /// Who it is from and for.
    pub envelope: Envelope,
    /// What it needs of the server.
    pub parameters: Parameters,
    /// Its octets, read once, from their beginning to their end.
    pub content: Box<dyn Read + 'a>,
}

/// Where messages come from, and who is told what became of them.
pub trait Supply<'a> {
    /// What a message is known by here.
    type Ticket;

    /// Up to `most` messages that wait now; none says that there are none for now. Asked when there is room in the window.
    fn next(&mut self, most: usize) -> Vec<(Self::Ticket, Order<'a>)>;

    /// Makes durable, for all of them in one step, that they may be delivered from now on. Called before the last octets of any
    /// of them leave, once for each message at most. After an error none of them is sent.
    fn point_of_no_return(&mut self, tickets: &[&Self::Ticket]) -> io::Result<()>;

    /// What became of one, told once for each message that was given. Messages that were cleared at the point of no return may
    /// still come back with an error that says that nothing was accepted.
    ///
    /// With [`Failure::Unknown`] nobody knows whether it was accepted; with any other failure it was not.
    fn done(&mut self, ticket: Self::Ticket, outcome: Result<Outcome, SmtpError>);
}

/// How many messages may be in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(usize);

impl Window {
    /// One message after the other, behind DATA: nothing of it leaves before each of its commands was answered.
    pub const ONE: Window = Window(1);

    /// So many messages: 1 at least, 64 at most.
    pub fn new(messages: usize) -> Window {
        Window(messages.clamp(1, 64))
    }

    /// The number of messages.
    pub fn messages(self) -> usize {
        self.0
    }
}

impl Default for Window {
    fn default() -> Window {
        Window(16)
    }
}

/// What became of a message that the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer to the message.
    pub reply: Reply,
    /// The server's name for it, where its words are known.
    pub queue_id: Option<String>,
    /// Each recipient, in the order of the envelope; at least one is accepted.
    pub recipients: Vec<(Address, RecipientOutcome)>,
    /// Whether the server was asked for notices.
    pub notices: bool,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientOutcome {
    /// The server took the message for this recipient.
    Accepted,
    /// Refused for good (5yz).
    Refused(Reply),
    /// Refused for now (4yz).
    Deferred(Reply),
}

impl Session {
    /// Submits what the supply gives, until it gives nothing and nothing is in flight. Every message that was taken from it is
    /// told of, whatever happens.
    ///
    /// Where the server has PIPELINING (RFC 2920), commands leave before the answers to earlier ones were read; where it has
    /// CHUNKING too (RFC 3030), whole messages do, as many as the window says; one that is alone waits for the answers about its
    /// recipients.
    ///
    /// A recipient who is refused does not keep a message from the others, and a message that is refused does not keep back
    /// those behind it.
    ///
    /// # Errors
    /// The session is of no more use, and this is why. Each message has an error of its own.
    pub fn submit_all<'a, S: Supply<'a>>(&mut self, window: Window, supply: &mut S) -> Result<(), SmtpError> {
        if !self.is_open() {
            let endpoint = self.wire.endpoint().to_owned();
            let source = io::ErrorKind::NotConnected.into();
            return Err(SmtpError { stage: Stage::Mail, failure: LinkError::Broken { endpoint, source }.into() });
        }
        Pipeline::new(self, window, supply).run()
    }

    /// Submits one message of 7-bit octets. See [`Session::submit_with`].
    pub fn submit(
        &mut self,
        envelope: &Envelope,
        size: u64,
        message: &mut dyn Read,
        point_of_no_return: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Outcome, SmtpError> {
        let parameters = Parameters { size, ..Parameters::default() };
        self.submit_with(envelope, parameters, message, point_of_no_return)
    }

    /// Submits one message.
    ///
    /// `point_of_no_return` is called once, when nothing but the last octets is left to send. It is to make durable that the
    /// message may be delivered from now on; an error from it ends the message, and nothing of it is kept by the server.
    ///
    /// # Errors
    /// [`Failure::Unknown`] says that nobody knows whether the message was accepted. With any other failure it was not.
    pub fn submit_with(
        &mut self,
        envelope: &Envelope,
        parameters: Parameters,
        message: &mut dyn Read,
        point_of_no_return: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Outcome, SmtpError> {
        let order = Order { envelope: envelope.clone(), parameters, content: Box::new(message) };
        let mut single = Single { order: Some(order), point_of_no_return, outcome: None };
        let ended = self.submit_all(Window::ONE, &mut single);
        match single.outcome {
            Some(outcome) => outcome,
            None => {
                Err(ended.err().unwrap_or(SmtpError { stage: Stage::Mail, failure: Failure::Protocol("no answer") }))
            }
        }
    }
}

/// One message and no more.
struct Single<'a, 'p> {
    order: Option<Order<'a>>,
    point_of_no_return: &'p mut dyn FnMut() -> io::Result<()>,
    outcome: Option<Result<Outcome, SmtpError>>,
}

impl<'a> Supply<'a> for Single<'a, '_> {
    type Ticket = ();

    fn next(&mut self, _most: usize) -> Vec<((), Order<'a>)> {
        self.order.take().map(|order| ((), order)).into_iter().collect()
    }

    fn point_of_no_return(&mut self, _tickets: &[&()]) -> io::Result<()> {
        (self.point_of_no_return)()
    }

    fn done(&mut self, (): (), outcome: Result<Outcome, SmtpError>) {
        self.outcome = Some(outcome);
    }
}
