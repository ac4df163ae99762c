//! A file seen through a window that slides from row to row: never more than one row and one block of it in memory.

use std::io::{self, ErrorKind, Read};

use memchr::{memchr2, memchr2_iter};

use super::column::ROW_LIMIT;

/// Octets read at a time.
const BLOCK: usize = 64 * 1024;

/// The row at hand and what was read beyond it.
pub(super) struct Window<R> {
    input: R,
    octets: Vec<u8>,
    /// Where the row begins, and how far it was read.
    row: usize,
    at: usize,
    /// The line on which the octet at `row` stands.
    line: u64,
    /// The octet before `row` was a CR: a LF there belongs to it.
    after_carriage: bool,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Window<R> {
        Window { input, octets: Vec::new(), row: 0, at: 0, line: 1, after_carriage: false, ended: false }
    }

    /// Begins a row where the last one ended, empty lines passed over; false at the end of the file.
    pub(super) fn begin(&mut self) -> io::Result<bool> {
        loop {
            let blank = self.ahead().iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
            self.at += blank;
            self.forget();
            if !self.ahead().is_empty() {
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Passes over a byte order mark (RFC 3629, section 6) at the beginning of the file.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        while self.ahead().len() < 4 && self.fill()? {}
        if self.ahead().starts_with(b"\xef\xbb\xbf") {
            self.take(3);
            self.forget();
        }
        Ok(())
    }

    /// Makes the row one line, its end left out; false if it is larger than a row may be, and then it is passed over.
    pub(super) fn read_line(&mut self) -> io::Result<bool> {
        let mut whole = true;
        loop {
            let end = memchr2(b'\r', b'\n', self.ahead());
            self.take(end.unwrap_or(self.ahead().len()));
            if self.row().len() > ROW_LIMIT {
                whole = false;
                self.forget();
            }
            if end.is_some() || !self.fill()? {
                return Ok(whole);
            }
        }
    }

    /// Whether the file ends with the row, and no line end says that this was meant.
    pub(super) fn is_cut_off(&self) -> bool {
        self.ended && self.ahead().is_empty()
    }

    /// What was read beyond the row so far.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.octets[self.at..]
    }

    /// The row so far.
    pub(super) fn row(&self) -> &[u8] {
        &self.octets[self.row..self.at]
    }

    /// The line on which the row, or what is left of it, begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Counts octets to the row.
    pub(super) fn take(&mut self, count: usize) {
        self.at += count;
    }

    /// Ends the row after its first octets: what follows them is read again.
    pub(super) fn cut(&mut self, length: usize) {
        self.at = self.row + length;
    }

    /// Lets go of the row so far.
    pub(super) fn forget(&mut self) {
        let row = &self.octets[self.row..self.at];
        self.line += line_ends(row, self.after_carriage);
        self.after_carriage = row.last().map_or(self.after_carriage, |last| *last == b'\r');
        self.row = self.at;
    }

    /// Reads on; false if there is no more.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        self.octets.drain(..self.row);
        self.at -= self.row;
        self.row = 0;
        let filled = self.octets.len();
        self.octets.resize(filled + BLOCK, 0);
        let read = loop {
            match self.input.read(&mut self.octets[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.octets.truncate(filled);
                    return Err(error);
                }
                Ok(read) => break read,
            }
        };
        self.octets.truncate(filled + read);
        self.ended = read == 0;
        Ok(read > 0)
    }
}

/// How many lines end in some octets: at CRLF, at LF, at CR.
fn line_ends(octets: &[u8], after_carriage: bool) -> u64 {
    let belongs = |at: usize| if at == 0 { after_carriage } else { octets[at - 1] == b'\r' };
    let ends = memchr2_iter(b'\r', b'\n', octets).filter(|at| octets[*at] == b'\r' || !belongs(*at));
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_either_octet_and_once_at_both() {
        assert_eq!(line_ends(b"a\nb\r\nc\rd\r\r\n\n", false), 6);
        assert_eq!(line_ends(b"\n\n", true), 1);
    }

    #[test]
    fn rows_keep_their_lines_whatever_was_skipped() {
        let mut window = Window::new(&b"\r\n\n\rab\r\ncd"[..]);
        assert!(window.begin().unwrap());
        assert_eq!((window.line(), window.ahead()), (4, &b"ab\r\ncd"[..]));
        window.take(3);
        assert_eq!(window.row(), b"ab\r");
        assert!(window.begin().unwrap());
        assert_eq!((window.line(), window.ahead()), (5, &b"cd"[..]));
        window.take(2);
        assert!(!window.begin().unwrap());
    }
}
