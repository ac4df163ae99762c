//! From an extraction to a new index: streamed, beside the old one, which it replaces in one step or not at all.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Statement};

use super::extraction::{Column, Count, MOST_OCTETS, Row, each_row};
use super::{Index, IndexError, MARK, NAME, VERSION, archive, folder};
use crate::directory::folding::{push_words, words};
use crate::fs::{self, Lock, Staged};

/// Mailboxes from which on half of them gone is taken for a part of an extraction.
const MANY: u64 = 1000;

/// The columns of the full text are contentless: the rows stand in the other table. Their words are folded before, so the
/// tokenizer only parts them at the spaces.
const TABLES: &str = "
    CREATE TABLE extraction (source TEXT NOT NULL, dated INTEGER NOT NULL, rows INTEGER NOT NULL);
    CREATE TABLE mailbox (id INTEGER PRIMARY KEY, address TEXT NOT NULL, person TEXT, structure TEXT, row TEXT NOT NULL);
    CREATE VIRTUAL TABLE words USING fts5
        (name, profession, organisation, place, service, content='', columnsize=0, detail=column, tokenize='ascii');";

/// Made when all rows are there: sorted once.
const INDEXES: &str = "
    CREATE INDEX by_address ON mailbox (address);
    CREATE INDEX by_person ON mailbox (person) WHERE person IS NOT NULL;
    CREATE INDEX by_structure ON mailbox (structure) WHERE structure IS NOT NULL;";

/// Nobody else knows the file, and a failed update is thrown away: no journal is needed, and nothing is waited for before the
/// end. Memory is bounded by the cache; what is sorted goes to a temporary file.
const BUILDING: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -8192;";

/// Full text is gathered in so many octets before it is written: fewer pieces to be merged.
const GATHERED: &str = "INSERT INTO words (words, rank) VALUES ('hashsize', 4194304)";

/// The right to make a new index: one process has it at a time.
pub struct Update {
    folder: PathBuf,
    now: Timestamp,
    /// Held, not read.
    _lock: Lock,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The mailboxes in the new index.
    pub rows: u64,
    /// Rows that were passed over.
    pub bad_rows: u64,
    /// The date of the extraction.
    pub dated: Timestamp,
}

impl Update {
    /// Waits until no other update is at work, and removes what killed ones left.
    pub fn begin(cache: &Path, now: Timestamp) -> Result<Update, IndexError> {
        let folder = folder(cache);
        fs::private_dir(&folder)?;
        let lock = Lock::acquire(&folder.join("lock"))?;
        for name in fs::entries(&folder)? {
            if name.starts_with(".staged-") {
                fs::remove(&folder.join(name))?;
            }
        }
        Ok(Update { folder, now, _lock: lock })
    }

    /// A private file for what is fetched; it is gone with the value.
    pub fn room(&self) -> Result<Staged, IndexError> {
        Ok(Staged::new(&self.folder)?)
    }

    /// Reads an extraction, or the ZIP of one, into a new index, which takes the place of the old one. `dated` is when the
    /// extraction was made, as far as is known; what the ZIP says counts if it is earlier.
    pub fn replace(self, mut file: File, source: &str, dated: Timestamp) -> Result<Updated, IndexError> {
        let mut mark = [0; 4];
        let length = file.metadata().map_err(IndexError::Read)?.len();
        if length > MOST_OCTETS {
            return Err(IndexError::TooLarge { limit: MOST_OCTETS, what: "octets" });
        }
        file.rewind().map_err(IndexError::Read)?;
        let begun = file.by_ref().take(4).read(&mut mark).map_err(IndexError::Read)?;
        file.seek(SeekFrom::Start(0)).map_err(IndexError::Read)?;
        let dated = dated.min(self.now);
        if &mark == archive::MARK && begun == mark.len() {
            let text = archive::open(file, MOST_OCTETS)?;
            let dated = text.dated.map_or(dated, |told| told.min(dated));
            self.build(BufReader::with_capacity(64 * 1024, text), source, dated)
        } else {
            self.build(BufReader::with_capacity(64 * 1024, file), source, dated)
        }
    }

    fn build(self, text: BufReader<impl Read>, source: &str, dated: Timestamp) -> Result<Updated, IndexError> {
        let staged = Staged::new(&self.folder)?;
        let count = fill(staged.path(), text, source, dated)?;
        let place = self.folder.join(NAME);
        self.refuse_part(&place, count.good)?;
        staged.publish(&place)?;
        Ok(Updated { rows: count.good, bad_rows: count.bad, dated })
    }

    /// A text cut between two rows cannot be told from a whole one but by what was there before.
    fn refuse_part(&self, place: &Path, rows: u64) -> Result<(), IndexError> {
        let cache = self.folder.parent().unwrap_or(&self.folder);
        match Index::open(cache, 0) {
            Ok(index) if index.rows() >= MANY && rows < index.rows() / 2 => {
                Err(IndexError::Shrunk { rows, was: index.rows(), place: place.to_owned() })
            }
            // One that cannot be read has nothing to say.
            _ => Ok(()),
        }
    }
}

/// Writes the tables of a new index.
fn fill(path: &Path, text: BufReader<impl Read>, source: &str, dated: Timestamp) -> Result<Count, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(IndexError::Write)?;
    let run = |batch: &str| connection.execute_batch(batch).map_err(IndexError::Write);
    run(BUILDING)?;
    run("BEGIN")?;
    run(TABLES)?;
    run(GATHERED)?;
    let mut rows = Rows::new(&connection).map_err(IndexError::Write)?;
    let count = each_row(text, |row, address| rows.add(row, &address.key()).map_err(IndexError::Write))?;
    drop(rows);
    run(INDEXES)?;
    let good = i64::try_from(count.good).unwrap_or(i64::MAX);
    connection
        .execute("INSERT INTO extraction VALUES (?1, ?2, ?3)", (source, dated.as_second(), good))
        .and_then(|_| connection.pragma_update(None, "user_version", VERSION))
        .and_then(|()| connection.pragma_update(None, "application_id", MARK))
        .map_err(IndexError::Write)?;
    run("COMMIT")?;
    connection.close().map_err(|(_, error)| IndexError::Write(error))?;
    Ok(count)
}

/// The two statements a row needs, and the texts they are filled from.
struct Rows<'c> {
    mailbox: Statement<'c>,
    words: Statement<'c>,
    row: String,
    /// By column of the full text.
    texts: [String; 5],
    id: i64,
}

impl<'c> Rows<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Rows<'c>> {
        Ok(Rows {
            mailbox: connection.prepare("INSERT INTO mailbox VALUES (?1, ?2, nullif(?3, ''), nullif(?4, ''), ?5)")?,
            words: connection.prepare(
                "INSERT INTO words (rowid, name, profession, organisation, place, service) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            row: String::new(),
            texts: Default::default(),
            id: 0,
        })
    }

    fn add(&mut self, row: &Row<'_>, key: &str) -> rusqlite::Result<()> {
        self.id += 1;
        row.write(key, &mut self.row);
        let (person, structure) = (row.get(Column::Person), row.get(Column::Structure));
        self.mailbox.execute((self.id, key, person, structure, self.row.as_str()))?;
        spread(row, &mut self.texts);
        let [name, profession, organisation, place, service] = &self.texts;
        self.words.execute((self.id, name, profession, organisation, place, service))?;
        Ok(())
    }
}

/// The words of a row, by the question they answer.
fn spread(row: &Row<'_>, texts: &mut [String; 5]) {
    let columns: [&[Column]; 5] = [
        &[Column::Family, Column::Given],
        &[Column::ProfessionCode, Column::Profession, Column::SkillCode, Column::Skill],
        &[Column::Company, Column::Sign],
        &[Column::Town, Column::PostalCode, Column::Department],
        &[Column::Service],
    ];
    for (text, columns) in texts.iter_mut().zip(columns) {
        text.clear();
        columns.iter().for_each(|column| push_words(row.get(*column), text));
    }
    initials(row.get(Column::Given), &mut texts[0]);
}

/// Jean-Pierre is also looked for as JP.
fn initials(given: &str, text: &mut String) {
    if given.contains([' ', '-']) {
        text.extend(words(given).iter().filter_map(|word| word.chars().next()));
    }
}
