//! The text being typed, and the cursor in it.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::grammar::LINE_BYTES_MAX;

/// Steps that can be undone. Policy: the oldest is forgotten.
const UNDO_MAX: usize = 100;

/// The text being typed.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    cursor: usize,
    undo: Vec<(String, usize)>,
    killed: String,
    last: Last,
}

/// What was done last: typing on is one step, and what is cut piece by piece comes back in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Typed,
    Killed,
}

/// From the cursor to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Left,
    Right,
    /// Of letters and digits.
    WordLeft,
    WordRight,
    /// Of anything but white space.
    BlankLeft,
    RowStart,
    RowEnd,
}

impl Line {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn cursor(&self) -> usize {
        self.cursor
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Another text, with the cursor behind it.
    pub fn set(&mut self, text: &str) {
        self.remember(Last::Other);
        text.clone_into(&mut self.text);
        self.cursor = self.text.len();
    }

    /// Takes the text out; nothing is left to undo.
    pub fn take(&mut self) -> String {
        let killed = std::mem::take(&mut self.killed);
        std::mem::replace(self, Self { killed, ..Self::default() }).text
    }

    /// Says whether there was room.
    pub fn insert(&mut self, text: &str) -> bool {
        if self.text.len() + text.len() > LINE_BYTES_MAX {
            return false;
        }
        let is_word = !text.contains(char::is_whitespace);
        self.remember(if is_word { Last::Typed } else { Last::Other });
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        true
    }

    /// What stands from `start` to the cursor becomes something else.
    pub fn replace_from(&mut self, start: usize, text: &str) {
        self.remember(Last::Other);
        self.text.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
    }

    pub fn go(&mut self, to: To) {
        self.last = Last::Other;
        self.cursor = self.place(to);
    }

    /// Up or down one row; says whether there was one.
    pub fn go_row(&mut self, rows: isize) -> bool {
        let start = self.place(To::RowStart);
        let column = self.text[start..self.cursor].graphemes(true).count();
        let target = match rows {
            ..0 => self.text[..start].strip_suffix('\n').map(|above| above.rfind('\n').map_or(0, |at| at + 1)),
            _ => self.text[start..].find('\n').map(|at| start + at + 1),
        };
        let Some(target) = target else { return false };
        let row = self.text[target..].split('\n').next().unwrap_or_default();
        self.cursor = target + row.graphemes(true).take(column).map(str::len).sum::<usize>();
        true
    }

    pub fn delete(&mut self, to: To) {
        let _ = self.cut(to, Last::Other);
    }

    /// Cuts, to be yanked.
    pub fn kill(&mut self, to: To) {
        let is_going_on = self.last == Last::Killed;
        let is_left = self.place(to) < self.cursor;
        let cut = self.cut(to, Last::Killed);
        self.killed = match (is_going_on, is_left) {
            (false, _) => cut,
            (true, true) => cut + &self.killed,
            (true, false) => std::mem::take(&mut self.killed) + &cut,
        };
    }

    pub fn yank(&mut self) {
        let killed = std::mem::take(&mut self.killed);
        self.insert(&killed);
        self.last = Last::Other;
        self.killed = killed;
    }

    pub fn undo(&mut self) {
        if let Some((text, cursor)) = self.undo.pop() {
            (self.text, self.cursor, self.last) = (text, cursor, Last::Other);
        }
    }

    /// Exchanges the two characters around the cursor.
    pub fn transpose(&mut self) {
        let at = if self.cursor == self.text.len() { self.place(To::Left) } else { self.cursor };
        let Some((start, before)) = self.text[..at].grapheme_indices(true).next_back() else { return };
        let Some(behind) = self.text[at..].graphemes(true).next() else { return };
        let (swapped, end) = (format!("{behind}{before}"), at + behind.len());
        self.remember(Last::Other);
        self.text.replace_range(start..end, &swapped);
        self.cursor = end;
    }

    /// Changes the word behind the cursor, and goes to its end.
    pub fn change_word(&mut self, change: fn(&str) -> String) {
        let end = self.place(To::WordRight);
        let changed = change(&self.text[self.cursor..end]);
        self.remember(Last::Other);
        self.text.replace_range(self.cursor..end, &changed);
        self.cursor += changed.len();
    }

    fn cut(&mut self, to: To, last: Last) -> String {
        let place = self.place(to);
        let (start, end) = (place.min(self.cursor), place.max(self.cursor));
        if start == end {
            return String::new();
        }
        self.remember(last);
        self.cursor = start;
        self.text.drain(start..end).collect()
    }

    fn remember(&mut self, last: Last) {
        if last != Last::Typed || self.last != Last::Typed {
            self.undo.push((self.text.clone(), self.cursor));
            if self.undo.len() > UNDO_MAX {
                self.undo.remove(0);
            }
        }
        self.last = last;
    }

    fn place(&self, to: To) -> usize {
        let (before, behind) = self.text.split_at(self.cursor);
        let is_word = |c: char| c.is_alphanumeric();
        match to {
            To::Left => before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at),
            To::Right => self.cursor + behind.graphemes(true).next().map_or(0, str::len),
            To::WordLeft => {
                let end = before.trim_end_matches(|c| !is_word(c));
                end.trim_end_matches(is_word).len()
            }
            To::WordRight => {
                let rest = behind.trim_start_matches(|c| !is_word(c)).trim_start_matches(is_word);
                self.text.len() - rest.len()
            }
            To::BlankLeft => before.trim_end().trim_end_matches(|c: char| !c.is_whitespace()).len(),
            To::RowStart => before.rfind('\n').map_or(0, |at| at + 1),
            To::RowEnd => behind.find('\n').map_or(self.text.len(), |at| self.cursor + at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `|` is the cursor.
    fn line(text: &str) -> Line {
        let cursor = text.find('|').unwrap_or(text.len());
        Line { text: text.replace('|', ""), cursor, ..Line::default() }
    }

    fn shown(line: &Line) -> String {
        format!("{}|{}", &line.text[..line.cursor], &line.text[line.cursor..])
    }

    #[test]
    fn the_cursor_goes_by_what_people_see() {
        let cases = [
            ("ae\u{301}|b", To::Left, "a|e\u{301}b"),
            ("a|👩‍🚀b", To::Right, "a👩‍🚀|b"),
            ("one two, |", To::WordLeft, "one |two, "),
            ("|one two", To::WordRight, "one| two"),
            ("see a/b.c|", To::BlankLeft, "see |a/b.c"),
            ("one\ntw|o", To::RowStart, "one\n|two"),
            ("o|ne\ntwo", To::RowEnd, "one|\ntwo"),
            ("|", To::Left, "|"),
            ("|", To::WordRight, "|"),
        ];
        for (before, to, after) in cases {
            let mut line = line(before);
            line.go(to);
            assert_eq!(shown(&line), after, "{before} {to:?}");
        }
    }

    #[test]
    fn rows_are_gone_up_and_down_in_the_same_column() {
        let mut line = line("abc\nd\nefg|");
        assert!(line.go_row(-1));
        assert_eq!(shown(&line), "abc\nd|\nefg");
        assert!(line.go_row(-1) && !line.go_row(-1));
        assert_eq!(shown(&line), "a|bc\nd\nefg");
        assert!(line.go_row(1) && line.go_row(1) && !line.go_row(1));
        assert_eq!(shown(&line), "abc\nd\ne|fg");
    }

    #[test]
    fn what_was_cut_in_pieces_comes_back_in_one() {
        let mut line = line("one two three|");
        line.kill(To::BlankLeft);
        line.kill(To::BlankLeft);
        assert_eq!(shown(&line), "one |");
        line.go(To::RowStart);
        line.yank();
        assert_eq!(shown(&line), "two three|one ");
        line.undo();
        line.undo();
        assert_eq!(shown(&line), "one two |");
    }

    #[test]
    fn characters_are_exchanged_and_words_changed() {
        let mut swapped = line("ab|");
        swapped.transpose();
        assert_eq!(shown(&swapped), "ba|");
        let mut upper = line("|one two");
        upper.change_word(str::to_uppercase);
        assert_eq!(shown(&upper), "ONE| two");
    }

    #[test]
    fn there_is_no_room_beyond_the_longest_line() {
        let mut line = line(&"x".repeat(LINE_BYTES_MAX));
        assert!(!line.insert("y"));
        assert_eq!(line.text.len(), LINE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_between_characters(
            text in "[ a-c\u{301}\u{4e16}\u{1f600}\u{200d}\n]{0,12}",
            steps in proptest::collection::vec(0_u8..16, 0..40),
        ) {
            let mut line = line(&text);
            for step in steps {
                match step {
                    0 => line.go(To::Left),
                    1 => line.go(To::WordLeft),
                    2 => line.go(To::WordRight),
                    3 => drop(line.go_row(-1)),
                    4 => drop(line.go_row(1)),
                    5 => line.delete(To::Left),
                    6 => line.kill(To::RowEnd),
                    7 => line.kill(To::RowStart),
                    8 => line.yank(),
                    9 => line.undo(),
                    10 => line.transpose(),
                    11 => line.change_word(str::to_uppercase),
                    12 => drop(line.insert("\u{1f600}e\u{301}")),
                    13 => line.kill(To::BlankLeft),
                    _ => line.delete(To::Right),
                }
                prop_assert!(line.text.is_char_boundary(line.cursor), "{line:?}");
            }
        }
    }
}
