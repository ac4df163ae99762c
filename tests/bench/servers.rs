//! Postfix and Dovecot beside the test, in a folder of their own: they stop when the test ends, and show their logs if it fails.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::operator::{Operator, with, without};
use super::{Bench, skip};

/// Starts both and stops them when its stdin ends, however this process ends.
const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/servers/run");

/// Who has a mailbox: those people of the sandbox who can be written to.
pub const PEOPLE: [&str; 5] = [
    "laboratoire@biologie.sandbox",
    "dr.durand@medecin.sandbox",
    "dr.lefevre@medecin.sandbox",
    "cardiologie@hopital.sandbox",
    "dr.martin@medecin.sandbox",
];

/// The password of everybody.
pub const PASSWORD: &str = "ouvre-toi";

/// How long a message may take from Postfix to the mailbox.
const PATIENCE: Duration = Duration::from_secs(30);

/// Messages that were delivered past Postfix: each has a name of its own.
static DELIVERED: AtomicU32 = AtomicU32::new(0);

/// Both servers at work. Certificates come from an authority of their own; everybody signs in with the same password.
pub struct Servers {
    folder: tempfile::TempDir,
    run: Child,
    /// `None` once it is over.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    ports: Vec<u16>,
}

impl Servers {
    /// Whether they can be started here; if not, the test that asks says why and returns.
    #[track_caller]
    pub fn can_start(test: &str) -> bool {
        let programs = ["openssl", "postfix", "dovecot", "imap", "lmtp", "sievec"];
        programs.iter().all(|program| skip::has(program, test)) && skip::is_root(test)
    }

    /// Starts them. The mailboxes of `full` take nothing more: Dovecot answers 552 5.2.2 after Postfix has accepted.
    #[track_caller]
    pub fn start(full: &[&str]) -> Servers {
        Servers::start_with(full, 5, &[])
    }

    /// Starts them with every way to sign in: password, password and the code of this seed, token, client certificate. What a
    /// token is good for is asked at this port (RFC 7662).
    #[track_caller]
    pub fn start_for_sign_in(seed: &str, introspection: u16) -> Servers {
        let asked = format!(
            "introspection_mode = get\nintrospection_url = http://127.0.0.1:{introspection}/?token=\n\
             username_attribute = username\nactive_attribute = active\nactive_value = true\n"
        );
        Servers::start_with(&[], 9, &[("seed", seed), ("oauth2.conf", &asked)])
    }

    #[track_caller]
    fn start_with(full: &[&str], ports: usize, files: &[(&str, &str)]) -> Servers {
        let folder = tempfile::Builder::new().prefix("mss-servers-").tempdir().expect("a temporary folder can be made");
        let people: String = PEOPLE
            .iter()
            .map(|address| {
                let quota = if full.contains(address) { "userdb_quota_rule=*:bytes=1" } else { "" };
                format!("{address}:{{PLAIN}}{PASSWORD}::::::{quota}\n")
            })
            .collect();
        put(&folder.path().join("passwords"), &people);
        for (name, text) in files {
            put(&folder.path().join(name), text);
        }
        let ports = free_ports(ports);
        let mut run = Command::new(RUN);
        let (usual, more) = ports.split_at(5);
        let words = |ports: &[u16]| ports.iter().map(u16::to_string).collect::<Vec<_>>();
        run.arg(folder.path()).args(words(usual)).arg("mailbox").args(words(more));
        let log = fs::File::create(folder.path().join("run.log")).expect("the folder takes a file");
        let mut run = run
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{RUN}: {error}"));
        let stdin = run.stdin.take();
        let stdout = BufReader::new(run.stdout.take().expect("its stdout is a pipe"));
        let mut servers = Servers { folder, run, stdin, stdout, ports };
        servers.hears("ready");
        servers
    }

    /// `HOST:PORT` of submission with STARTTLS.
    pub fn submission(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// `HOST:PORT` of submission with TLS from the first octet.
    pub fn submission_tls(&self) -> String {
        format!("127.0.0.1:{}", self.ports[1])
    }

    /// `HOST:PORT` of a submission server that has no TLS at all.
    pub fn submission_without_tls(&self) -> String {
        format!("127.0.0.1:{}", self.ports[3])
    }

    /// `HOST:PORT` of the mailboxes, STARTTLS.
    pub fn mailbox(&self) -> String {
        format!("127.0.0.1:{}", self.ports[4])
    }

    /// `HOST:PORT` of the mailboxes, TLS from the first octet; like the next three, only where one signs in by every means.
    pub fn mailbox_tls(&self) -> String {
        format!("127.0.0.1:{}", self.ports[5])
    }

    /// `HOST:PORT` of a Postfix that takes messages for the sake of a client certificate; the other one has TLS 1.2 at most.
    pub fn submission_by_certificate(&self, version_1_2: bool) -> String {
        format!("127.0.0.1:{}", self.ports[if version_1_2 { 7 } else { 6 }])
    }

    /// `HOST:PORT` of Dovecot's own submission server.
    pub fn submission_of_dovecot(&self) -> String {
        format!("127.0.0.1:{}", self.ports[8])
    }

    /// Has the authority of the servers certify a public key (PEM) for a name. Gives the chain, PEM.
    #[track_caller]
    pub fn certify(&self, bench: &Bench, public_key: &str, name: &str) -> String {
        let authority = self.folder.path().display();
        let file = format!("{public_key}.chain");
        let request = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout scratch -subj";
        let sign = format!(
            "openssl x509 -req -in csr -force_pubkey {public_key} -CA {authority}/anchor.pem -CAkey {authority}/anchor.key \
             -days 30 -set_serial 0x$(openssl rand -hex 8) -extfile extensions -out leaf.pem"
        );
        bench.file(
            "extensions",
            b"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
              extendedKeyUsage=emailProtection,clientAuth\n",
        );
        let join = format!("cat leaf.pem {authority}/anchor.pem > {file}");
        bench.shell(&format!("{request} '/CN={name}' -out csr && {sign} && {join}")).status(0);
        bench.path(&file).to_str().expect("names on the bench are text").to_owned()
    }

    /// From its next connection on, Postfix takes messages for the sake of this certificate (the first in a PEM file).
    #[track_caller]
    pub fn admit(&self, bench: &Bench, certificate: &str) {
        let shown =
            bench.shell(&format!("openssl x509 -in {certificate} -noout -fingerprint -sha256")).status(0).text();
        let digits = shown.trim().rsplit('=').next().expect("openssl shows a fingerprint").to_owned();
        let known = fs::read_to_string(self.path("fingerprints")).unwrap_or_default();
        put(&self.path("fingerprints"), &format!("{known}{digits} here\n"));
    }

    /// The words of `mss init` for a profile whose lists and directory are the sandbox's, and whose servers are these.
    #[track_caller]
    pub fn init_words(&self, bench: &Bench, operator: &Operator, profile: &str) -> Vec<String> {
        let password = bench.file("password", format!("{PASSWORD}\n").as_bytes());
        let read = |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let both = [read(Path::new(&operator.said("trust_file"))), read(&self.path("anchor.pem"))].concat();
        let anchors = bench.file("anchors.pem", &both);
        let words = without(&operator.init_words(bench, profile), "--totp-seed-file");
        let changes = [
            ("--submission", self.submission()),
            ("--mailbox", self.mailbox()),
            ("--password-file", password),
            ("--anchors", anchors),
        ];
        changes.iter().fold(words, |words, (option, value)| with(&words, option, value))
    }

    /// A home with the profile of one of the people, which opens with no further word.
    #[track_caller]
    pub fn home_of(&self, operator: &Operator, profile: &str) -> Bench {
        let bench = Bench::new().variable("MSS_SERVICE_KEY_FILE", &format!("{profile}.service"));
        bench.run(self.init_words(&bench, operator, profile)).status(0);
        bench
    }

    /// From its next connection on, Postfix answers RCPT for these people as told (access(5)); for all others it says yes.
    pub fn answer(&self, answers: &[(&str, &str)]) {
        let lines: String = answers.iter().map(|(address, answer)| format!("{address} {answer}\n")).collect();
        put(&self.path("recipients"), &lines);
    }

    /// From now on whatever comes for these people is sent back by a Sieve script (RFC 5429), with these words.
    pub fn reject(&self, address: &str, words: &str) {
        let script = format!("require [\"reject\"];\nreject \"{words}\";\n");
        put(&self.path("sieve").join(format!("{address}.sieve")), &script);
    }

    /// Stops Postfix; the mailboxes stay open.
    #[track_caller]
    pub fn stop_postfix(&mut self) {
        self.say("stop");
    }

    /// Starts Postfix again, with what it had in its queue.
    #[track_caller]
    pub fn start_postfix(&mut self) {
        self.say("start");
    }

    /// Stops Dovecot: whoever is signed in is told that it shuts down.
    #[track_caller]
    pub fn stop_dovecot(&mut self) {
        self.say("stop-mailbox");
    }

    /// Starts Dovecot again.
    #[track_caller]
    pub fn start_dovecot(&mut self) {
        self.say("start-mailbox");
    }

    /// The messages in an INBOX, as Dovecot holds them.
    pub fn messages(&self, address: &str) -> Vec<Vec<u8>> {
        self.files(address, "INBOX").iter().filter_map(|file| fs::read(file).ok()).collect()
    }

    /// The files of the messages in a folder, as Dovecot holds them; behind `:2,` their names have a letter for each flag
    /// (S is for seen).
    pub fn files(&self, address: &str, folder: &str) -> Vec<PathBuf> {
        let mut maildir = self.path("mail").join(address).join("Maildir");
        if folder != "INBOX" {
            maildir.push(format!(".{folder}"));
        }
        let files = ["new", "cur"].into_iter().filter_map(|name| fs::read_dir(maildir.join(name)).ok()).flatten();
        files.flatten().map(|file| file.path()).collect()
    }

    /// Puts messages into an INBOX that has had some before, past Postfix.
    #[track_caller]
    pub fn deliver(&self, address: &str, messages: impl IntoIterator<Item = Vec<u8>>) {
        let maildir = self.path("mail").join(address).join("Maildir");
        let owner = fs::metadata(&maildir).expect("somebody has written to it before");
        for message in messages {
            let number = DELIVERED.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}.{number:06}.bench", 1_700_000_000 + number);
            let (before, after) = (maildir.join("tmp").join(&name), maildir.join("new").join(&name));
            fs::File::create(&before).and_then(|mut file| file.write_all(&message)).expect("tmp takes a file");
            std::os::unix::fs::chown(&before, Some(owner.uid()), Some(owner.gid())).expect("this is root");
            fs::rename(&before, &after).expect("new takes a file");
        }
    }

    /// Puts an INBOX back to when it had no message, under the same UIDVALIDITY, as a copy of that time would. Dovecot is stopped.
    #[track_caller]
    pub fn set_back(&self, address: &str) {
        self.files(address, "INBOX").iter().for_each(|file| fs::remove_file(file).expect("this is root"));
        let maildir = self.path("mail").join(address).join("Maildir");
        let list = maildir.join("dovecot-uidlist");
        let text = fs::read_to_string(&list).expect("Dovecot keeps its UIDs there");
        let words = text.lines().next().unwrap_or_default().split(' ');
        let head: Vec<&str> = words.map(|word| if word.starts_with('N') { "N1" } else { word }).collect();
        put(&list, &(head.join(" ") + "\n"));
        let kept = fs::read_dir(&maildir).expect("it is a folder").flatten().map(|entry| entry.path());
        let indexes = kept.filter(|path| path.to_string_lossy().contains("/dovecot.index"));
        indexes.for_each(|path| fs::remove_file(path).expect("this is root"));
    }

    /// Has Dovecot take down what is said to a mailbox that has had messages before: by each who is signed in, without TLS.
    #[track_caller]
    pub fn take_down(&self, address: &str) {
        let owner = fs::metadata(self.path("mail").join(address)).expect("somebody has written to it before");
        let folder = self.path("said").join(address);
        fs::create_dir_all(&folder).expect("the folder takes another");
        std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).expect("this is root");
    }

    /// What was said to a mailbox since this was asked last, once `part` is in it.
    #[track_caller]
    pub fn said(&self, address: &str, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let entries = fs::read_dir(self.path("said").join(address)).expect("it is taken down").flatten();
            let files: Vec<PathBuf> = entries
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|it| it == "in"))
                .collect();
            let octets: Vec<u8> = files.iter().filter_map(|file| fs::read(file).ok()).flatten().collect();
            let said = String::from_utf8_lossy(&octets).into_owned();
            if said.contains(part) {
                files.iter().for_each(|file| fs::remove_file(file).expect("this is root"));
                return said;
            }
            assert!(Instant::now() < until, "nobody said {part}: {said}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until so many messages have arrived, and gives them.
    #[track_caller]
    pub fn wait_for(&self, address: &str, count: usize) -> Vec<Vec<u8>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let messages = self.messages(address);
            if messages.len() >= count {
                return messages;
            }
            assert!(Instant::now() < until, "{address} has {} messages, not {count}", messages.len());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until Postfix has heard all that was said to it, and delivered all that it took.
    #[track_caller]
    pub fn wait_until_idle(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = self.postfix_log();
            let sessions = ["]: connect from ", "]: disconnect from "].map(|what| log.matches(what).count());
            let queued = ["incoming", "active", "deferred", "maildrop"].map(|name| self.path("queue").join(name));
            if sessions[0] == sessions[1] && queued.iter().all(|folder| !holds_a_file(folder)) {
                return;
            }
            assert!(Instant::now() < until, "Postfix is not done: {sessions:?} sessions began and ended");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What Postfix wrote about itself.
    pub fn postfix_log(&self) -> String {
        fs::read_to_string(self.path("data/log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    fn say(&mut self, word: &str) {
        let stdin = self.stdin.as_mut().expect("it is not over");
        writeln!(stdin, "{word}").and_then(|()| stdin.flush()).expect("the servers listen");
        self.hears(&format!("{word}: done"));
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it speaks UTF-8");
        assert!(line.trim_end() == expected, "{RUN}: {line:?}, not {expected:?}\n{}", self.logs());
    }

    fn logs(&self) -> String {
        let names = ["run.log", "postfix.out", "data/log", "dovecot.out", "dovecot.log"];
        let one = |name: &str| format!("--- {name}\n{}", fs::read_to_string(self.path(name)).unwrap_or_default());
        names.map(one).concat()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends by itself now, and both servers with it.
        let _ = self.run.wait();
        if thread::panicking() {
            skip::say(&self.logs());
        }
    }
}

/// Whether there is a file below a folder; what goes while it is looked at is gone.
fn holds_a_file(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| if path.is_dir() { holds_a_file(&path) } else { path.exists() })
}

/// Writes what the servers read, under whichever user.
fn put(path: &Path, text: &str) {
    fs::File::create(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Ports nobody listens on at the moment.
fn free_ports(count: usize) -> Vec<u16> {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("the loopback interface has free ports");
    let listeners: Vec<TcpListener> = std::iter::repeat_with(listen).take(count).collect();
    listeners.iter().map(|it| it.local_addr().expect("it listens").port()).collect()
}
