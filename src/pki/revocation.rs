//! Certificate revocation lists (RFC 5280, section 5), read; validation checks their signature and scope.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use certval::compare_names;
use der::Decode;
use jiff::Timestamp;
use x509_cert::crl::CertificateList;

use super::certificate::timestamp;
use super::ocsp::Signed;
use super::{Certificate, Finding, name, pem};

/// The largest list read, in octets; national authorities publish lists of some megabytes.
const LARGEST: usize = 64 << 20;

/// Answers that are remembered. Each takes some hundred octets, and whoever signs a message chooses a moment.
const MOST_ANSWERS: usize = 1_000;

/// What is asked of a list: about a certificate, by its SHA-256, of this issuer, at this moment.
type Question = ([u8; 32], [u8; 32], Timestamp);

/// Why bytes are not a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Neither DER nor PEM of a list, or something after it.
    #[error("it is not a certificate revocation list")]
    Malformed,
    /// Larger than 64 MiB.
    #[error("the revocation list is larger than 64 MiB")]
    TooLarge,
}

/// A revocation list. A clone shares it.
#[derive(Clone, Debug)]
pub struct RevocationList {
    der: Arc<Vec<u8>>,
    issuer_name: x509_cert::name::Name,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    /// What it said: to verify and read some megabytes takes longer than all else that is done with a message.
    answers: Arc<Mutex<BTreeMap<Question, Result<(), Finding>>>>,
}

impl RevocationList {
    /// Reads a list, DER or PEM.
    pub fn from_bytes(bytes: &[u8]) -> Result<RevocationList, RevocationError> {
        if bytes.len() > LARGEST {
            return Err(RevocationError::TooLarge);
        }
        if !pem::is_pem(bytes) {
            return RevocationList::from_der(bytes);
        }
        let blocks = pem::blocks(bytes).map_err(|_| RevocationError::Malformed)?;
        let block = blocks.iter().find(|block| block.label == "X509 CRL").ok_or(RevocationError::Malformed)?;
        RevocationList::from_der(&block.der)
    }

    fn from_der(der: &[u8]) -> Result<RevocationList, RevocationError> {
        let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(der);
        let list = list.map_err(|_| RevocationError::Malformed)?.tbs_cert_list;
        Ok(RevocationList {
            der: Arc::new(der.to_vec()),
            issuer_name: list.issuer,
            this_update: timestamp(list.this_update),
            next_update: list.next_update.map(timestamp),
            answers: Arc::default(),
        })
    }

    /// The encoded list.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Who published it (RFC 4514), safe to show.
    pub fn issuer(&self) -> String {
        name::printable(&self.issuer_name)
    }

    /// When it was made.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// When the next one is due; after that it says nothing any more.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Whether this authority signed it.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        Signed::read(&self.der).is_some_and(|signed| signed.is_signed_by(issuer))
    }

    /// What it says of a certificate at a moment: as it said before, or as `ask` finds.
    pub(super) fn answer(
        &self,
        subject: &Certificate,
        issuer: &Certificate,
        at: Timestamp,
        ask: impl FnOnce() -> Result<(), Finding>,
    ) -> Result<(), Finding> {
        let question = (subject.sha256(), issuer.sha256(), at);
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers().get(&question).copied();
        if let Some(answer) = known {
            return answer;
        }
        let answer = ask();
        let mut answers = answers();
        if answers.len() < MOST_ANSWERS {
            answers.insert(question, answer);
        }
        answer
    }

    /// Whether it comes from the authority that issued this certificate, by name.
    pub fn covers(&self, certificate: &Certificate) -> bool {
        compare_names(&self.issuer_name, certificate.parsed().tbs_certificate().issuer())
    }
}
