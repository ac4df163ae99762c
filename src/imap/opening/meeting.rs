//! A server is met before anybody signs in there: TLS, its certificate, and what it says it can do.

use std::net::IpAddr;

use super::secured;
use crate::imap::{ImapError, Session, Stage};
use crate::net::{Dialer, Endpoint, Handshake, Security, bounded};
use crate::pki::Certificate;

/// The capabilities that a client of ours makes use of.
const OF_USE: [&str; 10] = [
    "IMAP4REV1",
    "IMAP4REV2",
    "UIDPLUS",
    "MOVE",
    "IDLE",
    "CONDSTORE",
    "QRESYNC",
    "SASL-IR",
    "LITERAL+",
    "COMPRESS=DEFLATE",
];
/// Most mechanisms that are told of.
const MECHANISMS_LIMIT: usize = 16;

/// What a server is like, before anybody signs in.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// What TLS agreed on.
    pub handshake: Option<Handshake>,
    /// The certificate of the server; its path and name were accepted.
    pub certificate: Option<Certificate>,
    /// The capabilities of use that it tells of before sign-in; it may have more after it.
    pub capabilities: Vec<&'static str>,
    /// The SASL mechanisms that it offers under TLS, in its words.
    pub mechanisms: Vec<String>,
}

impl Session {
    /// Meets a server: nothing is said of who we are. With `address` it is that address of the host that is connected to.
    pub fn meet(dialer: &Dialer, endpoint: &Endpoint, address: Option<IpAddr>) -> Result<Meeting, ImapError> {
        let host = address.map_or_else(|| endpoint.host.clone(), |address| address.to_string());
        // Whom the certificate of the handshake signs in is no matter here: nothing is asked of the mailbox.
        let by_certificate = endpoint.security == Security::Implicit;
        let mut opening = secured(dialer, endpoint, &Endpoint { host, ..endpoint.clone() }, by_certificate)?;
        let capabilities = opening.capabilities(Stage::Greeting)?;
        let stream = opening.wire.stream();
        let meeting = Meeting {
            handshake: stream.handshake(),
            certificate: stream.peer_certificate(),
            capabilities: OF_USE.into_iter().filter(|name| capabilities.has(name)).collect(),
            mechanisms: capabilities.mechanisms().take(MECHANISMS_LIMIT).map(bounded).collect(),
        };
        // It has said what was asked, whatever comes of the farewell.
        let _ = opening.wire.send(b"o LOGOUT\r\n");
        opening.wire.close();
        Ok(meeting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::Failure;
    use crate::net::LinkError;
    use crate::net::scripted::{dialer, serve};

    #[test]
    fn a_server_says_what_it_can_do_and_hears_nothing_of_us() {
        let server = serve(|peer| {
            peer.send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\r\n");
            let tag = peer.command("STARTTLS");
            peer.send(&format!("{tag} OK go\r\n"));
            peer.start_tls();
            let tag = peer.command("CAPABILITY");
            peer.send(&format!("* CAPABILITY IMAP4rev1 IDLE XFOO AUTH=PLAIN AUTH=EXTERNAL\r\n{tag} OK done\r\n"));
            peer.expect("o LOGOUT");
        });
        let meeting = Session::meet(&dialer(), &server.endpoint, Some("127.0.0.1".parse().unwrap())).unwrap();
        assert_eq!(meeting.capabilities, ["IMAP4REV1", "IDLE"]);
        assert_eq!(meeting.mechanisms, ["EXTERNAL", "PLAIN"]);
        assert!(meeting.certificate.is_some() && meeting.handshake.is_some());
        server.join();
    }

    #[test]
    fn a_server_without_starttls_is_not_met() {
        let server = serve(|peer| peer.send("* OK [CAPABILITY IMAP4rev1] hello\r\n"));
        let met = Session::meet(&dialer(), &server.endpoint, None);
        let Err(ImapError { failure: Failure::Link(LinkError::StartTlsMissing { .. }), .. }) = met else { panic!() };
        server.leave();
    }
}
