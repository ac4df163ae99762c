//! Batches that are killed again and again while Postfix takes them: what went in is in Dovecot's mailboxes, once.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use mss::process::Moment;

use crate::bench::Bench;
use crate::bench::operator::Operator;
use crate::bench::servers::Servers;

const PEOPLE: [&str; 3] = ["dr.durand@medecin.sandbox", "dr.lefevre@medecin.sandbox", "cardiologie@hopital.sandbox"];

/// Rows of a manifest that is killed at any time: enough for several windows on several connections.
const ROWS: usize = 32;

/// How often the program is killed; `MSS_KILLS` says another number. So many at most against the same servers.
const KILLS: u32 = 100;

/// Both servers, the lists, and a laboratory that signs in to them by password.
struct Post {
    servers: Servers,
    laboratory: Bench,
    _operator: Operator,
    _bench: Bench,
}

impl Post {
    fn open() -> Post {
        let bench = Bench::new();
        let (operator, servers) = (Operator::start(&bench, &[]), Servers::start(&[]));
        let laboratory = servers.home_of(&operator, "laboratoire");
        Post { servers, laboratory, _operator: operator, _bench: bench }
    }

    /// Writes a manifest; no other has its keys.
    fn manifest(&self, name: &str, rows: usize) -> String {
        let row = |number: usize| format!("{name} {number},{},Bilan,Texte {number}\n", PEOPLE[number % PEOPLE.len()]);
        let rows: String = (0..rows).map(row).collect();
        self.laboratory.file(&format!("{name}.csv"), format!("key,to,subject,body\n{rows}").as_bytes())
    }

    /// How often each message is in which mailbox, once the servers have nothing more to do.
    fn delivered(&self) -> BTreeMap<(String, String), usize> {
        self.servers.wait_until_idle();
        let mut found = BTreeMap::new();
        for address in PEOPLE {
            for message in self.servers.messages(address) {
                let message = String::from_utf8_lossy(&message).into_owned();
                let id = message.lines().find_map(|line| line.strip_prefix("Message-ID: "));
                let id = id.expect("every message has a Message-ID").trim().to_owned();
                *found.entry((id, address.to_owned())).or_default() += 1;
            }
        }
        found
    }

    /// Settles what is unknown by what is in the mailboxes; tells how many were.
    fn settle(&self) -> usize {
        let open = self.laboratory.run(["--json", "outbox", "list", "--open"]).status(0).json_lines();
        let unknown: Vec<_> = open.iter().filter(|line| line["state"] == "unknown").collect();
        if unknown.is_empty() {
            return 0;
        }
        let delivered = self.delivered();
        for line in &unknown {
            let [id, message_id, recipient] =
                ["id", "message_id", "recipient"].map(|name| line[name].as_str().expect("it is there").to_owned());
            let fate = if delivered.contains_key(&(message_id, recipient)) { "delivered" } else { "lost" };
            self.laboratory.run(["outbox", "resolve", &id, "--assume", fate]).status(0);
        }
        unknown.len()
    }

    /// Every message of the outbox is in the mailbox it was sent to, once, and nothing else is there.
    #[track_caller]
    fn assert_each_once(&self, count: usize, story: &str) {
        self.laboratory.run(["--json", "outbox", "list", "--open"]).status(0).stdout_is("");
        let lines = self.laboratory.run(["--json", "outbox", "list"]).status(0).json_lines();
        assert_eq!(lines.len(), count, "{story}");
        let delivered = self.delivered();
        for line in &lines {
            let key =
                [&line["message_id"], &line["recipient"]].map(|text| text.as_str().unwrap_or_default().to_owned());
            let times = delivered.get(&key.into()).copied().unwrap_or(0);
            assert_eq!((times, &line["state"]), (1, &"accepted".into()), "{story}: {line}");
        }
        assert_eq!(delivered.len(), count, "{story}: something arrived that was never queued");
        self.laboratory.run(["audit", "verify"]).status(0);
    }
}

fn send(manifest: &str) -> [&str; 8] {
    ["--json", "send", "--batch", manifest, "--jobs", "3", "--window", "4"]
}

/// Numbers that are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A number that is asked for by a variable.
fn asked<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn batches_that_are_killed_at_any_time_lose_nothing_and_double_nothing() {
    if !Servers::can_start("batches_that_are_killed_at_any_time_lose_nothing_and_double_nothing") {
        return;
    }
    let wanted: u32 = asked("MSS_KILLS").unwrap_or(KILLS);
    let seed: u64 = asked("MSS_KILLS_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let story = format!("MSS_KILLS={wanted} MSS_KILLS_SEED={seed}");
    // What the harness shows where the test fails: with the same numbers it begins in the same way.
    println!("{story}");
    let mut dice = Dice(seed);
    let mut left = wanted;
    while left > 0 {
        let kills = left.min(KILLS);
        left -= kills;
        println!("{}", kill_often(&Post::open(), kills, &mut dice, &story));
    }
}

/// Starts batches and kills them, each until it came to its end; tells what there was to see.
fn kill_often(post: &Post, kills: u32, dice: &mut Dice, story: &str) -> String {
    let started = Instant::now();
    post.laboratory.run(send(&post.manifest("m0", ROWS))).status(0);
    let whole = started.elapsed();
    let (mut manifests, mut killed, mut unknown) = (1, 0, 0);
    while killed < kills {
        let manifest = post.manifest(&format!("m{manifests}"), ROWS);
        manifests += 1;
        loop {
            let running = post.laboratory.call(send(&manifest)).start();
            let moment = if killed < kills { whole.mul_f64(dice.roll()) } else { Duration::MAX };
            let ended = running.kill_after(moment);
            if !ended.ended_by_itself() {
                killed += 1;
                continue;
            }
            let lines = ended.status_among(&[0, 80]).json_lines();
            assert_eq!(lines.len(), ROWS, "{story}\n{ended}");
            match post.settle() {
                0 => break,
                some => unknown += some,
            }
        }
    }
    let sent = manifests * ROWS;
    post.assert_each_once(sent, story);
    format!("{killed} kills, {sent} messages, {unknown} of them unknown for a while; a run takes {whole:?}")
}

#[test]
fn two_senders_of_one_manifest_send_it_once_and_the_other_finishes_what_one_leaves_behind() {
    if !Servers::can_start("two_senders_of_one_manifest_send_it_once_and_the_other_finishes_what_one_leaves_behind") {
        return;
    }
    let (post, rows) = (Post::open(), 12);
    let mut sent = 0;
    for (number, (_, word)) in Moment::ALL.iter().enumerate() {
        let manifest = post.manifest(&format!("m{number}"), rows);
        let time = 1 + number % 2;
        let dies = post.laboratory.call(send(&manifest)).variable("MSS_KILL_AT", &format!("{word}:{time}")).start();
        let lives = post.laboratory.call(send(&manifest)).start();
        let (dead, alive) = (dies.finish(), lives.finish());
        sent += rows;
        let lines = alive.status_among(&[0, 80]).json_lines();
        let count = |state: &str| lines.iter().filter(|line| line["state"] == state).count();
        assert_eq!(count("accepted") + count("unknown"), rows, "{word}\n{dead}\n{alive}");
        if count("unknown") == 0 {
            alive.status(0);
        }
        assert_eq!(post.settle(), count("unknown"), "{word}\n{dead}\n{alive}");
        post.laboratory.run(["outbox", "run"]).status(0);
    }
    let manifest = post.manifest("two runs", rows);
    post.laboratory.run(send(&manifest).iter().chain(&["--queue-only"])).status(0);
    let runs = [(); 2].map(|()| post.laboratory.call(["--json", "outbox", "run"]).start());
    let told: usize = runs.map(|run| run.finish().status(0).json_lines().len()).iter().sum();
    assert_eq!(told, rows, "each run tells what it sent");
    post.assert_each_once(sent + rows, "two at once");
}
