//! Which cipher for whom: recipients are grouped by the best that their programs open, and each group gets a copy of its own.

use crate::cms::{self, ContentEncryption};
use crate::pki::{Certificate, KeyKind, Reader};
use crate::sealed::Suite;
use crate::space::Recipient;

/// The best for a recipient.
pub fn suite_of(recipient: &Recipient) -> Suite {
    match recipient.reader() {
        Reader::Gcm => Suite::Gcm,
        Reader::Cbc { .. } if !is_rsa(recipient.trusted().certificate()) => Suite::CbcAgreement,
        Reader::Cbc { oaep: true } => Suite::CbcRsaOaep,
        Reader::Cbc { oaep: false } => Suite::CbcRsaPkcs1,
    }
}

/// Whether an entry for a certificate may stand in such a copy.
pub(super) fn takes(suite: Suite, certificate: &Certificate) -> bool {
    match suite {
        Suite::Gcm => true,
        Suite::CbcRsaOaep | Suite::CbcRsaPkcs1 => is_rsa(certificate),
        Suite::CbcAgreement => !is_rsa(certificate),
    }
}

/// The entry for a certificate.
pub(super) fn entry(suite: Suite, certificate: &Certificate) -> cms::Recipient<'_> {
    match suite {
        Suite::CbcRsaPkcs1 => cms::Recipient::CertificatePkcs1(certificate),
        _ => cms::Recipient::Certificate(certificate),
    }
}

/// How the content is encrypted.
pub(super) fn encryption(suite: Suite) -> ContentEncryption {
    match suite {
        Suite::Gcm => ContentEncryption::Aes256Gcm,
        _ => ContentEncryption::Aes256Cbc,
    }
}

/// The smime-type of RFC 8551, section 3.2.2.
pub(super) fn smime_type(suite: Suite) -> &'static str {
    match suite {
        Suite::Gcm => "authEnveloped-data",
        _ => "enveloped-data",
    }
}

fn is_rsa(certificate: &Certificate) -> bool {
    matches!(certificate.key_kind(), KeyKind::Rsa { .. })
}
