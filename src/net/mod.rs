//! Connections: TCP, proxies, STARTTLS, TLS with the configured anchors, revocation, and HTTP over them.

mod binding;
mod credential;
mod dialer;
mod endpoint;
mod error;
mod http;
mod http_transport;
mod lists;
mod proxy;
#[cfg(test)]
mod proxy_tests;
mod revocation;
#[cfg(test)]
mod revocation_tests;
mod sasl;
mod saslprep;
mod scram;
#[cfg(test)]
pub(crate) mod scripted;
mod sighting;
mod socket;
mod stream;
mod tcp;
mod tls;
mod verifier;
mod wire;

pub use binding::ChannelBinding;
pub use credential::{Authzid, Credential, CredentialError, PasswordBy};
pub use dialer::{Dialer, Setup, SystemRoots, Timeouts};
pub use endpoint::{Endpoint, Security};
pub use error::{LinkError, TEXT_LIMIT, Untrusted, bounded};
pub use http::{HttpClient, HttpError, Response};
pub use lists::{KeptList, KeptLists, LIST_LIMIT, is_current};
pub use proxy::{Proxy, ProxyError};
pub use revocation::{Revocation, RevocationPolicy, Verdict};
pub use sasl::{Exchange, NotBegun, Refused, SaslFault};
pub use sighting::Sighting;
pub use stream::{Handshake, Stream};
pub use tls::DialerError;
pub use wire::{Heard, Wire};
