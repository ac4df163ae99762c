//! A message ready for the outbox: what leaves the machine, octet for octet, and nothing that could still be changed.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::suite::Suite;
use crate::fs::{FsError, Staged};
use crate::hex::Hex;
use crate::mail::{Address, ComposeError, Draft, Envelope, Field, MessageId, write_entity};
use crate::space::Admitted;

/// How the content is kept from those who carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Signed and encrypted to each recipient.
    Smime,
    /// As composed; TLS to the operator is all there is.
    Transport,
}

impl Protection {
    /// The word for it in the contract and in the trace.
    pub fn as_str(self) -> &'static str {
        match self {
            Protection::Smime => "smime",
            Protection::Transport => "transport",
        }
    }
}

/// Why a message could not be made ready without encryption.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// An address of the draft that neither the directory nor the white list admitted.
    #[error("{0} was not admitted by the directory and the white list")]
    NotAdmitted(Address),
    /// The message could not be composed.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The file for it could not be made.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// No randomness for the boundary.
    #[error("the system gave no randomness")]
    Randomness,
}

/// A message that may be submitted. Only [`super::seal()`] and [`Sealed::transport_only`] make one.
pub struct Sealed {
    envelope: Envelope,
    message_id: MessageId,
    protection: Protection,
    suite: Option<Suite>,
    size: u64,
    file: Staged,
}

impl Sealed {
    /// A copy that was signed and encrypted.
    pub(super) fn encrypted(
        envelope: Envelope,
        message_id: MessageId,
        suite: Suite,
        file: Staged,
    ) -> io::Result<Sealed> {
        let sealed = Sealed::new(envelope, message_id, Protection::Smime, file)?;
        Ok(Sealed { suite: Some(suite), ..sealed })
    }

    fn new(envelope: Envelope, message_id: MessageId, protection: Protection, mut file: Staged) -> io::Result<Sealed> {
        let size = file.file().stream_position()?;
        Ok(Sealed { envelope, message_id, protection, suite: None, size, file })
    }

    /// Makes a message ready as it was composed: the operator can read it. Every recipient must have been admitted.
    pub fn transport_only(draft: &Draft, admitted: &[Admitted], dir: &Path) -> Result<Sealed, TransportError> {
        let parts = draft.parts();
        let people = [&parts.to, &parts.cc, &parts.bcc].into_iter().flatten();
        let recipients: Vec<Address> = people.map(|mailbox| mailbox.address.clone()).collect();
        let is_admitted = |address: &&Address| admitted.iter().any(|it| it.address() == *address);
        if let Some(stranger) = recipients.iter().find(|address| !is_admitted(address)) {
            return Err(TransportError::NotAdmitted(stranger.clone()));
        }
        let boundary = boundary().ok_or(TransportError::Randomness)?;
        let mut header = draft.header();
        header.push(Field::text("MIME-Version", "1.0"));
        let mut file = Staged::new(dir)?;
        let mut out = BufWriter::with_capacity(64 * 1024, &mut file);
        write_entity(draft, &header, &[], &boundary, &mut out)?;
        out.write_all(b"\r\n").and_then(|()| out.flush()).map_err(ComposeError::Output)?;
        drop(out);
        let envelope = Envelope { sender: parts.from.address.clone(), recipients };
        let message_id = parts.message_id.clone();
        Ok(Sealed::new(envelope, message_id, Protection::Transport, file).map_err(ComposeError::Output)?)
    }

    /// Who the submission server is told it is from and for.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The same for every copy of a message.
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// How it is protected.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// How it is encrypted, if it is.
    pub fn suite(&self) -> Option<Suite> {
        self.suite
    }

    /// Octets, as SIZE counts them (RFC 1870).
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The message from its first octet on. The file goes away with this value.
    pub fn reader(&mut self) -> io::Result<impl io::Read + '_> {
        let file = self.file.file();
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// A boundary that no content can hold: 128 random bits (RFC 2046, section 5.1.1).
pub(super) fn boundary() -> Option<String> {
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(format!("=_{}", Hex(&random)))
}
