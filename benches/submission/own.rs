//! mss in the same comparison: a profile made by `mss init` for these servers, and batches of which no message was sent before.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use wait4::Wait4;

use super::Anyhow;
use super::desk::{Desk, PASSWORD, RECIPIENT, SENDER};

const MSS: &str = env!("CARGO_BIN_EXE_mss");

/// mss, an operator's directory and lists beside it, and its home.
pub struct Own<'d> {
    desk: &'d Desk,
    /// Lists and directory; submission and mailboxes are those of the desk.
    operator: Child,
    home: PathBuf,
    batches: Cell<u32>,
}

impl<'d> Own<'d> {
    pub fn new(desk: &'d Desk) -> Result<Own<'d>, Anyhow> {
        let home = desk.path().join("home");
        std::fs::DirBuilder::new().mode(0o700).create(&home)?;
        let mut operator = command(&home).args(["sandbox", "--json"]).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        BufReader::new(operator.stdout.take().ok_or("its stdout is a pipe")?).read_line(&mut said)?;
        let own = Own { desk, operator, home, batches: Cell::new(0) };
        own.init(&serde_json::from_str(&said)?)?;
        Ok(own)
    }

    fn init(&self, said: &Value) -> Result<(), Anyhow> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let person = said["identities"].as_array().into_iter().flatten().find(|it| it["address"] == SENDER);
        let person = person.ok_or("the operator has no laboratory")?;
        let mut anchors = std::fs::read(text(&said["trust_file"]))?;
        anchors.extend(std::fs::read(self.desk.path().join("anchor.pem"))?);
        self.file("anchors.pem", &anchors)?;
        self.file("api-key", text(&said["api_key"]).as_bytes())?;
        self.file("password", PASSWORD.as_bytes())?;
        let words = [
            ("--address", SENDER.to_owned()),
            ("--author", "1990000010".to_owned()),
            ("--submission", format!("127.0.0.1:{}", self.desk.port)),
            ("--mailbox", format!("127.0.0.1:{}", self.desk.mailbox)),
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
        let done = command(&self.home).args(["--quiet", "init"]).args(words).stdout(Stdio::null()).status()?;
        if done.success() { Ok(()) } else { Err("mss init failed".into()) }
    }

    fn file(&self, name: &str, octets: &[u8]) -> Result<(), Anyhow> {
        let path = self.home.join(name);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(file.write_all(octets)?)
    }

    /// A manifest of so many rows that were never sent, over the files of the desk.
    pub fn manifest(&self, rows: usize) -> Result<PathBuf, Anyhow> {
        let number = self.batches.get();
        self.batches.set(number + 1);
        let path = self.desk.path().join(format!("batch-{number}.csv"));
        let mut out = std::io::BufWriter::new(File::create(&path)?);
        writeln!(out, "key,to,subject,attach")?;
        for row in 0..rows {
            writeln!(out, "{number}-{row},{RECIPIENT},{row},payload/{:06}.bin", row % self.desk.payloads)?;
        }
        out.flush()?;
        Ok(path)
    }

    /// Sends a manifest; the most memory it took, in KB. It must end well.
    pub fn send(&self, manifest: &Path, port: u16, words: &[&str]) -> Result<u64, Anyhow> {
        let mut child = command(&self.home)
            .args(["--json", "--no-input", "send", "--results", "results", "--batch"])
            .arg(manifest)
            .args(words)
            .env("MSS_SERVICE_KEY_FILE", "service-key")
            .env("MSS_SUBMISSION_PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        child.stderr.take().ok_or("its stderr is a pipe")?.read_to_string(&mut said)?;
        let used = child.wait4()?;
        if !used.status.success() {
            return Err(format!("mss send ended with {}: {said}", used.status).into());
        }
        Ok(used.rusage.maxrss / 1024)
    }
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

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let _ = self.operator.kill();
        let _ = self.operator.wait();
    }
}
