//! The settings of the directory as values: where it is asked, in which order, and how old a copy of it may be.

use serde::{Deserialize, Serialize};

use super::written::{as_text, optional_secret};
use crate::pace::Span;
use crate::secret::Secret;

/// Somebody to ask who is who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The FHIR service.
    Fhir,
    /// The extraction that is kept on this machine.
    Index,
}

impl Source {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Source::Fhir => "fhir",
            Source::Index => "index",
        }
    }
}

/// The directory of the space.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Directory {
    pub url: String,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_extension: Option<String>,
    /// Who is asked, the first one first.
    #[serde(default = "fhir_then_index")]
    pub sources: Vec<Source>,
    /// How old an extraction may be to be believed.
    #[serde(default = "days_30", with = "as_text")]
    pub index_max_age: Span,
}

impl Directory {
    /// A FHIR service, with everything else as it is where nothing is said.
    pub fn at(url: String, api_key: Option<Secret<String>>, certificate_extension: Option<String>) -> Directory {
        Directory { url, api_key, certificate_extension, sources: fhir_then_index(), index_max_age: days_30() }
    }
}

fn fhir_then_index() -> Vec<Source> {
    vec![Source::Fhir, Source::Index]
}

fn days_30() -> Span {
    Span::of_days(30)
}
