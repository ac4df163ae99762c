//! The search parameters the directory knows, and where each looks (FHIR R4, section 3.1.1).

use serde_json::Value;

/// How a parameter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By prefix, without accents and case; `:contains` anywhere; `:exact` to the letter.
    Text,
    /// A code, with its system or without.
    Token,
    /// `Type/id`, or the bare identifier.
    Reference,
    /// The moment of the last change.
    Moment,
}

/// A value a resource offers to a parameter: a text, or a code with its system.
pub(super) type Offered<'a> = (Option<&'a str>, &'a str);

/// One parameter of one resource type.
pub(super) struct Parameter {
    pub name: &'static str,
    pub way: Way,
    /// Where it looks: names of elements, arrays gone through, a system beside a code or value.
    path: &'static [&'static [&'static str]],
}

const fn parameter(name: &'static str, way: Way, path: &'static [&'static [&'static str]]) -> Parameter {
    Parameter { name, way, path }
}

const ID: Parameter = parameter("_id", Way::Token, &[&["id"]]);
const LAST_UPDATED: Parameter = parameter("_lastUpdated", Way::Moment, &[&["meta", "lastUpdated"]]);
const ACTIVE: Parameter = parameter("active", Way::Token, &[&["active"]]);
const SOURCE: Parameter = parameter("data-information-system", Way::Token, &[]);
const IDENTIFIER: Parameter = parameter("identifier", Way::Token, &[&["identifier"]]);
const IDENTIFIER_TYPE: Parameter = parameter("identifier-type", Way::Token, &[&["identifier", "type", "coding"]]);
/// Over all of telecom, so that an ordinary address is found too.
const MAILBOX: Parameter = parameter("mailbox-mss", Way::Text, &[&["telecom", "value"]]);

const PRACTITIONER: &[Parameter] = &[
    ID,
    LAST_UPDATED,
    ACTIVE,
    SOURCE,
    parameter("family", Way::Text, &[&["name", "family"]]),
    parameter("given", Way::Text, &[&["name", "given"]]),
    IDENTIFIER,
    IDENTIFIER_TYPE,
    MAILBOX,
    parameter("name", Way::Text, &[&["name", "family"], &["name", "given"], &["name", "prefix"]]),
    parameter("number-smartcard", Way::Token, &[]),
    parameter("qualification-code", Way::Token, &[&["qualification", "code", "coding"]]),
];

const PRACTITIONER_ROLE: &[Parameter] = &[
    ID,
    LAST_UPDATED,
    ACTIVE,
    SOURCE,
    parameter("data-registration-authority", Way::Token, &[]),
    IDENTIFIER,
    MAILBOX,
    parameter("organization", Way::Reference, &[&["organization", "reference"]]),
    parameter("practitioner", Way::Reference, &[&["practitioner", "reference"]]),
    parameter("role", Way::Token, &[&["code", "coding"]]),
];

const ORGANIZATION: &[Parameter] = &[
    ID,
    LAST_UPDATED,
    ACTIVE,
    parameter("address", Way::Text, &[&["address", "line"], &["address", "city"], &["address", "postalCode"]]),
    parameter("address-city", Way::Text, &[&["address", "city"]]),
    parameter("address-line", Way::Text, &[&["address", "line"]]),
    parameter("address-postalcode", Way::Text, &[&["address", "postalCode"]]),
    SOURCE,
    IDENTIFIER,
    IDENTIFIER_TYPE,
    MAILBOX,
    parameter("name", Way::Text, &[&["name"]]),
    parameter("partof", Way::Reference, &[&["partOf", "reference"]]),
    parameter("pharmacy-licence", Way::Token, &[]),
    parameter("type", Way::Token, &[&["type", "coding"]]),
];

/// Of types of which the register holds nothing.
const OTHER: &[Parameter] = &[ID, LAST_UPDATED, ACTIVE, IDENTIFIER];

/// The resource types and their parameters.
pub(super) const TYPES: [(&str, &[Parameter]); 5] = [
    ("Practitioner", PRACTITIONER),
    ("PractitionerRole", PRACTITIONER_ROLE),
    ("Organization", ORGANIZATION),
    ("HealthcareService", OTHER),
    ("Device", OTHER),
];

impl Parameter {
    /// What a resource offers to this parameter.
    pub fn values<'a>(&self, resource: &'a Value) -> Vec<Offered<'a>> {
        let mut found = Vec::new();
        for path in self.path {
            collect(resource, path, &mut found);
        }
        found
    }
}

fn collect<'a>(value: &'a Value, path: &[&str], found: &mut Vec<Offered<'a>>) {
    match (value, path) {
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Object(fields), [first, rest @ ..]) => {
            if let Some(next) = fields.get(*first) {
                collect(next, rest, found);
            }
        }
        (Value::Object(fields), []) => {
            let code = fields.get("code").or_else(|| fields.get("value")).and_then(Value::as_str);
            found.extend(code.map(|code| (fields.get("system").and_then(Value::as_str), code)));
        }
        (Value::String(text), []) => found.push((None, text)),
        (Value::Bool(flag), []) => found.push((None, if *flag { "true" } else { "false" })),
        _ => {}
    }
}
