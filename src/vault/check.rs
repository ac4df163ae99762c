//! From text to settings: every key is in the catalogue, every value of its kind; what is not is named with its line.

use std::ops::Range;

use toml_edit::{Item, TableLike, Value};

use super::catalogue::{KEYS, OPTIONAL_SECTIONS, SECTIONS, SETTINGS};
use super::kind::Kind;
use super::setting::{Need, Setting};
use super::settings::Config;
use crate::nearest;

/// What is wrong with the text of a configuration. No value is repeated in it, since it may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is not TOML.
    #[error("line {line}: {what}")]
    Syntax { line: usize, what: String },
    /// No such setting; `meant` is the nearest one.
    #[error("{}there is no setting {key}", at(.line))]
    Unknown { line: Option<usize>, key: String, meant: Option<String> },
    /// A value that is not of its kind.
    #[error("{}{key} is {wanted}", at(.line))]
    Value { line: Option<usize>, key: String, wanted: String },
    /// A setting that has to be there.
    #[error("{key} is missing")]
    Missing { key: String },
    /// A profile name that could not be a folder.
    #[error("{}a profile name has 1 to 64 letters, digits, dots, hyphens or underscores", at(.line))]
    ProfileName { line: Option<usize> },
    /// `default-profile` names none.
    #[error("default-profile names {name}, and there is no such profile")]
    NoSuchProfile { name: String },
    /// It is larger than any configuration.
    #[error("the configuration is larger than {limit} octets")]
    TooLarge { limit: usize },
}

/// No configuration is longer.
pub(super) const LIMIT: usize = 1 << 20;

fn at(line: &Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

/// Whether a name can be a profile: it is also the name of a folder.
pub(super) fn is_profile_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Checks a text against the catalogue and reads it.
pub(super) fn read(text: &str) -> Result<Config, SettingsError> {
    if text.len() > LIMIT {
        return Err(SettingsError::TooLarge { limit: LIMIT });
    }
    let syntax = |message: &str, span: Option<Range<usize>>| SettingsError::Syntax {
        line: span.map_or(1, |span| line_of(text, span.start)),
        what: message.lines().next().unwrap_or("not TOML").to_owned(),
    };
    // The text of the error stays behind: it would show the line, which may hold a secret.
    let parsed = toml_edit::Document::parse(text).map_err(|error| syntax(plain(error.message()), error.span()))?;
    Walk { text }.table(parsed.as_table(), "", "")?;
    let config: Config = toml::from_str(text).map_err(|error| syntax("it does not fit together", error.span()))?;
    match &config.default_profile {
        Some(name) if !config.profiles.contains_key(name) => Err(SettingsError::NoSuchProfile { name: name.clone() }),
        _ => Ok(config),
    }
}

/// A syntax message of the TOML reader, unless it quotes the text.
fn plain(message: &str) -> &str {
    if message.contains(['`', '"']) { "this is not TOML" } else { message }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|octet| **octet == b'\n').count()
}

struct Walk<'a> {
    text: &'a str,
}

impl Walk<'_> {
    /// The line of a fault. It is counted only then: nearly every key is a good one.
    fn line(&self, span: Option<Range<usize>>) -> Option<usize> {
        span.map(|span| line_of(self.text, span.start))
    }

    /// Checks one table: `path` as the catalogue writes it, `shown` as the user wrote it.
    fn table(&self, table: &dyn TableLike, path: &str, shown: &str) -> Result<(), SettingsError> {
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(|key| key.span()).or(item.span());
            let profile = path == "profile";
            if profile && !is_profile_name(name) {
                return Err(SettingsError::ProfileName { line: self.line(span) });
            }
            let below = join(path, if profile { "*" } else { name });
            let shown_below = join(shown, name);
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.path == below) {
                self.value(setting, item, &shown_below, span)?;
            } else if is_section(&below) {
                self.section(item, &below, &shown_below, span)?;
            } else {
                let meant = nearest(path, name).map(|meant| join(shown, meant));
                return Err(SettingsError::Unknown { line: self.line(span), key: bounded(&shown_below), meant });
            }
        }
        self.nothing_missing(table, path, shown)
    }

    fn section(&self, item: &Item, path: &str, shown: &str, span: Option<Range<usize>>) -> Result<(), SettingsError> {
        let listed = format!("{path}.[]");
        if !is_section(&listed) {
            let table = item.as_table_like().ok_or_else(|| SettingsError::Value {
                line: self.line(span),
                key: shown.to_owned(),
                wanted: format!("a section: [{shown}]"),
            })?;
            return self.table(table, path, shown);
        }
        let not_listed = || SettingsError::Value {
            line: self.line(span.clone()),
            key: shown.to_owned(),
            wanted: format!("a list of sections: [[{shown}]]"),
        };
        match (item, item.as_array_of_tables()) {
            (_, Some(tables)) => tables.iter().try_for_each(|table| self.table(table, &listed, shown)),
            (Item::Value(Value::Array(array)), None) => array.iter().try_for_each(|value| {
                let table = value.as_inline_table().ok_or_else(not_listed)?;
                self.table(table, &listed, shown)
            }),
            _ => Err(not_listed()),
        }
    }

    fn value(
        &self,
        setting: &Setting,
        item: &Item,
        shown: &str,
        span: Option<Range<usize>>,
    ) -> Result<(), SettingsError> {
        let kind = setting.kind;
        let good = match item.as_value() {
            Some(Value::String(text)) => {
                !matches!(kind, Kind::Whole(..) | Kind::YesNo | Kind::Urls | Kind::Hosts | Kind::Choices(_))
                    && kind.accepts(text.value())
            }
            Some(Value::Integer(number)) => {
                matches!(kind, Kind::Whole(..)) && kind.accepts(&number.value().to_string())
            }
            Some(Value::Boolean(_)) => kind == Kind::YesNo,
            Some(Value::Array(array)) => {
                let is_list = matches!(kind, Kind::Urls | Kind::Hosts | Kind::Choices(_));
                is_list && array.iter().all(|value| value.as_str().is_some_and(|text| kind.accepts(text)))
            }
            _ => false,
        };
        if good {
            return Ok(());
        }
        Err(SettingsError::Value { line: self.line(span), key: shown.to_owned(), wanted: kind.describe() })
    }

    fn nothing_missing(&self, table: &dyn TableLike, path: &str, shown: &str) -> Result<(), SettingsError> {
        for setting in SETTINGS {
            let here = setting.need == Need::Required && setting.section() == path;
            if here && !table.contains_key(setting.name()) {
                return Err(SettingsError::Missing { key: join(shown, setting.name()) });
            }
        }
        // Certificate and key, or a token that has the key.
        let absent = |name: &&&str| path == KEYS && !table.contains_key("token") && !table.contains_key(name);
        if let Some(name) = ["certificate", "key"].iter().find(absent) {
            return Err(SettingsError::Missing { key: join(shown, name) });
        }
        let needed_below = |section: &str| {
            SETTINGS.iter().find(|setting| setting.section() == section && setting.need == Need::Required)
        };
        for (section, _) in SECTIONS {
            // The sections right below a profile; what a list holds is needed only where it has a table.
            let Some((parent, name)) = section.rsplit_once('.') else { continue };
            let expected = path == "profile.*" && parent == path && !OPTIONAL_SECTIONS.contains(section);
            let absent = expected && !table.contains_key(name);
            if let Some(setting) = needed_below(section).filter(|_| absent) {
                return Err(SettingsError::Missing { key: join(&join(shown, name), setting.name()) });
            }
        }
        Ok(())
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn is_section(path: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| {
        section.strip_prefix(path).is_some_and(|rest| !path.is_empty() && (rest.is_empty() || rest.starts_with('.')))
    })
}

/// The name below `path` that is nearest to what was written, if it is near at all.
fn nearest(path: &str, written: &str) -> Option<&'static str> {
    let below = |full: &'static str| -> Option<&'static str> {
        let rest = if path.is_empty() { full } else { full.strip_prefix(path)?.strip_prefix('.')? };
        rest.split('.').next().filter(|name| !name.is_empty() && *name != "*" && *name != "[]")
    };
    let names = SETTINGS.iter().map(|setting| setting.path).chain(SECTIONS.iter().map(|(section, _)| *section));
    nearest::nearest(names.filter_map(below), written)
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::sample;

    fn refused(from: &str, to: &str) -> SettingsError {
        let text = sample();
        assert!(text.contains(from), "{from}");
        read(&text.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
        let line = sample().lines().position(|line| line.starts_with("folder =")).unwrap() + 1;
        let error = refused("folder = \"INBOX\"", "foldr = \"INBOX\"");
        assert_eq!(error.to_string(), format!("line {line}: there is no setting profile.cabinet.mailbox.foldr"));
        match error {
            SettingsError::Unknown { meant, .. } => {
                assert_eq!(meant.as_deref(), Some("profile.cabinet.mailbox.folder"))
            }
            other => panic!("{other}"),
        }
        match refused("[profile.cabinet.submission]", "[profile.cabinet.submision]") {
            SettingsError::Unknown { meant, .. } => assert_eq!(meant.as_deref(), Some("profile.cabinet.submission")),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_wrong_value_is_named_and_never_repeated() {
        for (from, to, key) in [
            ("port = 465", "port = 0", "profile.cabinet.submission.port"),
            ("port = 465", "port = \"465\"", "profile.cabinet.submission.port"),
            ("security = \"implicit\"", "security = \"none\"", "profile.cabinet.submission.security"),
            ("version = 1", "version = 2", "version"),
            ("password = \"correct horse battery staple\"", "password = 4711", "profile.cabinet.signin.password"),
            ("key = \"AAEC", "key = \"AA4711", "profile.cabinet.storage.key"),
        ] {
            let error = refused(from, to);
            assert!(matches!(&error, SettingsError::Value { key: named, .. } if named == key), "{error}");
            assert!(!error.to_string().contains("4711"));
        }
    }

    #[test]
    fn broken_text_is_refused_without_showing_it() {
        let error = refused("password = \"correct horse battery staple\"", "password = \"correct horse");
        assert!(matches!(error, SettingsError::Syntax { line, .. } if line > 50));
        assert!(!format!("{error} {error:?}").contains("horse"));
        assert!(matches!(read(&"a".repeat(LIMIT + 1)), Err(SettingsError::TooLarge { .. })));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = refused("address = \"cabinet@medecin.exemple.mssante.fr\"\n", "");
        assert_eq!(error, SettingsError::Missing { key: "profile.cabinet.address".to_owned() });
        let sections = "version = 1\n[profile.a]\naddress = \"a@b.fr\"\nauthor = \"x\"\n";
        assert_eq!(read(sections).unwrap_err(), SettingsError::Missing { key: "profile.a.submission.host".to_owned() });
    }

    #[test]
    fn a_profile_name_is_a_plain_file_name() {
        for bad in ["", ".", "../x", "a/b", "-x", "a b"] {
            assert!(!is_profile_name(bad), "{bad:?}");
        }
        assert!(is_profile_name("dr.durand") && is_profile_name("279035121518989"));
        let error = read(&sample().replace("[profile.cabinet", "[profile.\"../x\"")).unwrap_err();
        assert!(matches!(error, SettingsError::ProfileName { .. }));
        let error = refused("default-profile = \"cabinet\"", "default-profile = \"other\"");
        assert_eq!(error, SettingsError::NoSuchProfile { name: "other".to_owned() });
    }
}
