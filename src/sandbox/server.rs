//! What a submission or mailbox connection is served from, and how a connection begins and ends.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::clock::Clock;
use crate::sandbox::faults::{Action, Faults, Stage};
use crate::sandbox::listener::{Bound, Listener, Stop};
use crate::sandbox::signin::Accounts;
use crate::sandbox::store::Store;
use crate::sandbox::tls::ServerConfigs;
use crate::sandbox::wire::{Wire, cut};
use crate::sandbox::{Ports, SandboxError, mailbox, submission};

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Submission { implicit: bool },
    Mailbox { implicit: bool },
}

/// Every door of the mail servers.
const DOORS: [Door; 4] = [
    Door::Submission { implicit: false },
    Door::Submission { implicit: true },
    Door::Mailbox { implicit: false },
    Door::Mailbox { implicit: true },
];

impl Door {
    fn port(self, ports: &mut Ports) -> &mut u16 {
        match self {
            Door::Submission { implicit: false } => &mut ports.submission_starttls,
            Door::Submission { implicit: true } => &mut ports.submission_tls,
            Door::Mailbox { implicit: false } => &mut ports.mailbox_starttls,
            Door::Mailbox { implicit: true } => &mut ports.mailbox_tls,
        }
    }

    fn implicit(self) -> bool {
        let (Door::Submission { implicit } | Door::Mailbox { implicit }) = self;
        implicit
    }

    fn connect(self) -> Stage {
        match self {
            Door::Submission { .. } => Stage::Connect,
            Door::Mailbox { .. } => Stage::MailboxConnect,
        }
    }
}

/// What every connection is served from.
pub(super) struct Service {
    /// The operator's name in greetings and trace fields.
    pub(super) name: &'static str,
    pub(super) clock: Clock,
    pub(super) accounts: Accounts,
    pub(super) store: Store,
    pub(super) faults: Arc<Faults>,
    pub(super) tls: Arc<ServerConfigs>,
}

impl Service {
    /// The TLS settings for this handshake.
    pub(super) fn tls(&self, stage: Stage) -> Arc<ServerConfig> {
        self.tls.get(self.faults.certificate(stage))
    }

    /// Strikes where a fault was asked for. A delay has passed when this returns; a refusal or a farewell is the
    /// caller's to put in the words of its protocol; a line cut at once is an error.
    pub(super) fn interrupt(&self, stage: Stage, wire: &mut Wire, stop: &Stop) -> io::Result<Option<Interruption>> {
        match self.faults.interruption(stage) {
            None => Ok(None),
            Some(Action::Stall(time)) => pause(stop, time).map(|()| None),
            Some(Action::Cut(0)) => Err(cut()),
            Some(Action::Cut(octets)) => {
                wire.cut_answers_after(octets);
                Ok(None)
            }
            Some(action) => Ok(Interruption::of(&action)),
        }
    }
}

/// A fault that the dialogue has to put in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    Refuse(String),
    Defer(String),
    Close,
}

impl Interruption {
    /// What there is to say of a fault that does not strike at the line itself.
    pub(super) fn of(action: &Action) -> Option<Interruption> {
        match action {
            Action::Refuse(text) => Some(Interruption::Refuse(text.clone())),
            Action::Defer(text) => Some(Interruption::Defer(text.clone())),
            Action::Close => Some(Interruption::Close),
            _ => None,
        }
    }
}

/// Waits, unless the listener stops meanwhile.
pub(super) fn pause(stop: &Stop, time: Duration) -> io::Result<()> {
    if stop.wait(time) { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

/// Takes the ports of the mail servers, if possible those of the last run, and writes down which ones they are.
pub(super) fn bind(ports: &mut Ports, mut last: Ports) -> Result<Vec<(Door, Bound)>, SandboxError> {
    let take = |door: Door| {
        let port = door.port(ports);
        let bound = Bound::again(*port, *door.port(&mut last))?;
        *port = bound.number();
        Ok((door, bound))
    };
    DOORS.into_iter().map(take).collect()
}

/// Serves every door.
pub(super) fn serve_all(service: &Arc<Service>, doors: Vec<(Door, Bound)>) -> Result<Vec<Listener>, SandboxError> {
    let open = |(door, bound): (Door, Bound)| {
        let service = Arc::clone(service);
        bound.serve(move |stream, stop| serve(&service, door, stream, stop))
    };
    doors.into_iter().map(open).collect()
}

/// Serves one connection to its end.
fn serve(service: &Service, door: Door, stream: TcpStream, stop: &Stop) {
    let Ok(mut wire) = Wire::new(stream) else { return };
    let mut dialogue = || {
        let interruption = service.interrupt(door.connect(), &mut wire, stop)?;
        if door.implicit() {
            wire.start_tls(service.tls(door.connect()))?;
        }
        match door {
            Door::Submission { .. } => submission::converse(service, stop, &mut wire, interruption),
            Door::Mailbox { .. } => mailbox::converse(service, stop, &mut wire, interruption),
        }
    };
    match dialogue() {
        Ok(()) => wire.close(),
        Err(_) => wire.break_off(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{Ipv4Addr, TcpStream};

    use crate::clock::Clock;
    use crate::sandbox::{Options, Sandbox, specimen};

    #[test]
    fn a_started_operator_greets_on_its_ports_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        specimen::state(&path);
        let sandbox = Sandbox::start(Options::new(path, Clock::Fixed(specimen::MADE.parse().unwrap()))).unwrap();
        let ports = sandbox.operator().ports;
        let connect = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        for (port, greeting) in [(ports.submission_starttls, "220 "), (ports.mailbox_starttls, "* OK [CAPABILITY ")] {
            let mut line = String::new();
            BufReader::new(connect(port).unwrap()).read_line(&mut line).unwrap();
            assert!(line.starts_with(greeting), "{line}");
        }
        let idle = [ports.submission_tls, ports.mailbox_tls].map(|port| connect(port).unwrap());
        drop(sandbox);
        drop(idle);
        assert!(connect(ports.submission_tls).is_err() && connect(ports.mailbox_starttls).is_err());
    }
}
