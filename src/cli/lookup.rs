//! `mss lookup`: the words, and how the answers are told.

use super::diagnosis::Diagnosis;
use super::safe::line as safe;
use super::session::Session;
use super::status::Status;
use crate::commands::Error;
use crate::commands::extract;
use crate::commands::lookup::{self, Answer, CertificateLine, Line};
use crate::commands::sources::Asking;
use crate::directory::Query;
use crate::vault::Source;

/// Find professionals, their mailboxes and certificates
///
/// Words are searched as names; options narrow the search. Nobody found is status 1, and does not mean that nobody
/// exists: unlisted mailboxes are in no directory.
///
/// The sources of the profile (directory.sources) are asked in their order: the service, and the index on this machine,
/// which answers without a network. The index is made by --update from the extraction that the ANS publishes
/// (Extraction_Correspondance_MSSante, text or ZIP), and tells nothing of lists and certificates.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mss lookup [OPTIONS] [WORD]...\n       mss lookup --update <FILE|URL>")]
#[command(group = clap::ArgGroup::new("question").required(true).multiple(true))]
pub struct Args {
    /// Words of a name, an RPPS number, or an address
    #[arg(value_name = "WORD", group = "question")]
    pub words: Vec<String>,
    /// The family name, or its beginning
    #[arg(long, value_name = "NAME", group = "question")]
    pub name: Option<String>,
    /// The RPPS number (11 digits)
    #[arg(long, value_name = "NUMBER", group = "question")]
    pub rpps: Option<String>,
    /// The FINESS number of an organisation (9 characters)
    #[arg(long, value_name = "NUMBER", group = "question")]
    pub finess: Option<String>,
    /// The exact mailbox address
    #[arg(long, value_name = "ADDRESS", group = "question")]
    pub address: Option<String>,
    /// The profession or speciality, for example médecin or cardiologie
    #[arg(long, value_name = "WORD", group = "question")]
    pub profession: Option<String>,
    /// The town or postal code
    #[arg(long, value_name = "PLACE", group = "question")]
    pub place: Option<String>,
    /// The name of the organisation, or its beginning
    #[arg(long, value_name = "NAME", group = "question")]
    pub organisation: Option<String>,
    /// Tell at most this many mailboxes
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Ask this source alone
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<Asked>,
    /// Ask the index on this machine alone: nothing leaves it
    #[arg(long, conflicts_with = "source")]
    pub offline: bool,
    /// Believe an extraction of any age
    #[arg(long)]
    pub allow_old: bool,
    /// Make the index anew from an extraction: a file, or an https:// address
    #[arg(long, value_name = "FILE|URL", group = "question")]
    #[arg(conflicts_with_all = ["words", "name", "rpps", "finess", "address", "profession", "place", "organisation"])]
    #[arg(conflicts_with_all = ["source", "offline", "allow_old"])]
    pub update: Option<String>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Asked {
    /// The FHIR service
    Fhir,
    /// The index on this machine
    Index,
}

/// Asks, and tells each mailbox.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    if let Some(given) = &args.update {
        return session.with_account(|account| tell_of_update(session, &extract::update(account, given)?));
    }
    let query = query(args)?;
    let sources: Option<&[Source]> = match args.source {
        _ if args.offline => Some(&[Source::Index]),
        Some(Asked::Index) => Some(&[Source::Index]),
        Some(Asked::Fhir) => Some(&[Source::Fhir]),
        None => None,
    };
    let asking = Asking { sources, allow_old: args.allow_old, limit: args.limit };
    session.with_account(|account| tell(session, &lookup::lookup(account, &query, &asking)?))
}

fn tell_of_update(session: &Session<'_>, line: &extract::Line) -> Result<Status, Diagnosis> {
    let output = session.output;
    if line.bad_rows > 0 {
        output.warning(format_args!("{} rows cannot be read and were passed over", line.bad_rows));
    }
    if output.json {
        output.json(line)?;
    } else {
        let (date, source) = (line.dated.strftime("%Y-%m-%d"), safe(&line.source, 200));
        output.line(format_args!("{} mailboxes of {date}, from {source}", line.mailboxes))?;
    }
    Ok(Status::Done)
}

fn tell(session: &Session<'_>, answer: &Answer) -> Result<Status, Diagnosis> {
    let output = session.output;
    if output.json {
        for line in &answer.lines {
            output.json(line)?;
        }
    } else if !answer.lines.is_empty() {
        let header = ["name", "address", "type", "certificate"];
        output.records(&header, answer.lines.iter().map(|line| (row(line), detail(line))).collect())?;
    }
    if !answer.complete {
        output.note("there are more answers: narrow the search, or raise --limit");
    }
    if let Some(it) = &answer.extraction {
        let (date, source) = (it.dated.strftime("%Y-%m-%d"), safe(&it.source, 200));
        output.note(format_args!("from the extraction of {date}, {} days old ({source})", it.days));
    }
    if answer.lines.is_empty() {
        output.note("nobody found; unlisted mailboxes are in no directory");
        return Ok(Status::Finding);
    }
    Ok(Status::Done)
}

fn query(args: &Args) -> Result<Query, Error> {
    let malformed = |given: &str, what: &'static str| Error::Malformed { given: given.to_owned(), what };
    let parse = |text: &Option<String>| text.clone();
    Ok(Query {
        words: args.words.clone(),
        name: parse(&args.name),
        rpps: args.rpps.as_ref().map(|it| it.parse().map_err(|_| malformed(it, "an RPPS number"))).transpose()?,
        finess: args.finess.as_ref().map(|it| it.parse().map_err(|_| malformed(it, "a FINESS number"))).transpose()?,
        profession: parse(&args.profession),
        place: parse(&args.place),
        organisation: parse(&args.organisation),
        address: args.address.as_ref().map(|it| it.parse().map_err(|_| malformed(it, "an address"))).transpose()?,
    })
}

fn row(line: &Line) -> Vec<String> {
    vec![
        safe(&line.name, 40),
        safe(line.address.as_deref().unwrap_or("-"), 80),
        line.kind.unwrap_or("-").to_owned(),
        standing(line),
    ]
}

/// What the person does, and where.
fn detail(line: &Line) -> String {
    let organisation = line.organisation.as_deref().filter(|name| *name != line.name);
    let place = organisation.into_iter().chain(line.service.as_deref()).chain(line.place.as_deref());
    let parts: Vec<String> =
        line.professions.iter().map(String::as_str).chain(place).map(|part| safe(part, 60)).collect();
    parts.join(", ")
}

/// Whether the mailbox can be written to, in a word or two.
fn standing(line: &Line) -> String {
    if !line.active {
        return "inactive".to_owned();
    }
    if line.admitted == Some(false) {
        return "not in the space".to_owned();
    }
    match &line.certificate {
        None => "-".to_owned(),
        Some(CertificateLine { state: "valid", days_left: Some(days), .. }) => format!("valid, {days} days"),
        Some(CertificateLine { state, .. }) => (*state).to_owned(),
    }
}
