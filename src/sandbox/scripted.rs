//! For the tests of the servers: an operator of three mailboxes, and a client that says lines and expects lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::clock::Clock;
use crate::fs::private_dir;
use crate::sandbox::Ports;
use crate::sandbox::authority::{Authority, Branch, Leaf, Validity, certificate_der, organisation};
use crate::sandbox::faults::Faults;
use crate::sandbox::listener::Listener;
use crate::sandbox::people::Account;
use crate::sandbox::server::{Door, Service, bind, serve_all};
use crate::sandbox::signin::Accounts;
use crate::sandbox::store::Store;
use crate::sandbox::tls::ServerConfigs;
use crate::secret::{Secret, Totp};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const PASSWORD: &str = "tilleul";
pub(super) const LABO: &str = "labo@biologie.sandbox";
pub(super) const DURAND: &str = "dr.durand@medecin.sandbox";
/// Signs in with a certificate.
pub(super) const CARDIO: &str = "cardiologie@hopital.sandbox";

/// The servers of an operator, in a folder that goes with them.
pub(super) struct Trial {
    pub(super) service: Arc<Service>,
    ports: Vec<(Door, u16)>,
    /// Held, not read: dropping them ends their threads.
    _listeners: Vec<Listener>,
    certificate: Vec<u8>,
    key: Vec<u8>,
    dir: tempfile::TempDir,
}

impl Trial {
    pub(super) fn new(faults: &[&str]) -> Trial {
        let clock = Clock::Fixed("2026-01-05T08:00:00Z".parse().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let faults: Vec<_> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let [root, organisations, persons] = Authority::create().unwrap();
        let authority = Authority::new(clock, root, organisations, persons);
        let key = KeyPair::generate().unwrap();
        let leaf = Leaf {
            subject: organisation("Rhône (69)", "HOPITAL", "1990000028", CARDIO),
            names: Vec::new(),
            key_usages: vec![KeyUsagePurpose::DigitalSignature],
            extended_key_usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
            validity: Validity::lasting(clock.now()),
        };
        let pem = authority.issue(Branch::Organisations, leaf, &key).unwrap();
        let certificate = certificate_der(&pem).unwrap().to_vec();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
        let account = |address: &str| Account {
            address: address.parse().unwrap(),
            password: Secret::new(PASSWORD.to_owned()),
            totp_seed: Secret::new(SEED.to_owned()),
            certificate_sha256: (address == CARDIO).then(|| digest.as_ref().try_into().unwrap()),
        };
        private_dir(&dir.path().join("state")).unwrap();
        let service = Arc::new(Service {
            name: "mss.operateur.sandbox",
            clock,
            accounts: Accounts::new([LABO, DURAND, CARDIO].map(account).to_vec(), clock, Arc::default()),
            store: Store::open(dir.path().join("state/mail"), clock).unwrap(),
            tls: Arc::new(ServerConfigs::new(&authority, &faults, "http://127.0.0.1:1/organisations.crl").unwrap()),
            faults: Arc::new(Faults::new(faults)),
        });
        let doors = bind(&mut Ports::default(), Ports::default()).unwrap();
        let ports = doors.iter().map(|(door, bound)| (*door, bound.number())).collect();
        let listeners = serve_all(&service, doors).unwrap();
        Trial { service, ports, _listeners: listeners, certificate, key: key.serialize_der(), dir }
    }

    /// The folder of the mail.
    pub(super) fn mail(&self) -> std::path::PathBuf {
        self.dir.path().join("state/mail")
    }

    /// A connection, under TLS where the door asks for it.
    pub(super) fn client(&self, door: Door) -> Client {
        self.connect(door, None)
    }

    /// A connection that shows the certificate of `CARDIO`.
    pub(super) fn client_with_certificate(&self, door: Door) -> Client {
        self.connect(door, Some((self.certificate.clone(), self.key.clone())))
    }

    fn connect(&self, door: Door, identity: Option<(Vec<u8>, Vec<u8>)>) -> Client {
        let port = self.ports.iter().find(|(own, _)| *own == door).unwrap().1;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut client = Client {
            stream: Some(BufReader::new(Box::new(stream.try_clone().unwrap()))),
            stream_in_clear: stream,
            identity,
        };
        if matches!(door, Door::Submission { implicit: true } | Door::Mailbox { implicit: true }) {
            client.start_tls();
        }
        client
    }
}

/// A PLAIN message for a mailbox, base64, with the code of the tests' moment.
pub(super) fn plain(user: &str) -> String {
    BASE64_STANDARD.encode(format!("\0{user}\0{}", password()))
}

/// Password and code.
pub(super) fn password() -> String {
    let totp = Totp::from_base32(&Secret::new(SEED.to_owned())).unwrap();
    format!("{PASSWORD}{}", totp.code(1_767_600_000).expose())
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

/// One connection.
pub(super) struct Client {
    stream: Option<BufReader<Box<dyn Both>>>,
    stream_in_clear: TcpStream,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Client {
    /// Takes the TLS handshake; whom it talks to does not matter here.
    pub(super) fn start_tls(&mut self) {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
        let config = match self.identity.take() {
            Some((certificate, key)) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
                builder.with_client_auth_cert(vec![CertificateDer::from(certificate)], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = self.stream_in_clear.try_clone().unwrap();
        self.stream = Some(BufReader::new(Box::new(StreamOwned::new(tls, stream))));
    }

    fn stream(&mut self) -> &mut BufReader<Box<dyn Both>> {
        self.stream.as_mut().unwrap()
    }

    /// Sends octets as they are.
    pub(super) fn send(&mut self, octets: &[u8]) {
        let stream = self.stream().get_mut();
        stream.write_all(octets).unwrap();
        stream.flush().unwrap();
    }

    /// Reads a line, without its end; `None` when the server has closed or broken off.
    pub(super) fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.stream().read_until(b'\n', &mut line) {
            Ok(1..) => Some(String::from_utf8(line).unwrap().trim_end_matches(['\r', '\n']).to_owned()),
            _ => None,
        }
    }

    /// Reads so many octets.
    pub(super) fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        self.stream().read_exact(&mut octets).unwrap();
        octets
    }

    /// Everything up to the end of the line the server closes.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A line that was broken off ends with an error; what came before it counts.
        let _ = self.stream().read_to_end(&mut rest);
        rest
    }

    /// Sends a line, and gives the reply of a submission server: its last line, which opens with `expected`.
    #[track_caller]
    pub(super) fn smtp(&mut self, line: &str, expected: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply(expected)
    }

    #[track_caller]
    pub(super) fn reply(&mut self, expected: &str) -> String {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("closed instead of {expected:?}"));
            if line.as_bytes().get(3) != Some(&b'-') {
                assert!(line.starts_with(expected), "{line:?} instead of {expected:?}");
                return line;
            }
        }
    }

    /// Sends an IMAP command, and gives the untagged lines of the answer and then the tagged one, which opens with
    /// `expected` behind its tag.
    #[track_caller]
    pub(super) fn imap(&mut self, command: &str, expected: &str) -> Vec<String> {
        self.send(format!("t {command}\r\n").as_bytes());
        self.until(expected)
    }

    #[track_caller]
    pub(super) fn until(&mut self, expected: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("closed instead of {expected:?} after {lines:?}"));
            let last = line.starts_with("t ");
            lines.push(line);
            if last {
                let tagged = &lines[lines.len() - 1];
                assert!(tagged[2..].starts_with(expected), "{lines:?} instead of {expected:?}");
                return lines;
            }
        }
    }
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
