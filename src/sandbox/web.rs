//! What the operator serves over HTTP: directory and white list under TLS, revocation lists and issuers in clear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::authority::Branch;
use super::directory::Directory;
use super::faults::{Faults, Stage};
use super::http::{Request, Response, Site};
use super::state::State;
use super::tls::ServerConfigs;
use super::tokens::{Provider, Tokens};
use super::{SandboxError, list as white_list};
use crate::clock::Clock;
use crate::mail::Address;

/// Where the white list is.
pub(super) const LIST: &str = "/listeblanche.xml";
/// Where the revocation list is that tells of servers.
pub(super) const SERVERS_LIST: &str = "/organisations.crl";
/// Where the revocation lists are.
pub(super) const REVOCATION_LISTS: [(&str, Branch); 3] =
    [("/racine.crl", Branch::Root), (SERVERS_LIST, Branch::Organisations), ("/personnes.crl", Branch::Persons)];

type Answer = Box<dyn Fn(&Request) -> Response + Send + Sync>;

/// The directory, which calls itself by `base`.
pub(super) fn directory(
    state: &State,
    clock: Clock,
    base: String,
    faults: &Arc<Faults>,
    tls: &Arc<ServerConfigs>,
) -> Site<Answer> {
    let directory = Directory::new(base, state.records.clone(), clock);
    // Who signs in by codes compares clocks with it (RFC 9110, section 6.6.1).
    let answer = move |request: &Request| Response { date: Some(clock.now()), ..directory.answer(request) };
    site(Stage::Directory, faults, Some(tls), Box::new(answer))
}

/// The white list, signed at the first request of a day.
pub(super) fn list(state: &State, clock: Clock, faults: &Arc<Faults>, tls: &Arc<ServerConfigs>) -> Site<Answer> {
    let signer = state.records.list_signer.pair.clone();
    let kept = Mutex::new(None);
    let answer = move |request: &Request| {
        if request.path != LIST {
            return Response::text(404, "Not Found");
        }
        let generated = white_list::generated(clock.now());
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = match kept.take() {
            Some((of, bytes)) if of == generated => Ok(bytes),
            _ => white_list::signed(&signer, generated),
        };
        *kept = bytes.as_ref().ok().map(|bytes: &Vec<u8>| (generated, bytes.clone()));
        file(request, "text/xml;charset=UTF-8", bytes)
    };
    site(Stage::List, faults, Some(tls), Box::new(answer))
}

/// The revocation lists, in clear as RFC 5280, section 8, wants them: who must check a certificate first cannot start TLS.
pub(super) fn revocation(state: &State, faults: &Arc<Faults>) -> Site<Answer> {
    let (authority, laid_out) = (Arc::clone(&state.authority), state.records.laid_out.clone());
    let answer = move |request: &Request| match REVOCATION_LISTS.iter().find(|(path, _)| *path == request.path) {
        Some((_, branch)) => file(request, "application/pkix-crl", authority.revocation_list(*branch)),
        None => match laid_out.served(&request.path).transpose() {
            Some(bytes) => file(request, "application/octet-stream", bytes),
            None => Response::text(404, "Not Found"),
        },
    };
    site(Stage::Crl, faults, None, Box::new(answer))
}

/// The provider of access tokens, which calls itself by `base`.
pub(super) fn provider(
    state: &State,
    people: HashMap<String, Address>,
    base: String,
    tokens: &Arc<Tokens>,
    faults: &Arc<Faults>,
    tls: &Arc<ServerConfigs>,
) -> Site<Answer> {
    let (tokens, secret) = (Arc::clone(tokens), state.records.api_key.clone());
    let provider = Provider { base, tokens, faults: Arc::clone(faults), secret, people };
    site(Stage::Token, faults, Some(tls), Box::new(move |request| provider.answer(request)))
}

fn site(stage: Stage, faults: &Arc<Faults>, tls: Option<&Arc<ServerConfigs>>, answer: Answer) -> Site<Answer> {
    Site { stage, faults: Arc::clone(faults), tls: tls.map(Arc::clone), answer }
}

/// A file that can be fetched and nothing else.
fn file(request: &Request, media_type: &'static str, bytes: Result<Vec<u8>, SandboxError>) -> Response {
    match (request.method.as_str(), bytes) {
        ("GET" | "HEAD", Ok(bytes)) => Response::new(200, media_type, bytes),
        ("GET" | "HEAD", Err(_)) => Response::text(500, "Internal Server Error"),
        _ => Response::text(405, "Method Not Allowed"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};
    use std::path::Path;
    use std::time::Duration;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    use crate::clock::Clock;
    use crate::sandbox::{Fault, Operator, Options, Sandbox, specimen};

    fn start(state: &Path, faults: &[&str]) -> Sandbox {
        let mut options = Options::new(state.to_owned(), Clock::System);
        options.faults = faults.iter().map(|text| text.parse::<Fault>().unwrap()).collect();
        Sandbox::start(options).unwrap()
    }

    fn ask(mut stream: impl Read + Write, path: &str) -> std::io::Result<String> {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// A connection that trusts what the operator says is to be trusted.
    fn tls(operator: &Operator, port: u16) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(operator.trust_pem.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        StreamOwned::new(ClientConnection::new(config.into(), name).unwrap(), stream)
    }

    #[test]
    fn the_operator_answers_on_the_ports_it_names_and_stops_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        specimen::state(&state);
        let sandbox = start(&state, &[]);
        let operator = sandbox.operator().clone();
        let list = ask(tls(&operator, operator.ports.list), super::LIST).unwrap();
        assert!(list.starts_with("HTTP/1.1 200 OK\r\n") && list.ends_with("</ListeBlancheMSSante>"), "{list}");
        let refused = ask(tls(&operator, operator.ports.directory), "/fhir/v2/Practitioner").unwrap();
        assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
        for (path, _) in super::REVOCATION_LISTS {
            let plain = TcpStream::connect((Ipv4Addr::LOCALHOST, operator.ports.revocation)).unwrap();
            assert!(ask(plain, path).unwrap().contains("application/pkix-crl"));
        }
        drop(sandbox);
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, operator.ports.list)).is_err());
    }

    #[test]
    fn the_next_run_has_the_same_ports_unless_somebody_has_them() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        specimen::state(&state);
        let first = start(&state, &[]);
        let ports = first.operator().ports;
        let beside = start(&state, &[]);
        assert_ne!(beside.operator().ports.list, ports.list);
        assert_ne!(beside.operator().ports.mailbox_tls, ports.mailbox_tls);
        drop((first, beside));
        let again = start(&state, &[]).operator().ports;
        // Other programs of this machine choose ports too, and may have taken one or the other meanwhile.
        let kept = [
            again.submission_starttls == ports.submission_starttls,
            again.mailbox_starttls == ports.mailbox_starttls,
            again.directory == ports.directory,
            again.revocation == ports.revocation,
        ];
        assert!(kept.iter().filter(|kept| **kept).count() >= 3, "{ports:?} {again:?}");
    }

    #[test]
    fn faults_strike_where_and_as_often_as_they_were_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        specimen::state(&state);
        for kind in ["expired", "wrong-name", "foreign"] {
            let sandbox = start(&state, &[&format!("list=certificate:{kind}@1")]);
            let operator = sandbox.operator();
            assert!(ask(tls(operator, operator.ports.list), super::LIST).is_err(), "{kind}");
            assert!(ask(tls(operator, operator.ports.list), super::LIST).is_ok(), "{kind}, the second time");
        }
        let faults = ["list=defer:429 slowly@1", "crl=refuse@1", "directory=cut:20", "list=stall:3600"];
        let sandbox = start(&state, &faults);
        let operator = sandbox.operator();
        let deferred = ask(tls(operator, operator.ports.list), super::LIST).unwrap();
        assert!(deferred.starts_with("HTTP/1.1 429 ") && deferred.contains("Retry-After: 1"), "{deferred}");
        let plain = TcpStream::connect((Ipv4Addr::LOCALHOST, operator.ports.revocation)).unwrap();
        assert!(ask(plain, "/racine.crl").unwrap().starts_with("HTTP/1.1 403 "));
        let mut cut = tls(operator, operator.ports.directory);
        cut.write_all(b"GET /fhir/v2/metadata HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        assert!(cut.read_to_end(&mut answer).is_err(), "no close_notify: the line broke");
        assert_eq!(answer.len(), 20);
        let mut stalled = tls(operator, operator.ports.list);
        stalled.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        drop(sandbox);
        assert!(stalled.read_to_end(&mut answer).is_err(), "a stall ends with the operator");
    }
}
