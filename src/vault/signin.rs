//! The settings of sign-in as values: by what a session proves who it is, and where access tokens come from.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::written::{as_text, optional_secret};
use crate::secret::Secret;

/// How a session proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Password and one-time code (RFC 6238) by SASL PLAIN (RFC 4616).
    PasswordTotp,
    /// Password by SCRAM-SHA-256 (RFC 7677) or PLAIN.
    Password,
    /// TLS client certificate.
    Certificate,
    /// Access token (RFC 6750) by XOAUTH2 or OAUTHBEARER (RFC 7628).
    Token,
}

impl Method {
    /// The word for it in the settings and in the trace.
    pub fn word(self) -> &'static str {
        match self {
            Method::PasswordTotp => "password-totp",
            Method::Password => "password",
            Method::Certificate => "certificate",
            Method::Token => "token",
        }
    }
}

/// Which SASL mechanism (RFC 4422) is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sasl {
    /// What the method says: the strongest that the server offers; EXTERNAL for a certificate.
    #[default]
    Auto,
    /// SCRAM-SHA-256, with channel binding where it is offered.
    Scram,
    /// PLAIN.
    Plain,
    /// EXTERNAL.
    External,
    /// None: the certificate of the handshake is all.
    None,
}

impl Sasl {
    /// The word for it in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Sasl::Auto => "auto",
            Sasl::Scram => "scram",
            Sasl::Plain => "plain",
            Sasl::External => "external",
            Sasl::None => "none",
        }
    }
}

/// Where the one-time code stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// After the password.
    #[default]
    Appended,
    /// Before the password.
    Prefixed,
    /// In an answer of its own.
    SecondPrompt,
}

/// What EXTERNAL says about whom to act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuthorizationIdentity {
    /// Nothing: the server derives it from the certificate.
    #[default]
    Empty,
    /// The mailbox address.
    Address,
    /// This text.
    Text(String),
}

impl FromStr for AuthorizationIdentity {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<AuthorizationIdentity, Infallible> {
        Ok(match text {
            "empty" => AuthorizationIdentity::Empty,
            "address" => AuthorizationIdentity::Address,
            _ => AuthorizationIdentity::Text(text.to_owned()),
        })
    }
}

impl fmt::Display for AuthorizationIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AuthorizationIdentity::Empty => "empty",
            AuthorizationIdentity::Address => "address",
            AuthorizationIdentity::Text(text) => text,
        })
    }
}

/// How a person consents that an access token is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentFlow {
    /// A short code is typed on a page (RFC 8628).
    #[default]
    Device,
    /// The provider asks on the telephone of the person.
    Ciba,
}

/// Sign-in, the same for both servers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignIn {
    pub method: Method,
    #[serde(default)]
    pub sasl: Sasl,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret<String>>,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub totp_seed: Option<Secret<String>>,
    #[serde(default)]
    pub placement: Placement,
    #[serde(default, with = "as_text")]
    pub authzid: AuthorizationIdentity,
    /// PEM chain for TLS, where it is not that of `keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// PEM key of that certificate.
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret<String>>,
    /// PKCS#11 URI (RFC 7512) of the key, where a token has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub pin: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_command: Option<String>,
    #[serde(default)]
    pub flow: ConsentFlow,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery_url: Option<String>,
    /// Where the flow begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    #[serde(default)]
    pub keep_refresh_token: bool,
}

impl SignIn {
    /// By this method, with nothing said about it.
    pub fn by(method: Method) -> SignIn {
        SignIn {
            method,
            sasl: Sasl::default(),
            user: None,
            password: None,
            totp_seed: None,
            placement: Placement::default(),
            authzid: AuthorizationIdentity::default(),
            certificate: None,
            key: None,
            token: None,
            pin: None,
            pin_command: None,
            token_command: None,
            flow: ConsentFlow::default(),
            issuer: None,
            discovery_url: None,
            start_endpoint: None,
            token_endpoint: None,
            revocation_endpoint: None,
            client_id: None,
            client_secret: None,
            scope: None,
            acr_values: None,
            login_hint: None,
            keep_refresh_token: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_one_of_two_words_or_a_text_of_its_own() {
        for text in ["empty", "address", "CN=labo"] {
            assert_eq!(text.parse::<AuthorizationIdentity>().unwrap().to_string(), text);
        }
        assert_eq!("labo".parse(), Ok(AuthorizationIdentity::Text("labo".to_owned())));
    }
}
