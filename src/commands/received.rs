//! One message as it came: opened on whichever thread is free, judged, and given its place among the verified ones or in
//! quarantine.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::gate::Gate;
use super::notices;
use super::traced::causes;
use crate::cms::{Accept, Signer};
use crate::fs::{self, FsError, Spool, StagedDir};
use crate::hex::Hex;
use crate::mail::{Address, Entity, Mailbox, MessageId, Notice};
use crate::pki::{Capabilities, Identity};
use crate::smime::{self, Concern, Layer, OpenError, Opened, Severity, Verdict};

/// Where messages are put, and which of them are believed.
pub struct Policy {
    /// Messages are stored in folders below this one.
    pub to: PathBuf,
    /// Messages without a signature are stored beside the verified ones, with a finding.
    pub accept_unsigned: bool,
    /// What is decrypted beyond what is sound.
    pub accept: Accept,
    /// Messages whose sender no register knows, too.
    pub accept_unknown_sender: bool,
}

/// What a message says of itself, and what was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Received {
    pub message_id: Option<String>,
    pub from: Option<String>,
    /// Whose mailbox it is, as the directory writes it.
    pub sender: Option<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub subject: String,
    pub date: Option<Timestamp>,
    /// Who signed, if the certificate's path verified.
    pub signer: Option<SignerLine>,
    /// The content encryption, such as `AES-256-GCM`; absent if it came unencrypted.
    pub encryption: Option<&'static str>,
    /// Everything the message was wrapped in, outermost first; each signer of a layer has a line.
    pub layers: Vec<LayerLine>,
    /// How the header fields above are protected.
    pub header_protection: &'static str,
    pub findings: Vec<FindingLine>,
    pub attachments: Vec<AttachmentLine>,
}

/// Who signed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignerLine {
    pub subject: String,
    pub sha256: String,
    /// Whether the certificate names the address in From.
    pub is_from: bool,
    /// Whether it names the address in Sender; absent if the message has no such field.
    pub is_sender: Option<bool>,
    pub signed_at: Option<Timestamp>,
}

/// One layer, or one signer of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LayerLine {
    /// `encrypted`, `signed` or `compressed`.
    pub kind: &'static str,
    /// The content encryption, or how the signature was made.
    pub algorithm: Option<&'static str>,
    /// Whether the encryption itself shows a change.
    pub authenticated: Option<bool>,
    /// How the content key was wrapped for this mailbox.
    pub key_wrap: Option<&'static str>,
    /// The digest that was signed.
    pub digest: Option<&'static str>,
}

/// Something that speaks against a message, or is worth knowing of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingLine {
    pub code: &'static str,
    /// `warn`, or `refuse` where it sends the message to quarantine.
    pub severity: &'static str,
    pub text: String,
}

/// One file of a message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttachmentLine {
    /// Its name on disk, made safe.
    pub name: String,
    pub media_type: String,
    /// Octets.
    pub size: u64,
    pub sha256: String,
}

/// A message that was taken apart, and not yet judged.
pub(super) struct Unfolded {
    /// As it came.
    octets: Spool,
    pub sha256: [u8; 32],
    /// The Message-ID outside, for everyone on the way to read.
    pub outer_id: Option<MessageId>,
    /// The notice that it is, in clear.
    pub notice: Option<Notice>,
    opened: Result<(Opened, Vec<AttachmentLine>), OpenError>,
}

/// Takes a message apart below the folder it is to be stored in. Notices are looked for only where something was sent.
pub(super) fn unfold(
    mut octets: Spool,
    keys: &[Identity],
    policy: &Policy,
    looks_for_notices: bool,
) -> Result<Unfolded, Error> {
    let spool = |source| Error::Spool { source };
    octets.seek(SeekFrom::Start(0)).map_err(spool)?;
    let sha256 = sha256(&mut octets)?;
    let mut notice = None;
    let mut start = Vec::new();
    if looks_for_notices {
        octets.seek(SeekFrom::Start(0)).map_err(spool)?;
        octets.by_ref().take(u64::from(notices::START)).read_to_end(&mut start).map_err(spool)?;
        notice = Notice::read(&start);
    }
    octets.seek(SeekFrom::Start(0)).map_err(spool)?;
    let opened = match smime::open(&mut octets, keys, policy.accept, &policy.to) {
        Ok(mut opened) => {
            // Not kept in memory while the message waits to be judged.
            let text = opened.take_text();
            if !text.is_empty() {
                write(&opened.folder().join(TEXT_FILE), text.as_bytes())?;
            }
            let attachments = attachments(&opened)?;
            Ok((opened, attachments))
        }
        Err(error) if error.is_final() => Err(error),
        Err(error) => return Err(Error::Open(error)),
    };
    let outer_id = match &opened {
        Ok((opened, _)) => opened.outer_headers().message_id.clone(),
        Err(_) => {
            let entity = Entity::scan_all(&mut Cursor::new(&start)).ok();
            entity.and_then(|entity| entity.header().message_id("Message-ID"))
        }
    };
    Ok(Unfolded { octets, sha256, outer_id, notice, opened })
}

/// A message that was judged: all of it is written, and waits for its name.
pub(super) struct Stored {
    pub folder: StagedDir,
    /// The name it is to get.
    pub place: PathBuf,
    pub quarantined: bool,
    pub received: Option<Received>,
    pub message_id: Option<MessageId>,
    /// Why it could not be opened.
    pub error: Option<String>,
    /// What the sender's program opens, and when the sender said so, if the message is believed.
    pub says: Option<(Address, Capabilities, Timestamp)>,
    /// A notice that was under its signature or in its envelope.
    pub notice: Option<Notice>,
}

/// Judges a message and writes down what was found.
pub(super) fn judge(
    account: &Account<'_>,
    policy: &Policy,
    gate: &Gate<'_>,
    unfolded: Unfolded,
) -> Result<Stored, Error> {
    let Unfolded { octets, sha256, opened, .. } = unfolded;
    let (opened, attachments) = match opened {
        Ok(opened) => opened,
        Err(error) => return quarantine_sealed(policy, octets, &sha256, &error),
    };
    let verdict = gate.judge(&opened);
    let (received, refused) = describe(account, policy, gate, &opened, &verdict, attachments)?;
    let message_id = opened.headers().message_id.clone();
    let says = says(&opened, &verdict).filter(|_| !refused);
    let notice = opened.notice().cloned();
    let below = if refused { policy.to.join("quarantine") } else { policy.to.clone() };
    let place = place(&below, opened.headers().date, &sha256);
    write(&opened.folder().join(MESSAGE_JSON), &serde_json::to_vec_pretty(&received).map_err(Error::json)?)?;
    if refused {
        copy(octets, &opened.folder().join(RAW_FILE))?;
    }
    let folder = opened.into_folder();
    Ok(Stored { folder, place, quarantined: refused, received: Some(received), message_id, error: None, says, notice })
}

/// The names of what stands beside the attachments; no attachment gets one of them.
const MESSAGE_JSON: &str = "message.json";
const TEXT_FILE: &str = "message.txt";
const RAW_FILE: &str = "message.eml";

/// A message that does not open is kept as it came, beside the reason.
fn quarantine_sealed(policy: &Policy, octets: Spool, sha256: &[u8; 32], error: &OpenError) -> Result<Stored, Error> {
    let folder = StagedDir::new(&policy.to)?;
    copy(octets, &folder.path().join(RAW_FILE))?;
    let text = causes(error);
    let verdict = serde_json::json!({ "findings": [{ "code": error.code(), "severity": "refuse", "text": text }] });
    write(&folder.path().join(MESSAGE_JSON), &serde_json::to_vec_pretty(&verdict).map_err(Error::json)?)?;
    let place = place(&policy.to.join("quarantine"), None, sha256);
    Ok(Stored {
        folder,
        place,
        quarantined: true,
        received: None,
        message_id: None,
        error: Some(text),
        says: None,
        notice: None,
    })
}

/// A notice about what was sent is kept as it came, beside what it said: it may be the only proof of what a server did. Gives
/// the folder, and the name it is to get.
pub(super) fn keep_notice(
    policy: &Policy,
    unfolded: Unfolded,
    noted: &[notices::Line],
) -> Result<(StagedDir, PathBuf), Error> {
    let Unfolded { octets, sha256, opened, .. } = unfolded;
    let date = opened.ok().and_then(|(opened, _)| opened.outer_headers().date);
    let folder = StagedDir::new(&policy.to)?;
    copy(octets, &folder.path().join(RAW_FILE))?;
    let said = serde_json::json!({ "notice": noted });
    write(&folder.path().join(MESSAGE_JSON), &serde_json::to_vec_pretty(&said).map_err(Error::json)?)?;
    let place = place(&policy.to.join("status"), date, &sha256);
    Ok((folder, place))
}

/// What the sender says of the program that reads their mail: by their own signature, with the date it was made.
fn says(opened: &Opened, verdict: &Verdict) -> Option<(Address, Capabilities, Timestamp)> {
    let certificate = verdict.signer().filter(|_| verdict.is_from())?.certificate();
    let signer = opened.signers().iter().find(|signer| signer.certificate == *certificate)?;
    let from = opened.headers().from.as_ref()?;
    Some((from.address.clone(), signer.capabilities?, signer.signing_time?))
}

/// What is told of a message, and whether it goes to quarantine.
fn describe(
    account: &Account<'_>,
    policy: &Policy,
    gate: &Gate<'_>,
    opened: &Opened,
    verdict: &Verdict,
    attachments: Vec<AttachmentLine>,
) -> Result<(Received, bool), Error> {
    let headers = opened.headers();
    let mut findings: Vec<FindingLine> =
        verdict.concerns().iter().map(|concern| concern_line(concern, policy.accept_unsigned)).collect();
    let mut sender = None;
    if let Some(from) = &headers.from {
        let (registered, admitted) = gate.sender(&from.address)?;
        let weight = if policy.accept_unknown_sender { "warn" } else { "refuse" };
        let mut speaks = |code, text: String| findings.push(FindingLine { code, severity: weight, text });
        match &registered {
            None => speaks("sender-unknown", format!("the directory does not know {}", from.address)),
            Some(it) if !it.active => speaks("sender-inactive", format!("the directory has closed {}", from.address)),
            Some(_) => {}
        }
        if !admitted {
            speaks("sender-not-listed", format!("the domain of {} is not in the white list", from.address));
        }
        sender = registered.map(|registered| registered.holder);
    }
    let refused = findings.iter().any(|finding| finding.severity == "refuse");
    let mailbox = |mailbox: &Mailbox| mailbox.address.to_string();
    let received = Received {
        message_id: headers.message_id.as_ref().map(ToString::to_string),
        from: headers.from.as_ref().map(mailbox),
        sender,
        to: headers.to.iter().map(mailbox).collect(),
        cc: headers.cc.iter().map(mailbox).collect(),
        subject: headers.subject.clone(),
        date: headers.date,
        signer: signer_line(opened, verdict),
        encryption: opened.encryption().map(|envelope| envelope.cipher),
        layers: opened.layers().iter().flat_map(layer_lines).collect(),
        header_protection: opened.header_protection().as_str(),
        findings,
        attachments,
    };
    account.world.step(format!("opened: {} findings", received.findings.len()));
    Ok((received, refused))
}

fn concern_line(concern: &Concern, accept_unsigned: bool) -> FindingLine {
    let accepted = accept_unsigned && matches!(concern, Concern::Unsigned);
    let severity = match concern.severity() {
        Severity::Refuse if !accepted => "refuse",
        _ => "warn",
    };
    FindingLine { code: concern.code(), severity, text: concern.to_string() }
}

fn signer_line(opened: &Opened, verdict: &Verdict) -> Option<SignerLine> {
    let certificate = verdict.signer()?.certificate();
    let signature = opened.signers().iter().find(|signer| signer.certificate == *certificate);
    Some(SignerLine {
        subject: certificate.subject(),
        sha256: Hex(&certificate.sha256()).to_string(),
        is_from: verdict.is_from(),
        is_sender: verdict.is_sender(),
        signed_at: signature.and_then(|signer| signer.signing_time),
    })
}

fn layer_lines(layer: &Layer) -> Vec<LayerLine> {
    let line = |kind| LayerLine { kind, algorithm: None, authenticated: None, key_wrap: None, digest: None };
    match layer {
        Layer::Compressed => vec![line("compressed")],
        Layer::Encrypted(envelope) => vec![LayerLine {
            algorithm: Some(envelope.cipher),
            authenticated: Some(envelope.authenticated),
            key_wrap: Some(envelope.key_wrap),
            ..line("encrypted")
        }],
        Layer::Signed(signers) => {
            let signed = |signer: &Signer| LayerLine {
                algorithm: Some(signer.algorithm),
                digest: Some(signer.digest),
                ..line("signed")
            };
            signers.iter().map(signed).collect()
        }
    }
}

fn attachments(opened: &Opened) -> Result<Vec<AttachmentLine>, Error> {
    let line = |file: &smime::ReceivedFile| {
        let mut content = File::open(&file.path).map_err(|source| Error::Spool { source })?;
        Ok(AttachmentLine {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.size,
            sha256: Hex(&sha256(&mut content)?).to_string(),
        })
    };
    opened.files().iter().map(line).collect()
}

/// A name that sorts by date and is the same for the same message, whoever fetches it and however often. Of two that came to have
/// the same name only one would be kept: it is too long for a sender to make them.
fn place(below: &Path, date: Option<Timestamp>, sha256: &[u8; 32]) -> PathBuf {
    let date = date.map_or_else(|| "undated".to_owned(), |date| date.strftime("%Y%m%dT%H%M%SZ").to_string());
    below.join(format!("{date}-{}", Hex(&sha256[..16])))
}

/// Writes a file into the folder of a message, which has no name yet.
fn write(path: &Path, octets: &[u8]) -> Result<(), Error> {
    fs::write_inside(path, octets).map_err(|source| Error::OutputFolder { path: path.to_owned(), source })
}

/// Copies the message as it came into its folder, which has no name yet.
fn copy(mut octets: Spool, to: &Path) -> Result<(), Error> {
    let below = |source| Error::OutputFolder { path: to.to_owned(), source };
    let mut out = fs::create_inside(to).map_err(below)?;
    octets.seek(SeekFrom::Start(0)).map_err(|source| Error::Spool { source })?;
    let copied = std::io::copy(&mut octets, &mut out).map(|_| ());
    copied.map_err(|source| below(FsError::Io { deed: "write", path: to.to_owned(), source }))
}

/// SHA-256 of what is left to read.
fn sha256(from: &mut dyn Read) -> Result<[u8; 32], Error> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut block = vec![0; 64 * 1024];
    loop {
        match from.read(&mut block).map_err(|source| Error::Spool { source })? {
            0 => break,
            read => context.update(&block[..read]),
        }
    }
    Ok(context.finish().as_ref().try_into().expect("SHA-256 gives 32 octets"))
}
