//! `audit`: what was done, and whether the trace of it was changed.

use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use crate::trace::{self, Filter, Verdict};

/// One entry of the trace.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// The number of the entry.
    pub id: u64,
    /// Local time of the workstation, with offset.
    pub time: String,
    /// Who acted.
    pub author: String,
    pub mailbox: String,
    pub action: &'static str,
    /// The request made to the server.
    pub request: String,
    /// Its answer, failures included.
    pub answer: Option<String>,
    /// `done`, `partial`, `refused`, `deferred`, `unknown`, `failed`, `open` or `interrupted`.
    pub outcome: &'static str,
    pub message_id: Option<String>,
    /// How many recipients.
    pub recipients: Option<u64>,
    /// The domains they are in.
    pub domains: Vec<String>,
    pub milliseconds: Option<u64>,
    /// How many messages, entries or files it was about.
    pub count: Option<u64>,
    /// The version of mss that wrote it.
    pub version: String,
}

/// The entries that pass a filter, oldest first.
pub fn log(account: &Account<'_>, filter: &Filter) -> Result<Vec<Line>, Error> {
    Ok(account.trace()?.log(filter)?.into_iter().map(line).collect())
}

/// Verifies the trace of the profile with its own keys.
pub fn verify(account: &Account<'_>) -> Result<Verdict, Error> {
    Ok(account.trace()?.verify(None)?)
}

fn line(line: trace::Line) -> Line {
    Line {
        schema: "mss.audit-log/1",
        id: line.id,
        time: line.local_time,
        author: line.author,
        mailbox: line.mailbox,
        action: line.action.word(),
        request: line.request,
        answer: line.answer,
        outcome: line.status.word(),
        // As the header has it, and as the other answers do.
        message_id: line.message_id.map(|id| format!("<{id}>")),
        recipients: line.recipients,
        domains: line.domains,
        milliseconds: line.milliseconds,
        count: line.count,
        version: line.version,
    }
}
