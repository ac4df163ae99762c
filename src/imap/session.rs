//! A mailbox session: select, search, fetch without marking, and then acknowledge.

use std::io::Write;
use std::num::NonZeroU32;

use io_imap::types::command::CommandBody;
use io_imap::types::core::{AString, Vec1};
use io_imap::types::fetch::{MacroOrMessageDataItemNames, MessageDataItem, MessageDataItemName};
use io_imap::types::flag::{Flag, FlagNameAttribute, StoreResponse, StoreType};
use io_imap::types::mailbox::{ListMailbox, Mailbox};
use io_imap::types::response::{Code, Data};
use io_imap::types::search::SearchKey;
use io_imap::types::sequence::SequenceSet;

use super::exchange::{Exchange, Refusal};
use super::{Capabilities, Failure, ImapError, SpecialUse, Stage, folder, opening};
use crate::net::{Credential, Dialer, Endpoint, Stream};

/// A signed-in session with a mailbox server (RFC 9051, and RFC 3501 where the server is older).
pub struct Session {
    exchange: Exchange,
    capabilities: Capabilities,
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
}

/// Which messages to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those without the flag `\Seen`.
    Unseen,
}

impl Session {
    /// Connects, secures the connection, and signs in. Neither the name of the mailbox nor anything secret leaves before TLS
    /// is in place and the server's certificate was accepted.
    pub fn open(dialer: &Dialer, endpoint: &Endpoint, credential: &Credential) -> Result<Session, ImapError> {
        let (wire, capabilities) = opening::open(dialer, endpoint, credential)?;
        Ok(Session { exchange: Exchange::new(wire, dialer.timeouts()), capabilities })
    }

    /// What the server says it can do, signed in.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
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
        let parameters = Vec::new();
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
        let (mut uid_validity, mut uid_next) = (None, None);
        for code in done.notices.into_iter().filter_map(|notice| notice.code) {
            match code {
                Code::UidValidity(value) => uid_validity = Some(value.get()),
                Code::UidNext(value) => uid_next = Some(value.get()),
                _ => {}
            }
        }
        match (uid_validity, exists) {
            (Some(uid_validity), Some(exists)) => Ok(Selected { uid_validity, exists, uid_next, read_only }),
            _ => Err(ImapError { stage, failure: Failure::Protocol("a folder without UIDVALIDITY or EXISTS") }),
        }
    }

    /// The UIDs of these messages in the selected folder, in ascending order.
    pub fn search(&mut self, which: Which) -> Result<Vec<u32>, ImapError> {
        let key = match which {
            Which::All => SearchKey::All,
            Which::Unseen => SearchKey::Unseen,
        };
        self.find(Vec1::from(key))
    }

    /// The UIDs of the messages in the selected folder with a header field of this name that contains this text, whatever
    /// the letter case, in ascending order. A text that is not printable ASCII finds nothing.
    ///
    /// Servers differ in how they look at a header: what is found is to be looked at before it is believed.
    pub fn search_header(&mut self, name: &str, value: &str) -> Result<Vec<u32>, ImapError> {
        match header_key(name, value) {
            Some(key) => self.find(Vec1::from(key)),
            None => Ok(Vec::new()),
        }
    }

    /// The UIDs of the messages without `\Seen` whose Content-Type names a report (RFC 6522), in ascending order. Reports
    /// under a signature or in an envelope are not among them.
    pub fn search_reports(&mut self) -> Result<Vec<u32>, ImapError> {
        let keys = std::iter::once(SearchKey::Unseen).chain(header_key("Content-Type", "report")).collect();
        self.find(Vec1::unvalidated(keys))
    }

    /// The folder that the server keeps for a use, by its name for [`Session::select`]; nothing where it says of none.
    pub fn special_folder(&mut self, usage: SpecialUse) -> Result<Option<String>, ImapError> {
        let stage = Stage::List;
        let refused = |_| ImapError { stage, failure: Failure::Folder };
        let reference = Mailbox::try_from("").map_err(|_| refused(()))?;
        let mailbox_wildcard = ListMailbox::try_from("*").map_err(|_| refused(()))?;
        // A plain LIST: the servers at hand show the attributes without being asked for them, and RFC 6154 lets them.
        let done = self.exchange.run(stage, CommandBody::List { reference, mailbox_wildcard })?;
        let is_for = |it: &FlagNameAttribute<'_>| it.to_string().eq_ignore_ascii_case(usage.attribute());
        let is_none = |it: &FlagNameAttribute<'_>| {
            *it == FlagNameAttribute::Noselect || it.to_string().eq_ignore_ascii_case("\\NonExistent")
        };
        let found = done.data.iter().find_map(|data| match data {
            Data::List { items, mailbox, .. } if items.iter().any(is_for) && !items.iter().any(is_none) => {
                folder::from_the_wire(mailbox)
            }
            _ => None,
        });
        Ok(found)
    }

    fn find(&mut self, criteria: Vec1<SearchKey<'static>>) -> Result<Vec<u32>, ImapError> {
        let body = CommandBody::Search { charset: None, criteria, uid: true };
        let done = self.exchange.run(Stage::Search, body)?;
        let found = done.data.into_iter().filter_map(|data| match data {
            Data::Search(uids, _) => Some(uids),
            _ => None,
        });
        let found: Vec<Vec<NonZeroU32>> = found.collect();
        if found.len() != done.search_lines {
            // Rather no list than a short one.
            let failure = Failure::Protocol("an answer to SEARCH cannot be read");
            return Err(ImapError { stage: Stage::Search, failure });
        }
        let mut uids: Vec<u32> = found.into_iter().flatten().map(NonZeroU32::get).collect();
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Writes the whole message as it lies on the server to `out`, and leaves its flags alone. Gives its length.
    ///
    /// What is in `out` is the message only if this ends well.
    ///
    /// # Errors
    /// [`Failure::Gone`] if no message has this UID any more. A message of more than `limit` octets ends the session before
    /// any of it is written.
    pub fn fetch_raw(&mut self, uid: u32, out: &mut dyn Write, limit: u64) -> Result<u64, ImapError> {
        self.exchange.fetch(uid_of(Stage::Fetch, uid)?, out, limit)
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
        self.add_flag(uid, Flag::Seen)
    }

    /// Moves a message to another folder, which is made if it is not there.
    ///
    /// Where the server has no MOVE (RFC 6851) the message is copied, and then this one removed, which takes UIDPLUS
    /// (RFC 4315): a plain EXPUNGE would remove what others have marked.
    pub fn move_to(&mut self, uid: u32, name: &str) -> Result<(), ImapError> {
        let stage = Stage::Move;
        let (uid, mailbox) = (uid_of(stage, uid)?, named(stage, name)?);
        let whole = self.capabilities.has("MOVE");
        if !whole {
            self.require_uidplus(stage)?;
        }
        let sequence_set = SequenceSet::from(uid);
        let body = if whole {
            CommandBody::Move { sequence_set, mailbox: mailbox.clone(), uid: true }
        } else {
            CommandBody::Copy { sequence_set, mailbox: mailbox.clone(), uid: true }
        };
        match self.exchange.run(stage, body.clone()) {
            Ok(_) => {}
            Err(Refusal::NoSuchFolder(_)) => {
                self.exchange.run(stage, CommandBody::Create { mailbox })?;
                self.exchange.run(stage, body)?;
            }
            Err(Refusal::Other(error)) => return Err(error),
        }
        if whole { Ok(()) } else { self.delete(uid.get()) }
    }

    /// Removes one message for good, and no other.
    pub fn delete(&mut self, uid: u32) -> Result<(), ImapError> {
        self.require_uidplus(Stage::Expunge)?;
        self.add_flag(uid, Flag::Deleted)?;
        let sequence_set = SequenceSet::from(uid_of(Stage::Expunge, uid)?);
        self.exchange.run(Stage::Expunge, CommandBody::ExpungeUid { sequence_set })?;
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

    fn add_flag(&mut self, uid: u32, flag: Flag<'static>) -> Result<(), ImapError> {
        let body = CommandBody::Store {
            sequence_set: SequenceSet::from(uid_of(Stage::Store, uid)?),
            kind: StoreType::Add,
            response: StoreResponse::Silent,
            flags: vec![flag],
            uid: true,
            modifiers: Vec::new(),
        };
        self.exchange.run(Stage::Store, body)?;
        Ok(())
    }

    fn require_uidplus(&self, stage: Stage) -> Result<(), ImapError> {
        if self.capabilities.has("UIDPLUS") {
            return Ok(());
        }
        Err(ImapError { stage, failure: Failure::Missing("UIDPLUS") })
    }
}

fn named(stage: Stage, name: &str) -> Result<Mailbox<'static>, ImapError> {
    folder::on_the_wire(name).ok_or(ImapError { stage, failure: Failure::Folder })
}

/// Nothing where a name or text is not one that stands in a header as it is (RFC 5322, section 2.2).
fn header_key(name: &str, value: &str) -> Option<SearchKey<'static>> {
    const LONGEST: usize = 1000;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    let is_text = (1..=LONGEST).contains(&value.len()) && value.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !is_name || !is_text {
        return None;
    }
    let word = |text: &str| AString::try_from(text.to_owned()).ok();
    Some(SearchKey::Header(word(name)?, word(value)?))
}

/// No message has the UID 0.
fn uid_of(stage: Stage, uid: u32) -> Result<NonZeroU32, ImapError> {
    NonZeroU32::new(uid).ok_or(ImapError { stage, failure: Failure::Gone })
}
