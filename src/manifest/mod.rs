//! The list of what is to be sent, a message in each row: CSV (RFC 4180) or JSON Lines, streamed, and all that is wrong with it.
//!
//! A CSV file names its columns in the first line and may separate cells with a comma, a semicolon, a tab or a bar; the line
//! tells which. Names of files are taken from the folder of the manifest. Nothing is guessed: not the character set, not
//! where a quote was meant to close.

mod column;
mod csv;
mod fault;
mod json;
mod keys;
mod row;
mod stamp;
#[cfg(test)]
mod tests;
mod window;

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use crate::fs;
use fault::RowFaults;
use row::Lacking;
use window::Window;

pub use column::{CELL_LIMIT, COLUMNS, Column, KEY_LIMIT, LIST_LIMIT, ROW_LIMIT, Rule};
pub use fault::{Fault, Finding};
pub use keys::{FirstReading, Keys};
pub use row::{Files, Row, Text};
pub use stamp::{Stamp, StampError, stamp};

/// Rows a manifest may have.
pub const ROWS_LIMIT: u64 = 1_000_000;

/// Why a manifest cannot be read at all, or no further.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not there, may not be read, or the disk failed.
    #[error("{path} cannot be read")]
    Unreadable { path: PathBuf, source: io::Error },
    /// A folder, a pipe, a device: it has to be read twice.
    #[error("{path} is not a file")]
    NotAFile { path: PathBuf },
    /// UTF-16, as spreadsheets write it under the name of Unicode text.
    #[error("the manifest is in UTF-16; save it as UTF-8, which spreadsheets call \"CSV UTF-8\"")]
    Utf16,
    /// The first line of a CSV file names no column that is known.
    #[error("the first line of the manifest does not name its columns")]
    NoHeader,
    /// JSON, but not JSON Lines.
    #[error("the manifest is a JSON array; it has to hold one object on each line, without commas between them")]
    JsonArray,
    /// No row in it.
    #[error("the manifest has no rows")]
    NoRows,
    /// More than [`ROWS_LIMIT`].
    #[error("the manifest has more than 1,000,000 rows; divide it")]
    TooManyRows,
    /// The names of the columns are not those of the first reading.
    #[error("the first line of the manifest was changed while it was read")]
    HeaderChanged,
    /// A row, or a file that it names, is not what it was.
    #[error("row {row} of the manifest, or a file it names, was changed after it was checked")]
    RowChanged { row: u64 },
    /// Rows were added or taken away.
    #[error("the manifest had {before} rows when it was checked, and now has another number")]
    LengthChanged { before: u64, after: u64 },
}

/// How a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CSV; `separator` is what its first line separates cells with.
    Csv { separator: char },
    /// JSON Lines.
    JsonLines,
}

/// An open manifest.
pub struct Manifest {
    path: PathBuf,
    file: File,
    folder: PathBuf,
    /// Nothing in JSON Lines.
    header: Option<csv::Header>,
}

impl Manifest {
    /// Opens a manifest and finds out how it is written: by its name (`.csv`, `.tsv`, `.jsonl`, `.ndjson`), under any other
    /// name by its first character.
    pub fn open(path: &Path) -> Result<Manifest, ManifestError> {
        let unreadable = |source| ManifestError::Unreadable { path: path.to_owned(), source };
        let file = fs::open_given(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(ManifestError::NotAFile { path: path.to_owned() });
        }
        let mut window = Window::new(&file);
        window.skip_mark().map_err(unreadable)?;
        if is_utf16(window.ahead()) {
            return Err(ManifestError::Utf16);
        }
        if !window.begin().map_err(unreadable)? {
            return Err(ManifestError::NoRows);
        }
        let first = window.ahead().iter().find(|octet| !octet.is_ascii_whitespace()).copied();
        let is_json = match extension(path).as_str() {
            "csv" | "tsv" => false,
            "jsonl" | "ndjson" | "json" => true,
            _ => matches!(first, Some(b'{' | b'[')),
        };
        let header = match first {
            Some(b'[') if is_json => return Err(ManifestError::JsonArray),
            _ if is_json => None,
            _ => {
                let whole = window.read_line().map_err(unreadable)?;
                let header = csv::Header::read(window.row()).filter(|_| whole);
                Some(header.ok_or(ManifestError::NoHeader)?)
            }
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Manifest { path: path.to_owned(), file, folder, header })
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        match &self.header {
            Some(header) => Format::Csv { separator: char::from(header.separator) },
            None => Format::JsonLines,
        }
    }

    /// The columns that a CSV file names, in its order; none for JSON Lines.
    pub fn columns(&self) -> Vec<Column> {
        self.header.iter().flat_map(csv::Header::columns).collect()
    }

    /// The rows, from the first on, each time it is called.
    pub fn rows(&mut self) -> Result<Rows<'_>, ManifestError> {
        self.start().map_err(|source| ManifestError::Unreadable { path: self.path.clone(), source })?
    }

    fn start(&self) -> io::Result<Result<Rows<'_>, ManifestError>> {
        (&self.file).rewind()?;
        let mut window = Window::new(&self.file);
        window.skip_mark()?;
        let mut faults = RowFaults::new(0, window.line());
        let mut lacking = Lacking::default();
        let mut context = Context::new(&SHA256);
        if let Some(header) = &self.header {
            if !window.begin()? || !window.read_line()? || window.row() != header.octets {
                return Ok(Err(ManifestError::HeaderChanged));
            }
            faults = RowFaults::new(0, window.line());
            header.judge(&mut faults);
            lacking.recipients = !header.has(&[Column::To, Column::Cc, Column::Bcc]);
            lacking.content = !header.has(&[Column::Body, Column::BodyFile, Column::Attach]);
            if lacking.recipients {
                faults.add(None, Fault::NoRecipient);
            }
            if lacking.content {
                faults.add(None, Fault::NothingToSend);
            }
            context.update(&header.octets);
            context.update(&[b'\n', header.separator]);
        }
        Ok(Ok(Rows {
            manifest: self,
            csv: self.header.as_ref().map(csv::Rows::new),
            window,
            of_header: Some(faults.into_findings()).filter(|found| !found.is_empty()),
            lacking,
            context,
            number: 0,
            ended: false,
        }))
    }
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|it| it.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// By its byte order mark, or by the NUL beside every letter of a first line.
fn is_utf16(octets: &[u8]) -> bool {
    matches!(octets, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..])
}

/// What is given instead of a row.
#[derive(Debug)]
pub enum NoRow {
    /// What is wrong with the row, or with the names of the columns, which are judged before the first row; at least one
    /// finding. Reading goes on.
    Wrong(Vec<Finding>),
    /// Nothing more is read.
    Ended(ManifestError),
}

/// The rows of a manifest, one after the other.
pub struct Rows<'a> {
    manifest: &'a Manifest,
    window: Window<&'a File>,
    /// Nothing in JSON Lines.
    csv: Option<csv::Rows>,
    of_header: Option<Vec<Finding>>,
    lacking: Lacking,
    /// The digest of what stands before every row.
    context: Context,
    number: u64,
    ended: bool,
}

impl Rows<'_> {
    fn read(&mut self) -> io::Result<Option<Result<Row, NoRow>>> {
        loop {
            if !self.window.begin()? {
                let none = self.number == 0;
                return Ok(none.then_some(Err(NoRow::Ended(ManifestError::NoRows))));
            }
            let line = self.window.line();
            let (filled, whole) = match &mut self.csv {
                Some(csv) => (csv.read(&mut self.window)?, true),
                None => {
                    let whole = self.window.read_line()?;
                    (!self.window.row().trim_ascii().is_empty() || !whole, whole)
                }
            };
            if !filled {
                continue;
            }
            match self.row(line, whole) {
                // Nobody to send to in any row, or nothing: that was said with the names of the columns.
                Err(NoRow::Wrong(found)) if found.is_empty() => {}
                row => return Ok(Some(row)),
            }
        }
    }

    fn row(&mut self, line: u64, whole: bool) -> Result<Row, NoRow> {
        self.number += 1;
        if self.number > ROWS_LIMIT {
            return Err(NoRow::Ended(ManifestError::TooManyRows));
        }
        let mut faults = RowFaults::new(self.number, line);
        let cut_off = self.window.is_cut_off();
        let octets = self.window.row();
        let cells = match (&self.csv, &self.manifest.header) {
            (Some(csv), Some(header)) => csv.cells(header, cut_off, &mut faults),
            _ if whole => json::cells(octets, cut_off, &mut faults),
            _ => {
                faults.add(None, Fault::RowTooLarge);
                Vec::new()
            }
        };
        let mut context = self.context.clone();
        // The last line of a file may or may not be ended.
        context.update(octets.strip_suffix(b"\r").or(octets.strip_suffix(b"\n")).unwrap_or(octets));
        let digest = stamp::short(context.finish().as_ref());
        row::row(cells, &self.manifest.folder, self.lacking, digest, faults).map_err(NoRow::Wrong)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, NoRow>;

    fn next(&mut self) -> Option<Result<Row, NoRow>> {
        if self.ended {
            return None;
        }
        if let Some(found) = self.of_header.take() {
            return Some(Err(NoRow::Wrong(found)));
        }
        let path = &self.manifest.path;
        let unreadable = |source| NoRow::Ended(ManifestError::Unreadable { path: path.clone(), source });
        let next = self.read().unwrap_or_else(|source| Some(Err(unreadable(source))));
        self.ended = matches!(next, None | Some(Err(NoRow::Ended(_))));
        next
    }
}
