//! A message as it comes in: DATA with its dots or BDAT with its counts, straight to disk.

use std::io::{self, BufRead, BufWriter, Write};

use crate::fs::Staged;
use crate::sandbox::wire::Wire;

/// A message that is being written, with CR LF at each line end.
pub(super) struct Intake {
    out: BufWriter<Staged>,
    size: u64,
    limit: u64,
    last: u8,
    fault: Option<io::Error>,
}

/// Where in the lines of DATA the reader stands.
#[derive(Clone, Copy)]
enum Place {
    /// Right behind CR LF, or behind a bare LF.
    LineStart {
        bare: bool,
    },
    /// Behind a dot that stands there.
    Dot {
        bare: bool,
    },
    /// Behind a dot at the start of a right line, and CR.
    DotCr,
    Within,
}

impl Intake {
    /// Starts with the trace fields of the operator, which do not count against the limit.
    pub(super) fn new(staged: Staged, trace: &str, limit: u64) -> Intake {
        let mut intake =
            Intake { out: BufWriter::with_capacity(64 << 10, staged), size: 0, limit, last: 0, fault: None };
        intake.push(trace.as_bytes());
        intake.limit = limit.saturating_add(intake.size);
        intake
    }

    /// Whether it grew beyond the limit; what came then was thrown away.
    pub(super) fn is_too_large(&self) -> bool {
        self.size > self.limit
    }

    /// Takes in a piece. A bare LF becomes CR LF, as common servers do, and never ends a message.
    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            let before = if line.len() > 1 { line[line.len() - 2] } else { self.last };
            if end.is_some() && before != b'\r' {
                self.write(&line[..line.len() - 1]);
                self.write(b"\r\n");
            } else {
                self.write(line);
            }
            self.last = line[line.len() - 1];
            bytes = rest;
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if self.size <= self.limit && self.fault.is_none() {
            self.fault = self.out.write_all(bytes).err();
        }
    }

    /// Reads the lines of DATA up to the dot that stands alone (RFC 5321, section 4.5.2); an error if the client
    /// leaves before it.
    pub(super) fn take_data(&mut self, wire: &mut Wire) -> io::Result<()> {
        let mut place = Place::LineStart { bare: false };
        let mut before = 0u8;
        loop {
            let buffer = wire.fill_buf()?;
            let Some(first) = buffer.first().copied() else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            let mut used = 0;
            place = match (place, first) {
                (Place::LineStart { bare }, b'.') => {
                    used = 1;
                    Place::Dot { bare }
                }
                (Place::Dot { bare: false }, b'\r') => {
                    used = 1;
                    Place::DotCr
                }
                (Place::DotCr, b'\n') => {
                    wire.consume(1);
                    return Ok(());
                }
                (Place::DotCr, _) => {
                    self.push(b"\r");
                    before = b'\r';
                    Place::Within
                }
                // Clients that write bare LF double the dots behind them too; a single one there means itself.
                (Place::Dot { bare: true }, other) if other != b'.' => {
                    self.push(b".");
                    before = b'.';
                    Place::Within
                }
                (Place::LineStart { .. } | Place::Dot { .. }, _) => Place::Within,
                (Place::Within, _) => {
                    let end = memchr::memchr(b'\n', buffer);
                    let line = &buffer[..end.map_or(buffer.len(), |end| end + 1)];
                    used = line.len();
                    let last_but_one = if line.len() > 1 { line[line.len() - 2] } else { before };
                    before = line[line.len() - 1];
                    self.push(line);
                    if end.is_some() { Place::LineStart { bare: last_but_one != b'\r' } } else { Place::Within }
                }
            };
            wire.consume(used);
        }
    }

    /// Reads one chunk of BDAT (RFC 3030, section 2); an error if the client leaves within it.
    pub(super) fn take_chunk(&mut self, wire: &mut Wire, size: u64) -> io::Result<()> {
        pieces(wire, size, |piece| self.push(piece))
    }

    /// The whole message and its size.
    pub(super) fn finish(self) -> io::Result<(Staged, u64)> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let staged = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((staged, self.size))
    }
}

/// Reads a chunk that nobody wants.
pub(super) fn skip_chunk(wire: &mut Wire, size: u64) -> io::Result<()> {
    pieces(wire, size, |_| {})
}

fn pieces(wire: &mut Wire, size: u64, mut deed: impl FnMut(&[u8])) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let buffer = wire.fill_buf()?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        deed(&buffer[..length]);
        wire.consume(length);
        left -= length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Read, Write};
    use std::net::{TcpListener, TcpStream};

    use crate::fs::Staged;
    use crate::sandbox::submission::intake::Intake;
    use crate::sandbox::wire::Wire;

    /// What is stored of what a client sends, and what it sent behind the end.
    fn data(sent: &[u8], limit: u64) -> Option<(String, String)> {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut wire = Wire::new(listener.accept().unwrap().0).unwrap();
        let sent = sent.to_vec();
        let sender = std::thread::spawn(move || {
            // Octet by octet, so that every boundary falls between two reads once.
            for octet in sent {
                client.write_all(&[octet]).unwrap();
            }
        });
        let mut intake = Intake::new(Staged::new(dir.path()).unwrap(), "", limit);
        let complete = intake.take_data(&mut wire).is_ok();
        sender.join().unwrap();
        if !complete || intake.is_too_large() {
            return None;
        }
        let (staged, size) = intake.finish().unwrap();
        let mut stored = String::new();
        std::fs::File::open(staged.path()).unwrap().read_to_string(&mut stored).unwrap();
        assert_eq!(stored.len() as u64, size);
        let mut rest = String::new();
        wire.fill_buf().unwrap();
        wire.read_to_string(&mut rest).unwrap();
        Some((stored, rest))
    }

    #[test]
    fn dots_are_taken_off_and_the_lone_one_ends_it() {
        let (stored, rest) = data(b"a\r\n..b\r\n.c\r\n...\r\n.\r\nQUIT\r\n", 99).unwrap();
        assert_eq!(stored, "a\r\n.b\r\nc\r\n..\r\n");
        assert_eq!(rest, "QUIT\r\n");
        assert_eq!(data(b".\r\n", 99).unwrap().0, "");
    }

    #[test]
    fn no_other_line_end_ends_a_message() {
        for smuggled in
            ["a\n.\nb\r\n.\r\n", "a\r\n.\nb\r\n.\r\n", "a\n.\r\nb\r\n.\r\n", "a\r.\rb\r\n.\r\n", "a\r\n.\rb\r\n.\r\n"]
        {
            let (stored, rest) = data(smuggled.as_bytes(), 99).unwrap();
            assert!(stored.ends_with("b\r\n"), "{smuggled:?}: {stored:?}");
            assert_eq!(rest, "", "{smuggled:?}");
        }
        assert_eq!(data(b"a\nb\r\n.\r\n", 99).unwrap().0, "a\r\nb\r\n");
        assert_eq!(data(b"a\n..b\n.c\r\n.\r\n", 99).unwrap().0, "a\r\n.b\r\n.c\r\n", "as smtplib sends octets");
    }

    #[test]
    fn what_is_too_large_or_incomplete_is_not_kept() {
        assert!(data(b"12345678\r\n.\r\n", 10).is_some());
        assert!(data(b"123456789\r\n.\r\n", 10).is_none());
        assert!(data(b"1234\r\n.\r", 10).is_none());
    }
}
