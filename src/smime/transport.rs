//! The message as it was composed, for recipients of the trusted space: TLS to the operator is all that protects it.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::fs::{FsError, Spool};
use crate::mail::{Address, ComposeError, Draft, Envelope, Field, write_entity};
use crate::sealed::{Protection, Sealed, boundary};
use crate::space::Admitted;

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
    let mut file = Spool::new(dir);
    let mut out = BufWriter::with_capacity(64 * 1024, &mut file);
    write_entity(draft, &header, &[], &boundary, &mut out)?;
    out.write_all(b"\r\n").and_then(|()| out.flush()).map_err(ComposeError::Output)?;
    drop(out);
    let envelope = Envelope { sender: parts.from.address.clone(), recipients };
    let message_id = parts.message_id.clone();
    Ok(Sealed::new(envelope, message_id, Protection::Transport, file))
}
