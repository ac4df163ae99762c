//! Media types (RFC 6838) of the files that travel here, from their first octets and their extension.

/// What is said of a file that is not known.
pub const UNKNOWN: &str = "application/octet-stream";

/// Octets of a file that are enough to know it.
pub const MAGIC_OCTETS: usize = 512;

/// The first octets of files, and what they are.
const MAGIC: [(&[u8], &str); 8] = [
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"<?xml", "text/xml"),
    (b"\xef\xbb\xbf<?xml", "text/xml"),
    (b"II*\0", "image/tiff"),
];

/// Extensions, and what they promise.
const EXTENSIONS: [(&str, &str); 14] = [
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("xml", "text/xml"),
    ("zip", "application/zip"),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("hpr", "text/plain"),
    ("json", "application/json"),
    ("dcm", "application/dicom"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
];

/// The media type of a file; its first octets are believed before its name, and a text must look like one.
pub fn media_type(name: &str, first_octets: &[u8]) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let promised = EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|(_, media_type)| *media_type);
    let found = MAGIC.iter().find(|(magic, _)| first_octets.starts_with(magic)).map(|(_, media_type)| *media_type);
    match (found, promised) {
        // Office documents are ZIP files inside.
        (Some("application/zip"), Some(promised)) if promised.contains("openxmlformats") => promised,
        (Some(found), _) => found,
        (None, Some(promised)) if !has_magic(promised) && (!promised.starts_with("text/") || is_text(first_octets)) => {
            promised
        }
        (None, Some("text/xml")) if is_text(first_octets) => "text/xml",
        _ => UNKNOWN,
    }
}

fn has_magic(media_type: &str) -> bool {
    MAGIC.iter().any(|(_, known)| *known == media_type)
}

fn is_text(octets: &[u8]) -> bool {
    !octets.iter().any(|octet| matches!(octet, 0..=8 | 14..=26 | 28..=31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octets_decide() {
        assert_eq!(media_type("result.pdf", b"%PDF-1.7"), "application/pdf");
        assert_eq!(media_type("result", b"\x89PNG\r\n\x1a\n...."), "image/png");
        assert_eq!(media_type("result.pdf", b"MZ\x90\0"), UNKNOWN, "a program under the name of a document");
        assert_eq!(media_type("IHE_XDM.ZIP", b"PK\x03\x04"), "application/zip");
    }

    #[test]
    fn texts_are_known_by_their_extension() {
        assert_eq!(media_type("a.TXT", "Glycémie à jeun".as_bytes()), "text/plain");
        assert_eq!(media_type("a.txt", b"\0\x01\x02"), UNKNOWN);
        assert_eq!(media_type("a.xml", b"<ClinicalDocument/>"), "text/xml");
        assert_eq!(media_type("a", b"text"), UNKNOWN);
        assert_eq!(media_type("", b""), UNKNOWN);
    }
}
