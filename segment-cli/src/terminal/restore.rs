//! The terminal as it was, also where the program ends while a line is being typed.

#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::render::Drawn;

/// Remembers the modes of the terminal; dropping it puts them back.
pub struct Restore {
    #[cfg(unix)]
    modes: Option<Termios>,
    drawn: Drawn,
}

impl Restore {
    /// Of standard input, if it is a terminal.
    #[must_use]
    pub fn remember(drawn: Drawn) -> Self {
        Self {
            #[cfg(unix)]
            modes: tcgetattr(std::io::stdin()).ok(),
            drawn,
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        #[cfg(unix)]
        segment_media::screen::restore();
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
            if self.drawn == Drawn::Redrawn {
                let _ = super::tty::write(super::signals::RESTORE_TITLE);
            }
        }
    }
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Restore")
    }
}
