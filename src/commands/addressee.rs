//! Somebody a message is for, as far as its protection asks who they are.

use super::error::Error;
use super::gate::Gate;
use super::packaged;
use crate::mail::Address;
use crate::sealed::Protection;
use crate::space::{Admitted, Recipient, Role};

/// Somebody who gets the message: with a certificate, admitted for transport only, or anybody for a package.
#[derive(Clone)]
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

    /// The same person in another line of the header.
    pub(super) fn in_role(self, role: Role) -> Addressee {
        match self {
            Addressee::Sealed(recipient) => Addressee::Sealed(recipient.in_role(role)),
            Addressee::Admitted(admitted, _) => Addressee::Admitted(admitted, role),
            Addressee::Outside(outsider, _) => Addressee::Outside(outsider, role),
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
#[derive(Clone)]
pub(super) struct Outsider {
    pub(super) address: Address,
    /// As the directory writes it, if it was asked.
    pub(super) holder: String,
}

/// Somebody by address or number. The gate is opened when it is needed: a package asks for nobody's leave.
pub(super) fn judge<'a>(
    gate: impl FnOnce() -> Result<&'a Gate<'a>, Error>,
    given: &str,
    role: Role,
    protection: Protection,
) -> Result<Addressee, Error> {
    match protection {
        Protection::Smime => {
            let gate = gate()?;
            gate.recipient(gate.admit(given)?, role).map(Addressee::Sealed)
        }
        Protection::Package => packaged::outsider(given, gate).map(|outsider| Addressee::Outside(outsider, role)),
        Protection::Transport => Ok(Addressee::Admitted(gate()?.admit(given)?.admitted, role)),
    }
}

/// The word for a line of the header in results.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::To => "to",
        Role::Cc => "cc",
        Role::Bcc => "bcc",
    }
}
