//! `mss send`: the words, and how the outcome is told.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::batch;
use super::diagnosis::Diagnosis;
use super::output::{BAD, GOOD};
use super::safe::Safe;
use super::session::Session;
use super::status::Status;
use crate::commands::send::{self, Line, Packaging, Request, Sent, TEXT_LIMIT};
use crate::commands::wait::Waiting;
use crate::pace::Span;
use crate::package;
use crate::sealed;
use crate::smtp;

/// Encrypt, queue and submit a message
///
/// Each recipient is looked up in the directory, checked against the signed list of admitted domains, and encrypted to
/// with a certificate whose path was verified. With --package it goes, encrypted under a password, to anybody. The message is on disk before it is submitted; the same command run again
/// after an accident continues where it stopped and sends nothing twice.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recipient: an address, or an RPPS number if it has one mailbox; may be given several times
    #[arg(long, short, value_name = "ADDRESS|RPPS", required_unless_present_any = ["cc", "bcc", "batch"])]
    pub to: Vec<String>,
    /// A recipient in copy; may be given several times
    #[arg(long, value_name = "ADDRESS|RPPS")]
    pub cc: Vec<String>,
    /// A recipient the others do not see, who gets a message of their own; may be given several times
    #[arg(long, value_name = "ADDRESS|RPPS")]
    pub bcc: Vec<String>,
    /// The subject; with smime it travels encrypted
    #[arg(long, short, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub subject: String,
    /// The text of the message (UTF-8), from a file or from stdin (-)
    #[arg(long, short, value_name = "FILE|-")]
    pub body_file: Option<PathBuf>,
    /// A file to attach; may be given several times
    #[arg(long, short, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// What leaves the machine
    #[arg(long, value_name = "HOW", default_value = "smime")]
    pub protection: Protection,
    /// The same as --protection package: for people outside the trusted space, under a password that goes by another way
    #[arg(long, conflicts_with = "protection")]
    pub package: bool,
    /// With a package: one page that a browser opens, up to 50 MB, or a ZIP that 7-Zip, Keka or WinRAR opens
    ///
    /// Without it, the package is a page.
    #[arg(long, value_name = "FORMAT")]
    pub package_format: Option<PackageFormat>,
    /// With a package: run this command with the password on its stdin, instead of showing it on the terminal
    ///
    /// The shell runs it. MSS_RECIPIENTS names who the password is for, with spaces between; what it prints on stdout is not
    /// shown. If it fails, nothing is queued.
    #[arg(long, value_name = "COMMAND")]
    pub password_command: Option<String>,
    /// Send to those who can be served, even if others cannot; the status is 79 then
    #[arg(long)]
    pub partial: bool,
    /// Send anew even if the same message was sent before
    #[arg(long)]
    pub again: bool,
    /// Look up, check and seal, but queue and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// When servers are to tell of the delivery; may be given several times, or with commas (RFC 3461)
    ///
    /// Without it, as the setting outbox.notify says: failure and delay. With success a message is followed until a notice says
    /// that it is in the mailbox.
    #[arg(long, value_name = "WHEN", value_delimiter = ',')]
    pub notify: Vec<Notify>,
    /// Wait until it has arrived as far as that can be seen, at most so long: 1h if no time is given
    ///
    /// With --notify success, until a notice says that it is in the mailbox; else until the server took it. What is deferred is
    /// submitted when it is due.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "1h", conflicts_with = "dry_run")]
    pub wait: Option<Span>,
    #[command(flatten)]
    pub batch: batch::Args,
}

/// When a server is to tell of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Notify {
    /// It is in the mailbox
    Success,
    /// It could not be delivered
    Failure,
    /// It is still under way after some time
    Delay,
    /// Nothing is to be told
    Never,
}

/// What was asked for, if anything was.
pub(super) fn notify(words: &[Notify]) -> Option<smtp::Notify> {
    let said = |word: Notify| words.contains(&word);
    let (success, failure, delay) = (said(Notify::Success), said(Notify::Failure), said(Notify::Delay));
    (!words.is_empty()).then_some(smtp::Notify { success, failure, delay })
}

/// The protections of the contract that this version offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// Signed, then encrypted to each recipient's certificate
    Smime,
    /// Encrypted under a password, in one file that recipients open in a browser or with an archiver
    Package,
    /// As composed, readable by the operators; TLS on the way, recipients of the trusted space only
    Transport,
}

/// What a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PackageFormat {
    /// One page that decrypts itself in a browser
    Html,
    /// A ZIP archive with AES-256
    Zip,
}

impl Args {
    pub(super) fn protection(&self) -> sealed::Protection {
        match self.protection {
            _ if self.package => sealed::Protection::Package,
            Protection::Package => sealed::Protection::Package,
            Protection::Smime => sealed::Protection::Smime,
            Protection::Transport => sealed::Protection::Transport,
        }
    }

    pub(super) fn waiting(&self) -> Option<Waiting> {
        self.wait.map(|timeout| Waiting { timeout: timeout.into(), goal: None })
    }

    pub(super) fn packaging(&self) -> Packaging {
        Packaging {
            format: match self.package_format {
                None | Some(PackageFormat::Html) => package::Format::Page,
                Some(PackageFormat::Zip) => package::Format::Archive,
            },
            password_command: self.password_command.clone(),
        }
    }
}

/// Sends, and tells what became of each recipient.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    if args.batch.batch.is_some() {
        return batch::run(args, session);
    }
    if args.body_file.is_none() && args.attach.is_empty() {
        return Err(Diagnosis::of(Status::Usage, "nothing-to-send", "there is neither a text nor a file to send")
            .hint("give --body-file FILE, --body-file - for stdin, or --attach FILE"));
    }
    let is_package = args.package || args.protection == Protection::Package;
    if !is_package && (args.package_format.is_some() || args.password_command.is_some()) {
        return Err(Diagnosis::of(Status::Usage, "no-package", "the message is not to be a package")
            .because("--package-format and --password-command are about packages")
            .hint("add --package, or leave them out"));
    }
    let request = Request {
        to: args.to.clone(),
        cc: args.cc.clone(),
        bcc: args.bcc.clone(),
        subject: args.subject.clone(),
        text: args.body_file.as_deref().map(text).transpose()?.unwrap_or_default(),
        attachments: args.attach.clone(),
        protection: args.protection(),
        packaging: args.packaging(),
        partial: args.partial,
        again: args.again,
        dry_run: args.dry_run,
        notify: notify(&args.notify),
        wait: args.waiting(),
    };
    session.with_account(|account| {
        let sent = send::send(account, &request)?;
        tell(session, &sent)?;
        Ok(status(session, &sent))
    })
}

fn text(path: &Path) -> Result<String, Diagnosis> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(TEXT_LIMIT + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(TEXT_LIMIT + 1).read_to_string(&mut text))
    };
    let shown = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    match read {
        Ok(length) if length as u64 > TEXT_LIMIT => {
            Err(Diagnosis::of(Status::Data, "text-too-large", format!("{shown} is larger than 16 MiB"))
                .hint("attach it instead: --attach FILE"))
        }
        Ok(0) => Err(Diagnosis::of(Status::Data, "text-empty", format!("{shown} is empty"))
            .hint("an empty text is mostly a mistake: check what wrote it, or leave --body-file out")),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Diagnosis::of(Status::Data, "text-encoding", format!("{shown} is not UTF-8"))
                .hint("convert it, for example with iconv, or attach it"))
        }
        Err(error) => Err(Diagnosis::of(Status::NoInput, "text-unreadable", format!("cannot read {shown}"))
            .because(error.to_string())
            .hint("check the name and who may read it; - is stdin")),
    }
}

fn tell(session: &Session<'_>, sent: &Sent) -> io::Result<()> {
    let output = session.output;
    for line in &sent.lines {
        if output.json {
            output.json(line)?;
        } else {
            output.line(sentence(line))?;
        }
    }
    Ok(())
}

fn sentence(line: &Line) -> String {
    let style = match line.state {
        "accepted" | "delivered" | "read" | "checked" => GOOD,
        _ => BAD,
    };
    let mut text = format!("{style}{}{style:#} {}", line.state, Safe(&line.recipient));
    if !line.holder.is_empty() {
        text.push_str(&format!(" ({})", Safe(&line.holder)));
    }
    if let Some(queue_id) = &line.queue_id {
        text.push_str(&format!(", queue id {}", Safe(queue_id)));
    } else if let Some(answer) = line.answer.as_deref().filter(|answer| !answer.is_empty()) {
        text.push_str(&format!(": {}", Safe(answer)));
    }
    if let Some(cipher) = line.cipher.as_deref().filter(|cipher| *cipher != sealed::Suite::Gcm.cipher()) {
        text.push_str(&format!("; in {cipher}, the best that is known to be opened there"));
    }
    if line.known {
        text.push_str("; queued by an earlier run, nothing was sent twice");
        if line.protection == sealed::Protection::Package.as_str() {
            text.push_str(", the password was handed over then");
        }
    }
    text
}

/// What the server answered where it did not accept, told on stderr too: a script that reads nothing else learns it there.
fn tell_answers(session: &Session<'_>, sent: &Sent) {
    let of = |state: &str| -> Vec<(&str, &str)> {
        let lines = sent.lines.iter().filter(|line| line.state == state);
        lines.map(|line| (line.recipient.as_str(), line.answer.as_deref().unwrap_or_default())).collect()
    };
    let (refused, deferred) = (of("refused"), of("deferred"));
    if !refused.is_empty() {
        Diagnosis::refused(&refused, refused.len() == sent.lines.len()).tell(session.output);
    }
    if !deferred.is_empty() {
        Diagnosis::deferred(&deferred).tell(session.output);
    }
}

/// The status of the whole, and why, where it is not the answer itself that says so.
fn status(session: &Session<'_>, sent: &Sent) -> Status {
    let mut status = Status::of_states(sent.lines.iter().map(|line| line.state));
    if let Some(trouble) = &sent.trouble {
        let diagnosis = Diagnosis::queued(trouble);
        diagnosis.tell(session.output);
        status = status.and(diagnosis.status);
    }
    tell_answers(session, sent);
    if sent.interrupted {
        status = status.and(Status::Interrupted);
    }
    if sent.over {
        let diagnosis = Diagnosis::time_over(sent.lines.first().and_then(|line| line.id.as_deref()).unwrap_or("ID"));
        diagnosis.tell(session.output);
        status = status.and(diagnosis.status);
    }
    for error in &sent.left_out {
        Diagnosis::from_ref(error).tell(session.output);
        status = status.and(Status::Partial);
    }
    if let Some(line) = sent.lines.iter().find(|line| line.state == "unknown") {
        Diagnosis::unknown(line.id.as_deref().unwrap_or("ID")).tell(session.output);
    }
    if !sent.lines.is_empty() && sent.lines.iter().all(|line| line.known && line.state == "accepted") {
        session.output.note("the same message was sent before; give --again to send it once more");
    }
    status
}
