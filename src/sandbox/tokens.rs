//! A provider of access tokens: device flow (RFC 8628), CIBA, refreshing and taking back (RFC 7009), all consented to at once.
//!
//! Who consents: the person whose profile the name of the client is, or whom the hint of CIBA names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::credentials::{base32, hex, random};
use super::faults::Faults;
use super::http::{Request, Response, parameters};
use crate::mail::Address;
use crate::secret::Secret;

/// Where it is below its own base.
pub(super) const PATH: &str = "/auth";

/// How long an access token is said to be good, and a refresh token, in seconds.
const ACCESS: u32 = 120;
const REFRESH: u32 = 350;

/// What was given and not taken back.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Given>);

#[derive(Default)]
struct Given {
    access: HashMap<String, Address>,
    refresh: HashMap<String, Address>,
    /// Consents that are waited for, and how often they were asked for.
    pending: HashMap<String, (Address, u32)>,
}

impl Tokens {
    /// Whose access token it is.
    pub fn owner(&self, token: &str) -> Option<Address> {
        self.given().access.get(token).cloned()
    }

    /// From now on no access token is good.
    pub fn expire(&self) {
        self.given().access.clear();
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, address: Address) -> Response {
        let (access, refresh) = (hex(&random::<24>()), hex(&random::<24>()));
        let mut given = self.given();
        given.access.insert(access.expose().clone(), address.clone());
        given.refresh.insert(refresh.expose().clone(), address);
        answer(
            200,
            &json!({
                "access_token": access.expose(), "token_type": "Bearer", "expires_in": ACCESS,
                "refresh_token": refresh.expose(), "refresh_expires_in": REFRESH,
            }),
        )
    }
}

/// The provider as a web server.
pub(super) struct Provider {
    pub base: String,
    pub tokens: Arc<Tokens>,
    pub faults: Arc<Faults>,
    /// The secret of a client that has one.
    pub secret: Secret<String>,
    /// Every name of every mailbox.
    pub people: HashMap<String, Address>,
}

impl Provider {
    /// Answers a request.
    pub fn answer(&self, request: &Request) -> Response {
        let path = request.path.strip_prefix(PATH).unwrap_or_default();
        if (request.method.as_str(), path) == ("GET", "/.well-known/openid-configuration") {
            return answer(200, &self.description());
        }
        let form = std::str::from_utf8(&request.body).ok().and_then(parameters).unwrap_or_default();
        let form: HashMap<&str, &str> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let Some(client) = self.client(request, &form) else { return refusal(401, "invalid_client") };
        match (request.method.as_str(), path) {
            ("POST", "/device") => self.ask(self.people.get(&client), "device_code"),
            ("POST", "/ciba") => {
                let message = form.get("binding_message").copied().unwrap_or_default();
                let shown = message.len() == 2 && message.bytes().all(|octet| octet.is_ascii_digit());
                let hinted = form.get("login_hint").and_then(|hint| self.people.get(*hint));
                self.ask(hinted.filter(|_| shown), "auth_req_id")
            }
            ("POST", "/token") => self.token(&form),
            ("POST", "/revoke") => {
                let token = form.get("token").copied().unwrap_or_default();
                self.tokens.given().refresh.remove(token);
                answer(200, &json!({}))
            }
            _ => Response::text(404, "Not Found"),
        }
    }

    fn description(&self) -> Value {
        let below = |path: &str| format!("{}{path}", self.base);
        json!({
            "issuer": self.base, "token_endpoint": below("/token"), "revocation_endpoint": below("/revoke"),
            "device_authorization_endpoint": below("/device"), "backchannel_authentication_endpoint": below("/ciba"),
        })
    }

    /// Who asks: by Basic with the secret, or by its name alone.
    fn client(&self, request: &Request, form: &HashMap<&str, &str>) -> Option<String> {
        let Some(header) = request.header("authorization") else {
            return form.get("client_id").map(|id| (*id).to_owned());
        };
        let pair = BASE64_STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (id, secret) = pair.split_once(':')?;
        (secret == self.secret.expose()).then(|| id.to_owned())
    }

    fn ask(&self, person: Option<&Address>, name: &str) -> Response {
        let Some(person) = person else { return refusal(400, "unknown_user_id") };
        let handle = hex(&random::<16>());
        self.tokens.given().pending.insert(handle.expose().clone(), (person.clone(), 0));
        let code = base32(&random::<5>());
        answer(
            200,
            &json!({
                name: handle.expose(), "expires_in": 120, "interval": 1,
                "user_code": code.expose(), "verification_uri": format!("{}/page", self.base),
            }),
        )
    }

    fn token(&self, form: &HashMap<&str, &str>) -> Response {
        let field = |name: &str| form.get(name).copied().unwrap_or_default();
        if field("grant_type") == "refresh_token" {
            if self.faults.forgets_consent() {
                return refusal(400, "invalid_grant");
            }
            let owner = self.tokens.given().refresh.remove(field("refresh_token"));
            return owner.map_or_else(|| refusal(400, "invalid_grant"), |owner| self.tokens.give(owner));
        }
        let handle = if field("grant_type").ends_with(":ciba") { field("auth_req_id") } else { field("device_code") };
        if self.faults.declines_consent() {
            return refusal(400, "access_denied");
        }
        let mut given = self.tokens.given();
        match given.pending.get_mut(handle) {
            None => refusal(400, "expired_token"),
            // The person has to find the telephone first.
            Some((_, asked)) if *asked == 0 => {
                *asked += 1;
                refusal(400, "authorization_pending")
            }
            Some((person, _)) => {
                let person = person.clone();
                given.pending.remove(handle);
                drop(given);
                self.tokens.give(person)
            }
        }
    }
}

fn answer(status: u16, value: &Value) -> Response {
    Response::new(status, "application/json", value.to_string())
}

fn refusal(status: u16, error: &str) -> Response {
    answer(status, &json!({ "error": error }))
}

/// What a bearer shows: the user, and the token (RFC 7628, section 3.1; XOAUTH2 has the user in a field of its own).
pub(super) fn split_bearer(message: &[u8]) -> Option<(&str, &str)> {
    let message = std::str::from_utf8(message).ok()?;
    let mut user = None;
    let mut token = None;
    for field in message.split('\u{1}') {
        if let Some(name) = field.strip_prefix("user=") {
            user = Some(name);
        } else if let Some(name) = field.strip_prefix("n,a=") {
            user = name.strip_suffix(',');
        } else if let Some(value) = field.strip_prefix("auth=Bearer ") {
            token = Some(value);
        }
    }
    user.zip(token)
}

/// What is said of a token that is not good.
pub(super) const REFUSED: &str = r#"{"status":"invalid_token","schemes":"bearer","scope":"mail"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    const LABO: &str = "labo@biologie.sandbox";

    fn provider(faults: &[&str]) -> Provider {
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        Provider {
            base: "https://127.0.0.1:1/auth".to_owned(),
            tokens: Arc::default(),
            faults: Arc::new(Faults::new(faults)),
            secret: Secret::new("s3cret".to_owned()),
            people: HashMap::from([("labo".to_owned(), LABO.parse().unwrap())]),
        }
    }

    fn ask(provider: &Provider, path: &str, form: &str) -> (u16, Value) {
        let response = provider.answer(&Request::new("POST", path, "", form));
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    #[test]
    fn a_consent_is_waited_for_and_gives_tokens_that_can_be_refreshed_once_each() {
        let provider = provider(&[]);
        let (_, begun) = ask(&provider, "/auth/device", "client_id=labo");
        let form = format!(
            "client_id=labo&grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code={}",
            begun["device_code"].as_str().unwrap()
        );
        assert_eq!(ask(&provider, "/auth/token", &form), (400, json!({"error": "authorization_pending"})));
        let (status, given) = ask(&provider, "/auth/token", &form);
        assert_eq!(status, 200);
        let access = given["access_token"].as_str().unwrap();
        assert_eq!(provider.tokens.owner(access), Some(LABO.parse().unwrap()));
        let refresh = given["refresh_token"].as_str().unwrap();
        let form = format!("client_id=labo&grant_type=refresh_token&refresh_token={refresh}");
        assert_eq!(ask(&provider, "/auth/token", &form).0, 200);
        assert_eq!(ask(&provider, "/auth/token", &form), (400, json!({"error": "invalid_grant"})));
        provider.tokens.expire();
        assert_eq!(provider.tokens.owner(access), None);
    }

    #[test]
    fn nobody_is_asked_without_two_digits_to_compare_or_by_an_unknown_client() {
        let provider = provider(&[]);
        assert_eq!(ask(&provider, "/auth/ciba", "client_id=x&login_hint=labo&binding_message=42").0, 200);
        assert_eq!(ask(&provider, "/auth/ciba", "client_id=x&login_hint=labo").0, 400);
        assert_eq!(ask(&provider, "/auth/ciba", "client_id=x&login_hint=other&binding_message=42").0, 400);
        assert_eq!(ask(&provider, "/auth/device", "").0, 401);
        let wrong = Request::new("POST", "/auth/device", "", "").with_header("authorization", "Basic bGFibzp3cm9uZw==");
        assert_eq!(provider.answer(&wrong).status, 401);
    }

    #[test]
    fn a_bearer_shows_a_user_and_a_token() {
        assert_eq!(split_bearer(b"user=a@x\x01auth=Bearer t\x01\x01"), Some(("a@x", "t")));
        assert_eq!(split_bearer(b"n,a=a@x,\x01auth=Bearer t\x01\x01"), Some(("a@x", "t")));
        assert_eq!(split_bearer(b"user=a@x\x01\x01"), None);
    }
}
