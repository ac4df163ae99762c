//! The stub resolver: questions to the name servers of this machine (RFC 1035), and bounded answers (RFC 6891).
//!
//! An answer is never believed about who somebody is: anyone on the way can write one. It says where to knock; who opens is
//! judged by certificate, and nothing secret is said before.

mod error;
mod message;
mod name;
mod record;
mod resolver;
#[cfg(test)]
mod resolver_tests;
mod servers;
#[cfg(test)]
pub(crate) mod specimen;

pub use error::DnsError;
pub use message::{Answer, Decoded, Question, decode};
pub use name::is_name;
pub use record::{Certificate, Data, Exchange, Kind, Service};
pub use resolver::Resolver;
pub use servers::Servers;
