//! One message: who it is from and for, its octets, and the one moment after which nobody may send it again unasked.

use std::io::{self, Read};

use super::body::{BLOCK, Blocks, Stuffing};
use super::reply::ReplyFault;
use super::session::{Session, Transfer};
use super::{Failure, Reply, SmtpError, Stage};
use crate::mail::{Address, Envelope};
use crate::net::{Heard, LinkError};

/// Most commands that are sent before their replies are read, so that neither side waits for the other to read.
const GROUP: usize = 50;

/// What a message needs of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Its length in octets, before dots are doubled.
    pub size: u64,
    /// Whether it has octets above 127 (RFC 6152). Such a message is refused where this was not said.
    pub eight_bit: bool,
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

/// The replies to what was sent before the message.
struct Opening {
    mail: Reply,
    recipients: Vec<(Address, RecipientOutcome)>,
    data: Option<Reply>,
}

impl Session {
    /// Submits one message of 7-bit octets. See [`Session::submit_with`].
    pub fn submit(
        &mut self,
        envelope: &Envelope,
        size: u64,
        message: &mut dyn Read,
        point_of_no_return: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Outcome, SmtpError> {
        self.submit_with(envelope, Parameters { size, eight_bit: false }, message, point_of_no_return)
    }

    /// Submits one message.
    ///
    /// `point_of_no_return` is called once, when nothing but the last octets is left to send. It is to make durable that the
    /// message may be delivered from now on; an error from it ends the message, and nothing of it is kept by the server.
    ///
    /// A recipient who is refused does not keep the message from the others.
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
        let at = |stage| move |failure| SmtpError { stage, failure };
        if !self.is_open() {
            let endpoint = self.wire.endpoint().to_owned();
            let source = io::ErrorKind::NotConnected.into();
            return Err(at(Stage::Mail)(LinkError::Broken { endpoint, source }.into()));
        }
        let mail = self.mail_command(envelope, parameters).map_err(at(Stage::Mail))?;
        let mut blocks = Blocks::new(message, parameters.size, parameters.eight_bit).map_err(at(Stage::Mail))?;
        let chunks = self.transfer == Transfer::Chunks && self.extensions.has("CHUNKING");
        let opening = self.open_transaction(mail, envelope, !chunks)?;
        let recipients = self.check_opening(opening, chunks)?;
        let sent = if chunks {
            self.send_chunks(&mut blocks, point_of_no_return)
        } else {
            self.send_data(&mut blocks, point_of_no_return)
        };
        let reply = match sent {
            Ok(reply) => reply,
            Err(SmtpError { stage, failure: Failure::Unknown { cause, .. } }) => {
                return Err(at(stage)(Failure::Unknown { cause, recipients }));
            }
            Err(error) => return Err(error),
        };
        if reply.is_positive() {
            return Ok(Outcome { queue_id: reply.queue_id(), reply, recipients });
        }
        self.reset();
        Err(at(Stage::Final)(Failure::of(reply)))
    }

    fn mail_command(&self, envelope: &Envelope, parameters: Parameters) -> Result<String, Failure> {
        let mut command = format!("MAIL FROM:<{}>", envelope.sender);
        if self.extensions.has("SIZE") {
            match self.extensions.size_limit() {
                Some(limit) if parameters.size > limit => {
                    return Err(Failure::TooLarge { size: parameters.size, limit });
                }
                _ => command += &format!(" SIZE={}", parameters.size),
            }
        }
        if parameters.eight_bit {
            if !self.extensions.has("8BITMIME") {
                return Err(Failure::Missing("8BITMIME"));
            }
            command += " BODY=8BITMIME";
        }
        let mut addresses = std::iter::once(&envelope.sender).chain(&envelope.recipients);
        if addresses.any(Address::is_internationalized) {
            if !self.extensions.has("SMTPUTF8") {
                return Err(Failure::Missing("SMTPUTF8"));
            }
            command += " SMTPUTF8";
        }
        Ok(command + "\r\n")
    }

    /// Sends MAIL, each RCPT and, where asked, DATA: together where the server has PIPELINING (RFC 2920), else one by one
    /// and only as far as it makes sense.
    fn open_transaction(&mut self, mail: String, envelope: &Envelope, data: bool) -> Result<Opening, SmtpError> {
        let count = envelope.recipients.len();
        let mut commands = vec![mail];
        commands.extend(envelope.recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>\r\n")));
        commands.extend(data.then(|| "DATA\r\n".to_owned()));
        let at_once = if self.extensions.has("PIPELINING") { GROUP } else { 1 };
        let mut replies: Vec<Reply> = Vec::new();
        for group in commands.chunks(at_once) {
            let mail_refused = replies.first().is_some_and(|mail| !mail.is_positive());
            let data_is_next = replies.len() == 1 + count;
            if mail_refused || data_is_next && !replies[1..].iter().any(Reply::is_positive) {
                break;
            }
            self.wire.all_within(self.timeouts.reply);
            let sent = self.wire.send(group.concat().as_bytes());
            sent.map_err(|link| self.broken(stage_of(replies.len(), count), link.into()))?;
            for _ in group {
                let reply = self.read_reply(stage_of(replies.len(), count))?;
                replies.push(reply);
            }
        }
        let mut replies = replies.into_iter();
        let mail = replies.next().expect("the first group is always sent, and each command of it was answered");
        let outcomes = envelope.recipients.iter().cloned().zip(replies.by_ref().take(count).map(outcome_of));
        Ok(Opening { mail, recipients: outcomes.collect(), data: replies.next() })
    }

    /// Goes on only if the sender, somebody, and DATA were accepted; else leaves the transaction.
    fn check_opening(&mut self, opening: Opening, chunks: bool) -> Result<Vec<(Address, RecipientOutcome)>, SmtpError> {
        let Opening { mail, recipients, data } = opening;
        let granted = data.as_ref().is_some_and(|data| data.code() == 354);
        let (stage, failure) = if !mail.is_positive() {
            (Stage::Mail, Failure::of(mail))
        } else if !recipients.iter().any(|(_, outcome)| *outcome == RecipientOutcome::Accepted) {
            (Stage::Rcpt, Failure::NoRecipient(recipients))
        } else {
            match data {
                _ if chunks || granted => return Ok(recipients),
                Some(data) => (Stage::Data, Failure::of(data)),
                None => (Stage::Data, Failure::Protocol("no answer to DATA")),
            }
        };
        if granted {
            // DATA went out with the rest and was granted although there is nobody to write to: an empty message ends it
            // (RFC 2920, section 3.1).
            let _ = self.command(Stage::Data, ".\r\n");
        }
        self.reset();
        Err(SmtpError { stage, failure })
    }

    /// DATA was granted: the message with its dots doubled, and the lone dot in one piece with the last block.
    fn send_data(
        &mut self,
        blocks: &mut Blocks<'_>,
        point_of_no_return: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Reply, SmtpError> {
        let mut stuffing = Stuffing::new();
        let mut out = Vec::with_capacity(BLOCK + BLOCK / 16);
        loop {
            // A message that ends early cannot be taken back but by breaking the connection.
            let (block, last) = blocks.next().map_err(|failure| self.broken(Stage::Body, failure))?;
            out.clear();
            stuffing.stuff(block, &mut out);
            if last {
                stuffing.end(&mut out);
                self.listen_before_the_end()?;
                point_of_no_return().map_err(|error| self.broken(Stage::Body, Failure::Aborted(error)))?;
                return self.commit(&out);
            }
            self.wire.each_within(self.timeouts.block);
            self.wire.send(&out).map_err(|link| self.broken(Stage::Body, link.into()))?;
        }
    }

    /// The message in chunks, each acknowledged before the next (RFC 3030).
    fn send_chunks(
        &mut self,
        blocks: &mut Blocks<'_>,
        point_of_no_return: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Reply, SmtpError> {
        loop {
            let (block, last) = match blocks.next() {
                Ok(next) => next,
                Err(failure) => {
                    self.reset();
                    return Err(SmtpError { stage: Stage::Body, failure });
                }
            };
            let mark = if last { " LAST" } else { "" };
            let out = [format!("BDAT {}{mark}\r\n", block.len()).as_bytes(), block].concat();
            if last {
                self.listen_before_the_end()?;
                if let Err(error) = point_of_no_return() {
                    self.reset();
                    return Err(SmtpError { stage: Stage::Body, failure: Failure::Aborted(error) });
                }
                return self.commit(&out);
            }
            self.wire.each_within(self.timeouts.block);
            self.wire.send(&out).map_err(|link| self.broken(Stage::Body, link.into()))?;
            self.wire.all_within(self.timeouts.reply);
            let reply = self.read_reply(Stage::Body)?;
            if !reply.is_positive() {
                self.reset();
                return Err(SmtpError { stage: Stage::Body, failure: Failure::of(reply) });
            }
        }
    }

    /// A server that has already said no, or gone, must not make the message one of unknown fate.
    fn listen_before_the_end(&mut self) -> Result<(), SmtpError> {
        match self.wire.heard() {
            Heard::Nothing => Ok(()),
            Heard::Closed => {
                let endpoint = self.wire.endpoint().to_owned();
                let source = io::ErrorKind::ConnectionAborted.into();
                Err(self.broken(Stage::Body, LinkError::Broken { endpoint, source }.into()))
            }
            Heard::Speech => {
                self.wire.all_within(self.timeouts.reply);
                let reply = self.read_reply(Stage::Body)?;
                Err(self.broken(Stage::Body, Failure::of(reply)))
            }
        }
    }

    /// Sends the last octets and waits for the answer. From here on whatever is not an answer is [`Failure::Unknown`].
    fn commit(&mut self, last: &[u8]) -> Result<Reply, SmtpError> {
        self.wire.each_within(self.timeouts.block);
        let sent = self.wire.send(last);
        if let Err(link @ LinkError::Timeout { .. }) = sent {
            return Err(self.unknown(link.into()));
        }
        self.wire.all_within(self.timeouts.last_reply);
        match Reply::read(&mut self.wire) {
            Ok(reply) if reply.code() == 421 => Err(self.broken(Stage::Final, Failure::Deferred(reply))),
            // A server that broke the connection may have said no before it did.
            Ok(reply) if reply.is_permanent() || reply.is_temporary() => Ok(reply),
            Ok(reply) if reply.is_positive() && sent.is_ok() => Ok(reply),
            Ok(reply) => Err(self.unknown(Failure::of(reply))),
            Err(ReplyFault::Link(link)) => Err(self.unknown(sent.err().unwrap_or(link).into())),
            Err(ReplyFault::Malformed(what)) => Err(self.unknown(Failure::Protocol(what))),
        }
    }

    fn unknown(&mut self, cause: Failure) -> SmtpError {
        self.broken(Stage::Final, Failure::Unknown { cause: Box::new(cause), recipients: Vec::new() })
    }
}

/// The stage of the reply with this number.
fn stage_of(number: usize, recipients: usize) -> Stage {
    match number {
        0 => Stage::Mail,
        _ if number <= recipients => Stage::Rcpt,
        _ => Stage::Data,
    }
}

fn outcome_of(reply: Reply) -> RecipientOutcome {
    match reply.code() / 100 {
        2 => RecipientOutcome::Accepted,
        4 => RecipientOutcome::Deferred(reply),
        _ => RecipientOutcome::Refused(reply),
    }
}
