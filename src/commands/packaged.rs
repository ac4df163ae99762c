//! The part of `send` that is about packages: whom one may go to, and how its password gets to its reader.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use super::account::Account;
use super::addressee::Outsider;
use super::error::Error;
use super::gate::Gate;
use super::message::Bench;
use crate::fs::Lock;
use crate::ids::Rpps;
use crate::mail::{Address, Draft, Envelope};
use crate::package::{self, Format, Password};
use crate::sealed::{Protection, Sealed};

/// How a package is made, and how its password is handed over.
#[derive(Clone, Debug, Default)]
pub struct Packaging {
    pub format: Format,
    /// A command that gets the password on its stdin. Without one it is shown on the terminal.
    pub password_command: Option<String>,
}

/// Takes an address as it is; the directory is asked for an RPPS number only.
pub(super) fn outsider<'a>(given: &str, gate: impl FnOnce() -> Result<&'a Gate<'a>, Error>) -> Result<Outsider, Error> {
    match given.parse::<Rpps>() {
        Ok(rpps) => {
            let gate = gate()?;
            let address = gate.mailbox_of(given, rpps)?;
            let holder = gate.sender(&address)?.0.map(|registered| registered.holder).unwrap_or_default();
            Ok(Outsider { address, holder })
        }
        Err(_) => {
            let address = given.parse().map_err(|source| Error::RecipientSyntax { given: given.to_owned(), source })?;
            Ok(Outsider { address, holder: String::new() })
        }
    }
}

/// The lock below, in the folder of the profile.
pub(super) const LOCK: &str = "package.lock";

/// Waits until no other process makes a package for this profile: of two that are told to send the same message, the second
/// finds it queued, and does not hand over a password that opens nothing.
pub(super) fn turn(account: &Account<'_>, protection: Protection) -> Result<Option<Lock>, Error> {
    match protection {
        Protection::Package => Ok(Some(Lock::acquire(&account.state()?.join(LOCK))?)),
        Protection::Smime | Protection::Transport => Ok(None),
    }
}

/// Seals the copies for those who have none yet.
///
/// The password is handed over before anything is queued: a message whose password nobody has would be worse than a password
/// without a message.
pub(super) fn seal(
    account: &Account<'_>,
    bench: &Bench<'_>,
    packaging: &Packaging,
    draft: &Draft,
    is_served: &dyn Fn(&Address) -> bool,
) -> Result<Vec<Sealed>, Error> {
    if let Some(command) = &packaging.password_command {
        account.world.step("hands the password to the command");
        return seal_by_command(bench, command, packaging.format, draft, is_served);
    }
    seal_and(bench, packaging.format, draft, is_served, |password, readers| {
        let remark = format!(
            "Give it to {} by another way, such as the telephone. It is shown once and kept nowhere.",
            readers.join(", ")
        );
        let otherwise = "--password-command COMMAND";
        Ok(account.world.prompt.show("password of the package", password.secret(), &remark, otherwise)?)
    })
}

/// The same where nobody is asked anything: the command gets the password.
pub(super) fn seal_by_command(
    bench: &Bench<'_>,
    command: &str,
    format: Format,
    draft: &Draft,
    is_served: &dyn Fn(&Address) -> bool,
) -> Result<Vec<Sealed>, Error> {
    seal_and(bench, format, draft, is_served, |password, readers| {
        run(command, password, &readers.join(" ")).map_err(|source| Error::PasswordCommand { source })
    })
}

fn seal_and(
    bench: &Bench<'_>,
    format: Format,
    draft: &Draft,
    is_served: &dyn Fn(&Address) -> bool,
    hand_over: impl FnOnce(&Password, &[&str]) -> Result<(), Error>,
) -> Result<Vec<Sealed>, Error> {
    let missing = package::copies(draft).into_iter().filter(|copy| !copy.recipients.iter().any(is_served));
    let missing: Vec<Envelope> = missing.collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let password = Password::generate().ok_or(Error::Randomness)?;
    let sealed = package::seal(draft, &missing, format, &password, bench.spool())?;
    let readers: Vec<&str> = missing.iter().flat_map(|copy| &copy.recipients).map(Address::as_str).collect();
    hand_over(&password, &readers)?;
    Ok(sealed)
}

/// Runs the command as a shell does, with the password and a line end on its stdin. Nothing of the message is put into its
/// words; who the password is for is in a variable. Its stdout is not ours to fill: the answer of `send` stands there.
fn run(command: &str, password: &Password, readers: &str) -> io::Result<()> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env("MSS_RECIPIENTS", readers)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("its stdin is a pipe");
    let written = stdin.write_all(password.secret().expose().as_bytes()).and_then(|()| stdin.write_all(b"\n"));
    drop(stdin);
    let status = child.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("it ended with {status}")));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_gets_the_password_on_stdin_and_says_by_its_status_whether_it_took_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("it's here");
        let password = Password::generate().unwrap();
        let taken = format!("cat > \"{0}\"; printf %s \"$MSS_RECIPIENTS\" >> \"{0}\"", file.display());
        run(&taken, &password, "a@x.fr b@x.fr; exit 1").unwrap();
        let expected = format!("{}\na@x.fr b@x.fr; exit 1", password.secret().expose());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        for failing in ["cat >/dev/null; exit 3", "no-such-program-here 2>/dev/null", "kill -9 $$"] {
            assert!(run(failing, &password, "").is_err(), "{failing}");
        }
        let said = run("exit 3", &password, "").unwrap_err().to_string();
        assert!(said.contains('3'), "{said}");
    }
}
