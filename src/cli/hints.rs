//! Every failure, with its exit status and what to do about it: one exhaustive match for each kind.

use std::path::Path;

use super::advice::advise;
use super::diagnosis::Diagnosis;
use super::signin_advice::{sign_in, stopped};
use super::status::Status;
use super::token_advice::{advise_using, token, token_failure};
use crate::cms::CmsError;
use crate::commands::Error;
use crate::directory::DirectoryError;
use crate::fs::FsError;
use crate::imap::{self, ImapError};
use crate::inbox::InboxError;
use crate::journal::JournalError;
use crate::mail::ComposeError;
use crate::manifest::ManifestError;
use crate::net::{HttpError, LinkError, Untrusted};
use crate::outbox::OutboxError;
use crate::package::PackageError;
use crate::pki::{Finding, KeyError};
use crate::secret::PromptError;
use crate::smime::{OpenError, SealError, TransportError};
use crate::smtp::{self, SmtpError};
use crate::space::{CacheError, Refusal};
use crate::trace::TraceError;
use crate::vault::{SettingsError, VaultError};

impl From<Error> for Diagnosis {
    fn from(error: Error) -> Diagnosis {
        Diagnosis::from_ref(&error)
    }
}

impl Diagnosis {
    /// A failure of a story.
    pub(super) fn from_ref(error: &Error) -> Diagnosis {
        let (status, code) = classify(error);
        advise(Diagnosis::caused(status, code, error), error)
    }

    /// A failure that left the message in the queue.
    pub(super) fn queued(error: &Error) -> Diagnosis {
        let mut diagnosis = Diagnosis::from_ref(error);
        if matches!(diagnosis.status, Status::Unavailable) {
            diagnosis.status = Status::TryAgain;
        }
        diagnosis.because.push("the message stays queued".to_owned());
        if diagnosis.hint.is_none() {
            diagnosis = diagnosis.hint_command("run the same command again, or", "mss outbox run");
        }
        diagnosis
    }

    /// Recipients the server refused for good, and what it said of each; `all` if nobody else was served.
    pub(super) fn refused(recipients: &[(&str, &str)], all: bool) -> Diagnosis {
        let status = if all { Status::Untrusted } else { Status::Partial };
        let diagnosis = Diagnosis::answered(status, "refused", "refused", recipients);
        if all {
            diagnosis.hint("see what the server says; the same command run again is a new attempt")
        } else {
            diagnosis
                .hint("see what the server says; the others have the message: send it anew to those who lack it alone")
        }
    }

    /// Recipients the server put off, and what it said of each.
    pub(super) fn deferred(recipients: &[(&str, &str)]) -> Diagnosis {
        Diagnosis::answered(Status::TryAgain, "deferred", "put off", recipients)
            .because("the message stays queued")
            .hint_command("run the same command again in a few minutes, or", "mss outbox run")
    }

    fn answered(status: Status, code: &'static str, deed: &str, recipients: &[(&str, &str)]) -> Diagnosis {
        let message = match recipients {
            [(one, _)] => format!("the server {deed} {one}"),
            many => format!("the server {deed} {} recipients", many.len()),
        };
        let diagnosis = Diagnosis::of(status, code, message);
        recipients.iter().filter(|(_, answer)| !answer.is_empty()).fold(diagnosis, |diagnosis, (one, answer)| {
            diagnosis.because(if recipients.len() == 1 { (*answer).to_owned() } else { format!("{one}: {answer}") })
        })
    }

    /// The line broke between the last octet and the answer.
    pub(super) fn unknown(id: &str) -> Diagnosis {
        Diagnosis::of(Status::Unknown, "unknown", "nobody knows whether the server took the message")
            .because("the line broke after the last octets and before the answer")
            .hint_command(
                "look for it in the mailbox, then settle it; it is never sent again by itself",
                format!("mss outbox resolve {id}"),
            )
    }

    /// Nothing in the mailbox tells what became of a message.
    pub(super) fn no_evidence(id: &str) -> Diagnosis {
        Diagnosis::of(Status::Unknown, "no-evidence", format!("nothing was found of message {id}"))
            .because("neither a notice, nor the folder for sent mail, nor the inbox tells of it")
            .hint_command(
                "ask the recipient, then settle it: --assume delivered, or --assume lost, which queues it again",
                format!("mss outbox resolve {id} --assume lost"),
            )
    }

    /// A message had not got far enough when the time was over.
    pub(super) fn time_over(id: &str) -> Diagnosis {
        Diagnosis::of(Status::TryAgain, "time-over", "the time is over, and it is not there yet")
            .because("what waits stays queued, and what was accepted stays accepted")
            .hint_command("wait on with", format!("mss outbox wait {id}"))
    }

    /// The same for some of many.
    pub(super) fn time_over_for_some() -> Diagnosis {
        Diagnosis::of(Status::TryAgain, "time-over", "the time is over, and not all of them are there yet")
            .because("what waits stays queued, and what was accepted stays accepted")
            .hint("run the same command again: it waits on, and sends nothing twice")
    }

    /// A file with a secret that cannot be read.
    pub(super) fn secret_file(path: &Path, error: FsError) -> Diagnosis {
        let status = match error {
            FsError::TooOpen { .. } => Status::Configuration,
            _ => Status::NoInput,
        };
        let diagnosis = Diagnosis::caused(status, "secret-file", &error);
        match error {
            FsError::TooOpen { wanted, .. } => diagnosis.hint(format!("chmod {wanted:o} {}", path.display())),
            _ => diagnosis,
        }
    }

    /// A service key file that cannot be read.
    pub(super) fn service_key(path: &Path, error: VaultError) -> Diagnosis {
        match error {
            VaultError::Fs(error) => Diagnosis::secret_file(path, error),
            other => Diagnosis::from(other),
        }
    }

    /// A key on a token that does not sign.
    pub(super) fn token_key(error: KeyError) -> Diagnosis {
        let KeyError::Token(failure) = error else { return Diagnosis::caused(Status::Data, "keys", &error) };
        let (status, code) = token_failure(failure);
        advise_using(Diagnosis::caused(status, code, &error), failure)
    }

    /// A file that was named and cannot be read.
    pub(super) fn input_file(path: &Path, error: FsError) -> Diagnosis {
        match error {
            FsError::Io { .. } => Diagnosis::caused(Status::NoInput, "no-input", &error),
            other => Diagnosis::of(Status::NoInput, "no-input", format!("cannot read {}", path.display()))
                .because(other.to_string()),
        }
    }
}

/// The status and the stable name of a failure.
fn classify(error: &Error) -> (Status, &'static str) {
    match error {
        Error::Malformed { .. } => (Status::Usage, "malformed"),
        Error::Interrupted => (Status::Interrupted, "interrupted"),
        Error::Manifest(error) => manifest(error),
        Error::RecipientSyntax { .. } => (Status::Usage, "recipient-syntax"),
        Error::RecipientUnknown { .. } => (Status::Untrusted, "recipient-unknown"),
        Error::RecipientAmbiguous { .. } => (Status::Usage, "recipient-ambiguous"),
        Error::HolderInactive { .. } | Error::Refused(Refusal::Inactive(_)) => {
            (Status::Untrusted, "recipient-inactive")
        }
        Error::Refused(Refusal::NotListed(_)) => (Status::Untrusted, "recipient-not-listed"),
        Error::NoCertificate { .. } => (Status::Untrusted, "recipient-no-certificate"),
        Error::CertificateRefused { findings, .. } => (Status::Untrusted, certificate_code(findings.first())),
        Error::ReaderTooOld { .. } => (Status::Untrusted, "recipient-reader-too-old"),
        Error::ReaderUnknown { .. } => (Status::Untrusted, "recipient-reader-unknown"),
        Error::LeftOutBefore { .. } => (Status::Partial, "recipient-left-out-before"),
        Error::Recipients(_) => (Status::Usage, "recipients"),
        Error::Draft(_) => (Status::Data, "draft"),
        Error::AttachmentUnreadable { .. } => (Status::NoInput, "attachment-unreadable"),
        Error::Attachment { .. } => (Status::NoInput, "attachment"),
        Error::AttachmentEmpty { .. } => (Status::Data, "attachment-empty"),
        Error::AttachmentName { .. } => (Status::Data, "attachment-name"),
        Error::Compose(error) => compose(error),
        Error::Seal(error) => seal(error),
        Error::Transport(error) => transport(error),
        Error::Package(error) => package(error),
        Error::PasswordCommand { .. } => (Status::CannotCreate, "password-command"),
        Error::Open(OpenError::Cms(CmsError::Key(KeyError::Token(failure)))) => token_failure(*failure),
        Error::Open(_) | Error::Spool { .. } => (Status::LocalIo, "spool"),
        Error::Answer { .. } => (Status::LocalIo, "output"),
        Error::Randomness => (Status::LocalIo, "randomness"),
        Error::NoProfile { .. } => (Status::Configuration, "no-profile"),
        Error::NoKeys { .. } => (Status::Configuration, "no-keys"),
        Error::Anchors { .. } => (Status::Configuration, "anchors"),
        Error::Keys { .. } => (Status::Configuration, "keys"),
        Error::Token { source, .. } => token(source),
        Error::PinCommand { .. } => (Status::NoInput, "pin-command"),
        Error::TestAuthority { .. } => (Status::Configuration, "test-authority"),
        Error::SystemRoots { .. } => (Status::Configuration, "system-roots"),
        Error::Proxy(_) => (Status::Configuration, "proxy-settings"),
        Error::ProxyPasswordCommand { .. } => (Status::NoInput, "proxy-password-command"),
        Error::RevocationList { .. } => (Status::Untrusted, "revocation-list"),
        Error::HttpStatus { .. } => (Status::Unavailable, "http-status"),
        Error::FolderRenewed { .. } => (Status::Data, "folder-renewed"),
        Error::OutputFolder { .. } => (Status::CannotCreate, "output-folder"),
        Error::Dialer(_) => (Status::Configuration, "tls"),
        Error::Directory(error) => directory(error),
        Error::Fs(error) => fs(error),
        Error::Http(error) => http(error),
        Error::Imap(error) => mailbox(error),
        Error::Inbox(error) => inbox(error),
        Error::Readers(error) => journal(error, "readers"),
        Error::List(error) => list(error),
        Error::Outbox(error) => outbox(error),
        Error::Prompt(PromptError::NotShown { .. }) => (Status::CannotCreate, "password-not-shown"),
        Error::Prompt(_) => (Status::Usage, "no-input"),
        Error::SignIn(error) => sign_in(error),
        Error::SaslSetting { .. } => (Status::Configuration, "sign-in-settings"),
        Error::NoTokenSource => (Status::Configuration, "no-token-source"),
        Error::TokenNotWanted { .. } => (Status::Usage, "token-not-wanted"),
        Error::OwnCertificateRefused { .. } => (Status::SignIn, "own-certificate-refused"),
        Error::CodeRefused { .. } => (Status::SignIn, "code-refused"),
        Error::Smtp(error) | Error::Submission(error) => submission(error),
        Error::Trace(error) => trace(error),
    }
}

fn certificate_code(finding: Option<&Finding>) -> &'static str {
    match finding {
        Some(Finding::Expired { .. }) => "certificate-expired",
        Some(Finding::Revoked) => "certificate-revoked",
        _ => "certificate-refused",
    }
}

fn compose(error: &ComposeError) -> (Status, &'static str) {
    match error {
        ComposeError::Source { .. } => (Status::NoInput, "attachment-unreadable"),
        ComposeError::Changed { .. } => (Status::NoInput, "attachment-changed"),
        ComposeError::Output(_) => (Status::LocalIo, "spool"),
    }
}

fn seal(error: &SealError) -> (Status, &'static str) {
    match error {
        SealError::Compose(error) => compose(error),
        SealError::SignerNotFrom(_) | SealError::SignerNotValid => (Status::Configuration, "own-certificate"),
        SealError::Cms(CmsError::Key(KeyError::Token(failure))) => token_failure(*failure),
        SealError::Cms(CmsError::Io(_)) => (Status::LocalIo, "spool"),
        SealError::OtherRecipients(_) | SealError::Cms(_) => (Status::Bug, "seal"),
        SealError::TooManyBlind => (Status::Usage, "recipients"),
        SealError::Fs(_) | SealError::Randomness => (Status::LocalIo, "spool"),
    }
}

fn transport(error: &TransportError) -> (Status, &'static str) {
    match error {
        TransportError::NotAdmitted(_) => (Status::Untrusted, "recipient-not-listed"),
        TransportError::Compose(error) => compose(error),
        TransportError::Fs(_) | TransportError::Randomness => (Status::LocalIo, "spool"),
    }
}

fn package(error: &PackageError) -> (Status, &'static str) {
    match error {
        PackageError::TooLarge { .. } => (Status::Data, "package-too-large"),
        PackageError::Compose(error) => compose(error),
        PackageError::Attach(_) | PackageError::Fs(_) | PackageError::Randomness => (Status::LocalIo, "spool"),
    }
}

fn directory(error: &DirectoryError) -> (Status, &'static str) {
    match error {
        DirectoryError::Base => (Status::Configuration, "directory-url"),
        DirectoryError::Nothing => (Status::Usage, "nothing-to-look-for"),
        DirectoryError::Unreachable(error) => http(error),
        DirectoryError::Key { .. } => (Status::SignIn, "directory-key"),
        DirectoryError::Busy { .. } => (Status::TryAgain, "directory-busy"),
        DirectoryError::Refused { .. } => (Status::Data, "directory-refused"),
        DirectoryError::Failing { .. } | DirectoryError::Malformed(_) => (Status::Unavailable, "directory-failing"),
        DirectoryError::ForeignPage => (Status::Untrusted, "directory-foreign-page"),
    }
}

fn fs(error: &FsError) -> (Status, &'static str) {
    match error {
        FsError::TooOpen { .. } => (Status::Configuration, "too-open"),
        FsError::Exists { .. } => (Status::CannotCreate, "exists"),
        FsError::Io { .. } | FsError::TooLarge { .. } => (Status::LocalIo, "local-io"),
    }
}

pub(super) fn http(error: &HttpError) -> (Status, &'static str) {
    match error {
        HttpError::Link(link) => link_code(link),
        HttpError::Address(_) => (Status::Configuration, "address"),
        HttpError::TooLarge { .. } | HttpError::Protocol(_) => (Status::Unavailable, "http"),
        HttpError::Elsewhere { .. } => (Status::Untrusted, "redirect"),
    }
}

fn link_code(link: &LinkError) -> (Status, &'static str) {
    match link {
        LinkError::Unreachable { .. } => (Status::Unavailable, "unreachable"),
        LinkError::Timeout { .. } => (Status::Unavailable, "timeout"),
        LinkError::Broken { .. } => (Status::Unavailable, "broken"),
        LinkError::Untrusted { why, .. } => (Status::Untrusted, untrusted_code(why)),
        LinkError::IdentityRefused { .. } => (Status::SignIn, "own-certificate-refused"),
        LinkError::OldTls { .. } => (Status::Untrusted, "tls-version"),
        LinkError::NoCommonSuite { .. } => (Status::Untrusted, "tls-suites"),
        LinkError::Tls { .. } => (Status::Unavailable, "tls"),
        LinkError::ProxySignIn { .. } => (Status::SignIn, "proxy-sign-in"),
        LinkError::ProxyRefused { .. } => (Status::Unavailable, "proxy"),
        LinkError::StartTlsMissing { .. } | LinkError::StartTlsRefused { .. } => (Status::Untrusted, "no-starttls"),
        LinkError::InjectedPlaintext { .. } => (Status::Untrusted, "injected-plaintext"),
        LinkError::EndlessLine { .. } => (Status::Unavailable, "endless-line"),
    }
}

fn untrusted_code(why: &Untrusted) -> &'static str {
    match why {
        Untrusted::UnknownIssuer | Untrusted::BadSignature => "server-certificate-issuer",
        Untrusted::Expired => "server-certificate-expired",
        Untrusted::NotYetValid => "server-certificate-not-yet-valid",
        Untrusted::WrongName { .. } => "server-certificate-name",
        Untrusted::Revoked => "server-certificate-revoked",
        Untrusted::IssuerRevoked { .. } => "server-issuer-revoked",
        Untrusted::RevocationUnknown { .. } => "server-revocation-unknown",
        Untrusted::WrongUsage | Untrusted::Other(_) => "server-certificate",
    }
}

fn submission(error: &SmtpError) -> (Status, &'static str) {
    use smtp::Failure;
    match &error.failure {
        Failure::Link(link) => link_code(link),
        Failure::Protocol(_) => (Status::Unavailable, "protocol"),
        Failure::MechanismMissing { .. } => (Status::SignIn, "mechanism"),
        Failure::SignInRefused(_) => (Status::SignIn, "sign-in-refused"),
        Failure::TokenRefused { .. } => (Status::SignIn, "token-refused"),
        Failure::Sasl(fault) => stopped(fault),
        // Before there was a message, it was not about the message: the server has no service for us now.
        Failure::Refused(_) if error.stage < smtp::Stage::Mail => (Status::Unavailable, "no-service"),
        Failure::Refused(reply) if reply.code() == 530 => (Status::SignIn, "sign-in-refused"),
        Failure::Refused(_) | Failure::NoRecipient(_) => (Status::Untrusted, "refused"),
        Failure::Deferred(_) => (Status::TryAgain, "deferred"),
        Failure::TooLarge { .. } => (Status::Data, "too-large"),
        Failure::Missing(_) => (Status::Unavailable, "extension"),
        Failure::Argument(_) => (Status::Data, "argument"),
        Failure::Message(_) => (Status::Bug, "message"),
        Failure::Source(_) | Failure::Aborted(_) => (Status::LocalIo, "outbox"),
        Failure::Unknown { .. } => (Status::Unknown, "unknown"),
    }
}

fn mailbox(error: &ImapError) -> (Status, &'static str) {
    use imap::Failure;
    match &error.failure {
        Failure::Link(link) => link_code(link),
        Failure::Protocol(_) => (Status::Unavailable, "protocol"),
        Failure::Bye { .. } => (Status::Unavailable, "mailbox-unavailable"),
        Failure::Unavailable { .. } => (Status::TryAgain, "mailbox-busy"),
        Failure::MechanismMissing { .. } => (Status::SignIn, "mechanism"),
        Failure::SignInRefused { .. } => (Status::SignIn, "sign-in-refused"),
        Failure::TokenRefused { .. } => (Status::SignIn, "token-refused"),
        Failure::Sasl(fault) => stopped(fault),
        Failure::Refused { text } if text.starts_with("[NONEXISTENT]") => (Status::Usage, "folder-unknown"),
        Failure::Refused { .. } => (Status::SignIn, "mailbox-refused"),
        Failure::Missing(_) => (Status::Unavailable, "extension"),
        Failure::Folder => (Status::Usage, "folder"),
        Failure::Gone => (Status::TryAgain, "gone"),
        Failure::TooLarge { .. } => (Status::Data, "too-large"),
        Failure::Output(_) => (Status::LocalIo, "spool"),
    }
}

fn inbox(error: &InboxError) -> (Status, &'static str) {
    match error {
        InboxError::Folder(error) => fs(error),
        InboxError::Journal(error) => journal(error, "inbox"),
        InboxError::Changed
        | InboxError::OtherMessage { .. }
        | InboxError::NotTaken { .. }
        | InboxError::UnknownDeed => (Status::LocalIo, "inbox"),
    }
}

fn list(error: &CacheError) -> (Status, &'static str) {
    match error {
        CacheError::Fetch(source) => match source.downcast_ref::<Error>() {
            Some(error) => (classify(error).0, "white-list-unreachable"),
            None => (Status::Unavailable, "white-list-unreachable"),
        },
        CacheError::List(_) => (Status::Untrusted, "white-list"),
        CacheError::Keep(error) => fs(error),
    }
}

fn manifest(error: &ManifestError) -> (Status, &'static str) {
    match error {
        ManifestError::Unreadable { .. } | ManifestError::NotAFile { .. } => (Status::NoInput, "manifest-unreadable"),
        ManifestError::RowChanged { .. } | ManifestError::LengthChanged { .. } | ManifestError::HeaderChanged => {
            (Status::Data, "manifest-changed")
        }
        ManifestError::Utf16
        | ManifestError::NoHeader
        | ManifestError::JsonArray
        | ManifestError::NoRows
        | ManifestError::TooManyRows => (Status::Data, "manifest"),
    }
}

fn outbox(error: &OutboxError) -> (Status, &'static str) {
    match error {
        OutboxError::NoSuchMessage { .. } => (Status::Finding, "no-such-message"),
        OutboxError::State { .. } => (Status::Usage, "message-state"),
        OutboxError::Fs(error) => fs(error),
        OutboxError::Journal(error) => journal(error, "outbox"),
        OutboxError::Io { .. } | OutboxError::Changed { .. } | OutboxError::Size { .. } => (Status::LocalIo, "outbox"),
        OutboxError::Empty => (Status::Bug, "outbox"),
    }
}

fn journal(error: &JournalError, code: &'static str) -> (Status, &'static str) {
    match error {
        JournalError::Fs(error) => fs(error),
        JournalError::OtherKey => (Status::Configuration, "journal-other-key"),
        JournalError::Newer { .. } => (Status::Configuration, "journal-newer"),
        JournalError::Older { .. } => (Status::Configuration, "journal-older"),
        JournalError::Changed
        | JournalError::Damaged(_)
        | JournalError::Foreign
        | JournalError::NotShared
        | JournalError::Full(_)
        | JournalError::Sql(_) => (Status::LocalIo, code),
    }
}

fn trace(error: &TraceError) -> (Status, &'static str) {
    match error {
        TraceError::Fs(error) => fs(error),
        TraceError::Damaged { .. } => (Status::Finding, "trace-damaged"),
        TraceError::SigningKey => (Status::Configuration, "trace-key"),
        TraceError::Io { .. } | TraceError::TooLarge { .. } => (Status::LocalIo, "trace"),
    }
}

impl From<VaultError> for Diagnosis {
    fn from(error: VaultError) -> Diagnosis {
        let told = |status, code| Diagnosis::caused(status, code, &error);
        match &error {
            VaultError::Missing(_) => told(Status::Configuration, "no-vault")
                .hint_command("make a profile; mss demo and --sandbox need none", "mss init"),
            VaultError::Exists(_) => told(Status::CannotCreate, "vault-exists"),
            VaultError::Fs(FsError::TooOpen { path, wanted, .. }) => {
                told(Status::Configuration, "vault-too-open").hint(format!("chmod {wanted:o} {}", path.display()))
            }
            VaultError::Fs(FsError::Exists { path }) => {
                Diagnosis::of(Status::CannotCreate, "exists", format!("{} is there already", path.display()))
                    .hint("name another file: keys are never replaced")
            }
            VaultError::Fs(FsError::Io { deed, .. }) if *deed != "read" => {
                told(Status::CannotCreate, "vault-unwritable")
            }
            VaultError::Fs(_) => told(Status::Configuration, "vault-unreadable"),
            VaultError::WrongPassphrase => told(Status::SignIn, "wrong-passphrase")
                .hint("check the keyboard layout, or open it with --service-key FILE or --unlock-certificate FILE"),
            VaultError::WrongKey => told(Status::SignIn, "wrong-service-key")
                .hint("a rekey makes the older service keys useless: take the newest one"),
            VaultError::NoSuchWay(_) => told(Status::Configuration, "vault-way")
                .hint("open it as it was sealed: with the passphrase, the service key or the certificate"),
            VaultError::ChangedMeanwhile => told(Status::TryAgain, "vault-changed")
                .because("nothing was written")
                .hint("run the same command again: it begins with the vault as it is now"),
            VaultError::Damaged(_) => told(Status::Configuration, "vault-damaged")
                .hint("put the newest copy of config.p7m from your backup in its place"),
            VaultError::Settings(settings) => {
                let mut diagnosis = told(Status::Configuration, "settings");
                diagnosis.hint = Diagnosis::from(settings.clone()).hint;
                diagnosis
            }
            VaultError::NotAServiceKey => told(Status::Configuration, "service-key").hint(
                "a service key file holds 64 hexadecimal digits; mss config rekey --service-key-out FILE makes one",
            ),
            VaultError::Recovery(_) => told(Status::Data, "recovery-certificate"),
            VaultError::Randomness => told(Status::LocalIo, "randomness"),
        }
    }
}

impl From<SettingsError> for Diagnosis {
    fn from(error: SettingsError) -> Diagnosis {
        let diagnosis = Diagnosis::caused(Status::Configuration, "settings", &error);
        match &error {
            SettingsError::Unknown { meant: Some(meant), .. } => diagnosis.hint(format!("did you mean {meant}?")),
            SettingsError::Unknown { .. } | SettingsError::Missing { .. } => {
                diagnosis.hint_command("every setting is described in", "mss config schema config")
            }
            _ => diagnosis,
        }
    }
}
