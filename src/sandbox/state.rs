//! What the sandbox keeps between runs: one private file with its keys, certificates and passwords, and PEM copies of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde::{Deserialize, Serialize};

use super::authority::{AUTHORITY_YEARS, Authority, DAY};
use super::credentials::{base32, hex, password, random};
use super::laid_out::LaidOut;
use super::leafs::{branch, list_signer, person_leaf};
use super::people::{Entry, Keys, PEOPLE};
use super::{Ports, SandboxError};
use crate::clock::Clock;
use crate::fs;
use crate::secret::Secret;

/// The version of the file; another one is refused.
const VERSION: u32 = 1;
/// More than the file ever holds.
const LIMIT: u64 = 1 << 20;
const FILE: &str = "operator.json";
const LOCK: &str = "operator.lock";
const PORTS: &str = "ports.json";
const TRUST: &str = "trust.pem";
const PEOPLE_FOLDER: &str = "people";

/// A private key (PKCS#8 PEM) and its certificate (PEM).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    #[serde(with = "custody")]
    pub key: Secret<String>,
    pub certificate: String,
}

/// A leaf and when it is in force, in seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeafRecord {
    pub pair: Pair,
    pub not_before: i64,
    pub not_after: i64,
}

/// What is secret about one mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonRecord {
    #[serde(with = "custody")]
    pub password: Secret<String>,
    #[serde(with = "custody")]
    pub totp_seed: Secret<String>,
    /// 32 octets, base64.
    #[serde(with = "custody")]
    pub storage_seed: Secret<String>,
    pub leaf: Option<LeafRecord>,
}

/// The file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Records {
    version: u32,
    #[serde(with = "custody")]
    pub api_key: Secret<String>,
    root: Pair,
    organisations: Pair,
    persons: Pair,
    pub list_signer: LeafRecord,
    pub people: BTreeMap<String, PersonRecord>,
    /// What lies beside the file.
    #[serde(skip)]
    pub laid_out: LaidOut,
}

/// The state of one sandbox, read or made.
pub(super) struct State {
    dir: PathBuf,
    pub records: Records,
    pub authority: Arc<Authority>,
}

impl State {
    /// Reads the state; makes it where there is none, and renews certificates that are not in force at the clock given.
    /// Several processes may do this at once: one makes it, the others find it.
    pub fn open(dir: &Path, clock: Clock) -> Result<State, SandboxError> {
        let now = clock.now();
        let (first, last) = AUTHORITY_YEARS;
        let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
        if year <= first + 5 || year >= last - 3 {
            return Err(SandboxError::Clock { year, first: first + 6, last: last - 4 });
        }
        fs::private_dir(dir)?;
        if let Some(state) = State::read(dir, clock)?
            && state.is_in_force(now)
            && state.is_exported()
        {
            return Ok(state);
        }
        let _lock = fs::Lock::acquire(&dir.join(LOCK))?;
        let mut state = match State::read(dir, clock)? {
            Some(state) => state,
            None => State::create(dir, clock)?,
        };
        state.renew(now)?;
        state.export()?;
        state.write()?;
        Ok(state)
    }

    fn read(dir: &Path, clock: Clock) -> Result<Option<State>, SandboxError> {
        let path = dir.join(FILE);
        if !fs::exists(&path) {
            return Ok(None);
        }
        let bytes = fs::read_private(&path, LIMIT)?;
        let damaged = |_| SandboxError::Damaged { path: path.clone() };
        let records: Records = serde_json::from_slice(&bytes).map_err(damaged)?;
        if records.version != VERSION || PEOPLE.iter().any(|entry| !records.people.contains_key(entry.profile())) {
            return Err(SandboxError::OtherVersion { path });
        }
        Ok(Some(State::of(dir, clock, records)))
    }

    fn of(dir: &Path, clock: Clock, records: Records) -> State {
        let authority =
            Authority::new(clock, records.root.clone(), records.organisations.clone(), records.persons.clone());
        let records = Records { laid_out: LaidOut::below(dir), ..records };
        State { dir: dir.to_owned(), records, authority: Arc::new(authority) }
    }

    fn create(dir: &Path, clock: Clock) -> Result<State, SandboxError> {
        let [root, organisations, persons] = Authority::create()?;
        let authority = Authority::new(clock, root.clone(), organisations.clone(), persons.clone());
        let now = clock.now();
        let signer_key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let list_signer = list_signer(&authority, &signer_key, now)?;
        let mut people = BTreeMap::new();
        for entry in &PEOPLE {
            let leaf = match entry.keys {
                Keys::None => None,
                Keys::P256 | Keys::ExpiredP256 => Some(person_leaf(&authority, entry, &KeyPair::generate()?, now)?),
                Keys::Rsa3072 => {
                    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072)?;
                    Some(person_leaf(&authority, entry, &key, now)?)
                }
            };
            let record = PersonRecord {
                password: password(),
                totp_seed: base32(&random::<20>()),
                storage_seed: BASE64_STANDARD.encode(random::<32>()).into(),
                leaf,
            };
            people.insert(entry.profile().to_owned(), record);
        }
        let api_key = hex(&random::<16>());
        let laid_out = LaidOut::below(dir);
        let records =
            Records { version: VERSION, api_key, root, organisations, persons, list_signer, people, laid_out };
        Ok(State { dir: dir.to_owned(), records, authority: Arc::new(authority) })
    }

    fn is_in_force(&self, now: Timestamp) -> bool {
        let people = PEOPLE.iter().all(|entry| match &self.records.people[entry.profile()].leaf {
            Some(leaf) => leaf.suits(entry.keys, now),
            None => true,
        });
        people && self.records.list_signer.suits(Keys::Rsa3072, now)
    }

    /// Issues anew, for the same keys, the leafs that are not in force.
    fn renew(&mut self, now: Timestamp) -> Result<(), SandboxError> {
        if !self.records.list_signer.suits(Keys::Rsa3072, now) {
            let key = KeyPair::from_pem(self.records.list_signer.pair.key.expose())?;
            self.records.list_signer = list_signer(&self.authority, &key, now)?;
        }
        for entry in &PEOPLE {
            let Some(record) = self.records.people.get_mut(entry.profile()) else { continue };
            if let Some(leaf) = &record.leaf
                && !leaf.suits(entry.keys, now)
            {
                let key = KeyPair::from_pem(leaf.pair.key.expose())?;
                record.leaf = Some(person_leaf(&self.authority, entry, &key, now)?);
            }
        }
        Ok(())
    }

    fn write(&self) -> Result<(), SandboxError> {
        let json = serde_json::to_vec_pretty(&self.records).map_err(SandboxError::authority)?;
        Ok(fs::write_private(&self.dir.join(FILE), Secret::new(json).expose())?)
    }

    /// The copies that other programs can read.
    fn export(&self) -> Result<(), SandboxError> {
        fs::private_dir(&self.dir.join(PEOPLE_FOLDER))?;
        fs::write_private(&self.trust_file(), self.authority.trust_pem().as_bytes())?;
        for entry in &PEOPLE {
            if let Some(leaf) = &self.records.people[entry.profile()].leaf {
                fs::write_private(&self.key_file(entry), leaf.pair.key.expose().as_bytes())?;
                fs::write_private(&self.certificate_file(entry), self.chain(entry, leaf).as_bytes())?;
            }
        }
        Ok(())
    }

    /// The ports of the first run: a profile that was made for the operator then, and what its users keep under its
    /// addresses, stay good. None where they are not known.
    pub fn ports(&self) -> Ports {
        let bytes = fs::read_private(&self.dir.join(PORTS), LIMIT).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Keeps the ports for the next runs, unless some are kept already: this may be a second operator beside the first.
    pub fn keep_ports(&self, ports: Ports) -> Result<(), SandboxError> {
        if self.ports() != Ports::default() {
            return Ok(());
        }
        let json = serde_json::to_vec_pretty(&ports).map_err(SandboxError::authority)?;
        Ok(fs::write_cached(&self.dir.join(PORTS), &json)?)
    }

    fn is_exported(&self) -> bool {
        let people = PEOPLE.iter().filter(|entry| entry.keys != Keys::None);
        let mut files = people.flat_map(|entry| [self.key_file(entry), self.certificate_file(entry)]);
        fs::exists(&self.trust_file()) && files.all(|path| fs::exists(&path))
    }

    /// The leaf of a person and the certificate that issued it, PEM.
    pub fn chain(&self, entry: &Entry, leaf: &LeafRecord) -> String {
        format!("{}{}", leaf.pair.certificate, self.authority.certificate(branch(entry)))
    }

    /// Where the trust anchors are.
    pub fn trust_file(&self) -> PathBuf {
        self.dir.join(TRUST)
    }

    /// Where the private key of a person is.
    pub fn key_file(&self, entry: &Entry) -> PathBuf {
        self.dir.join(PEOPLE_FOLDER).join(format!("{}.key.pem", entry.profile()))
    }

    /// Where the certificate of a person is.
    pub fn certificate_file(&self, entry: &Entry) -> PathBuf {
        self.dir.join(PEOPLE_FOLDER).join(format!("{}.pem", entry.profile()))
    }
}

impl LeafRecord {
    /// Whether the leaf is in force at a moment, or expired where it is to be expired.
    fn suits(&self, keys: Keys, now: Timestamp) -> bool {
        let now = now.as_second();
        match keys {
            Keys::ExpiredP256 => self.not_after < now,
            _ => self.not_before <= now && now < self.not_after - DAY.as_secs(),
        }
    }
}

/// How the file carries a secret.
mod custody {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::secret::Secret;

    pub fn serialize<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::specimen::{MADE, files, state};

    fn clock(at: &str) -> Clock {
        Clock::Fixed(at.parse().unwrap())
    }

    #[test]
    fn a_second_start_finds_every_byte_as_the_first_left_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        state(&path);
        let before = files(&path);
        assert_eq!(
            before.len(),
            3 + 2 * 7,
            "the file, its lock, the anchors, a key and a certificate for seven people"
        );
        for at in [MADE, "2027-06-05T08:00:00Z", "2026-01-05T08:00:00Z"] {
            State::open(&path, clock(at)).unwrap();
            assert_eq!(files(&path), before, "{at}: a year before it was made is covered too");
        }
    }

    #[test]
    fn two_starts_at_once_make_one_state() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let starts = [(); 2].map(|()| {
            let path = path.clone();
            std::thread::spawn(move || State::open(&path, clock("2026-01-05T08:00:00Z")).unwrap().authority.trust_pem())
        });
        let [one, two] = starts.map(|start| start.join().unwrap());
        assert_eq!(one, two);
    }

    #[test]
    fn certificates_not_in_force_at_the_clock_are_renewed_for_the_same_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        state(&path);
        let first = State::open(&path, clock(MADE)).unwrap();
        let later = State::open(&path, clock("2031-01-05T08:00:00Z")).unwrap();
        assert_eq!(first.authority.trust_pem(), later.authority.trust_pem(), "the anchors stay");
        for profile in ["laboratoire", "dr.lefevre"] {
            let [before, after] = [&first, &later].map(|state| state.records.people[profile].leaf.clone().unwrap());
            assert_eq!(before.pair.key.expose(), after.pair.key.expose());
            assert_ne!(before.pair.certificate, after.pair.certificate);
        }
        let petit = later.records.people["dr.petit"].leaf.clone().unwrap();
        assert_eq!(petit.pair.certificate, first.records.people["dr.petit"].leaf.clone().unwrap().pair.certificate);
    }

    #[test]
    fn a_clock_outside_the_life_of_the_authority_is_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        for year in [1970, 2018, 2049, 9000] {
            let refused = State::open(&path, clock(&format!("{year}-01-05T08:00:00Z")));
            assert!(matches!(refused, Err(SandboxError::Clock { .. })), "{year}");
        }
        assert!(!fs::exists(&path));
    }

    #[test]
    fn a_deleted_copy_comes_back_and_a_damaged_state_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        state(&path);
        let key = State::open(&path, clock(MADE)).unwrap().key_file(&PEOPLE[0]);
        std::fs::remove_file(&key).unwrap();
        State::open(&path, clock(MADE)).unwrap();
        assert!(fs::exists(&key));

        fs::write_private(&path.join(FILE), b"{").unwrap();
        let refused = State::open(&path, clock(MADE));
        assert!(matches!(refused, Err(SandboxError::Damaged { .. })));
    }
}
