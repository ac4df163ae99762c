//! What to do about a failure, and what the server said of it.

use super::diagnosis::Diagnosis;
use super::index_advice::advise_index;
use super::signin_advice::advise_signing_in;
use super::token_advice::{advise_finding, advise_using};
use crate::cms::CmsError;
use crate::commands::Error;
use crate::directory::DirectoryError;
use crate::fs::FsError;
use crate::imap::{self, ImapError};
use crate::inbox::InboxError;
use crate::journal::JournalError;
use crate::mail::ComposeError;
use crate::net::{HttpError, LinkError, Untrusted};
use crate::outbox::OutboxError;
use crate::package::{Format, PackageError};
use crate::pki::{Finding, KeyError};
use crate::secret::PromptError;
use crate::smime::{OpenError, SealError, TransportError};
use crate::smtp::{self, SmtpError};
use crate::space::{CacheError, Refusal};
use crate::trace::TraceError;

/// What to do, where there is something to do.
pub(super) fn advise(diagnosis: Diagnosis, error: &Error) -> Diagnosis {
    let diagnosis = match server_said(error) {
        Some(text) => diagnosis.because(format!("the server said: {text}")),
        None => diagnosis,
    };
    let diagnosis = match advise_signing_in(diagnosis, error) {
        Ok(advised) => return advised,
        Err(diagnosis) => diagnosis,
    };
    match error {
        Error::RecipientSyntax { .. } => diagnosis.hint("write local-part@domain, or the 11 digits of an RPPS number"),
        Error::RecipientUnknown { .. } => diagnosis
            .because("not found does not mean that nobody exists: unlisted mailboxes are in no directory")
            .hint_command("look for the person by name", "mss lookup NAME"),
        Error::RecipientAmbiguous { choices, .. } => {
            let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
            diagnosis.hint(format!("name one of {}", choices.join(", ")))
        }
        Error::HolderInactive { .. } | Error::Refused(Refusal::Inactive(_)) => {
            diagnosis.hint_command("look for another mailbox of the person", "mss lookup NAME")
        }
        Error::Refused(Refusal::NotListed(address)) => diagnosis.hint_command(
            "send it as a password package, which is for people outside the trusted space",
            format!("mss send --package --to {address} --attach FILE"),
        ),
        Error::NoCertificate { address } => diagnosis
            .because("the directory lists this mailbox without a certificate")
            .hint_command(
                "send it as a password package, or ask for a certificate",
                format!("mss send --package --to {address} --attach FILE"),
            ),
        Error::ReaderTooOld { address } => diagnosis
            .because("its own mail, or its certificate, names nothing newer than 3DES")
            .hint(format!("if that program is gone, say what the new one opens: [[reader]] address = \"{address}\", opens = \"gcm\"")),
        Error::ReaderUnknown { address } => diagnosis
            .because("neither the address book, nor mail of theirs, nor the certificate says what it opens, and unknown-reader is refuse")
            .hint(format!("say what it opens: [[reader]] address = \"{address}\", opens = \"gcm\" or \"cbc\"; or set unknown-reader")),
        Error::LeftOutBefore { address } => diagnosis
            .because("they were left out when it was queued, and nothing is sent twice to the others")
            .hint_command("send it to them alone", format!("mss send --to {address} --attach FILE")),
        Error::CertificateRefused { address, findings } => {
            let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let diagnosis = reasons.into_iter().fold(diagnosis, Diagnosis::because);
            if findings.contains(&Finding::RevocationUnknown) {
                diagnosis.hint(
                    "try again when the revocation list that the certificate names can be had, or name another in trust.crl",
                )
            } else {
                diagnosis.hint_command(
                    format!("ask {address} to publish a certificate that is valid, or send it as a password package"),
                    format!("mss send --package --to {address} --attach FILE"),
                )
            }
        }
        Error::Draft(_) => diagnosis.hint("take line breaks and control characters out of the subject and the labels"),
        Error::AttachmentUnreadable { .. } => {
            diagnosis.hint("check the name and who may read it; a relative path begins in the folder where mss was started")
        }
        Error::Attachment { .. } => {
            diagnosis.hint("attach regular files; put a folder into an archive, and what a pipe gives into a file")
        }
        Error::AttachmentEmpty { .. } => diagnosis.hint("an empty file is mostly a mistake: check what wrote it"),
        Error::AttachmentName { .. } => {
            diagnosis.hint("rename it: no control, invisible or direction-changing characters, and valid UTF-8")
        }
        Error::Compose(ComposeError::Changed { .. })
        | Error::Seal(SealError::Compose(ComposeError::Changed { .. }))
        | Error::Package(PackageError::Compose(ComposeError::Changed { .. })) => {
            diagnosis.hint("wait until the program that writes it has finished, then run the same command again")
        }
        Error::Compose(ComposeError::Source { .. })
        | Error::Seal(SealError::Compose(ComposeError::Source { .. }))
        | Error::Package(PackageError::Compose(ComposeError::Source { .. })) => {
            diagnosis.hint("check that the file is still there and can be read, then run the same command again")
        }
        Error::Package(PackageError::TooLarge { format: Format::Page, .. }) => {
            diagnosis.hint("give --package-format zip, which is for what is large")
        }
        Error::Package(PackageError::TooLarge { format: Format::Archive, .. }) => {
            diagnosis.hint("send it in several messages")
        }
        Error::PasswordCommand { .. } => diagnosis
            .because("nothing was queued, and the password opens nothing")
            .hint("run the command by hand with a line on its stdin, and see what it says"),
        Error::Prompt(PromptError::NobodyToShow { .. }) => diagnosis
            .because("nothing was queued")
            .hint("give --password-command COMMAND, which gets the password on its stdin, or run it at a terminal"),
        Error::Seal(SealError::SignerNotFrom(_) | SealError::SignerNotValid) => diagnosis.hint(
            "ask for a certificate for the address of the profile, then set keys.certificate and keys.key",
        ),
        Error::OutputFolder { .. } => {
            diagnosis.hint("make room or choose another folder with --to; the message stays on the server, untouched")
        }
        Error::NoProfile { known, .. } if !known.is_empty() => {
            diagnosis.hint(format!("--profile takes one of {}", known.join(", ")))
        }
        Error::NoProfile { .. } => diagnosis.hint_command("make one", "mss init"),
        Error::NoKeys { .. } => diagnosis.hint("set keys.certificate and keys.key, or choose another profile with --profile"),
        Error::FolderRenewed { .. } => diagnosis
            .because("its UIDVALIDITY changed, or its UIDs begin again: they mean other messages now")
            .hint_command(
                "ask the operator why, then go on: messages are told apart by their content",
                "mss fetch --accept-renewed-folder",
            ),
        Error::Inbox(InboxError::Journal(JournalError::OtherKey))
        | Error::Readers(JournalError::OtherKey)
        | Error::Outbox(OutboxError::Journal(JournalError::OtherKey)) => {
            diagnosis.hint("put back the storage.key it was begun with: what it knows is sealed under that key")
        }
        Error::Inbox(InboxError::Journal(JournalError::Full(_)))
        | Error::Readers(JournalError::Full(_))
        | Error::Outbox(OutboxError::Journal(JournalError::Full(_))) => {
            diagnosis.hint("make room on the disk, then run the same command again: what was written before stands")
        }
        Error::Inbox(InboxError::Journal(JournalError::Newer { .. }))
        | Error::Readers(JournalError::Newer { .. })
        | Error::Outbox(OutboxError::Journal(JournalError::Newer { .. })) => {
            diagnosis.hint("use the version of mss that wrote it, or a later one")
        }
        Error::Inbox(InboxError::Journal(JournalError::Fs(FsError::TooOpen { path, wanted, .. })))
        | Error::Readers(JournalError::Fs(FsError::TooOpen { path, wanted, .. }))
        | Error::Outbox(OutboxError::Journal(JournalError::Fs(FsError::TooOpen { path, wanted, .. })))
        | Error::Fs(FsError::TooOpen { path, wanted, .. }) => {
            diagnosis.hint(format!("chmod {wanted:o} {}", path.display()))
        }
        Error::Outbox(OutboxError::State { .. } | OutboxError::NoSuchMessage { .. }) => {
            diagnosis.hint_command("see the messages and their states", "mss outbox list")
        }
        Error::List(CacheError::Fetch(source)) => match source.downcast_ref::<Error>() {
            Some(inner) => advise(diagnosis, inner),
            None => diagnosis,
        },
        Error::TestAuthority { .. } => diagnosis
            .because("the keys of such authorities are in many hands")
            .hint("take it out of trust.anchors, or set trust.space to test for a profile that only tries"),
        Error::SystemRoots { tried } => {
            let tried: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
            diagnosis
                .because(format!("looked for in {}", tried.join(", ")))
                .hint("install ca-certificates, name the file in SSL_CERT_FILE, or set trust.system-roots to false")
        }
        Error::Proxy(_) => diagnosis.hint("set proxy.url, proxy.user and proxy.password as the proxy takes them"),
        Error::ProxyPasswordCommand { .. } => {
            diagnosis.hint("run the command of proxy.password-command by hand and see what it says")
        }
        Error::Malformed { .. } => diagnosis.hint("write it in one of these forms"),
        Error::Answer { .. } => diagnosis.hint("see what stdout is connected to; what was done stays done"),
        Error::Token { source, .. } => advise_finding(diagnosis, source),
        Error::PinCommand { .. } => diagnosis.hint("run the command of keys.pin-command by hand and see what it says"),
        Error::Open(OpenError::Cms(CmsError::Key(KeyError::Token(failure))))
        | Error::Seal(SealError::Cms(CmsError::Key(KeyError::Token(failure)))) => advise_using(diagnosis, *failure),
        Error::Open(_)
        | Error::Spool { .. }
        | Error::Seal(SealError::Fs(_) | SealError::Cms(CmsError::Io(_)))
        | Error::Package(PackageError::Fs(_) | PackageError::Compose(ComposeError::Output(_)))
        | Error::Transport(TransportError::Fs(_)) => {
            diagnosis.hint("see whether the disk is full or failing; nothing half done is left, run the same command again")
        }
        Error::Smtp(SmtpError { failure: smtp::Failure::SignInRefused(_), .. })
        | Error::Submission(SmtpError { failure: smtp::Failure::SignInRefused(_), .. })
        | Error::Imap(ImapError { failure: imap::Failure::SignInRefused { .. }, .. }) => diagnosis
            .hint("check signin.user, signin.password and signin.totp-seed, and the clock: a one-time code lives half a minute; \
                a server that cannot judge SCRAM for this mailbox takes signin.sasl plain"),
        Error::Smtp(SmtpError { failure: smtp::Failure::Link(link), .. })
        | Error::Submission(SmtpError { failure: smtp::Failure::Link(link), .. })
        | Error::Imap(ImapError { failure: imap::Failure::Link(link), .. })
        | Error::Http(HttpError::Link(link))
        | Error::Directory(DirectoryError::Unreachable(HttpError::Link(link))) => link_advice(diagnosis, link),
        Error::Imap(ImapError { failure: imap::Failure::Refused { .. }, stage: imap::Stage::Select }) => {
            diagnosis.hint("name a folder of the mailbox with --folder; INBOX is always there")
        }
        Error::Imap(ImapError { failure: imap::Failure::Refused { .. }, .. }) => diagnosis.hint(
            "see what the server says; what was stored stays stored, and the next run goes on where this one stopped",
        ),
        Error::Imap(ImapError { failure: imap::Failure::TooLarge { .. }, .. }) => {
            diagnosis.hint_command("look at it with another program; the others come without it", "mss fetch --smaller 2000M")
        }
        Error::Imap(ImapError { failure: imap::Failure::Unavailable { .. } | imap::Failure::Bye { .. }, .. })
        | Error::Directory(DirectoryError::Busy { .. }) => diagnosis.hint("run the same command again in a minute"),
        Error::Directory(DirectoryError::Key { .. }) => diagnosis.hint_command("set the key", "mss config set directory.api-key"),
        Error::Http(HttpError::Elsewhere { .. }) => {
            diagnosis.hint("nobody is followed to another place: name that address itself, if it is the one that is meant")
        }
        Error::HttpStatus { .. } => diagnosis.hint("check the address, and ask whoever runs that server"),
        Error::Index(error) => advise_index(diagnosis, error),
        Error::Trace(TraceError::Damaged { .. }) => {
            diagnosis.hint_command("see what was changed", "mss audit verify")
        }
        _ => diagnosis,
    }
}

/// The words of the server, where the failure is an answer of its own. They come from outside: they are told, not obeyed.
fn server_said(error: &Error) -> Option<String> {
    match error {
        Error::Smtp(SmtpError { failure: smtp::Failure::Link(LinkError::StartTlsRefused { reply, .. }), .. })
        | Error::Submission(SmtpError {
            failure: smtp::Failure::Link(LinkError::StartTlsRefused { reply, .. }), ..
        })
        | Error::Imap(ImapError { failure: imap::Failure::Link(LinkError::StartTlsRefused { reply, .. }), .. }) => {
            Some(reply.clone())
        }
        Error::Smtp(error) | Error::Submission(error) => {
            error.failure.reply().map(|reply| format!("{} {}", reply.code(), reply.text()))
        }
        Error::Imap(error) => error.failure.text().map(str::to_owned),
        Error::OwnCertificateRefused { source } | Error::CodeRefused { source, .. } => server_said(source),
        _ => None,
    }
}

fn untrusted_advice(diagnosis: Diagnosis, why: &Untrusted) -> Diagnosis {
    let diagnosis = diagnosis.because("nothing was sent and nobody signed in");
    match why {
        Untrusted::BadSignature => diagnosis
            .because("somebody else signed it under the name of a trusted authority")
            .hint("somebody may be on the way: try another network and tell the operator"),
        Untrusted::UnknownIssuer => diagnosis.hint("compare trust.anchors with what the operator publishes"),
        Untrusted::Expired => diagnosis.hint("check the date of this machine; if it is right, tell the operator to renew it"),
        Untrusted::NotYetValid => diagnosis.hint("check the date of this machine; if it is right, ask the operator"),
        Untrusted::WrongName { .. } => {
            diagnosis.hint("check the host of the profile: it has to be a name that the operator publishes")
        }
        Untrusted::Revoked | Untrusted::IssuerRevoked { .. } => diagnosis
            .hint("do not go around it: the key may be in other hands; ask the operator, by another way than this server"),
        Untrusted::RevocationUnknown { .. } => diagnosis.hint(
            "try again when the list or the responder can be had, or name a list in trust.crl; whoever can do without sets \
                trust.revocation to if-reachable",
        ),
        Untrusted::WrongUsage | Untrusted::Other(_) => {
            diagnosis.hint("tell the operator: the certificate of this server is not sound")
        }
    }
}

fn link_advice(diagnosis: Diagnosis, link: &LinkError) -> Diagnosis {
    match link {
        LinkError::Untrusted { why, .. } => untrusted_advice(diagnosis, why),
        LinkError::OldTls { .. } => diagnosis
            .because("TLS 1.0 and 1.1 are broken (RFC 8996); nothing was sent and nobody signed in")
            .hint("ask the operator for TLS 1.2 or 1.3: nothing older is spoken here"),
        LinkError::NoCommonSuite { .. } => diagnosis
            .because(
                "only suites with authenticated encryption are used: AES-GCM with ECDHE in TLS 1.2, all of TLS 1.3",
            )
            .hint("ask the operator for TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 or TLS 1.3; nothing was sent"),
        LinkError::ProxySignIn { tried: false, .. } => diagnosis.hint_command(
            "say how to sign in to it: proxy.user, and proxy.password or proxy.password-command",
            "mss config edit",
        ),
        LinkError::ProxySignIn { .. } => diagnosis.hint("check proxy.user and proxy.password"),
        LinkError::ProxyRefused { .. } => diagnosis
            .hint("ask who runs the proxy to let connections to this host and port through, or set proxy.except"),
        LinkError::StartTlsMissing { .. } | LinkError::StartTlsRefused { .. } | LinkError::InjectedPlaintext { .. } => {
            diagnosis.hint(
                "somebody may be on the way: nothing was sent in clear; try another network and tell the operator",
            )
        }
        LinkError::IdentityRefused { .. } => {
            diagnosis.hint("check that the certificate is registered with the operator and has not expired")
        }
        LinkError::Unreachable { .. } | LinkError::Timeout { .. } | LinkError::Broken { .. } => {
            diagnosis.hint("check the network, and the host and port of the profile; then run the same command again")
        }
        _ => diagnosis,
    }
}
