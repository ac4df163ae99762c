//! What the program is built from: crates that are kept out, crates of which there is one, floors, and licences.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::house::{self, Source, none};

/// Never part of a build, and why. Cargo.lock may name one that nothing asks for.
const KEPT_OUT: [(&str, &str); 9] = [
    ("async-std", "RUSTSEC-2025-0052, no longer maintained"),
    ("instant", "RUSTSEC-2024-0384, no longer maintained"),
    ("native-tls", "rustls is the one TLS"),
    ("openssl", "aws-lc-rs is the one library of ciphers"),
    ("openssl-sys", "aws-lc-rs is the one library of ciphers"),
    ("ring", "aws-lc-rs is the one library of ciphers"),
    ("rsa", "RUSTSEC-2023-0071, never fixed"),
    ("rustls-pemfile", "RUSTSEC-2025-0134, no longer maintained"),
    ("webpki", "rustls-webpki took its place"),
];

/// Two versions of these would be two truths about keys, certificates or TLS.
const ONE_VERSION: [&str; 5] = ["aws-lc-rs", "aws-lc-sys", "der", "rustls", "x509-cert"];

/// Older versions have known vulnerabilities.
const AT_LEAST: [(&str, [u64; 3], &str); 3] = [
    ("aws-lc-sys", [0, 39, 0], "RUSTSEC-2026-0044 to -0048"),
    ("quick-xml", [0, 41, 0], "RUSTSEC-2026-0194, -0195"),
    ("rustls-webpki", [0, 103, 13], "RUSTSEC-2026-0049, -0098, -0099, -0104"),
];

/// Licences a part may come under; where a part offers a choice, one of them is enough.
const LICENCES: [&str; 8] = ["MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unicode-3.0", "MPL-2.0"];

/// One part of the program as it is built here.
struct Part {
    name: String,
    version: String,
    licence: String,
}

/// The parts that this machine builds, tests included, as cargo resolves them without asking the network.
fn parts() -> Vec<Part> {
    // Not `cargo metadata`: it names crates behind features that nobody asked for.
    let tree = cargo(&["tree", "--locked", "--offline", "--prefix=none", "--format={p}\t{l}"]);
    // The star marks what was shown before.
    let lines: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let part = |line: &str| {
        let (package, licence) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned());
        Some(Part { name, version, licence: licence.to_owned() })
    };
    lines.into_iter().map(|line| part(line).unwrap_or_else(|| panic!("cargo tree: {line}"))).collect()
}

fn cargo(words: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let output = Command::new(cargo).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

fn kept_out(parts: &[Part]) -> Vec<String> {
    let reason = |part: &Part| KEPT_OUT.iter().find(|(name, _)| *name == part.name).map(|(_, reason)| *reason);
    let found = parts.iter().filter_map(|part| Some((part, reason(part)?)));
    found
        .map(|(part, reason)| {
            format!("{} {}: kept out: {reason}; cargo tree -i {}", part.name, part.version, part.name)
        })
        .collect()
}

fn in_two_versions(parts: &[Part]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for part in parts.iter().filter(|part| ONE_VERSION.contains(&part.name.as_str())) {
        versions.entry(&part.name).or_default().push(&part.version);
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several
        .map(|(name, versions)| format!("{name}: one version only, not {}; cargo tree -d", versions.join(" and ")))
        .collect()
}

fn too_old(parts: &[Part]) -> Vec<String> {
    let number = |part: &Part| -> Vec<u64> {
        part.version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).take(3).collect()
    };
    let below =
        |part: &Part| AT_LEAST.iter().find(|(name, least, _)| *name == part.name && number(part) < least.to_vec());
    let found = parts.iter().filter_map(|part| Some((part, below(part)?)));
    found.map(|(part, (_, least, why))| format!("{} {}: at least {least:?}: {why}", part.name, part.version)).collect()
}

fn under_another_licence(parts: &[Part]) -> Vec<String> {
    let refused = parts.iter().filter(|part| !Licence::allows(&part.licence));
    refused
        .map(|part| format!("{} {}: licence {:?} is not on the list", part.name, part.version, part.licence))
        .collect()
}

/// An SPDX expression, read from left to right: AND binds closer than OR, `/` is the old way to write OR.
struct Licence<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Licence<'a> {
    fn allows(expression: &'a str) -> bool {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut licence = Licence { words: spaced.split_whitespace().collect(), at: 0 };
        let allowed = licence.either();
        allowed && licence.at == licence.words.len()
    }

    fn next_is(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> bool {
        let mut allowed = self.both();
        while self.next_is("OR") {
            allowed |= self.both();
        }
        allowed
    }

    fn both(&mut self) -> bool {
        let mut allowed = self.one();
        while self.next_is("AND") {
            allowed &= self.one();
        }
        allowed
    }

    fn one(&mut self) -> bool {
        if self.next_is("(") {
            let allowed = self.either();
            return self.next_is(")") && allowed;
        }
        let allowed = self.words.get(self.at).is_some_and(|word| LICENCES.contains(word));
        self.at += 1;
        // An exception grants more than the licence alone.
        if self.next_is("WITH") {
            self.at += 1;
        }
        allowed
    }
}

/// Entries of a dependency section of Cargo.toml that no `# heading` says the need of.
fn without_a_heading(manifest: &str) -> Vec<String> {
    let (mut inside, mut after_blank, mut found) = (false, true, Vec::new());
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
            after_blank = true;
        } else if inside && after_blank && !line.is_empty() {
            if !line.starts_with("# ") {
                found.push(format!("Cargo.toml:{}: a group of dependencies opens with the need it serves", number + 1));
            }
            after_blank = false;
        }
        after_blank |= line.is_empty();
    }
    found
}

/// Entries of one section of Cargo.toml that no file names.
fn unused(manifest: &str, section: &str, sources: &[Source]) -> Vec<String> {
    let named = |name: &str| sources.iter().flat_map(|source| &source.tokens).any(|token| token.text == name);
    let (mut inside, mut found) = (false, Vec::new());
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == format!("[{section}]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|(name, _)| inside && !name.starts_with('#'))
            && !named(&name.replace('-', "_"))
        {
            found.push(format!("Cargo.toml:{}: `{name}` is a dependency that no file names", number + 1));
        }
    }
    found
}

#[test]
fn what_is_built_keeps_the_rules() {
    let parts = parts();
    assert!(parts.iter().any(|part| part.name == "rustls"), "the list of parts is read");
    none([kept_out(&parts), in_two_versions(&parts), too_old(&parts), under_another_licence(&parts)].concat());
}

#[test]
fn every_dependency_stands_under_its_need_and_is_used() {
    let manifest = house::read("Cargo.toml");
    none(without_a_heading(&manifest));
    none(unused(&manifest, "dependencies", &house::sources("src")));
    none(unused(
        &manifest,
        "dev-dependencies",
        &["tests", "benches", "src"].into_iter().flat_map(house::sources).collect::<Vec<_>>(),
    ));
}

#[cfg(test)]
mod broken {
    use super::{Licence, Part, in_two_versions, kept_out, too_old, under_another_licence, unused, without_a_heading};
    use crate::house::Source;

    fn part(name: &str, version: &str, licence: &str) -> Part {
        Part { name: name.to_owned(), version: version.to_owned(), licence: licence.to_owned() }
    }

    #[test]
    fn each_rule_refuses_what_it_is_for() {
        let parts = [
            part("rsa", "0.9.8", "MIT OR Apache-2.0"),
            part("der", "0.7.9", "MIT"),
            part("der", "0.8.3", "MIT"),
            part("quick-xml", "0.40.9", "MIT"),
            part("aws-lc-sys", "0.39.0", "ISC AND (Apache-2.0 OR ISC)"),
            part("secretive", "1.0.0", "SSPL-1.0"),
        ];
        assert_eq!(kept_out(&parts), ["rsa 0.9.8: kept out: RUSTSEC-2023-0071, never fixed; cargo tree -i rsa"]);
        assert_eq!(in_two_versions(&parts), ["der: one version only, not 0.7.9 and 0.8.3; cargo tree -d"]);
        assert_eq!(too_old(&parts), ["quick-xml 0.40.9: at least [0, 41, 0]: RUSTSEC-2026-0194, -0195"]);
        assert_eq!(under_another_licence(&parts), ["secretive 1.0.0: licence \"SSPL-1.0\" is not on the list"]);
    }

    #[test]
    fn a_choice_needs_one_allowed_licence_and_a_sum_all() {
        let allowed = ["MIT/GPL-3.0", "(MIT OR GPL-3.0) AND ISC", "LGPL-2.1 OR Apache-2.0 WITH LLVM-exception", "0BSD"];
        assert!(allowed.into_iter().all(Licence::allows));
        assert!(!["GPL-3.0", "MIT AND GPL-3.0", "", "(MIT", "MIT GPL-3.0"].into_iter().any(Licence::allows));
    }

    #[test]
    fn a_group_without_its_need_is_refused() {
        let manifest = "[package]\nname = 1\n\n[dependencies]\n# mail\na = 1\nb = 1\n\nc = 1\n\n[lints]\nd = 1\n";
        assert_eq!(
            without_a_heading(manifest),
            ["Cargo.toml:9: a group of dependencies opens with the need it serves"]
        );
    }

    #[test]
    fn a_dependency_that_nothing_uses_is_refused() {
        let manifest =
            "[dependencies]\n# mail\nio-imap = 1\nidna = { version = 1 }\n\n[dev-dependencies]\ntempfile = 1\n";
        let sources = [Source::new("src/a.rs", "use io_imap::x; // idna")];
        assert_eq!(
            unused(manifest, "dependencies", &sources),
            ["Cargo.toml:4: `idna` is a dependency that no file names"]
        );
        assert_eq!(unused(manifest, "dev-dependencies", &sources).len(), 1);
    }
}
