//! Lines that fit the terminal, counted in columns.

use unicode_width::UnicodeWidthChar;

/// Narrower than this nothing is wrapped: it would only get worse.
const COLUMNS_MIN: usize = 8;

/// Columns between two tab stops.
const TAB_COLUMNS: usize = 8;

/// How many columns a text takes, character by character: what a terminal draws narrower, such as a picture made of
/// several, then has room to spare.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// Breaks a text at spaces, or inside words that are too long, into lines of at most `columns`.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    if columns < COLUMNS_MIN {
        return vec![text.to_owned()];
    }
    let mut wrapped = Wrapped { columns, ..Wrapped::default() };
    text.split_inclusive(' ').for_each(|word| wrapped.add(word));
    if wrapped.lines.is_empty() || !wrapped.line.is_empty() {
        wrapped.end_line();
    }
    wrapped.lines
}

#[derive(Default)]
struct Wrapped {
    columns: usize,
    lines: Vec<String>,
    line: String,
    /// Of the line.
    used: usize,
    has_word: bool,
}

impl Wrapped {
    fn add(&mut self, word: &str) {
        let wide = width(word.trim_end_matches(' '));
        if self.has_word && self.used + wide > self.columns {
            self.end_line();
        }
        if self.used + wide <= self.columns {
            self.line.push_str(word);
            self.used += width(word);
        } else {
            word.chars().for_each(|character| self.add_char(character));
        }
        self.has_word |= wide > 0;
    }

    fn add_char(&mut self, character: char) {
        let wide = character.width().unwrap_or(0);
        if self.used + wide > self.columns {
            self.end_line();
        }
        self.line.push(character);
        self.used += wide;
    }

    fn end_line(&mut self) {
        self.line.truncate(self.line.trim_end_matches(' ').len());
        self.lines.push(std::mem::take(&mut self.line));
        (self.used, self.has_word) = (0, false);
    }
}

/// A text with blanks up to the next stop in the place of tabs.
pub(super) fn without_tabs(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for character in text.chars() {
        let wide = match character {
            '\t' => TAB_COLUMNS - column % TAB_COLUMNS,
            other => other.width().unwrap_or(0),
        };
        match character {
            '\t' => out.extend(std::iter::repeat_n(' ', wide)),
            other => out.push(other),
        }
        column += wide;
    }
    out
}

/// A text cut to `columns`, the cut shown.
pub(crate) fn clipped(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for character in text.chars() {
        if width(&out) + character.width().unwrap_or(0) + 1 > columns {
            break;
        }
        out.push(character);
    }
    if columns > 0 {
        out.push('\u{2026}');
    }
    out
}
