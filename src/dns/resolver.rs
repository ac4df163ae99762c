//! Asks the name servers one after the other: UDP from a port of its own, TCP where the answer does not fit.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::message::{Led, decode};
use super::{Answer, Data, Decoded, DnsError, Exchange, Kind, Question, Servers, Service};

/// Octets taken at once over UDP. We say that we take 1232; a server that sends more than this is cut, and refused.
const DATAGRAM: usize = 4096;
/// Most datagrams to one question that are not its answer: somebody is guessing.
const STRAYS_LIMIT: usize = 100;

/// Asks the name servers.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Servers,
    within: Duration,
}

impl Resolver {
    /// Asks these servers; each question is answered within `within`, or not at all.
    pub fn new(servers: Servers, within: Duration) -> Resolver {
        Resolver { servers, within }
    }

    /// Where a service is (RFC 2782), as the server lists it. None: the name has no such record, or does not exist.
    pub fn services(&self, name: &str) -> Result<Vec<Service>, DnsError> {
        self.all(name, Kind::Srv, |data| match data {
            Data::Service(service) => Some(service),
            _ => None,
        })
    }

    /// The IPv6 and IPv4 addresses of a host. A family that cannot be asked for does not hide the other.
    pub fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let of = |kind| {
            self.all(host, kind, |data| match data {
                Data::Address(address) => Some(address),
                _ => None,
            })
        };
        match (of(Kind::Aaaa), of(Kind::A)) {
            (Ok(six), Ok(four)) => Ok([six, four].concat()),
            (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => Ok(some),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Who takes mail for a domain, the preferred one first.
    pub fn exchanges(&self, domain: &str) -> Result<Vec<Exchange>, DnsError> {
        let mut found = self.all(domain, Kind::Mx, |data| match data {
            Data::Exchange(exchange) => Some(exchange),
            _ => None,
        })?;
        found.sort_by_key(|exchange| exchange.preference);
        Ok(found)
    }

    fn all<T>(&self, name: &str, kind: Kind, take: impl Fn(Data) -> Option<T>) -> Result<Vec<T>, DnsError> {
        Ok(self.look_up(name, kind)?.into_iter().filter_map(take).collect())
    }

    /// What a name has of a kind, under whatever alias; nothing where it has none, or does not exist.
    pub fn look_up(&self, name: &str, kind: Kind) -> Result<Vec<Data>, DnsError> {
        let end = Instant::now() + self.within;
        let mut question = Question::new(name, kind)?;
        let mut aliases = 0;
        loop {
            let answer = self.ask(&question, end)?;
            match answer.follow(&question, &mut aliases)? {
                Led::To(found) => return Ok(found),
                // The name at the end of the aliases does not exist.
                Led::Onwards(_) if answer.code == 3 => return Ok(Vec::new()),
                Led::Onwards(next) => question = Question::new(&next, kind)?,
            }
        }
    }

    /// Asks the row of servers, and the whole row again, until one of them has an answer.
    fn ask(&self, question: &Question, end: Instant) -> Result<Answer, DnsError> {
        let mut trouble = None;
        for _ in 0..self.servers.attempts {
            for server in &self.servers.addresses {
                if Instant::now() >= end {
                    return Err(trouble.unwrap_or_else(|| self.silent()));
                }
                match self.ask_one(*server, question, end) {
                    Ok(answer) => return Ok(answer),
                    // A server that says why it does not answer tells more than one that is silent.
                    Err(DnsError::Silent { .. }) if trouble.is_some() => {}
                    Err(error) => trouble = Some(error),
                }
            }
        }
        Err(trouble.unwrap_or_else(|| self.silent()))
    }

    fn ask_one(&self, server: SocketAddr, question: &Question, end: Instant) -> Result<Answer, DnsError> {
        let answer = self.exchange(server, question, true, end)?;
        // A server that is older than EDNS (RFC 6891, section 6.2.2).
        let answer = if matches!(answer.code, 1 | 4) { self.exchange(server, question, false, end)? } else { answer };
        match answer.code {
            // Done, or no such name: both are answers.
            0 | 3 => Ok(answer),
            1 => Err(DnsError::Failed { server, code: "FORMERR" }),
            2 => Err(DnsError::Failed { server, code: "SERVFAIL" }),
            4 => Err(DnsError::Failed { server, code: "NOTIMP" }),
            5 => Err(DnsError::Failed { server, code: "REFUSED" }),
            _ => Err(DnsError::Failed { server, code: "with a code of failure" }),
        }
    }

    fn exchange(&self, server: SocketAddr, question: &Question, edns: bool, end: Instant) -> Result<Answer, DnsError> {
        let id = random_id()?;
        let octets = question.encode(id, edns)?;
        let until = end.min(Instant::now() + self.servers.timeout);
        let of_server = |source: io::Error| match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => self.silent(),
            _ => DnsError::Unreachable { server, source },
        };
        let socket = open_udp(server).map_err(of_server)?;
        socket.send(&octets).map_err(of_server)?;
        let mut datagram = [0; DATAGRAM];
        for _ in 0..STRAYS_LIMIT {
            socket.set_read_timeout(Some(left(until).map_err(of_server)?)).map_err(of_server)?;
            let length = socket.recv(&mut datagram).map_err(of_server)?;
            match decode(&datagram[..length], id, question)? {
                Decoded::Answer(answer) => return Ok(answer),
                Decoded::NotOurs => {}
                Decoded::Truncated => {
                    let until = end.min(Instant::now() + self.servers.timeout);
                    let whole = over_tcp(server, &octets, until).map_err(of_server)?;
                    return match decode(&whole, id, question)? {
                        Decoded::Answer(answer) => Ok(answer),
                        Decoded::NotOurs => Err(DnsError::Malformed("it answers another question")),
                        Decoded::Truncated => Err(DnsError::Malformed("it is cut even over TCP")),
                    };
                }
            }
        }
        Err(DnsError::Malformed("too many answers to other questions came: somebody may be guessing"))
    }

    fn silent(&self) -> DnsError {
        DnsError::Silent { servers: self.servers.addresses.clone() }
    }
}

/// A number that cannot be guessed by who forges an answer (RFC 5452, section 4.3).
fn random_id() -> Result<u16, DnsError> {
    let mut octets = [0; 2];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| DnsError::Randomness)?;
    Ok(u16::from_be_bytes(octets))
}

/// A socket on a port that the system draws at random, deaf to everybody but the server.
fn open_udp(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

/// The time left until then; none is an error.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The same question over TCP (RFC 7766): each message behind its length, 65,535 octets at most.
fn over_tcp(server: SocketAddr, question: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let length = u16::try_from(question.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut stream = TcpStream::connect_timeout(&server, left(until)?)?;
    stream.set_write_timeout(Some(left(until)?))?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    read_all(&mut stream, &mut length, until)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    read_all(&mut stream, &mut answer, until)?;
    Ok(answer)
}

/// Reads until the buffer is full; a server that sends an octet now and then does not hold us.
fn read_all(stream: &mut TcpStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => buffer = &mut buffer[count..],
        }
    }
    Ok(())
}
