//! Whether the certificate of a server, or of who issued it, was revoked: by lists that are kept, by lists and responders that
//! its certificates name, by the answer the server brings along.
//!
//! One source that says "revoked" is enough to refuse, one that says "not revoked" is enough to go on. Only authorities that
//! are believed send us anywhere: the path was judged before anybody is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use jiff::{SignedDuration, Timestamp};

use super::dialer::Timeouts;
use super::error::{Untrusted, bounded};
use super::http::{HttpClient, Response};
use super::lists::{KeptLists, LIST_LIMIT, is_current};
use crate::pki::{
    Certificate, Finding, LARGEST_OCSP_RESPONSE, OCSP_NONCE, OcspError, OcspStatus, RevocationList, ocsp_request,
    ocsp_status, status_by_lists,
};

/// How long what a source said counts without asking again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// How long a list counts in a run without looking for a newer one.
const LISTED: Duration = Duration::from_secs(3600);
/// How long an address that gave nothing is not asked again.
const PAUSE: Duration = Duration::from_secs(60);
/// How long all that is asked about one server may take; a download that has begun is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one source may take to be reached, and between two of its octets.
const STEP: Duration = Duration::from_secs(10);
/// Addresses that certificates may send us to in one run.
const MOST_ADDRESSES: usize = 128;

/// What becomes of a server of whose certificate nobody tells whether it was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// It is refused: a list or a responder must clear each certificate of the path.
    Require,
    /// It is used, and that is told.
    IfReachable,
    /// It is used: nobody is asked.
    Off,
}

/// How it is learned whether the certificates of servers were revoked.
#[derive(Clone, Debug)]
pub struct Revocation {
    pub policy: RevocationPolicy,
    /// Lists beside those that the certificates name.
    pub lists: Vec<String>,
    /// Where lists are kept; nowhere for a profile that is only tried.
    pub kept: Option<KeptLists>,
}

impl Revocation {
    pub(super) fn asks(&self) -> bool {
        self.policy != RevocationPolicy::Off
    }

    /// A server waits in the middle of the handshake meanwhile.
    pub(super) fn timeouts(&self, of_profile: Timeouts) -> Timeouts {
        let connect = of_profile.connect.min(STEP);
        Timeouts { connect, handshake: STEP, block: STEP, reply: PATIENCE, ..of_profile }
    }
}

/// What was found about the revocation of a server's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Each was cleared; by what, in words.
    Cleared { by: String },
    /// Nobody could tell, and the profile goes on all the same.
    Unknown {
        why: String,
        /// Whether the certificates say where it could be learned.
        named: bool,
    },
}

/// Finds out, and remembers for the run.
pub(super) struct Judge {
    revocation: Revocation,
    http: HttpClient,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Until when a certificate counts as not revoked, and by what, by its fingerprint.
    cleared: BTreeMap<[u8; 32], (Timestamp, String)>,
    /// Lists by address, kept or fetched, and since when they are known.
    lists: BTreeMap<String, (Instant, RevocationList)>,
    /// Addresses whose list of this run is kept already.
    kept: BTreeSet<String>,
    /// Addresses that gave nothing: when, and why.
    silent: BTreeMap<String, (Instant, String)>,
    /// Addresses that were asked, however often.
    asked: BTreeSet<String>,
}

impl Memory {
    fn known(&self, url: &str, at: Timestamp) -> Option<RevocationList> {
        let (since, list) = self.lists.get(url)?;
        let counts = since.elapsed() < LISTED && is_current(list, at);
        counts.then(|| list.clone())
    }
}

/// What is asked about one certificate, and what came of it so far.
struct Question<'a> {
    subject: &'a Certificate,
    issuer: &'a Certificate,
    at: Timestamp,
    end: Instant,
    lists: Vec<RevocationList>,
    reasons: Vec<String>,
}

impl Judge {
    pub(super) fn new(revocation: Revocation, http: HttpClient) -> Judge {
        Judge { revocation, http, memory: Mutex::default() }
    }

    /// Judges a path: the server's certificate first. Of those from `anchors` on nobody needs to tell unless they say
    /// themselves who does: they are believed as they are.
    pub(super) fn judge(
        &self,
        path: &[Certificate],
        anchors: usize,
        stapled: &[u8],
        at: Timestamp,
    ) -> Result<Verdict, Untrusted> {
        // Connections that are opened side by side ask once: the others wait for the answer.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + PATIENCE;
        let mut by = Vec::new();
        let mut unknown = None;
        for (place, pair) in path.windows(2).enumerate() {
            let [subject, issuer] = pair else { continue };
            let named = subject.names_revocation_source();
            let question = Question { subject, issuer, at, end, lists: Vec::new(), reasons: Vec::new() };
            let stapled = if place == 0 { stapled } else { &[] };
            if subject == issuer {
                continue;
            }
            match self.ask(&mut memory, question, stapled) {
                Ok(source) => by.push(source),
                Err(Refusal::Revoked) if place == 0 => return Err(Untrusted::Revoked),
                Err(Refusal::Revoked) => return Err(Untrusted::IssuerRevoked { issuer: shown(subject) }),
                Err(Refusal::Unknown(_)) if place >= anchors && !named => {}
                Err(Refusal::Unknown(why)) if self.revocation.policy == RevocationPolicy::Require => {
                    return Err(Untrusted::RevocationUnknown { of: shown(subject), why });
                }
                Err(Refusal::Unknown(why)) => unknown = unknown.or(Some(Verdict::Unknown { why, named })),
            }
        }
        by.dedup();
        Ok(unknown.unwrap_or(Verdict::Cleared { by: by.join(", ") }))
    }

    /// Whether one certificate was revoked: first by what is at hand, then by what has to be fetched. What cleared it, in words.
    fn ask(
        &self,
        memory: &mut MutexGuard<'_, Memory>,
        mut it: Question<'_>,
        stapled: &[u8],
    ) -> Result<String, Refusal> {
        let fingerprint = it.subject.sha256();
        if let Some((until, by)) = memory.cleared.get(&fingerprint)
            && it.at < *until
            && stapled.is_empty()
        {
            return Ok(by.clone());
        }
        let mut cleared = match stapled {
            [] => None,
            octets => it.by_answer(octets, None, "the answer that the server brought")?,
        };
        let own = it.subject.revocation_list_urls();
        let listed = [own.as_slice(), self.revocation.lists.as_slice()];
        for urls in listed {
            if it.lists.is_empty() {
                for url in urls {
                    let found = self.list_at_hand(memory, &it, url);
                    it.lists.extend(found);
                }
                it.lists.retain(|list| list.covers(it.subject));
                cleared = it.by_lists()?.or(cleared);
            }
        }
        for urls in listed {
            for url in urls {
                if cleared.is_none() {
                    let fetched = self.fetched_list(memory, &mut it, url);
                    it.lists.extend(fetched);
                    cleared = it.by_lists()?;
                }
            }
        }
        if cleared.is_none() {
            for url in it.subject.responder_urls() {
                cleared = self.by_responder(memory, &mut it, &url)?;
                if cleared.is_some() {
                    break;
                }
            }
        }
        let Some((until, by)) = cleared else { return Err(Refusal::Unknown(it.why(&own))) };
        memory.cleared.insert(fingerprint, (until.min(it.at + REMEMBERED), by.clone()));
        Ok(by)
    }

    /// A list that needs no fetching: one of this run, or a kept one that is young. An old one tells too, once it was tried to
    /// get a newer one.
    fn list_at_hand(&self, memory: &mut Memory, it: &Question<'_>, url: &str) -> Option<RevocationList> {
        if let Some(known) = self.known_list(memory, it, url) {
            return Some(known);
        }
        let kept = self.revocation.kept.as_ref()?.get(url, it.at).filter(|kept| it.believes(&kept.list))?;
        if !kept.young
            && it.in_time(url).is_ok()
            && let Ok(list) = self.download_list(memory, it, url)
            // Somebody on the way may bring one of another authority, or repeat one from before a revocation.
            && (list.covers(it.subject) || !kept.list.covers(it.subject))
            && list.this_update() >= kept.list.this_update()
        {
            self.remember(memory, it, url, &list);
            return Some(list);
        }
        memory.kept.insert(url.to_owned());
        memory.lists.insert(url.to_owned(), (Instant::now(), kept.list.clone()));
        Some(kept.list)
    }

    /// A list as it stands at its address now, if it is about the certificate that is asked about.
    fn fetched_list(&self, memory: &mut Memory, it: &mut Question<'_>, url: &str) -> Option<RevocationList> {
        if let Some(known) = self.known_list(memory, it, url) {
            return Some(known);
        }
        match it.in_time(url).and_then(|()| self.download_list(memory, it, url)) {
            Ok(list) => {
                self.remember(memory, it, url, &list);
                Some(list)
            }
            Err(why) => {
                it.reasons.push(why);
                None
            }
        }
    }

    fn known_list(&self, memory: &mut Memory, it: &Question<'_>, url: &str) -> Option<RevocationList> {
        let known = memory.known(url, it.at).filter(|list| it.believes(list))?;
        self.keep(memory, it, url, &known);
        Some(known)
    }

    fn remember(&self, memory: &mut Memory, it: &Question<'_>, url: &str, list: &RevocationList) {
        memory.kept.remove(url);
        self.keep(memory, it, url, list);
        memory.lists.insert(url.to_owned(), (Instant::now(), list.clone()));
    }

    /// Keeps a list for the next run once it is known who signed it: what anybody may put in the way must not take the place of
    /// one that is good.
    fn keep(&self, memory: &mut Memory, it: &Question<'_>, url: &str, list: &RevocationList) {
        let Some(kept) = self.revocation.kept.as_ref() else { return };
        if list.covers(it.subject) && list.next_update().is_some() && memory.kept.insert(url.to_owned()) {
            // A folder that cannot be written makes the next run ask again, and nothing else.
            let _ = kept.keep(url, list.der());
        }
    }

    fn download_list(&self, memory: &mut Memory, it: &Question<'_>, url: &str) -> Result<RevocationList, String> {
        let response =
            self.exchange(memory, url, || self.http.get_public(url, LIST_LIMIT).map_err(|error| words(&error)))?;
        let list = RevocationList::from_bytes(&response.body).map_err(|error| format!("{url}: {error}"));
        let list = list.and_then(|list| match list.next_update() {
            Some(next) if next <= it.at => {
                Err(format!("the list at {url} expired on {}", next.strftime("%Y-%m-%d %H:%M")))
            }
            _ if list.this_update() > it.at => Err(format!("the list at {url} is dated in the future")),
            _ if !it.believes(&list) => Err(format!("the list at {url} is not signed by {}", shown(it.issuer))),
            _ => Ok(list),
        });
        if let Err(why) = &list {
            memory.silent.insert(url.to_owned(), (Instant::now(), why.clone()));
        }
        list
    }

    /// What a responder says: what it said a moment ago, what it says now, or, where it is away, what it said last.
    fn by_responder(
        &self,
        memory: &mut Memory,
        it: &mut Question<'_>,
        url: &str,
    ) -> Result<Option<(Timestamp, String)>, Refusal> {
        let (kept, sha256, source) =
            (self.revocation.kept.as_ref(), it.subject.sha256(), format!("the responder {url}"));
        let last = kept.and_then(|kept| kept.answer(url, &sha256, it.at));
        if let Some((octets, true)) = &last
            && let Some(cleared) = it.by_answer(octets, None, &source)?
        {
            return Ok(Some(cleared));
        }
        let mut nonce = [0u8; OCSP_NONCE];
        let drawn = rand::fill(&mut nonce).is_ok();
        let Some(request) = ocsp_request(it.subject, it.issuer, &nonce).filter(|_| drawn) else { return Ok(None) };
        let limit = LARGEST_OCSP_RESPONSE as u64;
        let post =
            || self.http.post_public(url, "application/ocsp-request", &request, limit).map_err(|error| words(&error));
        let answered = it.in_time(url).and_then(|()| self.exchange(memory, url, post));
        let judged = match &answered {
            Ok(response) => it.status(&response.body, Some(&nonce)).map_err(|error| format!("{source}: {error}")),
            Err(why) => Err(why.clone()),
        };
        let last = last.map(|(octets, _)| octets);
        let told_last = last.as_ref().and_then(|octets| it.status(octets, None).ok());
        match (judged, told_last) {
            // Somebody on the way may repeat what was said before the revocation.
            (Ok(OcspStatus::Good { made, .. }), Some(OcspStatus::Revoked { made: since })) if made <= since => {
                Err(Refusal::Revoked)
            }
            (Ok(status), _) => {
                if let (Some(kept), Ok(response)) = (kept, &answered) {
                    // As with lists: a folder that cannot be written makes the next run ask again.
                    let _ = kept.keep_answer(url, &sha256, &response.body);
                }
                cleared_by(status, &source).map(Some)
            }
            (Err(why), told_last) => {
                it.reasons.push(why);
                told_last.map(|status| cleared_by(status, &source)).transpose()
            }
        }
    }

    /// One exchange with a source, unless it gave nothing a moment ago.
    fn exchange(
        &self,
        memory: &mut Memory,
        url: &str,
        exchange: impl FnOnce() -> Result<Response, String>,
    ) -> Result<Response, String> {
        if let Some((since, why)) = memory.silent.get(url)
            && since.elapsed() < PAUSE
        {
            return Err(why.clone());
        }
        if memory.asked.len() >= MOST_ADDRESSES && !memory.asked.contains(url) {
            return Err(format!("{url} is not asked: certificates name more than {MOST_ADDRESSES} addresses"));
        }
        memory.asked.insert(url.to_owned());
        let answered = exchange().map_err(|why| format!("{url}: {why}")).and_then(|response| match response.status {
            200 => Ok(response),
            status => Err(format!("{url} answered with status {status}")),
        });
        if let Err(why) = &answered {
            memory.silent.insert(url.to_owned(), (Instant::now(), why.clone()));
        }
        answered
    }
}

/// Why a certificate was not cleared.
enum Refusal {
    Revoked,
    /// Nobody told; why not.
    Unknown(String),
}

impl Question<'_> {
    fn in_time(&self, url: &str) -> Result<(), String> {
        if Instant::now() < self.end { Ok(()) } else { Err(format!("{url} is not asked: the time for that is over")) }
    }

    /// Whether a list may be what it says: one in the name of the issuer is signed by it. One in another name tells nothing here.
    fn believes(&self, list: &RevocationList) -> bool {
        !list.covers(self.subject) || list.is_signed_by(self.issuer)
    }

    /// What the lists say that are at hand, and until when that counts.
    fn by_lists(&mut self) -> Result<Option<(Timestamp, String)>, Refusal> {
        match status_by_lists(self.subject, self.issuer, &self.lists, self.at) {
            Ok(()) => {
                let dues = self.lists.iter().filter(|list| list.covers(self.subject)).filter_map(|it| it.next_update());
                Ok(dues.max().map(|until| (until, "a revocation list".to_owned())))
            }
            Err(Finding::Revoked) => Err(Refusal::Revoked),
            Err(_) => Ok(None),
        }
    }

    /// What the answer of a responder says.
    fn by_answer(
        &mut self,
        octets: &[u8],
        nonce: Option<&[u8; OCSP_NONCE]>,
        source: &str,
    ) -> Result<Option<(Timestamp, String)>, Refusal> {
        match self.status(octets, nonce) {
            Ok(status) => cleared_by(status, source).map(Some),
            Err(error) => {
                self.reasons.push(format!("{source}: {error}"));
                Ok(None)
            }
        }
    }

    fn status(&self, octets: &[u8], nonce: Option<&[u8; OCSP_NONCE]>) -> Result<OcspStatus, OcspError> {
        ocsp_status(octets, self.subject, self.issuer, nonce, &self.lists, self.at)
    }

    /// Why nobody told.
    fn why(&self, own: &[String]) -> String {
        if !self.reasons.is_empty() {
            return bounded(&self.reasons.join("; "));
        }
        match own.first() {
            Some(url) => format!("what {url} has does not tell of it"),
            None => "it names neither a list nor a responder, and trust.crl names none that tells of it".to_owned(),
        }
    }
}

fn cleared_by(status: OcspStatus, source: &str) -> Result<(Timestamp, String), Refusal> {
    match status {
        OcspStatus::Good { until, .. } => Ok((until, source.to_owned())),
        OcspStatus::Revoked { .. } => Err(Refusal::Revoked),
    }
}

/// An error and its causes on one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    bounded(&text)
}

fn shown(certificate: &Certificate) -> String {
    certificate.common_name().unwrap_or_else(|| certificate.subject())
}

#[cfg(test)]
impl Judge {
    /// Forgets what was found, as time would.
    pub(super) fn forget(&self) {
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Memory::default();
    }
}
