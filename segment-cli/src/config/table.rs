//! The one table of settings, from which files, variables, `/set`, `--print-config` and the documentation are made.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use super::error::BadValue;
use crate::named::named_enum;
use crate::url::TrackerUrl;

/// A longer value is refused.
const VALUE_BYTES_MAX: usize = 1_024;

named_enum! {
    /// Everything that can be set.
    Key {
        /// The tracker to connect to.
        Tracker = "tracker",
        /// Where this peer listens.
        Bind = "bind",
        /// Where others reach it.
        Advertise = "advertise",
        /// What prints the password.
        PasswordCmd = "password_cmd",
        /// When a send is done.
        Wait = "wait",
        /// How long a script waits.
        Timeout = "timeout",
        /// How times are shown.
        Time = "time",
        /// The column of names.
        NameWidth = "name_width",
        /// Which colours.
        Theme = "theme",
        /// How a mention is announced.
        Notify = "notify",
        /// What is announced.
        NotifyWhen = "notify_when",
        /// When nobody looks.
        Away = "away",
        /// What long answers go through.
        Pager = "pager",
    }
}

/// The names of all keys.
pub const KEY_NAMES: [&str; Key::ALL.len()] = {
    let mut names = [""; Key::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Key::ALL[at].as_str();
        at += 1;
    }
    names
};

/// What a setting can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The address of a tracker.
    Url,
    /// An IP address, with or without a port.
    Listen,
    /// An IP address.
    Address,
    /// A command line.
    Command,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number of this range.
    Number {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
}

/// When a changed setting counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Now.
    AtOnce,
    /// When the program is started the next time.
    NextStart,
    /// Only read from files and flags, and never shown: it may hold a secret.
    Private,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: Key,
    /// What it can be.
    pub kind: Kind,
    /// Without any source; empty where there is none.
    pub default: &'static str,
    /// When a change counts.
    pub taken: Taken,
    /// One line.
    pub help: &'static str,
}

const fn row(key: Key, kind: Kind, default: &'static str, taken: Taken, help: &'static str) -> Setting {
    Setting { key, kind, default, taken, help }
}

/// Every setting, in the order of [`Key::ALL`].
pub const SETTINGS: &[Setting] = &[
    row(Key::Tracker, Kind::Url, "", Taken::NextStart, "the tracker to connect to; none: your own on this machine"),
    row(
        Key::Bind,
        Kind::Listen,
        "",
        Taken::NextStart,
        "where this peer listens; none: as the tracker's place suggests",
    ),
    row(
        Key::Advertise,
        Kind::Address,
        "",
        Taken::NextStart,
        "where others reach this peer; none: as the tracker sees it",
    ),
    row(Key::PasswordCmd, Kind::Command, "", Taken::Private, "a command whose first line of output is the password"),
    row(
        Key::Wait,
        Kind::Choice(&["stored", "committed"]),
        "",
        Taken::AtOnce,
        "how far a message must come before a send is done; none: stored in scripts, at the prompt at once",
    ),
    row(
        Key::Timeout,
        Kind::Number { min: 1, max: 86_400 },
        "30",
        Taken::AtOnce,
        "seconds that a script waits for an answer",
    ),
    row(
        Key::Time,
        Kind::Choice(&["minutes", "seconds", "none"]),
        "minutes",
        Taken::AtOnce,
        "the time before each message: 14:02, 14:02:33 or nothing",
    ),
    row(Key::NameWidth, Kind::Number { min: 4, max: 24 }, "8", Taken::AtOnce, "columns for the names of authors"),
    row(
        Key::Theme,
        Kind::Choice(&["auto", "dark", "light", "none"]),
        "auto",
        Taken::AtOnce,
        "colours for a dark or a light terminal, for both, or none",
    ),
    row(
        Key::Notify,
        Kind::Choice(&["auto", "bell", "osc9", "osc777", "osc99", "none"]),
        "auto",
        Taken::AtOnce,
        "how a mention is announced to who does not look; auto: as the terminal can",
    ),
    row(
        Key::NotifyWhen,
        Kind::Choice(&["mentions", "all"]),
        "mentions",
        Taken::AtOnce,
        "what is announced: messages with your name, or every message",
    ),
    row(
        Key::Away,
        Kind::Number { min: 1, max: 86_400 },
        "60",
        Taken::AtOnce,
        "seconds without a key after which you do not look, where the terminal does not say so itself",
    ),
    row(
        Key::Pager,
        Kind::Command,
        "less -FRX",
        Taken::AtOnce,
        "the command that long answers go through at a terminal; none: they are only printed",
    ),
];

impl Key {
    /// Its row of the table.
    #[must_use]
    pub const fn setting(self) -> &'static Setting {
        &SETTINGS[self as usize]
    }

    /// The variable that sets it: `SEGMENT_NAME_WIDTH`.
    #[must_use]
    pub fn variable(self) -> String {
        format!("SEGMENT_{}", self.as_str().to_uppercase())
    }

    /// Checks a value; what is returned is kept.
    ///
    /// # Errors
    /// [`BadValue`] says what can be written.
    pub fn read(self, word: &str) -> Result<String, BadValue> {
        let value = word.trim();
        match self.setting().kind.normalised(value) {
            Some(value) if value.len() <= VALUE_BYTES_MAX => Ok(value),
            _ => Err(BadValue { key: self, word: value.to_owned(), want: self.setting().kind.want(value) }),
        }
    }
}

impl Kind {
    fn normalised(self, value: &str) -> Option<String> {
        match self {
            Self::Url => value.parse::<TrackerUrl>().ok().map(|url| url.to_string()),
            Self::Listen if value.parse::<IpAddr>().is_ok() => Some(value.to_owned()),
            Self::Address => value.parse::<IpAddr>().ok().map(|address| address.to_string()),
            Self::Listen => value.parse::<SocketAddr>().ok().map(|address| address.to_string()),
            Self::Command => Some(value.to_owned()).filter(|text| !text.is_empty() && !text.contains(char::is_control)),
            Self::Choice(choices) => choices.contains(&value).then(|| value.to_owned()),
            Self::Number { min, max } => {
                let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
                let number = value.parse::<u32>().ok().filter(|number| is_plain && (min..=max).contains(number));
                number.map(|number| number.to_string())
            }
        }
    }

    fn want(self, value: &str) -> String {
        match (self, value.parse::<TrackerUrl>()) {
            (Self::Url, Err(error)) => error.to_string(),
            _ => format!("write {}", self.shown()),
        }
    }

    /// What can be written.
    #[must_use]
    pub fn shown(self) -> String {
        match self {
            Self::Url => "segment://host:port#key".to_owned(),
            Self::Listen => "an IP address, with or without a port, such as 0.0.0.0:4000".to_owned(),
            Self::Address => "an IP address, such as 192.0.2.1".to_owned(),
            Self::Command => format!("a command of at most {VALUE_BYTES_MAX} bytes"),
            Self::Choice(choices) => format!("one of: {}", choices.join(", ")),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
        }
    }
}

/// The settings as a table of Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from("| setting | can be | without it | variable | what it is |\n|---|---|---|---|---|\n");
    for Setting { key, kind, default, help, .. } in SETTINGS {
        let default = if default.is_empty() { "-".to_owned() } else { format!("`{default}`") };
        let _ = writeln!(out, "| `{key}` | {} | {default} | `{}` | {help} |", kind.shown(), key.variable());
    }
    out
}
