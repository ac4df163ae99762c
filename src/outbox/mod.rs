//! The durable journal of what is to be sent and what became of it.
//!
//! A message enters sealed and is on disk before `enqueue` returns. One process at a time has it by a lease; the lease of
//! a process that ended is taken back: before the point of no return the message is queued again, behind it nobody knows
//! whether the server took it, and it is never sent again by itself.

mod content;
mod entry;
mod lease;
mod rows;
mod store;

pub use content::Content;
pub use entry::{Enqueued, Entry, Id, Outcome, RecipientEntry, Resolution, Settled, State};
pub use lease::Lease;
pub use store::Outbox;

use std::io;

use crate::fs::FsError;
use crate::journal::JournalError;

/// Why the outbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The journal refused.
    #[error("the outbox cannot be used")]
    Journal(#[from] JournalError),
    /// A file of the outbox could not be reached.
    #[error("the outbox cannot be reached")]
    Fs(#[from] FsError),
    /// Reading the message, or writing it to the outbox, stopped.
    #[error("the message cannot be {deed}")]
    Io { deed: &'static str, source: io::Error },
    /// What is kept was changed, or belongs to another key.
    #[error("message {id} of the outbox was changed, or belongs to another key")]
    Changed { id: Id },
    /// The message did not have the announced size: its source changed while it was read.
    #[error("the message has {found} octets instead of {announced}")]
    Size { announced: u64, found: u64 },
    /// There is no such message.
    #[error("the outbox has no message {id}")]
    NoSuchMessage { id: Id },
    /// In this state, that cannot be done.
    #[error("message {id} is {}", state.word())]
    State { id: Id, state: State },
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> OutboxError {
        OutboxError::Journal(error.into())
    }
}

impl OutboxError {
    fn io(deed: &'static str) -> impl FnOnce(io::Error) -> OutboxError {
        move |source| OutboxError::Io { deed, source }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;

    use crate::clock::Clock;
    use crate::fs;
    use crate::mail::{Address, Envelope, MessageId};
    use crate::process::Process;
    use crate::secret::{SealingKey, Secret};

    use super::entry::NewMessage;
    use super::*;

    const MESSAGE: &[u8] = b"Subject: [...]\r\n\r\nMIIsealed";

    fn folder() -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt;
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn open_at(dir: &Path, at: &str) -> Outbox {
        Outbox::open(dir, &SealingKey::new(Secret::new([5; 32])), Clock::Fixed(time(at))).unwrap()
    }

    fn open(dir: &Path) -> Outbox {
        open_at(dir, "2026-11-05T08:00:00Z")
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn envelope() -> Envelope {
        Envelope {
            sender: address("labo@biologie.sandbox"),
            recipients: vec![address("dr.durand@medecin.sandbox"), address("dr.lefevre@medecin.sandbox")],
        }
    }

    fn enqueue(outbox: &Outbox, key: u8) -> Enqueued {
        let id: MessageId = format!("<{key}@biologie.sandbox>").parse().unwrap();
        let new = NewMessage {
            key: &[key; 32],
            envelope: &envelope(),
            message_id: &id,
            protection: "smime",
            cipher: Some("AES-256-GCM"),
            size: MESSAGE.len() as u64,
        };
        outbox.enqueue(&new, &mut &*MESSAGE).unwrap()
    }

    fn queued(outbox: &Outbox, key: u8) -> Id {
        match enqueue(outbox, key) {
            Enqueued::New(id) => id,
            known => panic!("{known:?}"),
        }
    }

    fn read(outbox: &Outbox, id: Id) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        let mut content = outbox.content(id).map_err(io::Error::other)?;
        io::Read::read_to_end(&mut content, &mut octets)?;
        Ok(octets)
    }

    /// A process that has ended: a child that was waited for.
    fn ended() -> Process {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let here = Process::current().to_string();
        let (_, rest) = here.split_once(' ').unwrap();
        Process::parse(&format!("{pid} {rest}")).unwrap()
    }

    /// An outbox as a process used it that was then killed: its leases are not given back.
    fn killed(dir: &Path, deed: impl FnOnce(&mut Lease<'_>)) {
        let mut outbox = open(dir);
        outbox.owner = ended();
        let mut lease = outbox.claim_next().unwrap().unwrap();
        deed(&mut lease);
        std::mem::forget(lease);
    }

    #[test]
    fn a_message_goes_in_once_and_comes_out_as_it_was() {
        let dir = folder();
        let outbox = open(dir.path());
        let id = queued(&outbox, 1);
        assert_eq!(enqueue(&outbox, 1), Enqueued::Known(id, State::Queued));
        assert_eq!(enqueue(&open(dir.path()), 1), Enqueued::Known(id, State::Queued));
        let entry = open(dir.path()).entry(id).unwrap();
        assert_eq!((entry.envelope.clone(), entry.protection.as_str()), (envelope(), "smime"));
        assert_eq!(entry.pending(), envelope());
        assert_eq!(read(&outbox, id).unwrap(), MESSAGE);
        assert_eq!(outbox.find(&"<1@biologie.sandbox>".parse().unwrap()).unwrap(), [entry]);
        assert!(outbox.find(&"<2@biologie.sandbox>".parse().unwrap()).unwrap().is_empty());
        assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 1);
    }

    #[test]
    fn nothing_is_on_disk_in_clear() {
        let dir = folder();
        let outbox = open(dir.path());
        let id = queued(&outbox, 1);
        let lease = outbox.claim(id).unwrap();
        lease.close_all(&Outcome::Refused, "550 5.1.1 dr.durand unknown").unwrap();
        let mut files: Vec<_> = dir.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.extend(dir.path().join("outbox").read_dir().unwrap().map(|entry| entry.unwrap().path()));
        for path in files.iter().filter(|path| path.is_file()) {
            let bytes = std::fs::read(path).unwrap();
            for word in ["durand", "medecin", "biologie", "MIIsealed", "smime", "550 5.1.1"] {
                assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{word} in {}", path.display());
            }
        }
    }

    #[test]
    fn outcomes_are_kept_for_each_recipient() {
        let dir = folder();
        let outbox = open(dir.path());
        let id = queued(&outbox, 1);
        let mut lease = outbox.claim(id).unwrap();
        lease.point_of_no_return().unwrap();
        let settled = |recipient: &str, outcome: Outcome, answer: &str| Settled {
            address: address(recipient),
            outcome,
            answer: answer.to_owned(),
        };
        let later = time("2026-11-05T08:15:00Z");
        let entry = lease
            .close(&[
                settled("dr.durand@medecin.sandbox", Outcome::Accepted { queue_id: Some("4bQ".to_owned()) }, "250 Ok"),
                settled("dr.lefevre@medecin.sandbox", Outcome::Deferred { until: later }, "451 4.3.0 later"),
            ])
            .unwrap();
        assert_eq!((entry.state, entry.until, entry.attempts), (State::Deferred, Some(later), 1));
        assert_eq!(entry.recipients[0].queue_id.as_deref(), Some("4bQ"));
        assert_eq!(entry.recipients[1].answer.as_deref(), Some("451 4.3.0 later"));
        assert_eq!(entry.pending().recipients, [address("dr.lefevre@medecin.sandbox")]);

        assert!(outbox.claim_next().unwrap().is_none(), "not before its time");
        let outbox = open_at(dir.path(), "2026-11-05T08:16:00Z");
        let lease = outbox.claim_next().unwrap().unwrap();
        assert_eq!(lease.entry().pending().recipients.len(), 1);
        let entry = lease.close_all(&Outcome::Refused, "550 no").unwrap();
        assert_eq!((entry.state, entry.attempts), (State::Accepted, 2));
        assert_eq!(entry.recipients[1].state, State::Refused);
        assert!(matches!(outbox.claim(id), Err(OutboxError::State { state: State::Accepted, .. })));
    }

    #[test]
    fn one_owner_at_a_time() {
        let dir = folder();
        let (one, other) = (open(dir.path()), open(dir.path()));
        let id = queued(&one, 1);
        let lease = one.claim(id).unwrap();
        assert!(matches!(other.claim(id), Err(OutboxError::State { state: State::Submitting, .. })));
        assert!(other.claim_next().unwrap().is_none());
        assert!(matches!(other.cancel(id), Err(OutboxError::State { .. })));
        lease.release().unwrap();
        other.claim(id).unwrap().close_all(&Outcome::Accepted { queue_id: None }, "250 Ok").unwrap();
    }

    #[test]
    fn a_lease_that_is_dropped_puts_the_message_back() {
        let dir = folder();
        let outbox = open(dir.path());
        let id = queued(&outbox, 1);
        drop(outbox.claim(id).unwrap());
        assert_eq!(outbox.entry(id).unwrap().state, State::Queued);
        let mut lease = outbox.claim(id).unwrap();
        lease.point_of_no_return().unwrap();
        drop(lease);
        assert_eq!(outbox.entry(id).unwrap().state, State::Unknown);
    }

    #[test]
    fn what_a_killed_process_had_is_queued_again_or_unknown() {
        let dir = folder();
        let id = queued(&open(dir.path()), 1);
        killed(dir.path(), |_| ());
        let outbox = open(dir.path());
        assert_eq!(outbox.entry(id).unwrap().state, State::Queued);
        drop(outbox);
        killed(dir.path(), |lease| lease.point_of_no_return().unwrap());
        let outbox = open(dir.path());
        let entry = outbox.entry(id).unwrap();
        assert_eq!(entry.state, State::Unknown);
        assert!(entry.recipients.iter().all(|recipient| recipient.state == State::Unknown));
        assert!(outbox.claim_next().unwrap().is_none(), "never again by itself");
    }

    #[test]
    fn a_lease_that_was_taken_back_can_change_nothing() {
        let dir = folder();
        let mut gone = open(dir.path());
        gone.owner = ended();
        let id = queued(&gone, 1);
        let mut late = gone.claim(id).unwrap();
        let outbox = open(dir.path());
        let lease = outbox.claim(id).unwrap();
        assert!(late.point_of_no_return().is_err());
        assert!(late.close_all(&Outcome::Unknown, "").is_err());
        assert_eq!(outbox.entry(id).unwrap().state, State::Submitting);
        drop(lease);
    }

    #[test]
    fn the_lease_of_a_process_out_of_sight_lasts_its_time() {
        let dir = folder();
        let mut outbox = open(dir.path());
        let here = Process::current().to_string();
        let (shared, _) = here.rsplit_once(' ').unwrap();
        outbox.owner = Process::parse(&format!("{shared} pid:[1]")).unwrap();
        let id = queued(&outbox, 1);
        std::mem::forget(outbox.claim(id).unwrap());
        assert!(open_at(dir.path(), "2026-11-05T09:59:00Z").claim(id).is_err());
        assert!(open_at(dir.path(), "2026-11-05T10:01:00Z").claim(id).is_ok());
    }

    #[test]
    fn an_unknown_message_is_settled_by_hand() {
        for (resolution, state) in [(Resolution::Delivered, State::Accepted), (Resolution::Lost, State::Queued)] {
            let dir = folder();
            let outbox = open(dir.path());
            let id = queued(&outbox, 1);
            assert!(outbox.resolve(id, resolution).is_err(), "it is not unknown");
            outbox.claim(id).unwrap().close_all(&Outcome::Unknown, "the line broke").unwrap();
            assert_eq!(outbox.resolve(id, resolution).unwrap(), state);
            assert_eq!(outbox.entry(id).unwrap().state, state);
            assert_eq!(read(&outbox, id).unwrap(), MESSAGE, "the same octets");
        }
    }

    #[test]
    fn a_changed_file_or_row_is_refused() {
        let dir = folder();
        let outbox = open(dir.path());
        let id = queued(&outbox, 1);
        let path = dir.path().join("outbox").read_dir().unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&path).unwrap();
        for octet in 0..whole.len() {
            let mut changed = whole.clone();
            changed[octet] ^= 1;
            fs::write_private(&path, &changed).unwrap();
            assert!(read(&outbox, id).is_err(), "octet {octet}");
        }
        outbox.connection().execute("UPDATE message SET sealed = zeroblob(200)", []).unwrap();
        assert!(matches!(outbox.entry(id), Err(OutboxError::Changed { .. })));
        let other = Outbox::open(dir.path(), &SealingKey::new(Secret::new([6; 32])), Clock::System);
        assert!(matches!(other, Err(OutboxError::Journal(JournalError::OtherKey))));
    }

    #[test]
    fn a_source_that_shrank_or_fails_leaves_nothing() {
        struct Failing;
        impl io::Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let dir = folder();
        let outbox = open(dir.path());
        let id: MessageId = "<1@x.fr>".parse().unwrap();
        let new = NewMessage {
            key: &[1; 32],
            envelope: &envelope(),
            message_id: &id,
            protection: "smime",
            cipher: None,
            size: 10,
        };
        let short = outbox.enqueue(&new, &mut &b"short"[..]);
        assert!(matches!(short, Err(OutboxError::Size { announced: 10, found: 5 })));
        assert!(matches!(outbox.enqueue(&new, &mut Failing), Err(OutboxError::Io { .. })));
        assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 0);
        assert!(outbox.list().unwrap().is_empty());
    }

    #[test]
    fn two_processes_queue_the_same_and_different_messages_at_once() {
        let dir = folder();
        let new = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let outbox = open(dir.path());
                    for key in 0..10 {
                        if matches!(enqueue(&outbox, key), Enqueued::New(_)) {
                            new.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(new.into_inner(), 10);
        assert_eq!(open(dir.path()).list().unwrap().len(), 10);
        assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 10);
    }

    #[test]
    fn only_what_is_settled_and_past_its_term_is_purged() {
        let dir = folder();
        let outbox = open(dir.path());
        let ids: Vec<Id> = (1..=4).map(|key| queued(&outbox, key)).collect();
        outbox.claim(ids[0]).unwrap().close_all(&Outcome::Accepted { queue_id: None }, "250 Ok").unwrap();
        outbox.claim(ids[1]).unwrap().close_all(&Outcome::Unknown, "").unwrap();
        outbox.cancel(ids[2]).unwrap();
        assert_eq!(outbox.purge(time("2026-11-05T08:00:00Z")).unwrap(), 0, "not past its term");
        let outbox = open_at(dir.path(), "2027-11-05T08:00:00Z");
        assert_eq!(outbox.expired(time("2027-01-01T00:00:00Z")).unwrap(), 2);
        assert_eq!(outbox.purge(time("2027-01-01T00:00:00Z")).unwrap(), 2);
        let left: Vec<State> = outbox.list().unwrap().iter().map(|entry| entry.state).collect();
        assert_eq!(left, [State::Unknown, State::Queued]);
        assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 2);
        assert!(matches!(outbox.entry(ids[0]), Err(OutboxError::NoSuchMessage { .. })));
    }
}
