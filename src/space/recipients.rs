//! From what a register says of an address to somebody who may be written to: each step is a type of its own.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::WhiteList;
use crate::mail::Address;
use crate::pki::{Reader, Trusted};

/// What stands behind a mailbox (nomenclature TRE_R257).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailboxKind {
    /// PER: one professional.
    Person,
    /// ORG: the people of a structure or of a unit of it.
    Organisation,
    /// APP: a program.
    Application,
    /// CAB: a practice.
    Practice,
    /// The register does not say, or says it with a code we do not know.
    #[default]
    Unspecified,
}

impl MailboxKind {
    /// The kind a code of TRE_R257 names; any other code is [`MailboxKind::Unspecified`].
    pub fn from_code(code: &str) -> MailboxKind {
        match code {
            "PER" => MailboxKind::Person,
            "ORG" => MailboxKind::Organisation,
            "APP" => MailboxKind::Application,
            "CAB" => MailboxKind::Practice,
            _ => MailboxKind::Unspecified,
        }
    }

    /// The code of TRE_R257, or `unspecified`.
    pub fn code(self) -> &'static str {
        match self {
            MailboxKind::Person => "PER",
            MailboxKind::Organisation => "ORG",
            MailboxKind::Application => "APP",
            MailboxKind::Practice => "CAB",
            MailboxKind::Unspecified => "unspecified",
        }
    }
}

impl fmt::Display for MailboxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// What a register said of an address, and when. It is a statement, not yet a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The address, as asked for.
    pub address: Address,
    /// Whose it is: a person or a structure, as the register writes it.
    pub holder: String,
    /// What stands behind it.
    pub kind: MailboxKind,
    /// The holder's number in a national register, with its kind: `RPPS 99700000013`.
    pub identifier: Option<String>,
    /// The register that said so: the base address of a directory, the name of a file.
    pub source: String,
    /// When it was asked.
    pub seen_at: Timestamp,
    /// False for a holder or a mailbox that the register keeps but has closed.
    pub active: bool,
}

/// Why somebody in the register may not be written to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The register has closed the holder or the mailbox.
    #[error("the directory marks {0} as no longer active")]
    Inactive(Address),
    /// The domain is not in the white list: no operator of the space answers for it.
    #[error("the domain of {0} is not in the white list")]
    NotListed(Address),
}

/// A registered address whose domain the signed white list names. Made by [`WhiteList::admit`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    registered: Registered,
    list_generated: Timestamp,
}

impl Admitted {
    pub(super) fn new(list: &WhiteList, registered: Registered) -> Result<Admitted, Refusal> {
        if !registered.active {
            return Err(Refusal::Inactive(registered.address));
        }
        if !list.admits(registered.address.domain()) {
            return Err(Refusal::NotListed(registered.address));
        }
        Ok(Admitted { registered, list_generated: list.generated() })
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.registered.address
    }

    /// What the register said: evidence for the trace.
    pub fn registered(&self) -> &Registered {
        &self.registered
    }

    /// The date of the white list that admitted it.
    pub fn list_generated(&self) -> Timestamp {
        self.list_generated
    }
}

/// In which line of the message a recipient stands (RFC 5322, section 3.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A primary recipient.
    To,
    /// A copy, seen by all.
    Cc,
    /// A copy that nobody else is told of.
    Bcc,
}

/// Why recipients could not be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// The certificate was not judged for this address.
    #[error("the certificate is not one for {0}")]
    OtherAddress(Address),
    /// Nobody to write to.
    #[error("there is no recipient")]
    Nobody,
    /// The same address, perhaps in two lines: a blind copy would show itself.
    #[error("{0} is named twice")]
    Twice(Address),
}

/// Somebody who is registered, admitted, and has a certificate whose path verified for this very address.
#[derive(Clone)]
pub struct Recipient {
    admitted: Admitted,
    trusted: Trusted,
    role: Role,
    reader: Reader,
    served: bool,
}

impl Recipient {
    /// Puts the two judgements together; they must be about one address.
    pub fn new(admitted: Admitted, trusted: Trusted, role: Role) -> Result<Recipient, RecipientError> {
        if trusted.address() != Some(admitted.address()) {
            return Err(RecipientError::OtherAddress(admitted.registered.address));
        }
        Ok(Recipient { admitted, trusted, role, reader: Reader::default(), served: false })
    }

    /// The same, with a program that opens nothing better than this.
    pub fn with_reader(self, reader: Reader) -> Recipient {
        Recipient { reader, ..self }
    }

    /// The same, in another line of the header.
    pub fn in_role(self, role: Role) -> Recipient {
        Recipient { role, ..self }
    }

    /// The same, who has a copy of the message already.
    pub fn served(self) -> Recipient {
        Recipient { served: true, ..self }
    }

    /// The address.
    pub fn address(&self) -> &Address {
        self.admitted.address()
    }

    /// Register and white list on this recipient.
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// The certificate and the path that verified.
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// The best that this recipient's program opens.
    pub fn reader(&self) -> Reader {
        self.reader
    }

    /// Whether this recipient has a copy already.
    pub fn is_served(&self) -> bool {
        self.served
    }

    /// To, Cc or Bcc.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// All recipients of one message: at least one, no address twice.
#[derive(Clone)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Takes them in the order given.
    pub fn new(recipients: Vec<Recipient>) -> Result<Recipients, RecipientError> {
        if recipients.is_empty() {
            return Err(RecipientError::Nobody);
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = recipients.iter().find(|recipient| !seen.insert(recipient.address())) {
            return Err(RecipientError::Twice(twice.address().clone()));
        }
        Ok(Recipients(recipients))
    }

    /// Each of them, in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, Recipient> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Recipients {
    type Item = &'a Recipient;
    type IntoIter = std::slice::Iter<'a, Recipient>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::specimen::{Authority, Leaf, no_lists};
    use crate::pki::{Purpose, validate};
    use crate::space::specimen::{SIGNER, noon, signer};

    fn list() -> WhiteList {
        let xml = signer().list("2026-05-31T01:00:00Z", &["medecin.sandbox", "hopital.sandbox"]);
        WhiteList::verify(&xml, &signer().anchors, SIGNER, &no_lists, noon()).unwrap()
    }

    fn registered(address: &str) -> Registered {
        Registered {
            address: address.parse().unwrap(),
            holder: "Zoé Durand".to_owned(),
            kind: MailboxKind::Person,
            identifier: Some("RPPS 99700000013".to_owned()),
            source: "https://annuaire.test/fhir/v2".to_owned(),
            seen_at: noon(),
            active: true,
        }
    }

    fn recipient(address: &str, certified: &str, role: Role) -> Result<Recipient, RecipientError> {
        let authority = Authority::root("TEST AC");
        let certificate = authority.certify(&Leaf::new(certified));
        let certified = certified.parse().unwrap();
        let anchors = authority.anchors();
        let purpose = Purpose::EmailEncryption;
        let trusted = validate(&certificate, &[], &anchors, &[], purpose, Some(&certified), noon()).unwrap();
        Recipient::new(list().admit(registered(address)).unwrap(), trusted, role)
    }

    #[test]
    fn only_active_people_of_listed_domains_are_admitted() {
        let list = list();
        let admitted = list.admit(registered("Zoe@MEDECIN.sandbox")).unwrap();
        assert_eq!(admitted.list_generated(), list.generated());
        assert_eq!(admitted.registered().holder, "Zoé Durand");
        for outside in ["zoe@hors-liste.sandbox", "zoe@sub.medecin.sandbox", "zoe@sandbox"] {
            assert!(matches!(list.admit(registered(outside)), Err(Refusal::NotListed(_))), "{outside}");
        }
        let closed = Registered { active: false, ..registered("zoe@medecin.sandbox") };
        assert!(matches!(list.admit(closed), Err(Refusal::Inactive(_))));
    }

    #[test]
    fn a_certificate_of_somebody_else_makes_no_recipient() {
        assert!(recipient("zoe@medecin.sandbox", "ZOE@medecin.sandbox", Role::To).is_ok());
        let other = recipient("zoe@medecin.sandbox", "zoe@hopital.sandbox", Role::To).err();
        assert_eq!(other, Some(RecipientError::OtherAddress("zoe@medecin.sandbox".parse().unwrap())));
    }

    #[test]
    fn nobody_is_left_out_or_named_twice() {
        let one = |address, role| recipient(address, address, role).unwrap();
        assert_eq!(Recipients::new(Vec::new()).err(), Some(RecipientError::Nobody));
        let to = one("zoe@medecin.sandbox", Role::To);
        let blind = one("ZOE@medecin.sandbox", Role::Bcc);
        let twice = Recipients::new(vec![to.clone(), blind]).err();
        assert!(matches!(twice, Some(RecipientError::Twice(_))));
        let both = Recipients::new(vec![to, one("a@hopital.sandbox", Role::Cc)]).unwrap();
        let roles: Vec<(&str, Role)> = both.iter().map(|who| (who.address().as_str(), who.role())).collect();
        assert_eq!(roles, [("zoe@medecin.sandbox", Role::To), ("a@hopital.sandbox", Role::Cc)]);
    }

    #[test]
    fn codes_of_mailboxes_are_read_leniently() {
        assert_eq!(MailboxKind::from_code("CAB"), MailboxKind::Practice);
        assert_eq!(MailboxKind::from_code("XYZ"), MailboxKind::Unspecified);
        assert_eq!(format!("{:>5}|", MailboxKind::Person), "  PER|");
    }
}
