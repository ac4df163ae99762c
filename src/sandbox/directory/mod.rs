//! The directory of the sandbox: a read-only FHIR R4 server that answers as the Annuaire Santé v2 does.

mod bundle;
mod parameters;
mod resources;
mod search;

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::SandboxError;
use super::http::{Request, Response, parameters as decoded};
use super::state::Records;
use crate::clock::Clock;
use crate::secret::Secret;
use bundle::{Page, Token};
use parameters::TYPES;
pub(super) use resources::CERTIFICATE_EXTENSION;
use resources::{Resource, register};
use search::{Diagnostics, Search};

/// Below what path the server answers.
pub(super) const PATH: &str = "/fhir/v2";

const FHIR: &str = "application/fhir+json;charset=UTF-8";

/// The server.
pub(super) struct Directory {
    base: String,
    api_key: Secret<String>,
    records: Records,
    clock: Clock,
    register: OnceLock<Vec<Resource>>,
}

impl Directory {
    /// A server that calls itself by this address, without a final slash.
    pub fn new(base: String, records: Records, clock: Clock) -> Directory {
        Directory { base, api_key: records.api_key.clone(), records, clock, register: OnceLock::new() }
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request) -> Response {
        // The gateway in front of the national server checks the key, and does not speak FHIR.
        if request.header("esante-api-key") != Some(self.api_key.expose().as_str()) {
            let refused = json!({"message": "Unauthorized", "http_status_code": 401});
            return Response::new(401, "application/json", refused.to_string());
        }
        let Some(path) = request.path.strip_prefix(PATH).and_then(|rest| rest.strip_prefix('/')) else {
            return Response::text(404, "No context-path matches the request URI.");
        };
        let mut query = request.query.clone();
        let segments: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", ["metadata"]) => resource(200, &statement(&self.base)),
            ("GET" | "HEAD", ["_page"]) => self.page(&query),
            ("GET" | "HEAD", [kind]) => self.search(kind, &query),
            ("POST", [kind, "_search"]) => {
                let form = request.header("content-type").is_some_and(|media_type| {
                    media_type.split(';').next().is_some_and(|bare| bare.trim() == "application/x-www-form-urlencoded")
                });
                let Some(body) = std::str::from_utf8(&request.body).ok().filter(|_| form) else {
                    return outcome(415, "Content-Type application/x-www-form-urlencoded is required");
                };
                query.push('&');
                query.push_str(body);
                self.search(kind, &query)
            }
            ("GET" | "HEAD", [kind, id]) => self.read(kind, id),
            ("GET" | "HEAD" | "POST", _) => outcome(404, &format!("Unknown path {path}")),
            (method, _) => outcome(405, &format!("Method {method} is not supported by this server")),
        }
    }

    fn search(&self, kind: &str, query: &str) -> Response {
        let Some((kind, _)) = TYPES.iter().find(|(known, _)| *known == kind) else { return unknown_type(kind) };
        self.found(kind, query.trim_matches('&'), 0)
    }

    fn page(&self, query: &str) -> Response {
        let id = decoded(query).and_then(|pairs| pairs.into_iter().find(|(name, _)| name == "id"));
        let token = id.and_then(|(_, text)| Token::read(&text)).filter(|token| token.revision == self.revision());
        match token {
            Some(token) => self.found(token.kind, &token.query, token.offset),
            None => outcome(400, "The page token is unknown or expired"),
        }
    }

    fn found(&self, kind: &'static str, query: &str, offset: usize) -> Response {
        let parsed: Result<Search, Diagnostics> = decoded(query)
            .ok_or_else(|| "The parameters are not well encoded".to_owned())
            .and_then(|pairs| Search::read(kind, &pairs));
        let search = match parsed {
            Ok(search) => search,
            Err(diagnostics) => return outcome(400, &diagnostics),
        };
        let page = Page { base: &self.base, query, offset, revision: self.revision() };
        match self.register() {
            Ok(register) => Response::new(200, FHIR, page.bundle(&search, register)),
            Err(_) => outcome(500, "The register cannot be read"),
        }
    }

    fn read(&self, kind: &str, id: &str) -> Response {
        if !TYPES.iter().any(|(known, _)| *known == kind) {
            return unknown_type(kind);
        }
        let found = self.register().map(|all| all.iter().find(|one| one.kind == kind && one.id == id));
        match found {
            Ok(Some(found)) => resource(200, &found.value),
            Ok(None) => outcome(404, &format!("HAPI-2001: Resource {kind}/{id} is not known")),
            Err(_) => outcome(500, "The register cannot be read"),
        }
    }

    fn register(&self) -> Result<&[Resource], SandboxError> {
        if let Some(register) = self.register.get() {
            return Ok(register);
        }
        let register = register(&self.records, self.clock.now())?;
        Ok(self.register.get_or_init(|| register))
    }

    /// What page tokens are bound to: they go stale when the certificates of the register change.
    fn revision(&self) -> u32 {
        let times = self.records.people.values().filter_map(|person| person.leaf.as_ref()).map(|leaf| leaf.not_before);
        let sum = times.fold(0i64, |sum, time| sum.wrapping_mul(31).wrapping_add(time));
        u32::from_be_bytes(sum.to_be_bytes()[4..].try_into().expect("the last four of eight octets"))
    }
}

fn resource(status: u16, value: &Value) -> Response {
    Response::new(status, FHIR, value.to_string())
}

fn outcome(status: u16, diagnostics: &str) -> Response {
    let issue = json!({"severity": "error", "code": "processing", "diagnostics": diagnostics});
    resource(status, &json!({"resourceType": "OperationOutcome", "issue": [issue]}))
}

fn unknown_type(kind: &str) -> Response {
    outcome(404, &format!("HAPI-0302: Unknown resource type '{kind}'"))
}

/// The statement of capabilities (FHIR R4, section 3.1.0.9).
fn statement(base: &str) -> Value {
    let types: Vec<Value> = TYPES
        .iter()
        .map(|(kind, parameters)| {
            let parameters: Vec<Value> = parameters.iter().map(|one| json!({"name": one.name})).collect();
            json!({
                "type": kind,
                "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": parameters,
            })
        })
        .collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "kind": "instance",
        "implementation": {"description": "sandbox", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{"mode": "server", "resource": types}],
    })
}

#[cfg(test)]
mod tests;
