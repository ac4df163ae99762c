//! What went wrong, in words: what, why, what to do, and the exit status.

use std::error::Error as StdError;
use std::io;

use anstyle::AnsiColor;
use schemars::JsonSchema;
use serde::Serialize;

use super::output::Output;
use super::safe::Safe;
use super::status::Status;
use crate::sandbox::{FaultError, SandboxError};
use crate::secret::PromptError;

/// One failure, ready to be told.
#[derive(Debug)]
pub(super) struct Diagnosis {
    pub status: Status,
    pub code: &'static str,
    pub message: String,
    pub because: Vec<String>,
    pub hint: Option<Hint>,
}

/// What to do about it, and where a command does it, the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub advice: String,
    pub command: Option<String>,
}

/// The JSON form of a failure.
#[derive(Serialize, JsonSchema)]
pub(super) struct ErrorLine {
    schema: &'static str,
    /// The exit status.
    status: u8,
    /// The stable name of the failure.
    code: &'static str,
    message: String,
    /// The causes, outermost first.
    because: Vec<String>,
    hint: Option<String>,
}

impl Diagnosis {
    /// A failure without cause or hint.
    pub(super) fn of(status: Status, code: &'static str, message: impl Into<String>) -> Diagnosis {
        Diagnosis { status, code, message: message.into(), because: Vec::new(), hint: None }
    }

    /// A failure and the chain of its causes.
    pub(super) fn caused(status: Status, code: &'static str, error: &(dyn StdError + 'static)) -> Diagnosis {
        let mut diagnosis = Diagnosis::of(status, code, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if diagnosis.because.last().unwrap_or(&diagnosis.message) != &text {
                diagnosis.because.push(text);
            }
            cause = error.source();
        }
        diagnosis
    }

    /// Adds a cause that is no error of its own.
    pub(super) fn because(mut self, text: impl Into<String>) -> Diagnosis {
        self.because.push(text.into());
        self
    }

    /// Adds what to do.
    pub(super) fn hint(mut self, advice: impl Into<String>) -> Diagnosis {
        self.hint = Some(Hint { advice: advice.into(), command: None });
        self
    }

    /// Adds what to do and the command that does it; a test hands every such command to the parser.
    pub(super) fn hint_command(mut self, advice: impl Into<String>, command: impl Into<String>) -> Diagnosis {
        self.hint = Some(Hint { advice: advice.into(), command: Some(command.into()) });
        self
    }

    /// Tells it on stderr, as text or as one JSON object.
    pub(super) fn tell(&self, output: &Output) {
        if output.json {
            let line = ErrorLine {
                schema: "mss.error/1",
                status: self.status.code(),
                code: self.code,
                message: self.message.clone(),
                because: self.because.clone(),
                hint: self.hint.as_ref().map(|hint| hint.in_words(output)),
            };
            if let Ok(json) = serde_json::to_string(&line) {
                output.stderr(format_args!("{json}\n"));
            }
            return;
        }
        let (bad, good) = (AnsiColor::Red.on_default().bold(), AnsiColor::Green.on_default().bold());
        output.stderr(format_args!("{bad}error{bad:#}: {}\n", Safe(&self.message)));
        for cause in &self.because {
            output.stderr(format_args!("  because: {}\n", Safe(cause)));
        }
        if let Some(hint) = &self.hint {
            output.stderr(format_args!("{good}hint{good:#}: {}\n", Safe(&hint.advice)));
            if let Some(command) = hint.command_here(output) {
                output.stderr(format_args!("        {}\n", Safe(&command)));
            }
        }
    }

    /// The words were not understood.
    pub(super) fn misunderstood(error: &clap::Error) -> Diagnosis {
        let text = error.render().to_string();
        let mut parts = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        let message = parts.next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
        let diagnosis = Diagnosis::of(Status::Usage, "usage", message);
        match parts.find(|part| part.starts_with("Usage: ")) {
            Some(usage) => diagnosis.hint(usage),
            None => diagnosis.hint_command("see what may be said", "mss --help"),
        }
    }

    /// Neither `$HOME` nor the XDG folders are known.
    pub(super) fn no_home() -> Diagnosis {
        Diagnosis::of(Status::Configuration, "no-home", "there is no place to keep anything")
            .because("neither HOME nor the XDG folders are set")
            .hint("set HOME, or XDG_CONFIG_HOME, XDG_STATE_HOME and XDG_CACHE_HOME")
    }

    /// `MSS_CLOCK` is not a moment.
    pub(super) fn clock(error: jiff::Error) -> Diagnosis {
        Diagnosis::caused(Status::Usage, "clock", &error).hint("MSS_CLOCK is written like 2026-01-05T08:00:00Z")
    }

    /// `--fault` names no fault.
    pub(super) fn fault(text: &str, error: FaultError) -> Diagnosis {
        Diagnosis::of(Status::Usage, "fault", format!("{text} is not a fault"))
            .because(error.to_string())
            .hint_command("see what can go wrong", "mss sandbox --list-faults")
    }

    /// The sandbox did not start.
    pub(super) fn sandbox(error: SandboxError) -> Diagnosis {
        Diagnosis::caused(Status::LocalIo, "sandbox", &error)
    }
}

impl Hint {
    fn in_words(&self, output: &Output) -> String {
        match self.command_here(output) {
            Some(command) => format!("{}: {command}", self.advice),
            None => self.advice.clone(),
        }
    }

    /// The command as it is to be typed now: for the same operator, profile and vault.
    fn command_here(&self, output: &Output) -> Option<String> {
        let words = self.command.as_ref()?;
        Some(words.strip_prefix("mss ").map_or_else(|| words.clone(), |rest| format!("mss {}{rest}", output.context)))
    }
}

/// The answer could not be written.
impl From<io::Error> for Diagnosis {
    fn from(error: io::Error) -> Diagnosis {
        Diagnosis::of(Status::LocalIo, "output", "the answer cannot be written")
            .because(error.to_string())
            .hint("see what stdout is connected to; what was done stays done")
    }
}

impl From<PromptError> for Diagnosis {
    fn from(error: PromptError) -> Diagnosis {
        Diagnosis::caused(Status::Usage, "no-input", &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_outermost_first_and_none_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        let diagnosis = Diagnosis::caused(Status::LocalIo, "x", &Outer(io::Error::other("inner")));
        assert_eq!((diagnosis.message.as_str(), diagnosis.because), ("outer", vec!["inner".to_owned()]));
    }
}
