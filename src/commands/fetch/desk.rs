//! The desk: what every message is treated with, and the story of one folder.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::flow::Flow;
use super::{Request, Summary, Tell};
use crate::commands::account::Account;
use crate::commands::error::Error;
use crate::commands::gate::Gate;
use crate::imap::{Filter, Selected, Session, Which};
use crate::inbox::{Inbox, Standing};
use crate::mail::Address;
use crate::outbox::Outbox;
use crate::pki::{Identity, Reader};
use crate::vault::After;

/// What every message is treated with.
pub(super) struct Desk<'a> {
    pub account: &'a Account<'a>,
    pub request: &'a Request,
    pub inbox: &'a Inbox,
    /// Called again and again while there is work: it goes on.
    pub beat: &'a dyn Fn(),
    tools: OnceCell<Tools<'a>>,
    taken: Cell<usize>,
}

/// What is needed once there is a message: who is believed, and what opens it.
pub(super) struct Tools<'a> {
    pub gate: Gate<'a>,
    pub keys: Vec<Identity>,
    /// What was sent, if anything was: notices are about that.
    pub outbox: Option<Outbox>,
    pub spool: PathBuf,
    /// What senders said of their programs in this run, and was taken down.
    pub learned: RefCell<BTreeMap<Address, Option<Reader>>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        account: &'a Account<'a>,
        request: &'a Request,
        inbox: &'a Inbox,
        beat: &'a dyn Fn(),
    ) -> Desk<'a> {
        Desk { account, request, inbox, beat, tools: OnceCell::new(), taken: Cell::new(0) }
    }

    /// Messages that may still be taken.
    pub(super) fn left(&self) -> usize {
        self.request.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.taken.get()))
    }

    /// Whether as many were taken as was asked for.
    pub(super) fn is_over(&self) -> bool {
        self.left() == 0
    }

    /// Fetched with the first message and not before: a mailbox without any needs neither lists nor keys.
    pub(super) fn tools(&self) -> Result<&Tools<'a>, Error> {
        if let Some(tools) = self.tools.get() {
            return Ok(tools);
        }
        let account = self.account;
        let tools = Tools {
            gate: Gate::open(account)?,
            keys: account.opening_keys()?,
            outbox: account.known_outbox()?,
            spool: account.spool()?,
            learned: RefCell::default(),
        };
        Ok(self.tools.get_or_init(|| tools))
    }

    /// Fetches from one folder, and gives the session back.
    pub(super) fn fetch(
        &self,
        mut session: Session,
        folder: &str,
        summary: &mut Summary,
        tell: &mut Tell<'_>,
    ) -> Result<Session, Error> {
        let selected = self.select(&mut session, folder)?;
        let (aim, validity) = (self.aim(), selected.uid_validity);
        let before = match (&aim, selected.changes) {
            (Some(aim), Some(_)) => self.inbox.progress(folder, validity, aim)?,
            _ => None,
        };
        if before.is_some() && before == selected.changes {
            // Nothing was added or changed since nothing was left.
            return Ok(session);
        }
        // A count that went back is not believed: the server was set back, or keeps it anew.
        let changed_since = before.filter(|before| selected.changes.is_some_and(|changes| *before < changes));
        let all = self.look(&mut session, folder, &selected, changed_since)?;
        let mut complete = all.complete;
        if !all.messages.is_empty() {
            self.taken.set(self.taken.get() + all.messages.len());
            let flowed = Flow::new(self, folder, validity, all.messages)?.run(session, summary, tell)?;
            session = flowed.session;
            // A server that could not hand over a message may be able to by the next run, which has to look for it again.
            complete &= flowed.whole;
        }
        if let (Some(aim), Some(changes)) = (aim, selected.changes)
            && complete
            && !summary.interrupted
        {
            self.inbox.set_progress(folder, validity, &aim, changes)?;
        }
        Ok(session)
    }

    /// Selects the folder, and stops where the server made it anew or was set back: its numbers mean other messages now (RFC
    /// 9051, section 2.3.1.1), and new ones would be taken for those of old, and left.
    pub(super) fn select(&self, session: &mut Session, folder: &str) -> Result<Selected, Error> {
        // Before the server says what comes next: another process may take that meanwhile.
        let last = self.inbox.last_uid(folder)?;
        let selected = session.select(folder, self.request.after == After::Keep)?;
        match self.inbox.enter(folder, selected.uid_validity)? {
            Standing::Renewed { .. } if !self.request.accept_renewed_folder => {
                return Err(Error::FolderRenewed { folder: folder.to_owned() });
            }
            Standing::Renewed { .. } => self.inbox.accept_renewal(folder, selected.uid_validity)?,
            Standing::First | Standing::Same => {}
        }
        let comes_again = |(validity, uid)| {
            validity == selected.uid_validity && selected.uid_next.is_some_and(|uid_next| uid_next <= uid)
        };
        if last.is_some_and(comes_again) {
            if !self.request.accept_renewed_folder {
                return Err(Error::FolderRenewed { folder: folder.to_owned() });
            }
            self.inbox.accept_set_back(folder, selected.uid_validity)?;
        }
        Ok(selected)
    }

    /// What is looked for and done, in words by which it is known again; nothing where only some messages are meant.
    fn aim(&self) -> Option<String> {
        let which = match self.request.filter.which {
            Which::All => "all",
            Which::Unseen => "unseen",
            Which::Seen => "seen",
        };
        let only = Filter { which: self.request.filter.which, ..Filter::default() };
        (self.request.filter == only).then(|| format!("{which}, {}", self.request.after))
    }
}
