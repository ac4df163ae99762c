//! IDLE (RFC 2177): the server tells by itself when something changes, and is looked at without waiting for it.

use super::exchange::{announced, tagged};
use super::{Failure, ImapError, Session, Stage};
use crate::net;

/// Most octets that a server may say without being asked, where its answer is waited for. Nothing of them is kept, and they may
/// be many: where somebody marks all messages of a large folder, there is a line for each.
const NEWS_LIMIT: usize = 16 * 1024 * 1024;

/// Octets after which a look ends, whatever else the server has to say.
const LOOK_LIMIT: usize = 256 * 1024;

/// What the server told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing that matters.
    Nothing,
    /// Messages came, went or changed.
    Change,
}

/// A session that waits for news. Dropped without [`Waiting::end`], it is of no more use.
pub struct Waiting {
    session: Session,
    tag: String,
}

impl Session {
    /// Begins to wait in the selected folder, where the server has IDLE; the session itself where it has not.
    pub fn wait(mut self) -> Result<Result<Waiting, Session>, ImapError> {
        let stage = Stage::Idle;
        if !self.can("IDLE") {
            return Ok(Err(self));
        }
        let tag = self.exchange.begin(stage, "IDLE")?;
        let mut heard = 0;
        loop {
            let line = self.exchange.next_line(stage, &mut heard, NEWS_LIMIT)?;
            if line.starts_with(b"+") {
                return Ok(Ok(Waiting { session: self, tag }));
            }
            if tagged(&line, &tag).is_some() {
                // It says no: then it is asked now and then, like a server that has no IDLE.
                self.lies.push("IDLE");
                return Ok(Err(self));
            }
            self.exchange.refuse_farewell(stage, &line)?;
        }
    }

    /// Something may have come of which the server will not tell: the next wait is over at once.
    pub fn expect_news(&mut self) {
        self.exchange.news = true;
    }

    /// Asks whether anything changed (NOOP).
    pub fn ask_for_news(&mut self) -> Result<News, ImapError> {
        let mut news = self.told_before();
        self.exchange.ask(Stage::Idle, "NOOP", &mut |line, _| {
            if is_change(line) {
                news = News::Change;
            }
            Ok(())
        })?;
        Ok(news)
    }
}

impl Session {
    /// What was told while something else was asked for.
    fn told_before(&mut self) -> News {
        if std::mem::take(&mut self.exchange.news) { News::Change } else { News::Nothing }
    }
}

impl Waiting {
    /// What the server told since the last look; does not wait for it.
    pub fn look(&mut self) -> Result<News, ImapError> {
        let mut news = self.session.told_before();
        let (stage, exchange, mut heard) = (Stage::Idle, &mut self.session.exchange, 0);
        while heard < LOOK_LIMIT && exchange.heard() != net::Heard::Nothing {
            // A connection that is gone shows itself by the read.
            let line = exchange.next_line(stage, &mut heard, NEWS_LIMIT)?;
            exchange.refuse_farewell(stage, &line)?;
            if tagged(&line, &self.tag).is_some() || announced(&line) > 0 || !line.starts_with(b"* ") {
                return Err(exchange.broken(stage, Failure::Protocol("waiting was ended, and not by us")));
            }
            if is_change(&line) {
                news = News::Change;
            }
        }
        Ok(news)
    }

    /// Ends the wait; what the server told meanwhile.
    pub fn end(mut self) -> Result<(Session, News), ImapError> {
        let stage = Stage::Idle;
        self.session.exchange.say(stage, b"DONE\r\n")?;
        let (mut news, mut heard) = (News::Nothing, 0);
        loop {
            let line = self.session.exchange.next_line(stage, &mut heard, NEWS_LIMIT)?;
            if tagged(&line, &self.tag).is_some() {
                return Ok((self.session, news));
            }
            self.session.exchange.refuse_farewell(stage, &line)?;
            if is_change(&line) {
                news = News::Change;
            }
        }
    }
}

/// `* 5 EXISTS`, `* 3 EXPUNGE`, `* 3 FETCH (...)`, `* VANISHED ...`: anything that is about messages.
fn is_change(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line.strip_prefix(b"* ").unwrap_or_default()).to_ascii_uppercase();
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(number), Some("EXISTS" | "EXPUNGE" | "FETCH")) => number.bytes().all(|b| b.is_ascii_digit()),
        (Some("VANISHED"), Some(_)) => true,
        _ => false,
    }
}
