//! The message itself, in a file of its own: sealed in pieces of 64 KiB under a key that only this file has.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::fs::Staged;
use crate::hex::Hex;
use crate::secret::{SEAL_OVERHEAD, SealingKey};

use super::OutboxError;

const MARK: &[u8; 16] = b"mss-sealed/1\n\0\0\0";
const PIECE: usize = 64 * 1024;
/// What is authenticated with a piece: whether others follow.
const MORE: &[u8] = b"more";
const LAST: &[u8] = b"last";

/// The key of one file.
pub(super) fn file_key(key: &SealingKey, name: &str) -> SealingKey {
    key.derive(b"outbox file").derive(name.as_bytes())
}

/// A name that says nothing.
pub(super) fn random_name() -> String {
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    Hex(&random).to_string()
}

/// Seals a message into a new file, synced under its name; its size is returned.
pub(super) fn write(dir: &Path, name: &str, key: &SealingKey, message: &mut dyn Read) -> Result<u64, OutboxError> {
    let mut staged = Staged::new(dir)?;
    let size = seal(key, message, &mut staged)?;
    staged.publish_new(&dir.join(name))?;
    Ok(size)
}

fn seal(key: &SealingKey, message: &mut dyn Read, out: &mut dyn Write) -> Result<u64, OutboxError> {
    out.write_all(MARK).map_err(OutboxError::io("written to the outbox"))?;
    let (mut size, mut number) = (0, 0);
    let mut piece = read_piece(message, PIECE).map_err(OutboxError::io("read"))?;
    loop {
        let next = match piece.len() {
            PIECE => read_piece(message, PIECE).map_err(OutboxError::io("read"))?,
            _ => Vec::new(),
        };
        let place = if next.is_empty() { LAST } else { MORE };
        let sealed = key.seal(number, place, &piece);
        out.write_all(&sealed).map_err(OutboxError::io("written to the outbox"))?;
        size += piece.len() as u64;
        number += 1;
        if next.is_empty() {
            return Ok(size);
        }
        piece = next;
    }
}

fn read_piece(source: &mut dyn Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(limit);
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
    pub(super) fn open(dir: &Path, name: &str, key: SealingKey, size: u64) -> Result<Content, OutboxError> {
        let mut file = File::open(dir.join(name)).map_err(OutboxError::io("read from the outbox"))?;
        let length = file.metadata().map_err(OutboxError::io("read from the outbox"))?.len();
        let mut mark = [0; MARK.len()];
        let marked = file.read_exact(&mut mark).is_ok() && mark == *MARK;
        let pieces = size.div_ceil(PIECE as u64).max(1);
        if !marked || length != MARK.len() as u64 + size + pieces * SEAL_OVERHEAD as u64 {
            return Err(OutboxError::Io { deed: "read from the outbox", source: changed() });
        }
        let left = length - MARK.len() as u64;
        Ok(Content { file, key, number: 0, left, piece: Vec::new(), at: 0, size })
    }

    /// Octets of the message.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let length = self.left.min((PIECE + SEAL_OVERHEAD) as u64);
        let mut sealed = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact(&mut sealed)?;
        self.left -= length;
        let place = if self.left == 0 { LAST } else { MORE };
        self.piece = self.key.open(self.number, place, &sealed).map_err(|_| changed())?;
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
    use crate::fs;
    use crate::secret::Secret;

    fn key() -> SealingKey {
        file_key(&SealingKey::new(Secret::new([3; 32])), "name")
    }

    fn read(dir: &Path, size: u64) -> Result<Vec<u8>, String> {
        let mut content = Content::open(dir, "name", key(), size).map_err(|error| error.to_string())?;
        let mut read = Vec::new();
        content.read_to_end(&mut read).map_err(|error| error.to_string())?;
        Ok(read)
    }

    #[test]
    fn a_message_of_any_size_reads_back() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let dir = tempfile::tempdir().unwrap();
            let message: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
            assert_eq!(write(dir.path(), "name", &key(), &mut message.as_slice()).unwrap(), size as u64);
            assert_eq!(read(dir.path(), size as u64).unwrap(), message);
            assert!(read(dir.path(), size as u64 + 1).is_err());
        }
    }

    #[test]
    fn a_changed_cut_lengthened_or_rearranged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let message = vec![b'x'; 2 * PIECE];
        write(dir.path(), "name", &key(), &mut message.as_slice()).unwrap();
        let path = dir.path().join("name");
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
            [whole.as_slice(), b"x"].concat(),
            swapped,
        ];
        for bytes in bad {
            fs::write_private(&path, &bytes).unwrap();
            assert!(read(dir.path(), 2 * PIECE as u64).is_err());
            assert!(read(dir.path(), PIECE as u64).is_err());
        }
    }

    #[test]
    fn the_first_piece_is_not_mistaken_for_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "name", &key(), &mut vec![b'x'; PIECE + 1].as_slice()).unwrap();
        let path = dir.path().join("name");
        let whole = std::fs::read(&path).unwrap();
        fs::write_private(&path, &whole[..MARK.len() + PIECE + SEAL_OVERHEAD]).unwrap();
        assert!(read(dir.path(), PIECE as u64).is_err());
    }
}
