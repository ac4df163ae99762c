//! Which rows of the index answer a question, and the people and structures they make up.

use std::collections::HashMap;

use rusqlite::params_from_iter;

use super::extraction::{Column, Row};
use super::{Index, IndexError};
use crate::directory::folding::{fold, words};
use crate::directory::professions::codes;
use crate::directory::question::{fits, sorted};
use crate::directory::{
    Answer, DirectoryError, Entry, Identity, MailboxEntry, Profession, Query, Register, Workplace, bounded,
};
use crate::mail::Address;
use crate::space::MailboxKind;

/// Words of a question: the database bounds how deep an expression may be.
const MOST_WORDS: usize = 32;
/// Rows read for one question, however many mailboxes may be told.
const MOST_ROWS: usize = 10_000;

/// How the rows are found.
enum Way {
    /// One value in a column that has an index.
    Exact { column: &'static str, value: String },
    /// A number whose register is not said.
    Number(String),
    /// Full text, as FTS5 takes it.
    Words(String),
}

/// One row as the database gives it.
struct Kept {
    address: String,
    person: String,
    structure: String,
    row: String,
}

/// Answers any question.
pub(super) fn answer(index: &Index, query: &Query) -> Result<Answer, DirectoryError> {
    let mut query = sorted(query);
    let way = way(&mut query)?;
    // One more than is told: whether there are more is part of the answer.
    let most = index.limit.min(MOST_ROWS);
    let kept = rows(index, &way, most + 1).map_err(IndexError::Damaged)?;
    let mut rows = Vec::new();
    for it in &kept {
        let row = Row::kept(&it.row, &it.address, &it.person, &it.structure);
        rows.push(row.ok_or(IndexError::Format)?);
    }
    if let Way::Number(number) = &way {
        rows.retain(|row| is_numbered(row, number));
    }
    let complete = kept.len() <= most;
    let mut entries = entries(index, rows.iter().filter(|row| is_of(&query, row)).take(most));
    // The full text was asked for all of the question already, and knows initials besides.
    if !matches!(way, Way::Words(_)) {
        // Each row bears the number that was asked for, be it that of the structure a person works in.
        let rest = Query { rpps: None, finess: None, ..query };
        entries.retain(|entry| fits(&rest, entry));
    }
    entries.sort_by_cached_key(|entry| (fold(&entry.name), entry.identity.clone()));
    Ok(Answer { entries, complete })
}

/// The best way for a question; what a number takes out of the free words is taken out of the query.
fn way(query: &mut Query) -> Result<Way, DirectoryError> {
    let exact = |column, value: &str| Ok(Way::Exact { column, value: value.to_owned() });
    if let Some(address) = &query.address {
        return exact("address", &address.key());
    }
    if let Some(rpps) = &query.rpps {
        return exact("person", rpps.as_str());
    }
    if let Some(finess) = &query.finess {
        return exact("structure", finess.as_str());
    }
    let is_number = |word: &String| word.len() >= 8 && word.len() <= 20 && word.bytes().all(|b| b.is_ascii_digit());
    if let Some(at) = query.words.iter().position(is_number) {
        return Ok(Way::Number(query.words.remove(at)));
    }
    let asked = [&query.name, &query.place, &query.organisation, &query.profession].into_iter().flatten();
    if asked.chain(&query.words).map(|text| words(text).len()).sum::<usize>() > MOST_WORDS {
        return Err(IndexError::TooManyWords { limit: MOST_WORDS }.into());
    }
    expression(query).map(Way::Words).ok_or(DirectoryError::Nothing)
}

/// What FTS5 is asked: every word begins one of the column it belongs to, free words one of any column.
fn expression(query: &Query) -> Option<String> {
    let mut parts = Vec::new();
    for (column, text) in [("name", &query.name), ("organisation", &query.organisation), ("place", &query.place)] {
        let wanted = text.iter().flat_map(|text| words(text));
        parts.extend(wanted.map(|word| format!("{column} : {}", begins(&word))));
    }
    if let Some(profession) = &query.profession {
        let wanted = words(profession);
        if !wanted.is_empty() {
            let all: Vec<String> = wanted.iter().map(|word| begins(word)).collect();
            let called = codes(profession).into_iter().map(quoted);
            let ways: Vec<String> = std::iter::once(format!("({})", all.join(" AND "))).chain(called).collect();
            parts.push(format!("profession : ({})", ways.join(" OR ")));
        }
    }
    for word in &query.words {
        let all: Vec<String> = words(word).iter().map(|word| begins(word)).collect();
        // Who practises cardiology is called a cardiologist.
        let called = codes(word).into_iter().map(|code| format!("profession : {}", quoted(code)));
        let ways: Vec<String> = std::iter::once(format!("({})", all.join(" AND "))).chain(called).collect();
        parts.push(format!("({})", ways.join(" OR ")));
    }
    (!parts.is_empty()).then(|| parts.join(" AND "))
}

/// Words are letters and digits alone, so nothing in them ends the quotes.
fn begins(word: &str) -> String {
    format!("\"{word}\" *")
}

fn quoted(code: &str) -> String {
    format!("\"{}\"", fold(code))
}

fn rows(index: &Index, way: &Way, most: usize) -> rusqlite::Result<Vec<Kept>> {
    const TAKEN: &str = "address, ifnull(person, ''), ifnull(structure, ''), row FROM mailbox";
    let (sql, values) = match way {
        Way::Exact { column, value } => {
            (format!("SELECT {TAKEN} WHERE {column} = ?1 LIMIT {most}"), vec![value.clone()])
        }
        Way::Number(number) => (
            format!("SELECT {TAKEN} WHERE person IN (?1, ?2) OR structure IN (?1, ?2) LIMIT {most}"),
            vec![number.clone(), number[1..].to_owned()],
        ),
        Way::Words(expression) => (
            format!("SELECT {TAKEN}, words WHERE words MATCH ?1 AND mailbox.id = words.rowid LIMIT {most}"),
            vec![expression.clone()],
        ),
    };
    let mut statement = index.connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok(Kept { address: row.get(0)?, person: row.get(1)?, structure: row.get(2)?, row: row.get(3)? })
    })?;
    rows.collect()
}

/// Whether a number is one of the row: that of its person or structure, alone or in the national form with the register
/// before it (TRE_G07, TRE_G08).
fn is_numbered(row: &Row<'_>, number: &str) -> bool {
    let (kind, structure) = (row.get(Column::StructureRegister), row.get(Column::Structure));
    let national = |wrapped: &str| !structure.is_empty() && wrapped == format!("{kind}{structure}");
    [row.get(Column::Person), row.get(Column::National), structure].contains(&number) || national(number)
}

/// Whether the numbers that were asked for are of the right register: a FINESS and a SIREN have nine digits each.
fn is_of(query: &Query, row: &Row<'_>) -> bool {
    (query.rpps.is_none() || row.get(Column::PersonRegister) == "8")
        && (query.finess.is_none() || row.get(Column::StructureRegister) == "1")
}

/// Rows of one person are one entry, as are rows of one structure; an address that two people have is told of both.
fn entries<'r>(index: &Index, rows: impl Iterator<Item = &'r Row<'r>>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for row in rows {
        // An index that was tampered with may hold what no update lets in.
        let Ok(address) = row.get(Column::Address).parse::<Address>() else { continue };
        let identifiers = identifiers(row);
        let name = name(row);
        let number = identifiers.first().map(Identity::to_string).unwrap_or_default();
        // Services of a structure share its number; a person is that number, however the name is written.
        let key = match is_person(row) && !number.is_empty() {
            true => (number, String::new()),
            false => (number, fold(&name)),
        };
        let at = *known.entry(key).or_insert(entries.len());
        if at == entries.len() {
            entries.push(blank(index, identifiers, name));
        }
        add(&mut entries[at], row, address);
    }
    entries
}

fn blank(index: &Index, identifiers: Vec<Identity>, name: String) -> Entry {
    Entry {
        identity: identifiers.first().cloned(),
        identifiers,
        name,
        professions: Vec::new(),
        workplaces: Vec::new(),
        mailboxes: Vec::new(),
        active: true,
        source: index.source.clone(),
        seen_at: index.dated,
        updated: None,
        plain: Vec::new(),
    }
}

/// What one row adds to an entry.
fn add(entry: &mut Entry, row: &Row<'_>, address: Address) {
    for (code, label) in [(Column::ProfessionCode, Column::Profession), (Column::SkillCode, Column::Skill)] {
        let (code, label) = (bounded(row.get(code)), bounded(row.get(label)));
        let profession = Profession { label: if label.is_empty() { code.clone() } else { label }, code };
        if !profession.label.is_empty() && !entry.professions.contains(&profession) {
            entry.professions.push(profession);
        }
    }
    let organisation = organisation(row);
    let workplace = Workplace { name: organisation.clone(), identity: structure(row), place: place(row) };
    let tells = !workplace.name.is_empty() || workplace.identity.is_some() || workplace.place.is_some();
    if tells && !entry.workplaces.contains(&workplace) {
        entry.workplaces.push(workplace);
    }
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    if entry.mailboxes.iter().any(|known| known.address == address) {
        return;
    }
    entry.mailboxes.push(MailboxEntry {
        address,
        kind: MailboxKind::from_code(row.get(Column::Kind)),
        service: some(bounded(row.get(Column::Service))),
        organisation: some(organisation),
        rank: None,
        certificates: Vec::new(),
        unreadable_certificates: 0,
        active: true,
    });
}

fn is_person(row: &Row<'_>) -> bool {
    !row.get(Column::Person).is_empty() || !row.get(Column::Family).is_empty()
}

fn name(row: &Row<'_>) -> String {
    if is_person(row) {
        return bounded(&format!("{} {}", row.get(Column::Given), row.get(Column::Family)));
    }
    let organisation = organisation(row);
    if organisation.is_empty() { bounded(row.get(Column::Service)) } else { organisation }
}

fn organisation(row: &Row<'_>) -> String {
    let names = [Column::Company, Column::Sign].map(|column| row.get(column));
    bounded(names.into_iter().find(|name| !name.is_empty()).unwrap_or_default())
}

/// Postal code and town as the line of delivery has them, else what is known of the place.
fn place(row: &Row<'_>) -> Option<String> {
    let line = row.get(Column::Town);
    let apart = format!("{} {}", row.get(Column::PostalCode), row.get(Column::Department));
    Some(bounded(if line.is_empty() { &apart } else { line })).filter(|place| !place.is_empty())
}

/// The numbers of the person; of the structure where there is none.
fn identifiers(row: &Row<'_>) -> Vec<Identity> {
    let identity = |register, number: &str| Identity { register, number: bounded(number) };
    let (person, national) = (row.get(Column::Person), row.get(Column::National));
    let mut found = Vec::new();
    match (row.get(Column::PersonRegister), person) {
        (_, "") => {}
        ("8", number) => found.push(identity(Register::Rpps, number)),
        ("0", number) => found.push(identity(Register::Adeli, number)),
        _ => {}
    }
    if !national.is_empty() {
        found.push(identity(Register::Idnps, national));
    }
    if !is_person(row) {
        found.extend(structure(row));
    }
    found
}

fn structure(row: &Row<'_>) -> Option<Identity> {
    let number = row.get(Column::Structure);
    let kind = row.get(Column::StructureRegister);
    let register = match kind {
        _ if number.is_empty() => return None,
        "1" => Register::Finess,
        "2" => Register::Siren,
        "3" => Register::Siret,
        _ => return Some(Identity { register: Register::Idnst, number: bounded(&format!("{kind}{number}")) }),
    };
    Some(Identity { register, number: bounded(number) })
}
