//! `lookup --update`: an extraction of the directory, from a file or fetched, becomes the index on this machine.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::sources::cache;
use crate::directory::index::{IndexError, Update, Updated};
use crate::fs;
use crate::net::HttpError;
use crate::trace::Action;

/// Octets of an extraction that are fetched: the national ZIP has some twelve million.
const FETCH_LIMIT: u64 = 512 << 20;

/// What the new index holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// The file or the address that the extraction was read from.
    pub source: String,
    /// When the extraction was made, as far as is known: the date of the file, or when it was fetched.
    pub dated: Timestamp,
    /// The mailboxes in it.
    pub mailboxes: u64,
    /// Rows that were passed over because they cannot be read.
    pub bad_rows: u64,
}

/// Replaces the index by a new one from this file or `https` address.
pub fn update(account: &Account<'_>, given: &str) -> Result<Line, Error> {
    if !given.contains("://") {
        return from_file(account, Path::new(given));
    }
    if !given.starts_with("https://") {
        return Err(Error::Malformed { given: given.to_owned(), what: "a file or an https:// address" });
    }
    fetched(account, given)
}

fn from_file(account: &Account<'_>, path: &Path) -> Result<Line, Error> {
    let unreadable = |source| IndexError::Unreadable { path: path.to_owned(), source };
    let file = fs::open_given(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::other("it is no regular file")).into());
    }
    let now = account.world.clock.now();
    let dated = fs::modified(path).unwrap_or(now);
    // Folders name people; the name of the file is enough to know it by.
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let updated = Update::begin(cache(account), now)?.replace(file, &name, dated)?;
    Ok(line(name, &updated))
}

fn fetched(account: &Account<'_>, url: &str) -> Result<Line, Error> {
    let now = account.world.clock.now();
    let update = Update::begin(cache(account), now)?;
    let mut staged = update.room()?;
    // What stands behind the path may be a key.
    let shown = url.split(['?', '#']).next().unwrap_or(url);
    account.traced(
        Action::Lookup,
        &format!("GET {shown}"),
        || -> Result<(), Error> {
            let response = account.http()?.get_into(url, FETCH_LIMIT, staged.file())?;
            match response.status {
                200 => Ok(()),
                status => Err(Error::HttpStatus { url: shown.to_owned(), status }),
            }
        },
        |()| ("200".to_owned(), None),
    )?;
    let file = staged.file().try_clone().map_err(|error| Error::Http(HttpError::Write(error)))?;
    let updated = update.replace(file, shown, now)?;
    Ok(line(shown.to_owned(), &updated))
}

fn line(source: String, updated: &Updated) -> Line {
    Line {
        schema: "mss.lookup-update/1",
        source,
        dated: updated.dated,
        mailboxes: updated.rows,
        bad_rows: updated.bad_rows,
    }
}
