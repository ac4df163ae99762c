//! Every exchange with a server under an entry of the trace: opened before the first octet leaves, closed with the outcome.

use super::account::Account;
use super::error::Error;
use crate::directory::DirectoryError;
use crate::mail::{Address, MessageId};
use crate::trace::{Action, Answer, Deed, Entry, Outcome};

/// Most octets of a list that are downloaded.
const DOWNLOAD_LIMIT: u64 = 64 * 1024 * 1024;

impl Account<'_> {
    /// Opens an entry.
    pub(super) fn begin(
        &self,
        action: Action,
        request: &str,
        message_id: Option<&MessageId>,
        recipients: &[Address],
    ) -> Result<Entry, Error> {
        let deed = Deed { message_id, recipients, ..Deed::new(&self.profile.author, self.address(), action, request) };
        self.world.step(format!("{}: {request}", action.word()));
        Ok(self.trace()?.begin(&deed)?)
    }

    /// Closes it.
    pub(super) fn end(&self, entry: Entry, answer: &Answer<'_>) -> Result<(), Error> {
        (self.world.tell)(super::Told::Detail(format!("  {}: {}", answer.outcome.word(), answer.text)));
        Ok(self.trace()?.end(entry, answer)?)
    }

    /// One exchange that either succeeds as a whole or fails as a whole; `tell` says what the answer was, and how many.
    pub(super) fn traced<T, E: Into<Error>>(
        &self,
        action: Action,
        request: &str,
        work: impl FnOnce() -> Result<T, E>,
        tell: impl FnOnce(&T) -> (String, Option<u64>),
    ) -> Result<T, Error> {
        let entry = self.begin(action, request, None, &[])?;
        match work() {
            Ok(done) => {
                let (text, count) = tell(&done);
                self.end(entry, &Answer { count, ..Answer::new(Outcome::Done, &text) })?;
                Ok(done)
            }
            Err(error) => {
                let error = error.into();
                self.end(entry, &Answer::new(outcome_of(&error), &causes(&error)))?;
                Err(error)
            }
        }
    }

    /// One question to the directory. What was asked for stays out of the trace: it names people.
    pub(super) fn traced_lookup<T>(
        &self,
        work: impl FnOnce() -> Result<T, DirectoryError>,
        count: impl FnOnce(&T) -> usize,
    ) -> Result<T, Error> {
        self.traced(Action::Lookup, "directory search", work, |found| {
            ("answered".to_owned(), Some(count(found) as u64))
        })
    }

    /// One download of something that proves itself by its own signature.
    pub(super) fn traced_download(&self, action: Action, url: &str) -> Result<Vec<u8>, Error> {
        let http = self.http()?;
        self.traced(
            action,
            &format!("GET {url}"),
            || {
                let response = http.get_public(url, DOWNLOAD_LIMIT)?;
                match response.status {
                    200 => Ok(response.body),
                    status => Err(Error::HttpStatus { url: url.to_owned(), status }),
                }
            },
            |octets| (format!("200, {} octets", octets.len()), None),
        )
    }

    /// Signs what the trace holds by now.
    pub fn sign_off(&self) -> Result<(), Error> {
        if self.trace_is_open() {
            self.trace()?.checkpoint()?;
        }
        Ok(())
    }
}

/// How a failure counts: a server that said no, or no answer at all.
fn outcome_of(error: &Error) -> Outcome {
    match error {
        Error::HttpStatus { .. } => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

/// An error and its causes on one line.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
