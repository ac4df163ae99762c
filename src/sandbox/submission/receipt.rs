//! What the programs of recipients tell of a message, on demand (RFC 8098): displayed, or refused by a rule (RFC 5429).

use std::io::Write;

use crate::fs::Staged;
use crate::mail::{Address, Header};
use crate::sandbox::faults::Action;
use crate::sandbox::server::Service;
use crate::sandbox::store::StoreError;
use crate::sandbox::submission::command::from_xtext;
use crate::sandbox::submission::message::{Fate, queue_id};
use crate::sandbox::submission::report::{date, header_of};

/// Sends a receipt for every fault that asks for one: to whom the message says (RFC 8098, section 2.1), or else to its
/// sender.
pub(super) fn send(
    service: &Service,
    from: &Address,
    fates: &[Fate<'_>],
    message: &mut Staged,
) -> Result<(), StoreError> {
    for fate in fates {
        for fault in &fate.faults {
            let (mode, disposition, automatic) = match fault {
                Action::Displayed => ("manual-action/MDN-sent-manually", "displayed", ""),
                Action::Rejected => ("automatic-action/MDN-sent-automatically", "deleted", "auto-replied (rejected)"),
                _ => continue,
            };
            let header = header_of(message)?;
            let asked = Header::parse(&header).mailboxes("Disposition-Notification-To").into_iter().next();
            let to = asked.map_or_else(|| from.clone(), |mailbox| mailbox.address);
            let text = receipt(service, fate, &to, &header, [mode, disposition, automatic]);
            let mut staged = service.store.incoming()?;
            staged.write_all(&text)?;
            service.store.deliver(&mut staged, text.len() as u64, &[to])?;
        }
    }
    Ok(())
}

fn receipt(service: &Service, fate: &Fate<'_>, to: &Address, header: &[u8], kind: [&str; 3]) -> Vec<u8> {
    let [mode, disposition, automatic] = kind;
    let (name, address, date) = (service.name, &fate.rcpt.address, date(service.clock.now()));
    let boundary = format!("receipt-{}", queue_id());
    let automatic = if automatic.is_empty() { String::new() } else { format!("Auto-Submitted: {automatic}\r\n") };
    let original = Header::parse(header).message_id("Message-ID");
    let (mut fields, mut answered) = (format!("Reporting-UA: {name}; sandbox\r\n"), String::new());
    if let Some((kind, text)) = fate.rcpt.orcpt.as_ref().and_then(|orcpt| orcpt.split_once(';')) {
        fields.push_str(&format!("Original-Recipient: {kind}; {}\r\n", from_xtext(text)));
    }
    let (global, kind) = if address.is_internationalized() { ("global-", "utf-8") } else { ("", "rfc822") };
    fields.push_str(&format!("Final-Recipient: {kind}; {address}\r\n"));
    if let Some(id) = original {
        fields.push_str(&format!("Original-Message-ID: {id}\r\n"));
        answered = format!("In-Reply-To: {id}\r\nReferences: {id}\r\n");
    }
    fields.push_str(&format!("Disposition: {mode}; {disposition}\r\n"));
    let returned = if global.is_empty() { "text/rfc822-headers" } else { "message/global-headers" };
    let mut text = format!(
        "Return-Path: <>\r\nFrom: <{address}>\r\nTo: <{to}>\r\nDate: {date}\r\nMessage-ID: <{id}@{name}>\r\n{answered}\
         Subject: Receipt\r\n{automatic}MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=disposition-notification;\r\n\tboundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThe message was {disposition}.\r\n\r\n\
         --{boundary}\r\nContent-Type: message/{global}disposition-notification\r\n\r\n{fields}\r\n\
         --{boundary}\r\nContent-Type: {returned}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        id = queue_id(),
    )
    .into_bytes();
    text.extend_from_slice(header);
    text.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    text
}
