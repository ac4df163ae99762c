//! What comes to the mailbox about what was sent: notices turn its states, and a copy of it shows that the server took it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::fetch;
use crate::imap::{Failure, ImapError, Session};
use crate::mail::notice::{By, DeliveryNotice, Disposition, DispositionNotice, RecipientStatus};
use crate::mail::{Address, MessageId, Notice, notice};
use crate::outbox::{Entry, Id, News, Noted, Outbox, Resolution, State};
use crate::trace::{Action, Answer, Outcome};

/// As much of a message as is looked at: what a notice tells stands at its start.
pub(super) const START: u32 = 1024 * 1024;

/// What a notice did to one recipient of what was sent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Line {
    /// The number of the message in the outbox.
    pub id: String,
    pub recipient: String,
    /// How it stood before.
    pub before: &'static str,
    /// How it stands now.
    pub state: &'static str,
}

impl From<&Noted> for Line {
    fn from(noted: &Noted) -> Line {
        Line {
            id: noted.id.to_string(),
            recipient: noted.recipient.to_string(),
            before: noted.before.word(),
            state: noted.state.word(),
        }
    }
}

/// What a notice says of one recipient.
struct Claim {
    /// Every name that the notice has for them.
    who: Vec<Address>,
    news: News,
    words: String,
}

/// Files a notice under the messages it is about, each under an entry of the trace; whom it said something of. Nobody: it is
/// about no message of this outbox, and is mail like any other.
///
/// Anybody can write a notice. That it names one of our Message-IDs, which are 128 bits of chance, shows that its writer, or
/// somebody before them, has seen the message; and all it can do is to change what is told of it. Nothing is sent by it.
pub(super) fn file(account: &Account<'_>, outbox: &Outbox, notice: &Notice) -> Result<Vec<Noted>, Error> {
    let (kind, claims) = match notice {
        Notice::Delivery(notice) => ("delivery notice", notice.recipients.iter().map(of_delivery).collect()),
        Notice::Disposition(notice) => ("disposition notice", vec![of_disposition(notice)]),
    };
    let mut noted = Vec::new();
    for message_id in about(outbox, notice)? {
        let traced = account.begin(Action::Notice, kind, Some(&message_id), &[])?;
        let filed = file_under(outbox, account.address(), &message_id, &claims);
        let (outcome, text, count) = match &filed {
            Ok(filed) if filed.is_empty() => (Outcome::Refused, "it names no recipient of the message".to_owned(), 0),
            Ok(filed) => (Outcome::Done, states(filed), filed.len() as u64),
            Err(error) => (Outcome::Failed, error.to_string(), 0),
        };
        account.end(traced, &Answer { count: Some(count), ..Answer::new(outcome, &text) })?;
        noted.extend(filed?);
    }
    Ok(noted)
}

fn file_under(
    outbox: &Outbox,
    mailbox: &Address,
    message_id: &MessageId,
    claims: &[Claim],
) -> Result<Vec<Noted>, Error> {
    let mut sent_to = Vec::new();
    for id in outbox.find(message_id)? {
        sent_to.extend(outbox.entries(id)?.into_iter().flat_map(|entry| entry.envelope.recipients));
    }
    let names = |claim: &Claim| claim.who.iter().any(|named| sent_to.iter().any(|one| one.key() == named.key()));
    // Somebody whom nobody wrote to may be where a recipient's mail goes on to; not if the recipient has a place of their own.
    let any = claims.iter().any(names);
    let mut noted = Vec::new();
    // A copy to oneself is no recipient of the message: what is said of it says nothing of the only one there is.
    let is_own = |claim: &Claim| claim.who.iter().any(|named| named.key() == mailbox.key());
    for claim in claims.iter().filter(|claim| names(claim) || (!any && !is_own(claim))) {
        noted.extend(outbox.note(message_id, &claim.who, claim.news, &claim.words)?);
    }
    Ok(noted)
}

/// The messages of this outbox that a notice is about: by the envelope that a server gives back, which is the surest name;
/// else by the Message-IDs.
fn about(outbox: &Outbox, notice: &Notice) -> Result<Vec<MessageId>, Error> {
    let envelope = match notice {
        Notice::Delivery(DeliveryNotice { envelope_id: Some(id), .. }) => id.parse::<MessageId>().ok(),
        _ => None,
    };
    let mut known = Vec::new();
    for id in envelope.iter().chain(notice.message_ids()) {
        if !outbox.find(id)?.is_empty() {
            known.push(id.clone());
            if envelope.as_ref() == Some(id) {
                break;
            }
        }
    }
    known.dedup();
    Ok(known)
}

fn of_delivery(status: &RecipientStatus) -> Claim {
    let (news, word) = match status.action {
        notice::Action::Delivered => (News::Delivered, "delivered"),
        notice::Action::Relayed => (News::Relayed, "relayed"),
        notice::Action::Expanded => (News::Relayed, "expanded"),
        notice::Action::Delayed => (News::Delayed, "delayed"),
        notice::Action::Failed => (News::Failed, "failed"),
    };
    let mut words = status.status.map_or(word.to_owned(), |code| format!("{word} {code}"));
    if let Some(diagnostic) = &status.diagnostic {
        words.push_str(": ");
        words.push_str(diagnostic);
    }
    let who = status.original_recipient.iter().chain(&status.final_recipient).cloned().collect();
    Claim { who, news, words }
}

fn of_disposition(notice: &DispositionNotice) -> Claim {
    let (news, word) = match notice.disposition {
        _ if notice.is_refused_by_rule() => (News::Failed, "refused by a rule"),
        _ if notice.has_failed() => (News::Trouble, "not dealt with"),
        Disposition::Displayed => (News::Read, "displayed"),
        Disposition::Deleted => (News::Delivered, "deleted"),
        Disposition::Dispatched => (News::Delivered, "dispatched"),
        Disposition::Processed => (News::Delivered, "processed"),
    };
    let by = if notice.by == By::Automatic && news != News::Failed { " by a program" } else { "" };
    let trouble = notice.trouble.as_ref().map(|trouble| format!(": {trouble}")).unwrap_or_default();
    let who = notice.original_recipient.iter().chain(&notice.final_recipient).cloned().collect();
    Claim { who, news, words: format!("{word}{by}{trouble}") }
}

/// The states that were reached, each once.
fn states(noted: &[Noted]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for one in noted {
        if !words.contains(&one.state.word()) {
            words.push(one.state.word());
        }
    }
    words.join(", ")
}

/// Looks whether a message that came is one that was sent from here: who gets a copy of it back knows that the server took
/// it, if it was unknown.
pub(super) fn recognize(account: &Account<'_>, outbox: &Outbox, message_id: &MessageId) -> Result<(), Error> {
    for id in outbox.find(message_id)? {
        found(account, outbox, id, 1, "a copy of it came back")?;
    }
    Ok(())
}

/// Takes a message as accepted, if it was unknown and was found as often as the server may have taken it: a message for
/// several people may be several copies with one Message-ID. Tells whether it was settled.
pub(super) fn found(
    account: &Account<'_>,
    outbox: &Outbox,
    id: Id,
    times: usize,
    because: &str,
) -> Result<bool, Error> {
    let entries = outbox.entries(id)?;
    let taken = |entry: &&Entry| entry.recipients.iter().any(|one| may_have_been_taken(one.state));
    if !entries.iter().any(is_unknown) || times < entries.iter().filter(taken).count() {
        return Ok(false);
    }
    let traced = account.begin(Action::Resolve, "by what was found", Some(&entries[0].message_id), &[])?;
    let settled = outbox.resolve(id, Resolution::Delivered, because);
    let (outcome, text) = match &settled {
        Ok(()) => (Outcome::Done, because.to_owned()),
        Err(error) => (Outcome::Failed, error.to_string()),
    };
    account.end(traced, &Answer::new(outcome, &text))?;
    settled?;
    Ok(true)
}

/// Whether nobody knows what became of it for somebody.
pub(super) fn is_unknown(entry: &Entry) -> bool {
    entry.recipients.iter().any(|one| one.state == State::Unknown)
}

fn may_have_been_taken(state: State) -> bool {
    matches!(state, State::Unknown | State::Accepted | State::Delivered | State::Read | State::Bounced)
}

/// Looks for notices in the mailbox again and again, over one session: each sign-in may need a one-time code of its own.
pub(super) struct Collector<'a> {
    account: &'a Account<'a>,
    session: Option<Session>,
    /// UIDVALIDITY and UID of what was looked at.
    looked_at: BTreeSet<(u32, u32)>,
}

impl<'a> Collector<'a> {
    /// Nothing is opened before something is to be collected.
    pub(super) fn new(account: &'a Account<'a>) -> Collector<'a> {
        Collector { account, session: None, looked_at: BTreeSet::new() }
    }

    /// Files the new notices in the mailbox that are about messages of this outbox, and marks them as seen; all else is left
    /// as it is.
    pub(super) fn collect(&mut self, outbox: &Outbox) -> Result<Vec<Noted>, Error> {
        let mut session = self.session()?;
        let selected = session.select(&self.account.profile.mailbox.folder, false)?;
        let mut noted = Vec::new();
        for uid in session.search_reports()? {
            if self.looked_at.contains(&(selected.uid_validity, uid)) {
                continue;
            }
            let Some(start) = self.peek(&mut session, uid)? else { continue };
            if let Some(notice) = Notice::read(&start) {
                let filed = file(self.account, outbox, &notice)?;
                if !filed.is_empty() {
                    let request = format!("UID STORE {uid} +FLAGS (\\Seen)");
                    let mark = || session.mark_seen(uid);
                    self.account.traced(Action::Seen, &request, mark, |()| ("seen".to_owned(), None))?;
                }
                noted.extend(filed);
            }
            self.looked_at.insert((selected.uid_validity, uid));
        }
        self.session = Some(session);
        Ok(noted)
    }

    /// The session, to look for something else with it; one that broke is not kept.
    pub(super) fn session(&mut self) -> Result<Session, Error> {
        match self.session.take().filter(Session::is_open) {
            Some(session) => Ok(session),
            None => fetch::sign_in(self.account),
        }
    }

    /// Takes a session back, to go on with it.
    pub(super) fn keep(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// The start of a message; nothing where it is gone.
    fn peek(&self, session: &mut Session, uid: u32) -> Result<Option<Vec<u8>>, Error> {
        let most = NonZeroU32::new(START).unwrap_or(NonZeroU32::MIN);
        let request = format!("UID FETCH {uid} BODY.PEEK[]<0.{most}>");
        let look = || match session.peek(uid, most) {
            Err(ImapError { failure: Failure::Gone, .. }) => Ok(None),
            looked => looked.map(Some),
        };
        self.account.traced(Action::Fetch, &request, look, |start| {
            (start.as_ref().map_or_else(|| "gone".to_owned(), |start| format!("{} octets", start.len())), None)
        })
    }

    /// Takes leave, if there was a session.
    pub(super) fn leave(mut self) {
        if let Some(session) = self.session.take() {
            // What was done stays done, whatever comes of this.
            let _ = session.logout();
        }
    }
}
