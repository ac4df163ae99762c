//! The folder of a run: Postfix and Dovecot at work in it, an operator's directory and lists, and two full mailboxes.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Anyhow;

pub const SENDER: &str = "laboratoire@biologie.sandbox";
/// Whose messages are signed and encrypted, and whose are clear.
pub const SEALED: &str = "dr.durand@medecin.sandbox";
pub const CLEAR: &str = "dr.lefevre@medecin.sandbox";
pub const PASSWORD: &str = "ouvre-toi";

/// Octets of an attachment; base64 makes 50 KB of them.
const OCTETS: usize = 36_500;

/// How long the servers may take to deliver all messages.
const PATIENCE: Duration = Duration::from_secs(600);

/// Starts both servers and stops them when its stdin ends; the tests use the same.
const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/servers/run");
const MSS: &str = env!("CARGO_BIN_EXE_mss");

pub struct Desk {
    folder: tempfile::TempDir,
    servers: Child,
    stdin: Option<ChildStdin>,
    operator: Child,
    /// Submission and the mailboxes, both with STARTTLS.
    submission: u16,
    pub mailbox: u16,
}

impl Desk {
    /// Starts everything, and fills both mailboxes with so many messages.
    pub fn new(count: usize) -> Result<Desk, Anyhow> {
        let folder = tempfile::Builder::new().prefix("mss-fetching-").tempdir()?;
        let people = [SENDER, SEALED, CLEAR].map(|address| format!("{address}:{{PLAIN}}{PASSWORD}::::::\n"));
        File::create(folder.path().join("passwords"))?.write_all(people.concat().as_bytes())?;
        let listeners = (0..5).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
        let ports =
            listeners.iter().map(|it| Ok(it.local_addr()?.port())).collect::<Result<Vec<_>, std::io::Error>>()?;
        drop(listeners);
        let mut run = Command::new(RUN);
        run.arg(folder.path()).args(ports.iter().map(u16::to_string)).arg("mailbox");
        let mut servers = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = servers.stdin.take();
        if first_line(&mut servers)?.trim_end() != "ready" {
            return Err("Postfix and Dovecot did not start: are they installed, and is this root?".into());
        }
        let home = folder.path().join("operator");
        private_folder(&home)?;
        let mut operator = command(&home).args(["sandbox", "--json"]).stdout(Stdio::piped()).spawn()?;
        let said: Value = serde_json::from_str(&first_line(&mut operator)?)?;
        let desk = Desk { folder, servers, stdin, operator, submission: ports[0], mailbox: ports[4] };
        for address in [SENDER, SEALED, CLEAR] {
            desk.init(&said, address)?;
        }
        desk.fill(count)?;
        Ok(desk)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The home of somebody's profile.
    pub fn home(&self, address: &str) -> PathBuf {
        self.path().join(address)
    }

    /// mss as somebody.
    pub fn mss(&self, address: &str) -> Command {
        let mut command = command(&self.home(address));
        command.args(["--json", "--no-input"]).env("MSS_SERVICE_KEY_FILE", "service-key").stdout(Stdio::null());
        command
    }

    /// Runs a line of shell in the folder; it must succeed.
    pub fn shell(&self, line: &str) -> Result<(), Anyhow> {
        let mut bash = Command::new("bash");
        bash.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::null()).env_remove("SMTP_PROXY");
        let done = bash.args(["-c", line]).status()?.success();
        if done { Ok(()) } else { Err(format!("failed: {line}").into()) }
    }

    /// Makes a mailbox as it was when it was full and nobody had read it, known to Dovecot; and forgets what was fetched.
    pub fn renew(&self, address: &str) -> Result<(), Anyhow> {
        let port = self.mailbox;
        self.shell(&format!(
            "rm -rf mail/{address}/Maildir '{address}/in' '{address}/.local/state' near
             cp -a --link full/{address} mail/{address}/Maildir
             mkdir -p near
             curl -s --ssl-reqd --cacert anchor.pem -u {address}:{PASSWORD} imap://127.0.0.1:{port} -X 'EXAMINE INBOX'
             sync"
        ))
    }

    fn init(&self, said: &Value, address: &str) -> Result<(), Anyhow> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let person = said["identities"].as_array().into_iter().flatten().find(|it| it["address"] == address);
        let person = person.ok_or("the operator does not know all of them")?;
        let home = self.home(address);
        private_folder(&home)?;
        let file = |name: &str, octets: &[u8]| -> Result<(), Anyhow> {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(home.join(name))?;
            Ok(file.write_all(octets)?)
        };
        let anchors = [fs::read(text(&said["trust_file"]))?, fs::read(self.path().join("anchor.pem"))?].concat();
        file("anchors.pem", &anchors)?;
        file("api-key", text(&said["api_key"]).as_bytes())?;
        file("password", PASSWORD.as_bytes())?;
        let words = [
            ("--address", address.to_owned()),
            ("--author", "1990000010".to_owned()),
            ("--submission", format!("127.0.0.1:{}", self.submission)),
            ("--mailbox", format!("127.0.0.1:{}", self.mailbox)),
            ("--directory", text(&said["directory"])),
            ("--api-key-file", "api-key".to_owned()),
            ("--certificate-extension", text(&said["certificate_extension"])),
            ("--list", text(&said["white_list"])),
            ("--list-signer", text(&said["white_list_signer"])),
            ("--anchors", "anchors.pem".to_owned()),
            ("--password-file", "password".to_owned()),
            ("--certificate", text(&person["certificate_file"])),
            ("--key", text(&person["key_file"])),
            ("--service-key-out", "service-key".to_owned()),
        ];
        let words = words.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
        let done = command(&home).args(["--quiet", "init"]).args(words).stdout(Stdio::null()).status()?;
        if done.success() { Ok(()) } else { Err("mss init failed".into()) }
    }

    /// Sends the same attachments to both, clear and sealed, and keeps the mailboxes as they are then.
    fn fill(&self, count: usize) -> Result<(), Anyhow> {
        let home = self.home(SENDER);
        private_folder(&home.join("payload"))?;
        for (address, protection) in [(SEALED, "smime"), (CLEAR, "transport")] {
            let mut manifest = "key,to,subject,attach\n".to_owned();
            for number in 0..count {
                let name = format!("payload/{number:06}.bin");
                if !home.join(&name).exists() {
                    File::create(home.join(&name))?.write_all(&octets(number as u64))?;
                }
                manifest.push_str(&format!("{protection} {number},{address},{number},{name}\n"));
            }
            File::create(home.join("manifest.csv"))?.write_all(manifest.as_bytes())?;
            let send = ["send", "--protection", protection, "--results", "results", "--batch", "manifest.csv"];
            if !self.mss(SENDER).args(send).status()?.success() {
                return Err(format!("the mailbox of {address} could not be filled").into());
            }
            self.wait_for(address, count)?;
        }
        let keep = format!(
            "mkdir full; for one in {SEALED} {CLEAR}; do cp -a mail/$one/Maildir full/$one; rm -f full/$one/dovecot*; done"
        );
        self.shell(&keep)
    }

    fn wait_for(&self, address: &str, count: usize) -> Result<(), Anyhow> {
        let new = self.path().join("mail").join(address).join("Maildir/new");
        let until = Instant::now() + PATIENCE;
        while fs::read_dir(&new).map_or(0, Iterator::count) < count {
            if Instant::now() > until {
                return Err(format!("not all messages came to {address}").into());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// Octets that do not repeat.
fn octets(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut octets = Vec::with_capacity(OCTETS + 8);
    while octets.len() < OCTETS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        octets.extend_from_slice(&state.to_le_bytes());
    }
    octets
}

fn first_line(child: &mut Child) -> Result<String, Anyhow> {
    let mut said = String::new();
    BufReader::new(child.stdout.take().ok_or("its stdout is a pipe")?).read_line(&mut said)?;
    Ok(said)
}

fn private_folder(path: &Path) -> Result<(), Anyhow> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    Ok(fs::set_permissions(path, Permissions::from_mode(0o700))?)
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(MSS);
    command
        .current_dir(home)
        .stdin(Stdio::null())
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.operator.kill();
        let _ = self.operator.wait();
        drop(self.stdin.take());
        let _ = self.servers.wait();
    }
}
