//! A part with its transfer encoding taken off, for BINARY (RFC 3516): base64 and quoted-printable, as a stream.

use std::io::{self, BufRead, BufReader, Read};

/// How a part is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// Reads the value of Content-Transfer-Encoding; `None` for one nobody knows.
    pub(super) fn of(value: Option<&str>) -> Option<Encoding> {
        match value.unwrap_or("7bit").trim().to_ascii_lowercase().as_str() {
            "7bit" | "8bit" | "binary" | "" => Some(Encoding::Identity),
            "base64" => Some(Encoding::Base64),
            "quoted-printable" => Some(Encoding::QuotedPrintable),
            _ => None,
        }
    }

    /// Hands the decoded octets to `deed`, piece by piece; gives how many there were. Malformed input is decoded as far
    /// as it can be.
    pub(super) fn decode(self, input: impl Read, mut deed: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
        let mut input = BufReader::with_capacity(64 << 10, input);
        let mut count = 0u64;
        let mut bits = (0u32, 0u32);
        let mut escape = Escape::None;
        let mut out = Vec::with_capacity(64 << 10);
        loop {
            let piece = input.fill_buf()?;
            if piece.is_empty() {
                return Ok(count);
            }
            out.clear();
            for octet in piece {
                match self {
                    Encoding::Identity => out.push(*octet),
                    Encoding::Base64 => out.extend(base64_octet(&mut bits, *octet)),
                    Encoding::QuotedPrintable => escape.take(*octet, &mut out),
                }
            }
            let used = piece.len();
            input.consume(used);
            count += out.len() as u64;
            deed(&out)?;
        }
    }
}

fn base64_octet(bits: &mut (u32, u32), octet: u8) -> Option<u8> {
    let value = match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => {
            *bits = (0, 0);
            return None;
        }
        _ => return None,
    };
    *bits = ((bits.0 << 6 | u32::from(value)) & 0xffff, bits.1 + 6);
    if bits.1 < 8 {
        return None;
    }
    bits.1 -= 8;
    Some(((bits.0 >> bits.1) & 0xff) as u8)
}

/// How far an escape of quoted-printable was read.
enum Escape {
    None,
    Begun,
    Half(u8),
    /// Behind `=` and CR: a soft line end.
    Soft,
}

impl Escape {
    fn take(&mut self, octet: u8, out: &mut Vec<u8>) {
        let digit = |octet: u8| char::from(octet).to_digit(16);
        *self = match (&self, octet) {
            (Escape::None, b'=') => Escape::Begun,
            (Escape::None, _) => {
                out.push(octet);
                Escape::None
            }
            (Escape::Begun, b'\r') => Escape::Soft,
            (Escape::Begun, b'\n') | (Escape::Soft, b'\n') => Escape::None,
            (Escape::Begun, _) if digit(octet).is_some() => Escape::Half(octet),
            (Escape::Half(high), _) => {
                match (digit(*high), digit(octet)) {
                    (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
                    _ => out.extend_from_slice(&[b'=', *high, octet]),
                }
                Escape::None
            }
            (Escape::Begun | Escape::Soft, _) => {
                out.extend_from_slice(&[b'=', octet]);
                Escape::None
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::decode::Encoding;

    fn decoded(encoding: Encoding, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let count = encoding
            .decode(text.as_bytes(), |piece| {
                out.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
        assert_eq!(count, out.len() as u64);
        out
    }

    #[test]
    fn encodings_are_taken_off() {
        assert_eq!(decoded(Encoding::Base64, "w6kgZXQg\r\nw6A=\r\n"), "é et à".as_bytes());
        assert_eq!(decoded(Encoding::QuotedPrintable, "=C3=A9 et=\r\n =zz=3D"), "é et =zz=".as_bytes());
        assert_eq!(decoded(Encoding::Identity, "=C3"), b"=C3");
        assert_eq!(Encoding::of(Some("Base64 ")), Some(Encoding::Base64));
        assert_eq!(Encoding::of(Some("uuencode")), None);
    }
}
