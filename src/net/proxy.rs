//! The way through a proxy: HTTP CONNECT (RFC 9110, section 9.3.6) with Basic (RFC 7617), and SOCKS5 (RFC 1928, RFC 1929).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::endpoint::Endpoint;
use super::error::{LinkError, bounded};
use super::socket::Socket;
use crate::secret::Secret;

/// Most octets of a web proxy's answer to CONNECT.
const ANSWER_LIMIT: usize = 16 * 1024;
/// Most octets of a name or password (RFC 1929, section 2).
const SIGN_IN_LIMIT: usize = 255;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

/// A proxy, how to sign in to it, and which hosts are reached without it.
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    sign_in: Option<(String, Secret<String>)>,
    except: Vec<String>,
}

/// A text that names no proxy, or a sign-in that cannot be sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("a proxy is written http://HOST:PORT or socks5://HOST:PORT")]
    Address,
    #[error("the user name of a proxy has 1 to 255 octets, no colon and no control character")]
    User,
    #[error("the password of a proxy has 1 to 255 octets and no control character")]
    Password,
}

impl FromStr for Proxy {
    type Err = ProxyError;

    /// Without sign-in: a password in an address would be shown with it.
    fn from_str(text: &str) -> Result<Proxy, ProxyError> {
        let (scheme, rest) = text.split_once("://").ok_or(ProxyError::Address)?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => Kind::Http,
            "socks5" => Kind::Socks5,
            _ => return Err(ProxyError::Address),
        };
        let (host, port) = rest.strip_suffix('/').unwrap_or(rest).rsplit_once(':').ok_or(ProxyError::Address)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let named = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        let host = match bare {
            Some(address) if address.parse::<IpAddr>().is_ok() => address,
            None if named && host.len() <= SIGN_IN_LIMIT => host,
            _ => return Err(ProxyError::Address),
        };
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(ProxyError::Address)?;
        Ok(Proxy { kind, host: host.to_owned(), port, sign_in: None, except: Vec::new() })
    }
}

impl Proxy {
    /// Signs in with a name and a password.
    ///
    /// # Errors
    /// What neither of the two protocols can carry.
    pub fn signing_in(self, user: &str, password: Secret<String>) -> Result<Proxy, ProxyError> {
        let carries = |text: &str| (1..=SIGN_IN_LIMIT).contains(&text.len()) && !text.contains(char::is_control);
        if !carries(user) || user.contains(':') {
            return Err(ProxyError::User);
        }
        if !carries(password.expose()) {
            return Err(ProxyError::Password);
        }
        Ok(Proxy { sign_in: Some((user.to_owned(), password)), ..self })
    }

    /// Leaves out these hosts: a name or an address, or a domain with a dot before it, which stands for all below it.
    pub fn leaving_out(self, except: Vec<String>) -> Proxy {
        Proxy { except, ..self }
    }

    /// Whether a host is reached through it. No host is left out but by its name: not even this machine.
    pub(super) fn leads_to(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let excepted = |pattern: &String| {
            let pattern = pattern.to_ascii_lowercase();
            match pattern.strip_prefix('.') {
                Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
                None => host == pattern,
            }
        };
        !self.except.iter().any(excepted)
    }

    /// Its own host and port.
    pub(super) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Has a fresh connection to the proxy led on to an endpoint. The proxy looks the name up.
    pub(super) fn lead(&self, socket: &mut Socket, endpoint: &Endpoint) -> Result<(), LinkError> {
        let led = match self.kind {
            Kind::Http => self.connect(socket, endpoint),
            Kind::Socks5 => self.socks(socket, endpoint),
        };
        led.map_err(|stop| match stop {
            Stop::Broken(error) => LinkError::of_connection(&self.to_string(), error),
            Stop::SignIn => LinkError::ProxySignIn { proxy: self.to_string(), tried: self.sign_in.is_some() },
            Stop::Refused(why) => {
                LinkError::ProxyRefused { proxy: self.to_string(), endpoint: endpoint.to_string(), why: bounded(&why) }
            }
        })
    }

    /// How requests in clear are handed to it, if it is one that forwards them.
    pub(super) fn forwarding(&self, endpoint: &Endpoint) -> Option<Forwarding> {
        let origin = format!("http://{endpoint}");
        (self.kind == Kind::Http).then(|| Forwarding { origin, sign_in: self.authorization() })
    }

    /// The header line that signs in, empty without a sign-in.
    fn authorization(&self) -> Secret<String> {
        let line = self.sign_in.as_ref().map(|(user, password)| {
            let pair = Secret::new(format!("{user}:{}", password.expose()));
            let encoded = Secret::new(STANDARD.encode(pair.expose()));
            format!("Proxy-Authorization: Basic {}\r\n", encoded.expose())
        });
        Secret::new(line.unwrap_or_default())
    }

    fn connect(&self, socket: &mut Socket, endpoint: &Endpoint) -> Result<(), Stop> {
        let authorization = self.authorization();
        let request =
            Secret::new(format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n{}\r\n", authorization.expose()));
        socket.write_all(request.expose().as_bytes())?;
        let head = head(socket)?;
        let line = head.lines().next().unwrap_or_default();
        let mut words = line.splitn(3, ' ');
        let (version, code, reason) = (words.next(), words.next(), words.next().unwrap_or_default());
        if !version.is_some_and(|version| version.starts_with("HTTP/1.")) {
            return Err(Stop::Refused("it does not speak HTTP".to_owned()));
        }
        match code {
            Some(code) if code.len() == 3 && code.starts_with('2') => Ok(()),
            Some("407") => Err(Stop::SignIn),
            Some(code) => Err(Stop::Refused(format!("{code} {reason}").trim().to_owned())),
            None => Err(Stop::Refused("it does not speak HTTP".to_owned())),
        }
    }

    fn socks(&self, socket: &mut Socket, endpoint: &Endpoint) -> Result<(), Stop> {
        let methods: &[u8] = if self.sign_in.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
        socket.write_all(methods)?;
        match (exactly::<2>(socket)?, &self.sign_in) {
            ([5, 0], _) => {}
            ([5, 2], Some((user, password))) => {
                let password = password.expose().as_bytes();
                let length = |octets: &[u8]| u8::try_from(octets.len()).unwrap_or(u8::MAX);
                let words = [&[1, length(user.as_bytes())], user.as_bytes(), &[length(password)], password].concat();
                let words = Secret::new(words);
                socket.write_all(words.expose())?;
                if exactly::<2>(socket)?[1] != 0 {
                    return Err(Stop::SignIn);
                }
            }
            ([5, _], _) => return Err(Stop::SignIn),
            _ => return Err(Stop::Refused("it does not speak SOCKS5".to_owned())),
        }
        socket.write_all(&socks_request(endpoint)?)?;
        let [version, reply, _, kind] = exactly::<4>(socket)?;
        if version != 5 {
            return Err(Stop::Refused("it does not speak SOCKS5".to_owned()));
        }
        if reply != 0 {
            return Err(Stop::Refused(socks_reason(reply).to_owned()));
        }
        // Where the proxy went out: of no use here, and in the way of what comes behind it.
        let length = match kind {
            1 => 4,
            3 => usize::from(exactly::<1>(socket)?[0]),
            4 => 16,
            _ => return Err(Stop::Refused("it does not speak SOCKS5".to_owned())),
        };
        socket.read_exact(&mut vec![0; length + 2])?;
        Ok(())
    }
}

/// CONNECT to a name or an address (RFC 1928, section 4).
fn socks_request(endpoint: &Endpoint) -> Result<Vec<u8>, Stop> {
    let mut request = vec![5, 1, 0];
    match endpoint.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            let length =
                u8::try_from(endpoint.host.len()).map_err(|_| Stop::Refused("the name is too long".to_owned()))?;
            request.extend([3, length]);
            request.extend(endpoint.host.as_bytes());
        }
    }
    request.extend(endpoint.port.to_be_bytes());
    Ok(request)
}

/// What a reply means (RFC 1928, section 6).
fn socks_reason(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "its rules do not allow the connection",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the server refused the connection",
        6 => "the time to live ran out",
        7 => "it does not connect to servers",
        8 => "it does not know this kind of address",
        _ => "a reply that has no meaning",
    }
}

fn exactly<const N: usize>(socket: &mut Socket) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    socket.read_exact(&mut octets).map(|()| octets)
}

/// The head of an answer and not an octet more: what follows is the server's.
fn head(socket: &mut Socket) -> Result<String, Stop> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == ANSWER_LIMIT {
            return Err(Stop::Refused(format!("its answer has more than {ANSWER_LIMIT} octets")));
        }
        head.push(exactly::<1>(socket)?[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Why a proxy leads nowhere.
enum Stop {
    Broken(io::Error),
    SignIn,
    Refused(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Broken(error)
    }
}

/// What turns a request in clear into one that a web proxy forwards (RFC 9112, section 3.2.2).
pub(super) struct Forwarding {
    origin: String,
    sign_in: Secret<String>,
}

impl Forwarding {
    /// Writes octets of a connection on which requests for paths are made; the head of each is changed, the rest is not.
    pub(super) fn write(&self, octets: &[u8], to: &mut impl Write) -> io::Result<()> {
        let begun =
            [&b"GET "[..], b"POST "].into_iter().find(|method| octets.starts_with(&[method, &b"/"[..]].concat()));
        let end = octets.windows(2).position(|pair| pair == b"\r\n");
        let (Some(method), Some(end)) = (begun, end) else { return to.write_all(octets) };
        let (line, rest) = octets.split_at(end + 2);
        let line = [method, self.origin.as_bytes(), &line[method.len()..]].concat();
        let head = Secret::new([&line, self.sign_in.expose().as_bytes(), rest].concat());
        to.write_all(head.expose())
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "the proxy {host}:{}", self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}
