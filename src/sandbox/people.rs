//! Who lives in the sandbox: its mailboxes, the structures they belong to, and what is wrong with some of them.

use std::path::PathBuf;

use crate::mail::Address;
use crate::secret::Secret;

/// The kind of a mailbox (TRE_R257), and the patient's, which no register lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One professional.
    Per,
    /// A unit of a structure.
    Org,
    /// A machine or software of a structure.
    App,
    /// A patient.
    Patient,
}

impl Kind {
    /// The code of TRE_R257, or `PATIENT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Per => "PER",
            Kind::Org => "ORG",
            Kind::App => "APP",
            Kind::Patient => "PATIENT",
        }
    }
}

/// How the holder of a mailbox signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signin {
    /// SASL PLAIN, the one-time code appended to the password.
    PasswordTotp,
    /// SASL EXTERNAL with the client certificate of the TLS session.
    Certificate,
}

/// One mailbox of the sandbox and all that its holder needs to use it.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name of the profile: the local part of the address.
    pub profile: String,
    /// The address of the mailbox.
    pub address: Address,
    /// The label of the From field.
    pub label: String,
    /// The kind of mailbox.
    pub kind: Kind,
    /// Who acts, for a trace: the national identifier of the person (IDNPS) or structure (IDNST); a patient has none.
    pub author: Option<String>,
    /// The number in the register of professionals.
    pub rpps: Option<&'static str>,
    /// The number in the register of establishments.
    pub finess: Option<&'static str>,
    /// The way to sign in.
    pub signin: Signin,
    /// The password, without one-time code.
    pub password: Secret<String>,
    /// The seed of the one-time codes (RFC 6238), base32.
    pub totp_seed: Secret<String>,
    /// The certificate and the one that issued it, PEM.
    pub certificate_pem: Option<String>,
    /// The private key, PKCS#8 PEM.
    pub key_pem: Option<Secret<String>>,
    /// A file that holds `certificate_pem`.
    pub certificate_file: Option<PathBuf>,
    /// A file, 0600, that holds `key_pem`.
    pub key_file: Option<PathBuf>,
    /// 256 random bits for what the holder seals at home.
    pub storage_seed: Secret<[u8; 32]>,
    /// Whether the domain is in the white list.
    pub listed: bool,
    /// Whether the directory shows the mailbox as in use; `None` where it does not know it.
    pub active: Option<bool>,
}

/// What the servers know of a mailbox.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// The mailbox, and the name to sign in with.
    pub address: Address,
    /// The password, without one-time code.
    pub password: Secret<String>,
    /// The seed of the one-time codes, base32.
    pub totp_seed: Secret<String>,
    /// SHA-256 of the certificate (DER) that may sign in by EXTERNAL.
    pub certificate_sha256: Option<[u8; 32]>,
}

/// The keys of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// No certificate at all.
    None,
    /// ECDSA and ECDH over P-256.
    P256,
    /// P-256 with a certificate that has expired.
    ExpiredP256,
    /// RSA of 3072 bits.
    Rsa3072,
}

/// A row of the table of people.
#[derive(Debug)]
pub(super) struct Entry {
    pub address: &'static str,
    pub kind: Kind,
    pub label: &'static str,
    pub holder: Holder,
    pub keys: Keys,
    pub signin: Signin,
}

/// Who a mailbox belongs to.
#[derive(Debug)]
pub(super) enum Holder {
    /// A professional.
    Doctor(Doctor),
    /// A unit or a machine of a structure.
    Unit { finess: &'static str, service: Option<&'static str>, description: &'static str },
    /// A patient, in no register.
    Patient,
}

/// A professional of the register.
#[derive(Debug)]
pub(super) struct Doctor {
    pub rpps: &'static str,
    pub civility: &'static str,
    pub given: &'static str,
    pub family: &'static str,
    /// Speciality (TRE_R38).
    pub speciality: &'static str,
    /// FINESS of the place of work.
    pub workplace: &'static str,
    pub active: bool,
}

/// A structure of the register.
#[derive(Debug)]
pub(super) struct Structure {
    pub finess: &'static str,
    pub name: &'static str,
    /// Sector (TRE_R02).
    pub sector: &'static str,
    pub line: &'static str,
    pub city: &'static str,
    pub postal_code: &'static str,
    /// Department as the certificates write it.
    pub department: &'static str,
    /// An ordinary, unprotected contact address.
    pub contact: &'static str,
}

/// The domains of the white list.
pub(super) const LISTED_DOMAINS: [&str; 4] =
    ["biologie.sandbox", "medecin.sandbox", "hopital.sandbox", "patient.sandbox"];

/// The structures, invented.
pub(super) const STRUCTURES: [Structure; 4] = [
    Structure {
        finess: "990000010",
        name: "LABORATOIRE DES TILLEULS",
        sector: "SA25",
        line: "3 R DES TILLEULS",
        city: "RENNES",
        postal_code: "35000",
        department: "Ille-et-Vilaine (35)",
        contact: "accueil@laboratoire-tilleuls.invalid",
    },
    Structure {
        finess: "990000028",
        name: "HÔPITAL DE L'ERDRE",
        sector: "SA01",
        line: "1 QU DE L ERDRE",
        city: "NANTES",
        postal_code: "44000",
        department: "Loire-Atlantique (44)",
        contact: "contact@hopital-erdre.invalid",
    },
    Structure {
        finess: "990000036",
        name: "MAISON DE SANTÉ DES LILAS",
        sector: "SA07",
        line: "12 AV DES LILAS",
        city: "RENNES",
        postal_code: "35200",
        department: "Ille-et-Vilaine (35)",
        contact: "secretariat@lilas.invalid",
    },
    Structure {
        finess: "990000044",
        name: "CENTRE DE SANTÉ DU GOLFE",
        sector: "SA05",
        line: "5 PL DU GOLFE",
        city: "VANNES",
        postal_code: "56000",
        department: "Morbihan (56)",
        contact: "accueil@golfe.invalid",
    },
];

const GENERAL_PRACTICE: &str = "SM26";
const CARDIOLOGY: &str = "SM04";

const fn doctor(
    address: &'static str,
    label: &'static str,
    rpps: &'static str,
    name: [&'static str; 3],
    work: [&'static str; 2],
    keys: Keys,
    active: bool,
) -> Entry {
    let [civility, given, family] = name;
    let [speciality, workplace] = work;
    Entry {
        address,
        kind: Kind::Per,
        label,
        holder: Holder::Doctor(Doctor { rpps, civility, given, family, speciality, workplace, active }),
        keys,
        signin: Signin::PasswordTotp,
    }
}

/// The mailboxes; the first is the default profile. Labels are written as ECO.2.2.7 asks: title, given name, NAME, entity.
pub(super) const PEOPLE: [Entry; 9] = [
    Entry {
        address: "laboratoire@biologie.sandbox",
        kind: Kind::App,
        label: "Laboratoire des Tilleuls",
        holder: Holder::Unit {
            finess: "990000010",
            service: None,
            description: "Envoi automatique des résultats de biologie",
        },
        keys: Keys::P256,
        signin: Signin::PasswordTotp,
    },
    doctor(
        "dr.durand@medecin.sandbox",
        "Docteur_Zoé_DURAND_Maison de santé des Lilas",
        "99700000013",
        ["MME", "Zoé", "DURAND"],
        [GENERAL_PRACTICE, "990000036"],
        Keys::P256,
        true,
    ),
    doctor(
        "dr.lefevre@medecin.sandbox",
        "Docteur_Noël_LEFÈVRE_Hôpital de l'Erdre",
        "99700000021",
        ["M", "Noël", "LEFÈVRE"],
        [CARDIOLOGY, "990000028"],
        Keys::Rsa3072,
        true,
    ),
    Entry {
        address: "cardiologie@hopital.sandbox",
        kind: Kind::Org,
        label: "Cardiologie de l'Hôpital de l'Erdre",
        holder: Holder::Unit {
            finess: "990000028",
            service: Some("CARDIOLOGIE"),
            description: "Secrétariat de cardiologie",
        },
        keys: Keys::P256,
        signin: Signin::Certificate,
    },
    doctor(
        "dr.martin@medecin.sandbox",
        "Docteur_Inès_MARTIN_Maison de santé des Lilas",
        "99700000039",
        ["MME", "Inès", "MARTIN"],
        [GENERAL_PRACTICE, "990000036"],
        Keys::None,
        true,
    ),
    doctor(
        "dr.petit@medecin.sandbox",
        "Docteur_Luc_PETIT_Hôpital de l'Erdre",
        "99700000047",
        ["M", "Luc", "PETIT"],
        [CARDIOLOGY, "990000028"],
        Keys::ExpiredP256,
        true,
    ),
    doctor(
        "dr.moreau@medecin.sandbox",
        "Docteur_Rémi_MOREAU_Maison de santé des Lilas",
        "99700075122",
        ["M", "Rémi", "MOREAU"],
        [GENERAL_PRACTICE, "990000036"],
        Keys::P256,
        false,
    ),
    doctor(
        "dr.garnier@hors-liste.sandbox",
        "Docteur_Anaïs_GARNIER_Centre de santé du Golfe",
        "99700000054",
        ["MME", "Anaïs", "GARNIER"],
        [GENERAL_PRACTICE, "990000044"],
        Keys::P256,
        true,
    ),
    Entry {
        address: "279035121518989@patient.sandbox",
        kind: Kind::Patient,
        label: "Patient",
        holder: Holder::Patient,
        keys: Keys::None,
        signin: Signin::PasswordTotp,
    },
];

impl Entry {
    /// The address, parsed.
    pub fn mailbox(&self) -> Address {
        self.address.parse().expect("the addresses of the table are addresses")
    }

    /// Whether the white list has the domain.
    pub fn listed(&self) -> bool {
        LISTED_DOMAINS.contains(&self.mailbox().domain())
    }

    /// The name of the profile: the local part.
    pub fn profile(&self) -> &'static str {
        self.address.split('@').next().unwrap_or(self.address)
    }
}

/// The structure with this FINESS number.
pub(super) fn structure(finess: &str) -> &'static Structure {
    STRUCTURES.iter().find(|structure| structure.finess == finess).expect("the tables name each other's rows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Finess, Ins, Rpps};

    #[test]
    fn every_identifier_of_the_tables_carries_its_check_digit() {
        for structure in &STRUCTURES {
            assert!(structure.finess.parse::<Finess>().is_ok(), "{}", structure.finess);
        }
        for entry in &PEOPLE {
            match &entry.holder {
                Holder::Doctor(doctor) => assert!(doctor.rpps.parse::<Rpps>().unwrap().key_fits(), "{}", doctor.rpps),
                Holder::Unit { finess, .. } => assert_eq!(structure(finess).finess, *finess),
                Holder::Patient => assert!(entry.profile().parse::<Ins>().is_ok()),
            }
        }
    }

    #[test]
    fn profiles_are_told_apart_by_the_local_part() {
        let mut profiles: Vec<_> = PEOPLE.iter().map(Entry::profile).collect();
        profiles.sort_unstable();
        profiles.dedup();
        assert_eq!(profiles.len(), PEOPLE.len());
        assert_eq!(PEOPLE[0].profile(), "laboratoire");
    }

    #[test]
    fn one_domain_only_is_off_the_list() {
        let off: Vec<_> = PEOPLE.iter().filter(|entry| !entry.listed()).map(|entry| entry.address).collect();
        assert_eq!(off, ["dr.garnier@hors-liste.sandbox"]);
    }
}
