//! Why a question was not answered.

use std::io;
use std::net::SocketAddr;

/// Why a question was not answered. That a name does not exist, or has no such record, is an answer.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// A label is empty or too long, or has a character that is in no host or service name.
    #[error("{0} is no name that can be looked up")]
    Name(String),
    /// No server answered within the time.
    #[error("no name server answered in time (asked {})", listed(.servers))]
    Silent { servers: Vec<SocketAddr> },
    /// A server could not be asked, or broke off.
    #[error("the name server {server} cannot be asked")]
    Unreachable { server: SocketAddr, source: io::Error },
    /// The server says that it cannot or will not answer (RFC 1035, section 4.1.1).
    #[error("the name server {server} answered {code}")]
    Failed { server: SocketAddr, code: &'static str },
    /// What came is not an answer.
    #[error("the answer of the name server cannot be read: {0}")]
    Malformed(&'static str),
    /// More records than any honest answer has.
    #[error("the answer of the name server has more than {limit} records")]
    TooMany { limit: u16 },
    /// One alias leads to the next, too often or in a circle.
    #[error("{name} is an alias of an alias, more than {limit} times")]
    Aliases { name: String, limit: usize },
    /// Without a random number a forged answer would be easy.
    #[error("the system gives no randomness")]
    Randomness,
}

fn listed(servers: &[SocketAddr]) -> String {
    servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
