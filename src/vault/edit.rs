//! The text of a configuration, read and changed by dotted key; comments and order stay as they are.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use crate::nearest::nearest;
use crate::secret::Secret;

use super::catalogue::SETTINGS;
use super::check::{self, SettingsError};
use super::kind::Kind;
use super::setting::{Need, Setting};
use super::settings::Config;

/// A configuration as text that was checked, and the settings it says.
#[derive(Clone, Debug)]
pub struct Document {
    text: Secret<String>,
    config: Config,
}

impl Document {
    /// Reads and checks a text.
    pub fn parse(text: Secret<String>) -> Result<Document, SettingsError> {
        let config = check::read(text.expose())?;
        Ok(Document { text, config })
    }

    /// Writes settings as annotated text.
    pub fn of(config: &Config) -> Result<Document, SettingsError> {
        Document::parse(super::render::annotated(config))
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The text, which holds every secret.
    pub fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// The value of one setting, as it would be typed; its default where it is not set, nothing where it has none.
    pub fn get(&self, key: &str) -> Result<Option<Secret<String>>, SettingsError> {
        let place = Place::find(key)?;
        let document = self.edited();
        let mut table: &dyn TableLike = document.as_table();
        for name in &place.sections {
            match table.get(name).and_then(Item::as_table_like) {
                Some(below) => table = below,
                None => return Ok(place.setting.default_value()),
            }
        }
        let found = table.get(place.setting.name()).and_then(Item::as_value).map(typed);
        Ok(found.or_else(|| place.setting.default_value()))
    }

    /// Sets one setting; the new text is checked whole.
    pub fn set(&self, key: &str, value: &Secret<String>) -> Result<Document, SettingsError> {
        let place = Place::find(key)?;
        let value = place.setting.value(value, key)?;
        let mut document = self.edited();
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for name in &place.sections {
            let item = table.entry(name).or_insert(Item::Table(Table::new()));
            table = item.as_table_like_mut().ok_or_else(|| SettingsError::Unknown {
                line: None,
                key: key.to_owned(),
                meant: None,
            })?;
        }
        match table.get_mut(place.setting.name()).and_then(Item::as_value_mut) {
            Some(present) => {
                // What stands around a value, such as a comment behind it, stays.
                let decor = present.decor().clone();
                *present = value;
                *present.decor_mut() = decor;
            }
            None => {
                table.insert(place.setting.name(), Item::Value(value));
            }
        }
        Document::parse(Secret::new(document.to_string()))
    }

    /// Takes one setting out, so that its default counts again.
    pub fn unset(&self, key: &str) -> Result<Document, SettingsError> {
        let place = Place::find(key)?;
        let mut document = self.edited();
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for name in &place.sections {
            match table.get_mut(name).and_then(Item::as_table_like_mut) {
                Some(below) => table = below,
                None => return Ok(self.clone()),
            }
        }
        table.remove(place.setting.name());
        Document::parse(Secret::new(document.to_string()))
    }

    /// Whether a key names a secret.
    pub fn is_secret(&self, key: &str) -> bool {
        Place::find(key).is_ok_and(|place| place.setting.secret)
    }

    /// Every setting that is written in the text, secrets included only as their names: key, value unless secret.
    pub fn shown(&self) -> Vec<(String, Option<String>)> {
        let mut found = Vec::new();
        let document = self.edited();
        list(document.as_table(), "", "", &mut found);
        found
    }

    fn edited(&self) -> DocumentMut {
        self.text.expose().parse().expect("the text was read before")
    }
}

fn list(table: &dyn TableLike, path: &str, shown: &str, found: &mut Vec<(String, Option<String>)>) {
    let join = |path: &str, name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, item) in table.iter() {
        let below = join(path, if path == "profile" { "*" } else { name });
        let shown = join(shown, name);
        match SETTINGS.iter().find(|setting| setting.path == below) {
            Some(setting) => {
                let value = item.as_value().filter(|_| !setting.secret).map(|value| typed(value).expose().clone());
                found.push((shown, value));
            }
            None => match (item.as_table_like(), item.as_array_of_tables()) {
                (Some(table), _) => list(table, &below, &shown, found),
                (None, Some(tables)) => {
                    for (number, table) in tables.iter().enumerate() {
                        list(table, &format!("{below}.[]"), &format!("{shown}[{number}]"), found);
                    }
                }
                (None, None) => {}
            },
        }
    }
}

/// A value as it would be typed: text without quotes, lists with commas.
fn typed(value: &Value) -> Secret<String> {
    Secret::new(match value {
        Value::String(text) => text.value().clone(),
        Value::Integer(number) => number.value().to_string(),
        Value::Boolean(yes) => yes.value().to_string(),
        Value::Array(array) => array.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string().trim().to_owned(),
    })
}

/// Where a dotted key points to.
struct Place {
    setting: &'static Setting,
    sections: Vec<String>,
}

impl Place {
    /// Finds the setting of `profile.NAME.section.name`; NAME may have dots of its own.
    fn find(key: &str) -> Result<Place, SettingsError> {
        let found = SETTINGS.iter().filter(|setting| !setting.path.contains("[]")).find_map(|setting| {
            let Some(tail) = setting.path.strip_prefix("profile.*") else {
                return (setting.path == key).then(|| Place { setting, sections: Vec::new() });
            };
            let name = key.strip_prefix("profile.")?.strip_suffix(tail)?;
            let known = check::is_profile_name(name).then_some(name)?;
            let mut sections = vec!["profile".to_owned(), known.to_owned()];
            sections.extend(tail.split('.').filter(|part| !part.is_empty()).map(str::to_owned));
            sections.pop();
            Some(Place { setting, sections })
        });
        found.ok_or_else(|| SettingsError::Unknown { line: None, key: bounded(key), meant: meant(key) })
    }
}

/// The key that was probably meant: the same profile with the nearest setting.
fn meant(key: &str) -> Option<String> {
    let top = SETTINGS.iter().map(|setting| setting.path).filter(|path| !path.contains('*'));
    let Some(rest) = key.strip_prefix("profile.") else {
        return nearest(top, key).map(str::to_owned);
    };
    let tails =
        || SETTINGS.iter().filter_map(|setting| setting.path.strip_prefix("profile.*.")).filter(|t| !t.contains("[]"));
    let dots = rest.match_indices('.').map(|(place, _)| place);
    dots.filter_map(|place| {
        let (name, tail) = (&rest[..place], &rest[place + 1..]);
        nearest(tails(), tail).map(|near| format!("profile.{name}.{near}"))
    })
    .next()
}

fn bounded(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(120).collect()
}

impl Setting {
    fn default_value(&self) -> Option<Secret<String>> {
        match self.need {
            Need::Default(value) => Some(Secret::new(value.to_owned())),
            _ => None,
        }
    }

    /// A typed text as a TOML value of this setting's kind.
    fn value(&self, typed: &Secret<String>, key: &str) -> Result<Value, SettingsError> {
        let text = typed.expose().as_str();
        let wrong = || SettingsError::Value { line: None, key: key.to_owned(), wanted: self.kind.describe() };
        match self.kind {
            Kind::Urls | Kind::Hosts | Kind::Choices(_) => {
                let each: Vec<&str> = text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
                if !each.iter().all(|one| self.kind.accepts(one)) {
                    return Err(wrong());
                }
                Ok(Value::Array(each.into_iter().collect::<Array>()))
            }
            kind if !kind.accepts(text) => Err(wrong()),
            Kind::Whole(..) => text.parse::<i64>().map(Value::from).map_err(|_| wrong()),
            Kind::YesNo => Ok(Value::from(text == "true")),
            _ => Ok(Value::from(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::sample;

    fn document() -> Document {
        Document::parse(Secret::new(sample())).unwrap()
    }

    fn value(document: &Document, key: &str) -> Option<String> {
        document.get(key).unwrap().map(|value| value.expose().clone())
    }

    #[test]
    fn the_sample_reads_as_settings() {
        let document = document();
        let (name, profile) = document.config().profile(None).unwrap();
        assert_eq!(name, "cabinet");
        assert_eq!(profile.submission.port, 465);
        assert_eq!(profile.keys.as_ref().unwrap().previous.len(), 1);
        assert_eq!(profile.retention.erase_months, 12);
    }

    #[test]
    fn one_setting_changes_and_comments_stay() {
        let before = document();
        let after = before.set("profile.cabinet.submission.port", &Secret::new("587".to_owned())).unwrap();
        assert_eq!(after.config().profiles["cabinet"].submission.port, 587);
        assert_eq!(value(&after, "profile.cabinet.submission.port").as_deref(), Some("587"));
        let lines = |document: &Document| document.text().expose().lines().map(str::to_owned).collect::<Vec<_>>();
        let (before, after) = (lines(&before), lines(&after));
        let changed: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        assert_eq!(changed, ["port = 587"]);
    }

    #[test]
    fn a_profile_name_may_have_dots() {
        let text = sample().replace("profile.cabinet", "profile.\"dr.durand\"").replace("\"cabinet\"", "\"dr.durand\"");
        let document = Document::parse(Secret::new(text)).unwrap();
        assert_eq!(value(&document, "profile.dr.durand.mailbox.folder").as_deref(), Some("INBOX"));
        let document = document.set("profile.dr.durand.fetch.after", &Secret::new("move:Archive".to_owned())).unwrap();
        assert_eq!(value(&document, "profile.dr.durand.fetch.after").as_deref(), Some("move:Archive"));
    }

    #[test]
    fn a_default_shows_where_nothing_is_set() {
        let document = document().unset("profile.cabinet.retention.keep-days").unwrap();
        assert_eq!(value(&document, "profile.cabinet.retention.keep-days").as_deref(), Some("90"));
        assert_eq!(value(&document.unset("profile.cabinet.label").unwrap(), "profile.cabinet.label"), None);
    }

    #[test]
    fn a_wrong_key_or_value_changes_nothing_and_says_what_was_meant() {
        let set = |key: &str, value: &str| document().set(key, &Secret::new(value.to_owned())).unwrap_err();
        match set("profile.cabinet.submision.port", "1") {
            SettingsError::Unknown { meant, .. } => {
                assert_eq!(meant.as_deref(), Some("profile.cabinet.submission.port"))
            }
            other => panic!("{other}"),
        }
        let error = set("profile.cabinet.submission.port", "70000");
        assert_eq!(error.to_string(), "profile.cabinet.submission.port is a whole number from 1 to 65535");
        let required = document().unset("profile.cabinet.address").unwrap_err();
        assert_eq!(required.to_string(), "profile.cabinet.address is missing");
    }

    #[test]
    fn a_secret_is_listed_without_its_value() {
        let shown = document().shown();
        let find = |key: &str| shown.iter().find(|(name, _)| name == key).unwrap().1.clone();
        assert_eq!(find("profile.cabinet.signin.password"), None);
        assert_eq!(find("profile.cabinet.signin.method").as_deref(), Some("password-totp"));
        assert_eq!(find("profile.cabinet.keys.previous[0].key"), None);
    }
}
