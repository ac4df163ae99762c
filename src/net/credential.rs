//! What a session shows to sign in: a SASL mechanism (RFC 4422) and its one response.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Secret;

/// A SASL mechanism and what it says. Good for one session: a one-time code may be in it.
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Plain { user: String, password: Secret<String> },
    External { authzid: Authzid },
}

/// The authorisation identity of SASL EXTERNAL (RFC 4422, appendix A). Servers disagree: Dovecot wants it empty, Exim wants the
/// address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authzid {
    /// The identity that the server finds in the certificate.
    #[default]
    Empty,
    /// This identity, which the certificate must be allowed to act for.
    Name(String),
}

/// A text that SASL PLAIN or EXTERNAL cannot carry (RFC 4616, section 2: no NUL, nothing empty).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} is empty or has a character that cannot be sent")]
pub struct CredentialError(&'static str);

impl Credential {
    /// User and password (RFC 4616). The password holds the one-time code already, where there is one.
    pub fn plain(user: &str, password: Secret<String>) -> Result<Credential, CredentialError> {
        if user.is_empty() || user.contains('\0') {
            return Err(CredentialError("user name"));
        }
        if password.expose().is_empty() || password.expose().contains('\0') {
            return Err(CredentialError("password"));
        }
        Ok(Credential(Kind::Plain { user: user.to_owned(), password }))
    }

    /// The certificate of the TLS handshake (RFC 4422, appendix A).
    pub fn external(authzid: Authzid) -> Result<Credential, CredentialError> {
        match &authzid {
            Authzid::Name(name) if name.is_empty() || name.contains('\0') => Err(CredentialError("identity")),
            _ => Ok(Credential(Kind::External { authzid })),
        }
    }

    /// The registered name of the mechanism.
    pub fn mechanism(&self) -> &'static str {
        match self.0 {
            Kind::Plain { .. } => "PLAIN",
            Kind::External { .. } => "EXTERNAL",
        }
    }

    /// Whether the response has no octets. It is then sent only when the server asks for it: some refuse `=`.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Kind::External { authzid: Authzid::Empty })
    }

    /// How many octets [`Credential::line`] will have: a server need not take a command of more than 512.
    pub fn line_length(&self, before: &str) -> usize {
        self.line(before).expose().len()
    }

    /// `before`, the response in base64, and CRLF: a whole line to send.
    pub fn line(&self, before: &str) -> Secret<Vec<u8>> {
        let response = Secret::new(match &self.0 {
            Kind::Plain { user, password } => [b"\0", user.as_bytes(), b"\0", password.expose().as_bytes()].concat(),
            Kind::External { authzid: Authzid::Empty } => Vec::new(),
            Kind::External { authzid: Authzid::Name(name) } => name.as_bytes().to_vec(),
        });
        let encoded = Secret::new(STANDARD.encode(response.expose()));
        Secret::new([before.as_bytes(), encoded.expose().as_bytes(), b"\r\n"].concat())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.mechanism())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_authorisation_identity_user_and_password() {
        let credential = Credential::plain("tim", Secret::new("tanstaaftanstaaf".to_owned())).unwrap();
        assert_eq!(credential.line("AUTH PLAIN ").expose(), b"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
        assert_eq!(format!("{credential:?}"), "Credential(PLAIN)");
    }

    #[test]
    fn an_empty_identity_is_an_empty_line() {
        let credential = Credential::external(Authzid::Empty).unwrap();
        assert!(credential.is_empty());
        assert_eq!(credential.line("").expose(), b"\r\n");
        let named = Credential::external(Authzid::Name("a@x.fr".to_owned())).unwrap();
        assert_eq!(named.line("").expose(), b"YUB4LmZy\r\n");
    }

    #[test]
    fn what_would_move_the_borders_of_the_response_is_refused() {
        assert!(Credential::plain("a\0b", Secret::new("x".to_owned())).is_err());
        assert!(Credential::plain("a", Secret::new("x\0y".to_owned())).is_err());
        assert!(Credential::plain("a", Secret::new(String::new())).is_err());
        assert!(Credential::external(Authzid::Name("a\0b".to_owned())).is_err());
    }
}
