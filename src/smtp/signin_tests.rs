//! Sign-ins challenge by challenge, with servers that lie, refuse, or ask for more than there is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, Session, SmtpError, Stage};
use crate::net::scripted::{Peer, Scripted, dialer, serve_tls};
use crate::net::{Authzid, Credential, PasswordBy, SaslFault};
use crate::secret::Secret;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn scram() -> Credential {
    Credential::password("labo@x.sandbox", secret("a password"), PasswordBy::Strongest).unwrap()
}

/// A server that offers these mechanisms.
fn server(mechanisms: &'static str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls(move |peer| {
        peer.send("220 x.sandbox\r\n");
        peer.expect("EHLO");
        peer.send(&format!("250-x.sandbox\r\n250 AUTH {mechanisms}\r\n"));
        script(peer);
    })
}

fn open(server: &Scripted, credential: &Credential) -> Result<Session, SmtpError> {
    Session::open(&dialer(), &server.endpoint, credential, "client.sandbox")
}

fn failed(server: Scripted, credential: &Credential) -> Failure {
    let error = open(&server, credential).map(|_| ()).unwrap_err();
    server.leave();
    assert_eq!(error.stage, Stage::Auth);
    error.failure
}

/// Reads client-first-message and gives its nonce.
fn nonce(peer: &mut Peer, mechanism: &str) -> String {
    let line = peer.expect(&format!("AUTH {mechanism} "));
    let first = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    String::from_utf8(first).unwrap().rsplit("r=").next().unwrap().to_owned()
}

fn challenge(peer: &mut Peer, text: &str) {
    peer.send(&format!("334 {}\r\n", STANDARD.encode(text)));
}

#[test]
fn a_server_that_cannot_prove_that_it_knows_the_password_is_left() {
    for (proof, end) in [
        (None, "235 welcome\r\n"),
        (Some("v=AAAA"), "535 no\r\n"),
        (Some("v=AAAA"), "235 welcome\r\n"),
        // Nothing that is worth another try.
        (Some("v=AAAA"), "454 try again later\r\n"),
    ] {
        let server = server("PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", move |peer| {
            let nonce = nonce(peer, "SCRAM-SHA-256-PLUS");
            challenge(peer, &format!("r={nonce}server,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
            let last = STANDARD.decode(peer.line()).unwrap();
            assert!(!String::from_utf8_lossy(&last).contains("a password"));
            if let Some(proof) = proof {
                challenge(peer, proof);
                assert_eq!(peer.line(), "*", "a false proof is answered by leaving");
            }
            peer.send(end);
        });
        assert!(matches!(failed(server, &scram()), Failure::Sasl(SaslFault::Unproven)), "{proof:?} {end}");
    }
}

#[test]
fn a_server_that_wants_a_weak_proof_gets_none() {
    let server = server("SCRAM-SHA-256", |peer| {
        let nonce = nonce(peer, "SCRAM-SHA-256");
        challenge(peer, &format!("r={nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"));
        assert_eq!(peer.line(), "*");
        peer.send("501 cancelled\r\n");
    });
    assert!(matches!(failed(server, &scram()), Failure::Sasl(SaslFault::Iterations { count: 1 })));
}

#[test]
fn a_password_that_must_not_be_shown_is_not() {
    let only_scram = Credential::password("u", secret("pw"), PasswordBy::Scram).unwrap();
    let server = server("PLAIN LOGIN", |peer| assert_eq!(peer.line(), "", "nothing more may come"));
    let failure = failed(server, &only_scram);
    let Failure::MechanismMissing { wanted, offered } = &failure else { panic!("{failure:?}") };
    assert_eq!((*wanted, offered.as_str()), ("SCRAM-SHA-256", "PLAIN LOGIN"));
}

#[test]
fn a_token_that_is_refused_is_told_with_its_reason() {
    let token = Credential::bearer("labo@x.sandbox", secret("t0k")).unwrap();
    for (mechanism, end) in [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")] {
        let server = server(if end.is_empty() { "XOAUTH2" } else { "OAUTHBEARER" }, move |peer| {
            peer.expect(&format!("AUTH {mechanism} "));
            challenge(peer, "{\"status\":\"invalid_token\"}");
            assert_eq!(peer.line(), end);
            peer.send("535 5.7.8 no\r\n");
        });
        let failure = failed(server, &token);
        assert!(
            matches!(&failure, Failure::TokenRefused { status, reply } if status == "invalid_token" && reply.code() == 535),
            "{failure:?}"
        );
    }
}

#[test]
fn a_code_is_given_to_a_second_challenge_and_an_endless_server_is_left() {
    let code = Credential::password_then_code("u", secret("pw"), secret("123456")).unwrap();
    let asking = server("PLAIN", |peer| {
        peer.expect("AUTH PLAIN AHUAcHc=");
        challenge(peer, "code?");
        assert_eq!(peer.line(), "MTIzNDU2");
        peer.send("235 welcome\r\n");
    });
    assert!(open(&asking, &code).unwrap().is_authenticated());
    asking.join();
    let endless = server("PLAIN", |peer| {
        for _ in 0..8 {
            peer.line();
            peer.send("334 bW9yZQ==\r\n");
        }
    });
    assert!(matches!(failed(endless, &code), Failure::Protocol(_)));
}

#[test]
fn a_certificate_is_all_only_where_that_was_said() {
    let with = |credential: Credential| {
        let server = server("PLAIN", |peer| {
            peer.expect("QUIT");
            peer.send("221 bye\r\n");
        });
        let session = open(&server, &credential).unwrap();
        assert!(!session.is_authenticated());
        session.quit().unwrap();
        server.join();
    };
    with(Credential::external_where_offered(Authzid::Empty).unwrap());
    with(Credential::nothing());
    let server = server("PLAIN", |_| ());
    let strict = Credential::external(Authzid::Empty).unwrap();
    assert!(matches!(failed(server, &strict), Failure::MechanismMissing { wanted: "EXTERNAL", .. }));
}
