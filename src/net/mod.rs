//! Connections: TCP, STARTTLS, TLS with the configured anchors, and HTTP over them.

mod credential;
mod dialer;
mod endpoint;
mod error;
mod http;
mod http_transport;
#[cfg(test)]
pub(crate) mod scripted;
mod socket;
mod stream;
mod tls;
mod wire;

pub use credential::{Authzid, Credential, CredentialError};
pub use dialer::{Dialer, Timeouts};
pub use endpoint::{Endpoint, Security};
pub use error::{LinkError, TEXT_LIMIT, Untrusted, bounded};
pub use http::{HttpClient, HttpError, Response};
pub use stream::{Handshake, Stream};
pub use tls::DialerError;
pub use wire::{Heard, Wire};
