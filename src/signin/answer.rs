//! What a provider of tokens answers (RFC 6749, RFC 8414, RFC 8628, CIBA), read with limits.

use serde::Deserialize;

use super::ProviderError;
use crate::net::{Response, bounded};
use crate::secret::Secret;

/// A day: whatever a provider says, nothing is waited for longer, and no poll is further apart than a minute.
const LONGEST: i64 = 86_400;
const LONGEST_INTERVAL: u64 = 60;

/// Ten years: how long a token may be said to be good.
const LONGEST_LIFE: i64 = 10 * 366 * 86_400;

/// Where a provider is asked for what (RFC 8414, section 2).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Endpoints {
    #[serde(default)]
    pub(super) issuer: String,
    #[serde(rename = "token_endpoint")]
    pub(super) token: Option<String>,
    #[serde(rename = "device_authorization_endpoint")]
    pub(super) device: Option<String>,
    #[serde(rename = "backchannel_authentication_endpoint")]
    pub(super) ciba: Option<String>,
    #[serde(rename = "revocation_endpoint")]
    pub(super) revocation: Option<String>,
}

/// Tokens (RFC 6749, section 5.1).
pub(super) struct Granted {
    pub(super) access_token: Secret<String>,
    pub(super) expires_in: Option<i64>,
    pub(super) refresh_token: Option<Secret<String>>,
    pub(super) refresh_expires_in: Option<i64>,
}

/// A consent that is waited for.
#[derive(Clone)]
pub(super) struct Pending {
    /// `device_code` or `auth_req_id`.
    pub(super) handle: Secret<String>,
    pub(super) expires_in: u64,
    pub(super) interval: u64,
    /// What to type, and where.
    pub(super) code: Option<String>,
    pub(super) page: Option<String>,
}

/// What a provider says no with (RFC 6749, section 5.2), each word bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error: String,
    pub(super) description: Option<String>,
}

#[derive(Deserialize)]
struct TokenFields {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    refresh_expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct PendingFields {
    #[serde(alias = "auth_req_id")]
    device_code: String,
    expires_in: i64,
    #[serde(default)]
    interval: Option<u64>,
    #[serde(default)]
    user_code: Option<String>,
    #[serde(default)]
    verification_uri: Option<String>,
    #[serde(default)]
    verification_uri_complete: Option<String>,
}

#[derive(Deserialize)]
struct RefusalFields {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

/// Reads the document of a provider about itself.
pub(super) fn endpoints(response: &Response) -> Result<Endpoints, ProviderError> {
    if response.status != 200 {
        return Err(ProviderError::Status { status: response.status });
    }
    serde_json::from_slice(&response.body).map_err(|_| ProviderError::Malformed("it does not describe itself"))
}

/// Reads tokens, or a refusal.
pub(super) fn granted(response: Response) -> Result<Result<Granted, Refusal>, ProviderError> {
    let (status, body) = (response.status, Secret::new(response.body));
    if status != 200 {
        return refusal(status, body.expose()).map(Err);
    }
    let fields: TokenFields =
        serde_json::from_slice(body.expose()).map_err(|_| ProviderError::Malformed("it gives no token"))?;
    if !fields.token_type.eq_ignore_ascii_case("bearer") {
        return Err(ProviderError::Malformed("its token is none for a bearer"));
    }
    let life = |seconds: Option<i64>| seconds.filter(|seconds| *seconds > 0).map(|seconds| seconds.min(LONGEST_LIFE));
    Ok(Ok(Granted {
        access_token: Secret::new(fields.access_token),
        expires_in: life(fields.expires_in),
        refresh_token: fields.refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
        refresh_expires_in: life(fields.refresh_expires_in),
    }))
}

/// Reads what is to be waited for, or a refusal.
pub(super) fn pending(response: Response) -> Result<Result<Pending, Refusal>, ProviderError> {
    let (status, body) = (response.status, Secret::new(response.body));
    if status != 200 {
        return refusal(status, body.expose()).map(Err);
    }
    let fields: PendingFields = serde_json::from_slice(body.expose())
        .map_err(|_| ProviderError::Malformed("it does not say what to wait for"))?;
    let expires_in = u64::try_from(fields.expires_in.clamp(1, LONGEST)).unwrap_or(1);
    Ok(Ok(Pending {
        handle: Secret::new(fields.device_code),
        expires_in,
        // RFC 8628, section 3.2: five seconds where it says nothing.
        interval: fields.interval.unwrap_or(5).clamp(1, LONGEST_INTERVAL),
        code: fields.user_code.map(|code| bounded(&code)),
        page: fields.verification_uri_complete.or(fields.verification_uri).map(|page| bounded(&page)),
    }))
}

fn refusal(status: u16, body: &[u8]) -> Result<Refusal, ProviderError> {
    let fields: RefusalFields = serde_json::from_slice(body).map_err(|_| ProviderError::Status { status })?;
    Ok(Refusal { error: bounded(&fields.error), description: fields.error_description.map(|text| bounded(&text)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Response {
        Response::of(status, body)
    }

    #[test]
    fn tokens_and_refusals_are_told_apart() {
        let good = r#"{"access_token":"a","token_type":"Bearer","expires_in":120,"refresh_token":"r","refresh_expires_in":350}"#;
        let given = granted(read(200, good)).unwrap().ok().unwrap();
        assert_eq!((given.access_token.expose().as_str(), given.expires_in), ("a", Some(120)));
        assert_eq!(given.refresh_expires_in, Some(350));
        let refused = granted(read(400, r#"{"error":"authorization_pending"}"#)).unwrap().err().unwrap();
        assert_eq!(refused.error, "authorization_pending");
        for (status, bad) in [(200, "{}"), (200, "["), (200, r#"{"access_token":"a","token_type":"mac"}"#), (500, "no")]
        {
            assert!(granted(read(status, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_waited_for_has_limits_whatever_is_said() {
        let endless = r#"{"device_code":"d","user_code":"ABCD","verification_uri":"https://x/","expires_in":99999999,"interval":0}"#;
        let waiting = pending(read(200, endless)).unwrap().ok().unwrap();
        assert_eq!((waiting.expires_in, waiting.interval), (86_400, 1));
        let ciba = pending(read(200, r#"{"auth_req_id":"x","expires_in":120}"#)).unwrap().ok().unwrap();
        assert_eq!((ciba.interval, ciba.code), (5, None));
        assert!(pending(read(200, r#"{"auth_req_id":"x"}"#)).is_err());
    }
}
