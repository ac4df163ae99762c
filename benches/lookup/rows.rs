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

/// Family names are put together from these: one in forty begins with MAR, which is a guess.
const BEGINNINGS: [&str; 40] = [
    "MAR", "BER", "DU", "LEF", "MOR", "LE GO", "PET", "GAR", "ROU", "NGU", "FAB", "BO", "CHA", "DEL", "É", "FON", "GI",
    "HU", "IM", "JO", "KER", "LAM", "MEU", "NO", "OL", "PER", "QUI", "RI", "SA", "TES", "UR", "VI", "WE", "XA", "YV",
    "ZE", "AL", "BRI", "COU", "DA",
];
const ENDINGS: [&str; 30] = [
    "TIN", "NARD", "RAND", "ÈVRE", "EAU", "FF", "IT", "CIA", "X", "YEN", "RE", "CHAND", "LET", "SIER", "DEAU", "GUEN",
    "BERT", "MONT", "QUET", "LIN", "VAL", "ROY", "TEL", "SARD", "NET", "PIN", "LOT", "DIER", "MEL", "ZON",
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

/// A choice that has nothing to do with the others of the row.
fn pick(row: usize, what: usize, among: usize) -> usize {
    let mixed = (row * 8 + what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) % (1 << 63) / 65_537 % among
}

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
        // One row in eight is of one of the towns, the others are spread over five thousand villages.
        let (postal, town, department) = TOWNS[pick(row, 0, TOWNS.len())];
        let village = pick(row, 1, 5000);
        let town = if pick(row, 2, 8) == 0 {
            town.to_owned()
        } else {
            format!("SAINT {} SUR OISE {village}", GIVEN[village % 10])
        };
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
        let (beginning, ending) = (BEGINNINGS[pick(row, 3, BEGINNINGS.len())], ENDINGS[pick(row, 4, ENDINGS.len())]);
        let given = GIVEN[pick(row, 5, GIVEN.len())];
        let (code, skill) = SKILLS[row % SKILLS.len()];
        writeln!(
            to,
            "PER|{address}|8|{number}|8{number}|1|{structure}|CARDIOLOGIE|DR|{beginning}{ending}|{given}|C|Civil|10|Médecin|{code}|{skill}\
             |N|HOPITAL D ESSAI {structure}||||1||R|DE L ESSAI||{place}"
        )?;
    }
    to.flush()
}
