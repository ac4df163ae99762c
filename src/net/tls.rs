//! TLS as one profile wants it: its anchors, its identity, its clock, and no cipher suite without authenticated encryption.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ClientConfig, SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};

use super::verifier::ServerVerifier;
use crate::clock::Clock;
use crate::pki::{Identity, KeyKind, PrivateKey};

/// Why no connection can be opened for this profile at all.
#[derive(Debug, thiserror::Error)]
pub enum DialerError {
    /// One of the trusted certificates cannot be an anchor.
    #[error("a trusted certificate cannot be used as an anchor: {0}")]
    Anchor(String),
    /// The key of the identity is of a kind that TLS has no use for.
    #[error("a key of this kind cannot sign in over TLS")]
    KeyKind,
    /// The TLS library refused the whole.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The clock of the profile, in the form rustls asks for.
#[derive(Debug)]
struct ProfileClock(Clock);

impl TimeProvider for ProfileClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.unix_seconds())))
    }
}

/// All of TLS 1.3; of TLS 1.2 the suites with ephemeral keys and AES-GCM.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| match suite {
            SupportedCipherSuite::Tls13(_) => true,
            SupportedCipherSuite::Tls12(suite) => matches!(
                suite.common.suite,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                    | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                    | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
                    | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            ),
        });
        Arc::new(provider)
    });
    PROVIDER.clone()
}

/// The settings of every connection of a profile. Sessions are kept in memory and taken up again (RFC 8446, section 2.2).
pub(super) fn client_config(
    verifier: Arc<ServerVerifier>,
    identity: Option<&Identity>,
    clock: Clock,
) -> Result<ClientConfig, DialerError> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(ProfileClock(clock)))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| DialerError::Setup(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(match identity {
        Some(identity) => builder.with_client_cert_resolver(client_certificate(identity)?),
        None => builder.with_no_client_auth(),
    })
}

/// The one certificate of the profile, shown to every server that asks.
fn client_certificate(identity: &Identity) -> Result<Arc<dyn ResolvesClientCert>, DialerError> {
    let schemes: &'static [SignatureScheme] = match identity.key().kind() {
        KeyKind::P256 => &[SignatureScheme::ECDSA_NISTP256_SHA256],
        KeyKind::P384 => &[SignatureScheme::ECDSA_NISTP384_SHA384],
        KeyKind::P521 => &[SignatureScheme::ECDSA_NISTP521_SHA512],
        KeyKind::Ed25519 => &[SignatureScheme::ED25519],
        KeyKind::Rsa { .. } => &[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256],
        _ => return Err(DialerError::KeyKind),
    };
    let chain = std::iter::once(identity.certificate()).chain(identity.chain());
    let chain = chain.map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let key = ProfileKey { key: identity.key().clone(), schemes };
    Ok(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, Arc::new(key)))))
}

/// The key of the profile. It signs where it is held and is not handed to the TLS library.
struct ProfileKey {
    key: PrivateKey,
    schemes: &'static [SignatureScheme],
}

impl SigningKey for ProfileKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = *self.schemes.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(ProfileSigner { key: self.key.clone(), scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.key.kind() {
            KeyKind::Rsa { .. } => SignatureAlgorithm::RSA,
            KeyKind::Ed25519 => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::ECDSA,
        }
    }
}

struct ProfileSigner {
    key: PrivateKey,
    scheme: SignatureScheme,
}

impl Signer for ProfileSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let signed = match self.scheme {
            SignatureScheme::RSA_PSS_SHA256 => self.key.sign_pss(message),
            _ => self.key.sign(message),
        };
        signed.map(|signature| signature.bytes).map_err(|error| {
            let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            rustls::Error::General(format!("{error}{why}"))
        })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for ProfileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileKey")
    }
}

impl fmt::Debug for ProfileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileSigner")
    }
}
