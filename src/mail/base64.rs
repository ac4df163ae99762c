//! Base64 in lines (RFC 2045, section 6.8), streamed both ways; the only place that knows the base64 crate.

use std::io::{self, BufRead, Read, Write};

use base64_simd::{AsOut, STANDARD, STANDARD_NO_PAD};

use super::transfer::{Strictness, malformed};

/// Octets in a line: 76 characters.
const LINE: usize = 57;
/// Lines encoded in one go.
const LINES: usize = 512;

/// Writes what it is given as CRLF lines of 76 characters; `finish` writes the last line.
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

/// Characters decoded in one go.
const BLOCK: usize = 64 * 1024;

/// Reads the octets behind base64 text. Malformed text is `InvalidData`.
pub struct Base64Reader<R: BufRead> {
    input: R,
    strictness: Strictness,
    digits: Vec<u8>,
    padding: usize,
    ended: bool,
    decoded: Vec<u8>,
    /// What of `decoded` is still to be given.
    ready: std::ops::Range<usize>,
}

impl<R: BufRead> Base64Reader<R> {
    /// Reads text up to the end of the input.
    pub fn new(input: R, strictness: Strictness) -> Base64Reader<R> {
        let digits = Vec::with_capacity(BLOCK + 4);
        let decoded = vec![0; BLOCK + 4];
        Base64Reader { input, strictness, digits, padding: 0, ended: false, decoded, ready: 0..0 }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.ready.is_empty() && !self.ended {
            let block = self.input.fill_buf()?;
            if block.is_empty() {
                self.ended = true;
                self.pad()?;
            } else {
                let taken = block.len().min(BLOCK);
                collect_digits(&block[..taken], self.strictness, &mut self.digits, &mut self.padding)?;
                self.input.consume(taken);
            }
            let whole = self.digits.len() / 4 * 4;
            let (digits, decoded) = (&self.digits[..whole], self.decoded.as_out());
            // Bits left over at the end must be zero where nothing may be guessed.
            let octets = match self.strictness {
                Strictness::Strict => STANDARD.decode(digits, decoded),
                Strictness::Lenient => base64_simd::forgiving_decode(digits, decoded),
            };
            let octets = octets.map_err(|_| malformed("base64"))?.len();
            self.digits.drain(..whole);
            self.ready = 0..octets;
        }
        Ok(())
    }

    /// Completes the last group of four at the end of the input.
    fn pad(&mut self) -> io::Result<()> {
        let left = self.digits.len() % 4;
        let complete = matches!((left, self.padding), (0, 0) | (2, 2) | (3, 1));
        if self.strictness == Strictness::Strict && !complete || left == 1 {
            return Err(malformed("base64"));
        }
        if left > 0 {
            self.digits.resize(self.digits.len() + 4 - left, b'=');
        }
        Ok(())
    }
}

/// Splits after each LF.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', block).map(|at| at + 1).chain([block.len()]);
    ends.map(move |end| &block[std::mem::replace(&mut start, end)..end])
}

fn collect_digits(block: &[u8], strictness: Strictness, digits: &mut Vec<u8>, padding: &mut usize) -> io::Result<()> {
    for line in lines(block) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // A whole line of digits, as almost all are.
        if *padding == 0 && STANDARD_NO_PAD.check(text).is_ok() {
            digits.extend_from_slice(text);
        } else {
            collect_digits_of_line(line, strictness, digits, padding)?;
        }
    }
    Ok(())
}

fn collect_digits_of_line(
    line: &[u8],
    strictness: Strictness,
    digits: &mut Vec<u8>,
    padding: &mut usize,
) -> io::Result<()> {
    for &octet in line {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if *padding == 0 => digits.push(octet),
            // Digits after the end: dropping them would lose content without a word.
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => return Err(malformed("base64")),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'=' => *padding += 1,
            _ if strictness == Strictness::Strict => return Err(malformed("base64")),
            _ => {}
        }
    }
    Ok(())
}

impl<R: BufRead> Read for Base64Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let given = self.ready.len().min(out.len());
        out[..given].copy_from_slice(&self.decoded[self.ready.start..self.ready.start + given]);
        self.ready.start += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{any, proptest};

    fn decoded(strictness: Strictness, input: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Base64Reader::new(io::BufReader::with_capacity(7, input), strictness).read_to_end(&mut out)?;
        Ok(out)
    }

    fn base64(bytes: &[u8]) -> Vec<u8> {
        let mut writer = Base64Writer::new(Vec::new());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn it_is_written_in_lines_of_76() {
        let written = base64(&[0; 60]);
        assert_eq!(written.len(), 76 + 2 + 4 + 2);
        assert_eq!(&written[76..78], b"\r\n");
        assert_eq!(base64(b""), b"");
    }

    #[test]
    fn damaged_text_is_refused_where_nothing_may_be_guessed() {
        for bad in ["QQ=", "Q", "QQ==QQ==", "QQ==!", "QU%JD", "QUJD=", "====", "QR=="] {
            assert!(decoded(Strictness::Strict, bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(decoded(Strictness::Lenient, b"Q*Q").unwrap(), b"A");
        assert!(decoded(Strictness::Lenient, b"QQ==QQ==").is_err(), "nothing is lost silently");
        assert_eq!(decoded(Strictness::Strict, b" QU\r\nI= ").unwrap(), b"AB");
    }

    #[test]
    fn many_blocks_read_back() {
        let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let mut out = Vec::new();
        Base64Reader::new(base64(&bytes).as_slice(), Strictness::Strict).read_to_end(&mut out).unwrap();
        assert_eq!(out, bytes);
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(bytes in any::<Vec<u8>>()) {
            assert_eq!(decoded(Strictness::Strict, &base64(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn arbitrary_octets_are_decoded_without_panic(bytes in any::<Vec<u8>>()) {
            let _ = (decoded(Strictness::Lenient, &bytes), decoded(Strictness::Strict, &bytes));
        }
    }
}
