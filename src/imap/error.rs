//! What can go wrong in a mailbox session, and how far it had come.

use std::error::Error;
use std::{fmt, io};

use crate::net::{Exchange, LinkError, Refused, SaslFault, bounded};

/// What the session was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Name look-up and TCP.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The first words of the server, and its capabilities.
    Greeting,
    /// The STARTTLS command.
    StartTls,
    /// Sign-in.
    Auth,
    /// LIST.
    List,
    /// SELECT or EXAMINE.
    Select,
    /// UID SEARCH.
    Search,
    /// UID FETCH.
    Fetch,
    /// UID STORE.
    Store,
    /// UID MOVE, or UID COPY and CREATE on its behalf.
    Move,
    /// UID EXPUNGE.
    Expunge,
    /// IDLE, or NOOP in its place.
    Idle,
    /// COMPRESS.
    Compress,
    /// LOGOUT.
    Logout,
}

impl Stage {
    /// One word, for a script to read.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Tls => "tls",
            Stage::Greeting => "greeting",
            Stage::StartTls => "starttls",
            Stage::Auth => "auth",
            Stage::List => "list",
            Stage::Select => "select",
            Stage::Search => "search",
            Stage::Fetch => "fetch",
            Stage::Store => "store",
            Stage::Move => "move",
            Stage::Expunge => "expunge",
            Stage::Idle => "idle",
            Stage::Compress => "compress",
            Stage::Logout => "logout",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A command of a mailbox session that came to nothing.
#[derive(Debug)]
pub struct ImapError {
    /// What the session was doing.
    pub stage: Stage,
    /// What happened there.
    pub failure: Failure,
}

/// What happened. Each `text` was written by the server: bounded, and otherwise as it came.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The connection did not come about, or broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What the server says is not IMAP, or not an answer to what was asked.
    #[error("the server does not speak IMAP: {0}")]
    Protocol(&'static str),
    /// The server ended the session (BYE).
    #[error("the server ended the session")]
    Bye { text: String },
    /// The server has no such SASL mechanism.
    #[error("the server does not offer to sign in by {wanted}")]
    MechanismMissing { wanted: &'static str, offered: String },
    /// The sign-in was refused.
    #[error("the server refused the sign-in")]
    SignInRefused { text: String },
    /// The access token was refused; `status` is made of the server's words.
    #[error("the server refused the access token")]
    TokenRefused { text: String, status: String },
    /// The sign-in was stopped on our side.
    #[error("the sign-in was stopped: {0}")]
    Sasl(SaslFault),
    /// The server cannot do it now (RFC 5530: UNAVAILABLE, INUSE).
    #[error("the server cannot do it now")]
    Unavailable { text: String },
    /// The server refused the command (NO or BAD).
    #[error("the server refused it")]
    Refused { text: String },
    /// The server lacks an extension without which this cannot be done safely.
    #[error("the server lacks the extension {0}")]
    Missing(&'static str),
    /// A name that no folder can have.
    #[error("no folder can have this name")]
    Folder,
    /// No message has this UID any more.
    #[error("the message is no longer there")]
    Gone,
    /// The message is larger than the caller takes.
    #[error("the message has {size} octets, more than {limit}")]
    TooLarge { size: u64, limit: u64 },
    /// What was fetched could not be written.
    #[error("the message could not be written")]
    Output(#[source] io::Error),
}

impl Failure {
    /// A command that was answered with NO or BAD: for now (RFC 5530, section 3), or as such.
    pub(super) fn of(text: &str) -> Failure {
        const FOR_NOW: [&str; 2] = ["[UNAVAILABLE]", "[INUSE]"];
        let text = bounded(text);
        let begins = |code: &&str| text.get(..code.len()).is_some_and(|start| start.eq_ignore_ascii_case(code));
        if FOR_NOW.iter().any(begins) { Failure::Unavailable { text } } else { Failure::Refused { text } }
    }

    /// A sign-in that was answered with NO or BAD. What stopped it on our side, or the server's word about a token, says more.
    pub(super) fn of_sign_in(exchange: Exchange, text: &str) -> Failure {
        let code = "[UNAVAILABLE]";
        let for_now = text.get(..code.len()).is_some_and(|start| start.eq_ignore_ascii_case(code));
        let text = bounded(text);
        match exchange.refused() {
            Refused { fault: Some(fault), .. } if fault.is_distrust() => Failure::Sasl(fault),
            _ if for_now => Failure::Unavailable { text },
            Refused { status: Some(status), .. } => Failure::TokenRefused { text, status },
            _ => Failure::SignInRefused { text },
        }
    }

    /// What the server said, where it said something.
    pub fn text(&self) -> Option<&str> {
        match self {
            Failure::Bye { text }
            | Failure::SignInRefused { text }
            | Failure::TokenRefused { text, .. }
            | Failure::Unavailable { text }
            | Failure::Refused { text } => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for ImapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.failure)
    }
}

impl Error for ImapError {
    /// The failure is in the words above; what is below it is the cause.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.source()
    }
}
