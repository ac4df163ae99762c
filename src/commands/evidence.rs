//! What certificates are judged with beside the anchors: revocation lists, and issuers that only a certificate points to.
//!
//! The lists of the profile must be had before anybody is judged. A list that a certificate names is fetched once a path
//! to an anchor holds, so that only authorities that are believed send us anywhere; if it cannot be had, the certificate is
//! not believed. Issuers are fetched for certificates of the directory alone: whoever writes to us could otherwise learn
//! when a message is read, and from where. What is fetched is kept while it is good, once a judgement has come of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::account::Account;
use super::error::Error;
use super::traced::causes;
use crate::cms::Signer;
use crate::fs;
use crate::mail::Address;
use crate::net::{LIST_LIMIT, is_current};
use crate::pki::{self, Certificate, Finding, Purpose, RevocationList, Trusted};
use crate::trace::Action;

/// Most octets of what is published of an issuer: its certificate, and a few beside it.
const ISSUER_LIMIT: u64 = 128 * 1024;
/// Issuers fetched one above the other for one certificate; real paths have one or two.
const HIGHEST: usize = 3;
/// Addresses that certificates may send us to in one run.
const MOST_ADDRESSES: usize = 128;
/// Signers of one message that lists are fetched for.
const MOST_SIGNERS: usize = 8;

/// Something fetched from an address that a certificate names.
struct Fetched<T> {
    what: T,
    /// The octets as they came, until they are kept.
    fresh: RefCell<Option<Vec<u8>>>,
}

/// By address; `None` for what could not be had.
type Shelf<T> = RefCell<BTreeMap<String, Option<Fetched<T>>>>;

/// What was gathered so far.
pub(super) struct Evidence<'a> {
    account: &'a Account<'a>,
    configured: Vec<RevocationList>,
    lists: Shelf<RevocationList>,
    issuers: Shelf<Vec<Certificate>>,
    asked: Cell<usize>,
    /// Whether what is fetched is kept and traced.
    lasting: bool,
}

impl<'a> Evidence<'a> {
    /// The current list behind each address of the profile.
    pub(super) fn open(account: &'a Account<'a>) -> Result<Evidence<'a>, Error> {
        let configured = account.profile.trust.crl.iter().map(|url| configured(account, url));
        Ok(Evidence { configured: configured.collect::<Result<_, _>>()?, lasting: true, ..Evidence::trial(account) })
    }

    /// For a profile that is only tried: nothing is kept or traced.
    pub(super) fn trial(account: &'a Account<'a>) -> Evidence<'a> {
        let (lists, issuers, asked) = (Shelf::default(), Shelf::default(), Cell::new(0));
        Evidence { account, configured: Vec::new(), lists, issuers, asked, lasting: false }
    }

    /// Judges a certificate of the directory for an address.
    pub(super) fn judge(
        &self,
        leaf: &Certificate,
        purpose: Purpose,
        address: &Address,
        at: Timestamp,
    ) -> Result<Trusted, Finding> {
        let anchors = self.account.anchors();
        let find = |above: &[Certificate]| pki::find_path(leaf, above, anchors, purpose, Some(address), at);
        let mut above = Vec::new();
        let mut path = find(&above);
        if path == Err(Finding::Untrusted) && !leaf.issuer_urls().is_empty() {
            above = self.issuers_of(leaf);
            path = find(&above);
        }
        let path = path?;
        let trusted = pki::validate(leaf, &above, anchors, &self.lists_for(&path), purpose, Some(address), at)?;
        self.keep(&path);
        Ok(trusted)
    }

    /// The lists for those who signed a message, and whoever issued their certificates: at the moment it is judged, or,
    /// for a certificate that expired meanwhile, when it signed.
    pub(super) fn lists_for_signers(&self, signers: &[Signer], at: Timestamp) -> Vec<RevocationList> {
        let mut lists = self.configured.clone();
        for signer in signers.iter().take(MOST_SIGNERS) {
            let then = signer.signing_time.filter(|signed| *signed < at);
            let path = [Some(at), then].into_iter().flatten().find_map(|at| {
                let (leaf, above) = (&signer.certificate, &signer.certificates);
                pki::find_path(leaf, above, self.account.anchors(), Purpose::EmailSigning, None, at).ok()
            });
            lists.extend(path.iter().flat_map(|path| self.named_by(path)));
        }
        lists
    }

    /// The lists for whoever signed the white list. Those of the profile are often of the authority of persons alone; then
    /// they say nothing of an organisation, and what its certificate itself names decides.
    pub(super) fn lists_for_list_signer(&self, path: &[Certificate]) -> Vec<RevocationList> {
        let lists = self.lists_for(path);
        let told =
            path.first().is_some_and(|leaf| leaf.names_revocation_list() || lists.iter().any(|it| it.covers(leaf)));
        if told { lists } else { Vec::new() }
    }

    /// Keeps what the judgement of a path came of.
    pub(super) fn keep(&self, path: &[Certificate]) {
        // A list that does not say when the next one is due would be kept for ever.
        let tells = |list: &RevocationList| list.next_update().is_some() && path.iter().any(|it| list.covers(it));
        let kept = self.keep_shelf(&self.lists, "crl", tells);
        let kept = kept.and(self.keep_shelf(&self.issuers, "cer", |found| found.iter().any(|it| path.contains(it))));
        if let Err(error) = kept {
            self.account.world.warn(format!("what certificates are judged with cannot be kept: {}", causes(&error)));
        }
    }

    fn lists_for(&self, path: &[Certificate]) -> Vec<RevocationList> {
        self.configured.iter().cloned().chain(self.named_by(path)).collect()
    }

    /// What the certificates of a path name, where no list of the profile tells about them.
    fn named_by(&self, path: &[Certificate]) -> Vec<RevocationList> {
        let below_anchor = path.split_last().map_or(path, |(_, below)| below);
        let untold = below_anchor.iter().filter(|it| !self.configured.iter().any(|list| list.covers(it)));
        untold.filter_map(|it| it.revocation_list_urls().iter().find_map(|url| self.list(url, it))).collect()
    }

    /// The list at an address, if it is current and of the authority of this certificate.
    fn list(&self, url: &str, certificate: &Certificate) -> Option<RevocationList> {
        let read = |octets: &[u8]| {
            let list = RevocationList::from_bytes(octets)
                .ok()
                .filter(|list| is_current(list, self.account.world.clock.now()))?;
            list.covers(certificate).then_some(list)
        };
        self.fetched(&self.lists, Action::Revocation, "crl", url, LIST_LIMIT, read)
    }

    /// Who issued a certificate, one above the other, as far as each says where the next is; and what else stands there.
    fn issuers_of(&self, leaf: &Certificate) -> Vec<Certificate> {
        let now = self.account.world.clock.now();
        let read = |octets: &[u8]| {
            let found = Certificate::from_published(octets).ok()?.into_iter();
            Some(found.filter(|it| it.is_valid_at(now)).collect::<Vec<_>>()).filter(|found| !found.is_empty())
        };
        let (mut above, mut subject) = (Vec::new(), leaf.clone());
        for _ in 0..HIGHEST {
            let fetch = |url: &String| self.fetched(&self.issuers, Action::Issuer, "cer", url, ISSUER_LIMIT, read);
            let Some(found) = subject.issuer_urls().iter().find_map(fetch) else { break };
            let next = found.iter().find(|it| it.is_named_as_issuer_of(&subject) && !above.contains(*it)).cloned();
            above.extend(found);
            let Some(next) = next else { break };
            subject = next;
        }
        above
    }

    /// What is behind an address: fetched in this run, kept, or fetched now.
    fn fetched<T: Clone>(
        &self,
        shelf: &Shelf<T>,
        action: Action,
        extension: &str,
        url: &str,
        limit: u64,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        if let Some(known) = shelf.borrow().get(url) {
            return known.as_ref().map(|it| it.what.clone());
        }
        let kept = self.lasting.then(|| fs::read_private(&place(self.account, url, extension), limit).ok()).flatten();
        let found = match kept.and_then(|octets| read(&octets)) {
            Some(what) => Some(Fetched { what, fresh: RefCell::new(None) }),
            None => self.download(action, url, limit).and_then(|octets| {
                let what = read(&octets);
                if what.is_none() {
                    self.account.world.warn(format!("what {url} answered is not what certificates point to it for"));
                }
                what.map(|what| Fetched { what, fresh: RefCell::new(Some(octets)) })
            }),
        };
        let what = found.as_ref().map(|it| it.what.clone());
        shelf.borrow_mut().insert(url.to_owned(), found);
        what
    }

    fn download(&self, action: Action, url: &str, limit: u64) -> Option<Vec<u8>> {
        if self.asked.replace(self.asked.get() + 1) >= MOST_ADDRESSES {
            self.account
                .world
                .warn(format!("{url} is not asked: certificates name more than {MOST_ADDRESSES} addresses"));
            return None;
        }
        let answer = match self.lasting {
            true => self.account.traced_download(action, url, limit),
            false => self.account.download(url, limit),
        };
        answer.map_err(|error| self.account.world.warn(causes(&error))).ok()
    }

    fn keep_shelf<T>(&self, shelf: &Shelf<T>, extension: &str, of_path: impl Fn(&T) -> bool) -> Result<(), Error> {
        for (url, fetched) in shelf.borrow().iter().filter(|_| self.lasting) {
            let Some(it) = fetched.as_ref().filter(|it| of_path(&it.what)) else { continue };
            if let Some(octets) = it.fresh.take() {
                fs::private_dir(&self.account.world.places.cache)?;
                fs::write_cached(&place(self.account, url, extension), &octets)?;
            }
        }
        Ok(())
    }
}

/// A list that the profile names.
fn configured(account: &Account<'_>, url: &str) -> Result<RevocationList, Error> {
    let (kept, now) = (account.kept_lists(), account.world.clock.now());
    if let Some(found) = kept.get(url, now) {
        return Ok(found.list);
    }
    let octets = account.traced_download(Action::Revocation, url, LIST_LIMIT)?;
    let unusable = || Error::RevocationList { url: url.to_owned() };
    let list = RevocationList::from_bytes(&octets).map_err(|_| unusable())?;
    if !is_current(&list, now) {
        return Err(unusable());
    }
    kept.keep(url, &octets)?;
    Ok(list)
}

/// Where something is kept: under its address and the anchors it is judged with.
fn place(account: &Account<'_>, url: &str, extension: &str) -> PathBuf {
    match extension {
        "cer" => account.kept_lists().place(url, "issuer", extension),
        _ => account.kept_lists().place_of_list(url),
    }
}
