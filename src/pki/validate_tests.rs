//! The path cases: what is believed, and the finding for each thing that is not.

use std::slice::from_ref;

use rcgen::{ExtendedKeyUsagePurpose, GeneralSubtree, KeyUsagePurpose, NameConstraints};

use super::specimen::{Authority, Leaf, NOON, rsa_key};
use super::{Certificate, Finding, Purpose, RevocationList, TrustAnchors, Trusted, choose, find_path, validate};

const ZOE: &str = "zoe@medecin.sandbox";

struct Space {
    root: Authority,
    issuing: Authority,
}

impl Space {
    fn new() -> Space {
        let root = Authority::root("TEST AC RACINE");
        let issuing = root.below("TEST AC PERSONNES");
        Space { root, issuing }
    }

    fn judge_with(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        crls: &[RevocationList],
        purpose: Purpose,
    ) -> Result<Trusted, Finding> {
        let address = ZOE.parse().unwrap();
        validate(leaf, intermediates, &self.root.anchors(), crls, purpose, Some(&address), NOON.parse().unwrap())
    }

    fn judge(&self, leaf: &Certificate) -> Result<Trusted, Finding> {
        self.judge_with(leaf, from_ref(&self.issuing.certificate), &[], Purpose::EmailSigning)
    }

    fn finding(&self, leaf: &Leaf<'_>) -> Option<&'static str> {
        self.judge(&self.issuing.certify(leaf)).err().map(|finding| finding.code())
    }
}

#[test]
fn a_good_certificate_is_believed_and_its_path_told() {
    let space = Space::new();
    for leaf in [Leaf::new("Zoe@MEDECIN.sandbox"), Leaf::with_key(ZOE, rsa_key())] {
        let leaf = space.issuing.certify(&leaf);
        for purpose in [Purpose::EmailSigning, Purpose::EmailEncryption] {
            let trusted = space.judge_with(&leaf, from_ref(&space.issuing.certificate), &[], purpose).unwrap();
            assert_eq!(trusted.certificate(), &leaf);
            assert_eq!(trusted.path(), [space.issuing.certificate.clone(), space.root.certificate.clone()]);
            assert_eq!(trusted.address().unwrap().as_str(), ZOE);
        }
    }
}

#[test]
fn each_fault_of_a_leaf_has_its_finding() {
    let space = Space::new();
    let with = |change: fn(&mut Leaf<'_>)| {
        let mut leaf = Leaf::new(ZOE);
        change(&mut leaf);
        space.finding(&leaf)
    };
    assert_eq!(with(|_| {}), None);
    assert_eq!(with(|leaf| leaf.years = (2024, 2025)), Some("expired"));
    assert_eq!(with(|leaf| leaf.years = (2027, 2028)), Some("not-yet-valid"));
    assert_eq!(with(|leaf| leaf.address = Some("zoe@medecin.sandbox.evil")), Some("wrong-address"));
    assert_eq!(with(|leaf| leaf.address = None), Some("wrong-address"));
    assert_eq!(with(|leaf| leaf.usages = vec![KeyUsagePurpose::KeyAgreement]), Some("wrong-usage"));
    assert_eq!(with(|leaf| leaf.purposes = vec![ExtendedKeyUsagePurpose::ServerAuth]), Some("wrong-usage"));
    assert_eq!(with(|leaf| leaf.purposes = vec![]), None, "no extended key usage limits nothing");
}

#[test]
fn a_key_that_only_signs_is_not_encrypted_to() {
    let space = Space::new();
    let mut leaf = Leaf::new(ZOE);
    leaf.usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = space.issuing.certify(&leaf);
    let issuing = [space.issuing.certificate.clone()];
    let judged = space.judge_with(&certificate, &issuing, &[], Purpose::EmailEncryption);
    assert_eq!(judged.err(), Some(Finding::WrongUsage));
}

#[test]
fn a_path_that_does_not_reach_an_anchor_is_not_believed() {
    let space = Space::new();
    let leaf = space.issuing.certify(&Leaf::new(ZOE));
    let missing = space.judge_with(&leaf, &[], &[], Purpose::EmailSigning);
    assert_eq!(missing.err(), Some(Finding::Untrusted));

    // The same names, other keys: key identifiers tell them apart before any signature is tried.
    let forger = Space::new();
    let forged = forger.issuing.certify(&Leaf::new(ZOE));
    assert_eq!(space.judge(&forged).err(), Some(Finding::Untrusted));
    let nobody = TrustAnchors::default();
    let at = NOON.parse().unwrap();
    let judged = validate(&leaf, &[], &nobody, &[], Purpose::EmailSigning, None, at);
    assert_eq!(judged.err(), Some(Finding::Untrusted));
}

#[test]
fn a_changed_certificate_is_a_bad_signature() {
    let space = Space::new();
    let mut der = space.issuing.certify(&Leaf::new(ZOE)).der().to_vec();
    let end = der.len() - 1;
    der[end] ^= 1;
    let changed = Certificate::from_der(&der).unwrap();
    assert_eq!(space.judge(&changed).err(), Some(Finding::BadSignature));
}

#[test]
fn a_person_cannot_issue_certificates() {
    let space = Space::new();
    let person = space.issuing.below_with("PERSON", |params| params.is_ca = rcgen::IsCa::ExplicitNoCa);
    let leaf = person.certify(&Leaf::new(ZOE));
    let above = [person.certificate.clone(), space.issuing.certificate.clone()];
    let judged = space.judge_with(&leaf, &above, &[], Purpose::EmailSigning);
    assert_eq!(judged.err(), Some(Finding::Constraint));
}

#[test]
fn an_authority_is_held_to_its_own_limits() {
    let space = Space::new();
    let limited = space.root.below_with("TLS ONLY", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let judged = |authority: &Authority| {
        let leaf = authority.certify(&Leaf::new(ZOE));
        space.judge_with(&leaf, from_ref(&authority.certificate), &[], Purpose::EmailSigning).err()
    };
    assert_eq!(judged(&limited), Some(Finding::WrongUsage));
    let named = |domain: &str| {
        space.root.below_with("ONE DOMAIN", |params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::Rfc822Name(domain.to_owned())],
                excluded_subtrees: vec![],
            });
        })
    };
    assert_eq!(judged(&named("medecin.sandbox")), None);
    assert_eq!(judged(&named("hopital.sandbox")), Some(Finding::Constraint));
    let expired = space.root.below_with("OLD", |params| params.not_after = rcgen::date_time_ymd(2026, 1, 1));
    assert_eq!(judged(&expired), Some(Finding::IssuerExpired));
}

#[test]
fn a_list_is_asked_once_about_the_same_certificate_and_moment() {
    let space = Space::new();
    let [leaf, other] = [1, 2].map(|serial| space.issuing.certify(&Leaf { serial, ..Leaf::new(ZOE) }));
    let (issuing, root) = (&space.issuing.certificate, &space.root.certificate);
    let list = space.issuing.revoke(&[1]);
    let asked = std::cell::Cell::new(0);
    let ask = |list: &RevocationList, subject, issuer, moment: &str, answer| {
        let ask = || {
            asked.set(asked.get() + 1);
            answer
        };
        (list.answer(subject, issuer, moment.parse().unwrap(), ask), asked.get())
    };
    let revoked = Err(Finding::Revoked);
    assert_eq!(ask(&list, &leaf, issuing, NOON, revoked), (revoked, 1));
    assert_eq!(ask(&list.clone(), &leaf, issuing, NOON, Ok(())), (revoked, 1), "as it said before");
    assert_eq!(ask(&list, &other, issuing, NOON, Ok(())), (Ok(()), 2));
    assert_eq!(ask(&list, &leaf, root, NOON, Ok(())), (Ok(()), 3));
    assert_eq!(ask(&list, &leaf, issuing, "2026-06-01T12:00:01Z", Ok(())), (Ok(()), 4));
    assert_eq!(ask(&space.issuing.revoke(&[1]), &leaf, issuing, NOON, Ok(())), (Ok(()), 5), "another list");
}

#[test]
fn a_revocation_list_decides_when_there_is_one() {
    let space = Space::new();
    let leaf = space.issuing.certify(&Leaf::new(ZOE));
    let issuing = [space.issuing.certificate.clone()];
    let judge = |crls: &[RevocationList]| space.judge_with(&leaf, &issuing, crls, Purpose::EmailSigning).err();
    assert_eq!(judge(&[space.issuing.revoke(&[1, 2])]), None);
    assert_eq!(judge(&[space.issuing.revoke(&[1, 77])]), Some(Finding::Revoked));
    assert_eq!(judge(&[space.root.revoke(&[])]), Some(Finding::RevocationUnknown), "a list of another authority");
    let (empty, full) = (space.issuing.revoke(&[]), space.issuing.revoke(&[77]));
    for lists in [[empty.clone(), full.clone()], [full, empty]] {
        assert_eq!(judge(&lists), Some(Finding::Revoked), "of two lists of one moment the one that revokes decides");
    }
    let forged = Space::new().issuing.revoke(&[]);
    assert_eq!(judge(&[forged]), Some(Finding::RevocationUnknown), "a list signed with another key");

    let stale = validate(
        &leaf,
        &issuing,
        &space.root.anchors(),
        &[space.issuing.revoke(&[])],
        Purpose::EmailSigning,
        None,
        "2026-08-01T00:00:00Z".parse().unwrap(),
    );
    assert_eq!(stale.err(), Some(Finding::RevocationUnknown), "a list past its next update");
}

#[test]
fn a_certificate_that_says_where_its_list_is_needs_it() {
    let space = Space::new();
    let mut leaf = Leaf::new(ZOE);
    leaf.lists = vec!["http://crl.test/personnes.crl".to_owned()];
    let leaf = space.issuing.certify(&leaf);
    let issuing = [space.issuing.certificate.clone()];
    let judge = |crls: &[RevocationList]| space.judge_with(&leaf, &issuing, crls, Purpose::EmailSigning).err();
    assert_eq!(judge(&[]), Some(Finding::RevocationUnknown), "nobody looked");
    assert_eq!(judge(&[space.root.revoke(&[])]), Some(Finding::RevocationUnknown));
    assert_eq!(judge(&[space.issuing.revoke(&[])]), None);
    assert_eq!(judge(&[space.issuing.revoke(&[77])]), Some(Finding::Revoked));
    // The path that is looked for first, to know which lists to fetch, is found all the same.
    let (address, at) = (ZOE.parse().unwrap(), NOON.parse().unwrap());
    let anchors = space.root.anchors();
    let path = find_path(&leaf, &issuing, &anchors, Purpose::EmailSigning, Some(&address), at).unwrap();
    assert_eq!(path, [leaf, issuing[0].clone(), space.root.certificate.clone()]);
}

#[test]
fn an_authority_that_says_where_its_list_is_needs_it_too() {
    let space = Space::new();
    let issuing = space.root.below_with("TEST AC PERSONNES", |params| {
        params.serial_number = Some(rcgen::SerialNumber::from(5u64));
        params.crl_distribution_points =
            vec![rcgen::CrlDistributionPoint { uris: vec!["http://crl.test/racine.crl".to_owned()] }];
    });
    let leaf = issuing.certify(&Leaf::new(ZOE));
    let above = [issuing.certificate.clone()];
    let judge = |crls: &[RevocationList]| space.judge_with(&leaf, &above, crls, Purpose::EmailSigning).err();
    assert_eq!(judge(&[]), Some(Finding::RevocationUnknown));
    assert_eq!(judge(&[issuing.revoke(&[])]), Some(Finding::RevocationUnknown), "only the leaf is told of");
    assert_eq!(judge(&[issuing.revoke(&[]), space.root.revoke(&[])]), None);
    assert_eq!(judge(&[issuing.revoke(&[]), space.root.revoke(&[5])]), Some(Finding::Revoked));
}

#[test]
fn a_part_of_a_list_does_not_speak_for_another_part() {
    let space = Space::new();
    let mut leaf = Leaf::new(ZOE);
    leaf.lists = vec!["http://crl.test/part-1.crl".to_owned()];
    let leaf = space.issuing.certify(&leaf);
    let issuing = [space.issuing.certificate.clone()];
    let judge = |part: &str, serials: &[u64]| {
        let list = space.issuing.revoke_part(&format!("http://crl.test/{part}.crl"), serials);
        space.judge_with(&leaf, &issuing, &[list], Purpose::EmailSigning).err()
    };
    assert_eq!(judge("part-1", &[]), None);
    assert_eq!(judge("part-1", &[77]), Some(Finding::Revoked));
    assert_eq!(judge("part-2", &[]), Some(Finding::RevocationUnknown));
}

#[test]
fn a_later_revocation_counts_for_an_earlier_moment() {
    let space = Space::new();
    let leaf = space.issuing.certify(&Leaf::new(ZOE));
    let issuing = [space.issuing.certificate.clone()];
    let before_the_list = "2026-04-01T00:00:00Z".parse().unwrap();
    let judge = |list: RevocationList| {
        validate(&leaf, &issuing, &space.root.anchors(), &[list], Purpose::EmailSigning, None, before_the_list).err()
    };
    assert_eq!(judge(space.issuing.revoke(&[])), None);
    assert_eq!(judge(space.issuing.revoke(&[77])), Some(Finding::Revoked));
}

#[test]
fn a_valid_certificate_is_chosen_before_an_expired_one_and_the_newest_first() {
    let space = Space::new();
    let made = |years: (i32, i32)| {
        let mut leaf = Leaf::new(ZOE);
        leaf.years = years;
        space.issuing.certify(&leaf)
    };
    let (old, new, expired) = (made((2024, 2027)), made((2025, 2027)), made((2023, 2024)));
    let issuing = [space.issuing.certificate.clone()];
    let pick = |candidates: &[Certificate]| {
        let at = NOON.parse().unwrap();
        choose(candidates, &issuing, &space.root.anchors(), &[], Purpose::EmailEncryption, None, at)
    };
    assert_eq!(pick(&[expired.clone(), old.clone(), new.clone()]).unwrap().certificate(), &new);
    let refused = pick(from_ref(&expired)).unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0].0, refused[0].1.code()), (&expired, "expired"));
    assert_eq!(pick(&[]).unwrap_err(), []);
}

#[test]
fn many_look_alike_authorities_cost_little() {
    let space = Space::new();
    let twin =
        || Authority::root("TWIN").below_with("TWIN", |params| params.use_authority_key_identifier_extension = false);
    let crowd: Vec<Certificate> = (0..40).map(|_| twin().certificate).collect();
    let mut leaf = Leaf::new(ZOE);
    leaf.identifier = false;
    let stranger = Authority::root("TWIN").certify(&leaf);
    let started = std::time::Instant::now();
    assert!(space.judge_with(&stranger, &crowd, &[], Purpose::EmailSigning).is_err());
    assert!(started.elapsed().as_secs() < 5);
}
