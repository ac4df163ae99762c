//! A provider of access tokens (OAuth 2.0, RFC 6749): found by its own description, asked over TLS, told when one signs out.

use jiff::{SignedDuration, Timestamp};

use super::answer::{self, Endpoints, Granted, Refusal};
use super::kept::{Kept, KeptError, fingerprint};
use super::token::Held;
use super::{Means, waiting};
use crate::clock::Clock;
use crate::net::{Credential, HttpClient, HttpError, Response};
use crate::secret::{PromptError, SealingKey, Secret};

/// Most octets of an answer.
const ANSWER_LIMIT: u64 = 256 * 1024;

/// How a person consents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// A short code is typed on a page (RFC 8628).
    #[default]
    Device,
    /// The provider asks on the telephone of the person (OpenID Connect CIBA), as Pro Santé Connect does.
    Ciba,
}

/// Why no token was given.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It was not reached.
    #[error("the provider of tokens cannot be asked")]
    Http(#[from] HttpError),
    /// An answer that is neither a token nor a reason.
    #[error("the provider of tokens answered with status {status}")]
    Status { status: u16 },
    /// An answer that cannot be read.
    #[error("the answer of the provider of tokens cannot be used: {0}")]
    Malformed(&'static str),
    /// The profile lacks a setting.
    #[error("the profile does not say where the provider of tokens is: {0} is missing")]
    Missing(&'static str),
    /// RFC 8414, section 3.3: the description is that of somebody else.
    #[error("the provider of tokens describes itself as {said}")]
    OtherIssuer { said: String },
    /// Something would be sent, or a person sent, in clear.
    #[error("the provider of tokens names an address without TLS")]
    Clear,
    /// It knows the client and does not want to; the words are its own.
    #[error("the provider of tokens refused: {error}")]
    Refused { error: String, description: Option<String> },
    /// The refresh token is good no more (`invalid_grant`).
    #[error("you are signed out: the provider takes the refresh token no more")]
    SignedOut,
    /// The person said no.
    #[error("the sign-in was declined where it was to be confirmed")]
    Denied,
    /// Nobody confirmed in time.
    #[error("nobody confirmed the sign-in in time")]
    Expired,
    /// The user stopped it.
    #[error("it was interrupted")]
    Interrupted,
    /// Nobody is here to be told what to do.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// What is kept between runs.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}

impl ProviderError {
    /// Whether it may be better after a while: it is away, and did not say no.
    pub fn may_pass(&self) -> bool {
        match self {
            ProviderError::Http(HttpError::Link(link)) => link.may_pass(),
            ProviderError::Status { status } => *status >= 500,
            _ => false,
        }
    }
}

/// What a provider is told of us, and where it is.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// How a person consents.
    pub flow: Flow,
    /// The name of the provider: an https address (RFC 8414).
    pub issuer: Option<String>,
    /// Where it describes itself, if that is not below the issuer.
    pub discovery: Option<String>,
    /// Where a flow begins, if it does not say.
    pub start: Option<String>,
    /// Where tokens are given, if it does not say.
    pub token: Option<String>,
    /// Where tokens are given back (RFC 7009), if it does not say.
    pub revocation: Option<String>,
    /// The name the provider knows us by.
    pub id: String,
    /// The secret that goes with it; without, the certificate of the connection does (RFC 8705), or nothing.
    pub secret: Option<Secret<String>>,
    /// What is asked for.
    pub scope: Option<String>,
    /// The level of assurance that is asked for.
    pub acr_values: Option<String>,
    /// Whose telephone is asked.
    pub login_hint: Option<String>,
}

/// A provider, and what it gave us to come again with.
pub struct Provider {
    pub(super) client: Client,
    kept: Kept,
    keeps: bool,
    refresh: Option<Secret<String>>,
    endpoints: Option<Endpoints>,
}

impl Provider {
    /// A provider; the refresh token is kept at `path` between runs if the user wants that.
    pub fn new(client: Client, path: std::path::PathBuf, key: &SealingKey, keeps: bool) -> Provider {
        let named = |url: &Option<String>| url.clone().unwrap_or_default();
        let person = client.login_hint.clone().unwrap_or_default();
        let of = fingerprint(&[&named(&client.issuer), &named(&client.token), &client.id, &person]);
        let kept = Kept::new(path, key, of);
        Provider { client, kept, keeps, refresh: None, endpoints: None }
    }

    /// An access token: by the refresh token where there is one, else by the consent of a person.
    pub(super) fn access(&mut self, means: Means<'_>) -> Result<Granted, ProviderError> {
        let http = means.http.ok_or(ProviderError::Malformed("there is no way to it"))?;
        let endpoints = self.endpoints(http)?;
        {
            // What another process has kept meanwhile is newer than what is known here.
            let _lock = if self.keeps { Some(self.kept.lock()?) } else { None };
            if self.keeps {
                self.refresh = self.kept.read()?.map(|(token, _)| token);
            }
            if let Some(token) = self.refresh.clone() {
                let granted = self.refreshed(http, &endpoints, &token)?;
                self.keep(&granted, means.clock)?;
                return Ok(granted);
            }
        }
        let granted = waiting::consent(self, http, &endpoints, means)?;
        let _lock = if self.keeps { Some(self.kept.lock()?) } else { None };
        self.keep(&granted, means.clock)?;
        Ok(granted)
    }

    /// What is kept, if anything is.
    pub(super) fn held(&self) -> Result<Option<Held>, KeptError> {
        Ok(self.kept.read()?.map(|(_, held)| held))
    }

    /// Erases what is kept, and gives it back where the provider takes it (RFC 7009). Whether it did.
    pub(super) fn sign_out(&mut self, http: Option<&HttpClient>) -> Result<bool, ProviderError> {
        let own = self.refresh.take();
        let token = {
            // Another process may be having it renewed just now, and would keep the new one behind our back.
            let _lock = self.kept.lock()?;
            // What cannot be read cannot be given back, and is erased like the rest.
            let kept = self.kept.read().ok().flatten().map(|(token, _)| token);
            self.kept.erase()?;
            kept.or(own)
        };
        let Some((token, http)) = token.zip(http) else { return Ok(false) };
        let Some(revocation) = self.endpoints(http)?.revocation else { return Ok(false) };
        let form = [("token", token.expose().as_str()), ("token_type_hint", "refresh_token")];
        match self.post(http, &revocation, &form)?.status {
            200 => Ok(true),
            status => Err(ProviderError::Status { status }),
        }
    }

    fn refreshed(
        &mut self,
        http: &HttpClient,
        endpoints: &Endpoints,
        token: &Secret<String>,
    ) -> Result<Granted, ProviderError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose().as_str())];
        match answer::granted(self.post(http, token_endpoint(endpoints)?, &form)?)? {
            Ok(granted) => Ok(granted),
            Err(Refusal { error, .. }) if error == "invalid_grant" => {
                self.refresh = None;
                self.kept.erase()?;
                Err(ProviderError::SignedOut)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Where there is no new refresh token, the last one stays good (RFC 6749, section 6).
    fn keep(&mut self, granted: &Granted, clock: Clock) -> Result<(), ProviderError> {
        let Some(token) = &granted.refresh_token else { return Ok(()) };
        self.refresh = Some(token.clone());
        if self.keeps {
            let until: Option<Timestamp> =
                granted.refresh_expires_in.map(|seconds| clock.now() + SignedDuration::from_secs(seconds));
            self.kept.write(token, until)?;
        }
        Ok(())
    }

    /// Where it is asked for what: what the profile says, and what the provider says of itself where that leaves something out.
    fn endpoints(&mut self, http: &HttpClient) -> Result<Endpoints, ProviderError> {
        if let Some(known) = &self.endpoints {
            return Ok(known.clone());
        }
        let client = &self.client;
        let told = client.start.is_some() && client.token.is_some();
        let mut found = match &client.issuer {
            Some(issuer) if !told => self.discovered(http, issuer)?,
            None if !told => return Err(ProviderError::Missing("signin.issuer")),
            _ => Endpoints::default(),
        };
        let start = match client.flow {
            Flow::Device => &mut found.device,
            Flow::Ciba => &mut found.ciba,
        };
        *start = client.start.clone().or(start.take());
        found.token = client.token.clone().or(found.token);
        found.revocation = client.revocation.clone().or(found.revocation);
        let all = [&found.device, &found.ciba, &found.token, &found.revocation];
        if all.into_iter().flatten().any(|url| !url.starts_with("https://")) {
            return Err(ProviderError::Clear);
        }
        Ok(self.endpoints.insert(found).clone())
    }

    fn discovered(&self, http: &HttpClient, issuer: &str) -> Result<Endpoints, ProviderError> {
        let usual = || format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let url = self.client.discovery.clone().unwrap_or_else(usual);
        let found = answer::endpoints(&http.get(&url, &[], ANSWER_LIMIT)?)?;
        // OpenID Connect Discovery, section 4.3: exactly the same.
        if found.issuer != issuer {
            return Err(ProviderError::OtherIssuer { said: crate::net::bounded(&found.issuer) });
        }
        Ok(found)
    }

    /// Posts a form as this client: with its secret (RFC 6749, section 2.3.1), or with its name beside the certificate of the
    /// connection (RFC 8705, section 2).
    pub(super) fn post(&self, http: &HttpClient, url: &str, form: &[(&str, &str)]) -> Result<Response, ProviderError> {
        let mut fields = form.to_vec();
        let header = match &self.client.secret {
            Some(secret) => {
                let secret = Secret::new(encoded(secret.expose()));
                let basic = Credential::plain(&encoded(&self.client.id), secret).ok();
                let header = basic.and_then(|basic| basic.authorization());
                Some(header.ok_or(ProviderError::Malformed("the name or secret of the client cannot be sent"))?)
            }
            None => {
                fields.push(("client_id", &self.client.id));
                None
            }
        };
        let headers: Vec<(&str, &str)> =
            header.iter().map(|value| ("Authorization", value.expose().as_str())).collect();
        Ok(http.post_form(url, &headers, &fields, ANSWER_LIMIT)?)
    }
}

pub(super) fn token_endpoint(endpoints: &Endpoints) -> Result<&str, ProviderError> {
    endpoints.token.as_deref().ok_or(ProviderError::Missing("signin.token-endpoint"))
}

impl From<Refusal> for ProviderError {
    fn from(refusal: Refusal) -> ProviderError {
        match refusal.error.as_str() {
            "access_denied" => ProviderError::Denied,
            "expired_token" => ProviderError::Expired,
            _ => ProviderError::Refused { error: refusal.error, description: refusal.description },
        }
    }
}

/// `application/x-www-form-urlencoded`, as the parts of a client's name and secret are before they stand in Basic.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, octet| {
        if octet.is_ascii_alphanumeric() || b"-._*".contains(&octet) {
            out.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{octet:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_client_cannot_move_the_colon() {
        assert_eq!(encoded("a:b c"), "a%3Ab%20c");
        assert_eq!(encoded("mss-1.0_x"), "mss-1.0_x");
    }

    #[test]
    fn a_refusal_has_its_meaning() {
        let of = |error: &str| ProviderError::from(Refusal { error: error.to_owned(), description: None });
        assert!(matches!(of("access_denied"), ProviderError::Denied));
        assert!(matches!(of("expired_token"), ProviderError::Expired));
        assert!(matches!(of("invalid_client"), ProviderError::Refused { .. }));
    }
}
