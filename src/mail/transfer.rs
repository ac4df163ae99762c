//! Transfer encodings (RFC 2045, section 6), streamed: base64 in lines of 76, quoted-printable, and octets as they are.

use std::io::{self, BufRead, Write};

use base64_simd::{AsOut, STANDARD};

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
}

/// Octets in a line of base64: 76 characters.
const LINE: usize = 57;
/// Lines encoded in one go.
const LINES: usize = 512;

/// Writes what it is given as base64 in CRLF lines of 76 characters; `finish` writes the last line.
pub struct Base64Writer<W: Write> {
    out: W,
    pending: Vec<u8>,
    encoded: Vec<u8>,
    lines: Vec<u8>,
}

impl<W: Write> Base64Writer<W> {
    /// Starts on a fresh line of the output.
    pub fn new(out: W) -> Base64Writer<W> {
        Base64Writer {
            out,
            pending: Vec::with_capacity(LINE * LINES),
            encoded: vec![0; 76 * LINES],
            lines: Vec::with_capacity(78 * LINES),
        }
    }

    /// Writes what is left, padded, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_pending()?;
        Ok(self.out)
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let encoded = STANDARD.encode(&self.pending, self.encoded.as_out());
        self.lines.clear();
        for line in encoded.chunks(76) {
            self.lines.extend_from_slice(line);
            self.lines.extend_from_slice(b"\r\n");
        }
        self.pending.clear();
        self.out.write_all(&self.lines)
    }
}

impl<W: Write> Write for Base64Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(LINE * LINES - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == LINE * LINES {
            self.write_pending()?;
        }
        Ok(taken)
    }

    /// Whole lines only can be pushed on; the rest waits for `finish`.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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

/// Undoes a transfer encoding; gives the number of octets written. Malformed input is `InvalidData`.
pub fn decode(
    encoding: TransferEncoding,
    strictness: Strictness,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> io::Result<u64> {
    match encoding {
        TransferEncoding::Base64 => decode_base64(strictness, input, out),
        TransferEncoding::QuotedPrintable => decode_quoted_printable(input, out),
        TransferEncoding::Identity | TransferEncoding::Unknown => io::copy(input, out),
    }
}

fn decode_base64(strictness: Strictness, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<u64> {
    let mut digits = Vec::with_capacity(80 * 1024);
    let mut decoded = vec![0; 80 * 1024];
    let mut padding = 0;
    let mut total = 0;
    loop {
        let block = input.fill_buf()?;
        if block.is_empty() {
            break;
        }
        let taken = block.len().min(64 * 1024);
        for &octet in &block[..taken] {
            match octet {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => digits.push(octet),
                // Digits after the end: dropping them would lose content without a word.
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => return Err(malformed("base64")),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'=' => padding += 1,
                _ if strictness == Strictness::Strict => return Err(malformed("base64")),
                _ => {}
            }
        }
        input.consume(taken);
        let whole = digits.len() / 4 * 4;
        total += write_decoded(&digits[..whole], &mut decoded, out)?;
        digits.drain(..whole);
    }
    let complete = matches!((digits.len(), padding), (0, 0) | (2, 2) | (3, 1));
    if strictness == Strictness::Strict && !complete || digits.len() == 1 {
        return Err(malformed("base64"));
    }
    if !digits.is_empty() {
        digits.resize(4, b'=');
        total += write_decoded(&digits, &mut decoded, out)?;
    }
    Ok(total)
}

fn write_decoded(digits: &[u8], scratch: &mut [u8], out: &mut dyn Write) -> io::Result<u64> {
    let decoded = base64_simd::forgiving_decode(digits, scratch.as_out()).map_err(|_| malformed("base64"))?;
    out.write_all(decoded)?;
    Ok(decoded.len() as u64)
}

/// Lines longer than this are decoded in pieces; RFC 2045 allows 76.
const QUOTED_LINE: u64 = 64 * 1024;

fn decode_quoted_printable(input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<u64> {
    let mut line = Vec::new();
    let mut decoded = Vec::new();
    let mut total = 0;
    loop {
        line.clear();
        let read = io::Read::take(&mut *input, QUOTED_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(total);
        }
        decoded.clear();
        decode_quoted_line(&line, &mut decoded);
        out.write_all(&decoded)?;
        total += decoded.len() as u64;
    }
}

fn decode_quoted_line(line: &[u8], out: &mut Vec<u8>) {
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

/// Writes a text with CRLF lines as quoted-printable (RFC 2045, section 6.7), lines of at most 76 characters.
pub fn encode_quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for (index, line) in text.split("\r\n").enumerate() {
        if index > 0 {
            out.push_str("\r\n");
        }
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
    out
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{any, proptest};

    fn decoded(encoding: TransferEncoding, strictness: Strictness, input: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let written = decode(encoding, strictness, &mut io::BufReader::with_capacity(7, input), &mut out)?;
        assert_eq!(written, out.len() as u64);
        Ok(out)
    }

    fn base64(bytes: &[u8]) -> Vec<u8> {
        let mut writer = Base64Writer::new(Vec::new());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn base64_is_written_in_lines_of_76() {
        let written = base64(&[0; 60]);
        assert_eq!(written.len(), 76 + 2 + 4 + 2);
        assert_eq!(&written[76..78], b"\r\n");
        assert_eq!(base64(b""), b"");
    }

    #[test]
    fn damaged_base64_is_refused_where_nothing_may_be_guessed() {
        for bad in ["QQ=", "Q", "QQ==QQ==", "QQ==!", "QU%JD", "QUJD=", "===="] {
            assert!(decoded(TransferEncoding::Base64, Strictness::Strict, bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(decoded(TransferEncoding::Base64, Strictness::Lenient, b"Q*Q").unwrap(), b"A");
        assert!(
            decoded(TransferEncoding::Base64, Strictness::Lenient, b"QQ==QQ==").is_err(),
            "nothing is lost silently"
        );
        assert_eq!(decoded(TransferEncoding::Base64, Strictness::Strict, b" QU\r\nI= ").unwrap(), b"AB");
    }

    #[test]
    fn quoted_printable_is_read_with_its_slips() {
        let read = |text: &str| {
            let mut out = Vec::new();
            decode_quoted_printable(&mut text.as_bytes(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(read("caf=C3=A9 =\r\nnoir \t\nx"), "café noir\r\nx");
        assert_eq!(read("100 =% =4"), "100 =% =4");
    }

    proptest! {
        #[test]
        fn base64_reads_back(bytes in any::<Vec<u8>>()) {
            assert_eq!(decoded(TransferEncoding::Base64, Strictness::Strict, &base64(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn quoted_printable_reads_back(text in any::<String>()) {
            let text = text.replace(['\r', '\n'], "\r\n");
            let written = encode_quoted_printable(&text);
            assert!(written.is_ascii() && written.split("\r\n").all(|line| line.len() <= 76));
            let mut out = Vec::new();
            decode_quoted_printable(&mut io::BufReader::new(written.as_bytes()), &mut out).unwrap();
            assert_eq!(out, text.into_bytes());
        }

        #[test]
        fn arbitrary_octets_are_decoded_without_panic(bytes in any::<Vec<u8>>()) {
            let _ = decoded(TransferEncoding::Base64, Strictness::Lenient, &bytes);
            let _ = decode_quoted_printable(&mut bytes.as_slice(), &mut io::sink());
        }
    }
}
