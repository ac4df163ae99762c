//! One sign-in, challenge by challenge (RFC 4422): SMTP, IMAP and whatever else has SASL drive it alike.

use std::collections::VecDeque;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::binding::ChannelBinding;
use super::credential::{Authzid, Credential, Kind};
use super::error::bounded;
use super::scram::{Binding, Scram};
use crate::secret::Secret;

/// Longest challenge that is read, in characters of base64.
const CHALLENGE_LIMIT: usize = 12_288;

/// A mechanism by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    ScramPlus,
    Scram,
    Plain,
    Login,
    External,
    XOAuth2,
    OAuthBearer,
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Mechanism::ScramPlus => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram => "SCRAM-SHA-256",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::External => "EXTERNAL",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::OAuthBearer => "OAUTHBEARER",
        }
    }
}

/// What stopped a sign-in on our side, whatever the server said of it. The texts are ours, or bounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslFault {
    /// A challenge that is none of the mechanism.
    #[error("the challenge of the server cannot be answered: {0}")]
    Malformed(&'static str),
    /// RFC 5802, section 5: the server signature is missing or wrong.
    #[error("the server did not prove that it knows the password")]
    Unproven,
    /// A password would be easy to guess from what is sent, or would keep us busy.
    #[error("the server wants the password stretched {count} times, where 4096 to 1000000 is allowed")]
    Iterations { count: u32 },
    /// The server asks for more than there is to say.
    #[error("the server asks for more than {0} has to say")]
    More(&'static str),
    /// SASLprep (RFC 4013) prohibits it.
    #[error("the {0} has a character that cannot be sent")]
    Unsendable(&'static str),
    /// The server ended the exchange with a reason (RFC 5802, section 7).
    #[error("the server ended the exchange: {0}")]
    Told(String),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}

impl SaslFault {
    /// Whether the other side may not be the server that knows the password.
    pub fn is_distrust(&self) -> bool {
        matches!(self, SaslFault::Unproven | SaslFault::Iterations { .. } | SaslFault::Malformed(_))
    }
}

/// Why no exchange began. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotBegun {
    /// None of the mechanisms is offered.
    NotOffered,
    /// The mechanism cannot say what there is to say.
    Fault(SaslFault),
}

/// What a refused exchange leaves to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// What stopped it on our side.
    pub fault: Option<SaslFault>,
    /// What the server said of the access token (RFC 7628, section 3.2.2): made of its own words, bounded.
    pub status: Option<String>,
}

/// One sign-in under way.
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
    refused: Refused,
}

enum State {
    /// What is answered, one response to each challenge.
    Answers(VecDeque<Secret<Vec<u8>>>),
    /// The same for an access token: one more challenge says why it was refused.
    Token(Option<Secret<Vec<u8>>>),
    Scram {
        scram: Scram,
        begun: bool,
    },
}

impl Exchange {
    /// Chooses the strongest mechanism that the server offers. `binding` is that of the connection.
    pub fn begin<'o>(
        credential: &Credential,
        offered: impl Iterator<Item = &'o str> + Clone,
        binding: Option<ChannelBinding>,
    ) -> Result<Exchange, NotBegun> {
        let is_offered = |it: Mechanism| offered.clone().any(|word| word.eq_ignore_ascii_case(it.name()));
        let usable = |it: Mechanism| it != Mechanism::ScramPlus || binding.is_some();
        let mechanism = credential.mechanisms().iter().copied().find(|it| is_offered(*it) && usable(*it));
        let mechanism = mechanism.ok_or(NotBegun::NotOffered)?;
        let state = match mechanism {
            Mechanism::ScramPlus | Mechanism::Scram => {
                let binding = match binding {
                    Some(binding) if mechanism == Mechanism::ScramPlus => Binding::Bound(binding),
                    Some(_) if !is_offered(Mechanism::ScramPlus) => Binding::NotOffered,
                    _ => Binding::Impossible,
                };
                scram(credential, binding).map_err(NotBegun::Fault)?
            }
            other => answers(credential, other),
        };
        Ok(Exchange { mechanism, state, refused: Refused::default() })
    }

    /// The registered name of the mechanism.
    pub fn mechanism(&self) -> &'static str {
        self.mechanism.name()
    }

    /// The whole command: `before`, the mechanism and, where a command may have `most` octets and the first response fits and
    /// has octets at all, that response. Else it waits to be asked for, which every server understands; some refuse `=`.
    pub fn command(&mut self, before: &str, most: Option<usize>) -> Secret<Vec<u8>> {
        let head = format!("{before} {}", self.mechanism());
        let with_response = self.peek().map(|response| line(&format!("{head} "), &response));
        match (with_response, most) {
            (Some(whole), Some(most)) if whole.expose().len() <= most => {
                self.advance();
                whole
            }
            _ => Secret::new(format!("{head}\r\n").into_bytes()),
        }
    }

    /// The answer to a challenge (base64, as it came): a whole line. A star leaves the exchange (RFC 4954, section 4).
    pub fn answer(&mut self, challenge: &[u8]) -> Secret<Vec<u8>> {
        match self.respond(challenge) {
            Ok(response) => line("", &response),
            Err(fault) => {
                self.refused.fault.get_or_insert(fault);
                Secret::new(b"*\r\n".to_vec())
            }
        }
    }

    /// The server says yes. It is not believed where it has to prove that it knows the password and did not.
    pub fn accepted(self) -> Result<(), SaslFault> {
        match self.state {
            _ if self.refused.fault.is_some() => Err(self.refused.fault.unwrap_or(SaslFault::Unproven)),
            State::Scram { scram, .. } if !scram.is_proven() => Err(SaslFault::Unproven),
            _ => Ok(()),
        }
    }

    /// The server says no.
    pub fn refused(self) -> Refused {
        self.refused
    }

    /// The first response, where there is one with octets.
    fn peek(&self) -> Option<Secret<Vec<u8>>> {
        // A server that knows LOGIN need not take a name with the command.
        if self.mechanism == Mechanism::Login {
            return None;
        }
        let first = match &self.state {
            State::Answers(answers) => answers.front().cloned(),
            State::Token(response) => response.clone(),
            State::Scram { scram, .. } => Some(Secret::new(scram.first())),
        };
        first.filter(|response| !response.expose().is_empty())
    }

    fn advance(&mut self) {
        match &mut self.state {
            State::Answers(answers) => drop(answers.pop_front()),
            State::Token(response) => *response = None,
            State::Scram { begun, .. } => *begun = true,
        }
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, SaslFault> {
        let name = self.mechanism.name();
        if let Some(fault) = &self.refused.fault {
            // It was left: whatever the server goes on to ask is not answered.
            return Err(fault.clone());
        }
        match &mut self.state {
            State::Answers(answers) => answers.pop_front().ok_or(SaslFault::More(name)),
            State::Token(response) => match response.take() {
                Some(response) => Ok(response),
                None if self.refused.status.is_some() => Err(SaslFault::More(name)),
                None => {
                    self.refused.status = Some(status(&decoded(challenge).unwrap_or_default()));
                    // RFC 7628, section 3.2.3; XOAUTH2 has an empty line.
                    let end: &[u8] = if self.mechanism == Mechanism::OAuthBearer { b"\x01" } else { b"" };
                    Ok(Secret::new(end.to_vec()))
                }
            },
            State::Scram { scram, begun } if !*begun => {
                *begun = true;
                Ok(Secret::new(scram.first()))
            }
            State::Scram { scram, .. } if !scram.is_last() => scram.last(&decoded(challenge)?),
            State::Scram { scram, .. } if !scram.is_proven() => {
                scram.verify(&decoded(challenge)?)?;
                Ok(Secret::default())
            }
            State::Scram { .. } => Err(SaslFault::More(name)),
        }
    }
}

fn scram(credential: &Credential, binding: Binding) -> Result<State, SaslFault> {
    let Kind::Password { user, password, .. } = &credential.0 else { return Err(SaslFault::More("SCRAM")) };
    let mut nonce = [0u8; 18];
    rand::fill(&mut nonce).map_err(|_| SaslFault::Randomness)?;
    let scram = Scram::begin(user, password, binding, STANDARD.encode(nonce))?;
    Ok(State::Scram { scram, begun: false })
}

/// What the simple mechanisms have to say.
fn answers(credential: &Credential, mechanism: Mechanism) -> State {
    let octets = |parts: &[&[u8]]| Secret::new(parts.concat());
    match &credential.0 {
        Kind::Password { user, password, code, .. } => {
            let password = password.expose().as_bytes();
            let mut answers = VecDeque::from(if mechanism == Mechanism::Login {
                vec![octets(&[user.as_bytes()]), octets(&[password])]
            } else {
                vec![octets(&[b"\0", user.as_bytes(), b"\0", password])]
            });
            answers.extend(code.iter().map(|code| octets(&[code.expose().as_bytes()])));
            State::Answers(answers)
        }
        Kind::External { authzid: Authzid::Empty, .. } => State::Answers(VecDeque::from([Secret::default()])),
        Kind::External { authzid: Authzid::Name(name), .. } => {
            State::Answers(VecDeque::from([octets(&[name.as_bytes()])]))
        }
        Kind::Bearer { user, token } => {
            let token = token.expose().as_bytes();
            State::Token(Some(if mechanism == Mechanism::OAuthBearer {
                let user = user.replace('=', "=3D").replace(',', "=2C");
                octets(&[b"n,a=", user.as_bytes(), b",\x01auth=Bearer ", token, b"\x01\x01"])
            } else {
                octets(&[b"user=", user.as_bytes(), b"\x01auth=Bearer ", token, b"\x01\x01"])
            }))
        }
        Kind::Nothing => State::Answers(VecDeque::new()),
    }
}

/// `before`, the response in base64, and CRLF.
fn line(before: &str, response: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    let encoded = Secret::new(STANDARD.encode(response.expose()));
    Secret::new([before.as_bytes(), encoded.expose().as_bytes(), b"\r\n"].concat())
}

fn decoded(challenge: &[u8]) -> Result<Vec<u8>, SaslFault> {
    let challenge = challenge.trim_ascii();
    if challenge.len() > CHALLENGE_LIMIT {
        return Err(SaslFault::Malformed("it is too long"));
    }
    STANDARD.decode(challenge).map_err(|_| SaslFault::Malformed("it is not base64"))
}

/// What a server says of a token it refuses, in one line: `invalid_token`, or whatever stands in its place.
fn status(json: &[u8]) -> String {
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(json) else { return "no reason given".to_owned() };
    let words = ["status", "error", "error_description"].iter().filter_map(|name| object.get(*name));
    let words: Vec<String> = words.filter_map(|word| word.as_str().map(bounded)).collect();
    if words.is_empty() { "no reason given".to_owned() } else { bounded(&words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::credential::PasswordBy;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn begin(credential: &Credential, offered: &str) -> Result<Exchange, NotBegun> {
        Exchange::begin(credential, offered.split(' '), None)
    }

    fn text(line: &Secret<Vec<u8>>) -> String {
        String::from_utf8(line.expose().clone()).unwrap()
    }

    #[test]
    fn plain_is_authorisation_identity_user_and_password() {
        let credential = Credential::plain("tim", secret("tanstaaftanstaaf")).unwrap();
        let mut exchange = begin(&credential, "LOGIN plain").unwrap();
        assert_eq!(text(&exchange.command("AUTH", Some(512))), "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
        assert_eq!(text(&exchange.answer(b"")), "*\r\n", "it has no more to say");
        assert_eq!(exchange.refused().fault, Some(SaslFault::More("PLAIN")));
        let mut exchange = begin(&credential, "PLAIN").unwrap();
        assert_eq!(text(&exchange.command("AUTH", Some(20))), "AUTH PLAIN\r\n", "a long one waits");
        assert_eq!(text(&exchange.answer(b"")), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
        exchange.accepted().unwrap();
    }

    #[test]
    fn an_empty_identity_is_an_empty_line() {
        let mut exchange = begin(&Credential::external(Authzid::Empty).unwrap(), "EXTERNAL").unwrap();
        assert_eq!(text(&exchange.command("o1 AUTHENTICATE", Some(512))), "o1 AUTHENTICATE EXTERNAL\r\n");
        assert_eq!(text(&exchange.answer(b"")), "\r\n");
        let named = Credential::external(Authzid::Name("a@x.fr".to_owned())).unwrap();
        let mut exchange = begin(&named, "EXTERNAL").unwrap();
        assert_eq!(text(&exchange.command("AUTH", Some(512))), "AUTH EXTERNAL YUB4LmZy\r\n");
    }

    #[test]
    fn the_strongest_that_is_offered_is_taken_and_nothing_weaker_than_was_said() {
        let by = |by| Credential::password("u", secret("p"), by).unwrap();
        let bound = || Some(ChannelBinding { name: "tls-exporter", data: vec![1] });
        let chosen = |credential: &Credential, offered: &str, binding: Option<ChannelBinding>| {
            Exchange::begin(credential, offered.split(' '), binding).map(|it| it.mechanism()).ok()
        };
        let all = "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS";
        assert_eq!(chosen(&by(PasswordBy::Strongest), all, bound()), Some("SCRAM-SHA-256-PLUS"));
        assert_eq!(chosen(&by(PasswordBy::Strongest), all, None), Some("SCRAM-SHA-256"));
        assert_eq!(chosen(&by(PasswordBy::Strongest), "PLAIN LOGIN", bound()), Some("PLAIN"));
        assert_eq!(chosen(&by(PasswordBy::Scram), "PLAIN LOGIN", bound()), None);
        assert_eq!(chosen(&by(PasswordBy::Plain), "SCRAM-SHA-256", bound()), None);
        let token = Credential::bearer("u", secret("t")).unwrap();
        assert_eq!(chosen(&token, "PLAIN OAUTHBEARER XOAUTH2", None), Some("XOAUTH2"));
        assert_eq!(chosen(&token, "PLAIN OAUTHBEARER", None), Some("OAUTHBEARER"));
        assert_eq!(chosen(&token, "PLAIN", None), None);
    }

    /// RFC 5802, section 6: a server sees from the flag when its offer was removed on the way.
    #[test]
    fn the_flag_says_what_we_could_and_what_was_offered() {
        let credential = Credential::password("u", secret("p"), PasswordBy::Scram).unwrap();
        let bound = || Some(ChannelBinding { name: "tls-exporter", data: vec![1] });
        for (offered, binding, flag) in [
            ("SCRAM-SHA-256", bound(), "y,,"),
            ("SCRAM-SHA-256 SCRAM-SHA-256-PLUS", bound(), "p=tls-exporter,,"),
            ("SCRAM-SHA-256 SCRAM-SHA-256-PLUS", None, "n,,"),
            ("SCRAM-SHA-256", None, "n,,"),
        ] {
            let mut exchange = Exchange::begin(&credential, offered.split(' '), binding).unwrap();
            let command = text(&exchange.command("AUTH", Some(512)));
            let first = STANDARD.decode(command.trim_end().rsplit(' ').next().unwrap()).unwrap();
            assert!(first.starts_with(flag.as_bytes()), "{offered} {flag}");
        }
    }

    #[test]
    fn a_server_that_says_yes_before_it_proved_anything_is_not_believed() {
        let credential = Credential::password("u", secret("p"), PasswordBy::Scram).unwrap();
        let mut exchange = begin(&credential, "SCRAM-SHA-256").unwrap();
        exchange.command("AUTH", Some(512));
        assert_eq!(exchange.accepted(), Err(SaslFault::Unproven));
        let mut exchange = begin(&credential, "SCRAM-SHA-256").unwrap();
        exchange.command("AUTH", Some(512));
        assert_eq!(text(&exchange.answer(b"?")), "*\r\n");
        assert!(exchange.accepted().unwrap_err().is_distrust());
    }

    #[test]
    fn an_exchange_that_was_left_is_not_taken_up_again() {
        let credential = Credential::password("u", secret("p"), PasswordBy::Scram).unwrap();
        let mut exchange = begin(&credential, "SCRAM-SHA-256").unwrap();
        let command = text(&exchange.command("AUTH", Some(512)));
        let first = STANDARD.decode(command.trim_end().rsplit(' ').next().unwrap()).unwrap();
        let nonce = String::from_utf8(first).unwrap().rsplit("r=").next().unwrap().to_owned();
        let challenge = |count| STANDARD.encode(format!("r={nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={count}"));
        assert_eq!(text(&exchange.answer(challenge(1).as_bytes())), "*\r\n");
        assert_eq!(text(&exchange.answer(challenge(4096).as_bytes())), "*\r\n", "no proof is given any more");
        assert_eq!(exchange.accepted(), Err(SaslFault::Iterations { count: 1 }));
    }

    #[test]
    fn whatever_a_server_sends_is_answered_by_a_line() {
        let good = STANDARD.encode("r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let parts = (0..good.len()).map(|length| good.as_bytes()[..length].to_vec());
        let hostile = [vec![0xff; 64], vec![b'A'; 20_000], vec![0; 3], b"====".to_vec(), b"e=x".to_vec()];
        let all = [
            Credential::password("u", secret("p"), PasswordBy::Strongest).unwrap(),
            Credential::plain("u", secret("p")).unwrap(),
            Credential::bearer("u", secret("t")).unwrap(),
        ];
        for challenge in parts.chain(hostile) {
            for credential in &all {
                let mut exchange = begin(credential, "SCRAM-SHA-256 PLAIN XOAUTH2").unwrap();
                exchange.command("AUTH", Some(512));
                for _ in 0..3 {
                    assert!(exchange.answer(&challenge).expose().ends_with(b"\r\n"));
                }
                let refused = exchange.refused();
                assert!(refused.status.is_none_or(|status| status.chars().count() <= 512));
            }
        }
    }

    #[test]
    fn a_code_answers_one_more_challenge() {
        let credential = Credential::password_then_code("u", secret("p"), secret("123456")).unwrap();
        let mut exchange = begin(&credential, "PLAIN").unwrap();
        assert_eq!(text(&exchange.command("AUTH", Some(512))), "AUTH PLAIN AHUAcA==\r\n");
        assert_eq!(text(&exchange.answer(b"T1RQOg==")), "MTIzNDU2\r\n");
        assert_eq!(text(&exchange.answer(b"T1RQOg==")), "*\r\n");
        let mut exchange = begin(&credential, "LOGIN").unwrap();
        assert_eq!(text(&exchange.command("AUTH", Some(512))), "AUTH LOGIN\r\n");
        let all: Vec<String> = (0..3).map(|_| text(&exchange.answer(b"eA=="))).collect();
        assert_eq!(all, ["dQ==\r\n", "cA==\r\n", "MTIzNDU2\r\n"]);
    }

    #[test]
    fn a_token_that_is_refused_is_answered_for_and_the_reason_is_kept() {
        let json = STANDARD.encode(r#"{"status":"invalid_token","scope":"mail"}"#);
        for (mechanism, first, end) in [
            ("XOAUTH2", "user=a@x.fr\u{1}auth=Bearer t0k\u{1}\u{1}", "\r\n"),
            ("OAUTHBEARER", "n,a=a@x.fr,\u{1}auth=Bearer t0k\u{1}\u{1}", "AQ==\r\n"),
        ] {
            let mut exchange = begin(&Credential::bearer("a@x.fr", secret("t0k")).unwrap(), mechanism).unwrap();
            let command = text(&exchange.command("AUTH", Some(512)));
            assert_eq!(command, format!("AUTH {mechanism} {}\r\n", STANDARD.encode(first)));
            assert_eq!(text(&exchange.answer(json.as_bytes())), end);
            assert_eq!(text(&exchange.answer(json.as_bytes())), "*\r\n", "once");
            assert_eq!(exchange.refused().status.as_deref(), Some("invalid_token"));
        }
        assert_eq!(status(b"{}"), "no reason given");
        assert_eq!(status(b"[[[["), "no reason given");
    }
}
