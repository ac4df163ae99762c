//! What the directory answers, asked without a network.

use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::Directory;
use crate::clock::Clock;
use crate::sandbox::authority::certificate_der;
use crate::sandbox::http::{Request, Response};
use crate::sandbox::specimen;
use crate::sandbox::state::{Records, State};

fn records() -> &'static Records {
    static RECORDS: OnceLock<Records> = OnceLock::new();
    RECORDS.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        specimen::state(&path);
        State::open(&path, clock()).unwrap().records
    })
}

fn clock() -> Clock {
    Clock::Fixed("2026-01-05T08:00:00Z".parse().unwrap())
}

fn server() -> Directory {
    Directory::new("https://127.0.0.1:1/fhir/v2".to_owned(), records().clone(), clock())
}

fn ask(request: Request) -> Response {
    let key = records().api_key.expose().clone();
    server().answer(&request.with_header("esante-api-key", &key))
}

fn get(target: &str) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let response = ask(Request::new("GET", &format!("/fhir/v2/{path}"), query, ""));
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

/// `Type/id` of each entry.
fn found(target: &str) -> Vec<String> {
    let (status, bundle) = get(target);
    assert_eq!(status, 200, "{target}: {bundle}");
    entries(&bundle).iter().map(|one| format!("{}/{}", text(one, "/resourceType"), text(one, "/id"))).collect()
}

fn entries(bundle: &Value) -> Vec<&Value> {
    bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn link<'a>(bundle: &'a Value, relation: &str) -> Option<&'a str> {
    bundle["link"].as_array()?.iter().find(|link| link["relation"] == relation)?["url"].as_str()
}

const DURAND: &str = "Practitioner/003-000013";
const LEFEVRE: &str = "Practitioner/003-000021";

#[test]
fn a_bundle_has_the_shape_of_the_national_one() {
    let request = Request::new("GET", "/fhir/v2/Practitioner", "identifier=99700000013", "");
    let body = String::from_utf8(ask(request).body).unwrap();
    let at = |member: &str| body.find(&format!("\"{member}\":")).unwrap();
    assert!(at("resourceType") < at("entry") && at("entry") < at("link"), "{body}");
    assert!(!body.contains("\"search\":"));
    let bundle: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((text(&bundle, "/resourceType"), text(&bundle, "/type")), ("Bundle", "searchset"));
    assert_eq!(bundle["total"], 1);
    assert_eq!(text(&bundle, "/entry/0/fullUrl"), format!("https://127.0.0.1:1/fhir/v2/{DURAND}"));
    assert_eq!(link(&bundle, "self"), Some("https://127.0.0.1:1/fhir/v2/Practitioner?identifier=99700000013"));
    assert_eq!(link(&bundle, "next"), None);

    let (_, empty) = get("Practitioner?identifier=99700000099");
    assert_eq!(empty["total"], 0);
    assert!(empty.get("entry").is_none());
}

#[test]
fn a_mailbox_shows_its_kind_and_certificate() {
    let (_, bundle) = get("Organization?mailbox-mss:exact=laboratoire@biologie.sandbox");
    let [laboratory] = entries(&bundle)[..] else { panic!("one structure") };
    let telecom = laboratory["telecom"].as_array().unwrap();
    assert_eq!(telecom.len(), 3, "a telephone, an ordinary address, a mailbox");
    let extension = |url: &str| {
        telecom[2]["extension"].as_array().unwrap().iter().find(|one| text(one, "/url").contains(url)).unwrap()
    };
    assert_eq!(text(extension("email-type"), "/valueCoding/code"), "MSSANTE");
    assert_eq!(text(extension("metadata"), "/extension/0/valueCodeableConcept/coding/0/code"), "APP");
    let leaf = records().people["laboratoire"].leaf.as_ref().unwrap();
    let der = certificate_der(&leaf.pair.certificate).unwrap();
    assert_eq!(text(extension("urn:mss:certificate"), "/valueBase64Binary"), BASE64_STANDARD.encode(der));
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let mut seen = Vec::new();
    let mut target = "Practitioner?family=essai&_count=25".to_owned();
    let mut totals = Vec::new();
    loop {
        let (status, bundle) = get(&target);
        assert_eq!(status, 200);
        totals.push(bundle.get("total").is_some());
        seen.extend(entries(&bundle).iter().map(|one| text(one, "/id").to_owned()));
        let Some(next) = link(&bundle, "next") else { break };
        target = next.strip_prefix("https://127.0.0.1:1/fhir/v2/").unwrap().to_owned();
    }
    assert_eq!(totals, [false; 3], "the number is told where one page holds all");
    assert_eq!(seen.len(), 60);
    assert!(!seen.is_sorted(), "the order is the server's own");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 60);
    assert_eq!(found("Practitioner?family=essai").len(), 50, "the size of a page where none is asked for");
    assert_eq!(get("Practitioner?family=essai&_count=1&_total=accurate").1["total"], 60);
}

#[test]
fn a_stale_or_invented_page_token_is_refused() {
    let stale = super::Token { revision: 1, offset: 0, kind: "Practitioner", query: String::new() };
    for token in [stale.text(), "QUFB".to_owned(), String::new()] {
        let (status, outcome) = get(&format!("_page?id={}", crate::sandbox::http::encode(&token)));
        assert_eq!((status, text(&outcome, "/resourceType")), (400, "OperationOutcome"));
    }
}

#[test]
fn text_is_compared_by_prefix_without_accents_and_case_unless_asked_otherwise() {
    for (target, hit) in [
        ("Practitioner?family=lefevre", true),
        ("Practitioner?family=LEF%C3%88", true),
        ("Practitioner?family=fevre", false),
        ("Practitioner?family:contains=fevre", true),
        ("Practitioner?family:exact=LEF%C3%88VRE", true),
        ("Practitioner?family:exact=LEFEVRE", false),
        ("Practitioner?given=noel&family=lefevre", true),
        ("Practitioner?given=zoe&family=lefevre", false),
        ("Practitioner?family=nobody,lefevre", true),
        ("Practitioner?name=noel", true),
    ] {
        assert_eq!(found(target), if hit { vec![LEFEVRE] } else { vec![] }, "{target}");
    }
}

#[test]
fn the_plain_mailbox_search_also_finds_longer_addresses_and_ordinary_ones() {
    assert_eq!(found("Practitioner?mailbox-mss=dr.durand@medecin.sand"), [DURAND]);
    assert!(found("Practitioner?mailbox-mss:exact=dr.durand@medecin.sand").is_empty());
    assert_eq!(found("Practitioner?mailbox-mss:exact=dr.durand@medecin.sandbox"), [DURAND]);
    assert_eq!(found("Organization?mailbox-mss=accueil@laboratoire-tilleuls.invalid"), ["Organization/001-000010"]);
    for kind in ["Practitioner", "PractitionerRole", "Organization"] {
        assert!(found(&format!("{kind}?mailbox-mss=279035121518989")).is_empty(), "a patient is in no register");
    }
}

#[test]
fn tokens_may_name_their_system() {
    for (target, hit) in [
        ("Practitioner?identifier=99700000013", true),
        ("Practitioner?identifier=899700000013", true),
        ("Practitioner?identifier=https%3A%2F%2Frpps.esante.gouv.fr%7C99700000013", true),
        ("Practitioner?identifier=urn:oid:1.2.250.1.71.4.2.1%7C99700000013", false),
        ("Practitioner?identifier=%7C99700000013", false),
        ("Practitioner?_id=003-000013,003-9", true),
        ("Practitioner?identifier=99700000013&active=false", false),
        ("Practitioner?identifier=99700000013&_lastUpdated=ge2025-12-01", true),
        ("Practitioner?identifier=99700000013&_lastUpdated=ge2026-02-01", false),
    ] {
        assert_eq!(found(target), if hit { vec![DURAND] } else { vec![] }, "{target}");
    }
}

#[test]
fn includes_come_behind_the_matches() {
    assert_eq!(
        found(
            "PractitionerRole?practitioner=003-000021&_include=PractitionerRole:practitioner&_include=PractitionerRole:organization"
        ),
        ["PractitionerRole/005-000021", LEFEVRE, "Organization/001-000028"]
    );
    assert_eq!(found("Practitioner?_id=003-000013&_revinclude=PractitionerRole:practitioner").len(), 2);
    let rennes = found("Organization?address-city=rennes&_revinclude=PractitionerRole:organization");
    assert_eq!(rennes.iter().filter(|one| one.starts_with("PractitionerRole/")).count(), 3);
}

#[test]
fn a_closed_entry_stays_as_a_stub_without_a_name() {
    let (_, bundle) = get("Practitioner?identifier=99700075122");
    let [stub] = entries(&bundle)[..] else { panic!("one entry") };
    assert_eq!(stub["active"], false);
    assert!(stub.get("name").is_none() && stub.get("qualification").is_none());
}

#[test]
fn a_wrong_or_missing_key_is_refused_in_the_words_of_a_gateway() {
    let request = Request::new("GET", "/fhir/v2/Practitioner", "", "");
    for request in [request.clone(), request.with_header("esante-api-key", "guess")] {
        let response = server().answer(&request);
        assert_eq!(response.status, 401);
        assert!(!String::from_utf8(response.body).unwrap().contains("OperationOutcome"));
    }
}

#[test]
fn what_the_server_does_not_know_is_an_outcome_of_its_own() {
    for (target, status, words) in [
        ("Practitioner?mailbox-mss-type=PER", 400, "Parameter mailbox-mss-type not found"),
        ("Practitioner?_sort=name", 400, "Parameter _sort not found"),
        ("Practitioner?family:above=x", 400, "Modifier above not supported for parameter family"),
        ("Practitioner?_include=Practitioner:x", 400, "Invalid value for parameter _include: Practitioner:x"),
        ("Practitioner?_lastUpdated=soon", 400, "Invalid date for parameter _lastUpdated: soon"),
        ("Practitionner?name=x", 404, "HAPI-0302: Unknown resource type 'Practitionner'"),
        ("Practitioner/003-999999", 404, "HAPI-2001: Resource Practitioner/003-999999 is not known"),
    ] {
        let (found, outcome) = get(target);
        assert_eq!((found, text(&outcome, "/issue/0/diagnostics")), (status, words), "{target}");
        assert_eq!(text(&outcome, "/resourceType"), "OperationOutcome");
    }
    let put = ask(Request::new("PUT", "/fhir/v2/Practitioner/003-000013", "", "{}"));
    assert_eq!(put.status, 405);
}

#[test]
fn a_search_may_come_as_a_form() {
    let form = Request::new("POST", "/fhir/v2/Practitioner/_search", "", "family=durand&given=zo%C3%A9");
    let response = ask(form.clone().with_header("content-type", "application/x-www-form-urlencoded; charset=UTF-8"));
    let bundle: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(bundle["total"], 1);
    assert_eq!(ask(form).status, 415);
}

#[test]
fn elements_may_be_chosen() {
    let (_, bundle) = get("Practitioner?_id=003-000013&_elements=identifier,active");
    let fields: Vec<&String> = entries(&bundle)[0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["active", "id", "identifier", "meta", "resourceType"]);
    assert_eq!(text(entries(&bundle)[0], "/meta/tag/0/code"), "SUBSETTED");
}
