//! Sealing: signed, then encrypted to each recipient (RFC 8551, section 3), in one pass, nothing in clear on disk.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;

use super::protection::{outer_fields, protected_fields};
use super::suite::{encryption, entry, smime_type, suite_of, takes};
use crate::cms::{CmsError, DetachedSigner, EnvelopeWriter};
use crate::fs::{FsError, Spool};
use crate::mail::{Address, Base64Writer, ComposeError, Draft, Envelope, Field, write_entity};
use crate::pki::{Certificate, Identity, Purpose, serves};
use crate::sealed::{Protection, Sealed, Suite, boundary};
use crate::space::{Recipient, Recipients, Role};

/// Blind copies are written side by side, each into an open file.
const MAX_BLIND: usize = 200;

/// Why a message was not sealed. Nothing of it is left on disk.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The draft names this address in a line where the recipients do not, or the other way round.
    #[error("the message and its recipients disagree about {0}")]
    OtherRecipients(Address),
    /// The certificate that would sign names another address than From (RFC 8550, section 3).
    #[error("the signing certificate is not one for {0}")]
    SignerNotFrom(Address),
    /// The certificate that would sign has expired, is not valid yet, or is not meant for it (RFC 8550, section 4.4.2).
    #[error("the signing certificate is not valid for signing now")]
    SignerNotValid,
    /// More blind copies than are written in one go.
    #[error("a message may have {MAX_BLIND} blind copies")]
    TooManyBlind,
    /// An attachment could not be read, or changed meanwhile.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// Signing or encrypting failed.
    #[error("the message could not be signed and encrypted")]
    Cms(#[from] CmsError),
    /// The file for it could not be made.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// No randomness for the boundaries.
    #[error("the system gave no randomness")]
    Randomness,
}

/// Seals a draft: one message for those of To and Cc whose programs open the same, and one for each Bcc alone, all with the
/// same signed content. Recipients who were served before stand in the header and get no copy.
///
/// `own` is the sender's certificate for encryption: with it the sender can open what was sent; it is never added to a
/// blind copy, nor to one whose readers would stumble over it. `at` is the signing time. Files are made under `dir` and hold ciphertext only.
pub fn seal(
    draft: &Draft,
    recipients: &Recipients,
    signer: &Identity,
    own: Option<&Certificate>,
    at: Timestamp,
    dir: &Path,
) -> Result<Vec<Sealed>, SealError> {
    let from = &draft.parts().from.address;
    if !signer.certificate().names_address(from) {
        return Err(SealError::SignerNotFrom(from.clone()));
    }
    if !serves(signer.certificate(), Purpose::EmailSigning, at) {
        return Err(SealError::SignerNotValid);
    }
    check_recipients(draft, recipients)?;
    let copies = plan_copies(recipients, own)?;
    let outer = outer_fields(draft);
    let mut writers = Vec::with_capacity(copies.len());
    for copy in &copies {
        writers.push(start_copy(copy, &outer, dir)?);
    }
    let mut out = Copies(writers);
    write_signed(draft, signer, at, &mut out)?;
    let mut sealed = Vec::with_capacity(copies.len());
    for (writer, copy) in out.0.into_iter().zip(copies) {
        let file = writer.finish()?.finish().map_err(CmsError::Io)?;
        let envelope = Envelope { sender: from.clone(), recipients: copy.addresses };
        let id = draft.parts().message_id.clone();
        sealed.push(Sealed::new(envelope, id, Protection::Smime, file).under(copy.suite));
    }
    Ok(sealed)
}

/// One message: who it goes to, and who can open it.
struct Copy<'a> {
    suite: Suite,
    addresses: Vec<Address>,
    certificates: Vec<&'a Certificate>,
}

impl<'a> Copy<'a> {
    fn of(suite: Suite, recipients: &[&'a Recipient], own: Option<&'a Certificate>) -> Copy<'a> {
        let mut seen = HashSet::new();
        let own = own.filter(|certificate| takes(suite, certificate));
        let certificates = recipients.iter().map(|recipient| recipient.trusted().certificate()).chain(own);
        Copy {
            suite,
            addresses: recipients.iter().map(|recipient| recipient.address().clone()).collect(),
            certificates: certificates.filter(|certificate| seen.insert(certificate.sha256())).collect(),
        }
    }
}

type CopyWriter = EnvelopeWriter<Base64Writer<Spool>>;

fn plan_copies<'a>(recipients: &'a Recipients, own: Option<&'a Certificate>) -> Result<Vec<Copy<'a>>, SealError> {
    let unserved = recipients.iter().filter(|recipient| !recipient.is_served());
    let (blind, open): (Vec<_>, Vec<_>) = unserved.partition(|recipient| recipient.role() == Role::Bcc);
    if blind.len() > MAX_BLIND {
        return Err(SealError::TooManyBlind);
    }
    let mut groups: BTreeMap<Suite, Vec<&Recipient>> = BTreeMap::new();
    for recipient in open {
        groups.entry(suite_of(recipient)).or_default().push(recipient);
    }
    let open = groups.into_iter().map(|(suite, group)| Copy::of(suite, &group, own));
    let blind = blind.into_iter().map(|recipient| Copy::of(suite_of(recipient), &[recipient], None));
    Ok(open.chain(blind).collect())
}

/// The header of the draft and the recipients must say the same: else somebody would read of a copy that was never made.
fn check_recipients(draft: &Draft, recipients: &Recipients) -> Result<(), SealError> {
    let parts = draft.parts();
    let drafted = [(Role::To, &parts.to), (Role::Cc, &parts.cc), (Role::Bcc, &parts.bcc)];
    let drafted: HashSet<(Role, &Address)> =
        drafted.into_iter().flat_map(|(role, list)| list.iter().map(move |it| (role, &it.address))).collect();
    let resolved: HashSet<(Role, &Address)> = recipients.iter().map(|it| (it.role(), it.address())).collect();
    match drafted.symmetric_difference(&resolved).next() {
        Some((_, address)) => Err(SealError::OtherRecipients((*address).clone())),
        None => Ok(()),
    }
}

/// Writes the header in the clear and begins the envelope behind it.
fn start_copy(copy: &Copy<'_>, outer: &[Field], dir: &Path) -> Result<CopyWriter, SealError> {
    let mut file = Spool::new(dir);
    let mut head: String = outer.iter().map(Field::to_string).collect();
    let kind = [("smime-type", smime_type(copy.suite)), ("name", "smime.p7m")];
    for field in [
        Field::text("MIME-Version", "1.0"),
        Field::parameters("Content-Type", "application/pkcs7-mime", &kind),
        Field::text("Content-Transfer-Encoding", "base64"),
        Field::parameters("Content-Disposition", "attachment", &[("filename", "smime.p7m")]),
    ] {
        head.push_str(&field.to_string());
    }
    head.push_str("\r\n");
    file.write_all(head.as_bytes()).map_err(CmsError::Io)?;
    let entries: Vec<_> = copy.certificates.iter().map(|certificate| entry(copy.suite, certificate)).collect();
    Ok(EnvelopeWriter::with(Base64Writer::new(file), encryption(copy.suite), &entries)?)
}

/// Writes the `multipart/signed` entity (RFC 1847, RFC 8551, section 3.5.3) into every envelope.
fn write_signed(draft: &Draft, signer: &Identity, at: Timestamp, out: &mut Copies) -> Result<(), SealError> {
    let outer_boundary = boundary().ok_or(SealError::Randomness)?;
    let inner_boundary = boundary().ok_or(SealError::Randomness)?;
    let mut signed = Signed { signer: DetachedSigner::new(signer, at), out };
    let parameters = [
        ("protocol", "application/pkcs7-signature"),
        ("micalg", signed.signer.micalg()),
        ("boundary", outer_boundary.as_str()),
    ];
    let kind = Field::parameters("Content-Type", "multipart/signed", &parameters);
    write!(signed.out, "{kind}\r\n--{outer_boundary}\r\n").map_err(CmsError::Io)?;
    {
        let mut buffered = BufWriter::with_capacity(64 * 1024, &mut signed);
        write_entity(draft, &protected_fields(draft), &[("hp", "cipher")], &inner_boundary, &mut buffered)?;
        buffered.flush().map_err(ComposeError::Output)?;
    }
    let signature = signed.signer.finish()?;
    let kind = Field::parameters("Content-Type", "application/pkcs7-signature", &[("name", "smime.p7s")]);
    let encoding = Field::text("Content-Transfer-Encoding", "base64");
    let disposition = Field::parameters("Content-Disposition", "attachment", &[("filename", "smime.p7s")]);
    write!(out, "\r\n--{outer_boundary}\r\n{kind}{encoding}{disposition}\r\n").map_err(CmsError::Io)?;
    let mut encoder = Base64Writer::new(&mut *out);
    encoder.write_all(&signature).and_then(|()| encoder.finish()).map_err(CmsError::Io)?;
    write!(out, "--{outer_boundary}--\r\n").map_err(CmsError::Io)?;
    Ok(())
}

/// What is written here goes into every envelope.
struct Copies(Vec<CopyWriter>);

impl Write for Copies {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for writer in &mut self.0 {
            writer.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written here is signed, and goes into every envelope.
struct Signed<'a> {
    signer: DetachedSigner<'a>,
    out: &'a mut Copies,
}

impl Write for Signed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.signer.update(bytes);
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
