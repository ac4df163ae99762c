//! The manual: one page for each command, from its words and from the sections that `cli` keeps beside them.

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};
use mss::cli::manual::{PAGES, Page};
use mss::cli::status::{STATUSES, Status};
use mss::vault::{Need, SECTIONS, SETTINGS, Setting};

use super::kept::Files;

/// What the pages are part of, as their heads say.
const MANUAL: &str = "Secure health messaging";

/// Every page, by file name.
pub fn pages(command: Command) -> Files {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Files::new();
    add(&mut pages, &command, &[]);
    pages.insert("mss-config.5".to_owned(), settings());
    pages
}

fn add(pages: &mut Files, command: &Command, words: &[&str]) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        add(pages, below, &[words, &[below.get_name()]].concat());
    }
    let name = [&["mss"], words].concat().join("-");
    pages.insert(format!("{name}.1"), page(command, words));
}

/// The page of a command; one without a page of its own (`audit log`) has the sections of the command above it.
fn page(command: &Command, words: &[&str]) -> String {
    let extra = (0..=words.len()).rev().find_map(|length| PAGES.iter().find(|page| page.command == &words[..length]));
    let extra = extra.unwrap_or_else(|| panic!("src/cli/manual.rs: no page for mss {}", words.join(" ")));
    let man = Man::new(on_its_own(command, words)).source(format!("mss {}", env!("CARGO_PKG_VERSION"))).manual(MANUAL);
    let mut text = Vec::new();
    let mut written = man.render_title(&mut text);
    for section in [Man::render_name_section, Man::render_synopsis_section, Man::render_description_section] {
        written = written.and_then(|()| section(&man, &mut text));
    }
    if command
        .get_arguments()
        .any(|argument| !argument.is_hide_set() && (words.is_empty() || !argument.is_global_set()))
    {
        written = written.and_then(|()| man.render_options_section(&mut text));
    }
    if command.has_subcommands() {
        written = written.and_then(|()| man.render_subcommands_section(&mut text));
    }
    written.and_then(|()| sections(extra, words).to_writer(&mut text)).expect("memory takes what is written");
    tidy(&String::from_utf8(text).expect("a page is text"))
}

/// The page with its two lines about apostrophes at the head alone, not before each part, and its date said to be empty.
fn tidy(page: &str) -> String {
    let preamble = |line: &str| line.starts_with(".ie \\n(.g") || line.starts_with(".el .ds Aq");
    let lines = page.split_inclusive('\n').enumerate().filter(|(number, line)| *number < 2 || !preamble(line));
    let dated = |line: &str| if line.starts_with(".TH ") { line.replacen("  ", " \"\" ", 1) } else { line.to_owned() };
    lines.map(|(_, line)| dated(line)).collect()
}

/// The command without the options that every command takes: they stand on the first page.
fn on_its_own(command: &Command, words: &[&str]) -> Command {
    let hide = |argument: Arg| if argument.is_global_set() { argument.hide(true) } else { argument };
    let command = command.clone();
    if words.is_empty() { command } else { command.mut_args(hide) }
}

fn sections(page: &Page, words: &[&str]) -> Roff {
    let mut roff = Roff::new();
    if !words.is_empty() {
        roff.control("SH", ["OPTIONS OF EVERY COMMAND"]);
        roff.text([roman("Those of "), bold("mss"), roman("(1) may be given too.")]);
    }
    roff.control("SH", ["EXAMPLES"]);
    let spoken = [&["mss"], words].concat().join(" ");
    let own: Vec<_> = page.examples.iter().filter(|(_, line)| without_globals(line).starts_with(&spoken)).collect();
    for (what, line) in if own.is_empty() { page.examples.iter().collect() } else { own } {
        if !what.is_empty() {
            roff.control("PP", []).text([roman(*what)]);
        }
        roff.control("RS", ["4"]).control("nf", []).text([bold(*line)]).control("fi", []).control("RE", []);
    }
    roff.control("SH", ["EXIT STATUS"]);
    let told = |status: &Status| words.is_empty() || page.statuses.contains(status);
    for (status, name, meaning) in STATUSES.iter().filter(|(status, ..)| told(status)) {
        roff.control("TP", []).text([bold(status.code().to_string())]).text([roman(format!("{name}: {meaning}"))]);
    }
    roff.control("PP", []).text([roman("Any other status means failure.")]);
    for (heading, text) in [("SECURITY CONSIDERATIONS", page.security), ("STANDARDS", page.standards)] {
        roff.control("SH", [heading]).text([roman(text)]);
    }
    if !words.is_empty() {
        roff.control("SH", ["SEE ALSO"]).text(above(words));
    }
    roff
}

/// The pages of the commands above this one.
fn above(words: &[&str]) -> Vec<Inline> {
    let names = (0..words.len()).map(|length| [&["mss"], &words[..length]].concat().join("-"));
    names
        .enumerate()
        .flat_map(|(at, name)| [roman(if at == 0 { "" } else { ", " }), bold(name), roman("(1)")])
        .collect()
}

/// The page of the configuration: every setting of the vault's own table.
fn settings() -> String {
    let mut roff = Roff::new();
    let source = format!("mss {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["mss-config", "5", "", &source, MANUAL]);
    roff.control("SH", ["NAME"]).text([roman("mss-config - the settings kept in the vault of mss")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([
        roman("TOML 1.0, sealed as a CMS file. It is read with "),
        bold("mss config show"),
        roman(" and changed with "),
        bold("mss config set"),
        roman(" or "),
        bold("mss config edit"),
        roman("; a key that is not on this page is refused."),
    ]);
    for (section, about) in SECTIONS {
        let heading = match section.strip_suffix(".[]") {
            _ if section.is_empty() => "TOP".to_owned(),
            Some(list) => format!("[[{list}]]"),
            None => format!("[{section}]"),
        };
        roff.control("SH", [heading.replace('*', "NAME").as_str()]).text([roman(*about)]);
        for setting in SETTINGS.iter().filter(|setting| setting.section() == *section) {
            roff.control("TP", []).text([bold(setting.name())]).text([roman(about_setting(setting))]);
        }
    }
    roff.control("SH", ["SEE ALSO"]).text([bold("mss-config"), roman("(1), "), bold("mss-init"), roman("(1)")]);
    tidy(&roff.render())
}

fn about_setting(setting: &Setting) -> String {
    let need = match setting.need {
        Need::Required => "required".to_owned(),
        Need::Optional => "optional".to_owned(),
        Need::Default(value) => format!("default: {value}"),
    };
    let secret = if setting.secret { ", secret" } else { "" };
    format!("{} ({}; {need}{secret})", setting.meaning, setting.kind.describe())
}

/// `mss --sandbox --profile x send ...` as `mss send ...`.
fn without_globals(line: &str) -> String {
    let mut words = line.split(' ').peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "--profile" | "-p" | "--config" | "--fault" | "--color" => drop(words.next()),
            _ if word.starts_with('-') && kept.len() == 1 => {}
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}
