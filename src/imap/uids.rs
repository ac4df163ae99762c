//! Sets of UIDs, as ranges: a hundred thousand of them are written and kept in a few octets where nothing is missing between.

use std::fmt;
use std::num::NonZeroU32;

/// UIDs in ascending order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    /// First and last of each range; ranges neither overlap nor touch.
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Reads `sequence-set` without `*` (RFC 9051, section 9), as ESEARCH and VANISHED have it.
    pub(super) fn parse(text: &str) -> Option<UidSet> {
        let number = |text: &str| text.parse::<NonZeroU32>().ok().map(NonZeroU32::get);
        let range = |part: &str| match part.split_once(':') {
            Some((one, other)) => Some((number(one)?.min(number(other)?), number(one)?.max(number(other)?))),
            None => Some((number(part)?, number(part)?)),
        };
        Some(UidSet::of_ranges(text.split(',').map(range).collect::<Option<Vec<_>>>()?))
    }

    /// The first UIDs, as many as stand in a text of `most` octets, but at least one; and the others.
    pub fn split(self, most: usize) -> (UidSet, UidSet) {
        let (mut length, mut count) = (0, 0);
        for range in &self.ranges {
            length += usize::from(count > 0) + written(*range).len();
            if count > 0 && length > most {
                break;
            }
            count += 1;
        }
        let mut ranges = self.ranges;
        let rest = ranges.split_off(count);
        (UidSet { ranges }, UidSet { ranges: rest })
    }

    /// Those from the first to the last.
    pub(super) fn within(self, (first, last): (u32, u32)) -> UidSet {
        let cut = |(from, to): (u32, u32)| (from.max(first), to.min(last));
        UidSet { ranges: self.ranges.into_iter().map(cut).filter(|(from, to)| from <= to).collect() }
    }

    /// Those of all sets.
    pub(super) fn union(sets: Vec<UidSet>) -> UidSet {
        UidSet::of_ranges(sets.into_iter().flat_map(|set| set.ranges).collect())
    }

    fn of_ranges(mut ranges: Vec<(u32, u32)>) -> UidSet {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => joined.push((first, last)),
            }
        }
        UidSet { ranges: joined }
    }
}

/// Numbers that are no UID are left out.
impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> UidSet {
        UidSet::of_ranges(uids.into_iter().filter(|uid| *uid != 0).map(|uid| (uid, uid)).collect())
    }
}

fn written((first, last): (u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

/// `sequence-set`, as a command has it.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, range) in self.ranges.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}", written(*range))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_in_ranges_and_read_back() {
        let set: UidSet = [7, 1, 2, 3, 0, 9, 8, 20].into_iter().collect();
        assert_eq!((set.to_string().as_str(), set.len()), ("1:3,7:9,20", 7));
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 3, 7, 8, 9, 20]);
        assert_eq!(UidSet::parse("20,9:7,1:2,2:3"), Some(set));
        assert_eq!(UidSet::parse("1:4294967295").map(|set| set.len()), Some(4_294_967_295));
        for bad in ["", "0", "1:0", "1,", "x", "1:*", "-1", "4294967296", "1:2:3"] {
            assert_eq!(UidSet::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn sets_are_put_together_and_cut_at_both_ends() {
        let all = UidSet::union(["1:3,9", "2:5", "20"].map(|text| UidSet::parse(text).unwrap()).into());
        assert_eq!(all.to_string(), "1:5,9,20");
        assert_eq!(all.clone().within((4, 20)).to_string(), "4:5,9,20");
        assert!(all.within((10, 19)).is_empty());
    }

    #[test]
    fn a_set_is_cut_where_its_text_would_be_too_long() {
        let (first, rest) = UidSet::parse("1:3,7:9,20").unwrap().split(7);
        assert_eq!((first.to_string().as_str(), rest.to_string().as_str()), ("1:3,7:9", "20"));
        assert_eq!(rest.split(0).0.to_string(), "20");
    }
}
