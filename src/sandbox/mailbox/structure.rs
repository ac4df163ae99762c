//! The parts of a stored message by their places in its file (RFC 2045, 2046), found in one pass.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;

use crate::sandbox::mailbox::header::{ContentType, Header};

/// How deep parts may lie in each other and how many there may be; what goes beyond is one part without inner life.
const MAX_DEPTH: usize = 20;
const MAX_PARTS: usize = 1000;
/// How much of a header is looked at, and of a line.
const MAX_HEADER: usize = 256 << 10;
const MAX_LINE: usize = 4096;

/// A message or a part of one.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) header: Header,
    /// Where its header is, the empty line included, and its body.
    pub(super) header_at: Range<u64>,
    pub(super) body_at: Range<u64>,
    /// How many lines the body has.
    pub(super) lines: u64,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Leaf,
    Multipart(Vec<Part>),
    /// message/rfc822
    Message(Box<Part>),
}

impl Part {
    /// Reads a message from its first octet.
    pub(super) fn scan(message: impl Read) -> io::Result<Part> {
        let mut scanner = Scanner {
            input: BufReader::with_capacity(64 << 10, message),
            line: Vec::new(),
            start: 0,
            end: 0,
            passed: 0,
            parts: 0,
        };
        scanner.advance()?;
        let (part, _) = scanner.part(&mut Vec::new(), false)?;
        Ok(part)
    }

    /// The type of its content; what is missing or malformed is plain text (RFC 2045, section 5.2).
    pub(super) fn content_type(&self, in_digest: bool) -> ContentType {
        self.header.content_type().unwrap_or_else(|| ContentType::default_in(in_digest))
    }

    /// The part with this number (RFC 9051, section 6.4.5.1); none is the message itself.
    pub(super) fn find(&self, number: &[usize]) -> Option<&Part> {
        let Some((first, rest)) = number.split_first() else { return Some(self) };
        let inner = match &self.content {
            Content::Multipart(parts) => parts.get(first - 1)?,
            // The only part of a message that is not multipart is its body.
            Content::Leaf | Content::Message(_) if *first == 1 && rest.is_empty() => return Some(self),
            Content::Message(message) => return message.within(number),
            Content::Leaf => return None,
        };
        if rest.is_empty() { Some(inner) } else { inner.within(rest) }
    }

    /// Parts of a part: those of the message in it, where it is a message.
    fn within(&self, number: &[usize]) -> Option<&Part> {
        match &self.content {
            Content::Message(message) => message.find(number),
            Content::Multipart(_) => self.find(number),
            Content::Leaf => None,
        }
    }
}

/// What ended a part: a boundary, how far out it belongs and whether it was the last; or the end of the message.
type Ending = Option<(usize, bool)>;

struct Scanner<R> {
    input: BufReader<R>,
    /// The line that is being looked at, its end included, cut off where it is very long.
    line: Vec<u8>,
    start: u64,
    end: u64,
    /// How many lines lie behind.
    passed: u64,
    parts: usize,
}

impl<R: Read> Scanner<R> {
    /// Goes on to the next line.
    fn advance(&mut self) -> io::Result<()> {
        self.passed += u64::from(self.line.last().is_some());
        self.line.clear();
        self.start = self.end;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = memchr::memchr(b'\n', buffer);
            let used = end.map_or(buffer.len(), |end| end + 1);
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&buffer[..used.min(room)]);
            self.input.consume(used);
            self.end += used as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn is_over(&self) -> bool {
        self.start == self.end
    }

    /// Whether the line is one of the boundaries, the innermost first.
    fn boundary(&self, boundaries: &[Vec<u8>]) -> Ending {
        let line = self.line.strip_prefix(b"--")?.trim_ascii_end();
        for (level, boundary) in boundaries.iter().enumerate().rev() {
            match line.strip_prefix(boundary.as_slice()) {
                Some(b"") => return Some((level, false)),
                Some(b"--") => return Some((level, true)),
                _ => {}
            }
        }
        None
    }

    /// Skips lines to a boundary or the end; gives where the text before it ends, and the ending.
    fn skip(&mut self, boundaries: &[Vec<u8>], begin: u64) -> io::Result<(u64, Ending)> {
        let mut line_end = 0;
        while !self.is_over() {
            if let Some(ending) = self.boundary(boundaries) {
                // The line end before a boundary belongs to the boundary (RFC 2046, section 5.1.1).
                return Ok(((self.start - line_end).max(begin), Some(ending)));
            }
            line_end = match self.line.as_slice() {
                [.., b'\r', b'\n'] => 2,
                [.., b'\n'] => 1,
                _ => 0,
            };
            self.advance()?;
        }
        Ok((self.end, None))
    }

    fn part(&mut self, boundaries: &mut Vec<Vec<u8>>, in_digest: bool) -> io::Result<(Part, Ending)> {
        self.parts += 1;
        let header_start = self.start;
        let mut raw = Vec::new();
        while !self.is_over() && self.boundary(boundaries).is_none() {
            let blank = matches!(self.line.as_slice(), b"\r\n" | b"\n");
            if raw.len() + self.line.len() <= MAX_HEADER {
                raw.extend_from_slice(&self.line);
            }
            self.advance()?;
            if blank {
                break;
            }
        }
        let (begin, passed) = (self.start, self.passed);
        let header = Header::parse(&raw);
        let kind = header.content_type().unwrap_or_else(|| ContentType::default_in(in_digest));
        let deeper = boundaries.len() < MAX_DEPTH && self.parts < MAX_PARTS;
        let (content, end, ending) = match kind.boundary() {
            Some(boundary) if deeper => self.multipart(boundaries, boundary, begin, kind.is("multipart", "digest"))?,
            _ if deeper && kind.is("message", "rfc822") => self.message(boundaries, begin)?,
            _ => {
                let (end, ending) = self.skip(boundaries, begin)?;
                (Content::Leaf, end, ending)
            }
        };
        let lines = (self.passed - passed).saturating_sub(u64::from(end < self.start));
        Ok((Part { header, header_at: header_start..begin, body_at: begin..end, lines, content }, ending))
    }

    fn multipart(
        &mut self,
        boundaries: &mut Vec<Vec<u8>>,
        boundary: Vec<u8>,
        begin: u64,
        digest: bool,
    ) -> io::Result<(Content, u64, Ending)> {
        let level = boundaries.len();
        boundaries.push(boundary);
        let mut parts = Vec::new();
        let (mut end, mut ending) = self.skip(boundaries, begin)?;
        while let Some((at, false)) = ending
            && at == level
            && self.parts < MAX_PARTS
        {
            self.advance()?;
            let (part, ended) = self.part(boundaries, digest)?;
            end = part.body_at.end;
            parts.push(part);
            ending = ended;
        }
        boundaries.pop();
        if ending.is_some_and(|(at, _)| at == level) {
            // The closing boundary and what follows it still belong to this body.
            (end, ending) = self.skip(boundaries, begin)?;
        }
        let content = if parts.is_empty() { Content::Leaf } else { Content::Multipart(parts) };
        Ok((content, end, ending))
    }

    /// A message within a part; it counts as a level, so that messages in messages come to an end too.
    fn message(&mut self, boundaries: &mut Vec<Vec<u8>>, begin: u64) -> io::Result<(Content, u64, Ending)> {
        let level = boundaries.len();
        // No line equals a boundary with a line end in it.
        boundaries.push(b"\n".to_vec());
        let (message, ending) = self.part(boundaries, false)?;
        boundaries.truncate(level);
        let end = message.body_at.end.max(begin);
        Ok((Content::Message(Box::new(message)), end, ending))
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::structure::{Content, Part};

    const MIXED: &str = "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\none\r\n\r\n--b \r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
        --c\r\n\r\nx\r\n--c\r\nContent-Type: text/html\r\n\r\ny\r\n--c--\r\n\r\n--b--\r\nepilogue\r\n";

    fn text(part: &Part) -> &'static str {
        &MIXED[part.body_at.start as usize..part.body_at.end as usize]
    }

    #[test]
    fn parts_are_found_by_number() {
        let message = Part::scan(MIXED.as_bytes()).unwrap();
        assert_eq!(text(message.find(&[1]).unwrap()), "one\r\n");
        assert_eq!(message.find(&[1]).unwrap().lines, 1);
        assert!(text(message.find(&[2]).unwrap()).starts_with("Subject: in\r\n"));
        assert_eq!(text(message.find(&[2, 1]).unwrap()), "x");
        assert_eq!(text(message.find(&[2, 2]).unwrap()), "y");
        assert!(text(&message).starts_with("preamble") && text(&message).ends_with("epilogue\r\n"));
        for none in [&[3][..], &[1, 1], &[2, 3], &[2, 1, 1]] {
            assert!(message.find(none).is_none(), "{none:?}");
        }
    }

    #[test]
    fn the_body_of_a_simple_message_is_its_part_one() {
        let message = Part::scan(&b"A: b\r\n\r\ntext\r\n"[..]).unwrap();
        assert_eq!(message.find(&[1]).unwrap().body_at, 8..14);
        assert!(message.find(&[2]).is_none() && message.find(&[1, 1]).is_none());
        let empty = Part::scan(&b""[..]).unwrap();
        assert_eq!((empty.header_at, empty.body_at), (0..0, 0..0));
    }

    #[test]
    fn endless_nesting_ends() {
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        assert!(matches!(Part::scan(deep.as_bytes()).unwrap().content, Content::Message(_)));
        let wide = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(5000));
        let Content::Multipart(parts) = Part::scan(wide.as_bytes()).unwrap().content else { panic!("it is multipart") };
        assert!(parts.len() < 1001);
        let nested: String =
            (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
        assert!(Part::scan(nested.as_bytes()).is_ok());
    }
}
