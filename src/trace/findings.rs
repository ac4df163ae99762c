//! What a verification found, in words that name the record.

use std::fmt;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The record is not the one that was written.
    Changed,
    /// This record or the one behind it is not the one that was written; the sealing key would tell which.
    ChangedOrNext,
    /// From here on, the segment cannot be read as records.
    Unreadable,
    /// Records up to this number, included, are not there.
    Missing { last: u64 },
    /// The record stands in another place than it was written in.
    OutOfOrder,
    /// The record stands there twice.
    Doubled,
    /// The file ends in octets of a record that was never finished, or was cut.
    Unfinished { octets: u64 },
    /// A checkpoint counts more records than there are.
    Cut { counted: u64, found: u64 },
    /// The records are not those that a checkpoint signed.
    NotAsSigned { counted: u64 },
    /// The checkpoint itself is not signed by the key of this trace.
    Checkpoint,
    /// There are records, and no checkpoint that counts them.
    NoCheckpoint,
    /// The record opened, and is none that this program writes.
    Foreign,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The segment, as its file is named without ending; none for the checkpoint.
    pub segment: Option<String>,
    /// The number of the record.
    pub sequence: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

impl Fault {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Changed | Fault::ChangedOrNext => "changed",
            Fault::Unreadable => "unreadable",
            Fault::Missing { .. } => "missing",
            Fault::OutOfOrder => "out-of-order",
            Fault::Doubled => "doubled",
            Fault::Unfinished { .. } => "unfinished",
            Fault::Cut { .. } => "cut",
            Fault::NotAsSigned { .. } => "not-as-signed",
            Fault::Checkpoint => "checkpoint",
            Fault::NoCheckpoint => "no-checkpoint",
            Fault::Foreign => "foreign",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(segment) = &self.segment {
            write!(f, "segment {segment}, ")?;
        }
        let sequence = self.sequence.unwrap_or_default();
        match &self.fault {
            Fault::Changed => write!(f, "record {sequence} was changed"),
            Fault::ChangedOrNext => write!(f, "record {sequence} or {} was changed", sequence + 1),
            Fault::Unreadable => write!(f, "record {sequence} and what follows in the file cannot be read"),
            Fault::Missing { last } if *last == sequence => write!(f, "record {sequence} is missing"),
            Fault::Missing { last } => write!(f, "records {sequence} to {last} are missing"),
            Fault::OutOfOrder => write!(f, "record {sequence} stands in another place than it was written in"),
            Fault::Doubled => write!(f, "record {sequence} stands there twice"),
            Fault::Unfinished { octets } => {
                write!(f, "{octets} octets of record {sequence}, which was never finished or was cut")
            }
            Fault::Cut { counted, found } => {
                write!(f, "the checkpoint counts {counted} records, {found} are there: the last were cut off")
            }
            Fault::NotAsSigned { counted } => write!(f, "the {counted} records are not those that were signed"),
            Fault::Checkpoint => write!(f, "the checkpoint is not signed by the key of this trace"),
            Fault::NoCheckpoint => write!(f, "there are records and no checkpoint"),
            Fault::Foreign => write!(f, "record {sequence} holds what no record holds"),
        }
    }
}

/// Something worth knowing that is no sign of change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The clock of the machine was set back before this record.
    ClockSetBack { sequence: u64 },
    /// An append was interrupted before this record, and the next one said so.
    Interrupted { sequence: u64, octets: u64 },
    /// So many records were added since the last checkpoint: the end of a run did not come, or one is running.
    NotYetSigned { records: u64 },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::ClockSetBack { sequence } => write!(f, "the clock was set back before record {sequence}"),
            Notice::Interrupted { sequence, octets } => {
                write!(f, "an append was interrupted before record {sequence} ({octets} octets)")
            }
            Notice::NotYetSigned { records } => write!(f, "{records} records were added since the last checkpoint"),
        }
    }
}

/// The answer of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records that were read, openings of segments included.
    pub records: u64,
    /// Segments that were read.
    pub segments: usize,
    /// How many records the signed checkpoint counts, if there is a good one.
    pub signed: Option<u64>,
    /// Whether the records were opened with the sealing key.
    pub with_key: bool,
    /// What is wrong, first things first; at most a hundred.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: u64,
    /// What is worth knowing.
    pub notices: Vec<Notice>,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// What a sound verdict says, and what it does not.
    pub const MEANING: &'static str =
        "integrity, not completeness: what was never written, or was cut before a checkpoint counted it, is not found";

    pub(super) fn add(&mut self, segment: Option<String>, sequence: Option<u64>, fault: Fault) {
        match self.findings.len() {
            0..100 => self.findings.push(Finding { segment, sequence, fault }),
            _ => self.more += 1,
        }
    }
}
