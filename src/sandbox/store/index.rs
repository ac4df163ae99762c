//! The index of a folder as text: a head, then one line a change, the latest last.

use crate::sandbox::store::flags::Flags;

/// What the index says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Message {
    pub(in crate::sandbox) uid: u32,
    /// When it came, in seconds since 1970-01-01T00:00:00Z (INTERNALDATE).
    pub(in crate::sandbox) date: i64,
    pub(in crate::sandbox) size: u64,
    pub(in crate::sandbox) flags: Flags,
}

/// A folder's numbers and messages, UIDs rising.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    pub(super) recent_from: u32,
    pub(super) messages: Vec<Message>,
    /// How many lines were read.
    pub(super) lines: usize,
}

impl Index {
    pub(super) fn new(uid_validity: u32) -> Index {
        Index { uid_validity, uid_next: 1, recent_from: 1, ..Index::default() }
    }

    pub(super) fn message(&self, uid: u32) -> Option<&Message> {
        self.messages.binary_search_by_key(&uid, |message| message.uid).ok().map(|at| &self.messages[at])
    }

    pub(super) fn push(&mut self, message: Message) {
        self.uid_next = message.uid.saturating_add(1);
        self.messages.push(message);
    }

    /// The shortest text that says the same.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("mss-folder 1 {} {} {}\n", self.uid_validity, self.uid_next, self.recent_from);
        for Message { uid, date, size, flags } in &self.messages {
            text.push_str(&format!("+{uid} {date} {size} {flags}\n"));
        }
        text
    }

    /// Takes in whole lines; `None` if one of them is not of an index.
    pub(super) fn apply(&mut self, lines: &str) -> Option<()> {
        let mut gone: Vec<u32> = Vec::new();
        let mut head = self.uid_validity == 0;
        for line in lines.lines() {
            self.lines += 1;
            if std::mem::take(&mut head) {
                self.apply_head(line)?;
                continue;
            }
            let kind = line.chars().next()?;
            let rest = line.get(1..)?;
            match kind {
                '+' => self.apply_added(rest)?,
                '=' => {
                    let (uid, flags) = rest.split_once(' ')?;
                    let uid: u32 = uid.parse().ok()?;
                    if let Ok(at) = self.messages.binary_search_by_key(&uid, |message| message.uid) {
                        self.messages[at].flags = Flags::parse(flags);
                    }
                }
                '-' => gone.push(rest.parse().ok()?),
                'r' => self.recent_from = rest.parse().ok()?,
                _ => return None,
            }
        }
        if !gone.is_empty() {
            // UIDs are never given twice, so that all can go at the end, in one pass.
            gone.sort_unstable();
            self.messages.retain(|message| gone.binary_search(&message.uid).is_err());
        }
        Some(())
    }

    fn apply_head(&mut self, line: &str) -> Option<()> {
        let mut fields = line.strip_prefix("mss-folder 1 ")?.split(' ');
        self.uid_validity = fields.next()?.parse().ok().filter(|validity| *validity > 0)?;
        self.uid_next = fields.next()?.parse().ok()?;
        self.recent_from = fields.next()?.parse().ok()?;
        Some(())
    }

    fn apply_added(&mut self, rest: &str) -> Option<()> {
        let mut fields = rest.splitn(4, ' ');
        let uid: u32 = fields.next()?.parse().ok()?;
        let date = fields.next()?.parse().ok()?;
        let size = fields.next()?.parse().ok()?;
        let flags = Flags::parse(fields.next()?);
        if uid == 0 || self.messages.last().is_some_and(|last| last.uid >= uid) {
            return None;
        }
        let uid_next = self.uid_next;
        self.push(Message { uid, date, size, flags });
        // A rewritten index lists messages below the next UID that its head gives.
        self.uid_next = self.uid_next.max(uid_next);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::store::index::Index;

    #[test]
    fn the_lines_of_a_log_add_up() {
        let mut index = Index::default();
        index.apply("mss-folder 1 77 1 1\n+1 10 100 \n+2 20 200 \\Seen\n").unwrap();
        index.apply("=1 \\Flagged work\n-2\nr3\n+5 30 300 \n=2 \\Deleted\n").unwrap();
        assert_eq!((index.uid_validity, index.uid_next, index.recent_from), (77, 6, 3));
        assert_eq!(index.messages.iter().map(|m| m.uid).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(index.message(1).unwrap().flags.to_string(), "\\Flagged work");
    }

    #[test]
    fn a_rewritten_index_says_the_same_and_forgets_no_number() {
        let mut index = Index::default();
        index.apply("mss-folder 1 77 1 1\n+1 10 100 \n+2 20 200 \\Seen\n-2\n").unwrap();
        let mut again = Index::default();
        again.apply(&index.to_text()).unwrap();
        assert_eq!(again.uid_next, 3, "a UID is never given twice");
        assert_eq!(again.messages, index.messages);
    }

    #[test]
    fn what_is_not_an_index_is_refused() {
        for bad in
            ["", "x\n", "mss-folder 1 0 1 1\n", "mss-folder 1 7 1 1\n+2 1 1 \n+2 1 1 \n", "mss-folder 1 7 1 1\né\n"]
        {
            let mut index = Index::default();
            let read = index.apply(bad);
            assert!(read.is_none() || index.uid_validity == 0, "{bad:?}");
        }
    }
}
