//! The stories: one file per verb.

mod account;
mod addressee;
pub mod alert;
pub mod audit;
pub mod batch;
mod connections;
mod credentials;
pub mod discover;
mod error;
mod evidence;
pub mod extract;
pub mod fetch;
mod gate;
pub mod init;
mod keys;
pub mod lookup;
mod message;
pub mod notices;
pub mod outbox;
mod packaged;
pub mod purge_check;
mod received;
pub mod resolve;
pub mod send;
pub mod signin;
pub mod sources;
mod submission;
mod traced;
pub mod wait;
mod white_list;
mod world;

use std::path::PathBuf;

pub use account::Account;
pub use error::Error;
pub use keys::identity_of;
pub use world::World;

/// Where things are kept on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `$XDG_CONFIG_HOME/mss`: the vault.
    pub config: PathBuf,
    /// `$XDG_STATE_HOME/mss`: outbox, inbox and trace of each profile.
    pub state: PathBuf,
    /// `$XDG_CACHE_HOME/mss`: what can be fetched again.
    pub cache: PathBuf,
    /// Where the system may keep its list of authorities; the first that is there counts.
    pub system_roots: Vec<PathBuf>,
}

/// What a story tells on its way, beside its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A step was done.
    Step(String),
    /// A detail of a step: what a server answered.
    Detail(String),
    /// Something the user should act on, though the work goes on.
    Warning(String),
}
