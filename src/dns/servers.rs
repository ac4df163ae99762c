//! Which name servers are asked, and how patiently: `/etc/resolv.conf` (resolv.conf(5)), or what somebody named.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::fs;

/// Where the system says it.
const SYSTEM: &str = "/etc/resolv.conf";
/// Octets of that file that are read.
const FILE_LIMIT: u64 = 64 * 1024;
/// Servers of that file that are asked, as the system does.
const MOST_SERVERS: usize = 3;
/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// Which name servers are asked, and how patiently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    /// In the order in which they are asked.
    pub addresses: Vec<SocketAddr>,
    /// How long each of them may take, each time.
    pub timeout: Duration,
    /// How often the whole row is asked.
    pub attempts: u32,
}

impl Servers {
    /// These, with the patience that the system has by default.
    pub fn named(addresses: Vec<SocketAddr>) -> Servers {
        Servers { addresses, timeout: Duration::from_secs(5), attempts: 2 }
    }

    /// Those of the system; where it names none, the one on this machine, as resolv.conf(5) says.
    pub fn of_system() -> Servers {
        let text = fs::read_bounded(Path::new(SYSTEM), FILE_LIMIT).unwrap_or_default();
        Servers::read(&String::from_utf8_lossy(&text))
    }

    fn read(text: &str) -> Servers {
        let mut servers = Servers::named(Vec::new());
        for line in text.lines() {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            match words.next() {
                Some("nameserver") => {
                    // An address with a zone is left out: it needs an interface, which is not looked for here.
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    servers.addresses.extend(address.map(|address| SocketAddr::new(address, PORT)));
                }
                Some("options") => words.for_each(|word| servers.option(word)),
                _ => {}
            }
        }
        servers.addresses.truncate(MOST_SERVERS);
        if servers.addresses.is_empty() {
            servers.addresses.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
        }
        servers
    }

    fn option(&mut self, word: &str) {
        match word.split_once(':') {
            Some(("timeout", seconds)) => {
                if let Ok(seconds) = seconds.parse::<u64>() {
                    self.timeout = Duration::from_secs(seconds.clamp(1, 30));
                }
            }
            Some(("attempts", times)) => {
                if let Ok(times) = times.parse::<u32>() {
                    self.attempts = times.clamp(1, 5);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_system_names_servers_and_patience() {
        let servers = Servers::read(
            "# by hand\nsearch x.fr\nnameserver 192.0.2.1\nnameserver  2001:db8::1 \nnameserver fe80::1%eth0\n\
             options edns0 timeout:99 attempts:0\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n",
        );
        let shown: Vec<String> = servers.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"]);
        assert_eq!((servers.timeout, servers.attempts), (Duration::from_secs(30), 1));
    }

    #[test]
    fn a_file_that_names_nobody_means_this_machine() {
        assert_eq!(Servers::read("; nothing\nnameserver nobody\n").addresses, ["127.0.0.1:53".parse().unwrap()]);
    }
}
