//! A row as it is meant: who it goes to, what goes, under which protection.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::column::{Column, KEY_LIMIT, LIST_LIMIT, Rule};
use super::fault::{Fault, Finding, RowFaults};
use super::stamp::{short, stamp};
use crate::ids::{IdError, Rpps};
use crate::mail::{Address, AddressError};
use crate::sealed::Protection;

/// One message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, counted from 1; rows without any cell are not counted.
    pub number: u64,
    /// The line of the file on which it begins, counted from 1.
    pub line: u64,
    /// The caller's own name for it.
    pub key: Option<String>,
    /// Addresses or RPPS numbers.
    pub to: Vec<String>,
    /// The same, in copy.
    pub cc: Vec<String>,
    /// The same, unseen by the others.
    pub bcc: Vec<String>,
    /// The subject; empty if there is none.
    pub subject: String,
    /// The text.
    pub text: Text,
    /// The files; relative names are taken from the folder of the manifest.
    pub attach: Vec<PathBuf>,
    /// What leaves the machine, if the row says so.
    pub protection: Option<Protection>,
    /// Of the row as it stands in the file, and of the names of the columns: another row almost surely has another one.
    pub digest: [u8; 16],
}

/// Where the text of a message is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Text {
    /// There is none.
    #[default]
    None,
    /// In the row itself.
    Inline(String),
    /// In a file of its own.
    File(PathBuf),
}

/// The files of a row as they were at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// Octets of all of them.
    pub size: u64,
    /// The digest of the row and the stamps of its files: the same later if neither was changed.
    pub digest: [u8; 16],
}

impl Row {
    /// Looks at every file the row names, without reading them, and says what is wrong with each.
    pub fn look_at_files(&self) -> Result<Files, Vec<Finding>> {
        let mut faults = RowFaults::new(self.number, self.line);
        let text = match &self.text {
            Text::File(path) => Some((Column::BodyFile, 1, path)),
            Text::None | Text::Inline(_) => None,
        };
        let attached = self.attach.iter().enumerate().map(|(at, path)| (Column::Attach, at + 1, path));
        let mut all = Context::new(&SHA256);
        all.update(&self.digest);
        let mut size = 0u64;
        for (column, nth, path) in text.into_iter().chain(attached) {
            match stamp(path) {
                Ok((octets, stamp)) => {
                    size = size.saturating_add(octets);
                    all.update(&stamp.0);
                }
                Err(source) => faults.add(Some(column), Fault::File { nth, source }),
            }
        }
        if faults.is_empty() {
            Ok(Files { size, digest: short(all.finish().as_ref()) })
        } else {
            Err(faults.into_findings())
        }
    }
}

/// What stands in a cell: one text, or several that were given one by one.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// A text as its column takes it: apart at its separators, without the blanks around each value.
    pub(super) fn of(text: &str, rule: &Rule) -> Value {
        if rule.separators.is_empty() {
            return Value::Text(text.to_owned());
        }
        let parts = text.split(rule.separators).map(str::trim).filter(|part| !part.is_empty());
        Value::List(parts.take(LIST_LIMIT + 1).map(str::to_owned).collect())
    }
}

/// What is wrong with the whole file, and therefore not said of each row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lacking {
    pub(super) recipients: bool,
    pub(super) content: bool,
}

/// Makes a row of its cells, or says what is wrong with it: nothing more if what it lacks was said of the whole file.
pub(super) fn row(
    cells: Vec<(Column, Value)>,
    folder: &Path,
    lacking: Lacking,
    digest: [u8; 16],
    mut faults: RowFaults,
) -> Result<Row, Vec<Finding>> {
    // Said before anything is left out: a row with a broken cell does not lack what that cell would have held.
    let whole = faults.is_empty();
    let (number, line) = faults.place();
    let mut row = Row {
        number,
        line,
        key: None,
        to: Vec::new(),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: String::new(),
        text: Text::None,
        attach: Vec::new(),
        protection: None,
        digest,
    };
    for (column, value) in cells {
        if let Err(fault) = add(&mut row, column, value, folder, &mut faults) {
            faults.add(Some(column), fault);
        }
    }
    if whole && faults.is_empty() {
        if !lacking.recipients && row.to.is_empty() && row.cc.is_empty() && row.bcc.is_empty() {
            faults.add(None, Fault::NoRecipient);
        }
        if !lacking.content && row.text == Text::None && row.attach.is_empty() {
            faults.add(None, Fault::NothingToSend);
        }
    }
    if faults.is_empty() && !lacking.recipients && !lacking.content { Ok(row) } else { Err(faults.into_findings()) }
}

fn add(row: &mut Row, column: Column, value: Value, folder: &Path, faults: &mut RowFaults) -> Result<(), Fault> {
    let texts = taken_apart(value, column.rule())?;
    let Some(first) = texts.first() else { return Ok(()) };
    if texts.len() > LIST_LIMIT {
        return Err(Fault::TooMany { limit: LIST_LIMIT });
    }
    match column {
        Column::Key if first.chars().count() > KEY_LIMIT => return Err(Fault::KeyTooLong),
        Column::Key => row.key = Some(first.clone()),
        Column::To | Column::Cc | Column::Bcc => {
            for (at, given) in texts.iter().enumerate() {
                if let Err(fault) = recipient(given, at + 1) {
                    faults.add(Some(column), fault);
                }
            }
            match column {
                Column::To => row.to = texts,
                Column::Cc => row.cc = texts,
                _ => row.bcc = texts,
            }
        }
        Column::Subject => row.subject = first.clone(),
        Column::Body | Column::BodyFile if row.text != Text::None => return Err(Fault::TwoBodies),
        Column::Body => row.text = Text::Inline(first.clone()),
        Column::BodyFile => row.text = Text::File(folder.join(first.trim())),
        Column::Attach if row.attach.len() + texts.len() > LIST_LIMIT => {
            return Err(Fault::TooMany { limit: LIST_LIMIT });
        }
        Column::Attach => row.attach.extend(texts.iter().map(|name| folder.join(name))),
        Column::Protection => {
            let all = [Protection::Smime, Protection::Package, Protection::Transport];
            let named = all.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(first.trim()));
            row.protection = Some(named.ok_or(Fault::UnknownProtection)?);
        }
    }
    Ok(())
}

/// The values in a cell; empty ones are left away.
fn taken_apart(value: Value, rule: &Rule) -> Result<Vec<String>, Fault> {
    let texts = match value {
        Value::List(texts) => texts,
        Value::Text(text) => vec![text],
    };
    let is_out_of_place = |c: char| c.is_control() && !rule.lines;
    if texts.iter().map(String::len).sum::<usize>() > rule.limit {
        return Err(Fault::CellTooLarge { limit: rule.limit });
    }
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(Fault::Nul);
    }
    if texts.iter().any(|text| text.contains(is_out_of_place)) {
        return Err(Fault::ControlCharacter);
    }
    Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
}

/// Whether it can be the address or the RPPS number of somebody.
fn recipient(given: &str, nth: usize) -> Result<(), Fault> {
    if !given.is_empty() && given.bytes().all(|octet| octet.is_ascii_digit()) {
        let number: Result<Rpps, IdError> = given.parse();
        return number.map(|_| ()).map_err(|source| Fault::Rpps { nth, source });
    }
    let address: Result<Address, AddressError> = given.parse();
    address.map(|_| ()).map_err(|source| Fault::Address { nth, source })
}
