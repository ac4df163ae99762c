//! PEM (RFC 7468), read leniently: text around the blocks and other blocks are passed over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// More blocks than any bundle of trust anchors holds.
const MOST_BLOCKS: usize = 4096;

/// One block: its label and what it encodes, wiped on drop because it may be a key.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Why a text is not PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PemFault {
    /// A block was begun and not ended, or ended under another label.
    Unended,
    /// What stands between the lines is not base64.
    NotBase64,
    /// The block has header lines: a key encrypted the old way (RFC 1421).
    Headers,
    /// More blocks than are read.
    TooMany,
}

/// All blocks of a text, in order.
pub(super) fn blocks(text: &[u8]) -> Result<Vec<Block>, PemFault> {
    let mut found = Vec::new();
    let mut open: Option<(String, Zeroizing<Vec<u8>>)> = None;
    for line in text.split(|octet| *octet == b'\n') {
        let line = line.trim_ascii();
        if let Some(label) = label(line, b"-----BEGIN ") {
            if open.is_some() {
                return Err(PemFault::Unended);
            }
            // Room for the whole at once: a buffer that grows leaves copies of a key behind.
            open = Some((label, Zeroizing::new(Vec::with_capacity(text.len()))));
        } else if let Some(ended) = label(line, b"-----END ") {
            match open.take() {
                Some((label, base64)) if label == ended => found.push(Block { label, der: decode(&base64)? }),
                _ => return Err(PemFault::Unended),
            }
            if found.len() > MOST_BLOCKS {
                return Err(PemFault::TooMany);
            }
        } else if let Some((_, base64)) = &mut open {
            if line.contains(&b':') {
                return Err(PemFault::Headers);
            }
            base64.extend(line.iter().filter(|octet| !octet.is_ascii_whitespace()));
        }
    }
    if open.is_some() { Err(PemFault::Unended) } else { Ok(found) }
}

/// Writes one block in lines of 64 characters.
pub(super) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 40));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Whether a file looks like PEM and not like DER, which begins with a SEQUENCE.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.first() != Some(&0x30)
}

fn label(line: &[u8], start: &[u8]) -> Option<String> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok().map(str::to_owned)
}

fn decode(base64: &[u8]) -> Result<Zeroizing<Vec<u8>>, PemFault> {
    let mut der = Zeroizing::new(vec![0; base64.len() / 4 * 3 + 3]);
    let length = STANDARD.decode_slice(base64, &mut der).map_err(|_| PemFault::NotBase64)?;
    der.truncate(length);
    Ok(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = format!("Bag Attributes\r\n  a: b\n{}junk\n{}", *encode("ONE", &[1; 100]), *encode("TWO", b""));
        let blocks = blocks(text.as_bytes()).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].label.as_str(), blocks[0].der.as_slice()), ("ONE", &[1; 100][..]));
        assert_eq!((blocks[1].label.as_str(), blocks[1].der.as_slice()), ("TWO", &[][..]));
    }

    #[test]
    fn a_damaged_block_is_a_fault_and_not_passed_over() {
        let fault = |text: &str| blocks(text.as_bytes()).err();
        assert_eq!(fault("-----BEGIN A-----\nAAAA\n"), Some(PemFault::Unended));
        assert_eq!(fault("-----BEGIN A-----\nAAAA\n-----END B-----\n"), Some(PemFault::Unended));
        assert_eq!(fault("-----BEGIN A-----\nA*AA\n-----END A-----\n"), Some(PemFault::NotBase64));
        assert_eq!(fault("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n"), Some(PemFault::Headers));
    }
}
