//! Transfer encodings of bodies (RFC 2045, section 6), undone as a stream.

use std::io::{self, BufRead, Read};

use super::base64::Base64Reader;
use super::quoted::QuotedReader;

/// How the octets of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// 7bit, 8bit and binary: nothing to undo.
    Identity,
    QuotedPrintable,
    Base64,
    /// A name that RFC 2045 does not know; the octets are left as they are.
    Unknown,
}

impl TransferEncoding {
    /// Reads the value of Content-Transfer-Encoding; absent means 7bit.
    pub fn from_value(value: Option<&str>) -> TransferEncoding {
        match value.map(|value| value.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "7bit" | "8bit" | "binary") => TransferEncoding::Identity,
            Some("quoted-printable") => TransferEncoding::QuotedPrintable,
            Some("base64") => TransferEncoding::Base64,
            Some(_) => TransferEncoding::Unknown,
        }
    }

    /// The octets behind a body. What cannot be decoded is an `InvalidData` error of the reader.
    pub fn decoded<'a>(self, strictness: Strictness, body: impl BufRead + 'a) -> Box<dyn Read + 'a> {
        match self {
            TransferEncoding::Base64 => Box::new(Base64Reader::new(body, strictness)),
            TransferEncoding::QuotedPrintable => Box::new(QuotedReader::new(body)),
            TransferEncoding::Identity | TransferEncoding::Unknown => Box::new(body),
        }
    }
}

/// What is done with a character that base64 does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// It is skipped, as RFC 2045, section 6.8, tells readers to.
    Lenient,
    /// It is an error: where the octets are a signed or encrypted structure, nothing is guessed.
    Strict,
}

pub(super) fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_undone_whatever_its_letter_case() {
        for (name, text) in [(Some(" BASE64 "), "w6k="), (Some("Quoted-Printable"), "=C3=A9"), (None, "é")] {
            let mut out = String::new();
            let encoding = TransferEncoding::from_value(name);
            encoding.decoded(Strictness::Strict, text.as_bytes()).read_to_string(&mut out).unwrap();
            assert_eq!(out, "é");
        }
        assert_eq!(TransferEncoding::from_value(Some("x-uuencode")), TransferEncoding::Unknown);
    }
}
