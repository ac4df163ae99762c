//! Many messages through one connection, a window of them in flight: what is asked for, what is heard, and how it ends.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::body::Stuffing;
use super::flight::{Awaited, End, Flight};
use super::opening::{Waiting, Writing};
use super::reply::{Reply, ReplyFault};
use super::session::{Session, Transfer};
use super::submission::{Supply, Window};
use super::{Failure, SmtpError, Stage};
use crate::net::{Heard, LinkError};
use crate::process::{Moment, here};

/// Most commands whose replies were not read, so that neither side waits for the other to read: 128 replies of an ordinary
/// length fit what every system keeps for a connection (RFC 2920, section 3.1).
const UNREAD: usize = 128;

/// Most octets of messages that wait here, each read before its first command.
const READ_AHEAD: usize = 8 * 1024 * 1024;

/// How long a server that has said its last word, or broke the connection, is listened to.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Messages on their way through one session. Replies come in the order of the commands (RFC 2920, section 3.2), so that the
/// first reply that is awaited always belongs to the first message in flight.
pub(super) struct Pipeline<'s, 'a, S: Supply<'a>> {
    pub(super) session: &'s mut Session,
    pub(super) supply: &'s mut S,
    window: usize,
    /// How many messages may be held when the supply is asked again: one step to the disk is to serve many messages.
    ask_at: usize,
    /// Most commands whose replies were not read.
    pub(super) unread: usize,
    /// BDAT, not DATA.
    pub(super) chunks: bool,
    /// Nothing of them was written yet.
    pub(super) waiting: VecDeque<Waiting<'a, S::Ticket>>,
    /// In the order of their commands.
    pub(super) flights: VecDeque<Flight<S::Ticket>>,
    /// What is left of the last message in flight.
    pub(super) writing: Option<Writing<'a>>,
    /// Every reply that is to come.
    pub(super) awaited: VecDeque<Awaited>,
    /// How many of these are for what stands in `out`.
    pub(super) unsent: usize,
    /// Octets of messages whose reply is to come.
    pub(super) octets: usize,
    /// What leaves next.
    pub(super) out: Vec<u8>,
    /// The dots of the message that is being written.
    pub(super) stuffing: Stuffing,
    /// A transaction may be open on the other side.
    pub(super) unclean: bool,
}

/// The session is of no more use.
pub(super) struct Break {
    failure: Failure,
    /// It happened to the first message in flight, at this stage.
    own: Option<Stage>,
    /// The server may have said more before it went.
    listen: bool,
}

impl Break {
    /// For the sake of one message, which has its failure already.
    pub(super) fn given_up(endpoint: &str) -> Break {
        Break { failure: gone(endpoint).into(), own: None, listen: false }
    }
}

fn gone(endpoint: &str) -> LinkError {
    LinkError::Broken { endpoint: endpoint.to_owned(), source: io::ErrorKind::ConnectionAborted.into() }
}

impl<'s, 'a, S: Supply<'a>> Pipeline<'s, 'a, S> {
    pub(super) fn new(session: &'s mut Session, window: Window, supply: &'s mut S) -> Self {
        let wanted = session.transfer == Transfer::Chunks && window > Window::ONE;
        let chunks = wanted && session.extensions.has("CHUNKING");
        let unclean = session.unclean;
        let unread = if session.extensions.has("PIPELINING") { UNREAD } else { 1 };
        Pipeline {
            session,
            supply,
            window: window.messages(),
            ask_at: window.messages() / 2,
            unread,
            chunks,
            waiting: VecDeque::new(),
            flights: VecDeque::new(),
            writing: None,
            awaited: VecDeque::new(),
            unsent: 0,
            octets: 0,
            out: Vec::new(),
            stuffing: Stuffing::new(),
            unclean,
        }
    }

    pub(super) fn run(mut self) -> Result<(), SmtpError> {
        loop {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => {
                    self.session.unclean = self.unclean;
                    return Ok(());
                }
                Err(end) => return Err(self.fall(end)),
            }
        }
    }

    /// Writes as far as that makes sense, then hears what has come. False: there is nothing to do.
    fn turn(&mut self) -> Result<bool, Break> {
        let came = self.refill();
        if self.held() == 0 {
            return Ok(came);
        }
        self.write_on()?;
        if !self.awaited.is_empty() {
            self.read_reply()?;
        }
        self.listen()?;
        Ok(true)
    }

    fn held(&self) -> usize {
        self.flights.len() + self.waiting.len()
    }

    /// Asks for messages when half the window is free, and after an answer of none when half of what was left is done.
    fn refill(&mut self) -> bool {
        let held = self.held();
        if held > self.ask_at {
            return false;
        }
        let orders = self.supply.next(self.window - held);
        self.ask_at = if orders.is_empty() { held / 2 } else { self.window / 2 };
        let came = !orders.is_empty();
        let mut read: usize = self.waiting.iter().map(Waiting::octets).sum();
        for (ticket, order) in orders {
            let made = Waiting::new(ticket, order, &self.session.extensions, self.chunks);
            let made = made.and_then(|made| if read < READ_AHEAD { made.read_first() } else { Ok(made) });
            match made {
                Ok(made) => {
                    read += made.octets();
                    self.waiting.push_back(made);
                }
                Err((ticket, error)) => self.supply.done(ticket, Err(error)),
            }
        }
        came
    }

    /// Hears what has arrived, without waiting for more. Where nothing is awaited the server has nothing to say, and where
    /// it is gone that is learned before the next message may be one of unknown fate.
    pub(super) fn listen(&mut self) -> Result<(), Break> {
        while self.is_speaking() || !self.awaited.is_empty() {
            let expected = self.awaited.len() > self.unsent;
            match self.session.wire.heard() {
                Heard::Nothing => return Ok(()),
                Heard::Speech | Heard::Closed if expected => self.read_reply()?,
                Heard::Speech => return Err(self.interrupted()),
                Heard::Closed => return Err(Break::given_up(self.session.wire.endpoint())),
            }
        }
        Ok(())
    }

    /// Whether more of a message is to be written.
    fn is_speaking(&self) -> bool {
        self.writing.is_some() && self.flights.back().is_some_and(|flight| !flight.has_failed())
    }

    /// The server says something that nobody asked for: it is about the message that is being written, if it has heard of it.
    fn interrupted(&mut self) -> Break {
        self.session.wire.all_within(self.session.timeouts.reply);
        let failure = match Reply::read(&mut self.session.wire) {
            Ok(reply) => Failure::of(reply),
            Err(ReplyFault::Link(link)) => return Break { failure: link.into(), own: None, listen: false },
            Err(ReplyFault::Malformed(what)) => Failure::Protocol(what),
        };
        let heard_of = self.unsent == 0;
        if let (true, Some(flight), Some(writing)) = (heard_of, self.flights.back_mut(), &self.writing) {
            flight.fail(writing.stage(), failure.again());
        }
        Break { failure, own: None, listen: false }
    }

    /// Waits for the reply that is due next, as long as it is given.
    fn read_reply(&mut self) -> Result<(), Break> {
        if let Some(awaited) = self.awaited.front() {
            self.session.wire.all_within(awaited.limit(&self.session.timeouts));
        }
        self.read_in_time()
    }

    /// Reads the reply that is due next, within the time that was set.
    fn read_in_time(&mut self) -> Result<(), Break> {
        let (Some(awaited), Some(flight)) = (self.awaited.front().copied(), self.flights.front_mut()) else {
            return Ok(());
        };
        let reply = Reply::read(&mut self.session.wire).map_err(|fault| match fault {
            ReplyFault::Link(link) => Break { failure: link.into(), own: None, listen: false },
            ReplyFault::Malformed(what) => {
                Break { failure: Failure::Protocol(what), own: Some(awaited.stage()), listen: false }
            }
        })?;
        // After 421 the server closes the connection (RFC 5321, section 3.8), whatever it was the answer to.
        let last = (reply.code() == 421).then(|| Failure::Deferred(reply.clone()));
        if let Some(last) = &last {
            flight.fail(awaited.stage(), last.again());
        }
        let heard = flight.hear(awaited, reply);
        self.awaited.pop_front();
        self.octets -= awaited.octets();
        heard.map_err(|failure| Break { failure, own: Some(awaited.stage()), listen: false })?;
        self.settle();
        match last {
            Some(failure) => Err(Break { failure, own: None, listen: true }),
            None => Ok(()),
        }
    }

    /// Tells of the messages of which everything is known.
    pub(super) fn settle(&mut self) {
        while let Some(flight) = self.flights.pop_front_if(|flight| flight.is_over()) {
            let (ticket, outcome) = flight.settle();
            // The end of a message ends its transaction, whatever is the answer (RFC 5321, section 4.1.1.4).
            let open = outcome.as_ref().is_err_and(|error| error.stage != Stage::Final);
            self.unclean |= open && self.flights.is_empty();
            self.supply.done(ticket, outcome);
        }
    }

    /// Sends what was written.
    pub(super) fn flush(&mut self) -> Result<(), Break> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.advance(End::Next, End::Begun);
        self.session.wire.each_within(self.session.timeouts.block);
        let sent = self.session.wire.send(&self.out);
        self.out.clear();
        self.unsent = 0;
        match sent {
            Ok(()) => {
                if self.flights.iter().any(|flight| flight.end == End::Begun) {
                    here(Moment::LastOctetsSent);
                }
                self.advance(End::Begun, End::Sent);
                Ok(())
            }
            // A server that broke the connection may have said why before it did.
            Err(link) => {
                let listen = !matches!(link, LinkError::Timeout { .. });
                Err(Break { failure: link.into(), own: None, listen })
            }
        }
    }

    fn advance(&mut self, from: End, to: End) {
        self.flights.iter_mut().filter(|flight| flight.end == from).for_each(|flight| flight.end = to);
    }

    /// The end of the session: each message is told how far it had come.
    fn fall(mut self, end: Break) -> SmtpError {
        if end.listen {
            self.session.wire.all_within(LAST_WORDS);
            while self.awaited.len() > self.unsent {
                match self.read_in_time() {
                    Ok(()) | Err(Break { listen: true, .. }) => {}
                    Err(_) => break,
                }
            }
        }
        let endpoint = self.session.wire.endpoint().to_owned();
        self.session.abandon();
        let failure = end.failure;
        let otherwise = || match &failure {
            Failure::Link(link) => Failure::Link(link.again()),
            _ => Failure::Link(gone(&endpoint)),
        };
        let now = self.writing.as_ref().map_or(Stage::Mail, Writing::stage);
        let stage = self.awaited.front().map_or(now, |awaited| awaited.stage());
        let mut own = end.own;
        let mut at = 0;
        for flight in self.flights.drain(..) {
            let reached = self.awaited.get(at).filter(|_| flight.awaited > 0).map_or(now, |awaited| awaited.stage());
            at += flight.awaited;
            let (stage, not_accepted) = match own.take() {
                Some(stage) => (stage, failure.again()),
                None => (reached, otherwise()),
            };
            let (ticket, error) = flight.cut(stage, failure.again(), not_accepted);
            self.supply.done(ticket, Err(error));
        }
        for waiting in self.waiting.drain(..) {
            self.supply.done(waiting.ticket, Err(SmtpError { stage: Stage::Mail, failure: otherwise() }));
        }
        SmtpError { stage, failure }
    }
}
