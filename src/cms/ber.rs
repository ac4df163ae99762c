//! BER from a stream (X.690): definite and indefinite lengths, content passed on in pieces, small structures kept whole.

use std::io::{ErrorKind, Read};

use der::asn1::ObjectIdentifier;

use super::{CmsError, tlv};

/// Octets read at a time.
const BUFFER: usize = 64 * 1024;
/// Everything but content that one message may hold: recipients, certificates, signers.
const SMALL: usize = 1 << 20;
/// Structures within structures.
const DEEPEST: usize = 32;
/// OCTET STRINGs within OCTET STRINGs; every writer known makes one level.
const DEEPEST_STRING: usize = 8;

const CUT: CmsError = CmsError::Malformed("the end is missing");

/// An open constructed element: where it ends, if it said so, and where the innermost element that said so ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    end: Option<u64>,
    limit: Option<u64>,
}

impl Frame {
    /// The whole input.
    pub(super) const INPUT: Frame = Frame { end: None, limit: None };
}

struct Header {
    tag: u8,
    length: Option<u64>,
}

/// Takes the pieces of a content.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), CmsError>;

/// The input and how far it was read.
pub(super) struct Source<'a> {
    input: &'a mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    position: u64,
    small_left: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Source<'a> {
        Source { input, buffer: Vec::new(), start: 0, position: 0, small_left: SMALL }
    }

    /// Opens a constructed element, which must have this tag.
    pub(super) fn enter(&mut self, frame: Frame, tag: u8) -> Result<Frame, CmsError> {
        let header = self.header(frame)?;
        if header.tag != tag {
            return Err(CmsError::Malformed("an element is missing or out of place"));
        }
        self.open(frame, &header)
    }

    /// Closes a constructed element; nothing may be left in it.
    pub(super) fn leave(&mut self, frame: Frame) -> Result<(), CmsError> {
        match frame.end {
            Some(end) if end == self.position => Ok(()),
            Some(_) => Err(CmsError::Malformed("something stands after the last element")),
            None => match (self.octet(frame)?, self.octet(frame)?) {
                (0, 0) => Ok(()),
                _ => Err(CmsError::Malformed("something stands after the last element")),
            },
        }
    }

    /// The tag of the next element, or nothing at the end of the open one.
    pub(super) fn peek(&mut self, frame: Frame) -> Result<Option<u8>, CmsError> {
        if frame.limit == Some(self.position) {
            return if frame.end.is_some() { Ok(None) } else { Err(CUT) };
        }
        match self.window()?.first() {
            None => Err(CUT),
            Some(0) if frame.end.is_none() => Ok(None),
            Some(tag) => Ok(Some(*tag)),
        }
    }

    /// Reads one whole element, lengths made definite and strings put together. All of these share one bound.
    pub(super) fn small(&mut self, frame: Frame) -> Result<Vec<u8>, CmsError> {
        self.small_at(frame, 0)
    }

    /// Reads an OBJECT IDENTIFIER.
    pub(super) fn oid(&mut self, frame: Frame) -> Result<ObjectIdentifier, CmsError> {
        let element = self.small(frame)?;
        tlv::Cursor(&element).expect(tlv::OID)?.as_oid()
    }

    /// Passes on the content of an OCTET STRING, or of one under an implicit tag; both forms, any size.
    pub(super) fn octets(&mut self, frame: Frame, tag: u8, sink: Sink<'_>) -> Result<(), CmsError> {
        self.octets_at(frame, tag, 0, sink)
    }

    /// Nothing may follow.
    pub(super) fn finish(&mut self) -> Result<(), CmsError> {
        if self.window()?.is_empty() { Ok(()) } else { Err(CmsError::Malformed("something stands after the end")) }
    }

    fn small_at(&mut self, frame: Frame, depth: usize) -> Result<Vec<u8>, CmsError> {
        if depth > DEEPEST {
            return Err(CmsError::Malformed("structures within structures"));
        }
        let header = self.header(frame)?;
        // Five octets stand for any header, so that many empty elements are bounded too.
        self.spend(5)?;
        if header.tag & 0x20 == 0 {
            let length = self.fitting(frame, header.length.ok_or(CmsError::Malformed("a length"))?)?;
            let length = usize::try_from(length).map_err(|_| CmsError::TooLarge)?;
            self.spend(length)?;
            let mut body = Vec::with_capacity(length);
            self.copy(length as u64, &mut |piece| {
                body.extend_from_slice(piece);
                Ok(())
            })?;
            return Ok(tlv::element(header.tag, &body));
        }
        let inner = self.open(frame, &header)?;
        let mut body = Vec::new();
        while self.peek(inner)?.is_some() {
            let part = self.small_at(inner, depth + 1)?;
            if header.tag == tlv::OCTET_STRING | 0x20 {
                body.extend_from_slice(tlv::Cursor(&part).expect(tlv::OCTET_STRING)?.body);
            } else {
                body.extend_from_slice(&part);
            }
        }
        self.leave(inner)?;
        let string = header.tag == tlv::OCTET_STRING | 0x20;
        Ok(tlv::element(if string { tlv::OCTET_STRING } else { header.tag }, &body))
    }

    fn octets_at(&mut self, frame: Frame, tag: u8, depth: usize, sink: Sink<'_>) -> Result<(), CmsError> {
        if depth > DEEPEST_STRING {
            return Err(CmsError::Malformed("strings within strings"));
        }
        let header = self.header(frame)?;
        if header.tag == tag {
            let length = self.fitting(frame, header.length.ok_or(CmsError::Malformed("a length"))?)?;
            return self.copy(length, sink);
        }
        if header.tag != tag | 0x20 {
            return Err(CmsError::Malformed("an OCTET STRING is missing"));
        }
        let inner = self.open(frame, &header)?;
        while self.peek(inner)?.is_some() {
            self.octets_at(inner, tlv::OCTET_STRING, depth + 1, sink)?;
        }
        self.leave(inner)
    }

    fn header(&mut self, frame: Frame) -> Result<Header, CmsError> {
        let tag = self.octet(frame)?;
        if tag & 0x1f == 0x1f || tag == 0 {
            return Err(CmsError::Malformed("a tag"));
        }
        let length = match self.octet(frame)? {
            short @ 0..=0x7f => Some(u64::from(short)),
            0x80 if tag & 0x20 != 0 => None,
            long @ 0x81..=0x88 => {
                let mut length = 0u64;
                for _ in 0..long & 0x7f {
                    length = length << 8 | u64::from(self.octet(frame)?);
                }
                Some(length)
            }
            _ => return Err(CmsError::Malformed("a length")),
        };
        Ok(Header { tag, length })
    }

    fn open(&self, frame: Frame, header: &Header) -> Result<Frame, CmsError> {
        match header.length {
            None => Ok(Frame { end: None, limit: frame.limit }),
            Some(length) => {
                let end = self.position.checked_add(self.fitting(frame, length)?);
                let end = end.ok_or(CmsError::Malformed("a length"))?;
                Ok(Frame { end: Some(end), limit: Some(end) })
            }
        }
    }

    /// A length that does not reach over the end of the element it stands in.
    fn fitting(&self, frame: Frame, length: u64) -> Result<u64, CmsError> {
        match frame.limit {
            Some(limit) if length > limit - self.position => Err(CmsError::Malformed("a length")),
            _ => Ok(length),
        }
    }

    fn spend(&mut self, octets: usize) -> Result<(), CmsError> {
        self.small_left = self.small_left.checked_sub(octets).ok_or(CmsError::TooLarge)?;
        Ok(())
    }

    fn octet(&mut self, frame: Frame) -> Result<u8, CmsError> {
        if frame.limit == Some(self.position) {
            return Err(CUT);
        }
        let octet = *self.window()?.first().ok_or(CUT)?;
        self.advance(1);
        Ok(octet)
    }

    fn copy(&mut self, length: u64, sink: Sink<'_>) -> Result<(), CmsError> {
        let mut left = length;
        while left > 0 {
            let window = self.window()?;
            if window.is_empty() {
                return Err(CUT);
            }
            let piece = window.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            sink(&window[..piece])?;
            self.advance(piece);
            left -= piece as u64;
        }
        Ok(())
    }

    /// What was read and not yet taken; empty at the end of the input.
    fn window(&mut self) -> Result<&[u8], CmsError> {
        if self.start == self.buffer.len() {
            self.start = 0;
            self.buffer.resize(BUFFER, 0);
            let length = loop {
                match self.input.read(&mut self.buffer) {
                    Ok(length) => break length,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => {
                        self.buffer.clear();
                        return Err(CmsError::Io(error));
                    }
                }
            };
            self.buffer.truncate(length);
        }
        Ok(&self.buffer[self.start..])
    }

    fn advance(&mut self, octets: usize) {
        self.start += octets;
        self.position += octets as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(mut input: &[u8]) -> Result<Vec<u8>, CmsError> {
        let mut source = Source::new(&mut input);
        let element = source.small(Frame::INPUT)?;
        source.finish()?;
        Ok(element)
    }

    fn octets(mut input: &[u8]) -> Result<Vec<u8>, CmsError> {
        let mut content = Vec::new();
        let mut source = Source::new(&mut input);
        source.octets(Frame::INPUT, tlv::OCTET_STRING, &mut |piece| {
            content.extend_from_slice(piece);
            Ok(())
        })?;
        source.finish()?;
        Ok(content)
    }

    #[test]
    fn indefinite_lengths_become_definite() {
        assert_eq!(
            small(&[0x30, 0x80, 2, 1, 5, 0x24, 0x80, 4, 1, 9, 4, 1, 8, 0, 0, 0, 0]).unwrap(),
            [0x30, 7, 2, 1, 5, 4, 2, 9, 8]
        );
        assert_eq!(small(&[0x30, 0x82, 0, 3, 2, 1, 5]).unwrap(), [0x30, 3, 2, 1, 5]);
    }

    #[test]
    fn strings_come_in_both_forms() {
        assert_eq!(octets(&[4, 2, 1, 2]).unwrap(), [1, 2]);
        assert_eq!(octets(&[0x24, 0x80, 4, 1, 1, 4, 0, 4, 1, 2, 0, 0]).unwrap(), [1, 2]);
        assert_eq!(octets(&[0x24, 7, 4, 1, 1, 0x24, 2, 4, 0]).unwrap(), [1]);
    }

    #[test]
    fn what_is_cut_too_long_or_too_deep_is_refused() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x80, 0],
            &[0x30, 3, 2, 1],
            &[0x30, 3, 2, 2, 1, 1],
            &[0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x30, 4, 0x30, 0x80, 0, 0, 0, 0],
            &[0x1f, 0x80, 1, 0],
            &[2, 0x80, 0, 0],
            &[2, 1, 1, 0],
            &[0x30, 0x80, 0, 1],
        ] {
            assert!(small(bad).is_err(), "{bad:?}");
        }
        assert!(small(&[0x30, 0x80].repeat(1000)).is_err());
        assert!(octets(&[0x24, 0x80].repeat(1000)).is_err());
        assert!(octets(&[0x24, 3, 2, 1, 1]).is_err());
        let empty: Vec<u8> = [vec![0x30, 0x80], [5, 0].repeat(SMALL), vec![0, 0]].concat();
        assert!(matches!(small(&empty), Err(CmsError::TooLarge)), "many empty elements");
    }

    #[test]
    fn a_promised_size_reserves_no_memory() {
        assert!(matches!(small(&[4, 0x84, 0x7f, 0xff, 0xff, 0xff]), Err(CmsError::TooLarge)));
        assert!(matches!(octets(&[4, 0x84, 0x7f, 0xff, 0xff, 0xff]), Err(CmsError::Malformed(_))));
    }
}
