//! The certificate of a server, judged inside the handshake: its name, dates and path, and whether anything of that was revoked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::error::Untrusted;
use super::revocation::{Judge, Verdict};
use super::tls::{self, DialerError};
use crate::clock::Clock;
use crate::pki::{Certificate, TrustAnchors, named_paths};

/// Certificates of a handshake looked at.
const MOST_CERTIFICATES: usize = 16;

/// Judges servers for one set of anchors.
pub(super) struct ServerVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    anchors: TrustAnchors,
    judge: Option<Arc<Judge>>,
    /// What was found about each certificate, by its fingerprint.
    verdicts: Mutex<BTreeMap<[u8; 32], Verdict>>,
}

impl ServerVerifier {
    pub(super) fn new(anchors: &TrustAnchors, judge: Option<Arc<Judge>>) -> Result<ServerVerifier, DialerError> {
        let (anchors, verdicts) = (anchors.clone(), Mutex::default());
        Ok(ServerVerifier { webpki: webpki(anchors.certificates())?, anchors, judge, verdicts })
    }

    /// Judges the certificates of a session that is taken up again, as they stand now.
    pub(super) fn again(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, clock: Clock) -> Result<(), Error> {
        let (leaf, above) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(clock.unix_seconds()));
        self.verify_server_cert(leaf, above, name, &[], now).map(drop)
    }

    /// What was found about the revocation of a certificate.
    pub(super) fn verdict(&self, sha256: &[u8; 32]) -> Option<Verdict> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned()
    }

    /// Whether a path that holds is free of revoked certificates. Which of several paths holds is asked of the one who judged
    /// the whole, with that path alone.
    fn judge(
        &self,
        judge: &Judge,
        chain: Chain<'_>,
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<(), Untrusted> {
        let at = Timestamp::from_second(i64::try_from(now.as_secs()).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
        let read = |der: &CertificateDer<'_>| Certificate::from_der(der);
        let leaf = read(chain.leaf).map_err(|error| Untrusted::Other(error.to_string()))?;
        let above: Vec<Certificate> =
            chain.above.iter().take(MOST_CERTIFICATES).filter_map(|it| read(it).ok()).collect();
        let mut refusal = Untrusted::UnknownIssuer;
        for path in named_paths(&leaf, &above, &self.anchors) {
            if !holds(chain.leaf, &path, name, now) {
                continue;
            }
            let anchors = path.len() - 1;
            match judge.judge(&self.up_to_the_root(path), anchors, stapled, at) {
                Ok(verdict) => {
                    self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(leaf.sha256(), verdict);
                    return Ok(());
                }
                Err(found) => refusal = found,
            }
        }
        Err(refusal)
    }

    /// The path with the anchors above its anchor: who trusts an authority and also the one that issued it wants to hear if the
    /// latter took its word back.
    fn up_to_the_root(&self, mut path: Vec<Certificate>) -> Vec<Certificate> {
        while let Some(last) = path.last().filter(|_| path.len() < MOST_CERTIFICATES) {
            let issuer =
                self.anchors.certificates().iter().find(|it| it.is_named_as_issuer_of(last) && !path.contains(it));
            let Some(issuer) = issuer.cloned() else { break };
            path.push(issuer);
        }
        path
    }
}

#[cfg(test)]
impl ServerVerifier {
    pub(super) fn forget(&self) {
        self.judge.iter().for_each(|judge| judge.forget());
    }
}

/// What a server showed.
#[derive(Clone, Copy)]
struct Chain<'a> {
    leaf: &'a CertificateDer<'a>,
    above: &'a [CertificateDer<'a>],
}

/// Whether one path alone is believed.
fn holds(leaf: &CertificateDer<'_>, path: &[Certificate], name: &ServerName<'_>, now: UnixTime) -> bool {
    let Some((anchor, below)) = path.split_last() else { return false };
    let der = |certificate: &Certificate| CertificateDer::from(certificate.der().to_vec());
    let between: Vec<CertificateDer<'_>> = below.iter().skip(1).map(der).collect();
    webpki(std::slice::from_ref(anchor))
        .is_ok_and(|alone| alone.verify_server_cert(leaf, &between, name, &[], now).is_ok())
}

/// Those of a system's authorities that the TLS library takes as anchors: one it does not must not take the others away.
pub(super) fn usable(anchors: &TrustAnchors) -> TrustAnchors {
    let usable = |anchor: &&Certificate| webpki(std::slice::from_ref(*anchor)).is_ok();
    TrustAnchors::new(anchors.certificates().iter().filter(usable).cloned())
}

fn webpki(anchors: &[Certificate]) -> Result<Arc<WebPkiServerVerifier>, DialerError> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        roots
            .add(CertificateDer::from(anchor.der().to_vec()))
            .map_err(|error| DialerError::Anchor(super::bounded(&error.to_string())))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider())
        .build()
        .map_err(|error| DialerError::Anchor(error.to_string()))
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.webpki.verify_server_cert(leaf, above, name, stapled, now)?;
        if let Some(judge) = &self.judge {
            let judged = self.judge(judge, Chain { leaf, above }, name, stapled, now);
            judged.map_err(|why| match why {
                // The one that has an alert of its own.
                Untrusted::Revoked => Error::InvalidCertificate(CertificateError::Revoked),
                other => Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))),
            })?;
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerVerifier")
    }
}
