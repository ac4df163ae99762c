//! The mailbox server: IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051), TLS before sign-in.

mod change;
mod command;
mod decode;
mod describe;
mod fetch;
mod folders;
mod header;
mod idle;
mod items;
mod matching;
mod reader;
mod sasl;
mod search;
mod selected;
mod sequence;
mod structure;

use std::io::{self, Write};
use std::time::Duration;

use crate::mail::Address;
use crate::sandbox::faults::Stage;
use crate::sandbox::listener::Stop;
use crate::sandbox::server::{Interruption, Service};
use crate::sandbox::store::StoreError;
use crate::sandbox::wire::Wire;
use command::Command;
use reader::{ReadError, Reader};
use selected::Selected;

/// RFC 9051, section 5.4: not less than half an hour.
const PATIENCE: Duration = Duration::from_secs(1800);
const MAX_ERRORS: u32 = 50;

/// Talks with one client until it leaves; an error means the line is to be broken off.
pub(super) fn converse(
    service: &Service,
    stop: &Stop,
    wire: &mut Wire,
    struck: Option<Interruption>,
) -> io::Result<()> {
    wire.set_patience(PATIENCE)?;
    let offers_tls = !service.faults.strips(Stage::MailboxStartTls);
    let mut session =
        Session { service, stop, wire, offers_tls, user: None, selected: None, rev2: false, errors: 0, failures: 0 };
    if let Some(Interruption::Refuse(text) | Interruption::Defer(text)) = struck {
        return session.untagged(&format!("BYE {text}"));
    } else if struck.is_some() {
        return session.untagged("BYE the service closes");
    }
    let capabilities = session.capabilities();
    session.untagged(&format!("OK [CAPABILITY {capabilities}] {} ready", service.name))?;
    session.run()
}

struct Session<'a> {
    service: &'a Service,
    stop: &'a Stop,
    wire: &'a mut Wire,
    offers_tls: bool,
    user: Option<Address>,
    selected: Option<Selected>,
    /// The client asked for IMAP4rev2 (RFC 9051, section 6.3.1).
    rev2: bool,
    errors: u32,
    failures: u32,
}

/// How a command ended, for its tagged reply.
enum Done {
    Ok(String),
    No(String),
    Bad(&'static str),
    /// As `Ok`, and the session is over.
    Leave,
    /// The farewell was said; there is no tagged reply.
    Gone,
}

/// Why a command did not end.
enum Trouble {
    Wire(io::Error),
    Store(StoreError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Wire(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error)
    }
}

type Outcome = Result<Done, Trouble>;

fn done(what: &str) -> Outcome {
    Ok(Done::Ok(format!("{what} completed")))
}

/// The words of a NO, with their response code (RFC 9051, section 7.1).
fn refusal(error: &StoreError) -> String {
    let code = match error {
        StoreError::NoFolder | StoreError::Gone => "NONEXISTENT",
        StoreError::Exists => "ALREADYEXISTS",
        StoreError::Name | StoreError::Standing => "CANNOT",
        StoreError::HasChildren => "HASCHILDREN",
        StoreError::Full => "OVERQUOTA",
        StoreError::Damaged => "CORRUPTION",
        StoreError::Files(_) | StoreError::Io(_) => "SERVERBUG",
    };
    format!("[{code}] {error}")
}

impl Session<'_> {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let mut reader = Reader::new(self.wire);
            let tag = match reader.tag() {
                Ok(tag) => tag,
                Err(ReadError::Wire(error)) => return Err(error),
                Err(ReadError::End) => return Ok(()),
                Err(ReadError::Syntax(_)) => "*".to_owned(),
            };
            let command = match reader.space().and_then(|()| Command::read(&mut reader)) {
                Ok(command) => command,
                Err(ReadError::Wire(error)) => return Err(error),
                Err(ReadError::End) => return Ok(()),
                Err(ReadError::Syntax(why)) => {
                    match reader.recover() {
                        Err(ReadError::Wire(error)) => return Err(error),
                        Err(_) => return Ok(()),
                        Ok(()) => {}
                    }
                    if self.mistake(&tag, why)? {
                        continue;
                    }
                    return Ok(());
                }
            };
            if !self.obey(&tag, command)? {
                return Ok(());
            }
        }
    }

    /// Carries out a command and says how it ended; whether the session goes on.
    fn obey(&mut self, tag: &str, command: Command) -> io::Result<bool> {
        match self.dispatch(tag, command) {
            Ok(Done::Ok(text)) => self.line(&format!("{tag} OK {text}"))?,
            Ok(Done::No(text)) => self.line(&format!("{tag} NO {text}"))?,
            Ok(Done::Bad(why)) => return self.mistake(tag, why),
            Ok(Done::Leave) => {
                self.line(&format!("{tag} OK LOGOUT completed"))?;
                return Ok(false);
            }
            Ok(Done::Gone) => return Ok(false),
            Err(Trouble::Wire(error)) => return Err(error),
            Err(Trouble::Store(error)) => self.line(&format!("{tag} NO {}", refusal(&error)))?,
        }
        Ok(true)
    }

    /// Answers a command that was wrong; a client that keeps being wrong is sent away.
    fn mistake(&mut self, tag: &str, why: &str) -> io::Result<bool> {
        self.errors += 1;
        self.line(&format!("{tag} BAD {why}"))?;
        if self.errors > MAX_ERRORS {
            self.untagged("BYE too many errors")?;
        }
        Ok(self.errors <= MAX_ERRORS)
    }

    fn dispatch(&mut self, tag: &str, command: Command) -> Outcome {
        let needs_user = !matches!(
            command,
            Command::Capability
                | Command::Noop
                | Command::Logout
                | Command::StartTls
                | Command::Id
                | Command::Login { .. }
                | Command::Authenticate { .. }
        );
        if needs_user && self.user.is_none() {
            if let Command::Append(append) = &command {
                // Its message is on the way, or waits to be asked for.
                self.skip_message(append.size, append.waits)?;
            }
            return Ok(Done::Bad("sign in first"));
        }
        match command {
            Command::Capability => {
                let capabilities = self.capabilities();
                self.untagged(&format!("CAPABILITY {capabilities}"))?;
                done("CAPABILITY")
            }
            Command::Noop => self.refreshed("NOOP"),
            Command::Check => self.refreshed("CHECK"),
            Command::Logout => {
                self.untagged("BYE see you")?;
                Ok(Done::Leave)
            }
            Command::StartTls => self.start_tls(tag),
            Command::Login { user, password } => self.login(&user, &password),
            Command::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial),
            Command::Id => {
                self.untagged("ID (\"name\" \"mss sandbox\" \"support-url\" NIL)")?;
                done("ID")
            }
            Command::Enable(names) => {
                let known = names.iter().any(|name| name == "IMAP4REV2");
                self.rev2 |= known;
                self.untagged(if known { "ENABLED IMAP4rev2" } else { "ENABLED" })?;
                done("ENABLE")
            }
            Command::Namespace => {
                self.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL")?;
                done("NAMESPACE")
            }
            Command::Idle => self.idle(),
            other => self.dispatch_mail(tag, other),
        }
    }

    fn dispatch_mail(&mut self, tag: &str, command: Command) -> Outcome {
        match command {
            Command::Select { name, read_only } => self.select(&name, read_only),
            Command::Create(name) => self.create(&name),
            Command::Delete(name) => self.delete(&name),
            Command::Rename { from, to } => self.rename(&from, &to),
            Command::Subscribe { name, subscribed } => self.subscribe(&name, subscribed),
            Command::List(list) => self.list(&list),
            Command::Status { name, items } => self.status(&name, &items),
            Command::Append(append) => self.append(append),
            Command::Close { expunge } => self.close(expunge),
            Command::Expunge(set) => self.expunge(set.as_ref()),
            Command::Search { uid, results, key } => self.search(tag, uid, results, key),
            Command::Fetch { uid, set, items } => self.fetch(uid, &set, &items),
            Command::Store { uid, set, change, silent, flags } => self.store(uid, &set, change, silent, &flags),
            Command::Copy { uid, set, to, leave } => self.copy(uid, &set, &to, leave),
            _ => Ok(Done::Bad("not now")),
        }
    }

    fn capabilities(&self) -> String {
        let mut capabilities = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE".to_owned();
        if self.user.is_some() {
            capabilities.push_str(
                " IDLE NAMESPACE UNSELECT UIDPLUS MOVE ESEARCH SEARCHRES LIST-EXTENDED LIST-STATUS SPECIAL-USE CHILDREN \
                 BINARY STATUS=SIZE",
            );
        } else if self.wire.is_tls() {
            capabilities.push_str(" AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 AUTH=XOAUTH2 AUTH=OAUTHBEARER");
            if self.wire.exporter().is_some() {
                capabilities.push_str(" AUTH=SCRAM-SHA-256-PLUS");
            }
            if self.wire.client_certificate().is_some() {
                capabilities.push_str(" AUTH=EXTERNAL");
            }
        } else {
            capabilities.push_str(if self.offers_tls { " STARTTLS LOGINDISABLED" } else { " LOGINDISABLED" });
        }
        capabilities
    }

    fn start_tls(&mut self, tag: &str) -> Outcome {
        if self.wire.is_tls() || !self.offers_tls {
            return Ok(Done::Bad("STARTTLS is not available"));
        }
        if let Some(done) = self.struck(Stage::MailboxStartTls)? {
            return Ok(done);
        }
        self.line(&format!("{tag} OK begin TLS now"))?;
        let config = self.service.tls(Stage::MailboxStartTls);
        self.wire.start_tls(config)?;
        self.wire.set_patience(PATIENCE)?;
        self.converse_on()
    }

    /// Goes on under TLS; the reply to STARTTLS was given before it.
    fn converse_on(&mut self) -> Outcome {
        self.run()?;
        Ok(Done::Gone)
    }

    /// Lets a fault strike; `Some` is how the command ended by it.
    fn struck(&mut self, stage: Stage) -> io::Result<Option<Done>> {
        Ok(match self.service.interrupt(stage, self.wire, self.stop)? {
            None => None,
            Some(Interruption::Refuse(text)) => Some(Done::No(text)),
            Some(Interruption::Defer(text)) => Some(Done::No(format!("[UNAVAILABLE] {text}"))),
            Some(Interruption::Close) => {
                self.untagged("BYE the service closes")?;
                Some(Done::Gone)
            }
        })
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.wire.write_all(text.as_bytes())?;
        self.wire.write_all(b"\r\n")
    }

    fn untagged(&mut self, text: &str) -> io::Result<()> {
        self.line(&format!("* {text}"))
    }
}

#[cfg(test)]
mod tests;
