//! What a message says and carries, taken out of its parts: one text, and files under harmless names.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::OpenError;
use crate::fs;
use crate::mail::{Entity, UNKNOWN, decode_text, safe_name, unique_name};

/// A text longer than this is kept as a file.
const MAX_TEXT: u64 = 1024 * 1024;

/// Names that stay free for what is written beside the files.
pub const RESERVED_NAMES: [&str; 4] = ["message.eml", "message.json", "message.txt", "verdict.json"];

/// A file that came with a message, in a folder that is synced when it gets its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFile {
    /// The name it has on disk: made harmless, unique in its folder.
    pub name: String,
    /// What the sender says it is; `application/octet-stream` if that cannot be said safely.
    pub media_type: String,
    /// Octets.
    pub size: u64,
    /// Where it stands now.
    pub path: PathBuf,
}

/// Text and files of a message.
pub(super) struct Content {
    pub(super) text: String,
    pub(super) files: Vec<ReceivedFile>,
    /// Whether every multipart ended as it said.
    pub(super) complete: bool,
}

/// Writes every part into a folder but the text, which is given. Fields repeated for old readers are looked for in what was
/// encrypted only (RFC 9788, section 4.5.3.1).
pub(super) fn collect<R: Read + Seek + ?Sized>(
    payload: &Entity,
    stream: &mut R,
    folder: &Path,
    encrypted: bool,
) -> Result<Content, OpenError> {
    let taken = RESERVED_NAMES.into_iter().map(str::to_owned).collect();
    let content = Content { text: String::new(), files: Vec::new(), complete: true };
    let mut collector = Collector { stream, folder, encrypted, taken, content };
    collector.visit(payload)?;
    Ok(collector.content)
}

struct Collector<'a, R: ?Sized> {
    stream: &'a mut R,
    folder: &'a Path,
    encrypted: bool,
    taken: BTreeSet<String>,
    content: Content,
}

impl<R: Read + Seek + ?Sized> Collector<'_, R> {
    /// Goes through the parts; their depth was bounded when they were scanned.
    fn visit(&mut self, entity: &Entity) -> Result<(), OpenError> {
        if entity.media_type().is_multipart() && !entity.parts().is_empty() {
            self.content.complete &= entity.is_closed();
            return entity.parts().iter().try_for_each(|part| self.visit(part));
        }
        let attached = entity.header().disposition().is_some_and(|it| it.essence() == "attachment");
        let shown = entity.media_type().essence() == "text/plain" && !attached && entity.suggested_name().is_none();
        if shown && let Some(text) = self.read_text(entity)? {
            self.add_text(&text);
            return Ok(());
        }
        self.save(entity)
    }

    /// The text of a part, unless it makes the whole text too long.
    fn read_text(&mut self, entity: &Entity) -> Result<Option<String>, OpenError> {
        let body = entity.body();
        let room = MAX_TEXT.saturating_sub(self.content.text.len() as u64);
        if body.end - body.start > room * 3 {
            return Ok(None);
        }
        let mut octets = Vec::new();
        entity.decode_to(self.stream, &mut octets)?;
        if octets.len() as u64 > room {
            return Ok(None);
        }
        let mut text = decode_text(entity.media_type().parameter("charset"), &octets);
        if self.encrypted && entity.media_type().parameter("hp-legacy-display") == Some("1") {
            text = without_legacy_display(&text).to_owned();
        }
        Ok(Some(text))
    }

    /// A second text, such as the footer of a list, follows the first after an empty line.
    fn add_text(&mut self, text: &str) {
        if !self.content.text.is_empty() && !text.is_empty() {
            let gap = if self.content.text.ends_with('\n') { "\n" } else { "\n\n" };
            self.content.text.push_str(gap);
        }
        self.content.text.push_str(text);
    }

    fn save(&mut self, entity: &Entity) -> Result<(), OpenError> {
        let kind = entity.media_type().essence();
        let suggested = entity.suggested_name().unwrap_or_else(|| nameless(kind).to_owned());
        let name = unique_name(&safe_name(&suggested), &mut self.taken);
        let path = self.folder.join(&name);
        let written = {
            let mut out = io::BufWriter::with_capacity(64 * 1024, fs::create_inside(&path)?);
            let size = entity.decode_to(self.stream, &mut out).map_err(OpenError::from);
            size.and_then(|size| io::Write::flush(&mut out).map(|()| size).map_err(OpenError::from))
        };
        let size = match written {
            Ok(size) => size,
            Err(error) => {
                fs::remove(&path)?;
                return Err(error);
            }
        };
        let speakable = kind.len() <= 100 && kind.bytes().all(|octet| octet.is_ascii_graphic());
        let media_type = if speakable { kind.to_owned() } else { UNKNOWN.to_owned() };
        self.content.files.push(ReceivedFile { name, media_type, size, path });
        Ok(())
    }
}

/// A name for a part that suggests none.
fn nameless(media_type: &str) -> &'static str {
    match media_type {
        "text/plain" => "text.txt",
        "text/html" => "text.html",
        "message/rfc822" => "forwarded.eml",
        "message/disposition-notification" => "disposition-notification.txt",
        "message/delivery-status" => "delivery-status.txt",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => "smime.p7m",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "smime.p7s",
        _ => "attachment",
    }
}

/// Takes away the fields repeated for readers that do not know header protection: the lines before the first blank one, and
/// that one (RFC 9788, section 4.5.3.2). A text without a blank line is shown whole rather than lost.
fn without_legacy_display(text: &str) -> &str {
    match text.strip_prefix('\n') {
        Some(rest) => rest,
        None => text.split_once("\n\n").map_or(text, |(_, rest)| rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Cursor;
    use std::os::unix::fs::PermissionsExt;

    fn collected(message: &str) -> (Content, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let mut stream = Cursor::new(message);
        let entity = Entity::scan_all(&mut stream).unwrap();
        (collect(&entity, &mut stream, dir.path(), true).unwrap(), dir)
    }

    fn file<'a>(content: &'a Content, name: &str) -> &'a ReceivedFile {
        content.files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("{name} in {:?}", content.files))
    }

    #[test]
    fn text_and_files_are_taken_apart() {
        let (content, _dir) = collected(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n\
             --c\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nr=E9sultat\n\
             --c\nContent-Type: text/html\n\n<p>\n--c--\n\
             --b\nContent-Type: application/pdf; name=\"../../.ssh/keys\"\nContent-Transfer-Encoding: base64\n\nQUI=\n\
             --b\nContent-Type: application/pdf; name=KEYS\nContent-Transfer-Encoding: base64\n\nQUJD\n\
             --b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--b\nContent-Type: text/plain; name=message.txt\n\nx\n\
             --b\n\nfooter\n--b--\n",
        );
        assert_eq!(content.text, "résultat\n\nfooter");
        assert!(content.complete);
        let names: Vec<&str> = content.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["text.html", "keys", "KEYS-2", "forwarded.eml", "message-2.txt"]);
        let keys = file(&content, "keys");
        assert_eq!((keys.size, keys.media_type.as_str()), (2, "application/pdf"));
        assert_eq!(std::fs::read(&keys.path).unwrap(), b"AB");
        assert_eq!(keys.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&file(&content, "forwarded.eml").path).unwrap(), b"Subject: x\n\ninner");
    }

    #[test]
    fn a_cut_message_is_incomplete_and_a_damaged_part_an_error() {
        assert!(!collected("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext").0.complete);
        let dir = tempfile::tempdir().unwrap();
        let mut stream = Cursor::new("Content-Type: a/b\nContent-Transfer-Encoding: base64\n\nQUI=QUI=\n");
        let entity = Entity::scan_all(&mut stream).unwrap();
        assert!(matches!(collect(&entity, &mut stream, dir.path(), true), Err(OpenError::Malformed(_))));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "no half of a file is left");
    }

    #[test]
    fn a_long_text_becomes_a_file() {
        let (content, _dir) = collected(&format!("Subject: x\n\n{}", "long text\n".repeat(150_000)));
        assert_eq!((content.text.as_str(), content.files[0].name.as_str()), ("", "text.txt"));
    }

    #[test]
    fn repeated_fields_for_old_readers_are_not_shown() {
        let (content, _dir) =
            collected("Content-Type: text/plain; hp-legacy-display=1\n\nSubject: secret\nFrom: a\n\nBonjour\n");
        assert_eq!(content.text, "Bonjour\n");
        assert_eq!(without_legacy_display("\nBonjour\n\nZoé\n"), "Bonjour\n\nZoé\n");
        assert_eq!(without_legacy_display("Bonjour\n"), "Bonjour\n", "better twice than never");
    }
}
