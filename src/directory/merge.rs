//! From resources to entries: a professional, the situations he or she works in and the structures behind them are one.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::bounded;
use super::entry::{Entry, Identity, MailboxEntry, Profession, Register, Workplace};
use super::professions::label;
use super::resources::{
    CodeableConcept, ContactPoint, Extension, HumanName, Identifier, Organization, Practitioner, PractitionerRole,
    Resource,
};
use crate::mail::Address;
use crate::pki::Certificate;
use crate::space::MailboxKind;

/// Certificates read for one mailbox.
const MOST_CERTIFICATES: usize = 16;

/// Everything the searches for one question brought, by resource id.
#[derive(Default)]
pub(super) struct Collected {
    practitioners: BTreeMap<String, Practitioner>,
    roles: BTreeMap<String, PractitionerRole>,
    organizations: BTreeMap<String, Organization>,
    /// Structures that were themselves looked for; the others only tell where people work.
    matched: Vec<String>,
}

impl Collected {
    pub(super) fn add(&mut self, resource: Resource, searched: &str) {
        match resource {
            Resource::Practitioner(practitioner) => {
                self.practitioners.entry(practitioner.id.clone()).or_insert(practitioner);
            }
            Resource::PractitionerRole(role) => {
                self.roles.entry(role.id.clone()).or_insert(role);
            }
            Resource::Organization(organization) => {
                if searched == "Organization" && !self.matched.contains(&organization.id) {
                    self.matched.push(organization.id.clone());
                }
                self.organizations.entry(organization.id.clone()).or_insert(organization);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.practitioners.len() + self.roles.len() + self.organizations.len()
    }

    /// How many structures were looked for themselves.
    pub(super) fn matches(&self) -> usize {
        self.matched.len()
    }

    /// Takes the later ones for what situations refer to.
    pub(super) fn forget_matches_after(&mut self, count: usize) {
        self.matched.truncate(count);
    }

    /// People that situations refer to and no search brought.
    pub(super) fn missing_practitioners(&self) -> Vec<String> {
        let referred = self.roles.values().filter_map(|role| role.practitioner.id("Practitioner"));
        unique(referred.filter(|id| !self.practitioners.contains_key(*id)))
    }

    /// Structures that situations refer to and no search brought.
    pub(super) fn missing_organizations(&self) -> Vec<String> {
        let referred = self.roles.values().filter_map(|role| role.organization.id("Organization"));
        unique(referred.filter(|id| !self.organizations.contains_key(*id)))
    }

    /// Puts it together.
    pub(super) fn entries(&self, evidence: &Evidence<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut by_identity: HashMap<Identity, usize> = HashMap::new();
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for practitioner in self.practitioners.values() {
            let entry = evidence.person(practitioner);
            let known = entry.identity.as_ref().and_then(|identity| by_identity.get(identity)).copied();
            let at = known.unwrap_or(entries.len());
            match known {
                Some(at) => join(&mut entries[at], entry),
                None => {
                    if let Some(identity) = &entry.identity {
                        by_identity.insert(identity.clone(), at);
                    }
                    entries.push(entry);
                }
            }
            by_id.insert(&practitioner.id, at);
        }
        for role in self.roles.values() {
            let organization = role.organization.id("Organization").and_then(|id| self.organizations.get(id));
            match role.practitioner.id("Practitioner").and_then(|id| by_id.get(id)) {
                Some(at) => evidence.situation(&mut entries[*at], role, organization),
                None => {
                    let mut entry = evidence.blank(role.active, role.meta.last_updated.as_deref());
                    entry.identity = role.identifier.first().map(|identifier| Identity {
                        register: Register::Situation,
                        number: bounded(&identifier.value),
                    });
                    evidence.situation(&mut entry, role, organization);
                    entries.push(entry);
                }
            }
        }
        entries.extend(self.matched.iter().filter_map(|id| self.organizations.get(id)).map(|o| evidence.structure(o)));
        for entry in &mut entries {
            entry.mailboxes.sort_by_key(|mailbox| (!mailbox.active, mailbox.rank.unwrap_or(u32::MAX)));
        }
        entries.sort_by_cached_key(|entry| (!entry.active, super::folding::fold(&entry.name), entry.identity.clone()));
        entries
    }
}

fn unique<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What is the same for all entries of one answer.
pub(super) struct Evidence<'a> {
    pub(super) source: &'a str,
    pub(super) seen_at: Timestamp,
    /// The extension that carries certificates, in directories that publish them.
    pub(super) certificate_extension: Option<&'a str>,
}

impl Evidence<'_> {
    fn blank(&self, active: Option<bool>, updated: Option<&str>) -> Entry {
        Entry {
            identity: None,
            identifiers: Vec::new(),
            name: String::new(),
            professions: Vec::new(),
            workplaces: Vec::new(),
            mailboxes: Vec::new(),
            // Only an explicit false closes.
            active: active != Some(false),
            source: self.source.to_owned(),
            seen_at: self.seen_at,
            updated: updated.and_then(|text| text.parse().ok()),
            plain: Vec::new(),
        }
    }

    fn person(&self, practitioner: &Practitioner) -> Entry {
        let mut entry = self.blank(practitioner.active, practitioner.meta.last_updated.as_deref());
        entry.identifiers = identities(&practitioner.identifier);
        entry.identity = entry.identifiers.first().cloned();
        entry.name = practitioner.name.first().map(person_name).unwrap_or_default();
        practitioner.qualification.iter().for_each(|held| professions(&mut entry.professions, &held.code));
        self.mailboxes(&mut entry, &practitioner.telecom, practitioner.active != Some(false), None);
        entry
    }

    fn situation(&self, entry: &mut Entry, role: &PractitionerRole, organization: Option<&Organization>) {
        let active = role.active != Some(false) && entry.active;
        role.code.iter().chain(&role.specialty).for_each(|code| professions(&mut entry.professions, code));
        let workplace = organization.map(workplace);
        let name = workplace.as_ref().map(|workplace| workplace.name.clone()).filter(|name| !name.is_empty());
        self.mailboxes(entry, &role.telecom, active, name);
        if let Some(workplace) = workplace
            && active
            && !entry.workplaces.contains(&workplace)
        {
            entry.workplaces.push(workplace);
        }
    }

    fn structure(&self, organization: &Organization) -> Entry {
        let mut entry = self.blank(organization.active, organization.meta.last_updated.as_deref());
        entry.identifiers = identities(&organization.identifier);
        entry.identity = entry.identifiers.first().cloned();
        entry.name = bounded(&organization.name);
        entry.workplaces = vec![workplace(organization)];
        let name = Some(entry.name.clone()).filter(|name| !name.is_empty());
        self.mailboxes(&mut entry, &organization.telecom, organization.active != Some(false), name);
        entry
    }

    fn mailboxes(&self, entry: &mut Entry, telecom: &[ContactPoint], active: bool, organisation: Option<String>) {
        for point in telecom.iter().filter(|point| matches!(point.system.as_str(), "email" | "")) {
            let Ok(address) = point.value.parse::<Address>() else { continue };
            match self.mailbox(point, address.clone(), active, organisation.clone()) {
                Some(mailbox) => add_mailbox(&mut entry.mailboxes, mailbox),
                None if point.system == "email" && active && !entry.plain.contains(&address) => {
                    entry.plain.push(address);
                }
                None => {}
            }
        }
    }

    /// A contact point that one of the two extensions marks as a mailbox of the space.
    fn mailbox(
        &self,
        point: &ContactPoint,
        address: Address,
        active: bool,
        organisation: Option<String>,
    ) -> Option<MailboxEntry> {
        let named = |name: &str| point.extension.iter().find(|extension| extension.is(name));
        let kind_of_mail = named("fr-core-contact-point-email-type").and_then(Extension::code);
        let metadata = named("as-ext-mailbox-mss-metadata");
        if kind_of_mail != Some("MSSANTE") && metadata.is_none() {
            return None;
        }
        let part = |url| metadata.and_then(|metadata| metadata.part(url));
        let text = |url| part(url).and_then(Extension::text).map(bounded);
        let (certificates, unreadable_certificates) = self.certificates(&point.extension);
        Some(MailboxEntry {
            address,
            kind: part("type").and_then(Extension::code).map(MailboxKind::from_code).unwrap_or_default(),
            service: text("service").or_else(|| text("description")),
            organisation,
            rank: point.rank,
            certificates,
            unreadable_certificates,
            active,
        })
    }

    fn certificates(&self, extensions: &[Extension]) -> (Vec<Certificate>, usize) {
        let Some(url) = self.certificate_extension else { return (Vec::new(), 0) };
        let (mut certificates, mut unreadable) = (Vec::new(), 0);
        for extension in extensions.iter().filter(|extension| extension.has_url(url)).take(MOST_CERTIFICATES) {
            let der = extension.base64().and_then(|text| STANDARD.decode(text.trim()).ok());
            match der.and_then(|der| Certificate::from_der(&der).ok()) {
                Some(certificate) => certificates.push(certificate),
                None => unreadable += 1,
            }
        }
        (certificates, unreadable)
    }
}

/// Two resources about one person: what the second adds.
fn join(entry: &mut Entry, other: Entry) {
    entry.active |= other.active;
    if entry.name.is_empty() {
        entry.name = other.name;
    }
    for identity in other.identifiers {
        if !entry.identifiers.contains(&identity) {
            entry.identifiers.push(identity);
        }
    }
    for profession in other.professions {
        if !entry.professions.contains(&profession) {
            entry.professions.push(profession);
        }
    }
    other.mailboxes.into_iter().for_each(|mailbox| add_mailbox(&mut entry.mailboxes, mailbox));
    entry.plain.extend(other.plain);
    entry.updated = entry.updated.max(other.updated);
}

/// One address is one mailbox, wherever it is published.
fn add_mailbox(mailboxes: &mut Vec<MailboxEntry>, new: MailboxEntry) {
    let Some(known) = mailboxes.iter_mut().find(|known| known.address == new.address) else {
        mailboxes.push(new);
        return;
    };
    known.active |= new.active;
    if known.kind == MailboxKind::Unspecified {
        known.kind = new.kind;
    }
    known.service = known.service.take().or(new.service);
    known.organisation = known.organisation.take().or(new.organisation);
    known.rank = known.rank.into_iter().chain(new.rank).min();
    known.unreadable_certificates += new.unreadable_certificates;
    for certificate in new.certificates {
        if !known.certificates.contains(&certificate) {
            known.certificates.push(certificate);
        }
    }
}

fn person_name(name: &HumanName) -> String {
    let parts: Vec<&str> = name.given.iter().map(String::as_str).chain([name.family.as_str()]).collect();
    let whole = parts.join(" ");
    bounded(if whole.trim().is_empty() { &name.text } else { &whole })
}

fn workplace(organization: &Organization) -> Workplace {
    let place = organization.address.first().map(|address| format!("{} {}", address.postal_code, address.city));
    Workplace {
        name: bounded(&organization.name),
        identity: identities(&organization.identifier).into_iter().next(),
        place: place.map(|place| bounded(&place)).filter(|place| !place.is_empty()),
    }
}

fn professions(known: &mut Vec<Profession>, concept: &CodeableConcept) {
    for coding in &concept.coding {
        let told = coding.system.contains("TRE_G15") || coding.system.contains("TRE_R38");
        if !told && (!coding.system.is_empty() || coding.display.is_empty()) {
            continue;
        }
        let listed = label(&coding.system, &coding.code).unwrap_or_default();
        let label = [coding.display.as_str(), listed, concept.text.as_str(), &coding.code]
            .into_iter()
            .find(|label| !label.trim().is_empty());
        let profession = Profession { code: bounded(&coding.code), label: bounded(label.unwrap_or_default()) };
        if !profession.label.is_empty() && !known.contains(&profession) {
            known.push(profession);
        }
    }
}

/// The numbers of the registers we know, best known first.
fn identities(identifiers: &[Identifier]) -> Vec<Identity> {
    let mut found: Vec<Identity> = identifiers.iter().filter_map(identity).collect();
    // The national identifiers wrap a number of a register: it is the better-known form.
    for at in 0..found.len() {
        let register = match (found[at].register, found[at].number.chars().next()) {
            (Register::Idnps, Some('8')) => Register::Rpps,
            (Register::Idnst, Some('1')) => Register::Finess,
            (Register::Idnst, Some('3')) => Register::Siret,
            _ => continue,
        };
        if !found.iter().any(|identity| identity.register == register) {
            let number = found[at].number[1..].to_owned();
            found.push(Identity { register, number });
        }
    }
    found.sort_by_key(|identity| match identity.register {
        Register::Rpps | Register::Finess => 0,
        Register::Adeli | Register::Siret => 1,
        Register::Siren => 2,
        Register::Idnps | Register::Idnst => 3,
        Register::Situation => 4,
    });
    found.dedup();
    found
}

fn identity(identifier: &Identifier) -> Option<Identity> {
    let kind = identifier.r#type.coding.first().map_or("", |coding| coding.code.as_str());
    let register = match (kind, identifier.system.as_str()) {
        ("IDNPS", _) | ("", "urn:oid:1.2.250.1.71.4.2.1") => Register::Idnps,
        ("IDNST", _) | ("", "urn:oid:1.2.250.1.71.4.2.2") => Register::Idnst,
        ("RPPS", _) | ("", "https://rpps.esante.gouv.fr" | "http://rpps.fr") => Register::Rpps,
        ("ADELI", _) => Register::Adeli,
        ("FINEG" | "FINEJ" | "FINESS", _) => Register::Finess,
        ("", "https://finess.esante.gouv.fr" | "http://finess.sante.gouv.fr") => Register::Finess,
        ("SIRET", _) => Register::Siret,
        ("SIREN", _) => Register::Siren,
        ("", "https://sirene.fr" | "http://sirene.fr") if identifier.value.len() == 14 => Register::Siret,
        ("", "https://sirene.fr" | "http://sirene.fr") => Register::Siren,
        _ => return None,
    };
    let number = bounded(&identifier.value);
    if number.is_empty() { None } else { Some(Identity { register, number }) }
}
