//! The journal of fetched messages: what it remembers, what it refuses, what it hides.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use super::{Inbox, InboxError, Kept, Message, Recorded, Standing};
use crate::fs;
use crate::journal::JournalError;
use crate::secret::{SealingKey, Secret};

const ONE: [u8; 32] = [1; 32];
const TWO: [u8; 32] = [2; 32];

fn key(octet: u8) -> SealingKey {
    SealingKey::new(Secret::new([octet; 32]))
}

fn private_dir() -> TempDir {
    let dir = tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

fn open(dir: &Path) -> Inbox {
    Inbox::open(dir, &key(7)).unwrap()
}

fn kept(place: &str, at: &str) -> Kept {
    Kept { place: PathBuf::from(place), quarantined: false, at: at.parse().unwrap(), acknowledged: None }
}

fn january(place: &str) -> Kept {
    kept(place, "2026-01-05T08:00:00.123456Z")
}

/// Records one message by itself.
fn take(
    inbox: &Inbox,
    folder: &str,
    uid_validity: u32,
    uid: u32,
    raw_sha256: [u8; 32],
    kept: &Kept,
) -> Result<Recorded, InboxError> {
    let message = Message { uid, raw_sha256, kept: kept.clone() };
    inbox.record(folder, uid_validity, &[message]).map(|mut recorded| recorded.remove(0))
}

fn error(result: Result<Inbox, InboxError>) -> InboxError {
    result.err().expect("it is refused")
}

#[test]
fn what_was_recorded_is_known_after_a_restart() {
    let dir = private_dir();
    let quarantined = Kept { quarantined: true, ..january("second") };
    {
        let inbox = open(dir.path());
        assert_eq!(inbox.enter("INBOX", 17).unwrap(), Standing::First);
        assert_eq!(take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap(), Recorded::New);
        assert_eq!(take(&inbox, "INBOX", 17, 5, TWO, &quarantined).unwrap(), Recorded::New);
        inbox.acknowledged("INBOX", 17, [4], "seen").unwrap();
    }
    let inbox = open(dir.path());
    assert_eq!(inbox.enter("inbox", 17).unwrap(), Standing::Same);
    let first = Kept { acknowledged: Some("seen".to_owned()), ..january("first") };
    assert_eq!(inbox.known_uid("Inbox", 17, 4).unwrap(), Some(first.clone()));
    assert_eq!(inbox.known_message(&ONE).unwrap(), Some(first));
    assert_eq!(inbox.known_uid("INBOX", 17, 5).unwrap(), Some(quarantined));
    assert_eq!(inbox.known_uid("INBOX", 17, 6).unwrap(), None);
    assert_eq!(inbox.known_uid("INBOX", 18, 4).unwrap(), None);
    assert_eq!(inbox.known_uid("Archive", 17, 4).unwrap(), None);
    assert_eq!(inbox.known_message(&[3; 32]).unwrap(), None);
}

#[test]
fn a_record_outlives_a_process_that_never_closed_the_journal() {
    let (dir, after) = (private_dir(), private_dir());
    let inbox = open(dir.path());
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    for name in ["inbox.db", "inbox.db-wal"] {
        let bytes = fs::read_private(&dir.path().join(name), 1 << 20).unwrap();
        fs::write_private(&after.path().join(name), &bytes).unwrap();
    }
    assert_eq!(open(after.path()).known_uid("INBOX", 17, 4).unwrap(), Some(january("first")));
}

#[test]
fn a_group_is_recorded_as_a_whole_or_not_at_all() {
    let dir = private_dir();
    let inbox = open(dir.path());
    let message = |uid, raw_sha256, place| Message { uid, raw_sha256, kept: january(place) };
    take(&inbox, "INBOX", 17, 3, ONE, &january("first")).unwrap();
    let group = [message(2, TWO, "second"), message(3, ONE, "third")];
    let recorded = inbox.record("INBOX", 17, &group).unwrap();
    assert_eq!(recorded, [Recorded::New, Recorded::Before(january("first"))]);
    let refused = inbox.record("INBOX", 17, &[message(4, [4; 32], "fourth"), message(3, TWO, "third")]);
    assert!(matches!(refused, Err(InboxError::OtherMessage { uid: 3 })));
    inbox.acknowledged("INBOX", 17, [2], "seen").unwrap();
    let known = inbox.known_between("inbox", 17, (1, 9)).unwrap();
    assert_eq!(known, [(2, Some("seen".to_owned())), (3, None)].into(), "the fourth was not recorded");
    assert!(inbox.known_between("INBOX", 17, (4, 9)).unwrap().is_empty());
    assert!(matches!(inbox.acknowledged("INBOX", 17, [3, 4], "seen"), Err(InboxError::NotTaken { uid: 4 })));
    assert_eq!(inbox.known_uid("INBOX", 17, 3).unwrap(), Some(january("first")), "nor was the third acknowledged");
}

#[test]
fn what_is_left_is_remembered_for_each_aim_and_validity() {
    let dir = private_dir();
    let inbox = open(dir.path());
    assert_eq!(inbox.progress("INBOX", 17, "unseen, seen").unwrap(), None);
    inbox.set_progress("INBOX", 17, "unseen, seen", 900).unwrap();
    inbox.set_progress("inbox", 17, "unseen, seen", 917).unwrap();
    assert_eq!(inbox.progress("INBOX", 17, "unseen, seen").unwrap(), Some(917));
    assert_eq!(inbox.progress("INBOX", 17, "all, seen").unwrap(), None);
    assert_eq!(inbox.progress("INBOX", 18, "unseen, seen").unwrap(), None);
    assert_eq!(inbox.progress("Archive", 17, "unseen, seen").unwrap(), None);
}

#[test]
fn commits_wait_for_the_disk() {
    let dir = private_dir();
    let level: u32 = open(dir.path()).database.query_row("PRAGMA synchronous", (), |row| row.get(0)).unwrap();
    assert_eq!(level, 2, "FULL");
}

#[test]
fn handles_opened_at_once_share_one_journal() {
    let dir = private_dir();
    std::thread::scope(|scope| {
        for uid in 0..8 {
            let dir = dir.path();
            scope.spawn(move || {
                let inbox = open(dir);
                inbox.enter("INBOX", 17).unwrap();
                take(&inbox, "INBOX", 17, uid, [uid as u8; 32], &january("somewhere")).unwrap();
            });
        }
    });
    let inbox = open(dir.path());
    assert!((0..8).all(|uid| inbox.known_uid("INBOX", 17, uid).unwrap().is_some()));
}

#[test]
fn the_second_of_two_processes_learns_what_the_first_kept() {
    let dir = private_dir();
    let (one, two) = (open(dir.path()), open(dir.path()));
    take(&one, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    let before = take(&two, "INBOX", 17, 4, ONE, &january("second")).unwrap();
    assert_eq!(before, Recorded::Before(january("first")));
    let refused = take(&two, "INBOX", 17, 4, TWO, &january("second"));
    assert!(matches!(refused, Err(InboxError::OtherMessage { uid: 4 })));
    assert_eq!(two.known_message(&TWO).unwrap(), None);
    assert_eq!(take(&two, "INBOX", 17, 5, TWO, &january("second")).unwrap(), Recorded::New);
    assert_eq!(one.known_uid("INBOX", 17, 5).unwrap(), Some(january("second")));
}

#[test]
fn a_renewed_folder_is_told_of_until_it_is_accepted() {
    let dir = private_dir();
    let inbox = open(dir.path());
    inbox.enter("INBOX", 17).unwrap();
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    assert_eq!(inbox.enter("INBOX", 18).unwrap(), Standing::Renewed { before: 17 });
    assert_eq!(inbox.enter("INBOX", 18).unwrap(), Standing::Renewed { before: 17 });
    assert_eq!(inbox.enter("Archive", 18).unwrap(), Standing::First, "each folder has its own");

    inbox.accept_renewal("INBOX", 18).unwrap();
    assert_eq!(inbox.enter("INBOX", 18).unwrap(), Standing::Same);
    assert_eq!(inbox.known_uid("INBOX", 18, 4).unwrap(), None);
    assert_eq!(inbox.known_message(&ONE).unwrap(), Some(january("first")));
    take(&inbox, "INBOX", 18, 1, ONE, &january("first")).unwrap();
    inbox.accept_renewal("INBOX", 18).unwrap();
    assert!(inbox.known_uid("INBOX", 18, 1).unwrap().is_some(), "accepted twice is accepted once");
}

#[test]
fn a_validity_that_comes_back_does_not_bring_its_uids_back() {
    let dir = private_dir();
    let inbox = open(dir.path());
    inbox.enter("INBOX", 17).unwrap();
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    inbox.set_progress("INBOX", 17, "unseen, seen", 917).unwrap();
    inbox.accept_renewal("INBOX", 18).unwrap();
    inbox.accept_renewal("INBOX", 17).unwrap();
    assert_eq!(inbox.progress("INBOX", 17, "unseen, seen").unwrap(), None);
    assert_eq!(inbox.known_uid("INBOX", 17, 4).unwrap(), None);
    assert!(matches!(inbox.acknowledged("INBOX", 17, [4], "seen"), Err(InboxError::NotTaken { uid: 4 })));
    assert_eq!(take(&inbox, "INBOX", 17, 4, TWO, &january("second")).unwrap(), Recorded::New);
    assert_eq!(inbox.known_message(&ONE).unwrap(), Some(january("first")));
}

#[test]
fn a_folder_that_was_set_back_is_known_by_its_octets_alone() {
    let dir = private_dir();
    let inbox = open(dir.path());
    inbox.enter("INBOX", 17).unwrap();
    assert_eq!(inbox.last_uid("INBOX").unwrap(), None, "nothing was taken");
    take(&inbox, "INBOX", 17, 9, ONE, &january("first")).unwrap();
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    assert_eq!(inbox.last_uid("inbox").unwrap(), Some((17, 9)));
    assert_eq!(inbox.last_uid("Archive").unwrap(), None);
    inbox.set_progress("INBOX", 17, "unseen, seen", 917).unwrap();
    inbox.accept_set_back("INBOX", 17).unwrap();
    assert_eq!(inbox.last_uid("INBOX").unwrap(), None);
    assert_eq!(inbox.progress("INBOX", 17, "unseen, seen").unwrap(), None);
    assert_eq!(take(&inbox, "INBOX", 17, 4, TWO, &january("second")).unwrap(), Recorded::New);
    assert_eq!(inbox.known_message(&ONE).unwrap(), Some(january("first")));
}

#[test]
fn a_copy_under_another_uid_is_acknowledged_for_itself() {
    let dir = private_dir();
    let inbox = open(dir.path());
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    inbox.acknowledged("INBOX", 17, [4], "move").unwrap();
    let known = inbox.known_message(&ONE).unwrap().unwrap();
    assert_eq!(known.acknowledged.as_deref(), Some("move"));
    take(&inbox, "INBOX", 17, 9, ONE, &known).unwrap();
    assert_eq!(inbox.known_uid("INBOX", 17, 9).unwrap(), Some(january("first")));
}

#[test]
fn only_known_deeds_on_taken_messages_are_noted() {
    let dir = private_dir();
    let inbox = open(dir.path());
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    for deed in ["seen", "move", "delete", "keep"] {
        inbox.acknowledged("INBOX", 17, [4], deed).unwrap();
        assert_eq!(inbox.known_uid("INBOX", 17, 4).unwrap().unwrap().acknowledged.as_deref(), Some(deed));
    }
    assert!(matches!(inbox.acknowledged("INBOX", 17, [4], "Mme Durand"), Err(InboxError::UnknownDeed)));
    assert!(matches!(inbox.acknowledged("INBOX", 17, [5], "seen"), Err(InboxError::NotTaken { uid: 5 })));
}

#[test]
fn older_messages_are_listed_once_and_oldest_first() {
    let dir = private_dir();
    let inbox = open(dir.path());
    let (march, february) = (kept("march", "2026-03-01T00:00:00Z"), kept("february", "2026-02-01T00:00:00Z"));
    take(&inbox, "INBOX", 17, 1, ONE, &march).unwrap();
    take(&inbox, "INBOX", 17, 2, TWO, &february).unwrap();
    take(&inbox, "INBOX", 17, 3, TWO, &february).unwrap();
    inbox.acknowledged("INBOX", 17, [2], "seen").unwrap();
    let before = |moment: &str| inbox.older_than(moment.parse().unwrap()).unwrap();
    assert_eq!(before("2026-02-01T00:00:00Z"), []);
    assert_eq!(before("2026-02-01T00:00:01Z"), std::slice::from_ref(&february), "one copy is still unacknowledged");
    inbox.acknowledged("INBOX", 17, [3], "delete").unwrap();
    let february = Kept { acknowledged: Some("seen".to_owned()), ..february };
    assert_eq!(before("2026-04-01T00:00:00Z"), [february, march]);
    assert_eq!(inbox.older_than(Timestamp::MIN).unwrap(), []);
}

#[test]
fn another_key_is_refused_and_changes_nothing() {
    let dir = private_dir();
    take(&open(dir.path()), "INBOX", 17, 4, ONE, &january("first")).unwrap();
    assert!(matches!(error(Inbox::open(dir.path(), &key(8))), InboxError::Journal(JournalError::OtherKey)));
    let inbox = open(dir.path());
    assert_eq!(inbox.known_uid("INBOX", 17, 4).unwrap(), Some(january("first")));
    assert_ne!(inbox.digest(&ONE), Inbox::open(private_dir().path(), &key(8)).unwrap().digest(&ONE));
}

#[test]
fn nothing_personal_is_readable_and_no_file_is_open_to_others() {
    let dir = private_dir();
    let inbox = open(dir.path());
    inbox.enter("Patients/Durand", 17).unwrap();
    take(&inbox, "Patients/Durand", 17, 4, [0x5a; 32], &january("/var/mail/durand-zoe")).unwrap();
    let secrets: [&[u8]; 5] = [b"Patients", b"Durand", b"durand", b"/var/mail", &[0x5a; 8]];
    let mut names = Vec::new();
    for entry in dir.path().read_dir().unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read_private(&path, 1 << 20).unwrap();
        for secret in secrets {
            assert!(memchr::memmem::find(&bytes, secret).is_none(), "{} tells", path.display());
        }
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["inbox.db", "inbox.db-shm", "inbox.db-wal", "inbox.db.lock"]);
}

#[test]
fn a_journal_that_others_may_read_is_refused() {
    for name in ["inbox.db", "inbox.db-wal"] {
        let dir = private_dir();
        let inbox = open(dir.path());
        std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = error(Inbox::open(dir.path(), &key(7)));
        assert!(
            matches!(refused, InboxError::Journal(JournalError::Fs(fs::FsError::TooOpen { mode: 0o640, .. }))),
            "{name}"
        );
        drop(inbox);
    }
}

/// The journal closed, one thing in it changed behind its back, and opened again.
fn tampered(change: &str) -> (TempDir, Result<Inbox, InboxError>) {
    let dir = private_dir();
    let inbox = open(dir.path());
    take(&inbox, "INBOX", 17, 4, ONE, &january("first")).unwrap();
    take(&inbox, "INBOX", 17, 5, TWO, &january("second")).unwrap();
    drop(inbox);
    Connection::open(dir.path().join("inbox.db")).unwrap().execute_batch(change).unwrap();
    let again = Inbox::open(dir.path(), &key(7));
    (dir, again)
}

#[test]
fn a_later_format_is_refused() {
    let (_dir, again) = tampered("PRAGMA user_version = 3");
    assert!(matches!(error(again), InboxError::Journal(JournalError::Newer { found: 3, known: 2 })));
}

#[test]
fn another_database_is_refused() {
    for change in ["PRAGMA application_id = 3", "PRAGMA user_version = 0"] {
        let (_dir, again) = tampered(change);
        assert!(matches!(error(again), InboxError::Journal(JournalError::Foreign)), "{change}");
    }
    let (_dir, again) = tampered("DELETE FROM storage_key");
    assert!(matches!(error(again), InboxError::Journal(JournalError::Damaged(_))));
}

#[test]
fn a_row_that_was_changed_or_moved_does_not_open() {
    for change in [
        "UPDATE taken SET quarantined = 1",
        "UPDATE taken SET at = at - 1",
        "UPDATE taken SET uid = 9 WHERE uid = 5; UPDATE taken SET uid = 5 WHERE uid = 4",
        "UPDATE taken SET salt = zeroblob(16)",
        "UPDATE taken SET salt = x'00'",
        "UPDATE taken SET place = (SELECT place FROM taken WHERE uid = 4), salt = (SELECT salt FROM taken WHERE uid = 4)",
    ] {
        let (_dir, again) = tampered(change);
        let known = again.unwrap().known_uid("INBOX", 17, 5);
        assert!(matches!(known, Err(InboxError::Changed | InboxError::Journal(JournalError::Damaged(_)))), "{change}");
    }
}

#[test]
fn a_damaged_file_is_named_as_such() {
    let dir = private_dir();
    let path = dir.path().join("inbox.db");
    take(&open(dir.path()), "INBOX", 17, 4, ONE, &january("first")).unwrap();
    let sound = fs::read_private(&path, 1 << 20).unwrap();

    let mut pages = sound.clone();
    pages[4096..].fill(0xff);
    fs::write_private(&path, &pages).unwrap();
    let known = Inbox::open(dir.path(), &key(7)).and_then(|inbox| inbox.known_uid("INBOX", 17, 4));
    assert!(matches!(known, Err(InboxError::Journal(JournalError::Damaged(_)))));

    fs::write_private(&path, &sound[..4096]).unwrap();
    let known = Inbox::open(dir.path(), &key(7)).and_then(|inbox| inbox.known_uid("INBOX", 17, 4));
    assert!(matches!(known, Err(InboxError::Journal(JournalError::Damaged(_)))));

    fs::write_private(&path, &[0xff; 4096]).unwrap();
    let refused = error(Inbox::open(dir.path(), &key(7)));
    assert!(matches!(refused, InboxError::Journal(JournalError::Damaged(_))));
}
