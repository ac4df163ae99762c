//! Questions and answers, free of the protocol they travel by.

use std::fmt;

use jiff::Timestamp;

use crate::ids::{Finess, Rpps};
use crate::mail::Address;
use crate::pki::Certificate;
use crate::space::{MailboxKind, Registered};

/// What is looked for. Whatever is given must hold; letter case and accents make no difference.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Free words: names, a place, a profession, a structure, a number or an address, in any order.
    pub words: Vec<String>,
    /// Family name, with or without given name, in either order.
    pub name: Option<String>,
    /// One professional.
    pub rpps: Option<Rpps>,
    /// One structure.
    pub finess: Option<Finess>,
    /// A profession or speciality: its label, the beginning of it, or its code.
    pub profession: Option<String>,
    /// A town or the beginning of a postal code.
    pub place: Option<String>,
    /// The name of a structure.
    pub organisation: Option<String>,
    /// One mailbox.
    pub address: Option<Address>,
}

/// A national register that numbers people or structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Register {
    /// Professionals, 11 digits.
    Rpps,
    /// Professionals, older.
    Adeli,
    /// Any person, with a prefix for the register (TRE_G08).
    Idnps,
    /// Health establishments, 9 characters.
    Finess,
    /// Establishments of companies, 14 digits.
    Siret,
    /// Companies, 9 digits.
    Siren,
    /// Any structure, with a prefix for the register (TRE_G07).
    Idnst,
    /// The number of a practice situation, where nothing names the person.
    Situation,
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Register::Rpps => "RPPS",
            Register::Adeli => "ADELI",
            Register::Idnps => "IDNPS",
            Register::Finess => "FINESS",
            Register::Siret => "SIRET",
            Register::Siren => "SIREN",
            Register::Idnst => "IDNST",
            Register::Situation => "situation",
        })
    }
}

/// A number in a register, as the directory writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Which register.
    pub register: Register,
    /// The number; its check digit was not tested.
    pub number: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.register, self.number)
    }
}

/// A profession (TRE_G15) or speciality (TRE_R38).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profession {
    /// The code; empty where the directory gives a label only.
    pub code: String,
    /// What a person reads; the code where no label is known.
    pub label: String,
}

/// Where a professional works, or the structure itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workplace {
    /// The structure's name.
    pub name: String,
    /// Its number.
    pub identity: Option<Identity>,
    /// Postal code and town.
    pub place: Option<String>,
}

/// One mailbox of the space.
#[derive(Clone, Debug)]
pub struct MailboxEntry {
    /// Its address.
    pub address: Address,
    /// What stands behind it.
    pub kind: MailboxKind,
    /// The unit it belongs to, or what it is for.
    pub service: Option<String>,
    /// The structure it was given for, where the directory ties it to one.
    pub organisation: Option<String>,
    /// 1 is the preferred one.
    pub rank: Option<u32>,
    /// The certificates published with it; none of them is judged yet.
    pub certificates: Vec<Certificate>,
    /// Published certificates that cannot be read.
    pub unreadable_certificates: usize,
    /// False where the directory has closed it or its holder.
    pub active: bool,
}

/// One person or structure.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The number to know it by.
    pub identity: Option<Identity>,
    /// Every number the directory gives.
    pub identifiers: Vec<Identity>,
    /// As the directory writes it; empty in entries it has closed.
    pub name: String,
    /// What the person may practise.
    pub professions: Vec<Profession>,
    /// Where the person works; for a structure, itself.
    pub workplaces: Vec<Workplace>,
    /// Its mailboxes of the space, preferred ones first. Ordinary mail addresses are not among them.
    pub mailboxes: Vec<MailboxEntry>,
    /// False for what the directory keeps as closed.
    pub active: bool,
    /// The directory that was asked.
    pub source: String,
    /// When it was asked.
    pub seen_at: Timestamp,
    /// When the directory last changed it.
    pub updated: Option<Timestamp>,
    /// Mail addresses without any mark of the space; believed only where the white list names their domain.
    pub(super) plain: Vec<Address>,
}

impl Entry {
    /// The first structure.
    pub fn organisation(&self) -> Option<&str> {
        self.workplaces.iter().map(|workplace| workplace.name.as_str()).find(|name| !name.is_empty())
    }

    /// The first place.
    pub fn place(&self) -> Option<&str> {
        self.workplaces.iter().find_map(|workplace| workplace.place.as_deref())
    }

    /// The mailbox to write to if nobody says which: the only active one, or the only one of rank 1.
    pub fn preferred(&self) -> Option<&MailboxEntry> {
        let active: Vec<&MailboxEntry> = self.mailboxes.iter().filter(|mailbox| mailbox.active).collect();
        let first: Vec<&MailboxEntry> = active.iter().copied().filter(|mailbox| mailbox.rank == Some(1)).collect();
        match (active.as_slice(), first.as_slice()) {
            ([only], _) | (_, [only]) => Some(only),
            _ => None,
        }
    }

    /// What the directory says of one of this entry's addresses.
    pub fn registered(&self, address: &Address) -> Option<Registered> {
        let mailbox = self.mailboxes.iter().find(|mailbox| mailbox.address == *address);
        if mailbox.is_none() && !self.plain.contains(address) {
            return None;
        }
        Some(Registered {
            address: address.clone(),
            holder: self.name.clone(),
            kind: mailbox.map(|mailbox| mailbox.kind).unwrap_or_default(),
            identifier: self.identity.as_ref().map(Identity::to_string),
            source: self.source.clone(),
            seen_at: self.seen_at,
            active: self.active && mailbox.is_none_or(|mailbox| mailbox.active),
        })
    }
}

/// What the directory answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// People and structures, active ones first, then by name.
    pub entries: Vec<Entry>,
    /// False if there is more than was read, or something could not be read.
    pub complete: bool,
}

/// What the directory knows about one address.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Whose it is. An ordinary mail address is among them too: admitting it is for the white list.
    pub registered: Registered,
    /// The certificates published with it; none of them is judged yet.
    pub certificates: Vec<Certificate>,
    /// Published certificates that cannot be read.
    pub unreadable_certificates: usize,
}

impl Answer {
    /// What the entries say of an address: an active holder before a closed one, a marked mailbox before a plain one.
    pub fn listed(&self, address: &Address) -> Option<Listed> {
        let marked = |entry: &Entry| entry.mailboxes.iter().any(|mailbox| mailbox.address == *address);
        let holder = |entry: &&Entry| entry.registered(address).map(|said| (said.active, marked(entry)));
        let best = self.entries.iter().filter(|entry| holder(entry).is_some()).rev().max_by_key(holder)?;
        let mut listed =
            Listed { registered: best.registered(address)?, certificates: Vec::new(), unreadable_certificates: 0 };
        let mailboxes = self.entries.iter().flat_map(|entry| &entry.mailboxes);
        for mailbox in mailboxes.filter(|mailbox| mailbox.address == *address && mailbox.active) {
            listed.unreadable_certificates += mailbox.unreadable_certificates;
            for certificate in &mailbox.certificates {
                if !listed.certificates.contains(certificate) {
                    listed.certificates.push(certificate.clone());
                }
            }
        }
        Some(listed)
    }
}
