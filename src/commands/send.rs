//! `send`: words become a draft, the draft is sealed for whom the space admits, what is sealed is queued, then submitted.

use std::cell::OnceCell;
use std::path::PathBuf;

use aws_lc_rs::digest;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::addressee::{Addressee, role_name};
use super::copies::{Copies, KNOWN};
use super::error::Error;
use super::gate::Gate;
use super::packaged;
pub use super::packaged::Packaging;
use super::submit;
use crate::fs;
use crate::hex::Hex;
use crate::mail::{Address, Attachment, Composition, Draft, Mailbox, MessageId};
use crate::outbox::{Entry, Id};
use crate::sealed::{Protection, Sealed};
use crate::smime;
use crate::space::{Recipient, Recipients, Role};

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
}

/// What became of it.
pub struct Sent {
    /// One for each recipient.
    pub lines: Vec<Line>,
    /// Why some recipients were left out (`partial`).
    pub left_out: Vec<Error>,
    /// What kept the message in the queue, if something did.
    pub trouble: Option<Error>,
}

/// One recipient.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// The number of the message in the outbox; absent in a dry run.
    pub id: Option<String>,
    pub message_id: String,
    pub recipient: String,
    /// `to`, `cc` or `bcc`.
    pub role: &'static str,
    /// Whose mailbox it is, as the directory writes it.
    pub holder: String,
    /// `accepted`, `deferred`, `refused`, `unknown`, `queued`, or `checked` in a dry run.
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
    let attachments = attach(&request.attachments)?;
    let Judged { addressees, asked, mut left_out } = admit_all(account, request)?;
    let draft = compose(account, request, attachments, &addressees)?;
    if request.dry_run {
        let message_id = draft.parts().message_id.to_string();
        let lines = addressees.iter().map(|one| line(one, request, message_id.clone(), None)).collect();
        return Ok(Sent { lines, left_out, trouble: None });
    }
    let fingerprint = fingerprint(account, request, &draft, asked)?;
    let outbox = account.outbox()?;
    let copies = Copies::new(account, &outbox, fingerprint);
    let turn = packaged::turn(account, request.protection)?;
    let before = copies.queued(&addressees)?;
    // A run that was cut short between two copies is taken up under the Message-ID of those that are queued.
    let draft = match before.first() {
        Some(entry) => draft.with_message_id(entry.message_id.clone()),
        None => draft,
    };
    let is_served = |address: &Address| before.iter().any(|entry| entry.envelope.recipients.contains(address));
    let mut sealed = match request.protection {
        Protection::Package => packaged::seal(account, &request.packaging, &draft, &is_served)?,
        Protection::Smime => seal(account, &draft, &addressees, &is_served)?,
        Protection::Transport if before.is_empty() => transport_only(account, &draft, &addressees)?,
        Protection::Transport => Vec::new(),
    };
    if sealed.is_empty() {
        account.world.step(KNOWN);
    }
    let mut queued: Vec<(Id, bool)> = before.iter().map(|entry| (entry.id, true)).collect();
    for sealed in &mut sealed {
        queued.push(copies.enqueue(sealed, &addressees)?);
    }
    drop(turn);
    let ids: Vec<Id> = queued.iter().map(|(id, _)| *id).collect();
    let submitted = submit::submit(account, &outbox, &ids)?;
    let mut lines = Vec::new();
    for (entry, (_, known)) in submitted.entries.iter().zip(queued) {
        for one in addressees.iter().filter(|one| entry.envelope.recipients.contains(one.address())) {
            lines.push(line(one, request, entry.message_id.to_string(), Some((entry, known))));
        }
    }
    let in_a_message =
        |one: &&Addressee| submitted.entries.iter().any(|entry| entry.envelope.recipients.contains(one.address()));
    for one in addressees.iter().filter(|one| !in_a_message(one)) {
        left_out.push(Error::LeftOutBefore { address: one.address().clone() });
    }
    Ok(Sent { lines, left_out, trouble: submitted.trouble })
}

/// Opens every file before anything is asked of anybody: what cannot be read is told at once.
fn attach(paths: &[PathBuf]) -> Result<Vec<Attachment>, Error> {
    let mut attachments = Vec::new();
    for path in paths {
        let unreadable = |source| Error::AttachmentUnreadable { path: path.clone(), source };
        let file = fs::open_given(path).map_err(unreadable)?;
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| is_plain(name));
        let name = name.ok_or_else(|| Error::AttachmentName { path: path.clone() })?;
        let attachment =
            Attachment::from_file(name, file).map_err(|source| Error::Attachment { path: path.clone(), source })?;
        if attachment.size() == 0 {
            return Err(Error::AttachmentEmpty { path: path.clone() });
        }
        attachments.push(attachment);
    }
    Ok(attachments)
}

/// Whether a name shows itself as it is: no control characters, nothing that turns the reading direction or is invisible.
fn is_plain(name: &str) -> bool {
    let hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !name.chars().any(|c| c.is_control() || hidden(c))
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
        match addressee(gate, given, role, request.protection) {
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

/// Somebody by address or number. The gate is opened when it is needed: a package asks for nobody's leave.
fn addressee<'a>(
    gate: impl FnOnce() -> Result<&'a Gate<'a>, Error>,
    given: &str,
    role: Role,
    protection: Protection,
) -> Result<Addressee, Error> {
    match protection {
        Protection::Smime => {
            let gate = gate()?;
            gate.recipient(gate.admit(given)?, role).map(Addressee::Sealed)
        }
        Protection::Package => packaged::outsider(given, gate).map(|outsider| Addressee::Outside(outsider, role)),
        Protection::Transport => Ok(Addressee::Admitted(gate()?.admit(given)?.admitted, role)),
    }
}

fn compose(
    account: &Account<'_>,
    request: &Request,
    attachments: Vec<Attachment>,
    addressees: &[Addressee],
) -> Result<Draft, Error> {
    let in_role = |role: Role| {
        let chosen = addressees.iter().filter(move |one| one.role() == role);
        chosen.map(|one| Mailbox::from(one.address().clone())).collect::<Vec<_>>()
    };
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::Randomness)?;
    Ok(Draft::new(Composition {
        from: account.mailbox(),
        reply_to: None,
        to: in_role(Role::To),
        cc: in_role(Role::Cc),
        bcc: in_role(Role::Bcc),
        subject: request.subject.clone(),
        date: account.world.clock.local(),
        message_id: MessageId::new(random, account.address()),
        references: Vec::new(),
        fields: Vec::new(),
        text: request.text.clone(),
        attachments,
    })?)
}

/// Seals for those who have no copy yet.
fn seal(
    account: &Account<'_>,
    draft: &Draft,
    addressees: &[Addressee],
    is_served: &dyn Fn(&Address) -> bool,
) -> Result<Vec<Sealed>, Error> {
    let recipients = addressees.iter().filter_map(|one| match one {
        Addressee::Sealed(recipient) if is_served(recipient.address()) => Some(recipient.clone().served()),
        Addressee::Sealed(recipient) => Some(recipient.clone()),
        Addressee::Admitted(..) | Addressee::Outside(..) => None,
    });
    let recipients = Recipients::new(recipients.collect())?;
    if recipients.iter().all(Recipient::is_served) {
        return Ok(Vec::new());
    }
    let (signer, at) = (account.signer()?, account.world.clock.now());
    let own = account.own_certificate()?;
    Ok(smime::seal(draft, &recipients, signer, own.as_ref(), at, &account.clean_spool()?)?)
}

fn transport_only(account: &Account<'_>, draft: &Draft, addressees: &[Addressee]) -> Result<Vec<Sealed>, Error> {
    let admitted = addressees.iter().filter_map(|one| match one {
        Addressee::Admitted(admitted, _) => Some(admitted.clone()),
        Addressee::Sealed(_) | Addressee::Outside(..) => None,
    });
    Ok(vec![smime::transport_only(draft, &admitted.collect::<Vec<_>>(), &account.clean_spool()?)?])
}

/// What makes a message this one and no other: sender, recipients asked for, subject, text, files and protection, under a key
/// of ours. Who was left out counts too: the same command, run when they can be served, is not another message to the rest.
fn fingerprint(
    account: &Account<'_>,
    request: &Request,
    draft: &Draft,
    mut asked: Vec<(Role, String)>,
) -> Result<[u8; 32], Error> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut part = |name: &str, octets: &[u8]| {
        context.update(name.as_bytes());
        context.update(&(octets.len() as u64).to_be_bytes());
        context.update(octets);
    };
    let parts = draft.parts();
    part("from", parts.from.address.key().as_bytes());
    asked.sort();
    for (role, key) in &asked {
        part(role_name(*role), key.as_bytes());
    }
    part("subject", parts.subject.as_bytes());
    part("text", parts.text.as_bytes());
    part("protection", request.protection.as_str().as_bytes());
    if request.protection == Protection::Package {
        part("format", request.packaging.format.as_str().as_bytes());
    }
    for (number, attachment) in parts.attachments.iter().enumerate() {
        part("name", attachment.name().as_bytes());
        part("content", &attachment.sha256(number + 1)?);
    }
    if request.again {
        part("again", parts.message_id.as_str().as_bytes());
    }
    let key = account.profile.storage.sealing_key().derive(b"message fingerprint");
    Ok(key.keyed_digest(context.finish().as_ref()))
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
