//! `outbox resolve`: what became of messages whose answer never came, by what the mailbox holds of them, or by a person.

use std::io::Cursor;
use std::num::NonZeroU32;

use super::account::Account;
use super::alert;
use super::error::Error;
use super::notices::{self, Collector};
use super::outbox::{self, Line};
use crate::imap::{Failure, ImapError, Session, SpecialUse};
use crate::mail::{Entity, MessageId};
use crate::outbox::{Id, Outbox, OutboxError, Resolution, State};
use crate::secret::PromptError;
use crate::trace::Action;

/// As much of what is found as is looked at: its header.
const HEADER: u32 = 64 * 1024;
/// Most messages that are looked at for one Message-ID.
const MOST: usize = 100;

/// What came of it.
#[derive(Default)]
pub struct Resolved {
    /// Each recipient of the messages that were unknown, as they stand now.
    pub lines: Vec<Line>,
    /// The messages that nothing was found of, and that nobody decided on.
    pub left: Vec<String>,
}

/// Looks for what became of one message, or of all that are unknown; asks where there is somebody to ask.
pub fn resolve(account: &Account<'_>, id: Option<&str>) -> Result<Resolved, Error> {
    let outbox = account.outbox()?;
    let unknown = unknown(&outbox, id)?;
    let mut resolved = Resolved::default();
    if unknown.is_empty() {
        return Ok(resolved);
    }
    let mut collector = Collector::new(account);
    // A notice says more than a copy does: that first.
    collector.collect(&outbox)?;
    let mut session = collector.session()?;
    let sent = session.special_folder(SpecialUse::Sent)?;
    let inbox = account.profile.mailbox.folder.clone();
    let places = sent.into_iter().map(|name| (name, "found in the folder for sent mail"));
    for (folder, because) in places.chain([(inbox, "a copy of it was found in the mailbox")]) {
        session.select(&folder, true)?;
        for id in &unknown {
            look(account, &outbox, &mut session, *id, because)?;
        }
    }
    collector.keep(session);
    collector.leave();
    for id in unknown {
        if is_unknown(&outbox, id)? && !ask(account, &outbox, id)? {
            resolved.left.push(id.to_string());
        }
        resolved.lines.extend(outbox.entries(id)?.iter().flat_map(outbox::lines));
    }
    alert::after_news(account);
    Ok(resolved)
}

fn is_unknown(outbox: &Outbox, id: Id) -> Result<bool, Error> {
    Ok(outbox.entries(id)?.iter().any(notices::is_unknown))
}

/// The messages that are looked for.
fn unknown(outbox: &Outbox, id: Option<&str>) -> Result<Vec<Id>, Error> {
    if let Some(id) = id {
        let id = outbox::number(id)?;
        return match outbox.entries(id)? {
            entries if entries.iter().any(notices::is_unknown) => Ok(vec![id]),
            entries => Err(OutboxError::State { id, state: entries[0].state }.into()),
        };
    }
    let mut found = Vec::new();
    for entry in outbox.list() {
        let entry = entry?;
        if notices::is_unknown(&entry) && !found.contains(&entry.id) {
            found.push(entry.id);
        }
    }
    Ok(found)
}

/// Looks in the selected folder for a message that is still unknown, and settles it if it is there.
fn look(account: &Account<'_>, outbox: &Outbox, session: &mut Session, id: Id, because: &str) -> Result<(), Error> {
    if !is_unknown(outbox, id)? {
        return Ok(());
    }
    let message_id = outbox.entries(id)?[0].message_id.clone();
    let search = || times(session, &message_id);
    let times = account.traced(Action::Resolve, "UID SEARCH HEADER Message-ID", search, |times| {
        (if *times == 0 { "not found".to_owned() } else { "found".to_owned() }, Some(*times as u64))
    })?;
    notices::found(account, outbox, id, times, because)?;
    Ok(())
}

/// How many messages in the selected folder have this Message-ID. What a server finds is looked at: servers differ in how they
/// compare.
fn times(session: &mut Session, message_id: &MessageId) -> Result<usize, ImapError> {
    let mut times = 0;
    let most = NonZeroU32::new(HEADER).unwrap_or(NonZeroU32::MIN);
    for uid in session.search_header("Message-ID", message_id.as_str())?.into_iter().take(MOST) {
        let start = match session.peek(uid, most) {
            Err(ImapError { failure: Failure::Gone, .. }) => continue,
            start => start?,
        };
        let found = Entity::scan_all(&mut Cursor::new(&start)).ok().and_then(|it| it.header().message_id("Message-ID"));
        times += usize::from(found.as_ref() == Some(message_id));
    }
    Ok(times)
}

/// Asks what became of a message; whether somebody decided.
fn ask(account: &Account<'_>, outbox: &Outbox, id: Id) -> Result<bool, Error> {
    let entries = outbox.entries(id)?;
    let unknown = entries.iter().flat_map(|entry| &entry.recipients).filter(|one| one.state == State::Unknown);
    let unknown: Vec<&str> = unknown.map(|one| one.address.as_str()).collect();
    let question =
        format!("message {id} to {}: nothing was found of it; delivered, lost or later?", unknown.join(", "));
    let answer = match account.world.prompt.line(&question, Some("later"), "--assume delivered or --assume lost") {
        Err(PromptError::NobodyToAsk { .. }) => return Ok(false),
        answer => answer?,
    };
    let resolution = match answer.to_lowercase().as_str() {
        "delivered" => Resolution::Delivered,
        "lost" => Resolution::Lost,
        _ => return Ok(false),
    };
    outbox::assume(account, &id.to_string(), resolution)?;
    Ok(true)
}
