//! One documented setting: where it stands, what it takes, what it is for.

use super::kind::Kind;

/// Whether a setting has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// In every profile, or in every section that is begun.
    Required,
    /// May be left out, with nothing in its place.
    Optional,
    /// May be left out; this value stands in its place.
    Default(&'static str),
}

/// One documented setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Dotted path; `*` stands for the name of a profile, `[]` for each table of a list.
    pub path: &'static str,
    /// What a value looks like.
    pub kind: Kind,
    /// Whether it has to be there.
    pub need: Need,
    /// Shown only when asked for by its name.
    pub secret: bool,
    /// What it is for, in one sentence.
    pub meaning: &'static str,
    /// A value as it could stand in a real configuration.
    pub example: &'static str,
}

impl Setting {
    /// The section: the path without its last name.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The last name of the path.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }
}

pub(super) const fn required(path: &'static str, kind: Kind, meaning: &'static str, example: &'static str) -> Setting {
    Setting { path, kind, need: Need::Required, secret: false, meaning, example }
}

pub(super) const fn optional(path: &'static str, kind: Kind, meaning: &'static str, example: &'static str) -> Setting {
    Setting { path, kind, need: Need::Optional, secret: false, meaning, example }
}

pub(super) const fn default(path: &'static str, kind: Kind, value: &'static str, meaning: &'static str) -> Setting {
    Setting { path, kind, need: Need::Default(value), secret: false, meaning, example: value }
}

pub(super) const fn secret(setting: Setting) -> Setting {
    Setting { secret: true, ..setting }
}
