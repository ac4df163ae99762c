//! A certificate, the certificates above it, and the private key that belongs to it.

use super::{Certificate, CertificateError, KeyError, PrivateKey};

/// Why a certificate and a key are not an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The key is of another certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// The certificates cannot be read.
    #[error("the certificate cannot be read")]
    Certificate(#[source] CertificateError),
    /// The key cannot be read.
    #[error("the private key cannot be read")]
    Key(#[source] KeyError),
}

/// Who signs or decrypts here.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: Certificate,
    chain: Vec<Certificate>,
    key: PrivateKey,
}

impl Identity {
    /// Puts the parts together, after checking that key and certificate belong together.
    pub fn new(certificate: Certificate, chain: Vec<Certificate>, key: PrivateKey) -> Result<Identity, IdentityError> {
        if !key.public_key_matches(&certificate) {
            return Err(IdentityError::Mismatch);
        }
        Ok(Identity { certificate, chain, key })
    }

    /// Reads a PEM text of certificates and a PEM text with the key. The certificate of the key is found among them
    /// wherever it stands; the others are its chain.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Identity, IdentityError> {
        let mut chain = Certificate::from_pem(certificates).map_err(IdentityError::Certificate)?;
        let key = PrivateKey::from_pem(key).map_err(IdentityError::Key)?;
        let own = chain.iter().position(|candidate| key.public_key_matches(candidate));
        let certificate = chain.remove(own.ok_or(IdentityError::Mismatch)?);
        Ok(Identity { certificate, chain, key })
    }

    /// The certificate of the key.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificates above it, in the order given.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyKind;
    use super::super::specimen::{Authority, Leaf};
    use super::*;

    #[test]
    fn the_certificate_of_the_key_is_found_in_any_order() {
        let authority = Authority::root("TEST AC");
        let identity = authority.identity(Leaf::new("a@b.fr"));
        let bundle = format!("{}{}", authority.certificate.to_pem(), identity.certificate().to_pem());
        let pem = identity.key().to_pkcs8_pem();
        let read = Identity::from_pem(bundle.as_bytes(), pem.expose().as_bytes()).unwrap();
        assert_eq!(read.certificate(), identity.certificate());
        assert_eq!(read.chain(), [authority.certificate]);
    }

    #[test]
    fn a_foreign_key_is_refused() {
        let certificate = Authority::root("TEST AC").certify(&Leaf::new("a@b.fr"));
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        assert_eq!(Identity::new(certificate, Vec::new(), key).err(), Some(IdentityError::Mismatch));
    }
}
