//! How a person wants messages to look.

use crate::named::named_enum;

named_enum! {
    /// The time before a message.
    TimeFormat {
        /// `14:02`
        Minutes = "minutes",
        /// `14:02:33`
        Seconds = "seconds",
        /// Nothing.
        Nothing = "none",
    }
}

named_enum! {
    /// Which colours are used, where any may be.
    Theme {
        /// Those that can be read on dark and on light.
        Auto = "auto",
        /// Those for a dark terminal.
        Dark = "dark",
        /// Those for a light one.
        Light = "light",
        /// None.
        Nothing = "none",
    }
}

/// How messages look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The time before each.
    pub time: TimeFormat,
    /// Columns of names.
    pub name_columns: usize,
    /// Colours.
    pub theme: Theme,
}

impl Default for Look {
    fn default() -> Self {
        Self { time: TimeFormat::Minutes, name_columns: 8, theme: Theme::Auto }
    }
}

impl TimeFormat {
    pub(super) const fn pattern(self) -> &'static str {
        match self {
            Self::Minutes => "%H:%M",
            Self::Seconds => "%H:%M:%S",
            Self::Nothing => "",
        }
    }
}

impl Theme {
    /// SGR codes for names.
    pub(super) const fn name_colours(self) -> &'static [&'static str] {
        match self {
            Self::Dark => &["91", "92", "93", "94", "95", "96", "33", "36"],
            Self::Light => &["31", "32", "34", "35", "36", "33"],
            Self::Auto | Self::Nothing => &["31", "32", "33", "34", "35", "36", "91", "94", "95", "96"],
        }
    }
}
