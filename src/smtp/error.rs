//! What can go wrong in a submission, and how far it had come.

use std::error::Error;
use std::{fmt, io};

use super::{RecipientOutcome, Reply};
use crate::mail::Address;
use crate::net::{Exchange, LinkError, Refused, SaslFault};

/// How far a session or a message had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Name look-up and TCP.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The first words of the server.
    Greeting,
    /// EHLO, before or after TLS.
    Ehlo,
    /// The STARTTLS command.
    StartTls,
    /// Sign-in.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, until the server asks for the message.
    Data,
    /// The message, but for its last octets.
    Body,
    /// The last octets and the answer to them.
    Final,
    /// QUIT.
    Quit,
}

impl Stage {
    /// One word, for a script to read.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Tls => "tls",
            Stage::Greeting => "greeting",
            Stage::Ehlo => "ehlo",
            Stage::StartTls => "starttls",
            Stage::Auth => "auth",
            Stage::Mail => "mail",
            Stage::Rcpt => "rcpt",
            Stage::Data => "data",
            Stage::Body => "body",
            Stage::Final => "final",
            Stage::Quit => "quit",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A session or a message that came to nothing, or, where it says so, to nobody knows what.
#[derive(Debug)]
pub struct SmtpError {
    /// How far it had come.
    pub stage: Stage,
    /// What happened there.
    pub failure: Failure,
}

/// What happened.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The connection did not come about, or broke. Nothing was accepted; it may be tried again.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What the server says is not SMTP.
    #[error("the server does not speak SMTP: {0}")]
    Protocol(&'static str),
    /// The server has no such SASL mechanism.
    #[error("the server does not offer to sign in by {wanted}")]
    MechanismMissing { wanted: &'static str, offered: String },
    /// The sign-in was refused.
    #[error("the server refused the sign-in with {}", .0.code())]
    SignInRefused(Reply),
    /// The access token was refused; `status` is made of the server's words.
    #[error("the server refused the access token with {}", .reply.code())]
    TokenRefused { reply: Reply, status: String },
    /// The sign-in was stopped on our side.
    #[error("the sign-in was stopped: {0}")]
    Sasl(SaslFault),
    /// Refused for good (5yz).
    #[error("the server refused it for good with {}", .0.code())]
    Refused(Reply),
    /// Refused for now (4yz); it may be tried again.
    #[error("the server refused it for now with {}", .0.code())]
    Deferred(Reply),
    /// Each recipient was refused, for good or for now; nothing was sent.
    #[error("the server took none of the {} recipients", .0.len())]
    NoRecipient(Vec<(Address, RecipientOutcome)>),
    /// Larger than the server says it takes; nothing was sent.
    #[error("the message has {size} octets, the server takes {limit}")]
    TooLarge { size: u64, limit: u64 },
    /// The message needs an extension that the server lacks; nothing was sent.
    #[error("the server lacks the extension {0}")]
    Missing(&'static str),
    /// An argument that cannot stand in a command.
    #[error("{0} cannot be written in a command")]
    Argument(&'static str),
    /// The message itself cannot be sent; the server has discarded what it had.
    #[error("the message cannot be sent: {0}")]
    Message(MessageFault),
    /// The message could not be read to its end; the server has discarded what it had.
    #[error("the message could not be read")]
    Source(#[source] io::Error),
    /// The caller went back at the point of no return; the server has discarded what it had.
    #[error("it was stopped before the last octets")]
    Aborted(#[source] io::Error),
    /// The last octets may have left, and no answer came: accepted or not, nobody here knows.
    #[error("the connection broke after the last octets and before the answer")]
    Unknown {
        #[source]
        cause: Box<Failure>,
        /// What was answered for each recipient before: one that was refused is not unknown. One that was not answered for
        /// counts as accepted, which it may have been.
        recipients: Vec<(Address, RecipientOutcome)>,
    },
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// RFC 5321, section 2.3.8: CR and LF stand together, or servers disagree where a message ends.
    #[error("a line of it does not end in CR LF")]
    BareLineBreak,
    /// RFC 5321, section 4.5.3.1.6.
    #[error("a line of it has more than 998 octets")]
    LongLine,
    /// The octets are to be below 128, as the caller said.
    #[error("it has octets above 127")]
    EightBit,
    /// Its length is not the one that was announced.
    #[error("it is not as long as was announced")]
    Length,
    /// No octets at all.
    #[error("it is empty")]
    Empty,
}

impl Failure {
    /// A reply that says no.
    pub(super) fn of(reply: Reply) -> Failure {
        match reply.code() / 100 {
            5 => Failure::Refused(reply),
            4 => Failure::Deferred(reply),
            _ => Failure::Protocol("a reply has the wrong code"),
        }
    }

    /// The last reply to a sign-in, if it is a failure. What stopped it on our side, or the server's word about a token, says
    /// more than its code.
    pub(super) fn of_sign_in(exchange: Exchange, reply: Reply) -> Option<Failure> {
        let kind = reply.code() / 100;
        if kind == 2 {
            return exchange.accepted().err().map(Failure::Sasl);
        }
        match (kind, exchange.refused()) {
            (_, Refused { fault: Some(fault), .. }) if fault.is_distrust() => Some(Failure::Sasl(fault)),
            (4, _) => Some(Failure::Deferred(reply)),
            (5, Refused { status: Some(status), .. }) => Some(Failure::TokenRefused { reply, status }),
            (5, _) => Some(Failure::SignInRefused(reply)),
            _ => Some(Failure::Protocol("a reply has the wrong code")),
        }
    }

    /// The same once more: what ends a session concerns every message that was under way.
    pub(super) fn again(&self) -> Failure {
        match self {
            Failure::Link(link) => Failure::Link(link.again()),
            Failure::Refused(reply) => Failure::Refused(reply.clone()),
            Failure::Deferred(reply) => Failure::Deferred(reply.clone()),
            Failure::Protocol(what) => Failure::Protocol(what),
            _ => Failure::Protocol("the session was given up"),
        }
    }

    /// What the server said, where it said something.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Failure::SignInRefused(reply)
            | Failure::TokenRefused { reply, .. }
            | Failure::Refused(reply)
            | Failure::Deferred(reply) => Some(reply),
            Failure::Unknown { cause, .. } => cause.reply(),
            _ => None,
        }
    }
}

impl SmtpError {
    /// Whether the same message may be tried again without harm: nothing was accepted, and it may be different next time.
    pub fn is_temporary(&self) -> bool {
        match &self.failure {
            Failure::Link(link) => matches!(
                link,
                LinkError::Unreachable { .. }
                    | LinkError::Timeout { .. }
                    | LinkError::Broken { .. }
                    | LinkError::Tls { .. }
                    | LinkError::ProxyRefused { .. }
                    | LinkError::EndlessLine { .. }
            ),
            Failure::Deferred(_) | Failure::Protocol(_) => true,
            Failure::NoRecipient(recipients) => {
                recipients.iter().any(|(_, outcome)| matches!(outcome, RecipientOutcome::Deferred(_)))
            }
            _ => false,
        }
    }
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.failure)
    }
}

impl Error for SmtpError {
    /// The failure is in the words above; what is below it is the cause.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.source()
    }
}
