//! What the terminal can show.

use std::io::IsTerminal;
use std::{env, io};

use jiff::tz::TimeZone;

use super::{Look, Theme};

/// Whether colours may be used. They are never the only sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// ANSI colours.
    On,
    /// No escape sequence at all.
    Off,
}

/// What the terminal can show, and whose clock is used.
#[derive(Clone, Debug)]
pub struct Style {
    /// Whether colours may be used.
    pub colour: Colour,
    /// The width to wrap at; `None` leaves lines whole, for pipes and files.
    pub columns: Option<usize>,
    /// The zone of the times shown.
    pub zone: TimeZone,
    /// As the person likes it.
    pub look: Look,
}

impl Default for Style {
    fn default() -> Self {
        Self::plain()
    }
}

impl Style {
    /// That of standard output.
    #[must_use]
    pub fn detect() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let variable = |name| env::var(name).unwrap_or_default();
        Self {
            colour: Colour::decide(is_terminal, &variable("NO_COLOR"), &variable("TERM")),
            columns: if is_terminal { columns() } else { None },
            zone: TimeZone::system(),
            look: Look::default(),
        }
    }

    /// No colours, no wrapping, UTC.
    #[must_use]
    pub fn plain() -> Self {
        Self { colour: Colour::Off, columns: None, zone: TimeZone::UTC, look: Look::default() }
    }

    /// The same after the window may have changed its size.
    #[must_use]
    pub fn resized(&self) -> Self {
        Self { columns: self.columns.and_then(|_| columns()), ..self.clone() }
    }

    /// Whether colours are used: they may be, and the person wants them.
    #[must_use]
    pub fn colour(&self) -> Colour {
        match self.look.theme {
            Theme::Nothing => Colour::Off,
            _ => self.colour,
        }
    }

    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        match self.colour() {
            Colour::On if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

impl Colour {
    /// By the conventions of `NO_COLOR` and `TERM=dumb`.
    #[must_use]
    pub fn decide(is_terminal: bool, no_color: &str, term: &str) -> Self {
        match is_terminal && no_color.is_empty() && term != "dumb" {
            true => Self::On,
            false => Self::Off,
        }
    }
}

/// The width of the terminal on standard output, if it is one and says so.
fn columns() -> Option<usize> {
    #[cfg(unix)]
    {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }
    #[cfg(not(unix))]
    None
}
