//! The refresh token that may be kept between runs: sealed, in a private file, and erased when it is good no more.

use std::path::PathBuf;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

use super::token::Held;
use crate::fs::{self, FsError, Lock};
use crate::secret::{SealingKey, Secret};

/// More than the file ever holds.
const LIMIT: u64 = 64 * 1024;

/// Octets that give each writing a key of its own: the same key never seals two things under one number.
const SALT: usize = 32;

/// Why what is kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read, written or erased.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// It was changed, or sealed under another key.
    #[error("the refresh token that is kept was changed, or belongs to another key")]
    Changed,
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}

/// Where a refresh token is kept.
pub struct Kept {
    path: PathBuf,
    key: SealingKey,
    /// A token of another client, provider or person is as good as none.
    of: String,
}

#[derive(Deserialize)]
struct Record {
    of: String,
    token: String,
    until: Option<Timestamp>,
}

impl Kept {
    /// A place for the token that this provider gives to this client.
    pub fn new(path: PathBuf, key: &SealingKey, of: String) -> Kept {
        Kept { path, key: key.derive(b"refresh token"), of }
    }

    /// What is kept, if anything is.
    pub(super) fn read(&self) -> Result<Option<(Secret<String>, Held)>, KeptError> {
        if !fs::exists(&self.path) {
            return Ok(None);
        }
        let octets = fs::read_private(&self.path, LIMIT)?;
        let (salt, sealed) = octets.split_at_checked(SALT).ok_or(KeptError::Changed)?;
        let plain = self.key.derive(salt).open(0, b"", sealed).map_err(|_| KeptError::Changed)?;
        let plain = Secret::new(plain);
        let record: Record = serde_json::from_slice(plain.expose()).map_err(|_| KeptError::Changed)?;
        let (of, token) = (record.of, Secret::new(record.token));
        Ok((of == self.of).then_some((token, Held { until: record.until })))
    }

    /// Waits until no other process is having it renewed: a token that is renewed is good no more.
    pub(super) fn lock(&self) -> Result<Lock, KeptError> {
        if let Some(folder) = self.path.parent() {
            fs::private_dir(folder)?;
        }
        Ok(Lock::acquire(&self.path.with_extension("lock"))?)
    }

    /// Keeps this one instead of the last.
    pub(super) fn write(&self, token: &Secret<String>, until: Option<Timestamp>) -> Result<(), KeptError> {
        let mut salt = [0u8; SALT];
        rand::fill(&mut salt).map_err(|_| KeptError::Randomness)?;
        // Written by hand, so that no copy of the token is left behind in a record.
        let quoted = Secret::new(serde_json::to_string(token.expose()).map_err(|_| KeptError::Changed)?);
        let of = serde_json::to_string(&self.of).map_err(|_| KeptError::Changed)?;
        let until = serde_json::to_string(&until).map_err(|_| KeptError::Changed)?;
        let plain = Secret::new(format!("{{\"of\":{of},\"token\":{},\"until\":{until}}}", quoted.expose()));
        let sealed = self.key.derive(&salt).seal(0, b"", plain.expose().as_bytes());
        if let Some(folder) = self.path.parent() {
            fs::private_dir(folder)?;
        }
        Ok(fs::write_private(&self.path, &[salt.as_slice(), &sealed].concat())?)
    }

    /// Erases it.
    pub(super) fn erase(&self) -> Result<(), KeptError> {
        if fs::exists(&self.path) {
            fs::remove(&self.path)?;
        }
        Ok(())
    }
}

/// Names the provider and the client for [`Kept::new`] in a form of fixed length.
pub(super) fn fingerprint(words: &[&str]) -> String {
    let joined = words.join("\n");
    STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, joined.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &std::path::Path, key: u8, of: &str) -> Kept {
        Kept::new(path.join("profile/refresh-token"), &SealingKey::new(Secret::new([key; 32])), of.to_owned())
    }

    #[test]
    fn what_is_kept_opens_for_the_same_profile_and_client_only() {
        let dir = tempfile::tempdir().unwrap();
        let kept = at(dir.path(), 1, "a");
        assert!(kept.read().unwrap().is_none());
        let until: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
        kept.write(&Secret::new("r\"1".to_owned()), Some(until)).unwrap();
        kept.write(&Secret::new("r\"2".to_owned()), Some(until)).unwrap();
        let (token, held) = kept.read().unwrap().unwrap();
        assert_eq!((token.expose().as_str(), held.until), ("r\"2", Some(until)));
        let stored = std::fs::read(dir.path().join("profile/refresh-token")).unwrap();
        assert!(!String::from_utf8_lossy(&stored).contains("r\"2"));
        assert!(at(dir.path(), 1, "b").read().unwrap().is_none(), "another client");
        assert!(matches!(at(dir.path(), 2, "a").read(), Err(KeptError::Changed)), "another key");
        kept.erase().unwrap();
        kept.erase().unwrap();
        assert!(kept.read().unwrap().is_none());
    }

    #[test]
    fn every_flipped_octet_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let kept = at(dir.path(), 1, "a");
        kept.write(&Secret::new("r".to_owned()), None).unwrap();
        let good = fs::read_private(&kept.path, LIMIT).unwrap();
        for place in (0..good.len()).step_by(7) {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write_private(&kept.path, &bad).unwrap();
            assert!(kept.read().is_err(), "{place}");
        }
    }
}
