//! Rust source as the rules read it: tokens without comments and literals, paths with their groups unfolded, module names.

/// One file, read once.
pub struct Source {
    /// Where it stands, from the top of the package, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// What is left of it without comments and white space.
    pub tokens: Vec<Token>,
    /// Every path of at least two names, and every path of a `use`.
    pub paths: Vec<UsedPath>,
    /// Every `mod name;`.
    pub modules: Vec<DeclaredModule>,
}

/// An identifier, a sign (`::` is one), or a literal.
#[derive(Clone, Debug)]
pub struct Token {
    /// The identifier or sign; a literal is `"`.
    pub text: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The line it ends on.
    pub last_line: usize,
    /// Whether it is compiled for tests only.
    pub in_test: bool,
    /// The modules opened in this file around it.
    pub inside: Vec<String>,
}

/// A path as written, a group unfolded into one path for each of its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedPath {
    pub names: Vec<String>,
    /// It ends in `*`.
    pub glob: bool,
    pub line: usize,
    pub in_test: bool,
    pub inside: Vec<String>,
}

/// A `mod name;`, which names another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredModule {
    pub name: String,
    pub inside: Vec<String>,
    pub in_test: bool,
}

impl Source {
    /// Reads one file's text.
    pub fn new(path: &str, text: &str) -> Source {
        let mut tokens = Lexer::new(text).tokens();
        mark_modules_and_tests(&mut tokens);
        let (paths, modules) = (paths(&tokens), modules(&tokens));
        Source { path: path.to_owned(), text: text.to_owned(), tokens, paths, modules }
    }

    /// The module path its place gives it: `src/smtp/mod.rs` and `src/smtp.rs` are `smtp`, `src/lib.rs` is the root.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.split_once('/').map_or("", |(_, rest)| rest).trim_end_matches(".rs");
        let mut names: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            names.pop();
        }
        names
    }

    /// Where the file of one of its `mod name;` may stand.
    pub fn places(&self, module: &DeclaredModule) -> [String; 2] {
        let top = self.path.split('/').next().unwrap_or_default();
        let own = self.module();
        let names = own.iter().chain(&module.inside).chain([&module.name]).map(String::as_str);
        let place = [top].into_iter().chain(names).collect::<Vec<_>>().join("/");
        [format!("{place}.rs"), format!("{place}/mod.rs")]
    }

    /// Lines that hold code: blank lines and comments are not counted.
    pub fn code_lines(&self) -> usize {
        let mut lines: Vec<usize> = self.tokens.iter().flat_map(|token| token.line..=token.last_line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.len()
    }

    /// The token at a place, or nothing.
    pub fn sign(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text.as_str())
    }
}

/// Carries `#[cfg(test)] mod name;` over to the file it names, and to those that file names.
pub fn mark_files_for_tests(sources: &mut [Source]) {
    let for_tests = |source: &Source| -> Vec<String> {
        source.modules.iter().filter(|module| module.in_test).flat_map(|module| source.places(module)).collect()
    };
    let mut paths: Vec<String> = sources.iter().flat_map(for_tests).collect();
    while let Some(path) = paths.pop() {
        let Some(source) = sources.iter_mut().find(|source| source.path == path) else { continue };
        source.tokens.iter_mut().for_each(|token| token.in_test = true);
        source.paths.iter_mut().for_each(|path| path.in_test = true);
        source.modules.iter_mut().for_each(|module| module.in_test = true);
        paths.extend(for_tests(source));
    }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn new(text: &str) -> Lexer {
        Lexer { chars: text.chars().collect(), at: 0, line: 1 }
    }

    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn step(&mut self) -> char {
        let c = self.peek(0);
        self.at += 1;
        self.line += usize::from(c == '\n');
        c
    }

    fn ended(&self) -> bool {
        self.at >= self.chars.len()
    }

    fn tokens(mut self) -> Vec<Token> {
        let mut tokens = Vec::new();
        while !self.ended() {
            let line = self.line;
            let Some(text) = self.token() else { continue };
            tokens.push(Token { text, line, last_line: self.line, in_test: false, inside: Vec::new() });
        }
        tokens
    }

    fn token(&mut self) -> Option<String> {
        match (self.peek(0), self.peek(1)) {
            (c, _) if c.is_whitespace() => {
                self.step();
                None
            }
            ('/', '/') => {
                while !self.ended() && self.peek(0) != '\n' {
                    self.step();
                }
                None
            }
            ('/', '*') => {
                self.block_comment();
                None
            }
            ('"', _) => Some(self.quoted('"')),
            ('\'', next) if next == '\\' || self.peek(2) == '\'' => Some(self.quoted('\'')),
            ('\'', _) => {
                self.step();
                self.word();
                Some("'".to_owned())
            }
            (c, _) if is_word(c) => Some(self.word_or_literal()),
            (':', ':') => {
                self.at += 2;
                Some("::".to_owned())
            }
            _ => Some(self.step().to_string()),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.step();
                    if self.ended() {
                        return;
                    }
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 || self.ended() {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) -> String {
        self.step();
        while !self.ended() {
            match self.step() {
                '\\' => {
                    self.step();
                }
                c if c == quote => break,
                _ => {}
            }
        }
        "\"".to_owned()
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while is_word(self.peek(0)) {
            word.push(self.step());
        }
        word
    }

    /// A word; or what a word opens: `r"`, `br#"`, `b'x'`, `r#name`, a number.
    fn word_or_literal(&mut self) -> String {
        let word = self.word();
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            if self.peek(0) == '.' && self.peek(1).is_ascii_digit() {
                self.step();
                self.word();
            }
            return "\"".to_owned();
        }
        let raw = ["r", "br", "cr"].contains(&word.as_str());
        match self.peek(0) {
            '"' if raw => self.raw(0),
            '"' if word == "b" || word == "c" => self.quoted('"'),
            '\'' if word == "b" => self.quoted('\''),
            '#' if raw => {
                let hashes = self.chars[self.at..].iter().take_while(|c| **c == '#').count();
                if self.peek(hashes) == '"' {
                    self.raw(hashes)
                } else {
                    self.step();
                    self.word()
                }
            }
            _ => word,
        }
    }

    fn raw(&mut self, hashes: usize) -> String {
        self.at += hashes + 1;
        while !self.ended() {
            if self.step() == '"' && (0..hashes).all(|ahead| self.peek(ahead) == '#') {
                self.at += hashes;
                break;
            }
        }
        "\"".to_owned()
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Says of each token which modules of this file it stands in, and whether `#[cfg(test)]` covers it.
fn mark_modules_and_tests(tokens: &mut [Token]) {
    struct Block {
        module: bool,
        was_test: bool,
    }
    let words: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    let next = |at: usize| words.get(at).map_or("", String::as_str);
    let (mut blocks, mut inside): (Vec<Block>, Vec<String>) = (Vec::new(), Vec::new());
    // `test` covers the rest of the block or file; `item` the item that an attribute stands before, until its end.
    let (mut test, mut item, mut brackets) = (false, false, 0_i32);
    for at in 0..tokens.len() {
        if next(at) == "#" && (at + 1..at + 9).map(next).collect::<String>().contains("[cfg(test)]") {
            if next(at + 1) == "!" { test = true } else { item = true }
        }
        let covered = test || item;
        match next(at) {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            ";" if brackets == 0 => item = false,
            "{" => {
                let module = at > 1 && next(at - 2) == "mod";
                if module {
                    inside.push(words[at - 1].clone());
                }
                blocks.push(Block { module, was_test: test });
                (test, item) = (covered, false);
            }
            "}" => {
                if let Some(block) = blocks.pop() {
                    test = block.was_test;
                    if block.module {
                        inside.pop();
                    }
                }
            }
            _ => {}
        }
        tokens[at].in_test = covered;
        tokens[at].inside = inside.clone();
    }
}

fn modules(tokens: &[Token]) -> Vec<DeclaredModule> {
    tokens
        .windows(3)
        .filter(|three| three[0].text == "mod" && three[2].text == ";")
        .map(|three| DeclaredModule {
            name: three[1].text.clone(),
            inside: three[1].inside.clone(),
            in_test: three[1].in_test,
        })
        .collect()
}

fn paths(tokens: &[Token]) -> Vec<UsedPath> {
    let mut walk = Walk { tokens, at: 0, found: Vec::new() };
    while walk.at < tokens.len() {
        let after_path =
            walk.at > 0 && walk.word(walk.at - 1) == "::" && walk.at > 1 && is_name(walk.word(walk.at - 2));
        if walk.word(walk.at) == "use" && walk.word(walk.at + 1) != "<" {
            walk.at += 1;
            walk.tree(&mut Vec::new(), true);
        } else if is_name(walk.word(walk.at)) && !after_path {
            walk.tree(&mut Vec::new(), false);
        } else {
            walk.at += 1;
        }
    }
    walk.found
}

fn is_name(word: &str) -> bool {
    word.starts_with(is_word)
}

struct Walk<'a> {
    tokens: &'a [Token],
    at: usize,
    found: Vec<UsedPath>,
}

impl Walk<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    /// One path, from its first name on; in a `use` it may end in a group, a star or another name.
    fn tree(&mut self, names: &mut Vec<String>, is_use: bool) {
        let start = names.len();
        let first = self.at.min(self.tokens.len() - 1);
        if self.word(self.at) == "::" {
            self.at += 1;
        }
        loop {
            match self.word(self.at) {
                "{" if is_use => {
                    self.group(names);
                    break;
                }
                "*" if is_use => {
                    self.at += 1;
                    self.keep(names, true, first);
                    break;
                }
                word if is_name(word) => {
                    names.push(word.to_owned());
                    self.at += 1;
                }
                _ => {
                    if is_use || names.len() > 1 {
                        self.keep(names, false, first);
                    }
                    break;
                }
            }
            if self.word(self.at) == "::" {
                self.at += 1;
            } else {
                if is_use || names.len() > 1 {
                    self.keep(names, false, first);
                }
                break;
            }
        }
        if is_use && self.word(self.at) == "as" {
            self.at += 2;
        }
        names.truncate(start);
    }

    fn group(&mut self, names: &mut Vec<String>) {
        self.at += 1;
        while self.at < self.tokens.len() && self.word(self.at) != "}" {
            if self.word(self.at) == "," {
                self.at += 1;
            } else {
                let before = self.at;
                self.tree(names, true);
                self.at = self.at.max(before + 1);
            }
        }
        self.at += 1;
    }

    fn keep(&mut self, names: &[String], glob: bool, at: usize) {
        let token = &self.tokens[at];
        self.found.push(UsedPath {
            names: names.to_vec(),
            glob,
            line: token.line,
            in_test: token.in_test,
            inside: token.inside.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn paths(text: &str) -> Vec<String> {
        let shown = |path: &super::UsedPath| path.names.join("::") + if path.glob { "::*" } else { "" };
        Source::new("src/smtp/mod.rs", text).paths.iter().map(shown).collect()
    }

    #[test]
    fn groups_are_unfolded() {
        assert_eq!(
            paths("use crate::{mail::{Address, Envelope as E}, net, self};\nuse std::io;"),
            ["crate::mail::Address", "crate::mail::Envelope", "crate::net", "crate::self", "std::io"]
        );
        assert_eq!(paths("pub(crate) use {super::x::*, ::serde::Serialize};"), ["super::x::*", "serde::Serialize"]);
    }

    #[test]
    fn paths_inside_code_are_seen() {
        assert_eq!(
            paths("fn f(a: &crate::mail::Address) -> Vec<super::Reply> { crate::net::dial::<u8>(a) }"),
            ["crate::mail::Address", "super::Reply", "crate::net::dial"]
        );
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = r####"
            /// See [`crate::cli`]. /* not open
            // crate::cli::a
            /* crate::cli::b /* deeper */ crate::cli::c */
            const A: &str = "crate::cli::d \" crate::cli::e";
            const B: &str = r#"crate::cli::f " crate::cli::g"#;
            const C: (char, char, &[u8], u8) = ('"', '\'', b"crate::cli::h", b'"');
            fn life<'a>(x: &'a str) -> r#type::Kind { 1.0e5; 'a'; x }
        "####;
        assert_eq!(paths(text), ["type::Kind"]);
    }

    #[test]
    fn what_is_for_tests_only_is_known() {
        let source = Source::new(
            "src/a.rs",
            "fn one([u8; 2]: X) { a() }\n#[cfg(test)]\nuse x::y;\nfn two() { b() }\n#[cfg(test)]\nmod tests {\n fn c() { { d() } e() }\n}\nfn f() {}",
        );
        let tests: Vec<&str> = source.tokens.iter().filter(|t| t.in_test).map(|t| t.text.as_str()).collect();
        assert!(["x", "y", "c", "d", "e"].iter().all(|name| tests.contains(name)), "{tests:?}");
        assert!(["one", "a", "two", "b", "f"].iter().all(|name| !tests.contains(name)), "{tests:?}");
        let d = source.tokens.iter().find(|t| t.text == "d").unwrap();
        assert_eq!((d.line, d.inside.as_slice()), (7, ["tests".to_owned()].as_slice()));
    }

    #[test]
    fn a_file_for_tests_only_is_known_by_its_declaration() {
        let mut files = [
            Source::new("src/pki/mod.rs", "mod key;\n#[cfg(test)]\nmod specimen;"),
            Source::new("src/pki/key.rs", "fn a() {}"),
            Source::new("src/pki/specimen.rs", "mod deeper;"),
            Source::new("src/pki/specimen/deeper.rs", "fn b() {}"),
        ];
        super::mark_files_for_tests(&mut files);
        let tests: Vec<bool> = files.iter().map(|source| source.tokens.iter().any(|token| token.in_test)).collect();
        assert_eq!(tests, [true, false, true, true]);
    }

    #[test]
    fn lines_of_code_leave_out_comments_and_blank_lines() {
        let text = "//! Head.\n\n/// Doc.\nfn f() { // why\n    let s = \"two\n    lines\";\n}\n/* a\n b */\n";
        assert_eq!(Source::new("src/a.rs", text).code_lines(), 4);
    }
}
