//! Enhanced status codes (RFC 3463), such as `5.1.1`.

use std::fmt;
use std::str::FromStr;

/// Class, subject and detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCode {
    class: u8,
    subject: u16,
    detail: u16,
}

/// A text that does not open with a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status code is written class.subject.detail, and its class is 2, 4 or 5")]
pub struct StatusCodeError;

impl StatusCode {
    /// 2 is success, 4 may pass, 5 will not (RFC 3463, section 3.1).
    pub fn class(self) -> u8 {
        self.class
    }
}

impl FromStr for StatusCode {
    type Err = StatusCodeError;

    /// Reads the first word; many writers put a comment behind it.
    fn from_str(text: &str) -> Result<StatusCode, StatusCodeError> {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts =
            text[..end].split('.').map(|part| if part.len() <= 3 { part.parse::<u16>().ok() } else { None });
        match [parts.next(), parts.next(), parts.next(), parts.next()].map(Option::flatten) {
            [Some(class @ (2 | 4 | 5)), Some(subject), Some(detail), None] if text[..end].matches('.').count() == 2 => {
                Ok(StatusCode { class: class as u8, subject, detail })
            }
            _ => Err(StatusCodeError),
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_with_the_comment_behind_it() {
        for (text, code) in [("5.1.1", "5.1.1"), (" 4.4.7 (too old)", "4.4.7"), ("2.0.0;x", "2.0.0")] {
            assert_eq!(text.parse::<StatusCode>().unwrap().to_string(), code);
        }
        for bad in ["", "5", "5.1", "3.1.1", "5.1.1.1", "5.1.", "5..1", "5.1000.1", "x5.1.1", "(5.1.1)"] {
            assert!(bad.parse::<StatusCode>().is_err(), "{bad:?}");
        }
    }
}
