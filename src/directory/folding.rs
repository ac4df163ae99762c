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

/// Adds the words of a text, folded, with a space behind each: the same words as [`words`] gives, without a list of them.
pub(super) fn push_words(text: &str, to: &mut String) {
    let folded;
    let text = if text.is_ascii() {
        text
    } else {
        folded = fold(text);
        &folded
    };
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let from = to.len();
        to.push_str(word);
        to[from..].make_ascii_lowercase();
        to.push(' ');
    }
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
    fn words_in_one_text_are_the_same_words() {
        for text in ["Zoé-Anne D'ŒUVRE", "  ", "HOPITAL D ESSAI (12)", "İstanbul ΑΣ", "ﬁn, Straße"] {
            let mut pushed = String::new();
            push_words(text, &mut pushed);
            assert_eq!(pushed.split_whitespace().collect::<Vec<_>>(), words(text), "{text}");
        }
    }

    #[test]
    fn accents_case_and_hyphens_make_no_difference() {
        assert_eq!(words("Zoé-Anne D'ŒUVRE"), ["zoe", "anne", "d", "oeuvre"]);
        assert!(all_begin("zoe DUR", ["Durand", "Zoé"]));
        assert!(!all_begin("zoe martin", ["Durand", "Zoé"]));
        assert!(!all_begin("urand", ["Durand"]));
    }
}
