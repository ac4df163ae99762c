//! Which messages of a folder are to be fetched: what the server finds, without what was settled before.

use super::desk::Desk;
use crate::commands::error::Error;
use crate::imap::{Filter, Selected, Session, UidSet};
use crate::vault::After;

/// Messages that one search may find, about: a folder of more is searched piece by piece.
const PIECE: u32 = 100_000;

/// Most messages of one run: more than any folder has, and few enough to be remembered where a server says that it has more.
const MOST: usize = 10_000_000;

/// UIDs that the journal is asked for at once.
const PAGE: usize = 2_000;

/// One message that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub uid: u32,
    /// It is kept here already, and something is left to do on the server.
    pub known: bool,
}

/// All that are wanted of a folder, in the order of their UIDs.
pub(super) struct All {
    pub messages: Vec<Wanted>,
    /// Whether there are no others.
    pub complete: bool,
}

impl Desk<'_> {
    /// Looks for what is wanted, `changed_since` a HIGHESTMODSEQ where nothing before that is left.
    pub(super) fn look(
        &self,
        session: &mut Session,
        folder: &str,
        selected: &Selected,
        changed_since: Option<u64>,
    ) -> Result<All, Error> {
        let mut all = All { messages: Vec::new(), complete: true };
        for between in pieces(selected.exists, selected.uid_next) {
            let filter = Filter { changed_since, between, ..self.request.filter.clone() };
            let found = session.search(&filter)?;
            self.choose(folder, selected.uid_validity, &found, &mut all)?;
            if !all.complete {
                break;
            }
        }
        Ok(all)
    }

    /// Those that were taken before and stay on the server do not count: else a limit would never get past them.
    fn choose(&self, folder: &str, uid_validity: u32, found: &UidSet, all: &mut All) -> Result<(), Error> {
        let mut uids = found.iter();
        loop {
            let page: Vec<u32> = uids.by_ref().take(PAGE).collect();
            let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(()) };
            let known = self.inbox.known_between(folder, uid_validity, (*first, *last))?;
            for uid in page {
                let before = known.get(&uid);
                if before.is_some_and(|deed| self.is_settled(deed.as_deref())) {
                    continue;
                }
                if all.messages.len() >= self.left().min(MOST) {
                    all.complete = false;
                    return Ok(());
                }
                all.messages.push(Wanted { uid, known: before.is_some() });
            }
        }
    }

    /// What was kept until now may be marked, moved or deleted now; anything else was settled when it was done.
    fn is_settled(&self, acknowledged: Option<&str>) -> bool {
        match acknowledged {
            None => false,
            Some("keep") => self.request.after == After::Keep,
            Some(_) => true,
        }
    }
}

/// Ranges of UIDs that cover a folder, each with about so many messages as are found at once.
fn pieces(exists: u32, uid_next: Option<u32>) -> Vec<Option<(u32, u32)>> {
    let count = exists.div_ceil(PIECE);
    let Some(last) = uid_next.filter(|_| count > 1) else { return vec![None] };
    let step = (last / count).max(1);
    let piece = |number| {
        let first = 1 + number * step;
        Some((first, if number + 1 == count { u32::MAX } else { first + step - 1 }))
    };
    (0..count).map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_uid_once() {
        assert_eq!(pieces(PIECE, Some(9)), [None]);
        assert_eq!(pieces(PIECE + 1, None), [None]);
        for (exists, uid_next) in [
            (PIECE + 1, PIECE + 2),
            (250_000, 1_000_003),
            (1_000_000, u32::MAX),
            (4_000_000, 4_000_001),
            (PIECE + 1, 1),
        ] {
            let pieces: Vec<(u32, u32)> = pieces(exists, Some(uid_next)).into_iter().flatten().collect();
            assert_eq!((pieces[0].0, pieces[pieces.len() - 1].1), (1, u32::MAX), "{exists} {uid_next}");
            assert!(pieces.windows(2).all(|two| two[0].1.checked_add(1) == Some(two[1].0)), "{pieces:?}");
            assert!(pieces.len() <= 42);
        }
    }
}
