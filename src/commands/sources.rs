//! Who is asked who is who: the service, the index on this machine, or one after the other.

use std::path::Path;

use jiff::Timestamp;

use super::account::Account;
use super::error::Error;
use crate::directory::index::{Index, IndexError};
use crate::directory::{Answer, Directory, DirectoryError, Query};
use crate::net::{HttpError, LinkError};
use crate::space::CacheError;
use crate::vault::Source;

/// How a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who is asked, where the profile's own order is not meant.
    pub sources: Option<&'a [Source]>,
    /// Whether an extraction of any age is believed.
    pub allow_old: bool,
    /// Mailboxes that are told.
    pub limit: usize,
}

impl Asking<'_> {
    /// As the profile says.
    pub fn usual(limit: usize) -> Asking<'static> {
        Asking { sources: None, allow_old: false, limit }
    }
}

/// The extraction that an answer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// The file or the address it was read from.
    pub source: String,
    /// When it was made.
    pub dated: Timestamp,
    /// How many days ago that was.
    pub days: i64,
}

impl Extraction {
    pub(super) fn of(index: &Index, now: Timestamp) -> Extraction {
        Extraction { source: index.source().to_owned(), dated: index.dated(), days: index.days(now) }
    }
}

impl Account<'_> {
    /// The index, if it is young enough for the profile, or of any age.
    pub(super) fn index(&self, limit: usize, allow_old: bool) -> Result<Index, Error> {
        let index = Index::open(cache(self), limit)?;
        if allow_old {
            return Ok(index);
        }
        Ok(index.not_older_than(self.profile.directory.index_max_age.signed(), self.world.clock.now())?)
    }

    /// The index, where the profile has it asked before the service. One that is missing or too old is told of, and the service
    /// is asked, if it is one of the sources.
    pub(super) fn index_before_service(&self, limit: usize) -> Result<Option<Index>, Error> {
        let sources = &self.profile.directory.sources;
        if sources.first() != Some(&Source::Index) {
            return Ok(None);
        }
        match self.index(limit, false) {
            Ok(index) => Ok(Some(index)),
            Err(Error::Index(error)) if sources.contains(&Source::Fhir) && is_only_out_of_date(&error) => {
                self.world.warn(format!("{error}; the service is asked"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the service is one of the sources.
    pub(super) fn asks_service(&self) -> bool {
        self.profile.directory.sources.contains(&Source::Fhir)
    }
}

/// Asks the index. Nothing leaves the machine, so nothing is traced.
pub(super) fn ask(index: &Index, query: &Query) -> Result<Answer, Error> {
    index.search(query).map_err(of_index)
}

/// A failure of the index is told as such, and not as one of the service.
pub(super) fn of_index(error: DirectoryError) -> Error {
    match error {
        DirectoryError::Index(error) => Error::Index(error),
        error => Error::Directory(error),
    }
}

/// Where the index stands.
pub(super) fn cache<'a>(account: &Account<'a>) -> &'a Path {
    &account.world.places.cache
}

/// Whether there is no index to ask, though nothing is wrong with this machine.
pub(super) fn is_only_out_of_date(error: &IndexError) -> bool {
    matches!(error, IndexError::Missing | IndexError::Old { .. } | IndexError::Format)
}

/// Whether the service gave no answer because it is away. One that proves itself wrongly, refuses us or talks nonsense is not
/// away: that is told, and nobody else is asked in its place.
pub(super) fn is_away(error: &Error) -> bool {
    let away = |error: &HttpError| match error {
        HttpError::Link(link) => matches!(
            link,
            LinkError::Unreachable { .. }
                | LinkError::Timeout { .. }
                | LinkError::Broken { .. }
                | LinkError::ProxyRefused { .. }
        ),
        _ => false,
    };
    match error {
        Error::Http(error) | Error::Directory(DirectoryError::Unreachable(error)) => away(error),
        Error::Directory(DirectoryError::Busy { .. } | DirectoryError::Failing { .. }) => true,
        Error::HttpStatus { status, .. } => *status >= 500,
        Error::List(CacheError::Fetch(source)) => source.downcast_ref::<Error>().is_some_and(is_away),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::net::Untrusted;

    #[test]
    fn a_service_that_is_not_what_it_says_is_not_away() {
        let endpoint = || "annuaire.example:443".to_owned();
        let unreachable = || LinkError::Unreachable { endpoint: endpoint(), source: io::ErrorKind::NotFound.into() };
        let asked = |link| Error::Directory(DirectoryError::Unreachable(HttpError::Link(link)));
        assert!(is_away(&asked(unreachable())));
        assert!(is_away(&Error::List(CacheError::Fetch(Box::new(Error::Http(HttpError::Link(unreachable())))))));
        assert!(is_away(&Error::Directory(DirectoryError::Failing { status: 502 })));
        for error in [
            asked(LinkError::Untrusted { endpoint: endpoint(), why: Untrusted::Expired }),
            Error::Directory(DirectoryError::Key { status: 401 }),
            Error::Directory(DirectoryError::ForeignPage),
            Error::Directory(DirectoryError::Malformed("no")),
            Error::Interrupted,
        ] {
            assert!(!is_away(&error), "{error:?}");
        }
    }
}
