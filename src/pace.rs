//! How long and how fast, as people write it: `90s`, `24h` or `5d`; `10/s`, `600/m` or `5000/h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// The units of a time, the longest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// A length of time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// A text that is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written like 90s, 30m, 24h or 5d")]
pub struct SpanError;

impl Span {
    /// So many seconds.
    pub const fn of_seconds(seconds: u64) -> Span {
        Span(seconds)
    }

    /// So many days.
    pub const fn of_days(days: u32) -> Span {
        Span(days as u64 * 86_400)
    }

    /// Its seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// What is added to a moment.
    pub fn signed(self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        Duration::from_secs(span.0)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        let text = text.trim();
        let (word, seconds) = UNITS.iter().find(|(word, _)| text.ends_with(word)).ok_or(SpanError)?;
        let count = text.strip_suffix(word).map(str::trim_end).filter(|it| it.bytes().all(|b| b.is_ascii_digit()));
        let count: u32 = count.and_then(|count| count.parse().ok()).ok_or(SpanError)?;
        Ok(Span(u64::from(count) * seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, seconds): &&(&str, u64)| self.0 >= *seconds && self.0.is_multiple_of(*seconds);
        let (word, seconds) = UNITS.iter().find(whole).unwrap_or(&("s", 1));
        write!(f, "{}{word}", self.0 / seconds)
    }
}

/// At most so many in a second, minute or hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    unit: &'static str,
    seconds: u64,
}

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is written like 10/s, 600/m or 5000/h")]
pub struct RateError;

impl Rate {
    /// The time from one to the next.
    pub fn pause(self) -> Duration {
        Duration::from_secs(self.seconds) / self.count
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Rate, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let count: u32 = count.trim().parse().ok().filter(|count| *count > 0).ok_or(RateError)?;
        let known = UNITS.iter().find(|(word, _)| *word == unit.trim() && *word != "d");
        let (unit, seconds) = *known.ok_or(RateError)?;
        Ok(Rate { count, unit, seconds })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        let seconds = |text: &str| text.parse::<Span>().map(Span::seconds);
        assert_eq!(["90s", "30m", "24h", "5d", "0s"].map(seconds), [90, 1800, 86_400, 432_000, 0].map(Ok));
        for wrong in ["", "5", "d", "-1d", "1.5h", "5 weeks", "99999999999d", "+5d", "5é"] {
            assert_eq!(seconds(wrong), Err(SpanError), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_written_in_its_longest_unit() {
        for (text, shown) in [("5d", "5d"), ("24h", "1d"), ("90s", "90s"), ("120m", "2h"), ("0s", "0s")] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_rate_is_the_time_between_two_messages() {
        let pause = |text: &str| text.parse::<Rate>().map(Rate::pause);
        assert_eq!(pause("10/s"), Ok(Duration::from_millis(100)));
        assert_eq!(pause("600/m"), Ok(Duration::from_millis(100)));
        assert_eq!(pause("1 / h"), Ok(Duration::from_secs(3600)));
        assert_eq!("600/m".parse::<Rate>().unwrap().to_string(), "600/m");
        for wrong in ["10", "0/s", "-1/s", "1/d", "/s", "1/"] {
            assert!(pause(wrong).is_err(), "{wrong}");
        }
    }
}
