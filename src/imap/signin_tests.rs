//! Sign-ins challenge by challenge, with servers that lie, refuse, or know the client already.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, ImapError, Session};
use crate::net::scripted::{Peer, Scripted, dialer, serve_tls};
use crate::net::{Authzid, Credential, PasswordBy, SaslFault};
use crate::secret::Secret;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A server with these capabilities.
fn server(capabilities: &'static str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls(move |peer| {
        peer.send(&format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] ready\r\n"));
        script(peer);
    })
}

fn open(server: &Scripted, credential: &Credential) -> Result<Session, ImapError> {
    Session::open(&dialer(), &server.endpoint, credential)
}

fn failed(server: Scripted, credential: &Credential) -> Failure {
    let error = open(&server, credential).map(|_| ()).unwrap_err();
    server.leave();
    error.failure
}

#[test]
fn a_server_that_says_yes_without_a_proof_is_left() {
    let scram = Credential::password("u", secret("pw"), PasswordBy::Strongest).unwrap();
    let server = server("AUTH=SCRAM-SHA-256 AUTH=PLAIN", |peer| {
        let tag = peer.command("AUTHENTICATE SCRAM-SHA-256");
        peer.send("+ \r\n");
        let first = STANDARD.decode(peer.line()).unwrap();
        assert!(first.starts_with(b"y,,n=u,r="), "the offer of channel binding was not made");
        peer.send(&format!("{tag} OK welcome\r\n"));
    });
    assert!(matches!(failed(server, &scram), Failure::Sasl(SaslFault::Unproven)));
}

#[test]
fn a_token_that_is_refused_is_told_with_its_reason() {
    let token = Credential::bearer("labo@x.sandbox", secret("t0k")).unwrap();
    let server = server("SASL-IR AUTH=XOAUTH2", |peer| {
        let tag = peer.command("AUTHENTICATE XOAUTH2 ");
        peer.send(&format!("+ {}\r\n", STANDARD.encode("{\"status\":\"401\",\"schemes\":\"bearer\"}")));
        assert_eq!(peer.line(), "");
        peer.send(&format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"));
    });
    let failure = failed(server, &token);
    assert!(matches!(&failure, Failure::TokenRefused { status, .. } if status == "401"), "{failure:?}");
}

#[test]
fn who_is_signed_in_by_the_handshake_is_believed_only_where_that_was_said() {
    let greeting = "* PREAUTH [CAPABILITY IMAP4rev1 MOVE] welcome labo\r\n";
    for credential in [Credential::nothing(), Credential::external_where_offered(Authzid::Empty).unwrap()] {
        let server = serve_tls(move |peer| peer.send(greeting));
        assert!(open(&server, &credential).unwrap().capabilities().has("MOVE"));
        server.join();
    }
    let unasked = serve_tls(move |peer| peer.send(greeting));
    assert!(matches!(failed(unasked, &Credential::external(Authzid::Empty).unwrap()), Failure::Protocol(_)));
    let not_known = server("AUTH=PLAIN", |_| ());
    assert!(matches!(failed(not_known, &Credential::nothing()), Failure::MechanismMissing { .. }));
}
