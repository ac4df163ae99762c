//! Text from a server, a message or a file, made safe for a terminal.

use std::fmt;

/// Shows text that others wrote: control, bidirectional and invisible characters appear as escapes, never as themselves.
///
/// A terminal would obey them: move the cursor, change the title, turn the reading direction (Unicode TR 36, section 2).
pub struct Safe<T>(pub T);

impl<T: AsRef<str>> fmt::Display for Safe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.as_ref().chars() {
            if is_unsafe(c) {
                write!(f, "\\u{{{:x}}}", u32::from(c))?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// The text with its unsafe characters escaped and cut at `width` characters.
pub fn line(text: &str, width: usize) -> String {
    let safe = Safe(text).to_string();
    if safe.chars().count() <= width {
        return safe;
    }
    let mut cut: String = safe.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A word as a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    let plain =
        !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"/._-@".contains(&octet));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_shown_not_obeyed() {
        assert_eq!(Safe("\x1b]0;title\x07ok\r\n").to_string(), "\\u{1b}]0;title\\u{7}ok\\u{d}\\u{a}");
    }

    #[test]
    fn a_turned_reading_direction_is_shown() {
        assert_eq!(Safe("result\u{202e}fdp.exe").to_string(), "result\\u{202e}fdp.exe");
    }

    #[test]
    fn accents_pass_and_long_text_is_cut() {
        assert_eq!(line("Zoé", 10), "Zoé");
        assert_eq!(line("abcdefghij", 5), "abcd…");
    }
}
