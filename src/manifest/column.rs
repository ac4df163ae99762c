//! The columns of a manifest, in one table: what they are called and what may stand in them.

use crate::nearest::nearest;

/// Octets a row may have.
pub const ROW_LIMIT: usize = 1024 * 1024;
/// Octets a cell may have, unless it is a text.
pub const CELL_LIMIT: usize = 256 * 1024;
/// Characters a key may have.
pub const KEY_LIMIT: usize = 200;
/// Addresses, or files, that one row may name in one column.
pub const LIST_LIMIT: usize = 500;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// The caller's own name for the row.
    Key,
    /// Recipients.
    To,
    /// Recipients in copy.
    Cc,
    /// Recipients the others do not see.
    Bcc,
    /// The subject.
    Subject,
    /// The text itself.
    Body,
    /// The file with the text.
    BodyFile,
    /// Files to attach.
    Attach,
    /// What leaves the machine.
    Protection,
}

/// What may stand in a column.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Which one.
    pub column: Column,
    /// Its name, in CSV and in JSON.
    pub name: &'static str,
    /// Octets a cell of it may have.
    pub limit: usize,
    /// What separates several values in one text: in either format for addresses, in CSV for files, whose names JSON gives
    /// one by one.
    pub separators: &'static [char],
    /// Whether it may stand several times in the header of a CSV file.
    pub repeats: bool,
    /// Whether there may be line breaks and tabs in it.
    pub lines: bool,
    /// What it is for, in a few words.
    pub meaning: &'static str,
}

const fn plain(column: Column, name: &'static str, meaning: &'static str) -> Rule {
    Rule { column, name, limit: CELL_LIMIT, separators: &[], repeats: false, lines: false, meaning }
}

const fn people(column: Column, name: &'static str, meaning: &'static str) -> Rule {
    Rule { separators: &[';', ','], ..plain(column, name, meaning) }
}

/// Every column there is. A new capability adds its own here.
pub const COLUMNS: &[Rule] = &[
    plain(Column::Key, "key", "your own name for the row, at most 200 characters, not twice in a manifest"),
    people(Column::To, "to", "recipients: addresses or RPPS numbers, separated by ; or ,"),
    people(Column::Cc, "cc", "recipients in copy"),
    people(Column::Bcc, "bcc", "recipients the others do not see"),
    plain(Column::Subject, "subject", "the subject"),
    Rule { limit: ROW_LIMIT, lines: true, ..plain(Column::Body, "body", "the text itself") },
    plain(Column::BodyFile, "body-file", "the file with the text (UTF-8)"),
    Rule {
        separators: &[';'],
        repeats: true,
        ..plain(
            Column::Attach,
            "attach",
            "files to attach, separated by ; in CSV, where the column may also be repeated",
        )
    },
    plain(Column::Protection, "protection", "smime, package or transport"),
];

impl Column {
    /// What may stand in it.
    pub fn rule(self) -> &'static Rule {
        COLUMNS.iter().find(|rule| rule.column == self).expect("the table has every column")
    }

    /// Its name, in CSV and in JSON.
    pub fn name(self) -> &'static str {
        self.rule().name
    }

    /// The column of a name, in any letter case, blanks around it left away.
    pub fn named(name: &str) -> Option<Column> {
        let name = name.trim();
        COLUMNS.iter().find(|rule| rule.name.eq_ignore_ascii_case(name)).map(|rule| rule.column)
    }
}

/// The column whose name was probably meant.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    nearest(COLUMNS.iter().map(|rule| rule.name), name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_in_the_table_once_and_found_by_its_name() {
        for rule in COLUMNS {
            assert_eq!(Column::named(rule.name), Some(rule.column));
            assert_eq!(rule.column.rule().name, rule.name);
        }
        assert_eq!(Column::named(" Body-File "), Some(Column::BodyFile));
        assert_eq!(Column::named("body_file"), None);
        assert_eq!(meant("body_file"), Some("body-file"));
    }
}
