//! The words of the command line: what may be said, and the help that goes with it.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use super::globals::Globals;
use super::{audit, config, demo, fetch, init, lookup, outbox, purge_check, sandbox, send, signin};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Secure health messaging: send, fetch, look up, purge and audit, from a terminal or a script
///
/// mss speaks to any compliant operator (SMTP submission, IMAP, FHIR directory), checks every recipient against the
/// directory and the signed list of admitted domains, encrypts to their certificates, and keeps a tamper-evident trace.
/// Try it without an account: mss demo
#[derive(Debug, Parser)]
#[command(name = "mss", version, styles = STYLES, max_term_width = 100, subcommand_required = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(subcommand_value_name = "COMMAND", subcommand_help_heading = "Commands")]
pub struct Words {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Init(Box<init::Args>),
    Send(send::Args),
    Fetch(fetch::Args),
    Lookup(lookup::Args),
    PurgeCheck(purge_check::Args),
    Audit(audit::Args),
    Outbox(outbox::Args),
    Signin(signin::Args),
    Config(config::Args),
    Sandbox(sandbox::Args),
    Demo(demo::Args),
}
