//! Every exchange with a server under an entry of the trace: opened before the first octet leaves, closed with the outcome.

use super::Told;
use super::account::Account;
use super::error::Error;
use crate::directory::DirectoryError;
use crate::mail::{Address, MessageId};
use crate::net::Endpoint;
use crate::trace::{Action, Answer, Deed, Entry, Outcome, Trace};

/// Who writes into the trace, and for which mailbox: what a connection on a thread of its own needs of an account.
#[derive(Clone, Copy)]
pub(super) struct Scribe<'a> {
    pub(super) trace: &'a Trace,
    author: &'a str,
    mailbox: &'a Address,
}

impl<'a> Scribe<'a> {
    /// A deed of this author for this mailbox.
    pub(super) fn deed<'d>(&self, action: Action, request: &'d str) -> Deed<'d>
    where
        'a: 'd,
    {
        Deed::new(self.author, self.mailbox, action, request)
    }

    /// What is told when an entry is opened.
    pub(super) fn told_begin(action: Action, request: &str) -> Told {
        Told::Step(format!("{}: {request}", action.word()))
    }

    /// What is told when it is closed.
    pub(super) fn told_end(outcome: Outcome, text: &str) -> Told {
        Told::Detail(format!("  {}: {text}", outcome.word()))
    }

    /// Opens a session, which signs in, under an entry.
    pub(super) fn sign_in<T>(
        &self,
        request: &str,
        tell: &dyn Fn(Told),
        open: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        tell(Scribe::told_begin(Action::SignIn, request));
        let entry = self.trace.begin(&self.deed(Action::SignIn, request))?;
        let opened = open();
        let (outcome, text) = match &opened {
            Ok(_) => (Outcome::Done, "signed in".to_owned()),
            Err(error) => (outcome_of(error), told(error)),
        };
        tell(Scribe::told_end(outcome, &text));
        self.trace.end(entry, &Answer::new(outcome, &text))?;
        opened
    }
}

impl Account<'_> {
    /// Who writes into the trace of this account.
    pub(super) fn scribe(&self) -> Result<Scribe<'_>, Error> {
        Ok(Scribe { trace: self.trace()?, author: &self.profile.author, mailbox: self.address() })
    }

    /// Opens an entry.
    pub(super) fn begin(
        &self,
        action: Action,
        request: &str,
        message_id: Option<&MessageId>,
        recipients: &[Address],
    ) -> Result<Entry, Error> {
        let scribe = self.scribe()?;
        let deed = Deed { message_id, recipients, ..scribe.deed(action, request) };
        (self.world.tell)(Scribe::told_begin(action, request));
        Ok(scribe.trace.begin(&deed)?)
    }

    /// Closes it.
    pub(super) fn end(&self, entry: Entry, answer: &Answer<'_>) -> Result<(), Error> {
        (self.world.tell)(Scribe::told_end(answer.outcome, answer.text));
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
        let worked = work();
        self.tell_of_servers();
        match worked {
            Ok(done) => {
                let (text, count) = tell(&done);
                self.end(entry, &Answer { count, ..Answer::new(Outcome::Done, &text) })?;
                Ok(done)
            }
            Err(error) => {
                let error = error.into();
                self.end(entry, &Answer::new(outcome_of(&error), &told(&error)))?;
                Err(error)
            }
        }
    }

    /// Opens a session, which signs in.
    pub(super) fn traced_sign_in<T>(
        &self,
        server: &str,
        endpoint: &Endpoint,
        open: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let request = format!("{server} {endpoint}, {}", self.profile.signin.method.word());
        let opened = self.scribe()?.sign_in(&request, self.world.tell, open);
        self.tell_of_servers();
        opened
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
    pub(super) fn traced_download(&self, action: Action, url: &str, limit: u64) -> Result<Vec<u8>, Error> {
        self.traced(
            action,
            &format!("GET {url}"),
            || self.download(url, limit),
            |octets| (format!("200, {} octets", octets.len()), None),
        )
    }

    /// The same without an entry: for a profile that is only tried.
    pub(super) fn download(&self, url: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let response = self.http()?.get_public(url, limit)?;
        match response.status {
            200 => Ok(response.body),
            status => Err(Error::HttpStatus { url: url.to_owned(), status }),
        }
    }

    /// Signs what the trace holds by now.
    pub fn sign_off(&self) -> Result<(), Error> {
        self.tell_of_servers();
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

/// What the trace is told of a failure: what was said on the way to a server and back. Of a fault on this machine nothing
/// is said: it names files, and their names may name people.
pub(super) fn told(error: &Error) -> String {
    match error {
        Error::CodeRefused { .. }
        | Error::Dialer(_)
        | Error::Directory(_)
        | Error::Http(_)
        | Error::HttpStatus { .. }
        | Error::Imap(_)
        | Error::Keys { .. }
        | Error::NoKeys { .. }
        | Error::NoTokenSource
        | Error::OwnCertificateRefused { .. }
        | Error::Prompt(_)
        | Error::Proxy(_)
        | Error::ProxyPasswordCommand { .. }
        | Error::SaslSetting { .. }
        | Error::SignIn(_)
        | Error::Smtp(_)
        | Error::TokenNotWanted { .. } => causes(error),
        _ => "a fault on this machine".to_owned(),
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;
    use crate::fs::FsError;
    use crate::smime::OpenError;

    #[test]
    fn the_trace_is_told_no_name_of_a_file() {
        let path = || PathBuf::from("/srv/labo/Mme Durand/compte rendu.pdf");
        let full = || FsError::Io { deed: "write", path: path(), source: io::ErrorKind::StorageFull.into() };
        let faults = [
            Error::Fs(full()),
            Error::Open(OpenError::Fs(full())),
            Error::OutputFolder { path: path(), source: full() },
            Error::AttachmentUnreadable { path: path(), source: io::ErrorKind::NotFound.into() },
        ];
        for fault in faults {
            assert!(causes(&fault).contains("Durand"));
            assert_eq!(told(&fault), "a fault on this machine");
        }
        let refused = Error::HttpStatus { url: "https://annuaire.example/list".to_owned(), status: 403 };
        assert_eq!(told(&refused), "https://annuaire.example/list answered with status 403");
    }
}
