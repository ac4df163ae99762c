//! The provider of access tokens of a sandbox, asked as any program would ask it.

use mss::clock::Clock;
use mss::net::{Dialer, HttpClient, Timeouts};
use mss::pki::TrustAnchors;
use serde_json::Value;

use crate::bench::operator::Operator;

/// An access token for whom the client is called by.
pub fn access_token(operator: &Operator, client: &str) -> String {
    let pem = std::fs::read(operator.said("trust_file")).expect("the sandbox writes what is to be trusted");
    let anchors = TrustAnchors::from_pem(&pem).expect("it is PEM");
    let dialer = Dialer::new(&anchors, None, Clock::System, Timeouts::default()).expect("TLS can be set up");
    let http = HttpClient::new(dialer);
    let ask = |path: &str, form: &[(&str, &str)]| -> Value {
        let response = http.post_form(&format!("{}{path}", operator.said("issuer")), &[], form, 1 << 16);
        serde_json::from_slice(&response.expect("it answers").body).expect("it answers in JSON")
    };
    let begun = ask("/device", &[("client_id", client)]);
    let code = begun["device_code"].as_str().expect("it gives a code").to_owned();
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let form = [("client_id", client), ("grant_type", grant), ("device_code", code.as_str())];
    // The first time, the person has not consented yet.
    ask("/token", &form);
    ask("/token", &form)["access_token"].as_str().expect("it gives a token").to_owned()
}
