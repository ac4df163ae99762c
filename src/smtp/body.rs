//! The octets of a message on their way out: whole lines, the announced length, dots doubled (RFC 5321, section 4.5.2).

use std::io::{self, Read};

use memchr::{memchr_iter, memchr2_iter};

use super::{Failure, MessageFault};

/// Most octets of a message that are read, checked and sent in one piece. The last piece is held back until the point of no
/// return; a message of one piece can be checked whole before its first command.
pub(super) const PIECE: usize = 1024 * 1024;

/// Longest line without its end (RFC 5321, section 4.5.3.1.6).
const LINE_LIMIT: u64 = 998;

/// A message, piece by piece; each was checked when it is handed out.
pub(super) struct Pieces<'a> {
    source: Box<dyn Read + 'a>,
    left: u64,
    seven_bit: bool,
    lines: Lines,
}

/// Octets of a message that were checked.
pub(super) struct Piece {
    pub(super) octets: Vec<u8>,
    pub(super) last: bool,
}

impl<'a> Pieces<'a> {
    /// Will read exactly `size` octets.
    pub(super) fn new(source: Box<dyn Read + 'a>, size: u64, eight_bit: bool) -> Result<Pieces<'a>, Failure> {
        if size == 0 {
            return Err(Failure::Message(MessageFault::Empty));
        }
        Ok(Pieces { source, left: size, seven_bit: !eight_bit, lines: Lines::default() })
    }

    /// The next piece. The end of the source is looked for before the last is handed out.
    pub(super) fn next(&mut self) -> Result<Piece, Failure> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE);
        let mut octets = vec![0; length];
        self.source.read_exact(&mut octets).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Failure::Message(MessageFault::Length),
            _ => Failure::Source(error),
        })?;
        self.left -= u64::try_from(length).unwrap_or(0);
        let last = self.left == 0;
        if last && self.source.read(&mut [0]).map_err(Failure::Source)? > 0 {
            return Err(Failure::Message(MessageFault::Length));
        }
        if self.seven_bit && !octets.is_ascii() {
            return Err(Failure::Message(MessageFault::EightBit));
        }
        self.lines.check(&octets, last).map_err(Failure::Message)?;
        Ok(Piece { octets, last })
    }
}

/// Watches over the line breaks of a stream.
#[derive(Default)]
struct Lines {
    after_cr: bool,
    /// Octets of the line so far.
    length: u64,
}

impl Lines {
    fn check(&mut self, block: &[u8], last: bool) -> Result<(), MessageFault> {
        let octets = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut start = 0;
        for at in memchr2_iter(b'\r', b'\n', block) {
            if self.after_cr {
                // What follows a CR is an LF and nothing else.
                if at != start || block[at] != b'\n' {
                    return Err(MessageFault::BareLineBreak);
                }
                self.after_cr = false;
                self.length = 0;
            } else {
                if block[at] == b'\n' {
                    return Err(MessageFault::BareLineBreak);
                }
                self.length += octets(at - start);
                if self.length > LINE_LIMIT {
                    return Err(MessageFault::LongLine);
                }
                self.after_cr = true;
            }
            start = at + 1;
        }
        if start < block.len() {
            if self.after_cr {
                return Err(MessageFault::BareLineBreak);
            }
            self.length += octets(block.len() - start);
        }
        if self.length > LINE_LIMIT {
            return Err(MessageFault::LongLine);
        }
        if last && self.after_cr { Err(MessageFault::BareLineBreak) } else { Ok(()) }
    }
}

/// Doubles the dots at the start of lines.
pub(super) struct Stuffing {
    at_line_start: bool,
}

impl Stuffing {
    pub(super) fn new() -> Stuffing {
        Stuffing { at_line_start: true }
    }

    /// Appends the block to `out`. Only the octets behind an LF are looked at.
    pub(super) fn stuff(&mut self, block: &[u8], out: &mut Vec<u8>) {
        if self.at_line_start && block.first() == Some(&b'.') {
            out.push(b'.');
        }
        let mut start = 0;
        for at in memchr_iter(b'\n', block) {
            if block.get(at + 1) == Some(&b'.') {
                out.extend_from_slice(&block[start..=at]);
                out.push(b'.');
                start = at + 1;
            }
        }
        out.extend_from_slice(&block[start..]);
        if let Some(last) = block.last() {
            self.at_line_start = *last == b'\n';
        }
    }

    /// Appends the end of the message: the end of its last line, if that is missing, and the lone dot.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.at_line_start { b".\r\n" } else { b"\r\n.\r\n" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stuffs in pieces of this size.
    fn stuffed(message: &str, piece: usize) -> String {
        let (mut stuffing, mut out) = (Stuffing::new(), Vec::new());
        for piece in message.as_bytes().chunks(piece) {
            stuffing.stuff(piece, &mut out);
        }
        stuffing.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dots_are_doubled_wherever_the_blocks_end() {
        let message = ".one\r\n..\r\ntwo.\r\n.\r\n.";
        for piece in 1..message.len() {
            assert_eq!(stuffed(message, piece), "..one\r\n...\r\ntwo.\r\n..\r\n..\r\n.\r\n", "{piece}");
        }
        assert_eq!(stuffed("a\r\n", 9), "a\r\n.\r\n");
    }

    fn checked(message: &[u8], size: u64) -> Result<Vec<u8>, MessageFault> {
        let mut pieces = Pieces::new(Box::new(message), size, false).map_err(fault)?;
        let mut all = Vec::new();
        loop {
            let piece = pieces.next().map_err(fault)?;
            all.extend_from_slice(&piece.octets);
            if piece.last {
                return Ok(all);
            }
        }
    }

    fn fault(failure: Failure) -> MessageFault {
        let Failure::Message(fault) = failure else { panic!("{failure:?}") };
        fault
    }

    #[test]
    fn only_whole_lines_of_the_announced_length_go_out() {
        let good = "0123456789\r\n".repeat(200_000);
        let size = good.len() as u64;
        assert_eq!(checked(good.as_bytes(), size).unwrap(), good.as_bytes());
        assert_eq!(checked(good.as_bytes(), size - 1), Err(MessageFault::Length));
        assert_eq!(checked(good.as_bytes(), size + 1), Err(MessageFault::Length));
        assert_eq!(checked(b"", 0), Err(MessageFault::Empty));
        assert_eq!(checked("é\r\n".as_bytes(), 4), Err(MessageFault::EightBit));
        for bad in ["a\nb\r\n", "a\rb\r\n", "a\r\r\n", "a\r\n\n", "\n", "a\r", "\r\r", "a\r\n.\n.\r\n"] {
            assert_eq!(checked(bad.as_bytes(), bad.len() as u64), Err(MessageFault::BareLineBreak), "{bad:?}");
        }
    }

    #[test]
    fn line_breaks_and_long_lines_are_seen_across_blocks() {
        for split in 0..=4 {
            let mut lines = Lines::default();
            let (one, two) = b"ab\r\n".split_at(split);
            assert!(lines.check(one, false).and_then(|()| lines.check(two, true)).is_ok(), "{split}");
        }
        let mut lines = Lines::default();
        assert!(lines.check(b"a\r", false).is_ok());
        assert_eq!(lines.check(b"b\r\n", true), Err(MessageFault::BareLineBreak));
        let longest = format!("{}\r\n", "x".repeat(998));
        assert!(checked(longest.as_bytes(), 1000).is_ok());
        let mut lines = Lines::default();
        assert!(lines.check(&[b'x'; 600], false).is_ok());
        assert_eq!(lines.check(&[b'x'; 399], false), Err(MessageFault::LongLine));
    }
}
