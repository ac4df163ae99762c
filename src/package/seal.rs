//! Sealing: the message goes into one package, and the package into an ordinary mail for each copy.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use zip::result::ZipError;

use super::content::Content;
use super::{Format, Password, archive, letter, page};
use crate::fs::{self, FsError, Spool, Staged};
use crate::mail::{
    Address, Attachment, AttachmentError, ComposeError, Composition, Draft, Envelope, Field, Mailbox, write_entity,
};
use crate::sealed::{Protection, Sealed, boundary};

/// Why a message was not put into a package. Nothing of it is left on disk.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// More than the format holds.
    #[error("text and files are {size} octets, and a package of this kind holds {limit}")]
    TooLarge { format: Format, size: u64, limit: u64 },
    /// An attachment could not be read, or the package not be written.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The package cannot be read back to be attached.
    #[error("the package cannot be attached")]
    Attach(#[from] AttachmentError),
    /// The file for it could not be made.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// No randomness for keys and boundaries.
    #[error("the system gave no randomness")]
    Randomness,
}

impl PackageError {
    pub(super) fn output(error: io::Error) -> PackageError {
        PackageError::Compose(ComposeError::Output(error))
    }

    pub(super) fn archive(error: ZipError) -> PackageError {
        PackageError::output(error.into())
    }
}

/// The copies a draft is sent in: one for To and Cc together, and one for each Bcc alone.
pub fn copies(draft: &Draft) -> Vec<Envelope> {
    let parts = draft.parts();
    let addresses = |list: &[Mailbox]| list.iter().map(|it| it.address.clone()).collect::<Vec<Address>>();
    let open = [addresses(&parts.to), addresses(&parts.cc)].concat();
    let blind = parts.bcc.iter().map(|it| vec![it.address.clone()]);
    let envelope = |recipients| Envelope { sender: parts.from.address.clone(), recipients };
    Some(open).filter(|open| !open.is_empty()).into_iter().chain(blind).map(envelope).collect()
}

/// Seals a draft: one package under one password, in a mail for each of the copies. Files are made under `dir` and hold
/// ciphertext only.
pub fn seal(
    draft: &Draft,
    copies: &[Envelope],
    format: Format,
    password: &Password,
    dir: &Path,
) -> Result<Vec<Sealed>, PackageError> {
    let content = Content::of(draft);
    let (size, limit) = (content.size(), format.limit());
    if size > limit {
        return Err(PackageError::TooLarge { format, size, limit });
    }
    let mut package = Staged::new(dir)?;
    {
        let mut out = BufWriter::with_capacity(64 * 1024, &mut package);
        match format {
            Format::Page => page::write(&content, password, &mut out)?,
            Format::Archive => archive::write(&content, password, &draft.parts().date, &mut out)?,
        }
        out.flush().map_err(PackageError::output)?;
    }
    let attachment = Attachment::from_file(format.file_name(), fs::open(package.path())?)?;
    let mail = around(draft, format, attachment);
    copies.iter().map(|envelope| write_mail(&mail, envelope, dir)).collect()
}

/// The mail around the package. From, To, Cc, Date and Message-ID are those of the message; nothing else of it is outside: no
/// subject, no thread, no further fields.
fn around(draft: &Draft, format: Format, package: Attachment) -> Draft {
    let parts = draft.parts();
    let mail = Composition {
        from: parts.from.clone(),
        reply_to: parts.reply_to.clone(),
        to: parts.to.clone(),
        cc: parts.cc.clone(),
        bcc: parts.bcc.clone(),
        subject: letter::SUBJECT.to_owned(),
        date: parts.date.clone(),
        message_id: parts.message_id.clone(),
        references: Vec::new(),
        fields: Vec::new(),
        text: letter::text(format),
        attachments: vec![package],
    };
    Draft::new(mail).expect("people and labels were checked in the draft, the rest is ours")
}

fn write_mail(mail: &Draft, envelope: &Envelope, dir: &Path) -> Result<Sealed, PackageError> {
    let boundary = boundary().ok_or(PackageError::Randomness)?;
    let mut header = mail.header();
    header.push(Field::text("MIME-Version", "1.0"));
    let mut file = Spool::new(dir);
    let mut out = BufWriter::with_capacity(64 * 1024, &mut file);
    write_entity(mail, &header, &[], &boundary, &mut out)?;
    out.write_all(b"\r\n").and_then(|()| out.flush()).map_err(PackageError::output)?;
    drop(out);
    let id = mail.parts().message_id.clone();
    Ok(Sealed::new(envelope.clone(), id, Protection::Package, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs::File;
    use std::io::{Cursor, Read};

    use crate::mail::{Entity, Header};
    use crate::package::specimen::{draft, large};

    fn octets(sealed: &mut Sealed) -> Vec<u8> {
        let mut octets = Vec::new();
        sealed.reader().unwrap().read_to_end(&mut octets).unwrap();
        assert_eq!(octets.len() as u64, sealed.size());
        octets
    }

    fn sealed(format: Format) -> Vec<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let draft = draft();
        let mut sealed = seal(&draft, &copies(&draft), format, &Password::generate().unwrap(), dir.path()).unwrap();
        let recipients: Vec<_> = sealed.iter().map(|one| one.envelope().recipients.len()).collect();
        assert_eq!(recipients, [2, 1], "To and Cc together, Bcc alone");
        assert!(sealed.iter().all(|one| one.protection() == Protection::Package));
        let octets = sealed.iter_mut().map(octets).collect();
        drop(sealed);
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "nothing is left");
        octets
    }

    #[test]
    fn the_mail_around_is_ordinary_and_says_nothing_of_the_content() {
        for (format, name) in [(Format::Page, "message.html"), (Format::Archive, "message.zip")] {
            for mail in sealed(format) {
                let header = Header::parse(&mail);
                assert_eq!(header.text("Subject").unwrap(), letter::SUBJECT);
                let people = |name| header.mailboxes(name).iter().map(|it| it.address.to_string()).collect::<Vec<_>>();
                assert_eq!(
                    (people("From"), people("To")),
                    (vec!["labo@biologie.sandbox".into()], vec!["a@example.org".into()])
                );
                assert!(header.date().is_some() && header.message_id("Message-ID").is_some());
                assert_eq!((header.count("References"), header.count("Bcc"), header.count("X-Patient")), (0, 0, 0));
                let entity = Entity::scan_all(&mut Cursor::new(&mail)).unwrap();
                let [text, package] = entity.parts() else { panic!("a text and a package") };
                assert_eq!(package.suggested_name().unwrap(), name);
                let mut said = Vec::new();
                text.decode_to(&mut Cursor::new(&mail), &mut said).unwrap();
                let said = String::from_utf8(said).unwrap();
                assert!(said.contains(name) && said.contains("mot de passe") && said.contains("password"), "{said}");
                let mail = String::from_utf8(mail).unwrap();
                assert!(mail.is_ascii() && mail.split("\r\n").all(|line| line.len() <= 78 && !line.contains('\n')));
                for secret in ["alert", "Tilleul=", "279", "blind", "r=C3=A9sultat", "thread"] {
                    assert!(!mail.contains(secret), "{secret}: {mail}");
                }
            }
        }
    }

    #[test]
    fn every_copy_holds_the_same_package() {
        let package = |mail: &[u8]| {
            let entity = Entity::scan_all(&mut Cursor::new(mail)).unwrap();
            let mut octets = Vec::new();
            entity.parts()[1].decode_to(&mut Cursor::new(mail), &mut octets).unwrap();
            octets
        };
        let mails = sealed(Format::Archive);
        assert_eq!(package(&mails[0]), package(&mails[1]));
        assert!(package(&mails[0]).starts_with(b"PK"));
    }

    #[test]
    fn what_is_too_large_for_a_page_is_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let draft = large(Format::Page.limit());
        let password = Password::generate().unwrap();
        let refused = seal(&draft, &copies(&draft), Format::Page, &password, dir.path());
        assert!(matches!(refused, Err(PackageError::TooLarge { limit: 50_000_000, .. })));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_large_file_that_changed_meanwhile_stops_the_message_and_leaves_nothing() {
        for format in [Format::Page, Format::Archive] {
            let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let path = files.path().join("a.txt");
            File::create(&path).unwrap().write_all(&[b'4'; 300 * 1024]).unwrap();
            let draft = crate::package::specimen::with_file(&path);
            File::create(&path).unwrap().write_all(b"five!").unwrap();
            let failed = seal(&draft, &copies(&draft), format, &Password::generate().unwrap(), dir.path());
            assert!(matches!(failed, Err(PackageError::Compose(ComposeError::Changed { number: 1 }))), "{format:?}");
            assert_eq!(dir.path().read_dir().unwrap().count(), 0);
        }
    }
}
