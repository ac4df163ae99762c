//! The two streams: stdout carries the answer and nothing else, stderr carries the rest.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use super::globals::{Color, Globals};
use super::safe::quoted;

/// Something to act on that did not stop the work, on stderr.
#[derive(Serialize, JsonSchema)]
pub(super) struct WarningLine {
    schema: &'static str,
    message: String,
}

/// Where and how to answer.
pub struct Output {
    pub json: bool,
    pub quiet: bool,
    pub verbose: u8,
    /// The words that a command in a hint needs to mean the same operator, profile and vault.
    pub context: String,
    choice: anstream::ColorChoice,
    closed: Cell<bool>,
}

impl Output {
    /// Reads `--json`, `--quiet`, `--verbose` and `--color`.
    pub fn new(globals: &Globals) -> Output {
        let choice = match globals.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        let (json, quiet, verbose) = (globals.json, globals.quiet, globals.verbose);
        Output { json, quiet, verbose, context: context(globals), choice, closed: Cell::new(false) }
    }

    /// For words that were not understood, `--json` among them.
    pub fn json_only() -> Output {
        let (choice, context) = (anstream::ColorChoice::Never, String::new());
        Output { json: true, quiet: true, verbose: 0, context, choice, closed: Cell::new(false) }
    }

    /// A line of the answer. A reader that went away is not an error: the work goes on, the rest is not shown.
    pub fn line(&self, text: impl std::fmt::Display) -> io::Result<()> {
        self.write(format_args!("{text}\n"))
    }

    /// One JSON object on a line of its own.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        self.line(text)
    }

    fn write(&self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        let mut stdout = AutoStream::new(io::stdout().lock(), self.choice);
        match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.set(true);
                Ok(())
            }
            other => other,
        }
    }

    /// Something worth knowing that is not the answer.
    pub fn note(&self, text: impl std::fmt::Display) {
        if !self.quiet && !self.json {
            self.stderr(format_args!("{text}\n"));
        }
    }

    /// Something the user should act on; shown with `--quiet` too.
    pub fn warning(&self, text: impl std::fmt::Display) {
        if self.json {
            let warning = WarningLine { schema: "mss.warning/1", message: text.to_string() };
            if let Ok(json) = serde_json::to_string(&warning) {
                self.stderr(format_args!("{json}\n"));
            }
            return;
        }
        let style = AnsiColor::Yellow.on_default().bold();
        self.stderr(format_args!("{style}warning{style:#}: {text}\n"));
    }

    /// A step, for `--verbose` of at least this level.
    pub fn step(&self, level: u8, text: impl std::fmt::Display) {
        if self.verbose >= level && !self.json {
            self.stderr(format_args!("{text}\n"));
        }
    }

    /// Writes to stderr; where even that fails there is nobody left to tell.
    pub fn stderr(&self, text: std::fmt::Arguments<'_>) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.choice);
        // In one piece: other programs may write to the same stream.
        let _ = stderr.write_all(text.to_string().as_bytes());
    }

    /// A table without lines: as wide as the terminal, and as wide as its longest cells where there is none.
    pub fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = plain_table(header, rows);
        if let Some(width) = terminal_width() {
            table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
            table.set_width(width);
            for at in header.iter().enumerate().filter(|(_, title)| WHOLE.contains(title)).map(|(at, _)| at) {
                table.column_mut(at).into_iter().for_each(|column| {
                    column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
                });
            }
        }
        table.lines().try_for_each(|line| self.line(line.trim_end()))
    }

    /// A table whose rows are never broken, with a line of detail below each.
    pub fn records(&self, header: &[&str], records: Vec<(Vec<String>, String)>) -> io::Result<()> {
        let (rows, details): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let table = plain_table(header, rows);
        let mut lines = table.lines();
        lines.next().map_or(Ok(()), |title| self.line(title.trim_end()))?;
        for (row, detail) in lines.zip(details) {
            self.line(row.trim_end())?;
            if !detail.is_empty() {
                self.line(format_args!("  {DIM}{detail}{DIM:#}"))?;
            }
        }
        Ok(())
    }
}

fn plain_table(header: &[&str], rows: Vec<Vec<String>>) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Columns that are copied from the screen, and therefore never broken.
const WHOLE: [&str; 3] = ["id", "mailbox", "recipient"];

/// The columns of the terminal on stdout, if there is one.
fn terminal_width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok().filter(|_| io::stdout().is_terminal())?;
    Some(size.ws_col).filter(|columns| *columns >= 40)
}

fn context(globals: &Globals) -> String {
    let sandbox = globals.sandbox.then(|| "--sandbox ".to_owned());
    let profile = globals.profile.as_ref().map(|name| format!("--profile {} ", quoted(name)));
    let config = globals.config.as_ref().map(|path| format!("--config {} ", quoted(&path.to_string_lossy())));
    sandbox.into_iter().chain(profile).chain(config).collect()
}

/// Good news, shown so.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// Bad news, shown so; the words say it too.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
