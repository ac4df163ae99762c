//! One frame of a segment: length, body, length again, so that a segment is read from either end.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::TraceError;
use super::tree::{self, Hash};

/// No body is longer.
pub(super) const LIMIT: usize = 16 * 1024;
/// Kind, sequence number, leaf hash of the body before.
pub(super) const HEAD: usize = 1 + 8 + 32;
const LENGTH: u64 = 4;

/// What a body carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The opening of a segment, in clear.
    Start = 1,
    /// A sealed record.
    Record = 2,
}

/// A body: its fields and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body(Vec<u8>);

impl Body {
    /// The head that is authenticated with a sealed record.
    pub(super) fn head(kind: Kind, sequence: u64, previous: &Hash) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] = kind as u8;
        head[1..9].copy_from_slice(&sequence.to_be_bytes());
        head[9..].copy_from_slice(previous);
        head
    }

    pub(super) fn new(head: [u8; HEAD], payload: &[u8]) -> Result<Body, TraceError> {
        let bytes = [&head, payload].concat();
        if bytes.len() > LIMIT {
            return Err(TraceError::TooLarge { limit: LIMIT });
        }
        Ok(Body(bytes))
    }

    fn read(bytes: Vec<u8>) -> Option<Body> {
        let known = bytes.len() >= HEAD && matches!(bytes[0], 1 | 2);
        known.then_some(Body(bytes))
    }

    pub(super) fn kind(&self) -> Kind {
        if self.0[0] == Kind::Start as u8 { Kind::Start } else { Kind::Record }
    }

    pub(super) fn sequence(&self) -> u64 {
        u64::from_be_bytes(self.0[1..9].try_into().expect("eight octets of a head"))
    }

    pub(super) fn previous(&self) -> Hash {
        self.0[9..HEAD].try_into().expect("32 octets of a head")
    }

    pub(super) fn head_bytes(&self) -> &[u8] {
        &self.0[..HEAD]
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.0[HEAD..]
    }

    pub(super) fn leaf(&self) -> Hash {
        tree::leaf(&self.0)
    }

    /// The frame around it.
    pub(super) fn frame(&self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).expect("a body is below its limit").to_be_bytes();
        [&length, self.0.as_slice(), &length].concat()
    }
}

/// What stands at a place of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read1 {
    /// A whole frame.
    Body(Body),
    /// The end.
    End,
    /// Octets that are not a whole frame; nothing behind them can be read.
    Broken,
}

/// Reads a segment from its start to the length it had when it was looked at.
pub(super) struct Frames {
    reader: io::Take<BufReader<File>>,
    at: u64,
}

impl Frames {
    pub(super) fn open(path: &Path, length: u64) -> Result<Frames, TraceError> {
        let file = File::open(path).map_err(TraceError::io("open", path))?;
        Ok(Frames { reader: BufReader::with_capacity(1 << 16, file).take(length), at: 0 })
    }

    /// Where the next frame begins.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    pub(super) fn next(&mut self, path: &Path) -> Result<Read1, TraceError> {
        let left = self.reader.limit();
        if left == 0 {
            return Ok(Read1::End);
        }
        let mut length = [0; LENGTH as usize];
        if left < LENGTH {
            return Ok(Read1::Broken);
        }
        self.reader.read_exact(&mut length).map_err(TraceError::io("read", path))?;
        let size = u32::from_be_bytes(length);
        if size as usize > LIMIT || left < u64::from(size) + 2 * LENGTH {
            return Ok(Read1::Broken);
        }
        let mut bytes = vec![0; size as usize];
        let mut again = [0; LENGTH as usize];
        self.reader.read_exact(&mut bytes).map_err(TraceError::io("read", path))?;
        self.reader.read_exact(&mut again).map_err(TraceError::io("read", path))?;
        self.at += u64::from(size) + 2 * LENGTH;
        Ok(match Body::read(bytes) {
            Some(body) if again == length => Read1::Body(body),
            _ => Read1::Broken,
        })
    }
}

/// Octets that are read at once on the way backwards.
const WINDOW: u64 = 64 * 1024;

/// Reads a segment backwards, from a place where a whole frame is to end.
pub(super) struct Backwards<'f> {
    file: &'f File,
    end: u64,
    /// The octets before `end` that were read already.
    window: Vec<u8>,
}

impl Backwards<'_> {
    pub(super) fn new(file: &File, end: u64) -> Backwards<'_> {
        Backwards { file, end, window: Vec::new() }
    }

    /// The frame before the one that was read last; nothing where no whole frame ends there.
    pub(super) fn next(&mut self) -> io::Result<Option<Body>> {
        let Some(length) = self.last(LENGTH)? else { return Ok(None) };
        let length: [u8; LENGTH as usize] = length.try_into().expect("as many octets as were asked for");
        let size = u32::from_be_bytes(length);
        if size as usize > LIMIT {
            return Ok(None);
        }
        let whole = u64::from(size) + 2 * LENGTH;
        let Some(frame) = self.last(whole)? else { return Ok(None) };
        let (again, rest) = frame.split_at(LENGTH as usize);
        let body = Body::read(rest[..size as usize].to_vec()).filter(|_| again == length);
        if body.is_some() {
            self.end -= whole;
            self.window.truncate(self.window.len() - whole as usize);
        }
        Ok(body)
    }

    /// So many octets before the end; nothing where the segment has fewer.
    fn last(&mut self, count: u64) -> io::Result<Option<&[u8]>> {
        if self.end < count {
            return Ok(None);
        }
        if (self.window.len() as u64) < count {
            let length = count.max(WINDOW).min(self.end);
            self.window.resize(length as usize, 0);
            self.file.read_exact_at(&mut self.window, self.end - length)?;
        }
        Ok(Some(&self.window[self.window.len() - count as usize..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(sequence: u64) -> Body {
        Body::new(Body::head(Kind::Record, sequence, &[7; 32]), b"sealed").unwrap()
    }

    #[test]
    fn a_segment_reads_the_same_from_both_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        let bytes: Vec<u8> = (0..3).flat_map(|sequence| body(sequence).frame()).collect();
        crate::fs::write_private(&path, &bytes).unwrap();
        let mut frames = Frames::open(&path, bytes.len() as u64).unwrap();
        for sequence in 0..3 {
            assert_eq!(frames.next(&path).unwrap(), Read1::Body(body(sequence)));
        }
        assert_eq!(frames.next(&path).unwrap(), Read1::End);
        let file = File::open(&path).unwrap();
        let mut backwards = Backwards::new(&file, bytes.len() as u64);
        for sequence in (0..3).rev() {
            assert_eq!(backwards.next().unwrap().unwrap(), body(sequence));
        }
        assert_eq!(backwards.next().unwrap(), None);
    }

    #[test]
    fn an_unfinished_frame_is_broken_wherever_it_stops() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        let whole = body(0).frame();
        for length in 1..whole.len() {
            crate::fs::write_private(&path, &whole[..length]).unwrap();
            assert_eq!(Frames::open(&path, length as u64).unwrap().next(&path).unwrap(), Read1::Broken);
            let file = File::open(&path).unwrap();
            assert_eq!(Backwards::new(&file, length as u64).next().unwrap(), None);
        }
    }
}
