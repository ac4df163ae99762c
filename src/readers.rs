//! What the programs of correspondents open, as their own verified mail said it.
//!
//! One SQLite database for each profile. It says in clear how many correspondents it knows and since when; who they are is
//! unreadable without the storage key.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::fs;
use crate::journal::{self, Format, JournalError};
use crate::mail::Address;
use crate::pki::{Capabilities, Reader};
use crate::secret::SealingKey;

/// What tells this journal from other databases (`mssr`), and its table.
const FORMAT: Format = Format {
    mark: 0x6d73_7372,
    version: 1,
    schema: "
    CREATE TABLE reader (
        address BLOB PRIMARY KEY,    -- keyed digest
        said_at INTEGER NOT NULL,    -- seconds since 1970-01-01T00:00:00Z
        opens BLOB NOT NULL          -- sealed
    ) STRICT, WITHOUT ROWID;",
};

/// A word that was said again is written down again only after this long.
const FRESH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is written of a reader who opens nothing that is written here.
const OLDER: &str = "older";

/// What one profile knows of the programs of its correspondents.
pub struct Readers {
    database: Connection,
    addresses: SealingKey,
    words: SealingKey,
}

impl Readers {
    /// Whether anything was ever learned in this folder.
    pub fn exist(dir: &Path) -> bool {
        fs::exists(&dir.join("readers.db"))
    }

    /// Opens the journal in the private state folder of a profile, and makes it there the first time.
    pub fn open(dir: &Path, key: &SealingKey) -> Result<Readers, JournalError> {
        let key = key.derive(b"readers");
        let check = key.derive(b"check").keyed_digest(b"");
        fs::private_dir(dir)?;
        let database = journal::open(&dir.join("readers.db"), &FORMAT, &check)?;
        Ok(Readers { database, addresses: key.derive(b"addresses"), words: key.derive(b"words") })
    }

    /// Takes down what a correspondent's verified mail said, unless later mail said something else.
    pub fn learn(
        &mut self,
        address: &Address,
        capabilities: Capabilities,
        said_at: Timestamp,
    ) -> Result<(), JournalError> {
        let who = self.addresses.keyed_digest(address.key().as_bytes());
        let word = capabilities.reader().map_or(OLDER, Reader::word);
        let change = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some((at, known)) = row(&change, &self.words, &who)? {
            let known_for = said_at.duration_since(at);
            if known_for.is_negative() || (known == word && known_for < FRESH) {
                return Ok(());
            }
        }
        let seconds = said_at.as_second();
        let sealed = seal(&self.words, &who, seconds, word);
        change.execute(
            "INSERT OR REPLACE INTO reader (address, said_at, opens) VALUES (?1, ?2, ?3)",
            (who.as_slice(), seconds, sealed),
        )?;
        Ok(change.commit()?)
    }

    /// What a correspondent's mail said last: the best reader, or none that is written for here.
    pub fn of(&self, address: &Address) -> Result<Option<Option<Reader>>, JournalError> {
        let who = self.addresses.keyed_digest(address.key().as_bytes());
        Ok(row(&self.database, &self.words, &who)?.map(|(_, word)| Reader::from_word(&word)))
    }
}

/// Each word under a key of its own: what was said before never shares a nonce with what is said now.
fn seal(key: &SealingKey, who: &[u8; 32], seconds: i64, word: &str) -> Vec<u8> {
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).expect("the system gives randomness");
    let place = [who.as_slice(), &seconds.to_be_bytes()].concat();
    [&salt[..], &key.derive(&salt).seal(0, &place, word.as_bytes())].concat()
}

fn row(database: &Connection, key: &SealingKey, who: &[u8; 32]) -> Result<Option<(Timestamp, String)>, JournalError> {
    let mut query = database.prepare_cached("SELECT said_at, opens FROM reader WHERE address = ?1")?;
    let found = query.query_row([who.as_slice()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let Some((seconds, sealed)) = found.optional()? else { return Ok(None) };
    let place = [who.as_slice(), &seconds.to_be_bytes()].concat();
    let opened = sealed.split_at_checked(16).and_then(|(salt, sealed)| key.derive(salt).open(0, &place, sealed).ok());
    let word = opened.and_then(|octets| String::from_utf8(octets).ok());
    match (Timestamp::from_second(seconds), word) {
        (Ok(at), Some(word)) => Ok(Some((at, word))),
        _ => Err(JournalError::Changed),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use der::Encode;
    use tempfile::TempDir;
    use x509_cert::spki::AlgorithmIdentifierOwned;

    use super::*;
    use crate::secret::Secret;

    fn private_dir() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        dir
    }

    fn key() -> SealingKey {
        SealingKey::new(Secret::new([7; 32]))
    }

    fn capabilities(oid: &str) -> Capabilities {
        let named = vec![AlgorithmIdentifierOwned { oid: oid.parse().unwrap(), parameters: None }];
        Capabilities::from_der(&named.to_der().unwrap()).unwrap()
    }

    const GCM: &str = "2.16.840.1.101.3.4.1.46";
    const CBC: &str = "2.16.840.1.101.3.4.1.42";
    const DES: &str = "1.2.840.113549.3.7";

    #[test]
    fn the_last_word_of_a_correspondent_counts() {
        let dir = private_dir();
        let zoe: Address = "Zoe@medecin.sandbox".parse().unwrap();
        let cbc = Some(Some(Reader::Cbc { oaep: false }));
        assert!(!Readers::exist(dir.path()));
        {
            let mut readers = Readers::open(dir.path(), &key()).unwrap();
            assert_eq!(readers.of(&zoe).unwrap(), None);
            readers.learn(&zoe, capabilities(CBC), "2026-06-01T12:00:00Z".parse().unwrap()).unwrap();
            readers.learn(&zoe, capabilities(GCM), "2026-05-01T12:00:00Z".parse().unwrap()).unwrap();
            assert_eq!(readers.of(&zoe).unwrap(), cbc, "what was said before is old news");
        }
        let mut readers = Readers::open(dir.path(), &key()).unwrap();
        assert_eq!(readers.of(&"zoe@MEDECIN.sandbox".parse().unwrap()).unwrap(), cbc);
        readers.learn(&zoe, capabilities(GCM), "2026-06-02T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(readers.of(&zoe).unwrap(), Some(Some(Reader::Gcm)));
        readers.learn(&zoe, capabilities(DES), "2026-06-03T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(readers.of(&zoe).unwrap(), Some(None));
        assert!(Readers::exist(dir.path()));
    }

    #[test]
    fn a_row_that_was_changed_is_not_believed() {
        let dir = private_dir();
        let zoe: Address = "zoe@medecin.sandbox".parse().unwrap();
        let mut readers = Readers::open(dir.path(), &key()).unwrap();
        readers.learn(&zoe, capabilities(GCM), "2026-06-01T12:00:00Z".parse().unwrap()).unwrap();
        readers.database.execute("UPDATE reader SET said_at = said_at + 1", []).unwrap();
        assert!(matches!(readers.of(&zoe), Err(JournalError::Changed)));
        drop(readers);
        let octets = std::fs::read(dir.path().join("readers.db")).unwrap();
        assert!(!octets.windows(7).any(|part| part == b"medecin"));
    }
}
