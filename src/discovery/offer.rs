//! What was found: offers in the order of preference, what was refused and why, and who could not be asked.

use serde::{Deserialize, Serialize};

use super::gate::Why;
use crate::net::{Endpoint, Security};

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// It takes messages (RFC 6409).
    Submission,
    /// It keeps the mailbox (RFC 9051).
    Mailbox,
}

impl Service {
    /// Both.
    pub const ALL: [Service; 2] = [Service::Submission, Service::Mailbox];

    /// One word, for a script to read.
    pub fn name(self) -> &'static str {
        match self {
            Service::Submission => "submission",
            Service::Mailbox => "mailbox",
        }
    }
}

/// Who named a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The user.
    Given,
    /// A record of DNS (RFC 2782).
    Srv { name: String, priority: u16, weight: u16 },
    /// The autoconfiguration document of the domain.
    Document { url: String },
}

/// A server that is said to serve a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What for.
    pub service: Service,
    /// A host name; what the user gave may be an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether TLS starts with the first octet; else by STARTTLS.
    pub implicit_tls: bool,
    /// Who said so.
    pub origin: Origin,
    /// The user to sign in as, where a document says another than the address.
    pub user: Option<String>,
}

impl Offer {
    /// What the user gave.
    pub fn given(service: Service, endpoint: &Endpoint) -> Offer {
        Offer {
            service,
            host: endpoint.host.clone(),
            port: endpoint.port,
            implicit_tls: endpoint.security == Security::Implicit,
            origin: Origin::Given,
            user: None,
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        let security = if self.implicit_tls { Security::Implicit } else { Security::StartTls };
        Endpoint { host: self.host.clone(), port: self.port, security }
    }

    /// What comes first: the lowest priority; then STARTTLS, which is how the space submits and reads; then the greater weight.
    /// RFC 2782 would draw lots among equals of priority: here a server is chosen once and written down, so the choice is to be
    /// the same each time. What a document lists comes behind, in its order.
    pub(super) fn rank(&self) -> (u32, bool, u16) {
        match self.origin {
            Origin::Given => (0, self.implicit_tls, 0),
            Origin::Srv { priority, weight, .. } => (1 + u32::from(priority), self.implicit_tls, u16::MAX - weight),
            Origin::Document { .. } => (u32::MAX, false, 0),
        }
    }
}

/// Something that was offered and is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What it is for, where that is known.
    pub service: Option<Service>,
    /// Where it was named.
    pub source: String,
    /// What was named, made safe to show.
    pub target: String,
    /// Why not.
    pub why: Why,
}

/// Somebody who could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Who.
    pub source: String,
    /// Why not.
    pub why: String,
    /// What it means.
    pub kind: TroubleKind,
}

/// What a trouble means for what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// Nobody answers.
    Unavailable,
    /// Somebody answers that it cannot answer now.
    Later,
    /// Somebody answers who is not believed.
    Untrusted,
}

/// All that a domain publishes of its servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The preferred one first.
    pub offers: Vec<Offer>,
    /// What was refused.
    pub refusals: Vec<Refusal>,
    /// Who could not be asked.
    pub troubles: Vec<Trouble>,
}

impl Published {
    /// Whether there is an offer of this kind.
    pub fn has(&self, service: Service) -> bool {
        self.offers.iter().any(|offer| offer.service == service)
    }

    /// Whether the domain says that it decidedly has no such service, and offers none in another way.
    pub(super) fn declines(&self, service: Service) -> bool {
        let said = self.refusals.iter().any(|it| it.service == Some(service) && it.why == Why::Declined);
        said && !self.has(service)
    }
}
