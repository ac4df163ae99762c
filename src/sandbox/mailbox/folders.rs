//! Folders: SELECT, LIST, STATUS and what makes and removes them (RFC 9051, section 6.3).

use crate::sandbox::faults::Stage;
use crate::sandbox::mailbox::command::List;
use crate::sandbox::mailbox::describe::string;
use crate::sandbox::mailbox::selected::Selected;
use crate::sandbox::mailbox::{Done, Outcome, Session, Trouble, done};
use crate::sandbox::store::{DELIMITER, Flags, Folder, Listed, Mailbox, STANDING, Snapshot, StoreError, fold_inbox};

/// How many patterns LIST may have.
const MAX_PATTERNS: usize = 100;

impl Session<'_> {
    /// The mailbox of who signed in.
    pub(super) fn mailbox(&self) -> Result<Mailbox<'_>, Trouble> {
        match &self.user {
            Some(user) => Ok(self.service.store.mailbox(user)?),
            None => Err(StoreError::NoFolder.into()),
        }
    }

    pub(super) fn select(&mut self, name: &str, read_only: bool) -> Outcome {
        if self.selected.take().is_some() {
            self.untagged("OK [CLOSED] the folder before is closed")?;
        }
        if let Some(done) = self.struck(Stage::Select)? {
            return Ok(done);
        }
        let mailbox = self.mailbox()?;
        let folder = mailbox.folder(name)?;
        if self.service.faults.changes_uid_validity() {
            folder.renumber(|| mailbox.next_uid_validity())?;
        }
        let recent_from = if read_only { None } else { Some(folder.claim_recent()?) };
        let Some(mut snapshot) = folder.snapshot(None)? else { return Err(StoreError::Gone.into()) };
        snapshot.recent_from = recent_from.unwrap_or(snapshot.recent_from);
        let uid_next = snapshot.uid_next;
        let selected = Selected::new(folder, read_only, snapshot);
        self.announce(&selected, uid_next, fold_inbox(name))?;
        self.selected = Some(selected);
        Ok(Done::Ok(if read_only {
            "[READ-ONLY] EXAMINE completed".to_owned()
        } else {
            "[READ-WRITE] SELECT completed".to_owned()
        }))
    }

    fn announce(&mut self, selected: &Selected, uid_next: u32, name: &str) -> Result<(), Trouble> {
        let system = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
        self.untagged(&format!("FLAGS ({system})"))?;
        let permanent = if selected.read_only { String::new() } else { format!("{system} \\*") };
        self.untagged(&format!("OK [PERMANENTFLAGS ({permanent})] these last"))?;
        self.untagged(&format!("{} EXISTS", selected.count()))?;
        if !self.rev2 {
            self.untagged(&format!("{} RECENT", selected.count_recent()))?;
            let unseen = (1u32..).zip(&selected.messages).find(|(_, message)| !message.flags.has(Flags::SEEN));
            if let Some((number, _)) = unseen {
                self.untagged(&format!("OK [UNSEEN {number}] first unseen"))?;
            }
        }
        self.untagged(&format!("OK [UIDVALIDITY {}] UIDs valid", selected.uid_validity))?;
        self.untagged(&format!("OK [UIDNEXT {uid_next}] predicted next UID"))?;
        if self.rev2 {
            self.list_line("LIST", "", name, "")?;
        }
        Ok(())
    }

    pub(super) fn close(&mut self, expunge: bool) -> Outcome {
        let Some(selected) = self.selected.take() else { return Ok(Done::Bad("no folder is selected")) };
        if expunge && !selected.read_only {
            selected.folder.expunge(|_| true)?;
        }
        done(if expunge { "CLOSE" } else { "UNSELECT" })
    }

    pub(super) fn create(&mut self, name: &str) -> Outcome {
        self.mailbox()?.create(name)?;
        done("CREATE")
    }

    pub(super) fn delete(&mut self, name: &str) -> Outcome {
        self.mailbox()?.delete(name)?;
        done("DELETE")
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Outcome {
        self.mailbox()?.rename(from, to)?;
        done("RENAME")
    }

    pub(super) fn subscribe(&mut self, name: &str, subscribed: bool) -> Outcome {
        self.mailbox()?.subscribe(name, subscribed)?;
        done(if subscribed { "SUBSCRIBE" } else { "UNSUBSCRIBE" })
    }

    pub(super) fn list(&mut self, list: &List) -> Outcome {
        let verb = if list.lsub { "LSUB" } else { "LIST" };
        if list.patterns.iter().all(String::is_empty) {
            // A client that asks for the delimiter alone.
            self.untagged(&format!("{verb} (\\Noselect) \"{DELIMITER}\" \"\""))?;
            return done(verb);
        }
        if list.patterns.len() > MAX_PATTERNS {
            return Ok(Done::Bad("too many patterns"));
        }
        let patterns: Vec<String> =
            list.patterns.iter().map(|pattern| format!("{}{pattern}", list.reference)).collect();
        let folders = self.mailbox()?.list()?;
        let only_subscribed = list.lsub || list.selection.iter().any(|word| word == "SUBSCRIBED");
        let only_special = list.selection.iter().any(|word| word == "SPECIAL-USE");
        for folder in &folders {
            let special = STANDING.iter().any(|(name, usage)| *name == folder.name && !usage.is_empty());
            let wanted = (folder.subscribed || !only_subscribed) && (special || !only_special);
            if !wanted || !patterns.iter().any(|pattern| matches(pattern, &folder.name)) {
                continue;
            }
            let attributes = attributes(folder, &folders, list);
            self.list_line(verb, &attributes, &folder.name, "")?;
            if !list.status.is_empty() {
                self.status_line(&folder.name, &list.status)?;
            }
        }
        done(verb)
    }

    fn list_line(&mut self, verb: &str, attributes: &str, name: &str, rest: &str) -> Result<(), Trouble> {
        let mut line = format!("{verb} ({attributes}) \"{DELIMITER}\" ").into_bytes();
        self.name(&mut line, name);
        let line = String::from_utf8_lossy(&line).into_owned();
        Ok(self.untagged(&format!("{line}{rest}"))?)
    }

    /// A name as it is kept; IMAP4rev2 has UTF-8 between quotes, IMAP4rev1 ASCII alone.
    fn name(&self, out: &mut Vec<u8>, name: &str) {
        if self.rev2 && !name.is_ascii() {
            out.extend_from_slice(format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")).as_bytes());
        } else {
            string(out, name);
        }
    }

    pub(super) fn status(&mut self, name: &str, items: &[String]) -> Outcome {
        const KNOWN: [&str; 8] =
            ["MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "APPENDLIMIT"];
        if items.is_empty() || !items.iter().all(|item| KNOWN.contains(&item.as_str())) {
            return Ok(Done::Bad("a status item is unknown"));
        }
        self.status_line(fold_inbox(name), items)?;
        done("STATUS")
    }

    fn status_line(&mut self, name: &str, items: &[String]) -> Result<(), Trouble> {
        let folder = self.mailbox()?.folder(name)?;
        let Some(snapshot) = folder.snapshot(None)? else { return Err(StoreError::Gone.into()) };
        let values: Vec<String> =
            items.iter().map(|item| format!("{item} {}", status_value(&snapshot, item))).collect();
        let mut line = b"STATUS ".to_vec();
        self.name(&mut line, name);
        line.extend_from_slice(format!(" ({})", values.join(" ")).as_bytes());
        let line = String::from_utf8_lossy(&line).into_owned();
        Ok(self.untagged(&line)?)
    }

    /// The folder that COPY, MOVE or APPEND goes to; one that is missing could be made.
    pub(super) fn target(&self, name: &str) -> Result<Result<std::sync::Arc<Folder>, Done>, Trouble> {
        match self.mailbox()?.folder(name) {
            Ok(folder) => Ok(Ok(folder)),
            Err(StoreError::NoFolder) => Ok(Err(Done::No("[TRYCREATE] no such folder".to_owned()))),
            Err(error) => Err(error.into()),
        }
    }
}

fn status_value(snapshot: &Snapshot, item: &str) -> u64 {
    let count = |flag, set| snapshot.messages.iter().filter(|message| message.flags.has(flag) == set).count() as u64;
    match item {
        "MESSAGES" => snapshot.messages.len() as u64,
        "RECENT" => snapshot.messages.iter().filter(|message| message.uid >= snapshot.recent_from).count() as u64,
        "UIDNEXT" => u64::from(snapshot.uid_next),
        "UIDVALIDITY" => u64::from(snapshot.uid_validity),
        "UNSEEN" => count(Flags::SEEN, false),
        "DELETED" => count(Flags::DELETED, true),
        "SIZE" => snapshot.messages.iter().map(|message| message.size).sum(),
        _ => crate::sandbox::submission::MAX_MESSAGE,
    }
}

fn attributes(folder: &Listed, all: &[Listed], list: &List) -> String {
    let below = |other: &Listed| other.name.strip_prefix(&folder.name).is_some_and(|rest| rest.starts_with(DELIMITER));
    let mut attributes = vec![if all.iter().any(below) { "\\HasChildren" } else { "\\HasNoChildren" }];
    let usage = STANDING.iter().find(|(name, _)| *name == folder.name).map_or("", |(_, usage)| usage);
    if !usage.is_empty() && !list.lsub {
        attributes.push(usage);
    }
    let tells = list.returns.iter().chain(&list.selection).any(|word| word == "SUBSCRIBED");
    if tells && folder.subscribed {
        attributes.push("\\Subscribed");
    }
    attributes.join(" ")
}

/// Whether a name fits a pattern: `*` stands for anything, `%` for anything within one level.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> =
        if fold_inbox(pattern) == "INBOX" { "INBOX".chars().collect() } else { pattern.chars().collect() };
    // Which places of the pattern can be reached by what was read of the name.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    let skip_wildcards = |reached: &mut Vec<bool>| {
        for at in 0..pattern.len() {
            if reached[at] && (pattern[at] == '*' || pattern[at] == '%') {
                reached[at + 1] = true;
            }
        }
    };
    skip_wildcards(&mut reached);
    for letter in name.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| reached[*at]) {
            match pattern[at] {
                '*' => next[at] = true,
                '%' => next[at] |= letter != DELIMITER,
                own => next[at + 1] |= own == letter,
            }
        }
        reached = next;
        skip_wildcards(&mut reached);
    }
    reached[pattern.len()]
}

#[cfg(test)]
mod tests {
    use crate::sandbox::mailbox::folders::matches;

    #[test]
    fn wildcards_stand_for_levels() {
        for (pattern, name) in [
            ("*", "a/b"),
            ("%", "a"),
            ("a/%", "a/b"),
            ("%/b", "a/b"),
            ("inbox", "INBOX"),
            ("*b*", "abc/d"),
            ("a%c", "abbc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("%", "a/b"), ("", "a"), ("a", "A"), ("a*c", "ab"), ("a%d", "ab/cd")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(2000), &"b".repeat(150)), "and no pattern takes long");
    }
}
