//! `mss audit`: the words, and how the trace is told.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::Diagnosis;
use super::output::{BAD, GOOD};
use super::safe::line as safe;
use super::session::Session;
use super::status::Status;
use crate::commands::audit::{self, Line};
use crate::commands::{Account, Error};
use crate::trace::{Action, Filter, Verdict};

/// Read and verify the trace of what was done
///
/// Every exchange with a server leaves one entry: who, when, what was asked, what was answered. Contents, subjects and
/// file names are never in it. A changed, removed, reordered or cut record is found.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub deed: Deed,
}

/// What to do with the trace.
#[derive(Debug, Subcommand)]
pub enum Deed {
    /// Show the entries, oldest first
    Log(LogArgs),
    /// Verify the chain, the seals and the signed checkpoint; the status is 1 if anything was changed
    Verify,
}

/// Which entries to show.
#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// From this day or moment on (RFC 3339, or YYYY-MM-DD)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Before this day or moment
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Only this action
    #[arg(long, value_name = "ACTION", value_parser = PossibleValuesParser::new(Action::ALL.map(Action::word)))]
    pub action: Option<String>,
    /// Only what concerns this Message-ID
    #[arg(long, value_name = "ID")]
    pub message_id: Option<String>,
}

/// The answer of `audit verify`.
#[derive(Serialize, JsonSchema)]
pub(super) struct VerifyLine {
    schema: &'static str,
    /// Whether nothing is wrong.
    sound: bool,
    records: u64,
    segments: usize,
    /// How many records the signed checkpoint counts.
    signed: Option<u64>,
    findings: Vec<FindingLine>,
    /// Findings beyond those.
    more: u64,
    notices: Vec<String>,
    /// What a sound verdict says, and what it does not.
    meaning: &'static str,
}

/// One thing that is wrong with the trace.
#[derive(Serialize, JsonSchema)]
pub(super) struct FindingLine {
    code: &'static str,
    segment: Option<String>,
    /// The number of the record.
    record: Option<u64>,
    text: String,
}

/// Shows or verifies the trace of the profile.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    let account = session.account()?;
    match &args.deed {
        Deed::Log(words) => log(words, session, &account),
        Deed::Verify => verify(session, &account),
    }
}

fn log(args: &LogArgs, session: &Session<'_>, account: &Account<'_>) -> Result<Status, Diagnosis> {
    let filter = filter(args)?;
    let lines = audit::log(account, &filter)?;
    let output = session.output;
    if output.json {
        for line in &lines {
            output.json(line)?;
        }
    } else if lines.is_empty() {
        output.note("no entry");
    } else {
        let header = ["id", "time", "author", "action", "request", "outcome", "answer"];
        output.table(&header, lines.iter().map(row).collect())?;
    }
    Ok(Status::Done)
}

fn filter(args: &LogArgs) -> Result<Filter, Error> {
    let malformed = |given: &str, what: &'static str| Error::Malformed { given: given.to_owned(), what };
    let moment = |given: &String| {
        when(given).ok_or_else(|| malformed(given, "a day (2026-01-31) or a moment (2026-01-31T08:00:00Z)"))
    };
    let action = |given: &String| {
        Action::ALL.into_iter().find(|action| action.word() == given).ok_or_else(|| malformed(given, ACTIONS))
    };
    let id = |given: &String| given.parse().map_err(|_| malformed(given, "a Message-ID"));
    Ok(Filter {
        since: args.since.as_ref().map(moment).transpose()?,
        until: args.until.as_ref().map(moment).transpose()?,
        actions: args.action.as_ref().map(action).transpose()?.into_iter().collect(),
        message_id: args.message_id.as_ref().map(id).transpose()?,
        ..Filter::default()
    })
}

/// The actions, for who named another.
const ACTIONS: &str = "an action: send, sign-in, fetch, seen, move, delete, lookup, list, revocation, issuer, probe, erase, resolve or notice";

/// A moment (RFC 3339), or the beginning of a day where the workstation stands.
fn when(text: &str) -> Option<Timestamp> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::system()).ok().map(|day| day.timestamp());
    text.parse().ok().or_else(day)
}

fn row(line: &Line) -> Vec<String> {
    let answer = line.answer.as_deref().unwrap_or("-");
    vec![
        line.id.to_string(),
        line.time.get(..19).unwrap_or(&line.time).replace('T', " "),
        safe(&line.author, 20),
        line.action.to_owned(),
        safe(&line.request, 60),
        line.outcome.to_owned(),
        safe(answer, 60),
    ]
}

fn verify(session: &Session<'_>, account: &Account<'_>) -> Result<Status, Diagnosis> {
    let verdict = audit::verify(account)?;
    let output = session.output;
    if output.json {
        output.json(&verify_line(&verdict))?;
    } else {
        for finding in &verdict.findings {
            output.line(format_args!("{BAD}{}{BAD:#}: {finding}", finding.fault.code()))?;
        }
        if verdict.more > 0 {
            output.line(format_args!("and {} more findings", verdict.more))?;
        }
        for notice in &verdict.notices {
            output.line(format_args!("note: {notice}"))?;
        }
        let signed = verdict.signed.map_or_else(|| "none signed".to_owned(), |signed| format!("{signed} signed"));
        let (style, word) = match (verdict.is_sound(), verdict.records) {
            (true, 0) => (BAD, "there is no trace"),
            (true, _) => (GOOD, "sound"),
            (false, _) => (BAD, "not sound"),
        };
        output.line(format_args!("{style}{word}{style:#}: {} records, {signed}", verdict.records))?;
        output.note(Verdict::MEANING);
    }
    // A trace that was taken away whole looks like one that was never begun: neither verifies.
    Ok(if verdict.is_sound() && verdict.records > 0 { Status::Done } else { Status::Finding })
}

fn verify_line(verdict: &Verdict) -> VerifyLine {
    let finding = |finding: &crate::trace::Finding| FindingLine {
        code: finding.fault.code(),
        segment: finding.segment.clone(),
        record: finding.sequence,
        text: finding.to_string(),
    };
    VerifyLine {
        schema: "mss.audit-verify/1",
        sound: verdict.is_sound(),
        records: verdict.records,
        segments: verdict.segments,
        signed: verdict.signed,
        findings: verdict.findings.iter().map(finding).collect(),
        more: verdict.more,
        notices: verdict.notices.iter().map(ToString::to_string).collect(),
        meaning: Verdict::MEANING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_no_action_is_told_all_of_them() {
        for action in Action::ALL {
            assert!(ACTIONS.contains(action.word()), "{}", action.word());
        }
    }
}
