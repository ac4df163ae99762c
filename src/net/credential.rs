//! What a session shows to sign in, and the SASL mechanisms (RFC 4422) it may be shown by, the strongest first.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::sasl::Mechanism;
use crate::secret::Secret;

/// What a session shows. Good for one session: a one-time code may be in it.
#[derive(Clone)]
pub struct Credential(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Password { user: String, password: Secret<String>, by: PasswordBy, code: Option<Secret<String>> },
    External { authzid: Authzid, optional: bool },
    Bearer { user: String, token: Secret<String> },
    Nothing,
}

/// By which mechanisms a password may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordBy {
    /// The strongest that the server offers: SCRAM with channel binding, SCRAM, PLAIN.
    #[default]
    Strongest,
    /// SCRAM-SHA-256 (RFC 7677) only, with channel binding where the server offers it: the password never leaves.
    Scram,
    /// PLAIN (RFC 4616) only.
    Plain,
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

/// A text that no mechanism can carry (RFC 4616, section 2: no NUL, nothing empty; RFC 6750, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} is empty or has a character that cannot be sent")]
pub struct CredentialError(&'static str);

impl Credential {
    /// User and password, by one of these mechanisms.
    pub fn password(user: &str, password: Secret<String>, by: PasswordBy) -> Result<Credential, CredentialError> {
        check("user name", user)?;
        check("password", password.expose())?;
        Ok(Credential(Kind::Password { user: user.to_owned(), password, by, code: None }))
    }

    /// User and password by PLAIN (RFC 4616). The password holds the one-time code already, where there is one.
    pub fn plain(user: &str, password: Secret<String>) -> Result<Credential, CredentialError> {
        Credential::password(user, password, PasswordBy::Plain)
    }

    /// User and password by PLAIN or LOGIN, and the one-time code as the answer to one more challenge of the server.
    pub fn password_then_code(
        user: &str,
        password: Secret<String>,
        code: Secret<String>,
    ) -> Result<Credential, CredentialError> {
        check("one-time code", code.expose())?;
        match Credential::plain(user, password)?.0 {
            Kind::Password { user, password, by, .. } => {
                Ok(Credential(Kind::Password { user, password, by, code: Some(code) }))
            }
            other => Ok(Credential(other)),
        }
    }

    /// The certificate of the TLS handshake (RFC 4422, appendix A).
    pub fn external(authzid: Authzid) -> Result<Credential, CredentialError> {
        if let Authzid::Name(name) = &authzid {
            check("identity", name)?;
        }
        Ok(Credential(Kind::External { authzid, optional: false }))
    }

    /// The same where the server offers it. Postfix does not: it takes the certificate for all that it needs, or refuses later.
    pub fn external_where_offered(authzid: Authzid) -> Result<Credential, CredentialError> {
        match Credential::external(authzid)?.0 {
            Kind::External { authzid, .. } => Ok(Credential(Kind::External { authzid, optional: true })),
            other => Ok(Credential(other)),
        }
    }

    /// An access token (RFC 6750), by XOAUTH2 or OAUTHBEARER (RFC 7628).
    pub fn bearer(user: &str, token: Secret<String>) -> Result<Credential, CredentialError> {
        check("user name", user)?;
        if user.contains('\u{1}') {
            return Err(CredentialError("user name"));
        }
        // RFC 6750, section 2.1: b64token.
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet);
        if token.expose().is_empty() || !token.expose().bytes().all(allowed) {
            return Err(CredentialError("access token"));
        }
        Ok(Credential(Kind::Bearer { user: user.to_owned(), token }))
    }

    /// Nothing but the certificate of the TLS handshake: the server needs no more.
    pub fn nothing() -> Credential {
        Credential(Kind::Nothing)
    }

    /// Whether nothing is to be said to sign in.
    pub fn is_nothing(&self) -> bool {
        matches!(self.0, Kind::Nothing)
    }

    /// Whether the certificate of the handshake may be all, where the server does not offer to sign in by it.
    pub fn may_be_silent(&self) -> bool {
        matches!(self.0, Kind::Nothing | Kind::External { optional: true, .. })
    }

    /// Whether it is this access token.
    pub fn is_token(&self, other: &Secret<String>) -> bool {
        matches!(&self.0, Kind::Bearer { token, .. } if token.expose() == other.expose())
    }

    /// The mechanisms it may be shown by, in words, for whoever reads what a server does not offer.
    pub fn wanted(&self) -> &'static str {
        match &self.0 {
            Kind::Password { code: Some(_), .. } => "PLAIN or LOGIN",
            Kind::Password { by: PasswordBy::Strongest, .. } => "SCRAM-SHA-256 or PLAIN",
            Kind::Password { by: PasswordBy::Scram, .. } => "SCRAM-SHA-256",
            Kind::Password { by: PasswordBy::Plain, .. } => "PLAIN",
            Kind::External { .. } => "EXTERNAL",
            Kind::Bearer { .. } => "XOAUTH2 or OAUTHBEARER",
            Kind::Nothing => "the certificate alone",
        }
    }

    /// The same, the strongest first. XOAUTH2 is before OAUTHBEARER, which says no more and which fewer servers know.
    pub(super) fn mechanisms(&self) -> &'static [Mechanism] {
        match &self.0 {
            Kind::Password { code: Some(_), .. } => &[Mechanism::Plain, Mechanism::Login],
            Kind::Password { by: PasswordBy::Strongest, .. } => {
                &[Mechanism::ScramPlus, Mechanism::Scram, Mechanism::Plain]
            }
            Kind::Password { by: PasswordBy::Scram, .. } => &[Mechanism::ScramPlus, Mechanism::Scram],
            Kind::Password { by: PasswordBy::Plain, .. } => &[Mechanism::Plain],
            Kind::External { .. } => &[Mechanism::External],
            Kind::Bearer { .. } => &[Mechanism::XOAuth2, Mechanism::OAuthBearer],
            Kind::Nothing => &[],
        }
    }

    /// The value of the header `Authorization`: Basic (RFC 7617) or Bearer (RFC 6750). A certificate has none, and neither has
    /// what is to be shown by SCRAM only.
    pub fn authorization(&self) -> Option<Secret<String>> {
        match &self.0 {
            Kind::Password { by: PasswordBy::Scram, .. } | Kind::External { .. } | Kind::Nothing => None,
            Kind::Password { user, .. } if user.contains(':') => None,
            Kind::Password { user, password, .. } => {
                let pair = Secret::new(format!("{user}:{}", password.expose()));
                let encoded = Secret::new(STANDARD.encode(pair.expose()));
                Some(Secret::new(format!("Basic {}", encoded.expose())))
            }
            Kind::Bearer { token, .. } => Some(Secret::new(format!("Bearer {}", token.expose()))),
        }
    }
}

fn check(what: &'static str, text: &str) -> Result<(), CredentialError> {
    if text.is_empty() || text.contains('\0') { Err(CredentialError(what)) } else { Ok(()) }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.wanted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn what_would_move_the_borders_of_the_response_is_refused() {
        assert!(Credential::plain("a\0b", secret("x")).is_err());
        assert!(Credential::plain("a", secret("x\0y")).is_err());
        assert!(Credential::plain("a", secret("")).is_err());
        assert!(Credential::external(Authzid::Name("a\0b".to_owned())).is_err());
        assert!(Credential::bearer("a\u{1}b", secret("x")).is_err());
        for bad in ["", "a b", "a\u{1}b", "a\r\nb", "é"] {
            assert!(Credential::bearer("a", secret(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let credential = Credential::bearer("a@x.fr", secret("ya29.secret")).unwrap();
        assert_eq!(format!("{credential:?}"), "Credential(XOAUTH2 or OAUTHBEARER)");
    }

    #[test]
    fn a_header_carries_a_password_or_a_token_and_nothing_else() {
        let header = |credential: Credential| credential.authorization().map(|it| it.expose().clone());
        let basic = Credential::plain("Aladdin", secret("open sesame")).unwrap();
        assert_eq!(header(basic).as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(header(Credential::bearer("a", secret("mF_9")).unwrap()).as_deref(), Some("Bearer mF_9"));
        assert_eq!(header(Credential::password("a", secret("b"), PasswordBy::Scram).unwrap()), None);
        assert_eq!(header(Credential::plain("a:b", secret("c")).unwrap()), None, "the colon would move");
        assert_eq!(header(Credential::external(Authzid::Empty).unwrap()), None);
    }
}
