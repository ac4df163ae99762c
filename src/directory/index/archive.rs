//! The one file inside the ZIP of an extraction (APPNOTE 6.3), streamed: nothing but its own head is held, and it is unpacked
//! within bounds.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::IndexError;

/// How every ZIP with a file in it begins.
pub(super) const MARK: &[u8; 4] = b"PK\x03\x04";
/// Octets of the record at the end, without its comment.
const END: usize = 22;
/// Octets of a record of the central directory, without its name.
const CENTRAL: usize = 46;
/// Octets of the head of a file, without its name.
const LOCAL: usize = 30;
/// Files in one archive that are looked at.
const MOST_FILES: u16 = 16;
/// Octets unpacked for each octet packed: an extraction comes to about eight, a bomb to a thousand.
const MOST_RATIO: u64 = 100;

/// What the central directory says of a file.
#[derive(Clone, Debug)]
struct Record {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
    dated: Option<Timestamp>,
}

/// The text inside, as it is unpacked. Its end is an error unless length and checksum are those that were promised.
pub(super) struct Unpacked {
    inner: Packing,
    crc: Crc,
    left: u64,
    expected: u32,
    /// When it was put into the archive, as far as that is told.
    pub(super) dated: Option<Timestamp>,
}

enum Packing {
    Stored(Take<BufReader<File>>),
    Deflated(Box<DeflateDecoder<Take<BufReader<File>>>>),
}

/// Opens the only text in an archive, whose unpacked size may be `limit` octets.
pub(super) fn open(mut file: File, limit: u64) -> Result<Unpacked, IndexError> {
    let length = file.seek(SeekFrom::End(0)).map_err(IndexError::Read)?;
    let record = only_text(&mut file, length)?;
    if record.flags & 0x41 != 0 {
        return Err(IndexError::Archive("it is encrypted"));
    }
    if record.size > limit {
        return Err(IndexError::TooLarge { limit, what: "octets" });
    }
    if record.size / MOST_RATIO > record.packed {
        return Err(IndexError::Archive("it unpacks to more than a hundred times its size"));
    }
    let mut head = [0; LOCAL];
    read_at(&mut file, record.offset, &mut head, length)?;
    let start = record.offset + LOCAL as u64 + u64::from(u16_at(&head, 26)) + u64::from(u16_at(&head, 28));
    if head[..4] != *MARK || start.checked_add(record.packed).is_none_or(|end| end > length) {
        return Err(IndexError::Archive("its file does not stand where its directory says"));
    }
    file.seek(SeekFrom::Start(start)).map_err(IndexError::Read)?;
    let packed = BufReader::with_capacity(64 * 1024, file).take(record.packed);
    let inner = match record.method {
        0 => Packing::Stored(packed),
        8 => Packing::Deflated(Box::new(DeflateDecoder::new(packed))),
        _ => return Err(IndexError::Archive("it is packed in another way than deflate")),
    };
    Ok(Unpacked { inner, crc: Crc::new(), left: record.size, expected: record.crc, dated: record.dated })
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = match &mut self.inner {
            Packing::Stored(inner) => inner.read(buffer)?,
            Packing::Deflated(inner) => inner.read(buffer)?,
        };
        let bad = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        self.crc.update(&buffer[..octets]);
        match self.left.checked_sub(octets as u64) {
            None => return bad("the file in the ZIP is longer than its directory says"),
            Some(left) => self.left = left,
        }
        if octets == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return bad("the file in the ZIP is shorter than its directory says");
            }
            if self.crc.sum() != self.expected {
                return bad("the checksum of the file in the ZIP is wrong");
            }
        }
        Ok(octets)
    }
}

/// The record of the only text in the archive.
fn only_text(file: &mut File, length: u64) -> Result<Record, IndexError> {
    let tail_length = length.min(END as u64 + u64::from(u16::MAX));
    let mut tail = vec![0; usize::try_from(tail_length).unwrap_or(0)];
    read_at(file, length - tail_length, &mut tail, length)?;
    let missing = IndexError::Archive("its end is missing: it was cut short");
    // The comment behind it says how long it is itself: nothing else in the tail passes for the end.
    let is_end = |at: &usize| {
        tail[*at..].starts_with(b"PK\x05\x06") && *at + END + usize::from(u16_at(&tail, *at + 20)) == tail.len()
    };
    let at = (0..=tail.len().checked_sub(END).ok_or(IndexError::Archive("it is too short"))?).rev().find(is_end);
    let end = &tail[at.ok_or(missing)?..];
    let (files, octets, start) = (u16_at(end, 10), u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
    if u16_at(end, 4) != 0 || u16_at(end, 8) != files || files > MOST_FILES {
        return Err(IndexError::Archive("it has several parts or too many files"));
    }
    if octets > u64::from(MOST_FILES) * (CENTRAL as u64 + 4096) {
        return Err(IndexError::Archive("its directory is too long"));
    }
    let mut directory = vec![0; usize::try_from(octets).unwrap_or(0)];
    read_at(file, start, &mut directory, length)?;
    let mut texts = records(&directory, files)?.into_iter().filter(is_text);
    match (texts.next(), texts.next()) {
        (Some(record), None) => Ok(record),
        (None, _) => Err(IndexError::Archive("it has no text in it")),
        (Some(_), Some(_)) => Err(IndexError::Archive("it has several texts in it")),
    }
}

fn records(mut directory: &[u8], files: u16) -> Result<Vec<Record>, IndexError> {
    let broken = || IndexError::Archive("its directory is broken");
    let mut records = Vec::new();
    for _ in 0..files {
        let head = directory.get(..CENTRAL).filter(|head| head.starts_with(b"PK\x01\x02")).ok_or_else(broken)?;
        let name_length = usize::from(u16_at(head, 28));
        let whole = CENTRAL + name_length + usize::from(u16_at(head, 30)) + usize::from(u16_at(head, 32));
        let (packed, size, offset) = (u32_at(head, 20), u32_at(head, 24), u32_at(head, 42));
        if [packed, size, offset].contains(&u32::MAX) {
            return Err(IndexError::TooLarge { limit: u64::from(u32::MAX), what: "octets" });
        }
        records.push(Record {
            name: directory.get(CENTRAL..CENTRAL + name_length).ok_or_else(broken)?.to_vec(),
            flags: u16_at(head, 8),
            method: u16_at(head, 10),
            crc: u32_at(head, 16),
            packed: u64::from(packed),
            size: u64::from(size),
            offset: u64::from(offset),
            dated: moment(u16_at(head, 14), u16_at(head, 12)),
        });
        directory = directory.get(whole..).ok_or_else(broken)?;
    }
    Ok(records)
}

/// A file with an ending of texts; folders and other files are passed over.
fn is_text(record: &Record) -> bool {
    let name = record.name.to_ascii_lowercase();
    name.ends_with(b".txt") || name.ends_with(b".csv")
}

/// The date and time of MS-DOS, taken as UTC: hours do not matter here. 1980-01-01 stands for none.
fn moment(date: u16, time: u16) -> Option<Timestamp> {
    if date <= 0x21 {
        return None;
    }
    let part = |value: u16, shift: u16, mask: u16| i8::try_from((value >> shift) & mask).ok();
    let year = 1980 + i16::try_from(date >> 9).ok()?;
    let (hour, minute) = (part(time, 11, 31)?, part(time, 5, 63)?);
    let civil = DateTime::new(year, part(date, 5, 15)?, part(date, 0, 31)?, hour, minute, 0, 0).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn read_at(file: &mut File, at: u64, buffer: &mut [u8], length: u64) -> Result<(), IndexError> {
    if at.checked_add(buffer.len() as u64).is_none_or(|end| end > length) {
        return Err(IndexError::Archive("it points beyond its own end"));
    }
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(buffer)).map_err(IndexError::Read)
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([octets[at], octets[at + 1]])
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    const TEXT: &[u8] = b"Type de BAL|Adresse BAL\nPER|a@x.test\n";

    fn zipped(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// Unpacks an archive; tells what was in it, or why not.
    fn unpacked(archive: &[u8]) -> Result<Vec<u8>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(archive).unwrap();
        let mut content = Vec::new();
        let mut text = open(file, 1 << 30).map_err(|error| error.to_string())?;
        text.read_to_end(&mut content).map_err(|error| error.to_string())?;
        Ok(content)
    }

    #[test]
    fn the_only_text_is_unpacked_stored_or_deflated() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let archive = zipped(&[("licence.pdf", b"x"), ("Extraction.txt", TEXT)], method);
            assert_eq!(unpacked(&archive).unwrap(), TEXT);
        }
    }

    #[test]
    fn no_text_or_several_are_not_guessed_at() {
        let method = CompressionMethod::Deflated;
        assert!(unpacked(&zipped(&[("a.pdf", TEXT)], method)).unwrap_err().contains("no text"));
        assert!(unpacked(&zipped(&[("a.txt", TEXT), ("b.txt", TEXT)], method)).unwrap_err().contains("several texts"));
        let many: Vec<(String, &[u8])> = (0..17).map(|number| (format!("{number}.txt"), TEXT)).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        assert!(unpacked(&zipped(&many, method)).unwrap_err().contains("too many files"));
    }

    #[test]
    fn an_archive_cut_anywhere_is_refused() {
        let text: Vec<u8> = (0..4000u32).flat_map(|number| format!("{number}|").into_bytes()).collect();
        let archive = zipped(&[("a.txt", &text)], CompressionMethod::Deflated);
        for length in (0..archive.len()).step_by(61).chain([archive.len() - 1]) {
            assert!(unpacked(&archive[..length]).is_err(), "{length} octets");
        }
        assert_eq!(unpacked(&archive).unwrap(), text);
    }

    #[test]
    fn whatever_octet_is_changed_nothing_panics_and_no_other_text_comes_out() {
        let archive = zipped(&[("a.txt", TEXT)], CompressionMethod::Deflated);
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 0x55;
            if let Ok(text) = unpacked(&changed) {
                assert_eq!(text, TEXT, "octet {at}");
            }
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let archive = zipped(&[("a.txt", &vec![b'0'; 4 << 20])], CompressionMethod::Deflated);
        assert!(unpacked(&archive).unwrap_err().contains("a hundred times"));
        // Its directory may lie: what comes out is counted too.
        let mut lying = archive;
        let central = lying.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        lying[central + 24..central + 28].copy_from_slice(&1000u32.to_le_bytes());
        assert!(unpacked(&lying).unwrap_err().contains("longer than"));
    }

    #[test]
    fn the_date_of_a_file_is_read() {
        assert_eq!(moment(0, 0), None);
        assert_eq!(moment(0x21, 0), None);
        assert_eq!(moment(0x5c25, 0x4000).unwrap().to_string(), "2026-01-05T08:00:00Z");
        assert_eq!(moment(u16::MAX, u16::MAX), None);
    }
}
