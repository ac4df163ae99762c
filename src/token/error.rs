//! What can stand between a profile and the key on its token.

use std::path::PathBuf;

use super::UriError;
use crate::pki::CertificateError;

/// Why a token, or the key on it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The URI is none.
    #[error("the URI of the token cannot be read")]
    Uri(#[from] UriError),
    /// No library to reach tokens with.
    #[error("the URI of the token does not name its PKCS#11 module")]
    NoModule,
    /// The library cannot be loaded or started.
    #[error("the PKCS#11 module {path} cannot be used")]
    Module { path: PathBuf, source: cryptoki::error::Error },
    /// Nothing that fits is in any reader.
    #[error("the token is not there")]
    NoToken { present: Vec<String> },
    /// More than one fits.
    #[error("several tokens fit the URI")]
    SeveralTokens { present: Vec<String> },
    /// It was never set up.
    #[error("the token has no PIN yet")]
    NotReady,
    /// The PIN was refused.
    #[error("the token refused the PIN")]
    WrongPin { left: Tries },
    /// A PIN that no token takes.
    #[error("the PIN has a length that the token does not take")]
    PinLength,
    /// One more wrong PIN would lock it, and nobody is there to type it.
    #[error("one more wrong PIN would lock the token")]
    LastTry,
    /// It takes no PIN any more.
    #[error("the token is locked: too many wrong PINs")]
    Locked,
    /// No private key that fits.
    #[error("the token holds no private key that fits")]
    NoKey,
    /// More than one key fits.
    #[error("several keys on the token fit the URI")]
    SeveralKeys { found: Vec<String> },
    /// Neither the profile nor the token has the certificate.
    #[error("there is no certificate for the key on the token")]
    NoCertificate,
    /// The certificate of the profile cannot be read.
    #[error("the certificate of the key on the token cannot be read")]
    Certificate(#[source] CertificateError),
    /// The reader, the driver or the card failed.
    #[error("the token or its reader failed")]
    Device(#[source] Failed),
}

/// How many wrong PINs a token still takes, as far as it tells: PKCS#11 has two flags for it and no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// It does not tell.
    Untold,
    /// A PIN was wrong since the last that was right.
    Few,
    /// The next wrong one locks it.
    One,
}

/// An answer of the PKCS#11 module, by its name: the descriptions in the standard are long and speak to programmers.
#[derive(Debug, thiserror::Error)]
#[error("the PKCS#11 module answered {0}")]
pub struct Failed(pub(super) String);

impl From<cryptoki::error::Error> for TokenError {
    fn from(error: cryptoki::error::Error) -> TokenError {
        use cryptoki::error::{Error, RvError};
        match error {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid, _) => {
                TokenError::WrongPin { left: Tries::Untold }
            }
            Error::Pkcs11(RvError::PinLenRange, _) => TokenError::PinLength,
            Error::Pkcs11(RvError::PinLocked | RvError::PinExpired, _) => TokenError::Locked,
            Error::Pkcs11(RvError::UserPinNotInitialized, _) => TokenError::NotReady,
            Error::Pkcs11(
                RvError::TokenNotPresent
                | RvError::TokenNotRecognized
                | RvError::DeviceRemoved
                | RvError::SlotIdInvalid,
                _,
            ) => TokenError::NoToken { present: Vec::new() },
            Error::Pkcs11(answer, _) => TokenError::Device(Failed(format!("{answer:?}"))),
            other => TokenError::Device(Failed(other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;
    use cryptoki::error::{Error, RvError};

    use super::*;

    #[test]
    fn a_locked_token_is_told_apart_from_a_wrong_pin_and_from_a_broken_reader() {
        let told = |answer| TokenError::from(Error::Pkcs11(answer, Function::Login));
        assert!(matches!(told(RvError::PinIncorrect), TokenError::WrongPin { left: Tries::Untold }));
        assert!(matches!(told(RvError::PinLocked), TokenError::Locked));
        assert!(matches!(told(RvError::TokenNotPresent), TokenError::NoToken { .. }));
        let broken = told(RvError::DeviceError);
        let cause = std::error::Error::source(&broken).unwrap().to_string();
        assert_eq!(cause, "the PKCS#11 module answered DeviceError");
    }
}
