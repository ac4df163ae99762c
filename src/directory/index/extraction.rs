//! The rows of an extraction of the directory (`Extraction_Correspondance_MSSante`): columns by name, no quoting, bounded.

use std::borrow::Cow;
use std::io::BufRead;

use memchr::memchr;

use super::IndexError;
use crate::directory::folding::words;
use crate::mail::Address;

/// Octets of one extraction; the national one has 89 million.
pub(super) const MOST_OCTETS: u64 = 1 << 30;
/// Rows of one extraction; the national one has 540,000.
const MOST_ROWS: u64 = 5_000_000;
/// Octets of one row; longer ones are passed over.
const LONGEST_ROW: usize = 16 * 1024;
/// Columns of a header.
const MOST_COLUMNS: usize = 256;

/// What is taken of a row. The order is that of [`COLUMNS`], and of what the index keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Kind,
    Address,
    PersonRegister,
    Person,
    National,
    StructureRegister,
    Structure,
    Service,
    Family,
    Given,
    ProfessionCode,
    Profession,
    SkillCode,
    Skill,
    Company,
    Sign,
    Town,
    PostalCode,
    Department,
}

/// The names of the columns in the header.
pub(super) const COLUMNS: [(Column, &str); 19] = [
    (Column::Kind, "Type de BAL"),
    (Column::Address, "Adresse BAL"),
    (Column::PersonRegister, "Type Identifiant PP"),
    (Column::Person, "Identifiant PP"),
    (Column::National, "Identification nationale PP"),
    (Column::StructureRegister, "Type identifiant structure"),
    (Column::Structure, "Identification Structure"),
    (Column::Service, "Service de rattachement"),
    (Column::Family, "Nom d'exercice"),
    (Column::Given, "Prénom d'exercice"),
    (Column::ProfessionCode, "Code Profession"),
    (Column::Profession, "Libellé Profession"),
    (Column::SkillCode, "Code savoir-faire"),
    (Column::Skill, "Libellé savoir-faire"),
    (Column::Company, "Raison Sociale structure BAL"),
    (Column::Sign, "Enseigne commerciale structure BAL"),
    (Column::Town, "L6LIGNEACHEMINEMENT structure BAL"),
    (Column::PostalCode, "Code postal structure BAL"),
    (Column::Department, "Département structure BAL"),
];

/// One row, as the extraction or the index holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'a>([&'a str; COLUMNS.len()]);

impl<'a> Row<'a> {
    /// A row that the index kept, with what it keeps beside it: the key of the address and the two numbers.
    pub(super) fn kept(text: &'a str, key: &'a str, person: &'a str, structure: &'a str) -> Option<Row<'a>> {
        let mut fields = [""; COLUMNS.len()];
        let mut parts = text.split('|');
        for field in &mut fields {
            *field = parts.next()?;
        }
        fields[Column::Person as usize] = person;
        fields[Column::Structure as usize] = structure;
        if fields[Column::Address as usize].is_empty() {
            fields[Column::Address as usize] = key;
        }
        parts.next().is_none().then_some(Row(fields))
    }

    /// The row as the index keeps it: without what it keeps beside it.
    pub(super) fn write(&self, key: &str, text: &mut String) {
        text.clear();
        for ((column, _), field) in COLUMNS.iter().zip(self.0) {
            if *column != Column::Kind {
                text.push('|');
            }
            let beside = match column {
                Column::Person | Column::Structure => true,
                Column::Address => field == key,
                _ => false,
            };
            if !beside {
                text.push_str(field);
            }
        }
    }

    pub(super) fn get(&self, column: Column) -> &'a str {
        self.0[column as usize]
    }
}

/// Where the columns stand.
pub(super) struct Header {
    /// By place in a line: which field of a row that is.
    places: Vec<Option<usize>>,
}

impl Header {
    /// Reads the first line. Every column that is used must be there: without one, people would seem not to exist.
    pub(super) fn read(line: &[u8]) -> Result<Header, IndexError> {
        let text = decode(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line));
        let known: Vec<Vec<String>> = COLUMNS.iter().map(|(_, name)| words(name)).collect();
        let mut places = Vec::new();
        for name in text.split('|').take(MOST_COLUMNS) {
            let name = words(name);
            let place = known.iter().position(|known| *known == name);
            if let Some(place) = place.filter(|place| places.contains(&Some(*place))) {
                return Err(IndexError::Twice(COLUMNS[place].1));
            }
            places.push(place);
        }
        let lacks = |at: &usize| !places.contains(&Some(*at));
        let missing: Vec<&'static str> = (0..COLUMNS.len()).filter(lacks).map(|at| COLUMNS[at].1).collect();
        if missing.is_empty() { Ok(Header { places }) } else { Err(IndexError::Header { missing }) }
    }

    /// The fields of a line, if it has those of the header; more of them must be empty.
    fn row<'a>(&self, line: &'a str) -> Option<Row<'a>> {
        let mut fields = [""; COLUMNS.len()];
        let mut count = 0;
        let mut rest = Some(line);
        while let Some(text) = rest {
            let (field, after) = match memchr(b'|', text.as_bytes()) {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            };
            match self.places.get(count) {
                Some(Some(at)) => fields[*at] = field.trim(),
                Some(None) => {}
                None if field.trim().is_empty() => {}
                None => return None,
            }
            count += 1;
            rest = after;
        }
        (count >= self.places.len()).then_some(Row(fields))
    }
}

/// How many rows there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Rows that were taken.
    pub(super) good: u64,
    /// Rows that were passed over: too long, too few columns, no address, octets that are no text.
    pub(super) bad: u64,
}

/// Reads an extraction to its end, row by row: each with its address.
pub(super) fn each_row(
    mut reader: impl BufRead,
    mut take: impl FnMut(&Row<'_>, &Address) -> Result<(), IndexError>,
) -> Result<Count, IndexError> {
    let mut line = Vec::new();
    let mut octets = 0;
    read_line(&mut reader, &mut line, &mut octets)?;
    let header = Header::read(&line)?;
    let mut count = Count::default();
    loop {
        let end = read_line(&mut reader, &mut line, &mut octets)?;
        if line.is_empty() && end == LineEnd::Nothing {
            break;
        }
        if line.is_empty() && end == LineEnd::Feed {
            continue;
        }
        let text = decode(&line);
        let row = if end == LineEnd::TooFar || has_controls(&line) { None } else { header.row(&text) };
        if row.is_none() && end == LineEnd::Nothing {
            return Err(IndexError::Truncated);
        }
        match row.and_then(|row| Some((row, row.get(Column::Address).parse::<Address>().ok()?))) {
            Some((row, address)) => {
                take(&row, &address)?;
                count.good += 1;
            }
            None => count.bad += 1,
        }
        if count.good + count.bad > MOST_ROWS {
            return Err(IndexError::TooLarge { limit: MOST_ROWS, what: "rows" });
        }
    }
    if count.good == 0 || count.bad > count.good {
        return Err(IndexError::Unlike { bad: count.bad, rows: count.good + count.bad });
    }
    Ok(count)
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    /// With a line feed, taken off with a carriage return before it.
    Feed,
    /// With the text.
    Nothing,
    /// With a line feed, beyond what a row may have: it was not kept.
    TooFar,
}

/// Reads a line of any length, of which at most [`LONGEST_ROW`] octets are held.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, octets: &mut u64) -> Result<LineEnd, IndexError> {
    line.clear();
    let mut too_far = false;
    loop {
        let available = reader.fill_buf().map_err(IndexError::Read)?;
        if available.is_empty() {
            return Ok(if too_far { LineEnd::TooFar } else { LineEnd::Nothing });
        }
        let feed = memchr(b'\n', available);
        let part = &available[..feed.unwrap_or(available.len())];
        if line.len() + part.len() > LONGEST_ROW {
            too_far = true;
            line.clear();
        }
        if !too_far {
            line.extend_from_slice(part);
        }
        let taken = part.len() + usize::from(feed.is_some());
        reader.consume(taken);
        *octets += taken as u64;
        if *octets > MOST_OCTETS {
            return Err(IndexError::TooLarge { limit: MOST_OCTETS, what: "octets" });
        }
        if feed.is_some() {
            while line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(if too_far { LineEnd::TooFar } else { LineEnd::Feed });
        }
    }
}

fn has_controls(line: &[u8]) -> bool {
    line.iter().any(|octet| (*octet < 0x20 && *octet != b'\t') || *octet == 0x7f)
}

/// UTF-8; what is not is Latin-1, as older extractions are.
fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().map(|octet| char::from(*octet)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = include_bytes!("../../../tests/vectors/extraction.txt");

    /// The rows as the index keeps them, and how many there were.
    fn read(octets: &[u8]) -> Result<(Vec<String>, Count), IndexError> {
        let mut rows = Vec::new();
        let count = each_row(octets, |row, address| {
            let (mut text, key) = (String::new(), address.key());
            row.write(&key, &mut text);
            let kept = Row::kept(&text, &key, row.get(Column::Person), row.get(Column::Structure));
            assert_eq!(kept, Some(*row));
            rows.push(format!("{} {}", address.key(), row.get(Column::Family)));
            Ok(())
        })?;
        Ok((rows, count))
    }

    fn sample() -> String {
        String::from_utf8(SAMPLE.to_vec()).unwrap()
    }

    /// The sample, and one more row.
    fn with_row(row: &[u8]) -> Vec<u8> {
        [SAMPLE, row, b"\n"].concat()
    }

    #[test]
    fn rows_are_read_by_the_names_of_the_columns() {
        let (rows, count) = read(SAMPLE).unwrap();
        assert_eq!((rows.len(), count), (5, Count { good: 5, bad: 0 }));
        assert_eq!(rows[0], "zoe.essai-legrand@medecin.exemple-mss.test ESSAI-LEGRAND");
        // The columns in another order, and one more in front.
        let turned: String = sample().lines().map(|line| format!("{}|x\r\n", turn(line))).collect();
        assert_eq!(read(turned.as_bytes()).unwrap().0, rows);
        let marked = [b"\xef\xbb\xbf", SAMPLE].concat();
        assert_eq!(read(&marked).unwrap().0, rows);
    }

    fn turn(line: &str) -> String {
        line.split('|').take(31).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("|")
    }

    #[test]
    fn latin_1_is_read_as_such() {
        let latin: Vec<u8> = sample().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let mut given = Vec::new();
        each_row(&latin[..], |row, _| {
            given.push(row.get(Column::Given).to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(given[0], "Zoé Anne");
    }

    #[test]
    fn quotes_are_data() {
        let mut services = Vec::new();
        each_row(SAMPLE, |row, _| {
            services.push(row.get(Column::Service).to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(services[3], "Secrétariat \"cardio\"");
    }

    #[test]
    fn a_header_without_a_column_or_with_one_twice_is_refused() {
        let lacking = sample().replacen("Adresse BAL", "Adresse", 1);
        assert!(matches!(read(lacking.as_bytes()), Err(IndexError::Header { missing }) if missing == ["Adresse BAL"]));
        assert!(matches!(read(b""), Err(IndexError::Header { missing }) if missing.len() == COLUMNS.len()));
        let doubled = sample().replacen("Code savoir-faire", "Adresse BAL", 1);
        assert!(matches!(read(doubled.as_bytes()), Err(IndexError::Twice("Adresse BAL"))));
    }

    #[test]
    fn bad_rows_are_counted_and_passed_over() {
        let long = [b"PER|".to_vec(), vec![b'x'; 10 << 20]].concat();
        let nul = sample().lines().nth(1).unwrap().replace("Zoé", "Z\0é");
        let no_address = sample().lines().nth(1).unwrap().replace('@', "");
        for row in [&long[..], nul.as_bytes(), no_address.as_bytes(), b"PER|a@x.test", b"\xff\xfe|\xff"] {
            let (rows, count) = read(&with_row(row)).unwrap();
            assert_eq!((rows.len(), count.bad), (5, 1));
        }
        let (_, count) = read(&with_row(b"\r\n\n")).unwrap();
        assert_eq!(count, Count { good: 5, bad: 0 }, "empty lines are no rows");
    }

    #[test]
    fn a_text_that_ends_in_the_middle_of_a_row_is_refused() {
        let cut = &SAMPLE[..SAMPLE.len() - 40];
        assert!(matches!(read(cut), Err(IndexError::Truncated)));
        let without_feed = SAMPLE.strip_suffix(b"\n").unwrap();
        assert_eq!(read(without_feed).unwrap().1.good, 5);
    }

    #[test]
    fn whatever_octet_is_changed_rows_are_taken_or_counted() {
        for at in 0..SAMPLE.len() {
            for octet in [0, b'|', b'\n', 0xff] {
                let mut changed = SAMPLE.to_vec();
                changed[at] = octet;
                if let Ok((rows, count)) = read(&changed) {
                    assert!(
                        rows.len() as u64 == count.good && (4..=7).contains(&(count.good + count.bad)),
                        "octet {at}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_extraction_is_refused() {
        let header = sample().lines().next().unwrap().to_owned();
        assert!(matches!(read(format!("{header}\n").as_bytes()), Err(IndexError::Unlike { bad: 0, rows: 0 })));
        let bad = format!("{}\n{}\n", sample().trim_end(), "x\n".repeat(6).trim_end());
        assert!(matches!(read(bad.as_bytes()), Err(IndexError::Unlike { bad: 6, rows: 11 })));
        for hostile in [&b"\0\0\0"[..], b"\xff\xfe", &[b'|'; 100_000], &[b'\n'; 100_000]] {
            assert!(read(hostile).is_err());
        }
    }
}
