//! The post office of the tests: a sandbox whose keys are made once, and what its operator holds on disk.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::bench::{Bench, Outcome, skip};

/// The moment all these stories happen at.
pub const NOW: &str = "2026-01-05T08:00:00Z";

pub const LABORATORY: &str = "laboratoire@biologie.sandbox";
/// Reads with a P-256 key.
pub const DURAND: &str = "dr.durand@medecin.sandbox";
/// Reads with an RSA-3072 key.
pub const LEFEVRE: &str = "dr.lefevre@medecin.sandbox";
pub const CARDIOLOGY: &str = "cardiologie@hopital.sandbox";
/// Has a mailbox and no certificate.
pub const MARTIN: &str = "dr.martin@medecin.sandbox";

/// A result as a laboratory sends it, and a curve.
pub const PDF: &[u8] = include_bytes!("../../examples/result.pdf");
pub const PNG: &[u8] = include_bytes!("../../examples/curve.png");

/// A sandbox of its own, with the keys that all these tests share: making RSA keys takes longer than most stories.
pub fn bench() -> Bench {
    static OPERATOR: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    let files = OPERATOR.get_or_init(|| {
        let bench = Bench::new().sandbox().clock(NOW);
        bench.run(["outbox", "list"]).status(0);
        let operator = operator(&bench);
        let files = below(&operator).into_iter();
        files.map(|path| (path.strip_prefix(&operator).unwrap().to_owned(), fs::read(&path).unwrap())).collect()
    });
    let bench = Bench::new().sandbox().clock(NOW);
    for (name, content) in files {
        write(&operator(&bench).join(name), content);
    }
    bench.file("result.pdf", PDF);
    bench.file("curve.png", PNG);
    bench
}

/// What the laboratory, or another profile, keeps at home.
pub fn home_of(bench: &Bench, profile: &str) -> PathBuf {
    bench.home().join(".state/mss/sandbox").join(profile)
}

/// What the operator keeps.
pub fn operator(bench: &Bench) -> PathBuf {
    home_of(bench, "operator")
}

/// The certificate and the key of a profile, as files.
pub fn identity(bench: &Bench, profile: &str) -> (PathBuf, PathBuf) {
    let people = operator(bench).join("people");
    (people.join(format!("{profile}.pem")), people.join(format!("{profile}.key.pem")))
}

/// The folder of a mailbox on the operator's disk.
pub fn folder(bench: &Bench, address: &str, name: &str) -> PathBuf {
    operator(bench).join("mail").join(address).join("folders").join(name)
}

/// The messages in a folder of a mailbox as the operator holds them, oldest first.
pub fn messages(bench: &Bench, address: &str, name: &str) -> Vec<PathBuf> {
    let files = if folder(bench, address, name).exists() { below(&folder(bench, address, name)) } else { Vec::new() };
    let mut messages: Vec<PathBuf> = files.into_iter().filter(|path| number(path).is_some()).collect();
    messages.sort_by_key(|path| number(path));
    messages
}

/// How many messages wait in the INBOX.
pub fn delivered(bench: &Bench, address: &str) -> usize {
    messages(bench, address, "INBOX").len()
}

/// The newest message in the INBOX.
pub fn newest(bench: &Bench, address: &str) -> Vec<u8> {
    let messages = messages(bench, address, "INBOX");
    fs::read(messages.last().unwrap_or_else(|| panic!("{address} has no message"))).unwrap()
}

/// The messages of a folder that bear the flag.
pub fn flagged(bench: &Bench, address: &str, name: &str, flag: &str) -> usize {
    let index = fs::read_to_string(folder(bench, address, name).join("index")).unwrap();
    let mut flags = std::collections::BTreeMap::new();
    for line in index.lines() {
        let (kind, rest) = line.split_at(1);
        let (uid, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match kind {
            "+" | "=" => drop(flags.insert(uid.to_owned(), rest.contains(flag))),
            "-" => drop(flags.remove(uid)),
            _ => {}
        }
    }
    flags.values().filter(|has| **has).count()
}

/// Puts a message into an INBOX past the server, as a server does that was not asked.
pub fn put(bench: &Bench, address: &str, message: &[u8]) {
    let inbox = folder(bench, address, "INBOX");
    let index = inbox.join("index");
    if !index.exists() {
        write(&index, b"mss-folder 1 1767600000 1 1\n");
    }
    let head = fs::read_to_string(index).unwrap();
    let validity = head.split(' ').nth(2).unwrap().to_owned();
    let next = messages(bench, address, "INBOX").iter().filter_map(|path| number(path)).max().unwrap_or(0) + 1;
    write(&inbox.join(format!("{validity}-{next}.eml")), message);
}

/// The number in the name of a message.
fn number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_suffix(".eml")?.rsplit_once('-')?.1.parse().ok()
}

/// The octets of every file below a folder, one after the other.
pub fn octets_below(dir: &Path) -> Vec<u8> {
    below(dir).iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

/// Every file below a folder.
pub fn below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The folders of messages that a fetch left in a folder of the bench, quarantine aside; nothing else may stand there.
pub fn stored(bench: &Bench, name: &str) -> Vec<PathBuf> {
    let entries = match fs::read_dir(bench.path(name)) {
        Ok(entries) => entries,
        Err(_) => return Vec::new(),
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.file_name().unwrap() != "quarantine");
    found.sort();
    found
}

/// What a stored message says of itself.
pub fn message_json(place: &Path) -> Value {
    serde_json::from_slice(&fs::read(place.join("message.json")).unwrap()).unwrap()
}

/// A folder is for its owner alone, and so is everything in it.
#[track_caller]
pub fn assert_private(dir: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(dir), 0o700, "{}", dir.display());
    for path in below(dir) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
}

/// The findings of a line or of a `message.json`, as their codes.
pub fn codes(line: &Value) -> Vec<&str> {
    let findings = line["findings"].as_array().into_iter().flatten();
    findings.map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// The error of a call with `--json`: status, code, a cause or a hint, and never an empty one.
#[track_caller]
pub fn assert_error(outcome: &Outcome, status: i32, code: &str) -> Value {
    let error = outcome.status(status).json_error();
    assert_eq!((error["schema"].as_str(), error["code"].as_str()), (Some("mss.error/1"), Some(code)), "{outcome}");
    assert_eq!(error["status"], status, "{outcome}");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.len() > 10), "no hint\n{outcome}");
    error
}

/// Writes a private file, and the private folders above it.
pub fn write(path: &Path, content: &[u8]) {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(content).unwrap();
}

/// A disk of two MiB, gone when it is dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// How many octets fit on it.
    pub fn room(&self) -> u64 {
        let space = rustix::fs::statvfs(&self.0).unwrap();
        space.f_bavail * space.f_frsize
    }

    /// Makes room for everything.
    #[track_caller]
    pub fn grow(&self) {
        let status = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0).status().unwrap();
        assert!(status.success(), "the small disk does not grow");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failed test may have left a program on it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).stderr(Stdio::null()).status();
    }
}

/// Mounts a small disk on the bench. Only root may: without, the test says that it was skipped, and returns.
pub fn small_disk(bench: &Bench, test: &str) -> Option<SmallDisk> {
    let path = bench.path("small-disk");
    fs::create_dir(&path).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs"]).arg(&path).stderr(Stdio::null());
    if mount.status().is_ok_and(|status| status.success()) {
        return Some(SmallDisk(path));
    }
    skip::say(&format!("SKIPPED: {test} needs root, to mount a small disk"));
    None
}
