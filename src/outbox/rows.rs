//! The tables, and what in them is sealed: envelopes, Message-IDs and the words of servers.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::journal::Format;
use crate::mail::{Address, Envelope, MessageId};
use crate::secret::SealingKey;

use super::OutboxError;
use super::entry::{Entry, Id, NewMessage, RecipientEntry, State};

pub(super) const FORMAT: Format = Format {
    mark: 0x6d73_736f,
    version: 1,
    schema: "
CREATE TABLE message (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  key        BLOB NOT NULL UNIQUE,  -- keyed digest of what makes it this message
  message_id BLOB NOT NULL,         -- keyed digest, to look it up by
  file       TEXT NOT NULL UNIQUE,  -- random name in outbox/
  size       INTEGER NOT NULL,
  sealed     BLOB NOT NULL,         -- envelope, Message-ID, protection, cipher
  state      TEXT NOT NULL,
  queued_at  INTEGER NOT NULL,      -- microseconds since 1970-01-01T00:00:00Z
  changed_at INTEGER NOT NULL,
  until      INTEGER,
  attempts   INTEGER NOT NULL DEFAULT 0,
  owner      TEXT,                  -- the process that has the lease
  lease      INTEGER                -- until when, if the process cannot be seen
);
CREATE INDEX message_by_state ON message (state, until);
CREATE INDEX message_by_message_id ON message (message_id);
CREATE TABLE recipient (
  message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  place   INTEGER NOT NULL,
  state   TEXT NOT NULL,
  PRIMARY KEY (message, place)
) WITHOUT ROWID;
CREATE TABLE event (
  id      INTEGER PRIMARY KEY,
  message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  place   INTEGER,                  -- of the recipient; none for the message itself
  at      INTEGER NOT NULL,
  state   TEXT NOT NULL,
  salt    BLOB,
  sealed  BLOB                      -- the server's answer and queue id
);
CREATE INDEX event_by_message ON event (message, id);
",
};

/// What is sealed of a message.
#[derive(Serialize, Deserialize)]
struct Details {
    sender: String,
    recipients: Vec<String>,
    message_id: String,
    protection: String,
    #[serde(default)]
    cipher: Option<String>,
}

/// What is sealed of an answer.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) answer: Option<String>,
    pub(super) queue_id: Option<String>,
}

/// A row as it stands, sealed part included.
pub(super) struct MessageRow {
    pub(super) id: Id,
    pub(super) file: String,
    size: u64,
    sealed: Vec<u8>,
    pub(super) state: State,
    queued_at: Timestamp,
    pub(super) changed_at: Timestamp,
    pub(super) until: Option<Timestamp>,
    attempts: u32,
}

const COLUMNS: &str = "id, file, size, sealed, state, queued_at, changed_at, until, attempts";

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let microseconds = row.get(column)?;
    Timestamp::from_microsecond(microseconds).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Integer, error.into())
    })
}

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    let word: String = row.get(column)?;
    let unknown = || {
        let what = format!("state {word}").into();
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what)
    };
    State::from_word(&word).ok_or_else(unknown)
}

impl MessageRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
        let until = match row.get_ref(7)? {
            rusqlite::types::ValueRef::Null => None,
            _ => Some(moment(row, 7)?),
        };
        Ok(MessageRow {
            id: Id(row.get(0)?),
            file: row.get(1)?,
            size: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
            sealed: row.get(3)?,
            state: state(row, 4)?,
            queued_at: moment(row, 5)?,
            changed_at: moment(row, 6)?,
            until,
            attempts: row.get(8)?,
        })
    }
}

fn details_key(key: &SealingKey, file: &str) -> SealingKey {
    key.derive(b"outbox message").derive(file.as_bytes())
}

/// The digest a message is found by.
pub(super) fn digest(key: &SealingKey, what: &[u8], value: &[u8]) -> [u8; 32] {
    key.derive(b"outbox digest").derive(what).keyed_digest(value)
}

pub(super) fn by_key(connection: &Connection, digest: &[u8; 32]) -> rusqlite::Result<Option<(Id, State)>> {
    let mut statement = connection.prepare_cached("SELECT id, state FROM message WHERE key = ?1")?;
    statement.query_row([digest.as_slice()], |row| Ok((Id(row.get(0)?), state(row, 1)?))).optional()
}

pub(super) fn by_id(connection: &Connection, id: Id) -> Result<MessageRow, OutboxError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?;
    statement.query_row([id.0], MessageRow::read).optional()?.ok_or(OutboxError::NoSuchMessage { id })
}

pub(super) fn by_message_id(connection: &Connection, digest: &[u8; 32]) -> rusqlite::Result<Vec<MessageRow>> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE message_id = ?1 ORDER BY id");
    connection.prepare_cached(&sql)?.query_map([digest.as_slice()], MessageRow::read)?.collect()
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<MessageRow>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM message ORDER BY id"))?
        .query_map([], MessageRow::read)?
        .collect()
}

/// Adds a message; the caller has made sure that its key is new.
pub(super) fn insert(
    connection: &Connection,
    key: &SealingKey,
    message: &NewMessage<'_>,
    file: &str,
    now: Timestamp,
) -> rusqlite::Result<Id> {
    let details = Details {
        sender: message.envelope.sender.as_str().to_owned(),
        recipients: message.envelope.recipients.iter().map(|address| address.as_str().to_owned()).collect(),
        message_id: message.message_id.as_str().to_owned(),
        protection: message.protection.to_owned(),
        cipher: message.cipher.map(str::to_owned),
    };
    let plain = serde_json::to_vec(&details).expect("texts are JSON");
    let sealed = details_key(key, file).seal(0, b"details", &plain);
    let size = i64::try_from(message.size).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO message (key, message_id, file, size, sealed, state, queued_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        )?
        .execute(params![
            digest(key, b"key", message.key),
            digest(key, b"Message-ID", message.message_id.as_str().as_bytes()),
            file,
            size,
            sealed,
            State::Queued.word(),
            now.as_microsecond(),
        ])?;
    let id = Id(connection.last_insert_rowid());
    let mut recipients =
        connection.prepare_cached("INSERT INTO recipient (message, place, state) VALUES (?1, ?2, ?3)")?;
    for place in 0..message.envelope.recipients.len() {
        recipients.execute(params![id.0, place as i64, State::Queued.word()])?;
    }
    event(connection, key, id, None, State::Queued, now, None)?;
    Ok(id)
}

/// Writes down a change of state; the words of a server are sealed under a key of their own.
pub(super) fn event(
    connection: &Connection,
    key: &SealingKey,
    id: Id,
    place: Option<usize>,
    state: State,
    at: Timestamp,
    words: Option<&Words>,
) -> rusqlite::Result<()> {
    let sealed = words.map(|words| {
        let mut salt = [0u8; 16];
        aws_lc_rs::rand::fill(&mut salt).expect("the system gives randomness");
        let plain = serde_json::to_vec(words).expect("texts are JSON");
        (salt, key.derive(b"outbox event").derive(&salt).seal(0, &event_place(id, place, state), &plain))
    });
    let (salt, sealed) = sealed.unzip();
    connection
        .prepare_cached("INSERT INTO event (message, place, at, state, salt, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![id.0, place.map(|place| place as i64), at.as_microsecond(), state.word(), salt, sealed])?;
    Ok(())
}

fn event_place(id: Id, place: Option<usize>, state: State) -> Vec<u8> {
    format!("{id} {} {}", place.map_or(-1, |place| place as i64), state.word()).into_bytes()
}

/// Sets the state of a message and ends its lease.
pub(super) fn set_state(
    connection: &Connection,
    id: Id,
    state: State,
    until: Option<Timestamp>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE message SET state = ?2, until = ?3, changed_at = ?4, owner = NULL, lease = NULL WHERE id = ?1",
        )?
        .execute(params![id.0, state.word(), until.map(Timestamp::as_microsecond), now.as_microsecond()])?;
    Ok(())
}

pub(super) fn recipient_states(connection: &Connection, id: Id) -> rusqlite::Result<Vec<State>> {
    connection
        .prepare_cached("SELECT state FROM recipient WHERE message = ?1 ORDER BY place")?
        .query_map([id.0], |row| state(row, 0))?
        .collect()
}

pub(super) fn set_recipient(connection: &Connection, id: Id, place: usize, state: State) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE recipient SET state = ?3 WHERE message = ?1 AND place = ?2")?
        .execute(params![id.0, place as i64, state.word()])?;
    Ok(())
}

/// Sets every recipient that stands in one of some states to another.
pub(super) fn turn_recipients(connection: &Connection, id: Id, from: &[State], to: State) -> rusqlite::Result<()> {
    for (place, state) in recipient_states(connection, id)?.into_iter().enumerate() {
        if from.contains(&state) {
            set_recipient(connection, id, place, to)?;
        }
    }
    Ok(())
}

/// Opens a row: what is sealed in it, and what was said to each recipient last.
pub(super) fn entry(connection: &Connection, key: &SealingKey, row: &MessageRow) -> Result<Entry, OutboxError> {
    let changed = OutboxError::Changed { id: row.id };
    let plain = details_key(key, &row.file).open(0, b"details", &row.sealed);
    let details: Option<Details> = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok());
    let parsed = details.and_then(|details| {
        let sender: Address = details.sender.parse().ok()?;
        let recipients: Option<Vec<Address>> = details.recipients.iter().map(|text| text.parse().ok()).collect();
        let message_id: MessageId = details.message_id.parse().ok()?;
        Some((Envelope { sender, recipients: recipients? }, message_id, details.protection, details.cipher))
    });
    let Some((envelope, message_id, protection, cipher)) = parsed else { return Err(changed) };
    let states = recipient_states(connection, row.id)?;
    if states.len() != envelope.recipients.len() {
        return Err(changed);
    }
    let mut recipients = Vec::new();
    for (place, (address, state)) in envelope.recipients.iter().zip(states).enumerate() {
        let words = last_words(connection, key, row.id, place)?;
        recipients.push(RecipientEntry {
            address: address.clone(),
            state,
            answer: words.answer,
            queue_id: words.queue_id,
        });
    }
    Ok(Entry {
        id: row.id,
        state: row.state,
        envelope,
        message_id,
        protection,
        cipher,
        size: row.size,
        queued_at: row.queued_at,
        changed_at: row.changed_at,
        until: row.until,
        attempts: row.attempts,
        recipients,
    })
}

fn last_words(connection: &Connection, key: &SealingKey, id: Id, place: usize) -> Result<Words, OutboxError> {
    let found = connection
        .prepare_cached(
            "SELECT state, salt, sealed FROM event
             WHERE message = ?1 AND place = ?2 AND sealed IS NOT NULL ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![id.0, place as i64], |row| {
            Ok((state(row, 0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let Some((state, salt, sealed)) = found else { return Ok(Words::default()) };
    let plain = key.derive(b"outbox event").derive(&salt).open(0, &event_place(id, Some(place), state), &sealed);
    plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok()).ok_or(OutboxError::Changed { id })
}
