//! Why a certificate is not believed, in a form that can be told and acted on.

use jiff::Timestamp;

/// What stands against a certificate. Each has a stable code for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Its validity is over.
    #[error("the certificate expired on {}", on.strftime("%Y-%m-%d"))]
    Expired {
        /// The last moment of its validity.
        on: Timestamp,
    },
    /// Its validity has not begun.
    #[error("the certificate is not valid before {}", from.strftime("%Y-%m-%d"))]
    NotYetValid {
        /// The first moment of its validity.
        from: Timestamp,
    },
    /// It names another address, or none.
    #[error("the certificate is for another address")]
    WrongAddress,
    /// Its key usage or extended key usage does not allow it (RFC 8550, section 4.4).
    #[error("the certificate may not be used for this")]
    WrongUsage,
    /// Its key is too short, or of a kind nothing here can use for the purpose.
    #[error("the key in the certificate is too weak or of an unsupported kind")]
    UnsupportedKey,
    /// No path leads to an authority that is believed.
    #[error("no trusted authority issued the certificate")]
    Untrusted,
    /// An authority above it is not valid at this moment.
    #[error("the authority that issued the certificate is out of its validity")]
    IssuerExpired,
    /// A signature on the path does not verify.
    #[error("a signature on the certificate's path does not verify")]
    BadSignature,
    /// Name constraints, path length, policies or an unknown critical extension (RFC 5280, section 6).
    #[error("the certificate breaks a rule of an authority above it")]
    Constraint,
    /// It is on its authority's revocation list, or the authority is.
    #[error("the certificate was revoked")]
    Revoked,
    /// Lists are at hand, but none that is current, complete and signed by its authority.
    #[error("no current revocation list tells whether the certificate was revoked")]
    RevocationUnknown,
    /// An extension cannot be read.
    #[error("the certificate is malformed")]
    Malformed,
}

impl Finding {
    /// The stable name of the finding.
    pub fn code(&self) -> &'static str {
        match self {
            Finding::Expired { .. } => "expired",
            Finding::NotYetValid { .. } => "not-yet-valid",
            Finding::WrongAddress => "wrong-address",
            Finding::WrongUsage => "wrong-usage",
            Finding::UnsupportedKey => "unsupported-key",
            Finding::Untrusted => "untrusted",
            Finding::IssuerExpired => "issuer-expired",
            Finding::BadSignature => "bad-signature",
            Finding::Constraint => "constraint",
            Finding::Revoked => "revoked",
            Finding::RevocationUnknown => "revocation-unknown",
            Finding::Malformed => "malformed",
        }
    }
}
