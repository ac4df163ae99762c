//! `send`: words become a draft, the draft is sealed for whom the space admits, what is sealed is queued, then submitted.

use std::cell::OnceCell;
use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::addressee::{self, Addressee, role_name};
use super::alert;
use super::error::Error;
use super::gate::Gate;
use super::message::{Bench, Words, attach};
use super::packaged;
pub use super::packaged::Packaging;
use super::submission::{self, Limits};
use super::wait::{self, Waiting};
use crate::hex::Hex;
use crate::mail::{Address, Draft};
use crate::outbox::{CopyId, Enqueued, Entry, Id, NewMessage, Outbox, RecipientEntry};
use crate::sealed::Protection;
use crate::smime;
use crate::smtp::Notify;
use crate::space::Role;

/// Octets a text may have.
pub const TEXT_LIMIT: u64 = 16 * 1024 * 1024;

/// What was asked, every default resolved.
pub struct Request {
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub subject: String,
    pub text: String,
    pub attachments: Vec<PathBuf>,
    pub protection: Protection,
    /// How a package is made, if it is to be one.
    pub packaging: Packaging,
    /// Those who can be served get the message even if others cannot.
    pub partial: bool,
    /// Sent anew even if the same message was sent before.
    pub again: bool,
    /// Everything but queueing and submitting.
    pub dry_run: bool,
    /// What the servers on the way are asked to report; none for what the profile says.
    pub notify: Option<Notify>,
    /// Whether to wait until it has got as far as it can be seen to.
    pub wait: Option<Waiting>,
}

/// What became of it.
pub struct Sent {
    /// One for each recipient.
    pub lines: Vec<Line>,
    /// Why some recipients were left out (`partial`).
    pub left_out: Vec<Error>,
    /// What kept the message in the queue, if something did.
    pub trouble: Option<Error>,
    /// Whether it was stopped before the message was handed over.
    pub interrupted: bool,
    /// Whether the time to wait was over before it had got so far.
    pub over: bool,
}

/// One recipient.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// The number of the message in the outbox; absent in a dry run.
    pub id: Option<String>,
    /// The number of the copy: those with the same one are handed over together.
    pub copy: Option<String>,
    pub message_id: String,
    pub recipient: String,
    /// `to`, `cc` or `bcc`.
    pub role: &'static str,
    /// Whose mailbox it is, as the directory writes it.
    pub holder: String,
    /// `accepted`, `deferred`, `refused`, `unknown`, `queued`, `delivered`, `read`, `bounced`, or `checked` in a dry run.
    pub state: &'static str,
    /// Whether the outbox knew this very message before this run; then nothing was sent twice.
    pub known: bool,
    /// `smime`, `package` or `transport`.
    pub protection: &'static str,
    /// The content encryption, `AES-256-GCM` or `AES-256-CBC`; absent without S/MIME.
    pub cipher: Option<String>,
    /// SHA-256 of the certificate it was encrypted to.
    pub certificate_sha256: Option<String>,
    /// The last answer of the server for this recipient.
    pub answer: Option<String>,
    /// The server's name for the message.
    pub queue_id: Option<String>,
    /// When the state was reached.
    pub changed_at: Option<Timestamp>,
}

/// Everybody who was asked for: those who can be served, and why the others cannot.
struct Judged {
    addressees: Vec<Addressee>,
    /// Role and address of each, also of those who are left out: what makes two commands the same.
    asked: Vec<(Role, String)>,
    left_out: Vec<Error>,
}

/// The whole story of one message.
pub fn send(account: &Account<'_>, request: &Request) -> Result<Sent, Error> {
    // Every file is opened before anything is asked of anybody: what cannot be read is told at once.
    let attachments = request.attachments.iter().map(|path| attach(path)).collect::<Result<Vec<_>, _>>()?;
    let Judged { addressees, asked, mut left_out } = admit_all(account, request)?;
    let bench = Bench::new(account, request.protection == Protection::Smime && !request.dry_run)?;
    let words = Words {
        subject: &request.subject,
        text: &request.text,
        protection: request.protection,
        format: request.packaging.format,
    };
    let mut fingerprint = bench.fingerprint(&words, &attachments, asked)?;
    let draft = bench.compose(&words, attachments, &addressees)?;
    if request.dry_run {
        let message_id = draft.parts().message_id.to_string();
        let lines = addressees.iter().map(|one| line(one, request, message_id.clone(), None)).collect();
        return Ok(Sent { lines, left_out, trouble: None, interrupted: false, over: false });
    }
    if request.again {
        fingerprint = bench.key_of(&fingerprint, draft.parts().message_id.as_str().as_bytes());
    }
    let outbox = account.outbox()?;
    let turn = packaged::turn(account, request.protection)?;
    let (id, added) = queue(account, &outbox, &bench, &fingerprint, draft, &addressees, request)?;
    drop(turn);
    let waiting = outbox.entries(id)?.into_iter().filter(|entry| entry.state.is_pending()).map(|entry| entry.copy);
    let limits = Limits { notify: request.notify.unwrap_or(account.limits().notify), ..account.limits() };
    let submitted = submission::submit(account, &outbox, waiting.collect(), limits, &mut |_| Ok(()))?;
    alert::after_submission(account, &outbox, &submitted);
    let (mut trouble, mut interrupted, mut over) = (submitted.trouble, submitted.stopped, false);
    if let Some(waiting) = request.wait.filter(|_| !interrupted) {
        let waited = wait::wait_for(account, &outbox, &[id], &waiting, limits)?;
        alert::after_news(account);
        (trouble, interrupted, over) = (waited.trouble, waited.interrupted, waited.over);
    }
    let entries = outbox.entries(id)?;
    let mut lines = Vec::new();
    for one in &addressees {
        // The newest copy counts: an older one may have been refused.
        match entries.iter().rev().find(|entry| entry.envelope.recipients.contains(one.address())) {
            Some(entry) => {
                let known = !added.contains(&entry.copy);
                lines.push(line(one, request, entry.message_id.to_string(), Some((entry, known))));
            }
            None => left_out.push(Error::LeftOutBefore { address: one.address().clone() }),
        }
    }
    Ok(Sent { lines, left_out, trouble, interrupted, over })
}

/// Seals for those who have no copy yet, and queues; the copies that are new are told.
fn queue(
    account: &Account<'_>,
    outbox: &Outbox,
    bench: &Bench<'_>,
    fingerprint: &[u8; 32],
    draft: Draft,
    addressees: &[Addressee],
    request: &Request,
) -> Result<(Id, Vec<CopyId>), Error> {
    let known = outbox.known(fingerprint, fingerprint)?;
    // A message that was queued before keeps its Message-ID, also for those it is sealed for only now.
    let draft = match &known {
        Some(known) => draft.with_message_id(known.entries[0].message_id.clone()),
        None => draft,
    };
    let before: Vec<&RecipientEntry> =
        known.iter().flat_map(|known| &known.entries).flat_map(|entry| &entry.recipients).collect();
    let is_served = |address: &Address| before.iter().any(|one| one.address == *address && one.state.is_served());
    let mut copies = match request.protection {
        Protection::Package => packaged::seal(account, bench, &request.packaging, &draft, &is_served)?,
        Protection::Smime | Protection::Transport => bench.seal(&draft, addressees, &is_served)?,
    };
    let nothing_new = |id| {
        account.world.step("the outbox knows this message: nothing is sent twice");
        Ok((id, Vec::new()))
    };
    if let Some(known) = known.filter(|_| copies.is_empty()) {
        return nothing_new(known.id);
    }
    let message =
        NewMessage { key: *fingerprint, content: *fingerprint, label: None, copies: &mut copies, replace: false };
    match outbox.enqueue(&mut [message])?.remove(0)? {
        Enqueued::New(id, added) => Ok((id, added)),
        Enqueued::Known(id) | Enqueued::Differs(id) => nothing_new(id),
    }
}

/// Directory, signed list, certificates: everyone is judged, and one who fails stops the message unless `partial`.
fn admit_all(account: &Account<'_>, request: &Request) -> Result<Judged, Error> {
    let opened = OnceCell::new();
    let gate = || match opened.get() {
        Some(gate) => Ok(gate),
        None => Gate::open(account).map(|gate| opened.get_or_init(|| gate)),
    };
    let wanted = [(&request.to, Role::To), (&request.cc, Role::Cc), (&request.bcc, Role::Bcc)];
    let mut addressees: Vec<Addressee> = Vec::new();
    let mut asked = Vec::new();
    let mut failures = Vec::new();
    for (given, role) in wanted.into_iter().flat_map(|(all, role)| all.iter().map(move |one| (one, role))) {
        match addressee::judge(gate, given, role, request.protection) {
            Ok(one) if addressees.iter().any(|other| other.address() == one.address()) => {}
            Ok(one) => {
                asked.push((role, one.address().key()));
                addressees.push(one);
            }
            Err(error) if error.is_about_a_recipient() => {
                asked.push((role, given.trim().to_lowercase()));
                failures.push(error);
            }
            Err(error) => return Err(error),
        }
    }
    if failures.is_empty() || (request.partial && !addressees.is_empty()) {
        return Ok(Judged { addressees, asked, left_out: failures });
    }
    let first = failures.remove(0);
    for other in failures {
        account.world.warn(super::traced::causes(&other));
    }
    Err(first)
}

fn line(one: &Addressee, request: &Request, message_id: String, queued: Option<(&Entry, bool)>) -> Line {
    let recipient =
        queued.and_then(|(entry, _)| entry.recipients.iter().find(|recipient| recipient.address == *one.address()));
    let cipher = match (queued, one) {
        (Some((entry, _)), _) => entry.cipher.clone(),
        (None, Addressee::Sealed(recipient)) => Some(smime::suite_of(recipient).cipher().to_owned()),
        (None, _) => None,
    };
    let certificate = match one {
        Addressee::Sealed(recipient) => Some(Hex(&recipient.trusted().certificate().sha256()).to_string()),
        Addressee::Admitted(..) | Addressee::Outside(..) => None,
    };
    Line {
        schema: "mss.send/1",
        id: queued.map(|(entry, _)| entry.id.to_string()),
        copy: queued.map(|(entry, _)| entry.copy.to_string()),
        message_id,
        recipient: one.address().to_string(),
        role: role_name(one.role()),
        holder: one.holder().to_owned(),
        state: recipient.map_or("checked", |recipient| recipient.state.word()),
        known: queued.is_some_and(|(_, known)| known),
        protection: request.protection.as_str(),
        cipher,
        certificate_sha256: certificate,
        answer: recipient.and_then(|recipient| recipient.answer.clone()),
        queue_id: recipient.and_then(|recipient| recipient.queue_id.clone()),
        changed_at: queued.map(|(entry, _)| entry.changed_at),
    }
}
