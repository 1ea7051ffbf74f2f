//! Lines that fit the terminal, counted in columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Narrower than this nothing is wrapped: it would only get worse.
const COLUMNS_MIN: usize = 8;

/// How many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text at spaces, or inside words that are too long, into lines of at most `columns`.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    if columns < COLUMNS_MIN {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        if !line.is_empty() && width(&line) + width(word.trim_end_matches(' ')) > columns {
            lines.push(finished(&mut line));
        }
        add_word(word, columns, &mut line, &mut lines);
    }
    if lines.is_empty() || !line.is_empty() {
        lines.push(finished(&mut line));
    }
    lines
}

fn add_word(word: &str, columns: usize, line: &mut String, lines: &mut Vec<String>) {
    if width(line) + width(word.trim_end_matches(' ')) <= columns {
        line.push_str(word);
        return;
    }
    for character in word.chars() {
        if width(line) + character.width().unwrap_or(0) > columns {
            lines.push(finished(line));
        }
        line.push(character);
    }
}

fn finished(line: &mut String) -> String {
    line.truncate(line.trim_end_matches(' ').len());
    std::mem::take(line)
}

/// A text cut to `columns`, the cut shown.
pub(super) fn clipped(text: &str, columns: usize) -> String {
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
