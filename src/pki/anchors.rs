//! The authorities this profile believes, and no other: the machine's own list is never asked.

use super::{Certificate, CertificateError};

/// Certificates that need no issuer.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors(Vec<Certificate>);

impl TrustAnchors {
    /// Takes these certificates as anchors; one given twice counts once.
    pub fn new(certificates: impl IntoIterator<Item = Certificate>) -> TrustAnchors {
        let mut anchors = TrustAnchors::default();
        for certificate in certificates {
            if !anchors.contains(&certificate) {
                anchors.0.push(certificate);
            }
        }
        anchors
    }

    /// Reads every certificate of a PEM text.
    pub fn from_pem(text: &[u8]) -> Result<TrustAnchors, CertificateError> {
        Certificate::from_pem(text).map(TrustAnchors::new)
    }

    /// The anchors.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// Whether nobody at all is believed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this very certificate is an anchor.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.0.contains(certificate)
    }
}
