//! A mailbox session: select, search, look without marking, and wait for what comes.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use io_imap::types::command::{CommandBody, SelectParameter};
use io_imap::types::fetch::{MacroOrMessageDataItemNames, MessageDataItem, MessageDataItemName};
use io_imap::types::flag::FlagNameAttribute;
use io_imap::types::mailbox::{ListMailbox, Mailbox};
use io_imap::types::response::{Code, Data};
use io_imap::types::sequence::SequenceSet;
use io_imap::types::status::StatusDataItem;

use super::exchange::{Exchange, Refusal};
use super::search::{self, Filter};
use super::{Capabilities, Failure, ImapError, SpecialUse, Stage, UidSet, folder, opening};
use crate::net::{Credential, Dialer, Endpoint, Stream};

/// Messages that may have come since the folder was selected, when an answer is judged by how many there can be.
const NEWLY_COME: u64 = 100_000;

/// Messages of a folder that are believed to be there, however many the server says it has.
const MOST_MESSAGES: u64 = 10_000_000;

/// A signed-in session with a mailbox server (RFC 9051, and RFC 3501 where the server is older).
pub struct Session {
    pub(super) exchange: Exchange,
    pub(super) capabilities: Capabilities,
    /// What the server said it can do, and then did not understand.
    pub(super) lies: Vec<&'static str>,
    /// How many messages the folder had when it was selected.
    exists: u64,
}

/// A folder as it was when it was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// UIDs of another validity name other messages (RFC 9051, section 2.3.1.1).
    pub uid_validity: u32,
    /// How many messages there are.
    pub exists: u32,
    /// The UID the next message will have at least, where the server says so.
    pub uid_next: Option<u32>,
    /// Whether nothing in it can be changed, as was asked or because the server allows no more.
    pub read_only: bool,
    /// The highest mod-sequence of its messages (HIGHESTMODSEQ, RFC 7162), where the server keeps one.
    pub changes: Option<u64>,
}

/// A folder as LIST shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name for [`Session::select`].
    pub name: String,
    /// What the server keeps it for, where that is one of [`SpecialUse`].
    pub usage: Option<SpecialUse>,
    /// How many messages it has, and how many of them without `\Seen`, where the server says so in a list (RFC 5819).
    pub messages: Option<u32>,
    pub unseen: Option<u32>,
}

impl Session {
    /// Connects, secures the connection, and signs in. Neither the name of the mailbox nor anything secret leaves before TLS
    /// is in place and the server's certificate was accepted.
    pub fn open(dialer: &Dialer, endpoint: &Endpoint, credential: &Credential) -> Result<Session, ImapError> {
        let (wire, capabilities) = opening::open(dialer, endpoint, credential)?;
        let mut exchange = Exchange::new(wire, dialer.timeouts());
        if capabilities.has("ID") {
            // The name alone (RFC 2971): it helps the operator, and a version would help others.
            exchange.send_along("ID (\"name\" \"mss\")");
        }
        Ok(Session { exchange, capabilities, lies: Vec::new(), exists: 0 })
    }

    /// Has the server pack what it sends, and packs what is sent to it (RFC 4978), where it can; tells whether it does.
    pub fn compress(&mut self) -> Result<bool, ImapError> {
        if !self.can("COMPRESS=DEFLATE") {
            return Ok(false);
        }
        match self.exchange.ask(Stage::Compress, "COMPRESS DEFLATE", &mut |_, _| Ok(())) {
            Ok(()) => self.exchange.compress(),
            Err(refused) => {
                let error = ImapError::from(refused);
                // It says no: then it goes on as it is.
                return if self.is_open() { Ok(false) } else { Err(error) };
            }
        }
        Ok(true)
    }

    /// What the server says it can do, signed in.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether the server has an extension, as far as it is known by now.
    pub(super) fn can(&self, name: &str) -> bool {
        self.capabilities.has(name) && !self.lies.contains(&name)
    }

    /// The connection: what TLS agreed on, and the server's certificate.
    pub fn stream(&self) -> &Stream {
        self.exchange.stream()
    }

    /// Whether another command can be given here.
    pub fn is_open(&self) -> bool {
        self.exchange.is_open()
    }

    /// Opens a folder; with `read_only` nothing in it can be changed (EXAMINE).
    pub fn select(&mut self, name: &str, read_only: bool) -> Result<Selected, ImapError> {
        let stage = Stage::Select;
        let mailbox = named(stage, name)?;
        match self.select_as(mailbox.clone(), read_only) {
            Err(Refusal::NotUnderstood(_)) if self.can("CONDSTORE") => {
                self.lies.push("CONDSTORE");
                Ok(self.select_as(mailbox, read_only)?)
            }
            selected => Ok(selected?),
        }
    }

    fn select_as(&mut self, mailbox: Mailbox<'static>, read_only: bool) -> Result<Selected, Refusal> {
        let stage = Stage::Select;
        // From here on mod-sequences are told (RFC 7162, section 3.1.8).
        let parameters = if self.can("CONDSTORE") { vec![SelectParameter::CondStore] } else { Vec::new() };
        let body = if read_only {
            CommandBody::Examine { mailbox, parameters }
        } else {
            CommandBody::Select { mailbox, parameters }
        };
        let done = self.exchange.run(stage, body)?;
        let read_only = read_only || done.code == Some(Code::ReadOnly);
        let exists = done.data.iter().rev().find_map(|data| match data {
            Data::Exists(count) => Some(*count),
            _ => None,
        });
        let (mut uid_validity, mut uid_next, mut changes) = (None, None, None);
        for code in done.notices.into_iter().filter_map(|notice| notice.code) {
            match code {
                Code::UidValidity(value) => uid_validity = Some(value.get()),
                Code::UidNext(value) => uid_next = Some(value.get()),
                Code::HighestModSeq(value) => changes = Some(value.get()),
                _ => {}
            }
        }
        match (uid_validity, exists) {
            (Some(uid_validity), Some(exists)) => {
                self.exists = u64::from(exists);
                self.exchange.news = false;
                Ok(Selected { uid_validity, exists, uid_next, read_only, changes })
            }
            _ => {
                let failure = Failure::Protocol("a folder without UIDVALIDITY or EXISTS");
                Err(Refusal::Other(ImapError { stage, failure }))
            }
        }
    }

    /// The UIDs of the messages in the selected folder that fit. A text that cannot stand in a command finds nothing.
    pub fn search(&mut self, filter: &Filter) -> Result<UidSet, ImapError> {
        let Some(criteria) = filter.criteria() else { return Ok(UidSet::default()) };
        let found = match self.find(&criteria) {
            // It keeps mod-sequences, and cannot look for them: then all of them are looked through.
            Err(_) if filter.changed_since.is_some() && self.is_open() => {
                return self.search(&Filter { changed_since: None, ..filter.clone() });
            }
            found => found?,
        };
        // A range is asked for after another: what came of one must not come of the next once more.
        Ok(filter.between.map_or(found.clone(), |between| found.within(between)))
    }

    /// The UIDs of the messages in the selected folder with a header field of this name that contains this text, whatever
    /// the letter case, in ascending order. A text that is not printable ASCII finds nothing.
    ///
    /// Servers differ in how they look at a header: what is found is to be looked at before it is believed.
    pub fn search_header(&mut self, name: &str, value: &str) -> Result<Vec<u32>, ImapError> {
        match search::header_key(name, value) {
            Some(key) => Ok(self.find(&key)?.iter().collect()),
            None => Ok(Vec::new()),
        }
    }

    /// The UIDs of the messages without `\Seen` whose Content-Type names a report (RFC 6522), in ascending order. Reports
    /// under a signature or in an envelope are not among them.
    pub fn search_reports(&mut self) -> Result<Vec<u32>, ImapError> {
        Ok(self.find("UNSEEN HEADER Content-Type report")?.iter().collect())
    }

    fn find(&mut self, criteria: &str) -> Result<UidSet, ImapError> {
        match self.find_as(criteria) {
            Err(Refusal::NotUnderstood(_)) if self.can("ESEARCH") => {
                self.lies.push("ESEARCH");
                Ok(self.find_as(criteria)?)
            }
            found => Ok(found?),
        }
    }

    fn find_as(&mut self, criteria: &str) -> Result<UidSet, Refusal> {
        // Ranges in the place of a number for each message (RFC 4731).
        let form = if self.can("ESEARCH") { "RETURN (ALL) " } else { "" };
        let mut sets: Vec<UidSet> = Vec::new();
        // What came before is found; what comes meanwhile may not be.
        self.exchange.news = false;
        self.exchange.ask(Stage::Search, &format!("UID SEARCH {form}{criteria}"), &mut |line, tag| {
            sets.extend(search::found(line, tag)?);
            Ok(())
        })?;
        // More than can be there: taken apart, one short line would fill the memory.
        if sets.iter().map(UidSet::len).sum::<u64>() > self.exists.min(MOST_MESSAGES) + NEWLY_COME {
            let failure = Failure::Protocol("more messages were found than there are");
            return Err(Refusal::Other(ImapError { stage: Stage::Search, failure }));
        }
        Ok(UidSet::union(sets))
    }

    /// The folder that the server keeps for a use, by its name for [`Session::select`]; nothing where it says of none.
    pub fn special_folder(&mut self, usage: SpecialUse) -> Result<Option<String>, ImapError> {
        // Without counts, which a server may have to look for in every folder.
        Ok(self.list_as("*", false)?.into_iter().find(|listed| listed.usage == Some(usage)).map(|listed| listed.name))
    }

    /// The folders whose name fits a pattern, in which `*` stands for anything and `%` for anything below one folder
    /// (RFC 9051, section 6.3.9). Those that cannot be selected are left out.
    pub fn list(&mut self, pattern: &str) -> Result<Vec<Listed>, ImapError> {
        self.list_as(pattern, self.can("LIST-STATUS"))
    }

    fn list_as(&mut self, pattern: &str, counted: bool) -> Result<Vec<Listed>, ImapError> {
        let stage = Stage::List;
        let refused = |()| ImapError { stage, failure: Failure::Folder };
        let pattern = folder::pattern_on_the_wire(pattern).ok_or(refused(()))?;
        let mailbox_wildcard = ListMailbox::try_from(pattern.clone()).map_err(|_| refused(()))?;
        let reference = Mailbox::try_from("").map_err(|_| refused(()))?;
        // Both with the attributes: the servers at hand show them without being asked for them, and RFC 6154 lets them.
        let plain = CommandBody::List { reference, mailbox_wildcard };
        let done = if counted {
            let counted =
                format!("LIST \"\" {} RETURN (STATUS (MESSAGES UNSEEN))", search::quoted(&pattern).ok_or(refused(()))?);
            match self.exchange.run_text(stage, &counted) {
                Err(Refusal::NotUnderstood(_)) => {
                    self.lies.push("LIST-STATUS");
                    self.exchange.run(stage, plain)?
                }
                done => done?,
            }
        } else {
            self.exchange.run(stage, plain)?
        };
        Ok(listed(&done.data))
    }

    /// The first octets of a message, at most so many, and leaves its flags alone. Octets that are 0 come as question marks.
    ///
    /// # Errors
    /// [`Failure::Gone`] if no message has this UID any more.
    pub fn peek(&mut self, uid: u32, most: NonZeroU32) -> Result<Vec<u8>, ImapError> {
        let stage = Stage::Fetch;
        let whole = MessageDataItemName::BodyExt { section: None, partial: Some((0, most)), peek: true };
        let names = vec![MessageDataItemName::Uid, whole];
        let body = CommandBody::Fetch {
            sequence_set: SequenceSet::from(uid_of(stage, uid)?),
            macro_or_item_names: MacroOrMessageDataItemNames::MessageDataItemNames(names),
            uid: true,
            modifiers: Vec::new(),
        };
        for data in self.exchange.run(stage, body)?.data {
            let Data::Fetch { items, .. } = data else { continue };
            let (mut of, mut octets) = (None, None);
            for item in items {
                match item {
                    MessageDataItem::Uid(uid) => of = Some(uid.get()),
                    MessageDataItem::BodyExt { section: None, data, .. } => octets = data.into_option(),
                    _ => {}
                }
            }
            if let Some(octets) = octets.filter(|_| of == Some(uid)) {
                return Ok(octets.into_owned());
            }
        }
        Err(ImapError { stage, failure: Failure::Gone })
    }

    /// Marks a message with `\Seen`.
    pub fn mark_seen(&mut self, uid: u32) -> Result<(), ImapError> {
        let uid = uid_of(Stage::Store, uid)?;
        self.exchange.ask(Stage::Store, &format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)"), &mut |_, _| Ok(()))?;
        Ok(())
    }

    /// Takes leave. What was done stays done, whatever comes of this.
    pub fn logout(mut self) -> Result<(), ImapError> {
        if !self.is_open() {
            return Ok(());
        }
        let answered = self.exchange.run(Stage::Logout, CommandBody::Logout);
        self.exchange.abandon();
        answered.map(|_| ()).map_err(ImapError::from)
    }
}

/// The folders in an answer to LIST that can be selected, with what is told of each.
fn listed(data: &[Data<'_>]) -> Vec<Listed> {
    let mut counts = BTreeMap::new();
    for item in data {
        if let Data::Status { mailbox, items } = item
            && let Some(name) = folder::from_the_wire(mailbox)
        {
            let messages = items.iter().find_map(|item| match item {
                StatusDataItem::Messages(count) => Some(*count),
                _ => None,
            });
            let unseen = items.iter().find_map(|item| match item {
                StatusDataItem::Unseen(count) => Some(*count),
                _ => None,
            });
            counts.insert(name, (messages, unseen));
        }
    }
    let is_none = |it: &FlagNameAttribute<'_>| {
        *it == FlagNameAttribute::Noselect || it.to_string().eq_ignore_ascii_case("\\NonExistent")
    };
    let found = data.iter().filter_map(|data| match data {
        Data::List { items, mailbox, .. } if !items.iter().any(is_none) => {
            let of = |usage: &SpecialUse| items.iter().any(|it| it.to_string().eq_ignore_ascii_case(usage.attribute()));
            let name = folder::from_the_wire(mailbox)?;
            let (messages, unseen) = counts.get(&name).copied().unwrap_or_default();
            Some(Listed { name, usage: SpecialUse::ALL.into_iter().find(of), messages, unseen })
        }
        _ => None,
    });
    found.collect()
}

fn named(stage: Stage, name: &str) -> Result<Mailbox<'static>, ImapError> {
    folder::on_the_wire(name).ok_or(ImapError { stage, failure: Failure::Folder })
}

/// No message has the UID 0.
fn uid_of(stage: Stage, uid: u32) -> Result<NonZeroU32, ImapError> {
    NonZeroU32::new(uid).ok_or(ImapError { stage, failure: Failure::Gone })
}
