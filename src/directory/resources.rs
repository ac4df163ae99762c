//! The FHIR R4 resources of the directory, as far as they are read, and one page of a search result.
//!
//! Reading is lenient, since the official examples differ among themselves: an unknown field is passed over, a missing
//! one is empty, and a resource that cannot be read is counted and left out.

use serde::Deserialize;
use serde_json::Value;

use super::{DirectoryError, bounded};

/// Octets of one page.
pub(super) const PAGE_LIMIT: u64 = 16 * 1024 * 1024;
/// Resources on one page; the national directory gives 50 matches and what they include.
const MOST_ENTRIES: usize = 5000;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Coding {
    pub(super) system: String,
    pub(super) code: String,
    pub(super) display: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CodeableConcept {
    pub(super) coding: Vec<Coding>,
    pub(super) text: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Extension {
    url: String,
    extension: Vec<Extension>,
    value_code: Option<String>,
    value_string: Option<String>,
    value_coding: Option<Coding>,
    value_codeable_concept: Option<CodeableConcept>,
    value_base64_binary: Option<String>,
}

impl Extension {
    /// Whether this is the extension of that name, whichever release of the guide its address comes from.
    pub(super) fn is(&self, name: &str) -> bool {
        self.url.rsplit('/').next() == Some(name)
    }

    pub(super) fn has_url(&self, url: &str) -> bool {
        self.url == url
    }

    /// The code in whichever of the four forms it is given.
    pub(super) fn code(&self) -> Option<&str> {
        let concept = self.value_codeable_concept.as_ref().and_then(|concept| concept.coding.first());
        let coding = self.value_coding.as_ref().or(concept).map(|coding| coding.code.as_str());
        coding.or(self.value_code.as_deref()).or(self.value_string.as_deref())
    }

    pub(super) fn part(&self, url: &str) -> Option<&Extension> {
        self.extension.iter().find(|part| part.url == url)
    }

    pub(super) fn text(&self) -> Option<&str> {
        self.value_string.as_deref().filter(|text| !text.trim().is_empty())
    }

    pub(super) fn base64(&self) -> Option<&str> {
        self.value_base64_binary.as_deref()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Identifier {
    pub(super) r#type: CodeableConcept,
    pub(super) system: String,
    pub(super) value: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ContactPoint {
    pub(super) extension: Vec<Extension>,
    pub(super) system: String,
    pub(super) value: String,
    pub(super) rank: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct HumanName {
    pub(super) text: String,
    pub(super) family: String,
    pub(super) given: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PostalAddress {
    pub(super) city: String,
    pub(super) postal_code: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) last_updated: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) reference: String,
}

impl Reference {
    /// The identifier in `Type/id`, alone or at the end of an address.
    pub(super) fn id(&self, resource: &str) -> Option<&str> {
        let (rest, id) = self.reference.rsplit_once('/')?;
        let known = rest.rsplit('/').next() == Some(resource) && is_id(id);
        known.then_some(id)
    }
}

/// A FHIR id (2.24.0.4): nothing in it needs escaping.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Qualification {
    pub(super) code: CodeableConcept,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Practitioner {
    pub(super) id: String,
    pub(super) meta: Meta,
    pub(super) identifier: Vec<Identifier>,
    pub(super) active: Option<bool>,
    pub(super) name: Vec<HumanName>,
    pub(super) telecom: Vec<ContactPoint>,
    pub(super) qualification: Vec<Qualification>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PractitionerRole {
    pub(super) id: String,
    pub(super) meta: Meta,
    pub(super) identifier: Vec<Identifier>,
    pub(super) active: Option<bool>,
    pub(super) practitioner: Reference,
    pub(super) organization: Reference,
    pub(super) code: Vec<CodeableConcept>,
    pub(super) specialty: Vec<CodeableConcept>,
    pub(super) telecom: Vec<ContactPoint>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) meta: Meta,
    pub(super) identifier: Vec<Identifier>,
    pub(super) active: Option<bool>,
    pub(super) name: String,
    pub(super) telecom: Vec<ContactPoint>,
    pub(super) address: Vec<PostalAddress>,
}

pub(super) enum Resource {
    Practitioner(Practitioner),
    PractitionerRole(PractitionerRole),
    Organization(Organization),
}

/// One page of a search result.
#[derive(Default)]
pub(super) struct Page {
    pub(super) resources: Vec<Resource>,
    pub(super) next: Option<String>,
    /// Resources that could not be read.
    pub(super) unreadable: usize,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Bundle {
    resource_type: String,
    entry: Vec<BundleEntry>,
    link: Vec<Link>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct BundleEntry {
    resource: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Link {
    relation: String,
    url: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct OperationOutcome {
    resource_type: String,
    issue: Vec<Issue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Issue {
    diagnostics: String,
    details: CodeableConcept,
}

impl Page {
    /// Reads a searchset Bundle. `total`, `entry` and `link` may be missing and come in any order.
    pub(super) fn read(body: &[u8]) -> Result<Page, DirectoryError> {
        if body.len() as u64 > PAGE_LIMIT {
            return Err(DirectoryError::Malformed("a page is too large"));
        }
        let bundle: Bundle =
            serde_json::from_slice(body).map_err(|_| DirectoryError::Malformed("it is not a FHIR Bundle"))?;
        if bundle.resource_type != "Bundle" {
            return Err(DirectoryError::Malformed("it is not a FHIR Bundle"));
        }
        if bundle.entry.len() > MOST_ENTRIES {
            return Err(DirectoryError::Malformed("a page has too many entries"));
        }
        let mut page = Page {
            next: bundle.link.into_iter().find(|link| link.relation == "next").map(|link| link.url),
            ..Page::default()
        };
        for entry in bundle.entry {
            match resource(entry.resource) {
                Ok(Some(resource)) => page.resources.push(resource),
                Ok(None) => {}
                Err(_) => page.unreadable += 1,
            }
        }
        Ok(page)
    }
}

/// Other types, warnings of the server among them, are passed over.
fn resource(value: Value) -> Result<Option<Resource>, serde_json::Error> {
    Ok(match value.get("resourceType").and_then(Value::as_str) {
        Some("Practitioner") => Some(Resource::Practitioner(serde_json::from_value(value)?)),
        Some("PractitionerRole") => Some(Resource::PractitionerRole(serde_json::from_value(value)?)),
        Some("Organization") => Some(Resource::Organization(serde_json::from_value(value)?)),
        _ => None,
    })
}

/// What an OperationOutcome says, if the body is one: errors of the gateway are text or HTML and say nothing to us.
pub(super) fn outcome(body: &[u8]) -> Option<String> {
    let outcome: OperationOutcome = serde_json::from_slice(body).ok()?;
    if outcome.resource_type != "OperationOutcome" {
        return None;
    }
    let said = |issue: &Issue| [&issue.diagnostics, &issue.details.text].into_iter().find(|t| !t.is_empty()).cloned();
    let words: Vec<String> = outcome.issue.iter().take(5).filter_map(said).collect();
    Some(bounded(&words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_neither_total_nor_entries_nor_links() {
        for body in [&br#"{"resourceType":"Bundle"}"#[..], include_bytes!("../../tests/vectors/fhir/empty.json")] {
            let page = Page::read(body).unwrap();
            assert!(page.resources.is_empty() && page.next.is_none());
        }
    }

    #[test]
    fn links_after_the_entries_are_read() {
        let page = Page::read(include_bytes!("../../tests/vectors/fhir/page-1.json")).unwrap();
        assert_eq!(page.resources.len(), 2);
        assert!(page.next.unwrap().ends_with("/_page?id=QUFBQUFBQUFBQUFBQUFBQQ%3D%3D"));
    }

    #[test]
    fn one_unreadable_resource_does_not_hide_the_others() {
        let body = br#"{"resourceType":"Bundle","entry":[
            {"resource":{"resourceType":"Organization","id":"1","name":7}},{"resource":null},{"fullUrl":"x"},
            {"resource":{"resourceType":"OperationOutcome"}},{"resource":{"resourceType":"Organization","id":"2"}}]}"#;
        let page = Page::read(body).unwrap();
        assert_eq!((page.resources.len(), page.unreadable), (1, 1));
    }

    #[test]
    fn what_is_no_bundle_is_an_error_and_no_panic() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        let nested = [br#"{"resourceType":"Bundle","entry":[{"resource":"#.to_vec(), deep.clone()].concat();
        for body in [&b""[..], b"<html>", b"null", b"[]", br#"{"resourceType":"Patient"}"#, &deep, &nested, b"\xff\xfe"]
        {
            assert!(matches!(Page::read(body), Err(DirectoryError::Malformed(_))));
        }
        let many = format!(r#"{{"resourceType":"Bundle","entry":[{}{{}}]}}"#, "{},".repeat(MOST_ENTRIES));
        assert!(Page::read(many.as_bytes()).is_err());
    }

    #[test]
    fn only_an_operation_outcome_speaks() {
        let said = outcome(include_bytes!("../../tests/vectors/fhir/outcome-400.json"));
        assert_eq!(said.as_deref(), Some("Parameter mailbox-mss-type not found"));
        assert_eq!(outcome(b"<html>Bad gateway</html>"), None);
        assert_eq!(outcome(b"{}"), None);
        let long =
            format!(r#"{{"resourceType":"OperationOutcome","issue":[{{"diagnostics":"{}"}}]}}"#, "x".repeat(9999));
        assert_eq!(outcome(long.as_bytes()).unwrap().len(), 512);
    }

    #[test]
    fn a_reference_is_an_id_whatever_stands_before_it() {
        let id = |text: &str| Reference { reference: text.to_owned() }.id("Practitioner").map(str::to_owned);
        assert_eq!(id("Practitioner/003-1").as_deref(), Some("003-1"));
        assert_eq!(id("https://x/fhir/v2/Practitioner/003-1").as_deref(), Some("003-1"));
        for bad in ["Organization/001-1", "003-1", "Practitioner/a,b", "Practitioner/", "#contained"] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }
}
