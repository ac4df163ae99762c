//! Rows of CSV (RFC 4180): the library takes the cells apart, and what it lets pass is looked at again.

use std::io::{self, Read};

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr2};

use super::column::{Column, ROW_LIMIT};
use super::fault::{Fault, RowFaults};
use super::row::Value;
use super::window::Window;

/// What may separate cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Cells that are kept of a row; more are counted only.
const MOST_CELLS: usize = 256;
const BLOCK: usize = 16 * 1024;

/// The row at hand, its cells unquoted.
struct Record {
    reader: Reader,
    octets: Vec<u8>,
    filled: usize,
    /// Where each cell ends in `octets`.
    ends: Vec<usize>,
    /// How many cells there are, also those that are not kept.
    count: usize,
    /// What is wrong with the quotes, by cell.
    quotes: Vec<(usize, Fault)>,
    too_large: bool,
    /// The row ends where the quotes went wrong: how many cells it has is not known.
    cut: bool,
}

impl Record {
    fn new(separator: u8) -> Record {
        Record {
            reader: ReaderBuilder::new().delimiter(separator).build(),
            octets: Vec::new(),
            filled: 0,
            ends: Vec::new(),
            count: 0,
            quotes: Vec::new(),
            too_large: false,
            cut: false,
        }
    }

    /// Reads the row that the window has begun.
    fn read<R: Read>(&mut self, window: &mut Window<R>) -> io::Result<()> {
        (self.filled, self.count, self.too_large, self.cut) = (0, 0, false, false);
        self.ends.clear();
        self.quotes.clear();
        let mut cell = 0;
        loop {
            if window.ahead().is_empty() {
                window.fill()?;
            }
            if self.filled == self.octets.len() {
                self.octets.resize(self.filled + BLOCK, 0);
            }
            let (result, read, written) = self.reader.read_field(window.ahead(), &mut self.octets[self.filled..]);
            window.take(read);
            self.filled += written;
            if self.too_large || window.row().len() > ROW_LIMIT {
                self.too_large = true;
                self.filled = 0;
                window.forget();
            }
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => {
                    if !self.too_large {
                        // The octet that ended the cell was taken with it, unless the file ended it.
                        let ending = usize::from(read > 0);
                        if let Some(length) = self.end_cell(window.row(), cell, ending) {
                            window.cut(length);
                            self.reader.reset();
                            return Ok(());
                        }
                        cell = window.row().len();
                    }
                    if record_end {
                        return Ok(());
                    }
                }
                ReadFieldResult::End => return Ok(()),
            }
        }
    }

    /// Keeps a cell. If its quotes are broken and it goes over several lines, the row ends with the first of them, at the
    /// length that is given back: an open quote would swallow the rows below.
    fn end_cell(&mut self, row: &[u8], start: usize, ending: usize) -> Option<usize> {
        let raw = &row[start..row.len() - ending];
        if self.ends.len() < MOST_CELLS {
            self.ends.push(self.filled);
        } else {
            self.filled = self.ends.last().copied().unwrap_or(0);
        }
        self.count += 1;
        let fault = broken_quotes(raw)?;
        let line_end = memchr2(b'\r', b'\n', raw).filter(|_| fault != Fault::StrayQuote);
        self.cut = line_end.is_some();
        // The quote that seems to close the cell lines below may well open another one.
        let fault = if self.cut { Fault::OpenQuote } else { fault };
        if self.quotes.len() < MOST_CELLS {
            self.quotes.push((self.count - 1, fault));
        }
        line_end.map(|at| start + at + 1)
    }

    fn cell(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.octets[start..self.ends[at]]
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| self.cell(at))
    }
}

/// RFC 4180, section 2, rules 5 to 7. The library lets a quote stand anywhere.
fn broken_quotes(raw: &[u8]) -> Option<Fault> {
    let Some(mut rest) = raw.strip_prefix(b"\"") else {
        return memchr(b'"', raw).map(|_| Fault::StrayQuote);
    };
    loop {
        let Some(at) = memchr(b'"', rest) else { return Some(Fault::OpenQuote) };
        rest = &rest[at + 1..];
        match rest.first() {
            None => return None,
            Some(b'"') => rest = &rest[1..],
            Some(_) => return Some(Fault::TextAfterQuote),
        }
    }
}

/// The names of the columns.
pub(super) struct Header {
    /// The line as it stands in the file.
    pub(super) octets: Vec<u8>,
    pub(super) separator: u8,
    columns: Vec<Option<Column>>,
    /// Which of them have no name at all, as spreadsheets leave them at the right.
    unnamed: Vec<bool>,
}

impl Header {
    /// Reads the line under each separator and takes the one that gives the most names that are known; none if none is.
    pub(super) fn read(line: &[u8]) -> Option<Header> {
        let under = |separator: u8| {
            let names = names(line, separator);
            let columns = names.iter().map(|name| known(name)).collect();
            let unnamed = names.iter().map(|name| name.trim_ascii().is_empty()).collect();
            Header { octets: line.to_owned(), separator, columns, unnamed }
        };
        let known = |header: &Header| header.columns.iter().flatten().count();
        // The last of several is the greatest, so the first in the list is asked last.
        SEPARATORS.into_iter().rev().map(under).max_by_key(known).filter(|header| known(header) > 0)
    }

    /// Whether any of some columns is there.
    pub(super) fn has(&self, any_of: &[Column]) -> bool {
        self.columns.iter().flatten().any(|column| any_of.contains(column))
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().flatten().copied()
    }

    /// What is wrong with the names.
    pub(super) fn judge(&self, faults: &mut RowFaults) {
        let mut record = Record::new(self.separator);
        let mut window = Window::new(&self.octets[..]);
        if record.read(&mut window).is_err() {
            return;
        }
        for (_, fault) in record.quotes.drain(..) {
            faults.add(None, fault);
        }
        if record.count > MOST_CELLS {
            faults.add(None, Fault::TooManyCells { expected: MOST_CELLS, found: record.count });
        }
        for (at, name) in record.cells().enumerate() {
            match (self.columns.get(at).copied().flatten(), std::str::from_utf8(name)) {
                (Some(column), _) => {
                    let before = self.columns[..at].contains(&Some(column));
                    if before && !column.rule().repeats {
                        faults.add(Some(column), Fault::DoubledColumn);
                    }
                }
                (None, Err(error)) => faults.add(None, not_utf8(name, error.valid_up_to())),
                (None, Ok(name)) if name.trim().is_empty() => {}
                (None, Ok(name)) => faults.add(None, Fault::unknown(name)),
            }
        }
    }
}

fn names(line: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut record = Record::new(separator);
    match record.read(&mut Window::new(line)) {
        Ok(()) if !record.too_large => record.cells().map(<[u8]>::to_vec).collect(),
        _ => Vec::new(),
    }
}

fn known(name: &[u8]) -> Option<Column> {
    std::str::from_utf8(name).ok().and_then(Column::named)
}

/// The fault of an octet that is not UTF-8.
pub(super) fn not_utf8(octets: &[u8], at: usize) -> Fault {
    Fault::NotUtf8 { octet: octets.get(at).copied().unwrap_or(0), at: at + 1 }
}

/// The rows below the names of the columns.
pub(super) struct Rows {
    record: Record,
}

impl Rows {
    pub(super) fn new(header: &Header) -> Rows {
        Rows { record: Record::new(header.separator) }
    }

    /// Reads the row that the window has begun; false if all of its cells are empty, as spreadsheets leave them behind.
    pub(super) fn read<R: Read>(&mut self, window: &mut Window<R>) -> io::Result<bool> {
        self.record.read(window)?;
        let record = &self.record;
        let blank = record.ends.last() == Some(&0) && record.quotes.is_empty() && record.count <= MOST_CELLS;
        Ok(!blank || record.too_large)
    }

    /// The cells of the row under their columns.
    pub(super) fn cells(&self, header: &Header, cut_off: bool, faults: &mut RowFaults) -> Vec<(Column, Value)> {
        let record = &self.record;
        if record.too_large {
            faults.add(None, Fault::RowTooLarge);
            return Vec::new();
        }
        for (at, fault) in &record.quotes {
            faults.add(header.columns.get(*at).copied().flatten(), fault.clone());
        }
        let (expected, found) = (header.columns.len(), record.count);
        match found {
            _ if record.cut => {}
            _ if found < expected && cut_off => faults.add(None, Fault::CutShort),
            _ if found < expected => faults.add(None, Fault::TooFewCells { expected, found }),
            // A separator at the end of each row makes one empty cell more.
            _ if found > expected && record.cells().skip(expected).all(<[u8]>::is_empty) && found <= MOST_CELLS => {}
            _ if found > expected => faults.add(None, Fault::TooManyCells { expected, found }),
            _ => {}
        }
        let mut cells = Vec::with_capacity(expected);
        for (at, cell) in record.cells().enumerate().take(expected) {
            match (header.columns[at], std::str::from_utf8(cell)) {
                _ if record.quotes.iter().any(|(broken, _)| *broken == at) => {}
                (column, Err(error)) => faults.add(column, not_utf8(cell, error.valid_up_to())),
                (_, Ok("")) => {}
                (Some(column), Ok(text)) => cells.push((column, Value::of(text, column.rule()))),
                (None, Ok(text)) if text.trim().is_empty() => {}
                // An unknown name was found wrong once, with the names.
                (None, Ok(_)) if !header.unnamed[at] => {}
                (None, Ok(_)) => faults.add(None, Fault::UnnamedColumn { at: at + 1 }),
            }
        }
        cells
    }
}
