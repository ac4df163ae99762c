//! Password packages for people outside the trusted space: a message inside one file that a browser or an archiver opens.
//!
//! The mail around the package is an ordinary one, and not signed: whoever it is for has no way to verify the signature, and
//! an attachment they cannot read would only make them doubt the rest. Its text says how to open the package and nothing of
//! what is inside. Whoever can change the mail on its way can take the package out, or put a page of their own in its place
//! that asks for the password: only who was told to expect an archive is not deceived by a page.

mod archive;
mod content;
mod letter;
mod page;
mod password;
mod seal;
#[cfg(test)]
mod specimen;

pub use password::Password;
pub use seal::{PackageError, copies, seal};

/// What the package is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// One page that decrypts itself in a browser: nothing has to be installed, but all of it is held in memory.
    #[default]
    Page,
    /// A ZIP archive with WinZip AES-256, for 7-Zip, Keka or WinRAR: streamed, for what is large.
    Archive,
}

impl Format {
    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Page => "html",
            Format::Archive => "zip",
        }
    }

    /// The most octets of text and files together.
    pub fn limit(self) -> u64 {
        match self {
            // A browser holds the page, its base64 and the plain text at once.
            Format::Page => 50_000_000,
            // Below where ZIP needs 64-bit fields, which some archivers do not read.
            Format::Archive => 2_000_000_000,
        }
    }

    /// The name of the package in the mail. It says nothing of the content.
    fn file_name(self) -> &'static str {
        match self {
            Format::Page => "message.html",
            Format::Archive => "message.zip",
        }
    }
}
