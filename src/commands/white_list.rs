//! The signed list of admitted domains, for those who judge by it.

use super::account::Account;
use super::error::Error;
use super::evidence::Evidence;
use crate::pki::Certificate;
use crate::space::{CacheError, Freshness, LIST_LIMIT, ListCache, WhiteList};
use crate::trace::Action;

impl Account<'_> {
    /// The signed list of admitted domains: the kept copy while it is young, else a new one.
    pub(super) fn white_list(&self, evidence: &Evidence<'_>) -> Result<WhiteList, Error> {
        let source = &self.profile.list;
        let now = self.world.clock.now();
        let lists = |path: &[Certificate]| evidence.lists_for_list_signer(path);
        let cache = ListCache::new(&self.world.places.cache, self.anchors(), &source.signer, &lists);
        let held = cache.current(now, || {
            let fetched = self.traced_download(Action::List, &source.url, LIST_LIMIT);
            fetched.map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
        })?;
        if let Some(trouble) = held.trouble {
            self.world.warn(format!("{trouble}; the copy of {} is used", held.fetched_at));
        }
        if let Freshness::Old { days } = held.freshness {
            self.world.warn(format!("the white list was made {days} days ago"));
        }
        Ok(held.list)
    }

    /// The signed list as it is now, neither kept nor traced: for a profile that is only tried.
    pub(super) fn fetch_white_list(&self) -> Result<WhiteList, Error> {
        let source = &self.profile.list;
        let response = self.http()?.get(&source.url, &[], LIST_LIMIT)?;
        if response.status != 200 {
            return Err(Error::HttpStatus { url: source.url.clone(), status: response.status });
        }
        let trial = Evidence::trial(self);
        let lists = |path: &[Certificate]| trial.lists_for_list_signer(path);
        let list = WhiteList::verify(&response.body, self.anchors(), &source.signer, &lists, self.world.clock.now());
        Ok(list.map_err(CacheError::from)?)
    }
}
