//! What the certificate of each holder says.

use jiff::Timestamp;
use rcgen::{DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};

use super::authority::{
    Authority, Branch, Leaf, OPERATOR_DEPARTMENT, OPERATOR_IDNST, OPERATOR_ORGANISATION, Validity, ia5, organisation,
    person,
};
use super::people::{Entry, Holder, Keys, structure};
use super::state::{LeafRecord, Pair};
use super::{SandboxError, list};

/// Which authority issues for a person.
pub(super) fn branch(entry: &Entry) -> Branch {
    match entry.holder {
        Holder::Doctor(_) => Branch::Persons,
        Holder::Unit { .. } | Holder::Patient => Branch::Organisations,
    }
}

/// Issues the certificate of a person.
pub(super) fn person_leaf(
    authority: &Authority,
    entry: &Entry,
    key: &KeyPair,
    now: Timestamp,
) -> Result<LeafRecord, SandboxError> {
    let validity = match entry.keys {
        Keys::ExpiredP256 => Validity::expired(now),
        _ => Validity::lasting(now),
    };
    let subject = match &entry.holder {
        Holder::Doctor(doctor) => {
            person("Médecin", &format!("8{}", doctor.rpps), doctor.family, &doctor.given.to_uppercase())
        }
        Holder::Unit { finess, .. } => {
            let owner = structure(finess);
            organisation(owner.department, owner.name, &format!("1{finess}"), entry.address)
        }
        Holder::Patient => vec![(DnType::CommonName, entry.address.to_owned())],
    };
    let secrecy = match entry.keys {
        Keys::Rsa3072 => KeyUsagePurpose::KeyEncipherment,
        _ => KeyUsagePurpose::KeyAgreement,
    };
    let leaf = Leaf {
        subject,
        names: vec![SanType::Rfc822Name(ia5(entry.address))],
        key_usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment, secrecy],
        extended_key_usages: vec![ExtendedKeyUsagePurpose::EmailProtection, ExtendedKeyUsagePurpose::ClientAuth],
        validity,
    };
    record(authority, branch(entry), leaf, key)
}

/// Issues the certificate of the white list's signer.
pub(super) fn list_signer(authority: &Authority, key: &KeyPair, now: Timestamp) -> Result<LeafRecord, SandboxError> {
    let leaf = Leaf {
        subject: organisation(OPERATOR_DEPARTMENT, OPERATOR_ORGANISATION, OPERATOR_IDNST, list::SIGNER),
        names: vec![SanType::Rfc822Name(ia5(list::SIGNER_ADDRESS))],
        key_usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
        extended_key_usages: vec![ExtendedKeyUsagePurpose::EmailProtection],
        validity: Validity::lasting(now),
    };
    record(authority, Branch::Organisations, leaf, key)
}

fn record(authority: &Authority, branch: Branch, leaf: Leaf, key: &KeyPair) -> Result<LeafRecord, SandboxError> {
    let Validity { from, until } = leaf.validity;
    let certificate = authority.issue(branch, leaf, key)?;
    let pair = Pair { key: key.serialize_pem().into(), certificate };
    Ok(LeafRecord { pair, not_before: from.as_second(), not_after: until.as_second() })
}
