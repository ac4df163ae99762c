//! The tables of the outbox.

use crate::journal::Format;

pub(super) const FORMAT: Format = Format {
    mark: 0x6d73_736f,
    version: 2,
    schema: "
CREATE TABLE message (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  key        BLOB NOT NULL UNIQUE,  -- keyed digest of what the caller knows it by
  content    BLOB NOT NULL,         -- keyed digest of what it says and to whom
  message_id BLOB NOT NULL,         -- keyed digest, to look it up by
  queued_at  INTEGER NOT NULL       -- microseconds since 1970-01-01T00:00:00Z
);
CREATE INDEX message_by_message_id ON message (message_id);
CREATE TABLE copy (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  message    INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  file       TEXT NOT NULL,         -- random name in outbox/; copies that were queued together share one
  start      INTEGER NOT NULL,      -- where in it this one begins
  size       INTEGER NOT NULL,
  sealed     BLOB NOT NULL,         -- envelope, Message-ID, protection, cipher, the caller's key
  state      TEXT NOT NULL,
  queued_at  INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  until      INTEGER,
  attempts   INTEGER NOT NULL DEFAULT 0,
  notified   INTEGER NOT NULL DEFAULT 0,
  owner      TEXT,                  -- the process that has the lease
  lease      INTEGER                -- until when, if the process cannot be seen
);
CREATE INDEX copy_by_state ON copy (state, until);
CREATE INDEX copy_by_message ON copy (message);
CREATE INDEX copy_by_file ON copy (file);
CREATE TABLE recipient (
  copy       INTEGER NOT NULL REFERENCES copy (id) ON DELETE CASCADE,
  place      INTEGER NOT NULL,
  state      TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (copy, place)
) WITHOUT ROWID;
CREATE TABLE event (
  id      INTEGER PRIMARY KEY,
  copy    INTEGER NOT NULL REFERENCES copy (id) ON DELETE CASCADE,
  place   INTEGER,                  -- of the recipient; none for the copy itself
  at      INTEGER NOT NULL,
  state   TEXT NOT NULL,
  salt    BLOB,
  sealed  BLOB                      -- what was said, and the server's queue id
);
CREATE INDEX event_by_copy ON event (copy, id);
CREATE TABLE alert (
  subject   TEXT PRIMARY KEY,       -- what somebody was told of, and has not been told the end of
  raised_at INTEGER NOT NULL
) WITHOUT ROWID;
",
};
