//! The certificate discovery cases of the Direct project, by their numbers, as far as certificates alone decide them.
//!
//! The directory of the space takes the place of LDAP. D1, D2, D5, D6, D14, D15 and D16 are about CERT and SRV records of
//! the DNS, which no rule of the space names: they are not there. D10 to D12 are about a directory that is down or empty,
//! and D7, D9, D17 and D18 are shown once more from the directory to the exit status, both in `tests/flows/certificates.rs`.

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};

use super::specimen::{Authority, Leaf, NOON};
use super::{Certificate, Purpose, RevocationList, choose};
use crate::mail::Address;

const ZOE: &str = "zoe@medecin.sandbox";

struct Space {
    root: Authority,
    issuing: Authority,
    stranger: Authority,
}

impl Space {
    fn new() -> Space {
        let root = Authority::root("TEST AC RACINE");
        let issuing = root.below("TEST AC PERSONNES");
        Space { root, issuing, stranger: Authority::root("TEST AC ETRANGERE") }
    }

    /// A certificate with this serial number and one thing about it that differs.
    fn listed(&self, serial: u64, change: impl FnOnce(&mut Leaf<'_>)) -> Certificate {
        let mut leaf = Leaf::new(ZOE);
        leaf.serial = serial;
        change(&mut leaf);
        self.issuing.certify(&leaf)
    }

    fn good(&self, serial: u64) -> Certificate {
        self.listed(serial, |_| ())
    }

    fn expired(&self, serial: u64) -> Certificate {
        self.listed(serial, |leaf| leaf.years = (2024, 2025))
    }

    /// Bound to a domain, as Direct allows it: a dNSName, and no address.
    fn of_domain(&self, serial: u64) -> Certificate {
        self.listed(serial, |leaf| {
            leaf.address = None;
            leaf.names = vec![SanType::DnsName("medecin.sandbox".try_into().unwrap())];
        })
    }

    /// Which serial number is chosen, or what stands against each that was listed, the best first.
    fn chosen(
        &self,
        listed: &[Certificate],
        above: &[Certificate],
        lists: &[RevocationList],
    ) -> Result<String, String> {
        let address: Address = ZOE.parse().unwrap();
        let (anchors, at) = (self.root.anchors(), NOON.parse().unwrap());
        choose(listed, above, &anchors, lists, Purpose::EmailEncryption, Some(&address), at)
            .map(|trusted| trusted.certificate().serial_hex())
            .map_err(|refused| refused.iter().map(|(_, finding)| finding.code()).collect::<Vec<_>>().join(" "))
    }
}

/// The number, the sentence, what is listed and revoked, and the serial number that is chosen or what stands against each.
type Case<'a> = (&'a str, &'a str, Vec<Certificate>, &'a [RevocationList], Result<&'static str, &'static str>);

#[test]
fn each_case_of_discovery_ends_as_it_must() {
    let space = Space::new();
    let above = [space.issuing.certificate.clone()];
    let not_yet = space.listed(1, |leaf| leaf.years = (2027, 2028));
    let for_tls = space.listed(1, |leaf| leaf.purposes = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    let signs = space.listed(1, |leaf| leaf.usages = vec![KeyUsagePurpose::DigitalSignature]);
    let other = space.listed(1, |leaf| leaf.address = Some("noel@medecin.sandbox"));
    let expired_domain = space.listed(1, |leaf| {
        leaf.address = None;
        leaf.names = vec![SanType::DnsName("medecin.sandbox".try_into().unwrap())];
        leaf.years = (2024, 2025);
    });
    let domain_as_address = space.listed(1, |leaf| leaf.address = Some("medecin.sandbox"));
    let foreign = space.stranger.certify(&Leaf::new(ZOE));
    let revoked = [space.issuing.revoke(&[1])];
    let mixed = vec![space.expired(1), for_tls.clone(), foreign.clone(), space.good(2), not_yet.clone()];
    let cases: Vec<Case<'_>> = vec![
        ("D3", "a certificate bound to the address is used", vec![space.good(1)], &[], Ok("01")),
        // The space knows persons, organisations and applications, each with an address of its own (mailboxes PER, ORG,
        // APP): a certificate for a whole domain would let whoever holds its key read the mail of all of them.
        ("D4", "one bound to the domain is not", vec![space.of_domain(1)], &[], Err("wrong-address")),
        ("D4", "nor one whose rfc822Name is a domain", vec![domain_as_address], &[], Err("wrong-address")),
        ("D7", "an expired one stops the message", vec![space.expired(1)], &[], Err("expired")),
        ("D7", "one that is not yet valid stops it", vec![not_yet], &[], Err("not-yet-valid")),
        ("D7", "one of an authority that nobody trusts stops it", vec![foreign], &[], Err("untrusted")),
        ("D7", "one for web servers stops it", vec![for_tls], &[], Err("wrong-usage")),
        ("D7", "one that only signs stops it", vec![signs], &[], Err("wrong-usage")),
        ("D7", "one of somebody else stops it", vec![other], &[], Err("wrong-address")),
        ("D8", "an expired one for the domain stops it", vec![expired_domain], &[], Err("expired")),
        ("D9", "the valid one among others is found", mixed, &[], Ok("02")),
        (
            "D9",
            "before an older one that is valid too",
            vec![space.listed(1, |leaf| leaf.years = (2024, 2027)), space.listed(2, |leaf| leaf.years = (2025, 2027))],
            &[],
            Ok("02"),
        ),
        (
            "D9",
            "and an address in it beside a domain counts",
            vec![space.listed(3, |leaf| {
                leaf.names = vec![SanType::DnsName("medecin.sandbox".try_into().unwrap())];
            })],
            &[],
            Ok("03"),
        ),
        ("D13", "without any nothing is sent", vec![], &[], Err("")),
        ("D17", "a revoked one stops the message", vec![space.good(1)], &revoked, Err("revoked")),
        ("D17", "and the next that is not revoked is used", vec![space.good(1), space.good(2)], &revoked, Ok("02")),
    ];
    for (number, sentence, listed, lists, expected) in &cases {
        let chosen = space.chosen(listed, &above, lists);
        let chosen = chosen.as_deref().map_err(String::as_str);
        assert_eq!(chosen, *expected, "{number}: {sentence}");
    }
}

#[test]
fn d18_the_issuer_that_a_certificate_points_to_completes_the_path() {
    let space = Space::new();
    let url = "http://ac.test/personnes.cer";
    let pointing = space.listed(1, |leaf| leaf.issuers = vec![url.to_owned()]);
    assert_eq!(pointing.issuer_urls(), [url]);
    let alone = space.chosen(std::slice::from_ref(&pointing), &[], &[]);
    assert_eq!(alone, Err("untrusted".to_owned()));
    let fetched = [space.issuing.certificate.clone()];
    assert_eq!(space.chosen(std::slice::from_ref(&pointing), &fetched, &[]), Ok("01".to_owned()));
    // What stands there is not believed for standing there.
    let planted = [space.stranger.below("TEST AC PERSONNES").certificate];
    assert_eq!(space.chosen(&[pointing], &planted, &[]), Err("untrusted".to_owned()));
}

#[test]
fn one_person_may_have_a_certificate_to_sign_and_another_to_encrypt() {
    let space = Space::new();
    let signs = space.listed(1, |leaf| leaf.usages = vec![KeyUsagePurpose::ContentCommitment]);
    let opens = space.listed(2, |leaf| leaf.usages = vec![KeyUsagePurpose::KeyAgreement]);
    let (above, anchors, at) = ([space.issuing.certificate.clone()], space.root.anchors(), NOON.parse().unwrap());
    for listed in [[signs.clone(), opens.clone()], [opens.clone(), signs.clone()]] {
        let pick = |purpose| choose(&listed, &above, &anchors, &[], purpose, None, at).unwrap().certificate().clone();
        assert_eq!(pick(Purpose::EmailSigning), signs);
        assert_eq!(pick(Purpose::EmailEncryption), opens);
    }
}

#[test]
fn the_address_is_compared_as_mail_compares_it() {
    let space = Space::new();
    let named = |written: &str, asked: &str| {
        let certificate = space.listed(1, |leaf| leaf.names = vec![SanType::Rfc822Name(written.try_into().unwrap())]);
        let (above, anchors) = ([space.issuing.certificate.clone()], space.root.anchors());
        let address: Address = asked.parse().unwrap();
        choose(&[certificate], &above, &anchors, &[], Purpose::EmailSigning, Some(&address), NOON.parse().unwrap())
            .map(|trusted| trusted.address().cloned())
            .map_err(|refused| refused[0].1.code())
    };
    // An rfc822Name is ASCII: a domain stands in it as A-labels (RFC 9598, section 3).
    for (written, asked) in [
        ("Dr.Roux@Hopital.Sandbox", "dr.roux@hopital.sandbox"),
        ("dr.roux@xn--mdecin-bva.sandbox", "DR.ROUX@médecin.sandbox"),
        ("dr.roux@XN--MDECIN-BVA.sandbox", "dr.roux@Médecin.Sandbox"),
    ] {
        assert_eq!(named(written, asked), Ok(Some(asked.parse().unwrap())), "{written} {asked}");
    }
    for (written, asked) in [
        ("dr.roux@medecin.sandbox", "dr.roux@médecin.sandbox"),
        ("roux@hopital.sandbox", "dr.roux@hopital.sandbox"),
        ("dr.roux@sub.hopital.sandbox", "dr.roux@hopital.sandbox"),
        ("dr.roux@hopital.sandbox.evil", "dr.roux@hopital.sandbox"),
    ] {
        assert_eq!(named(written, asked), Err("wrong-address"), "{written} {asked}");
    }
}
