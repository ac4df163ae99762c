//! Sign-ins that come to nothing: the status of each, its stable name, and what to do about it.

use super::diagnosis::Diagnosis;
use super::hints::http;
use super::status::Status;
use crate::commands::Error;
use crate::imap::{self, ImapError};
use crate::net::SaslFault;
use crate::signin::{KeptError, ProviderError, SignInError};
use crate::smtp::{self, SmtpError};

/// Nothing to sign in with.
pub(super) fn sign_in(error: &SignInError) -> (Status, &'static str) {
    match error {
        SignInError::Prompt(_) => (Status::Usage, "no-input"),
        SignInError::Totp(_) | SignInError::Credential(_) => (Status::Configuration, "sign-in-settings"),
        SignInError::TokenCommand { .. } => (Status::NoInput, "token-command"),
        SignInError::TokenSpent => (Status::SignIn, "token-refused"),
        SignInError::Kept(error) | SignInError::Provider(ProviderError::Kept(error)) => kept(error),
        SignInError::Provider(error) => provider(error),
    }
}

fn kept(error: &KeptError) -> (Status, &'static str) {
    match error {
        KeptError::Changed => (Status::Configuration, "refresh-token"),
        KeptError::Fs(_) | KeptError::Randomness => (Status::LocalIo, "refresh-token"),
    }
}

fn provider(error: &ProviderError) -> (Status, &'static str) {
    match error {
        ProviderError::Http(error) => http(error),
        ProviderError::Status { .. } | ProviderError::Malformed(_) => (Status::Unavailable, "token-provider"),
        ProviderError::Missing(_) => (Status::Configuration, "no-token-source"),
        ProviderError::OtherIssuer { .. } | ProviderError::Clear => (Status::Untrusted, "token-provider-untrusted"),
        ProviderError::Refused { .. } => (Status::SignIn, "token-provider-refused"),
        ProviderError::SignedOut => (Status::SignIn, "signed-out"),
        ProviderError::Denied => (Status::SignIn, "sign-in-declined"),
        ProviderError::Expired => (Status::SignIn, "sign-in-expired"),
        ProviderError::Interrupted => (Status::Interrupted, "interrupted"),
        ProviderError::Prompt(_) => (Status::Usage, "no-input"),
        ProviderError::Kept(error) => kept(error),
        ProviderError::Randomness => (Status::LocalIo, "randomness"),
    }
}

/// A sign-in that was stopped on our side.
pub(super) fn stopped(fault: &SaslFault) -> (Status, &'static str) {
    match fault {
        _ if fault.is_distrust() => (Status::Untrusted, "server-unproven"),
        SaslFault::Unsendable(_) => (Status::Configuration, "sign-in-settings"),
        SaslFault::Randomness => (Status::LocalIo, "randomness"),
        _ => (Status::SignIn, "sign-in-stopped"),
    }
}

/// What to do where a sign-in came to nothing; any other failure is given back.
pub(super) fn advise_signing_in(diagnosis: Diagnosis, error: &Error) -> Result<Diagnosis, Diagnosis> {
    Ok(match error {
        Error::SaslSetting { .. } => diagnosis.hint(
            "signin.sasl auto goes with every method; scram and plain with password, external, plain and none with certificate",
        ),
        Error::NoTokenSource => diagnosis.hint(
            "set signin.token-command, or signin.issuer and signin.client-id, or hand a token over with --token-fd N",
        ),
        Error::TokenNotWanted { .. } => diagnosis.hint("leave --token-fd out, or set signin.method to token"),
        Error::OwnCertificateRefused { .. } => diagnosis.hint(
            "check that the certificate is registered with the operator, has not expired and was not revoked; servers that name \
             people by it want signin.authzid empty, address or a text",
        ),
        Error::CodeRefused { seconds, .. } => {
            let (way, other) = if *seconds > 0 { ("slow", "ahead of") } else { ("fast", "behind") };
            diagnosis
                .because(format!("the clock of the directory is {} seconds {other} this one", seconds.unsigned_abs()))
                .hint(format!("set the clock of this machine, which is {way} or has a wrong time zone: a code lives half a minute"))
        }
        Error::SignIn(error) => advise_source(diagnosis, error),
        Error::Smtp(SmtpError { failure, .. }) | Error::Submission(SmtpError { failure, .. }) => match failure {
            smtp::Failure::MechanismMissing { offered, .. } => advise_missing(diagnosis, offered),
            smtp::Failure::TokenRefused { status, .. } => advise_token(diagnosis, status),
            smtp::Failure::Sasl(fault) => advise_stopped(diagnosis, fault),
            _ => return Err(diagnosis),
        },
        Error::Imap(ImapError { failure, .. }) => match failure {
            imap::Failure::MechanismMissing { offered, .. } => advise_missing(diagnosis, offered),
            imap::Failure::TokenRefused { status, .. } => advise_token(diagnosis, status),
            imap::Failure::Sasl(fault) => advise_stopped(diagnosis, fault),
            _ => return Err(diagnosis),
        },
        _ => return Err(diagnosis),
    })
}

fn advise_missing(diagnosis: Diagnosis, offered: &str) -> Diagnosis {
    let offered = if offered.is_empty() { "nothing to sign in by" } else { offered };
    diagnosis
        .because(format!("it offers {offered}"))
        .hint("set signin.method and signin.sasl to what the operator offers; nothing weaker is taken by itself")
}

fn advise_token(diagnosis: Diagnosis, status: &str) -> Diagnosis {
    diagnosis.because(format!("it says of the token: {status}")).hint_command(
        "see what signin.token-command prints, or what was handed over; with a provider, sign in anew",
        "mss signin start",
    )
}

fn advise_stopped(diagnosis: Diagnosis, fault: &SaslFault) -> Diagnosis {
    match fault {
        _ if fault.is_distrust() => diagnosis
            .hint("this may not be the server that knows the password: nothing else was said to it; tell the operator"),
        SaslFault::More(_) => {
            diagnosis.hint("a one-time code as the answer to a second challenge is signin.placement second-prompt")
        }
        SaslFault::Unsendable(_) | SaslFault::Told(_) => diagnosis.hint("check signin.user and signin.password"),
        _ => diagnosis,
    }
}

fn advise_source(diagnosis: Diagnosis, error: &SignInError) -> Diagnosis {
    match error {
        SignInError::Totp(_) => diagnosis
            .hint("signin.totp-seed is the seed as the operator printed it: at least 26 letters A-Z and digits 2-7"),
        SignInError::TokenCommand { .. } => {
            diagnosis.hint("run the command of signin.token-command by hand and see what it says")
        }
        SignInError::Kept(KeptError::Changed) | SignInError::Provider(ProviderError::Kept(KeptError::Changed)) => {
            diagnosis.hint_command("erase it, then sign in anew", "mss signin logout")
        }
        SignInError::Provider(error) => match error {
            ProviderError::SignedOut | ProviderError::Expired => {
                diagnosis.hint_command("sign in anew", "mss signin start")
            }
            ProviderError::Denied => diagnosis
                .because("nothing was sent and nobody signed in")
                .hint_command("if it was you, sign in anew", "mss signin start"),
            ProviderError::Refused { description: Some(text), .. } => {
                diagnosis.because(text.clone()).hint("check signin.client-id, signin.client-secret and signin.scope")
            }
            ProviderError::Refused { .. } => {
                diagnosis.hint("check signin.client-id, signin.client-secret and signin.scope")
            }
            ProviderError::OtherIssuer { .. } => {
                diagnosis.hint("signin.issuer is the name it calls itself by, to the letter")
            }
            ProviderError::Prompt(_) => diagnosis.hint_command(
                "have somebody consent beforehand, and set signin.keep-refresh-token",
                "mss signin start",
            ),
            ProviderError::Status { .. } | ProviderError::Malformed(_) => {
                diagnosis.hint("try again later; check signin.issuer and the endpoints beside it if it stays so")
            }
            ProviderError::Missing(_) => diagnosis
                .hint("set it, or set signin.issuer to the https address whose own description names everything else"),
            ProviderError::Clear => diagnosis.hint(
                "every address of a provider begins with https://: check signin.start-endpoint, signin.token-endpoint and \
                 signin.revocation-endpoint, or tell the provider",
            ),
            ProviderError::Kept(_) => advise_kept(diagnosis),
            ProviderError::Http(_) | ProviderError::Interrupted | ProviderError::Randomness => diagnosis,
        },
        SignInError::Credential(_) => diagnosis.hint(
            "check signin.user, signin.password and signin.authzid, and that a token is one line of letters, digits and -._~+/=",
        ),
        SignInError::TokenSpent => diagnosis.hint("hand over a newer one with --token-fd N"),
        SignInError::Kept(_) => advise_kept(diagnosis),
        SignInError::Prompt(_) => diagnosis,
    }
}

fn advise_kept(diagnosis: Diagnosis) -> Diagnosis {
    diagnosis.hint("see why that file in the state folder of the profile cannot be used; nobody was signed out")
}
