//! `mss send --batch`: the words about many messages, and how the outcome is told.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::Diagnosis;
use super::output::{BAD, GOOD};
use super::safe::Safe;
use super::session::Session;
use super::status::Status;
use crate::commands::batch::{self, Progress, Request, RowLine, Sent, Why, Wrong};
use crate::fs::Staged;
use crate::pace::Rate;

/// The words that only a batch has.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Send a message for each row of a manifest, CSV or JSON Lines; checked whole before anything is queued
    ///
    /// Columns: key, to, cc, bcc, subject, body or body-file, attach, protection. Several recipients or files in a cell are
    /// separated by semicolons; names of files are taken from the folder of the manifest. A row is known by its key, or
    /// without one by what it says: a second run with the same manifest sends nothing again.
    #[arg(
        long,
        value_name = "MANIFEST",
        conflicts_with_all = ["to", "cc", "bcc", "subject", "body_file", "attach", "again"],
        help_heading = "Many messages"
    )]
    pub batch: Option<PathBuf>,
    /// Write what became of each row to this file, as JSON Lines
    #[arg(long, value_name = "FILE", requires = "batch", help_heading = "Many messages")]
    pub results: Option<PathBuf>,
    /// Connections side by side; with one-time codes there is one
    #[arg(long, value_name = "N", requires = "batch", value_parser = clap::value_parser!(u8).range(1..=32), help_heading = "Many messages")]
    pub jobs: Option<u8>,
    /// Messages in flight on each connection: each is unknown if the line breaks
    #[arg(long, value_name = "N", requires = "batch", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = "Many messages")]
    pub window: Option<u8>,
    /// At most so many messages in a second, minute or hour, such as 600/m
    #[arg(long, value_name = "N/s|m|h", requires = "batch", help_heading = "Many messages")]
    pub rate: Option<Rate>,
    /// A row that says something else than before under the same key is sent as a new message
    #[arg(long, requires = "batch", help_heading = "Many messages")]
    pub replace: bool,
    /// Seal and queue, but leave the submission to mss outbox run
    #[arg(long, requires = "batch", conflicts_with_all = ["dry_run", "wait"], help_heading = "Many messages")]
    pub queue_only: bool,
}

/// Something that is wrong with a row.
#[derive(Serialize, JsonSchema)]
pub(super) struct FindingLine {
    schema: &'static str,
    /// The row of the manifest, counted from 1; 0 for the names of the columns.
    row: u64,
    /// The line of the file the row begins in, where it is known.
    line: Option<u64>,
    column: Option<&'static str>,
    /// The stable name of the fault.
    code: &'static str,
    message: String,
}

/// Sends, and tells what became of each row.
pub(super) fn run(args: &super::send::Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    let words = &args.batch;
    let request = Request {
        manifest: words.batch.clone().unwrap_or_default(),
        protection: args.protection(),
        packaging: args.packaging(),
        partial: args.partial,
        replace: words.replace,
        dry_run: args.dry_run,
        queue_only: words.queue_only,
        jobs: words.jobs.map(usize::from),
        window: words.window.map(usize::from),
        pace: words.rate.map(Rate::pause),
        notify: super::send::notify(&args.notify),
        wait: args.waiting(),
    };
    let results = words.results.as_deref().map(Results::new).transpose()?;
    session.with_account(|account| {
        let mut shown = Shown::new(session);
        let sent = batch::send(account, &request, &mut |progress| shown.show(progress))?;
        shown.clear();
        let status = findings(session, &sent)?;
        if sent.progress.rows == 0 {
            return Ok(status);
        }
        let (mut told, mut results) = (Told::default(), results);
        sent.lines(&mut |line| told.add(session, line, results.as_mut()))?;
        if let Some(results) = results {
            results.publish()?;
        }
        summary(session, &request, &sent)?;
        Ok(status.and(told.status(session, &request, &sent)))
    })
}

/// What is wrong with the rows, all of it at once.
fn findings(session: &Session<'_>, sent: &Sent) -> Result<Status, Diagnosis> {
    if sent.faults == 0 {
        return Ok(Status::Done);
    }
    for wrong in &sent.wrong {
        let (code, message) = words_for(&wrong.why);
        if session.output.json {
            let line = Some(wrong.line).filter(|line| *line > 0);
            let (row, column) = (wrong.row, wrong.column);
            session.output.json(&FindingLine { schema: "mss.finding/1", row, line, column, code, message })?;
        } else {
            session.output.stderr(format_args!("{}: {}\n", place(wrong), Safe(&message)));
        }
    }
    let nothing = sent.progress.rows == 0;
    let count = |number: u64, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let what = count(sent.faults, "fault");
    let diagnosis = if nothing {
        Diagnosis::of(Status::Data, "manifest-faults", format!("the manifest has {what}: nothing is sent"))
            .hint("mend the rows that are named, or give --partial to send the others")
    } else {
        Diagnosis::of(Status::Partial, "manifest-faults", format!("the manifest has {what}: those rows are not sent"))
            .hint("mend the rows that are named and run the same command: what was sent is not sent again")
    };
    diagnosis.tell(session.output);
    Ok(diagnosis.status)
}

fn place(wrong: &Wrong) -> String {
    let row = match (wrong.row, wrong.line) {
        (0, line) => format!("names of the columns (line {line})"),
        (row, 0) => format!("row {row}"),
        (row, line) => format!("row {row} (line {line})"),
    };
    wrong.column.map_or(row.clone(), |column| format!("{row}, {column}"))
}

fn words_for(why: &Why) -> (&'static str, String) {
    match why {
        Why::Manifest(fault) => (fault.word(), fault.to_string()),
        Why::Message(error) => {
            let diagnosis = Diagnosis::from_ref(error);
            let words: Vec<String> = std::iter::once(diagnosis.message).chain(diagnosis.because).collect();
            (diagnosis.code, words.join(": "))
        }
        Why::KeyTaken => (
            "key-taken",
            "a message with this key was queued before and says something else; --replace sends this one too"
                .to_owned(),
        ),
        Why::NoPasswordCommand => {
            ("password-command", "the password of a package has to go somewhere; give --password-command".to_owned())
        }
        Why::Text(what) => ("text", (*what).to_owned()),
        Why::TooLarge { size, limit } => {
            ("too-large", format!("sealed, the message has about {size} octets; the server takes {limit}"))
        }
        Why::Changed => ("changed", "the row, or a file it names, was changed after it was checked".to_owned()),
    }
}

/// The states that rows came to.
#[derive(Default)]
struct Told {
    states: Vec<&'static str>,
    first_unknown: Option<String>,
}

impl Told {
    fn add(&mut self, session: &Session<'_>, line: &RowLine, results: Option<&mut Results>) -> io::Result<()> {
        let state = line.line.state;
        if !self.states.contains(&state) {
            self.states.push(state);
        }
        if state == "unknown" && self.first_unknown.is_none() {
            self.first_unknown = Some(line.line.id.clone());
        }
        if let Some(results) = results {
            results.write(line)?;
        } else if session.output.json {
            session.output.json(line)?;
        }
        let well = matches!(state, "accepted" | "delivered" | "read" | "queued");
        if !well && !session.output.json {
            let (name, answer) = (line.key.as_deref().unwrap_or("-"), line.line.answer.as_deref().unwrap_or("-"));
            let (recipient, row) = (Safe(&line.line.recipient), line.row);
            session.output.line(format_args!(
                "row {row} ({}): {BAD}{state}{BAD:#} {recipient}: {}",
                Safe(name),
                Safe(answer)
            ))?;
        }
        Ok(())
    }

    fn status(&self, session: &Session<'_>, request: &Request, sent: &Sent) -> Status {
        let states = self.states.iter().copied().filter(|state| !(request.queue_only && *state == "queued"));
        let mut status = Status::of_states(states.collect::<Vec<_>>().into_iter());
        if self.states.iter().any(|state| matches!(*state, "accepted" | "delivered" | "read")) {
            // All that failed is not all there was.
            status = if status == Status::Untrusted { Status::Partial } else { status };
        }
        if let Some(trouble) = &sent.trouble {
            let diagnosis = Diagnosis::queued(trouble);
            diagnosis.tell(session.output);
            status = status.and(diagnosis.status);
        }
        if let Some(id) = &self.first_unknown {
            Diagnosis::unknown(id).tell(session.output);
        }
        if sent.over {
            let diagnosis = Diagnosis::time_over_for_some();
            diagnosis.tell(session.output);
            status = status.and(diagnosis.status);
        }
        if sent.interrupted && sent.trouble.is_none() { status.and(Status::Interrupted) } else { status }
    }
}

fn summary(session: &Session<'_>, request: &Request, sent: &Sent) -> io::Result<()> {
    if session.output.json {
        return Ok(());
    }
    let Progress { rows, queued, known, accepted, deferred, refused, unknown } = sent.progress;
    if request.dry_run {
        return session
            .output
            .line(format_args!("{GOOD}checked{GOOD:#} {queued} of {rows} messages; nothing was queued"));
    }
    let mut parts = vec![format!("{} queued", queued - known)];
    let more = [(known, "known before, not sent again"), (accepted, "accepted"), (deferred, "deferred")];
    let more = more.into_iter().chain([(refused, "refused"), (unknown, "unknown")]);
    parts.extend(more.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")));
    session.output.line(format_args!("{rows} messages: {}", parts.join(", ")))
}

/// The results, whole under their name or not there.
struct Results {
    file: BufWriter<Staged>,
    path: PathBuf,
}

impl Results {
    fn new(path: &std::path::Path) -> Result<Results, Diagnosis> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        let file = Staged::new(dir).map_err(|error| Diagnosis::caused(Status::CannotCreate, "results", &error))?;
        Ok(Results { file: BufWriter::new(file), path: path.to_owned() })
    }

    fn write(&mut self, line: &RowLine) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")
    }

    fn publish(self) -> Result<(), Diagnosis> {
        let failed =
            |error: &(dyn std::error::Error + 'static)| Diagnosis::caused(Status::CannotCreate, "results", error);
        let file = self.file.into_inner().map_err(|error| failed(error.error()))?;
        file.publish(&self.path).map_err(|error| failed(&error))
    }
}

/// How far it has come, on one line of a terminal that is written over.
struct Shown<'s> {
    session: &'s Session<'s>,
    started: Instant,
    last: Option<Instant>,
    wanted: bool,
}

impl<'s> Shown<'s> {
    fn new(session: &'s Session<'_>) -> Shown<'s> {
        let wanted = io::stderr().is_terminal() && !session.output.json && !session.output.quiet;
        Shown { session, started: Instant::now(), last: None, wanted }
    }

    fn show(&mut self, progress: &Progress) {
        if !self.wanted || self.last.is_some_and(|last| last.elapsed() < Duration::from_millis(200)) {
            return;
        }
        self.last = Some(Instant::now());
        let done = progress.accepted + progress.refused + progress.unknown + progress.deferred;
        let rate = done as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let left = progress.rows.saturating_sub(progress.known + done);
        let time = if rate > 0.0 { format!(", {:.0} s left", left as f64 / rate) } else { String::new() };
        self.session.output.stderr(format_args!(
            "\r\x1b[K{done} of {} sent, {} queued, {rate:.0}/s{time}; {} refused, {} deferred",
            progress.rows, progress.queued, progress.refused, progress.deferred
        ));
    }

    fn clear(&self) {
        if self.last.is_some() {
            self.session.output.stderr(format_args!("\r\x1b[K"));
        }
    }
}
