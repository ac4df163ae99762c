//! What is believed of a white list and what is not.

use super::specimen::{SIGNER, Signer, noon, signed_info, signer};
use super::{LIST_LIMIT, ListError, WhiteList};
use crate::pki::specimen::no_lists;
use crate::pki::{Certificate, Finding, RevocationList, TrustAnchors};

const SIGNED: &[u8] = include_bytes!("../../tests/vectors/white-list/signed.xml");
const DATE: &str = "2026-05-31T01:00:00Z";

/// Verifies the list that xmlsec1 signed.
fn vector(xml: &[u8], signer_cn: &str, at: &str) -> Result<WhiteList, ListError> {
    let anchors = TrustAnchors::from_pem(include_bytes!("../../tests/vectors/white-list/anchors.pem")).unwrap();
    WhiteList::verify(xml, &anchors, signer_cn, &no_lists, at.parse().unwrap())
}

fn verify(xml: impl AsRef<[u8]>) -> Result<WhiteList, ListError> {
    WhiteList::verify(xml.as_ref(), &signer().anchors, SIGNER, &no_lists, noon())
}

/// A document in canonical form, not yet signed.
fn document(middle: &str) -> String {
    format!(
        "<ListeBlancheMSSante><DateDeGeneration>{DATE}</DateDeGeneration><ListeDomaines>{middle}</ListeDomaines>\
         </ListeBlancheMSSante>"
    )
}

const ENTRY: &str = "<Domaine><Nom>a.test</Nom></Domaine>";

#[test]
fn a_list_signed_by_another_program_is_read() {
    let list = vector(SIGNED, "alb.exemple-mss.test", "2026-12-01T00:00:00Z").unwrap();
    assert_eq!(list.generated(), "2026-08-20T01:00:00Z".parse().unwrap());
    assert_eq!((list.len(), list.unreadable(), list.is_empty()), (2, 0, false));
    assert!(list.admits("medecin.exemple-mss.test"));
    assert!(list.admits("hopital-essai.exemple-mss.test"));
    assert!(!list.admits("exemple-mss.test"));
}

#[test]
fn entries_about_one_domain_are_merged() {
    let list = vector(SIGNED, "alb.exemple-mss.test", "2026-12-01T00:00:00Z").unwrap();
    let operators = list.operators("medecin.exemple-mss.test");
    assert_eq!(operators.len(), 2);
    assert!(operators[1].starts_with("CN=smtp2.operateur-essai.test,"));
    assert!(list.operators("HOPITAL-ESSAI.exemple-mss.test")[0].contains("O=\"ESSAI, SANTE ET CIE\""));
    assert!(list.operators("inconnu.test").is_empty());
}

#[test]
fn a_changed_or_unsigned_list_is_refused() {
    let check = |xml: &[u8]| vector(xml, "alb.exemple-mss.test", "2026-12-01T00:00:00Z").unwrap_err();
    let tampered = include_bytes!("../../tests/vectors/white-list/tampered.xml");
    assert!(matches!(check(tampered), ListError::BadDigest));
    assert!(matches!(check(include_bytes!("../../tests/vectors/white-list/unsigned.xml")), ListError::Unsigned));
    let text = String::from_utf8(SIGNED.to_vec()).unwrap();
    assert!(matches!(check(text.replace("<DigestValue>", "<DigestValue> ").as_bytes()), ListError::BadSignature));
    assert!(matches!(check(text.replace("<Nom>medecin", "<Nom>medecim").as_bytes()), ListError::BadDigest));
    for end in [0, 1, 40, 1000, SIGNED.len() - 20] {
        check(&SIGNED[..end]);
    }
}

#[test]
fn any_changed_octet_of_what_is_signed_is_noticed() {
    let key_info = SIGNED.windows(9).position(|window| window == b"<KeyInfo>").unwrap();
    let root = SIGNED.windows(5).position(|window| window == b"<List").unwrap();
    for at in (root..key_info).step_by(7) {
        let mut changed = SIGNED.to_vec();
        changed[at] ^= 1;
        let result = vector(&changed, "alb.exemple-mss.test", "2026-12-01T00:00:00Z");
        // White space inside the signature's base64 is no part of what is signed.
        assert!(result.is_err() || SIGNED[at].is_ascii_whitespace(), "octet {at}");
    }
}

#[test]
fn the_signer_must_be_the_expected_one_with_a_path_and_in_time() {
    let check = |cn, at| vector(SIGNED, cn, at).unwrap_err();
    let named = check("alb.mssante.fr", "2026-12-01T00:00:00Z");
    assert!(matches!(named, ListError::SignerName { found, .. } if found == "alb.exemple-mss.test"));
    let late = check("alb.exemple-mss.test", "2030-01-01T00:00:00Z");
    assert!(matches!(late, ListError::Signer(Finding::Expired { .. })));
    let early = check("alb.exemple-mss.test", "2026-11-01T00:00:00Z");
    assert!(matches!(early, ListError::Signer(Finding::NotYetValid { .. })));
    let nobody = WhiteList::verify(SIGNED, &signer().anchors, "alb.exemple-mss.test", &no_lists, noon());
    assert!(matches!(nobody, Err(ListError::Signer(_))));
}

#[test]
fn a_signer_that_is_not_certified_for_mail_is_refused() {
    for purposes in [vec![], vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth]] {
        let other = Signer::with(|leaf| leaf.purposes = purposes);
        let list = other.list(DATE, &["a.test"]);
        let result = WhiteList::verify(&list, &other.anchors, SIGNER, &no_lists, noon());
        assert!(matches!(result, Err(ListError::Signer(Finding::WrongUsage))));
    }
}

#[test]
fn a_signer_that_was_revoked_or_of_whom_nobody_can_tell_is_refused() {
    let named = Signer::with(|leaf| leaf.lists = vec!["http://crl.test/liste.crl".to_owned()]);
    for (signer, without) in [(signer(), true), (&named, false)] {
        let list = signer.list(DATE, &["a.test"]);
        let verify = |crls: Vec<RevocationList>| {
            let found = |path: &[Certificate]| {
                assert_eq!(path, [signer.certificate.clone(), signer.authority.certificate.clone()]);
                crls.clone()
            };
            WhiteList::verify(&list, &signer.anchors, SIGNER, &found, noon())
        };
        assert_eq!(verify(vec![]).is_ok(), without);
        assert!(verify(vec![signer.authority.revoke(&[])]).is_ok());
        let revoked = verify(vec![signer.authority.revoke(&[77])]);
        assert!(matches!(revoked, Err(ListError::Signer(Finding::Revoked))));
    }
    let unknown = WhiteList::verify(&named.list(DATE, &["a.test"]), &named.anchors, SIGNER, &no_lists, noon());
    assert!(matches!(unknown, Err(ListError::Signer(Finding::RevocationUnknown))));
}

#[test]
fn names_are_compared_whole_without_case_in_either_idna_form() {
    let list =
        verify(signer().list(DATE, &["A.Test", "médecin.test", "xn--hpital-ixa.test", "b c", "A.TEST"])).unwrap();
    for listed in ["a.test", "A.TEST", "xn--mdecin-bva.test", "MÉDECIN.test", "hôpital.test"] {
        assert!(list.admits(listed), "{listed}");
    }
    for other in ["x.a.test", "test", "a.test.evil", "medecin.test", "b c", "", "."] {
        assert!(!list.admits(other), "{other}");
    }
    assert_eq!((list.len(), list.unreadable()), (3, 1));
}

#[test]
fn document_types_entities_and_comments_are_refused_before_anything_is_parsed() {
    let text = String::from_utf8(signer().list(DATE, &["a.test"])).unwrap();
    let doctype = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><ListeBlanche";
    for (part, with) in [
        ("<ListeBlanche", doctype),
        ("<ListeDomaines>", "<ListeDomaines><!-- -->"),
        ("<ListeDomaines>", "<ListeDomaines><![CDATA[<Domaine>]]>"),
        ("<ListeDomaines>", "<ListeDomaines><?x y?>"),
    ] {
        let result = verify(text.replacen(part, with, 1));
        assert!(matches!(result, Err(ListError::Forbidden(_))), "{with}");
    }
    // A signed document cannot hold an entity of its own, and if it could, it would not be expanded.
    let entity = signer().sign(&document(&ENTRY.replace("a.test", "&b;.test")));
    assert!(matches!(verify(entity), Err(ListError::Forbidden(_))));
}

#[test]
fn a_second_signature_is_refused_wherever_it_stands() {
    let good = String::from_utf8(signer().list(DATE, &["a.test"])).unwrap();
    let start = good.find("<Signature ").unwrap();
    let end = good.find("</Signature>").unwrap() + "</Signature>".len();
    let twice = format!("{}{}", &good[..end], &good[start..]);
    assert!(matches!(verify(twice), Err(ListError::ManySignatures)));
    let inside = good.replacen("<Domaine>", "<Domaine><Signature>x</Signature>", 1);
    assert!(matches!(verify(inside), Err(ListError::ManySignatures)));
    let prefixed = signer().sign(&document(&format!("{ENTRY}<s:Signature></s:Signature>")));
    assert!(matches!(verify(prefixed), Err(ListError::ManySignatures)));
}

#[test]
fn another_reference_or_algorithm_is_refused_though_its_value_verifies() {
    let document = document(ENTRY);
    let good = signed_info(&document);
    assert!(verify(signer().sign_with(&document, &good)).is_ok());
    let reference = &good[good.find("<Reference").unwrap()..good.find("</SignedInfo>").unwrap()];
    for (part, with) in [
        ("2001/10/xml-exc-c14n#\"></C", "TR/2001/REC-xml-c14n-20010315\"></C"),
        ("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"),
        ("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"),
        ("URI=\"\"", "URI=\"#other\""),
        ("URI=\"\"", "Id=\"r\" URI=\"\""),
        ("2000/09/xmldsig#enveloped-signature", "TR/1999/REC-xslt-19991116"),
        ("</Reference></SignedInfo>", &format!("</Reference>{reference}</SignedInfo>")),
        ("</Transform><Transform", "</Transform><Transform Algorithm=\"x\"></Transform><Transform"),
        ("<DigestValue>", "<DigestValue>&#65;"),
    ] {
        let changed = good.replacen(part, with, 1);
        assert_ne!(changed, good, "{part}");
        let result = verify(signer().sign_with(&document, &changed));
        assert!(matches!(result, Err(ListError::Profile(_))), "{with}: {result:?}");
    }
}

#[test]
fn signed_info_may_be_written_with_empty_tags_and_in_lines() {
    let document = document(ENTRY);
    let lines = signed_info(&document)
        .replace("><", ">\n  <")
        .replace(">\n  </CanonicalizationMethod>", "></CanonicalizationMethod>");
    let lines = ["SignatureMethod", "Transform", "DigestMethod"]
        .iter()
        .fold(lines, |text, name| text.replace(&format!(">\n  </{name}>"), &format!("></{name}>")));
    let signed = signer().sign_with(&document, &lines);
    let short = signed.replace("></Transform>", "/>").replace("></DigestMethod>", " />");
    assert_ne!(signed, short);
    assert!(verify(signed).is_ok());
    assert!(verify(short).is_ok());
}

#[test]
fn carriage_returns_other_encodings_and_loose_text_fail_closed() {
    let text = String::from_utf8(signer().list(DATE, &["a.test"])).unwrap();
    assert!(verify(format!("\u{feff}{text}")).is_ok(), "a byte order mark is no content");
    for changed in [
        text.replacen("<Domaine>", "\r\n<Domaine>", 1).into_bytes(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        [text.as_bytes(), b"x"].concat(),
        text.replacen("?>", "", 1).into_bytes(),
        Vec::new(),
        b"<Signature>".to_vec(),
        b"</Signature><Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">".to_vec(),
    ] {
        assert!(verify(changed).is_err());
    }
}

#[test]
fn what_verifies_and_is_no_list_is_refused() {
    let check = |document: &str| verify(signer().sign(document)).unwrap_err();
    assert!(matches!(check(&document("")), ListError::Empty));
    assert!(matches!(check(&document(ENTRY).replace(DATE, "yesterday")), ListError::Malformed(_)));
    assert!(matches!(check(&document(&ENTRY.replace("</Nom>", ""))), ListError::Malformed(_)));
    assert!(matches!(check(&document(&"<x>".repeat(100))), ListError::Malformed(_)));
    assert!(matches!(check(&document(&ENTRY.replace("a.test", &"a".repeat(9999)))), ListError::Malformed(_)));
    // Names that stand elsewhere are not domains.
    assert!(matches!(check(&document("<Autre><Nom>a.test</Nom></Autre>")), ListError::Empty));
}

#[test]
fn a_list_of_twenty_megabytes_is_read_and_one_beyond_the_limit_is_not() {
    let entry =
        |n: usize| format!("<Domaine><Nom>d{n}.test</Nom><Description>{}</Description></Domaine>", "x".repeat(200));
    let entries: String = (0..80_000).map(entry).collect();
    assert!(entries.len() > 20_000_000);
    let list = verify(signer().sign(&document(&entries))).unwrap();
    assert_eq!(list.len(), 80_000);
    let large = vec![b' '; usize::try_from(LIST_LIMIT).unwrap() + 1];
    assert!(matches!(verify(large), Err(ListError::TooLarge)));
}
