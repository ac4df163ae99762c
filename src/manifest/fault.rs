//! What can be wrong with a manifest, by row and column, in words that repeat nothing of what stands in a cell.

use std::fmt;

use super::column::{Column, KEY_LIMIT};
use super::stamp::StampError;
use crate::ids::IdError;
use crate::mail::AddressError;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row, counted from 1; 0 for the names of the columns.
    pub row: u64,
    /// The line of the file on which the row begins, counted from 1.
    pub line: u64,
    /// The name of the column, if it is about one.
    pub column: Option<&'static str>,
    /// What it is.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            0 => write!(f, "names of the columns (line {})", self.line)?,
            row => write!(f, "row {row} (line {})", self.line)?,
        }
        match self.column {
            Some(column) => write!(f, ", {column}: {}", self.fault),
            None => write!(f, ": {}", self.fault),
        }
    }
}

/// What is wrong. Display says it to people and never shows what stands in a cell; names of columns are shown, made safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such column. In JSON: no such name.
    #[error("there is no column {name:?}{}", meaning(*meant))]
    UnknownColumn { name: String, meant: Option<&'static str> },
    /// A cell under no name holds something; `at` counts columns from 1.
    #[error("column {at} has no name, and a cell in it is not empty")]
    UnnamedColumn { at: usize },
    /// The name of a column stands twice, and it is not one that may.
    #[error("the column stands there twice")]
    DoubledColumn,
    /// No recipient: none of `to`, `cc` and `bcc`.
    #[error("there is nobody to send to: give to, cc or bcc")]
    NoRecipient,
    /// None of `body`, `body-file` and `attach`.
    #[error("there is nothing to send: give body, body-file or attach")]
    NothingToSend,
    /// Both `body` and `body-file`.
    #[error("give body or body-file, not both")]
    TwoBodies,
    /// The row has more octets than a row may have.
    #[error("the row is larger than 1 MiB; perhaps a quote was opened in it and not closed")]
    RowTooLarge,
    /// The cell has more octets than its column allows.
    #[error("the cell is larger than {limit} octets")]
    CellTooLarge { limit: usize },
    /// Fewer cells than there are names of columns.
    #[error("the row has {found} cells, not {expected}")]
    TooFewCells { expected: usize, found: usize },
    /// More cells than there are names of columns.
    #[error("the row has {found} cells, not {expected}; a cell that holds the separator is put in quotes")]
    TooManyCells { expected: usize, found: usize },
    /// A quote in a cell that does not begin with one (RFC 4180, section 2, rule 5).
    #[error("there is a quote in a cell that is not in quotes; put the cell in quotes and double the ones inside")]
    StrayQuote,
    /// Something between the closing quote and the separator (RFC 4180, section 2, rule 7).
    #[error("text follows the closing quote; a quote inside a cell is doubled")]
    TextAfterQuote,
    /// A quote that is never closed, or is closed lines below in the middle of a cell. The next row is looked for in the next
    /// line.
    #[error("a quote is opened and not closed, or one inside the cell is not doubled")]
    OpenQuote,
    /// The file ends in the middle of the row.
    #[error("the file ends in the middle of the row")]
    CutShort,
    /// An octet that is no UTF-8 (RFC 3629); `at` counts octets of the cell, or of the row in JSON, from 1.
    #[error("octet {at} is {octet:02x}, which is not UTF-8 there; save the file as UTF-8")]
    NotUtf8 { octet: u8, at: usize },
    /// A NUL.
    #[error("there is a NUL in it")]
    Nul,
    /// A control character; line breaks and tabs too, unless the column is a text.
    #[error("there is a line break or another control character in it")]
    ControlCharacter,
    /// No JSON (RFC 8259); `at` counts octets of the line from 1.
    #[error("the line is no JSON, from octet {at} on")]
    NotJson { at: usize },
    /// JSON, but no object.
    #[error("the line is not one JSON object")]
    NotAnObject,
    /// A number, a boolean.
    #[error("it is {found}, not a text; put it in quotes")]
    WrongType { found: &'static str },
    /// An object or an array where a text stands.
    #[error("it is {found}, where a text or an array of texts may stand")]
    Nested { found: &'static str },
    /// An array where there is one value only.
    #[error("it is an array; there can be one only")]
    NotAList,
    /// The key has too many characters.
    #[error("the key has more than {KEY_LIMIT} characters")]
    KeyTooLong,
    /// An earlier row has the same key.
    #[error("row {row} has the same key")]
    DoubledKey { row: u64 },
    /// No address; `nth` counts them in the cell from 1.
    #[error("number {nth} in it is no address: {source}")]
    Address { nth: usize, source: AddressError },
    /// Digits, but no RPPS number.
    #[error("number {nth} in it is no RPPS number: {source}")]
    Rpps { nth: usize, source: IdError },
    /// More values than a cell may have.
    #[error("there are more than {limit} in it")]
    TooMany { limit: usize },
    /// A protection that is none.
    #[error("it is none of smime, package and transport")]
    UnknownProtection,
    /// A named file cannot be sent.
    #[error("file {nth}: {source}")]
    File { nth: usize, source: StampError },
}

fn meaning(meant: Option<&'static str>) -> String {
    meant.map(|name| format!("; perhaps {name} was meant")).unwrap_or_default()
}

impl Fault {
    /// A stable word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Fault::UnknownColumn { .. } => "unknown-column",
            Fault::UnnamedColumn { .. } => "unnamed-column",
            Fault::DoubledColumn => "doubled-column",
            Fault::NoRecipient => "no-recipient",
            Fault::NothingToSend => "nothing-to-send",
            Fault::TwoBodies => "two-bodies",
            Fault::RowTooLarge => "row-too-large",
            Fault::CellTooLarge { .. } => "cell-too-large",
            Fault::TooFewCells { .. } => "too-few-cells",
            Fault::TooManyCells { .. } => "too-many-cells",
            Fault::StrayQuote => "stray-quote",
            Fault::TextAfterQuote => "text-after-quote",
            Fault::OpenQuote => "open-quote",
            Fault::CutShort => "cut-short",
            Fault::NotUtf8 { .. } => "not-utf-8",
            Fault::Nul => "nul",
            Fault::ControlCharacter => "control-character",
            Fault::NotJson { .. } => "not-json",
            Fault::NotAnObject => "not-an-object",
            Fault::WrongType { .. } => "wrong-type",
            Fault::Nested { .. } => "nested",
            Fault::NotAList => "not-a-list",
            Fault::KeyTooLong => "key-too-long",
            Fault::DoubledKey { .. } => "doubled-key",
            Fault::Address { .. } => "not-an-address",
            Fault::Rpps { .. } => "not-an-rpps-number",
            Fault::TooMany { .. } => "too-many",
            Fault::UnknownProtection => "unknown-protection",
            Fault::File { source: StampError::Unreadable(_), .. } => "file-unreadable",
            Fault::File { source: StampError::NotAFile(_), .. } => "not-a-file",
            Fault::File { source: StampError::Empty, .. } => "file-empty",
        }
    }

    /// A name that is none of a column: shown in its first 40 characters, its control characters left away.
    pub(super) fn unknown(name: &str) -> Fault {
        let shown = name.trim().chars().filter(|c| !c.is_control()).take(40).collect();
        Fault::UnknownColumn { name: shown, meant: super::column::meant(name) }
    }
}

/// What is wrong with one row, as it comes up. A row of a thousand faults is as bad as one of a dozen.
#[derive(Debug)]
pub(super) struct RowFaults {
    row: u64,
    line: u64,
    found: Vec<Finding>,
}

impl RowFaults {
    const MOST: usize = 20;

    pub(super) fn new(row: u64, line: u64) -> RowFaults {
        RowFaults { row, line, found: Vec::new() }
    }

    pub(super) fn add(&mut self, column: Option<Column>, fault: Fault) {
        if self.found.len() < RowFaults::MOST {
            let column = column.map(Column::name);
            self.found.push(Finding { row: self.row, line: self.line, column, fault });
        }
    }

    /// The number of the row and its line.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.row, self.line)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_sentence() {
        let mut faults = RowFaults::new(17, 18);
        faults.add(Some(Column::Attach), Fault::File { nth: 2, source: StampError::Empty });
        let [finding] = &faults.into_findings()[..] else { panic!("one finding") };
        assert_eq!(finding.to_string(), "row 17 (line 18), attach: file 2: it is empty");
        assert_eq!(finding.fault.word(), "file-empty");
        let unknown = Finding { row: 0, line: 1, column: None, fault: Fault::unknown("ata\u{1b}ch ") };
        let text = "names of the columns (line 1): there is no column \"atach\"; perhaps attach was meant";
        assert_eq!(unknown.to_string(), text);
    }
}
