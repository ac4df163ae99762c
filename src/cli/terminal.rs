//! Questions to the person at the terminal: asked on the terminal itself, never on stdin.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

use zeroize::Zeroizing;

use super::safe::Safe;
use crate::secret::{Prompt, PromptError, Secret};

/// A terminal that can be asked.
pub struct Terminal;

impl Terminal {
    /// The controlling terminal, if there is one.
    pub fn find() -> Option<Terminal> {
        Terminal::open().ok().map(|_| Terminal)
    }

    fn open() -> io::Result<File> {
        OpenOptions::new().read(true).append(true).open("/dev/tty")
    }

    fn ask(question: &str) -> io::Result<String> {
        let mut tty = Terminal::open()?;
        write!(tty, "{question} ")?;
        tty.flush()?;
        let mut answer = String::new();
        if BufReader::new(tty).read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn no_answer(question: &str) -> impl FnOnce(io::Error) -> PromptError + '_ {
    move |source| PromptError::NoAnswer { question: question.to_owned(), source }
}

impl Prompt for Terminal {
    fn secret(&self, question: &str, _otherwise: &str) -> Result<Secret<String>, PromptError> {
        rpassword::prompt_password(format!("{question}: ")).map(Secret::new).map_err(no_answer(question))
    }

    fn line(&self, question: &str, default: Option<&str>, _otherwise: &str) -> Result<String, PromptError> {
        let shown = default.map_or_else(|| format!("{question}:"), |default| format!("{question} [{default}]:"));
        let answer = Terminal::ask(&shown).map_err(no_answer(question))?;
        Ok(if answer.trim().is_empty() { default.unwrap_or_default().to_owned() } else { answer.trim().to_owned() })
    }

    fn confirm(&self, question: &str, _otherwise: &str) -> Result<bool, PromptError> {
        let answer = Terminal::ask(&format!("{question} [y/N]")).map_err(no_answer(question))?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "o" | "oui"))
    }

    fn show(&self, what: &str, secret: &Secret<String>, remark: &str, _otherwise: &str) -> Result<(), PromptError> {
        let text = Zeroizing::new(format!("\n  {what}: {}\n\n{}\n", secret.expose(), Safe(remark)));
        let shown = Terminal::open().and_then(|mut tty| tty.write_all(text.as_bytes()).and_then(|()| tty.flush()));
        shown.map_err(|source| PromptError::NotShown { what: what.to_owned(), source })
    }

    fn announce(&self, text: &str, _otherwise: &str) -> Result<(), PromptError> {
        let shown = Terminal::open().and_then(|mut tty| writeln!(tty, "{}", Safe(text)).and_then(|()| tty.flush()));
        shown.map_err(|source| PromptError::NotShown { what: "how to sign in".to_owned(), source })
    }
}
