//! LOGIN and AUTHENTICATE (RFC 9051, sections 6.2.2 and 6.2.3): password with one-time code, or client certificate.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::mail::Address;
use crate::sandbox::faults::Stage;
use crate::sandbox::mailbox::{Done, Outcome, Session, Trouble};
use crate::sandbox::scram::Scram;
use crate::sandbox::server::pause;
use crate::sandbox::signin::{FAILURE_DELAY, split_plain};
use crate::sandbox::tokens::{REFUSED, split_bearer};
use crate::sandbox::wire::Line;
use crate::secret::Secret;

const MAX_RESPONSE: usize = 12288;
const MAX_FAILURES: u32 = 5;

/// "One-time code:", after a password without one.
const CODE: &str = "T25lLXRpbWUgY29kZTo=";

/// Who signed in, if the password, proof or token was good; or how the command ends otherwise.
type Signed = Result<Result<Option<Address>, Done>, Trouble>;

impl Session<'_> {
    pub(super) fn login(&mut self, user: &str, password: &Secret<String>) -> Outcome {
        if let Some(done) = self.unfit_for_sign_in()? {
            return Ok(done);
        }
        let password = Secret::new(password.expose().as_bytes().to_vec());
        let user = self.check(user, &password);
        self.signed_in(user)
    }

    pub(super) fn authenticate(&mut self, mechanism: &str, initial: Option<String>) -> Outcome {
        if let Some(done) = self.unfit_for_sign_in()? {
            return Ok(done);
        }
        let user = match mechanism {
            "PLAIN" => self.plain(initial)?,
            "SCRAM-SHA-256" => self.scram(initial, None)?,
            "SCRAM-SHA-256-PLUS" if self.wire.exporter().is_some() => self.scram(initial, self.wire.exporter())?,
            "XOAUTH2" | "OAUTHBEARER" => self.bearer(initial)?,
            "LOGIN" => match self.response(initial, "VXNlcm5hbWU6")? {
                Ok(user) => self.response(None, "UGFzc3dvcmQ6")?.map(|password| {
                    let user = std::str::from_utf8(user.expose()).ok()?;
                    self.check(user, &password)
                }),
                Err(done) => Err(done),
            },
            "EXTERNAL" => self.response(initial, "")?.map(|authzid| {
                let authzid = String::from_utf8_lossy(authzid.expose());
                self.service.accounts.with_certificate(self.wire.client_certificate(), &authzid).cloned()
            }),
            _ => return Ok(Done::No("[CANNOT] the mechanism is unknown".to_owned())),
        };
        match user {
            Ok(user) => self.signed_in(user),
            Err(done) => Ok(done),
        }
    }

    fn plain(&mut self, initial: Option<String>) -> Signed {
        let message = match self.response(initial, "")? {
            Ok(message) => message,
            Err(done) => return Ok(Err(done)),
        };
        let Some((authzid, user, password)) = split_plain(message.expose()) else { return Ok(Ok(None)) };
        let mut found = self.check(user, &password);
        if found.is_none() && self.service.accounts.lacks_code(user, &password) {
            let code = match self.response(None, CODE)? {
                Ok(code) => code,
                Err(done) => return Ok(Err(done)),
            };
            found = self.check(user, &Secret::new([password.expose().as_slice(), code.expose()].concat()));
        }
        Ok(Ok(found.filter(|address| authzid.is_empty() || authzid.parse() == Ok(address.clone()))))
    }

    fn scram(&mut self, initial: Option<String>, exporter: Option<[u8; 32]>) -> Signed {
        let first = match self.response(initial, "")? {
            Ok(first) => first,
            Err(done) => return Ok(Err(done)),
        };
        let Some(scram) = Scram::begin(first.expose(), exporter) else { return Ok(Ok(None)) };
        let last = match self.response(None, &BASE64_STANDARD.encode(scram.challenge()))? {
            Ok(last) => last,
            Err(done) => return Ok(Err(done)),
        };
        let known = self.service.accounts.password_of(&scram.user);
        let proven = known.and_then(|(user, password)| Some((user.clone(), scram.end(last.expose(), password)?)));
        let Some((user, proof)) = proven else { return Ok(Ok(None)) };
        Ok(self.response(None, &BASE64_STANDARD.encode(proof))?.map(|_| Some(user)))
    }

    fn bearer(&mut self, initial: Option<String>) -> Signed {
        let message = match self.response(initial, "")? {
            Ok(message) => message,
            Err(done) => return Ok(Err(done)),
        };
        let expired = self.service.faults.expires_tokens(Stage::MailboxAuth);
        let shown = split_bearer(message.expose());
        let found = shown.and_then(|(user, token)| self.service.accounts.with_token(user, token, expired)).cloned();
        if found.is_some() {
            return Ok(Ok(found));
        }
        // The client has nothing to say to it.
        Ok(self.response(None, &BASE64_STANDARD.encode(REFUSED))?.map(|_| None))
    }

    fn unfit_for_sign_in(&mut self) -> Result<Option<Done>, Trouble> {
        if self.user.is_some() {
            return Ok(Some(Done::Bad("signed in already")));
        }
        if !self.wire.is_tls() {
            return Ok(Some(Done::No("[PRIVACYREQUIRED] STARTTLS first".to_owned())));
        }
        Ok(self.struck(Stage::MailboxAuth)?)
    }

    fn check(&self, user: &str, password: &Secret<Vec<u8>>) -> Option<Address> {
        let once = self.service.faults.refuses_replay(Stage::MailboxAuth);
        self.service.accounts.with_password(user, password, once).cloned()
    }

    fn signed_in(&mut self, user: Option<Address>) -> Outcome {
        let Some(user) = user else {
            pause(self.stop, FAILURE_DELAY)?;
            self.failures += 1;
            if self.failures >= MAX_FAILURES {
                self.untagged("BYE too many failed sign-ins")?;
                return Ok(Done::Gone);
            }
            return Ok(Done::No("[AUTHENTICATIONFAILED] sign-in failed".to_owned()));
        };
        self.user = Some(user);
        Ok(Done::Ok(format!("[CAPABILITY {}] signed in", self.capabilities())))
    }

    /// The client's response: given with the command, `=` for an empty one, or asked for.
    fn response(&mut self, initial: Option<String>, challenge: &str) -> Result<Result<Secret<Vec<u8>>, Done>, Trouble> {
        let line = match initial {
            Some(text) if text == "=" => return Ok(Ok(Secret::default())),
            Some(text) => text.into_bytes(),
            None => {
                self.wire.write_all(format!("+ {challenge}\r\n").as_bytes())?;
                match self.wire.read_line(MAX_RESPONSE)? {
                    Line::Whole(line) => line,
                    Line::TooLong => return Ok(Err(Done::Bad("the line is too long"))),
                    Line::End => return Ok(Err(Done::Gone)),
                }
            }
        };
        if line == b"*" {
            return Ok(Err(Done::Bad("cancelled")));
        }
        Ok(BASE64_STANDARD.decode(&line).map(Secret::new).map_err(|_| Done::Bad("not base64")))
    }
}
