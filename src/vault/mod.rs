//! The encrypted local configuration: documented settings in TOML, sealed as CMS AuthEnvelopedData (RFC 5083).

mod catalogue;
mod check;
mod connecting;
mod edit;
mod file;
mod kind;
mod passphrase;
mod render;
mod sending;
mod setting;
mod settings;
mod signin;
mod written;

pub use catalogue::{SECTIONS, SETTINGS};
pub use check::SettingsError;
pub use connecting::{Proxy, RevocationRule, Space, Trust};
pub use edit::Document;
pub use file::{Opener, ServiceKey, Vault, VaultError, Way};
pub use kind::Kind;
pub use render::{reference, sample, schema};
pub use sending::{Notify, Outbox, Timeouts};
pub use setting::{Need, Setting};
pub use settings::{
    After, Config, Directory, Fetch, KeyPair, Keys, Mailbox, Opens, Profile, ReaderEntry, Retention, Security, Storage,
    Submission, UnknownReader, UnknownSender, WhiteListSource,
};
pub use signin::{AuthorizationIdentity, ConsentFlow, Method, Placement, Sasl, SignIn};
