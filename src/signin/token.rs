//! Access tokens: where they come from, how long one is used, and what happens when a server refuses it.

use jiff::{SignedDuration, Timestamp};

use super::answer::Granted;
use super::{Means, Provider, ProviderError, SignInError};
use crate::clock::Clock;
use crate::net::{Credential, HttpClient};
use crate::secret::Secret;

/// A token is not begun to be used so shortly before its end.
const MARGIN: i64 = 10;

/// Where access tokens come from.
pub enum Source {
    /// One was handed over at the start.
    Given(Secret<String>),
    /// A command prints one. It is run for each session: it knows best when one has expired.
    Command(String),
    /// A provider gives one for the consent of a person, and new ones for as long as that lasts.
    Provider(Box<Provider>),
}

/// The access tokens of one mailbox, in memory only.
pub struct Tokens {
    user: String,
    source: Source,
    access: Option<Access>,
}

struct Access {
    token: Secret<String>,
    good_until: Option<Timestamp>,
}

/// What is kept of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Until when the refresh token is good, where the provider says it.
    pub until: Option<Timestamp>,
}

impl Tokens {
    /// The tokens for a user, mostly the address.
    pub fn new(user: String, source: Source) -> Tokens {
        Tokens { user, source, access: None }
    }

    /// Whether the provider has to be reached before there is something to show.
    pub fn needs_provider(&self, clock: Clock) -> bool {
        matches!(self.source, Source::Provider(_)) && self.at_hand(clock).is_none()
    }

    /// Whether a server that refuses a token may be shown another one.
    pub fn can_renew(&self) -> bool {
        !matches!(self.source, Source::Given(_))
    }

    /// What to show for one session.
    pub(super) fn credential(&mut self, means: Means<'_>) -> Result<Credential, SignInError> {
        let token = match &mut self.source {
            Source::Given(token) => token.clone(),
            Source::Command(command) => (means.output_of)(command).map_err(|why| SignInError::TokenCommand { why })?,
            Source::Provider(_) => self.of_provider(means)?,
        };
        Ok(Credential::bearer(&self.user, token)?)
    }

    /// A server refused this: it is not shown again. Where another session has got a newer one meanwhile, that one stays.
    ///
    /// # Errors
    /// There is no other.
    pub fn renew(&mut self, refused: &Credential) -> Result<(), SignInError> {
        if !self.can_renew() {
            return Err(SignInError::TokenSpent);
        }
        self.access.take_if(|access| refused.is_token(&access.token));
        Ok(())
    }

    /// What is kept of the last sign-in, if anything is.
    pub fn held(&self) -> Result<Option<Held>, SignInError> {
        match &self.source {
            Source::Provider(provider) => Ok(provider.held()?),
            _ => Ok(None),
        }
    }

    /// Forgets all of it, and has the provider forget it where there is a way to it. Whether it did.
    ///
    /// # Errors
    /// What is kept cannot be erased, or the provider was not told; then it is erased here all the same.
    pub fn sign_out(&mut self, http: Option<&HttpClient>) -> Result<bool, SignInError> {
        self.access = None;
        match &mut self.source {
            Source::Provider(provider) => provider.sign_out(http).map_err(|error| match error {
                ProviderError::Kept(error) => error.into(),
                other => other.into(),
            }),
            _ => Ok(false),
        }
    }

    fn at_hand(&self, clock: Clock) -> Option<&Secret<String>> {
        let access = self.access.as_ref()?;
        access.good_until.is_none_or(|until| clock.now() < until).then_some(&access.token)
    }

    fn of_provider(&mut self, means: Means<'_>) -> Result<Secret<String>, SignInError> {
        if let Some(token) = self.at_hand(means.clock) {
            return Ok(token.clone());
        }
        let Source::Provider(provider) = &mut self.source else { return Err(SignInError::TokenSpent) };
        let granted = provider.access(means)?;
        let token = granted.access_token.clone();
        self.access = Some(Access { token: token.clone(), good_until: good_until(&granted, means.clock) });
        Ok(token)
    }
}

/// Until when a token is begun to be used: a little shorter than it is good.
fn good_until(granted: &Granted, clock: Clock) -> Option<Timestamp> {
    let seconds = granted.expires_in?;
    Some(clock.now() + SignedDuration::from_secs(seconds - MARGIN.min(seconds / 2)))
}
