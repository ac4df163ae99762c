//! From page to page: the bounds of a question, the refusals, and the start over after a stale page.

use super::merge::Collected;
use super::request::{Search, origin};
use super::resources::{Page, outcome};
use super::{DirectoryError, bounded};

/// Requests for one question: the national directory allows 17 a second to one application.
const MOST_REQUESTS: usize = 60;
/// Pages of one search.
const MOST_PAGES: usize = 20;
/// Resources held for one question.
const MOST_RESOURCES: usize = 5000;
/// Resources asked for by id in one request.
const IDS_AT_ONCE: usize = 25;

/// One request.
pub(super) enum Ask<'a> {
    /// The first page of a search.
    Search(&'a Search),
    /// The address the server gave for the next page, as it stands.
    Page(&'a str),
}

/// What came back, whatever it is.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The Retry-After header.
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

/// How one request is made; the walk itself knows no network.
pub(super) type Asker<'a> = dyn FnMut(Ask<'_>) -> Result<Reply, DirectoryError> + 'a;

/// The searches of one question.
pub(super) struct Walk<'a> {
    base: &'a str,
    asker: &'a mut Asker<'a>,
    requests: usize,
    pub(super) collected: Collected,
    /// False once something was cut short or left out.
    pub(super) complete: bool,
}

/// Why a search starts over or ends.
enum Trouble {
    Stale,
    Other(DirectoryError),
}

impl<'a> Walk<'a> {
    pub(super) fn new(base: &'a str, asker: &'a mut Asker<'a>) -> Walk<'a> {
        Walk { base, asker, requests: 0, collected: Collected::default(), complete: true }
    }

    /// Runs one search to its last page or to the bounds.
    pub(super) fn search(&mut self, search: &Search) -> Result<(), DirectoryError> {
        for last_try in [false, true] {
            match self.pages(search) {
                Ok(()) => return Ok(()),
                // The register changed under our feet: its pages are counted anew.
                Err(Trouble::Stale) if !last_try => {}
                Err(Trouble::Stale) => return Err(DirectoryError::Malformed("its pages do not last")),
                Err(Trouble::Other(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn pages(&mut self, search: &Search) -> Result<(), Trouble> {
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            if self.requests == MOST_REQUESTS || self.collected.len() >= MOST_RESOURCES {
                self.complete = false;
                return Ok(());
            }
            self.requests += 1;
            let ask = next.as_deref().map_or(Ask::Search(search), Ask::Page);
            let reply = (self.asker)(ask).map_err(Trouble::Other)?;
            if next.is_some() && matches!(reply.status, 400 | 410) {
                return Err(Trouble::Stale);
            }
            let page = page(reply).map_err(Trouble::Other)?;
            self.complete &= page.unreadable == 0;
            page.resources.into_iter().for_each(|resource| self.collected.add(resource, search.resource));
            match page.next {
                None => return Ok(()),
                Some(url) if origin(&url).is_none() || origin(&url) != origin(self.base) => {
                    return Err(Trouble::Other(DirectoryError::ForeignPage));
                }
                Some(url) if Some(&url) == next.as_ref() => {
                    return Err(Trouble::Other(DirectoryError::Malformed("a page names itself as the next")));
                }
                Some(url) => next = Some(url),
            }
        }
        self.complete = false;
        Ok(())
    }

    /// Fetches the people and structures that situations refer to.
    pub(super) fn fill(&mut self) -> Result<(), DirectoryError> {
        let practitioners = self.collected.missing_practitioners();
        for ids in practitioners.chunks(IDS_AT_ONCE) {
            self.search(&Search::new("Practitioner").with("_id", ids.join(",")))?;
        }
        let organizations = self.collected.missing_organizations();
        for ids in organizations.chunks(IDS_AT_ONCE) {
            // Searched as what a situation refers to: such a structure is no match of the question.
            self.pass_over(&Search::new("Organization").with("_id", ids.join(",")))?;
        }
        Ok(())
    }

    fn pass_over(&mut self, search: &Search) -> Result<(), DirectoryError> {
        let before = self.collected.matches();
        self.search(search)?;
        self.collected.forget_matches_after(before);
        Ok(())
    }
}

/// Tells a page from a refusal. A body that does not parse is only an error where a page was promised.
fn page(reply: Reply) -> Result<Page, DirectoryError> {
    let status = reply.status;
    match status {
        200 => match outcome(&reply.body) {
            Some(words) => Err(DirectoryError::Refused { status, words }),
            None => Page::read(&reply.body),
        },
        401 | 403 => Err(DirectoryError::Key { status }),
        429 | 503 => Err(DirectoryError::Busy { status, after: reply.retry_after.as_deref().and_then(seconds) }),
        400..500 => Err(DirectoryError::Refused { status, words: bounded(&outcome(&reply.body).unwrap_or_default()) }),
        500..600 => Err(DirectoryError::Failing { status }),
        _ => Err(DirectoryError::Malformed("its status is not one of a search")),
    }
}

/// Retry-After in seconds (RFC 9110, section 10.2.3); its date form is left aside.
pub(super) fn seconds(retry_after: &str) -> Option<u64> {
    let text = retry_after.trim();
    if text.len() <= 9 { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://gateway.api.esante.gouv.fr/fhir/v2";
    const PAGE_1: &[u8] = include_bytes!("../../tests/vectors/fhir/page-1.json");
    const PAGE_2: &[u8] = include_bytes!("../../tests/vectors/fhir/page-2.json");

    fn reply(status: u16, body: &[u8]) -> Reply {
        Reply { status, retry_after: None, body: body.to_vec() }
    }

    /// Runs one search against prepared replies; gives what was asked.
    fn run(replies: Vec<Reply>) -> (Result<usize, DirectoryError>, Vec<String>, bool) {
        let mut replies = replies.into_iter();
        let mut asked = Vec::new();
        let mut asker = |ask: Ask<'_>| {
            asked.push(match ask {
                Ask::Search(search) => format!("{:?}", search.parameters()),
                Ask::Page(url) => url.to_owned(),
            });
            Ok(replies.next().expect("no more requests than replies"))
        };
        let mut walk = Walk::new(BASE, &mut asker);
        let result = walk.search(&Search::new("Practitioner").with("family", "essai"));
        let (result, complete) = (result.map(|()| walk.collected.len()), walk.complete);
        (result, asked, complete)
    }

    #[test]
    fn the_next_page_is_asked_for_as_it_was_given() {
        let (result, asked, complete) = run(vec![reply(200, PAGE_1), reply(200, PAGE_2)]);
        assert_eq!(result.unwrap(), 4);
        assert!(complete);
        assert_eq!(asked, ["[(\"family\", \"essai\")]", &format!("{BASE}/_page?id=QUFBQUFBQUFBQUFBQUFBQQ%3D%3D")]);
    }

    #[test]
    fn a_page_on_another_host_or_in_clear_is_not_asked_for() {
        for other in ["https://gateway.api.esante.gouv.fr.evil/fhir/v2", "http://gateway.api.esante.gouv.fr/fhir/v2"] {
            let body = String::from_utf8(PAGE_1.to_vec()).unwrap().replace(&format!("{BASE}/_page"), other);
            let (result, asked, _) = run(vec![reply(200, body.as_bytes())]);
            assert!(matches!(result, Err(DirectoryError::ForeignPage)), "{other}");
            assert_eq!(asked.len(), 1);
        }
    }

    #[test]
    fn a_stale_page_starts_the_search_over_once() {
        let stale = || reply(400, include_bytes!("../../tests/vectors/fhir/outcome-400.json"));
        let (result, asked, _) = run(vec![reply(200, PAGE_1), stale(), reply(200, PAGE_1), reply(200, PAGE_2)]);
        assert_eq!(result.unwrap(), 4);
        assert_eq!(asked.len(), 4);
        assert_eq!(asked[0], asked[2]);
        let (result, asked, _) = run(vec![reply(200, PAGE_1), stale(), reply(200, PAGE_1), stale()]);
        assert!(matches!(result, Err(DirectoryError::Malformed(_))));
        assert_eq!(asked.len(), 4);
    }

    #[test]
    fn a_refused_first_page_is_not_asked_for_again() {
        let (result, asked, _) = run(vec![reply(400, include_bytes!("../../tests/vectors/fhir/outcome-400.json"))]);
        let Err(DirectoryError::Refused { status: 400, words }) = result else { panic!("{result:?}") };
        assert_eq!(words, "Parameter mailbox-mss-type not found");
        assert_eq!(asked.len(), 1);
    }

    #[test]
    fn answers_that_are_not_fhir_are_told_by_their_status() {
        let html = b"<html><body>no</body></html>";
        let error = |status| run(vec![reply(status, html)]).0.unwrap_err();
        assert!(matches!(error(401), DirectoryError::Key { status: 401 }));
        assert!(matches!(error(403), DirectoryError::Key { status: 403 }));
        assert!(matches!(error(429), DirectoryError::Busy { status: 429, after: None }));
        assert!(matches!(error(502), DirectoryError::Failing { status: 502 }));
        assert!(matches!(error(404), DirectoryError::Refused { status: 404, .. }));
        assert!(matches!(error(200), DirectoryError::Malformed(_)));
        assert!(matches!(error(302), DirectoryError::Malformed(_)));
    }

    #[test]
    fn a_server_that_never_ends_is_left_and_said_to_be_incomplete() {
        let page = |n: usize| {
            let next = format!("{BASE}/_page?id={n}");
            reply(
                200,
                format!(r#"{{"resourceType":"Bundle","link":[{{"relation":"next","url":"{next}"}}]}}"#).as_bytes(),
            )
        };
        let (result, asked, complete) = run((0..100).map(page).collect());
        assert_eq!((result.unwrap(), asked.len(), complete), (0, MOST_PAGES, false));
        let (result, ..) = run(vec![page(1), page(1)]);
        assert!(matches!(result, Err(DirectoryError::Malformed(_))));
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        assert_eq!(seconds(" 3 "), Some(3));
        assert_eq!(seconds("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(seconds("99999999999"), None);
    }
}
