//! `mss demo`: the main job from end to end, told step by step.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::Diagnosis;
use super::environment::Environment;
use super::globals::Globals;
use super::output::{GOOD, Output};
use super::safe::quoted;
use super::session::Session;
use super::status::Status;
use crate::cms::Accept;
use crate::commands::fetch::{self, Line as Fetched, Policy};
use crate::commands::{Account, Error, audit, lookup, purge_check, send};
use crate::directory::Query;
use crate::imap::{Filter, Which};
use crate::sandbox::Options;
use crate::{fs, sealed, vault};

/// Show the main job from end to end in the sandbox, with commands to repeat
///
/// A laboratory looks a doctor up and sends a fictive result; the doctor fetches and verifies it; the laboratory's trace
/// is verified in turn. Everything is kept, so that the commands shown can be repeated.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// A fictive laboratory result.
const RESULT: &[u8] = include_bytes!("../../examples/result.pdf");
const DOCTOR: &str = "dr.durand@medecin.sandbox";
const SUBJECT: &str = "Résultat de biologie";

/// Looks up, sends, fetches, and shows what is left behind.
pub(super) fn run(globals: &Globals, environment: &Environment, output: &Output) -> Result<Status, Diagnosis> {
    let mut session = Session::bare(globals, environment, output)?;
    session.start_sandbox(Options::new)?;
    let dir = session.places.state.join("demo");
    fs::private_dir(&dir).map_err(Error::from)?;
    let command = RefCell::default();
    let demo = Demo { output, command, result: dir.join("result.pdf"), received: dir.join("received") };
    fs::write_private(&demo.result, RESULT).map_err(Error::from)?;

    let laboratory = session.account()?;
    let doctor = session.account_named(Some("dr.durand"))?;
    demo.say("A laboratory sends a result to a doctor, in an operator that runs inside this process.")?;
    demo.look_up(&laboratory)?;
    demo.send(&laboratory)?;
    laboratory.sign_off()?;
    demo.fetch(&doctor)?;
    doctor.sign_off()?;
    demo.purge_check(&laboratory)?;
    demo.audit(&laboratory)?;
    demo.say("The operator, its mailboxes and both traces are kept: go on with the commands above.")?;
    Ok(Status::Done)
}

/// One thing that was shown.
#[derive(Serialize, JsonSchema)]
pub(super) struct StepLine {
    schema: &'static str,
    /// The command that does it.
    command: String,
    /// What it showed.
    shown: String,
}

struct Demo<'a> {
    output: &'a Output,
    command: RefCell<String>,
    result: PathBuf,
    received: PathBuf,
}

impl Demo<'_> {
    fn say(&self, text: &str) -> Result<(), Diagnosis> {
        if self.output.json { Ok(()) } else { Ok(self.output.line(text)?) }
    }

    fn command(&self, words: &str) -> Result<(), Diagnosis> {
        let shown = format!("$ mss --sandbox {words}");
        self.command.replace(shown.trim_start_matches("$ ").to_owned());
        self.say(&shown)
    }

    fn told(&self, text: impl std::fmt::Display) -> Result<(), Diagnosis> {
        if self.output.json {
            let command = self.command.borrow().clone();
            return Ok(self.output.json(&StepLine { schema: "mss.demo/1", command, shown: text.to_string() })?);
        }
        Ok(self.output.line(format_args!("  {GOOD}✓{GOOD:#} {text}"))?)
    }

    fn look_up(&self, account: &Account<'_>) -> Result<(), Diagnosis> {
        self.command("lookup durand")?;
        let query = Query { words: vec!["durand".to_owned()], ..Query::default() };
        let answer = lookup::lookup(account, &query, 10)?;
        let line = answer.lines.iter().find(|line| line.address.as_deref() == Some(DOCTOR));
        let line = line.ok_or_else(|| failed("the directory does not know the doctor"))?;
        let state = line.certificate.as_ref().map_or("none", |certificate| certificate.state);
        self.told(format_args!("{}, {DOCTOR}: in the directory, in the trusted space, certificate {state}", line.name))
    }

    fn send(&self, account: &Account<'_>) -> Result<(), Diagnosis> {
        let result = quoted(&self.result.to_string_lossy());
        self.command(&format!("send --to {DOCTOR} --subject '{SUBJECT}' --attach {result} --again"))?;
        let request = send::Request {
            to: vec![DOCTOR.to_owned()],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: SUBJECT.to_owned(),
            text: String::new(),
            attachments: vec![self.result.clone()],
            protection: sealed::Protection::Smime,
            packaging: send::Packaging::default(),
            partial: false,
            again: true,
            dry_run: false,
            notify: None,
            wait: None,
        };
        let sent = send::send(account, &request)?;
        if let Some(trouble) = sent.trouble {
            return Err(trouble.into());
        }
        let line = sent.lines.first().filter(|line| line.state == "accepted");
        let line = line.ok_or_else(|| failed("the operator did not accept the message"))?;
        let queue_id = line.queue_id.as_deref().unwrap_or("-");
        self.told(
            "signed, encrypted to the doctor (AES-256-GCM), subject and file name hidden, on disk before it left",
        )?;
        self.told(format_args!(
            "accepted by the operator over TLS, after password and one-time code: queue id {queue_id}"
        ))
    }

    fn fetch(&self, account: &Account<'_>) -> Result<(), Diagnosis> {
        self.command(&format!("--profile dr.durand fetch --to {}", quoted(&self.received.to_string_lossy())))?;
        let policy = Policy {
            to: self.received.clone(),
            accept_unsigned: false,
            accept: Accept::default(),
            accept_unknown_sender: false,
        };
        let request = fetch::Request {
            policy,
            after: vault::After::Seen,
            folders: vec!["INBOX".to_owned()],
            filter: Filter { which: Which::Unseen, ..Filter::default() },
            limit: None,
            jobs: 1,
            accept_renewed_folder: false,
        };
        let mut same = false;
        let mut signer = String::new();
        fetch::fetch(account, &request, &mut |line: &Fetched| {
            same |= is_the_result(line);
            let signed = line.received.as_ref().and_then(|received| received.signer.as_ref());
            signer = signed.map(|signed| signed.subject.clone()).unwrap_or_default();
            Ok(())
        })?;
        if !same {
            return Err(failed("what arrived is not what was sent"));
        }
        self.told(format_args!("signature verified: {}", super::safe::line(&signer, 80)))?;
        self.told("the signer is the sender, the directory knows the sender, the file is the one that was sent")
    }

    fn purge_check(&self, account: &Account<'_>) -> Result<(), Diagnosis> {
        self.command("purge-check")?;
        let lines = purge_check::check(account)?;
        let mailbox =
            lines.iter().find(|line| line.kind == "mailbox").ok_or_else(|| failed("no mailbox was judged"))?;
        let erased = mailbox.erase_on.map_or_else(|| "unknown".to_owned(), |on| on.to_string());
        let state = mailbox.state;
        self.told(format_args!(
            "{}: {state}, erased by its operator from {erased} if nobody signs in",
            account.address()
        ))
    }

    fn audit(&self, account: &Account<'_>) -> Result<(), Diagnosis> {
        self.command("audit verify")?;
        let verdict = audit::verify(account)?;
        if !verdict.is_sound() {
            return Err(failed("the trace does not verify"));
        }
        self.told(format_args!(
            "{} records, sealed, chained and signed: none was changed, removed or cut",
            verdict.records
        ))
    }
}

/// Whether a message brought the very octets that were sent.
fn is_the_result(line: &Fetched) -> bool {
    let Some(place) = line.place.as_deref().filter(|_| !line.quarantined) else { return false };
    fs::read_bounded(&Path::new(place).join("result.pdf"), RESULT.len() as u64).is_ok_and(|octets| octets == RESULT)
}

fn failed(what: &str) -> Diagnosis {
    Diagnosis::of(Status::Bug, "demo", what)
}
