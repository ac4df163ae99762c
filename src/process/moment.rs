//! Moments at which a test has the program killed: named here, reached where messages are written down, gone in a release.

/// A step on the way of a message behind which the power may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Sealed octets are written, under no name yet.
    OctetsWritten,
    /// Their file has its name; no row tells of it.
    FileNamed,
    /// The rows are written.
    RowsWritten,
    /// Copies are about to be taken.
    BeforeClaim,
    /// They are taken.
    AfterClaim,
    /// The point of no return is about to be written down.
    BeforeCommit,
    /// It is written down; nothing of the last octets has left.
    AfterCommit,
    /// The last octets of a message have left.
    LastOctetsSent,
    /// The server took a message.
    AnswerHeard,
    /// Answers are about to be written down.
    BeforeSettlement,
    /// They are written down.
    AfterSettlement,
    /// Records are about to be added to the trace.
    BeforeTrace,
    /// They are there.
    AfterTrace,
    /// What the next checkpoint is computed from is written; the checkpoint is not.
    BeforeCheckpoint,
    /// The checkpoint is signed and written.
    AfterCheckpoint,
    /// Fetched messages are on disk under their names; the journal does not tell of them.
    FetchedNamed,
    /// The journal tells of them; nothing was done on the server.
    FetchedRecorded,
    /// The server said that it was done; the journal does not tell of it.
    Acknowledged,
}

impl Moment {
    /// Those of a fetch.
    pub const OF_FETCHING: [(Moment, &str); 3] = [
        (Moment::FetchedNamed, "fetched-named"),
        (Moment::FetchedRecorded, "fetched-recorded"),
        (Moment::Acknowledged, "acknowledged"),
    ];

    /// Those of a message that is sent, in their order, and the word for each.
    pub const ALL: [(Moment, &str); 15] = [
        (Moment::OctetsWritten, "octets-written"),
        (Moment::FileNamed, "file-named"),
        (Moment::RowsWritten, "rows-written"),
        (Moment::BeforeClaim, "before-claim"),
        (Moment::AfterClaim, "after-claim"),
        (Moment::BeforeCommit, "before-commit"),
        (Moment::AfterCommit, "after-commit"),
        (Moment::LastOctetsSent, "last-octets-sent"),
        (Moment::AnswerHeard, "answer-heard"),
        (Moment::BeforeSettlement, "before-settlement"),
        (Moment::AfterSettlement, "after-settlement"),
        (Moment::BeforeTrace, "before-trace"),
        (Moment::AfterTrace, "after-trace"),
        (Moment::BeforeCheckpoint, "before-checkpoint"),
        (Moment::AfterCheckpoint, "after-checkpoint"),
    ];
}

/// Says that a moment is reached.
#[cfg(not(debug_assertions))]
pub fn here(_: Moment) {}

#[cfg(debug_assertions)]
pub use chosen::{choose, here};

#[cfg(debug_assertions)]
mod chosen {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Moment;

    /// What was chosen, and how often it is still to be reached.
    static CHOSEN: OnceLock<(Moment, AtomicU32)> = OnceLock::new();

    /// Chooses the moment at which this process dies: `after-claim`, or `after-claim:3` for the third time it is reached.
    /// Whatever else is written chooses none.
    pub fn choose(text: &str) {
        let (word, times) = text.split_once(':').unwrap_or((text, "1"));
        let moment = Moment::ALL.iter().chain(&Moment::OF_FETCHING).find(|(_, known)| *known == word);
        if let (Some((moment, _)), Ok(times)) = (moment, times.parse()) {
            let _ = CHOSEN.set((*moment, AtomicU32::new(times)));
        }
    }

    /// Says that a moment is reached; where it is the chosen one, nothing is done behind it, as after a power cut.
    pub fn here(moment: Moment) {
        if let Some((chosen, left)) = CHOSEN.get()
            && *chosen == moment
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
