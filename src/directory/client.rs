//! The directory's FHIR server over HTTPS: the key, the requests, and patience with a server that asks for it.

use std::time::Duration;

use super::entry::{Answer, Listed, Query};
use super::merge::Evidence;
use super::request::origin;
use super::resources::PAGE_LIMIT;
use super::walk::{Ask, Reply, Walk, seconds};
use super::{Directory, DirectoryError, question};
use crate::clock::Clock;
use crate::mail::Address;
use crate::net::HttpClient;
use crate::secret::Secret;

/// The header the key travels in.
const KEY: &str = "ESANTE-API-KEY";
const ACCEPT: (&str, &str) = ("Accept", "application/fhir+json");
/// Waits for one request before the refusal is told.
const MOST_WAITS: u32 = 2;
/// Longest single wait; a server that asks for more is told of at once.
const LONGEST_WAIT: u64 = 10;

/// A FHIR directory and the key to it.
pub struct Fhir {
    http: HttpClient,
    base: String,
    key: Option<Secret<String>>,
    certificate_extension: Option<String>,
    clock: Clock,
    wait: fn(Duration),
}

impl Fhir {
    /// A directory at a base address such as `https://gateway.api.esante.gouv.fr/fhir/v2`.
    ///
    /// The national directory publishes no certificates. Where one does, `certificate_extension` is the URL of the
    /// extension that carries them (`valueBase64Binary`, DER); without it such extensions are not read.
    pub fn new(
        http: HttpClient,
        base: &str,
        key: Option<Secret<String>>,
        certificate_extension: Option<String>,
        clock: Clock,
    ) -> Result<Fhir, DirectoryError> {
        let base = base.trim().trim_end_matches('/').to_owned();
        if origin(&base).is_none() {
            return Err(DirectoryError::Base);
        }
        Ok(Fhir { http, base, key, certificate_extension, clock, wait: std::thread::sleep })
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            source: &self.base,
            seen_at: self.clock.now(),
            certificate_extension: self.certificate_extension.as_deref(),
        }
    }

    fn ask(&self, ask: &Ask<'_>) -> Result<Reply, DirectoryError> {
        patiently(self.wait, || self.ask_once(ask))
    }

    fn ask_once(&self, ask: &Ask<'_>) -> Result<Reply, DirectoryError> {
        let mut headers = vec![ACCEPT];
        if let Some(key) = &self.key {
            headers.push((KEY, key.expose()));
        }
        let response = match ask {
            Ask::Search(search) => {
                let url = format!("{}/{}/_search", self.base, search.resource);
                self.http.post_form(&url, &headers, &search.parameters(), PAGE_LIMIT)
            }
            Ask::Page(url) => self.http.get(url, &headers, PAGE_LIMIT),
        };
        let response = response.map_err(DirectoryError::Unreachable)?;
        let retry_after = response.header("Retry-After").map(str::to_owned);
        Ok(Reply { status: response.status, retry_after, body: response.body })
    }
}

impl Directory for Fhir {
    fn search(&self, query: &Query) -> Result<Answer, DirectoryError> {
        let mut asker = |ask: Ask<'_>| self.ask(&ask);
        question::answer(&mut Walk::new(&self.base, &mut asker), query, &self.evidence())
    }

    fn find_address(&self, address: &Address) -> Result<Option<Listed>, DirectoryError> {
        let mut asker = |ask: Ask<'_>| self.ask(&ask);
        let evidence = self.evidence();
        let mut walk = Walk::new(&self.base, &mut asker);
        question::by_address(&mut walk, address, &evidence, false)?;
        let entries = walk.collected.entries(&evidence);
        Ok(Answer { entries, complete: walk.complete }.listed(address))
    }
}

/// Asks again after 429 and 503, as long as the server asks for, a bounded number of times.
fn patiently(
    wait: fn(Duration),
    mut ask: impl FnMut() -> Result<Reply, DirectoryError>,
) -> Result<Reply, DirectoryError> {
    let mut waits = 0;
    loop {
        let reply = ask()?;
        let asked_for = reply.retry_after.as_deref().and_then(seconds);
        let pause = asked_for.unwrap_or(1 << waits);
        if !matches!(reply.status, 429 | 503) || waits == MOST_WAITS || pause > LONGEST_WAIT {
            return Ok(reply);
        }
        wait(Duration::from_secs(pause));
        waits += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::net::scripted::{Peer, dialer, serve_tls};
    use crate::pki::specimen::NOON;

    /// Reads one request: its first line, its headers and its form.
    fn request(peer: &mut Peer) -> (String, Vec<String>, String) {
        let first = peer.line();
        let headers: Vec<String> = std::iter::repeat_with(|| peer.line()).take_while(|line| !line.is_empty()).collect();
        let length = headers.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let form = peer.octets(length.unwrap_or(0));
        (first, headers, String::from_utf8(form).unwrap())
    }

    fn answer(peer: &mut Peer, status: &str, body: &str) {
        peer.send(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    fn fhir(base: &str) -> Result<Fhir, DirectoryError> {
        let key = Some(Secret::new("key-of-test".to_owned()));
        Fhir::new(HttpClient::new(dialer()), base, key, None, Clock::Fixed(NOON.parse().unwrap()))
    }

    #[test]
    fn questions_are_posted_as_forms_with_the_key() {
        let server = serve_tls(|peer| {
            for resource in ["Practitioner", "PractitionerRole", "Organization"] {
                let (first, headers, form) = request(peer);
                assert_eq!(first, format!("POST /fhir/v2/{resource}/_search HTTP/1.1"));
                assert!(headers.iter().any(|line| line.eq_ignore_ascii_case("esante-api-key: key-of-test")));
                assert!(form.contains("mailbox-mss%3Aexact=a%2Bb%40x.test"), "{form}");
                let body = include_str!("../../tests/vectors/fhir/organization.json")
                    .replace("dpi.entrant@hopital-essai.exemple-mss.test", "a+b@x.test");
                answer(peer, "200 OK", &body);
            }
        });
        let fhir = fhir(&format!("https://{}/fhir/v2/", server.endpoint)).unwrap();
        let listed = fhir.find_address(&"A+b@x.test".parse().unwrap()).unwrap().unwrap();
        assert_eq!(listed.registered.holder, "HOPITAL D ESSAI DE L OUEST");
        assert_eq!(listed.registered.source, format!("https://{}/fhir/v2", server.endpoint));
        server.join();
    }

    #[test]
    fn a_refused_key_is_told_as_such() {
        let server = serve_tls(|peer| {
            request(peer);
            answer(peer, "401 Unauthorized", "<html>who are you?</html>");
        });
        let fhir = fhir(&format!("https://{}/fhir/v2", server.endpoint)).unwrap();
        let error = fhir.search(&Query { rpps: "99700000013".parse().ok(), ..Query::default() }).unwrap_err();
        assert!(matches!(error, DirectoryError::Key { status: 401 }), "{error:?}");
        server.join();
    }

    #[test]
    fn the_key_never_goes_in_clear() {
        for base in ["http://127.0.0.1/fhir/v2", "", "127.0.0.1", "https://"] {
            assert!(matches!(fhir(base), Err(DirectoryError::Base)), "{base}");
        }
    }

    thread_local! {
        static WAITED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }

    /// Asks a server that gives these answers; tells the status in the end and the seconds waited.
    fn asked(replies: &[(u16, Option<&str>)]) -> (u16, Vec<u64>) {
        WAITED.take();
        let mut replies = replies.iter();
        let reply = patiently(
            |pause| WAITED.with_borrow_mut(|waited| waited.push(pause.as_secs())),
            || {
                let (status, retry_after) = replies.next().expect("no more requests than replies");
                Ok(Reply { status: *status, retry_after: retry_after.map(str::to_owned), body: Vec::new() })
            },
        );
        (reply.unwrap().status, WAITED.take())
    }

    #[test]
    fn a_busy_server_is_asked_again_when_it_says() {
        assert_eq!(asked(&[(429, Some("3")), (200, None)]), (200, vec![3]));
        assert_eq!(asked(&[(503, None), (503, None), (200, None)]), (200, vec![1, 2]));
    }

    #[test]
    fn patience_ends() {
        assert_eq!(asked(&[(429, None), (429, None), (429, None)]), (429, vec![1, 2]));
        assert_eq!(asked(&[(503, Some("3600"))]), (503, vec![]));
    }

    #[test]
    fn no_other_refusal_is_asked_again() {
        for status in [400, 401, 500, 502] {
            assert_eq!(asked(&[(status, Some("1"))]), (status, vec![]));
        }
    }
}
