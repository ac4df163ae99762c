//! The digests of SignedData: SHA-256, SHA-384, SHA-512 (RFC 5754); SHA-1 and older ones are not read.

use aws_lc_rs::digest;
use der::asn1::ObjectIdentifier;

use super::oid;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DigestAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl DigestAlgorithm {
    pub(super) const ALL: [DigestAlgorithm; 3] =
        [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];

    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<DigestAlgorithm> {
        DigestAlgorithm::ALL.into_iter().find(|algorithm| algorithm.oid() == oid)
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            DigestAlgorithm::Sha256 => oid::SHA256,
            DigestAlgorithm::Sha384 => oid::SHA384,
            DigestAlgorithm::Sha512 => oid::SHA512,
        }
    }

    /// Its name as the micalg parameter of multipart/signed spells it (RFC 8551, section 3.5.3.2).
    pub(super) fn micalg(self) -> &'static str {
        match self {
            DigestAlgorithm::Sha256 => "sha-256",
            DigestAlgorithm::Sha384 => "sha-384",
            DigestAlgorithm::Sha512 => "sha-512",
        }
    }

    pub(super) fn hash(self) -> &'static digest::Algorithm {
        match self {
            DigestAlgorithm::Sha256 => &digest::SHA256,
            DigestAlgorithm::Sha384 => &digest::SHA384,
            DigestAlgorithm::Sha512 => &digest::SHA512,
        }
    }
}

/// Several digests over one content, read once.
pub(super) struct Digests(Vec<(DigestAlgorithm, digest::Context)>);

impl Digests {
    pub(super) fn new(algorithms: impl IntoIterator<Item = DigestAlgorithm>) -> Digests {
        let mut digests: Vec<(DigestAlgorithm, digest::Context)> = Vec::new();
        for algorithm in algorithms {
            if !digests.iter().any(|(known, _)| *known == algorithm) {
                digests.push((algorithm, digest::Context::new(algorithm.hash())));
            }
        }
        Digests(digests)
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        for (_, context) in &mut self.0 {
            context.update(piece);
        }
    }

    pub(super) fn finish(self) -> Vec<(DigestAlgorithm, digest::Digest)> {
        self.0.into_iter().map(|(algorithm, context)| (algorithm, context.finish())).collect()
    }
}
