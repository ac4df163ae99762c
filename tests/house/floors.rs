//! The floor plan at the top of `src/lib.rs`, and every way out of a room checked against it.

use std::collections::BTreeMap;

use super::source::{Source, UsedPath};

/// Which floor each room stands on.
pub struct FloorPlan {
    rooms: BTreeMap<String, Floor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Floor {
    Number(u8),
    Annex,
}

/// The highest floor the annex may use.
const ANNEX_USES: u8 = 2;
/// The one room that may open the annex's door, and the only one `main` knows.
const FRONT: &str = "cli";

impl FloorPlan {
    /// Reads the table in the head comment of `src/lib.rs`.
    pub fn read(lib: &str) -> Result<FloorPlan, String> {
        let mut rooms = BTreeMap::new();
        let rows = lib.lines().enumerate().filter(|(_, line)| line.starts_with("//! |")).skip(2);
        for (number, row) in rows {
            let refuse = |why: &str| Err(format!("src/lib.rs:{}: floor plan: {why}", number + 1));
            let cells: Vec<&str> = row.trim_start_matches("//!").trim().trim_matches('|').split('|').collect();
            let [floor, room, sentence, ..] = cells.as_slice() else {
                return refuse("a row has a floor, a room and one line");
            };
            let floor = match floor.trim() {
                "annex" => Floor::Annex,
                digit => match digit.parse() {
                    Ok(number) => Floor::Number(number),
                    Err(_) => return refuse("a floor is a number or `annex`"),
                },
            };
            if sentence.trim().is_empty() {
                return refuse("a room says in one line what it is for");
            }
            if rooms.insert(room.trim().trim_matches('`').to_owned(), floor).is_some() {
                return refuse("a room is named twice");
            }
        }
        if rooms.is_empty() {
            Err("src/lib.rs:1: floor plan: there is no table".to_owned())
        } else {
            Ok(FloorPlan { rooms })
        }
    }

    /// Rooms without a file, and files that are in no room. `files` are all those under `src/`.
    pub fn unmatched(&self, files: &[String]) -> Vec<String> {
        let room_of = |file: &String| {
            let name = file.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs").to_owned();
            (!["lib", "main"].contains(&name.as_str())).then_some(name)
        };
        let homeless = files.iter().filter_map(|file| Some((file, room_of(file)?)));
        let homeless = homeless
            .filter(|(_, room)| !self.rooms.contains_key(room))
            .map(|(file, room)| format!("{file}:1: floor plan: `{room}` is not in the table of src/lib.rs"));
        let empty =
            self.rooms.keys().filter(|room| !files.iter().any(|file| room_of(file).as_ref() == Some(room))).map(
                |room| format!("src/lib.rs:1: floor plan: `{room}` has no file src/{room}.rs or src/{room}/mod.rs"),
            );
        homeless.chain(empty).collect()
    }

    /// Every path out of a room that leads up, to a neighbour, through the annex's wall, or nowhere.
    pub fn wrong_ways(&self, source: &Source) -> Vec<String> {
        let module = source.module();
        let mut wrong = Vec::new();
        for path in &source.paths {
            let Some(target) = target(source, &module, path) else { continue };
            let why = match target.first() {
                None => Some("takes the whole crate: name the room".to_owned()),
                Some(room) => self.refusal(module.first().map(String::as_str), &source.path, room),
            };
            if let Some(why) = why {
                wrong.push(format!("{}:{}: floors: `{}` {why}", source.path, path.line, path.names.join("::")));
            }
        }
        wrong
    }

    fn refusal(&self, from: Option<&str>, file: &str, to: &str) -> Option<String> {
        let Some(&target) = self.rooms.get(to) else {
            return Some(format!("leads to `{to}`, which is not a room of the floor plan"));
        };
        let Some(from) = from else {
            let allowed = file == "src/main.rs" && to == FRONT;
            return (!allowed)
                .then(|| format!("is not for this file: src/main.rs knows `{FRONT}` only, src/lib.rs no room"));
        };
        if from == to {
            return None;
        }
        let Some(&own) = self.rooms.get(from) else {
            return Some(format!("is used in `{from}`, which is not a room of the floor plan"));
        };
        match (own, target) {
            (_, Floor::Annex) if from == FRONT => None,
            (_, Floor::Annex) => Some(format!("opens the annex: only `{FRONT}` may")),
            (Floor::Annex, Floor::Number(floor)) if floor <= ANNEX_USES => None,
            (Floor::Annex, Floor::Number(floor)) => {
                Some(format!("leads to floor {floor}: the annex `{from}` may use floors 1 to {ANNEX_USES} only"))
            }
            (Floor::Number(own), Floor::Number(floor)) if floor < own => None,
            (Floor::Number(own), Floor::Number(floor)) if floor == own => {
                Some(format!("leads to a neighbour: `{from}` and `{to}` are both on floor {own}"))
            }
            (Floor::Number(own), Floor::Number(floor)) => {
                Some(format!("leads up: `{from}` is on floor {own}, `{to}` on floor {floor}"))
            }
        }
    }
}

/// Where a path leads, from the root of the crate; nothing for a path that begins outside it or beside it.
fn target(source: &Source, module: &[String], path: &UsedPath) -> Option<Vec<String>> {
    let mut here: Vec<String> = module.iter().chain(&path.inside).cloned().collect();
    let mut names = path.names.iter().map(String::as_str).peekable();
    match names.next()? {
        "crate" => here.clear(),
        "mss" if source.path == "src/main.rs" => here.clear(),
        "self" => {}
        "super" => {
            here.pop();
            while names.next_if_eq(&"super").is_some() {
                here.pop();
            }
        }
        _ => return None,
    }
    // `self` in a group means the group's own module.
    here.extend(names.filter(|name| *name != "self").map(str::to_owned));
    Some(here)
}

#[cfg(test)]
mod tests {
    use super::FloorPlan;
    use crate::house::source::Source;

    const PLAN: &str = "//! Plan.\n//!\n//! | floor | room | one line |\n//! |---|---|---|\n//! | 7 | `cli` | words |\n\
        //! | 6 | `commands` | stories |\n//! | 5 | `imap` | mailbox |\n//! | 5 | `smtp` | submission |\n\
        //! | 3 | `net` | dial |\n//! | 2 | `fs` | files |\n//! | 1 | `mail` | values |\n//! | annex | `sandbox` | operator |\n";

    fn wrong_ways(path: &str, text: &str) -> Vec<String> {
        FloorPlan::read(PLAN).unwrap().wrong_ways(&Source::new(path, text))
    }

    #[track_caller]
    fn refused(path: &str, text: &str, said: &str) {
        let wrong = wrong_ways(path, text);
        assert!(wrong.len() == 1 && wrong[0].contains(said), "{text}\n{wrong:?}");
    }

    #[test]
    fn the_way_down_is_free() {
        let text = "use crate::{mail::{Address, self}, net::Endpoint};\nuse super::reply::Reply;\nuse self::parser::x;\n\
            #[cfg(test)]\nmod tests { use super::*; use super::super::super::fs; use std::io; }";
        assert_eq!(wrong_ways("src/smtp/auth.rs", text), [""; 0]);
        assert_eq!(wrong_ways("src/cli/mod.rs", "use crate::sandbox::Sandbox;"), [""; 0]);
        assert_eq!(wrong_ways("src/sandbox/mod.rs", "use crate::{fs, mail};"), [""; 0]);
        assert_eq!(wrong_ways("src/main.rs", "fn main() { mss::cli::run() }"), [""; 0]);
    }

    #[test]
    fn the_way_up_is_refused() {
        refused(
            "src/smtp/mod.rs",
            "use crate::commands::send;",
            "src/smtp/mod.rs:1: floors: `crate::commands::send` leads up",
        );
        refused(
            "src/fs.rs",
            "//! F.\n\nuse crate::{mail, net::Endpoint};",
            "src/fs.rs:3: floors: `crate::net::Endpoint`",
        );
        refused("src/mail/mod.rs", "fn f() { $crate::fs::read() }", "leads up");
    }

    #[test]
    fn a_neighbour_is_refused() {
        refused("src/smtp/reply.rs", "use super::super::imap::Session;", "leads to a neighbour");
        refused("src/smtp/mod.rs", "fn f(s: &super::imap::Session) {}", "leads to a neighbour");
        refused("src/smtp/mod.rs", "#[cfg(test)] mod tests { use super::super::imap; }", "leads to a neighbour");
    }

    #[test]
    fn the_wall_of_the_annex_holds() {
        refused("src/commands/send.rs", "use crate::sandbox::Sandbox;", "opens the annex");
        refused("src/sandbox/imap.rs", "use crate::net::Endpoint;", "the annex `sandbox` may use floors 1 to 2 only");
        refused("src/sandbox/imap.rs", "use crate::smtp::Reply;", "floor 5");
    }

    #[test]
    fn the_root_is_no_way_round() {
        refused("src/smtp/mod.rs", "use crate as house;", "takes the whole crate");
        refused("src/smtp/mod.rs", "use crate::{self as house};", "takes the whole crate");
        refused("src/smtp/mod.rs", "use crate::Everything;", "not a room");
        refused("src/smtp/mod.rs", "use crate::*;", "takes the whole crate");
        refused("src/lib.rs", "pub use crate::smtp::Session;", "src/lib.rs no room");
        refused("src/main.rs", "use mss::{cli, smtp::Session};", "src/main.rs knows `cli` only");
    }

    #[test]
    fn a_room_without_a_file_and_a_file_without_a_room_are_refused() {
        let files = [
            "src/lib.rs",
            "src/main.rs",
            "src/cli/mod.rs",
            "src/commands/send.rs",
            "src/imap/mod.rs",
            "src/fs.rs",
            "src/smtp/mod.rs",
            "src/net/mod.rs",
            "src/mail/mod.rs",
            "src/attic/mod.rs",
        ];
        let unmatched = FloorPlan::read(PLAN).unwrap().unmatched(&files.map(str::to_owned));
        assert_eq!(unmatched.len(), 2, "{unmatched:?}");
        assert!(unmatched[0].starts_with("src/attic/mod.rs:1: floor plan: `attic` is not in the table"));
        assert!(unmatched[1].contains("`sandbox` has no file"));
    }

    #[test]
    fn a_damaged_plan_is_refused() {
        let refused = |row: &str| FloorPlan::read(&format!("{PLAN}{row}\n")).err().unwrap_or_default();
        assert!(refused("//! | 5 | `smtp` | again |").contains("named twice"));
        assert!(refused("//! | high | `tower` | view |").contains("a floor is a number"));
        assert!(refused("//! | 5 | `tower` |  |").contains("one line"));
        assert!(FloorPlan::read("//! Nothing.\n").is_err());
    }
}
