//! The gate of the space: who is behind an address, whether they are admitted, and with which certificate.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::account::Account;
use super::error::Error;
use super::evidence::Evidence;
use super::sources::{ask, of_index};
use crate::directory::index::Index;
use crate::directory::{Answer, Directory, DirectoryError, Fhir, Listed, Query};
use crate::ids::Rpps;
use crate::mail::Address;
use crate::pki::{self, Certificate, Finding, Purpose, Reader, Trusted};
use crate::readers::Readers;
use crate::smime::{self, Opened, Verdict};
use crate::space::{Admitted, Recipient, Refusal, Registered, Role, WhiteList};
use crate::vault::{Opens, ReaderEntry, UnknownReader};

/// Mailboxes that the index tells of one person.
const MOST_OF_INDEX: usize = 1000;

/// What people are judged with, fetched once for all of them.
pub(super) struct Gate<'a> {
    account: &'a Account<'a>,
    directory: Fhir,
    /// Asked first, where the profile says so.
    index: Option<Index>,
    list: WhiteList,
    evidence: Evidence<'a>,
    readers: Option<Readers>,
    at: Timestamp,
    /// What the directory said in this run: a thousand messages of one sender are one question.
    asked: RefCell<BTreeMap<Address, Option<Listed>>>,
}

/// Somebody the space admits, with the certificates the directory publishes for them.
pub(super) struct Guest {
    pub admitted: Admitted,
    certificates: Vec<Certificate>,
}

impl<'a> Gate<'a> {
    /// Reaches the directory, the signed list and the revocation lists.
    pub(super) fn open(account: &'a Account<'a>) -> Result<Gate<'a>, Error> {
        let evidence = Evidence::open(account)?;
        Ok(Gate {
            account,
            directory: account.directory()?,
            index: account.index_before_service(MOST_OF_INDEX)?,
            list: account.white_list(&evidence)?,
            evidence,
            readers: account.known_readers()?,
            at: account.world.clock.now(),
            asked: RefCell::default(),
        })
    }

    /// Judges a message that was received.
    pub(super) fn judge(&self, opened: &Opened) -> Verdict {
        let lists = self.evidence.lists_for_signers(opened.signers(), self.at);
        let verdict = smime::judge(opened, self.account.anchors(), &lists, self.at);
        if let Some(trusted) = verdict.signer() {
            self.evidence.keep(&[std::slice::from_ref(trusted.certificate()), trusted.path()].concat());
        }
        verdict
    }

    /// The certificate to encrypt to, its path verified.
    pub(super) fn choose(
        &self,
        candidates: &[Certificate],
        address: &Address,
    ) -> Result<Trusted, Vec<(Certificate, Finding)>> {
        pki::choose_by(candidates, self.at, |candidate| {
            self.evidence.judge(candidate, Purpose::EmailEncryption, address, self.at)
        })
    }

    /// Who is behind an address or an RPPS number, if the directory knows them and the signed list admits them.
    pub(super) fn admit(&self, given: &str) -> Result<Guest, Error> {
        let address = match given.parse::<Rpps>() {
            Ok(rpps) => self.mailbox_of(given, rpps)?,
            Err(_) => given.parse().map_err(|source| Error::RecipientSyntax { given: given.to_owned(), source })?,
        };
        if !self.list.admits(address.domain()) {
            // The list is at hand: nobody learns whom we meant to write to, and an unlisted domain is told as such.
            return Err(Refusal::NotListed(address).into());
        }
        let listed = self.listed(&address)?.ok_or_else(|| Error::RecipientUnknown { given: given.to_owned() })?;
        let admitted = self.list.admit(listed.registered)?;
        Ok(Guest { admitted, certificates: listed.certificates })
    }

    /// What the service answers.
    pub(super) fn search(&self, query: &Query) -> Result<Answer, Error> {
        self.account.traced_lookup(|| self.directory.search(query), |answer| answer.entries.len())
    }

    /// Whether the signed list names the domain of an address.
    pub(super) fn admits(&self, address: &Address) -> bool {
        self.list.admits(address.domain())
    }

    /// What the directory says of a sender, and whether the signed list admits their domain.
    pub(super) fn sender(&self, address: &Address) -> Result<(Option<Registered>, bool), Error> {
        let registered = match self.listed(address) {
            // Whoever writes chooses the address: one that the directory takes for no question must not stop the others.
            Err(Error::Directory(DirectoryError::Refused { .. })) => None,
            listed => listed?.map(|listed| listed.registered),
        };
        Ok((registered, self.list.admits(address.domain())))
    }

    /// A recipient who may receive what is sealed for them.
    pub(super) fn recipient(&self, guest: Guest, role: Role) -> Result<Recipient, Error> {
        let address = guest.admitted.address();
        if guest.certificates.is_empty() {
            return Err(Error::NoCertificate { address: address.clone() });
        }
        let trusted = self.choose(&guest.certificates, address).map_err(|refused| Error::CertificateRefused {
            address: address.clone(),
            findings: refused.into_iter().map(|(_, finding)| finding).collect(),
        })?;
        let reader = self.reader(address, trusted.certificate())?;
        Ok(Recipient::new(guest.admitted, trusted, role)?.with_reader(reader))
    }

    /// The best that a recipient's program opens: what the address book says, else the recipient's own mail, else the
    /// certificate, else what the profile does about those of whom nothing is known.
    fn reader(&self, address: &Address, certificate: &Certificate) -> Result<Reader, Error> {
        if let Some(opens) = written(&self.account.profile.readers, address) {
            return Ok(match opens {
                Opens::Gcm => Reader::Gcm,
                Opens::CbcOaep => Reader::Cbc { oaep: true },
                Opens::Cbc => Reader::Cbc { oaep: false },
            });
        }
        let too_old = || Error::ReaderTooOld { address: address.clone() };
        if let Some(said) = self.readers.as_ref().map(|readers| readers.of(address)).transpose()?.flatten() {
            return said.ok_or_else(too_old);
        }
        if let Some(said) = certificate.capabilities() {
            return said.reader().ok_or_else(too_old);
        }
        match self.account.profile.unknown_reader {
            UnknownReader::Gcm => Ok(Reader::Gcm),
            UnknownReader::Cbc => Ok(Reader::Cbc { oaep: false }),
            UnknownReader::Refuse => Err(Error::ReaderUnknown { address: address.clone() }),
        }
    }

    fn listed(&self, address: &Address) -> Result<Option<Listed>, Error> {
        if let Some(said) = self.asked.borrow().get(address) {
            return Ok(said.clone());
        }
        let found = match self.listed_in_index(address)? {
            Some(listed) => Some(listed),
            None if !self.account.asks_service() => None,
            None => {
                self.account.traced_lookup(|| self.directory.find_address(address), |it| usize::from(it.is_some()))?
            }
        };
        self.asked.borrow_mut().insert(address.clone(), found.clone());
        Ok(found)
    }

    /// What the index says, where it is asked first. It has no certificates: where the service publishes some, it is asked.
    fn listed_in_index(&self, address: &Address) -> Result<Option<Listed>, Error> {
        let Some(index) = &self.index else { return Ok(None) };
        if self.account.asks_service() && self.account.profile.directory.certificate_extension.is_some() {
            return Ok(None);
        }
        index.find_address(address).map_err(of_index)
    }

    /// The mailbox of a professional, where there is one to choose.
    pub(super) fn mailbox_of(&self, given: &str, rpps: Rpps) -> Result<Address, Error> {
        let query = Query { rpps: Some(rpps), ..Query::default() };
        let answer = match &self.index {
            Some(index) => ask(index, &query)?,
            None => Answer::default(),
        };
        let answer =
            if answer.entries.is_empty() && self.account.asks_service() { self.search(&query)? } else { answer };
        let unknown = || Error::RecipientUnknown { given: given.to_owned() };
        let [entry] = answer.entries.as_slice() else {
            return Err(unknown());
        };
        if !entry.active {
            return Err(Error::HolderInactive { given: given.to_owned() });
        }
        if let Some(mailbox) = entry.preferred() {
            return Ok(mailbox.address.clone());
        }
        let choices: Vec<Address> = entry.mailboxes.iter().map(|mailbox| mailbox.address.clone()).collect();
        if choices.is_empty() {
            Err(unknown())
        } else {
            Err(Error::RecipientAmbiguous { given: given.to_owned(), choices })
        }
    }
}

/// What the address book says: of the very address first, then of its domain.
fn written(book: &[ReaderEntry], address: &Address) -> Option<Opens> {
    let of = |wanted: &dyn Fn(&ReaderEntry) -> bool| book.iter().find(|entry| wanted(entry)).map(|entry| entry.opens);
    let names = |entry: &ReaderEntry| entry.address.parse::<Address>().is_ok_and(|named| named == *address);
    let names_domain = |entry: &ReaderEntry| {
        let domain = entry.address.strip_prefix('@').and_then(|domain| format!("x@{domain}").parse::<Address>().ok());
        domain.is_some_and(|named| named.domain() == address.domain())
    };
    of(&names).or_else(|| of(&names_domain))
}
