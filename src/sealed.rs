//! A message ready for the outbox: what leaves the machine, octet for octet, and nothing that could still be changed.

use std::io;

use crate::fs::Spool;
use crate::hex::Hex;
use crate::mail::{Envelope, MessageId};

/// How the content is kept from those who carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Signed and encrypted to each recipient.
    Smime,
    /// Inside a password package; the password goes by another way.
    Package,
    /// As composed; TLS to the operator is all there is.
    Transport,
}

impl Protection {
    /// The word for it in the contract and in the trace.
    pub fn as_str(self) -> &'static str {
        match self {
            Protection::Smime => "smime",
            Protection::Package => "package",
            Protection::Transport => "transport",
        }
    }
}

/// One way to encrypt a copy to certificates, fit for every recipient of it.
///
/// Older readers fail on an entry for a kind of key they do not know, even one that is not theirs: a CBC copy is for RSA keys
/// or for keys of curves, never for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// AES-256-GCM, to keys of every kind.
    Gcm,
    /// AES-256-CBC, to RSA keys by RSAES-OAEP.
    CbcRsaOaep,
    /// AES-256-CBC, to RSA keys by RSAES-PKCS1-v1_5.
    CbcRsaPkcs1,
    /// AES-256-CBC, by ECDH.
    CbcAgreement,
}

impl Suite {
    /// All of them.
    pub const ALL: [Suite; 4] = [Suite::Gcm, Suite::CbcRsaOaep, Suite::CbcRsaPkcs1, Suite::CbcAgreement];

    /// A stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Suite::Gcm => "gcm",
            Suite::CbcRsaOaep => "cbc-rsa-oaep",
            Suite::CbcRsaPkcs1 => "cbc-rsa-pkcs1",
            Suite::CbcAgreement => "cbc-agreement",
        }
    }

    /// The content encryption, as results and the trace name it.
    pub fn cipher(self) -> &'static str {
        match self {
            Suite::Gcm => "AES-256-GCM",
            _ => "AES-256-CBC",
        }
    }
}

/// A message that may be submitted. Only `smime::seal`, `package::seal` and `smime::transport_only` make one; a test of the
/// house holds the list.
pub struct Sealed {
    envelope: Envelope,
    message_id: MessageId,
    protection: Protection,
    suite: Option<Suite>,
    size: u64,
    file: Spool,
}

impl Sealed {
    /// Takes the file of a message that was written to its end.
    pub(crate) fn new(envelope: Envelope, message_id: MessageId, protection: Protection, file: Spool) -> Sealed {
        let size = file.size();
        Sealed { envelope, message_id, protection, suite: None, size, file }
    }

    /// The same, encrypted to certificates in this way.
    pub(crate) fn under(self, suite: Suite) -> Sealed {
        Sealed { suite: Some(suite), ..self }
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

    /// How it is encrypted, if it is so to certificates.
    pub fn suite(&self) -> Option<Suite> {
        self.suite
    }

    /// Octets, as SIZE counts them (RFC 1870).
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The message from its first octet on. The file goes away with this value.
    pub fn reader(&mut self) -> io::Result<Box<dyn io::Read + '_>> {
        self.file.reader()
    }
}

/// A boundary that no content can hold: 128 random bits (RFC 2046, section 5.1.1).
pub(crate) fn boundary() -> Option<String> {
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(format!("=_{}", Hex(&random)))
}
