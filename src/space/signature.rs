//! The one XML signature profile of the white list (XML-DSig 1.0: enveloped, exclusive canonical form, RSA with SHA-256).
//!
//! No XML is parsed here. Operators publish the list in its canonical form, so the bytes themselves are what was signed:
//! we cut the signature out, hash the rest, and hand exactly the hashed bytes on to the parser. A list in any other form
//! does not verify, and a reader and a verifier that see two documents in one file cannot come about.

use aws_lc_rs::{digest, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::list::ListError;

const START: &str = "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">";
const END: &str = "</Signature>";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
/// The real list carries one certificate; a few issuers beside it do no harm.
const MOST_CERTIFICATES: usize = 8;

/// A signed document taken apart; nothing of it is believed yet.
pub(super) struct Signed {
    /// The document without its signature, in canonical form.
    document: String,
    /// SignedInfo in canonical form.
    signed_info: String,
    digest: Vec<u8>,
    value: Vec<u8>,
    /// The certificates in KeyInfo, DER, the signer's first.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Signed {
    /// Takes a document apart. Whatever leaves the profile is refused here.
    pub(super) fn take_apart(xml: &[u8]) -> Result<Signed, ListError> {
        let text = canonical(xml)?;
        let (before, signature, after) = cut(text)?;
        let mut walker = Walker { rest: signature, canonical: String::new() };
        let digest = walker.signed_info()?;
        let (value, rest) = element(walker.rest, "SignatureValue").ok_or(ListError::Profile("SignatureValue"))?;
        Ok(Signed {
            document: [before, after].concat(),
            signed_info: walker.canonical,
            digest,
            value: decode(value, "SignatureValue")?,
            certificates: certificates(rest)?,
        })
    }

    /// Checks the signature with the signer's key (SubjectPublicKeyInfo, DER), then the digest, and only then gives the
    /// document out.
    pub(super) fn verify(self, spki: &[u8]) -> Result<String, ListError> {
        signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, spki)
            .verify(self.signed_info.as_bytes(), &self.value)
            .map_err(|_| ListError::BadSignature)?;
        if digest::digest(&digest::SHA256, self.document.as_bytes()).as_ref() != self.digest {
            return Err(ListError::BadDigest);
        }
        Ok(self.document)
    }
}

/// The document from the start tag of its root to the end tag, refused if it holds what canonical form cannot.
fn canonical(xml: &[u8]) -> Result<&str, ListError> {
    let text = std::str::from_utf8(xml).map_err(|_| ListError::Malformed("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").ok_or(ListError::Malformed("the XML declaration does not end"))?.1,
        None => text,
    };
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        return Err(ListError::Malformed("it has carriage returns"));
    }
    // Canonical form keeps neither; a document type could also define entities, that is, other content.
    for (mark, what) in [("<!", "a document type, comment or CDATA section"), ("<?", "a processing instruction")] {
        if memmem::find(text.as_bytes(), mark.as_bytes()).is_some() {
            return Err(ListError::Forbidden(what));
        }
    }
    if !text.starts_with('<') || !text.ends_with('>') {
        return Err(ListError::Malformed("it is not one XML element"));
    }
    Ok(text)
}

/// The document before the signature, the content of the signature, and the document after it.
fn cut(text: &str) -> Result<(&str, &str, &str), ListError> {
    let bytes = text.as_bytes();
    let mut starts = memmem::find_iter(bytes, "<Signature")
        .filter(|at| matches!(bytes.get(at + "<Signature".len()), Some(b' ' | b'\t' | b'\n' | b'>' | b'/')));
    let mut ends = memmem::find_iter(bytes, END);
    let start = starts.next().ok_or(ListError::Unsigned)?;
    if starts.next().is_some() {
        return Err(ListError::ManySignatures);
    }
    let end = ends.next().ok_or(ListError::Malformed("the Signature does not end"))?;
    if ends.next().is_some() {
        return Err(ListError::ManySignatures);
    }
    let content = text.get(start..end).ok_or(ListError::Malformed("the Signature does not end"))?;
    let content = content.strip_prefix(START).ok_or(ListError::Profile("Signature"))?;
    Ok((&text[..start], content, &text[end + END.len()..]))
}

/// Reads SignedInfo, whose shape is fixed but for white space, and writes its canonical form as it goes.
struct Walker<'a> {
    rest: &'a str,
    canonical: String,
}

impl Walker<'_> {
    /// Returns the digest value.
    fn signed_info(&mut self) -> Result<Vec<u8>, ListError> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n']);
        self.rest = self.rest.strip_prefix("<SignedInfo>").ok_or(ListError::Profile("SignedInfo"))?;
        // The namespace declaration is inherited from Signature: canonical form repeats it on the apex element.
        self.canonical.push_str("<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">");
        self.method("CanonicalizationMethod", EXCLUSIVE)?;
        self.method("SignatureMethod", RSA_SHA256)?;
        self.tag("<Reference URI=\"\">", "Reference")?;
        self.tag("<Transforms>", "Transforms")?;
        self.method("Transform", ENVELOPED)?;
        self.method("Transform", EXCLUSIVE)?;
        self.tag("</Transforms>", "Transforms")?;
        self.method("DigestMethod", SHA256)?;
        self.tag("<DigestValue>", "DigestValue")?;
        let end = self.rest.find('<').ok_or(ListError::Profile("DigestValue"))?;
        let (value, rest) = self.rest.split_at(end);
        if value.contains(['&', '>']) {
            return Err(ListError::Profile("DigestValue"));
        }
        self.canonical.push_str(value);
        self.rest = rest;
        self.tag("</DigestValue>", "DigestValue")?;
        // Reached only by a SignedInfo with one Reference.
        self.tag("</Reference>", "Reference")?;
        self.tag("</SignedInfo>", "SignedInfo")?;
        decode(value, "DigestValue")
    }

    fn space(&mut self) {
        let content = self.rest.trim_start_matches([' ', '\t', '\n']);
        self.canonical.push_str(&self.rest[..self.rest.len() - content.len()]);
        self.rest = content;
    }

    /// One tag, written as it must be.
    fn tag(&mut self, tag: &str, what: &'static str) -> Result<(), ListError> {
        self.space();
        self.rest = self.rest.strip_prefix(tag).ok_or(ListError::Profile(what))?;
        self.canonical.push_str(tag);
        Ok(())
    }

    /// An element without content whose one attribute names an algorithm.
    fn method(&mut self, name: &'static str, algorithm: &str) -> Result<(), ListError> {
        self.space();
        let start = format!("<{name} Algorithm=\"{algorithm}\"");
        let rest = self.rest.strip_prefix(start.as_str()).ok_or(ListError::Profile(name))?;
        let end = format!("></{name}>");
        let rest = ["/>", " />", end.as_str()].iter().find_map(|form| rest.strip_prefix(form));
        self.rest = rest.ok_or(ListError::Profile(name))?;
        self.canonical.push_str(&start);
        self.canonical.push_str(&end);
        Ok(())
    }
}

/// The text of the next element of this name without attributes, and what follows the element.
fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(format!("<{name}>").as_str())?;
    rest.split_once(format!("</{name}>").as_str())
}

/// KeyInfo is not signed and need not be: the key it offers is judged by the path of its certificate.
fn certificates(mut text: &str) -> Result<Vec<Vec<u8>>, ListError> {
    let mut found = Vec::new();
    while let Some((content, rest)) = element(text, "X509Certificate") {
        if found.len() == MOST_CERTIFICATES {
            return Err(ListError::Profile("KeyInfo"));
        }
        found.push(decode(content, "X509Certificate")?);
        text = rest;
    }
    if found.is_empty() { Err(ListError::Profile("KeyInfo")) } else { Ok(found) }
}

/// Base64 in lines, which some signers end in a carriage return written as a character reference.
fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, ListError> {
    let text: String = text.replace("&#13;", "").replace("&#xD;", "").split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|_| ListError::Profile(what))
}
