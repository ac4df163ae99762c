//! What is found out about the revocation of a server, from which source, and what becomes of a server nobody tells about.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{CrlDistributionPoint, ExtendedKeyUsagePurpose, SanType, SerialNumber};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use super::revocation::Judge;
use super::scripted::{NOON, clock, timeouts};
use super::{
    Dialer, Endpoint, HttpClient, KeptLists, LinkError, Revocation, RevocationPolicy, Security, Setup, Stream,
    Untrusted, Verdict,
};
use crate::pki::ocsp_tests::answer_about;
use crate::pki::specimen::{Authority, Leaf};
use crate::pki::{Certificate, RevocationList, TrustAnchors};

/// A web server with one document, which may change.
struct Web {
    port: u16,
    document: Arc<Mutex<Option<Vec<u8>>>>,
    asked: Arc<AtomicUsize>,
}

impl Web {
    fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (document, asked) = (Arc::new(Mutex::new(None::<Vec<u8>>)), Arc::new(AtomicUsize::new(0)));
        let (held, counted) = (document.clone(), asked.clone());
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut reader = BufReader::new(tcp);
                let mut line = String::new();
                let mut length = 0;
                while matches!(reader.read_line(&mut line), Ok(1..)) && line != "\r\n" {
                    let said = line.to_ascii_lowercase();
                    length = said.strip_prefix("content-length:").map_or(length, |it| it.trim().parse().unwrap());
                    line.clear();
                }
                let _ = std::io::Read::read_exact(&mut reader, &mut vec![0; length]);
                let body = held.lock().unwrap().clone();
                let status = if body.is_some() { "200 OK" } else { "503 Away" };
                let body = body.unwrap_or_default();
                let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = reader.get_mut().write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Web { port, document, asked }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/list.crl", self.port)
    }

    fn serve(&self, list: &RevocationList) {
        self.say(list.der().to_vec());
    }

    fn say(&self, octets: Vec<u8>) {
        *self.document.lock().unwrap() = Some(octets);
    }

    fn away(&self) {
        *self.document.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn judge(policy: RevocationPolicy, lists: &[String], kept: Option<&Path>, root: &Authority) -> Judge {
    let kept = kept.map(|folder| KeptLists::new(folder, &root.anchors()));
    Judge::new(Revocation { policy, lists: lists.to_vec(), kept }, HttpClient::new(super::scripted::dialer()))
}

/// The certificate of a server that says where its list is.
fn leaf(issuer: &Authority, lists: &[String]) -> Certificate {
    let mut leaf = Leaf::new("a@b.fr");
    leaf.lists = lists.to_vec();
    issuer.certify(&leaf)
}

#[test]
fn a_list_that_the_certificate_names_clears_it_once_for_the_run() {
    let (root, web) = (Authority::root("AC"), Web::start());
    let path = [leaf(&root, &[web.url()]), root.certificate.clone()];
    web.serve(&root.revoke(&[5]));
    let judge = judge(RevocationPolicy::Require, &[], None, &root);
    for _ in 0..3 {
        let cleared = Verdict::Cleared { by: "a revocation list".to_owned() };
        assert_eq!(judge.judge(&path, 1, &[], noon()), Ok(cleared));
    }
    assert_eq!(web.asked(), 1);
}

#[test]
fn a_kept_list_tells_while_it_is_good_and_its_server_away() {
    let (root, web, folder) = (Authority::root("AC"), Web::start(), tempfile::tempdir().unwrap());
    let path = [leaf(&root, &[web.url()]), root.certificate.clone()];
    let cache = folder.path().join("cache");
    let next_run = || judge(RevocationPolicy::Require, &[], Some(&cache), &root);
    web.serve(&root.revoke(&[5]));
    assert!(next_run().judge(&path, 1, &[], noon()).is_ok());
    web.away();
    assert!(next_run().judge(&path, 1, &[], noon()).is_ok());
    assert_eq!(web.asked(), 2, "the files of a test are not of its time: a newer list was looked for");
    let later = "2026-07-02T12:00:00Z".parse().unwrap();
    let Err(Untrusted::RevocationUnknown { why, .. }) = next_run().judge(&path, 1, &[], later) else { panic!() };
    assert!(why.contains("503"), "{why}");
    web.serve(&root.revoke(&[5]));
    let Err(Untrusted::RevocationUnknown { why, .. }) = next_run().judge(&path, 1, &[], later) else { panic!() };
    assert!(why.contains("expired on 2026-07-01"), "{why}");
}

/// Somebody on the way can put any list in the place of the one that was asked for: lists travel in clear.
#[test]
fn a_list_that_its_authority_did_not_sign_takes_the_place_of_none() {
    let (root, web, folder) = (Authority::root("AC"), Web::start(), tempfile::tempdir().unwrap());
    let path = [leaf(&root, &[web.url()]), root.certificate.clone()];
    let cache = folder.path().join("cache");
    let next_run = || judge(RevocationPolicy::IfReachable, &[], Some(&cache), &root);
    for forged in [Authority::root("AC").revoke(&[]), Authority::root("ANOTHER").revoke(&[])] {
        web.serve(&root.revoke(&[77]));
        assert_eq!(next_run().judge(&path, 1, &[], noon()), Err(Untrusted::Revoked));
        web.serve(&forged);
        assert_eq!(next_run().judge(&path, 1, &[], noon()), Err(Untrusted::Revoked), "what was kept tells");
        web.away();
        assert_eq!(next_run().judge(&path, 1, &[], noon()), Err(Untrusted::Revoked), "and is still kept");
    }
    // Where nothing was kept before, it is not kept either, and the true one is fetched as soon as it is there.
    let empty = folder.path().join("empty");
    let next_run = || judge(RevocationPolicy::IfReachable, &[], Some(&empty), &root);
    web.serve(&Authority::root("AC").revoke(&[]));
    let Ok(Verdict::Unknown { why, .. }) = next_run().judge(&path, 1, &[], noon()) else { panic!() };
    assert!(why.contains("not signed by AC"), "{why}");
    assert!(!empty.exists());
}

#[test]
fn a_list_that_is_older_than_the_kept_one_takes_nothing_back() {
    let (root, web, folder) = (Authority::root("AC"), Web::start(), tempfile::tempdir().unwrap());
    let path = [leaf(&root, &[web.url()]), root.certificate.clone()];
    let next_run = || judge(RevocationPolicy::Require, &[], Some(&folder.path().join("cache")), &root);
    web.serve(&root.revoke_on((2026, 5, 20), &[77]));
    assert_eq!(next_run().judge(&path, 1, &[], noon()), Err(Untrusted::Revoked));
    web.serve(&root.revoke(&[]));
    assert_eq!(next_run().judge(&path, 1, &[], noon()), Err(Untrusted::Revoked));
    web.serve(&root.revoke_on((2026, 5, 21), &[]));
    assert!(next_run().judge(&path, 1, &[], noon()).is_ok(), "a newer one does");
}

#[test]
fn what_a_responder_said_last_is_not_forgotten_for_what_it_said_before() {
    let (root, web) = (Authority::root("AC"), Web::start());
    let issuing = root.below("AC SERVEURS");
    let mut leaf = Leaf::new("a@b.fr");
    leaf.responders = vec![web.url()];
    let path = [issuing.certify(&leaf), issuing.certificate.clone()];
    let says = |revoked, made| web.say(answer_about(&issuing, &path[0], revoked, made));
    for policy in [RevocationPolicy::Require, RevocationPolicy::IfReachable] {
        let folder = tempfile::tempdir().unwrap();
        let next_run = || judge(policy, &[], Some(&folder.path().join("cache")), &root).judge(&path, 1, &[], noon());
        says(false, "20260601080000Z");
        assert!(next_run().is_ok());
        says(true, "20260601090000Z");
        assert_eq!(next_run(), Err(Untrusted::Revoked));
        web.away();
        assert_eq!(next_run(), Err(Untrusted::Revoked), "away");
        web.say(b"\x30\x03\x0a\x01\x03".to_vec());
        assert_eq!(next_run(), Err(Untrusted::Revoked), "it says to try later");
        says(false, "20260601080000Z");
        assert_eq!(next_run(), Err(Untrusted::Revoked), "somebody on the way repeats the first answer");
        says(false, "20260601100000Z");
        assert!(next_run().is_ok(), "it is no longer on hold");
    }
}

/// A mailbox is watched for weeks.
#[test]
fn a_run_may_ask_the_same_source_again_as_long_as_it_lasts() {
    let (root, web) = (Authority::root("AC"), Web::start());
    let issuing = root.below("AC SERVEURS");
    let mut leaf = Leaf::new("a@b.fr");
    leaf.responders = vec![web.url()];
    let path = [issuing.certify(&leaf), issuing.certificate.clone()];
    web.say(answer_about(&issuing, &path[0], false, "20260601080000Z"));
    let judge = judge(RevocationPolicy::Require, &[], None, &root);
    for hours in 0..200 {
        let at = noon() + jiff::SignedDuration::from_hours(hours);
        assert!(judge.judge(&path, 1, &[], at).is_ok(), "after {hours} hours");
    }
}

#[test]
fn who_was_revoked_is_refused_whether_it_is_the_server_or_its_issuer() {
    for policy in [RevocationPolicy::Require, RevocationPolicy::IfReachable] {
        let (root, of_leafs, of_root) = (Authority::root("AC"), Web::start(), Web::start());
        let issuing = root.below_with("AC SERVEURS", |params| {
            params.serial_number = Some(SerialNumber::from(9u64));
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![of_root.url()] }];
        });
        let path = [leaf(&issuing, &[of_leafs.url()]), issuing.certificate.clone(), root.certificate.clone()];
        let judged = |leafs: &[u64], authorities: &[u64]| {
            of_leafs.serve(&issuing.revoke(leafs));
            of_root.serve(&root.revoke(authorities));
            judge(policy, &[], None, &root).judge(&path, 2, &[], noon())
        };
        assert!(judged(&[], &[]).is_ok());
        assert_eq!(judged(&[77], &[]), Err(Untrusted::Revoked));
        assert_eq!(judged(&[], &[9]), Err(Untrusted::IssuerRevoked { issuer: "AC SERVEURS".to_owned() }));
    }
}

#[test]
fn where_nobody_tells_the_profile_decides() {
    let (root, web) = (Authority::root("AC"), Web::start());
    let foreign = Authority::root("AC");
    for lists in [vec![web.url()], Vec::new()] {
        let path = [leaf(&root, &lists), root.certificate.clone()];
        for served in [None, Some(foreign.revoke(&[]))] {
            served.as_ref().map_or_else(|| web.away(), |list| web.serve(list));
            let of = |policy| judge(policy, &[], None, &root).judge(&path, 1, &[], noon());
            assert!(matches!(of(RevocationPolicy::Require), Err(Untrusted::RevocationUnknown { .. })));
            let Ok(Verdict::Unknown { named, .. }) = of(RevocationPolicy::IfReachable) else { panic!() };
            assert_eq!(named, !lists.is_empty());
        }
    }
    // A list of the profile tells about certificates that name none.
    web.serve(&root.revoke(&[77]));
    let path = [leaf(&root, &[]), root.certificate.clone()];
    let judged = judge(RevocationPolicy::Require, &[web.url()], None, &root).judge(&path, 1, &[], noon());
    assert_eq!(judged, Err(Untrusted::Revoked));
}

#[test]
fn an_answer_that_the_server_brings_and_that_is_none_changes_nothing() {
    let (root, web) = (Authority::root("AC"), Web::start());
    let path = [leaf(&root, &[web.url()]), root.certificate.clone()];
    web.serve(&root.revoke(&[77]));
    let judged = judge(RevocationPolicy::Require, &[], None, &root).judge(&path, 1, b"\x30\x03\x0a\x01\x00", noon());
    assert_eq!(judged, Err(Untrusted::Revoked));
}

/// A TLS server for so many connections; the handshakes as they were.
fn serve(certificate: &Certificate, leaf: &Leaf<'_>, count: usize) -> (Endpoint, JoinHandle<Vec<HandshakeKind>>) {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf.key.pkcs8().expose().to_vec()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    let greet = move |tcp: TcpStream| {
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
        let _ = stream.write_all(b"hello\n").and_then(|()| stream.flush());
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
        stream.conn.handshake_kind().unwrap_or(HandshakeKind::Full)
    };
    let thread = thread::spawn(move || listener.incoming().take(count).map(|tcp| greet(tcp.unwrap())).collect());
    (Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::Implicit }, thread)
}

/// Connects, hears the greeting, and leaves.
fn visit(dialer: &Dialer, endpoint: &Endpoint) -> Result<bool, LinkError> {
    let mut stream: Stream = dialer.secure(dialer.connect(endpoint)?, &endpoint.host)?;
    std::io::Read::read_exact(&mut stream, &mut [0; 6]).unwrap();
    let resumed = stream.is_resumed();
    stream.close();
    Ok(resumed)
}

/// A dialer whose profile requires that somebody tells.
fn requiring(anchors: &TrustAnchors) -> Dialer {
    let revocation = Some(Revocation { policy: RevocationPolicy::Require, lists: Vec::new(), kept: None });
    let (identity, system_roots, proxy) = (None, None, None);
    let (clock, timeouts) = (clock(), timeouts());
    Dialer::of(Setup { anchors, identity, clock, timeouts, system_roots, revocation, proxy }).unwrap()
}

#[test]
fn an_authority_that_is_trusted_itself_is_judged_by_the_one_above_it() {
    let (root, of_leafs, of_root) = (Authority::root("AC"), Web::start(), Web::start());
    let issuing = root.below_with("AC SERVEURS", |params| {
        params.serial_number = Some(SerialNumber::from(9u64));
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![of_root.url()] }];
    });
    let mut leaf = Leaf::new("a@b.fr");
    leaf.names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    leaf.purposes = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.lists = vec![of_leafs.url()];
    let (endpoint, server) = serve(&issuing.certify(&leaf), &leaf, 3);
    of_leafs.serve(&issuing.revoke(&[]));
    of_root.serve(&root.revoke(&[9]));
    let both = TrustAnchors::new([issuing.certificate.clone(), root.certificate.clone()]);
    let error = visit(&requiring(&both), &endpoint).unwrap_err();
    assert!(matches!(error, LinkError::Untrusted { why: Untrusted::IssuerRevoked { .. }, .. }), "{error:?}");
    visit(&requiring(&issuing.anchors()), &endpoint).unwrap();
    of_root.serve(&root.revoke(&[]));
    visit(&requiring(&both), &endpoint).unwrap();
    server.join().unwrap();
}

#[test]
fn sessions_are_taken_up_again_and_judged_again() {
    let (root, web) = (Authority::root("AC"), Web::start());
    let mut leaf = Leaf::new("a@b.fr");
    leaf.names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    leaf.purposes = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.lists = vec![web.url()];
    let (endpoint, server) = serve(&root.certify(&leaf), &leaf, 4);
    let dialer = requiring(&root.anchors());
    web.serve(&root.revoke(&[]));
    assert!(!visit(&dialer, &endpoint).unwrap());
    assert!(visit(&dialer.clone(), &endpoint).unwrap() && visit(&dialer, &endpoint).unwrap());
    assert_eq!(web.asked(), 1);
    let seen = dialer.sightings();
    assert_eq!((seen.len(), seen[0].days_left), (1, 364));
    assert_eq!(seen[0].verdict, Some(Verdict::Cleared { by: "a revocation list".to_owned() }));

    web.serve(&root.revoke(&[77]));
    dialer.forget_revocation();
    let error = visit(&dialer, &endpoint).unwrap_err();
    assert!(matches!(error, LinkError::Untrusted { why: Untrusted::Revoked, .. }), "{error:?}");
    let kinds = server.join().unwrap();
    assert_eq!(kinds.iter().filter(|kind| **kind == HandshakeKind::Full).count(), 1, "{kinds:?}");
}
