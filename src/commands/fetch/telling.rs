//! What is told, in the order of the folder: each message once it, and all before it, are stored and acknowledged.

use std::collections::VecDeque;

use super::{Line, Summary, Tell};
use crate::commands::error::Error;
use crate::imap::UidSet;

/// A message that is stored.
struct Pending {
    line: Line,
    /// Nothing more is waited for.
    is_done: bool,
}

/// Messages that are stored and not yet told.
#[derive(Default)]
pub(super) struct Telling {
    lines: VecDeque<Pending>,
}

impl Telling {
    /// Stored messages, in their order; `is_done` where nothing is to be done with them on the server.
    pub(super) fn add(&mut self, lines: Vec<Line>, is_done: bool) {
        self.lines.extend(lines.into_iter().map(|line| Pending { line, is_done }));
    }

    /// What was done with some of them.
    pub(super) fn done(&mut self, uids: &UidSet, word: &'static str) {
        let mut uids = uids.iter().peekable();
        for pending in self.lines.iter_mut().filter(|pending| !pending.is_done) {
            while uids.next_if(|uid| *uid < pending.line.uid).is_some() {}
            if uids.peek() == Some(&pending.line.uid) {
                pending.line.acknowledged = word;
                pending.is_done = true;
            }
        }
    }

    /// Nothing will be done any more.
    pub(super) fn stop_waiting(&mut self) {
        self.lines.iter_mut().for_each(|pending| pending.is_done = true);
    }

    /// Whether all were told.
    pub(super) fn is_over(&self) -> bool {
        self.lines.is_empty()
    }

    /// Tells those whose turn it is.
    pub(super) fn tell(&mut self, summary: &mut Summary, tell: &mut Tell<'_>) -> Result<(), Error> {
        while self.lines.front().is_some_and(|pending| pending.is_done) {
            if let Some(Pending { line, .. }) = self.lines.pop_front() {
                summary.count(&line);
                tell(&line).map_err(|source| Error::Answer { source })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(uid: u32) -> Line {
        Line {
            schema: "mss.fetch/1",
            folder: "INBOX".to_owned(),
            uid,
            state: "stored",
            place: None,
            acknowledged: "kept",
            quarantined: false,
            received: None,
            notice: Vec::new(),
            error: None,
        }
    }

    #[test]
    fn what_is_acknowledged_out_of_order_is_told_in_order() {
        let (mut telling, mut summary) = (Telling::default(), Summary::default());
        telling.add([1, 3, 4, 7].map(line).into(), false);
        telling.add(vec![line(9)], true);
        let mut told = Vec::new();
        let mut hear = |telling: &mut Telling| {
            telling.tell(&mut summary, &mut |line| {
                told.push((line.uid, line.acknowledged));
                Ok(())
            })
        };
        telling.done(&[3, 7].into_iter().collect(), "seen");
        hear(&mut telling).unwrap();
        telling.done(&[1].into_iter().collect(), "deleted");
        hear(&mut telling).unwrap();
        assert!(!telling.is_over());
        telling.stop_waiting();
        hear(&mut telling).unwrap();
        assert!(telling.is_over());
        assert_eq!(told, [(1, "deleted"), (3, "seen"), (4, "kept"), (7, "seen"), (9, "kept")]);
        assert_eq!(summary.stored, 5);
    }
}
