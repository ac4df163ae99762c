//! What tells a file that was checked from another one under its name: size, time of change, place on the disk.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};

use crate::fs;

/// Why a file that was named cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// It is not there, or may not be read.
    #[error("{}", unreadable(*.0))]
    Unreadable(ErrorKind),
    /// A folder, a pipe, a device.
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    /// A file without an octet.
    #[error("it is empty")]
    Empty,
}

fn unreadable(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::NotFound => "it is not there".to_owned(),
        ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        kind => format!("it cannot be read ({kind})"),
    }
}

/// What a file is at the moment it is looked at: another one almost surely has another stamp. Nothing of its content is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp(pub [u8; 16]);

/// Looks at a file: how many octets it has, and its stamp. It is opened, so that one that may not be read is found out.
pub fn stamp(path: &Path) -> Result<(u64, Stamp), StampError> {
    let unreadable = |error: Error| StampError::Unreadable(error.kind());
    let metadata = fs::open_given(path).and_then(|file| file.metadata()).map_err(unreadable)?;
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a pipe",
            () => "a device",
        };
        return Err(StampError::NotAFile(what));
    }
    if metadata.len() == 0 {
        return Err(StampError::Empty);
    }
    let mut seen = Vec::with_capacity(40);
    for number in [metadata.len(), metadata.ino(), metadata.dev()] {
        seen.extend(number.to_be_bytes());
    }
    seen.extend(metadata.mtime().to_be_bytes());
    seen.extend(metadata.mtime_nsec().to_be_bytes());
    Ok((metadata.len(), Stamp(short(digest(&SHA256, &seen).as_ref()))))
}

/// The first 16 octets of a digest: enough to tell apart what nobody forges on purpose.
pub(super) fn short(digest: &[u8]) -> [u8; 16] {
    *digest.first_chunk().expect("SHA-256 has 32 octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_stamp_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write_private(&path, b"one").unwrap();
        let (size, before) = stamp(&path).unwrap();
        assert_eq!((size, stamp(&path).unwrap().1), (3, before));
        fs::write_private(&path, b"one more").unwrap();
        assert_ne!(stamp(&path).unwrap().1, before);
        let other = dir.path().join("b");
        fs::write_private(&other, b"one more").unwrap();
        assert_ne!(stamp(&path).unwrap().1, stamp(&other).unwrap().1);
    }

    #[test]
    fn what_cannot_be_sent_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert_eq!(stamp(&path), Err(StampError::Unreadable(ErrorKind::NotFound)));
        fs::write_private(&path, b"").unwrap();
        assert_eq!(stamp(&path), Err(StampError::Empty));
        assert_eq!(stamp(dir.path()), Err(StampError::NotAFile("a folder")));
        assert_eq!(stamp(Path::new("/dev/null")), Err(StampError::NotAFile("a device")));
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        assert_eq!(stamp(&pipe), Err(StampError::NotAFile("a pipe")));
    }
}
