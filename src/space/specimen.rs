//! White lists for unit tests, signed on the spot.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{Admitted, MailboxKind, Registered, WhiteList};
use crate::mail::Address;
use crate::pki::specimen::{Authority, Leaf, NOON, no_lists, rsa_key};
use crate::pki::{Certificate, TrustAnchors};

pub(super) const SIGNER: &str = "alb@liste.sandbox";

/// Who signs, and the anchors that believe it.
pub(super) struct Signer {
    pub(super) anchors: TrustAnchors,
    pub(super) certificate: Certificate,
    pub(super) authority: Authority,
}

pub(super) fn signer() -> &'static Signer {
    static SIGNER_OF_RUN: LazyLock<Signer> = LazyLock::new(|| Signer::with(|_| ()));
    &SIGNER_OF_RUN
}

pub(super) fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

/// An address of the sandbox's domains, registered and admitted by a list that verified.
pub(crate) fn admitted(address: &Address) -> Admitted {
    static LIST: LazyLock<WhiteList> = LazyLock::new(|| {
        let domains = ["biologie.sandbox", "medecin.sandbox", "hopital.sandbox"];
        let xml = signer().list("2026-05-31T01:00:00Z", &domains);
        WhiteList::verify(&xml, &signer().anchors, SIGNER, &no_lists, noon()).unwrap()
    });
    let registered = Registered {
        address: address.clone(),
        holder: "ESSAI".to_owned(),
        kind: MailboxKind::Person,
        identifier: None,
        source: "specimen".to_owned(),
        seen_at: noon(),
        active: true,
    };
    LIST.admit(registered).unwrap()
}

impl Signer {
    pub(super) fn with(change: impl FnOnce(&mut Leaf<'_>)) -> Signer {
        let authority = Authority::root("TEST AC LISTE");
        let mut leaf = Leaf::with_key(SIGNER, rsa_key());
        change(&mut leaf);
        Signer { certificate: authority.certify(&leaf), anchors: authority.anchors(), authority }
    }

    /// A list with the usual shape.
    pub(super) fn list(&self, generated: &str, domains: &[&str]) -> Vec<u8> {
        let entry = |name: &&str| {
            format!("<Domaine><Nom>{name}</Nom><DNCertificatOperateur>CN=op</DNCertificatOperateur></Domaine>")
        };
        let domains: String = domains.iter().map(entry).collect();
        self.sign(&format!(
            "<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\"><DateDeGeneration>{generated}\
             </DateDeGeneration><ListeDomaines>{domains}</ListeDomaines></ListeBlancheMSSante>"
        ))
    }

    /// Signs a document that is in canonical form; the signature becomes the last child of its root.
    pub(super) fn sign(&self, document: &str) -> Vec<u8> {
        self.sign_with(document, &signed_info(document)).into_bytes()
    }

    /// Puts a signature over this SignedInfo (canonical, without its namespace) into a document.
    pub(super) fn sign_with(&self, document: &str, signed_info: &str) -> String {
        let canonical =
            signed_info.replacen("<SignedInfo>", "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", 1);
        let value = STANDARD.encode(rsa_key().sign(canonical.as_bytes()).unwrap().bytes);
        let certificate = STANDARD.encode(self.certificate.der());
        let root_end = document.rfind("</").unwrap();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>{}<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\
             {signed_info}<SignatureValue>{value}&#13;\n</SignatureValue><KeyInfo><X509Data><X509Certificate>{certificate}\
             </X509Certificate></X509Data></KeyInfo></Signature>{}\n",
            &document[..root_end],
            &document[root_end..]
        )
    }
}

/// SignedInfo of the accepted profile, in canonical form but for the inherited namespace.
pub(super) fn signed_info(document: &str) -> String {
    let value = STANDARD.encode(digest::digest(&digest::SHA256, document.as_bytes()));
    let method = |name: &str, algorithm: &str| format!("<{name} Algorithm=\"http://www.w3.org/{algorithm}\"></{name}>");
    [
        "<SignedInfo>",
        &method("CanonicalizationMethod", "2001/10/xml-exc-c14n#"),
        &method("SignatureMethod", "2001/04/xmldsig-more#rsa-sha256"),
        "<Reference URI=\"\"><Transforms>",
        &method("Transform", "2000/09/xmldsig#enveloped-signature"),
        &method("Transform", "2001/10/xml-exc-c14n#"),
        "</Transforms>",
        &method("DigestMethod", "2001/04/xmlenc#sha256"),
        &format!("<DigestValue>{value}</DigestValue></Reference></SignedInfo>"),
    ]
    .concat()
}
