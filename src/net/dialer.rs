//! The way to a server: TCP, through a proxy where there is one, and TLS under the trust and the identity of one profile.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};

use super::error::LinkError;
use super::http::HttpClient;
use super::proxy::{Forwarding, Proxy};
use super::revocation::{Judge, Revocation};
use super::sighting::{Sighting, Sightings};
use super::socket::{Socket, Wait};
use super::stream::Stream;
use super::verifier::{ServerVerifier, usable};
use super::{DialerError, Endpoint, tcp, tls};
use crate::clock::Clock;
use crate::pki::{Certificate, Identity, TrustAnchors};

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

/// What a profile trusts, who it is, and which way it goes.
pub struct Setup<'a> {
    /// The authorities that are believed.
    pub anchors: &'a TrustAnchors,
    /// The certificate to show, where the profile signs in by one.
    pub identity: Option<&'a Identity>,
    pub clock: Clock,
    pub timeouts: Timeouts,
    /// The authorities of the system, where the profile says so.
    pub system_roots: Option<SystemRoots>,
    /// How it is learned whether servers' certificates were revoked; `None` asks nobody.
    pub revocation: Option<Revocation>,
    pub proxy: Option<Proxy>,
}

/// The authorities of the system.
#[derive(Clone, Debug)]
pub struct SystemRoots {
    pub anchors: TrustAnchors,
    /// Whether mail servers are believed by them too, and not web servers alone.
    pub for_mail: bool,
}

/// Opens connections for one profile: its anchors and no other, its identity, its clock. All clones share what was learned of
/// servers, and the TLS sessions that can be taken up again.
#[derive(Clone)]
pub struct Dialer {
    mail: Tls,
    web: Tls,
    proxy: Option<Arc<Proxy>>,
    timeouts: Timeouts,
    clock: Clock,
    sightings: Arc<Sightings>,
}

/// TLS under one set of anchors. Sessions are taken up again only under the very verifier that judged them first.
#[derive(Clone)]
struct Tls {
    config: Arc<ClientConfig>,
    verifier: Arc<ServerVerifier>,
}

impl Dialer {
    /// Takes what the profile trusts and, where it signs in by certificate, who it is. The process-wide defaults of the TLS
    /// library and the system's list of authorities are not used; nobody is asked about revocation.
    ///
    /// # Errors
    /// An anchor that cannot be one, or an identity whose kind of key TLS has no use for.
    pub fn new(
        anchors: &TrustAnchors,
        identity: Option<&Identity>,
        clock: Clock,
        timeouts: Timeouts,
    ) -> Result<Dialer, DialerError> {
        let (system_roots, revocation, proxy) = (None, None, None);
        Dialer::of(Setup { anchors, identity, clock, timeouts, system_roots, revocation, proxy })
    }

    /// The same with everything a profile may say.
    ///
    /// # Errors
    /// As for [`Dialer::new`].
    pub fn of(setup: Setup<'_>) -> Result<Dialer, DialerError> {
        let proxy = setup.proxy.map(Arc::new);
        let tls = |anchors: &TrustAnchors, identity, judge| -> Result<Tls, DialerError> {
            let verifier = Arc::new(ServerVerifier::new(anchors, judge)?);
            Ok(Tls { config: Arc::new(tls::client_config(verifier.clone(), identity, setup.clock)?), verifier })
        };
        let dialer = |mail: Tls, web: Tls, timeouts| Dialer {
            mail,
            web,
            proxy: proxy.clone(),
            timeouts,
            clock: setup.clock,
            sightings: Arc::default(),
        };
        let judge = match setup.revocation {
            Some(revocation) if revocation.asks() => {
                // Lists and answers prove themselves by their signatures: whoever brings them is not judged in turn.
                let alone = tls(setup.anchors, None, None)?;
                let courier = dialer(alone.clone(), alone, revocation.timeouts(setup.timeouts));
                Some(Arc::new(Judge::new(revocation, HttpClient::new(courier))))
            }
            _ => None,
        };
        let own = tls(setup.anchors, setup.identity, judge.clone())?;
        let wider = match &setup.system_roots {
            Some(system) => tls(&setup.anchors.with(&usable(&system.anchors)), setup.identity, judge)?,
            None => own.clone(),
        };
        let for_mail = setup.system_roots.as_ref().is_some_and(|system| system.for_mail);
        Ok(dialer(if for_mail { wider.clone() } else { own }, wider, setup.timeouts))
    }

    /// How long each step may take.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// What was learned of servers since it was asked for last: each certificate at each place once.
    pub fn sightings(&self) -> Vec<Sighting> {
        self.sightings.take()
    }

    /// The same for web servers, which a profile may believe by the authorities of the system too.
    pub(super) fn for_web(self) -> Dialer {
        Dialer { mail: self.web.clone(), ..self }
    }

    /// Opens TCP to the endpoint, through the proxy where one leads there; nothing is said to the server yet.
    pub fn connect(&self, endpoint: &Endpoint) -> Result<Stream, LinkError> {
        let Some(proxy) = self.proxy_to(endpoint) else {
            let socket = self.socket(&endpoint.host, endpoint.port, &endpoint.to_string())?;
            return Ok(Stream::clear(socket, endpoint.to_string()));
        };
        let mut socket = self.socket_of_proxy(proxy)?;
        socket.set_wait(Wait::Until(Instant::now() + self.timeouts.handshake));
        proxy.lead(&mut socket, endpoint)?;
        socket.set_wait(Wait::Each(self.timeouts.block));
        Ok(Stream::clear(socket, endpoint.to_string()))
    }

    /// Opens TCP for a request in clear: a web proxy forwards those itself, and seldom lets anybody through to such a port.
    pub(super) fn connect_in_clear(&self, endpoint: &Endpoint) -> Result<(Stream, Option<Forwarding>), LinkError> {
        let Some((proxy, forwarding)) = self.proxy_to(endpoint).and_then(|it| Some((it, it.forwarding(endpoint)?)))
        else {
            return self.connect(endpoint).map(|stream| (stream, None));
        };
        Ok((Stream::clear(self.socket_of_proxy(proxy)?, endpoint.to_string()), Some(forwarding)))
    }

    fn proxy_to(&self, endpoint: &Endpoint) -> Option<&Proxy> {
        self.proxy.as_deref().filter(|proxy| proxy.leads_to(&endpoint.host))
    }

    fn socket_of_proxy(&self, proxy: &Proxy) -> Result<Socket, LinkError> {
        let (host, port) = proxy.place();
        self.socket(host, port, &proxy.to_string())
    }

    fn socket(&self, host: &str, port: u16, name: &str) -> Result<Socket, LinkError> {
        let tcp = tcp::connect(host, port, self.timeouts.connect).map_err(|source| match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => LinkError::Timeout { endpoint: name.to_owned() },
            _ => LinkError::Unreachable { endpoint: name.to_owned(), source },
        })?;
        Ok(Socket::new(tcp, Wait::Each(self.timeouts.block)))
    }

    /// Puts TLS on a connection in clear. The certificate must be one for `host`, and not revoked as far as the profile wants
    /// that to be known: before this returns nothing secret is sent, and no certificate of ours is shown.
    pub fn secure(&self, stream: Stream, host: &str) -> Result<Stream, LinkError> {
        let endpoint = stream.endpoint().to_owned();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| LinkError::of_connection(&endpoint, invalid("not a host name")))?;
        let socket = stream.into_clear_socket().map_err(|error| LinkError::of_connection(&endpoint, error))?;
        let connection = ClientConnection::new(self.mail.config.clone(), name.clone())
            .map_err(|error| LinkError::of_connection(&endpoint, refused(error)))?;
        let mut stream = StreamOwned::new(connection, socket);
        self.handshake(&mut stream).map_err(|error| {
            let agreed = stream.conn.negotiated_cipher_suite().is_some();
            LinkError::of_handshake(&endpoint, error, agreed)
        })?;
        if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed) {
            // A session that is taken up again shows no certificate: the one of its beginning is judged as it stands now.
            let chain = stream.conn.peer_certificates().unwrap_or_default();
            let judged = self.mail.verifier.again(chain, &name, self.clock);
            judged.map_err(|error| LinkError::of_connection(&endpoint, refused(error)))?;
        }
        stream.sock.acknowledge_at_once();
        stream.sock.set_wait(Wait::Each(self.timeouts.block));
        let days_left = self.note(&stream.conn, &endpoint);
        Ok(Stream::tls(stream, endpoint, days_left))
    }

    /// Shakes hands within its time. What passes while the certificate is judged is not the server's time.
    fn handshake(&self, stream: &mut StreamOwned<ClientConnection, Socket>) -> io::Result<()> {
        let mut end = Instant::now() + self.timeouts.handshake;
        let StreamOwned { conn, sock } = stream;
        loop {
            sock.set_wait(Wait::Until(end));
            while conn.wants_write() {
                conn.write_tls(sock)?;
            }
            if !conn.is_handshaking() {
                return sock.flush();
            }
            if conn.read_tls(sock)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let begun = Instant::now();
            let processed = conn.process_new_packets();
            end += begun.elapsed();
            if let Err(error) = processed {
                // The alert that tells the server why.
                sock.set_wait(Wait::Each(ALERT));
                while conn.wants_write() && conn.write_tls(sock).is_ok() {}
                return Err(refused(error));
            }
        }
    }

    /// Writes down what was learned of a server; the days its certificate has left.
    fn note(&self, connection: &ClientConnection, endpoint: &str) -> Option<i64> {
        let certificate = Certificate::from_der(connection.peer_certificates()?.first()?).ok()?;
        let days_left = certificate.days_left(self.clock.now());
        let version = format!("{:?}", connection.protocol_version()?);
        let suite = format!("{:?}", connection.negotiated_cipher_suite()?.suite());
        let sha256 = certificate.sha256();
        let verdict = self.mail.verifier.verdict(&sha256);
        self.sightings.add(Sighting {
            endpoint: endpoint.to_owned(),
            version,
            suite,
            sha256,
            days_left,
            not_after: certificate.not_after(),
            verdict,
        });
        Some(days_left)
    }
}

#[cfg(test)]
impl Dialer {
    /// Forgets what was found about revocation, as time would.
    pub(super) fn forget_revocation(&self) {
        self.mail.verifier.forget();
    }
}

/// How long the last word to a server that was refused may take.
const ALERT: Duration = Duration::from_secs(1);

fn refused(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::super::scripted::{
        anchors, clock, dialer, dialer_with, identity, serve, serve_mutual_tls, serve_tls, timeouts,
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
    fn a_server_that_insists_on_what_is_too_old_is_told_by_what_it_is() {
        // A ServerHello (RFC 5246, section 7.4.1.3) of TLS 1.1, and one of TLS 1.2 with AES-CBC.
        for (version, suite, old) in [([3, 2], [0xc0, 0x13], true), ([3, 3], [0xc0, 0x27], false)] {
            let server = serve(move |peer| {
                peer.octets(5);
                let body = [&version[..], &[7; 32], &[0], &suite, &[0]].concat();
                peer.send_octets(&[&[0x16, 3, version[1], 0, 42, 2, 0, 0, 38][..], &body].concat());
            });
            let error = open(&dialer(), &server.endpoint).map(|_| ()).unwrap_err();
            assert_eq!(matches!(error, LinkError::OldTls { .. }), old, "{error:?}");
            assert_eq!(matches!(error, LinkError::NoCommonSuite { .. }), !old, "{error:?}");
            server.leave();
        }
    }

    #[test]
    fn the_authorities_of_the_system_count_for_whom_the_profile_says() {
        let own = TrustAnchors::new([identity(KeyKind::P256).certificate().clone()]);
        for for_mail in [false, true] {
            let (identity, revocation, proxy) = (None, None, None);
            let system_roots = Some(SystemRoots { anchors: anchors(), for_mail });
            let (clock, timeouts) = (clock(), timeouts());
            let setup = Setup { anchors: &own, identity, clock, timeouts, system_roots, revocation, proxy };
            let dialer = Dialer::of(setup).unwrap();
            let server = serve_tls(|_| ());
            assert_eq!(open(&dialer, &server.endpoint).is_ok(), for_mail);
            server.leave();
            let server = serve_tls(|peer| {
                while !peer.line().is_empty() {}
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            });
            let url = format!("https://{}/", server.endpoint);
            assert_eq!(HttpClient::new(dialer).get(&url, &[], 9).unwrap().body, b"ok");
            server.join();
        }
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
