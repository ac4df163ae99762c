//! Which cryptographic layer an entity is (RFC 8551, sections 3.2 to 3.5), told by its content where that can be seen.

use std::io::{self, Read, Seek};

use crate::mail::{Entity, Strictness};

/// What an entity is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// Nothing: this is the payload.
    None,
    /// Content and detached signature side by side.
    Detached,
    /// SignedData around its content.
    Opaque,
    /// EnvelopedData or AuthEnvelopedData.
    Enveloped,
    /// CompressedData.
    Compressed,
    /// CMS of another kind, or what only says that it is CMS.
    Unknown,
}

/// Octets that show the content type of a CMS structure.
const PEEK: usize = 32;

/// Looks at an entity. `smime-type` is not believed: the content type inside decides.
pub(super) fn wrapping<R: Read + Seek + ?Sized>(entity: &Entity, stream: &mut R) -> io::Result<Wrapping> {
    let kind = entity.media_type();
    let parameter = |name: &str| kind.parameter(name).unwrap_or_default().to_ascii_lowercase();
    match kind.essence() {
        "multipart/signed" => {
            let protocol = parameter("protocol");
            let ours = matches!(protocol.as_str(), "application/pkcs7-signature" | "application/x-pkcs7-signature");
            Ok(if ours { Wrapping::Detached } else { Wrapping::None })
        }
        // Certificates alone wrap nothing.
        "application/pkcs7-mime" | "application/x-pkcs7-mime" if parameter("smime-type") == "certs-only" => {
            Ok(Wrapping::None)
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            Ok(content_type(entity, stream)?.unwrap_or(Wrapping::Unknown))
        }
        // RFC 8551, section 3.10: some gateways know no other type.
        "application/octet-stream" => {
            let name = entity.suggested_name().unwrap_or_default().to_ascii_lowercase();
            let named = name.ends_with(".p7m");
            Ok(if named { content_type(entity, stream)?.unwrap_or(Wrapping::None) } else { Wrapping::None })
        }
        _ => Ok(Wrapping::None),
    }
}

fn content_type<R: Read + Seek + ?Sized>(entity: &Entity, stream: &mut R) -> io::Result<Option<Wrapping>> {
    let mut first = Vec::new();
    match entity.decoded(stream, Strictness::Strict)?.take(PEEK as u64).read_to_end(&mut first) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(content_type_of(&first)),
    }
}

/// Reads ContentInfo (RFC 5652, section 3) as far as its content type.
fn content_type_of(octets: &[u8]) -> Option<Wrapping> {
    let (&[tag, length], rest) = octets.split_first_chunk::<2>()?;
    let length_octets = if length > 0x80 { usize::from(length & 0x7f) } else { 0 };
    let oid = rest.get(length_octets..)?;
    const PKCS7: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    const SMIME: &[u8] = &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01];
    if tag != 0x30 {
        return None;
    }
    if let Some(kind) = oid.strip_prefix(SMIME).and_then(|rest| rest.first()) {
        return match kind {
            0x17 => Some(Wrapping::Enveloped),
            0x09 => Some(Wrapping::Compressed),
            _ => Some(Wrapping::Unknown),
        };
    }
    match oid.strip_prefix(PKCS7).and_then(|rest| rest.first()) {
        Some(2) => Some(Wrapping::Opaque),
        Some(3) => Some(Wrapping::Enveloped),
        Some(_) => Some(Wrapping::Unknown),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Cursor;

    use proptest::prelude::{any, proptest};

    fn wrapping_of(message: &str) -> Wrapping {
        let mut stream = Cursor::new(message);
        let entity = Entity::scan_all(&mut stream).unwrap();
        wrapping(&entity, &mut stream).unwrap()
    }

    #[test]
    fn the_content_decides_and_not_the_label() {
        let p7m = |body: &str| {
            wrapping_of(&format!(
                "Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\n{body}\n"
            ))
        };
        assert_eq!(p7m("MIAGCSqGSIb3DQEHA6CA"), Wrapping::Enveloped);
        assert_eq!(p7m("MIIBsgYJKoZIhvcNAQcCoIIBozCCAZ8CAQEx"), Wrapping::Opaque);
        assert_eq!(p7m("MIAGCyqGSIb3DQEJEAEXoIA="), Wrapping::Enveloped);
        assert_eq!(p7m("MIAGCyqGSIb3DQEJEAEJoIA="), Wrapping::Compressed);
        assert_eq!(p7m("MIAGCSqGSIb3DQEHBqCA"), Wrapping::Unknown);
        assert_eq!(p7m("nothing"), Wrapping::Unknown);
        assert_eq!(p7m(""), Wrapping::Unknown);
    }

    #[test]
    fn other_signatures_and_lone_certificates_wrap_nothing() {
        assert_eq!(
            wrapping_of("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"\n\n"),
            Wrapping::None
        );
        assert_eq!(wrapping_of("Content-Type: application/pkcs7-mime; smime-type=certs-only\n\nMIAG"), Wrapping::None);
        assert_eq!(wrapping_of("Content-Type: application/octet-stream; name=a.p7m\n\nhello"), Wrapping::None);
        assert_eq!(wrapping_of("Subject: plain\n\nhello"), Wrapping::None);
    }

    proptest! {
        #[test]
        fn arbitrary_octets_are_looked_at_without_panic(octets in any::<Vec<u8>>()) {
            content_type_of(&octets);
        }
    }
}
