//! What records say: addresses, aliases, mail exchanges, services (RFC 2782), texts and certificates (RFC 4398).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::TYPE;
use simple_dns::rdata::RData;

use super::name::shown;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An IPv4 address (RFC 1035, section 3.4.1).
    A,
    /// An IPv6 address (RFC 3596).
    Aaaa,
    /// Who takes mail for a domain (RFC 1035, section 3.3.9).
    Mx,
    /// Text (RFC 1035, section 3.3.14).
    Txt,
    /// Where a service is (RFC 2782).
    Srv,
    /// A certificate, or where there is one (RFC 4398).
    Cert,
}

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME: the name has another, under which to ask.
    Alias(String),
    /// MX.
    Exchange(Exchange),
    /// SRV.
    Service(Service),
    /// TXT, its strings put together.
    Text(Vec<u8>),
    /// CERT.
    Certificate(Certificate),
}

/// Who takes mail for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The lowest is tried first.
    pub preference: u16,
    /// A host name; empty says that the domain takes no mail (RFC 7505).
    pub host: String,
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The lowest is tried first.
    pub priority: u16,
    /// Among equals of priority, the share of each.
    pub weight: u16,
    /// The TCP port.
    pub port: u16,
    /// A host name; empty says that the service is decidedly not offered.
    pub target: String,
}

/// A certificate, or where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// 1 is PKIX (RFC 4398, section 2.1).
    pub format: u16,
    /// The key tag.
    pub key_tag: u16,
    /// The number of the algorithm.
    pub algorithm: u8,
    /// For PKIX the certificate in DER.
    pub octets: Vec<u8>,
}

impl Kind {
    pub(super) fn number(self) -> TYPE {
        match self {
            Kind::A => TYPE::A,
            Kind::Aaaa => TYPE::AAAA,
            Kind::Mx => TYPE::MX,
            Kind::Txt => TYPE::TXT,
            Kind::Srv => TYPE::SRV,
            Kind::Cert => TYPE::CERT,
        }
    }

    /// Whether a record answers a question of this kind.
    pub(super) fn fits(self, data: &Data) -> bool {
        match data {
            Data::Address(address) => self == if address.is_ipv4() { Kind::A } else { Kind::Aaaa },
            Data::Alias(_) => false,
            Data::Exchange(_) => self == Kind::Mx,
            Data::Service(_) => self == Kind::Srv,
            Data::Text(_) => self == Kind::Txt,
            Data::Certificate(_) => self == Kind::Cert,
        }
    }
}

impl Data {
    /// Reads what is of use here; other kinds are nothing.
    pub(super) fn of(data: RData<'_>) -> Option<Data> {
        Some(match data {
            RData::A(it) => Data::Address(IpAddr::V4(Ipv4Addr::from(it.address))),
            RData::AAAA(it) => Data::Address(IpAddr::V6(Ipv6Addr::from(it.address))),
            RData::CNAME(it) => Data::Alias(shown(&it)),
            RData::MX(it) => Data::Exchange(Exchange { preference: it.preference, host: shown(&it.exchange) }),
            RData::SRV(it) => Data::Service(Service {
                priority: it.priority,
                weight: it.weight,
                port: it.port,
                target: shown(&it.target),
            }),
            RData::TXT(it) => Data::Text(match String::try_from(it) {
                Ok(text) => text.into_bytes(),
                Err(error) => error.into_bytes(),
            }),
            RData::CERT(it) => Data::Certificate(Certificate {
                format: it.type_code,
                key_tag: it.key_tag,
                algorithm: it.algorithm,
                octets: it.certificate.into_owned(),
            }),
            _ => return None,
        })
    }
}
