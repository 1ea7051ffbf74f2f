//! The terminal as it was, also where the program ends while a line is being typed.

#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Remembers the modes of the terminal; dropping it puts them back.
pub struct Restore {
    #[cfg(unix)]
    modes: Option<Termios>,
}

impl Restore {
    /// Of standard input, if it is a terminal.
    #[must_use]
    pub fn remember() -> Self {
        Self {
            #[cfg(unix)]
            modes: tcgetattr(std::io::stdin()).ok(),
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            use std::io::{IsTerminal, Write, stdin, stdout};
            let _ = tcsetattr(stdin(), OptionalActions::Now, modes);
            if stdout().is_terminal() {
                const BRACKETED_PASTE_OFF: &str = "\x1b[?2004l";
                let restore = format!("{BRACKETED_PASTE_OFF}{}", super::signals::RESTORE_TITLE);
                let _ = stdout().write_all(restore.as_bytes());
                let _ = stdout().flush();
            }
        }
    }
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Restore")
    }
}
