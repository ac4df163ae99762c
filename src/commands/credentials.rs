//! What an account signs in with: made for each session, renewed once where a server refuses it, and explained where it fails.

use std::cell::RefMut;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::account::Account;
use super::connections;
use super::error::Error;
use super::keys::signin_identity_of;
use super::world::World;
use crate::imap::{self, ImapError};
use crate::net::{Authzid, Credential, HttpClient, LinkError, PasswordBy, Security};
use crate::signin::{self, Client, Flow, Means, Provider, ShownCodes, Source, Tokens};
use crate::smtp::{self, SmtpError};
use crate::vault::{self, ConsentFlow, Profile, Sasl};

/// How often a wait looks whether the user asked to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// A clock that is off by less gives codes that are taken (RFC 6238, section 5.2).
const SKEW: i64 = 30;

/// Most octets of an answer of which only the date is read.
const LIMIT: u64 = 1 << 20;

/// How the profile signs in.
fn method(name: &str, profile: &Profile, world: &World<'_>) -> Result<signin::Method, Error> {
    let it = &profile.signin;
    let user = it.user.clone().unwrap_or_else(|| profile.address.to_string());
    let password = it.password.clone();
    Ok(match (it.method, it.sasl) {
        (vault::Method::Password, Sasl::Auto) => signin::Method::Password { user, password, by: PasswordBy::Strongest },
        (vault::Method::Password, Sasl::Scram) => signin::Method::Password { user, password, by: PasswordBy::Scram },
        (vault::Method::Password | vault::Method::Certificate, Sasl::Plain) => {
            signin::Method::Password { user, password, by: PasswordBy::Plain }
        }
        (vault::Method::PasswordTotp, Sasl::Auto | Sasl::Plain) => signin::Method::PasswordTotp {
            user,
            password,
            seed: it.totp_seed.clone(),
            shown: ShownCodes::default(),
            placement: match it.placement {
                vault::Placement::Appended => signin::Placement::Appended,
                vault::Placement::Prefixed => signin::Placement::Prefixed,
                vault::Placement::SecondPrompt => signin::Placement::SecondPrompt,
            },
        },
        (vault::Method::Certificate, Sasl::Auto | Sasl::External) => signin::Method::Certificate {
            optional: it.sasl == Sasl::Auto,
            authzid: match &it.authzid {
                vault::AuthorizationIdentity::Empty => Authzid::Empty,
                vault::AuthorizationIdentity::Address => Authzid::Name(profile.address.to_string()),
                vault::AuthorizationIdentity::Text(text) => Authzid::Name(text.clone()),
            },
        },
        (vault::Method::Certificate, Sasl::None) => signin::Method::CertificateAlone,
        (vault::Method::Token, Sasl::Auto) => signin::Method::Token(Tokens::new(user, source(name, profile, world)?)),
        (method, sasl) => return Err(Error::SaslSetting { method: method.word(), sasl: sasl.word() }),
    })
}

/// Where access tokens come from: what was handed over wins over a command, a command over a provider.
fn source(name: &str, profile: &Profile, world: &World<'_>) -> Result<Source, Error> {
    let it = &profile.signin;
    if let Some(token) = world.token {
        return Ok(Source::Given(token.clone()));
    }
    if let Some(command) = &it.token_command {
        return Ok(Source::Command(command.clone()));
    }
    let Some(id) = it.client_id.clone() else { return Err(Error::NoTokenSource) };
    let client = Client {
        flow: match it.flow {
            ConsentFlow::Device => Flow::Device,
            ConsentFlow::Ciba => Flow::Ciba,
        },
        issuer: it.issuer.clone(),
        discovery: it.discovery_url.clone(),
        start: it.start_endpoint.clone(),
        token: it.token_endpoint.clone(),
        revocation: it.revocation_endpoint.clone(),
        id,
        secret: it.client_secret.clone(),
        scope: it.scope.clone(),
        acr_values: it.acr_values.clone(),
        login_hint: it.login_hint.clone(),
    };
    let path = world.places.state.join(name).join("refresh-token");
    let provider = Provider::new(client, path, &profile.storage.sealing_key(), it.keep_refresh_token);
    Ok(Source::Provider(Box::new(provider)))
}

impl Account<'_> {
    /// How it signs in.
    pub(super) fn method(&self) -> Result<RefMut<'_, signin::Method>, Error> {
        let mut kept = self.method.borrow_mut();
        if kept.is_none() {
            *kept = Some(method(self.name, self.profile, &self.world)?);
        }
        RefMut::filter_map(kept, Option::as_mut).map_err(|_| Error::NoTokenSource)
    }

    /// What a session shows to sign in, made for one session: a one-time code may be in it.
    pub(super) fn credential(&self) -> Result<Credential, Error> {
        let mut method = self.method()?;
        let is_token = matches!(&*method, signin::Method::Token(_));
        if self.world.token.is_some() && !is_token {
            return Err(Error::TokenNotWanted { method: self.profile.signin.method.word() });
        }
        let http = match &*method {
            signin::Method::Token(tokens) if tokens.needs_provider(self.world.clock) => Some(self.provider_http()?),
            _ => None,
        };
        let announce = |text: &str| {
            if self.starts.get() {
                self.world.warn(text);
                return Ok(());
            }
            self.world.prompt.announce(text, "signin.token-command, or run mss signin start before")
        };
        let wait = |time| self.sleeps(time);
        let means = Means {
            clock: self.world.clock,
            prompt: self.world.prompt,
            output_of: self.world.output_of,
            http: http.as_ref(),
            announce: &announce,
            wait: &wait,
        };
        Ok(signin::credential(&mut method, means)?)
    }

    /// What else may be shown where a server has just refused this: a new access token, or the next code where the last one had
    /// been shown before. Nothing, where the same would be shown again.
    pub(super) fn credential_after(&self, refused: &Credential) -> Result<Option<Credential>, Error> {
        let pause = match &mut *self.method()? {
            signin::Method::Token(tokens) if tokens.can_renew() => {
                tokens.renew(refused)?;
                Duration::ZERO
            }
            signin::Method::PasswordTotp { shown, .. } => match shown.until_next(self.world.clock) {
                Some(pause) => pause,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        if !pause.is_zero() {
            self.world.step("the code was shown before: waiting for the next one");
        }
        if self.sleeps(pause) { self.credential().map(Some) } else { Err(Error::Interrupted) }
    }

    /// Opens a session; where it is refused and there is something else to show, once more, and then it is an error.
    pub(super) fn signed_in<T>(&self, open: impl Fn(&Credential) -> Result<T, Error>) -> Result<T, Error> {
        let credential = self.credential()?;
        let opened = match open(&credential) {
            Err(error) if is_refused(&error) => match self.credential_after(&credential)? {
                Some(other) => open(&other),
                None => Err(error),
            },
            opened => opened,
        };
        opened.map_err(|error| self.explained(error))
    }

    /// The way to the provider of tokens. The certificate of the sign-in, where there is one, is shown to it and to no other.
    pub(super) fn provider_http(&self) -> Result<HttpClient, Error> {
        if let Some(provider) = self.provider.get() {
            return Ok(HttpClient::new(provider.clone()));
        }
        match signin_identity_of(self.name, &self.profile.signin, &self.world)? {
            None => self.http(),
            Some(identity) => {
                let provider = connections::dialer(self, Some(&identity))?;
                Ok(HttpClient::new(self.provider.get_or_init(|| provider).clone()))
            }
        }
    }

    /// Waits; false where the user asked to stop.
    fn sleeps(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.is_interrupted() {
                return false;
            }
            std::thread::sleep(GLANCE.min(end.saturating_duration_since(Instant::now())));
        }
        true
    }

    /// A failure of a sign-in with what else is known: a server dislikes a certificate in several places, and a code is refused
    /// where the clocks differ.
    pub(super) fn explained(&self, error: Error) -> Error {
        match self.profile.signin.method {
            vault::Method::Certificate if self.dislikes_certificate(&error) => {
                Error::OwnCertificateRefused { source: Box::new(error) }
            }
            vault::Method::PasswordTotp if is_refused(&error) => match self.skew() {
                Some(seconds) if seconds.abs() >= SKEW => Error::CodeRefused { seconds, source: Box::new(error) },
                _ => error,
            },
            _ => error,
        }
    }

    fn dislikes_certificate(&self, error: &Error) -> bool {
        // What is said before the handshake is about no certificate.
        let (submission, mailbox) = (self.submission().security, self.mail_server().security);
        match error {
            Error::Smtp(error) | Error::Submission(error) => smtp_dislikes(error, submission),
            Error::Imap(error) => imap_dislikes(error, mailbox),
            _ => false,
        }
    }

    /// How many seconds the clock of the directory is ahead of ours, where it can be asked: mail servers do not tell the time.
    fn skew(&self) -> Option<i64> {
        let response = self.http().ok()?.get(&self.profile.directory.url, &[], LIMIT).ok()?;
        // RFC 9110, section 5.6.7: the fixed form is one of RFC 5322.
        let date = response.header("date")?.replace("GMT", "+0000");
        let theirs: Timestamp = jiff::fmt::rfc2822::parse(&date).ok()?.timestamp();
        Some(theirs.as_second() - self.world.clock.now().as_second())
    }
}

/// Whether a server refused what it was shown.
pub(super) fn is_refused(error: &Error) -> bool {
    match error {
        Error::Smtp(error) | Error::Submission(error) => {
            matches!(error.failure, smtp::Failure::SignInRefused(_) | smtp::Failure::TokenRefused { .. })
        }
        Error::Imap(error) => {
            matches!(error.failure, imap::Failure::SignInRefused { .. } | imap::Failure::TokenRefused { .. })
        }
        _ => false,
    }
}

fn smtp_dislikes(error: &SmtpError, security: Security) -> bool {
    use smtp::{Failure, Stage};
    let behind_handshake = match security {
        Security::Implicit => matches!(error.stage, Stage::Greeting | Stage::Ehlo),
        Security::StartTls => error.stage == Stage::Ehlo,
    };
    match &error.failure {
        Failure::Link(LinkError::IdentityRefused { .. }) | Failure::SignInRefused(_) => true,
        Failure::Link(LinkError::Broken { .. }) => behind_handshake,
        Failure::Deferred(reply) | Failure::Refused(reply) => {
            behind_handshake && matches!(reply.code(), 421 | 454 | 530 | 550 | 554)
        }
        _ => false,
    }
}

fn imap_dislikes(error: &ImapError, security: Security) -> bool {
    use imap::{Failure, Stage};
    let behind_handshake = match security {
        Security::Implicit => matches!(error.stage, Stage::Greeting | Stage::Auth),
        Security::StartTls => error.stage == Stage::Auth,
    };
    match &error.failure {
        Failure::Link(LinkError::IdentityRefused { .. }) | Failure::SignInRefused { .. } => true,
        Failure::Link(LinkError::Broken { .. }) | Failure::Bye { .. } => behind_handshake,
        _ => false,
    }
}

/// Whether a message was refused because the server wants a sign-in that it has had (RFC 4954, section 6): 530.
pub(super) fn is_signed_out(error: &SmtpError) -> bool {
    match &error.failure {
        smtp::Failure::Refused(reply) => error.stage >= smtp::Stage::Mail && reply.code() == 530,
        smtp::Failure::NoRecipient(all) => {
            all.iter().all(|(_, it)| matches!(it, smtp::RecipientOutcome::Refused(reply) if reply.code() == 530))
        }
        _ => false,
    }
}

/// Whether a message was refused for want of a right to submit: RFC 3463 has 5.7.1 for it, RFC 4954 has 530.
pub(super) fn is_about_rights(error: &SmtpError) -> bool {
    let rights = |reply: &smtp::Reply| reply.code() == 530 || reply.enhanced() == Some("5.7.1");
    match &error.failure {
        smtp::Failure::Refused(reply) => error.stage >= smtp::Stage::Mail && rights(reply),
        smtp::Failure::NoRecipient(all) => {
            all.iter().all(|(_, it)| matches!(it, smtp::RecipientOutcome::Refused(reply) if rights(reply)))
        }
        _ => false,
    }
}
