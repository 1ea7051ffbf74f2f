//! What keys do to the line being typed; nothing here touches a terminal.

use rustyline::completion::longest_common_prefix;
use rustyline::line_buffer::WordAction;

use super::complete::{Known, complete};
use super::history::History;
use super::keys::Key;
use super::line::{BLANK_LEFT, LEFT, Line, RIGHT, ROW_END, ROW_START, WORD_LEFT, WORD_RIGHT};

/// The line being typed, and where in the history it is.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Line,
    /// The line of the history that is shown, from its end; and what was typed before it.
    recalled: usize,
    typed: String,
    search: Option<Search>,
    /// Ctrl-X was pressed: the next key says what is meant.
    prefixed: bool,
    /// The line came back refused: a text that is typed now takes its place, any other key goes on with it.
    refused: bool,
}

/// Ctrl-R: a line of the history that contains what is typed.
#[derive(Debug, Default)]
struct Search {
    query: String,
    /// So many lines from the end of the history; 0 is none.
    found: usize,
    before: String,
}

/// What follows from a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Only the line may look different now.
    Edited,
    Accepted(String),
    Interrupted,
    End,
    /// Shown above the line.
    Offered(Vec<String>),
    ExternalEditor,
    NextUnread,
    ClearScreen,
    Suspend,
    Bell,
}

impl Editor {
    pub fn text(&self) -> &str {
        self.line.text()
    }

    pub fn cursor(&self) -> usize {
        self.line.cursor()
    }

    /// Puts a text in the place of the line.
    pub fn set(&mut self, text: &str) {
        self.line.set(text);
        (self.recalled, self.search, self.refused) = (0, None, false);
    }

    /// Gives a refused line back, to be mended or typed over.
    pub fn give_back(&mut self, text: &str, history: &History) {
        self.set(text);
        self.refused = true;
        // Up goes to the line before it.
        self.recalled = usize::from(history.lines().last().is_some_and(|last| last == text));
        self.typed.clear();
    }

    /// Whether the line was refused, and nothing was done about it yet.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// In the place of the prompt while the history is searched.
    pub fn search_prompt(&self) -> Option<String> {
        let search = self.search.as_ref()?;
        let failed = if search.found == 0 && !search.query.is_empty() { "nothing found" } else { "search" };
        Some(format!("({failed}: {}) ", search.query))
    }

    /// A key was pressed.
    pub fn press(&mut self, key: Key, known: &Known, history: &History) -> Outcome {
        if std::mem::take(&mut self.refused) {
            match &key {
                Key::Char(character) if *character != ' ' => self.set(""),
                Key::Paste(_) => self.set(""),
                other => self.refused = matches!(other, Key::Alt('a') | Key::Ctrl('L' | 'Z')),
            }
        }
        if std::mem::take(&mut self.prefixed) {
            return self.press_prefixed(&key);
        }
        let key = match self.search.is_some() {
            true => match self.press_searching(key, history) {
                Ok(outcome) => return outcome,
                Err(key) => key,
            },
            false => key,
        };
        match key {
            Key::Enter => self.accept(),
            Key::Ctrl('C') => {
                self.line.take();
                Outcome::Interrupted
            }
            Key::Ctrl('D') if self.line.is_empty() => Outcome::End,
            Key::Ctrl('L') => Outcome::ClearScreen,
            Key::Ctrl('Z') => Outcome::Suspend,
            Key::Alt('a') => Outcome::NextUnread,
            Key::Tab => self.complete(known),
            Key::Ctrl('X') => {
                self.prefixed = true;
                Outcome::Edited
            }
            Key::Ctrl('R') => {
                self.search = Some(Search { before: self.line.text().to_owned(), ..Search::default() });
                Outcome::Edited
            }
            Key::Up => self.go_row(-1, history),
            Key::Down => self.go_row(1, history),
            Key::Ctrl('P') => self.recall(-1, history),
            Key::Ctrl('N') => self.recall(1, history),
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(&text),
            Key::AltEnter => self.insert("\n"),
            other => self.edit(&other),
        }
    }

    fn edit(&mut self, key: &Key) -> Outcome {
        let line = &mut self.line;
        match key {
            Key::Left | Key::Ctrl('B') => line.go(&LEFT),
            Key::Right | Key::Ctrl('F') => line.go(&RIGHT),
            Key::WordLeft | Key::Alt('b') => line.go(&WORD_LEFT),
            Key::WordRight | Key::Alt('f') => line.go(&WORD_RIGHT),
            Key::Home | Key::Ctrl('A') => line.go(&ROW_START),
            Key::End | Key::Ctrl('E') => line.go(&ROW_END),
            Key::Backspace => line.delete(&LEFT),
            Key::Delete | Key::Ctrl('D') => line.delete(&RIGHT),
            Key::Ctrl('K') => line.kill(&ROW_END),
            Key::Ctrl('U') => line.kill(&ROW_START),
            Key::Ctrl('W') => line.kill(&BLANK_LEFT),
            Key::AltBackspace => line.kill(&WORD_LEFT),
            Key::Alt('d') => line.kill(&WORD_RIGHT),
            Key::Ctrl('Y') => line.yank(),
            Key::Ctrl('T') => line.transpose(),
            Key::Ctrl('_') => line.undo(),
            Key::Alt('u') => line.change_word(WordAction::Uppercase),
            Key::Alt('l') => line.change_word(WordAction::Lowercase),
            Key::Alt('c') => line.change_word(WordAction::Capitalize),
            _ => {}
        }
        Outcome::Edited
    }

    fn press_prefixed(&mut self, key: &Key) -> Outcome {
        match key {
            Key::Ctrl('E') => Outcome::ExternalEditor,
            Key::Ctrl('U') => {
                self.line.undo();
                Outcome::Edited
            }
            _ => Outcome::Bell,
        }
    }

    fn insert(&mut self, text: &str) -> Outcome {
        if self.line.insert(text) { Outcome::Edited } else { Outcome::Bell }
    }

    fn accept(&mut self) -> Outcome {
        (self.recalled, self.search) = (0, None);
        Outcome::Accepted(self.line.take())
    }

    /// Within a text of several rows first, then through the history.
    fn go_row(&mut self, rows: isize, history: &History) -> Outcome {
        if self.line.go_row(rows) {
            return Outcome::Edited;
        }
        self.recall(rows, history)
    }

    fn recall(&mut self, rows: isize, history: &History) -> Outcome {
        let wanted = if rows < 0 { self.recalled + 1 } else { self.recalled.saturating_sub(1) };
        if wanted > history.lines().len() || wanted == self.recalled {
            return Outcome::Bell;
        }
        if self.recalled == 0 {
            self.line.text().clone_into(&mut self.typed);
        }
        self.recalled = wanted;
        let text = recalled(history, wanted).unwrap_or(&self.typed).to_owned();
        self.line.set(&text);
        Outcome::Edited
    }

    fn complete(&mut self, known: &Known) -> Outcome {
        let (start, found) = complete(self.line.text(), self.line.cursor(), known);
        if found.is_empty() {
            return Outcome::Bell;
        }
        let common = longest_common_prefix(&found).unwrap_or_default();
        let word = self.line.text().get(start..self.line.cursor()).unwrap_or_default().to_owned();
        if found.len() == 1 || common.len() > word.len() {
            self.line.replace_from(start, common);
            return Outcome::Edited;
        }
        Outcome::Offered(found.into_iter().map(|word| word.trim_end().to_owned()).collect())
    }

    /// A key that is none of searching ends the search, with the line that it has found.
    fn press_searching(&mut self, key: Key, history: &History) -> Result<Outcome, Key> {
        let Some(search) = &mut self.search else { return Err(key) };
        let from = match &key {
            Key::Ctrl('R') => search.found + 1,
            Key::Char(character) => {
                search.query.push(*character);
                search.found.max(1)
            }
            Key::Backspace => {
                search.query.pop();
                1
            }
            Key::Ctrl('G' | 'C') | Key::Escape => {
                let before = std::mem::take(&mut search.before);
                self.set(&before);
                return Ok(Outcome::Edited);
            }
            _ => {
                self.search = None;
                return Err(key);
            }
        };
        let found = (from..=history.lines().len())
            .find(|at| recalled(history, *at).is_some_and(|line| line.contains(&search.query)));
        match found.filter(|_| !search.query.is_empty()) {
            Some(found) => {
                search.found = found;
                self.line.set(recalled(history, found).unwrap_or_default());
                Ok(Outcome::Edited)
            }
            None => {
                search.found = 0;
                Ok(Outcome::Bell)
            }
        }
    }
}

/// The line so far from the end of the history; 1 is the newest.
fn recalled(history: &History, from_end: usize) -> Option<&str> {
    let at = history.lines().len().checked_sub(from_end)?;
    history.lines().get(at).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::keys::Decoder;
    use super::*;
    use crate::commands::Aliases;

    fn history(lines: &[&str]) -> History {
        let mut history = History::default();
        lines.iter().for_each(|line| history.remember(line, &Aliases::default()));
        history
    }

    /// Types, and says what came of the last key.
    fn typed(editor: &mut Editor, keys: &str, history: &History) -> Outcome {
        let known = Known { channels: ["general", "games"].map(str::to_owned).into(), ..Known::default() };
        let mut last = Outcome::Edited;
        for key in Decoder::default().feed(keys.as_bytes()) {
            last = editor.press(key, &known, history);
        }
        last
    }

    #[test]
    fn keys_do_what_they_do_elsewhere() {
        let cases = [
            ("hello\x1bbX", "Xhello"),
            ("one two\x17three", "one three"),
            ("one two\x01\x0b\x19\x19", "one twoone two"),
            ("helo\x1b[Dl", "hello"),
            ("ab\x14", "ba"),
            ("one\x1b\rtwo\x1b[A!", "one!\ntwo"),
            ("\x1b[200~a\rb\x1b[201~c", "a\nbc"),
            ("one two\x1f", "one "),
            ("word\x01\x1bu!", "WORD!"),
        ];
        for (keys, text) in cases {
            let mut editor = Editor::default();
            typed(&mut editor, keys, &History::default());
            assert_eq!(editor.text(), text, "{keys:?}");
        }
    }

    #[test]
    fn some_keys_are_for_others() {
        let cases = [
            ("hi\r", Outcome::Accepted("hi".into())),
            ("hi\x03", Outcome::Interrupted),
            ("\x04", Outcome::End),
            ("x\x18\x05", Outcome::ExternalEditor),
            ("\x1ba", Outcome::NextUnread),
            ("\x0c", Outcome::ClearScreen),
            ("\x1a", Outcome::Suspend),
            ("/join #g\t", Outcome::Offered(vec!["#games".into(), "#general".into()])),
            ("/nothing\t", Outcome::Bell),
        ];
        for (keys, outcome) in cases {
            assert_eq!(typed(&mut Editor::default(), keys, &History::default()), outcome, "{keys:?}");
        }
    }

    #[test]
    fn a_refused_line_is_typed_over_or_gone_on_with() {
        let mut history = history(&["hello"]);
        history.hold("/jion #g");
        let cases = [
            ("/who", "/who"),
            ("\x1b[200~pasted\x1b[201~", "pasted"),
            (" --to #ops", "/jion #g --to #ops"),
            ("\x7fx", "/jion #x"),
            ("\x0c!", "!"),
            ("\x1b[A", "hello"),
            ("\x1b[A\x1b[B", "/jion #g"),
            ("\x1b[B", ""),
            ("new\x1b[A", "/jion #g"),
        ];
        for (keys, text) in cases {
            let mut editor = Editor::default();
            editor.give_back("/jion #g", &history);
            typed(&mut editor, keys, &history);
            assert_eq!(editor.text(), text, "{keys:?}");
        }
    }

    #[test]
    fn tab_adds_what_all_have_in_common() {
        let mut editor = Editor::default();
        typed(&mut editor, "/join #ge\t", &History::default());
        assert_eq!(editor.text(), "/join #general ");
    }

    #[test]
    fn the_history_is_gone_through_and_what_was_typed_comes_back() {
        let history = history(&["one", "two"]);
        let mut editor = Editor::default();
        typed(&mut editor, "ha\x1b[A\x1b[A", &history);
        assert_eq!(editor.text(), "one");
        assert_eq!(typed(&mut editor, "\x1b[A", &history), Outcome::Bell);
        typed(&mut editor, "\x1b[B\x1b[B", &history);
        assert_eq!(editor.text(), "ha");
    }

    #[test]
    fn the_history_is_searched() {
        let history = history(&["/join #ops", "hello", "/join #general"]);
        let mut editor = Editor::default();
        typed(&mut editor, "ha\x12join", &history);
        assert_eq!((editor.text(), editor.search_prompt().as_deref()), ("/join #general", Some("(search: join) ")));
        typed(&mut editor, "\x12", &history);
        assert_eq!(editor.text(), "/join #ops");
        assert_eq!(typed(&mut editor, "zzz", &history), Outcome::Bell);
        typed(&mut editor, "\x07", &history);
        assert_eq!((editor.text(), editor.search_prompt()), ("ha", None));
        typed(&mut editor, "\x12ell", &history);
        assert_eq!(typed(&mut editor, "\r", &history), Outcome::Accepted("hello".into()));
    }
}
