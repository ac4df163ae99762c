//! The white list of the trust space, signed as the national one is (enveloped XML-DSig, exclusive C14N, rsa-sha256).

use std::fmt::Write;

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_RSA_SHA256, SigningKey};

use super::SandboxError;
use super::authority::{OPERATOR_DEPARTMENT, OPERATOR_IDNST, OPERATOR_NAME, OPERATOR_ORGANISATION, certificate_der};
use super::people::LISTED_DOMAINS;
use super::state::Pair;

/// The common name of the signer.
pub(super) const SIGNER: &str = "alb.mssante.sandbox";
/// The address in the signer's certificate.
pub(super) const SIGNER_ADDRESS: &str = "alb@mssante.sandbox";

const NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
const ALGORITHMS: [(&str, &str); 5] = [
    ("CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#"),
    ("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
    ("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
    ("Transform", "http://www.w3.org/2001/10/xml-exc-c14n#"),
    ("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"),
];

/// The list generated at a moment, signed; its bytes depend on that moment and the signer alone.
pub(super) fn signed(signer: &Pair, generated: Timestamp) -> Result<Vec<u8>, SandboxError> {
    let content = content(generated);
    let digest = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, format!("{content}{END}").as_bytes()));
    // In canonical form: the namespace on the outermost element, no empty-element tags.
    let info = signed_info(&format!("<SignedInfo xmlns=\"{NAMESPACE}\">"), &digest, |name| format!("></{name}>"));
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(signer.key.expose(), &PKCS_RSA_SHA256)?;
    let value = key.sign(info.as_bytes())?;
    let certificate = certificate_der(&signer.certificate)?;
    let list = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>{content}<Signature xmlns=\"{NAMESPACE}\">{}\
         <SignatureValue>{}</SignatureValue><KeyInfo><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo>\
         </Signature>{END}",
        signed_info("<SignedInfo>", &digest, |_| "/>".to_owned()),
        wrapped(&value),
        wrapped(&certificate),
    );
    Ok(list.into_bytes())
}

const END: &str = "</ListeBlancheMSSante>";

/// When the list of a moment was generated: like the national one, at one o'clock of the night before.
pub(super) fn generated(now: Timestamp) -> Timestamp {
    let night = now.as_second().div_euclid(86_400) * 86_400 + 3_600;
    let night = if night > now.as_second() { night - 86_400 } else { night };
    Timestamp::from_second(night).unwrap_or(now)
}

/// The root element without its end tag, written in canonical form: its bytes are what is hashed.
fn content(generated: Timestamp) -> String {
    let operator =
        format!("CN={OPERATOR_NAME},OU={OPERATOR_IDNST},O={OPERATOR_ORGANISATION},ST={OPERATOR_DEPARTMENT},C=FR");
    // The national list writes the names of some operators otherwise.
    let second =
        format!("CN=mss2.operateur.sandbox, OU={OPERATOR_IDNST}, O=\"BAC A SABLE, ESSAIS ET CIE\", L=RENNES, C=FR");
    let mut text = format!(
        "<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n    \
         <DateDeGeneration>{generated}</DateDeGeneration>\n    <ListeDomaines>\n"
    );
    let entries = LISTED_DOMAINS.iter().map(|domain| (*domain, &operator)).chain([(LISTED_DOMAINS[0], &second)]);
    for (domain, name) in entries {
        write!(
            text,
            "        <Domaine>\n            <Nom>{domain}</Nom>\n            \
             <Description>Bac à sable &amp; essais</Description>\n            \
             <DNCertificatOperateur>{name}</DNCertificatOperateur>\n            \
             <ResponsableContact>00 00 00 00 00, responsable@operateur.invalid</ResponsableContact>\n            \
             <SupportContact>00 00 00 00 00, support@operateur.invalid</SupportContact>\n            \
             <DateMAJ>2025-01-02T03:04:05Z</DateMAJ>\n        </Domaine>\n"
        )
        .expect("a string takes all");
    }
    text.push_str("    </ListeDomaines>\n");
    text
}

/// SignedInfo behind a start tag; `empty` ends an empty element of that name.
fn signed_info(start: &str, digest: &str, empty: impl Fn(&str) -> String) -> String {
    let [canonicalization, signature, enveloped, exclusive, hash] =
        ALGORITHMS.map(|(name, algorithm)| format!("<{name} Algorithm=\"{algorithm}\"{}", empty(name)));
    format!(
        "{start}{canonicalization}{signature}<Reference URI=\"\"><Transforms>{enveloped}{exclusive}</Transforms>\
         {hash}<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
    )
}

/// Base64 in lines whose ends the national list writes as a character reference and a line feed.
fn wrapped(octets: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(octets);
    let lines: Vec<&str> = (0..text.len()).step_by(76).filter_map(|at| text.get(at..text.len().min(at + 76))).collect();
    lines.join("&#13;\n")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    fn signer() -> Pair {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        Pair { key: key.serialize_pem().into(), certificate }
    }

    fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
        text.split_once(start).unwrap().1.split_once(end).unwrap().0
    }

    fn octets(base64: &str) -> Vec<u8> {
        BASE64_STANDARD.decode(base64.replace("&#13;\n", "")).unwrap()
    }

    /// The two checks of XML-DSig, each on its own: the digest of the document and the value over SignedInfo.
    fn verify(list: &str, signer: &Pair) -> (bool, bool) {
        let body = list.split_once("?>").unwrap().1;
        let signature = &body[body.find("<Signature ").unwrap()..body.find("</Signature>").unwrap() + 12];
        let hashed = digest::digest(&digest::SHA256, body.replace(signature, "").as_bytes());
        let digest_fits = BASE64_STANDARD.encode(hashed) == between(list, "<DigestValue>", "</DigestValue>");

        let info = format!(
            "<SignedInfo xmlns=\"{NAMESPACE}\">{}</SignedInfo>",
            between(list, "<SignedInfo>", "</SignedInfo>")
        );
        let mut canonical = String::new();
        for (at, part) in info.split("/>").enumerate() {
            if at > 0 {
                let name = canonical.rsplit_once('<').unwrap().1.split(' ').next().unwrap().to_owned();
                canonical.push_str(&format!("></{name}>"));
            }
            canonical.push_str(part);
        }
        let key = KeyPair::from_pem(signer.key.expose()).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key_raw());
        let value = octets(between(list, "<SignatureValue>", "</SignatureValue>"));
        (digest_fits, public.verify(canonical.as_bytes(), &value).is_ok())
    }

    #[test]
    fn the_list_is_signed_and_a_changed_character_breaks_its_digest() {
        let signer = signer();
        let list = String::from_utf8(signed(&signer, "2026-01-05T08:00:00Z".parse().unwrap()).unwrap()).unwrap();
        assert_eq!(verify(&list, &signer), (true, true));
        let certificate = octets(between(&list, "<X509Certificate>", "</X509Certificate>"));
        assert_eq!(certificate, certificate_der(&signer.certificate).unwrap().as_ref());

        let tampered = list.replace("<Nom>hopital.sandbox", "<Nom>hopitaI.sandbox");
        assert_eq!(verify(&tampered, &signer), (false, true));
        let digest = between(&list, "<DigestValue>", "</DigestValue>");
        let other = BASE64_STANDARD.encode([0u8; 32]);
        assert_eq!(verify(&list.replace(digest, &other), &signer), (false, false));
    }

    #[test]
    fn the_list_is_that_of_the_night_and_the_same_all_day() {
        let signer = signer();
        let at = |time: &str| signed(&signer, generated(time.parse().unwrap())).unwrap();
        assert_eq!(at("2026-01-05T01:00:00Z"), at("2026-01-06T00:59:59Z"));
        let list = String::from_utf8(at("2026-01-05T00:30:00Z")).unwrap();
        assert_eq!(between(&list, "<DateDeGeneration>", "</DateDeGeneration>"), "2026-01-04T01:00:00Z");
    }

    #[test]
    fn all_domains_but_the_one_off_the_list_are_in_it() {
        let text = content("2026-01-05T01:00:00Z".parse().unwrap());
        for domain in LISTED_DOMAINS {
            assert!(text.contains(&format!("<Nom>{domain}</Nom>")));
        }
        assert!(!text.contains("hors-liste"));
    }
}
