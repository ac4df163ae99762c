//! The options that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The options every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// Work as this profile instead of the default one
    #[arg(long, short, global = true, value_name = "NAME", env = "MSS_PROFILE", hide_env_values = true)]
    pub profile: Option<String>,
    /// Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m
    #[arg(long, global = true, value_name = "FILE", env = "MSS_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Work against a whole operator started inside this process; its mail is kept between runs
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times
    #[arg(long, global = true, value_name = "STAGE=ACTION")]
    pub fault: Vec<String>,
    /// Answer in JSON: one object, or one line for each recipient, message or entry
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but the answer and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Tell each step on stderr; given twice, also what the servers answer
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask: what would have been asked is an error that names the option that answers it
    #[arg(long, global = true)]
    pub no_input: bool,
    /// When to colour; auto respects NO_COLOR and colours only what a terminal shows
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Sign in with the access token that this open file descriptor gives, where signin.method is token
    #[arg(long, global = true, value_name = "N")]
    pub token_fd: Option<i32>,
    #[command(flatten)]
    pub opening: Opening,
}

/// Ways to open the vault without a prompt. A secret itself is never an argument.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Opening the vault")]
pub struct Opening {
    /// Open the vault with the service key in this file (mode 0600)
    #[arg(long, global = true, value_name = "FILE", env = "MSS_SERVICE_KEY_FILE", hide_env_values = true)]
    pub service_key: Option<PathBuf>,
    /// Read the passphrase from the first line of this file (mode 0600)
    #[arg(long, global = true, value_name = "FILE", env = "MSS_PASSPHRASE_FILE", hide_env_values = true)]
    pub passphrase_file: Option<PathBuf>,
    /// Read the passphrase from this open file descriptor
    #[arg(long, global = true, value_name = "N")]
    pub passphrase_fd: Option<i32>,
    /// Run this command and take the first line it prints as the passphrase
    #[arg(long, global = true, value_name = "COMMAND", env = "MSS_PASSPHRASE_COMMAND", hide_env_values = true)]
    pub passphrase_command: Option<String>,
    /// Open the vault with this certificate (PEM), for example the site's recovery certificate
    #[arg(long, global = true, value_name = "FILE", requires = "unlock_key")]
    pub unlock_certificate: Option<PathBuf>,
    /// The key of that certificate (PEM, mode 0600)
    #[arg(long, global = true, value_name = "FILE", requires = "unlock_certificate")]
    pub unlock_key: Option<PathBuf>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}
