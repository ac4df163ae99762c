//! Octets on their way through: in memory while they are few, in a private file once they are many.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{FsError, Staged};

/// What is kept in memory, in octets: most messages of one or two pages.
const IN_MEMORY: usize = 256 * 1024;

/// Written once, then read from its first octet. A file is removed on drop.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    memory: Vec<u8>,
    /// Where the next octet is read, while they are in memory.
    position: u64,
    file: Option<Staged>,
    size: u64,
    /// Octets that stay in memory.
    most: usize,
}

impl Spool {
    /// An empty one; a file, if it comes to that, is made in this folder.
    pub fn new(dir: &Path) -> Spool {
        Spool { dir: dir.to_owned(), memory: Vec::new(), position: 0, file: None, size: 0, most: IN_MEMORY }
    }

    /// An empty one for about so many octets; with `roomy`, few of them stay in memory, and else none.
    pub fn sized(dir: &Path, size: u64, roomy: bool) -> Spool {
        let most = if roomy { IN_MEMORY } else { 0 };
        let memory = usize::try_from(size).ok().filter(|size| *size <= most).map(Vec::with_capacity);
        Spool { memory: memory.unwrap_or_default(), most, ..Spool::new(dir) }
    }

    /// Octets in memory.
    pub fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// How many octets were written.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All of it, from the first octet on.
    pub fn reader(&mut self) -> io::Result<Box<dyn Read + '_>> {
        match &mut self.file {
            Some(file) => {
                let file = file.file();
                file.seek(SeekFrom::Start(0))?;
                Ok(Box::new(file))
            }
            None => Ok(Box::new(self.memory.as_slice())),
        }
    }

    /// Goes on in a file, with what is in memory first.
    fn spill(&mut self) -> io::Result<&mut Staged> {
        if self.file.is_none() {
            let mut file = Staged::new(&self.dir).map_err(io_error)?;
            file.write_all(&self.memory)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        Ok(self.file.as_mut().expect("it was made above"))
    }
}

/// The system's refusal, as whoever writes knows it.
fn io_error(error: FsError) -> io::Error {
    match error {
        FsError::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}

/// A file that is written to its end.
impl TryFrom<Staged> for Spool {
    type Error = io::Error;

    fn try_from(mut file: Staged) -> io::Result<Spool> {
        let size = file.file().stream_position()?;
        Ok(Spool { file: Some(file), size, ..Spool::new(Path::new("")) })
    }
}

/// What was written, wherever it is.
impl Read for Spool {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.file().read(buffer),
            None => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX).min(self.memory.len());
                let count = (&self.memory[start..]).read(buffer)?;
                self.position += count as u64;
                Ok(count)
            }
        }
    }
}

/// Moves where is read; nothing is written after that.
impl Seek for Spool {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.file {
            Some(file) => file.file().seek(to),
            None => {
                let mut cursor = io::Cursor::new(&self.memory);
                cursor.set_position(self.position);
                self.position = cursor.seek(to)?;
                Ok(self.position)
            }
        }
    }
}

impl Write for Spool {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = if self.file.is_none() && self.memory.len() + octets.len() <= self.most {
            self.memory.extend_from_slice(octets);
            octets.len()
        } else {
            self.spill()?.write(octets)?
        };
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_octets_make_no_file_and_many_are_the_same() {
        for (size, files) in [(0, 0), (1, 0), (IN_MEMORY, 0), (IN_MEMORY + 1, 1), (3 * IN_MEMORY, 1)] {
            let dir = tempfile::tempdir().unwrap();
            let octets: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
            let mut spool = Spool::new(dir.path());
            octets.chunks(10_000).try_for_each(|piece| spool.write_all(piece)).unwrap();
            assert_eq!(dir.path().read_dir().unwrap().count(), files, "{size}");
            assert_eq!(spool.size(), size as u64);
            for _ in 0..2 {
                let mut read = Vec::new();
                spool.reader().unwrap().read_to_end(&mut read).unwrap();
                assert_eq!(read, octets);
                read.clear();
                assert_eq!(spool.seek(SeekFrom::End(0)).unwrap(), size as u64);
                spool.seek(SeekFrom::Start(size as u64 / 2)).unwrap();
                spool.read_to_end(&mut read).unwrap();
                assert_eq!(read, octets[size / 2..]);
            }
            drop(spool);
            assert_eq!(dir.path().read_dir().unwrap().count(), 0);
        }
    }
}
