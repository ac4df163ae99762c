//! The package as a ZIP archive with WinZip AES-256, which 7-Zip, Keka and WinRAR open.
//!
//! The directory of a ZIP is never encrypted: names and sizes of its entries are readable, and a file name often holds the
//! name of a patient. So the outer archive has one entry, `content.zip`, and it is that archive, compressed and not encrypted
//! again, which has the text and the files under their names. Whoever opens `message.zip` in 7-Zip or WinRAR sees
//! `content.zip`, opens it with a double click, is asked for the password once, and is among the files; Keka unpacks it and
//! then opens it like any ZIP. One click more for them, for nothing of the content outside.
//!
//! Both archives are streamed: memory does not grow with the content, and nothing of it touches the disk in clear. The outer
//! one says AE-2, which has no checksum of the content: by a checksum in clear, a guess at the content could be confirmed.

use std::io::{self, Write};

use jiff::Zoned;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{AesMode, CompressionMethod, DateTime, ZipWriter};

use super::content::{Content, TEXT_NAME};
use super::{PackageError, Password};

/// The one entry of the outer archive.
const INNER: &str = "content.zip";

/// Writes the archive.
pub(super) fn write(
    content: &Content<'_>,
    password: &Password,
    date: &Zoned,
    out: &mut dyn Write,
) -> Result<(), PackageError> {
    let mut sink = Sink { out, fault: None };
    let date = moment(date);
    {
        let mut outer = ZipWriter::new_stream(&mut sink);
        let sealed = options(date)
            .compression_method(CompressionMethod::Stored)
            .with_aes_encryption(AesMode::Aes256, password.secret().expose());
        outer.start_file(INNER, sealed).map_err(PackageError::archive)?;
        let mut inner = ZipWriter::new_stream(&mut outer);
        fill(content, date, &mut inner)?;
        inner.finish().map_err(PackageError::archive)?;
        outer.finish().map_err(PackageError::archive)?;
    }
    sink.fault.map_or(Ok(()), |fault| Err(PackageError::output(fault)))
}

/// The text, then the files.
fn fill<W: Write>(
    content: &Content<'_>,
    date: DateTime,
    inner: &mut ZipWriter<StreamWriter<W>>,
) -> Result<(), PackageError> {
    let options = options(date).compression_method(CompressionMethod::Deflated);
    let said = &content.description;
    inner.start_file(TEXT_NAME, options).map_err(PackageError::archive)?;
    let head = format!("De / From: {}\nDate: {}\nObjet / Subject: {}\n", said.from, said.date, said.subject);
    // The mark tells older editors that it is UTF-8.
    let text = format!("\u{feff}{head}\n{}", said.text).replace('\n', "\r\n");
    inner.write_all(text.as_bytes()).map_err(PackageError::output)?;
    for (number, (described, file)) in said.files.iter().zip(&content.files).enumerate() {
        inner.start_file(described.name.as_str(), options).map_err(PackageError::archive)?;
        file.copy_to(number + 1, inner)?;
    }
    Ok(())
}

fn options(date: DateTime) -> SimpleFileOptions {
    SimpleFileOptions::default().last_modified_time(date).unix_permissions(0o600)
}

/// The date of the message, as far as a ZIP can say it: local time, from 1980 on.
fn moment(date: &Zoned) -> DateTime {
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    let year = u16::try_from(date.year()).unwrap_or(0);
    let (month, day) = (small(date.month()), small(date.day()));
    DateTime::from_date_and_time(year, month, day, small(date.hour()), small(date.minute()), small(date.second()))
        .unwrap_or_default()
}

/// The output, which never fails while the archive is written: a writer of archives that is dropped after a failure goes on to
/// write, and complains of it on stderr. What failed first is told at the end.
struct Sink<'a> {
    out: &'a mut dyn Write,
    fault: Option<io::Error>,
}

impl Write for Sink<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.fault.is_none() {
            self.fault = self.out.write_all(octets).err();
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::{Cursor, Read, Seek};

    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
    use zip::ZipArchive;

    use crate::mail::safe_name;
    use crate::package::specimen::{HOSTILE, content_of, draft, draft_of};

    fn archive() -> (Vec<u8>, Password) {
        let (draft, password) = (draft(), Password::generate().unwrap());
        let mut octets = Vec::new();
        write(&content_of(&draft), &password, &draft.parts().date, &mut octets).unwrap();
        (octets, password)
    }

    /// The inner archive, if the password and every octet of it are right.
    fn open(octets: &[u8], password: &str) -> Option<Vec<u8>> {
        let mut outer = ZipArchive::new(Cursor::new(octets)).ok()?;
        let mut entry = outer.by_index_decrypt(0, password.as_bytes()).ok()?;
        let mut inner = Vec::new();
        entry.read_to_end(&mut inner).ok()?;
        Some(inner)
    }

    fn names<R: Read + Seek>(archive: &ZipArchive<R>) -> Vec<String> {
        archive.file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    #[test]
    fn nothing_but_one_neutral_name_stands_outside() {
        let (octets, _) = archive();
        let mut outer = ZipArchive::new(Cursor::new(&octets)).unwrap();
        assert_eq!(names(&outer), ["content.zip"]);
        let entry = outer.by_index_raw(0).unwrap();
        assert!(entry.encrypted());
        assert_eq!(entry.crc32(), 0, "AE-2: no checksum of the content");
        for said in ["alert", "résultat", "Tilleuls", "labo", "message.txt", "%PDF"] {
            assert!(memchr::memmem::find(&octets, said.as_bytes()).is_none(), "{said} shows");
        }
    }

    #[test]
    fn text_and_files_come_out_as_they_were() {
        let (octets, password) = archive();
        let inner = open(&octets, password.secret().expose()).unwrap();
        let mut inner = ZipArchive::new(Cursor::new(inner)).unwrap();
        assert_eq!(names(&inner), ["message.txt", "résultat.pdf", "résultat-2.pdf"]);
        let mut read = |name: &str| io::read_to_string(inner.by_name(name).unwrap()).unwrap();
        assert_eq!(read("résultat.pdf"), "%PDF-1.7 one\0");
        assert_eq!(read("résultat-2.pdf"), "two");
        let text = read("message.txt");
        assert!(text.starts_with("\u{feff}De / From: Laboratoire des Tilleuls <labo@biologie.sandbox>\r\n"), "{text}");
        assert!(text.contains(&format!("\r\nObjet / Subject: {HOSTILE}\r\n")), "{text}");
        assert!(text.ends_with("\r\nÀ demain.\r\n"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_message_comes_out_as_it_was(
            subject in "\\PC{0,80}",
            text in "(\\PC|\n){0,400}",
            name in "[^/\\\\\\pC]{1,80}",
            octets in proptest::collection::vec(any::<u8>(), 0..5000),
        ) {
            let (draft, password) = (draft_of(&subject, &text, &name, &octets), Password::generate().unwrap());
            let mut archive = Vec::new();
            write(&content_of(&draft), &password, &draft.parts().date, &mut archive).unwrap();
            let inner = open(&archive, password.secret().expose()).unwrap();
            let mut inner = ZipArchive::new(Cursor::new(inner)).unwrap();
            let mut read = |number: usize| {
                let mut octets = Vec::new();
                let mut entry = inner.by_index(number).unwrap();
                entry.read_to_end(&mut octets).unwrap();
                (entry.name().unwrap().into_owned(), octets)
            };
            let said = String::from_utf8(read(0).1).unwrap();
            let head = format!("Objet / Subject: {subject}\r\n\r\n");
            prop_assert!(said.split_once(&head).is_some_and(|(_, rest)| rest == text.replace('\n', "\r\n")));
            let (named, content) = read(1);
            prop_assert!(named == safe_name(&name) || safe_name(&name).eq_ignore_ascii_case(TEXT_NAME));
            prop_assert_eq!(content, octets);
        }
    }

    #[test]
    fn no_flipped_bit_lets_anything_else_out() {
        let (octets, password) = archive();
        let password = password.secret().expose();
        let whole = open(&octets, password).unwrap();
        // What stands before and behind the sealed octets is not authenticated: there a flip is refused or changes nothing.
        let sealed = memchr::memmem::find(&octets, b"content.zip").unwrap() + 60..octets.len() - 120;
        let mut refused = 0;
        // One bit of each octet: every attempt stretches the password, and the authentication code knows no better bits.
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1 << (at % 8);
            match open(&changed, password) {
                None => refused += 1,
                Some(inner) => assert!(inner == whole && !sealed.contains(&at), "octet {at} of {}", octets.len()),
            }
        }
        assert!(refused > sealed.len());
        for cut in (0..octets.len()).step_by(11) {
            assert!(open(&octets[..cut], password).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn another_password_opens_nothing() {
        let (octets, password) = archive();
        let right = password.secret().expose();
        for wrong in
            [Password::generate().unwrap().secret().expose().as_str(), "", &right[1..], &right.replace('-', "")]
        {
            assert!(open(&octets, wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_output_that_fails_is_an_error_and_nothing_is_said_of_it_elsewhere() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(octets.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(octets.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (draft, password) = (draft(), Password::generate().unwrap());
        for room in [0, 40, 300] {
            let failed = write(&content_of(&draft), &password, &draft.parts().date, &mut Full(room));
            assert!(matches!(failed, Err(PackageError::Compose(_))), "{room}");
        }
    }
}
