//! A certificate and its key, read from PEM files.

use std::path::Path;

use zeroize::Zeroizing;

use super::diagnosis::Diagnosis;
use super::status::Status;
use crate::fs;
use crate::pki::Identity;
use crate::secret::Secret;

/// Octets of a file of keys or certificates that are read.
pub(super) const LIMIT: u64 = 1 << 20;

/// A certificate and its key from their files, as texts and as what they are; they must belong together.
pub(super) fn read_pair(certificate: &Path, key: &Path) -> Result<(String, Secret<String>, Identity), Diagnosis> {
    let octets = Zeroizing::new(fs::read_private(key, LIMIT).map_err(|error| Diagnosis::secret_file(key, error))?);
    let chain = pem(certificate)?;
    let identity = Identity::from_pem(chain.as_bytes(), &octets)
        .map_err(|error| Diagnosis::caused(Status::Data, "keys", &error))?;
    let key = Secret::new(String::from_utf8_lossy(&octets).into_owned());
    Ok((chain, key, identity))
}

/// A PEM text.
pub(super) fn pem(path: &Path) -> Result<String, Diagnosis> {
    let octets = fs::read_bounded(path, LIMIT).map_err(|error| Diagnosis::input_file(path, error))?;
    String::from_utf8(octets).map_err(|_| Diagnosis::of(Status::Data, "pem", format!("{} is not PEM", path.display())))
}
