//! `fetch`: messages stream in, are opened beside one another, judged and stored in their order, and acknowledged once they are
//! on disk and in the journal.
//!
//! ```text
//! Order --Courier (one a connection)--> octets --Opener (one a core)--> taken apart --Desk--> judged, written
//!   ^                                                                                          |
//!   +---- what to fetch next, what to acknowledge <----- group: files synced, journal, trace <-+
//! ```

mod courier;
mod desk;
mod flow;
mod group;
mod hired;
mod opener;
mod telling;
mod wanted;
mod watch;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use self::desk::Desk;
pub use self::watch::{Heard, Rhythm, watch};
use super::account::Account;
use super::alert;
use super::error::Error;
use super::notices;
pub use super::received::Policy;
use super::received::Received;
use crate::fs;
use crate::imap::{Filter, ImapError, Listed, Session, SpecialUse, Which};
use crate::vault::After;

/// What was asked, every default resolved.
pub struct Request {
    pub policy: Policy,
    pub after: After,
    /// Names of folders, and patterns of them, with `*` and `%`.
    pub folders: Vec<String>,
    /// Which messages, as far as the server can tell.
    pub filter: Filter,
    pub limit: Option<usize>,
    /// Connections side by side.
    pub jobs: usize,
    /// The server made the folder anew; what it holds is fetched by its content.
    pub accept_renewed_folder: bool,
}

/// One message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// The folder of the mailbox it was in.
    pub folder: String,
    pub uid: u32,
    /// `stored`, `quarantined`, `status` for a notice of what became of a message that was sent, or `known` where it was stored
    /// by an earlier run.
    pub state: &'static str,
    /// The folder it was stored in.
    pub place: Option<String>,
    /// What was done on the server: `seen`, `moved`, `deleted` or `kept`; `marked` as deleted where the server cannot remove a
    /// message by itself.
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
    /// Whether it was stopped before everything was fetched.
    pub interrupted: bool,
}

impl Summary {
    fn count(&mut self, line: &Line) {
        match line.state {
            "stored" => self.stored += 1,
            "quarantined" => self.quarantined += 1,
            "status" => self.statuses += 1,
            _ => self.known += 1,
        }
    }

    /// Messages that were told of.
    pub fn told(&self) -> usize {
        self.stored + self.quarantined + self.statuses + self.known
    }
}

/// Who hears of each message, in the order of the folder, once it is stored and acknowledged.
type Tell<'t> = dyn FnMut(&Line) -> std::io::Result<()> + 't;

/// Fetches; `tell` hears of each message once it is stored.
pub fn fetch(account: &Account<'_>, request: &Request, tell: &mut Tell<'_>) -> Result<Summary, Error> {
    prepare(account, request)?;
    let inbox = account.inbox()?;
    let mut session = sign_in(account)?;
    let desk = Desk::new(account, request, &inbox, &|| ());
    let mut summary = Summary::default();
    for folder in folders(request, &mut session)? {
        session = desk.fetch(session, &folder, &mut summary, tell)?;
        if desk.is_over() || summary.interrupted {
            break;
        }
    }
    // Everything is acknowledged, whatever comes of the farewell.
    let _ = session.logout();
    alert::after_news(account);
    Ok(summary)
}

/// Makes the folder to store in, without what killed runs left there.
fn prepare(account: &Account<'_>, request: &Request) -> Result<(), Error> {
    let below = |source| Error::OutputFolder { path: request.policy.to.clone(), source };
    fs::make_dir(&request.policy.to).map_err(below)?;
    fs::sweep_staged(&request.policy.to, account.world.clock.now()).map_err(below)?;
    account.clean_spool().map(|_| ())
}

/// Opens a session and signs in, under an entry of the trace.
pub(super) fn sign_in(account: &Account<'_>) -> Result<Session, Error> {
    account.traced_sign_in("mailbox", &account.mail_server(), || open(account))
}

/// Opens a session and signs in.
pub(super) fn open(account: &Account<'_>) -> Result<Session, Error> {
    let (dialer, endpoint) = (account.dialer()?, account.mail_server());
    let mut session = account.signed_in(|credential| Ok(Session::open(dialer, &endpoint, credential)?))?;
    if account.profile.mailbox.compress {
        session.compress()?;
    }
    Ok(session)
}

/// The folders that are meant, each once. A pattern leaves out those for drafts, junk, sent and deleted mail, and the one that
/// messages are moved to.
fn folders(request: &Request, session: &mut Session) -> Result<Vec<String>, ImapError> {
    const LEFT_OUT: [SpecialUse; 4] = [SpecialUse::Drafts, SpecialUse::Junk, SpecialUse::Sent, SpecialUse::Trash];
    let mut found: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    for name in &request.folders {
        let names = if name.contains(['*', '%']) {
            let listed = session.list(name)?.into_iter();
            let meant = |folder: &Listed| {
                let moved_to = matches!(&request.after, After::Move(to) if *to == folder.name);
                let count = match request.filter.which {
                    Which::Unseen => folder.unseen,
                    Which::All | Which::Seen => folder.messages,
                };
                // Of thousands of folders most have nothing: they are not even selected.
                !moved_to && count != Some(0) && !folder.usage.is_some_and(|usage| LEFT_OUT.contains(&usage))
            };
            listed.filter(meant).map(|folder| folder.name).collect()
        } else {
            vec![name.clone()]
        };
        found.extend(names.into_iter().filter(|name| known.insert(name.clone())));
    }
    Ok(found)
}
