//! The authorities this profile believes, and no other: the machine's own list is asked only where the profile says so.

use super::{Certificate, CertificateError, pem};

/// Certificates taken from the list of a system; Debian's has about 150.
const MOST_IN_BUNDLE: usize = 1024;

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

    /// Reads the list of authorities that a system keeps. What cannot be read in it is passed over: it is somebody else's list,
    /// and one odd certificate must not take all the others away.
    pub fn from_system_bundle(text: &[u8]) -> TrustAnchors {
        let blocks = pem::blocks(text).unwrap_or_default();
        let certificates = blocks.iter().filter(|block| block.label.ends_with("CERTIFICATE"));
        TrustAnchors::new(certificates.take(MOST_IN_BUNDLE).filter_map(|block| Certificate::from_der(&block.der).ok()))
    }

    /// These anchors and others.
    pub fn with(&self, others: &TrustAnchors) -> TrustAnchors {
        TrustAnchors::new(self.0.iter().chain(&others.0).cloned())
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
