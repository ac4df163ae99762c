//! `mss config`: the words, and how the settings are told.

use std::fmt::Display;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Subcommand;
use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use super::diagnosis::Diagnosis;
use super::environment::Environment;
use super::globals::Globals;
use super::keys::KeyWords;
use super::output::Output;
use super::safe::Safe;
use super::session::Session;
use super::status::Status;
use super::{schema, unlock};
use crate::commands::Error;
use crate::fs::{self, StagedDir};
use crate::pki::{Certificate, Standing};
use crate::secret::Secret;
use crate::vault::{Document, KeyPair, Need, SETTINGS, ServiceKey, SettingsError, Vault, Way};

/// Octets a value or an edited configuration may have.
const VALUE_LIMIT: u64 = 1 << 20;

/// Show, change and rekey the encrypted configuration
///
/// The vault is one CMS file; openssl cms -decrypt opens it too, given the service key. Secrets are never shown, only
/// handed to the editor. A key is named as in mss-config(5), below the profile: submission.host.
///
/// A variable replaces a setting that is no secret, for one run: MSS_SUBMISSION_HOST for submission.host.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub deed: Deed,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum Deed {
    /// Show the settings of the profile, but none of its secrets
    Show {
        /// Say where each value comes from: a variable, the profile or the default; show what is absent too
        #[arg(long)]
        origin: bool,
    },
    /// Show one setting
    Get {
        /// Its name, for example submission.host
        key: String,
    },
    /// Change one setting; a secret is asked for or read from a file, never given on the command line
    Set {
        /// Its name, for example submission.host
        key: String,
        /// The new value; without it, it is asked for
        #[arg(conflicts_with = "from_file")]
        value: Option<String>,
        /// Read the value from this file, or from stdin (-)
        #[arg(long, value_name = "FILE|-")]
        from_file: Option<PathBuf>,
    },
    /// Edit the settings as TOML with $VISUAL or $EDITOR; nothing is written unless every key is known
    Edit,
    /// Install a certificate and its key; the pair they replace goes on opening older messages
    Certificate(CertificateArgs),
    /// Print the path of the vault
    Path,
    /// Replace the ways to open the vault: passphrase, service key, recovery certificates
    Rekey(RekeyArgs),
    /// Print the JSON Schema of an answer or of the configuration
    Schema {
        /// Its name, for example mss.send/1 or config; without it, the names there are
        name: Option<String>,
    },
}

/// What to install.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mss config certificate [OPTIONS]")]
#[command(group = clap::ArgGroup::new("keys").args(["key", "p12", "token"]).required(true).multiple(true))]
pub struct CertificateArgs {
    #[command(flatten)]
    pub keys: KeyWords,
}

/// The ways to open the vault from now on; those not named are gone.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mss config rekey [OPTIONS]")]
#[command(group = clap::ArgGroup::new("way").required(true).multiple(true))]
pub struct RekeyArgs {
    /// Ask for a new passphrase
    #[arg(long, group = "way", conflicts_with = "new_passphrase_file")]
    pub passphrase: bool,
    /// Read the new passphrase from the first line of this file (mode 0600)
    #[arg(long, value_name = "FILE", group = "way")]
    pub new_passphrase_file: Option<PathBuf>,
    /// Make a new service key and write it to this file (mode 0600)
    #[arg(long, value_name = "FILE", group = "way")]
    pub service_key_out: Option<PathBuf>,
    /// Also let the holder of this certificate open it (PEM), for example the site's recovery key
    #[arg(long, value_name = "FILE", group = "way")]
    pub recovery_certificate: Vec<PathBuf>,
}

/// One setting of the profile.
#[derive(Serialize, JsonSchema)]
pub(super) struct SettingLine {
    schema: &'static str,
    profile: String,
    key: String,
    /// Absent where the setting is; `[secret]` where it is one.
    value: Option<String>,
    /// `variable`, `profile`, `default` or `absent`.
    origin: &'static str,
}

/// Does what was asked of the configuration.
pub(super) fn run(
    args: Args,
    globals: &Globals,
    environment: &Environment,
    output: &Output,
) -> Result<Status, Diagnosis> {
    let mut session = Session::bare(globals, environment, output)?;
    if globals.sandbox {
        session.start_sandbox(crate::sandbox::Options::new)?;
    }
    match args.deed {
        Deed::Path => path(&session)?,
        Deed::Schema { name } => return schema(name.as_deref(), output),
        Deed::Show { origin } => show(&session, origin)?,
        Deed::Get { key } => return get(&session, &key),
        Deed::Set { key, value, from_file } => set(&session, &key, value, from_file.as_deref())?,
        Deed::Certificate(args) => certificate_and_key(&session, &args.keys)?,
        Deed::Edit => edit(&session)?,
        Deed::Rekey(ways) => rekey(&session, &ways)?,
    }
    Ok(Status::Done)
}

/// Prints a JSON Schema, or the names there are.
pub(super) fn schema(name: Option<&str>, output: &Output) -> Result<Status, Diagnosis> {
    let Some(name) = name else {
        for name in schema::names() {
            output.line(name)?;
        }
        return Ok(Status::Done);
    };
    let schema = schema::of(name).ok_or_else(|| {
        Diagnosis::of(Status::Usage, "schema", format!("there is no schema {name}"))
            .hint_command("see which there are", "mss config schema")
    })?;
    output.line(serde_json::to_string_pretty(&schema).map_err(io::Error::other)?)?;
    Ok(Status::Done)
}

/// The settings to look at: those of the vault, or those the sandbox gives its users.
fn document(session: &Session<'_>) -> Result<Document, Diagnosis> {
    match &session.config {
        Some(config) => Ok(Document::of(config)?),
        None => Ok(unlock::open(session)?.document().clone()),
    }
}

/// The vault, which the sandbox has none of.
fn vault(session: &Session<'_>) -> Result<Vault, Diagnosis> {
    if session.globals.sandbox {
        return Err(Diagnosis::of(Status::Usage, "sandbox", "the sandbox has no vault to change"));
    }
    unlock::open(session)
}

fn profile_name(session: &Session<'_>, document: &Document) -> Result<String, Diagnosis> {
    let (wanted, config) = (session.globals.profile.as_deref(), document.config());
    let found = config.profile(wanted).map(|(name, _)| name.to_owned());
    let absent = || Error::NoProfile {
        name: wanted.or(config.default_profile.as_deref()).map(str::to_owned),
        known: config.profiles.keys().cloned().collect(),
    };
    Ok(found.ok_or_else(absent)?)
}

/// The whole path of a key: below the profile, unless it says otherwise.
fn full_key(session: &Session<'_>, document: &Document, key: &str) -> Result<String, Diagnosis> {
    if key.starts_with("profile.") || matches!(key, "version" | "default-profile") {
        return Ok(key.to_owned());
    }
    Ok(format!("profile.{}.{key}", profile_name(session, document)?))
}

/// The path of the vault, for programs.
#[derive(Serialize, JsonSchema)]
pub(super) struct PathLine {
    schema: &'static str,
    path: String,
    /// Whether there is a vault.
    exists: bool,
}

fn path(session: &Session<'_>) -> Result<(), Diagnosis> {
    let (path, output) = (unlock::path(session), session.output);
    if output.json {
        let exists = fs::exists(&path);
        output.json(&PathLine { schema: "mss.config-path/1", path: path.display().to_string(), exists })?;
    } else {
        output.line(path.display())?;
    }
    Ok(())
}

/// Every setting of the profile as this run has it: variables first, then what is written, then defaults.
fn settings(session: &Session<'_>, document: &Document, profile: &str) -> Vec<SettingLine> {
    let mut variables = unlock::overrides(session.environment);
    variables.retain(|(path, _)| !session.globals.sandbox || unlock::counts_in_sandbox(path));
    let written = document.shown();
    let mut lines = Vec::new();
    for setting in SETTINGS.iter().filter(|setting| !setting.path.contains("[]")) {
        let Some(key) = setting.path.strip_prefix("profile.*.") else { continue };
        let full = format!("profile.{profile}.{key}");
        let variable = variables.iter().find(|(path, _)| *path == setting.path);
        let (value, origin) = match (variable, written.iter().find(|(key, _)| *key == full), setting.need) {
            (Some((_, value)), _, _) => (Some((*value).to_owned()), "variable"),
            (None, Some((_, Some(value))), _) => (Some(value.clone()), "profile"),
            (None, Some((_, None)), _) => (Some("[secret]".to_owned()), "profile"),
            (None, None, Need::Default(value)) => (Some(value.to_owned()), "default"),
            (None, None, _) => (None, "absent"),
        };
        let (profile, key) = (profile.to_owned(), key.to_owned());
        lines.push(SettingLine { schema: "mss.config/1", profile, key, value, origin });
    }
    lines
}

fn show(session: &Session<'_>, origin: bool) -> Result<(), Diagnosis> {
    let document = document(session)?;
    let lines = settings(session, &document, &profile_name(session, &document)?);
    let output = session.output;
    for line in lines.iter().filter(|line| origin || line.value.is_some()) {
        if output.json {
            output.json(line)?;
            continue;
        }
        let value = line.value.as_deref().unwrap_or("-");
        let first = value.lines().next().unwrap_or_default();
        let whole = || if first.len() < value.trim_end().len() { format!("{first} ...") } else { first.to_owned() };
        let shown = certificates(value).unwrap_or_else(whole);
        let origin = if origin { format!("{:<9}", line.origin) } else { String::new() };
        output.line(format_args!("{origin}{} = {shown}", line.key))?;
    }
    Ok(())
}

/// The certificates of a PEM text, by name; nothing for any other text.
fn certificates(value: &str) -> Option<String> {
    let read = Certificate::from_pem(value.as_bytes()).ok()?;
    let named = read.iter().map(|certificate| {
        let name = certificate.common_name().unwrap_or_else(|| certificate.subject());
        let standing = match certificate.standing() {
            Standing::Production(_) => " of IGC-Santé",
            Standing::Test => " for tests",
            Standing::Other => "",
        };
        format!("{}{standing} until {}", Safe(name), certificate.not_after().strftime("%Y-%m-%d"))
    });
    Some(named.collect::<Vec<_>>().join(", "))
}

fn get(session: &Session<'_>, key: &str) -> Result<Status, Diagnosis> {
    let document = document(session)?;
    let key = full_key(session, &document, key)?;
    let value = document.get(&key).map_err(misspelt)?;
    let profile = profile_name(session, &document)?;
    let own = key.strip_prefix(&format!("profile.{profile}."));
    let shown = own.and_then(|own| settings(session, &document, &profile).into_iter().find(|line| line.key == own));
    // A key of another profile, or of none, is told as it is written: variables speak for the chosen profile.
    let line = shown.unwrap_or_else(|| SettingLine {
        schema: "mss.config/1",
        profile,
        origin: if value.is_some() { "profile" } else { "absent" },
        value: value.map(|value| if document.is_secret(&key) { "[secret]".to_owned() } else { value.expose().clone() }),
        key,
    });
    let output = session.output;
    match &line.value {
        _ if output.json => output.json(&line)?,
        Some(value) => output.line(value.trim_end())?,
        None => output.note(format_args!("{} is not set", line.key)),
    }
    Ok(if line.value.is_some() { Status::Done } else { Status::Finding })
}

/// A key or value that was typed, not one that is in the vault: the words are wrong.
fn misspelt(error: SettingsError) -> Diagnosis {
    Diagnosis { status: Status::Usage, ..Diagnosis::from(error) }
}

fn set(session: &Session<'_>, key: &str, value: Option<String>, file: Option<&Path>) -> Result<(), Diagnosis> {
    let mut vault = vault(session)?;
    let key = full_key(session, vault.document(), key)?;
    if value.is_some() && vault.document().is_secret(&key) {
        return Err(Diagnosis::of(Status::Usage, "secret-in-argv", format!("{key} is a secret"))
            .because("the command line is seen by every user of the machine")
            .hint("leave the value out to be asked for it, or give --from-file FILE"));
    }
    let value = match (value, file) {
        (Some(value), _) => Secret::new(value),
        (None, Some(file)) => whole(file, vault.document().is_secret(&key))?,
        (None, None) => session.prompt.secret(&format!("new value of {key}"), "--from-file FILE")?,
    };
    let document = vault.document().set(&key, &value).map_err(misspelt)?;
    Ok(vault.save(document)?)
}

/// A value from a file or from stdin, its last line end dropped. A secret is read from a private file only.
fn whole(file: &Path, secret: bool) -> Result<Secret<String>, Diagnosis> {
    let octets = Zeroizing::new(match secret {
        _ if file == Path::new("-") => stdin()?,
        true => fs::read_private(file, VALUE_LIMIT).map_err(|error| Diagnosis::secret_file(file, error))?,
        false => fs::read_bounded(file, VALUE_LIMIT).map_err(|error| Diagnosis::input_file(file, error))?,
    });
    Ok(Secret::new(utf8(&octets, &file.display())?.trim_end_matches(['\r', '\n']).to_owned()))
}

fn stdin() -> Result<Vec<u8>, Diagnosis> {
    let mut octets = Vec::new();
    let read = io::stdin().lock().take(VALUE_LIMIT + 1).read_to_end(&mut octets);
    let failed = || Diagnosis::of(Status::NoInput, "no-input", "no value from stdin");
    match read {
        Ok(length) if length as u64 <= VALUE_LIMIT => Ok(octets),
        Ok(_) => Err(failed().because(format!("it gives more than {VALUE_LIMIT} octets"))),
        Err(error) => Err(failed().because(error.to_string())),
    }
}

fn utf8<'a>(octets: &'a [u8], source: &dyn Display) -> Result<&'a str, Diagnosis> {
    std::str::from_utf8(octets).map_err(|_| Diagnosis::of(Status::Data, "encoding", format!("{source} is not UTF-8")))
}

fn certificate_and_key(session: &Session<'_>, words: &KeyWords) -> Result<(), Diagnosis> {
    let mut vault = vault(session)?;
    let name = profile_name(session, vault.document())?;
    let Some((mut new, _)) = words.read(session)? else { return Ok(()) };
    let mut config = vault.document().config().clone();
    if let Some(profile) = config.profiles.get_mut(&name) {
        if let Some(old) = profile.keys.take() {
            new.previous = old.previous;
            match old.certificate.zip(old.key) {
                Some((certificate, key)) => new.previous.insert(0, KeyPair { certificate, key }),
                None => session.output.warning(
                    "the token that was named before is forgotten: what was sealed to its key opens with it alone",
                ),
            }
        }
        profile.keys = Some(new);
    }
    Ok(vault.save(Document::of(&config)?)?)
}

fn edit(session: &Session<'_>) -> Result<(), Diagnosis> {
    let mut vault = vault(session)?;
    let environment = session.environment;
    let editor = environment.text("VISUAL").or(environment.text("EDITOR")).unwrap_or("vi").to_owned();
    // The words of an editor are words of a shell, as git and crontab take them.
    let edit = format!("{editor} \"$1\"");
    let dir = runtime_dir(session)?;
    let failed = |error| Diagnosis::caused(Status::LocalIo, "edit", &error);
    // What the editor leaves beside the file goes with the folder.
    let folder = StagedDir::new(&dir).map_err(failed)?;
    let path = folder.path().join("config.toml");
    fs::write_private(&path, vault.document().text().expose().as_bytes()).map_err(failed)?;
    loop {
        let status = Command::new("/bin/sh").args(["-c", &edit, "mss"]).arg(&path).status()?;
        if !status.success() {
            return Err(Diagnosis::of(Status::Configuration, "editor", format!("the editor ended with {status}"))
                .because("nothing was changed"));
        }
        let edited = Zeroizing::new(fs::read_bounded(&path, VALUE_LIMIT).map_err(failed)?);
        let text = Secret::new(utf8(&edited, &"the edited text")?.to_owned());
        match Document::parse(text) {
            Ok(document) => {
                vault.save(document)?;
                return Ok(());
            }
            Err(error) => {
                let diagnosis = Diagnosis::from(error).because("nothing was changed");
                if !session.can_ask {
                    return Err(diagnosis);
                }
                diagnosis.tell(session.output);
                if !session.prompt.confirm("edit again?", "a file without mistakes")? {
                    return Err(diagnosis);
                }
            }
        }
    }
}

/// A folder in memory rather than on disk, where the system has one: secrets are edited there.
fn runtime_dir(session: &Session<'_>) -> Result<PathBuf, Diagnosis> {
    let named = session.environment.get("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
    let everybodys = PathBuf::from("/dev/shm");
    let dir = match named {
        Some(dir) => dir.join("mss"),
        None if everybodys.is_dir() => return Ok(everybodys),
        None => session.places.config.clone(),
    };
    let failed = |error| Diagnosis::caused(Status::LocalIo, "edit", &error);
    fs::private_dir(&dir).map_err(failed)?;
    // What an editor that was killed left behind.
    fs::sweep_staged(&dir, session.clock.now()).map_err(failed)?;
    Ok(dir)
}

fn rekey(session: &Session<'_>, ways: &RekeyArgs) -> Result<(), Diagnosis> {
    let vault = vault(session)?;
    let passphrase = match (&ways.new_passphrase_file, ways.passphrase) {
        (Some(file), _) => Some(long_enough(unlock::read_file(file)?)?),
        (None, true) => Some(new_passphrase(session)?),
        (None, false) => None,
    };
    let service_key = ways.service_key_out.as_ref().map(|_| ServiceKey::generate()).transpose()?;
    let mut certificates = Vec::new();
    for file in &ways.recovery_certificate {
        let pem = fs::read_bounded(file, 1 << 20).map_err(|error| Diagnosis::input_file(file, error))?;
        let found = Certificate::from_pem(&pem).map_err(|error| {
            Diagnosis::caused(Status::Data, "recovery-certificate", &error).hint("give a certificate in PEM")
        })?;
        certificates.extend(found.into_iter().next());
    }
    let mut all: Vec<Way<'_>> = certificates.iter().map(Way::Certificate).collect();
    all.extend(passphrase.as_ref().map(Way::Passphrase));
    all.extend(service_key.as_ref().map(Way::ServiceKey));
    // The key is on disk before the vault knows it: a vault that nobody can open would be worse than a useless key.
    if let (Some(key), Some(file)) = (&service_key, &ways.service_key_out) {
        key.write_new(file)?;
    }
    Ok(vault.rekey(&all)?)
}

/// A passphrase asked for twice.
pub(super) fn new_passphrase(session: &Session<'_>) -> Result<Secret<String>, Diagnosis> {
    let otherwise = "--new-passphrase-file FILE";
    let first = session.prompt.secret("new passphrase of the vault", otherwise)?;
    let second = session.prompt.secret("once more", otherwise)?;
    if first.expose() != second.expose() {
        return Err(Diagnosis::of(Status::Usage, "passphrase", "the two passphrases differ"));
    }
    long_enough(first)
}

/// Refuses a new passphrase that is guessed too soon.
pub(super) fn long_enough(passphrase: Secret<String>) -> Result<Secret<String>, Diagnosis> {
    if passphrase.expose().chars().count() < 12 {
        return Err(Diagnosis::of(Status::Usage, "passphrase", "the passphrase is shorter than 12 characters")
            .hint("take four words that nobody would put together"));
    }
    Ok(passphrase)
}
