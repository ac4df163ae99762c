//! Providers that do as they should, and others: what is polled for, what is believed, and what is given up.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use super::kept::Kept;
use super::provider::{Client, Flow, Provider, ProviderError};
use super::{Means, SignInError, Source, Tokens};
use crate::clock::Clock;
use crate::net::scripted::{Peer, Scripted, dialer, serve_tls};
use crate::net::{Credential, HttpClient};
use crate::secret::{NoPrompt, PromptError, SealingKey, Secret};

const TOKENS: &str = r#"{"access_token":"acc","token_type":"Bearer","expires_in":120,"refresh_token":"ref"}"#;
const PENDING: &str = r#"{"error":"authorization_pending"}"#;

/// Reads a request; gives its first line and its form.
fn request(peer: &mut Peer) -> (String, String) {
    let head: Vec<String> = std::iter::repeat_with(|| peer.line()).take_while(|line| !line.is_empty()).collect();
    let length = head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let form = String::from_utf8(peer.octets(length.unwrap_or(0))).unwrap();
    (head.first().cloned().unwrap_or_default(), form)
}

fn answer(peer: &mut Peer, status: u16, body: &str) {
    peer.send(&format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

/// A provider that answers the start of a flow and then each poll with one of these.
fn provider(start: &'static str, polls: Vec<(u16, &'static str)>) -> Scripted {
    serve_tls(move |peer| {
        let (line, _) = request(peer);
        assert!(line.starts_with("POST /start "), "{line}");
        answer(peer, 200, start);
        for (status, body) in polls {
            let (line, form) = request(peer);
            assert!(line.starts_with("POST /token ") && form.contains("grant_type=urn"), "{line} {form}");
            answer(peer, status, body);
        }
    })
}

fn client(server: &Scripted, flow: Flow) -> Client {
    let url = |path: &str| Some(format!("https://{}{path}", server.endpoint));
    Client {
        flow,
        start: url("/start"),
        token: url("/token"),
        id: "cabinet".to_owned(),
        login_hint: Some("899700000013".to_owned()),
        ..Client::default()
    }
}

fn tokens(client: Client, home: &Path) -> Tokens {
    let key = SealingKey::new(Secret::new([7; 32]));
    let provider = Provider::new(client, home.join("profile/refresh-token"), &key, true);
    Tokens::new("labo@x.sandbox".to_owned(), Source::Provider(Box::new(provider)))
}

/// What was announced, and how long was waited.
#[derive(Default)]
struct Told {
    announced: RefCell<Vec<String>>,
    waited: RefCell<Vec<u64>>,
}

fn web() -> HttpClient {
    HttpClient::new(dialer())
}

fn ask(tokens: &mut Tokens, told: &Told, goes_on: bool) -> Result<Credential, SignInError> {
    ask_by(&web(), tokens, told, goes_on)
}

fn ask_by(http: &HttpClient, tokens: &mut Tokens, told: &Told, goes_on: bool) -> Result<Credential, SignInError> {
    let announce = |text: &str| -> Result<(), PromptError> {
        told.announced.borrow_mut().push(text.to_owned());
        Ok(())
    };
    let wait = |time: Duration| {
        told.waited.borrow_mut().push(time.as_secs());
        goes_on
    };
    let clock = Clock::Fixed("2026-06-01T12:00:00Z".parse().unwrap());
    tokens.credential(Means {
        clock,
        prompt: &NoPrompt,
        output_of: |_| Err(String::new()),
        http: Some(http),
        announce: &announce,
        wait: &wait,
    })
}

fn failed(server: Scripted, flow: Flow) -> ProviderError {
    let home = tempfile::tempdir().unwrap();
    let error = ask(&mut tokens(client(&server, flow), home.path()), &Told::default(), true).unwrap_err();
    server.leave();
    match error {
        SignInError::Provider(error) => error,
        other => panic!("{other:?}"),
    }
}

const DEVICE: &str = r#"{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"https://id.example/","expires_in":600,"interval":3}"#;
const CIBA: &str = r#"{"auth_req_id":"d","expires_in":120,"interval":1}"#;

#[test]
fn a_provider_is_polled_as_it_asks_and_the_refresh_token_is_kept() {
    let slow = r#"{"error":"slow_down"}"#;
    let server = provider(DEVICE, vec![(400, PENDING), (400, slow), (200, TOKENS)]);
    let home = tempfile::tempdir().unwrap();
    let (mut tokens, told) = (tokens(client(&server, Flow::Device), home.path()), Told::default());
    let credential = ask(&mut tokens, &told, true).unwrap();
    assert!(credential.is_token(&Secret::new("acc".to_owned())));
    assert_eq!(*told.waited.borrow(), [3, 3, 8]);
    let last = told.announced.borrow().last().cloned().unwrap();
    assert!(last.contains("https://id.example/") && last.contains("ABCD-EFGH"), "{last}");
    assert!(tokens.held().unwrap().is_some());
    server.join();
    // It is at hand until it expires or is refused: nobody is asked.
    assert!(ask(&mut tokens, &told, true).unwrap().is_token(&Secret::new("acc".to_owned())));
}

#[test]
fn a_telephone_is_asked_with_two_digits_that_are_shown_here_too() {
    let server = serve_tls(|peer| {
        let (_, form) = request(peer);
        assert!(form.contains("login_hint=899700000013") && form.contains("client_id=cabinet"), "{form}");
        let digits = form.split("binding_message=").nth(1).and_then(|rest| rest.get(..2)).unwrap().to_owned();
        answer(peer, 200, CIBA);
        let (_, form) = request(peer);
        assert!(form.contains("auth_req_id=d"), "{form}");
        // The digits come back in the token, for the test to compare.
        answer(peer, 200, &TOKENS.replace("\"acc\"", &format!("\"{digits}\"")));
    });
    let home = tempfile::tempdir().unwrap();
    let told = Told::default();
    let credential = ask(&mut tokens(client(&server, Flow::Ciba), home.path()), &told, true).unwrap();
    let last = told.announced.borrow().last().cloned().unwrap();
    let digits = last.rsplit(' ').next().unwrap().to_owned();
    assert!(credential.is_token(&Secret::new(digits)), "{last}");
    server.join();
}

#[test]
fn what_a_provider_says_no_with_is_told_apart() {
    let refused = |error: &'static str| failed(provider(CIBA, vec![(400, error)]), Flow::Ciba);
    assert!(matches!(refused(r#"{"error":"access_denied"}"#), ProviderError::Denied));
    assert!(matches!(refused(r#"{"error":"expired_token"}"#), ProviderError::Expired));
    assert!(matches!(refused(r#"{"error":"invalid_client"}"#), ProviderError::Refused { .. }));
    assert!(matches!(refused("<html>"), ProviderError::Status { status: 400 }));
    let clear = r#"{"device_code":"d","user_code":"A","verification_uri":"http://id.example/","expires_in":600}"#;
    assert!(matches!(failed(provider(clear, vec![]), Flow::Device), ProviderError::Clear));
    let silent = r#"{"device_code":"d","expires_in":600}"#;
    assert!(matches!(failed(provider(silent, vec![]), Flow::Device), ProviderError::Malformed(_)));
}

/// RFC 8628, section 3.5: who holds the telephone has perhaps confirmed by the time the line is mended.
#[test]
fn a_line_that_breaks_while_one_polls_does_not_end_the_wait() {
    let server = provider(CIBA, vec![(400, PENDING)]);
    let home = tempfile::tempdir().unwrap();
    let waited = RefCell::new(Vec::new());
    let wait = |time: Duration| {
        waited.borrow_mut().push(time.as_secs());
        waited.borrow().len() < 5
    };
    let mut tokens = tokens(client(&server, Flow::Ciba), home.path());
    let error = tokens
        .credential(Means {
            clock: Clock::Fixed("2026-06-01T12:00:00Z".parse().unwrap()),
            prompt: &NoPrompt,
            output_of: |_| Err(String::new()),
            http: Some(&web()),
            announce: &|_| Ok(()),
            wait: &wait,
        })
        .unwrap_err();
    assert!(matches!(error, SignInError::Provider(ProviderError::Interrupted)), "{error:?}");
    assert_eq!(*waited.borrow(), [1, 1, 2, 4, 8], "each time longer");
    server.join();
}

#[test]
fn a_wait_ends_when_the_user_wants_it() {
    let server = provider(CIBA, vec![]);
    let home = tempfile::tempdir().unwrap();
    let error = ask(&mut tokens(client(&server, Flow::Ciba), home.path()), &Told::default(), false).unwrap_err();
    assert!(matches!(error, SignInError::Provider(ProviderError::Interrupted)));
    server.join();
}

#[test]
fn a_provider_that_describes_another_one_is_not_believed() {
    let server = serve_tls(|peer| {
        let (line, _) = request(peer);
        assert!(line.starts_with("GET /.well-known/openid-configuration "), "{line}");
        answer(peer, 200, r#"{"issuer":"https://evil.example","token_endpoint":"https://evil.example/t"}"#);
    });
    let issuer = Some(format!("https://{}", server.endpoint));
    let client = Client { issuer, id: "cabinet".to_owned(), ..Client::default() };
    let home = tempfile::tempdir().unwrap();
    let error = ask(&mut tokens(client, home.path()), &Told::default(), true).unwrap_err();
    assert!(matches!(error, SignInError::Provider(ProviderError::OtherIssuer { .. })), "{error:?}");
    server.join();
}

#[test]
fn a_refresh_token_that_is_good_no_more_signs_out() {
    let server = serve_tls(|peer| {
        request(peer);
        answer(peer, 200, CIBA);
        request(peer);
        answer(peer, 200, TOKENS);
        let (_, form) = request(peer);
        assert!(form.contains("grant_type=refresh_token") && form.contains("refresh_token=ref"), "{form}");
        answer(peer, 200, &TOKENS.replace("\"acc\"", "\"second\"").replace("\"ref\"", "\"other\""));
        let (_, form) = request(peer);
        assert!(form.contains("refresh_token=other"), "the last one that was given: {form}");
        answer(peer, 400, r#"{"error":"invalid_grant"}"#);
    });
    let home = tempfile::tempdir().unwrap();
    let (mut tokens, told, http) = (tokens(client(&server, Flow::Ciba), home.path()), Told::default(), web());
    let first = ask_by(&http, &mut tokens, &told, true).unwrap();
    tokens.renew(&first).unwrap();
    let second = ask_by(&http, &mut tokens, &told, true).unwrap();
    assert!(second.is_token(&Secret::new("second".to_owned())));
    tokens.renew(&first).unwrap();
    assert!(ask_by(&http, &mut tokens, &told, true).is_ok(), "another session has renewed it already");
    tokens.renew(&second).unwrap();
    let error = ask_by(&http, &mut tokens, &told, true).unwrap_err();
    assert!(matches!(error, SignInError::Provider(ProviderError::SignedOut)), "{error:?}");
    assert!(tokens.held().unwrap().is_none());
    server.join();
}

/// A command that runs beside may be having the token renewed just then, and keeps the new one.
#[test]
fn who_signs_out_waits_for_a_token_that_is_being_renewed() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("profile/refresh-token");
    let kept = Kept::new(place.clone(), &SealingKey::new(Secret::new([7; 32])), "of another run".to_owned());
    kept.write(&Secret::new("before".to_owned()), None).unwrap();
    let renewing = kept.lock().unwrap();
    let client = Client { token: Some("https://id.example/token".to_owned()), ..Client::default() };
    let mut tokens = tokens(client, home.path());
    let signing_out = std::thread::spawn(move || tokens.sign_out(None).unwrap());
    let erased = || !place.exists();
    let _ = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        erased()
    });
    kept.write(&Secret::new("renewed".to_owned()), None).unwrap();
    drop(renewing);
    signing_out.join().unwrap();
    assert!(erased());
}

/// Who holds the telephone consented, and nobody else.
#[test]
fn a_token_of_one_person_is_none_for_another() {
    let home = tempfile::tempdir().unwrap();
    let server = serve_tls(|peer| {
        for body in [CIBA, TOKENS] {
            request(peer);
            answer(peer, 200, body);
        }
    });
    let client = client(&server, Flow::Ciba);
    ask(&mut tokens(client.clone(), home.path()), &Told::default(), true).unwrap();
    server.join();
    assert!(tokens(client.clone(), home.path()).held().unwrap().is_some());
    let other = Client { login_hint: Some("899700000021".to_owned()), ..client };
    assert!(tokens(other, home.path()).held().unwrap().is_none());
}
