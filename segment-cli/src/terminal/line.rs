//! The text being typed, and the cursor in it: rustyline's buffer, with a bound, rows and steps that can be undone.

use rustyline::line_buffer::{ChangeListener, DeleteListener, Direction, LineBuffer, WordAction};
use rustyline::{At, Movement, Word};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::grammar::LINE_BYTES_MAX;

/// Steps that can be undone. Policy: the oldest is forgotten.
const UNDO_MAX: usize = 100;

pub(super) const LEFT: Movement = Movement::BackwardChar(1);
pub(super) const RIGHT: Movement = Movement::ForwardChar(1);
/// Of letters and digits.
pub(super) const WORD_LEFT: Movement = Movement::BackwardWord(1, Word::Emacs);
pub(super) const WORD_RIGHT: Movement = Movement::ForwardWord(1, At::AfterEnd, Word::Emacs);
/// Of anything but white space.
pub(super) const BLANK_LEFT: Movement = Movement::BackwardWord(1, Word::Big);
pub(super) const ROW_START: Movement = Movement::BeginningOfLine;
pub(super) const ROW_END: Movement = Movement::EndOfLine;

/// The text being typed.
#[derive(Debug)]
pub(super) struct Line {
    buffer: LineBuffer,
    undo: Vec<(String, usize)>,
    killed: Killed,
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

/// What was cut, to be yanked.
#[derive(Debug, Default)]
struct Killed(String);

impl DeleteListener for Killed {
    fn delete(&mut self, _at: usize, text: &str, direction: Direction) {
        match direction {
            Direction::Backward => self.0.insert_str(0, text),
            Direction::Forward => self.0.push_str(text),
        }
    }
}

impl ChangeListener for Killed {
    fn insert_char(&mut self, _at: usize, _character: char) {}
    fn insert_str(&mut self, _at: usize, _text: &str) {}
    fn replace(&mut self, _at: usize, _old: &str, _new: &str) {}
}

impl Default for Line {
    fn default() -> Self {
        let buffer = LineBuffer::with_capacity(0);
        Self { buffer, undo: Vec::new(), killed: Killed::default(), last: Last::default() }
    }
}

impl Line {
    pub fn text(&self) -> &str {
        self.buffer.as_str()
    }

    pub fn cursor(&self) -> usize {
        self.buffer.pos()
    }

    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Another text, with the cursor behind it.
    pub fn set(&mut self, text: &str) {
        self.remember(Last::Other);
        self.buffer.replace(0..self.buffer.len(), text, &mut Killed::default());
    }

    /// Takes the text out; nothing is left to undo.
    pub fn take(&mut self) -> String {
        let killed = std::mem::take(&mut self.killed);
        std::mem::replace(self, Self { killed, ..Self::default() }).buffer.into_string()
    }

    /// Says whether there was room.
    pub fn insert(&mut self, text: &str) -> bool {
        if self.buffer.len() + text.len() > LINE_BYTES_MAX {
            return false;
        }
        let is_word = !text.contains(char::is_whitespace);
        self.remember(if is_word { Last::Typed } else { Last::Other });
        // The buffer's own way to insert is bounded by what happens to be allocated.
        self.buffer.replace(self.cursor()..self.cursor(), text, &mut Killed::default());
        true
    }

    /// What stands from `start` to the cursor becomes something else.
    pub fn replace_from(&mut self, start: usize, text: &str) {
        self.remember(Last::Other);
        self.buffer.replace(start..self.cursor(), text, &mut Killed::default());
    }

    pub fn go(&mut self, to: &Movement) {
        self.last = Last::Other;
        match *to {
            Movement::BackwardChar(times) => self.buffer.move_backward(times),
            Movement::ForwardChar(times) => self.buffer.move_forward(times),
            Movement::BackwardWord(times, word) => self.buffer.move_to_prev_word(word, times),
            Movement::ForwardWord(times, at, word) => self.buffer.move_to_next_word(at, word, times),
            Movement::BeginningOfLine => self.buffer.move_home(),
            Movement::EndOfLine => self.buffer.move_end(),
            _ => false,
        };
    }

    /// Up or down one row; says whether there was one.
    pub fn go_row(&mut self, rows: isize) -> bool {
        let (text, cursor) = (self.text(), self.cursor());
        let start = text[..cursor].rfind('\n').map_or(0, |at| at + 1);
        let column = text[start..cursor].graphemes(true).count();
        let target = match rows {
            ..0 => text[..start].strip_suffix('\n').map(|above| above.rfind('\n').map_or(0, |at| at + 1)),
            _ => text[start..].find('\n').map(|at| start + at + 1),
        };
        let Some(target) = target else { return false };
        let row = text[target..].split('\n').next().unwrap_or_default();
        self.buffer.set_pos(target + row.graphemes(true).take(column).map(str::len).sum::<usize>());
        true
    }

    pub fn delete(&mut self, to: &Movement) {
        if self.is_something(to) {
            self.remember(Last::Other);
            self.buffer.kill(to, &mut Killed::default());
        }
    }

    /// Cuts, to be yanked.
    pub fn kill(&mut self, to: &Movement) {
        if !self.is_something(to) {
            return;
        }
        if self.last != Last::Killed {
            self.killed = Killed::default();
        }
        self.remember(Last::Killed);
        self.buffer.kill(to, &mut self.killed);
    }

    pub fn yank(&mut self) {
        let killed = std::mem::take(&mut self.killed);
        self.insert(&killed.0);
        self.last = Last::Other;
        self.killed = killed;
    }

    pub fn undo(&mut self) {
        if let Some((text, cursor)) = self.undo.pop() {
            self.buffer.update(&text, cursor, &mut Killed::default());
            self.last = Last::Other;
        }
    }

    /// Exchanges the two characters around the cursor.
    pub fn transpose(&mut self) {
        self.remember(Last::Other);
        if !self.buffer.transpose_chars(&mut Killed::default()) {
            self.undo.pop();
        }
    }

    /// Changes the word behind the cursor, and goes to its end.
    pub fn change_word(&mut self, action: WordAction) {
        self.remember(Last::Other);
        if !self.buffer.edit_word(action, &mut Killed::default()) {
            self.undo.pop();
        }
    }

    /// Whether anything stands from here to there: the end of a row alone is not cut.
    fn is_something(&self, to: &Movement) -> bool {
        self.buffer.copy(to).is_some()
    }

    fn remember(&mut self, last: Last) {
        if last != Last::Typed || self.last != Last::Typed {
            self.undo.push((self.text().to_owned(), self.cursor()));
            if self.undo.len() > UNDO_MAX {
                self.undo.remove(0);
            }
        }
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `|` is the cursor.
    fn line(text: &str) -> Line {
        let cursor = text.find('|').unwrap_or(text.len());
        let mut line = Line::default();
        line.set(&text.replace('|', ""));
        line.undo.clear();
        line.buffer.set_pos(cursor);
        line
    }

    fn shown(line: &Line) -> String {
        format!("{}|{}", &line.text()[..line.cursor()], &line.text()[line.cursor()..])
    }

    #[test]
    fn the_cursor_goes_by_what_people_see() {
        let cases = [
            ("ae\u{301}|b", LEFT, "a|e\u{301}b"),
            ("a|👩‍🚀b", RIGHT, "a👩‍🚀|b"),
            ("one two, |", WORD_LEFT, "one |two, "),
            ("|one two", WORD_RIGHT, "one| two"),
            ("see a/b.c|", BLANK_LEFT, "see |a/b.c"),
            ("one\ntw|o", ROW_START, "one\n|two"),
            ("o|ne\ntwo", ROW_END, "one|\ntwo"),
            ("|", LEFT, "|"),
            ("|", WORD_RIGHT, "|"),
        ];
        for (before, to, after) in cases {
            let mut line = line(before);
            line.go(&to);
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
        line.kill(&BLANK_LEFT);
        line.kill(&BLANK_LEFT);
        assert_eq!(shown(&line), "one |");
        line.go(&ROW_START);
        line.kill(&ROW_START);
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
        upper.change_word(WordAction::Uppercase);
        assert_eq!(shown(&upper), "ONE| two");
    }

    #[test]
    fn there_is_no_room_beyond_the_longest_line() {
        let mut line = line(&"x".repeat(LINE_BYTES_MAX));
        assert!(!line.insert("y"));
        assert_eq!(line.text().len(), LINE_BYTES_MAX);
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
                    0 => line.go(&LEFT),
                    1 => line.go(&WORD_LEFT),
                    2 => line.go(&WORD_RIGHT),
                    3 => drop(line.go_row(-1)),
                    4 => drop(line.go_row(1)),
                    5 => line.delete(&LEFT),
                    6 => line.kill(&ROW_END),
                    7 => line.kill(&ROW_START),
                    8 => line.yank(),
                    9 => line.undo(),
                    10 => line.transpose(),
                    11 => line.change_word(WordAction::Uppercase),
                    12 => drop(line.insert("\u{1f600}e\u{301}")),
                    13 => line.kill(&BLANK_LEFT),
                    _ => line.delete(&RIGHT),
                }
                prop_assert!(line.text().is_char_boundary(line.cursor()), "{line:?}");
            }
        }
    }
}
