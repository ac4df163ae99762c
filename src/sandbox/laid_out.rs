//! What somebody lays out beside the state of the sandbox, to try certificates of their own.

use std::path::{Path, PathBuf};

use super::SandboxError;
use crate::fs;

/// The folder of the certificates that the directory shows, a PEM file `PROFILE.pem` for each mailbox.
const SHOWN: &str = "shown";
/// The folder of the files that are served over HTTP beside the revocation lists.
const SERVED: &str = "served";
/// Most octets of one of these files.
const LIMIT: u64 = 1 << 20;

/// The place where it would be.
#[derive(Clone, Debug, Default)]
pub(super) struct LaidOut(Option<PathBuf>);

impl LaidOut {
    /// Below the folder of the state.
    pub fn below(state: &Path) -> LaidOut {
        LaidOut(Some(state.to_owned()))
    }

    /// The certificates (PEM) that the directory shows for a mailbox in the place of the one that was issued.
    pub fn certificates(&self, profile: &str) -> Result<Option<Vec<u8>>, SandboxError> {
        self.file(SHOWN, &format!("{profile}.pem"))
    }

    /// A file that is served under this path, such as `/racine.cer`.
    pub fn served(&self, path: &str) -> Result<Option<Vec<u8>>, SandboxError> {
        match path.strip_prefix('/') {
            Some(name) if is_plain(name) => self.file(SERVED, name),
            _ => Ok(None),
        }
    }

    fn file(&self, folder: &str, name: &str) -> Result<Option<Vec<u8>>, SandboxError> {
        let Some(path) = self.0.as_ref().map(|state| state.join(folder).join(name)) else { return Ok(None) };
        if !fs::exists(&path) {
            return Ok(None);
        }
        Ok(Some(fs::read_private(&path, LIMIT)?))
    }
}

/// A name that stays in its folder.
fn is_plain(name: &str) -> bool {
    let harmless = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_folder_is_served() {
        let dir = tempfile::tempdir().unwrap();
        fs::private_dir(&dir.path().join(SERVED)).unwrap();
        fs::write_private(&dir.path().join("operator.json"), b"secret").unwrap();
        fs::write_private(&dir.path().join(SERVED).join("ac.cer"), b"certificate").unwrap();
        let laid_out = LaidOut::below(dir.path());
        assert_eq!(laid_out.served("/ac.cer").unwrap().as_deref(), Some(&b"certificate"[..]));
        for path in ["/../operator.json", "/..", "/", "", "ac.cer", "//ac.cer", "/other.cer", "/.ac.cer"] {
            assert_eq!(laid_out.served(path).unwrap(), None, "{path}");
        }
        assert_eq!(laid_out.certificates("dr.durand").unwrap(), None);
    }
}
