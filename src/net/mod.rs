//! Connections: TCP, STARTTLS, TLS with the configured anchors, and HTTP over them.

mod binding;
mod credential;
mod dialer;
mod endpoint;
mod error;
mod http;
mod http_transport;
mod sasl;
mod saslprep;
mod scram;
#[cfg(test)]
pub(crate) mod scripted;
mod socket;
mod stream;
mod tls;
mod wire;

pub use binding::ChannelBinding;
pub use credential::{Authzid, Credential, CredentialError, PasswordBy};
pub use dialer::{Dialer, Timeouts};
pub use endpoint::{Endpoint, Security};
pub use error::{LinkError, TEXT_LIMIT, Untrusted, bounded};
pub use http::{HttpClient, HttpError, Response};
pub use sasl::{Exchange, NotBegun, Refused, SaslFault};
pub use stream::{Handshake, Stream};
pub use tls::DialerError;
pub use wire::{Heard, Wire};
