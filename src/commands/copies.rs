//! The copies of one message in the outbox: each under a key of its own, so that the same command sends nothing twice.

use aws_lc_rs::digest;

use super::account::Account;
use super::addressee::Addressee;
use super::error::Error;
use crate::mail::Envelope;
use crate::outbox::{Enqueued, Entry, Id, Outbox, State};
use crate::sealed::{Sealed, Suite};
use crate::space::Role;

/// The copies of one message.
pub(super) struct Copies<'a> {
    account: &'a Account<'a>,
    outbox: &'a Outbox,
    fingerprint: [u8; 32],
}

impl<'a> Copies<'a> {
    pub(super) fn new(account: &'a Account<'a>, outbox: &'a Outbox, fingerprint: [u8; 32]) -> Copies<'a> {
        Copies { account, outbox, fingerprint }
    }

    /// Those that are in the outbox and were neither refused nor taken back.
    pub(super) fn queued(&self, addressees: &[Addressee]) -> Result<Vec<Entry>, Error> {
        let open = Suite::ALL.map(|suite| open_copy(Some(suite)));
        let blind = addressees.iter().filter(|one| one.role() == Role::Bcc).map(|one| one.address().key());
        let mut queued = Vec::new();
        for name in open.into_iter().chain(blind) {
            queued.extend(self.under(&name)?);
        }
        Ok(queued)
    }

    /// Queues one sealed copy. The same copy is queued once; only one that was refused for good is taken up anew, or one for
    /// people who could not be served when another was queued.
    pub(super) fn enqueue(&self, sealed: &mut Sealed, addressees: &[Addressee]) -> Result<(Id, bool), Error> {
        let name = copy_name(sealed.suite(), sealed.envelope(), addressees);
        let mut attempt = 0u32;
        loop {
            match self.outbox.enqueue_sealed(&self.key(&name, attempt), sealed)? {
                Enqueued::New(id) => return Ok((id, false)),
                Enqueued::Known(_, State::Refused | State::Cancelled) => {}
                Enqueued::Known(id, _) if shares_somebody(&self.outbox.entry(id)?.envelope, sealed.envelope()) => {
                    self.account.world.step(KNOWN);
                    return Ok((id, true));
                }
                Enqueued::Known(..) => {}
            }
            attempt += 1;
        }
    }

    fn under(&self, name: &str) -> Result<Vec<Entry>, Error> {
        let mut found = Vec::new();
        let mut attempt = 0u32;
        while let Some((id, state)) = self.outbox.known(&self.key(name, attempt))? {
            if !matches!(state, State::Refused | State::Cancelled) {
                found.push(self.outbox.entry(id)?);
            }
            attempt += 1;
        }
        Ok(found)
    }

    /// The key of one copy, and the number of those under its name before it.
    fn key(&self, name: &str, attempt: u32) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.fingerprint);
        context.update(&attempt.to_be_bytes());
        context.update(name.as_bytes());
        context.finish().as_ref().try_into().expect("SHA-256 gives 32 octets")
    }
}

/// What is told where a message is in the outbox already.
pub(super) const KNOWN: &str = "the outbox knows this message: nothing is sent twice";

/// Which copy of a message it is: that of one blind recipient, by the address, or that of all the others whose programs open
/// the same.
fn copy_name(suite: Option<Suite>, envelope: &Envelope, addressees: &[Addressee]) -> String {
    let recipients = &envelope.recipients;
    let blind = addressees.iter().find(|one| one.role() == Role::Bcc && recipients == &[one.address().clone()]);
    blind.map_or_else(|| open_copy(suite), |one| one.address().key())
}

fn open_copy(suite: Option<Suite>) -> String {
    match suite {
        None | Some(Suite::Gcm) => "open".to_owned(),
        Some(other) => format!("open {}", other.word()),
    }
}

fn shares_somebody(one: &Envelope, other: &Envelope) -> bool {
    one.recipients.iter().any(|address| other.recipients.contains(address))
}
