//! A server for tests that remembers what it took, and a ledger of what its client was told.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, channel};

use super::submission_tests::{envelope, server};
use super::{Failure, Order, Outcome, Parameters, SmtpError, Supply};
use crate::net::scripted::{Peer, Scripted};

/// Messages, and what was heard of them.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) orders: VecDeque<(usize, Order<'static>)>,
    pub(super) asked: Vec<usize>,
    pub(super) cleared: Vec<Vec<usize>>,
    /// The number of the point of no return that fails.
    pub(super) stops_at: Option<usize>,
    pub(super) outcomes: BTreeMap<usize, Result<Outcome, SmtpError>>,
}

impl Ledger {
    pub(super) fn add(&mut self, recipients: &[&str], content: impl Read + 'static, size: usize) {
        let parameters = Parameters { size: size as u64, ..Parameters::default() };
        let order = Order { envelope: envelope(recipients), parameters, content: Box::new(content) };
        self.orders.push_back((self.orders.len(), order));
    }

    /// A message to each of these, of some words.
    pub(super) fn of(recipients: &[&[&str]]) -> Ledger {
        let mut ledger = Ledger::default();
        for (number, recipients) in recipients.iter().enumerate() {
            let text = text(number);
            let size = text.len();
            ledger.add(recipients, io::Cursor::new(text), size);
        }
        ledger
    }

    pub(super) fn many(count: usize) -> Ledger {
        Ledger::of(&vec![&["a@x.fr"] as &[&str]; count])
    }

    pub(super) fn failure(&self, number: usize) -> &Failure {
        &self.outcomes[&number].as_ref().unwrap_err().failure
    }

    pub(super) fn accepted(&self) -> Vec<usize> {
        self.outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(number, _)| *number).collect()
    }
}

pub(super) fn text(number: usize) -> String {
    format!("Subject: {number}\r\n\r\n.dot\r\n")
}

impl Supply<'static> for Ledger {
    type Ticket = usize;

    fn next(&mut self, most: usize) -> Vec<(usize, Order<'static>)> {
        self.asked.push(most);
        self.orders.drain(..most.min(self.orders.len())).collect()
    }

    fn point_of_no_return(&mut self, tickets: &[&usize]) -> io::Result<()> {
        self.cleared.push(tickets.iter().map(|ticket| **ticket).collect());
        if self.stops_at == Some(self.cleared.len()) { Err(io::Error::other("disk full")) } else { Ok(()) }
    }

    fn done(&mut self, ticket: usize, outcome: Result<Outcome, SmtpError>) {
        assert!(self.outcomes.insert(ticket, outcome).is_none(), "{ticket} is told of once");
    }
}

/// What a server does beside what it should.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    /// The answer to a command, where it is another one.
    pub(super) answer: fn(&str) -> Option<&'static str>,
    /// After so many answers it says no more, works on as long as something may come, and cuts.
    pub(super) falls_silent: Option<(usize, usize)>,
    /// One octet at a time.
    pub(super) drips: bool,
}

pub(super) const GOOD: Manners = Manners { answer: |_| None, falls_silent: None, drips: false };

/// A server like Exim: a transaction that nobody ended stays open, and a second MAIL is then refused.
struct Robot<'p> {
    peer: &'p mut Peer,
    manners: Manners,
    answers: usize,
    open: bool,
    recipients: Vec<String>,
    failed: bool,
    content: Vec<u8>,
    delivered: Vec<(Vec<String>, String)>,
}

impl Robot<'_> {
    fn say(&mut self, line: &str) {
        self.answers += 1;
        if self.manners.falls_silent.is_some_and(|(after, _)| self.answers > after) {
            return;
        }
        let line = format!("{line}\r\n");
        if self.manners.drips {
            line.chars().for_each(|c| self.peer.send(&c.to_string()));
        } else {
            self.peer.send(&line);
        }
    }

    fn run(&mut self) {
        loop {
            if self.manners.falls_silent.is_some_and(|(_, total)| self.answers == total) {
                return self.peer.cut();
            }
            let line = self.peer.line();
            let command = line.split(' ').next().unwrap_or_default().to_owned();
            let other = (self.manners.answer)(&line);
            let octets = match command.as_str() {
                "BDAT" => self.peer.octets(line.split(' ').nth(1).unwrap().parse().unwrap()),
                _ => Vec::new(),
            };
            if let Some(other) = other {
                self.failed |= command == "BDAT";
                self.say(other);
                if other.starts_with("421") {
                    return;
                }
                continue;
            }
            match command.as_str() {
                "" => return,
                "QUIT" => return self.say("221 bye"),
                "RSET" => {
                    (self.open, self.failed) = (false, false);
                    self.recipients.clear();
                    self.content.clear();
                    self.say("250 ok");
                }
                "MAIL" if self.open => self.say("503 sender already given"),
                "MAIL" => {
                    self.open = true;
                    self.say("250 ok");
                }
                "RCPT" => {
                    self.recipients.push(line);
                    self.say("250 ok");
                }
                "DATA" if self.recipients.is_empty() => self.say("554 5.5.1 no valid recipients"),
                "DATA" => {
                    self.say("354 go");
                    let lines = self.peer.until_dot();
                    let undotted = lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line));
                    self.content = undotted.flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
                    self.deliver();
                }
                "BDAT" if self.recipients.is_empty() || self.failed => self.say("503 valid RCPT must come before"),
                "BDAT" => {
                    self.content.extend(octets);
                    if line.ends_with("LAST") { self.deliver() } else { self.say("250 got it") }
                }
                _ => panic!("{line}"),
            }
        }
    }

    fn deliver(&mut self) {
        let content = String::from_utf8(std::mem::take(&mut self.content)).unwrap();
        self.delivered.push((std::mem::take(&mut self.recipients), content));
        self.open = false;
        self.say(&format!("250 2.0.0 Ok: queued as Q{}", self.delivered.len()));
    }
}

pub(super) type Delivered = Vec<(Vec<String>, String)>;

/// A server with these extensions, which tells at its end what it took.
pub(super) fn robot(extensions: &'static str, manners: Manners) -> (Scripted, Receiver<Delivered>) {
    let (tell, told) = channel();
    let server = server(extensions, move |peer| {
        let mut robot = Robot {
            peer,
            manners,
            answers: 0,
            open: false,
            recipients: Vec::new(),
            failed: false,
            content: Vec::new(),
            delivered: Vec::new(),
        };
        robot.run();
        tell.send(robot.delivered).unwrap();
    });
    (server, told)
}

/// The subjects of what was taken, in their order.
pub(super) fn subjects(delivered: &Delivered) -> Vec<usize> {
    let subject = |(_, content): &(Vec<String>, String)| {
        content.strip_prefix("Subject: ").and_then(|rest| rest.split_once('\r')).unwrap().0.parse().unwrap()
    };
    delivered.iter().map(subject).collect()
}
