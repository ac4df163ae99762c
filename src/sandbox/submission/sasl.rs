//! AUTH (RFC 4954): PLAIN and LOGIN with the password and the one-time code behind it, EXTERNAL with a certificate.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::mail::Address;
use crate::sandbox::faults::Stage;
use crate::sandbox::server::pause;
use crate::sandbox::signin::{FAILURE_DELAY, split_plain};
use crate::sandbox::submission::{Next, Session};
use crate::sandbox::wire::Line;
use crate::secret::Secret;

/// RFC 4954, section 4.
const MAX_RESPONSE: usize = 12288;
const MAX_FAILURES: u32 = 5;

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
        Ok(Ok(self
            .check(user, &password)
            .filter(|address| authzid.is_empty() || authzid.parse() == Ok(address.clone()))))
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
