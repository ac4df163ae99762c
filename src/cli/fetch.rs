//! `mss fetch`: the words, and how each message is told.

use std::io;
use std::path::PathBuf;

use super::diagnosis::Diagnosis;
use super::output::{BAD, GOOD};
use super::safe::{Safe, line as safe};
use super::session::Session;
use super::status::Status;
use crate::cms::Accept;
use crate::commands::Error;
use crate::commands::fetch::{self, Line, Policy, Request};
use crate::vault::UnknownSender;

/// Take messages from the mailbox: verify, decrypt, store, acknowledge
///
/// Each message goes the whole way before the next: read without marking it, open, verify the signature and the signer
/// against the sender and the directory, store as private files, then acknowledge. What does not verify goes to a
/// quarantine folder with its verdict and the status is 1.
/// A notice of what became of a message that was sent from here turns its state in the outbox, and is kept below status.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Store below this folder; without it the folder of the profile (fetch.to), else ./inbox
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// What to do on the server once a message is stored: keep, seen, delete or move:FOLDER; else fetch.after
    #[arg(long, value_name = "DEED")]
    pub after: Option<String>,
    /// The folder of the mailbox; without it that of the profile (mailbox.folder)
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<String>,
    /// Also take messages that are marked as seen
    #[arg(long)]
    pub all: bool,
    /// Take at most this many messages
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Store unsigned messages with the verified ones, not in quarantine; the finding stays
    #[arg(long)]
    pub accept_unsigned: bool,
    /// Also decrypt 3DES, which some old programs still write; without a valid signature it stays in quarantine
    #[arg(long)]
    pub accept_3des: bool,
    /// Go on although the server made the folder anew: messages are told apart by their content
    #[arg(long)]
    pub accept_renewed_folder: bool,
}

/// Fetches, and tells of each message as soon as it is stored.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    session.with_account(|account| {
        let settings = &account.profile.fetch;
        let after = match &args.after {
            Some(text) => text
                .parse()
                .map_err(|_| Error::Malformed { given: text.clone(), what: "keep, seen, delete or move:FOLDER" })?,
            None => settings.after.clone(),
        };
        let to = args.to.clone().or(settings.to.as_ref().map(PathBuf::from));
        let policy = Policy {
            // The inbox remembers where messages were put: it must mean the same wherever it is asked from.
            to: std::path::absolute(to.unwrap_or_else(|| PathBuf::from("inbox")))?,
            accept_unsigned: args.accept_unsigned || settings.accept_unsigned,
            accept: Accept { triple_des: args.accept_3des || settings.accept_3des },
            accept_unknown_sender: settings.unknown_sender == UnknownSender::Accept,
        };
        let request = Request {
            policy,
            after,
            folder: args.folder.clone().unwrap_or_else(|| account.profile.mailbox.folder.clone()),
            all: args.all,
            limit: args.limit,
            accept_renewed_folder: args.accept_renewed_folder,
        };
        let summary = fetch::fetch(account, &request, &mut |line| tell(session, line))?;
        if summary.stored + summary.quarantined + summary.statuses + summary.known == 0 {
            session.output.note("no new message");
        }
        Ok(if summary.quarantined > 0 { Status::Finding } else { Status::Done })
    })
}

fn tell(session: &Session<'_>, line: &Line) -> io::Result<()> {
    let output = session.output;
    if output.json {
        return output.json(line);
    }
    let style = if line.state == "quarantined" { BAD } else { GOOD };
    let place = line.place.as_deref().unwrap_or("-");
    output.line(format_args!("{style}{}{style:#} {}", line.state, Safe(place)))?;
    for one in &line.notice {
        let style = if one.state == "bounced" { BAD } else { GOOD };
        let (id, recipient, before) = (&one.id, Safe(&one.recipient), one.before);
        output.line(format_args!("  message {id} to {recipient}: {style}{}{style:#}, was {before}", one.state))?;
    }
    if line.state == "status" {
        return Ok(());
    }
    let Some(received) = &line.received else {
        let why = line.error.as_deref().unwrap_or("stored by an earlier run");
        return output.line(format_args!("  {}", Safe(why)));
    };
    let from = received.from.as_deref().unwrap_or("nobody");
    let sender = received.sender.as_deref().filter(|name| !name.is_empty()).map(|name| format!(" ({})", Safe(name)));
    output.line(format_args!(
        "  from {}{}: {}",
        Safe(from),
        sender.unwrap_or_default(),
        safe(&received.subject, 70)
    ))?;
    let signed = match &received.signer {
        Some(signer) => format!("signed by {}", safe(&signer.subject, 60)),
        None => "not signed by anybody who is believed".to_owned(),
    };
    output.line(format_args!("  {signed}; {}", received.encryption.unwrap_or("not encrypted")))?;
    for attachment in &received.attachments {
        output.line(format_args!(
            "  {} ({}, {} octets)",
            Safe(&attachment.name),
            attachment.media_type,
            attachment.size
        ))?;
    }
    for finding in &received.findings {
        output.line(format_args!("  {} {}: {}", finding.severity, finding.code, Safe(&finding.text)))?;
    }
    Ok(())
}
