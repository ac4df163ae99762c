//! User names and passwords as both ends of a sign-in compare them: SASLprep (RFC 4013), the profile of stringprep for SASL.

use unicode_normalization::UnicodeNormalization;

/// A text with characters that no user name or password may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prohibited;

/// Maps, normalises (NFKC) and looks for what is prohibited (RFC 4013, section 2).
pub(super) fn saslprep(text: &str) -> Result<String, Prohibited> {
    if text.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
        return if text.is_empty() { Err(Prohibited) } else { Ok(text.to_owned()) };
    }
    let mapped = text.chars().filter(|c| !is_dropped(*c)).map(|c| if is_space(c) { ' ' } else { c });
    let prepared: String = mapped.nfkc().collect();
    if prepared.is_empty() || prepared.chars().any(is_prohibited) { Err(Prohibited) } else { Ok(prepared) }
}

/// RFC 3454, table C.1.2.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// RFC 3454, table B.1; U+200B is in both tables, and is a space (RFC 4013, section 2.1).
fn is_dropped(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// RFC 3454, tables C.2 to C.9.
fn is_prohibited(c: char) -> bool {
    let number = u32::from(c);
    c.is_control()
        || matches!(c,
            '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2061}'..='\u{2063}'
            | '\u{206a}'..='\u{206f}' | '\u{340}' | '\u{341}' | '\u{fff9}'..='\u{fffd}' | '\u{2ff0}'..='\u{2ffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
        // Private use, and what is no character.
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}')
        || number & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4013_come_out_as_written() {
        assert_eq!(saslprep("I\u{ad}X").as_deref(), Ok("IX"));
        assert_eq!(saslprep("user").as_deref(), Ok("user"));
        assert_eq!(saslprep("USER").as_deref(), Ok("USER"));
        assert_eq!(saslprep("\u{aa}").as_deref(), Ok("a"));
        assert_eq!(saslprep("\u{2168}").as_deref(), Ok("IX"));
        assert_eq!(saslprep("\u{7}"), Err(Prohibited));
    }

    #[test]
    fn an_accent_is_one_however_it_was_typed_and_nothing_is_left_empty() {
        assert_eq!(saslprep("che\u{302}ne"), saslprep("chêne"));
        assert_eq!(saslprep("a\u{a0}b").as_deref(), Ok("a b"));
        for bad in ["", "\u{ad}", "a\u{202e}b", "a\u{e000}", "\u{fffe}", "a\tb", "a\0b"] {
            assert_eq!(saslprep(bad), Err(Prohibited), "{bad:?}");
        }
    }
}
