//! A signed tree head: how many records there are and their Merkle root (C2SP tlog-checkpoint in a C2SP signed-note).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hex::Hex;
use crate::secret::Secret;

use super::TraceError;
use super::tree::Hash;

/// Ed25519 in a signed note.
const ALGORITHM: u8 = 0x01;
/// No checkpoint is longer.
pub(super) const LIMIT: u64 = 4096;

/// A checkpoint as it was read; `verify` says whether it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log it belongs to.
    pub origin: String,
    /// Number of records, openings of segments included.
    pub size: u64,
    /// Merkle root over them.
    pub root: [u8; 32],
    note: String,
    signatures: Vec<(String, Vec<u8>)>,
}

/// Why a text is not a checkpoint of this trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not written as one.
    #[error("it is not a checkpoint")]
    Malformed,
    /// No signature of this trace's key verifies.
    #[error("its signature is not that of this trace")]
    Signature,
}

impl Checkpoint {
    /// Reads the text of a checkpoint.
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let (note, signed) = text.split_once("\n\n").ok_or(malformed)?;
        let mut lines = note.lines();
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(malformed)?;
        let size = lines.next().ok_or(malformed)?;
        let root = lines.next().and_then(|root| STANDARD.decode(root).ok()).ok_or(malformed)?;
        let number: u64 = size.parse().map_err(|_| malformed)?;
        if number.to_string() != size || !signed.ends_with('\n') {
            return Err(malformed);
        }
        let signatures: Option<Vec<(String, Vec<u8>)>> = signed.lines().map(signature).collect();
        Ok(Checkpoint {
            origin: origin.to_owned(),
            size: number,
            root: root.try_into().map_err(|_| malformed)?,
            note: format!("{note}\n"),
            signatures: signatures.filter(|found| !found.is_empty()).ok_or(malformed)?,
        })
    }

    /// Whether the key of this trace signed it. Signatures of others, such as witnesses, are passed over.
    pub fn verify(&self, public_key: &[u8; 32]) -> Result<(), CheckpointError> {
        let name = origin(public_key);
        let hint = key_hint(&name, public_key);
        let key = UnparsedPublicKey::new(&ED25519, public_key);
        let ours = self.signatures.iter().filter(|(by, octets)| *by == name && octets.starts_with(&hint));
        let good = ours.map(|(_, octets)| key.verify(self.note.as_bytes(), &octets[hint.len()..]).is_ok());
        match self.origin == name && good.fold(None, |all, one| Some(all.unwrap_or(true) && one)) == Some(true) {
            true => Ok(()),
            false => Err(CheckpointError::Signature),
        }
    }
}

/// `— name base64(hint || signature)`.
fn signature(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, octets) = line.strip_prefix("— ")?.split_once(' ')?;
    let octets = STANDARD.decode(octets).ok().filter(|octets| octets.len() > 4)?;
    Some((name.to_owned(), octets))
}

/// The key that signs checkpoints.
pub(super) struct Signer {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl Signer {
    pub(super) fn new(seed: &Secret<[u8; 32]>) -> Result<Signer, TraceError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| TraceError::SigningKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| TraceError::SigningKey)?;
        Ok(Signer { pair, public })
    }

    pub(super) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The text of a signed checkpoint.
    pub(super) fn sign(&self, size: u64, root: &Hash) -> String {
        let name = origin(&self.public);
        let note = format!("{name}\n{size}\n{}\n", STANDARD.encode(root));
        let signature = self.pair.sign(note.as_bytes());
        let signed = STANDARD.encode([&key_hint(&name, &self.public), signature.as_ref()].concat());
        format!("{note}\n— {name} {signed}\n")
    }
}

/// The name of a trace: it says nothing of whose it is.
fn origin(public_key: &[u8; 32]) -> String {
    let digest = digest(&SHA256, public_key);
    let short = Hex(&digest.as_ref()[..8]);
    format!("mss-trace/{short}")
}

fn key_hint(name: &str, public_key: &[u8; 32]) -> [u8; 4] {
    let hashed = digest(&SHA256, &[name.as_bytes(), b"\n", &[ALGORITHM], public_key].concat());
    hashed.as_ref()[..4].try_into().expect("SHA-256 gives 32 octets")
}

/// The public key as other programs that read signed notes take it: `name+hint+base64(algorithm || key)`.
pub(super) fn verifier_key(public_key: &[u8; 32]) -> String {
    let name = origin(public_key);
    let hint = key_hint(&name, public_key);
    let hint = Hex(&hint);
    format!("{name}+{hint}+{}", STANDARD.encode([&[ALGORITHM], public_key.as_slice()].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(seed: u8) -> Signer {
        Signer::new(&Secret::new([seed; 32])).unwrap()
    }

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        let text = signer(1).sign(42, &[9; 32]);
        let read = Checkpoint::parse(&text).unwrap();
        assert_eq!((read.size, read.root), (42, [9; 32]));
        read.verify(signer(1).public()).unwrap();
        assert_eq!(read.verify(signer(2).public()), Err(CheckpointError::Signature));
        for (place, octet) in text.bytes().enumerate() {
            let mut changed = text.clone().into_bytes();
            changed[place] = octet ^ 1;
            let parsed = String::from_utf8(changed).ok().and_then(|text| Checkpoint::parse(&text).ok());
            let verified = parsed.is_some_and(|read| read.verify(signer(1).public()).is_ok());
            assert!(!verified, "octet {place} changed");
        }
    }

    #[test]
    fn a_signature_of_another_beside_ours_is_passed_over() {
        let text = signer(1).sign(3, &[1; 32]);
        let other = signer(2).sign(3, &[1; 32]);
        let witnessed = text + other.lines().last().unwrap() + "\n";
        Checkpoint::parse(&witnessed).unwrap().verify(signer(1).public()).unwrap();
    }

    #[test]
    fn the_verifier_key_has_the_form_of_signed_notes() {
        let key = verifier_key(signer(1).public());
        let parts: Vec<&str> = key.splitn(3, '+').collect();
        assert!(parts[0].starts_with("mss-trace/") && parts[1].len() == 8);
        assert_eq!(STANDARD.decode(parts[2]).unwrap().len(), 33);
    }
}
