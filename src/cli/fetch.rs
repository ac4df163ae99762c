//! `mss fetch`: the words, and how each message is told.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;

use super::diagnosis::Diagnosis;
use super::output::{BAD, GOOD};
use super::safe::{Safe, line as safe};
use super::service::Service;
use super::session::Session;
use super::status::Status;
use crate::cms::Accept;
use crate::commands::fetch::{self, Heard, Line, Policy, Request, Rhythm};
use crate::commands::{Account, Error};
use crate::imap::{Filter, Which};
use crate::vault::UnknownSender;

/// Take messages from the mailbox: verify, decrypt, store, acknowledge
///
/// Messages are read without marking them and opened beside one another; signature and signer are verified against the sender
/// and the directory. They are stored as private files, in groups that are synced together, and acknowledged once they are on
/// disk. What does not verify goes to a quarantine folder with its verdict and the status is 1.
/// A notice of what became of a message that was sent from here turns its state in the outbox, and is kept below status.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Store below this folder; without it the folder of the profile (fetch.to), else ./inbox
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// What to do on the server once a message is stored: keep, seen, delete or move:FOLDER; else fetch.after
    #[arg(long, value_name = "DEED")]
    pub after: Option<String>,
    /// A folder of the mailbox, again for each; without it that of the profile (mailbox.folder)
    ///
    /// A name with * or % is a pattern: '*' are all folders but those for drafts, junk, sent and deleted mail.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Vec<String>,
    /// Only messages in this state on the server; without it unseen
    #[arg(long, value_name = "STATE")]
    pub state: Option<State>,
    /// Also take messages that are marked as seen: --state all
    #[arg(long, conflicts_with = "state")]
    pub all: bool,
    /// Only messages that came to the mailbox on this day or later, such as 2026-01-31
    #[arg(long, value_name = "DATE")]
    pub since: Option<Date>,
    /// Only messages that came to the mailbox before this day
    #[arg(long, value_name = "DATE")]
    pub before: Option<Date>,
    /// Only messages whose From contains this address, or part of it
    #[arg(long, value_name = "ADDRESS", value_parser = from)]
    pub from: Option<String>,
    /// Only messages of more octets, such as 500k or 10M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub larger: Option<u32>,
    /// Only messages of fewer octets
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub smaller: Option<u32>,
    /// Take at most this many messages, the oldest
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Connections side by side, else fetch.jobs; with one-time codes there is one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub jobs: Option<u8>,
    /// Go on until stopped: wait for messages and take them as they come
    ///
    /// The server tells by itself (IDLE), or is asked now and then (mailbox.poll). A server that is away is waited for; a
    /// refused sign-in ends it. SIGTERM or SIGINT ends it with status 0, once what is under way is stored. A service manager is
    /// told how it stands (sd_notify).
    #[arg(long, conflicts_with = "limit")]
    pub watch: bool,
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

/// Which messages by their mark on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum State {
    /// Not marked as seen
    Unseen,
    /// Marked as seen
    Seen,
    /// Either
    All,
}

/// A size in octets; k and M are 1000 and 1000000 of them.
fn size(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix('M').map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let number = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "it is a number of octets, such as 50000, 500k or 10M".to_owned())
}

/// What can stand in a search: a part of an address, in ASCII.
fn from(text: &str) -> Result<String, String> {
    let fits = (1..=254).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("it is an address, or part of one".to_owned()) }
}

/// Fetches, and tells of each message as soon as it is stored.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    session.with_account(|account| {
        let request = request(args, account)?;
        if args.watch {
            return watch(&request, session, account);
        }
        let summary = fetch::fetch(account, &request, &mut |line| tell(session, line))?;
        if summary.told() == 0 && !summary.interrupted {
            session.output.note("no new message");
        }
        let status = if summary.quarantined > 0 { Status::Finding } else { Status::Done };
        Ok(if summary.interrupted { status.and(Status::Interrupted) } else { status })
    })
}

fn request(args: &Args, account: &Account<'_>) -> Result<Request, Diagnosis> {
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
    let which = match args.state {
        _ if args.all => Which::All,
        None | Some(State::Unseen) => Which::Unseen,
        Some(State::Seen) => Which::Seen,
        Some(State::All) => Which::All,
    };
    let filter = Filter {
        which,
        since: args.since,
        before: args.before,
        from: args.from.clone(),
        larger: args.larger,
        smaller: args.smaller,
        changed_since: None,
        between: None,
    };
    let folders =
        if args.folder.is_empty() { vec![account.profile.mailbox.folder.clone()] } else { args.folder.clone() };
    Ok(Request {
        policy,
        after,
        folders,
        filter,
        limit: args.limit,
        jobs: usize::from(args.jobs.unwrap_or(settings.jobs)),
        accept_renewed_folder: args.accept_renewed_folder,
    })
}

/// Each message as it comes: nobody waits for the end of a service.
fn watch(request: &Request, session: &Session<'_>, account: &Account<'_>) -> Result<Status, Diagnosis> {
    let output = session.output;
    let service = Service::of(session.environment);
    let it = &account.profile.mailbox;
    let rhythm = Rhythm { poll: Duration::from(it.poll), idle: Duration::from(it.idle) };
    let done = fetch::watch(account, request, rhythm, &|| service.beat(), &mut |heard| {
        match heard {
            Heard::Begun => {
                service.ready();
                output.note("takes what comes, until it is stopped");
            }
            Heard::Line(line) => return tell(session, line),
            Heard::Waits(count) => service.status(&format!("waits; {count} messages so far")),
            Heard::Trouble(error, pause) => {
                let diagnosis = Diagnosis::from_ref(error);
                service.status(&format!("cannot go on: {}", diagnosis.message));
                diagnosis.tell(output);
                output.note(format_args!("tries again in {} s, then less often", pause.as_secs()));
            }
            Heard::Recovered => output.note("the mailbox can be used again"),
        }
        Ok(())
    });
    service.stopping();
    done?;
    Ok(Status::Done)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_of_octets() {
        assert_eq!(size("50000"), Ok(50_000));
        assert_eq!(size("500k"), Ok(500_000));
        assert_eq!(size("10M"), Ok(10_000_000));
        for bad in ["", "k", "-1", "10G", "5000M", "1.5M"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_looked_for_in_from_cannot_be_a_command() {
        assert!(from("dr.durand@medecin.sandbox").is_ok());
        for bad in ["", "a b", "a\r\nx LOGOUT", "é"] {
            assert!(from(bad).is_err(), "{bad}");
        }
    }
}
