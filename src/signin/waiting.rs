//! The consent of a person, given elsewhere and waited for here: the device flow (RFC 8628) and CIBA.

use std::time::{Duration, Instant};

use aws_lc_rs::rand;

use super::Means;
use super::answer::{self, Endpoints, Granted, Pending};
use super::provider::{Flow, Provider, ProviderError, token_endpoint};
use crate::net::HttpClient;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// The longest that a provider which is away makes us wait between two polls.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Asks for consent, says where it is to be given, and polls as the provider wants it.
pub(super) fn consent(
    provider: &Provider,
    http: &HttpClient,
    endpoints: &Endpoints,
    means: Means<'_>,
) -> Result<Granted, ProviderError> {
    let (pending, text) = match provider.client.flow {
        Flow::Device => device(provider, http, endpoints)?,
        Flow::Ciba => ciba(provider, http, endpoints)?,
    };
    (means.announce)(&text)?;
    let (grant, field) = match provider.client.flow {
        Flow::Device => (DEVICE, "device_code"),
        Flow::Ciba => (CIBA, "auth_req_id"),
    };
    let form = [("grant_type", grant), (field, pending.handle.expose().as_str())];
    let url = token_endpoint(endpoints)?;
    let end = Instant::now() + Duration::from_secs(pending.expires_in);
    let mut interval = Duration::from_secs(pending.interval);
    let mut away = None;
    while Instant::now() < end {
        if !(means.wait)(interval) {
            return Err(ProviderError::Interrupted);
        }
        match provider.post(http, url, &form).and_then(answer::granted) {
            Ok(Ok(granted)) => return Ok(granted),
            Ok(Err(refusal)) if refusal.error == "authorization_pending" => away = None,
            // RFC 8628, section 3.5, for this and for a line that breaks.
            Ok(Err(refusal)) if refusal.error == "slow_down" => interval += Duration::from_secs(5),
            Ok(Err(refusal)) => return Err(refusal.into()),
            Err(error) if error.may_pass() => {
                interval = (interval * 2).min(LONGEST_INTERVAL.max(interval));
                away = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(away.unwrap_or(ProviderError::Expired))
}

fn device(provider: &Provider, http: &HttpClient, endpoints: &Endpoints) -> Result<(Pending, String), ProviderError> {
    let url = endpoints.device.as_deref().ok_or(ProviderError::Missing("signin.start-endpoint"))?;
    let client = &provider.client;
    let scope = client.scope.as_deref().map(|scope| ("scope", scope));
    // RFC 8628, section 3.1, wants the name of the client in the form, whatever else proves it.
    let id = client.secret.as_ref().map(|_| ("client_id", client.id.as_str()));
    let form: Vec<(&str, &str)> = id.into_iter().chain(scope).collect();
    let pending = answer::pending(provider.post(http, url, &form)?)?.map_err(ProviderError::from)?;
    let missing = || ProviderError::Malformed("it names no page and no code");
    let (page, code) = pending.page.clone().zip(pending.code.clone()).ok_or_else(missing)?;
    if !page.starts_with("https://") {
        return Err(ProviderError::Clear);
    }
    let text = format!("to sign in, open {page} and give the code {code}");
    Ok((pending, text))
}

fn ciba(provider: &Provider, http: &HttpClient, endpoints: &Endpoints) -> Result<(Pending, String), ProviderError> {
    let url = endpoints.ciba.as_deref().ok_or(ProviderError::Missing("signin.start-endpoint"))?;
    let client = &provider.client;
    let hint = client.login_hint.as_deref().ok_or(ProviderError::Missing("signin.login-hint"))?;
    let message = two_digits()?;
    let mut form = vec![("login_hint", hint), ("binding_message", message.as_str())];
    form.extend(client.scope.as_deref().map(|scope| ("scope", scope)));
    form.extend(client.acr_values.as_deref().map(|values| ("acr_values", values)));
    let pending = answer::pending(provider.post(http, url, &form)?)?.map_err(ProviderError::from)?;
    let text = format!("to sign in, confirm on your telephone, if it shows the number {message}");
    Ok((pending, text))
}

/// Two random digits, which the telephone shows too. Of 256, the last 56 are drawn anew: each number is as likely.
fn two_digits() -> Result<String, ProviderError> {
    loop {
        let mut octet = [0u8];
        rand::fill(&mut octet).map_err(|_| ProviderError::Randomness)?;
        if octet[0] < 200 {
            return Ok(format!("{:02}", octet[0] % 100));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_message_has_two_digits() {
        for _ in 0..50 {
            let message = two_digits().unwrap();
            assert!(message.len() == 2 && message.bytes().all(|octet| octet.is_ascii_digit()), "{message}");
        }
    }
}
