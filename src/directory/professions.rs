//! Professions and specialities by code: the directory gives codes alone (nomenclatures TRE_G15 and TRE_R38 of the ANS).

use super::folding::words;

/// TRE_G15.
const PROFESSIONS: &[(&str, &str)] = &[
    ("10", "Médecin"),
    ("21", "Pharmacien"),
    ("26", "Audioprothésiste"),
    ("28", "Opticien-lunetier"),
    ("31", "Assistant dentaire"),
    ("32", "Physicien médical"),
    ("35", "Aide-soignant"),
    ("36", "Ambulancier"),
    ("37", "Auxiliaire de puériculture"),
    ("38", "Préparateur en pharmacie hospitalière"),
    ("39", "Préparateur en pharmacie (officine)"),
    ("40", "Chirurgien-dentiste"),
    ("50", "Sage-femme"),
    ("60", "Infirmier"),
    ("69", "Infirmier psychiatrique"),
    ("70", "Masseur-kinésithérapeute"),
    ("80", "Pédicure-podologue"),
    ("81", "Orthoprothésiste"),
    ("82", "Podo-orthésiste"),
    ("83", "Orthopédiste-orthésiste"),
    ("84", "Oculariste"),
    ("85", "Épithésiste"),
    ("86", "Technicien de laboratoire médical"),
    ("91", "Orthophoniste"),
    ("92", "Orthoptiste"),
    ("93", "Psychologue"),
    ("94", "Ergothérapeute"),
    ("95", "Diététicien"),
    ("96", "Psychomotricien"),
    ("98", "Manipulateur ERM"),
];

/// TRE_R38, without the options within a speciality.
const SPECIALITIES: &[(&str, &str)] = &[
    ("SCD01", "Orthopédie dento-faciale"),
    ("SCD02", "Chirurgie orale"),
    ("SCD03", "Médecine bucco-dentaire"),
    ("SM01", "Anatomie et cytologie pathologiques"),
    ("SM02", "Anesthésie-réanimation"),
    ("SM03", "Biologie médicale"),
    ("SM04", "Cardiologie et maladies vasculaires"),
    ("SM05", "Chirurgie générale"),
    ("SM06", "Chirurgie maxillo-faciale"),
    ("SM07", "Chirurgie maxillo-faciale et stomatologie"),
    ("SM08", "Chirurgie orthopédique et traumatologie"),
    ("SM09", "Chirurgie infantile"),
    ("SM10", "Chirurgie plastique reconstructrice et esthétique"),
    ("SM11", "Chirurgie thoracique et cardio-vasculaire"),
    ("SM12", "Chirurgie urologique"),
    ("SM13", "Chirurgie vasculaire"),
    ("SM14", "Chirurgie viscérale et digestive"),
    ("SM15", "Dermatologie et vénéréologie"),
    ("SM16", "Endocrinologie et métabolisme"),
    ("SM17", "Génétique médicale"),
    ("SM18", "Gériatrie"),
    ("SM19", "Gynécologie médicale"),
    ("SM20", "Gynécologie-obstétrique"),
    ("SM21", "Hématologie"),
    ("SM24", "Gastro-entérologie et hépatologie"),
    ("SM25", "Médecine du travail"),
    ("SM26", "Qualifié en médecine générale"),
    ("SM27", "Médecine interne"),
    ("SM28", "Médecine nucléaire"),
    ("SM29", "Médecine physique et de réadaptation"),
    ("SM30", "Néphrologie"),
    ("SM31", "Neuro-chirurgie"),
    ("SM32", "Neurologie"),
    ("SM33", "Neuro-psychiatrie"),
    ("SM34", "ORL et chirurgie cervico-faciale"),
    ("SM35", "Oncologie, option onco-hématologie"),
    ("SM36", "Oncologie, option médicale"),
    ("SM37", "Oncologie, option radiothérapie"),
    ("SM38", "Ophtalmologie"),
    ("SM39", "Oto-rhino-laryngologie"),
    ("SM40", "Pédiatrie"),
    ("SM41", "Pneumologie"),
    ("SM42", "Psychiatrie"),
    ("SM43", "Psychiatrie, option enfant et adolescent"),
    ("SM44", "Radio-diagnostic"),
    ("SM45", "Radio-thérapie"),
    ("SM46", "Médecine intensive-réanimation"),
    ("SM48", "Rhumatologie"),
    ("SM49", "Santé publique et médecine sociale"),
    ("SM50", "Stomatologie"),
    ("SM53", "Spécialiste en médecine générale"),
    ("SM54", "Médecine générale"),
    ("SM55", "Radio-diagnostic et radio-thérapie"),
    ("SM56", "Chirurgie orale"),
    ("SM57", "Allergologie"),
    ("SM58", "Maladies infectieuses et tropicales"),
    ("SM59", "Médecine d'urgence"),
    ("SM60", "Médecine légale et expertises médicales"),
    ("SM61", "Médecine vasculaire"),
    ("SM62", "Endocrinologie, diabétologie, nutrition"),
    ("SM72", "Médecine interne et immunologie clinique"),
    ("SM73", "Médecine cardiovasculaire"),
    ("SM74", "Radiologie et imagerie médicale"),
    ("SM75", "Santé publique"),
];

/// The label of a code in the nomenclature whose address is given.
pub(super) fn label(system: &str, code: &str) -> Option<&'static str> {
    let table = if system.contains("TRE_G15") {
        PROFESSIONS
    } else if system.contains("TRE_R38") {
        SPECIALITIES
    } else {
        return None;
    };
    table.iter().find(|(known, _)| *known == code).map(|(_, label)| *label)
}

/// The codes of what somebody calls a profession, professions before specialities; none if nothing is called so.
pub(super) fn codes(wanted: &str) -> Vec<&'static str> {
    let called = |table: &'static [(&'static str, &'static str)]| -> Vec<&'static str> {
        table.iter().filter(|(code, label)| fits(wanted, [*label, *code])).map(|(code, _)| *code).collect()
    };
    if words(wanted).is_empty() {
        return Vec::new();
    }
    let professions = called(PROFESSIONS);
    if professions.is_empty() { called(SPECIALITIES) } else { professions }
}

/// Whether each word wanted stands among the labels: its beginning, or another ending of it, since who practises
/// cardiology is called a cardiologist.
pub(super) fn fits<'a>(wanted: &str, labels: impl IntoIterator<Item = &'a str>) -> bool {
    let known: Vec<String> = labels.into_iter().flat_map(words).collect();
    words(wanted)
        .iter()
        .all(|word| known.iter().any(|candidate| candidate.starts_with(word) || related(word, candidate)))
}

/// A common beginning of six letters, and of all letters of the word but four.
fn related(word: &str, candidate: &str) -> bool {
    let common = word.chars().zip(candidate.chars()).take_while(|(one, other)| one == other).count();
    common >= 6 && common + 4 >= word.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_called_otherwise_than_what_they_practise() {
        for (wanted, code) in [
            ("médecin", "10"),
            ("Infirmière", "60"),
            ("kiné", "70"),
            ("sage femme", "50"),
            ("cardiologue", "SM04"),
            ("médecin généraliste", "SM26"),
            ("Pédiatre", "SM40"),
            ("anesthésiste", "SM02"),
            ("urologue", "SM12"),
            ("10", "10"),
            ("sm04", "SM04"),
        ] {
            assert!(codes(wanted).contains(&code), "{wanted}: {:?}", codes(wanted));
        }
        assert_eq!(codes("médecin"), ["10"]);
        assert!(!codes("psychologue").contains(&"SM42"));
        assert!(!codes("neurologue").contains(&"SM31"));
        for nothing in ["", "Rennes", "Durand", "-"] {
            assert!(codes(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn a_code_means_something_in_its_own_nomenclature_only() {
        assert_eq!(label("https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/x", "10"), Some("Médecin"));
        assert_eq!(label("https://mos.esante.gouv.fr/NOS/TRE_R23-ModeExercice/FHIR/x", "10"), None);
    }
}
