//! `mss init`: the words about servers that are looked for, what is asked where none was found, and why one was not taken.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::Diagnosis;
use super::discovered_lines::{PassedOver, ServerLine, passed_over, servers, table};
use super::init::{Args, host_and_port};
use super::pair::pem;
use super::safe::line;
use super::session::Session;
use super::sign_in::{SaslBy, SignInBy, SignInWords};
use super::status::Status;
use crate::commands::discover::{self, Discovery, Obstacle, Request, Trust, Verdict};
use crate::commands::{Account, Error};
use crate::discovery::{Origin, Service, TroubleKind};
use crate::dns::{DnsError, Servers};
use crate::mail::Address;
use crate::net::{self, Dialer, Endpoint, HttpClient};
use crate::pki::TrustAnchors;
use crate::vault::{Profile, Security, Submission, Timeouts};

/// Stands where a server is still to be found; nobody can have that name (RFC 6761).
const UNKNOWN: &str = "to-be-found.invalid";
/// Seconds each step of a meeting may take.
const STEP: u32 = 10;
/// Most reasons that are told.
const REASONS_LIMIT: usize = 12;

/// How servers are looked for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Looking for servers")]
pub struct DiscoveryWords {
    /// Show which servers the domain of the address publishes, and make nothing; with --anchors they are met as well
    #[arg(long, conflicts_with = "no_probe")]
    pub discover_only: bool,
    /// Ask this name server instead of those of the system; none: look nothing up
    #[arg(
        long,
        value_name = "IP[:PORT]",
        value_delimiter = ',',
        value_parser = name_server,
        env = "MSS_DNS_SERVERS",
        hide_env_values = true
    )]
    pub name_server: Vec<NameServer>,
    /// Also take servers that are found on this machine or in a local network
    #[arg(long)]
    pub allow_private: bool,
    /// Ask for servers anew, though they were looked for not long ago
    #[arg(long)]
    pub ask_again: bool,
}

/// Who is asked where a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameServer {
    /// This server.
    At(SocketAddr),
    /// Nobody.
    Nobody,
}

fn name_server(text: &str) -> Result<NameServer, String> {
    let (address, ip) = (text.parse(), text.parse::<IpAddr>());
    match (text, address, ip) {
        ("none", ..) => Ok(NameServer::Nobody),
        (_, Ok(address), _) => Ok(NameServer::At(address)),
        (_, _, Ok(ip)) => Ok(NameServer::At(SocketAddr::new(ip, 53))),
        _ => Err("write an IP address, an address and a port, or none".to_owned()),
    }
}

impl DiscoveryWords {
    /// Who is asked; nobody where that was said.
    fn servers(&self) -> Option<Servers> {
        let named = |server: &NameServer| match server {
            NameServer::At(address) => Some(*address),
            NameServer::Nobody => None,
        };
        match self.name_server.as_slice() {
            [] => Some(Servers::of_system()),
            several => several.iter().map(named).collect::<Option<Vec<_>>>().map(Servers::named),
        }
    }
}

/// Which servers the domain of an address publishes.
#[derive(Serialize, JsonSchema)]
pub(super) struct DiscoveryLine {
    schema: &'static str,
    address: String,
    /// When it was asked for, if that was in an earlier run.
    #[schemars(with = "Option<String>")]
    asked_at: Option<jiff::Timestamp>,
    servers: Vec<ServerLine>,
    /// What was offered and is no server to look at, and who could not be asked.
    passed_over: Vec<PassedOver>,
}

/// A server that was given or is asked for; where it is to be found instead, one that nobody can have.
pub(super) fn server(
    args: &Args,
    session: &Session<'_>,
    given: Option<&String>,
    question: &str,
    option: &str,
) -> Result<(String, u16), Diagnosis> {
    let is_found = !args.no_probe && args.discovery.servers().is_some();
    if given.is_none() && is_found {
        return Ok((UNKNOWN.to_owned(), 1));
    }
    Ok(host_and_port(&super::init::answer(session, given, question, option)?)?)
}

/// Finds the servers that were not given, meets all of them, and writes the chosen ones into the profile.
pub(super) fn settle(
    args: &Args,
    session: &Session<'_>,
    name: &str,
    profile: &mut Profile,
) -> Result<Option<Discovery>, Diagnosis> {
    if args.no_probe {
        return Ok(None);
    }
    let (address, mut trial) = (profile.address.clone(), profile.clone());
    let step = STEP.min(profile.timeouts.connect);
    trial.timeouts = Timeouts { connect: step, greeting: step, block: step, ..profile.timeouts };
    let ends = [(Service::Submission, profile.submission.endpoint()), (Service::Mailbox, profile.mailbox.endpoint())];
    let given: Vec<_> = ends.into_iter().filter(|(_, endpoint)| endpoint.host != UNKNOWN).collect();
    let request = request(args, &address, given.clone(), mechanisms(&args.sign_in));
    let account = Account::new(name, &trial, session.world())?.on_trial();
    let mut found = discover::for_account(&account, &request).map_err(|error| untouched(Diagnosis::from(error)))?;
    if found.admitted == Some(false) {
        return Err(untouched(not_listed(&address)));
    }
    for service in Service::ALL {
        if given.iter().any(|(known, _)| *known == service) {
            stop_at_trouble(&found, service)?;
            continue;
        }
        know_stranger(session, &mut found, service)?;
        let (endpoint, user) = match found.chosen(service) {
            Some(server) => (server.offer.endpoint(), server.offer.user.clone()),
            None if session.can_ask => {
                let endpoint = ask(args, session, &found, service, &address)?;
                discover::add_given(&account, &request, &mut found, service, &endpoint).map_err(Diagnosis::from)?;
                stop_at_trouble(&found, service)?;
                (endpoint, None)
            }
            None => {
                let lacks = |it: &Service| found.chosen(*it).is_none();
                let lacking: Vec<Service> = Service::ALL.into_iter().filter(lacks).collect();
                return Err(untouched(nothing(&found, &lacking, &address, Status::Usage)));
            }
        };
        write(profile, service, &endpoint);
        // A document that names another user than the address speaks for the mailbox.
        if let (Service::Mailbox, None, Some(user)) = (service, &args.sign_in.user, user) {
            profile.signin.user = Some(user);
        }
    }
    Ok(Some(found))
}

/// Nothing was found that can be used: says so, and asks.
fn ask(
    args: &Args,
    session: &Session<'_>,
    found: &Discovery,
    service: Service,
    address: &Address,
) -> Result<Endpoint, Diagnosis> {
    let why = nothing(found, &[service], address, Status::Usage);
    let text = std::iter::once(why.message).chain(why.because).collect::<Vec<_>>().join("; ");
    session.output.warning(line(&text, 500));
    let (question, option) = words_of(service);
    let (host, port) = host_and_port(&super::init::answer(session, None, question, option)?)?;
    Ok(Endpoint { host, port, security: args.security.of_connection() })
}

/// `--discover-only`: what is published, and what the servers are like where something is trusted.
pub(super) fn only(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    let address = super::init::address(args, session)?;
    let mut given = Vec::new();
    for (service, words) in [(Service::Submission, &args.submission), (Service::Mailbox, &args.mailbox)] {
        if let Some(words) = words {
            let (host, port) = host_and_port(words)?;
            given.push((service, Endpoint { host, port, security: args.security.of_connection() }));
        }
    }
    let request = request(args, &address, given, &[]);
    let timeouts = net::Timeouts { connect: Duration::from_secs(STEP.into()), ..net::Timeouts::default() };
    let dialer = match &args.anchors {
        Some(file) => {
            let anchors = TrustAnchors::from_pem(pem(file)?.as_bytes())
                .map_err(|error| Diagnosis::caused(Status::Data, "anchors", &error))?;
            Some(Dialer::new(&anchors, None, session.clock, timeouts).map_err(Error::from)?)
        }
        None => None,
    };
    let trust = dialer.as_ref().map(|dialer| Trust { dialer, web: HttpClient::new(dialer.clone()), operators: None });
    let now = session.clock.now();
    let found = discover::discover(&request, trust.as_ref(), &session.places.cache, now);
    let output = session.output;
    if output.json {
        output.json(&DiscoveryLine {
            schema: "mss.discovery/1",
            address: address.to_string(),
            asked_at: found.asked_at,
            servers: servers(&found, false, now),
            passed_over: passed_over(&found),
        })?;
    } else if !found.servers.is_empty() {
        table(output, &found, false, now)?;
    }
    if trust.is_none() {
        output.note("nothing is trusted yet: no server was met and no document was asked for; give --anchors FILE");
    }
    let unusable = |service: &Service| !found.of(*service).any(|server| may_do(&server.verdict));
    let lacking: Vec<Service> = Service::ALL.into_iter().filter(unusable).collect();
    if lacking.is_empty() {
        tell_remarks(session, &found);
        return Ok(Status::Done);
    }
    Err(nothing(&found, &lacking, &address, Status::Finding))
}

/// Whether a server may be the one to use, as far as is known without the signed list.
fn may_do(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Chosen | Verdict::Spare | Verdict::NotMet | Verdict::Unfit(Obstacle::Stranger { asked: false, .. })
    )
}

/// What the reader of a table should know beside it.
pub(super) fn tell_remarks(session: &Session<'_>, found: &Discovery) {
    if let Some(asked_at) = found.asked_at {
        session.output.note(format!("the domain was asked at {asked_at}; --ask-again asks it anew"));
    }
    passed_over(found).iter().for_each(|it| session.output.note(line(&format!("passed over: {it}"), 300)));
}

/// The mechanisms that the user can sign in by; none where the certificate alone may do.
fn mechanisms(words: &SignInWords) -> &'static [&'static str] {
    match (words.sign_in, words.sasl) {
        (SignInBy::Password, Some(SaslBy::Plain)) => &["PLAIN"],
        (SignInBy::Password, Some(SaslBy::Scram)) => &["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
        (SignInBy::Password, _) => &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
        (SignInBy::Token, _) => &["XOAUTH2", "OAUTHBEARER"],
        (SignInBy::Certificate, _) => &[],
    }
}

fn request<'r>(
    args: &Args,
    address: &'r Address,
    given: Vec<(Service, Endpoint)>,
    mechanisms: &'r [&'r str],
) -> Request<'r> {
    Request {
        address,
        given,
        name_servers: args.discovery.servers(),
        private: args.discovery.allow_private,
        fresh: args.discovery.ask_again,
        mechanisms,
    }
}

fn write(profile: &mut Profile, service: Service, endpoint: &Endpoint) {
    let security = match endpoint.security {
        net::Security::StartTls => Security::Starttls,
        net::Security::Implicit => Security::Implicit,
    };
    let (host, port) = (endpoint.host.clone(), endpoint.port);
    match service {
        Service::Submission => profile.submission = Submission { host, port, security },
        Service::Mailbox => {
            (profile.mailbox.host, profile.mailbox.port, profile.mailbox.security) = (host, port, security);
        }
    }
}

fn words_of(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Submission => ("submission server", "--submission HOST:PORT"),
        Service::Mailbox => ("mailbox server", "--mailbox HOST:PORT"),
    }
}

/// A server that was given and cannot be used stops the work: nobody looks for another.
fn stop_at_trouble(found: &Discovery, service: Service) -> Result<(), Diagnosis> {
    for server in found.of(service).filter(|server| server.offer.origin == Origin::Given) {
        if let Verdict::Unfit(obstacle) = &server.verdict {
            let endpoint = server.offer.endpoint();
            return Err(untouched(match obstacle {
                Obstacle::Meeting(error) => Diagnosis::from_ref(error),
                other => Diagnosis::of(status_of(other), "server", format!("{endpoint} cannot be used"))
                    .because(other.to_string()),
            }));
        }
    }
    Ok(())
}

/// Where only a stranger was found, somebody at the terminal may know them. With nobody there they stay strangers.
fn know_stranger(session: &Session<'_>, found: &mut Discovery, service: Service) -> Result<(), Diagnosis> {
    let Some(server) = found.stranger(service).filter(|_| session.can_ask) else { return Ok(()) };
    let Verdict::Unfit(obstacle) = &server.verdict else { return Ok(()) };
    let (question, option) = words_of(service);
    let question =
        format!("{question} {}: {}; is it the operator's", server.offer.endpoint(), line(&obstacle.to_string(), 300));
    if session.prompt.confirm(&question, option)? {
        found.accept_stranger(service);
    }
    Ok(())
}

fn untouched(diagnosis: Diagnosis) -> Diagnosis {
    diagnosis.because("nothing was written")
}

fn not_listed(address: &Address) -> Diagnosis {
    let message = format!("the signed list does not name {}", address.domain());
    Diagnosis::of(Status::Untrusted, "domain-not-listed", message)
        .because("servers are looked for in domains of the trusted space only")
        .hint_command(
            "check the address, or name the servers yourself",
            "mss init --submission HOST:PORT --mailbox HOST:PORT",
        )
}

/// No server was found that can be used. `unpublished` is the status where nobody said anything of any.
fn nothing(found: &Discovery, lacking: &[Service], address: &Address, unpublished: Status) -> Diagnosis {
    let mut reasons: Vec<(Status, String)> = Vec::new();
    for server in found.servers.iter().filter(|server| lacking.contains(&server.offer.service)) {
        if let Verdict::Unfit(obstacle) = &server.verdict {
            reasons.push((status_of(obstacle), format!("{}: {obstacle}", server.offer.endpoint())));
        }
    }
    for it in found.refusals.iter().filter(|it| it.service.is_none_or(|service| lacking.contains(&service))) {
        let status = if it.why.is_suspicious() { Status::Untrusted } else { unpublished };
        reasons.push((status, format!("{} ({}): {}", it.target, it.source, it.why)));
    }
    for it in &found.troubles {
        let status = match it.kind {
            TroubleKind::Unavailable => Status::Unavailable,
            TroubleKind::Later => Status::TryAgain,
            TroubleKind::Untrusted => Status::Untrusted,
        };
        reasons.push((status, format!("{}: {}", it.source, it.why)));
    }
    let first = [Status::Untrusted, Status::SignIn, Status::TryAgain, Status::Unavailable];
    let worst = first.into_iter().find(|status| reasons.iter().any(|(reason, _)| reason == status));
    let missing = lacking.iter().map(|service| words_of(*service).0).collect::<Vec<_>>().join(" and no ");
    let message = match reasons.len() {
        0 => format!("{} publishes no {missing}", address.domain()),
        _ => format!("no {missing} of {} can be used", address.domain()),
    };
    let diagnosis = Diagnosis::of(worst.unwrap_or(unpublished), "no-server", message);
    let diagnosis = reasons.into_iter().take(REASONS_LIMIT).fold(diagnosis, |it, (_, reason)| it.because(reason));
    let diagnosis = match found.asked_at {
        Some(at) => diagnosis.because(format!("this was answered at {at}; --ask-again asks anew")),
        None => diagnosis,
    };
    diagnosis.hint_command(
        "compare with what the operator publishes, and name the servers yourself",
        "mss init --submission HOST:PORT --mailbox HOST:PORT",
    )
}

/// What it would have been, had it been the only one.
fn status_of(obstacle: &Obstacle) -> Status {
    match obstacle {
        Obstacle::Place(why) if why.is_suspicious() => Status::Untrusted,
        Obstacle::Place(_) | Obstacle::Late => Status::Unavailable,
        Obstacle::Address(DnsError::Failed { .. }) => Status::TryAgain,
        Obstacle::Address(_) => Status::Unavailable,
        Obstacle::Meeting(error) => Diagnosis::from_ref(error).status,
        Obstacle::Mechanism { .. } => Status::SignIn,
        Obstacle::Stranger { .. } => Status::Untrusted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_is_an_address_with_or_without_a_port_or_nobody() {
        let at = |text: &str| NameServer::At(text.parse().unwrap());
        assert_eq!(name_server("192.0.2.1"), Ok(at("192.0.2.1:53")));
        assert_eq!(name_server("2001:db8::1"), Ok(at("[2001:db8::1]:53")));
        assert_eq!(name_server("[::1]:5353"), Ok(at("[::1]:5353")));
        assert_eq!(name_server("none"), Ok(NameServer::Nobody));
        assert!(name_server("dns.example").is_err());
    }
}
