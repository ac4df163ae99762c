//! The white list: which domains belong to the trusted space, and which operator certificates answer for each.
//!
//! Its signature is the guard, not the connection it came over. It is parsed only after the signature was checked, and
//! what is parsed is exactly what was signed.

use std::collections::HashMap;

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::Event;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::recipients::{Admitted, Refusal, Registered};
use super::signature::Signed;
use crate::pki::{self, Certificate, Finding, ListsFor, Purpose, TrustAnchors};

/// Octets a list may have. The real one has some 4 million.
pub const LIST_LIMIT: u64 = 64 * 1024 * 1024;
const MOST_ENTRIES: usize = 500_000;
const DEEPEST: usize = 16;
const LONGEST_TEXT: usize = 4096;

/// Why a list is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// More than [`LIST_LIMIT`] octets.
    #[error("the white list is larger than 64 MiB")]
    TooLarge,
    /// It cannot be read as a list.
    #[error("the white list is malformed: {0}")]
    Malformed(&'static str),
    /// XML that a list has no need of.
    #[error("the white list holds {0}")]
    Forbidden(&'static str),
    /// No signature in the XML-DSig namespace.
    #[error("the white list is not signed")]
    Unsigned,
    /// More than one.
    #[error("the white list has more than one signature")]
    ManySignatures,
    /// Another algorithm, another reference, another form. The part that differs is named.
    #[error("the signature of the white list does not follow the one accepted profile, at {0}")]
    Profile(&'static str),
    /// The certificate in the signature is none.
    #[error("the signature of the white list carries an unreadable certificate")]
    Certificate,
    /// The path of the signer's certificate does not verify.
    #[error("the signer of the white list is not trusted: {0}")]
    Signer(Finding),
    /// A good certificate of somebody else.
    #[error("the white list is signed by {found}, not by {expected}")]
    SignerName { expected: String, found: String },
    /// The RSA value does not fit SignedInfo.
    #[error("the signature of the white list is wrong")]
    BadSignature,
    /// The content is not what was signed.
    #[error("the white list was changed after it was signed")]
    BadDigest,
    /// Signed, and without any domain: nothing could be sent.
    #[error("the white list names no domain")]
    Empty,
    /// A list older than one seen before: somebody replays it.
    #[error("this white list of {offered} is older than the one of {kept} seen before")]
    OlderThanKept { kept: Timestamp, offered: Timestamp },
}

/// A white list whose signature verified.
#[derive(Debug)]
pub struct WhiteList {
    generated: Timestamp,
    domains: HashMap<String, Vec<String>>,
    unreadable: usize,
}

impl WhiteList {
    /// Verifies and reads a list. The signer's certificate is judged at `at`: now for a list just fetched, the moment it
    /// was fetched for a kept one; and with the revocation lists that are found for its path, which count whenever they
    /// were made.
    pub fn verify(
        xml: &[u8],
        anchors: &TrustAnchors,
        signer_cn: &str,
        crls_for: &ListsFor<'_>,
        at: Timestamp,
    ) -> Result<WhiteList, ListError> {
        if xml.len() as u64 > LIST_LIMIT {
            return Err(ListError::TooLarge);
        }
        let signed = Signed::take_apart(xml)?;
        let certificates: Vec<Certificate> = signed
            .certificates
            .iter()
            .map(|der| Certificate::from_der(der).map_err(|_| ListError::Certificate))
            .collect::<Result<_, _>>()?;
        let (signer, issuers) = certificates.split_first().ok_or(ListError::Certificate)?;
        let purpose = Purpose::EmailSigning;
        let path = pki::find_path(signer, issuers, anchors, purpose, None, at).map_err(ListError::Signer)?;
        let crls = crls_for(&path);
        pki::validate(signer, issuers, anchors, &crls, purpose, None, at).map_err(ListError::Signer)?;
        // For mail a certificate without extended key usage will do; here it would be that of somebody else.
        if !matches!(signer.parsed().tbs_certificate().get_extension::<ExtendedKeyUsage>(), Ok(Some(_))) {
            return Err(ListError::Signer(Finding::WrongUsage));
        }
        let found = signer.common_name().unwrap_or_default();
        if found != signer_cn {
            return Err(ListError::SignerName { expected: signer_cn.to_owned(), found });
        }
        read(&signed.verify(&signer.spki_der())?)
    }

    /// When the list was made.
    pub fn generated(&self) -> Timestamp {
        self.generated
    }

    /// Whether a domain belongs to the space: exactly this name, in any letter case and in either IDNA form. A name
    /// below a listed one does not.
    pub fn admits(&self, domain: &str) -> bool {
        folded(domain).is_some_and(|domain| self.domains.contains_key(&domain))
    }

    /// The names (RFC 4514, as published) of the operator certificates that answer for a domain.
    pub fn operators(&self, domain: &str) -> &[String] {
        folded(domain).and_then(|domain| self.domains.get(&domain)).map_or(&[], Vec::as_slice)
    }

    /// How many domains it names, entries about one domain counted once.
    pub fn len(&self) -> usize {
        self.domains.len()
    }

    /// False: a list without a domain is refused.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Entries whose name is no domain name; they admit nobody.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Admits somebody the register knows, if active and in a listed domain.
    pub fn admit(&self, registered: Registered) -> Result<Admitted, Refusal> {
        Admitted::new(self, registered)
    }
}

/// The form in which names are compared: A-labels, lower case.
fn folded(domain: &str) -> Option<String> {
    let domain = idna::domain_to_ascii(domain.trim()).ok()?;
    let named =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    domain.split('.').all(named).then_some(domain)
}

/// What is being read of the entry at hand.
#[derive(Default)]
struct Entry {
    name: String,
    operator: String,
}

fn read(document: &str) -> Result<WhiteList, ListError> {
    let malformed = |_| ListError::Malformed("it is not well-formed XML");
    let mut reader = Reader::from_str(document);
    let mut list = WhiteList { generated: Timestamp::MIN, domains: HashMap::new(), unreadable: 0 };
    let mut generated = String::new();
    let mut path: Vec<String> = Vec::new();
    let mut entry = Entry::default();
    let mut entries = 0usize;
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(start) => {
                path.push(local_name(start.name().as_ref())?);
                if path.len() > DEEPEST {
                    return Err(ListError::Malformed("it is nested too deeply"));
                }
                if is(&path, &["Domaine"]) {
                    entry = Entry::default();
                }
            }
            Event::Empty(empty) => {
                local_name(empty.name().as_ref())?;
            }
            Event::End(_) => {
                if is(&path, &["Domaine"]) {
                    entries += 1;
                    if entries > MOST_ENTRIES {
                        return Err(ListError::Malformed("it has too many entries"));
                    }
                    list.enter(&entry);
                }
                path.pop();
            }
            Event::Text(text) => field(&path, &mut generated, &mut entry, &text)?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(malformed)? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or(ListError::Forbidden("an entity of its own"))?
                        .to_owned(),
                };
                field(&path, &mut generated, &mut entry, &character)?;
            }
            Event::Eof if path.is_empty() => break,
            Event::Eof => return Err(ListError::Malformed("an element does not end")),
            Event::Decl(_) | Event::DocType(_) | Event::PI(_) | Event::Comment(_) | Event::CData(_) => {
                return Err(ListError::Forbidden("more than elements and text"));
            }
        }
    }
    list.generated =
        generated.trim().parse().map_err(|_| ListError::Malformed("DateDeGeneration is not a date and time"))?;
    if list.domains.is_empty() { Err(ListError::Empty) } else { Ok(list) }
}

impl WhiteList {
    fn enter(&mut self, entry: &Entry) {
        let Some(domain) = folded(&entry.name) else {
            self.unreadable += 1;
            return;
        };
        let operators = self.domains.entry(domain).or_default();
        let operator = entry.operator.trim();
        if !operator.is_empty() && !operators.iter().any(|known| known == operator) {
            operators.push(operator.to_owned());
        }
    }
}

fn local_name(name: &str) -> Result<String, ListError> {
    match name {
        // What verified is the one signature that was cut out.
        _ if name.rsplit(':').next() == Some("Signature") => Err(ListError::ManySignatures),
        _ if name.len() > 100 => Err(ListError::Malformed("an element name is too long")),
        _ => Ok(name.to_owned()),
    }
}

/// Whether the path leads to this element, counted from `ListeDomaines`.
fn is(path: &[String], below: &[&str]) -> bool {
    path.iter()
        .map(String::as_str)
        .eq(["ListeBlancheMSSante", "ListeDomaines"].into_iter().chain(below.iter().copied()))
}

fn field(path: &[String], generated: &mut String, entry: &mut Entry, text: &str) -> Result<(), ListError> {
    let target = if is(path, &["Domaine", "Nom"]) {
        &mut entry.name
    } else if is(path, &["Domaine", "DNCertificatOperateur"]) {
        &mut entry.operator
    } else if path.iter().map(String::as_str).eq(["ListeBlancheMSSante", "DateDeGeneration"]) {
        generated
    } else {
        return Ok(());
    };
    target.push_str(text);
    if target.len() > LONGEST_TEXT {
        return Err(ListError::Malformed("a field is too long"));
    }
    Ok(())
}
