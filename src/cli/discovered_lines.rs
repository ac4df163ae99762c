//! The servers that were found: one line of JSON or one row of a table for each, and why one is not used.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::output::Output;
use super::safe::line;
use crate::commands::discover::{Discovery, Obstacle, Server, Verdict};
use crate::discovery::Origin;
use crate::pki::Certificate;

/// One server and what is thought of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct ServerLine {
    /// `submission` or `mailbox`.
    service: &'static str,
    /// Host and port.
    endpoint: String,
    /// `starttls` or `implicit`.
    security: &'static str,
    /// `given`, `srv` or `document`.
    found_by: &'static str,
    /// The name of the SRV record, or the address of the document.
    source: Option<String>,
    /// The priority of the SRV record; the lowest comes first.
    priority: Option<u16>,
    /// The weight of the SRV record among those of its priority.
    weight: Option<u16>,
    /// The user to sign in as, where a document names another than the address.
    user: Option<String>,
    /// `TLSv1_3` or `TLSv1_2`; absent if it was not met.
    tls: Option<String>,
    /// The registered name of the cipher suite.
    cipher_suite: Option<String>,
    /// Its certificate, whose path and name were accepted.
    certificate: Option<CertificateLine>,
    /// What it can do that is of use.
    capabilities: Vec<&'static str>,
    /// The SASL mechanisms it offers.
    mechanisms: Vec<String>,
    /// `accepted` where the user signed in there; nobody signs in to a server that is not used.
    sign_in: Option<&'static str>,
    /// `chosen`, `spare`, `not-met`, `unconfirmed` (nothing that was asked ties it to the domain) or `unfit`.
    verdict: &'static str,
    /// Why it is not used.
    why: Option<String>,
}

/// The certificate of a server.
#[derive(Serialize, JsonSchema)]
struct CertificateLine {
    subject: String,
    issuer: String,
    #[schemars(with = "String")]
    not_after: jiff::Timestamp,
    days_left: i64,
}

/// Something that was offered and is no server to look at, or somebody who could not be asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct PassedOver {
    /// Where it was named, or who could not be asked.
    source: String,
    /// What was named.
    target: Option<String>,
    why: String,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => write!(f, "{target} ({}): {}", self.source, self.why),
            None => write!(f, "{}: {}", self.source, self.why),
        }
    }
}

/// Every server, in the order of preference.
pub(super) fn servers(discovery: &Discovery, signed_in: bool, now: jiff::Timestamp) -> Vec<ServerLine> {
    discovery.servers.iter().map(|server| server_line(server, signed_in, now)).collect()
}

/// All that is no server to look at.
pub(super) fn passed_over(discovery: &Discovery) -> Vec<PassedOver> {
    let refusals = discovery.refusals.iter().map(|it| PassedOver {
        source: it.source.clone(),
        target: Some(it.target.clone()),
        why: it.why.to_string(),
    });
    let troubles =
        discovery.troubles.iter().map(|it| PassedOver { source: it.source.clone(), target: None, why: it.why.clone() });
    refusals.chain(troubles).collect()
}

fn server_line(server: &Server, signed_in: bool, now: jiff::Timestamp) -> ServerLine {
    let (found_by, source, priority, weight) = match &server.offer.origin {
        Origin::Given => ("given", None, None, None),
        Origin::Srv { name, priority, weight } => ("srv", Some(name.clone()), Some(*priority), Some(*weight)),
        Origin::Document { url } => ("document", Some(url.clone()), None, None),
    };
    let (verdict, why) = match &server.verdict {
        Verdict::Chosen => ("chosen", None),
        Verdict::Spare => ("spare", None),
        Verdict::NotMet => ("not-met", None),
        Verdict::Unfit(obstacle @ Obstacle::Stranger { asked: false, .. }) => {
            ("unconfirmed", Some(obstacle.to_string()))
        }
        Verdict::Unfit(obstacle) => ("unfit", Some(obstacle.to_string())),
    };
    let met = server.met.as_ref();
    let handshake = met.and_then(|met| met.handshake.as_ref());
    let certificate = met.and_then(|met| met.certificate.as_ref());
    ServerLine {
        service: server.offer.service.name(),
        endpoint: server.offer.endpoint().to_string(),
        security: if server.offer.implicit_tls { "implicit" } else { "starttls" },
        found_by,
        source,
        priority,
        weight,
        user: server.offer.user.clone(),
        tls: handshake.map(|it| it.version.clone()),
        cipher_suite: handshake.map(|it| it.suite.clone()),
        certificate: certificate.map(|it| CertificateLine {
            subject: it.subject(),
            issuer: it.issuer(),
            not_after: it.not_after(),
            days_left: it.days_left(now),
        }),
        capabilities: met.map(|met| met.abilities.clone()).unwrap_or_default(),
        mechanisms: met.map(|met| met.mechanisms.clone()).unwrap_or_default(),
        sign_in: (signed_in && verdict == "chosen").then_some("accepted"),
        verdict,
        why,
    }
}

/// The table: a row for each server, below it whose certificate it has, what it can do, and why it is not used.
pub(super) fn table(
    output: &Output,
    discovery: &Discovery,
    signed_in: bool,
    now: jiff::Timestamp,
) -> std::io::Result<()> {
    let header = ["for", "server", "found by", "tls", "days", "sign-in", "verdict"];
    let rows = discovery.servers.iter().map(|server| row(server, signed_in, now)).collect();
    output.records(&header, rows)
}

fn row(server: &Server, signed_in: bool, now: jiff::Timestamp) -> (Vec<String>, String) {
    let shown = server_line(server, signed_in, now);
    let found_by = match (&shown.source, shown.priority) {
        (Some(source), Some(priority)) => format!("{source} ({priority})"),
        (Some(source), None) => source.clone(),
        _ => shown.found_by.to_owned(),
    };
    let mechanisms = if shown.mechanisms.is_empty() { "-".to_owned() } else { shown.mechanisms.join(" ") };
    let days = shown.certificate.as_ref().map_or("-".to_owned(), |it| it.days_left.to_string());
    let cells = vec![
        shown.service.to_owned(),
        format!("{} {}", line(&shown.endpoint, 100), shown.security),
        line(&found_by, 80),
        shown.tls.map_or("-".to_owned(), |it| it.replace('_', ".")),
        days,
        shown.sign_in.map_or_else(|| line(&mechanisms, 40), str::to_owned),
        shown.verdict.to_owned(),
    ];
    let subject = server.met.as_ref().and_then(|met| met.certificate.as_ref()).map(Certificate::subject);
    let subject = subject.filter(|it| shown.why.as_ref().is_none_or(|why| !why.contains(it)));
    let abilities = Some(shown.capabilities.join(" ")).filter(|it| !it.is_empty());
    let user = shown.user.map(|user| format!("signs in as {user}"));
    let detail: Vec<String> = shown.why.into_iter().chain(subject).chain(abilities).chain(user).collect();
    (cells, line(&detail.join("; "), 500))
}
