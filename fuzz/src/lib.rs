//! What the targets share: the keys that open every seed, the content of every seed, and a folder in memory.

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use mss::cms::DecryptionKey;
use mss::pki::{Certificate, Identity, RevocationList, TrustAnchors};
use mss::secret::Secret;

/// What is signed and sealed in every seed. Nothing else may ever come out of one that verifies.
pub const CONTENT: &[u8] = include_bytes!("../keys/content");
/// The text of it.
pub const TEXT: &str = "Bonjour";

/// Everything that `make-seeds.sh` made the seeds with.
pub struct World {
    pub anchors: TrustAnchors,
    pub root: Certificate,
    /// Dr Durand, who signs, and has a P-256 key.
    pub durand: Identity,
    /// Dr Lefèvre, whose key is an RSA key, and who is on the revocation list.
    pub lefevre: Identity,
    /// The list that the certificates name, with nobody on it.
    pub lists: Vec<RevocationList>,
    pub kek: Secret<[u8; 32]>,
    pub now: Timestamp,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let identity =
        |certificate: &[u8], key: &[u8]| Identity::from_pem(certificate, key).expect("a person of the seeds");
    let root = include_bytes!("../keys/root.pem");
    World {
        anchors: TrustAnchors::from_pem(root).expect("the authority of the seeds"),
        root: Certificate::from_pem(root).expect("the authority of the seeds").remove(0),
        durand: identity(include_bytes!("../keys/durand.pem"), include_bytes!("../keys/durand.key")),
        lefevre: identity(include_bytes!("../keys/lefevre.pem"), include_bytes!("../keys/lefevre.key")),
        lists: vec![RevocationList::from_bytes(include_bytes!("../seeds/revocation/empty.der")).expect("a list")],
        kek: Secret::new([7; 32]),
        now: "2027-06-01T12:00:00Z".parse().expect("a moment"),
    }
});

impl World {
    /// Every key that an envelope may be for.
    pub fn keys(&self) -> [DecryptionKey<'_>; 3] {
        [
            DecryptionKey::Identity(&self.durand),
            DecryptionKey::Identity(&self.lefevre),
            DecryptionKey::Kek { id: None, key: &self.kek },
        ]
    }

    /// Whether the key in a certificate is one whose private half the fuzzer does not have.
    pub fn knows_key(&self, certificate: &Certificate) -> bool {
        self.issued().any(|known| known.public_key() == certificate.public_key())
    }

    /// Whether a certificate says what one says that the authority issued.
    pub fn knows(&self, certificate: &Certificate) -> bool {
        let says = |it: &Certificate| {
            let names = (it.subject(), it.issuer(), it.serial_hex(), it.emails());
            (names, it.not_before(), it.not_after(), it.public_key().to_vec())
        };
        self.issued().any(|known| says(known) == says(certificate))
    }

    fn issued(&self) -> impl Iterator<Item = &Certificate> {
        [&self.root, self.durand.certificate(), self.lefevre.certificate()].into_iter()
    }
}

/// An empty private folder, in memory where the system has such a place.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder can be made")
}

/// How many files and folders stand in a folder.
pub fn leftovers(folder: &Path) -> usize {
    folder.read_dir().expect("the folder is there").count()
}
