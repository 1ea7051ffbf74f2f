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

/// How much of the screen is drawn anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The line being typed stays below what arrives.
    Redrawn,
    /// Nothing: pipes and terminals that can only write on.
    Lines,
    /// Nothing, and there are no rules, columns or marks, which a screen reader would read out.
    Spoken,
}

/// What the terminal can show, and whose clock is used.
#[derive(Clone, Debug)]
pub struct Style {
    /// Whether colours may be used.
    pub colour: Colour,
    /// The width to wrap at; `None` leaves lines whole, for pipes and files.
    pub columns: Option<usize>,
    /// The height of the screen; `None` where there is none.
    pub rows: Option<usize>,
    /// How much of it is drawn anew.
    pub drawn: Drawn,
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
            columns: if is_terminal { size().map(|size| size.0) } else { None },
            rows: if is_terminal { size().map(|size| size.1) } else { None },
            drawn: if is_terminal && variable("TERM") != "dumb" { Drawn::Redrawn } else { Drawn::Lines },
            zone: TimeZone::system(),
            look: Look::default(),
        }
    }

    /// No colours, no wrapping, UTC.
    #[must_use]
    pub fn plain() -> Self {
        let (columns, rows, look) = (None, None, Look::default());
        Self { colour: Colour::Off, columns, rows, drawn: Drawn::Lines, zone: TimeZone::UTC, look }
    }

    /// The same after the window may have changed its size.
    #[must_use]
    pub fn resized(&self) -> Self {
        let size = self.columns.and_then(|_| size());
        Self { columns: size.map(|size| size.0), rows: size.map(|size| size.1), ..self.clone() }
    }

    /// For a screen reader: whole lines, no colours, nothing that is drawn.
    #[must_use]
    pub fn spoken(self) -> Self {
        Self { colour: Colour::Off, columns: None, rows: None, drawn: Drawn::Spoken, ..self }
    }

    /// Less important than the rest.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
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

/// Columns and rows of the terminal on standard output, if it is one and says so.
fn size() -> Option<(usize, usize)> {
    #[cfg(unix)]
    {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some((usize::from(size.ws_col), usize::from(size.ws_row))).filter(|(columns, rows)| *columns > 0 && *rows > 0)
    }
    #[cfg(not(unix))]
    None
}

/// What is less important than what stands before it, where colours are on.
pub(crate) fn dimmed(text: &str) -> String {
    format!("\x1b[2m{text}\x1b[0m")
}
