//! Keys on a token that fails: the message is not at fault, and is not put aside as if it were.

use std::sync::Arc;

use super::OpenError;
use super::specimen::{World, composition, encrypted, octets};
use crate::cms::CmsError;
use crate::pki::{Identity, KeyError, KeyHolder, PrivateKey, RsaUnwrap, TokenFailure};
use crate::secret::Secret;

/// A token that was pulled out.
struct Gone;

const GONE: KeyError = KeyError::Token(TokenFailure::Removed);

impl KeyHolder for Gone {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(GONE)
    }

    fn sign_pss(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(GONE)
    }

    fn unwrap_rsa(&self, _ciphertext: &[u8], _how: RsaUnwrap) -> Result<Secret<Vec<u8>>, KeyError> {
        Err(GONE)
    }

    fn agree(&self, _peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        Err(GONE)
    }
}

fn on_a_token(identity: &Identity) -> Identity {
    let certificate = identity.certificate().clone();
    let key = PrivateKey::held(&certificate, Arc::new(Gone));
    Identity::new(certificate, identity.chain().to_vec(), key).unwrap()
}

#[test]
fn a_message_whose_key_is_on_an_absent_token_is_not_at_fault() {
    let world = World::new();
    let sealed = octets(&mut world.seal(composition())[0]);
    let encrypted = encrypted("Content-Type: text/plain\r\n\r\nx\r\n", &world.lefevre);
    for (message, reader) in [(sealed, &world.durand), (encrypted.into_bytes(), &world.lefevre)] {
        world.open(&message, reader).unwrap();
        let error = world.open(&message, &on_a_token(reader)).err().unwrap();
        assert!(matches!(&error, OpenError::Cms(CmsError::Key(GONE))), "{error:?}");
        assert!(!error.is_final());
    }
}
