//! What the process was given beside its words: variables, folders, the clock.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::clock::Clock;
use crate::commands::Places;

/// The list of authorities on Debian and Alpine, on Fedora, on openSUSE, and on systems with LibreSSL.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The variables of the process, read once at the front door.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The variables this process was started with.
    pub fn of_process() -> Environment {
        Environment(std::env::vars_os().collect())
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that is set, not empty, and text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }

    /// The variables that stand for a setting: `MSS_SUBMISSION_HOST` for `submission.host`.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.to_str()?.strip_prefix("MSS_")?, value.to_str()?)))
    }

    /// The folders of the XDG base directory specification. A relative path in a variable is ignored, as it says.
    pub fn places(&self) -> Option<Places> {
        let folder = |name: &str, below_home: &str| {
            let named = self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
            named.or_else(|| self.get("HOME").map(|home| PathBuf::from(home).join(below_home)))
        };
        Some(Places {
            config: folder("XDG_CONFIG_HOME", ".config")?.join("mss"),
            state: folder("XDG_STATE_HOME", ".local/state")?.join("mss"),
            cache: folder("XDG_CACHE_HOME", ".cache")?.join("mss"),
            system_roots: match self.get("SSL_CERT_FILE") {
                Some(named) => vec![PathBuf::from(named)],
                None => SYSTEM_ROOTS.map(PathBuf::from).to_vec(),
            },
        })
    }

    /// The moment the sandbox and its tests live in: `MSS_CLOCK`, RFC 3339. Never asked outside the sandbox.
    pub fn sandbox_clock(&self) -> Result<Clock, jiff::Error> {
        self.text("MSS_CLOCK").map_or(Ok(Clock::System), |text| text.parse().map(Clock::Fixed))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Environment {
        Environment(pairs.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_xdg_and_fall_back_below_home() {
        let places = Environment::from([("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "relative")]);
        let places = places.places().unwrap();
        assert_eq!(places.config, PathBuf::from("/h/.config/mss"));
        assert_eq!(places.state, PathBuf::from("/s/mss"));
        assert_eq!(places.cache, PathBuf::from("/h/.cache/mss"));
        assert!(Environment::default().places().is_none(), "without a home there is no place to keep anything");
    }

    #[test]
    fn settings_are_the_variables_with_our_prefix() {
        let environment = Environment::from([("MSS_SUBMISSION_HOST", "smtp.x"), ("PATH", "/bin")]);
        assert_eq!(environment.settings().collect::<Vec<_>>(), [("SUBMISSION_HOST", "smtp.x")]);
    }
}
