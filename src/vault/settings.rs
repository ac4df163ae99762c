//! The settings as values: what the verbs read. What each key means is said once, in the catalogue.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::connecting::{Proxy, Trust};
use super::sending::{Outbox, Timeouts};
use super::signin::SignIn;
use super::written::{as_text, base64_32, optional_secret, secret_text};
use crate::mail::Address;
use crate::net::{self, Endpoint};
use crate::pace::Span;
use crate::secret::{SealingKey, Secret};

/// The whole configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Version of this format.
    #[serde(default = "version_1")]
    pub version: u32,
    /// The profile taken where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_profile: Option<String>,
    /// Profiles by name.
    #[serde(default, rename = "profile")]
    pub profiles: BTreeMap<String, Profile>,
}

impl Config {
    /// A configuration of one profile.
    pub fn of(name: &str, profile: Profile) -> Config {
        Config {
            version: version_1(),
            default_profile: Some(name.to_owned()),
            profiles: BTreeMap::from([(name.to_owned(), profile)]),
        }
    }

    /// The profile of that name; without a name the default one, or the only one.
    pub fn profile(&self, name: Option<&str>) -> Option<(&str, &Profile)> {
        let found = match name.or(self.default_profile.as_deref()) {
            Some(name) => self.profiles.get_key_value(name),
            None if self.profiles.len() == 1 => self.profiles.first_key_value(),
            None => None,
        };
        found.map(|(name, profile)| (name.as_str(), profile))
    }
}

/// Everything about one mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    #[serde(with = "as_text")]
    pub address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub author: String,
    pub submission: Submission,
    pub mailbox: Mailbox,
    pub directory: Directory,
    #[serde(rename = "list")]
    pub list: WhiteListSource,
    pub trust: Trust,
    #[serde(default, skip_serializing_if = "Proxy::is_unset")]
    pub proxy: Proxy,
    pub signin: SignIn,
    /// Absent for a mailbox that has no certificate: it can neither sign nor open sealed messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,
    pub storage: Storage,
    /// What is written for somebody of whose program nothing is known.
    #[serde(default)]
    pub unknown_reader: UnknownReader,
    /// The address book: what the programs of some correspondents open.
    #[serde(default, rename = "reader", skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<ReaderEntry>,
    #[serde(default)]
    pub outbox: Outbox,
    #[serde(default)]
    pub timeouts: Timeouts,
    #[serde(default)]
    pub fetch: Fetch,
    #[serde(default)]
    pub retention: Retention,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the first octet (RFC 8314).
    #[default]
    Implicit,
    /// STARTTLS (RFC 3207), never optional.
    Starttls,
}

impl Security {
    fn endpoint(self, host: &str, port: u16) -> Endpoint {
        let security = match self {
            Security::Implicit => net::Security::Implicit,
            Security::Starttls => net::Security::StartTls,
        };
        Endpoint { host: host.to_owned(), port, security }
    }
}

/// The submission server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Submission {
    pub host: String,
    #[serde(default = "port_465")]
    pub port: u16,
    #[serde(default)]
    pub security: Security,
}

impl Submission {
    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        self.security.endpoint(&self.host, self.port)
    }
}

/// The mailbox server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mailbox {
    pub host: String,
    #[serde(default = "port_993")]
    pub port: u16,
    #[serde(default)]
    pub security: Security,
    #[serde(default = "inbox")]
    pub folder: String,
    /// Whether what goes over the connection is packed (RFC 4978).
    #[serde(default)]
    pub compress: bool,
    /// How long one IDLE lasts.
    #[serde(default = "minutes_25", with = "as_text")]
    pub idle: Span,
    /// How often a server is asked that cannot tell by itself.
    #[serde(default = "minute_1", with = "as_text")]
    pub poll: Span,
}

impl Mailbox {
    /// A server with everything else as it is where nothing is said.
    pub fn at(host: String, port: u16, security: Security) -> Mailbox {
        Mailbox { host, port, security, folder: inbox(), compress: false, idle: minutes_25(), poll: minute_1() }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        self.security.endpoint(&self.host, self.port)
    }
}

/// The directory of the space.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Directory {
    pub url: String,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_extension: Option<String>,
}

/// The signed white list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WhiteListSource {
    pub url: String,
    pub signer: String,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyPair {
    /// PEM, leaf first.
    pub certificate: String,
    /// PEM, PKCS#8.
    #[serde(with = "secret_text")]
    pub key: Secret<String>,
}

/// The keys of the mailbox: one to sign and read with, older ones to read with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Keys {
    /// PEM, leaf first; absent only where the token has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// PEM, PKCS#8; absent where a token has the key.
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret<String>>,
    /// PKCS#11 URI (RFC 7512).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(default, with = "optional_secret", skip_serializing_if = "Option::is_none")]
    pub pin: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_command: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<KeyPair>,
}

impl Keys {
    /// A certificate chain and its key, both PEM.
    pub fn of_pem(certificate: String, key: Secret<String>) -> Keys {
        Keys {
            certificate: Some(certificate),
            key: Some(key),
            token: None,
            pin: None,
            pin_command: None,
            previous: Vec::new(),
        }
    }
}

/// The keys of what is kept on this machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Storage {
    #[serde(with = "base64_32")]
    pub key: Secret<[u8; 32]>,
    #[serde(with = "base64_32")]
    pub trace_signing_key: Secret<[u8; 32]>,
}

impl Storage {
    /// The key below which outbox, inbox and trace have theirs.
    pub fn sealing_key(&self) -> SealingKey {
        SealingKey::new(self.key.clone())
    }
}

/// What becomes of a message on the server once it is stored here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Keep,
    /// It is marked as seen.
    #[default]
    Seen,
    /// It goes to another folder.
    Move(String),
    /// It is expunged.
    Delete,
}

/// A text that names none of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is keep, seen, move:FOLDER or delete")]
pub struct AfterError;

impl FromStr for After {
    type Err = AfterError;

    fn from_str(text: &str) -> Result<After, AfterError> {
        match text {
            "keep" => Ok(After::Keep),
            "seen" => Ok(After::Seen),
            "delete" => Ok(After::Delete),
            _ => match text.strip_prefix("move:") {
                Some(folder) if !folder.is_empty() && !folder.contains(char::is_control) => {
                    Ok(After::Move(folder.to_owned()))
                }
                _ => Err(AfterError),
            },
        }
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            After::Keep => f.write_str("keep"),
            After::Seen => f.write_str("seen"),
            After::Move(folder) => write!(f, "move:{folder}"),
            After::Delete => f.write_str("delete"),
        }
    }
}

/// What becomes of a message whose signer no register knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownSender {
    /// It goes to quarantine.
    #[default]
    Quarantine,
    /// It is stored as others are.
    Accept,
}

/// What is written for somebody of whose program nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownReader {
    /// AES-256-GCM.
    #[default]
    Gcm,
    /// AES-256-CBC.
    Cbc,
    /// Nothing: the message stops.
    Refuse,
}

/// What a program opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opens {
    /// AES-256-GCM.
    Gcm,
    /// AES-256-CBC, its key by RSAES-OAEP.
    CbcOaep,
    /// AES-256-CBC.
    Cbc,
}

/// One line of the address book.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReaderEntry {
    /// An address, or `@` and a domain.
    pub address: String,
    pub opens: Opens,
}

/// Fetching.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Fetch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(with = "as_text")]
    pub after: After,
    pub accept_unsigned: bool,
    #[serde(rename = "accept-3des")]
    pub accept_3des: bool,
    pub unknown_sender: UnknownSender,
    /// Connections side by side.
    pub jobs: u8,
}

impl Default for Fetch {
    fn default() -> Fetch {
        Fetch {
            to: None,
            after: After::default(),
            accept_unsigned: false,
            accept_3des: false,
            unknown_sender: UnknownSender::default(),
            jobs: 1,
        }
    }
}

/// How long things are kept, and when the mailbox itself is in danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Retention {
    pub warn_months: u32,
    pub urgent_months: u32,
    pub erase_months: u32,
    pub keep_days: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { warn_months: 9, urgent_months: 11, erase_months: 12, keep_days: 90 }
    }
}

fn version_1() -> u32 {
    1
}

fn port_465() -> u16 {
    465
}

fn port_993() -> u16 {
    993
}

fn minutes_25() -> Span {
    Span::of_seconds(25 * 60)
}

fn minute_1() -> Span {
    Span::of_seconds(60)
}

fn inbox() -> String {
    "INBOX".to_owned()
}
