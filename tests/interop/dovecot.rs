//! Dovecot keeps the mailbox: what is fetched, moved, deleted and waited for there, and what is left when a side goes away.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::operator::Operator;
use crate::bench::servers::Servers;

const DURAND: &str = "dr.durand@medecin.sandbox";

/// Both servers, a laboratory that sends and a doctor who fetches.
struct Post {
    servers: Servers,
    laboratory: Bench,
    durand: Bench,
    _operator: Operator,
    _bench: Bench,
}

impl Post {
    fn open() -> Post {
        let bench = Bench::new();
        let (operator, servers) = (Operator::start(&bench, &[]), Servers::start(&[]));
        let laboratory = servers.home_of(&operator, "laboratoire");
        let durand = servers.home_of(&operator, "dr.durand");
        Post { servers, laboratory, durand, _operator: operator, _bench: bench }
    }

    fn send(&self, subject: &str) {
        let words = ["send", "--to", DURAND, "--subject", subject, "--body-file", "-"];
        self.laboratory.call(words).stdin("Bonjour\n").run().status(0);
    }

    /// Puts so many messages into the mailbox that all differ on the outside.
    fn fill(&self, count: usize) {
        self.send("first");
        let message = self.servers.wait_for(DURAND, 1).remove(0);
        let copies = (1..count).map(|number| [format!("X-Copy: {number}\r\n").as_bytes(), &message].concat());
        self.servers.deliver(DURAND, copies);
    }

    fn fetch(&self, words: &[&str]) -> Vec<Value> {
        let words = ["--json", "fetch", "--to", "in"].iter().chain(words);
        self.durand.run(words).status(0).json_lines()
    }

    /// The folders of stored messages that are there under their names.
    fn stored(&self) -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(self.durand.path("in")).into_iter().flatten().flatten();
        let named = |path: &PathBuf| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        entries.map(|entry| entry.path()).filter(named).collect()
    }

    fn in_folder(&self, folder: &str) -> usize {
        self.servers.files(DURAND, folder).len()
    }

    fn seen(&self) -> usize {
        let flags = |file: &PathBuf| file.to_string_lossy().rsplit_once(":2,").map(|(_, flags)| flags.contains('S'));
        self.servers.files(DURAND, "INBOX").iter().filter(|file| flags(file) == Some(true)).count()
    }
}

fn words<'l>(lines: &'l [Value], name: &str) -> BTreeSet<&'l str> {
    lines.iter().map(|line| line[name].as_str().expect("it is a word")).collect()
}

#[test]
fn many_messages_are_marked_moved_and_deleted_in_groups() {
    if !Servers::can_start("many_messages_are_marked_moved_and_deleted_in_groups") {
        return;
    }
    let post = Post::open();
    post.fill(150);
    let lines = post.fetch(&["--after", "keep", "--limit", "10"]);
    assert_eq!((lines.len(), words(&lines, "acknowledged"), post.seen()), (10, ["kept"].into(), 0));
    let lines = post.fetch(&["--jobs", "2"]);
    let uids: Vec<u64> = lines.iter().filter_map(|line| line["uid"].as_u64()).collect();
    assert!(uids.len() == 150 && uids.is_sorted(), "in the order of the mailbox: {uids:?}");
    assert_eq!(lines.iter().filter(|line| line["state"] == "known").count(), 10);
    assert_eq!((words(&lines, "acknowledged"), post.seen(), post.stored().len()), (["seen"].into(), 150, 150));
    assert!(post.fetch(&[]).is_empty());

    // Another aim: what is known and was settled stays so, and what is in another folder is known by its content.
    assert!(post.fetch(&["--state", "all", "--after", "move:Archive"]).is_empty());
    post.send("second");
    post.servers.wait_for(DURAND, 151);
    let lines = post.fetch(&["--after", "move:Résultats/2026"]);
    assert_eq!((lines.len(), words(&lines, "acknowledged")), (1, ["moved"].into()));
    assert_eq!((post.in_folder("INBOX"), post.in_folder("R&AOk-sultats.2026")), (150, 1));
    let lines = post.fetch(&["--folder", "*", "--state", "all", "--after", "delete"]);
    assert_eq!((lines.len(), &lines[0]["folder"]), (1, &"Résultats/2026".into()), "{lines:?}");
    assert_eq!((words(&lines, "state"), words(&lines, "acknowledged")), (["known"].into(), ["deleted"].into()));
    assert_eq!(post.in_folder("R&AOk-sultats.2026"), 0);
    post.durand.run(["audit", "verify"]).status(0);
}

#[test]
fn the_server_finds_what_is_asked_for() {
    if !Servers::can_start("the_server_finds_what_is_asked_for") {
        return;
    }
    let post = Post::open();
    post.fill(3);
    let fetch = |words: &[&str]| post.fetch(&[&["--after", "keep", "--limit", "1"], words].concat()).len();
    assert_eq!(fetch(&["--from", "nobody@"]), 0);
    assert_eq!(fetch(&["--larger", "10M"]), 0);
    assert_eq!(fetch(&["--smaller", "100"]), 0);
    assert_eq!(fetch(&["--since", "2100-01-01"]), 0);
    assert_eq!(fetch(&["--before", "2001-01-01"]), 0);
    assert_eq!(fetch(&["--state", "seen"]), 0);
    assert_eq!(fetch(&["--from", "laboratoire@", "--smaller", "10M", "--since", "2001-01-01", "--state", "unseen"]), 1);
    post.durand.run(["config", "set", "mailbox.compress", "true"]).status(0);
    assert_eq!(post.fetch(&[]).len(), 3, "compressed, what was kept is marked now and the rest is fetched");
    assert_eq!(post.seen(), 3);
}

#[test]
fn a_folder_that_did_not_change_is_not_searched_and_what_is_compressed_is_not_readable() {
    if !Servers::can_start("a_folder_that_did_not_change_is_not_searched_and_what_is_compressed_is_not_readable") {
        return;
    }
    let post = Post::open();
    post.send("first");
    post.servers.wait_for(DURAND, 1);
    post.servers.take_down(DURAND);
    let said = |part: &str| post.servers.said(DURAND, part);
    assert_eq!(post.fetch(&[]).len(), 1);
    assert!(said("LOGOUT").contains("UID SEARCH RETURN (ALL) UNSEEN\r\n"));
    // That it was marked is a change, and nothing new.
    assert!(post.fetch(&[]).is_empty());
    assert!(said("LOGOUT").contains("UID SEARCH RETURN (ALL) UNSEEN MODSEQ "));
    assert!(post.fetch(&[]).is_empty());
    let unchanged = said("LOGOUT");
    assert!(unchanged.contains("SELECT INBOX") && !unchanged.contains("SEARCH"), "{unchanged}");

    post.durand.run(["config", "set", "mailbox.compress", "true"]).status(0);
    post.send("second");
    post.servers.wait_for(DURAND, 2);
    assert_eq!(post.fetch(&[]).len(), 1);
    let compressed = said("COMPRESS DEFLATE\r\n");
    assert!(!compressed.contains("SELECT") && !compressed.contains("LOGOUT"), "{compressed}");
}

#[test]
fn a_server_that_was_set_back_gives_no_new_message_for_an_old_one() {
    if !Servers::can_start("a_server_that_was_set_back_gives_no_new_message_for_an_old_one") {
        return;
    }
    let mut post = Post::open();
    post.fill(2);
    let message = post.servers.wait_for(DURAND, 2).remove(0);
    assert_eq!(post.fetch(&[]).len(), 2);
    post.servers.stop_dovecot();
    post.servers.set_back(DURAND);
    post.servers.start_dovecot();
    post.servers.deliver(DURAND, [[&b"X-Copy: new\r\n"[..], &message].concat()]);
    post.durand.run(["fetch", "--to", "in"]).status(65).stderr_has("--accept-renewed-folder");
    let lines = post.fetch(&["--accept-renewed-folder"]);
    assert_eq!((lines.len(), &lines[0]["uid"], &lines[0]["state"]), (1, &1.into(), &"stored".into()));
    assert_eq!((post.stored().len(), post.seen()), (3, 1));
    assert!(post.fetch(&[]).is_empty());
}

#[test]
fn a_fetch_that_is_killed_again_and_again_stores_each_message_once() {
    if !Servers::can_start("a_fetch_that_is_killed_again_and_again_stores_each_message_once") {
        return;
    }
    let post = Post::open();
    post.fill(200);
    let fetch = ["--json", "fetch", "--to", "in"];
    let mut kills = 0;
    for moment in [200, 350, 500, 700, 900, 1100, 1300] {
        let ended = post.durand.call(fetch).start().kill_after(Duration::from_millis(moment));
        kills += u32::from(!ended.ended_by_itself());
    }
    assert!(kills > 0, "no kill came before the end");
    post.durand.run(fetch).status(0);
    post.durand.run(fetch).status(0).stdout_is("");
    assert_eq!((post.stored().len(), post.seen()), (200, 200), "after {kills} kills");
    post.durand.run(["audit", "verify"]).status(0);
}

#[test]
fn a_fetch_outlives_a_restart_of_the_server() {
    if !Servers::can_start("a_fetch_outlives_a_restart_of_the_server") {
        return;
    }
    let mut post = Post::open();
    post.fill(600);
    let mut fetch = post.durand.call(["--json", "-v", "fetch", "--to", "in", "--after", "move:Archive"]).start();
    fetch.wait_for_stdout("\n");
    post.servers.stop_dovecot();
    post.servers.start_dovecot();
    let lines = fetch.finish().status(0).json_lines();
    let uids: BTreeSet<u64> = lines.iter().filter_map(|line| line["uid"].as_u64()).collect();
    assert_eq!((lines.len(), uids.len(), words(&lines, "acknowledged")), (600, 600, ["moved"].into()));
    assert_eq!((post.stored().len(), post.in_folder("INBOX"), post.in_folder("Archive")), (600, 0, 600));
    post.durand.run(["audit", "verify"]).status(0);
}

/// How long the mailbox is watched; `MSS_WATCH_MINUTES` says another number than this short while.
fn watched_for() -> Duration {
    let minutes = std::env::var("MSS_WATCH_MINUTES").ok().and_then(|text| text.parse::<u64>().ok());
    minutes.map_or(Duration::ZERO, |minutes| Duration::from_secs(60 * minutes))
}

#[test]
fn a_watch_takes_what_comes_and_outlives_the_server() {
    if !Servers::can_start("a_watch_takes_what_comes_and_outlives_the_server") {
        return;
    }
    let mut post = Post::open();
    let manager = UnixDatagram::bind(post.durand.path("notify")).expect("the folder takes a socket");
    manager.set_read_timeout(Some(Duration::from_secs(30))).expect("a time can be set");
    let path = post.durand.path("notify");
    let call = post.durand.call(["--json", "fetch", "--to", "in", "--watch"]);
    let mut watch = call.variable("NOTIFY_SOCKET", path.to_str().expect("it is text")).start();
    let mut heard = [0; 512];
    let length = manager.recv(&mut heard).expect("it says that it is ready");
    assert!(heard[..length].starts_with(b"READY=1\n"));
    let (until, mut sent) = (Instant::now() + watched_for(), 0);
    loop {
        for _ in 0..2 {
            post.send(&format!("message {sent}"));
            sent += 1;
            watch.wait_for_stdout(&format!("message {}\"", sent - 1));
        }
        post.servers.stop_dovecot();
        post.servers.start_dovecot();
        post.send(&format!("message {sent}"));
        sent += 1;
        watch.wait_for_stdout(&format!("message {}\"", sent - 1));
        if Instant::now() >= until {
            break;
        }
    }
    let ended = watch.terminate();
    let lines = ended.status(0).stderr_has("mss.error/1").json_lines();
    let subjects: Vec<&str> = lines.iter().filter_map(|line| line["subject"].as_str()).collect();
    let expected: Vec<String> = (0..sent).map(|number| format!("message {number}")).collect();
    assert_eq!(subjects, expected, "each once, in order");
    assert_eq!((post.stored().len(), post.seen()), (sent, sent));
    post.durand.run(["fetch", "--to", "in"]).status(0).stdout_is("");
    post.durand.run(["audit", "verify"]).status(0);
}

/// Cuts the line between everything here, so that nobody is told, or mends it.
fn line(state: &str) {
    let status = Command::new("ip").args(["link", "set", "lo", state]).status();
    assert!(status.is_ok_and(|status| status.success()), "ip of iproute2 is needed, and root");
}

/// It takes two minutes, and comes with the long watch alone.
#[test]
fn a_watch_outlives_a_line_that_is_cut_without_a_word() {
    let name = "a_watch_outlives_a_line_that_is_cut_without_a_word";
    if watched_for().is_zero() || !Servers::can_start(name) {
        return;
    }
    let interfaces = fs::read_to_string("/proc/net/dev").expect("Linux tells its interfaces");
    if interfaces.matches(':').count() > 1 {
        // All of it once more, where no other line is cut: in a network namespace of its own.
        let alone = "ip link set lo up && exec \"$0\" --exact \"interop::dovecot::$1\"";
        let own = std::env::current_exe().expect("the test has a file");
        let status = Command::new("unshare").args(["--net", "sh", "-c", alone]).arg(own).arg(name).status();
        assert!(status.is_ok_and(|status| status.success()), "unshare of util-linux, or what it ran");
        return;
    }
    let post = Post::open();
    post.fill(1);
    let message = post.servers.wait_for(DURAND, 1).remove(0);
    let mut watch = post.durand.call(["--json", "fetch", "--to", "in", "--watch"]).start();
    watch.wait_for_stdout("\"uid\":1,");
    // Until it waits: a command that nobody answers is given up after five minutes, and no earlier.
    std::thread::sleep(Duration::from_secs(2));
    line("down");
    // It comes to the mailbox all the same, and the server tells of it in vain.
    post.servers.deliver(DURAND, [[&b"X-Copy: 1\r\n"[..], &message].concat()]);
    // Three probes that are not answered: two minutes.
    std::thread::sleep(Duration::from_secs(60));
    watch.wait_for_stderr("mss.error/1");
    line("up");
    watch.wait_for_stdout("\"uid\":2,");
    let lines = watch.terminate().status(0).json_lines();
    assert_eq!((lines.len(), post.stored().len(), post.seen()), (2, 2, 2));
    post.durand.run(["audit", "verify"]).status(0);
}

#[test]
fn a_watch_with_a_wrong_password_ends() {
    if !Servers::can_start("a_watch_with_a_wrong_password_ends") {
        return;
    }
    let post = Post::open();
    let wrong = post.durand.file("wrong", b"sesame\n");
    post.durand.run(["config", "set", "signin.password", "--from-file", &wrong]).status(0);
    let refused = post.durand.run(["fetch", "--to", "in", "--watch"]);
    refused.status(77).stderr_has("refused the sign-in").stderr_lacks("sesame").stderr_lacks("tries again");
}
