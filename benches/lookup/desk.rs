//! The folder of a run: an extraction, a profile whose vault opens with a service key, and what sqlite3 is told to do.

use std::fs::{DirBuilder, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Anyhow, rows};

const MSS: &str = env!("CARGO_BIN_EXE_mss");

/// The columns that the index keeps, and its indexes and full text over them, as one would make them with the program. Its own
/// folding of accents stands for ours.
const IMPORT: &str = "
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
.mode list
.separator | \\n
.import extraction.txt whole
CREATE TABLE mailbox AS SELECT \"Type de BAL\" kind, lower(\"Adresse BAL\") address, \"Type Identifiant PP\" register,
  \"Identifiant PP\" person, \"Identification nationale PP\" national, \"Type identifiant structure\" kind_of_structure,
  \"Identification Structure\" structure, \"Service de rattachement\" service, \"Nom d'exercice\" family,
  \"Prénom d'exercice\" given, \"Code Profession\" code, \"Libellé Profession\" profession, \"Code savoir-faire\" skill_code,
  \"Libellé savoir-faire\" skill, \"Raison Sociale structure BAL\" company, \"Enseigne commerciale structure BAL\" sign,
  \"L6LIGNEACHEMINEMENT structure BAL\" town, \"Code postal structure BAL\" postal, \"Département structure BAL\" department
  FROM whole;
DROP TABLE whole;
CREATE INDEX by_address ON mailbox (address);
CREATE INDEX by_person ON mailbox (person);
CREATE INDEX by_structure ON mailbox (structure);
CREATE VIRTUAL TABLE words USING fts5 (name, profession, organisation, place, service, content='', columnsize=0,
  detail=column, tokenize='unicode61 remove_diacritics 2');
INSERT INTO words (rowid, name, profession, organisation, place, service) SELECT rowid, family || ' ' || given,
  code || ' ' || profession || ' ' || skill_code || ' ' || skill, company || ' ' || sign,
  town || ' ' || postal || ' ' || department, service FROM mailbox;
";

pub struct Desk(tempfile::TempDir);

impl Desk {
    /// Writes the extraction and makes the profile, against a sandbox that ends when that is done.
    pub fn new(rows: usize) -> Result<Desk, Anyhow> {
        let desk = Desk(tempfile::Builder::new().prefix("mss-lookup-").tempdir()?);
        rows::write(File::create(desk.path().join("extraction.txt"))?, rows)?;
        File::create(desk.path().join("import.sql"))?.write_all(IMPORT.as_bytes())?;
        let home = desk.path().join("operator");
        DirBuilder::new().mode(0o700).create(&home)?;
        let mut operator = command(&home, &home).args(["sandbox", "--json"]).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        BufReader::new(operator.stdout.take().ok_or("it has a stdout")?).read_line(&mut said)?;
        let made = desk.init(&serde_json::from_str(&said)?);
        operator.kill()?;
        operator.wait()?;
        made.map(|()| desk)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// mss as the profile.
    pub fn mss(&self) -> Command {
        let mut command = command(&self.home(), self.path());
        command.env("MSS_SERVICE_KEY_FILE", self.path().join("service-key")).args(["--no-input", "--quiet"]);
        command.stdout(Stdio::null());
        command
    }

    /// sqlite3 making the same of the same text, if it is here with FTS5.
    pub fn sqlite(&self) -> Option<Command> {
        let has_fts5 = "CREATE VIRTUAL TABLE a USING fts5 (b)";
        let probe = Command::new("sqlite3").args([":memory:", has_fts5]).stderr(Stdio::null()).status();
        probe.ok().filter(|status| status.success())?;
        let mut command = Command::new("bash");
        command.current_dir(self.path()).stdout(Stdio::null());
        command.args(["-c", "sqlite3 -bail other.db <import.sql && sync other.db"]);
        Some(command)
    }

    fn init(&self, said: &Value) -> Result<(), Anyhow> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let person = said["identities"].as_array().into_iter().flatten().find(|it| it["profile"] == "laboratoire");
        let person = person.ok_or("the operator does not know the laboratory")?;
        DirBuilder::new().mode(0o700).create(self.home())?;
        let secret = |name: &str, value: &Value| -> Result<String, Anyhow> {
            let path = self.path().join(name);
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
            writeln!(file, "{}", text(value))?;
            Ok(path.to_string_lossy().into_owned())
        };
        let server = |name: &str| format!("{}:{}", text(&said["host"]), text(&said[name]));
        let options = [
            ("--address", text(&person["address"])),
            ("--author", "1990000010".to_owned()),
            ("--submission", server("submission_starttls")),
            ("--mailbox", server("mailbox_starttls")),
            ("--directory", text(&said["directory"])),
            ("--api-key-file", secret("api-key", &said["api_key"])?),
            ("--list", text(&said["white_list"])),
            ("--list-signer", text(&said["white_list_signer"])),
            ("--anchors", text(&said["trust_file"])),
            ("--password-file", secret("password", &person["password"])?),
            ("--totp-seed-file", secret("seed", &person["totp_seed"])?),
            ("--certificate", text(&person["certificate_file"])),
            ("--key", text(&person["key_file"])),
            ("--service-key-out", self.path().join("service-key").to_string_lossy().into_owned()),
        ];
        let mut init = command(&self.home(), self.path());
        init.args(["--quiet", "--no-input", "init"]).stdout(Stdio::null());
        for (option, value) in &options {
            init.args([*option, value.as_str()]);
        }
        if init.status()?.success() { Ok(()) } else { Err("the profile was not made".into()) }
    }
}

/// mss with a home of its own and no variable of this machine.
fn command(home: &Path, folder: &Path) -> Command {
    let mut command = Command::new(MSS);
    command.current_dir(folder).env_clear().env("HOME", home).env("TZ", "UTC").stdin(Stdio::null());
    command
}
