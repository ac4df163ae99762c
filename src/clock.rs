//! The only reader of the system clock; everything else is told what time it is.

#![expect(clippy::disallowed_methods, reason = "this is the one door to the system clock")]

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Where the time comes from: the machine, or a moment chosen by a test or by the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Always this moment.
    Fixed(Timestamp),
}

impl Clock {
    /// The moment, to the microsecond or better.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::now(),
            Clock::Fixed(at) => *at,
        }
    }

    /// The moment with the workstation's own offset, as a trace asks for (a fixed clock counts in UTC).
    pub fn local(&self) -> Zoned {
        match self {
            Clock::System => Zoned::now(),
            Clock::Fixed(at) => at.to_zoned(TimeZone::UTC),
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z; a moment before it counts as 0.
    pub fn unix_seconds(&self) -> u64 {
        u64::try_from(self.now().as_second()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still() {
        let at: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
        let clock = Clock::Fixed(at);
        assert_eq!(clock.now(), at);
        assert_eq!(clock.unix_seconds(), 1_767_600_000);
        assert_eq!(clock.local().to_string(), "2026-01-05T08:00:00+00:00[UTC]");
    }
}
