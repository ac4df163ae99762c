//! Why a story could not be told to its end: the refusals of the stories, and the failures of the rooms below.

use std::path::PathBuf;

use crate::directory::DirectoryError;
use crate::fs::FsError;
use crate::imap::ImapError;
use crate::inbox::InboxError;
use crate::journal::JournalError;
use crate::mail::{Address, AddressError, AttachmentError, ComposeError, DraftError};
use crate::manifest::ManifestError;
use crate::net::{DialerError, HttpError, ProxyError};
use crate::outbox::OutboxError;
use crate::package::PackageError;
use crate::pki::{CertificateError, Finding, IdentityError};
use crate::secret::PromptError;
use crate::signin::SignInError;
use crate::smime::{OpenError, SealError, TransportError};
use crate::smtp::SmtpError;
use crate::space::{CacheError, RecipientError, Refusal};
use crate::token::TokenError;
use crate::trace::TraceError;

/// Why a story could not be told to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{given} is not {what}")]
    Malformed { given: String, what: &'static str },
    #[error("{given} is neither an address nor an RPPS number")]
    RecipientSyntax { given: String, source: AddressError },
    #[error("the directory knows no mailbox for {given}")]
    RecipientUnknown { given: String },
    #[error("{given} has several mailboxes")]
    RecipientAmbiguous { given: String, choices: Vec<Address> },
    #[error("the directory marks {given} as no longer active")]
    HolderInactive { given: String },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no certificate for {address}")]
    NoCertificate { address: Address },
    #[error("no certificate of {address} can be used")]
    CertificateRefused { address: Address, findings: Vec<Finding> },
    #[error("the program of {address} opens nothing that is sound enough to be sent")]
    ReaderTooOld { address: Address },
    #[error("nothing is known of the program of {address}")]
    ReaderUnknown { address: Address },
    #[error("{address} is not among the recipients of the message that was queued before")]
    LeftOutBefore { address: Address },
    #[error(transparent)]
    Recipients(#[from] RecipientError),

    #[error("the message cannot be composed")]
    Draft(#[from] DraftError),
    #[error("cannot read {path}")]
    AttachmentUnreadable { path: PathBuf, source: std::io::Error },
    #[error("cannot attach {path}")]
    Attachment { path: PathBuf, source: AttachmentError },
    #[error("{path} is empty")]
    AttachmentEmpty { path: PathBuf },
    #[error("the name of {path} cannot be sent")]
    AttachmentName { path: PathBuf },
    #[error("the message cannot be sealed")]
    Seal(#[from] SealError),
    #[error("the message cannot be prepared")]
    Transport(#[from] TransportError),
    #[error("the message cannot be put into a package")]
    Package(#[from] PackageError),
    #[error("the password command failed")]
    PasswordCommand { source: std::io::Error },
    #[error("an attachment cannot be read")]
    Compose(#[from] ComposeError),
    #[error("the message cannot be opened")]
    Open(#[source] OpenError),
    #[error("a private file cannot be read or written")]
    Spool { source: std::io::Error },
    #[error("the answer cannot be written")]
    Answer { source: std::io::Error },
    #[error("the system gives no randomness")]
    Randomness,
    #[error("the manifest cannot be sent")]
    Manifest(#[from] ManifestError),
    #[error("it was interrupted")]
    Interrupted,

    #[error("there is no profile {}", name.as_deref().unwrap_or("to work as"))]
    NoProfile { name: Option<String>, known: Vec<String> },
    #[error("profile {profile} has no certificate and key")]
    NoKeys { profile: String },
    #[error("the anchors of profile {profile} cannot be read")]
    Anchors { profile: String, source: CertificateError },
    #[error("the keys of profile {profile} cannot be used")]
    Keys { profile: String, source: IdentityError },
    #[error("the token of profile {profile} cannot be used")]
    Token { profile: String, source: TokenError },
    #[error("the PIN command gave no PIN: {why}")]
    PinCommand { why: String },
    #[error("{name} is an authority for tests, and the profile works in the trusted space")]
    TestAuthority { name: String },
    #[error("the system has no list of authorities where one is looked for")]
    SystemRoots { tried: Vec<PathBuf> },
    #[error("the proxy cannot be used as it is set")]
    Proxy(#[from] ProxyError),
    #[error("the command for the password of the proxy gave none: {why}")]
    ProxyPasswordCommand { why: String },
    #[error("signin.method {method} does not go with signin.sasl {sasl}")]
    SaslSetting { method: &'static str, sasl: &'static str },
    #[error("the profile does not say where access tokens come from")]
    NoTokenSource,
    #[error("an access token was handed over, and signin.method is {method}")]
    TokenNotWanted { method: &'static str },
    #[error("the server did not accept our certificate")]
    OwnCertificateRefused { source: Box<Error> },
    #[error("the one-time code was refused: the clocks differ by {} seconds", .seconds.unsigned_abs())]
    CodeRefused { seconds: i64, source: Box<Error> },
    #[error("the revocation list at {url} is not current or not one")]
    RevocationList { url: String },
    #[error("{url} answered with status {status}")]
    HttpStatus { url: String, status: u16 },
    #[error("the mailbox folder was made anew by the server")]
    FolderRenewed { folder: String },
    #[error("cannot write below {path}")]
    OutputFolder { path: PathBuf, source: FsError },

    #[error(transparent)]
    Dialer(#[from] DialerError),
    #[error("the directory cannot be asked")]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("the request failed")]
    Http(#[from] HttpError),
    #[error("the mailbox cannot be read")]
    Imap(#[from] ImapError),
    #[error("the journal of fetched messages failed")]
    Inbox(#[from] InboxError),
    #[error("the journal of what correspondents' programs open (readers.db) cannot be used")]
    Readers(#[from] JournalError),
    #[error("no white list to admit recipients by")]
    List(#[from] CacheError),
    #[error("the outbox failed")]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("signing in cannot be prepared")]
    SignIn(#[from] SignInError),
    #[error("the message cannot be submitted")]
    Smtp(#[from] SmtpError),
    #[error("the submission server cannot be used")]
    Submission(#[source] SmtpError),
    #[error("the trace failed")]
    Trace(#[from] TraceError),
}

impl Error {
    /// Whether it stands in the way of one recipient only.
    pub fn is_about_a_recipient(&self) -> bool {
        matches!(
            self,
            Error::RecipientSyntax { .. }
                | Error::RecipientUnknown { .. }
                | Error::RecipientAmbiguous { .. }
                | Error::HolderInactive { .. }
                | Error::Refused(_)
                | Error::NoCertificate { .. }
                | Error::CertificateRefused { .. }
                | Error::ReaderTooOld { .. }
                | Error::ReaderUnknown { .. }
        )
    }

    pub(super) fn json(error: serde_json::Error) -> Error {
        Error::Spool { source: error.into() }
    }
}
