//! The promises of the outbox, over what ended processes leave, changed files and races.

use std::path::Path;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::fs;
use crate::fs::Staged;
use crate::journal::JournalError;
use crate::mail::{Address, Envelope, MessageId};
use crate::process::Process;
use crate::secret::{SealingKey, Secret};

use crate::sealed::{Protection, Sealed, Suite};

use super::{
    CopyId, Enqueued, Entry, Id, Lease, NewMessage, News, Outbox, OutboxError, Outcome, Resolution, Settled, State, io,
};

const MESSAGE: &[u8] = b"Subject: [...]\r\n\r\nMIIsealed";

pub(super) fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn open_at(dir: &Path, at: &str) -> Outbox {
    Outbox::open(dir, &SealingKey::new(Secret::new([5; 32])), Clock::Fixed(time(at))).unwrap()
}

pub(super) fn open(dir: &Path) -> Outbox {
    open_at(dir, "2026-11-05T08:00:00Z")
}

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        sender: address("labo@biologie.sandbox"),
        recipients: vec![address("dr.durand@medecin.sandbox"), address("dr.lefevre@medecin.sandbox")],
    }
}

fn sealed_for(dir: &Path, key: u8, recipients: &[&str], octets: &[u8]) -> Sealed {
    let mut file = Staged::new(dir).unwrap();
    io::Write::write_all(&mut file, octets).unwrap();
    let recipients = recipients.iter().map(|text| address(text)).collect();
    let envelope = Envelope { recipients, ..envelope() };
    let id: MessageId = format!("<{key}@biologie.sandbox>").parse().unwrap();
    Sealed::new(envelope, id, Protection::Smime, file.try_into().unwrap()).under(Suite::Gcm)
}

const BOTH: [&str; 2] = ["dr.durand@medecin.sandbox", "dr.lefevre@medecin.sandbox"];

fn enqueue_copies(outbox: &Outbox, key: u8, content: u8, copies: &[&[&str]]) -> Enqueued {
    let spool = folder();
    let mut copies: Vec<Sealed> =
        copies.iter().map(|recipients| sealed_for(spool.path(), key, recipients, MESSAGE)).collect();
    let new = NewMessage {
        key: [key; 32],
        content: [content; 32],
        label: Some("row 1"),
        copies: &mut copies,
        replace: false,
    };
    outbox.enqueue(&mut [new]).unwrap().remove(0).unwrap()
}

pub(super) fn enqueue(outbox: &Outbox, key: u8) -> Enqueued {
    enqueue_copies(outbox, key, key, &[&BOTH])
}

pub(super) fn queued(outbox: &Outbox, key: u8) -> CopyId {
    match enqueue(outbox, key) {
        Enqueued::New(_, copies) => copies[0],
        known => panic!("{known:?}"),
    }
}

pub(super) fn message(outbox: &Outbox, copy: CopyId) -> Id {
    outbox.entry(copy).unwrap().id
}

fn list(outbox: &Outbox) -> Vec<Entry> {
    outbox.list().collect::<Result<_, _>>().unwrap()
}

fn claim_next(outbox: &Outbox) -> Option<Lease<'_>> {
    outbox.due().unwrap().first().map(|copy| outbox.claim(*copy).unwrap())
}

pub(super) fn accepted() -> Outcome {
    Outcome::Accepted { queue_id: None, notified: false }
}

fn read(outbox: &Outbox, copy: CopyId) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let mut content = outbox.content(copy).map_err(io::Error::other)?;
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
fn killed(dir: &Path, deed: impl FnOnce(&Lease<'_>)) {
    let mut outbox = open(dir);
    outbox.owner = ended();
    let lease = claim_next(&outbox).unwrap();
    deed(&lease);
    std::mem::forget(lease);
}

#[test]
fn a_message_goes_in_once_and_comes_out_as_it_was() {
    let dir = folder();
    let outbox = open(dir.path());
    let copy = queued(&outbox, 1);
    let id = message(&outbox, copy);
    assert_eq!(enqueue(&outbox, 1), Enqueued::Known(id));
    assert_eq!(enqueue(&open(dir.path()), 1), Enqueued::Known(id));
    assert_eq!(enqueue_copies(&outbox, 1, 2, &[&BOTH]), Enqueued::Differs(id));
    let entry = open(dir.path()).entry(copy).unwrap();
    assert_eq!((entry.envelope.clone(), entry.protection.as_str()), (envelope(), "smime"));
    assert_eq!((entry.key.as_deref(), entry.cipher.as_deref()), (Some("row 1"), Some("AES-256-GCM")));
    assert_eq!(entry.pending(), envelope());
    assert_eq!(read(&outbox, copy).unwrap(), MESSAGE);
    assert_eq!(outbox.find(&"<1@biologie.sandbox>".parse().unwrap()).unwrap(), [id]);
    assert!(outbox.find(&"<2@biologie.sandbox>".parse().unwrap()).unwrap().is_empty());
    let known = outbox.known(&[1; 32], &[1; 32]).unwrap().unwrap();
    assert_eq!((known.id, known.same, known.entries), (id, true, vec![entry]));
    assert!(!outbox.known(&[1; 32], &[2; 32]).unwrap().unwrap().same);
    assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 1);
}

#[test]
fn a_copy_is_added_for_those_who_have_none() {
    let dir = folder();
    let outbox = open(dir.path());
    let Enqueued::New(id, first) = enqueue_copies(&outbox, 1, 1, &[&BOTH[..1]]) else { panic!() };
    outbox.claim(first[0]).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    let Enqueued::New(again, second) = enqueue_copies(&outbox, 1, 1, &[&BOTH[..1], &BOTH[1..]]) else { panic!() };
    assert_eq!((again, second.len(), outbox.entries(id).unwrap().len()), (id, 1, 2));
    outbox.claim(second[0]).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    assert!(matches!(enqueue_copies(&outbox, 1, 1, &[&BOTH[1..]]), Enqueued::New(..)), "whom it did not reach");
    assert_eq!(enqueue_copies(&outbox, 1, 1, &[&BOTH[1..]]), Enqueued::Known(id));
}

#[test]
fn messages_that_are_queued_together_share_a_file_and_fail_apart() {
    let dir = folder();
    let outbox = open(dir.path());
    let spool = folder();
    let mut copies: Vec<Vec<Sealed>> =
        (1..=5u8).map(|key| vec![sealed_for(spool.path(), key, &BOTH, &[key; 70_000])]).collect();
    // One is shortened behind our back.
    let shortened = Staged::new(spool.path()).unwrap();
    let path = shortened.path().to_owned();
    let mut shortened = shortened;
    io::Write::write_all(&mut shortened, &[9; 70_000]).unwrap();
    let id = "<9@biologie.sandbox>".parse().unwrap();
    copies[2] = vec![Sealed::new(envelope(), id, Protection::Smime, shortened.try_into().unwrap())];
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(69_999).unwrap();
    let mut new: Vec<NewMessage<'_>> = copies
        .iter_mut()
        .enumerate()
        .map(|(at, copies)| NewMessage { key: [at as u8; 32], content: [0; 32], label: None, copies, replace: false })
        .collect();
    let enqueued = outbox.enqueue(&mut new).unwrap();
    assert!(matches!(enqueued[2], Err(OutboxError::Size { announced: 70_000, found: 69_999 })));
    assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 1);
    let entries = list(&outbox);
    assert_eq!(entries.len(), 4);
    for (entry, key) in entries.iter().zip([1, 2, 4, 5]) {
        assert_eq!(read(&outbox, entry.copy).unwrap(), [key; 70_000]);
    }
    // The file goes with the last of them.
    for (at, entry) in entries.iter().enumerate() {
        outbox.claim(entry.copy).unwrap().close_all(&accepted(), "250 Ok").unwrap();
        assert_eq!(open_at(dir.path(), "2027-11-05T08:00:00Z").purge(time("2027-01-01T00:00:00Z")).unwrap(), 1);
        assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), usize::from(at < 3));
    }
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
    let lease = outbox.claim(id).unwrap();
    lease.point_of_no_return().unwrap();
    let settled = |recipient: &str, outcome: Outcome, answer: &str| Settled {
        address: address(recipient),
        outcome,
        answer: answer.to_owned(),
    };
    let later = time("2026-11-05T08:15:00Z");
    let entry = lease
        .close(vec![
            settled(
                "dr.durand@medecin.sandbox",
                Outcome::Accepted { queue_id: Some("4bQ".to_owned()), notified: true },
                "250 Ok",
            ),
            settled("dr.lefevre@medecin.sandbox", Outcome::Deferred { until: later }, "451 4.3.0 later"),
        ])
        .unwrap();
    assert_eq!((entry.state, entry.until, entry.attempts), (State::Deferred, Some(later), 1));
    assert_eq!(entry.recipients[0].queue_id.as_deref(), Some("4bQ"));
    assert_eq!(entry.recipients[1].answer.as_deref(), Some("451 4.3.0 later"));
    assert_eq!(entry.pending().recipients, [address("dr.lefevre@medecin.sandbox")]);

    assert!(claim_next(&outbox).is_none(), "not before its time");
    let outbox = open_at(dir.path(), "2026-11-05T08:16:00Z");
    let lease = claim_next(&outbox).unwrap();
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
    assert!(claim_next(&other).is_none());
    assert!(matches!(other.cancel(message(&other, id), "by hand"), Err(OutboxError::State { .. })));
    lease.release().unwrap();
    other.claim(id).unwrap().close_all(&accepted(), "250 Ok").unwrap();
}

#[test]
fn a_lease_that_is_dropped_puts_the_message_back() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    drop(outbox.claim(id).unwrap());
    assert_eq!(outbox.entry(id).unwrap().state, State::Queued);
    let lease = outbox.claim(id).unwrap();
    lease.point_of_no_return().unwrap();
    drop(lease);
    assert_eq!(outbox.entry(id).unwrap().state, State::Unknown);
}

#[test]
fn a_message_that_was_cleared_and_never_left_is_queued_again() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    let lease = outbox.claim(id).unwrap();
    lease.point_of_no_return().unwrap();
    lease.release().unwrap();
    assert_eq!(outbox.entry(id).unwrap().state, State::Queued);
    outbox.claim(id).unwrap().close_all(&accepted(), "250 Ok").unwrap();
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
    assert!(claim_next(&outbox).is_none(), "never again by itself");
}

#[test]
fn a_lease_that_was_taken_back_can_change_nothing() {
    let dir = folder();
    let mut gone = open(dir.path());
    gone.owner = ended();
    let id = queued(&gone, 1);
    let late = gone.claim(id).unwrap();
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
        let of = message(&outbox, id);
        assert!(outbox.resolve(of, resolution, "").is_err(), "it is not unknown");
        outbox.claim(id).unwrap().close_all(&Outcome::Unknown, "the line broke").unwrap();
        outbox.resolve(of, resolution, "somebody saw it").unwrap();
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
    outbox.writer().execute("UPDATE copy SET sealed = zeroblob(200)", []).unwrap();
    assert!(matches!(outbox.entry(id), Err(OutboxError::Changed { .. })));
    let other = Outbox::open(dir.path(), &SealingKey::new(Secret::new([6; 32])), Clock::System);
    assert!(matches!(other, Err(OutboxError::Journal(JournalError::OtherKey))));
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
                    if matches!(enqueue(&outbox, key), Enqueued::New(..)) {
                        new.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(new.into_inner(), 10);
    assert_eq!(list(&open(dir.path())).len(), 10);
    assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 10);
}

#[test]
fn only_what_is_settled_and_past_its_term_is_purged() {
    let dir = folder();
    let outbox = open(dir.path());
    let ids: Vec<CopyId> = (1..=4).map(|key| queued(&outbox, key)).collect();
    outbox.claim(ids[0]).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    outbox.claim(ids[1]).unwrap().close_all(&Outcome::Unknown, "").unwrap();
    outbox.cancel(message(&outbox, ids[2]), "by hand").unwrap();
    assert_eq!(outbox.purge(time("2026-11-05T08:00:00Z")).unwrap(), 0, "not past its term");
    let outbox = open_at(dir.path(), "2027-11-05T08:00:00Z");
    assert_eq!(outbox.expired(time("2027-01-01T00:00:00Z")).unwrap(), 2);
    assert_eq!(outbox.purge(time("2027-01-01T00:00:00Z")).unwrap(), 2);
    let left: Vec<State> = list(&outbox).iter().map(|entry| entry.state).collect();
    assert_eq!(left, [State::Unknown, State::Queued]);
    assert_eq!(dir.path().join("outbox").read_dir().unwrap().count(), 2);
    assert!(matches!(outbox.entry(ids[0]), Err(OutboxError::NoSuchMessage { .. })));
}

#[test]
fn what_did_not_arrive_is_queued_again_when_somebody_says_so() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    let of = message(&outbox, id);
    assert!(outbox.requeue(of, "").is_err(), "it waits already");
    outbox.claim(id).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    outbox.requeue(of, "the mailbox was made").unwrap();
    let entry = outbox.claim(id).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    assert_eq!((entry.state, entry.attempts), (State::Accepted, 2));
    assert!(outbox.requeue(of, "").is_err(), "it arrived");
    let said: Vec<String> = outbox.history(of).unwrap().remove(0).1.into_iter().filter_map(|it| it.answer).collect();
    assert_eq!(said[..3], ["550 no", "550 no", "the mailbox was made"]);
}

#[test]
fn notices_turn_the_state_and_never_back() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    let message_id: MessageId = "<1@biologie.sandbox>".parse().unwrap();
    outbox.claim(id).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    let note = |to: &str, news: News| {
        let noted = outbox.note(&message_id, &[address(to)], news, "2.0.0 said").unwrap();
        noted.iter().map(|noted| noted.state).collect::<Vec<_>>()
    };
    assert_eq!(note("Dr.Durand@MEDECIN.sandbox", News::Delayed), [State::Accepted]);
    assert_eq!(note(BOTH[0], News::Delivered), [State::Delivered]);
    assert_eq!(note(BOTH[0], News::Delivered), [State::Delivered], "doubled");
    assert_eq!(note(BOTH[0], News::Trouble), [State::Delivered]);
    assert_eq!(note(BOTH[0], News::Read), [State::Read]);
    assert_eq!(note(BOTH[0], News::Failed), [State::Read], "late");
    assert_eq!(note(BOTH[1], News::Failed), [State::Bounced]);
    assert_eq!(note(BOTH[1], News::Delivered), [State::Bounced]);
    assert!(note("somebody@else.sandbox", News::Read).is_empty(), "one of two, but which?");
    let other: MessageId = "<2@biologie.sandbox>".parse().unwrap();
    assert!(outbox.note(&other, &[address(BOTH[0])], News::Failed, "").unwrap().is_empty());
    assert_eq!(outbox.entry(id).unwrap().state, State::Read);
}

#[test]
fn a_notice_settles_what_is_unknown_or_still_in_hand() {
    let dir = folder();
    let outbox = open(dir.path());
    let message_id: MessageId = "<1@biologie.sandbox>".parse().unwrap();
    let id = queued(&outbox, 1);
    let lease = outbox.claim(id).unwrap();
    lease.point_of_no_return().unwrap();
    outbox.note(&message_id, &[address(BOTH[0])], News::Delivered, "2.0.0").unwrap();
    let entry = lease.close_all(&Outcome::Unknown, "the line broke").unwrap();
    let states: Vec<State> = entry.recipients.iter().map(|recipient| recipient.state).collect();
    assert_eq!(states, [State::Delivered, State::Unknown]);
    outbox.note(&message_id, &[address(BOTH[1])], News::Failed, "5.1.1").unwrap();
    let entry = outbox.entry(id).unwrap();
    assert_eq!((entry.state, entry.state.is_final()), (State::Delivered, true));
    assert_eq!(entry.recipients[1].state, State::Bounced);
}

/// Looks go by a connection of their own, beside the changes.
#[test]
fn a_look_sees_what_belongs_together_at_one_moment() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let dir = folder();
    let outbox = open(dir.path());
    let (current, over) = (AtomicI64::new(0), -1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for key in 0..40 {
                let copy = queued(&outbox, key);
                current.store(message(&outbox, copy).0, Ordering::Relaxed);
                outbox.claim(copy).unwrap().close_all(&accepted(), "250 ok").unwrap();
                let later = open_at(dir.path(), "2026-11-06T08:00:00Z");
                assert_eq!(later.purge(time("2026-11-06T08:00:00Z")).unwrap(), 1);
            }
            current.store(over, Ordering::Relaxed);
        });
        let now = || current.load(Ordering::Relaxed);
        while now() != over {
            match outbox.entries(Id(now())) {
                Ok(entries) => entries.iter().for_each(|entry| {
                    let done = entry.recipients.iter().all(|one| one.state == State::Accepted);
                    assert_eq!(done, entry.state == State::Accepted, "{entry:?}");
                }),
                // Not there yet, or no longer.
                Err(OutboxError::NoSuchMessage { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    });
}
