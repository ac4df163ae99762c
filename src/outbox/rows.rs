//! The rows, and what in them is sealed: envelopes, Message-IDs, the caller's keys and the words of servers.

use jiff::Timestamp;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::OutboxError;
use super::entry::{CopyId, Entry, Event, Id, RecipientEntry, State};
use super::keys::Keys;
use crate::mail::{Address, Envelope, MessageId};

/// What is sealed of a copy.
#[derive(Serialize, Deserialize)]
pub(super) struct Details {
    pub(super) sender: String,
    pub(super) recipients: Vec<String>,
    pub(super) message_id: String,
    pub(super) protection: String,
    #[serde(default)]
    pub(super) cipher: Option<String>,
    #[serde(default)]
    pub(super) key: Option<String>,
}

/// What is sealed of an answer.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) answer: Option<String>,
    pub(super) queue_id: Option<String>,
}

/// Where the octets of a copy are.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Place {
    /// What tells it from every other place.
    pub(super) fn context(&self) -> Vec<u8> {
        format!("{} {}", self.file, self.start).into_bytes()
    }
}

/// A copy as it stands, sealed part included.
pub(super) struct CopyRow {
    pub(super) id: CopyId,
    pub(super) message: Id,
    pub(super) place: Place,
    sealed: Vec<u8>,
    pub(super) state: State,
    queued_at: Timestamp,
    changed_at: Timestamp,
    pub(super) until: Option<Timestamp>,
    attempts: u32,
    notified: bool,
    /// The process that has the lease.
    pub(super) owner: Option<String>,
}

const COLUMNS: &str =
    "id, message, file, start, size, sealed, state, queued_at, changed_at, until, attempts, notified, owner";

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let microseconds = row.get(column)?;
    Timestamp::from_microsecond(microseconds)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, error.into()))
}

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    let word: String = row.get(column)?;
    let unknown = || {
        let what = format!("state {word}").into();
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what)
    };
    State::from_word(&word).ok_or_else(unknown)
}

fn octets(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A number as SQLite keeps it.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl CopyRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<CopyRow> {
        let until = match row.get_ref(9)? {
            ValueRef::Null => None,
            _ => Some(moment(row, 9)?),
        };
        Ok(CopyRow {
            id: CopyId(row.get(0)?),
            message: Id(row.get(1)?),
            place: Place { file: row.get(2)?, start: octets(row, 3)?, size: octets(row, 4)? },
            sealed: row.get(5)?,
            state: state(row, 6)?,
            queued_at: moment(row, 7)?,
            changed_at: moment(row, 8)?,
            until,
            attempts: row.get(10)?,
            notified: row.get(11)?,
            owner: row.get(12)?,
        })
    }

    /// As it stands once a process has taken it.
    pub(super) fn taken(&mut self, now: Timestamp) {
        self.state = State::Submitting;
        self.changed_at = now;
        self.attempts += 1;
    }
}

/// A message by its key: its number, and the digest of what it says.
pub(super) fn by_key(connection: &Connection, digest: &[u8; 32]) -> rusqlite::Result<Option<(Id, Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT id, content FROM message WHERE key = ?1")?;
    statement.query_row([digest.as_slice()], |row| Ok((Id(row.get(0)?), row.get(1)?))).optional()
}

pub(super) fn by_message_id(connection: &Connection, digest: &[u8; 32]) -> rusqlite::Result<Vec<Id>> {
    let mut statement = connection.prepare_cached("SELECT id FROM message WHERE message_id = ?1 ORDER BY id")?;
    statement.query_map([digest.as_slice()], |row| row.get(0).map(Id))?.collect()
}

pub(super) fn copy(connection: &Connection, id: CopyId) -> rusqlite::Result<Option<CopyRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM copy WHERE id = ?1"))?;
    statement.query_row([id.0], CopyRow::read).optional()
}

/// The copies of a message, in the order they were queued.
pub(super) fn copies(connection: &Connection, id: Id) -> Result<Vec<CopyRow>, OutboxError> {
    let sql = format!("SELECT {COLUMNS} FROM copy WHERE message = ?1 ORDER BY id");
    let found: Vec<CopyRow> =
        connection.prepare_cached(&sql)?.query_map([id.0], CopyRow::read)?.collect::<rusqlite::Result<_>>()?;
    if found.is_empty() { Err(OutboxError::NoSuchMessage { id }) } else { Ok(found) }
}

/// Copies with a number above `after` that have a recipient in one of these states, oldest first.
pub(super) fn page(
    connection: &Connection,
    states: &[State],
    after: CopyId,
    most: u32,
) -> rusqlite::Result<Vec<CopyRow>> {
    let words: Vec<String> = states.iter().map(|state| format!("'{}'", state.word())).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM copy WHERE id > ?1
         AND EXISTS (SELECT 1 FROM recipient WHERE copy = copy.id AND state IN ({}))
         ORDER BY id LIMIT ?2",
        words.join(", ")
    );
    connection.prepare_cached(&sql)?.query_map(params![after.0, most], CopyRow::read)?.collect()
}

pub(super) fn insert_message(
    connection: &Connection,
    key: &[u8; 32],
    content: &[u8; 32],
    message_id: &[u8; 32],
    now: Timestamp,
) -> rusqlite::Result<Id> {
    connection
        .prepare_cached("INSERT INTO message (key, content, message_id, queued_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key, content, message_id, now.as_microsecond()])?;
    Ok(Id(connection.last_insert_rowid()))
}

pub(super) fn insert_copy(
    connection: &Connection,
    keys: &Keys,
    message: Id,
    details: &Details,
    place: &Place,
    now: Timestamp,
) -> rusqlite::Result<CopyId> {
    let plain = serde_json::to_vec(details).expect("texts are JSON");
    let sealed = keys.row(place).seal(0, b"details", &plain);
    connection
        .prepare_cached(
            "INSERT INTO copy (message, file, start, size, sealed, state, queued_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        )?
        .execute(params![
            message.0,
            place.file,
            integer(place.start),
            integer(place.size),
            sealed,
            State::Queued.word(),
            now.as_microsecond(),
        ])?;
    let id = CopyId(connection.last_insert_rowid());
    let mut recipients =
        connection.prepare_cached("INSERT INTO recipient (copy, place, state, changed_at) VALUES (?1, ?2, ?3, ?4)")?;
    for number in 0..details.recipients.len() {
        recipients.execute(params![id.0, number as i64, State::Queued.word(), now.as_microsecond()])?;
    }
    event(connection, keys, id, None, State::Queued, now, None)?;
    Ok(id)
}

/// Writes down a change of state; what was said is sealed under a key of its own.
pub(super) fn event(
    connection: &Connection,
    keys: &Keys,
    id: CopyId,
    place: Option<usize>,
    state: State,
    at: Timestamp,
    words: Option<&Words>,
) -> rusqlite::Result<()> {
    let sealed = words.map(|words| {
        let mut salt = [0u8; 16];
        aws_lc_rs::rand::fill(&mut salt).expect("the system gives randomness");
        let plain = serde_json::to_vec(words).expect("texts are JSON");
        (salt, keys.event(&salt).seal(0, &event_place(id, place, state), &plain))
    });
    let (salt, sealed) = sealed.unzip();
    connection
        .prepare_cached("INSERT INTO event (copy, place, at, state, salt, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![id.0, place.map(|place| place as i64), at.as_microsecond(), state.word(), salt, sealed])?;
    Ok(())
}

fn event_place(id: CopyId, place: Option<usize>, state: State) -> Vec<u8> {
    format!("{} {} {}", id.0, place.map_or(-1, |place| place as i64), state.word()).into_bytes()
}

/// Sets the state of a copy and ends its lease.
pub(super) fn set_state(
    connection: &Connection,
    id: CopyId,
    state: State,
    until: Option<Timestamp>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE copy SET state = ?2, until = ?3, changed_at = ?4, owner = NULL, lease = NULL WHERE id = ?1",
        )?
        .execute(params![id.0, state.word(), until.map(Timestamp::as_microsecond), now.as_microsecond()])?;
    Ok(())
}

/// The states of the recipients of a copy, in the order of its envelope.
pub(super) fn recipient_states(connection: &Connection, id: CopyId) -> rusqlite::Result<Vec<State>> {
    connection
        .prepare_cached("SELECT state FROM recipient WHERE copy = ?1 ORDER BY place")?
        .query_map([id.0], |row| state(row, 0))?
        .collect()
}

pub(super) fn set_recipient(
    connection: &Connection,
    id: CopyId,
    place: usize,
    state: State,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE recipient SET state = ?3, changed_at = ?4 WHERE copy = ?1 AND place = ?2")?
        .execute(params![id.0, place as i64, state.word(), now.as_microsecond()])?;
    Ok(())
}

/// Sets every recipient that stands in one of some states to another; their places are returned.
pub(super) fn turn_recipients(
    connection: &Connection,
    id: CopyId,
    from: impl Fn(State) -> bool,
    to: State,
    now: Timestamp,
) -> rusqlite::Result<Vec<usize>> {
    let mut turned = Vec::new();
    for (place, state) in recipient_states(connection, id)?.into_iter().enumerate() {
        if from(state) {
            set_recipient(connection, id, place, to, now)?;
            turned.push(place);
        }
    }
    Ok(turned)
}

/// Opens what is sealed of a copy.
fn details(keys: &Keys, row: &CopyRow) -> Result<(Details, Envelope, MessageId), OutboxError> {
    let plain = keys.row(&row.place).open(0, b"details", &row.sealed);
    let details: Option<Details> = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok());
    let parsed = details.and_then(|details| {
        let sender: Address = details.sender.parse().ok()?;
        let recipients: Option<Vec<Address>> = details.recipients.iter().map(|text| text.parse().ok()).collect();
        let message_id: MessageId = details.message_id.parse().ok()?;
        Some((details, Envelope { sender, recipients: recipients? }, message_id))
    });
    parsed.ok_or(OutboxError::Changed { id: row.message })
}

/// A copy, and what was said to each of its recipients last.
pub(super) fn entry(connection: &Connection, keys: &Keys, row: &CopyRow) -> Result<Entry, OutboxError> {
    let (details, envelope, message_id) = details(keys, row)?;
    let states: Vec<(State, Timestamp)> = connection
        .prepare_cached("SELECT state, changed_at FROM recipient WHERE copy = ?1 ORDER BY place")?
        .query_map([row.id.0], |row| Ok((state(row, 0)?, moment(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if states.len() != envelope.recipients.len() {
        return Err(OutboxError::Changed { id: row.message });
    }
    let mut recipients = Vec::new();
    for (place, (address, (state, changed_at))) in envelope.recipients.iter().zip(states).enumerate() {
        let words = if row.attempts == 0 { Words::default() } else { last_words(connection, keys, row, place)? };
        let (answer, queue_id) = (words.answer, words.queue_id);
        recipients.push(RecipientEntry { address: address.clone(), state, changed_at, answer, queue_id });
    }
    Ok(Entry {
        id: row.message,
        copy: row.id,
        key: details.key,
        state: row.state,
        envelope,
        message_id,
        protection: details.protection,
        cipher: details.cipher,
        size: row.place.size,
        queued_at: row.queued_at,
        changed_at: row.changed_at,
        until: row.until,
        attempts: row.attempts,
        notified: row.notified,
        recipients,
    })
}

/// The answer that was heard last, and the queue id that was, which a later notice does not repeat.
fn last_words(connection: &Connection, keys: &Keys, row: &CopyRow, place: usize) -> Result<Words, OutboxError> {
    let mut statement = connection.prepare_cached(
        "SELECT state, salt, sealed FROM event WHERE copy = ?1 AND place = ?2 AND sealed IS NOT NULL ORDER BY id DESC",
    )?;
    let mut found = statement.query(params![row.id.0, place as i64])?;
    let mut last = Words::default();
    while let Some(event) = found.next()? {
        let words = open_words(
            keys,
            row,
            Some(place),
            state(event, 0)?,
            &event.get::<_, Vec<u8>>(1)?,
            &event.get::<_, Vec<u8>>(2)?,
        )?;
        last.answer = last.answer.or(words.answer);
        last.queue_id = last.queue_id.or(words.queue_id);
        if last.answer.is_some() && last.queue_id.is_some() {
            break;
        }
    }
    Ok(last)
}

fn open_words(
    keys: &Keys,
    row: &CopyRow,
    place: Option<usize>,
    state: State,
    salt: &[u8],
    sealed: &[u8],
) -> Result<Words, OutboxError> {
    let plain = keys.event(salt).open(0, &event_place(row.id, place, state), sealed);
    let words = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok());
    words.ok_or(OutboxError::Changed { id: row.message })
}

/// Every change of state of a copy, oldest first.
pub(super) fn events(connection: &Connection, keys: &Keys, row: &CopyRow) -> Result<Vec<Event>, OutboxError> {
    let (_, envelope, _) = details(keys, row)?;
    let mut statement =
        connection.prepare_cached("SELECT place, at, state, salt, sealed FROM event WHERE copy = ?1 ORDER BY id")?;
    let mut found = statement.query([row.id.0])?;
    let mut events = Vec::new();
    while let Some(event) = found.next()? {
        let place = event.get::<_, Option<i64>>(0)?.and_then(|place| usize::try_from(place).ok());
        let (at, state) = (moment(event, 1)?, state(event, 2)?);
        let sealed = event.get::<_, Option<Vec<u8>>>(3)?.zip(event.get::<_, Option<Vec<u8>>>(4)?);
        let words = match sealed {
            Some((salt, sealed)) => open_words(keys, row, place, state, &salt, &sealed)?,
            None => Words::default(),
        };
        let recipient = place.and_then(|place| envelope.recipients.get(place).cloned());
        events.push(Event { at, recipient, state, answer: words.answer, queue_id: words.queue_id });
    }
    Ok(events)
}
