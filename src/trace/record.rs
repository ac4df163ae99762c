//! What a record says: the five elements of a trace (author, local time, action, request, answer) and little more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::{Address, MessageId};

use super::masking::{masked, one_line};

/// The kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A message is handed to the submission server.
    Send,
    /// A session proves who it is.
    SignIn,
    /// A message is taken from the mailbox.
    Fetch,
    /// A message in the mailbox is marked as seen.
    Seen,
    /// A message in the mailbox goes to another folder.
    Move,
    /// A message in the mailbox is expunged.
    Delete,
    /// The directory is asked.
    Lookup,
    /// The white list is fetched.
    List,
    /// A revocation list is fetched.
    Revocation,
    /// The certificate of an issuer is fetched.
    Issuer,
    /// A server is looked at, without a message.
    Probe,
    /// Something that was kept here is erased.
    Erase,
    /// The state of a message is settled by a person or by what was found.
    Resolve,
    /// A notice is taken for what became of a message.
    Notice,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 14] = [
        Action::Send,
        Action::SignIn,
        Action::Fetch,
        Action::Seen,
        Action::Move,
        Action::Delete,
        Action::Lookup,
        Action::List,
        Action::Revocation,
        Action::Issuer,
        Action::Probe,
        Action::Erase,
        Action::Resolve,
        Action::Notice,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Action::Send => "send",
            Action::SignIn => "sign-in",
            Action::Fetch => "fetch",
            Action::Seen => "seen",
            Action::Move => "move",
            Action::Delete => "delete",
            Action::Lookup => "lookup",
            Action::List => "list",
            Action::Revocation => "revocation",
            Action::Issuer => "issuer",
            Action::Probe => "probe",
            Action::Erase => "erase",
            Action::Resolve => "resolve",
            Action::Notice => "notice",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As asked, the server agreed.
    Done,
    /// For some as asked, for others not.
    Partial,
    /// The answer is no.
    Refused,
    /// Not now.
    Deferred,
    /// It cannot be known whether it was done.
    Unknown,
    /// It did not come to an answer: no line, no trust, a fault here.
    Failed,
}

impl Outcome {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Partial => "partial",
            Outcome::Refused => "refused",
            Outcome::Deferred => "deferred",
            Outcome::Unknown => "unknown",
            Outcome::Failed => "failed",
        }
    }
}

/// What is about to be done. Never subject, text, names or file names; recipients count by number and domain.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Who acts.
    pub author: &'a str,
    /// The mailbox it is done for.
    pub mailbox: &'a Address,
    /// What kind of action.
    pub action: Action,
    /// The request to the server, in short.
    pub request: &'a str,
    /// The message it is about.
    pub message_id: Option<&'a MessageId>,
    /// Whom it goes to.
    pub recipients: &'a [Address],
}

impl<'a> Deed<'a> {
    /// A deed about no message.
    pub fn new(author: &'a str, mailbox: &'a Address, action: Action, request: &'a str) -> Deed<'a> {
        Deed { author, mailbox, action, request, message_id: None, recipients: &[] }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// How it ended.
    pub outcome: Outcome,
    /// The answer of the server, or what went wrong, in short.
    pub text: &'a str,
    /// The message it was about, where that was not known before.
    pub message_id: Option<&'a MessageId>,
    /// How many messages, entries or files it was about.
    pub count: Option<u64>,
}

impl<'a> Answer<'a> {
    /// An outcome and the server's words.
    pub fn new(outcome: Outcome, text: &'a str) -> Answer<'a> {
        Answer { outcome, text, message_id: None, count: None }
    }
}

/// A record as it is sealed: JSON, fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(super) enum Record {
    Begin(Begin),
    End(End),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Begin {
    /// Local time with offset (RFC 3339).
    pub(super) time: String,
    pub(super) author: String,
    pub(super) mailbox: String,
    pub(super) action: Action,
    pub(super) request: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recipients: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) domains: Vec<String>,
    pub(super) version: String,
    pub(super) process: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct End {
    pub(super) entry: u64,
    pub(super) time: String,
    pub(super) outcome: Outcome,
    pub(super) answer: String,
    pub(super) milliseconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
}

/// The most domains that a record lists.
const DOMAINS: usize = 20;
/// The longest Message-ID that a record keeps whole.
const MESSAGE_ID: usize = 250;

fn message_id(id: Option<&MessageId>) -> Option<String> {
    id.map(|id| id.as_str().chars().take(MESSAGE_ID).collect())
}

impl Record {
    pub(super) fn begin(deed: &Deed<'_>, time: String, process: String) -> Record {
        let mut domains: Vec<String> = deed.recipients.iter().map(|address| address.domain().to_owned()).collect();
        domains.sort();
        domains.dedup();
        domains.truncate(DOMAINS);
        Record::Begin(Begin {
            time,
            author: one_line(deed.author),
            mailbox: deed.mailbox.as_str().to_owned(),
            action: deed.action,
            request: masked(deed.request),
            message_id: message_id(deed.message_id),
            recipients: (!deed.recipients.is_empty()).then_some(deed.recipients.len() as u64),
            domains,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process,
        })
    }

    pub(super) fn end(entry: u64, answer: &Answer<'_>, time: String, milliseconds: u64) -> Record {
        Record::End(End {
            entry,
            time,
            outcome: answer.outcome,
            answer: masked(answer.text),
            milliseconds,
            message_id: message_id(answer.message_id),
            count: answer.count,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Record> {
        serde_json::from_slice(bytes).ok()
    }

    /// The moment it was written.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        match self {
            Record::Begin(begin) => begin.time.parse().ok(),
            Record::End(end) => end.time.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_domains_and_no_recipient() {
        let mailbox: Address = "labo@biologie.sandbox".parse().unwrap();
        let recipients: Vec<Address> =
            ["dr.durand@medecin.sandbox", "279035121518989@patient.sandbox", "dr.b@medecin.sandbox"]
                .map(|text| text.parse().unwrap())
                .to_vec();
        let deed = Deed { recipients: &recipients, ..Deed::new("labo", &mailbox, Action::Send, "MAIL, RCPT, DATA") };
        let record = Record::begin(&deed, "2026-11-05T08:00:00+01:00".to_owned(), "1".to_owned());
        let text = String::from_utf8(record.to_bytes()).unwrap();
        assert!(text.contains(r#""recipients":3,"domains":["medecin.sandbox","patient.sandbox"]"#), "{text}");
        assert!(!text.contains("durand") && !text.contains("279035121518989"));
        assert!(text.len() < 512);
        assert_eq!(Record::from_bytes(text.as_bytes()), Some(record));
    }

    #[test]
    fn every_action_and_outcome_is_written_with_its_word() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.word());
        }
        assert_eq!(serde_json::to_value(Outcome::Partial).unwrap(), Outcome::Partial.word());
    }
}
