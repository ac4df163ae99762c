//! AUTH (RFC 4954): PLAIN and LOGIN with password and one-time code, SCRAM, EXTERNAL with a certificate, access tokens.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::mail::Address;
use crate::sandbox::faults::Stage;
use crate::sandbox::scram::Scram;
use crate::sandbox::server::pause;
use crate::sandbox::signin::{FAILURE_DELAY, split_plain};
use crate::sandbox::submission::{Next, Session};
use crate::sandbox::tokens::{REFUSED, split_bearer};
use crate::sandbox::wire::Line;
use crate::secret::Secret;

/// RFC 4954, section 4.
const MAX_RESPONSE: usize = 12288;
const MAX_FAILURES: u32 = 5;

/// "One-time code:", after a password without one.
const CODE: &str = "T25lLXRpbWUgY29kZTo=";

/// A response that is not what the mechanism asks for; the text is the reply.
struct Broken(&'static str);

const CANCELLED: Broken = Broken("501 5.7.0 authentication cancelled");
const NOT_BASE64: Broken = Broken("501 5.5.2 not base64");

impl Session<'_> {
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<String>) -> io::Result<Next> {
        if self.user.is_some() || self.greeted.is_none() {
            return self.mistake("503 5.5.1 not now");
        }
        if let Some(next) = self.struck(Stage::Auth)? {
            return Ok(next);
        }
        let user = match mechanism {
            "PLAIN" => self.plain(initial)?,
            "LOGIN" => self.login(initial)?,
            "EXTERNAL" => self.external(initial)?,
            "SCRAM-SHA-256" => self.scram(initial, None)?,
            "SCRAM-SHA-256-PLUS" if self.wire.exporter().is_some() => self.scram(initial, self.wire.exporter())?,
            "XOAUTH2" | "OAUTHBEARER" => self.bearer(initial)?,
            _ => return self.mistake("504 5.5.4 the mechanism is unknown"),
        };
        match user {
            Ok(Some(user)) => {
                self.user = Some(user);
                self.answer("235 2.7.0 signed in")
            }
            Ok(None) => {
                pause(self.stop, FAILURE_DELAY)?;
                self.failures += 1;
                if self.failures >= MAX_FAILURES {
                    self.answer("421 4.7.0 too many failed sign-ins")?;
                    return Ok(Next::Leave);
                }
                self.answer("535 5.7.8 sign-in failed")
            }
            Err(Broken(reply)) => self.mistake(reply),
        }
    }

    fn plain(&mut self, initial: Option<String>) -> io::Result<Result<Option<Address>, Broken>> {
        let message = match self.response(initial, "")? {
            Ok(message) => message,
            Err(broken) => return Ok(Err(broken)),
        };
        let Some((authzid, user, password)) = split_plain(message.expose()) else {
            return Ok(Err(Broken("501 5.5.2 not a PLAIN message")));
        };
        let mut found = self.check(user, &password);
        if found.is_none() && self.service.accounts.lacks_code(user, &password) {
            let code = match self.response(None, CODE)? {
                Ok(code) => code,
                Err(broken) => return Ok(Err(broken)),
            };
            found = self.check(user, &Secret::new([password.expose().as_slice(), code.expose()].concat()));
        }
        Ok(Ok(found.filter(|address| authzid.is_empty() || authzid.parse() == Ok(address.clone()))))
    }

    fn scram(
        &mut self,
        initial: Option<String>,
        exporter: Option<[u8; 32]>,
    ) -> io::Result<Result<Option<Address>, Broken>> {
        let first = match self.response(initial, "")? {
            Ok(first) => first,
            Err(broken) => return Ok(Err(broken)),
        };
        let Some(scram) = Scram::begin(first.expose(), exporter) else { return Ok(Ok(None)) };
        let last = match self.response(None, &BASE64_STANDARD.encode(scram.challenge()))? {
            Ok(last) => last,
            Err(broken) => return Ok(Err(broken)),
        };
        let known = self.service.accounts.password_of(&scram.user);
        let proven = known.and_then(|(user, password)| Some((user.clone(), scram.end(last.expose(), password)?)));
        let Some((user, proof)) = proven else { return Ok(Ok(None)) };
        Ok(self.response(None, &BASE64_STANDARD.encode(proof))?.map(|_| Some(user)))
    }

    fn bearer(&mut self, initial: Option<String>) -> io::Result<Result<Option<Address>, Broken>> {
        let message = match self.response(initial, "")? {
            Ok(message) => message,
            Err(broken) => return Ok(Err(broken)),
        };
        let expired = self.service.faults.expires_tokens(Stage::Auth);
        let shown = split_bearer(message.expose());
        let found = shown.and_then(|(user, token)| self.service.accounts.with_token(user, token, expired)).cloned();
        if found.is_some() {
            return Ok(Ok(found));
        }
        // The client has nothing to say to it.
        Ok(self.response(None, &BASE64_STANDARD.encode(REFUSED))?.map(|_| None))
    }

    fn login(&mut self, initial: Option<String>) -> io::Result<Result<Option<Address>, Broken>> {
        let user = match self.response(initial, "VXNlcm5hbWU6")? {
            Ok(user) => user,
            Err(broken) => return Ok(Err(broken)),
        };
        let password = match self.response(None, "UGFzc3dvcmQ6")? {
            Ok(password) => password,
            Err(broken) => return Ok(Err(broken)),
        };
        Ok(Ok(std::str::from_utf8(user.expose()).ok().and_then(|user| self.check(user, &password))))
    }

    fn external(&mut self, initial: Option<String>) -> io::Result<Result<Option<Address>, Broken>> {
        let authzid = match self.response(initial, "")? {
            Ok(authzid) => authzid,
            Err(broken) => return Ok(Err(broken)),
        };
        let authzid = String::from_utf8_lossy(authzid.expose());
        Ok(Ok(self.service.accounts.with_certificate(self.wire.client_certificate(), &authzid).cloned()))
    }

    fn check(&self, user: &str, password: &Secret<Vec<u8>>) -> Option<Address> {
        let once = self.service.faults.refuses_replay(Stage::Auth);
        self.service.accounts.with_password(user, password, once).cloned()
    }

    /// The client's response: given with the command, `=` for an empty one, or asked for by a challenge.
    fn response(&mut self, initial: Option<String>, challenge: &str) -> io::Result<Result<Secret<Vec<u8>>, Broken>> {
        let line = match initial {
            Some(text) if text == "=" => return Ok(Ok(Secret::default())),
            Some(text) => text.into_bytes(),
            None => {
                self.answer(&format!("334 {challenge}"))?;
                match self.wire.read_line(MAX_RESPONSE)? {
                    Line::Whole(line) => line,
                    Line::TooLong => return Ok(Err(Broken("500 5.5.6 the line is too long"))),
                    Line::End => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        };
        if line == b"*" {
            return Ok(Err(CANCELLED));
        }
        Ok(BASE64_STANDARD.decode(&line).map(Secret::new).map_err(|_| NOT_BASE64))
    }
}
