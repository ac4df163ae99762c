//! Texts as octets: the character sets of readers of old (RFC 2046, section 4.1.2) and the canonical line ends signatures need.

use std::io::{self, BufRead, Read};
use std::panic::catch_unwind;

use mail_parser::decoders::charsets::map::charset_decoder;

/// Reads a text body: character set undone, line ends LF, no NUL. What the set does not know becomes U+FFFD.
pub fn decode_text(charset: Option<&str>, octets: &[u8]) -> String {
    let named = charset.filter(|name| name.len() <= 64).unwrap_or("utf-8");
    // That a decoder of mail-parser panicked once must not end the process.
    let decoded = catch_unwind(|| charset_decoder(named.as_bytes()).map(|decode| decode(octets))).ok().flatten();
    let text = decoded.unwrap_or_else(|| String::from_utf8_lossy(octets).into_owned());
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}")
}

/// Gives every line end as CRLF (RFC 8551, section 3.1.1); a message that was stored with LF verifies only so.
pub struct CanonicalReader<R: BufRead> {
    input: R,
    after_carriage: bool,
    /// A CR was given for a bare LF that is still to be given.
    owed: bool,
}

impl<R: BufRead> CanonicalReader<R> {
    /// Reads the input to its end.
    pub fn new(input: R) -> CanonicalReader<R> {
        CanonicalReader { input, after_carriage: false, owed: false }
    }
}

impl<R: BufRead> Read for CanonicalReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let block = self.input.fill_buf()?;
        if block.is_empty() || out.is_empty() {
            return Ok(0);
        }
        if block[0] == b'\n' && !self.after_carriage && !self.owed {
            out[0] = b'\r';
            self.owed = true;
            return Ok(1);
        }
        // A LF whose CR was given, then everything up to the next LF.
        let next = memchr::memchr(b'\n', &block[1..]).map_or(block.len(), |at| at + 1);
        let given = next.min(out.len());
        out[..given].copy_from_slice(&block[..given]);
        self.after_carriage = block[given - 1] == b'\r';
        self.owed = false;
        self.input.consume(given);
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{any, proptest};

    #[test]
    fn old_character_sets_are_read() {
        assert_eq!(decode_text(Some("ISO-8859-1"), b"r\xe9sultat\r\n"), "résultat\n");
        assert_eq!(decode_text(Some("utf-8"), "é\0".as_bytes()), "é\u{fffd}");
        assert_eq!(decode_text(Some("no such set"), "é".as_bytes()), "é");
        assert_eq!(decode_text(None, b"a\xffb"), "a\u{fffd}b");
    }

    fn canonical(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        CanonicalReader::new(io::BufReader::with_capacity(3, bytes)).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn every_line_end_becomes_crlf() {
        assert_eq!(canonical(b"\na\r\nb\n\nc\r\r\nd\n"), b"\r\na\r\nb\r\n\r\nc\r\r\nd\r\n");
    }

    proptest! {
        #[test]
        fn canonical_text_stays_as_it_is(bytes in any::<Vec<u8>>(), charset in "[a-z0-9-]{0,12}") {
            let once = canonical(&bytes);
            assert_eq!(canonical(&once), once);
            assert_eq!(once.iter().filter(|octet| **octet == b'\n').count(), bytes.iter().filter(|o| **o == b'\n').count());
            decode_text(Some(&charset), &bytes);
        }
    }
}
