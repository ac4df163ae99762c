//! The folder of a run: Postfix and Dovecot at work in it, keys, and messages of 50 KB.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use mss::mail::Base64Writer;

use super::Anyhow;

pub const SENDER: &str = "laboratoire@biologie.sandbox";
pub const RECIPIENT: &str = "dr.durand@medecin.sandbox";
pub const PASSWORD: &str = "ouvre-toi";

/// Octets of an attachment; base64 makes 50 KB of them.
const OCTETS: u64 = 36_500;

/// Starts both servers and stops them when its stdin ends; the tests use the same.
const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/servers/run");

pub struct Desk {
    folder: tempfile::TempDir,
    servers: Child,
    stdin: Option<ChildStdin>,
    /// Submission with STARTTLS, whatever TLS both like best.
    pub port: u16,
    /// The same, TLS 1.2 at most.
    pub port_tls12: u16,
    /// The mailboxes.
    pub mailbox: u16,
    /// Files to attach, with what the messages hold.
    pub payloads: usize,
}

impl Desk {
    /// Starts the servers, makes the keys and `count` messages.
    pub fn new(count: usize) -> Result<Desk, Anyhow> {
        let folder = tempfile::Builder::new().prefix("mss-submission-").tempdir()?;
        let people = [SENDER, RECIPIENT].map(|address| format!("{address}:{{PLAIN}}{PASSWORD}::::::\n"));
        File::create(folder.path().join("passwords"))?.write_all(people.concat().as_bytes())?;
        let listeners = (0..5).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
        let ports =
            listeners.iter().map(|it| Ok(it.local_addr()?.port())).collect::<Result<Vec<_>, std::io::Error>>()?;
        drop(listeners);
        let mut run = Command::new(RUN);
        run.arg(folder.path()).args(ports.iter().map(u16::to_string)).arg("discard");
        let mut servers = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = servers.stdin.take();
        let mut said = String::new();
        BufReader::new(servers.stdout.take().ok_or("its stdout is a pipe")?).read_line(&mut said)?;
        let desk =
            Desk { folder, servers, stdin, port: ports[0], port_tls12: ports[2], mailbox: ports[4], payloads: count };
        if said.trim_end() != "ready" {
            return Err("Postfix and Dovecot did not start: are they installed, and is this root?".into());
        }
        desk.keys()?;
        fs::create_dir(desk.path().join("messages"))?;
        fs::create_dir(desk.path().join("few"))?;
        fs::create_dir(desk.path().join("payload"))?;
        (0..count).try_for_each(|number| desk.message(&format!("messages/{number:06}.eml"), number as u64))?;
        Ok(desk)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A command that starts in the folder, and is quiet.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // curl takes a variable of this name for a proxy.
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::null()).env_remove("SMTP_PROXY");
        command
    }

    /// Runs a line of shell in the folder; it must succeed.
    pub fn shell(&self, line: &str) -> Result<(), Anyhow> {
        let done = self.command("bash").args(["-c", line]).status()?.success();
        if done { Ok(()) } else { Err(format!("failed: {line}").into()) }
    }

    fn keys(&self) -> Result<(), Anyhow> {
        for (name, address) in [("sender", SENDER), ("recipient", RECIPIENT)] {
            self.shell(&format!(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN={name} \
                 -keyout {name}.key -out {name}.pem -addext subjectAltName=email:{address} 2>/dev/null"
            ))?;
        }
        Ok(())
    }

    /// One message: an attachment of octets that do not repeat.
    fn message(&self, name: &str, number: u64) -> Result<(), Anyhow> {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut octets = Vec::with_capacity(usize::try_from(OCTETS)?);
        while (octets.len() as u64) < OCTETS {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            octets.extend_from_slice(&state.to_le_bytes());
        }
        let payload = name.replace("messages", "payload").replace(".eml", ".bin");
        File::create(self.path().join(payload))?.write_all(&octets)?;
        let mut out = Vec::new();
        write!(
            out,
            "From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: {number}\r\nMessage-ID: <{number}@biologie.sandbox>\r\n\
             MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )?;
        let mut encoder = Base64Writer::new(out);
        encoder.write_all(&octets)?;
        let mut out = encoder.finish()?;
        if !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        Ok(File::create(self.path().join(name))?.write_all(&out)?)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.servers.wait();
    }
}
