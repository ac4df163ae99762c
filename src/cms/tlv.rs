//! Small DER structures in memory: written from parts, read element by element (X.690).

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};

use super::CmsError;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Identifier and length octets.
pub(super) fn header(tag: u8, length: usize) -> Vec<u8> {
    let mut octets = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => octets.push(short),
        _ => {
            let long = length.to_be_bytes();
            let significant = &long[long.iter().position(|octet| *octet != 0).unwrap_or(0)..];
            octets.push(0x80 | significant.len() as u8);
            octets.extend_from_slice(significant);
        }
    }
    octets
}

/// One element around a body.
pub(super) fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = header(tag, body.len());
    octets.extend_from_slice(body);
    octets
}

/// A SEQUENCE of elements, or another constructed element.
pub(super) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// A SET OF, its elements in the order of DER (X.690, section 11.6).
pub(super) fn set_of(tag: u8, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    element(tag, &elements.concat())
}

/// An OBJECT IDENTIFIER.
pub(super) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    oid.to_der().expect("an object identifier encodes")
}

/// An AlgorithmIdentifier without parameters.
pub(super) fn algorithm(algorithm: ObjectIdentifier) -> Vec<u8> {
    element(SEQUENCE, &oid(algorithm))
}

/// One element that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tlv<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    /// The whole element, header included.
    pub(super) whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The elements inside.
    pub(super) fn inside(&self) -> Cursor<'a> {
        Cursor(self.body)
    }

    /// The object identifier of an AlgorithmIdentifier without parameters, absent or NULL.
    pub(super) fn as_plain_algorithm(&self) -> Result<ObjectIdentifier, CmsError> {
        let mut parts = self.inside();
        let oid = parts.expect(OID)?.as_oid()?;
        match parts.next()? {
            None | Some(Tlv { tag: 0x05, body: [], .. }) if parts.0.is_empty() && self.tag == SEQUENCE => Ok(oid),
            _ => Err(CmsError::Malformed("the parameters of an algorithm")),
        }
    }

    /// The element as an object identifier.
    pub(super) fn as_oid(&self) -> Result<ObjectIdentifier, CmsError> {
        ObjectIdentifier::from_der(self.whole).map_err(|_| CmsError::Malformed("an object identifier"))
    }
}

/// The elements of a structure, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next element, if there is one. Definite lengths and low tag numbers only.
    pub(super) fn next(&mut self) -> Result<Option<Tlv<'a>>, CmsError> {
        const CUT: CmsError = CmsError::Malformed("an element is cut off");
        if self.0.is_empty() {
            return Ok(None);
        }
        let (&tag, rest) = self.0.split_first().ok_or(CUT)?;
        let (&first, rest) = rest.split_first().ok_or(CUT)?;
        if tag & 0x1f == 0x1f {
            return Err(CmsError::Malformed("a tag number above 30"));
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(CUT)?;
                (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
            }
            _ => return Err(CmsError::Malformed("a length")),
        };
        let (body, after) = rest.split_at_checked(length).ok_or(CUT)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Ok(Some(Tlv { tag, body, whole }))
    }

    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, CmsError> {
        match self.next()? {
            Some(found) if found.tag == tag => Ok(found),
            _ => Err(CmsError::Malformed("an element is missing or out of place")),
        }
    }

    /// The next element, if there is one, which must have this tag.
    pub(super) fn next_tagged(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, CmsError> {
        if self.0.is_empty() { Ok(None) } else { self.expect(tag).map(Some) }
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, CmsError> {
        if self.0.first() == Some(&tag) { self.next() } else { Ok(None) }
    }

    /// The version that structures begin with, which must be one of these.
    pub(super) fn version(&mut self, known: &[u8]) -> Result<(), CmsError> {
        match self.expect(INTEGER)?.body {
            [version] if known.contains(version) => Ok(()),
            _ => Err(CmsError::Malformed("the version")),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), CmsError> {
        if self.0.is_empty() { Ok(()) } else { Err(CmsError::Malformed("something stands after the last element")) }
    }
}
