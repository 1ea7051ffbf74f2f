//! Taking a typed text off the screen: it is shown again as the message that it has become.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::render::width;

/// Nothing is printed between the Enter key and the moment at which the typed line is gone:
/// what stood there by then would be wiped in its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Pause(Arc<(Mutex<bool>, std::sync::Condvar)>);

impl Pause {
    /// Holds the printer back. Not while it prints: then the typed line stays.
    pub fn begin(&self) {
        match self.0.0.try_lock() {
            Ok(mut paused) => *paused = true,
            Err(TryLockError::Poisoned(poisoned)) => *poisoned.into_inner() = true,
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Lets the printer go on. Says whether it was held back.
    pub fn end(&self) -> bool {
        let was_paused = std::mem::take(&mut *self.lock());
        self.0.1.notify_all();
        was_paused
    }

    pub fn is_on(&self) -> bool {
        *self.lock()
    }

    /// For the printer: waits for the end of a pause; none begins while the guard is held.
    pub fn pass(&self) -> MutexGuard<'_, bool> {
        let paused = self.lock();
        self.0.1.wait_while(paused, |paused| *paused).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wipes the rows that a prompt and the text behind it have taken. The cursor stands below them.
pub(super) fn wipe(prompt: &str, text: &str, columns: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "\x1b[{}A\r\x1b[J", rows(prompt, text, columns))?;
    out.flush()
}

/// As the editor lays them out: a wide character that does not fit goes to the next row, and a full row is followed by
/// an empty one.
fn rows(prompt: &str, text: &str, columns: usize) -> usize {
    let (mut row, mut column) = (1, 0);
    for character in prompt.chars().chain(text.chars()) {
        let wide = width(character.encode_utf8(&mut [0; 4]));
        column += wide;
        if column > columns {
            (row, column) = (row + 1, wide);
        }
    }
    if column == columns { row + 1 } else { row }
}

/// Whether a line is a text for the current channel, in characters whose rows can be counted.
pub(super) fn is_wiped(line: &str) -> bool {
    let is_text =
        !line.trim().is_empty() && (!line.trim_start().starts_with('/') || line.trim_start().starts_with("//"));
    let is_simple = |c: char| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}');
    is_text && line.chars().all(is_simple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_the_editor_fills_them() {
        let cases = [
            ("> ", "", 1),
            ("> ", "12345678", 2),
            ("> ", "1234567", 1),
            ("> ", "123456789", 2),
            ("> ", "世界世界世", 2),
        ];
        for (prompt, text, wanted) in cases {
            assert_eq!(rows(prompt, text, 10), wanted, "{text}");
        }
        assert_eq!(rows("> ", "1234567世", 10), 2, "half of a wide character fits nowhere");
    }

    #[test]
    fn only_texts_are_wiped() {
        let cases =
            [("hello", true), ("  hello", true), ("//shrug", true), ("/join #a", false), (" ", false), ("a\tb", false)];
        for (line, wanted) in cases {
            assert_eq!(is_wiped(line), wanted, "{line:?}");
        }
    }

    #[test]
    fn a_pause_begins_only_while_nothing_is_printed() {
        let pause = Pause::default();
        let printing = pause.pass();
        pause.begin();
        drop(printing);
        assert!(!pause.is_on() && !pause.end());
        pause.begin();
        assert!(pause.is_on() && pause.end());
        drop(pause.pass());
    }
}
