//! What may be offered at all: a name of which a certificate can speak, with TLS, at a public address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::dns::is_name;

/// Why an offer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// `.` stands where a target would (RFC 2782, RFC 6186, section 3.4).
    #[error("the domain says that it is not offered")]
    Declined,
    /// A certificate is compared with a name.
    #[error("it is an IP address, where a host name belongs")]
    IpLiteral,
    /// Not a host name (RFC 1123, section 2.1).
    #[error("it is not a host name")]
    HostName,
    /// Names that no public server has (RFC 6761).
    #[error("it is a name of this machine or of a local network")]
    LocalName,
    /// An address that leads into this machine or a local network.
    #[error("it leads to {0}, which is not a public address")]
    Private(IpAddr),
    /// Nothing to connect to.
    #[error("the name has no address")]
    NoAddress,
    /// Nobody listens on port 0.
    #[error("it has no port")]
    Port,
    /// In clear, whatever is said later.
    #[error("it is offered without TLS")]
    Clear,
    /// Another protocol than the two that are spoken here.
    #[error("{0} is not spoken: the mailbox is read by IMAP, messages are submitted by SMTP")]
    Protocol(String),
    /// More offers than are worth a look.
    #[error("too many are offered: only the first {0} are looked at")]
    TooMany(usize),
}

impl Why {
    /// Whether it speaks against the answer, and not only against the offer.
    pub fn is_suspicious(&self) -> bool {
        matches!(self, Why::IpLiteral | Why::HostName | Why::LocalName | Why::Private(_) | Why::Clear)
    }
}

/// Whether a name can be that of a public server. With `private`, names of this machine pass as well.
pub fn judge_name(host: &str, private: bool) -> Result<(), Why> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return Err(Why::IpLiteral);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // A last label of digits makes some programs read an address: 127.1, 0x7f.1.
    let numeric = last.bytes().all(|octet| octet.is_ascii_digit()) || last.starts_with("0x");
    let hyphens = |label: &str| label.starts_with('-') || label.ends_with('-');
    if !is_name(host) || host.contains('_') || numeric || host.split('.').any(hyphens) {
        return Err(Why::HostName);
    }
    let local = ["localhost", "local", "localdomain", "invalid", "internal"];
    let is_local = local.iter().any(|name| last.eq_ignore_ascii_case(name)) || !host.contains('.');
    if is_local && !private { Err(Why::LocalName) } else { Ok(()) }
}

/// Whether a host is the domain or stands below it.
pub fn is_below(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether an address is one of the public Internet (the special-purpose registries of IANA, RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_v4(four),
        IpAddr::V6(six) => is_public_v6(six),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    let special = match octets {
        // This network, shared space of carriers (RFC 6598), protocol assignments, benchmarks (RFC 2544), class E.
        [0, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] | [240..=255, ..] => true,
        // The former 6to4 relays (RFC 7526).
        [192, 88, 99, _] => true,
        _ => false,
    };
    !(special
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let inside = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // An IPv4 address within: mapped, translated (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inside(high, low),
        [0x2002, high, low, ..] => inside(high, low),
        // Protocol assignments with Teredo, documentation (RFC 3849, RFC 9637).
        [0x2001, second, ..] => second > 0x1ff && second != 0xdb8,
        [0x3fff, ..] => false,
        // Of all the rest only global unicast is in use (RFC 4291, section 2.4).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450::1", "64:ff9b::808:808", "2001:4860::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for inner in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.19.0.1",
            "192.0.0.8",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "fec0::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(inner.parse().unwrap()), "{inner}");
        }
    }

    #[test]
    fn a_host_is_a_public_name_and_no_address() {
        for good in ["imap.medecin.fr", "a.b", "xn--caf-dma.fr"] {
            assert_eq!(judge_name(good, false), Ok(()), "{good}");
        }
        for address in ["10.0.0.1", "::1", "[::1]", "2001:db8::1"] {
            assert_eq!(judge_name(address, true), Err(Why::IpLiteral), "{address}");
        }
        for bad in ["", "a..b", "a b.fr", "127.1", "0x7f.0x1", "_imap._tcp.fr", "-a.fr", "a-.fr", "a.fr?", "é.fr"] {
            assert_eq!(judge_name(bad, true), Err(Why::HostName), "{bad}");
        }
        for local in ["localhost", "x.localhost", "printer.local", "intranet"] {
            assert_eq!(judge_name(local, false), Err(Why::LocalName), "{local}");
            assert_eq!(judge_name(local, true), Ok(()), "{local}");
        }
    }

    #[test]
    fn below_a_domain_ends_at_a_dot() {
        assert!(is_below("imap.Medecin.fr", "medecin.fr") && is_below("medecin.fr", "medecin.fr"));
        assert!(!is_below("evilmedecin.fr", "medecin.fr") && !is_below("medecin.fr.evil.fr", "medecin.fr"));
    }
}
