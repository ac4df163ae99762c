//! Retention arithmetic: when an unused mailbox is erased, and when a local copy is past its term. Pure, in civil days.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// When the operator is expected to act on a mailbox that nobody signs in to; months since the last sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// From here on the user is told.
    pub warn_months: u32,
    /// From here on a sign-in is needed soon.
    pub urgent_months: u32,
    /// From here on the mailbox may be erased.
    pub erase_months: u32,
}

impl Default for RetentionPolicy {
    fn default() -> RetentionPolicy {
        RetentionPolicy { warn_months: 9, urgent_months: 11, erase_months: 12 }
    }
}

/// How near a mailbox is to its erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailboxState {
    /// Signed in to recently enough.
    Ok,
    /// A sign-in is due.
    Warn,
    /// A sign-in is due now.
    Urgent,
    /// The operator may erase it any day.
    Overdue,
    /// No sign-in is on record, or only one that has not happened yet.
    Unknown,
}

impl MailboxState {
    /// The word for it in output.
    pub fn as_str(self) -> &'static str {
        match self {
            MailboxState::Ok => "ok",
            MailboxState::Warn => "warn",
            MailboxState::Urgent => "urgent",
            MailboxState::Overdue => "overdue",
            MailboxState::Unknown => "unknown",
        }
    }
}

/// What the last sign-in means for a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxTerm {
    pub state: MailboxState,
    /// Whole days since the last sign-in.
    pub days_since: Option<i64>,
    /// The first day on which it may be erased.
    pub erase_on: Option<Date>,
}

/// Judges a mailbox by its last successful sign-in. Days are counted in UTC, so that every machine counts alike.
pub fn mailbox_term(last_sign_in: Option<Timestamp>, now: Timestamp, policy: &RetentionPolicy) -> MailboxTerm {
    let unknown = MailboxTerm { state: MailboxState::Unknown, days_since: None, erase_on: None };
    let Some(last) = last_sign_in.map(day_of) else { return unknown };
    let today = day_of(now);
    let days_since = days_between(last, today);
    // A day of grace for clocks that disagree; beyond it the record cannot be true.
    if days_since < -1 {
        return unknown;
    }
    let after = |months: u32| last.saturating_add(Span::new().months(i64::from(months.min(1200))));
    let state = if today >= after(policy.erase_months) {
        MailboxState::Overdue
    } else if today >= after(policy.urgent_months) {
        MailboxState::Urgent
    } else if today >= after(policy.warn_months) {
        MailboxState::Warn
    } else {
        MailboxState::Ok
    };
    MailboxTerm { state, days_since: Some(days_since.max(0)), erase_on: Some(after(policy.erase_months)) }
}

/// The first day on which something stored at a moment is past its term.
pub fn keep_until(stored: Timestamp, keep_days: u32) -> Date {
    day_of(stored).saturating_add(i64::from(keep_days).min(400_000).days())
}

/// Whether something stored at a moment is past its term.
pub fn is_past_term(stored: Timestamp, keep_days: u32, now: Timestamp) -> bool {
    day_of(now) >= keep_until(stored, keep_days)
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(last: &str, now: &str) -> MailboxTerm {
        mailbox_term(Some(last.parse().unwrap()), now.parse().unwrap(), &RetentionPolicy::default())
    }

    #[test]
    fn the_state_changes_on_the_day() {
        let last = "2025-01-31T22:00:00Z";
        for (now, state) in [
            ("2025-01-31T23:00:00Z", MailboxState::Ok),
            ("2025-10-30T23:59:59Z", MailboxState::Ok),
            ("2025-10-31T00:00:00Z", MailboxState::Warn),
            ("2025-12-30T12:00:00Z", MailboxState::Warn),
            ("2025-12-31T12:00:00Z", MailboxState::Urgent),
            ("2026-01-30T23:00:00Z", MailboxState::Urgent),
            ("2026-01-31T00:00:00Z", MailboxState::Overdue),
            ("2031-01-31T00:00:00Z", MailboxState::Overdue),
        ] {
            assert_eq!(term(last, now).state, state, "{now}");
        }
        assert_eq!(term(last, "2025-02-02T00:00:00Z").days_since, Some(2));
        assert_eq!(term(last, "2025-02-02T00:00:00Z").erase_on, Some("2026-01-31".parse().unwrap()));
    }

    #[test]
    fn without_a_credible_sign_in_nothing_is_known() {
        let now = "2026-01-05T08:00:00Z".parse().unwrap();
        assert_eq!(mailbox_term(None, now, &RetentionPolicy::default()).state, MailboxState::Unknown);
        assert_eq!(term("2027-01-01T00:00:00Z", "2026-01-05T08:00:00Z").state, MailboxState::Unknown);
        assert_eq!(term("2026-01-05T23:00:00Z", "2026-01-05T08:00:00Z").state, MailboxState::Ok);
    }

    #[test]
    fn a_copy_is_past_its_term_from_the_day_on() {
        let stored = "2026-01-05T08:00:00Z".parse().unwrap();
        assert!(!is_past_term(stored, 30, "2026-02-03T23:59:59Z".parse().unwrap()));
        assert!(is_past_term(stored, 30, "2026-02-04T00:00:00Z".parse().unwrap()));
        assert_eq!(keep_until(stored, u32::MAX).to_string().len(), 10, "no overflow");
    }
}
