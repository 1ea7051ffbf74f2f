//! Texts as the tokenizer sees them, and the way back from what it has marked.

use std::ops::Range;

/// Put around characters that are words by themselves. No text has it: [`spaced`] replaces control characters.
const SPACE: char = '\u{1}';
/// What SQLite puts around what matches.
pub(super) const BEGIN: char = '\u{2}';
pub(super) const END: char = '\u{3}';

/// Scripts without spaces between words, Hangul, and emoji.
const SINGLE: [(u32, u32); 13] = [
    (0x0e00, 0x0eff),
    (0x1000, 0x109f),
    (0x1100, 0x11ff),
    (0x1780, 0x17ff),
    (0x2600, 0x27bf),
    (0x2e80, 0x9fff),
    (0xa960, 0xa97f),
    (0xac00, 0xd7ff),
    (0xf900, 0xfaff),
    (0xff66, 0xff9f),
    (0x1_f000, 0x1_faff),
    (0x2_0000, 0x2_ffff),
    (0x3_0000, 0x3_ffff),
];

fn is_single(character: char) -> bool {
    let code = u32::from(character);
    SINGLE.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// Whether a character can be looked for.
pub(super) fn is_indexed(character: char) -> bool {
    character.is_alphanumeric() || is_single(character)
}

/// The text with characters that are words by themselves apart from each other.
pub(super) fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if is_single(character) {
            spaced.extend([SPACE, character, SPACE]);
        } else {
            spaced.push(if character.is_control() { ' ' } else { character });
        }
    }
    spaced
}

/// The ranges of a text that are marked in its spaced form.
pub(super) fn ranges(text: &str, marked: &str) -> Vec<Range<usize>> {
    let (mut ranges, mut begun, mut end) = (Vec::new(), None, 0);
    let mut rest = text.char_indices();
    for character in marked.chars() {
        match character {
            SPACE => {}
            BEGIN => begun = Some(rest.offset()),
            END => ranges.extend(begun.take().map(|start| start..end)),
            _ => end = rest.next().map_or(text.len(), |(at, character)| at + character.len_utf8()),
        }
    }
    ranges.retain(|range| !range.is_empty());
    ranges
}
