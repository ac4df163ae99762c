//! Writes a draft as a MIME entity: 7-bit, CRLF, streamed, the same octets for the same boundary (RFC 2045, 2046).

use std::io::Write;

use super::draft::{Attachment, ComposeError, Draft};
use super::quoted::encode_quoted_printable;
use super::{Base64Writer, Field};

/// Writes the entity: the fields given, its own content fields, its body. `parameters` are added to its Content-Type.
///
/// The boundary is one that the caller drew at random, so that no content can hold it. The last line has no CRLF: what
/// follows, a boundary or the end of the message, begins with one.
pub fn write_entity(
    draft: &Draft,
    header: &[Field],
    parameters: &[(&str, &str)],
    boundary: &str,
    out: &mut dyn Write,
) -> Result<(), ComposeError> {
    for field in header {
        write!(out, "{field}").map_err(ComposeError::Output)?;
    }
    let parts = draft.parts();
    if parts.attachments.is_empty() {
        return write_text(&parts.text, parameters, out).map_err(ComposeError::Output);
    }
    let mut all = vec![("boundary", boundary)];
    all.extend_from_slice(parameters);
    let content_type = Field::parameters("Content-Type", "multipart/mixed", &all);
    write!(out, "{content_type}\r\n").map_err(ComposeError::Output)?;
    if !parts.text.is_empty() {
        write!(out, "--{boundary}\r\n").map_err(ComposeError::Output)?;
        write_text(&parts.text, &[], out).map_err(ComposeError::Output)?;
        out.write_all(b"\r\n").map_err(ComposeError::Output)?;
    }
    for (index, attachment) in parts.attachments.iter().enumerate() {
        write!(out, "--{boundary}\r\n").map_err(ComposeError::Output)?;
        write_attachment(index + 1, attachment, out)?;
    }
    write!(out, "--{boundary}--").map_err(ComposeError::Output)
}

fn write_text(text: &str, parameters: &[(&str, &str)], out: &mut dyn Write) -> std::io::Result<()> {
    let mut all = vec![("charset", "utf-8")];
    all.extend_from_slice(parameters);
    let content_type = Field::parameters("Content-Type", "text/plain", &all);
    if survives_as_it_is(text) {
        write!(out, "{content_type}Content-Transfer-Encoding: 7bit\r\n\r\n{text}")
    } else {
        let encoded = encode_quoted_printable(text);
        write!(out, "{content_type}Content-Transfer-Encoding: quoted-printable\r\n\r\n{encoded}")
    }
}

/// Whether no relay has a reason to touch the text: ASCII, short lines, no blanks at their ends, nothing mbox would mark.
fn survives_as_it_is(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
        && text.split("\r\n").all(|line| {
            line.len() <= 76 && !line.ends_with([' ', '\t']) && !line.starts_with("From ") && !line.starts_with('.')
        })
}

fn write_attachment(number: usize, attachment: &Attachment, out: &mut dyn Write) -> Result<(), ComposeError> {
    let kind = Field::parameters("Content-Type", attachment.media_type(), &[("name", attachment.name())]);
    let disposition = Field::parameters("Content-Disposition", "attachment", &[("filename", attachment.name())]);
    write!(out, "{kind}{disposition}Content-Transfer-Encoding: base64\r\n\r\n").map_err(ComposeError::Output)?;
    let mut encoder = Base64Writer::new(out);
    attachment.copy_to(number, &mut encoder)?;
    let out = encoder.finish().map_err(ComposeError::Output)?;
    if attachment.size() == 0 {
        out.write_all(b"\r\n").map_err(ComposeError::Output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::mail::draft::tests::composition;
    use crate::mail::{Composition, Draft};

    fn written(parts: Composition) -> String {
        let draft = Draft::new(parts).unwrap();
        let mut out = Vec::new();
        write_entity(&draft, &draft.header(), &[("hp", "cipher")], "B", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_alone_is_one_part() {
        let text = written(composition());
        assert!(text.contains("Content-Type: text/plain; charset=utf-8; hp=cipher\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nBonjour,\r\nvoir le r=C3=A9sultat.\r\n"), "{text}");
    }

    #[test]
    fn attachments_follow_the_text() {
        let mut parts = composition();
        parts.attachments.push(Attachment::from_octets("résultat.pdf", b"%PDF-1.7".to_vec()).unwrap());
        parts.attachments.push(Attachment::from_octets("empty.txt", Vec::new()).unwrap());
        let text = written(parts);
        assert!(text.contains("Content-Type: multipart/mixed; boundary=B; hp=cipher\r\n"), "{text}");
        assert!(text.contains("filename*=utf-8''r%C3%A9sultat.pdf"), "{text}");
        assert!(text.contains("\r\n\r\nJVBERi0xLjc=\r\n--B\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n\r\n--B--"), "{text}");
        assert!(text.is_ascii());
        assert!(text.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n'])), "{text}");
    }

    #[test]
    fn fragile_text_is_quoted() {
        for fragile in ["From here", ".", "a ", "é", "\u{7}", &"x".repeat(77)] {
            assert!(!survives_as_it_is(fragile), "{fragile:?}");
        }
        assert!(survives_as_it_is("Hello,\r\n\r\n\tsee the file.\r\n"));
    }
}
