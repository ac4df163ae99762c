//! Rows of JSON Lines: one object on each line (RFC 8259), its names those of the columns.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::column::{Column, LIST_LIMIT};
use super::csv::not_utf8;
use super::fault::{Fault, RowFaults};
use super::row::Value;

/// The values of an object under their columns.
pub(super) fn cells(line: &[u8], cut_off: bool, faults: &mut RowFaults) -> Vec<(Column, Value)> {
    let at = Cell::new(None);
    let mut found = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(line);
    let object = Object { cells: &mut found, faults, at: &at };
    let read = json.deserialize_any(object).and_then(|()| json.end());
    let fault = match (std::str::from_utf8(line), read) {
        // The object was read even so, up to the value in which the octet stands.
        (Err(error), _) => Some((at.get(), not_utf8(line, error.valid_up_to()))),
        (Ok(_), Ok(())) => None,
        (Ok(_), Err(error)) => Some(match error.classify() {
            Category::Eof if cut_off => (None, Fault::CutShort),
            Category::Data => (None, Fault::NotAnObject),
            _ => (at.get(), Fault::NotJson { at: error.column() }),
        }),
    };
    if let Some((column, fault)) = fault {
        faults.add(column, fault);
    }
    found
}

/// An object read name by name: `serde_json` alone would let the last of two equal names win.
struct Object<'a> {
    cells: &'a mut Vec<(Column, Value)>,
    faults: &'a mut RowFaults,
    /// The column that is being read.
    at: &'a Cell<Option<Column>>,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(column) = Column::named(&name) else {
                self.faults.add(None, Fault::unknown(&name));
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.at.set(Some(column));
            let found = map.next_value_seed(Anything { in_array: false })?;
            self.at.set(None);
            if seen.contains(&column) {
                self.faults.add(Some(column), Fault::DoubledColumn);
                continue;
            }
            seen.push(column);
            match found.judged(column) {
                Ok(Some(value)) => self.cells.push((column, value)),
                Ok(None) => {}
                Err(fault) => self.faults.add(Some(column), fault),
            }
        }
        Ok(())
    }
}

/// What stands under a name.
enum Found {
    Null,
    Text(String),
    List(Vec<Found>),
    Other(&'static str),
    Object,
}

impl Found {
    /// The value it is for a column, or what is wrong with it.
    fn judged(self, column: Column) -> Result<Option<Value>, Fault> {
        let is_list = !column.rule().separators.is_empty();
        match self {
            Found::Null => Ok(None),
            // The name of a file may hold a semicolon, and here it can be said so.
            Found::Text(text) if column == Column::Attach => Ok(Some(Value::List(vec![text]))),
            Found::Text(text) => Ok(Some(Value::of(&text, column.rule()))),
            Found::Other(found) => Err(Fault::WrongType { found }),
            Found::Object => Err(Fault::Nested { found: "an object" }),
            Found::List(_) if !is_list => Err(Fault::NotAList),
            Found::List(all) => {
                let text = |one: Found| match one {
                    Found::Text(text) => Ok(text),
                    Found::Null => Err(Fault::WrongType { found: "null" }),
                    Found::Other(found) => Err(Fault::WrongType { found }),
                    Found::List(_) => Err(Fault::Nested { found: "an array in an array" }),
                    Found::Object => Err(Fault::Nested { found: "an object" }),
                };
                all.into_iter().map(text).collect::<Result<_, _>>().map(|all| Some(Value::List(all)))
            }
        }
    }
}

/// Reads any value; an array in an array is not looked into, so that none is deep.
struct Anything {
    in_array: bool,
}

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(Found::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other("true or false"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Found, A::Error> {
        let mut all = Vec::new();
        // One too many is kept, so that the row is found to have too many.
        while all.len() <= LIST_LIMIT && !self.in_array {
            match seq.next_element_seed(Anything { in_array: true })? {
                Some(found) => all.push(found),
                None => return Ok(Found::List(all)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Object)
    }
}
