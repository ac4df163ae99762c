//! `fetch`: each message the whole way (peek, open, judge, store, acknowledge, trace) before the next.

use std::io::{Read, Seek, SeekFrom};

use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::alert;
use super::error::Error;
use super::gate::Gate;
use super::notices;
pub use super::received::Policy;
use super::received::{self, Received};
use super::traced::told;
use crate::fs::{self, Staged};
use crate::imap::{Failure, ImapError, Session, Which};
use crate::inbox::{Inbox, Kept, Standing};
use crate::mail::{MessageId, Notice};
use crate::outbox::{Noted, Outbox};
use crate::pki::Identity;
use crate::trace::{Action, Answer, Outcome};
use crate::vault::After;

/// Octets a message may have.
const MESSAGE_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// What was asked, every default resolved.
pub struct Request {
    pub policy: Policy,
    pub after: After,
    pub folder: String,
    /// Also messages that are marked as seen.
    pub all: bool,
    pub limit: Option<usize>,
    /// The server made the folder anew; what it holds is fetched by its content.
    pub accept_renewed_folder: bool,
}

/// One message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    pub uid: u32,
    /// `stored`, `quarantined`, `status` for a notice of what became of a message that was sent, or `known` where it was stored
    /// by an earlier run.
    pub state: &'static str,
    /// The folder it was stored in.
    pub place: Option<String>,
    /// What was done on the server: `seen`, `moved`, `deleted` or `kept`.
    pub acknowledged: &'static str,
    /// Whether it stands in quarantine, by this run or an earlier one.
    pub quarantined: bool,
    /// What the message says of itself and what was found, where it could be opened.
    #[serde(flatten)]
    pub received: Option<Received>,
    /// What it said of what was sent, if it is a notice of that.
    pub notice: Vec<notices::Line>,
    /// Why it could not be opened.
    pub error: Option<String>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Summary {
    pub stored: usize,
    pub quarantined: usize,
    pub statuses: usize,
    pub known: usize,
}

/// What every message is treated with.
struct Desk<'a> {
    account: &'a Account<'a>,
    request: &'a Request,
    gate: Gate<'a>,
    keys: Vec<Identity>,
    inbox: Inbox,
    /// What was sent, if anything was: notices are about that.
    outbox: Option<Outbox>,
    uid_validity: u32,
}

/// Fetches; `tell` hears of each message as soon as it is stored.
pub fn fetch(
    account: &Account<'_>,
    request: &Request,
    tell: &mut dyn FnMut(&Line) -> std::io::Result<()>,
) -> Result<Summary, Error> {
    let below = |source| Error::OutputFolder { path: request.policy.to.clone(), source };
    fs::make_dir(&request.policy.to).map_err(below)?;
    fs::sweep_staged(&request.policy.to, account.world.clock.now()).map_err(below)?;
    let gate = Gate::open(account)?;
    let keys = account.opening_keys()?;
    let (inbox, outbox) = (account.inbox()?, account.known_outbox()?);
    let mut session = sign_in(account)?;
    let selected = session.select(&request.folder, request.after == After::Keep)?;
    let desk = Desk { account, request, gate, keys, inbox, outbox, uid_validity: selected.uid_validity };
    desk.enter()?;
    let wanted = if request.all { Which::All } else { Which::Unseen };
    let mut summary = Summary::default();
    let mut left = request.limit.unwrap_or(usize::MAX);
    for uid in session.search(wanted)? {
        if left == 0 {
            break;
        }
        // Those that were taken before and stay on the server do not count: else a limit would never get past them.
        let Some(line) = desk.take(&mut session, uid)? else { continue };
        left -= 1;
        match line.state {
            "stored" => summary.stored += 1,
            "quarantined" => summary.quarantined += 1,
            "status" => summary.statuses += 1,
            _ => summary.known += 1,
        }
        tell(&line).map_err(|source| Error::Answer { source })?;
    }
    // Everything is acknowledged, whatever comes of the farewell.
    let _ = session.logout();
    alert::after_news(account);
    Ok(summary)
}

/// Opens a session and signs in, under an entry of the trace.
pub(super) fn sign_in(account: &Account<'_>) -> Result<Session, Error> {
    account.traced_sign_in("mailbox", &account.mail_server(), || open(account))
}

/// Opens a session and signs in.
pub(super) fn open(account: &Account<'_>) -> Result<Session, Error> {
    let (dialer, endpoint) = (account.dialer()?, account.mail_server());
    account.signed_in(|credential| Ok(Session::open(dialer, &endpoint, credential)?))
}

impl Desk<'_> {
    /// Stops where the server made the folder anew: its numbers mean other messages now (RFC 9051, section 2.3.1.1).
    fn enter(&self) -> Result<(), Error> {
        let folder = &self.request.folder;
        match self.inbox.enter(folder, self.uid_validity)? {
            Standing::Renewed { .. } if !self.request.accept_renewed_folder => {
                Err(Error::FolderRenewed { folder: folder.clone() })
            }
            Standing::Renewed { .. } => Ok(self.inbox.accept_renewal(folder, self.uid_validity)?),
            Standing::First | Standing::Same => Ok(()),
        }
    }

    /// One message, the whole way. Nothing to tell where it was taken before and nothing is left to do on the server.
    fn take(&self, session: &mut Session, uid: u32) -> Result<Option<Line>, Error> {
        let known = self.inbox.known_uid(&self.request.folder, self.uid_validity, uid)?;
        let line = match known {
            // What was kept until now may be marked, moved or deleted now; anything else was settled when it was done.
            Some(kept) if self.is_settled(&kept) => return Ok(None),
            Some(kept) => self.line(uid, "known", &kept),
            None => match self.store_traced(session, uid)? {
                Some(line) => line,
                None => return Ok(None),
            },
        };
        let acknowledged = self.acknowledge(session, uid, line.quarantined)?;
        Ok(Some(Line { acknowledged, ..line }))
    }

    fn is_settled(&self, kept: &Kept) -> bool {
        match kept.acknowledged.as_deref() {
            None => false,
            Some("keep") => self.request.after == After::Keep,
            Some(_) => true,
        }
    }

    fn line(&self, uid: u32, state: &'static str, kept: &Kept) -> Line {
        Line {
            schema: "mss.fetch/1",
            uid,
            state,
            place: Some(kept.place.display().to_string()),
            acknowledged: "kept",
            quarantined: kept.quarantined,
            received: None,
            notice: Vec::new(),
            error: None,
        }
    }

    /// Fetches and stores, under an entry of the trace; nothing where the message is gone.
    fn store_traced(&self, session: &mut Session, uid: u32) -> Result<Option<Line>, Error> {
        let account = self.account;
        let traced = account.begin(Action::Fetch, &format!("UID FETCH {uid} BODY.PEEK[]"), None, &[])?;
        match self.store(session, uid) {
            Ok((line, message_id)) => {
                let outcome = if line.quarantined { Outcome::Refused } else { Outcome::Done };
                let text = line.error.as_deref().unwrap_or(line.state);
                account.end(traced, &Answer { message_id: message_id.as_ref(), ..Answer::new(outcome, text) })?;
                Ok(Some(line))
            }
            Err(error) => {
                account.end(traced, &Answer::new(Outcome::Failed, &told(&error)))?;
                match error {
                    // Somebody else took it away since the search: there is nothing to fetch, and others wait.
                    Error::Imap(ImapError { failure: Failure::Gone, .. }) => Ok(None),
                    error => Err(error),
                }
            }
        }
    }

    /// Reads the message into a private spool, opens and judges it, and gives it its place.
    fn store(&self, session: &mut Session, uid: u32) -> Result<(Line, Option<MessageId>), Error> {
        let folder = &self.request.folder;
        let mut spool = Staged::new(&self.account.spool()?)?;
        session.fetch_raw(uid, &mut spool, MESSAGE_LIMIT)?;
        let digest = received::sha256(spool.file())?;
        if let Some(kept) = self.inbox.known_message(&digest)? {
            self.inbox.record(folder, self.uid_validity, uid, &digest, &kept)?;
            return Ok((self.line(uid, "known", &kept), None));
        }
        let start = start(&mut spool)?;
        let noted = self.noted(Notice::read(&start).as_ref())?;
        if !noted.is_empty() {
            let place = received::keep_notice(&self.request.policy, &mut spool, &digest, &start, &noted)?;
            let kept = Kept { place, quarantined: false, at: self.account.world.clock.now(), acknowledged: None };
            self.inbox.record(folder, self.uid_validity, uid, &digest, &kept)?;
            return Ok((Line { notice: noted, ..self.line(uid, "status", &kept) }, None));
        }
        let stored = received::store(self.account, &self.request.policy, &self.gate, &self.keys, &mut spool, &digest)?;
        let noted = self.noted(stored.notice.as_ref())?;
        if let Some(outbox) = &self.outbox {
            notices::recognize(self.account, outbox, &start)?;
        }
        let kept = Kept {
            place: stored.place.clone(),
            quarantined: stored.quarantined,
            at: self.account.world.clock.now(),
            acknowledged: None,
        };
        self.inbox.record(folder, self.uid_validity, uid, &digest, &kept)?;
        if let Some((address, capabilities, at)) = &stored.says {
            self.account.readers()?.learn(address, *capabilities, (*at).min(kept.at))?;
        }
        let state = if stored.quarantined { "quarantined" } else { "stored" };
        let line =
            Line { received: stored.received, notice: noted, error: stored.error, ..self.line(uid, state, &kept) };
        Ok((line, stored.message_id))
    }

    /// What a notice says of what was sent from here; nothing where it is about something else.
    fn noted(&self, notice: Option<&Notice>) -> Result<Vec<notices::Line>, Error> {
        let (Some(outbox), Some(notice)) = (&self.outbox, notice) else { return Ok(Vec::new()) };
        let noted: Vec<Noted> = notices::file(self.account, outbox, notice)?;
        Ok(noted.iter().map(notices::Line::from).collect())
    }

    /// Does on the server what was asked, under an entry of its own. What is in quarantine is never deleted there.
    fn acknowledge(&self, session: &mut Session, uid: u32, quarantined: bool) -> Result<&'static str, Error> {
        let (action, request, word) = match &self.request.after {
            After::Keep => {
                self.inbox.acknowledged(&self.request.folder, self.uid_validity, uid, "keep")?;
                return Ok("kept");
            }
            After::Move(folder) => (Action::Move, format!("UID MOVE {uid} {folder}"), "moved"),
            After::Delete if !quarantined => (Action::Delete, format!("UID EXPUNGE {uid}"), "deleted"),
            After::Seen | After::Delete => (Action::Seen, format!("UID STORE {uid} +FLAGS (\\Seen)"), "seen"),
        };
        let work = || match &self.request.after {
            After::Move(folder) => session.move_to(uid, folder),
            After::Delete if !quarantined => session.delete(uid),
            _ => session.mark_seen(uid),
        };
        self.account.traced(action, &request, work, |_| (word.to_owned(), None))?;
        let deed = match word {
            "moved" => "move",
            "deleted" => "delete",
            other => other,
        };
        self.inbox.acknowledged(&self.request.folder, self.uid_validity, uid, deed)?;
        Ok(word)
    }
}

/// As much of a message as a notice is looked for in; the spool stands at its start again.
fn start(spool: &mut Staged) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Spool { source };
    let mut start = Vec::new();
    spool.file().seek(SeekFrom::Start(0)).map_err(failed)?;
    spool.file().take(u64::from(notices::START)).read_to_end(&mut start).map_err(failed)?;
    spool.file().seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(start)
}
