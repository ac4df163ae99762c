//! Keys on the Brainpool curves (RFC 5639), which the safe interface of AWS-LC leaves out.

/// The same functions for each of the two crates, which share their traits but not one trait that has them all.
macro_rules! brainpool {
    ($name:ident, $curves:ident, $curve:ident) => {
        pub(super) mod $name {
            use $curves::elliptic_curve::Generate;
            use $curves::elliptic_curve::point::AffineCoordinates;
            use $curves::elliptic_curve::sec1::ToSec1Point;
            use $curves::pkcs8::{DecodePrivateKey, EncodePrivateKey, SecretDocument};
            use $curves::r1::SecretKey;
            use $curves::$curve;
            use ecdsa::elliptic_curve::PublicKey;
            use ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
            use ecdsa::{SigningKey, VerifyingKey};

            use crate::pki::KeyError;
            use crate::secret::Secret;

            /// The public point of a key in PKCS#8, uncompressed.
            pub(in crate::pki) fn public_key(pkcs8: &[u8]) -> Option<Vec<u8>> {
                SecretKey::from_pkcs8_der(pkcs8).ok().map(|key| point(&key))
            }

            /// A key in the older form `EC PRIVATE KEY`, as PKCS#8.
            pub(in crate::pki) fn from_sec1(der: &[u8]) -> Option<SecretDocument> {
                SecretKey::from_sec1_der(der).ok()?.to_pkcs8_der().ok()
            }

            /// A new key, as PKCS#8.
            pub(in crate::pki) fn generate() -> Result<SecretDocument, KeyError> {
                let key = SecretKey::try_generate().map_err(|_| KeyError::Refused)?;
                key.to_pkcs8_der().map_err(|_| KeyError::Malformed)
            }

            /// ECDSA over a digest: the SEQUENCE of r and s, its nonce as in RFC 6979.
            pub(in crate::pki) fn sign(pkcs8: &[u8], digest: &[u8]) -> Result<Vec<u8>, KeyError> {
                let key = SecretKey::from_pkcs8_der(pkcs8).map_err(|_| KeyError::Malformed)?;
                let signature: ecdsa::der::Signature<$curve> =
                    SigningKey::from(key).sign_prehash(digest).map_err(|_| KeyError::Refused)?;
                Ok(signature.as_bytes().to_vec())
            }

            /// Whether a signature was made with a key over a digest.
            pub(in crate::pki) fn verifies(public: &[u8], digest: &[u8], signature: &[u8]) -> bool {
                let key = VerifyingKey::<$curve>::from_sec1_bytes(public);
                let signature = ecdsa::der::Signature::<$curve>::from_bytes(signature);
                matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(digest, &signature).is_ok())
            }

            /// ECDH with a key in PKCS#8 (SEC 1, section 3.3.1); the cofactor of these curves is 1.
            pub(in crate::pki) fn agree(pkcs8: &[u8], peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
                shared(&SecretKey::from_pkcs8_der(pkcs8).map_err(|_| KeyError::Malformed)?, peer)
            }

            /// ECDH with a key that is forgotten at once: its public point and the shared secret.
            pub(in crate::pki) fn agree_ephemeral(peer: &[u8]) -> Result<(Vec<u8>, Secret<Vec<u8>>), KeyError> {
                let key = SecretKey::try_generate().map_err(|_| KeyError::Refused)?;
                Ok((point(&key), shared(&key, peer)?))
            }

            fn point(key: &SecretKey) -> Vec<u8> {
                key.public_key().to_sec1_point(false).as_bytes().to_vec()
            }

            fn shared(key: &SecretKey, peer: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
                let peer = PublicKey::<$curve>::from_sec1_bytes(peer).map_err(|_| KeyError::Refused)?;
                let secret = peer.to_projective() * *key.to_nonzero_scalar();
                Ok(Secret::new(secret.to_affine().x().to_vec()))
            }
        }
    };
}

brainpool!(p256r1, bp256, BrainpoolP256r1);
brainpool!(p384r1, bp384, BrainpoolP384r1);
