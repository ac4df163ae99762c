//! Revocation lists and answers of responders that are kept on this machine, so that the last one that is good still tells when
//! its server is away.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};

use crate::fs::{self, FsError};
use crate::hex::Hex;
use crate::pki::{LARGEST_OCSP_RESPONSE, RevocationList, TrustAnchors};

/// Most octets of a revocation list that are read.
pub const LIST_LIMIT: u64 = 32 * 1024 * 1024;

/// How long a kept list is used without asking whether there is a newer one.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);
/// The same for the answer of a responder, which is asked because it knows sooner.
const YOUNG_ANSWER: SignedDuration = SignedDuration::from_hours(1);

/// The folder of what is kept, for those who trust the same anchors.
#[derive(Clone, Debug)]
pub struct KeptLists {
    folder: PathBuf,
    anchors: Vec<u8>,
}

/// A list that was kept.
#[derive(Clone, Debug)]
pub struct KeptList {
    pub list: RevocationList,
    /// Whether it was fetched so lately that nobody is asked for a newer one.
    pub young: bool,
}

impl KeptLists {
    /// What is kept in a folder under these anchors.
    pub fn new(folder: &Path, anchors: &TrustAnchors) -> KeptLists {
        let anchors = anchors.certificates().iter().flat_map(|anchor| anchor.sha256()).collect();
        KeptLists { folder: folder.to_owned(), anchors }
    }

    /// Where something fetched from an address is kept.
    pub fn place(&self, url: &str, kind: &str, extension: &str) -> PathBuf {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.anchors);
        context.update(stable(url).as_bytes());
        let digest = context.finish();
        self.folder.join(format!("{kind}-{}.{extension}", Hex(&digest.as_ref()[..8])))
    }

    /// Where the list of an address is kept.
    pub fn place_of_list(&self, url: &str) -> PathBuf {
        self.place(url, "revocation", "crl")
    }

    /// The kept list of an address while it is good. What cannot be read is fetched again: the folder may be deleted at any
    /// time. So is a list that does not say when the next one is due: it would be kept for ever.
    pub fn get(&self, url: &str, now: Timestamp) -> Option<KeptList> {
        let place = self.place_of_list(url);
        let list = RevocationList::from_bytes(&fs::read_private(&place, LIST_LIMIT).ok()?).ok()?;
        let good = is_current(&list, now) && list.next_update().is_some();
        good.then_some(KeptList { list, young: is_young(&place, now, YOUNG) })
    }

    /// Keeps a list in the place of the one before it.
    pub fn keep(&self, url: &str, octets: &[u8]) -> Result<(), FsError> {
        fs::private_dir(&self.folder)?;
        fs::write_cached(&self.place_of_list(url), octets)
    }
}

impl KeptLists {
    /// The kept answer of a responder about a certificate, and whether it is so young that nobody is asked again. Who reads it
    /// judges it anew.
    pub(super) fn answer(&self, url: &str, sha256: &[u8; 32], now: Timestamp) -> Option<(Vec<u8>, bool)> {
        let place = self.place_of_answer(url, sha256);
        let octets = fs::read_private(&place, LARGEST_OCSP_RESPONSE as u64).ok()?;
        Some((octets, is_young(&place, now, YOUNG_ANSWER)))
    }

    /// Keeps an answer in the place of the one before it.
    pub(super) fn keep_answer(&self, url: &str, sha256: &[u8; 32], octets: &[u8]) -> Result<(), FsError> {
        fs::private_dir(&self.folder)?;
        fs::write_cached(&self.place_of_answer(url, sha256), octets)
    }

    fn place_of_answer(&self, url: &str, sha256: &[u8; 32]) -> PathBuf {
        self.place(&format!("{url} {}", Hex(sha256)), "answer", "ocsp")
    }
}

/// A clock that was set back makes a file of the future, which counts as old.
fn is_young(place: &Path, now: Timestamp, limit: SignedDuration) -> bool {
    fs::modified(place).is_some_and(|then| (now - limit..=now + limit).contains(&then))
}

/// Whether a list was made and the next one is not due yet.
pub fn is_current(list: &RevocationList, now: Timestamp) -> bool {
    list.this_update() <= now && list.next_update().is_none_or(|next| now < next)
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
