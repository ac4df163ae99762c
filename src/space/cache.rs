//! The kept copy of the white list: used while it is young, replaced by a newer one, never by an older one.
//!
//! The copy is kept as it was signed and verified again each time it is read, so the cache folder need not be trusted.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};

use super::list::{LIST_LIMIT, ListError, WhiteList};
use crate::fs::{self, FsError};
use crate::hex::Hex;
use crate::pki::{ListsFor, TrustAnchors};

/// A copy younger than this is used without asking for another.
const REFETCH_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// A list made longer ago than this is told of.
const OLD_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What went wrong on the way to a newer list.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It could not be fetched.
    #[error("the white list cannot be fetched")]
    Fetch(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was fetched is not believed.
    #[error("the white list that was fetched is not accepted")]
    List(#[from] ListError),
    /// The copy cannot be kept.
    #[error("the white list cannot be kept")]
    Keep(#[from] FsError),
}

/// How old a list is, by its own date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Made in the last seven days.
    Current,
    /// Made longer ago: usable, and worth a warning.
    Old { days: i64 },
}

/// A verified list and how it was come by.
#[derive(Debug)]
pub struct Held {
    /// The list.
    pub list: WhiteList,
    /// When this copy was fetched.
    pub fetched_at: Timestamp,
    /// Its age by its own date.
    pub freshness: Freshness,
    /// Why a newer list could not be had or kept, if one was wanted.
    pub trouble: Option<CacheError>,
}

impl Held {
    fn new(list: WhiteList, fetched_at: Timestamp, now: Timestamp) -> Held {
        let age = now.duration_since(list.generated());
        let freshness = if age > OLD_AFTER { Freshness::Old { days: age.as_hours() / 24 } } else { Freshness::Current };
        Held { list, fetched_at, freshness, trouble: None }
    }

    /// Young enough; a copy from the future was fetched under a wrong clock and is not.
    fn is_young(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.fetched_at);
        !age.is_negative() && age < REFETCH_AFTER
    }
}

/// Where the copy of one signer's list is kept.
pub struct ListCache<'a> {
    dir: PathBuf,
    name: String,
    anchors: TrustAnchors,
    signer_cn: String,
    crls_for: &'a ListsFor<'a>,
}

impl<'a> ListCache<'a> {
    /// A cache in a private folder, made when first needed. Lists of other signers or other anchors have other names.
    pub fn new(dir: &Path, anchors: &TrustAnchors, signer_cn: &str, crls_for: &'a ListsFor<'a>) -> ListCache<'a> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(signer_cn.as_bytes());
        for anchor in anchors.certificates() {
            context.update(&anchor.sha256());
        }
        let name = format!("white-list-{}", Hex(&context.finish().as_ref()[..8]));
        ListCache { dir: dir.to_owned(), name, anchors: anchors.clone(), signer_cn: signer_cn.to_owned(), crls_for }
    }

    /// The kept copy, if there is one that verifies. Asks nobody.
    pub fn kept(&self, now: Timestamp) -> Option<Held> {
        let xml = fs::read_private(&self.path("xml"), LIST_LIMIT).ok()?;
        let stamped = self.fetched_at(&xml).filter(|at| *at <= now);
        // A signer's certificate may end while its last list is still the newest there is.
        let list = self.verify(&xml, stamped.unwrap_or(now)).ok()?;
        let fetched_at = stamped.unwrap_or(list.generated());
        Some(Held::new(list, fetched_at, now))
    }

    /// The list to go by: the kept one while it is younger than a day, else the one `fetch` brings if it verifies and is
    /// not older, else the kept one with the trouble told.
    pub fn current(
        &self,
        now: Timestamp,
        fetch: impl FnOnce() -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Held, CacheError> {
        if let Some(held) = self.kept(now).filter(|held| held.is_young(now)) {
            return Ok(held);
        }
        match fetch().map_err(CacheError::Fetch).and_then(|xml| self.take(&xml, now)) {
            Ok(held) => Ok(held),
            Err(trouble) => match self.kept(now) {
                Some(held) => Ok(Held { trouble: Some(trouble), ..held }),
                None => Err(trouble),
            },
        }
    }

    /// Verifies what was fetched and keeps it, unless an older list than the kept one is offered.
    fn take(&self, xml: &[u8], now: Timestamp) -> Result<Held, CacheError> {
        let list = self.verify(xml, now)?;
        let guarded = fs::private_dir(&self.dir).and_then(|()| fs::Lock::acquire(&self.path("lock")));
        // Another process may have kept a newer one in the meantime: compare under the lock.
        if let Some(kept) = self.kept(now)
            && kept.list.generated() > list.generated()
        {
            let offered = list.generated();
            return Err(ListError::OlderThanKept { kept: kept.list.generated(), offered }.into());
        }
        let stored = guarded.and_then(|_lock| self.store(xml, now));
        Ok(Held { trouble: stored.err().map(CacheError::Keep), ..Held::new(list, now, now) })
    }

    fn verify(&self, xml: &[u8], at: Timestamp) -> Result<WhiteList, ListError> {
        WhiteList::verify(xml, &self.anchors, &self.signer_cn, self.crls_for, at)
    }

    fn store(&self, xml: &[u8], now: Timestamp) -> Result<(), FsError> {
        fs::write_private(&self.path("xml"), xml)?;
        // The note names the copy it is about: one that was lost or is older makes the copy due, no more.
        fs::write_cached(&self.path("fetched"), format!("{now} {}\n", fingerprint(xml)).as_bytes())
    }

    /// When this very copy was fetched, if that was noted.
    fn fetched_at(&self, xml: &[u8]) -> Option<Timestamp> {
        let note = String::from_utf8(fs::read_private(&self.path("fetched"), 200).ok()?).ok()?;
        let (at, of) = note.trim_end().split_once(' ')?;
        if of == fingerprint(xml) { at.parse().ok() } else { None }
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.dir.join(format!("{}.{extension}", self.name))
    }
}

fn fingerprint(xml: &[u8]) -> String {
    Hex(digest::digest(&digest::SHA256, xml).as_ref()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::specimen::no_lists;
    use crate::space::specimen::{SIGNER, noon, signer};

    const MONDAY: &str = "2026-05-31T01:00:00Z";
    const TUESDAY: &str = "2026-06-01T01:00:00Z";

    fn cache(dir: &Path) -> ListCache<'static> {
        ListCache::new(&dir.join("cache"), &signer().anchors, SIGNER, &no_lists)
    }

    fn never() -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        panic!("nobody was to be asked")
    }

    fn offline() -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Err("no network".into())
    }

    fn after(hours: i64) -> Timestamp {
        noon() + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_young_copy_is_used_without_asking() {
        let dir = tempfile::tempdir().unwrap();
        let first = cache(dir.path()).current(noon(), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        assert!(first.trouble.is_none() && first.list.admits("a.test"));
        let second = cache(dir.path()).current(after(23), never).unwrap();
        assert!(second.list.admits("a.test"));
        assert_eq!(second.fetched_at, noon());
        assert_eq!(second.freshness, Freshness::Current);
    }

    #[test]
    fn after_a_day_the_newer_list_takes_its_place() {
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path()).current(noon(), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        let next = cache(dir.path()).current(after(24), || Ok(signer().list(TUESDAY, &["b.test"]))).unwrap();
        assert!(next.list.admits("b.test") && !next.list.admits("a.test"));
        assert!(cache(dir.path()).kept(after(25)).unwrap().list.admits("b.test"));
    }

    #[test]
    fn an_older_list_is_refused_and_the_kept_one_used() {
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path()).current(noon(), || Ok(signer().list(TUESDAY, &["b.test"]))).unwrap();
        let held = cache(dir.path()).current(after(30), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        assert!(held.list.admits("b.test"));
        assert!(matches!(held.trouble, Some(CacheError::List(ListError::OlderThanKept { .. }))));
    }

    #[test]
    fn without_a_network_the_kept_copy_tells_its_age_and_nothing_kept_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(cache(dir.path()).current(noon(), offline), Err(CacheError::Fetch(_))));
        cache(dir.path()).current(noon(), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        let held = cache(dir.path()).current(after(24 * 9), offline).unwrap();
        assert!(matches!(held.trouble, Some(CacheError::Fetch(_))));
        assert_eq!(held.freshness, Freshness::Old { days: 10 });
    }

    #[test]
    fn what_does_not_verify_is_neither_kept_nor_used() {
        let dir = tempfile::tempdir().unwrap();
        let changed = || String::from_utf8(signer().list(MONDAY, &["a.test"])).unwrap().replace("a.test", "evil.test");
        let refused = cache(dir.path()).current(noon(), || Ok(changed().into_bytes()));
        assert!(matches!(refused, Err(CacheError::List(ListError::BadDigest))));
        assert!(cache(dir.path()).kept(noon()).is_none());
        // Nor is a kept copy that somebody changed.
        cache(dir.path()).current(noon(), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        fs::write_private(&cache(dir.path()).path("xml"), changed().as_bytes()).unwrap();
        assert!(cache(dir.path()).kept(noon()).is_none());
        assert!(matches!(cache(dir.path()).current(after(1), offline), Err(CacheError::Fetch(_))));
    }

    #[test]
    fn a_kept_copy_outlives_the_certificate_of_its_signer() {
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path()).current(noon(), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        let years = after(24 * 800);
        assert!(cache(dir.path()).kept(years).is_some());
        assert!(
            cache(dir.path()).current(years, || Ok(signer().list(TUESDAY, &["b.test"]))).unwrap().trouble.is_some()
        );
    }

    #[test]
    fn a_clock_that_went_backwards_makes_the_copy_due() {
        let dir = tempfile::tempdir().unwrap();
        cache(dir.path()).current(after(100), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        let held = cache(dir.path()).current(noon(), || Ok(signer().list(TUESDAY, &["b.test"]))).unwrap();
        assert!(held.list.admits("b.test"));
    }

    #[test]
    fn a_list_that_cannot_be_kept_is_used_and_the_trouble_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write_private(&dir.path().join("cache"), b"a file in the way").unwrap();
        let held = cache(dir.path()).current(noon(), || Ok(signer().list(MONDAY, &["a.test"]))).unwrap();
        assert!(held.list.admits("a.test"));
        assert!(matches!(held.trouble, Some(CacheError::Keep(_))));
    }
}
