//! Fictive rows, as many and as long as those of the national extraction.

use std::io::{self, BufWriter, Write};

/// The columns of the extraction.
pub const HEADER: &str = "Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|\
Type identifiant structure|Identification Structure|Service de rattachement|Civilité d'exercice|Nom d'exercice|\
Prénom d'exercice|Catégorie profession|Libellé de catégorie profession|Code Profession|Libellé Profession|\
Code savoir-faire|Libellé savoir-faire|Dématérialisation|Raison Sociale structure BAL|\
Enseigne commerciale structure BAL|L2COMPLEMENTLOCALISATION structure BAL|L3COMPLEMENTDISTRIBUTION structure BAL|\
L4NUMEROVOIE structure BAL|L4COMPLEMENTNUMEROVOIE structure BAL|NL4TYPEVOIE structure BAL|L4LIBELLEVOIE structure BAL|\
L5LIEUDITMENTION structure BAL|L6LIGNEACHEMINEMENT structure BAL|Code postal structure BAL|Département structure BAL|\
Pays structure BAL";

const NAMES: [&str; 12] = [
    "MARTIN", "BERNARD", "LEFÈVRE", "MOREAU", "LE GOFF", "DURAND", "PETIT", "MARCHAND", "GARCIA", "ROUX", "NGUYEN",
    "FABRE",
];
const GIVEN: [&str; 10] =
    ["Zoé", "Jean-Pierre", "Noël", "Anne", "Marie Claire", "Luc", "Hélène", "Paul", "Inès", "François"];
const TOWNS: [(&str, &str, &str); 8] = [
    ("35000", "RENNES", "Ille-et-Vilaine"),
    ("69003", "LYON", "Rhône"),
    ("75015", "PARIS", "Paris"),
    ("13008", "MARSEILLE", "Bouches-du-Rhône"),
    ("31000", "TOULOUSE", "Haute-Garonne"),
    ("59000", "LILLE", "Nord"),
    ("29200", "BREST", "Finistère"),
    ("51100", "REIMS", "Marne"),
];
const SKILLS: [(&str, &str); 4] = [
    ("SM26", "Qualifié en médecine générale (SM)"),
    ("SM04", "Cardiologie et maladies vasculaires (SM)"),
    ("SM42", "Psychiatrie (SM)"),
    ("", ""),
];

/// The number of the person in a row.
pub fn number(row: usize) -> String {
    format!("{:011}", 99_000_000_000 + row)
}

/// The address in a row.
pub fn address(row: usize) -> String {
    format!("personne.{row}@medecin{}.exemple-mss.test", row % 5000)
}

/// Writes an extraction of so many rows: six in seven are of people, the others of structures.
pub fn write(to: impl Write, rows: usize) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    writeln!(to, "{HEADER}")?;
    for row in 0..rows {
        let (postal, town, department) = TOWNS[row * 7 % TOWNS.len()];
        let place = format!("{postal} {town}|{postal}|{department}|France");
        let (number, address, structure) = (number(row), address(row), 100_000_000 + row % 60_000);
        if row % 7 == 6 {
            writeln!(
                to,
                "ORG|{address}||||1|{structure}|SECRETARIAT CARDIOLOGIE {}||||||||||N|HOPITAL D ESSAI {structure}||||1||R\
                 |DE L ESSAI||{place}",
                row % 40
            )?;
            continue;
        }
        let (name, given) = (NAMES[row * 5 % NAMES.len()], GIVEN[row * 3 % GIVEN.len()]);
        let (code, skill) = SKILLS[row % SKILLS.len()];
        writeln!(
            to,
            "PER|{address}|8|{number}|8{number}|1|{structure}|CARDIOLOGIE|DR|{name}-{}|{given}|C|Civil|10|Médecin|{code}|{skill}\
             |N|HOPITAL D ESSAI {structure}||||1||R|DE L ESSAI||{place}",
            row % 9000
        )?;
    }
    to.flush()
}
