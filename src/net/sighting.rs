//! What was learned of servers while connections were opened, for those who tell of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::revocation::Verdict;

/// Sightings remembered; no profile has so many servers.
const MOST: usize = 256;

/// A server as one connection found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Host and port.
    pub endpoint: String,
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: String,
    /// The registered name of the cipher suite.
    pub suite: String,
    /// SHA-256 of its certificate.
    pub sha256: [u8; 32],
    /// Whole days until that expires.
    pub days_left: i64,
    /// When that expires.
    pub not_after: Timestamp,
    /// What is known of its revocation; nothing where nobody was asked.
    pub verdict: Option<Verdict>,
}

/// The sightings of a run, each certificate at each place once.
#[derive(Default)]
pub(super) struct Sightings(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    known: BTreeSet<(String, [u8; 32])>,
    fresh: Vec<Sighting>,
}

impl Sightings {
    pub(super) fn add(&self, sighting: Sighting) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.known.len() < MOST && seen.known.insert((sighting.endpoint.clone(), sighting.sha256)) {
            seen.fresh.push(sighting);
        }
    }

    /// Those that nobody was told of yet.
    pub(super) fn take(&self) -> Vec<Sighting> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).fresh)
    }
}
