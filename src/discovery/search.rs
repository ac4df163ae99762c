//! Asks for all of it: the SRV records side by side, and the documents for what they do not answer.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::document::{self, DOCUMENT_LIMIT};
use super::gate::{Why, is_public};
use super::offer::{Published, Refusal, Service, Trouble, TroubleKind};
use super::services::{self, LABELS};
use crate::dns::{DnsError, Resolver};
use crate::mail::Address;
use crate::net::{HttpClient, HttpError, LinkError, Response, bounded};

/// Most addresses of one host that are looked at.
const ADDRESSES_LIMIT: usize = 4;

/// Asks where the servers of a domain are.
#[derive(Clone)]
pub struct Search {
    resolver: Resolver,
    http: Option<HttpClient>,
    private: bool,
}

/// What one name of SRV was answered.
type Heard = (usize, Result<Vec<crate::dns::Service>, DnsError>);

impl Search {
    /// Asks with this resolver; without a web client no document is asked for. With `private`, names and addresses of this
    /// machine and of local networks are taken too.
    pub fn new(resolver: Resolver, http: Option<HttpClient>, private: bool) -> Search {
        Search { resolver, http, private }
    }

    /// All that the domain of an address publishes, asked for within `limit`.
    pub fn published(&self, address: &Address, limit: Duration) -> Published {
        let end = Instant::now() + limit;
        let mut published = Published::default();
        self.ask_for_services(address.domain(), end, &mut published);
        for url in document_urls(address) {
            let missing = |service: &Service| !published.has(*service) && !published.declines(*service);
            let wanted: Vec<Service> = Service::ALL.into_iter().filter(missing).collect();
            if self.http.is_some() && !wanted.is_empty() {
                self.ask_for_document(&url, address, &wanted, end, &mut published);
            }
        }
        published.offers.sort_by_key(super::Offer::rank);
        published
    }

    /// The addresses of a host that may be connected to.
    ///
    /// # Errors
    /// `Ok(Err(..))` where it has none, or one that is not public: whoever answers with one of each is not believed.
    pub fn locate(&self, host: &str) -> Result<Result<Vec<IpAddr>, Why>, DnsError> {
        let mut addresses = self.resolver.addresses(host)?;
        if let Some(inner) = addresses.iter().find(|address| !self.private && !is_public(**address)) {
            return Ok(Err(Why::Private(*inner)));
        }
        addresses.truncate(ADDRESSES_LIMIT);
        Ok(if addresses.is_empty() { Err(Why::NoAddress) } else { Ok(addresses) })
    }

    /// A thread for each name; one that is late is left behind and counts as silent.
    fn ask_for_services(&self, domain: &str, end: Instant, published: &mut Published) {
        let (answer, answers) = mpsc::channel::<Heard>();
        for (at, (label, ..)) in LABELS.into_iter().enumerate() {
            let (answer, resolver, name) = (answer.clone(), self.resolver.clone(), format!("{label}.{domain}"));
            let thread = std::thread::Builder::new().name("look-up".to_owned());
            // Where no thread can be made the name goes unanswered, and is told so.
            let _ = thread.spawn(move || answer.send((at, resolver.services(&name))));
        }
        drop(answer);
        let mut heard: [Option<Result<_, DnsError>>; LABELS.len()] = Default::default();
        while let Ok((at, services)) = answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
            heard[at] = Some(services);
        }
        for ((label, service, implicit), heard) in LABELS.into_iter().zip(heard) {
            let source = format!("{label}.{domain}");
            match heard {
                Some(Ok(records)) => {
                    let (offers, refusals) = services::sort(&source, service, implicit, records, self.private);
                    published.offers.extend(offers);
                    published.refusals.extend(refusals);
                }
                Some(Err(error)) => published.troubles.push(of_dns(source, &error)),
                None => published.troubles.push(Trouble {
                    source,
                    why: "no name server answered in time".to_owned(),
                    kind: TroubleKind::Unavailable,
                }),
            }
        }
    }

    /// Asks one web server. That the host or the document does not exist is an answer.
    fn ask_for_document(
        &self,
        url: &str,
        address: &Address,
        wanted: &[Service],
        end: Instant,
        published: &mut Published,
    ) {
        let source = url.split('?').next().unwrap_or(url).to_owned();
        let host = source.trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
        let (answer, answers) = mpsc::channel();
        let (search, url, name) = (self.clone(), url.to_owned(), host.clone());
        let thread = std::thread::Builder::new().name("document".to_owned());
        let _ = thread.spawn(move || answer.send(search.document(&name, &url)));
        let late = |_| Document::Answered(Err(LinkError::Timeout { endpoint: host.clone() }.into()));
        match answers.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap_or_else(late) {
            Document::Nowhere => {}
            Document::Refused(why) => {
                published.refusals.push(Refusal { service: None, source, target: host, why });
            }
            Document::Unknown(error) => published.troubles.push(of_dns(source, &error)),
            Document::Answered(heard) => match taken(heard, &source, address, self.private) {
                Ok((offers, refusals)) => {
                    published.offers.extend(offers.into_iter().filter(|it| wanted.contains(&it.service)));
                    published.refusals.extend(refusals);
                }
                Err(trouble) => published.troubles.extend(trouble),
            },
        }
    }

    /// The web server is asked only where its name leads to a place that may be reached.
    fn document(&self, host: &str, url: &str) -> Document {
        let Some(http) = &self.http else { return Document::Nowhere };
        match self.locate(host) {
            Ok(Ok(_)) => Document::Answered(http.get(url, &[], DOCUMENT_LIMIT)),
            Ok(Err(Why::NoAddress)) => Document::Nowhere,
            Ok(Err(why)) => Document::Refused(why),
            Err(error) => Document::Unknown(error),
        }
    }
}

/// What came of asking one web server.
enum Document {
    /// There is no such server.
    Nowhere,
    /// It is not to be asked.
    Refused(Why),
    /// Where it is could not be asked for.
    Unknown(DnsError),
    /// It answered, or failed to.
    Answered(Result<Response, HttpError>),
}

/// Where the document of a domain may be, in the order in which it is looked for.
fn document_urls(address: &Address) -> [String; 2] {
    let (domain, query) = (address.domain(), encoded(address.as_str()));
    [
        format!("https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={query}"),
        format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={query}"),
    ]
}

/// Percent-encodes what is not unreserved (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    text.bytes()
        .map(|octet| if plain(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") })
        .collect()
}

/// What a web server's answer offers; nothing and no trouble where it has no such document.
fn taken(
    heard: Result<Response, HttpError>,
    source: &str,
    address: &Address,
    private: bool,
) -> Result<(Vec<super::Offer>, Vec<Refusal>), Option<Trouble>> {
    let trouble = |why: String, kind| Some(Trouble { source: source.to_owned(), why: bounded(&why), kind });
    let response = heard.map_err(|error| {
        let kind = match &error {
            HttpError::Link(LinkError::Untrusted { .. }) | HttpError::Elsewhere { .. } => TroubleKind::Untrusted,
            _ => TroubleKind::Unavailable,
        };
        trouble(error.to_string(), kind)
    })?;
    match response.status {
        200 => {}
        404 | 410 => return Err(None),
        status => return Err(trouble(format!("the server answered with status {status}"), TroubleKind::Unavailable)),
    }
    let servers = document::read(&response.body)
        .map_err(|error| trouble(format!("the document is not read: {error}"), TroubleKind::Untrusted))?;
    Ok(document::sort(source, servers, address, private))
}

fn of_dns(source: String, error: &DnsError) -> Trouble {
    let kind = match error {
        DnsError::Failed { .. } => TroubleKind::Later,
        DnsError::Malformed(_) | DnsError::TooMany { .. } | DnsError::Aliases { .. } => TroubleKind::Untrusted,
        _ => TroubleKind::Unavailable,
    };
    Trouble { source, why: bounded(&error.to_string()), kind }
}

#[cfg(test)]
mod tests {
    use simple_dns::RCODE;

    use super::*;
    use crate::dns::specimen::{Reply, Scripted, address as a_record, service};
    use crate::net::scripted::{Peer, dialer, serve_tls, serve_tls_for};

    const LONG: Duration = Duration::from_secs(20);

    fn address() -> Address {
        "dr.durand@medecin.fr".parse().unwrap()
    }

    fn search(server: &Scripted) -> Search {
        Search::new(server.resolver(LONG), None, false)
    }

    /// A name server that answers one name, and knows of no other.
    fn only(name: &'static str, answer: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Scripted {
        Scripted::start(move |reply, _| {
            vec![if reply.asked() == name { answer(reply) } else { reply.code(RCODE::NameError) }.octets()]
        })
    }

    #[test]
    fn the_four_names_are_asked_for_and_put_in_order() {
        let server = Scripted::start(|reply, _| {
            let name = reply.asked();
            let reply = match name.as_str() {
                "_submission._tcp.medecin.fr" => reply.with(&name, service(0, 0, 587, "smtp.medecin.fr")),
                "_submissions._tcp.medecin.fr" => reply.with(&name, service(0, 0, 465, "smtp.medecin.fr")),
                "_imap._tcp.medecin.fr" => reply.with(&name, service(0, 0, 0, "")),
                "_imaps._tcp.medecin.fr" => {
                    reply.with(&name, service(5, 0, 993, "b.fr")).with(&name, service(1, 0, 993, "imap.medecin.fr"))
                }
                _ => reply.code(RCODE::NameError),
            };
            vec![reply.octets()]
        });
        let published = search(&server).published(&address(), LONG);
        let shown: Vec<String> = published.offers.iter().map(|it| it.endpoint().to_string()).collect();
        assert_eq!(shown, ["smtp.medecin.fr:587", "smtp.medecin.fr:465", "imap.medecin.fr:993", "b.fr:993"]);
        assert_eq!(published.refusals.iter().map(|it| &it.why).collect::<Vec<_>>(), [&Why::Declined]);
        assert_eq!(published.troubles, []);
    }

    #[test]
    fn a_server_that_fails_or_is_silent_is_a_trouble_that_is_told() {
        let failing = Scripted::start(|reply, _| vec![reply.code(RCODE::ServerFailure).octets()]);
        let published = search(&failing).published(&address(), LONG);
        assert_eq!(published.troubles.len(), 4);
        assert!(published.troubles.iter().all(|it| it.kind == TroubleKind::Later && it.why.contains("SERVFAIL")));
        let silent = Scripted::start(|_, _| Vec::new());
        let published = search(&silent).published(&address(), Duration::from_millis(50));
        assert!(published.troubles.iter().all(|it| it.kind == TroubleKind::Unavailable));
        assert_eq!(published.troubles.len(), 4);
    }

    #[test]
    fn a_name_that_leads_inside_is_refused_even_beside_a_public_address() {
        let server = only("h.fr", |reply| reply.with("h.fr", a_record("8.8.8.8")).with("h.fr", a_record("10.0.0.1")));
        let inner = "10.0.0.1".parse().unwrap();
        assert_eq!(search(&server).locate("h.fr").unwrap(), Err(Why::Private(inner)));
        let open = Search { private: true, ..search(&server) };
        assert_eq!(open.locate("h.fr").unwrap().unwrap().len(), 2);
        assert_eq!(open.locate("g.fr").unwrap(), Err(Why::NoAddress));
    }

    #[test]
    fn a_document_at_a_private_address_is_not_asked_for() {
        let server = only("autoconfig.medecin.fr", |reply| reply.with("autoconfig.medecin.fr", a_record("127.0.0.1")));
        let search = Search { http: Some(HttpClient::new(dialer())), ..search(&server) };
        let published = search.published(&address(), LONG);
        assert_eq!(published.refusals[0].why, Why::Private("127.0.0.1".parse().unwrap()));
        assert_eq!(published.troubles, []);
    }

    #[test]
    fn the_address_is_encoded_in_the_query() {
        let address: Address = "a+b&c@x.fr".parse().unwrap();
        assert_eq!(
            document_urls(&address)[0],
            "https://autoconfig.x.fr/mail/config-v1.1.xml?emailaddress=a%2Bb%26c%40x.fr"
        );
    }

    fn asked(server: crate::net::scripted::Scripted) -> Result<usize, Option<TroubleKind>> {
        let url = format!("https://{}/mail/config-v1.1.xml", server.endpoint);
        let heard = HttpClient::new(dialer()).get(&url, &[], DOCUMENT_LIMIT);
        server.leave();
        let taken = taken(heard, &url, &address(), false);
        taken.map(|(offers, _)| offers.len()).map_err(|trouble| trouble.map(|it| it.kind))
    }

    fn answer(peer: &mut Peer, head: &str, body: &str) {
        while !peer.line().is_empty() {}
        peer.send(&format!("{head}\r\n\r\n{body}"));
    }

    #[test]
    fn a_document_is_taken_from_its_own_host_under_a_certificate_for_it_alone() {
        let imap = "<c><incomingServer type='imap'><hostname>imap.x.fr</hostname><port>143</port>\
            <socketType>STARTTLS</socketType></incomingServer></c>";
        let good = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", imap.len());
        assert_eq!(asked(serve_tls(move |peer| answer(peer, &good, imap))), Ok(1));
        assert_eq!(asked(serve_tls_for("evil.fr", |_| ())), Err(Some(TroubleKind::Untrusted)));
        let moved = "HTTP/1.1 302 Found\r\nLocation: https://evil.fr/x.xml\r\nContent-Length: 0";
        assert_eq!(asked(serve_tls(move |peer| answer(peer, moved, ""))), Err(Some(TroubleKind::Untrusted)));
        let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0";
        assert_eq!(asked(serve_tls(move |peer| answer(peer, gone, ""))), Err(None));
        let bomb = "<!DOCTYPE x [<!ENTITY a 'a'>]><c>&a;</c>";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", bomb.len());
        assert_eq!(asked(serve_tls(move |peer| answer(peer, &head, bomb))), Err(Some(TroubleKind::Untrusted)));
    }

    #[test]
    fn of_a_document_of_100_megabytes_little_is_read() {
        let server = serve_tls(|peer| {
            answer(peer, "HTTP/1.1 200 OK\r\nContent-Length: 104857600", "");
            let block = "a".repeat(64 * 1024);
            // The client has gone long before these are sent.
            (0..32).for_each(|_| peer.send(&block));
        });
        assert_eq!(asked(server), Err(Some(TroubleKind::Unavailable)));
    }
}
