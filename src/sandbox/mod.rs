//! A whole compliant operator on loopback, for trying and testing.
//!
//! It shares no line with the clients it serves: its own authority, its own parsers, its own idea of the protocols.
//!
//! Who wants to try certificates of their own lays them beside its state: `shown/PROFILE.pem` is what the directory shows
//! for a mailbox, and the files in `served/` are had over HTTP from where the revocation lists are.

mod authority;
mod credentials;
mod directory;
mod faults;
mod http;
mod laid_out;
mod leafs;
mod list;
mod listener;
mod mailbox;
mod people;
mod scram;
#[cfg(test)]
mod scripted;
mod server;
mod signin;
#[cfg(test)]
mod specimen;
mod state;
mod store;
mod submission;
mod tls;
mod tokens;
mod web;
mod wire;

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::fs::FsError;
use crate::mail::Address;
use crate::secret::Secret;
use faults::Faults;
pub use faults::{Fault, FaultError, help as fault_help};
use listener::{Bound, Listener};
use people::{Account, Entry, Holder, Keys, PEOPLE};
pub use people::{Kind, Person, Signin};
use server::Service;
use signin::Accounts;
use state::State;
use store::Store;
use tls::ServerConfigs;

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of its state: made private, kept between runs.
    pub state: PathBuf,
    /// Its time.
    pub clock: Clock,
    /// Where to listen.
    pub ports: Ports,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

impl Options {
    /// The ports of the last run, or chosen by the system; no fault.
    pub fn new(state: PathBuf, clock: Clock) -> Options {
        Options { state, clock, ports: Ports::default(), faults: Vec::new() }
    }
}

/// The ports of 127.0.0.1 to listen on; 0 takes the one of the last run, or one that the system chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Submission with STARTTLS.
    pub submission_starttls: u16,
    /// Submission with TLS from the start.
    pub submission_tls: u16,
    /// IMAP with STARTTLS.
    pub mailbox_starttls: u16,
    /// IMAP with TLS from the start.
    pub mailbox_tls: u16,
    /// The directory, over HTTPS.
    pub directory: u16,
    /// The white list, over HTTPS.
    pub list: u16,
    /// The revocation lists, over HTTP.
    pub revocation: u16,
    /// The provider of access tokens, over HTTPS.
    #[serde(default)]
    pub provider: u16,
}

/// How to reach the operator, and who its users are.
#[derive(Clone, Debug)]
pub struct Operator {
    /// `127.0.0.1`.
    pub host: &'static str,
    /// The ports in use, none of them 0.
    pub ports: Ports,
    /// Base of the directory, without final slash: `https://127.0.0.1:PORT/fhir/v2`.
    pub directory_url: String,
    /// The value of the header `ESANTE-API-KEY`.
    pub api_key: Secret<String>,
    /// The extension under which the directory shows certificates.
    pub certificate_extension: &'static str,
    /// The signed white list.
    pub list_url: String,
    /// The common name of the list's signer.
    pub list_signer: &'static str,
    /// The revocation lists of the root and of the two authorities below it.
    pub crl_urls: Vec<String>,
    /// The provider of access tokens, as it calls itself. The client is called like the profile that consents; its secret,
    /// where it has one, is the key of the directory.
    pub issuer: String,
    /// The root and the two authorities that issue, PEM.
    pub trust_pem: String,
    /// A file that holds `trust_pem`.
    pub trust_file: PathBuf,
    /// The mailboxes; the first is the default one.
    pub people: Vec<Person>,
}

/// Why the sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Its folder cannot be used.
    #[error("the state of the sandbox cannot be used")]
    State(#[from] FsError),
    /// The file of its state is not what was written.
    #[error("the state of the sandbox is damaged: {path}")]
    Damaged { path: PathBuf },
    /// Another version wrote the state.
    #[error("another version of the sandbox wrote its state: {path}")]
    OtherVersion { path: PathBuf },
    /// The authorities are not valid in that year.
    #[error("the sandbox cannot live in the year {year}, only from {first} to {last}")]
    Clock { year: i16, first: i16, last: i16 },
    /// A key or certificate could not be made or read.
    #[error("the authority of the sandbox cannot issue")]
    Authority(#[source] Box<dyn Error + Send + Sync>),
    /// A port is taken or refused.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen { port: u16, source: io::Error },
}

impl SandboxError {
    fn authority(source: impl Error + Send + Sync + 'static) -> SandboxError {
        SandboxError::Authority(Box::new(source))
    }
}

impl From<rcgen::Error> for SandboxError {
    fn from(source: rcgen::Error) -> SandboxError {
        SandboxError::authority(source)
    }
}

impl From<rustls::Error> for SandboxError {
    fn from(source: rustls::Error) -> SandboxError {
        SandboxError::authority(source)
    }
}

/// A running operator; it stops when dropped, its state stays.
pub struct Sandbox {
    operator: Operator,
    /// Held, not read: dropping them ends their threads.
    _listeners: Vec<Listener>,
}

impl Sandbox {
    /// Starts an operator.
    pub fn start(options: Options) -> Result<Sandbox, SandboxError> {
        let state = State::open(&options.state, options.clock)?;
        let announced = options.faults.clone();
        let faults = Arc::new(Faults::new(options.faults));
        let last = state.ports();
        let directory = Bound::again(options.ports.directory, last.directory)?;
        let list = Bound::again(options.ports.list, last.list)?;
        let revocation = Bound::again(options.ports.revocation, last.revocation)?;
        let list_of_servers = format!("http://127.0.0.1:{}{}", revocation.number(), web::SERVERS_LIST);
        let tls = Arc::new(ServerConfigs::new(&state.authority, &announced, &list_of_servers)?);
        let provider = Bound::again(options.ports.provider, last.provider)?;
        let mut ports = Ports {
            directory: directory.number(),
            list: list.number(),
            revocation: revocation.number(),
            provider: provider.number(),
            ..options.ports
        };
        let mail = server::bind(&mut ports, last)?;
        state.keep_ports(ports)?;
        let operator = operator(&state, ports)?;
        let tokens = Arc::default();
        let mut listeners = vec![
            web::provider(&state, names(&operator), operator.issuer.clone(), &tokens, &faults, &tls).serve(provider)?,
            web::directory(&state, options.clock, operator.directory_url.clone(), &faults, &tls).serve(directory)?,
            web::list(&state, options.clock, &faults, &tls).serve(list)?,
            web::revocation(&state, &faults).serve(revocation)?,
        ];
        let service = Arc::new(Service {
            name: authority::OPERATOR_NAME,
            clock: options.clock,
            accounts: Accounts::new(accounts(&state)?, options.clock, tokens),
            store: Store::open(options.state.join("mail"), options.clock)?,
            faults,
            tls,
        });
        listeners.extend(server::serve_all(&service, mail)?);
        Ok(Sandbox { operator, _listeners: listeners })
    }

    /// How to reach it.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }
}

fn operator(state: &State, ports: Ports) -> Result<Operator, SandboxError> {
    Ok(Operator {
        host: "127.0.0.1",
        ports,
        directory_url: format!("https://127.0.0.1:{}{}", ports.directory, directory::PATH),
        api_key: state.records.api_key.clone(),
        certificate_extension: directory::CERTIFICATE_EXTENSION,
        list_url: format!("https://127.0.0.1:{}{}", ports.list, web::LIST),
        list_signer: list::SIGNER,
        crl_urls: web::REVOCATION_LISTS.map(|(path, _)| format!("http://127.0.0.1:{}{path}", ports.revocation)).into(),
        issuer: format!("https://127.0.0.1:{}{}", ports.provider, tokens::PATH),
        trust_pem: state.authority.trust_pem(),
        trust_file: state.trust_file(),
        people: people(state)?,
    })
}

fn people(state: &State) -> Result<Vec<Person>, SandboxError> {
    PEOPLE.iter().map(|entry| person(state, entry)).collect()
}

fn person(state: &State, entry: &Entry) -> Result<Person, SandboxError> {
    let record = &state.records.people[entry.profile()];
    let (author, rpps, finess, active) = match &entry.holder {
        Holder::Doctor(doctor) => (Some(format!("8{}", doctor.rpps)), Some(doctor.rpps), None, Some(doctor.active)),
        Holder::Unit { finess, .. } => (Some(format!("1{finess}")), None, Some(*finess), Some(true)),
        Holder::Patient => (None, None, None, None),
    };
    let mut storage_seed = [0u8; 32];
    BASE64_STANDARD.decode_slice(record.storage_seed.expose(), &mut storage_seed).map_err(SandboxError::authority)?;
    let leaf = record.leaf.as_ref();
    let has_keys = entry.keys != Keys::None;
    Ok(Person {
        profile: entry.profile().to_owned(),
        address: entry.mailbox(),
        label: entry.label.to_owned(),
        kind: entry.kind,
        author,
        rpps,
        finess,
        signin: entry.signin,
        password: record.password.clone(),
        totp_seed: record.totp_seed.clone(),
        certificate_pem: leaf.map(|leaf| state.chain(entry, leaf)),
        key_pem: leaf.map(|leaf| leaf.pair.key.clone()),
        certificate_file: has_keys.then(|| state.certificate_file(entry)),
        key_file: has_keys.then(|| state.key_file(entry)),
        storage_seed: Secret::new(storage_seed),
        listed: entry.listed(),
        active,
    })
}

/// Every name of everybody who may consent: profile, address, national identifier.
fn names(operator: &Operator) -> HashMap<String, Address> {
    let names = operator.people.iter().flat_map(|person| {
        let names = [Some(person.profile.clone()), Some(person.address.to_string()), person.author.clone()];
        names.into_iter().flatten().map(|name| (name, person.address.clone()))
    });
    names.collect()
}

/// What the mail servers are to know of each mailbox.
fn accounts(state: &State) -> Result<Vec<Account>, SandboxError> {
    let account = |entry: &Entry| {
        let record = &state.records.people[entry.profile()];
        let certificate_sha256 = match (&record.leaf, entry.signin) {
            (Some(leaf), Signin::Certificate) => {
                let der = authority::certificate_der(&leaf.pair.certificate)?;
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
                Some(digest.as_ref().try_into().expect("SHA-256 gives 32 octets"))
            }
            _ => None,
        };
        Ok(Account {
            address: entry.mailbox(),
            password: record.password.clone(),
            totp_seed: record.totp_seed.clone(),
            certificate_sha256,
        })
    };
    PEOPLE.iter().map(account).collect()
}
