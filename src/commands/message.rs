//! One message from words to sealed copies. Nothing here asks anybody anything: many messages are made side by side.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use super::account::Account;
use super::addressee::{Addressee, role_name};
use super::error::Error;
use crate::clock::Clock;
use crate::fs;
use crate::mail::{Address, Attachment, Composition, Draft, Mailbox, MessageId};
use crate::package;
use crate::pki::{Certificate, Identity};
use crate::sealed::{Protection, Sealed};
use crate::secret::SealingKey;
use crate::smime;
use crate::space::{Recipient, Recipients, Role};

/// What messages are made with: who writes, who signs, where they are kept until they are queued.
pub(super) struct Bench<'a> {
    from: Mailbox,
    signer: Option<&'a Identity>,
    /// What replies are encrypted to.
    own: Option<Certificate>,
    spool: PathBuf,
    clock: Clock,
    key: SealingKey,
    profile: &'a str,
}

/// What a message is to say, and how it is to be kept.
pub(super) struct Words<'w> {
    pub(super) subject: &'w str,
    pub(super) text: &'w str,
    pub(super) protection: Protection,
    pub(super) format: package::Format,
}

impl<'a> Bench<'a> {
    /// Keys are read where something is to be signed, and only there.
    pub(super) fn new(account: &'a Account<'_>, signs: bool) -> Result<Bench<'a>, Error> {
        Ok(Bench {
            from: account.mailbox(),
            signer: if signs { Some(account.signer()?) } else { None },
            own: if signs { account.own_certificate()? } else { None },
            spool: account.clean_spool()?,
            clock: account.world.clock,
            key: account.profile.storage.sealing_key().derive(b"message fingerprint"),
            profile: account.name,
        })
    }

    pub(super) fn spool(&self) -> &Path {
        &self.spool
    }

    /// The message as its writer means it, under a new Message-ID.
    pub(super) fn compose(
        &self,
        words: &Words<'_>,
        attachments: Vec<Attachment>,
        addressees: &[Addressee],
    ) -> Result<Draft, Error> {
        let in_role = |role: Role| {
            let chosen = addressees.iter().filter(move |one| one.role() == role);
            chosen.map(|one| Mailbox::from(one.address().clone())).collect::<Vec<_>>()
        };
        let mut random = [0u8; 16];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::Randomness)?;
        Ok(Draft::new(Composition {
            from: self.from.clone(),
            reply_to: None,
            to: in_role(Role::To),
            cc: in_role(Role::Cc),
            bcc: in_role(Role::Bcc),
            subject: words.subject.to_owned(),
            date: self.clock.local(),
            message_id: MessageId::new(random, &self.from.address),
            references: Vec::new(),
            fields: Vec::new(),
            text: words.text.to_owned(),
            attachments,
        })?)
    }

    /// The copies for those who have none yet, encrypted to certificates or as composed.
    pub(super) fn seal(
        &self,
        draft: &Draft,
        addressees: &[Addressee],
        is_served: &dyn Fn(&Address) -> bool,
    ) -> Result<Vec<Sealed>, Error> {
        let admitted: Vec<_> = addressees
            .iter()
            .filter_map(|one| match one {
                Addressee::Admitted(admitted, _) if !is_served(admitted.address()) => Some(admitted.clone()),
                _ => None,
            })
            .collect();
        if !admitted.is_empty() {
            return Ok(vec![smime::transport_only(draft, &admitted, &self.spool)?]);
        }
        let recipients: Vec<Recipient> = addressees
            .iter()
            .filter_map(|one| match one {
                Addressee::Sealed(recipient) if is_served(recipient.address()) => Some(recipient.clone().served()),
                Addressee::Sealed(recipient) => Some(recipient.clone()),
                Addressee::Admitted(..) | Addressee::Outside(..) => None,
            })
            .collect();
        if recipients.iter().all(Recipient::is_served) {
            return Ok(Vec::new());
        }
        let signer = self.signer.ok_or_else(|| Error::NoKeys { profile: self.profile.to_owned() })?;
        let recipients = Recipients::new(recipients)?;
        Ok(smime::seal(draft, &recipients, signer, self.own.as_ref(), self.clock.now(), &self.spool)?)
    }

    /// What makes a message this one and no other: sender, recipients asked for, subject, text, files and protection, under a
    /// key of ours. Who was left out counts too: the same words, when they can be served, are not another message to the rest.
    pub(super) fn fingerprint(
        &self,
        words: &Words<'_>,
        attachments: &[Attachment],
        mut asked: Vec<(Role, String)>,
    ) -> Result<[u8; 32], Error> {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut part = |name: &str, octets: &[u8]| {
            context.update(name.as_bytes());
            context.update(&(octets.len() as u64).to_be_bytes());
            context.update(octets);
        };
        part("from", self.from.address.key().as_bytes());
        asked.sort();
        for (role, key) in &asked {
            part(role_name(*role), key.as_bytes());
        }
        part("subject", words.subject.as_bytes());
        part("text", words.text.as_bytes());
        part("protection", words.protection.as_str().as_bytes());
        if words.protection == Protection::Package {
            part("format", words.format.as_str().as_bytes());
        }
        for (number, attachment) in attachments.iter().enumerate() {
            part("name", attachment.name().as_bytes());
            part("content", &attachment.sha256(number + 1)?);
        }
        Ok(self.key.keyed_digest(context.finish().as_ref()))
    }

    /// A key that is nobody else's, made of the caller's words.
    pub(super) fn key_of(&self, what: &[u8], name: &[u8]) -> [u8; 32] {
        self.key.derive(what).keyed_digest(name)
    }
}

/// Opens a file that is to be attached.
pub(super) fn attach(path: &Path) -> Result<Attachment, Error> {
    let unreadable = |source| Error::AttachmentUnreadable { path: path.to_owned(), source };
    let file = fs::open_given(path).map_err(unreadable)?;
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| is_plain(name));
    let name = name.ok_or_else(|| Error::AttachmentName { path: path.to_owned() })?;
    let attachment =
        Attachment::from_file(name, file).map_err(|source| Error::Attachment { path: path.to_owned(), source })?;
    if attachment.size() == 0 {
        return Err(Error::AttachmentEmpty { path: path.to_owned() });
    }
    Ok(attachment)
}

/// Whether a name shows itself as it is: no control characters, nothing that turns the reading direction or is invisible.
fn is_plain(name: &str) -> bool {
    let hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !name.chars().any(|c| c.is_control() || hidden(c))
}
