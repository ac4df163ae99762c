//! A session: greeting, TLS, capabilities, sign-in, and the way out.

mod meeting;

pub use meeting::Meeting;

use super::reply::ReplyFault;
use super::{Extensions, Failure, Reply, SmtpError, Stage};
use crate::net::{
    Credential, Dialer, Endpoint, Exchange, LinkError, NotBegun, Security, Stream, Timeouts, Wire, bounded,
};

/// Longest command line that every server takes (RFC 5321, section 4.5.3.1.4).
const COMMAND_LIMIT: usize = 512;

/// More challenges than any mechanism has.
const CHALLENGES: usize = 8;

/// A signed-in session with a submission server (RFC 6409). Many messages may pass through it.
pub struct Session {
    pub(super) wire: Wire,
    pub(super) timeouts: Timeouts,
    pub(super) extensions: Extensions,
    pub(super) transfer: Transfer,
    /// The last message may have left a transaction open.
    pub(super) unclean: bool,
    /// The client was asked who it is, and said it.
    authenticated: bool,
    open: bool,
}

/// How the octets of a message are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// BDAT (RFC 3030), where the server has CHUNKING and several messages may be in flight; else DATA.
    #[default]
    Chunks,
    /// DATA and a lone dot (RFC 5321), which every server knows.
    Data,
}

impl Session {
    /// Connects, secures the connection, and signs in. Neither the name of the mailbox nor anything secret leaves before TLS
    /// is in place and the server's certificate was accepted.
    ///
    /// `ehlo_name` is what the client calls itself (RFC 5321, section 4.1.1.1): a domain name or an address literal.
    pub fn open(
        dialer: &Dialer,
        endpoint: &Endpoint,
        credential: &Credential,
        ehlo_name: &str,
    ) -> Result<Session, SmtpError> {
        let mut session = Session::secured(dialer, endpoint, endpoint, ehlo_name)?;
        session.sign_in(credential)?;
        Ok(session)
    }

    /// Connects, secures the connection, and asks what the server can do; nobody signs in.
    pub fn greet(dialer: &Dialer, endpoint: &Endpoint, ehlo_name: &str) -> Result<Extensions, SmtpError> {
        let session = Session::secured(dialer, endpoint, endpoint, ehlo_name)?;
        let extensions = session.extensions.clone();
        // It has said what was asked, whatever comes of the farewell.
        let _ = session.quit();
        Ok(extensions)
    }

    /// The certificate must be one for the host of `endpoint`; `way` is where to connect, which may be an address of it.
    fn secured(dialer: &Dialer, endpoint: &Endpoint, way: &Endpoint, ehlo_name: &str) -> Result<Session, SmtpError> {
        let at = |stage| move |failure: Failure| SmtpError { stage, failure };
        if !is_host(ehlo_name) {
            return Err(at(Stage::Ehlo)(Failure::Argument("the name of the client")));
        }
        let stream = dialer.connect(way).map_err(|link| at(Stage::Connect)(link.into()))?;
        let mut wire = Wire::new(stream);
        if endpoint.security == Security::Implicit {
            wire = wire.secure(dialer, &endpoint.host).map_err(|link| at(Stage::Tls)(link.into()))?;
        }
        let mut session = Session {
            wire,
            timeouts: dialer.timeouts(),
            extensions: Extensions::default(),
            transfer: Transfer::default(),
            unclean: false,
            authenticated: false,
            open: true,
        };
        session.wire.all_within(session.timeouts.greeting);
        let greeting = session.read_reply(Stage::Greeting)?;
        session.require(Stage::Greeting, greeting, 220)?;
        session.say_hello(ehlo_name)?;
        if endpoint.security == Security::StartTls {
            session = session.start_tls(dialer, endpoint)?;
            session.say_hello(ehlo_name)?;
        }
        Ok(session)
    }

    /// A session that is past its sign-in, with a server that has these extensions.
    #[cfg(test)]
    pub(super) fn signed_in(wire: Wire, extensions: &str) -> Session {
        Session {
            wire,
            timeouts: crate::net::scripted::timeouts(),
            extensions: Extensions::named(extensions),
            transfer: Transfer::default(),
            unclean: false,
            authenticated: false,
            open: true,
        }
    }

    /// Chooses how messages are sent from now on.
    pub fn set_transfer(&mut self, transfer: Transfer) {
        self.transfer = transfer;
    }

    /// What the server says it can do, under TLS.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The connection: what TLS agreed on, and the server's certificate.
    pub fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    /// Whether something was said to sign in; else the certificate of the handshake is all the server has.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Whether another message can be submitted here.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Takes leave. What was accepted stays accepted, whatever comes of this.
    pub fn quit(mut self) -> Result<(), SmtpError> {
        if !self.open {
            return Ok(());
        }
        let answered = self.command(Stage::Quit, "QUIT\r\n").map(|_| ());
        self.abandon();
        answered
    }

    fn say_hello(&mut self, name: &str) -> Result<(), SmtpError> {
        self.wire.all_within(self.timeouts.reply);
        let sent = self.wire.send(format!("EHLO {name}\r\n").as_bytes());
        sent.map_err(|link| self.broken(Stage::Ehlo, link.into()))?;
        // Behind the session tickets of a TLS handshake many servers hold this answer back until those are acknowledged.
        self.wire.acknowledge_at_once();
        let reply = self.read_reply(Stage::Ehlo)?;
        let reply = self.require(Stage::Ehlo, reply, 250)?;
        self.extensions = Extensions::of(&reply);
        Ok(())
    }

    fn start_tls(mut self, dialer: &Dialer, endpoint: &Endpoint) -> Result<Session, SmtpError> {
        let named = || endpoint.to_string();
        if !self.extensions.has("STARTTLS") {
            return Err(self.broken(Stage::StartTls, LinkError::StartTlsMissing { endpoint: named() }.into()));
        }
        let reply = self.command(Stage::StartTls, "STARTTLS\r\n")?;
        if reply.code() != 220 {
            let refused = LinkError::StartTlsRefused { endpoint: named(), reply: reply.to_string() };
            return Err(self.broken(Stage::StartTls, refused.into()));
        }
        let wire = self.wire.secure(dialer, &endpoint.host);
        let wire = wire.map_err(|link| SmtpError { stage: Stage::Tls, failure: link.into() })?;
        Ok(Session { wire, ..self })
    }

    /// SASL (RFC 4954), challenge by challenge.
    fn sign_in(&mut self, credential: &Credential) -> Result<(), SmtpError> {
        if credential.is_nothing() {
            return Ok(());
        }
        let binding = self.wire.stream().channel_binding();
        let mut exchange = match Exchange::begin(credential, self.extensions.mechanisms(), binding) {
            Ok(exchange) => exchange,
            // Whether the certificate is enough is said at MAIL or RCPT.
            Err(NotBegun::NotOffered) if credential.may_be_silent() => return Ok(()),
            Err(why) => {
                let failure = self.not_begun(credential, why);
                return Err(self.broken(Stage::Auth, failure));
            }
        };
        self.authenticated = true;
        self.wire.all_within(self.timeouts.reply);
        let mut line = exchange.command("AUTH", Some(COMMAND_LIMIT));
        for _ in 0..CHALLENGES {
            self.wire.send_secret(&line).map_err(|link| self.broken(Stage::Auth, link.into()))?;
            let reply = self.read_reply(Stage::Auth)?;
            if reply.code() != 334 {
                return Failure::of_sign_in(exchange, reply).map_or(Ok(()), |it| Err(self.broken(Stage::Auth, it)));
            }
            line = exchange.answer(reply.lines().first().map_or(&[], |line| line.as_bytes()));
        }
        Err(self.broken(Stage::Auth, Failure::Protocol("the sign-in does not end")))
    }

    fn not_begun(&self, credential: &Credential, why: NotBegun) -> Failure {
        match why {
            NotBegun::NotOffered => {
                let offered = bounded(&self.extensions.mechanisms().collect::<Vec<_>>().join(" "));
                Failure::MechanismMissing { wanted: credential.wanted(), offered }
            }
            NotBegun::Fault(fault) => Failure::Sasl(fault),
        }
    }

    /// Sends one command and reads its reply.
    fn command(&mut self, stage: Stage, line: &str) -> Result<Reply, SmtpError> {
        self.wire.all_within(self.timeouts.reply);
        self.wire.send(line.as_bytes()).map_err(|link| self.broken(stage, link.into()))?;
        self.read_reply(stage)
    }

    /// Reads a reply within the time that was set. After 421 the server is gone (RFC 5321, section 3.8).
    fn read_reply(&mut self, stage: Stage) -> Result<Reply, SmtpError> {
        match Reply::read(&mut self.wire) {
            Ok(reply) if reply.code() == 421 => Err(self.broken(stage, Failure::Deferred(reply))),
            Ok(reply) => Ok(reply),
            Err(ReplyFault::Link(link)) => Err(self.broken(stage, link.into())),
            Err(ReplyFault::Malformed(what)) => Err(self.broken(stage, Failure::Protocol(what))),
        }
    }

    fn require(&mut self, stage: Stage, reply: Reply, code: u16) -> Result<Reply, SmtpError> {
        if reply.code() == code { Ok(reply) } else { Err(self.broken(stage, Failure::of(reply))) }
    }

    /// Ends the connection without a word: the server discards a message that has no end.
    pub(super) fn abandon(&mut self) {
        self.open = false;
        self.wire.close();
    }

    /// An error after which the session is of no more use.
    fn broken(&mut self, stage: Stage, failure: Failure) -> SmtpError {
        self.abandon();
        SmtpError { stage, failure }
    }
}

/// A domain name or an address literal, as far as it can do no harm in a command.
fn is_host(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    (1..=255).contains(&name.len()) && name.chars().all(allowed)
}
