//! A segment: the file of one month, how it is named, and the frame it opens with.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::secret::SealingKey;

use super::TraceError;
use super::frame::{Body, Kind};
use super::tree::Hash;

/// The month of a segment (UTC), and its part where an unfinished append made a new one necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    year: i16,
    month: i8,
    part: u16,
}

impl Name {
    pub(super) fn of(at: Timestamp) -> Name {
        let date = at.to_zoned(TimeZone::UTC).date();
        Name { year: date.year(), month: date.month(), part: 1 }
    }

    /// The next part of the same month.
    pub(super) fn next_part(self) -> Name {
        Name { part: self.part.saturating_add(1), ..self }
    }

    pub(super) fn same_month(self, other: Name) -> bool {
        (self.year, self.month) == (other.year, other.month)
    }

    fn parse(file: &str) -> Option<Name> {
        let stem = file.strip_suffix(".trace")?;
        let (month, part) = stem.split_once('.').map_or((stem, Some(1)), |(month, part)| (month, part.parse().ok()));
        let (year, month) = month.split_once('-')?;
        let name = Name { year: year.parse().ok()?, month: month.parse().ok()?, part: part? };
        (name.to_string() == stem).then_some(name)
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.trace"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)?;
        if self.part > 1 { write!(f, ".{}", self.part) } else { Ok(()) }
    }
}

/// The segments of a folder with their lengths, oldest first.
pub(super) fn list(dir: &Path) -> Result<Vec<(Name, u64)>, TraceError> {
    let mut found = Vec::new();
    for entry in dir.read_dir().map_err(TraceError::io("read", dir))? {
        let entry = entry.map_err(TraceError::io("read", dir))?;
        if let Some(name) = entry.file_name().to_str().and_then(Name::parse) {
            let length = entry.metadata().map_err(TraceError::io("read", dir))?.len();
            found.push((name, length));
        }
    }
    found.sort();
    Ok(found)
}

/// What the opening of a segment says in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Opening {
    format: String,
    segment: String,
    /// Octets of an unfinished append that the segment before ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfinished: Option<u64>,
}

const FORMAT: &str = "mss-trace/1";
const SALT: usize = 16;
const TAG: usize = 16;

/// The opening of a segment and the key of its records.
#[derive(Clone, Debug)]
pub(super) struct Start {
    salt: [u8; SALT],
}

/// Why an opening is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAStart {
    /// It cannot be read, or stands under another name.
    Malformed,
    /// It was changed, or belongs to another profile.
    Changed,
}

impl Start {
    /// Writes the opening of a new segment. A fresh salt gives it a key that sealed nothing before.
    pub(super) fn write(
        key: &SealingKey,
        name: Name,
        unfinished: Option<u64>,
        sequence: u64,
        previous: &Hash,
    ) -> Result<(Start, Body), TraceError> {
        let mut salt = [0; SALT];
        aws_lc_rs::rand::fill(&mut salt).expect("the system gives randomness");
        let opening = Opening { format: FORMAT.to_owned(), segment: name.to_string(), unfinished };
        let clear = serde_json::to_vec(&opening).expect("text and a number are JSON");
        let head = Body::head(Kind::Start, sequence, previous);
        let tag = key.derive(b"segment opening").derive(&salt).seal(sequence, &[&head, clear.as_slice()].concat(), b"");
        let body = Body::new(head, &[&salt, tag.as_slice(), &clear].concat())?;
        Ok((Start { salt }, body))
    }

    /// Reads an opening; with the key, its tag is checked too.
    pub(super) fn read(body: &Body, name: Name, key: Option<&SealingKey>) -> Result<Start, NotAStart> {
        let (salt, rest) = body.payload().split_first_chunk::<SALT>().ok_or(NotAStart::Malformed)?;
        let (tag, clear) = rest.split_first_chunk::<TAG>().ok_or(NotAStart::Malformed)?;
        let opening: Opening = serde_json::from_slice(clear).map_err(|_| NotAStart::Malformed)?;
        if body.kind() != Kind::Start || opening.format != FORMAT || opening.segment != name.to_string() {
            return Err(NotAStart::Malformed);
        }
        if let Some(key) = key {
            let place = [body.head_bytes(), clear].concat();
            let opened = key.derive(b"segment opening").derive(salt).open(body.sequence(), &place, tag);
            opened.map_err(|_| NotAStart::Changed)?;
        }
        Ok(Start { salt: *salt })
    }

    /// How many unfinished octets an opening declares, whoever wrote it.
    pub(super) fn unfinished_in(body: &Body) -> Option<u64> {
        let clear = body.payload().get(SALT + TAG..)?;
        serde_json::from_slice::<Opening>(clear).ok()?.unfinished
    }

    /// The key of the records in this segment.
    pub(super) fn records_key(&self, key: &SealingKey) -> SealingKey {
        key.derive(b"segment records").derive(&self.salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_sort_by_month_and_part() {
        let names: Vec<Name> = ["2026-11.trace", "2026-11.2.trace", "2026-11.10.trace", "2027-01.trace"]
            .map(|file| Name::parse(file).unwrap())
            .to_vec();
        assert!(names.is_sorted());
        assert_eq!(names[1].to_string(), "2026-11.2");
        for other in ["2026-11", "2026-1.trace", "2026-11.1.trace", "lock", "checkpoint", "2026-11.trace.bak"] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
