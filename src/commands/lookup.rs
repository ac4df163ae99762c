//! `lookup`: who is who, which mailboxes they have, and whether those can be written to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::gate::Gate;
use super::sources::{Asking, Extraction, ask, is_away, is_only_out_of_date};
use super::traced::causes;
use crate::directory::index::IndexError;
use crate::directory::{Entry, MailboxEntry, Query};
use crate::hex::Hex;
use crate::mail::Address;
use crate::vault::Source;

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
    /// Whether the signed list admits the domain; the index does not tell.
    pub admitted: Option<bool>,
    /// The index does not tell.
    pub certificate: Option<CertificateLine>,
    /// Who was asked: `fhir`, the service, or `index`, the extraction on this machine.
    pub asked: &'static str,
    /// The directory that was asked; for the index, what its extraction was read from.
    pub source: String,
    /// When it was asked; for the index, when its extraction was made.
    pub seen_at: Timestamp,
    /// How many days ago the extraction was made.
    pub age_days: Option<i64>,
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
    /// The extraction it comes from, where it is not from the service.
    pub extraction: Option<Extraction>,
}

/// Asks one source after the other until one knows somebody.
///
/// The service may be away: then the next one is asked, and that is told. Nobody found is only told where every source that
/// can be asked was; where none of them knows anybody and the service was away, that is the failure.
pub fn lookup(account: &Account<'_>, query: &Query, asking: &Asking<'_>) -> Result<Answer, Error> {
    let sources = asking.sources.unwrap_or(&account.profile.directory.sources);
    let (mut trouble, mut nobody) = (None, None);
    for source in sources {
        let answered = match source {
            Source::Fhir => from_service(account, query, asking.limit),
            Source::Index => from_index(account, query, asking),
        };
        match answered {
            Ok(answer) if answer.lines.is_empty() => nobody = nobody.or(Some(answer)),
            Ok(answer) => {
                let away = trouble.as_ref().filter(|error| is_away(error));
                away.into_iter()
                    .for_each(|error| account.world.warn(format!("{}; the next source answers", causes(error))));
                return Ok(answer);
            }
            Err(error) if is_away(&error) || is_passed_over(&error) => {
                if matches!(error, Error::Index(IndexError::Old { .. } | IndexError::Format)) && sources.len() > 1 {
                    account.world.warn(error.to_string());
                }
                if trouble.is_none() || is_away(&error) {
                    trouble = Some(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    match (trouble, nobody) {
        (Some(error), Some(_)) if is_away(&error) => {
            account.world.warn("the index on this machine knows nobody either");
            Err(error)
        }
        (_, Some(answer)) => Ok(answer),
        (Some(error), None) => Err(error),
        (None, None) => Err(IndexError::Missing.into()),
    }
}

/// An index that is not there, or may not be believed, does not stand in the way of the service.
fn is_passed_over(error: &Error) -> bool {
    matches!(error, Error::Index(error) if is_only_out_of_date(error))
}

fn from_service(account: &Account<'_>, query: &Query, limit: usize) -> Result<Answer, Error> {
    let gate = Gate::open(account)?;
    let answer = gate.search(query)?;
    let mut lines: Vec<Line> =
        answer.entries.iter().flat_map(|entry| lines_of(account, Some(&gate), query, entry)).collect();
    let complete = answer.complete && lines.len() <= limit;
    lines.truncate(limit);
    Ok(Answer { lines, complete, extraction: None })
}

fn from_index(account: &Account<'_>, query: &Query, asking: &Asking<'_>) -> Result<Answer, Error> {
    let index = account.index(asking.limit, asking.allow_old)?;
    let extraction = Extraction::of(&index, account.world.clock.now());
    let answer = ask(&index, query)?;
    let mut lines: Vec<Line> = answer.entries.iter().flat_map(|entry| lines_of(account, None, query, entry)).collect();
    lines.iter_mut().for_each(|line| line.age_days = Some(extraction.days));
    Ok(Answer { lines, complete: answer.complete, extraction: Some(extraction) })
}

/// Without a gate, nothing is said of lists and certificates.
fn lines_of(account: &Account<'_>, gate: Option<&Gate<'_>>, query: &Query, entry: &Entry) -> Vec<Line> {
    let wanted = |mailbox: &&MailboxEntry| query.address.as_ref().is_none_or(|address| *address == mailbox.address);
    let mailboxes: Vec<&MailboxEntry> = entry.mailboxes.iter().filter(wanted).collect();
    if mailboxes.is_empty() {
        return vec![line(account, gate, entry, None)];
    }
    mailboxes.into_iter().map(|mailbox| line(account, gate, entry, Some(mailbox))).collect()
}

fn line(account: &Account<'_>, gate: Option<&Gate<'_>>, entry: &Entry, mailbox: Option<&MailboxEntry>) -> Line {
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
        admitted: gate.zip(mailbox).map(|(gate, mailbox)| gate.admits(&mailbox.address)),
        certificate: gate.zip(mailbox).map(|(gate, mailbox)| certificate(account, gate, mailbox, &mailbox.address)),
        asked: if gate.is_some() { Source::Fhir.word() } else { Source::Index.word() },
        source: entry.source.clone(),
        seen_at: entry.seen_at,
        age_days: None,
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
