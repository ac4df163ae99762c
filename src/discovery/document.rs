//! The autoconfiguration document (config-v1.1.xml, the format of Thunderbird): servers, ports, how TLS starts, who signs in.
//!
//! It comes from a server whose certificate was accepted, and is read as if it came from anybody: elements and text, no
//! declaration of types, no entity of its own, little of everything.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::gate::{Why, judge_name};
use super::offer::{Offer, Origin, Refusal, Service};
use crate::mail::Address;

/// Octets a document may have.
pub(super) const DOCUMENT_LIMIT: u64 = 256 * 1024;
const DEEPEST: usize = 12;
const MOST_SERVERS: usize = 16;
const LONGEST_TEXT: usize = 512;

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not XML in UTF-8, or none that ends.
    #[error("it is not well-formed XML")]
    Xml,
    /// XML that such a document has no need of.
    #[error("it holds {0}")]
    Forbidden(&'static str),
    /// Deeper, longer or more than any honest one.
    #[error("it has too much: {0}")]
    TooMuch(&'static str),
}

/// One server of a document, as it is written there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// `imap`, `pop3`, `smtp`.
    pub protocol: String,
    /// The host.
    pub hostname: String,
    /// The port, in digits.
    pub port: String,
    /// `SSL`, `STARTTLS`, `plain`.
    pub socket_type: String,
    /// The user to sign in as, with placeholders.
    pub username: String,
}

/// Reads the servers of a document, in its order.
pub fn read(octets: &[u8]) -> Result<Vec<Listed>, DocumentError> {
    let text = std::str::from_utf8(octets).map_err(|_| DocumentError::Xml)?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut path: Vec<String> = Vec::new();
    let mut servers: Vec<Listed> = Vec::new();
    loop {
        match reader.read_event().map_err(|_| DocumentError::Xml)? {
            Event::Start(start) => {
                enter(&start, path.len(), &mut servers)?;
                path.push(name_of(&start)?);
            }
            Event::Empty(empty) => enter(&empty, path.len(), &mut servers)?,
            Event::End(_) => {
                path.pop();
            }
            Event::Text(text) => take(&path, &mut servers, &text)?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(|_| DocumentError::Xml)? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or(DocumentError::Forbidden("an entity of its own"))?
                        .to_owned(),
                };
                take(&path, &mut servers, &character)?;
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) => return Err(DocumentError::Forbidden("a declaration of types")),
            Event::PI(_) | Event::CData(_) => return Err(DocumentError::Forbidden("more than elements and text")),
            Event::Eof if path.is_empty() => return Ok(servers),
            Event::Eof => return Err(DocumentError::Xml),
        }
    }
}

fn name_of(start: &BytesStart<'_>) -> Result<String, DocumentError> {
    let name = start.name().as_ref().to_owned();
    if name.len() > 100 { Err(DocumentError::TooMuch("the name of an element")) } else { Ok(name) }
}

/// Begins a server where `incomingServer` or `outgoingServer` begins.
fn enter(start: &BytesStart<'_>, depth: usize, servers: &mut Vec<Listed>) -> Result<(), DocumentError> {
    if depth >= DEEPEST {
        return Err(DocumentError::TooMuch("depth"));
    }
    if matches!(name_of(start)?.as_str(), "incomingServer" | "outgoingServer") {
        if servers.len() >= MOST_SERVERS {
            return Err(DocumentError::TooMuch("servers"));
        }
        let attribute = start.try_get_attribute("type").map_err(|_| DocumentError::Xml)?;
        let protocol = attribute.map(|it| it.value.to_lowercase()).unwrap_or_default();
        if protocol.len() > LONGEST_TEXT {
            return Err(DocumentError::TooMuch("text"));
        }
        servers.push(Listed { protocol, ..Listed::default() });
    }
    Ok(())
}

fn take(path: &[String], servers: &mut [Listed], text: &str) -> Result<(), DocumentError> {
    let [.., server, field] = path else { return Ok(()) };
    let (true, Some(listed)) = (matches!(server.as_str(), "incomingServer" | "outgoingServer"), servers.last_mut())
    else {
        return Ok(());
    };
    let target = match field.as_str() {
        "hostname" => &mut listed.hostname,
        "port" => &mut listed.port,
        "socketType" => &mut listed.socket_type,
        "username" => &mut listed.username,
        _ => return Ok(()),
    };
    target.push_str(text);
    if target.len() > LONGEST_TEXT { Err(DocumentError::TooMuch("text")) } else { Ok(()) }
}

/// What a document offers for an address, and what of it is refused.
pub(super) fn sort(url: &str, servers: Vec<Listed>, address: &Address, private: bool) -> (Vec<Offer>, Vec<Refusal>) {
    let (mut offers, mut refusals) = (Vec::new(), Vec::new());
    for listed in servers {
        let (host, port) = (listed.hostname.trim().to_ascii_lowercase(), listed.port.trim());
        let service = match listed.protocol.as_str() {
            "smtp" => Some(Service::Submission),
            "imap" => Some(Service::Mailbox),
            _ => None,
        };
        let judged = match (service, listed.socket_type.trim().to_ascii_uppercase().as_str(), port.parse::<u16>()) {
            (None, ..) => Err(Why::Protocol(shown(&listed.protocol.to_ascii_uppercase()))),
            (_, "SSL" | "STARTTLS", Err(_) | Ok(0)) => Err(Why::Port),
            (Some(service), tls @ ("SSL" | "STARTTLS"), Ok(port)) => {
                judge_name(&host, private).map(|()| (service, tls == "SSL", port))
            }
            _ => Err(Why::Clear),
        };
        match judged {
            Ok((service, implicit_tls, port)) => offers.push(Offer {
                service,
                host,
                port,
                implicit_tls,
                origin: Origin::Document { url: url.to_owned() },
                user: user(listed.username.trim(), address),
            }),
            Err(why) => {
                let target = shown(&format!("{host}:{port}"));
                refusals.push(Refusal { service, source: url.to_owned(), target, why });
            }
        }
    }
    (offers, refusals)
}

/// The user that a document names, if it is another than the address.
fn user(template: &str, address: &Address) -> Option<String> {
    let user = template
        .replace("%EMAILADDRESS%", address.as_str())
        .replace("%EMAILLOCALPART%", address.local_part())
        .replace("%EMAILDOMAIN%", address.domain());
    // A placeholder that is not known here would be signed in with as it stands.
    let usable = !user.is_empty() && !user.contains('%') && !user.contains(char::is_control);
    Some(user).filter(|user| usable && user != address.as_str())
}

fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <clientConfig version="1.1"><emailProvider id="x.fr"><domain>x.fr</domain>
          <incomingServer type="pop3"><hostname>pop.x.fr</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
          <incomingServer type="imap"><hostname>IMAP.x.fr</hostname><port>143</port><socketType>STARTTLS</socketType>
            <username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></incomingServer>
          <incomingServer type="imap"><hostname>imap.x.fr</hostname><port>143</port><socketType>plain</socketType></incomingServer>
          <!-- the other way --><outgoingServer type="smtp"><hostname>smtp.x.fr</hostname><port>465</port>
            <socketType>SSL</socketType><username>%EMAILADDRESS%</username></outgoingServer>
          <outgoingServer type="smtp"><hostname>10.0.0.1</hostname><port>587</port><socketType>STARTTLS</socketType></outgoingServer>
        </emailProvider></clientConfig>"#;

    fn address() -> Address {
        "dr.durand@x.fr".parse().unwrap()
    }

    #[test]
    fn servers_with_tls_are_taken_and_the_others_are_named() {
        let (offers, refusals) = sort("https://x.fr/", read(GOOD.as_bytes()).unwrap(), &address(), false);
        let shown: Vec<_> = offers.iter().map(|it| (it.endpoint().to_string(), it.implicit_tls, &it.user)).collect();
        let local = Some("dr.durand".to_owned());
        assert_eq!(shown, [("imap.x.fr:143".to_owned(), false, &local), ("smtp.x.fr:465".to_owned(), true, &None)]);
        let why: Vec<&Why> = refusals.iter().map(|it| &it.why).collect();
        assert_eq!(why, [&Why::Protocol("POP3".to_owned()), &Why::Clear, &Why::IpLiteral]);
    }

    #[test]
    fn a_document_with_entities_is_not_read() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><clientConfig>&b;</clientConfig>"#;
        assert_eq!(read(bomb.as_bytes()), Err(DocumentError::Forbidden("a declaration of types")));
        let external = r#"<!DOCTYPE x SYSTEM "file:///etc/passwd"><clientConfig/>"#;
        assert_eq!(read(external.as_bytes()), Err(DocumentError::Forbidden("a declaration of types")));
        assert!(matches!(read(b"<c>&own;</c>"), Err(DocumentError::Forbidden(_))));
        let host = r#"<c><incomingServer type="imap"><hostname>a&#46;b</hostname></incomingServer></c>"#;
        assert_eq!(read(host.as_bytes()).unwrap()[0].hostname, "a.b");
    }

    #[test]
    fn depth_length_and_number_are_bounded() {
        let deep = "<a>".repeat(50);
        assert_eq!(read(deep.as_bytes()), Err(DocumentError::TooMuch("depth")));
        let many = format!("<c>{}</c>", "<incomingServer type='imap'/>".repeat(17));
        assert_eq!(read(many.as_bytes()), Err(DocumentError::TooMuch("servers")));
        let long = format!("<c><incomingServer type='imap'><port>{}</port></incomingServer></c>", "1".repeat(9000));
        assert_eq!(read(long.as_bytes()), Err(DocumentError::TooMuch("text")));
        for broken in ["<c>", "<c></d>", "<c", "\u{0}"] {
            assert!(read(broken.as_bytes()).is_err() || read(broken.as_bytes()).unwrap().is_empty(), "{broken}");
        }
        assert_eq!(read(b"\xff\xfe"), Err(DocumentError::Xml));
    }

    #[test]
    fn a_placeholder_that_is_not_known_is_not_signed_in_with() {
        assert_eq!(user("%REALNAME%", &address()), None);
        assert_eq!(user("u-%EMAILDOMAIN%", &address()), Some("u-x.fr".to_owned()));
    }
}
