//! The word that was probably meant, for messages about one that is not known.

/// The nearest of some words by Damerau-Levenshtein distance, at most a third of the word away.
pub fn nearest<'a>(words: impl Iterator<Item = &'a str>, written: &str) -> Option<&'a str> {
    if written.chars().count() > 64 {
        return None;
    }
    let written = written.to_lowercase().replace('_', "-");
    let near = words.map(|word| (distance(word, &written), word)).min_by_key(|(distance, _)| *distance)?;
    (near.0 <= near.1.chars().count().div_ceil(3)).then_some(near.1)
}

fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_seen_and_another_word_is_not() {
        let meant = |written| nearest(["attach", "body-file", "to"].into_iter(), written);
        assert_eq!(meant("atach"), Some("attach"));
        assert_eq!(meant("attahc"), Some("attach"));
        assert_eq!(meant("Body_File"), Some("body-file"));
        assert_eq!(meant("patient"), None);
        assert_eq!(meant(&"a".repeat(100)), None);
    }
}
