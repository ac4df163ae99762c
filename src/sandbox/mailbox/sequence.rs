//! Sets of message numbers and of UIDs (RFC 9051, section 9, sequence-set).

/// How many ranges a set may have.
const MAX_RANGES: usize = 10_000;

/// A set as the client wrote it; `*` has no value before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SequenceSet {
    Ranges(Vec<(Bound, Bound)>),
    /// `$`: what the last SEARCH saved (RFC 5182).
    Saved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Number(u32),
    Last,
}

impl SequenceSet {
    /// Reads `1:4,7,9:*` or `$`.
    pub(super) fn parse(text: &str) -> Option<SequenceSet> {
        if text == "$" {
            return Some(SequenceSet::Saved);
        }
        let bound = |text: &str| match text {
            "*" => Some(Bound::Last),
            _ => text.parse().ok().filter(|number| *number > 0).map(Bound::Number),
        };
        let ranges: Option<Vec<_>> = text
            .split(',')
            .map(|range| match range.split_once(':') {
                Some((from, to)) => Some((bound(from)?, bound(to)?)),
                None => bound(range).map(|one| (one, one)),
            })
            .collect();
        ranges.filter(|ranges| ranges.len() <= MAX_RANGES).map(SequenceSet::Ranges)
    }

    /// The numbers themselves, where `*` is `last`; `saved` is what `$` stands for.
    pub(super) fn resolve(&self, last: u32, saved: impl Iterator<Item = u32>) -> Numbers {
        let value = |bound| match bound {
            Bound::Number(number) => number,
            Bound::Last => last,
        };
        let mut ranges: Vec<(u32, u32)> = match self {
            SequenceSet::Saved => saved.map(|number| (number, number)).collect(),
            SequenceSet::Ranges(ranges) => {
                ranges.iter().map(|(from, to)| (value(*from).min(value(*to)), value(*from).max(value(*to)))).collect()
            }
        };
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        Numbers(merged)
    }
}

/// Numbers as ranges that rise and do not touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    pub(super) fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < number);
        self.0.get(at).is_some_and(|(from, _)| *from <= number)
    }

    /// The greatest number, if there is one.
    pub(super) fn greatest(&self) -> Option<u32> {
        self.0.last().map(|(_, to)| *to)
    }
}

/// Numbers as a set: `1:3,7`.
pub(super) fn write_set(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut text = String::new();
    let mut range: Option<(u32, u32)> = None;
    let mut put = |range: Option<(u32, u32)>| {
        let Some((from, to)) = range else { return };
        let comma = if text.is_empty() { "" } else { "," };
        text.push_str(&if from == to { format!("{comma}{from}") } else { format!("{comma}{from}:{to}") });
    };
    for number in numbers {
        match &mut range {
            Some((_, to)) if to.checked_add(1) == Some(number) => *to = number,
            _ => {
                put(range);
                range = Some((number, number));
            }
        }
    }
    put(range);
    text
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::sequence::{SequenceSet, write_set};

    fn numbers(text: &str, last: u32) -> Vec<u32> {
        let set = SequenceSet::parse(text).unwrap().resolve(last, [2, 3].into_iter());
        (1..=20).filter(|number| set.contains(*number)).collect()
    }

    #[test]
    fn a_set_is_resolved_against_the_last_number() {
        assert_eq!(numbers("1:3,2,7", 9), [1, 2, 3, 7]);
        assert_eq!(numbers("*", 9), [9]);
        assert_eq!(numbers("8:*", 9), [8, 9]);
        assert_eq!(numbers("12:*", 9), [9, 10, 11, 12], "a range may be written either way round");
        assert_eq!(numbers("$", 9), [2, 3]);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in ["", "0", "1,", "1:", ":", "a", "1:2:3", "99999999999", "$,1"] {
            assert_eq!(SequenceSet::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_written_short() {
        assert_eq!(write_set([1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(write_set([]), "");
    }
}
