//! The report of a delivery that the sender asked to be told of (RFC 3461, 3464).

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};

use crate::fs::Staged;
use crate::sandbox::server::Service;
use crate::sandbox::store::StoreError;
use crate::sandbox::submission::Transaction;
use crate::sandbox::submission::message::queue_id;

/// As much of the header as a report carries.
const MAX_HEADER: u64 = 64 << 10;

/// Tells the sender of the recipients for whom NOTIFY said SUCCESS, with the header of the message.
pub(super) fn success(
    service: &Service,
    transaction: &Transaction,
    id: &str,
    message: &mut Staged,
) -> Result<(), StoreError> {
    let asked: Vec<_> = transaction.recipients.iter().filter(|rcpt| rcpt.notify_success).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let (name, from, now) = (service.name, transaction.from.as_str(), service.clock.now());
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let boundary = format!("report-{}", queue_id());
    let mut text = format!(
        "Return-Path: <>\r\nFrom: Mail Delivery System <postmaster@{name}>\r\nTo: <{from}>\r\nDate: {date}\r\n\
         Message-ID: <{report}@{name}>\r\nSubject: Delivery report\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
         The message was delivered to the recipients named below.\r\n\r\n\
         --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {name}\r\n",
        report = queue_id(),
    );
    if let Some(envid) = &transaction.mail.envid {
        text.push_str(&format!("Original-Envelope-Id: {envid}\r\n"));
    }
    text.push_str(&format!("X-Sandbox-Queue-Id: {id}\r\nArrival-Date: {date}\r\n"));
    for rcpt in asked {
        text.push_str("\r\n");
        if let Some(orcpt) = &rcpt.orcpt {
            text.push_str(&format!("Original-Recipient: {orcpt}\r\n"));
        }
        let address = &rcpt.address;
        let action = if service.accounts.has_mailbox(address) { "delivered" } else { "relayed" };
        text.push_str(&format!("Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: 2.1.5\r\n"));
    }
    text.push_str(&format!("\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n"));
    let mut report = text.into_bytes();
    report.extend(header(message)?);
    report.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    let mut staged = service.store.incoming()?;
    staged.write_all(&report)?;
    service.store.deliver(&mut staged, report.len() as u64, std::slice::from_ref(&transaction.from))
}

/// The lines of a stored message down to the empty one.
fn header(message: &mut Staged) -> Result<Vec<u8>, StoreError> {
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
