//! Opening the vault with what the words, the environment or the terminal give, and nothing else.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::diagnosis::Diagnosis;
use super::environment::Environment;
use super::pair::read_pair;
use super::session::Session;
use super::status::Status;
use crate::fs;
use crate::secret::Secret;
use crate::vault::{Config, Document, Opener, SETTINGS, ServiceKey, Vault, VaultError};

/// Longest passphrase that is read from anywhere, in octets.
const LONGEST: u64 = 4096;

/// Longest access token that is read from anywhere, in octets: signed ones carry much about their holder.
const LONGEST_TOKEN: u64 = 16 * 1024;

/// Where the vault is: `--config`, else below `$XDG_CONFIG_HOME`.
pub(super) fn path(session: &Session<'_>) -> PathBuf {
    session.globals.config.clone().unwrap_or_else(|| session.places.config.join("config.p7m"))
}

/// Opens the vault: certificate, service key, then passphrase from a file, a descriptor, a command, a credential, then the terminal.
pub(super) fn open(session: &Session<'_>) -> Result<Vault, Diagnosis> {
    let path = path(session);
    if session.globals.config.is_none() && fs::exists(&session.places.config) {
        fs::check_private(&session.places.config).map_err(VaultError::from)?;
    }
    let opening = &session.globals.opening;
    if let Some((certificate, key)) = opening.unlock_certificate.as_deref().zip(opening.unlock_key.as_deref()) {
        let (_, _, identity) = read_pair(certificate, key)?;
        return Ok(Vault::open(&path, Opener::Identity(&identity))?);
    }
    if let Some(key) = service_key(session)? {
        return Ok(Vault::open(&path, Opener::ServiceKey(&key))?);
    }
    let given = given_passphrase(session)?;
    if given.is_none() && !Vault::takes_passphrase(&path)? {
        return Err(Diagnosis::of(Status::Configuration, "vault-way", "the vault opens with a service key only")
            .hint("give --service-key FILE"));
    }
    let passphrase = match given {
        Some(passphrase) => passphrase,
        None => session.prompt.secret("passphrase of the vault", "--passphrase-file FILE or --service-key FILE")?,
    };
    Ok(Vault::open(&path, Opener::Passphrase(&passphrase))?)
}

/// A service manager hands secrets over as files in `$CREDENTIALS_DIRECTORY` (systemd.exec, LoadCredential).
fn credential(environment: &Environment, name: &str) -> Option<PathBuf> {
    let path = Path::new(environment.get("CREDENTIALS_DIRECTORY")?).join(name);
    path.is_file().then_some(path)
}

/// The service key: from the file that was named, or as the service manager hands it over.
fn service_key(session: &Session<'_>) -> Result<Option<ServiceKey>, Diagnosis> {
    if passphrase_is_nearer(session) {
        return Ok(None);
    }
    let (file, read) = match &session.globals.opening.service_key {
        Some(file) => (file.clone(), ServiceKey::read(file)),
        None => match credential(session.environment, "mss.service-key") {
            Some(file) => (file.clone(), ServiceKey::read_credential(&file)),
            None => return Ok(None),
        },
    };
    read.map(Some).map_err(|error| Diagnosis::service_key(&file, error))
}

/// A passphrase named on the command line wins over a service key from a variable or a credential.
fn passphrase_is_nearer(session: &Session<'_>) -> bool {
    let opening = &session.globals.opening;
    let flag = |value: Option<&OsStr>, variable| value.is_some() && value != session.environment.get(variable);
    let passphrase = flag(opening.passphrase_file.as_deref().map(Path::as_os_str), "MSS_PASSPHRASE_FILE")
        || flag(opening.passphrase_command.as_deref().map(OsStr::new), "MSS_PASSPHRASE_COMMAND")
        || opening.passphrase_fd.is_some();
    passphrase && !flag(opening.service_key.as_deref().map(Path::as_os_str), "MSS_SERVICE_KEY_FILE")
}

fn given_passphrase(session: &Session<'_>) -> Result<Option<Secret<String>>, Diagnosis> {
    let opening = &session.globals.opening;
    if let Some(path) = &opening.passphrase_file {
        return read_file(path).map(Some);
    }
    if let Some(number) = opening.passphrase_fd {
        return read_descriptor(number).map(Some);
    }
    if let Some(command) = &opening.passphrase_command {
        return run(command).map(Some);
    }
    match credential(session.environment, "mss.passphrase") {
        Some(path) => {
            let octets = fs::read_credential(&path, LONGEST).map_err(|error| Diagnosis::secret_file(&path, error))?;
            line(&Zeroizing::new(octets), &path.display().to_string()).map(Some)
        }
        None => Ok(None),
    }
}

/// The first line of what is read from a file descriptor.
pub(super) fn read_descriptor(number: i32) -> Result<Secret<String>, Diagnosis> {
    first_line(File::open(format!("/dev/fd/{number}")), &format!("file descriptor {number}"), LONGEST)
}

/// The access token that a file descriptor gives on its first line.
pub(super) fn read_token(number: i32) -> Result<Secret<String>, Diagnosis> {
    let read = first_line(File::open(format!("/dev/fd/{number}")), &format!("file descriptor {number}"), LONGEST_TOKEN);
    read.map_err(|why| {
        let told =
            Diagnosis::of(Status::NoInput, "token", format!("there is no access token in file descriptor {number}"));
        why.because.into_iter().fold(told, Diagnosis::because)
    })
}

/// The first line of a private file.
pub(super) fn read_file(path: &Path) -> Result<Secret<String>, Diagnosis> {
    let octets = Zeroizing::new(fs::read_private(path, LONGEST).map_err(|error| Diagnosis::secret_file(path, error))?);
    line(&octets, &path.display().to_string())
}

fn first_line(reader: std::io::Result<impl Read>, source: &str, longest: u64) -> Result<Secret<String>, Diagnosis> {
    let mut octets = Zeroizing::new(Vec::with_capacity(longest as usize + 2));
    let read = reader.and_then(|reader| reader.take(longest + 1).read_to_end(&mut octets));
    let none = || Diagnosis::of(Status::NoInput, "passphrase", format!("no passphrase from {source}"));
    match read {
        Ok(length) if length as u64 <= longest => line(&octets, source),
        // Not cut: half a passphrase would be another one.
        Ok(_) => Err(none().because(format!("it gives more than {longest} octets"))),
        Err(error) => Err(none().because(error.to_string())),
    }
}

fn run(command: &str) -> Result<Secret<String>, Diagnosis> {
    output_of(command).map_err(|why| {
        Diagnosis::of(Status::NoInput, "passphrase-command", "the passphrase command gave no passphrase").because(why)
    })
}

/// The first line that a command prints, or why there is none.
pub(super) fn output_of(command: &str) -> Result<Secret<String>, String> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let answer = match child.stdout.take() {
        Some(stdout) => first_line(Ok(stdout), "the command", LONGEST_TOKEN)
            .map_err(|mut it| it.because.pop().unwrap_or_else(|| "its first line is empty".to_owned())),
        None => Err("it has no output".to_owned()),
    };
    let ended = child.wait().map_err(|error| error.to_string())?;
    if !ended.success() {
        return Err(format!("it ended with {ended}"));
    }
    answer
}

fn line(octets: &[u8], source: &str) -> Result<Secret<String>, Diagnosis> {
    let first = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let none = || Diagnosis::of(Status::NoInput, "passphrase", format!("there is no passphrase in {source}"));
    let text = std::str::from_utf8(first).map_err(|_| none().because("its first line is not UTF-8"))?;
    let text = text.trim_end_matches('\r');
    if text.is_empty() {
        return Err(none());
    }
    Ok(Secret::new(text.to_owned()))
}

/// The settings of the vault, with those that a variable such as `MSS_SUBMISSION_HOST` replaces for this run.
pub(super) fn overridden(session: &Session<'_>, document: &Document) -> Result<Config, Diagnosis> {
    let chosen = document.config().profile(session.globals.profile.as_deref()).map(|(name, _)| name.to_owned());
    let Some(profile) = chosen else { return Ok(document.config().clone()) };
    let mut document = document.clone();
    let counts = |path: &str| !session.globals.sandbox || counts_in_sandbox(path);
    for (path, value) in overrides(session.environment).into_iter().filter(|(path, _)| counts(path)) {
        let key = path.replacen('*', &profile, 1);
        document = document.set(&key, &Secret::new(value.to_owned()))?;
    }
    Ok(document.config().clone())
}

/// The same for the sandbox, whose servers and keys are its own: variables replace only how messages are sent, and who is asked first.
pub(super) fn overridden_in_sandbox(session: &Session<'_>, config: Config) -> Result<Config, Diagnosis> {
    let given = overrides(session.environment);
    if !given.iter().any(|(path, _)| counts_in_sandbox(path)) {
        return Ok(config);
    }
    overridden(session, &Document::of(&config)?)
}

/// Whether a variable replaces a setting also in the sandbox.
pub(super) fn counts_in_sandbox(path: &str) -> bool {
    // Who is asked, and not where: the service of the sandbox is its own.
    let order = ["profile.*.directory.sources", "profile.*.directory.index-max-age"];
    order.contains(&path)
        || ["profile.*.outbox.", "profile.*.timeouts."].iter().any(|section| path.starts_with(section))
}

/// Every setting that a variable replaces: its path in the catalogue, and the value.
pub(super) fn overrides(environment: &Environment) -> Vec<(&'static str, &str)> {
    let variable = |path: &str| path.strip_prefix("profile.*.").map(|it| it.replace(['.', '-'], "_").to_uppercase());
    let plain = SETTINGS.iter().filter(|setting| !setting.secret && !setting.path.contains("[]"));
    let named: Vec<(&'static str, String)> =
        plain.filter_map(|setting| Some((setting.path, variable(setting.path)?))).collect();
    let given = environment.settings();
    given.filter_map(|(name, value)| Some((named.iter().find(|(_, known)| known == name)?.0, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_replaces_a_setting_but_never_a_secret() {
        let environment = Environment::from([
            ("MSS_SUBMISSION_HOST", "smtp.x"),
            ("MSS_SIGNIN_PASSWORD", "secret"),
            ("MSS_LIST_URL", "https://x/"),
        ]);
        let found = overrides(&environment);
        assert_eq!(found, [("profile.*.list.url", "https://x/"), ("profile.*.submission.host", "smtp.x")]);
    }
}
