//! Which searches answer a question, and which of the entries they bring do.
//!
//! Only the search for a whole address is reported to be reliable; every other search of the directory goes by the
//! beginning of words and is narrowed down here.

use super::entry::{Entry, Query};
use super::folding::{all_begin, words};
use super::merge::Evidence;
use super::professions::{codes, fits as practises};
use super::request::Search;
use super::walk::Walk;
use super::{Answer, DirectoryError};
use crate::ids::{Finess, Rpps};
use crate::mail::Address;

const PERSON_ROLES: &str = "PractitionerRole:practitioner";
const STRUCTURE_ROLES: &str = "PractitionerRole:organization";
/// Words of a name, and free words, that are searched for; further ones only narrow down.
const MOST_WORDS: usize = 6;
/// A narrow stage, and a wide one.
const STAGES: usize = 2;

/// Answers any question.
pub(super) fn answer(walk: &mut Walk<'_>, query: &Query, evidence: &Evidence<'_>) -> Result<Answer, DirectoryError> {
    let query = &sorted(query);
    if let Some(address) = &query.address {
        by_address(walk, address, evidence, true)?;
        return finish(walk, query, evidence);
    }
    for number in 0..STAGES {
        let searches = stage(query, number)?;
        if searches.is_empty() {
            break;
        }
        searches.iter().try_for_each(|search| walk.search(search))?;
        walk.fill()?;
        let answer = finish(walk, query, evidence)?;
        if !answer.entries.is_empty() {
            return Ok(answer);
        }
    }
    finish(walk, query, evidence)
}

/// Searches for one address on the three types that carry mailboxes. `with_workplaces` asks for what surrounds it too.
pub(super) fn by_address(
    walk: &mut Walk<'_>,
    address: &Address,
    evidence: &Evidence<'_>,
    with_workplaces: bool,
) -> Result<(), DirectoryError> {
    // The exact form minds letter case; the default one does not, and also brings longer addresses.
    for parameter in ["mailbox-mss:exact", "mailbox-mss"] {
        let mut person = Search::new("Practitioner").text(parameter, &address.key());
        if with_workplaces {
            person = person.with("_revinclude", PERSON_ROLES);
        }
        let role = Search::new("PractitionerRole")
            .text(parameter, &address.key())
            .with("_include", PERSON_ROLES)
            .with("_include", STRUCTURE_ROLES);
        for search in [person, role, Search::new("Organization").text(parameter, &address.key())] {
            walk.search(&search)?;
        }
        if walk.collected.entries(evidence).iter().any(|entry| entry.has(address)) {
            break;
        }
    }
    if with_workplaces { walk.fill() } else { Ok(()) }
}

fn finish(walk: &Walk<'_>, query: &Query, evidence: &Evidence<'_>) -> Result<Answer, DirectoryError> {
    let mut entries = walk.collected.entries(evidence);
    entries.retain(|entry| fits(query, entry));
    Ok(Answer { entries, complete: walk.complete })
}

/// Takes out of the free words what can only be a number or an address.
pub(super) fn sorted(query: &Query) -> Query {
    let mut query = query.clone();
    let mut rest = Vec::new();
    for word in query.words.iter().flat_map(|text| text.split_whitespace()) {
        if query.address.is_none() && word.parse::<Address>().is_ok() {
            query.address = word.parse().ok();
        } else if query.rpps.is_none() && word.parse::<Rpps>().is_ok() {
            query.rpps = word.parse().ok();
        } else if let Some(rpps) = rpps_in_national(word).filter(|_| query.rpps.is_none()) {
            query.rpps = Some(rpps);
        } else if query.finess.is_none() && word.parse::<Finess>().is_ok() {
            query.finess = word.parse().ok();
        } else if query.place.is_none() && word.len() == 5 && word.bytes().all(|b| b.is_ascii_digit()) {
            query.place = Some(word.to_owned());
        } else if !words(word).is_empty() {
            rest.push(word.to_owned());
        }
    }
    query.words = rest;
    query
}

/// The national number of a person is the RPPS number behind an 8 (TRE_G08).
fn rpps_in_national(word: &str) -> Option<Rpps> {
    word.strip_prefix('8').and_then(|rest| rest.parse().ok())
}

/// The searches of one stage: a later one is only made and run if the earlier ones brought nothing that fits.
fn stage(query: &Query, number: usize) -> Result<Vec<Search>, DirectoryError> {
    let stage = |searches: [Vec<Search>; STAGES]| Ok(searches.into_iter().nth(number).unwrap_or_default());
    let structure = |name: &str| Search::new("Organization").text("name", name);
    if let Some(rpps) = &query.rpps {
        return stage([vec![person().with("identifier", rpps.as_str())], Vec::new()]);
    }
    if let Some(finess) = &query.finess {
        return stage([vec![Search::new("Organization").with("identifier", finess.as_str())], Vec::new()]);
    }
    if let Some(name) = &query.name {
        let parts: Vec<&str> = name.split_whitespace().take(MOST_WORDS).collect();
        let whole = person().text("name", name.trim());
        if parts.is_empty() {
            return Err(DirectoryError::Nothing);
        }
        return stage([by_name(&parts), vec![whole]]);
    }
    if let Some(name) = query.organisation.as_deref().filter(|name| !name.trim().is_empty()) {
        let inside = Search::new("Organization").text("name:contains", name.trim());
        // People of the structure are wanted only where something about people is asked.
        let people = query.profession.is_some() || !query.words.is_empty();
        let with_people = |search: Search| if people { search.with("_revinclude", STRUCTURE_ROLES) } else { search };
        return stage([vec![with_people(structure(name.trim()))], vec![with_people(inside)]]);
    }
    if !query.words.is_empty() {
        return Ok(by_words(&query.words, number));
    }
    match (&query.place, &query.profession) {
        (Some(place), _) => stage([vec![by_place(place)], Vec::new()]),
        (None, Some(profession)) => stage([vec![by_profession(profession)], Vec::new()]),
        (None, None) => Err(DirectoryError::Nothing),
    }
}

/// People, with the situations they work in.
fn person() -> Search {
    Search::new("Practitioner").with("_revinclude", PERSON_ROLES)
}

/// Each way to read words as family and given names, in either order.
fn by_name(parts: &[&str]) -> Vec<Search> {
    let mut searches = vec![person().text("family", &parts.join(" "))];
    for at in 1..parts.len() {
        let (first, second) = (parts[..at].join(" "), parts[at..].join(" "));
        searches.push(person().text("family", &second).text("given", &first));
        searches.push(person().text("family", &first).text("given", &second));
    }
    searches
}

fn by_words(free: &[String], number: usize) -> Vec<Search> {
    let parts: Vec<&str> = free.iter().map(String::as_str).take(MOST_WORDS).collect();
    if number == 0 {
        let mut first = by_name(&parts);
        first.push(Search::new("Organization").text("name:contains", &parts.join(" ")));
        return first;
    }
    let each = |search: &dyn Fn(&str) -> Search| parts.iter().map(|word| search(word)).collect::<Vec<_>>();
    let mut second = each(&|word| person().text("family", word));
    second.extend(each(&|word| person().text("given", word)));
    second.extend(each(&|word| Search::new("Organization").text("name:contains", word)));
    second.extend(each(&by_place));
    second.extend(parts.iter().filter(|word| !codes(word).is_empty()).map(|word| by_profession(word)));
    second
}

/// People of a profession or speciality; what is called neither is taken for a code.
fn by_profession(profession: &str) -> Search {
    let person = person();
    match codes(profession) {
        codes if codes.is_empty() => person.text("qualification-code", profession.trim()),
        codes => person.with("qualification-code", codes.join(",")),
    }
}

/// Structures of a place, and the situations people have in them.
fn by_place(place: &str) -> Search {
    let digits = place.trim().bytes().all(|b| b.is_ascii_digit());
    let parameter = if digits { "address-postalcode" } else { "address-city" };
    Search::new("Organization").text(parameter, place.trim()).with("_revinclude", STRUCTURE_ROLES)
}

/// Whether an entry is what was asked for: a search may bring more.
pub(super) fn fits(query: &Query, entry: &Entry) -> bool {
    let numbered = |number: &str| entry.identifiers.iter().any(|identity| identity.number == number);
    let places = || entry.workplaces.iter().filter_map(|workplace| workplace.place.as_deref());
    let structures = || entry.workplaces.iter().map(|workplace| workplace.name.as_str());
    let professions = || entry.professions.iter().flat_map(|held| [held.label.as_str(), held.code.as_str()]);
    let services = || entry.mailboxes.iter().filter_map(|mailbox| mailbox.service.as_deref());
    let given = |wanted: &Option<String>| wanted.clone().filter(|text| !words(text).is_empty());
    query.address.as_ref().is_none_or(|address| entry.has(address))
        && query.rpps.as_ref().is_none_or(|rpps| numbered(rpps.as_str()))
        && query.finess.as_ref().is_none_or(|finess| numbered(finess.as_str()))
        && given(&query.name).is_none_or(|name| all_begin(&name, [entry.name.as_str()]))
        && given(&query.profession).is_none_or(|profession| practises(&profession, professions()))
        && given(&query.place).is_none_or(|place| all_begin(&place, places()))
        && given(&query.organisation).is_none_or(|name| all_begin(&name, structures()))
        && query.words.iter().all(|word| {
            all_begin(word, [entry.name.as_str()].into_iter().chain(places()).chain(structures()))
                || all_begin(word, services())
                || practises(word, professions())
        })
}

impl Entry {
    /// Whether one of its addresses is this one, marked as a mailbox or not.
    fn has(&self, address: &Address) -> bool {
        self.mailboxes.iter().any(|mailbox| mailbox.address == *address) || self.plain.contains(address)
    }
}
