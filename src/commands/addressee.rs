//! Somebody a message is for, as far as its protection asks who they are.

use crate::mail::Address;
use crate::space::{Admitted, Recipient, Role};

/// Somebody who gets the message: with a certificate, admitted for transport only, or anybody for a package.
pub(super) enum Addressee {
    Sealed(Recipient),
    Admitted(Admitted, Role),
    Outside(Outsider, Role),
}

impl Addressee {
    pub(super) fn address(&self) -> &Address {
        match self {
            Addressee::Sealed(recipient) => recipient.address(),
            Addressee::Admitted(admitted, _) => admitted.address(),
            Addressee::Outside(outsider, _) => &outsider.address,
        }
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Addressee::Sealed(recipient) => recipient.role(),
            Addressee::Admitted(_, role) | Addressee::Outside(_, role) => *role,
        }
    }

    /// Whose mailbox it is, as the directory writes it; empty if it was not asked.
    pub(super) fn holder(&self) -> &str {
        match self {
            Addressee::Sealed(recipient) => &recipient.admitted().registered().holder,
            Addressee::Admitted(admitted, _) => &admitted.registered().holder,
            Addressee::Outside(outsider, _) => &outsider.holder,
        }
    }
}

/// Somebody who need not be in the space: an address as it was given, or the mailbox of an RPPS number.
pub(super) struct Outsider {
    pub(super) address: Address,
    /// As the directory writes it, if it was asked.
    pub(super) holder: String,
}

/// The word for a line of the header in results.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::To => "to",
        Role::Cc => "cc",
        Role::Bcc => "bcc",
    }
}
