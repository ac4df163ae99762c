//! What the submission server is told beside the message (RFC 5321, section 2.3.1).

use super::Address;

/// Reverse-path and forward-paths. It may differ from the headers: a blind copy has an envelope of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// MAIL FROM.
    pub sender: Address,
    /// RCPT TO, at least one.
    pub recipients: Vec<Address>,
}
