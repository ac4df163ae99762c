//! The settings of connections as values: who is believed, how revocation is learned of, which proxy leads out.

use serde::{Deserialize, Serialize};

use super::written::optional_secret;
use crate::pki::TrustAnchors;
use crate::secret::Secret;

/// Which world a profile works in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// The trusted space of MSSanté: authorities for tests are refused.
    Production,
    /// A space for tests and training.
    Test,
    /// Any other, with authorities of its own.
    Private,
}

impl Space {
    /// The world that anchors speak of: IGC-Santé's own are known octet by octet, those for tests by their names.
    pub fn of(anchors: &TrustAnchors) -> Space {
        match (anchors.igc_sante().is_empty(), anchors.for_tests()) {
            (false, _) => Space::Production,
            (true, Some(_)) => Space::Test,
            (true, None) => Space::Private,
        }
    }

    /// What becomes of servers of which nobody tells, where the profile does not say. The authorities of the trusted space
    /// publish lists, so that the lack of one is a fault; others often publish none.
    pub fn usual_revocation(self) -> RevocationRule {
        match self {
            Space::Production => RevocationRule::Require,
            Space::Test | Space::Private => RevocationRule::IfReachable,
        }
    }
}

/// What becomes of a server of whose certificate nobody tells whether it was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationRule {
    /// It is refused.
    Require,
    /// It is used.
    IfReachable,
    /// It is used, and nobody is asked.
    Off,
}

/// What is trusted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trust {
    /// PEM.
    pub anchors: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<Space>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<RevocationRule>,
    #[serde(default)]
    pub system_roots: bool,
    #[serde(default = "days_30")]
    pub warn_days: u32,
}

impl Trust {
    /// These anchors and lists, everything else as it usually is.
    pub fn of(anchors: String, crl: Vec<String>) -> Trust {
        Trust { anchors, crl, space: None, revocation: None, system_roots: false, warn_days: days_30() }
    }
}

/// The proxy that leads to every server of a profile.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Proxy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_command: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl Proxy {
    /// Whether nothing at all is said of a proxy.
    pub(super) fn is_unset(&self) -> bool {
        let secret = self.password.is_some() || self.password_command.is_some();
        self.url.is_none() && self.user.is_none() && !secret && self.except.is_empty()
    }
}

fn days_30() -> u32 {
    30
}
