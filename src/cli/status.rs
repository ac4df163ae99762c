//! The exit statuses users rely on.

/// What the process tells its caller. Any other number is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Everything that was asked was done.
    Done = 0,
    /// The answer is no: nobody found, messages overdue, a trace that does not verify, a message that did not open.
    Finding = 1,
    /// The words are wrong.
    Usage = 64,
    /// An input file, manifest or message is malformed.
    Data = 65,
    /// A file that was named cannot be read.
    NoInput = 66,
    /// A server cannot be reached.
    Unavailable = 69,
    /// A fault of ours.
    Bug = 70,
    /// An output cannot be written.
    CannotCreate = 73,
    /// Disk or database failed.
    LocalIo = 74,
    /// Temporary: queued, run the same command again.
    TryAgain = 75,
    /// A certificate, signature, list or recipient was not accepted.
    Untrusted = 76,
    /// Refused sign-in or permission.
    SignIn = 77,
    /// The profile or vault is wrong or missing.
    Configuration = 78,
    /// Some recipients were refused for good, the rest were done.
    Partial = 79,
    /// The line broke between the last octet and the answer.
    Unknown = 80,
    /// Stopped by the user; what was queued stays queued.
    Interrupted = 130,
}

/// The table of the manual: number, name, meaning.
pub const STATUSES: [(Status, &str, &str); 16] = [
    (Status::Done, "done", "everything that was asked was done"),
    (
        Status::Finding,
        "finding",
        "the answer is no: nobody found, messages overdue, a trace that does not verify, a message that did not open",
    ),
    (Status::Usage, "usage", "the words are wrong"),
    (Status::Data, "data", "an input file, manifest or message is malformed"),
    (Status::NoInput, "no input", "a file that was named cannot be read"),
    (Status::Unavailable, "unavailable", "a server cannot be reached"),
    (Status::Bug, "bug", "a fault of ours"),
    (Status::CannotCreate, "cannot create", "an output cannot be written"),
    (Status::LocalIo, "local I/O", "disk or database failed"),
    (Status::TryAgain, "try again", "temporary: queued, run the same command again"),
    (Status::Untrusted, "untrusted", "a certificate, signature, list or recipient was not accepted"),
    (Status::SignIn, "sign-in", "refused sign-in or permission"),
    (Status::Configuration, "configuration", "the profile or vault is wrong or missing"),
    (Status::Partial, "partial", "some recipients were refused for good, the rest were done"),
    (Status::Unknown, "unknown", "the line broke between the last octet and the answer; needs mss outbox resolve"),
    (Status::Interrupted, "interrupted", "by the user; what was queued stays queued"),
];

impl Status {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What the states of recipients come to.
    pub(super) fn of_states<'a>(states: impl Iterator<Item = &'a str> + Clone) -> Status {
        let failed = |state| matches!(state, "refused" | "bounced" | "expired");
        let all_failed = states.clone().all(failed);
        let one = |state| match state {
            "unknown" => Status::Unknown,
            _ if failed(state) && all_failed => Status::Untrusted,
            _ if failed(state) => Status::Partial,
            "queued" | "deferred" | "submitting" | "committing" => Status::TryAgain,
            _ => Status::Done,
        };
        states.map(one).fold(Status::Done, Status::and)
    }

    /// Of two statuses that both apply, the one that is told: 80, 130, 79, 76, 77, 75, 69, then any failure, then 1, then 0.
    pub fn and(self, other: Status) -> Status {
        let rank = |status: Status| match status {
            Status::Unknown => 0,
            // The work was not done to its end, whatever else there is to tell.
            Status::Interrupted => 1,
            Status::Partial => 2,
            Status::Untrusted => 3,
            Status::SignIn => 4,
            Status::TryAgain => 5,
            Status::Unavailable => 6,
            Status::Finding => 8,
            Status::Done => 9,
            _ => 7,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_recipients_come_to_one_status() {
        let status = |states: &[&str]| Status::of_states(states.iter().copied()).code();
        assert_eq!(status(&[]), 0);
        assert_eq!(status(&["accepted", "checked"]), 0);
        assert_eq!(status(&["refused", "refused"]), 76);
        assert_eq!(status(&["accepted", "refused"]), 79);
        assert_eq!(status(&["accepted", "committing"]), 75);
        assert_eq!(status(&["refused", "unknown", "queued"]), 80);
    }

    #[test]
    fn where_several_apply_the_one_that_needs_most_care_wins() {
        let order = [80, 79, 76, 77, 75, 69, 74, 1, 0];
        let status = |code: u8| STATUSES.iter().map(|row| row.0).find(|s| s.code() == code).unwrap();
        for (at, first) in order.iter().enumerate() {
            for second in &order[at..] {
                assert_eq!(status(*first).and(status(*second)), status(*first));
                assert_eq!(status(*second).and(status(*first)), status(*first));
            }
        }
    }
}
