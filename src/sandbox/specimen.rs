//! A state for tests: made once in a process, since RSA keys take a while, and copied to where a test wants one.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::state::State;
use crate::clock::Clock;
use crate::fs;

/// The clock the state was made at.
pub(super) const MADE: &str = "2026-11-05T08:00:00Z";

/// Copies a state to a folder that is not there yet.
pub(super) fn state(to: &Path) {
    static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        State::open(&path, Clock::Fixed(MADE.parse().unwrap())).unwrap();
        files(&path).into_iter().map(|(name, bytes)| (name.strip_prefix(&path).unwrap().to_owned(), bytes)).collect()
    });
    for (name, bytes) in files {
        let path = to.join(name);
        fs::private_dir(path.parent().unwrap()).unwrap();
        fs::write_private(&path, bytes).unwrap();
    }
}

/// Every file below a folder.
pub(super) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read_private(&path, 1 << 20).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}
