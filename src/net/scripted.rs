//! Servers for unit tests that follow a script, good or bad, in clear or under TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::{Dialer, Endpoint, Security, Timeouts};
use crate::clock::Clock;
use crate::pki::{Certificate, Identity, KeyKind, PrivateKey, TrustAnchors};

/// The moment all certificates here are made for.
pub(crate) const NOON: &str = "2026-06-01T12:00:00Z";

/// The throw-away authority of the test run.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);

struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = dated(vec![]);
        params.distinguished_name.push(DnType::CommonName, "TEST AC OF THE SCRIPTS");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }
}

fn dated(names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params
}

pub(crate) fn clock() -> Clock {
    Clock::Fixed(NOON.parse().unwrap())
}

/// Short enough for a test that waits for them, long enough for one that does not.
pub(crate) fn timeouts() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts {
        connect: long,
        handshake: long,
        greeting: long,
        reply: long,
        mail: long,
        rcpt: long,
        data: long,
        block: long,
        last_reply: long,
    }
}

pub(crate) fn anchors() -> TrustAnchors {
    TrustAnchors::new([Certificate::from_der(AUTHORITY.certificate.der()).unwrap()])
}

/// A dialer that trusts the authority of the test run.
pub(crate) fn dialer() -> Dialer {
    dialer_with(None, timeouts())
}

pub(crate) fn dialer_with(identity: Option<&Identity>, timeouts: Timeouts) -> Dialer {
    Dialer::new(&anchors(), identity, clock(), timeouts).unwrap()
}

/// A client identity from the authority of the test run.
pub(crate) fn identity(kind: KeyKind) -> Identity {
    let key = PrivateKey::generate(kind).unwrap();
    let pair = KeyPair::try_from(key.pkcs8().expose().as_slice()).unwrap();
    let certificate = dated(vec![]).signed_by(&pair, &AUTHORITY.issuer).unwrap();
    Identity::new(Certificate::from_der(certificate.der()).unwrap(), vec![], key).unwrap()
}

fn server_config(name: &str, wants_certificate: bool) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = dated(vec![name.to_owned()]).signed_by(&key, &AUTHORITY.issuer).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_details(provider.clone(), Arc::new(Noon)).with_safe_default_protocol_versions();
    let builder = if wants_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(AUTHORITY.certificate.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        builder.unwrap().with_client_cert_verifier(verifier)
    } else {
        builder.unwrap().with_no_client_auth()
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

#[derive(Debug)]
struct Noon;

impl rustls::time_provider::TimeProvider for Noon {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(clock().unix_seconds())))
    }
}

/// A server that takes one connection and follows its script.
pub(crate) struct Scripted {
    pub(crate) endpoint: Endpoint,
    thread: JoinHandle<()>,
}

impl Scripted {
    /// Waits for the end of the script; a script that was not followed panics here.
    pub(crate) fn join(self) {
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }

    /// For a client that is expected to go in the middle of the script.
    pub(crate) fn leave(self) {
        let _ = self.thread.join();
    }
}

/// A server that begins in clear.
pub(crate) fn serve(script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    start(Security::StartTls, server_config("127.0.0.1", false), script)
}

/// A server that begins with TLS.
pub(crate) fn serve_tls(script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls_for("127.0.0.1", script)
}

/// A server whose certificate is for this name.
pub(crate) fn serve_tls_for(name: &str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    start(Security::Implicit, server_config(name, false), script)
}

/// A server that begins with TLS and requires a certificate.
pub(crate) fn serve_mutual_tls(script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    start(Security::Implicit, server_config("127.0.0.1", true), script)
}

fn start(security: Security, config: Arc<ServerConfig>, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let tcp = listener.accept().unwrap().0;
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut peer = Peer { link: Link::Gone, tcp: tcp.try_clone().unwrap(), config };
        peer.link = Link::Clear(BufReader::new(tcp));
        if security == Security::Implicit {
            peer.start_tls();
        }
        script(&mut peer);
        peer.finish();
    });
    Scripted { endpoint: Endpoint { host: "127.0.0.1".to_owned(), port, security }, thread }
}

/// The client, seen from the server.
pub(crate) struct Peer {
    link: Link,
    tcp: TcpStream,
    config: Arc<ServerConfig>,
}

enum Link {
    Clear(BufReader<TcpStream>),
    Tls(Box<BufReader<StreamOwned<ServerConnection, TcpStream>>>),
    Gone,
}

impl Peer {
    /// Reads a line without its end; at the end of the connection, an empty one.
    pub(crate) fn line(&mut self) -> String {
        self.next_line().unwrap_or_default()
    }

    fn next_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = match &mut self.link {
            Link::Clear(reader) => reader.read_until(b'\n', &mut line),
            Link::Tls(reader) => reader.read_until(b'\n', &mut line),
            Link::Gone => panic!("the script cut this connection"),
        };
        matches!(read, Ok(1..)).then(|| String::from_utf8(line).unwrap().trim_end().to_owned())
    }

    /// Reads a line that begins so, and gives it.
    #[track_caller]
    pub(crate) fn expect(&mut self, start: &str) -> String {
        let line = self.line();
        assert!(line.starts_with(start), "expected {start:?}, got {line:?}");
        line
    }

    /// Reads lines that begin so, one after the other.
    #[track_caller]
    pub(crate) fn expect_all(&mut self, starts: &[&str]) {
        for start in starts {
            self.expect(start);
        }
    }

    /// Reads a command, of any tag, that begins so; gives the tag.
    #[track_caller]
    pub(crate) fn command(&mut self, start: &str) -> String {
        let line = self.line();
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        assert!(command.starts_with(start), "expected {start:?}, got {line:?}");
        tag.to_owned()
    }

    /// Reads lines until the lone dot or the end of the connection, gives them without it.
    pub(crate) fn until_dot(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_line()).take_while(|line| line != ".").collect()
    }

    pub(crate) fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        match &mut self.link {
            Link::Clear(reader) => reader.read_exact(&mut octets).unwrap(),
            Link::Tls(reader) => reader.read_exact(&mut octets).unwrap(),
            Link::Gone => panic!("the script cut this connection"),
        }
        octets
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_octets(text.as_bytes());
    }

    /// Sends; whether the client still listens is its affair.
    pub(crate) fn send_octets(&mut self, octets: &[u8]) {
        let _ = match &mut self.link {
            Link::Clear(reader) => reader.get_mut().write_all(octets),
            Link::Tls(reader) => reader.get_mut().write_all(octets).and_then(|()| reader.get_mut().flush()),
            Link::Gone => panic!("the script cut this connection"),
        };
    }

    /// Begins TLS.
    pub(crate) fn start_tls(&mut self) {
        let Link::Clear(reader) = std::mem::replace(&mut self.link, Link::Gone) else { panic!("TLS twice") };
        let mut connection = ServerConnection::new(self.config.clone()).unwrap();
        let mut tcp = reader.into_inner();
        while connection.is_handshaking() && connection.complete_io(&mut tcp).is_ok_and(|(read, _)| read > 0) {}
        self.link = Link::Tls(Box::new(BufReader::new(StreamOwned::new(connection, tcp))));
    }

    /// The number of certificates that the client showed.
    pub(crate) fn client_certificates(&self) -> usize {
        match &self.link {
            Link::Tls(reader) => reader.get_ref().conn.peer_certificates().map_or(0, <[_]>::len),
            _ => 0,
        }
    }

    /// Has no more to say, and reads until the client has gone.
    pub(crate) fn finish_and_wait(&mut self) {
        self.finish();
        let Link::Clear(reader) = &mut self.link else { panic!("in clear only") };
        let _ = std::io::copy(reader, &mut std::io::sink());
    }

    /// Breaks the connection without a word.
    pub(crate) fn cut(&mut self) {
        let _ = self.tcp.shutdown(std::net::Shutdown::Both);
        self.link = Link::Gone;
    }

    fn finish(&mut self) {
        if let Link::Tls(reader) = &mut self.link {
            let StreamOwned { conn, sock } = reader.get_mut();
            conn.send_close_notify();
            let _ = conn.write_tls(sock);
        }
        let _ = self.tcp.shutdown(std::net::Shutdown::Write);
    }
}
