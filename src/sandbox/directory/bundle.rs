//! A page of a search as a Bundle: matches in the server's order, what they include, and the link to the next page.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use serde_json::{Value, json};

use super::parameters::TYPES;
use super::resources::Resource;
use super::search::Search;
use crate::sandbox::credentials::random;
use crate::sandbox::http::encode;

/// Where a page stands.
pub(super) struct Page<'a> {
    pub base: &'a str,
    pub query: &'a str,
    pub offset: usize,
    pub revision: u32,
}

/// What the link to a page carries, opaque to clients.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub revision: u32,
    pub offset: usize,
    pub kind: &'static str,
    pub query: String,
}

impl Token {
    /// As it stands in the link.
    pub fn text(&self) -> String {
        BASE64_URL_SAFE.encode(format!("{} {} {} {}", self.revision, self.offset, self.kind, self.query))
    }

    /// Reads it back; `None` for what the server did not give out.
    pub fn read(text: &str) -> Option<Token> {
        let plain = String::from_utf8(BASE64_URL_SAFE.decode(text).ok()?).ok()?;
        let mut parts = plain.splitn(4, ' ');
        let (revision, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let kind = parts.next()?;
        let (kind, _) = TYPES.iter().find(|(known, _)| *known == kind)?;
        Some(Token { revision, offset, kind, query: parts.next()?.to_owned() })
    }
}

impl Page<'_> {
    /// The Bundle, in the order of members in which the national server streams it: `link` after `entry`.
    pub fn bundle(&self, search: &Search, register: &[Resource]) -> String {
        let fitting = register.iter().filter(|one| one.kind == search.kind && search.fits(&one.value));
        let matches: Vec<&Resource> = fitting.collect();
        let page: Vec<&Resource> = matches.iter().copied().skip(self.offset).take(search.count).collect();
        let included = included(search, &page, register);
        let entries: Vec<Value> = page.iter().chain(&included).map(|one| self.entry(search, one)).collect();

        let next = self.offset + page.len();
        let more = next < matches.len();
        let mut links = Vec::new();
        if more {
            let query = self.query.to_owned();
            let token = Token { revision: self.revision, offset: next, kind: search.kind, query };
            links.push(json!({"relation": "next", "url": format!("{}/_page?id={}", self.base, encode(&token.text()))}));
        }
        let own = match self.offset {
            0 => format!("{}/{}?{}", self.base, search.kind, self.query),
            offset => {
                let query = self.query.to_owned();
                let token = Token { revision: self.revision, offset, kind: search.kind, query };
                format!("{}/_page?id={}", self.base, encode(&token.text()))
            }
        };
        links.push(json!({"relation": "self", "url": own}));

        let mut members = vec![("resourceType", json!("Bundle")), ("type", json!("searchset")), ("id", json!(uuid()))];
        // The server tells the number only where it knows it without looking further.
        if search.counted || (self.offset == 0 && !more) {
            members.push(("total", json!(matches.len())));
        }
        if !entries.is_empty() {
            members.push(("entry", Value::Array(entries)));
        }
        members.push(("link", Value::Array(links)));
        written(&members, search.pretty)
    }

    fn entry(&self, search: &Search, resource: &Resource) -> Value {
        let mut value = resource.value.clone();
        if let Value::Object(fields) = &mut value
            && !search.elements.is_empty()
        {
            let kept = |name: &String| search.elements.contains(name);
            fields.retain(|name, _| kept(name) || matches!(name.as_str(), "resourceType" | "id" | "meta"));
            fields["meta"]["tag"] = json!([{
                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                "code": "SUBSETTED",
            }]);
        }
        json!({"fullUrl": format!("{}/{}/{}", self.base, resource.kind, resource.id), "resource": value})
    }
}

/// What the matches of a page lead to, and what leads to them; each resource once.
fn included<'a>(search: &Search, page: &[&'a Resource], register: &'a [Resource]) -> Vec<&'a Resource> {
    let own: BTreeSet<String> = page.iter().map(|one| format!("{}/{}", one.kind, one.id)).collect();
    let mut wanted = BTreeSet::new();
    for one in page {
        wanted.extend(search.includes.iter().filter_map(|element| reference(one, element)));
    }
    let leads_here = |one: &Resource| {
        search
            .reverse_includes
            .iter()
            .any(|(kind, element)| one.kind == *kind && reference(one, element).is_some_and(|to| own.contains(to)))
    };
    let asked = |one: &&Resource| wanted.contains(format!("{}/{}", one.kind, one.id).as_str()) || leads_here(one);
    register.iter().filter(asked).filter(|one| !own.contains(&format!("{}/{}", one.kind, one.id))).collect()
}

fn reference<'a>(resource: &'a Resource, element: &str) -> Option<&'a str> {
    let name = if element == "partof" { "partOf" } else { element };
    resource.value.get(name)?.get("reference")?.as_str()
}

/// The members of an object in the order given, which serde_json's own maps do not keep.
fn written(members: &[(&str, Value)], pretty: bool) -> String {
    let (open, between, close) = if pretty { ("{\n", ",\n", "\n}") } else { ("{", ",", "}") };
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| if pretty { format!("\"{name}\": {value:#}") } else { format!("\"{name}\":{value}") })
        .collect();
    format!("{open}{}{close}", members.join(between))
}

fn uuid() -> String {
    let mut octets = random::<16>();
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_reads_back_and_a_foreign_one_does_not() {
        let token = Token { revision: 7, offset: 50, kind: "Practitioner", query: "name=a b&x=%7C".to_owned() };
        assert_eq!(Token::read(&token.text()), Some(token));
        for foreign in ["", "x", "QUFB", &BASE64_URL_SAFE.encode("1 2 Patient x")] {
            assert_eq!(Token::read(foreign), None, "{foreign}");
        }
    }
}
