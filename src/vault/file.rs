//! The vault on disk: one CMS file with a recipient entry for each way to open it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::passphrase::Recipe;
use super::{Document, SettingsError};
use crate::cms::{self, CmsError, DecryptionKey, Recipient, RecipientId};
use crate::fs::{self, FsError};
use crate::hex::{self, Hex};
use crate::pki::{Certificate, Identity};
use crate::secret::Secret;

/// Octets a vault may have.
const LIMIT: u64 = 4 * 1024 * 1024;
/// No service key file is longer.
const KEY_FILE_LIMIT: u64 = 1024;
/// How the key identifier of a service key begins; four random octets follow, in hexadecimal.
const SERVICE_MARK: &str = "service-";

/// Why the vault was not opened or written.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is none yet.
    #[error("there is no vault at {0}")]
    Missing(PathBuf),
    /// Nothing is replaced by making a new one.
    #[error("there is a vault at {0} already")]
    Exists(PathBuf),
    /// The file cannot be read or written, or others may read it.
    #[error("the vault cannot be used")]
    Fs(#[source] FsError),
    /// The passphrase is another.
    #[error("the passphrase does not open the vault")]
    WrongPassphrase,
    /// The service key is another.
    #[error("this key does not open the vault")]
    WrongKey,
    /// It has no entry of the kind that was tried.
    #[error("the vault cannot be opened by {0}")]
    NoSuchWay(&'static str),
    /// Somebody else wrote it since it was opened: writing over that would undo what they did, a rekey included.
    #[error("the vault was changed by somebody else meanwhile")]
    ChangedMeanwhile,
    /// Not a vault, or changed since it was written.
    #[error("the vault is damaged: {0}")]
    Damaged(&'static str),
    /// It opened, and what is in it is no configuration.
    #[error("the configuration in the vault cannot be read")]
    Settings(#[from] SettingsError),
    /// A service key file holds 64 hexadecimal digits and nothing else.
    #[error("this is not a service key")]
    NotAServiceKey,
    /// The recovery certificate cannot be encrypted to.
    #[error("the vault cannot be sealed for this certificate")]
    Recovery(#[source] CmsError),
    /// The system gave no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}

impl From<FsError> for VaultError {
    fn from(error: FsError) -> VaultError {
        VaultError::Fs(error)
    }
}

/// A key that opens the vault unattended: 32 octets, kept in a file of 64 hexadecimal digits.
#[derive(Clone, Debug)]
pub struct ServiceKey(Secret<[u8; 32]>);

impl ServiceKey {
    /// Makes one.
    pub fn generate() -> Result<ServiceKey, VaultError> {
        let mut key = Zeroizing::new([0u8; 32]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| VaultError::Randomness)?;
        Ok(ServiceKey(Secret::new(*key)))
    }

    /// Reads one from a private file.
    pub fn read(path: &Path) -> Result<ServiceKey, VaultError> {
        ServiceKey::of_text(&Zeroizing::new(fs::read_private(path, KEY_FILE_LIMIT)?))
    }

    /// Reads one that the service manager handed over.
    pub fn read_credential(path: &Path) -> Result<ServiceKey, VaultError> {
        ServiceKey::of_text(&Zeroizing::new(fs::read_credential(path, KEY_FILE_LIMIT)?))
    }

    fn of_text(octets: &[u8]) -> Result<ServiceKey, VaultError> {
        let text = std::str::from_utf8(octets).map_err(|_| VaultError::NotAServiceKey)?.trim();
        let mut key = Zeroizing::new([0u8; 32]);
        if hex::read(text, key.as_mut_slice()) {
            Ok(ServiceKey(Secret::new(*key)))
        } else {
            Err(VaultError::NotAServiceKey)
        }
    }

    /// Writes it to a private file; nothing is replaced.
    pub fn write_new(&self, path: &Path) -> Result<(), VaultError> {
        let mut text = Zeroizing::new(String::with_capacity(65));
        writeln!(text, "{}", Hex(self.0.expose())).expect("a text takes what is written to it");
        Ok(fs::write_private_new(path, text.as_bytes())?)
    }
}

/// What is tried to open a vault.
#[derive(Clone, Copy)]
pub enum Opener<'a> {
    Passphrase(&'a Secret<String>),
    ServiceKey(&'a ServiceKey),
    Identity(&'a Identity),
}

/// A way to open a vault from now on.
#[derive(Clone, Copy)]
pub enum Way<'a> {
    Passphrase(&'a Secret<String>),
    ServiceKey(&'a ServiceKey),
    /// Whoever holds the key of this certificate, for example a site that keeps one for recovery.
    Certificate(&'a Certificate),
}

/// The key that opened it, kept to write it again.
enum Held {
    Kek(Vec<u8>, Secret<[u8; 32]>),
    Identity(Box<Identity>),
}

/// An open vault.
pub struct Vault {
    path: PathBuf,
    sealed: Vec<u8>,
    held: Held,
    document: Document,
}

impl Vault {
    /// Whether a passphrase can open the vault at a path: asked before anyone is asked for one.
    pub fn takes_passphrase(path: &Path) -> Result<bool, VaultError> {
        Ok(ways(&read(path)?)?.iter().any(|id| matches!(id, RecipientId::Kek(id) if Recipe::is_one(id))))
    }

    /// Opens the vault at a path.
    pub fn open(path: &Path, opener: Opener<'_>) -> Result<Vault, VaultError> {
        let sealed = read(path)?;
        let ways = ways(&sealed)?;
        let keks = || ways.iter().filter_map(|id| if let RecipientId::Kek(id) = id { Some(id) } else { None });
        let (text, held) = match opener {
            Opener::Passphrase(passphrase) => {
                let id = keks().find(|id| Recipe::is_one(id)).ok_or(VaultError::NoSuchWay("a passphrase"))?;
                let key = Recipe::parse(id)?.key(passphrase)?;
                (unseal_kek(&sealed, id, &key, VaultError::WrongPassphrase)?, Held::Kek(id.clone(), key))
            }
            Opener::ServiceKey(ServiceKey(key)) => {
                let mut found = None;
                for id in keks().filter(|id| id.starts_with(SERVICE_MARK.as_bytes())) {
                    match unseal_kek(&sealed, id, key, VaultError::WrongKey) {
                        Err(VaultError::WrongKey) => {}
                        opened => {
                            found = Some((opened?, Held::Kek(id.clone(), key.clone())));
                            break;
                        }
                    }
                }
                found.ok_or(VaultError::WrongKey)?
            }
            Opener::Identity(identity) => {
                if !ways.iter().any(|way| way.is(identity.certificate())) {
                    return Err(VaultError::NoSuchWay("this certificate"));
                }
                let text = unseal(&sealed, DecryptionKey::Identity(identity), VaultError::WrongKey)?;
                (text, Held::Identity(Box::new(identity.clone())))
            }
        };
        Ok(Vault { path: path.to_owned(), sealed, held, document: Document::parse(text)? })
    }

    /// Makes a vault where there is none.
    pub fn create(path: &Path, document: Document, ways: &[Way<'_>]) -> Result<(), VaultError> {
        if let Some(dir) = path.parent() {
            fs::private_dir(dir)?;
        }
        let sealed = seal(&document, ways)?;
        fs::write_private_new(path, &sealed).map_err(|error| match error {
            FsError::Exists { path } => VaultError::Exists(path),
            other => VaultError::Fs(other),
        })
    }

    /// The settings.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Writes other settings; every way to open the vault stays.
    pub fn save(&mut self, document: Document) -> Result<(), VaultError> {
        let key = match &self.held {
            Held::Kek(id, key) => DecryptionKey::Kek { id: Some(id), key },
            Held::Identity(identity) => DecryptionKey::Identity(identity),
        };
        self.still_the_same()?;
        let text = document.text();
        let sealed = cms::reseal(&self.sealed, key, text.expose().as_bytes())
            .map_err(|_| VaultError::Damaged("it cannot be written again"))?;
        fs::write_private(&self.path, &sealed)?;
        self.sealed = sealed;
        self.document = document;
        Ok(())
    }

    /// Seals it anew: these ways open it from now on, and no others.
    pub fn rekey(self, ways: &[Way<'_>]) -> Result<(), VaultError> {
        self.still_the_same()?;
        Ok(fs::write_private(&self.path, &seal(&self.document, ways)?)?)
    }

    fn still_the_same(&self) -> Result<(), VaultError> {
        if read(&self.path)? == self.sealed { Ok(()) } else { Err(VaultError::ChangedMeanwhile) }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VaultError> {
    if !fs::exists(path) {
        return Err(VaultError::Missing(path.to_owned()));
    }
    Ok(fs::read_private(path, LIMIT)?)
}

fn ways(sealed: &[u8]) -> Result<Vec<RecipientId>, VaultError> {
    cms::recipients_of(&mut &*sealed).map_err(|_| VaultError::Damaged("it is not a sealed configuration"))
}

fn unseal_kek(
    sealed: &[u8],
    id: &[u8],
    key: &Secret<[u8; 32]>,
    wrong: VaultError,
) -> Result<Secret<String>, VaultError> {
    unseal(sealed, DecryptionKey::Kek { id: Some(id), key }, wrong)
}

fn unseal(sealed: &[u8], key: DecryptionKey<'_>, wrong: VaultError) -> Result<Secret<String>, VaultError> {
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let envelope =
        cms::open_envelope(&mut &*sealed, &[key], cms::Accept::default(), &mut *text).map_err(|error| match error {
            CmsError::WrongKey | CmsError::NotForUs => wrong,
            CmsError::Tampered => VaultError::Damaged("it was changed since it was written"),
            _ => VaultError::Damaged("it cannot be read as CMS"),
        })?;
    if !envelope.authenticated {
        // The wrapped key of a true vault fits AES-CBC as well, whose content anybody can change.
        return Err(VaultError::Damaged("nothing in it protects it against change"));
    }
    let text = std::str::from_utf8(&text).map_err(|_| VaultError::Damaged("its content is not text"))?;
    Ok(Secret::new(text.to_owned()))
}

fn seal(document: &Document, ways: &[Way<'_>]) -> Result<Vec<u8>, VaultError> {
    let mut keys: Vec<(Vec<u8>, Secret<[u8; 32]>)> = Vec::new();
    for way in ways {
        match way {
            Way::Passphrase(passphrase) => {
                let recipe = Recipe::new()?;
                keys.push((recipe.identifier(), recipe.key(passphrase)?));
            }
            Way::ServiceKey(ServiceKey(key)) => {
                let mut name = [0u8; 4];
                aws_lc_rs::rand::fill(&mut name).map_err(|_| VaultError::Randomness)?;
                let id = format!("{SERVICE_MARK}{:08x}", u32::from_be_bytes(name));
                keys.push((id.into_bytes(), key.clone()));
            }
            Way::Certificate(_) => {}
        }
    }
    let certificates = ways.iter().filter_map(|way| match way {
        Way::Certificate(certificate) => Some(Recipient::Certificate(certificate)),
        _ => None,
    });
    let recipients: Vec<Recipient<'_>> =
        keys.iter().map(|(id, key)| Recipient::Kek { id, key }).chain(certificates).collect();
    let mut sealed = Vec::new();
    cms::write_definite(&mut sealed, document.text().expose().as_bytes(), &recipients).map_err(VaultError::Recovery)?;
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::pki::specimen::{Authority, Leaf};
    use crate::vault::sample;

    fn document() -> Document {
        Document::parse(Secret::new(sample())).unwrap()
    }

    fn passphrase(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn every_way_opens_the_vault_and_keeps_opening_it_after_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mss/config.p7m");
        let (right, service) = (passphrase("four words in a row"), ServiceKey::generate().unwrap());
        let identity = Authority::root("TEST AC").identity(Leaf::new("recovery@site.sandbox"));
        let ways = [Way::Passphrase(&right), Way::ServiceKey(&service), Way::Certificate(identity.certificate())];
        Vault::create(&path, document(), &ways).unwrap();
        assert!(Vault::takes_passphrase(&path).unwrap());
        let openers = [Opener::Passphrase(&right), Opener::ServiceKey(&service), Opener::Identity(&identity)];
        for (number, opener) in openers.into_iter().enumerate() {
            let mut vault = Vault::open(&path, opener).unwrap();
            let key = format!("profile.{}.submission.port", vault.document().config().profiles.keys().next().unwrap());
            let port = passphrase(&(2500 + number).to_string());
            let changed = vault.document().set(&key, &port).unwrap();
            vault.save(changed).unwrap();
            for opener in openers {
                let again = Vault::open(&path, opener).unwrap();
                assert_eq!(again.document().get(&key).unwrap().unwrap().expose(), port.expose());
            }
        }
    }

    #[test]
    fn a_wrong_secret_a_wide_mode_and_a_changed_octet_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.p7m");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let service = ServiceKey::generate().unwrap();
        let open = |key: &ServiceKey| Vault::open(&path, Opener::ServiceKey(key)).err();
        assert!(matches!(open(&service), Some(VaultError::Missing(_))));
        Vault::create(&path, document(), &[Way::ServiceKey(&service)]).unwrap();
        assert!(matches!(open(&ServiceKey::generate().unwrap()), Some(VaultError::WrongKey)));
        let other = passphrase("x");
        let asked = Vault::open(&path, Opener::Passphrase(&other)).err();
        assert!(matches!(asked, Some(VaultError::NoSuchWay(_))));
        assert!(matches!(Vault::create(&path, document(), &[Way::ServiceKey(&service)]), Err(VaultError::Exists(_))));

        let whole = fs::read_private(&path, LIMIT).unwrap();
        let mut changed = whole.clone();
        let middle = whole.len() / 2;
        changed[middle] ^= 1;
        fs::write_private(&path, &changed).unwrap();
        assert!(matches!(open(&service), Some(VaultError::Damaged(_))));
        fs::write_private(&path, &whole[..whole.len() - 3]).unwrap();
        assert!(matches!(open(&service), Some(VaultError::Damaged(_))));
        fs::write_private(&path, &whole).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(&service), Some(VaultError::Fs(FsError::TooOpen { mode: 0o644, .. }))));
    }

    #[test]
    fn after_a_rekey_only_the_new_ways_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mss/config.p7m");
        let (old, new) = (ServiceKey::generate().unwrap(), ServiceKey::generate().unwrap());
        Vault::create(&path, document(), &[Way::ServiceKey(&old)]).unwrap();
        Vault::open(&path, Opener::ServiceKey(&old)).unwrap().rekey(&[Way::ServiceKey(&new)]).unwrap();
        assert!(Vault::open(&path, Opener::ServiceKey(&new)).is_ok());
        assert!(matches!(Vault::open(&path, Opener::ServiceKey(&old)), Err(VaultError::WrongKey)));
    }

    #[test]
    fn what_was_written_meanwhile_is_not_undone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mss/config.p7m");
        let (old, new) = (ServiceKey::generate().unwrap(), ServiceKey::generate().unwrap());
        Vault::create(&path, document(), &[Way::ServiceKey(&old)]).unwrap();
        let mut slow = Vault::open(&path, Opener::ServiceKey(&old)).unwrap();
        Vault::open(&path, Opener::ServiceKey(&old)).unwrap().rekey(&[Way::ServiceKey(&new)]).unwrap();
        assert!(matches!(slow.save(document()), Err(VaultError::ChangedMeanwhile)));
        assert!(matches!(slow.rekey(&[Way::ServiceKey(&old)]), Err(VaultError::ChangedMeanwhile)));
        assert!(matches!(Vault::open(&path, Opener::ServiceKey(&old)), Err(VaultError::WrongKey)));
    }

    #[test]
    fn a_vault_that_can_be_changed_unseen_is_refused() {
        // printf 'version = 1\n' | openssl cms -encrypt -binary -aes-256-cbc -secretkey 11...11 -outform DER
        //     -secretkeyid 736572766963652d3030303030303031 | base64 -w0
        const CBC: &str = "MIGkBgkqhkiG9w0BBwOggZYwgZMCAQIxUKJOAgEEMBIEEHNlcnZpY2UtMDAwMDAwMDEwCwYJYIZIAWUDBAEtBCh7KQIbeHOadN\
            dKSB3j0V/B4CwQ+yN1dPrC2uJ52Us9/nnZFHJ8RHXvMDwGCSqGSIb3DQEHATAdBglghkgBZQMEASoEEMNtFjJLQxoi2g2PcwF+tg2AEFAOIBj\
            Y9ofKlgEkS1V+exo=";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.p7m");
        fs::write_private(&path, &BASE64_STANDARD.decode(CBC).unwrap()).unwrap();
        let opened = Vault::open(&path, Opener::ServiceKey(&ServiceKey(Secret::new([0x11; 32]))));
        assert!(matches!(opened.err(), Some(VaultError::Damaged("nothing in it protects it against change"))));
    }

    #[test]
    fn a_service_key_is_read_back_from_its_private_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("service.key");
        let key = ServiceKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(ServiceKey::read(&path).unwrap().0.expose(), key.0.expose());
        fs::write_private(&path, b"0123").unwrap();
        assert!(matches!(ServiceKey::read(&path), Err(VaultError::NotAServiceKey)));
    }
}
