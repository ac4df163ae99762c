//! What the catalogue says, as an annotated sample, a reference table, a JSON Schema, and around real settings.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use toml_edit::{DocumentMut, Item, Table};

use crate::secret::Secret;

use super::catalogue::{KEYS, OPTIONAL_SECTIONS, SECTIONS, SETTINGS};
use super::kind::Kind;
use super::setting::{Need, Setting};
use super::settings::Config;

const NAME: &str = "cabinet";

/// A configuration with every setting, its meaning above it. It reads without a finding.
pub fn sample() -> String {
    let mut text = String::from("# Configuration of mss. Kept sealed: see `mss config edit`.\n");
    for (section, about) in SECTIONS {
        text.push('\n');
        comment(&mut text, about);
        match section.strip_suffix(".[]") {
            _ if section.is_empty() => {}
            Some(list) => line(&mut text, &format!("[[{}]]", list.replace('*', NAME))),
            None => line(&mut text, &format!("[{}]", section.replace('*', NAME))),
        }
        for setting in SETTINGS.iter().filter(|setting| setting.section() == *section) {
            text.push('\n');
            comment(&mut text, &about_setting(setting));
            line(&mut text, &format!("{} = {}", setting.name(), literal(setting)));
        }
    }
    text
}

/// The settings as a Markdown table, section by section.
pub fn reference() -> String {
    let mut text = String::new();
    for (section, about) in SECTIONS {
        let heading = if section.is_empty() { "top".to_owned() } else { format!("[{}]", heading(section)) };
        line(
            &mut text,
            &format!("### `{heading}`\n\n{about}\n\n| setting | value | default | meaning |\n|---|---|---|---|"),
        );
        for setting in SETTINGS.iter().filter(|setting| setting.section() == *section) {
            let default = match setting.need {
                Need::Required => "required".to_owned(),
                Need::Optional => "-".to_owned(),
                Need::Default(value) => format!("`{value}`"),
            };
            let secret = if setting.secret { " Secret." } else { "" };
            line(
                &mut text,
                &format!(
                    "| `{}` | {} | {default} | {}{secret} |",
                    setting.name(),
                    setting.kind.describe(),
                    setting.meaning
                ),
            );
        }
        text.push('\n');
    }
    text
}

/// The settings as a JSON Schema (2020-12).
pub fn schema() -> Value {
    let mut schema = object("");
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("mss.config/1"));
    Value::Object(schema)
}

/// Real settings as text, with the meaning of each above it.
pub(super) fn annotated(config: &Config) -> Secret<String> {
    let plain = Secret::new(toml::to_string_pretty(config).expect("settings are tables, texts and numbers"));
    let mut document: DocumentMut = plain.expose().parse().expect("it was just written as TOML");
    document.decor_mut().set_prefix("# Configuration of mss. Kept sealed: see `mss config edit`.\n\n");
    annotate(document.as_table_mut(), "");
    Secret::new(document.to_string())
}

fn annotate(table: &mut Table, path: &str) {
    let join = |name: &str| match path {
        "" => name.to_owned(),
        "profile" => "profile.*".to_owned(),
        _ => format!("{path}.{name}"),
    };
    for (mut key, item) in table.iter_mut() {
        let below = join(key.get());
        match item {
            Item::Table(table) => {
                head(table, &below);
                annotate(table, &below);
            }
            Item::ArrayOfTables(tables) => {
                for table in tables.iter_mut() {
                    head(table, &format!("{below}.[]"));
                    annotate(table, &format!("{below}.[]"));
                }
            }
            _ => {
                if let Some(setting) = SETTINGS.iter().find(|setting| setting.path == below) {
                    let mut about = String::new();
                    comment(&mut about, setting.meaning);
                    key.leaf_decor_mut().set_prefix(about);
                }
            }
        }
    }
}

fn head(table: &mut Table, path: &str) {
    if let Some((_, about)) = SECTIONS.iter().find(|(section, _)| *section == path) {
        let mut text = String::from("\n");
        comment(&mut text, about);
        table.decor_mut().set_prefix(text);
    }
}

fn about_setting(setting: &Setting) -> String {
    let need = match setting.need {
        Need::Required => "required".to_owned(),
        Need::Optional => "optional".to_owned(),
        Need::Default(value) => format!("default {value}"),
    };
    format!("{} ({need}; {})", setting.meaning, setting.kind.describe())
}

fn literal(setting: &Setting) -> String {
    match setting.kind {
        Kind::Whole(..) | Kind::YesNo => setting.example.to_owned(),
        Kind::Urls | Kind::Hosts | Kind::Choices(_) => {
            let each: Vec<String> = setting.example.split(',').map(|one| format!("\"{one}\"")).collect();
            format!("[{}]", each.join(", "))
        }
        Kind::Line if setting.example.contains('"') => format!("'{}'", setting.example),
        Kind::Pem => format!("\"\"\"\n{}\"\"\"", setting.example),
        _ => format!("\"{}\"", setting.example),
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes everything");
}

/// A comment in lines of at most 100 characters.
fn comment(text: &mut String, about: &str) {
    let mut current = String::from("#");
    for word in about.split_whitespace() {
        if current.chars().count() + 1 + word.chars().count() > 100 {
            line(text, &current);
            current = String::from("#");
        }
        current.push(' ');
        current.push_str(word);
    }
    line(text, &current);
}

fn heading(section: &str) -> String {
    let named = section.replace('*', "NAME");
    named.strip_suffix(".[]").map_or(named.clone(), |list| format!("[{list}]"))
}

/// The schema of one section and of those below it.
fn object(section: &str) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut needed = Vec::new();
    for setting in SETTINGS.iter().filter(|setting| setting.section() == section) {
        properties.insert(setting.name().to_owned(), property(setting));
        if setting.need == Need::Required {
            needed.push(json!(setting.name()));
        }
    }
    for (below, about) in SECTIONS {
        let Some((parent, name)) = below.strip_suffix(".[]").unwrap_or(below).rsplit_once('.') else { continue };
        if parent != section || below.is_empty() {
            continue;
        }
        let mut table = object(below);
        table.insert("description".to_owned(), json!(about));
        let required = table.contains_key("required") && !below.ends_with(".[]") && !OPTIONAL_SECTIONS.contains(below);
        let table =
            if below.ends_with(".[]") { json!({"type": "array", "items": table}) } else { Value::Object(table) };
        properties.insert(name.to_owned(), table);
        if required {
            needed.push(json!(name));
        }
    }
    if section.is_empty() {
        let profile = object("profile.*");
        properties.insert("profile".to_owned(), json!({"type": "object", "additionalProperties": profile}));
    }
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("additionalProperties".to_owned(), json!(false));
    object.insert("properties".to_owned(), Value::Object(properties));
    if section == KEYS {
        object.insert("anyOf".to_owned(), json!([{"required": ["certificate", "key"]}, {"required": ["token"]}]));
    }
    if !needed.is_empty() {
        object.insert("required".to_owned(), Value::Array(needed));
    }
    object
}

fn property(setting: &Setting) -> Value {
    let mut property = match setting.kind {
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::YesNo => json!({"type": "boolean"}),
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::Choices(words) => json!({"type": "array", "items": {"type": "string", "enum": words}}),
        Kind::Span(..) => json!({"type": "string", "pattern": "^[0-9]+ *[smhd]$"}),
        Kind::Rate => json!({"type": "string", "pattern": "^[0-9]+ */ *[smh]$"}),
        Kind::Urls => json!({"type": "array", "items": {"type": "string", "format": "uri"}}),
        Kind::Hosts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Proxy => json!({"type": "string", "format": "uri", "pattern": "^(http|socks5)://"}),
        Kind::Https => json!({"type": "string", "format": "uri", "pattern": "^https://"}),
        Kind::Octets32 => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::After => json!({"type": "string", "pattern": "^(keep|seen|delete|move:.+)$"}),
        Kind::Address => json!({"type": "string", "format": "idn-email"}),
        Kind::TokenUri => json!({"type": "string", "format": "uri", "pattern": "^pkcs11:"}),
        Kind::Line | Kind::Mailbox | Kind::Host | Kind::Pem => json!({"type": "string"}),
    };
    let map = property.as_object_mut().expect("each of these is an object");
    map.insert("description".to_owned(), json!(setting.meaning));
    if let Need::Default(value) = setting.need {
        let value = match setting.kind {
            Kind::Choices(_) => json!(value.split(',').collect::<Vec<_>>()),
            _ => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
        };
        map.insert("default".to_owned(), value);
    }
    if setting.secret {
        map.insert("writeOnly".to_owned(), json!(true));
    }
    property
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Document;

    fn config() -> Config {
        Document::parse(Secret::new(sample())).unwrap().config().clone()
    }

    #[test]
    fn written_settings_read_back_and_carry_every_documented_key() {
        let text = annotated(&config());
        let read = Document::parse(text.clone()).unwrap();
        assert_eq!(annotated(read.config()).expose(), text.expose());
        let written: Vec<String> = read.shown().into_iter().map(|(key, _)| key.replace("[0]", ".[]")).collect();
        for setting in SETTINGS {
            assert!(written.contains(&setting.path.replace('*', NAME)), "{} is in no field of Config", setting.path);
        }
    }

    #[test]
    fn what_is_left_out_has_the_documented_default() {
        let mut document = Document::parse(Secret::new(sample())).unwrap();
        let defaults = || {
            SETTINGS.iter().filter_map(|setting| match setting.need {
                Need::Default(value) => Some((setting.path.replace('*', NAME), value)),
                _ => None,
            })
        };
        for (key, _) in defaults() {
            document = document.unset(&key).unwrap();
        }
        let filled = Document::parse(annotated(document.config())).unwrap();
        for (key, value) in defaults() {
            assert_eq!(filled.get(&key).unwrap().unwrap().expose(), value, "{key}");
        }
    }

    #[test]
    fn every_word_of_a_choice_is_understood() {
        let document = Document::parse(Secret::new(sample())).unwrap();
        // What stands in a list has no name of its own to be set by.
        for setting in SETTINGS.iter().filter(|setting| !setting.path.contains("[]")) {
            if let Kind::Choice(words) | Kind::Choices(words) = setting.kind {
                for word in words {
                    document.set(&setting.path.replace('*', NAME), &Secret::new((*word).to_owned())).unwrap();
                }
            }
        }
    }

    #[test]
    fn the_schema_names_what_is_required_and_what_is_secret() {
        let schema = schema();
        let profile = &schema["properties"]["profile"]["additionalProperties"];
        assert_eq!(profile["additionalProperties"], false);
        assert_eq!(profile["properties"]["signin"]["properties"]["password"]["writeOnly"], true);
        assert_eq!(profile["properties"]["submission"]["properties"]["port"]["default"], 465);
        assert_eq!(profile["properties"]["keys"]["properties"]["previous"]["type"], "array");
        let required = profile["required"].as_array().unwrap();
        assert!(required.contains(&json!("address")) && required.contains(&json!("storage")));
        assert!(!required.contains(&json!("retention")));
    }

    #[test]
    fn the_reference_has_a_row_for_every_setting() {
        let rows = reference().lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, SETTINGS.len());
    }
}
