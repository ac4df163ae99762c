//! `init ADDRESS`: the servers of a mailbox are looked for and met side by side, and the best are chosen, before anybody signs in.

mod operator;
mod probe;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::account::Account;
use super::error::Error;
use crate::discovery::{Cache, Offer, Origin, Published, Refusal, Search, Service, Trouble, Why, is_below};
use crate::dns::{DnsError, Resolver, Servers};
use crate::mail::Address;
use crate::net::{Dialer, Endpoint, Handshake, HttpClient};
use crate::pki::Certificate;

/// How long the looking may take, and then the meeting: whoever is later is left behind.
const LIMIT: Duration = Duration::from_secs(15);
/// How long one question to the name servers may take, and one of them each time: a dead one leaves time for the next.
const QUESTION: Duration = Duration::from_secs(8);
const ATTEMPT: Duration = Duration::from_secs(2);
/// Most servers of one kind that are met.
const MEETINGS_LIMIT: usize = 6;

/// What is looked for, and how.
pub struct Request<'r> {
    /// Whose servers.
    pub address: &'r Address,
    /// Those that the user named: they are met, and never replaced.
    pub given: Vec<(Service, Endpoint)>,
    /// Who is asked for the others.
    pub name_servers: Option<Servers>,
    /// Whether names and addresses of this machine and of local networks are taken.
    pub private: bool,
    /// Whether what was found not long ago is asked for again.
    pub fresh: bool,
    /// The SASL mechanisms that the user can sign in by; with none of them no server is left out for what it offers.
    pub mechanisms: &'r [&'r str],
}

/// What is trusted: without it servers are named, and not met.
pub struct Trust<'t> {
    /// Opens connections under the anchors.
    pub dialer: &'t Dialer,
    /// Asks web servers, which are shown no certificate of ours.
    pub web: HttpClient,
    /// The names of the operators that the signed list has for the domain, where the list was asked.
    pub operators: Option<Vec<String>>,
}

/// What was found, the preferred server of each kind first.
pub struct Discovery {
    /// The servers that may be used, and those that may not.
    pub servers: Vec<Server>,
    /// What was offered and is no server to look at.
    pub refusals: Vec<Refusal>,
    /// Who could not be asked.
    pub troubles: Vec<Trouble>,
    /// When all this was asked for, where that was in an earlier run.
    pub asked_at: Option<Timestamp>,
    /// Whether the signed list names the domain, where it was asked.
    pub admitted: Option<bool>,
}

/// One server and what is thought of it.
pub struct Server {
    /// Where it is, and who said so.
    pub offer: Offer,
    /// What it is like, if it was met.
    pub met: Option<Met>,
    /// What is thought of it.
    pub verdict: Verdict,
}

/// What a server is like.
#[derive(Clone, Debug)]
pub struct Met {
    /// What TLS agreed on.
    pub handshake: Option<Handshake>,
    /// Its certificate; path and name were accepted.
    pub certificate: Option<Certificate>,
    /// What it can do that is of use.
    pub abilities: Vec<&'static str>,
    /// How it lets people sign in.
    pub mechanisms: Vec<String>,
}

/// What is thought of a server.
#[derive(Debug)]
pub enum Verdict {
    /// It is the one to use.
    Chosen,
    /// It would do as well, and another comes first.
    Spare,
    /// Nobody looked at it: nothing is trusted yet.
    NotMet,
    /// It is not used.
    Unfit(Obstacle),
}

/// Why a server is not used.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// Its name leads to a place that is not to be reached.
    #[error("{0}")]
    Place(Why),
    /// Its address could not be asked for.
    #[error("its address cannot be asked for: {0}")]
    Address(DnsError),
    /// The conversation failed.
    #[error("{}", in_one_line(.0))]
    Meeting(Error),
    /// It did not get through with it in time.
    #[error("it did not answer within {} seconds", LIMIT.as_secs())]
    Late,
    /// It offers no way to sign in that the user has.
    #[error("it does not offer to sign in by {wanted}, only by {offered}")]
    Mechanism { wanted: String, offered: String },
    /// A good certificate of somebody of whom nothing says that the domain is served by them.
    #[error("{}; its certificate is that of {subject}", of_strangers(.asked))]
    Stranger { subject: String, asked: bool },
}

impl Discovery {
    /// The server of this kind that is to be used.
    pub fn chosen(&self, service: Service) -> Option<&Server> {
        self.of(service).find(|server| matches!(server.verdict, Verdict::Chosen))
    }

    /// All servers of a kind.
    pub fn of(&self, service: Service) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(move |server| server.offer.service == service)
    }

    /// Whether anything was found that the user did not give.
    pub fn is_from_elsewhere(&self) -> bool {
        self.servers.iter().any(|server| server.offer.origin != Origin::Given)
    }

    /// The first stranger of this kind, where nobody better was found: the user may know them.
    pub fn stranger(&self, service: Service) -> Option<&Server> {
        let none = self.chosen(service).is_none();
        self.of(service).find(|it| none && matches!(it.verdict, Verdict::Unfit(Obstacle::Stranger { .. })))
    }

    /// The user knows this stranger.
    pub fn accept_stranger(&mut self, service: Service) {
        let strange = |it: &&mut Server| {
            it.offer.service == service && matches!(it.verdict, Verdict::Unfit(Obstacle::Stranger { .. }))
        };
        if let Some(server) = self.servers.iter_mut().find(strange) {
            server.verdict = Verdict::Chosen;
        }
    }
}

/// Looks for the servers of a profile that is to be made, and meets them. Where something is looked for, only a domain of the
/// signed list is: `Discovery::admitted` tells, and nothing was asked of anybody else where it is false.
pub fn for_account(account: &Account<'_>, request: &Request<'_>) -> Result<Discovery, Error> {
    let mut admitted = None;
    let mut operators = None;
    if missing(request).next().is_some() && request.name_servers.is_some() {
        let list = account.fetch_white_list()?;
        let domain = request.address.domain();
        if !list.admits(domain) {
            let (servers, refusals, troubles) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Discovery { servers, refusals, troubles, asked_at: None, admitted: Some(false) });
        }
        (admitted, operators) = (Some(true), Some(list.operators(domain).to_vec()));
    }
    let trust = Trust { dialer: account.dialer()?, web: account.http()?, operators };
    let world = &account.world;
    let found = discover(request, Some(&trust), &world.places.cache, world.clock.now());
    let servers = found.servers.into_iter().map(|server| explained(account, server)).collect();
    Ok(Discovery { admitted, servers, ..found })
}

/// A server that was given and says farewell after it saw our certificate may mean the certificate.
fn explained(account: &Account<'_>, server: Server) -> Server {
    let verdict = match server.verdict {
        Verdict::Unfit(Obstacle::Meeting(error)) if server.offer.origin == Origin::Given => {
            Verdict::Unfit(Obstacle::Meeting(account.explained(error)))
        }
        other => other,
    };
    Server { verdict, ..server }
}

/// Meets a server that the user named after nothing was found.
pub fn add_given(
    account: &Account<'_>,
    request: &Request<'_>,
    found: &mut Discovery,
    service: Service,
    endpoint: &Endpoint,
) -> Result<(), Error> {
    let offers = [Offer::given(service, endpoint)];
    let met = probe::meet(&offers, None, account.dialer()?, request.address.domain(), LIMIT);
    let servers = choose(request, offers.into_iter().zip(met), None);
    found.servers.extend(servers.into_iter().map(|server| explained(account, server)));
    Ok(())
}

/// Looks for servers and, where something is trusted, meets them. Nobody signs in.
pub fn discover(request: &Request<'_>, trust: Option<&Trust<'_>>, cache: &Path, now: Timestamp) -> Discovery {
    let mut published = Published::default();
    let mut asked_at = None;
    let mut search = None;
    if let (Some(servers), Some(_)) = (&request.name_servers, missing(request).next()) {
        let http = trust.map(|trust| trust.web.clone());
        let way = format!("{:?} {}", servers.addresses, http.is_some());
        let patience = Servers { timeout: servers.timeout.min(ATTEMPT), ..servers.clone() };
        let searching = Search::new(Resolver::new(patience, QUESTION), http, request.private);
        (published, asked_at) =
            look(request, &searching, &Cache::new(cache, request.address.domain(), &way, request.private), now);
        search = Some(searching);
    }
    let offers = offers(request, published.offers);
    let servers = match trust {
        Some(trust) => {
            let met = probe::meet(&offers, search.as_ref(), trust.dialer, request.address.domain(), LIMIT);
            choose(request, offers.into_iter().zip(met), trust.operators.as_deref())
        }
        None => offers.into_iter().map(|offer| Server { offer, met: None, verdict: Verdict::NotMet }).collect(),
    };
    let Published { refusals, troubles, .. } = published;
    Discovery { servers, refusals, troubles, asked_at, admitted: None }
}

/// What the domain publishes, as it was found a while ago, or asked for now and remembered.
fn look(request: &Request<'_>, search: &Search, cache: &Cache, now: Timestamp) -> (Published, Option<Timestamp>) {
    let domain = request.address.domain();
    match cache.read(domain, now).filter(|_| !request.fresh) {
        Some((published, asked_at)) => (published, Some(asked_at)),
        None => {
            let published = search.published(request.address, LIMIT);
            // What cannot be remembered is asked for again the next time.
            let _ = cache.write(domain, &published, now);
            (published, None)
        }
    }
}

fn missing<'r>(request: &'r Request<'_>) -> impl Iterator<Item = Service> + 'r {
    Service::ALL.into_iter().filter(|service| !request.given.iter().any(|(known, _)| known == service))
}

/// Of each kind what the user gave, or else the first of what was found.
fn offers(request: &Request<'_>, found: Vec<Offer>) -> Vec<Offer> {
    let given = request.given.iter().map(|(service, endpoint)| Offer::given(*service, endpoint));
    let wanted: Vec<Service> = missing(request).collect();
    let found = wanted
        .iter()
        .flat_map(|service| found.iter().filter(move |offer| offer.service == *service).take(MEETINGS_LIMIT).cloned());
    let mut all: Vec<Offer> = given.chain(found).collect();
    all.sort_by_key(|offer| offer.service != Service::Submission);
    all
}

/// The first of each kind that is fit is the one to use. What the user gave is not judged by where it is, nor by how it lets
/// people sign in: that is tried.
fn choose(
    request: &Request<'_>,
    met: impl Iterator<Item = (Offer, Result<Met, Obstacle>)>,
    operators: Option<&[String]>,
) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    for (offer, met) in met {
        let (met, obstacle) = match met {
            Ok(met) if offer.origin == Origin::Given => (Some(met), None),
            Ok(met) => {
                let obstacle = judge(request, &offer, &met, operators);
                (Some(met), obstacle)
            }
            Err(obstacle) => (None, Some(obstacle)),
        };
        let taken = |it: &Server| it.offer.service == offer.service && matches!(it.verdict, Verdict::Chosen);
        let verdict = match obstacle {
            Some(obstacle) => Verdict::Unfit(obstacle),
            None if servers.iter().any(taken) => Verdict::Spare,
            None => Verdict::Chosen,
        };
        servers.push(Server { offer, met, verdict });
    }
    servers
}

/// What stands against a server that was met: a certificate for its own name says nothing of the domain, unless the name is
/// below it or the signed list has the certificate's holder as an operator of the domain.
fn judge(request: &Request<'_>, offer: &Offer, met: &Met, operators: Option<&[String]>) -> Option<Obstacle> {
    let subject = met.certificate.as_ref().map(Certificate::subject).unwrap_or_default();
    let is_named = operators.is_some_and(|operators| operator::is_named(operators, &subject));
    if !is_below(&offer.host, request.address.domain()) && !is_named {
        return Some(Obstacle::Stranger { subject, asked: operators.is_some() });
    }
    let offers = |wanted: &&str| met.mechanisms.iter().any(|offered| offered.eq_ignore_ascii_case(wanted));
    if request.mechanisms.is_empty() || request.mechanisms.iter().any(offers) {
        return None;
    }
    let offered = if met.mechanisms.is_empty() { "nothing".to_owned() } else { met.mechanisms.join(", ") };
    Some(Obstacle::Mechanism { wanted: request.mechanisms.join(" or "), offered })
}

fn of_strangers(asked: &bool) -> &'static str {
    match asked {
        true => "neither its name nor the signed list ties it to the domain",
        false => "its name is outside of the domain, and the signed list was not asked",
    }
}

/// An error and its causes.
fn in_one_line(error: &Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !text.contains(&said) {
            text = if text.is_empty() { said } else { format!("{text}: {said}") };
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(service: Service, host: &str) -> Offer {
        let origin = Origin::Srv { name: "_x".to_owned(), priority: 0, weight: 0 };
        Offer { service, host: host.to_owned(), port: 1, implicit_tls: false, origin, user: None }
    }

    fn met(mechanisms: &[&str]) -> Result<Met, Obstacle> {
        let mechanisms = mechanisms.iter().map(|it| (*it).to_owned()).collect();
        Ok(Met { handshake: None, certificate: None, abilities: Vec::new(), mechanisms })
    }

    fn verdicts(offers: Vec<(Offer, Result<Met, Obstacle>)>) -> Vec<String> {
        let address = "a@medecin.fr".parse().unwrap();
        let (given, mechanisms) = (Vec::new(), ["PLAIN"].as_slice());
        let request =
            Request { address: &address, given, name_servers: None, private: false, fresh: false, mechanisms };
        let shown = |server: Server| format!("{:?}", server.verdict).split([' ', '(']).next().unwrap().to_owned();
        choose(&request, offers.into_iter(), Some(&[])).into_iter().map(shown).collect()
    }

    #[test]
    fn the_first_that_is_fit_is_chosen_and_the_next_is_a_spare() {
        let all = vec![
            (offer(Service::Submission, "a.medecin.fr"), Err(Obstacle::Late)),
            (offer(Service::Submission, "b.medecin.fr"), met(&["plain"])),
            (offer(Service::Submission, "c.medecin.fr"), met(&["PLAIN"])),
            (offer(Service::Mailbox, "d.medecin.fr"), met(&["PLAIN", "EXTERNAL"])),
        ];
        assert_eq!(verdicts(all), ["Unfit", "Chosen", "Spare", "Chosen"]);
    }

    #[test]
    fn a_stranger_and_one_without_our_mechanism_are_not_chosen() {
        let all = vec![
            (offer(Service::Mailbox, "imap.evil.fr"), met(&["PLAIN"])),
            (offer(Service::Mailbox, "imap.medecin.fr"), met(&["GSSAPI"])),
            (Offer { origin: Origin::Given, ..offer(Service::Submission, "smtp.evil.fr") }, met(&[])),
        ];
        assert_eq!(verdicts(all), ["Unfit", "Unfit", "Chosen"]);
    }
}
