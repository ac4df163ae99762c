//! Questions as they are put: search parameters, and the addresses they may go to.

/// A search on one resource type (FHIR R4, section 3.1.1), sent by POST so that names stay out of logs of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) resource: &'static str,
    parameters: Vec<(&'static str, String)>,
}

impl Search {
    pub(super) fn new(resource: &'static str) -> Search {
        Search { resource, parameters: Vec::new() }
    }

    /// A parameter whose value is our own: a code, an identifier, an include.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Search {
        self.parameters.push((name, value.into()));
        self
    }

    /// A parameter whose value is somebody's text: the characters that mean something to FHIR are escaped (3.1.1.4.0.1).
    pub(super) fn text(self, name: &'static str, value: &str) -> Search {
        let mut escaped = String::with_capacity(value.len());
        for c in value.chars() {
            if matches!(c, '\\' | ',' | '|' | '$') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        self.with(name, escaped)
    }

    /// Names and values in the order they were given.
    pub(super) fn parameters(&self) -> Vec<(&str, &str)> {
        self.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// Host and port of an `https` address, in a form that can be compared.
pub(super) fn origin(url: &str) -> Option<(String, u16)> {
    let rest = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).map(|_| &url[8..])?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    // User information could make a host look like another.
    if authority.is_empty() || authority.contains('@') || !authority.is_ascii() {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    if host.is_empty() { None } else { Some((host.to_ascii_lowercase(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_fhir_is_escaped_in_text() {
        let search = Search::new("Practitioner")
            .text("mailbox-mss:exact", "a+b|c@x.fr")
            .text("family", r"D'Œuvré, J\$")
            .with("_id", "1,2");
        let expected = [("mailbox-mss:exact", r"a+b\|c@x.fr"), ("family", r"D'Œuvré\, J\\\$"), ("_id", "1,2")];
        assert_eq!(search.parameters(), expected);
    }

    #[test]
    fn only_scheme_host_and_port_make_an_origin() {
        let base = origin("https://gateway.api.esante.gouv.fr/fhir/v2").unwrap();
        assert_eq!(origin("HTTPS://Gateway.api.esante.gouv.fr:443/fhir/v2/_page?id=1"), Some(base.clone()));
        for foreign in [
            "http://gateway.api.esante.gouv.fr/fhir/v2/_page?id=1",
            "https://gateway.api.esante.gouv.fr.evil/fhir",
            "https://gateway.api.esante.gouv.fr@evil/fhir",
            "https://gateway.api.esante.gouv.fr:444/fhir",
            "https://evil\\@gateway.api.esante.gouv.fr/",
            "//gateway.api.esante.gouv.fr/fhir",
            "_page?id=1",
            "",
        ] {
            assert_ne!(origin(foreign), Some(base.clone()), "{foreign}");
        }
    }
}
