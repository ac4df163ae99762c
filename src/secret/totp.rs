//! Time-based one-time codes (RFC 6238): six digits, SHA-1, a new one every 30 seconds.

use totp_rs::Builder;

use super::Secret;

/// A seed that gives no codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotpError {
    /// The seed has characters outside A-Z and 2-7 (RFC 4648, section 6).
    #[error("the one-time-code seed is not base32")]
    NotBase32,
    /// RFC 4226, section 4, R6: the shared secret has at least 128 bits.
    #[error("the one-time-code seed is shorter than 128 bits")]
    TooShort,
}

/// The shared seed of one mailbox and the codes it gives.
pub struct Totp(totp_rs::Totp);

impl Totp {
    /// Reads the seed as services print it: base32, white space and letter case without meaning.
    pub fn from_base32(seed: &Secret<String>) -> Result<Totp, TotpError> {
        let compact: Secret<String> = Secret::new(
            seed.expose().chars().filter(|c| !c.is_whitespace() && *c != '=').map(|c| c.to_ascii_uppercase()).collect(),
        );
        let bytes = totp_rs::Secret::try_from_base32(compact.expose()).map_err(|_| TotpError::NotBase32)?;
        if bytes.as_bytes().len() < 16 {
            return Err(TotpError::TooShort);
        }
        Builder::new().with_secret(bytes).build().map(Totp).map_err(|_| TotpError::TooShort)
    }

    /// The code at a moment, in seconds since 1970-01-01T00:00:00Z.
    pub fn code(&self, unix_seconds: u64) -> Secret<String> {
        Secret::new(self.0.generate(unix_seconds).to_string())
    }

    /// The step a code belongs to, if it is the one of this moment or of a neighbouring step (RFC 6238, section 5.2).
    pub fn step_of(&self, code: &str, unix_seconds: u64) -> Option<u64> {
        self.0.check(code, unix_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of RFC 6238, appendix B: "12345678901234567890".
    fn rfc6238() -> Totp {
        Totp::from_base32(&Secret::new("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".to_owned())).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (time, last_six) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc6238().code(time).expose(), last_six);
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_neighbours() {
        assert_eq!(rfc6238().step_of("287082", 59 + 30), Some(1));
        assert_eq!(rfc6238().step_of("287082", 59 + 90), None);
        assert_eq!(rfc6238().step_of("", 59), None);
    }

    #[test]
    fn a_short_or_foreign_seed_is_refused() {
        let parse = |seed: &str| Totp::from_base32(&Secret::new(seed.to_owned())).err();
        assert_eq!(parse("GEZDGNBV"), Some(TotpError::TooShort));
        assert_eq!(parse("0189"), Some(TotpError::NotBase32));
    }
}
