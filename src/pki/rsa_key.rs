//! An RSA key that is parsed once: reading PKCS#8 checks the whole key, which takes longer than signing with it.

use std::sync::OnceLock;

use aws_lc_rs::rsa::PrivateDecryptingKey;
use aws_lc_rs::signature::RsaKeyPair;

use super::KeyError;

/// The two forms in which AWS-LC uses a key, each made when it is first asked for; AWS-LC wipes them when they are freed.
#[derive(Default)]
pub(super) struct RsaKey {
    signing: OnceLock<RsaKeyPair>,
    decrypting: OnceLock<PrivateDecryptingKey>,
}

impl RsaKey {
    /// The key for signing; `pkcs8` is the same each time.
    pub(super) fn signing(&self, pkcs8: &[u8]) -> Result<&RsaKeyPair, KeyError> {
        if let Some(key) = self.signing.get() {
            return Ok(key);
        }
        let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Malformed)?;
        Ok(self.signing.get_or_init(|| key))
    }

    /// The key for decrypting.
    pub(super) fn decrypting(&self, pkcs8: &[u8]) -> Result<&PrivateDecryptingKey, KeyError> {
        if let Some(key) = self.decrypting.get() {
            return Ok(key);
        }
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| KeyError::Malformed)?;
        Ok(self.decrypting.get_or_init(|| key))
    }
}
