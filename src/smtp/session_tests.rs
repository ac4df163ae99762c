//! Sessions with servers that do as they should, and with others.

use super::{Failure, Session, SmtpError, Stage};
use crate::net::scripted::{
    Peer, Scripted, dialer, dialer_with, identity, serve, serve_mutual_tls, serve_tls, serve_tls_for, timeouts,
};
use crate::net::{Authzid, Credential, LinkError, Timeouts, Untrusted};
use crate::pki::KeyKind;
use crate::secret::Secret;

pub(super) fn plain() -> Credential {
    Credential::plain("labo@x.sandbox", Secret::new("pw".to_owned())).unwrap()
}

/// `\0labo@x.sandbox\0pw`.
pub(super) const PLAIN_LINE: &str = "AUTH PLAIN AGxhYm9AeC5zYW5kYm94AHB3";

fn open_with(server: &Scripted, credential: &Credential) -> Result<Session, SmtpError> {
    Session::open(&dialer(), &server.endpoint, credential, "client.sandbox")
}

fn failed(server: Scripted, credential: &Credential) -> SmtpError {
    let error = open_with(&server, credential).map(|_| ()).unwrap_err();
    server.leave();
    error
}

fn hello(peer: &mut Peer, extensions: &str) {
    peer.expect("EHLO client.sandbox");
    peer.send(&format!("250-x.sandbox\r\n{extensions}250 HELP\r\n"));
}

#[test]
fn starttls_comes_before_everything_but_ehlo() {
    let server = serve(|peer| {
        peer.send("220 x.sandbox ESMTP\r\n");
        hello(peer, "250-STARTTLS\r\n250-AUTH PLAIN\r\n250-XCLEAR\r\n");
        peer.expect("STARTTLS");
        peer.send("220 go\r\n");
        peer.start_tls();
        hello(peer, "250-AUTH PLAIN LOGIN\r\n250-SIZE 1000\r\n");
        peer.expect(PLAIN_LINE);
        peer.send("235 2.7.0 welcome\r\n");
        peer.expect("QUIT");
        peer.send("221 bye\r\n");
    });
    let session = open_with(&server, &plain()).unwrap();
    assert!(session.stream().is_tls() && session.stream().peer_certificate().is_some());
    assert!(!session.extensions().has("XCLEAR"), "what was said in clear is forgotten");
    assert_eq!(session.extensions().size_limit(), Some(1000));
    session.quit().unwrap();
    server.join();
}

#[test]
fn a_server_without_starttls_gets_no_secret() {
    let server = serve(|peer| {
        peer.send("220 x\r\n");
        hello(peer, "250-AUTH PLAIN\r\n");
        assert_eq!(peer.line(), "", "nothing more may come");
    });
    let error = open_with(&server, &plain()).map(|_| ()).unwrap_err();
    assert_eq!(error.stage, Stage::StartTls);
    assert!(matches!(error.failure, Failure::Link(LinkError::StartTlsMissing { .. })), "{error:?}");
    server.join();
}

#[test]
fn a_refused_starttls_ends_the_session() {
    let server = serve(|peer| {
        peer.send("220 x\r\n");
        hello(peer, "250-STARTTLS\r\n");
        peer.expect("STARTTLS");
        peer.send("454 4.7.0 not now\r\n");
        assert_eq!(peer.line(), "");
    });
    let error = open_with(&server, &plain()).map(|_| ()).unwrap_err();
    assert!(matches!(error.failure, Failure::Link(LinkError::StartTlsRefused { .. })), "{error:?}");
    server.join();
}

#[test]
fn text_in_clear_behind_starttls_is_noticed() {
    let error = failed(
        serve(|peer| {
            peer.send("220 x\r\n");
            hello(peer, "250-STARTTLS\r\n");
            peer.expect("STARTTLS");
            peer.send("220 go\r\n250-x\r\n250 AUTH PLAIN\r\n");
            peer.start_tls();
        }),
        &plain(),
    );
    assert_eq!(error.stage, Stage::Tls);
    assert!(matches!(error.failure, Failure::Link(LinkError::InjectedPlaintext { .. })), "{error:?}");
}

#[test]
fn a_wrong_certificate_ends_the_session_before_sign_in() {
    let error = failed(serve_tls_for("other.sandbox", |_| ()), &plain());
    assert_eq!(error.stage, Stage::Tls);
    let Failure::Link(LinkError::Untrusted { why: Untrusted::WrongName { presented }, .. }) = error.failure else {
        panic!("{error:?}")
    };
    assert_eq!(presented, "other.sandbox");
}

#[test]
fn each_bad_greeting_is_told_apart() {
    let of = |greeting: &'static str| failed(serve_tls(move |peer| peer.send(greeting)), &plain());
    assert!(matches!(of("554 5.7.1 no\r\n").failure, Failure::Refused(_)));
    assert!(matches!(of("421 4.3.2 later\r\n").failure, Failure::Deferred(_)));
    assert!(matches!(of("220-a\r\n221 b\r\n").failure, Failure::Protocol(_)));
    assert!(matches!(of("HTTP/1.1 400\r\n").failure, Failure::Protocol(_)));
    let cut = of("220 wel");
    assert!(matches!(cut.failure, Failure::Link(LinkError::Broken { .. })), "{cut:?}");
    assert_eq!(cut.stage, Stage::Greeting);
    let endless = failed(serve_tls(|peer| (0..200).for_each(|_| peer.send(&"2".repeat(1024)))), &plain());
    assert!(matches!(endless.failure, Failure::Link(LinkError::EndlessLine { .. })), "{endless:?}");
}

#[test]
fn a_silent_server_is_left_in_time() {
    let server = serve_tls(|peer| {
        peer.send("220 x\r\n");
        peer.expect("EHLO");
        assert_eq!(peer.line(), "");
    });
    let short = Timeouts { reply: std::time::Duration::from_millis(80), ..timeouts() };
    let error = Session::open(&dialer_with(None, short), &server.endpoint, &plain(), "c").map(|_| ()).unwrap_err();
    assert_eq!(error.stage, Stage::Ehlo);
    assert!(matches!(error.failure, Failure::Link(LinkError::Timeout { .. })), "{error:?}");
    server.join();
}

/// A session under TLS up to the sign-in, which the script plays.
fn signing_in(mechanisms: &'static str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Scripted {
    serve_tls(move |peer| {
        peer.send("220 x\r\n");
        hello(peer, &format!("250-AUTH {mechanisms}\r\n"));
        script(peer);
    })
}

#[test]
fn a_refused_sign_in_is_told_from_one_to_try_later() {
    let answer = |reply: &'static str| {
        failed(
            signing_in("PLAIN", move |peer| {
                peer.expect(PLAIN_LINE);
                peer.send(reply);
            }),
            &plain(),
        )
    };
    let refused = answer("535 5.7.8 wrong code\r\n");
    assert_eq!(refused.stage, Stage::Auth);
    let Failure::SignInRefused(reply) = &refused.failure else { panic!("{refused:?}") };
    assert_eq!((reply.code(), reply.enhanced()), (535, Some("5.7.8")));
    assert!(matches!(answer("454 4.7.0 later\r\n").failure, Failure::Deferred(_)));
    let missing = failed(signing_in("LOGIN XOAUTH2", |_| ()), &plain());
    let Failure::MechanismMissing { wanted: "PLAIN", offered } = &missing.failure else { panic!("{missing:?}") };
    assert_eq!(offered, "LOGIN XOAUTH2");
}

#[test]
fn a_server_that_wants_more_than_the_mechanism_has_is_left() {
    let server = signing_in("PLAIN", |peer| {
        peer.expect("AUTH PLAIN");
        peer.send("334 bW9yZQ==\r\n");
        peer.expect("*");
        peer.send("501 cancelled\r\n");
    });
    assert!(matches!(failed(server, &plain()).failure, Failure::SignInRefused(_)));
}

#[test]
fn external_waits_with_an_empty_identity_and_names_another_at_once() {
    let server = signing_in("external", |peer| {
        assert_eq!(peer.line(), "AUTH EXTERNAL");
        peer.send("334 \r\n");
        assert_eq!(peer.line(), "");
        peer.send("235 welcome\r\n");
    });
    open_with(&server, &Credential::external(Authzid::Empty).unwrap()).unwrap();
    server.join();
    let server = signing_in("EXTERNAL", |peer| {
        assert_eq!(peer.line(), "AUTH EXTERNAL bGFib0B4LnNhbmRib3g=");
        peer.send("235 welcome\r\n");
    });
    open_with(&server, &Credential::external(Authzid::Name("labo@x.sandbox".to_owned())).unwrap()).unwrap();
    server.join();
}

#[test]
fn a_long_response_waits_to_be_asked_for() {
    let server = signing_in("PLAIN", |peer| {
        assert_eq!(peer.line(), "AUTH PLAIN");
        peer.send("334\r\n");
        assert_eq!(peer.line().len(), 812);
        peer.send("235 welcome\r\n");
    });
    let credential = Credential::plain("u", Secret::new("x".repeat(606))).unwrap();
    open_with(&server, &credential).unwrap();
    server.join();
}

#[test]
fn a_server_that_refuses_our_certificate_says_so() {
    let server = serve_mutual_tls(|_| ());
    let error = failed(server, &plain());
    assert!(matches!(error.failure, Failure::Link(LinkError::IdentityRefused { .. })), "{error:?}");
    let server = serve_mutual_tls(|peer| {
        assert_eq!(peer.client_certificates(), 1);
        peer.send("220 x\r\n");
        hello(peer, "250-AUTH EXTERNAL\r\n");
        peer.expect("AUTH EXTERNAL");
        peer.send("334 \r\n");
        peer.line();
        peer.send("235 welcome\r\n");
    });
    let own = identity(KeyKind::P256);
    let credential = Credential::external(Authzid::Empty).unwrap();
    Session::open(&dialer_with(Some(&own), timeouts()), &server.endpoint, &credential, "client.sandbox").unwrap();
    server.join();
}

#[test]
fn the_name_of_the_client_cannot_carry_a_command() {
    for bad in ["", "a b", "a\r\nMAIL FROM:<>", "é"] {
        let server = serve(|_| ());
        let error = Session::open(&dialer(), &server.endpoint, &plain(), bad).map(|_| ()).unwrap_err();
        assert!(matches!(error.failure, Failure::Argument(_)), "{bad:?}");
        let _ = std::net::TcpStream::connect(("127.0.0.1", server.endpoint.port));
        server.leave();
    }
}
