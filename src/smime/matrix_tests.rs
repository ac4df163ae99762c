//! Every octet of a message changed, every cut of it: what still opens says what was signed, or is not believed.

use std::io::Cursor;
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;

use super::specimen::{World, composition, noon, octets};
use super::{Concern, HeaderProtection, Headers, Opened, Severity, judge, open, seal};
use crate::cms::Accept;
use crate::mail::{Attachment, Draft};
use crate::pki::{Identity, RevocationList, TrustAnchors};

/// What a reader is shown of a message, octet for octet.
#[derive(Debug, PartialEq)]
struct Shown {
    text: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Shown {
    fn of(opened: &Opened) -> Shown {
        let files = opened.files().iter().map(|file| (file.name.clone(), std::fs::read(&file.path).unwrap()));
        Shown { text: opened.text().to_owned(), files: files.collect() }
    }
}

/// One message, who opens it, and what it says.
struct Matrix {
    key: Identity,
    anchors: TrustAnchors,
    lists: Vec<RevocationList>,
    at: Timestamp,
    message: Vec<u8>,
    shown: Shown,
    headers: Headers,
    outer: Headers,
    protection: HeaderProtection,
    /// What is said of the message as it was, and so of it changed.
    concerns: Vec<&'static str>,
}

impl Matrix {
    fn new(
        message: Vec<u8>,
        key: &Identity,
        anchors: TrustAnchors,
        lists: Vec<RevocationList>,
        at: Timestamp,
    ) -> Matrix {
        let dir = folder();
        let opened =
            open(&mut Cursor::new(&message), std::slice::from_ref(key), Accept::default(), dir.path()).unwrap();
        let verdict = judge(&opened, &anchors, &lists, at);
        assert!(verdict.severity() < Some(Severity::Refuse), "{:?}", verdict.concerns());
        Matrix {
            shown: Shown::of(&opened),
            headers: opened.headers().clone(),
            outer: opened.outer_headers().clone(),
            protection: opened.header_protection(),
            concerns: verdict.concerns().iter().map(Concern::code).collect(),
            key: key.clone(),
            anchors,
            lists,
            at,
            message,
        }
    }

    /// Whether a changed message is believed. If it is, it says what the message said, and where headers are protected,
    /// a warning tells of every change of the outer ones.
    fn is_believed(&self, changed: &[u8], place: usize, dir: &Path) -> bool {
        let opened = open(&mut Cursor::new(changed), std::slice::from_ref(&self.key), Accept::default(), dir);
        let believed = opened.is_ok_and(|opened| {
            let verdict = judge(&opened, &self.anchors, &self.lists, self.at);
            if verdict.severity() == Some(Severity::Refuse) {
                return false;
            }
            assert_eq!(Shown::of(&opened), self.shown, "octet {place}: other content was believed");
            assert!(verdict.is_from() && verdict.signer().is_some(), "octet {place}");
            let told = |code: &&str| verdict.concerns().iter().any(|concern| concern.code() == *code);
            assert!(self.concerns.iter().all(told), "octet {place}: a warning was lost");
            if self.protection != HeaderProtection::None {
                assert_eq!(*opened.headers(), self.headers, "octet {place}: other headers were believed");
                let same = *opened.outer_headers() == self.outer;
                assert!(same || !opened.differences().is_empty(), "octet {place}: a change was not told");
            }
            true
        });
        assert_eq!(dir.read_dir().unwrap().count(), 0, "octet {place}: something was left behind");
        believed
    }

    /// Changes each octet in turn, and cuts before it; gives the places where the message was believed all the same.
    fn believed(&self) -> (Vec<usize>, Vec<usize>) {
        let middle = self.message.len() / 2;
        let (mut first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| self.believed_in(0..middle));
            let second = self.believed_in(middle..self.message.len());
            (first.join().unwrap(), second)
        });
        first.0.extend(second.0);
        first.1.extend(second.1);
        first
    }

    fn believed_in(&self, places: Range<usize>) -> (Vec<usize>, Vec<usize>) {
        let (dir, mut message) = (folder(), self.message.clone());
        let (mut flipped, mut cut) = (Vec::new(), Vec::new());
        for place in places {
            let octet = message[place];
            // Letters stay letters and digits digits, so that base64 stays base64 and the change reaches what it encodes.
            message[place] ^= if octet.is_ascii_alphabetic() { 0x20 } else { 1 };
            if self.is_believed(&message, place, dir.path()) {
                flipped.push(place);
            }
            message[place] = octet;
            if self.is_believed(&message[..place], place, dir.path()) {
                cut.push(place);
            }
        }
        (flipped, cut)
    }

    #[track_caller]
    fn assert_only_space_was_cut(&self, cut: &[usize]) {
        assert!(cut.iter().all(|place| self.message[*place..].iter().all(u8::is_ascii_whitespace)), "{cut:?}");
    }

    /// Where the header in the clear ends.
    fn body(&self) -> usize {
        let end = |mark: &[u8]| memchr::memmem::find(&self.message, mark).map(|at| at + mark.len());
        end(b"\r\n\r\n").or(end(b"\n\n")).unwrap()
    }
}

/// A folder in memory where the system has such a place: the messages are opened thousands of times.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A message of ours to one alone: nothing vouches for the entries of other recipients.
fn ours() -> Matrix {
    let world = World::new();
    let mut parts = composition();
    parts.attachments = vec![Attachment::from_octets("a.pdf", b"%PDF-1.7 result".to_vec()).unwrap()];
    let draft = Draft::new(parts).unwrap();
    let dir = folder();
    let recipients = world.recipients(&draft);
    let mut sealed = seal(&draft, &recipients, &world.laboratory, None, noon(), dir.path()).unwrap();
    Matrix::new(octets(&mut sealed[0]), &world.durand, world.anchors(), Vec::new(), noon())
}

/// A message that openssl made, of those that fuzzing begins with.
fn foreign(message: &[u8]) -> Matrix {
    let key = |certificate: &[u8], key: &[u8]| Identity::from_pem(certificate, key).unwrap();
    let durand = key(include_bytes!("../../fuzz/keys/durand.pem"), include_bytes!("../../fuzz/keys/durand.key"));
    let lefevre = key(include_bytes!("../../fuzz/keys/lefevre.pem"), include_bytes!("../../fuzz/keys/lefevre.key"));
    let anchors = TrustAnchors::from_pem(include_bytes!("../../fuzz/keys/root.pem")).unwrap();
    let at = "2027-06-01T12:00:00Z".parse().unwrap();
    let dir = folder();
    let opens = |key: &Identity| {
        open(&mut Cursor::new(message), std::slice::from_ref(key), Accept::default(), dir.path()).is_ok()
    };
    let key = if opens(&durand) { durand } else { lefevre };
    // The certificates name a list.
    let list = RevocationList::from_bytes(include_bytes!("../../fuzz/seeds/revocation/empty.der")).unwrap();
    Matrix::new(message.to_vec(), &key, anchors, vec![list], at)
}

#[test]
fn a_sealed_message_is_believed_whole_and_unchanged_or_not_at_all() {
    let rsa = foreign(include_bytes!("../../fuzz/seeds/message/sealed-rsa.eml"));
    let protected = foreign(include_bytes!("../../fuzz/seeds/message/protected.eml"));
    let opaque = foreign(include_bytes!("../../fuzz/seeds/message/opaque.eml"));
    for matrix in [ours(), rsa, protected, opaque] {
        let (flipped, cut) = matrix.believed();
        assert!(flipped.iter().all(|place| *place < matrix.body()), "{flipped:?}");
        assert!(flipped.len() > 20, "nothing vouches for the outer header");
        matrix.assert_only_space_was_cut(&cut);
    }
}

#[test]
fn a_signed_message_is_believed_with_its_own_content_or_not_at_all() {
    // What stands beside a signature is not all signed: the names of its parts, the certificates of the path.
    for message in [
        include_bytes!("../../fuzz/seeds/message/detached.eml").as_slice(),
        include_bytes!("../../fuzz/seeds/message/triple.eml"),
    ] {
        let matrix = foreign(message);
        let (_, cut) = matrix.believed();
        matrix.assert_only_space_was_cut(&cut);
    }
}

#[test]
fn encryption_that_protects_nothing_leaves_it_to_the_signature_inside_and_says_so() {
    let matrix = foreign(include_bytes!("../../fuzz/seeds/message/sealed-cbc.eml"));
    assert_eq!(matrix.concerns, ["cbc-unauthenticated"]);
    let (_, cut) = matrix.believed();
    matrix.assert_only_space_was_cut(&cut);
}
