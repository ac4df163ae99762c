//! FETCH (RFC 9051, section 6.4.5): messages and their pieces, streamed from their files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use jiff::Timestamp;

use crate::sandbox::faults::Stage;
use crate::sandbox::mailbox::decode::Encoding;
use crate::sandbox::mailbox::describe::{envelope, structure};
use crate::sandbox::mailbox::header::Header;
use crate::sandbox::mailbox::items::{Item, Section, What};
use crate::sandbox::mailbox::selected::of_file;
use crate::sandbox::mailbox::sequence::SequenceSet;
use crate::sandbox::mailbox::structure::{Content, Part};
use crate::sandbox::mailbox::{Done, Outcome, Session, Trouble};
use crate::sandbox::store::{Change, Flags, Message};

/// How much of a header is looked at.
const MAX_HEADER: u64 = 1 << 20;

/// The file of a message and what was found in it so far.
struct Source {
    file: File,
    size: u64,
    /// Where the body begins.
    body: Option<u64>,
    whole: Option<Part>,
}

/// The octets of a section.
enum Piece {
    There(Range<u64>),
    Made(Vec<u8>),
    /// No such part.
    Missing,
}

impl Session<'_> {
    pub(super) fn fetch(&mut self, uid: bool, set: &SequenceSet, items: &[Item]) -> Outcome {
        let Some(selected) = self.selected() else { return Ok(Done::Bad("no folder is selected")) };
        let Some(chosen) = selected.chosen(set, uid) else { return Ok(Done::Bad("no message has this number")) };
        if let Some(done) = self.struck(Stage::Fetch)? {
            return Ok(done);
        }
        let mut items = items.to_vec();
        if uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let mut expunged = false;
        for (number, uid) in chosen {
            expunged |= !self.fetch_one(number, uid, &items)?;
        }
        if expunged {
            return Ok(Done::No("[EXPUNGEISSUED] some of the messages are gone".to_owned()));
        }
        let what = "FETCH completed".to_owned();
        if uid { self.done_with_news(what) } else { Ok(Done::Ok(what)) }
    }

    /// Answers for one message; false if it is gone.
    fn fetch_one(&mut self, number: u32, uid: u32, items: &[Item]) -> Result<bool, Trouble> {
        let Some(selected) = &mut self.selected else { return Ok(true) };
        let needs_file =
            items.iter().any(|item| !matches!(item, Item::Flags | Item::Uid | Item::InternalDate | Item::Size));
        let mut source = None;
        if needs_file {
            let Ok(file) = selected.folder.message(selected.uid_validity, uid) else { return Ok(false) };
            let size = file.metadata().map_err(of_file)?.len();
            source = Some(Source { file, size, body: None, whole: None });
        }
        let seen = selected.message(number).is_some_and(|message| message.flags.has(Flags::SEEN));
        let marks = !seen && !selected.read_only && items.iter().any(Item::marks_seen);
        if marks {
            let flag = Flags::of(Flags::SEEN);
            selected.folder.change_flags(&[uid], Change::Add, &flag)?;
            if let Some(message) = selected.message_mut(number) {
                message.flags = message.flags.changed(Change::Add, &flag);
            }
        }
        let Some(message) = selected.message(number).cloned() else { return Ok(false) };
        let flags = selected.flags(&message, self.rev2);
        self.wire.write_all(format!("* {number} FETCH (").as_bytes())?;
        let mut space = "";
        for item in items {
            self.wire.write_all(space.as_bytes())?;
            space = " ";
            self.fetch_item(item, &message, &flags, source.as_mut())?;
        }
        if marks && !items.contains(&Item::Flags) {
            self.wire.write_all(format!("{space}FLAGS {flags}").as_bytes())?;
        }
        self.wire.write_all(b")\r\n")?;
        Ok(true)
    }

    fn fetch_item(
        &mut self,
        item: &Item,
        message: &Message,
        flags: &str,
        source: Option<&mut Source>,
    ) -> io::Result<()> {
        let mut out = Vec::new();
        match (item, source) {
            (Item::Flags, _) => out.extend_from_slice(format!("FLAGS {flags}").as_bytes()),
            (Item::Uid, _) => out.extend_from_slice(format!("UID {}", message.uid).as_bytes()),
            (Item::Size, _) => out.extend_from_slice(format!("RFC822.SIZE {}", message.size).as_bytes()),
            (Item::InternalDate, _) => {
                let date = Timestamp::from_second(message.date).unwrap_or_default();
                out.extend_from_slice(date.strftime("INTERNALDATE \"%d-%b-%Y %H:%M:%S +0000\"").to_string().as_bytes());
            }
            (Item::Envelope, Some(source)) => {
                out.extend_from_slice(b"ENVELOPE ");
                envelope(&mut out, &source.header()?);
            }
            (Item::Structure { extended }, Some(source)) => {
                out.extend_from_slice(if *extended { b"BODYSTRUCTURE " } else { b"BODY " });
                structure(&mut out, source.whole()?, *extended);
            }
            (Item::Section(section), Some(source)) => return self.send_section(section, source),
            (Item::Binary { part, partial, size_only, .. }, Some(source)) => {
                return self.send_decoded(part, *partial, *size_only, source);
            }
            (_, None) => {}
        }
        self.wire.write_all(&out)
    }

    fn send_section(&mut self, section: &Section, source: &mut Source) -> io::Result<()> {
        let piece = source.piece(section)?;
        let label = match section.partial {
            Some((first, _)) => format!("{}<{first}>", section.label),
            None => section.label.clone(),
        };
        let (first, count) = section.partial.unwrap_or((0, u64::MAX));
        match piece {
            Piece::Missing => self.wire.write_all(format!("{label} NIL").as_bytes()),
            Piece::Made(octets) => {
                let from = usize::try_from(first).unwrap_or(usize::MAX).min(octets.len());
                let length = usize::try_from(count).unwrap_or(usize::MAX).min(octets.len() - from);
                self.wire.write_all(format!("{label} {{{length}}}\r\n").as_bytes())?;
                self.wire.write_all(&octets[from..from + length])
            }
            Piece::There(range) => {
                let from = range.start.saturating_add(first).min(range.end);
                let length = count.min(range.end - from);
                self.wire.write_all(format!("{label} {{{length}}}\r\n").as_bytes())?;
                source.file.seek(SeekFrom::Start(from))?;
                let sent = io::copy(&mut (&source.file).take(length), self.wire)?;
                if sent == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
        }
    }

    fn send_decoded(
        &mut self,
        part: &[usize],
        partial: Option<(u64, u64)>,
        size_only: bool,
        source: &mut Source,
    ) -> io::Result<()> {
        let number: Vec<String> = part.iter().map(usize::to_string).collect();
        let number = number.join(".");
        let found = source.whole()?.find(part);
        // Of a message as a whole, and of a multipart, there is nothing to take off.
        let found = found.map(|found| match (&found.content, part) {
            (_, []) => (0..found.body_at.end, Some(Encoding::Identity)),
            (Content::Multipart(_), _) => (found.body_at.clone(), Some(Encoding::Identity)),
            _ => (found.body_at.clone(), Encoding::of(found.header.get("content-transfer-encoding"))),
        });
        let Some((range, Some(encoding))) = found else {
            let name = if size_only { "BINARY.SIZE" } else { "BINARY" };
            return self.wire.write_all(format!("{name}[{number}] {}", if size_only { "0" } else { "NIL" }).as_bytes());
        };
        let encoded = |file: &File| -> io::Result<_> {
            let mut file = file.try_clone()?;
            file.seek(SeekFrom::Start(range.start))?;
            Ok(file.take(range.end - range.start))
        };
        let size = encoding.decode(encoded(&source.file)?, |_| Ok(()))?;
        if size_only {
            return self.wire.write_all(format!("BINARY.SIZE[{number}] {size}").as_bytes());
        }
        let (first, count) = partial.unwrap_or((0, u64::MAX));
        let mut skip = first.min(size);
        let mut left = count.min(size - skip);
        let origin = partial.map_or(String::new(), |(first, _)| format!("<{first}>"));
        self.wire.write_all(format!("BINARY[{number}]{origin} ~{{{left}}}\r\n").as_bytes())?;
        encoding.decode(encoded(&source.file)?, |piece| {
            let from = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len() - from);
            skip -= from as u64;
            left -= length as u64;
            self.wire.write_all(&piece[from..from + length])
        })?;
        Ok(())
    }
}

impl Source {
    fn start(&mut self) -> io::Result<BufReader<io::Take<&File>>> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::new((&self.file).take(MAX_HEADER)))
    }

    /// Where the body begins: behind the first empty line.
    fn body(&mut self) -> io::Result<u64> {
        if let Some(body) = self.body {
            return Ok(body);
        }
        let size = self.size;
        let mut lines = self.start()?;
        let mut line = Vec::new();
        let mut at = 0u64;
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line)? as u64;
            at += length;
            if length == 0 || line == b"\r\n" || line == b"\n" {
                break;
            }
        }
        self.body = Some(at.min(size));
        Ok(at.min(size))
    }

    fn octets(&mut self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(range.start))?;
        let mut octets = Vec::new();
        (&self.file).take((range.end - range.start).min(MAX_HEADER)).read_to_end(&mut octets)?;
        Ok(octets)
    }

    fn header(&mut self) -> io::Result<Header> {
        let body = self.body()?;
        Ok(Header::parse(&self.octets(0..body)?))
    }

    fn whole(&mut self) -> io::Result<&Part> {
        if self.whole.is_none() {
            self.file.seek(SeekFrom::Start(0))?;
            self.whole = Some(Part::scan(&self.file)?);
        }
        self.whole.as_ref().ok_or_else(|| io::ErrorKind::Other.into())
    }

    fn piece(&mut self, section: &Section) -> io::Result<Piece> {
        let (header, body) = if section.part.is_empty() {
            let body = self.body()?;
            if section.what == What::Everything {
                return Ok(Piece::There(0..self.size));
            }
            (0..body, body..self.size)
        } else {
            let Some(part) = self.whole()?.find(&section.part) else { return Ok(Piece::Missing) };
            match (&section.what, &part.content) {
                (What::Everything, _) => return Ok(Piece::There(part.body_at.clone())),
                (What::Mime, _) => return Ok(Piece::There(part.header_at.clone())),
                (_, Content::Message(message)) => (message.header_at.clone(), message.body_at.clone()),
                _ => return Ok(Piece::Missing),
            }
        };
        Ok(match &section.what {
            What::Header | What::Mime | What::Everything => Piece::There(header),
            What::Text => Piece::There(body),
            What::Fields { names, not } => Piece::Made(pick(&self.octets(header)?, names, *not)),
        })
    }
}

/// The fields of these names, or all others, as they stand, and the empty line.
fn pick(header: &[u8], names: &[String], not: bool) -> Vec<u8> {
    let mut picked = Vec::new();
    let mut wanted = false;
    for line in header.split_inclusive(|octet| *octet == b'\n') {
        if line == b"\r\n" || line == b"\n" {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default().trim_ascii_end();
            wanted = names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) != not;
        }
        if wanted {
            picked.extend_from_slice(line);
        }
    }
    picked.extend_from_slice(b"\r\n");
    picked
}
