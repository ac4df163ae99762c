//! The submission server (RFC 6409): TLS before all else, sign-in before MAIL, on disk before the last 250.

mod command;
mod intake;
mod message;
mod receipt;
mod report;
mod sasl;

use std::io::{self, Write};
use std::time::Duration;

use crate::mail::Address;
use crate::sandbox::faults::{Stage, smtp_reply};
use crate::sandbox::listener::Stop;
use crate::sandbox::server::{Interruption, Service};
use crate::sandbox::wire::{Line, Wire};
use command::{Command, MailFrom, RcptTo};
use intake::Intake;

/// The largest message that is taken, in octets; SIZE says so (RFC 1870).
pub(super) const MAX_MESSAGE: u64 = 256 << 20;
/// RFC 5321, section 4.5.3.1, asks for 512; parameters need more.
const MAX_LINE: usize = 4096;
const MAX_RECIPIENTS: usize = 1000;
const MAX_ERRORS: u32 = 20;
/// RFC 5321, section 4.5.3.2.7.
const PATIENCE: Duration = Duration::from_secs(300);

const OUT_OF_ORDER: &str = "503 5.5.1 not now";
const FAREWELL: &str = "421 4.3.2 the service closes";

/// Talks with one client until it leaves; an error means the line is to be broken off.
pub(super) fn converse(
    service: &Service,
    stop: &Stop,
    wire: &mut Wire,
    struck: Option<Interruption>,
) -> io::Result<()> {
    wire.set_patience(PATIENCE)?;
    let offers_tls = !service.faults.strips(Stage::StartTls);
    let mut session = Session {
        service,
        stop,
        wire,
        offers_tls,
        greeted: None,
        user: None,
        transaction: None,
        errors: 0,
        failures: 0,
    };
    if let Some(struck) = struck {
        session.answer(&struck.reply(Stage::Connect))?;
        return Ok(());
    }
    session.answer(&format!("220 {} ESMTP sandbox", service.name))?;
    session.run()
}

impl Interruption {
    fn reply(&self, stage: Stage) -> String {
        match self {
            Interruption::Refuse(text) => smtp_reply(stage, true, text),
            Interruption::Defer(text) => smtp_reply(stage, false, text),
            Interruption::Close => FAREWELL.to_owned(),
        }
    }
}

struct Session<'a> {
    service: &'a Service,
    stop: &'a Stop,
    wire: &'a mut Wire,
    offers_tls: bool,
    /// What the client calls itself, once it said so.
    greeted: Option<String>,
    user: Option<Address>,
    transaction: Option<Transaction>,
    errors: u32,
    failures: u32,
}

/// A message that is being submitted.
struct Transaction {
    from: Address,
    mail: MailFrom,
    recipients: Vec<RcptTo>,
    /// The message, while BDAT brings it in pieces.
    chunks: Option<Intake>,
    /// A piece was refused: those that follow are read and thrown away, up to the last one.
    discarding: bool,
}

/// Whether the dialogue goes on.
enum Next {
    Go,
    Leave,
}

impl Session<'_> {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let command = match self.wire.read_line(MAX_LINE)? {
                Line::End => return Ok(()),
                Line::TooLong => {
                    self.mistake("500 5.5.6 the line is too long")?;
                    continue;
                }
                Line::Whole(line) => Command::parse(&line),
            };
            let next = match command {
                Ok(command) => self.obey(command)?,
                Err(refusal) => self.mistake(refusal.0)?,
            };
            if let Next::Leave = next {
                return Ok(());
            }
        }
    }

    fn obey(&mut self, command: Command) -> io::Result<Next> {
        match command {
            Command::Quit => self.quit(),
            Command::Noop => self.answer("250 2.0.0 ok"),
            Command::Ehlo(name) => self.ehlo(name),
            Command::StartTls => self.start_tls(),
            // A chunk follows its command whatever the answer is.
            Command::Bdat { size, last } => self.bdat(size, last),
            _ if !self.wire.is_tls() => self.mistake("530 5.7.0 issue a STARTTLS command first"),
            Command::Helo(name) => {
                self.reset();
                self.greeted = Some(name);
                self.answer(&format!("250 {}", self.service.name))
            }
            Command::Rset => {
                self.reset();
                self.answer("250 2.0.0 reset")
            }
            Command::Help => self.answer("214 2.0.0 RFC 6409, 3207, 4954, 1870, 2920, 3030, 3461, 6531"),
            Command::Vrfy => self.answer("252 2.5.2 send some mail, and see"),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial),
            _ if self.greeted.is_none() => self.mistake("503 5.5.1 say EHLO first"),
            _ if self.user.is_none() => self.mistake("530 5.7.0 authentication required"),
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.data(),
        }
    }

    fn answer(&mut self, reply: &str) -> io::Result<Next> {
        self.wire.write_all(reply.as_bytes())?;
        self.wire.write_all(b"\r\n")?;
        Ok(Next::Go)
    }

    /// Answers a command that was wrong; a client that keeps being wrong is sent away.
    fn mistake(&mut self, reply: &str) -> io::Result<Next> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            self.answer("421 4.7.0 too many errors")?;
            return Ok(Next::Leave);
        }
        self.answer(reply)
    }

    /// Lets a fault strike; what it leaves to be said is said, and `Some` tells that the command is dealt with.
    fn struck(&mut self, stage: Stage) -> io::Result<Option<Next>> {
        let Some(interruption) = self.service.interrupt(stage, self.wire, self.stop)? else { return Ok(None) };
        self.answer(&interruption.reply(stage))?;
        Ok(Some(if interruption == Interruption::Close { Next::Leave } else { Next::Go }))
    }

    fn reset(&mut self) {
        self.transaction = None;
    }

    fn quit(&mut self) -> io::Result<Next> {
        if self.struck(Stage::Quit)?.is_none() {
            self.answer("221 2.0.0 bye")?;
        }
        Ok(Next::Leave)
    }

    fn ehlo(&mut self, name: String) -> io::Result<Next> {
        if let Some(next) = self.struck(Stage::Ehlo)? {
            return Ok(next);
        }
        self.reset();
        self.greeted = Some(name);
        let mut lines = vec![format!("{} at your service", self.service.name)];
        lines.extend(
            ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"].map(str::to_owned),
        );
        lines.push(format!("SIZE {MAX_MESSAGE}"));
        if !self.wire.is_tls() && self.offers_tls {
            lines.push("STARTTLS".to_owned());
        }
        if self.wire.is_tls() {
            let external = if self.wire.client_certificate().is_some() { " EXTERNAL" } else { "" };
            let plus = if self.wire.exporter().is_some() { " SCRAM-SHA-256-PLUS" } else { "" };
            lines.push(format!("AUTH PLAIN LOGIN SCRAM-SHA-256{plus} XOAUTH2 OAUTHBEARER{external}"));
        }
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            self.answer(&format!("250{}{line}", if at == last { ' ' } else { '-' }))?;
        }
        Ok(Next::Go)
    }

    fn start_tls(&mut self) -> io::Result<Next> {
        if self.wire.is_tls() || !self.offers_tls {
            return self.mistake("502 5.5.1 STARTTLS is not available");
        }
        if let Some(next) = self.struck(Stage::StartTls)? {
            return Ok(next);
        }
        self.answer("220 2.0.0 ready to start TLS")?;
        let config = self.service.tls(Stage::StartTls);
        self.wire.start_tls(config)?;
        self.wire.set_patience(PATIENCE)?;
        // What was said in clear is forgotten (RFC 3207, section 4.2).
        self.reset();
        self.greeted = None;
        Ok(Next::Go)
    }

    fn mail(&mut self, mail: MailFrom) -> io::Result<Next> {
        if self.transaction.is_some() {
            return self.mistake("503 5.5.1 one transaction at a time");
        }
        if let Some(next) = self.struck(Stage::Mail)? {
            return Ok(next);
        }
        if mail.size.is_some_and(|size| size > MAX_MESSAGE) {
            return self.answer("552 5.3.4 the message is larger than SIZE allows");
        }
        match (&mail.address, &self.user) {
            (Some(address), Some(user)) if address == user => {
                let from = address.clone();
                self.transaction =
                    Some(Transaction { from, mail, recipients: Vec::new(), chunks: None, discarding: false });
                self.answer("250 2.1.0 sender ok")
            }
            _ => self.answer("553 5.7.1 the sender is not the address that signed in"),
        }
    }

    fn rcpt(&mut self, rcpt: RcptTo) -> io::Result<Next> {
        let Some(transaction) = &self.transaction else { return self.mistake(OUT_OF_ORDER) };
        if transaction.chunks.is_some() || transaction.discarding {
            return self.mistake(OUT_OF_ORDER);
        }
        if transaction.recipients.len() >= MAX_RECIPIENTS {
            return self.answer("452 4.5.3 too many recipients");
        }
        if rcpt.address.is_internationalized() && !transaction.mail.smtputf8 {
            return self.mistake("553 5.6.7 an address outside ASCII needs SMTPUTF8");
        }
        if let Some(next) = self.struck(Stage::Rcpt)? {
            return Ok(next);
        }
        let domain = rcpt.address.domain();
        if self.service.accounts.has_domain(domain) {
            if !self.service.accounts.has_mailbox(&rcpt.address) {
                return self.answer("550 5.1.1 no such mailbox");
            }
        } else if domain == "sandbox" || domain.ends_with(".sandbox") {
            return self.answer("550 5.1.2 the domain is not of this space");
        }
        // The rest of the world is relayed to: its mail ends on our disk, in mailboxes nobody can sign in to.
        if let Some(transaction) = &mut self.transaction
            && transaction.recipients.iter().all(|known| known.address != rcpt.address)
        {
            transaction.recipients.push(rcpt);
        }
        self.answer("250 2.1.5 recipient ok")
    }
}

#[cfg(test)]
mod notice_tests;
#[cfg(test)]
mod pipelining_tests;
#[cfg(test)]
mod tests;
