//! Where a server listens, and when TLS starts there (RFC 8314).

use std::fmt;

/// A host, a port, and the moment TLS starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A domain name, or an IP address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// When TLS starts. There is no third choice.
    pub security: Security,
}

/// When TLS starts on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// After the STARTTLS command (RFC 3207, RFC 9051, section 6.2.1); nothing but the greeting and the list of
    /// capabilities passes before it.
    StartTls,
    /// With the first octet (RFC 8314, section 3).
    Implicit,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_shown_in_brackets() {
        let endpoint = |host: &str| Endpoint { host: host.to_owned(), port: 587, security: Security::StartTls };
        assert_eq!(endpoint("smtp.labo.sandbox").to_string(), "smtp.labo.sandbox:587");
        assert_eq!(endpoint("::1").to_string(), "[::1]:587");
    }
}
