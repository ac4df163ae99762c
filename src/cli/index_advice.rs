//! Every failure of the local index, with its exit status and what to do about it.

use std::io::ErrorKind;

use super::diagnosis::Diagnosis;
use super::hints::fs;
use super::status::Status;
use crate::directory::index::IndexError;
use crate::fs::FsError;

pub(super) fn index(error: &IndexError) -> (Status, &'static str) {
    match error {
        IndexError::Missing => (Status::Unavailable, "index-missing"),
        IndexError::Old { .. } => (Status::Unavailable, "index-old"),
        IndexError::Format => (Status::Unavailable, "index-format"),
        IndexError::TooManyWords { .. } => (Status::Usage, "too-many-words"),
        IndexError::Damaged(_) => (Status::LocalIo, "index-damaged"),
        IndexError::Write(_) => (Status::LocalIo, "index-not-written"),
        IndexError::Unreadable { .. } => (Status::NoInput, "extraction-unreadable"),
        IndexError::Read(error) if error.kind() == ErrorKind::InvalidData => (Status::Data, "extraction-archive"),
        IndexError::Read(error) if error.kind() == ErrorKind::InvalidInput => (Status::Data, "extraction-archive"),
        IndexError::Read(_) => (Status::NoInput, "extraction-unreadable"),
        IndexError::Archive(_) => (Status::Data, "extraction-archive"),
        IndexError::TooLarge { .. } => (Status::Data, "extraction-too-large"),
        IndexError::Header { .. } | IndexError::Twice(_) => (Status::Data, "extraction-header"),
        IndexError::Truncated => (Status::Data, "extraction-cut-short"),
        IndexError::Unlike { .. } => (Status::Data, "extraction-rows"),
        IndexError::Shrunk { .. } => (Status::Data, "extraction-shrunk"),
        IndexError::Fs(error) => fs(error),
    }
}

/// What to do about it.
pub(super) fn advise_index(diagnosis: Diagnosis, error: &IndexError) -> Diagnosis {
    const KEPT: &str = "the index that was there, if any, is still in use";
    match error {
        IndexError::Missing => diagnosis.hint_command(
            "make one from the extraction that the ANS publishes; --update takes its address too",
            "mss lookup --update Extraction_Correspondance_MSSante.zip",
        ),
        IndexError::Old { .. } => {
            diagnosis.because("people move and mailboxes are closed: what it says may no longer be so").hint_command(
                "renew it; or take it as it is with --allow-old, or set directory.index-max-age",
                "mss lookup --update Extraction_Correspondance_MSSante.zip",
            )
        }
        IndexError::TooManyWords { .. } => {
            diagnosis.hint("leave out what is not needed to tell the person from others")
        }
        IndexError::Format | IndexError::Damaged(_) => {
            diagnosis.hint_command("make it anew", "mss lookup --update Extraction_Correspondance_MSSante.zip")
        }
        IndexError::Write(_) => {
            diagnosis.because(KEPT).hint("make room in the cache folder, and in the folder for temporary files")
        }
        IndexError::Unreadable { .. } => diagnosis.hint("name a regular file, or an address that begins with https://"),
        IndexError::Read(_) | IndexError::Archive(_) | IndexError::Truncated => {
            diagnosis.because(KEPT).hint("fetch the extraction again: this one is damaged or was not meant as one")
        }
        IndexError::TooLarge { .. } | IndexError::Header { .. } | IndexError::Twice(_) | IndexError::Unlike { .. } => {
            diagnosis
                .because(KEPT)
                .hint("name the file Extraction_Correspondance_MSSante, or the ZIP of it, as the ANS publishes it")
        }
        IndexError::Shrunk { place, .. } => diagnosis
            .because("the file is part of an extraction, most likely; the index that was there is still in use")
            .hint(format!("fetch it again; if it is right, remove {} and run the same command again", place.display())),
        IndexError::Fs(FsError::TooOpen { path, wanted, .. }) => {
            diagnosis.hint(format!("chmod {wanted:o} {}", path.display()))
        }
        IndexError::Fs(_) => diagnosis.because(KEPT).hint("see whether the disk is full or failing"),
    }
}
