//! Quoted-printable (RFC 2045, section 6.7), read as a stream and written for texts.

use std::io::{self, BufRead, Read};

/// Lines longer than this are decoded in pieces; RFC 2045 allows 76.
const MAX_LINE: u64 = 64 * 1024;

/// Reads the octets behind quoted-printable text. Slips of the writer are left as they stand; line ends become CRLF.
pub struct QuotedReader<R: BufRead> {
    input: R,
    line: Vec<u8>,
    decoded: Vec<u8>,
    given: usize,
}

impl<R: BufRead> QuotedReader<R> {
    /// Reads text up to the end of the input.
    pub fn new(input: R) -> QuotedReader<R> {
        QuotedReader { input, line: Vec::new(), decoded: Vec::new(), given: 0 }
    }
}

impl<R: BufRead> Read for QuotedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() {
            self.line.clear();
            if self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(0);
            }
            self.decoded.clear();
            self.given = 0;
            decode_line(&self.line, &mut self.decoded);
        }
        let given = out.len().min(self.decoded.len() - self.given);
        out[..given].copy_from_slice(&self.decoded[self.given..self.given + given]);
        self.given += given;
        Ok(given)
    }
}

fn decode_line(line: &[u8], out: &mut Vec<u8>) {
    let ends = line.ends_with(b"\n");
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    // Blanks at the end of a line were added on the way (RFC 2045, section 6.7, rule 3).
    let text = if ends { text.trim_ascii_end() } else { text };
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        if octet != b'=' {
            out.push(octet);
            continue;
        }
        if after.is_empty() && ends {
            return;
        }
        match (after.first().and_then(hexadecimal), after.get(1).and_then(hexadecimal)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                rest = &after[2..];
            }
            _ => out.push(b'='),
        }
    }
    if ends {
        out.extend_from_slice(b"\r\n");
    }
}

fn hexadecimal(digit: &u8) -> Option<u8> {
    char::from(*digit).to_digit(16).map(|value| value as u8)
}

/// Writes a text with CRLF lines, each of at most 76 characters.
pub fn encode_quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for (index, line) in text.split("\r\n").enumerate() {
        if index > 0 {
            out.push_str("\r\n");
        }
        encode_line(line, &mut out);
    }
    out
}

fn encode_line(line: &str, out: &mut String) {
    let mut width = 0;
    for (at, octet) in line.bytes().enumerate() {
        let last = at + 1 == line.len();
        let blank = matches!(octet, b' ' | b'\t');
        // A "From " or a lone dot at the start of a line is changed by old relays.
        let fragile = at == 0 && matches!(octet, b'F' | b'.');
        let plain = matches!(octet, 33..=60 | 62..=126) && !fragile || blank && !last;
        let wanted = if plain { 1 } else { 3 };
        if width + wanted > if last { 76 } else { 75 } {
            out.push_str("=\r\n");
            width = 0;
        }
        if plain {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("={octet:02X}"));
        }
        width += wanted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{any, proptest};

    fn decoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        QuotedReader::new(text).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn it_is_read_with_its_slips() {
        assert_eq!(decoded(b"caf=C3=A9 =\r\nnoir \t\nx"), "café noir\r\nx".as_bytes());
        assert_eq!(decoded(b"100 =% =4"), b"100 =% =4");
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(text in any::<String>()) {
            let text = text.replace(['\r', '\n'], "\r\n");
            let written = encode_quoted_printable(&text);
            assert!(written.is_ascii() && written.split("\r\n").all(|line| line.len() <= 76));
            assert_eq!(decoded(written.as_bytes()), text.into_bytes());
        }

        #[test]
        fn arbitrary_octets_are_decoded_without_panic(bytes in any::<Vec<u8>>()) {
            decoded(&bytes);
        }
    }
}
