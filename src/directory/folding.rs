//! Comparing words as the directory does: without case, without accents, from the beginning of a word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a text, folded.
pub(super) fn words(text: &str) -> Vec<String> {
    fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Lower case without accents; ligatures taken apart.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.replace('œ', "oe").replace('æ', "ae")
}

/// Whether each word looked for begins some word of the texts.
pub(super) fn all_begin<'a>(wanted: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    let known: Vec<String> = texts.into_iter().flat_map(words).collect();
    words(wanted).iter().all(|word| known.iter().any(|candidate| candidate.starts_with(word.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_hyphens_make_no_difference() {
        assert_eq!(words("Zoé-Anne D'ŒUVRE"), ["zoe", "anne", "d", "oeuvre"]);
        assert!(all_begin("zoe DUR", ["Durand", "Zoé"]));
        assert!(!all_begin("zoe martin", ["Durand", "Zoé"]));
        assert!(!all_begin("urand", ["Durand"]));
    }
}
