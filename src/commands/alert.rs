//! Tells somebody, by the command of the profile, of what does not arrive and of a server that is away: once, and when it is
//! over.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::account::Account;
use super::error::Error;
use super::submission::Submitted;
use crate::fs;
use crate::outbox::{Alert, Cause, Outbox, Service};

/// Most numbers of messages that are handed over.
const IDS: usize = 50;

/// How long the command may take, and how often it is looked whether it has ended.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// What the command reads on its stdin. It names nobody.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Line<'a> {
    pub schema: &'static str,
    /// `trouble`, `undelivered` or `recovered`.
    pub event: &'static str,
    pub profile: &'a str,
    /// How many messages it is about; in trouble, how many wait.
    pub count: usize,
    /// Their numbers in the outbox, at most 50.
    pub ids: Vec<String>,
    pub at: Timestamp,
}

/// Tells what is new after a submission. A failure is a warning: the work was done.
pub(super) fn after_submission(account: &Account<'_>, outbox: &Outbox, submitted: &Submitted) {
    let service = match submitted {
        Submitted { accepted: true, .. } => Some(Service::Serves),
        Submitted { trouble: Some(_), stopped: false, .. } => Some(Service::Away),
        _ => None,
    };
    tell_all(account, outbox, service);
}

/// Tells what is new where notices were looked for, or somebody decided.
pub(super) fn after_news(account: &Account<'_>) {
    let tell = || {
        if account.profile.outbox.alert_command.is_some() && fs::exists(&account.state()?.join("outbox.db")) {
            tell_all(account, &account.outbox()?, None);
        }
        Ok(())
    };
    tell().unwrap_or_else(|error: Error| warn(account, &error));
}

fn tell_all(account: &Account<'_>, outbox: &Outbox, service: Option<Service>) {
    let Some(command) = &account.profile.outbox.alert_command else { return };
    match outbox.alerts(service) {
        Err(error) => warn(account, &error),
        Ok(alerts) => {
            for alert in alerts {
                account.world.step(format!("alerts: {}", word(alert.cause)));
                if let Err(error) = run(command, &line(account, &alert)) {
                    warn(account, &error);
                    if let Err(error) = outbox.not_told(&alert) {
                        warn(account, &error);
                    }
                }
            }
        }
    }
}

fn warn(account: &Account<'_>, error: &dyn std::error::Error) {
    account.world.warn(format!("nobody was alerted: {}", super::traced::causes(error)));
}

fn line<'a>(account: &Account<'a>, alert: &Alert) -> Line<'a> {
    Line {
        schema: "mss.alert/1",
        event: word(alert.cause),
        profile: account.name,
        count: alert.messages.len(),
        ids: alert.messages.iter().take(IDS).map(ToString::to_string).collect(),
        at: account.world.clock.now(),
    }
}

fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Trouble => "trouble",
        Cause::Undelivered => "undelivered",
        Cause::Recovered => "recovered",
    }
}

/// Runs the command as a shell does, in a group of its own: one that hangs is ended with all it started.
fn run(command: &str, line: &Line<'_>) -> io::Result<()> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env("MSS_EVENT", line.event)
        .env("MSS_PROFILE", line.profile)
        .env("MSS_COUNT", line.count.to_string())
        .env("MSS_IDS", line.ids.join(" "))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        // It is less than a pipe holds, and a command that does not read it has the variables.
        let _ = stdin.write_all(&text);
    }
    wait(child)
}

fn wait(mut child: Child) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) };
        }
        if Instant::now() > end {
            let group = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not end within a minute"));
        }
        sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line<'static> {
        let ids = vec!["7".to_owned(), "9".to_owned()];
        let at = "2026-01-05T08:00:00Z".parse().unwrap();
        Line { schema: "mss.alert/1", event: "undelivered", profile: "cabinet", count: 2, ids, at }
    }

    #[test]
    fn the_command_hears_it_by_variables_and_on_stdin() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("it's here");
        let taken =
            format!("echo $MSS_EVENT $MSS_PROFILE $MSS_COUNT $MSS_IDS > \"{0}\"; cat >> \"{0}\"", file.display());
        run(&taken, &line()).unwrap();
        let said = std::fs::read_to_string(&file).unwrap();
        let (variables, json) = said.split_once('\n').unwrap();
        assert_eq!(variables, "undelivered cabinet 2 7 9");
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!((&json["schema"], &json["ids"][1]), (&"mss.alert/1".into(), &"9".into()));
    }

    #[test]
    fn a_command_that_fails_or_reads_nothing_is_seen() {
        run("exit 0", &line()).unwrap();
        assert!(run("exit 3", &line()).unwrap_err().to_string().contains('3'));
        assert!(run("no-such-program-here", &line()).is_err());
    }
}
