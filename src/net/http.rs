//! HTTP requests over the dialer: bounded answers, no redirect to another place, nothing in clear but what proves itself.

use std::fmt;
use std::io::Read;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::{Agent, Body};

use super::dialer::Dialer;
use super::error::{LinkError, bounded};
use super::http_transport::{DialerConnector, NoResolver};

/// Most redirects that are followed.
const REDIRECT_LIMIT: usize = 5;

/// Most octets of the head of an answer.
const HEAD_LIMIT: usize = 64 * 1024;

/// Asks web servers, under the anchors, the identity and the clock of one profile.
#[derive(Clone)]
pub struct HttpClient {
    agent: Agent,
}

/// What a server answered; any status is an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The content, decompressed.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection did not come about, or broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Not an absolute address, or one in clear where TLS is required.
    #[error("not an address to ask: {0}")]
    Address(&'static str),
    /// The answer has more octets than the caller takes.
    #[error("the answer has more than {limit} octets")]
    TooLarge { limit: u64 },
    /// The server sends us to another host, another port, out of TLS, or round and round.
    #[error("the server redirects to another place: {to}")]
    Elsewhere { to: String },
    /// What came is not HTTP, or cannot be sent as HTTP.
    #[error("the conversation is not HTTP: {0}")]
    Protocol(String),
}

impl Response {
    /// An answer as a test writes it.
    #[cfg(test)]
    pub(crate) fn of(status: u16, body: &str) -> Response {
        Response { status, body: body.as_bytes().to_vec(), headers: Vec::new() }
    }

    /// The first header of this name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} octets)", self.status, self.body.len())
    }
}

impl HttpClient {
    /// Asks over this dialer. The proxy is the profile's and no other; a connection is kept for the next request.
    pub fn new(dialer: Dialer) -> HttpClient {
        let config = Config::builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEAD_LIMIT)
            .timeout_global(Some(dialer.timeouts().reply))
            .user_agent(concat!("mss/", env!("CARGO_PKG_VERSION")))
            .build();
        HttpClient { agent: Agent::with_parts(config, DialerConnector::new(dialer.for_web()), NoResolver) }
    }

    /// Gets an `https` address. Redirects within the same host and port are followed, with the same headers.
    pub fn get(&self, url: &str, headers: &[(&str, &str)], limit: u64) -> Result<Response, HttpError> {
        self.follow(parse(url, false)?, headers, limit, false)
    }

    /// Gets what proves itself by its own signature and holds nothing secret, such as a revocation list: `http` is good
    /// enough for it (RFC 5280, section 8).
    pub fn get_public(&self, url: &str, limit: u64) -> Result<Response, HttpError> {
        self.follow(parse(url, true)?, &[], limit, true)
    }

    /// Posts what is no secret to somebody whose answer proves itself by its own signature, such as a responder: `http` is
    /// good enough for it (RFC 6960, appendix A). A redirect is an answer like any other.
    pub fn post_public(&self, url: &str, media_type: &str, octets: &[u8], limit: u64) -> Result<Response, HttpError> {
        let uri = parse(url, true)?;
        let request = self.agent.post(&uri).header("content-type", media_type);
        let answer = request.send(octets).map_err(|error| sort(&uri, limit, error))?;
        collect(&uri, answer, limit)
    }

    /// Posts a form (`application/x-www-form-urlencoded`) to an `https` address. A redirect is an answer like any other.
    pub fn post_form(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
        limit: u64,
    ) -> Result<Response, HttpError> {
        let uri = parse(url, false)?;
        let mut request = self.agent.post(&uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send_form(form.iter().copied()).map_err(|error| sort(&uri, limit, error))?;
        collect(&uri, answer, limit)
    }

    fn follow(
        &self,
        mut uri: Uri,
        headers: &[(&str, &str)],
        limit: u64,
        clear_allowed: bool,
    ) -> Result<Response, HttpError> {
        for _ in 0..=REDIRECT_LIMIT {
            let mut request = self.agent.get(&uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.call().map_err(|error| sort(&uri, limit, error))?;
            let response = collect(&uri, answer, limit)?;
            match response.header("location") {
                Some(to) if matches!(response.status, 301 | 302 | 303 | 307 | 308) => {
                    uri = next(&uri, to, clear_allowed)?;
                }
                _ => return Ok(response),
            }
        }
        Err(HttpError::Elsewhere { to: bounded(&uri.to_string()) })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

fn parse(url: &str, clear_allowed: bool) -> Result<Uri, HttpError> {
    let uri: Uri = url.parse().map_err(|_| HttpError::Address("it is malformed"))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(HttpError::Address("it names no host"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if clear_allowed => Ok(uri),
        Some("http") => Err(HttpError::Address("https is required")),
        _ => Err(HttpError::Address("neither https nor http")),
    }
}

/// Where a redirect leads, if it stays where it is: the same scheme, host and port.
fn next(from: &Uri, to: &str, clear_allowed: bool) -> Result<Uri, HttpError> {
    let elsewhere = || HttpError::Elsewhere { to: bounded(to) };
    let uri = if to.starts_with('/') && !to.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(to.parse().map_err(|_| elsewhere())?);
        Uri::from_parts(parts).map_err(|_| elsewhere())?
    } else {
        parse(to, clear_allowed).map_err(|_| elsewhere())?
    };
    let place = |uri: &Uri| {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        (uri.scheme_str().map(str::to_owned), uri.host().map(str::to_ascii_lowercase), port)
    };
    if place(&uri) == place(from) { Ok(uri) } else { Err(elsewhere()) }
}

fn collect(uri: &Uri, answer: ureq::http::Response<Body>, limit: u64) -> Result<Response, HttpError> {
    let status = answer.status().as_u16();
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    // The limit of ureq counts what came over the wire, before gzip is undone; ours counts what is kept.
    let most = limit.saturating_add(1);
    let mut body = Vec::new();
    let reader = answer.into_body().into_with_config().limit(most).reader();
    reader.take(most).read_to_end(&mut body).map_err(|error| sort(uri, limit, error.into()))?;
    if u64::try_from(body.len()).unwrap_or(u64::MAX) > limit {
        return Err(HttpError::TooLarge { limit });
    }
    Ok(Response { status, headers, body })
}

/// Finds our own error in what ureq wrapped around it.
fn sort(uri: &Uri, limit: u64, error: ureq::Error) -> HttpError {
    let endpoint = || uri.authority().map(ToString::to_string).unwrap_or_default();
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<LinkError>() {
            Ok(link) => HttpError::Link(*link),
            Err(other) => HttpError::Protocol(bounded(&other.to_string())),
        },
        ureq::Error::Io(error) => match error.downcast::<ureq::Error>() {
            Ok(inner) => sort(uri, limit, inner),
            Err(error) => HttpError::Link(LinkError::of_connection(&endpoint(), error)),
        },
        ureq::Error::Timeout(_) => HttpError::Link(LinkError::Timeout { endpoint: endpoint() }),
        ureq::Error::BodyExceedsLimit(_) => HttpError::TooLarge { limit },
        other => HttpError::Protocol(bounded(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::scripted::{Peer, dialer, serve_tls, serve_tls_for};
    use crate::net::{Endpoint, Untrusted};

    fn url(endpoint: &Endpoint, path: &str) -> String {
        format!("https://{endpoint}{path}")
    }

    /// Reads the head of a request.
    fn head(peer: &mut Peer) -> Vec<String> {
        std::iter::repeat_with(|| peer.line()).take_while(|line| !line.is_empty()).collect()
    }

    #[test]
    fn one_connection_serves_several_requests() {
        let server = serve_tls(|peer| {
            assert_eq!(head(peer)[0], "GET /one HTTP/1.1");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"x\"\r\n\r\nabc");
            let second = head(peer);
            assert_eq!(second[0], "POST /two HTTP/1.1");
            assert!(second.iter().any(|line| line.eq_ignore_ascii_case("esante-api-key: k")), "{second:?}");
            assert_eq!(peer.octets(11), b"name=Zo%C3%");
            assert_eq!(peer.octets(12), b"A9+D&x=a%26b");
            peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        });
        let client = HttpClient::new(dialer());
        let one = client.get(&url(&server.endpoint, "/one"), &[], 10).unwrap();
        assert_eq!((one.status, one.body.as_slice(), one.header("etag")), (200, &b"abc"[..], Some("\"x\"")));
        let form = [("name", "Zoé D"), ("x", "a&b")];
        let two = client.post_form(&url(&server.endpoint, "/two"), &[("ESANTE-API-KEY", "k")], &form, 10).unwrap();
        assert_eq!(two.status, 404);
        server.join();
    }

    #[test]
    fn an_answer_beyond_the_limit_is_refused_with_and_without_gzip() {
        // 4096 times "a", compressed.
        let gzip = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xed, 0xc1, 1, 0xd, 0, 0, 0, 0xc2, 0xa0, 0xac, 0xef, 0x5f, 0xc2, 0x1e,
            0xe, 0x28, 0, 0, 0, 0xe0, 0xdd, 0, 0x73, 0xdc, 0x99, 0x9c, 0, 0x10, 0, 0,
        ];
        for (encoding, body) in [("identity", vec![b'a'; 4096]), ("gzip", gzip.to_vec())] {
            for (limit, fits) in [(4096, true), (4095, false)] {
                let body = body.clone();
                let server = serve_tls(move |peer| {
                    head(peer);
                    let length = body.len();
                    peer.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
                    ));
                    peer.send_octets(&body);
                });
                let answer = HttpClient::new(dialer()).get(&url(&server.endpoint, "/"), &[], limit);
                match answer {
                    Ok(answer) => assert!(fits && answer.body == [b'a'; 4096], "{encoding} {limit}"),
                    Err(error) => assert!(!fits && matches!(error, HttpError::TooLarge { .. }), "{encoding} {error:?}"),
                }
                server.join();
            }
        }
    }

    #[test]
    fn a_redirect_stays_on_its_host_or_is_refused() {
        let server = serve_tls(|peer| {
            head(peer);
            peer.send("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(head(peer)[0], "GET /there HTTP/1.1");
            peer.send("HTTP/1.1 302 Found\r\nLocation: https://evil.sandbox/\r\nContent-Length: 0\r\n\r\n");
        });
        let error = HttpClient::new(dialer()).get(&url(&server.endpoint, "/here"), &[("key", "k")], 10).unwrap_err();
        assert!(matches!(&error, HttpError::Elsewhere { to } if to == "https://evil.sandbox/"), "{error:?}");
        server.join();
    }

    #[test]
    fn nothing_secret_goes_in_clear() {
        let client = HttpClient::new(dialer());
        for bad in ["http://127.0.0.1:1/x", "ftp://127.0.0.1/", "/x", "", "https:///x"] {
            assert!(matches!(client.get(bad, &[], 1), Err(HttpError::Address(_))), "{bad}");
        }
        let refused = client.get_public("http://127.0.0.1:1/x", 1).unwrap_err();
        assert!(matches!(refused, HttpError::Link(LinkError::Unreachable { .. })), "{refused:?}");
    }

    #[test]
    fn the_certificate_of_the_server_is_judged_by_the_profile() {
        let server = serve_tls_for("elsewhere.sandbox", |_| ());
        let error = HttpClient::new(dialer()).get(&url(&server.endpoint, "/"), &[], 10).unwrap_err();
        assert!(
            matches!(&error, HttpError::Link(LinkError::Untrusted { why: Untrusted::WrongName { .. }, .. })),
            "{error:?}"
        );
        server.leave();
    }

    #[test]
    fn an_answer_that_ends_early_or_is_no_http_is_an_error() {
        for (answer, link) in [("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc", true), ("SSH-2.0\r\n\r\n", false)] {
            let server = serve_tls(move |peer| {
                head(peer);
                peer.send(answer);
            });
            let error = HttpClient::new(dialer()).get(&url(&server.endpoint, "/"), &[], 99).unwrap_err();
            assert_eq!(matches!(error, HttpError::Link(LinkError::Broken { .. })), link, "{error:?}");
            server.join();
        }
    }
}
