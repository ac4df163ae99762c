//! A MIME entity as places in a stream (RFC 2045, 2046): scanned once, line by line, its bodies never in memory.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use super::header::{Header, MAX_HEADER, MediaType};
use super::transfer::{Strictness, TransferEncoding};

/// Entities inside entities.
const MAX_DEPTH: usize = 20;
/// Entities in a message.
const MAX_PARTS: usize = 1000;
/// Octets of all headers together.
const MAX_HEADERS: usize = 4 * 1024 * 1024;
/// RFC 2046, section 5.1.1, allows 70 characters; some writers take more.
const MAX_BOUNDARY: usize = 200;

/// Why an entity could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EntityError {
    /// More headers, parts or levels than any message needs.
    #[error("the message has {0}")]
    TooMuch(&'static str),
    /// A body that its own transfer encoding cannot be undone from.
    #[error("a part of the message is not encoded as it says")]
    Encoding,
    /// The stream cannot be read, or the output not written.
    #[error("the message cannot be read")]
    Io(#[from] io::Error),
}

/// One entity: where it stands, what it says of itself, what it holds.
#[derive(Clone, Debug)]
pub struct Entity {
    range: Range<u64>,
    body: Range<u64>,
    header: Header,
    media_type: MediaType,
    encoding: TransferEncoding,
    parts: Vec<Entity>,
    closed: bool,
}

impl Entity {
    /// Scans what stands in a range of a stream.
    pub fn scan<R: Read + Seek + ?Sized>(reader: &mut R, range: Range<u64>) -> Result<Entity, EntityError> {
        reader.seek(SeekFrom::Start(range.start))?;
        let input = reader.take(range.end.saturating_sub(range.start));
        let lines = Lines { input: BufReader::with_capacity(64 * 1024, input), at: range.start, line: Vec::new() };
        let mut scanner = Scanner {
            lines,
            boundaries: Vec::new(),
            parts: 0,
            headers: 0,
            line_end: range.start,
            delimiter_end: range.start,
        };
        Ok(scanner.entity(0)?.0)
    }

    /// Scans a whole stream.
    pub fn scan_all<R: Read + Seek + ?Sized>(reader: &mut R) -> Result<Entity, EntityError> {
        let end = reader.seek(SeekFrom::End(0))?;
        Entity::scan(reader, 0..end)
    }

    /// Where it stands, header and body: what a signature covers.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Where its body stands, still encoded.
    pub fn body(&self) -> Range<u64> {
        self.body.clone()
    }

    /// Its fields.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it says it is.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The entities in it: those of a multipart, or the message in a `message/rfc822`.
    pub fn parts(&self) -> &[Entity] {
        &self.parts
    }

    /// Whether a multipart ended with its closing boundary. One that did not may have been cut.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The name suggested for it, as the sender wrote it: anything at all.
    pub fn suggested_name(&self) -> Option<String> {
        let disposition = self.header.disposition();
        let named = disposition.as_ref().and_then(|it| it.parameter("filename"));
        named.or_else(|| self.media_type.parameter("name")).map(str::to_owned).filter(|name| !name.is_empty())
    }

    /// The octets of the body, its transfer encoding undone; `InvalidData` where that cannot be done.
    pub fn decoded<'a, R: Read + Seek + ?Sized>(
        &self,
        reader: &'a mut R,
        strictness: Strictness,
    ) -> io::Result<Box<dyn Read + 'a>> {
        Ok(self.encoding.decoded(strictness, section(reader, self.body.clone())?))
    }

    /// Writes the decoded body; gives the number of octets.
    pub fn decode_to<R: Read + Seek + ?Sized>(&self, reader: &mut R, out: &mut dyn Write) -> Result<u64, EntityError> {
        io::copy(&mut self.decoded(reader, Strictness::Lenient)?, out).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => EntityError::Encoding,
            _ => EntityError::Io(error),
        })
    }
}

/// A buffered reader over one range of a stream.
pub fn section<R: Read + Seek + ?Sized>(reader: &mut R, range: Range<u64>) -> io::Result<BufReader<io::Take<&mut R>>> {
    reader.seek(SeekFrom::Start(range.start))?;
    Ok(BufReader::with_capacity(64 * 1024, reader.take(range.end.saturating_sub(range.start))))
}

/// Lines with their places. Only what a delimiter or a header needs of a line is kept.
struct Lines<R> {
    input: R,
    at: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Moves to the next line and keeps its first octets, at most `keep`, without its line end. Gives where its text ends,
    /// or `None` after the last line.
    fn next(&mut self, keep: usize) -> io::Result<Option<u64>> {
        self.line.clear();
        let start = self.at;
        let mut last = 0;
        loop {
            let block = self.input.fill_buf()?;
            if block.is_empty() {
                return Ok((self.at > start).then_some(self.at));
            }
            let newline = memchr::memchr(b'\n', block);
            let text = &block[..newline.unwrap_or(block.len())];
            let room = keep.saturating_sub(self.line.len()).min(text.len());
            self.line.extend_from_slice(&text[..room]);
            last = text.last().copied().unwrap_or(last);
            let used = newline.map_or(text.len(), |newline| newline + 1);
            self.input.consume(used);
            self.at += used as u64;
            if newline.is_some() {
                let carriage = u64::from(last == b'\r');
                if carriage == 1 && self.line.len() as u64 == self.at - 1 - start {
                    self.line.pop();
                }
                return Ok(Some(self.at - 1 - carriage));
            }
        }
    }
}

/// How a scan of an entity ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// At a delimiter of the multipart at this level; the closing one or not.
    Delimiter { level: usize, closing: bool },
    /// At the end of the stream.
    End,
}

struct Scanner<R> {
    lines: Lines<R>,
    /// The boundaries of the multiparts that are open, outermost first.
    boundaries: Vec<Vec<u8>>,
    parts: usize,
    headers: usize,
    /// Where the text of the last body line ended: the line break before a delimiter belongs to the delimiter.
    line_end: u64,
    /// Where the last delimiter line ended. A closing one is content of the multipart around it.
    delimiter_end: u64,
}

impl<R: BufRead> Scanner<R> {
    fn entity(&mut self, depth: usize) -> Result<(Entity, Ending), EntityError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(EntityError::TooMuch("too many parts"));
        }
        if depth > MAX_DEPTH {
            return Err(EntityError::TooMuch("too many parts inside parts"));
        }
        let start = self.lines.at;
        let (header, cut) = self.header()?;
        let media_type = header.content_type();
        let encoding = header.transfer_encoding();
        let body = self.lines.at;
        let mut entity = Entity {
            range: start..body,
            body: body..body,
            header,
            media_type,
            encoding,
            parts: Vec::new(),
            closed: true,
        };
        if let Some(ending) = cut {
            entity.range.end = self.line_end.max(start);
            entity.body = entity.range.end..entity.range.end;
            return Ok((entity, ending));
        }
        self.line_end = body;
        let ending = self.body(&mut entity, depth)?;
        let end = if ending == Ending::End { self.lines.at } else { self.line_end.max(body) };
        entity.range.end = end;
        entity.body.end = end;
        Ok((entity, ending))
    }

    /// Reads header lines up to the empty one; a delimiter before it ends the entity.
    fn header(&mut self) -> Result<(Header, Option<Ending>), EntityError> {
        let mut octets = Vec::new();
        self.line_end = self.lines.at;
        loop {
            let Some(line_end) = self.lines.next(MAX_HEADER + 1)? else {
                self.line_end = self.lines.at;
                return Ok((Header::parse(&octets), Some(Ending::End)));
            };
            if let Some(ending) = self.delimiter(line_end) {
                return Ok((Header::parse(&octets), Some(ending)));
            }
            self.line_end = line_end;
            if self.lines.line.is_empty() {
                return Ok((Header::parse(&octets), None));
            }
            self.headers += self.lines.line.len() + 1;
            octets.extend_from_slice(&self.lines.line);
            octets.push(b'\n');
            if octets.len() > MAX_HEADER || self.headers > MAX_HEADERS {
                return Err(EntityError::TooMuch("too long a header"));
            }
        }
    }

    fn body(&mut self, entity: &mut Entity, depth: usize) -> Result<Ending, EntityError> {
        let identity = entity.encoding == TransferEncoding::Identity;
        if entity.media_type.is_multipart() {
            let boundary = entity.media_type.parameter("boundary").unwrap_or_default().as_bytes().to_vec();
            if !boundary.is_empty() && boundary.len() <= MAX_BOUNDARY {
                return self.multipart(entity, boundary, depth);
            }
        } else if entity.media_type.essence() == "message/rfc822" && identity {
            let (message, ending) = self.entity(depth + 1)?;
            entity.parts.push(message);
            return Ok(ending);
        }
        self.skip()
    }

    fn multipart(&mut self, entity: &mut Entity, boundary: Vec<u8>, depth: usize) -> Result<Ending, EntityError> {
        let own = self.boundaries.len();
        self.boundaries.push(boundary);
        let mut ending = self.skip()?;
        while ending == (Ending::Delimiter { level: own, closing: false }) {
            let (part, next) = self.entity(depth + 1)?;
            entity.parts.push(part);
            ending = next;
        }
        self.boundaries.pop();
        entity.closed = ending == Ending::Delimiter { level: own, closing: true };
        if !entity.closed {
            return Ok(ending);
        }
        // The closing delimiter and what follows it belong to the body of the whole.
        self.line_end = self.delimiter_end;
        self.skip()
    }

    /// Passes over lines up to a delimiter.
    fn skip(&mut self) -> Result<Ending, EntityError> {
        let keep = if self.boundaries.is_empty() { 0 } else { MAX_BOUNDARY + 32 };
        loop {
            let Some(line_end) = self.lines.next(keep)? else { return Ok(Ending::End) };
            if let Some(ending) = self.delimiter(line_end) {
                return Ok(ending);
            }
            self.line_end = line_end;
        }
    }

    /// Whether the line is a delimiter of an open multipart (RFC 2046, section 5.1.1); blanks after it are allowed.
    fn delimiter(&mut self, line_end: u64) -> Option<Ending> {
        let rest = self.lines.line.strip_prefix(b"--")?.trim_ascii_end();
        let ending = |(level, boundary): (usize, &Vec<u8>)| match rest.strip_prefix(&boundary[..])? {
            b"" => Some(Ending::Delimiter { level, closing: false }),
            b"--" => Some(Ending::Delimiter { level, closing: true }),
            _ => None,
        };
        let found = self.boundaries.iter().enumerate().rev().find_map(ending)?;
        self.delimiter_end = line_end;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Cursor;

    use proptest::prelude::{any, proptest};

    fn scan(text: &str) -> Entity {
        Entity::scan_all(&mut Cursor::new(text)).unwrap()
    }

    fn at<'a>(text: &'a str, range: &Range<u64>) -> &'a str {
        &text[range.start as usize..range.end as usize]
    }

    const SIGNED: &str = "From: a@x.fr\nContent-Type: multipart/signed; boundary=\"s s\"\n\npreamble\n--s s\n\
        Content-Type: multipart/mixed; boundary=m\n\n--m\n\nfirst\n--m \nContent-Type: application/pdf; name=a.pdf\n\
        Content-Transfer-Encoding: base64\n\nQUI=\n\n--m--\nepilogue\n--s s\nContent-Type: application/pkcs7-signature\n\n\
        c2ln\n--s s--\n";

    #[test]
    fn parts_are_found_at_their_places_with_either_line_end() {
        for text in [SIGNED.to_owned(), SIGNED.replace('\n', "\r\n")] {
            let whole = scan(&text);
            assert_eq!(whole.range(), 0..text.len() as u64);
            assert_eq!((whole.parts().len(), whole.is_closed()), (2, true));
            let content = &whole.parts()[0];
            assert!(at(&text, &content.range()).starts_with("Content-Type: multipart/mixed"));
            assert!(at(&text, &content.range()).ends_with("epilogue"), "the break before the delimiter is not content");
            let [first, pdf] = content.parts() else { panic!("two parts") };
            assert_eq!(at(&text, &first.body()), "first");
            assert_eq!(first.media_type().essence(), "text/plain");
            assert_eq!(pdf.suggested_name().as_deref(), Some("a.pdf"));
            let mut decoded = Vec::new();
            pdf.decode_to(&mut Cursor::new(&text), &mut decoded).unwrap();
            assert_eq!(decoded, b"AB");
        }
    }

    #[test]
    fn the_closing_delimiter_of_an_inner_multipart_is_content_of_it() {
        for end in ["", "\n", "\n\n"] {
            let inner = format!("Content-Type: multipart/mixed; boundary=m\n\n--m\n\nfirst\n--m--{end}");
            let text = format!("Content-Type: multipart/signed; boundary=s\n\n--s\n{inner}\n--s\n\nsignature\n--s--");
            assert_eq!(at(&text, &scan(&text).parts()[0].range()), inner);
        }
    }

    #[test]
    fn a_boundary_that_never_closes_is_noticed() {
        let text = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\ncut";
        let whole = scan(text);
        assert!(!whole.is_closed());
        assert_eq!(at(text, &whole.parts()[0].body()), "cut");
    }

    #[test]
    fn an_outer_delimiter_ends_every_inner_part() {
        let whole = scan(
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n\
             --a\n\ntwo\n--a--\n",
        );
        assert_eq!(whole.parts().len(), 2);
        assert!(!whole.parts()[0].is_closed() && whole.is_closed());
    }

    #[test]
    fn a_wrapped_message_is_a_part() {
        let text = "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext";
        let whole = scan(text);
        assert_eq!(whole.parts()[0].header().text("Subject").unwrap(), "inner");
        assert_eq!(at(text, &whole.parts()[0].body()), "text");
    }

    #[test]
    fn depth_parts_and_headers_are_bounded() {
        let scanned = |text: String| Entity::scan_all(&mut Cursor::new(text));
        let deep: String =
            (0..30).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
        assert!(matches!(scanned(deep), Err(EntityError::TooMuch(_))));
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(2000));
        assert!(matches!(scanned(many), Err(EntityError::TooMuch(_))));
        let long = format!("Subject: {}\n\n", "x".repeat(300_000));
        assert!(matches!(scanned(long), Err(EntityError::TooMuch(_))));
        assert!(scanned(format!("A: b\n\n{}", "x".repeat(300_000))).is_ok());
        assert!(scanned(String::new()).is_ok());
    }

    #[test]
    fn line_breaks_across_the_edge_of_a_buffer_are_seen() {
        for filler in 65_500..65_560 {
            let text =
                format!("Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\n{}\r\n--m--", "x".repeat(filler));
            assert_eq!(scan(&text).parts()[0].body().end, text.len() as u64 - 7);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_octets_are_scanned_without_panic(octets in any::<Vec<u8>>()) {
            let _ = Entity::scan_all(&mut Cursor::new(octets));
        }

        #[test]
        fn arbitrary_structures_stay_within_their_stream(text in "(--[ab](--)?\n|\n|Content-Type: multipart/x; boundary=[ab]\n|\r\n|Content-Type: message/rfc822\n|x){0,40}") {
            fn check(entity: &Entity, outer: &Range<u64>) {
                let (range, body) = (entity.range(), entity.body());
                assert!(outer.start <= range.start && range.start <= body.start && body.start <= body.end, "{entity:?}");
                assert!(body.end <= range.end && range.end <= outer.end, "{entity:?}");
                entity.parts().iter().for_each(|part| check(part, &range));
            }
            if let Ok(entity) = Entity::scan_all(&mut Cursor::new(&text)) {
                check(&entity, &(0..text.len() as u64));
            }
        }
    }
}
