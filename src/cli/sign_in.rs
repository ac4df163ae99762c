//! The words of `mss init` that say how to sign in.

use std::path::PathBuf;

use clap::ValueEnum;

use super::diagnosis::Diagnosis;
use super::session::Session;
use super::unlock;
use crate::mail::Address;
use crate::vault::{ConsentFlow, Method, Sasl, SignIn};

/// How to sign in to both servers.
#[derive(Debug, clap::Args)]
pub struct SignInWords {
    /// How to sign in to both servers
    #[arg(long, value_name = "HOW", default_value = "password")]
    pub sign_in: SignInBy,
    /// The user to sign in as, if it is not the address
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password from the first line of this file (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Read the seed of the one-time codes (base32) from this file (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub totp_seed_file: Option<PathBuf>,
    /// The mechanism, where it is not to be the strongest that the server offers
    #[arg(long, value_name = "HOW")]
    pub sasl: Option<SaslBy>,
    /// Keep this command, whose first line of output is an access token
    #[arg(long, value_name = "COMMAND", conflicts_with = "issuer")]
    pub token_command: Option<String>,
    /// The provider of access tokens, as it calls itself
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub issuer: Option<String>,
    /// The name the provider knows this program by
    #[arg(long, value_name = "ID", requires = "issuer")]
    pub client_id: Option<String>,
    /// Read the secret that goes with it from this file (mode 0600)
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub client_secret_file: Option<PathBuf>,
    /// What to ask the provider for
    #[arg(long, value_name = "WORDS", requires = "client_id")]
    pub scope: Option<String>,
    /// Consent on the telephone of the person with this national identifier (CIBA) instead of on a page
    #[arg(long, value_name = "ID", requires = "client_id")]
    pub login_hint: Option<String>,
    /// Keep the refresh token between runs, sealed
    #[arg(long, requires = "client_id")]
    pub keep_refresh_token: bool,
}

/// How to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignInBy {
    /// With a password, and one-time codes if there is a seed (SASL SCRAM-SHA-256 or PLAIN)
    Password,
    /// With the certificate (TLS, SASL EXTERNAL)
    Certificate,
    /// With an access token (SASL XOAUTH2 or OAUTHBEARER)
    Token,
}

/// A mechanism, by its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SaslBy {
    /// SCRAM-SHA-256 only
    Scram,
    /// PLAIN only
    Plain,
    /// EXTERNAL only
    External,
    /// None: the certificate is all
    None,
}

impl SignInWords {
    /// The settings that were said; a password that no word gives is asked for.
    pub(super) fn read(&self, session: &Session<'_>, address: &Address) -> Result<SignIn, Diagnosis> {
        let password = match (&self.password_file, self.sign_in) {
            (Some(path), _) => Some(unlock::read_file(path)?),
            (None, SignInBy::Password) => {
                Some(session.prompt.secret(&format!("password of {address}"), "--password-file FILE")?)
            }
            (None, SignInBy::Certificate | SignInBy::Token) => None,
        };
        let totp_seed = self.totp_seed_file.as_deref().map(unlock::read_file).transpose()?;
        let method = match (self.sign_in, &totp_seed) {
            (SignInBy::Certificate, _) => Method::Certificate,
            (SignInBy::Token, _) => Method::Token,
            (SignInBy::Password, Some(_)) => Method::PasswordTotp,
            (SignInBy::Password, None) => Method::Password,
        };
        let flow = if self.login_hint.is_some() { ConsentFlow::Ciba } else { ConsentFlow::Device };
        Ok(SignIn {
            sasl: match self.sasl {
                None => Sasl::Auto,
                Some(SaslBy::Scram) => Sasl::Scram,
                Some(SaslBy::Plain) => Sasl::Plain,
                Some(SaslBy::External) => Sasl::External,
                Some(SaslBy::None) => Sasl::None,
            },
            user: self.user.clone(),
            password,
            totp_seed,
            token_command: self.token_command.clone(),
            flow,
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret_file.as_deref().map(unlock::read_file).transpose()?,
            scope: self.scope.clone(),
            login_hint: self.login_hint.clone(),
            keep_refresh_token: self.keep_refresh_token,
            ..SignIn::by(method)
        })
    }
}
