//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with and without channel binding.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::credentials::random;
use crate::secret::Secret;

const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not 0");

/// An exchange that has seen its first message.
pub(super) struct Scram {
    /// Who wants to sign in, as the client wrote it.
    pub user: String,
    /// What the client said of channel binding, with the octets that go with it.
    binding: Vec<u8>,
    client_first: String,
    server_first: String,
    nonce: String,
    salt: [u8; 16],
}

impl Scram {
    /// Reads client-first-message. `exporter` is that of the connection where the mechanism is the one with channel binding.
    pub fn begin(message: &[u8], exporter: Option<[u8; 32]>) -> Option<Scram> {
        let message = std::str::from_utf8(message).ok()?;
        let (flag, rest) = message.split_once(',')?;
        let (_, client_first) = rest.split_once(',')?;
        let fits = match exporter {
            Some(_) => flag == "p=tls-exporter",
            // A client that could bind and was not offered it has been lied to.
            None => flag == "n",
        };
        if !fits {
            return None;
        }
        let mut parts = client_first.split(',');
        let user = parts.next()?.strip_prefix("n=")?.replace("=2C", ",").replace("=3D", "=");
        let nonce = format!("{}{}", parts.next()?.strip_prefix("r=")?, BASE64_STANDARD.encode(random::<18>()));
        let salt = random();
        let server_first = format!("r={nonce},s={},i={ITERATIONS}", BASE64_STANDARD.encode(salt));
        let header = &message[..message.len() - client_first.len()];
        let binding = [header.as_bytes(), exporter.as_ref().map_or(&[], |octets| octets.as_slice())].concat();
        Some(Scram { user, binding, client_first: client_first.to_owned(), server_first, nonce, salt })
    }

    /// server-first-message.
    pub fn challenge(&self) -> &str {
        &self.server_first
    }

    /// Judges client-final-message by the password; gives server-final-message.
    pub fn end(&self, message: &[u8], password: &Secret<String>) -> Option<String> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        if without_proof != format!("c={},r={}", BASE64_STANDARD.encode(&self.binding), self.nonce) {
            return None;
        }
        let mut salted = zeroize::Zeroizing::new([0u8; 32]);
        derive(PBKDF2_HMAC_SHA256, ITERATIONS, &self.salt, password.expose().as_bytes(), salted.as_mut_slice());
        let signed = format!("{},{},{without_proof}", self.client_first, self.server_first);
        let mac = |key: &[u8], text: &[u8]| sign(&Key::new(HMAC_SHA256, key), text).as_ref().to_vec();
        let stored = digest(&SHA256, &mac(salted.as_slice(), b"Client Key"));
        let signature = mac(stored.as_ref(), signed.as_bytes());
        let proof = BASE64_STANDARD.decode(proof).ok().filter(|proof| proof.len() == signature.len())?;
        let key: Vec<u8> = proof.iter().zip(signature).map(|(one, other)| one ^ other).collect();
        verify_slices_are_equal(digest(&SHA256, &key).as_ref(), stored.as_ref()).ok()?;
        let own = mac(&mac(salted.as_slice(), b"Server Key"), signed.as_bytes());
        Some(format!("v={}", BASE64_STANDARD.encode(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_says_who_and_how_it_is_bound() {
        let begun = Scram::begin(b"n,,n=a=2Cb,r=abc", None).unwrap();
        assert_eq!(begun.user, "a,b");
        assert!(begun.challenge().starts_with("r=abc") && begun.challenge().ends_with(",i=4096"));
        assert!(Scram::begin(b"y,,n=a,r=abc", None).is_none(), "an offer was removed on the way");
        assert!(Scram::begin(b"p=tls-exporter,,n=a,r=abc", Some([0; 32])).is_some());
        for bad in [&b""[..], b"n", b"n,,r=x", b"p=other,,n=a,r=b", b"\xff"] {
            assert!(Scram::begin(bad, None).is_none() && Scram::begin(bad, Some([0; 32])).is_none());
        }
    }

    #[test]
    fn a_proof_of_another_password_or_connection_is_refused() {
        let begun = Scram::begin(b"n,,n=a,r=abc", None).unwrap();
        let password = Secret::new("tilleul".to_owned());
        let last = format!("c=biws,r={},p={}", begun.nonce, BASE64_STANDARD.encode([0; 32]));
        assert!(begun.end(last.as_bytes(), &password).is_none());
        assert!(begun.end(b"c=biws,r=abc,p=", &password).is_none());
    }
}
