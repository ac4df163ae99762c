//! `purge-check`: when the mailbox will be erased, and what is past its keep-by date here. Offline, from our own records.

use std::path::Path;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::world::World;
use crate::fs;
use crate::mail::{MailboxState, RetentionPolicy, mailbox_term};

/// Copies of directory data are kept for at most this many days.
const CACHE_DAYS: i64 = 30;

/// One mailbox, or one kind of thing that is kept here.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub schema: &'static str,
    /// `mailbox`, `fetched`, `outbox` or `cache`.
    pub kind: &'static str,
    /// Absent for what all profiles share.
    pub profile: Option<String>,
    pub mailbox: Option<String>,
    /// `ok`, `warn`, `urgent`, `overdue` or `unknown`.
    pub state: &'static str,
    /// The last sign-in that succeeded, with mss, on this machine.
    pub last_sign_in: Option<Timestamp>,
    pub days_since: Option<i64>,
    /// The first day on which the operator may erase the mailbox.
    pub erase_on: Option<Date>,
    /// How many messages or files are past their keep-by date.
    pub overdue: Option<u64>,
    /// The term, in days.
    pub keep_days: Option<u32>,
}

impl Line {
    /// Whether something has to be done now.
    pub fn is_pressing(&self) -> bool {
        matches!(self.state, "urgent" | "overdue")
    }
}

/// Judges the mailbox of a profile and what is kept of it.
pub fn check(account: &Account<'_>) -> Result<Vec<Line>, Error> {
    let now = account.world.clock.now();
    let retention = &account.profile.retention;
    let mut lines = vec![mailbox(account, now)?];
    let keep = i64::from(retention.keep_days);
    let before = now.saturating_sub(SignedDuration::from_hours(24 * keep)).unwrap_or(Timestamp::MIN);
    let state = account.state()?;
    let fetched = match fs::exists(&state.join("inbox.db")) {
        true => account.inbox()?.older_than(before)?.iter().filter(|kept| fs::exists(&kept.place)).count() as u64,
        false => 0,
    };
    let outbox = match fs::exists(&state.join("outbox.db")) {
        true => account.outbox()?.expired(before)?,
        false => 0,
    };
    lines.push(local(Some(account), "fetched", fetched, retention.keep_days));
    lines.push(local(Some(account), "outbox", outbox, retention.keep_days));
    Ok(lines)
}

/// Judges the copies of lists that all profiles share.
pub fn check_cache(world: &World<'_>) -> Result<Line, Error> {
    let overdue = old_files(&world.places.cache, world.clock.now())?;
    Ok(local(None, "cache", overdue, CACHE_DAYS as u32))
}

fn mailbox(account: &Account<'_>, now: Timestamp) -> Result<Line, Error> {
    let retention = &account.profile.retention;
    let policy = RetentionPolicy {
        warn_months: retention.warn_months,
        urgent_months: retention.urgent_months,
        erase_months: retention.erase_months,
    };
    let last_sign_in = account.last_sign_in()?;
    let term = mailbox_term(last_sign_in, now, &policy);
    Ok(Line {
        last_sign_in,
        days_since: term.days_since,
        erase_on: term.erase_on,
        ..line(Some(account), "mailbox", term.state)
    })
}

fn local(account: Option<&Account<'_>>, kind: &'static str, overdue: u64, keep_days: u32) -> Line {
    let state = if overdue > 0 { MailboxState::Overdue } else { MailboxState::Ok };
    Line { overdue: Some(overdue), keep_days: Some(keep_days), ..line(account, kind, state) }
}

fn line(account: Option<&Account<'_>>, kind: &'static str, state: MailboxState) -> Line {
    Line {
        schema: "mss.purge-check/1",
        kind,
        profile: account.map(|account| account.name.to_owned()),
        mailbox: account.map(|account| account.address().to_string()),
        state: state.as_str(),
        last_sign_in: None,
        days_since: None,
        erase_on: None,
        overdue: None,
        keep_days: None,
    }
}

/// Files of the cache that were not written anew for longer than copies may be kept.
fn old_files(cache: &Path, now: Timestamp) -> Result<u64, Error> {
    let before = now.saturating_sub(SignedDuration::from_hours(24 * CACHE_DAYS)).unwrap_or(Timestamp::MIN);
    Ok(fs::count_older(cache, before)?)
}
