//! The way to a server: TCP to the first of its addresses that answers, and TLS under the anchors and the identity of one profile.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::error::LinkError;
use super::socket::{Socket, Wait};
use super::stream::Stream;
use super::tls;
use super::{DialerError, Endpoint};
use crate::clock::Clock;
use crate::pki::{Identity, TrustAnchors};

/// Most addresses of one name that are tried.
const ADDRESS_LIMIT: usize = 8;

/// How long an address may be silent before the next one is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long each step may take. The defaults are those of RFC 5321, section 4.5.3.2, where it names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up and TCP, all addresses together.
    pub connect: Duration,
    /// The TLS handshake.
    pub handshake: Duration,
    /// The first words of a server.
    pub greeting: Duration,
    /// A command and the whole of its answer, where nothing below names it.
    pub reply: Duration,
    /// The answer to MAIL. Where commands were sent together, the time for each answer runs from the one before it.
    pub mail: Duration,
    /// The answer to one RCPT.
    pub rcpt: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// One block of a message, out or in.
    pub block: Duration,
    /// The answer to a whole message.
    pub last_reply: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(30),
            handshake: Duration::from_secs(30),
            greeting: Duration::from_secs(5 * 60),
            reply: Duration::from_secs(5 * 60),
            mail: Duration::from_secs(5 * 60),
            rcpt: Duration::from_secs(5 * 60),
            data: Duration::from_secs(2 * 60),
            block: Duration::from_secs(3 * 60),
            last_reply: Duration::from_secs(10 * 60),
        }
    }
}

/// Opens connections for one profile: its anchors and no other, its identity, its clock.
#[derive(Clone)]
pub struct Dialer {
    config: Arc<ClientConfig>,
    timeouts: Timeouts,
}

impl Dialer {
    /// Takes what the profile trusts and, where it signs in by certificate, who it is. The process-wide defaults of the TLS
    /// library and the system's list of authorities are not used.
    ///
    /// # Errors
    /// An anchor that cannot be one, or an identity whose kind of key TLS has no use for.
    pub fn new(
        anchors: &TrustAnchors,
        identity: Option<&Identity>,
        clock: Clock,
        timeouts: Timeouts,
    ) -> Result<Dialer, DialerError> {
        Ok(Dialer { config: Arc::new(tls::client_config(anchors, identity, clock)?), timeouts })
    }

    /// How long each step may take.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Opens TCP to the endpoint; nothing is sent yet.
    pub fn connect(&self, endpoint: &Endpoint) -> Result<Stream, LinkError> {
        let name = endpoint.to_string();
        let tcp = self.connect_tcp(endpoint).map_err(|source| match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => LinkError::Timeout { endpoint: name.clone() },
            _ => LinkError::Unreachable { endpoint: name.clone(), source },
        })?;
        Ok(Stream::clear(Socket::new(tcp, Wait::Each(self.timeouts.block)), name))
    }

    /// Puts TLS on a connection in clear. The certificate must be one for `host`.
    pub fn secure(&self, stream: Stream, host: &str) -> Result<Stream, LinkError> {
        let endpoint = stream.endpoint().to_owned();
        self.handshake(stream, host).map_err(|error| LinkError::of_connection(&endpoint, error))
    }

    fn handshake(&self, stream: Stream, host: &str) -> io::Result<Stream> {
        let endpoint = stream.endpoint().to_owned();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a host name"))?;
        let mut socket = stream.into_clear_socket()?;
        let mut connection = ClientConnection::new(self.config.clone(), name)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        socket.set_wait(Wait::Until(Instant::now() + self.timeouts.handshake));
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        socket.acknowledge_at_once();
        socket.set_wait(Wait::Each(self.timeouts.block));
        Ok(Stream::tls(StreamOwned::new(connection, socket), endpoint))
    }

    fn connect_tcp(&self, endpoint: &Endpoint) -> io::Result<TcpStream> {
        let end = Instant::now() + self.timeouts.connect;
        let addresses = interleaved(resolve(&endpoint.host, endpoint.port, self.timeouts.connect)?);
        let tcp = match addresses.as_slice() {
            [] => return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
            [only] => TcpStream::connect_timeout(only, left(end)?)?,
            several => first_to_connect(several, end)?,
        };
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }
}

/// The time left until then; none is an error.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The two families by turns, each in the order of the look-up (RFC 8305, section 4): one that leads nowhere costs one delay.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

/// Tries the addresses, each on a thread that ends with the time for connecting at the latest: the next one when the one before
/// it has failed or is late (RFC 8305, section 5). The first connection is taken, later ones are closed as they come.
fn first_to_connect(addresses: &[SocketAddr], end: Instant) -> io::Result<TcpStream> {
    let (answer, answers) = mpsc::channel();
    let mut last = io::ErrorKind::TimedOut.into();
    let mut waiting = addresses.iter();
    let mut under_way = 0;
    loop {
        if let Some(address) = waiting.next() {
            let (answer, address, limit) = (answer.clone(), *address, left(end)?);
            std::thread::Builder::new().name("connect".to_owned()).spawn(move || {
                let _ = answer.send(TcpStream::connect_timeout(&address, limit));
            })?;
            under_way += 1;
        } else if under_way == 0 {
            return Err(last);
        }
        let patience = if waiting.len() > 0 { left(end)?.min(ATTEMPT_DELAY) } else { left(end)? };
        match answers.recv_timeout(patience) {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => {
                under_way -= 1;
                last = error;
            }
            Err(_) => {}
        }
    }
}

/// The addresses of a host. The system's look-up cannot be given a limit, so it runs on a thread that may be left behind.
fn resolve(host: &str, port: u16, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (answer, asked) = mpsc::channel();
    let host = host.to_owned();
    std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(|all| all.take(ADDRESS_LIMIT).collect());
        let _ = answer.send(found);
    })?;
    asked.recv_timeout(limit).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::super::scripted::{
        anchors, clock, dialer, dialer_with, identity, serve_mutual_tls, serve_tls, timeouts,
    };
    use super::super::{Security, Untrusted};
    use super::*;
    use crate::pki::KeyKind;

    fn open(dialer: &Dialer, endpoint: &Endpoint) -> Result<Stream, LinkError> {
        dialer.secure(dialer.connect(endpoint)?, &endpoint.host)
    }

    #[test]
    fn a_server_of_the_profiles_authority_is_reached() {
        let server = serve_tls(|peer| {
            let line = peer.line();
            peer.send(&line);
        });
        let mut stream = open(&dialer(), &server.endpoint).unwrap();
        assert_eq!(stream.handshake().unwrap().version, "TLSv1_3");
        assert!(stream.peer_certificate().is_some());
        stream.write_all(b"hello\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "hello");
        server.join();
    }

    #[test]
    fn the_clock_of_the_profile_judges_the_dates() {
        for (date, expired) in [("2025-12-31T00:00:00Z", false), ("2027-01-02T00:00:00Z", true)] {
            let server = serve_tls(|_| ());
            let clock = Clock::Fixed(date.parse().unwrap());
            let dialer = Dialer::new(&anchors(), None, clock, timeouts()).unwrap();
            let Err(LinkError::Untrusted { why, .. }) = open(&dialer, &server.endpoint) else { panic!("{date}") };
            assert_eq!(why, if expired { Untrusted::Expired } else { Untrusted::NotYetValid });
            server.leave();
        }
    }

    #[test]
    fn a_server_of_another_authority_is_refused() {
        let server = serve_tls(|_| ());
        let nobody = TrustAnchors::new([identity(KeyKind::P256).certificate().clone()]);
        let dialer = Dialer::new(&nobody, None, clock(), timeouts()).unwrap();
        let Err(LinkError::Untrusted { why, .. }) = open(&dialer, &server.endpoint) else { panic!() };
        assert_eq!(why, Untrusted::UnknownIssuer);
        server.leave();
    }

    #[test]
    fn the_identity_of_the_profile_is_shown_and_its_absence_is_named() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa { bits: 2048 }] {
            let server = serve_mutual_tls(|peer| {
                assert_eq!(peer.client_certificates(), 1);
                peer.send("welcome\n");
            });
            let mut stream = open(&dialer_with(Some(&identity(kind)), timeouts()), &server.endpoint).unwrap();
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"welcome");
            server.join();
        }
        let server = serve_mutual_tls(|_| ());
        let mut stream = open(&dialer(), &server.endpoint).unwrap();
        let error = LinkError::of_connection("h", stream.read(&mut [0]).unwrap_err());
        assert!(matches!(error, LinkError::IdentityRefused { .. }), "{error:?}");
        server.leave();
    }

    #[test]
    fn an_address_that_leads_nowhere_does_not_keep_the_others_waiting() {
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // A queue that is full answers no more: the kernel drops what asks for a place in it.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        #[cfg(target_os = "linux")]
        rustix::net::listen(&silent, 0).unwrap();
        let black_hole = silent.local_addr().unwrap();
        let _full: Vec<_> =
            (0..4).map(|_| TcpStream::connect_timeout(&black_hole, Duration::from_millis(20))).collect();
        let addresses = [refused, black_hole, good.local_addr().unwrap()];
        let tcp = first_to_connect(&addresses, Instant::now() + timeouts().connect).unwrap();
        assert!(cfg!(not(target_os = "linux")) || tcp.peer_addr().unwrap() == good.local_addr().unwrap());
        let error = first_to_connect(&[refused, refused], Instant::now() + timeouts().connect).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let soon = Instant::now() + Duration::from_millis(30);
        let error = first_to_connect(&[black_hole, black_hole], soon).unwrap_err();
        assert!(cfg!(not(target_os = "linux")) || error.kind() == io::ErrorKind::TimedOut);
    }

    #[test]
    fn the_families_take_turns() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let looked_up = of(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        assert_eq!(interleaved(looked_up), of(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(interleaved(of(&["127.0.0.1:1", "127.0.0.2:1"])), of(&["127.0.0.1:1", "127.0.0.2:1"]));
        assert!(interleaved(vec![]).is_empty());
    }

    #[test]
    fn nobody_listening_a_silent_server_and_a_bad_name_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::Implicit };
        let short = Timeouts { handshake: Duration::from_millis(50), ..timeouts() };
        let error = open(&dialer_with(None, short), &endpoint).map(|_| ()).unwrap_err();
        assert!(matches!(error, LinkError::Timeout { .. }), "{error:?}");
        drop(listener);
        let error = dialer().connect(&endpoint).map(|_| ()).unwrap_err();
        assert!(matches!(error, LinkError::Unreachable { .. }), "{error:?}");
        let endpoint = Endpoint { host: "no such host".to_owned(), ..endpoint };
        let error = dialer().connect(&endpoint).map(|_| ()).unwrap_err();
        assert!(matches!(error, LinkError::Unreachable { .. }), "{error:?}");
    }
}
