//! What to do about a token or card that does not do its work.

use super::diagnosis::Diagnosis;
use super::status::Status;
use crate::pki::TokenFailure;
use crate::token::{TokenError, Tries};

/// The status and the stable name of what stands between a profile and its key.
pub(super) fn token(error: &TokenError) -> (Status, &'static str) {
    match error {
        TokenError::Uri(_) => (Status::Configuration, "token-uri"),
        TokenError::NoModule | TokenError::Module { .. } => (Status::Configuration, "token-module"),
        TokenError::NoToken { .. } => (Status::Unavailable, "token-missing"),
        TokenError::SeveralTokens { .. } => (Status::Configuration, "token-ambiguous"),
        TokenError::WrongPin { .. } | TokenError::PinLength | TokenError::LastTry | TokenError::NotReady => {
            (Status::SignIn, "token-pin")
        }
        TokenError::Locked => (Status::SignIn, "token-locked"),
        TokenError::NoKey | TokenError::SeveralKeys { .. } | TokenError::NoCertificate | TokenError::Certificate(_) => {
            (Status::Configuration, "token-key")
        }
        TokenError::Device(_) => (Status::LocalIo, "token"),
    }
}

/// The same of a key that does not do its work.
pub(super) fn token_failure(failure: TokenFailure) -> (Status, &'static str) {
    match failure {
        TokenFailure::Removed => (Status::Unavailable, "token-removed"),
        TokenFailure::Pin => (Status::SignIn, "token-pin"),
        TokenFailure::NotPermitted | TokenFailure::Mechanism | TokenFailure::PinEachUse | TokenFailure::OtherKey => {
            (Status::Configuration, "token-key")
        }
        TokenFailure::Device => (Status::LocalIo, "token"),
    }
}

/// Before the key was used.
pub(super) fn advise_finding(diagnosis: Diagnosis, error: &TokenError) -> Diagnosis {
    match error {
        TokenError::Uri(_) => diagnosis.hint(
            "keys.token is written pkcs11:token=LABEL;id=%01?module-path=/PATH/TO/MODULE.so; a PIN goes into keys.pin or keys.pin-command",
        ),
        TokenError::NoModule => {
            diagnosis.hint("add ?module-path= and the path of the library that came with the card or its reader")
        }
        TokenError::Module { .. } => diagnosis.hint("check the path after module-path=, and that the library is for this machine"),
        TokenError::NoToken { present } if present.is_empty() => {
            diagnosis.because("there is no token in any reader").hint("put the card in, or plug the token in, and run the same command again")
        }
        TokenError::NoToken { present } => diagnosis
            .because(format!("these are there: {}", listed(present)))
            .hint("put the right card in, or name it as it is called after token= in keys.token"),
        TokenError::SeveralTokens { present } => diagnosis
            .because(format!("these are there: {}", listed(present)))
            .hint("name one in keys.token, with token= or serial="),
        TokenError::NotReady => diagnosis.hint("set its PIN with the program that came with it"),
        TokenError::WrongPin { left } => {
            let diagnosis = match left {
                Tries::One => diagnosis.because("it says that one more wrong PIN locks it"),
                Tries::Few => diagnosis.because("it counts wrong PINs, and says that few are left before it locks"),
                Tries::Untold => diagnosis.because("tokens count wrong PINs, and lock after a few"),
            };
            let diagnosis = diagnosis.because("it was tried once, and is not tried again by itself");
            diagnosis.hint("check the PIN, keys.pin or what keys.pin-command prints, before the same command is run again")
        }
        TokenError::PinLength => diagnosis.hint("check keys.pin, or what keys.pin-command prints: it is too short or too long"),
        TokenError::LastTry => diagnosis
            .because("the PIN that is kept was not tried: it may be the one that was wrong")
            .hint("unlock it with the program that came with it, or unset keys.pin and keys.pin-command and type the PIN"),
        TokenError::Locked => diagnosis.hint("unlock it with its PUK and the program that came with it, or ask who issued it"),
        TokenError::NoKey | TokenError::NoCertificate => diagnosis.hint(
            "see what it holds with pkcs11-tool --list-objects --login; give the certificate with --certificate if the token has none",
        ),
        TokenError::SeveralKeys { found } => {
            diagnosis.because(format!("these fit: {}", listed(found))).hint("name one in keys.token, with object= or id=")
        }
        TokenError::Certificate(_) => diagnosis.hint("set keys.certificate to the certificate of the key, in PEM"),
        TokenError::Device(_) => diagnosis.hint("take the card out and put it in again; then run the same command again"),
    }
}

/// While it was to use the key.
pub(super) fn advise_using(diagnosis: Diagnosis, failure: TokenFailure) -> Diagnosis {
    match failure {
        TokenFailure::Removed => {
            diagnosis.hint("put the card back in and run the same command again: nothing half done is left")
        }
        TokenFailure::NotPermitted | TokenFailure::Mechanism => diagnosis.hint(
            "the key needs the right to sign, and to decrypt (RSA) or derive (elliptic curves): another key, or make it anew with that right",
        ),
        TokenFailure::Pin => diagnosis.hint("check keys.pin, or what keys.pin-command prints: the token locks after a few wrong PINs"),
        TokenFailure::PinEachUse => diagnosis.hint("take a key that asks for the PIN once in a session"),
        TokenFailure::OtherKey => diagnosis.hint("name the key of the certificate in keys.token, with object= or id="),
        TokenFailure::Device => diagnosis.hint("take the card out and put it in again; then run the same command again"),
    }
}

/// What a token says of itself, in a bounded line.
fn listed(names: &[String]) -> String {
    let named: Vec<String> = names.iter().take(8).map(|name| name.chars().take(80).collect()).collect();
    named.join(", ")
}
