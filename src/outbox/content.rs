//! The message itself, in a file it may share: sealed in pieces of 64 KiB under a key that only it has.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::fs;
use crate::hex::Hex;
use crate::secret::{SEAL_OVERHEAD, SealingKey};

use super::OutboxError;

const MARK: &[u8; 16] = b"mss-sealed/1\n\0\0\0";
const PIECE: usize = 64 * 1024;
/// What is authenticated with a piece: whether others follow.
const MORE: &[u8] = b"more";
const LAST: &[u8] = b"last";

/// A name that says nothing.
pub(super) fn random_name() -> String {
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    Hex(&random).to_string()
}

/// How many octets a message of this size takes in its file.
pub(super) fn sealed_size(size: u64) -> u64 {
    let pieces = size.div_ceil(PIECE as u64).max(1);
    MARK.len() as u64 + size + pieces * SEAL_OVERHEAD as u64
}

/// Seals a message behind what a file already holds; its own size is returned.
pub(super) fn seal(key: &SealingKey, message: &mut dyn Read, out: &mut dyn Write) -> Result<u64, OutboxError> {
    out.write_all(MARK).map_err(OutboxError::io("written to the outbox"))?;
    let (mut size, mut number) = (0, 0);
    let mut piece = read_piece(message, PIECE).map_err(OutboxError::io("read"))?;
    loop {
        let next = match piece.len() {
            PIECE => read_piece(message, PIECE).map_err(OutboxError::io("read"))?,
            _ => Vec::new(),
        };
        let place = if next.is_empty() { LAST } else { MORE };
        size += piece.len() as u64;
        key.seal_in_place(number, place, &mut piece);
        out.write_all(&piece).map_err(OutboxError::io("written to the outbox"))?;
        number += 1;
        if next.is_empty() {
            return Ok(size);
        }
        piece = next;
    }
}

fn read_piece(source: &mut dyn Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(limit + SEAL_OVERHEAD);
    source.take(limit as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

/// A message read back: no octet is handed out before the piece it stands in was verified, and the end is an end only
/// where the message had its own.
#[derive(Debug)]
pub struct Content {
    file: File,
    key: SealingKey,
    number: u64,
    left: u64,
    piece: Vec<u8>,
    at: usize,
    size: u64,
}

impl Content {
    /// Opens a message that begins somewhere in a file.
    pub(super) fn open(path: &Path, start: u64, key: SealingKey, size: u64) -> Result<Content, OutboxError> {
        let read = OutboxError::io("read from the outbox");
        let mut file = fs::open(path)?;
        let (mut mark, mut length) = ([0; MARK.len()], 0);
        let marked = file.seek(SeekFrom::Start(start)).and_then(|_| {
            length = file.metadata()?.len();
            file.read_exact(&mut mark)
        });
        let end = start.checked_add(sealed_size(size));
        if marked.is_err() || mark != *MARK || end.is_none_or(|end| end > length) {
            return Err(read(changed()));
        }
        let left = sealed_size(size) - MARK.len() as u64;
        Ok(Content { file, key, number: 0, left, piece: Vec::new(), at: 0, size })
    }

    /// Octets of the message.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let length = self.left.min((PIECE + SEAL_OVERHEAD) as u64);
        self.piece.clear();
        if (&self.file).take(length).read_to_end(&mut self.piece)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= length;
        let place = if self.left == 0 { LAST } else { MORE };
        self.key.open_in_place(self.number, place, &mut self.piece).map_err(|_| changed())?;
        self.number += 1;
        self.at = 0;
        Ok(())
    }
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was changed since it was queued")
}

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && self.left > 0 {
            self.next_piece()?;
        }
        let count = out.len().min(self.piece.len() - self.at);
        out[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn key(start: u64) -> SealingKey {
        SealingKey::new(Secret::new([3; 32])).derive(&start.to_be_bytes())
    }

    fn read(path: &Path, start: u64, size: u64) -> Result<Vec<u8>, String> {
        let mut content = Content::open(path, start, key(start), size).map_err(|error| error.to_string())?;
        let mut read = Vec::new();
        content.read_to_end(&mut read).map_err(|error| error.to_string())?;
        Ok(read)
    }

    /// A file that holds messages one behind the other, and where each begins.
    fn file(dir: &Path, messages: &[&[u8]]) -> (std::path::PathBuf, Vec<u64>) {
        let (mut octets, mut starts) = (Vec::new(), Vec::new());
        for mut message in messages.iter().copied() {
            let start = octets.len() as u64;
            assert_eq!(seal(&key(start), &mut message, &mut octets).unwrap(), messages[starts.len()].len() as u64);
            starts.push(start);
        }
        let path = dir.join("file");
        fs::write_private(&path, &octets).unwrap();
        (path, starts)
    }

    #[test]
    fn messages_of_any_size_read_back_from_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE];
        let all: Vec<Vec<u8>> =
            sizes.iter().map(|size| (0..*size).map(|place| (place % 251) as u8).collect()).collect();
        let (path, starts) = file(dir.path(), &all.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (message, start) in all.iter().zip(&starts) {
            assert_eq!(read(&path, *start, message.len() as u64).unwrap(), *message);
            assert!(read(&path, *start, message.len() as u64 + 1).is_err());
            assert!(read(&path, start + 1, message.len() as u64).is_err());
        }
        assert!(read(&path, starts[1], sizes[2] as u64).is_err(), "not the size of its neighbour");
        assert!(read(&path, u64::MAX - 1, 1).is_err());
    }

    #[test]
    fn a_changed_cut_or_rearranged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = file(dir.path(), &[&vec![b'x'; 2 * PIECE]]);
        let whole = std::fs::read(&path).unwrap();
        let sealed = PIECE + SEAL_OVERHEAD;
        let (mark, pieces) = whole.split_at(MARK.len());
        let swapped = [mark, &pieces[sealed..], &pieces[..sealed]].concat();
        let flipped = |octet: usize| {
            let mut bytes = whole.clone();
            bytes[octet] ^= 1;
            bytes
        };
        let bad = [
            flipped(0),
            flipped(MARK.len()),
            flipped(whole.len() - 1),
            flipped(MARK.len() + sealed),
            whole[..MARK.len() + sealed].to_vec(),
            swapped,
        ];
        for bytes in bad {
            fs::write_private(&path, &bytes).unwrap();
            assert!(read(&path, 0, 2 * PIECE as u64).is_err());
            assert!(read(&path, 0, PIECE as u64).is_err());
        }
    }

    #[test]
    fn the_first_piece_is_not_mistaken_for_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = file(dir.path(), &[&vec![b'x'; PIECE + 1]]);
        let whole = std::fs::read(&path).unwrap();
        fs::write_private(&path, &whole[..MARK.len() + PIECE + SEAL_OVERHEAD]).unwrap();
        assert!(read(&path, 0, PIECE as u64).is_err());
    }
}
