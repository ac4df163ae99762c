//! The beginning of a session, by hand: greeting, STARTTLS, SASL. Nothing secret leaves before TLS, and no word from
//! before it is believed after it (RFC 9051, section 11).

mod meeting;

pub use meeting::Meeting;

use std::collections::BTreeSet;

use super::{Failure, ImapError, Stage};
use crate::net::{Credential, Dialer, Endpoint, Exchange, LinkError, NotBegun, Security, Wire, bounded};
use crate::secret::Secret;

/// Longest line before sign-in, in octets.
const LINE_LIMIT: usize = 16 * 1024;

/// Most lines of an answer before sign-in.
const LINES_LIMIT: usize = 200;

/// What the server says it can do, in capitals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Whether the capability is there; IMAP4rev2 brings MOVE, UIDPLUS and others with it (RFC 9051, appendix E).
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name) || matches!(name, "MOVE" | "UIDPLUS" | "SASL-IR") && self.0.contains("IMAP4REV2")
    }

    fn of(words: &str) -> Capabilities {
        Capabilities(words.split_ascii_whitespace().map(str::to_ascii_uppercase).collect())
    }

    fn mechanisms(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().filter_map(|capability| capability.strip_prefix("AUTH="))
    }
}

/// A connection on its way to a session.
pub(super) struct Opening {
    wire: Wire,
    capabilities: Option<Capabilities>,
    tags: u32,
    /// The server greeted us as signed in, by the certificate of the handshake.
    signed_in: bool,
}

/// A tagged answer: OK, NO or BAD, and what stands behind it.
struct Tagged {
    word: String,
    rest: String,
}

/// Connects, secures the connection, signs in. Gives the connection and what the server can do from now on.
pub(super) fn open(
    dialer: &Dialer,
    endpoint: &Endpoint,
    credential: &Credential,
) -> Result<(Wire, Capabilities), ImapError> {
    // Before STARTTLS, somebody has signed in in clear, and it was not us.
    let by_certificate = credential.may_be_silent() && endpoint.security == Security::Implicit;
    let mut opening = secured(dialer, endpoint, endpoint, by_certificate)?;
    opening.sign_in(credential)?;
    let capabilities = opening.capabilities(Stage::Auth)?;
    if !capabilities.has("IMAP4REV1") {
        // A server of IMAP4rev2 alone answers SEARCH in a way that io-imap does not read.
        return Err(failed(Stage::Auth, Failure::Missing("IMAP4rev1")));
    }
    Ok((opening.wire, capabilities))
}

/// Connects and secures the connection. The certificate must be one for the host of `endpoint`; `way` is where to connect, which
/// may be an address of it. With `by_certificate` the server may greet us as signed in.
fn secured(dialer: &Dialer, endpoint: &Endpoint, way: &Endpoint, by_certificate: bool) -> Result<Opening, ImapError> {
    let at = |stage| move |link: LinkError| ImapError { stage, failure: link.into() };
    let mut wire = Wire::new(dialer.connect(way).map_err(at(Stage::Connect))?);
    if endpoint.security == Security::Implicit {
        wire = wire.secure(dialer, &endpoint.host).map_err(at(Stage::Tls))?;
    }
    wire.all_within(dialer.timeouts().reply);
    let mut opening = Opening { wire, capabilities: None, tags: 0, signed_in: false };
    opening.hear_greeting(by_certificate)?;
    if endpoint.security == Security::StartTls {
        opening.ask_for_tls()?;
        let mut wire = opening.wire.secure(dialer, &endpoint.host).map_err(at(Stage::Tls))?;
        wire.all_within(dialer.timeouts().reply);
        opening = Opening { wire, capabilities: None, tags: opening.tags, signed_in: false };
    }
    Ok(opening)
}

impl Opening {
    fn line(&mut self, stage: Stage) -> Result<String, ImapError> {
        let line = self.wire.read_line(LINE_LIMIT).map_err(|link| failed(stage, link.into()))?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn hear_greeting(&mut self, by_certificate: bool) -> Result<(), ImapError> {
        let stage = Stage::Greeting;
        let line = self.line(stage)?;
        let Some(rest) = after(&line, "* ") else { return Err(failed(stage, Failure::Protocol("no greeting"))) };
        if let Some(rest) = after(rest, "OK") {
            self.capabilities = in_code(rest);
            return Ok(());
        }
        if let Some(rest) = after(rest, "PREAUTH").filter(|_| by_certificate) {
            (self.capabilities, self.signed_in) = (in_code(rest), true);
            return Ok(());
        }
        match after(rest, "BYE") {
            Some(text) => Err(failed(stage, Failure::Bye { text: bounded(text.trim()) })),
            // PREAUTH: a sign-in that we know nothing of.
            None => Err(failed(stage, Failure::Protocol("the greeting is neither OK nor BYE"))),
        }
    }

    fn ask_for_tls(&mut self) -> Result<(), ImapError> {
        let endpoint = self.wire.endpoint().to_owned();
        if !self.capabilities(Stage::Greeting)?.has("STARTTLS") {
            return Err(failed(Stage::StartTls, LinkError::StartTlsMissing { endpoint }.into()));
        }
        let answer = self.command(Stage::StartTls, "STARTTLS")?;
        if answer.word == "OK" {
            return Ok(());
        }
        let reply = bounded(&answer.rest);
        Err(failed(Stage::StartTls, LinkError::StartTlsRefused { endpoint, reply }.into()))
    }

    /// What the server said it can do since the last step, or says when it is asked.
    fn capabilities(&mut self, stage: Stage) -> Result<Capabilities, ImapError> {
        if self.capabilities.is_none() && self.command(stage, "CAPABILITY")?.word != "OK" {
            return Err(failed(stage, Failure::Protocol("no answer to CAPABILITY")));
        }
        self.capabilities.clone().ok_or_else(|| failed(stage, Failure::Protocol("no capabilities")))
    }

    /// SASL (RFC 9051, section 6.2.2), challenge by challenge. The first response goes with the command where the server has
    /// SASL-IR (RFC 4959).
    fn sign_in(&mut self, credential: &Credential) -> Result<(), ImapError> {
        let stage = Stage::Auth;
        let capabilities = self.capabilities(stage)?;
        let offered = || bounded(&capabilities.mechanisms().collect::<Vec<_>>().join(" "));
        let missing = || Failure::MechanismMissing { wanted: credential.wanted(), offered: offered() };
        if self.signed_in {
            return Ok(());
        }
        if credential.is_nothing() {
            return Err(failed(stage, missing()));
        }
        let binding = self.wire.stream().channel_binding();
        let begun = Exchange::begin(credential, capabilities.mechanisms(), binding);
        let mut exchange = begun.map_err(|why| match why {
            NotBegun::NotOffered => failed(stage, missing()),
            NotBegun::Fault(fault) => failed(stage, Failure::Sasl(fault)),
        })?;
        // What it can do may be more from here on.
        self.capabilities = None;
        let tag = self.next_tag();
        let command =
            exchange.command(&format!("{tag} AUTHENTICATE"), capabilities.has("SASL-IR").then_some(LINE_LIMIT));
        self.send(stage, &command)?;
        for _ in 0..LINES_LIMIT {
            let line = self.line(stage)?;
            if let Some(challenge) = line.strip_prefix('+') {
                self.send(stage, &exchange.answer(challenge.as_bytes()))?;
            } else if let Some(answer) = self.sort(stage, &tag, &line)? {
                let failure = match answer.word.as_str() {
                    "OK" => exchange.accepted().err().map(Failure::Sasl),
                    _ => Some(Failure::of_sign_in(exchange, &answer.rest)),
                };
                return failure.map_or(Ok(()), |failure| Err(failed(stage, failure)));
            }
        }
        Err(failed(stage, Failure::Protocol("an answer does not end")))
    }

    fn command(&mut self, stage: Stage, command: &str) -> Result<Tagged, ImapError> {
        let tag = self.next_tag();
        self.send(stage, &Secret::new(format!("{tag} {command}\r\n").into_bytes()))?;
        for _ in 0..LINES_LIMIT {
            let line = self.line(stage)?;
            if let Some(answer) = self.sort(stage, &tag, &line)? {
                return Ok(answer);
            }
        }
        Err(failed(stage, Failure::Protocol("an answer does not end")))
    }

    /// Takes what it needs out of an untagged line; gives the tagged one.
    fn sort(&mut self, stage: Stage, tag: &str, line: &str) -> Result<Option<Tagged>, ImapError> {
        if let Some(untagged) = after(line, "* ") {
            if let Some(words) = after(untagged, "CAPABILITY ") {
                self.capabilities = Some(Capabilities::of(words));
            } else if let Some(text) = after(untagged, "BYE") {
                return Err(failed(stage, Failure::Bye { text: bounded(text.trim()) }));
            }
            return Ok(None);
        }
        let answer = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' '));
        let answer = answer.ok_or_else(|| failed(stage, Failure::Protocol("a line is no answer")))?;
        let (word, rest) = answer.split_once(' ').unwrap_or((answer, ""));
        if let Some(capabilities) = in_code(rest) {
            self.capabilities = Some(capabilities);
        }
        Ok(Some(Tagged { word: word.to_ascii_uppercase(), rest: rest.to_owned() }))
    }

    fn send(&mut self, stage: Stage, line: &Secret<Vec<u8>>) -> Result<(), ImapError> {
        self.wire.send_secret(line).map_err(|link| failed(stage, link.into()))
    }

    fn next_tag(&mut self) -> String {
        self.tags += 1;
        format!("o{}", self.tags)
    }
}

fn failed(stage: Stage, failure: Failure) -> ImapError {
    ImapError { stage, failure }
}

/// What stands behind a beginning in any letter case.
fn after<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let (head, rest) = line.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

/// The capabilities in a response code: `[CAPABILITY IMAP4rev1 ...]`.
fn in_code(rest: &str) -> Option<Capabilities> {
    let code = after(rest.trim_start(), "[CAPABILITY ")?;
    code.split_once(']').map(|(words, _)| Capabilities::of(words))
}
