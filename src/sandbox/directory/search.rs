//! A search: its parameters read and checked, its conditions held against the register.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::parameters::{Offered, Parameter, TYPES, Way};

/// Entries on a page, and the most that `_count` may ask for.
const PAGE: usize = 50;

/// What is wrong with a search, in the server's words.
pub(super) type Diagnostics = String;

/// A condition: one of the values has to fit.
struct Condition {
    parameter: &'static Parameter,
    modifier: Modifier,
    alternatives: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    None,
    Exact,
    Contains,
}

/// A search on one resource type.
pub(super) struct Search {
    pub kind: &'static str,
    conditions: Vec<Condition>,
    pub count: usize,
    /// Whether the number of matches is to be told even if there are more pages.
    pub counted: bool,
    /// Elements of the matches that lead to resources to include.
    pub includes: Vec<&'static str>,
    /// Types and elements of resources that lead to the matches, to include.
    pub reverse_includes: Vec<(&'static str, &'static str)>,
    /// Elements to keep of each resource; empty keeps all.
    pub elements: Vec<String>,
    pub pretty: bool,
}

impl Search {
    /// Reads the parameters; one that is not known is refused.
    pub fn read(kind: &'static str, parameters: &[(String, String)]) -> Result<Search, Diagnostics> {
        let mut search = Search {
            kind,
            conditions: Vec::new(),
            count: PAGE,
            counted: false,
            includes: Vec::new(),
            reverse_includes: Vec::new(),
            elements: Vec::new(),
            pretty: false,
        };
        for (name, value) in parameters {
            search.parameter(name, value)?;
        }
        Ok(search)
    }

    fn parameter(&mut self, name: &str, value: &str) -> Result<(), Diagnostics> {
        let invalid = || format!("Invalid value for parameter {name}: {value}");
        match name {
            "_count" => {
                let count: usize = value.parse().map_err(|_| invalid())?;
                self.count = count.clamp(1, PAGE);
            }
            "_total" => match value {
                "none" => self.counted = false,
                "estimate" | "accurate" => self.counted = true,
                _ => return Err(invalid()),
            },
            "_include" => self.include(value).ok_or_else(invalid)?,
            "_revinclude" => self.reverse_include(value).ok_or_else(invalid)?,
            "_elements" => self.elements.extend(value.split(',').map(str::to_owned)),
            "_format" => {
                if !matches!(value, "json" | "application/json" | "application/fhir+json") {
                    return Err(invalid());
                }
            }
            "_pretty" => self.pretty = value == "true",
            _ => self.condition(name, value)?,
        }
        Ok(())
    }

    fn include(&mut self, value: &str) -> Option<()> {
        let known: &[&str] = match self.kind {
            "PractitionerRole" => &["practitioner", "organization"],
            "Organization" => &["partof"],
            _ => &[],
        };
        let wanted = match value {
            "*" => "*",
            _ => value.strip_prefix(self.kind)?.strip_prefix(':')?,
        };
        let before = self.includes.len();
        self.includes.extend(known.iter().copied().filter(|name| wanted == "*" || *name == wanted));
        (wanted == "*" || self.includes.len() > before).then_some(())
    }

    fn reverse_include(&mut self, value: &str) -> Option<()> {
        let known: &[(&str, &str)] = match self.kind {
            "Practitioner" => &[("PractitionerRole", "practitioner")],
            "Organization" => &[
                ("PractitionerRole", "organization"),
                ("HealthcareService", "organization"),
                ("Device", "organization"),
            ],
            _ => &[],
        };
        let (from, element) = value.split_once(':')?;
        let found = known.iter().copied().find(|pair| *pair == (from, element))?;
        self.reverse_includes.push(found);
        Some(())
    }

    fn condition(&mut self, name: &str, value: &str) -> Result<(), Diagnostics> {
        let (bare, modifier) = name.split_once(':').map_or((name, None), |(bare, modifier)| (bare, Some(modifier)));
        let known = TYPES.iter().find(|(kind, _)| *kind == self.kind).map_or(&[][..], |(_, known)| known);
        let parameter = known
            .iter()
            .find(|parameter| parameter.name == bare)
            .ok_or_else(|| format!("Parameter {bare} not found"))?;
        let modifier = match (modifier, parameter.way) {
            (None, _) => Modifier::None,
            (Some("exact"), Way::Text) => Modifier::Exact,
            (Some("contains"), Way::Text) => Modifier::Contains,
            (Some(other), _) => return Err(format!("Modifier {other} not supported for parameter {bare}")),
        };
        let alternatives = alternatives(value);
        if parameter.way == Way::Moment && !alternatives.iter().all(|text| moment(text).is_some()) {
            return Err(format!("Invalid date for parameter {bare}: {value}"));
        }
        // A parameter without a value asks for nothing (FHIR R4, section 3.1.1.4.0.2).
        if !alternatives.is_empty() {
            self.conditions.push(Condition { parameter, modifier, alternatives });
        }
        Ok(())
    }

    /// Whether a resource of the type fits all conditions.
    pub fn fits(&self, resource: &Value) -> bool {
        self.conditions.iter().all(|condition| condition.fits(resource))
    }
}

impl Condition {
    fn fits(&self, resource: &Value) -> bool {
        let offered = self.parameter.values(resource);
        self.alternatives.iter().any(|wanted| offered.iter().any(|value| self.compare(value, wanted)))
    }

    fn compare(&self, (system, offered): &Offered<'_>, wanted: &str) -> bool {
        match (self.parameter.way, self.modifier) {
            (Way::Text, Modifier::Exact) => *offered == unescaped(wanted),
            (Way::Text, Modifier::Contains) => folded(offered).contains(&folded(&unescaped(wanted))),
            (Way::Text, Modifier::None) => folded(offered).starts_with(&folded(&unescaped(wanted))),
            (Way::Token, _) => match split_token(wanted) {
                (Some(wanted_system), "") => *system == Some(wanted_system),
                (Some(""), code) => system.is_none() && *offered == unescaped(code),
                (Some(wanted_system), code) => *system == Some(wanted_system) && *offered == unescaped(code),
                (None, code) => *offered == unescaped(code),
            },
            (Way::Reference, _) => *offered == wanted || offered.split_once('/').is_some_and(|(_, id)| id == wanted),
            (Way::Moment, _) => match (moment(wanted), offered.parse::<Timestamp>()) {
                (Some((comparison, at)), Ok(changed)) => comparison.holds(changed, at),
                _ => false,
            },
        }
    }
}

/// The values between commas that no backslash precedes (FHIR R4, section 3.1.1.4.0.1), still escaped.
fn alternatives(value: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut escaped = false;
    for c in value.chars() {
        match c {
            ',' if !escaped => found.push(String::new()),
            _ => found.last_mut().expect("there is always one").push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    found.retain(|text| !text.is_empty());
    found
}

/// A system and a code, split at the first bar that no backslash precedes.
fn split_token(wanted: &str) -> (Option<&str>, &str) {
    let bars = wanted.match_indices('|').map(|(at, _)| at);
    match bars.into_iter().find(|at| !wanted[..*at].ends_with('\\')) {
        Some(at) => (Some(&wanted[..at]), &wanted[at + 1..]),
        None => (None, wanted),
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            plain.push(c);
        }
    }
    plain
}

/// Without accents and case.
fn folded(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[derive(Clone, Copy)]
enum Comparison {
    On,
    After,
    Since,
    Before,
    Until,
}

impl Comparison {
    fn holds(self, changed: Timestamp, at: Timestamp) -> bool {
        match self {
            Comparison::On => (at..at + jiff::SignedDuration::from_hours(24)).contains(&changed),
            Comparison::After => changed > at,
            Comparison::Since => changed >= at,
            Comparison::Before => changed < at,
            Comparison::Until => changed <= at,
        }
    }
}

/// A date or moment with its prefix (FHIR R4, section 3.1.1.4.6).
fn moment(text: &str) -> Option<(Comparison, Timestamp)> {
    let (comparison, rest) = match text.split_at_checked(2)? {
        ("gt", rest) => (Comparison::After, rest),
        ("ge", rest) => (Comparison::Since, rest),
        ("lt", rest) => (Comparison::Before, rest),
        ("le", rest) => (Comparison::Until, rest),
        ("eq", rest) => (Comparison::On, rest),
        _ => (Comparison::On, text),
    };
    let at = match rest.parse::<Timestamp>() {
        Ok(at) => at,
        Err(_) => rest.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    Some((comparison, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_commas_and_bars_that_are_not_escaped() {
        assert_eq!(alternatives(r"a\,b,c"), [r"a\,b", "c"]);
        assert_eq!(alternatives(r"a\\,c,"), [r"a\\", "c"]);
        assert_eq!(unescaped(r"a\,b\\"), r"a,b\");
        assert_eq!(split_token("s|c"), (Some("s"), "c"));
        assert_eq!(split_token(r"c\|d"), (None, r"c\|d"));
    }

    #[test]
    fn folding_takes_accents_and_case_away() {
        assert_eq!(folded("LEFÈVRE Noël"), "lefevre noel");
    }

    #[test]
    fn a_moment_has_a_prefix_or_is_a_day() {
        for text in ["ge2026-01-05", "2026-01-05", "lt2026-01-05T00:00:00Z", "gt2026-01-05T00:00:00+02:00"] {
            assert!(moment(text).is_some(), "{text}");
        }
        assert!(moment("yesterday").is_none());
        assert!(moment("é").is_none());
    }
}
