//! The words of `mss init` about reaching servers: what is asked about revocation, and the proxy that leads out.

use std::path::PathBuf;

use clap::ValueEnum;

use super::diagnosis::Diagnosis;
use super::unlock;
use crate::pki::TrustAnchors;
use crate::vault::{Proxy, RevocationRule, Space, Trust};

/// How the servers are reached and believed.
#[derive(Debug, clap::Args)]
pub struct ReachingWords {
    /// What becomes of a server when nobody tells whether its certificate was revoked [default: require with anchors of
    /// IGC-Santé, else if-reachable]
    #[arg(long, value_name = "RULE")]
    pub revocation: Option<Rule>,
    /// Believe the authorities of the system too: for web servers alone with anchors of IGC-Santé, else for every server
    #[arg(long)]
    pub system_roots: bool,
    /// The proxy that leads to every server: http://HOST:PORT or socks5://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// The name to sign in to the proxy with
    #[arg(long, value_name = "NAME", requires = "proxy")]
    pub proxy_user: Option<String>,
    /// Read the password for the proxy from the first line of this file (mode 0600)
    #[arg(long, value_name = "FILE", requires = "proxy_user")]
    pub proxy_password_file: Option<PathBuf>,
    /// A host, or .DOMAIN, that is reached without the proxy; may be given several times
    #[arg(long, value_name = "HOST", requires = "proxy")]
    pub no_proxy: Vec<String>,
}

/// What becomes of a server of which nobody tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rule {
    /// It is refused
    Require,
    /// It is used; one that was revoked is refused
    IfReachable,
    /// Nobody is asked
    Off,
}

impl ReachingWords {
    /// What the profile trusts. A profile of the trusted space says so itself: an authority for tests that somebody adds later
    /// is then refused.
    pub(super) fn trust(&self, anchors: String, crl: Vec<String>) -> Trust {
        let read = TrustAnchors::from_pem(anchors.as_bytes()).unwrap_or_default();
        let space = Some(Space::of(&read)).filter(|space| *space == Space::Production);
        let said = self.revocation.map(|rule| match rule {
            Rule::Require => RevocationRule::Require,
            Rule::IfReachable => RevocationRule::IfReachable,
            Rule::Off => RevocationRule::Off,
        });
        let revocation = said.or(space.map(Space::usual_revocation));
        Trust { space, revocation, system_roots: self.system_roots, ..Trust::of(anchors, crl) }
    }

    /// The proxy.
    pub(super) fn proxy(&self) -> Result<Proxy, Diagnosis> {
        Ok(Proxy {
            url: self.proxy.clone(),
            user: self.proxy_user.clone(),
            password: self.proxy_password_file.as_deref().map(unlock::read_file).transpose()?,
            password_command: None,
            except: self.no_proxy.clone(),
        })
    }
}
