//! `lookup`: who is who, which mailboxes they have, and whether those can be written to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::gate::Gate;
use crate::directory::{Entry, MailboxEntry, Query};
use crate::hex::Hex;
use crate::mail::Address;

/// One mailbox, or one person or structure without any.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// As the directory writes it.
    pub name: String,
    /// The number in a national register, with its kind.
    pub identifier: Option<String>,
    pub professions: Vec<String>,
    pub organisation: Option<String>,
    pub place: Option<String>,
    pub address: Option<String>,
    /// PER, ORG, APP, CAB or unspecified.
    pub kind: Option<&'static str>,
    pub service: Option<String>,
    /// 1 is the preferred mailbox.
    pub rank: Option<u32>,
    /// False for what the directory keeps as closed.
    pub active: bool,
    /// Whether the signed list admits the domain.
    pub admitted: Option<bool>,
    pub certificate: Option<CertificateLine>,
    /// The directory that was asked.
    pub source: String,
    /// When it was asked.
    pub seen_at: Timestamp,
}

/// The state of the best certificate of a mailbox.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CertificateLine {
    /// `valid`, `none`, or why the best one is not accepted: `expired`, `revoked`, `untrusted`...
    pub state: &'static str,
    pub subject: Option<String>,
    pub not_after: Option<Timestamp>,
    pub days_left: Option<i64>,
    pub sha256: Option<String>,
}

/// The answer, and whether there may be more.
#[derive(Debug)]
pub struct Answer {
    pub lines: Vec<Line>,
    pub complete: bool,
}

/// Asks the directory and judges what it publishes.
pub fn lookup(account: &Account<'_>, query: &Query, limit: usize) -> Result<Answer, Error> {
    let gate = Gate::open(account)?;
    let answer = gate.search(query)?;
    let mut lines: Vec<Line> = answer.entries.iter().flat_map(|entry| lines_of(account, &gate, query, entry)).collect();
    let complete = answer.complete && lines.len() <= limit;
    lines.truncate(limit);
    Ok(Answer { lines, complete })
}

fn lines_of(account: &Account<'_>, gate: &Gate<'_>, query: &Query, entry: &Entry) -> Vec<Line> {
    let wanted = |mailbox: &&MailboxEntry| query.address.as_ref().is_none_or(|address| *address == mailbox.address);
    let mailboxes: Vec<&MailboxEntry> = entry.mailboxes.iter().filter(wanted).collect();
    if mailboxes.is_empty() {
        return vec![line(account, gate, entry, None)];
    }
    mailboxes.into_iter().map(|mailbox| line(account, gate, entry, Some(mailbox))).collect()
}

fn line(account: &Account<'_>, gate: &Gate<'_>, entry: &Entry, mailbox: Option<&MailboxEntry>) -> Line {
    let organisation = mailbox.and_then(|mailbox| mailbox.organisation.as_deref()).or(entry.organisation());
    Line {
        schema: "mss.lookup/1",
        name: entry.name.clone(),
        identifier: entry.identity.as_ref().map(ToString::to_string),
        professions: entry.professions.iter().map(|profession| profession.label.clone()).collect(),
        organisation: organisation.map(str::to_owned),
        place: entry.place().map(str::to_owned),
        address: mailbox.map(|mailbox| mailbox.address.to_string()),
        kind: mailbox.map(|mailbox| mailbox.kind.code()),
        service: mailbox.and_then(|mailbox| mailbox.service.clone()),
        rank: mailbox.and_then(|mailbox| mailbox.rank),
        active: entry.active && mailbox.is_none_or(|mailbox| mailbox.active),
        admitted: mailbox.map(|mailbox| gate.admits(&mailbox.address)),
        certificate: mailbox.map(|mailbox| certificate(account, gate, mailbox, &mailbox.address)),
        source: entry.source.clone(),
        seen_at: entry.seen_at,
    }
}

fn certificate(account: &Account<'_>, gate: &Gate<'_>, mailbox: &MailboxEntry, address: &Address) -> CertificateLine {
    let (state, best) = match gate.choose(&mailbox.certificates, address) {
        Ok(trusted) => ("valid", Some(trusted.certificate().clone())),
        Err(refused) => match refused.into_iter().next() {
            Some((certificate, finding)) => (finding.code(), Some(certificate)),
            None if mailbox.unreadable_certificates > 0 => ("malformed", None),
            None => ("none", None),
        },
    };
    let now = account.world.clock.now();
    CertificateLine {
        state,
        subject: best.as_ref().map(|best| best.subject()),
        not_after: best.as_ref().map(|best| best.not_after()),
        days_left: best.as_ref().map(|best| best.days_left(now)),
        sha256: best.as_ref().map(|best| Hex(&best.sha256()).to_string()),
    }
}
