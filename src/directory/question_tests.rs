//! Questions put to a directory that searches as the national one does.

use serde_json::{Value, json};

use super::entry::{Answer, Entry, Query};
use super::folding::fold;
use super::merge::Evidence;
use super::request::Search;
use super::walk::{Ask, Reply, Walk};
use super::{DirectoryError, question};
use crate::mail::Address;
use crate::pki::specimen::NOON;
use crate::space::MailboxKind;

const BASE: &str = "https://gateway.api.esante.gouv.fr/fhir/v2";
const CERTIFICATES: &str = "urn:mss:certificate";

/// Resources, and what was asked of them.
struct Directory {
    resources: Vec<Value>,
    asked: Vec<String>,
}

impl Directory {
    /// All resources of the vectors.
    fn new() -> Directory {
        let bundles = [
            &include_bytes!("../../tests/vectors/fhir/role.json")[..],
            include_bytes!("../../tests/vectors/fhir/page-1.json"),
            include_bytes!("../../tests/vectors/fhir/page-2.json"),
        ];
        let mut resources: Vec<Value> = Vec::new();
        for bundle in bundles {
            let bundle: Value = serde_json::from_slice(bundle).unwrap();
            for entry in bundle["entry"].as_array().unwrap() {
                if !resources.iter().any(|known| known["id"] == entry["resource"]["id"]) {
                    resources.push(entry["resource"].clone());
                }
            }
        }
        Directory { resources, asked: Vec::new() }
    }

    fn ask<T>(&mut self, question: impl FnOnce(&mut Walk<'_>, &Evidence<'_>) -> T) -> T {
        let evidence =
            Evidence { source: BASE, seen_at: NOON.parse().unwrap(), certificate_extension: Some(CERTIFICATES) };
        let mut asker = |ask: Ask<'_>| {
            let Ask::Search(search) = ask else { panic!("there is one page") };
            self.asked.push(format!("{} {:?}", search.resource, search.parameters()));
            let entries: Vec<Value> = self.answer(search).into_iter().map(|found| json!({"resource": found})).collect();
            let body = json!({"resourceType": "Bundle", "entry": entries}).to_string().into_bytes();
            Ok(Reply { status: 200, retry_after: None, body })
        };
        question(&mut Walk::new(BASE, &mut asker), &evidence)
    }

    fn search(&mut self, query: &Query) -> Answer {
        self.ask(|walk, evidence| question::answer(walk, query, evidence)).unwrap()
    }

    fn names(&mut self, query: &Query) -> Vec<String> {
        self.search(query).entries.into_iter().map(|entry| entry.name).collect()
    }

    fn find(&mut self, address: &str) -> Option<super::Listed> {
        let address: Address = address.parse().unwrap();
        let entries = self.ask(|walk, evidence| {
            question::by_address(walk, &address, evidence, false).unwrap();
            walk.collected.entries(evidence)
        });
        Answer { entries, complete: true }.listed(&address)
    }

    fn answer(&self, search: &Search) -> Vec<Value> {
        let of = |kind: &'static str| self.resources.iter().filter(move |resource| resource["resourceType"] == *kind);
        let parameters = search.parameters();
        let mut found: Vec<Value> = of(search.resource)
            .filter(|resource| parameters.iter().all(|(name, value)| matches(resource, name, value)))
            .cloned()
            .collect();
        for (name, value) in parameters.iter().filter(|(name, _)| name.ends_with("include")) {
            let field = value.split_once(':').unwrap().1;
            let referring = |role: &&Value, to: &Value| {
                role[field]["reference"] == format!("{}/{}", to["resourceType"].as_str().unwrap(), text(&to["id"]))
            };
            let matched = found.clone();
            match *name {
                "_revinclude" => found.extend(
                    of("PractitionerRole").filter(|role| matched.iter().any(|to| referring(role, to))).cloned(),
                ),
                _ => found.extend(
                    self.resources.iter().filter(|to| matched.iter().any(|role| referring(&role, to))).cloned(),
                ),
            }
        }
        found
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The server's rules: the beginning of a string without case and accents, `:exact`, `:contains`, whole tokens, or by comma.
fn matches(resource: &Value, parameter: &str, wanted: &str) -> bool {
    let all = |pointer: &str| -> Vec<String> {
        fn collect(value: &Value, keys: &[&str], found: &mut Vec<String>) {
            match (value, keys) {
                (Value::Array(items), _) => items.iter().for_each(|item| collect(item, keys, found)),
                (Value::String(text), []) => found.push(text.clone()),
                (_, [key, rest @ ..]) => collect(&value[*key], rest, found),
                _ => {}
            }
        }
        let mut found = Vec::new();
        collect(resource, &pointer.split('.').collect::<Vec<_>>(), &mut found);
        found
    };
    let begins = |texts: Vec<String>| texts.iter().any(|text| fold(text).starts_with(&fold(wanted)));
    let contains = |texts: Vec<String>| texts.iter().any(|text| fold(text).contains(&fold(wanted)));
    let token = |texts: Vec<String>| wanted.split(',').any(|one| texts.iter().any(|text| text == one));
    match parameter {
        "_include" | "_revinclude" => true,
        "_id" => token(all("id")),
        "identifier" => token(all("identifier.value")),
        "family" => begins(all("name.family")),
        "given" => begins(all("name.given")),
        "name" => begins([all("name"), all("name.family"), all("name.given")].concat()),
        "name:contains" => contains(all("name")),
        "mailbox-mss" => begins(all("telecom.value")),
        "mailbox-mss:exact" => all("telecom.value").iter().any(|text| text == wanted),
        "address-city" => begins(all("address.city")),
        "address-postalcode" => begins(all("address.postalCode")),
        "qualification-code" => token(all("qualification.code.coding.code")),
        other => panic!("{other}"),
    }
}

fn words(text: &str) -> Query {
    Query { words: text.split(' ').map(str::to_owned).collect(), ..Query::default() }
}

#[test]
fn a_person_and_the_places_he_or_she_works_in_are_one_entry() {
    let answer = Directory::new().search(&Query { rpps: "99700000013".parse().ok(), ..Query::default() });
    assert!(answer.complete);
    let [entry] = answer.entries.as_slice() else { panic!("{answer:?}") };
    assert_eq!(entry.identity.as_ref().unwrap().to_string(), "RPPS 99700000013");
    assert_eq!(entry.name, "Zoé Anne ESSAI-LEGRAND");
    let professions: Vec<&str> = entry.professions.iter().map(|held| held.label.as_str()).collect();
    assert_eq!(professions, ["Médecin", "Qualifié en médecine générale"]);
    assert_eq!((entry.organisation(), entry.place()), (Some("HOPITAL D ESSAI DE L OUEST"), Some("35000 RENNES")));
    let mailboxes: Vec<(&str, Option<&str>)> =
        entry.mailboxes.iter().map(|mailbox| (mailbox.address.as_str(), mailbox.service.as_deref())).collect();
    assert_eq!(
        mailboxes,
        [
            ("zoe.essai-legrand@medecin.exemple-mss.test", None),
            ("z.essai-legrand@hopital-essai.exemple-mss.test", Some("CARDIOLOGIE"))
        ]
    );
    // Both are of rank 1: nobody chooses between them.
    assert!(entry.preferred().is_none());
}

#[test]
fn of_several_mailboxes_only_a_marked_one_is_preferred() {
    let answer = Directory::new().search(&Query { rpps: "99700000021".parse().ok(), ..Query::default() });
    let entry = &answer.entries[0];
    assert_eq!(entry.mailboxes.len(), 2);
    assert_eq!(entry.preferred().unwrap().address.as_str(), "noel.essai@infirmier.exemple-mss.test");
    assert_eq!(entry.mailboxes[1].kind, MailboxKind::Unspecified);
}

#[test]
fn a_closed_entry_is_kept_and_said_to_be_closed() {
    let answer = Directory::new().search(&Query { rpps: "99700000047".parse().ok(), ..Query::default() });
    let [entry] = answer.entries.as_slice() else { panic!("{answer:?}") };
    assert!(!entry.active && entry.name.is_empty() && entry.mailboxes.is_empty());
}

#[test]
fn a_structure_shows_its_mailboxes_and_not_its_ordinary_mail() {
    let answer = Directory::new().search(&Query { finess: "990000010".parse().ok(), ..Query::default() });
    let [entry] = answer.entries.as_slice() else { panic!("{answer:?}") };
    assert_eq!(entry.identity.as_ref().unwrap().to_string(), "FINESS 990000010");
    let kinds: Vec<(MailboxKind, &str)> =
        entry.mailboxes.iter().map(|mailbox| (mailbox.kind, mailbox.service.as_deref().unwrap())).collect();
    assert_eq!(
        kinds,
        [(MailboxKind::Organisation, "CARDIOLOGIE"), (MailboxKind::Application, "Intégration automatique DPI")]
    );
    assert!(!entry.mailboxes.iter().any(|mailbox| mailbox.address.as_str().starts_with("contact@")));
}

#[test]
fn people_are_found_by_family_and_given_name_in_either_order() {
    for name in ["essai-legrand", "Zoe ESSAI-LEGRAND", "essai-legrand zoé", "Essai Zoé Anne", "zoé anne essai-legrand"]
    {
        let found = Directory::new().names(&Query { name: Some(name.to_owned()), ..Query::default() });
        assert_eq!(found, ["Zoé Anne ESSAI-LEGRAND"], "{name}");
    }
    let all = Directory::new().names(&Query { name: Some("essai".to_owned()), ..Query::default() });
    assert_eq!(all, ["Ines ESSAI", "Noël ESSAI", "Zoé Anne ESSAI-LEGRAND"]);
    let nobody = Directory::new().names(&Query { name: Some("legrand noël".to_owned()), ..Query::default() });
    assert!(nobody.is_empty());
}

#[test]
fn what_else_is_given_narrows_down() {
    let query = |name: &str, profession: Option<&str>, place: Option<&str>| Query {
        name: Some(name.to_owned()),
        profession: profession.map(str::to_owned),
        place: place.map(str::to_owned),
        ..Query::default()
    };
    let names = |query: &Query| Directory::new().names(query);
    assert_eq!(names(&query("essai", Some("infirmière"), None)), ["Noël ESSAI"]);
    assert_eq!(names(&query("essai", None, Some("rennes"))), ["Zoé Anne ESSAI-LEGRAND"]);
    assert_eq!(names(&query("essai", Some("médecin généraliste"), Some("35"))), ["Zoé Anne ESSAI-LEGRAND"]);
    assert!(names(&query("essai", Some("médecin"), Some("Nantes"))).is_empty());
}

#[test]
fn a_profession_a_place_or_a_structure_can_be_asked_for_alone() {
    let mut directory = Directory::new();
    let profession = Query { profession: Some("pharmacien".to_owned()), ..Query::default() };
    assert_eq!(directory.names(&profession), ["Ines ESSAI"]);
    let place = Query { place: Some("Rennes".to_owned()), ..Query::default() };
    assert_eq!(directory.names(&place), ["HOPITAL D ESSAI DE L OUEST", "Zoé Anne ESSAI-LEGRAND"]);
    let both = Query { profession: Some("médecin".to_owned()), ..place };
    assert_eq!(directory.names(&both), ["Zoé Anne ESSAI-LEGRAND"]);
    let structure = Query { organisation: Some("hôpital d essai".to_owned()), ..Query::default() };
    assert_eq!(directory.names(&structure), ["HOPITAL D ESSAI DE L OUEST"]);
    let inside =
        Query { organisation: Some("Ouest".to_owned()), profession: Some("10".to_owned()), ..Query::default() };
    assert_eq!(directory.names(&inside), ["Zoé Anne ESSAI-LEGRAND"]);
}

#[test]
fn free_words_may_be_anything_in_any_order() {
    for (asked, first) in [
        ("essai zoé", "Zoé Anne ESSAI-LEGRAND"),
        ("legrand essai rennes", "Zoé Anne ESSAI-LEGRAND"),
        ("généraliste rennes", "Zoé Anne ESSAI-LEGRAND"),
        ("zoé", "Zoé Anne ESSAI-LEGRAND"),
        ("infirmier", "Noël ESSAI"),
        ("essai 35000", "HOPITAL D ESSAI DE L OUEST"),
        ("hopital essai", "HOPITAL D ESSAI DE L OUEST"),
        ("99700000039", "Ines ESSAI"),
        ("990000010", "HOPITAL D ESSAI DE L OUEST"),
        ("noel.essai@infirmier.exemple-mss.test", "Noël ESSAI"),
    ] {
        let names = Directory::new().names(&words(asked));
        assert_eq!(names.first().map(String::as_str), Some(first), "{asked}: {names:?}");
    }
    assert!(Directory::new().names(&words("essai nantes")).is_empty());
    for nothing in [Query::default(), words("- ,"), Query { name: Some(" ".to_owned()), ..Query::default() }] {
        let error = Directory::new().ask(|walk, evidence| question::answer(walk, &nothing, evidence)).unwrap_err();
        assert!(matches!(error, DirectoryError::Nothing));
    }
}

#[test]
fn an_address_is_looked_for_on_three_types_exactly() {
    let mut directory = Directory::new();
    let listed = directory.find("Z.Essai-Legrand@hopital-essai.exemple-mss.test").unwrap();
    assert_eq!(listed.registered.holder, "Zoé Anne ESSAI-LEGRAND");
    assert_eq!(listed.registered.identifier.as_deref(), Some("RPPS 99700000013"));
    assert_eq!((listed.registered.kind, listed.registered.active), (MailboxKind::Person, true));
    assert_eq!(directory.asked.len(), 3);
    assert!(directory.asked[0].contains(r#"("mailbox-mss:exact", "z.essai-legrand@hopital-essai.exemple-mss.test")"#));
    let whole = directory
        .search(&Query { address: "z.essai-legrand@hopital-essai.exemple-mss.test".parse().ok(), ..Query::default() });
    assert_eq!(whole.entries.len(), 1);
    assert_eq!(whole.entries[0].place(), Some("35000 RENNES"));
}

#[test]
fn an_address_that_only_begins_alike_is_not_accepted() {
    let mut directory = Directory::new();
    assert!(directory.find("z.essai-legrand@hopital-essai.exemple-mss.tes").is_none());
    assert_eq!(directory.asked.len(), 6, "the default form was tried once");
    assert!(directory.find("contact@hopital-essai.tes").is_none());
}

#[test]
fn an_address_the_directory_writes_in_capitals_is_found() {
    let mut directory = Directory::new();
    let text = serde_json::to_string(&directory.resources).unwrap();
    directory.resources = serde_json::from_str(&text.replace("noel.essai@", "Noel.ESSAI@")).unwrap();
    assert_eq!(directory.find("noel.essai@infirmier.exemple-mss.test").unwrap().registered.holder, "Noël ESSAI");
}

#[test]
fn ordinary_mail_is_found_by_its_address_and_left_to_the_white_list() {
    let listed = Directory::new().find("contact@hopital-essai.test").unwrap();
    assert_eq!(listed.registered.kind, MailboxKind::Unspecified);
    assert!(listed.certificates.is_empty());
}

/// A directory with one person whose one contact point has these extensions.
fn with_extensions(extensions: &Value, change: impl FnOnce(&mut Value)) -> Directory {
    let mut person = json!({
        "resourceType": "Practitioner", "id": "1", "name": [{"family": "ESSAI"}],
        "telecom": [{"system": "email", "value": "a+b@x.test", "extension": extensions}]
    });
    change(&mut person);
    Directory { resources: vec![person], asked: Vec::new() }
}

fn only_entry(directory: &mut Directory) -> Entry {
    directory.search(&Query { name: Some("essai".to_owned()), ..Query::default() }).entries.remove(0)
}

const EMAIL_TYPE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type";
const METADATA: &str =
    "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata";

#[test]
fn a_mailbox_is_known_by_either_extension_in_any_of_its_forms() {
    let coding = |code: &str| json!({"coding": [{"system": "TRE_R256", "code": code}]});
    let metadata = |part: Value| json!([{"url": METADATA, "extension": [part]}]);
    for (extensions, kind) in [
        (json!([{"url": EMAIL_TYPE, "valueCoding": {"code": "MSSANTE"}}]), MailboxKind::Unspecified),
        (json!([{"url": EMAIL_TYPE, "valueCode": "MSSANTE"}]), MailboxKind::Unspecified),
        (metadata(json!({"url": "type", "valueCodeableConcept": coding("ORG")})), MailboxKind::Organisation),
        (metadata(json!({"url": "type", "valueCoding": {"code": "APP"}})), MailboxKind::Application),
        (metadata(json!({"url": "type", "valueCode": "CAB"})), MailboxKind::Practice),
        (metadata(json!({"url": "type", "valueCode": "ZZZ"})), MailboxKind::Unspecified),
        (metadata(json!({"url": "phone", "valueString": "02"})), MailboxKind::Unspecified),
    ] {
        let entry = only_entry(&mut with_extensions(&extensions, |_| ()));
        assert_eq!(entry.mailboxes.len(), 1, "{extensions}");
        assert_eq!(entry.mailboxes[0].kind, kind, "{extensions}");
        assert!(entry.mailboxes[0].active && entry.active, "what is not said to be closed is open");
    }
    for extensions in [json!([]), json!([{"url": EMAIL_TYPE, "valueCoding": {"code": "AUTRE"}}])] {
        assert!(only_entry(&mut with_extensions(&extensions, |_| ())).mailboxes.is_empty(), "{extensions}");
    }
}

#[test]
fn a_closed_person_has_closed_mailboxes() {
    let marked = json!([{"url": EMAIL_TYPE, "valueCode": "MSSANTE"}]);
    let mut directory = with_extensions(&marked, |person| person["active"] = json!(false));
    assert!(!directory.find("a+b@x.test").unwrap().registered.active);
    assert!(!only_entry(&mut directory).mailboxes[0].active);
}

#[test]
fn certificates_are_read_from_the_configured_extension_only() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let certificate = crate::pki::specimen::Authority::root("TEST AC").certificate;
    let carried = |url: &str, text: &str| json!({"url": url, "valueBase64Binary": text});
    let good = STANDARD.encode(certificate.der());
    let extensions = json!([
        {"url": EMAIL_TYPE, "valueCode": "MSSANTE"}, carried(CERTIFICATES, &good), carried(CERTIFICATES, "AAAA"),
        carried(CERTIFICATES, "?"), carried("urn:other", &good), carried("https://evil/urn:mss:certificate", &good)
    ]);
    let listed = with_extensions(&extensions, |_| ()).find("A+B@x.test").unwrap();
    assert_eq!(listed.certificates, [certificate]);
    assert_eq!(listed.unreadable_certificates, 2);
}

#[test]
fn long_and_strange_texts_are_cut() {
    let long = format!("Essai {}", "x".repeat(10_000));
    let mut directory = with_extensions(&json!([]), |person| person["name"][0]["family"] = json!(long));
    assert_eq!(only_entry(&mut directory).name.len(), 512);
}
