//! Which cipher for whom: recipients are grouped by the best that their programs open, and each group gets a copy of its own.

use crate::cms::{self, ContentEncryption};
use crate::pki::{Certificate, KeyKind, Reader};
use crate::space::Recipient;

/// One way to encrypt a copy, fit for every recipient of it.
///
/// Older readers fail on an entry of a kind of key they do not know, even one that is not theirs: a CBC copy is for RSA keys
/// or for keys of curves, never for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// AES-256-GCM, to keys of every kind.
    Gcm,
    /// AES-256-CBC, to RSA keys by RSAES-OAEP.
    CbcRsaOaep,
    /// AES-256-CBC, to RSA keys by RSAES-PKCS1-v1_5.
    CbcRsaPkcs1,
    /// AES-256-CBC, by ECDH.
    CbcAgreement,
}

impl Suite {
    /// All of them.
    pub const ALL: [Suite; 4] = [Suite::Gcm, Suite::CbcRsaOaep, Suite::CbcRsaPkcs1, Suite::CbcAgreement];

    /// The best for a recipient.
    pub(super) fn of(recipient: &Recipient) -> Suite {
        let is_rsa = matches!(recipient.trusted().certificate().key_kind(), KeyKind::Rsa { .. });
        match recipient.reader() {
            Reader::Gcm => Suite::Gcm,
            Reader::Cbc { .. } if !is_rsa => Suite::CbcAgreement,
            Reader::Cbc { oaep: true } => Suite::CbcRsaOaep,
            Reader::Cbc { oaep: false } => Suite::CbcRsaPkcs1,
        }
    }

    /// A stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Suite::Gcm => "gcm",
            Suite::CbcRsaOaep => "cbc-rsa-oaep",
            Suite::CbcRsaPkcs1 => "cbc-rsa-pkcs1",
            Suite::CbcAgreement => "cbc-agreement",
        }
    }

    /// How the content is encrypted.
    pub fn encryption(self) -> ContentEncryption {
        match self {
            Suite::Gcm => ContentEncryption::Aes256Gcm,
            _ => ContentEncryption::Aes256Cbc,
        }
    }

    /// The smime-type of RFC 8551, section 3.2.2.
    pub(super) fn smime_type(self) -> &'static str {
        match self {
            Suite::Gcm => "authEnveloped-data",
            _ => "enveloped-data",
        }
    }

    /// Whether an entry for a certificate may stand in such a copy.
    pub(super) fn takes(self, certificate: &Certificate) -> bool {
        let is_rsa = matches!(certificate.key_kind(), KeyKind::Rsa { .. });
        match self {
            Suite::Gcm => true,
            Suite::CbcRsaOaep | Suite::CbcRsaPkcs1 => is_rsa,
            Suite::CbcAgreement => !is_rsa,
        }
    }

    /// The entry for a certificate.
    pub(super) fn entry(self, certificate: &Certificate) -> cms::Recipient<'_> {
        match self {
            Suite::CbcRsaPkcs1 => cms::Recipient::CertificatePkcs1(certificate),
            _ => cms::Recipient::Certificate(certificate),
        }
    }
}
