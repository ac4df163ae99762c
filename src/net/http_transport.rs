//! Our own connections under ureq, so that its requests see the anchors, the identity and the clock of the profile.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};

use super::dialer::Dialer;
use super::endpoint::{Endpoint, Security};
use super::error::LinkError;
use super::proxy::Forwarding;
use super::socket::Pending;
use super::stream::Stream;

/// Opens the connections of one agent.
pub(super) struct DialerConnector {
    dialer: Dialer,
}

impl DialerConnector {
    pub(super) fn new(dialer: Dialer) -> DialerConnector {
        DialerConnector { dialer }
    }

    fn open(&self, uri: &Uri) -> Result<(Stream, Option<Forwarding>), LinkError> {
        let endpoint = endpoint_of(uri);
        match endpoint.security {
            Security::Implicit => {
                let stream = self.dialer.connect(&endpoint)?;
                self.dialer.secure(stream, &endpoint.host).map(|stream| (stream, None))
            }
            // Only `HttpClient` lets a request in clear come so far.
            Security::StartTls => self.dialer.connect_in_clear(&endpoint),
        }
    }
}

/// Where a URI leads. HTTP has no STARTTLS: the word stands for a connection that begins, and stays, in clear.
fn endpoint_of(uri: &Uri) -> Endpoint {
    let clear = uri.scheme() == Some(&Scheme::HTTP);
    let host = uri.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let (port, security) = if clear { (80, Security::StartTls) } else { (443, Security::Implicit) };
    Endpoint { host: host.to_owned(), port: uri.port_u16().unwrap_or(port), security }
}

impl Connector for DialerConnector {
    type Out = DialerTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<DialerTransport>, ureq::Error> {
        let (stream, forwarding) = self.open(details.uri).map_err(|error| ureq::Error::Other(Box::new(error)))?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(DialerTransport { stream, forwarding, buffers, block: self.dialer.timeouts().block }))
    }
}

impl fmt::Debug for DialerConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DialerConnector")
    }
}

/// One connection of an agent.
pub(super) struct DialerTransport {
    stream: Stream,
    /// Where a web proxy forwards what is asked in clear.
    forwarding: Option<Forwarding>,
    buffers: LazyBuffers,
    block: Duration,
}

impl DialerTransport {
    fn limit(&mut self, timeout: NextTimeout) {
        let limit = timeout.not_zero().map_or(self.block, |left| (*left).min(self.block));
        self.stream.all_within(limit);
    }

    fn failed(&self, error: io::Error) -> ureq::Error {
        ureq::Error::Other(Box::new(LinkError::of_connection(self.stream.endpoint(), error)))
    }
}

impl Transport for DialerTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.limit(timeout.for_write());
        let output = &self.buffers.output()[..amount];
        let sent = match &self.forwarding {
            Some(forwarding) => forwarding.write(output, &mut self.stream),
            None => self.stream.write_all(output),
        };
        let sent = sent.and_then(|()| self.stream.flush());
        sent.map_err(|error| self.failed(error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.limit(timeout.for_read());
        let amount = self.stream.read(self.buffers.input_append_buf());
        let amount = amount.map_err(|error| self.failed(error))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// A connection on which something waits to be read is not used again: it is the end, or an answer nobody asked for.
    fn is_open(&mut self) -> bool {
        self.stream.pending() == Pending::Nothing
    }

    fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }
}

impl fmt::Debug for DialerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialerTransport({})", self.stream.endpoint())
    }
}

/// Names are looked up by the dialer; ureq asks for an address all the same and gets one that is not used.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &ureq::config::Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(([0, 0, 0, 0], 0).into());
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_leads_to_its_host_and_port() {
        let of = |uri: &str| endpoint_of(&uri.parse().unwrap()).to_string();
        assert_eq!(of("https://annuaire.sandbox/fhir"), "annuaire.sandbox:443");
        assert_eq!(of("https://[::1]:8443/"), "[::1]:8443");
        assert_eq!(of("http://crl.sandbox/x.crl"), "crl.sandbox:80");
    }
}
