//! ENVELOPE and BODYSTRUCTURE (RFC 9051, section 7.5.2) in the words of the protocol.

use crate::sandbox::mailbox::header::{Header, Listed, addresses};
use crate::sandbox::mailbox::structure::{Content, Part};

/// The longest text that is written between quotes.
const MAX_QUOTED: usize = 1000;

/// Writes a text as a quoted string, or as a literal where quotes cannot hold it.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    let quotable = text.len() <= MAX_QUOTED && text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if quotable {
        out.push(b'"');
        for octet in text.bytes() {
            if octet == b'"' || octet == b'\\' {
                out.push(b'\\');
            }
            out.push(octet);
        }
        out.push(b'"');
    } else {
        let text = text.replace('\0', "");
        out.extend_from_slice(format!("{{{}}}\r\n{text}", text.len()).as_bytes());
    }
}

fn nstring(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

fn parameters(out: &mut Vec<u8>, parameters: &[(String, String)]) {
    if parameters.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    for (at, (name, value)) in parameters.iter().enumerate() {
        out.push(if at == 0 { b'(' } else { b' ' });
        string(out, name);
        out.push(b' ');
        string(out, value);
    }
    out.push(b')');
}

/// Date, subject, from, sender, reply-to, to, cc, bcc, in-reply-to, message-id.
pub(super) fn envelope(out: &mut Vec<u8>, header: &Header) {
    out.push(b'(');
    nstring(out, header.get("date"));
    out.push(b' ');
    nstring(out, header.get("subject"));
    for name in ["from", "sender", "reply-to", "to", "cc", "bcc"] {
        out.push(b' ');
        let mut listed: Vec<Listed> = header.all(name).flat_map(addresses).collect();
        if listed.is_empty() && (name == "sender" || name == "reply-to") {
            listed = header.all("from").flat_map(addresses).collect();
        }
        address_list(out, &listed);
    }
    for name in ["in-reply-to", "message-id"] {
        out.push(b' ');
        nstring(out, header.get(name));
    }
    out.push(b')');
}

fn address_list(out: &mut Vec<u8>, listed: &[Listed]) {
    if listed.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for entry in listed {
        let (label, local, domain) = match entry {
            Listed::Mailbox { label, local, domain } => {
                (label.as_deref(), Some(local.as_str()), Some(domain.as_deref().unwrap_or("")))
            }
            Listed::GroupStart(name) => (None, Some(name.as_str()), None),
            Listed::GroupEnd => (None, None, None),
        };
        out.push(b'(');
        nstring(out, label);
        out.extend_from_slice(b" NIL ");
        nstring(out, local);
        out.push(b' ');
        nstring(out, domain);
        out.push(b')');
    }
    out.push(b')');
}

/// The structure of a part, with or without extension data.
pub(super) fn structure(out: &mut Vec<u8>, part: &Part, extended: bool) {
    describe(out, part, extended, false);
}

fn describe(out: &mut Vec<u8>, part: &Part, extended: bool, in_digest: bool) {
    let kind = part.content_type(in_digest);
    out.push(b'(');
    match &part.content {
        Content::Multipart(parts) => {
            for inner in parts {
                describe(out, inner, extended, kind.is("multipart", "digest"));
            }
            out.push(b' ');
            string(out, &kind.subtype.to_ascii_uppercase());
            if extended {
                out.push(b' ');
                parameters(out, &kind.parameters);
            }
        }
        Content::Leaf | Content::Message(_) => {
            // A multipart without parts is nothing but its octets.
            let opaque = kind.kind.eq_ignore_ascii_case("multipart")
                || (kind.is("message", "rfc822") && matches!(part.content, Content::Leaf));
            let (main, sub) = if opaque { ("APPLICATION", "OCTET-STREAM") } else { (&*kind.kind, &*kind.subtype) };
            string(out, &main.to_ascii_uppercase());
            out.push(b' ');
            string(out, &sub.to_ascii_uppercase());
            out.push(b' ');
            parameters(out, if opaque { &[] } else { &kind.parameters });
            for name in ["content-id", "content-description"] {
                out.push(b' ');
                nstring(out, part.header.get(name));
            }
            out.push(b' ');
            let encoding = part.header.get("content-transfer-encoding").filter(|text| !text.is_empty());
            string(out, &encoding.unwrap_or("7bit").to_ascii_uppercase());
            out.extend_from_slice(format!(" {}", part.body_at.end - part.body_at.start).as_bytes());
            if let Content::Message(message) = &part.content {
                out.push(b' ');
                envelope(out, &message.header);
                out.push(b' ');
                describe(out, message, extended, false);
            }
            if !opaque && (main.eq_ignore_ascii_case("text") || matches!(part.content, Content::Message(_))) {
                out.extend_from_slice(format!(" {}", part.lines).as_bytes());
            }
            if extended {
                out.push(b' ');
                nstring(out, part.header.get("content-md5"));
            }
        }
    }
    if extended {
        extension(out, &part.header);
    }
    out.push(b')');
}

/// Disposition, language and location, which every part may have.
fn extension(out: &mut Vec<u8>, header: &Header) {
    match header.disposition() {
        Some((value, found)) => {
            out.extend_from_slice(b" (");
            string(out, &value.to_ascii_uppercase());
            out.push(b' ');
            parameters(out, &found);
            out.push(b')');
        }
        None => out.extend_from_slice(b" NIL"),
    }
    for name in ["content-language", "content-location"] {
        out.push(b' ');
        nstring(out, header.get(name));
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::describe::{envelope, structure};
    use crate::sandbox::mailbox::structure::Part;

    fn described(message: &str, extended: bool) -> String {
        let mut out = Vec::new();
        structure(&mut out, &Part::scan(message.as_bytes()).unwrap(), extended);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_simple_text_is_described() {
        assert_eq!(
            described("Subject: x\r\n\r\none\r\ntwo\r\n", false),
            "(\"TEXT\" \"PLAIN\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 10 2)"
        );
    }

    #[test]
    fn an_encrypted_message_is_described() {
        let message = "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data\r\n\
            Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=smime.p7m\r\n\r\nAAAA\r\n";
        assert_eq!(
            described(message, true),
            "(\"APPLICATION\" \"PKCS7-MIME\" (\"smime-type\" \"authEnveloped-data\") NIL NIL \"BASE64\" 6 NIL \
             (\"ATTACHMENT\" (\"filename\" \"smime.p7m\")) NIL NIL)"
        );
    }

    #[test]
    fn parts_and_messages_within_are_described() {
        let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
            Subject: in\r\n\r\nbody\r\n\r\n--b--\r\n";
        assert_eq!(
            described(message, false),
            "((\"TEXT\" \"PLAIN\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 1 0)\
             (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 21 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"TEXT\" \"PLAIN\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 6 1) 3) \"MIXED\")"
        );
    }

    #[test]
    fn an_envelope_names_everybody() {
        let message = "From: Zoé <z@x.fr>\r\nTo: team: a@x.fr;\r\nSubject: a \"b\"\r\nMessage-ID: <1@x>\r\n\r\n";
        let mut out = Vec::new();
        envelope(&mut out, &Part::scan(message.as_bytes()).unwrap().header);
        let zoe = "(({4}\r\nZoé NIL \"z\" \"x.fr\"))";
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "(NIL \"a \\\"b\\\"\" {zoe} {zoe} {zoe} ((NIL NIL \"team\" NIL)(NIL NIL \"a\" \"x.fr\")(NIL NIL NIL NIL)) NIL NIL NIL \"<1@x>\")"
            )
        );
    }
}
