//! Reports of deliveries that the sender wants to be told of (RFC 3461, 3464, 6533).

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use jiff::{SignedDuration, Timestamp};

use crate::fs::Staged;
use crate::sandbox::faults::{Action, Stage, smtp_reply};
use crate::sandbox::server::Service;
use crate::sandbox::store::StoreError;
use crate::sandbox::submission::Transaction;
use crate::sandbox::submission::command::{RcptTo, from_xtext};
use crate::sandbox::submission::message::{Fate, queue_id};

/// As much of the header as a report carries.
const MAX_HEADER: u64 = 64 << 10;
/// How long a delayed message is said to be tried.
const RETRIED: SignedDuration = SignedDuration::from_hours(48);

/// One report: what it tells, and of whom, each with the words of a server where there are some.
struct Report<'a> {
    kind: Kind,
    recipients: Vec<(&'a RcptTo, Option<&'a str>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Success,
    Delay,
    Failure,
}

/// Sends what NOTIFY asks for: what the faults say, in their order, and then of the recipients that were reached.
pub(super) fn send(
    service: &Service,
    transaction: &Transaction,
    id: &str,
    fates: &[Fate<'_>],
    message: &mut Staged,
) -> Result<(), StoreError> {
    let mut reports = Vec::new();
    let rounds = fates.iter().map(|fate| fate.faults.len()).max().unwrap_or_default();
    for round in 0..rounds {
        for kind in [Kind::Delay, Kind::Failure] {
            let struck = fates.iter().filter_map(|fate| match (kind, fate.faults.get(round)?) {
                (Kind::Delay, Action::Delay(text)) if fate.rcpt.notify.delay => Some((fate.rcpt, Some(text.as_str()))),
                (Kind::Failure, Action::Bounce(text)) if fate.rcpt.notify.failure => {
                    Some((fate.rcpt, Some(text.as_str())))
                }
                _ => None,
            });
            reports.push(Report { kind, recipients: struck.collect() });
        }
    }
    let reached = fates.iter().filter(|fate| fate.arrives() && fate.rcpt.notify.success);
    reports.push(Report { kind: Kind::Success, recipients: reached.map(|fate| (fate.rcpt, None)).collect() });
    for report in reports.iter().filter(|report| !report.recipients.is_empty()) {
        report.send(service, transaction, id, message)?;
    }
    Ok(())
}

impl Report<'_> {
    fn send(
        &self,
        service: &Service,
        transaction: &Transaction,
        id: &str,
        message: &mut Staged,
    ) -> Result<(), StoreError> {
        let now = service.clock.now();
        let boundary = format!("report-{}", queue_id());
        let header = letter_head(service.name, transaction.from.as_str(), now, self.subject());
        // What is not ASCII has media types of its own (RFC 6533, section 4).
        let global = self.recipients.iter().any(|(rcpt, _)| rcpt.address.is_internationalized());
        let prefix = if global { "global-" } else { "" };
        let mut text = format!(
            "{header}Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{words}\r\n\r\n\
             --{boundary}\r\nContent-Type: message/{prefix}delivery-status\r\n\r\n{status}",
            words = self.words(),
            status = self.status(service, transaction, id, now),
        );
        // RET speaks of failures alone; of others the header is enough (RFC 3461, section 4.3).
        let whole = self.kind == Kind::Failure && !transaction.mail.headers_only;
        let returned = match (whole, transaction.mail.smtputf8) {
            (true, false) => "message/rfc822",
            (true, true) => "message/global",
            (false, false) => "text/rfc822-headers",
            (false, true) => "message/global-headers",
        };
        let encoding = if transaction.mail.eight_bit || transaction.mail.smtputf8 { "8bit" } else { "7bit" };
        text.push_str(&format!(
            "\r\n--{boundary}\r\nContent-Type: {returned}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        ));
        let mut staged = service.store.incoming()?;
        staged.write_all(text.as_bytes())?;
        let mut size = text.len() as u64;
        if whole {
            let file = message.file();
            file.seek(SeekFrom::Start(0))?;
            size += io::copy(file, &mut staged)?;
        } else {
            let header = header_of(message)?;
            staged.write_all(&header)?;
            size += header.len() as u64;
        }
        let end = format!("\r\n--{boundary}--\r\n");
        staged.write_all(end.as_bytes())?;
        service.store.deliver(&mut staged, size + end.len() as u64, std::slice::from_ref(&transaction.from))
    }

    fn subject(&self) -> &'static str {
        match self.kind {
            Kind::Success => "Delivery report",
            Kind::Delay => "Delayed mail",
            Kind::Failure => "Undelivered mail returned to sender",
        }
    }

    fn words(&self) -> &'static str {
        match self.kind {
            Kind::Success => "The message was delivered to the recipients named below.",
            Kind::Delay => "The message could not yet be delivered to the recipients named below.",
            Kind::Failure => "The message could not be delivered to the recipients named below.",
        }
    }

    /// The fields of the message, and then a group for each recipient (RFC 3464, section 2).
    fn status(&self, service: &Service, transaction: &Transaction, id: &str, now: Timestamp) -> String {
        let mut text = format!("Reporting-MTA: dns; {}\r\n", service.name);
        if let Some(envid) = &transaction.mail.envid {
            text.push_str(&format!("Original-Envelope-Id: {}\r\n", from_xtext(envid)));
        }
        text.push_str(&format!("X-Sandbox-Queue-Id: {id}\r\nArrival-Date: {}\r\n", date(now)));
        for (rcpt, words) in &self.recipients {
            text.push_str("\r\n");
            match rcpt.orcpt.as_ref().and_then(|orcpt| orcpt.split_once(';')) {
                Some((kind, address)) if kind.eq_ignore_ascii_case("rfc822") => {
                    text.push_str(&format!("Original-Recipient: rfc822; {}\r\n", from_xtext(address)));
                }
                Some((kind, address)) => text.push_str(&format!("Original-Recipient: {kind}; {address}\r\n")),
                None => {}
            }
            let address = &rcpt.address;
            let kind = if address.is_internationalized() { "utf-8" } else { "rfc822" };
            text.push_str(&format!("Final-Recipient: {kind}; {address}\r\n"));
            text.push_str(&match self.kind {
                Kind::Success if service.accounts.has_mailbox(address) => {
                    "Action: delivered\r\nStatus: 2.1.5\r\n".to_owned()
                }
                Kind::Success => "Action: relayed\r\nStatus: 2.1.5\r\n".to_owned(),
                Kind::Delay => format!(
                    "Action: delayed\r\n{}Will-Retry-Until: {}\r\n",
                    diagnosis(false, words.unwrap_or_default()),
                    date(now.saturating_add(RETRIED).unwrap_or(now)),
                ),
                Kind::Failure => format!("Action: failed\r\n{}", diagnosis(true, words.unwrap_or_default())),
            });
        }
        text
    }
}

/// The status and the reply that it was taken from.
fn diagnosis(permanent: bool, words: &str) -> String {
    let reply = smtp_reply(Stage::Deliver, permanent, words);
    let enhanced = reply.split(' ').nth(1).filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| (1..=3).contains(&part.len()) && part.parse::<u16>().is_ok())
    });
    let unsaid = if permanent { "5.0.0" } else { "4.0.0" };
    format!("Status: {}\r\nDiagnostic-Code: smtp; {reply}\r\n", enhanced.unwrap_or(unsaid))
}

/// The fields of a letter that a program of the operator writes, and that nobody may answer.
fn letter_head(name: &str, to: &str, now: Timestamp, subject: &str) -> String {
    let (date, report) = (date(now), queue_id());
    format!(
        "Return-Path: <>\r\nFrom: Mail Delivery System <postmaster@{name}>\r\nTo: <{to}>\r\nDate: {date}\r\n\
         Message-ID: <{report}@{name}>\r\nSubject: {subject}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
    )
}

pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The lines of a stored message down to the empty one.
pub(super) fn header_of(message: &mut Staged) -> Result<Vec<u8>, StoreError> {
    let file = message.file();
    file.seek(SeekFrom::Start(0))?;
    let mut lines = BufReader::new(file.take(MAX_HEADER));
    let mut header = Vec::new();
    loop {
        let start = header.len();
        if lines.read_until(b'\n', &mut header)? == 0 || header[start..] == *b"\r\n" {
            header.truncate(start);
            return Ok(header);
        }
    }
}
