//! What a domain publishes, remembered for a while: a day where servers were found, a quarter of an hour where not.
//!
//! It is a private file that may be lost at any time. Names in it are judged again, their addresses are asked for anew, and who
//! answers there is judged by certificate, as if it had just come.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::gate::judge_name;
use super::offer::{Offer, Published, Service};
use crate::fs::{self, FsError};
use crate::hex::Hex;

const FOUND_FOR: SignedDuration = SignedDuration::from_hours(24);
const NOT_FOUND_FOR: SignedDuration = SignedDuration::from_mins(15);
/// Octets of the file that are read.
const FILE_LIMIT: u64 = 256 * 1024;
const VERSION: u32 = 1;

/// Where the answers about one domain are kept.
pub struct Cache {
    dir: PathBuf,
    file: PathBuf,
    private: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    domain: String,
    asked_at: Timestamp,
    published: Published,
}

impl Cache {
    /// The place for a domain. `way` tells apart what was asked for in different ways, such as of other name servers.
    pub fn new(dir: &Path, domain: &str, way: &str, private: bool) -> Cache {
        let name = digest::digest(&digest::SHA256, format!("{domain}\n{way}\n{private}").as_bytes());
        let file = dir.join(format!("discovery-{}.json", Hex(&name.as_ref()[..8])));
        Cache { dir: dir.to_owned(), file, private }
    }

    /// What was found not too long ago, and when.
    pub fn read(&self, domain: &str, now: Timestamp) -> Option<(Published, Timestamp)> {
        let octets = fs::read_private(&self.file, FILE_LIMIT).ok()?;
        let kept: Kept = serde_json::from_slice(&octets).ok()?;
        let age = now.duration_since(kept.asked_at);
        // Asked for under a wrong clock, if in the future.
        let young = !age.is_negative() && age < lifetime(&kept.published);
        let sound = kept.published.offers.iter().all(|offer| judge_name(&offer.host, self.private).is_ok());
        let is_it = kept.version == VERSION && kept.domain == domain && young && sound;
        is_it.then_some((kept.published, kept.asked_at))
    }

    /// Remembers what was found now.
    pub fn write(&self, domain: &str, published: &Published, now: Timestamp) -> Result<(), FsError> {
        let kept = Kept { version: VERSION, domain: domain.to_owned(), asked_at: now, published: published.clone() };
        let Ok(octets) = serde_json::to_vec(&kept) else { return Ok(()) };
        fs::private_dir(&self.dir)?;
        fs::write_cached(&self.file, &octets)
    }
}

/// Both services, from a server that could be asked: anything less may be mended soon.
fn lifetime(published: &Published) -> SignedDuration {
    let whole = Service::ALL.into_iter().all(|service| published.offers.iter().any(|it: &Offer| it.service == service));
    if whole && published.troubles.is_empty() { FOUND_FOR } else { NOT_FOUND_FOR }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;

    fn offer(service: Service, host: &str) -> Offer {
        let origin = Origin::Srv { name: "_x".to_owned(), priority: 1, weight: 2 };
        Offer { service, host: host.to_owned(), port: 143, implicit_tls: false, origin, user: None }
    }

    #[test]
    fn what_was_found_is_known_for_a_day_and_what_was_not_for_a_quarter_of_an_hour() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("cache");
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let cache = Cache::new(&dir, "x.fr", "", false);
        assert!(cache.read("x.fr", now).is_none());
        let offers = Service::ALL.map(|service| offer(service, "a.fr")).to_vec();
        for (published, minutes) in
            [(Published { offers, ..Published::default() }, 24 * 60), (Published::default(), 15)]
        {
            cache.write("x.fr", &published, now).unwrap();
            let after = |minutes| cache.read("x.fr", now + SignedDuration::from_mins(minutes));
            assert_eq!(after(minutes - 1), Some((published, now)));
            assert_eq!((after(minutes), after(-1)), (None, None));
        }
        assert_eq!(cache.read("y.fr", now), None, "of another domain");
    }

    #[test]
    fn a_file_that_was_changed_is_judged_again_or_left() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("cache");
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let published = Published { offers: vec![offer(Service::Mailbox, "localhost")], ..Published::default() };
        let cache = Cache::new(&dir, "x.fr", "", false);
        cache.write("x.fr", &published, now).unwrap();
        assert_eq!(cache.read("x.fr", now), None);
        fs::write_cached(&cache.file, b"{").unwrap();
        assert_eq!(cache.read("x.fr", now), None);
        assert_ne!(cache.file, Cache::new(&dir, "x.fr", "", true).file);
    }
}
