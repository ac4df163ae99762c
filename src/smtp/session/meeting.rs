//! A server is met before anybody signs in there: TLS, its certificate, and what it says it can do.

use std::net::IpAddr;

use super::Session;
use crate::net::{Dialer, Endpoint, Handshake, bounded};
use crate::pki::Certificate;
use crate::smtp::SmtpError;

/// The extensions that a client of ours makes use of.
const OF_USE: [&str; 8] =
    ["PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE", "ENHANCEDSTATUSCODES", "LIMITS"];
/// Most mechanisms that are told of.
const MECHANISMS_LIMIT: usize = 16;

/// What a server is like, before anybody signs in.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// What TLS agreed on.
    pub handshake: Option<Handshake>,
    /// The certificate of the server; its path and name were accepted.
    pub certificate: Option<Certificate>,
    /// The extensions of use that it has.
    pub extensions: Vec<&'static str>,
    /// The SASL mechanisms that it offers under TLS, in its words.
    pub mechanisms: Vec<String>,
}

impl Session {
    /// Meets a server: nothing is said of who we are but `ehlo_name`, and that under TLS too. With `address` it is that address
    /// of the host that is connected to.
    pub fn meet(
        dialer: &Dialer,
        endpoint: &Endpoint,
        address: Option<IpAddr>,
        ehlo_name: &str,
    ) -> Result<Meeting, SmtpError> {
        let host = address.map_or_else(|| endpoint.host.clone(), |address| address.to_string());
        let way = Endpoint { host, ..endpoint.clone() };
        let session = Session::secured(dialer, endpoint, &way, ehlo_name)?;
        let extensions = session.extensions();
        let meeting = Meeting {
            handshake: session.stream().handshake(),
            certificate: session.stream().peer_certificate(),
            extensions: OF_USE.into_iter().filter(|name| extensions.has(name)).collect(),
            mechanisms: extensions
                .mechanisms()
                .take(MECHANISMS_LIMIT)
                .map(|name| bounded(name).to_uppercase())
                .collect(),
        };
        // It has said what was asked, whatever comes of the farewell.
        let _ = session.quit();
        Ok(meeting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::scripted::{dialer, serve, serve_tls_for};
    use crate::net::{LinkError, Security, Untrusted};
    use crate::smtp::Failure;

    #[test]
    fn a_server_says_what_it_can_do_and_hears_nothing_of_us() {
        let server = serve(|peer| {
            peer.send("220 smtp.sandbox\r\n");
            peer.expect("EHLO medecin.fr");
            peer.send("250-smtp.sandbox\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n");
            peer.expect("STARTTLS");
            peer.send("220 go\r\n");
            peer.start_tls();
            peer.expect("EHLO medecin.fr");
            peer.send("250-smtp.sandbox\r\n250-DSN\r\n250-X-OTHER\r\n250 AUTH plain SCRAM-SHA-256\r\n");
            peer.expect("QUIT");
            peer.send("221 bye\r\n");
        });
        let address = "127.0.0.1".parse().unwrap();
        let meeting = Session::meet(&dialer(), &server.endpoint, Some(address), "medecin.fr").unwrap();
        assert_eq!((meeting.extensions, meeting.mechanisms.join(" ")), (vec!["DSN"], "PLAIN SCRAM-SHA-256".to_owned()));
        assert_eq!(meeting.handshake.unwrap().version, "TLSv1_3");
        assert!(meeting.certificate.is_some());
        server.join();
    }

    #[test]
    fn the_certificate_is_for_the_name_and_not_for_the_address() {
        let server = serve_tls_for("smtp.evil.fr", |_| ());
        let endpoint =
            Endpoint { host: "smtp.medecin.fr".to_owned(), security: Security::Implicit, ..server.endpoint.clone() };
        let met = Session::meet(&dialer(), &endpoint, Some("127.0.0.1".parse().unwrap()), "medecin.fr");
        let Err(SmtpError { failure: Failure::Link(LinkError::Untrusted { why, .. }), .. }) = met else { panic!() };
        assert!(matches!(why, Untrusted::WrongName { .. }), "{why:?}");
        server.leave();
    }
}
