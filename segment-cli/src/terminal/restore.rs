//! The terminal as it was, also where the program ends while a line is being typed.

#[cfg(unix)]
use std::panic;
#[cfg(unix)]
use std::sync::Once;

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
        #[cfg(unix)]
        restore_before_complaints();
        Self {
            #[cfg(unix)]
            modes: tcgetattr(std::io::stdin()).ok(),
            drawn,
        }
    }
}

/// What a program says when it breaks is to be seen: the other screen, which a picture has, would take it away.
#[cfg(unix)]
fn restore_before_complaints() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let complain = panic::take_hook();
        panic::set_hook(Box::new(move |reason| {
            segment_media::screen::restore();
            complain(reason);
        }));
    });
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
