//! The tamper-evident log of every exchange: sealed, chained records and signed checkpoints over them.
//!
//! A segment is a file for each month. In it stand frames: length, body, length again. A body is its kind, its sequence
//! number, the leaf hash of the body before it, and the sealed record. The leaf hashes are also the leaves of a Merkle
//! tree (RFC 6962, section 2.1) whose root is signed after every run as a C2SP checkpoint. So every change to what was
//! signed is found, without any key but the public one; with the sealing key it is named to the record. What cannot be
//! found is what was never written, or was cut off before any checkpoint counted it: integrity, not completeness.

mod append;
mod checkpoint;
mod findings;
mod frame;
mod log;
mod masking;
mod record;
mod segment;
mod tree;
mod verify;

pub use append::{Entry, Trace};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use findings::{Fault, Finding, Notice, Verdict};
pub use log::{Filter, Line, Status};
pub use record::{Action, Answer, Deed, Outcome};
pub use verify::{Verification, verify};

use std::io;
use std::path::PathBuf;

use crate::fs::FsError;

/// Why the trace could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A file or folder could not be reached.
    #[error("the trace cannot be reached")]
    Fs(#[from] FsError),
    /// Reading or writing stopped; what was begun is not counted as written.
    #[error("cannot {deed} {path}")]
    Io { deed: &'static str, path: PathBuf, source: io::Error },
    /// What is there is not what was signed: nothing is added to it.
    #[error("the trace was changed: {what}")]
    Damaged { what: &'static str },
    /// A record holds more than a record may.
    #[error("the record is larger than {limit} octets")]
    TooLarge { limit: usize },
    /// The signing key is no Ed25519 seed.
    #[error("the signing key of the trace cannot be used")]
    SigningKey,
}

impl TraceError {
    fn io(deed: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> TraceError {
        move |source| TraceError::Io { deed, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::clock::Clock;
    use crate::fs;
    use crate::mail::{Address, MessageId};
    use crate::secret::{SealingKey, Secret};

    use super::findings::{Fault, Notice};
    use super::{Action, Answer, Checkpoint, Deed, Filter, Outcome, Status, Trace, TraceError, Verification, verify};

    const MORNING: &str = "2026-11-05T08:00:00Z";

    fn folder() -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt;
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    fn at(time: &str) -> Clock {
        Clock::Fixed(time.parse().unwrap())
    }

    fn open_at(dir: &Path, time: &str) -> Trace {
        Trace::open(dir, &key(), &Secret::new([2; 32]), at(time)).unwrap()
    }

    fn open(dir: &Path) -> Trace {
        open_at(dir, MORNING)
    }

    fn key() -> SealingKey {
        SealingKey::new(Secret::new([1; 32]))
    }

    fn labo() -> Address {
        "labo@biologie.sandbox".parse().unwrap()
    }

    fn write(trace: &Trace, action: Action, outcome: Outcome) -> u64 {
        let mailbox = labo();
        let entry = trace.begin(&Deed::new("laboratoire", &mailbox, action, "request")).unwrap();
        let id = entry.id();
        trace.end(entry, &Answer::new(outcome, "250 2.0.0 Ok")).unwrap();
        id
    }

    /// A trace of an opening and six records, with a checkpoint over them.
    fn small(dir: &Path) -> PathBuf {
        let trace = open(dir);
        for _ in 0..3 {
            write(&trace, Action::Send, Outcome::Done);
        }
        trace.checkpoint().unwrap();
        assert!(trace.verify(None).unwrap().is_sound());
        dir.join("2026-11.trace")
    }

    /// Where each frame of a segment begins, and the end.
    fn frames(bytes: &[u8]) -> Vec<usize> {
        let mut places = vec![0];
        while let Some(last) = places.last().copied().filter(|last| *last < bytes.len()) {
            let length = u32::from_be_bytes(bytes[last..last + 4].try_into().unwrap()) as usize;
            places.push(last + length + 8);
        }
        places
    }

    fn without_key(dir: &Path) -> super::Verdict {
        let trace = open(dir);
        verify(dir, &Verification { public_key: Some(trace.public_key()), ..Verification::default() }).unwrap()
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        let dir = folder();
        let trace = open(&dir.path().join("trace"));
        let mailbox = labo();
        let id: MessageId = "<abc@biologie.sandbox>".parse().unwrap();
        let recipients = ["dr.durand@medecin.sandbox".parse().unwrap()];
        let deed = Deed {
            message_id: Some(&id),
            recipients: &recipients,
            ..Deed::new("laboratoire", &mailbox, Action::Send, "MAIL, RCPT, BDAT")
        };
        let entry = trace.begin(&deed).unwrap();
        trace
            .end(entry, &Answer::new(Outcome::Refused, "550 5.1.1 <dr.durand@medecin.sandbox>: no such user"))
            .unwrap();
        let interrupted = trace.begin(&Deed::new("laboratoire", &mailbox, Action::Fetch, "FETCH")).unwrap();
        drop(interrupted);

        let lines = trace.log(&Filter::default()).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].status, Status::Ended(Outcome::Refused));
        assert_eq!(lines[0].answer.as_deref(), Some("550 5.1.1 <*@medecin.sandbox>: no such user"));
        assert_eq!((lines[0].recipients, lines[0].domains.as_slice()), (Some(1), &["medecin.sandbox".to_owned()][..]));
        assert_eq!(lines[0].local_time, "2026-11-05T08:00:00+00:00");
        assert_eq!(lines[1].status, Status::Open, "this process still runs");
        let by_id = Filter { message_id: Some(id), ..Filter::default() };
        assert_eq!(trace.log(&by_id).unwrap().len(), 1);
        let by_domain = Filter { domain: Some("other.sandbox".to_owned()), ..Filter::default() };
        assert!(trace.log(&by_domain).unwrap().is_empty());
    }

    #[test]
    fn an_entry_of_a_process_that_ended_reads_as_interrupted() {
        let dir = folder();
        let mut trace = open(dir.path());
        trace.process = "1 1 another-boot -".to_owned();
        drop(trace.begin(&Deed::new("laboratoire", &labo(), Action::Send, "x")).unwrap());
        assert_eq!(trace.log(&Filter::default()).unwrap()[0].status, Status::Interrupted);
    }

    #[test]
    fn nothing_is_on_disk_in_clear() {
        let dir = folder();
        let path = small(dir.path());
        let bytes = std::fs::read(path).unwrap();
        for word in ["laboratoire", "biologie", "request", "250 2.0.0", "send"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn every_changed_octet_is_named_to_the_record() {
        let dir = folder();
        let path = small(dir.path());
        let whole = std::fs::read(&path).unwrap();
        let places = frames(&whole);
        let trace = open(dir.path());
        for octet in 0..whole.len() {
            let record = places.iter().rposition(|place| *place <= octet).unwrap() as u64;
            let mut changed = whole.clone();
            changed[octet] ^= 0x40;
            fs::write_cached(&path, &changed).unwrap();
            let verdict = trace.verify(None).unwrap();
            let named: Vec<Option<u64>> = verdict.findings.iter().map(|finding| finding.sequence).collect();
            assert_eq!(named, [Some(record)], "octet {octet}: {:?}", verdict.findings);
            let verdict = without_key(dir.path());
            assert!(!verdict.is_sound(), "octet {octet} without the key");
            let named = verdict.findings[0].sequence;
            let near = named.is_none_or(|named| named == record || named + 1 == record);
            assert!(near, "octet {octet} of record {record} without the key: {:?}", verdict.findings);
            assert!(named.is_some() || record == 6, "only a change to the last record needs the key to be named");
        }
    }

    #[test]
    fn removed_moved_doubled_and_cut_records_are_named() {
        let dir = folder();
        let path = small(dir.path());
        let whole = std::fs::read(&path).unwrap();
        let places = frames(&whole);
        let frame = |number: usize| &whole[places[number]..places[number + 1]];
        let order = |numbers: &[usize]| numbers.iter().flat_map(|number| frame(*number).to_vec()).collect::<Vec<u8>>();
        let trace = open(dir.path());
        let findings = |bytes: Vec<u8>| {
            fs::write_cached(&path, &bytes).unwrap();
            let found = |verdict: super::Verdict| -> Vec<(Option<u64>, Fault)> {
                verdict.findings.into_iter().map(|finding| (finding.sequence, finding.fault)).collect()
            };
            let (with, without) = (found(trace.verify(None).unwrap()), found(without_key(dir.path())));
            assert_eq!(with, without, "the key is not needed for this");
            with
        };
        for gone in 0..6 {
            let numbers: Vec<usize> = (0..7).filter(|number| *number != gone).collect();
            let expected = (Some(gone as u64), Fault::Missing { last: gone as u64 });
            assert!(findings(order(&numbers)).contains(&expected), "record {gone}");
        }
        assert_eq!(findings(order(&[0, 1, 3, 2, 4, 5, 6])), [(Some(2), Fault::OutOfOrder)]);
        assert_eq!(findings(order(&[0, 1, 2, 2, 3, 4, 5, 6])), [(Some(2), Fault::Doubled)]);
        assert_eq!(findings(order(&[0, 1, 2, 3, 4, 5])), [(None, Fault::Cut { counted: 7, found: 6 })]);
        assert_eq!(findings(Vec::new()), [(None, Fault::Cut { counted: 7, found: 0 })]);
        for cut in places[6] + 1..whole.len() {
            assert_eq!(findings(whole[..cut].to_vec()), [(Some(6), Fault::Unreadable)]);
        }
    }

    #[test]
    fn a_checkpoint_that_is_gone_or_of_another_key_is_found() {
        let dir = folder();
        small(dir.path());
        let other = Trace::open(dir.path(), &key(), &Secret::new([9; 32]), at(MORNING)).unwrap();
        assert_eq!(other.verify(None).unwrap().findings[0].fault, Fault::Checkpoint);
        std::fs::remove_file(dir.path().join("checkpoint")).unwrap();
        assert_eq!(open(dir.path()).verify(None).unwrap().findings[0].fault, Fault::NoCheckpoint);
    }

    #[test]
    fn a_cut_before_the_last_checkpoint_needs_an_older_one_kept_elsewhere() {
        let dir = folder();
        let path = small(dir.path());
        let kept = Checkpoint::parse(&std::fs::read_to_string(dir.path().join("checkpoint")).unwrap()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        fs::write_private(&path, &whole[..frames(&whole)[5]]).unwrap();
        std::fs::remove_file(dir.path().join("checkpoint")).unwrap();
        std::fs::remove_file(dir.path().join("edge")).unwrap();
        let trace = open(dir.path());
        trace.checkpoint().unwrap();
        assert!(trace.verify(None).unwrap().is_sound());
        let verdict = trace.verify(Some(&kept)).unwrap();
        assert_eq!(verdict.findings[0].fault, Fault::Cut { counted: 7, found: 5 });
        // A history that goes on differently is another one.
        write(&trace, Action::Fetch, Outcome::Done);
        trace.checkpoint().unwrap();
        assert_eq!(trace.verify(Some(&kept)).unwrap().findings[0].fault, Fault::NotAsSigned { counted: 7 });
    }

    #[test]
    fn nothing_is_added_to_or_signed_over_a_trace_that_was_cut() {
        let dir = folder();
        let path = small(dir.path());
        let whole = std::fs::read(&path).unwrap();
        fs::write_private(&path, &whole[..frames(&whole)[6]]).unwrap();
        let trace = open(dir.path());
        let deed_by = labo();
        let begun = trace.begin(&Deed::new("laboratoire", &deed_by, Action::Send, "x"));
        assert!(matches!(begun, Err(TraceError::Damaged { .. })));
        assert!(matches!(trace.checkpoint(), Err(TraceError::Damaged { .. })));
    }

    #[test]
    fn checkpoints_go_on_with_without_or_with_an_emptied_edge() {
        let dir = folder();
        let trace = open(dir.path());
        assert!(trace.checkpoint().unwrap().is_none(), "nothing to sign");
        for round in 0..6 {
            write(&trace, Action::Lookup, Outcome::Done);
            match round % 3 {
                0 => fs::remove(&dir.path().join("edge")).unwrap(),
                1 => fs::write_private(&dir.path().join("edge"), b"").unwrap(),
                _ => {}
            }
            let signed = trace.checkpoint().unwrap().unwrap();
            assert_eq!(signed.size, 1 + 2 * (round + 1));
            let verdict = trace.verify(None).unwrap();
            assert!(verdict.is_sound() && verdict.signed == Some(signed.size), "{:?}", verdict.findings);
        }
    }

    #[test]
    fn two_writers_take_turns() {
        let dir = folder();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let trace = open(dir.path());
                    for _ in 0..25 {
                        write(&trace, Action::Send, Outcome::Done);
                    }
                    trace.checkpoint().unwrap();
                });
            }
        });
        let trace = open(dir.path());
        let verdict = trace.verify(None).unwrap();
        assert!(verdict.is_sound(), "{:?}", verdict.findings);
        assert_eq!(verdict.records, 101);
        let lines = trace.log(&Filter::default()).unwrap();
        assert_eq!(lines.iter().filter(|line| line.status == Status::Ended(Outcome::Done)).count(), 50);
    }

    #[test]
    fn an_append_that_was_cut_short_is_declared_by_the_next_one() {
        for octets in [1, 5, 60] {
            let dir = folder();
            let path = small(dir.path());
            let mut bytes = std::fs::read(&path).unwrap();
            let torn = bytes[frames(&bytes)[1]..][..octets].to_vec();
            bytes.extend_from_slice(&torn);
            fs::write_cached(&path, &bytes).unwrap();
            let trace = open(dir.path());
            let verdict = trace.verify(None).unwrap();
            assert_eq!(verdict.findings[0].fault, Fault::Unfinished { octets: octets as u64 });
            write(&trace, Action::Send, Outcome::Done);
            trace.checkpoint().unwrap();
            assert!(dir.path().join("2026-11.2.trace").exists(), "a new part, under a new key");
            let verdict = trace.verify(None).unwrap();
            assert!(verdict.is_sound(), "{:?}", verdict.findings);
            assert_eq!(verdict.notices, [Notice::Interrupted { sequence: 7, octets: octets as u64 }]);
            assert_eq!(trace.log(&Filter::default()).unwrap().len(), 4);
            // More than was declared is no crash.
            bytes.push(0);
            fs::write_cached(&path, &bytes).unwrap();
            assert!(!trace.verify(None).unwrap().is_sound());
        }
    }

    #[test]
    fn months_have_segments_and_a_clock_set_back_opens_no_older_one() {
        let dir = folder();
        for time in ["2026-11-30T23:00:00Z", "2026-12-01T01:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"] {
            let trace = open_at(dir.path(), time);
            write(&trace, Action::Send, Outcome::Done);
            trace.checkpoint().unwrap();
        }
        let trace = open(dir.path());
        let verdict = trace.verify(None).unwrap();
        assert!(verdict.is_sound(), "{:?}", verdict.findings);
        assert_eq!(verdict.segments, 3);
        assert!(matches!(verdict.notices[..], [Notice::ClockSetBack { .. }]), "{:?}", verdict.notices);
        std::fs::remove_file(dir.path().join("2026-12.trace")).unwrap();
        let verdict = trace.verify(None).unwrap();
        assert_eq!(verdict.findings[0].fault, Fault::Missing { last: 7 });
        assert_eq!(verdict.findings[0].sequence, Some(3));
    }

    #[test]
    fn an_older_segment_swapped_for_another_is_found() {
        let dir = folder();
        let other = folder();
        for time in [MORNING, "2026-12-01T01:00:00Z"] {
            for dir in [dir.path(), other.path()] {
                write(&open_at(dir, time), Action::Send, Outcome::Done);
            }
        }
        open(dir.path()).checkpoint().unwrap();
        let foreign = std::fs::read(other.path().join("2026-11.trace")).unwrap();
        fs::write_private(&dir.path().join("2026-11.trace"), &foreign).unwrap();
        let verdict = open(dir.path()).verify(None).unwrap();
        assert_eq!((verdict.findings[0].sequence, &verdict.findings[0].fault), (Some(2), &Fault::Changed));
        assert!(!without_key(dir.path()).is_sound());
    }

    #[test]
    fn the_last_successful_sign_in_is_remembered() {
        let dir = folder();
        let none = open(dir.path()).last_sign_in(&labo()).unwrap();
        assert_eq!(none, None);
        write(&open_at(dir.path(), "2026-09-01T10:00:00Z"), Action::SignIn, Outcome::Done);
        write(&open_at(dir.path(), "2026-10-01T10:00:00Z"), Action::SignIn, Outcome::Refused);
        write(&open_at(dir.path(), "2026-11-01T10:00:00Z"), Action::Send, Outcome::Done);
        let trace = open(dir.path());
        assert_eq!(trace.last_sign_in(&labo()).unwrap(), Some("2026-09-01T10:00:00Z".parse().unwrap()));
        assert_eq!(trace.last_sign_in(&"other@biologie.sandbox".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn a_segment_that_others_may_read_is_not_added_to() {
        use std::os::unix::fs::PermissionsExt;
        let dir = folder();
        small(dir.path());
        let path = dir.path().join("2026-11.trace");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let mailbox = labo();
        let begun = open(dir.path()).begin(&Deed::new("laboratoire", &mailbox, Action::Send, "x"));
        assert!(matches!(begun, Err(TraceError::Fs(_))));
    }
}
