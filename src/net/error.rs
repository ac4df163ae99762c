//! Why a connection did not come about, or broke: what the sessions of every protocol have in common.

use std::io;

use rustls::{AlertDescription, CertificateError, OtherError, PeerIncompatible, PeerMisbehaved};

/// Longest text of a server that an error carries, in characters.
pub const TEXT_LIMIT: usize = 512;

/// Why a connection did not come about, or broke.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No address, no route, nobody listening.
    #[error("{endpoint} cannot be reached")]
    Unreachable { endpoint: String, source: io::Error },
    /// The server did not answer, or took no data, within the time it is given.
    #[error("{endpoint} did not answer in time")]
    Timeout { endpoint: String },
    /// The connection was closed or reset before the answer was complete.
    #[error("the connection to {endpoint} broke")]
    Broken { endpoint: String, source: io::Error },
    /// The certificate of the server was not accepted.
    #[error("the certificate of {endpoint} was not accepted: {why}")]
    Untrusted { endpoint: String, why: Untrusted },
    /// The server did not accept our certificate, or wants one and got none.
    #[error("{endpoint} did not accept our certificate ({alert})")]
    IdentityRefused { endpoint: String, alert: String },
    /// Nothing newer than TLS 1.1, which proves and protects too little (RFC 8996).
    #[error("{endpoint} speaks no TLS newer than 1.1")]
    OldTls { endpoint: String },
    /// No cipher suite in common: only those without authenticated encryption, most likely.
    #[error("{endpoint} has no cipher suite, group or signature in common with us")]
    NoCommonSuite { endpoint: String },
    /// Something that is not TLS, or goes against its rules.
    #[error("no TLS with {endpoint}: {why}")]
    Tls { endpoint: String, why: String },
    /// The proxy wants a sign-in, or did not accept ours.
    #[error("{proxy} {}", if *tried { "did not accept the sign-in" } else { "wants a sign-in" })]
    ProxySignIn { proxy: String, tried: bool },
    /// The proxy did not lead on; why is in its words.
    #[error("{proxy} does not lead to {endpoint}: {why}")]
    ProxyRefused { proxy: String, endpoint: String, why: String },
    /// STARTTLS is not offered: the server has none, or somebody on the way removed it.
    #[error("{endpoint} does not offer STARTTLS")]
    StartTlsMissing { endpoint: String },
    /// STARTTLS is offered and was then refused; the text is the server's.
    #[error("{endpoint} refused STARTTLS")]
    StartTlsRefused { endpoint: String, reply: String },
    /// Octets came in clear behind the answer to STARTTLS; they were dropped with the connection (RFC 3207, section 6).
    #[error("{endpoint} sent text in clear after STARTTLS: somebody may be on the way")]
    InjectedPlaintext { endpoint: String },
    /// A line went on beyond this many octets.
    #[error("{endpoint} sent a line of more than {limit} octets")]
    EndlessLine { endpoint: String, limit: usize },
}

/// Why the certificate of a server was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// No path to an anchor of the profile.
    #[error("it was issued by an authority that the profile does not trust")]
    UnknownIssuer,
    /// After its notAfter.
    #[error("it has expired")]
    Expired,
    /// Before its notBefore.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It names other hosts.
    #[error("it is for {presented}, not for this host")]
    WrongName { presented: String },
    /// A revocation list or a responder says so.
    #[error("it was revoked")]
    Revoked,
    /// The same, of an authority above it.
    #[error("the authority {issuer} above it was revoked")]
    IssuerRevoked { issuer: String },
    /// Neither a current list nor a responder tells, and the profile requires it.
    #[error("nothing tells whether {of} was revoked: {why}")]
    RevocationUnknown { of: String, why: String },
    /// Not a server certificate.
    #[error("it may not be used by a server")]
    WrongUsage,
    /// A signature in its path does not verify.
    #[error("a signature in its path does not verify")]
    BadSignature,
    /// Anything else, in the words of the TLS library.
    #[error("{0}")]
    Other(String),
}

impl LinkError {
    /// Whether it may be better after a while: somebody is away, and nobody was found to be who they should not be.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            LinkError::Unreachable { .. }
                | LinkError::Timeout { .. }
                | LinkError::Broken { .. }
                | LinkError::ProxyRefused { .. }
        )
    }

    /// Whether a server was refused only because nobody tells if it was revoked.
    pub fn is_of_unknown_revocation(&self) -> bool {
        matches!(self, LinkError::Untrusted { why: Untrusted::RevocationUnknown { .. }, .. })
    }

    /// The same once more: one break concerns every message that was under way.
    pub fn again(&self) -> LinkError {
        let io = |source: &io::Error| match source.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(source.kind(), source.to_string()),
        };
        match self {
            LinkError::Unreachable { endpoint, source } => {
                LinkError::Unreachable { endpoint: endpoint.clone(), source: io(source) }
            }
            LinkError::Broken { endpoint, source } => {
                LinkError::Broken { endpoint: endpoint.clone(), source: io(source) }
            }
            LinkError::Timeout { endpoint } => LinkError::Timeout { endpoint: endpoint.clone() },
            LinkError::Untrusted { endpoint, why } => {
                LinkError::Untrusted { endpoint: endpoint.clone(), why: why.clone() }
            }
            LinkError::IdentityRefused { endpoint, alert } => {
                LinkError::IdentityRefused { endpoint: endpoint.clone(), alert: alert.clone() }
            }
            LinkError::OldTls { endpoint } => LinkError::OldTls { endpoint: endpoint.clone() },
            LinkError::NoCommonSuite { endpoint } => LinkError::NoCommonSuite { endpoint: endpoint.clone() },
            LinkError::Tls { endpoint, why } => LinkError::Tls { endpoint: endpoint.clone(), why: why.clone() },
            LinkError::ProxySignIn { proxy, tried } => LinkError::ProxySignIn { proxy: proxy.clone(), tried: *tried },
            LinkError::ProxyRefused { proxy, endpoint, why } => {
                LinkError::ProxyRefused { proxy: proxy.clone(), endpoint: endpoint.clone(), why: why.clone() }
            }
            LinkError::StartTlsMissing { endpoint } => LinkError::StartTlsMissing { endpoint: endpoint.clone() },
            LinkError::StartTlsRefused { endpoint, reply } => {
                LinkError::StartTlsRefused { endpoint: endpoint.clone(), reply: reply.clone() }
            }
            LinkError::InjectedPlaintext { endpoint } => LinkError::InjectedPlaintext { endpoint: endpoint.clone() },
            LinkError::EndlessLine { endpoint, limit } => {
                LinkError::EndlessLine { endpoint: endpoint.clone(), limit: *limit }
            }
        }
    }

    /// Sorts what a read or a write on an established connection reported.
    pub(super) fn of_connection(endpoint: &str, error: io::Error) -> LinkError {
        let endpoint = endpoint.to_owned();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => LinkError::of_tls(endpoint, tls),
            None if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                LinkError::Timeout { endpoint }
            }
            // rustls explains a missing close_notify with a link to its manual.
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                LinkError::Broken { endpoint, source: error.kind().into() }
            }
            None => LinkError::Broken { endpoint, source: error },
        }
    }

    /// Sorts what a handshake reported. Before a cipher suite was agreed on, an alert that says no more than "failed" means
    /// that there is none.
    pub(super) fn of_handshake(endpoint: &str, error: io::Error, agreed: bool) -> LinkError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)) if !agreed => {
                LinkError::NoCommonSuite { endpoint: endpoint.to_owned() }
            }
            _ => LinkError::of_connection(endpoint, error),
        }
    }

    fn of_tls(endpoint: String, error: &rustls::Error) -> LinkError {
        match error {
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => LinkError::OldTls { endpoint },
            rustls::Error::AlertReceived(AlertDescription::InsufficientSecurity)
            | rustls::Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::NoCipherSuitesInCommon
                | PeerIncompatible::NoKxGroupsInCommon
                | PeerIncompatible::NoSignatureSchemesInCommon,
            ) => LinkError::NoCommonSuite { endpoint },
            rustls::Error::InvalidCertificate(reason) => LinkError::Untrusted { endpoint, why: Untrusted::of(reason) },
            rustls::Error::AlertReceived(alert) if is_about_our_certificate(*alert) => {
                LinkError::IdentityRefused { endpoint, alert: format!("{alert:?}") }
            }
            other => LinkError::Tls { endpoint, why: bounded(&other.to_string()) },
        }
    }
}

/// The alerts a server sends about the certificate of a client (RFC 8446, section 6.2).
fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
    )
}

impl Untrusted {
    fn of(reason: &CertificateError) -> Untrusted {
        match reason {
            CertificateError::UnknownIssuer => Untrusted::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Untrusted::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Untrusted::NotYetValid,
            CertificateError::NotValidForName => Untrusted::WrongName { presented: "other names".to_owned() },
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
                Untrusted::WrongName { presented: bounded(&names.join(", ")) }
            }
            CertificateError::Revoked => Untrusted::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Untrusted::WrongUsage,
            CertificateError::BadSignature => Untrusted::BadSignature,
            CertificateError::Other(OtherError(ours)) if ours.is::<Untrusted>() => {
                ours.downcast_ref::<Untrusted>().cloned().unwrap_or(Untrusted::Revoked)
            }
            other => Untrusted::Other(bounded(&other.to_string())),
        }
    }
}

/// The name in rustls's `DnsName("...")`.
fn bare(presented: &str) -> &str {
    presented.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or(presented, |(name, _)| name)
}

/// The text, cut to what an error may carry.
pub fn bounded(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_about_our_certificate_is_not_a_broken_connection() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let error = LinkError::of_connection("h:1", io::Error::new(io::ErrorKind::InvalidData, alert));
        assert!(matches!(error, LinkError::IdentityRefused { .. }), "{error:?}");
        let alert = rustls::Error::AlertReceived(AlertDescription::DecodeError);
        let error = LinkError::of_connection("h:1", io::Error::new(io::ErrorKind::InvalidData, alert));
        assert!(matches!(error, LinkError::Tls { .. }), "{error:?}");
    }

    #[test]
    fn an_old_version_and_a_missing_suite_are_named() {
        let of = |alert, agreed| {
            let error = rustls::Error::AlertReceived(alert);
            LinkError::of_handshake("h:1", io::Error::new(io::ErrorKind::InvalidData, error), agreed)
        };
        assert!(matches!(of(AlertDescription::ProtocolVersion, false), LinkError::OldTls { .. }));
        assert!(matches!(of(AlertDescription::HandshakeFailure, false), LinkError::NoCommonSuite { .. }));
        assert!(matches!(of(AlertDescription::HandshakeFailure, true), LinkError::Tls { .. }));
    }

    #[test]
    fn a_wait_that_ended_is_a_timeout_and_an_end_is_a_break() {
        let of = |kind: io::ErrorKind| LinkError::of_connection("h:1", kind.into());
        assert!(matches!(of(io::ErrorKind::TimedOut), LinkError::Timeout { .. }));
        assert!(matches!(of(io::ErrorKind::UnexpectedEof), LinkError::Broken { .. }));
    }
}
