//! The store as its sessions use it: several at once, in one process and in two.

use std::io::{Read, Write};

use crate::clock::Clock;
use crate::sandbox::store::{Change, Flags, INBOX, Snapshot, Store, StoreError};

fn store(dir: &std::path::Path) -> Store {
    Store::open(dir.join("mail"), Clock::Fixed("2026-01-05T08:00:00Z".parse().unwrap())).unwrap()
}

fn deliver(store: &Store, text: &str, to: &[&str]) {
    let mut staged = store.incoming().unwrap();
    staged.write_all(text.as_bytes()).unwrap();
    let to: Vec<_> = to.iter().map(|to| to.parse().unwrap()).collect();
    store.deliver(&mut staged, text.len() as u64, &to).unwrap();
}

fn inbox(store: &Store, who: &str) -> Snapshot {
    store.mailbox(&who.parse().unwrap()).unwrap().folder(INBOX).unwrap().snapshot(None).unwrap().unwrap()
}

fn uids(snapshot: &Snapshot) -> Vec<u32> {
    snapshot.messages.iter().map(|message| message.uid).collect()
}

#[test]
fn each_recipient_finds_a_copy_that_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    deliver(&first, "one", &["a@x.sandbox", "b@x.sandbox"]);
    let validity = inbox(&first, "a@x.sandbox").uid_validity;
    let second = store(dir.path());
    deliver(&second, "two!", &["a@x.sandbox"]);
    let seen = inbox(&second, "A@x.sandbox");
    assert_eq!((uids(&seen), seen.uid_validity), (vec![1, 2], validity));
    assert_eq!(seen.messages[1].size, 4);
    assert_eq!(uids(&inbox(&first, "a@x.sandbox")), [1, 2], "the process that is running sees it too");
    assert_eq!(uids(&inbox(&first, "b@x.sandbox")), [1]);
    assert_eq!(dir.path().join("mail/spool").read_dir().unwrap().count(), 0);
}

#[test]
fn flags_and_removals_are_seen_by_every_session() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (store(dir.path()), store(dir.path()));
    for text in ["a", "b", "c"] {
        deliver(&one, text, &["a@x.sandbox"]);
    }
    let folder = one.mailbox(&"a@x.sandbox".parse().unwrap()).unwrap().folder(INBOX).unwrap();
    folder.change_flags(&[1, 3, 9], Change::Add, &Flags::of(Flags::DELETED)).unwrap();
    folder.expunge(|uid| uid < 3).unwrap();
    let seen = inbox(&other, "a@x.sandbox");
    assert_eq!(uids(&seen), [2, 3]);
    assert!(seen.messages[1].flags.has(Flags::DELETED));
    assert!(folder.message(seen.uid_validity, 1).is_err());
    let mut text = String::new();
    folder.message(seen.uid_validity, 2).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "b");
}

#[test]
fn a_move_keeps_date_and_flags_and_gives_new_uids() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    deliver(&store, "a", &["a@x.sandbox"]);
    deliver(&store, "b", &["a@x.sandbox"]);
    let mailbox = store.mailbox(&"a@x.sandbox".parse().unwrap()).unwrap();
    let (from, to) = (mailbox.folder(INBOX).unwrap(), mailbox.folder("Archive").unwrap());
    from.change_flags(&[2], Change::Add, &Flags::parse("\\Seen work")).unwrap();
    let copied = from.copy_to(&[2, 7], &to, true).unwrap();
    assert_eq!(copied.pairs, [(2, 1)]);
    let there = to.snapshot(None).unwrap().unwrap();
    assert_eq!(there.messages[0].flags, Flags::parse("\\Seen work"));
    assert_eq!(copied.uid_validity, there.uid_validity);
    assert_eq!(uids(&inbox(&store, "a@x.sandbox")), [1]);
    let again = from.copy_to(&[1], &from, false).unwrap();
    assert_eq!(again.pairs, [(1, 3)], "a copy into the folder itself");
}

#[test]
fn a_renumbered_folder_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    for text in ["a", "b", "c"] {
        deliver(&store, text, &["a@x.sandbox"]);
    }
    let mailbox = store.mailbox(&"a@x.sandbox".parse().unwrap()).unwrap();
    let folder = mailbox.folder(INBOX).unwrap();
    folder.change_flags(&[1], Change::Add, &Flags::of(Flags::DELETED)).unwrap();
    folder.expunge(|_| true).unwrap();
    let before = inbox(&store, "a@x.sandbox");
    folder.renumber(|| mailbox.next_uid_validity()).unwrap();
    let after = inbox(&store, "a@x.sandbox");
    assert!(after.uid_validity > before.uid_validity);
    assert_eq!((uids(&before), uids(&after)), (vec![2, 3], vec![1, 2]));
    let mut text = String::new();
    folder.message(after.uid_validity, 1).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "b");
}

#[test]
fn a_message_whose_line_was_lost_is_taken_in_again() {
    let dir = tempfile::tempdir().unwrap();
    deliver(&store(dir.path()), "a", &["a@x.sandbox"]);
    let index = dir.path().join("mail/a@x.sandbox/folders/INBOX/index");
    let whole = std::fs::read_to_string(&index).unwrap();
    // A power cut took half of the last line; the message itself was synced.
    std::fs::OpenOptions::new().write(true).open(&index).unwrap().set_len(whole.len() as u64 - 5).unwrap();
    let store = store(dir.path());
    assert_eq!(uids(&inbox(&store, "a@x.sandbox")), [1]);
    deliver(&store, "b", &["a@x.sandbox"]);
    assert_eq!(uids(&inbox(&store, "a@x.sandbox")), [1, 2]);
}

#[test]
fn folders_are_made_listed_renamed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let mailbox = store.mailbox(&"a@x.sandbox".parse().unwrap()).unwrap();
    let names = || mailbox.list().unwrap().into_iter().map(|listed| listed.name).collect::<Vec<_>>();
    assert_eq!(names(), ["INBOX", "Archive", "Sent", "Trash"]);
    let first = mailbox.create("Labo/2026/").unwrap();
    assert!(matches!(mailbox.create("Labo"), Err(StoreError::Exists)));
    assert!(matches!(mailbox.create("inbox"), Err(StoreError::Exists)));
    assert!(matches!(mailbox.delete("Labo"), Err(StoreError::HasChildren)));
    assert!(matches!(mailbox.delete("Sent"), Err(StoreError::Standing)));
    assert!(matches!(mailbox.folder("Nowhere"), Err(StoreError::NoFolder)));
    mailbox.rename("Labo", "Biologie").unwrap();
    assert_eq!(names(), ["INBOX", "Archive", "Biologie", "Biologie/2026", "Sent", "Trash"]);
    let open = mailbox.folder("Biologie/2026").unwrap();
    mailbox.delete("Biologie/2026").unwrap();
    assert!(matches!(open.snapshot(None), Err(StoreError::Gone)));
    assert!(mailbox.create("Biologie/2026").unwrap() > first, "another folder of the same name is told apart");
    mailbox.subscribe("Sent", false).unwrap();
    assert!(mailbox.list().unwrap().iter().all(|listed| listed.subscribed == (listed.name != "Sent")));
}

#[test]
fn deliveries_side_by_side_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = store(dir.path());
                for _ in 0..10 {
                    deliver(&store, "x", &["a@x.sandbox"]);
                }
            });
        }
    });
    assert_eq!(uids(&inbox(&store(dir.path()), "a@x.sandbox")), (1..=40).collect::<Vec<_>>());
}
