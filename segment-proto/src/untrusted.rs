//! Text that came from somebody else.

use core::fmt::{self, Write};

/// Remote text, shown with control, bidirectional and zero-width characters escaped, so that it
/// can neither move the cursor, nor forge a line, nor look like something else.
///
/// Emoji are left whole: a joiner or a variation selector stays where it joins or selects one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted<'a>(pub &'a str);

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        let mut rest = self.0.chars();
        while let Some(character) = rest.next() {
            let after = rest.clone().next();
            if is_deceptive(character) && !belongs_to_emoji(before, character, after) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
            before = Some(character);
        }
        Ok(())
    }
}

/// Shows the character before it in colour.
const EMOJI_STYLE: char = '\u{fe0f}';
const JOINER: char = '\u{200d}';
/// Makes a key of the digit before it.
const KEYCAP: char = '\u{20e3}';

/// Whether a character can change how the text around it is shown, or is not seen at all.
#[must_use]
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn belongs_to_emoji(before: Option<char>, character: char, after: Option<char>) -> bool {
    match character {
        JOINER => before.is_some_and(|c| is_emoji(c) || c == EMOJI_STYLE) && after.is_some_and(is_emoji),
        EMOJI_STYLE => before.is_some_and(is_emoji) || after == Some(KEYCAP),
        _ => false,
    }
}

fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}' | '\u{2460}'..='\u{24ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2934}' | '\u{2935}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}
