//! Just enough of HTTP/1.1 (RFC 9112) to serve a directory, a list and revocation lists.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::{ServerConnection, StreamOwned};

use super::SandboxError;
use super::faults::{Action, Faults, Stage};
use super::listener::{Bound, Listener, Stop};
use super::tls::ServerConfigs;

/// The longest line, and the most header lines.
const LONGEST_LINE: u64 = 16 << 10;
const MOST_HEADERS: usize = 100;
/// The largest request body: a search form.
const LARGEST_BODY: u64 = 256 << 10;

/// What a client asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub method: String,
    /// The path, percent-decoded.
    pub path: String,
    /// What stands behind the question mark, as it came.
    pub query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    close: bool,
}

impl Request {
    /// The first value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
impl Request {
    /// A request as a test writes it.
    pub fn new(method: &str, path: &str, query: &str, body: &str) -> Request {
        let [method, path, query] = [method, path, query].map(str::to_owned);
        Request { method, path, query, body: body.as_bytes().to_vec(), ..Request::default() }
    }

    /// The same with a header, its name in lower case.
    pub fn with_header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub status: u16,
    pub media_type: &'static str,
    pub body: Vec<u8>,
    /// Seconds after which to come again.
    pub retry_after: Option<u32>,
    /// What time it is here.
    pub date: Option<Timestamp>,
}

impl Response {
    /// An answer in a media type.
    pub fn new(status: u16, media_type: &'static str, body: impl Into<Vec<u8>>) -> Response {
        Response { status, media_type, body: body.into(), retry_after: None, date: None }
    }

    /// A few words, in the way of a gateway.
    pub fn text(status: u16, body: &str) -> Response {
        Response::new(status, "text/plain; charset=UTF-8", body)
    }

    fn bytes(&self, head: bool, close: bool) -> Vec<u8> {
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
            self.status,
            reason(self.status),
            self.media_type,
            self.body.len()
        );
        if let Some(seconds) = self.retry_after {
            bytes.push_str(&format!("Retry-After: {seconds}\r\n"));
        }
        if let Some(date) = self.date {
            bytes.push_str(&date.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string());
        }
        bytes.push_str(if close { "Connection: close\r\n\r\n" } else { "\r\n" });
        let mut bytes = bytes.into_bytes();
        if !head {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// A web server: what answers, and at which stage its faults strike.
pub(super) struct Site<A> {
    pub stage: Stage,
    pub faults: Arc<Faults>,
    /// TLS, or none: in clear.
    pub tls: Option<Arc<ServerConfigs>>,
    pub answer: A,
}

impl<A: Fn(&Request) -> Response + Send + Sync + 'static> Site<A> {
    /// Serves it on a port.
    pub fn serve(self, port: Bound) -> Result<Listener, SandboxError> {
        port.serve(move |stream: TcpStream, stop: &Stop| {
            // A client that breaks off or does not speak HTTP ends its own connection.
            let _ = self.connection(stream, stop);
        })
    }

    fn connection(&self, stream: TcpStream, stop: &Stop) -> io::Result<()> {
        let mut stream = stream;
        let Some(tls) = &self.tls else { return self.dialogue(&mut stream, stop).map(drop) };
        let config = tls.get(self.faults.certificate(self.stage));
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut stream) {
                // The alert that tells the client why.
                let _ = connection.write_tls(&mut stream);
                return Err(error);
            }
        }
        let mut stream = StreamOwned::new(connection, stream);
        match self.dialogue(&mut stream, stop)? {
            End::Broken => Ok(()),
            End::Orderly => {
                stream.conn.send_close_notify();
                stream.flush()
            }
        }
    }

    fn dialogue(&self, stream: &mut (impl Read + Write), stop: &Stop) -> io::Result<End> {
        let mut stream = BufReader::new(stream);
        loop {
            let request = match read(&mut stream)? {
                Reading::Request(request) => request,
                Reading::Refused(status) => {
                    let bytes = Response::text(status, reason(status)).bytes(false, true);
                    return send(stream.get_mut(), &bytes).map(|()| End::Orderly);
                }
                Reading::End => return Ok(End::Orderly),
            };
            let response = match self.faults.interruption(self.stage) {
                Some(Action::Refuse(text)) => refusal(403, &text),
                Some(Action::Defer(text)) => Response { retry_after: Some(1), ..refusal(503, &text) },
                Some(Action::Cut(octets)) => {
                    let bytes = (self.answer)(&request).bytes(false, false);
                    let kept = usize::try_from(octets).unwrap_or(usize::MAX).min(bytes.len());
                    return send(stream.get_mut(), &bytes[..kept]).map(|()| End::Broken);
                }
                Some(Action::Stall(time)) => {
                    if stop.wait(time) {
                        return Ok(End::Broken);
                    }
                    (self.answer)(&request)
                }
                _ => (self.answer)(&request),
            };
            send(stream.get_mut(), &response.bytes(request.method == "HEAD", request.close))?;
            if request.close {
                return Ok(End::Orderly);
            }
        }
    }
}

/// How a connection ends.
enum End {
    Orderly,
    /// Without a farewell, as if the line had been cut.
    Broken,
}

/// A fault's words; an HTTP status they open with is taken for the status.
fn refusal(status: u16, text: &str) -> Response {
    let coded = text.get(..3).and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    Response::text(coded.unwrap_or(status), text)
}

fn send(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// What came of reading a request.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    Request(Request),
    /// It is not one, or not one for us: the status that says so.
    Refused(u16),
    /// The client left.
    End,
}

fn read(stream: &mut impl BufRead) -> io::Result<Reading> {
    let Some(first) = line(stream)? else { return Ok(Reading::End) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Ok(Reading::Refused(400));
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Ok(Reading::Refused(400));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Some(path) = decode(path, false) else { return Ok(Reading::Refused(400)) };
    let mut request = Request {
        method: method.to_owned(),
        path,
        query: query.to_owned(),
        close: version == "HTTP/1.0",
        ..Request::default()
    };
    loop {
        let Some(header) = line(stream)? else { return Ok(Reading::End) };
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else { return Ok(Reading::Refused(400)) };
        if request.headers.len() == MOST_HEADERS {
            return Ok(Reading::Refused(431));
        }
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        request.close = true;
    }
    if request.header("transfer-encoding").is_some() {
        return Ok(Reading::Refused(411));
    }
    let length = match request.header("content-length").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(length)) if length <= LARGEST_BODY => length,
        Some(Ok(_)) => return Ok(Reading::Refused(413)),
        Some(Err(_)) => return Ok(Reading::Refused(400)),
    };
    stream.take(length).read_to_end(&mut request.body)?;
    if request.body.len() as u64 == length { Ok(Reading::Request(request)) } else { Ok(Reading::End) }
}

/// A line without its end; `None` where the client left before a whole one.
fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Undoes percent-encoding; in a form a plus sign is a space. `None` where the result is no text.
fn decode(text: &str, form: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            b'+' if form => bytes.push(b' '),
            _ => bytes.push(octet),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The parameters of a query or a form, in their order. `None` where they are not well encoded.
pub(super) fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name, true)?, decode(value, true)?))
        })
        .collect()
}

/// Percent-encodes what is not unreserved (RFC 3986, section 2.3).
pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
            _ => format!("%{octet:02X}"),
        })
        .collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Reading {
        read(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn a_request_is_read_with_its_body_and_no_further() {
        let text =
            "POST /a%20b/_search?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nESANTE-API-KEY: k\r\n\r\na=bGET";
        let Reading::Request(request) = reading(text) else { panic!("it is a request") };
        assert_eq!(
            (request.method.as_str(), request.path.as_str(), request.query.as_str()),
            ("POST", "/a b/_search", "x=1")
        );
        assert_eq!(request.header("esante-api-key"), Some("k"));
        assert_eq!(request.body, b"a=b");
        assert!(!request.close);
    }

    #[test]
    fn what_is_not_a_request_is_refused_without_reading_on() {
        assert_eq!(reading("HELO x\r\n"), Reading::Refused(400));
        assert_eq!(reading("GET http://elsewhere/ HTTP/1.1\r\n\r\n"), Reading::Refused(400));
        assert_eq!(reading("POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n"), Reading::Refused(413));
        assert_eq!(reading("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), Reading::Refused(411));
        assert_eq!(reading(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101))), Reading::Refused(431));
        assert_eq!(reading("GET / HTTP/1.1\r\nHost: x\r\n"), Reading::End);
    }

    #[test]
    fn parameters_are_decoded_and_keep_their_order() {
        let pairs = parameters("a=1+2&b=%C3%A9%2B%7C&a=&c").unwrap();
        let expected = [("a", "1 2"), ("b", "é+|"), ("a", ""), ("c", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for bad in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%FF"] {
            assert_eq!(parameters(bad), None, "{bad}");
        }
        assert_eq!(encode("a b=é"), "a%20b%3D%C3%A9");
    }

    #[test]
    fn a_refusal_takes_the_status_its_words_open_with() {
        assert_eq!(refusal(403, "429 too many").status, 429);
        assert_eq!(refusal(403, "not today").status, 403);
        assert_eq!(refusal(503, "200 fine").status, 503);
    }
}
