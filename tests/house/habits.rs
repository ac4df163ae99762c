//! The habits of the house: what a file opens with, which doors stand in one room only, which words and names are not used.

use super::source::{Source, Token, UsedPath};

/// The only file that ends the process.
const MAIN: &str = "src/main.rs";
/// The most lines of code a file may hold; near 400 is the aim.
const LONGEST: usize = 500;
/// Names that say nothing of what is in the drawer.
const DRAWERS: [&str; 7] = ["utils", "util", "common", "helpers", "helper", "misc", "prelude"];
/// What may stand at the top of the package, beside names that begin with a dot.
const TOP_LEVEL: [&str; 15] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "completions",
    "deny.toml",
    "examples",
    "fuzz",
    "man",
    "rustfmt.toml",
    "src",
];

fn broken(source: &Source, line: usize, rule: &str) -> String {
    format!("{}:{line}: {rule}", source.path)
}

fn in_room(source: &Source, room: &str) -> bool {
    source.path == format!("src/{room}.rs") || source.path.starts_with(&format!("src/{room}/"))
}

/// Every file opens with one sentence that says what it is for.
pub fn head(source: &Source) -> Option<String> {
    let head: Vec<&str> =
        source.text.lines().map_while(|line| line.strip_prefix("//!")).take_while(|line| !line.is_empty()).collect();
    let sentence = head.join("");
    let whole =
        sentence.starts_with(' ') && sentence.split_whitespace().count() > 2 && sentence.trim_end().ends_with('.');
    (!whole).then(|| broken(source, 1, "head: a file opens with one `//!` sentence that ends with a full stop"))
}

/// A file stays short enough to be read in one go.
pub fn length(source: &Source) -> Option<String> {
    let lines = source.code_lines();
    (lines > LONGEST)
        .then(|| broken(source, LONGEST, &format!("length: {lines} lines of code, at most {LONGEST}: split it")))
}

/// `expose` outside the files that are listed with a reason, and files on the list that no longer need to be.
pub fn opened_secrets(sources: &[Source], listed: &[(&str, &str)]) -> Vec<String> {
    let opens = |source: &Source| -> Vec<usize> {
        let calls =
            source.tokens.windows(2).filter(|two| two[1].text == "expose" && two[0].text != "fn" && !two[1].in_test);
        calls.map(|two| two[1].line).collect()
    };
    let mut found = Vec::new();
    for source in sources {
        if !listed.iter().any(|(path, _)| *path == source.path) {
            let rule = "secrets: `expose` opens a secret in a file that the list in tests/house.rs does not name";
            found.extend(opens(source).into_iter().map(|line| broken(source, line, rule)));
        }
    }
    for (path, _) in listed {
        if !sources.iter().any(|source| source.path == *path && !opens(source).is_empty()) {
            found.push(format!("{path}:1: secrets: on the list in tests/house.rs, but opens no secret any more"));
        }
    }
    found
}

/// `Sealed::new` outside the files that are listed with how they protect, and files on the list that no longer make one.
pub fn made_sealed(sources: &[Source], listed: &[(&str, &str)]) -> Vec<String> {
    let makes = |source: &Source| -> Vec<usize> {
        let calls = source.paths.iter().filter(|path| path.names.ends_with(&["Sealed".to_owned(), "new".to_owned()]));
        calls.map(|path| path.line).collect()
    };
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !listed.iter().any(|(path, _)| *path == source.path)) {
        let rule = "sealed: a message is made ready in a file that the list in tests/house.rs does not name";
        found.extend(makes(source).into_iter().map(|line| broken(source, line, rule)));
    }
    for (path, _) in listed {
        if !sources.iter().any(|source| source.path == *path && !makes(source).is_empty()) {
            found.push(format!("{path}:1: sealed: on the list in tests/house.rs, but makes no message ready any more"));
        }
    }
    found
}

/// The system clock is read in `clock.rs` alone.
pub fn system_clock(source: &Source) -> Vec<String> {
    let readers = ["SystemTime", "Timestamp", "Zoned", "Utc", "Local"];
    let reads = |path: &UsedPath| {
        let [.., of, what] = path.names.as_slice() else { return false };
        (what == "now" && readers.contains(&of.as_str()))
            || ["now_utc", "now_local", "UNIX_EPOCH"].contains(&what.as_str())
    };
    let calls = ["clock_gettime", "generate_current", "check_current"];
    let allowed = source.path == "src/clock.rs" || !source.path.starts_with("src/");
    let by_path = source.paths.iter().filter(|path| reads(path)).map(|path| path.line);
    let by_name = source.tokens.iter().filter(|token| calls.contains(&token.text.as_str())).map(|token| token.line);
    let rule = "clock: the system clock is read in src/clock.rs only; take a Clock or a Timestamp";
    lines_unless(allowed, source, by_path.chain(by_name).collect(), rule)
}

/// Only `cli` prints, and `main`.
pub fn printing(source: &Source) -> Vec<String> {
    let allowed = in_room(source, "cli") || source.path == MAIN || !source.path.starts_with("src/");
    let macros = ["print", "println", "eprint", "eprintln", "dbg"];
    let prints = |at: usize, token: &Token| match token.text.as_str() {
        word if macros.contains(&word) => source.sign(at + 1) == "!",
        "stdout" | "stderr" => {
            let before = if at == 0 { "" } else { source.sign(at - 1) };
            before == "::"
                || (before != "." && before != "fn" && source.sign(at + 1) == "(" && source.sign(at + 2) == ")")
        }
        _ => false,
    };
    let tokens = source.tokens.iter().enumerate().filter(|(at, token)| !token.in_test && prints(*at, token));
    let rule = "printing: only src/cli prints; give the words back to the caller";
    lines_unless(allowed, source, tokens.map(|(_, token)| token.line).collect(), rule)
}

/// Only `main` ends the process.
pub fn exits(source: &Source) -> Vec<String> {
    let ends = |path: &UsedPath| matches!(path.names.as_slice(), [.., of, what] if of == "process" && (what == "exit" || what == "abort"));
    let lines = source.paths.iter().filter(|path| ends(path)).map(|path| path.line).collect();
    lines_unless(source.path == MAIN, source, lines, "exit: only src/main.rs ends the process")
}

/// `unsafe` stands in one file, where there is no safe way.
pub fn unsafe_code(source: &Source) -> Vec<String> {
    let lines = source.tokens.iter().filter(|token| token.text == "unsafe").map(|token| token.line).collect();
    lines_unless(source.path == "src/cms/evp.rs", source, lines, "unsafe: only src/cms/evp.rs may hold unsafe code")
}

/// Files are written through `fs`, and folders made there; tests may do as they like. `listed` files are excepted.
pub fn writes(source: &Source, listed: &[(&str, &str)]) -> Vec<String> {
    const DEEDS: [&str; 9] = [
        "write",
        "copy",
        "rename",
        "hard_link",
        "create_dir",
        "create_dir_all",
        "set_permissions",
        "symlink",
        "soft_link",
    ];
    let house_fs = source.paths.iter().any(|path| {
        let names: Vec<&str> = path.names.iter().map(String::as_str).collect();
        matches!(names.as_slice(), ["crate", "fs"] | ["crate", "fs", "self"])
    });
    let write = |path: &UsedPath| match path.names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["crate", "fs", ..] => false,
        ["fs", _] if house_fs => false,
        [.., "fs", deed] => DEEDS.contains(deed),
        [.., "File", deed] => ["create", "create_new", "options"].contains(deed),
        [.., "DirBuilder" | "OpenOptions", "new"] => true,
        _ => false,
    };
    let allowed = in_room(source, "fs")
        || !source.path.starts_with("src/")
        || listed.iter().any(|(path, _)| *path == source.path);
    let lines = source.paths.iter().filter(|path| !path.in_test && write(path)).map(|path| path.line).collect();
    lines_unless(
        allowed,
        source,
        lines,
        "files: files are written and folders made through src/fs only, private and whole",
    )
}

/// A file, folder or module is named after what is in it.
pub fn drawers(source: &Source) -> Vec<String> {
    let rule = |name: &str| format!("names: `{name}` says nothing of what is in it");
    let named = |name: &&str| DRAWERS.contains(name);
    let of_path = source.path.split('/').map(|part| part.trim_end_matches(".rs")).filter(named);
    let of_path = of_path.map(|name| broken(source, 1, &rule(name)));
    let modules = source.tokens.windows(2).filter(|two| two[0].text == "mod" && named(&two[1].text.as_str()));
    of_path.chain(modules.map(|two| broken(source, two[1].line, &rule(&two[1].text)))).collect()
}

/// An import names what it brings; unit tests may bring in all of the file they test.
pub fn globs(source: &Source) -> Vec<String> {
    let beside_the_code = |path: &UsedPath| path.in_test && path.names == ["super"] && !path.inside.is_empty();
    let lines = source.paths.iter().filter(|path| path.glob && !beside_the_code(path)).map(|path| path.line).collect();
    lines_unless(false, source, lines, "imports: a star hides what is used; name it")
}

/// A lint is set aside with its reason, no test is switched off, no file is put together behind the reader's back.
pub fn attributes(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let opening = if source.sign(at + 1) == "!" { at + 2 } else { at + 1 };
        if token.text != "#" || source.sign(opening) != "[" {
            continue;
        }
        let inside: Vec<&str> =
            (opening + 1..).map(|at| source.sign(at)).take_while(|sign| !["]", ""].contains(sign)).collect();
        match inside.first().copied() {
            Some("allow" | "expect") if !inside.contains(&"reason") => {
                found.push(broken(source, token.line, "lints: an exception is given with `reason = \"...\"`"));
            }
            Some("ignore") => {
                found.push(broken(source, token.line, "modules: an ignored test is a test that is not run"))
            }
            Some("path") => {
                found.push(broken(source, token.line, "modules: a module stands where its name says, without #[path]"))
            }
            _ => {}
        }
    }
    let includes = source.tokens.windows(2).filter(|two| two[0].text == "include" && two[1].text == "!");
    found.extend(includes.map(|two| broken(source, two[0].line, "modules: code is not included from elsewhere")));
    found
}

/// Notes to oneself, places on one machine, names of package registries. Any text file is read, not Rust alone.
pub fn words(path: &str, text: &str) -> Vec<String> {
    // In halves, so that this file does not break its own rule.
    let needles = [
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
        ("HA", "CK"),
        ("/ro", "ot/"),
        ("/wo", "rk/"),
        ("/ho", "me/"),
        ("crates", ".io"),
        ("pypi", ".org"),
        ("debian", ".org"),
    ];
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for needle in needles.map(|(one, two)| format!("{one}{two}")) {
            let alone = |at: usize| {
                let (before, after) = (line[..at].chars().next_back(), line[at + needle.len()..].chars().next());
                let open = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                open(before) && (open(after) || needle.ends_with('/'))
            };
            if line.match_indices(&needle).any(|(at, _)| alone(at)) {
                found.push(format!("{path}:{}: words: `{needle}` is not for this repository", number + 1));
            }
        }
    }
    found
}

/// Files that no `mod` leads to: dead code, or a test that is never run. `roots` are where cargo begins.
pub fn unreached(sources: &[Source], roots: &[&str]) -> Vec<String> {
    let mut reached: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
    let mut next = 0;
    while next < reached.len() {
        if let Some(source) = sources.iter().find(|source| source.path == reached[next]) {
            reached.extend(source.modules.iter().flat_map(|module| source.places(module)));
        }
        next += 1;
    }
    let lost = sources.iter().filter(|source| !reached.contains(&source.path));
    lost.map(|source| broken(source, 1, "modules: no `mod` leads to this file, so it is neither built nor run"))
        .collect()
}

/// What stands at the top of the package and is not one of the few things that may.
pub fn top_level(names: &[String]) -> Vec<String> {
    let known = |name: &str| name.starts_with('.') || name == "target" || name == "tests" || TOP_LEVEL.contains(&name);
    let strangers = names.iter().filter(|name| !known(name));
    strangers
        .map(|name| format!("{name}:1: top level: only {} and names with a dot stand here", TOP_LEVEL.join(" ")))
        .collect()
}

fn lines_unless(allowed: bool, source: &Source, lines: Vec<usize>, rule: &str) -> Vec<String> {
    if allowed { Vec::new() } else { lines.into_iter().map(|line| broken(source, line, rule)).collect() }
}
