//! The register: FHIR resources of people, their practice situations and their structures, in the shape of the Annuaire Santé.

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::sandbox::SandboxError;
use crate::sandbox::authority::{DAY, certificate_der};
use crate::sandbox::people::{Doctor, Entry, Holder, Kind, PEOPLE, STRUCTURES, Structure};
use crate::sandbox::state::Records;

/// The extension that shows a certificate; the national directory shows none.
pub(in crate::sandbox) const CERTIFICATE_EXTENSION: &str = "urn:mss:certificate";

const EMAIL_TYPE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type";
const METADATA: &str =
    "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata";
const ORGANIZATION_TYPES: &str =
    "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-organization-types";
const IDENTIFIER_TYPES: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203";
const RPPS: &str = "https://rpps.esante.gouv.fr";
const IDNPS: &str = "urn:oid:1.2.250.1.71.4.2.1";
const FINESS: &str = "https://finess.esante.gouv.fr";
const IDNST: &str = "urn:oid:1.2.250.1.71.4.2.2";

/// TRE_G15.
const DOCTOR: &str = "10";
const NURSE: &str = "60";

/// Nurses without mailbox, so that a search fills more than one page.
const NURSES: usize = 60;
const NURSES_NAMES: [&str; 6] = ["Maëlle", "Yann", "Solène", "Erwan", "Gwenaëlle", "Loïc"];

/// One resource of the register.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Practitioner, PractitionerRole or Organization.
    pub kind: &'static str,
    pub id: String,
    pub value: Value,
}

/// The whole register as of a moment, in an order that is nobody's but the server's.
pub(super) fn register(records: &Records, now: Timestamp) -> Result<Vec<Resource>, SandboxError> {
    let mut all = Vec::new();
    for entry in &PEOPLE {
        if let Holder::Doctor(doctor) = &entry.holder {
            let telecom = mailbox(entry, records)?;
            let (own, in_role) = if works_in_role(entry) { (None, Some(telecom)) } else { (Some(telecom), None) };
            all.push(practitioner(doctor, own));
            all.push(role(doctor, in_role));
        }
    }
    for structure in &STRUCTURES {
        all.push(organization(structure, records)?);
    }
    all.extend((0..NURSES).map(nurse));
    for resource in &mut all {
        let age = 1 + i64::from(position(&resource.id)[1] % 20);
        let day = (now - DAY * i32::try_from(age).unwrap_or(1)).to_zoned(jiff::tz::TimeZone::UTC).date();
        resource.value["meta"]["lastUpdated"] = json!(format!("{day}T03:12:45.123+02:00"));
    }
    all.sort_by_key(|resource| position(&resource.id));
    Ok(all)
}

/// Whether the mailbox belongs to a practice situation (RPPS and structure), not to the person alone.
fn works_in_role(entry: &Entry) -> bool {
    matches!(entry.profile(), "dr.lefevre" | "dr.petit")
}

fn position(id: &str) -> [u8; 8] {
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    std::array::from_fn(|at| hash.as_ref()[at])
}

/// The last digits of an identifier make the identifier of the resource, which means nothing elsewhere.
fn id(prefix: &str, number: &str) -> String {
    format!("{prefix}-{}", &number[number.len().saturating_sub(6)..])
}

fn practitioner_id(rpps: &str) -> String {
    id("003", rpps)
}

fn organization_id(finess: &str) -> String {
    id("001", finess)
}

fn identifier(kind: &str, system: &str, value: &str) -> Value {
    json!({
        "use": "official",
        "type": {"coding": [{"system": IDENTIFIER_TYPES, "code": kind}]},
        "system": system,
        "value": value,
    })
}

fn coding(table: &str, code: &str) -> Value {
    json!({"system": terminology(table), "code": code})
}

/// The address of a table of the national terminologies: `TRE_G15-ProfessionSante` and the like.
fn terminology(table: &str) -> String {
    format!("https://mos.esante.gouv.fr/NOS/{table}/FHIR/{}", table.replacen('_', "-", 1))
}

fn meta(profiles: [&str; 2]) -> Value {
    json!({"versionId": "1", "source": "https://annuaire.sante.fr", "profile": profiles})
}

fn practitioner(doctor: &Doctor, telecom: Option<Value>) -> Resource {
    let id = practitioner_id(doctor.rpps);
    let mut value = person(&id, doctor.rpps, doctor.active);
    if doctor.active {
        value["name"] = name(doctor.civility, doctor.given, doctor.family);
        value["qualification"] = json!([
            profession(DOCTOR),
            {"code": {"coding": [
                coding("TRE_R38-SpecialiteOrdinale", doctor.speciality),
                coding("TRE_R04-TypeSavoirFaire", "S"),
            ]}},
        ]);
    }
    if let Some(telecom) = telecom {
        value["telecom"] = json!([telecom]);
    }
    Resource { kind: "Practitioner", id, value }
}

fn person(id: &str, rpps: &str, active: bool) -> Value {
    json!({
        "resourceType": "Practitioner",
        "id": id,
        "meta": meta([
            "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-practitioner",
            "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-dp-practitioner",
        ]),
        "language": "fr",
        "identifier": [identifier("IDNPS", IDNPS, &format!("8{rpps}")), identifier("RPPS", RPPS, rpps)],
        "active": active,
    })
}

fn name(civility: &str, given: &str, family: &str) -> Value {
    json!([{"use": "usual", "family": family, "given": [given], "prefix": [civility]}])
}

fn profession(code: &str) -> Value {
    json!({"code": {"coding": [
        coding("TRE_G15-ProfessionSante", code),
        coding("TRE_R09-CategorieProfessionnelle", "C"),
    ]}})
}

fn role(doctor: &Doctor, telecom: Option<Value>) -> Resource {
    let id = id("005", doctor.rpps);
    let number = format!("1009{}", &doctor.rpps[doctor.rpps.len() - 6..]);
    let mut value = json!({
        "resourceType": "PractitionerRole",
        "id": id,
        "meta": meta([
            "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-practitioner-role",
            "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-dp-practitionerrole",
        ]),
        "language": "fr",
        "identifier": [{"system": RPPS, "value": number}],
        "active": doctor.active,
        "practitioner": {"reference": format!("Practitioner/{}", practitioner_id(doctor.rpps))},
        "organization": {"reference": format!("Organization/{}", organization_id(doctor.workplace))},
        "code": [
            {"coding": [coding("TRE_R22-GenreActivite", "GENR01")]},
            {"coding": [coding("TRE_R23-ModeExercice", "L")]},
        ],
    });
    if let Some(telecom) = telecom {
        value["telecom"] = json!([telecom]);
    }
    Resource { kind: "PractitionerRole", id, value }
}

fn organization(structure: &Structure, records: &Records) -> Result<Resource, SandboxError> {
    let id = organization_id(structure.finess);
    let phone = format!("0{}00000{}", &structure.postal_code[..1], &structure.finess[6..]);
    let mut telecom = vec![
        json!({"system": "phone", "value": phone, "rank": 1}),
        json!({"system": "email", "value": structure.contact}),
    ];
    for entry in &PEOPLE {
        if matches!(&entry.holder, Holder::Unit { finess, .. } if *finess == structure.finess) {
            telecom.push(mailbox(entry, records)?);
        }
    }
    let kind = |of: &str, coding: Value| json!({"extension": [{"url": ORGANIZATION_TYPES, "valueCode": of}], "coding": [coding]});
    let geographical =
        json!({"system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-3307", "code": "GEOGRAPHICAL-ENTITY"});
    let value = json!({
        "resourceType": "Organization",
        "id": id,
        "meta": meta([
            "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-organization",
            "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-dp-organization",
        ]),
        "language": "fr",
        "identifier": [
            identifier("IDNST", IDNST, &format!("1{}", structure.finess)),
            identifier("FINEG", FINESS, structure.finess),
        ],
        "active": true,
        "type": [
            kind("organizationType", geographical),
            kind("secteurActiviteRASS", coding("TRE_R02-SecteurActivite", structure.sector)),
        ],
        "name": structure.name,
        "telecom": telecom,
        "address": [{"line": [structure.line], "city": structure.city, "postalCode": structure.postal_code}],
    });
    Ok(Resource { kind: "Organization", id, value })
}

fn nurse(number: usize) -> Resource {
    let rpps = with_key(&format!("9970020{number:03}"));
    let id = practitioner_id(&rpps);
    let mut value = person(&id, &rpps, true);
    value["name"] = name("MME", NURSES_NAMES[number % NURSES_NAMES.len()], "ESSAI-BRETON");
    value["qualification"] = json!([profession(NURSE)]);
    Resource { kind: "Practitioner", id, value }
}

/// Appends the Luhn check digit.
fn with_key(digits: &str) -> String {
    let doubled = |(at, digit): (usize, u8)| {
        let value = u32::from(digit - b'0') << ((at + 1) % 2);
        if value > 9 { value - 9 } else { value }
    };
    let sum: u32 = digits.bytes().rev().enumerate().map(doubled).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A mailbox as a ContactPoint. The official examples do not agree on its extensions, so neither do ours.
fn mailbox(entry: &Entry, records: &Records) -> Result<Value, SandboxError> {
    let email_type = json!({"url": EMAIL_TYPE, "valueCoding": coding("TRE_R256-TypeMessagerie", "MSSANTE")});
    let metadata = json!({"url": METADATA, "extension": metadata(entry)});
    let mut extensions = match entry.profile() {
        "dr.lefevre" => vec![metadata],
        "dr.martin" => vec![email_type],
        _ => vec![email_type, metadata],
    };
    for der in shown(entry, records)? {
        extensions.push(json!({"url": CERTIFICATE_EXTENSION, "valueBase64Binary": BASE64_STANDARD.encode(der)}));
    }
    let mut telecom = json!({"extension": extensions, "system": "email", "value": entry.address});
    if entry.kind == Kind::Per {
        telecom["rank"] = json!(1);
    }
    Ok(telecom)
}

/// The certificates shown for a mailbox: those that somebody laid out for it, else the one that was issued.
fn shown(entry: &Entry, records: &Records) -> Result<Vec<CertificateDer<'static>>, SandboxError> {
    if let Some(pem) = records.laid_out.certificates(entry.profile())? {
        return CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(SandboxError::authority);
    }
    let leaf = records.people[entry.profile()].leaf.iter();
    leaf.map(|leaf| certificate_der(&leaf.pair.certificate)).collect()
}

fn metadata(entry: &Entry) -> Vec<Value> {
    let code = entry.kind.as_str();
    let mut fields = vec![match entry.profile() {
        "dr.petit" => json!({"url": "type", "valueCode": code}),
        // The messaging types where the mailbox types belong: seen in an official example.
        "dr.garnier" => typed(coding("TRE_R256-TypeMessagerie", code)),
        _ => typed(coding("TRE_R257-TypeBAL", code)),
    }];
    if let Holder::Unit { service, description, .. } = &entry.holder {
        fields.push(json!({"url": "description", "valueString": description}));
        fields.extend(service.map(|service| json!({"url": "service", "valueString": service})));
        fields.push(json!({"url": "digitization", "valueBoolean": true}));
    }
    fields.push(json!({"url": "listeRouge", "valueBoolean": false}));
    fields
}

fn typed(coding: Value) -> Value {
    json!({"url": "type", "valueCodeableConcept": {"coding": [coding]}})
}
