//! How a secret or a decision is asked for, and what happens where nobody can answer.

use super::Secret;

/// Someone who can be asked: a terminal, or nobody.
pub trait Prompt {
    /// Asks for a secret, without echo. `otherwise` names the option or setting that answers it without a prompt.
    fn secret(&self, question: &str, otherwise: &str) -> Result<Secret<String>, PromptError>;

    /// Asks for a line of text; an empty answer takes `default` where there is one.
    fn line(&self, question: &str, default: Option<&str>, otherwise: &str) -> Result<String, PromptError>;

    /// Asks yes or no.
    fn confirm(&self, question: &str, otherwise: &str) -> Result<bool, PromptError>;

    /// Shows a secret, once; `what` says what it is, `remark` what to do with it, `otherwise` names the option that takes it to
    /// its reader without being shown.
    fn show(&self, what: &str, secret: &Secret<String>, remark: &str, otherwise: &str) -> Result<(), PromptError>;

    /// Says what is to be done elsewhere before this can go on; `otherwise` names the command that does it beforehand.
    fn announce(&self, text: &str, otherwise: &str) -> Result<(), PromptError>;
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// `--no-input`, or no terminal to ask on.
    #[error("{question} cannot be asked here; give {otherwise}")]
    NobodyToAsk { question: String, otherwise: String },
    /// `--no-input`, or no terminal to show a secret on.
    #[error("{what} cannot be shown here; give {otherwise}")]
    NobodyToShow { what: String, otherwise: String },
    /// The terminal was closed or cannot be written to.
    #[error("the terminal did not show {what}")]
    NotShown { what: String, source: std::io::Error },
    /// The terminal was closed or the read failed.
    #[error("the terminal gave no answer to: {question}")]
    NoAnswer { question: String, source: std::io::Error },
}

/// Nobody: every question is an error that names what answers it instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPrompt;

impl NoPrompt {
    fn refuse<T>(question: &str, otherwise: &str) -> Result<T, PromptError> {
        Err(PromptError::NobodyToAsk { question: question.to_owned(), otherwise: otherwise.to_owned() })
    }
}

impl Prompt for NoPrompt {
    fn secret(&self, question: &str, otherwise: &str) -> Result<Secret<String>, PromptError> {
        Self::refuse(question, otherwise)
    }

    fn line(&self, question: &str, _default: Option<&str>, otherwise: &str) -> Result<String, PromptError> {
        Self::refuse(question, otherwise)
    }

    fn confirm(&self, question: &str, otherwise: &str) -> Result<bool, PromptError> {
        Self::refuse(question, otherwise)
    }

    fn show(&self, what: &str, _secret: &Secret<String>, _remark: &str, otherwise: &str) -> Result<(), PromptError> {
        Err(PromptError::NobodyToShow { what: what.to_owned(), otherwise: otherwise.to_owned() })
    }

    fn announce(&self, _text: &str, otherwise: &str) -> Result<(), PromptError> {
        Self::refuse("the consent of a person", otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_answers_but_says_what_would() {
        let error = NoPrompt.secret("passphrase of the vault", "--passphrase-file FILE").unwrap_err();
        assert_eq!(error.to_string(), "passphrase of the vault cannot be asked here; give --passphrase-file FILE");
        let secret = Secret::new("12345".to_owned());
        let error = NoPrompt.show("the password", &secret, "", "--password-command COMMAND").unwrap_err();
        assert_eq!(error.to_string(), "the password cannot be shown here; give --password-command COMMAND");
    }
}
