//! The settings of sending as values: how fast, how long it is tried, who is told, how long a server may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::written::{as_text, optional_text};
use crate::net;
use crate::pace::{Rate, Span};

/// When a server is asked to tell of a delivery (RFC 3461).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notify {
    /// It is in the mailbox.
    Success,
    /// It could not be delivered.
    Failure,
    /// It is still under way after some time.
    Delay,
    /// Nothing is to be told.
    Never,
}

/// How messages leave the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Outbox {
    /// Connections side by side.
    pub jobs: u8,
    /// Messages in flight on each.
    pub window: u8,
    #[serde(with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How long after it was queued a message is given up.
    #[serde(with = "as_text")]
    pub expire_after: Span,
    pub notify: Vec<Notify>,
    /// Whether each message is also handed over for the mailbox it is from.
    pub copy_to_self: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_command: Option<String>,
}

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox {
            jobs: 4,
            window: 16,
            rate: None,
            expire_after: Span::of_days(5),
            notify: vec![Notify::Failure, Notify::Delay],
            copy_to_self: false,
            alert_command: None,
        }
    }
}

/// How many seconds each step with a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Timeouts {
    pub connect: u32,
    pub greeting: u32,
    pub mail: u32,
    pub rcpt: u32,
    pub data: u32,
    pub block: u32,
    pub last_reply: u32,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        let usual = net::Timeouts::default();
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Timeouts {
            connect: seconds(usual.connect),
            greeting: seconds(usual.greeting),
            mail: seconds(usual.mail),
            rcpt: seconds(usual.rcpt),
            data: seconds(usual.data),
            block: seconds(usual.block),
            last_reply: seconds(usual.last_reply),
        }
    }
}

impl Timeouts {
    /// The same as a connection keeps them.
    pub fn of_connection(self) -> net::Timeouts {
        let time = |seconds: u32| Duration::from_secs(u64::from(seconds));
        net::Timeouts {
            connect: time(self.connect),
            greeting: time(self.greeting),
            mail: time(self.mail),
            rcpt: time(self.rcpt),
            data: time(self.data),
            block: time(self.block),
            last_reply: time(self.last_reply),
            ..net::Timeouts::default()
        }
    }
}
