//! What is kept of the rows that were read, small enough for a million of them: their keys, and what they were.

use aws_lc_rs::digest::{SHA256, digest};
use hashbrown::HashTable;

use super::ManifestError;
use super::fault::Fault;
use super::stamp::short;

/// The keys of a manifest and the rows they stand in: 25 octets each, of the key a digest only.
#[derive(Default)]
pub struct Keys {
    known: Vec<([u8; 16], u32)>,
    places: HashTable<u32>,
}

impl Keys {
    /// Takes down the key of a row; the fault names the earlier row that has the same.
    pub fn add(&mut self, key: &str, row: u64) -> Result<(), Fault> {
        let key = short(digest(&SHA256, key.as_bytes()).as_ref());
        let known = &self.known;
        let same = |place: &u32| known[*place as usize].0 == key;
        if let Some(place) = self.places.find(hash(&key), same) {
            return Err(Fault::DoubledKey { row: known[*place as usize].1.into() });
        }
        let place = u32::try_from(known.len()).expect("a manifest has a million rows at most");
        self.known.push((key, u32::try_from(row).unwrap_or(u32::MAX)));
        let known = &self.known;
        self.places.insert_unique(hash(&key), place, |place| hash(&known[*place as usize].0));
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// A digest is as good a hash as any.
fn hash(digest: &[u8; 16]) -> u64 {
    u64::from_ne_bytes(*digest.first_chunk().expect("16 octets are 8 and more"))
}

/// What a first reading saw, so that a second one notices any change: 16 octets for each row.
#[derive(Default)]
pub struct FirstReading {
    digests: Vec<[u8; 16]>,
}

impl FirstReading {
    /// Takes down the next row: its digest, or the one of [`Files`](super::Files).
    pub fn note(&mut self, digest: [u8; 16]) {
        self.digests.push(digest);
    }

    /// How many rows there were.
    pub fn rows(&self) -> u64 {
        self.digests.len() as u64
    }

    /// Compares a row of the second reading, counted from 1.
    pub fn compare(&self, row: u64, digest: [u8; 16]) -> Result<(), ManifestError> {
        let before = usize::try_from(row.wrapping_sub(1)).ok().and_then(|at| self.digests.get(at));
        match before {
            None => Err(ManifestError::LengthChanged { before: self.rows(), after: row }),
            Some(before) if *before == digest => Ok(()),
            Some(_) => Err(ManifestError::RowChanged { row }),
        }
    }

    /// Compares the number of rows once the second reading is at its end.
    pub fn compare_end(&self, rows: u64) -> Result<(), ManifestError> {
        let before = self.rows();
        if rows == before { Ok(()) } else { Err(ManifestError::LengthChanged { before, after: rows }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_names_the_first_row() {
        let mut keys = Keys::default();
        for row in 1..=5000 {
            keys.add(&format!("key {row}"), row).unwrap();
        }
        assert_eq!(keys.add("key 17", 5001), Err(Fault::DoubledKey { row: 17 }));
        assert_eq!(keys.add("Key 17", 5002), Ok(()), "letter case counts");
        assert_eq!(keys.len(), 5001);
    }

    #[test]
    fn a_second_reading_notices_changed_missing_and_further_rows() {
        let mut first = FirstReading::default();
        first.note([1; 16]);
        first.note([2; 16]);
        first.compare(1, [1; 16]).unwrap();
        assert!(matches!(first.compare(2, [3; 16]), Err(ManifestError::RowChanged { row: 2 })));
        assert!(matches!(first.compare(3, [3; 16]), Err(ManifestError::LengthChanged { before: 2, after: 3 })));
        assert!(matches!(first.compare_end(1), Err(ManifestError::LengthChanged { before: 2, after: 1 })));
        first.compare_end(2).unwrap();
    }
}
