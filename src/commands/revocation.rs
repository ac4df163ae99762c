//! Revocation lists: the kept copies while they are current, else new ones; without a current one nothing is judged.

use std::path::PathBuf;

use aws_lc_rs::digest;

use super::account::Account;
use super::error::Error;
use crate::fs;
use crate::hex::Hex;
use crate::pki::RevocationList;
use crate::trace::Action;

/// Most octets of a revocation list that are read.
const LIMIT: u64 = 32 * 1024 * 1024;

/// The current list behind each address of the profile.
pub(super) fn current(account: &Account<'_>) -> Result<Vec<RevocationList>, Error> {
    account.profile.trust.crl.iter().map(|url| one(account, url)).collect()
}

fn one(account: &Account<'_>, url: &str) -> Result<RevocationList, Error> {
    let path = place(account, url);
    if let Some(kept) = kept(account, &path) {
        return Ok(kept);
    }
    let octets = account.traced_download(Action::Revocation, url)?;
    let unusable = || Error::RevocationList { url: url.to_owned() };
    let list = RevocationList::from_bytes(&octets).map_err(|_| unusable())?;
    if !is_current(account, &list) {
        return Err(unusable());
    }
    fs::private_dir(&account.world.places.cache)?;
    fs::write_cached(&path, &octets)?;
    Ok(list)
}

/// A kept copy that is still current. What cannot be read is fetched again: the folder may be deleted at any time. So is a
/// list that does not say when the next one is due (RFC 5280, section 5.1.2.5, wants it to): it would be kept for ever.
fn kept(account: &Account<'_>, path: &std::path::Path) -> Option<RevocationList> {
    let octets = fs::read_private(path, LIMIT).ok()?;
    RevocationList::from_bytes(&octets).ok().filter(|list| list.next_update().is_some() && is_current(account, list))
}

fn is_current(account: &Account<'_>, list: &RevocationList) -> bool {
    let now = account.world.clock.now();
    list.this_update() <= now && list.next_update().is_none_or(|next| now < next)
}

/// Where a list is kept: under its address and the anchors it is judged with.
fn place(account: &Account<'_>, url: &str) -> PathBuf {
    let mut context = digest::Context::new(&digest::SHA256);
    for anchor in account.anchors().certificates() {
        context.update(&anchor.sha256());
    }
    context.update(stable(url).as_bytes());
    let digest = context.finish();
    account.world.places.cache.join(format!("revocation-{}.crl", Hex(&digest.as_ref()[..8])))
}

/// The address without its port on loopback, where the system chooses another one for each run.
fn stable(url: &str) -> &str {
    url.strip_prefix("http://127.0.0.1:").map_or(url, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::stable;

    #[test]
    fn only_the_port_on_loopback_is_left_out() {
        assert_eq!(stable("http://127.0.0.1:4711/racine.crl"), "/racine.crl");
        assert_eq!(stable("http://crl.example:4711/racine.crl"), "http://crl.example:4711/racine.crl");
    }
}
