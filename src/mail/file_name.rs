//! File names suggested by a message (RFC 2183, section 2.3) made harmless: a sender may suggest anything.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// Octets a made name has at most, so that a suffix and a temporary name still fit into the 255 of common file systems.
const MAX_OCTETS: usize = 150;

/// The name given when nothing of the suggested one is left.
const NAMELESS: &str = "attachment";

/// Device names that open no file on Windows, whatever their extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Makes a base name that is safe to create, list and hand to another program: no path, no hidden file, nothing that
/// cannot be seen or that turns the direction of the text, at most 150 octets, never empty.
pub fn safe_name(suggested: &str) -> String {
    let base = suggested.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible = base.nfc().filter(|c| !is_invisible(*c)).map(|c| if is_reserved(c) { '_' } else { c });
    let spaced: String = visible.map(|c| if c.is_whitespace() { ' ' } else { c }).take(1000).collect();
    let trimmed = spaced.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    if trimmed.is_empty() {
        return NAMELESS.to_owned();
    }
    let stem = trimmed.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let risky = trimmed.starts_with(['-', '~']) || DEVICES.contains(&stem.as_str());
    shorten(&if risky { format!("_{trimmed}") } else { trimmed.to_owned() }, MAX_OCTETS)
}

/// The name, or the name with a number before its extension if it was given already (in any letter case).
pub fn unique_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let (stem, extension) = split_extension(name);
    let mut candidate = name.to_owned();
    let mut number = 2u32;
    while !taken.insert(candidate.to_lowercase()) {
        candidate = format!("{stem}-{number}{extension}");
        number += 1;
    }
    candidate
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e007f}')
}

fn is_reserved(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{fffd}')
}

/// Cuts the stem and keeps the extension, which says how to open the file.
fn shorten(name: &str, octets: usize) -> String {
    if name.len() <= octets {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    let mut end = octets - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", stem[..end].trim_end_matches(['.', ' ']))
}

/// The extension with its dot, if it looks like one: short, and not the whole name.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 16 => name.split_at(dot),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::{any, proptest};

    #[test]
    fn an_ordinary_name_stays_as_it_is() {
        for name in ["résultat.pdf", "IHE_XDM.zip", "compte rendu (2).pdf", "影像.png", "20220531_CR_CORSE.pdf"] {
            assert_eq!(safe_name(name), name);
        }
    }

    #[test]
    fn a_path_keeps_only_its_last_part() {
        assert_eq!(safe_name("../../etc/passwd"), "passwd");
        assert_eq!(safe_name("C:\\Windows\\system.ini"), "system.ini");
        assert_eq!(safe_name("/"), "attachment");
        assert_eq!(safe_name(".."), "attachment");
    }

    #[test]
    fn what_cannot_be_seen_is_dropped() {
        assert_eq!(safe_name("facture\u{202e}fdp.exe"), "facturefdp.exe");
        assert_eq!(safe_name("a\r\nb\0c\u{200b}.pdf"), "abc.pdf");
        assert_eq!(safe_name("\u{202e}\u{feff}"), "attachment");
    }

    #[test]
    fn hidden_option_like_and_reserved_names_are_changed() {
        assert_eq!(safe_name(".bashrc"), "bashrc");
        assert_eq!(safe_name("-rf"), "_-rf");
        assert_eq!(safe_name("CON.pdf"), "_CON.pdf");
        assert_eq!(safe_name("a:b*c?.pdf"), "a_b_c_.pdf");
        assert_eq!(safe_name("report.pdf. . "), "report.pdf");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = safe_name(&format!("{}.pdf", "é".repeat(300)));
        assert!(name.len() <= 150 && name.ends_with("é.pdf"), "{name}");
        assert!(safe_name(&"x".repeat(5000)).len() <= 150);
    }

    #[test]
    fn a_second_file_of_the_same_name_gets_a_number() {
        let mut taken = BTreeSet::new();
        assert_eq!(unique_name("a.pdf", &mut taken), "a.pdf");
        assert_eq!(unique_name("A.PDF", &mut taken), "A-2.PDF");
        assert_eq!(unique_name("a.pdf", &mut taken), "a-3.pdf");
        assert_eq!(unique_name("a", &mut taken), "a");
        assert_eq!(unique_name("a", &mut taken), "a-2");
    }

    proptest! {
        #[test]
        fn every_made_name_is_safe(suggested in any::<String>()) {
            let name = safe_name(&suggested);
            assert!(!name.is_empty() && name.len() <= 150 && name != "." && name != "..");
            assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with(['.', '-', '~']));
            assert!(!name.chars().any(is_invisible));
        }
    }
}
